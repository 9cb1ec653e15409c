//! Finding the saturation point of a scenario: the largest load whose goodput is 99 % of it and whose SLOs hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::engine::{Control, RunError, Timing};
use crate::metrics::{Definition, Utilisation};
use crate::scenario::{RunOptions, Scenario, WorldData};

use super::{Bracket, Point, Saturation, Step, Summary, simulate};

/// Arrivals in a probe's window from which on it says something.
const LEAST_ARRIVALS: f64 = 1_000.0;

/// One probed load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Offered, transactions/s, as measured.
    pub offered_tps: f64,
    /// In effect with a receipt in time, transactions/s.
    pub goodput_tps: f64,
    /// Committed, transactions/s.
    pub throughput_tps: f64,
    /// Median submit→reply, ms.
    pub reply_p50_ms: f64,
    /// 99th percentile of submit→reply, ms.
    pub reply_p99_ms: f64,
    /// What limits it, or `none`.
    pub binding_resource: String,
    /// The busiest class of resource.
    pub busiest_resource: String,
    /// How busy its busiest node is, percent.
    pub utilisation_percent: f64,
    /// Whether goodput and SLOs hold.
    pub meets_slo: bool,
    /// How busy each class is: the node that tells whether it binds (of hospitals the 99th percentile), 0 to 1. No part
    /// of the table.
    #[serde(skip)]
    pub busy: BTreeMap<String, f64>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its bracket.
    pub bracket: Bracket,
    /// Its probes, in order.
    pub probes: Vec<Probe>,
}

/// `limit.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitSummary {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The ordering protocol.
    pub protocol: String,
    /// The dissemination layer.
    pub dissemination: String,
    /// Hospitals.
    pub hospitals: u32,
    /// Replicas.
    pub replicas: u32,
    /// The largest load found sustained.
    pub lower_tps: Option<f64>,
    /// The smallest load found not sustained.
    pub upper_tps: Option<f64>,
    /// What limits the smallest load that is not sustained.
    pub binding_resource: String,
    /// The thresholds.
    pub slo: Vec<String>,
    /// The deadline of goodput, ms.
    pub deadline_ms: f64,
    /// Loads that were tried.
    #[serde(default)]
    pub probes: usize,
    /// How busy each class is at the largest load that is sustained, 0 to 1, by the node that tells whether it binds.
    #[serde(default)]
    pub busy_at_lower: BTreeMap<String, f64>,
    /// And at the smallest load that is not.
    #[serde(default)]
    pub busy_at_upper: BTreeMap<String, f64>,
}

impl Found {
    /// The probe of the smallest load that is not sustained.
    fn failed(&self) -> Option<&Probe> {
        let failed = self.probes.iter().filter(|probe| !probe.meets_slo);
        failed.min_by(|a, b| a.offered_tps.total_cmp(&b.offered_tps))
    }

    /// The probe of the largest load that is.
    fn sustained(&self) -> Option<&Probe> {
        let sustained = self.probes.iter().filter(|probe| probe.meets_slo);
        sustained.max_by(|a, b| a.offered_tps.total_cmp(&b.offered_tps))
    }

    /// The resource that binds at the smallest load that is not sustained; else of the largest that is.
    pub fn binding(&self) -> &str {
        self.failed().or(self.sustained()).map_or("none", |probe| probe.binding_resource.as_str())
    }

    /// The search's result as it is stored.
    pub fn summary(&self, scenario: &Scenario) -> LimitSummary {
        let file = &scenario.file;
        LimitSummary {
            scenario: file.name.clone(),
            seed: file.seed,
            protocol: file.consensus.protocol.name().into(),
            dissemination: file.layer().name().into(),
            hospitals: file.world.hospitals,
            replicas: file.consensus.replicas,
            lower_tps: self.bracket.lower,
            upper_tps: self.bracket.upper,
            binding_resource: self.binding().into(),
            slo: scenario.slos.iter().map(ToString::to_string).collect(),
            deadline_ms: file.slo.deadline_ms,
            probes: self.probes.len(),
            busy_at_lower: self.sustained().map(|probe| probe.busy.clone()).unwrap_or_default(),
            busy_at_upper: self.failed().map(|probe| probe.busy.clone()).unwrap_or_default(),
        }
    }
}

/// Searches the saturation point; `probing` is told of each load before, `probed` of all
/// probes after it was tried. Probes charge for signatures without
/// computing them: the result is the same, and ten times sooner.
pub fn find_limit(
    scenario: &Scenario,
    world: &WorldData,
    threads: usize,
    control: &mut dyn Control,
    mut probing: impl FnMut(f64),
    mut probed: impl FnMut(&[Probe]),
) -> Result<Found, RunError> {
    let keys = &scenario.file.limit;
    let span = |seconds: f64| Span::from_millis_f64(seconds * 1_000.0);
    let drain = span(scenario.file.run.drain_s);
    let timing = Timing { warm_up: span(keys.warm_up_s), window: span(keys.window_s), drain };
    // Of fewer arrivals no 99th percentile can be read.
    let least = LEAST_ARRIVALS / keys.window_s;
    let mut search = Saturation::new(keys.from_tps, least, keys.to_tps, keys.precision_percent / 100.0);
    let mut probes = Vec::new();
    loop {
        let load = match search.step() {
            Step::Done(bracket) => return Ok(Found { bracket, probes }),
            Step::Probe(load) => load,
        };
        let options = RunOptions { threads, modelled: true, load_tps: Some(load), timing: Some(timing) };
        probing(load);
        let point = simulate(scenario, world, &options, control)?;
        let probe = probe(scenario, world, &point);
        search.learn(probe.meets_slo);
        probes.push(probe);
        probed(&probes);
    }
}

fn probe(scenario: &Scenario, world: &WorldData, point: &Point) -> Probe {
    let summary = Summary::of(scenario, world, point, super::HostFacts::default());
    let reply = &summary.latency_ms[Definition::SubmitToReply.name()];
    Probe {
        offered_tps: summary.offered_tps,
        goodput_tps: summary.goodput_tps,
        throughput_tps: summary.throughput_tps,
        reply_p50_ms: reply.p50,
        reply_p99_ms: reply.p99,
        utilisation_percent: summary.utilisation[&summary.busiest_resource].max * 100.0,
        meets_slo: summary.is_sustained(),
        binding_resource: summary.binding_resource,
        busiest_resource: summary.busiest_resource,
        busy: point.outcome.utilisation.rows.iter().map(busy).collect(),
    }
}

fn busy(row: &Utilisation) -> (String, f64) {
    (row.resource.name().to_string(), row.telling_ppm as f64 / 1e6)
}
