//! Executing a committed block: which of its transactions take effect, and the state they lead to.
//!
//! Correct replicas execute the same blocks in the same order to the same result, so a run computes each height once
//! and every replica is charged for it. A batch or a transaction that took effect before does not take effect again,
//! whatever a faulty leader or gateway orders; neither does one whose signature does not verify.

use crate::base::{Digest, DigestSet, Encode, Height, Sink, Span, Time};

use super::{Batch, CrossLedger, Rejection, Stage, Step, Transaction, Transfer};

/// The outcome of one block.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The state after the block: a hash chain over everything that took effect.
    pub state: Digest,
    /// Transactions that took effect.
    pub executed: u32,
    /// Transactions refused, by reason.
    pub refused: Vec<(Transaction, Rejection)>,
    /// Batches that were ordered before and so had no effect at all.
    pub repeated_batches: u32,
    /// Stages of transactions across two shards, in order.
    pub crossed: Vec<Crossed>,
}

/// A stage of a transaction across two shards, executed.
#[derive(Clone, Copy, Debug)]
pub struct Crossed {
    /// The stage, as it was ordered.
    pub transaction: Transaction,
    /// What the transaction moves.
    pub transfer: Transfer,
    /// What came of it.
    pub step: Step,
}

/// Applies blocks in height order. Ids are remembered for one to two horizons of virtual time: memory is 40 to 75
/// bytes for each transaction committed within it.
#[derive(Debug)]
pub struct Executor {
    state: Digest,
    height: Height,
    batches: Recent,
    transactions: Recent,
    cross: CrossLedger,
}

/// Ids of the last one to two horizons, in two generations.
#[derive(Debug)]
struct Recent {
    horizon: Span,
    since: Time,
    current: DigestSet,
    previous: DigestSet,
}

impl Recent {
    fn new(horizon: Span) -> Recent {
        Recent { horizon, since: Time::ZERO, current: DigestSet::default(), previous: DigestSet::default() }
    }

    /// Forgets the older generation where the younger one is a horizon old.
    fn age(&mut self, now: Time) {
        if now >= self.since + self.horizon {
            self.previous = std::mem::take(&mut self.current);
            self.since = now;
        }
    }

    /// Remembers `id`; false where it was remembered already.
    fn insert(&mut self, id: Digest) -> bool {
        !self.previous.contains(&id) && self.current.insert(id)
    }
}

impl Executor {
    /// An executor at genesis that refuses replays for at least `horizon` after the original took effect.
    pub fn new(horizon: Span) -> Executor {
        let (batches, transactions) = (Recent::new(horizon), Recent::new(horizon));
        Executor { state: Digest::ZERO, height: Height(0), batches, transactions, cross: CrossLedger::default() }
    }

    /// The last height applied.
    pub fn height(&self) -> Height {
        self.height
    }

    /// This shard's part of transactions across two shards.
    pub fn cross(&self) -> &CrossLedger {
        &self.cross
    }

    /// Applies the batches of the block at `height` at virtual time `now`; reports each transaction of this shard alone
    /// that takes effect, and asks what those across two shards move.
    pub fn apply<'a>(
        &mut self,
        now: Time,
        height: Height,
        batches: impl Iterator<Item = &'a Batch>,
        transfer_of: impl Fn(&Transaction) -> Transfer,
        mut took_effect: impl FnMut(&Batch, &Transaction),
    ) -> Applied {
        assert_eq!(height, self.height.next(), "blocks are executed in order");
        self.height = height;
        self.batches.age(now);
        self.transactions.age(now);
        let mut applied = Applied::default();
        let mut hasher = blake3::Hasher::new();
        self.state.encode(&mut hasher);
        height.encode(&mut hasher);
        for batch in batches {
            if !self.batches.insert(batch.id()) {
                applied.repeated_batches += 1;
                continue;
            }
            for tx in batch.transactions() {
                // Later stages tell repetitions apart themselves, and no replay horizon ends their transaction.
                let admitted = if tx.stage.is_submitted() { self.admit(now, tx) } else { Ok(()) };
                match admitted {
                    Ok(()) if tx.stage == Stage::Local => {
                        hasher.put(&tx.id.0);
                        applied.executed += 1;
                        took_effect(batch, tx);
                    }
                    Ok(()) => {
                        let transfer = transfer_of(tx);
                        let step = self.cross.apply(tx, &transfer, height, now);
                        hasher.put(&tx.id.0);
                        step.encode(&mut hasher);
                        applied.crossed.push(Crossed { transaction: *tx, transfer, step });
                    }
                    Err(reason) => applied.refused.push((*tx, reason)),
                }
            }
        }
        self.state = Digest(*hasher.finalize().as_bytes());
        applied.state = self.state;
        applied
    }

    /// What took effect is remembered for a horizon from then on, and nothing takes effect later than a horizon after its
    /// submission: between the two no replay has an effect, however late it comes.
    fn admit(&mut self, now: Time, tx: &Transaction) -> Result<(), Rejection> {
        if tx.submitted + self.transactions.horizon < now {
            return Err(Rejection::Expired);
        }
        if !tx.authentic {
            return Err(Rejection::ForgedSignature);
        }
        if !self.transactions.insert(tx.id) {
            return Err(Rejection::Replayed);
        }
        Ok(())
    }
}
