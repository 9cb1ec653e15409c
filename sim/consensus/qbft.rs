//! QBFT: heights decided one after the other, each in rounds of three all-to-all steps.
//!
//! Sources: Moniz, "The Istanbul BFT Consensus Algorithm" (arXiv 2002.03613), algorithms 1 to 4, which QBFT implements
//! ("Moniz" below); Saltini and Hyland-Wood, "IBFT 2.0: A Safe and Live Variation of the IBFT Blockchain Consensus
//! Protocol for Eventually Synchronous Networks" (arXiv 1909.10194); the QBFT formal specification of the Enterprise
//! Ethereum Alliance; and Hyperledger Besu for what a ledger adds: block periods, proposers, catching up.
//!
//! | Moniz | here |
//! |---|---|
//! | instance λ, decided value | height, block |
//! | round r, counted from 1 | round = view, counted from 0 at each height |
//! | PRE-PREPARE (QBFT: PROPOSAL), PREPARE, COMMIT | `Phase::Propose`, `Phase::Vote`, `Phase::Commit` |
//! | ROUND-CHANGE to r + 1 | `Phase::Timeout` of r: the round given up |
//! | prepared round `pr`, prepared value `pv` | `prepared`: block and certificate; a timeout's `justify` is `pr` + 1, or 0 for none |
//! | quorum of ROUND-CHANGEs | `TimeoutCertificate` of the round given up |
//!
//! A height: the proposer sends a block, all send PREPARE; a quorum of those is a prepared certificate, on which a
//! replica sends COMMIT; a quorum of COMMITs of one round decides: 3 message delays. The proposer sends a PREPARE of
//! its own, so a prepared certificate is a quorum of votes. A round without a decision ends by ROUND-CHANGEs: the next
//! proposer shows a quorum of them, and proposes the block with the highest prepared round among them again.
//!
//! Proposer of round r at height h is replica h + r mod n. Besu counts r + 1 from the proposer of the parent block, so
//! that after a round change the turn does not come back to the replica that has just stepped in.
//!
//! Against the papers:
//! - The doubling of round timers ends (`round_timeout_doublings`), so that a long outage does not bring a wait as long
//!   again. As equal timers would let a replica stay ahead of the others for ever, the timer of a later round starts
//!   when a quorum has changed to it or beyond, or when its proposal comes (PBFT's rule, OSDI'99, section 4.5.2).
//! - A justified proposal of a later round is accepted at once, as in the formal specification.
//! - Links lose messages: what a replica last said at an undecided height is repeated, and with each repetition it asks
//!   one peer after another for the height's outcome (Moniz assumes reliable links; Besu gossips).
//! - Who has decided answers ROUND-CHANGEs of that height with the block and its COMMITs (Moniz, algorithm 3, line 17),
//!   and requests with several blocks. Besu synchronises blocks by another protocol.
//! - A proposal says when it was made, as Ethereum's headers do; the next block period counts from there, or from now
//!   where it claims a later time. That a proposer waited is not checked.
//! - Commit seals, validator votes and contracts are left out: one signature serves COMMIT and seal, members are fixed.
//! - A certificate of ROUND-CHANGEs stands for the height of the block beside it: each signature covers the height.

mod catchup;
mod gathered;
mod justify;
mod message;
mod normal;
mod rounds;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Height, ReplicaId, Span, Time, View};
use crate::ledger::{Block, Certificate, CommitRule, Committee, FaultModel, Leaders, Locks, Promises, Slot};

use super::planted::planted;
use super::{Archive, BadSetting, Charge, Context, Event, KEPT_BLOCKS, MOST_TIMEOUT_MS, Protocol};

use gathered::{Gathered, RoundChange};

pub use message::{Prepared, Proposal, QbftMessage};

/// The most that `round_timeout_doublings` may be: 65,536-fold.
const MOST_DOUBLINGS: u64 = 16;

/// Settings of QBFT.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QbftParams {
    /// Least time from one proposal to the next, ms (Besu's `blockperiodseconds`).
    pub block_period_ms: u64,
    /// Least time from a proposal to an empty one, ms (Besu's `emptyblockperiodseconds`); where it is less than the
    /// block period, as by default, empty blocks come as often as others.
    pub empty_block_period_ms: u64,
    /// How long a replica waits in round 0 before it gives up on the proposer, ms (Besu's `requesttimeoutseconds`).
    pub round_timeout_ms: u64,
    /// The timeout doubles with each round of a height, at most so many times.
    pub round_timeout_doublings: u64,
}

