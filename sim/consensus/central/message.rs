//! The central protocol's messages.

use std::sync::Arc;

use crate::base::{Bytes, Encode, Height, ReplicaId};
use crate::consensus::{Checks, Message};
use crate::ledger::{Block, Phase, SIGNATURE_BYTES, Statement};

/// Message kind and height.
const SHORT_BYTES: u64 = 1 + 8;

/// What the sequencer and its followers send each other.
#[derive(Debug)]
pub enum CentralMessage {
    /// The signed next block of the chain, or an earlier one that a follower asked for.
    Head(Arc<Block>),
    /// The height of the sequencer's last block, while it writes none. Not signed: it only makes followers ask.
    Tip(Height),
    /// Which blocks come from this height on?
    Fetch(Height),
}

impl Message for CentralMessage {
    fn wire(&self) -> Bytes {
        match self {
            CentralMessage::Head(block) => block.wire() + Bytes(SIGNATURE_BYTES),
            CentralMessage::Tip(_) | CentralMessage::Fetch(_) => Bytes(SHORT_BYTES),
        }
    }

    fn checks(&self) -> Checks {
        self.block().map_or(Checks::default(), |block| Checks { signatures: 1, hashed: block.encoded_len() })
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let block = self.block()?;
        Some(Statement {
            by: from,
            phase: Phase::Propose,
            view: block.view,
            height: block.height,
            justify: block.parent_view,
            block: block.id(),
        })
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            CentralMessage::Head(block) => Some(block),
            CentralMessage::Tip(_) | CentralMessage::Fetch(_) => None,
        }
    }
}
