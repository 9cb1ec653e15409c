//! A shard: one committee with a chain, a state and judges of its own. A plain run has one.
//!
//! Protocols, dissemination layers and judges number the replicas of their own shard from 0 and know of no other.
//! Faults, distances and keys go by one numbering of all: shard after shard, each from its `base` on.

use std::collections::BTreeMap;

use crate::base::{NodeId, ReplicaId};
use crate::ledger::{Committee, Executor, Promises};
use crate::observe::Bench;

use super::Setup;
use super::commit::Heights;

/// One committee and what is its own.
pub(super) struct Shard {
    /// Where the numbering of its replicas begins.
    pub base: u32,
    pub committee: Committee,
    /// Its machines: one for each replica, then the second ones of its twins.
    pub nodes: Vec<NodeId>,
    pub heights: Heights,
    pub executor: Executor,
    pub bench: Bench,
    /// Transactions of batches that no replica has executed, by gateway and sequence.
    pub sealed: BTreeMap<(ReplicaId, u64), u32>,
}

impl Shard {
    /// The shards of a run at genesis.
    pub fn all(setup: &Setup, promises: &Promises) -> Vec<Shard> {
        let (exempt, twins) = (setup.faults.exempt(), setup.faults.twins());
        let mut base = 0;
        let mut shards = Vec::new();
        for &committee in &setup.shards {
            let own = base..base + committee.len();
            let is_own = |replica: &&ReplicaId| own.contains(&replica.0);
            let exempt: Vec<ReplicaId> =
                exempt.iter().filter(is_own).map(|replica| ReplicaId(replica.0 - base)).collect();
            let second = |(_, nth): (_, u32)| NodeId(setup.replicas() + nth);
            let seconds = twins.iter().zip(0..).filter(|(twin, _)| is_own(twin)).map(second);
            shards.push(Shard {
                base,
                committee,
                nodes: own.clone().map(NodeId).chain(seconds).collect(),
                heights: Heights::new(committee.len() as usize),
                executor: Executor::new(setup.replay_horizon),
                bench: bench(setup, &committee, promises, &exempt),
                sealed: BTreeMap::new(),
            });
            base = own.end;
        }
        shards
    }

    /// The number among all shards of one of its replicas.
    pub fn number(&self, me: ReplicaId) -> ReplicaId {
        ReplicaId(self.base + me.0)
    }

    /// Where one of its machines stands among them.
    pub fn position(&self, node: NodeId) -> usize {
        let first = (node.0.wrapping_sub(self.base)) as usize;
        if self.nodes.get(first) == Some(&node) {
            return first;
        }
        self.nodes.binary_search(&node).expect("a machine of this shard")
    }
}

/// All judges of a shard.
fn bench(setup: &Setup, committee: &Committee, promises: &Promises, exempt: &[ReplicaId]) -> Bench {
    let bench = Bench::full(committee, promises, exempt, setup.weight);
    if setup.runs_contracts() { bench.with_contracts(setup.people.clone()) } else { bench }
}

/// Who a machine is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Its shard.
    pub shard: usize,
    /// Its identity there, which a twin shares.
    pub me: ReplicaId,
}

impl Member {
    /// Of each machine: all replicas in order, then the second machines of `twins`.
    pub fn of_all(shards: &[Shard], twins: &[ReplicaId]) -> Vec<Member> {
        let of_shard = |(shard, one): (usize, &Shard)| one.committee.replicas().map(move |me| Member { shard, me });
        let mut members: Vec<Member> = shards.iter().enumerate().flat_map(of_shard).collect();
        members.extend(twins.iter().map(|twin| members[twin.index()]).collect::<Vec<_>>());
        members
    }
}
