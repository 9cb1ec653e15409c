//! Retransmission (TOCS 2002, status messages): replicas say where they stand and get what they miss.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Phase};

use super::{Ctx, Pbft, PbftMessage, PbftTimer, STUCK_TICKS};

/// Blocks sent in answer to one message.
pub(super) const AT_ONCE: u64 = 16;
/// Committed blocks above the next one that wait for it.
const MOST_WAITING: u64 = 4 * AT_ONCE;

/// What a replica knows of others' being ahead.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// Whether someone who is ahead was asked not long ago.
    pub asked: bool,
    /// Committed blocks that came before those below them.
    waiting: BTreeMap<Height, (Arc<Block>, Arc<Certificate>)>,
    /// Whom to ask for more once that height is committed.
    more: Option<(Height, ReplicaId)>,
    /// Ticks so far.
    ticks: u64,
    /// View and tip at the last tick, and for how many ticks they have been the same.
    stood_at: (View, Height),
    stood_for: u32,
}

impl Pbft {
    fn status(&self) -> PbftMessage {
        let (stable, tip) = (self.stable, self.log.tip());
        PbftMessage::Status { view: self.view, active: self.active, stable, tip, reach: self.reach }
    }

    /// Says where it stands to who seems to be ahead, once in a while.
    pub(super) fn ask(&mut self, peer: ReplicaId, ctx: &mut Ctx<'_>) {
        if peer != self.me && !std::mem::replace(&mut self.catch_up.asked, true) {
            ctx.send(peer, self.status());
            ctx.arm(PbftTimer::Ask, self.tick());
        }
    }

