//! Jolteon: two-chain HotStuff with timeout certificates.
//!
//! Source: Gelashvili, Kokoris-Kogias, Sonnino, Spiegelman, Xiang, "Jolteon and Ditto: Network-Adaptive Efficient
//! Consensus with Asynchronous Fallback", FC'22 (arXiv 2106.10362v4), section 3, which edits DiemBFT's steady state.
//! The paper's *round* is our view, its `qc_high` is `high`, its `r_vote` is `voted`, its `r_cur` is `view`.
//!
//! One view: the leader multicasts a block that carries the certificate of its parent; replicas vote to the *next*
//! leader; a quorum of votes is the certificate that opens the next view. A block is committed when it and its child
//! of the very next view are certified: 5 message delays. A view without progress ends by an all-to-all exchange of
//! timeouts, a quorum of which is a timeout certificate ("TC") that lets the next leader prove its parent is safe.
//!
//! Against the paper:
//! - A TC carries each signer's highest certificate's *view*, and the proposal the highest certificate itself, instead
//!   of 2f + 1 certificates: what DiemBFT's implementation does; the vote rule reads only views.
//! - Timeouts carry the TC by which their sender entered the view (as DiemBFT v4 does), so that a replica left behind
//!   by a crashed leader catches up; they are repeated while the view lasts.
//! - Threshold signatures are lists of Ed25519 signatures (as in the paper's own implementation).
//! - Ditto's asynchronous fallback is left out: it is a protocol of its own.
//! - Missing ancestors are fetched by id ([`JolteonMessage::Fetch`]), which the paper leaves to the implementation.

mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::ledger::{
    Block, Certificate, Chain, CommitRule, Committee, FaultModel, Leaders, Locks, Phase, Promises, Slot,
    TimeoutCertificate,
};

use super::{BadSetting, Charge, Context, Event, KEPT_BLOCKS, MOST_TIMEOUT_MS, Message, Protocol, Tally};

pub use message::JolteonMessage;

/// How many views ahead the dissemination layer is told of a leader: a batch is on its way for about one view.
const EXPECT_AHEAD: u64 = 2;

/// Settings of Jolteon.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JolteonParams {
    /// How long a replica waits in a view before it gives up on the leader, ms.
    pub view_timeout_ms: u64,
    /// Each further view without a commit multiplies the timeout by this many percent, up to 16-fold.
    pub timeout_growth_percent: u64,
}

impl Default for JolteonParams {
    fn default() -> Self {
        JolteonParams { view_timeout_ms: 5_000, timeout_growth_percent: 150 }
    }
}

/// Jolteon's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JolteonTimer {
    /// The current view takes too long.
    View,
    /// A fetched block has not come.
    Fetch,
}

/// A Jolteon replica.
pub struct Jolteon {
    me: ReplicaId,
    committee: Committee,
    params: JolteonParams,
    view: View,
    voted: View,
    high: Arc<Certificate>,
    opened_by: Option<Arc<TimeoutCertificate>>,
    votes: Tally,
    timeouts: BTreeMap<View, Vec<(ReplicaId, View)>>,
    chain: Chain,
    genesis: Digest,
    /// The block to commit once its missing ancestors have come, and how often one was asked for.
    behind: Option<(Digest, u64)>,
    views_without_commit: u32,
}

type Ctx<'a> = Context<'a, Jolteon>;

impl Protocol for Jolteon {
    const NAME: &'static str = "jolteon";
    /// A lone replica's own vote would open view after view in no time.
    const LEAST_REPLICAS: u32 = 2;
    type Message = JolteonMessage;
    type Timer = JolteonTimer;
    type Params = JolteonParams;

    fn validate(params: &JolteonParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("view_timeout_ms", params.view_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("timeout_growth_percent", params.timeout_growth_percent, 100, 1_000)
    }

    fn brisk() -> JolteonParams {
        JolteonParams { view_timeout_ms: 500, ..JolteonParams::default() }
    }

    fn promises(_: &JolteonParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::ByView { every: 1 },
            slot: Slot::View,
            commit: CommitRule::Consecutive { views: 2 },
            silent_after_timeout: true,
            locks: Locks::Stated,
            signed: true,
            delays: 5,
        }
    }

