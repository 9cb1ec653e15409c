//! What a transaction asks of the ledger's contracts.
//!
//! A call is signed with its transaction: the body's references begin with its encoding. Purposes are those of HL7 v3
//! `PurposeOfUse`, consents those of FHIR R4 `Consent` (a permit or deny provision with a period, a purpose, a class of
//! data and an actor). Each contract has the calls that it decides in its own file.

use crate::base::{Decode, Encode, HospitalId, Input, Sink};

use super::contracts::{
    AccessCall, ClaimCall, ConsentCall, GovernanceCall, LicenceCall, PackCall, RecordCall, RxCall, ShareCall, TrialCall,
};

/// Writes the canonical encoding of an enum of calls: the variant's number, then its fields in order.
macro_rules! encode_calls {
    ($name:ident { $($nth:literal $variant:ident { $($field:ident),* })* }) => {
        impl $crate::base::Encode for $name {
            fn encode(&self, sink: &mut impl $crate::base::Sink) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        sink.put(&[$nth]);
                        $($field.encode(sink);)*
                    })*
                }
            }
        }
    };
}
pub(super) use encode_calls;

/// A patient: who cares for them, and their number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Patient {
    /// The hospital that keeps their records.
    pub home: HospitalId,
    /// Their number among its patients.
    pub number: u32,
}

impl Encode for Patient {
    fn encode(&self, sink: &mut impl Sink) {
        self.home.encode(sink);
        self.number.encode(sink);
    }
}

impl Decode for Patient {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Some(Patient { home: Decode::decode(input)?, number: Decode::decode(input)? })
    }
}

/// A matter of several transactions, named by the slice of its first one and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case(pub u64);

impl Case {
    /// Numbers of cases are below 2 to this power: serial numbers are made of them.
    pub const BITS: u32 = 56;
}

impl Encode for Case {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }
}

impl Decode for Case {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Decode::decode(input).map(Case)
    }
}

/// Money, in hundredths.
pub type Amount = u64;

/// What data are asked for (HL7 v3 `PurposeOfUse`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// `TREAT`.
    Treatment = 0,
    /// `HPAYMT`.
    Payment = 1,
    /// `HRESCH`.
    Research = 2,
    /// `ETREAT`: glass is broken.
    Emergency = 3,
}

/// A class of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Category {
    /// Encounters, conditions, procedures, documents.
    Clinical = 0,
    /// Prescriptions and dispensings.
    Medication = 1,
    /// Observations and reports.
    Laboratory = 2,
    /// Mental and sexual health, addiction, genetics.
    Sensitive = 3,
}

impl Encode for Purpose {
    fn encode(&self, sink: &mut impl Sink) {
        (*self as u8).encode(sink);
    }
}

impl Encode for Category {
    fn encode(&self, sink: &mut impl Sink) {
        (*self as u8).encode(sink);
    }
}

impl Decode for Purpose {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Purpose::ALL.get(usize::from(u8::decode(input)?)).copied()
    }
}

impl Decode for Category {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        Category::ALL.get(usize::from(u8::decode(input)?)).copied()
    }
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 4] = [Purpose::Treatment, Purpose::Payment, Purpose::Research, Purpose::Emergency];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        ["treatment", "payment", "research", "emergency"][self as usize]
    }
}

impl Category {
    /// Every category.
    pub const ALL: [Category; 4] =
        [Category::Clinical, Category::Medication, Category::Laboratory, Category::Sensitive];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        ["clinical", "medication", "laboratory", "sensitive"][self as usize]
    }
}

/// A set of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

impl Encode for Scope {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }
}

impl Scope {
    /// Everything.
    pub const ALL: Scope = Scope(0b1111);
    /// Everything that is not sensitive.
    pub const USUAL: Scope = Scope(0b0111);

    /// Whether it covers a category.
    pub const fn covers(self, category: Category) -> bool {
        self.0 >> category as u8 & 1 == 1
    }
}

/// For whom and what for a consent is: a patient has at most one in force for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsentKey {
    /// Whose data.
    pub patient: Patient,
    /// Who may use them.
    pub grantee: HospitalId,
    /// What for.
    pub purpose: Purpose,
}

