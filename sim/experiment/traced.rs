//! The part of a summary that says what became of a trace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::WorldData;

use super::Point;

/// What became of a trace's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceSummary {
    /// Lines that are transactions, one or more each.
    #[serde(default)]
    pub lines: u64,
    /// Transactions of one copy.
    pub entries: u64,
    /// Transactions submitted: entries of all copies.
    pub replayed: u64,
    /// Lines that are malformed, and left out.
    pub malformed: u64,
    /// The first of them: file, line, and what is wrong.
    pub first_malformed: Vec<String>,
    /// Lines that are no transactions: reference data, and steps that no kind stands for.
    pub reference_resources: u64,
    /// Entries of all copies that hospitals stop before.
    pub not_replayed: u64,
}

impl TraceSummary {
    /// Of a point that replayed a trace.
    pub(super) fn of(world: &WorldData, point: &Point) -> Option<TraceSummary> {
        let (trace, table) = (world.trace.as_ref()?, point.setup.replay.as_ref()?);
        Some(TraceSummary {
            lines: trace.counts.told,
            entries: trace.entries.len() as u64,
            replayed: table.due.len() as u64,
            malformed: trace.counts.malformed,
            first_malformed: trace.malformed.iter().map(|line| line.to_string()).collect(),
            reference_resources: trace.counts.reference,
            not_replayed: table.not_replayed,
        })
    }
}
