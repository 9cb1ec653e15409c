//! What is said of one design.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::experiment::{Estimate, LatencySummary, StandsSummary, Summary, UsageSummary};
use crate::metrics::Definition;
use crate::scenario::Prices;

use super::advice::Contender;
use super::cost::Cost;
use super::difference::{Samples, mean};
use super::variant::{CompareError, Loaded, Variant};
use super::{At, Criterion, figure};

/// A year of 365.25 days.
const SECONDS_OF_A_YEAR: f64 = 31_557_600.0;

/// Two quantiles of a latency, ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<Estimate>,
    /// 99th percentile.
    pub p99: Option<Estimate>,
}

/// Work of replicas' cores for a thousand transactions, core-seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CpuUse {
    /// Cores that run the protocol.
    pub protocol: Option<Estimate>,
    /// Cores that verify and hash.
    pub crypto: Option<Estimate>,
    /// Cores that execute.
    pub execution: Option<Estimate>,
    /// All of them.
    pub total: Option<Estimate>,
}

/// What a million transactions cost, in the currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// Replicas' cores.
    pub machines: Option<Estimate>,
    /// What left replicas.
    pub egress: Option<Estimate>,
    /// The ledger.
    pub storage: Option<Estimate>,
    /// Replicas' work.
    pub energy: Option<Estimate>,
    /// All of it.
    pub total: Option<Estimate>,
    /// Energy of replicas' work, kWh.
    pub energy_kwh: Option<Estimate>,
}

/// One design. What has no other load in its name is at the load of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What tells it from the others.
    pub name: String,
    /// The ordering protocol.
    pub protocol: String,
    /// The dissemination layer.
    pub dissemination: String,
    /// Replicas.
    pub replicas: u32,
    /// Whether no other design is shown to be better in something and worse in nothing.
    pub is_efficient: bool,
    /// Which faults it stands; nothing where its results are from before that was noted.
    pub stands: Option<StandsSummary>,
    /// The largest goodput of a load that every run sustained (goodput at least 99 % of it, every threshold met),
    /// transactions/s.
    pub goodput_at_slo_tps: Option<Estimate>,
    /// That load, transactions/s; nothing where the world decides.
    pub load_at_slo_tps: Option<f64>,
    /// Whether no larger load was tried.
    pub is_largest_load: bool,
    /// What binds at the least load above that, or `none`; nothing where there is none above.
    pub stopped_by: Option<String>,
    /// What a million transactions cost at that load, in the currency.
    pub cost_at_slo_per_million_tx: Option<Estimate>,
    /// Runs at the load of the comparison.
    pub replicates: usize,
    /// Of them, those that met their SLO.
    pub slo_met: usize,
    /// Offered, transactions/s.
    pub offered_tps: Option<Estimate>,
    /// In effect with a receipt in time, transactions/s.
    pub goodput_tps: Option<Estimate>,
    /// By definition.
    pub latency_ms: BTreeMap<String, Quantiles>,
    /// 99th percentile to the receipt of each region's hospitals, ms.
    pub reply_p99_by_region_ms: BTreeMap<String, Option<Estimate>>,
    /// Copies of messages for each transaction.
    pub messages_per_tx: Option<Estimate>,
    /// Their bytes.
    pub bytes_per_tx: Option<Estimate>,
    /// Replicas' work.
    pub cpu_core_s_per_1000_tx: CpuUse,
    /// Share of replicas' cores that is busy.
    pub cpu_busy_share: Option<Estimate>,
    /// What leaves all replicas together, bytes/s.
    pub egress_bytes_per_s: Option<Estimate>,
    /// What leaves replicas for a million transactions, 10⁹ bytes.
    pub egress_gb_per_million_tx: Option<Estimate>,
    /// One copy of the ledger grows by that.
    pub ledger_bytes_per_tx: Option<Estimate>,
    /// And by that in a year of this load.
    pub ledger_bytes_per_year: Option<Estimate>,
    /// All copies together.
    pub ledger_copies_bytes_per_year: Option<Estimate>,
    /// What it costs.
    pub cost_per_million_tx: Costs,
    /// What limits the first run, or `none`.
    pub binding_resource: String,
}

