//! The stored results that figures are drawn from, read and checked.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ReportError;

/// A row of `series.csv`: an interval of virtual time.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeriesRow {
    /// Start of the interval.
    pub time_s: f64,
    pub offered_tps: f64,
    pub throughput_tps: f64,
    pub rejected_tps: f64,
    /// Empty where nothing completed.
    pub reply_p50_ms: Option<f64>,
    pub reply_p99_ms: Option<f64>,
}

/// What `manifest.json` says of a run, as far as figures need it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Manifest {
    pub scenario: String,
    pub protocol: String,
    pub dissemination: String,
    pub timing: Timing,
}

/// The measured window.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Timing {
    pub window_from_s: f64,
    pub window_until_s: f64,
}

/// A row of `probes.csv`: one run of the search.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ProbeRow {
    pub offered_tps: f64,
    pub goodput_tps: f64,
    pub throughput_tps: f64,
    pub reply_p50_ms: Option<f64>,
    pub reply_p99_ms: Option<f64>,
    pub utilisation_percent: f64,
    pub meets_slo: bool,
}

/// `limit.json`: what the search found.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Limit {
    /// Largest offered load that passed; absent where none did.
    pub lower_tps: Option<f64>,
    /// Smallest offered load that failed; absent where none did.
    pub upper_tps: Option<f64>,
    pub slo: Vec<String>,
    pub binding_resource: Option<String>,
    pub scenario: Option<String>,
    pub protocol: Option<String>,
    pub dissemination: Option<String>,
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ReportError> {
    std::fs::read(path).map_err(|source| ReportError::Unreadable { path: path.to_path_buf(), source })
}

pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    serde_json::from_slice(&read(path)?).map_err(|error| ReportError::invalid(path, error))
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReportError> {
    let bytes = read(path)?;
    let rows: Result<Vec<T>, csv::Error> = csv::Reader::from_reader(bytes.as_slice()).deserialize().collect();
    let rows = rows.map_err(|error| ReportError::invalid(path, error))?;
    if rows.is_empty() { Err(ReportError::invalid(path, "holds no rows")) } else { Ok(rows) }
}

/// Fails where a cell of row `index` is negative or no number.
pub(super) fn check(path: &Path, index: usize, cells: &[(&str, Option<f64>)]) -> Result<(), ReportError> {
    let bad = |cell: &&(&str, Option<f64>)| cell.1.is_some_and(|value| !(value.is_finite() && value >= 0.0));
    match cells.iter().find(bad) {
        Some((column, value)) => {
            let value = value.unwrap_or_default();
            Err(ReportError::invalid(path, format!("row {}: `{column}` is {value}, not a quantity", index + 1)))
        }
        None => Ok(()),
    }
}

/// Reads `series.csv`: rows in ascending time.
pub(super) fn series(path: &Path) -> Result<Vec<SeriesRow>, ReportError> {
    let rows: Vec<SeriesRow> = rows(path)?;
    for (index, row) in rows.iter().enumerate() {
        let cells = [
            ("time_s", Some(row.time_s)),
            ("offered_tps", Some(row.offered_tps)),
            ("throughput_tps", Some(row.throughput_tps)),
            ("rejected_tps", Some(row.rejected_tps)),
            ("reply_p50_ms", row.reply_p50_ms),
            ("reply_p99_ms", row.reply_p99_ms),
        ];
        check(path, index, &cells)?;
        if index > 0 && row.time_s <= rows[index - 1].time_s {
            return Err(ReportError::invalid(path, format!("row {}: `time_s` does not ascend", index + 1)));
        }
    }
    Ok(rows)
}

/// Reads `manifest.json`.
pub(super) fn manifest(path: &Path) -> Result<Manifest, ReportError> {
    let manifest: Manifest = json(path)?;
    let Timing { window_from_s, window_until_s } = manifest.timing;
    if !(0.0 <= window_from_s && window_from_s < window_until_s) {
        return Err(ReportError::invalid(path, format!("no window from {window_from_s} s to {window_until_s} s")));
    }
    Ok(manifest)
}

/// Reads `probes.csv`, sorted by offered load.
pub(super) fn probes(path: &Path) -> Result<Vec<ProbeRow>, ReportError> {
    let mut rows: Vec<ProbeRow> = rows(path)?;
    for (index, row) in rows.iter().enumerate() {
        let cells = [
            ("offered_tps", Some(row.offered_tps)),
            ("goodput_tps", Some(row.goodput_tps)),
            ("throughput_tps", Some(row.throughput_tps)),
            ("reply_p50_ms", row.reply_p50_ms),
            ("reply_p99_ms", row.reply_p99_ms),
            ("utilisation_percent", Some(row.utilisation_percent)),
        ];
        check(path, index, &cells)?;
        if row.offered_tps == 0.0 {
            return Err(ReportError::invalid(path, format!("row {}: `offered_tps` is 0", index + 1)));
        }
    }
    rows.sort_by(|a, b| a.offered_tps.total_cmp(&b.offered_tps));
    Ok(rows)
}

/// Reads `limit.json`.
pub(super) fn limit(path: &Path) -> Result<Limit, ReportError> {
    let limit: Limit = json(path)?;
    check(path, 0, &[("lower_tps", limit.lower_tps), ("upper_tps", limit.upper_tps)])?;
    match (limit.lower_tps, limit.upper_tps) {
        (Some(lower), Some(upper)) if lower > upper => {
            Err(ReportError::invalid(path, format!("no bracket from {lower} to {upper} tx/s")))
        }
        _ => Ok(limit),
    }
}
