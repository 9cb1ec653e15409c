//! The batches a replica has or knows of, and what has become of them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::base::{Digest, DigestMap, Height, ReplicaId, Time, View};
use crate::ledger::{Batch, BatchRef, Block, Payload};

use super::{Destination, Layer, LayerLimits, Outbox, Parcel};

#[derive(Debug)]
struct Entry {
    content: Option<Arc<Batch>>,
    /// The height of the highest block that orders it and may still be committed.
    in_flight: Option<Height>,
    /// View and height of the latest block that orders it.
    latest: (View, Height),
    /// Whether a later view has proposed another block in place of that one, so that it hardly will be.
    abandoned: bool,
    /// The last height at which it was committed; 0 where it was before the depot's memory begins.
    committed: Option<Height>,
    /// Whether `pending` holds it.
    queued: bool,
    /// Whether it may be ordered, where batches are held back until they are certified.
    released: bool,
}

impl Entry {
    fn unknown(settled: bool) -> Entry {
        let (latest, committed) = ((View(0), Height(0)), settled.then_some(Height(0)));
        Entry { content: None, in_flight: None, latest, abandoned: false, committed, queued: false, released: false }
    }

    /// Whether a block may order it now.
    fn is_orderable(&self) -> bool {
        self.content.is_some() && !self.is_ordered()
    }

    fn is_ordered(&self) -> bool {
        (self.in_flight.is_some() && !self.abandoned) || self.committed.is_some()
    }
}

/// Heights above the tip at which blocks are believed to be in flight: a liar's block may claim any.
const MOST_AHEAD: u64 = 65_536;
/// Batches asked for at once; more are asked for when they are ordered again, or when these have come.
const MOST_WANTED: usize = 16_384;

/// A batch that is ordered, not at hand and asked for.
#[derive(Debug)]
struct Wanted {
    batch: BatchRef,
    proposer: ReplicaId,
    asked_at: Time,
    attempts: u32,
}

/// Which of a gateway's batches are committed, for ever: runs of consecutive sequence numbers, by their first. A gap stays
/// for each batch that never comes (all of it was forged): 16 bytes and the map's overhead.
#[derive(Clone, Debug, Default)]
struct Settled {
    /// First of each run → the one after its last.
    runs: BTreeMap<u64, u64>,
}

impl Settled {
    fn contains(&self, sequence: u64) -> bool {
        self.runs.range(..=sequence).next_back().is_some_and(|(_, &end)| sequence < end)
    }

