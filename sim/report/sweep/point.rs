//! One point: its files, checked against each other and against what was planned.

use std::collections::BTreeMap;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::experiment::{Entry, Heading, Manifest, Store, Summary};
use crate::metrics::Definition;
use crate::report::error::ReportError;
use crate::report::{hlog, input};

use super::model::Series;

/// Hex digits of its inputs' digest that name a point.
pub(super) const ID_DIGITS: usize = 16;

/// What a point's folder holds.
pub(super) struct Read {
    pub manifest: Manifest,
    pub summary: Summary,
    pub series: Series,
    /// By definition, and of submit→reply by region, in microseconds.
    pub latencies: BTreeMap<String, Histogram<u64>>,
}

/// The prefix of the tags by region.
pub(super) fn by_region() -> String {
    format!("{}.", Definition::SubmitToReply.name())
}

/// Reads the point of `entry` from `folder`.
pub(super) fn read(folder: &Path, heading: &Heading, entry: &Entry) -> Result<Read, ReportError> {
    let (manifest, summary) = Store::read(folder).map_err(|source| ReportError::point(folder, source))?;
    let path = folder.join("manifest.json");
    if let Some(what) = stranger(&manifest, &summary, heading, entry) {
        return Err(ReportError::invalid(&path, format!("{what}; run the point {} again", entry.id)));
    }
    let rows = input::series(&folder.join("series.csv"))?;
    let log = folder.join("latency.hlog");
    let prefix = by_region();
    let wanted = |tag: &str| tag.starts_with(&prefix) || Definition::ALL.iter().any(|known| known.name() == tag);
    let latencies = hlog::histograms(&log, wanted)?;
    if let Some(absent) = Definition::ALL.iter().find(|definition| !latencies.contains_key(definition.name())) {
        return Err(ReportError::invalid(&log, format!("no histogram is tagged `{}`", absent.name())));
    }
    Ok(Read { manifest, summary, series: Series::of(&rows), latencies })
}

/// In what a point is not the one that was planned. No hash covers the manifest itself.
fn stranger(manifest: &Manifest, summary: &Summary, heading: &Heading, entry: &Entry) -> Option<String> {
    let differs = |name: &str, found: &dyn ToString, wanted: &dyn ToString| {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        (found != wanted).then(|| format!("`{name}` is {found} where {wanted} belongs"))
    };
    let inputs = manifest.inputs.to_string();
    differs("inputs", &&inputs[..ID_DIGITS], &entry.id)
        .or_else(|| differs("git_commit", &manifest.git_commit, &heading.build.git_commit))
        .or_else(|| differs("tool_version", &manifest.tool_version, &heading.build.tool_version))
        .or_else(|| differs("scenario", &manifest.scenario, &heading.scenario))
        .or_else(|| differs("seed", &manifest.seed, &entry.seed))
        .or_else(|| differs("digest", &manifest.digest, &summary.digest))
        .or_else(|| differs("protocol", &manifest.protocol, &summary.protocol))
        .or_else(|| differs("dissemination", &manifest.dissemination, &summary.dissemination))
}
