//! Lazily expanded multicast: one shared record and eight bytes per pending delivery.
//!
//! In a round of all-to-all voting almost every pending event is one of many copies. A multicast is stored once, with
//! its origin, its count and its payload; each delivery is one packed word, `offset in its time window (20 bits) |
//! destination (20) | record (24)`, appended to the list of that window. When the window opens, its words are sorted
//! into the full order `(at, origin, nth, dest)` by a radix sort, and delivered from there. The record is freed with its last delivery.
//!
//! Sending costs O(1) per receiver, delivering amortised O(1); memory is 8 bytes per pending delivery plus the unused
//! ends of chunks. One event per receiver costs 24 bytes and, through a heap, an order of magnitude more time.
//!
//! A ring holds the 4,096 windows after the open one. Deliveries beyond it wait in a list that is swept when time
//! reaches its earliest: each word is looked at once per revolution of the ring. Deliveries into the open window, or
//! before it, go through a small heap. The window's width adapts like the agenda's slots: narrower when an opened
//! window outgrows the cache or many deliveries come late, wider when windows are nearly empty.

mod records;
mod ring;
mod word;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::agenda::{Next, Tie};
use crate::base::{NodeId, Time};
use records::Records;
use ring::{Ring, WINDOWS};
use word::{Sorter, Word};

const OFFSET_BITS: u32 = 20;
const NODE_BITS: u32 = 20;
const RECORD_BITS: u32 = 24;

/// Binary logarithms of the window width in nanoseconds: at first 131 µs, so that the ring spans half a second.
const WIDTH_START: u32 = 17;
const WIDTH_MIN: u32 = 10;
const WIDTH_MAX: u32 = OFFSET_BITS;
/// Words per opened window, on average, beyond which windows are halved or doubled.
const WORDS_MAX: u64 = 16_384;
const WORDS_MIN: u64 = 8;
/// The occupancy is looked at after so many opened windows or so many late words.
const CENSUS_WINDOWS: u64 = 256;
const CENSUS_LATE: u64 = 16_384;

/// A delivery outside of the ring: `(at, tie, to)` is its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Loose {
    at: Time,
    tie: Tie,
    to: NodeId,
    record: u32,
}

#[derive(Default)]
struct Census {
    windows: u64,
    words: u64,
    late: u64,
}

/// Pending deliveries of multicasts, in the order `(at, origin, nth, dest)`; see the [module](self).
pub struct Multicasts<E> {
    records: Records<E>,
    ring: Ring,
    /// Binary logarithm of the window width in nanoseconds.
    width: u32,
    /// The open window. Deliveries of this window and of all before it are in `sorted` or `late`.
    open: u64,
    /// The open window's words; those before `next` are delivered.
    sorted: Vec<Word>,
    next: usize,
    late: BinaryHeap<Reverse<Loose>>,
    far: Vec<Loose>,
    /// The earliest window with words in `far`.
    far_first: u64,
    len: usize,
    popped_at: Time,
    popped_since_rebuild: usize,
    census: Census,
    /// The words of the window being opened, unsorted.
    scratch: Vec<Word>,
    sorter: Sorter,
}

/// One delivery of a multicast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered<E> {
    /// When it arrives.
    pub at: Time,
    /// Where it arrives.
    pub to: NodeId,
    /// The multicast's payload.
    pub event: E,
    /// Whether it is the multicast's last.
    pub last: bool,
}

impl<E: Copy> Default for Multicasts<E> {
    fn default() -> Self {
        Multicasts::new()
    }
}

impl<E: Copy> Multicasts<E> {
    /// Nothing under way.
    pub fn new() -> Self {
        Multicasts {
            records: Records::new(),
            ring: Ring::new(),
            width: WIDTH_START,
            open: 0,
            sorted: Vec::new(),
            next: 0,
            late: BinaryHeap::new(),
            far: Vec::new(),
            far_first: u64::MAX,
            len: 0,
            popped_at: Time::ZERO,
            popped_since_rebuild: 0,
            census: Census::default(),
            scratch: Vec::new(),
            sorter: Sorter::new(),
        }
    }

