//! Whether two designs differ: an interval for the difference of two means, and what is said of it.
//!
//! Replicates share seeds, and with them arrivals, patients and jitter. Where two designs ran under the same seeds, the
//! differences seed by seed are looked at (Student's t), which takes out what both have in common; else the two means are
//! (Welch's t). Several differences are looked at together, so each interval is as wide as it takes for all of them to
//! hold with 95 % (Bonferroni).

use std::collections::BTreeMap;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// With what probability all intervals of a comparison hold together.
pub const LEVEL: f64 = 0.95;
/// Smaller differences are not spoken of, as a share of the larger mean: a load counts as sustained from 99 % on, and
/// receipts are counted to three digits.
pub const LEAST_SHARE: f64 = 0.01;

/// What was measured under each seed.
pub type Samples = BTreeMap<u64, f64>;

/// How a difference was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Seed by seed.
    Paired,
    /// Between means of different seeds.
    Welch,
    /// Of one run of either: nothing is known of how well.
    Single,
}

/// One mean less another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The difference.
    pub mean: f64,
    /// Half the width of its interval; nothing for single runs.
    pub half_width: Option<f64>,
    /// How it was looked at.
    pub method: Method,
    /// As a share of what it is a difference from; nothing where that is 0.
    pub share: Option<f64>,
    /// Whether the interval leaves out 0 and the difference is worth a word.
    pub shown: bool,
    /// Whether it would be shown, had the lesser of the two been tried at more: that is what it sustains at least.
    pub untried: bool,
}

impl Difference {
    /// Of `this` from `other`, as one of `among` that hold together; nothing where either has no sample.
    pub fn between(this: &Samples, other: &Samples, among: usize) -> Option<Difference> {
        let means = [mean(this.values())?, mean(other.values())?];
        let confidence = 1.0 - (1.0 - LEVEL) / among.max(1) as f64;
        let is_paired = this.keys().eq(other.keys());
        let method = match (this.len().min(other.len()), is_paired) {
            (..=1, _) => Method::Single,
            (_, true) => Method::Paired,
            (_, false) => Method::Welch,
        };
        let (error, freedom) = match method {
            Method::Single => (0.0, 0.0),
            Method::Paired => {
                let pairs: Vec<f64> = this.values().zip(other.values()).map(|(this, other)| this - other).collect();
                ((variance(pairs.iter()) / pairs.len() as f64).sqrt(), pairs.len() as f64 - 1.0)
            }
            Method::Welch => welch(this, other),
        };
        let half_width = (method != Method::Single).then(|| quantile(confidence, freedom) * error);
        let (difference, larger) = (means[0] - means[1], means[0].abs().max(means[1].abs()));
        let leaves_out_0 = half_width.is_some_and(|half| difference.abs() > half);
        Some(Difference {
            mean: difference,
            half_width,
            method,
            share: (means[1] != 0.0).then(|| difference / means[1]),
            shown: leaves_out_0 && difference.abs() >= LEAST_SHARE * larger,
            untried: false,
        })
    }

    /// The same where the lesser of the two was not tried at more: nothing is shown by it.
    pub fn untried(self) -> Difference {
        Difference { shown: false, untried: self.shown, ..self }
    }

    /// Whether it is shown to be above 0.
    pub fn is_more(&self) -> bool {
        self.shown && self.mean > 0.0
    }

    /// Whether it is shown to be below 0.
    pub fn is_less(&self) -> bool {
        self.shown && self.mean < 0.0
    }
}

/// The standard error of the difference, and its degrees of freedom (Welch and Satterthwaite).
fn welch(this: &Samples, other: &Samples) -> (f64, f64) {
    let [a, b] = [this, other].map(|samples| (variance(samples.values()) / samples.len() as f64, samples.len() as f64));
    let (squared, least) = (a.0 + b.0, a.1.min(b.1) - 1.0);
    if squared == 0.0 {
        return (0.0, least);
    }
    let freedom = squared * squared / (a.0 * a.0 / (a.1 - 1.0) + b.0 * b.0 / (b.1 - 1.0));
    // By arithmetic it is at least that of the smaller sample; rounding must not take it below.
    (squared.sqrt(), freedom.max(least))
}

pub(super) fn mean<'a>(values: impl ExactSizeIterator<Item = &'a f64>) -> Option<f64> {
    let n = values.len();
    (n > 0).then(|| values.sum::<f64>() / n as f64)
}

fn variance<'a>(values: impl ExactSizeIterator<Item = &'a f64> + Clone) -> f64 {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0)
}

