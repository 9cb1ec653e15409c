//! The table of a whole sweep, from what is stored.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use rayon::prelude::*;

use super::super::points::points_csv;
use super::super::store::{place_file, strays};
use super::{Figures, POINTS_FILE, POINTS_FOLDER, Plan, Planned, SWEEP_FILE, SweepError, SweepFolder, sweep_up};

/// A whole sweep, read.
#[derive(Debug)]
pub struct Merged {
    /// Of every point, in the plan's order.
    pub figures: Vec<Figures>,
    /// What is beside the points or in their folders and is none of theirs, relative to the sweep's folder. Nothing
    /// reads it.
    pub strays: Vec<String>,
}

impl SweepFolder {
    /// Reads every point of `plan`, and writes the table of all, unless it is there. Nobody may be writing to the folder.
    pub fn merge(&self, plan: &Plan) -> Result<Merged, SweepError> {
        let recall = |point: &Planned| {
            let strays = || strays(&self.of_point(&point.entry.id));
            self.recall(point).map(|recalled| recalled.and_then(|figures: Figures| Ok((figures, strays()?))))
        };
        let recalled: Vec<_> = plan.points.par_iter().map(recall).collect();
        let (mut figures, mut ids, mut all_strays) = (Vec::new(), Vec::new(), self.stray_points(plan)?);
        for (point, recalled) in plan.points.iter().zip(recalled) {
            let id = &point.entry.id;
            match recalled {
                None => ids.push(format!("{id} (missing)")),
                Some(Err(error)) => ids.push(format!("{id} ({error})")),
                Some(Ok((found, names))) => {
                    all_strays.extend(names.iter().map(|name| format!("{POINTS_FOLDER}/{id}/{name}")));
                    figures.push(found);
                }
            }
        }
        if !ids.is_empty() {
            return Err(SweepError::Incomplete { ids, total: plan.points.len() });
        }
        self.tabulate(plan, &figures)?;
        Ok(Merged { figures, strays: all_strays })
    }

    /// Writes the table of all points, and deletes what killed processes left. Nobody may be writing to the folder.
    pub fn tabulate(&self, plan: &Plan, figures: &[Figures]) -> Result<(), SweepError> {
        sweep_up(&self.path, &BTreeSet::from([SWEEP_FILE, POINTS_FILE]))?;
        self.tidy(plan.points.iter())?;
        place_file(&self.path, POINTS_FILE, &points_csv(plan, figures))?;
        Ok(())
    }

    /// What is beside the points and is none of them; what begins with a dot is a killed process's.
    fn stray_points(&self, plan: &Plan) -> Result<Vec<String>, SweepError> {
        let ids: BTreeSet<&str> = plan.points.iter().map(|point| point.entry.id.as_str()).collect();
        let entries = fs::read_dir(self.path.join(POINTS_FOLDER)).into_iter().flatten();
        let names: BTreeSet<OsString> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        let names = names.iter().map(|name| name.to_string_lossy());
        let strays = names.filter(|name| !name.starts_with('.') && !ids.contains(&**name));
        Ok(strays.map(|name| format!("{POINTS_FOLDER}/{name}")).collect())
    }
}
