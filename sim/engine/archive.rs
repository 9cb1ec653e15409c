//! What took effect in each block, and what came of it: enough to write the ledger when the run is over, since bodies
//! follow from the seed.

use crate::base::{Digest, Height};
use crate::health::Verdict;
use crate::ledger::TxNumber;

use super::Setup;

/// The blocks of a run in order. Memory: 16 bytes for each transaction in effect and 80 for each block, to the end of the
/// run.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    entries: Vec<(TxNumber, Verdict)>,
    blocks: Vec<Closed>,
    /// The root of the contracts' state after each block, once the run is over.
    roots: Vec<Digest>,
}

const _: () = assert!(size_of::<(TxNumber, Verdict)>() == 16, "the stated bound on memory");

/// A block that has ended.
#[derive(Clone, Copy, Debug)]
struct Closed {
    height: Height,
    state: Digest,
    /// Entries until its end.
    entries: usize,
}

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived<'a> {
    /// Its height.
    pub height: Height,
    /// The ledger's state after it.
    pub state: Digest,
    /// The root over the rows of the contracts' state after it.
    pub state_root: Digest,
    /// What took effect, in order, and what the contracts said.
    pub entries: &'a [(TxNumber, Verdict)],
}

impl Archive {
    /// Where it is asked for and contracts run.
    pub(super) fn of(setup: &Setup) -> Option<Archive> {
        (setup.keep_ledger && setup.runs_contracts()).then(Archive::default)
    }

    /// A transaction is in effect in the block that has not ended.
    pub(super) fn note(&mut self, number: TxNumber, verdict: Verdict) {
        self.entries.push((number, verdict));
    }

    /// The block ends.
    pub(super) fn close(&mut self, height: Height, state: Digest) {
        let before = self.blocks.last().map_or(Height(0), |block| block.height);
        assert_eq!(height, before.next(), "blocks are executed in order");
        self.blocks.push(Closed { height, state, entries: self.entries.len() });
    }

    /// The tree of state is made: its root after each block.
    pub(super) fn commit(&mut self, roots: &[Digest]) {
        assert_eq!(roots.len(), self.blocks.len(), "each block has a root");
        self.roots = roots.to_vec();
    }

    /// The blocks of a run that is over, by height.
    pub fn blocks(&self) -> impl Iterator<Item = Archived<'_>> {
        let begins = std::iter::once(0).chain(self.blocks.iter().map(|block| block.entries));
        begins.zip(&self.blocks).zip(&self.roots).map(|((begin, block), root)| Archived {
            height: block.height,
            state: block.state,
            state_root: *root,
            entries: &self.entries[begin..block.entries],
        })
    }
}
