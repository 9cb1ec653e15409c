//! Why the gate gives no verdict.

use std::path::PathBuf;

use thiserror::Error;

use crate::engine::RunError;
use crate::experiment::StoreError;
use crate::scenario::ScenarioError;

/// Why there is no verdict. Each message is one line.
#[derive(Debug, Error)]
pub enum RegressError {
    /// There is nothing to compare with.
    #[error("{}: there is no baseline; the same command with --bless makes one", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no baseline.
    #[error("{}: no baseline: {what}; take it back from version control, or delete it and --bless", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// The file is of another version of this tool.
    #[error(
        "{}: of schema {found}, and this build compares schema {known}; --bless writes its cases anew",
        path.display()
    )]
    Schema {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version of this build.
        known: u32,
    },
    /// A case is no scenario.
    #[error("case `{case}`: {source}")]
    Scenario {
        /// Which case.
        case: String,
        /// What is wrong.
        source: Box<ScenarioError>,
    },
    /// A case has no outcome.
    #[error("case `{case}`: {source}")]
    Run {
        /// Its number.
        nth: usize,
        /// Which case.
        case: String,
        /// Why.
        source: Box<RunError>,
    },
    /// A case differs from itself.
    #[error("case `{case}`: two runs of the same inputs differ, in {what}: something other than the inputs decides")]
    Unsteady {
        /// Which case.
        case: String,
        /// In what.
        what: String,
    },
    /// What is to be spoilt is no metric.
    #[error("--inject {name}: no metric has that name or begins so; there are {}", known.join(", "))]
    NoSuchMetric {
        /// What was named.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The baseline or the verdict cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
