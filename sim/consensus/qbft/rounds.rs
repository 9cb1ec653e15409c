//! Round changes (Moniz, algorithm 3).

use std::sync::Arc;

use crate::base::{Height, ReplicaId, View};
use crate::consensus::planted::planted;

use super::{Ctx, Prepared, Qbft, QbftMessage, QbftTimer, RoundChange, justify};

impl Qbft {
    /// Moniz, algorithm 3, "upon timer is expired": on to the next round.
    pub(super) fn on_round_timeout(&mut self, ctx: &mut Ctx<'_>) {
        self.change_round(self.round.next(), ctx);
    }

    /// Gives up on every round before `round`, and says so with what it has prepared.
    fn change_round(&mut self, round: View, ctx: &mut Ctx<'_>) {
        self.enter_round(round, ctx);
        if planted!("prepared certificate dropped on round change") {
            self.prepared = None;
        }
        self.changed = Some(round);
        self.write(ctx);
        let (height, prepared) = (self.height, self.prepared.clone());
        ctx.broadcast(QbftMessage::RoundChange { height, round, prepared: prepared.clone() });
        self.now.change(self.me, RoundChange { round, prepared });
        self.follow_round_changes(ctx);
    }

    /// A later round, in which nothing is accepted yet.
    pub(super) fn enter_round(&mut self, round: View, ctx: &mut Ctx<'_>) {
        assert!(round > self.round, "rounds of a height only grow");
        self.round = round;
        self.accepted = None;
        self.begun = true;
        self.timed = false;
        self.now.forget_before(round);
        ctx.disarm(QbftTimer::Block);
        ctx.disarm(QbftTimer::Round);
        ctx.expect(self.proposer(self.height, round));
    }

    pub(super) fn on_round_change(
        &mut self,
        from: ReplicaId,
        height: Height,
        round: View,
        prepared: Option<&Prepared>,
        ctx: &mut Ctx<'_>,
    ) {
        if height < self.height {
            self.help(from, height, ctx);
            return;
        }
        let valid = prepared.is_none_or(|prepared| justify::may_be_prepared(&self.committee, height, round, prepared));
        if !self.is_near(from, height, ctx) || round == View(0) || !valid {
            return;
        }
        let Some(gathered) = self.gathered(height) else { return };
        gathered.change(from, RoundChange { round, prepared: prepared.cloned() });
        if height != self.height {
            return;
        }
        // Whoever gave up has something to order, where blocks wait for that.
        if !self.begun {
            self.begin(ctx);
        }
        if self.height == height {
            self.follow_round_changes(ctx);
        }
    }

    /// Moniz, algorithm 3: f + 1 in later rounds take this replica with them, to the smallest that the f + 1 latest
    /// name; a quorum in the current one lets its proposer propose.
    pub(super) fn follow_round_changes(&mut self, ctx: &mut Ctx<'_>) {
        let joined = self.now.reached_by(self.committee.witness());
        if let Some(round) = joined.filter(|&round| round > self.round) {
            return self.change_round(round, ctx);
        }
        self.time_round(ctx);
        if self.round > View(0) && self.accepted.is_none() && self.proposes_now() {
            self.propose_by_round_changes(ctx);
        }
    }

    /// Moniz, algorithm 3, on a quorum of ROUND-CHANGEs that JustifyRoundChange accepts: each was checked with the
    /// prepared certificate that it came with.
    fn propose_by_round_changes(&mut self, ctx: &mut Ctx<'_>) {
        let unjustified = planted!("justification unchecked");
        let enough = if unjustified { 1 } else { self.quorum() };
        let Some((changes, prepared)) = self.now.changes_to(self.round, enough) else { return };
        let highest = justify::highest_prepared(&changes);
        let bound = prepared.into_iter().find(|prepared| prepared.certificate.view.next() == highest && !unjustified);
        let (block, certificate) = match bound.cloned() {
            Some(Prepared { block, certificate }) => (block, Some(certificate)),
            None => (self.new_block(ctx), None),
        };
        self.propose(block, Some(Arc::new(changes)), certificate, ctx);
    }

    /// The timer of a round after the first starts when a quorum is there: nobody runs ahead alone.
    pub(super) fn time_round(&mut self, ctx: &mut Ctx<'_>) {
        if self.timed || !self.begun {
            return;
        }
        let together = || self.now.reached_by(self.quorum()).is_some_and(|round| round >= self.round);
        if self.round == View(0) || self.accepted.is_some() || together() {
            self.start_round_timer(ctx);
        }
    }

    pub(super) fn start_round_timer(&mut self, ctx: &mut Ctx<'_>) {
        self.timed = true;
        if planted!("round timer not armed again") && self.round > View(0) {
            return;
        }
        ctx.arm(QbftTimer::Round, self.params.round_timeout(self.round));
    }
}