    /// The timeout may have grown 16-fold; then at most f leaders in a row are faulty, and one view of each four may be
    /// needed for the chain of certificates.
    fn patience(params: &JolteonParams, committee: &Committee) -> Span {
        let views = 16 + 4 * u64::from(committee.faults() + 1);
        Span::from_millis(params.view_timeout_ms * views + 5_000)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &JolteonParams) -> Self {
        assert!(committee.len() >= Self::LEAST_REPLICAS, "a lone replica's own vote opens view after view in no time");
        let chain = Chain::new(KEPT_BLOCKS);
        Jolteon {
            me,
            committee: *committee,
            params: params.clone(),
            view: View(0),
            voted: View(0),
            high: Arc::new(Certificate::genesis(chain.tip().id())),
            opened_by: None,
            votes: Tally::new(committee),
            timeouts: BTreeMap::new(),
            genesis: chain.tip().id(),
            chain,
            behind: None,
            views_without_commit: 0,
        }
    }

    fn recovered(&self) -> Self {
        Jolteon {
            view: self.view,
            voted: self.voted.max(self.view),
            high: self.high.clone(),
            opened_by: self.opened_by.clone(),
            chain: self.chain.clone(),
            ..Jolteon::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start if self.view == View(0) => self.enter(View(1), None, ctx),
            Event::Start => ctx.arm(JolteonTimer::View, self.timeout()),
            Event::Submitted => {}
            Event::Received { from, message } => self.on_received(from, &message, ctx),
            Event::Expired(JolteonTimer::View) => self.on_view_timeout(ctx),
            Event::Expired(JolteonTimer::Fetch) => self.commit_behind(ctx),
        }
    }
}

impl Jolteon {
    fn on_received(&mut self, from: ReplicaId, message: &JolteonMessage, ctx: &mut Ctx<'_>) {
        if !self.is_well_formed(message) {
            return;
        }
        match message {
            JolteonMessage::Proposal { block, parent, opened_by } => {
                self.on_proposal(from, block, parent, opened_by.as_ref(), ctx);
            }
            JolteonMessage::Vote { view, block, height } => self.on_vote(from, *view, *block, *height, ctx),
            JolteonMessage::Timeout { view, high, opened_by } => {
                self.on_timeout(from, *view, high, opened_by.as_ref(), ctx);
            }
            JolteonMessage::Advance { certificate, high } => {
                self.lock(high, ctx);
                self.advance_by_timeouts(certificate, ctx);
            }
            JolteonMessage::Fetch(id) => self.on_fetch(from, id, ctx),
            JolteonMessage::Found(block) => self.on_found(block, ctx),
        }
    }

    /// Whether the message's certificates are quorums: whoever sends others is faulty and says nothing.
    fn is_well_formed(&self, message: &JolteonMessage) -> bool {
        let quorum = self.committee.quorum() as usize;
        let certified = message.certificate().is_none_or(|certificate| {
            let genesis = certificate.view == View(0) && certificate.block == self.genesis;
            genesis || certificate.signers.count() as usize >= quorum
        });
        let given_up = message.timeout_certificate().is_none_or(|certificate| {
            let signers: BTreeSet<ReplicaId> = certificate.timeouts.iter().map(|&(signer, _)| signer).collect();
            signers.len() >= quorum
        });
        certified && given_up
    }

    /// Section 3, "Propose": on entering a view its leader multicasts a block that extends `high`.
    fn propose(&mut self, ctx: &mut Ctx<'_>) {
        let parent = self.high.clone();
        let payload = ctx.payload();
        let block = Block::sealed(self.view, parent.height.next(), self.me, parent.block, parent.view, payload);
        let block = Arc::new(block);
        let opened_by = self.opened_by.clone();
        let proposal = JolteonMessage::Proposal { block: block.clone(), parent: parent.clone(), opened_by };
        ctx.broadcast(proposal);
        self.chain.insert(block.clone());
        self.vote(&block, &parent, self.opened_by.clone().as_ref(), ctx);
    }

