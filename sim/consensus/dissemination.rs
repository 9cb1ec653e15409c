//! Dissemination: how transactions reach the replicas that order and execute them, as a layer of its own.
//!
//! | layer | a gateway sends a batch to | a block carries |
//! |---|---|---|
//! | `leader` | the replica that will propose soon | the batches |
//! | `batched` | every replica, best effort | their ids; who misses one fetches it |
//! | `gossip` | its neighbours, who pass it on once | their ids; who misses one fetches it |
//! | `kept` | nobody | their ids; the contents stay with their gateway |
//!
//! Every layer keeps a [`Stock`]: batches at hand, which of them are ordered by blocks in flight, which are committed, and
//! which of its own are not yet. A layer adds only what differs: where a sealed batch goes.

mod batched;
mod depot;
mod gossip;
mod kept;
mod leader;
mod own;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, Sink, Span, Time};
use crate::ledger::{Batch, BatchRef, Block, Payload};

use super::PayloadSource;

pub use batched::Batched;
pub use depot::Depot;
pub use gossip::Gossip;
pub use kept::Kept;
pub use leader::Leader;
use own::Own;

/// Which dissemination layer runs under the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Payload inside proposals.
    Leader,
    /// Batches broadcast best-effort, ids ordered.
    Batched,
    /// Batches passed on from neighbour to neighbour, ids ordered.
    Gossip,
    /// Batches stay with their gateway, ids ordered.
    Kept,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 4] = [Layer::Leader, Layer::Batched, Layer::Gossip, Layer::Kept];

    /// The name under which scenarios choose it.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Leader => "leader",
            Layer::Batched => "batched",
            Layer::Gossip => "gossip",
            Layer::Kept => "kept",
        }
    }

    /// Contents that one block may order.
    pub fn block_space(self, limits: &LayerLimits) -> Bytes {
        match self {
            Layer::Leader => limits.inline_bytes.min(limits.block_bytes),
            Layer::Batched | Layer::Gossip | Layer::Kept => limits.block_bytes,
        }
    }

    /// One replica's side of the layer, under a protocol whose blocks make a chain or a DAG.
    pub fn at(self, me: ReplicaId, replicas: u32, limits: LayerLimits, weaves: bool) -> Box<dyn Dissemination> {
        let depot = Depot::new(me, replicas, limits);
        let depot = if weaves { depot.weaving() } else { depot };
        match self {
            Layer::Leader => Box::new(Leader::new(depot)),
            Layer::Batched => Box::new(Batched::new(depot)),
            Layer::Gossip => Box::new(Gossip::new(depot, replicas)),
            Layer::Kept => Box::new(Kept::new(depot)),
        }
    }
}

/// Bounds of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerLimits {
    /// Contents that one block may order.
    pub block_bytes: Bytes,
    /// Contents that may travel inside one block (layer `leader`).
    pub inline_bytes: Bytes,
    /// Batches that one block may order.
    pub block_batches: usize,
    /// Committed heights whose batches are kept for replicas that fetch them late.
    pub kept_heights: u64,
    /// How long a fetch waits before the next replica is asked.
    pub fetch_retry: Span,
    /// How long a gateway waits for its batch to be ordered before it sends it again, to whoever proposes soon.
    pub resend_after: Span,
    /// Most neighbours that a replica passes batches on to (layer `gossip`).
    pub gossip_degree: u32,
}

#[cfg(test)]
impl LayerLimits {
    /// Bounds that tests reach.
    const fn small() -> LayerLimits {
        LayerLimits {
            block_bytes: Bytes(1000),
            inline_bytes: Bytes(1000),
            block_batches: 10,
            kept_heights: 2,
            fetch_retry: Span::from_millis(100),
            resend_after: Span::from_secs(1),
            gossip_degree: 10,
        }
    }
}

/// What layers send each other.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// A batch with its contents.
    Batch(Arc<Batch>),
    /// Who has these batches?
    Fetch(Vec<Digest>),
}

impl Parcel {
    /// Size on the wire.
    pub fn wire(&self) -> Bytes {
        match self {
            Parcel::Batch(batch) => Bytes(1) + batch.wire(),
            Parcel::Fetch(ids) => Bytes(1) + ids[..].encoded_len(),
        }
    }
}

impl Encode for Parcel {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Parcel::Batch(batch) => batch.reference().encode(sink),
            Parcel::Fetch(ids) => ids[..].encode(sink),
        }
    }
}

