//! Faults: what goes wrong in a run, and when. Plans are data; the engine carries them out and judges are told.
//!
//! Attacks on the load (forged signatures, replays, tampered batches) are [`crate::health::Injection`]; links that
//! carry nothing are [`crate::network::Partition`].

use crate::base::{ReplicaId, Time};
use crate::network::Partition;

/// A replica that stops for good at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Which replica.
    pub replica: ReplicaId,
    /// When it stops.
    pub at: Time,
}

/// Everything that goes wrong in a run.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Replicas that stop.
    pub crashes: Vec<Crash>,
    /// Links that carry nothing for a while.
    pub partitions: Vec<Partition>,
}
