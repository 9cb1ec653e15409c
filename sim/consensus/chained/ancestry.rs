//! The tree of blocks at a replica: commits in order, and the ancestors that it missed.
//!
//! A commit names a block by a certificate of a descendant; what lies between it and the tip may be missing where
//! messages were lost or the replica was away. The first missing ancestor is asked for by id, of one replica after
//! another, and the answer brings it and its parents, 32 blocks a round trip. A fetched block needs no certificate: a
//! certified descendant names its id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::consensus::{Context, KEPT_BLOCKS};
use crate::ledger::{Block, Chain, Committee};

use super::{Chained, ChainedMessage, ChainedTimer};

/// Blocks in one answer.
const FETCHED: u32 = 32;

/// What was asked for and has not come.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The first missing ancestor of the target.
    missing: Digest,
    /// Blocks of the answer that may still come.
    left: u32,
}

/// Blocks by id, the committed tip, and what is missing. Bounded: of each view between the tip's and the current one the
/// own block and another's first are kept, and a further one only where a certified descendant names it; of committed blocks the
/// last [`KEPT_BLOCKS`]: who is farther behind stays behind.
#[derive(Clone, Debug)]
pub(in crate::consensus) struct Ancestry {
    me: ReplicaId,
    committee: Committee,
    retry: Span,
    chain: Chain,
    /// Views whose first proposal is kept.
    proposed: BTreeSet<View>,
    /// The block to commit once its missing ancestors have come.
    target: Option<Digest>,
    asked: Option<Asked>,
    /// How often nobody answered: says whom to ask. It outlives targets, or a dead replica would be asked for ever.
    attempts: u32,
    /// Blocks of an answer that overtook the one before them.
    early: BTreeMap<Digest, Arc<Block>>,
}

impl Ancestry {
    /// Genesis alone. What is asked for is asked of another after `retry`.
    pub fn new(me: ReplicaId, committee: &Committee, retry: Span) -> Ancestry {
        Ancestry {
            me,
            committee: *committee,
            retry,
            chain: Chain::new(KEPT_BLOCKS),
            proposed: BTreeSet::new(),
            target: None,
            asked: None,
            attempts: 0,
            early: BTreeMap::new(),
        }
    }

    /// What is left of it after a crash: the blocks.
    pub fn recovered(&self) -> Ancestry {
        let (chain, proposed) = (self.chain.clone(), self.proposed.clone());
        Ancestry { chain, proposed, ..Ancestry::new(self.me, &self.committee, self.retry) }
    }

    /// The last committed block.
    pub fn tip(&self) -> &Arc<Block> {
        self.chain.tip()
    }

    /// The block with that id, unless unknown or forgotten.
    pub fn get(&self, id: &Digest) -> Option<&Arc<Block>> {
        self.chain.get(id)
    }

    /// Keeps a block of its own making.
    pub fn insert(&mut self, block: &Arc<Block>) {
        self.chain.insert(block.clone());
    }

    /// Keeps another's proposal of a view up to `current`, if it is the view's first.
    pub fn keep(&mut self, block: &Arc<Block>, current: View) {
        let known = self.chain.get(&block.id()).is_some();
        if !known && block.view > self.tip().view && block.view <= current && self.proposed.insert(block.view) {
            self.chain.insert(block.clone());
        }
    }

    /// Commits up to the block `target`, or begins to fetch what is missing; whether anything was committed.
    pub fn commit_to<P: Chained>(&mut self, target: Digest, ctx: &mut Context<'_, P>) -> bool {
        self.target = Some(target);
        match self.chain.path_to(&target) {
            Ok(path) => self.commit(path, ctx),
            Err(missing) => {
                // An answer on its way is waited for, whatever the target is by now.
                if self.asked.is_none() {
                    self.ask(missing, ctx);
                }
                false
            }
        }
    }