    fn insert(&mut self, sequence: u64) {
        if self.contains(sequence) {
            return;
        }
        let end = self.runs.remove(&(sequence + 1)).unwrap_or(sequence + 1);
        match self.runs.range_mut(..=sequence).next_back() {
            Some((_, before)) if *before == sequence => *before = end,
            _ => drop(self.runs.insert(sequence, end)),
        }
    }
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
    in_flight: BTreeMap<Height, Vec<BatchRef>>,
    committed: VecDeque<(Height, Vec<Digest>)>,
    /// The last height committed.
    height: Height,
    /// The last height, or round of a DAG, at which no block is in flight any more.
    passed: Height,
    /// Whether blocks make a DAG: each replica orders its own batches, and heights of proposals are rounds.
    weaves: bool,
    /// Whether a batch is ordered only once it is released.
    holds_back: bool,
    settled: Vec<Settled>,
    wanted: BTreeMap<Digest, Wanted>,
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
            height: Height(0),
            passed: Height(0),
            weaves: false,
            holds_back: false,
            settled: vec![Settled::default(); replicas as usize],
            wanted: BTreeMap::new(),
        }
    }

    /// The same for blocks that make a DAG.
    pub fn weaving(self) -> Depot {
        Depot { weaves: true, ..self }
    }

    /// The same for batches that are ordered only once they are released.
    pub fn holding_back(self) -> Depot {
        Depot { holds_back: true, ..self }
    }

    /// Whether blocks make a DAG.
    pub fn weaves(&self) -> bool {
        self.weaves
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

    /// Whether a block that is known of, and not abandoned, orders the batch.
    pub fn is_ordered(&self, id: &Digest) -> bool {
        self.entries.get(id).is_some_and(Entry::is_ordered)
    }

    /// Whether a committed block orders the batch, as far as the depot remembers.
    pub fn is_committed(&self, id: &Digest) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.committed.is_some())
    }

    /// The last height, or round of a DAG, of which no proposal matters any more.
    pub fn passed(&self) -> Height {
        self.passed
    }

    /// Puts a batch in; true where it was not at hand. One that was committed and forgotten is refused.
    pub fn store(&mut self, batch: Arc<Batch>) -> bool {
        let reference = *batch.reference();
        self.wanted.remove(&reference.id);
        if self.is_settled(&reference) && !self.entries.contains_key(&reference.id) {
            return false;
        }
        let entry = self.entries.entry(reference.id).or_insert_with(|| Entry::unknown(false));
        let new = entry.content.is_none();
        if new {
            entry.content = Some(batch);
            self.queue(reference);
        }
        new
    }

    /// Lets blocks order a batch that was held back.
    pub fn release(&mut self, batch: &BatchRef) {
        if let Some(entry) = self.entries.get_mut(&batch.id) {
            entry.released = true;
            self.queue(*batch);
        }
    }

    /// Those of `batches` that are not at hand just as named: what is said of a batch beside its id must be true too.
    pub fn missing(&self, batches: &[BatchRef]) -> Vec<BatchRef> {
        let held = |batch: &BatchRef| self.get(&batch.id).is_some_and(|held| held.reference() == batch);
        batches.iter().filter(|batch| !held(batch)).copied().collect()
    }

    /// Queues a batch to be ordered, unless it is queued or cannot be, or another replica should.
    fn queue(&mut self, batch: BatchRef) {
        if self.weaves && batch.origin != self.me {
            return;
        }
        if let Some(entry) = self.entries.get_mut(&batch.id)
            && entry.is_orderable()
            && (entry.released || !self.holds_back)
            && !entry.queued
        {
            entry.queued = true;
            self.pending.push_back(batch);
        }
    }

    /// Batches to order next, oldest at hand first, within the bounds of a block.
    pub fn next(&mut self, layer: Layer) -> Payload {
        self.next_of(layer, &|_| true)
    }

    /// As [`Depot::next`], of the batches that `admits` admits alone.
    pub fn next_of(&mut self, layer: Layer, admits: &dyn Fn(&BatchRef) -> bool) -> Payload {
        let mut payload = Payload::default();
        let mut room = layer.block_space(&self.limits).0;
        self.drop_ordered_front();
        for reference in self.pending.iter().filter(|batch| admits(batch)) {
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
            if layer == Layer::Leader {
                payload.inline.push(content.clone());
            }
        }
        payload
    }

    /// The batch that has waited longest for a block to order it.
    pub fn oldest(&mut self) -> Option<Digest> {
        self.drop_ordered_front();
        self.pending.front().map(|batch| batch.id)
    }

    /// Whether [`Depot::next`] would be empty.
    pub fn is_idle(&mut self) -> bool {
        self.drop_ordered_front();
        self.pending.is_empty()
    }

    /// Whether a committed block has ordered it, however long ago.
    pub fn is_settled(&self, batch: &BatchRef) -> bool {
        self.settled.get(batch.origin.index()).is_some_and(|settled| settled.contains(batch.sequence))
    }

    /// What `block` orders is in flight now, and its inline contents are at hand. A block that comes when its height is
    /// committed can no longer be.
    pub fn proposed(&mut self, block: &Block) {
        if block.height <= self.passed || block.height.0 > self.passed.0 + MOST_AHEAD {
            return;
        }
        if !self.weaves {
            self.abandon(block);
        }
        for batch in &block.payload.batches {
            let settled = self.is_settled(batch);
            let entry = self.entries.entry(batch.id).or_insert_with(|| Entry::unknown(settled));
            // Proposals come in any order: the highest keeps the batch longest.
            entry.in_flight = entry.in_flight.max(Some(block.height));
            entry.abandoned &= block.view < entry.latest.0;
            entry.latest = entry.latest.max((block.view, block.height));
        }
        for batch in &block.payload.inline {
            self.store(batch.clone());
        }
        if !block.payload.is_empty() {
            self.in_flight.entry(block.height).or_default().extend(&block.payload.batches);
        }
    }

    /// A block at its height or above, of an earlier view than `block`, is hardly committed any more: what it orders may
    /// be ordered again at once. Waiting until the height is committed would let a leader whose blocks are always
    /// abandoned, because the one after it lies, take the same batches again and again. Should both be committed after
    /// all, execution lets a batch take effect once.
    fn abandon(&mut self, block: &Block) {
        let mut freed = Vec::new();
        for batch in self.in_flight.range(block.height..).flat_map(|(_, batches)| batches) {
            let Some(entry) = self.entries.get_mut(&batch.id) else { continue };
            let (view, height) = entry.latest;
            let replaced = view < block.view && height >= block.height;
            if replaced && !entry.abandoned && !block.payload.batches.contains(batch) {
                entry.abandoned = true;
                freed.push(*batch);
            }
        }
        freed.into_iter().for_each(|batch| self.queue(batch));
    }

    /// What `block` orders is committed; in a chain, no other block of its height or below will be.
    pub fn committed(&mut self, block: &Block) {
        self.height = block.height;
        for batch in &block.payload.batches {
            if let Some(entry) = self.entries.get_mut(&batch.id) {
                entry.committed = Some(block.height);
            }
            if let Some(settled) = self.settled.get_mut(batch.origin.index()) {
                settled.insert(batch.sequence);
            }
        }
        if !self.weaves {
            self.pass(block.height);
        }
        let ids = block.payload.batches.iter().map(|batch| batch.id).collect();
        self.committed.push_back((block.height, ids));
        self.forget();
    }

    /// No block of `height` or below that is not committed ever will be: what only those order is pending again.
    pub fn pass(&mut self, height: Height) {
        self.passed = self.passed.max(height);
        let later = self.in_flight.split_off(&height.next());
        let settled = std::mem::replace(&mut self.in_flight, later);
        for (height, batches) in settled {
            batches.into_iter().for_each(|batch| self.land(batch, height));
        }
    }

    /// The block at `at` that ordered the batch is committed or abandoned.
    fn land(&mut self, batch: BatchRef, at: Height) {
        let forgotten = self.forgotten();
        let Some(entry) = self.entries.get_mut(&batch.id) else { return };
        if entry.in_flight != Some(at) {
            return;
        }
        entry.in_flight = None;
        entry.abandoned = false;
        match entry.committed {
            Some(height) if height <= forgotten => drop(self.entries.remove(&batch.id)),
            Some(_) => {}
            // What another replica has to order again comes again with its block.
            None if self.weaves && batch.origin != self.me => drop(self.entries.remove(&batch.id)),
            None => self.queue(batch),
        }
    }

    /// The last height whose batches are not kept, or 0.
    fn forgotten(&self) -> Height {
        Height(self.height.0.saturating_sub(self.limits.kept_heights + 1))
    }

    fn forget(&mut self) {
        let forgotten = self.forgotten();
        while self.committed.front().is_some_and(|(height, _)| *height <= forgotten) {
            let (height, ids) = self.committed.pop_front().expect("the front was there just now");
            for id in ids {
                // What was committed again since, or may be, is kept for that.
                let due = |entry: &Entry| entry.committed == Some(height) && entry.in_flight.is_none();
                if self.entries.get(&id).is_some_and(due) {
                    self.entries.remove(&id);
                }
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
        let fresh = |batch: &&BatchRef| !self.wanted.contains_key(&batch.id);
        let room = MOST_WANTED.saturating_sub(self.wanted.len());
        let asked: Vec<BatchRef> = missing.iter().filter(fresh).take(room).copied().collect();
        if asked.is_empty() {
            return;
        }
        out.push((Destination::One(proposer), Parcel::Fetch(asked.iter().map(|batch| batch.id).collect())));
        let want = |batch: BatchRef| (batch.id, Wanted { batch, proposer, asked_at: now, attempts: 0 });
        self.wanted.extend(asked.into_iter().map(want));
    }

    /// Asks again for what has not come: its origin first, then one replica after another.
    pub fn refetch(&mut self, now: Time, out: &mut Outbox) {
        for wanted in self.wanted.values_mut() {
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

    /// Runs of consecutive settled batches remembered, over all gateways.
    pub fn settled_runs(&self) -> usize {
        self.settled.iter().map(|settled| settled.runs.len()).sum()
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
