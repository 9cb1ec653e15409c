//! The agenda: which event is next.
//!
//! # The order
//! Events leave in the order of `(at, origin, nth)`: due time, then the posting node, then that node's own count of
//! posts. The key is content, so the order of insertion, the shape of the queue and its history cannot change a run.
//!
//! # The structure
//! Time is cut into slots of 2^shift nanoseconds. One slot is open: its events lie sorted in a small front, from which
//! pops are served. Every later event waits unsorted in a bucket: at the level of the highest byte in which its slot's
//! number differs from the open one's. When the front is empty, the first bucket of the lowest occupied level is
//! opened: a level-0 bucket is one slot and is sorted into the front; a higher one is spread over the levels below.
//!
//! Pushing is O(1), popping amortised O(levels + log slot occupancy); with 10^5 to 10^7 pending events two or three
//! levels are in use. Compared with a heap, every step appends to or reads from one of at most 256 warm tails instead
//! of walking a path of cache misses: 3 times faster than the standard heap at 10^4 events, 6 times at 10^5, 25 times at 10^7 (`cargo
//! bench --bench kernel`). Memory is 24 bytes per event plus the unused ends of chunks.
//!
//! # Adapting the slot
//! About 12 events per opened slot is best, and 4 to 48 nearly as good: fewer waste visits, more waste sorting. The
//! agenda counts, and when the mean leaves that band it is rebuilt with another width. A rebuild touches every pending
//! event, so it waits until a quarter as many have been popped since the last one: amortised O(1). Widths depend on the
//! events alone, and even that cannot be seen from outside.

mod entry;
mod front;
mod levels;
pub mod reference;

pub use entry::{Entry, Tie};
use front::Front;
use levels::Levels;

use crate::base::Time;

/// The slot width before anything is known: 2^16 ns, 65 µs.
const SHIFT_START: u32 = 16;
/// The widest slot: 2^44 ns, almost five hours.
const SHIFT_MAX: u32 = 44;
/// Events per opened slot: the aim, and the band outside of which the width is changed.
const OCCUPANCY_AIM: u64 = 12;
const OCCUPANCY_MIN: u64 = 4;
const OCCUPANCY_MAX: u64 = 48;
/// The occupancy is looked at after so many opened slots or so many events, whichever comes first.
const CENSUS_SLOTS: u64 = 256;
const CENSUS_EVENTS: u64 = 4096;

/// A queue of events by key: what [`Agenda`] and [`reference::Reference`] have in common.
pub trait Queue<E: Copy> {
    /// An empty queue.
    fn new() -> Self;
    /// Adds an event; no two pending events may have the same `(at, tie)`.
    fn push(&mut self, at: Time, tie: Tie, event: E);
    /// Removes the event with the least key.
    fn pop(&mut self) -> Option<Entry<E>>;
    /// The number of pending events.
    fn len(&self) -> usize;
    /// Whether nothing is pending.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Memory held, in bytes, spare capacity included.
    fn bytes(&self) -> usize;
}

/// How crowded the opened slots were since the last look.
#[derive(Default)]
struct Census {
    slots: u64,
    events: u64,
}

/// The hierarchical bucket queue; see the [module](self) for its structure and costs.
///
/// `E` is meant to be 8 bytes or less (a kind and an index into a table), so that an entry takes 24.
pub struct Agenda<E> {
    front: Front<E>,
    levels: Levels<E>,
    /// The open slot: the front holds every pending event of this slot and of all before it.
    cursor: u64,
    /// Binary logarithm of the slot width in nanoseconds.
    shift: u32,
    len: usize,
    /// When the latest popped event was due.
    popped_at: Time,
    popped_since_rebuild: usize,
    census: Census,
}

/// When the next event of a part of the schedule is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Its next event is due at this time.
    Known(Time),
    /// Its next event is not before this time; opening the part tells more.
    NotBefore(Time),
    /// It has none.
    Never,
}

impl<E: Copy> Default for Agenda<E> {
    fn default() -> Self {
        Agenda::new()
    }
}

impl<E: Copy> Queue<E> for Agenda<E> {
    fn new() -> Self {
        Agenda {
            front: Front::new(),
            levels: Levels::new(),
            cursor: 0,
            shift: SHIFT_START,
            len: 0,
            popped_at: Time::ZERO,
            popped_since_rebuild: 0,
            census: Census::default(),
        }
    }

