//! Ordering in a view: pre-prepare, prepare, commit, checkpoints (OSDI'99 sections 4.2 and 4.3), and request timers.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Payload, Phase, Signers, Statement};

use super::log::Counted;
use super::{Checkpoint, Ctx, Pbft, PbftMessage, PbftTimer, Watched};

/// Votes of one sender that may overtake their NEW-VIEW.
const MOST_EARLY: usize = 16;

impl Pbft {
    /// Section 4.2 and TOCS 2002, "batching": the primary proposes what waits as one block, while fewer than `window`
    /// blocks are in flight; and empty blocks up to the reach of abandoned ones.
    pub(super) fn propose(&mut self, ctx: &mut Ctx<'_>) {
        self.due = false;
        let next = self.log.accepted().next();
        let most = Height(self.stable.0 + self.params.window);
        if !self.leads() || next > most || next <= self.head.height {
            return;
        }
        if !ctx.nothing_to_order() {
            let payload = ctx.payload();
            if !payload.is_empty() {
                self.propose_next(payload, ctx);
                // What fits no block any more waits for a handler of its own: it is in flight only after this one.
                return ctx.arm(PbftTimer::Propose, Span::ZERO);
            }
        }
        while self.log.accepted() < self.reach.min(most) {
            self.propose_next(Payload::default(), ctx);
        }
    }

    fn propose_next(&mut self, payload: Payload, ctx: &mut Ctx<'_>) {
        let (height, parent, parent_view) = self.last_accepted();
        let block = Block::sealed(self.view, height.next(), self.me, parent, parent_view, payload);
        self.pre_prepare(Arc::new(block), ctx);
    }

    /// Sends a block in the current view, new or again, and accepts it.
    pub(super) fn pre_prepare(&mut self, block: Arc<Block>, ctx: &mut Ctx<'_>) {
        self.promised = true;
        let (view, justify) = (self.view, self.head.view);
        ctx.broadcast(PbftMessage::PrePrepare { view, justify, block: block.clone() });
        self.reach = self.reach.max(block.height);
        self.accept(block, ctx);
    }

    /// Height, id and view of the last accepted block, or of the tip.
    fn last_accepted(&self) -> (Height, Digest, View) {
        let tip = self.archive.tip();
        let last = self.log.block(self.log.accepted()).unwrap_or(tip);
        (last.height, last.id(), last.view)
    }

    /// Section 4.2, accepting a pre-prepare: it is the primary's, within the watermarks, and the first of its slot. Those
    /// of the next view, and those above a gap, wait.
    pub(super) fn on_pre_prepare(&mut self, from: ReplicaId, view: View, block: &Arc<Block>, ctx: &mut Ctx<'_>) {
        self.note_reach(block.height);
        let by_primary = from == self.committee.leader(view) && block.author == self.committee.leader(block.view);
        if !by_primary || block.view > view || block.height <= self.log.tip() || view < self.view {
            return;
        }
        if block.height > self.log.highest() || view > self.view.next() {
            return self.ask(from, ctx);
        }
        if view == self.view && self.active && block.height <= self.log.accepted() {
            if planted!("prepare twice") {
                ctx.broadcast(PbftMessage::Prepare { view, height: block.height, block: block.id() });
            }
            return;
        }
        self.buffered.entry((view, block.height)).or_insert_with(|| block.clone());
        self.accept_buffered(ctx);
    }

    /// Accepts the buffered pre-prepares of the view that follow what is accepted.
    pub(super) fn accept_buffered(&mut self, ctx: &mut Ctx<'_>) {
        while self.active
            && let (height, parent, parent_view) = self.last_accepted()
            && let Some(block) = self.buffered.remove(&(self.view, height.next()))
        {
            let follows = (block.parent, block.parent_view) == (parent, parent_view);
            let chosen = match block.height.cmp(&self.head.height) {
                std::cmp::Ordering::Less => block.view < self.view,
                std::cmp::Ordering::Equal => block.id() == self.head.block,
                std::cmp::Ordering::Greater => block.view == self.view,
            };
            if follows && chosen {
                self.accept(block, ctx);
            }
        }
    }

