//! How a command ends when it does not end well: one clear line, and the exit code that CI reads.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::crypto::CostError;
use crate::engine::RunError;
use crate::experiment::{CompareError, PlanError, StoreError, StoredError};
use crate::report::{ExportError, ReportError};
use crate::scenario::ScenarioError;

use super::args::ScenarioArgs;

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something went wrong outside the scenario.
    Runtime(String),
    /// What is asked for cannot be.
    Usage(String),
    /// Something is not as it was blessed.
    Regression(String),
    /// A protocol broke a promise.
    Broken(String),
    /// Ctrl-C; what was done until then is printed.
    Interrupted(String),
    /// The scenario is not one.
    Scenario(ScenarioError),
    /// The run did not end.
    Run(RunError, Replay),
    /// A threshold did not hold; the results are kept.
    Slo(Vec<String>),
}

/// How to see a violation again.
#[derive(Debug)]
pub(super) struct Replay {
    pub scenario: PathBuf,
    pub settings: Vec<String>,
}

impl Replay {
    /// Of a run of the scenario as it was asked for.
    pub fn of(asked: &ScenarioArgs) -> Replay {
        Replay { scenario: asked.path.clone(), settings: asked.overrides.settings.clone() }
    }

    fn command(&self) -> String {
        let settings: String = self.settings.iter().map(|setting| format!(" --set '{setting}'")).collect();
        format!("systole run {}{settings} --modelled", self.scenario.display())
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Failure {
        Failure::Scenario(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Runtime(error.to_string())
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        match error {
            PlanError::Io { .. } => Failure::Runtime(error.to_string()),
            _ => Failure::Usage(error.to_string()),
        }
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Failure {
        match error {
            CompareError::Store(_) | CompareError::CorruptPlan(_) | CompareError::Incomplete { .. } => {
                Failure::Runtime(error.to_string())
            }
            _ => Failure::Usage(error.to_string()),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Failure {
        match error {
            ReportError::NoResults { .. } => Failure::Usage(error.to_string()),
            _ => Failure::Runtime(error.to_string()),
        }
    }
}

impl From<StoredError> for Failure {
    fn from(error: StoredError) -> Failure {
        match error {
            StoredError::NoResults(_) => Failure::Usage(error.to_string()),
            _ => Failure::Runtime(error.to_string()),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Failure {
        match error {
            ExportError::Report(error) => error.into(),
            _ => Failure::Usage(error.to_string()),
        }
    }
}

impl From<CostError> for Failure {
    fn from(error: CostError) -> Failure {
        Failure::Runtime(error.to_string())
    }
}

impl Failure {
    /// Says what went wrong on standard error and returns the exit code.
    pub fn report(self) -> ExitCode {
        let (code, message) = match self {
            Failure::Runtime(message) => (1, message),
            Failure::Usage(message) => (2, message),
            Failure::Regression(message) => (3, message),
            Failure::Broken(message) => (5, message),
            Failure::Interrupted(message) => (130, message),
            Failure::Scenario(error) => (2, error.to_string()),
            Failure::Slo(thresholds) => (4, format!("not met: {}", thresholds.join(", "))),
            Failure::Run(RunError::Unsafe { at, violation }, replay) => (
                5,
                format!("safety violated at {at:?} of virtual time: {violation}\nsee it again: {}", replay.command()),
            ),
            Failure::Run(error @ RunError::Interrupted(_), _) => (130, error.to_string()),
        };
        eprintln!("systole: {message}");
        ExitCode::from(code)
    }
}
