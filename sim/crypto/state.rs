//! Authenticated state: a Jellyfish Merkle tree (Gao et al., "Jellyfish Merkle Tree", Diem 2021) over rows, hashed by
//! BLAKE3, with a root for each block and proofs that a row has a value, or that there is none.
//!
//! Why `jmt`: it is the tree that Diem, Aptos and Penumbra commit to, versioned by block, kept apart from its storage,
//! with proofs that a light client can check. Measured on the build machine with 400,000 rows: 42, 35 and 29 µs a row in
//! blocks of 200, 2,000 and 20,000 rows. That is slow beside a plain Merkle root (0.15 µs a leaf, [`super::merkle`]), so
//! rows are what contracts change; what is only appended is committed to by its block.

use std::collections::HashMap;

use jmt::proof::SparseMerkleProof;
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader, TreeUpdateBatch};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher, Version};

use crate::base::Digest;

/// BLAKE3 as `jmt` wants it.
struct Blake3(blake3::Hasher);

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Blake3(blake3::Hasher::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// Nodes and rows of the newest version.
#[derive(Default)]
struct Store {
    nodes: HashMap<NodeKey, Node>,
    values: HashMap<KeyHash, Vec<u8>>,
}

impl TreeReader for Store {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(key).cloned())
    }

    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.values.get(&key).cloned())
    }

    // Only asked for where a tree is restored from another.
    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

impl Store {
    fn apply(&mut self, update: TreeUpdateBatch) {
        for stale in &update.stale_node_index_batch {
            self.nodes.remove(&stale.node_key);
        }
        self.nodes.extend(update.node_batch.nodes().iter().map(|(key, node)| (key.clone(), node.clone())));
        for ((_, key), row) in update.node_batch.values() {
            self.values.insert(*key, row.clone().expect("rows are written, and never taken away"));
        }
    }
}

/// Rows by key, with a root. Memory: about 400 bytes for each row beside its own.
#[derive(Default)]
pub struct StateMap {
    store: Store,
    /// How many times rows were put.
    versions: Version,
    root: Digest,
}

/// That a row has a value under a root.
pub struct RowProof {
    proof: SparseMerkleProof<Blake3>,
    row: Option<Vec<u8>>,
}

impl StateMap {
    /// Writes rows, and returns the root over all rows. O(log n) hashes for each.
    pub fn put(&mut self, rows: impl IntoIterator<Item = (Digest, Vec<u8>)>) -> Digest {
        let rows: Vec<(KeyHash, Option<Vec<u8>>)> =
            rows.into_iter().map(|(key, row)| (KeyHash(key.0), Some(row))).collect();
        if rows.is_empty() {
            return self.root;
        }
        let tree = JellyfishMerkleTree::<_, Blake3>::new(&self.store);
        let (root, update) = tree.put_value_set(rows, self.versions).expect("the store holds every node of the tree");
        self.versions += 1;
        self.store.apply(update);
        self.root = Digest(root.0);
        self.root
    }

    /// The root over all rows; nought where there are none.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.store.values.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.store.values.is_empty()
    }

    /// Proves what a row is, or that there is none; nothing where there are no rows at all.
    pub fn prove(&self, key: &Digest) -> Option<RowProof> {
        let version = self.versions.checked_sub(1)?;
        let tree = JellyfishMerkleTree::<_, Blake3>::new(&self.store);
        let (row, proof) =
            tree.get_with_proof(KeyHash(key.0), version).expect("the store holds every node of the tree");
        Some(RowProof { proof, row })
    }
}

impl RowProof {
    /// The row; none where the proof is that there is none.
    pub fn row(&self) -> Option<&[u8]> {
        self.row.as_deref()
    }

    /// Whether under `root` the row of `key` is `row`.
    pub fn verifies(&self, root: &Digest, key: &Digest, row: Option<&[u8]>) -> bool {
        self.proof.verify(RootHash(root.0), KeyHash(key.0), row).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(nth: u64) -> Digest {
        Digest::of(&nth.to_le_bytes())
    }

    fn row(value: u64) -> Vec<u8> {
        value.to_le_bytes().to_vec()
    }

    #[test]
    fn the_root_depends_on_the_rows_and_not_on_their_way_there() {
        let mut one = StateMap::default();
        one.put((0..50).map(|nth| (key(nth), row(nth))));
        let mut many = StateMap::default();
        for nth in (0..50).rev() {
            many.put([(key(nth), row(nth + 1))]);
            many.put([(key(nth), row(nth))]);
        }
        assert_eq!(one.root(), many.root());
        many.put([(key(7), row(8))]);
        assert_ne!(one.root(), many.root());
        assert_eq!((one.len(), many.len()), (50, 50));
    }

    #[test]
    fn nothing_has_no_root_and_proves_nothing() {
        let mut map = StateMap::default();
        assert!(map.is_empty() && map.prove(&key(1)).is_none());
        assert_eq!(map.put([]), Digest::ZERO);
    }

    proptest! {
        #[test]
        fn each_row_is_proved_as_it_is_and_no_other_way(
            writes in prop::collection::vec((0..40u64, any::<u64>()), 1..120),
            block in 1..20usize,
            bit in 0..64u32,
        ) {
            let (mut map, mut naive) = (StateMap::default(), BTreeMap::new());
            for rows in writes.chunks(block) {
                // Of two writes of a row in one block the last counts, as contracts hand them over.
                let rows: BTreeMap<u64, u64> = rows.iter().copied().collect();
                naive.extend(rows.iter().map(|(nth, value)| (*nth, *value)));
                map.put(rows.into_iter().map(|(nth, value)| (key(nth), row(value))));
            }
            prop_assert_eq!(map.len(), naive.len());
            for nth in 0..40 {
                let proof = map.prove(&key(nth)).expect("there are rows");
                let is = naive.get(&nth).map(|value| row(*value));
                prop_assert_eq!(proof.row(), is.as_deref());
                prop_assert!(proof.verifies(&map.root(), &key(nth), is.as_deref()));
                let other = row(naive.get(&nth).copied().unwrap_or(0) ^ 1 << bit);
                prop_assert!(!proof.verifies(&map.root(), &key(nth), Some(&other)));
                prop_assert!(!proof.verifies(&key(nth), &key(nth), is.as_deref()));
            }
        }
    }
}
