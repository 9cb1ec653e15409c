//! The designs that are compared, and where their results come from: a sweep that was just run, or folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::experiment::grid::{Grid, LOAD_KEY};
use crate::experiment::plan::{Plan, Sheet};
use crate::experiment::store::is_point_id;
use crate::experiment::sweep::POINTS_FOLDER;
use crate::experiment::{MANIFEST_FILE, Manifest, SWEEP_FILE, Store, StoreError, Summary};

/// Why there is nothing to compare.
#[derive(Debug, Error)]
pub enum CompareError {
    /// The folder is none of results.
    #[error("{}: {what}; give a sweep's folder, which holds {SWEEP_FILE}, or a point's, which holds {MANIFEST_FILE}", path.display())]
    NoResults {
        /// Which path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The same run is there twice.
    #[error("{}: this run is also in {}; name each once", path.display(), first.display())]
    Twice {
        /// One of its folders.
        path: PathBuf,
        /// The other.
        first: PathBuf,
    },
    /// Two runs of a design differ in what neither its name nor its configuration says.
    #[error("{} and {}: the same design, seed and load, but not the same run: costs or data were others; name one of them", path.display(), first.display())]
    Ambiguous {
        /// One of them.
        path: PathBuf,
        /// The other.
        first: PathBuf,
    },
    /// Nothing can be set beside anything.
    #[error("{0}")]
    Alone(String),
    /// The plan of a sweep is not what was written.
    #[error("{}: is not what was written; delete this file alone and run the sweep again: points are checked by themselves", .0.display())]
    CorruptPlan(PathBuf),
    /// Points are missing or damaged.
    #[error("{}: {} of {total} points are missing or corrupt; the same `systole sweep` into this folder computes them: {}", path.display(), ids.len(), ids.join(", "))]
    Incomplete {
        /// The sweep's folder.
        path: PathBuf,
        /// Which, each with what is wrong with it.
        ids: Vec<String>,
        /// Points of the sweep.
        total: usize,
    },
    /// A point cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A load that a design was run under.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it was given, transactions/s; nothing where the world decides.
    pub load_tps: Option<f64>,
    /// Its runs by seed.
    pub runs: BTreeMap<u64, Summary>,
}

/// A design.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What tells it from the others.
    pub name: String,
    /// Loads, ascending; what the world decides on comes first.
    pub loads: Vec<Loaded>,
}

/// A point with what names it.
struct Found {
    /// Its folder.
    path: PathBuf,
    /// Where it belongs: points of one design have the same.
    design: Design,
    load_tps: Option<f64>,
    /// What the run followed from.
    inputs: String,
    summary: Summary,
}

/// What is common to the points of a design.
#[derive(Clone, PartialEq)]
struct Design {
    /// Its names, from the shortest on: the first that tells all designs apart is used.
    names: Vec<String>,
    /// Sweeps keep their designs to themselves, points of one configuration are one design wherever they lie.
    sweep: Option<PathBuf>,
    configuration: Value,
}

impl Variant {
    /// The designs of a plan whose points are all there.
    pub fn of_plan(plan: &Plan, summaries: &[Summary]) -> Result<Vec<Variant>, CompareError> {
        let found = |(nth, summary): (usize, &Summary)| Found {
            path: PathBuf::from(&plan.points[nth].entry.id),
            design: Design::planned(plan, nth),
            load_tps: plan.load_tps(nth),
            inputs: plan.points[nth].inputs.to_string(),
            summary: summary.clone(),
        };
        group(summaries.iter().enumerate().map(found).collect())
    }

