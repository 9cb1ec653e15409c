//! Trials: nothing is captured of who has not consented, nor after a withdrawal, and a stipend is paid once (ICH E6,
//! FHIR R4 `ResearchSubject`).

use std::sync::Arc;

use crate::base::{Encode, HospitalId, Sink, Span};
use crate::health::call::encode_calls;
use crate::health::{Amount, Case, Category, ConsentKey, Patient, People, Purpose, Refusal, Scope, Standing};

use super::accounts::{Account, Accounts};
use super::consents::Consents;
use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done in a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialCall {
    /// A patient consents and takes part. The patient's key signs it.
    Enrol {
        /// Names the subject.
        case: Case,
        /// Who.
        patient: Patient,
        /// The site.
        site: HospitalId,
    },
    /// A form is filled in.
    Capture {
        /// The subject.
        case: Case,
    },
    /// The subject is paid for taking part.
    Stipend {
        /// The subject.
        case: Case,
    },
    /// The subject takes part no more. The patient's key signs it.
    Withdraw {
        /// The subject.
        case: Case,
        /// Who.
        patient: Patient,
    },
}

encode_calls!(TrialCall {
    0 Enrol { case, patient, site }
    1 Capture { case }
    2 Stipend { case }
    3 Withdraw { case, patient }
});

/// What a subject is paid, until a motion says otherwise: a setting of this model, not a measured figure.
pub const STIPEND: Amount = 25_000;
/// How long consent to a trial lasts: two years.
pub const TRIAL_TERM: Span = Span::from_secs(2 * 365 * 86_400);

#[derive(Clone, Copy, Debug)]
struct Subject {
    patient: Patient,
    site: HospitalId,
    captured: u32,
    paid: bool,
    withdrawn: bool,
}

impl Encode for Subject {
    fn encode(&self, sink: &mut impl Sink) {
        (self.patient, self.site, self.captured).encode(sink);
        (u8::from(self.paid), u8::from(self.withdrawn)).encode(sink);
    }
}

/// Every subject of the run.
#[derive(Clone, Debug)]
pub(super) struct Trials {
    people: Arc<People>,
    subjects: Table<Case, Subject>,
}

impl Trials {
    pub fn new(people: Arc<People>) -> Trials {
        Trials { people, subjects: Table::new(14) }
    }

    pub fn execute(
        &mut self,
        signed: Signed,
        call: &TrialCall,
        consents: &mut Consents,
        (accounts, stipend): (&mut Accounts, Amount),
    ) -> Verdict {
        match *call {
            TrialCall::Enrol { case, patient, site } => self.enrol(signed, case, patient, site, consents),
            TrialCall::Capture { case } => self.capture(signed, case, consents),
            TrialCall::Stipend { case } => self.stipend(signed, case, accounts, stipend),
            TrialCall::Withdraw { case, patient } => self.withdraw(signed, case, patient, consents),
        }
    }

    fn enrol(
        &mut self,
        signed: Signed,
        case: Case,
        patient: Patient,
        site: HospitalId,
        consents: &mut Consents,
    ) -> Verdict {
        self.people.own(patient, signed.by)?;
        if self.subjects.contains(&case) {
            return Err(Refusal::DoneBefore);
        }
        let until = signed.at + TRIAL_TERM;
        consents.set(research(patient, site), Standing::Permitted { scope: Scope::ALL, until });
        self.subjects.put(case, Subject { patient, site, captured: 0, paid: false, withdrawn: false });
        Ok(())
    }

    fn subject(&self, case: Case) -> Result<Subject, Refusal> {
        self.subjects.get(&case).copied().ok_or(Refusal::NotEnrolled)
    }

    fn capture(&mut self, signed: Signed, case: Case, consents: &Consents) -> Verdict {
        let subject = self.subject(case)?;
        match () {
            () if subject.site != signed.by => return Err(Refusal::WrongParty),
            () if subject.withdrawn => return Err(Refusal::Withdrawn),
            () => consents.covers(&research(subject.patient, subject.site), Category::Clinical, signed.at)?,
        }
        self.subjects.change(&case, |subject| subject.captured += 1);
        Ok(())
    }

    fn stipend(&mut self, signed: Signed, case: Case, accounts: &mut Accounts, stipend: Amount) -> Verdict {
        let subject = self.subject(case)?;
        match () {
            () if subject.site != signed.by => return Err(Refusal::WrongParty),
            () if subject.paid => return Err(Refusal::PaidBefore),
            () => accounts.pay(Account::Hospital(subject.site), Account::Patient(subject.patient), stipend),
        }
        self.subjects.change(&case, |subject| subject.paid = true);
        Ok(())
    }

    fn withdraw(&mut self, signed: Signed, case: Case, patient: Patient, consents: &mut Consents) -> Verdict {
        self.people.own(patient, signed.by)?;
        let subject = self.subject(case)?;
        match () {
            () if subject.patient != patient => return Err(Refusal::WrongParty),
            () if subject.withdrawn => return Err(Refusal::DoneBefore),
            () => consents.set(research(patient, subject.site), Standing::Revoked),
        }
        self.subjects.change(&case, |subject| subject.withdrawn = true);
        Ok(())
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.subjects.settle(writes);
    }
}

/// The consent that a trial stands on.
fn research(patient: Patient, site: HospitalId) -> ConsentKey {
    ConsentKey { patient, grantee: site, purpose: Purpose::Research }
}
