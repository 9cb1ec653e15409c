//! The batches a replica has or knows of, and what has become of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::{Digest, DigestMap, Height, ReplicaId, Time, View};
use crate::ledger::{Batch, BatchRef, Block, Payload};

use super::{Destination, LayerLimits, Outbox, Parcel};

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No block that is known of orders it.
    Pending,
    /// A block of that view orders it and may still be committed.
    InFlight(View),
    /// Committed.
    Committed,
}

#[derive(Debug)]
struct Entry {
    content: Option<Arc<Batch>>,
    standing: Standing,
    /// Whether `pending` holds it.
    queued: bool,
}

impl Entry {
    fn unknown() -> Entry {
        Entry { content: None, standing: Standing::Pending, queued: false }
    }

    /// Whether a block may order it now.
    fn is_orderable(&self) -> bool {
        self.content.is_some() && self.standing == Standing::Pending
    }
}

/// A batch that is ordered, not at hand and asked for.
#[derive(Debug)]
struct Wanted {
    batch: BatchRef,
    proposer: ReplicaId,
    asked_at: Time,
    attempts: u32,
}

/// Batches by id. Bounded by the gateways' mempool bounds (what is not committed) and `kept_heights` (what is);
/// about 100 bytes a batch beside the shared contents.
#[derive(Debug)]
pub struct Depot {
    me: ReplicaId,
    replicas: u32,
    limits: LayerLimits,
    entries: DigestMap<Entry>,
    pending: VecDeque<BatchRef>,
    in_flight: BTreeMap<View, Vec<BatchRef>>,
    committed: VecDeque<(Height, Vec<Digest>)>,
    wanted: Vec<Wanted>,
}

impl Depot {
    /// An empty depot.
    pub fn new(me: ReplicaId, replicas: u32, limits: LayerLimits) -> Depot {
        Depot {
            me,
            replicas,
            limits,
            entries: DigestMap::default(),
            pending: VecDeque::new(),
            in_flight: BTreeMap::new(),
            committed: VecDeque::new(),
            wanted: Vec::new(),
        }
    }

    /// Its bounds.
    pub fn limits(&self) -> &LayerLimits {
        &self.limits
    }

    /// Whose it is.
    pub fn owner(&self) -> ReplicaId {
        self.me
    }

    /// The batch, if at hand.
    pub fn get(&self, id: &Digest) -> Option<&Arc<Batch>> {
        self.entries.get(id)?.content.as_ref()
    }

