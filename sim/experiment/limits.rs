//! The saturation points of many variants of a scenario: a search for each variant and seed, kept and reused like the
//! points of a sweep.
//!
//! `plan.json` says what is searched; a folder of another plan is refused. `searches/<id>` is a finished search, there and
//! valid or absent. `limits.json` and `limits.csv` are written from what is stored when all are there, so a search that was
//! killed and resumed ends the same, byte for byte. Searches charge for signatures without computing them, and each makes
//! its probes one after the other: what the next one tries follows from what the last one found.

mod fits;
mod kept;
mod says;
mod table;
mod variant;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::{Control, RunError};

use super::crew::{Jobs, work_off};
use super::plan::{Build, Plan, Planned, Sheet};
use super::store::{json, place_file, sweep_up};
use super::sweep::{SWEEP_FILE, claim};
use super::{
    Crew, Got, GridRequest, Halt, Happened, LOAD_KEY, LimitSummary, Loads, StoreError, SweepError, Tally, find_limit,
};

pub use fits::{Fit, FitPoint, Model};
pub use variant::{Replicate, VariantLimit, named};

/// The plan of the folder.
pub(super) const PLAN_FILE: &str = "plan.json";
/// What all searches came to.
pub const LIMITS_FILE: &str = "limits.json";
/// The same as a table: a row for each variant and seed.
pub const LIMITS_TABLE: &str = "limits.csv";
/// The folder of the searches.
pub(super) const SEARCHES_FOLDER: &str = "searches";
/// Version of `limits.json`.
const SCHEMA_VERSION: u32 = 1;

/// Why there are no limits.
#[derive(Debug, Error)]
pub enum LimitsError {
    /// The folder is of something else, or damaged, or cannot be read or written.
    #[error(transparent)]
    Folder(SweepError),
    /// A judge objected to a probe.
    #[error("search {search} at {load_tps} tx/s: {source}")]
    Run {
        /// The search's number in the plan.
        search: usize,
        /// Load of the probe, transactions/s.
        load_tps: f64,
        /// Why.
        source: RunError,
    },
    /// It was stopped; searches that were finished by then are kept.
    #[error("interrupted: computed {}, reused {} of {wanted} searches, which are kept; the same command goes on", done.computed, done.reused)]
    Interrupted {
        /// Searches that are there.
        done: Tally,
        /// Searches of the plan.
        wanted: usize,
    },
    /// Searches are not there, or not whole.
    #[error("{} of {total} searches are missing or corrupt: {}; the same command makes them again", ids.len(), ids.join(", "))]
    Incomplete {
        /// Which, each with what is wrong with it.
        ids: Vec<String>,
        /// Searches of the plan.
        total: usize,
    },
}

impl From<StoreError> for LimitsError {
    fn from(error: StoreError) -> LimitsError {
        LimitsError::Folder(error.into())
    }
}

/// `limits.json`: the saturation point of each variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Version of the layout.
    pub schema_version: u32,
    /// Who made it.
    #[serde(flatten)]
    pub build: Build,
    /// The scenario's name.
    pub scenario: String,
    /// Searches of each variant, under seeds one after the other.
    pub replicates: u32,
    /// Thresholds that all variants have.
    pub slo: Vec<String>,
    /// The variants, in the order of a sweep's cells.
    pub variants: Vec<VariantLimit>,
    /// How they scale with each key that takes four numbers or more.
    pub fits: Vec<Fit>,
}

/// Why a trace has no limit.
pub const TRACED_LIMIT: &str = "`limit` raises the world's load, and a trace has its own: leave out workload.trace, or \
                                `run` it with more workload.copies";

/// Why a plan cannot be searched, if it cannot.
pub fn unsearchable(plan: &Plan) -> Option<String> {
    if plan.heading.grid.vary.iter().any(|variation| variation.key == LOAD_KEY) {
        return Some(format!("`limit` finds {LOAD_KEY} itself: vary something else, or `sweep` it"));
    }
    let traced = plan.points.iter().any(|point| point.scenario.file.workload.trace.is_some());
    traced.then(|| TRACED_LIMIT.into())
}

/// The grid of a request for limits: its loads are searched, whatever `[sweep]` says.
pub fn searched(grid: &GridRequest) -> GridRequest {
    GridRequest { loads: Some(Loads(Vec::new())), ..grid.clone() }
}

/// The folder of the searches of a plan.
#[derive(Debug)]
pub struct LimitsFolder {
    path: PathBuf,
    build: Build,
    probes: AtomicUsize,
}

impl LimitsFolder {
    /// Opens the folder of what `sheet` plans, or makes it; refuses that of another plan, or of a sweep.
    pub fn open(path: &Path, sheet: &Sheet) -> Result<LimitsFolder, LimitsError> {
        let sweep = path.join(SWEEP_FILE);
        if sweep.exists() {
            let difference = "its points were run, not searched".into();
            return Err(LimitsError::Folder(SweepError::OtherPlan { path: sweep, difference }));
        }
        claim(path, PLAN_FILE, sheet).map_err(LimitsError::Folder)?;
        Ok(LimitsFolder { path: path.into(), build: sheet.heading.build.clone(), probes: AtomicUsize::new(0) })
    }

    /// The folder of a search.
    pub fn of_search(&self, id: &str) -> PathBuf {
        self.path.join(SEARCHES_FOLDER).join(id)
    }

    /// Probes that were made since it was opened.
    pub fn probes(&self) -> usize {
        self.probes.load(Ordering::Relaxed)
    }

