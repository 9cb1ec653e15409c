//! Traces: what real systems exported, as transactions to be replayed.
//!
//! A trace is NDJSON: FHIR resources as Bulk Data exports have them, or EPCIS 2.0 events, one on each line. Resource types
//! and business steps become kinds ([`fhir`], [`epcis`] hold the tables), references become the patient, the case and the
//! hospital that a call is about, and the bytes of the line are what its anchor commits to. Nothing is read here: bytes come in, a [`Trace`]
//! goes out, and whatever the bytes are, nothing panics.
//!
//! Lines of a folder refer to each other, so a trace is put together in two steps: each line by itself ([`parse`]), then
//! what a line takes from others: the hospital and the time of its encounter, the time of the plan that names a goal.

mod assemble;
mod epcis;
mod fhir;
mod json;
mod moment;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use super::{Category, Purpose};

pub use assemble::TraceBuilder;
pub use json::Name;
pub(super) use moment::DAY_US;
pub use moment::Moment;

/// Why a line is no transaction, though it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// The bytes are no JSON.
    #[error("no JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("no JSON object")]
    NotObject,
    /// Neither a FHIR resource nor an EPCIS event.
    #[error("neither a `resourceType` of FHIR nor a `type` of EPCIS")]
    NoType,
    /// FHIR R4 has no such resource, EPCIS 2.0 no such event.
    #[error("unknown type `{0}`")]
    UnknownType(String),
    /// It has no id that others could refer to it by.
    #[error("`{0}` without an id")]
    NoId(String),
    /// It says nothing of when, and nothing that refers to it does.
    #[error("`{0}` without a time")]
    NoTime(String),
    /// What it says is no time.
    #[error("`{field}` is no time: `{value}`")]
    BadTime {
        /// Which field.
        field: String,
        /// What it has.
        value: String,
    },
    /// It is about nobody.
    #[error("`{0}` without a patient")]
    NoPatient(String),
    /// More bytes than a transaction can state.
    #[error("longer than 1 GiB")]
    TooLong,
}

/// A line that is malformed, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.flaw)
    }
}

/// What one line says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// `family.verb` of the taxonomy.
    pub kind: &'static str,
    /// Its type, for messages.
    pub resource: String,
    /// When it happened.
    pub at: Option<Moment>,
    /// Its own name.
    pub id: Name,
    /// Names the matter that it belongs to: its claim, prescription or pack, or itself.
    pub case: Name,
    /// Whom it is about; events of packs are about nobody.
    pub patient: Option<Name>,
    /// The organisation that signs it.
    pub provider: Option<Name>,
    /// A person who stands for the organisation where none is named.
    pub person: Option<Name>,
    /// The encounter that it belongs to.
    pub encounter: Option<Name>,
    /// Whom a consent is for.
    pub grantee: Option<Name>,
    /// What data are used for.
    pub purpose: Purpose,
    /// The class of data.
    pub category: Category,
    /// Others that take its time where they have none.
    pub dates: Vec<Name>,
}

/// The longest line: what a transaction takes on the ledger must be stated in 32 bits.
const LONGEST: usize = 1 << 30;

/// Reads one line: a transaction, nothing (reference data, steps that no kind stands for), or what is wrong with it.
pub fn parse(line: &[u8]) -> Result<Option<Parsed>, Flaw> {
    if line.len() > LONGEST {
        return Err(Flaw::TooLong);
    }
    let value: Value = serde_json::from_slice(line).map_err(|error| Flaw::NotJson(error.to_string()))?;
    if !value.is_object() {
        return Err(Flaw::NotObject);
    }
    match (json::text(&value, "resourceType"), json::text(&value, "type")) {
        (Some(resource), _) => fhir::read(resource, &value),
        (None, Some(event)) => epcis::read(event, &value),
        (None, None) => Err(Flaw::NoType),
    }
}

/// One transaction of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When it happened.
    pub at: Moment,
    /// Its kind, in the taxonomy.
    pub kind: u8,
    /// What data are used for.
    pub purpose: Purpose,
    /// The class of data.
    pub category: Category,
    /// Whom it is about, by number among the trace's patients.
    pub patient: Option<u32>,
    /// Who signs it, by number among the trace's providers.
    pub provider: u32,
    /// Who keeps the patient's records: the signer, or of looks at data the first provider that made one.
    pub keeper: u32,
    /// Whom a consent is for.
    pub grantee: Option<u32>,
    /// The matter that it belongs to.
    pub case: Name,
    /// Its file.
    pub file: u32,
    /// Its bytes there, without the end of the line.
    pub text: Range<usize>,
}

const _: () = assert!(size_of::<TraceEntry>() <= 64, "traces of millions of lines are held in memory");

/// What a trace's lines were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// Lines that are malformed.
    pub malformed: u64,
    /// Reference data and steps that no kind stands for.
    pub reference: u64,
}

/// A trace, in order of time, then file, then line. It holds its files' bytes, since replaying hashes them,
/// and 64 bytes for each entry.
#[derive(Debug)]
pub struct Trace {
    /// The files' bytes.
    pub files: Vec<Arc<[u8]>>,
    /// The transactions.
    pub entries: Vec<TraceEntry>,
    /// How many patients they are about.
    pub patients: u32,
    /// How many providers sign them, keep records or are granted consents.
    pub providers: u32,
    /// What the other lines were.
    pub counts: TraceCounts,
    /// The first malformed lines, by file and line.
    pub malformed: Vec<Malformed>,
}

impl Trace {
    /// The bytes of an entry.
    pub fn text(&self, entry: &TraceEntry) -> &[u8] {
        &self.files[entry.file as usize][entry.text.clone()]
    }
}
