//! A gateway's own batches, until they are committed.

use std::collections::VecDeque;

use crate::base::{Digest, ReplicaId, Time};

use super::{Depot, Destination, Outbox, Parcel};

/// An own batch.
#[derive(Debug)]
struct Waiting {
    id: Digest,
    /// When it was last looked at.
    looked: Time,
    /// Whether it was sent again.
    resent: bool,
}

/// Own batches that are not known to be committed, and who will propose soon. What no block orders for a while is sent
/// to that replica (again): where one leads for long, a batch that was lost on its way there would never be ordered.
/// What is not ordered then either goes to everyone, as clients do in PBFT (section 4.1): a leader that leaves it out is
/// found out by replicas that wait for it too. Bounded by the gateway's mempool.
#[derive(Debug, Default)]
pub struct Own {
    proposer: Option<ReplicaId>,
    /// Oldest look first.
    batches: VecDeque<Waiting>,
}

impl Own {
    /// `proposer` will propose soon.
    pub fn expect(&mut self, proposer: ReplicaId) {
        self.proposer = Some(proposer);
    }

    /// A batch was sealed.
    pub fn sealed(&mut self, now: Time, id: Digest) {
        self.batches.push_back(Waiting { id, looked: now, resent: false });
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
        while self.batches.front().is_some_and(|waiting| waiting.looked + patience <= now) {
            let Waiting { id, mut resent, .. } = self.batches.pop_front().expect("the front was there just now");
            let Some(batch) = depot.get(&id).filter(|_| !depot.is_committed(&id)) else { continue };
            // What a block in flight orders may come back, should another block take its height.
            if !depot.is_ordered(&id) {
                match resent {
                    false => self.forward(depot, &id, out),
                    true => out.push((Destination::All, Parcel::Batch(batch.clone()))),
                }
                resent = true;
            }
            self.batches.push_back(Waiting { id, looked: now, resent });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Span;
    use crate::consensus::LayerLimits;
    use crate::ledger::Batch;

    #[test]
    fn what_nobody_orders_goes_to_the_next_proposer_and_then_to_everyone() {
        let limits = LayerLimits::small();
        let mut depot = Depot::new(ReplicaId(0), 4, limits);
        let batch = Arc::new(Batch::seal(ReplicaId(0), 0, Vec::new(), 1));
        depot.store(batch.clone());
        let mut own = Own::default();
        own.expect(ReplicaId(2));
        own.sealed(Time::ZERO, batch.id());
        let mut sent_at = |ms: u64| {
            let mut out = Outbox::new();
            own.resend(&depot, Time::ZERO + Span::from_millis(ms), &mut out);
            out.into_iter().map(|(to, _)| to).collect::<Vec<_>>()
        };
        assert_eq!(sent_at(999), []);
        assert_eq!(sent_at(1_000), [Destination::One(ReplicaId(2))]);
        assert_eq!(sent_at(1_999), []);
        assert_eq!(sent_at(2_000), [Destination::All]);
    }
}
