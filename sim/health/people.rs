//! The people behind the load, and what was on the ledger before the run: both follow from the seed.
//!
//! Billions of patients are not kept: what nobody has touched yet is computed when it is asked for.

use crate::base::{HospitalId, Time};
use crate::kernel::draw::{Chance, Site, below, draw};

use super::call::{ConsentKey, Patient, Purpose, Scope};

/// Where a country lets its patients' data go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residency {
    /// Anywhere.
    Free,
    /// To countries that protect them as well.
    Adequacy,
    /// Nowhere else.
    LocalOnly,
}

/// What of a hospital matters to contracts.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    /// People whose records it keeps.
    pub patients: u32,
    /// Its country, by number.
    pub country: u16,
    /// Where that lets data go.
    pub residency: Residency,
    /// Whether that protects data well enough for those that ask for it.
    pub adequate: bool,
}

/// Shares of people, as settings have them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// Patients and other hospitals between which there is a consent before the run.
    pub consented: f64,
    /// Of those, consents whose time is over.
    pub expired: f64,
    /// Patients who deny a hospital or purpose.
    pub denied: f64,
    /// Looks at data of patients of other hospitals.
    pub elsewhere: f64,
    /// Data asked for in another country.
    pub abroad: f64,
}

/// A consent as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What it covers may be used, until then.
    Permitted {
        /// What it covers.
        scope: Scope,
        /// When it ends.
        until: Time,
    },
    /// It was permitted, and is not any more.
    Revoked,
    /// Nothing may be used.
    Denied,
}

/// Everyone.
#[derive(Clone, Debug)]
pub struct People {
    seed: u64,
    homes: Vec<Home>,
    habits: Habits,
}

impl People {
    /// The people of these hospitals.
    pub fn new(seed: u64, homes: Vec<Home>, habits: Habits) -> People {
        People { seed, homes, habits }
    }

    /// A hospital.
    pub fn home(&self, hospital: HospitalId) -> &Home {
        &self.homes[hospital.index()]
    }

    /// How many hospitals there are.
    pub fn hospitals(&self) -> u64 {
        self.homes.len() as u64
    }

    /// Their habits.
    pub fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Whether there is such a patient.
    pub fn knows(&self, patient: Patient) -> bool {
        self.homes.get(patient.home.index()).is_some_and(|home| patient.number < home.patients)
    }

    /// What was on the ledger before the run. By custom a hospital uses its own patients' data for treatment and payment.
    pub fn genesis(&self, key: &ConsentKey) -> Option<Standing> {
        let own = key.grantee == key.patient.home && matches!(key.purpose, Purpose::Treatment | Purpose::Payment);
        let grantee = u64::from(key.grantee.0) << 2 | key.purpose as u64;
        let patient = u64::from(key.patient.home.0) << 32 | u64::from(key.patient.number);
        let bits = |nth| draw(self.seed, Site::Genesis, patient, grantee, nth);
        let is = |share, nth| Chance::new(share).happens(bits(nth));
        if is(self.habits.denied, 0) {
            return Some(Standing::Denied);
        }
        if own {
            return Some(Standing::Permitted { scope: Scope::ALL, until: Time::NEVER });
        }
        if !is(self.habits.consented, 1) {
            return None;
        }
        let until = if is(self.habits.expired, 2) { Time::ZERO } else { Time::NEVER };
        let scope = if below(4, bits(3)) == 0 { Scope::ALL } else { Scope::USUAL };
        Some(Standing::Permitted { scope, until })
    }
}