    /// Whether a plan, before it is run, has more than one design, the load that they are to be compared at and the one
    /// that others are to be compared with.
    pub fn check_plan(plan: &Plan, at_tps: Option<f64>, baseline: Option<&str>) -> Result<(), CompareError> {
        let grid = &plan.heading.grid;
        if !grid.vary.iter().any(|one| one.key != LOAD_KEY && one.values.len() > 1) {
            let name = plan.points.first().map_or("it", |point| point.scenario.file.consensus.protocol.name());
            return Err(CompareError::Alone(super::alone(name)));
        }
        let (mut designs, mut loads): (Vec<Design>, Vec<Vec<Option<f64>>>) = (Vec::new(), Vec::new());
        for nth in 0..plan.points.len() {
            let design = Design::planned(plan, nth);
            let place = designs.iter().position(|known| design.is(known)).unwrap_or_else(|| {
                designs.push(design);
                loads.push(Vec::new());
                designs.len() - 1
            });
            loads[place].push(plan.load_tps(nth));
        }
        if let Some(baseline) = baseline {
            let names = distinct(&designs);
            super::numbered(&names.iter().map(String::as_str).collect::<Vec<_>>(), baseline)?;
        }
        let Some(asked) = at_tps else { return Ok(()) };
        let mut shared = loads[0].clone();
        shared.retain(|load| loads.iter().all(|known| known.contains(load)));
        shared.sort_by(|a, b| a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0)));
        shared.dedup();
        super::row::is_shared(asked, &shared)
    }

    /// Reads designs from folders of sweeps and points; every file is checked.
    pub fn read(folders: &[PathBuf]) -> Result<Vec<Variant>, CompareError> {
        let mut found = Vec::new();
        for path in folders {
            let no_results = |what| Err(CompareError::NoResults { path: path.clone(), what });
            match path {
                _ if path.join(SWEEP_FILE).exists() => found.extend(of_sweep(path)?),
                _ if path.join(MANIFEST_FILE).exists() => found.push(of_point(path)?),
                _ if path.is_dir() => return no_results("there are no results in this folder"),
                _ if path.exists() => return no_results("this is no folder"),
                _ => return no_results("there is no such folder"),
            }
        }
        let mut known: BTreeMap<&String, &Path> = BTreeMap::new();
        for Found { path, inputs, .. } in &found {
            if let Some(first) = known.insert(inputs, path) {
                return Err(CompareError::Twice { path: path.clone(), first: first.to_path_buf() });
            }
        }
        group(found)
    }

    /// The runs under a load, if there are any.
    pub fn at(&self, load_tps: Option<f64>) -> Option<&Loaded> {
        self.loads.iter().find(|loaded| loaded.load_tps == load_tps)
    }
}

impl Design {
    /// The design of the `nth` point of a plan, run or not.
    fn planned(plan: &Plan, nth: usize) -> Design {
        let file = &plan.points[nth].scenario.file;
        let traits = Traits {
            scenario: &file.name,
            protocol: file.consensus.protocol.name(),
            dissemination: file.layer().name(),
            replicas: file.consensus.replicas,
        };
        Design::varied(Path::new(""), &spoken(&plan.heading.grid, plan.varied(nth)), &traits)
    }

    /// Whether runs of `other` are runs of this.
    fn is(&self, other: &Design) -> bool {
        self.sweep == other.sweep && self.configuration == other.configuration
    }

    /// One of the designs of a sweep in `folder`.
    fn varied(folder: &Path, varied: &[(String, String)], traits: &Traits<'_>) -> Design {
        let word = |(key, value): &(String, String)| match key.as_str() {
            "consensus.protocol" | "consensus.dissemination" => value.clone(),
            _ => format!("{}={value}", key.rsplit('.').next().unwrap_or(key)),
        };
        let words: Vec<String> = varied.iter().map(word).collect();
        let name = if words.is_empty() { traits.protocol.to_string() } else { words.join(", ") };
        Design {
            names: named(name, traits, folder),
            sweep: Some(folder.into()),
            configuration: serde_json::to_value(varied).expect("keys and values are plain data"),
        }
    }

    /// The design of a point in `folder`: all that it followed from but seed and load, as far as its manifest says it.
    fn of_point(folder: &Path, manifest: &Manifest, summary: &Summary) -> Design {
        let mut configuration = manifest.configuration.clone();
        if let Some(keys) = configuration.as_object_mut() {
            keys.remove("seed");
            keys.get_mut("world").and_then(Value::as_object_mut).map(|world| world.remove("load_tps"));
            // Costs are named in the configuration, and what the name stands for may change.
            keys.insert("cost_provenance".into(), manifest.cost_provenance.clone().into());
        }
        Design { names: named(summary.protocol.clone(), &Traits::of(summary), folder), sweep: None, configuration }
    }
}

/// What names a design beside what is varied.
struct Traits<'a> {
    scenario: &'a str,
    protocol: &'a str,
    dissemination: &'a str,
    replicas: u32,
}

impl Traits<'_> {
    fn of(summary: &Summary) -> Traits<'_> {
        let Summary { scenario, protocol, dissemination, replicas, .. } = summary;
        Traits { scenario, protocol, dissemination, replicas: *replicas }
    }
}

/// Names for a design, each longer than the one before.
fn named(name: String, traits: &Traits<'_>, folder: &Path) -> Vec<String> {
    let last = folder.file_name().map(|last| last.to_string_lossy().into_owned()).unwrap_or_default();
    let Traits { scenario, dissemination, replicas, .. } = traits;
    vec![
        name.clone(),
        format!("{name} over {dissemination}"),
        format!("{name} over {dissemination}, {replicas} replicas"),
        format!("{scenario}: {name}"),
        format!("{last}: {name}"),
        format!("{}: {name}", folder.display()),
    ]
}

