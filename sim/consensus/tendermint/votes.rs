//! A height's messages by round: votes counted once for each signer, and the proposal.
//!
//! Rounds are found by arithmetic, and the votes of a unanimous round lie in one piece of memory: with a thousand
//! replicas almost all that happens is the counting of one more vote.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Digest, ReplicaId, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Phase, Signers};

use super::gossip::Parts;
use super::message::Header;

/// Rounds after the current one whose votes are kept: CometBFT keeps the next, and two that peers say they are in.
pub(super) const AHEAD: u64 = 2;
/// Rounds kept in all. A polka or decision of a round that far back is lost to who has not seen it, which delays and
/// harms nothing.
const MOST_ROUNDS: usize = 64;

/// Votes of one phase in one round. A replica's first vote counts and every other one does not, unless a certificate
/// shows it: so there are at most n candidates.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    candidates: SmallVec<[(Digest, Signers); 1]>,
    voters: u32,
}

impl Votes {
    /// Counts a vote of one of `n` replicas; false where it had voted.
    pub fn add(&mut self, block: Digest, from: ReplicaId, n: u32) -> bool {
        if self.has_voted(from) {
            if planted!("duplicate votes counted")
                && let Some(other) = (0..n).map(ReplicaId).find(|&other| !self.has_voted(other))
            {
                return self.add(block, other, n);
            }
            return false;
        }
        self.voters += 1;
        self.candidate(block, n).insert(from)
    }

    /// Counts votes that someone shows, also of those who voted otherwise towards this replica.
    pub fn merge(&mut self, block: Digest, signers: &Signers, n: u32) -> bool {
        let mut new = false;
        // Each faulty replica can sign any number of votes for others to show.
        if self.of(&block).is_none() && self.candidates.len() >= 2 * n as usize {
            return false;
        }
        for signer in signers.iter().filter(|signer| signer.0 < n) {
            self.voters += u32::from(!self.has_voted(signer));
            new |= self.candidate(block, n).insert(signer);
        }
        new
    }

    fn candidate(&mut self, block: Digest, n: u32) -> &mut Signers {
        let known = self.candidates.iter().position(|(candidate, _)| *candidate == block);
        let index = known.unwrap_or_else(|| {
            self.candidates.push((block, Signers::none_of(n)));
            self.candidates.len() - 1
        });
        &mut self.candidates[index].1
    }

    /// Whether a vote of `replica` was counted.
    pub fn has_voted(&self, replica: ReplicaId) -> bool {
        self.candidates.iter().any(|(_, signers)| signers.contains(replica))
    }

    /// Replicas whose vote was counted, for whatever.
    pub fn voters(&self) -> u32 {
        self.voters
    }

    /// Votes for one block.
    pub fn count(&self, block: &Digest) -> u32 {
        self.of(block).map_or(0, Signers::count)
    }

    /// Who voted for one block.
    pub fn of(&self, block: &Digest) -> Option<&Signers> {
        self.candidates.iter().find(|(candidate, _)| candidate == block).map(|(_, signers)| signers)
    }

    /// A block, not nil, that `quorum` voted for.
    pub fn decided(&self, quorum: u32) -> Option<Digest> {
        let enough = |(block, signers): &&(Digest, Signers)| *block != Digest::ZERO && signers.count() >= quorum;
        self.candidates.iter().find(enough).map(|(block, _)| *block)
    }

    /// Every candidate with its voters.
    pub fn iter(&self) -> impl Iterator<Item = &(Digest, Signers)> {
        self.candidates.iter()
    }
}

/// One round of one height, as far as a replica knows of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub prevotes: Votes,
    pub precommits: Votes,
    /// The first proposal by the round's proposer.
    pub header: Option<Header>,
    /// The block that the header names.
    pub block: Option<Arc<Block>>,
    /// What has come of blocks in parts.
    pub parts: Parts,
}

