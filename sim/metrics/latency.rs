//! Latency, under four definitions that name both ends, overall and by region.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use serde::{Deserialize, Serialize};

use crate::base::{Encode, Sink, Span};

/// What a latency runs to. It always runs from the intended arrival at the hospital.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definition {
    /// The earliest commit at any replica.
    SubmitToCommit,
    /// The commit at the hospital's own gateway.
    SubmitToGateway,
    /// The gateway's receipt reaching the hospital, after execution there.
    SubmitToReply,
    /// Execution at the last replica that runs: readable everywhere.
    SubmitToVisible,
}

impl Definition {
    /// Every definition, in the order of reports.
    pub const ALL: [Definition; 4] = [
        Definition::SubmitToCommit,
        Definition::SubmitToGateway,
        Definition::SubmitToReply,
        Definition::SubmitToVisible,
    ];

    /// The definition's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Definition::SubmitToCommit => "submit_to_commit",
            Definition::SubmitToGateway => "submit_to_gateway",
            Definition::SubmitToReply => "submit_to_reply",
            Definition::SubmitToVisible => "submit_to_visible",
        }
    }
}

/// Longest latency told apart from longer ones.
const LONGEST_US: u64 = 3_600_000_000;

/// A histogram of latencies: microseconds to an hour, three significant digits. It grows with what it records, up to
/// about 200 KiB.
#[derive(Clone, Debug)]
pub struct LatencyHistogram(Histogram<u64>);

impl Default for LatencyHistogram {
    fn default() -> Self {
        LatencyHistogram(Histogram::new(3).expect("three digits are valid"))
    }
}

impl LatencyHistogram {
    /// Records `latency` for `weight` transactions.
    pub fn record(&mut self, latency: Span, weight: u64) {
        let us = (latency.0 / 1_000).clamp(1, LONGEST_US);
        self.0.record_n(us, weight).expect("the histogram grows");
    }

    /// Adds what another recorded.
    pub fn add(&mut self, other: &LatencyHistogram) {
        self.0.add(&other.0).expect("the histogram grows");
    }

    /// The histogram in microseconds.
    pub fn inner(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Number of latencies recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency at quantile `q`, ms; 0 where nothing was recorded.
    pub fn quantile_ms(&self, q: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.value_at_quantile(q) as f64 / 1e3 }
    }

    /// The share of latencies within a bound, as finely as the histogram tells them apart; 0 where nothing was recorded.
    pub fn share_within(&self, bound: Span) -> f64 {
        self.0.count_between(0, bound.0 / 1_000) as f64 / self.0.len().max(1) as f64
    }

    /// The largest latency, ms.
    pub fn max_ms(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }

    /// The mean of the buckets' middles, ms.
    pub fn mean_ms(&self) -> f64 {
        let (mut sum, mut count) = (0u128, 0u128);
        for bucket in self.0.iter_recorded() {
            let middle = self.0.median_equivalent(bucket.value_iterated_to());
            sum += u128::from(middle) * u128::from(bucket.count_at_value());
            count += u128::from(bucket.count_at_value());
        }
        sum.checked_div(count).unwrap_or(0) as f64 / 1e3
    }
}

/// Its V2 serialisation: many times faster than going through the buckets one by one.
impl Encode for LatencyHistogram {
    fn encode(&self, sink: &mut impl Sink) {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).expect("memory takes every byte");
        sink.put(&bytes);
    }
}

/// Latencies of the measured window under every definition, overall and by region.
#[derive(Clone, Debug)]
pub struct Latencies {
    overall: [LatencyHistogram; 4],
    by_region: Vec<[LatencyHistogram; 4]>,
}

impl Latencies {
    /// Empty histograms for `regions` regions.
    pub fn new(regions: usize) -> Latencies {
        let empty = || std::array::from_fn(|_| LatencyHistogram::default());
        Latencies { overall: empty(), by_region: (0..regions).map(|_| empty()).collect() }
    }

    /// Records a latency of `weight` transactions of a region.
    pub fn record(&mut self, definition: Definition, region: usize, latency: Span, weight: u64) {
        self.overall[definition as usize].record(latency, weight);
        self.by_region[region][definition as usize].record(latency, weight);
    }

    /// All regions together.
    pub fn overall(&self, definition: Definition) -> &LatencyHistogram {
        &self.overall[definition as usize]
    }

    /// One region.
    pub fn of_region(&self, region: usize, definition: Definition) -> &LatencyHistogram {
        &self.by_region[region][definition as usize]
    }
}

impl Encode for Latencies {
    fn encode(&self, sink: &mut impl Sink) {
        for histogram in self.overall.iter().chain(self.by_region.iter().flatten()) {
            histogram.encode(sink);
        }
    }
}
