//! The tree of state, made on a thread of its own: nothing virtual waits for a root, so a run goes on meanwhile.

use std::collections::BTreeSet;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::base::Digest;
use crate::crypto::StateMap;
use crate::health::Write;

/// Blocks whose rows wait for the tree at most; then the run waits.
const AHEAD: usize = 256;
/// Rows that are proved when the run is over, spread over all of them.
const PROVED: usize = 1_000;

/// What the tree of state came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The root after each block, from height 1 on: 32 bytes a block.
    pub roots: Vec<Digest>,
    /// Rows.
    pub rows: u64,
    /// Of them, how many were proved under the root, each also found not to be proved with one bit of it flipped.
    pub proved: u64,
}

/// A tree that grows block by block.
pub(super) struct StateTree {
    blocks: Sender<Vec<Write>>,
    worker: JoinHandle<StateProof>,
}

impl StateTree {
    /// An empty tree, and the thread that hashes it.
    pub fn start() -> StateTree {
        let (blocks, work) = bounded(AHEAD);
        StateTree { blocks, worker: thread::spawn(move || grow(&work)) }
    }

    /// A block has written these rows, or none.
    pub fn put(&mut self, writes: Vec<Write>) {
        self.blocks.send(writes).expect("the thread takes blocks until the run is over");
    }

    /// Waits for the last root.
    pub fn finish(self) -> StateProof {
        drop(self.blocks);
        self.worker.join().expect("hashing a tree does not fail")
    }
}

impl StateProof {
    /// The root after the last block; nought where there was none.
    pub fn root(&self) -> Digest {
        self.roots.last().copied().unwrap_or(Digest::ZERO)
    }
}

fn grow(work: &Receiver<Vec<Write>>) -> StateProof {
    let (mut map, mut roots) = (StateMap::default(), Vec::new());
    let mut keys = BTreeSet::new();
    for writes in work {
        keys.extend(writes.iter().map(|write| write.key));
        roots.push(map.put(writes.into_iter().map(|write| (write.key, write.value))));
    }
    let sample = keys.iter().step_by(keys.len().div_ceil(PROVED).max(1));
    let proved = sample.map(|key| prove(&map, key)).sum();
    StateProof { roots, rows: map.len() as u64, proved }
}

/// Proves a row, and that it has no other value; panics where it does not: arithmetic that fails is a defect of this
/// program or its host.
fn prove(map: &StateMap, key: &Digest) -> u64 {
    let proof = map.prove(key).expect("there are rows");
    let row = proof.row().expect("the row was written").to_vec();
    assert!(proof.verifies(&map.root(), key, Some(&row)), "a row of the state is not proved by its own root");
    let mut other = row;
    other[0] ^= 1;
    assert!(!proof.verifies(&map.root(), key, Some(&other)), "a row is proved that is not in the state");
    1
}
