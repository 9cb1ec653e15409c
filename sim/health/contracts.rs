//! The contracts: what the ledger lets happen, in the order in which it was committed.
//!
//! A pure state machine: every replica that executes the same calls comes to the same verdicts. A call that is refused
//! stays on the ledger with its reason. Time is what the signer says it is: the intended arrival, which the signature
//! covers, so that no replica's clock decides.
//!
//! | calls | what is enforced |
//! |---|---|
//! | `record.*` | the patient is one of the hospital that signs and has a key; a correction supersedes a record that there is; the patient signs to be forgotten |
//! | `consent.*` | signed by the patient; what is revoked or renewed is in force |
//! | `access.*` | own patients for treatment and payment by custom, others by a consent for that purpose and class of data, in its time, and from abroad where the country's law lets data go; never against a denial, but in emergencies, which neither stops and which are counted apart; of who is forgotten there is nothing to look at |
//! | `tele.*`, `device.*` | a session needs a consent to treatment, and may cross a border only where data may; devices are of the hospital's own patients |
//! | `share.*` | asked for under a consent and where the country's law lets data go; disclosed by the patient's hospital, once, where both still hold; acknowledged by who asked |
//! | `claim.*` | insured; no service billed twice; confirmed by the patient's key before it is adjudicated; paid once, what was adjudicated |
//! | `rx.*`, `pack.*` | filled as often as prescribed; a pack is genuine, in custody, dispensed or taken out once, not recalled; units ship from who holds them to who receives them |
//! | `trial.*` | nothing is captured without consent or after a withdrawal; one stipend |
//! | `data.*` | licensed under a consent to research, abroad where the law lets data go; the royalty is split and paid once |
//! | `governance.*` | members vote once each; more than two thirds of those who are not suspended carry; in effect [`NOTICE`] blocks later |
//!
//! Whoever is suspended can do nothing but save a life; a patient's key that is destroyed signs nothing more. Rows that calls change are authenticated ([`Write`]).

mod access;
mod accounts;
mod claims;
mod consents;
mod governance;
mod licences;
mod measure;
mod packs;
mod prescriptions;
mod records;
mod shares;
mod table;
#[cfg(test)]
mod tests;
mod trials;

use std::sync::Arc;

use crate::base::{Digest, Encode, Height, HospitalId, Time};

use super::call::{Call, Case, Category, Patient, Purpose};
use super::people::People;
use super::refusal::Refusal;

pub use access::AccessCall;
pub use accounts::Account;
pub use claims::{BILLED_AT_GENESIS, ClaimCall};
pub use consents::{Change, ConsentCall};
pub use governance::{GovernanceCall, Motion, NOTICE};
pub use licences::{LicenceCall, SPLIT};
pub use measure::measure_contracts;
pub use packs::PackCall;
pub use prescriptions::{FILLS, RxCall};
pub use records::{Anchors, RecordCall, Residue};
pub use shares::ShareCall;
pub use table::Write;
pub use trials::{STIPEND, TRIAL_TERM, TrialCall};

use accounts::Accounts;
use claims::Claims;
use consents::Consents;
use governance::Governance;
use licences::Licences;
use packs::Packs;
use prescriptions::Prescriptions;
use records::Records;
use shares::Shares;
use trials::Trials;

/// Done, or why not.
pub type Verdict = Result<(), Refusal>;

/// Who signed a call, or whose patient did, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The hospital that submitted it.
    pub by: HospitalId,
    /// The intended arrival.
    pub at: Time,
    /// Bytes of its transaction on the ledger.
    pub bytes: u32,
}

/// The state of all contracts at one height.
#[derive(Clone, Debug)]
pub struct Contracts {
    accounts: Accounts,
    claims: Claims,
    consents: Consents,
    governance: Governance,
    licences: Licences,
    packs: Packs,
    prescriptions: Prescriptions,
    records: Records,
    shares: Shares,
    trials: Trials,
    people: Arc<People>,
    /// What was asked for, and the verdicts.
    hasher: blake3::Hasher,
}

impl Contracts {
    /// At genesis.
    pub fn new(people: Arc<People>) -> Contracts {
        Contracts {
            accounts: Accounts::new(),
            claims: Claims::new(people.clone()),
            consents: Consents::new(people.clone()),
            governance: Governance::new(people.clone()),
            licences: Licences::new(people.clone()),
            packs: Packs::new(people.clone()),
            prescriptions: Prescriptions::new(people.clone()),
            records: Records::new(people.clone()),
            shares: Shares::new(),
            trials: Trials::new(people.clone()),
            people,
            hasher: blake3::Hasher::new(),
        }
    }

    /// A block begins. Returns the motions that are in effect from this one on.
    pub fn begin(&mut self, height: Height) -> Vec<Case> {
        let in_effect = self.governance.begin(height);
        for &(_, motion) in &in_effect {
            if let Motion::Dispute(claim) = motion {
                self.claims.dispute(claim);
            }
        }
        in_effect.into_iter().map(|(case, _)| case).collect()
    }

