//! 32-byte BLAKE3 digests, and hash tables keyed by them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Encode, Sink};

/// A BLAKE3 digest: the id of a transaction, batch or block, or the summary of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

/// A map keyed by digests. It must never be iterated: order would depend on the table's history.
pub type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<FirstWord>>;
/// A set of digests. It must never be iterated: order would depend on the table's history.
pub type DigestSet = HashSet<Digest, BuildHasherDefault<FirstWord>>;

impl Digest {
    /// The digest of nothing yet: the parent of genesis.
    pub const ZERO: Digest = Digest([0; 32]);

    /// BLAKE3 of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// BLAKE3 of the canonical encoding of `value`, under a domain that no other kind of value shares.
    pub fn of_encoded(domain: &'static str, value: &impl Encode) -> Digest {
        let mut hasher = blake3::Hasher::new();
        domain.encode(&mut hasher);
        value.encode(&mut hasher);
        Digest(*hasher.finalize().as_bytes())
    }

    /// The first eight bytes, little-endian: uniform, so a hash table needs no further mixing.
    pub fn first_word(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Encode for Digest {
    fn encode(&self, sink: &mut impl Sink) {
        sink.put(&self.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(serde::de::Error::custom)?;
        Ok(Digest(*hash.as_bytes()))
    }
}

/// Takes the first eight bytes of a digest as its hash: BLAKE3 output is uniform already.
#[derive(Default)]
pub struct FirstWord(u64);

impl Hasher for FirstWord {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // Arrays hash their length first; it carries nothing here.
    fn write_usize(&mut self, _: usize) {}
}
