//! `leader`: a gateway sends its batches to the replica that proposes soon, whose block carries them to everyone.
//!
//! The leader's egress carries the payload n - 1 times. Where leaders rotate, a batch may reach one too late for its
//! turn; what no block orders within `resend_after` goes to the next one, and should two blocks order it, execution
//! lets it take effect once.

use std::sync::Arc;

use crate::base::{Digest, ReplicaId, Time};
use crate::consensus::PayloadSource;
use crate::ledger::{Batch, Payload};

use super::{Depot, Dissemination, Layer, Outbox, Own};

/// The `leader` layer at one replica.
#[derive(Debug)]
pub struct Leader {
    depot: Depot,
    own: Own,
}

impl Leader {
    /// The layer over `depot`.
    pub fn new(depot: Depot) -> Leader {
        Leader { depot, own: Own::default() }
    }
}

impl PayloadSource for Leader {
    fn payload(&mut self) -> Payload {
        self.depot.next(Layer::Leader)
    }

    fn is_empty(&mut self) -> bool {
        self.depot.is_idle()
    }

    fn oldest(&mut self) -> Option<Digest> {
        self.depot.oldest()
    }
}

impl Dissemination for Leader {
    fn layer(&self) -> Layer {
        Layer::Leader
    }

    fn depot(&self) -> &Depot {
        &self.depot
    }

    fn depot_mut(&mut self) -> &mut Depot {
        &mut self.depot
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        let id = batch.id();
        self.depot.store(batch);
        self.own.forward(&self.depot, &id, out);
        self.own.sealed(now, id);
    }

    fn on_expected(&mut self, _: Time, proposer: ReplicaId, _: &mut Outbox) {
        self.own.expect(proposer);
    }

    fn on_tick(&mut self, now: Time, out: &mut Outbox) {
        self.depot.refetch(now, out);
        self.own.resend(&self.depot, now, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Bytes, Height, Span, View};
    use crate::consensus::LayerLimits;
    use crate::consensus::dissemination::Destination;
    use crate::ledger::Block;

    #[test]
    fn an_unordered_batch_goes_to_the_next_proposer_after_a_while() {
        let limits = LayerLimits {
            block_bytes: Bytes(1000),
            inline_bytes: Bytes(1000),
            block_batches: 10,
            kept_heights: 2,
            fetch_retry: Span::from_millis(100),
            resend_after: Span::from_secs(1),
            gossip_degree: 10,
        };
        let mut layer = Leader::new(Depot::new(ReplicaId(0), 4, limits));
        let mut out = Outbox::new();
        layer.on_expected(Time::ZERO, ReplicaId(2), &mut out);
        layer.on_sealed(Time::ZERO, Arc::new(Batch::seal(ReplicaId(0), 0, Vec::new(), 1)), &mut out);
        layer.on_expected(Time::ZERO, ReplicaId(3), &mut out);
        layer.on_tick(Time::ZERO + Span::from_millis(900), &mut out);
        layer.on_tick(Time::ZERO + Span::from_millis(1_000), &mut out);
        let to: Vec<Destination> = out.into_iter().map(|(to, _)| to).collect();
        assert_eq!(to, [Destination::One(ReplicaId(2)), Destination::One(ReplicaId(3))]);
        assert!(!layer.is_empty(), "the gateway itself may propose it, should it become the leader");
    }

    #[test]
    fn a_batch_that_an_abandoned_block_ordered_is_sent_again() {
        let limits = LayerLimits {
            block_bytes: Bytes(1000),
            inline_bytes: Bytes(1000),
            block_batches: 10,
            kept_heights: 2,
            fetch_retry: Span::from_millis(100),
            resend_after: Span::from_secs(1),
            gossip_degree: 10,
        };
        let mut layer = Leader::new(Depot::new(ReplicaId(0), 4, limits));
        let genesis = Block::genesis();
        let child =
            |view, payload| Block::sealed(View(view), Height(1), ReplicaId(2), genesis.id(), genesis.view, payload);
        let batch = Arc::new(Batch::seal(ReplicaId(0), 0, Vec::new(), 1));
        let mut out = Outbox::new();
        layer.on_expected(Time::ZERO, ReplicaId(2), &mut out);
        layer.on_sealed(Time::ZERO, batch.clone(), &mut out);
        layer.on_proposed(&child(1, Payload { batches: vec![*batch.reference()], inline: Vec::new() }));
        out.clear();
        layer.on_expected(Time::ZERO, ReplicaId(3), &mut out);
        layer.on_tick(Time::ZERO + Span::from_secs(1), &mut out);
        assert!(out.is_empty(), "a block orders it");
        layer.on_committed(&child(2, Payload::default()));
        layer.on_tick(Time::ZERO + Span::from_secs(2), &mut out);
        let to: Vec<Destination> = out.into_iter().map(|(to, _)| to).collect();
        assert_eq!(to, [Destination::One(ReplicaId(3))], "another block took its height");
    }
}