/// A design with what it is judged by.
pub(super) struct Judged {
    pub row: Row,
    /// By [`Criterion`].
    pub samples: [Samples; Criterion::ALL.len()],
    /// Runs of the load that was run least often.
    replicates: usize,
    /// The largest load that it was tried at, transactions/s; nothing where the world decides.
    largest_tps: Option<f64>,
    /// Whether any seed sustained every load that it was tried at, so that its best is not known.
    is_open_for_some: bool,
}

fn is_sustained(loaded: &Loaded) -> bool {
    loaded.runs.values().all(Summary::is_sustained)
}

/// Mean goodput of a load.
fn goodput(loaded: &Loaded) -> f64 {
    loaded.runs.values().map(|run| run.goodput_tps).sum::<f64>() / loaded.runs.len() as f64
}

/// The loads that every run sustains: those below the first that one does not. What fails once is not trusted above.
fn trusted(variant: &Variant) -> &[Loaded] {
    let failed = variant.loads.iter().position(|loaded| !is_sustained(loaded));
    &variant.loads[..failed.unwrap_or(variant.loads.len())]
}

/// The load of the largest goodput among those that every run sustains.
fn best(variant: &Variant) -> Option<&Loaded> {
    trusted(variant).iter().max_by(|a, b| goodput(a).total_cmp(&goodput(b)))
}

/// The load at which designs are set side by side.
pub(super) fn common(variants: &[Variant], asked: Option<f64>) -> Result<At, CompareError> {
    let everywhere = |load: Option<f64>| variants.iter().all(|variant| variant.at(load).is_some());
    let shared: Vec<Option<f64>> =
        variants[0].loads.iter().map(|loaded| loaded.load_tps).filter(|&load| everywhere(load)).collect();
    let able: Vec<&Variant> = variants.iter().filter(|variant| best(variant).is_some()).collect();
    let sustains = |variant: &Variant, load| trusted(variant).iter().any(|loaded| loaded.load_tps == load);
    let sustained = |load: &Option<f64>| !able.is_empty() && able.iter().all(|variant| sustains(variant, *load));
    if let Some(asked) = asked {
        is_shared(asked, &shared)?;
        return Ok(At::Common { load_tps: Some(asked), sustained: sustained(&Some(asked)) });
    }
    let largest = shared.iter().rev().copied().find(sustained);
    Ok(match (largest, shared.first()) {
        (Some(load_tps), _) => At::Common { load_tps, sustained: true },
        (None, Some(&load_tps)) => At::Common { load_tps, sustained: false },
        (None, None) => At::Own,
    })
}

/// Whether designs can be compared at a load, by the loads that all of them are run at.
pub(super) fn is_shared(asked: f64, shared: &[Option<f64>]) -> Result<(), CompareError> {
    if shared.contains(&Some(asked)) {
        return Ok(());
    }
    let loads: Vec<String> = shared.iter().flatten().map(|load| figure(*load)).collect();
    let loads = if loads.is_empty() { "none".into() } else { loads.join(", ") };
    let what = format!("not every design is run at {} tx/s; loads of all: {loads}", figure(asked));
    Err(CompareError::Alone(what))
}

/// Mean of what the runs of a load have; nothing where one of them has it not.
fn estimate(loaded: &Loaded, value: impl Fn(&Summary) -> Option<f64>) -> Option<Estimate> {
    let values: Option<Vec<f64>> = loaded.runs.values().map(value).collect();
    Estimate::of(&values?)
}

/// As [`estimate`], by seed; nothing of any where one of them has it not.
fn by_seed(loaded: &Loaded, value: impl Fn(&Summary) -> Option<f64>) -> Samples {
    let samples: Option<Samples> = loaded.runs.iter().map(|(&seed, run)| Some((seed, value(run)?))).collect();
    samples.unwrap_or_default()
}

fn reply_p99(run: &Summary) -> Option<f64> {
    let reply = &run.latency_ms[Definition::SubmitToReply.name()];
    (reply.count > 0).then_some(reply.p99)
}

fn cost(run: &Summary, prices: &Prices) -> Option<Cost> {
    Cost::of(run.usage.as_ref()?, run.replicas, run.goodput_tps, prices)
}

