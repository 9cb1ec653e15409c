//! `systole limit`.

use std::cell::{Cell, RefCell};

use crate::base::Digest;
use crate::engine::{Control, Progress};
use crate::experiment::{Found, Probe, find_limit};
use crate::report::figures_of_limit;
use crate::scenario::Scenario;

use super::args::LimitArgs;
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::{host, print, table};

/// Finds a scenario's saturation point, keeps every probe, and prints the bracket.
pub(super) fn limit(args: &LimitArgs) -> Result<(), Failure> {
    let simulation = &args.simulation;
    let scenario = Scenario::load(&simulation.scenario.scenario, &simulation.scenario.settings)?;
    if scenario.file.workload.trace.is_some() {
        let what = "`limit` raises the world's load, and a trace has its own: leave out workload.trace, or `run` it \
                    with more workload.copies";
        return Err(Failure::Usage(what.into()));
    }
    let world = scenario.world()?;
    let threads = host::threads(simulation.threads);
    let inputs: Digest = scenario.digest(&world);
    let store = host::store(&simulation.out);
    let watch = RefCell::new(Watch::start(simulation.quiet)?);
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
        // A probe is a run with its own load and phases.
        let keys = &scenario.file.limit;
        let mut settings = simulation.scenario.settings.clone();
        settings.push(format!("world.load_tps={}", load.get()));
        settings.push(format!("run.warm_up_s={}", keys.warm_up_s));
        settings.push(format!("run.window_s={}", keys.window_s));
        Failure::Run(error, Replay { scenario: simulation.scenario.scenario.clone(), settings })
    })?;
    let summary = found.summary(&scenario);
    let folder = store.keep_limit(&scenario, inputs, &found.probes, Some(&summary))?;
    let figures = figures_of_limit(&folder)?;
    if simulation.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&summary).expect("a summary is plain data")))?;
    } else {
        print(&table::of_limit(&summary, &found.probes, &folder, &figures))?;
    }
    match summary.lower_tps {
        Some(_) => Ok(()),
        None => Err(Failure::Slo(vec!["no load that was probed is sustained".into()])),
    }
}

/// A watch that the run and the search's own reports share.
struct Shared<'a>(&'a RefCell<Watch>);

impl Control for Shared<'_> {
    fn proceed(&mut self, progress: &Progress) -> bool {
        self.0.borrow_mut().proceed(progress)
    }
}
