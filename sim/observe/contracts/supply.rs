//! Prescriptions are filled as often as they may be; units go from hand to hand; packs leave the supply once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::HospitalId;
use crate::health::{Case, FILLS, Lot, Pack, PackCall, People, Refusal, RxCall, Unit};

use super::Plea;

/// What was done with a unit.
#[derive(Clone, Copy)]
enum Step {
    Filled(HospitalId, Lot),
    Shipped(HospitalId),
    Received(HospitalId),
    /// Packed into another, packed anew, or taken apart.
    Ended,
}

/// What was done with a pack.
#[derive(Clone, Copy)]
enum Taken {
    Dispensed,
    Out,
}

/// What was done with medicines.
pub(super) struct Supply {
    people: Arc<People>,
    units: BTreeMap<Unit, Vec<Step>>,
    packs: BTreeMap<Pack, Vec<Taken>>,
    recalled: BTreeSet<Lot>,
    /// The packs that each prescription was filled with.
    filled: BTreeMap<Case, Vec<Pack>>,
}

impl Supply {
    pub fn new(people: Arc<People>) -> Supply {
        let (units, packs, filled) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Supply { people, units, packs, recalled: BTreeSet::new(), filled }
    }

    pub fn prescription(&self, plea: &Plea, call: &RxCall) -> Option<Refusal> {
        match *call {
            RxCall::Prescribe { patient, .. } if self.people.known(patient).is_err() => Some(Refusal::UnknownPatient),
            RxCall::Prescribe { case, .. } => self.filled.contains_key(&case).then_some(Refusal::DoneBefore),
            RxCall::Dispense { case, pack } => match self.filled.get(&case) {
                None => Some(Refusal::NotPrescribed),
                Some(packs) if packs.len() >= usize::from(FILLS) => Some(Refusal::FillsUsedUp),
                Some(_) => self.unfit(plea, pack),
            },
        }
    }

    pub fn allow_prescription(&mut self, call: &RxCall) {
        match *call {
            RxCall::Prescribe { case, .. } => drop(self.filled.insert(case, Vec::new())),
            RxCall::Dispense { case, pack } => {
                self.filled.entry(case).or_default().push(pack);
                self.packs.entry(pack).or_default().push(Taken::Dispensed);
            }
        }
    }

    /// Why a pack may not be dispensed, nor taken out.
    fn unfit(&self, plea: &Plea, pack: Pack) -> Option<Refusal> {
        let taken = self.packs.get(&pack).and_then(|taken| taken.last());
        match taken {
            _ if !self.people.stocks(pack) => Some(Refusal::UnknownSerial),
            _ if pack.home != plea.by => Some(Refusal::NotInCustody),
            Some(Taken::Dispensed) => Some(Refusal::DispensedBefore),
            Some(Taken::Out) => Some(Refusal::Decommissioned),
            None => self.recalled.contains(&self.people.lot(pack)).then_some(Refusal::Recalled),
        }
    }

    fn last(&self, unit: Unit) -> Option<Step> {
        self.units.get(&unit).and_then(|steps| steps.last()).copied()
    }

    fn exists(&self, unit: Unit) -> bool {
        self.people.ships(unit) || self.units.contains_key(&unit)
    }

    /// The lot of a unit's packs: what it was filled with, in the run or before.
    fn lot(&self, unit: Unit) -> Lot {
        match self.units.get(&unit).and_then(|steps| steps.first()) {
            Some(Step::Filled(_, lot)) => *lot,
            _ => self.people.lot_of_unit(unit),
        }
    }

    /// Why a unit is not one that the hospital has in its hands.
    fn not_held(&self, plea: &Plea, unit: Unit) -> Option<Refusal> {
        let holder = match self.last(unit) {
            _ if !self.exists(unit) => return Some(Refusal::UnknownSerial),
            None => (!unit.is_expected()).then_some(unit.home),
            Some(Step::Filled(by, _) | Step::Received(by)) => Some(by),
            Some(Step::Shipped(_) | Step::Ended) => None,
        };
        (holder != Some(plea.by)).then_some(Refusal::NotInCustody)
    }

    /// Why a hospital may not fill a unit.
    fn not_new(&self, plea: &Plea, unit: Unit) -> Option<Refusal> {
        match () {
            () if unit.home != plea.by => Some(Refusal::WrongParty),
            () => self.exists(unit).then_some(Refusal::DoneBefore),
        }
    }

    pub fn pack(&self, plea: &Plea, call: &PackCall) -> Option<Refusal> {
        let recalled = |lot| self.recalled.contains(&lot);
        match *call {
            PackCall::Commission { unit, .. } => self.not_new(plea, unit),
            PackCall::Aggregate { unit, into } => self
                .not_held(plea, into)
                .or_else(|| self.not_held(plea, unit))
                .or_else(|| (unit == into).then_some(Refusal::NotInCustody)),
            PackCall::Ship { unit, .. } => {
                self.not_held(plea, unit).or_else(|| recalled(self.lot(unit)).then_some(Refusal::Recalled))
            }
            PackCall::Receive { unit } => match self.last(unit) {
                _ if !self.exists(unit) => Some(Refusal::UnknownSerial),
                Some(Step::Shipped(to)) if to == plea.by => None,
                // Somebody who is not on the ledger sent it.
                None if unit.is_expected() && unit.home == plea.by => None,
                _ => Some(Refusal::NotShipped),
            },
            PackCall::Unpack { unit } | PackCall::Sense { unit } => self.not_held(plea, unit),
            PackCall::Transform { unit, into } => self.not_new(plea, into).or_else(|| self.not_held(plea, unit)),
            PackCall::Verify { pack } | PackCall::Decommission { pack } => self.unfit(plea, pack),
            PackCall::Recall { lot } => recalled(lot).then_some(Refusal::DoneBefore),
            PackCall::Suspect { .. } => None,
        }
    }

    pub fn allow_pack(&mut self, plea: &Plea, call: &PackCall) {
        match *call {
            PackCall::Commission { unit, lot } => self.step(unit, Step::Filled(plea.by, lot)),
            PackCall::Aggregate { unit, .. } | PackCall::Unpack { unit } => self.step(unit, Step::Ended),
            PackCall::Ship { unit, to } => self.step(unit, Step::Shipped(to)),
            PackCall::Receive { unit } => self.step(unit, Step::Received(plea.by)),
            PackCall::Transform { unit, into } => {
                self.step(into, Step::Filled(plea.by, self.lot(unit)));
                self.step(unit, Step::Ended);
            }
            PackCall::Decommission { pack } => self.packs.entry(pack).or_default().push(Taken::Out),
            PackCall::Recall { lot } => drop(self.recalled.insert(lot)),
            PackCall::Sense { .. } | PackCall::Verify { .. } | PackCall::Suspect { .. } => {}
        }
    }

    fn step(&mut self, unit: Unit, step: Step) {
        self.units.entry(unit).or_default().push(step);
    }
}
