//! What makes a broadcast reach everyone in the end: repetition while nothing moves, and catching up by asking.
//!
//! The paper's network gives "gossip communication": what a correct process sends or receives before or after GST reaches
//! every correct process within Δ. Two things together do that here. Replicas repeat their own votes of this round and
//! the one before, which bring together those who are in one round and those one behind; and each shows all votes it
//! knows (those of faulty replicas too, which may have told it alone) and its polka to a few others, in turn. Decided
//! heights are asked for, so that a replica that was away catches up however silent the others are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Bytes, Height, ReplicaId, Span};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Phase, Signers};

use super::message::TendermintMessage;
use super::{Ctx, Said, State, Tendermint, Timer, Transport, Valid};

/// Replicas asked, and shown what is known, at each repetition.
const FEW: u32 = 3;
/// Blocks in one answer, at most.
const ANSWER_BLOCKS: u64 = 16;
/// Bytes after which an answer ends.
const ANSWER_BYTES: Bytes = Bytes(4_000_000);
/// Decided blocks kept that came before their parents, by height above the current.
const MOST_EARLY: u64 = 2 * ANSWER_BLOCKS;

/// What a replica knows of being behind.
#[derive(Clone, Debug, Default)]
pub(super) struct CatchUp {
    /// Who was asked, and has not answered.
    asked: Option<ReplicaId>,
    /// Someone who is ahead.
    hint: Option<ReplicaId>,
    /// Whose answer is being taken in, the last height of it, and the last height that it has decided.
    answer: Option<(ReplicaId, Height, Height)>,
    early: BTreeMap<Height, (Arc<Block>, Arc<Certificate>)>,
    /// Repetitions so far: whose turn it is.
    turn: u32,
}

impl Tendermint {
    pub(super) fn repeat_in(&self) -> Span {
        Span::from_millis(self.params.retransmit_ms)
    }

    pub(super) fn pause(&self) -> Span {
        Span::from_millis(self.params.timeout_commit_ms)
    }

    /// Nothing has moved for a while.
    pub(super) fn on_repeat(&mut self, ctx: &mut Ctx<'_>) {
        ctx.arm(Timer::Repeat, self.repeat_in());
        if !planted!("nothing repeated") {
            self.repeat(ctx);
        }
    }

    /// Asks a few what they have decided, and tells others what they may lack of this height.
    pub(super) fn repeat(&mut self, ctx: &mut Ctx<'_>) {
        let few = self.few();
        ctx.send_to(few.iter().copied(), TendermintMessage::Ask { height: self.state.height });
        match self.params.transport {
            Transport::Direct => {
                self.repeat_proposal(ctx);
                let own = self.own_votes();
                if !own.is_empty() {
                    ctx.broadcast(TendermintMessage::Known(own));
                }
                self.show(&few, ctx);
            }
            Transport::Gossip => {
                let to: BTreeSet<ReplicaId> = self.neighbours.iter().chain(&few).copied().collect();
                let to: Vec<ReplicaId> = to.into_iter().collect();
                self.repeat_header(&few, &to, ctx);
                self.show(&to, ctx);
            }
        }
    }

    /// The next few of the others, over gossip too: one whose neighbours are all dead must find others, which is what
    /// CometBFT's exchange of addresses is for.
    fn few(&mut self) -> Vec<ReplicaId> {
        let (others, from) = (self.committee.len() - 1, self.catch_up.turn);
        let few = FEW.min(others);
        self.catch_up.turn = (from + few) % others.max(1);
        (0..few).filter_map(|step| self.committee.other(self.me, u64::from(from + step))).collect()
    }

    /// The proposer sends its proposal again to those whose prevote it misses, once.
    fn repeat_proposal(&mut self, ctx: &mut Ctx<'_>) {
        let State { view, ref now, .. } = self.state;
        let (Some((header, block)), Some(round)) = (&now.proposed, self.rounds.get(view)) else { return };
        if std::mem::replace(&mut self.once.repeated, true) {
            return;
        }
        let silent = self.committee.replicas().filter(|&to| to != self.me && !round.prevotes.has_voted(to));
        ctx.send_to(silent, TendermintMessage::Proposal { header: *header, block: block.clone(), again: true });
    }

    /// The header of the round's proposal goes to all of `to`; what is lacking of its block is asked of a few.
    fn repeat_header(&self, few: &[ReplicaId], to: &[ReplicaId], ctx: &mut Ctx<'_>) {
        let State { height, view, .. } = self.state;
        let Some(round) = self.rounds.get(view) else { return };
        let Some(header) = round.header else { return };
        if let Some(block) = round.parts.whole(&header.block).filter(|_| round.block.is_none()) {
            ctx.take_up(TendermintMessage::Whole { header, block: block.clone() });
        } else if round.block.is_none() {
            let parts = round.parts.missing(&header.block);
            ctx.send_to(few.iter().copied(), TendermintMessage::Lacking { height, view, parts });
        }
        ctx.send_to(to.iter().copied(), TendermintMessage::Header(header));
    }

    /// This replica's votes of this round and the one before, each as a list of one signer.
    fn own_votes(&self) -> Vec<Certificate> {
        let State { now, before, .. } = &self.state;
        let votes = |said: &Said| [(Phase::Vote, said.view, said.prevote), (Phase::Commit, said.view, said.precommit)];
        let said = [before, now].into_iter().flat_map(votes);
        let own = |(phase, view, block): (Phase, _, Option<_>)| {
            let mut signers = Signers::none_of(self.committee.len());
            signers.insert(self.me);
            Some(self.certificate(phase, view, block?, &signers))
        };
        said.filter_map(own).collect()
    }

