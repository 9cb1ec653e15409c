//! Validity and no double commit: what takes effect was submitted, is authentic and whole, and takes effect once.

use std::collections::HashSet;

use crate::base::{DigestMap, DigestSet, Height, ReplicaId};
use crate::ledger::{Batch, Transaction, TxNumber};

use super::{Judge, Tap};

/// Every transaction that takes effect was submitted by a hospital under that id with a good signature, and every batch
/// that a replica takes in hashes to its id. Memory: one id and a count for each transaction submitted and neither in
/// effect nor refused, and the id of each batch.
#[derive(Default)]
pub(super) struct Validity {
    /// How many copies of each authentic transaction are on their way: one, and those that attackers sent.
    copies: DigestMap<u32>,
    batches: DigestSet,
}

impl Validity {
    fn on_submitted(&mut self, transaction: &Transaction) {
        match self.copies.get_mut(&transaction.id) {
            Some(copies) => *copies += 1,
            // Attackers copy what hospitals sent; what they make up is nobody's.
            None if transaction.authentic && !transaction.replay => {
                self.copies.insert(transaction.id, 1);
            }
            None => {}
        }
    }

    /// A copy is done for: another may still take effect.
    fn on_rejected(&mut self, transaction: &Transaction) {
        if let Some(copies) = self.copies.get_mut(&transaction.id) {
            *copies -= 1;
            if *copies == 0 {
                self.copies.remove(&transaction.id);
            }
        }
    }

    fn on_effect(&mut self, height: Height, transaction: &Transaction) -> Result<(), String> {
        if !self.copies.contains_key(&transaction.id) {
            return Err(format!("{:?} takes effect at {height}, but no hospital submitted it", transaction.id));
        }
        self.on_rejected(transaction);
        Ok(())
    }

    /// Each batch is hashed once, by the first replica that holds it; the content is shared by all of them. Other
    /// content under a known id says itself that it is not intact.
    fn on_held(&mut self, replica: ReplicaId, batch: &Batch) -> Result<(), String> {
        if self.batches.insert(batch.id()) || !batch.is_intact() {
            let recomputed = batch.recompute_id();
            if recomputed != batch.id() {
                return Err(format!("{replica} holds a batch as {:?} that hashes to {recomputed:?}", batch.id()));
            }
        }
        Ok(())
    }
}

impl Judge for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Submitted { transaction } => self.on_submitted(transaction),
            Tap::Rejected { transaction, .. } => self.on_rejected(transaction),
            Tap::TookEffect { height, transaction } => return self.on_effect(*height, transaction),
            Tap::Held { replica, batch } => return self.on_held(*replica, batch),
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
