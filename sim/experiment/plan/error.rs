//! Why there is no plan.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::experiment::grid::{GridError, LOAD_KEY};
use crate::scenario::ScenarioError;

/// Why there is no plan. Each message is one line.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The scenario is none, or one of its points is none.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// What is varied is no grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// Loads are for the world's load.
    #[error("--load sets the world's load, and a trace has its own: leave out workload.trace, or vary workload.copies")]
    TracedLoad,
    /// TOML has no such number.
    #[error("there are not that many seeds after {0}")]
    SeedRange(u64),
    /// Two points have the same inputs.
    #[error("two points are one and the same run: `{first}` and `{second}`; vary less, or other seeds")]
    Same {
        /// Overrides of the first.
        first: String,
        /// Overrides of the second.
        second: String,
    },
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no plan.
    #[error("{}:{line}: {what}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1 on.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Another build made the plan.
    #[error("the plan is of systole {theirs}, and this is {ours}: results of two builds are not mixed; plan again")]
    OtherBuild {
        /// The build that made the plan.
        theirs: String,
        /// This one.
        ours: String,
    },
    /// The inputs of a point are not those that were planned.
    #[error(
        "the point {planned} would be {found} here: its data or costs have changed since it was planned; plan again"
    )]
    Changed {
        /// Its name in the plan.
        planned: String,
        /// Its name under the data of this machine.
        found: String,
    },
    /// There is no such point.
    #[error("the plan has no point `{id}`; it has {points}, numbered from 0 on")]
    Unknown {
        /// What was asked for.
        id: String,
        /// How many there are.
        points: usize,
    },
}

impl PlanError {
    /// An override of a cell that makes it no scenario is named as it was varied. What is wrong without the cell, too,
    /// is told without it.
    pub(super) fn of_cell(error: ScenarioError, cell: &[(String, String)]) -> PlanError {
        let ScenarioError::Invalid { place, .. } = &error else { return PlanError::Scenario(error) };
        match cell.iter().any(|(key, value)| *place == format!("--set {key}={value}")) {
            true => PlanError::at(error, cell),
            false => PlanError::Scenario(error),
        }
    }

    /// What the data say against one cell names the variation that brought it about.
    pub(super) fn at(error: ScenarioError, cell: &[(String, String)]) -> PlanError {
        let ScenarioError::Invalid { place, what, hint } = error else { return PlanError::Scenario(error) };
        let flag = |(key, value): &(String, String)| match key.as_str() {
            LOAD_KEY => format!("--load {value}"),
            _ => format!("--vary {key}={value}"),
        };
        let named = cell.iter().find(|(key, value)| place == format!("--set {key}={value}"));
        let flags = |but: Option<&(String, String)>| {
            let others = cell.iter().filter(|pair| Some(*pair) != but);
            others.map(flag).collect::<Vec<_>>().join(" ")
        };
        let others = flags(named);
        let place = match (named, others.is_empty()) {
            (Some(named), true) => flag(named),
            (Some(named), false) => format!("{} (with {others})", flag(named)),
            (None, true) => place,
            (None, false) => format!("{place} (with {others})"),
        };
        PlanError::Scenario(ScenarioError::Invalid { place, what, hint })
    }
}
