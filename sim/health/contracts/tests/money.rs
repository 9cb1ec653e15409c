//! Claims and licences.

use super::*;
use crate::health::Amount;

const SERVICE: u64 = BILLED_AT_GENESIS;

fn submit(case: u64, service: u64, amount: Amount) -> Call {
    Call::Claim(ClaimCall::Submit { case: Case(case), patient: PATIENT, service, amount })
}

fn confirm(case: u64, patient: Patient) -> Call {
    Call::Claim(ClaimCall::Confirm { case: Case(case), patient })
}

fn adjudicate(case: u64) -> Call {
    Call::Claim(ClaimCall::Adjudicate { case: Case(case) })
}

fn pay(case: u64, amount: Option<Amount>) -> Call {
    Call::Claim(ClaimCall::Pay { case: Case(case), amount })
}

#[test]
fn a_claim_is_submitted_confirmed_adjudicated_and_paid_in_that_order_and_once() {
    let ledger = &mut Ledger::new(Residency::Free);
    let payer = ledger.people.payer(PATIENT);
    assert_eq!(payer, HERE, "the first hospital of the country");
    for call in [confirm(1, PATIENT), adjudicate(1), pay(1, None)] {
        assert_eq!(ledger.call(HERE, call), Err(Refusal::NotSubmitted), "{call:?}");
    }
    assert_eq!(ledger.call(NEAR, submit(1, SERVICE - 1, 500)), Err(Refusal::BilledBefore), "before the run");
    assert_eq!(ledger.call(NEAR, submit(1, SERVICE, 500)), Ok(()));
    assert_eq!(ledger.call(NEAR, submit(1, SERVICE + 1, 500)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(FAR, submit(2, SERVICE, 500)), Err(Refusal::BilledBefore));
    assert_eq!(ledger.call(payer, adjudicate(1)), Err(Refusal::NotConfirmed));
    assert_eq!(ledger.call(payer, pay(1, None)), Err(Refusal::NotConfirmed));
    assert_eq!(ledger.call(HERE, confirm(1, OTHER)), Err(Refusal::WrongParty), "the patient received it");
    assert_eq!(ledger.call(NEAR, confirm(1, PATIENT)), Err(Refusal::WrongParty), "not the provider");
    assert_eq!(ledger.call(HERE, confirm(1, PATIENT)), Ok(()));
    assert_eq!(ledger.call(HERE, confirm(1, PATIENT)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(payer, pay(1, None)), Err(Refusal::NotAdjudicated));
    assert_eq!(ledger.call(NEAR, adjudicate(1)), Err(Refusal::WrongParty), "not the payer");
    assert_eq!(ledger.call(payer, adjudicate(1)), Ok(()));
    assert_eq!(ledger.call(payer, adjudicate(1)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(payer, pay(1, Some(501))), Err(Refusal::WrongAmount));
    assert_eq!(ledger.call(NEAR, pay(1, None)), Err(Refusal::WrongParty));
    assert_eq!(ledger.contracts.balances(), [0; 4]);
    assert_eq!(ledger.call(payer, pay(1, Some(500))), Ok(()));
    assert_eq!(ledger.contracts.balances(), [500, -500, 0, 0]);
    assert_eq!(ledger.call(payer, pay(1, None)), Err(Refusal::PaidBefore));
    for call in [adjudicate(1), confirm(1, PATIENT)] {
        assert_eq!(ledger.call(HERE, call), Err(Refusal::DoneBefore), "{call:?}");
    }
    assert_eq!(ledger.contracts.balances(), [500, -500, 0, 0]);
}

#[test]
fn a_cover_bears_so_much_and_no_more() {
    let ledger = &mut Ledger::new(Residency::Free);
    let cover = ledger.people.cover(PATIENT).expect("everybody is insured");
    for (case, amount) in [(1, cover - 10), (2, 30), (3, 5)] {
        assert_eq!(ledger.call(NEAR, submit(case, SERVICE + case, amount)), Ok(()));
        assert_eq!(ledger.call(HERE, confirm(case, PATIENT)), Ok(()));
    }
    assert_eq!(ledger.call(HERE, adjudicate(1)), Ok(()));
    assert_eq!(ledger.call(HERE, adjudicate(2)), Ok(()));
    assert_eq!(ledger.call(HERE, pay(2, Some(30))), Err(Refusal::WrongAmount), "ten are left");
    assert_eq!(ledger.call(HERE, pay(2, Some(10))), Ok(()));
    assert_eq!(ledger.call(HERE, adjudicate(3)), Err(Refusal::CoverageExhausted));
    assert_eq!(ledger.call(HERE, pay(3, None)), Err(Refusal::NotAdjudicated));
    assert_eq!(ledger.call(HERE, pay(1, None)), Ok(()));
    let cover = i64::try_from(cover).expect("covers are small");
    assert_eq!(ledger.contracts.balances(), [cover, -cover, 0, 0]);
}

#[test]
fn who_is_not_insured_has_no_claims() {
    let eligibility = |patient| Call::Claim(ClaimCall::Eligibility { patient });
    let ledger = &mut Ledger::with(Residency::Free, 0.0);
    assert_eq!(ledger.call(NEAR, eligibility(PATIENT)), Err(Refusal::NotCovered));
    assert_eq!(ledger.call(NEAR, submit(1, SERVICE, 500)), Err(Refusal::NotCovered));
    assert_eq!(ledger.call(NEAR, eligibility(NOBODY)), Err(Refusal::UnknownPatient));
    assert_eq!(Ledger::new(Residency::Free).call(NEAR, eligibility(PATIENT)), Ok(()));
}

#[test]
fn nothing_more_is_decided_about_a_disputed_claim() {
    let ledger = &mut Ledger::new(Residency::Free);
    assert_eq!(ledger.call(NEAR, submit(1, SERVICE, 500)), Ok(()));
    assert_eq!(ledger.call(HERE, confirm(1, PATIENT)), Ok(()));
    ledger.enacts(9, Motion::Dispute(Case(1)));
    assert_eq!(ledger.call(HERE, adjudicate(1)), Err(Refusal::Disputed));
    assert_eq!(ledger.call(HERE, pay(1, None)), Err(Refusal::Disputed));
    assert_eq!(ledger.call(NEAR, adjudicate(1)), Err(Refusal::WrongParty));
}

#[test]
fn a_licence_needs_a_consent_to_research_and_its_royalty_is_split_and_paid_once() {
    let ledger = &mut Ledger::new(Residency::Free);
    let grant =
        |case, patient| Call::Licence(LicenceCall::Grant { case: Case(case), patient, licensee: NEAR, royalty: 999 });
    let royalty = Call::Licence(LicenceCall::Royalty { case: Case(1) });
    assert_eq!(ledger.call(HERE, grant(1, NOBODY)), Err(Refusal::UnknownPatient));
    assert_eq!(ledger.call(NEAR, grant(1, PATIENT)), Err(Refusal::WrongParty));
    assert_eq!(ledger.call(HERE, grant(1, PATIENT)), Err(Refusal::NoConsent));
    ledger.grants(PATIENT, NEAR, Purpose::Treatment);
    assert_eq!(ledger.call(HERE, grant(1, PATIENT)), Err(Refusal::NoConsent), "that one is for treatment");
    ledger.grants(PATIENT, NEAR, Purpose::Research);
    assert_eq!(ledger.at(100, HERE, grant(1, PATIENT)), Err(Refusal::ConsentExpired));
    assert_eq!(ledger.call(NEAR, royalty), Err(Refusal::NotLicensed));
    assert_eq!(ledger.call(HERE, grant(1, PATIENT)), Ok(()));
    assert_eq!(ledger.call(HERE, grant(1, PATIENT)), Err(Refusal::DoneBefore));
    assert_eq!(ledger.call(HERE, royalty), Err(Refusal::WrongParty), "the licensee pays");
    assert_eq!(ledger.call(NEAR, royalty), Ok(()));
    // Of 999, 199 go to the patient's hospital, 99 to the operator, and the rest to the patient.
    assert_eq!(ledger.contracts.balances(), [-999 + 199, 0, 701, 99]);
    assert_eq!(ledger.call(NEAR, royalty), Err(Refusal::PaidBefore));
}
