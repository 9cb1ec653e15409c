//! Contracts, executed once more: whether each call is decided as the rules say.
//!
//! Nothing of the ledger's executor is used: this judge keeps the history of what was allowed and asks it anew each
//! time, where the executor keeps what follows from it. Who holds a unit is what was done with it last; what a claim
//! pays is what earlier ones of the patient left of the cover; a motion is carried by the votes in its history,
//! recounted.
//!
//! Memory is for each call that was allowed, without the tree that it is found in.
//!
//! | file | what it judges | memory |
//! |---|---|---|
//! | `care` | records, consents, looks, exchanges | a change 16 bytes, a record 16, a step of an exchange 32 |
//! | `money` | claims, licences, who has paid what | a step of a claim 48 bytes, of a licence 32; a service 8 |
//! | `supply` | prescriptions, packs, units, lots | a step of a unit 12 bytes, a pack that is taken 17, a filling 16 |
//! | `rules` | trials, and motions with what is in effect of them | a step of a subject 24 bytes, of a motion 40 |

mod care;
mod money;
mod rules;
mod supply;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::base::{Height, HospitalId, Time};
use crate::health::{AccessCall, Call, People, Purpose, Refusal, Verdict};
use crate::ledger::Transaction;

use super::{Judge, Tap};

use care::Care;
use money::Money;
use rules::Rules;
use supply::Supply;

/// Who asks for something, and when.
#[derive(Clone, Copy)]
struct Plea {
    by: HospitalId,
    at: Time,
    height: Height,
}

/// What each family of calls must be answered, and what money has moved by it.
pub(super) struct ContractRules {
    care: Care,
    money: Money,
    rules: Rules,
    supply: Supply,
    /// Looks, sessions, disclosures and licences across a border, emergencies aside, and those of them that the law in force
    /// forbade.
    crossings: u64,
    violations: u64,
}

impl ContractRules {
    pub(super) fn new(people: Arc<People>) -> ContractRules {
        ContractRules {
            care: Care::new(people.clone()),
            money: Money::new(people.clone()),
            rules: Rules::new(people.clone()),
            supply: Supply::new(people),
            crossings: 0,
            violations: 0,
        }
    }

    /// Why a call must be refused; none where it must be allowed.
    fn refused(&self, plea: &Plea, call: &Call) -> Option<Refusal> {
        let saves_a_life = matches!(call, Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. }));
        if !saves_a_life && self.rules.is_suspended(plea) {
            return Some(Refusal::Suspended);
        }
        if let Some(refusal) = call.signer().and_then(|patient| self.care.forgotten(patient)) {
            return Some(refusal);
        }
        match call {
            Call::Plain => None,
            Call::Record(call) => self.care.record(plea, call),
            Call::Consent(call) => self.care.consent(plea, call),
            Call::Access(call) => self.care.access(plea, call, &self.rules),
            Call::Share(call) => self.care.share(plea, call, &self.rules),
            Call::Claim(call) => self.money.claim(plea, call, &self.rules),
            Call::Licence(call) => self.money.licence(plea, call, &self.care, &self.rules),
            Call::Rx(call) => self.supply.prescription(plea, call),
            Call::Pack(call) => self.supply.pack(plea, call),
            Call::Trial(call) => self.rules.trial(plea, call, &self.care),
            Call::Governance(call) => self.rules.governance(plea, call),
        }
    }

    fn allow(&mut self, plea: &Plea, call: &Call) {
        match call {
            Call::Plain | Call::Access(_) => {}
            Call::Record(call) => self.care.allow_record(call),
            Call::Consent(call) => self.care.allow_consent(call.key, call.change),
            Call::Share(call) => self.care.allow_share(plea, call),
            Call::Claim(call) => self.money.allow_claim(plea, call),
            Call::Licence(call) => self.money.allow_licence(call),
            Call::Rx(call) => self.supply.allow_prescription(call),
            Call::Pack(call) => self.supply.allow_pack(plea, call),
            Call::Trial(call) => self.rules.allow_trial(plea, call, &mut self.care, &mut self.money),
            Call::Governance(call) => self.rules.allow_governance(plea, call),
        }
    }

    fn on_decided(&mut self, height: Height, tx: &Transaction, call: &Call, verdict: Verdict) -> Result<(), String> {
        let plea = Plea { by: tx.hospital, at: tx.submitted, height };
        let due = self.refused(&plea, call);
        if verdict.err() != due {
            let word = |refusal: Option<Refusal>| refusal.map_or("allowed", Refusal::name);
            let (by, is, due) = (plea.by, word(verdict.err()), word(due));
            return Err(format!("transaction {} of {by}, {call:?}, is {is}; the rules say {due}", tx.number.0));
        }
        if due.is_none() {
            self.count_crossing(&plea, call);
            self.allow(&plea, call);
        }
        Ok(())
    }

    /// Data have gone to another hospital: across a border, and lawfully?
    fn count_crossing(&mut self, plea: &Plea, call: &Call) {
        let Some((from, to)) = self.care.went(plea, call) else { return };
        self.crossings += u64::from(self.rules.crosses(from, to));
        self.violations += u64::from(self.rules.kept_in(from, &Plea { by: to, ..*plea }).is_some());
    }

    fn on_settled(&self, balances: &[i64; 4]) -> Result<(), String> {
        let due = self.money.moved();
        if *balances == due {
            return Ok(());
        }
        let names = "hospitals, payers, patients and the operator";
        Err(format!("{names} have {balances:?} hundredths; by what was allowed they have {due:?}"))
    }
}

impl Judge for ContractRules {
    fn name(&self) -> &'static str {
        "contracts"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Decided { height, transaction, call, verdict } => {
                self.on_decided(*height, transaction, call, *verdict)
            }
            Tap::Settled { balances } => self.on_settled(balances),
            _ => Ok(()),
        }
    }

    fn counted(&self) -> Vec<(&'static str, u64)> {
        vec![("border_crossings", self.crossings), ("residency_violations", self.violations)]
    }
}
