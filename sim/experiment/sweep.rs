//! Running a plan: one folder that holds the plan, its points and their table, and nothing of the host.
//!
//! `sweep.json` is the plan; a folder of another plan is refused. `points/<id>` is a point, there and valid or absent.
//! `points.csv` is written when all are there. Every file is written beside its place and renamed, and a point is
//! taken for done only if every byte of it is as this build writes it: so whoever computes which point, when, and however
//! often it is killed, the folder ends the same. Wall times and memory, which are the host's, are not kept.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use thiserror::Error;

use crate::engine::{Control, Progress, RunError};
use crate::scenario::RunOptions;

use super::plan::{Plan, Planned, Sheet};
use super::points::points_csv;
use super::store::{io_at, json, place_file, place_new_file, sweep_up};
use super::{HostFacts, Store, StoreError, Summary, simulate};

/// The plan of a sweep's folder.
pub const SWEEP_FILE: &str = "sweep.json";
/// The table of a sweep's folder.
pub const POINTS_FILE: &str = "points.csv";
/// The folder of a sweep's points.
pub(super) const POINTS_FOLDER: &str = "points";
/// How often who waits for points looks up.
const TICK: Duration = Duration::from_millis(250);

/// Why a sweep does not go on.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The folder is of another sweep.
    #[error("{}: the folder is of another sweep: {difference}; choose another folder, or delete that one", path.display())]
    OtherPlan {
        /// Its plan.
        path: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// The plan in the folder is damaged.
    #[error("{}: is not what was written; delete this file alone and start again: points are checked by themselves", .0.display())]
    CorruptPlan(PathBuf),
    /// The folder cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A judge objected to a point.
    #[error("point {point}: {source}")]
    Run {
        /// Its number in the plan.
        point: usize,
        /// Why.
        source: RunError,
    },
    /// It was stopped; what is done by then is kept.
    #[error("interrupted: computed {}, reused {} of {wanted} points, which are kept; the same command goes on", done.computed, done.reused)]
    Interrupted {
        /// Points that are there.
        done: Tally,
        /// Points that were asked for.
        wanted: usize,
    },
    /// Points are not there, or not whole.
    #[error("{} of {total} points are missing or corrupt: {}", ids.len(), ids.join(", "))]
    Incomplete {
        /// Which, each with what is wrong with it.
        ids: Vec<String>,
        /// Points of the plan.
        total: usize,
    },
}

/// What became of a point that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// It was there and valid.
    Reused,
    /// It was simulated and kept.
    Computed,
}

/// What happens while points are run.
#[derive(Debug)]
pub enum Happened {
    /// A point is looked for and, if need be, simulated: its number in the plan.
    Begun(usize),
    /// A point is there and not valid: it is simulated again.
    Corrupt(usize, StoreError),
    /// A point is there now.
    Done(usize, Got),
    /// Nothing, for a while.
    Waited,
}

/// How many points came from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Simulated.
    pub computed: usize,
    /// Found.
    pub reused: usize,
}

/// How points are run.
#[derive(Clone, Copy, Debug)]
pub struct Crew<'a> {
    /// Points at a time.
    pub jobs: usize,
    /// Worker threads of each.
    pub threads: usize,
    /// Set by whoever wants everything to stop.
    pub stop: &'a AtomicBool,
}

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    path: PathBuf,
    store: Store,
    modelled: bool,
}

impl SweepFolder {
    /// Opens the folder of the sweep that `sheet` plans, or makes it; refuses that of another.
    pub fn open(path: &Path, sheet: &Sheet) -> Result<SweepFolder, SweepError> {
        let file = path.join(SWEEP_FILE);
        if !file.exists() {
            place_new_file(path, SWEEP_FILE, &json(sheet))?;
        }
        // Read even where it was written just now: another sweep may have been sooner.
        let found = fs::read(&file).map_err(io_at(&file))?;
        let theirs: Sheet = serde_json::from_slice(&found).map_err(|_| SweepError::CorruptPlan(file.clone()))?;
        if let Some(difference) = sheet.difference(&theirs) {
            return Err(SweepError::OtherPlan { path: file, difference });
        }
        if found != json(sheet) {
            return Err(SweepError::CorruptPlan(file));
        }
        let store = Store::new(path, &sheet.heading.build.git_commit);
        Ok(SweepFolder { path: path.into(), store, modelled: sheet.heading.modelled })
    }

    /// The folder of a point.
    pub fn of_point(&self, id: &str) -> PathBuf {
        self.path.join(POINTS_FOLDER).join(id)
    }

