//! The unsorted part of the agenda: levels of 256 buckets over slot numbers.

use std::mem::size_of;

use super::Entry;
use crate::kernel::chunks::{Arena, List};

/// Digits of a slot number are bytes: 256 tails per level stay in the nearest cache.
const DIGIT_BITS: u32 = 8;
const BUCKETS: usize = 1 << DIGIT_BITS;
/// A byte each for the 64 bits of a slot number.
const LEVELS: usize = 8;

/// Entries per chunk: 15 of 24 bytes fill 368 bytes with the link. 7 were slower by up to 40 %, 31 no faster.
pub(super) const CHUNK: usize = 15;

/// Where an event waits: the level of the highest digit in which its slot differs from the open one, and that digit.
///
/// An event moves down at most once per level, so every event costs at most one append per level above its first.
pub(super) struct Levels<E> {
    arena: Arena<Entry<E>, CHUNK>,
    buckets: Box<[[List; BUCKETS]; LEVELS]>,
    occupied: [[u64; BUCKETS / 64]; LEVELS],
    /// Bit `l` is set where level `l` has an occupied bucket.
    nonempty: u32,
}

/// A bucket, named by its place.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) level: usize,
    digit: usize,
}

impl Place {
    /// The first slot of the bucket, seen from the open slot `cursor`.
    #[inline]
    pub(super) fn first_slot(self, cursor: u64) -> u64 {
        let shift = DIGIT_BITS * self.level as u32;
        // Two shifts, because the level above the highest would shift by all 64 bits at once.
        let above = (u64::MAX << shift) << DIGIT_BITS;
        (cursor & above) | (self.digit as u64) << shift
    }
}

impl<E: Copy> Levels<E> {
    pub(super) fn new() -> Self {
        Levels {
            arena: Arena::new(),
            buckets: Box::new([[List::EMPTY; BUCKETS]; LEVELS]),
            occupied: [[0; BUCKETS / 64]; LEVELS],
            nonempty: 0,
        }
    }

    /// Appends an event of a `slot` after the open one.
    #[inline]
    pub(super) fn append(&mut self, slot: u64, cursor: u64, entry: Entry<E>) {
        assert!(slot > cursor, "what is due by the cursor belongs to the front");
        let level = ((slot ^ cursor).ilog2() / DIGIT_BITS) as usize;
        let digit = (slot >> (DIGIT_BITS * level as u32)) as usize % BUCKETS;
        // An occupied bucket is marked already.
        if self.arena.push(&mut self.buckets[level][digit], entry) {
            self.occupied[level][digit / 64] |= 1 << (digit % 64);
            self.nonempty |= 1 << level;
        }
    }

    /// The bucket with the earliest events. Lower levels come first: they agree with the open slot in more digits.
    #[inline]
    pub(super) fn first(&self) -> Option<Place> {
        if self.nonempty == 0 {
            return None;
        }
        let level = self.nonempty.trailing_zeros() as usize;
        let words = &self.occupied[level];
        let word = words.iter().position(|&word| word != 0).expect("a level marked non-empty has an occupied bucket");
        Some(Place { level, digit: word * 64 + words[word].trailing_zeros() as usize })
    }

    /// Detaches the list of a bucket.
    #[inline]
    pub(super) fn take(&mut self, place: Place) -> List {
        let words = &mut self.occupied[place.level];
        words[place.digit / 64] &= !(1 << (place.digit % 64));
        if words.iter().all(|&word| word == 0) {
            self.nonempty &= !(1 << place.level);
        }
        std::mem::replace(&mut self.buckets[place.level][place.digit], List::EMPTY)
    }

    /// Takes a chunk off a detached list; see [`Arena::take_chunk`].
    #[inline]
    pub(super) fn take_chunk(&mut self, list: &mut List) -> Option<&[Entry<E>]> {
        self.arena.take_chunk(list)
    }

    /// Takes a chunk off a detached list and copies it; see [`Arena::take_chunk_copy`].
    #[inline]
    pub(super) fn take_chunk_copy(&mut self, list: &mut List) -> Option<([Entry<E>; CHUNK], usize)> {
        self.arena.take_chunk_copy(list)
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes() + size_of::<[[List; BUCKETS]; LEVELS]>()
    }
}
