//! A sweep's folder, or a run's, read whole and checked: what its page and figures show.
//!
//! Every file of a point is checked against its hash, and its manifest against what the sweep planned, before
//! anything is drawn. A point that is not there yet is said to be missing, and the rest is drawn; one that is damaged
//! is an error. Replicates come to a mean and Student's 95 % interval; their latencies are one histogram, never a
//! mean of percentiles.

mod cell;
mod model;
mod point;
mod saturation;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;

use crate::experiment::{Build, Grid, Heading, MANIFEST_FILE, SWEEP_FILE, Sheet, Store, point_id};

use super::error::ReportError;

pub(super) use model::{Bar, Cell, Run, Source, Sweep, Variant};

/// Reads the folder.
/// Saturation points are those of the search in `limits`, where that is given.
pub(super) fn read(folder: &Path, limits: Option<&Path>) -> Result<Sweep, ReportError> {
    let plan = plan(folder)?;
    let (grid, replicates) = (&plan.sheet.heading.grid, plan.sheet.heading.grid.replicates as usize);
    let loads = grid.load_tps.len().max(1);
    let read_cell = |nth: usize| {
        let places = plan.places(nth * replicates..(nth + 1) * replicates);
        cell::read(nth / loads, nth % loads, &plan.sheet.heading, &places)
    };
    let cells: Vec<_> = (0..grid.cells()).into_par_iter().map(read_cell).collect();
    let (mut read, mut missing) = (Vec::new(), Vec::new());
    for found in cells {
        let (cell, absent) = found?;
        read.extend(cell);
        missing.extend(absent);
    }
    if read.is_empty() {
        let what = format!("none of its {} points is there yet; run the sweep", plan.sheet.points.len());
        return Err(ReportError::invalid(folder, what));
    }
    let mut variants = variants(grid, &read);
    variants.iter_mut().enumerate().for_each(|(nth, variant)| variant.describe(&read, nth));
    let loads = model::loads(grid, &read);
    let saturation = saturation::of(limits, &plan.sheet.heading, &variants, &read, &loads)?;
    Ok(Sweep::new(plan.sheet, loads, variants, read, missing, saturation))
}

/// What a folder should hold, and where.
struct PlannedFolder {
    sheet: Sheet,
    /// The folder of each point, and how the page links to it.
    places: Vec<(PathBuf, String)>,
}

impl PlannedFolder {
    fn places(&self, range: std::ops::Range<usize>) -> Vec<cell::Place<'_>> {
        let place = |nth: usize| {
            let (path, link) = &self.places[nth];
            cell::Place { entry: &self.sheet.points[nth], path, link }
        };
        range.map(place).collect()
    }
}

fn plan(folder: &Path) -> Result<PlannedFolder, ReportError> {
    let (sheet, manifest) = (folder.join(SWEEP_FILE), folder.join(MANIFEST_FILE));
    if sheet.exists() {
        let damaged =
            "is not the plan that this version writes; delete it and run the sweep again, which keeps whole points";
        let found = Sheet::read(folder).ok_or_else(|| ReportError::invalid(&sheet, damaged))?;
        let place = |id: &String| (folder.join("points").join(id), format!("points/{id}/"));
        let places = found.points.iter().map(|entry| place(&entry.id)).collect();
        return Ok(PlannedFolder { sheet: found, places });
    }
    if manifest.exists() {
        return one_run(folder);
    }
    Err(ReportError::NoResults { path: folder.into() })
}

/// A run's folder as a sweep of one point.
fn one_run(folder: &Path) -> Result<PlannedFolder, ReportError> {
    let (manifest, _) = Store::read(folder).map_err(ReportError::Run)?;
    let build = Build { tool_version: manifest.tool_version, git_commit: manifest.git_commit };
    let execution = manifest.configuration.pointer("/crypto/execution").and_then(Value::as_str);
    // Not what `run --modelled` asked for: that is not stored, and changes nothing.
    let modelled = execution == Some("modelled");
    let heading = Heading {
        schema_version: manifest.schema_version,
        build,
        scenario: manifest.scenario,
        modelled,
        settings: Vec::new(),
        grid: Grid { vary: Vec::new(), load_tps: Vec::new(), replicates: 1 },
    };
    let id = point_id(&manifest.inputs);
    let entry = crate::experiment::Entry { id, overrides: Vec::new(), seed: manifest.seed };
    let places = vec![(folder.to_path_buf(), String::new())];
    Ok(PlannedFolder { sheet: Sheet { heading, points: vec![entry] }, places })
}

/// The variants of a grid: its cells without their loads.
fn variants(grid: &Grid, cells: &[Cell]) -> Vec<Variant> {
    let loads = grid.load_tps.len().max(1);
    let mut variants: Vec<Variant> =
        (0..grid.cells() / loads).map(|nth| Variant::new(grid.varied(nth * loads))).collect();
    if let ([only], Some(cell)) = (variants.as_mut_slice(), cells.first())
        && only.name.is_empty()
    {
        only.name = cell.protocol.clone();
    }
    variants
}
