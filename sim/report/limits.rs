//! The figures of many saturation points.

mod scaling;

use std::path::{Path, PathBuf};

use crate::experiment::{LIMITS_FILE, Limits};

use super::error::ReportError;
use super::figures::{Figure, write_svg};
use super::sweep::Bar;
use super::{bars, input};

/// Draws the saturation points of a folder from its `limits.json`, and returns the files written:
///
/// - `fig/saturation.svg`: each variant's saturation point with its bracket and 95 % interval, and what binds;
/// - `fig/usl.svg`: where a key was fitted, saturation against it, with the fitted curve and its 95 % band; of further keys
///   `fig/usl-KEY.svg`.
///
/// Nothing is written unless the file is present and valid.
pub fn figures_of_limits(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let path = folder.join(LIMITS_FILE);
    let limits: Limits = input::json(&path)?;
    if limits.variants.is_empty() {
        return Err(ReportError::invalid(&path, "holds no variants"));
    }
    let bars: Vec<Bar> = limits.variants.iter().map(|limit| Bar::searched(limit.clone(), limit.name(), None)).collect();
    let drawn = "full: sustained, light: on to what is not, whisker: 95 % confidence";
    let mut figures = vec![bars::saturation(&format!("{}; {drawn}", subtitle(&limits)), &bars)];
    figures.extend(scaling::plots(&limits).into_iter().map(|(name, plot)| Figure::new(name, plot.svg())));
    write_svg(folder, &figures)
}

/// What all figures say of the folder.
fn subtitle(limits: &Limits) -> String {
    let Limits { scenario, replicates, slo, .. } = limits;
    let objective = if slo.is_empty() { "none".into() } else { slo.join(" and ") };
    let seeds = if *replicates == 1 { "one seed".into() } else { format!("{replicates} seeds each") };
    format!("scenario {scenario}, objective {objective}, {seeds}")
}
