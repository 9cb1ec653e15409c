//! Quantities with their unit in the type. Arithmetic panics on overflow in every build profile.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::{Deserialize, Serialize};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An instant of virtual time: nanoseconds since the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A length of virtual time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

/// An amount of data, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A transmission rate, in bytes per second; never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(u64);

impl Time {
    /// The beginning of a run.
    pub const ZERO: Time = Time(0);
    /// Later than every event; stands for "never".
    pub const NEVER: Time = Time(u64::MAX);

    /// The span from `earlier` to `self`; panics if `earlier` is later.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.checked_sub(earlier.0).expect("time does not run backwards"))
    }

    /// Seconds since the run began, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Span {
        Span(secs * NANOS_PER_SECOND)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis * 1_000_000)
    }

    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Span {
        Span(micros * 1_000)
    }

    /// The nearest nanosecond to a non-negative number of milliseconds.
    pub fn from_millis_f64(millis: f64) -> Span {
        assert!(millis.is_finite() && millis >= 0.0, "a span is finite and not negative, got {millis} ms");
        Span((millis * 1e6 + 0.5) as u64)
    }

    /// Seconds, for reports only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// Milliseconds, for reports only.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Half of the span, rounded down.
    pub const fn half(self) -> Span {
        Span(self.0 / 2)
    }

    /// `self - other`, or zero where `other` is longer.
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Rate {
    /// A rate of `bytes_per_second`; panics on zero.
    pub const fn new(bytes_per_second: u64) -> Rate {
        assert!(bytes_per_second > 0, "a rate is positive");
        Rate(bytes_per_second)
    }

    /// A rate from megabits per second (10^6 bit/s), at least one byte per second.
    pub fn from_mbps(mbps: f64) -> Rate {
        Rate::new(((mbps * 125_000.0) as u64).max(1))
    }

    /// Bytes per second.
    pub const fn bytes_per_second(self) -> u64 {
        self.0
    }

    /// How long `bytes` occupy a line of this rate, rounded up to a nanosecond.
    pub fn serialisation(self, bytes: Bytes) -> Span {
        // 18 GB fit the u64 product; larger transfers take the 128-bit division.
        match bytes.0.checked_mul(NANOS_PER_SECOND) {
            Some(product) => Span(product.div_ceil(self.0)),
            None => Span((u128::from(bytes.0) * u128::from(NANOS_PER_SECOND)).div_ceil(u128::from(self.0)) as u64),
        }
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.checked_add(span.0).expect("virtual time fits 584 years"))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.checked_add(other.0).expect("a span fits 584 years"))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.checked_sub(other.0).expect("a span is not negative"))
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.checked_mul(times).expect("a span fits 584 years"))
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

impl Add for Bytes {
    type Output = Bytes;
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.checked_add(other.0).expect("byte counts fit 64 bits"))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Bytes) {
        *self = *self + other;
    }
}

impl Mul<u64> for Bytes {
    type Output = Bytes;
    fn mul(self, times: u64) -> Bytes {
        Bytes(self.0.checked_mul(times).expect("byte counts fit 64 bits"))
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(all: I) -> Bytes {
        all.fold(Bytes(0), Add::add)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}s", self.as_secs_f64())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}ms", self.as_millis_f64())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", self.0)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_takes_eight_milliseconds_at_a_gigabit() {
        assert_eq!(Rate::from_mbps(1000.0).serialisation(Bytes(1_000_000)), Span::from_millis(8));
    }

    #[test]
    fn serialisation_is_exact_past_the_64_bit_product() {
        assert_eq!(Rate::new(1).serialisation(Bytes(1 << 34)), Span::from_secs(1 << 34));
    }

    #[test]
    fn a_fraction_of_a_nanosecond_rounds_up() {
        assert_eq!(Rate::new(3_000_000_000).serialisation(Bytes(1)), Span(1));
    }
}
