//! Spoiling what was measured, for the gate to be seen failing.

use std::fmt;
use std::str::FromStr;

use super::metrics::Metric;
use super::{Measured, RegressError};

/// A change of some metrics by so many percent, such as `submit_to_reply=+3%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Injected {
    /// A metric's name, or how several begin.
    pub name: String,
    /// By how much, percent.
    pub percent: f64,
}

impl FromStr for Injected {
    type Err = String;

    fn from_str(text: &str) -> Result<Injected, String> {
        let parsed = text.split_once('=').and_then(|(name, change)| {
            let number = change.strip_suffix('%')?;
            let percent = number.parse::<f64>().ok().filter(|percent| percent.is_finite())?;
            (!name.is_empty() && number.starts_with(['+', '-'])).then(|| (name.to_string(), percent))
        });
        let (name, percent) = parsed.ok_or("write METRIC=+N% or METRIC=-N%, such as submit_to_reply_p99_ms=+3%")?;
        Ok(Injected { name, percent })
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:+}%", self.name, self.percent)
    }
}

impl Injected {
    /// Scales what it names in every case.
    pub fn apply(&self, measured: &mut [Measured]) -> Result<(), RegressError> {
        let mut hits = 0;
        for metric in measured.iter_mut().flat_map(figures) {
            if metric.name.starts_with(&self.name) {
                metric.value *= 1.0 + self.percent / 100.0;
                hits += 1;
            }
        }
        if hits > 0 {
            return Ok(());
        }
        let mut known: Vec<String> = measured.iter_mut().flat_map(figures).map(|metric| metric.name.clone()).collect();
        known.sort();
        known.dedup();
        Err(RegressError::NoSuchMetric { name: self.name.clone(), known })
    }
}

fn figures(measured: &mut Measured) -> impl Iterator<Item = &mut Metric> {
    measured.metrics.iter_mut().chain(&mut measured.counters)
}