    /// Sends `event` to every node of `arrivals` for its time of arrival; returns how many receivers there were.
    ///
    /// # Panics
    /// When a destination is 2^20 or more, or 2^24 multicasts are under way.
    #[inline]
    pub fn send(&mut self, tie: Tie, event: E, arrivals: impl Iterator<Item = (NodeId, Time)>) -> u32 {
        let record = self.records.insert(tie, event);
        let mut receivers = 0;
        for (to, at) in arrivals {
            assert!(to.0 < 1 << NODE_BITS, "a receiver of multicasts is below 2^20, got {to}");
            receivers += 1;
            self.put(Loose { at, tie, to, record });
        }
        self.len += receivers as usize;
        self.records.expect(record, receivers);
        receivers
    }

    /// The number of pending deliveries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no delivery is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory held, in bytes, spare capacity included.
    pub fn bytes(&self) -> usize {
        let words = (self.sorted.capacity() + self.scratch.capacity()) * size_of::<Word>();
        let loose = (self.late.capacity() + self.far.capacity()) * size_of::<Loose>();
        words + loose + self.records.bytes() + self.ring.bytes() + self.sorter.bytes() + size_of::<Self>()
    }

    /// Removes the next delivery.
    pub fn pop(&mut self) -> Option<Delivered<E>> {
        while !self.is_open() {
            if !self.open() {
                return None;
            }
        }
        self.pop_open()
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.next < self.sorted.len() || !self.late.is_empty()
    }

    /// What is known of the next delivery without opening a window.
    #[inline]
    pub(super) fn next(&self) -> Next {
        if self.len == 0 {
            return Next::Never;
        }
        let start = Time(self.open << self.width);
        match (self.sorted.get(self.next), self.late.peek()) {
            (Some(word), None) => Next::Known(Time(start.0 + u64::from(word.offset()))),
            (None, Some(Reverse(late))) => Next::Known(late.at),
            (Some(&word), Some(Reverse(late))) => Next::Known(self.loose(word).at.min(late.at)),
            (None, None) => Next::NotBefore(Time(self.first_window() << self.width)),
        }
    }

    /// The tie of the next delivery, if its window is open.
    pub(super) fn next_tie(&self) -> Option<Tie> {
        let sorted = self.sorted.get(self.next).map(|&word| self.loose(word));
        let late = self.late.peek().map(|&Reverse(late)| late);
        sorted.into_iter().chain(late).min().map(|first| first.tie)
    }

    /// Removes the next delivery if its window is open.
    #[inline]
    pub(super) fn pop_open(&mut self) -> Option<Delivered<E>> {
        let (at, to, record) = match (self.sorted.get(self.next), self.late.peek()) {
            (Some(&word), None) => self.take_sorted(word),
            (None, None) => return None,
            (sorted, Some(Reverse(late))) => match sorted {
                Some(&word) if self.loose(word) < *late => self.take_sorted(word),
                _ => self.take_late(),
            },
        };
        self.len -= 1;
        self.popped_at = at;
        self.popped_since_rebuild += 1;
        let (event, last) = self.records.deliver(record);
        Some(Delivered { at, to, event, last })
    }

    #[inline]
    fn take_sorted(&mut self, word: Word) -> (Time, NodeId, u32) {
        self.next += 1;
        (Time((self.open << self.width) + u64::from(word.offset())), word.to(), word.record())
    }

    fn take_late(&mut self) -> (Time, NodeId, u32) {
        let Reverse(Loose { at, to, record, .. }) = self.late.pop().expect("the caller saw a late delivery");
        (at, to, record)
    }

    /// The earliest window with deliveries that is not open.
    #[inline]
    fn first_window(&self) -> u64 {
        self.ring.first(self.open).unwrap_or(u64::MAX).min(self.far_first)
    }

