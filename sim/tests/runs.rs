//! Runs for tests: a scenario of `workloads/` with some keys set, on a world that is read once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use systole::engine::{self, Outcome, RunError, Setup, Unwatched};
use systole::ledger::Rejection;
use systole::metrics::Definition;
use systole::scenario::{RunOptions, Scenario, WorldData};

/// The folder of the shipped scenarios.
pub fn workloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads")
}

/// The data of the shipped scenarios, which all ask for the same mix and hour.
pub fn world() -> &'static WorldData {
    static WORLD: OnceLock<WorldData> = OnceLock::new();
    WORLD.get_or_init(|| regional(&[]).world().expect("the shipped data is whole"))
}

/// `workloads/regional.toml` with `settings`.
pub fn regional(settings: &[&str]) -> Scenario {
    let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
    Scenario::load(&workloads().join("regional.toml"), &settings).expect("a shipped scenario is valid")
}

/// The shipped regional scenario with `replicas`, further tables such as `[[fault]]`, and `settings`.
pub fn regional_with(replicas: u32, tables: &str, settings: &[&str]) -> Scenario {
    let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
    let text = std::fs::read_to_string(workloads().join("regional.toml")).expect("a shipped scenario is readable");
    let text = text.replace("replicas = 4", &format!("replicas = {replicas}")) + tables;
    Scenario::parse("regional.toml", &text, &workloads(), &settings).expect("a valid scenario")
}

/// The setup of `scenario`, charging for signatures without computing them.
pub fn modelled(scenario: &Scenario) -> Setup {
    setup(scenario, 1, true)
}

/// The setup of `scenario`.
pub fn setup(scenario: &Scenario, threads: usize, modelled: bool) -> Setup {
    scenario.setup(world(), &RunOptions { threads, modelled, load_tps: None, timing: None }).0
}

/// Runs `setup` under the protocol of `scenario`.
pub fn try_run(scenario: &Scenario, setup: &Setup) -> Result<Outcome, RunError> {
    engine::run(scenario.file.consensus.protocol, &scenario.file.protocols, setup, &mut Unwatched)
}

/// Runs `setup`, which no judge objects to, and checks that what was submitted is accounted for.
pub fn run(scenario: &Scenario, setup: &Setup) -> Outcome {
    let outcome = try_run(scenario, setup).unwrap_or_else(|error| panic!("{error}"));
    let counts = &outcome.counts;
    let rejected: u64 = counts.rejected_total.iter().sum();
    assert_eq!(
        counts.submitted_total,
        counts.in_effect_total + rejected + counts.pending_total,
        "submitted = in effect + refused + pending: {counts:?}"
    );
    outcome
}

/// Runs `scenario` with modelled cryptography on one thread.
pub fn run_modelled(scenario: &Scenario) -> Outcome {
    run(scenario, &modelled(scenario))
}

/// Refused for `reason` over the whole run.
pub fn rejected(outcome: &Outcome, reason: Rejection) -> u64 {
    outcome.counts.rejected_total[reason as usize]
}

/// A latency quantile, ms.
pub fn quantile_ms(outcome: &Outcome, definition: Definition, q: f64) -> f64 {
    outcome.latencies.overall(definition).quantile_ms(q)
}

/// Transactions first committed between two seconds of virtual time, weight counted.
pub fn committed_between(outcome: &Outcome, from_s: f64, until_s: f64) -> u64 {
    let step_s = outcome.series.step().as_secs_f64();
    let points = outcome.series.points().iter().enumerate();
    let within = points.filter(|(index, _)| (from_s..until_s).contains(&(*index as f64 * step_s)));
    within.map(|(_, point)| point.committed).sum()
}
