//! Committed sub-DAGs in a line.

use std::sync::Arc;

use crate::base::View;
use crate::consensus::planted::planted;
use crate::ledger::{Block, Payload};

use super::Dag;

/// The chain of committed sub-DAGs: one block for each anchor, which orders what the anchor takes, round by round and
/// within a round by author. It is the same at every replica that decides on the same anchors.
///
/// An anchor takes only what lies at most `depth` rounds below it, so that a replica knows when a block can no longer be
/// committed, and may forget it.
#[derive(Clone, Debug)]
pub struct Line {
    tip: Arc<Block>,
    depth: u64,
}

impl Line {
    /// Genesis alone.
    pub fn new(depth: u64) -> Line {
        Line { tip: Arc::new(Block::genesis()), depth }
    }

    /// The last committed sub-DAG.
    pub fn tip(&self) -> &Arc<Block> {
        &self.tip
    }

    /// The lowest round of which an anchor of `round` takes anything.
    fn lowest(&self, round: View) -> View {
        View(round.0.saturating_sub(self.depth).max(1))
    }

    /// The last round of which no anchor to come takes anything, as anchors come in the order of their rounds.
    pub fn passed(&self) -> View {
        View(self.lowest(self.tip.view).0 - 1)
    }

    /// Appends the sub-DAG of the next anchor.
    pub fn extend(&mut self, dag: &mut Dag, anchor: &Block) -> Arc<Block> {
        assert!(anchor.view >= self.tip.view, "anchors come in the order of their rounds");
        let deeper = u64::from(planted!("a round too many taken"));
        let taken = dag.take(&anchor.link(), View(self.lowest(anchor.view).0 - deeper));
        if planted!("duplicate delivery") {
            *dag = dag.untaken();
        }
        let batches = taken.iter().flat_map(|block| &block.payload.batches).copied().collect();
        let payload = Payload { batches, inline: Vec::new() };
        self.tip = Arc::new(Block::anchored(&self.tip, anchor, payload));
        self.tip.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::loom::Loom;
    use super::*;

    #[test]
    fn each_anchor_adds_a_block_that_names_it() {
        let mut loom = Loom::weave(
            4,
            "A B C D
             A B C D
             A B C D",
        );
        let mut line = Line::new(1);
        let (first, second) = (loom.block("B2").clone(), loom.block("C3").clone());
        let one = line.extend(&mut loom.dag, &first);
        let two = line.extend(&mut loom.dag, &second);
        assert_eq!((one.height.0, two.height.0), (1, 2));
        assert_eq!((two.parent, two.links[0]), (one.id(), second.link()));
        assert_eq!(line.passed(), View(1), "an anchor of round 3 takes nothing of round 1, nor does a later one");
    }
}
