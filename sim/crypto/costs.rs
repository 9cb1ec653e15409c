//! What operations cost in virtual time: integer tables with their provenance.
//!
//! A run charges these costs whether the arithmetic is executed or only modelled, so a table is an input of a
//! scenario and part of its hash, while the speed of the host that simulates is not. [`CostTable::reference`] is
//! committed and the default; [`CostTable::measure`] makes one of the host at hand, for `systole calibrate`.
//!
//! Most operations cost a fixed part and a part by size that is far from straight: BLAKE3 takes as long for 1 KiB as
//! for 3 (its vector units start past one chunk), batch verification takes three quarters of the single price per
//! signature at 4 and 40 % at 1,024. Hence a [`Curve`]: measured points, and straight lines between them in integers.

mod curve;
mod measure;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use curve::{Curve, Point};

use crate::base::{Bytes, Span};

/// The committed table, with a comment on every figure's source.
const REFERENCE: &str = include_str!("../../workloads/data/costs/reference.toml");

/// Costs on one core of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// Where the figures come from: "measured on ..." with machine, date and build.
    pub provenance: String,
    /// Signing one 32-byte id with an expanded key, in nanoseconds.
    pub sign_ns: u64,
    /// A Merkle root, in nanoseconds per leaf: one leaf hash and one node hash.
    pub merkle_leaf_ns: u64,
    /// Applying one transaction: inserting its id into a set of 2^18 and appending its 44-byte record to the state's
    /// log, in nanoseconds.
    pub execute_ns: u64,
    /// Writing one row of the contracts' state to its branch of the tree ([`crate::crypto::StateMap`]; 2^15 rows in it, 1,024
    /// written at a time), in nanoseconds.
    pub state_row_ns: u64,
    /// A group commit: writing 4 KiB at the end of a file and waiting until they are on the disk, in nanoseconds.
    pub fsync_ns: u64,
    /// Verifying n signatures of 32-byte ids by distinct signers as one batch (single verification at 1).
    pub verify: Curve,
    /// BLAKE3 of n bytes in one call.
    pub hash: Curve,
    /// Handing a message of n bytes to the network: encoding, and one write to a TCP socket.
    pub send: Curve,
    /// Taking a message of n bytes from the network: one read of a TCP socket, and copying it out.
    pub receive: Curve,
    /// What contracts take to decide a call.
    pub contract_ns: ContractCosts,
}

/// What each contract takes to decide one call and to add call and verdict to the ledger's history, in nanoseconds: the
/// mean over a life of its cases. Rows that it writes cost [`CostTable::state_row_ns`] besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractCosts {
    /// `record.*`, `immunization.*`.
    pub record: u64,
    /// `consent.*`.
    pub consent: u64,
    /// `access.*`, `tele.*`, `device.*`.
    pub access: u64,
    /// `share.*`.
    pub share: u64,
    /// `claim.*`.
    pub claim: u64,
    /// `rx.*`.
    pub prescription: u64,
    /// `pack.*`.
    pub pack: u64,
    /// `trial.*`.
    pub trial: u64,
    /// `data.*`.
    pub licence: u64,
    /// `governance.*`.
    pub governance: u64,
}

