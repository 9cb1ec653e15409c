//! Certified headers, for replicas that miss them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, ReplicaId, View};
use crate::consensus::dissemination::Woven;
use crate::consensus::planted::planted;
use crate::ledger::Link;

/// Headers in one answer.
const MOST_FOUND: usize = 512;

/// The certified headers of the last rounds: all that the DAG holds and mostly more, as who was away needs those that it has
/// not committed. Memory: 60 bytes each beside the shared contents.
#[derive(Debug)]
pub struct Archive {
    kept: u64,
    woven: BTreeMap<Link, Arc<Woven>>,
}

/// Before every link of a round.
fn first_of(round: View) -> Link {
    Link { round, author: ReplicaId(0), id: Digest::ZERO }
}

impl Archive {
    /// The last `kept` rounds are kept.
    pub fn new(kept: u64) -> Archive {
        Archive { kept, woven: BTreeMap::new() }
    }

    pub fn insert(&mut self, woven: Arc<Woven>) {
        let link = woven.header.link();
        self.woven.insert(link, woven);
        let newest = self.woven.last_key_value().map_or(View(0), |(link, _)| link.round);
        let oldest = View(newest.0.saturating_sub(self.kept));
        while self.woven.first_key_value().is_some_and(|(link, _)| link.round < oldest) {
            self.woven.pop_first();
        }
    }

    /// Those of the rounds between, and those linked: the lowest of them, ascending.
    pub fn find(&self, above: View, below: View, links: &[Link]) -> Vec<Arc<Woven>> {
        if planted!("catch-up omitted") {
            return Vec::new();
        }
        let from = View(above.0.saturating_add(1));
        let between = if from < below { Some(self.woven.range(first_of(from)..first_of(below))) } else { None };
        let between = between.into_iter().flatten().take(MOST_FOUND);
        let linked = links.iter().take(MOST_FOUND).filter_map(|link| self.woven.get_key_value(link));
        let found: BTreeMap<&Link, &Arc<Woven>> = between.chain(linked).collect();
        found.into_values().take(MOST_FOUND).cloned().collect()
    }
}
