//! Records are anchored once; consents are changed by their patients and hold as long as they say; data are used and
//! handed on only under them and where the law lets them go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{HospitalId, Time};
use crate::health::{
    AccessCall, Call, Case, Category, Change, ConsentCall, ConsentKey, LicenceCall, Patient, People, Purpose,
    RecordCall, Refusal, ShareCall, Standing,
};

use super::Plea;
use super::rules::Rules;

/// What was done with patients' data.
pub(super) struct Care {
    people: Arc<People>,
    changes: BTreeMap<ConsentKey, Vec<Change>>,
    anchored: BTreeMap<Case, Patient>,
    forgotten: BTreeSet<Patient>,
    /// Of each exchange what was done, and by whom.
    exchanges: BTreeMap<Case, Vec<(HospitalId, ShareCall)>>,
}

impl Care {
    pub fn new(people: Arc<People>) -> Care {
        let (changes, anchored, exchanges) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Care { people, changes, anchored, forgotten: BTreeSet::new(), exchanges }
    }

    fn not_their_own(&self, plea: &Plea, patient: Patient) -> Option<Refusal> {
        match () {
            () if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
            () => (patient.home != plea.by).then_some(Refusal::WrongParty),
        }
    }

    /// Whether a patient's key is destroyed.
    pub fn forgotten(&self, patient: Patient) -> Option<Refusal> {
        self.forgotten.contains(&patient).then_some(Refusal::Erased)
    }

    pub fn record(&self, plea: &Plea, call: &RecordCall) -> Option<Refusal> {
        let (RecordCall::Anchor { patient, .. } | RecordCall::Amend { patient, .. } | RecordCall::Erase { patient }) =
            *call;
        self.not_their_own(plea, patient).or_else(|| self.forgotten(patient)).or_else(|| match call {
            RecordCall::Anchor { case, .. } => self.anchored.contains_key(case).then_some(Refusal::DoneBefore),
            RecordCall::Amend { case, .. } => {
                let of_theirs = self.anchored.get(case).is_some_and(|whose| *whose == patient);
                (!of_theirs).then_some(Refusal::UnknownRecord)
            }
            RecordCall::Erase { .. } => None,
        })
    }

    pub fn allow_record(&mut self, call: &RecordCall) {
        match *call {
            RecordCall::Anchor { case, patient, .. } => drop(self.anchored.insert(case, patient)),
            RecordCall::Amend { .. } => {}
            RecordCall::Erase { patient } => drop(self.forgotten.insert(patient)),
        }
    }

    /// What covers a category was agreed to when something was granted last; renewing it changes no more than its end.
    fn covered(&self, key: &ConsentKey, category: Category) -> bool {
        let history = self.changes.get(key).map_or(&[][..], |changes| changes);
        let granted = history.iter().rev().find_map(|change| match change {
            Change::Grant { scope, .. } => Some(*scope),
            _ => None,
        });
        let before = match self.people.genesis(key) {
            Some(Standing::Permitted { scope, .. }) => Some(scope),
            _ => None,
        };
        granted.or(before).is_some_and(|scope| scope.covers(category))
    }

    /// When what a patient said last ends; or why nothing may be used.
    fn end(&self, key: &ConsentKey) -> Result<Time, Refusal> {
        match self.changes.get(key).and_then(|changes| changes.last()) {
            Some(Change::Grant { until, .. } | Change::Renew { until }) => Ok(*until),
            Some(Change::Revoke) => Err(Refusal::ConsentRevoked),
            Some(Change::Deny) => Err(Refusal::ConsentDenied),
            None => match self.people.genesis(key) {
                Some(Standing::Permitted { until, .. }) => Ok(until),
                Some(Standing::Revoked) => Err(Refusal::ConsentRevoked),
                Some(Standing::Denied) => Err(Refusal::ConsentDenied),
                None => Err(Refusal::NoConsent),
            },
        }
    }

    /// Why data of a category may not be used at a time.
    pub fn unusable(&self, key: &ConsentKey, category: Category, at: Time) -> Option<Refusal> {
        match self.end(key) {
            Err(refusal) => Some(refusal),
            Ok(until) if at >= until => Some(Refusal::ConsentExpired),
            Ok(_) if !self.covered(key, category) => Some(Refusal::OutOfScope),
            Ok(_) => None,
        }
    }