    /// Whether a block that is known of orders the batch.
    pub fn is_ordered(&self, id: &Digest) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.standing != Standing::Pending)
    }

    /// Puts a batch in; true where it was not at hand.
    pub fn store(&mut self, batch: Arc<Batch>) -> bool {
        let reference = *batch.reference();
        self.wanted.retain(|wanted| wanted.batch.id != reference.id);
        let entry = self.entries.entry(reference.id).or_insert_with(Entry::unknown);
        let new = entry.content.is_none();
        if new {
            entry.content = Some(batch);
            self.queue(reference);
        }
        new
    }

    /// Queues a batch to be ordered, unless it is queued or cannot be.
    fn queue(&mut self, batch: BatchRef) {
        if let Some(entry) = self.entries.get_mut(&batch.id)
            && entry.is_orderable()
            && !entry.queued
        {
            entry.queued = true;
            self.pending.push_back(batch);
        }
    }

    /// Batches to order next, oldest at hand first, within the bounds of a block.
    pub fn next(&mut self, inline: bool) -> Payload {
        let mut payload = Payload::default();
        let room = if inline { self.limits.inline_bytes.min(self.limits.block_bytes) } else { self.limits.block_bytes };
        let mut room = room.0;
        self.drop_ordered_front();
        for reference in &self.pending {
            if payload.batches.len() == self.limits.block_batches {
                break;
            }
            let entry = self.entries.get(&reference.id).filter(|entry| entry.is_orderable());
            let Some(content) = entry.and_then(|entry| entry.content.as_ref()) else { continue };
            // A batch larger than a block still gets a block of its own.
            if reference.bytes.0 > room && !payload.is_empty() {
                break;
            }
            room = room.saturating_sub(reference.bytes.0);
            payload.batches.push(*reference);
            if inline {
                payload.inline.push(content.clone());
            }
        }
        payload
    }

    /// Whether [`Depot::next`] would be empty.
    pub fn is_idle(&mut self) -> bool {
        self.drop_ordered_front();
        self.pending.is_empty()
    }

    /// What `block` orders is in flight now, and its inline contents are at hand.
    pub fn proposed(&mut self, block: &Block) {
        for batch in &block.payload.inline {
            self.store(batch.clone());
        }
        for batch in &block.payload.batches {
            let entry = self.entries.entry(batch.id).or_insert_with(Entry::unknown);
            if entry.standing != Standing::Committed {
                entry.standing = Standing::InFlight(block.view);
            }
        }
        if !block.payload.is_empty() {
            self.in_flight.entry(block.view).or_default().extend(&block.payload.batches);
        }
    }

    /// What `block` orders is committed; what only abandoned blocks of its view and before order is pending again.
    pub fn committed(&mut self, block: &Block) {
        for batch in &block.payload.batches {
            if let Some(entry) = self.entries.get_mut(&batch.id) {
                entry.standing = Standing::Committed;
            }
        }
        let later = self.in_flight.split_off(&block.view.next());
        let settled = std::mem::replace(&mut self.in_flight, later);
        for (view, batches) in settled {
            batches.into_iter().for_each(|batch| self.revive(batch, view));
        }
        let ids = block.payload.batches.iter().map(|batch| batch.id).collect();
        self.committed.push_back((block.height, ids));
        self.forget(block.height);
    }

    fn revive(&mut self, batch: BatchRef, view: View) {
        if let Some(entry) = self.entries.get_mut(&batch.id)
            && entry.standing == Standing::InFlight(view)
        {
            entry.standing = Standing::Pending;
            self.queue(batch);
        }
    }

    fn forget(&mut self, tip: Height) {
        while self.committed.front().is_some_and(|(height, _)| height.0 + self.limits.kept_heights < tip.0) {
            let (_, ids) = self.committed.pop_front().expect("the front was there just now");
            for id in ids {
                self.entries.remove(&id);
            }
        }
        self.drop_ordered_front();
    }

    /// Ordered batches leave the pending queue lazily, from its front.
    fn drop_ordered_front(&mut self) {
        while let Some(front) = self.pending.front() {
            match self.entries.get_mut(&front.id) {
                Some(entry) if entry.is_orderable() => return,
                Some(entry) => entry.queued = false,
                None => {}
            }
            self.pending.pop_front();
        }
    }

    /// Asks the proposer for batches that its block orders and that are not at hand.
    pub fn fetch(&mut self, now: Time, proposer: ReplicaId, missing: &[BatchRef], out: &mut Outbox) {
        let fresh = |batch: &&BatchRef| !self.wanted.iter().any(|wanted| wanted.batch.id == batch.id);
        let asked: Vec<BatchRef> = missing.iter().filter(fresh).copied().collect();
        if asked.is_empty() {
            return;
        }
        out.push((Destination::One(proposer), Parcel::Fetch(asked.iter().map(|batch| batch.id).collect())));
        let want = |batch| Wanted { batch, proposer, asked_at: now, attempts: 0 };
        self.wanted.extend(asked.into_iter().map(want));
    }

    /// Asks again for what has not come: its origin first, then one replica after another.
    pub fn refetch(&mut self, now: Time, out: &mut Outbox) {
        for wanted in &mut self.wanted {
            if now < wanted.asked_at + self.limits.fetch_retry {
                continue;
            }
            let candidate = match wanted.attempts {
                0 if wanted.batch.origin != self.me => wanted.batch.origin,
                attempt => ReplicaId((wanted.proposer.0 + attempt) % self.replicas),
            };
            wanted.attempts += 1;
            wanted.asked_at = now;
            if candidate != self.me {
                out.push((Destination::One(candidate), Parcel::Fetch(vec![wanted.batch.id])));
            }
        }
    }

    /// Batches known, at hand or not.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no batch is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Bytes, Span};

    const LIMITS: LayerLimits = LayerLimits {
        block_bytes: Bytes(1000),
        inline_bytes: Bytes(1000),
        block_batches: 2,
        kept_heights: 2,
        fetch_retry: Span::from_millis(100),
        resend_after: Span::from_secs(1),
    };

    fn depot_with(batches: u64) -> Depot {
        let mut depot = Depot::new(ReplicaId(0), 4, LIMITS);
        for sequence in 0..batches {
            depot.store(Arc::new(Batch::seal(ReplicaId(1), sequence, Vec::new(), 1)));
        }
        depot
    }

    fn block(view: u64, height: u64, payload: Payload) -> Block {
        Block::sealed(View(view), Height(height), ReplicaId(0), Digest::ZERO, View(view - 1), payload)
    }

    fn sequences(payload: &Payload) -> Vec<u64> {
        payload.batches.iter().map(|batch| batch.sequence).collect()
    }

    #[test]
    fn what_is_in_flight_is_not_ordered_again_unless_its_block_is_abandoned() {
        let mut depot = depot_with(3);
        let first = block(1, 1, depot.next(false));
        assert_eq!(sequences(&first.payload), [0, 1]);
        depot.proposed(&first);
        let second = block(2, 2, depot.next(false));
        assert_eq!(sequences(&second.payload), [2]);
        depot.proposed(&second);
        assert!(depot.is_idle());
        let third = block(3, 1, Payload::default());
        depot.committed(&third);
        assert_eq!(sequences(&depot.next(false)), [0, 1], "views 1 and 2 were abandoned; the bound is two batches");
    }

    #[test]
    fn committed_batches_are_kept_for_late_fetches_and_then_forgotten() {
        let mut depot = depot_with(2);
        let first = block(1, 1, depot.next(false));
        depot.proposed(&first);
        depot.committed(&first);
        let id = first.payload.batches[0].id;
        assert!(depot.get(&id).is_some());
        (2..=4).for_each(|height| depot.committed(&block(height, height, Payload::default())));
        assert!(depot.is_empty(), "{} batches are left", depot.len());
    }

    #[test]
    fn a_missing_batch_is_asked_of_the_proposer_then_of_its_origin_then_of_others() {
        let mut depot = Depot::new(ReplicaId(0), 4, LIMITS);
        let batch = Batch::seal(ReplicaId(1), 0, Vec::new(), 1);
        let mut asked = Vec::new();
        depot.fetch(Time::ZERO, ReplicaId(2), &[*batch.reference()], &mut asked);
        for tick in 1..=3 {
            depot.refetch(Time::ZERO + LIMITS.fetch_retry * tick, &mut asked);
        }
        let asked: Vec<Destination> = asked.into_iter().map(|(to, _)| to).collect();
        assert_eq!(asked, [2, 1, 3].map(|replica| Destination::One(ReplicaId(replica))), "and never of itself");
    }
}
