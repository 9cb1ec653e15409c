//! What layers send each other.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Batch, Block, Certificate, Link, Phase, SIGNATURE_BYTES, Statement};

/// A header of the certified DAG with its certificate: what Narwhal calls a certificate, which carries the header too.
#[derive(Debug)]
pub struct Woven {
    /// The header: a block of the DAG.
    pub header: Arc<Block>,
    /// A quorum's votes for it.
    pub certificate: Certificate,
}

impl Woven {
    /// Size on the wire.
    pub fn wire(&self) -> Bytes {
        self.header.wire() + self.certificate.wire()
    }
}

/// One parcel. The contents are shared: cloning one copies no more than a few words or ids.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// A batch with its contents.
    Batch(Arc<Batch>),
    /// Who has these batches?
    Fetch(Vec<Digest>),
    /// To a batch's gateway: it is stored (layer `certified`).
    Ack {
        /// The batch.
        id: Digest,
        /// Its number among its gateway's.
        sequence: u64,
    },
    /// A proposal of a block of the certified DAG.
    Header(Arc<Block>),
    /// To a header's author: a vote for it.
    Vote {
        /// The header's round.
        round: View,
        /// The header's id.
        header: Digest,
    },
    /// A header that a quorum voted for.
    Certified(Arc<Woven>),
    /// Which certified headers of the rounds between are there, and who has the linked ones?
    Ask {
        /// Nothing of this round or before, unless it is linked.
        above: View,
        /// Nothing of this round or after, unless it is linked.
        below: View,
        /// Headers that are missed.
        links: Vec<Link>,
    },
    /// The answer: certified headers, ascending by round.
    Found(Vec<Arc<Woven>>),
}

impl Parcel {
    /// Whether primaries exchange it: their core handles it. The others are workers'.
    pub fn is_of_primaries(&self) -> bool {
        !matches!(self, Parcel::Batch(_) | Parcel::Fetch(_) | Parcel::Ack { .. })
    }

    /// The connection that it takes between two replicas of `workers` workers each: 0 is the primaries', and a batch's
    /// worker follows from its number.
    pub fn lane(&self, workers: u32) -> usize {
        let among = |number: u64| if workers == 0 { 0 } else { 1 + (number % u64::from(workers)) as usize };
        match self {
            Parcel::Batch(batch) => among(batch.reference().sequence),
            Parcel::Ack { sequence, .. } => among(*sequence),
            Parcel::Fetch(ids) => among(ids.first().map_or(0, Digest::first_word)),
            _ => 0,
        }
    }

    fn certified(&self) -> &[Arc<Woven>] {
        match self {
            Parcel::Certified(one) => std::slice::from_ref(one),
            Parcel::Found(found) => found,
            _ => &[],
        }
    }
}

impl Message for Parcel {
    fn wire(&self) -> Bytes {
        let content = match self {
            Parcel::Batch(batch) => batch.wire(),
            Parcel::Fetch(ids) => ids[..].encoded_len(),
            Parcel::Ack { id, sequence } => id.encoded_len() + sequence.encoded_len(),
            Parcel::Header(header) => header.wire() + Bytes(SIGNATURE_BYTES),
            Parcel::Vote { round, header } => round.encoded_len() + header.encoded_len() + Bytes(SIGNATURE_BYTES),
            Parcel::Certified(woven) => woven.wire(),
            Parcel::Ask { above, below, links } => above.encoded_len() + below.encoded_len() + links[..].encoded_len(),
            Parcel::Found(found) => Bytes(4) + found.iter().map(|woven| woven.wire()).sum(),
        };
        Bytes(1) + content
    }

    /// Workers' parcels carry no signatures but those of hospitals, inside a batch: their connections authenticate them.
    fn checks(&self) -> Checks {
        let certified = |woven: &Woven| Checks {
            signatures: woven.certificate.signers.count(),
            hashed: woven.header.encoded_len(),
        };
        match self {
            Parcel::Header(header) => Checks { signatures: 1, hashed: header.encoded_len() },
            Parcel::Vote { .. } => Checks { signatures: 1, hashed: Bytes(0) },
            _ => self.certified().iter().map(|woven| certified(woven)).fold(Checks::default(), |sum, one| Checks {
                signatures: sum.signatures + one.signatures,
                hashed: sum.hashed + one.hashed,
            }),
        }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let (phase, view, block) = match self {
            Parcel::Header(header) if header.author == from => (Phase::Propose, header.view, header.id()),
            Parcel::Vote { round, header } => (Phase::Vote, *round, *header),
            _ => return None,
        };
        Some(Statement { by: from, phase, view, height: Height(view.0), justify: View(0), block })
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            Parcel::Header(header) => Some(header),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        self.certified().iter().for_each(|woven| see(Proof::Certificate(&woven.certificate)));
    }
}
