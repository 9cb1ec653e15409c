//! A replica's log: the kept tail of its committed blocks, and those that may still be replaced.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Digest, Height};
use crate::consensus::KEPT_BLOCKS;
use crate::consensus::planted::planted;
use crate::ledger::Block;

/// Blocks by height, each the child of the one before. Bounded: the last [`KEPT_BLOCKS`] committed ones are kept, and
/// [`super::MOST_UNCOMMITTED`] bounds the others. Every access takes constant time.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// From the oldest kept block, which is committed (or genesis), to the last.
    blocks: VecDeque<Arc<Block>>,
    committed: Height,
}

impl Log {
    /// Genesis alone, which is committed.
    pub fn new() -> Log {
        Log { blocks: VecDeque::from([Arc::new(Block::genesis())]), committed: Height(0) }
    }

    /// The last block.
    pub fn last(&self) -> &Arc<Block> {
        self.blocks.back().expect("a log always holds its last committed block")
    }

    /// The height of the oldest block that is kept.
    pub fn first(&self) -> Height {
        self.blocks.front().expect("a log always holds its last committed block").height
    }

    /// The height of the last committed block ("commitIndex").
    pub fn committed(&self) -> Height {
        self.committed
    }

    /// How many blocks are not committed.
    pub fn uncommitted(&self) -> u64 {
        self.last().height.0 - self.committed.0
    }

    /// The block at `height`, unless it is forgotten or not there yet.
    pub fn get(&self, height: Height) -> Option<&Arc<Block>> {
        let index = height.0.checked_sub(self.first().0)?;
        self.blocks.get(usize::try_from(index).ok()?)
    }

    /// Whether the block at `height` is the one with that id; ids chain, so then all before it are the same too.
    pub fn holds(&self, height: Height, id: Digest) -> bool {
        self.get(height).is_some_and(|block| block.id() == id)
    }

    /// Adds a child of the last block.
    pub fn append(&mut self, block: Arc<Block>) {
        assert_eq!(block.height, self.last().height.next(), "a log has no gaps");
        assert!(
            block.parent == self.last().id() || planted!("previous entry unchecked"),
            "a log is a chain: the previous entry was compared"
        );
        self.blocks.push_back(block);
    }

    /// Drops the blocks from `height` on, none of which is committed.
    pub fn truncate(&mut self, height: Height) {
        assert!(height > self.committed, "what is committed is never dropped");
        let kept = (height.0 - self.first().0) as usize;
        self.blocks.truncate(kept);
    }

    /// Commits the next block and forgets what is older than the kept tail.
    pub fn commit_next(&mut self) -> Arc<Block> {
        self.committed = self.committed.next();
        let block = self.get(self.committed).expect("only what the log holds is committed").clone();
        while self.first().0 + KEPT_BLOCKS < self.committed.0 {
            self.blocks.pop_front();
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ReplicaId, View};
    use crate::ledger::Payload;

    fn grow(log: &mut Log, view: u64) {
        let (id, height, at) = (log.last().id(), log.last().height.next(), log.last().view);
        log.append(Arc::new(Block::sealed(View(view), height, ReplicaId(0), id, at, Payload::default())));
    }

    #[test]
    fn what_is_not_committed_can_be_replaced() {
        let mut log = Log::new();
        (1..=5).for_each(|_| grow(&mut log, 1));
        let third = log.get(Height(3)).expect("it was appended").id();
        log.commit_next();
        log.truncate(Height(3));
        assert_eq!((log.last().height, log.committed(), log.uncommitted()), (Height(2), Height(1), 1));
        grow(&mut log, 2);
        assert!(!log.holds(Height(3), third), "another block stands there");
    }

    #[test]
    #[should_panic(expected = "what is committed is never dropped")]
    fn what_is_committed_cannot() {
        let mut log = Log::new();
        grow(&mut log, 1);
        log.commit_next();
        log.truncate(Height(1));
    }

    #[test]
    fn a_bounded_tail_of_what_is_committed_is_kept() {
        let mut log = Log::new();
        for _ in 0..3 * KEPT_BLOCKS {
            grow(&mut log, 1);
            log.commit_next();
        }
        let tip = 3 * KEPT_BLOCKS;
        assert_eq!(log.first(), Height(tip - KEPT_BLOCKS));
        assert!(log.get(Height(tip - KEPT_BLOCKS - 1)).is_none() && log.get(Height(tip + 1)).is_none());
    }
}
