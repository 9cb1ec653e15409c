//! What a summary is made of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Span, Time};
use crate::engine::Outcome;
use crate::health::Surge;
use crate::metrics::{Absorption, LatencyHistogram};

/// Quantiles of one latency, ms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// Transactions.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest.
    pub max: f64,
    /// Mean.
    pub mean: f64,
}

impl LatencySummary {
    pub(in crate::experiment) fn of(histogram: &LatencyHistogram) -> LatencySummary {
        LatencySummary {
            count: histogram.count(),
            p50: histogram.quantile_ms(0.5),
            p90: histogram.quantile_ms(0.9),
            p99: histogram.quantile_ms(0.99),
            p999: histogram.quantile_ms(0.999),
            max: histogram.max_ms(),
            mean: histogram.mean_ms(),
        }
    }
}

/// One class of resource: share of its capacity used in the window, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UtilisationSummary {
    /// Mean over nodes.
    pub mean: f64,
    /// The busiest node.
    pub max: f64,
}

/// How well replica-to-replica distances are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistanceSummary {
    /// Pairs of metros with replicas whose RTT is measured between the nearest cities.
    pub measured_pairs: usize,
    /// Pairs of metros with replicas.
    pub pairs: usize,
    /// Metros without a measured city near enough: their RTT is modelled. With km to the nearest one.
    pub modelled_metros: BTreeMap<String, f64>,
    /// Mean distance from the measured metros to the city that stands for them, km.
    pub mean_km: f64,
    /// The farthest of them, km.
    pub max_km: f64,
    /// Its metro and city.
    pub farthest: String,
}

/// One threshold and whether it held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SloSummary {
    /// The threshold.
    pub threshold: String,
    /// Whether it held.
    pub holds: bool,
}

/// What a group of hospitals demanded in the window, and got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceSummary {
    /// Submitted, per second.
    pub offered_tps: f64,
    /// Of it, in effect with a receipt within the deadline, per second.
    pub goodput_tps: f64,
    /// Of what has a receipt, the share that came after the deadline.
    pub late_share: f64,
    /// To the receipt, ms.
    pub reply_ms: LatencySummary,
}

/// How a surge was absorbed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurgeSummary {
    /// When it begins, s of virtual time.
    pub begins_s: f64,
    /// When all of its classes have begun to fall, s.
    pub falls_s: f64,
    /// Its lag before it began, at most, s: what was in flight over what was submitted, by half seconds.
    pub lag_before_s: f64,
    /// And from then on.
    pub lag_max_s: f64,
    /// Whether that was ever more than 1.5 times as much as before.
    pub lagged: bool,
    /// From the beginning of its fall until it was so no more, s; nothing where it still was when hospitals stopped.
    pub absorbed_s: Option<f64>,
}

impl SurgeSummary {
    pub(super) fn of(surge: &Surge, outcome: &Outcome) -> SurgeSummary {
        let (begins, falls) = (surge.begins, surge.falls());
        let Absorption { before_s, highest_s, lagged, after } = outcome.series.absorption(begins, falls);
        SurgeSummary {
            begins_s: begins.since(Time::ZERO).as_secs_f64(),
            falls_s: falls.since(Time::ZERO).as_secs_f64(),
            lag_before_s: before_s,
            lag_max_s: highest_s,
            lagged,
            absorbed_s: after.map(Span::as_secs_f64),
        }
    }
}

/// Transactions across two shards over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossSummary {
    /// Executed in their home shard.
    pub begun: u64,
    /// Committed by both shards.
    pub committed: u64,
    /// Aborted by both, or refused at home at once; the reasons are in `rejected`.
    pub aborted: u64,
    /// Stages ordered a second time or too late, without effect.
    pub repeated_stages: u64,
    /// Stages ordered without a valid proof, and refused.
    pub unproven_stages: u64,
}

/// What was really computed, in operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RealSummary {
    /// Signatures made.
    pub signed: u64,
    /// Signatures verified.
    pub verified: u64,
    /// Bodies and statements hashed.
    pub hashed: u64,
    /// Transactions applied to the ledger's state.
    pub executed: u64,
    /// Rows of the contracts' state, and its root; nothing where no tree was made.
    #[serde(default)]
    pub rows: u64,
    /// The root over them.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub state_root: Option<Digest>,
    /// Rows that were proved under the root when the run was over, and found not to be with one bit flipped.
    #[serde(default)]
    pub proved: u64,
}

/// The host's part: outside the digest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostFacts {
    /// Wall time of the simulation, s.
    pub wall_s: f64,
    /// Events and deliveries processed.
    pub events: u64,
    /// Of them, per second of wall time.
    pub events_per_s: f64,
    /// Virtual seconds per second of wall time.
    pub sim_s_per_wall_s: f64,
    /// Largest resident memory, bytes; 0 where the system does not say.
    pub peak_rss_bytes: u64,
    /// Worker threads.
    pub threads: usize,
}

impl HostFacts {
    /// Whether nothing is said of the host: points of a sweep are the same bytes wherever they ran.
    pub(super) fn is_unknown(&self) -> bool {
        *self == HostFacts::default()
    }
}
