//! The people behind the load, and what was on the ledger before the run: both follow from the seed.
//!
//! Billions of patients are not kept: what nobody has touched yet is computed when it is asked for.

use crate::base::{Encode, HospitalId, Rate, Sink, Time};
use crate::kernel::draw::{Chance, Site, below, draw};

use super::call::{Amount, ConsentKey, Patient, Purpose, Scope};
use super::contracts::Verdict;
use super::refusal::Refusal;
use super::supply::{LOTS, Lot, Pack, Unit};

/// Where a country lets its patients' data go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Residency {
    /// Anywhere.
    Free = 0,
    /// To countries that protect them as well.
    Adequacy = 1,
    /// Nowhere else.
    LocalOnly = 2,
}

impl Encode for Residency {
    fn encode(&self, sink: &mut impl Sink) {
        (*self as u8).encode(sink);
    }
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
    /// How much it can send: who runs an insurer is well connected.
    pub uplink: Rate,
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
    /// Patients who are insured.
    pub insured: f64,
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

impl Encode for Standing {
    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Standing::Permitted { scope, until } => (0u8, scope, until).encode(sink),
            Standing::Revoked => 1u8.encode(sink),
            Standing::Denied => 2u8.encode(sink),
        }
    }
}

/// Members who vote on the ledger's rules: hospitals spread evenly over the list.
const MEMBERS: usize = 7;
/// Hospitals on either side of one in the data set, which is sorted by country, that one payer may serve.
const PAYER_BLOCK: usize = 50;
/// The most that a cover bears in a year, and the least, in hundredths: settings of this model, not measured figures.
const COVER: [Amount; 2] = [2_000_000, 50_000];

/// Everyone.
#[derive(Clone, Debug)]
pub struct People {
    seed: u64,
    homes: Vec<Home>,
    habits: Habits,
    /// The hospital that runs the insurer of each hospital's patients.
    payers: Vec<HospitalId>,
    members: Vec<HospitalId>,
}

impl People {
    /// The people of these hospitals.
    pub fn new(seed: u64, homes: Vec<Home>, habits: Habits) -> People {
        let count = homes.len();
        let members =
            (0..count.min(MEMBERS)).map(|nth| HospitalId((nth * count / MEMBERS.min(count)) as u32)).collect();
        let payers = (0..count).map(|hospital| HospitalId(payer(&homes, hospital) as u32)).collect();
        People { seed, homes, habits, payers, members }
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
    pub fn known(&self, patient: Patient) -> Verdict {
        let known = self.homes.get(patient.home.index()).is_some_and(|home| patient.number < home.patients);
        if known { Ok(()) } else { Err(Refusal::UnknownPatient) }
    }

    /// Whether a patient is one of a hospital.
    pub fn own(&self, patient: Patient, hospital: HospitalId) -> Verdict {
        self.known(patient)?;
        if patient.home == hospital { Ok(()) } else { Err(Refusal::WrongParty) }
    }

    /// The hospital that runs a patient's insurer.
    pub fn payer(&self, patient: Patient) -> HospitalId {
        self.payers[patient.home.index()]
    }

    /// What a patient's cover bears in a year, hundredths; nothing for who is not insured.
    pub fn cover(&self, patient: Patient) -> Option<Amount> {
        let bits = |nth| draw(self.seed, Site::Genesis, person(patient), u64::MAX, nth);
        let [most, least] = COVER;
        Chance::new(self.habits.insured).happens(bits(0)).then(|| least + below(most - least, bits(1)))
    }

    /// The members who vote on the ledger's rules, at most 64.
    pub fn members(&self) -> &[HospitalId] {
        &self.members
    }

    /// Whether a pack was in the supply before the run.
    pub fn stocks(&self, pack: Pack) -> bool {
        pack.home.index() < self.homes.len() && pack.is_genuine()
    }

    /// A pack's lot.
    pub fn lot(&self, pack: Pack) -> Lot {
        self.lot_of(pack.home, pack.serial)
    }

    /// Whether a unit was filled before the run.
    pub fn ships(&self, unit: Unit) -> bool {
        unit.home.index() < self.homes.len() && unit.is_of_genesis()
    }

    /// The lot of a unit that was filled before the run.
    pub fn lot_of_unit(&self, unit: Unit) -> Lot {
        self.lot_of(unit.home, unit.serial)
    }

    /// Some lots are in everybody's stock: the lesser of two draws.
    fn lot_of(&self, home: HospitalId, serial: u64) -> Lot {
        let drawn = |nth: u64| below(LOTS, draw(self.seed, Site::Genesis, serial, u64::from(home.0), 16 + nth)) as u32;
        Lot(drawn(0).min(drawn(1)))
    }

    /// What was on the ledger before the run. By custom a hospital uses its own patients' data for treatment and payment.
    pub fn genesis(&self, key: &ConsentKey) -> Option<Standing> {
        let own = key.grantee == key.patient.home && matches!(key.purpose, Purpose::Treatment | Purpose::Payment);
        let grantee = u64::from(key.grantee.0) << 2 | key.purpose as u64;
        let patient = person(key.patient);
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

/// A patient as 64 bits for draws.
fn person(patient: Patient) -> u64 {
    u64::from(patient.home.0) << 32 | u64::from(patient.number)
}

/// The best connected hospital of the same country in the same stretch of the list, the first of several.
fn payer(homes: &[Home], hospital: usize) -> usize {
    let first = hospital / PAYER_BLOCK * PAYER_BLOCK;
    let stretch = first..(first + PAYER_BLOCK).min(homes.len());
    let compatriots = stretch.filter(|&other| homes[other].country == homes[hospital].country);
    compatriots
        .rev()
        .max_by_key(|&other| homes[other].uplink.bytes_per_second())
        .expect("a hospital is its own compatriot")
}
