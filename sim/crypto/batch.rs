//! Verifying many signatures by one equation: `[8](Σ zᵢsᵢ B - Σ zᵢkᵢ Aᵢ - Σ zᵢ Rᵢ) = 0` with 128-bit `zᵢ`.
//!
//! **The coefficients** are BLAKE3 output over the whole batch: keys, messages and signatures. They have to be
//! unpredictable to whoever chooses a signature: under a fixed or guessable seed two forgeries can be made to cancel.
//! Hashing the batch makes a batch deterministic, needs no random source, and costs 1 % of it.
//!
//! **A batch that fails is verified one by one.** That names the forgeries at a cost bounded by 1.55 times single
//! verification; bisecting costs up to 4.8 times, which makes it a lever for a flood of forgeries (CRYPTO.md §5).
//!
//! **Runs of one key** are summed into one term, so a batch sorted by signer with few signers saves up to a third.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::verify::Decoded;
use super::{PublicKey, Signature};

/// The batch size to cut work into. Four times as many make a signature only 10 to 20 % cheaper (Pippenger's algorithm
/// takes over at 95 signatures), while one forgery sends four times as many honest companions to single verification.
pub const BATCH: usize = 256;

/// BLAKE3's `derive_key` context for batch coefficients.
const COEFFICIENTS_CONTEXT: &str = "systole 2026-11-21 Ed25519 batch verification coefficients";

/// One signature to verify.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Who is said to have signed.
    pub key: &'a PublicKey,
    /// What was signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

/// Verifies `items` as one batch and leaves one verdict each in `verdicts`, which is cleared first.
///
/// Every verdict is that of [`PublicKey::verify`], whatever the companions and their order, but for a chance of 2⁻¹²⁸
/// per batch that anyone has yet to hash. Cost: some 57 % of verifying singly at 16, 46 % at 256; see [`BATCH`].
pub fn verify_batch(items: &[Item<'_>], verdicts: &mut Vec<bool>) {
    verdicts.clear();
    if items.len() > 1 && all_valid(items) {
        verdicts.resize(items.len(), true);
    } else {
        verdicts.extend(items.iter().map(|item| item.key.verify(item.message, item.signature)));
    }
}

/// Whether the batch equation holds; `false` too where an item does not decode.
fn all_valid(items: &[Item<'_>]) -> bool {
    let decode = |item: &Item<'_>| Decoded::new(item.key, item.message, item.signature);
    let Some(decoded) = items.iter().map(decode).collect::<Option<Vec<Decoded>>>() else { return false };

    // All signs are turned, so that R needs no negation: -Σ zs B + Σ zk A + Σ z R.
    let mut scalars = Vec::with_capacity(2 * items.len() + 1);
    let mut points: Vec<EdwardsPoint> = Vec::with_capacity(2 * items.len() + 1);
    scalars.push(Scalar::ZERO);
    points.push(ED25519_BASEPOINT_POINT);
    let mut coefficients = Coefficients::of(items);
    let mut last_key = None;
    let mut key_term = 0;
    for (item, Decoded { r, s, k }) in items.iter().zip(decoded) {
        let z = coefficients.next();
        scalars[0] -= z * s;
        if last_key != Some(item.key.bytes()) {
            last_key = Some(item.key.bytes());
            key_term = scalars.len();
            scalars.push(Scalar::ZERO);
            points.push(item.key.point());
        }
        scalars[key_term] += z * k;
        scalars.push(z);
        points.push(r);
    }
    EdwardsPoint::vartime_multiscalar_mul(&scalars, &points).mul_by_cofactor().is_identity()
}

/// The coefficients of a batch: a stream of 128-bit scalars that any change to the batch changes entirely.
struct Coefficients(blake3::OutputReader);

impl Coefficients {
    fn of(items: &[Item<'_>]) -> Coefficients {
        // Gathered first: hashing one long buffer runs at vector speed, hashing many short pieces does not.
        let length: usize = items.iter().map(|item| 32 + 64 + 8 + item.message.len()).sum();
        let mut transcript = Vec::with_capacity(length);
        for item in items {
            transcript.extend_from_slice(item.key.bytes());
            transcript.extend_from_slice(&item.signature.0);
            transcript.extend_from_slice(&(item.message.len() as u64).to_le_bytes());
            transcript.extend_from_slice(item.message);
        }
        Coefficients(blake3::Hasher::new_derive_key(COEFFICIENTS_CONTEXT).update(&transcript).finalize_xof())
    }

    fn next(&mut self) -> Scalar {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes);
        Scalar::from(u128::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Keypair, Role};

    #[test]
    fn every_byte_of_a_batch_changes_the_coefficients() {
        let key = Keypair::derive(1, Role::Replica, 0);
        let other = Keypair::derive(1, Role::Replica, 1);
        let signature = key.sign(b"one");
        let batch = |key: &Keypair, message: &[u8], signature: &Signature| {
            let item = Item { key: key.public(), message, signature };
            Coefficients::of(&[item]).next()
        };
        let mut flipped = signature;
        flipped.0[63] ^= 1;
        let honest = batch(&key, b"one", &signature);
        assert_eq!(honest, batch(&key, b"one", &signature));
        assert_ne!(honest, batch(&other, b"one", &signature));
        assert_ne!(honest, batch(&key, b"two", &signature));
        assert_ne!(honest, batch(&key, b"one", &flipped));
    }

    #[test]
    fn errors_that_cancel_under_equal_coefficients_are_found() {
        // s₁ + 1 and s₂ - 1: the sum of both equations still holds, either alone does not.
        let key = Keypair::derive(1, Role::Hospital, 0);
        let mut signatures = [key.sign(b"one"), key.sign(b"two")];
        let shift = |signature: &mut Signature, by: Scalar| {
            let s = signature.s().expect("our own signature is canonical") + by;
            signature.0[32..].copy_from_slice(s.as_bytes());
        };
        shift(&mut signatures[0], Scalar::ONE);
        shift(&mut signatures[1], -Scalar::ONE);
        let messages: [&[u8]; 2] = [b"one", b"two"];
        let items = [0, 1].map(|i| Item { key: key.public(), message: messages[i], signature: &signatures[i] });
        let mut verdicts = Vec::new();
        verify_batch(&items, &mut verdicts);
        assert_eq!(verdicts, [false, false]);
    }

    #[test]
    fn nothing_to_verify_leaves_no_verdicts() {
        let mut verdicts = vec![true];
        verify_batch(&[], &mut verdicts);
        assert!(verdicts.is_empty());
    }
}
