//! A gateway's own batches, until they are committed.

use std::collections::VecDeque;

use crate::base::{Digest, ReplicaId, Time};

use super::{Depot, Destination, Outbox, Parcel};

/// Own batches that are not known to be committed, and who will propose soon. What no block orders for a while is sent
/// to that replica (again): where one leads for long, a batch that was lost on its way there would never be ordered.
/// Bounded by the gateway's mempool.
#[derive(Debug, Default)]
pub struct Own {
    proposer: Option<ReplicaId>,
    /// With the time they were last looked at, oldest first.
    batches: VecDeque<(Time, Digest)>,
}

impl Own {
    /// `proposer` will propose soon.
    pub fn expect(&mut self, proposer: ReplicaId) {
        self.proposer = Some(proposer);
    }

    /// A batch was sealed.
    pub fn sealed(&mut self, now: Time, id: Digest) {
        self.batches.push_back((now, id));
    }

    /// Sends a batch of the depot to whoever will propose soon.
    pub fn forward(&self, depot: &Depot, id: &Digest, out: &mut Outbox) {
        if let (Some(proposer), Some(batch)) = (self.proposer, depot.get(id))
            && proposer != depot.owner()
        {
            out.push((Destination::One(proposer), Parcel::Batch(batch.clone())));
        }
    }

    /// Sends what has waited for `resend_after`.
    pub fn resend(&mut self, depot: &Depot, now: Time, out: &mut Outbox) {
        let patience = depot.limits().resend_after;
        while self.batches.front().is_some_and(|(sent, _)| *sent + patience <= now) {
            let (_, id) = self.batches.pop_front().expect("the front was there just now");
            if depot.get(&id).is_none() || depot.is_committed(&id) {
                continue;
            }
            // What a block in flight orders may come back, should another block take its height.
            if !depot.is_ordered(&id) {
                self.forward(depot, &id, out);
            }
            self.batches.push_back((now, id));
        }
    }
}
