//! What the deliveries of one multicast share, stored once.

use std::mem::size_of;

use crate::kernel::agenda::Tie;

/// A multicast under way: 24 bytes with 8 bytes of payload.
#[derive(Clone, Copy)]
pub(super) struct Record<E> {
    pub(super) tie: Tie,
    pub(super) event: E,
    /// Deliveries still to come.
    pub(super) pending: u32,
}

/// A table of records whose free places are reused, latest first.
pub(super) struct Records<E> {
    table: Vec<Record<E>>,
    free: Vec<u32>,
}

impl<E: Copy> Records<E> {
    pub(super) const fn new() -> Self {
        Records { table: Vec::new(), free: Vec::new() }
    }

    /// Stores a record without deliveries and returns its number, which is below 2^24.
    pub(super) fn insert(&mut self, tie: Tie, event: E) -> u32 {
        let record = Record { tie, event, pending: 0 };
        if let Some(number) = self.free.pop() {
            self.table[number as usize] = record;
            return number;
        }
        assert!(self.table.len() < 1 << super::RECORD_BITS, "fewer than 2^24 multicasts are under way at once");
        self.table.push(record);
        (self.table.len() - 1) as u32
    }

    /// Sets how many deliveries are to come; a record without any is freed.
    pub(super) fn expect(&mut self, number: u32, pending: u32) {
        if pending == 0 {
            self.free.push(number);
        }
        self.table[number as usize].pending = pending;
    }

    #[inline]
    pub(super) fn tie(&self, number: u32) -> Tie {
        self.table[number as usize].tie
    }

    /// Counts one delivery and returns the payload; the last delivery, told by `true`, frees the record.
    #[inline]
    pub(super) fn deliver(&mut self, number: u32) -> (E, bool) {
        let record = &mut self.table[number as usize];
        record.pending -= 1;
        let (event, last) = (record.event, record.pending == 0);
        if last {
            self.free.push(number);
        }
        (event, last)
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.capacity() * size_of::<Record<E>>() + self.free.capacity() * size_of::<u32>()
    }
}
