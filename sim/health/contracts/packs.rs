//! Medicines on their way: commissioned, aggregated, shipped, received, unpacked, and each pack dispensed or taken out
//! once (EPCIS 2.0 business steps; EU FMD and DSCSA verification). Packs and the units they travel in are of the hospital
//! or maker in whose custody they began.

use std::sync::Arc;

use crate::base::{Encode, HospitalId, Sink};
use crate::health::call::encode_calls;
use crate::health::{Lot, Pack, People, Refusal, Unit};

use super::table::{Table, Write};
use super::{Signed, Verdict};

/// What is done with medicines before they are dispensed, or instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackCall {
    /// A maker fills a unit with packs of a lot (`commissioning`).
    Commission {
        /// The unit.
        unit: Unit,
        /// The lot.
        lot: Lot,
    },
    /// A unit is packed into another (`packing`).
    Aggregate {
        /// The smaller one.
        unit: Unit,
        /// The larger one.
        into: Unit,
    },
    /// A unit leaves (`shipping`).
    Ship {
        /// The unit.
        unit: Unit,
        /// Where it goes.
        to: HospitalId,
    },
    /// A unit has come (`receiving`).
    Receive {
        /// The unit.
        unit: Unit,
    },
    /// A unit is taken apart (`unpacking`).
    Unpack {
        /// The unit.
        unit: Unit,
    },
    /// Its packs are packed anew (`repackaging`): the unit is no more, another is.
    Transform {
        /// The old one.
        unit: Unit,
        /// The new one.
        into: Unit,
    },
    /// A sensor travels with it (`sensor_reporting`).
    Sense {
        /// The unit.
        unit: Unit,
    },
    /// Is a pack genuine, here, and fit to be dispensed?
    Verify {
        /// The pack.
        pack: Pack,
    },
    /// A pack is taken out of the supply: given on a ward, destroyed, lost (`decommissioning`).
    Decommission {
        /// The pack.
        pack: Pack,
    },
    /// All packs of a lot are called back.
    Recall {
        /// The lot.
        lot: Lot,
    },
    /// Somebody doubts a pack, and tells everyone.
    Suspect {
        /// The pack.
        pack: Pack,
    },
}

encode_calls!(PackCall {
    0 Commission { unit, lot }
    1 Aggregate { unit, into }
    2 Ship { unit, to }
    3 Receive { unit }
    4 Unpack { unit }
    5 Transform { unit, into }
    6 Sense { unit }
    7 Verify { pack }
    8 Decommission { pack }
    9 Recall { lot }
    10 Suspect { pack }
});

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In somebody's custody.
    With(HospitalId),
    /// On its way to somebody.
    Going(HospitalId),
    /// Within another, taken apart or packed anew.
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Travel {
    lot: Lot,
    place: Place,
}

impl Encode for Travel {
    fn encode(&self, sink: &mut impl Sink) {
        let place = match self.place {
            Place::With(hospital) => (0u8, hospital.0),
            Place::Going(to) => (1, to.0),
            Place::Gone => (2, 0),
        };
        (self.lot.0, place).encode(sink);
    }
}

/// What became of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Dispensed = 0,
    Decommissioned = 1,
}

impl Encode for End {
    fn encode(&self, sink: &mut impl Sink) {
        (*self as u8).encode(sink);
    }
}

/// The supply of medicines: genesis, and what the run changed of it. Memory: 100 bytes for each unit and pack touched.
#[derive(Clone, Debug)]
pub(super) struct Packs {
    people: Arc<People>,
    units: Table<Unit, Travel>,
    ended: Table<Pack, End>,
    recalled: Table<Lot, u8>,
}

impl Packs {
    pub fn new(people: Arc<People>) -> Packs {
        Packs { people, units: Table::new(10), ended: Table::new(11), recalled: Table::new(12) }
    }

    pub fn execute(&mut self, signed: Signed, call: &PackCall) -> Verdict {
        match *call {
            PackCall::Commission { unit, lot } => self.commission(signed, unit, lot),
            PackCall::Aggregate { unit, into } => {
                self.held(signed, into)?;
                // Nothing is packed into itself: it would be in nobody's custody for good.
                if unit == into { Err(Refusal::NotInCustody) } else { self.end(signed, unit).map(drop) }
            }
            PackCall::Ship { unit, to } => self.ship(signed, unit, to),
            PackCall::Receive { unit } => self.receive(signed, unit),
            PackCall::Unpack { unit } => self.end(signed, unit).map(drop),
            PackCall::Transform { unit, into } => self.transform(signed, unit, into),
            PackCall::Sense { unit } => self.held(signed, unit).map(drop),
            PackCall::Verify { pack } => self.fit(signed, pack),
            PackCall::Decommission { pack } => self.take_out(signed, pack, End::Decommissioned),
            PackCall::Recall { lot } => self.recall(lot),
            // A doubt is for everyone to hear, founded or not.
            PackCall::Suspect { .. } => Ok(()),
        }
    }

