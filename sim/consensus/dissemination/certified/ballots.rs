//! Voters' side: the one header of each author and round that a replica may vote for.

use std::collections::BTreeMap;

use crate::base::{Digest, View};
use crate::consensus::planted::planted;
use crate::ledger::Block;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// Not voted for yet: something that it names is missing.
    Waiting(Digest),
    Voted(Digest),
}

/// What became of a header that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The first of its author in its round.
    First,
    /// It was voted for: the vote may have been lost.
    Voted,
    /// It waits, or another of the same author and round came first.
    Known,
}

/// The first header of each author in each round that is kept. Votes are on disk before they leave, so that a replica
/// never votes twice. Memory: 33 bytes for each replica and round.
#[derive(Debug)]
pub struct Ballots {
    n: usize,
    rounds: BTreeMap<View, Vec<Seen>>,
}

impl Ballots {
    pub fn new(n: u32) -> Ballots {
        Ballots { n: n as usize, rounds: BTreeMap::new() }
    }

    fn seen(&mut self, header: &Block) -> &mut Seen {
        let round = self.rounds.entry(header.view).or_insert_with(|| vec![Seen::Nothing; self.n]);
        &mut round[header.author.index()]
    }

    /// Narwhal, section 3.1: only the first header of an author in a round may be voted for.
    pub fn meet(&mut self, header: &Block) -> Met {
        let seen = self.seen(header);
        match *seen {
            Seen::Voted(id) if id == header.id() => Met::Voted,
            Seen::Waiting(id) if id == header.id() => Met::Known,
            Seen::Waiting(_) | Seen::Voted(_) if !planted!("vote twice") => Met::Known,
            _ => {
                *seen = Seen::Waiting(header.id());
                Met::First
            }
        }
    }

    pub fn vote(&mut self, header: &Block) {
        *self.seen(header) = Seen::Voted(header.id());
    }

    /// Rounds before `oldest` are over.
    pub fn forget(&mut self, oldest: View) {
        self.rounds = self.rounds.split_off(&oldest);
    }

    /// After a crash only votes are known.
    pub fn recover(&mut self) {
        let forgotten = planted!("votes forgotten in a crash");
        for seen in self.rounds.values_mut().flatten() {
            if forgotten || matches!(seen, Seen::Waiting(_)) {
                *seen = Seen::Nothing;
            }
        }
    }
}