    pub fn consent(&self, plea: &Plea, call: &ConsentCall) -> Option<Refusal> {
        let in_force = || self.end(&call.key).is_ok_and(|until| plea.at < until);
        self.not_their_own(plea, call.key.patient).or_else(|| match call.change {
            Change::Grant { .. } | Change::Deny => None,
            Change::Revoke | Change::Renew { .. } => (!in_force()).then_some(Refusal::NothingInForce),
        })
    }

    pub fn allow_consent(&mut self, key: ConsentKey, change: Change) {
        self.changes.entry(key).or_default().push(change);
    }

    fn looked_at(&self, plea: &Plea, patient: Patient, purpose: Purpose, category: Category) -> Option<Refusal> {
        match purpose {
            _ if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
            Purpose::Emergency => None,
            _ => self.unusable(&ConsentKey { patient, grantee: plea.by, purpose }, category, plea.at),
        }
    }

    pub fn access(&self, plea: &Plea, call: &AccessCall, rules: &Rules) -> Option<Refusal> {
        match *call {
            AccessCall::Look { patient, purpose, category } => {
                let by_law = || rules.kept_in(patient.home, plea).filter(|_| purpose != Purpose::Emergency);
                self.looked_at(plea, patient, purpose, category).or_else(|| self.forgotten(patient)).or_else(by_law)
            }
            AccessCall::Session { patient } => self
                .looked_at(plea, patient, Purpose::Treatment, Category::Clinical)
                .or_else(|| rules.kept_in(patient.home, plea)),
            AccessCall::Readings { patient } | AccessCall::Alert { patient } => {
                self.not_their_own(plea, patient).or_else(|| self.forgotten(patient))
            }
        }
    }

    pub fn share(&self, plea: &Plea, call: &ShareCall, rules: &Rules) -> Option<Refusal> {
        let kept = |plea: &Plea, patient: Patient, purpose, category| {
            self.looked_at(plea, patient, purpose, category)
                .or_else(|| self.forgotten(patient))
                .or_else(|| rules.kept_in(patient.home, plea))
        };
        if let ShareCall::Request { case, patient, purpose, category } = *call {
            return kept(plea, patient, purpose, category)
                .or_else(|| self.exchanges.contains_key(&case).then_some(Refusal::DoneBefore));
        }
        let (ShareCall::Request { case, .. } | ShareCall::Disclose { case } | ShareCall::Acknowledge { case }) = *call;
        let Some(history) = self.exchanges.get(&case) else { return Some(Refusal::NotRequested) };
        let [(asked_by, ShareCall::Request { patient, purpose, category, .. }), ..] = history[..] else {
            panic!("an exchange begins with a request")
        };
        let acknowledges = matches!(call, ShareCall::Acknowledge { .. });
        let disclosed = history.iter().any(|(_, step)| matches!(step, ShareCall::Disclose { .. }));
        match () {
            () if plea.by != if acknowledges { asked_by } else { patient.home } => Some(Refusal::WrongParty),
            () if acknowledges && !disclosed => Some(Refusal::NotDisclosed),
            () if history.iter().any(|(_, step)| step == call) => Some(Refusal::DoneBefore),
            () if acknowledges => None,
            () => kept(&Plea { by: asked_by, ..*plea }, patient, purpose, category),
        }
    }

    /// Whose data went to whom by a call that was allowed: looked at, seen in a session, handed over or licensed.
    pub fn went(&self, plea: &Plea, call: &Call) -> Option<(HospitalId, HospitalId)> {
        match call {
            Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. }) => None,
            Call::Access(AccessCall::Session { patient } | AccessCall::Look { patient, .. }) => {
                Some((patient.home, plea.by))
            }
            Call::Licence(LicenceCall::Grant { patient, licensee, .. }) => Some((patient.home, *licensee)),
            Call::Share(ShareCall::Disclose { case }) => {
                let (asked_by, _) = self.exchanges.get(case)?.first()?;
                Some((plea.by, *asked_by))
            }
            _ => None,
        }
    }

    pub fn allow_share(&mut self, plea: &Plea, call: &ShareCall) {
        let (ShareCall::Request { case, .. } | ShareCall::Disclose { case } | ShareCall::Acknowledge { case }) = *call;
        self.exchanges.entry(case).or_default().push((plea.by, *call));
    }
}
