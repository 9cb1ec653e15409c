//! HotStuff, chained: three phases of consecutive views overlap, one vote a view.
//!
//! Source: Yin, Malkhi, Reiter, Golan-Gueta, Abraham, "HotStuff: BFT Consensus with Linearity and Responsiveness",
//! PODC'19 (arXiv 1803.05069), Algorithm 3 (Chained HotStuff) with the state of Algorithm 4 (its event-driven form),
//! and section 5 on the pacemaker. The paper's *node* is our block, `viewNumber` its view, `vheight` is `voted`,
//! `qc_high` (`genericQC`) is `high`, `b_lock` (the node of `lockedQC`) is `lock`, *new-view* is `Advance` and `Timeout`.
//!
//! One view: the leader multicasts a block that carries the certificate of its parent; replicas vote to the leader of
//! the next view; a quorum of votes is the certificate that opens it. A certificate of a block is its first phase, of
//! its child the second (replicas lock on it), of its grandchild the third: a block is committed when it, its child and
//! its grandchild, of consecutive views, are certified: 7 message delays at a replica that leads none of the views.
//!
//! Against the paper:
//! - A block's parent is the block that its certificate is of: a leader proposes when it has a certificate of the view
//!   before or a TC, as in Algorithm 3, and needs no dummy nodes, as views are in the blocks.
//! - The paper leaves view synchronisation open. Here it is Jolteon's all-to-all exchange of timeouts, which are the
//!   *new-view* messages too: a quorum of them is a TC, and its holder has heard the highest certificate of a quorum, as
//!   the leader of Algorithm 3 must before it proposes. Messages to the new leader alone (quorum to one) leave replicas in
//!   different views when that leader is faulty; the exchange costs n times as much, only where a view fails. A proposal
//!   carries no TC: the rule for votes reads the certificate alone, and a proposal for a view that has not begun at a
//!   replica waits there until it does.
//! - A timeout repeats the vote of its view, and everyone counts those votes. Else a faulty leader would lose the
//!   certificate of the view before its own, and with n = 3f + 1 and leaders that change every view, three certified
//!   views in a row might never come.
//! - A TC ends the turn of a leader that leads several views in a row (`leader_views`): the next view is the first of the
//!   next leader. Views are skipped, never gone back to.
//! - A replica that has not got the certified block, whose certificate it would lock on, locks on the block itself: more
//!   than the paper asks, never less.
//! - Threshold signatures are lists of Ed25519 signatures, so a certificate is linear in size.
//! - Missing ancestors are fetched by id ([`super::chained`]), which the paper leaves to the implementation.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Digest, ReplicaId, Span, View};
use crate::ledger::{
    Block, Certificate, CommitRule, Committee, FaultModel, Locks, Phase, Promises, Slot, TimeoutCertificate,
};

use super::chained::{Ancestry, ChainedMessage, ChainedTimer, Early, Pace, Pacemaker, Quorum, is_proposal};
use super::planted::planted;
use super::tally::Candidate;
use super::{BadSetting, Charge, Context, Event, Message, Protocol, Tally};

/// The most views that a replica leads in a row: a leader for ever would be one that nobody can name ahead.
const MOST_LEADER_VIEWS: u64 = 1_000_000;

/// Settings of HotStuff.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HotStuffParams {
    /// How long a replica waits in a view before it gives up on the leader, ms.
    pub view_timeout_ms: u64,
    /// Each further view without a commit multiplies the timeout by this many percent, up to 16-fold.
    pub timeout_growth_percent: u64,
    /// How many views in a row a replica leads; 1 changes the leader every view.
    pub leader_views: u64,
}

impl Default for HotStuffParams {
    fn default() -> Self {
        HotStuffParams { view_timeout_ms: 5_000, timeout_growth_percent: 150, leader_views: 1 }
    }
}

impl HotStuffParams {
    fn pace(&self) -> Pace {
        let (view_timeout_ms, timeout_growth_percent) = (self.view_timeout_ms, self.timeout_growth_percent);
        Pace { view_timeout_ms, timeout_growth_percent, leader_views: self.leader_views, pipeline: 4 }
    }
}

/// A HotStuff replica.
pub struct HotStuff {
    me: ReplicaId,
    committee: Committee,
    params: HotStuffParams,
    quorum: Quorum,
    pacemaker: Pacemaker,
    ancestry: Ancestry,
    votes: Tally,
    early: Early,
    voted: View,
    /// The last vote, which the timeout of its view repeats.
    vote: Option<(View, Candidate)>,
    high: Arc<Certificate>,
    /// View and id of the block that it is locked on.
    lock: (View, Digest),
    /// Whether the handler made a promise that must be on disk before it leaves.
    promised: bool,
}

type Ctx<'a> = Context<'a, HotStuff>;

impl Protocol for HotStuff {
    const NAME: &'static str = "hotstuff";
    /// A lone replica's own vote would open view after view in no time.
    const LEAST_REPLICAS: u32 = 2;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = super::chained::PLANTED;
    type Message = ChainedMessage;
    type Timer = ChainedTimer;
    type Params = HotStuffParams;

