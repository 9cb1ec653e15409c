//! Lines that are cut for a while: what a hospital submits meanwhile is stored there, and forwarded in its order when the
//! line is back.

use crate::base::{Span, Time};
use crate::kernel::draw::{Site, below, draw, exponential};

/// When a line is cut: in order, apart from one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts(Vec<(Time, Time)>);

impl Cuts {
    /// A line that is up for `up` and cut for `down` on average, both exponentially, from the beginning of the run until
    /// `until`. It begins up with the probability that it is up at any time.
    pub fn drawn(seed: u64, line: u64, up: Span, down: Span, until: Time) -> Cuts {
        let mut cuts = Vec::new();
        let bits = |nth| draw(seed, Site::Line, line, nth, 0);
        let begins_cut = below(up.0 + down.0, bits(0)) < down.0;
        let mut at = Time::ZERO;
        if !begins_cut {
            at += exponential(up, bits(1));
        }
        for nth in 1.. {
            if at >= until {
                break;
            }
            let back = at + exponential(down, bits(2 * nth));
            cuts.push((at, back));
            at = back + exponential(up, bits(2 * nth + 1));
        }
        Cuts(cuts)
    }

    /// The first time from `at` on at which the line is up.
    pub fn after(&self, at: Time) -> Time {
        let next = self.0.partition_point(|(_, back)| *back <= at);
        match self.0.get(next) {
            Some((cut, back)) if *cut <= at => *back,
            _ => at,
        }
    }

    /// For how much of a time the line is up, from 0 to 1.
    pub fn share_up(&self, from: Time, until: Time) -> f64 {
        let cut = self.0.iter().map(|(cut, back)| (*back).min(until).0.saturating_sub((*cut).max(from).0)).sum::<u64>();
        1.0 - cut as f64 / until.since(from).0.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn what_comes_during_a_cut_waits_for_its_end() {
        let cuts = Cuts(vec![(at(10), at(20)), (at(30), at(31))]);
        let open = |seconds| cuts.after(at(seconds));
        assert_eq!([9, 10, 19, 20, 30, 40].map(open), [at(9), at(20), at(20), at(20), at(31), at(40)]);
        assert!((cuts.share_up(at(0), at(22)) - 12.0 / 22.0).abs() < 1e-9);
        assert_eq!(Cuts::default().after(at(5)), at(5));
    }

    #[test]
    fn lines_are_up_as_much_as_their_class_says() {
        let (up, down, until) = (Span::from_secs(12), Span::from_secs(8), at(600));
        let share = |line| Cuts::drawn(7, line, up, down, until).share_up(Time::ZERO, until);
        let lines = 400;
        let mean = (0..lines).map(share).sum::<f64>() / lines as f64;
        assert!((mean - 0.6).abs() < 0.02, "{mean}");
        let first = (0..lines).filter(|&line| Cuts::drawn(7, line, up, down, until).after(Time::ZERO) > Time::ZERO);
        let cut = first.count() as f64 / lines as f64;
        assert!((cut - 0.4).abs() < 0.1, "{cut}");
    }
}