    /// Deletes what killed processes left of `points`; nobody else may be writing these.
    pub fn tidy<'a>(&self, points: impl Iterator<Item = &'a Planned>) -> Result<(), SweepError> {
        sweep_up(&self.path.join(POINTS_FOLDER), &points.map(|point| point.entry.id.as_str()).collect())?;
        Ok(())
    }

    /// The summary of a point that is there and valid.
    fn recall(&self, point: &Planned) -> Result<Summary, StoreError> {
        self.store.recall(&self.of_point(&point.entry.id), &point.scenario, point.inputs)
    }

    /// Finds a point, or simulates and keeps it; `corrupt` is told of one that is there and not valid.
    pub fn obtain(
        &self,
        point: &Planned,
        threads: usize,
        control: &mut dyn Control,
        corrupt: impl FnOnce(StoreError),
    ) -> Result<Got, Halt> {
        if self.of_point(&point.entry.id).exists() {
            match self.recall(point) {
                Ok(_) => return Ok(Got::Reused),
                Err(error) => corrupt(error),
            }
        }
        let (scenario, world) = (&point.scenario, &*point.world);
        let options = RunOptions { threads, modelled: self.modelled, load_tps: None, timing: None };
        let simulated = simulate(scenario, world, &options, control).map_err(Halt::Run)?;
        let summary = Summary::of(scenario, world, &simulated, HostFacts::default());
        let parent = self.path.join(POINTS_FOLDER);
        self.store.keep_in(&parent, scenario, &simulated, &summary).map_err(Halt::Store)?;
        Ok(Got::Computed)
    }

    /// Has every point of `wanted` there, several at a time. Stops at the first that has no outcome; what is done by then
    /// stays. Whoever calls is told what happens, on its own thread.
    pub fn run(
        &self,
        plan: &Plan,
        wanted: &[usize],
        crew: &Crew<'_>,
        mut told: impl FnMut(Happened),
    ) -> Result<Tally, SweepError> {
        let (next, halted, mut tally) = (AtomicUsize::new(0), AtomicBool::new(false), Tally::default());
        let shift = Shift { folder: self, plan, wanted, crew, next: &next, halted: &halted };
        let ends: Vec<_> = thread::scope(|scope| {
            let (sender, receiver) = channel();
            let work = |sender: Sender<Happened>| scope.spawn(|| shift.work(sender));
            let workers: Vec<_> = (0..crew.jobs).map(|_| work(sender.clone())).collect();
            drop(sender);
            loop {
                match receiver.recv_timeout(TICK) {
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => told(Happened::Waited),
                    Ok(happened) => {
                        if let Happened::Done(_, got) = happened {
                            tally.computed += usize::from(got == Got::Computed);
                            tally.reused += usize::from(got == Got::Reused);
                        }
                        told(happened);
                    }
                }
            }
            workers.into_iter().map(|worker| worker.join()).collect()
        });
        let mut stopped: Vec<(usize, Halt)> = Vec::new();
        for end in ends {
            stopped.extend(end.unwrap_or_else(|panic| resume_unwind(panic)).err());
        }
        // A violation says more than that others were stopped for it.
        let interrupted = |halt: &Halt| matches!(halt, Halt::Run(RunError::Interrupted(_)));
        match stopped.into_iter().min_by_key(|(point, halt)| (interrupted(halt), *point)) {
            None if tally.computed + tally.reused == wanted.len() => Ok(tally),
            None | Some((_, Halt::Run(RunError::Interrupted(_)))) => {
                Err(SweepError::Interrupted { done: tally, wanted: wanted.len() })
            }
            Some((_, Halt::Store(error))) => Err(error.into()),
            Some((point, Halt::Run(source))) => Err(SweepError::Run { point, source }),
        }
    }

    /// Reads every point of `plan`, and writes the table of all. Nobody may be writing to the folder.
    pub fn merge(&self, plan: &Plan) -> Result<Vec<Summary>, SweepError> {
        sweep_up(&self.path, &BTreeSet::from([SWEEP_FILE, POINTS_FILE]))?;
        self.tidy(plan.points.iter())?;
        let (mut summaries, mut ids) = (Vec::new(), Vec::new());
        for point in &plan.points {
            let id = &point.entry.id;
            match self.of_point(id).exists().then(|| self.recall(point)) {
                None => ids.push(format!("{id} (missing)")),
                Some(Err(error)) => ids.push(format!("{id} ({error})")),
                Some(Ok(summary)) => summaries.push(summary),
            }
        }
        if !ids.is_empty() {
            return Err(SweepError::Incomplete { ids, total: plan.points.len() });
        }
        place_file(&self.path, POINTS_FILE, &points_csv(plan, &summaries))?;
        Ok(summaries)
    }
}

/// Why a point is not there.
#[derive(Debug)]
pub enum Halt {
    /// It has no outcome.
    Run(RunError),
    /// It cannot be kept.
    Store(StoreError),
}

/// Points that a few threads share.
struct Shift<'a> {
    folder: &'a SweepFolder,
    plan: &'a Plan,
    wanted: &'a [usize],
    crew: &'a Crew<'a>,
    next: &'a AtomicUsize,
    halted: &'a AtomicBool,
}

impl Shift<'_> {
    /// Takes one point after the other; an error or panic halts everyone.
    fn work(&self, told: Sender<Happened>) -> Result<(), (usize, Halt)> {
        let done = catch_unwind(AssertUnwindSafe(|| self.points(&told)));
        if !matches!(done, Ok(Ok(()))) {
            self.halted.store(true, Ordering::Relaxed);
        }
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn points(&self, told: &Sender<Happened>) -> Result<(), (usize, Halt)> {
        // Who is told goes away only after all workers.
        let tell = |happened| drop(told.send(happened));
        while !self.stops() {
            let Some(&nth) = self.wanted.get(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            tell(Happened::Begun(nth));
            let (point, threads) = (&self.plan.points[nth], self.crew.threads);
            let corrupt = |error| tell(Happened::Corrupt(nth, error));
            let got = self.folder.obtain(point, threads, &mut Stopping(self), corrupt).map_err(|halt| (nth, halt))?;
            tell(Happened::Done(nth, got));
        }
        Ok(())
    }

    fn stops(&self) -> bool {
        [self.crew.stop, self.halted].iter().any(|flag| flag.load(Ordering::Relaxed))
    }
}

/// Stops a run when everyone stops.
struct Stopping<'a>(&'a Shift<'a>);

impl Control for Stopping<'_> {
    fn proceed(&mut self, _: &Progress) -> bool {
        !self.0.stops()
    }
}
