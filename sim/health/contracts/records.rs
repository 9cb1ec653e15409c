//! Records: what is anchored is never rewritten. A correction supersedes it, and forgetting destroys the key without
//! which nothing links the anchors to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Decode, Input};
use crate::health::call::encode_calls;
use crate::health::{Case, Category, Patient, People, Refusal};

use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordCall {
    /// A record of a patient is anchored: the body holds the salted digest of the FHIR resource.
    Anchor {
        /// Names the record.
        case: Case,
        /// Whose.
        patient: Patient,
        /// Of what class.
        category: Category,
    },
    /// A record that was anchored is superseded by the one that this anchors (FHIR `Provenance` of a revision).
    Amend {
        /// The record.
        case: Case,
        /// Whose.
        patient: Patient,
    },
    /// The key under which a patient's anchors are salted is destroyed. The patient's key signs it.
    Erase {
        /// Whose.
        patient: Patient,
    },
}

encode_calls!(RecordCall {
    0 Anchor { case, patient, category }
    1 Amend { case, patient }
    2 Erase { patient }
});

impl Decode for RecordCall {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Some(match u8::decode(input)? {
            0 => RecordCall::Anchor {
                case: Decode::decode(input)?,
                patient: Decode::decode(input)?,
                category: Decode::decode(input)?,
            },
            1 => RecordCall::Amend { case: Decode::decode(input)?, patient: Decode::decode(input)? },
            2 => RecordCall::Erase { patient: Decode::decode(input)? },
            _ => return None,
        })
    }
}

/// What is on the ledger of a patient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchors {
    /// Anchors of records.
    pub count: u64,
    /// The bytes of the transactions that hold them.
    pub bytes: u64,
}

/// What forgetting left behind: it is on the ledger for good, and belongs to nobody that can be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residue {
    /// Patients who are forgotten.
    pub patients: u64,
    /// Their anchors.
    pub orphaned: Anchors,
}

/// The records of a run. Memory: 48 bytes for each record and each patient with one.
#[derive(Clone, Debug)]
pub(super) struct Records {
    people: Arc<People>,
    /// Whose each record is: what blocks hold anyway, found sooner.
    anchored: BTreeMap<Case, Patient>,
    of_patient: BTreeMap<Patient, Anchors>,
    /// How often each was amended.
    versions: Table<Case, u32>,
    erased: Table<Patient, u8>,
    /// Patients who ever had a record.
    patients: u64,
    residue: Residue,
}

impl Records {
    pub fn new(people: Arc<People>) -> Records {
        let (anchored, of_patient) = (BTreeMap::new(), BTreeMap::new());
        let (versions, erased) = (Table::new(3), Table::new(4));
        Records { people, anchored, of_patient, versions, erased, patients: 0, residue: Residue::default() }
    }

    pub fn execute(&mut self, signed: Signed, call: &RecordCall) -> Verdict {
        match *call {
            RecordCall::Anchor { case, patient, .. } => self.anchor(signed, case, patient),
            RecordCall::Amend { case, patient } => self.amend(signed, case, patient),
            RecordCall::Erase { patient } => self.erase(signed, patient),
        }
    }

    fn anchor(&mut self, signed: Signed, case: Case, patient: Patient) -> Verdict {
        self.people.own(patient, signed.by)?;
        self.reachable(patient)?;
        if self.anchored.contains_key(&case) {
            return Err(Refusal::DoneBefore);
        }
        self.anchored.insert(case, patient);
        self.note(signed, patient);
        Ok(())
    }

    fn amend(&mut self, signed: Signed, case: Case, patient: Patient) -> Verdict {
        self.people.own(patient, signed.by)?;
        self.reachable(patient)?;
        if self.anchored.get(&case) != Some(&patient) {
            return Err(Refusal::UnknownRecord);
        }
        let version = self.versions.get(&case).copied().unwrap_or(1);
        self.versions.put(case, version + 1);
        self.note(signed, patient);
        Ok(())
    }

    fn erase(&mut self, signed: Signed, patient: Patient) -> Verdict {
        self.people.own(patient, signed.by)?;
        self.reachable(patient)?;
        self.erased.put(patient, 1);
        let orphaned = self.of_patient.remove(&patient).unwrap_or_default();
        self.residue.patients += 1;
        self.residue.orphaned.count += orphaned.count;
        self.residue.orphaned.bytes += orphaned.bytes;
        Ok(())
    }

    fn note(&mut self, signed: Signed, patient: Patient) {
        let anchors = self.of_patient.entry(patient).or_default();
        self.patients += u64::from(anchors.count == 0);
        anchors.count += 1;
        anchors.bytes += u64::from(signed.bytes);
    }

    /// Whether the patient is one of the signing hospital.
    pub fn own(&self, patient: Patient, signed: Signed) -> Verdict {
        self.people.own(patient, signed.by)
    }

    /// Whether the patient's key is still there: without it, what is written and read belongs to nobody.
    pub fn reachable(&self, patient: Patient) -> Verdict {
        if self.erased.contains(&patient) { Err(Refusal::Erased) } else { Ok(()) }
    }

    /// Patients who ever had a record.
    pub fn patients(&self) -> u64 {
        self.patients
    }

    pub fn residue(&self) -> Residue {
        self.residue
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.versions.settle(writes);
        self.erased.settle(writes);
    }
}
