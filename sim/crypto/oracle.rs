//! Verdicts held against ed25519-zebra, an independent ZIP-215 implementation: crafted edge cases and random input,
//! verified singly and in batches of every company.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

use super::{Item, Keypair, PublicKey, Role, Signature, verify_batch};

/// A key, a message, and a signature that may or may not be the key's.
#[derive(Clone, Debug)]
struct Case {
    key: PublicKey,
    message: Vec<u8>,
    signature: Signature,
}

impl Case {
    fn new(key: [u8; 32], message: &[u8], r: [u8; 32], s: [u8; 32]) -> Case {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        let key = PublicKey::from_bytes(&key).expect("the case's key is on the curve");
        Case { key, message: message.to_vec(), signature: Signature(signature) }
    }

    fn honest(index: u32) -> Case {
        let keypair = Keypair::derive(3, Role::Hospital, index % 7);
        let message = index.to_le_bytes().to_vec();
        Case { key: *keypair.public(), signature: keypair.sign(&message), message }
    }

    fn item(&self) -> Item<'_> {
        Item { key: &self.key, message: &self.message, signature: &self.signature }
    }

    fn verdict(&self) -> bool {
        self.key.verify(&self.message, &self.signature)
    }

    fn oracle(&self) -> bool {
        let key = ed25519_zebra::VerificationKey::try_from(*self.key.bytes()).expect("zebra decodes the same keys");
        key.verify(&ed25519_zebra::Signature::from_bytes(&self.signature.0), &self.message).is_ok()
    }
}

/// Every encoding of the eight points of small order that decompresses: eight canonical ones, and six with an unreduced
/// `y` or the sign bit on `x = 0`.
fn small_order_encodings() -> Vec<[u8; 32]> {
    // y = p and y = p + 1 are unreduced encodings of 0 and 1.
    let unreduced = [0xed, 0xee].map(|low| {
        let mut y = [0xff; 32];
        (y[0], y[31]) = (low, 0x7f);
        y
    });
    let canonical = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    let mut all: Vec<[u8; 32]> = canonical.into_iter().chain(unreduced).collect();
    for index in 0..all.len() {
        let mut negated = all[index];
        negated[31] ^= 0x80;
        if !all.contains(&negated) {
            all.push(negated);
        }
    }
    all
}

fn small_order_cases() -> Vec<Case> {
    let encodings = small_order_encodings();
    assert_eq!(encodings.len(), 14);
    let pairs = encodings.iter().flat_map(|a| encodings.iter().map(move |r| (*a, *r)));
    pairs.map(|(a, r)| Case::new(a, b"Zcash", r, [0; 32])).collect()
}

/// A signature whose key and nonce point are shifted by points of small order: valid by the cofactored equation only.
fn mixed_order_case(index: u64, key_torsion: usize, nonce_torsion: usize) -> Case {
    let scalar = |label: &[u8]| Scalar::from_hash(Sha512::new().chain_update(label).chain_update(index.to_le_bytes()));
    let (a, nonce) = (scalar(b"a"), scalar(b"r"));
    let key = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[key_torsion]).compress().to_bytes();
    let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[nonce_torsion]).compress().to_bytes();
    let message = index.to_le_bytes();
    let k = Scalar::from_hash(Sha512::new().chain_update(r).chain_update(key).chain_update(message));
    Case::new(key, &message, r, (nonce + k * a).to_bytes())
}

fn mixed_order_cases() -> Vec<Case> {
    (0..64).map(|i| mixed_order_case(i, i as usize % 8, i as usize / 8)).collect()
}

/// An honest signature with `l` added to `s`, as often as 32 bytes hold it.
fn malleated_cases() -> Vec<Case> {
    let order = (-Scalar::ONE).to_bytes(); // l - 1
    let malleate = |mut case: Case, times: usize| {
        for _ in 0..times {
            let mut carry = 1; // s + (l - 1) + 1
            for (byte, add) in case.signature.0[32..].iter_mut().zip(order) {
                let sum = u16::from(*byte) + u16::from(add) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
        }
        case
    };
    (0..30).map(|i| malleate(Case::honest(i), 1 + i as usize % 15)).collect()
}

fn assert_batches_agree(cases: &[Case]) {
    let items: Vec<Item<'_>> = cases.iter().map(Case::item).collect();
    let singles: Vec<bool> = cases.iter().map(Case::verdict).collect();
    let mut verdicts = Vec::new();
    verify_batch(&items, &mut verdicts);
    assert_eq!(verdicts, singles);
}

#[test]
fn all_196_small_order_signatures_are_valid() {
    let cases = small_order_cases();
    assert_eq!(cases.len(), 196);
    assert!(cases.iter().all(|case| case.verdict() && case.oracle()));
}

#[test]
fn mixed_order_signatures_are_valid() {
    assert!(mixed_order_cases().iter().all(|case| case.verdict() && case.oracle()));
}

#[test]
fn malleated_signatures_are_invalid() {
    assert!(malleated_cases().iter().all(|case| !case.verdict() && !case.oracle()));
}

#[test]
fn any_flipped_bit_of_a_signature_makes_it_invalid() {
    let honest = Case::honest(0);
    for bit in 0..512 {
        let mut case = honest.clone();
        case.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert!(!case.verdict() && !case.oracle(), "bit {bit}");
    }
}

#[test]
fn one_crafted_signature_gets_its_single_verdict_in_every_batch() {
    let crafted = [small_order_cases(), mixed_order_cases(), malleated_cases()].concat();
    for (index, case) in crafted.into_iter().enumerate() {
        let mut batch: Vec<Case> = (0..index as u32 % 9).map(Case::honest).collect();
        batch.insert(index % (batch.len() + 1), case);
        assert_batches_agree(&batch);
    }
}

#[test]
fn large_batches_of_crafted_signatures_agree() {
    let valid = [small_order_cases(), mixed_order_cases(), (0..40).map(Case::honest).collect()].concat();
    assert!(valid.len() > super::BATCH);
    assert_batches_agree(&valid);
    assert_batches_agree(&valid.iter().rev().cloned().collect::<Vec<_>>());
    assert_batches_agree(&[valid, malleated_cases()].concat());
}

fn any_case() -> impl Strategy<Value = Case> {
    prop_oneof![
        4 => any::<u32>().prop_map(Case::honest),
        1 => (any::<u64>(), 0..8usize, 0..8usize).prop_map(|(i, a, r)| mixed_order_case(i, a, r)),
        1 => proptest::sample::select(small_order_cases()),
        1 => proptest::sample::select(malleated_cases()),
        1 => (any::<u32>(), 0..512usize).prop_map(|(index, bit)| {
            let mut case = Case::honest(index);
            case.signature.0[bit / 8] ^= 1 << (bit % 8);
            case
        }),
        1 => (any::<u32>(), any::<[u8; 4]>())
            .prop_map(|(index, message)| Case { message: message.to_vec(), ..Case::honest(index) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn verdicts_are_zebras_singly_and_in_any_batch_and_order(
        cases in proptest::collection::vec(any_case(), 0..24),
        cut in 0..24usize,
        turn in 0..24usize,
    ) {
        for case in &cases {
            prop_assert_eq!(case.verdict(), case.oracle());
        }
        let (head, tail) = cases.split_at(cut.min(cases.len()));
        assert_batches_agree(head);
        assert_batches_agree(tail);
        let mut turned = cases.clone();
        turned.rotate_left(turn.min(cases.len()));
        assert_batches_agree(&turned);
    }
}
