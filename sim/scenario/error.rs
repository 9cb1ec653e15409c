//! What is wrong with a scenario: where, what, and what to do.

use std::path::PathBuf;

use thiserror::Error;

use crate::crypto::CostError;
use crate::health::Malformed;

/// Why there is no scenario. Each message is one line that names the place.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is no scenario.
    #[error("{place}: {what}{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    Invalid {
        /// `file:line:column`, or the override.
        place: String,
        /// What is wrong.
        what: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A data file is no table of its kind.
    #[error("{}: {source}", path.display())]
    BadTable {
        /// Which file.
        path: PathBuf,
        /// The row and column.
        source: csv::Error,
    },
    /// A data file lacks something that another file speaks of.
    #[error("{}: {what}", path.display())]
    Inconsistent {
        /// Which file.
        path: PathBuf,
        /// What it lacks.
        what: String,
    },
    /// A trace has lines that are none, and that is not put up with.
    #[error("{first}; {count} such in all")]
    BadTrace {
        /// The first of them.
        first: Malformed,
        /// How many there are.
        count: u64,
    },
    /// The cost table is none.
    #[error("{}: {source}", path.display())]
    BadCosts {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: CostError,
    },
}
