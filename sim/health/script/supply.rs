//! Prescriptions, packs and the units that packs travel in.

use crate::base::HospitalId;
use crate::health::{Call, Case, LOTS, Lot, Pack, PackCall, RxCall, Unit};
use crate::kernel::draw::below;

use super::super::Verb;
use super::{About, Part, Planted, Script, misplaced};

/// Serial numbers that belong to one case.
const PER_CASE: u64 = 32;
/// Codes at each hospital that counterfeiters have copied: the first pack with such a code passes for the genuine one.
const COPIED: u64 = 4;
/// Their serial numbers.
const COPIES: u64 = 1 << 60;

impl Script {
    /// The `nth` pack of a case, at a hospital: genuine and in stock there, or not.
    fn pack_of(&self, case: Case, nth: u64, by: HospitalId) -> (Pack, Option<Planted>) {
        let genuine = Pack { home: by, serial: case.0 * PER_CASE + nth };
        if !self.plants(self.injection.counterfeits, case, nth) {
            return (genuine, None);
        }
        let bits = self.bits(case, About::Manner, nth);
        let pack = match below(4, bits) {
            0 | 1 => Pack::invented(by, genuine.serial),
            2 => Pack { home: by, serial: COPIES + bits % COPIED },
            // Stolen elsewhere, where it is in stock still.
            _ => Pack { home: self.near(case, by, 0), ..genuine },
        };
        (pack, Some(Planted::Counterfeit))
    }

    pub(super) fn prescription(&self, verb: Verb, case: Case, nth: u32, by: HospitalId) -> Part {
        if verb == Verb::Prescribe {
            return Part::honest(by, Call::Rx(RxCall::Prescribe { case, patient: self.patient(case, by, 0) }));
        }
        let (pack, planted) = self.pack_of(case, u64::from(nth) % PER_CASE, by);
        Part { by, call: Call::Rx(RxCall::Dispense { case, pack }), planted }
    }

    pub(super) fn pack(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let (pack, planted) = self.pack_of(case, 0, by);
        let call = match verb {
            Verb::Verify => PackCall::Verify { pack },
            Verb::Decommission => PackCall::Decommission { pack },
            Verb::Suspect => PackCall::Suspect { pack: Pack::invented(by, case.0) },
            Verb::Recall => PackCall::Recall { lot: self.lot(case) },
            _ => misplaced(verb),
        };
        let planted = planted.filter(|_| matches!(verb, Verb::Verify | Verb::Decommission));
        Part { by, call: Call::Pack(call), planted }
    }

    fn lot(&self, case: Case) -> Lot {
        Lot(below(LOTS, self.bits(case, About::Lot, 0)) as u32)
    }

    pub(super) fn unit(&self, verb: Verb, case: Case, by: HospitalId) -> Part {
        let unit = Unit { home: by, serial: case.0 * PER_CASE };
        let other = Unit { home: by, serial: unit.serial + 1 };
        let to = self.near(case, by, 0);
        let (by, call) = match verb {
            Verb::Commission => (by, PackCall::Commission { unit: Unit::filled(by, case.0), lot: self.lot(case) }),
            Verb::Aggregate => (by, PackCall::Aggregate { unit, into: other }),
            Verb::Transform => (by, PackCall::Transform { unit, into: Unit::filled(by, case.0) }),
            Verb::Receive => (to, PackCall::Receive { unit }),
            Verb::Unpack => (to, PackCall::Unpack { unit }),
            Verb::Sense => (by, PackCall::Sense { unit }),
            Verb::Ship => (by, PackCall::Ship { unit, to }),
            _ => misplaced(verb),
        };
        Part::honest(by, Call::Pack(call))
    }
}
