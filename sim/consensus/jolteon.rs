//! Jolteon: two-chain HotStuff with timeout certificates.
//!
//! Source: Gelashvili, Kokoris-Kogias, Sonnino, Spiegelman, Xiang, "Jolteon and Ditto: Network-Adaptive Efficient
//! Consensus with Asynchronous Fallback", FC'22 (arXiv 2106.10362v4), section 3, which edits DiemBFT's steady state.
//! The paper's *round* is our view, its `qc_high` is `high`, its `r_vote` is `voted`, its `r_cur` is the pacemaker's view.
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
//! - Missing ancestors are fetched by id ([`super::chained`]), which the paper leaves to the implementation.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::ledger::{
    Block, Certificate, CommitRule, Committee, FaultModel, Locks, Phase, Promises, Slot, TimeoutCertificate,
};

use super::chained::{Ancestry, ChainedMessage, ChainedTimer, Pace, Pacemaker, Quorum, is_proposal};
use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, Message, Protocol, Tally};

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

impl JolteonParams {
    fn pace(&self) -> Pace {
        let (view_timeout_ms, timeout_growth_percent) = (self.view_timeout_ms, self.timeout_growth_percent);
        Pace { view_timeout_ms, timeout_growth_percent, leader_views: 1, pipeline: 3 }
    }
}

/// A Jolteon replica.
pub struct Jolteon {
    me: ReplicaId,
    committee: Committee,
    params: JolteonParams,
    quorum: Quorum,
    pacemaker: Pacemaker,
    ancestry: Ancestry,
    votes: Tally,
    voted: View,
    high: Arc<Certificate>,
    /// Whether the handler made a promise that must be on disk before it leaves.
    promised: bool,
}

type Ctx<'a> = Context<'a, Jolteon>;

impl Protocol for Jolteon {
    const NAME: &'static str = "jolteon";
    /// A lone replica's own vote would open view after view in no time.
    const LEAST_REPLICAS: u32 = 2;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = super::chained::PLANTED;
    type Message = ChainedMessage;
    type Timer = ChainedTimer;
    type Params = JolteonParams;

    fn validate(params: &JolteonParams, _: u32) -> Result<(), BadSetting> {
        params.pace().validate()
    }

    fn brisk() -> JolteonParams {
        JolteonParams { view_timeout_ms: 500, ..JolteonParams::default() }
    }

    fn promises(params: &JolteonParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: params.pace().leaders(),
            slot: Slot::View,
            commit: CommitRule::Consecutive { views: 2 },
            silent_after_timeout: true,
            locks: Locks::Stated,
            signed: true,
            delays: 5,
        }
    }

    fn patience(params: &JolteonParams, committee: &Committee) -> Span {
        params.pace().patience(committee)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &JolteonParams) -> Self {
        assert!(committee.len() >= Self::LEAST_REPLICAS, "a lone replica's own vote opens view after view in no time");
        let pace = params.pace();
        Jolteon {
            me,
            committee: *committee,
            params: params.clone(),
            quorum: Quorum::new(committee),
            pacemaker: Pacemaker::new(committee, pace),
            ancestry: Ancestry::new(me, committee, pace.fetch_retry()),
            votes: Tally::new(committee),
            voted: View(0),
            high: Arc::new(Certificate::genesis(Block::genesis().id())),
            promised: false,
        }
    }

    fn recovered(&self) -> Self {
        Jolteon {
            pacemaker: self.pacemaker.recovered(),
            ancestry: self.ancestry.recovered(),
            voted: self.voted,
            high: self.high.clone(),
            ..Jolteon::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start if self.pacemaker.view() == View(0) => self.enter(View(1), None, ctx),
            Event::Start => self.pacemaker.arm(ctx),
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(ChainedTimer::View) => self.on_view_timeout(ctx),
            Event::Expired(ChainedTimer::Fetch) => self.ancestry.on_not_found(ctx),
            Event::Submitted | Event::Expired(ChainedTimer::Wait) => {}
        }
        if std::mem::take(&mut self.promised) {
            ctx.charge(Charge::Fsync);
        }
    }
}

impl Jolteon {
    /// A message whose certificate is no quorum's comes from a liar, and says nothing.
    fn on_received(&mut self, from: ReplicaId, message: &ChainedMessage, ctx: &mut Ctx<'_>) {
        if message.certificate().is_some_and(|certificate| !self.quorum.certifies(certificate)) {
            return;
        }
        match message {
            ChainedMessage::Proposal { block, parent, opened_by } => {
                self.on_proposal(from, block, parent, opened_by.as_ref(), ctx);
            }
            ChainedMessage::Vote { view, block, height } => self.on_vote(from, *view, *block, *height, ctx),
            ChainedMessage::Timeout { view, high, opened_by, .. } => {
                self.on_timeout(from, *view, high, opened_by.as_ref(), ctx);
            }
            ChainedMessage::Advance { certificate, high } => {
                self.lock(high, ctx);
                self.advance_by_timeouts(certificate, ctx);
            }
            ChainedMessage::Fetch { block, above } => self.ancestry.on_fetch(from, block, *above, ctx),
            ChainedMessage::Found(block) => {
                if self.ancestry.on_found(block, ctx) {
                    self.pacemaker.committed();
                }
            }
        }
    }

