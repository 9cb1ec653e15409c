//! Claims are confirmed, adjudicated against what is left of the cover, and paid once; royalties are split, and paid
//! once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::HospitalId;
use crate::health::{
    Account, Amount, BILLED_AT_GENESIS, Case, Category, ClaimCall, ConsentKey, LicenceCall, Patient, People, Purpose,
    Refusal, SPLIT,
};

use super::Plea;
use super::care::Care;
use super::rules::Rules;

/// What was done about paying for care and for data.
pub(super) struct Money {
    people: Arc<People>,
    /// Of each claim what was done, and by whom: it begins with its submission.
    claims: BTreeMap<Case, Vec<(HospitalId, ClaimCall)>>,
    /// Services by patient, as they were billed.
    billed: BTreeMap<Patient, Vec<u64>>,
    /// Claims that have been adjudicated, by patient, in order.
    adjudicated: BTreeMap<Patient, Vec<Case>>,
    /// Of each licence what was done: it begins with its grant.
    licences: BTreeMap<Case, Vec<LicenceCall>>,
    /// What hospitals, payers, patients and the operator have gained.
    moved: [i64; 4],
}

impl Money {
    pub fn new(people: Arc<People>) -> Money {
        let (claims, billed, adjudicated) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Money { people, claims, billed, adjudicated, licences: BTreeMap::new(), moved: [0; 4] }
    }

    /// What hospitals, payers, patients and the operator have gained by what was allowed.
    pub fn moved(&self) -> [i64; 4] {
        self.moved
    }

    /// An amount goes from one to another.
    pub fn pay(&mut self, from: Account, to: Account, amount: Amount) {
        for (account, sign) in [(from, -1), (to, 1)] {
            let holder = match account {
                Account::Hospital(_) => 0,
                Account::Payer(_) => 1,
                Account::Patient(_) => 2,
                Account::Operator => 3,
            };
            self.moved[holder] += sign * amount as i64;
        }
    }

    fn uninsured(&self, patient: Patient) -> Option<Refusal> {
        match () {
            () if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
            () => self.people.cover(patient).is_none().then_some(Refusal::NotCovered),
        }
    }

    /// Who submitted a claim, for whom, and over how much.
    fn submission(&self, case: Case) -> Option<(HospitalId, Patient, Amount)> {
        match self.claims.get(&case)?[..] {
            [(provider, ClaimCall::Submit { patient, amount, .. }), ..] => Some((provider, patient, amount)),
            _ => panic!("a claim begins with its submission"),
        }
    }

    fn was(&self, case: Case, step: fn(&ClaimCall) -> bool) -> bool {
        self.claims.get(&case).into_iter().flatten().any(|(_, call)| step(call))
    }

    fn was_confirmed(&self, case: Case) -> bool {
        self.was(case, |call| matches!(call, ClaimCall::Confirm { .. }))
    }

    fn was_adjudicated(&self, case: Case) -> bool {
        self.was(case, |call| matches!(call, ClaimCall::Adjudicate { .. }))
    }

    /// What a patient's cover bears of a claim: of what the adjudications up to its own left of it, or all so far.
    fn payable(&self, case: Case) -> Amount {
        let (_, patient, amount) = self.submission(case).expect("only submitted claims are paid");
        let mut left = self.people.cover(patient).expect("only claims of insured patients are submitted");
        let earlier = self.adjudicated.get(&patient).into_iter().flatten();
        for other in earlier.take_while(|other| **other != case) {
            let (_, _, amount) = self.submission(*other).expect("only submitted claims are adjudicated");
            left -= amount.min(left);
        }
        amount.min(left)
    }