    /// Opens the first window with deliveries; false when there is none. The open one must be exhausted.
    pub(super) fn open(&mut self) -> bool {
        assert!(!self.is_open(), "a window is opened when the one before is used up");
        if self.len == 0 {
            return false;
        }
        self.adapt();
        if self.is_open() {
            return true;
        }
        if self.far_first == self.first_window() {
            self.sweep();
        }
        self.open = self.first_window();
        self.scratch.clear();
        self.ring.take(self.open, &mut self.scratch);
        self.sorter.sort(&self.scratch, &mut self.sorted, self.width, &self.records);
        self.next = 0;
        self.census.windows += 1;
        self.census.words += self.sorted.len() as u64;
        true
    }

    /// Puts a delivery where it belongs.
    #[inline]
    fn put(&mut self, loose: Loose) {
        let window = loose.at.0 >> self.width;
        let ahead = window.wrapping_sub(self.open + 1);
        if ahead < WINDOWS - 1 {
            self.ring.append(window, Word::new(loose.at, self.width, loose.to, loose.record));
        } else {
            self.put_loose(loose, window);
        }
    }

    fn put_loose(&mut self, loose: Loose, window: u64) {
        if window > self.open {
            self.far_first = self.far_first.min(window);
            self.far.push(loose);
        } else {
            self.census.late += 1;
            self.late.push(Reverse(loose));
        }
    }

    /// Moves what has come into reach from the far list to the ring.
    #[cold]
    fn sweep(&mut self) {
        // Nothing is pending before the earliest far window, so the ring may turn to just before it.
        self.open = self.far_first - 1;
        self.next = self.sorted.len();
        self.far_first = u64::MAX;
        let mut kept = 0;
        for place in 0..self.far.len() {
            let loose = self.far[place];
            let window = loose.at.0 >> self.width;
            if window - self.open < WINDOWS {
                self.ring.append(window, Word::new(loose.at, self.width, loose.to, loose.record));
            } else {
                self.far_first = self.far_first.min(window);
                self.far[kept] = loose;
                kept += 1;
            }
        }
        self.far.truncate(kept);
    }

    /// Changes the window width when opened windows held too many or too few words.
    fn adapt(&mut self) {
        if self.census.windows < CENSUS_WINDOWS && self.census.late < CENSUS_LATE && self.census.words < 16 * WORDS_MAX
        {
            return;
        }
        let Census { windows, words, late } = std::mem::take(&mut self.census);
        let mean = (words + late) / windows.max(1);
        let crowded = mean > WORDS_MAX || (late > words / 4 && mean > WORDS_MIN);
        let sparse = mean < WORDS_MIN && late <= words / 16;
        let width = if crowded {
            (self.width - 1).max(WIDTH_MIN)
        } else if sparse {
            (self.width + 1).min(WIDTH_MAX)
        } else {
            self.width
        };
        if width != self.width && self.popped_since_rebuild >= self.len / 4 {
            self.rebuild(width);
        }
    }

    /// Files all deliveries again under windows of another width.
    #[cold]
    fn rebuild(&mut self, width: u32) {
        let mut all = std::mem::take(&mut self.far);
        all.extend(self.late.drain().map(|Reverse(loose)| loose));
        all.extend(self.sorted[self.next..].iter().map(|&word| self.loose(word)));
        while let Some(window) = self.ring.first(self.open) {
            self.open = window;
            self.scratch.clear();
            self.ring.take(window, &mut self.scratch);
            all.extend(self.scratch.iter().map(|&word| self.loose(word)));
        }
        self.width = width;
        self.open = self.popped_at.0 >> width;
        self.sorted.clear();
        self.next = 0;
        self.far_first = u64::MAX;
        self.popped_since_rebuild = 0;
        all.into_iter().for_each(|loose| self.put(loose));
        self.census = Census::default();
    }

    /// A word of the open window in full.
    fn loose(&self, word: Word) -> Loose {
        let at = Time((self.open << self.width) + u64::from(word.offset()));
        Loose { at, tie: self.records.tie(word.record()), to: word.to(), record: word.record() }
    }
}
