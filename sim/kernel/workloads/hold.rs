//! The hold model: pop one event, push one.

use super::super::agenda::{Queue, Tie};
use super::super::draw::{Site, draw, exponential};
use crate::base::{NodeId, Span, Time};

/// The mean time that an event waits.
const MEAN: Span = Span::from_millis(50);
/// Increments come from a table, so that drawing them is not measured.
const INCREMENTS: usize = 1 << 12;

/// A queue kept at a constant number of pending events, with exponential increments of mean 50 ms.
pub struct Hold<Q> {
    queue: Q,
    increments: Vec<Span>,
    posted: u64,
    digest: u64,
}

impl<Q: Queue<u64>> Hold<Q> {
    /// A queue of `pending` events in its steady state.
    pub fn new(pending: u64) -> Self {
        let increment = |i| exponential(MEAN, draw(1, Site::Phold, i as u64, 0, 0));
        let mut hold =
            Hold { queue: Q::new(), increments: (0..INCREMENTS).map(increment).collect(), posted: 0, digest: 0 };
        for i in 0..pending {
            hold.post(Time(exponential(MEAN, draw(2, Site::Phold, i, 0, 0)).0));
        }
        // Waiting times have no memory, so the queue is in its steady state already; this is for its widths to settle.
        hold.run(10_000 + pending / 2);
        hold
    }

    fn post(&mut self, at: Time) {
        // Few origins with interleaved counts: ties cost the same, and keys stay unique.
        self.queue.push(at, Tie::new(NodeId(self.posted as u32 % 1024), self.posted / 1024), self.posted);
        self.posted += 1;
    }

    /// Holds `count` times; returns the digest of the popped sequence since the beginning.
    pub fn run(&mut self, count: u64) -> u64 {
        for _ in 0..count {
            let entry = self.queue.pop().expect("the number of pending events is constant");
            self.digest = (self.digest ^ entry.event ^ entry.at.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            let increment = self.increments[(self.digest >> 52) as usize % INCREMENTS];
            self.post(entry.at + increment);
        }
        self.digest
    }

    /// Memory of the queue per pending event, in bytes.
    pub fn bytes_per_event(&self) -> f64 {
        self.queue.bytes() as f64 / self.queue.len() as f64
    }
}
