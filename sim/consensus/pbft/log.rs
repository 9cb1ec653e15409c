//! The log above the committed chain: blocks accepted in the current view, and the votes for them.
//!
//! Every vote that reaches a replica ends here, so a vote costs no search and no allocation: slots lie in a ring by
//! height, and a vote for a phase that is decided reads the first cache line of its slot and no more.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Committee, Phase, Signers};

/// What came of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Nothing new.
    Nothing,
    /// The block at its height is prepared.
    Prepared,
    /// A quorum has stated its commit of the block at its height.
    Committed,
    /// It is of another view.
    OtherView,
    /// It is above the high watermark.
    Beyond,
}

/// Votes for other blocks than the one that a slot counts for, one of each replica in each phase.
#[derive(Debug)]
struct Strays {
    seen: [Signers; 2],
    votes: Vec<(Phase, ReplicaId, Digest)>,
}

/// One height of the current view. The fields before the tallies fill one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Slot {
    /// The accepted block, or that of the first vote; zero before.
    id: Digest,
    /// A quorum has prepared the accepted block.
    prepared: bool,
    /// A quorum has stated its commit of the accepted block.
    committed: bool,
    /// This replica has prepared it.
    voted: bool,
    /// This replica has stated its commit.
    stated: bool,
    block: Option<Arc<Block>>,
    strays: Option<Box<Strays>>,
    prepares: Signers,
    commits: Signers,
}

impl Slot {
    fn empty(n: u32) -> Slot {
        Slot {
            id: Digest::ZERO,
            prepared: false,
            committed: false,
            voted: false,
            stated: false,
            block: None,
            strays: None,
            prepares: Signers::none_of(n),
            commits: Signers::none_of(n),
        }
    }

    /// Counts a vote for the slot's block; whether that decides the phase.
    fn count(&mut self, phase: Phase, from: ReplicaId, quorum: u32) -> bool {
        let tally = if phase == Phase::Vote { &mut self.prepares } else { &mut self.commits };
        let new = tally.insert(from);
        let repeated = u32::from(!new && planted!("duplicate votes counted"));
        (self.block.is_some() && tally.count() + repeated >= quorum).then(|| self.decide(phase)).is_some()
    }

    fn decide(&mut self, phase: Phase) {
        match phase {
            Phase::Vote => self.prepared = true,
            _ => self.committed = true,
        }
    }

    /// Keeps a vote for another block than the slot's: before the block is accepted, the first vote may be a liar's.
    #[cold]
    fn stray(&mut self, phase: Phase, from: ReplicaId, id: Digest, n: u32) {
        if self.block.is_some() {
            return;
        }
        let none = || Box::new(Strays { seen: [Signers::none_of(n), Signers::none_of(n)], votes: Vec::new() });
        let strays = self.strays.get_or_insert_with(none);
        if strays.seen[usize::from(phase == Phase::Commit)].insert(from) {
            strays.votes.push((phase, from, id));
        }
    }

    /// Counts for `block` from now on.
    fn accept(&mut self, block: Arc<Block>, n: u32) {
        let id = block.id();
        self.block = Some(block);
        if self.id != id {
            self.id = id;
            (self.prepares, self.commits) = (Signers::none_of(n), Signers::none_of(n));
        }
        for (phase, from, of) in self.strays.take().map(|strays| strays.votes).unwrap_or_default() {
            if of == id {
                let tally = if phase == Phase::Vote { &mut self.prepares } else { &mut self.commits };
                tally.insert(from);
            }
        }
    }
}

/// The slots of the current view from the committed tip up. Memory: 384 bytes and two signers' sets a height in flight,
/// at most twice `window` heights.
#[derive(Debug)]
pub(super) struct Log {
    /// The view whose votes count; 0 while there is none.
    view: View,
    /// The last committed height.
    tip: Height,
    /// The high watermark.
    highest: Height,
    /// The last height up to which blocks are accepted without gaps.
    accepted: Height,
    quorum: u32,
    n: u32,
    slots: VecDeque<Slot>,
}

impl Log {
    pub fn new(committee: &Committee) -> Log {
        Log {
            view: View(0),
            tip: Height(0),
            highest: Height(0),
            accepted: Height(0),
            quorum: committee.quorum() - u32::from(planted!("quorum off by one")),
            n: committee.len(),
            slots: VecDeque::new(),
        }
    }

    pub fn tip(&self) -> Height {
        self.tip
    }

    pub fn highest(&self) -> Height {
        self.highest
    }

    /// Moves the high watermark up.
    pub fn raise(&mut self, highest: Height) {
        self.highest = self.highest.max(highest);
    }

    /// The last accepted height, or the tip.
    pub fn accepted(&self) -> Height {
        self.accepted
    }

    /// Forgets the slots; votes of `view` count from now on.
    pub fn restart(&mut self, view: View) {
        self.view = view;
        self.accepted = self.tip;
        self.slots.clear();
    }