    /// Section 3, "Propose": on entering a view its leader multicasts a block that extends `high`.
    fn propose(&mut self, ctx: &mut Ctx<'_>) {
        let (view, parent) = (self.pacemaker.view(), self.high.clone());
        let payload = ctx.payload();
        let block = Block::sealed(view, parent.height.next(), self.me, parent.block, parent.view, payload);
        let block = Arc::new(block);
        let opened_by = self.pacemaker.opened_by().cloned();
        let proposal =
            ChainedMessage::Proposal { block: block.clone(), parent: parent.clone(), opened_by: opened_by.clone() };
        ctx.broadcast(proposal);
        self.ancestry.insert(&block);
        self.vote(&block, &parent, opened_by.as_ref(), ctx);
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
        if !is_proposal(block, parent, from, self.pacemaker.leader(block.view)) {
            return;
        }
        if !planted!("lock dropped") {
            self.lock(parent, ctx);
        } else {
            self.advance(parent, ctx);
        }
        if let Some(certificate) = opened_by {
            self.advance_by_timeouts(certificate, ctx);
        }
        self.ancestry.keep(block, self.pacemaker.view());
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
        let first = block.view > self.voted || planted!("vote twice");
        if block.view != self.pacemaker.view() || !first {
            return;
        }
        let consecutive = block.view == parent.view.next();
        let justified = |tc: &Arc<TimeoutCertificate>| {
            block.view == self.pacemaker.opened(tc) && parent.view >= tc.highest() && self.quorum.gives_up(tc)
        };
        if !consecutive && !opened_by.is_some_and(justified) {
            return;
        }
        self.voted = block.view;
        self.promised = true;
        let collector = self.pacemaker.collector(block.view);
        let vote = ChainedMessage::Vote { view: block.view, block: block.id(), height: block.height };
        if collector != self.me {
            ctx.send(collector, vote);
        } else {
            vote.statement(self.me).into_iter().for_each(|statement| ctx.state(statement));
            self.on_vote(self.me, block.view, block.id(), block.height, ctx);
        }
    }

    /// A quorum of votes is a certificate, which the next leader locks on and enters its view by.
    fn on_vote(&mut self, from: ReplicaId, view: View, block: Digest, height: Height, ctx: &mut Ctx<'_>) {
        if self.pacemaker.collector(view) != self.me {
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
        self.advance(certificate, ctx);
    }

    /// Section 3, "Commit": two adjacent certified blocks of consecutive views commit the first and its ancestors.
    fn commit_two_chain(&mut self, ctx: &mut Ctx<'_>) {
        if self.ancestry.commit_two_chain(&self.high.block, ctx) {
            self.pacemaker.committed();
        }
    }

    /// Section 3, "Advance Round" by a certificate.
    fn advance(&mut self, certificate: &Certificate, ctx: &mut Ctx<'_>) {
        if certificate.view >= self.pacemaker.view() {
            self.enter(certificate.view.next(), None, ctx);
        }
    }

    /// Section 3, "Advance Round" by a TC.
    fn advance_by_timeouts(&mut self, certificate: &Arc<TimeoutCertificate>, ctx: &mut Ctx<'_>) {
        let opened = self.pacemaker.opened(certificate);
        if opened > self.pacemaker.view() && self.quorum.gives_up(certificate) {
            if planted!("lock forgotten on view change") {
                self.high = Arc::new(Certificate::genesis(Block::genesis().id()));
            }
            self.enter(opened, Some(certificate.clone()), ctx);
        }
    }

    /// Section 3, "Advance Round" and "Timer": entering a view starts its timer; a TC goes to the view's leader.
    fn enter(&mut self, view: View, opened_by: Option<Arc<TimeoutCertificate>>, ctx: &mut Ctx<'_>) {
        self.pacemaker.enter(view, opened_by.clone(), ctx);
        self.votes.prune(View(view.0 - 1));
        let leader = self.pacemaker.leader(view);
        if leader == self.me {
            self.propose(ctx);
        } else if let Some(certificate) = opened_by {
            ctx.send(leader, ChainedMessage::Advance { certificate, high: self.high.clone() });
        }
    }

    /// Section 3, "Timer and Timeout": stop voting in the view and multicast a timeout with `high`.
    fn on_view_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let (view, high) = (self.pacemaker.view(), self.high.clone());
        self.voted = self.voted.max(view);
        self.promised = true;
        let opened_by = self.pacemaker.opened_by().cloned();
        ctx.broadcast(ChainedMessage::Timeout { view, high: high.clone(), opened_by, vote: None });
        self.pacemaker.rearm(ctx);
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
        if !self.pacemaker.has_begun(view, high, opened_by.map(|certificate| &**certificate)) {
            return;
        }
        self.lock(high, ctx);
        if planted!("lowest certificate taken on timeout") && high.view < self.high.view {
            self.high = high.clone();
        }
        if let Some(certificate) = opened_by {
            self.advance_by_timeouts(certificate, ctx);
        }
        self.count_timeout(from, view, high.view, ctx);
    }

    fn count_timeout(&mut self, from: ReplicaId, view: View, high: View, ctx: &mut Ctx<'_>) {
        if let Some(certificate) = self.pacemaker.count(from, view, high) {
            self.advance_by_timeouts(&certificate, ctx);
        }
    }
}
