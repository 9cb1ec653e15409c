//! PBFT: three phases under a stable primary, over a chain.
//!
//! Source: Castro, Liskov, "Practical Byzantine Fault Tolerance", OSDI'99, sections 4.2 to 4.5, and "Practical Byzantine
//! Fault Tolerance and Proactive Recovery", TOCS 20(4), 2002, for status messages and batching. The paper's *view* is
//! our view (the first is 1, its primary is replica `view mod n`), its *sequence number* is a height, its *batch of
//! requests* a block, its *prepared certificate* a [`Certificate`] of `Phase::Vote`. Statements: PRE-PREPARE is
//! `Propose`, PREPARE `Vote`, COMMIT `Commit`, VIEW-CHANGE `Timeout` of the view given up, CHECKPOINT `Checkpoint`. A
//! pre-prepare counts as its primary's prepare, which the primary therefore states without a message.
//!
//! In a view the primary sends blocks in order, at most `window` above the last stable checkpoint; backups accept them
//! and prepare; a quorum of prepares is a prepared certificate, upon which a replica states its commit; a quorum of
//! commits commits: 3 message delays.
//!
//! # A chain instead of a sequence of slots
//!
//! Blocks name their parents, so the primary proposes block n + 1 on its own block n before that is committed, and a
//! replica accepts n + 1 only after it has accepted n, with that id, in the same view (or has committed it). A quorum of
//! prepares for a block thus says that a quorum accepted all its ancestors: one certificate covers a chain, and the
//! certificate that is highest by view and then by height takes the place of the paper's set P of a certificate for
//! each sequence number. The new primary proposes its chain again, same blocks, new view; there are no gaps to fill
//! with null requests.
//!
//! Two rules keep that safe. Let H be the height of the certificate that a view begins with.
//! - Below H the blocks proposed again are accepted at once, but prepared only by who holds a certificate of the new view
//!   for H or above. A certificate of the new view thus covers all that the view began with, or a quorum holds one that
//!   does: a certificate for an ancestor of H alone, in the new and higher view, would let a later view forget what
//!   lies between. It costs those ancestors one message delay.
//! - A block committed in view v was committed to by a quorum, each honest member of which held a
//!   certificate of view v that covers it.
//!   The quorum of view changes that begins a later view shares an honest replica with it, so the highest certificate is
//!   of view v with a height as high, or of a view between, which by induction began with a chain that contains the
//!   block. What contradicts it was certified in a lower view and is dropped.
//!
//! # Against the paper
//!
//! - A NEW-VIEW carries the signed facts of a quorum of VIEW-CHANGEs (signer, view and height of the highest
//!   certificate) and the highest certificate, not the VIEW-CHANGEs themselves; backups derive the choice from it as
//!   the primary did. The blocks follow as PRE-PREPAREs in the new view. A new primary that lacks some fetches them.
//! - Messages are signed, as in OSDI'99 section 4; the MAC authenticators of its section 5 are left out.
//! - `window` is both the watermarks' distance and the bound on blocks in flight by which TOCS 2002 batches requests.
//!   Backups take twice as much, as a stable checkpoint reaches them later than the primary.
//! - A commit quorum commits without an own prepared certificate: it proves as much.
//! - A replica that misses committed blocks gets them with their commit certificates, [`KEPT_BLOCKS`] back at most; state
//!   transfer (OSDI'99 section 4.6), tentative execution and read-only requests are left out.
//! - Retransmission is the receiver's (TOCS 2002): replicas tell one other in turn where they stand and get what they
//!   miss. Where nothing moves they repeat their own messages to all.
//! - Blocks of earlier views that nobody proposes again hold what they order until their height is passed: the primary
//!   then proposes empty blocks, up to the highest height that it or a replica that says so has seen.

mod catchup;
mod change;
mod lineage;
mod log;
mod message;
mod order;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::ledger::{
    Block, Certificate, CommitRule, Committee, FaultModel, Leaders, Locks, Phase, Promises, Signers, Slot,
};

use super::{Archive, BadSetting, Charge, Context, Event, KEPT_BLOCKS, MOST_TIMEOUT_MS, Protocol};
use catchup::CatchUp;
use change::Changes;
use lineage::Lineage;
use log::Log;

pub use message::{NewView, PbftMessage};

/// The most that `window` may be: slots are held for twice as many heights.
const MOST_WINDOW: u64 = 256;
/// Ticks in a request timeout: how often a replica says where it stands.
const TICKS: u64 = 4;
/// Ticks without a commit after which a replica repeats what it stated.
const STUCK_TICKS: u32 = 2;

