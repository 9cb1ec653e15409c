//! Committed blocks with what proves each of them, for replicas that missed them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::Height;
use crate::ledger::{Block, Certificate};

/// The last committed blocks, each with a certificate that it is committed. Bounded: `keep` blocks; who is farther behind
/// stays behind, as there is no state transfer.
#[derive(Clone, Debug)]
pub struct Archive {
    keep: usize,
    blocks: VecDeque<(Arc<Block>, Arc<Certificate>)>,
    tip: Arc<Block>,
}

impl Archive {
    /// Genesis alone; the last `keep` blocks are kept.
    pub fn new(keep: usize) -> Archive {
        Archive { keep, blocks: VecDeque::new(), tip: Arc::new(Block::genesis()) }
    }

    /// The last committed block.
    pub fn tip(&self) -> &Arc<Block> {
        &self.tip
    }

    /// The block at `height` and its certificate, unless it is genesis, not committed, or forgotten.
    pub fn get(&self, height: Height) -> Option<&(Arc<Block>, Arc<Certificate>)> {
        let behind = usize::try_from(self.tip.height.0.checked_sub(height.0)?).ok()?;
        self.blocks.get(self.blocks.len().checked_sub(behind + 1)?)
    }

    /// Puts in the next block. Panics where it is not the tip's child.
    pub fn commit(&mut self, block: Arc<Block>, certificate: Arc<Certificate>) {
        assert_eq!((block.height, block.parent), (self.tip.height.next(), self.tip.id()), "commits follow the chain");
        assert_eq!(certificate.block, block.id(), "a certificate is of its block");
        self.tip = block.clone();
        self.blocks.push_back((block, certificate));
        if self.blocks.len() > self.keep {
            self.blocks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ReplicaId, View};
    use crate::ledger::{Payload, Phase, Signers};

    #[test]
    fn the_last_blocks_are_found_by_height() {
        let mut archive = Archive::new(3);
        for _ in 0..5 {
            let tip = archive.tip().clone();
            let (id, height) = (tip.id(), tip.height.next());
            let block = Arc::new(Block::sealed(View(0), height, ReplicaId(0), id, View(0), Payload::default()));
            let (phase, view, signers) = (Phase::Commit, View(0), Signers::none_of(4));
            archive.commit(block.clone(), Arc::new(Certificate { phase, view, height, block: block.id(), signers }));
        }
        let found = |height| archive.get(Height(height)).map(|(block, _)| block.height.0);
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(found), [None, None, None, Some(3), Some(4), Some(5), None]);
    }
}
