//! Distributions by tabulated quantiles: exponential, normal and log-normal, in integers.
//!
//! Tables hold the quantile function at equidistant probabilities, in units of 2^-28, and are interpolated linearly. The
//! bin next to probability one, where quantiles run off to infinity, has a table of its own, so tails are real.

use std::sync::LazyLock;

use crate::base::Span;

/// Fraction bits of tabulated quantiles.
const FRACTION: u32 = 28;
const ONE: f64 = (1u64 << FRACTION) as f64;

/// The standard deviation in the unit of [`normal`].
pub const NORMAL_ONE: i64 = 1 << FRACTION;

const EXPONENTIAL_BITS: u32 = 12;
const EXPONENTIAL_BINS: usize = 1 << EXPONENTIAL_BITS;

/// -ln(1 - i/4096) for i below 4096.
static EXPONENTIAL: LazyLock<[u32; EXPONENTIAL_BINS]> =
    LazyLock::new(|| std::array::from_fn(|i| round(-libm::log1p(-(i as f64) / EXPONENTIAL_BINS as f64))));

fn round(quantile: f64) -> u32 {
    (quantile * ONE + 0.5) as u32
}

/// An exponentially distributed span of the given mean, from the bits of a draw.
///
/// About 2 ns. The mean is exact to 2·10^-5; the tail goes on to 38 means with the right probabilities.
///
/// # Panics
/// When the result exceeds 2^64 ns (a mean beyond 15 years can do that).
#[inline]
pub fn exponential(mean: Span, bits: u64) -> Span {
    scale(mean, exponential_quantile(bits))
}

/// `span * factor`, the factor in units of 2^-28, rounded down.
#[inline]
fn scale(span: Span, factor: u64) -> Span {
    let product = (u128::from(span.0) * u128::from(factor)) >> FRACTION;
    Span(u64::try_from(product).expect("a drawn span fits 584 years"))
}

#[inline]
fn exponential_quantile(bits: u64) -> u64 {
    let table = &*EXPONENTIAL;
    let bin = (bits >> (64 - EXPONENTIAL_BITS)) as usize;
    if bin == EXPONENTIAL_BINS - 1 {
        return exponential_tail(bits);
    }
    interpolate(table[bin], table[bin + 1], bits << EXPONENTIAL_BITS)
}

/// Beyond the last bin's edge the distribution repeats itself: it has no memory. Each round uses up twelve bits, and
/// zeros come in for them, so there are at most six.
#[cold]
fn exponential_tail(mut bits: u64) -> u64 {
    let table = &*EXPONENTIAL;
    let edge = u64::from(table[EXPONENTIAL_BINS - 1]);
    let mut tail = 0;
    loop {
        let bin = (bits >> (64 - EXPONENTIAL_BITS)) as usize;
        bits <<= EXPONENTIAL_BITS;
        if bin < EXPONENTIAL_BINS - 1 {
            return tail + interpolate(table[bin], table[bin + 1], bits);
        }
        tail += edge;
    }
}

/// From `low` to `high` by a fraction of 2^64; works downwards too.
#[inline]
fn interpolate(low: u32, high: u32, fraction: u64) -> u64 {
    let step = i64::from(high) - i64::from(low);
    (i64::from(low) + ((step * (fraction >> 32) as i64) >> 32)) as u64
}

const NORMAL_BITS: u32 = 10;
const NORMAL_BINS: usize = 1 << NORMAL_BITS;
/// 5 levels of 10 bits reach upper tails of 2^-51, 8.1 standard deviations.
const NORMAL_LEVELS: usize = 5;

/// Entry `i` of level `l` is the deviation exceeded, upwards or downwards, with probability i / 1024^(l+1).
type NormalTable = [[u32; NORMAL_BINS + 1]; NORMAL_LEVELS];

static NORMAL: LazyLock<Box<NormalTable>> = LazyLock::new(|| {
    let mut table = Box::new([[0; NORMAL_BINS + 1]; NORMAL_LEVELS]);
    let mut unit = 1.0;
    for level in table.iter_mut() {
        unit /= NORMAL_BINS as f64;
        let mut deviation = 0.0;
        for (i, entry) in level.iter_mut().enumerate().skip(1).rev() {
            deviation = exceeded_with(i as f64 * unit, deviation);
            *entry = round(deviation);
        }
        // The innermost bin of the last level has no further table; it is flat.
        level[0] = level[1];
    }
    table
});