    pub fn claim(&self, plea: &Plea, call: &ClaimCall, rules: &Rules) -> Option<Refusal> {
        match *call {
            ClaimCall::Eligibility { patient } => self.uninsured(patient),
            ClaimCall::Submit { case, patient, service, .. } => self.uninsured(patient).or_else(|| {
                let before = service < BILLED_AT_GENESIS
                    || self.billed.get(&patient).is_some_and(|services| services.contains(&service));
                match () {
                    () if self.claims.contains_key(&case) => Some(Refusal::DoneBefore),
                    () => before.then_some(Refusal::BilledBefore),
                }
            }),
            ClaimCall::Confirm { case, patient } => match self.submission(case) {
                None => Some(Refusal::NotSubmitted),
                Some((_, whose, _)) if whose != patient || whose.home != plea.by => Some(Refusal::WrongParty),
                Some(_) => self.was_confirmed(case).then_some(Refusal::DoneBefore),
            },
            ClaimCall::Adjudicate { case } => self.not_to_be_decided(plea, case, rules).or_else(|| match () {
                () if self.was_adjudicated(case) => Some(Refusal::DoneBefore),
                () => (self.payable(case) == 0).then_some(Refusal::CoverageExhausted),
            }),
            ClaimCall::Pay { case, amount } => self.not_to_be_decided(plea, case, rules).or_else(|| match () {
                () if !self.was_adjudicated(case) => Some(Refusal::NotAdjudicated),
                () if self.was(case, |call| matches!(call, ClaimCall::Pay { .. })) => Some(Refusal::PaidBefore),
                () => amount.filter(|amount| *amount != self.payable(case)).map(|_| Refusal::WrongAmount),
            }),
        }
    }

    /// Why a payer decides nothing about a claim.
    fn not_to_be_decided(&self, plea: &Plea, case: Case, rules: &Rules) -> Option<Refusal> {
        let Some((_, patient, _)) = self.submission(case) else { return Some(Refusal::NotSubmitted) };
        match () {
            () if self.people.payer(patient) != plea.by => Some(Refusal::WrongParty),
            () if rules.is_disputed(case, plea) => Some(Refusal::Disputed),
            () => (!self.was_confirmed(case)).then_some(Refusal::NotConfirmed),
        }
    }

    pub fn allow_claim(&mut self, plea: &Plea, call: &ClaimCall) {
        let case = match *call {
            ClaimCall::Eligibility { .. } => return,
            ClaimCall::Submit { case, patient, service, .. } => {
                self.billed.entry(patient).or_default().push(service);
                case
            }
            ClaimCall::Confirm { case, .. } => case,
            ClaimCall::Adjudicate { case } => {
                let (_, patient, _) = self.submission(case).expect("only submitted claims are adjudicated");
                self.adjudicated.entry(patient).or_default().push(case);
                case
            }
            ClaimCall::Pay { case, .. } => {
                let (provider, patient, _) = self.submission(case).expect("only submitted claims are paid");
                let payer = Account::Payer(self.people.payer(patient));
                self.pay(payer, Account::Hospital(provider), self.payable(case));
                case
            }
        };
        self.claims.entry(case).or_default().push((plea.by, *call));
    }

    pub fn licence(&self, plea: &Plea, call: &LicenceCall, care: &Care, rules: &Rules) -> Option<Refusal> {
        match *call {
            LicenceCall::Grant { case, patient, licensee, .. } => match () {
                () if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
                () if patient.home != plea.by => Some(Refusal::WrongParty),
                () if self.licences.contains_key(&case) => Some(Refusal::DoneBefore),
                () => {
                    let key = ConsentKey { patient, grantee: licensee, purpose: Purpose::Research };
                    care.unusable(&key, Category::Clinical, plea.at)
                        .or_else(|| rules.kept_in(patient.home, &Plea { by: licensee, ..*plea }))
                }
            },
            LicenceCall::Royalty { case } => match self.licences.get(&case).map(|history| &history[..]) {
                None => Some(Refusal::NotLicensed),
                Some([LicenceCall::Grant { licensee, .. }, ..]) if *licensee != plea.by => Some(Refusal::WrongParty),
                Some(history) => history.contains(call).then_some(Refusal::PaidBefore),
            },
        }
    }

    pub fn allow_licence(&mut self, call: &LicenceCall) {
        let (LicenceCall::Grant { case, .. } | LicenceCall::Royalty { case }) = *call;
        let history = self.licences.entry(case).or_default();
        history.push(*call);
        let [LicenceCall::Grant { patient, licensee, royalty, .. }, LicenceCall::Royalty { .. }] = history[..] else {
            return;
        };
        let royalty = Amount::from(royalty);
        let (keeper, operator) = (royalty * SPLIT[0] / 100, royalty * SPLIT[1] / 100);
        let from = Account::Hospital(licensee);
        self.pay(from, Account::Patient(patient), royalty - keeper - operator);
        self.pay(from, Account::Hospital(patient.home), keeper);
        self.pay(from, Account::Operator, operator);
    }
}