    fn validate(params: &HotStuffParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("leader_views", params.leader_views, 1, MOST_LEADER_VIEWS)?;
        params.pace().validate()
    }

    fn brisk() -> HotStuffParams {
        HotStuffParams { view_timeout_ms: 500, ..HotStuffParams::default() }
    }

    fn promises(params: &HotStuffParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: params.pace().leaders(),
            slot: Slot::View,
            commit: CommitRule::Consecutive { views: 3 },
            silent_after_timeout: true,
            locks: Locks::Stated,
            signed: true,
            delays: 7,
        }
    }

    fn patience(params: &HotStuffParams, committee: &Committee) -> Span {
        params.pace().patience(committee)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &HotStuffParams) -> Self {
        assert!(committee.len() >= Self::LEAST_REPLICAS, "a lone replica's own vote opens view after view in no time");
        let pace = params.pace();
        HotStuff {
            me,
            committee: *committee,
            params: params.clone(),
            quorum: Quorum::new(committee),
            pacemaker: Pacemaker::new(committee, pace),
            ancestry: Ancestry::new(me, committee, pace.fetch_retry()),
            votes: Tally::new(committee),
            early: Early::default(),
            voted: View(0),
            vote: None,
            high: Arc::new(Certificate::genesis(Block::genesis().id())),
            lock: (View(0), Block::genesis().id()),
            promised: false,
        }
    }

    fn recovered(&self) -> Self {
        HotStuff {
            pacemaker: self.pacemaker.recovered(),
            ancestry: self.ancestry.recovered(),
            voted: self.voted,
            vote: self.vote,
            high: self.high.clone(),
            lock: self.lock,
            ..HotStuff::new(self.me, &self.committee, &self.params)
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

impl HotStuff {
    /// A message whose certificate is no quorum's comes from a liar, and says nothing.
    fn on_received(&mut self, from: ReplicaId, message: &ChainedMessage, ctx: &mut Ctx<'_>) {
        if message.certificate().is_some_and(|certificate| !self.quorum.certifies(certificate)) {
            return;
        }
        match message {
            ChainedMessage::Proposal { block, parent, .. } => self.on_proposal(from, block, parent, ctx),
            ChainedMessage::Vote { view, block, height } => self.on_vote(from, *view, (*block, *height), ctx),
            ChainedMessage::Timeout { view, high, opened_by, vote } => {
                self.on_timeout(from, *view, high, opened_by.as_ref(), *vote, ctx);
            }
            ChainedMessage::Advance { certificate, high } => {
                self.update(high, ctx);
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

    /// Algorithm 3, "as a leader", and Algorithm 4, `onPropose`: the new block extends the highest certified one.
    fn propose(&mut self, ctx: &mut Ctx<'_>) {
        let (view, parent) = (self.pacemaker.view(), self.high.clone());
        let payload = ctx.payload();
        let block = Block::sealed(view, parent.height.next(), self.me, parent.block, parent.view, payload);
        let block = Arc::new(block);
        ctx.broadcast(ChainedMessage::Proposal { block: block.clone(), parent: parent.clone(), opened_by: None });
        self.ancestry.insert(&block);
        self.consider(&block, &parent, ctx);
    }

    /// Algorithm 4, `onReceiveProposal`; a proposal for a view to come waits.
    fn on_proposal(&mut self, from: ReplicaId, block: &Arc<Block>, parent: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        if !is_proposal(block, parent, from, self.pacemaker.leader(block.view)) {
            return;
        }
        if !planted!("lock dropped") {
            self.update(parent, ctx);
        } else {
            self.advance(parent, ctx);
        }
        let view = self.pacemaker.view();
        if block.view > view {
            return self.early.hold(block, parent, view);
        }
        self.consider(block, parent, ctx);
    }

    /// Keeps the block, and votes for it (Algorithm 3, "as a replica"; Algorithm 4, `onReceiveProposal`): for the first
    /// one of the current view that is safe.
    fn consider(&mut self, block: &Arc<Block>, parent: &Certificate, ctx: &mut Ctx<'_>) {
        self.ancestry.keep(block, self.pacemaker.view());
        // Its certificate, or a child's, may have come before the block.
        if block.view <= self.high.view {
            self.lock_and_commit(ctx);
        }
        let first = block.view > self.voted || planted!("vote twice");
        if block.view != self.pacemaker.view() || !first || !self.is_safe(parent) {
            return;
        }
        let candidate = (block.id(), block.height);
        self.voted = block.view;
        self.vote = Some((block.view, candidate));
        self.promised = true;
        let collector = self.pacemaker.collector(block.view);
        let vote = ChainedMessage::Vote { view: block.view, block: block.id(), height: block.height };
        if collector != self.me {
            ctx.send(collector, vote);
        } else {
            vote.statement(self.me).into_iter().for_each(|statement| ctx.state(statement));
            self.on_vote(self.me, block.view, candidate, ctx);
        }
    }

    /// Algorithm 1, `safeNode`: the block extends the locked one (safety), or its parent's certificate is of a higher
    /// view than the lock (liveness). Views grow along a chain, so a block whose parent's view is at most the lock's can
    /// extend the locked block only as its child.
    fn is_safe(&self, parent: &Certificate) -> bool {
        let (locked_view, locked) = self.lock;
        let safety = parent.block == locked;
        let liveness = parent.view > locked_view;
        safety || liveness || planted!("safe node unchecked")
    }

    /// Votes go to the leader of the next view.
    fn on_vote(&mut self, from: ReplicaId, view: View, candidate: Candidate, ctx: &mut Ctx<'_>) {
        if self.pacemaker.collector(view) == self.me {
            self.collect(from, view, candidate, ctx);
        }
    }

    /// Algorithm 4, `onReceiveVote`: a quorum of votes is a certificate.
    fn collect(&mut self, from: ReplicaId, view: View, candidate: Candidate, ctx: &mut Ctx<'_>) {
        if let Some(signers) = self.votes.add(view, candidate, from) {
            let (block, height) = candidate;
            self.update(&Arc::new(Certificate { phase: Phase::Vote, view, height, block, signers }), ctx);
        }
    }

    /// Algorithm 4, `updateQCHigh` and `update`; a certificate opens the view after its own.
    fn update(&mut self, certificate: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        if certificate.view > self.high.view {
            self.high = certificate.clone();
            self.lock_and_commit(ctx);
        }
        self.advance(certificate, ctx);
    }

    /// Algorithm 4, `update`, of the highest certificate: b'' is the block that it certifies, b' and b are its parent and
    /// grandparent. The lock is on b'; b is committed if the three are of consecutive views.
    fn lock_and_commit(&mut self, ctx: &mut Ctx<'_>) {
        let certified = self.ancestry.get(&self.high.block);
        let lock = certified.map_or((self.high.view, self.high.block), |block| (block.parent_view, block.parent));
        if lock.0 > self.lock.0 {
            self.lock = lock;
        }
        let Some(third) = certified else { return };
        let Some(second) = self.ancestry.get(&third.parent) else { return };
        let adjacent = third.view == second.view.next() && second.view == second.parent_view.next();
        let (first, view) =
            if planted!("early commit") { (second.id(), second.view) } else { (second.parent, second.parent_view) };
        let consecutive = adjacent || planted!("non-consecutive commit");
        if consecutive && view > self.ancestry.tip().view && self.ancestry.commit_to(first, ctx) {
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
                self.lock = (View(0), self.high.block);
            }
            self.enter(opened, Some(certificate.clone()), ctx);
        }
    }

    /// Algorithm 5, `onNewView` and `onBeat`: the leader of a view proposes at once, as it holds the certificate of the
    /// view before or has heard of a quorum's highest ones; to it goes the TC with what its holder heard.
    fn enter(&mut self, view: View, opened_by: Option<Arc<TimeoutCertificate>>, ctx: &mut Ctx<'_>) {
        self.pacemaker.enter(view, opened_by.clone(), ctx);
        self.votes.prune(View(view.0 - 1));
        let leader = self.pacemaker.leader(view);
        if leader == self.me {
            return self.propose(ctx);
        }
        if let Some(certificate) = opened_by {
            ctx.send(leader, ChainedMessage::Advance { certificate, high: self.high.clone() });
        }
        if let Some((block, parent)) = self.early.take(view) {
            self.consider(&block, &parent, ctx);
        }
    }

    /// Algorithm 3, `nextView` interrupt: no vote in the view any more, and the highest certificate to all.
    fn on_view_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let (view, high) = (self.pacemaker.view(), self.high.clone());
        self.voted = self.voted.max(view);
        self.promised = true;
        let vote = self.vote.filter(|(of, _)| *of == view).map(|(_, candidate)| candidate);
        let opened_by = self.pacemaker.opened_by().cloned();
        ctx.broadcast(ChainedMessage::Timeout { view, high: high.clone(), opened_by, vote });
        self.pacemaker.rearm(ctx);
        self.count(self.me, view, high.view, vote, ctx);
    }

    /// What a timeout carries is used like any other certificate, TC or vote; a quorum of timeouts is a TC.
    fn on_timeout(
        &mut self,
        from: ReplicaId,
        view: View,
        high: &Arc<Certificate>,
        opened_by: Option<&Arc<TimeoutCertificate>>,
        vote: Option<Candidate>,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.pacemaker.has_begun(view, high, opened_by.map(|certificate| &**certificate)) {
            return;
        }
        self.update(high, ctx);
        if planted!("lowest certificate taken on timeout") && high.view < self.high.view {
            self.high = high.clone();
        }
        if let Some(certificate) = opened_by {
            self.advance_by_timeouts(certificate, ctx);
        }
        self.count(from, view, high.view, vote, ctx);
    }

    /// The vote first: a certificate of the view is worth more than a TC.
    fn count(&mut self, from: ReplicaId, view: View, high: View, vote: Option<Candidate>, ctx: &mut Ctx<'_>) {
        if let Some(candidate) = vote {
            self.collect(from, view, candidate, ctx);
        }
        if let Some(certificate) = self.pacemaker.count(from, view, high) {
            self.advance_by_timeouts(&certificate, ctx);
        }
    }
}
