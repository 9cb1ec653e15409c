//! `systole limit` of one scenario under one seed; of more, see `limits`.

use std::cell::{Cell, RefCell};
use std::path::Path;

use crate::base::Digest;
use crate::engine::{Control, Progress};
use crate::experiment::{Found, Probe, ScenarioText, TRACED_LIMIT, find_limit};
use crate::report::figures_of_limit;
use crate::scenario::Scenario;

use super::args::{LimitArgs, Voice};
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::limits::limits;
use super::{host, print, print_json, table};

/// Finds saturation points: of the scenario as it is, or of every variant that is asked for.
pub(super) fn limit(args: &LimitArgs, voice: Voice) -> Result<(), Failure> {
    if args.load.is_some() {
        let what = "--load: `limit` finds the load itself; limit.from_tps and limit.to_tps say where it looks";
        return Err(Failure::Usage(what.into()));
    }
    if is_grid(args)? { limits(args, voice) } else { one(args, voice) }
}

/// Whether there is more than one search to make, by the options or by what `[sweep]` of the scenario says.
fn is_grid(args: &LimitArgs) -> Result<bool, Failure> {
    if !args.vary.is_empty() || args.replicates.is_some() {
        return Ok(true);
    }
    let sweep = ScenarioText::read(&args.scenario.path)?.sweep(&args.scenario.overrides.settings)?;
    Ok(!sweep.vary.is_empty() || sweep.replicates > 1)
}

/// Finds a scenario's saturation point, keeps every probe, and prints the bracket.
fn one(args: &LimitArgs, voice: Voice) -> Result<(), Failure> {
    let scenario = args.scenario.load()?;
    if scenario.file.workload.trace.is_some() {
        return Err(Failure::Usage(TRACED_LIMIT.into()));
    }
    let world = scenario.world()?;
    // Of one search at a time all threads are its own, as many as there may be searches.
    let threads = host::threads(args.threads.or(args.jobs));
    let inputs: Digest = scenario.digest(&world);
    let store = host::store(args.out.as_deref().unwrap_or(Path::new("results")));
    let watch = RefCell::new(Watch::start()?);
    watch.borrow_mut().label(format!("{} limit", scenario.file.name));
    // What was probed is kept as it comes: an interrupted search loses nothing that it has measured.
    let kept = RefCell::new(None);
    let probed = |probes: &[Probe]| {
        let done = format!("{} limit, {} probes", scenario.file.name, probes.len());
        watch.borrow_mut().label(done);
        *kept.borrow_mut() = Some(store.keep_limit(&scenario, inputs, probes, None));
    };
    let load = Cell::new(0.0);
    let probing = |tps| load.set(tps);
    let found = find_limit(&scenario, &world, threads, &mut Shared(&watch), probing, probed);
    watch.borrow().finish();
    kept.into_inner().transpose()?;
    let found: Found = found.map_err(|error| {
        let Replay { scenario: path, settings } = Replay::of(&args.scenario);
        let settings = probe_settings(settings, load.get(), &scenario);
        Failure::Run(error, Replay { scenario: path, settings })
    })?;
    let summary = found.summary(&scenario);
    let folder = store.keep_limit(&scenario, inputs, &found.probes, Some(&summary))?;
    let figures = figures_of_limit(&folder)?;
    if voice.json {
        print_json(&summary)?;
    } else {
        print(&table::of_limit(&summary, &found.probes, &folder, &figures))?;
    }
    match summary.lower_tps {
        Some(_) => Ok(()),
        None => Err(Failure::Slo(vec!["no load that was probed is sustained".into()])),
    }
}

/// Overrides under which a run is the probe of a load: it has its own load and phases.
pub(super) fn probe_settings(mut settings: Vec<String>, load_tps: f64, scenario: &Scenario) -> Vec<String> {
    let keys = &scenario.file.limit;
    settings.push(format!("world.load_tps={load_tps}"));
    settings.push(format!("run.warm_up_s={}", keys.warm_up_s));
    settings.push(format!("run.window_s={}", keys.window_s));
    settings
}

/// A watch that the run and the search's own reports share.
struct Shared<'a>(&'a RefCell<Watch>);

impl Control for Shared<'_> {
    fn proceed(&mut self, progress: &Progress) -> bool {
        self.0.borrow_mut().proceed(progress)
    }
}
