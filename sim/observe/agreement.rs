//! Agreement and chain: replicas commit the same blocks, in height order, each linked to the one before.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, ReplicaId};
use crate::ledger::{Block, Committee};

use super::arithmetic::Set;
use super::{Judge, Tap};

/// No two replicas commit different blocks at a height, nor reach different states; but for those that are faulty.
/// Memory: 64 bytes a height.
pub(super) struct Agreement {
    faulty: Set,
    blocks: BTreeMap<Height, (Digest, ReplicaId)>,
    states: BTreeMap<Height, (Digest, ReplicaId)>,
}

impl Agreement {
    pub(super) fn new(faulty: &Set) -> Agreement {
        Agreement { faulty: faulty.clone(), blocks: BTreeMap::new(), states: BTreeMap::new() }
    }
}

impl Judge for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Committed { replica, .. } | Tap::Executed { replica, .. } if self.faulty.contains(*replica) => {}
            Tap::Committed { replica, block, .. } => {
                let (id, first) = *self.blocks.entry(block.height).or_insert((block.id(), *replica));
                if id != block.id() {
                    return Err(format!(
                        "at {} {replica} commits {:?} where {first} committed {id:?}",
                        block.height,
                        block.id()
                    ));
                }
            }
            Tap::Executed { replica, height, state } => {
                let (known, first) = *self.states.entry(*height).or_insert((*state, *replica));
                if known != *state {
                    return Err(format!("after {height} {replica} has state {state:?} where {first} has {known:?}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Each replica that is not faulty commits every height once, in order, each block linked to its parent, under the id of
/// its contents.
pub(super) struct ChainLinks {
    faulty: Set,
    tips: Vec<(Height, Digest)>,
}

impl ChainLinks {
    pub(super) fn new(committee: &Committee, faulty: &Set) -> ChainLinks {
        let genesis = (Height(0), Block::genesis().recompute_id());
        ChainLinks { faulty: faulty.clone(), tips: vec![genesis; committee.len() as usize] }
    }
}

impl Judge for ChainLinks {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        let Tap::Committed { replica, block, .. } = tap else { return Ok(()) };
        if self.faulty.contains(*replica) {
            return Ok(());
        }
        let tip = &mut self.tips[replica.index()];
        if block.height != tip.0.next() {
            return Err(format!("{replica} commits {} after {}", block.height, tip.0));
        }
        if tip.1 != block.parent {
            return Err(format!(
                "{replica} commits {:?} at {}, whose parent it did not commit",
                block.id(),
                block.height
            ));
        }
        let recomputed = block.recompute_id();
        if recomputed != block.id() {
            return Err(format!(
                "the block at {} travels as {:?} but hashes to {recomputed:?}",
                block.height,
                block.id()
            ));
        }
        *tip = (block.height, recomputed);
        Ok(())
    }
}
