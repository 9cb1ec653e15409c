//! The committed file: the gate's cases, and what each came to when somebody last approved of it.
//!
//! It holds nothing of a host, and its keys are sorted: blessing the same code twice writes the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Digest;
use crate::experiment::store::{folder_of, json, place_file};

use super::{Measured, RegressError};

/// Version of the file.
const SCHEMA_VERSION: u32 = 1;

/// The cases of a baseline that is made anew: name, scenario, and what is different from it.
const USUAL: [(&str, &str, &[&str]); 6] = [
    ("bullshark-certified", "regional.toml", &["consensus.protocol=bullshark"]),
    ("jolteon-certified", "regional.toml", &["consensus.protocol=jolteon", "consensus.dissemination=certified"]),
    ("jolteon-quick", "quick.toml", &["world.hospitals=60", "world.load_tps=400"]),
    ("mysticeti", "regional.toml", &["consensus.protocol=mysticeti"]),
    ("pbft", "regional.toml", &["consensus.protocol=pbft", "consensus.replicas=7"]),
    ("raft-lossy", "regional.toml", &["consensus.protocol=raft", "link.loss_percent=1"]),
];
/// How long those are run.
const SHORT: [&str; 3] = ["run.warm_up_s=1", "run.window_s=3", "run.drain_s=5"];

/// What the cases came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of the file.
    pub schema_version: u32,
    /// By name.
    pub cases: BTreeMap<String, Case>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The scenario's file, from the folder that the baseline is in.
    pub scenario: PathBuf,
    /// Overrides, `key=value`.
    #[serde(default)]
    pub settings: Vec<String>,
    /// What was approved of; nothing where the case was written by hand and not blessed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blessed: Option<Blessed>,
}

/// What was approved of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blessed {
    /// The digest of all inputs.
    pub inputs: Digest,
    /// The outcome's digest.
    pub digest: Digest,
    /// Work done: events, allocations.
    pub counters: BTreeMap<String, u64>,
    /// Figures of virtual time.
    pub metrics: BTreeMap<String, f64>,
}

/// Of a baseline of another version, what blessing needs.
#[derive(Deserialize)]
struct Outline {
    cases: BTreeMap<String, CaseOutline>,
}

/// Of its cases too.
#[derive(Deserialize)]
struct CaseOutline {
    scenario: PathBuf,
    #[serde(default)]
    settings: Vec<String>,
}

impl Baseline {
    /// Cases for a baseline that is made anew, none of them blessed. `workloads` is the way from the baseline's folder
    /// to that of the shipped scenarios.
    pub fn usual(workloads: &Path) -> Baseline {
        let case = |&(name, scenario, settings): &(&str, &str, &[&str])| {
            let settings = settings.iter().chain(&SHORT).map(|setting| setting.to_string()).collect();
            (name.to_string(), Case { scenario: workloads.join(scenario), settings, blessed: None })
        };
        Baseline { schema_version: SCHEMA_VERSION, cases: USUAL.iter().map(case).collect() }
    }

    /// Reads a baseline to compare with.
    pub fn read(path: &Path) -> Result<Baseline, RegressError> {
        let (text, found) = Baseline::open(path)?;
        if found != u64::from(SCHEMA_VERSION) {
            return Err(RegressError::Schema { path: path.into(), found, known: SCHEMA_VERSION });
        }
        let baseline: Baseline = serde_json::from_str(&text).map_err(|error| malformed(path, error))?;
        baseline.checked(path)
    }

    /// Reads the cases of a baseline that is to be blessed, of whatever version.
    pub fn read_cases(path: &Path) -> Result<Baseline, RegressError> {
        let (text, found) = Baseline::open(path)?;
        if found == u64::from(SCHEMA_VERSION) {
            return Baseline::read(path);
        }
        let outline: Outline = serde_json::from_str(&text).map_err(|error| malformed(path, error))?;
        let case = |CaseOutline { scenario, settings }| Case { scenario, settings, blessed: None };
        let cases = outline.cases.into_iter().map(|(name, outline)| (name, case(outline))).collect();
        Baseline { schema_version: SCHEMA_VERSION, cases }.checked(path)
    }

    /// The text of the file, and its version.
    fn open(path: &Path) -> Result<(String, u64), RegressError> {
        let text = fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RegressError::Missing(path.into()),
            io::ErrorKind::InvalidData => malformed(path, "it is no text"),
            _ => RegressError::Unreadable { path: path.into(), source },
        })?;
        let value: Value = serde_json::from_str(&text).map_err(|error| malformed(path, error))?;
        let version = value.get("schema_version").and_then(Value::as_u64);
        Ok((text, version.ok_or_else(|| malformed(path, "it has no `schema_version`"))?))
    }

    fn checked(self, path: &Path) -> Result<Baseline, RegressError> {
        if self.cases.is_empty() { Err(malformed(path, "it has no cases")) } else { Ok(self) }
    }

    /// Approves of what was measured, a case each, in order.
    pub fn bless(&mut self, measured: &[Measured]) {
        for (case, measured) in self.cases.values_mut().zip(measured) {
            case.blessed = Some(measured.blessed());
        }
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), RegressError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| malformed(path, "it names no file"))?;
        place_file(folder_of(path), name, &json(self))?;
        Ok(())
    }
}

fn malformed(path: &Path, what: impl ToString) -> RegressError {
    RegressError::Malformed { path: path.into(), what: what.to_string() }
}
