//! The judge's own DAG.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Digest, ReplicaId, View};
use crate::ledger::{BatchRef, Block, Link};

use super::super::arithmetic::{Bits, Set};

/// Blocks of one author in one round that are known; a liar's further ones are not.
pub(in super::super) const MOST_FORKS: usize = 16;

/// A block of the DAG, by what judges need of it.
#[derive(Clone)]
pub(super) struct Woven {
    pub round: u64,
    pub author: ReplicaId,
    pub id: Digest,
    pub links: Vec<Link>,
    pub batches: Vec<BatchRef>,
}

impl Woven {
    pub(super) fn of(block: &Block) -> Woven {
        let (links, batches) = (block.links.clone(), block.payload.batches.clone());
        Woven { round: block.view.0, author: block.author, id: block.id(), links, batches }
    }

    pub(super) fn link(&self) -> Link {
        Link { round: View(self.round), author: self.author, id: self.id }
    }
}

/// Where a block is: its round, and its number there, which is its author's; further blocks of an author that lies have
/// numbers from n on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub round: u64,
    pub number: u32,
}

/// A block in its place.
pub(super) struct Entry {
    id: Digest,
    author: ReplicaId,
    /// What it links to in the round before, by number.
    pub before: Bits,
    /// What it links to in rounds before that.
    older: Vec<Place>,
    batches: Vec<BatchRef>,
    taken: bool,
}

#[derive(Default)]
struct Round {
    entries: Vec<Option<Entry>>,
    authors: u32,
}

/// Blocks by round and number, each after all that it links to.
///
/// What an anchor took keeps neither links nor batches: whatever is asked later is asked of rounds above that anchor's.
/// Memory: 110 bytes a block, and until it is taken a bit for each block of the round before and 64 bytes a batch.
pub(super) struct Web {
    n: u32,
    /// The lowest round kept.
    oldest: u64,
    rounds: VecDeque<Round>,
}

impl Web {
    pub(super) fn new(n: u32) -> Web {
        Web { n, oldest: 1, rounds: VecDeque::new() }
    }

    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    fn round(&self, round: u64) -> Option<&Round> {
        self.rounds.get(usize::try_from(round.checked_sub(self.oldest)?).ok()?)
    }

    fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        let index = usize::try_from(place.round.checked_sub(self.oldest)?).ok()?;
        self.rounds.get_mut(index)?.entries.get_mut(place.number as usize)?.as_mut()
    }

    /// The block in a place.
    pub(super) fn entry(&self, place: Place) -> Option<&Entry> {
        self.round(place.round)?.entries.get(place.number as usize)?.as_ref()
    }

    /// How a block is named.
    pub(super) fn link(&self, place: Place) -> Link {
        let entry = self.entry(place).expect("places of kept rounds are filled");
        Link { round: View(place.round), author: entry.author, id: entry.id }
    }

    /// Where the block that a link names is.
    pub(super) fn find(&self, link: &Link) -> Option<Place> {
        let at = |number| Place { round: link.round.0, number };
        let round = self.round(link.round.0)?;
        let first = round.entries.get(link.author.index())?.as_ref().filter(|entry| entry.id == link.id);
        let mut forks = (self.n..round.entries.len() as u32).map(at);
        let is_it = |place: &Place| self.entry(*place).is_some_and(|e| e.author == link.author && e.id == link.id);
        first.map(|_| at(link.author.0)).or_else(|| forks.find(is_it))
    }

    /// The own block that a block builds on, where that is not there but could be.
    pub(super) fn lacks_own(&self, block: &Woven) -> Option<Link> {
        let own = block.links.first().filter(|link| link.author == block.author && link.round.0 < block.round)?;
        (own.round.0 >= self.oldest && self.find(own).is_none()).then_some(*own)
    }

    /// How many replicas have a block in a round.
    pub(super) fn authors(&self, round: u64) -> u32 {
        self.round(round).map_or(0, |round| round.authors)
    }

    /// Who has a block in a round.
    pub(super) fn who(&self, round: u64) -> Set {
        let entries = self.round(round).map_or(&[][..], |round| &round.entries);
        let mut authors = Set::default();
        for entry in entries.iter().flatten() {
            authors.insert(entry.author);
        }
        authors
    }

    /// How many replicas have a block of `round` that is in both sets.
    pub(super) fn authors_in_both(&self, round: u64, one: &Bits, other: &Bits) -> u32 {
        let Some(kept) = self.round(round) else { return 0 };
        if kept.entries.len() <= self.n as usize {
            return one.count_shared(other);
        }
        let mut authors = Set::default();
        for number in one.shared(other).members() {
            if let Some(Some(entry)) = kept.entries.get(number as usize) {
                authors.insert(entry.author);
            }
        }
        authors.count()
    }

    /// Puts in a block that links to blocks of `quorum` replicas of the round before. None where it is known or too old, or
    /// is what no correct replica takes in: what it links to is not there, or not of a quorum.
    pub(super) fn insert(&mut self, block: &Woven, quorum: u32) -> Option<Place> {
        let Woven { round, author, id, .. } = *block;
        if round < self.oldest || author.0 >= self.n || self.find(&block.link()).is_some() {
            return None;
        }
        let (mut before, mut older, mut authors) = (Bits::default(), Vec::new(), Set::default());
        for link in &block.links {
            if link.round.0 >= round || link.author.0 >= self.n {
                return None;
            }
            if link.round.0 + 1 == round {
                authors.insert(link.author);
            }
            match self.find(link) {
                Some(place) if place.round + 1 < round => older.push(place),
                Some(place) => {
                    before.insert(place.number);
                }
                None if link.round.0 < self.oldest => {}
                None => return None,
            }
        }
        if round > 1 && authors.count() < quorum {
            return None;
        }
        let number = self.free(round, author)?;
        let batches = block.batches.clone();
        *self.slot(round, number) = Some(Entry { id, author, before, older, batches, taken: false });
        Some(Place { round, number })
    }

    /// The number that a further block of an author gets.
    fn free(&mut self, round: u64, author: ReplicaId) -> Option<u32> {
        let index = (round - self.oldest) as usize;
        if self.rounds.len() <= index {
            self.rounds.resize_with(index + 1, Round::default);
        }
        let kept = &mut self.rounds[index];
        if kept.entries.is_empty() {
            kept.entries.resize_with(self.n as usize, || None);
        }
        if kept.entries[author.index()].is_none() {
            kept.authors += 1;
            return Some(author.0);
        }
        let known = kept.entries.iter().flatten().filter(|entry| entry.author == author).count();
        (known < MOST_FORKS).then_some(kept.entries.len() as u32)
    }

    fn slot(&mut self, round: u64, number: u32) -> &mut Option<Entry> {
        let entries = &mut self.rounds[(round - self.oldest) as usize].entries;
        if entries.len() <= number as usize {
            entries.push(None);
        }
        &mut entries[number as usize]
    }

    /// The blocks of `round` that the one at `from` builds on, directly or not; itself, if it is one of them.
    pub(super) fn reach(&self, from: Place, round: u64) -> Bits {
        let mut fronts: BTreeMap<u64, Bits> = BTreeMap::new();
        fronts.entry(from.round).or_default().insert(from.number);
        // The highest round first, so that each block is looked at once.
        while let Some((at, front)) = fronts.pop_last() {
            if at <= round {
                return if at == round { front } else { Bits::default() };
            }
            for entry in front.members().filter_map(|number| self.entry(Place { round: at, number })) {
                fronts.entry(at - 1).or_default().unite(&entry.before);
                for place in &entry.older {
                    fronts.entry(place.round).or_default().insert(place.number);
                }
            }
        }
        Bits::default()
    }

    /// What the blocks order that the one at `anchor` builds on, itself included, of round `from` and above and not taken
    /// before: round by round, in a round by author and id.
    pub(super) fn take(&mut self, anchor: Place, from: u64) -> Vec<BatchRef> {
        let (mut found, mut front) = (Vec::new(), vec![anchor]);
        while let Some(place) = front.pop() {
            if place.round < from {
                continue;
            }
            let Some(entry) = self.entry_mut(place).filter(|entry| !entry.taken) else { continue };
            entry.taken = true;
            let (before, older) = (std::mem::take(&mut entry.before), std::mem::take(&mut entry.older));
            found.push(((place.round, entry.author, entry.id), std::mem::take(&mut entry.batches)));
            front.extend(before.members().map(|number| Place { round: place.round - 1, number }));
            front.extend(older);
        }
        found.sort_unstable_by_key(|&(key, _)| key);
        found.into_iter().flat_map(|(_, batches)| batches).collect()
    }

    /// Forgets the rounds before `round`.
    pub(super) fn forget(&mut self, round: u64) {
        while self.oldest < round {
            self.rounds.pop_front();
            self.oldest += 1;
        }
    }
}