    /// Accepts a block: from the chosen head up, a pre-prepare counts as the primary's prepare, and a backup prepares.
    fn accept(&mut self, block: Arc<Block>, ctx: &mut Ctx<'_>) {
        let (view, height, id) = (self.view, block.height, block.id());
        self.lineage.insert(block.clone());
        self.log.accept(block);
        self.watch(ctx);
        if height >= self.head.height || planted!("ancestors prepared at once") {
            let primary = self.committee.leader(view);
            if primary == self.me {
                self.log.prepare(height);
                ctx.state(Statement { by: self.me, phase: Phase::Vote, view, height, justify: View(0), block: id });
                self.on_vote(Phase::Vote, self.me, view, height, id, ctx);
            } else {
                self.on_vote(Phase::Vote, primary, view, height, id, ctx);
                self.prepare(height, id, ctx);
            }
        }
        // Votes may have come before the block.
        let [prepared, committed] = self.log.recount(height);
        if prepared {
            self.on_prepared(height, ctx);
        }
        if committed {
            self.commit_ready(ctx);
        }
    }

    /// Section 4.2, on receiving PREPARE and COMMIT.
    pub(super) fn on_vote(
        &mut self,
        phase: Phase,
        from: ReplicaId,
        view: View,
        height: Height,
        id: Digest,
        ctx: &mut Ctx<'_>,
    ) {
        match self.log.vote(phase, from, view, height, id) {
            Counted::Nothing => {}
            Counted::Prepared => self.on_prepared(height, ctx),
            Counted::Committed => self.commit_ready(ctx),
            Counted::Beyond => self.ask(from, ctx),
            Counted::OtherView => self.on_early_vote(phase, from, view, height, id, ctx),
        }
    }

    /// A vote of a view that has not begun here.
    #[cold]
    fn on_early_vote(
        &mut self,
        phase: Phase,
        from: ReplicaId,
        view: View,
        height: Height,
        id: Digest,
        ctx: &mut Ctx<'_>,
    ) {
        let awaited = view == self.view && !self.active;
        if awaited || view == self.view.next() {
            let early = self.early.entry(from).or_default();
            if early.len() < MOST_EARLY && !early.contains(&(phase, view, height, id)) {
                early.push((phase, view, height, id));
            }
        }
        if view > self.view {
            self.ask(from, ctx);
        }
    }

    /// Section 4.2, PREPARE.
    fn prepare(&mut self, height: Height, block: Digest, ctx: &mut Ctx<'_>) {
        if self.log.prepare(height) {
            let view = self.view;
            self.promised = true;
            ctx.broadcast(PbftMessage::Prepare { view, height, block });
            self.on_vote(Phase::Vote, self.me, view, height, block, ctx);
        }
    }

    /// Section 4.2, "prepared": the replica keeps the certificate and states its commit. With the first certificate of a
    /// view that covers what it began with, the ancestors may be prepared too.
    fn on_prepared(&mut self, height: Height, ctx: &mut Ctx<'_>) {
        let certificate = self.log.prepared(height).expect("the block was prepared just now");
        let (view, block) = (certificate.view, certificate.block);
        if (view, height) > (self.prepared.view, self.prepared.height) {
            self.prepared = Arc::new(certificate);
        }
        if self.log.state(height) {
            self.promised = true;
            ctx.broadcast(PbftMessage::Commit { view, height, block });
            self.on_vote(Phase::Commit, self.me, view, height, block, ctx);
        }
        if height >= self.head.height {
            for ancestor in (self.log.tip().0 + 1..self.head.height.0).map(Height) {
                if let Some(block) = self.log.block(ancestor).map(|block| block.id()) {
                    self.prepare(ancestor, block, ctx);
                }
            }
        }
    }

    /// Section 4.2, "committed-local": in the order of heights.
    pub(super) fn commit_ready(&mut self, ctx: &mut Ctx<'_>) {
        while let Some((block, certificate)) = self.log.committed() {
            if block.parent != self.archive.tip().id() {
                return;
            }
            self.commit(block, Arc::new(certificate), ctx);
        }
    }

