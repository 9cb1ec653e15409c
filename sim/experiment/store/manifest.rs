//! What a point's folder holds and where it comes from, and the seal that tells whether a bit of that has changed.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Digest;
use crate::experiment::Summary;
use crate::scenario::Execution;

use super::{StoreError, io_at, json};

/// Hex digits of the seal.
const SEAL_DIGITS: usize = 64;
/// What follows the seal, which is the file's last word.
const END: &[u8] = b"\"\n}\n";

/// `manifest.json`: what a folder holds and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest<C = Value> {
    /// Version of the folder's layout.
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Commit the tool was built from.
    pub git_commit: String,
    /// The scenario's name.
    pub scenario: String,
    /// The ordering protocol.
    pub protocol: String,
    /// The dissemination layer.
    pub dissemination: String,
    /// The seed.
    pub seed: u64,
    /// One digest of all inputs.
    pub inputs: Digest,
    /// The outcome's digest.
    pub digest: Digest,
    /// The measured window: `window_from_s`, `window_until_s`.
    pub timing: BTreeMap<String, f64>,
    /// The scenario as it was run.
    pub configuration: C,
    /// Where costs come from.
    pub cost_provenance: String,
    /// BLAKE3 of every file beside this one.
    pub files: BTreeMap<String, Digest>,
    /// BLAKE3 of this file as it is with zeros here: whoever reads it without its scenario sees if a bit has changed.
    pub seal: Digest,
}

impl<C: Serialize> Manifest<C> {
    /// The file, sealed: `self` has zeros there.
    pub(super) fn sealed(&self) -> Vec<u8> {
        let mut bytes = json(self);
        let seal = Digest::of(&bytes).to_string();
        let digits = seal_in(&bytes).expect("a manifest ends with its seal");
        bytes[digits].copy_from_slice(seal.as_bytes());
        bytes
    }
}

impl Manifest {
    /// Reads it, if it is as it was written.
    pub(super) fn read(path: &Path) -> Result<Manifest, StoreError> {
        let bytes = fs::read(path).map_err(io_at(path))?;
        let found: Manifest =
            serde_json::from_slice(&bytes).map_err(|source| StoreError::Malformed { path: path.into(), source })?;
        if is_sealed(&bytes) { Ok(found) } else { Err(StoreError::Corrupt { path: path.into() }) }
    }

    /// Whether `summary` is of the point that this is of.
    pub(super) fn is_of(&self, summary: &Summary) -> bool {
        let ours = (self.digest, self.seed, &self.scenario, &self.protocol, &self.dissemination);
        ours == (summary.digest, summary.seed, &summary.scenario, &summary.protocol, &summary.dissemination)
    }
}

/// What every other word of a manifest follows from, and the hashes of its files.
#[derive(Debug, Deserialize)]
pub(super) struct Decisive {
    pub schema_version: u32,
    pub tool_version: String,
    pub git_commit: String,
    pub inputs: Digest,
    pub digest: Digest,
    configuration: Configuration,
    /// No input: a price is the same wherever it is from.
    pub cost_provenance: String,
    pub files: BTreeMap<String, Digest>,
}

#[derive(Debug, Deserialize)]
struct Configuration {
    crypto: Crypto,
}

#[derive(Debug, Deserialize)]
struct Crypto {
    execution: Execution,
}

impl Decisive {
    /// Whether cryptography was executed, which is no input either: the outcome does not depend on it.
    pub fn execution(&self) -> Execution {
        self.configuration.crypto.execution
    }
}

/// Where the seal is.
fn seal_in(bytes: &[u8]) -> Option<Range<usize>> {
    let end = bytes.strip_suffix(END)?.len();
    Some(end.checked_sub(SEAL_DIGITS)?..end)
}

/// Whether the seal is that of all other bytes.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    let Some(digits) = seal_in(bytes) else { return false };
    let mut unsealed = bytes.to_vec();
    unsealed[digits.clone()].fill(b'0');
    Digest::of(&unsealed).to_string().as_bytes() == &bytes[digits]
}
