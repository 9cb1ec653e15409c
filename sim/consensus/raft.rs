//! Raft: a replicated log under an elected leader that fears crashes only, as Fabric's ordering service runs it.
//!
//! Source: Ongaro, "Consensus: Bridging Theory and Practice" (PhD thesis, Stanford 2014): chapter 3 and Fig. 3.1 (the
//! rules), 4.2.3 (disruptive servers), 9.6 (pre-vote), 10.2.1 (writing in parallel), 10.2.2 (batching and pipelining).
//! What the thesis leaves open is as in etcd's library, which Hyperledger Fabric's orderer uses.
//!
//! The thesis' *term* is our view, its *log index* our height, its *entry* a block: `Block::view` is the term that made
//! it. Blocks are chained by id, so comparing a parent's id is the comparison of `prevLogIndex` and `prevLogTerm`.
//! "Granted" is stated as `Phase::Elect`, a leader's new entry as `Phase::Propose`, and "my log holds this and all
//! before it, written" as `Phase::Vote` with the entry's term as `justify`. Nothing is signed.
//!
//! One block: the leader sends it, followers write it and answer, and once a majority holds it the leader commits it and
//! says so at once, by the next block if one leaves for everyone, else by [`RaftMessage::Committed`]: 3 message delays
//! to a follower's commit. Up to `max_in_flight` blocks are uncommitted; what comes meanwhile waits for the next one.
//!
//! Where choices were to be made:
//! - A message carries one block. Each follower has up to `max_unacknowledged` of them under way (10.2.2).
//! - The leader sends a block before its own disk has it, and counts itself when it does (10.2.1). Followers answer after
//!   writing; what comes while the disk is busy is written and answered together. What is committed is written first.
//! - Links reorder, and a block may wait for its batches below us: a follower that hears its leader keeps a window of
//!   blocks ahead of its log instead of refusing each. Heartbeats then find what was lost.
//! - A refusal names the last height known to agree, which is never below the commit index: one step back, not many.
//! - Pre-vote, and CheckQuorum (6.2; etcd): a leader that no majority answered for an election timeout steps down.
//! - At genesis replica 0 stands at once, as Fabric has one consenter do in a new channel; nobody waits out a timeout.
//! - A new leader's first block, empty if need be, leaves at once (3.6.2); before it is committed nothing older is.
//! - Blocks that a change of leaders abandoned hold on to their batches until their height is committed. Followers report
//!   the highest block that they saw, and an idle leader fills up to it with empty ones.
//!
//! Left out: log compaction by snapshots and InstallSnapshot (a follower more than `KEPT_BLOCKS` behind stays behind),
//! membership changes, leadership transfer, client sessions, and reads, so there is no lease to read under.

mod election;
mod follower;
mod leader;
mod log;
mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Height, ReplicaId, Span, View};
use crate::ledger::{Block, CommitRule, Committee, FaultModel, Leaders, Locks, Promises, Signers, Slot};

use super::planted::planted;
use super::{BadSetting, Charge, Context, Event, KEPT_BLOCKS, Layer, Protocol};

use leader::Leadership;
use log::Log;
pub use message::RaftMessage;

/// Uncommitted blocks that a log takes at most. A leader makes `max_in_flight`, and each further term adds one.
const MOST_UNCOMMITTED: u64 = 4_096;
/// The longest election timeout, ms: its microseconds are counted in 32 bits.
const MOST_ELECTION_TIMEOUT_MS: u64 = 3_600_000;

/// Settings of Raft; the defaults are Fabric's where it has them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RaftParams {
    /// How often a leader shows that it lives, ms.
    pub heartbeat_ms: u64,
    /// A follower stands for election when it has heard no leader for between this long and twice as long, ms; a leader
    /// steps down when no majority has answered for this long. At least two heartbeats, and several round trips.
    pub election_timeout_ms: u64,
    /// Uncommitted blocks at most; what comes meanwhile waits and is ordered together (Fabric's MaxInflightBlocks).
    pub max_in_flight: u64,
    /// Blocks under way to one follower at most, not below `max_in_flight`: how fast one that was away, or is farther
    /// away than the majority, is served.
    pub max_unacknowledged: u64,
}

impl Default for RaftParams {
    fn default() -> Self {
        RaftParams { heartbeat_ms: 500, election_timeout_ms: 5_000, max_in_flight: 5, max_unacknowledged: 64 }
    }
}

