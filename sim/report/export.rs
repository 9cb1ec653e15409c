//! Stored results in other formats: a point's or a sweep's, read and checked first.
//!
//! Rows are points. Distributions are cells: histograms of a cell's replicates are added up, so a percentile is one of
//! all their transactions; percentiles are never averaged.

mod hgrm;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::experiment::{Estimate, Kind, StoredFolder, StoredPoint, Summary, glossary};
use crate::metrics::Definition;

use super::ReportError;
use super::hlog::{Latencies, add, histograms};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `points.csv`: a row for each point.
    Csv,
    /// The same rows as an array of objects.
    Json,
    /// A table with a row for each cell.
    Markdown,
    /// HdrHistogram's interval log, V2: every definition, overall and by region, of each cell.
    Hlog,
    /// HdrHistogram's percentile distribution of one histogram of one cell, in ms.
    Hgrm,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 5] = [Format::Csv, Format::Json, Format::Markdown, Format::Hlog, Format::Hgrm];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Markdown => "markdown",
            Format::Hlog => "hlog",
            Format::Hgrm => "hgrm",
        }
    }
}

/// What of the results is wanted.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Points whose varied key, or `load_tps`, has this value; all of them must hold.
    pub conditions: Vec<(String, String)>,
    /// A definition of latency, or `definition.region`.
    pub histogram: String,
}