    /// Counts a vote (`Phase::Vote` or `Phase::Commit`).
    pub fn vote(&mut self, phase: Phase, from: ReplicaId, view: View, height: Height, id: Digest) -> Counted {
        if view != self.view {
            return Counted::OtherView;
        }
        let offset = height.0.wrapping_sub(self.tip.0 + 1);
        if offset >= self.slots.len() as u64 {
            if height <= self.tip {
                return Counted::Nothing;
            }
            if height > self.highest {
                return Counted::Beyond;
            }
            self.grow(height);
        }
        let slot = &mut self.slots[offset as usize];
        let preparing = phase == Phase::Vote;
        if if preparing { slot.prepared } else { slot.committed } {
            return Counted::Nothing;
        }
        if slot.id != id {
            if slot.id != Digest::ZERO {
                slot.stray(phase, from, id, self.n);
                return Counted::Nothing;
            }
            slot.id = id;
        }
        match slot.count(phase, from, self.quorum) {
            true if preparing => Counted::Prepared,
            true => Counted::Committed,
            false => Counted::Nothing,
        }
    }

    fn grow(&mut self, height: Height) {
        let n = self.n;
        self.slots.resize_with((height.0 - self.tip.0) as usize, || Slot::empty(n));
    }

    fn index(&self, height: Height) -> Option<usize> {
        usize::try_from(height.0.checked_sub(self.tip.0 + 1)?).ok()
    }

    fn slot(&self, height: Height) -> Option<&Slot> {
        self.slots.get(self.index(height)?)
    }

    /// The accepted block at a height above the tip.
    pub fn block(&self, height: Height) -> Option<&Arc<Block>> {
        self.slot(height)?.block.as_ref()
    }

    /// Accepts the block of the height after the last accepted one.
    pub fn accept(&mut self, block: Arc<Block>) {
        let height = block.height;
        assert_eq!(height, self.accepted.next(), "blocks are accepted in order");
        if self.slots.len() < (height.0 - self.tip.0) as usize {
            self.grow(height);
        }
        let (index, n) = (self.index(height).expect("the height is above the tip"), self.n);
        self.slots[index].accept(block, n);
        self.accepted = height;
    }

    /// Decides what the votes that came before an accepted block suffice for.
    pub fn recount(&mut self, height: Height) -> [bool; 2] {
        let quorum = self.quorum;
        let Some(slot) = self.index(height).and_then(|index| self.slots.get_mut(index)) else { return [false; 2] };
        let prepared = !slot.prepared && slot.prepares.count() >= quorum;
        let committed = !slot.committed && slot.commits.count() >= quorum;
        slot.prepared |= prepared;
        slot.committed |= committed;
        [prepared, committed]
    }

    fn accepted_slot(&mut self, height: Height) -> Option<&mut Slot> {
        let index = self.index(height)?;
        self.slots.get_mut(index).filter(|slot| slot.block.is_some())
    }

    /// Notes that this replica prepares the block at a height; false where it had, or has accepted none.
    pub fn prepare(&mut self, height: Height) -> bool {
        self.accepted_slot(height).is_some_and(|slot| !std::mem::replace(&mut slot.voted, true))
    }

    /// Notes that this replica states its commit at a height; false where it had, or has accepted none.
    pub fn state(&mut self, height: Height) -> bool {
        self.accepted_slot(height).is_some_and(|slot| !std::mem::replace(&mut slot.stated, true))
    }

    /// Whether this replica has prepared, and stated its commit, at a height.
    pub fn own(&self, height: Height) -> [bool; 2] {
        self.slot(height).map_or([false; 2], |slot| [slot.voted, slot.stated])
    }

    /// The certificate of a prepared block.
    pub fn prepared(&self, height: Height) -> Option<Certificate> {
        let slot = self.slot(height).filter(|slot| slot.prepared)?;
        let (phase, signers) = (Phase::Vote, slot.prepares.clone());
        Some(Certificate { phase, view: self.view, height, block: slot.id, signers })
    }

    /// The block after the tip with its certificate, once a quorum has stated its commit.
    pub fn committed(&self) -> Option<(Arc<Block>, Certificate)> {
        let slot = self.slots.front().filter(|slot| slot.committed || (slot.prepared && planted!("early commit")))?;
        let (block, signers) = (slot.block.clone()?, slot.commits.clone());
        let certificate =
            Certificate { phase: Phase::Commit, view: self.view, height: block.height, block: slot.id, signers };
        Some((block, certificate))
    }

    /// The next height is committed.
    pub fn advance(&mut self) {
        self.slots.pop_front();
        self.tip = self.tip.next();
        self.accepted = self.accepted.max(self.tip);
    }

    /// What is left of it after a crash: accepted blocks and what this replica stated.
    pub fn recovered(&self) -> Log {
        let kept = |slot: &Slot| Slot {
            id: slot.id,
            block: slot.block.clone(),
            voted: slot.voted,
            stated: slot.stated,
            ..Slot::empty(self.n)
        };
        let accepted = if planted!("log lost in a crash") { self.tip } else { self.accepted };
        let slots = self.slots.iter().take((accepted.0 - self.tip.0) as usize).map(kept).collect();
        Log { slots, accepted, ..*self }
    }
}
