//! The commit rule: what a replica commits is decided by what was stated, which is derived here once more.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{Block, CommitRule, Committee, Leaders, Phase, Promises, Statement};

use super::arithmetic::{Set, leader, quorum};
use super::roll::{Choice, Entered, REMEMBERED, Roll};
use super::{Judge, Tap};

/// Blocks that one replica may be the first to propose; of a liar that proposes more, no more are known.
const MOST_PROPOSED: u32 = 8 * REMEMBERED as u32;
/// Heights above the highest decided one of which something is kept.
const MOST_AHEAD: u64 = 65_536;

/// A block's height and id.
type Place = (Height, Digest);

/// A proposed block, by its contents.
#[derive(Clone, Copy)]
struct Known {
    parent: Digest,
    view: View,
    proposed_by: ReplicaId,
}

/// Every block that a replica commits is decided by the protocol's rule, applied to proposals and statements alone.
///
/// A statement comes before what follows from it, also within one handler. What faulty replicas state counts; what they
/// commit is not judged. [`REMEMBERED`] heights below the highest decided one are remembered, and a commit below them is
/// not judged. Memory: about 110 bytes a proposed block, 50 a decided one, a [`Roll`] of votes, and where blocks are
/// stored ([`CommitRule::Stored`]) 80 bytes and a bit for each replica for each block and term.
pub(super) struct CommitRules {
    rule: CommitRule,
    leaders: Leaders,
    n: u32,
    quorum: u32,
    faulty: Set,
    blocks: BTreeMap<Place, Known>,
    proposed: Vec<u32>,
    stated: Roll,
    /// Who holds a block, or a descendant of the same view, in that view.
    holders: BTreeMap<(Place, View), Set>,
    decided: BTreeSet<Place>,
    top: Height,
}

impl CommitRules {
    pub(super) fn new(committee: &Committee, promises: &Promises, faulty: &Set) -> CommitRules {
        let n = committee.len();
        let quorum = quorum(promises.tolerates, n);
        CommitRules {
            rule: promises.commit,
            leaders: promises.leaders,
            n,
            quorum,
            faulty: faulty.clone(),
            blocks: BTreeMap::new(),
            proposed: vec![0; n as usize],
            stated: Roll::new(promises.slot, n, quorum),
            holders: BTreeMap::new(),
            decided: BTreeSet::from([(Height(0), Block::genesis().recompute_id())]),
            top: Height(0),
        }
    }

    fn oldest(&self) -> Height {
        Height(self.top.0.saturating_sub(REMEMBERED))
    }

    fn is_kept(&self, height: Height) -> bool {
        height >= self.oldest() && height.0 <= self.top.0.saturating_add(MOST_AHEAD)
    }

    fn on_proposal(&mut self, by: ReplicaId, block: &Block) {
        let known = self.blocks.contains_key(&(block.height, block.id()));
        if known || self.rule == CommitRule::Quorum || !self.is_kept(block.height) {
            return;
        }
        if self.proposed[by.index()] == MOST_PROPOSED {
            return;
        }
        let place = (block.height, block.recompute_id());
        let new = Known { parent: block.parent, view: block.view, proposed_by: by };
        if self.blocks.insert(place, new).is_none() {
            self.proposed[by.index()] += 1;
        }
        if self.decided.remove(&place) {
            self.decide(place);
        }
        match self.rule {
            CommitRule::Sequencer if self.is_sequencer(by, block) => self.decide(place),
            CommitRule::Consecutive { views } => self.decide_chains(place, views),
            CommitRule::Stored => self.spread_holders(place),
            _ => {}
        }
    }

    fn on_statement(&mut self, statement: &Statement) {
        let Statement { by, phase, view, height, justify, block } = *statement;
        let place = (height, block);
        match (self.rule, phase) {
            (CommitRule::Consecutive { views }, Phase::Vote) => {
                let count = self.enter(statement);
                if count == self.quorum {
                    self.decide_chains(place, views);
                }
            }
            (CommitRule::Quorum, Phase::Commit) => {
                let count = self.enter(statement);
                if count == self.quorum && block != Digest::ZERO {
                    self.decide(place);
                }
            }
            (CommitRule::Stored, Phase::Vote) if self.is_kept(height) => {
                let own = self.blocks.get(&place).map_or(justify, |block| block.view);
                if own == view {
                    self.hold(place, view, by);
                }
            }
            _ => {}
        }
    }

    /// How many have stated the like by now; 0 where it is nothing new.
    fn enter(&mut self, statement: &Statement) -> u32 {
        match self.stated.enter(statement) {
            Entered::New { count, .. } => count,
            Entered::Again | Entered::Ignored => 0,
        }
    }

    fn is_sequencer(&self, replica: ReplicaId, block: &Block) -> bool {
        let sequencer = leader(self.leaders, self.n, block.height, block.view);
        block.author == replica && sequencer == Some(replica)
    }

    /// A block and its ancestors are decided; those that are not known yet follow when they are proposed.
    fn decide(&mut self, mut place: Place) {
        self.top = self.top.max(place.0);
        while place.0 >= self.oldest() && self.decided.insert(place) {
            let Some(block) = self.blocks.get(&place) else { break };
            let Some(below) = place.0.0.checked_sub(1) else { break };
            place = (Height(below), block.parent);
        }
        self.forget();
    }

