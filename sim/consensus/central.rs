//! One sequencer that writes a signed hash chain: the honest baseline ("do we need a blockchain?").
//!
//! The sequencer orders whatever is at hand, writes it durably, and sends the signed block to everyone; followers
//! check the signature and the link to the parent. It tolerates no faults: if the sequencer stops the ledger stops,
//! and if it lies nobody but an auditor who compares followers will know. That is what its figures buy.
//!
//! There is no paper to follow. Haber & Stornetta, "How to Time-Stamp a Digital Document" (J. Cryptology 1991),
//! section 5.1, is the linked chain; group commit (one durable write for all that waited for the one before) is how
//! databases write logs.
//!
//! A follower that misses a block asks for it, and the sequencer sends it and what follows from its kept tail; while it
//! writes nothing it repeats how far it is, so that an idle follower notices too. Who is more than `KEPT_BLOCKS` behind
//! stays behind.
//!
//! A crash here is of the process: under [`FsyncPolicy::Never`] what it wrote is in the operating system's memory and
//! survives. A power failure, after which the sequencer could write a second chain, is not modelled; that is what the
//! durable write is paid for. Followers keep their copies likewise.

mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Height, ReplicaId, Span, View};
use crate::ledger::{Block, CommitRule, Committee, FaultModel, Leaders, Locks, Promises, Slot};

use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, KEPT_BLOCKS, Layer, MOST_TIMEOUT_MS, Protocol};

pub use message::CentralMessage;

/// Blocks that answer one request; a follower that has taken them asks for the next at once.
const FETCHED_BLOCKS: u64 = 32;
/// Blocks ahead of its chain that a follower keeps.
const MOST_EARLY: u64 = 256;

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
    /// How often a sequencer that writes nothing repeats how far it is, and how long a follower waits for a block that
    /// it misses before it asks (again), ms.
    pub repeat_ms: u64,
}

impl Default for CentralParams {
    fn default() -> Self {
        CentralParams { sequencer: 0, fsync: FsyncPolicy::EachBlock, block_interval_ms: 10, repeat_ms: 500 }
    }
}

/// The central protocol's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CentralTimer {
    /// The next block may be written.
    Next,
    /// The sequencer has written nothing for a while.
    Idle,
    /// A missed block has not come.
    Fetch,
}

/// The sequencer or a follower.
pub struct Central {
    me: ReplicaId,
    sequencer: ReplicaId,
    params: CentralParams,
    /// The last block.
    tip: Arc<Block>,
    /// The sequencer's last blocks, for followers that missed them.
    tail: VecDeque<Arc<Block>>,
    /// Blocks that overtook their parent, by height.
    early: BTreeMap<Height, Arc<Block>>,
    /// How far the sequencer is known to be.
    top: Height,
    /// Up to where blocks were asked for; 0 while no request is open.
    asked: Height,
    waiting: bool,
}

type Ctx<'a> = Context<'a, Central>;

impl Protocol for Central {
    const NAME: &'static str = "central";
    /// What a quorum has stored is no concern of one who decides alone.
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched];
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] =
        &["missing block not fetched", "idle sequencer silent", "fetch not repeated"];
    type Message = CentralMessage;
    type Timer = CentralTimer;
    type Params = CentralParams;

    fn validate(params: &CentralParams, replicas: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("sequencer", params.sequencer.into(), 0, u64::from(replicas) - 1)?;
        BadSetting::unless_within("block_interval_ms", params.block_interval_ms, 0, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("repeat_ms", params.repeat_ms, 1, MOST_TIMEOUT_MS)
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

    /// The next block, until followers hear how far the sequencer is, ask, and have asked again.
    fn patience(params: &CentralParams, _: &Committee) -> Span {
        Span::from_millis(params.block_interval_ms + 3 * params.repeat_ms) + Span::from_secs(5)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &CentralParams) -> Self {
        let sequencer = ReplicaId(params.sequencer % committee.len());
        Central {
            me,
            sequencer,
            params: params.clone(),
            tip: Arc::new(Block::genesis()),
            tail: VecDeque::new(),
            early: BTreeMap::new(),
            top: Height(0),
            asked: Height(0),
            waiting: false,
        }
    }

    fn recovered(&self) -> Self {
        let (tip, tail) = (self.tip.clone(), self.tail.clone());
        let (params, early) = (self.params.clone(), BTreeMap::new());
        Central { params, tip, tail, early, top: self.tip.height, asked: Height(0), waiting: false, ..*self }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            Event::Submitted => self.on_submitted(ctx),
            Event::Received { from, message } => match &**message {
                CentralMessage::Head(block) => self.on_head(from, block, ctx),
                CentralMessage::Tip(height) => self.on_tip(from, *height, ctx),
                CentralMessage::Fetch(height) => self.on_fetch(from, *height, ctx),
            },
            Event::Expired(CentralTimer::Next) => self.on_next(ctx),
            Event::Expired(CentralTimer::Idle) => self.on_idle(ctx),
            Event::Expired(CentralTimer::Fetch) => self.on_fetch_due(ctx),
        }
    }
}

