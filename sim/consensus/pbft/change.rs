//! View changes (OSDI'99 section 4.4) and what keeps them going (section 4.5.2).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Height, ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Committee, TimeoutCertificate};

use super::lineage::NoPath;
use super::{Ctx, Head, NewView, Pbft, PbftMessage, PbftTimer};

/// The last view change of each replica: the view that it wants, and its highest prepared certificate. Memory: a view
/// and a shared certificate for each replica, from the first view change on.
#[derive(Debug, Default)]
pub(super) struct Changes {
    of: Vec<Option<(View, Arc<Certificate>)>>,
    /// Whether a quorum wanted the awaited view.
    awaited: bool,
    /// Whether a block of the chain to propose again was asked for, and how often any was.
    fetching: bool,
    fetches: u64,
    /// How often the view change was repeated.
    repeats: u64,
}

impl Changes {
    /// Notes that `from` wants `view`; false where it wanted that or more before.
    fn note(&mut self, from: ReplicaId, view: View, prepared: &Arc<Certificate>, committee: &Committee) -> bool {
        self.of.resize(committee.len() as usize, None);
        let known = &mut self.of[from.index()];
        let new = known.as_ref().is_none_or(|(before, _)| *before < view);
        if new {
            *known = Some((view, prepared.clone()));
        }
        new
    }

    /// Who wants exactly `view`, in order.
    fn wanting(&self, view: View) -> impl Iterator<Item = (ReplicaId, &Arc<Certificate>)> {
        (0..).map(ReplicaId).zip(&self.of).filter_map(move |(from, change)| {
            change.as_ref().filter(|(wanted, _)| *wanted == view).map(|(_, prepared)| (from, prepared))
        })
    }

    /// The lowest view above `view` that anyone wants, and how many replicas want one.
    fn above(&self, view: View) -> (usize, Option<View>) {
        let higher = || self.of.iter().flatten().map(|(wanted, _)| *wanted).filter(|wanted| *wanted > view);
        (higher().count(), higher().min())
    }

    /// Forgets wishes for `view` and below.
    fn prune(&mut self, view: View) {
        self.of.iter_mut().for_each(|change| *change = change.take().filter(|(wanted, _)| *wanted > view));
    }
}

