//! `gossip`: batches travel from neighbour to neighbour, blocks order their ids: CometBFT's mempool.
//!
//! A gateway sends to its few neighbours, and whoever gets a batch that was not at hand passes it on, once, to its other
//! neighbours. No egress carries the payload more often than it has neighbours, but together replicas receive it about
//! that often too: a copy of what is at hand costs receiving only. CometBFT gossips transactions one by one; here it is
//! the gateway's batches, as in every other layer. What a replica misses when it is ordered, it fetches.

use std::sync::Arc;

use crate::base::{ReplicaId, Time};
use crate::consensus::overlay::neighbours;
use crate::ledger::Batch;

use super::{Depot, Destination, Dissemination, Layer, Outbox, Parcel, Stock, answer};

/// The `gossip` layer at one replica.
#[derive(Debug)]
pub struct Gossip {
    stock: Stock,
    neighbours: Vec<ReplicaId>,
}

impl Gossip {
    /// The layer over `depot`, among `replicas`.
    pub fn new(depot: Depot, replicas: u32) -> Gossip {
        let neighbours = neighbours(depot.owner(), replicas, depot.limits().gossip_degree);
        Gossip { stock: Stock::new(Layer::Gossip, depot), neighbours }
    }

    /// To all neighbours but who sent it and who made it.
    fn pass_on(&self, from: ReplicaId, batch: &Arc<Batch>, out: &mut Outbox) {
        let origin = batch.reference().origin;
        let others = self.neighbours.iter().filter(|&&to| to != from && to != origin);
        out.extend(others.map(|&to| (Destination::One(to), Parcel::Batch(batch.clone()))));
    }
}

impl Dissemination for Gossip {
    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn stock_mut(&mut self) -> &mut Stock {
        &mut self.stock
    }

    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox) {
        self.stock.own.sealed(now, batch.id());
        self.stock.depot.store(batch.clone());
        self.pass_on(self.stock.depot.owner(), &batch, out);
    }

    fn on_parcel(&mut self, _: Time, from: ReplicaId, parcel: &Parcel, out: &mut Outbox) -> bool {
        let Parcel::Batch(batch) = parcel else { return answer(&self.stock.depot, from, parcel, out) };
        let new = self.stock.depot.store(batch.clone());
        if new {
            self.pass_on(from, batch, out);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::consensus::LayerLimits;

    const LIMITS: LayerLimits = LayerLimits::small();

    #[test]
    fn a_batch_reaches_everyone_and_nobody_sends_it_to_more_than_its_neighbours() {
        let n = 200;
        let mut layers: Vec<Gossip> = (0..n).map(|me| Gossip::new(Depot::new(ReplicaId(me), n, LIMITS), n)).collect();
        let batch = Arc::new(Batch::seal(ReplicaId(17), 0, Vec::new(), 1));
        let (mut flying, mut sent) = (VecDeque::new(), vec![0; n as usize]);
        let mut post = |from: u32, out: Outbox, flying: &mut VecDeque<(u32, ReplicaId, Parcel)>| {
            sent[from as usize] += out.len();
            for (to, parcel) in out {
                let Destination::One(to) = to else { panic!("a neighbour is one") };
                flying.push_back((from, to, parcel));
            }
        };
        let mut out = Outbox::new();
        layers[17].on_sealed(Time::ZERO, batch.clone(), &mut out);
        post(17, out, &mut flying);
        while let Some((from, to, parcel)) = flying.pop_front() {
            let mut out = Outbox::new();
            layers[to.index()].on_parcel(Time::ZERO, ReplicaId(from), &parcel, &mut out);
            post(to.0, out, &mut flying);
        }
        assert!(layers.iter().all(|layer| layer.depot().get(&batch.id()).is_some()));
        assert!(sent.iter().all(|&copies| copies <= 10), "{sent:?}");
    }

    #[test]
    fn a_copy_is_not_passed_on_again() {
        let mut layer = Gossip::new(Depot::new(ReplicaId(0), 4, LIMITS), 4);
        let batch = Parcel::Batch(Arc::new(Batch::seal(ReplicaId(1), 0, Vec::new(), 1)));
        let mut out = Outbox::new();
        assert!(layer.on_parcel(Time::ZERO, ReplicaId(2), &batch, &mut out));
        assert_eq!(out.len(), 1, "to replica 3: 1 made it and 2 sent it");
        assert!(!layer.on_parcel(Time::ZERO, ReplicaId(3), &batch, &mut out));
        assert_eq!(out.len(), 1);
    }
}
