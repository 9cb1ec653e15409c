//! Workers' side: own batches, from their sealing until a header names them.

use std::collections::{BTreeMap, VecDeque};

use crate::base::{Bytes, Digest, Encode, ReplicaId, Time};
use crate::consensus::LayerLimits;
use crate::consensus::dissemination::{Depot, Destination, Outbox, Parcel};
use crate::ledger::{BatchRef, Committee, Signers};

/// A batch that too few are known to have stored.
#[derive(Debug)]
struct Sent {
    batch: BatchRef,
    stored: Signers,
    /// When it was last sent.
    at: Time,
}

/// Own batches on their way into a header. Bounded by the gateway's mempool; 100 bytes and a bit a replica for each.
#[derive(Debug)]
pub struct Outgoing {
    me: ReplicaId,
    committee: Committee,
    /// By sequence.
    sent: BTreeMap<u64, Sent>,
    /// Stored by a quorum, oldest first.
    ready: VecDeque<BatchRef>,
}

impl Outgoing {
    pub fn new(me: ReplicaId, committee: &Committee) -> Outgoing {
        Outgoing { me, committee: *committee, sent: BTreeMap::new(), ready: VecDeque::new() }
    }

    /// A batch was sealed, and goes to everyone.
    pub fn sealed(&mut self, now: Time, batch: BatchRef) {
        let sent = Sent { batch, stored: Signers::none_of(self.committee.len()), at: now };
        self.sent.insert(batch.sequence, sent);
        self.stored(self.me, &batch.id, batch.sequence);
    }

    /// Narwhal, section 4.2: a replica has stored a batch; true where a quorum now has.
    pub fn stored(&mut self, by: ReplicaId, id: &Digest, sequence: u64) -> bool {
        let Some(sent) = self.sent.get_mut(&sequence).filter(|sent| sent.batch.id == *id) else { return false };
        sent.stored.insert(by);
        if sent.stored.count() < self.committee.quorum() {
            return false;
        }
        self.ready.push_back(sent.batch);
        self.sent.remove(&sequence);
        true
    }

    /// The length of all references to batches that a header could carry; all are alike.
    pub fn ready_bytes(&self) -> Bytes {
        self.ready.front().map_or(Bytes(0), Encode::encoded_len) * self.ready.len() as u64
    }

    /// The batches for a header, oldest first, within the bounds of a block.
    pub fn take(&mut self, limits: &LayerLimits, depot: &Depot) -> Vec<BatchRef> {
        let (mut taken, mut room) = (Vec::new(), limits.block_bytes.0);
        while let Some(batch) = self.ready.pop_front() {
            let fits = taken.is_empty() || (batch.bytes.0 <= room && taken.len() < limits.block_batches);
            if !fits {
                self.ready.push_front(batch);
                break;
            }
            if !depot.is_settled(&batch) {
                room = room.saturating_sub(batch.bytes.0);
                taken.push(batch);
            }
        }
        taken
    }

    /// A header is forgotten: what it named and is not ordered goes into another one, before what came later. Where it
    /// was certified too late, others had forgotten its round; where they only have not come to it yet, they know of the
    /// batches twice, which costs a few bytes.
    pub fn take_back(&mut self, batches: &[BatchRef], depot: &Depot) {
        let lost = batches.iter().rev().filter(|batch| !depot.is_settled(batch) && !depot.is_ordered(&batch.id));
        lost.for_each(|batch| self.ready.push_front(*batch));
    }

    /// Sends a batch again to those who have not acknowledged it for a while.
    pub fn resend(&mut self, now: Time, depot: &Depot, out: &mut Outbox) {
        let patience = depot.limits().resend_after;
        for sent in self.sent.values_mut().filter(|sent| sent.at + patience <= now) {
            sent.at = now;
            let Some(batch) = depot.get(&sent.batch.id) else { continue };
            let silent = self.committee.replicas().filter(|&one| !sent.stored.contains(one));
            out.extend(silent.map(|one| (Destination::One(one), Parcel::Batch(batch.clone()))));
        }
    }

    /// After a crash nobody is known to have acknowledged anything that is not in a header or ready for one.
    pub fn recover(&mut self) {
        for sent in self.sent.values_mut() {
            sent.stored = Signers::none_of(self.committee.len());
            sent.stored.insert(self.me);
        }
    }
}
