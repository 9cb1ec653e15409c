//! The result store: `results/<scenario>/<point>/`. A point is present and valid, or absent.
//!
//! Files are written into a temporary folder beside their place, synced, and the folder renamed; a reader checks every
//! file against the hash in the manifest.

mod manifest;
mod place;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::base::{Digest, Span};
use crate::engine::{Archive, Setup, Timing};
use crate::metrics::{Definition, Series};
use crate::scenario::{Scenario, ScenarioFile};

use super::ledger::{self, LEDGER_FILE};
use super::{Held, LimitSummary, Point, Probe, Summary};

pub use manifest::Manifest;
use manifest::{Decisive, is_sealed};
pub(super) use place::{Placed, beside, folder_of, io_at, place, place_new_file, sweep_up, write_all};
pub use place::{place_file, write_whole};

/// Version of the folder's layout.
const SCHEMA_VERSION: u32 = 2;
/// What says what a folder holds.
pub const MANIFEST_FILE: &str = "manifest.json";
/// What a point measured.
const SUMMARY_FILE: &str = "summary.json";
/// What a point's manifest lists where no ledger is kept, by name.
const POINT_FILES: [&str; 3] = ["latency.hlog", "series.csv", SUMMARY_FILE];
/// Hex digits of the inputs' digest in a folder's name.
const NAME_DIGITS: usize = 16;

/// Why a result cannot be kept or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("{}: does not match the hash in manifest.json; run the point again", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
    },
    /// A point is whole, but not what was to be found there.
    #[error("{}: this is not what this build writes of that point; run it again", path.display())]
    Foreign {
        /// Its manifest.
        path: PathBuf,
    },
    /// A file is no JSON of its kind.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
}

/// A results folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    git_commit: String,
}

impl Store {
    /// The store below `root`; `git_commit` goes into manifests.
    pub fn new(root: &Path, git_commit: &str) -> Store {
        Store { root: root.to_path_buf(), git_commit: git_commit.to_string() }
    }

    /// Keeps a point below its scenario's name; returns its folder.
    pub fn keep(&self, scenario: &Scenario, point: &Point, summary: &Summary) -> Result<PathBuf, StoreError> {
        let parent = self.root.join(&scenario.file.name);
        self.keep_in(&parent, scenario, point, summary, |_| false)?;
        Ok(parent.join(point_id(&point.inputs)))
    }

    /// Keeps a point in a folder of points, unless one is there that `stays`.
    pub(super) fn keep_in(
        &self,
        parent: &Path,
        scenario: &Scenario,
        point: &Point,
        summary: &Summary,
        stays: impl Fn(&Path) -> bool,
    ) -> Result<Placed, StoreError> {
        let files = [
            (SUMMARY_FILE.to_string(), json(summary)),
            ("latency.hlog".to_string(), latency_log(point)),
            ("series.csv".to_string(), series_csv(&point.outcome.series)),
        ];
        let fill = |folder: &Path| {
            write_all(folder, &files)?;
            let hash = |(name, bytes): &(String, Vec<u8>)| (name.clone(), Digest::of(bytes));
            let mut hashes: BTreeMap<String, Digest> = files.iter().map(hash).collect();
            if let Some(archive) = &point.outcome.archive {
                let hash = write_ledger(folder, &scenario.file.name, &point.setup, archive)?;
                hashes.insert(LEDGER_FILE.into(), hash);
            }
            let manifest = self.manifest(scenario, point.inputs, point.outcome.digest, point.setup.timing, hashes);
            write_all(folder, &[(MANIFEST_FILE.into(), manifest.sealed())])
        };
        place(parent, &point_id(&point.inputs), fill, stays)
    }

    /// Keeps a search; returns its folder.
    pub fn keep_limit(
        &self,
        scenario: &Scenario,
        inputs: Digest,
        probes: &[Probe],
        found: Option<&LimitSummary>,
    ) -> Result<PathBuf, StoreError> {
        let mut files = vec![("probes.csv".to_string(), probes_csv(probes))];
        files.extend(found.map(|found| ("limit.json".to_string(), json(found))));
        let name = format!("limit-{}", point_id(&inputs));
        let parent = self.root.join(&scenario.file.name);
        place(&parent, &name, |folder| write_all(folder, &files), |_| false)?;
        Ok(parent.join(name))
    }

