//! Trials and governance.

use super::*;

fn tries(ledger: &mut Ledger, by: HospitalId, call: TrialCall) -> Verdict {
    ledger.call(by, Call::Trial(call))
}

fn governs(ledger: &mut Ledger, by: HospitalId, call: GovernanceCall) -> Verdict {
    ledger.call(by, Call::Governance(call))
}

#[test]
fn a_subject_is_captured_while_it_takes_part_and_paid_once() {
    let ledger = &mut Ledger::new(Residency::Free);
    let case = Case(1);
    let (capture, stipend) = (TrialCall::Capture { case }, TrialCall::Stipend { case });
    let enrol = |patient| TrialCall::Enrol { case, patient, site: NEAR };
    let withdraw = |patient| TrialCall::Withdraw { case, patient };
    for (by, call) in [(NEAR, capture), (NEAR, stipend), (HERE, withdraw(PATIENT))] {
        assert_eq!(tries(ledger, by, call), Err(Refusal::NotEnrolled), "{call:?}");
    }
    assert_eq!(tries(ledger, HERE, enrol(NOBODY)), Err(Refusal::UnknownPatient));
    assert_eq!(tries(ledger, NEAR, enrol(PATIENT)), Err(Refusal::WrongParty), "the site signs for nobody");
    assert_eq!(tries(ledger, HERE, enrol(PATIENT)), Ok(()));
    assert_eq!(tries(ledger, HERE, enrol(PATIENT)), Err(Refusal::DoneBefore));
    assert_eq!(tries(ledger, HERE, capture), Err(Refusal::WrongParty), "the site captures");
    assert_eq!(tries(ledger, NEAR, capture), Ok(()));
    let at_its_end = Signed { by: NEAR, at: at(1) + TRIAL_TERM, bytes: 100 };
    assert_eq!(ledger.contracts.execute(at_its_end, &Call::Trial(capture)), Err(Refusal::ConsentExpired));
    assert_eq!(ledger.call(NEAR, looks(PATIENT, Purpose::Research, Category::Sensitive)), Ok(()), "it is a consent");
    assert_eq!(tries(ledger, HERE, stipend), Err(Refusal::WrongParty));
    assert_eq!(tries(ledger, NEAR, stipend), Ok(()));
    assert_eq!(tries(ledger, NEAR, stipend), Err(Refusal::PaidBefore));
    let paid = i64::try_from(STIPEND).expect("it is small");
    assert_eq!(ledger.contracts.balances(), [-paid, 0, paid, 0]);
    assert_eq!(tries(ledger, HERE, withdraw(OTHER)), Err(Refusal::WrongParty));
    assert_eq!(tries(ledger, HERE, withdraw(PATIENT)), Ok(()));
    assert_eq!(tries(ledger, HERE, withdraw(PATIENT)), Err(Refusal::DoneBefore));
    assert_eq!(tries(ledger, NEAR, capture), Err(Refusal::Withdrawn));
    assert_eq!(ledger.call(NEAR, looks(PATIENT, Purpose::Research, Category::Clinical)), Err(Refusal::ConsentRevoked));
}

#[test]
fn who_takes_the_consent_back_is_captured_no_more() {
    let ledger = &mut Ledger::new(Residency::Free);
    let case = Case(1);
    assert_eq!(tries(ledger, HERE, TrialCall::Enrol { case, patient: PATIENT, site: NEAR }), Ok(()));
    let key = ConsentKey { patient: PATIENT, grantee: NEAR, purpose: Purpose::Research };
    assert_eq!(ledger.call(HERE, Call::Consent(ConsentCall { key, change: Change::Deny })), Ok(()));
    assert_eq!(tries(ledger, NEAR, TrialCall::Capture { case }), Err(Refusal::ConsentDenied));
}

#[test]
fn a_motion_is_carried_by_more_than_two_thirds_who_vote_once_each() {
    let ledger = &mut Ledger::new(Residency::Free);
    let case = Case(1);
    let (vote, enact) = (GovernanceCall::Vote { case, yes: true }, GovernanceCall::Enact { case });
    let propose = GovernanceCall::Propose { case, motion: Motion::Suspend(FAR) };
    assert_eq!(governs(ledger, HERE, vote), Err(Refusal::NotProposed));
    assert_eq!(governs(ledger, HERE, enact), Err(Refusal::NotProposed));
    assert_eq!(governs(ledger, OUTSIDER, propose), Ok(()), "any hospital proposes");
    assert_eq!(governs(ledger, HERE, propose), Err(Refusal::DoneBefore));
    assert_eq!(governs(ledger, OUTSIDER, vote), Err(Refusal::NoMember));
    let members = ledger.people.members().to_vec();
    assert_eq!(members.len(), 7);
    assert_eq!(governs(ledger, members[0], GovernanceCall::Vote { case, yes: false }), Ok(()));
    assert_eq!(governs(ledger, members[0], vote), Err(Refusal::DoneBefore), "nobody changes their mind");
    for member in &members[1..5] {
        assert_eq!(governs(ledger, OUTSIDER, enact), Err(Refusal::NotCarried));
        assert_eq!(governs(ledger, *member, vote), Ok(()));
    }
    assert_eq!(governs(ledger, OUTSIDER, enact), Err(Refusal::NotCarried), "four of seven");
    assert_eq!(governs(ledger, members[5], vote), Ok(()));
    assert_eq!(governs(ledger, HERE, enact), Err(Refusal::WrongParty));
    assert_eq!(governs(ledger, OUTSIDER, enact), Ok(()));
    assert_eq!(governs(ledger, OUTSIDER, enact), Err(Refusal::DoneBefore));
    assert_eq!(governs(ledger, members[6], vote), Err(Refusal::DoneBefore), "it is over");
}

