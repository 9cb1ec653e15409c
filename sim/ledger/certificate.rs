//! Certificates: a quorum of distinct signers behind one statement.

use smallvec::{SmallVec, smallvec};

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, Sink, View};

use super::{Phase, SIGNATURE_BYTES};

/// A set of replicas, one bit each. The bits are the order: ascending by id. Up to 1,024 bits lie in the value itself:
/// counting a vote then touches one place in memory instead of two.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Signers {
    words: SmallVec<[u64; 16]>,
    count: u32,
}

impl Signers {
    /// No signer yet, with room for a committee of `n`.
    pub fn none_of(n: u32) -> Signers {
        Signers { words: smallvec![0; n.div_ceil(64) as usize], count: 0 }
    }

    /// Adds a signer; false where it was there already.
    pub fn insert(&mut self, replica: ReplicaId) -> bool {
        let word = &mut self.words[replica.index() / 64];
        let bit = 1 << (replica.index() % 64);
        let new = *word & bit == 0;
        *word |= bit;
        self.count += u32::from(new);
        new
    }

    /// Whether `replica` signed.
    pub fn contains(&self, replica: ReplicaId) -> bool {
        self.words.get(replica.index() / 64).is_some_and(|word| word >> (replica.index() % 64) & 1 == 1)
    }

    /// Number of distinct signers.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The signers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = ReplicaId> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| ReplicaId(index as u32 * 64 + bit))
        })
    }
}

impl Encode for Signers {
    fn encode(&self, sink: &mut impl Sink) {
        self.words[..].encode(sink);
    }
}

/// A quorum that stated one phase of one block ("QC" in the HotStuff family, "prepared certificate" in PBFT's).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What was stated.
    pub phase: Phase,
    /// The view in which it was stated.
    pub view: View,
    /// The block's position in the chain.
    pub height: Height,
    /// The block's id.
    pub block: Digest,
    /// Who stated it.
    pub signers: Signers,
}

impl Certificate {
    /// The certificate of genesis, which nobody had to sign.
    pub fn genesis(block: Digest) -> Certificate {
        Certificate { phase: Phase::Vote, view: View(0), height: Height(0), block, signers: Signers::default() }
    }

    /// Size on the wire: one signature for each signer, as Ed25519 signatures do not aggregate.
    pub fn wire(&self) -> Bytes {
        self.encoded_len() + Bytes(SIGNATURE_BYTES) * u64::from(self.signers.count())
    }
}

impl Encode for Certificate {
    fn encode(&self, sink: &mut impl Sink) {
        self.phase.encode(sink);
        self.view.encode(sink);
        self.height.encode(sink);
        self.block.encode(sink);
        self.signers.encode(sink);
    }
}

/// A quorum's timeouts of one view ("TC"), each with the view of the highest certificate that its signer knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeoutCertificate {
    /// The view that was given up.
    pub view: View,
    /// Signer and the view of its highest certificate, ascending by signer, each once.
    pub timeouts: Vec<(ReplicaId, View)>,
}

impl TimeoutCertificate {
    /// The highest certificate's view that any signer knew.
    pub fn highest(&self) -> View {
        self.timeouts.iter().map(|&(_, view)| view).max().unwrap_or_default()
    }

    /// Size on the wire, a signature for each signer.
    pub fn wire(&self) -> Bytes {
        self.encoded_len() + Bytes(SIGNATURE_BYTES) * self.timeouts.len() as u64
    }
}

impl Encode for TimeoutCertificate {
    fn encode(&self, sink: &mut impl Sink) {
        self.view.encode(sink);
        (self.timeouts.len() as u32).encode(sink);
        for (replica, view) in &self.timeouts {
            replica.encode(sink);
            view.encode(sink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_counts_once() {
        let mut signers = Signers::none_of(100);
        assert!(signers.insert(ReplicaId(70)));
        assert!(!signers.insert(ReplicaId(70)));
        assert!(signers.insert(ReplicaId(3)));
        assert_eq!(signers.iter().collect::<Vec<_>>(), [ReplicaId(3), ReplicaId(70)]);
        assert_eq!(signers.count(), 2);
        assert!(!signers.contains(ReplicaId(99)) && !signers.contains(ReplicaId(1000)));
    }
}
