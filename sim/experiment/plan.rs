//! The plan of a sweep: every point of its grid, validated before the first runs, named by the digest of its inputs.
//!
//! A point of a plan is a run: `systole run` with its overrides as `--set` has the same inputs, and so the same name.
//! A plan can be written as lines, the first of them the heading, and its points run anywhere that has the same build
//! and the same data.

mod error;
mod lines;
mod validated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::scenario::{Prices, Scenario, ScenarioError, SweepKeys, Template, WorldData, Worlds};

pub use error::PlanError;
pub use lines::PlanFile;

use super::grid::{Grid, GridRequest, LOAD_KEY};
use super::store::{json, point_id};
use super::sweep::SWEEP_FILE;

/// Version of `sweep.json` and of plan files.
const SCHEMA_VERSION: u32 = 1;

/// Which build of the tool: results of two are never mixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of the tool.
    pub tool_version: String,
    /// Commit that it was built from.
    pub git_commit: String,
}

impl Build {
    /// This version of the tool, built from `git_commit`.
    pub fn of(git_commit: &str) -> Build {
        Build { tool_version: env!("CARGO_PKG_VERSION").into(), git_commit: git_commit.into() }
    }
}

/// What a plan is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heading {
    /// Version of the layout.
    pub schema_version: u32,
    /// Who made it.
    #[serde(flatten)]
    pub build: Build,
    /// The scenario's name.
    pub scenario: String,
    /// Whether signatures are charged for without computing them.
    pub modelled: bool,
    /// Overrides of every point, `key=value`; those of prices, which no point reads, are left out.
    pub settings: Vec<String>,
    /// The grid.
    #[serde(flatten)]
    pub grid: Grid,
}

impl Heading {
    /// Overrides of a cell.
    fn overrides(&self, cell: &[(String, String)]) -> Vec<String> {
        let setting = |(key, value): &(String, String)| format!("{key}={value}");
        self.settings.iter().cloned().chain(cell.iter().map(setting)).collect()
    }

    /// The first of `points` that is not the one that the grid has in its place, or that it has no place for.
    fn misplaced(&self, points: &[Entry]) -> Option<usize> {
        let (replicates, cells) = (self.grid.replicates as usize, self.grid.cells());
        let of_cell = |cell: usize| {
            let (begin, due) = (cell * replicates, self.overrides(&self.grid.cell(cell)));
            let belongs = |replicate: usize| {
                let Entry { overrides, seed, .. } = points.get(begin + replicate)?;
                let (last, others) = overrides.split_last()?;
                let seeded = *seed == points[begin].seed.saturating_add(replicate as u64);
                (seeded && *last == format!("seed={seed}") && *others == due).then_some(())
            };
            (0..replicates).find(|&replicate| belongs(replicate).is_none()).map(|replicate| begin + replicate)
        };
        (0..cells).find_map(of_cell).or((points.len() > cells * replicates).then_some(cells * replicates))
    }
}

/// One point of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The digest of its inputs, shortened: names its folder.
    pub id: String,
    /// All that it differs in from the scenario's file, `key=value`: arguments of `--set`, in order.
    pub overrides: Vec<String>,
    /// Its seed.
    pub seed: u64,
}

/// `sweep.json`: a plan without anything of the host that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// What it is of.
    #[serde(flatten)]
    pub heading: Heading,
    /// Its points, in the grid's order: `replicates` of each cell one after the other.
    pub points: Vec<Entry>,
}

/// A scenario's text, and where it is from.
#[derive(Clone, Debug)]
pub struct ScenarioText {
    /// The scenario's file, as it was named; data is looked for from its folder.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl ScenarioText {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<ScenarioText, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.into(), source };
        Ok(ScenarioText { path: path.into(), text: std::fs::read_to_string(path).map_err(unreadable)? })
    }

    /// The scenario with `settings`.
    pub fn parse(&self, settings: &[String]) -> Result<Scenario, ScenarioError> {
        self.template()?.scenario(settings)
    }

    /// Its `[sweep]` with `settings`, be the rest possible by itself or not.
    pub fn sweep(&self, settings: &[String]) -> Result<SweepKeys, ScenarioError> {
        Ok(self.template()?.file(settings)?.sweep.unwrap_or_default())
    }

    /// Its checked prices with `settings`, be the rest possible by itself or not.
    pub fn prices(&self, settings: &[String]) -> Result<Prices, ScenarioError> {
        self.template()?.prices(settings)
    }

    fn template(&self) -> Result<Template, ScenarioError> {
        let folder = self.path.parent().map(Path::to_path_buf).unwrap_or_default();
        Template::new(&self.path.display().to_string(), &self.text, &folder)
    }
}

/// A point that can be run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What the plan says of it.
    pub entry: Entry,
    /// Its scenario.
    pub scenario: Scenario,
    /// Its data, shared with other points.
    pub world: Arc<WorldData>,
    /// The digest of its inputs.
    pub inputs: Digest,
}

