//! Reads a ledger's file and checks every bit of it; says who looked at a patient's data, with proofs.
//!
//! Bodies are hashed to their ids, ids to their block's root, headers to the chain. What does not hang together is named:
//! the block, and where it can be told the transaction, its hospital, its kind and the patient it is about.

mod block;
mod error;
mod line;

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, HospitalId, Time};
use crate::health::{AccessCall, Call, Category, Patient, Purpose};
use crate::ledger::TxNumber;

use super::ledger::{BlockLine, Closing, Inclusion, Opening, VERSION, verdict_leaf, verdict_name};
use block::Checked;
use line::{Lines, malformed, parse};

pub use error::{AuditError, Breach, Suspect};

/// What a ledger holds, all of it checked.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Blocks.
    pub blocks: u64,
    /// Transactions in effect.
    pub transactions: u64,
    /// Of them, records anchored, amended or forgotten, refused ones included.
    pub records: u64,
    /// Of them, looks at patients' data, refused ones included.
    pub looks: u64,
    /// The last header's digest.
    pub head: Digest,
    /// The root of the contracts' rows in it.
    pub state_root: Digest,
    kinds: Vec<String>,
    /// Looks at each patient's data. Memory: about 20 bytes for each patient with one.
    looked_at: BTreeMap<Patient, u64>,
    asked: Option<Asked>,
}

/// What is remembered of the blocks with looks at the patient who was asked for: 64 bytes for each of their transactions.
#[derive(Clone, Debug)]
struct Asked {
    patient: Patient,
    blocks: Vec<Remembered>,
}

#[derive(Clone, Debug)]
struct Remembered {
    height: u64,
    digest: Digest,
    roots: [Digest; 2],
    ids: Vec<Digest>,
    leaves: Vec<Digest>,
    looks: Vec<(usize, Checked)>,
}

/// A look at a patient's data, with proofs that verify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The transaction.
    pub number: TxNumber,
    /// When it was submitted, ns of virtual time.
    pub submitted_ns: u64,
    /// Who looked.
    pub hospital: HospitalId,
    /// What for.
    pub purpose: String,
    /// At what class of data.
    pub category: String,
    /// On whose authority: `custom` (the hospital's own patient), `consent`, `emergency`, or `none` where it was refused.
    pub authority: String,
    /// `done`, or why it was refused.
    pub verdict: String,
    /// The block's height.
    pub height: u64,
    /// The block's header.
    pub block: Digest,
    /// That the transaction is in the block.
    pub transaction: Inclusion,
    /// That the verdict is what the block says of it.
    pub decision: Inclusion,
}

impl Audit {
    /// Reads a ledger to its end and checks it; remembers who looked at the data of `patient`.
    pub fn read(from: impl BufRead, patient: Option<Patient>) -> Result<Audit, AuditError> {
        let mut lines = Lines::new(from);
        let opening: Opening = parse(1, lines.next()?.ok_or_else(|| malformed(1, "the file is empty"))?)?;
        if opening.version != VERSION {
            let what = format!("format version {}; this tool reads version {VERSION}", opening.version);
            return Err(malformed(1, &what));
        }
        if opening.computed() != opening.digest {
            return Err(Breach::of_line(1, "the opening line is not what its digest is of").into());
        }
        let Opening { scenario, seed, kinds, digest: head, .. } = opening;
        let asked = patient.map(|patient| Asked { patient, blocks: Vec::new() });
        let (blocks, transactions, records, looks, looked_at) = (0, 0, 0, 0, BTreeMap::new());
        let state_root = Digest::ZERO;
        let mut audit =
            Audit { scenario, seed, blocks, transactions, records, looks, head, state_root, kinds, looked_at, asked };
        while let Some(line) = lines.next()? {
            let number = audit.blocks + 2;
            if !line.starts_with(b"{\"height\":") {
                let closing: Closing = parse(number, line)?;
                audit.close(number, &closing)?;
                return match lines.next()? {
                    Some(_) => Err(malformed(number + 1, "there is more after the closing line")),
                    None => Ok(audit),
                };
            }
            audit.take(number, &parse(number, line)?)?;
        }
        Err(malformed(audit.blocks + 2, "the file ends before its closing line"))
    }

