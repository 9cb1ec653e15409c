//! Verifying one signature: ZIP-215.

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::keys::challenge;
use super::{PublicKey, Signature};

/// A signature whose parts decode, and its challenge: what both the single and the batch equation are made of.
pub(super) struct Decoded {
    pub(super) r: EdwardsPoint,
    pub(super) s: Scalar,
    pub(super) k: Scalar,
}

impl Decoded {
    /// `None` where `s` is `l` or more, or `R` decompresses to no point: such a signature is invalid under ZIP-215.
    pub(super) fn new(key: &PublicKey, message: &[u8], signature: &Signature) -> Option<Decoded> {
        let s = signature.s()?;
        let r = CompressedEdwardsY(*signature.r()).decompress()?;
        Some(Decoded { r, s, k: challenge(signature.r(), key, message) })
    }
}

impl PublicKey {
    /// Whether `signature` is this key's over `message`, under ZIP-215; the verdict of [`super::verify_batch`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let Some(Decoded { r, s, k }) = Decoded::new(self, message, signature) else { return false };
        // [s]B - [k]A - R must vanish up to a point of small order.
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-self.point(), &s);
        (expected - r).mul_by_cofactor().is_identity()
    }
}
