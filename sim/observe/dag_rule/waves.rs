//! Waves of certified rounds: what Tusk and Bullshark have in common.

use std::collections::BTreeMap;

use crate::base::ReplicaId;

use super::web::{Place, Web};

/// Who leads the first round of a wave, of how many replicas.
pub(super) type LeaderOf = fn(u64, u32) -> ReplicaId;

/// Leaders in rounds 2, 4, 6, and so on. One is committed when enough blocks of the round after link to its block, and
/// before it those leaders' blocks that it builds on, back to the last that was committed.
///
/// Enough are those that every quorum of the next round shares one with: n + 1 less a quorum, which is f + 1 where
/// n = 3f + 1. So every later leader's block builds on a committed one.
pub(super) struct Waves {
    n: u32,
    enough: u32,
    leader: LeaderOf,
    /// The round of the last committed leader.
    last: u64,
    /// Blocks that link to the leader's of the round before them, by the leader's round.
    support: BTreeMap<u64, u32>,
}

impl Waves {
    pub(super) fn new(n: u32, quorum: u32, leader: LeaderOf) -> Waves {
        Waves { n, enough: n + 1 - quorum, leader, last: 0, support: BTreeMap::new() }
    }

    fn leader(&self, round: u64) -> Place {
        Place { round, number: (self.leader)(round, self.n).0 }
    }

    /// A block is in the DAG.
    pub(super) fn on_block(&mut self, web: &Web, at: Place) {
        if at.round < 3 || at.round.is_multiple_of(2) || at.round - 1 <= self.last {
            return;
        }
        let leader = self.leader(at.round - 1);
        if web.entry(at).is_some_and(|entry| entry.before.contains(leader.number)) {
            *self.support.entry(leader.round).or_default() += 1;
        }
    }

    /// The leaders' blocks that are committed now, in order. Of those with enough support the ones count that `may_be` says
    /// may be known.
    pub(super) fn anchors(&mut self, web: &Web, may_be: impl Fn(u64) -> bool) -> Vec<Place> {
        let mut anchors = Vec::new();
        let ready = |(&round, &support): (&u64, &u32)| (support >= self.enough && may_be(round)).then_some(round);
        let rounds: Vec<u64> = self.support.iter().filter_map(ready).collect();
        for round in rounds {
            let mut next = self.leader(round);
            let mut chain = vec![next];
            for earlier in (self.last / 2 + 1..round / 2).rev().map(|half| self.leader(2 * half)) {
                if web.reach(next, earlier.round).contains(earlier.number) {
                    chain.push(earlier);
                    next = earlier;
                }
            }
            anchors.extend(chain.into_iter().rev());
            self.last = round;
        }
        self.support = self.support.split_off(&(self.last + 1));
        anchors
    }
}
