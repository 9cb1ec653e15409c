//! Elections: thesis 3.4, 3.6.1, 4.2.3 and 9.6.

use crate::base::{Digest, Encode, Height, ReplicaId, Sink, Span, View};
use crate::consensus::planted::planted;
use crate::ledger::Signers;

use super::message::elected;
use super::{Ctx, Raft, RaftMessage, RaftTimer, Role};

/// What the wait before an election is drawn from: content, so that a run is the same every time.
struct Wait {
    me: ReplicaId,
    term: View,
    attempt: u64,
}

impl Encode for Wait {
    fn encode(&self, sink: &mut impl Sink) {
        self.me.encode(sink);
        self.term.encode(sink);
        self.attempt.encode(sink);
    }
}

impl Raft {
    pub(super) fn timeout(&self) -> Span {
        Span::from_millis(self.params.election_timeout_ms)
    }

    /// 3.4: timeouts differ, so that mostly one replica stands. Between none and one election timeout.
    fn odd_wait(&mut self, ctx: &Ctx<'_>) -> Span {
        self.attempts += 1;
        let wait = Wait { me: self.me, term: self.term, attempt: self.attempts };
        let micros = (self.params.election_timeout_ms * 1_000) as u32;
        Span::from_micros(ctx.spread(&Digest::of_encoded("systole raft wait", &wait), 0, micros).into())
    }

    /// Nobody leads: stands in one to two election timeouts unless that changes.
    pub(super) fn await_election(&mut self, ctx: &mut Ctx<'_>) {
        let wait = self.timeout() + self.odd_wait(ctx);
        ctx.disarm(RaftTimer::Silent);
        ctx.arm(RaftTimer::Election, wait);
    }

    /// No leader for an election timeout: others may be voted for from now on (4.2.3), and soon it stands itself.
    pub(super) fn on_silent(&mut self, ctx: &mut Ctx<'_>) {
        self.in_touch = false;
        let wait = self.odd_wait(ctx);
        ctx.arm(RaftTimer::Election, wait);
    }

    /// 3.4: no leader, or no outcome: asks (again) whether it could win.
    pub(super) fn on_election(&mut self, ctx: &mut Ctx<'_>) {
        if !self.is_leader() {
            self.stand(true, ctx);
        }
    }

    /// Fig. 3.1, "Candidates"; with `pre` 9.6, which changes neither term nor vote.
    pub(super) fn stand(&mut self, pre: bool, ctx: &mut Ctx<'_>) {
        if !pre {
            self.enter_term(self.term.next(), ctx);
            self.voted_for = Some(self.me);
            ctx.state(elected(self.me, self.term, self.me));
        }
        (self.leader, self.in_touch, self.streaming) = (None, false, false);
        let mut granted = Signers::none_of(self.committee.len());
        granted.insert(self.me);
        self.role = Role::Candidate { pre, granted };
        if !planted!("election timer not re-armed") {
            self.await_election(ctx);
        }
        if self.committee.len() > 1 {
            let (last_view, last_height) = self.last();
            let term = if pre { self.term.next() } else { self.term };
            ctx.broadcast(RaftMessage::VoteRequest { term, last_view, last_height, pre });
        }
        self.on_granted(pre, ctx);
    }

    /// Term and height of the last entry: logs compare by them (3.6.1).
    fn last(&self) -> (View, Height) {
        let last = self.log.last();
        (last.view, last.height)
    }

    /// Fig. 3.1, "RequestVote RPC", and 9.6. Whoever hears a leader answers no pre-vote with yes and no request at all
    /// (4.2.3): a candidate that cannot win does not end the leader's term.
    pub(super) fn on_vote_request(
        &mut self,
        from: ReplicaId,
        term: View,
        last: (View, Height),
        pre: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let led = self.in_touch || self.is_leader();
        let up_to_date = last >= self.last() || planted!("stale candidate elected");
        if pre {
            let granted = term > self.term && !led && up_to_date;
            let term = if granted { term } else { self.term };
            return ctx.send(from, RaftMessage::Vote { term, candidate: from, granted, pre });
        }
        if term > self.term {
            if led {
                return;
            }
            self.enter_term(term, ctx);
        }
        let free = self.voted_for.is_none_or(|voted| voted == from) || planted!("vote twice");
        let granted = term == self.term && free && up_to_date && !self.is_leader();
        if granted {
            (self.voted_for, self.write_now, self.role) = (Some(from), true, Role::Follower);
            self.await_election(ctx);
        }
        ctx.send(from, RaftMessage::Vote { term: self.term, candidate: from, granted, pre });
    }

    /// A vote for this replica, or a refusal by someone whose term may be higher.
    pub(super) fn on_vote(&mut self, from: ReplicaId, term: View, granted: bool, pre: bool, ctx: &mut Ctx<'_>) {
        if !granted {
            return self.hear_term(term, ctx);
        }
        let mine = if pre { self.term.next() } else { self.term };
        match &mut self.role {
            Role::Candidate { pre: asked, granted } if *asked == pre && term == mine => {
                granted.insert(from);
                self.on_granted(pre, ctx);
            }
            _ => {}
        }
    }

    /// A majority elects (3.4), or says that standing is worth while (9.6).
    fn on_granted(&mut self, pre: bool, ctx: &mut Ctx<'_>) {
        let Role::Candidate { granted, .. } = &self.role else { return };
        if granted.count() < self.majority() {
            return;
        }
        if pre { self.stand(false, ctx) } else { self.lead(ctx) }
    }

    /// Fig. 3.1, "Rules for Servers": an answer from a higher term ends one's own.
    pub(super) fn hear_term(&mut self, term: View, ctx: &mut Ctx<'_>) {
        if term > self.term && !planted!("higher term ignored") {
            self.enter_term(term, ctx);
        }
    }
}
