//! Prescriptions: each is filled some times, each time with a pack that passes verification (FHIR R4
//! `MedicationRequest` and `MedicationDispense`).

use std::sync::Arc;

use crate::base::{Encode, Sink};
use crate::health::call::encode_calls;
use crate::health::{Case, Pack, Patient, People, Refusal};

use super::packs::Packs;
use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done with prescriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxCall {
    /// One is written.
    Prescribe {
        /// Names the prescription.
        case: Case,
        /// For whom.
        patient: Patient,
    },
    /// It is filled.
    Dispense {
        /// The prescription.
        case: Case,
        /// The pack.
        pack: Pack,
    },
}

encode_calls!(RxCall {
    0 Prescribe { case, patient }
    1 Dispense { case, pack }
});

/// How often one prescription may be filled: its first time and five refills, as US law has it for schedule III and IV
/// (21 CFR 1306.22).
pub const FILLS: u8 = 6;

#[derive(Clone, Copy, Debug)]
struct Prescription {
    patient: Patient,
    filled: u8,
}

impl Encode for Prescription {
    fn encode(&self, sink: &mut impl Sink) {
        (self.patient, self.filled).encode(sink);
    }
}

/// Every prescription. Memory: 64 bytes for each.
#[derive(Clone, Debug)]
pub(super) struct Prescriptions {
    people: Arc<People>,
    written: Table<Case, Prescription>,
}

impl Prescriptions {
    pub fn new(people: Arc<People>) -> Prescriptions {
        Prescriptions { people, written: Table::new(13) }
    }

    pub fn execute(&mut self, signed: Signed, call: &RxCall, packs: &mut Packs) -> Verdict {
        match *call {
            RxCall::Prescribe { case, patient } => self.prescribe(case, patient),
            RxCall::Dispense { case, pack } => self.dispense(signed, case, pack, packs),
        }
    }

    fn prescribe(&mut self, case: Case, patient: Patient) -> Verdict {
        self.people.known(patient)?;
        if self.written.contains(&case) {
            return Err(Refusal::DoneBefore);
        }
        self.written.put(case, Prescription { patient, filled: 0 });
        Ok(())
    }

    fn dispense(&mut self, signed: Signed, case: Case, pack: Pack, packs: &mut Packs) -> Verdict {
        let prescription = self.written.get(&case).ok_or(Refusal::NotPrescribed)?;
        if prescription.filled == FILLS {
            return Err(Refusal::FillsUsedUp);
        }
        packs.dispense(signed, pack)?;
        self.written.change(&case, |prescription| prescription.filled += 1);
        Ok(())
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.written.settle(writes);
    }
}
