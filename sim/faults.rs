//! Faults: what goes wrong in a run, and when. Plans are data; the engine carries them out.
//!
//! Attacks on the load (forged signatures, replays, tampered batches) are [`crate::health::Injection`]; links that
//! carry nothing are [`Partition`]s, links that lose, delay or repeat messages [`Disturbance`]s.

mod random;
mod story;
mod twins;

pub use random::{PlanLimits, random_plan, random_plan_of_shards};
pub use twins::ViewSplits;

use crate::base::{ReplicaId, Time};
use crate::network::{Disturbance, Partition};

/// A replica that stops, and perhaps comes back with what it had written to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Which replica.
    pub replica: ReplicaId,
    /// When it stops.
    pub from: Time,
    /// When it comes back; never, if at no time.
    pub until: Option<Time>,
}

/// A replica that does nothing for a while and then goes on as if nothing had been: a stopped virtual machine, a long
/// pause for garbage collection. Messages wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Which replica.
    pub replica: ReplicaId,
    /// When it stops.
    pub from: Time,
    /// When it goes on.
    pub until: Time,
}

/// A replica whose cores are slower for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowdown {
    /// Which replica.
    pub replica: ReplicaId,
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub until: Time,
    /// How much longer work takes, percent: 300 is three times as long.
    pub percent: u64,
}

/// What a Byzantine replica does beside following the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It is two machines with one identity and one key, each of which follows the protocol and orders half of what
    /// there is: it says different things to different replicas, and says everything twice. (Bano et al., "Twins: BFT
    /// Systems Made Robust", OPODIS'21.)
    Twins,
    /// It never sends a proposal.
    SilentLeader,
    /// Nothing that it signs verifies.
    InvalidSignatures,
    /// Its gateway orders votes and decisions on transactions across shards that nobody signed.
    Impostor,
    /// Its blocks leave out what these gateways, ascending, have sealed.
    Censor(Vec<ReplicaId>),
}

/// A Byzantine replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liar {
    /// Which replica.
    pub replica: ReplicaId,
    /// What it does.
    pub behaviour: Behaviour,
    /// Until when; then it follows the protocol, and a twin stops.
    pub until: Time,
}

/// Everything that goes wrong in a run.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Replicas that stop.
    pub outages: Vec<Outage>,
    /// Replicas that pause.
    pub pauses: Vec<Pause>,
    /// Replicas that are slow.
    pub slowdowns: Vec<Slowdown>,
    /// Links that carry nothing for a while.
    pub partitions: Vec<Partition>,
    /// Links that lose, delay or repeat messages.
    pub disturbances: Vec<Disturbance>,
    /// Replicas that lie; each at most once.
    pub liars: Vec<Liar>,
    /// Who hears whom in which view, while there are twins.
    pub splits: Option<ViewSplits>,
}

impl FaultPlan {
    /// Twins' identities, ascending.
    pub fn twins(&self) -> Vec<ReplicaId> {
        self.exempt_by(|behaviour| *behaviour == Behaviour::Twins)
    }

    /// Identities that judges hold to nothing, ascending: what they sign is contradictory or void.
    pub fn exempt(&self) -> Vec<ReplicaId> {
        self.exempt_by(|behaviour| matches!(behaviour, Behaviour::Twins | Behaviour::InvalidSignatures))
    }

    fn exempt_by(&self, holds: impl Fn(&Behaviour) -> bool) -> Vec<ReplicaId> {
        let mut replicas: Vec<ReplicaId> =
            self.liars.iter().filter(|liar| holds(&liar.behaviour)).map(|liar| liar.replica).collect();
        replicas.sort_unstable();
        replicas
    }

    /// When the last fault is over that is ever over.
    pub fn healed(&self) -> Time {
        let outages = self.outages.iter().map(|outage| outage.until.unwrap_or(outage.from));
        let pauses = self.pauses.iter().map(|pause| pause.until);
        let slowdowns = self.slowdowns.iter().map(|slowdown| slowdown.until);
        let partitions = self.partitions.iter().map(|partition| partition.until);
        let disturbances = self.disturbances.iter().map(|disturbance| disturbance.until);
        let liars = self.liars.iter().map(|liar| liar.until).filter(|&until| until != Time::NEVER);
        let splits = self.splits.iter().map(|splits| splits.until);
        let all = outages.chain(pauses).chain(slowdowns).chain(partitions).chain(disturbances).chain(liars);
        all.chain(splits).max().unwrap_or_default()
    }
}
