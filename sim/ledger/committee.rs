//! The committee: who may vote, how many may lie, and how many make a quorum.

use crate::base::{Digest, Height, ReplicaId, View};

/// A committee of `n` replicas with one vote each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committee {
    n: u32,
}

impl Committee {
    /// A committee of `n` replicas; panics on none.
    pub fn new(n: u32) -> Committee {
        assert!(n > 0, "a committee has at least one replica");
        Committee { n }
    }

    /// Number of replicas.
    pub fn len(&self) -> u32 {
        self.n
    }

    /// Never: a committee has at least one replica.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Byzantine replicas tolerated: the largest f with 3f < n.
    pub fn faults(&self) -> u32 {
        (self.n - 1) / 3
    }

    /// Votes of which any two sets share an honest replica: the least q with 2q - n > f, which is 2f + 1 for n = 3f + 1.
    pub fn quorum(&self) -> u32 {
        (self.n + self.faults()) / 2 + 1
    }

    /// Votes of which at least one is honest: f + 1.
    pub fn witness(&self) -> u32 {
        self.faults() + 1
    }

    /// Votes of which every quorum has one: f + 1 where n is 3f + 1 or 3f + 2, and one more where it is 3f + 3.
    pub fn blocking(&self) -> u32 {
        self.n + 1 - self.quorum()
    }

    /// Votes of which any two sets share a replica: more than half.
    pub fn majority(&self) -> u32 {
        self.n / 2 + 1
    }

    /// The leader of `view`, round-robin.
    pub fn leader(&self, view: View) -> ReplicaId {
        ReplicaId((view.0 % u64::from(self.n)) as u32)
    }

    /// The leader of a view that counts anew at each height: replica `height + view mod n`.
    pub fn leader_at(&self, height: Height, view: View) -> ReplicaId {
        self.leader(View(height.0.wrapping_add(view.0)))
    }

    /// Whom a common coin elects for the first round of a wave: a hash of that round, so that nobody is favoured. A real
    /// coin is not known before a quorum reveals it; who leads is asked here only after that.
    pub fn coin(&self, round: View) -> ReplicaId {
        let toss = Digest::of_encoded("systole coin v1", &round).first_word();
        ReplicaId((toss % u64::from(self.n)) as u32)
    }

    /// The others in turn, beginning with the successor of `me`; none where there is no other.
    pub fn other(&self, me: ReplicaId, turn: u64) -> Option<ReplicaId> {
        let others = u64::from(self.n) - 1;
        (others > 0).then(|| ReplicaId((me.0 + 1 + (turn % others) as u32) % self.n))
    }

    /// All replicas.
    pub fn replicas(&self) -> impl Iterator<Item = ReplicaId> + use<> {
        (0..self.n).map(ReplicaId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_come_in_turn_and_never_oneself() {
        let turns =
            |n, me| (0..5).map(|turn| Committee::new(n).other(ReplicaId(me), turn).map(|other| other.0)).collect();
        let (of_four, alone): (Vec<_>, Vec<_>) = (turns(4, 2), turns(1, 0));
        assert_eq!(of_four, [Some(3), Some(0), Some(1), Some(3), Some(0)]);
        assert_eq!(alone, [None; 5]);
    }

    #[test]
    fn quorums_intersect_in_an_honest_replica_and_are_live_without_the_faulty_ones() {
        for n in 1..500 {
            let committee = Committee::new(n);
            let (f, q) = (committee.faults(), committee.quorum());
            assert!(2 * q > n + f, "two quorums of {q} of {n} may share only faulty replicas");
            assert!(q <= n - f, "a quorum of {q} of {n} needs a faulty replica");
            assert!(2 * (q - 1) <= n + f, "{q} of {n} is more than needed");
            assert!(q + committee.blocking() > n && committee.blocking() <= n - f, "{n} replicas");
            if n % 3 == 1 {
                assert_eq!(q, 2 * f + 1);
            }
        }
    }
}
