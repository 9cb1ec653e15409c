//! One sequencer that writes a signed hash chain: the honest baseline ("do we need a blockchain?").
//!
//! The sequencer orders whatever is at hand, writes it durably, and sends the signed block to everyone; followers
//! check the signature and the link to the parent. It tolerates no faults: if the sequencer stops the ledger stops,
//! and if it lies nobody but an auditor who compares followers will know. That is what its figures buy.
//!
//! There is no paper to follow. Haber & Stornetta, "How to Time-Stamp a Digital Document" (J. Cryptology 1991),
//! section 5.1, is the linked chain; group commit (one durable write for all that waited for the one before) is how
//! databases write logs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, Span, View};
use crate::ledger::{
    Block, CommitRule, Committee, FaultModel, Leaders, Locks, Phase, Promises, SIGNATURE_BYTES, Slot, Statement,
};

use super::{BadSetting, Charge, Checks, Context, Event, MOST_TIMEOUT_MS, Message, Protocol};

/// When the sequencer's log reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FsyncPolicy {
    /// Before each block is sent: what was committed survives a power failure.
    EachBlock,
    /// Never waited for: a power failure loses what the disk had not taken yet.
    Never,
}

/// Settings of the central sequencer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CentralParams {
    /// Which replica is the sequencer.
    pub sequencer: u32,
    /// When its log reaches the disk.
    pub fsync: FsyncPolicy,
    /// Least time between two blocks, ms; 0 orders at once whatever is at hand.
    pub block_interval_ms: u64,
}

impl Default for CentralParams {
    fn default() -> Self {
        CentralParams { sequencer: 0, fsync: FsyncPolicy::EachBlock, block_interval_ms: 10 }
    }
}

/// The signed next block of the chain.
#[derive(Debug)]
pub struct Head(Arc<Block>);

/// The central protocol's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CentralTimer {
    /// The next block may be written.
    Next,
}

/// The sequencer or a follower.
pub struct Central {
    me: ReplicaId,
    sequencer: ReplicaId,
    params: CentralParams,
    tip: Arc<Block>,
    /// Blocks that overtook their parent, by height.
    early: BTreeMap<Height, Arc<Block>>,
    waiting: bool,
}

type Ctx<'a> = Context<'a, Central>;

impl Protocol for Central {
    const NAME: &'static str = "central";
    const WAKES_ON_PAYLOAD: bool = true;
    type Message = Head;
    type Timer = CentralTimer;
    type Params = CentralParams;

    fn validate(params: &CentralParams, replicas: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("sequencer", params.sequencer.into(), 0, u64::from(replicas) - 1)?;
        BadSetting::unless_within("block_interval_ms", params.block_interval_ms, 0, MOST_TIMEOUT_MS)
    }

    fn promises(params: &CentralParams) -> Promises {
        Promises {
            tolerates: FaultModel::None,
            leaders: Leaders::Fixed(ReplicaId(params.sequencer)),
            slot: Slot::View,
            commit: CommitRule::Sequencer,
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            delays: 1,
        }
    }

    fn patience(params: &CentralParams, _: &Committee) -> Span {
        Span::from_millis(params.block_interval_ms) + Span::from_secs(5)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &CentralParams) -> Self {
        let sequencer = ReplicaId(params.sequencer % committee.len());
        let tip = Arc::new(Block::genesis());
        Central { me, sequencer, params: params.clone(), tip, early: BTreeMap::new(), waiting: false }
    }

    fn recovered(&self) -> Self {
        Central { params: self.params.clone(), tip: self.tip.clone(), early: BTreeMap::new(), waiting: false, ..*self }
    }

    fn step(&mut self, event: Event<Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => ctx.expect(self.sequencer),
            Event::Submitted => self.on_submitted(ctx),
            Event::Received { from, message } => self.on_head(from, &message.0, ctx),
            Event::Expired(CentralTimer::Next) => self.on_next(ctx),
        }
    }
}

impl Central {
    /// Something can be ordered: at once, unless a block was written just now.
    fn on_submitted(&mut self, ctx: &mut Ctx<'_>) {
        if self.me == self.sequencer && !self.waiting {
            self.order(ctx);
        }
    }

    /// The interval after a block is over.
    fn on_next(&mut self, ctx: &mut Ctx<'_>) {
        self.waiting = false;
        self.order(ctx);
    }

    /// Writes one block with all that waits, durably, then sends it.
    fn order(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.nothing_to_order() {
            return;
        }
        let payload = ctx.payload();
        let height = self.tip.height.next();
        let block = Block::sealed(View(height.0), height, self.me, self.tip.id(), self.tip.view, payload);
        let block = Arc::new(block);
        if self.params.fsync == FsyncPolicy::EachBlock {
            ctx.charge(Charge::Fsync);
        }
        self.tip = block.clone();
        ctx.commit(block.clone());
        ctx.broadcast(Head(block));
        self.waiting = true;
        ctx.arm(CentralTimer::Next, Span::from_millis(self.params.block_interval_ms));
    }

    /// A follower takes the next block of the chain, and those that had overtaken it.
    fn on_head(&mut self, from: ReplicaId, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        if from != self.sequencer || block.author != from || block.height <= self.tip.height {
            return;
        }
        self.early.insert(block.height, block.clone());
        while let Some(next) = self.early.remove(&self.tip.height.next()) {
            if next.parent != self.tip.id() {
                return;
            }
            self.tip = next.clone();
            ctx.commit(next);
        }
    }
}

impl Message for Head {
    fn wire(&self) -> Bytes {
        self.0.wire() + Bytes(SIGNATURE_BYTES)
    }

    fn checks(&self) -> Checks {
        Checks { signatures: 1, hashed: self.0.encoded_len() }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let (view, block): (View, Digest) = (self.0.view, self.0.id());
        let (height, justify) = (self.0.height, self.0.parent_view);
        Some(Statement { by: from, phase: Phase::Propose, view, height, justify, block })
    }

    fn block(&self) -> Option<&Arc<Block>> {
        Some(&self.0)
    }
}
