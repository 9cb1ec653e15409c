//! Traces: what real systems exported, as transactions to be replayed.
//!
//! A trace is NDJSON: FHIR resources as Bulk Data exports have them, or EPCIS 2.0 events, one on each line. Resource types
//! and business steps become kinds ([`fhir`], [`epcis`] hold the tables), references become the patient, the case, the
//! things and the hospital that a call is about, and the bytes of the line are what its anchor commits to. An event is a
//! transaction for each thing that it names, and a payer's answer one of the patient's before the payer's own. Nothing is
//! read here: bytes come in, a [`Trace`] goes out, and whatever the bytes are, nothing panics.
//!
//! Lines of a folder refer to each other, so a trace is put together in two steps: each line by itself ([`parse`]), then
//! what a line takes from others: the hospital and the time of its encounter, the time of the plan that names a goal, who
//! has a thing ([`custody`]).

mod assemble;
mod custody;
mod epc;
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
pub use custody::{Origin, Thing};
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
    /// It is about no thing.
    #[error("`{0}` names no thing")]
    NoThing(String),
    /// It is about more things than one event may be.
    #[error("about {things} things; {most} is the most")]
    TooMany {
        /// How many.
        things: usize,
        /// How many may be.
        most: usize,
    },
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

/// One transaction of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `family.verb` of the taxonomy.
    pub kind: &'static str,
    /// What of an event's things it is about.
    pub goods: Option<Goods>,
}

/// A thing that something is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goods {
    /// What.
    pub thing: Name,
    /// What it goes into, or becomes.
    pub into: Option<Name>,
    /// The lot that it is of.
    pub lot: Option<Name>,
}

/// What one line says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Its transactions, in order; at least one.
    pub steps: Vec<Step>,
    /// Its type, for messages.
    pub resource: String,
    /// When it happened.
    pub at: Option<Moment>,
    /// Its own name.
    pub id: Name,
    /// Names the matter that it belongs to: its claim or prescription, or itself.
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
    /// Where a shipment goes.
    pub to: Option<Name>,
    /// What data are used for.
    pub purpose: Purpose,
    /// The class of data.
    pub category: Category,
    /// Others that take its time where they have none.
    pub dates: Vec<Name>,
}

/// The longest line: what a transaction takes on the ledger must be stated in 32 bits.
const LONGEST: usize = 1 << 30;

/// Reads one line: transactions, nothing (reference data, steps that no kind stands for), or what is wrong with it.
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

/// Whom or what a transaction of a trace is about, by numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// One of the trace's patients.
    Patient {
        /// Which.
        patient: u32,
        /// The provider that keeps the patient's records: the signer, or of looks at data the first that made one, or of
        /// answers to a claim who submitted it.
        keeper: u32,
        /// The provider that a consent is for.
        grantee: Option<u32>,
    },
    /// One of the trace's things.
    Goods {
        /// Which.
        thing: u32,
        /// The thing that it goes into, or becomes.
        into: Option<u32>,
        /// The provider that it is shipped to.
        to: u32,
    },
    /// Nobody, and nothing that a contract looks at.
    Nobody,
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
    /// Who signs it, by number among the trace's providers.
    pub provider: u32,
    /// How many stages after its line's instant it is submitted: what one signs on the strength of what another does
    /// would come before that as often as not.
    pub stage: u8,
    /// Whom or what it is about.
    pub about: About,
    /// The matter that it belongs to.
    pub case: Name,
    /// Its file.
    pub file: u32,
    /// Its bytes there, without the end of the line.
    pub text: Range<usize>,
}

const _: () = assert!(size_of::<TraceEntry>() <= 64, "traces of millions of lines are held in memory");

impl TraceEntry {
    /// Whether both are of one line.
    pub fn is_of_line(&self, other: &TraceEntry) -> bool {
        (self.file, self.text.start) == (other.file, other.text.start)
    }
}

/// What a trace's lines were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// Lines that are malformed.
    pub malformed: u64,
    /// Reference data and steps that no kind stands for.
    pub reference: u64,
    /// Lines that are transactions: one or more each.
    pub told: u64,
}

/// A trace, in order of time, then file, then line. It holds its files' bytes, since replaying hashes them,
/// 64 bytes for each entry and 24 for each thing.
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
    /// The things that they are about.
    pub things: Vec<Thing>,
    /// How many lots of these have a name.
    pub lots: u32,
    /// What the lines were.
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
