//! What an audit finds wrong.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::base::HospitalId;
use crate::experiment::ledger::Inclusion;
use crate::health::Patient;
use crate::ledger::TxNumber;

/// Why an audit does not pass.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A line is none that this tool writes.
    #[error("line {line}, column {column}{}: {what}", within(*near))]
    Malformed {
        /// Which, from 1 on.
        line: u64,
        /// Where in it, bytes from 1 on.
        column: usize,
        /// The number of the transaction in which that is.
        near: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// The lines do not hang together.
    #[error("{0}")]
    Broken(Box<Breach>),
}

fn within(near: Option<u64>) -> String {
    near.map_or_else(String::new, |number| format!(", in transaction {number}"))
}

impl From<Box<Breach>> for AuditError {
    fn from(breach: Box<Breach>) -> AuditError {
        AuditError::Broken(breach)
    }
}

/// What does not hang together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The line, from 1 on.
    pub line: u64,
    /// The block's height, where it is in one.
    pub height: Option<u64>,
    /// The transaction, where it can be told.
    pub suspect: Option<Suspect>,
    /// What is wrong.
    pub what: String,
}

/// A transaction that was altered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Its number.
    pub number: TxNumber,
    /// Who submitted it.
    pub hospital: HospitalId,
    /// Its kind's name.
    pub kind: String,
    /// Whom it is about, where its body names somebody.
    pub patient: Option<Patient>,
    /// That the block holds another transaction in this place, or the same with another body, where its header is whole.
    pub committed: Option<Inclusion>,
}

impl Breach {
    /// Of a line that is no block's.
    pub(super) fn of_line(line: u64, what: &str) -> Box<Breach> {
        Box::new(Breach { line, height: None, suspect: None, what: what.into() })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.height.map_or(Ok(()), |height| write!(f, ", block {height}"))?;
        if let Some(Suspect { number, hospital, kind, patient, .. }) = &self.suspect {
            write!(f, ", transaction {} ({kind} of hospital {}", number.0, hospital.0)?;
            let about = |patient: &Patient| write!(f, ", patient {}:{}", patient.home.0, patient.number);
            patient.as_ref().map_or(Ok(()), about)?;
            f.write_str(")")?;
        }
        write!(f, ": {}", self.what)?;
        if let Some(committed) = self.suspect.as_ref().and_then(|suspect| suspect.committed.as_ref()) {
            let Inclusion { leaf, index, count, root, siblings } = committed;
            let (nth, hashes) = (index + 1, siblings.len());
            write!(f, "; proved: {leaf} is leaf {nth} of {count} under root {root} ({hashes} hashes)")?;
        }
        Ok(())
    }
}
