//! One point: its files, checked against each other and against what was planned.

use std::path::Path;

use crate::experiment::{Entry, Heading, MANIFEST_FILE, Manifest, Store, Summary, point_id};
use crate::report::error::ReportError;
use crate::report::hlog::{self, Latencies};
use crate::report::input;

use super::model::Series;

/// What a point's folder holds.
pub(super) struct Read {
    pub manifest: Manifest,
    pub summary: Summary,
    pub series: Series,
    /// By definition, and of submit→reply by region, in microseconds.
    pub latencies: Latencies,
}

/// Reads the point of `entry` from `folder`.
pub(super) fn read(folder: &Path, heading: &Heading, entry: &Entry) -> Result<Read, ReportError> {
    let (manifest, summary) = Store::read(folder).map_err(|source| ReportError::point(folder, source))?;
    let path = folder.join(MANIFEST_FILE);
    if let Some(what) = stranger(&manifest, heading, entry) {
        return Err(ReportError::invalid(&path, format!("{what}; run the point {} again", entry.id)));
    }
    let rows = input::series(&folder.join("series.csv"))?;
    let log = folder.join("latency.hlog");
    let prefix = hlog::region_prefix();
    let latencies = hlog::complete(&log, |tag| tag.starts_with(&prefix))?;
    Ok(Read { manifest, summary, series: Series::of(&rows), latencies })
}

/// In what a point is not the one that was planned: that its files are as they were written, the store has checked.
fn stranger(manifest: &Manifest, heading: &Heading, entry: &Entry) -> Option<String> {
    let differs = |name: &str, found: &dyn ToString, wanted: &dyn ToString| {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        (found != wanted).then(|| format!("`{name}` is {found} where {wanted} belongs"))
    };
    differs("inputs", &point_id(&manifest.inputs), &entry.id)
        .or_else(|| differs("git_commit", &manifest.git_commit, &heading.build.git_commit))
        .or_else(|| differs("tool_version", &manifest.tool_version, &heading.build.tool_version))
        .or_else(|| differs("scenario", &manifest.scenario, &heading.scenario))
        .or_else(|| differs("seed", &manifest.seed, &entry.seed))
}