    fn tidy(&self, plan: &Plan) -> Result<(), StoreError> {
        let ids: BTreeSet<&str> = plan.points.iter().map(|point| point.entry.id.as_str()).collect();
        sweep_up(&self.path.join(SEARCHES_FOLDER), &ids)?;
        sweep_up(&self.path, &BTreeSet::from([PLAN_FILE, LIMITS_FILE, LIMITS_TABLE]))
    }

    /// Has every search of `plan` there, several at a time. Stops at the first that has no outcome; what is finished by
    /// then stays. Whoever calls is told what happens, on its own thread. Nobody else may be writing to the folder.
    pub fn run(&self, plan: &Plan, crew: &Crew<'_>, told: impl FnMut(Happened)) -> Result<Tally, LimitsError> {
        self.tidy(plan)?;
        let searches = Searches { folder: self, plan, threads: crew.threads, loads: Mutex::default() };
        let wanted: Vec<usize> = (0..plan.points.len()).collect();
        work_off(&searches, &wanted, crew, 0, told, |_, ()| {}).map_err(|error| match error {
            SweepError::Interrupted { done, wanted } => LimitsError::Interrupted { done, wanted },
            SweepError::Run { point: search, source } => {
                let loads = searches.loads.lock().expect("nobody panics holding it");
                let load_tps = loads.get(&search).copied().unwrap_or_default();
                LimitsError::Run { search, load_tps, source }
            }
            other => LimitsError::Folder(other),
        })
    }

    /// Finds a search, or makes and keeps it; `corrupt` is told of one that is there and not valid.
    fn obtain(
        &self,
        point: &Planned,
        threads: usize,
        control: &mut dyn Control,
        probing: impl FnMut(f64),
        corrupt: &mut dyn FnMut(StoreError),
    ) -> Result<Got, Halt> {
        let folder = self.of_search(&point.entry.id);
        if folder.exists() {
            match kept::recall(&folder, point, &self.build) {
                Ok(_) => return Ok(Got::Reused),
                Err(error) => corrupt(error),
            }
        }
        let counted = |_: &[_]| {
            self.probes.fetch_add(1, Ordering::Relaxed);
        };
        let found = find_limit(&point.scenario, &point.world, threads, control, probing, counted).map_err(Halt::Run)?;
        let parent = self.path.join(SEARCHES_FOLDER);
        kept::keep(&parent, point, &self.build, &found).map_err(Halt::Store)?;
        Ok(Got::Computed)
    }

    /// Reads every search of `plan`, and writes what all came to. Nobody may be writing to the folder.
    pub fn merge(&self, plan: &Plan) -> Result<Limits, LimitsError> {
        self.tidy(plan)?;
        let (mut found, mut ids) = (Vec::new(), Vec::new());
        for point in &plan.points {
            let id = &point.entry.id;
            let folder = self.of_search(id);
            match folder.exists().then(|| kept::recall(&folder, point, &self.build)) {
                None => ids.push(format!("{id} (missing)")),
                Some(Err(error)) => ids.push(format!("{id} ({error})")),
                Some(Ok(summary)) => found.push(summary),
            }
        }
        if !ids.is_empty() {
            return Err(LimitsError::Incomplete { ids, total: plan.points.len() });
        }
        let limits = self.limits(plan, &found);
        place_file(&self.path, LIMITS_TABLE, &table::csv(plan, &found))?;
        place_file(&self.path, LIMITS_FILE, &json(&limits))?;
        Ok(limits)
    }

    fn limits(&self, plan: &Plan, found: &[LimitSummary]) -> Limits {
        let replicates = plan.heading.grid.replicates;
        let groups = found.chunks(replicates as usize).enumerate();
        let variant = |(nth, group): (usize, &[LimitSummary])| {
            let first = nth * replicates as usize;
            VariantLimit::of(plan.varied(first), plan.points[first].scenario.file.layer(), group)
        };
        let variants: Vec<VariantLimit> = groups.map(variant).collect();
        let everywhere = |slo: &&String| found.iter().all(|summary| summary.slo.contains(slo));
        let slo = found.first().map(|first| first.slo.iter().filter(everywhere).cloned().collect());
        Limits {
            schema_version: SCHEMA_VERSION,
            build: self.build.clone(),
            scenario: plan.heading.scenario.clone(),
            replicates,
            slo: slo.unwrap_or_default(),
            fits: Fit::all(&plan.heading.grid.vary, &variants),
            variants,
        }
    }
}

/// The searches of a plan, for a crew.
struct Searches<'a> {
    folder: &'a LimitsFolder,
    plan: &'a Plan,
    threads: usize,
    /// What each is probing.
    loads: Mutex<BTreeMap<usize, f64>>,
}

impl Jobs for Searches<'_> {
    type Kept = ();

    fn id(&self, nth: usize) -> &str {
        &self.plan.points[nth].entry.id
    }

    fn memory_bytes(&self, nth: usize) -> u64 {
        self.plan.points[nth].search_memory_bytes()
    }

    fn obtain(
        &self,
        nth: usize,
        control: &mut dyn Control,
        corrupt: &mut dyn FnMut(StoreError),
    ) -> Result<(Got, ()), Halt> {
        let probing = |load: f64| {
            self.loads.lock().expect("nobody panics holding it").insert(nth, load);
        };
        let got = self.folder.obtain(&self.plan.points[nth], self.threads, control, probing, corrupt)?;
        Ok((got, ()))
    }
}
