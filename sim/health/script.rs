//! Who asks the contracts for what: lives of patients, of claims, of medicines, from the seed alone.
//!
//! Every choice is a draw for the case that a transaction belongs to, so a later stage of a case finds what its first one
//! chose without anybody's having kept it. Each family of calls has its own file.

mod care;
mod money;
mod rules;
mod supply;

use std::sync::Arc;

use crate::base::{HospitalId, Span, Time};
use crate::kernel::draw::{Chance, Site, below, draw};

use super::call::{Call, Case, Category, ConsentKey, Patient, Purpose};
use super::people::{People, Standing};
use super::refusal::Refusal;
use super::stream::Injection;
use super::verb::Verb;

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
    Planted = 5,
    Manner = 6,
    Amount = 7,
    Lot = 8,
    Motion = 9,
    Vote = 10,
    Patient = 16,
    Other = 32,
}

/// What was planted in a call for the contracts to catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Planted {
    /// A pack that no maker made, or that is where it does not belong.
    Counterfeit = 0,
    /// A payment for a claim of what was not done.
    Phantom = 1,
    /// A claim for what was billed before the run.
    Rebilled = 2,
    /// A payment of more than was adjudicated.
    Inflated = 3,
    /// A second payment.
    PaidTwice = 4,
    /// Data captured in a trial of who is no subject of it.
    Breach = 5,
}

impl Planted {
    /// Everything that can be planted.
    pub const ALL: [Planted; 6] = [
        Planted::Counterfeit,
        Planted::Phantom,
        Planted::Rebilled,
        Planted::Inflated,
        Planted::PaidTwice,
        Planted::Breach,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        ["counterfeits", "phantoms", "rebilled", "inflated", "paid twice", "breaches"][self as usize]
    }

    /// Whether a refusal is because of what was planted, and not of something that came too early, or not at all.
    pub const fn explains(self, refusal: Refusal) -> bool {
        match self {
            Planted::Counterfeit => matches!(
                refusal,
                Refusal::UnknownSerial | Refusal::NotInCustody | Refusal::DispensedBefore | Refusal::Decommissioned
            ),
            Planted::Phantom => matches!(refusal, Refusal::NotConfirmed),
            Planted::Rebilled => matches!(refusal, Refusal::BilledBefore),
            Planted::Inflated => matches!(refusal, Refusal::WrongAmount),
            Planted::PaidTwice => matches!(refusal, Refusal::PaidBefore),
            Planted::Breach => matches!(refusal, Refusal::NotEnrolled),
        }
    }
}

/// One transaction's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The hospital that signs it, or whose patient does.
    pub by: HospitalId,
    /// What it asks for.
    pub call: Call,
    /// What was planted in it.
    pub planted: Option<Planted>,
}

impl Part {
    fn honest(by: HospitalId, call: Call) -> Part {
        Part { by, call, planted: None }
    }
}

/// Writes calls.
#[derive(Clone, Debug)]
pub struct Script {
    seed: u64,
    people: Arc<People>,
    injection: Injection,
    /// What numbers of claims have beside their slice and place.
    claims: u64,
}

/// A verb that [`Script::part`] gives to a family that is not its own.
fn misplaced(verb: Verb) -> ! {
    unreachable!("{verb:?} belongs to another family")
}

impl Script {
    /// For these people.
    pub fn new(seed: u64, people: Arc<People>, injection: Injection) -> Script {
        Script { seed, people, injection, claims: 0 }
    }

    /// Where numbers of claims are told from those of other cases by these bits.
    pub fn with_claims(self, claims: u64) -> Script {
        Script { claims, ..self }
    }

    /// The part of a transaction with this verb at a time. `by` is where the case begins; of several transactions with the
    /// verb in a case it is the `nth`.
    pub fn part(&self, verb: Verb, case: Case, nth: u32, by: HospitalId, at: Time) -> Part {
        match verb {
            Verb::Plain => Part::honest(by, Call::Plain),
            Verb::Anchor | Verb::Amend | Verb::Erase => self.record(verb, case, by),
            Verb::Grant | Verb::Revoke | Verb::Renew | Verb::Deny => self.consent(verb, case, by, at),
            Verb::Look | Verb::BreakGlass | Verb::Attend | Verb::Report | Verb::Alert => self.access(verb, case, by),
            Verb::Request | Verb::Disclose | Verb::Acknowledge => self.share(verb, case, by),
            Verb::Inquire | Verb::Submit | Verb::Confirm | Verb::Adjudicate | Verb::Pay => {
                self.claim(verb, case, nth, by)
            }
            Verb::License | Verb::Royalty => self.licence(verb, case, by),
            Verb::Prescribe | Verb::Dispense => self.prescription(verb, case, nth, by),
            Verb::Verify | Verb::Decommission | Verb::Suspect | Verb::Recall => self.pack(verb, case, by),
            Verb::Commission | Verb::Aggregate | Verb::Ship | Verb::Receive | Verb::Unpack => self.unit(verb, case, by),
            Verb::Transform | Verb::Sense => self.unit(verb, case, by),
            Verb::Enrol | Verb::Capture | Verb::Stipend | Verb::Withdraw => self.trial(verb, case, nth, by),
            Verb::Propose | Verb::Vote | Verb::Enact => self.motion(verb, case, nth, by),
        }
    }

    fn bits(&self, case: Case, about: About, nth: u64) -> u64 {
        draw(self.seed, Site::Script, case.0, about as u64 + nth, 0)
    }

    fn happens(&self, share: f64, case: Case, about: About, nth: u64) -> bool {
        Chance::new(share).happens(self.bits(case, about, nth))
    }

    /// Whether something is planted in the `nth` transaction with a verb of a case.
    fn plants(&self, share: f64, case: Case, nth: u64) -> bool {
        Chance::new(share).happens(draw(self.seed, Site::Script, case.0, About::Planted as u64, 1 + nth))
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
        let home = match self.happens(self.people.habits().abroad, case, About::Abroad, 0) {
            true => HospitalId(below(self.people.hospitals(), self.bits(case, About::Other, nth)) as u32),
            false => self.near(case, by, nth),
        };
        self.patient(case, home, nth)
    }

    /// Whom a hospital attends to: mostly its own, and of others mostly those who let it.
    fn subject(&self, case: Case, by: HospitalId, purpose: Purpose) -> Patient {
        let elsewhere = self.happens(self.people.habits().elsewhere, case, About::Elsewhere, 0);
        if elsewhere { self.permitting(case, by, purpose) } else { self.patient(case, by, 0) }
    }

    /// A patient of another hospital, mostly one with a consent: people are asked before their data are.
    fn permitting(&self, case: Case, by: HospitalId, purpose: Purpose) -> Patient {
        let candidate = |nth| self.abroad_or_near(case, by, nth);
        (0..TRIES).map(candidate).find(|&patient| self.is_permitted(patient, by, purpose)).unwrap_or(candidate(0))
    }

    /// Another hospital, mostly one that the patient lets use data.
    fn permitted(&self, case: Case, patient: Patient, purpose: Purpose) -> HospitalId {
        let candidate = |nth| self.near(case, patient.home, nth);
        (0..TRIES).map(candidate).find(|&other| self.is_permitted(patient, other, purpose)).unwrap_or(candidate(0))
    }

    fn is_permitted(&self, patient: Patient, grantee: HospitalId, purpose: Purpose) -> bool {
        let genesis = self.people.genesis(&ConsentKey { patient, grantee, purpose });
        matches!(genesis, Some(Standing::Permitted { until: Time::NEVER, .. }))
    }
}
