//! How much memory a point takes, told before it is run.
//!
//! A run keeps what it must never forget: the ids that execution refuses to execute again and the judges' tables, some
//! hundred bytes for each transaction of the run, whoever holds it in a mempool or a batch meanwhile. Machines have
//! tables and histograms, and every pair of replicas connections.

use crate::engine::ProtocolKind;
use crate::scenario::{AUTO_ARRIVALS_PER_S, Dissemination, Scenario, Weight, WorldData};

use super::plan::Planned;

/// The process, its tables and code, bytes. Measured: 26 MB with 4 replicas and next to no load, and 8 MB more where the
/// compiler did not optimise.
const BASE_BYTES: u64 = 48_000_000;
/// A replica. Measured: 110 to 190 kB.
const REPLICA_BYTES: u64 = 256_000;
/// A connection between two replicas, and what delivers on it.
const PAIR_BYTES: u64 = 48;
/// As much more where replicas weave a DAG, whose blocks link to one of each replica. Measured: 2 to 6 kB.
const DAG_PAIR_BYTES: u64 = 6_000;
/// A transaction of the run. Measured: 330 to 390 bytes, overloaded or not.
const TRANSACTION_BYTES: f64 = 512.0;
impl Planned {
    /// Memory that simulating it takes, bytes: at most, but for surges.
    pub fn memory_bytes(&self) -> u64 {
        self.bytes(transactions(&self.scenario, &self.world))
    }

    /// Memory that a search for its limit takes, bytes: that of a probe of 200,000 transactions/s, below which searches
    /// mostly end, or of the largest that there may be.
    pub fn search_memory_bytes(&self) -> u64 {
        let keys = &self.scenario.file.limit;
        let most = keys.to_tps.min(AUTO_ARRIVALS_PER_S);
        self.bytes(arrivals_per_s(most, self.scenario.file.run.weight) * (keys.warm_up_s + keys.window_s))
    }

    fn bytes(&self, transactions: f64) -> u64 {
        let file = &self.scenario.file;
        let replicas = u64::from(file.consensus.replicas);
        let woven = file.layer() == Dissemination::Certified || file.consensus.protocol == ProtocolKind::Mysticeti;
        let pair = PAIR_BYTES * (1 + u64::from(file.certified.workers)) + if woven { DAG_PAIR_BYTES } else { 0 };
        BASE_BYTES + REPLICA_BYTES * replicas + pair * replicas * replicas + (transactions * TRANSACTION_BYTES) as u64
    }
}

/// Transactions that are simulated.
fn transactions(scenario: &Scenario, world: &WorldData) -> f64 {
    let file = &scenario.file;
    if let Some(trace) = &world.trace {
        return trace.entries.len() as f64 * f64::from(file.workload.copies);
    }
    let load = || world.world_tps(file.world.hour_of_week) * file.world.scale + file.world.extra.values().sum::<f64>();
    let tps = file.world.load_tps.unwrap_or_else(load);
    arrivals_per_s(tps, file.run.weight) * (file.run.warm_up_s + file.run.window_s)
}

/// Arrivals that are simulated for so many transactions/s.
fn arrivals_per_s(tps: f64, weight: Weight) -> f64 {
    match weight {
        Weight::Fixed(weight) => tps / f64::from(weight),
        Weight::Auto(_) => tps.min(AUTO_ARRIVALS_PER_S),
    }
}
