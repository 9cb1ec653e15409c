//! A replica's blocks: those that may still be committed, and a bounded tail of those that are.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Digest, DigestMap, Height};

use super::Block;

/// Heights above the tip that are remembered: a correct replica is never that far behind, and a liar's block may claim any.
const MOST_AHEAD: u64 = 65_536;

/// Blocks by id, the committed tip, and what a commit of some block would commit with it.
///
/// Bounded: blocks at or below the tip beyond the last `keep` commits are forgotten, and with them every abandoned
/// block of those heights.
#[derive(Clone, Debug)]
pub struct Chain {
    blocks: DigestMap<Arc<Block>>,
    by_height: VecDeque<(Height, Vec<Digest>)>,
    tip: Arc<Block>,
    keep: u64,
}

impl Chain {
    /// A chain of genesis alone that remembers the last `keep` committed heights.
    pub fn new(keep: u64) -> Chain {
        let genesis = Arc::new(Block::genesis());
        let mut chain = Chain { blocks: DigestMap::default(), by_height: VecDeque::new(), tip: genesis.clone(), keep };
        chain.insert(genesis);
        chain
    }

    /// The last committed block.
    pub fn tip(&self) -> &Arc<Block> {
        &self.tip
    }

    /// The block with that id, unless unknown or forgotten.
    pub fn get(&self, id: &Digest) -> Option<&Arc<Block>> {
        self.blocks.get(id)
    }

    /// Remembers a block; false where it was known or is too old to matter.
    pub fn insert(&mut self, block: Arc<Block>) -> bool {
        let oldest = self.by_height.front().map_or(block.height, |(height, _)| *height);
        let far = block.height.0 > self.tip.height.0 + MOST_AHEAD;
        if block.height < oldest || far || self.blocks.contains_key(&block.id()) {
            return false;
        }
        while self.by_height.back().is_none_or(|(height, _)| *height < block.height) {
            let next = self.by_height.back().map_or(oldest, |(height, _)| height.next());
            self.by_height.push_back((next, Vec::new()));
        }
        let slot = (block.height.0 - oldest.0) as usize;
        self.by_height[slot].1.push(block.id());
        self.blocks.insert(block.id(), block);
        true
    }

    /// The blocks that committing `id` commits, oldest first, or the first ancestor that is not known.
    ///
    /// Empty where `id` is committed already, and where it forks from the committed chain: a replica never reverts,
    /// and that two replicas disagree is for a judge to say.
    pub fn path_to(&self, id: &Digest) -> Result<Vec<Arc<Block>>, Digest> {
        let mut path = Vec::new();
        let mut at = *id;
        while at != self.tip.id() {
            let block = self.blocks.get(&at).ok_or(at)?;
            if block.height <= self.tip.height {
                return Ok(Vec::new());
            }
            path.push(block.clone());
            at = block.parent;
        }
        path.reverse();
        Ok(path)
    }

    /// Moves the tip to `block`, whose parent is the tip, and forgets what is older than the kept tail.
    pub fn commit(&mut self, block: Arc<Block>) {
        assert_eq!(block.parent, self.tip.id(), "commits follow the chain");
        self.tip = block;
        while self.by_height.front().is_some_and(|(height, _)| height.0 + self.keep < self.tip.height.0) {
            let (_, ids) = self.by_height.pop_front().expect("the front was there just now");
            for id in ids {
                self.blocks.remove(&id);
            }
        }
    }

    /// Number of blocks held.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Never: the tip is always held.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ReplicaId, View};
    use crate::ledger::Payload;

    fn child(parent: &Block, view: u64) -> Arc<Block> {
        let (id, at) = (parent.id(), parent.view);
        Arc::new(Block::sealed(View(view), parent.height.next(), ReplicaId(0), id, at, Payload::default()))
    }

    #[test]
    fn a_path_is_oldest_first_and_names_the_missing_ancestor() {
        let mut chain = Chain::new(10);
        let a = child(chain.tip(), 1);
        let b = child(&a, 2);
        let c = child(&b, 3);
        chain.insert(a.clone());
        chain.insert(c.clone());
        assert_eq!(chain.path_to(&c.id()).unwrap_err(), b.id());
        chain.insert(b.clone());
        let path = chain.path_to(&c.id()).expect("every ancestor is known");
        assert_eq!(path.iter().map(|block| block.view.0).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn old_blocks_are_forgotten_with_their_abandoned_siblings() {
        let mut chain = Chain::new(3);
        for view in 1..100 {
            let next = child(chain.tip(), view * 2);
            chain.insert(next.clone());
            chain.insert(child(chain.tip(), view * 2 + 1));
            chain.commit(next);
        }
        assert!(chain.len() <= 2 * 5, "{} blocks are held", chain.len());
    }
}
