//! The normal case: block period, PROPOSAL, PREPARE, COMMIT, decision (Moniz, algorithm 2).

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, Time, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Phase, TimeoutCertificate};

use super::{Ctx, Gathered, Prepared, Proposal, Qbft, QbftMessage, QbftTimer, justify};

impl Qbft {
    /// Besu: a height begins when the block period after its parent's proposal is over.
    pub(super) fn await_block_period(&mut self, ctx: &mut Ctx<'_>) {
        let due = self.parent_at + self.params.block_period();
        ctx.arm(QbftTimer::Block, Span(due.0.saturating_sub(ctx.now.0)));
    }

    /// The block period is over; with nothing to order, Besu's empty block period goes on.
    pub(super) fn on_block_period(&mut self, ctx: &mut Ctx<'_>) {
        if self.begun {
            return;
        }
        let wait = self.params.idle_wait();
        if !self.idle && wait > Span::ZERO && ctx.nothing_to_order() {
            self.idle = true;
            return ctx.arm(QbftTimer::Block, wait);
        }
        self.begin(ctx);
    }

    /// There is something to order: an idle height begins.
    pub(super) fn on_submitted(&mut self, ctx: &mut Ctx<'_>) {
        if self.idle && !self.begun {
            self.begin(ctx);
        }
    }

    /// Moniz, algorithm 2, "Start": round 0 begins, its proposer proposes, its timer starts.
    pub(super) fn begin(&mut self, ctx: &mut Ctx<'_>) {
        self.begun = true;
        ctx.disarm(QbftTimer::Block);
        self.time_round(ctx);
        ctx.expect(self.proposer(self.height.next(), View(0)));
        if self.proposes_now() && self.accepted.is_none() {
            let block = self.new_block(ctx);
            self.propose(block, None, None, ctx);
        }
    }

    /// A block of the current round on the last decided one.
    pub(super) fn new_block(&mut self, ctx: &mut Ctx<'_>) -> Arc<Block> {
        let payload = ctx.payload();
        let parent = self.archive.tip();
        Arc::new(Block::sealed(self.round, self.height, self.me, parent.id(), parent.view, payload))
    }

    pub(super) fn propose(
        &mut self,
        block: Arc<Block>,
        round_changes: Option<Arc<TimeoutCertificate>>,
        prepared: Option<Arc<Certificate>>,
        ctx: &mut Ctx<'_>,
    ) {
        let proposal = Proposal { round: self.round, block, at: ctx.now, round_changes, prepared };
        ctx.broadcast(QbftMessage::Proposal(proposal.clone()));
        if let Some(round) = self.now.round(self.round) {
            round.proposal = Some(proposal.clone());
        }
        self.accept(proposal, ctx);
    }

    /// A proposal is kept where its proposer sent it and it is justified: the first of each round.
    pub(super) fn on_proposal(&mut self, from: ReplicaId, proposal: &Proposal, ctx: &mut Ctx<'_>) {
        let (height, round) = (proposal.block.height, proposal.round);
        if !self.is_near(from, height, ctx) {
            return;
        }
        let by_proposer = planted!("proposer not checked") || from == self.proposer(height, round);
        if !by_proposer || !justify::is_justified(&self.committee, proposal) {
            return;
        }
        let Some(kept) = self.gathered(height).and_then(|gathered| gathered.round(round)) else { return };
        let again = planted!("prepare twice in a round") && kept.proposal.is_some();
        if kept.proposal.is_some() && !again {
            return;
        }
        kept.proposal = Some(proposal.clone());
        if height != self.height {
            return;
        }
        if again && round == self.round {
            self.accepted = None;
        }
        self.accept_latest(ctx);
        if self.height == height {
            self.decide_by_commits(round, proposal.block.id(), ctx);
        }
    }

    /// Accepts the proposal of the current round, or of a later one: its ROUND-CHANGEs show that a quorum is there
    /// (formal specification, `isValidProposal`).
    pub(super) fn accept_latest(&mut self, ctx: &mut Ctx<'_>) {
        let Some(proposal) = self.now.latest_proposal(self.round, self.tip()) else { return };
        if proposal.round == self.round && self.accepted.is_some() {
            return;
        }
        let proposal = proposal.clone();
        if proposal.round > self.round {
            self.enter_round(proposal.round, ctx);
        }
        self.accept(proposal, ctx);
    }

    /// Moniz, algorithm 2, on a justified PRE-PREPARE: the timer starts anew, and all hear a PREPARE.
    pub(super) fn accept(&mut self, proposal: Proposal, ctx: &mut Ctx<'_>) {
        let (height, round, block) = (self.height, self.round, proposal.block.id());
        self.accepted = Some(proposal);
        self.begun = true;
        self.write(ctx);
        ctx.disarm(QbftTimer::Block);
        self.start_round_timer(ctx);
        ctx.expect(self.proposer(height.next(), View(0)));
        ctx.broadcast(QbftMessage::Prepare { height, round, block });
        self.now.prepare(round, block, self.me);
        self.prepare_by_quorum(ctx);
    }

