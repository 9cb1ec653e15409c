//! Claims: submitted, the service confirmed by who received it, adjudicated against the patient's cover, paid (X12 837,
//! 277CA, 835). Nothing is paid that the patient did not confirm, no service twice, and not more than was adjudicated.

use std::sync::Arc;

use crate::base::{Encode, HospitalId, Sink};
use crate::health::call::encode_calls;
use crate::health::{Amount, Case, Patient, People, Refusal};

use super::accounts::{Account, Accounts};
use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done about paying for care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimCall {
    /// Is the patient insured (X12 270)?
    Eligibility {
        /// Who.
        patient: Patient,
    },
    /// The provider asks to be paid.
    Submit {
        /// Names the claim.
        case: Case,
        /// For whom.
        patient: Patient,
        /// What was done: a number that no other service for that patient has.
        service: u64,
        /// For how much.
        amount: Amount,
    },
    /// The patient has received the service. The patient's key signs it.
    Confirm {
        /// The claim.
        case: Case,
        /// Who.
        patient: Patient,
    },
    /// The payer says how much of it the patient's cover bears.
    Adjudicate {
        /// The claim.
        case: Case,
    },
    /// The payer pays.
    Pay {
        /// The claim.
        case: Case,
        /// What it pays; none: what was adjudicated.
        amount: Option<Amount>,
    },
}

encode_calls!(ClaimCall {
    0 Eligibility { patient }
    1 Submit { case, patient, service, amount }
    2 Confirm { case, patient }
    3 Adjudicate { case }
    4 Pay { case, amount }
});

/// Services below this number were billed before the run.
pub const BILLED_AT_GENESIS: u64 = 1 << 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Submitted = 0,
    Confirmed = 1,
    Adjudicated = 2,
    Paid = 3,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    provider: HospitalId,
    patient: Patient,
    amount: Amount,
    payable: Amount,
    stage: Stage,
}

impl Encode for Claim {
    fn encode(&self, sink: &mut impl Sink) {
        (self.provider, self.patient, self.stage as u8).encode(sink);
        (self.amount, self.payable).encode(sink);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Service(Patient, u64);

impl Encode for Service {
    fn encode(&self, sink: &mut impl Sink) {
        (self.0, self.1).encode(sink);
    }
}

/// Every claim, and what covers have borne. Memory: 200 bytes for each claim.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    people: Arc<People>,
    claims: Table<Case, Claim>,
    billed: Table<Service, Case>,
    /// What each patient's cover has borne this year.
    borne: Table<Patient, Amount>,
    disputed: Table<Case, u8>,
}

impl Claims {
    pub fn new(people: Arc<People>) -> Claims {
        let (claims, billed, borne, disputed) = (Table::new(6), Table::new(7), Table::new(8), Table::new(9));
        Claims { people, claims, billed, borne, disputed }
    }

    pub fn execute(&mut self, signed: Signed, call: &ClaimCall, accounts: &mut Accounts) -> Verdict {
        match *call {
            ClaimCall::Eligibility { patient } => self.cover(patient).map(drop),
            ClaimCall::Submit { case, patient, service, amount } => self.submit(signed, case, patient, service, amount),
            ClaimCall::Confirm { case, patient } => self.confirm(signed, case, patient),
            ClaimCall::Adjudicate { case } => self.adjudicate(signed, case),
            ClaimCall::Pay { case, amount } => self.pay(signed, case, amount, accounts),
        }
    }

    fn cover(&self, patient: Patient) -> Result<Amount, Refusal> {
        self.people.known(patient)?;
        self.people.cover(patient).ok_or(Refusal::NotCovered)
    }

    fn submit(&mut self, signed: Signed, case: Case, patient: Patient, service: u64, amount: Amount) -> Verdict {
        self.cover(patient)?;
        if self.claims.contains(&case) {
            return Err(Refusal::DoneBefore);
        }
        let key = Service(patient, service);
        if service < BILLED_AT_GENESIS || self.billed.contains(&key) {
            return Err(Refusal::BilledBefore);
        }
        self.billed.put(key, case);
        self.claims.put(case, Claim { provider: signed.by, patient, amount, payable: 0, stage: Stage::Submitted });
        Ok(())
    }

    fn confirm(&mut self, signed: Signed, case: Case, patient: Patient) -> Verdict {
        let claim = self.claims.get(&case).ok_or(Refusal::NotSubmitted)?;
        if claim.patient != patient || patient.home != signed.by {
            return Err(Refusal::WrongParty);
        }
        if claim.stage != Stage::Submitted {
            return Err(Refusal::DoneBefore);
        }
        self.claims.change(&case, |claim| claim.stage = Stage::Confirmed);
        Ok(())
    }

    /// The claim, where the signing hospital runs the insurer of its patient.
    fn to_be_decided(&self, signed: Signed, case: Case) -> Result<Claim, Refusal> {
        let claim = *self.claims.get(&case).ok_or(Refusal::NotSubmitted)?;
        match () {
            () if self.people.payer(claim.patient) != signed.by => Err(Refusal::WrongParty),
            () if self.disputed.contains(&case) => Err(Refusal::Disputed),
            () => Ok(claim),
        }
    }

    fn adjudicate(&mut self, signed: Signed, case: Case) -> Verdict {
        let claim = self.to_be_decided(signed, case)?;
        match claim.stage {
            Stage::Submitted => return Err(Refusal::NotConfirmed),
            Stage::Confirmed => {}
            Stage::Adjudicated | Stage::Paid => return Err(Refusal::DoneBefore),
        }
        let borne = self.borne.get(&claim.patient).copied().unwrap_or(0);
        let payable = claim.amount.min(self.cover(claim.patient)?.saturating_sub(borne));
        if payable == 0 {
            return Err(Refusal::CoverageExhausted);
        }
        self.borne.put(claim.patient, borne + payable);
        self.claims.put(case, Claim { payable, stage: Stage::Adjudicated, ..claim });
        Ok(())
    }

    fn pay(&mut self, signed: Signed, case: Case, amount: Option<Amount>, accounts: &mut Accounts) -> Verdict {
        let claim = self.to_be_decided(signed, case)?;
        match claim.stage {
            Stage::Submitted => return Err(Refusal::NotConfirmed),
            Stage::Confirmed => return Err(Refusal::NotAdjudicated),
            Stage::Adjudicated => {}
            Stage::Paid => return Err(Refusal::PaidBefore),
        }
        if amount.is_some_and(|amount| amount != claim.payable) {
            return Err(Refusal::WrongAmount);
        }
        accounts.pay(Account::Payer(signed.by), Account::Hospital(claim.provider), claim.payable);
        self.claims.change(&case, |claim| claim.stage = Stage::Paid);
        Ok(())
    }

    /// The members uphold a dispute about a claim: nothing more is adjudicated or paid.
    pub fn dispute(&mut self, case: Case) {
        self.disputed.put(case, 1);
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.claims.settle(writes);
        self.billed.settle(writes);
        self.borne.settle(writes);
        self.disputed.settle(writes);
    }
}
