//! What judges are told.

use crate::base::{Digest, Height, ReplicaId, Time};
use crate::health::{Call, Verdict};
use crate::ledger::{
    Batch, Block, Certificate, Rejection, Stage, Statement, Step, TimeoutCertificate, Totals, Transaction, Transfer,
    TxNumber,
};

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
    /// A contract allowed what a transaction in effect asks for, or refused it.
    Decided { height: Height, transaction: &'a Transaction, call: &'a Call, verdict: Verdict },
    /// The run is over, and this is what hospitals, payers, patients and the operator have gained, in hundredths.
    Settled { balances: [i64; 4] },
    /// A replica executed a block and reached a state.
    Executed { replica: ReplicaId, height: Height, state: Digest },
    /// The run is over, and this is what its queues still hold.
    Ended { inventory: &'a Inventory },
    /// A shard executed a stage of a transaction across two shards.
    Crossed { shard: u16, number: TxNumber, transfer: &'a Transfer, step: Step, at: Time },
    /// A replica of a shard signed that a stage is due in another, or, for an expiry, in its own.
    Said { shard: u16, by: ReplicaId, number: TxNumber, stage: Stage, at: Time },
    /// A gateway takes it for proved that a stage is due, by signatures of these replicas of the shard that says so.
    Proved { number: TxNumber, stage: Stage, signers: &'a [ReplicaId] },
    /// The run is over, and these are the sums of a shard's accounts.
    Balanced { shard: u16, totals: &'a Totals },
    /// The run is over for all shards; whether everything that was submitted came to an end.
    Closed { settled: bool },
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
    /// In escrow: executed, and not decided by the two shards that it concerns.
    pub undecided: u64,
}

impl Inventory {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.on_the_way + self.unsealed + self.sealed + self.undecided
    }
}
