//! Raft's messages: what they weigh and what their sender states. None is signed: Raft fears crashes, not lies.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::{Checks, Message};
use crate::ledger::{Block, Phase, Statement};

/// Message kind and term: what every message has at least.
const HEAD_BYTES: u64 = 1 + 8;
/// A height, a view, or another number.
const NUMBER_BYTES: u64 = 8;
/// A block's id.
const ID_BYTES: u64 = 32;

/// What Raft replicas send each other. `term` is the sender's; leaders and candidates are known by the connection.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum RaftMessage {
    /// AppendEntries with one entry (Fig. 3.1). `prevLogIndex` and `prevLogTerm` are the block's place and its parent's
    /// id; `commit` is `leaderCommit`.
    Append { term: View, block: Arc<Block>, commit: Height },
    /// AppendEntries without entries (Fig. 3.1): the leader lives, and the receiver should hold the block `id` at `prev`.
    Heartbeat { term: View, prev: Height, id: Digest, commit: Height },
    /// The leader has committed the block `id` at `height`. Not answered.
    Committed { term: View, height: Height, id: Digest },
    /// "true" to AppendEntries: the sender's log agrees with the leader's up to the block `id` of `view` at `height`, and
    /// is written. `seen` is the greatest height of any block that it was ever handed.
    Appended { term: View, height: Height, id: Digest, view: View, seen: Height },
    /// "false" to AppendEntries: the sender does not hold the block before, at `refused`; it agrees up to `hint`.
    Rejected { term: View, refused: Height, hint: Height, seen: Height },
    /// RequestVote (Fig. 3.1), or PreVote (9.6) for the term that the sender would open; its last entry's view and height.
    VoteRequest { term: View, last_view: View, last_height: Height, pre: bool },
    /// The answer; where a pre-vote is granted, `term` is the one asked for.
    Vote { term: View, candidate: ReplicaId, granted: bool, pre: bool },
}

/// "In this term I follow the candidate."
pub(super) fn elected(by: ReplicaId, term: View, candidate: ReplicaId) -> Statement {
    let justify = View(candidate.0.into());
    Statement { by, phase: Phase::Elect, view: term, height: Height(0), justify, block: Digest::ZERO }
}

/// "In this term my log holds the block and its ancestors"; `justify` is the term that made the block. Of genesis nobody
/// says so.
pub(super) fn stored(by: ReplicaId, term: View, height: Height, view: View, block: Digest) -> Option<Statement> {
    (height > Height(0)).then_some(Statement { by, phase: Phase::Vote, view: term, height, justify: view, block })
}

impl Message for RaftMessage {
    fn wire(&self) -> Bytes {
        let bytes = match self {
            RaftMessage::Append { block, .. } => return Bytes(HEAD_BYTES + NUMBER_BYTES) + block.wire(),
            RaftMessage::Heartbeat { .. } => 2 * NUMBER_BYTES + ID_BYTES,
            RaftMessage::Committed { .. } => NUMBER_BYTES + ID_BYTES,
            RaftMessage::Appended { .. } => 3 * NUMBER_BYTES + ID_BYTES,
            RaftMessage::Rejected { .. } => 3 * NUMBER_BYTES,
            RaftMessage::VoteRequest { .. } => 2 * NUMBER_BYTES + 1,
            RaftMessage::Vote { .. } => 4 + 2,
        };
        Bytes(HEAD_BYTES + bytes)
    }

    fn checks(&self) -> Checks {
        Checks { signatures: 0, hashed: self.block().map_or(Bytes(0), |block| block.encoded_len()) }
    }

    /// A block of an earlier term is passed on, not proposed.
    fn statement(&self, by: ReplicaId) -> Option<Statement> {
        match self {
            RaftMessage::Append { term, block, .. } => (block.view == *term).then(|| Statement {
                by,
                phase: Phase::Propose,
                view: block.view,
                height: block.height,
                justify: block.parent_view,
                block: block.id(),
            }),
            RaftMessage::Appended { term, height, id, view, .. } => stored(by, *term, *height, *view, *id),
            RaftMessage::Vote { term, candidate, granted: true, pre: false } => Some(elected(by, *term, *candidate)),
            _ => None,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            RaftMessage::Append { block, .. } => Some(block),
            _ => None,
        }
    }
}
