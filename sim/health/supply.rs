//! What medicines are called on their way: packs, the units they travel in, and lots (GS1 SGTIN, SSCC, LGTIN).

use crate::base::{Encode, HospitalId, Sink};

/// Lots in circulation: a setting of this model, not a measured figure.
pub const LOTS: u64 = 1_000;

/// Serial numbers from here on are of units commissioned in the run.
const COMMISSIONED: u64 = 1 << 61;
/// Serial numbers of units from here on are of those that were on their way to their home before the run.
const EXPECTED: u64 = 1 << 62;
/// Serial numbers of packs from here on no maker ever gave.
const INVENTED: u64 = 1 << 62;

/// A production lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lot(pub u32);

impl Encode for Lot {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }
}

/// One pack of a medicine by its serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pack {
    /// In whose stock it was before the run.
    pub home: HospitalId,
    /// Its serial number there.
    pub serial: u64,
}

impl Pack {
    /// A pack with a code that no maker gave.
    pub const fn invented(home: HospitalId, nth: u64) -> Pack {
        Pack { home, serial: INVENTED | nth }
    }

    /// Whether a maker gave its code.
    pub const fn is_genuine(self) -> bool {
        self.serial < INVENTED
    }
}

impl Encode for Pack {
    fn encode(&self, sink: &mut impl Sink) {
        (self.home, self.serial).encode(sink);
    }
}

/// A case or pallet of packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// In whose custody it began, or to whom it was on its way.
    pub home: HospitalId,
    /// Its serial number there.
    pub serial: u64,
}

impl Unit {
    /// A unit that is filled in the run.
    pub const fn filled(home: HospitalId, nth: u64) -> Unit {
        Unit { home, serial: COMMISSIONED | nth }
    }

    /// A unit that somebody outside the ledger had sent to its home before the run.
    pub const fn expected(home: HospitalId, nth: u64) -> Unit {
        Unit { home, serial: EXPECTED | nth }
    }

    /// Whether it was filled before the run.
    pub const fn is_of_genesis(self) -> bool {
        self.serial < COMMISSIONED || self.is_expected()
    }

    /// Whether it was on its way to its home before the run, and not there yet.
    pub const fn is_expected(self) -> bool {
        self.serial >= EXPECTED
    }
}

impl Encode for Unit {
    fn encode(&self, sink: &mut impl Sink) {
        (self.home, self.serial).encode(sink);
    }
}