/// Reads a point, if it is the one that its folder is called after.
fn of_point(path: &Path) -> Result<Found, CompareError> {
    let (manifest, summary) = Store::read(path)?;
    let inputs = manifest.inputs.to_string();
    let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    if name.is_some_and(|name| is_point_id(&name) && !inputs.starts_with(&name)) {
        return Err(StoreError::Foreign { path: path.join(MANIFEST_FILE) }.into());
    }
    let load_tps = manifest.configuration.pointer("/world/load_tps").and_then(Value::as_f64);
    let design = Design::of_point(path, &manifest, &summary);
    Ok(Found { path: path.into(), design, load_tps, inputs, summary })
}

/// Every point of a sweep.
fn of_sweep(folder: &Path) -> Result<Vec<Found>, CompareError> {
    let sheet = Sheet::read(folder).ok_or_else(|| CompareError::CorruptPlan(folder.join(SWEEP_FILE)))?;
    let (mut found, mut ids) = (Vec::new(), Vec::new());
    let grid = &sheet.heading.grid;
    for (nth, entry) in sheet.points.iter().enumerate() {
        let path = folder.join(POINTS_FOLDER).join(&entry.id);
        if !path.exists() {
            ids.push(format!("{} (missing)", entry.id));
            continue;
        }
        match of_point(&path) {
            Ok(point) if point.summary.seed == entry.seed && point.summary.scenario == sheet.heading.scenario => {
                let varied = spoken(grid, grid.cell(nth / grid.replicates as usize));
                let design = Design::varied(folder, &varied, &Traits::of(&point.summary));
                found.push(Found { design, ..point });
            }
            Ok(_) => ids.push(format!("{} (is another point's)", entry.id)),
            Err(error) => ids.push(format!("{} ({error})", entry.id)),
        }
    }
    match ids.is_empty() {
        true => Ok(found),
        false => Err(CompareError::Incomplete { path: folder.into(), ids, total: sheet.points.len() }),
    }
}

/// What tells designs of a sweep apart: keys that have one value only do not, and loads are no part of a design.
fn spoken(grid: &Grid, mut varied: Vec<(String, String)>) -> Vec<(String, String)> {
    let several = |key: &str| grid.vary.iter().any(|one| one.key == key && one.values.len() > 1);
    varied.retain(|(key, _)| key != LOAD_KEY && several(key));
    varied
}

/// Points by design and load, in the order in which designs come first.
fn group(found: Vec<Found>) -> Result<Vec<Variant>, CompareError> {
    let mut designs: Vec<Design> = Vec::new();
    let mut variants: Vec<Variant> = Vec::new();
    let mut paths: BTreeMap<(usize, usize, u64), PathBuf> = BTreeMap::new();
    for Found { path, design, load_tps, summary, .. } in found {
        let nth = designs.iter().position(|known| design.is(known)).unwrap_or_else(|| {
            designs.push(design);
            variants.push(Variant { name: String::new(), loads: Vec::new() });
            designs.len() - 1
        });
        let loads = &mut variants[nth].loads;
        let at = loads.iter().position(|loaded| loaded.load_tps == load_tps).unwrap_or_else(|| {
            loads.push(Loaded { load_tps, runs: BTreeMap::new() });
            loads.len() - 1
        });
        if let Some(first) = paths.insert((nth, at, summary.seed), path.clone()) {
            return Err(CompareError::Ambiguous { path, first });
        }
        loads[at].runs.insert(summary.seed, summary);
    }
    for variant in &mut variants {
        let key = |loaded: &Loaded| loaded.load_tps.unwrap_or(0.0);
        variant.loads.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
    let names = distinct(&designs);
    variants.iter_mut().zip(names).for_each(|(variant, name)| variant.name = name);
    Ok(variants)
}

/// A name for each design: the shortest that tell all apart.
fn distinct(designs: &[Design]) -> Vec<String> {
    let longest = designs.iter().map(|design| design.names.len()).min().unwrap_or(0);
    let distinct = |level: &usize| {
        let names: Vec<&String> = designs.iter().map(|design| &design.names[*level]).collect();
        names.iter().enumerate().all(|(nth, name)| !names[..nth].contains(name))
    };
    let level = (0..longest).find(distinct);
    let name = |(nth, design): (usize, &Design)| match level {
        Some(level) => design.names[level].clone(),
        None => format!("{} ({})", design.names[0], nth + 1),
    };
    designs.iter().enumerate().map(name).collect()
}
