//! Blocks that are not committed and may have to be proposed again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, Height};
use crate::ledger::Block;

/// Uncommitted blocks by id. Bounded: those of the current view, of the highest prepared certificate's chain, and of
/// the chain being fetched.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage {
    blocks: BTreeMap<Digest, Arc<Block>>,
}

/// Why there is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPath {
    /// The block with that id at that height is not known.
    Missing(Height, Digest),
    /// The chain does not stand on the tip.
    Fork,
}

impl Lineage {
    pub fn get(&self, id: &Digest) -> Option<&Arc<Block>> {
        self.blocks.get(id)
    }

    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    pub fn insert(&mut self, block: Arc<Block>) {
        self.blocks.insert(block.id(), block);
    }

    /// The blocks from `tip`'s child to the block `id` at `height`, oldest first.
    pub fn path(&self, tip: &Block, height: Height, id: Digest) -> Result<Vec<Arc<Block>>, NoPath> {
        let (mut path, mut at, mut height) = (Vec::new(), id, height);
        while at != tip.id() {
            if height <= tip.height {
                return Err(NoPath::Fork);
            }
            let block = self.blocks.get(&at).ok_or(NoPath::Missing(height, at))?;
            if block.height != height {
                return Err(NoPath::Fork);
            }
            path.push(block.clone());
            (at, height) = (block.parent, Height(height.0 - 1));
        }
        path.reverse();
        Ok(path)
    }

    /// Forgets everything but these blocks and their ancestors.
    pub fn keep(&mut self, ids: [Digest; 2]) {
        let all = std::mem::take(&mut self.blocks);
        for id in ids {
            let mut at = id;
            while let Some(block) = all.get(&at) {
                self.blocks.insert(at, block.clone());
                at = block.parent;
            }
        }
    }

    /// Forgets what is not above the committed `tip`.
    pub fn prune(&mut self, tip: Height) {
        self.blocks.retain(|_, block| block.height > tip);
    }
}
