//! What judges are told.

use crate::base::{Digest, Height, ReplicaId, Time};
use crate::ledger::{Batch, Block, Certificate, Rejection, Statement, TimeoutCertificate, Transaction};

/// One observation. Not generic: judges know no protocol.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Tap<'a> {
    /// A hospital (or an attacker, for a replay) sent a transaction.
    Submitted { transaction: &'a Transaction },
    /// A transaction will not be committed, and why.
    Rejected { transaction: &'a Transaction, reason: Rejection },
    /// A replica took in a batch under its id.
    Held { replica: ReplicaId, batch: &'a Batch },
    /// A replica signed a statement.
    Stated { statement: &'a Statement },
    /// A replica proposed a block: its own, or one that another made before.
    Proposed { by: ReplicaId, block: &'a Block },
    /// A replica sent a certificate.
    Certified { certificate: &'a Certificate },
    /// A replica sent a timeout certificate.
    GivenUp { certificate: &'a TimeoutCertificate },
    /// A replica committed a block.
    Committed { replica: ReplicaId, at: Time, block: &'a Block },
    /// A transaction took effect, in order, at the height executed now.
    TookEffect { height: Height, transaction: &'a Transaction },
    /// A replica executed a block and reached a state.
    Executed { replica: ReplicaId, height: Height, state: Digest },
    /// The run is over, and this is what its queues still hold.
    Ended { inventory: &'a Inventory },
}

/// Transactions that are neither committed nor refused when a run ends, counted where they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// On the way from a hospital to its gateway.
    pub on_the_way: u64,
    /// In a mempool, unsealed.
    pub unsealed: u64,
    /// Sealed in a batch that no replica has executed.
    pub sealed: u64,
}

impl Inventory {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.on_the_way + self.unsealed + self.sealed
    }
}