    /// Shows votes of this round and the one before, and the polka of validRound.
    fn show(&self, to: &[ReplicaId], ctx: &mut Ctx<'_>) {
        let State { view, valid, .. } = &self.state;
        let mut known = Vec::new();
        for (at, round) in self.rounds.iter().filter(|(at, _)| (at.0..=at.0 + 1).contains(&view.0)) {
            for (phase, votes) in [(Phase::Vote, &round.prevotes), (Phase::Commit, &round.precommits)] {
                known.extend(votes.iter().map(|(block, signers)| self.certificate(phase, at, *block, signers)));
            }
        }
        if !known.is_empty() {
            ctx.send_to(to.iter().copied(), TendermintMessage::Known(known));
        }
        if let Some(Valid { polka, .. }) = valid {
            ctx.send_to(to.iter().copied(), TendermintMessage::Polka(polka.clone()));
        }
    }

    /// Someone shows votes.
    pub(super) fn on_known(&mut self, from: ReplicaId, votes: &[Certificate], ctx: &mut Ctx<'_>) {
        let mut new = false;
        for shown in votes {
            new |= self.merge(shown);
            let later = shown.height == self.state.height && shown.view > self.state.view;
            for signer in shown.signers.iter().filter(|_| later) {
                self.note_round(from, signer, (shown.height, shown.view), ctx);
            }
            self.note_round(from, from, (shown.height, self.state.view), ctx);
        }
        if new {
            self.apply_rules(ctx);
        }
    }

    /// Someone has not decided a height: it gets what was decided from there on, or is ahead.
    pub(super) fn on_ask(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        if height > self.state.height {
            return self.note_ahead(from, height, ctx);
        }
        if planted!("catch-up omitted") {
            return;
        }
        let tip = self.archive.tip().height;
        let mut size = Bytes(0);
        for at in (height.0..=tip.0).take(ANSWER_BLOCKS as usize).map(Height) {
            let Some((block, precommits)) = self.archive.get(at).cloned() else { return };
            size += block.wire();
            let last = at == tip || at.0 + 1 == height.0 + ANSWER_BLOCKS || size > ANSWER_BYTES;
            ctx.send(from, TendermintMessage::Decided { block, precommits, tip, last });
            if last {
                return;
            }
        }
    }

    /// Someone is at a later height. One height is soon made good by what is on its way; more are asked for at once.
    pub(super) fn note_ahead(&mut self, by: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        if self.catch_up.asked.is_some() || by == self.me {
            return;
        }
        if height > self.state.height.next() {
            self.ask(by, ctx);
        } else if self.catch_up.hint.is_none() {
            self.catch_up.hint = Some(by);
            ctx.arm(Timer::CatchUp, Span::from_millis(self.params.retransmit_ms / 4));
        }
    }

    fn ask(&mut self, of: ReplicaId, ctx: &mut Ctx<'_>) {
        (self.catch_up.asked, self.catch_up.hint) = (Some(of), None);
        ctx.send(of, TendermintMessage::Ask { height: self.state.height });
        ctx.arm(Timer::CatchUp, self.repeat_in().half());
    }

    /// The one ahead is asked now; one that was asked and did not answer is not waited for: the next may be.
    pub(super) fn on_catch_up(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up.asked = None;
        if let Some(ahead) = self.catch_up.hint.take() {
            self.ask(ahead, ctx);
        }
    }

    /// A decided block came: line 49 with all that it asks for in one message.
    pub(super) fn on_decided(
        &mut self,
        from: ReplicaId,
        block: &Arc<Block>,
        precommits: &Arc<Certificate>,
        tip: Option<Height>,
        ctx: &mut Ctx<'_>,
    ) {
        let Certificate { phase, height, block: id, .. } = **precommits;
        let proven = phase == Phase::Commit
            && (height, id) == (block.height, block.id())
            && precommits.signers.count() >= self.committee.quorum();
        if !proven || height < self.state.height || height.0 - self.state.height.0 >= MOST_EARLY {
            return;
        }
        if let Some(tip) = tip {
            self.catch_up.asked = None;
            self.catch_up.answer = Some((from, height, tip));
        }
        self.catch_up.early.insert(height, (block.clone(), precommits.clone()));
        self.take_early(ctx);
        self.apply_rules(ctx);
    }

    /// Commits what came before its turn and has its turn now.
    fn take_early(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((block, precommits)) = self.catch_up.early.remove(&self.state.height) {
            let tip = self.archive.tip();
            if (block.parent, block.parent_view) != (tip.id(), tip.view) {
                return;
            }
            self.commit(&block, &precommits, ctx);
        }
    }

    /// A height was decided: what was known of being behind is out of date, and an answer that is taken in to its end is
    /// followed by the next question.
    pub(super) fn go_on_catching_up(&mut self, ctx: &mut Ctx<'_>) {
        let height = self.state.height;
        self.catch_up.early = self.catch_up.early.split_off(&height);
        if self.catch_up.hint.take().is_some() {
            ctx.disarm(Timer::CatchUp);
        }
        if let Some((from, last, tip)) = self.catch_up.answer
            && height > last
        {
            self.catch_up.answer = None;
            if tip >= height {
                self.ask(from, ctx);
            }
        }
    }
}
