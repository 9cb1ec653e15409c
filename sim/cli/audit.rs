//! `systole audit`.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::base::{Digest, HospitalId};
use crate::experiment::{Audit, AuditError, LEDGER_FILE, Look, Store, StoreError};
use crate::health::Patient;
use crate::report::line;

use super::args::{AuditArgs, Voice};
use super::exit::Failure;
use super::table::grouped;
use super::{print, print_json};

/// Patients with most looks who are named.
const NAMED: usize = 5;

/// What an audit found, as `--json` prints it.
#[derive(Serialize)]
struct Answer {
    ledger: PathBuf,
    scenario: String,
    seed: u64,
    blocks: u64,
    transactions: u64,
    records: u64,
    looks: u64,
    head: Digest,
    state_root: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
    /// Of the patient that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_at_by: Option<Vec<Look>>,
    /// Patients with most looks, where nobody was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    most_looked_at: Vec<MostLookedAt>,
    /// Wall time to read and check the ledger, s.
    scan_s: f64,
    /// Wall time to prove the answer, s.
    proofs_s: f64,
}

#[derive(Serialize)]
struct MostLookedAt {
    patient: String,
    looks: u64,
}

/// Reads `HOSPITAL:NUMBER`.
pub(super) fn patient(text: &str) -> Result<Patient, String> {
    let parse = || {
        let (home, number) = text.split_once(':')?;
        Some(Patient { home: HospitalId(home.parse().ok()?), number: number.parse().ok()? })
    };
    parse().ok_or_else(|| "a patient is HOSPITAL:NUMBER, two whole numbers as `systole audit` prints them".into())
}

fn named(patient: Patient) -> String {
    format!("{}:{}", patient.home.0, patient.number)
}

/// Checks a ledger, and says who looked at a patient's data.
pub(super) fn audit(args: &AuditArgs, voice: Voice) -> Result<(), Failure> {
    let folder = args.ledger.is_dir().then_some(args.ledger.as_path());
    let path = folder.map_or_else(|| args.ledger.clone(), |folder| folder.join(LEDGER_FILE));
    let started = Instant::now();
    let file = File::open(&path).map_err(|error| unreadable(&path, &error, folder.is_some()))?;
    let audit = Audit::read(BufReader::new(file), args.patient).map_err(|error| failed(&path, &error))?;
    if let Some(folder) = folder {
        listed(folder, &path)?;
    }
    let scan_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let looked_at_by = args.patient.is_some().then(|| audit.answer());
    let proofs_s = started.elapsed().as_secs_f64();
    let most = if args.patient.is_some() { Vec::new() } else { audit.most_looked_at(NAMED) };
    let answer = Answer {
        ledger: path,
        patient: args.patient.map(named),
        looked_at_by,
        most_looked_at: most.into_iter().map(|(who, looks)| MostLookedAt { patient: named(who), looks }).collect(),
        scenario: audit.scenario,
        seed: audit.seed,
        blocks: audit.blocks,
        transactions: audit.transactions,
        records: audit.records,
        looks: audit.looks,
        head: audit.head,
        state_root: audit.state_root,
        scan_s,
        proofs_s,
    };
    if voice.json { print_json(&answer) } else { print(&text(&answer)) }
}

fn unreadable(path: &Path, error: &std::io::Error, in_folder: bool) -> Failure {
    let hint = if in_folder { "; `systole run --ledger` writes one" } else { "" };
    Failure::Runtime(format!("{}: {error}{hint}", path.display()))
}

fn failed(path: &Path, error: &AuditError) -> Failure {
    let message = format!("{}: {error}", path.display());
    match error {
        AuditError::Broken(_) => Failure::Broken(message),
        AuditError::Read(_) | AuditError::Malformed { .. } => Failure::Runtime(message),
    }
}

/// A ledger that hangs together may still be another than the one that was written: the folder's manifest has its hash.
fn listed(folder: &Path, ledger: &Path) -> Result<(), Failure> {
    match Store::read(folder) {
        Err(StoreError::Corrupt { path }) if path == ledger => Err(Failure::Broken(format!(
            "{}: hangs together, but is not the ledger whose hash is in manifest.json",
            path.display()
        ))),
        read => {
            let (manifest, _) = read?;
            let is_listed = manifest.files.contains_key(LEDGER_FILE);
            let unknown = || Failure::Broken(format!("{}: manifest.json lists no such file", ledger.display()));
            is_listed.then_some(()).ok_or_else(unknown)
        }
    }
}

fn text(answer: &Answer) -> String {
    let mut out = String::new();
    let Answer { scenario, seed, blocks, transactions, records, looks, head, state_root, scan_s, .. } = answer;
    let [blocks, transactions, records, looks] = [blocks, transactions, records, looks].map(|&n| grouped(n as f64));
    line!(out, "{scenario}, seed {seed}: every id, root, header and verdict is as it was written");
    line!(out, "blocks       {blocks:>12}");
    line!(out, "transactions {transactions:>12}");
    line!(out, "records      {records:>12} anchored, amended or forgotten, refused ones included");
    line!(out, "looks        {looks:>12} at patients' data, refused ones included");
    line!(out, "head         {head}");
    line!(out, "state root   {state_root}");
    line!(out, "checked in   {scan_s:>12.3} s");
    line!(out);
    match (&answer.patient, &answer.looked_at_by) {
        (Some(patient), Some(looks)) => of_patient(&mut out, patient, looks, answer.proofs_s),
        _ => {
            for MostLookedAt { patient, looks } in &answer.most_looked_at {
                line!(out, "looked at {looks:>5} times: --patient {patient}");
            }
        }
    }
    out
}

fn of_patient(out: &mut String, patient: &str, looks: &[Look], proofs_s: f64) {
    line!(out, "patient {patient}: {} looks", looks.len());
    if !looks.is_empty() {
        line!(
            out,
            "  submitted, s  hospital  purpose    category    authority  verdict             transaction   block  proof"
        );
    }
    for look in looks {
        let Look { number, submitted_ns, hospital, purpose, category, authority, verdict, height, transaction, .. } =
            look;
        let (at_s, hospital, hashes) = (*submitted_ns as f64 / 1e9, hospital.0, transaction.siblings.len());
        line!(
            out,
            "{at_s:>14.6} {hospital:>9}  {purpose:<9}  {category:<10}  {authority:<9}  {verdict:<17}{:>14} {height:>7}  {hashes} hashes",
            number.0
        );
    }
    line!(out, "proved in    {proofs_s:>12.6} s; each transaction and verdict is in its block");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_are_read_as_they_are_printed() {
        let who = Patient { home: HospitalId(12), number: 345 };
        assert_eq!(patient(&named(who)), Ok(who));
        for odd in ["12", "12:", ":3", "a:b", "-1:2", "1:2:3", "4294967296:1"] {
            assert!(patient(odd).is_err(), "{odd}");
        }
    }
}
