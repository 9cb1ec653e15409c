//! Merkle trees over digests, with inclusion proofs: the shape of RFC 6962 §2.1, hashed by BLAKE3.
//!
//! The tree of `n > 1` leaves splits at the largest power of two below `n`, so no leaf is ever duplicated and no two
//! lists of leaves share a root (CVE-2012-2459). A leaf is BLAKE3 keyed with `KEY` of the digest, a node is
//! BLAKE3's parent compression under the same key: the two differ in the flags that BLAKE3 mixes in for exactly this
//! purpose, so a node cannot pass for a leaf. RFC 6962's prefix bytes would do the same, but push a node past
//! BLAKE3's 64-byte block.
//!
//! Why not a library: measured on the build machine (AMD EPYC, ns per 32-byte leaf, trees of 256, 1,024 and 4,096
//! leaves) this file takes 137, 137 and 158; `rs_merkle` 1.5 takes 147, 310 and 325 without separating leaves from
//! nodes and brings a second `sha2`; `ct-merkle` 0.3, which is RFC 6962, takes 1,094, 1,372 and 1,739, because it
//! rehashes a path with every leaf. BLAKE3's undocumented many-lane interface would take about 25. A root is under 1
//! % of signing and verifying its leaves, so the documented interface stays.

use blake3::hazmat::{Mode, merge_subtrees_non_root};

use crate::base::{Bytes, Digest, Encode, Sink};

/// Separates this tree's hashes from every other use of BLAKE3 here.
const KEY: &[u8; 32] = b"systole 2026-11-21 Merkle tree  ";

/// The siblings on the way from a leaf to the root, nearest the leaf first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof(Vec<Digest>);

/// The root over `leaves`, in order. O(n) hashes, one allocation of 32 bytes per leaf.
pub fn root(leaves: &[Digest]) -> Digest {
    let mut level: Vec<Digest> = leaves.iter().map(leaf_hash).collect();
    while level.len() > 1 {
        raise(&mut level);
    }
    level.first().copied().unwrap_or_else(empty)
}

/// Proves that `leaves[index]` is where it is. O(n) hashes; panics where `index` is no leaf.
pub fn prove(leaves: &[Digest], index: usize) -> Proof {
    assert!(index < leaves.len(), "leaf {index} of {}", leaves.len());
    let mut level: Vec<Digest> = leaves.iter().map(leaf_hash).collect();
    let mut at = index;
    let mut siblings = Vec::new();
    while level.len() > 1 {
        // The last node of an odd level has no sibling: it is promoted unchanged.
        siblings.extend(level.get(at ^ 1));
        raise(&mut level);
        at /= 2;
    }
    Proof(siblings)
}

impl Proof {
    /// The siblings, nearest the leaf first.
    pub fn siblings(&self) -> &[Digest] {
        &self.0
    }

    /// Whether `leaf` is the `index`-th of the `count` leaves under `root`. O(log n) hashes.
    ///
    /// `count` must come from where the root comes from (the header that carries both): it fixes the tree's shape.
    pub fn verifies(&self, root: &Digest, leaf: &Digest, index: usize, count: usize) -> bool {
        if index >= count {
            return false;
        }
        let (mut at, mut width) = (index, count);
        let mut siblings = self.0.iter();
        let mut hash = leaf_hash(leaf);
        while width > 1 {
            if at ^ 1 < width {
                let Some(sibling) = siblings.next() else { return false };
                hash = if at.is_multiple_of(2) { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) };
            }
            at /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none() && hash == *root
    }
}

impl Encode for Proof {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }
}

/// The wire size of the longest proof in a tree of `count` leaves.
pub fn proof_size_max(count: usize) -> Bytes {
    let depth = count.max(1).next_power_of_two().trailing_zeros();
    Bytes(4 + 32 * u64::from(depth))
}

