//! Stored results, read and checked: a point's folder, or a sweep's. Nothing of the scenario or its data is needed.

use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::plan::Sheet;
use super::points::{Origin, table};
use super::store::{MANIFEST_FILE, io_at, point_id};
use super::sweep::{POINTS_FILE, POINTS_FOLDER, SWEEP_FILE};
use super::{Figures, Manifest, Store, StoreError, Summary};

/// Why a folder cannot be read.
#[derive(Debug, Error)]
pub enum StoredError {
    /// It is neither a point's nor a sweep's.
    #[error("{}: holds neither manifest.json (a point's results) nor sweep.json (a sweep's)", .0.display())]
    NoResults(PathBuf),
    /// A file cannot be read, or is not what was written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan is damaged, or of another version.
    #[error("{}: is not the plan that this version writes; delete it and run the sweep again, which keeps whole points", .0.display())]
    CorruptPlan(PathBuf),
    /// Points are not there, or not whole.
    #[error("{} of {total} points are missing or corrupt, the sweep's own command computes them again: {}", ids.len(), ids.join(", "))]
    Incomplete {
        /// Which, each with what is wrong with it.
        ids: Vec<String>,
        /// Points of the plan.
        total: usize,
    },
    /// The table is not that of the points.
    #[error("{}: is not the table of the points in this folder as this build writes it; the sweep's own command writes it again", .0.display())]
    OtherTable(PathBuf),
}

/// A point that was read, every file of it checked.
#[derive(Clone, Debug)]
pub struct StoredPoint {
    /// Its folder.
    pub folder: PathBuf,
    /// What it followed from.
    pub origin: Origin,
    /// Where it comes from.
    pub manifest: Manifest,
    /// What it measured.
    pub summary: Summary,
}

/// Results that were read.
#[derive(Clone, Debug)]
pub struct StoredFolder {
    /// The folder.
    pub path: PathBuf,
    /// How many points one after the other differ in their seeds alone.
    pub replicates: usize,
    /// Its points, in the grid's order.
    pub points: Vec<StoredPoint>,
}

impl StoredFolder {
    /// Reads the folder of a point, or of a whole sweep.
    pub fn open(path: &Path) -> Result<StoredFolder, StoredError> {
        let sheet = path.join(SWEEP_FILE);
        if sheet.exists() {
            return StoredFolder::of_sweep(path, &sheet);
        }
        if !path.join(MANIFEST_FILE).exists() {
            return Err(StoredError::NoResults(path.into()));
        }
        let point = StoredPoint::read(path.into(), Vec::new(), 0)?;
        Ok(StoredFolder { path: path.into(), replicates: 1, points: vec![point] })
    }

    fn of_sweep(path: &Path, sheet: &Path) -> Result<StoredFolder, StoredError> {
        let found = Sheet::read(path).ok_or_else(|| StoredError::CorruptPlan(sheet.into()))?;
        let Sheet { heading, points: entries } = found;
        let replicates = heading.grid.replicates as usize;
        let (mut points, mut ids) = (Vec::new(), Vec::new());
        for (nth, entry) in entries.iter().enumerate() {
            let folder = path.join(POINTS_FOLDER).join(&entry.id);
            let varied = heading.grid.varied(nth / replicates);
            match folder.exists().then(|| StoredPoint::read(folder, varied, nth % replicates)) {
                None => ids.push(format!("{} (missing)", entry.id)),
                Some(Err(error)) => ids.push(format!("{} ({error})", entry.id)),
                Some(Ok(point)) if point.origin.id != entry.id => {
                    ids.push(format!("{} (another point, {}, is in its place)", entry.id, point.origin.id));
                }
                Some(Ok(point)) => points.push(point),
            }
        }
        if !ids.is_empty() {
            return Err(StoredError::Incomplete { ids, total: entries.len() });
        }
        let found = StoredFolder { path: path.into(), replicates, points };
        let file = path.join(POINTS_FILE);
        if file.exists() && fs::read(&file).map_err(io_at(&file))? != found.points_csv() {
            return Err(StoredError::OtherTable(file));
        }
        Ok(found)
    }

    /// `points.csv` of the points.
    pub fn points_csv(&self) -> Vec<u8> {
        let figures: Vec<Figures> = self.points.iter().map(|point| (&point.summary).into()).collect();
        table(self.points.iter().map(|point| &point.origin).zip(&figures))
    }
}

impl StoredPoint {
    fn read(folder: PathBuf, varied: Vec<(String, String)>, replicate: usize) -> Result<StoredPoint, StoreError> {
        let (manifest, summary) = Store::read(&folder)?;
        let load_tps = manifest.configuration["world"]["load_tps"].as_f64();
        let origin = Origin { id: point_id(&manifest.inputs), varied, load_tps, replicate };
        Ok(StoredPoint { folder, origin, manifest, summary })
    }
}