    pub(super) fn commit(&mut self, block: Arc<Block>, certificate: Arc<Certificate>, ctx: &mut Ctx<'_>) {
        let (height, id) = (block.height, block.id());
        self.archive.commit(block.clone(), certificate);
        self.log.advance();
        self.lineage.prune(height);
        self.buffered.retain(|(_, at), _| *at > height);
        self.failed = 0;
        self.due = true;
        ctx.commit(block);
        if height.0.is_multiple_of(self.params.checkpoint_interval) {
            self.promised = true;
            ctx.broadcast(PbftMessage::Checkpoint { height, block: id });
            self.on_checkpoint(self.me, height, id, ctx);
        }
    }

    /// Section 4.3: a quorum of checkpoints is stable, and moves the watermarks.
    pub(super) fn on_checkpoint(&mut self, from: ReplicaId, height: Height, id: Digest, ctx: &mut Ctx<'_>) {
        let (tip, interval) = (self.log.tip(), self.params.checkpoint_interval);
        if height <= self.stable || !height.0.is_multiple_of(interval) {
            return;
        }
        if height.0 > tip.0 + 2 * self.params.window {
            return self.ask(from, ctx);
        }
        let own = self.archive.get(height).map(|(block, _)| block.id());
        let n = self.committee.len();
        let none = || Checkpoint { block: id, signers: Signers::none_of(n) };
        let checkpoint = self.checkpoints.entry(height).or_insert_with(none);
        if own.is_some_and(|own| own != checkpoint.block) {
            *checkpoint = Checkpoint { block: own.unwrap_or(id), signers: Signers::none_of(n) };
        }
        if checkpoint.block != id || !checkpoint.signers.insert(from) {
            return;
        }
        if checkpoint.signers.count() >= self.committee.quorum() {
            let (phase, view, signers) = (Phase::Checkpoint, View(0), checkpoint.signers.clone());
            self.on_stable(&Arc::new(Certificate { phase, view, height, block: id, signers }));
            if own.is_none() {
                self.ask(from, ctx);
            }
        }
    }

    /// Section 4.3: a stable checkpoint moves the watermarks of who has committed as much.
    pub(super) fn on_stable(&mut self, proof: &Arc<Certificate>) {
        let shows = proof.phase == Phase::Checkpoint && proof.signers.count() >= self.committee.quorum();
        let own = self.archive.get(proof.height).is_some_and(|(block, _)| block.id() == proof.block);
        if shows && own && proof.height > self.stable {
            self.stable = proof.height;
            self.stable_proof = Some(proof.clone());
            self.checkpoints = self.checkpoints.split_off(&proof.height.next());
            self.log.raise(Height(proof.height.0 + 2 * self.params.window));
            self.due = true;
        }
    }

    /// There is something to order: the primary proposes it, backups wait for it.
    pub(super) fn on_submitted(&mut self, ctx: &mut Ctx<'_>) {
        self.due = true;
        self.watch(ctx);
    }

    /// Section 4.4: a backup's timer runs while it waits for anything.
    pub(super) fn watch(&mut self, ctx: &mut Ctx<'_>) {
        if self.watched.is_some() || !self.active || self.leads() || planted!("request timer not armed") {
            return;
        }
        let batch = ctx.oldest_pending();
        let waiting = self.log.accepted().max(self.reach) > self.log.tip();
        let height = waiting.then(|| self.log.tip().next());
        if batch.is_some() || height.is_some() {
            self.watched = Some(Watched { batch, height });
            ctx.arm(PbftTimer::Request, self.doubled(self.params.request_timeout_ms));
        }
    }

    /// Section 4.4: what has waited all the time convicts the primary. It does not matter what else was committed
    /// meanwhile, or a primary could starve whom it likes.
    pub(super) fn on_request_timeout(&mut self, ctx: &mut Ctx<'_>) {
        let Some(watched) = self.watched.take() else { return };
        let unordered = watched.batch.is_some() && ctx.oldest_pending() == watched.batch;
        let uncommitted = watched.height.is_some_and(|height| height > self.log.tip());
        if self.active && !self.leads() && (unordered || uncommitted) {
            self.give_up_to(self.view.next(), ctx);
        } else {
            self.watch(ctx);
        }
    }

    /// A block of that height exists: until the height is committed, what it orders is held up.
    pub(super) fn note_reach(&mut self, height: Height) {
        let most = Height(self.log.tip().0 + 2 * self.params.window);
        self.reach = self.reach.max(height.min(most));
    }
}