/// The deviation x with P(|X| > x) = erfc(x/√2) = `probability`, by Newton's method from a smaller deviation `start`.
/// The function is convex there, so every step approaches the root from below.
fn exceeded_with(probability: f64, start: f64) -> f64 {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
    let mut x = start;
    for _ in 0..100 {
        let excess = libm::erfc(x * FRAC_1_SQRT_2) - probability;
        let slope = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * libm::exp(-x * x / 2.0);
        let step = excess / slope;
        x += step;
        if step < 1e-14 {
            break;
        }
    }
    x
}

/// A standard normal deviation in units of 2^-28 ([`NORMAL_ONE`]), from the bits of a draw; exact to about 10^-4 of a
/// standard deviation, with true tails up to 8 of them.
#[inline]
pub fn normal(bits: u64) -> i64 {
    let table = &**NORMAL;
    let mut rest = bits << 1;
    let mut level = 0;
    let mut bin = (rest >> (64 - NORMAL_BITS)) as usize;
    while bin == 0 && level < NORMAL_LEVELS - 1 {
        level += 1;
        rest <<= NORMAL_BITS;
        bin = (rest >> (64 - NORMAL_BITS)) as usize;
    }
    let size = interpolate(table[level][bin], table[level][bin + 1], rest << NORMAL_BITS) as i64;
    if bits >> 63 == 0 { size } else { -size }
}

const POWER_BITS: u32 = 10;
const POWER_BINS: usize = 1 << POWER_BITS;

/// 2^(i/1024) in units of 2^-28, up to 2 itself.
static POWERS: LazyLock<[u32; POWER_BINS + 1]> =
    LazyLock::new(|| std::array::from_fn(|i| round(libm::exp2(i as f64 / POWER_BINS as f64))));

/// A log-normal distribution of spans.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogNormal {
    median: Span,
    /// Standard deviation of the binary logarithm, in units of 2^-28.
    sigma: i64,
}

impl LogNormal {
    /// The distribution of `median · e^(sigma·X)` for a standard normal `X`.
    ///
    /// # Panics
    /// When `sigma` is not between 0 and 8.
    pub fn new(median: Span, sigma: f64) -> LogNormal {
        assert!((0.0..=8.0).contains(&sigma), "a log-normal's sigma is between 0 and 8, got {sigma}");
        LogNormal { median, sigma: (sigma * std::f64::consts::LOG2_E * ONE) as i64 }
    }

    /// A span, from the bits of a draw.
    ///
    /// # Panics
    /// When the result exceeds 2^64 ns.
    #[inline]
    pub fn span(&self, bits: u64) -> Span {
        let exponent = (i128::from(normal(bits)) * i128::from(self.sigma)) >> FRACTION;
        let whole = (exponent >> FRACTION) as i32;
        let fraction = exponent as u64 & ((1 << FRACTION) - 1);
        let bin = (fraction >> (FRACTION - POWER_BITS)) as usize;
        let power = interpolate(POWERS[bin], POWERS[bin + 1], fraction << (64 - FRACTION + POWER_BITS));
        let product = u128::from(self.median.0) * u128::from(power);
        let shift = FRACTION as i32 - whole;
        // Beyond these shifts everything is lost or the product overflows.
        let scaled = if shift >= 128 { 0 } else { scale_by_power(product, shift) };
        Span(u64::try_from(scaled).expect("a drawn span fits 584 years"))
    }
}

