//! Which leader slots are committed and which are skipped: a pure query over the DAG.
//!
//! The paper's decision rules, with waves of three rounds, one beginning in each: the block of a leader in round r, votes
//! in round r + 1, certificates in round r + 2.
//!
//! - A block *votes* for the block of a slot that comes first where its links are followed depth first. A block of the
//!   round after links to blocks of that round and below only, so that is its first link into the slot.
//! - A block of round r + 2 is a *certificate* of the one that blocks of a quorum of replicas vote for, among those that
//!   it links to.
//! - *Direct*: certificates by a quorum of replicas commit the block; a slot is skipped where for each of its blocks,
//!   known or not, a quorum of replicas has blocks in round r + 1 that do not vote for it.
//! - *Indirect*: what is open then follows the first slot from round r + 3 on that is not skipped, its anchor. While that
//!   is undecided so is this; else the block is committed that a certificate certifies on which the anchor builds.
//!
//! Replicas are counted, not blocks: who lies may have several blocks in a round.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::base::{ReplicaId, View};
use crate::consensus::dag::{Dag, Decision};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Committee, Link, Signers};

/// Rounds from a leader's block to the certificates of it.
const TO_CERTIFICATES: u64 = 2;
/// Rounds from a slot to the first that may be its anchor.
const TO_ANCHOR: u64 = 3;

/// A place for a leader's block: the paper's *proposer slot*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaderSlot {
    /// The round.
    pub round: View,
    /// Of the round's leaders, which one: they are committed in this order.
    pub nth: u32,
}

impl LeaderSlot {
    /// The first of all.
    pub const FIRST: LeaderSlot = LeaderSlot { round: View(1), nth: 0 };
}

/// Who votes for a block: replicas with such a block in the round after it, and with one that does not vote for it. A
/// liar may be among both.
struct Votes {
    of: Link,
    voters: Signers,
    others: Signers,
}

/// The rules for a committee and a number of leaders. Cost: a slot is decided directly in O(n log n) where it is
/// skipped or too few blocks are there, and in O(n²) where it is committed.
#[derive(Clone, Copy, Debug)]
pub struct Committer {
    committee: Committee,
    leaders: u32,
}

impl Committer {
    /// The rules with `leaders` slots in each round.
    pub fn new(committee: &Committee, leaders: u32) -> Committer {
        Committer { committee: *committee, leaders }
    }

    /// Whose slot it is.
    pub fn leader(&self, slot: LeaderSlot) -> ReplicaId {
        self.committee.leader(View(slot.round.0 + u64::from(slot.nth)))
    }

    /// Who leads in a round.
    pub fn leaders(&self, round: View) -> impl Iterator<Item = ReplicaId> {
        (0..self.leaders).map(move |nth| self.leader(LeaderSlot { round, nth }))
    }

    /// The slot after `slot`.
    pub fn after(&self, slot: LeaderSlot) -> LeaderSlot {
        match slot.nth + 1 {
            nth if nth < self.leaders => LeaderSlot { nth, ..slot },
            _ => LeaderSlot { round: slot.round.next(), nth: 0 },
        }
    }

    /// What the DAG says of a slot. Once it is decided, no further block changes it.
    pub fn decide(&self, dag: &Dag, slot: LeaderSlot) -> Decision {
        // Without a certified anchor there is nothing to ask of later slots.
        let anchors = dag.highest().0 >= slot.round.0 + TO_ANCHOR + TO_CERTIFICATES;
        match self.direct(dag, slot) {
            Decision::Undecided if anchors => self.with_later(dag, slot),
            decision => decision,
        }
    }

    /// Decides the slots from the highest down to this one, since the indirect rule asks what became of later ones.
    fn with_later(&self, dag: &Dag, slot: LeaderSlot) -> Decision {
        // Descending.
        let mut later: Vec<(View, Decision)> = Vec::new();
        for round in (slot.round.0..dag.highest().0).rev().map(View) {
            for nth in (0..self.leaders).rev() {
                let at = LeaderSlot { round, nth };
                let decision = match self.direct(dag, at) {
                    Decision::Undecided => self.indirect(dag, at, &later),
                    decided => decided,
                };
                if at == slot {
                    return decision;
                }
                later.push((round, decision));
            }
        }
        Decision::Undecided
    }

    /// The direct decision rule.
    fn direct(&self, dag: &Dag, slot: LeaderSlot) -> Decision {
        let (leader, quorum) = (self.leader(slot), self.committee.quorum());
        let authors = dag.authors(slot.round.next());
        if authors < quorum {
            return Decision::Undecided;
        }
        // Where nobody lies, a link into the slot is a vote, and counts mostly tell.
        if !dag.is_forked(slot.round) && !dag.is_forked(slot.round.next()) {
            let voters = dag.linked(slot.round, leader);
            let against = authors.saturating_sub(voters);
            if voters < quorum || against >= quorum {
                return self.unless_certified(against >= quorum);
            }
            let round = View(slot.round.0 + TO_CERTIFICATES);
            if dag.authors(round) < quorum && !planted!("wave of two rounds") {
                return Decision::Undecided;
            }
            let certificates = || dag.counted(round).filter(|(_, strong)| self.surely(*strong, against)).count();
            if !dag.is_forked(round) && certificates() >= quorum as usize {
                return dag
                    .of(slot.round, leader)
                    .next()
                    .map_or(Decision::Undecided, |one| Decision::Commit(one.clone()));
            }
        }
        let mut skipped = true;
        for block in dag.of(slot.round, leader) {
            let votes = self.votes(dag, block);
            if votes.voters.count() >= quorum && self.is_certified(dag, &votes) {
                return Decision::Commit(block.clone());
            }
            skipped &= votes.others.count() >= quorum;
        }
        self.unless_certified(skipped)
    }

