//! The ledger as a file: `ledger.ndjson`, a line for each block, from which anybody can check what took effect.
//!
//! The first line says what the run was; each block's line follows by height, with its header and the transactions in
//! effect; the last line counts them. A header commits to the one before (the first to the opening line), to the ids of
//! its transactions (Merkle root), to what the contracts said of each (Merkle root over pairs of number and verdict), to
//! how many there are, and to the state after it: the chain of all that took effect, which replicas agree on, and the root
//! of the tree of the contracts' rows, which follows from that. Each line is in one form only: what does not read back as itself is
//! malformed, so no bit of the file is without meaning. Signatures are not written.
//!
//! A file that hangs together can still be another run's, or made up: whoever is to trust it compares its head, the last
//! header's digest, with one known otherwise.

mod write;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, Encode, Sink};
use crate::crypto::merkle;
use crate::health::{Refusal, Verdict};

pub(super) use write::write;

/// The file's name in a results folder.
pub const LEDGER_FILE: &str = "ledger.ndjson";
/// Version of the format.
pub(super) const VERSION: u32 = 2;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    pub version: u32,
    pub scenario: String,
    pub seed: u64,
    /// Names of kinds, which transactions have by index.
    pub kinds: Vec<String>,
    /// Over all of that.
    pub digest: Digest,
}

impl Opening {
    pub fn computed(&self) -> Digest {
        Digest::of_encoded("systole ledger opening v1", self)
    }
}

impl Encode for Opening {
    fn encode(&self, sink: &mut impl Sink) {
        self.version.encode(sink);
        self.scenario.as_str().encode(sink);
        self.seed.encode(sink);
        (self.kinds.len() as u32).encode(sink);
        self.kinds.iter().for_each(|kind| kind.as_str().encode(sink));
    }
}

/// A block's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockLine {
    pub height: u64,
    /// The previous header's digest.
    pub previous: Digest,
    /// Over the ids, in order.
    pub transactions_root: Digest,
    /// Over pairs of number and verdict, in the same order.
    pub verdicts_root: Digest,
    /// The ledger's state after the block, which replicas agree on.
    pub state: Digest,
    /// The root of the contracts' rows after it.
    pub state_root: Digest,
    /// The header's own.
    pub digest: Digest,
    pub transactions: Vec<Entry>,
}

impl BlockLine {
    /// The digest of the header as it stands.
    pub fn computed(&self) -> Digest {
        Digest::of_encoded("systole ledger header v2", self)
    }

    /// The ids as they stand.
    pub fn ids(&self) -> Vec<Digest> {
        self.transactions.iter().map(|entry| entry.id).collect()
    }
}

impl Encode for BlockLine {
    fn encode(&self, sink: &mut impl Sink) {
        self.height.encode(sink);
        self.previous.encode(sink);
        // It fixes the shape of both trees.
        (self.transactions.len() as u32).encode(sink);
        self.transactions_root.encode(sink);
        self.verdicts_root.encode(sink);
        self.state.encode(sink);
        self.state_root.encode(sink);
    }
}

/// A transaction in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub number: u64,
    pub hospital: u32,
    pub kind: u8,
    pub submitted_ns: u64,
    pub id: Digest,
    /// The canonical body in lower-case hex digits.
    pub body: String,
    pub verdict: String,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    pub blocks: u64,
    pub transactions: u64,
    /// The last header's digest.
    pub head: Digest,
}

/// What a block commits to of a verdict.
pub(super) fn verdict_leaf(number: u64, verdict: Verdict) -> Digest {
    let code = verdict.map_or_else(|refusal| refusal as u8 + 1, |()| 0);
    Digest::of_encoded("systole ledger verdict v1", &(number, code))
}

/// A verdict's name.
pub(super) fn verdict_name(verdict: Verdict) -> &'static str {
    verdict.map_or_else(Refusal::name, |()| "done")
}

/// Every verdict.
pub(super) fn verdicts() -> impl Iterator<Item = Verdict> {
    std::iter::once(Ok(())).chain(Refusal::all().map(Err))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of lower-case hex digits; nothing where the text is no such digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

/// That a leaf is where it is in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The root that the block's header commits to.
    pub root: Digest,
    /// The leaf.
    pub leaf: Digest,
    /// Its place.
    pub index: usize,
    /// Leaves in the block.
    pub count: usize,
    /// Siblings on the way from the leaf to the root.
    pub siblings: Vec<Digest>,
}

impl Inclusion {
    /// Proves a leaf, and verifies the proof under `root`; nothing where it does not verify.
    pub(super) fn of(root: Digest, leaves: &[Digest], index: usize) -> Option<Inclusion> {
        let (proof, leaf, count) = (merkle::prove(leaves, index), leaves[index], leaves.len());
        let inclusion = || Inclusion { root, leaf, index, count, siblings: proof.siblings().to_vec() };
        proof.verifies(&root, &leaf, index, count).then(inclusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_read_back_in_one_form_only() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        for odd in ["0", "0A", "0g", " 0", "00 "] {
            assert_eq!(unhex(odd), None, "{odd}");
        }
    }

    #[test]
    fn no_two_verdicts_share_a_name_or_a_leaf() {
        let names: std::collections::BTreeSet<&str> = verdicts().map(verdict_name).collect();
        let leaves: std::collections::BTreeSet<Digest> = verdicts().map(|verdict| verdict_leaf(7, verdict)).collect();
        assert_eq!((names.len(), leaves.len()), (Refusal::COUNT + 1, Refusal::COUNT + 1));
    }
}