    /// Every replica tells one other where it stands, also when nothing is ordered: so the last messages of a burst
    /// may be lost. The primary is told too where blocks must be passed.
    pub(super) fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        ctx.arm(PbftTimer::Tick, self.tick());
        self.due = true;
        self.watch(ctx);
        let at = (self.view, self.log.tip());
        let stood = if at == self.catch_up.stood_at { self.catch_up.stood_for + 1 } else { 0 };
        (self.catch_up.stood_at, self.catch_up.stood_for) = (at, stood);
        let stuck = stood >= STUCK_TICKS && stood.is_multiple_of(STUCK_TICKS);
        if stuck {
            self.repeat(ctx);
        }
        self.catch_up.ticks += 1;
        let next = self.committee.other(self.me, self.catch_up.ticks);
        let primary = Some(self.committee.leader(self.view)).filter(|_| stuck && self.reach > self.log.tip());
        for peer in [next, primary.filter(|primary| next != Some(*primary))].into_iter().flatten() {
            if peer != self.me {
                ctx.send(peer, self.status());
            }
        }
    }

    /// Nothing has moved for a while: what this replica has stated of what is in flight may have been lost.
    fn repeat(&mut self, ctx: &mut Ctx<'_>) {
        let (view, tip) = (self.view, self.log.tip());
        let last = tip.0 - tip.0 % self.params.checkpoint_interval;
        if last > self.stable.0
            && let Some((block, _)) = self.archive.get(Height(last))
        {
            let (height, block) = (Height(last), block.id());
            ctx.broadcast(PbftMessage::Checkpoint { height, block });
            // A crash has forgotten who stated it, itself included.
            self.on_checkpoint(self.me, height, block, ctx);
        }
        if !self.active {
            return;
        }
        for height in (tip.0 + 1..=self.log.accepted().0).map(Height) {
            let block = self.log.block(height).expect("accepted blocks are held").clone();
            let (id, [prepared, stated]) = (block.id(), self.log.own(height));
            if self.leads() {
                ctx.broadcast(PbftMessage::PrePrepare { view, justify: self.head.view, block });
            }
            if prepared && !(self.leads() && height >= self.head.height) {
                ctx.broadcast(PbftMessage::Prepare { view, height, block: id });
            }
            if stated {
                ctx.broadcast(PbftMessage::Commit { view, height, block: id });
            }
        }
    }

    /// After a restart: the own votes, and the primary's, are counted again; others' come again when nothing moves.
    pub(super) fn count_again(&mut self, ctx: &mut Ctx<'_>) {
        let (view, first) = (self.view, self.log.tip().0 + 1);
        for height in (first..=self.log.accepted().0).map(Height) {
            let Some(id) = self.log.block(height).map(|block| block.id()) else { continue };
            let [prepared, stated] = self.log.own(height);
            if height >= self.head.height {
                self.on_vote(Phase::Vote, self.committee.leader(view), view, height, id, ctx);
            }
            if prepared {
                self.on_vote(Phase::Vote, self.me, view, height, id, ctx);
            }
            if stated {
                self.on_vote(Phase::Commit, self.me, view, height, id, ctx);
            }
        }
    }

    /// Who is behind gets what it misses: committed blocks with their certificates, and how the view began. Who is ahead
    /// is told so, and answers in the same way.
    pub(super) fn on_status(
        &mut self,
        from: ReplicaId,
        (view, active): (View, bool),
        stable: Height,
        tip: Height,
        ctx: &mut Ctx<'_>,
    ) {
        self.due = true;
        let last = Height(self.log.tip().0.min(tip.0.saturating_add(AT_ONCE)));
        for height in (tip.0.saturating_add(1)..=last.0).map(Height) {
            if let Some((block, certificate)) = self.archive.get(height)
                && !planted!("catch-up omitted")
            {
                let (block, certificate) = (block.clone(), certificate.clone());
                let last = height == last && last < self.log.tip();
                ctx.send(from, PbftMessage::Committed { block, certificate, last });
            }
        }
        if stable < self.stable
            && let Some(proof) = &self.stable_proof
        {
            ctx.send(from, PbftMessage::Stable(proof.clone()));
        }
        let begun = self.active && (view < self.view || (view == self.view && !active));
        if begun && let Some(new_view) = &self.new_view {
            ctx.send(from, PbftMessage::NewView(new_view.clone()));
        }
        if tip > self.log.tip() || view > self.view || (view == self.view && active && !self.active) {
            self.ask(from, ctx);
        }
    }

    /// A block that a quorum has committed to.
    pub(super) fn on_committed(
        &mut self,
        from: ReplicaId,
        block: &Arc<Block>,
        certificate: &Arc<Certificate>,
        last: bool,
        ctx: &mut Ctx<'_>,
    ) {
        self.note_reach(block.height);
        let shows = certificate.phase == Phase::Commit
            && (certificate.block, certificate.height) == (block.id(), block.height)
            && certificate.signers.count() >= self.quorum();
        let tip = self.log.tip();
        if !shows || block.height <= tip || block.height.0 > tip.0 + MOST_WAITING {
            return;
        }
        self.catch_up.waiting.insert(block.height, (block.clone(), certificate.clone()));
        if last {
            self.catch_up.more = Some((block.height, from));
        }
        while let Some((block, certificate)) = self.catch_up.waiting.remove(&self.log.tip().next()) {
            if block.parent != self.archive.tip().id() {
                break;
            }
            self.commit(block, certificate, ctx);
        }
        if self.log.tip() > tip {
            self.on_caught_up(ctx);
        }
    }

    /// Committed blocks came from elsewhere than the votes: what waited for them goes on.
    fn on_caught_up(&mut self, ctx: &mut Ctx<'_>) {
        let tip = self.log.tip();
        self.catch_up.waiting = self.catch_up.waiting.split_off(&tip.next());
        if let Some((_, peer)) = self.catch_up.more.filter(|(height, _)| *height <= tip) {
            self.catch_up.more = None;
            self.catch_up.asked = false;
            self.ask(peer, ctx);
        }
        self.commit_ready(ctx);
        self.accept_buffered(ctx);
        self.on_fetch_timeout(ctx);
    }

    /// Sends a block and its ancestors, newest first.
    pub(super) fn on_fetch(&mut self, from: ReplicaId, height: Height, id: Digest, above: Height, ctx: &mut Ctx<'_>) {
        let (mut found, mut at, mut height) = (Vec::new(), id, height);
        while height > above && (found.len() as u64) < AT_ONCE {
            let committed = || self.archive.get(height).map(|(block, _)| block).filter(|block| block.id() == at);
            let Some(block) = self.lineage.get(&at).or_else(committed).cloned() else { break };
            (at, height) = (block.parent, Height(height.0 - 1));
            found.push(block);
        }
        let count = found.len();
        for (index, block) in found.into_iter().enumerate() {
            ctx.send(from, PbftMessage::Found { block, last: index + 1 == count });
        }
    }
}
