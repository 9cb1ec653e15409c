//! The contracts: what the ledger lets happen, in the order in which it was committed.
//!
//! A pure state machine: every replica that executes the same calls comes to the same verdicts. A call that is refused
//! stays on the ledger with its reason. Time is what the signer says it is: the intended arrival, which the signature
//! covers, so that no replica's clock decides.
//!
//! | calls | what is enforced |
//! |---|---|
//! | `record.*` | the patient is one of the hospital that signs |
//! | `consent.*` | signed by the patient; what is revoked or renewed is in force |
//! | `access.*` | own patients for treatment and payment by custom, others by a consent for that purpose and class of data, in its time; never against a denial, but in emergencies, which always pass and are counted apart |
//! | `share.*` | asked for under a consent and where the country's law lets data go; disclosed by the patient's hospital, once, and only what was asked for; acknowledged by who asked |

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, Encode, HospitalId, Time};

use super::Refusal;
use super::call::{Call, Case, Category, Change, ConsentKey, Patient, Purpose};
use super::people::{People, Residency, Standing};

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Requested,
    Disclosed,
    Acknowledged,
}

/// An exchange of a patient's data.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    from: HospitalId,
    to: HospitalId,
    stage: Stage,
}

/// The state of all contracts at one height. Memory: 64 bytes for each consent changed, 48 for each exchange.
#[derive(Debug)]
pub struct Contracts {
    people: Arc<People>,
    consents: BTreeMap<ConsentKey, Standing>,
    exchanges: BTreeMap<Case, Exchange>,
    /// What the calls of this height changed, and their verdicts.
    hasher: blake3::Hasher,
}

impl Contracts {
    /// At genesis.
    pub fn new(people: Arc<People>) -> Contracts {
        let (consents, exchanges) = (BTreeMap::new(), BTreeMap::new());
        Contracts { people, consents, exchanges, hasher: blake3::Hasher::new() }
    }

    /// Executes what the hospital `by`, or its patient, signed `at` that time.
    pub fn execute(&mut self, by: HospitalId, at: Time, call: &Call) -> Result<(), Refusal> {
        let verdict = match *call {
            Call::Plain => Ok(()),
            Call::Record { patient, .. } => self.record(by, patient),
            Call::Consent { key, change } => self.consent(by, at, key, change),
            Call::Access { patient, purpose, category } => self.access(by, at, patient, purpose, category),
            Call::Request { case, patient, purpose, category } => {
                self.request(by, at, case, &ConsentKey { patient, grantee: by, purpose }, category)
            }
            Call::Disclose { case } => self.disclose(by, case),
            Call::Acknowledge { case } => self.acknowledge(by, case),
        };
        call.encode(&mut self.hasher);
        verdict.map_or_else(|refusal| refusal as u8 + 1, |()| 0).encode(&mut self.hasher);
        verdict
    }

    /// A commitment to everything executed so far.
    pub fn root(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }

    fn known(&self, patient: Patient) -> Result<(), Refusal> {
        if self.people.knows(patient) { Ok(()) } else { Err(Refusal::UnknownPatient) }
    }

    fn record(&self, by: HospitalId, patient: Patient) -> Result<(), Refusal> {
        self.known(patient)?;
        if patient.home == by { Ok(()) } else { Err(Refusal::WrongParty) }
    }

    fn standing(&self, key: &ConsentKey) -> Option<Standing> {
        self.consents.get(key).copied().or_else(|| self.people.genesis(key))
    }

    /// A consent's life: granted, renewed while it is in force, revoked or denied; granted again after any of these.
    fn consent(&mut self, by: HospitalId, at: Time, key: ConsentKey, change: Change) -> Result<(), Refusal> {
        self.record(by, key.patient)?;
        let in_force = match self.standing(&key) {
            Some(Standing::Permitted { scope, until }) if until > at => Some(scope),
            _ => None,
        };
        let standing = match change {
            Change::Grant { scope, until } => Standing::Permitted { scope, until },
            Change::Renew { until } => Standing::Permitted { scope: in_force.ok_or(Refusal::NothingInForce)?, until },
            Change::Revoke => in_force.map(|_| Standing::Revoked).ok_or(Refusal::NothingInForce)?,
            Change::Deny => Standing::Denied,
        };
        self.consents.insert(key, standing);
        Ok(())
    }

    fn access(
        &self,
        by: HospitalId,
        at: Time,
        patient: Patient,
        purpose: Purpose,
        category: Category,
    ) -> Result<(), Refusal> {
        self.known(patient)?;
        if purpose == Purpose::Emergency {
            return Ok(());
        }
        permits(self.standing(&ConsentKey { patient, grantee: by, purpose }), category, at)
    }

    fn request(
        &mut self,
        by: HospitalId,
        at: Time,
        case: Case,
        key: &ConsentKey,
        category: Category,
    ) -> Result<(), Refusal> {
        self.access(by, at, key.patient, key.purpose, category)?;
        self.may_leave(key.patient, by)?;
        if self.exchanges.contains_key(&case) {
            return Err(Refusal::DoneBefore);
        }
        self.exchanges.insert(case, Exchange { from: key.patient.home, to: by, stage: Stage::Requested });
        Ok(())
    }

    /// Whether the law of the patient's country lets data go where another hospital is.
    fn may_leave(&self, patient: Patient, to: HospitalId) -> Result<(), Refusal> {
        let (from, to) = (self.people.home(patient.home), self.people.home(to));
        match from.residency {
            _ if from.country == to.country => Ok(()),
            Residency::Free => Ok(()),
            Residency::Adequacy if to.adequate => Ok(()),
            Residency::Adequacy => Err(Refusal::NoAdequacy),
            Residency::LocalOnly => Err(Refusal::DataStay),
        }
    }

    fn disclose(&mut self, by: HospitalId, case: Case) -> Result<(), Refusal> {
        let exchange = self.exchanges.get_mut(&case).ok_or(Refusal::NotRequested)?;
        match exchange.stage {
            _ if exchange.from != by => Err(Refusal::WrongParty),
            Stage::Requested => {
                exchange.stage = Stage::Disclosed;
                Ok(())
            }
            Stage::Disclosed | Stage::Acknowledged => Err(Refusal::DoneBefore),
        }
    }

    fn acknowledge(&mut self, by: HospitalId, case: Case) -> Result<(), Refusal> {
        let exchange = self.exchanges.get_mut(&case).ok_or(Refusal::NotRequested)?;
        match exchange.stage {
            _ if exchange.to != by => Err(Refusal::WrongParty),
            Stage::Requested => Err(Refusal::NotDisclosed),
            Stage::Disclosed => {
                exchange.stage = Stage::Acknowledged;
                Ok(())
            }
            Stage::Acknowledged => Err(Refusal::DoneBefore),
        }
    }
}

/// Whether what stands lets data of a category be used at a time.
fn permits(standing: Option<Standing>, category: Category, at: Time) -> Result<(), Refusal> {
    match standing {
        None => Err(Refusal::NoConsent),
        Some(Standing::Revoked) => Err(Refusal::ConsentRevoked),
        Some(Standing::Denied) => Err(Refusal::ConsentDenied),
        Some(Standing::Permitted { until, .. }) if until <= at => Err(Refusal::ConsentExpired),
        Some(Standing::Permitted { scope, .. }) if !scope.covers(category) => Err(Refusal::OutOfScope),
        Some(Standing::Permitted { .. }) => Ok(()),
    }
}
