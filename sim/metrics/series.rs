//! Time series: load, throughput and latency by virtual time.

use hdrhistogram::Histogram;

use crate::base::{Span, Time};

/// One interval of a run.
#[derive(Clone, Debug)]
pub struct Point {
    /// Transactions submitted in it.
    pub offered: u64,
    /// Transactions first committed in it.
    pub committed: u64,
    /// Transactions refused in it.
    pub rejected: u64,
    /// Latencies submit→reply of the receipts that arrived in it, µs, two significant digits.
    pub reply_us: Histogram<u64>,
}

/// Points of equal length from the start of a run. About 10 KiB a point.
#[derive(Clone, Debug)]
pub struct Series {
    step: Span,
    points: Vec<Point>,
}

impl Series {
    /// An empty series with points of `step`.
    pub fn new(step: Span) -> Series {
        Series { step, points: Vec::new() }
    }

    /// The length of a point.
    pub fn step(&self) -> Span {
        self.step
    }

    /// The points so far.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The point that covers `at`.
    pub fn at(&mut self, at: Time) -> &mut Point {
        let index = (at.0 / self.step.0) as usize;
        while self.points.len() <= index {
            let reply_us = Histogram::new_with_bounds(1, 600_000_000, 2).expect("constant bounds are valid");
            self.points.push(Point { offered: 0, committed: 0, rejected: 0, reply_us });
        }
        &mut self.points[index]
    }
}
