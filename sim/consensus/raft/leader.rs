//! A leader: thesis 3.5 (log replication), 3.6.2 (committing entries of earlier terms), 10.2 (pipelining).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::consensus::{KEPT_BLOCKS, Message};
use crate::ledger::Block;

use super::message::stored;
use super::{Ctx, Raft, RaftMessage, RaftTimer, Role};

/// What a leader knows of one replica's log; etcd's "Progress".
#[derive(Clone, Debug)]
struct Progress {
    /// "nextIndex": the next block to send.
    next: Height,
    /// "matchIndex": up to here its log is the leader's, written.
    matched: Height,
    /// It is not known whether `next` joins its log: one block at a time.
    probing: bool,
    /// A probe is under way.
    waiting: bool,
    /// It answered since the leader last counted.
    heard: bool,
}

impl Progress {
    /// Whether another block may be sent now.
    fn has_room(&self, window: u64) -> bool {
        if self.probing { !self.waiting } else { self.next.0 - self.matched.0 <= window }
    }

    /// A block has been sent: the next one, or a probe, which stays the next one.
    fn sent(&mut self) {
        if self.probing {
            self.waiting = true;
        } else {
            self.next = self.next.next();
        }
    }
}

/// What a leader keeps for its term. Memory: 24 bytes a replica and 4 an uncommitted block.
#[derive(Debug)]
pub(super) struct Leadership {
    replicas: Vec<Progress>,
    /// How many replicas hold each uncommitted block, lowest first.
    stored: VecDeque<u32>,
    /// The commit index that everyone was told.
    announced: Height,
    /// The highest block that anyone saw.
    reach: Height,
}

impl Raft {
    /// Fig. 3.1, "Leaders": upon election. The first block of the term follows in [`Raft::propose`].
    pub(super) fn lead(&mut self, ctx: &mut Ctx<'_>) {
        let next = self.log.last().height.next();
        let fresh = Progress { next, matched: Height(0), probing: true, waiting: false, heard: false };
        self.role = Role::Leader(Leadership {
            replicas: vec![fresh; self.committee.len() as usize],
            stored: VecDeque::from(vec![0; self.log.uncommitted() as usize]),
            announced: self.log.committed(),
            reach: self.seen,
        });
        self.leader = Some(self.me);
        self.early.clear();
        ctx.expect(self.me);
        ctx.disarm(RaftTimer::Silent);
        ctx.disarm(RaftTimer::Election);
        ctx.arm(RaftTimer::Heartbeat, Span::from_millis(self.params.heartbeat_ms));
        ctx.arm(RaftTimer::Quorum, self.timeout());
    }

    /// Orders what waits in one block. A term's first block is made at once and whatever it orders (3.6.2); any other
    /// only while few are uncommitted and someone gets it at once, as the layer below sees blocks only when they leave.
    pub(super) fn propose(&mut self, ctx: &mut Ctx<'_>) {
        let Role::Leader(leading) = &self.role else { return };
        let (last, others) = (self.log.last(), self.committee.len() - 1);
        let first = last.view < self.term;
        let window = self.params.max_unacknowledged;
        let sendable = |progress: &Progress| progress.next == last.height.next() && progress.has_room(window);
        let most = if others == 0 { 1 } else { self.params.max_in_flight };
        let allowed =
            self.log.uncommitted() < most && (others == 0 || self.others(leading).any(|(_, one)| sendable(one)));
        let wanted = !ctx.nothing_to_order() || last.height < leading.reach;
        if !(first || allowed && wanted) {
            return;
        }
        let (id, height, view) = (last.id(), last.height.next(), last.view);
        let block = Arc::new(Block::sealed(self.term, height, self.me, id, view, ctx.payload()));
        let together = self.others(leading).all(|(_, one)| sendable(one));
        self.log.append(block.clone());
        self.seen = self.seen.max(height);
        let commit = self.log.committed();
        let message = RaftMessage::Append { term: self.term, block, commit };
        let Role::Leader(leading) = &mut self.role else { return };
        leading.stored.push_back(0);
        if others == 0 {
            message.statement(self.me).into_iter().for_each(|statement| ctx.state(statement));
        } else if together {
            ctx.broadcast(message);
            leading.announced = commit;
            leading.replicas.iter_mut().for_each(Progress::sent);
        } else {
            self.committee.replicas().for_each(|to| self.feed(to, ctx));
        }
    }

