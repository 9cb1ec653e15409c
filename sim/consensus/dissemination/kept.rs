//! `kept`: contents stay with the gateway that sealed them; whoever orders them sees their ids alone.
//!
//! Nothing is disseminated, so nobody but the gateway can show, execute or lose the contents: residency by construction,
//! and no availability beyond that one machine.

use std::sync::Arc;

use crate::base::Time;
use crate::ledger::{Batch, BatchRef, Block};

use super::{Depot, Dissemination, Layer, Outbox, Stock};

/// The `kept` layer at one replica.
#[derive(Debug)]
pub struct Kept {
    stock: Stock,
}

impl Kept {
    /// The layer over `depot`.
    pub fn new(depot: Depot) -> Kept {
        Kept { stock: Stock::new(Layer::Kept, depot) }
    }
}

impl Dissemination for Kept {
    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn stock_mut(&mut self) -> &mut Stock {
        &mut self.stock
    }

    fn on_sealed(&mut self, _: Time, batch: Arc<Batch>, _: &mut Outbox) {
        self.stock.depot.store(batch);
    }

    /// What a block orders may be ordered again until it is committed: its protocol knows what it has asked for.
    fn on_proposed(&mut self, _: &Block) {}

    fn missing(&self, _: &Block) -> Vec<BatchRef> {
        Vec::new()
    }

    fn on_tick(&mut self, _: Time, _: &mut Outbox) -> bool {
        false
    }
}
