//! Records a trace into a file: whole, or not at all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;
use thiserror::Error;

use crate::base::{NodeId, Span, Time};
use crate::engine::{Control, Outcome, Progress, RunError, Setup, Sight, Witness, run};
use crate::kernel::Window;
use crate::scenario::{Placement, RunOptions, Scenario, WorldData, evenly};

use super::super::store::{StoreError, beside, folder_of, io_at};
use super::{ChromeTrace, Frame, Halt, Shown, Written};

/// What to record.
#[derive(Clone, Debug)]
pub struct TraceRequest {
    /// The file.
    pub path: PathBuf,
    /// Beginning of what is shown; none for the end of the warm-up.
    pub from: Option<Span>,
    /// Its length.
    pub length: Span,
    /// Nodes shown: three quarters replicas, the rest hospitals of theirs, as far as there are any.
    pub nodes: usize,
    /// A larger file is not written; none for any.
    pub most_bytes: Option<u64>,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// The file.
    pub file: PathBuf,
    /// The scenario's name.
    pub scenario: String,
    /// Beginning of what is shown, s of virtual time.
    pub from_s: f64,
    /// Its end, s.
    pub until_s: f64,
    /// The nodes that are shown.
    pub nodes: Vec<String>,
    /// How much was written.
    #[serde(flatten)]
    pub written: Written,
}

/// Why there is no trace.
#[derive(Debug, Error)]
pub enum TraceError {
    /// Nothing happens then.
    #[error("nothing happens from {from_s} s on: the run ends at {ends_s} s at the latest")]
    Late {
        /// Where the trace was to begin, s.
        from_s: f64,
        /// When the run ends, s.
        ends_s: f64,
    },
    /// It would be too large.
    #[error(
        "{}: would pass {} MiB {reached_s:.3} s into its {length_s} s, and nothing is written; show a shorter --window, \
         fewer --nodes or less load (--set world.load_tps=…), or --force it",
        path.display(), most_bytes >> 20
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        most_bytes: u64,
        /// How far into the window it got, s.
        reached_s: f64,
        /// The window, s.
        length_s: f64,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run has no outcome.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Simulates a scenario until the end of what is asked for, and records that.
pub fn record(
    scenario: &Scenario,
    world: &WorldData,
    request: &TraceRequest,
    threads: usize,
    control: &mut dyn Control,
) -> Result<Recorded, TraceError> {
    // What is charged for signatures is the same whether they are computed.
    let options = RunOptions { threads, modelled: true, load_tps: None, timing: None };
    let (setup, placement) = scenario.setup(world, &options);
    let window = window(request, &setup)?;
    let nodes = shown(request.nodes, &setup, &placement, &world_names(scenario, world));
    let names = nodes.iter().map(|shown| shown.name.clone()).collect();
    let most_bytes = request.most_bytes.unwrap_or(u64::MAX);
    let frame = Frame { window, nodes, crypto_cores: setup.replica.crypto_cores, most_bytes };
    let about: BTreeMap<&str, String> = BTreeMap::from([
        ("scenario", scenario.file.name.clone()),
        ("protocol", scenario.file.consensus.protocol.name().to_string()),
        ("seed", setup.seed.to_string()),
        ("inputs", scenario.digest(world).to_string()),
    ]);
    let name = request.path.file_name().unwrap_or_default().to_string_lossy();
    let made = beside(folder_of(&request.path), &name, |path| File::create_new(path))?;
    let trace = ChromeTrace::begin(BufWriter::new(made), &frame, &about);
    let simulated = simulate(scenario, &setup, trace, control).and_then(|(file, written)| {
        let done = file.into_inner().map_err(io::IntoInnerError::into_error);
        let done = done.and_then(|made| made.as_file().sync_all().map(|()| made));
        done.and_then(|made| Ok(made.persist(&request.path)?)).map_err(|source| Halted::Trace(Halt::Io(source)))?;
        Ok(written)
    });
    let written = simulated.map_err(|halted| match halted {
        Halted::Run(error) => error.into(),
        Halted::Trace(Halt::Io(source)) => io_at(&request.path)(source).into(),
        Halted::Trace(Halt::Full(at)) => {
            let reached_s = at.0.saturating_sub(window.from.0) as f64 / 1e9;
            let (path, length_s) = (request.path.clone(), window.length().as_secs_f64());
            TraceError::TooLarge { path, most_bytes, reached_s, length_s }
        }
    })?;
    let (from_s, until_s) = (window.from.as_secs_f64(), window.until.as_secs_f64());
    let (file, scenario) = (request.path.clone(), scenario.file.name.clone());
    Ok(Recorded { file, scenario, from_s, until_s, nodes: names, written })
}

fn window(request: &TraceRequest, setup: &Setup) -> Result<Window, TraceError> {
    let from = request.from.map_or(setup.timing.window().from, |from| Time::ZERO + from);
    let end = setup.timing.end();
    if from >= end {
        return Err(TraceError::Late { from_s: from.as_secs_f64(), ends_s: end.as_secs_f64() });
    }
    Ok(Window { from, until: (from + request.length).min(end) })
}

/// Metros of the world and of each hospital.
struct Names<'w> {
    metros: Vec<&'w str>,
    of_hospitals: Vec<&'w str>,
}

