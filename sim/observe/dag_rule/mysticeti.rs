//! Mysticeti-C (Babel et al., NDSS'25, arXiv 2310.14821, section 3.2): slots in every round, blocks that nobody certified.

use std::collections::VecDeque;

use crate::base::ReplicaId;

use super::super::arithmetic::{Bits, Set};
use super::web::{Place, Web, Woven};

#[derive(Clone, Copy)]
enum Decision {
    Commit(Place),
    Skip,
}

/// A block of a slot's leader: the only one, unless it lies.
struct Candidate {
    place: Place,
    /// Blocks of the next round that vote for it, by number.
    voters: Bits,
    /// Authors of blocks of the next round that do not.
    against: Set,
    /// Blocks of the round after with a quorum of voters among what they link to, by number, and their authors.
    certificates: Bits,
    certified_by: Set,
}

#[derive(Default)]
struct Slot {
    candidates: Vec<Candidate>,
    decision: Option<Decision>,
}

/// The slots of each round from the first that has an undecided one, in their order: decided as soon as they can be,
/// and committed in order.
///
/// A block votes for the first block of a slot that it meets when it follows its links depth first; as links lead to
/// rounds below, that is the first such link of a block of the next round. A slot is skipped where for each of its blocks
/// a quorum has not voted for it, which holds for blocks to come once it holds: nobody links to those yet. The authors'
/// code waits for a quorum that votes for none, which implies it.
pub(super) struct Mysticeti {
    n: u32,
    quorum: u32,
    leaders: u32,
    /// The round of the first row.
    first: u64,
    rows: VecDeque<Vec<Slot>>,
    /// Slots of the first row whose anchors are given out.
    given: usize,
}

impl Mysticeti {
    pub(super) fn new(n: u32, quorum: u32, leaders: u32) -> Mysticeti {
        Mysticeti { n, quorum, leaders: leaders.min(n), first: 1, rows: VecDeque::new(), given: 0 }
    }

    /// The slot that an author leads in a round.
    fn slot_of(&self, round: u64, author: ReplicaId) -> Option<usize> {
        let first = (round % u64::from(self.n)) as u32;
        let offset = (author.0 + self.n - first) % self.n;
        (offset < self.leaders).then_some(offset as usize)
    }

    fn row(&mut self, round: u64) -> Option<&mut Vec<Slot>> {
        self.rows.get_mut(usize::try_from(round.checked_sub(self.first)?).ok()?)
    }

    /// A block is in the DAG; the anchors that it decides, in order.
    pub(super) fn on_block(&mut self, web: &Web, block: &Woven, at: Place) -> Vec<Place> {
        while (self.first + self.rows.len() as u64) <= at.round {
            self.rows.push_back((0..self.leaders).map(|_| Slot::default()).collect());
        }
        self.stand(web, at);
        let voted = self.vote(web, block, at);
        let certified = self.certify(web, at);
        if voted || certified { self.decide(web) } else { Vec::new() }
    }

    /// The block is one of a slot, if its author leads one. No block links to it yet.
    fn stand(&mut self, web: &Web, at: Place) {
        let Some(offset) = self.slot_of(at.round, web.link(at).author) else { return };
        let against = web.who(at.round + 1);
        let Some(row) = self.row(at.round) else { return };
        let (voters, certificates, certified_by) = Default::default();
        row[offset].candidates.push(Candidate { place: at, voters, against, certificates, certified_by });
    }

    /// The block votes for one block of each slot of the round before, or for none; true where that skips a slot.
    fn vote(&mut self, web: &Web, block: &Woven, at: Place) -> bool {
        let Some(voted) = at.round.checked_sub(1) else { return false };
        let mut votes: Vec<Option<Place>> = vec![None; self.leaders as usize];
        for link in block.links.iter().filter(|link| link.round.0 == voted) {
            if let Some(offset) = self.slot_of(voted, link.author)
                && votes[offset].is_none()
            {
                votes[offset] = web.find(link);
            }
        }
        let (quorum, authors) = (self.quorum, web.authors(at.round));
        let Some(row) = self.row(voted) else { return false };
        let mut skips = false;
        for (slot, vote) in row.iter_mut().zip(votes) {
            for candidate in &mut slot.candidates {
                match vote == Some(candidate.place) {
                    true => candidate.voters.insert(at.number),
                    false => candidate.against.insert(block.author),
                };
            }
            let skipped = slot.candidates.iter().all(|candidate| candidate.against.count() >= quorum);
            if slot.decision.is_none() && skipped && authors >= quorum {
                slot.decision = Some(Decision::Skip);
                skips = true;
            }
        }
        skips
    }

    /// The block certifies what a quorum of those votes for that it links to; true where that commits a slot.
    fn certify(&mut self, web: &Web, at: Place) -> bool {
        let (quorum, entry) = (self.quorum, web.entry(at).expect("the block is in the DAG"));
        let author = web.link(at).author;
        let Some(row) = at.round.checked_sub(2).and_then(|round| self.row(round)) else { return false };
        let mut commits = false;
        for slot in row {
            for candidate in &mut slot.candidates {
                if web.authors_in_both(at.round - 1, &entry.before, &candidate.voters) < quorum {
                    continue;
                }
                candidate.certificates.insert(at.number);
                candidate.certified_by.insert(author);
                if slot.decision.is_none() && candidate.certified_by.count() >= quorum {
                    slot.decision = Some(Decision::Commit(candidate.place));
                    commits = true;
                }
            }
        }
        commits
    }

    /// Decides what follows from later slots, and gives out the anchors of the slots that are decided in a row.
    fn decide(&mut self, web: &Web) -> Vec<Place> {
        // The first slot of each row or a later one that is not skipped, if it is committed; from the last row down.
        let mut standing: Vec<Option<Place>> = vec![None; self.rows.len() + 1];
        for index in (0..self.rows.len()).rev() {
            let anchor = standing.get(index + 3).copied().flatten();
            let row = &mut self.rows[index];
            if let Some(anchor) = anchor
                && row.iter().any(|slot| slot.decision.is_none())
            {
                let reached = web.reach(anchor, self.first + index as u64 + 2);
                row.iter_mut().for_each(|slot| decide_by(slot, &reached));
            }
            let left = row.iter().find(|slot| !matches!(slot.decision, Some(Decision::Skip)));
            standing[index] = match left.map(|slot| slot.decision) {
                None => standing[index + 1],
                Some(Some(Decision::Commit(place))) => Some(place),
                Some(_) => None,
            };
        }
        self.give_out()
    }

    fn give_out(&mut self) -> Vec<Place> {
        let mut anchors = Vec::new();
        while let Some(row) = self.rows.front() {
            let decided = row[self.given..].iter().map_while(|slot| slot.decision);
            for decision in decided {
                self.given += 1;
                if let Decision::Commit(place) = decision {
                    anchors.push(place);
                }
            }
            if self.given < row.len() {
                break;
            }
            self.rows.pop_front();
            self.first += 1;
            self.given = 0;
        }
        anchors
    }
}

/// A slot that was not decided directly is by an anchor three rounds later or more: its block is committed that the anchor
/// reaches a certificate of.
fn decide_by(slot: &mut Slot, reached: &Bits) {
    let certified = |candidate: &&Candidate| candidate.certificates.count_shared(reached) > 0;
    let block = slot.candidates.iter().find(certified).map(|candidate| candidate.place);
    slot.decision.get_or_insert(block.map_or(Decision::Skip, Decision::Commit));
}
