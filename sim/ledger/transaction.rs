//! A transaction: one signed statement of a hospital about its own data.
//!
//! The ledger keeps the *body* (66 fixed bytes and references up to the kind's on-ledger size) and a 64-byte signature
//! over its id; the clinical payload itself stays with the hospital and is present as a 32-byte anchor.

use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Decode, Digest, Encode, HospitalId, Input, Sink, Time};

/// Length of an Ed25519 signature (RFC 8032, section 5.1.6).
pub const SIGNATURE_BYTES: u64 = 64;

/// Names one transaction of a run, in order of intended arrival; content, not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct TxNumber(pub u64);

impl TxNumber {
    /// Bits of a number that count within a slice of the stream.
    pub const PLACE_BITS: u32 = 24;

    /// The slice of the stream, and the place in it.
    pub const fn place(self) -> (u64, usize) {
        (self.0 >> TxNumber::PLACE_BITS, (self.0 & ((1 << TxNumber::PLACE_BITS) - 1)) as usize)
    }
}

/// Index of a transaction's kind in the run's taxonomy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Kind(pub u8);

/// Version of the body's encoding.
const VERSION: u8 = 1;

/// What the hospital signs. The id is BLAKE3 of this encoding; the signature signs the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl<'a> TransactionBody<'a> {
    /// Length of the encoding without references.
    pub const FIXED_BYTES: u64 = 1 + 8 + 4 + 1 + 8 + 4 + 4 + 32 + 4;

    /// Reads an encoding; nothing where `bytes` are not exactly one.
    pub fn decode(bytes: &'a [u8]) -> Option<TransactionBody<'a>> {
        let input = &mut Input(bytes);
        if u8::decode(input)? != VERSION {
            return None;
        }
        let body = TransactionBody {
            number: TxNumber(u64::decode(input)?),
            hospital: HospitalId::decode(input)?,
            kind: Kind(u8::decode(input)?),
            submitted: Time::decode(input)?,
            weight: u32::decode(input)?,
            payload: Bytes(u32::decode(input)?.into()),
            anchor: Digest::decode(input)?,
            references: {
                let length = u32::decode(input)?;
                input.take(length as usize)?
            },
        };
        input.0.is_empty().then_some(body)
    }
}

impl Encode for TransactionBody<'_> {
    fn encode(&self, sink: &mut impl Sink) {
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
    /// Whether the signature verifies under the hospital's key; of later stages, whether their proof verifies.
    pub authentic: bool,
    /// Whether this is a second copy that an attacker sends.
    pub replay: bool,
    /// What part of a transaction across two shards it is.
    pub stage: Stage,
}

const _: () = assert!(size_of::<Transaction>() == 64, "a pending transaction is one cache line");

/// What part of a transaction across two shards is to be executed ([`super::CrossLedger`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Stage {
    /// The whole of one that concerns one shard.
    #[default]
    Local = 0,
    /// As the hospital submits it to its own shard.
    Lock = 1,
    /// The other shard is asked to prepare.
    Prepare = 2,
    /// The other shard is prepared.
    Yes = 3,
    /// The other shard cannot.
    No = 4,
    /// The other shard did not answer in time.
    Expire = 5,
    /// It is decided: both commit.
    Commit = 6,
    /// It is decided: both abort.
    Abort = 7,
}

impl Stage {
    /// Whether a hospital submits it; later stages are made by the shards.
    pub const fn is_submitted(self) -> bool {
        matches!(self, Stage::Local | Stage::Lock)
    }
}

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
    /// Across two shards: another transaction held the account that pays.
    AccountLocked,
    /// Across two shards: the account that pays holds less than that.
    AccountEmpty,
    /// Across two shards: the other shard refused.
    PartnerRefused,
    /// Across two shards: the other shard did not answer in time.
    PartnerSilent,
}

impl Rejection {
    /// Every reason, in the order of reports.
    pub const ALL: [Rejection; 9] = [
        Rejection::ForgedSignature,
        Rejection::Replayed,
        Rejection::Expired,
        Rejection::MempoolFull,
        Rejection::GatewayDown,
        Rejection::AccountLocked,
        Rejection::AccountEmpty,
        Rejection::PartnerRefused,
        Rejection::PartnerSilent,
    ];

    /// How many of them there are where there is one shard: the rest come last.
    pub const WITHIN_A_SHARD: usize = 5;

    /// The reason's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Rejection::ForgedSignature => "forged_signature",
            Rejection::Replayed => "replayed",
            Rejection::Expired => "expired",
            Rejection::MempoolFull => "mempool_full",
            Rejection::GatewayDown => "gateway_down",
            Rejection::AccountLocked => "account_locked",
            Rejection::AccountEmpty => "account_empty",
            Rejection::PartnerRefused => "partner_refused",
            Rejection::PartnerSilent => "partner_silent",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_a_body_inverts_encoding_it(
            (number, hospital, kind) in any::<(u64, u32, u8)>(),
            (submitted, weight, payload) in any::<(u64, u32, u32)>(),
            anchor in any::<[u8; 32]>(),
            references in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let body = TransactionBody {
                number: TxNumber(number),
                hospital: HospitalId(hospital),
                kind: Kind(kind),
                submitted: Time(submitted),
                weight,
                payload: Bytes(payload.into()),
                anchor: Digest(anchor),
                references: &references,
            };
            let mut bytes = Vec::new();
            body.encode(&mut bytes);
            prop_assert_eq!(TransactionBody::decode(&bytes), Some(body));
            prop_assert_eq!(TransactionBody::decode(&bytes[..bytes.len() - 1]), None);
            bytes.push(0);
            prop_assert_eq!(TransactionBody::decode(&bytes), None);
        }
    }

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