fn scale_by_power(product: u128, shift: i32) -> u128 {
    if shift >= 0 {
        product >> shift
    } else {
        let up = shift.unsigned_abs();
        assert!(product.leading_zeros() > up, "a drawn span fits 584 years");
        product << up
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Site, draw};
    use super::*;

    const DRAWS: u64 = 200_000;

    fn bits(i: u64) -> u64 {
        draw(21, Site::Jitter, i, 0, 0)
    }

    #[test]
    fn quantiles_never_change() {
        let fold = |sum: u64, value: u64| (sum ^ value).wrapping_mul(0x0100_0000_01b3);
        let exponential = EXPONENTIAL.iter().fold(0, |sum, &q| fold(sum, q.into()));
        let normal = NORMAL.iter().flatten().fold(0, |sum, &q| fold(sum, q.into()));
        let powers = POWERS.iter().fold(0, |sum, &q| fold(sum, q.into()));
        let expected = [6_237_324_220_095_481_490, 12_902_522_408_709_300_565, 13_439_208_290_685_105_495];
        assert_eq!([exponential, normal, powers], expected);
    }

    #[test]
    fn samples_never_change() {
        let sample = |i| {
            let spread = LogNormal::new(Span::from_millis(10), 0.5);
            (exponential(Span::from_millis(1), bits(i)).0, normal(bits(i)), spread.span(bits(i)).0)
        };
        assert_eq!(sample(0), (530_423, 59_946_430, 11_181_314));
        assert_eq!(sample(1), (1_882_950, -104_986_776, 8_223_796));
        assert_eq!(sample(2), (1_224_012, -220_263_975, 6_634_686));
    }

    #[test]
    fn exponential_spans_have_their_mean_and_tail() {
        let mean = Span::from_millis(1);
        let spans: Vec<u64> = (0..DRAWS).map(|i| exponential(mean, bits(i)).0).collect();
        let average = spans.iter().sum::<u64>() as f64 / DRAWS as f64;
        // The standard error is 1e6 / sqrt(200,000) = 2,236.
        assert!((average - 1e6).abs() < 9e3, "{average}");
        let beyond = |means: f64| spans.iter().filter(|&&span| span as f64 > means * 1e6).count() as f64;
        for means in [0.1, 1.0, 3.0, 6.0] {
            let expected = DRAWS as f64 * libm::exp(-means);
            assert!((beyond(means) - expected).abs() < 5.0 * libm::sqrt(expected), "{means}: {expected}");
        }
    }

    #[test]
    fn the_exponential_tail_goes_on_where_the_table_ends() {
        let mean = Span::from_secs(1);
        // P(X > x) = 2^-24 at 24 ln 2 = 16.6355 means.
        let tail = exponential(mean, u64::MAX << (64 - 24)).as_secs_f64();
        assert!((tail - 16.6355).abs() < 1e-3, "{tail}");
        assert!((0..64).all(|k| exponential(mean, u64::MAX << k) >= exponential(mean, u64::MAX << (k + 1).min(63))));
        assert!((37.0..45.0).contains(&exponential(mean, u64::MAX).as_secs_f64()));
        assert_eq!(exponential(mean, 0), Span::ZERO);
    }

    #[test]
    fn normal_deviations_have_unit_variance_and_true_tails() {
        let values: Vec<f64> = (0..DRAWS).map(|i| normal(bits(i)) as f64 / NORMAL_ONE as f64).collect();
        let average = values.iter().sum::<f64>() / DRAWS as f64;
        let variance = values.iter().map(|x| x * x).sum::<f64>() / DRAWS as f64;
        assert!(average.abs() < 0.012 && (variance - 1.0).abs() < 0.016, "{average} {variance}");
        // Twice the upper tail of 6 standard deviations is 1.9732e-9 of the sign-free fraction.
        let six = normal((1.9732e-9 * 9_223_372_036_854_775_808.0) as u64) as f64 / NORMAL_ONE as f64;
        assert!((six - 6.0).abs() < 2e-3, "{six}");
        assert!(normal(0) > 8 * NORMAL_ONE && normal(1 << 63) < -8 * NORMAL_ONE);
        assert_eq!(normal(u64::MAX >> 1), 0);
    }

    #[test]
    fn log_normal_spans_have_their_median_and_spread() {
        let spread = LogNormal::new(Span::from_millis(10), 0.5);
        let mut spans: Vec<u64> = (0..DRAWS).map(|i| spread.span(bits(i)).0).collect();
        spans.sort_unstable();
        let quantile = |q: f64| spans[(q * DRAWS as f64) as usize] as f64 / 1e7;
        assert!((quantile(0.5) - 1.0).abs() < 0.01, "{}", quantile(0.5));
        assert!((quantile(0.841_345) - libm::exp(0.5)).abs() < 0.02, "{}", quantile(0.841_345));
        assert!((quantile(0.158_655) - libm::exp(-0.5)).abs() < 0.01, "{}", quantile(0.158_655));
        assert_eq!(LogNormal::new(Span(1000), 0.0).span(12345), Span(1000));
    }
}