/// Settings of PBFT.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PbftParams {
    /// Blocks that the primary has in flight above the last stable checkpoint, at most.
    pub window: u64,
    /// Blocks from one checkpoint to the next.
    pub checkpoint_interval: u64,
    /// How long a backup waits for what should be ordered or committed before it gives up on the primary, ms.
    pub request_timeout_ms: u64,
    /// How long a replica waits for a view to begin that a quorum wants, ms; doubles while view changes fail, as does
    /// the request timeout, up to 16-fold.
    pub view_timeout_ms: u64,
}

impl Default for PbftParams {
    fn default() -> Self {
        PbftParams { window: 16, checkpoint_interval: 8, request_timeout_ms: 4_000, view_timeout_ms: 5_000 }
    }
}

/// PBFT's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PbftTimer {
    /// Time to say where one stands.
    Tick,
    /// What should be ordered or committed takes too long.
    Request,
    /// A view that a quorum wants does not begin.
    View,
    /// The view change should be repeated.
    Resend,
    /// There may be more to propose.
    Propose,
    /// Whoever is ahead may be asked again.
    Ask,
    /// A block of the chain to propose again has not come.
    Fetch,
}

/// What a backup waits for.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// What has waited longest to be ordered.
    batch: Option<Digest>,
    /// A height that should be committed.
    height: Option<Height>,
}

/// What the current view began with: the certificate that its NEW-VIEW names.
#[derive(Clone, Copy, Debug)]
struct Head {
    height: Height,
    block: Digest,
    view: View,
}

/// Checkpoint statements for one height: of the block of the first one, or of the own block.
#[derive(Clone, Debug)]
struct Checkpoint {
    block: Digest,
    signers: Signers,
}

/// A PBFT replica.
pub struct Pbft {
    log: Log,
    me: ReplicaId,
    committee: Committee,
    params: PbftParams,
    view: View,
    /// Whether the view has begun; if not, the replica has given up on the one before.
    active: bool,
    head: Head,
    new_view: Option<Arc<NewView>>,
    /// The highest prepared certificate ever held, by view and then by height.
    prepared: Arc<Certificate>,
    archive: Archive,
    lineage: Lineage,
    stable: Height,
    /// What shows that the last stable checkpoint is; none for genesis.
    stable_proof: Option<Arc<Certificate>>,
    checkpoints: BTreeMap<Height, Checkpoint>,
    /// Pre-prepares that overtook what they stand on, or their NEW-VIEW.
    buffered: BTreeMap<(View, Height), Arc<Block>>,
    /// Whether the handler made a promise that must be on disk before it leaves.
    promised: bool,
    /// Votes that overtook their NEW-VIEW, a few of each sender.
    early: BTreeMap<ReplicaId, Vec<(Phase, View, Height, Digest)>>,
    changes: Changes,
    catch_up: CatchUp,
    watched: Option<Watched>,
    /// View changes since the last commit.
    failed: u32,
    /// Whether something has changed that may let the primary propose.
    due: bool,
    /// The highest height of which a block is known to exist: what it orders may be held up by it.
    reach: Height,
}

type Ctx<'a> = Context<'a, Pbft>;

