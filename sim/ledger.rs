//! What the ledger is made of: transactions in batches, batches ordered by blocks, blocks proved by certificates.
//!
//! Every kind of value has one canonical encoding ([`crate::base::Encode`]); its id is BLAKE3 of those bytes and its
//! size on the wire their length. Signatures are never part of an id: a block's id does not depend on *which* quorum
//! certified its parent, nor on whether signatures are really computed or only charged for.

mod batch;
mod block;
mod certificate;
mod chain;
mod committee;
mod cross;
mod execution;
mod mempool;
mod promises;
mod statement;
mod transaction;

pub use batch::{Batch, BatchRef};
pub use block::{Block, Link, Payload};
pub use certificate::{Certificate, Signers, TimeoutCertificate};
pub use chain::Chain;
pub use committee::Committee;
pub use cross::{CrossLedger, OPENING_BALANCE, Record, Step, Totals, Transfer};
pub use execution::{Applied, Crossed, Executor};
pub use mempool::{Admission, Mempool, MempoolLimits};
pub use promises::{CommitRule, DagRule, FaultModel, Leaders, Locks, Promises, Slot};
pub use statement::{Phase, Statement};
pub use transaction::{Kind, Rejection, SIGNATURE_BYTES, Stage, Transaction, TransactionBody, TxNumber};