/// Why there is no cost table.
#[derive(Debug, Error)]
pub enum CostError {
    /// The text is no cost table; the message names line and column.
    #[error("{0}")]
    Malformed(#[from] toml_edit::de::Error),
    /// A curve without points.
    #[error("a cost curve has at least one point")]
    NoPoints,
    /// Sizes that do not grow from point to point, or costs that shrink.
    #[error("{ns} ns for {size} follows {earlier_ns} ns for {earlier_size}: sizes ascend and costs do not fall")]
    NotAscending {
        /// The size at fault.
        size: u64,
        /// Its cost, in nanoseconds.
        ns: u64,
        /// The size of the point before it.
        earlier_size: u64,
        /// The cost of the point before it, in nanoseconds.
        earlier_ns: u64,
    },
    /// The disk or the loopback network could not be measured.
    #[error("cannot measure {what}: {source}")]
    Unmeasurable {
        /// What was being measured.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CostTable {
    /// The committed reference table, the default of every scenario.
    pub fn reference() -> CostTable {
        CostTable::from_toml(REFERENCE).expect("the committed table is valid, as a test asserts")
    }

    /// A table on which everything is free: what is left is distance and waiting.
    pub fn free() -> CostTable {
        let curve = Curve::constant;
        CostTable {
            provenance: "free".into(),
            sign_ns: 0,
            merkle_leaf_ns: 0,
            execute_ns: 0,
            state_row_ns: 0,
            fsync_ns: 0,
            verify: curve(0),
            hash: curve(0),
            send: curve(0),
            receive: curve(0),
            contract_ns: ContractCosts::default(),
        }
    }

    /// Reads a table; unknown keys, missing keys and curves that fall are errors naming their place.
    pub fn from_toml(text: &str) -> Result<CostTable, CostError> {
        Ok(toml_edit::de::from_str(text)?)
    }

    /// The table as TOML that [`CostTable::from_toml`] reads back.
    pub fn to_toml(&self) -> String {
        toml_edit::ser::to_string_pretty(self).expect("integers and strings have a TOML form")
    }

    /// Signing one id.
    pub fn sign(&self) -> Span {
        Span(self.sign_ns)
    }

    /// Verifying one signature.
    pub fn verify(&self) -> Span {
        self.batch_verify(1)
    }

    /// Verifying `signatures` valid signatures as one batch, all of them together.
    pub fn batch_verify(&self, signatures: u64) -> Span {
        if signatures == 0 { Span::ZERO } else { self.verify.at(signatures) }
    }

    /// Hashing `length` bytes in one call.
    pub fn hash(&self, length: Bytes) -> Span {
        self.hash.at(length.0)
    }

    /// The Merkle root over `leaves` digests.
    pub fn merkle(&self, leaves: u64) -> Span {
        Span(self.merkle_leaf_ns) * leaves
    }

    /// Applying `transactions` to the ledger, contracts aside.
    pub fn execute(&self, transactions: u64) -> Span {
        Span(self.execute_ns) * transactions
    }

    /// Writing `rows` of the contracts' state to its tree.
    pub fn commit_rows(&self, rows: u64) -> Span {
        Span(self.state_row_ns) * rows
    }

    /// One group commit of up to 4 KiB.
    pub fn fsync(&self) -> Span {
        Span(self.fsync_ns)
    }

    /// Handing a message of `length` bytes to the network, once per destination.
    pub fn send(&self, length: Bytes) -> Span {
        self.send.at(length.0)
    }

    /// Taking a message of `length` bytes from the network.
    pub fn receive(&self, length: Bytes) -> Span {
        self.receive.at(length.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_reference_table_is_valid_and_survives_a_round_trip() {
        let table = CostTable::reference();
        assert_eq!(CostTable::from_toml(&table.to_toml()).expect("its own text"), table);
        assert!(table.provenance.contains("measured on"));
    }

    #[test]
    fn batching_is_cheaper_per_signature_the_larger_the_batch() {
        let table = CostTable::reference();
        assert_eq!(table.batch_verify(0), Span::ZERO);
        assert_eq!(table.batch_verify(1), table.verify());
        for (size, larger) in [(1, 4), (4, 16), (16, 64), (64, 128), (128, 256), (256, 1024), (1024, 4096)] {
            let (cost, larger_cost) = (table.batch_verify(size), table.batch_verify(larger));
            assert!(cost < larger_cost);
            assert!(cost * larger > larger_cost * size, "{larger} against {size}");
        }
    }

    #[test]
    fn the_schema_describes_a_curve_as_a_list_of_points() {
        let schema = schemars::schema_for!(CostTable).to_value();
        assert_eq!(schema.pointer("/$defs/Curve/items/$ref"), Some(&"#/$defs/Point".into()), "{schema:#}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let text = CostTable::reference().to_toml() + "\n[colour]\n";
        let error = CostTable::from_toml(&text).expect_err("colour costs nothing");
        assert!(error.to_string().contains("colour"), "{error}");
    }

    #[test]
    fn a_falling_curve_is_refused() {
        let mut table = toml_edit::ser::to_document(&CostTable::reference()).expect("a document");
        table["hash"] = toml_edit::value({
            let point = |size: i64, ns: i64| {
                toml_edit::Value::from_iter([("size", size), ("ns", ns)].map(|(key, value)| (key, value)))
            };
            toml_edit::Array::from_iter([point(64, 100), point(128, 90)])
        });
        let error = CostTable::from_toml(&table.to_string()).expect_err("128 bytes do not hash faster than 64");
        assert!(error.to_string().contains("90 ns for 128 follows 100 ns for 64"), "{error}");
    }

    #[test]
    fn this_host_can_be_measured() {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let budget = Duration::from_millis(50);
        let contracts = ContractCosts { claim: 7, ..ContractCosts::default() };
        let table = CostTable::measure(budget, scratch.path(), "measured on a test host".into(), contracts);
        let table = table.expect("a measured table");
        assert_eq!(CostTable::from_toml(&table.to_toml()).expect("its own text"), table);
        assert!(table.sign_ns > 0 && table.execute_ns > 0 && table.fsync_ns > 0 && table.merkle_leaf_ns > 0);
        assert!(table.state_row_ns > table.merkle_leaf_ns, "a row takes many hashes");
        assert_eq!(std::fs::read_dir(scratch.path()).expect("readable").count(), 0, "the scratch file is removed");
    }
}