/// For each seed the largest goodput of a load that it sustains, before the first that it does not; 0 where it sustains
/// none. And whether any seed sustains all of its loads.
fn goodput_by_seed(variant: &Variant) -> (Samples, bool) {
    let (mut samples, mut failed) = (Samples::new(), BTreeSet::new());
    for (&seed, run) in variant.loads.iter().flat_map(|loaded| &loaded.runs) {
        let known = samples.entry(seed).or_insert(0.0);
        if !run.is_sustained() {
            failed.insert(seed);
        } else if !failed.contains(&seed) {
            *known = run.goodput_tps.max(*known);
        }
    }
    let is_open = failed.len() < samples.len();
    (samples, is_open)
}

impl Judged {
    pub fn new(variant: &Variant, at: &At, prices: &Prices) -> Judged {
        let best = best(variant);
        let loaded = match at {
            At::Common { load_tps, .. } => variant.at(*load_tps).expect("a common load is one of each design"),
            At::Own => best.unwrap_or(&variant.loads[0]),
        };
        let (goodput, is_open_for_some) = goodput_by_seed(variant);
        let samples =
            [goodput, by_seed(loaded, reply_p99), by_seed(loaded, |run| cost(run, prices).map(|cost| cost.total))];
        let replicates = variant.loads.iter().map(|loaded| loaded.runs.len()).min().unwrap_or(0);
        let largest_tps = variant.loads.last().and_then(|loaded| loaded.load_tps);
        Judged { row: row(variant, best, loaded, prices), samples, replicates, largest_tps, is_open_for_some }
    }

    /// Whether it may well sustain as much as `other`, which is seen to sustain more: it was not tried at more.
    pub fn is_untried_above(&self, other: &Judged) -> bool {
        self.row.is_largest_load || (self.is_open_for_some && self.largest_tps < other.largest_tps)
    }

    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// Replicas that may lie, and replicas that may crash.
    pub fn faults_stood(&self) -> [u32; 2] {
        match &self.row.stands {
            Some(StandsSummary { faults, replicas, .. }) if faults == "byzantine" => [*replicas, *replicas],
            Some(StandsSummary { faults, replicas, .. }) if faults == "crash" => [0, *replicas],
            _ => [0, 0],
        }
    }

    pub fn contender(&self) -> Contender {
        Contender {
            name: self.row.name.clone(),
            replicates: self.replicates,
            goodput_tps: self.row.goodput_at_slo_tps.map(|estimate| estimate.mean),
            is_open: self.row.is_largest_load,
            stopped_by: self.row.stopped_by.clone(),
            means: self.samples.each_ref().map(|samples| mean(samples.values())),
            stands: self.row.stands.clone(),
        }
    }
}