    /// Section 3, "Vote", "Lock", "Commit" and "Advance Round" on receiving a proposal.
    fn on_proposal(
        &mut self,
        from: ReplicaId,
        block: &Arc<Block>,
        parent: &Arc<Certificate>,
        opened_by: Option<&Arc<TimeoutCertificate>>,
        ctx: &mut Ctx<'_>,
    ) {
        let from_leader = block.author == from && from == self.committee.leader(block.view);
        let extends = block.parent == parent.block
            && block.parent_view == parent.view
            && block.height == parent.height.next()
            && block.view > parent.view;
        if !from_leader || !extends {
            return;
        }
        self.chain.insert(block.clone());
        self.lock(parent, ctx);
        if let Some(certificate) = opened_by {
            self.advance_by_timeouts(certificate, ctx);
        }
        // The certificate of this very block may have come before the block.
        if self.high.block == block.id() {
            self.commit_two_chain(ctx);
        }
        self.vote(block, parent, opened_by, ctx);
    }

    /// Section 3, "Vote": for the first valid proposal of the current view whose parent is certified in the view
    /// before, or is at least as high as everything that the TC of the view before speaks of.
    fn vote(
        &mut self,
        block: &Arc<Block>,
        parent: &Certificate,
        opened_by: Option<&Arc<TimeoutCertificate>>,
        ctx: &mut Ctx<'_>,
    ) {
        let consecutive = block.view == parent.view.next();
        let justified = opened_by.is_some_and(|tc| block.view == tc.view.next() && parent.view >= tc.highest());
        if block.view != self.view || block.view <= self.voted || !(consecutive || justified) {
            return;
        }
        self.voted = block.view;
        ctx.charge(Charge::Fsync);
        let collector = self.committee.leader(block.view.next());
        let vote = JolteonMessage::Vote { view: block.view, block: block.id(), height: block.height };
        if collector != self.me {
            ctx.send(collector, vote);
        } else {
            vote.statement(self.me).into_iter().for_each(|statement| ctx.state(statement));
            self.on_vote(self.me, block.view, block.id(), block.height, ctx);
        }
    }

    /// A quorum of votes is a certificate, which the next leader locks on and enters its view by.
    fn on_vote(&mut self, from: ReplicaId, view: View, block: Digest, height: Height, ctx: &mut Ctx<'_>) {
        if view.next() < self.view || self.committee.leader(view.next()) != self.me {
            return;
        }
        if let Some(signers) = self.votes.add(view, (block, height), from) {
            self.lock(&Arc::new(Certificate { phase: Phase::Vote, view, height, block, signers }), ctx);
        }
    }

    /// Section 3, "Lock" (one-chain), "Commit" and "Advance Round" on seeing a certificate.
    fn lock(&mut self, certificate: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        if certificate.view > self.high.view {
            self.high = certificate.clone();
            self.commit_two_chain(ctx);
        }
        if certificate.view >= self.view {
            self.enter(certificate.view.next(), None, ctx);
        }
    }

    /// Section 3, "Commit": two adjacent certified blocks of consecutive views commit the first and its ancestors.
    fn commit_two_chain(&mut self, ctx: &mut Ctx<'_>) {
        let Some(child) = self.chain.get(&self.high.block) else { return };
        if child.parent_view.next() == child.view && child.parent_view > self.chain.tip().view {
            let first = child.parent;
            // The target moves with every view: whom to ask next must not begin anew, or a dead replica is asked forever.
            let attempts = self.behind.map_or(0, |(_, attempts)| attempts);
            self.behind = Some((first, attempts));
            self.commit_behind(ctx);
        }
    }

    /// Commits up to the block noted in `behind`, or asks for the first missing ancestor: of everyone in turn.
    fn commit_behind(&mut self, ctx: &mut Ctx<'_>) {
        let Some((target, attempts)) = self.behind else { return };
        match self.chain.path_to(&target) {
            Ok(path) => {
                self.behind = None;
                self.views_without_commit = 0;
                for block in path {
                    self.chain.commit(block.clone());
                    ctx.commit(block);
                }
            }
            Err(missing) => {
                self.behind = Some((target, attempts + 1));
                let others = self.committee.len() - 1;
                let step = 1 + ctx.spread(&missing, attempts, others);
                ctx.send(ReplicaId((self.me.0 + step) % self.committee.len()), JolteonMessage::Fetch(missing));
                ctx.arm(JolteonTimer::Fetch, Span::from_millis(self.params.view_timeout_ms).half());
            }
        }
    }

