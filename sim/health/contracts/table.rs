//! A table of a contract's state whose rows are authenticated: what changes is handed to the tree of state.

use std::collections::BTreeMap;

use crate::base::{Digest, Encode};

/// A row of some table that was written: what the tree of state keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// BLAKE3 of the table's number and the row's key.
    pub key: Digest,
    /// The row's canonical encoding.
    pub value: Vec<u8>,
}

/// Rows by key. Memory: key and row, and each key once more until the block's end.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    number: u8,
    rows: BTreeMap<K, V>,
    touched: Vec<K>,
}

impl<K: Copy + Ord + Encode, V: Encode> Table<K, V> {
    /// An empty table. Its number tells its keys from those of others.
    pub fn new(number: u8) -> Table<K, V> {
        Table { number, rows: BTreeMap::new(), touched: Vec::new() }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    pub fn put(&mut self, key: K, row: V) {
        self.rows.insert(key, row);
        self.touched.push(key);
    }

    /// Changes a row that there is.
    pub fn change(&mut self, key: &K, change: impl FnOnce(&mut V)) {
        change(self.rows.get_mut(key).expect("the contract has just read the row"));
        self.touched.push(*key);
    }

    /// The rows, by key.
    pub fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// Hands over each row that was written since the last time, once, in the order of keys.
    pub fn settle(&mut self, writes: &mut Vec<Write>) {
        self.touched.sort_unstable();
        self.touched.dedup();
        for key in self.touched.drain(..) {
            let mut value = Vec::new();
            self.rows[&key].encode(&mut value);
            let mut hasher = blake3::Hasher::new();
            self.number.encode(&mut hasher);
            key.encode(&mut hasher);
            writes.push(Write { key: Digest(*hasher.finalize().as_bytes()), value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_written_twice_in_a_block_is_handed_over_once_as_it_is_then() {
        let mut table = Table::<u32, u64>::new(7);
        table.put(2, 20);
        table.put(1, 10);
        table.change(&2, |row| *row += 1);
        let mut writes = Vec::new();
        table.settle(&mut writes);
        let values: Vec<u64> = writes
            .iter()
            .map(|write| u64::from_le_bytes(write.value[..].try_into().expect("a row is eight bytes")))
            .collect();
        assert_eq!(values, [10, 21]);
        table.settle(&mut writes);
        assert_eq!(writes.len(), 2, "nothing was written since");
    }

    #[test]
    fn alike_keys_of_two_tables_are_not_the_same_row() {
        let written = |number| {
            let (mut table, mut writes) = (Table::<u32, u64>::new(number), Vec::new());
            table.put(1, 1);
            table.settle(&mut writes);
            writes[0].key
        };
        assert_ne!(written(1), written(2));
    }
}
