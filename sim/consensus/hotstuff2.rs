//! HotStuff-2, pipelined: HotStuff in two phases, responsive whenever the leader before was.
//!
//! Source: Malkhi, Nayak, "Extended Abstract: HotStuff-2: Optimal Two-Phase Responsive BFT" (ePrint 2023/397), the
//! pipelined variant. The paper's *lock* is `high`, the highest certificate that a replica knows; its Δ is the setting
//! `leader_wait_ms`.
//!
//! One view: the leader multicasts a block that carries the certificate of its parent; a replica votes for it, to the
//! leader of the next view, if that certificate is at least as high as its own lock; a quorum of votes is the certificate
//! that opens the next view. A block is committed when it and its child of the very next view are certified: 5 message
//! delays. A leader that enters its view with the certificate of the view before proposes at once: nobody can be locked
//! higher. A leader that does not waits Δ, in which every honest replica's lock comes, and proposes on the highest; so it
//! needs no proof for what it proposes (Jolteon's TC in the proposal), and no third phase (HotStuff).
//!
//! Against the paper:
//! - The paper leaves view synchronisation to a pacemaker (it names one with epochs). Here it is Jolteon's all-to-all
//!   exchange of timeouts: a quorum of them is a TC. Whoever enters a view by a TC sends its lock to the leader, with the
//!   TC, so that the leader enters too and counts Δ from then. The setting stands for the paper's Δ and the time in which
//!   others enter; one that is too short costs views, not safety, as timeouts show locks to everyone.
//! - A proposal for a view that has not begun at a replica waits there until it does.
//! - Threshold signatures are lists of Ed25519 signatures.
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

use super::chained::{Ancestry, ChainedMessage, ChainedTimer, Early, Pace, Pacemaker, Quorum, is_proposal};
use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, Message, Protocol, Tally};

/// Settings of HotStuff-2.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HotStuff2Params {
    /// How long a replica waits in a view before it gives up on the leader, ms.
    pub view_timeout_ms: u64,
    /// Each further view without a commit multiplies the timeout by this many percent, up to 16-fold.
    pub timeout_growth_percent: u64,
    /// How long a leader without the certificate of the view before waits for others' locks, ms: the paper's Δ, the longest
    /// that a message takes.
    pub leader_wait_ms: u64,
}

impl Default for HotStuff2Params {
    fn default() -> Self {
        HotStuff2Params { view_timeout_ms: 5_000, timeout_growth_percent: 150, leader_wait_ms: 250 }
    }
}

impl HotStuff2Params {
    fn pace(&self) -> Pace {
        let (view_timeout_ms, timeout_growth_percent) = (self.view_timeout_ms, self.timeout_growth_percent);
        Pace { view_timeout_ms, timeout_growth_percent, leader_views: 1, pipeline: 3 }
    }
}

/// A HotStuff-2 replica.
pub struct HotStuff2 {
    me: ReplicaId,
    committee: Committee,
    params: HotStuff2Params,
    quorum: Quorum,
    pacemaker: Pacemaker,
    ancestry: Ancestry,
    votes: Tally,
    early: Early,
    voted: View,
    high: Arc<Certificate>,
    /// Whether it leads the view and waits for locks.
    waiting: bool,
    /// Whether the handler made a promise that must be on disk before it leaves.
    promised: bool,
}

type Ctx<'a> = Context<'a, HotStuff2>;

impl Protocol for HotStuff2 {
    const NAME: &'static str = "hotstuff2";
    /// A lone replica's own vote would open view after view in no time.
    const LEAST_REPLICAS: u32 = 2;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = super::chained::PLANTED;
    type Message = ChainedMessage;
    type Timer = ChainedTimer;
    type Params = HotStuff2Params;

    fn validate(params: &HotStuff2Params, _: u32) -> Result<(), BadSetting> {
        params.pace().validate()?;
        // A view in which the leader has waited must still have time for its proposal.
        BadSetting::unless_within("leader_wait_ms", params.leader_wait_ms, 0, params.view_timeout_ms / 2)
    }

