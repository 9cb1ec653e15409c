//! What came of a run: all of it virtual, so all of it the same on every host.

use crate::base::{Digest, Time};
use crate::health::Totals;
use crate::ledger::Rejection;
use crate::metrics::{Latencies, LatencyHistogram, Series, Service, UtilisationTable};

use super::archive::Archive;
use super::contracts::ContractOutcome;
use super::settle::CrossOutcome;
use super::state::StateProof;
use super::usage::Usage;

/// Counts of the measured window, in transactions with their weight, unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submitted in the window by hospitals; forgeries and replays are attackers' and not counted.
    pub offered: u64,
    /// First committed in the window.
    pub committed: u64,
    /// Submitted in the window, authentic, in effect once, with a receipt within the deadline.
    pub good: u64,
    /// Submitted over the whole run, attackers' copies included.
    pub submitted_total: u64,
    /// In effect over the whole run.
    pub in_effect_total: u64,
    /// Neither in effect nor refused at the end.
    pub pending_total: u64,
    /// Refused over the whole run, by [`Rejection`].
    pub rejected_total: [u64; Rejection::ALL.len()],
    /// Batches refused because their contents did not hash to their id.
    pub tampered_batches: u64,
    /// Protocol messages refused because a signature did not verify.
    pub forged_messages: u64,
    /// Batches ordered a second time, without effect.
    pub repeated_batches: u64,
    /// Copies of messages that left a NIC in the window, hospitals' included.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of them, those that left replicas.
    pub egress_bytes: u64,
    /// Blocks committed by the first replica over the whole run.
    pub blocks_total: u64,
}

/// What was really computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Real {
    /// Signatures made and verified, bodies hashed.
    pub totals: Totals,
    /// Transactions applied to the ledger's state.
    pub executed: u64,
    /// The tree over the contracts' state; none where there are no contracts, and where cryptography is modelled and no
    /// ledger kept.
    pub state: Option<StateProof>,
}

/// The outcome of a run.
pub struct Outcome {
    /// BLAKE3 over everything virtual: commits with their times, latencies, counts, utilisation.
    pub digest: Digest,
    /// Counts.
    pub counts: Counts,
    /// Latencies of transactions submitted in the window.
    pub latencies: Latencies,
    /// How well hospitals are served.
    pub service: Service,
    /// What came of transactions across two shards; nothing where there is one shard.
    pub cross: Option<CrossOutcome>,
    /// What came of the contracts; nothing where the ledger runs none.
    pub contracts: Option<ContractOutcome>,
    /// What took effect in each block, where that was asked for.
    pub archive: Option<Archive>,
    /// From a block's first proposal to its commit, once for each replica that commits it, over the whole run.
    pub ordering: LatencyHistogram,
    /// Load, throughput and latency over time.
    pub series: Series,
    /// How busy everything was in the window.
    pub utilisation: UtilisationTable,
    /// What replicas used in the window, in absolute terms. No part of the digest: it follows from what is.
    pub usage: Usage,
    /// What was really computed.
    pub real: Real,
    /// Judges that found nothing.
    pub judges: Vec<&'static str>,
    /// What they counted meanwhile, by name.
    pub counted: Vec<(&'static str, u64)>,
    /// Whether every transaction that was submitted is refused, or executed by every replica that runs.
    pub settled: bool,
    /// Events and deliveries processed.
    pub events: u64,
    /// Virtual time at the end.
    pub ended: Time,
}
