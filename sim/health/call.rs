//! What a transaction asks of the ledger's contracts.
//!
//! A call is signed with its transaction: the body's references begin with its encoding. Purposes are those of HL7 v3
//! `PurposeOfUse`, consents those of FHIR R4 `Consent` (a permit or deny provision with a period, a purpose, a class of
//! data and an actor).

use crate::base::{Encode, HospitalId, Sink, Time};

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

/// A matter of several transactions, named by the slice of its first one and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case(pub u64);

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

impl Category {
    /// Every category.
    pub const ALL: [Category; 4] =
        [Category::Clinical, Category::Medication, Category::Laboratory, Category::Sensitive];
}

/// A set of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

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
        (self.purpose as u8).encode(sink);
    }
}

/// What a patient changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// From now on this may be used, until then.
    Grant {
        /// What.
        scope: Scope,
        /// Until when.
        until: Time,
    },
    /// What was granted is not any more.
    Revoke,
    /// What is granted goes on.
    Renew {
        /// Until when.
        until: Time,
    },
    /// Nothing may be used, whatever custom or law would let pass; but for emergencies.
    Deny,
}

/// What a transaction asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A record of a patient is anchored.
    Record {
        /// Whose.
        patient: Patient,
        /// Of what class.
        category: Category,
    },
    /// A patient changes a consent. The patient's key signs it.
    Consent {
        /// Which.
        key: ConsentKey,
        /// How.
        change: Change,
    },
    /// Somebody at the signing hospital reads, finds or changes a patient's data.
    Access {
        /// Whose.
        patient: Patient,
        /// What for.
        purpose: Purpose,
        /// Of what class.
        category: Category,
    },
    /// The signing hospital asks for a patient's data that another keeps.
    Request {
        /// Names the exchange.
        case: Case,
        /// Whose, and so whom it asks.
        patient: Patient,
        /// What for.
        purpose: Purpose,
        /// Of what class.
        category: Category,
    },
    /// The patient's hospital hands them over.
    Disclose {
        /// The exchange.
        case: Case,
    },
    /// They have come.
    Acknowledge {
        /// The exchange.
        case: Case,
    },
    /// Nothing that a contract looks at: the ledger keeps it, in order.
    Plain,
}

impl Call {
    /// The patient whose key signs it; where there is none, the hospital's does.
    pub const fn signer(&self) -> Option<Patient> {
        match self {
            Call::Consent { key, .. } => Some(key.patient),
            _ => None,
        }
    }
}

impl Encode for Call {
    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Call::Plain => 0u8.encode(sink),
            Call::Record { patient, category } => {
                1u8.encode(sink);
                patient.encode(sink);
                (category as u8).encode(sink);
            }
            Call::Consent { key, change } => {
                2u8.encode(sink);
                key.encode(sink);
                change.encode(sink);
            }
            Call::Access { patient, purpose, category } => {
                3u8.encode(sink);
                patient.encode(sink);
                (purpose as u8).encode(sink);
                (category as u8).encode(sink);
            }
            Call::Request { case, patient, purpose, category } => {
                4u8.encode(sink);
                case.0.encode(sink);
                patient.encode(sink);
                (purpose as u8).encode(sink);
                (category as u8).encode(sink);
            }
            Call::Disclose { case } => {
                5u8.encode(sink);
                case.0.encode(sink);
            }
            Call::Acknowledge { case } => {
                6u8.encode(sink);
                case.0.encode(sink);
            }
        }
    }
}

impl Encode for Change {
    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Change::Grant { scope, until } => {
                0u8.encode(sink);
                scope.0.encode(sink);
                until.encode(sink);
            }
            Change::Revoke => 1u8.encode(sink),
            Change::Renew { until } => {
                2u8.encode(sink);
                until.encode(sink);
            }
            Change::Deny => 3u8.encode(sink),
        }
    }
}

/// Why a contract refuses a call. The transaction is in effect all the same: that it was refused is on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The hospital has no such patient.
    UnknownPatient = 0,
    /// There is no consent.
    NoConsent = 1,
    /// The patient has revoked it.
    ConsentRevoked = 2,
    /// The patient denies it.
    ConsentDenied = 3,
    /// It was for a time that is over.
    ConsentExpired = 4,
    /// It does not cover that class of data.
    OutOfScope = 5,
    /// There is nothing in force to be revoked or renewed.
    NothingInForce = 6,
    /// The patient's country lets such data go nowhere else.
    DataStay = 7,
    /// The patient's country lets them go only where they are protected as well, and the other is no such country.
    NoAdequacy = 8,
    /// Nobody asked, or what was asked for was refused.
    NotRequested = 9,
    /// Nothing was handed over.
    NotDisclosed = 10,
    /// Somebody else has to do that.
    WrongParty = 11,
    /// It was done before.
    DoneBefore = 12,
}

impl Refusal {
    /// Every reason, in the order of reports.
    pub const ALL: [Refusal; 13] = [
        Refusal::UnknownPatient,
        Refusal::NoConsent,
        Refusal::ConsentRevoked,
        Refusal::ConsentDenied,
        Refusal::ConsentExpired,
        Refusal::OutOfScope,
        Refusal::NothingInForce,
        Refusal::DataStay,
        Refusal::NoAdequacy,
        Refusal::NotRequested,
        Refusal::NotDisclosed,
        Refusal::WrongParty,
        Refusal::DoneBefore,
    ];

    /// The reason's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::UnknownPatient => "unknown_patient",
            Refusal::NoConsent => "no_consent",
            Refusal::ConsentRevoked => "consent_revoked",
            Refusal::ConsentDenied => "consent_denied",
            Refusal::ConsentExpired => "consent_expired",
            Refusal::OutOfScope => "out_of_scope",
            Refusal::NothingInForce => "nothing_in_force",
            Refusal::DataStay => "data_stay",
            Refusal::NoAdequacy => "no_adequacy",
            Refusal::NotRequested => "not_requested",
            Refusal::NotDisclosed => "not_disclosed",
            Refusal::WrongParty => "wrong_party",
            Refusal::DoneBefore => "done_before",
        }
    }
}
