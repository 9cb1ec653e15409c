//! The judges' own arithmetic: quorums, leaders, sets of replicas. Nothing here calls what protocols count with.

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{FaultModel, Leaders};

/// How many of `n` must state a thing before it counts: the least q such that any two sets of q share one replica more
/// than there may be liars.
pub(super) fn quorum(model: FaultModel, n: u32) -> u32 {
    if model == FaultModel::None {
        return 1;
    }
    (1..=n).find(|q| 2 * q > n + liars(model, n)).expect("all of n are a quorum")
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

/// How many of `n` may lie.
pub(super) fn liars(model: FaultModel, n: u32) -> u32 {
    match model {
        FaultModel::Byzantine => (n - 1) / 3,
        FaultModel::None | FaultModel::Crash => 0,
    }
}

/// Whom the common coin elects for the first round of a wave.
pub(super) fn coin(n: u32, round: View) -> ReplicaId {
    let toss = Digest::of_encoded("systole coin v1", &round).first_word();
    ReplicaId((toss % u64::from(n)) as u32)
}

/// A set of small numbers, one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// False where it was there already.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let new = !self.contains(number);
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
        new
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Those in it, ascending.
    pub(super) fn members(&self) -> impl Iterator<Item = u32> + '_ {
        let words = self.0.iter().zip((0..).step_by(64));
        words.flat_map(|(&word, first)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| first + bit))
    }

    /// Takes in those of another.
    pub(super) fn unite(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// Those that another has too.
    pub(super) fn shared(&self, other: &Bits) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(word, other)| word & other).collect())
    }

    /// How many another has too.
    pub(super) fn count_shared(&self, other: &Bits) -> u32 {
        self.0.iter().zip(&other.0).map(|(word, other)| (word & other).count_ones()).sum()
    }
}

/// A set of replicas, one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Set(Bits);

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
        self.0.insert(replica.0)
    }

    pub(super) fn contains(&self, replica: ReplicaId) -> bool {
        self.0.contains(replica.0)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.count()
    }

    pub(super) fn members(&self) -> Vec<ReplicaId> {
        self.0.members().map(ReplicaId).collect()
    }
}
