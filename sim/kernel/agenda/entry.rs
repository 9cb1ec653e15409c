//! The key of an event and the 24 bytes in which it waits.

use std::cmp::Ordering;

use crate::base::{NodeId, Time};

const NTH_BITS: u32 = 40;

/// What orders simultaneous events: who posted, and the how-manieth post of that node it was.
///
/// 24 bits of node above 40 bits of count, so one comparison of integers decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tie(u64);

impl Tie {
    /// The tie of the `nth` post of `origin`.
    ///
    /// # Panics
    /// When the node is 2^24 or more, or the count 2^40 or more (at a million posts a second, after 12 days).
    #[inline]
    pub fn new(origin: NodeId, nth: u64) -> Tie {
        assert!(origin.0 < 1 << (64 - NTH_BITS), "a node id that posts is below 2^24, got {origin}");
        assert!(nth < 1 << NTH_BITS, "{origin} posted 2^40 times");
        Tie(u64::from(origin.0) << NTH_BITS | nth)
    }

    /// The node that posted.
    #[inline]
    pub fn origin(self) -> NodeId {
        NodeId((self.0 >> NTH_BITS) as u32)
    }

    /// How many posts of the same node came before.
    #[inline]
    pub fn nth(self) -> u64 {
        self.0 & ((1 << NTH_BITS) - 1)
    }
}

/// A pending event with its key.
#[derive(Clone, Copy, Debug)]
pub struct Entry<E> {
    /// When the event is due.
    pub at: Time,
    /// What orders it among simultaneous ones.
    pub tie: Tie,
    /// The event itself; it takes no part in the order.
    pub event: E,
}

impl<E> Entry<E> {
    /// The whole key as one integer: a comparison without branches.
    #[inline]
    pub(super) fn key(&self) -> u128 {
        u128::from(self.at.0) << 64 | u128::from(self.tie.0)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_a_word_of_payload_takes_24_bytes() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }

    #[test]
    fn a_tie_gives_back_what_it_was_made_of() {
        let tie = Tie::new(NodeId((1 << 24) - 1), (1 << 40) - 1);
        assert_eq!((tie.origin(), tie.nth()), (NodeId((1 << 24) - 1), (1 << 40) - 1));
        assert!(Tie::new(NodeId(3), 9) < Tie::new(NodeId(4), 0));
    }

    #[test]
    #[should_panic(expected = "below 2^24")]
    fn a_node_beyond_24_bits_is_refused() {
        Tie::new(NodeId(1 << 24), 0);
    }
}