impl Central {
    /// A sequencer that comes back looks for what it did not hear of.
    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        ctx.expect(self.sequencer);
        if self.me == self.sequencer {
            ctx.arm(CentralTimer::Idle, self.repeat());
            if self.tip.height > Height(0) {
                self.waiting = true;
                ctx.arm(CentralTimer::Next, Span::from_millis(self.params.block_interval_ms));
            }
        }
    }

    fn repeat(&self) -> Span {
        Span::from_millis(self.params.repeat_ms)
    }

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
        self.tail.push_back(block.clone());
        if self.tail.len() as u64 > KEPT_BLOCKS {
            self.tail.pop_front();
        }
        ctx.commit(block.clone());
        ctx.broadcast(CentralMessage::Head(block));
        self.waiting = true;
        ctx.arm(CentralTimer::Next, Span::from_millis(self.params.block_interval_ms));
        ctx.arm(CentralTimer::Idle, self.repeat());
    }

    /// No block for a while: whoever missed the last one would not know.
    fn on_idle(&mut self, ctx: &mut Ctx<'_>) {
        if !planted!("idle sequencer silent") {
            ctx.broadcast(CentralMessage::Tip(self.tip.height));
        }
        ctx.arm(CentralTimer::Idle, self.repeat());
    }

    /// A follower misses blocks from `height` on.
    fn on_fetch(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        let Some(first) = self.tail.front().map(|block| block.height) else { return };
        if height < first || from == self.me {
            return;
        }
        for block in self.tail.iter().skip((height.0 - first.0) as usize).take(FETCHED_BLOCKS as usize) {
            ctx.send(from, CentralMessage::Head(block.clone()));
        }
    }

    /// A follower takes the next block of the chain, and those that had overtaken it.
    fn on_head(&mut self, from: ReplicaId, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        if from != self.sequencer || self.me == from || block.author != from {
            return;
        }
        if block.height > self.tip.height && block.height.0 <= self.tip.height.0 + MOST_EARLY {
            self.early.insert(block.height, block.clone());
        }
        let before = self.tip.height;
        while let Some(next) = self.early.remove(&self.tip.height.next()) {
            if next.parent != self.tip.id() {
                return;
            }
            self.tip = next.clone();
            ctx.commit(next);
        }
        self.look_behind(block.height, self.tip.height > before, ctx);
    }

    /// How far the sequencer is.
    fn on_tip(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        if from == self.sequencer && self.me != from {
            self.look_behind(height, false, ctx);
        }
    }

    /// The sequencer is at `height`, and this follower has `moved` or not. What is missing may be under way, or wait for
    /// its batches: it is asked for later. Where what was asked for has come, the next is asked for at once.
    fn look_behind(&mut self, height: Height, moved: bool, ctx: &mut Ctx<'_>) {
        let known = self.top;
        self.top = known.max(height);
        if self.tip.height >= self.top {
            self.asked = Height(0);
            ctx.disarm(CentralTimer::Fetch);
        } else if self.asked > Height(0) && self.tip.height >= self.asked {
            self.on_fetch_due(ctx);
        } else if self.asked == Height(0) && (moved || self.tip.height >= known) {
            ctx.arm(CentralTimer::Fetch, self.repeat());
        }
    }

    /// Asks for what is missing, until it comes.
    fn on_fetch_due(&mut self, ctx: &mut Ctx<'_>) {
        if planted!("missing block not fetched") {
            return;
        }
        self.asked = Height(self.tip.height.0 + FETCHED_BLOCKS).min(self.top);
        ctx.send(self.sequencer, CentralMessage::Fetch(self.tip.height.next()));
        if !planted!("fetch not repeated") {
            ctx.arm(CentralTimer::Fetch, self.repeat());
        }
    }
}
