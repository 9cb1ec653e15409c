//! A pending delivery in eight bytes, and how the deliveries of a window are put in order.

use std::cmp::Ordering;

use super::records::Records;
use super::{NODE_BITS, OFFSET_BITS, RECORD_BITS};
use crate::base::{NodeId, Time};
use crate::kernel::agenda::Tie;

/// `offset in the window | destination | record`, the offset highest, so that words mostly compare as integers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(u64);

/// Where a delivery stands in the order of its window.
pub(super) type Rank = (u32, Tie, NodeId);

impl Word {
    pub(super) const ZERO: Word = Word(0);

    #[inline]
    pub(super) fn new(at: Time, width: u32, to: NodeId, record: u32) -> Word {
        let offset = at.0 & ((1 << width) - 1);
        Word(offset << (NODE_BITS + RECORD_BITS) | u64::from(to.0) << RECORD_BITS | u64::from(record))
    }

    /// Nanoseconds since the window began.
    #[inline]
    pub(super) fn offset(self) -> u32 {
        (self.0 >> (NODE_BITS + RECORD_BITS)) as u32
    }

    #[inline]
    pub(super) fn to(self) -> NodeId {
        NodeId((self.0 >> RECORD_BITS) as u32 & ((1 << NODE_BITS) - 1))
    }

    #[inline]
    pub(super) fn record(self) -> u32 {
        self.0 as u32 & ((1 << RECORD_BITS) - 1)
    }

    #[inline]
    pub(super) fn rank<E: Copy>(self, records: &Records<E>) -> Rank {
        (self.offset(), records.tie(self.record()), self.to())
    }

    /// Compares by `(offset, origin, nth, dest)`; records are read only when the offsets are equal.
    #[inline]
    fn compare<E: Copy>(self, other: Word, records: &Records<E>) -> Ordering {
        if self.offset() == other.offset() {
            return self.rank(records).cmp(&other.rank(records));
        }
        self.0.cmp(&other.0)
    }
}

const _: () = assert!(OFFSET_BITS + NODE_BITS + RECORD_BITS == u64::BITS);

/// Up to this length, insertion beats the library's sort.
const INSERTION_MAX: usize = 20;
/// The most cells of the distribution pass: their counters stay in the nearest cache.
const CELL_BITS_MAX: u32 = 12;

/// Sorts the words of one window at a time; keeps its buffers.
pub(super) struct Sorter {
    ends: Vec<u32>,
}

impl Sorter {
    pub(super) const fn new() -> Self {
        Sorter { ends: Vec::new() }
    }

    /// Puts `words`, of a window of 2^`width` ns, in key order into `sorted`. O(n) for spread-out times: one
    /// distribution pass over the offset's leading bits into cells of two words or so, then each cell by insertion.
    /// O(n log n) when times coincide.
    pub(super) fn sort<E: Copy>(&mut self, words: &[Word], sorted: &mut Vec<Word>, width: u32, records: &Records<E>) {
        sorted.clear();
        if words.len() <= INSERTION_MAX {
            sorted.extend_from_slice(words);
            sort_cell(sorted, records);
            return;
        }
        let cell_bits = (words.len().ilog2() - 1).min(CELL_BITS_MAX).min(width);
        let shift = NODE_BITS + RECORD_BITS + width - cell_bits;
        self.distribute(words, sorted, shift, cell_bits);
        let mut start = 0;
        for &end in &self.ends[..1 << cell_bits] {
            sort_cell(&mut sorted[start..end as usize], records);
            start = end as usize;
        }
    }

    /// One pass of counting sort; leaves the end of every cell in `ends`.
    fn distribute(&mut self, words: &[Word], sorted: &mut Vec<Word>, shift: u32, cell_bits: u32) {
        let mask = (1usize << cell_bits) - 1;
        self.ends.clear();
        self.ends.resize(1 << cell_bits, 0);
        let ends = &mut self.ends[..=mask];
        for word in words {
            ends[(word.0 >> shift) as usize & mask] += 1;
        }
        let mut start = 0;
        for end in ends.iter_mut() {
            start += std::mem::replace(end, start);
        }
        sorted.resize(words.len(), Word::ZERO);
        for word in words {
            let place = &mut ends[(word.0 >> shift) as usize & mask];
            sorted[*place as usize] = *word;
            *place += 1;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.ends.capacity() * size_of::<u32>()
    }
}

#[inline]
fn sort_cell<E: Copy>(cell: &mut [Word], records: &Records<E>) {
    if cell.len() > INSERTION_MAX {
        cell.sort_unstable_by(|&a, &b| a.compare(b, records));
        return;
    }
    for next in 1..cell.len() {
        let word = cell[next];
        let mut place = next;
        while place > 0 && word.compare(cell[place - 1], records) == Ordering::Less {
            cell[place] = cell[place - 1];
            place -= 1;
        }
        cell[place] = word;
    }
}
