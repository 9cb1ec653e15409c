//! `summary.json`: what a point measured, units in the names.

mod parts;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::engine::{CrossCounts, CrossOutcome, Outcome, StateProof};
use crate::ledger::Rejection;
use crate::metrics::{Binding, Definition, LatencyHistogram, Resource, Served};
use crate::scenario::{Scenario, WorldData};

use super::contracts::ContractSummary;
use super::{Point, StandsSummary, TraceSummary, UsageSummary};

pub use parts::{
    CrossSummary, DistanceSummary, HostFacts, LatencySummary, RealSummary, ServiceSummary, SloSummary, SurgeSummary,
    UtilisationSummary,
};

/// Goodput that counts as sustaining a load, as a share of it.
const SUSTAINED: f64 = 0.99;

/// What a point measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// BLAKE3 over the virtual-time outcome.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The ordering protocol.
    pub protocol: String,
    /// The dissemination layer.
    pub dissemination: String,
    /// Hospitals.
    pub hospitals: usize,
    /// Replicas.
    pub replicas: u32,
    /// Replicas of each shard; none where the protocol knows no shards.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<String, u32>,
    /// How many alike transactions each simulated one stood for.
    pub weight: u32,
    /// Submitted by hospitals in the window with good signatures, per second.
    pub offered_tps: f64,
    /// First committed in the window, per second.
    pub throughput_tps: f64,
    /// Submitted in the window and in effect, with a receipt within the deadline, per second.
    pub goodput_tps: f64,
    /// The deadline, ms.
    pub deadline_ms: f64,
    /// By definition; where there are shards also of transactions within one (`…_intra`) and across two (`…_cross`),
    /// whose ends are in their home shard, and until the partner has executed the commit (`submit_to_credit_cross`).
    pub latency_ms: BTreeMap<String, LatencySummary>,
    /// By region, then by definition.
    pub latency_by_region_ms: BTreeMap<String, BTreeMap<String, LatencySummary>>,
    /// How well hospitals of each connectivity class are served.
    #[serde(default)]
    pub service_by_class: BTreeMap<String, ServiceSummary>,
    /// How well hospitals of each region are served.
    #[serde(default)]
    pub service_by_region: BTreeMap<String, ServiceSummary>,
    /// Jain's index over the shares of their demand that hospitals got in time.
    #[serde(default)]
    pub fairness: f64,
    /// Transactions across two shards; nothing where there is one shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_shard: Option<CrossSummary>,
    /// What came of the contracts; nothing where the ledger runs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracts: Option<ContractSummary>,
    /// What became of the trace; nothing where none is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceSummary>,
    /// Refused over the whole run, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Neither in effect nor refused when the run ended.
    pub pending: u64,
    /// Transactions submitted and neither committed nor refused, at most at one time.
    #[serde(default)]
    pub backlog_max: u64,
    /// How long ago, at most, what was just being committed had been submitted, s.
    #[serde(default)]
    pub behind_max_s: f64,
    /// How the ledger absorbed the surge; nothing where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surge: Option<SurgeSummary>,
    /// Copies of batches refused because their contents did not hash to their id.
    pub tampered_batches: u64,
    /// Blocks committed over the whole run.
    pub blocks: u64,
    /// Copies of messages that left a NIC in the window, hospitals' included, per transaction committed in it.
    pub messages_per_tx: f64,
    /// Their bytes, per transaction committed in the window.
    pub bytes_per_tx: f64,
    /// By class of resource.
    pub utilisation: BTreeMap<String, UtilisationSummary>,
    /// What replicas used, in core-seconds and bytes; nothing in results from before this was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageSummary>,
    /// Which faults the design stands; nothing in results from before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<StandsSummary>,
    /// The class that limits the run, or `none`.
    pub binding_resource: String,
    /// The class whose telling node (of hospitals the 99th percentile) is nearest to its capacity, limiting or not.
    pub busiest_resource: String,
    /// Each judge, and what it found.
    pub verdict: BTreeMap<String, String>,
    /// Each threshold, and whether it held.
    pub slo: Vec<SloSummary>,
    /// How well distances are known.
    pub distances: DistanceSummary,
    /// What was really computed.
    pub real: RealSummary,
    /// The host's part; left out where it is not known.
    #[serde(default, skip_serializing_if = "HostFacts::is_unknown")]
    pub host: HostFacts,
}

