//! Records, consents, looks, sessions and exchanges.

use super::*;

fn changes(ledger: &mut Ledger, seconds: u64, grantee: HospitalId, change: Change) -> Verdict {
    let key = ConsentKey { patient: PATIENT, grantee, purpose: Purpose::Treatment };
    ledger.at(seconds, HERE, Call::Consent(ConsentCall { key, change }))
}

fn treats(ledger: &mut Ledger, seconds: u64, by: HospitalId, category: Category) -> Verdict {
    ledger.at(seconds, by, looks(PATIENT, Purpose::Treatment, category))
}

fn grant(until: u64) -> Change {
    Change::Grant { scope: Scope::USUAL, until: at(until) }
}

#[test]
fn a_record_is_anchored_once_amended_by_its_hospital_and_forgotten_for_good() {
    let mut ledger = Ledger::new(Residency::Free);
    let anchor =
        |case, patient| Call::Record(RecordCall::Anchor { case: Case(case), patient, category: Category::Clinical });
    let amend = |case, patient| Call::Record(RecordCall::Amend { case: Case(case), patient });
    let erase = |patient| Call::Record(RecordCall::Erase { patient });
    assert_eq!(ledger.call(HERE, anchor(1, NOBODY)), Err(Refusal::UnknownPatient));
    assert_eq!(ledger.call(NEAR, anchor(1, PATIENT)), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(HERE, amend(1, PATIENT)), Err(Refusal::UnknownRecord));
    assert_eq!(ledger.call(HERE, anchor(1, PATIENT)), Ok(()));
    assert_eq!(ledger.call(HERE, anchor(1, OTHER)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(HERE, amend(1, OTHER)), Err(Refusal::UnknownRecord), "it is somebody else's");
    assert_eq!(ledger.call(NEAR, amend(1, PATIENT)), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(HERE, amend(1, PATIENT)), Ok(()));
    assert_eq!(ledger.call(HERE, anchor(2, OTHER)), Ok(()));
    assert_eq!(ledger.contracts.recorded(), 2);
    assert_eq!(ledger.call(NEAR, erase(PATIENT)), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(HERE, erase(PATIENT)), Ok(()));
    let orphaned = Anchors { count: 2, bytes: 200 };
    assert_eq!(ledger.contracts.residue(), Residue { patients: 1, orphaned });
    assert_eq!(ledger.contracts.recorded(), 2, "who is forgotten had records");
    let emergency = looks(PATIENT, Purpose::Emergency, Category::Clinical);
    let readings = Call::Access(AccessCall::Readings { patient: PATIENT });
    for call in [anchor(3, PATIENT), amend(1, PATIENT), erase(PATIENT), emergency, readings] {
        assert_eq!(ledger.call(HERE, call), Err(Refusal::Erased), "{call:?}");
    }
    assert_eq!(ledger.call(HERE, amend(2, OTHER)), Ok(()), "others are not forgotten");
}

#[test]
fn another_hospital_looks_while_the_patient_lets_it() {
    let ledger = &mut Ledger::new(Residency::Free);
    assert_eq!(treats(ledger, 1, NEAR, Category::Clinical), Err(Refusal::NoConsent));
    assert_eq!(treats(ledger, 1, HERE, Category::Sensitive), Ok(()), "by custom its own does");
    assert_eq!(changes(ledger, 1, NEAR, grant(10)), Ok(()));
    assert_eq!(treats(ledger, 9, NEAR, Category::Clinical), Ok(()));
    assert_eq!(treats(ledger, 9, FAR, Category::Clinical), Err(Refusal::NoConsent), "it is for one hospital");
    assert_eq!(treats(ledger, 9, NEAR, Category::Sensitive), Err(Refusal::OutOfScope));
    assert_eq!(treats(ledger, 10, NEAR, Category::Clinical), Err(Refusal::ConsentExpired));
    assert_eq!(changes(ledger, 11, NEAR, Change::Renew { until: at(20) }), Err(Refusal::NothingInForce));
    assert_eq!(changes(ledger, 11, NEAR, grant(20)), Ok(()));
    assert_eq!(changes(ledger, 12, NEAR, Change::Renew { until: at(30) }), Ok(()));
    assert_eq!(treats(ledger, 25, NEAR, Category::Clinical), Ok(()));
    assert_eq!(treats(ledger, 25, NEAR, Category::Sensitive), Err(Refusal::OutOfScope), "renewed as it was");
    assert_eq!(changes(ledger, 26, NEAR, Change::Revoke), Ok(()));
    assert_eq!(treats(ledger, 27, NEAR, Category::Clinical), Err(Refusal::ConsentRevoked));
    assert_eq!(changes(ledger, 27, NEAR, Change::Revoke), Err(Refusal::NothingInForce));
}

#[test]
fn a_denial_holds_against_custom_but_not_in_an_emergency() {
    let ledger = &mut Ledger::new(Residency::Free);
    assert_eq!(changes(ledger, 1, HERE, Change::Deny), Ok(()));
    assert_eq!(treats(ledger, 2, HERE, Category::Clinical), Err(Refusal::ConsentDenied));
    assert_eq!(ledger.at(3, FAR, looks(PATIENT, Purpose::Emergency, Category::Sensitive)), Ok(()));
    assert_eq!(ledger.at(3, FAR, looks(NOBODY, Purpose::Emergency, Category::Clinical)), Err(Refusal::UnknownPatient));
}

#[test]
fn only_a_patient_s_hospital_speaks_for_them_and_only_it_hears_their_devices() {
    let ledger = &mut Ledger::new(Residency::Free);
    let key = ConsentKey { patient: PATIENT, grantee: NEAR, purpose: Purpose::Treatment };
    let denies = Call::Consent(ConsentCall { key, change: Change::Deny });
    assert_eq!(ledger.call(NEAR, denies), Err(Refusal::WrongParty));
    for device in [|patient| AccessCall::Readings { patient }, |patient| AccessCall::Alert { patient }] {
        assert_eq!(ledger.call(HERE, Call::Access(device(PATIENT))), Ok(()));
        assert_eq!(ledger.call(NEAR, Call::Access(device(PATIENT))), Err(Refusal::WrongParty));
        assert_eq!(ledger.call(HERE, Call::Access(device(NOBODY))), Err(Refusal::UnknownPatient));
    }
}

#[test]
fn a_session_needs_a_consent_and_crosses_no_border_that_data_may_not() {
    let session = Call::Access(AccessCall::Session { patient: PATIENT });
    let held = |residency, by| {
        let mut ledger = Ledger::new(residency);
        assert_eq!(ledger.call(by, session), Err(Refusal::NoConsent));
        ledger.grants(PATIENT, by, Purpose::Treatment);
        ledger.call(by, session)
    };
    assert_eq!(held(Residency::LocalOnly, NEAR), Ok(()));
    assert_eq!(held(Residency::LocalOnly, FAR), Err(Refusal::DataStay));
    assert_eq!(held(Residency::Adequacy, FAR), Err(Refusal::NoAdequacy));
    assert_eq!(held(Residency::Free, FAR), Ok(()));
}

fn request(case: u64) -> Call {
    let (purpose, category) = (Purpose::Treatment, Category::Clinical);
    Call::Share(ShareCall::Request { case: Case(case), patient: PATIENT, purpose, category })
}

#[test]
fn an_exchange_is_asked_for_handed_over_and_acknowledged_once_each_by_whom_it_concerns() {
    let ledger = &mut Ledger::new(Residency::Free);
    let disclose = Call::Share(ShareCall::Disclose { case: Case(5) });
    let acknowledge = Call::Share(ShareCall::Acknowledge { case: Case(5) });
    assert_eq!(ledger.call(NEAR, request(5)), Err(Refusal::NoConsent));
    assert_eq!(ledger.call(HERE, disclose), Err(Refusal::NotRequested));
    assert_eq!(ledger.call(NEAR, acknowledge), Err(Refusal::NotRequested));
    ledger.grants(PATIENT, NEAR, Purpose::Treatment);
    assert_eq!(ledger.call(NEAR, request(5)), Ok(()));
    assert_eq!(ledger.contracts.parties(Case(5)), Some((HERE, NEAR)));
    assert_eq!(ledger.contracts.parties(Case(6)), None);
    assert_eq!(ledger.call(NEAR, request(5)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(NEAR, acknowledge), Err(Refusal::NotDisclosed));
    assert_eq!(ledger.call(NEAR, disclose), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(HERE, disclose), Ok(()));
    assert_eq!(ledger.call(HERE, disclose), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(HERE, acknowledge), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(NEAR, acknowledge), Ok(()));
    assert_eq!(ledger.call(NEAR, acknowledge), Err(Refusal::DoneBefore));
}

#[test]
fn what_was_asked_for_leaves_only_where_consent_and_law_still_let_it() {
    let disclose = Call::Share(ShareCall::Disclose { case: Case(5) });
    let asked = |by| {
        let mut ledger = Ledger::new(Residency::Free);
        ledger.grants(PATIENT, by, Purpose::Treatment);
        assert_eq!(ledger.call(by, request(5)), Ok(()));
        ledger
    };
    let mut revoked = asked(NEAR);
    let key = ConsentKey { patient: PATIENT, grantee: NEAR, purpose: Purpose::Treatment };
    assert_eq!(revoked.call(HERE, Call::Consent(ConsentCall { key, change: Change::Revoke })), Ok(()));
    assert_eq!(revoked.call(HERE, disclose), Err(Refusal::ConsentRevoked));
    assert_eq!(asked(NEAR).at(100, HERE, disclose), Err(Refusal::ConsentExpired));
    let mut erased = asked(NEAR);
    assert_eq!(erased.call(HERE, Call::Record(RecordCall::Erase { patient: PATIENT })), Ok(()));
    assert_eq!(erased.call(HERE, disclose), Err(Refusal::Erased));
    let mut closed = asked(FAR);
    closed.enacts(9, Motion::Residency { country: 0, policy: Residency::LocalOnly });
    assert_eq!(closed.call(HERE, disclose), Err(Refusal::DataStay));
}

#[test]
fn data_leave_a_country_as_its_law_says() {
    let asked = |residency, by| {
        let mut ledger = Ledger::new(residency);
        ledger.grants(PATIENT, by, Purpose::Treatment);
        ledger.call(by, request(1))
    };
    let by_law = |residency| [NEAR, FAR, SAFE].map(|by| asked(residency, by));
    assert_eq!(by_law(Residency::Free), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(by_law(Residency::Adequacy), [Ok(()), Err(Refusal::NoAdequacy), Ok(())]);
    assert_eq!(by_law(Residency::LocalOnly), [Ok(()), Err(Refusal::DataStay), Err(Refusal::DataStay)]);
}
