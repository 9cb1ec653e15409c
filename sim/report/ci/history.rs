//! `history.jsonl`: a line for each run of the gate, oldest first.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::experiment::regress::{CaseVerdict, Change, Host, Row, Verdict};
use crate::experiment::{Build, StoreError};
use crate::report::ReportError;

/// Its name.
const HISTORY_FILE: &str = "history.jsonl";
/// Version of a line.
const SCHEMA_VERSION: u32 = 1;
/// How many earlier runs a wall time is compared with.
const RECENT: usize = 10;

/// One run of the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Version of the line.
    pub schema_version: u32,
    /// Who ran it, and when.
    #[serde(flatten)]
    pub host: Host,
    /// Which build.
    #[serde(flatten)]
    pub build: Build,
    /// Whether everything was as blessed.
    pub passed: bool,
    /// The gravest change.
    pub change: Change,
    /// By name.
    pub cases: BTreeMap<String, HistoryCase>,
}

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryCase {
    /// The digest of its inputs.
    pub inputs: Digest,
    /// The outcome's digest.
    pub digest: Digest,
    /// Figures of virtual time.
    pub metrics: BTreeMap<String, f64>,
    /// Work done.
    pub counters: BTreeMap<String, f64>,
    /// The faster run, s.
    pub wall_s: f64,
    /// What was between A and A', percent.
    pub noise_percent: f64,
}

impl HistoryLine {
    fn of(verdict: &Verdict) -> HistoryLine {
        let values = |rows: &[Row]| rows.iter().filter_map(|row| Some((row.name.clone(), row.measured?))).collect();
        let of_case = |case: &CaseVerdict| HistoryCase {
            inputs: case.inputs,
            digest: case.digest,
            metrics: values(&case.metrics),
            counters: values(&case.counters),
            wall_s: case.wall.fastest_s(),
            noise_percent: case.wall.noise_percent,
        };
        HistoryLine {
            schema_version: SCHEMA_VERSION,
            host: verdict.host.clone(),
            build: verdict.build.clone(),
            passed: verdict.passed,
            change: verdict.change,
            cases: verdict.cases.iter().map(|case| (case.name.clone(), of_case(case))).collect(),
        }
    }
}

/// Appends a line for `verdict` to the history in `folder`, in one write; returns the file.
pub fn append_history(folder: &Path, verdict: &Verdict) -> Result<PathBuf, ReportError> {
    let path = folder.join(HISTORY_FILE);
    let line = serde_json::to_string(&HistoryLine::of(verdict)).expect("a verdict is plain data") + "\n";
    let append = || {
        // Where a killed process left half a line, ours begins behind it.
        let torn = read(&path)?.is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
        let line = if torn { format!("\n{line}") } else { line.clone() };
        OpenOptions::new().create(true).append(true).open(&path)?.write_all(line.as_bytes())
    };
    append().map_err(|source| ReportError::Unwritable(StoreError::Io { path: path.clone(), source }))?;
    Ok(path)
}

/// Of the last ten runs on a host like `host` with such a build, by case: seconds, and percent of noise. Lines that are
/// none of ours are passed over: wall time is advice.
pub fn earlier_walls(folder: &Path, host: &Host) -> Result<BTreeMap<String, Vec<(f64, f64)>>, ReportError> {
    let path = folder.join(HISTORY_FILE);
    let text = read(&path).map_err(|source| ReportError::Unreadable { path: path.clone(), source })?;
    let text = text.unwrap_or_default();
    let lines = text.lines().rev().filter_map(|line| serde_json::from_str::<HistoryLine>(line).ok());
    let mut walls: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines.filter(|line| line.host.is_like(host)).take(RECENT) {
        for (name, case) in line.cases {
            walls.entry(name).or_default().push((case.wall_s, case.noise_percent));
        }
    }
    Ok(walls)
}

/// The file's text, if it is there; what is no text is no line of ours.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
