//! Trials capture what subjects let them, and pay once. Motions are carried by votes, and in effect some blocks later.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Height, HospitalId};
use crate::health::{
    Account, Case, Category, Change, ConsentKey, GovernanceCall, Motion, NOTICE, Patient, People, Purpose, Refusal,
    Residency, STIPEND, Scope, TRIAL_TERM, TrialCall,
};

use super::Plea;
use super::care::Care;
use super::money::Money;

/// What a motion is about: of two about the same in effect the later enacted holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Country(u16),
    Hospital(HospitalId),
    Claim(Case),
    Stipend,
}

/// What was done in trials and by members.
pub(super) struct Rules {
    people: Arc<People>,
    /// Of each subject what was done: it begins with the enrolment.
    subjects: BTreeMap<Case, Vec<TrialCall>>,
    /// Of each motion what was done, and by whom: it begins with the proposal.
    motions: BTreeMap<Case, Vec<(HospitalId, GovernanceCall)>>,
    /// Motions enacted, as they were, with the first height for which they are in effect.
    enacted: BTreeMap<Matter, Vec<(Height, Motion)>>,
}

impl Rules {
    pub fn new(people: Arc<People>) -> Rules {
        Rules { people, subjects: BTreeMap::new(), motions: BTreeMap::new(), enacted: BTreeMap::new() }
    }

    /// The motion about a matter that holds at a height.
    fn holding(&self, matter: Matter, height: Height) -> Option<Motion> {
        let enacted = self.enacted.get(&matter)?;
        enacted.iter().rev().find(|(from, _)| *from <= height).map(|(_, motion)| *motion)
    }

    pub fn is_suspended(&self, plea: &Plea) -> bool {
        matches!(self.holding(Matter::Hospital(plea.by), plea.height), Some(Motion::Suspend(_)))
    }

    pub fn is_disputed(&self, claim: Case, plea: &Plea) -> bool {
        self.holding(Matter::Claim(claim), plea.height).is_some()
    }

    /// Whether two hospitals are in different countries.
    pub fn crosses(&self, from: HospitalId, to: HospitalId) -> bool {
        self.people.home(from).country != self.people.home(to).country
    }

    /// Why a hospital's patients' data may not go to who asks for them.
    pub fn kept_in(&self, from: HospitalId, plea: &Plea) -> Option<Refusal> {
        let (here, there) = (self.people.home(from), self.people.home(plea.by));
        let policy = match self.holding(Matter::Country(here.country), plea.height) {
            Some(Motion::Residency { policy, .. }) => policy,
            _ => here.residency,
        };
        let abroad = self.crosses(from, plea.by);
        match policy {
            Residency::LocalOnly if abroad => Some(Refusal::DataStay),
            Residency::Adequacy if abroad && !there.adequate => Some(Refusal::NoAdequacy),
            _ => None,
        }
    }

    pub fn trial(&self, plea: &Plea, call: &TrialCall, care: &Care) -> Option<Refusal> {
        if let TrialCall::Enrol { patient, .. } | TrialCall::Withdraw { patient, .. } = *call {
            match () {
                () if self.people.known(patient).is_err() => return Some(Refusal::UnknownPatient),
                () if patient.home != plea.by => return Some(Refusal::WrongParty),
                () => {}
            }
        }
        let case = subject_of(call);
        let history = self.subjects.get(&case).map(|history| &history[..]);
        let withdrawn = history.is_some_and(|all| all.iter().any(|step| matches!(step, TrialCall::Withdraw { .. })));
        match (call, history) {
            (TrialCall::Enrol { .. }, history) => history.map(|_| Refusal::DoneBefore),
            (_, None) => Some(Refusal::NotEnrolled),
            (TrialCall::Withdraw { patient, .. }, Some([TrialCall::Enrol { patient: subject, .. }, ..])) => {
                if patient == subject { withdrawn.then_some(Refusal::DoneBefore) } else { Some(Refusal::WrongParty) }
            }
            (_, Some([TrialCall::Enrol { site, .. }, ..])) if *site != plea.by => Some(Refusal::WrongParty),
            (TrialCall::Stipend { .. }, Some(history)) => history.contains(call).then_some(Refusal::PaidBefore),
            (TrialCall::Capture { .. }, Some(_)) if withdrawn => Some(Refusal::Withdrawn),
            (_, Some([TrialCall::Enrol { patient, site, .. }, ..])) => {
                care.unusable(&research(*patient, *site), Category::Clinical, plea.at)
            }
            (_, Some(_)) => panic!("a subject's history begins with the enrolment"),
        }
    }