    fn commit<P: Chained>(&mut self, path: Vec<Arc<Block>>, ctx: &mut Context<'_, P>) -> bool {
        self.target = None;
        self.early.clear();
        if self.asked.take().is_some() {
            ctx.disarm(ChainedTimer::Fetch);
        }
        if planted!("parent re-committed") && !path.is_empty() && self.tip().height > Height(0) {
            ctx.commit(self.tip().clone());
        }
        let committed = !path.is_empty();
        for block in path {
            self.chain.commit(block.clone());
            ctx.commit(block);
        }
        self.proposed = self.proposed.split_off(&self.tip().view.next());
        committed
    }

    /// Asks for a block and its ancestors above the tip.
    /// Two certified blocks of consecutive views, parent and child, commit the first and its ancestors; `certified` is the
    /// child. Whether it did so now.
    pub fn commit_two_chain<P: Chained>(&mut self, certified: &Digest, ctx: &mut Context<'_, P>) -> bool {
        let Some(child) = self.get(certified) else { return false };
        let consecutive = child.parent_view.next() == child.view || planted!("non-consecutive commit");
        let (first, view) =
            if planted!("early commit") { (child.id(), child.view) } else { (child.parent, child.parent_view) };
        consecutive && view > self.tip().view && self.commit_to(first, ctx)
    }

    fn ask<P: Chained>(&mut self, missing: Digest, ctx: &mut Context<'_, P>) {
        if planted!("missing block not fetched") {
            return;
        }
        let peer = self.committee.other(self.me, self.attempts.into()).expect("a chain has others");
        self.asked = Some(Asked { missing, left: FETCHED });
        self.early.clear();
        let above = self.tip().height;
        ctx.send(peer, ChainedMessage::Fetch { block: missing, above });
        ctx.arm(ChainedTimer::Fetch, self.retry);
    }

    /// What was asked for has not come: another replica is asked.
    pub fn on_not_found<P: Chained>(&mut self, ctx: &mut Context<'_, P>) {
        if let Some(asked) = self.asked {
            self.attempts = self.attempts.wrapping_add(1);
            self.ask(asked.missing, ctx);
        }
    }

    /// Answers with the block and its ancestors above that height, newest first, as far as they are known.
    pub fn on_fetch<P: Chained>(&self, from: ReplicaId, block: &Digest, above: Height, ctx: &mut Context<'_, P>) {
        let mut at = *block;
        for _ in 0..FETCHED {
            let Some(block) = self.chain.get(&at).filter(|block| block.height > above) else { return };
            ctx.send(from, ChainedMessage::Found(block.clone()));
            at = block.parent;
        }
    }

    /// A block has come; whether anything was committed. Taken is the missing ancestor alone, and then the next: others
    /// of the answer that come before it, for want of batches, wait for it.
    pub fn on_found<P: Chained>(&mut self, block: &Arc<Block>, ctx: &mut Context<'_, P>) -> bool {
        let (Some(mut asked), Some(target)) = (self.asked, self.target) else { return false };
        if self.chain.get(&block.id()).is_none() {
            self.early.insert(block.id(), block.clone());
            if self.early.len() > FETCHED as usize {
                self.early.remove(&block.id());
            }
        }
        if block.id() != asked.missing {
            return false;
        }
        self.early.insert(block.id(), block.clone());
        // Down from the missing block: through those of the answer, and those known before.
        let mut at = asked.missing;
        while at != self.tip().id() {
            if let Some(found) = self.early.remove(&at) {
                self.chain.insert(found);
            }
            let Some(known) = self.chain.get(&at).filter(|known| known.height > self.tip().height) else { break };
            asked.left = asked.left.saturating_sub(1);
            at = known.parent;
        }
        asked.missing = at;
        self.asked = Some(asked);
        match self.chain.get(&at) {
            // The ancestry is whole, of this target or of an earlier one.
            Some(_) => {
                self.asked = None;
                ctx.disarm(ChainedTimer::Fetch);
                self.commit_to(target, ctx)
            }
            None if asked.left == 0 => {
                self.ask(at, ctx);
                false
            }
            None => {
                ctx.arm(ChainedTimer::Fetch, self.retry);
                false
            }
        }
    }
}
