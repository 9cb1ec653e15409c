//! A plan as a file of JSON lines: the heading with the scenario's text, then one line for each point.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::scenario::Worlds;

use super::{Build, Entry, Heading, Plan, PlanError, Planned, SCHEMA_VERSION, ScenarioText, Sheet};

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct First {
    #[serde(flatten)]
    heading: Heading,
    /// Lines that follow.
    points: usize,
    /// The scenario's file, as it was named: data is looked for from its folder.
    scenario_file: PathBuf,
    /// Its text.
    scenario_toml: String,
}

/// A plan that was read from a file; its points are not validated yet.
#[derive(Clone, Debug)]
pub struct PlanFile {
    /// What the plan says.
    pub sheet: Sheet,
    source: ScenarioText,
}

impl Plan {
    /// The plan as JSON lines.
    pub fn to_lines(&self) -> String {
        let first = First {
            heading: self.heading.clone(),
            points: self.points.len(),
            scenario_file: self.source.path.clone(),
            scenario_toml: self.source.text.clone(),
        };
        let mut text = serde_json::to_string(&first).expect("a heading is plain data");
        for point in &self.points {
            text.push('\n');
            text.push_str(&serde_json::to_string(&point.entry).expect("a point is plain data"));
        }
        text.push('\n');
        text
    }
}

impl PlanFile {
    /// Reads a plan, which `build` must have made.
    pub fn read(path: &Path, build: &Build) -> Result<PlanFile, PlanError> {
        let text = fs::read_to_string(path).map_err(|source| PlanError::Io { path: path.into(), source })?;
        let malformed = |line: usize, what: String| PlanError::Malformed { path: path.into(), line, what };
        let mut lines = text.lines();
        let first: First = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|error| malformed(1, format!("this is no plan of a sweep: {error}")))?;
        let theirs = &first.heading.build;
        if first.heading.schema_version != SCHEMA_VERSION || theirs != build {
            let name = |build: &Build| format!("{} ({})", build.tool_version, build.git_commit);
            return Err(PlanError::OtherBuild { theirs: name(theirs), ours: name(build) });
        }
        let entry = |(nth, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| malformed(nth + 2, format!("this is no point: {error}")))
        };
        let points = lines.enumerate().map(entry).collect::<Result<Vec<Entry>, PlanError>>()?;
        if points.len() != first.points {
            let what = format!("{} points follow, and {} were planned", points.len(), first.points);
            return Err(malformed(1, what));
        }
        if let Some(nth) = first.heading.misplaced(&points) {
            return Err(malformed(
                nth + 2,
                "it is not the point that belongs here in the plan's grid; plan again".into(),
            ));
        }
        let source = ScenarioText { path: first.scenario_file, text: first.scenario_toml };
        Ok(PlanFile { sheet: Sheet { heading: first.heading, points }, source })
    }

    /// The scenario's file, as whoever planned named it.
    pub fn scenario_file(&self) -> &Path {
        &self.source.path
    }

    /// The point of that name, or of that number in the plan, from 0 on.
    pub fn point(&self, id: &str) -> Result<Planned, PlanError> {
        let points = &self.sheet.points;
        let numbered = || id.parse::<usize>().ok().and_then(|nth| points.get(nth));
        let unknown = || PlanError::Unknown { id: id.into(), points: points.len() };
        let entry = points.iter().find(|entry| entry.id == id).or_else(numbered).ok_or_else(unknown)?;
        let scenario = self.source.template()?.scenario(&entry.overrides)?;
        let world = Worlds::default().of(&scenario)?;
        let planned = Planned::new(scenario, world, entry.overrides.clone());
        unchanged(entry, &planned)?;
        Ok(planned)
    }

    /// Validates all of its points.
    pub fn plan(self, worlds: &mut Worlds) -> Result<Plan, PlanError> {
        let points = self.sheet.heading.validated(&self.source.template()?, worlds)?;
        self.sheet.points.iter().zip(&points).try_for_each(|(entry, point)| unchanged(entry, point))?;
        Ok(Plan { heading: self.sheet.heading, points, source: self.source })
    }
}

/// Whether a point is still what was planned.
fn unchanged(entry: &Entry, point: &Planned) -> Result<(), PlanError> {
    if point.entry == *entry {
        return Ok(());
    }
    Err(PlanError::Changed { planned: entry.id.clone(), found: point.entry.id.clone() })
}