/// Raft's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaftTimer {
    /// No leader was heard for an election timeout.
    Silent,
    /// It is time to stand for election.
    Election,
    /// The leader shows that it lives.
    Heartbeat,
    /// The leader counts who answered.
    Quorum,
    /// The disk takes what was appended.
    Disk,
}

/// What a replica is in its term.
#[derive(Debug)]
enum Role {
    Follower,
    /// A candidate, or (`pre`) one that asks whether it could win.
    Candidate {
        pre: bool,
        granted: Signers,
    },
    Leader(Leadership),
}

/// A Raft replica.
#[derive(Debug)]
pub struct Raft {
    me: ReplicaId,
    committee: Committee,
    params: RaftParams,
    /// "currentTerm", durable.
    term: View,
    /// "votedFor", durable.
    voted_for: Option<ReplicaId>,
    log: Log,
    /// Up to this height the log is on disk.
    written: Height,
    /// Term, vote or log must be on disk before this handler's messages leave.
    write_now: bool,
    /// [`RaftTimer::Disk`] runs.
    writing: bool,
    role: Role,
    leader: Option<ReplicaId>,
    /// A leader was heard within the election timeout.
    in_touch: bool,
    attempts: u64,
    /// The last height at which the log is known to agree with the leader's of this term.
    agreed: Height,
    /// Blocks of this leader have joined the log: one that does not is ahead of others rather than beyond a gap.
    streaming: bool,
    /// Blocks ahead of the log.
    early: BTreeMap<Height, Arc<Block>>,
    /// The leader waits for an answer.
    owed: bool,
    /// The greatest height of any block ever handed to this replica.
    seen: Height,
}

type Ctx<'a> = Context<'a, Raft>;

impl Protocol for Raft {
    const NAME: &'static str = "raft";
    /// A majority is less than the quorum that certifies a batch.
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched];
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "old terms counted",
        "vote twice",
        "vote forgotten",
        "stale candidate elected",
        "majority off by one",
        "previous entry unchecked",
        "conflict kept",
        "election timer not re-armed",
        "commit index unbounded",
        "acknowledgement counted twice",
        "higher term ignored",
        "refusal ignored",
    ];
    type Message = RaftMessage;
    type Timer = RaftTimer;
    type Params = RaftParams;

    fn validate(params: &RaftParams, _: u32) -> Result<(), BadSetting> {
        let within = BadSetting::unless_within;
        within("heartbeat_ms", params.heartbeat_ms, 1, MOST_ELECTION_TIMEOUT_MS / 2)?;
        let least = 2 * params.heartbeat_ms;
        within("election_timeout_ms", params.election_timeout_ms, least, MOST_ELECTION_TIMEOUT_MS)?;
        within("max_in_flight", params.max_in_flight, 1, KEPT_BLOCKS)?;
        within("max_unacknowledged", params.max_unacknowledged, params.max_in_flight, KEPT_BLOCKS)
    }

    fn brisk() -> RaftParams {
        RaftParams { heartbeat_ms: 100, election_timeout_ms: 500, ..RaftParams::default() }
    }

    fn promises(_: &RaftParams) -> Promises {
        Promises {
            tolerates: FaultModel::Crash,
            leaders: Leaders::Elected,
            slot: Slot::HeightAndView,
            commit: CommitRule::Stored,
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: false,
            delays: 3,
        }
    }

    /// Up to two timeouts until a leader is missed, and up to two for each of three elections whose votes are split;
    /// then a heartbeat finds out who lacks what.
    fn patience(params: &RaftParams, _: &Committee) -> Span {
        Span::from_millis(8 * params.election_timeout_ms + 2 * params.heartbeat_ms) + Span::from_secs(5)
    }

    fn new(me: ReplicaId, committee: &Committee, params: &RaftParams) -> Self {
        Raft {
            me,
            committee: *committee,
            params: params.clone(),
            term: View(0),
            voted_for: None,
            log: Log::new(),
            written: Height(0),
            write_now: false,
            writing: false,
            role: Role::Follower,
            leader: None,
            in_touch: false,
            attempts: 0,
            agreed: Height(0),
            streaming: false,
            early: BTreeMap::new(),
            owed: false,
            seen: Height(0),
        }
    }

    /// Fig. 3.1, "Persistent state": currentTerm, votedFor and what of the log was written. What is committed was written
    /// too, and the ledger remembers how far that is. `seen` is only a hint, of what the layer below remembers.
    fn recovered(&self) -> Self {
        let mut log = self.log.clone();
        log.truncate(self.written.next());
        Raft {
            term: self.term,
            voted_for: self.voted_for.filter(|_| !planted!("vote forgotten")),
            agreed: log.committed(),
            written: self.written,
            seen: self.seen,
            log,
            ..Raft::new(self.me, &self.committee, &self.params)
        }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Start => self.on_start(ctx),
            // Whatever happened, a leader looks for something to order at the end.
            Event::Submitted => {}
            Event::Received { from, message } => self.on_received(from, message, ctx),
            Event::Expired(RaftTimer::Silent) => self.on_silent(ctx),
            Event::Expired(RaftTimer::Election) => self.on_election(ctx),
            Event::Expired(RaftTimer::Heartbeat) => self.on_heartbeat_due(ctx),
            Event::Expired(RaftTimer::Quorum) => self.on_quorum(ctx),
            Event::Expired(RaftTimer::Disk) => self.on_disk(),
        }
        self.conclude(ctx);
    }
}

