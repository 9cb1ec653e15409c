//! What aggregators send each other.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId};
use crate::consensus::{Checks, Message};
use crate::ledger::{BatchRef, Block, Phase, SIGNATURE_BYTES, Statement};

use super::Path;

/// Message kind, and the code that authenticates it between neighbours.
const FRAME_BYTES: u64 = 1 + 32;
/// What is signed of an entry beside its root: second, number, core, entry before.
const ENTRY_BYTES: u64 = 8 + 8 + 4 + 32;

/// A request's root and its way up.
pub type Answer = (Digest, Path);

/// Messages of the calendar.
#[derive(Debug)]
pub enum CalendarMessage {
    /// Up: the root over what an aggregator gathered. What it covers does not travel; it is here for the observer.
    Request {
        /// The root.
        root: Digest,
        /// What it covers.
        batches: Vec<BatchRef>,
    },
    /// Down: an entry of the calendar, and the ways of the receiver's requests up to its root.
    Entry {
        /// The entry. Its root and its signature travel, not what it covers.
        block: Arc<Block>,
        /// The ways.
        answers: Vec<Answer>,
    },
    /// Which entries come from this number on?
    Fetch(Height),
}

impl Message for CalendarMessage {
    fn wire(&self) -> Bytes {
        Bytes(FRAME_BYTES)
            + match self {
                CalendarMessage::Request { .. } => Bytes(32),
                CalendarMessage::Entry { answers, .. } => {
                    let ways: Bytes = answers.iter().map(|(_, path)| Bytes(32) + path.wire()).sum();
                    Bytes(ENTRY_BYTES + 32 + SIGNATURE_BYTES) + ways
                }
                CalendarMessage::Fetch(_) => Bytes(8),
            }
    }

    fn checks(&self) -> Checks {
        match self {
            CalendarMessage::Request { root, .. } => Checks { signatures: 0, hashed: root.encoded_len() },
            CalendarMessage::Entry { .. } => Checks { signatures: 1, hashed: self.wire() },
            CalendarMessage::Fetch(_) => Checks::default(),
        }
    }

    /// The core states its entries; others pass them on.
    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let block = self.block().filter(|block| block.author == from)?;
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
            CalendarMessage::Entry { block, .. } => Some(block),
            CalendarMessage::Request { .. } | CalendarMessage::Fetch(_) => None,
        }
    }
}
