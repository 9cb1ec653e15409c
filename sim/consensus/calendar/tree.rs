//! Ways up the aggregation tree.

use crate::base::{Bytes, Digest, Encode};
use crate::crypto::merkle::{Proof, prove, root};

/// One level of a way up: where a hash stands among those that one aggregator hashed together, and the root of these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    index: u32,
    count: u32,
    proof: Proof,
    root: Digest,
}

/// The way from a hash up to the root of a calendar entry, level by level. The counts are not signed: they say how to
/// hash, and as leaves and nodes are hashed apart no count makes a proof of what was not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The way of `leaves[index]`, where this is the way of the root over `leaves`.
    pub fn below(&self, leaves: &[Digest], index: usize) -> Path {
        let step =
            Step { index: index as u32, count: leaves.len() as u32, proof: prove(leaves, index), root: root(leaves) };
        Path([step].into_iter().chain(self.0.iter().cloned()).collect())
    }

    /// Whether it leads from `leaf` to `top`.
    pub fn verifies(&self, leaf: &Digest, top: &Digest) -> bool {
        let mut at = *leaf;
        for Step { index, count, proof, root } in &self.0 {
            if !proof.verifies(root, &at, *index as usize, *count as usize) {
                return false;
            }
            at = *root;
        }
        at == *top
    }

    /// Size on the wire: what each level hashes, and its root.
    pub fn wire(&self) -> Bytes {
        let step = |step: &Step| Bytes(4 + 4 + 32) + step.proof.encoded_len();
        self.0.iter().map(step).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hashes(salt: u64, count: usize) -> Vec<Digest> {
        (0..count as u64).map(|nth| Digest::of(&[salt, nth].map(u64::to_le_bytes).concat())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A hash three levels down has a way up, and nothing else has that way: neither another hash, nor to another
        /// root.
        #[test]
        fn a_way_leads_from_its_hash_to_its_root_alone(counts in prop::array::uniform3(1usize..20), at in any::<usize>()) {
            let mut levels: Vec<Vec<Digest>> = (0..3).map(|level| hashes(level, counts[level as usize])).collect();
            let places = counts.map(|count| at % count);
            for level in (0..2).rev() {
                let below = root(&levels[level + 1]);
                levels[level][places[level]] = below;
            }
            let path = (0..3).fold(Path::default(), |path, level| path.below(&levels[level], places[level]));
            let (top, leaf) = (root(&levels[0]), levels[2][places[2]]);
            prop_assert!(path.verifies(&leaf, &top));
            prop_assert!(!path.verifies(&Digest::of(b"another"), &top));
            prop_assert!(!path.verifies(&leaf, &Digest::of(b"another")));
            prop_assert!(Path::default().verifies(&top, &top));
        }
    }
}