    /// Executes a call.
    pub fn execute(&mut self, signed: Signed, call: &Call) -> Verdict {
        let verdict = self.decide(signed, call);
        call.encode(&mut self.hasher);
        verdict.map_or_else(|refusal| refusal as u8 + 1, |()| 0).encode(&mut self.hasher);
        verdict
    }

    fn decide(&mut self, signed: Signed, call: &Call) -> Verdict {
        let emergency = matches!(call, Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. }));
        if !emergency {
            self.governance.admitted(signed.by)?;
        }
        if let Some(patient) = call.signer() {
            self.records.reachable(patient)?;
        }
        match call {
            Call::Plain => Ok(()),
            Call::Record(call) => self.records.execute(signed, call),
            Call::Consent(call) => self.consents.execute(signed, call),
            Call::Access(call) => self.access(signed, call),
            Call::Share(call) => self.share(signed, call),
            Call::Claim(call) => self.claims.execute(signed, call, &mut self.accounts),
            Call::Rx(call) => self.prescriptions.execute(signed, call, &mut self.packs),
            Call::Pack(call) => self.packs.execute(signed, call),
            Call::Trial(call) => {
                let money = (&mut self.accounts, self.governance.stipend());
                self.trials.execute(signed, call, &mut self.consents, money)
            }
            Call::Licence(call) => self.licence(signed, call),
            Call::Governance(call) => self.governance.execute(signed, call),
        }
    }

    fn licence(&mut self, signed: Signed, call: &LicenceCall) -> Verdict {
        let (consents, law) = (&self.consents, &self.governance);
        self.licences.execute(signed, call, (consents, law), &mut self.accounts)
    }

    fn access(&mut self, signed: Signed, call: &AccessCall) -> Verdict {
        match *call {
            AccessCall::Look { patient, purpose, category } => {
                match purpose {
                    // Glass may be broken anywhere.
                    Purpose::Emergency => {
                        self.people.known(patient)?;
                        self.records.reachable(patient)
                    }
                    _ => self.may_have(signed, patient, (purpose, category)),
                }
            }
            AccessCall::Session { patient } => {
                self.consents.permit(signed, patient, Purpose::Treatment, Category::Clinical)?;
                self.governance.may_leave(patient.home, signed.by)
            }
            AccessCall::Readings { patient } | AccessCall::Alert { patient } => {
                self.records.own(patient, signed)?;
                self.records.reachable(patient)
            }
        }
    }

    fn share(&mut self, signed: Signed, call: &ShareCall) -> Verdict {
        match *call {
            ShareCall::Request { case, patient, purpose, category } => {
                self.may_have(signed, patient, (purpose, category))?;
                self.shares.request(signed, case, patient, (purpose, category))
            }
            ShareCall::Disclose { case } => {
                let exchange = self.shares.due(signed, case)?;
                let asked = Signed { by: exchange.to, ..signed };
                self.may_have(asked, exchange.patient, (exchange.purpose, exchange.category))?;
                self.shares.disclose(case);
                Ok(())
            }
            ShareCall::Acknowledge { case } => self.shares.acknowledge(signed, case),
        }
    }

    /// Whether a patient's data may go to a hospital: by the patient's will, as long as there is a key to read them, and
    /// by the law of the patient's country.
    fn may_have(&self, asked: Signed, patient: Patient, (purpose, category): (Purpose, Category)) -> Verdict {
        self.consents.permit(asked, patient, purpose, category)?;
        self.records.reachable(patient)?;
        self.governance.may_leave(patient.home, asked.by)
    }

    /// A commitment to everything executed so far.
    pub fn history(&self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }

    /// The rows that were written since the last time.
    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.accounts.settle(writes);
        self.consents.settle(writes);
        self.records.settle(writes);
        self.shares.settle(writes);
        self.claims.settle(writes);
        self.packs.settle(writes);
        self.prescriptions.settle(writes);
        self.trials.settle(writes);
        self.licences.settle(writes);
        self.governance.settle(writes);
    }

    /// What forgetting left behind.
    pub fn residue(&self) -> Residue {
        self.records.residue()
    }

    /// Patients with at least one record.
    pub fn recorded(&self) -> u64 {
        self.records.patients()
    }

    /// Who hands over, and to whom, in an exchange.
    pub fn parties(&self, case: Case) -> Option<(HospitalId, HospitalId)> {
        self.shares.get(case).map(|exchange| (exchange.patient.home, exchange.to))
    }

    /// The balances of all hospitals, payers and patients, and of the operator, hundredths. Their sum is nought: contracts
    /// move money, and make none.
    pub fn balances(&self) -> [i64; 4] {
        self.accounts.by_holder()
    }
}
