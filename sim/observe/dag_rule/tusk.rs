//! Tusk (Danezis et al., EuroSys'22, section 5): leaders are elected by a coin.

use std::collections::BTreeMap;

use crate::base::{ReplicaId, View};

use super::super::arithmetic::{Set, coin};
use super::waves::Waves;
use super::web::{Place, Web};

/// A wave has three rounds, and its third is the first of the next. Blocks of that round carry shares of the coin, so that
/// f + 1 replicas must have proposed there before anyone can know the leader.
pub(super) struct Tusk {
    waves: Waves,
    shares: u32,
    /// Who has proposed in the rounds that leaders may be of, or two rounds above.
    proposed: BTreeMap<u64, Set>,
}

impl Tusk {
    pub(super) fn new(n: u32, quorum: u32, liars: u32) -> Tusk {
        let leader = |round, n| coin(n, View(round));
        Tusk { waves: Waves::new(n, quorum, leader), shares: liars + 1, proposed: BTreeMap::new() }
    }

    pub(super) fn on_proposed(&mut self, round: u64, by: ReplicaId) {
        if round.is_multiple_of(2) {
            self.proposed.entry(round).or_default().insert(by);
        }
    }

    pub(super) fn on_block(&mut self, web: &Web, at: Place) {
        self.waves.on_block(web, at);
    }

    pub(super) fn anchors(&mut self, web: &Web) -> Vec<Place> {
        let Tusk { waves, shares, proposed } = self;
        let anchors = waves.anchors(web, |round| proposed.get(&(round + 2)).is_some_and(|by| by.count() >= *shares));
        *proposed = proposed.split_off(&web.oldest());
        anchors
    }
}
