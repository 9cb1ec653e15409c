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

#[derive(Clone, Copy, Debug)]
struct Exchange {
    from: HospitalId,
    to: HospitalId,
    stage: Stage,
}

impl Encode for Exchange {
    fn encode(&self, sink: &mut impl Sink) {
        (self.from, self.to, self.stage as u8).encode(sink);
    }
}

/// Exchanges of patients' data. Whether one may begin is for consents and residency to say.
#[derive(Clone, Debug)]
pub(super) struct Shares(Table<Case, Exchange>);

impl Shares {
    pub fn new() -> Shares {
        Shares(Table::new(5))
    }

    pub fn request(&mut self, signed: Signed, case: Case, patient: Patient) -> Verdict {
        if self.0.contains(&case) {
            return Err(Refusal::DoneBefore);
        }
        self.0.put(case, Exchange { from: patient.home, to: signed.by, stage: Stage::Requested });
        Ok(())
    }

    pub fn disclose(&mut self, signed: Signed, case: Case) -> Verdict {
        let exchange = *self.0.get(&case).ok_or(Refusal::NotRequested)?;
        if exchange.from != signed.by {
            return Err(Refusal::WrongParty);
        }
        match exchange.stage {
            Stage::Requested => self.0.put(case, Exchange { stage: Stage::Disclosed, ..exchange }),
            Stage::Disclosed | Stage::Acknowledged => return Err(Refusal::DoneBefore),
        }
        Ok(())
    }

    pub fn acknowledge(&mut self, signed: Signed, case: Case) -> Verdict {
        let exchange = *self.0.get(&case).ok_or(Refusal::NotRequested)?;
        if exchange.to != signed.by {
            return Err(Refusal::WrongParty);
        }
        match exchange.stage {
            Stage::Requested => return Err(Refusal::NotDisclosed),
            Stage::Disclosed => self.0.put(case, Exchange { stage: Stage::Acknowledged, ..exchange }),
            Stage::Acknowledged => return Err(Refusal::DoneBefore),
        }
        Ok(())
    }

    /// Who hands over, and to whom.
    pub fn parties(&self, case: Case) -> Option<(HospitalId, HospitalId)> {
        self.0.get(&case).map(|exchange| (exchange.from, exchange.to))
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.0.settle(writes);
    }
}
