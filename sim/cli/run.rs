//! `systole run`.

use std::time::Instant;

use crate::experiment::{LEDGER_FILE, Summary, simulate_setup};
use crate::report::figures_of_run;
use crate::scenario::{RunOptions, Scenario};

use super::args::RunArgs;
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::{host, print, replayed, table};

/// Simulates a scenario, keeps what it measured, and prints it.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let simulation = &args.simulation;
    let scenario = Scenario::load(&simulation.scenario.scenario, &simulation.scenario.settings)?;
    let world = replayed::world(&scenario, &simulation.scenario)?;
    let threads = host::threads(simulation.threads);
    let options = RunOptions { threads, modelled: args.modelled, load_tps: None, timing: None };
    let (mut setup, placement) = scenario.setup(&world, &options);
    if args.ledger && !setup.runs_contracts() {
        let why =
            "a ledger is written where contracts run: not across shards, nor where contents stay with their gateway";
        return Err(Failure::Usage(format!("--ledger: {why}")));
    }
    setup.keep_ledger = args.ledger;
    let mut watch = Watch::start(simulation.quiet)?;
    watch.label(scenario.file.name.clone());
    let started = Instant::now();
    let simulated = simulate_setup(&scenario, &world, (setup, placement), &mut watch);
    let wall = started.elapsed();
    watch.finish();
    let point = simulated.map_err(|error| {
        let (scenario, settings) = (simulation.scenario.scenario.clone(), simulation.scenario.settings.clone());
        Failure::Run(error, Replay { scenario, settings })
    })?;
    let summary = Summary::of(&scenario, &world, &point, host::facts(&point.outcome, wall, threads));
    let folder = host::store(&simulation.out).keep(&scenario, &point, &summary)?;
    let figures = figures_of_run(&folder)?;
    if simulation.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&summary).expect("a summary is plain data")))?;
    } else {
        print(&table::of_run(&summary, &scenario.file, &folder, &figures))?;
        if args.ledger {
            print(&format!("ledger       {}\n", folder.join(LEDGER_FILE).display()))?;
        }
    }
    let missed: Vec<String> = summary.slo.iter().filter(|slo| !slo.holds).map(|slo| slo.threshold.clone()).collect();
    if missed.is_empty() { Ok(()) } else { Err(Failure::Slo(missed)) }
}
