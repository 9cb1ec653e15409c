//! A transaction: one signed statement of a hospital about its own data.
//!
//! The ledger keeps the *body* (62 fixed bytes and references up to the kind's on-ledger size) and a 64-byte signature
//! over its id; the clinical payload itself stays with the hospital and is present as a 32-byte anchor.

use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Digest, Encode, HospitalId, Sink, Time};

/// Length of an Ed25519 signature (RFC 8032, section 5.1.6).
pub const SIGNATURE_BYTES: u64 = 64;

/// Names one transaction of a run, in order of intended arrival; content, not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct TxNumber(pub u64);

/// Index of a transaction's kind in the run's taxonomy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Kind(pub u8);

/// What the hospital signs. The id is BLAKE3 of this encoding; the signature signs the id.
pub struct TransactionBody<'a> {
    /// Which transaction of the run this is: makes equal contents distinct, and replays detectable.
    pub number: TxNumber,
    /// The signer.
    pub hospital: HospitalId,
    /// What the transaction does.
    pub kind: Kind,
    /// When the hospital meant to submit it.
    pub submitted: Time,
    /// How many alike transactions this one stands for.
    pub weight: u32,
    /// Size of the off-ledger payload.
    pub payload: Bytes,
    /// Commitment to the off-ledger payload.
    pub anchor: Digest,
    /// Subject and object references, as opaque bytes that fill the kind's on-ledger size.
    pub references: &'a [u8],
}

impl TransactionBody<'_> {
    /// Length of the encoding without references.
    pub const FIXED_BYTES: u64 = 1 + 8 + 4 + 1 + 8 + 4 + 4 + 32 + 4;
}

impl Encode for TransactionBody<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        const VERSION: u8 = 1;
        VERSION.encode(sink);
        self.number.0.encode(sink);
        self.hospital.encode(sink);
        self.kind.0.encode(sink);
        self.submitted.encode(sink);
        self.weight.encode(sink);
        u32::try_from(self.payload.0).expect("a payload is below 4 GiB").encode(sink);
        self.anchor.encode(sink);
        u32::try_from(self.references.len()).expect("references are short").encode(sink);
        sink.put(self.references);
    }
}

/// A transaction as replicas hold it: 64 bytes of bookkeeping that stand for `wire` bytes on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// BLAKE3 of the body.
    pub id: Digest,
    /// Which transaction of the run this is.
    pub number: TxNumber,
    /// Intended arrival at the hospital; every latency starts here.
    pub submitted: Time,
    /// The signer.
    pub hospital: HospitalId,
    /// On-ledger bytes: body and signature, of one of the transactions it stands for.
    pub wire: u32,
    /// Off-ledger payload bytes, of one of the transactions it stands for.
    pub payload: u32,
    /// What the transaction does.
    pub kind: Kind,
    /// Whether the signature verifies under the hospital's key.
    pub authentic: bool,
    /// Whether this is a second copy that an attacker sends.
    pub replay: bool,
}

const _: () = assert!(size_of::<Transaction>() == 64, "a pending transaction is one cache line");

/// Why a transaction was submitted and not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The signature does not verify under the hospital's key.
    ForgedSignature,
    /// The same transaction was submitted before.
    Replayed,
    /// Ordered so long after its submission that a replay could no longer be told from it.
    Expired,
    /// The gateway's mempool was full.
    MempoolFull,
    /// The gateway was down when the transaction arrived.
    GatewayDown,
}

impl Rejection {
    /// Every reason, in the order of reports.
    pub const ALL: [Rejection; 5] = [
        Rejection::ForgedSignature,
        Rejection::Replayed,
        Rejection::Expired,
        Rejection::MempoolFull,
        Rejection::GatewayDown,
    ];

    /// The reason's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Rejection::ForgedSignature => "forged_signature",
            Rejection::Replayed => "replayed",
            Rejection::Expired => "expired",
            Rejection::MempoolFull => "mempool_full",
            Rejection::GatewayDown => "gateway_down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_part_has_the_stated_length() {
        let body = TransactionBody {
            number: TxNumber(1),
            hospital: HospitalId(2),
            kind: Kind(3),
            submitted: Time(4),
            weight: 1,
            payload: Bytes(5),
            anchor: Digest::ZERO,
            references: &[],
        };
        assert_eq!(body.encoded_len().0, TransactionBody::FIXED_BYTES);
    }
}