/// Where a parcel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// All other replicas.
    All,
    /// One other replica.
    One(ReplicaId),
}

/// Parcels to send, in order.
pub type Outbox = Vec<(Destination, Parcel)>;

/// What every layer keeps: the batches, and which of its own are not committed yet.
#[derive(Debug)]
pub struct Stock {
    layer: Layer,
    depot: Depot,
    own: Own,
}

impl Stock {
    fn new(layer: Layer, depot: Depot) -> Stock {
        Stock { layer, depot, own: Own::default() }
    }
}

/// One replica's side of a dissemination layer. Sans-I/O like a protocol.
pub trait Dissemination: PayloadSource {
    /// What it keeps.
    fn stock(&self) -> &Stock;

    /// What it keeps, to change.
    fn stock_mut(&mut self) -> &mut Stock;

    /// This replica, as a gateway, has sealed and verified a batch.
    fn on_sealed(&mut self, now: Time, batch: Arc<Batch>, out: &mut Outbox);

    /// The batches it keeps.
    fn depot(&self) -> &Depot {
        &self.stock().depot
    }

    /// The batches it keeps, to change.
    fn depot_mut(&mut self) -> &mut Depot {
        &mut self.stock_mut().depot
    }

    /// As [`PayloadSource::payload`], of the batches that `admits` admits alone: what a liar lets its protocol order.
    fn payload_of(&mut self, admits: &dyn Fn(&BatchRef) -> bool) -> Payload {
        let Stock { layer, depot, .. } = self.stock_mut();
        depot.next_of(*layer, admits)
    }

    /// `proposer` will propose soon.
    fn on_expected(&mut self, proposer: ReplicaId) {
        self.stock_mut().own.expect(proposer);
    }

    /// Time passes: what has waited too long is sent again. Called every [`Dissemination::period`].
    fn on_tick(&mut self, now: Time, out: &mut Outbox) {
        let Stock { depot, own, .. } = self.stock_mut();
        depot.refetch(now, out);
        // In a DAG nobody else orders it.
        if !depot.weaves() {
            own.resend(depot, now, out);
        }
    }

    /// A parcel came; true where it brought a batch that was not at hand.
    fn on_parcel(&mut self, from: ReplicaId, parcel: Parcel, out: &mut Outbox) -> bool {
        match parcel {
            Parcel::Batch(batch) => self.depot_mut().store(batch),
            Parcel::Fetch(_) => answer(self.depot(), from, &parcel, out),
        }
    }

    /// A block was proposed, by this replica or another: what it orders is in flight.
    fn on_proposed(&mut self, block: &Block) {
        self.depot_mut().proposed(block);
    }

    /// A block was committed.
    fn on_committed(&mut self, block: &Block) {
        self.depot_mut().committed(block);
    }

    /// No block of `height` or below that is not committed ever will be.
    fn on_passed(&mut self, height: Height) {
        self.depot_mut().pass(height);
    }

    /// The batches that `block` orders and that are not at hand; none where its height is committed: it comes too late
    /// to be, and its batches may be forgotten everywhere.
    fn missing(&self, block: &Block) -> Vec<BatchRef> {
        if block.height <= self.depot().passed() {
            return Vec::new();
        }
        // What a block says of a batch beside its id must be true too.
        let held = |batch: &BatchRef| self.depot().get(&batch.id).is_some_and(|held| held.reference() == batch);
        block.payload.batches.iter().filter(|batch| !held(batch)).copied().collect()
    }

    /// How often [`Dissemination::on_tick`] wants to be called.
    fn period(&self) -> Span {
        self.depot().limits().fetch_retry
    }
}

impl<D: Dissemination> PayloadSource for D {
    fn payload(&mut self) -> Payload {
        let Stock { layer, depot, .. } = self.stock_mut();
        depot.next(*layer)
    }

    fn is_empty(&mut self) -> bool {
        self.depot_mut().is_idle()
    }

    fn oldest(&mut self) -> Option<Digest> {
        self.depot_mut().oldest()
    }
}

/// Answers a request with what is at hand; false: nothing was brought.
fn answer(depot: &Depot, from: ReplicaId, parcel: &Parcel, out: &mut Outbox) -> bool {
    if let Parcel::Fetch(ids) = parcel {
        let found = ids.iter().filter_map(|id| depot.get(id).cloned());
        out.extend(found.map(|batch| (Destination::One(from), Parcel::Batch(batch))));
    }
    false
}
