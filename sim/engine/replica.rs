//! A replica's machine, and what runs on it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{Digest, ReplicaId};
use crate::consensus::{Dissemination, Protocol};
use crate::kernel::{Station, Stations};
use crate::ledger::Mempool;

use super::Setup;

/// A message that waits for batches it orders.
pub(super) struct Parked<P: Protocol> {
    pub from: ReplicaId,
    pub message: Arc<P::Message>,
    /// Batches still missing, as a count; recomputed when one comes.
    pub missing: Vec<Digest>,
}

/// A replica's machine: what every message that comes and goes touches, side by side in a table of its own. With a
/// thousand replicas the whole table stays in a second-level cache, which protocol states would push it out of.
pub(super) struct Machine {
    pub running: bool,
    pub egress: Station,
    pub ingress: Station,
    pub core: Station,
    pub execution: Station,
    pub crypto: Stations,
}

impl Machine {
    pub fn new(setup: &Setup) -> Machine {
        Machine {
            running: true,
            egress: Station::default(),
            ingress: Station::default(),
            core: Station::default(),
            execution: Station::default(),
            crypto: Stations::new(setup.replica.crypto_cores),
        }
    }
}

/// What runs on a machine.
pub(super) struct Replica<P: Protocol> {
    pub protocol: P,
    pub layer: Box<dyn Dissemination>,
    pub mempool: Mempool,
    /// Batches sealed so far.
    pub sequence: u64,
    /// Own batches that it has not committed, by sequence.
    pub unsettled: BTreeSet<u64>,
    /// Armed timers with the serial number of their pending expiry.
    pub timers: Vec<(P::Timer, u32)>,
    pub serials: u32,
    pub parked: VecDeque<Parked<P>>,
    /// Fullest the mempool was within the window, transactions.
    pub mempool_max: u64,
}

impl<P: Protocol> Replica<P> {
    pub fn new(me: ReplicaId, setup: &Setup, params: &P::Params) -> Self {
        Replica {
            protocol: P::new(me, &setup.committee, params),
            layer: setup.layer.at(me, setup.committee.len(), setup.layer_limits),
            mempool: Mempool::new(setup.mempool, setup.weight),
            sequence: 0,
            unsettled: BTreeSet::new(),
            timers: Vec::new(),
            serials: 0,
            parked: VecDeque::new(),
            mempool_max: 0,
        }
    }
}
