//! A replica's machine, and what runs on it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, Time};
use crate::consensus::{Above, Dissemination, Protocol};
use crate::kernel::{Station, Stations};
use crate::ledger::{Mempool, Phase, Slot, Statement};

use super::Setup;
use super::cross::Collected;
use super::liar::Lie;
use super::shard::Member;

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
    /// Whether it stopped and will not come back.
    pub gone: bool,
    /// How often it has stopped.
    pub outages: u32,
    /// How long work takes, percent of its usual time.
    pub percent: u64,
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
            gone: false,
            outages: 0,
            percent: 100,
            egress: Station::default(),
            ingress: Station::default(),
            core: Station::default(),
            execution: Station::default(),
            crypto: Stations::new(setup.replica.crypto_cores),
        }
    }
}

impl Machine {
    /// Whether it runs, and has not stopped since it had stopped `outages` times.
    pub fn is_the_same(&self, outages: u8) -> bool {
        self.running && self.outages as u8 == outages
    }

    /// What `work` takes on this machine now.
    pub fn slowed(&self, work: Span) -> Span {
        if self.percent == 100 { work } else { Span(work.0 * self.percent / 100) }
    }

    /// All its cores and its NIC's sending side do nothing before `until`.
    pub fn pause(&mut self, until: Time) {
        self.egress.hold(until);
        self.core.hold(until);
        self.execution.hold(until);
        self.crypto.hold(until);
    }

    /// It stops at `at`, and what waited in it is gone.
    pub fn stop(&mut self, at: Time) {
        self.running = false;
        self.outages += 1;
        for station in [&mut self.egress, &mut self.ingress, &mut self.core, &mut self.execution] {
            station.clear(at);
        }
        self.crypto.clear(at);
    }
}

/// The highest slot of each kind of promise that a replica made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Promised([(u64, u64); 5]);

impl Promised {
    /// Panics where one of `statements`, which leave now, is a new promise and is not `written`. `slot` and `all_propose` say
    /// how the promises of these are told apart.
    pub fn check(
        &mut self,
        (slot, all_propose): (Slot, bool),
        written: bool,
        statements: impl Iterator<Item = Statement>,
    ) {
        for statement in statements {
            let is_new = self.is_new(slot, all_propose, &statement);
            assert!(!is_new || written, "{} promises {statement:?} and has not written it", statement.by);
        }
    }

    /// Whether a statement is a promise of a higher slot than any of its kind before, which it is from now on. A proposal
    /// is one where `all_propose`: in a DAG a second block of a round is a lie.
    fn is_new(&mut self, slot: Slot, all_propose: bool, statement: &Statement) -> bool {
        let kind = match statement.phase {
            Phase::Vote => 0,
            Phase::Commit => 1,
            Phase::Timeout => 2,
            Phase::Elect => 3,
            Phase::Propose if all_propose => 4,
            Phase::Propose | Phase::Checkpoint => return false,
        };
        let at = match slot {
            Slot::View => (statement.view.0, statement.height.0),
            Slot::HeightAndView => (statement.height.0, statement.view.0),
        };
        let highest = &mut self.0[kind];
        let is_new = at > *highest;
        *highest = at.max(*highest);
        is_new
    }
}

/// What runs on a machine.
pub(super) struct Replica<P: Protocol> {
    pub promised: Promised,
    /// What its dissemination layer has.
    pub promised_below: Promised,
    /// What it does beside following the protocol, while it does.
    pub lie: Option<Lie>,
    /// Whether judges hold it to anything and heights wait for it.
    pub counted: bool,
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
    /// What replicas of other shards said to it.
    pub collected: Collected,
    /// The last height that it has committed, and that it has executed.
    pub committed: Height,
    pub executed: Height,
    /// The slot of the view's partition that it last spoke in.
    pub slot: u64,
    /// Fullest the mempool was within the window, transactions.
    pub mempool_max: u64,
}

impl<P: Protocol> Replica<P> {
    pub fn new(&Member { shard, me }: &Member, setup: &Setup, params: &P::Params) -> Self {
        let committee = &setup.shards[shard];
        let above = Above { depth: P::promises(params).depth(), pace: P::pace(params) };
        Replica {
            promised: Promised::default(),
            promised_below: Promised::default(),
            lie: None,
            counted: true,
            protocol: P::new(me, committee, params),
            layer: setup.layer.at(me, committee, setup.layer_limits, above),
            mempool: Mempool::new(setup.mempool, setup.weight),
            sequence: 0,
            unsettled: BTreeSet::new(),
            timers: Vec::new(),
            serials: 0,
            parked: VecDeque::new(),
            collected: Collected::new(),
            committed: Height(0),
            executed: Height(0),
            slot: 0,
            mempool_max: 0,
        }
    }
}