impl Default for QbftParams {
    fn default() -> Self {
        QbftParams {
            block_period_ms: 1_000,
            empty_block_period_ms: 0,
            round_timeout_ms: 2_000,
            round_timeout_doublings: 4,
        }
    }
}

impl QbftParams {
    fn block_period(&self) -> Span {
        Span::from_millis(self.block_period_ms)
    }

    /// What an idle proposer waits beyond the block period.
    fn idle_wait(&self) -> Span {
        Span::from_millis(self.empty_block_period_ms.saturating_sub(self.block_period_ms))
    }

    fn round_timeout(&self, round: View) -> Span {
        Span::from_millis(self.round_timeout_ms << round.0.min(self.round_timeout_doublings))
    }

    /// How often an undecided height's messages are repeated: before round 0 is over.
    fn retry(&self) -> Span {
        Span::from_millis(self.round_timeout_ms).half()
    }
}

/// QBFT's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QbftTimer {
    /// The block period is over, or the empty block period.
    Block,
    /// The current round takes too long.
    Round,
    /// The height takes so long that messages may have been lost.
    Retry,
}

/// A QBFT replica.
pub struct Qbft {
    me: ReplicaId,
    committee: Committee,
    params: QbftParams,
    /// What was decided.
    archive: Archive,
    /// The height to decide now.
    height: Height,
    round: View,
    /// The proposal of the current round that it sent a PREPARE for.
    accepted: Option<Proposal>,
    /// Moniz's `pr` and `pv`.
    prepared: Option<Prepared>,
    /// The last round that it sent a ROUND-CHANGE for.
    changed: Option<View>,
    /// When the parent was proposed.
    parent_at: Time,
    /// Whether the block period is over and there was nothing to order.
    idle: bool,
    /// Whether the first round has begun: proposals are due.
    begun: bool,
    /// Whether the round's timer runs.
    timed: bool,
    /// What others said at this height and the next.
    now: Gathered,
    next: Gathered,
    /// Decided blocks above the height, with their certificates.
    early: BTreeMap<Height, (Arc<Block>, Arc<Certificate>)>,
    /// Where the blocks that it last asked for end.
    asked: Option<Height>,
    /// How often it has asked: whose turn it is.
    attempts: u64,
    /// Whether this handler's durable write is charged.
    written: bool,
}

type Ctx<'a> = Context<'a, Qbft>;

