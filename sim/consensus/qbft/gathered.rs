//! What others said at one height, within bounds: one proposal a round, one vote of each sender in each phase and
//! round, the last ROUND-CHANGE of each sender.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Digest, ReplicaId, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Signers, TimeoutCertificate};

use super::message::stated;
use super::{Prepared, Proposal};

/// Rounds before the current one that still count: their COMMITs may decide.
const ROUNDS_BEHIND: u64 = 4;
/// Rounds kept in all. A liar's votes may claim any; what is beyond is repeated when it is due.
const ROUNDS_KEPT: usize = 12;

/// One phase of one round. Memory: a bit for each replica and block; a sender votes once.
#[derive(Debug, Default)]
pub(super) struct Ballots {
    candidates: SmallVec<[Candidate; 1]>,
}

#[derive(Debug)]
struct Candidate {
    block: Digest,
    signers: Signers,
    votes: u32,
}

impl Ballots {
    /// Counts a vote; how many the block has now, or none where the sender's vote was counted before.
    pub fn add(&mut self, n: u32, block: Digest, from: ReplicaId) -> Option<u32> {
        let mut index = self.candidates.len();
        for (at, candidate) in self.candidates.iter().enumerate() {
            if candidate.block == block {
                index = at;
            } else if candidate.signers.contains(from) {
                return None;
            }
        }
        if index == self.candidates.len() {
            self.candidates.push(Candidate { block, signers: Signers::none_of(n), votes: 0 });
        }
        let candidate = &mut self.candidates[index];
        let counts = candidate.signers.insert(from) || planted!("duplicate votes counted");
        candidate.votes += u32::from(counts);
        counts.then_some(candidate.votes)
    }

    /// Who voted for the block, where at least `quorum` did.
    pub fn quorum_for(&self, block: Digest, quorum: u32) -> Option<&Signers> {
        let found = self.candidates.iter().find(|candidate| candidate.block == block && candidate.votes >= quorum);
        found.map(|candidate| &candidate.signers)
    }

    /// The block that at least `quorum` voted for.
    fn chosen(&self, quorum: u32) -> Option<Digest> {
        self.candidates.iter().find(|candidate| candidate.votes >= quorum).map(|candidate| candidate.block)
    }
}

/// One round.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub proposal: Option<Proposal>,
    pub prepares: Ballots,
    pub commits: Ballots,
}

/// The last ROUND-CHANGE of a sender.
#[derive(Clone, Debug)]
pub(super) struct RoundChange {
    pub round: View,
    pub prepared: Option<Prepared>,
}

/// What was said at one height. Rounds lie side by side from `base` on, found by arithmetic.
#[derive(Debug)]
pub(super) struct Gathered {
    n: u32,
    base: View,
    rounds: VecDeque<Round>,
    changes: BTreeMap<ReplicaId, RoundChange>,
    /// How many senders' last ROUND-CHANGE is to each round.
    changed_to: BTreeMap<View, u32>,
}

impl Gathered {
    /// Nothing was said yet among `n`.
    pub fn new(n: u32) -> Gathered {
        Gathered { n, base: View(0), rounds: VecDeque::new(), changes: BTreeMap::new(), changed_to: BTreeMap::new() }
    }

    /// A round near the current one.
    pub fn round(&mut self, round: View) -> Option<&mut Round> {
        let index = usize::try_from(round.0.checked_sub(self.base.0)?).ok()?;
        if index >= ROUNDS_KEPT {
            return None;
        }
        if index >= self.rounds.len() {
            self.rounds.resize_with(index + 1, Round::default);
        }
        self.rounds.get_mut(index)
    }

    /// Counts a PREPARE; how many its block has now.
    pub fn prepare(&mut self, round: View, block: Digest, from: ReplicaId) -> Option<u32> {
        let n = self.n;
        self.round(round)?.prepares.add(n, block, from)
    }

    /// Counts a COMMIT; how many its block has now.
    pub fn commit(&mut self, round: View, block: Digest, from: ReplicaId) -> Option<u32> {
        let n = self.n;
        self.round(round)?.commits.add(n, block, from)
    }

    /// The current round is `current`: those long before it are forgotten.
    pub fn forget_before(&mut self, current: View) {
        let base = View(current.0.saturating_sub(ROUNDS_BEHIND));
        let gone = base.0.saturating_sub(self.base.0).min(self.rounds.len() as u64);
        self.rounds.drain(..gone as usize);
        self.base = self.base.max(base);
    }

    /// The proposal of the latest round from `from` on whose block stands on `parent`.
    pub fn latest_proposal(&self, from: View, parent: Digest) -> Option<&Proposal> {
        let proposals = self.rounds.iter().rev().filter_map(|round| round.proposal.as_ref());
        proposals.take_while(|proposal| proposal.round >= from).find(|proposal| proposal.block.parent == parent)
    }

    /// A proposed block by its id, and the proposal it came with.
    pub fn proposed(&self, id: Digest) -> Option<&Proposal> {
        self.rounds.iter().filter_map(|round| round.proposal.as_ref()).find(|proposal| proposal.block.id() == id)
    }

    /// The round and block that a quorum committed, if one did.
    pub fn committed(&self, quorum: u32) -> Option<(View, Digest)> {
        let chosen = |(nth, round): (usize, &Round)| {
            round.commits.chosen(quorum).map(|block| (View(self.base.0 + nth as u64), block))
        };
        self.rounds.iter().enumerate().find_map(chosen)
    }

    /// Keeps a ROUND-CHANGE, unless its sender has sent one to as late a round.
    pub fn change(&mut self, from: ReplicaId, change: RoundChange) {
        let round = change.round;
        if self.changes.get(&from).is_some_and(|last| last.round >= round) {
            return;
        }
        if let Some(last) = self.changes.insert(from, change)
            && let Some(count) = self.changed_to.get_mut(&last.round)
        {
            *count -= 1;
            if *count == 0 {
                self.changed_to.remove(&last.round);
            }
        }
        *self.changed_to.entry(round).or_default() += 1;
    }

    /// The latest round that at least `count` senders have changed to, or beyond.
    pub fn reached_by(&self, count: u32) -> Option<View> {
        let mut reached = 0;
        let mut latest_first = self.changed_to.iter().rev();
        let (round, _) = latest_first.find(|&(_, &senders)| {
            reached += senders;
            reached >= count
        })?;
        Some(*round)
    }

    /// A quorum's ROUND-CHANGEs to exactly this round, and what they had prepared.
    pub fn changes_to(&self, round: View, quorum: u32) -> Option<(TimeoutCertificate, Vec<&Prepared>)> {
        if self.changed_to.get(&round).is_none_or(|&senders| senders < quorum) {
            return None;
        }
        let of_round = || self.changes.iter().filter(|(_, change)| change.round == round);
        let claim = |change: &RoundChange| stated(change.prepared.as_ref().map(|prepared| &*prepared.certificate));
        let timeouts = of_round().map(|(&from, change)| (from, claim(change))).collect();
        let prepared = of_round().filter_map(|(_, change)| change.prepared.as_ref()).collect();
        Some((TimeoutCertificate { view: View(round.0.saturating_sub(1)), timeouts }, prepared))
    }

    /// The block that a sender had prepared, by its id: also proof of what a COMMIT quorum is for.
    pub fn prepared_block(&self, id: Digest) -> Option<&Arc<Block>> {
        let prepared = self.changes.values().filter_map(|change| change.prepared.as_ref());
        prepared.map(|prepared| &prepared.block).find(|block| block.id() == id)
    }
}