/// How many standard errors an interval of that confidence reaches to either side.
fn quantile(confidence: f64, freedom: f64) -> f64 {
    let t = StudentsT::new(0.0, 1.0, freedom).expect("two values have a degree of freedom");
    t.inverse_cdf(1.0 - (1.0 - confidence) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(values: &[f64]) -> Samples {
        (1..).zip(values.iter().copied()).collect()
    }

    fn of(this: &[f64], other: &[f64], among: usize) -> Difference {
        Difference::between(&samples(this), &samples(other), among).expect("both have samples")
    }

    #[test]
    fn pairs_take_out_what_both_have_in_common() {
        // Seeds differ by hundreds, designs by 10 ± 1: s = √2 / 2 over 5 pairs, t(0.975, 4) = 2.776 45.
        let other = [500.0, 650.0, 350.0, 550.0, 450.0];
        let this = [511.0, 659.0, 360.0, 560.0, 460.0];
        let paired = of(&this, &other, 1);
        assert_eq!((paired.mean, paired.method), (10.0, Method::Paired));
        let half = paired.half_width.expect("there are five pairs");
        assert!((half - 2.776_45 * (0.5_f64 / 5.0).sqrt()).abs() < 1e-4, "{half}");
        assert!(paired.is_more() && !paired.is_less());
        let others: Samples = (11..).zip(other).collect();
        let apart = Difference::between(&samples(&this), &others, 1).expect("both have samples");
        assert_eq!((apart.method, apart.shown), (Method::Welch, false), "{apart:?}");
    }

    #[test]
    fn welch_is_as_in_the_books() {
        // 1 to 5 and 12, 14, 16: errors² 0.5 and 4/3; df = (11/6)² / (0.25/4 + (16/9)/2) = 3.533; t(0.975) = 2.927.
        let (this, other) = (samples(&[1.0, 2.0, 3.0, 4.0, 5.0]), (11..).zip([12.0, 14.0, 16.0]).collect());
        let (error, freedom) = welch(&this, &other);
        assert!((error - (11.0_f64 / 6.0).sqrt()).abs() < 1e-12 && (freedom - 3.532_9).abs() < 1e-3, "{freedom}");
        let half = Difference::between(&this, &other, 1).and_then(|found| found.half_width).expect("there are several");
        assert!((half / error - 2.927).abs() < 5e-3, "{}", half / error);
    }

    #[test]
    fn intervals_widen_with_how_many_hold_together() {
        // t(1 - 0.025 / 10, 4) = 5.597 57.
        let half = |among| of(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5], among).half_width.expect("there are pairs");
        assert!((half(10) / half(1) - 5.597_57 / 2.776_45).abs() < 1e-4);
    }

    #[test]
    fn single_runs_and_slight_differences_show_nothing() {
        let single = of(&[2.0], &[1.0], 1);
        assert_eq!((single.method, single.half_width, single.shown), (Method::Single, None, false));
        assert!(!of(&[1_009.0; 5], &[1_000.0; 5], 1).shown, "less than a hundredth");
        assert!(of(&[1_011.0; 5], &[1_000.0; 5], 1).shown);
        assert!(!of(&[7.0; 5], &[7.0; 5], 1).shown && !of(&[0.0; 5], &[0.0; 5], 1).shown);
        assert_eq!(Difference::between(&samples(&[]), &samples(&[1.0]), 1), None);
        assert_eq!(of(&[1.0; 3], &[0.0; 3], 1).share, None);
    }

    proptest! {
        #[test]
        fn a_difference_turned_round_is_the_same_difference(
            this in prop::collection::vec(0.0..1e6_f64, 1..8),
            other in prop::collection::vec(0.0..1e6_f64, 1..8),
            among in 1_usize..600,
        ) {
            let (one, two) = (of(&this, &other, among), of(&other, &this, among));
            prop_assert_eq!(one.is_more(), two.is_less());
            prop_assert_eq!(one.method, two.method);
            prop_assert!((one.mean + two.mean).abs() <= 1e-6);
            // More comparisons never show more.
            prop_assert!(!of(&this, &other, among + 1).shown || one.shown);
        }
    }

    #[test]
    fn one_in_twenty_of_what_is_alike_is_told_apart_and_of_many_together_hardly_any() {
        let draw = |lot: u64, nth: u64| crate::base::Digest::of(&[lot.to_le_bytes(), nth.to_le_bytes()].concat());
        let value = |lot, nth| 1e6 + (draw(lot, nth).first_word() % 1_000_000) as f64;
        let told_apart = |among| {
            let differs = |lot: &u64| {
                let (this, other): (Vec<f64>, Vec<f64>) =
                    (0..5).map(|nth| (value(*lot, nth), value(*lot, nth + 5))).unzip();
                of(&this, &other, among).shown
            };
            (0..2_000).filter(differs).count()
        };
        assert!((60..140).contains(&told_apart(1)), "{} of 2,000 at 5 %", told_apart(1));
        assert!(told_apart(100) < 10, "{} of 2,000 at 0.05 %", told_apart(100));
    }
}