    fn forget(&mut self) {
        let oldest = self.oldest();
        while let Some((&place, block)) = self.blocks.first_key_value()
            && place.0 < oldest
        {
            self.proposed[block.proposed_by.index()] -= 1;
            self.blocks.pop_first();
        }
        while self.decided.first().is_some_and(|place| place.0 < oldest) {
            self.decided.pop_first();
        }
        while self.holders.first_key_value().is_some_and(|((place, _), _)| place.0 < oldest) {
            self.holders.pop_first();
        }
    }

    // Consecutive views.

    /// Votes for a block in its own view.
    fn votes(&self, place: Place) -> u32 {
        let votes = |block: &Known| self.stated.count(Phase::Vote, block.view, Choice::block(place.0, place.1));
        self.blocks.get(&place).map_or(0, votes)
    }

    /// Decides what the chains of `views` blocks decide that `place` is part of: whichever of their blocks it is.
    fn decide_chains(&mut self, place: Place, views: u32) {
        if self.votes(place) < self.quorum {
            return;
        }
        let last = Height(place.0.0.saturating_add(views.into()));
        let tips = self.blocks.range(place..(last, Digest::ZERO)).map(|(&tip, _)| tip);
        let decided: Vec<Place> = tips.filter_map(|tip| self.chain_to(tip, views)).collect();
        decided.into_iter().for_each(|place| self.decide(place));
    }

    /// The first block of a chain of `views` certified blocks of consecutive views that ends with `tip`, if there is one.
    fn chain_to(&self, tip: Place, views: u32) -> Option<Place> {
        let mut at = tip;
        for left in (0..views).rev() {
            let block = self.blocks.get(&at)?;
            if self.votes(at) < self.quorum {
                return None;
            }
            if left > 0 {
                let below = (Height(at.0.0.checked_sub(1)?), block.parent);
                let parent = self.blocks.get(&below)?;
                if parent.view.0.checked_add(1) != Some(block.view.0) {
                    return None;
                }
                at = below;
            }
        }
        Some(at)
    }

    // Stored by a majority.

    /// `by` holds a block in its own view, and with it those of the same view below it.
    fn hold(&mut self, mut place: Place, view: View, by: ReplicaId) {
        loop {
            let block = self.blocks.get(&place).copied();
            if block.is_some_and(|block| block.view != view) || place.0 < self.oldest() {
                return;
            }
            let holders = self.holders.entry((place, view)).or_default();
            if !holders.insert(by) {
                return;
            }
            let decided = holders.count() >= self.quorum;
            let Some(block) = block else { return };
            if decided && !self.decided.contains(&place) {
                self.decide(place);
            }
            // Genesis needs no holders.
            let Some(below) = place.0.0.checked_sub(1).filter(|&below| below > 0) else { return };
            place = (Height(below), block.parent);
        }
    }

    /// A block is known now: what was said of it before counts for its ancestors too.
    fn spread_holders(&mut self, place: Place) {
        let Some(block) = self.blocks.get(&place) else { return };
        let view = block.view;
        let held = self.holders.remove(&(place, view)).map_or(Vec::new(), |holders| holders.members());
        held.into_iter().for_each(|by| self.hold(place, view, by));
    }

    // Commits.

    fn on_commit(&mut self, replica: ReplicaId, block: &Block) -> Result<(), String> {
        let place = (block.height, block.id());
        // The sequencer may commit a block before it sends it.
        if self.rule == CommitRule::Sequencer && self.is_sequencer(replica, block) {
            self.decide(place);
        }
        if self.faulty.contains(replica) || place.0 < self.oldest() || self.decided.contains(&place) {
            return Ok(());
        }
        Err(format!("{replica} commits {:?} at {}, but {}", place.1, place.0, self.missing(place)))
    }

    /// Why a block is not decided.
    fn missing(&self, place: Place) -> String {
        let quorum = self.quorum;
        let view = self.blocks.get(&place).map(|block| block.view);
        match (self.rule, view) {
            (CommitRule::Quorum, _) => {
                let choice = Choice::block(place.0, place.1);
                let most = self.stated.most(Phase::Commit, choice, View(0), View(u64::MAX));
                format!("at most {most} of {quorum} state Commit for it in one view")
            }
            (CommitRule::Sequencer, _) => "its sequencer has not proposed it".into(),
            (CommitRule::Dag { .. }, _) => unreachable!("DAGs have a judge of their own"),
            (_, None) => "nobody has proposed it".into(),
            (CommitRule::Consecutive { views }, Some(view)) => format!(
                "it has {} of {quorum} votes in {view}, and no {views} certified blocks of consecutive views begin with it \
                 or a descendant",
                self.votes(place)
            ),
            (CommitRule::Stored, Some(view)) => {
                let holders = self.holders.get(&(place, view)).map_or(0, Set::count);
                format!(
                    "{holders} of {quorum} hold it in {view}, in which it was first proposed, and no descendant is decided"
                )
            }
        }
    }
}

impl Judge for CommitRules {
    fn name(&self) -> &'static str {
        "commit_rule"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Proposed { by, block } => self.on_proposal(*by, block),
            Tap::Stated { statement } => self.on_statement(statement),
            Tap::Committed { replica, block, .. } => return self.on_commit(*replica, block),
            _ => {}
        }
        Ok(())
    }
}