impl Summary {
    /// Summarises a point.
    pub fn of(scenario: &Scenario, world: &WorldData, point: &Point, host: HostFacts) -> Summary {
        let (setup, outcome) = (&point.setup, &point.outcome);
        let (counts, window_s) = (&outcome.counts, setup.timing.window.as_secs_f64());
        let committed = counts.committed.max(1) as f64;
        let totals = outcome.real.totals;
        let per_second = |count: u64| count as f64 / window_s;
        Summary {
            digest: outcome.digest,
            scenario: scenario.file.name.clone(),
            seed: setup.seed,
            protocol: scenario.file.consensus.protocol.name().into(),
            dissemination: setup.layer.name().into(),
            hospitals: setup.hospitals.len(),
            replicas: setup.replicas(),
            shards: shards(point),
            weight: setup.weight,
            offered_tps: per_second(counts.offered),
            throughput_tps: per_second(counts.committed),
            goodput_tps: per_second(counts.good),
            deadline_ms: setup.deadline.as_millis_f64(),
            latency_ms: latencies(outcome),
            latency_by_region_ms: by_region(point),
            service_by_class: service(&point.setup.classes, &outcome.service.by_class, per_second),
            service_by_region: service(&point.setup.regions, &outcome.service.by_region, per_second),
            fairness: outcome.service.fairness(),
            cross_shard: outcome.cross.as_ref().map(cross_shard),
            contracts: outcome.contracts.as_ref().map(|contracts| ContractSummary::of(point, contracts)),
            trace: TraceSummary::of(world, point),
            rejected: rejected(outcome),
            pending: counts.pending_total,
            backlog_max: outcome.series.backlog().transactions,
            behind_max_s: outcome.series.backlog().behind.as_secs_f64(),
            surge: scenario.surge(world).map(|surge| SurgeSummary::of(&surge, outcome)),
            tampered_batches: counts.tampered_batches,
            blocks: counts.blocks_total,
            messages_per_tx: counts.messages as f64 / committed,
            bytes_per_tx: counts.bytes as f64 / committed,
            utilisation: utilisation(point),
            usage: Some(UsageSummary::of(&outcome.usage, window_s, committed)),
            stands: Some(StandsSummary::of(scenario, &setup.shards)),
            binding_resource: outcome.utilisation.binding().name().into(),
            busiest_resource: busiest(&outcome.utilisation.binding()).name().into(),
            verdict: outcome.judges.iter().map(|judge| (judge.to_string(), "ok".to_string())).collect(),
            slo: slos(scenario, point),
            distances: distances(world, point),
            real: RealSummary {
                signed: totals.signed,
                verified: totals.verified,
                hashed: totals.hashed,
                executed: outcome.real.executed,
                rows: outcome.real.state.as_ref().map_or(0, |state| state.rows),
                state_root: outcome.real.state.as_ref().map(StateProof::root),
                proved: outcome.real.state.as_ref().map_or(0, |state| state.proved),
            },
            host,
        }
    }

    /// Whether every threshold held.
    pub fn meets_slos(&self) -> bool {
        self.slo.iter().all(|slo| slo.holds)
    }

    /// Whether a load is sustained: there is one, every threshold held, and goodput is 99 % of what was offered.
    pub fn is_sustained(&self) -> bool {
        self.meets_slos() && self.offered_tps > 0.0 && self.goodput_tps >= SUSTAINED * self.offered_tps
    }
}

fn by_definition<'a>(histogram: impl Fn(Definition) -> &'a LatencyHistogram) -> BTreeMap<String, LatencySummary> {
    let summary = |definition: Definition| (definition.name().to_string(), LatencySummary::of(histogram(definition)));
    Definition::ALL.into_iter().map(summary).collect()
}

fn by_region(point: &Point) -> BTreeMap<String, BTreeMap<String, LatencySummary>> {
    let latencies = &point.outcome.latencies;
    let region = |(index, name): (usize, &String)| {
        (name.clone(), by_definition(|definition| latencies.of_region(index, definition)))
    };
    point.setup.regions.iter().enumerate().map(region).collect()
}

