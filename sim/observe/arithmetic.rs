//! The judges' own arithmetic: quorums, leaders, sets of replicas. Nothing here calls what protocols count with.

use crate::base::{Height, ReplicaId, View};
use crate::ledger::{FaultModel, Leaders};

/// How many of `n` must state a thing before it counts: the least q such that any two sets of q share one replica more
/// than there may be liars.
pub(super) fn quorum(model: FaultModel, n: u32) -> u32 {
    let liars = match model {
        FaultModel::None => return 1,
        FaultModel::Crash => 0,
        FaultModel::Byzantine => (n - 1) / 3,
    };
    (1..=n).find(|q| 2 * q > n + liars).expect("all of n are a quorum")
}

/// Who leads `view` at `height`, unless that is elected.
pub(super) fn leader(leaders: Leaders, n: u32, height: Height, view: View) -> Option<ReplicaId> {
    let turn = match leaders {
        Leaders::Fixed(replica) => return Some(replica),
        Leaders::Elected | Leaders::Everyone => return None,
        Leaders::ByView { every } => u128::from(view.0) / u128::from(every.max(1)),
        Leaders::ByHeightAndView => u128::from(view.0) + u128::from(height.0),
    };
    Some(ReplicaId((turn % u128::from(n)) as u32))
}

/// A set of replicas, one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Set(Vec<u64>);

impl Set {
    pub(super) fn of(replicas: &[ReplicaId]) -> Set {
        let mut set = Set::default();
        for &replica in replicas {
            set.insert(replica);
        }
        set
    }

    /// False where it was there already.
    pub(super) fn insert(&mut self, replica: ReplicaId) -> bool {
        let new = !self.contains(replica);
        let word = replica.index() / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (replica.index() % 64);
        new
    }

    pub(super) fn contains(&self, replica: ReplicaId) -> bool {
        self.0.get(replica.index() / 64).is_some_and(|word| word >> (replica.index() % 64) & 1 == 1)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn members(&self) -> Vec<ReplicaId> {
        (0..self.0.len() as u32 * 64).map(ReplicaId).filter(|&replica| self.contains(replica)).collect()
    }
}
