//! Licences: data are used for a royalty, under the patient's consent to research; who pays, and who gets how much, is
//! on the ledger.

use std::sync::Arc;

use crate::base::{Encode, HospitalId, Sink};
use crate::health::call::encode_calls;
use crate::health::{Amount, Case, Category, ConsentKey, Patient, People, Purpose, Refusal};

use super::accounts::{Account, Accounts};
use super::consents::Consents;
use super::governance::Governance;
use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done about licences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenceCall {
    /// A patient licenses data. The patient's key signs it.
    Grant {
        /// Names the licence.
        case: Case,
        /// Who.
        patient: Patient,
        /// To whom.
        licensee: HospitalId,
        /// For how much.
        royalty: u32,
    },
    /// The licensee pays.
    Royalty {
        /// The licence.
        case: Case,
    },
}

encode_calls!(LicenceCall {
    0 Grant { case, patient, licensee, royalty }
    1 Royalty { case }
});

/// Parts of a royalty in hundredths that go to the hospital that keeps the data and to who runs the ledger; the patient
/// gets the rest. Settings of this model, not measured figures.
pub const SPLIT: [Amount; 2] = [20, 10];

#[derive(Clone, Copy, Debug)]
struct Licence {
    patient: Patient,
    licensee: HospitalId,
    royalty: u32,
    paid: bool,
}

impl Encode for Licence {
    fn encode(&self, sink: &mut impl Sink) {
        (self.patient, self.licensee).encode(sink);
        (self.royalty, u8::from(self.paid)).encode(sink);
    }
}

/// Every licence of the run.
#[derive(Clone, Debug)]
pub(super) struct Licences {
    people: Arc<People>,
    granted: Table<Case, Licence>,
}

impl Licences {
    pub fn new(people: Arc<People>) -> Licences {
        Licences { people, granted: Table::new(15) }
    }

    pub fn execute(
        &mut self,
        signed: Signed,
        call: &LicenceCall,
        (consents, law): (&Consents, &Governance),
        accounts: &mut Accounts,
    ) -> Verdict {
        match *call {
            LicenceCall::Grant { case, patient, licensee, royalty } => {
                self.people.own(patient, signed.by)?;
                if self.granted.contains(&case) {
                    return Err(Refusal::DoneBefore);
                }
                let key = ConsentKey { patient, grantee: licensee, purpose: Purpose::Research };
                consents.covers(&key, Category::Clinical, signed.at)?;
                law.may_leave(patient.home, licensee)?;
                self.granted.put(case, Licence { patient, licensee, royalty, paid: false });
                Ok(())
            }
            LicenceCall::Royalty { case } => self.pay(signed, case, accounts),
        }
    }

    fn pay(&mut self, signed: Signed, case: Case, accounts: &mut Accounts) -> Verdict {
        let licence = *self.granted.get(&case).ok_or(Refusal::NotLicensed)?;
        match () {
            () if licence.licensee != signed.by => return Err(Refusal::WrongParty),
            () if licence.paid => return Err(Refusal::PaidBefore),
            () => {}
        }
        let royalty = Amount::from(licence.royalty);
        let [hospital, operator] = SPLIT.map(|part| royalty * part / 100);
        let from = Account::Hospital(licence.licensee);
        accounts.pay(from, Account::Hospital(licence.patient.home), hospital);
        accounts.pay(from, Account::Operator, operator);
        accounts.pay(from, Account::Patient(licence.patient), royalty - hospital - operator);
        self.granted.change(&case, |licence| licence.paid = true);
        Ok(())
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.granted.settle(writes);
    }
}