impl Pbft {
    /// The run begins, or the replica is back with what it had written.
    pub(super) fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        if self.view == View(0) {
            self.view = View(1);
            self.active = true;
            self.log.restart(self.view);
            ctx.expect(self.committee.leader(self.view));
        } else if self.active {
            ctx.expect(self.committee.leader(self.view));
            self.count_again(ctx);
        } else {
            self.changes.note(self.me, self.view, &self.prepared, &self.committee);
            ctx.expect(self.committee.leader(self.view));
            ctx.arm(PbftTimer::Resend, Span::ZERO);
        }
        ctx.arm(PbftTimer::Tick, self.tick());
        self.due = true;
        self.watch(ctx);
    }

    /// Gives up on every view below `view` (VIEW-CHANGE).
    pub(super) fn give_up_to(&mut self, view: View, ctx: &mut Ctx<'_>) {
        assert!(view > self.view, "views only go up");
        self.view = view;
        self.active = false;
        self.changes.awaited = false;
        self.failed += 1;
        self.watched = None;
        if !planted!("votes after a view change") {
            self.log.restart(View(0));
        }
        self.lineage.keep([self.prepared.block, self.prepared.block]);
        self.buffered = self.buffered.split_off(&(view, Height(0)));
        if planted!("certificate dropped in view change") {
            self.prepared = Arc::new(Certificate::genesis(Block::genesis().id()));
        }
        ctx.disarm(PbftTimer::Request);
        ctx.disarm(PbftTimer::View);
        ctx.expect(self.committee.leader(view));
        self.promised = true;
        ctx.broadcast(self.view_change());
        ctx.arm(PbftTimer::Resend, Span::from_millis(self.params.view_timeout_ms));
        self.changes.note(self.me, view, &self.prepared, &self.committee);
        self.await_new_view(ctx);
    }

    fn view_change(&self) -> PbftMessage {
        PbftMessage::ViewChange { view: View(self.view.0 - 1), prepared: self.prepared.clone() }
    }

    /// The view change is repeated while the view does not begin. What only this replica knows of must reach others, or
    /// nobody else will ever find fault with the primary: so its batches go to one replica after the other (the paper's
    /// clients send theirs to all).
    pub(super) fn on_resend(&mut self, ctx: &mut Ctx<'_>) {
        if self.active {
            return;
        }
        if !planted!("view change not repeated") {
            ctx.broadcast(self.view_change());
        }
        self.changes.repeats += 1;
        if let Some(next) = self.committee.other(self.me, self.changes.repeats) {
            ctx.expect(next);
        }
        ctx.arm(PbftTimer::Resend, Span::from_millis(self.params.view_timeout_ms));
        self.await_new_view(ctx);
    }

    /// Section 4.4, on receiving VIEW-CHANGE; section 4.5.2: f + 1 of them for higher views take a replica along to the
    /// lowest of those, even if its own timer has not run out.
    pub(super) fn on_view_change(
        &mut self,
        from: ReplicaId,
        given_up: View,
        prepared: &Arc<Certificate>,
        ctx: &mut Ctx<'_>,
    ) {
        let wanted = given_up.next();
        let late = wanted < self.view || (wanted == self.view && self.active);
        if late || !self.is_prepared(prepared) || prepared.view > given_up {
            return;
        }
        if !self.changes.note(from, wanted, prepared, &self.committee) {
            return;
        }
        let (count, lowest) = self.changes.above(self.view);
        if let Some(lowest) = lowest
            && count >= self.committee.witness() as usize
            && !planted!("view changes of others ignored")
        {
            self.give_up_to(lowest, ctx);
        } else {
            self.await_new_view(ctx);
        }
    }

    /// Section 4.5.2: only when a quorum wants the view does the replica begin to wait for it to begin, so that nobody
    /// runs ahead. Who wants a later view counts here too: what it said before may have been lost, and it does not
    /// repeat that.
    fn await_new_view(&mut self, ctx: &mut Ctx<'_>) {
        let (exactly, quorum) = (self.changes.wanting(self.view).count(), self.quorum() as usize);
        if self.active || exactly + self.changes.above(self.view).0 < quorum {
            return;
        }
        if !std::mem::replace(&mut self.changes.awaited, true) && !planted!("view timer not armed") {
            ctx.arm(PbftTimer::View, self.view_timeout());
        }
        if exactly >= quorum && self.committee.leader(self.view) == self.me {
            self.begin_view(ctx);
        }
    }

    fn view_timeout(&self) -> Span {
        self.doubled(self.params.view_timeout_ms)
    }

    /// Section 4.5.2: the view did not begin in time, so the next one is tried, for twice as long.
    pub(super) fn on_view_timeout(&mut self, ctx: &mut Ctx<'_>) {
        if !self.active {
            self.give_up_to(self.view.next(), ctx);
        }
    }

    /// Section 4.4, NEW-VIEW: the new primary takes the highest certificate of a quorum's view changes, its own
    /// included, and proposes that certificate's chain again.
    fn begin_view(&mut self, ctx: &mut Ctx<'_>) {
        let highest = |(_, prepared): &(ReplicaId, &Arc<Certificate>)| (prepared.view, prepared.height);
        let all = || self.changes.wanting(self.view);
        let best =
            if planted!("lowest certificate chosen") { all().min_by_key(highest) } else { all().max_by_key(highest) };
        let best = best.map(|(_, prepared)| prepared.clone()).expect("a quorum wants the view");
        let path = match self.lineage.path(self.archive.tip(), best.height, best.block) {
            _ if planted!("prepared blocks ignored") => Vec::new(),
            Ok(path) => path,
            // Committed here already, or against what is: then quorums have met in liars alone.
            Err(NoPath::Fork) => Vec::new(),
            Err(NoPath::Missing(height, block)) => return self.fetch(height, block, ctx),
        };
        let timeouts = all().map(|(from, prepared)| (from, prepared.view)).collect();
        let heights = all().map(|(_, prepared)| prepared.height).collect();
        let given_up = TimeoutCertificate { view: View(self.view.0 - 1), timeouts };
        let new_view = Arc::new(NewView { given_up, heights, prepared: best });
        ctx.broadcast(PbftMessage::NewView(new_view.clone()));
        self.enter(new_view, ctx);
        for block in path {
            self.pre_prepare(block, ctx);
        }
    }

    /// Asks one replica after the other for blocks of the chain to propose again.
    fn fetch(&mut self, height: Height, block: crate::base::Digest, ctx: &mut Ctx<'_>) {
        if planted!("missing blocks not fetched") || std::mem::replace(&mut self.changes.fetching, true) {
            return;
        }
        ctx.arm(PbftTimer::Fetch, self.tick());
        self.changes.fetches += 1;
        let turn = block.first_word().wrapping_add(self.changes.fetches);
        if let Some(peer) = self.committee.other(self.me, turn) {
            ctx.send(peer, PbftMessage::Fetch { height, block, above: self.log.tip() });
        }
    }

    /// What was asked for has not come, or not all of it.
    pub(super) fn on_fetch_timeout(&mut self, ctx: &mut Ctx<'_>) {
        self.changes.fetching = false;
        self.await_new_view(ctx);
    }

    /// A fetched block needs no certificate: its id was named by a certified descendant, and what was not is forgotten
    /// when the view begins.
    pub(super) fn on_found(&mut self, block: &Arc<Block>, last: bool, ctx: &mut Ctx<'_>) {
        self.note_reach(block.height);
        let room = 4 * self.params.window as usize + super::catchup::AT_ONCE as usize;
        if self.active || block.height <= self.log.tip() || self.lineage.len() >= room {
            return;
        }
        self.lineage.insert(block.clone());
        if last {
            self.changes.fetching = false;
            self.await_new_view(ctx);
        }
    }

    /// Section 4.4, on receiving NEW-VIEW: the choice is derived again from what a quorum said.
    pub(super) fn on_new_view(&mut self, new_view: &Arc<NewView>, ctx: &mut Ctx<'_>) {
        let view = new_view.view();
        let late = view < self.view || (view == self.view && self.active);
        let signers: BTreeSet<ReplicaId> = new_view.given_up.timeouts.iter().map(|&(from, _)| from).collect();
        let quorum = signers.len() >= self.quorum() as usize && signers.len() == new_view.heights.len();
        let prepared = &new_view.prepared;
        let chosen = (prepared.view, prepared.height) == new_view.highest();
        if !late && quorum && chosen && self.is_prepared(prepared) {
            self.enter(new_view.clone(), ctx);
        }
    }

    /// A view begins.
    fn enter(&mut self, new_view: Arc<NewView>, ctx: &mut Ctx<'_>) {
        let prepared = &new_view.prepared;
        self.head = Head { height: prepared.height, block: prepared.block, view: prepared.view };
        self.view = new_view.view();
        self.active = true;
        self.new_view = Some(new_view);
        self.watched = None;
        self.changes.prune(self.view);
        self.changes.fetching = false;
        self.log.restart(self.view);
        self.lineage.keep([self.prepared.block, self.head.block]);
        self.buffered = self.buffered.split_off(&(self.view, Height(0)));
        self.due = true;
        for timer in [PbftTimer::Request, PbftTimer::View, PbftTimer::Resend, PbftTimer::Fetch] {
            ctx.disarm(timer);
        }
        ctx.expect(self.committee.leader(self.view));
        for (from, votes) in std::mem::take(&mut self.early) {
            for (phase, view, height, id) in votes {
                if view == self.view {
                    self.on_vote(phase, from, view, height, id, ctx);
                }
            }
        }
        self.accept_buffered(ctx);
        self.watch(ctx);
    }
}