    /// A slot none of whose blocks is certified is skipped where a quorum is against each.
    fn unless_certified(&self, against: bool) -> Decision {
        if against || planted!("undecided taken for skipped") { Decision::Skip } else { Decision::Undecided }
    }

    /// The indirect decision rule with what became of later slots, descending.
    fn indirect(&self, dag: &Dag, slot: LeaderSlot, later: &[(View, Decision)]) -> Decision {
        let nearest = if planted!("anchor within the wave") { 1 } else { TO_ANCHOR };
        let far = |(round, _): &&(View, Decision)| round.0 >= slot.round.0 + nearest;
        let open = |(_, decision): &&(View, Decision)| !matches!(decision, Decision::Skip);
        let mut ahead = later.iter().rev().filter(far);
        let anchor = if planted!("latest anchor taken") { ahead.rfind(is_committed) } else { ahead.find(open) };
        match anchor {
            Some((_, Decision::Commit(anchor))) => self.by_anchor(dag, slot, anchor),
            _ => Decision::Undecided,
        }
    }

    /// What the anchor builds on says of an earlier slot.
    fn by_anchor(&self, dag: &Dag, slot: LeaderSlot, anchor: &Block) -> Decision {
        let round = View(slot.round.0 + TO_CERTIFICATES);
        let reached = if planted!("certificates beyond the anchor's history") {
            dag.blocks(round).map(|block| block.link()).collect()
        } else {
            dag.ancestors(anchor, round)
        };
        let certified = |block: &&Arc<Block>| {
            let votes = self.votes(dag, block);
            let mut certificates = reached.iter().filter_map(|link| dag.get(link));
            certificates.any(|certificate| self.certifies(dag, certificate, &votes))
        };
        match dag.of(slot.round, self.leader(slot)).find(certified) {
            Some(block) => Decision::Commit(block.clone()),
            None => Decision::Skip,
        }
    }

    /// Which block of the author in that round `block`, of the round after, votes for.
    fn vote<'a>(&self, block: &'a Block, round: View, author: ReplicaId) -> Option<&'a Link> {
        let (own, rest) = block.links.split_first()?;
        if (own.round, own.author) == (round, author) {
            return Some(own);
        }
        let first = rest.partition_point(|link| (link.round, link.author) < (round, author));
        rest.get(first).filter(|link| (link.round, link.author) == (round, author))
    }

    fn votes(&self, dag: &Dag, block: &Block) -> Votes {
        let (of, n) = (block.link(), self.committee.len());
        let mut votes = Votes { of, voters: Signers::none_of(n), others: Signers::none_of(n) };
        for voting in dag.blocks(of.round.next()) {
            let votes_for = self.vote(voting, of.round, of.author) == Some(&of);
            let side = if votes_for { &mut votes.voters } else { &mut votes.others };
            side.insert(voting.author);
        }
        votes
    }

    /// Whether a quorum of replicas has certificates of the block.
    fn is_certified(&self, dag: &Dag, votes: &Votes) -> bool {
        let quorum = self.committee.quorum();
        if planted!("wave of two rounds") {
            return votes.voters.count() >= quorum;
        }
        let mut authors = Signers::none_of(self.committee.len());
        let round = View(votes.of.round.0 + TO_CERTIFICATES);
        if dag.authors(round) < quorum {
            return false;
        }
        let (against, forked) = (votes.others.count(), dag.is_forked(votes.of.round.next()));
        let mut blocks = 0;
        for (block, strong) in dag.counted(round) {
            if (forked || !self.surely(strong, against)) && !self.certifies(dag, block, votes) {
                continue;
            }
            blocks += 1;
            authors.insert(block.author);
            if authors.count() >= quorum || planted!("blocks counted, not replicas") && blocks >= quorum {
                return true;
            }
        }
        false
    }

    /// Whether a block that links to `strong` replicas' blocks, of whom `against` at most do not vote, certifies: of a quorum
    /// and as many as do not vote, a quorum votes. Where replicas have several blocks it says nothing.
    fn surely(&self, strong: u32, against: u32) -> bool {
        strong >= self.committee.quorum() + against
    }

    /// Whether `block` is a certificate of what the votes are for.
    fn certifies(&self, dag: &Dag, block: &Block, votes: &Votes) -> bool {
        let Votes { of, voters, .. } = votes;
        let (round, quorum) = (of.round.next(), self.committee.quorum());
        // Of a liar that voted twice, only the block counts that is linked to.
        let forked = dag.is_forked(round);
        let named = |link: &Link| dag.get(link).and_then(|voting| self.vote(voting, of.round, of.author)) == Some(of);
        let mut authors = Signers::none_of(self.committee.len());
        block.links.iter().filter(|link| link.round == round && voters.contains(link.author)).any(|link| {
            if !forked || planted!("votes for both of two blocks") || named(link) {
                authors.insert(link.author);
            }
            authors.count() >= quorum
        })
    }
}

fn is_committed((_, decision): &&(View, Decision)) -> bool {
    matches!(decision, Decision::Commit(_))
}
