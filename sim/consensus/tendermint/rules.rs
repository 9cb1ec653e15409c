//! Algorithm 1, rule by rule: what a replica does upon what it has received, each with its lines in the paper.
//!
//! A rule reads what is counted and says whether it applied; [`Tendermint::apply_rules`] tries them until none does. It
//! is called when something that a rule reads has changed: a proposal came, a count of votes reached a quorum, a step or
//! round began.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Phase};

use super::message::{Ballot, Header, TendermintMessage};
use super::votes::{AHEAD, Rounds, Votes};
use super::{Ctx, Once, Said, State, Step, Tendermint, Timer, Transport, Valid};

/// How long before the end of the pause a batch must leave to reach the proposer in time: about the longest way.
const LATE: Span = Span::from_millis(200);

impl Tendermint {
    /// At genesis the first round begins; after a crash the height goes on from where the log ends.
    pub(super) fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        let State { height, view, step, .. } = self.state;
        ctx.expect(self.proposer(height, view));
        ctx.arm(Timer::Repeat, self.repeat_in());
        match step {
            Step::Pause if height == Height(1) => self.on_pause_over(ctx),
            Step::Pause => ctx.arm(Timer::Commit, self.pause()),
            Step::Propose if self.proposer(height, view) == self.me => self.propose(ctx),
            Step::Propose => ctx.arm(Timer::Propose, self.params.propose_in(view)),
            Step::Prevote | Step::Precommit => {}
        }
        if height > Height(1) || step > Step::Pause {
            self.repeat(ctx);
        }
        self.apply_rules(ctx);
    }

    /// The pause after a commit is over: the first round begins, or waits for something to order.
    pub(super) fn on_pause_over(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.step > Step::Pause {
            return;
        }
        let begun = self.rounds.get(View(0)).is_some_and(|round| round.prevotes.voters() > 0);
        if self.params.create_empty_blocks || begun || !ctx.nothing_to_order() {
            self.start_round(View(0), ctx);
            self.apply_rules(ctx);
        } else {
            self.idle = true;
        }
    }

    /// The proposer of the first round proposes soon: it is the one after it that can be reached in time.
    pub(super) fn on_late(&mut self, ctx: &mut Ctx<'_>) {
        let State { height, step, .. } = self.state;
        if step == Step::Pause && self.params.create_empty_blocks {
            ctx.expect(self.proposer(height, View(1)));
        }
    }

    /// There is something to order.
    pub(super) fn on_submitted(&mut self, ctx: &mut Ctx<'_>) {
        if self.idle && !ctx.nothing_to_order() {
            self.end_idleness(ctx);
            self.apply_rules(ctx);
        }
    }

    /// Someone has something to order.
    pub(super) fn end_idleness(&mut self, ctx: &mut Ctx<'_>) {
        if self.idle {
            self.start_round(View(0), ctx);
        }
    }

    /// Lines 11 to 21, StartRound.
    fn start_round(&mut self, view: View, ctx: &mut Ctx<'_>) {
        self.idle = false;
        self.once = Once::default();
        self.state.step = Step::Propose;
        if view > self.state.view {
            self.state.view = view;
            self.state.before = std::mem::replace(&mut self.state.now, Said { view, ..Said::default() });
        }
        if planted!("lock forgotten on a new round") {
            self.state.locked = None;
        }
        self.rounds.reach(view);
        [Timer::Commit, Timer::Prevote, Timer::Precommit].into_iter().for_each(|timer| ctx.disarm(timer));
        ctx.arm(Timer::Repeat, self.repeat_in());
        ctx.expect(self.proposer(self.state.height, view.next()));
        if self.proposer(self.state.height, view) == self.me {
            ctx.disarm(Timer::Propose);
            self.propose(ctx);
        } else {
            ctx.arm(Timer::Propose, self.params.propose_in(view));
        }
    }

    /// Lines 14 to 19: the proposer proposes validValue, or else a new block.
    fn propose(&mut self, ctx: &mut Ctx<'_>) {
        let State { height, view, .. } = self.state;
        let valid = self.state.valid.clone().filter(|_| !planted!("valid value forgotten"));
        if let Some(Valid { polka, .. }) = &valid {
            let polka = polka.clone();
            self.spread(ctx, || TendermintMessage::Polka(polka));
        }
        // After a crash the proposal that is on disk is the only one.
        if self.state.now.proposed.is_none() {
            let block = valid.as_ref().map_or_else(|| self.new_block(ctx), |valid| valid.block.clone());
            let valid = valid.map(|valid| valid.view);
            let header = Header { by: self.me, height, view, valid, block: block.id() };
            self.state.now.proposed = Some((header, block));
            self.dirty = true;
        }
        let Some((header, block)) = self.state.now.proposed.clone() else { return };
        if let Some(round) = self.rounds.get_mut(view) {
            round.header = Some(header);
        }
        match self.params.transport {
            Transport::Direct => {
                self.keep_block(&header, &block);
                ctx.broadcast(TendermintMessage::Proposal { header, block, again: false });
            }
            Transport::Gossip => self.send_in_parts(header, &block, ctx),
        }
    }

    /// getValue().
    fn new_block(&self, ctx: &mut Ctx<'_>) -> Arc<Block> {
        let (tip, payload) = (self.archive.tip(), ctx.payload());
        let State { height, view, .. } = self.state;
        Arc::new(Block::sealed(view, height, self.me, tip.id(), tip.view, payload))
    }

    /// valid(v): a child of the last decided block, by whoever was to propose when it was new.
    pub(super) fn is_valid(&self, block: &Block, view: View) -> bool {
        let (tip, height) = (self.archive.tip(), self.state.height);
        (block.height, block.parent, block.parent_view) == (height, tip.id(), tip.view)
            && block.view <= view
            && block.author == self.proposer(height, block.view)
    }

    /// A proposal came, whole: of its round the first by the round's proposer counts.
    pub(super) fn on_proposal(&mut self, from: ReplicaId, header: &Header, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        let Header { by, height, view, .. } = *header;
        if header.block != block.id() || block.height != height || by != self.proposer(height, view) {
            return;
        }
        self.note_round(from, by, (height, view), ctx);
        let current = (height, view) == (self.state.height, self.state.view);
        let Some(round) = self.round(height, view) else { return };
        if round.header.is_some_and(|known| known != *header) {
            if !planted!("prevote twice") {
                return;
            }
            if current {
                (self.state.step, self.state.now.prevote) = (Step::Propose, None);
            }
        }
        if let Some(round) = self.round(height, view) {
            round.header = Some(*header);
        }
        self.keep_block(header, block);
        self.apply_rules(ctx);
    }

    /// A vote came. Almost always it is one more of the current round and of no consequence.
    pub(super) fn on_vote(&mut self, by: ReplicaId, via: ReplicaId, ballot: &Ballot, ctx: &mut Ctx<'_>) {
        let new = self.count_vote(by, ballot);
        if new && !self.neighbours.is_empty() {
            self.pass_on(via, by, TendermintMessage::Passed { by, ballot: *ballot }, ctx);
        }
        self.note_round(via, by, (ballot.height, ballot.view), ctx);
        if new && ballot.height == self.state.height && self.has_reached_quorum(ballot) {
            self.apply_rules(ctx);
        }
    }

    /// Whether the votes that `ballot` was counted among are now exactly as many as a rule asks for.
    fn has_reached_quorum(&mut self, ballot: &Ballot) -> bool {
        let quorum = self.quorum();
        let votes = self.rounds.get_mut(ballot.view).and_then(|round| round.votes(ballot.phase));
        votes.is_some_and(|votes| votes.voters() == quorum || votes.count(&ballot.block) == quorum)
    }

    /// Line 55: f + 1 replicas in a later round, or in rounds after it, are reason to join it. That a replica has voted
    /// at a later height is reason to ask what was decided at this one.
    pub(super) fn note_round(&mut self, via: ReplicaId, by: ReplicaId, at: (Height, View), ctx: &mut Ctx<'_>) {
        let (height, view) = at;
        if height > self.state.height {
            self.note_ahead(via, height, ctx);
        }
        if height != self.state.height {
            return;
        }
        self.end_idleness(ctx);
        if view <= self.state.view || by.0 >= self.committee.len() {
            return;
        }
        self.claims.resize(self.committee.len() as usize, 0);
        let claim = &mut self.claims[by.index()];
        *claim = (*claim).max(view.0);
        let there = self.claims.iter().filter(|&&claim| claim >= view.0).count();
        if there >= self.committee.witness() as usize && view.0 < u64::MAX - AHEAD {
            self.start_round(view, ctx);
            self.apply_rules(ctx);
        }
    }

    /// Tries the rules until none applies.
    pub(super) fn apply_rules(&mut self, ctx: &mut Ctx<'_>) {
        while self.decide(ctx)
            || self.prevote_on_proposal(ctx)
            || self.time_prevotes(ctx)
            || self.precommit_on_polka(ctx)
            || self.precommit_nil(ctx)
            || self.time_precommits(ctx)
        {}
    }

    /// Lines 22 to 27, a new proposal, and 28 to 33, one that a polka of an earlier round made valid.
    fn prevote_on_proposal(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let view = self.state.view;
        let Some((header, block)) = self.proposal().filter(|_| self.state.step <= Step::Propose) else { return false };
        let locked = self.state.locked.filter(|(_, locked)| *locked != header.block);
        let unlocked = match header.valid {
            None => block.view == view && (locked.is_none() || planted!("lock ignored")),
            Some(valid) if valid < view && self.has_polka(valid, &header.block) => {
                locked.is_none_or(|(locked, _)| locked <= valid)
            }
            Some(_) => return false,
        };
        let accepted = unlocked && self.is_valid(&block, view);
        // A proposal that comes before the pause is over is not made to wait, as in CometBFT.
        [Timer::Commit, Timer::Propose].into_iter().for_each(|timer| ctx.disarm(timer));
        self.idle = false;
        self.say(Phase::Vote, if accepted { header.block } else { Digest::ZERO }, ctx);
        if accepted && planted!("precommit without polka") {
            self.say(Phase::Commit, header.block, ctx);
        }
        true
    }

    /// The current round's proposal, whole.
    fn proposal(&self) -> Option<(Header, Arc<Block>)> {
        let round = self.rounds.get(self.state.view)?;
        Some((round.header?, round.block.clone()?))
    }

    fn has_polka(&self, view: View, block: &Digest) -> bool {
        self.rounds.get(view).is_some_and(|round| round.prevotes.count(block) >= self.quorum())
    }

    /// Lines 34 and 35: a quorum prevoted, and not for one thing.
    fn time_prevotes(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let enough = self.prevotes().is_some_and(|votes| votes.voters() >= self.quorum());
        if !enough || self.state.step != Step::Prevote || self.once.prevotes_timed {
            return false;
        }
        self.once.prevotes_timed = true;
        if !planted!("prevotes never time out") {
            ctx.arm(Timer::Prevote, self.params.prevote_in(self.state.view));
        }
        true
    }

    fn prevotes(&self) -> Option<&Votes> {
        Some(&self.rounds.get(self.state.view)?.prevotes)
    }

    /// Lines 36 to 43: a polka for the proposal makes it valid, and locks whoever sees it while it prevotes.
    fn precommit_on_polka(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let (view, step) = (self.state.view, self.state.step);
        if step < Step::Prevote || self.once.polka {
            return false;
        }
        let Some((header, block)) = self.proposal() else { return false };
        if !self.has_polka(view, &header.block) || !self.is_valid(&block, view) {
            return false;
        }
        self.once.polka = true;
        let signers = self.prevotes().and_then(|votes| votes.of(&header.block));
        let polka = signers.map(|signers| Arc::new(self.certificate(Phase::Vote, view, header.block, signers)));
        self.state.valid = polka.map(|polka| Valid { view, block, polka });
        if step == Step::Prevote {
            self.state.locked = Some((view, header.block)).filter(|_| !planted!("lock dropped"));
            ctx.disarm(Timer::Prevote);
            self.say(Phase::Commit, header.block, ctx);
        }
        true
    }

    /// Lines 44 to 46: a quorum prevoted nil.
    fn precommit_nil(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let nil = self.prevotes().is_some_and(|votes| votes.count(&Digest::ZERO) >= self.quorum());
        if !nil || self.state.step != Step::Prevote {
            return false;
        }
        ctx.disarm(Timer::Prevote);
        self.say(Phase::Commit, Digest::ZERO, ctx);
        true
    }

    /// Lines 47 and 48: a quorum precommitted, and not one thing.
    fn time_precommits(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let round = self.rounds.get(self.state.view);
        let enough = round.is_some_and(|round| round.precommits.voters() >= self.quorum());
        if !enough || self.once.precommits_timed {
            return false;
        }
        self.once.precommits_timed = true;
        ctx.arm(Timer::Precommit, self.params.precommit_in(self.state.view));
        true
    }

    /// Lines 49 to 54: a quorum precommitted a block in some round.
    fn decide(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let quorum = self.quorum();
        let early = planted!("commit on prevotes");
        let decided = self.rounds.iter().rev().find_map(|(view, round)| {
            let votes = if early { &round.prevotes } else { &round.precommits };
            let id = votes.decided(quorum)?;
            Some((view, id, votes.of(&id)?))
        });
        let Some((view, id, signers)) = decided else { return false };
        let Some(block) = self.rounds.block(&id).filter(|block| self.is_valid(block, view)) else {
            // Whoever precommitted it has it, and will have decided soon.
            let (signer, height) = (signers.iter().find(|&by| by != self.me), self.state.height);
            signer.into_iter().for_each(|signer| self.note_ahead(signer, height.next(), ctx));
            return false;
        };
        let precommits = Arc::new(self.certificate(Phase::Commit, view, id, signers));
        self.commit(&block.clone(), &precommits, ctx);
        true
    }

    /// Lines 51 to 54, with CometBFT's pause before the next height's first round.
    pub(super) fn commit(&mut self, block: &Arc<Block>, precommits: &Arc<Certificate>, ctx: &mut Ctx<'_>) {
        ctx.commit(block.clone());
        self.archive.commit(block.clone(), precommits.clone());
        self.state = State::at(block.height.next());
        self.dirty = true;
        self.rounds = std::mem::replace(&mut self.next, Rounds::new());
        self.claims.clear();
        self.once = Once::default();
        self.idle = false;
        [Timer::Propose, Timer::Prevote, Timer::Precommit].into_iter().for_each(|timer| ctx.disarm(timer));
        ctx.arm(Timer::Commit, self.pause());
        ctx.arm(Timer::Repeat, self.repeat_in());
        ctx.expect(self.proposer(self.state.height, View(0)));
        ctx.arm(Timer::Late, self.pause().saturating_sub(LATE));
        self.go_on_catching_up(ctx);
    }

    /// Lines 57 to 60, OnTimeoutPropose.
    pub(super) fn on_timeout_propose(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.step != Step::Propose {
            return;
        }
        if planted!("proposes out of turn") && self.state.now.proposed.is_none() {
            self.propose(ctx);
        } else {
            self.say(Phase::Vote, Digest::ZERO, ctx);
        }
        self.apply_rules(ctx);
    }

    /// Lines 61 to 64, OnTimeoutPrevote.
    pub(super) fn on_timeout_prevote(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.step == Step::Prevote {
            self.say(Phase::Commit, Digest::ZERO, ctx);
            self.apply_rules(ctx);
        }
    }

    /// Lines 65 to 67, OnTimeoutPrecommit.
    pub(super) fn on_timeout_precommit(&mut self, ctx: &mut Ctx<'_>) {
        self.start_round(self.state.view.next(), ctx);
        self.apply_rules(ctx);
    }

    /// Votes, once in each phase of a round, and goes on to that phase's step.
    fn say(&mut self, phase: Phase, block: Digest, ctx: &mut Ctx<'_>) {
        let State { height, view, ref mut step, ref mut now, .. } = self.state;
        match phase {
            Phase::Vote => (*step, now.prevote) = (Step::Prevote, Some(block)),
            _ => (*step, now.precommit) = (Step::Precommit, Some(block)),
        }
        self.dirty = true;
        let ballot = Ballot { phase, height, view, block };
        self.count_vote(self.me, &ballot);
        self.send_vote(ballot, ctx);
    }
}
