//! What the gate compares: names with units, and which way is better.

use serde::{Deserialize, Serialize};

use crate::experiment::{LatencySummary, Summary};

/// How far a work counter may be from the baseline, percent.
pub const TOLERANCE_PERCENT: f64 = 1.0;

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Bigger,
    /// Less is better.
    Smaller,
    /// Neither is: it is only the same or not.
    Neither,
}

/// One measured figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, with the unit last where it has one.
    pub name: String,
    /// Its unit, for people.
    pub unit: &'static str,
    /// Which way it is better.
    pub better: Direction,
    /// What was measured.
    pub value: f64,
    /// By how much it may differ, percent.
    pub tolerance_percent: f64,
}

impl Metric {
    fn exact(name: impl Into<String>, unit: &'static str, better: Direction, value: f64) -> Metric {
        Metric { name: name.into(), unit, better, value, tolerance_percent: 0.0 }
    }

    /// A count of work done, of which less is better.
    pub(super) fn work(name: &str, unit: &'static str, count: u64) -> Metric {
        let tolerance_percent = TOLERANCE_PERCENT;
        Metric { name: name.into(), unit, better: Direction::Smaller, value: count as f64, tolerance_percent }
    }
}

/// Everything of virtual time that a summary has figures for.
pub(super) fn virtual_metrics(summary: &Summary) -> Vec<Metric> {
    use Direction::{Bigger, Neither, Smaller};
    let rejected: u64 = summary.rejected.values().sum();
    let mut metrics = vec![
        Metric::exact("offered_tps", "tx/s", Neither, summary.offered_tps),
        Metric::exact("throughput_tps", "tx/s", Bigger, summary.throughput_tps),
        Metric::exact("goodput_tps", "tx/s", Bigger, summary.goodput_tps),
        Metric::exact("fairness", "", Bigger, summary.fairness),
    ];
    for (definition, latency) in &summary.latency_ms {
        metrics.extend(latencies(definition, latency));
    }
    metrics.extend([
        Metric::exact("messages_per_tx", "messages/tx", Smaller, summary.messages_per_tx),
        Metric::exact("bytes_per_tx", "bytes/tx", Smaller, summary.bytes_per_tx),
        Metric::exact("blocks", "blocks", Neither, summary.blocks as f64),
        Metric::exact("rejected", "transactions", Smaller, rejected as f64),
        Metric::exact("pending", "transactions", Smaller, summary.pending as f64),
        Metric::exact("backlog_max", "transactions", Smaller, summary.backlog_max as f64),
        Metric::exact("behind_max_s", "s", Smaller, summary.behind_max_s),
    ]);
    let used = summary.utilisation.iter();
    metrics.extend(used.map(|(class, used)| {
        Metric::exact(format!("utilisation_{class}_max_share"), "of capacity", Smaller, used.max)
    }));
    metrics
}

fn latencies(definition: &str, latency: &LatencySummary) -> [Metric; 5] {
    let LatencySummary { count: _, p50, p90: _, p99, p999, max, mean } = *latency;
    [("mean", mean), ("p50", p50), ("p99", p99), ("p999", p999), ("max", max)]
        .map(|(what, ms)| Metric::exact(format!("{definition}_{what}_ms"), "ms", Direction::Smaller, ms))
}
