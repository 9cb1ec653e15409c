//! A pending delivery in eight bytes, and how the deliveries of a window are put in order.

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
}

const _: () = assert!(OFFSET_BITS + NODE_BITS + RECORD_BITS == u64::BITS);

/// Up to this length the library's sort beats the counters of a radix sort.
const COMPARISON_MAX: usize = 192;

/// Sorts the words of one window at a time; keeps its buffers.
pub(super) struct Sorter {
    half_sorted: Vec<Word>,
    counts: Vec<u32>,
}

impl Sorter {
    pub(super) const fn new() -> Self {
        Sorter { half_sorted: Vec::new(), counts: Vec::new() }
    }

    /// Puts `words`, of a window of 2^`width` ns, in the order `(offset, origin, nth, dest)` into `sorted`.
    ///
    /// Two passes of radix sort over the offset, O(n) and free of unpredictable branches; then the rare words of one
    /// nanosecond are ordered among themselves, O(n log n) when all coincide.
    pub(super) fn sort<E: Copy>(&mut self, words: &[Word], sorted: &mut Vec<Word>, width: u32, records: &Records<E>) {
        sorted.clear();
        if words.len() <= COMPARISON_MAX {
            sorted.extend_from_slice(words);
            sorted.sort_unstable_by_key(|word| word.0);
        } else {
            sorted.resize(words.len(), Word::ZERO);
            self.half_sorted.resize(words.len(), Word::ZERO);
            self.radix_sort(words, sorted, width);
        }
        order_coincident(sorted, records);
    }

    /// Sorts by the lower, then by the upper half of the offset's bits.
    fn radix_sort(&mut self, words: &[Word], sorted: &mut [Word], width: u32) {
        let low_bits = width / 2;
        let low_mask = (1 << low_bits) - 1;
        let high_mask = (1 << (width - low_bits)) - 1;
        self.counts.clear();
        self.counts.resize(low_mask + high_mask + 2, 0);
        let (low, high) = self.counts.split_at_mut(low_mask + 1);
        for word in words {
            let offset = word.offset() as usize;
            low[offset & low_mask] += 1;
            high[offset >> low_bits & high_mask] += 1;
        }
        into_starts(low);
        into_starts(high);
        distribute(words, &mut self.half_sorted, low, |word| word.offset() as usize & low_mask);
        distribute(&self.half_sorted, sorted, high, |word| (word.offset() >> low_bits) as usize & high_mask);
    }

    pub(super) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u32>() + self.half_sorted.capacity() * size_of::<Word>()
    }
}

/// Turns counts into the place of each digit's first word.
fn into_starts(counts: &mut [u32]) {
    let mut start = 0;
    for count in counts {
        start += std::mem::replace(count, start);
    }
}

#[inline]
fn distribute(words: &[Word], to: &mut [Word], starts: &mut [u32], digit: impl Fn(Word) -> usize) {
    for &word in words {
        let place = &mut starts[digit(word)];
        to[*place as usize] = word;
        *place += 1;
    }
}

/// Orders the words of each nanosecond by `(origin, nth, dest)`, given that nanoseconds are in order.
fn order_coincident<E: Copy>(sorted: &mut [Word], records: &Records<E>) {
    let mut start = 0;
    while start + 1 < sorted.len() {
        let offset = sorted[start].offset();
        if sorted[start + 1].offset() != offset {
            start += 1;
            continue;
        }
        let run = sorted[start..].iter().take_while(|word| word.offset() == offset).count();
        sorted[start..start + run].sort_unstable_by_key(|word| word.rank(records));
        start += run;
    }
}