    fn others<'a>(&self, leading: &'a Leadership) -> impl Iterator<Item = (ReplicaId, &'a Progress)> + use<'a> {
        let me = self.me;
        let replicas = leading.replicas.iter().enumerate().map(|(index, one)| (ReplicaId(index as u32), one));
        replicas.filter(move |(replica, _)| *replica != me)
    }

    /// Sends a follower what it lacks, as far as its window allows. What is forgotten here it will never get.
    fn feed(&mut self, to: ReplicaId, ctx: &mut Ctx<'_>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let progress = &mut leading.replicas[to.index()];
        while to != self.me && progress.has_room(self.params.max_unacknowledged) {
            let Some(block) = self.log.get(progress.next) else { return };
            let (term, commit) = (self.term, self.log.committed());
            ctx.send(to, RaftMessage::Append { term, block: block.clone(), commit });
            progress.sent();
        }
    }

    /// "If successful: update nextIndex and matchIndex for follower."
    pub(super) fn on_appended(
        &mut self,
        from: ReplicaId,
        term: View,
        (height, id): (Height, Digest),
        seen: Height,
        ctx: &mut Ctx<'_>,
    ) {
        // A follower may answer for a block that it has committed and this log no longer keeps.
        let held = height < self.log.first() || self.log.holds(height, id);
        let Some(progress) = self.progress_of(from, term, seen, ctx) else { return };
        if !held {
            return;
        }
        let matched = progress.matched;
        progress.matched = matched.max(height);
        progress.next = progress.next.max(progress.matched.next());
        (progress.probing, progress.waiting) = (false, false);
        let again = planted!("acknowledgement counted twice") && height == matched && height > Height(0);
        self.count(if again { Height(height.0 - 1) } else { matched }, height, ctx);
        self.feed(from, ctx);
    }

    /// "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry", to where the follower says
    /// that logs agree. Answers to what was sent before the last step back say nothing.
    pub(super) fn on_rejected(
        &mut self,
        from: ReplicaId,
        term: View,
        (refused, hint): (Height, Height),
        seen: Height,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(progress) = self.progress_of(from, term, seen, ctx) else { return };
        let stale = refused <= progress.matched || (progress.probing && refused.next() != progress.next);
        if stale || planted!("refusal ignored") {
            return;
        }
        progress.next = hint.next().min(refused).max(progress.matched.next());
        (progress.probing, progress.waiting) = (true, false);
        self.feed(from, ctx);
    }

    /// The record of a follower that answers this term's leader.
    fn progress_of(&mut self, from: ReplicaId, term: View, seen: Height, ctx: &mut Ctx<'_>) -> Option<&mut Progress> {
        self.hear_term(term, ctx);
        let Role::Leader(leading) = &mut self.role else { return None };
        if term != self.term || from == self.me {
            return None;
        }
        if seen.0 <= self.log.last().height.0 + KEPT_BLOCKS {
            leading.reach = leading.reach.max(seen);
        }
        let progress = &mut leading.replicas[from.index()];
        progress.heard = true;
        Some(progress)
    }

    /// "If there exists an N such that N > commitIndex, a majority of matchIndex\[i\] >= N, and log\[N\].term ==
    /// currentTerm: set commitIndex = N" (3.5, 3.6.2). One more replica holds the blocks above `after` up to `height`.
    fn count(&mut self, after: Height, height: Height, ctx: &mut Ctx<'_>) {
        let (majority, committed) = (self.majority(), self.log.committed());
        let mut target = committed;
        let Role::Leader(leading) = &mut self.role else { return };
        for at in after.max(committed).0 + 1..=height.0 {
            let stored = &mut leading.stored[(at - committed.0 - 1) as usize];
            *stored += 1;
            let own = self.log.get(Height(at)).is_some_and(|block| block.view == self.term);
            if *stored >= majority && (own || planted!("old terms counted")) {
                target = Height(at);
            }
        }
        leading.stored.drain(..(target.0 - committed.0) as usize);
        self.commit_to(target, ctx);
    }

    /// The leader counts itself for what its disk has (10.2.1).
    pub(super) fn count_own(&mut self, ctx: &mut Ctx<'_>) {
        let written = self.written;
        let Role::Leader(leading) = &mut self.role else { return };
        let own = &mut leading.replicas[self.me.index()];
        let matched = std::mem::replace(&mut own.matched, written);
        if matched == written {
            return;
        }
        let block = self.log.get(written).expect("the last written block is not forgotten");
        stored(self.me, self.term, written, block.view, block.id()).into_iter().for_each(|vote| ctx.state(vote));
        self.count(matched, written, ctx);
    }

    /// Tells everyone of a new commit index, unless a block to everyone just did.
    pub(super) fn announce(&mut self, ctx: &mut Ctx<'_>) {
        let height = self.log.committed();
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.announced < height && self.committee.len() > 1 {
            leading.announced = height;
            let id = self.log.get(height).expect("the last committed block is kept").id();
            ctx.broadcast(RaftMessage::Committed { term: self.term, height, id });
        }
    }

    /// Fig. 3.1, "Leaders": heartbeats. They also find out what was lost, and who is back.
    pub(super) fn on_heartbeat_due(&mut self, ctx: &mut Ctx<'_>) {
        let Role::Leader(leading) = &self.role else { return };
        ctx.arm(RaftTimer::Heartbeat, Span::from_millis(self.params.heartbeat_ms));
        let (term, commit) = (self.term, self.log.committed());
        for (to, progress) in self.others(leading) {
            let prev = Height(progress.next.0 - 1).max(self.log.first());
            let id = self.log.get(prev).expect("what was sent and is not forgotten is held").id();
            ctx.send(to, RaftMessage::Heartbeat { term, prev, id, commit });
        }
    }

    /// 6.2 and etcd's CheckQuorum: whoever no majority answered for an election timeout does not lead.
    pub(super) fn on_quorum(&mut self, ctx: &mut Ctx<'_>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let heard = leading.replicas.iter_mut().map(|one| u32::from(std::mem::take(&mut one.heard))).sum::<u32>();
        if heard + 1 < self.majority() {
            self.retire(ctx);
        } else {
            ctx.arm(RaftTimer::Quorum, self.timeout());
        }
    }
}
