//! Keys and signing: RFC 8032 §5.1, on ed25519-dalek.
//!
//! The expanded secret key and the decompressed public point are computed once: that saves one SHA-512 block per
//! signature (0.3 to 1 µs of 18) and 4.5 µs per verification (15 %).
//!
//! [`sign_all`] computes the nonce points of a whole slice first and brings them to affine form with one field
//! inversion instead of one each (Montgomery's trick, curve25519-dalek's `compress_batch_alloc`). On the build
//! machine (AMD EPYC, AVX2, 1,024 keys, one run of `benches/crypto.rs`) that is 19.1 µs per signature at 16 and 18.7
//! at 256, against 24.0 one by one: a fifth less for thirty lines, so it is here.

use std::fmt;

use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SECRET_KEY_LENGTH, VerifyingKey};
use sha2::{Digest as _, Sha512};
use thiserror::Error;

use crate::base::{Encode, Sink};

/// BLAKE3's `derive_key` context for secret keys; changing it changes every key of every run.
const KEY_CONTEXT: &str = "systole 2026-11-21 Ed25519 secret key of (seed, role, index)";

/// Whose key it is: keys of different roles never coincide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Role {
    /// A care site, signing transactions.
    Hospital = 0,
    /// A committee member, signing consensus statements.
    Replica = 1,
    /// A patient, signing consents.
    Patient = 2,
}

/// Bytes that are not a public key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The 32 bytes decompress to no point of the curve.
    #[error("{0} is no point of edwards25519")]
    NotOnCurve(String),
}

/// An Ed25519 signature: `R` (32 bytes), then `s` (32 bytes, little-endian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

/// A public key: its 32 bytes as received, and the point they decompress to (192 bytes in memory).
///
/// Two encodings of one point are two keys: equality is that of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A signing key, with all that does not depend on the message computed once.
#[derive(Debug)]
pub struct Keypair {
    secret: ExpandedSecretKey,
    public: PublicKey,
}

impl Keypair {
    /// The key of the `index`-th holder of `role` in a run with this `seed`.
    pub fn derive(seed: u64, role: Role, index: u32) -> Keypair {
        let mut material = [0; 13];
        material[..8].copy_from_slice(&seed.to_le_bytes());
        material[8] = role as u8;
        material[9..].copy_from_slice(&index.to_le_bytes());
        Keypair::from_secret(&blake3::derive_key(KEY_CONTEXT, &material))
    }

    /// The key of a patient, the `number`-th of the hospital `home`, in a run with this `seed`.
    pub fn of_patient(seed: u64, home: u32, number: u32) -> Keypair {
        let mut material = [0; 17];
        material[..8].copy_from_slice(&seed.to_le_bytes());
        material[8] = Role::Patient as u8;
        material[9..13].copy_from_slice(&home.to_le_bytes());
        material[13..].copy_from_slice(&number.to_le_bytes());
        Keypair::from_secret(&blake3::derive_key(KEY_CONTEXT, &material))
    }

    /// The key with this 32-byte secret (RFC 8032 §5.1.5).
    pub fn from_secret(secret: &[u8; SECRET_KEY_LENGTH]) -> Keypair {
        let secret = ExpandedSecretKey::from(secret);
        let public = PublicKey(VerifyingKey::from(&secret));
        Keypair { secret, public }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message` (RFC 8032 §5.1.6).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(raw_sign::<Sha512>(&self.secret, message, &self.public.0).to_bytes())
    }
}

/// Signs each message with its key; the same bytes as [`Keypair::sign`], a fifth cheaper from 16 messages on.
pub fn sign_all<M: AsRef<[u8]>>(messages: &[(&Keypair, M)]) -> Vec<Signature> {
    let nonces: Vec<Scalar> = messages.iter().map(|(key, message)| key.nonce(message.as_ref())).collect();
    let points: Vec<EdwardsPoint> = nonces.iter().map(EdwardsPoint::mul_base).collect();
    let commitments = EdwardsPoint::compress_batch_alloc(&points);
    let signed = messages.iter().zip(&nonces).zip(&commitments);
    signed.map(|(((key, message), nonce), r)| key.respond(nonce, &r.0, message.as_ref())).collect()
}

impl Keypair {
    /// `r` of RFC 8032 §5.1.6, step 2.
    fn nonce(&self, message: &[u8]) -> Scalar {
        Scalar::from_hash(Sha512::new().chain_update(self.secret.hash_prefix).chain_update(message))
    }

    /// Steps 4 to 6 of RFC 8032 §5.1.6, for the nonce `r` whose point encodes to `commitment`.
    fn respond(&self, nonce: &Scalar, commitment: &[u8; 32], message: &[u8]) -> Signature {
        let s = challenge(commitment, &self.public, message) * self.secret.scalar + nonce;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(commitment);
        bytes[32..].copy_from_slice(s.as_bytes());
        Signature(bytes)
    }
}

/// `k = SHA-512(R ‖ A ‖ M) mod l` (RFC 8032 §5.1.6 step 4 and §5.1.7 step 2).
pub(super) fn challenge(r: &[u8; 32], key: &PublicKey, message: &[u8]) -> Scalar {
    Scalar::from_hash(Sha512::new().chain_update(r).chain_update(key.bytes()).chain_update(message))
}

impl PublicKey {
    /// Decompresses a key. As ZIP-215 asks, non-canonical encodings and points of small or mixed order are accepted:
    /// they may sign only for themselves, and refusing them in one place only would fork the ledger.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        let error = |_| KeyError::NotOnCurve(blake3::Hash::from_bytes(*bytes).to_hex().to_string());
        VerifyingKey::from_bytes(bytes).map(PublicKey).map_err(error)
    }

    /// The 32 bytes it was made from.
    pub fn bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// `A`.
    pub(super) fn point(&self) -> EdwardsPoint {
        self.0.to_edwards()
    }
}

impl Signature {
    /// The encoding of `R`.
    pub(super) fn r(&self) -> &[u8; 32] {
        self.0.first_chunk().expect("64 bytes hold 32")
    }

    /// `s`, unless it is `l` or more.
    pub(super) fn s(&self) -> Option<Scalar> {
        Scalar::from_canonical_bytes(*self.0.last_chunk().expect("64 bytes hold 32")).into()
    }
}

impl Encode for Signature {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&self.0);
    }
}

impl Encode for PublicKey {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(self.bytes());
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes()[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_together_gives_the_bytes_of_signing_alone() {
        for count in [0, 1, 2, 16, 17, 100] {
            let keys: Vec<Keypair> = (0..count).map(|i| Keypair::derive(7, Role::Hospital, i % 5)).collect();
            let messages: Vec<(&Keypair, Vec<u8>)> =
                keys.iter().enumerate().map(|(i, key)| (key, vec![i as u8; i])).collect();
            let alone: Vec<Signature> = messages.iter().map(|(key, message)| key.sign(message)).collect();
            assert_eq!(sign_all(&messages), alone);
        }
    }

    #[test]
    fn keys_differ_by_seed_role_and_index() {
        let keys = [(1, Role::Hospital, 1), (2, Role::Hospital, 1), (1, Role::Replica, 1), (1, Role::Hospital, 2)];
        let mut bytes: Vec<[u8; 32]> = keys.map(|(s, r, i)| *Keypair::derive(s, r, i).public().bytes()).to_vec();
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes.len(), keys.len());
    }

    #[test]
    fn bytes_off_the_curve_are_no_key() {
        let off = [2; 32];
        assert_eq!(PublicKey::from_bytes(&off), Err(KeyError::NotOnCurve("02".repeat(32))));
    }
}