    /// Section 3, "Advance Round" and "Timer": entering a view starts its timer; a TC goes to the view's leader.
    fn enter(&mut self, view: View, opened_by: Option<Arc<TimeoutCertificate>>, ctx: &mut Ctx<'_>) {
        self.view = view;
        self.opened_by = opened_by;
        self.votes.prune(View(view.0 - 1));
        self.timeouts = self.timeouts.split_off(&view);
        self.views_without_commit += 1;
        ctx.arm(JolteonTimer::View, self.timeout());
        ctx.expect(self.committee.leader(View(view.0 + EXPECT_AHEAD)));
        let leader = self.committee.leader(view);
        if leader == self.me {
            self.propose(ctx);
        } else if let Some(certificate) = &self.opened_by {
            let (certificate, high) = (certificate.clone(), self.high.clone());
            ctx.send(leader, JolteonMessage::Advance { certificate, high });
        }
    }

    /// A chain commits every view; three views are the pipeline's depth, and only more are a sign of trouble.
    fn timeout(&self) -> Span {
        let (base, growth) = (self.params.view_timeout_ms, self.params.timeout_growth_percent.max(100));
        let doublings = self.views_without_commit.saturating_sub(4);
        let grown = (0..doublings).fold(base, |timeout, _| (timeout * growth / 100).min(base * 16));
        Span::from_millis(grown)
    }

    /// Section 3, "Timer and Timeout": stop voting in the view and multicast a timeout with `high`.
    fn on_view_timeout(&mut self, ctx: &mut Ctx<'_>) {
        self.voted = self.voted.max(self.view);
        ctx.charge(Charge::Fsync);
        let (view, high, opened_by) = (self.view, self.high.clone(), self.opened_by.clone());
        ctx.broadcast(JolteonMessage::Timeout { view, high: high.clone(), opened_by });
        ctx.arm(JolteonTimer::View, self.timeout());
        self.count_timeout(self.me, view, high.view, ctx);
    }

    /// Section 3: a timeout's certificates are locked on and advanced by like any other; a quorum is a TC.
    fn on_timeout(
        &mut self,
        from: ReplicaId,
        view: View,
        high: &Arc<Certificate>,
        opened_by: Option<&Arc<TimeoutCertificate>>,
        ctx: &mut Ctx<'_>,
    ) {
        self.lock(high, ctx);
        if let Some(certificate) = opened_by {
            self.advance_by_timeouts(certificate, ctx);
        }
        self.count_timeout(from, view, high.view, ctx);
    }

    fn count_timeout(&mut self, from: ReplicaId, view: View, high: View, ctx: &mut Ctx<'_>) {
        if view < self.view {
            return;
        }
        let timeouts = self.timeouts.entry(view).or_default();
        if timeouts.iter().any(|(replica, _)| *replica == from) {
            return;
        }
        timeouts.push((from, high));
        if timeouts.len() == self.committee.quorum() as usize {
            let certificate = Arc::new(TimeoutCertificate { view, timeouts: timeouts.clone() });
            self.advance_by_timeouts(&certificate, ctx);
        }
    }

    /// Section 3, "Advance Round" by a TC.
    fn advance_by_timeouts(&mut self, certificate: &Arc<TimeoutCertificate>, ctx: &mut Ctx<'_>) {
        if certificate.view >= self.view {
            self.enter(certificate.view.next(), Some(certificate.clone()), ctx);
        }
    }

    fn on_fetch(&mut self, from: ReplicaId, id: &Digest, ctx: &mut Ctx<'_>) {
        if let Some(block) = self.chain.get(id) {
            ctx.send(from, JolteonMessage::Found(block.clone()));
        }
    }

    /// A fetched block needs no certificate: its id was named by a certified descendant.
    fn on_found(&mut self, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        let wanted = self
            .behind
            .is_some_and(|(target, _)| self.chain.path_to(&target).is_err_and(|missing| missing == block.id()));
        if wanted {
            self.chain.insert(block.clone());
            ctx.disarm(JolteonTimer::Fetch);
            self.commit_behind(ctx);
        }
    }
}