    fn take(&mut self, line: u64, block: &BlockLine) -> Result<(), AuditError> {
        let checked = block::check(line, block, (self.blocks + 1, self.head), &self.kinds)?;
        self.blocks += 1;
        self.head = block.digest;
        self.state_root = block.state_root;
        self.transactions += checked.len() as u64;
        for one in &checked {
            match one.call {
                Some(Call::Record(_)) => self.records += 1,
                Some(Call::Access(AccessCall::Look { patient, .. })) => {
                    self.looks += 1;
                    *self.looked_at.entry(patient).or_insert(0) += 1;
                }
                _ => {}
            }
        }
        if let Some(asked) = &mut self.asked {
            asked.remember(block, checked);
        }
        Ok(())
    }

    fn close(&self, line: u64, closing: &Closing) -> Result<(), AuditError> {
        let Audit { blocks, transactions, head, .. } = *self;
        if *closing != (Closing { blocks, transactions, head }) {
            let what = format!(
                "the closing line tells of {} blocks, {} transactions and head {}, where there are {blocks}, \
                 {transactions} and {head}",
                closing.blocks, closing.transactions, closing.head
            );
            return Err(Breach::of_line(line, &what).into());
        }
        Ok(())
    }

    /// Whose data were looked at most often: at most `most` patients and how often, the first of them most.
    pub fn most_looked_at(&self, most: usize) -> Vec<(Patient, u64)> {
        let mut all: Vec<(Patient, u64)> = self.looked_at.iter().map(|(patient, looks)| (*patient, *looks)).collect();
        all.sort_by_key(|&(patient, looks)| (std::cmp::Reverse(looks), patient));
        all.truncate(most);
        all
    }

    /// Who looked at the data of the patient that was asked for, in the order of the ledger, each proved anew. O(n) hashes
    /// for each look in a block of n transactions.
    pub fn answer(&self) -> Vec<Look> {
        let blocks = self.asked.iter().flat_map(|asked| &asked.blocks);
        blocks.flat_map(|block| block.looks.iter().map(|(index, checked)| block.look(*index, checked))).collect()
    }
}

impl Asked {
    fn remember(&mut self, block: &BlockLine, checked: Vec<Checked>) {
        let leaves = checked.iter().map(|one| verdict_leaf(one.number.0, one.verdict)).collect();
        let is_asked_for =
            |(_, one): &(usize, Checked)| one.look().is_some_and(|(patient, ..)| patient == self.patient);
        let looks: Vec<(usize, Checked)> = checked.into_iter().enumerate().filter(is_asked_for).collect();
        if !looks.is_empty() {
            let (height, digest) = (block.height, block.digest);
            let roots = [block.transactions_root, block.verdicts_root];
            self.blocks.push(Remembered { height, digest, roots, ids: block.ids(), leaves, looks });
        }
    }
}

impl Checked {
    fn look(&self) -> Option<(Patient, Purpose, Category)> {
        match self.call {
            Some(Call::Access(AccessCall::Look { patient, purpose, category })) => Some((patient, purpose, category)),
            _ => None,
        }
    }
}

/// On what a look that was done rests: glass that was broken, custom between a hospital and its own patients, or else a
/// consent.
fn authority(checked: &Checked, patient: Patient, purpose: Purpose) -> &'static str {
    match purpose {
        _ if checked.verdict.is_err() => "none",
        Purpose::Emergency => "emergency",
        Purpose::Treatment | Purpose::Payment if patient.home == checked.hospital => "custom",
        _ => "consent",
    }
}

impl Remembered {
    fn look(&self, index: usize, checked: &Checked) -> Look {
        let (patient, purpose, category) = checked.look().expect("only looks are remembered");
        let prove = |root, leaves| Inclusion::of(root, leaves, index).expect("the block's roots were checked");
        let Time(submitted_ns) = checked.submitted;
        Look {
            number: checked.number,
            submitted_ns,
            hospital: checked.hospital,
            purpose: purpose.name().into(),
            category: category.name().into(),
            authority: authority(checked, patient, purpose).into(),
            verdict: verdict_name(checked.verdict).into(),
            height: self.height,
            block: self.digest,
            transaction: prove(self.roots[0], &self.ids),
            decision: prove(self.roots[1], &self.leaves),
        }
    }
}
