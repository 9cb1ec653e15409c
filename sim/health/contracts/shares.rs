//! Data that go from one hospital to another: request, consent check, disclosure, acknowledgement (IHE XCA, FHIR
//! `AuditEvent` of disclosure and import), within what the patient's country lets leave it.

use crate::base::{Encode, HospitalId, Sink};
use crate::health::call::encode_calls;
use crate::health::{Case, Category, Patient, Purpose, Refusal};

use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done with a patient's data that another hospital keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareCall {
    /// The signing hospital asks for them.
    Request {
        /// Names the exchange.
        case: Case,
        /// Whose, and so whom it asks.
        patient: Patient,
        /// What for.
        purpose: Purpose,
        /// Of what class.
        category: Category,
    },
    /// The patient's hospital hands them over.
    Disclose {
        /// The exchange.
        case: Case,
    },
    /// They have come.
    Acknowledge {
        /// The exchange.
        case: Case,
    },
}

encode_calls!(ShareCall {
    0 Request { case, patient, purpose, category }
    1 Disclose { case }
    2 Acknowledge { case }
});

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Requested = 0,
    Disclosed = 1,
    Acknowledged = 2,
}

/// An exchange of one patient's data, from the hospital that keeps them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub patient: Patient,
    /// Who asked.
    pub to: HospitalId,
    pub purpose: Purpose,
    pub category: Category,
    stage: Stage,
}

impl Encode for Exchange {
    fn encode(&self, sink: &mut impl Sink) {
        (self.patient, self.to, self.stage as u8).encode(sink);
        (self.purpose as u8, self.category as u8).encode(sink);
    }
}

/// Exchanges of patients' data. Whether one may begin, and still may when data leave, is for consents and residency to say.
#[derive(Clone, Debug)]
pub(super) struct Shares(Table<Case, Exchange>);

impl Shares {
    pub fn new() -> Shares {
        Shares(Table::new(5))
    }

    pub fn request(
        &mut self,
        signed: Signed,
        case: Case,
        patient: Patient,
        (purpose, category): (Purpose, Category),
    ) -> Verdict {
        if self.0.contains(&case) {
            return Err(Refusal::DoneBefore);
        }
        self.0.put(case, Exchange { patient, to: signed.by, purpose, category, stage: Stage::Requested });
        Ok(())
    }

    /// The exchange in which the signing hospital is to hand data over.
    pub fn due(&self, signed: Signed, case: Case) -> Result<Exchange, Refusal> {
        let exchange = self.get(case).ok_or(Refusal::NotRequested)?;
        match exchange.stage {
            _ if exchange.patient.home != signed.by => Err(Refusal::WrongParty),
            Stage::Requested => Ok(exchange),
            Stage::Disclosed | Stage::Acknowledged => Err(Refusal::DoneBefore),
        }
    }

    /// What was found due is handed over.
    pub fn disclose(&mut self, case: Case) {
        self.0.change(&case, |exchange| exchange.stage = Stage::Disclosed);
    }

    pub fn acknowledge(&mut self, signed: Signed, case: Case) -> Verdict {
        let exchange = self.get(case).ok_or(Refusal::NotRequested)?;
        match exchange.stage {
            _ if exchange.to != signed.by => return Err(Refusal::WrongParty),
            Stage::Requested => return Err(Refusal::NotDisclosed),
            Stage::Disclosed => self.0.change(&case, |exchange| exchange.stage = Stage::Acknowledged),
            Stage::Acknowledged => return Err(Refusal::DoneBefore),
        }
        Ok(())
    }

    pub fn get(&self, case: Case) -> Option<Exchange> {
        self.0.get(&case).copied()
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.0.settle(writes);
    }
}
