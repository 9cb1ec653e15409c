//! The contracts' rules, and that they hold whatever is asked for.

use super::*;
use crate::base::Span;
use crate::health::{Habits, Home, Scope};
use crate::kernel::draw::{Site, below, draw};

const HERE: HospitalId = HospitalId(0);
const NEAR: HospitalId = HospitalId(1);
const FAR: HospitalId = HospitalId(2);
const SAFE: HospitalId = HospitalId(3);

/// Hospital 0 and 1 in one country; 2 in another that protects nothing; 3 in one that does. Nobody has agreed to anything.
fn contracts(residency: Residency) -> Contracts {
    let home = |country, residency, adequate| Home { patients: 100, country, residency, adequate };
    let homes = vec![
        home(0, residency, true),
        home(0, residency, true),
        home(1, Residency::Free, false),
        home(2, Residency::Free, true),
    ];
    let habits = Habits { consented: 0.0, expired: 0.0, denied: 0.0, elsewhere: 0.0, abroad: 0.0 };
    Contracts::new(Arc::new(People::new(1, homes, habits)))
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

const PATIENT: Patient = Patient { home: HERE, number: 7 };

fn key(grantee: HospitalId) -> ConsentKey {
    ConsentKey { patient: PATIENT, grantee, purpose: Purpose::Treatment }
}

fn grant(until: u64) -> Change {
    Change::Grant { scope: Scope::USUAL, until: at(until) }
}

impl Contracts {
    fn changes(&mut self, seconds: u64, grantee: HospitalId, change: Change) -> Result<(), Refusal> {
        self.execute(HERE, at(seconds), &Call::Consent { key: key(grantee), change })
    }

    fn looks(&mut self, seconds: u64, by: HospitalId, category: Category) -> Result<(), Refusal> {
        let purpose = Purpose::Treatment;
        self.execute(by, at(seconds), &Call::Access { patient: PATIENT, purpose, category })
    }

    fn asks(&mut self, by: HospitalId, case: u64) -> Result<(), Refusal> {
        let (purpose, category) = (Purpose::Treatment, Category::Clinical);
        self.execute(by, at(2), &Call::Request { case: Case(case), patient: PATIENT, purpose, category })
    }
}

#[test]
fn another_hospital_looks_while_the_patient_lets_it() {
    let mut ledger = contracts(Residency::Free);
    assert_eq!(ledger.looks(1, NEAR, Category::Clinical), Err(Refusal::NoConsent));
    assert_eq!(ledger.looks(1, HERE, Category::Sensitive), Ok(()), "by custom its own does");
    assert_eq!(ledger.changes(1, NEAR, grant(10)), Ok(()));
    assert_eq!(ledger.looks(9, NEAR, Category::Clinical), Ok(()));
    assert_eq!(ledger.looks(9, FAR, Category::Clinical), Err(Refusal::NoConsent), "it is for one hospital");
    assert_eq!(ledger.looks(9, NEAR, Category::Sensitive), Err(Refusal::OutOfScope));
    assert_eq!(ledger.looks(10, NEAR, Category::Clinical), Err(Refusal::ConsentExpired));
    assert_eq!(ledger.changes(11, NEAR, Change::Renew { until: at(20) }), Err(Refusal::NothingInForce));
    assert_eq!(ledger.changes(11, NEAR, grant(20)), Ok(()));
    assert_eq!(ledger.changes(12, NEAR, Change::Renew { until: at(30) }), Ok(()));
    assert_eq!(ledger.looks(25, NEAR, Category::Clinical), Ok(()));
    assert_eq!(ledger.changes(26, NEAR, Change::Revoke), Ok(()));
    assert_eq!(ledger.looks(27, NEAR, Category::Clinical), Err(Refusal::ConsentRevoked));
    assert_eq!(ledger.changes(27, NEAR, Change::Revoke), Err(Refusal::NothingInForce));
}

#[test]
fn a_denial_holds_against_custom_but_not_in_an_emergency() {
    let mut ledger = contracts(Residency::Free);
    assert_eq!(ledger.changes(1, HERE, Change::Deny), Ok(()));
    assert_eq!(ledger.looks(2, HERE, Category::Clinical), Err(Refusal::ConsentDenied));
    let emergency = Call::Access { patient: PATIENT, purpose: Purpose::Emergency, category: Category::Sensitive };
    assert_eq!(ledger.execute(FAR, at(3), &emergency), Ok(()));
}

#[test]
fn only_a_patient_s_hospital_speaks_for_them() {
    let mut ledger = contracts(Residency::Free);
    let change = Change::Deny;
    assert_eq!(ledger.execute(NEAR, at(1), &Call::Consent { key: key(NEAR), change }), Err(Refusal::WrongParty));
    let nobody = Patient { home: HERE, number: 100 };
    let record = Call::Record { patient: nobody, category: Category::Clinical };
    assert_eq!(ledger.execute(HERE, at(1), &record), Err(Refusal::UnknownPatient));
}

#[test]
fn an_exchange_is_asked_for_handed_over_and_acknowledged_once_each_by_whom_it_concerns() {
    let mut ledger = contracts(Residency::Free);
    let (disclose, acknowledge) = (Call::Disclose { case: Case(5) }, Call::Acknowledge { case: Case(5) });
    assert_eq!(ledger.asks(NEAR, 5), Err(Refusal::NoConsent));
    assert_eq!(ledger.execute(HERE, at(3), &disclose), Err(Refusal::NotRequested));
    ledger.changes(1, NEAR, grant(100)).expect("anyone may grant");
    assert_eq!(ledger.asks(NEAR, 5), Ok(()));
    assert_eq!(ledger.asks(NEAR, 5), Err(Refusal::DoneBefore));
    assert_eq!(ledger.execute(NEAR, at(3), &acknowledge), Err(Refusal::NotDisclosed));
    assert_eq!(ledger.execute(NEAR, at(3), &disclose), Err(Refusal::WrongParty));
    assert_eq!(ledger.execute(HERE, at(3), &disclose), Ok(()));
    assert_eq!(ledger.execute(HERE, at(3), &disclose), Err(Refusal::DoneBefore));
    assert_eq!(ledger.execute(HERE, at(4), &acknowledge), Err(Refusal::WrongParty));
    assert_eq!(ledger.execute(NEAR, at(4), &acknowledge), Ok(()));
    assert_eq!(ledger.execute(NEAR, at(4), &acknowledge), Err(Refusal::DoneBefore));
}

#[test]
fn data_leave_a_country_as_its_law_says() {
    let asked = |residency, by| {
        let mut ledger = contracts(residency);
        ledger.changes(1, by, grant(100)).expect("anyone may grant");
        ledger.asks(by, 1)
    };
    let by_law = |residency| [NEAR, FAR, SAFE].map(|by| asked(residency, by));
    assert_eq!(by_law(Residency::Free), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(by_law(Residency::Adequacy), [Ok(()), Err(Refusal::NoAdequacy), Ok(())]);
    assert_eq!(by_law(Residency::LocalOnly), [Ok(()), Err(Refusal::DataStay), Err(Refusal::DataStay)]);
}

/// Random calls among few patients and hospitals, most of which find something that an earlier one left.
fn random_call(seed: u64, nth: u64) -> (HospitalId, Time, Call) {
    let pick = |about, among| below(among, draw(seed, Site::Schedule, nth, about, 0));
    let hospital = |about| HospitalId(pick(about, 4) as u32);
    let patient = Patient { home: hospital(1), number: pick(2, 2) as u32 };
    let purpose = [Purpose::Treatment, Purpose::Research][pick(3, 2) as usize];
    let category = Category::ALL[pick(4, 4) as usize];
    let (now, until) = (at(nth), at(nth + pick(5, 20)));
    let case = Case(pick(6, 40));
    let key = ConsentKey { patient, grantee: hospital(7), purpose };
    let scope = if pick(8, 2) == 0 { Scope::ALL } else { Scope::USUAL };
    let (by, call) = match pick(9, 10) {
        0..=2 => (patient.home, Call::Consent { key, change: Change::Grant { scope, until } }),
        3 => (patient.home, Call::Consent { key, change: Change::Revoke }),
        4 => (patient.home, Call::Consent { key, change: Change::Renew { until } }),
        5 => (patient.home, Call::Consent { key, change: Change::Deny }),
        6 => (key.grantee, Call::Access { patient, purpose, category }),
        7 => (key.grantee, Call::Request { case, patient, purpose, category }),
        8 => (hospital(10), Call::Disclose { case }),
        _ => (hospital(10), Call::Acknowledge { case }),
    };
    (by, now, call)
}

#[test]
fn nothing_is_seen_after_it_was_taken_back_and_nothing_is_handed_over_that_was_not_asked_for() {
    let (mut allowed, mut refused) = (0, 0);
    for seed in 0..50 {
        let mut ledger = contracts(Residency::Adequacy);
        let mut taken_back: Vec<ConsentKey> = Vec::new();
        let mut asked = Vec::new();
        for nth in 0..400 {
            let (by, now, call) = random_call(seed, nth);
            let verdict = ledger.execute(by, now, &call);
            match call {
                Call::Consent { key, change: Change::Revoke | Change::Deny } if verdict.is_ok() => taken_back.push(key),
                Call::Consent { key, change: Change::Grant { .. } } if verdict.is_ok() => {
                    taken_back.retain(|gone| *gone != key);
                }
                Call::Access { patient, purpose, .. } | Call::Request { patient, purpose, .. } => {
                    let key = ConsentKey { patient, grantee: by, purpose };
                    assert!(verdict.is_err() || !taken_back.contains(&key), "seed {seed}, call {nth}: {call:?}");
                    if let (Call::Request { case, .. }, Ok(())) = (call, verdict) {
                        asked.push(case);
                    }
                }
                Call::Disclose { case } if verdict.is_ok() => {
                    assert!(asked.contains(&case), "seed {seed}, call {nth}: {call:?}");
                }
                _ => {}
            }
            (allowed, refused) = (allowed + usize::from(verdict.is_ok()), refused + usize::from(verdict.is_err()));
        }
    }
    assert!(allowed > 2_000 && refused > 2_000, "{allowed} allowed, {refused} refused: both happen");
}

#[test]
fn equal_calls_lead_to_equal_states_and_others_do_not() {
    let root = |seed, calls| {
        let mut ledger = contracts(Residency::Free);
        for nth in 0..calls {
            let (by, now, call) = random_call(seed, nth);
            let _ = ledger.execute(by, now, &call);
        }
        ledger.root()
    };
    assert_eq!(root(1, 100), root(1, 100));
    assert_ne!(root(1, 100), root(1, 99));
    assert_ne!(root(1, 100), root(2, 100));
}