impl Protocol for Qbft {
    const NAME: &'static str = "qbft";
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "quorum off by one",
        "duplicate votes counted",
        "prepared certificate dropped on round change",
        "lowest prepared round in justification",
        "early commit",
        "prepare twice in a round",
        "votes in rounds given up",
        "round timer not armed again",
        "justification unchecked",
        "proposer not checked",
        "catch-up omitted",
        "nothing repeated",
        "vote forgotten in a crash",
        "prepared certificate forgotten in a crash",
    ];
    type Message = QbftMessage;
    type Timer = QbftTimer;
    type Params = QbftParams;

    fn validate(params: &QbftParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("block_period_ms", params.block_period_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("empty_block_period_ms", params.empty_block_period_ms, 0, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("round_timeout_ms", params.round_timeout_ms, 2, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("round_timeout_doublings", params.round_timeout_doublings, 0, MOST_DOUBLINGS)
    }

    fn brisk() -> QbftParams {
        let (block_period_ms, round_timeout_ms, round_timeout_doublings) = (100, 400, 3);
        QbftParams { block_period_ms, round_timeout_ms, round_timeout_doublings, ..QbftParams::default() }
    }

    fn promises(_: &QbftParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::ByHeightAndView,
            slot: Slot::HeightAndView,
            commit: CommitRule::Quorum,
            silent_after_timeout: true,
            locks: Locks::Stated,
            signed: true,
            delays: 3,
        }
    }

    /// A height that was under way may be in a round of the longest timeout: that one, one that brings laggards into
    /// the same round, and those of f faulty proposers. What an abandoned block ordered comes at the next height, which
    /// begins with f faulty proposers at worst. A replica that was away may ask f dead ones before it catches up.
    fn patience(params: &QbftParams, committee: &Committee) -> Span {
        let faults = u64::from(committee.faults());
        let longest = params.round_timeout_ms << params.round_timeout_doublings;
        let rounds = (0..faults).map(|round| params.round_timeout(View(round)).0 / 1_000_000).sum::<u64>();
        let height = params.block_period_ms.max(params.empty_block_period_ms) + params.round_timeout_ms;
        let asking = (faults + 2) * params.round_timeout_ms;
        let total = longest.saturating_mul(faults + 3).saturating_add(rounds + 2 * height + asking + 15_000);
        Span::from_millis(total.min(MOST_TIMEOUT_MS * 10_000))
    }

    fn new(me: ReplicaId, committee: &Committee, params: &QbftParams) -> Self {
        Qbft {
            me,
            committee: *committee,
            params: params.clone(),
            archive: Archive::new(KEPT_BLOCKS as usize),
            height: Height(1),
            round: View(0),
            accepted: None,
            prepared: None,
            changed: None,
            parent_at: Time::ZERO,
            idle: false,
            begun: false,
            timed: false,
            now: Gathered::new(committee.len()),
            next: Gathered::new(committee.len()),
            early: BTreeMap::new(),
            asked: None,
            attempts: 0,
            written: false,
        }
    }

    /// Written before each PREPARE, COMMIT and ROUND-CHANGE: the round, what was accepted in it, and the prepared
    /// certificate. Decided blocks are the ledger's own.
    fn recovered(&self) -> Self {
        let forgets_vote = planted!("vote forgotten in a crash");
        let forgets_lock = planted!("prepared certificate forgotten in a crash");
        Qbft {
            archive: self.archive.clone(),
            height: self.height,
            round: self.round,
            accepted: self.accepted.clone().filter(|_| !forgets_vote),
            prepared: self.prepared.clone().filter(|_| !forgets_lock),
            changed: self.changed,
            parent_at: self.parent_at,
            ..Qbft::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        self.written = false;
        match event {
            Event::Start => self.on_start(ctx),
            Event::Submitted => self.on_submitted(ctx),
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(QbftTimer::Block) => self.on_block_period(ctx),
            Event::Expired(QbftTimer::Round) => self.on_round_timeout(ctx),
            Event::Expired(QbftTimer::Retry) => self.on_retry(ctx),
        }
        if !self.early.is_empty() {
            self.commit_early(ctx);
        }
    }
}

impl Qbft {
    fn on_received(&mut self, from: ReplicaId, message: &QbftMessage, ctx: &mut Ctx<'_>) {
        match message {
            QbftMessage::Proposal(proposal) => self.on_proposal(from, proposal, ctx),
            QbftMessage::Prepare { height, round, block } => self.on_prepare(from, *height, *round, *block, ctx),
            QbftMessage::Commit { height, round, block } => self.on_commit(from, *height, *round, *block, ctx),
            QbftMessage::RoundChange { height, round, prepared } => {
                self.on_round_change(from, *height, *round, prepared.as_ref(), ctx);
            }
            QbftMessage::Ask { height } => self.on_ask(from, *height, ctx),
            QbftMessage::Decided { block, certificate, tip } => self.on_decided(from, block, certificate, *tip, ctx),
        }
    }

    /// The run begins, or the replica is back: it takes up what it had written, and asks what it missed.
    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        self.now.forget_before(self.round);
        self.recount_own();
        ctx.arm(QbftTimer::Retry, self.params.block_period() + self.params.retry());
        ctx.expect(self.proposer(self.height, self.round));
        if self.round == View(0) && self.accepted.is_none() {
            self.await_block_period(ctx);
        } else {
            self.begun = true;
            self.time_round(ctx);
        }
        self.repeat(ctx);
        if self.height > Height(1) || self.begun {
            self.ask_next(ctx);
        }
    }

    /// The proposer of a round of a height. Section 4 of Moniz asks only that all agree on it.
    fn proposer(&self, height: Height, round: View) -> ReplicaId {
        self.committee.leader_at(height, round)
    }

    fn proposes_now(&self) -> bool {
        planted!("proposer not checked") || self.proposer(self.height, self.round) == self.me
    }

    fn quorum(&self) -> u32 {
        justify::quorum(&self.committee)
    }

    /// What others said at `height`: the current one or the next.
    fn gathered(&mut self, height: Height) -> Option<&mut Gathered> {
        match height {
            _ if height == self.height => Some(&mut self.now),
            _ if height == self.height.next() => Some(&mut self.next),
            _ => None,
        }
    }

    /// The handler's messages leave when the state is on disk.
    fn write(&mut self, ctx: &mut Ctx<'_>) {
        if !self.written {
            self.written = true;
            ctx.charge(Charge::Fsync);
        }
    }

    fn tip(&self) -> Digest {
        self.archive.tip().id()
    }
}
