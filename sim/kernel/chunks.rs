//! Lists of small copyable items in fixed-size chunks, all drawn from one arena with a free list.
//!
//! A bucket queue keeps thousands of short lists whose lengths change constantly. Vectors would each hold their peak
//! capacity for ever (200–400 bytes per pending event were measured); chunks of a few cache lines return to one
//! last-in-first-out free list, so memory follows the number of pending items and the chunk reused next is still warm.
//!
//! Appending and taking are O(1) per item; nothing is allocated while the free list has chunks.

use std::mem::size_of;

/// Marks the end of a list.
const NONE: u32 = u32::MAX;

/// The fewest chunks by which an arena grows.
const GROWTH_MIN: usize = 64;

/// A list in an [`Arena`]: its newest chunk, of which `fill` items are in use. All older chunks are full.
#[derive(Clone, Copy)]
pub(super) struct List {
    head: u32,
    fill: u32,
}

impl List {
    /// The list without items. Its absent head counts as full, so that appending tests one condition only.
    pub(super) const EMPTY: List = List { head: NONE, fill: u32::MAX };
}

struct Chunk<T, const N: usize> {
    items: [T; N],
    next: u32,
}

/// Owns the chunks, of `N` items each, of any number of lists.
pub(super) struct Arena<T, const N: usize> {
    chunks: Vec<Chunk<T, N>>,
    free: u32,
}

impl<T: Copy, const N: usize> Arena<T, N> {
    /// An arena that owns no memory yet.
    pub(super) const fn new() -> Self {
        Arena { chunks: Vec::new(), free: NONE }
    }

    /// Appends `item` to `list`; tells whether that took another chunk, as it does for the first item of a list.
    #[inline]
    pub(super) fn push(&mut self, list: &mut List, item: T) -> bool {
        let grows = list.fill as usize >= N;
        if grows {
            self.add_chunk(list, item);
        } else {
            self.chunks[list.head as usize].items[list.fill as usize] = item;
            list.fill += 1;
        }
        grows
    }

    /// Puts a chunk that holds just `item` at the head of `list`.
    fn add_chunk(&mut self, list: &mut List, item: T) {
        let fresh = self.free;
        if fresh == NONE {
            self.add_memory(list, item);
        } else {
            let chunk = &mut self.chunks[fresh as usize];
            self.free = chunk.next;
            chunk.next = list.head;
            chunk.items[0] = item;
            *list = List { head: fresh, fill: 1 };
        }
    }

    #[cold]
    fn add_memory(&mut self, list: &mut List, item: T) {
        if self.chunks.len() == self.chunks.capacity() {
            // An eighth at a time: doubling would leave up to half of the memory unused, and large blocks are moved
            // by remapping pages, so frequent growth costs little.
            self.chunks.reserve_exact((self.chunks.len() / 8).max(GROWTH_MIN));
        }
        let fresh = u32::try_from(self.chunks.len()).expect("an arena holds fewer than 2^32 chunks");
        assert!(fresh != NONE, "an arena holds fewer than 2^32 - 1 chunks");
        // No item is special enough to mean "unused", so the whole chunk is filled with the first one.
        self.chunks.push(Chunk { items: [item; N], next: list.head });
        *list = List { head: fresh, fill: 1 };
    }

    /// Takes the newest chunk off `list` and shows its items; they stay readable until the arena is used again.
    #[inline]
    pub(super) fn take_chunk(&mut self, list: &mut List) -> Option<&[T]> {
        let head = list.head;
        if head == NONE {
            return None;
        }
        let fill = list.fill as usize;
        let chunk = &mut self.chunks[head as usize];
        *list = if chunk.next == NONE { List::EMPTY } else { List { head: chunk.next, fill: N as u32 } };
        chunk.next = self.free;
        self.free = head;
        Some(&self.chunks[head as usize].items[..fill])
    }

    /// As [`Arena::take_chunk`], but copies the chunk, so that its items can be appended to other lists.
    #[inline]
    pub(super) fn take_chunk_copy(&mut self, list: &mut List) -> Option<([T; N], usize)> {
        let head = list.head as usize;
        let fill = self.take_chunk(list)?.len();
        Some((self.chunks[head].items, fill))
    }

    /// Memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Chunk<T, N>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(arena: &mut Arena<u64, 3>, list: &mut List) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(items) = arena.take_chunk(list) {
            all.extend_from_slice(items);
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn interleaved_lists_keep_their_own_items() {
        let mut arena = Arena::<u64, 3>::new();
        let mut lists = [List::EMPTY; 2];
        (0..20).for_each(|item| _ = arena.push(&mut lists[item as usize % 2], item));
        assert_eq!(take_all(&mut arena, &mut lists[0]), (0..20).step_by(2).collect::<Vec<_>>());
        assert_eq!(take_all(&mut arena, &mut lists[1]), (1..20).step_by(2).collect::<Vec<_>>());
        assert!(lists.into_iter().all(|list| list.head == NONE));
    }

    #[test]
    fn freed_chunks_are_reused_before_memory_grows() {
        let mut arena = Arena::<u64, 3>::new();
        let mut list = List::EMPTY;
        for _ in 0..100 {
            (0..30).for_each(|item| _ = arena.push(&mut list, item));
            assert_eq!(take_all(&mut arena, &mut list).len(), 30);
        }
        assert_eq!(arena.chunks.len(), 10);
    }
}