fn row(variant: &Variant, best: Option<&Loaded>, loaded: &Loaded, prices: &Prices) -> Row {
    let above = variant.loads.iter().skip_while(|one| best.is_some_and(|best| one.load_tps != best.load_tps));
    let failed = above.skip(usize::from(best.is_some())).flat_map(|loaded| loaded.runs.values());
    let stopped_by = failed.clone().find(|run| !run.is_sustained()).map(|run| run.binding_resource.clone());
    let first = loaded.runs.values().next().expect("a load is known by its runs");
    let part = |part: fn(&Cost) -> f64| estimate(loaded, |run| cost(run, prices).map(|cost| part(&cost)));
    let used = Used(loaded);
    Row {
        name: variant.name.clone(),
        protocol: first.protocol.clone(),
        dissemination: first.dissemination.clone(),
        replicas: first.replicas,
        is_efficient: false,
        stands: first.stands.clone(),
        goodput_at_slo_tps: best.and_then(|best| estimate(best, |run| Some(run.goodput_tps))),
        load_at_slo_tps: best.and_then(|best| best.load_tps),
        is_largest_load: best.is_some() && trusted(variant).len() == variant.loads.len(),
        stopped_by,
        cost_at_slo_per_million_tx: best
            .and_then(|best| estimate(best, |run| cost(run, prices).map(|cost| cost.total))),
        replicates: loaded.runs.len(),
        slo_met: loaded.runs.values().filter(|run| run.meets_slos()).count(),
        offered_tps: estimate(loaded, |run| Some(run.offered_tps)),
        goodput_tps: estimate(loaded, |run| Some(run.goodput_tps)),
        latency_ms: Definition::ALL
            .map(|definition| (definition.name().to_string(), quantiles(loaded, definition)))
            .into(),
        reply_p99_by_region_ms: first
            .latency_by_region_ms
            .keys()
            .map(|region| (region.clone(), regional(loaded, region)))
            .collect(),
        messages_per_tx: estimate(loaded, |run| Some(run.messages_per_tx)),
        bytes_per_tx: estimate(loaded, |run| Some(run.bytes_per_tx)),
        cpu_core_s_per_1000_tx: used.cpu(),
        cpu_busy_share: used.busy_share(),
        egress_bytes_per_s: used.estimate(|usage, _| Some(usage.egress_bytes as f64 / usage.window_s)),
        egress_gb_per_million_tx: used
            .estimate(|usage, tps| Some(usage.egress_bytes as f64 / usage.window_s / some(tps)? * 1e6 / 1e9)),
        ledger_bytes_per_tx: used.estimate(|usage, tps| some(tps).map(|_| usage.ledger_bytes_per_tx)),
        ledger_bytes_per_year: used.estimate(|usage, tps| Some(per_year(usage, tps))),
        ledger_copies_bytes_per_year: used.estimate(|usage, tps| Some(per_year(usage, tps) * usage.copies())),
        cost_per_million_tx: Costs {
            machines: part(|cost| cost.machines),
            egress: part(|cost| cost.egress),
            storage: part(|cost| cost.storage),
            energy: part(|cost| cost.energy),
            total: part(|cost| cost.total),
            energy_kwh: part(|cost| cost.energy_kwh),
        },
        binding_resource: first.binding_resource.clone(),
    }
}

fn quantiles(loaded: &Loaded, definition: Definition) -> Quantiles {
    let quantile = |pick: fn(&LatencySummary) -> f64| {
        estimate(loaded, |run| {
            let latency = &run.latency_ms[definition.name()];
            (latency.count > 0).then(|| pick(latency))
        })
    };
    Quantiles { p50: quantile(|latency| latency.p50), p99: quantile(|latency| latency.p99) }
}

fn regional(loaded: &Loaded, region: &str) -> Option<Estimate> {
    estimate(loaded, |run| {
        let reply = run.latency_by_region_ms.get(region)?.get(Definition::SubmitToReply.name())?;
        (reply.count > 0).then_some(reply.p99)
    })
}

fn some(count: f64) -> Option<f64> {
    (count > 0.0).then_some(count)
}

/// What a ledger grows by in a year of that goodput.
fn per_year(usage: &UsageSummary, goodput_tps: f64) -> f64 {
    usage.ledger_bytes_per_tx * goodput_tps * SECONDS_OF_A_YEAR
}

/// What replicas used under a load.
struct Used<'a>(&'a Loaded);

impl Used<'_> {
    /// Of usage and of goodput, transactions/s.
    fn estimate(&self, value: impl Fn(&UsageSummary, f64) -> Option<f64>) -> Option<Estimate> {
        estimate(self.0, |run| {
            let usage = run.usage.as_ref()?;
            value(usage, run.goodput_tps)
        })
    }

    fn cpu(&self) -> CpuUse {
        let per_thousand = |busy: fn(&UsageSummary) -> f64| {
            self.estimate(|usage, tps| Some(busy(usage) / usage.window_s / some(tps)? * 1e3))
        };
        CpuUse {
            protocol: per_thousand(|usage| usage.protocol_core_s),
            crypto: per_thousand(|usage| usage.crypto_core_s),
            execution: per_thousand(|usage| usage.execution_core_s),
            total: per_thousand(UsageSummary::busy_core_s),
        }
    }

    fn busy_share(&self) -> Option<Estimate> {
        estimate(self.0, |run| {
            let usage = run.usage.as_ref()?;
            Some(usage.busy_core_s() / usage.core_s(run.replicas))
        })
    }
}