    fn brisk() -> HotStuff2Params {
        HotStuff2Params { view_timeout_ms: 500, ..HotStuff2Params::default() }
    }

    fn promises(params: &HotStuff2Params) -> Promises {
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

    fn patience(params: &HotStuff2Params, committee: &Committee) -> Span {
        params.pace().patience(committee)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &HotStuff2Params) -> Self {
        assert!(committee.len() >= Self::LEAST_REPLICAS, "a lone replica's own vote opens view after view in no time");
        let pace = params.pace();
        HotStuff2 {
            me,
            committee: *committee,
            params: params.clone(),
            quorum: Quorum::new(committee),
            pacemaker: Pacemaker::new(committee, pace),
            ancestry: Ancestry::new(me, committee, pace.fetch_retry()),
            votes: Tally::new(committee),
            early: Early::default(),
            voted: View(0),
            high: Arc::new(Certificate::genesis(Block::genesis().id())),
            waiting: false,
            promised: false,
        }
    }

    fn recovered(&self) -> Self {
        HotStuff2 {
            pacemaker: self.pacemaker.recovered(),
            ancestry: self.ancestry.recovered(),
            voted: self.voted,
            high: self.high.clone(),
            ..HotStuff2::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start if self.pacemaker.view() == View(0) => self.enter(View(1), None, ctx),
            Event::Start => self.pacemaker.arm(ctx),
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(ChainedTimer::View) => self.on_view_timeout(ctx),
            Event::Expired(ChainedTimer::Fetch) => self.ancestry.on_not_found(ctx),
            Event::Expired(ChainedTimer::Wait) => self.propose(ctx),
            Event::Submitted => {}
        }
        if std::mem::take(&mut self.promised) {
            ctx.charge(Charge::Fsync);
        }
    }
}

impl HotStuff2 {
    /// A message whose certificate is no quorum's comes from a liar, and says nothing.
    fn on_received(&mut self, from: ReplicaId, message: &ChainedMessage, ctx: &mut Ctx<'_>) {
        if message.certificate().is_some_and(|certificate| !self.quorum.certifies(certificate)) {
            return;
        }
        match message {
            ChainedMessage::Proposal { block, parent, .. } => self.on_proposal(from, block, parent, ctx),
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

    /// "Enter": a leader with the certificate of the view before proposes at once, another waits Δ for locks. A replica
    /// that has no certificate to show for the view sends the leader its lock.
    fn enter(&mut self, view: View, opened_by: Option<Arc<TimeoutCertificate>>, ctx: &mut Ctx<'_>) {
        self.pacemaker.enter(view, opened_by.clone(), ctx);
        self.votes.prune(View(view.0 - 1));
        if std::mem::take(&mut self.waiting) {
            ctx.disarm(ChainedTimer::Wait);
        }
        let leader = self.pacemaker.leader(view);
        if leader == self.me {
            self.waiting = true;
            if self.high.view.next() == view {
                self.propose(ctx);
            } else {
                ctx.arm(ChainedTimer::Wait, Span::from_millis(self.params.leader_wait_ms));
            }
            return;
        }
        if let Some(certificate) = opened_by {
            ctx.send(leader, ChainedMessage::Advance { certificate, high: self.high.clone() });
        }
        if let Some((block, parent)) = self.early.take(view) {
            self.consider(&block, &parent, ctx);
        }
    }

    /// "Propose": a block that extends the highest certified one, once in a view that it leads.
    fn propose(&mut self, ctx: &mut Ctx<'_>) {
        if !std::mem::take(&mut self.waiting) {
            return;
        }
        ctx.disarm(ChainedTimer::Wait);
        let (view, parent) = (self.pacemaker.view(), self.high.clone());
        let payload = ctx.payload();
        let block = Block::sealed(view, parent.height.next(), self.me, parent.block, parent.view, payload);
        let block = Arc::new(block);
        ctx.broadcast(ChainedMessage::Proposal { block: block.clone(), parent: parent.clone(), opened_by: None });
        self.ancestry.insert(&block);
        self.consider(&block, &parent, ctx);
    }

    /// A proposal's certificate is locked on and advanced by like any other; a proposal for a view to come waits.
    fn on_proposal(&mut self, from: ReplicaId, block: &Arc<Block>, parent: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        if !is_proposal(block, parent, from, self.pacemaker.leader(block.view)) {
            return;
        }
        if !planted!("lock dropped") {
            self.lock(parent, ctx);
        } else {
            self.advance(parent, ctx);
        }
        let view = self.pacemaker.view();
        if block.view > view {
            return self.early.hold(block, parent, view);
        }
        self.consider(block, parent, ctx);
    }

    /// "Vote and commit": for the first proposal of the current view whose certificate is at least as high as the own
    /// lock, to the next leader.
    fn consider(&mut self, block: &Arc<Block>, parent: &Certificate, ctx: &mut Ctx<'_>) {
        self.ancestry.keep(block, self.pacemaker.view());
        // The certificate of this very block may have come before the block.
        if self.high.block == block.id() {
            self.commit_two_chain(ctx);
        }
        let first = block.view > self.voted || planted!("vote twice");
        let as_high = parent.view >= self.high.view || planted!("vote below the lock");
        if block.view != self.pacemaker.view() || !first || !as_high {
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

    /// "Prepare": a quorum of votes is a certificate, by which the next leader enters its view.
    fn on_vote(&mut self, from: ReplicaId, view: View, block: Digest, height: Height, ctx: &mut Ctx<'_>) {
        if self.pacemaker.collector(view) != self.me {
            return;
        }
        if let Some(signers) = self.votes.add(view, (block, height), from) {
            self.lock(&Arc::new(Certificate { phase: Phase::Vote, view, height, block, signers }), ctx);
        }
    }

    /// The lock is the highest certificate known. That of the view before ends a leader's wait.
    fn lock(&mut self, certificate: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        if certificate.view > self.high.view {
            self.high = certificate.clone();
            self.commit_two_chain(ctx);
        }
        self.advance(certificate, ctx);
        if self.waiting && self.high.view.next() == self.pacemaker.view() {
            self.propose(ctx);
        }
    }

    /// Two certified blocks of consecutive views, parent and child, commit the first and its ancestors.
    fn commit_two_chain(&mut self, ctx: &mut Ctx<'_>) {
        if self.ancestry.commit_two_chain(&self.high.block, ctx) {
            self.pacemaker.committed();
        }
    }

    fn advance(&mut self, certificate: &Certificate, ctx: &mut Ctx<'_>) {
        if certificate.view >= self.pacemaker.view() {
            self.enter(certificate.view.next(), None, ctx);
        }
    }

    fn advance_by_timeouts(&mut self, certificate: &Arc<TimeoutCertificate>, ctx: &mut Ctx<'_>) {
        let opened = self.pacemaker.opened(certificate);
        if opened > self.pacemaker.view() && self.quorum.gives_up(certificate) {
            if planted!("lock forgotten on view change") {
                self.high = Arc::new(Certificate::genesis(Block::genesis().id()));
            }
            self.enter(opened, Some(certificate.clone()), ctx);
        }
    }

    /// The view takes too long: no vote in it any more, and the lock to all.
    fn on_view_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let (view, high) = (self.pacemaker.view(), self.high.clone());
        self.voted = self.voted.max(view);
        self.promised = true;
        let opened_by = self.pacemaker.opened_by().cloned();
        ctx.broadcast(ChainedMessage::Timeout { view, high: high.clone(), opened_by, vote: None });
        self.pacemaker.rearm(ctx);
        self.count_timeout(self.me, view, high.view, ctx);
    }

    /// A timeout's certificates are locked on and advanced by like any other; a quorum of timeouts is a TC.
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
