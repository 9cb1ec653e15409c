//! What a design uses and what it stands, as results keep it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::Usage;
use crate::ledger::{Committee, FaultModel};
use crate::scenario::Scenario;

/// What replicas used in the window, all together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageSummary {
    /// The window, s.
    pub window_s: f64,
    /// Cores of each replica.
    pub cores: u32,
    /// Work of protocol cores, core-seconds.
    pub protocol_core_s: f64,
    /// Work of cores that verify and hash, core-seconds.
    pub crypto_core_s: f64,
    /// Work of cores that execute, core-seconds.
    pub execution_core_s: f64,
    /// Left replicas' NICs, to each other and to hospitals.
    pub egress_bytes: u64,
    /// One copy of the ledger grew by that: contents, headers, and the signatures that commit them.
    pub ledger_bytes: u64,
    /// The ledgers of all replicas grew by that.
    pub ledger_copies_bytes: u64,
    /// `ledger_bytes` for each transaction committed in the window.
    pub ledger_bytes_per_tx: f64,
}

impl UsageSummary {
    /// How many copies of the ledger there are, by bytes: one at each replica of a shard, fewer of contents that stay with
    /// their gateway.
    pub fn copies(&self) -> f64 {
        self.ledger_copies_bytes as f64 / self.ledger_bytes.max(1) as f64
    }

    /// Work of all cores, core-seconds.
    pub fn busy_core_s(&self) -> f64 {
        self.protocol_core_s + self.crypto_core_s + self.execution_core_s
    }

    /// What the cores of so many replicas had to give in the window, core-seconds.
    pub fn core_s(&self, replicas: u32) -> f64 {
        f64::from(replicas) * f64::from(self.cores) * self.window_s
    }

    pub(super) fn of(usage: &Usage, window_s: f64, committed: f64) -> UsageSummary {
        UsageSummary {
            window_s,
            cores: usage.cores,
            protocol_core_s: usage.protocol.as_secs_f64(),
            crypto_core_s: usage.crypto.as_secs_f64(),
            execution_core_s: usage.execution.as_secs_f64(),
            egress_bytes: usage.egress.0,
            ledger_bytes: usage.ledger.0,
            ledger_copies_bytes: usage.copies.0,
            ledger_bytes_per_tx: usage.ledger.0 as f64 / committed,
        }
    }
}

/// Which faults a design stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandsSummary {
    /// `byzantine`, `crash` or `none`.
    pub faults: String,
    /// Faulty replicas that every committee stands: where there are shards, the least of any.
    pub replicas: u32,
    /// Replicas of that committee.
    pub of: u32,
}

impl StandsSummary {
    pub(super) fn of(scenario: &Scenario, committees: &[Committee]) -> StandsSummary {
        let tolerates = scenario.file.protocols.promises(scenario.file.consensus.protocol).tolerates;
        let weakest = committees.iter().min_by_key(|committee| tolerates.tolerated(committee));
        let weakest = weakest.expect("a run has a committee");
        let faults = match tolerates {
            FaultModel::None => "none",
            FaultModel::Crash => "crash",
            FaultModel::Byzantine => "byzantine",
        };
        StandsSummary { faults: faults.into(), replicas: tolerates.tolerated(weakest), of: weakest.len() }
    }
}