    pub(super) fn on_prepare(
        &mut self,
        from: ReplicaId,
        height: Height,
        round: View,
        block: Digest,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.is_near(from, height, ctx) {
            return;
        }
        let votes = self.gathered(height).and_then(|gathered| gathered.prepare(round, block, from));
        if height == self.height && votes.is_some_and(|votes| votes >= self.quorum()) {
            if round == self.round {
                self.prepare_by_quorum(ctx);
            } else if planted!("votes in rounds given up") && round < self.round {
                ctx.broadcast(QbftMessage::Commit { height, round, block });
            }
        }
    }

    /// Moniz, algorithm 2, on a quorum of PREPAREs of the current round: the block is prepared, and all hear a COMMIT.
    pub(super) fn prepare_by_quorum(&mut self, ctx: &mut Ctx<'_>) {
        let (height, view, quorum) = (self.height, self.round, self.quorum());
        let Some(accepted) = &self.accepted else { return };
        if self.is_prepared_now() {
            return;
        }
        let id = accepted.block.id();
        let Some(signers) = self.now.round(view).and_then(|round| round.prepares.quorum_for(id, quorum)) else {
            return;
        };
        let certificate = Certificate { phase: Phase::Vote, view, height, block: id, signers: signers.clone() };
        if planted!("early commit") {
            let (block, at) = (accepted.block.clone(), accepted.at);
            return self.decide(block, Arc::new(Certificate { phase: Phase::Commit, ..certificate }), at, ctx);
        }
        self.prepared = Some(Prepared { block: accepted.block.clone(), certificate: Arc::new(certificate) });
        self.write(ctx);
        ctx.broadcast(QbftMessage::Commit { height, round: view, block: id });
        self.now.commit(view, id, self.me);
        self.decide_by_commits(view, id, ctx);
    }

    /// Whether it has sent a COMMIT in the current round.
    pub(super) fn is_prepared_now(&self) -> bool {
        self.prepared.as_ref().is_some_and(|prepared| prepared.certificate.view == self.round)
    }

    pub(super) fn on_commit(&mut self, from: ReplicaId, height: Height, round: View, block: Digest, ctx: &mut Ctx<'_>) {
        if !self.is_near(from, height, ctx) {
            return;
        }
        let votes = self.gathered(height).and_then(|gathered| gathered.commit(round, block, from));
        if height == self.height && votes.is_some_and(|votes| votes >= self.quorum()) {
            self.decide_by_commits(round, block, ctx);
        }
    }

    /// Moniz, algorithm 2, on a quorum of COMMITs of any one round: decided, as soon as the block is at hand.
    pub(super) fn decide_by_commits(&mut self, view: View, id: Digest, ctx: &mut Ctx<'_>) {
        let (height, quorum) = (self.height, self.quorum());
        let Some(signers) = self.now.round(view).and_then(|round| round.commits.quorum_for(id, quorum)) else { return };
        let certificate = Certificate { phase: Phase::Commit, view, height, block: id, signers: signers.clone() };
        let found = match (self.now.proposed(id), self.now.prepared_block(id)) {
            (Some(proposal), _) => (proposal.block.clone(), proposal.at),
            (None, Some(block)) => (block.clone(), ctx.now),
            (None, None) => return,
        };
        if found.0.parent == self.tip() {
            self.decide(found.0, Arc::new(certificate), found.1, ctx);
        }
    }

    /// The height is decided: the next begins, with what was said there already.
    pub(super) fn decide(
        &mut self,
        block: Arc<Block>,
        certificate: Arc<Certificate>,
        proposed: Time,
        ctx: &mut Ctx<'_>,
    ) {
        self.archive.commit(block.clone(), certificate);
        ctx.commit(block);
        self.height = self.height.next();
        (self.round, self.accepted, self.prepared, self.changed) = (View(0), None, None, None);
        (self.idle, self.begun, self.timed, self.asked) = (false, false, false, None);
        self.parent_at = proposed.min(ctx.now);
        self.now = std::mem::replace(&mut self.next, Gathered::new(self.committee.len()));
        ctx.disarm(QbftTimer::Round);
        ctx.arm(QbftTimer::Retry, self.params.block_period() + self.params.retry());
        ctx.expect(self.proposer(self.height, View(0)));
        self.await_block_period(ctx);
        self.resume(ctx);
    }

    /// Acts on what was said at this height while the one before was undecided. Ends: what is said at the height after
    /// it is unknown yet.
    fn resume(&mut self, ctx: &mut Ctx<'_>) {
        let height = self.height;
        self.accept_latest(ctx);
        if self.height == height
            && let Some((round, block)) = self.now.committed(self.quorum())
        {
            self.decide_by_commits(round, block, ctx);
        }
        if self.height == height {
            self.follow_round_changes(ctx);
        }
    }
}
