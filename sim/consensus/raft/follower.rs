//! A follower: Fig. 3.1, "AppendEntries RPC", receiver implementation.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::planted::planted;
use crate::ledger::Block;

use super::{Ctx, MOST_UNCOMMITTED, Raft, RaftMessage, RaftTimer, Role};

impl Raft {
    /// Receiver rule 1 and "Rules for Servers": a leader of this or a later term is followed; true where it is one.
    fn follow(&mut self, from: ReplicaId, term: View, ctx: &mut Ctx<'_>) -> bool {
        if term < self.term {
            // The answer's term makes an old leader step down.
            self.reject(from, Height(0), ctx);
            return false;
        }
        if term > self.term {
            self.hear_term(term, ctx);
        }
        let other = self.is_leader() || self.leader.is_some_and(|leader| leader != from);
        if term != self.term || other {
            // Terms have one leader.
            return false;
        }
        if self.leader.is_none() {
            self.leader = Some(from);
            ctx.expect(from);
        }
        if !self.in_touch {
            ctx.disarm(RaftTimer::Election);
        }
        (self.role, self.in_touch) = (Role::Follower, true);
        ctx.arm(RaftTimer::Silent, self.timeout());
        true
    }

    /// Receiver rules 2 to 5 for one entry.
    pub(super) fn on_append(
        &mut self,
        from: ReplicaId,
        term: View,
        block: &Arc<Block>,
        commit: Height,
        ctx: &mut Ctx<'_>,
    ) {
        self.seen = self.seen.max(block.height);
        let made_by_leader = block.view < term || (block.view == term && block.author == from);
        if block.height == Height(0) || !made_by_leader || !self.follow(from, term, ctx) {
            return;
        }
        let before = Height(block.height.0 - 1);
        let joins = self.log.holds(before, block.parent)
            || (planted!("previous entry unchecked") && self.log.get(before).is_some());
        let room = block.height.0 <= self.log.committed().0 + MOST_UNCOMMITTED;
        if block.height <= self.log.committed() {
            self.owed = true;
        } else if joins && room {
            self.take(block);
            self.take_early();
            (self.owed, self.streaming) = (true, true);
        } else if self.streaming && self.is_near(block.height) {
            self.early.insert(block.height, block.clone());
        } else {
            self.reject(from, before, ctx);
        }
        self.take_commit(commit, ctx);
    }

    /// Rule 3: an entry that conflicts goes, with all that follow it; rule 4: what is new is appended.
    fn take(&mut self, block: &Arc<Block>) {
        let kept = planted!("conflict kept") && self.log.get(block.height).is_some();
        if !self.log.holds(block.height, block.id()) && !kept {
            if block.height <= self.log.last().height {
                self.log.truncate(block.height);
                let last = self.log.last().height;
                (self.written, self.agreed) = (self.written.min(last), self.agreed.min(last));
            }
            self.log.append(block.clone());
        }
        self.agreed = self.agreed.max(block.height);
    }

    /// Blocks that came early and now have their parent.
    fn take_early(&mut self) {
        while let Some((&height, _)) = self.early.first_key_value().filter(|(height, _)| **height <= self.agreed.next())
        {
            let block = self.early.remove(&height).expect("it is the first");
            if height == self.agreed.next() && self.log.holds(self.agreed, block.parent) {
                self.take(&block);
            }
        }
    }

    /// Whether a block at `height` may be one of those that are under way together.
    fn is_near(&self, height: Height) -> bool {
        height > self.agreed.next() && height.0 <= self.agreed.0 + self.params.max_unacknowledged
    }

    /// AppendEntries without entries: rule 2 and rule 5.
    pub(super) fn on_heartbeat(
        &mut self,
        from: ReplicaId,
        term: View,
        (prev, id): (Height, Digest),
        commit: Height,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.follow(from, term, ctx) {
            return;
        }
        if prev <= self.log.committed() || self.log.holds(prev, id) {
            self.agreed = self.agreed.max(prev);
            self.owed = true;
        } else {
            self.reject(from, prev, ctx);
        }
        self.take_commit(commit, ctx);
    }

    /// The leader has committed a block: whoever holds that very block agrees up to it, as ids chain.
    pub(super) fn on_committed(&mut self, from: ReplicaId, term: View, height: Height, id: Digest, ctx: &mut Ctx<'_>) {
        if self.follow(from, term, ctx) && self.log.holds(height, id) {
            self.agreed = self.agreed.max(height);
            self.take_commit(height, ctx);
        }
    }

    /// Rule 5: the leader's commit index, as far as the own log is known to be the leader's.
    fn take_commit(&mut self, commit: Height, ctx: &mut Ctx<'_>) {
        let bound = if planted!("commit index unbounded") { self.log.last().height } else { self.agreed };
        self.commit_to(commit.min(bound), ctx);
    }

    fn reject(&mut self, to: ReplicaId, refused: Height, ctx: &mut Ctx<'_>) {
        ctx.send(to, RaftMessage::Rejected { term: self.term, refused, hint: self.agreed, seen: self.seen });
    }

    /// Answers the leader once all that the answer speaks of is written.
    pub(super) fn answer(&mut self, ctx: &mut Ctx<'_>) {
        let (true, Some(leader)) = (self.owed, self.leader) else { return };
        if self.agreed > self.written && !planted!("acknowledged before written") {
            return;
        }
        let block = self.log.get(self.agreed).expect("what agrees is held, and nothing above the tip is forgotten");
        let (height, id, view) = (block.height, block.id(), block.view);
        self.owed = false;
        ctx.send(leader, RaftMessage::Appended { term: self.term, height, id, view, seen: self.seen });
    }
}
