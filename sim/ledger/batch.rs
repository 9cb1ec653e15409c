//! A batch: transactions of one gateway, disseminated together under one id.

use crate::base::{Bytes, Digest, Encode, ReplicaId, Sink};
use crate::crypto::merkle;

use super::{Transaction, TxNumber};

/// What orders a batch without carrying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchRef {
    /// The batch's id.
    pub id: Digest,
    /// The gateway that sealed it.
    pub origin: ReplicaId,
    /// Position among its origin's batches, from 0.
    pub sequence: u64,
    /// Transactions in it.
    pub count: u32,
    /// Length of its contents.
    pub bytes: Bytes,
}

/// A sealed batch: immutable, shared by every node that holds it.
#[derive(Clone, Debug)]
pub struct Batch {
    reference: BatchRef,
    transactions: Vec<Transaction>,
    intact: bool,
}

impl Batch {
    /// Seals `transactions`, each standing for `weight` alike ones on the wire.
    pub fn seal(origin: ReplicaId, sequence: u64, transactions: Vec<Transaction>, weight: u32) -> Batch {
        let bytes: u64 = transactions.iter().map(|tx| u64::from(tx.wire)).sum();
        let count = u32::try_from(transactions.len()).expect("a batch holds fewer than 2^32 transactions");
        let id = Self::id_of(origin, sequence, &transactions);
        let reference = BatchRef { id, origin, sequence, count, bytes: Bytes(bytes * u64::from(weight)) };
        Batch { reference, transactions, intact: true }
    }

    /// The batch as an attacker forwards it: under the same id, with one transaction of other content.
    pub fn tampered(&self) -> Batch {
        let mut forged = self.clone();
        if let Some(first) = forged.transactions.first_mut() {
            first.id.0[0] ^= 1;
            first.number = TxNumber(u64::MAX);
        }
        forged.intact = forged.recompute_id() == forged.reference.id;
        forged
    }

    /// The id that the contents hash to.
    pub fn recompute_id(&self) -> Digest {
        Self::id_of(self.reference.origin, self.reference.sequence, &self.transactions)
    }

    /// Whether the contents hash to the id it travels under, computed once for each distinct content.
    pub fn is_intact(&self) -> bool {
        self.intact
    }

    /// The batch's id, origin and size.
    pub fn reference(&self) -> &BatchRef {
        &self.reference
    }

    /// The batch's id.
    pub fn id(&self) -> Digest {
        self.reference.id
    }

    /// The transactions, in the order of their execution.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// Size on the wire: the reference and the contents.
    pub fn wire(&self) -> Bytes {
        self.reference.encoded_len() + self.reference.bytes
    }

    fn id_of(origin: ReplicaId, sequence: u64, transactions: &[Transaction]) -> Digest {
        let ids: Vec<Digest> = transactions.iter().map(|tx| tx.id).collect();
        let header = Header { origin, sequence, count: ids.len() as u32, root: merkle::root(&ids) };
        Digest::of_encoded("systole batch v1", &header)
    }
}

/// The part of a batch that its id is the hash of.
struct Header {
    origin: ReplicaId,
    sequence: u64,
    count: u32,
    root: Digest,
}

impl Encode for Header {
    fn encode(&self, sink: &mut impl Sink) {
        self.origin.encode(sink);
        self.sequence.encode(sink);
        self.count.encode(sink);
        self.root.encode(sink);
    }
}

impl Encode for BatchRef {
    fn encode(&self, sink: &mut impl Sink) {
        self.id.encode(sink);
        self.origin.encode(sink);
        self.sequence.encode(sink);
        self.count.encode(sink);
        self.bytes.encode(sink);
    }
}
