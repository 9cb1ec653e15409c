//! Mysticeti's messages: what they weigh, what their receiver verifies, what their sender states.

use std::sync::Arc;

use crate::base::{Bytes, Encode, ReplicaId, View};
use crate::consensus::{Checks, Message};
use crate::ledger::{Block, Link, Phase, SIGNATURE_BYTES, Statement};

/// A link, and the round above which the author's blocks are wanted too.
const WANTED_BYTES: u64 = 8 + 4 + 32 + 8;

/// What replicas send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum MysticetiMessage {
    /// The sender's block of a round.
    Proposal(Arc<Block>),
    /// Who has these blocks? Their authors' own blocks below them are wanted too, down to above that round.
    Fetch(Vec<(Link, View)>),
    /// A block that was asked for, with its author's signature.
    Found(Arc<Block>),
}

impl Message for MysticetiMessage {
    fn wire(&self) -> Bytes {
        match self {
            MysticetiMessage::Proposal(block) | MysticetiMessage::Found(block) => {
                Bytes(1 + SIGNATURE_BYTES) + block.wire()
            }
            MysticetiMessage::Fetch(wanted) => Bytes(1 + 4 + WANTED_BYTES * wanted.len() as u64),
        }
    }

    fn checks(&self) -> Checks {
        match self {
            MysticetiMessage::Proposal(block) | MysticetiMessage::Found(block) => {
                Checks { signatures: 1, hashed: block.encoded_len() }
            }
            MysticetiMessage::Fetch(_) => Checks::default(),
        }
    }

    /// Whoever sends a block of its own proposes it, also where it was asked for it: it may never have sent it before.
    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let block = self.block().filter(|block| block.author == from)?;
        let Block { view, height, .. } = **block;
        Some(Statement { by: from, phase: Phase::Propose, view, height, justify: View(0), block: block.id() })
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            MysticetiMessage::Proposal(block) | MysticetiMessage::Found(block) => Some(block),
            MysticetiMessage::Fetch(_) => None,
        }
    }
}