    pub fn allow_trial(&mut self, plea: &Plea, call: &TrialCall, care: &mut Care, money: &mut Money) {
        let case = subject_of(call);
        let stipend = match self.holding(Matter::Stipend, plea.height) {
            Some(Motion::Stipend(amount)) => amount,
            _ => STIPEND,
        };
        let history = self.subjects.entry(case).or_default();
        if !matches!(call, TrialCall::Capture { .. }) {
            history.push(*call);
        }
        let [TrialCall::Enrol { patient, site, .. }, ..] = history[..] else {
            panic!("a subject's history begins with the enrolment")
        };
        let consent = research(patient, site);
        match call {
            TrialCall::Enrol { .. } => {
                care.allow_consent(consent, Change::Grant { scope: Scope::ALL, until: plea.at + TRIAL_TERM });
            }
            TrialCall::Withdraw { .. } => care.allow_consent(consent, Change::Revoke),
            TrialCall::Stipend { .. } => money.pay(Account::Hospital(site), Account::Patient(patient), stipend),
            TrialCall::Capture { .. } => {}
        }
    }

    pub fn governance(&self, plea: &Plea, call: &GovernanceCall) -> Option<Refusal> {
        let case = motion_of(call);
        let history = match (call, self.motions.get(&case)) {
            (GovernanceCall::Propose { .. }, history) => return history.map(|_| Refusal::DoneBefore),
            (_, None) => return Some(Refusal::NotProposed),
            (_, Some(history)) => history,
        };
        let enacted = history.iter().any(|(_, step)| matches!(step, GovernanceCall::Enact { .. }));
        let voted =
            |(by, step): &(HospitalId, GovernanceCall)| *by == plea.by && matches!(step, GovernanceCall::Vote { .. });
        let is_suspended = |by: HospitalId| self.is_suspended(&Plea { by, ..*plea });
        let of_members = self.people.members().iter().filter(|member| !is_suspended(**member)).count();
        let is_for_it = |(by, step): &&(HospitalId, GovernanceCall)| {
            matches!(step, GovernanceCall::Vote { yes: true, .. }) && !is_suspended(*by)
        };
        let for_it = history.iter().filter(is_for_it).count();
        match call {
            GovernanceCall::Vote { .. } if !self.people.members().contains(&plea.by) => Some(Refusal::NoMember),
            GovernanceCall::Vote { .. } => (enacted || history.iter().any(voted)).then_some(Refusal::DoneBefore),
            _ if history[0].0 != plea.by => Some(Refusal::WrongParty),
            _ if enacted => Some(Refusal::DoneBefore),
            _ => (3 * for_it <= 2 * of_members).then_some(Refusal::NotCarried),
        }
    }

    pub fn allow_governance(&mut self, plea: &Plea, call: &GovernanceCall) {
        let case = motion_of(call);
        let history = self.motions.entry(case).or_default();
        history.push((plea.by, *call));
        let [(_, GovernanceCall::Propose { motion, .. }), .., (_, GovernanceCall::Enact { .. })] = history[..] else {
            return;
        };
        let matter = match motion {
            Motion::Residency { country, .. } => Matter::Country(country),
            Motion::Suspend(hospital) | Motion::Admit(hospital) => Matter::Hospital(hospital),
            Motion::Dispute(claim) => Matter::Claim(claim),
            Motion::Stipend(_) => Matter::Stipend,
        };
        self.enacted.entry(matter).or_default().push((Height(plea.height.0 + NOTICE), motion));
    }
}

fn subject_of(call: &TrialCall) -> Case {
    match *call {
        TrialCall::Enrol { case, .. } | TrialCall::Withdraw { case, .. } => case,
        TrialCall::Capture { case } | TrialCall::Stipend { case } => case,
    }
}

fn motion_of(call: &GovernanceCall) -> Case {
    match *call {
        GovernanceCall::Propose { case, .. } | GovernanceCall::Vote { case, .. } => case,
        GovernanceCall::Enact { case } => case,
    }
}

/// The consent that a trial stands on.
fn research(patient: Patient, site: HospitalId) -> ConsentKey {
    ConsentKey { patient, grantee: site, purpose: Purpose::Research }
}
