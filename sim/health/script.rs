//! Who asks the contracts for what: lives of patients, consents and exchanges, from the seed alone.
//!
//! Every choice is a draw for the case that a transaction belongs to, so a later stage of a case finds what its first one
//! chose without anybody's having kept it.

use std::sync::Arc;

use crate::base::{HospitalId, Span, Time};
use crate::kernel::draw::{Chance, Site, below, draw};

use super::call::{Call, Case, Category, Change, ConsentKey, Patient, Purpose, Scope};
use super::people::{People, Standing};

/// What transactions of a kind ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A record is anchored.
    Record,
    /// A consent is given.
    Grant,
    /// A consent is taken back.
    Revoke,
    /// A consent goes on.
    Renew,
    /// Use is denied.
    Deny,
    /// Data are read, found or written.
    Access,
    /// Data are read in an emergency.
    BreakGlass,
    /// Data are asked for.
    Request,
    /// They are handed over.
    Disclose,
    /// They have come.
    Acknowledge,
    /// No contract looks at it.
    Plain,
}

impl Verb {
    /// What kinds of this name ask for (`tx_taxonomy.csv`).
    pub fn of(kind: &str) -> Verb {
        match kind {
            "record.amend" | "record.erase" => Verb::Plain,
            "consent.grant" => Verb::Grant,
            "consent.revoke" => Verb::Revoke,
            "consent.renew" => Verb::Renew,
            "consent.deny" => Verb::Deny,
            "access.break_glass" => Verb::BreakGlass,
            "share.request" => Verb::Request,
            "share.disclose" => Verb::Disclose,
            "share.acknowledge" => Verb::Acknowledge,
            _ if kind.starts_with("record.") || kind == "immunization.record" => Verb::Record,
            _ if kind.starts_with("access.") => Verb::Access,
            _ => Verb::Plain,
        }
    }

    /// The verb that a case with this one begins with, and how many steps later this comes.
    pub const fn begins_with(self) -> Option<(Verb, u64)> {
        match self {
            Verb::Disclose => Some((Verb::Request, 1)),
            Verb::Acknowledge => Some((Verb::Request, 2)),
            _ => None,
        }
    }
}

/// From one stage of a case to the next.
pub const STEP: Span = Span::from_millis(1_500);
/// How long a consent is for: a year.
const TERM: Span = Span::from_secs(365 * 86_400);
/// Hospitals on either side of one in the data set, which is sorted by country, that its patients mostly go to besides.
const NEIGHBOURS: u64 = 25;
/// How many hospitals or patients are thought of before one is taken that no consent fits.
const TRIES: u64 = 8;

/// What a choice is about.
#[derive(Clone, Copy)]
enum About {
    Elsewhere = 0,
    Abroad = 1,
    Purpose = 2,
    Category = 3,
    Scope = 4,
    Patient = 16,
    Other = 32,
}

/// Writes calls.
#[derive(Clone, Debug)]
pub struct Script {
    seed: u64,
    people: Arc<People>,
}

impl Script {
    /// For these people.
    pub fn new(seed: u64, people: Arc<People>) -> Script {
        Script { seed, people }
    }

    fn bits(&self, case: Case, about: About, nth: u64) -> u64 {
        draw(self.seed, Site::Script, case.0, about as u64 + nth, 0)
    }

    /// The call of a transaction with this verb at a time, and the hospital that signs it or whose patient does. `by` is
    /// where the case begins; `_nth` counts the case's transactions of one kind.
    pub fn call(&self, verb: Verb, case: Case, _nth: u32, by: HospitalId, at: Time) -> (HospitalId, Call) {
        let (purpose, category) = (self.purpose(case), self.category(case));
        match verb {
            Verb::Plain => (by, Call::Plain),
            Verb::Record => (by, Call::Record { patient: self.patient(case, by, 0), category }),
            Verb::Grant | Verb::Revoke | Verb::Renew | Verb::Deny => {
                let change = self.change(verb, case, at);
                (by, Call::Consent { key: self.consent(verb, case, by), change })
            }
            Verb::Access => (by, Call::Access { patient: self.subject(case, by, purpose), purpose, category }),
            Verb::BreakGlass => {
                let purpose = Purpose::Emergency;
                (by, Call::Access { patient: self.abroad_or_near(case, by, 0), purpose, category })
            }
            Verb::Request => {
                let patient = self.permitting(case, by, purpose);
                (by, Call::Request { case, patient, purpose, category })
            }
            Verb::Disclose => (self.permitting(case, by, purpose).home, Call::Disclose { case }),
            Verb::Acknowledge => (by, Call::Acknowledge { case }),
        }
    }

