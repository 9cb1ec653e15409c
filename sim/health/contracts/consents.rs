//! Consents: what patients let be used, by whom, what for, and until when (FHIR R4 `Consent`).

use std::sync::Arc;

use crate::base::{Encode, Sink, Time};
use crate::health::{Category, ConsentKey, Patient, People, Purpose, Refusal, Scope, Standing};

use super::table::{Table, Write};
use super::{Signed, Verdict};

/// A patient changes a consent. The patient's key signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentCall {
    /// Which.
    pub key: ConsentKey,
    /// How.
    pub change: Change,
}

/// What a patient changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// From now on this may be used, until then.
    Grant {
        /// What.
        scope: Scope,
        /// Until when.
        until: Time,
    },
    /// What was granted is not any more.
    Revoke,
    /// What is granted goes on.
    Renew {
        /// Until when.
        until: Time,
    },
    /// Nothing may be used, whatever custom or law would let pass; but for emergencies.
    Deny,
}

impl Encode for ConsentCall {
    fn encode(&self, sink: &mut impl Sink) {
        self.key.encode(sink);
        match self.change {
            Change::Grant { scope, until } => (0u8, scope, until).encode(sink),
            Change::Revoke => 1u8.encode(sink),
            Change::Renew { until } => (2u8, until).encode(sink),
            Change::Deny => 3u8.encode(sink),
        }
    }
}

/// Consents as they stand: those changed in the run, and genesis for the others.
#[derive(Clone, Debug)]
pub(super) struct Consents {
    people: Arc<People>,
    changed: Table<ConsentKey, Standing>,
}

impl Consents {
    pub fn new(people: Arc<People>) -> Consents {
        Consents { people, changed: Table::new(2) }
    }

    fn standing(&self, key: &ConsentKey) -> Option<Standing> {
        self.changed.get(key).copied().or_else(|| self.people.genesis(key))
    }

    /// A consent's life: granted, renewed while it is in force, revoked or denied; granted again after any of these.
    pub fn execute(&mut self, signed: Signed, call: &ConsentCall) -> Verdict {
        let ConsentCall { key, change } = *call;
        self.people.own(key.patient, signed.by)?;
        let in_force = match self.standing(&key) {
            Some(Standing::Permitted { scope, until }) if until > signed.at => Some(scope),
            _ => None,
        };
        let standing = match change {
            Change::Grant { scope, until } => Standing::Permitted { scope, until },
            Change::Renew { until } => Standing::Permitted { scope: in_force.ok_or(Refusal::NothingInForce)?, until },
            Change::Revoke => in_force.map(|_| Standing::Revoked).ok_or(Refusal::NothingInForce)?,
            Change::Deny => Standing::Denied,
        };
        self.changed.put(key, standing);
        Ok(())
    }

    /// A patient's standing on what others do is set by another contract that the patient signed.
    pub fn set(&mut self, key: ConsentKey, standing: Standing) {
        self.changed.put(key, standing);
    }

    /// Whether the signing hospital may use a patient's data. In emergencies always: glass is broken, and that is counted.
    pub fn permit(&self, signed: Signed, patient: Patient, purpose: Purpose, category: Category) -> Verdict {
        self.people.known(patient)?;
        if purpose == Purpose::Emergency {
            return Ok(());
        }
        self.covers(&ConsentKey { patient, grantee: signed.by, purpose }, category, signed.at)
    }

    /// Whether a consent lets data of a category be used at a time.
    pub fn covers(&self, key: &ConsentKey, category: Category, at: Time) -> Verdict {
        match self.standing(key) {
            None => Err(Refusal::NoConsent),
            Some(Standing::Revoked) => Err(Refusal::ConsentRevoked),
            Some(Standing::Denied) => Err(Refusal::ConsentDenied),
            Some(Standing::Permitted { until, .. }) if until <= at => Err(Refusal::ConsentExpired),
            Some(Standing::Permitted { scope, .. }) if !scope.covers(category) => Err(Refusal::OutOfScope),
            Some(Standing::Permitted { .. }) => Ok(()),
        }
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.changed.settle(writes);
    }
}