impl Raft {
    /// At genesis replica 0 stands at once. Who comes back from a crash is a follower (3.3).
    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        if self.term > View(0) {
            return self.await_election(ctx);
        }
        ctx.expect(ReplicaId(0));
        if self.me == ReplicaId(0) { self.stand(true, ctx) } else { self.await_election(ctx) }
    }

    fn on_received(&mut self, from: ReplicaId, message: &RaftMessage, ctx: &mut Ctx<'_>) {
        match *message {
            RaftMessage::Append { term, ref block, commit } => self.on_append(from, term, block, commit, ctx),
            RaftMessage::Heartbeat { term, prev, id, commit } => self.on_heartbeat(from, term, (prev, id), commit, ctx),
            RaftMessage::Committed { term, height, id } => self.on_committed(from, term, height, id, ctx),
            RaftMessage::Appended { term, height, id, seen, .. } => {
                self.on_appended(from, term, (height, id), seen, ctx)
            }
            RaftMessage::Rejected { term, refused, hint, seen } => {
                self.on_rejected(from, term, (refused, hint), seen, ctx);
            }
            RaftMessage::VoteRequest { term, last_view, last_height, pre } => {
                self.on_vote_request(from, term, (last_view, last_height), pre, ctx);
            }
            RaftMessage::Vote { term, candidate, granted, pre } => {
                self.on_vote(from, term, candidate == self.me && granted, pre, ctx);
            }
        }
    }

    /// Everything appended meanwhile is written together.
    fn on_disk(&mut self) {
        self.writing = false;
        self.write_now = true;
    }

    /// Ends every handler: writes what must be, then does what had to wait for that.
    fn conclude(&mut self, ctx: &mut Ctx<'_>) {
        if std::mem::take(&mut self.write_now) {
            ctx.charge(Charge::Fsync);
            self.written = self.log.last().height;
        }
        if self.is_leader() {
            self.count_own(ctx);
            self.propose(ctx);
            self.announce(ctx);
        } else {
            self.answer(ctx);
        }
        if self.written < self.log.last().height && !self.writing {
            self.writing = true;
            ctx.arm(RaftTimer::Disk, Span::ZERO);
        }
    }

    /// Fig. 3.1, "Rules for Servers", all servers: a higher term than one's own makes a follower.
    fn enter_term(&mut self, term: View, ctx: &mut Ctx<'_>) {
        assert!(term > self.term, "terms only grow");
        (self.term, self.voted_for, self.write_now) = (term, None, true);
        (self.agreed, self.streaming, self.owed) = (self.log.committed(), false, false);
        self.early.clear();
        self.retire(ctx);
    }

    /// Becomes a follower that knows no leader.
    fn retire(&mut self, ctx: &mut Ctx<'_>) {
        if self.is_leader() {
            ctx.disarm(RaftTimer::Heartbeat);
            ctx.disarm(RaftTimer::Quorum);
            self.await_election(ctx);
        }
        (self.role, self.leader, self.in_touch) = (Role::Follower, None, false);
    }

    /// Commits up to `height`, which the log holds. What is committed here must not be lost by a crash.
    fn commit_to(&mut self, height: Height, ctx: &mut Ctx<'_>) {
        self.write_now |= height > self.log.committed() && height > self.written;
        while self.log.committed() < height {
            ctx.commit(self.log.commit_next());
        }
        self.agreed = self.agreed.max(self.log.committed());
    }

    fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    fn majority(&self) -> u32 {
        self.committee.majority() - u32::from(planted!("majority off by one"))
    }
}
