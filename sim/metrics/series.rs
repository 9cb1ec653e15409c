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

/// More than so many times the lag before a surge is the surge's doing: commits come in lumps.
const LAGGING: f64 = 1.5;

impl Series {
    /// How a surge was absorbed that began at a time and began to fall at another. The lag of a point is what was in flight
    /// at its end, over what was submitted in it: by Little's law, how long a transaction takes.
    pub fn absorption(&self, begins: Time, falls: Time) -> Absorption {
        let (mut before, mut highest, mut last) = (0f64, 0f64, None);
        let (mut submitted, mut done) = (0u64, 0u64);
        let loaded = self.points.iter().rposition(|point| point.offered > 0).unwrap_or(0);
        for (nth, point) in (1u64..).zip(&self.points[..loaded.min(self.points.len())]) {
            submitted += point.offered;
            done += point.committed + point.rejected;
            let end = Time::ZERO + self.step * nth;
            let lag = submitted.saturating_sub(done) as f64 / point.offered.max(1) as f64 * self.step.as_secs_f64();
            if end <= begins {
                before = before.max(lag);
                continue;
            }
            highest = highest.max(lag);
            if lag > LAGGING * before {
                last = Some((end, nth as usize == loaded));
            }
        }
        let after = match last {
            Some((_, true)) => None,
            Some((end, false)) => Some(Span(end.0.saturating_sub(falls.0))),
            None => Some(Span::ZERO),
        };
        Absorption { before_s: before, highest_s: highest, lagged: last.is_some(), after }
    }
}

/// How a surge was absorbed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absorption {
    /// The highest lag before it began, s.
    pub before_s: f64,
    /// And from then on.
    pub highest_s: f64,
    /// Whether the ledger ever lagged half as much again as before.
    pub lagged: bool,
    /// From the beginning of its fall until it did so no more; none where it still did when hospitals stopped.
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
    fn a_surge_is_absorbed_when_transactions_take_as_long_as_before_it() {
        let at = |second: u64| Time::ZERO + Span::from_secs(second);
        let of = |course: &[(u64, u64)]| {
            let mut series = Series::new(Span::from_secs(1));
            for (second, &(offered, committed)) in (0..).zip(course) {
                series.at(at(second)).offered = offered;
                series.at(at(second)).committed = committed;
            }
            series
        };
        // In flight: 4, 4, 24, 44, 24, 4, 4; the last point is cut off.
        let course = [(10, 6), (10, 10), (40, 20), (40, 20), (20, 40), (10, 30), (10, 10), (10, 10)];
        let absorption = of(&course).absorption(at(2), at(4));
        assert_eq!((absorption.before_s, absorption.lagged), (0.4, true));
        assert!((absorption.highest_s - 1.2).abs() < 1e-9, "{absorption:?}");
        assert_eq!(
            absorption.after,
            Some(Span::from_secs(1)),
            "1.2 s at the end of the fifth second, 0.4 at the sixth's"
        );
        assert_eq!(of(&course[..5]).absorption(at(2), at(4)).after, None, "still behind when hospitals stop");
        // Four times the load, four times as much in flight: nobody waits longer.
        let kept_up = of(&[(10, 6), (10, 10), (40, 28), (40, 40), (10, 22), (10, 10)]).absorption(at(2), at(4));
        assert_eq!((kept_up.lagged, kept_up.after), (false, Some(Span::ZERO)), "{kept_up:?}");
    }
}
