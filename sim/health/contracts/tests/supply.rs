//! Prescriptions, packs and units.

use super::*;
use crate::health::{Lot, Pack, Unit};

const UNIT: Unit = Unit { home: HERE, serial: 5 };
const LARGER: Unit = Unit { home: HERE, serial: 6 };

fn pack(nth: u64) -> Pack {
    Pack { home: HERE, serial: nth }
}

fn packed(ledger: &mut Ledger, by: HospitalId, call: PackCall) -> Verdict {
    ledger.call(by, Call::Pack(call))
}

fn dispense(ledger: &mut Ledger, by: HospitalId, case: u64, pack: Pack) -> Verdict {
    ledger.call(by, Call::Rx(RxCall::Dispense { case: Case(case), pack }))
}

#[test]
fn a_unit_goes_from_hand_to_hand_and_is_in_one_at_a_time() {
    let ledger = &mut Ledger::new(Residency::Free);
    let (ship, receive) = (PackCall::Ship { unit: UNIT, to: NEAR }, PackCall::Receive { unit: UNIT });
    assert_eq!(packed(ledger, NEAR, ship), Err(Refusal::NotInCustody));
    assert_eq!(packed(ledger, NEAR, receive), Err(Refusal::NotShipped));
    assert_eq!(packed(ledger, HERE, PackCall::Sense { unit: UNIT }), Ok(()));
    assert_eq!(packed(ledger, HERE, ship), Ok(()));
    assert_eq!(packed(ledger, HERE, ship), Err(Refusal::NotInCustody), "it is on its way");
    assert_eq!(packed(ledger, FAR, receive), Err(Refusal::NotShipped), "to somebody else");
    assert_eq!(packed(ledger, NEAR, receive), Ok(()));
    assert_eq!(packed(ledger, NEAR, receive), Err(Refusal::NotShipped));
    assert_eq!(packed(ledger, HERE, PackCall::Unpack { unit: UNIT }), Err(Refusal::NotInCustody));
    assert_eq!(packed(ledger, NEAR, PackCall::Unpack { unit: UNIT }), Ok(()));
    assert_eq!(packed(ledger, NEAR, PackCall::Unpack { unit: UNIT }), Err(Refusal::NotInCustody), "it is no more");
    assert_eq!(packed(ledger, NEAR, PackCall::Sense { unit: UNIT }), Err(Refusal::NotInCustody));
}

#[test]
fn what_was_on_its_way_before_the_run_is_received_by_whom_it_was_sent_to_and_not_had_before() {
    let ledger = &mut Ledger::new(Residency::Free);
    let unit = Unit::expected(HERE, 7);
    let (ship, receive) = (PackCall::Ship { unit, to: NEAR }, PackCall::Receive { unit });
    assert_eq!(packed(ledger, HERE, ship), Err(Refusal::NotInCustody));
    assert_eq!(packed(ledger, HERE, PackCall::Commission { unit, lot: Lot(3) }), Err(Refusal::DoneBefore));
    assert_eq!(packed(ledger, NEAR, receive), Err(Refusal::NotShipped), "it was sent to another");
    assert_eq!(packed(ledger, HERE, receive), Ok(()));
    assert_eq!(packed(ledger, HERE, receive), Err(Refusal::NotShipped));
    assert_eq!(packed(ledger, HERE, ship), Ok(()));
}

#[test]
fn a_unit_is_filled_by_its_maker_once_and_packed_into_another_or_anew() {
    let ledger = &mut Ledger::new(Residency::Free);
    let (new, anew) = (Unit::filled(HERE, 1), Unit::filled(HERE, 2));
    let commission = |unit| PackCall::Commission { unit, lot: Lot(3) };
    assert_eq!(packed(ledger, HERE, PackCall::Sense { unit: new }), Err(Refusal::UnknownSerial));
    assert_eq!(packed(ledger, NEAR, PackCall::Receive { unit: new }), Err(Refusal::UnknownSerial));
    assert_eq!(packed(ledger, NEAR, commission(new)), Err(Refusal::WrongParty));
    assert_eq!(packed(ledger, HERE, commission(UNIT)), Err(Refusal::DoneBefore), "it was filled before the run");
    assert_eq!(packed(ledger, HERE, commission(new)), Ok(()));
    assert_eq!(packed(ledger, HERE, commission(new)), Err(Refusal::DoneBefore));
    let transform = PackCall::Transform { unit: new, into: anew };
    assert_eq!(packed(ledger, NEAR, transform), Err(Refusal::WrongParty));
    assert_eq!(packed(ledger, HERE, PackCall::Transform { unit: new, into: UNIT }), Err(Refusal::DoneBefore));
    assert_eq!(packed(ledger, HERE, transform), Ok(()));
    assert_eq!(packed(ledger, HERE, PackCall::Sense { unit: new }), Err(Refusal::NotInCustody));
    let aggregate = |unit, into| PackCall::Aggregate { unit, into };
    assert_eq!(packed(ledger, HERE, aggregate(anew, anew)), Err(Refusal::NotInCustody), "nothing holds itself");
    assert_eq!(packed(ledger, NEAR, aggregate(anew, LARGER)), Err(Refusal::NotInCustody));
    assert_eq!(packed(ledger, HERE, aggregate(Unit::filled(HERE, 9), LARGER)), Err(Refusal::UnknownSerial));
    assert_eq!(packed(ledger, HERE, aggregate(anew, LARGER)), Ok(()));
    assert_eq!(packed(ledger, HERE, aggregate(anew, LARGER)), Err(Refusal::NotInCustody));
    assert_eq!(packed(ledger, HERE, PackCall::Sense { unit: LARGER }), Ok(()));
}