/// Replaces a level by the one above it.
fn raise(level: &mut Vec<Digest>) {
    let pairs = level.len() / 2;
    for pair in 0..pairs {
        level[pair] = node_hash(&level[2 * pair], &level[2 * pair + 1]);
    }
    if level.len() % 2 == 1 {
        level[pairs] = level[2 * pairs];
    }
    level.truncate(level.len().div_ceil(2));
}

fn leaf_hash(leaf: &Digest) -> Digest {
    Digest(*blake3::keyed_hash(KEY, &leaf.0).as_bytes())
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest(merge_subtrees_non_root(&left.0, &right.0, Mode::KeyedHash(KEY)))
}

/// The root over no leaves: the keyed hash of nothing.
fn empty() -> Digest {
    Digest(*blake3::keyed_hash(KEY, &[]).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count as u64).map(|i| Digest::of(&i.to_le_bytes())).collect()
    }

    /// RFC 6962 §2.1, as written.
    fn reference(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let split = 1 << (leaves.len() - 1).ilog2();
                node_hash(&reference(&leaves[..split]), &reference(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_recursive_definition() {
        for count in 0..=130 {
            assert_eq!(root(&leaves(count)), reference(&leaves(count)), "{count} leaves");
        }
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved() {
        for count in 1..=33 {
            let (leaves, root) = (leaves(count), root(&leaves(count)));
            for index in 0..count {
                let proof = prove(&leaves, index);
                assert!(proof.verifies(&root, &leaves[index], index, count), "{index} of {count}");
                assert!(proof.encoded_len() <= proof_size_max(count));
            }
            assert_eq!(prove(&leaves, 0).encoded_len(), proof_size_max(count));
        }
    }

    #[test]
    fn neither_a_node_nor_a_leaf_hash_passes_for_a_leaf() {
        let four = leaves(4);
        let nodes = [
            node_hash(&leaf_hash(&four[0]), &leaf_hash(&four[1])),
            node_hash(&leaf_hash(&four[2]), &leaf_hash(&four[3])),
        ];
        assert_ne!(root(&nodes), root(&four));
        assert_ne!(root(&[leaf_hash(&four[0])]), leaf_hash(&four[0]));
        assert!(!Proof(vec![nodes[1]]).verifies(&root(&four), &nodes[0], 0, 2));
    }

    #[test]
    fn repeating_the_last_leaf_changes_the_root() {
        let three = leaves(3);
        assert_ne!(root(&three), root(&[three[0], three[1], three[2], three[2]]));
    }

    proptest! {
        #[test]
        fn a_proof_survives_no_tampering(
            count in 1..200usize,
            index in any::<prop::sample::Index>(),
            bit in 0..256usize,
            level in any::<prop::sample::Index>(),
        ) {
            let leaves = leaves(count);
            let index = index.index(count);
            let (root, leaf, proof) = (root(&leaves), leaves[index], prove(&leaves, index));
            prop_assert!(proof.verifies(&root, &leaf, index, count));
            let flip = |digest: &Digest| {
                let mut flipped = *digest;
                flipped.0[bit / 8] ^= 1 << (bit % 8);
                flipped
            };
            prop_assert!(!proof.verifies(&flip(&root), &leaf, index, count));
            prop_assert!(!proof.verifies(&root, &flip(&leaf), index, count));
            for other in (0..count).filter(|other| *other != index) {
                prop_assert!(!proof.verifies(&root, &leaf, other, count));
            }
            prop_assert!(!proof.verifies(&root, &leaf, count, count));
            let mut longer = proof.clone();
            longer.0.push(root);
            prop_assert!(!longer.verifies(&root, &leaf, index, count));
            if !proof.0.is_empty() {
                let mut tampered = proof.clone();
                let at = level.index(tampered.0.len());
                tampered.0[at] = flip(&tampered.0[at]);
                prop_assert!(!tampered.verifies(&root, &leaf, index, count));
                let mut shorter = proof.clone();
                shorter.0.remove(at);
                prop_assert!(!shorter.verifies(&root, &leaf, index, count));
            }
        }
    }
}
