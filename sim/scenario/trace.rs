//! Reads traces, and says when they are replayed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Digest, Time};
use crate::health::{ClassLoad, Timetable, TraceBuilder, TraceSettings};

use super::{Scenario, ScenarioError, WorldData};

/// Transactions of all copies together: beyond that, the timetable alone would need a gigabyte.
const MOST_TRANSACTIONS: u64 = 1 << 26;

impl WorldData {
    /// Reads a trace, a file or the `.ndjson` files of a folder, to be replayed as often; its bytes are data like any
    /// other and go into the digest. Its lines are told of by the name that the scenario has for it: results are the same
    /// from whichever folder it is run.
    pub(super) fn replay(&mut self, path: &Path, name: &str, copies: u32) -> Result<(), ScenarioError> {
        let inconsistent = |what: String| ScenarioError::Inconsistent { path: path.to_path_buf(), what };
        let taxonomy = self.kinds.iter().map(|kind| kind.name.as_str());
        let lacks = |kind| inconsistent(format!("tx_taxonomy.csv lacks the kind `{kind}`, which its lines may become"));
        let mut builder = TraceBuilder::new(taxonomy).map_err(lacks)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.digest.0);
        for file in files(path)? {
            let bytes = fs::read(&file).map_err(|source| ScenarioError::Unreadable { path: file.clone(), source })?;
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes);
            let name = match file.strip_prefix(path) {
                Ok(within) if within != Path::new("") => Path::new(name).join(within).display().to_string(),
                _ => name.to_string(),
            };
            builder.add(name, Arc::from(bytes));
        }
        let trace = builder.finish();
        if trace.entries.is_empty() {
            let first = trace.malformed.first().map(|line| format!("; {line}")).unwrap_or_default();
            return Err(inconsistent(format!("none of its lines is a transaction{first}")));
        }
        let transactions = trace.entries.len() as u64 * u64::from(copies);
        if transactions > MOST_TRANSACTIONS {
            let what = format!("{copies} copies are {transactions} transactions; {MOST_TRANSACTIONS} is the most");
            return Err(inconsistent(what));
        }
        self.digest = Digest(*hasher.finalize().as_bytes());
        self.trace = Some(Arc::new(trace));
        Ok(())
    }

    /// For whoever puts up with no malformed line of the trace: the first of them.
    pub fn strictly(&self) -> Result<(), ScenarioError> {
        let trace = self.trace.iter();
        let mut first = trace.flat_map(|trace| trace.malformed.first().map(|first| (first, trace.counts.malformed)));
        match first.next() {
            Some((first, count)) => Err(ScenarioError::BadTrace { first: first.clone(), count }),
            None => Ok(()),
        }
    }
}

/// The file, or the folder's `.ndjson` files by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, ScenarioError> {
    let unreadable = |source| ScenarioError::Unreadable { path: path.to_path_buf(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries: Result<Vec<fs::DirEntry>, _> = fs::read_dir(path).map_err(unreadable)?.collect();
    let mut files: Vec<PathBuf> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "ndjson"));
    files.sort();
    if files.is_empty() {
        let what = "the folder has no .ndjson file".into();
        return Err(ScenarioError::Inconsistent { path: path.to_path_buf(), what });
    }
    Ok(files)
}

impl Scenario {
    /// When the trace's entries are submitted, if there is one.
    pub(super) fn timetable(&self, world: &WorldData, until: Time) -> Option<Arc<Timetable>> {
        let trace = world.trace.clone()?;
        let hours: Vec<[f64; 24]> = (0..world.kinds.len()).map(|kind| hours(world, kind)).collect();
        let settings = TraceSettings {
            seed: self.file.seed,
            times: self.file.workload.times,
            copies: self.file.workload.copies,
            until,
            hours: &hours,
        };
        Some(Arc::new(Timetable::new(trace, &settings)))
    }
}

/// The hours of a kind: those of its class in the mix, or of a class of its family; else all are alike.
fn hours(world: &WorldData, kind: usize) -> [f64; 24] {
    let family = |kind: usize| world.kinds[kind].name.split('.').next();
    let has = |class: &ClassLoad, fits: &dyn Fn(usize) -> bool| class.kinds.iter().any(|&(kind, _)| fits(kind));
    let exact = world.loads.iter().find(|class| has(class, &|other| other == kind));
    let alike = || world.loads.iter().find(|class| has(class, &|other| family(other) == family(kind)));
    exact.or_else(alike).map_or([1.0; 24], |class| class.diurnal)
}
