//! The time windows ahead, each a list of words.

use std::mem::size_of;

use super::word::Word;
use crate::kernel::chunks::{Arena, List};

/// Words per chunk: with the link, 512 bytes.
pub(super) const CHUNK: usize = 63;
/// Windows in the ring.
pub(super) const WINDOWS: u64 = 4096;

const GROUPS: usize = WINDOWS as usize / 64;

/// Lists of words for the [`WINDOWS`] windows after the open one, with a bitmap of two levels to find the first.
pub(super) struct Ring {
    arena: Arena<Word, CHUNK>,
    lists: Box<[List; WINDOWS as usize]>,
    occupied: [u64; GROUPS],
    groups: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        Ring { arena: Arena::new(), lists: Box::new([List::EMPTY; WINDOWS as usize]), occupied: [0; GROUPS], groups: 0 }
    }

    /// Appends a word to a window less than [`WINDOWS`] after the open one.
    #[inline]
    pub(super) fn append(&mut self, window: u64, word: Word) {
        let place = (window % WINDOWS) as usize;
        // An occupied window is marked already.
        if self.arena.push(&mut self.lists[place], word) {
            self.occupied[place / 64] |= 1 << (place % 64);
            self.groups |= 1 << (place / 64);
        }
    }

    /// The first window after `open` that has words.
    pub(super) fn first(&self, open: u64) -> Option<u64> {
        if self.groups == 0 {
            return None;
        }
        let start = ((open + 1) % WINDOWS) as usize;
        let (group, bit) = (start / 64, start % 64);
        let ahead = self.occupied[group] >> bit;
        let distance = if ahead != 0 {
            u64::from(ahead.trailing_zeros())
        } else {
            // The groups after this one, cyclically; its own lower part comes last.
            let turn = (group as u32 + 1) % 64;
            let groups = self.groups.rotate_right(turn).trailing_zeros();
            let found = (groups + turn) as usize % 64;
            let place = found * 64 + self.occupied[found].trailing_zeros() as usize;
            (place + WINDOWS as usize - start) as u64 % WINDOWS
        };
        Some(open + 1 + distance)
    }

    /// Moves the words of a window to the end of `words`.
    pub(super) fn take(&mut self, window: u64, words: &mut Vec<Word>) {
        let place = (window % WINDOWS) as usize;
        let mut list = std::mem::replace(&mut self.lists[place], List::EMPTY);
        self.occupied[place / 64] &= !(1 << (place % 64));
        if self.occupied[place / 64] == 0 {
            self.groups &= !(1 << (place / 64));
        }
        while let Some(chunk) = self.arena.take_chunk(&mut list) {
            words.extend_from_slice(chunk);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes() + size_of::<[List; WINDOWS as usize]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_window_is_found_all_around_the_ring() {
        for open in [0, 1, 62, 63, 64, 4030, 4095, 4096, 70_000] {
            for ahead in [1, 2, 63, 64, 65, 127, 128, 2048, 4032, 4033, 4095] {
                let mut ring = Ring::new();
                ring.append(open + 4095, Word::ZERO);
                ring.append(open + ahead, Word::ZERO);
                assert_eq!(ring.first(open), Some(open + ahead), "open {open}, ahead {ahead}");
                let mut words = Vec::new();
                ring.take(open + ahead, &mut words);
                assert_eq!(ring.first(open + ahead), (ahead != 4095).then_some(open + 4095));
            }
        }
    }
}
