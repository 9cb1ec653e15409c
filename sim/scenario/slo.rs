//! Service-level objectives: `p(99)<5s`, in the notation of k6's thresholds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::Span;
use crate::metrics::{Definition, Latencies};

/// A threshold on one latency quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// Which latency.
    pub definition: Definition,
    /// Which percentile, 0 to 100.
    pub percentile: f64,
    /// It must be below this.
    pub below: Span,
}

/// Text that is no threshold.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no threshold; write `p(99)<5s`, or `submit_to_visible p(99.9)<800ms`")]
pub struct SloError(String);

impl Slo {
    /// Whether the latencies of `offered` transactions meet it. What was refused or is pending has no latency and counts
    /// as infinitely late: a quantile of survivors alone would praise whoever drops the most.
    pub fn holds(&self, latencies: &Latencies, offered: u64) -> bool {
        let histogram = latencies.overall(self.definition);
        let rank = self.percentile / 100.0 * offered as f64;
        let among_survivors = rank / histogram.count().max(1) as f64;
        histogram.count() > 0
            && among_survivors <= 1.0
            && histogram.quantile_ms(among_survivors) < self.below.as_millis_f64()
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Slo, SloError> {
        let error = || SloError(text.to_string());
        let (name, threshold) = match text.trim().split_once(char::is_whitespace) {
            Some((name, threshold)) => (name, threshold.trim()),
            None => (Definition::SubmitToReply.name(), text.trim()),
        };
        let definition = Definition::ALL.into_iter().find(|known| known.name() == name).ok_or_else(error)?;
        let (percentile, below) =
            threshold.strip_prefix("p(").and_then(|rest| rest.split_once(')')).ok_or_else(error)?;
        let percentile: f64 = percentile.parse().map_err(|_| error())?;
        let below = below.trim().strip_prefix('<').ok_or_else(error)?;
        let below = humantime::parse_duration(below.trim()).map_err(|_| error())?;
        if !(0.0..=100.0).contains(&percentile) {
            return Err(error());
        }
        let below = Span(u64::try_from(below.as_nanos()).map_err(|_| error())?);
        Ok(Slo { definition, percentile, below })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = humantime::format_duration(std::time::Duration::from_nanos(self.below.0));
        write!(f, "{} p({})<{below}", self.definition.name(), self.percentile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_written() {
        let read = |text: &str| text.parse::<Slo>().map(|slo| slo.to_string());
        assert_eq!(read("p(99)<5s"), Ok("submit_to_reply p(99)<5s".into()));
        assert_eq!(read("submit_to_visible p(99.9) < 800ms"), Ok("submit_to_visible p(99.9)<800ms".into()));
        for bad in ["p(99)>5s", "p(101)<5s", "p99<5s", "latency p(9)<5s", "p(99)<5", ""] {
            assert_eq!(read(bad), Err(SloError(bad.into())));
        }
    }
}
