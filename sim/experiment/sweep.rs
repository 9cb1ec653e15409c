//! Running a plan: one folder that holds the plan, its points and their table, and nothing of the host.
//!
//! `sweep.json` is the plan; a folder of another plan is refused. `points/<id>` is a point, there and valid or absent.
//! `points.csv` is written when all are there. Every file is written beside its place and renamed, and a point is
//! taken for done only if no byte of it has changed since this build wrote it of the same inputs: so whoever computes
//! which point, when, and however often it is killed, the folder ends the same. Wall times and memory, which are the
//! host's, are not kept.

mod merge;

use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use thiserror::Error;

use crate::engine::{Control, RunError};
use crate::scenario::RunOptions;

use super::crew::{Jobs, work_off};
use super::limits::{PLAN_FILE, SEARCHES_FOLDER};
use super::plan::{Plan, Planned, Sheet};
use super::store::{Placed, io_at, json, place_new_file, sweep_up};
use super::{Figures, Held, HostFacts, Store, StoreError, Summary, simulate};

pub use merge::Merged;

/// The plan of a sweep's folder.
pub const SWEEP_FILE: &str = "sweep.json";
/// The table of a sweep's folder.
pub const POINTS_FILE: &str = "points.csv";
/// The folder of a sweep's points.
pub(super) const POINTS_FOLDER: &str = "points";
/// Points that are looked for at a time, before whoever waits is told.
const LOOKED_FOR: usize = 256;
/// Points that a message lists.
const MOST_LISTED: usize = 10;

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
    /// There is nothing to merge.
    #[error("{}: {what}; name the folder that `sweep` or `point --out` was given", path.display())]
    NoSweep {
        /// What was named.
        path: PathBuf,
        /// What it is not.
        what: &'static str,
    },
    /// The folder cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A point was simulated and cannot be written.
    #[error("point {id} cannot be kept: {source}; finished points are kept, and the same command goes on")]
    Unkept {
        /// Which.
        id: String,
        /// Why.
        source: StoreError,
    },
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
    #[error("{} of {total} points are missing or corrupt, run them again: {}", ids.len(), listed(ids))]
    Incomplete {
        /// Which, each with what is wrong with it.
        ids: Vec<String>,
        /// Points of the plan.
        total: usize,
    },
}