impl Round {
    /// The votes of a phase, unless it is none of Tendermint's.
    pub fn votes(&mut self, phase: Phase) -> Option<&mut Votes> {
        match phase {
            Phase::Vote => Some(&mut self.prevotes),
            Phase::Commit => Some(&mut self.precommits),
            _ => None,
        }
    }
}

/// The rounds of one height that are remembered.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    first: u64,
    rounds: VecDeque<Round>,
}

impl Rounds {
    /// Of a height at which nothing has happened.
    pub fn new() -> Rounds {
        let mut rounds = Rounds { first: 0, rounds: VecDeque::new() };
        rounds.reach(View(0));
        rounds
    }

    /// Makes room for the rounds up to a few after `view`, and forgets those long before it.
    pub fn reach(&mut self, view: View) {
        let oldest = (view.0 + AHEAD + 1).saturating_sub(MOST_ROUNDS as u64);
        if oldest > self.first + self.rounds.len() as u64 {
            self.rounds.clear();
            self.first = oldest;
        }
        while self.first + (self.rounds.len() as u64) <= view.0 + AHEAD {
            self.rounds.push_back(Round::default());
        }
        while self.rounds.len() > MOST_ROUNDS {
            self.rounds.pop_front();
            self.first += 1;
        }
    }

    pub fn get(&self, view: View) -> Option<&Round> {
        self.rounds.get(usize::try_from(view.0.checked_sub(self.first)?).ok()?)
    }

    pub fn get_mut(&mut self, view: View) -> Option<&mut Round> {
        self.rounds.get_mut(usize::try_from(view.0.checked_sub(self.first)?).ok()?)
    }

    /// All that are remembered, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (View, &Round)> {
        self.rounds.iter().enumerate().map(|(index, round)| (View(self.first + index as u64), round))
    }

    /// A block of this height with that id, of any round.
    pub fn block(&self, id: &Digest) -> Option<&Arc<Block>> {
        let found = self.rounds.iter().filter_map(|round| round.block.as_ref());
        found.into_iter().find(|block| block.id() == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_once_whatever_it_votes_for() {
        let mut votes = Votes::default();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert!(votes.add(a, ReplicaId(0), 4) && votes.add(b, ReplicaId(1), 4));
        assert!(!votes.add(b, ReplicaId(0), 4) && !votes.add(a, ReplicaId(0), 4));
        assert_eq!((votes.voters(), votes.count(&a), votes.count(&b)), (2, 1, 1));
        let mut shown = Signers::none_of(4);
        assert!([0, 2, 3].into_iter().all(|by| shown.insert(ReplicaId(by))));
        assert!(
            votes.merge(b, &shown, 4) && !votes.merge(b, &shown, 4),
            "an equivocator's other vote counts for others"
        );
        assert_eq!((votes.voters(), votes.count(&a), votes.count(&b)), (4, 1, 4));
        assert_eq!(votes.decided(3), Some(b));
    }

    #[test]
    fn a_quorum_for_nil_decides_nothing() {
        let mut votes = Votes::default();
        (0..4).for_each(|by| assert!(votes.add(Digest::ZERO, ReplicaId(by), 4)));
        assert_eq!(votes.decided(3), None);
    }

    #[test]
    fn rounds_are_bounded_behind_and_ahead() {
        let mut rounds = Rounds::new();
        assert!(rounds.get(View(2)).is_some() && rounds.get(View(3)).is_none() && rounds.get(View(u64::MAX)).is_none());
        (1..100).for_each(|view| rounds.reach(View(view)));
        assert!(rounds.get(View(101)).is_some() && rounds.get(View(102)).is_none());
        assert!(rounds.get(View(38)).is_some() && rounds.get(View(37)).is_none());
        rounds.reach(View(1_000_000));
        assert_eq!(rounds.iter().count(), MOST_ROUNDS);
        assert!(rounds.get(View(1_000_002)).is_some() && rounds.get(View(1_000_003)).is_none());
    }
}
