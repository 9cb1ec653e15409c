//! `systole run`.

use std::time::Instant;

use crate::experiment::{LEDGER_FILE, Summary, simulate_setup};
use crate::report::figures_of_run;
use crate::scenario::RunOptions;

use super::args::{RunArgs, Voice};
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::{host, print, print_json, replayed, table};

/// Simulates a scenario, keeps what it measured, and prints it.
pub(super) fn run(args: &RunArgs, voice: Voice) -> Result<(), Failure> {
    let scenario = args.scenario.load()?;
    let world = replayed::world(&scenario, &args.scenario.overrides)?;
    let threads = host::threads(args.threads);
    let options = RunOptions { threads, modelled: args.modelled, load_tps: None, timing: None };
    let (mut setup, placement) = scenario.setup(&world, &options);
    if args.ledger && !setup.runs_contracts() {
        let why =
            "a ledger is written where contracts run: not across shards, nor where contents stay with their gateway";
        return Err(Failure::Usage(format!("--ledger: {why}")));
    }
    setup.keep_ledger = args.ledger;
    let mut watch = Watch::start()?;
    watch.label(scenario.file.name.clone());
    let started = Instant::now();
    let simulated = simulate_setup(&scenario, &world, (setup, placement), &mut watch);
    let wall = started.elapsed();
    watch.finish();
    let point = simulated.map_err(|error| Failure::Run(error, Replay::of(&args.scenario)))?;
    let summary = Summary::of(&scenario, &world, &point, host::facts(&point.outcome, wall, threads));
    let folder = host::store(&args.out).keep(&scenario, &point, &summary)?;
    let figures = figures_of_run(&folder)?;
    if voice.json {
        print_json(&summary)?;
    } else {
        print(&table::of_run(&summary, &scenario.file, &folder, &figures))?;
        if args.ledger {
            print(&format!("ledger       {}\n", folder.join(LEDGER_FILE).display()))?;
        }
    }
    let missed: Vec<String> = summary.slo.iter().filter(|slo| !slo.holds).map(|slo| slo.threshold.clone()).collect();
    if missed.is_empty() { Ok(()) } else { Err(Failure::Slo(missed)) }
}
