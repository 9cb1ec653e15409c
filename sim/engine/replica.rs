//! A replica's machine and what runs on it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId};
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

/// One replica.
pub(super) struct Replica<P: Protocol> {
    pub protocol: P,
    pub layer: Box<dyn Dissemination>,
    pub mempool: Mempool,
    /// Batches sealed so far.
    pub sequence: u64,
    /// Own batches that it has not committed, by sequence.
    pub unsettled: BTreeSet<u64>,
    pub egress: Station,
    pub ingress: Station,
    pub crypto: Stations,
    pub core: Station,
    pub execution: Station,
    /// Armed timers with the serial number of their pending expiry.
    pub timers: Vec<(P::Timer, u32)>,
    pub serials: u32,
    pub parked: VecDeque<Parked<P>>,
    pub committed: Height,
    pub executed: Height,
    pub running: bool,
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
            egress: Station::default(),
            ingress: Station::default(),
            crypto: Stations::new(setup.replica.crypto_cores),
            core: Station::default(),
            execution: Station::default(),
            timers: Vec::new(),
            serials: 0,
            parked: VecDeque::new(),
            committed: Height(0),
            executed: Height(0),
            running: true,
            mempool_max: 0,
        }
    }
}
