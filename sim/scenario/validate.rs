//! A validated scenario: every number possible, every name known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Digest;
use crate::crypto::CostTable;

use super::overrides::Source;
use super::template::{Costs, Template};
use super::world::{CalendarSpan, SurgeFactor, World};
use super::{FaultEntry, Prices, ScenarioError, ScenarioFile, Slo, Weight, WorldData};

/// More replicas would need gigabytes for their connections' state.
const MOST_REPLICAS: u32 = 2_000;
/// Longest phase of a run, s: a year and a day.
const MOST_S: f64 = 31_622_400.0;
/// Longest delay, ms: a day.
const MOST_MS: f64 = 86_400_000.0;
/// Transactions/s that a stream can tell apart: one in a nanosecond.
const MOST_ARRIVALS_PER_S: f64 = 1e9;
/// Largest load, transactions/s: a hundred times every device sample of the world.
const MOST_TPS: f64 = 50_000_000.0;
/// More workers of a replica would need gigabytes for their connections' state.
const MOST_WORKERS: u64 = 64;
/// Hospitals of the data set.
const MOST_HOSPITALS: u32 = 5_000;

/// How often a probe of a search, which may be longer than the run, goes through the calendar.
const MOST_ROUNDS: f64 = 64.0;

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// As written, overrides applied.
    pub file: ScenarioFile,
    /// Its thresholds.
    pub slos: Vec<Slo>,
    /// What operations cost.
    pub costs: CostTable,
    /// Of what they say.
    costs_digest: Digest,
    folder: PathBuf,
    /// Where the keys are whose values only the data files can tell from nonsense.
    places: BTreeMap<&'static str, String>,
}

/// Keys whose values name something in the data files, or in other keys.
pub(super) const NAMING: [&str; 8] = [
    "world.extra",
    "world.only",
    "world.digitised",
    "surge.profile",
    "surge.country",
    "sweep.vary",
    "sweep.load_tps",
    "sweep.replicates",
];

impl Scenario {
    /// Reads a file, applies `--set` overrides and validates what comes of it.
    pub fn load(path: &Path, settings: &[String]) -> Result<Scenario, ScenarioError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { path: path.to_path_buf(), source })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::parse(&path.display().to_string(), &text, &folder, settings)
    }

    /// As [`Scenario::load`], from text; `folder` is where its data folder is looked for.
    pub fn parse(name: &str, text: &str, folder: &Path, settings: &[String]) -> Result<Scenario, ScenarioError> {
        Template::new(name, text, folder)?.scenario(settings)
    }

    /// Of what was validated.
    pub(super) fn new(
        file: ScenarioFile,
        slos: Vec<Slo>,
        costs: Costs,
        folder: PathBuf,
        places: BTreeMap<&'static str, String>,
    ) -> Scenario {
        let (costs, costs_digest) = (costs.0.clone(), costs.1);
        Scenario { file, slos, costs, costs_digest, folder, places }
    }

    /// Reads the data files that it speaks of.
    pub fn world(&self) -> Result<WorldData, ScenarioError> {
        let (folder, mix) = self.tables();
        let mut world = WorldData::read(&folder, &mix)?;
        self.check(&world)?;
        if let Some((path, name, copies)) = self.trace() {
            world.replay(&path, name, copies)?;
        }
        Ok(world)
    }

    /// The folder of its tables, and the mix.
    pub(super) fn tables(&self) -> (PathBuf, String) {
        (self.folder.join(&self.file.world.data), self.file.world.mix.clone())
    }

    /// The trace that is replayed, its name here, and how often.
    pub(super) fn trace(&self) -> Option<(PathBuf, &str, u32)> {
        let workload = &self.file.workload;
        workload.trace.as_ref().map(|trace| (self.folder.join(trace), trace.as_str(), workload.copies))
    }

    /// Whether the tables know what it names, and it demands no more than can be told apart.
    fn check(&self, world: &WorldData) -> Result<(), ScenarioError> {
        self.check_names(world)?;
        self.check_rate(self.highest_tps(world))
    }

    /// All that its demand follows from beside the tables, and in what it is proportional: a total that it is given.
    pub(super) fn demand(&self) -> String {
        let world = World { load_tps: self.file.world.load_tps.map(|_| 1.0), ..self.file.world.clone() };
        let demand = (world, &self.file.surge, self.file.run.warm_up_s, self.file.run.window_s);
        serde_json::to_string(&demand).expect("a scenario is plain data")
    }

    /// What hospitals submit at most, transactions/s, surges included; for each of the total that they are given, if
    /// they are.
    pub(super) fn highest_tps(&self, world: &WorldData) -> f64 {
        let (until, unit) = (self.timing().window().until, self.file.world.load_tps.map(|_| 1.0));
        self.plan(world, &self.hospitals(world), unit, until).highest_tps()
    }

    /// Whether hospitals submit no more than a stream can tell apart.
    pub(super) fn check_rate(&self, highest_tps: f64) -> Result<(), ScenarioError> {
        let highest = highest_tps * self.file.world.load_tps.unwrap_or(1.0);
        if highest <= MOST_ARRIVALS_PER_S {
            return Ok(());
        }
        let what =
            format!("the load rises to {highest:.0} transactions/s, more than {MOST_ARRIVALS_PER_S:.0}; scale it down");
        Err(self.invalid("world.scale", what))
    }

    /// An error at one of the keys whose values name something in the data files.
    pub(crate) fn invalid(&self, key: &'static str, what: String) -> ScenarioError {
        let place = self.places.get(key).cloned().unwrap_or_else(|| self.file.name.clone());
        ScenarioError::Invalid { place, what, hint: None }
    }

    /// What a run of it follows from: all but the sweep that it may be a point of, and what that costs.
    pub fn configuration(&self) -> ScenarioFile {
        ScenarioFile { sweep: None, prices: None, ..self.file.clone() }
    }

    /// What a run of it follows from, as one digest: scenario, data and costs, but not whether cryptography runs.
    pub fn digest(&self, world: &WorldData) -> Digest {
        let mut file = self.configuration();
        file.crypto.execution = super::Execution::Modelled;
        let file = serde_json::to_string(&file).expect("a scenario is plain data");
        let [file, world] = [file.as_bytes(), &world.digest.0].map(Digest::of);
        let inputs = [file, self.costs_digest, world];
        Digest::of(&inputs.map(|digest| digest.0).concat())
    }
}