    /// Reads a point's manifest and summary, after checking every file.
    pub fn read(folder: &Path) -> Result<(Manifest, Summary), StoreError> {
        let manifest = Manifest::read(&folder.join(MANIFEST_FILE))?;
        for (name, hash) in &manifest.files {
            let path = folder.join(name);
            if digest_of(&path)? != *hash {
                return Err(StoreError::Corrupt { path });
            }
        }
        let summary: Summary = parse(&folder.join(SUMMARY_FILE))?;
        match manifest.is_of(&summary) {
            true => Ok((manifest, summary)),
            false => Err(StoreError::Foreign { path: folder.join(MANIFEST_FILE) }),
        }
    }

    /// Reads a point that was kept without its ledger in `folder`, if it is exactly what this build keeps of such inputs:
    /// every file has its hash, the manifest its seal, and what all of its words follow from is as it would be written.
    pub(super) fn recall<H: Held>(&self, folder: &Path, scenario: &Scenario, inputs: Digest) -> Result<H, StoreError> {
        let path = folder.join(MANIFEST_FILE);
        let manifest = fs::read(&path).map_err(io_at(&path))?;
        let found: Decisive =
            serde_json::from_slice(&manifest).map_err(|source| StoreError::Malformed { path: path.clone(), source })?;
        if !self.is_of(&found, scenario, inputs) {
            return Err(StoreError::Foreign { path });
        }
        if !is_sealed(&manifest) {
            return Err(StoreError::Corrupt { path });
        }
        let held: H = parsed(folder, SUMMARY_FILE, &checked(folder, &found.files)?)?;
        if held.digest() == found.digest { Ok(held) } else { Err(StoreError::Foreign { path }) }
    }

    /// Whether this build would say the same of a point with these inputs.
    fn is_of(&self, found: &Decisive, scenario: &Scenario, inputs: Digest) -> bool {
        let build = (found.schema_version, found.tool_version.as_str(), found.git_commit.as_str());
        build == (SCHEMA_VERSION, env!("CARGO_PKG_VERSION"), self.git_commit.as_str())
            && found.inputs == inputs
            && found.execution() == scenario.file.crypto.execution
            && found.cost_provenance == scenario.costs.provenance
            && found.files.keys().map(String::as_str).eq(POINT_FILES)
    }

    fn manifest(
        &self,
        scenario: &Scenario,
        inputs: Digest,
        digest: Digest,
        timing: Timing,
        files: BTreeMap<String, Digest>,
    ) -> Manifest<ScenarioFile> {
        let window = timing.window();
        let timing = [("window_from_s", window.from), ("window_until_s", window.until)];
        Manifest {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            git_commit: self.git_commit.clone(),
            scenario: scenario.file.name.clone(),
            protocol: scenario.file.consensus.protocol.name().into(),
            dissemination: scenario.file.layer().name().into(),
            seed: scenario.file.seed,
            inputs,
            digest,
            timing: timing.map(|(name, at)| (name.to_string(), at.as_secs_f64())).into(),
            configuration: scenario.configuration(),
            cost_provenance: scenario.costs.provenance.clone(),
            files,
            seal: Digest::ZERO,
        }
    }
}

/// A row for each probe, in the order in which they were made.
pub(super) fn probes_csv(probes: &[Probe]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for probe in probes {
        writer.serialize(probe).expect("a probe is a flat row");
    }
    writer.into_inner().expect("writing to memory does not fail")
}

/// The id of the point that follows from `inputs`: the name of its folder.
pub fn point_id(inputs: &Digest) -> String {
    inputs.to_string()[..NAME_DIGITS].to_string()
}

