//! Tendermint's messages: what they weigh, what their receiver verifies, what their sender states.
//!
//! Over `gossip` a message keeps its author when it is passed on. Each receiver verifies each copy: whether it is one
//! too many the receiver finds out from its own state, which [`Message::checks`] cannot know. So a copy too many costs a
//! verification here, which CometBFT saves where it has the vote already.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Block, Certificate, Phase, SIGNATURE_BYTES, Statement};

/// Message kind, height, view, author.
const HEAD_BYTES: u64 = 1 + 8 + 8 + 4;
/// A block's id.
const ID_BYTES: u64 = 32;

/// ⟨PREVOTE, h, round, id⟩ (`phase` Vote) or ⟨PRECOMMIT, h, round, id⟩ (`phase` Commit); nil is the zero id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the paper's fields")]
pub struct Ballot {
    pub phase: Phase,
    pub height: Height,
    pub view: View,
    pub block: Digest,
}

/// What a proposal says beside its block: ⟨PROPOSAL, h, round, v, validRound⟩.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the paper's fields; `valid` is none for -1")]
pub struct Header {
    pub by: ReplicaId,
    pub height: Height,
    pub view: View,
    pub valid: Option<View>,
    pub block: Digest,
}

/// What Tendermint replicas send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum TendermintMessage {
    /// A round's proposal, with its block; `again` where the proposer repeats it.
    Proposal { header: Header, block: Arc<Block>, again: bool },
    /// The sender's own vote, to all.
    Vote(Ballot),
    /// A vote of `by`, over gossip; the author's own copies too, as it states the vote once and sends it several times.
    Passed { by: ReplicaId, ballot: Ballot },
    /// The proposal whose block comes in parts, over gossip.
    Header(Header),
    /// One piece of a block's encoding, proven by a Merkle path to what the header names. (Here the whole block stands
    /// for its piece.)
    Part { height: Height, view: View, block: Arc<Block>, index: u32, total: u32, bytes: u64 },
    /// The sender has the header of the round's proposal and lacks these parts.
    Lacking { height: Height, view: View, parts: Vec<u32> },
    /// A proposal whose parts have all come: no replica sends it to another.
    Whole { header: Header, block: Arc<Block> },
    /// A quorum's prevotes: what makes a proposal with a `valid` round acceptable.
    Polka(Arc<Certificate>),
    /// Votes that the sender knows of, of any number of signers, for who may lack them.
    Known(Vec<Certificate>),
    /// The sender has not decided this height.
    Ask { height: Height },
    /// A decided block with its precommits; `tip` is the last that the sender has decided, `last` ends an answer.
    Decided { block: Arc<Block>, precommits: Arc<Certificate>, tip: Height, last: bool },
}

use TendermintMessage as M;

impl Message for TendermintMessage {
    fn wire(&self) -> Bytes {
        let signature = Bytes(SIGNATURE_BYTES);
        let head = Bytes(HEAD_BYTES);
        match self {
            M::Proposal { block, .. } | M::Whole { block, .. } => head + Bytes(9) + block.wire() + signature,
            M::Vote(_) | M::Passed { .. } => head + Bytes(1 + ID_BYTES) + signature,
            // The parts' Merkle root and number come beside the block's id.
            M::Header(_) => head + Bytes(9 + ID_BYTES + ID_BYTES + 4) + signature,
            M::Part { bytes, total, .. } => head + Bytes(4 + bytes + path_bytes(*total)),
            M::Lacking { parts, .. } => head + parts[..].encoded_len(),
            M::Polka(certificate) => Bytes(1) + certificate.wire(),
            M::Known(votes) => Bytes(1 + 4) + votes.iter().map(Certificate::wire).sum(),
            M::Ask { .. } => Bytes(1 + 8),
            M::Decided { block, precommits, .. } => Bytes(1 + 8 + 1) + block.wire() + precommits.wire(),
        }
    }

    fn checks(&self) -> Checks {
        let signatures = match self {
            M::Proposal { .. } | M::Vote(_) | M::Passed { .. } | M::Header(_) => 1,
            // The header was verified when it came, the parts one by one.
            M::Part { .. } | M::Lacking { .. } | M::Whole { .. } | M::Ask { .. } => 0,
            M::Polka(certificate) | M::Decided { precommits: certificate, .. } => certificate.signers.count(),
            M::Known(votes) => votes.iter().map(|votes| votes.signers.count()).sum(),
        };
        let hashed = match self {
            M::Part { bytes, total, .. } => Bytes(bytes + 2 * path_bytes(*total)),
            _ => self.block().map_or(Bytes(0), |block| block.encoded_len()),
        };
        Checks { signatures, hashed }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        match self {
            M::Proposal { header, again: false, .. } | M::Whole { header, .. } if header.by == from => {
                Some(header.statement())
            }
            M::Vote(ballot) => Some(ballot.statement(from)),
            _ => None,
        }
    }

    fn proposes(&self, from: ReplicaId) -> bool {
        match self {
            M::Proposal { block, .. } | M::Whole { block, .. } | M::Part { block, .. } | M::Decided { block, .. } => {
                block.author == from
            }
            M::Header(header) => header.by == from,
            _ => false,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            M::Proposal { block, .. } | M::Whole { block, .. } | M::Decided { block, .. } => Some(block),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        if let M::Polka(certificate) | M::Decided { precommits: certificate, .. } = self {
            see(Proof::Certificate(certificate));
        }
    }
}

impl Ballot {
    /// It as what `by` states.
    pub fn statement(&self, by: ReplicaId) -> Statement {
        let Ballot { phase, height, view, block } = *self;
        Statement { by, phase, view, height, justify: View(0), block }
    }
}

impl Header {
    /// It as what its author states.
    pub fn statement(&self) -> Statement {
        let Header { by, height, view, valid, block } = *self;
        Statement { by, phase: Phase::Propose, view, height, justify: valid.unwrap_or_default(), block }
    }
}

/// Length of a Merkle path among `total` leaves.
fn path_bytes(total: u32) -> u64 {
    ID_BYTES * u64::from(total.next_power_of_two().trailing_zeros())
}
