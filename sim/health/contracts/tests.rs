//! The contracts' rules by family, and what holds whatever is asked for.

mod care;
mod money;
mod properties;
mod rules;
mod supply;

use super::*;
use crate::base::{Rate, Span};
use crate::health::{ConsentKey, Habits, Home, Patient, Residency, Scope};

const HERE: HospitalId = HospitalId(0);
const NEAR: HospitalId = HospitalId(1);
const FAR: HospitalId = HospitalId(2);
const SAFE: HospitalId = HospitalId(3);
/// Its vote does not count.
const OUTSIDER: HospitalId = HospitalId(4);

const PATIENT: Patient = Patient { home: HERE, number: 7 };
const OTHER: Patient = Patient { home: HERE, number: 8 };
const NOBODY: Patient = Patient { home: HERE, number: 100 };

/// A ledger at some height.
struct Ledger {
    contracts: Contracts,
    people: Arc<People>,
    height: u64,
}

impl Ledger {
    /// Hospitals 0, 1 and 4 to 8 are in one country; 2 in another that protects nothing; 3 in one that does. Nobody has
    /// agreed to anything, and everybody is insured.
    fn new(residency: Residency) -> Ledger {
        Ledger::with(residency, 1.0)
    }

    fn with(residency: Residency, insured: f64) -> Ledger {
        let home =
            |country, residency, adequate| Home { patients: 100, country, residency, adequate, uplink: Rate::new(1) };
        let mut homes = vec![home(0, residency, true); 9];
        homes[FAR.index()] = home(1, Residency::Free, false);
        homes[SAFE.index()] = home(2, Residency::Free, true);
        let habits = Habits { consented: 0.0, expired: 0.0, denied: 0.0, elsewhere: 0.0, abroad: 0.0, insured };
        let people = Arc::new(People::new(1, homes, habits));
        let mut ledger = Ledger { contracts: Contracts::new(people.clone()), people, height: 0 };
        ledger.begin(1);
        ledger
    }

    fn begin(&mut self, height: u64) {
        self.height = height;
        self.contracts.begin(Height(height));
    }

    fn at(&mut self, seconds: u64, by: HospitalId, call: Call) -> Verdict {
        self.contracts.execute(Signed { by, at: at(seconds), bytes: 100 }, &call)
    }

    /// At a time at which nothing has ended yet.
    fn call(&mut self, by: HospitalId, call: Call) -> Verdict {
        self.at(1, by, call)
    }

    /// A patient lets another hospital use data, but sensitive ones, for the first hundred seconds.
    fn grants(&mut self, patient: Patient, grantee: HospitalId, purpose: Purpose) {
        let change = Change::Grant { scope: Scope::USUAL, until: at(100) };
        let key = ConsentKey { patient, grantee, purpose };
        assert_eq!(self.call(patient.home, Call::Consent(ConsentCall { key, change })), Ok(()));
    }

    /// Members enact a motion, which is in effect when this returns.
    fn enacts(&mut self, case: u64, motion: Motion) {
        let case = Case(case);
        assert_eq!(self.call(HERE, Call::Governance(GovernanceCall::Propose { case, motion })), Ok(()));
        for member in self.people.members().to_vec() {
            let _ = self.call(member, Call::Governance(GovernanceCall::Vote { case, yes: true }));
        }
        assert_eq!(self.call(HERE, Call::Governance(GovernanceCall::Enact { case })), Ok(()));
        self.begin(self.height + NOTICE);
    }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn looks(patient: Patient, purpose: Purpose, category: Category) -> Call {
    Call::Access(AccessCall::Look { patient, purpose, category })
}
