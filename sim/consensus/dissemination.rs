//! Dissemination: how transactions reach the replicas that order and execute them, as a layer of its own.
//!
//! | layer | a gateway sends a batch to | a block carries |
//! |---|---|---|
//! | `leader` | the replica that will propose soon | the batches |
//! | `batched` | every replica, best effort | their ids; who misses one fetches it |
//! | `gossip` | its neighbours, who pass it on once | their ids; who misses one fetches it |
//! | `kept` | nobody | their ids; the contents stay with their gateway |
//! | `certified` | every replica; a quorum stores it, and votes for the header that names it | their ids |
//!
//! Every layer keeps a [`Stock`]: batches at hand, which of them are ordered by blocks in flight, which are committed, and
//! which of its own are not yet. A layer adds only what differs: where a sealed batch goes.

mod batched;
mod certified;
mod depot;
mod gossip;
mod kept;
mod leader;
mod own;
mod parcel;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Digest, Height, ReplicaId, Span, Time};
use crate::ledger::{Batch, BatchRef, Block, Committee, Payload};

use super::PayloadSource;
use super::dag::Dag;

pub use batched::Batched;
pub use certified::Certified;
pub use depot::Depot;
pub use gossip::Gossip;
pub use kept::Kept;
pub use leader::Leader;
use own::Own;
pub use parcel::{Parcel, Woven};

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
    /// Batches broadcast, stored by a quorum, and woven into a DAG of certified headers; ids ordered.
    Certified,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 5] = [Layer::Leader, Layer::Batched, Layer::Gossip, Layer::Certified, Layer::Kept];

    /// The name under which scenarios choose it.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Leader => "leader",
            Layer::Batched => "batched",
            Layer::Gossip => "gossip",
            Layer::Kept => "kept",
            Layer::Certified => "certified",
        }
    }

    /// Contents that one block may order.
    pub fn block_space(self, limits: &LayerLimits) -> Bytes {
        match self {
            Layer::Leader => limits.inline_bytes.min(limits.block_bytes),
            Layer::Batched | Layer::Gossip | Layer::Certified | Layer::Kept => limits.block_bytes,
        }
    }

    /// Connections that it keeps from one replica to another.
    pub fn lanes(self, limits: &LayerLimits) -> usize {
        match self {
            Layer::Certified => 1 + limits.workers as usize,
            Layer::Leader | Layer::Batched | Layer::Gossip | Layer::Kept => 1,
        }
    }

    /// One replica's side of the layer, under a protocol whose blocks make a chain or a DAG.
    pub fn at(self, me: ReplicaId, committee: &Committee, limits: LayerLimits, above: Above) -> Box<dyn Dissemination> {
        let replicas = committee.len();
        let depot = Depot::new(me, replicas, limits);
        let depot = if above.weaves() && self != Layer::Certified { depot.weaving() } else { depot };
        match self {
            Layer::Leader => Box::new(Leader::new(depot)),
            Layer::Batched => Box::new(Batched::new(depot)),
            Layer::Gossip => Box::new(Gossip::new(depot, replicas)),
            Layer::Kept => Box::new(Kept::new(depot)),
            Layer::Certified => Box::new(Certified::new(depot, committee, above)),
        }
    }
}

/// What a layer is told of the ordering protocol above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above {
    /// Where it orders a DAG, how many rounds below an anchor that takes anything.
    pub depth: Option<u64>,
    /// What it wants rounds of the layer's own DAG to wait for.
    pub pace: Pace,
}

impl Above {
    /// Whether it orders a DAG.
    pub fn weaves(&self) -> bool {
        self.depth.is_some()
    }
}

/// What a replica waits for before it goes on to the next round of a certified DAG, beside a quorum of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nothing.
    Free,
    /// In an even round L the block of its leader, replica `L / 2 mod n`; in an odd one as many blocks that link to the
    /// leader's before as every quorum has one of, or a quorum that do not. At most for `patience`.
    Anchored {
        /// After which it goes on without.
        patience: Span,
    },
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
    /// Workers of a replica, each with connections of its own (layer `certified`).
    pub workers: u32,
    /// Batch references with which a header is worth proposing at once (layer `certified`).
    pub header_bytes: Bytes,
    /// How long a header waits for as many at most (layer `certified`).
    pub header_delay: Span,
    /// Rounds of headers kept below the newest, where no protocol orders the DAG itself; and twice as many as a header's
    /// links reach down (layer `certified`).
    pub gc_depth: u64,
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
            workers: 2,
            header_bytes: Bytes(100),
            header_delay: Span::from_millis(100),
            gc_depth: 20,
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

    /// Time passes: what has waited too long is sent again. Called every [`Dissemination::period`]; true where there is
    /// something new to order.
    fn on_tick(&mut self, now: Time, out: &mut Outbox) -> bool {
        let Stock { depot, own, .. } = self.stock_mut();
        depot.refetch(now, out);
        // In a DAG nobody else orders it.
        if !depot.weaves() {
            own.resend(depot, now, out);
        }
        false
    }

    /// A parcel came; true where it brought a batch that was not at hand, or something new to order.
    fn on_parcel(&mut self, _now: Time, from: ReplicaId, parcel: &Parcel, out: &mut Outbox) -> bool {
        match parcel {
            Parcel::Batch(batch) => self.depot_mut().store(batch.clone()),
            _ => answer(self.depot(), from, parcel, out),
        }
    }

    /// Its machine comes back from a crash, with what was on disk.
    fn on_restarted(&mut self, now: Time) {
        let _ = now;
    }

    /// Whether it has promised anything since it was last asked: that is on disk before it leaves.
    fn has_promised(&mut self) -> bool {
        false
    }

    /// The DAG that the layer weaves, if it does.
    fn woven(&mut self) -> Option<&mut Dag> {
        None
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
        self.depot().missing(&block.payload.batches)
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

    fn dag(&mut self) -> Option<&mut Dag> {
        self.woven()
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