/// Whether a folder is called as those of points are.
pub(super) fn is_point_id(name: &str) -> bool {
    name.len() == NAME_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes the ledger without holding it in memory; returns the file's hash.
fn write_ledger(folder: &Path, scenario: &str, setup: &Setup, archive: &Archive) -> Result<Digest, StoreError> {
    let path = folder.join(LEDGER_FILE);
    let mut file = io::BufWriter::new(fs::File::create(&path).map_err(io_at(&path))?);
    let written = ledger::write(scenario, setup, archive, &mut file).and_then(|()| file.flush());
    written.and_then(|()| file.get_ref().sync_all()).map_err(io_at(&path))?;
    digest_of(&path)
}

/// BLAKE3 of a file, read piece by piece.
pub(super) fn digest_of(path: &Path) -> Result<Digest, StoreError> {
    let mut hasher = blake3::Hasher::new();
    let file = fs::File::open(path).map_err(io_at(path))?;
    hasher.update_reader(file).map_err(io_at(path))?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Reads files of a folder, each of which has its hash.
pub(super) fn checked(
    folder: &Path,
    files: &BTreeMap<String, Digest>,
) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let read = |(name, hash): (&String, &Digest)| {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(io_at(&path))?;
        if Digest::of(&bytes) == *hash { Ok((name.clone(), bytes)) } else { Err(StoreError::Corrupt { path }) }
    };
    files.iter().map(read).collect()
}

/// What one of the files that were read holds.
pub(super) fn parsed<T: for<'de> Deserialize<'de>>(
    folder: &Path,
    name: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<T, StoreError> {
    serde_json::from_slice(&files[name]).map_err(|source| StoreError::Malformed { path: folder.join(name), source })
}

/// Names in a point's folder that are none of its files.
pub(super) fn strays(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_at(folder))? {
        let name = entry.map_err(io_at(folder))?.file_name().to_string_lossy().into_owned();
        if name != MANIFEST_FILE && !POINT_FILES.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, StoreError> {
    let bytes = fs::read(path).map_err(io_at(path))?;
    serde_json::from_slice(&bytes).map_err(|source| StoreError::Malformed { path: path.to_path_buf(), source })
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("results are plain data");
    bytes.push(b'\n');
    bytes
}

/// One interval, the window, for each definition, overall and by region, in microseconds.
fn latency_log(point: &Point) -> Vec<u8> {
    let (latencies, window) = (&point.outcome.latencies, point.setup.timing.window());
    let mut bytes = Vec::new();
    let mut serializer = V2Serializer::new();
    let builder = IntervalLogWriterBuilder::new();
    let mut writer = builder.begin_log_with(&mut bytes, &mut serializer).expect("writing to memory does not fail");
    let start = Duration::from_nanos(window.from.0);
    let length = Duration::from_nanos(window.length().0);
    let mut write = |tag: &str, histogram: &crate::metrics::LatencyHistogram| {
        let tag = Tag::new(tag).expect("names hold neither commas nor spaces");
        let written = writer.write_histogram(histogram.inner(), start, length, Some(tag));
        written.expect("writing to memory does not fail");
    };
    for definition in Definition::ALL {
        write(definition.name(), latencies.overall(definition));
    }
    for (index, region) in point.setup.regions.iter().enumerate() {
        for definition in Definition::ALL {
            write(&format!("{}.{region}", definition.name()), latencies.of_region(index, definition));
        }
    }
    bytes
}

fn series_csv(series: &Series) -> Vec<u8> {
    let step: Span = series.step();
    let mut text = String::from("time_s,offered_tps,throughput_tps,rejected_tps,reply_p50_ms,reply_p99_ms\n");
    for (index, point) in series.points().iter().enumerate() {
        let per_second = |count: u64| count as f64 / step.as_secs_f64();
        let quantile = |q: f64| match point.reply_us.is_empty() {
            true => String::new(),
            false => (point.reply_us.value_at_quantile(q) as f64 / 1e3).to_string(),
        };
        let row = [
            (step.as_secs_f64() * index as f64).to_string(),
            per_second(point.offered).to_string(),
            per_second(point.committed).to_string(),
            per_second(point.rejected).to_string(),
            quantile(0.5),
            quantile(0.99),
        ];
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text.into_bytes()
}