pub(super) fn costs(file: &ScenarioFile, folder: &Path) -> Result<CostTable, ScenarioError> {
    if file.crypto.costs == "reference" {
        return Ok(CostTable::reference());
    }
    let path = folder.join(&file.crypto.costs);
    let text = fs::read_to_string(&path).map_err(|source| ScenarioError::Unreadable { path: path.clone(), source })?;
    CostTable::from_toml(&text).map_err(|source| ScenarioError::BadCosts { path, source })
}

/// One condition on one key.
pub(super) struct Check {
    pub key: &'static str,
    pub holds: bool,
    pub rule: String,
}

/// The first of `checks` that does not hold, at its place.
pub(super) fn refuse(checks: impl IntoIterator<Item = Check>, source: &Source<'_>) -> Result<(), ScenarioError> {
    match checks.into_iter().find(|check| !check.holds) {
        Some(broken) => Err(source.error_at(broken.key, format!("`{}` {}", broken.key, broken.rule))),
        None => Ok(()),
    }
}

/// Above 0 and at most `most`.
fn positive(key: &'static str, value: f64, most: f64) -> Check {
    Check { key, holds: value > 0.0 && value <= most, rule: format!("must be above 0 and at most {most}, not {value}") }
}

/// Between `least` and `most`.
pub(super) fn within(key: &'static str, value: f64, least: f64, most: f64) -> Check {
    Check {
        key,
        holds: (least..=most).contains(&value),
        rule: format!("must be between {least} and {most}, not {value}"),
    }
}

fn share(key: &'static str, value: f64) -> Check {
    Check { key, holds: (0.0..1.0).contains(&value), rule: format!("must be at least 0 and below 1, not {value}") }
}

fn between(key: &'static str, value: u64, least: u64, most: u64) -> Check {
    let holds = (least..=most).contains(&value);
    Check { key, holds, rule: format!("must be between {least} and {most}, not {value}") }
}