    /// A pack is handed to a patient.
    pub fn dispense(&mut self, signed: Signed, pack: Pack) -> Verdict {
        self.take_out(signed, pack, End::Dispensed)
    }

    fn take_out(&mut self, signed: Signed, pack: Pack, end: End) -> Verdict {
        self.fit(signed, pack)?;
        self.ended.put(pack, end);
        Ok(())
    }

    /// Whether a pack is genuine, in the signer's custody, still in the supply and not recalled.
    fn fit(&self, signed: Signed, pack: Pack) -> Verdict {
        if !self.people.stocks(pack) {
            return Err(Refusal::UnknownSerial);
        }
        if pack.home != signed.by {
            return Err(Refusal::NotInCustody);
        }
        match self.ended.get(&pack) {
            Some(End::Dispensed) => return Err(Refusal::DispensedBefore),
            Some(End::Decommissioned) => return Err(Refusal::Decommissioned),
            None => {}
        }
        if self.recalled.contains(&self.people.lot(pack)) { Err(Refusal::Recalled) } else { Ok(()) }
    }

    fn travel(&self, unit: Unit) -> Option<Travel> {
        let genesis = || {
            let place = if unit.is_expected() { Place::Going(unit.home) } else { Place::With(unit.home) };
            let lot = self.people.lot_of_unit(unit);
            self.people.ships(unit).then_some(Travel { lot, place })
        };
        self.units.get(&unit).copied().or_else(genesis)
    }

    /// A unit that is in the signer's custody.
    fn held(&self, signed: Signed, unit: Unit) -> Result<Travel, Refusal> {
        let travel = self.travel(unit).ok_or(Refusal::UnknownSerial)?;
        if travel.place == Place::With(signed.by) { Ok(travel) } else { Err(Refusal::NotInCustody) }
    }

    fn put(&mut self, unit: Unit, travel: Travel, place: Place) {
        self.units.put(unit, Travel { place, ..travel });
    }

    fn commission(&mut self, signed: Signed, unit: Unit, lot: Lot) -> Verdict {
        if unit.home != signed.by {
            return Err(Refusal::WrongParty);
        }
        if self.travel(unit).is_some() {
            return Err(Refusal::DoneBefore);
        }
        self.units.put(unit, Travel { lot, place: Place::With(signed.by) });
        Ok(())
    }

    fn ship(&mut self, signed: Signed, unit: Unit, to: HospitalId) -> Verdict {
        let travel = self.held(signed, unit)?;
        if self.recalled.contains(&travel.lot) {
            return Err(Refusal::Recalled);
        }
        self.put(unit, travel, Place::Going(to));
        Ok(())
    }

    fn receive(&mut self, signed: Signed, unit: Unit) -> Verdict {
        let travel = self.travel(unit).ok_or(Refusal::UnknownSerial)?;
        if travel.place != Place::Going(signed.by) {
            return Err(Refusal::NotShipped);
        }
        self.put(unit, travel, Place::With(signed.by));
        Ok(())
    }

    fn end(&mut self, signed: Signed, unit: Unit) -> Result<Travel, Refusal> {
        let travel = self.held(signed, unit)?;
        self.put(unit, travel, Place::Gone);
        Ok(travel)
    }

    fn transform(&mut self, signed: Signed, unit: Unit, into: Unit) -> Verdict {
        if into.home != signed.by {
            return Err(Refusal::WrongParty);
        }
        if self.travel(into).is_some() {
            return Err(Refusal::DoneBefore);
        }
        let travel = self.end(signed, unit)?;
        self.units.put(into, Travel { place: Place::With(signed.by), ..travel });
        Ok(())
    }

    fn recall(&mut self, lot: Lot) -> Verdict {
        if self.recalled.contains(&lot) {
            return Err(Refusal::DoneBefore);
        }
        self.recalled.put(lot, 1);
        Ok(())
    }

    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.units.settle(writes);
        self.ended.settle(writes);
        self.recalled.settle(writes);
    }
}
