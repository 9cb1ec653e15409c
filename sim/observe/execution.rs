//! Validity and no double commit: what takes effect was submitted, is authentic and whole, and takes effect once.

use std::collections::HashSet;

use crate::base::{Digest, DigestSet};
use crate::ledger::{Rejection, TxNumber};

use super::{Judge, Tap};

/// Every transaction that takes effect was submitted by a hospital under that id with a good signature, and every batch
/// that a replica takes in hashes to its id. Memory: one id for each transaction submitted and not yet in effect.
#[derive(Default)]
pub(super) struct Validity {
    submitted: DigestSet,
    batches: DigestSet,
}

impl Judge for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Submitted { transaction } if !transaction.replay && transaction.authentic => {
                self.submitted.insert(transaction.id);
            }
            // Each batch is hashed once, by the first replica that holds it; the content is shared by all of them.
            Tap::Held { replica, batch } if self.batches.insert(batch.id()) => {
                let recomputed: Digest = batch.recompute_id();
                if recomputed != batch.id() {
                    return Err(format!("{replica} holds a batch as {:?} that hashes to {recomputed:?}", batch.id()));
                }
            }
            // A replay may overtake its original, which is then refused as the replay and takes effect all the same.
            Tap::Rejected { transaction, reason } if !transaction.replay && *reason != Rejection::Replayed => {
                self.submitted.remove(&transaction.id);
            }
            Tap::TookEffect { height, transaction } if !self.submitted.remove(&transaction.id) => {
                return Err(format!("{:?} takes effect at {height}, but no hospital submitted it", transaction.id));
            }
            _ => {}
        }
        Ok(())
    }
}

/// No transaction takes effect twice. Numbers instead of ids, and a record of its own: 9 bytes a transaction.
#[derive(Default)]
pub(super) struct NoDoubleCommit {
    in_effect: HashSet<TxNumber>,
}

impl Judge for NoDoubleCommit {
    fn name(&self) -> &'static str {
        "no_double_commit"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        let Tap::TookEffect { height, transaction } = tap else { return Ok(()) };
        if !self.in_effect.insert(transaction.number) {
            return Err(format!("transaction {} takes effect again at {height}", transaction.number.0));
        }
        Ok(())
    }
}
