//! `leader`: a gateway sends its batches to the replica that proposes soon, whose block carries them to everyone.
//!
//! The leader's egress carries the payload n - 1 times. Where leaders rotate, a batch may reach one too late for its
//! turn; what no block orders within `resend_after` goes to the next one, and should two blocks order it, execution
//! lets it take effect once.

use std::sync::Arc;

use crate::base::Time;
use crate::ledger::Batch;

use super::{Depot, Dissemination, Layer, Outbox, Stock};

/// The `leader` layer at one replica.
#[derive(Debug)]
pub struct Leader {
    stock: Stock,
}

impl Leader {
    /// The layer over `depot`.
    pub fn new(depot: Depot) -> Leader {
        Leader { stock: Stock::new(Layer::Leader, depot) }
    }
}

impl Dissemination for Leader {
    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn stock_mut(&mut self) -> &mut Stock {
        &mut self.stock
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        let id = batch.id();
        self.stock.depot.store(batch);
        self.stock.own.forward(&self.stock.depot, &id, out);
        self.stock.own.sealed(now, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Height, ReplicaId, Span, View};
    use crate::consensus::dissemination::Destination;
    use crate::consensus::{LayerLimits, PayloadSource};
    use crate::ledger::{Block, Payload};

    #[test]
    fn an_unordered_batch_goes_to_the_next_proposer_after_a_while() {
        let limits = LayerLimits::small();
        let mut layer = Leader::new(Depot::new(ReplicaId(0), 4, limits));
        let mut out = Outbox::new();
        layer.on_expected(ReplicaId(2));
        layer.on_sealed(Time::ZERO, Arc::new(Batch::seal(ReplicaId(0), 0, Vec::new(), 1)), &mut out);
        layer.on_expected(ReplicaId(3));
        layer.on_tick(Time::ZERO + Span::from_millis(900), &mut out);
        layer.on_tick(Time::ZERO + Span::from_millis(1_000), &mut out);
        let to: Vec<Destination> = out.into_iter().map(|(to, _)| to).collect();
        assert_eq!(to, [Destination::One(ReplicaId(2)), Destination::One(ReplicaId(3))]);
        assert!(!layer.is_empty(), "the gateway itself may propose it, should it become the leader");
    }

    #[test]
    fn a_batch_that_an_abandoned_block_ordered_is_sent_again() {
        let limits = LayerLimits::small();
        let mut layer = Leader::new(Depot::new(ReplicaId(0), 4, limits));
        let genesis = Block::genesis();
        let child =
            |view, payload| Block::sealed(View(view), Height(1), ReplicaId(2), genesis.id(), genesis.view, payload);
        let batch = Arc::new(Batch::seal(ReplicaId(0), 0, Vec::new(), 1));
        let mut out = Outbox::new();
        layer.on_expected(ReplicaId(2));
        layer.on_sealed(Time::ZERO, batch.clone(), &mut out);
        layer.on_proposed(&child(1, Payload { batches: vec![*batch.reference()], inline: Vec::new() }));
        out.clear();
        layer.on_expected(ReplicaId(3));
        layer.on_tick(Time::ZERO + Span::from_secs(1), &mut out);
        assert!(out.is_empty(), "a block orders it");
        layer.on_committed(&child(2, Payload::default()));
        layer.on_tick(Time::ZERO + Span::from_secs(2), &mut out);
        let to: Vec<Destination> = out.into_iter().map(|(to, _)| to).collect();
        assert_eq!(to, [Destination::One(ReplicaId(3))], "another block took its height");
    }
}