#[test]
fn what_is_enacted_holds_some_blocks_later_and_a_suspended_hospital_may_still_save_a_life() {
    let ledger = &mut Ledger::new(Residency::Free);
    let (case, enacted) = (Case(1), ledger.height);
    assert_eq!(governs(ledger, HERE, GovernanceCall::Propose { case, motion: Motion::Suspend(FAR) }), Ok(()));
    for member in ledger.people.members().to_vec() {
        assert_eq!(governs(ledger, member, GovernanceCall::Vote { case, yes: true }), Ok(()));
    }
    assert_eq!(governs(ledger, HERE, GovernanceCall::Enact { case }), Ok(()));
    for height in enacted..enacted + NOTICE {
        ledger.begin(height);
        assert_eq!(ledger.call(FAR, Call::Plain), Ok(()), "height {height}");
    }
    ledger.begin(enacted + NOTICE);
    assert_eq!(ledger.call(FAR, Call::Plain), Err(Refusal::Suspended));
    assert_eq!(ledger.call(FAR, looks(PATIENT, Purpose::Emergency, Category::Clinical)), Ok(()));
    assert_eq!(ledger.call(NEAR, Call::Plain), Ok(()));
    ledger.enacts(2, Motion::Admit(FAR));
    assert_eq!(ledger.call(FAR, Call::Plain), Ok(()));
}

#[test]
fn whoever_is_suspended_counts_neither_for_a_motion_nor_against_it() {
    let ledger = &mut Ledger::new(Residency::Free);
    let members = ledger.people.members().to_vec();
    for (case, member) in (1..).zip(&members[3..6]) {
        let (case, yes) = (Case(case), true);
        assert_eq!(governs(ledger, HERE, GovernanceCall::Propose { case, motion: Motion::Suspend(*member) }), Ok(()));
        for voter in ledger.people.members().to_vec() {
            let _ = governs(ledger, voter, GovernanceCall::Vote { case, yes });
        }
        assert_eq!(governs(ledger, HERE, GovernanceCall::Enact { case }), Ok(()));
    }
    let case = Case(9);
    assert_eq!(governs(ledger, HERE, GovernanceCall::Propose { case, motion: Motion::Admit(members[3]) }), Ok(()));
    // Votes before the suspensions are in effect, of one who will be suspended.
    assert_eq!(governs(ledger, members[5], GovernanceCall::Vote { case, yes: true }), Ok(()));
    ledger.begin(ledger.height + NOTICE);
    for member in &members[..2] {
        assert_eq!(governs(ledger, *member, GovernanceCall::Vote { case, yes: true }), Ok(()));
    }
    assert_eq!(governs(ledger, HERE, GovernanceCall::Enact { case }), Err(Refusal::NotCarried), "two of four");
    assert_eq!(governs(ledger, members[2], GovernanceCall::Vote { case, yes: true }), Ok(()));
    assert_eq!(governs(ledger, HERE, GovernanceCall::Enact { case }), Ok(()), "three of four");
}

#[test]
fn of_two_motions_enacted_in_a_block_the_later_holds_whatever_their_numbers() {
    for [first, second] in [[1, 2], [2, 1]] {
        let ledger = &mut Ledger::new(Residency::Free);
        let motions = [(Case(first), Motion::Suspend(FAR)), (Case(second), Motion::Admit(FAR))];
        for (case, motion) in motions {
            assert_eq!(governs(ledger, HERE, GovernanceCall::Propose { case, motion }), Ok(()));
            for member in ledger.people.members().to_vec() {
                assert_eq!(governs(ledger, member, GovernanceCall::Vote { case, yes: true }), Ok(()));
            }
            assert_eq!(governs(ledger, HERE, GovernanceCall::Enact { case }), Ok(()));
        }
        ledger.begin(ledger.height + NOTICE);
        assert_eq!(ledger.call(FAR, Call::Plain), Ok(()), "admitted last");
    }
}

#[test]
fn members_change_what_subjects_are_paid_from_a_height_on() {
    let ledger = &mut Ledger::new(Residency::Free);
    let paid = |ledger: &mut Ledger, case| {
        let (case, before) = (Case(case), ledger.contracts.balances());
        assert_eq!(tries(ledger, HERE, TrialCall::Enrol { case, patient: PATIENT, site: NEAR }), Ok(()));
        assert_eq!(tries(ledger, NEAR, TrialCall::Stipend { case }), Ok(()));
        ledger.contracts.balances()[2] - before[2]
    };
    let usual = i64::try_from(STIPEND).expect("it is small");
    assert_eq!(paid(ledger, 1), usual);
    ledger.enacts(9, Motion::Stipend(123));
    assert_eq!(paid(ledger, 2), 123);
    ledger.enacts(10, Motion::Stipend(STIPEND));
    assert_eq!(paid(ledger, 3), usual);
}

#[test]
fn members_change_where_a_country_lets_data_go() {
    let ledger = &mut Ledger::new(Residency::Free);
    ledger.grants(PATIENT, FAR, Purpose::Treatment);
    let session = Call::Access(AccessCall::Session { patient: PATIENT });
    assert_eq!(ledger.call(FAR, session), Ok(()));
    for (case, policy, due) in [
        (1, Residency::Adequacy, Err(Refusal::NoAdequacy)),
        (2, Residency::LocalOnly, Err(Refusal::DataStay)),
        (3, Residency::Free, Ok(())),
    ] {
        ledger.enacts(case, Motion::Residency { country: 0, policy });
        assert_eq!(ledger.call(FAR, session), due);
    }
}