/// The first of them, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let first = names[..names.len().min(MOST_LISTED)].join(", ");
    match names.len().saturating_sub(MOST_LISTED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
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
    /// Memory that points at a time may take together by [`Planned::memory_bytes`], bytes; one runs in any case.
    pub memory: Option<u64>,
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
    /// Opens the folder of the sweep that `sheet` plans, or makes it; refuses that of another, or of searches.
    pub fn open(path: &Path, sheet: &Sheet) -> Result<SweepFolder, SweepError> {
        if is_searched(path) {
            let difference = "its points were searched, not run".into();
            return Err(SweepError::OtherPlan { path: path.join(PLAN_FILE), difference });
        }
        claim(path, SWEEP_FILE, sheet)?;
        let store = Store::new(path, &sheet.heading.build.git_commit);
        Ok(SweepFolder { path: path.into(), store, modelled: sheet.heading.modelled })
    }

    /// As [`SweepFolder::open`], but makes none: where nothing is, no point was kept.
    pub fn find(path: &Path, sheet: &Sheet) -> Result<SweepFolder, SweepError> {
        let what = match (path.is_dir(), path.join(SWEEP_FILE).exists() || path.join(POINTS_FOLDER).is_dir()) {
            (true, true) => return SweepFolder::open(path, sheet),
            (true, false) => "this is no sweep's folder, as it has neither sweep.json nor points",
            (false, _) => "there is no such folder",
        };
        Err(SweepError::NoSweep { path: path.into(), what })
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

    /// What is there of a point: nothing, or whether it is valid.
    fn recall<H: Held>(&self, point: &Planned) -> Option<Result<H, StoreError>> {
        let folder = self.of_point(&point.entry.id);
        // A folder that cannot be read is corrupt; one that is not there is none.
        fs::symlink_metadata(&folder).is_ok().then(|| self.store.recall(&folder, &point.scenario, point.inputs))
    }

    /// Finds a point, or simulates and keeps it; `corrupt` is told of one that is there and not valid.
    pub fn obtain<H: Held>(
        &self,
        point: &Planned,
        threads: usize,
        control: &mut dyn Control,
        corrupt: impl FnOnce(StoreError),
    ) -> Result<(Got, H), Halt> {
        match self.recall(point) {
            Some(Ok(held)) => return Ok((Got::Reused, held)),
            Some(Err(error)) => corrupt(error),
            None => {}
        }
        let (scenario, world) = (&point.scenario, &*point.world);
        let options = RunOptions { threads, modelled: self.modelled, load_tps: None, timing: None };
        let simulated = simulate(scenario, world, &options, control).map_err(Halt::Run)?;
        let summary = Summary::of(scenario, world, &simulated, HostFacts::default());
        let parent = self.path.join(POINTS_FOLDER);
        // Whoever computes the same point at the same time writes the same bytes.
        let stays = |folder: &Path| self.store.recall::<Figures>(folder, scenario, point.inputs).is_ok();
        match self.store.keep_in(&parent, scenario, &simulated, &summary, stays).map_err(Halt::Store)? {
            Placed::Ours => Ok((Got::Computed, H::of(summary))),
            Placed::Theirs => Ok((Got::Reused, H::of(summary))),
        }
    }

    /// Has every point of `wanted` there: first those that are, then the others, several at a time. Stops at the first
    /// that has no outcome; what is done by then stays. Whoever calls is told what happens, on its own thread. Returns
    /// what is held of each, in the order of `wanted`.
    pub fn run<H: Held>(
        &self,
        plan: &Plan,
        wanted: &[usize],
        crew: &Crew<'_>,
        mut told: impl FnMut(Happened),
    ) -> Result<(Tally, Vec<H>), SweepError> {
        let mut found: Vec<Option<H>> = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(LOOKED_FOR) {
            let recalled: Vec<_> = some.par_iter().map(|&nth| self.recall(&plan.points[nth])).collect();
            for (&nth, recalled) in some.iter().zip(recalled) {
                let held = recalled.and_then(Result::ok);
                if held.is_some() {
                    told(Happened::Done(nth, Got::Reused));
                }
                found.push(held);
            }
            told(Happened::Waited);
            if crew.stop.load(Ordering::Relaxed) {
                let reused = found.iter().flatten().count();
                return Err(SweepError::Interrupted { done: Tally { computed: 0, reused }, wanted: wanted.len() });
            }
        }
        let missing: Vec<usize> = (0..wanted.len()).filter(|&nth| found[nth].is_none()).collect();
        let points: Vec<usize> = missing.iter().map(|&nth| wanted[nth]).collect();
        let reused = wanted.len() - missing.len();
        let jobs = Points { folder: self, plan, threads: crew.threads, held: PhantomData };
        let keep = |place: usize, held| found[missing[place]] = Some(held);
        let tally = work_off(&jobs, &points, crew, reused, told, keep)?;
        Ok((tally, found.into_iter().flatten().collect()))
    }
}

/// The points of a plan, for a crew.
struct Points<'a, H> {
    folder: &'a SweepFolder,
    plan: &'a Plan,
    threads: usize,
    held: PhantomData<fn() -> H>,
}

impl<H: Held> Jobs for Points<'_, H> {
    type Kept = H;

    fn id(&self, nth: usize) -> &str {
        &self.plan.points[nth].entry.id
    }

    fn memory_bytes(&self, nth: usize) -> u64 {
        self.plan.points[nth].memory_bytes()
    }

    fn obtain(
        &self,
        nth: usize,
        control: &mut dyn Control,
        corrupt: &mut dyn FnMut(StoreError),
    ) -> Result<(Got, H), Halt> {
        self.folder.obtain(&self.plan.points[nth], self.threads, control, corrupt)
    }
}

/// Whether a folder is that of searches. What `systole plan` wrote there may have the same name, but is lines.
fn is_searched(path: &Path) -> bool {
    let is_sheet = |bytes: Vec<u8>| serde_json::from_slice::<Sheet>(&bytes).is_ok();
    path.join(SEARCHES_FOLDER).is_dir() || fs::read(path.join(PLAN_FILE)).is_ok_and(is_sheet)
}

/// Claims a folder for what `sheet` plans by a file called `name`; refuses that of another plan.
pub(super) fn claim(path: &Path, name: &str, sheet: &Sheet) -> Result<(), SweepError> {
    let (file, bytes) = (path.join(name), json(sheet));
    if !file.exists() {
        place_new_file(path, name, &bytes)?;
    }
    // Read even where it was written just now: another process may have been sooner.
    let found = fs::read(&file).map_err(io_at(&file))?;
    if found == bytes {
        return Ok(());
    }
    let theirs: Sheet = serde_json::from_slice(&found).map_err(|_| SweepError::CorruptPlan(file.clone()))?;
    Err(match sheet.difference(&theirs) {
        Some(difference) => SweepError::OtherPlan { path: file, difference },
        None => SweepError::CorruptPlan(file),
    })
}

/// Why a point is not there.
#[derive(Debug)]
pub enum Halt {
    /// It has no outcome.
    Run(RunError),
    /// It cannot be kept.
    Store(StoreError),
}