    #[inline]
    fn push(&mut self, at: Time, tie: Tie, event: E) {
        self.len += 1;
        self.put(Entry { at, tie, event });
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry<E>> {
        loop {
            if let Some(entry) = self.pop_open() {
                return Some(entry);
            }
            if !self.open() {
                return None;
            }
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&self) -> usize {
        self.front.bytes() + self.levels.bytes() + size_of::<Self>()
    }
}

impl<E: Copy> Agenda<E> {
    /// What is known of the next event without opening anything.
    #[inline]
    pub(super) fn next(&self) -> Next {
        if let Some(entry) = self.front.first() {
            return Next::Known(entry.at);
        }
        match self.levels.first() {
            Some(place) => Next::NotBefore(Time(place.first_slot(self.cursor) << self.shift)),
            None => Next::Never,
        }
    }

    /// The tie of the next event, if its slot is open.
    pub(super) fn next_tie(&self) -> Option<Tie> {
        self.front.first().map(|entry| entry.tie)
    }

    /// Removes the next event if its slot is open.
    #[inline]
    pub(super) fn pop_open(&mut self) -> Option<Entry<E>> {
        let entry = self.front.pop()?;
        self.len -= 1;
        self.popped_at = entry.at;
        self.popped_since_rebuild += 1;
        Some(entry)
    }

    /// Opens the first bucket, which may only refine the bound of [`Agenda::next`]; false when all are empty.
    /// The front must be empty.
    pub(super) fn open(&mut self) -> bool {
        assert!(self.front.is_empty(), "a bucket is opened when the one before is used up");
        self.adapt();
        let Some(place) = self.levels.first() else {
            // After a change of width everything may have landed in the front.
            return !self.front.is_empty();
        };
        if !self.front.is_empty() {
            return true;
        }
        self.cursor = place.first_slot(self.cursor);
        let mut list = self.levels.take(place);
        let mut loaded = 0;
        if place.level == 0 {
            while let Some(entries) = self.levels.take_chunk(&mut list) {
                self.front.load(entries);
                loaded += entries.len() as u64;
            }
        } else {
            while let Some((entries, fill)) = self.levels.take_chunk_copy(&mut list) {
                for entry in &entries[..fill] {
                    let slot = entry.at.0 >> self.shift;
                    if slot == self.cursor {
                        self.front.load(std::slice::from_ref(entry));
                        loaded += 1;
                    } else {
                        self.levels.append(slot, self.cursor, *entry);
                    }
                }
            }
        }
        if loaded > 0 {
            self.front.sort();
            self.census.slots += 1;
            self.census.events += loaded;
        }
        true
    }

    /// Puts an event where it belongs.
    #[inline]
    fn put(&mut self, entry: Entry<E>) {
        let slot = entry.at.0 >> self.shift;
        if slot > self.cursor {
            self.levels.append(slot, self.cursor, entry);
        } else {
            self.put_open(entry);
        }
    }

    /// Puts an event of the open slot or before it into the front.
    fn put_open(&mut self, entry: Entry<E>) {
        self.front.insert(entry);
        self.census.events += 1;
        // A slot so wide that it never ends would never be counted when the next one opens.
        if self.census.events >= 2 * CENSUS_EVENTS {
            self.adapt();
        }
    }

    /// Changes the slot width when opened slots held too many or too few events.
    #[inline]
    fn adapt(&mut self) {
        if self.census.slots < CENSUS_SLOTS && self.census.events < CENSUS_EVENTS {
            return;
        }
        let Census { slots, events } = std::mem::take(&mut self.census);
        let mean = events / slots.max(1);
        let shift = if mean > OCCUPANCY_MAX {
            self.shift.saturating_sub((mean / OCCUPANCY_AIM).ilog2())
        } else if mean < OCCUPANCY_MIN {
            (self.shift + (OCCUPANCY_AIM / mean.max(1)).ilog2()).min(SHIFT_MAX)
        } else {
            self.shift
        };
        if shift != self.shift && self.popped_since_rebuild >= self.len / 4 {
            self.rebuild(shift);
        }
    }

    /// Files all events again under slots of another width.
    #[cold]
    fn rebuild(&mut self, shift: u32) {
        let front = self.front.take_all();
        let mut lists = Vec::new();
        while let Some(place) = self.levels.first() {
            lists.push(self.levels.take(place));
        }
        self.shift = shift;
        self.cursor = self.popped_at.0 >> shift;
        self.popped_since_rebuild = 0;
        front.into_iter().for_each(|entry| self.refile(entry));
        for mut list in lists {
            while let Some((entries, fill)) = self.levels.take_chunk_copy(&mut list) {
                entries[..fill].iter().for_each(|&entry| self.refile(entry));
            }
        }
        self.front.sort();
    }

    fn refile(&mut self, entry: Entry<E>) {
        let slot = entry.at.0 >> self.shift;
        if slot > self.cursor {
            self.levels.append(slot, self.cursor, entry);
        } else {
            self.front.load(&[entry]);
        }
    }
}