impl Protocol for Pbft {
    const NAME: &'static str = "pbft";
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "quorum off by one",
        "duplicate votes counted",
        "certificate dropped in view change",
        "lowest certificate chosen",
        "early commit",
        "prepare twice",
        "votes after a view change",
        "prepared blocks ignored",
        "view timer not armed",
        "view changes of others ignored",
        "view change not repeated",
        "log lost in a crash",
        "catch-up omitted",
        "request timer not armed",
    ];
    type Message = PbftMessage;
    type Timer = PbftTimer;
    type Params = PbftParams;

    fn validate(params: &PbftParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("window", params.window, 1, MOST_WINDOW)?;
        BadSetting::unless_within("checkpoint_interval", params.checkpoint_interval, 1, params.window)?;
        BadSetting::unless_within("request_timeout_ms", params.request_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("view_timeout_ms", params.view_timeout_ms, 1, MOST_TIMEOUT_MS)
    }

    fn brisk() -> PbftParams {
        PbftParams { window: 8, checkpoint_interval: 4, request_timeout_ms: 400, view_timeout_ms: 500 }
    }

    fn promises(_: &PbftParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::ByView { every: 1 },
            slot: Slot::HeightAndView,
            commit: CommitRule::Quorum,
            silent_after_timeout: true,
            locks: Locks::Stated,
            signed: true,
            delays: 3,
        }
    }

    /// Timeouts may have grown 16-fold; then at most f primaries in a row are faulty, and each costs both timeouts; and
    /// what only one gateway knows must first reach f + 1 replicas for them to convict a primary.
    fn patience(params: &PbftParams, committee: &Committee) -> Span {
        let turns = 16 * u64::from(committee.faults() + 1) + 8;
        Span::from_millis((params.request_timeout_ms + params.view_timeout_ms) * turns + 5_000)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &PbftParams) -> Self {
        let archive = Archive::new(KEPT_BLOCKS as usize);
        let genesis = archive.tip().id();
        let mut log = Log::new(committee);
        log.raise(Height(2 * params.window));
        Pbft {
            log,
            me,
            committee: *committee,
            params: params.clone(),
            view: View(0),
            active: false,
            head: Head { height: Height(0), block: genesis, view: View(0) },
            new_view: None,
            prepared: Arc::new(Certificate::genesis(genesis)),
            archive,
            lineage: Lineage::default(),
            stable: Height(0),
            stable_proof: None,
            checkpoints: BTreeMap::new(),
            buffered: BTreeMap::new(),
            promised: false,
            early: BTreeMap::new(),
            changes: Changes::default(),
            catch_up: CatchUp::default(),
            watched: None,
            failed: 0,
            due: false,
            reach: Height(0),
        }
    }

    /// On disk: the view, what was accepted and stated, the highest prepared certificate, committed blocks. A log that is
    /// written before each promise leaves has all of that.
    fn recovered(&self) -> Self {
        Pbft {
            log: self.log.recovered(),
            view: self.view,
            active: self.active,
            head: self.head,
            new_view: self.new_view.clone(),
            prepared: self.prepared.clone(),
            archive: self.archive.clone(),
            lineage: self.lineage.clone(),
            stable: self.stable,
            stable_proof: self.stable_proof.clone(),
            reach: self.reach,
            ..Pbft::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            Event::Submitted => self.on_submitted(ctx),
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(PbftTimer::Tick) => self.on_tick(ctx),
            Event::Expired(PbftTimer::Request) => self.on_request_timeout(ctx),
            Event::Expired(PbftTimer::View) => self.on_view_timeout(ctx),
            Event::Expired(PbftTimer::Resend) => self.on_resend(ctx),
            Event::Expired(PbftTimer::Propose) => self.due = true,
            Event::Expired(PbftTimer::Ask) => self.catch_up.asked = false,
            Event::Expired(PbftTimer::Fetch) => self.on_fetch_timeout(ctx),
        }
        if self.due {
            self.propose(ctx);
        }
        if std::mem::take(&mut self.promised) {
            ctx.charge(Charge::Fsync);
        }
    }
}

impl Pbft {
    fn on_received(&mut self, from: ReplicaId, message: &PbftMessage, ctx: &mut Ctx<'_>) {
        match message {
            PbftMessage::Prepare { view, height, block } => {
                self.on_vote(Phase::Vote, from, *view, *height, *block, ctx);
            }
            PbftMessage::Commit { view, height, block } => {
                self.on_vote(Phase::Commit, from, *view, *height, *block, ctx);
            }
            PbftMessage::PrePrepare { view, block, .. } => self.on_pre_prepare(from, *view, block, ctx),
            PbftMessage::Checkpoint { height, block } => self.on_checkpoint(from, *height, *block, ctx),
            PbftMessage::ViewChange { view, prepared } => self.on_view_change(from, *view, prepared, ctx),
            PbftMessage::NewView(new_view) => self.on_new_view(new_view, ctx),
            PbftMessage::Stable(certificate) => self.on_stable(certificate),
            PbftMessage::Status { view, active, stable, tip, reach } => {
                self.note_reach(*reach);
                self.on_status(from, (*view, *active), *stable, *tip, ctx);
            }
            PbftMessage::Committed { block, certificate, last } => {
                self.on_committed(from, block, certificate, *last, ctx);
            }
            PbftMessage::Fetch { height, block, above } => self.on_fetch(from, *height, *block, *above, ctx),
            PbftMessage::Found { block, last } => self.on_found(block, *last, ctx),
        }
    }

    /// Whether a certificate is a quorum of prepares, or genesis': whoever sends others is faulty.
    fn is_prepared(&self, certificate: &Certificate) -> bool {
        let genesis = certificate.view == View(0) && certificate.height == Height(0);
        let quorum = certificate.signers.count() >= self.quorum() && certificate.phase == Phase::Vote;
        if genesis { certificate.block == Block::genesis().id() } else { quorum && certificate.view > View(0) }
    }

    fn quorum(&self) -> u32 {
        self.committee.quorum() - u32::from(super::planted::planted!("quorum off by one"))
    }

    fn leads(&self) -> bool {
        self.active && self.committee.leader(self.view) == self.me
    }

    /// A timeout after that many failed view changes (section 4.5.2).
    fn doubled(&self, ms: u64) -> Span {
        Span::from_millis(ms << self.failed.min(4))
    }

    fn tick(&self) -> Span {
        Span::from_millis((self.params.request_timeout_ms / TICKS).max(1))
    }
}