    fn purpose(&self, case: Case) -> Purpose {
        match below(10, self.bits(case, About::Purpose, 0)) {
            0 => Purpose::Research,
            1 | 2 => Purpose::Payment,
            _ => Purpose::Treatment,
        }
    }

    fn category(&self, case: Case) -> Category {
        match below(20, self.bits(case, About::Category, 0)) {
            0 => Category::Sensitive,
            1..=4 => Category::Medication,
            5..=9 => Category::Laboratory,
            _ => Category::Clinical,
        }
    }

    /// One of a hospital's patients.
    fn patient(&self, case: Case, home: HospitalId, nth: u64) -> Patient {
        let patients = u64::from(self.people.home(home).patients);
        Patient { home, number: below(patients, self.bits(case, About::Patient, nth)) as u32 }
    }

    /// Another hospital near one, or itself where there is no other.
    fn near(&self, case: Case, hospital: HospitalId, nth: u64) -> HospitalId {
        let all = self.people.hospitals();
        if all == 1 {
            return hospital;
        }
        // One after it, one before it, two after it, and so on.
        let step = 1 + below((2 * NEIGHBOURS).min(all - 1), self.bits(case, About::Other, nth));
        let ahead = if step.is_multiple_of(2) { all - step / 2 } else { step.div_ceil(2) };
        HospitalId(((u64::from(hospital.0) + ahead) % all) as u32)
    }

    fn abroad_or_near(&self, case: Case, by: HospitalId, nth: u64) -> Patient {
        let abroad = Chance::new(self.people.habits().abroad).happens(self.bits(case, About::Abroad, 0));
        let home = match abroad {
            true => HospitalId(below(self.people.hospitals(), self.bits(case, About::Other, nth)) as u32),
            false => self.near(case, by, nth),
        };
        self.patient(case, home, nth)
    }

    /// Whom a hospital looks at: mostly its own, and of others mostly those who let it.
    fn subject(&self, case: Case, by: HospitalId, purpose: Purpose) -> Patient {
        let elsewhere = Chance::new(self.people.habits().elsewhere).happens(self.bits(case, About::Elsewhere, 0));
        if elsewhere { self.permitting(case, by, purpose) } else { self.patient(case, by, 0) }
    }

    /// A patient of another hospital, mostly one with a consent: people are asked before their data are.
    fn permitting(&self, case: Case, by: HospitalId, purpose: Purpose) -> Patient {
        let candidate = |nth| self.abroad_or_near(case, by, nth);
        (0..TRIES).map(candidate).find(|&patient| self.is_permitted(patient, by, purpose)).unwrap_or(candidate(0))
    }

    fn is_permitted(&self, patient: Patient, grantee: HospitalId, purpose: Purpose) -> bool {
        let genesis = self.people.genesis(&ConsentKey { patient, grantee, purpose });
        matches!(genesis, Some(Standing::Permitted { until: Time::NEVER, .. }))
    }

    /// The consent that a patient of `home` changes: of what is taken back or goes on mostly one that is in force.
    fn consent(&self, verb: Verb, case: Case, home: HospitalId) -> ConsentKey {
        let (patient, purpose) = (self.patient(case, home, 0), self.purpose(case));
        let key = |nth| ConsentKey { patient, grantee: self.near(case, home, nth), purpose };
        let in_force = |key: &ConsentKey| self.is_permitted(patient, key.grantee, purpose);
        match verb {
            Verb::Revoke | Verb::Renew => (0..TRIES).map(key).find(in_force).unwrap_or(key(0)),
            _ => key(0),
        }
    }

    fn change(&self, verb: Verb, case: Case, at: Time) -> Change {
        let until = at + TERM;
        match verb {
            Verb::Revoke => Change::Revoke,
            Verb::Renew => Change::Renew { until },
            Verb::Deny => Change::Deny,
            _ => {
                let usual = below(4, self.bits(case, About::Scope, 0)) > 0;
                Change::Grant { scope: if usual { Scope::USUAL } else { Scope::ALL }, until }
            }
        }
    }
}