fn latencies(outcome: &Outcome) -> BTreeMap<String, LatencySummary> {
    let mut all = by_definition(|definition| outcome.latencies.overall(definition));
    if let Some(cross) = &outcome.cross {
        for (two, suffix) in [(false, "intra"), (true, "cross")] {
            let of_reach = by_definition(|definition| cross.of_reach(two, definition));
            all.extend(of_reach.into_iter().map(|(name, summary)| (format!("{name}_{suffix}"), summary)));
        }
        all.insert("submit_to_credit_cross".into(), LatencySummary::of(&cross.credited));
    }
    all
}

fn shards(point: &Point) -> BTreeMap<String, u32> {
    let sites = point.placement.shards.iter().map(|shard| (shard.name.clone(), shard.replicas));
    sites.filter(|_| point.setup.shards.len() > 1).collect()
}

fn cross_shard(cross: &CrossOutcome) -> CrossSummary {
    let CrossCounts { begun, committed, aborted, unproven, repeated } = cross.counts;
    CrossSummary { begun, committed, aborted, repeated_stages: repeated, unproven_stages: unproven }
}

fn service(names: &[String], served: &[Served], per_second: impl Fn(u64) -> f64) -> BTreeMap<String, ServiceSummary> {
    let groups = names.iter().zip(served).filter(|(_, served)| served.offered > 0);
    groups
        .map(|(name, served)| {
            let summary = ServiceSummary {
                offered_tps: per_second(served.offered),
                goodput_tps: per_second(served.good),
                late_share: served.late as f64 / (served.good + served.late).max(1) as f64,
                reply_ms: LatencySummary::of(&served.latency),
            };
            (name.clone(), summary)
        })
        .collect()
}

fn rejected(outcome: &Outcome) -> BTreeMap<String, u64> {
    let known = if outcome.cross.is_some() { Rejection::ALL.len() } else { Rejection::WITHIN_A_SHARD };
    let counts = outcome.counts.rejected_total.iter();
    let named = Rejection::ALL.into_iter().zip(counts).take(known);
    named.map(|(reason, &count)| (reason.name().to_string(), count)).collect()
}

fn utilisation(point: &Point) -> BTreeMap<String, UtilisationSummary> {
    let share = |ppm: u64| ppm as f64 / 1e6;
    let rows = point.outcome.utilisation.rows.iter();
    rows.map(|row| {
        let summary = UtilisationSummary { mean: share(row.mean_ppm), max: share(row.max_ppm) };
        (row.resource.name().to_string(), summary)
    })
    .collect()
}

fn busiest(binding: &Binding) -> Resource {
    match *binding {
        Binding::Resource { resource } => resource,
        Binding::Nothing { busiest } => busiest,
    }
}

fn slos(scenario: &Scenario, point: &Point) -> Vec<SloSummary> {
    let summary = |slo: &crate::scenario::Slo| SloSummary {
        threshold: slo.to_string(),
        holds: slo.holds(&point.outcome.latencies, point.outcome.counts.offered),
    };
    scenario.slos.iter().map(summary).collect()
}

fn distances(world: &WorldData, point: &Point) -> DistanceSummary {
    let backbone = &point.placement.backbone;
    let used: BTreeSet<usize> = point.placement.metro_of.iter().copied().collect();
    let named = || used.iter().map(|&metro| (&world.metros[metro], &backbone.attachments[metro]));
    let pairs = || used.iter().flat_map(|&a| used.range(a + 1..).map(move |&b| (a, b)));
    let near: Vec<_> = named().filter(|(_, attachment)| attachment.measured).collect();
    let farthest = near.iter().max_by(|a, b| a.1.km.total_cmp(&b.1.km));
    DistanceSummary {
        measured_pairs: pairs().filter(|&(a, b)| backbone.is_measured(a, b)).count(),
        pairs: pairs().count(),
        modelled_metros: named()
            .filter(|(_, attachment)| !attachment.measured)
            .map(|(metro, attachment)| (metro.name.clone(), attachment.km))
            .collect(),
        mean_km: near.iter().map(|(_, attachment)| attachment.km).sum::<f64>() / near.len().max(1) as f64,
        max_km: farthest.map_or(0.0, |(_, attachment)| attachment.km),
        farthest: farthest.map_or(String::new(), |(metro, attachment)| {
            format!("{} by {}", metro.name, world.cities.names[attachment.city])
        }),
    }
}
