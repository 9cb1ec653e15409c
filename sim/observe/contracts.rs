//! Contracts, executed once more: whether each call is decided as the rules say.
//!
//! Nothing of the ledger's executor is used: this judge keeps the history of what was allowed and asks it anew each time,
//! where the executor keeps what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{HospitalId, Time};
use crate::health::{
    AccessCall, Call, Case, Category, Change, ConsentCall, ConsentKey, Patient, People, Purpose, RecordCall, Refusal,
    Residency, ShareCall, Standing, Verdict,
};
use crate::ledger::Transaction;

use super::{Judge, Tap};

/// Consents are changed by their patients and hold as long as they say; data are used and handed on only under them and
/// where the law lets them go. Memory: 48 bytes for each change and each step of an exchange that was allowed.
pub(super) struct ContractRules {
    people: Arc<People>,
    changes: BTreeMap<ConsentKey, Vec<(Time, Change)>>,
    requested: BTreeMap<Case, (HospitalId, HospitalId)>,
    disclosed: BTreeSet<Case>,
    acknowledged: BTreeSet<Case>,
}

impl ContractRules {
    pub(super) fn new(people: Arc<People>) -> ContractRules {
        let (changes, requested) = (BTreeMap::new(), BTreeMap::new());
        ContractRules { people, changes, requested, disclosed: BTreeSet::new(), acknowledged: BTreeSet::new() }
    }

    /// The change that counts: the last that was allowed.
    fn last(&self, key: &ConsentKey) -> Option<Change> {
        self.changes.get(key).and_then(|changes| changes.last()).map(|(_, change)| *change)
    }

    /// What covers a category was agreed to when something was granted last; renewing it changes no more than its end.
    fn covered(&self, key: &ConsentKey, category: Category) -> bool {
        let history = self.changes.get(key).map_or(&[][..], |changes| changes);
        let granted = history.iter().rev().find_map(|(_, change)| match change {
            Change::Grant { scope, .. } => Some(*scope),
            _ => None,
        });
        let before = match self.people.genesis(key) {
            Some(Standing::Permitted { scope, .. }) => Some(scope),
            _ => None,
        };
        granted.or(before).is_some_and(|scope| scope.covers(category))
    }

    /// When a consent in force ends; or why there is none.
    fn end(&self, key: &ConsentKey) -> Result<Time, Refusal> {
        match self.last(key) {
            Some(Change::Grant { until, .. } | Change::Renew { until }) => Ok(until),
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

    fn usable(&self, key: &ConsentKey, category: Category, at: Time) -> Option<Refusal> {
        match self.end(key) {
            Err(refusal) => Some(refusal),
            Ok(until) if at >= until => Some(Refusal::ConsentExpired),
            Ok(_) if !self.covered(key, category) => Some(Refusal::OutOfScope),
            Ok(_) => None,
        }
    }

    fn kept_in(&self, patient: Patient, to: HospitalId) -> Option<Refusal> {
        let (here, there) = (self.people.home(patient.home), self.people.home(to));
        let abroad = here.country != there.country;
        match here.residency {
            Residency::LocalOnly if abroad => Some(Refusal::DataStay),
            Residency::Adequacy if abroad && !there.adequate => Some(Refusal::NoAdequacy),
            _ => None,
        }
    }

    /// Why a call must be refused; none where it must be allowed.
    fn refused(&self, by: HospitalId, at: Time, call: &Call) -> Option<Refusal> {
        let own = |patient: Patient| self.people.own(patient, by).err();
        match *call {
            Call::Plain => None,
            Call::Record(RecordCall::Anchor { patient, .. }) => own(patient),
            Call::Consent(ConsentCall { key, change }) => own(key.patient).or_else(|| match change {
                Change::Grant { .. } | Change::Deny => None,
                Change::Revoke | Change::Renew { .. } => {
                    let in_force = self.end(&key).is_ok_and(|until| at < until);
                    (!in_force).then_some(Refusal::NothingInForce)
                }
            }),
            Call::Access(AccessCall::Look { patient, purpose, category }) => {
                self.looked_at(by, at, patient, purpose, category)
            }
            Call::Share(ShareCall::Request { case, patient, purpose, category }) => self
                .looked_at(by, at, patient, purpose, category)
                .or_else(|| self.kept_in(patient, by))
                .or_else(|| self.requested.contains_key(&case).then_some(Refusal::DoneBefore)),
            Call::Share(ShareCall::Disclose { case }) => match self.requested.get(&case) {
                None => Some(Refusal::NotRequested),
                Some((from, _)) if *from != by => Some(Refusal::WrongParty),
                Some(_) => self.disclosed.contains(&case).then_some(Refusal::DoneBefore),
            },
            Call::Share(ShareCall::Acknowledge { case }) => match self.requested.get(&case) {
                None => Some(Refusal::NotRequested),
                Some((_, to)) if *to != by => Some(Refusal::WrongParty),
                Some(_) if !self.disclosed.contains(&case) => Some(Refusal::NotDisclosed),
                Some(_) => self.acknowledged.contains(&case).then_some(Refusal::DoneBefore),
            },
            _ => None,
        }
    }

    fn looked_at(
        &self,
        by: HospitalId,
        at: Time,
        patient: Patient,
        purpose: Purpose,
        category: Category,
    ) -> Option<Refusal> {
        match purpose {
            _ if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
            Purpose::Emergency => None,
            _ => self.usable(&ConsentKey { patient, grantee: by, purpose }, category, at),
        }
    }

    fn allow(&mut self, by: HospitalId, at: Time, call: &Call) {
        match *call {
            Call::Consent(ConsentCall { key, change }) => self.changes.entry(key).or_default().push((at, change)),
            Call::Share(ShareCall::Request { case, patient, .. }) => {
                drop(self.requested.insert(case, (patient.home, by)))
            }
            Call::Share(ShareCall::Disclose { case }) => drop(self.disclosed.insert(case)),
            Call::Share(ShareCall::Acknowledge { case }) => drop(self.acknowledged.insert(case)),
            _ => {}
        }
    }

    fn on_decided(&mut self, tx: &Transaction, call: &Call, verdict: Verdict) -> Result<(), String> {
        let (by, at) = (tx.hospital, tx.submitted);
        let due = self.refused(by, at, call);
        if verdict.err() != due {
            let word = |refusal: Option<Refusal>| refusal.map_or("allowed", Refusal::name);
            let (is, due) = (word(verdict.err()), word(due));
            return Err(format!("transaction {} of {by}, {call:?}, is {is}; the rules say {due}", tx.number.0));
        }
        if due.is_none() {
            self.allow(by, at, call);
        }
        Ok(())
    }
}

impl Judge for ContractRules {
    fn name(&self) -> &'static str {
        "contracts"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Decided { transaction, call, verdict, .. } => self.on_decided(transaction, call, *verdict),
            _ => Ok(()),
        }
    }
}
