//! The audit trail: who looks at a patient's data, what for, and by whose leave (FHIR R4 `AuditEvent`, IHE BALP). A look
//! changes no state: the transaction itself is the trail, refused or not.

use crate::base::{Decode, Input};
use crate::health::call::encode_calls;
use crate::health::{Category, Patient, Purpose};

/// What touches a patient's data, or the patient from afar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessCall {
    /// Somebody at the signing hospital reads, finds or changes data.
    Look {
        /// Whose.
        patient: Patient,
        /// What for (`purposeOfEvent`).
        purpose: Purpose,
        /// Of what class.
        category: Category,
    },
    /// A session of telemedicine begins: the signing hospital treats a patient whose data may go there.
    Session {
        /// Who.
        patient: Patient,
    },
    /// Readings of a device that a patient of the signing hospital wears or lies by: one, or the Merkle root over many.
    Readings {
        /// Whose.
        patient: Patient,
    },
    /// A device calls for help.
    Alert {
        /// Whose.
        patient: Patient,
    },
}

encode_calls!(AccessCall {
    0 Look { patient, purpose, category }
    1 Session { patient }
    2 Readings { patient }
    3 Alert { patient }
});

impl AccessCall {
    /// Reads a look; nothing where another call is encoded, or none.
    pub(in crate::health) fn decode_look(input: &mut Input<'_>) -> Option<AccessCall> {
        match u8::decode(input)? {
            0 => Some(AccessCall::Look {
                patient: Decode::decode(input)?,
                purpose: Decode::decode(input)?,
                category: Decode::decode(input)?,
            }),
            _ => None,
        }
    }
}
