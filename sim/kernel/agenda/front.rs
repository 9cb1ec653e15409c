//! The events of the open slot, in order: the only part of the agenda that is ever sorted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::size_of;

use super::Entry;

/// From this length on, latecomers go to the heap: moving more than about 3 KiB per insertion costs more than its logarithm.
const INSERT_MAX: usize = 128;

/// Events in key order: a sorted vector with the least one last, and a heap beside it for what arrives while the vector
/// is long. The heap is empty unless the slot is crowded.
pub(super) struct Front<E> {
    sorted: Vec<Entry<E>>,
    side: BinaryHeap<Reverse<Entry<E>>>,
}

impl<E: Copy> Front<E> {
    pub(super) const fn new() -> Self {
        Front { sorted: Vec::new(), side: BinaryHeap::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.sorted.is_empty() && self.side.is_empty()
    }

    /// Adds events in any order; [`Front::sort`] must follow before the next use.
    #[inline]
    pub(super) fn load(&mut self, entries: &[Entry<E>]) {
        self.sorted.extend_from_slice(entries);
    }

    /// Restores the order after [`Front::load`].
    #[inline]
    pub(super) fn sort(&mut self) {
        self.sorted.sort_unstable_by_key(|entry| Reverse(entry.key()));
    }

    /// Adds one event in its place: O(length) while short, else O(log length).
    #[inline]
    pub(super) fn insert(&mut self, entry: Entry<E>) {
        if self.sorted.len() >= INSERT_MAX {
            self.side.push(Reverse(entry));
            return;
        }
        let place = self.sorted.partition_point(|other| other.key() > entry.key());
        self.sorted.insert(place, entry);
    }

    /// The least event.
    #[inline]
    pub(super) fn first(&self) -> Option<&Entry<E>> {
        let sorted = self.sorted.last();
        match self.side.peek() {
            None => sorted,
            Some(Reverse(side)) => Some(sorted.map_or(side, |entry| entry.min(side))),
        }
    }

    /// Removes the least event.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        if self.side.is_empty() { self.sorted.pop() } else { self.pop_crowded() }
    }

    fn pop_crowded(&mut self) -> Option<Entry<E>> {
        let Reverse(side) = self.side.peek()?;
        match self.sorted.last() {
            Some(entry) if entry < side => self.sorted.pop(),
            _ => self.side.pop().map(|Reverse(entry)| entry),
        }
    }

    /// Removes everything, in no particular order.
    pub(super) fn take_all(&mut self) -> Vec<Entry<E>> {
        let mut all = std::mem::take(&mut self.sorted);
        all.extend(std::mem::take(&mut self.side).into_iter().map(|Reverse(entry)| entry));
        all
    }

    pub(super) fn bytes(&self) -> usize {
        (self.sorted.capacity() + self.side.capacity()) * size_of::<Entry<E>>()
    }
}
