//! Who stated what, by slot: the record that judges of statements keep, each its own.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{Phase, Slot, Statement};

use super::arithmetic::Set;

/// Views (heights, where slots have one) below the highest that a quorum reached that are remembered.
pub(super) const REMEMBERED: u64 = 4_096;
/// Choices that one replica may be the first to state. An honest one needs one for each phase of a remembered slot; a
/// liar that needs more is no longer listened to. It also bounds the views at one height in which nothing is committed.
const MOST_OPENED: u32 = 8 * REMEMBERED as u32;

/// What is chosen in a slot: a block at the height that it is said to have, or, of those that give up or elect, a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub block: Digest,
    pub height: Height,
    number: View,
}

impl Choice {
    pub(super) fn of(statement: &Statement) -> Choice {
        let Statement { phase, height, justify, block, .. } = *statement;
        match phase {
            Phase::Elect => Choice::number(justify),
            Phase::Timeout => Choice { height, ..Choice::number(justify) },
            _ => Choice::block(height, block),
        }
    }

    pub(super) fn block(height: Height, block: Digest) -> Choice {
        Choice { block, height, number: View(0) }
    }

    /// No block, but a number, of a view of every height.
    pub(super) fn number(number: View) -> Choice {
        Choice { block: Digest::ZERO, height: Height(0), number }
    }
}

/// What came of entering a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// Too old to judge, or from one who says too much: not entered.
    Ignored,
    /// The very same was stated before.
    Again,
    /// It is new.
    New {
        /// How many have stated the like by now.
        count: u32,
        /// What else the same replica stated in this phase of this slot.
        other: Option<Choice>,
    },
}

struct Entry {
    phase: Phase,
    choice: Choice,
    by: Set,
    opened_by: ReplicaId,
}

/// Statements by slot, as one bit for each replica and choice.
///
/// What lies [`REMEMBERED`] slots below the highest that a quorum reached is forgotten and no longer entered: liars alone
/// cannot move that. Memory: 90 bytes and a bit for each replica for each choice; at most [`MOST_OPENED`] choices that a
/// replica was the first to state.
pub(super) struct Roll {
    slot: Slot,
    quorum: u32,
    slots: BTreeMap<(Height, View), Vec<Entry>>,
    opened: Vec<u32>,
    /// The highest view or height of each replica, and the highest that a quorum has reached.
    reached: Vec<u64>,
    front: u64,
    beyond: u32,
}

impl Roll {
    pub(super) fn new(slot: Slot, n: u32, quorum: u32) -> Roll {
        let (opened, reached) = (vec![0; n as usize], vec![0; n as usize]);
        Roll { slot, quorum, slots: BTreeMap::new(), opened, reached, front: 0, beyond: 0 }
    }

    fn key(&self, height: Height, view: View) -> (Height, View) {
        match self.slot {
            Slot::View => (Height(0), view),
            Slot::HeightAndView => (height, view),
        }
    }

    /// By what slots age.
    pub(super) fn position(&self, height: Height, view: View) -> u64 {
        match self.slot {
            Slot::View => view.0,
            Slot::HeightAndView => height.0,
        }
    }

    /// The lowest view (height, where slots have one) that is remembered.
    pub(super) fn oldest(&self) -> u64 {
        self.front.saturating_sub(REMEMBERED)
    }

    /// Whether a slot is no longer remembered.
    pub(super) fn is_past(&self, height: Height, view: View) -> bool {
        self.position(height, view) < self.oldest()
    }

    pub(super) fn enter(&mut self, statement: &Statement) -> Entered {
        let Statement { by, phase, height, view, .. } = *statement;
        if self.is_past(height, view) {
            return Entered::Ignored;
        }
        let choice = Choice::of(statement);
        let key = self.key(height, view);
        let entries = self.slots.get(&key).map_or(&[][..], |entries| entries);
        let same = entries.iter().position(|entry| entry.phase == phase && entry.choice == choice);
        if same.is_some_and(|index| entries[index].by.contains(by)) {
            return Entered::Again;
        }
        let mut others = entries.iter().filter(|entry| entry.phase == phase && entry.choice != choice);
        let other = others.find(|entry| entry.by.contains(by)).map(|entry| entry.choice);
        if same.is_none() && self.opened[by.index()] == MOST_OPENED {
            return Entered::Ignored;
        }
        let entries = self.slots.entry(key).or_default();
        let index = same.unwrap_or_else(|| {
            self.opened[by.index()] += 1;
            entries.push(Entry { phase, choice, by: Set::default(), opened_by: by });
            entries.len() - 1
        });
        entries[index].by.insert(by);
        let count = entries[index].by.count();
        self.reach(by, self.position(height, view));
        Entered::New { count, other }
    }

    /// A replica is at `position`: where a quorum now is further than before, what has become old is forgotten.
    fn reach(&mut self, by: ReplicaId, position: u64) {
        let before = self.reached[by.index()];
        if position <= before {
            return;
        }
        self.reached[by.index()] = position;
        self.beyond += u32::from(before <= self.front && position > self.front);
        if self.beyond < self.quorum {
            return;
        }
        let mut highest = self.reached.clone();
        let (_, front, _) = highest.select_nth_unstable_by(self.quorum as usize - 1, |a, b| b.cmp(a));
        self.front = *front;
        self.beyond = self.reached.iter().filter(|&&reached| reached > self.front).count() as u32;
        while let Some((&(height, view), _)) = self.slots.first_key_value()
            && self.is_past(height, view)
        {
            for entry in self.slots.pop_first().map(|(_, entries)| entries).unwrap_or_default() {
                self.opened[entry.opened_by.index()] -= 1;
            }
        }
    }

    /// Who stated `choice` in a phase of a view.
    pub(super) fn who(&self, phase: Phase, view: View, choice: Choice) -> Option<&Set> {
        let entries = self.slots.get(&self.key(choice.height, view))?;
        entries.iter().find(|entry| entry.phase == phase && entry.choice == choice).map(|entry| &entry.by)
    }

    /// How many stated `choice` in a phase of a view.
    pub(super) fn count(&self, phase: Phase, view: View, choice: Choice) -> u32 {
        self.who(phase, view, choice).map_or(0, Set::count)
    }

    /// How many stated `choice` in a phase of the view in which most did, of those from `from` and before `until`.
    pub(super) fn most(&self, phase: Phase, choice: Choice, from: View, until: View) -> u32 {
        let slots = self.slots.range(self.key(choice.height, from)..self.key(choice.height, until));
        slots.map(|(&(_, view), _)| self.count(phase, view, choice)).max().unwrap_or(0)
    }

    /// The last block at `height` of which `by` stated `phase` before `view`, and in which view.
    pub(super) fn last(&self, phase: Phase, by: ReplicaId, height: Height, view: View) -> Option<(View, Digest)> {
        let slots = self.slots.range(self.key(height, View(0))..self.key(height, view)).rev();
        let mut stated = slots.flat_map(|(&(_, view), entries)| entries.iter().map(move |entry| (view, entry)));
        let of_block = |entry: &Entry| entry.phase == phase && entry.choice.height == height;
        stated
            .find(|(_, entry)| of_block(entry) && entry.choice.block != Digest::ZERO && entry.by.contains(by))
            .map(|(view, entry)| (view, entry.choice.block))
    }

    /// Number of choices held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.values().map(Vec::len).sum()
    }
}