#[test]
fn what_is_recalled_neither_leaves_nor_is_dispensed_under_whatever_name() {
    let ledger = &mut Ledger::new(Residency::Free);
    let (new, anew) = (Unit::filled(HERE, 1), Unit::filled(HERE, 2));
    let lot = ledger.people.lot(pack(1));
    assert_eq!(packed(ledger, HERE, PackCall::Commission { unit: new, lot }), Ok(()));
    assert_eq!(packed(ledger, HERE, PackCall::Verify { pack: pack(1) }), Ok(()));
    assert_eq!(packed(ledger, FAR, PackCall::Recall { lot }), Ok(()));
    assert_eq!(packed(ledger, FAR, PackCall::Recall { lot }), Err(Refusal::DoneBefore));
    assert_eq!(packed(ledger, HERE, PackCall::Verify { pack: pack(1) }), Err(Refusal::Recalled));
    assert_eq!(packed(ledger, HERE, PackCall::Ship { unit: new, to: NEAR }), Err(Refusal::Recalled));
    assert_eq!(packed(ledger, HERE, PackCall::Transform { unit: new, into: anew }), Ok(()));
    assert_eq!(packed(ledger, HERE, PackCall::Ship { unit: anew, to: NEAR }), Err(Refusal::Recalled));
    let unit = Unit { home: HERE, serial: pack(1).serial };
    assert_eq!(ledger.people.lot_of_unit(unit), lot, "units and packs of a number are of one lot");
    assert_eq!(packed(ledger, HERE, PackCall::Ship { unit, to: NEAR }), Err(Refusal::Recalled));
}

#[test]
fn a_pack_leaves_the_supply_once_where_it_is() {
    let ledger = &mut Ledger::new(Residency::Free);
    let patient = PATIENT;
    let prescribe = |patient| Call::Rx(RxCall::Prescribe { case: Case(1), patient });
    assert_eq!(dispense(ledger, HERE, 1, pack(1)), Err(Refusal::NotPrescribed));
    assert_eq!(ledger.call(HERE, prescribe(NOBODY)), Err(Refusal::UnknownPatient));
    assert_eq!(ledger.call(HERE, prescribe(patient)), Ok(()));
    assert_eq!(ledger.call(HERE, prescribe(patient)), Err(Refusal::DoneBefore));
    assert_eq!(dispense(ledger, HERE, 1, Pack::invented(HERE, 1)), Err(Refusal::UnknownSerial));
    assert_eq!(dispense(ledger, NEAR, 1, pack(1)), Err(Refusal::NotInCustody));
    assert_eq!(dispense(ledger, HERE, 1, pack(1)), Ok(()));
    let (verify, decommission) = (PackCall::Verify { pack: pack(1) }, PackCall::Decommission { pack: pack(1) });
    assert_eq!(dispense(ledger, HERE, 1, pack(1)), Err(Refusal::DispensedBefore));
    assert_eq!(packed(ledger, HERE, verify), Err(Refusal::DispensedBefore));
    assert_eq!(packed(ledger, HERE, decommission), Err(Refusal::DispensedBefore));
    assert_eq!(packed(ledger, HERE, PackCall::Decommission { pack: pack(2) }), Ok(()));
    assert_eq!(packed(ledger, HERE, PackCall::Decommission { pack: pack(2) }), Err(Refusal::Decommissioned));
    assert_eq!(dispense(ledger, HERE, 1, pack(2)), Err(Refusal::Decommissioned));
    assert_eq!(packed(ledger, FAR, PackCall::Suspect { pack: pack(2) }), Ok(()), "anybody may doubt");
}

#[test]
fn a_prescription_is_filled_as_often_as_it_may_be() {
    let ledger = &mut Ledger::new(Residency::Free);
    let prescribe = Call::Rx(RxCall::Prescribe { case: Case(1), patient: PATIENT });
    assert_eq!(ledger.call(HERE, prescribe), Ok(()));
    for nth in 0..u64::from(FILLS) {
        assert_eq!(dispense(ledger, HERE, 1, pack(nth)), Ok(()));
        assert!(dispense(ledger, HERE, 1, pack(nth)).is_err(), "what is refused fills nothing");
    }
    assert_eq!(dispense(ledger, HERE, 1, pack(50)), Err(Refusal::FillsUsedUp));
    assert_eq!(packed(ledger, HERE, PackCall::Verify { pack: pack(50) }), Ok(()), "it is there still");
}
