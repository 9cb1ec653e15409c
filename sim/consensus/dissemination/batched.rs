//! `batched`: every gateway sends its batches to every replica, blocks order their ids.
//!
//! The leader's egress no longer carries the payload; each gateway's does, (n - 1) times its own. Nothing proves that a
//! batch is available before it is ordered: a replica that misses one fetches it before it votes. What no block orders
//! within `resend_after` is sent once more to the replica that proposes soon.

use std::sync::Arc;

use crate::base::Time;
use crate::ledger::Batch;

use super::{Depot, Destination, Dissemination, Layer, Outbox, Parcel, Stock};

/// The `batched` layer at one replica.
#[derive(Debug)]
pub struct Batched {
    stock: Stock,
}

impl Batched {
    /// The layer over `depot`.
    pub fn new(depot: Depot) -> Batched {
        Batched { stock: Stock::new(Layer::Batched, depot) }
    }
}

impl Dissemination for Batched {
    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn stock_mut(&mut self) -> &mut Stock {
        &mut self.stock
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        self.stock.own.sealed(now, batch.id());
        self.stock.depot.store(batch.clone());
        out.push((Destination::All, Parcel::Batch(batch)));
    }
}