fn world_names<'w>(scenario: &Scenario, world: &'w WorldData) -> Names<'w> {
    let metros = world.metros.iter().map(|metro| metro.name.as_str()).collect();
    Names { metros, of_hospitals: scenario.hospital_metros(world) }
}

/// The nodes that are shown: replicas taken evenly from all, and hospitals taken evenly from those that submit to them.
fn shown(wanted: usize, setup: &Setup, placement: &Placement, names: &Names<'_>) -> Vec<Shown> {
    let all = setup.replicas() as usize;
    let replicas = all.min((wanted - wanted / 4).max(1));
    let replica = |nth: usize| Shown {
        node: NodeId(nth as u32),
        name: format!("replica {nth}, {}", names.metros[placement.metro_of[nth]]),
        is_hospital: false,
    };
    let first_hospital = all + setup.faults.twins().len();
    let chosen: Vec<usize> = evenly(all, replicas).collect();
    let is_near = |nth: &usize| chosen.contains(&setup.hospitals[*nth].gateway.index());
    let near: Vec<usize> = (0..setup.hospitals.len()).filter(is_near).collect();
    let hospital = |nth: usize| Shown {
        node: NodeId((first_hospital + nth) as u32),
        name: format!("hospital {nth}, {}", names.of_hospitals[nth]),
        is_hospital: true,
    };
    let hospitals = evenly(near.len(), wanted.saturating_sub(replicas)).map(|nth| hospital(near[nth]));
    chosen.iter().copied().map(replica).chain(hospitals).collect()
}

enum Halted {
    Run(RunError),
    Trace(Halt),
}

type Shared<W> = Rc<RefCell<ChromeTrace<W>>>;

struct Watching<W>(Shared<W>);

impl<W: Write> Witness for Watching<W> {
    fn sees(&self, node: NodeId) -> bool {
        self.0.borrow().shows(node)
    }

    fn see(&mut self, now: Time, sight: &Sight<'_>) {
        self.0.borrow_mut().see(now, sight);
    }
}

/// Stops a run where its trace ends.
struct Until<'a, W> {
    control: &'a mut dyn Control,
    trace: Shared<W>,
    until: Time,
    /// Whether it was the trace that stopped the run.
    done: bool,
}

impl<W: Write + 'static> Control for Until<'_, W> {
    fn proceed(&mut self, progress: &Progress) -> bool {
        self.done = progress.now >= self.until || self.trace.borrow().halt.is_some();
        self.control.proceed(&Progress { end: self.until, ..*progress }) && !self.done
    }

    fn witness(&mut self) -> Option<Box<dyn Witness>> {
        Some(Box::new(Watching(self.trace.clone())))
    }
}

fn simulate<W: Write + 'static>(
    scenario: &Scenario,
    setup: &Setup,
    trace: ChromeTrace<W>,
    control: &mut dyn Control,
) -> Result<(W, Written), Halted> {
    let (until, trace) = (trace.window.until, Rc::new(RefCell::new(trace)));
    let mut until = Until { control, trace: trace.clone(), until, done: false };
    let file = &scenario.file;
    let outcome: Result<Outcome, RunError> = run(file.consensus.protocol, &file.protocols, setup, &mut until);
    match outcome {
        Err(RunError::Interrupted(_)) if until.done => {}
        Err(error) => return Err(Halted::Run(error)),
        Ok(_) => {}
    }
    drop(until);
    let trace = Rc::try_unwrap(trace).ok().expect("the run is over, and with it whoever watched it");
    trace.into_inner().finish().map_err(Halted::Trace)
}
