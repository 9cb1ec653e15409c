//! Repetition and catching up: what makes up for lost messages, crashes and partitions.

use std::sync::Arc;

use crate::base::{Height, ReplicaId};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Phase};

use super::{Ctx, Qbft, QbftMessage, QbftTimer, RoundChange, justify};

/// Blocks in one answer.
const ANSWER_BLOCKS: u64 = 16;
/// Decided blocks above the height that are kept until those below have come.
const EARLY_BLOCKS: u64 = 2 * ANSWER_BLOCKS;

impl Qbft {
    /// Whether a message of `height` is for the current height or is kept for the next one. One of a greater height shows that its
    /// sender has what this replica misses.
    pub(super) fn is_near(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) -> bool {
        if height > self.height.next() && self.asked.is_none() {
            self.ask(from, ctx);
        }
        height == self.height || height == self.height.next()
    }

    /// The height takes long: everything is said again, and one peer after another is asked for the outcome.
    pub(super) fn on_retry(&mut self, ctx: &mut Ctx<'_>) {
        ctx.arm(QbftTimer::Retry, self.params.retry());
        self.repeat(ctx);
        self.ask_next(ctx);
    }

    /// Repeats what it last said in the current round, word for word.
    pub(super) fn repeat(&mut self, ctx: &mut Ctx<'_>) {
        if planted!("nothing repeated") {
            return;
        }
        let (height, round) = (self.height, self.round);
        if let Some(proposal) = &self.accepted {
            let block = proposal.block.id();
            if self.proposer(height, round) == self.me {
                ctx.broadcast(QbftMessage::Proposal(proposal.clone()));
            }
            ctx.broadcast(QbftMessage::Prepare { height, round, block });
            if self.is_prepared_now() {
                ctx.broadcast(QbftMessage::Commit { height, round, block });
            }
        } else if self.changed == Some(round) {
            ctx.broadcast(QbftMessage::RoundChange { height, round, prepared: self.prepared.clone() });
        }
    }

    /// After a restart its own statements count as before.
    pub(super) fn recount_own(&mut self) {
        if let Some(proposal) = self.accepted.clone() {
            let block = proposal.block.id();
            if let Some(round) = self.now.round(self.round) {
                round.proposal = Some(proposal);
            }
            self.now.prepare(self.round, block, self.me);
            if self.is_prepared_now() {
                self.now.commit(self.round, block, self.me);
            }
        } else if let Some(round) = self.changed {
            self.now.change(self.me, RoundChange { round, prepared: self.prepared.clone() });
        }
    }

    /// Asks the next peer in turn for what was decided from this height on.
    pub(super) fn ask_next(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(peer) = self.committee.other(self.me, self.attempts) {
            self.attempts += 1;
            self.ask(peer, ctx);
        }
    }

    fn ask(&mut self, peer: ReplicaId, ctx: &mut Ctx<'_>) {
        self.asked = Some(Height(self.height.0 + ANSWER_BLOCKS));
        ctx.send(peer, QbftMessage::Ask { height: self.height });
    }

    /// Answers with as many blocks as one answer has.
    pub(super) fn on_ask(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) {
        for height in height.0..height.0.saturating_add(ANSWER_BLOCKS) {
            if !self.help(from, Height(height), ctx) {
                return;
            }
        }
    }

    /// Moniz, algorithm 3, line 17: who has decided sends the COMMITs to who has not. False where it has not either.
    pub(super) fn help(&mut self, from: ReplicaId, height: Height, ctx: &mut Ctx<'_>) -> bool {
        let found = self.archive.get(height).filter(|_| !planted!("catch-up omitted"));
        let Some((block, certificate)) = found else { return false };
        let (block, certificate, tip) = (block.clone(), certificate.clone(), self.archive.tip().height);
        if from != self.me {
            ctx.send(from, QbftMessage::Decided { block, certificate, tip });
        }
        true
    }

    /// A decided block: a quorum of COMMITs is proof enough, whoever sends it. With more to come, its sender is asked
    /// on at once.
    pub(super) fn on_decided(
        &mut self,
        from: ReplicaId,
        block: &Arc<Block>,
        certificate: &Arc<Certificate>,
        tip: Height,
        ctx: &mut Ctx<'_>,
    ) {
        let wanted = self.height.0..self.height.0 + EARLY_BLOCKS;
        let certified = justify::is_certified(&self.committee, Phase::Commit, block, certificate);
        if !wanted.contains(&block.height.0) || !certified {
            return;
        }
        self.early.entry(block.height).or_insert_with(|| (block.clone(), certificate.clone()));
        self.commit_early(ctx);
        if tip >= self.height && self.asked.is_none_or(|end| self.height >= end) {
            self.ask(from, ctx);
        }
    }

    /// Commits decided blocks whose turn has come.
    pub(super) fn commit_early(&mut self, ctx: &mut Ctx<'_>) {
        let asked = self.asked;
        while let Some((block, certificate)) = self.early.remove(&self.height) {
            if block.parent != self.tip() {
                break;
            }
            let now = ctx.now;
            self.decide(block, certificate, now, ctx);
        }
        self.asked = asked;
        self.early = self.early.split_off(&self.height);
    }
}