pub(super) fn validate(file: &ScenarioFile, source: &Source<'_>) -> Result<Vec<Slo>, ScenarioError> {
    let prices = file.prices.as_ref().map(Prices::checks).unwrap_or_default();
    refuse([world(file), load(file), machines(file), measurement(file), prices].into_iter().flatten(), source)?;
    consensus(file, source)?;
    FaultEntry::validate(&file.faults, file.consensus.replicas).map_err(|what| source.error_at("fault", what))?;
    let slo = |text: &String| {
        text.parse().map_err(|error: super::SloError| source.error_at("slo.thresholds", error.to_string()))
    };
    file.slo.thresholds.iter().map(slo).collect()
}

/// Every protocol's settings, chosen or not, and whether the chosen one runs over the chosen layer.
fn consensus(file: &ScenarioFile, source: &Source<'_>) -> Result<(), ScenarioError> {
    file.protocols.validate(file.consensus.replicas).map_err(|(protocol, bad)| {
        let key = format!("protocol.{}.{}", protocol.name(), bad.key);
        source.error_at(&key, format!("`{key}` {}", bad.rule))
    })?;
    let (protocol, layer) = (file.consensus.protocol, file.layer());
    let layers = file.protocols.layers(protocol);
    if layers.contains(&layer) {
        return Ok(());
    }
    let layers: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
    let what = format!("`{}` does not run over `{}`, but over: {}", protocol.name(), layer.name(), layers.join(", "));
    Err(source.error_at("consensus.dissemination", what))
}

fn world(file: &ScenarioFile) -> Vec<Check> {
    let world = &file.world;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let named = !file.name.is_empty() && file.name.chars().all(plain);
    let rule = format!("must be made of letters, digits, `-` and `_`, not `{}`", file.name);
    vec![
        Check { key: "name", holds: named, rule },
        between("world.hospitals", world.hospitals.into(), 1, MOST_HOSPITALS.into()),
        between("world.hour_of_week", world.hour_of_week.into(), 0, 167),
        within("world.scale", world.scale, 1e-6, 500.0),
        within("world.load_tps", world.load_tps.unwrap_or(1.0), 0.01, MOST_TPS),
        within("world.near_km", world.near_km, 0.0, 20_100.0),
        within("people.share", file.people.share, 1e-6, 1.0),
        within("people.consented", file.people.consented, 0.0, 1.0),
        within("people.expired", file.people.expired, 0.0, 1.0),
        within("people.denied", file.people.denied, 0.0, 1.0),
        within("people.elsewhere", file.people.elsewhere, 0.0, 1.0),
        within("people.abroad", file.people.abroad, 0.0, 1.0),
        within("people.insured", file.people.insured, 0.0, 1.0),
        between("workload.copies", file.workload.copies.into(), 1, 1 << 20),
        share("inject.forged", file.inject.forged),
        share("inject.replayed", file.inject.replayed),
        share("inject.tampered_batches", file.inject.tampered_batches),
        share("inject.counterfeits", file.inject.counterfeits),
        share("inject.frauds", file.inject.frauds),
        share("inject.breaches", file.inject.breaches),
    ]
}

/// Calendar, bursts, further kinds and the surge.
fn load(file: &ScenarioFile) -> Vec<Check> {
    let (world, run) = (&file.world, &file.run);
    let (submitting_s, span_s) = (run.warm_up_s + run.window_s, f64::from(world.span.hours()) * 3_600.0);
    let fits = world.span == CalendarSpan::Hour || world.lapse * submitting_s <= span_s;
    let rule = format!(
        "must be at most {}: hospitals submit for {submitting_s} s, and `world.span` lasts {span_s} s, not {}",
        span_s / submitting_s,
        world.lapse
    );
    let probing_s = file.limit.warm_up_s + file.limit.window_s;
    let rounds = if world.span == CalendarSpan::Hour { 0.0 } else { world.lapse * probing_s / span_s };
    let limit_rule =
        format!("must not go through `world.span` more than {MOST_ROUNDS} times, at `world.lapse` = {}", world.lapse);
    let mut checks = vec![
        within("world.lapse", world.lapse, 0.001, 1e6),
        Check { key: "limit.window_s", holds: rounds <= MOST_ROUNDS, rule: limit_rule },
        Check { key: "world.lapse", holds: fits, rule },
        within("world.burst", world.burst, 0.0, 4.0),
    ];
    checks.extend(world.extra.values().map(|&tps| within("world.extra", tps, 0.0, MOST_TPS)));
    if let Some(surge) = &file.surge {
        let national = surge.factor == SurgeFactor::National;
        let rule = match national {
            true => "must name the country that is struck most, such as \"IN\", with `factor = \"national\"`",
            false => "needs `factor = \"national\"`: a surge of the world strikes all countries alike",
        };
        checks.extend([
            Check { key: "surge.country", holds: national == surge.country.is_some(), rule: rule.into() },
            within("surge.begins_s", surge.begins_s, 0.0, MOST_S),
            within("surge.day_s", surge.day_s, 0.001, 86_400.0),
        ]);
    }
    checks
}

