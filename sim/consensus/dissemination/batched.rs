//! `batched`: every gateway sends its batches to every replica, blocks order their ids.
//!
//! The leader's egress no longer carries the payload; each gateway's does, (n - 1) times its own. Nothing proves that a
//! batch is available before it is ordered: a replica that misses one fetches it before it votes. What no block orders
//! within `resend_after` is sent once more to the replica that proposes soon.

use std::sync::Arc;

use crate::base::{Digest, ReplicaId, Time};
use crate::consensus::PayloadSource;
use crate::ledger::{Batch, Payload};

use super::{Depot, Destination, Dissemination, Layer, Outbox, Own, Parcel};

/// The `batched` layer at one replica.
#[derive(Debug)]
pub struct Batched {
    depot: Depot,
    own: Own,
}

impl Batched {
    /// The layer over `depot`.
    pub fn new(depot: Depot) -> Batched {
        Batched { depot, own: Own::default() }
    }
}

impl PayloadSource for Batched {
    fn payload(&mut self) -> Payload {
        self.depot.next(Layer::Batched)
    }

    fn is_empty(&mut self) -> bool {
        self.depot.is_idle()
    }

    fn oldest(&mut self) -> Option<Digest> {
        self.depot.oldest()
    }
}

impl Dissemination for Batched {
    fn layer(&self) -> Layer {
        Layer::Batched
    }

    fn depot(&self) -> &Depot {
        &self.depot
    }

    fn depot_mut(&mut self) -> &mut Depot {
        &mut self.depot
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        self.own.sealed(now, batch.id());
        self.depot.store(batch.clone());
        out.push((Destination::All, Parcel::Batch(batch)));
    }

    fn on_expected(&mut self, _: Time, proposer: ReplicaId, _: &mut Outbox) {
        self.own.expect(proposer);
    }

    fn on_tick(&mut self, now: Time, out: &mut Outbox) {
        self.depot.refetch(now, out);
        self.own.resend(&self.depot, now, out);
    }
}
