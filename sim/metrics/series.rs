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

    /// How far the ledger fell behind its load at most: transactions that were submitted and neither committed nor refused
    /// at the end of a point, and how long before the last of those committed by then was submitted.
    pub fn backlog(&self) -> Backlog {
        let mut worst = Backlog::default();
        let (mut submitted, mut done) = (0u64, 0u64);
        // The point up to whose end everything is done, and what was submitted before it.
        let (mut reached, mut before) = (0usize, 0u64);
        for (nth, point) in self.points.iter().enumerate() {
            submitted += point.offered;
            done += point.committed + point.rejected;
            while reached < nth && before + self.points[reached].offered <= done {
                before += self.points[reached].offered;
                reached += 1;
            }
            worst.transactions = worst.transactions.max(submitted.saturating_sub(done));
            if submitted > done {
                worst.behind = worst.behind.max(self.step * (nth - reached) as u64);
            }
        }
        worst
    }
}

impl Series {
    /// How a surge was absorbed that began at a time and began to fall at another.
    pub fn absorption(&self, begins: Time, falls: Time) -> Absorption {
        let mut absorption = Absorption { before: 0, highest: 0, after: None };
        let (mut submitted, mut done) = (0u64, 0u64);
        for (nth, point) in (1u64..).zip(&self.points) {
            submitted += point.offered;
            done += point.committed + point.rejected;
            let (end, backlog) = (Time::ZERO + self.step * nth, submitted.saturating_sub(done));
            if end <= begins {
                absorption.before = absorption.before.max(backlog);
                continue;
            }
            absorption.highest = absorption.highest.max(backlog);
            if end >= falls && backlog <= absorption.before && absorption.after.is_none() {
                absorption.after = Some(end.since(falls));
            }
        }
        absorption
    }
}

/// How a surge was absorbed; transactions submitted and neither committed nor refused at the ends of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absorption {
    /// At most, before it began.
    pub before: u64,
    /// At most, from then on.
    pub highest: u64,
    /// From the beginning of its fall until there were no more than before it; none where that was not seen.
    pub after: Option<Span>,
}

/// How far behind its load a ledger was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Submitted and neither committed nor refused.
    pub transactions: u64,
    /// How long ago what is next was submitted, to a point of the series, as if everything were committed in its order: a
    /// few that come late for reasons of their own count as if all did.
    pub behind: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surge_is_behind_until_it_is_absorbed() {
        let mut series = Series::new(Span::from_secs(1));
        let at = |second: u64| Time::ZERO + Span::from_secs(second);
        for (second, (offered, committed)) in (0..).zip([(10, 10), (40, 10), (40, 20), (10, 30), (0, 30)]) {
            series.at(at(second)).offered = offered;
            series.at(at(second)).committed = committed;
        }
        // After three seconds 90 were submitted and 40 done: of the second second's 40 not all.
        assert_eq!(series.backlog(), Backlog { transactions: 50, behind: Span::from_secs(1) });
    }

    #[test]
    fn a_surge_is_absorbed_when_as_little_is_in_flight_as_before_it() {
        let mut series = Series::new(Span::from_secs(1));
        let at = |second: u64| Time::ZERO + Span::from_secs(second);
        // In flight: 2, 4, 14, 24, 14, 4, 3.
        let course = [(10, 8), (10, 8), (20, 10), (20, 10), (10, 20), (10, 20), (10, 11)];
        for (second, (offered, committed)) in (0..).zip(course) {
            series.at(at(second)).offered = offered;
            series.at(at(second)).committed = committed;
        }
        let absorbed = |after| Absorption { before: 4, highest: 24, after };
        assert_eq!(series.absorption(at(2), at(4)), absorbed(Some(Span::from_secs(2))));
        assert_eq!(series.absorption(at(2), at(6)), absorbed(Some(Span::ZERO)), "before it fell");
        assert_eq!(series.absorption(at(1), at(4)).after, None, "2 are never reached again");
    }
}
