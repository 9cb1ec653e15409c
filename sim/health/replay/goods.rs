//! What is asked for about the things of a trace: each is one unit and one pack, wherever the trace names it.

use crate::base::HospitalId;
use crate::health::trace::{Origin, Thing};
use crate::health::{Call, Case, LOTS, Lot, Pack, PackCall, RxCall, Unit, Verb};

use super::Replay;

/// What a step is about.
pub(super) struct Subject {
    pub copy: u32,
    pub thing: u32,
    pub into: Option<u32>,
    pub to: HospitalId,
}

impl Replay {
    /// What a step with a thing asks for.
    pub(super) fn goods(&self, verb: Verb, case: Case, subject: &Subject) -> Call {
        let &Subject { copy, thing, to, .. } = subject;
        let unit = self.unit(copy, thing);
        let into = || self.unit(copy, subject.into.expect("a step into something says what"));
        let pack = self.pack(copy, thing);
        Call::Pack(match verb {
            Verb::Commission => PackCall::Commission { unit, lot: self.lot(copy, thing) },
            Verb::Aggregate => PackCall::Aggregate { unit, into: into() },
            Verb::Transform => PackCall::Transform { unit, into: into() },
            Verb::Ship => PackCall::Ship { unit, to },
            Verb::Receive => PackCall::Receive { unit },
            Verb::Unpack => PackCall::Unpack { unit },
            Verb::Sense => PackCall::Sense { unit },
            Verb::Verify => PackCall::Verify { pack },
            Verb::Decommission => PackCall::Decommission { pack },
            Verb::Recall => PackCall::Recall { lot: self.lot(copy, thing) },
            Verb::Dispense => return Call::Rx(RxCall::Dispense { case, pack }),
            _ => unreachable!("{verb:?} is no step of an event"),
        })
    }

    fn thing(&self, thing: u32) -> &Thing {
        &self.table.trace.things[thing as usize]
    }

    /// Things are numbered through all copies, so that no two share a number where copies share a hospital.
    fn nth(&self, copy: u32, thing: u32) -> u64 {
        u64::from(copy) * self.table.trace.things.len() as u64 + u64::from(thing)
    }

    /// The unit that a thing is.
    fn unit(&self, copy: u32, thing: u32) -> Unit {
        let (nth, Thing { origin, home, .. }) = (self.nth(copy, thing), *self.thing(thing));
        let home = self.hospital(copy, home);
        match origin {
            Origin::Made => Unit::filled(home, nth),
            Origin::Held => Unit { home, serial: nth },
            Origin::Expected => Unit::expected(home, nth),
        }
    }

    /// The pack that a thing is where it is dispensed.
    fn pack(&self, copy: u32, thing: u32) -> Pack {
        Pack { home: self.hospital(copy, self.thing(thing).stock), serial: self.nth(copy, thing) }
    }

    /// The lot of a thing: the one that is named, for what is made without one its own, else that from before the run.
    fn lot(&self, copy: u32, thing: u32) -> Lot {
        let trace = &self.table.trace;
        let lot = match *self.thing(thing) {
            Thing { lot: Some(lot), .. } => u64::from(lot),
            Thing { origin: Origin::Made, .. } => u64::from(trace.lots) + u64::from(thing),
            _ => return self.people.lot_of_unit(self.unit(copy, thing)),
        };
        let nth = u64::from(copy) * (u64::from(trace.lots) + trace.things.len() as u64) + lot;
        // Below are the lots from before the run.
        Lot((LOTS + nth % (u64::from(u32::MAX) - LOTS)) as u32)
    }
}