impl Planned {
    fn new(scenario: Scenario, world: Arc<WorldData>, overrides: Vec<String>) -> Planned {
        let inputs = scenario.digest(&world);
        let entry = Entry { id: point_id(&inputs), overrides, seed: scenario.file.seed };
        Planned { entry, scenario, world, inputs }
    }
}

/// A plan whose points can be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is of.
    pub heading: Heading,
    /// Its points, in the grid's order.
    pub points: Vec<Planned>,
    source: ScenarioText,
}

/// What a plan is made for.
#[derive(Clone, Debug)]
pub struct PlanRequest<'a> {
    /// Overrides of every point.
    pub settings: &'a [String],
    /// What is varied, beside what the scenario says.
    pub grid: &'a GridRequest,
    /// Whether signatures are charged for without computing them.
    pub modelled: bool,
    /// Who runs it.
    pub build: Build,
}

impl Plan {
    /// Validates every point of the grid that `source` and `request` ask for. What all have in common need be no
    /// scenario by itself.
    pub fn new(source: ScenarioText, request: &PlanRequest<'_>, worlds: &mut Worlds) -> Result<Plan, PlanError> {
        let template = source.template()?;
        let base = template.file(request.settings)?;
        let heading = Heading {
            schema_version: SCHEMA_VERSION,
            build: request.build.clone(),
            scenario: base.name,
            modelled: request.modelled,
            settings: request.settings.iter().filter(|setting| !Prices::is_set_by(setting)).cloned().collect(),
            grid: Grid::new(&base.sweep.unwrap_or_default(), request.grid)?,
        };
        let points = heading.validated(&template, worlds)?;
        let plan = Plan { heading, points, source };
        plan.tell_apart()?;
        Ok(plan)
    }

    /// Whether no two points are one and the same run.
    fn tell_apart(&self) -> Result<(), PlanError> {
        let mut known = BTreeMap::new();
        for point in &self.points {
            if let Some(first) = known.insert(&point.entry.id, &point.entry.overrides) {
                let [first, second] = [first, &point.entry.overrides].map(|overrides| overrides.join(", "));
                return Err(PlanError::Same { first, second });
            }
        }
        Ok(())
    }

    /// The plan as results keep it.
    pub fn sheet(&self) -> Sheet {
        let points = self.points.iter().map(|point| point.entry.clone()).collect();
        Sheet { heading: self.heading.clone(), points }
    }

    /// Key and value of what is varied in the `nth` point, without its load.
    pub fn varied(&self, nth: usize) -> Vec<(String, String)> {
        let grid = &self.heading.grid;
        grid.varied(nth / grid.replicates as usize)
    }

    /// Load of the `nth` point, if it is given one: by the grid, or by the scenario.
    pub fn load_tps(&self, nth: usize) -> Option<f64> {
        self.points[nth].scenario.file.world.load_tps
    }

    /// What the `nth` point is, in a few words.
    pub fn described(&self, nth: usize) -> String {
        let grid = &self.heading.grid;
        let cell = grid.cell(nth / grid.replicates as usize);
        let word = |(key, value): &(String, String)| match key.as_str() {
            LOAD_KEY => format!("{value} tx/s"),
            _ => value.clone(),
        };
        let seed = format!("seed {}", self.points[nth].entry.seed);
        cell.iter().map(word).chain([seed]).collect::<Vec<_>>().join(", ")
    }
}

impl Sheet {
    /// Reads the plan of a sweep's folder; nothing where it is not one that this version wrote, byte for byte.
    pub fn read(folder: &Path) -> Option<Sheet> {
        let bytes = std::fs::read(folder.join(SWEEP_FILE)).ok()?;
        let sheet: Sheet = serde_json::from_slice(&bytes).ok()?;
        let whole = sheet.heading.schema_version == SCHEMA_VERSION
            && sheet.heading.misplaced(&sheet.points).is_none()
            && json(&sheet) == bytes;
        whole.then_some(sheet)
    }

    /// In what `other` differs from this, if it does, as `this` calls and `that` calls it.
    pub(super) fn difference(&self, other: &Sheet) -> Option<String> {
        let value = |heading: &Heading| serde_json::to_value(heading).expect("a heading is plain data");
        let (ours, theirs) = (value(&self.heading), value(&other.heading));
        let fields = ours.as_object().into_iter().flatten();
        for (key, ours) in fields {
            let theirs = theirs.get(key).unwrap_or(&serde_json::Value::Null);
            if ours != theirs {
                return Some(format!("`{key}` is {theirs} there and {ours} here"));
            }
        }
        let mut pairs = self.points.iter().zip(&other.points);
        match pairs.find(|(ours, theirs)| ours != theirs) {
            Some((ours, theirs)) => Some(format!(
                "the point {} is {} there and {} here: scenario, costs or data have changed",
                ours.overrides.join(", "),
                theirs.id,
                ours.id
            )),
            None if self.points.len() != other.points.len() => {
                Some(format!("it has {} points there and {} here", other.points.len(), self.points.len()))
            }
            None => None,
        }
    }
}
