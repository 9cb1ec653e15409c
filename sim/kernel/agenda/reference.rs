//! The agenda anyone would write first: the standard library's binary heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::size_of;

use super::{Entry, Queue, Tie};
use crate::base::Time;

/// A plain [`BinaryHeap`] over the same key. O(log pending) with several dependent cache misses per operation.
///
/// It is public for two uses: the oracle of the property tests, and the kernel that the benchmarks compare with.
pub struct Reference<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
}

impl<E: Copy> Queue<E> for Reference<E> {
    fn new() -> Self {
        Reference { heap: BinaryHeap::new() }
    }

    #[inline]
    fn push(&mut self, at: Time, tie: Tie, event: E) {
        self.heap.push(Reverse(Entry { at, tie, event }));
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry<E>> {
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    fn len(&self) -> usize {
        self.heap.len()
    }

    fn bytes(&self) -> usize {
        self.heap.capacity() * size_of::<Entry<E>>()
    }
}
