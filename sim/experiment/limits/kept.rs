//! A finished search in its folder: probes, what was found, and a manifest with the hash of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Digest;
use crate::experiment::plan::{Build, Planned};
use crate::experiment::store::{MANIFEST_FILE, checked, io_at, json, parsed, place, probes_csv, write_all};
use crate::experiment::{Found, LimitSummary, StoreError};

/// Version of the folder's layout.
const SCHEMA_VERSION: u32 = 1;
const LIMIT_FILE: &str = "limit.json";
const PROBES_FILE: &str = "probes.csv";

/// `manifest.json`: what a search was made of, and the hash of each file beside this one.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Manifest {
    schema_version: u32,
    #[serde(flatten)]
    build: Build,
    scenario: String,
    seed: u64,
    /// One digest of all inputs.
    inputs: Digest,
    /// The scenario as it was searched, but for load and phases.
    configuration: Value,
    cost_provenance: String,
    /// BLAKE3.
    files: BTreeMap<String, Digest>,
}

impl Manifest {
    fn new(point: &Planned, build: &Build, files: BTreeMap<String, Digest>) -> Manifest {
        Manifest {
            schema_version: SCHEMA_VERSION,
            build: build.clone(),
            scenario: point.scenario.file.name.clone(),
            seed: point.entry.seed,
            inputs: point.inputs,
            configuration: serde_json::to_value(point.scenario.configuration()).expect("a scenario is plain data"),
            cost_provenance: point.scenario.costs.provenance.clone(),
            files,
        }
    }
}

/// What a manifest says of the files beside it.
#[derive(Deserialize)]
struct Claims {
    files: BTreeMap<String, Digest>,
}

/// Keeps what a search found in a folder of searches, whole or not at all.
pub(super) fn keep(parent: &Path, point: &Planned, build: &Build, found: &Found) -> Result<(), StoreError> {
    let files = [
        (PROBES_FILE.to_string(), probes_csv(&found.probes)),
        (LIMIT_FILE.to_string(), json(&found.summary(&point.scenario))),
    ];
    let hashes = files.iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect();
    let manifest = (MANIFEST_FILE.to_string(), json(&Manifest::new(point, build, hashes)));
    let fill = |folder: &Path| {
        write_all(folder, &files)?;
        write_all(folder, &[manifest])
    };
    // Whoever makes the same search at the same time writes the same bytes.
    place(parent, &point.entry.id, fill, |folder| recall(folder, point, build).is_ok())?;
    Ok(())
}

/// Reads what a search found, if it is exactly what this build keeps of such inputs: every file has its hash, and every
/// word of the manifest is as it would be written.
pub(super) fn recall(folder: &Path, point: &Planned, build: &Build) -> Result<LimitSummary, StoreError> {
    let path = folder.join(MANIFEST_FILE);
    let manifest = fs::read(&path).map_err(io_at(&path))?;
    let Claims { files } =
        serde_json::from_slice(&manifest).map_err(|source| StoreError::Malformed { path: path.clone(), source })?;
    let read = checked(folder, &files)?;
    let whole = files.keys().map(String::as_str).eq([LIMIT_FILE, PROBES_FILE]);
    if whole && manifest == json(&Manifest::new(point, build, files)) {
        parsed(folder, LIMIT_FILE, &read)
    } else {
        Err(StoreError::Foreign { path })
    }
}
