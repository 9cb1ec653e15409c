//! The search for the saturation point: doubling, then bisection. A pure state machine: it is told what a probe found
//! and says what to probe next.
//!
//! It assumes that what sustains a load sustains every smaller one. Where that fails (metastable overload), the bracket
//! is one edge of possibly several.

use serde::{Deserialize, Serialize};

/// Probed loads have this many significant digits: a bracket is read by people.
const SIGNIFICANT: f64 = 1_000.0;

/// A load that is sustained and one that is not, transactions/s.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bracket {
    /// The largest load found sustained; none where no probe was.
    pub lower: Option<f64>,
    /// The smallest load found not sustained; none where every probe was, up to the bound.
    pub upper: Option<f64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Probe this load, transactions/s.
    Probe(f64),
    /// The search is over.
    Done(Bracket),
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Saturation {
    bracket: Bracket,
    next: f64,
    least: f64,
    most: f64,
    precision: f64,
}

impl Saturation {
    /// A search that begins at `from`, goes to `most` and down to `least`, and ends when the bracket is narrower than `precision`
    /// (a share of its lower end).
    pub fn new(from: f64, least: f64, most: f64, precision: f64) -> Saturation {
        assert!(0.0 < from && from <= most && precision > 0.0, "a search has room and a goal");
        let bracket = Bracket { lower: None, upper: None };
        Saturation { bracket, next: rounded(from), least, most, precision }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        let narrow = |lower: f64, upper: f64| upper / lower - 1.0 <= self.precision;
        match self.bracket {
            Bracket { lower: Some(lower), upper: Some(upper) } if narrow(lower, upper) => Step::Done(self.bracket),
            // Rounding may leave nothing between the two ends.
            Bracket { lower: Some(lower), upper: Some(upper) } if self.next <= lower || self.next >= upper => {
                Step::Done(self.bracket)
            }
            Bracket { lower: Some(lower), upper: None } if lower >= self.most => Step::Done(self.bracket),
            Bracket { lower: None, upper: Some(_) } if self.next < self.least => Step::Done(self.bracket),
            _ => Step::Probe(self.next),
        }
    }

    /// Takes what the probe of the last [`Step::Probe`] found.
    pub fn learn(&mut self, sustained: bool) {
        if sustained {
            self.bracket.lower = Some(self.next);
        } else {
            self.bracket.upper = Some(self.next);
        }
        self.next = match (self.bracket.lower, self.bracket.upper) {
            (Some(lower), None) => rounded(lower * 2.0).min(self.most),
            (None, Some(upper)) => rounded(upper / 2.0),
            // The middle of the ratio: what matters is how many times more, not how many more.
            (Some(lower), Some(upper)) => rounded(libm::sqrt(lower * upper)),
            (None, None) => unreachable!("a probe was just made"),
        };
    }
}

/// `load` to three significant digits.
fn rounded(load: f64) -> f64 {
    let magnitude = libm::pow(10.0, libm::floor(libm::log10(load)) + 1.0) / SIGNIFICANT;
    libm::round(load / magnitude) * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a system that sustains loads up to `capacity`; returns the bracket and the probes.
    fn search(capacity: f64, from: f64, most: f64) -> (Bracket, Vec<f64>) {
        let mut search = Saturation::new(from, 10.0, most, 0.05);
        let mut probes = Vec::new();
        loop {
            match search.step() {
                Step::Done(bracket) => return (bracket, probes),
                Step::Probe(load) => {
                    probes.push(load);
                    search.learn(load <= capacity);
                }
            }
            assert!(probes.len() < 64, "the search does not end: {probes:?}");
        }
    }

    #[test]
    fn doubling_then_bisection() {
        let (bracket, probes) = search(75_000.0, 10_000.0, 1e6);
        assert_eq!(probes[..4], [10_000.0, 20_000.0, 40_000.0, 80_000.0]);
        let (lower, upper) = (bracket.lower.expect("sustained"), bracket.upper.expect("not sustained"));
        assert!(lower <= 75_000.0 && 75_000.0 < upper && upper / lower <= 1.05, "{bracket:?}");
    }

    #[test]
    fn a_first_probe_above_capacity_is_halved() {
        let (bracket, probes) = search(900.0, 10_000.0, 1e6);
        assert_eq!(probes[..3], [10_000.0, 5_000.0, 2_500.0]);
        assert!(bracket.lower.is_some_and(|lower| lower <= 900.0));
    }

    #[test]
    fn nothing_and_everything_sustained_end_too() {
        assert_eq!(search(0.0, 10_000.0, 1e6).0.lower, None);
        assert_eq!(
            search(1e12, 10_000.0, 30_000.0),
            (Bracket { lower: Some(30_000.0), upper: None }, vec![10_000.0, 20_000.0, 30_000.0])
        );
    }

    #[test]
    fn every_capacity_is_bracketed() {
        for step in 1..400 {
            let capacity = 37.0 * f64::from(step) * f64::from(step);
            let (bracket, _) = search(capacity, 10_000.0, 1e8);
            assert!(
                bracket.lower.is_none_or(|lower| lower <= capacity)
                    && bracket.upper.is_some_and(|upper| upper > capacity)
            );
        }
    }
}