/// Why nothing is exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A stored histogram cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// No point is as the conditions want it.
    #[error("no point has {condition}; it is one of: {known}")]
    NoPoint {
        /// The first condition that nothing meets.
        condition: String,
        /// What could be asked for.
        known: String,
    },
    /// A distribution is of one cell.
    #[error("a distribution is of one cell, and {cells} are left: choose one by --where, of {known}")]
    ManyCells {
        /// How many.
        cells: usize,
        /// What tells them apart.
        known: String,
    },
    /// There is no such histogram.
    #[error("no histogram `{asked}`; there are: {}", known.join(", "))]
    NoHistogram {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// Writes stored results in a format; says of how many points.
pub fn export(stored: &StoredFolder, format: Format, choice: &Choice) -> Result<(Vec<u8>, usize), ExportError> {
    let chosen = chosen(stored, &choice.conditions)?;
    Ok((written(&chosen, format, choice)?, chosen.points.len()))
}

fn written(chosen: &StoredFolder, format: Format, choice: &Choice) -> Result<Vec<u8>, ExportError> {
    match format {
        Format::Csv => Ok(chosen.points_csv()),
        Format::Json => Ok(json(chosen)),
        Format::Markdown => markdown(chosen),
        Format::Hlog => hlog(chosen),
        Format::Hgrm => {
            let cells: Vec<&[StoredPoint]> = cells(chosen).collect();
            let [cell] = cells[..] else {
                let known = described(&values(chosen).into_iter().filter(|(_, values)| values.len() > 1).collect());
                return Err(ExportError::ManyCells { cells: cells.len(), known });
            };
            let merged = merged(cell)?;
            let unknown = || ExportError::NoHistogram {
                asked: choice.histogram.clone(),
                known: merged.keys().cloned().collect(),
            };
            Ok(hgrm::distribution(merged.get(&choice.histogram).ok_or_else(unknown)?).into_bytes())
        }
    }
}

/// What a point is told apart by.
fn told_apart(point: &StoredPoint) -> Vec<(String, String)> {
    let load = point.origin.load_tps.map(|load| ("load_tps".to_string(), load.to_string()));
    point.origin.varied.iter().cloned().chain(load).collect()
}

/// Values of each key by which points are told apart.
fn values(stored: &StoredFolder) -> BTreeMap<String, Vec<String>> {
    let mut values = BTreeMap::<String, Vec<String>>::new();
    for (key, value) in stored.points.iter().flat_map(told_apart) {
        let known = values.entry(key).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    values
}

fn described(values: &BTreeMap<String, Vec<String>>) -> String {
    let of = |(key, values): (&String, &Vec<String>)| format!("{key}={}", values.join("|"));
    values.iter().map(of).collect::<Vec<_>>().join(", ")
}

fn chosen(stored: &StoredFolder, conditions: &[(String, String)]) -> Result<StoredFolder, ExportError> {
    let mut chosen = stored.clone();
    for (key, value) in conditions {
        let same = |found: &str| match (found.parse::<f64>(), value.parse::<f64>()) {
            (Ok(found), Ok(wanted)) => found == wanted,
            _ => found == value,
        };
        let known = described(&values(&chosen));
        chosen.points.retain(|point| told_apart(point).iter().any(|(name, found)| name == key && same(found)));
        if chosen.points.is_empty() {
            return Err(ExportError::NoPoint { condition: format!("{key}={value}"), known });
        }
    }
    Ok(chosen)
}

/// Replicates are one after the other, and a condition keeps all of a cell or none.
fn cells(stored: &StoredFolder) -> impl Iterator<Item = &[StoredPoint]> {
    stored.points.chunks(stored.replicates)
}

/// The rows of `points.csv` as objects: numbers are numbers, an empty cell is null.
fn json(stored: &StoredFolder) -> Vec<u8> {
    let kinds: BTreeMap<String, Kind> =
        glossary().into_iter().filter(|term| term.file == "points.csv").map(|term| (term.name, term.kind)).collect();
    let bytes = stored.points_csv();
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().expect("a table that was just written can be read").clone();
    let row = |record: csv::StringRecord| -> Map<String, Value> {
        let cell = |(name, text): (&str, &str)| {
            let value = match kinds.get(name) {
                _ if text.is_empty() => Value::Null,
                Some(Kind::Number | Kind::Flag) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                _ => text.into(),
            };
            (name.to_string(), value)
        };
        header.iter().zip(&record).map(cell).collect()
    };
    let rows: Vec<Map<String, Value>> = reader.into_records().flatten().map(row).collect();
    let mut bytes = serde_json::to_vec_pretty(&rows).expect("rows are plain data");
    bytes.push(b'\n');
    bytes
}

/// Histograms of a cell's replicates, added up.
fn merged(cell: &[StoredPoint]) -> Result<Latencies, ExportError> {
    let mut sums = Latencies::new();
    for point in cell {
        let path = point.folder.join("latency.hlog");
        add(&mut sums, histograms(&path, |_| true)?, &path)?;
    }
    Ok(sums)
}

fn markdown(stored: &StoredFolder) -> Result<Vec<u8>, ExportError> {
    let first = &stored.points[0];
    let names: Vec<String> = told_apart(first).into_iter().map(|(name, _)| name).collect();
    let mut out = String::new();
    let columns =
        ["runs", "offered, tx/s", "goodput, tx/s", "reply p50, ms", "p99, ms", "p99.9, ms", "SLO met", "what binds"];
    let header: Vec<&str> = names.iter().map(String::as_str).chain(columns).collect();
    line(&mut out, &header);
    line(&mut out, &vec!["---"; header.len()]);
    for cell in cells(stored) {
        let mean = |value: fn(&Summary) -> f64| {
            let values: Vec<f64> = cell.iter().map(|point| value(&point.summary)).collect();
            Estimate::of(&values).map(estimate).unwrap_or_default()
        };
        let histograms = merged(cell)?;
        let reply = histograms.get(Definition::SubmitToReply.name()).filter(|reply| !reply.is_empty());
        let quantile = |q| reply.map(|reply| format!("{:.0}", reply.value_at_quantile(q) as f64 / 1e3));
        let met = cell.iter().filter(|point| point.summary.meets_slos()).count();
        let mut row: Vec<String> = told_apart(&cell[0]).into_iter().map(|(_, value)| value).collect();
        row.extend([cell.len().to_string(), mean(|run| run.offered_tps), mean(|run| run.goodput_tps)]);
        row.extend([0.5, 0.99, 0.999].map(|q| quantile(q).unwrap_or_default()));
        row.extend([format!("{met}/{}", cell.len()), cell[0].summary.binding_resource.clone()]);
        line(&mut out, &row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Ok(out.into_bytes())
}

fn estimate(estimate: Estimate) -> String {
    let half = estimate.half_width_95.map(|half| format!(" ± {half:.1}")).unwrap_or_default();
    format!("{:.1}{half}", estimate.mean)
}

fn line(out: &mut String, cells: &[&str]) {
    writeln!(out, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

/// One log: where there are several cells, what tells a cell apart goes before the definition.
fn hlog(stored: &StoredFolder) -> Result<Vec<u8>, ExportError> {
    let mut bytes = Vec::new();
    let mut serializer = V2Serializer::new();
    let builder = IntervalLogWriterBuilder::new();
    let mut writer = builder.begin_log_with(&mut bytes, &mut serializer).expect("writing to memory does not fail");
    let several = cells(stored).count() > 1;
    for cell in cells(stored) {
        let timing = &cell[0].manifest.timing;
        let at = |name: &str| timing.get(name).copied().unwrap_or_default().max(0.0);
        let (from, until) = (at("window_from_s"), at("window_until_s"));
        let (start, length) = (Duration::from_secs_f64(from), Duration::from_secs_f64((until - from).max(0.0)));
        let prefix: String = match several {
            true => told_apart(&cell[0]).iter().map(|(key, value)| format!("{key}={value};")).collect(),
            false => String::new(),
        };
        for (tag, histogram) in merged(cell)? {
            // Values of keys may hold what a tag may not.
            let tag = format!("{prefix}{tag}").replace([',', ' ', '\r', '\n'], "_");
            let tag = Tag::new(&tag).expect("what a tag may not hold is replaced");
            let written = writer.write_histogram(&histogram, start, length, Some(tag));
            written.expect("writing to memory does not fail");
        }
    }
    Ok(bytes)
}