fn machines(file: &ScenarioFile) -> Vec<Check> {
    let protocol = file.consensus.protocol;
    vec![
        between(
            "consensus.replicas",
            file.consensus.replicas.into(),
            file.protocols.least_replicas(protocol).into(),
            MOST_REPLICAS.into(),
        ),
        between("batch.max_bytes", file.batch.max_bytes, 1, 1 << 30),
        positive("batch.max_delay_ms", file.batch.max_delay_ms, MOST_MS),
        between("block.max_bytes", file.block.max_bytes, 1, 1 << 40),
        between("block.max_inline_bytes", file.block.max_inline_bytes, 1, 1 << 40),
        between("block.max_batches", file.block.max_batches as u64, 1, 1 << 20),
        between("block.kept", file.block.kept, 1, 1 << 20),
        within("block.fetch_retry_ms", file.block.fetch_retry_ms, 1.0, MOST_MS),
        within("block.resend_ms", file.block.resend_ms, 1.0, MOST_MS),
        between("gossip.degree", file.gossip.degree.into(), 2, MOST_REPLICAS.into()),
        between("certified.workers", file.certified.workers.into(), 1, MOST_WORKERS),
        between("certified.header_bytes", file.certified.header_bytes, 1, 1 << 30),
        within("certified.max_header_delay_ms", file.certified.max_header_delay_ms, 1.0, MOST_MS),
        between("certified.gc_depth", file.certified.gc_depth, 4, 1 << 20),
        between("mempool.max_transactions", file.mempool.max_transactions as u64, 1, 1 << 32),
        between("mempool.remembered", file.mempool.remembered as u64, 1, 1 << 24),
        positive("mempool.replay_horizon_s", file.mempool.replay_horizon_s, MOST_S),
        within("replica.egress_mbps", file.replica.egress_mbps, 0.01, 1e7),
        within("replica.ingress_mbps", file.replica.ingress_mbps, 0.01, 1e7),
        between("replica.crypto_cores", file.replica.crypto_cores as u64, 1, 1024),
        within("replica.handler_us", file.replica.handler_us, 0.0, 1e6),
        within("link.jitter_percent", file.link.jitter_percent, 0.0, 1_000.0),
        share("link.loss_percent", file.link.loss_percent / 100.0),
    ]
}

fn measurement(file: &ScenarioFile) -> Vec<Check> {
    let weight = match file.run.weight {
        Weight::Fixed(weight) => weight.into(),
        Weight::Auto(_) => 1,
    };
    vec![
        within("run.warm_up_s", file.run.warm_up_s, 0.0, MOST_S),
        within("run.window_s", file.run.window_s, 0.001, MOST_S),
        within("run.drain_s", file.run.drain_s, 0.0, MOST_S),
        between("run.weight", weight, 1, 1 << 20),
        positive("slo.deadline_ms", file.slo.deadline_ms, MOST_MS),
        within("limit.from_tps", file.limit.from_tps, 0.01, MOST_TPS),
        Check {
            key: "limit.to_tps",
            holds: (file.limit.from_tps..=MOST_TPS).contains(&file.limit.to_tps),
            rule: format!("must be between limit.from_tps, {}, and {MOST_TPS}", file.limit.from_tps),
        },
        within("limit.precision_percent", file.limit.precision_percent, 0.1, 100.0),
        within("limit.warm_up_s", file.limit.warm_up_s, 0.0, MOST_S),
        within("limit.window_s", file.limit.window_s, 0.1, MOST_S),
    ]
}