impl Encode for ConsentKey {
    fn encode(&self, sink: &mut impl Sink) {
        self.patient.encode(sink);
        self.grantee.encode(sink);
        self.purpose.encode(sink);
    }
}

/// What a transaction asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Nothing that a contract looks at: the ledger keeps it, in order.
    Plain,
    /// A record is anchored, amended or forgotten.
    Record(RecordCall),
    /// A patient changes a consent.
    Consent(ConsentCall),
    /// A patient's data are looked at, or a patient is attended from afar.
    Access(AccessCall),
    /// Data go from one hospital to another.
    Share(ShareCall),
    /// Care is paid for.
    Claim(ClaimCall),
    /// Medicines are prescribed and dispensed.
    Rx(RxCall),
    /// Medicines go from their maker to where they are dispensed.
    Pack(PackCall),
    /// A trial goes on.
    Trial(TrialCall),
    /// Data are licensed.
    Licence(LicenceCall),
    /// The ledger's members decide.
    Governance(GovernanceCall),
}

const _: () = assert!(size_of::<Call>() <= 48, "calls wait in memory until they are decided");

impl Call {
    /// The patient whose key signs it; where there is none, the hospital's does.
    pub const fn signer(&self) -> Option<Patient> {
        match *self {
            Call::Consent(ConsentCall { key, .. }) => Some(key.patient),
            Call::Record(RecordCall::Erase { patient })
            | Call::Claim(ClaimCall::Confirm { patient, .. })
            | Call::Trial(TrialCall::Enrol { patient, .. } | TrialCall::Withdraw { patient, .. })
            | Call::Licence(LicenceCall::Grant { patient, .. }) => Some(patient),
            _ => None,
        }
    }
}

impl Call {
    /// Reads a call about records, or a look at data, off the front of a body's references: what an audit asks for.
    /// Nothing where they begin with another call.
    pub fn audited(references: &[u8]) -> Option<Call> {
        let input = &mut Input(references);
        match u8::decode(input)? {
            RECORD => RecordCall::decode(input).map(Call::Record),
            ACCESS => AccessCall::decode_look(input).map(Call::Access),
            _ => None,
        }
    }
}

/// Families whose calls are read back.
const RECORD: u8 = 1;
const ACCESS: u8 = 3;

impl Encode for Call {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Call::Plain => sink.put(&[0]),
            Call::Record(call) => family(RECORD, call, sink),
            Call::Consent(call) => family(2, call, sink),
            Call::Access(call) => family(ACCESS, call, sink),
            Call::Share(call) => family(4, call, sink),
            Call::Claim(call) => family(5, call, sink),
            Call::Rx(call) => family(6, call, sink),
            Call::Pack(call) => family(7, call, sink),
            Call::Trial(call) => family(8, call, sink),
            Call::Licence(call) => family(9, call, sink),
            Call::Governance(call) => family(10, call, sink),
        }
    }
}

fn family(number: u8, call: &impl Encode, sink: &mut impl Sink) {
    sink.put(&[number]);
    call.encode(sink);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_an_audit_reads_is_what_was_written(
            (home, number, case) in any::<(u32, u32, u64)>(),
            (purpose, category) in (0..4usize, 0..4usize),
            filler in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let (patient, case) = (Patient { home: HospitalId(home), number }, Case(case));
            let (purpose, category) = (Purpose::ALL[purpose], Category::ALL[category]);
            let read_back = [
                Call::Access(AccessCall::Look { patient, purpose, category }),
                Call::Record(RecordCall::Anchor { case, patient, category }),
                Call::Record(RecordCall::Amend { case, patient }),
                Call::Record(RecordCall::Erase { patient }),
            ];
            for call in read_back {
                let mut bytes = Vec::new();
                call.encode(&mut bytes);
                let length = bytes.len();
                prop_assert!((0..length).all(|cut| Call::audited(&bytes[..cut]).is_none()));
                bytes.extend(&filler);
                prop_assert_eq!(Call::audited(&bytes), Some(call));
            }
            for other in [Call::Plain, Call::Access(AccessCall::Alert { patient })] {
                let mut bytes = Vec::new();
                other.encode(&mut bytes);
                bytes.extend(&filler);
                prop_assert_eq!(Call::audited(&bytes), None);
            }
        }
    }
}
