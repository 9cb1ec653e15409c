//! QBFT's messages: what they weigh, what their receiver verifies, what their sender states.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, Time, View};
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Block, Certificate, Phase, SIGNATURE_BYTES, Statement, TimeoutCertificate};

/// Message kind and height: what every message has at least.
const HEAD_BYTES: u64 = 1 + 8;
/// Round and block id: what votes add.
const VOTE_BYTES: u64 = 8 + 32;

/// A block proposed in a round, and why it may be.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The round: not the block's own where it is proposed again.
    pub round: View,
    /// The block.
    pub block: Arc<Block>,
    /// When it was proposed, by the proposer's clock.
    pub at: Time,
    /// The ROUND-CHANGEs that justify a round after the first.
    pub round_changes: Option<Arc<TimeoutCertificate>>,
    /// The prepared certificate of the highest round among those, where one of their senders had prepared.
    pub prepared: Option<Arc<Certificate>>,
}

/// A block with a quorum of PREPAREs of one round.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The block.
    pub block: Arc<Block>,
    /// Its votes.
    pub certificate: Arc<Certificate>,
}

/// What QBFT replicas send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum QbftMessage {
    /// The proposer's block of a round.
    Proposal(Proposal),
    /// The sender accepts a block in a round.
    Prepare { height: Height, round: View, block: Digest },
    /// The sender knows a quorum that accepted a block in a round.
    Commit { height: Height, round: View, block: Digest },
    /// The sender is in `round` now, has given up on those before, and had prepared this in the last of them in which
    /// it did.
    RoundChange { height: Height, round: View, prepared: Option<Prepared> },
    /// What was decided from `height` on?
    Ask { height: Height },
    /// A decided block, its COMMITs, and the last height that the sender has decided.
    Decided { block: Arc<Block>, certificate: Arc<Certificate>, tip: Height },
}

/// A prepared round as timeouts state it: plus one, 0 for none, so that it only ever grows at a height.
pub(super) fn stated(prepared: Option<&Certificate>) -> View {
    prepared.map_or(View(0), |certificate| certificate.view.next())
}

fn certified(prepared: Option<&Prepared>) -> Option<&Arc<Certificate>> {
    prepared.map(|prepared| &prepared.certificate)
}

impl Message for QbftMessage {
    fn wire(&self) -> Bytes {
        let (head, signature) = (Bytes(HEAD_BYTES), Bytes(SIGNATURE_BYTES));
        match self {
            QbftMessage::Proposal(Proposal { block, round_changes, prepared, .. }) => {
                let certificate = prepared.as_ref().map_or(Bytes(0), |certificate| certificate.wire());
                let changes = round_changes.as_ref().map_or(Bytes(0), |changes| changes.wire());
                head + Bytes(8 + 8 + 1 + 1) + block.wire() + changes + certificate + signature
            }
            QbftMessage::Prepare { .. } | QbftMessage::Commit { .. } => head + Bytes(VOTE_BYTES) + signature,
            QbftMessage::RoundChange { prepared, .. } => {
                let wire = |prepared: &Prepared| prepared.block.wire() + prepared.certificate.wire();
                head + Bytes(8 + 1) + prepared.as_ref().map_or(Bytes(0), wire) + signature
            }
            QbftMessage::Ask { .. } => head,
            QbftMessage::Decided { block, certificate, .. } => head + Bytes(8) + block.wire() + certificate.wire(),
        }
    }

    fn checks(&self) -> Checks {
        let signatures = match self {
            QbftMessage::Proposal(Proposal { round_changes, prepared, .. }) => {
                let changes = round_changes.as_ref().map_or(0, |changes| changes.timeouts.len() as u32);
                1 + changes + prepared.as_ref().map_or(0, |certificate| certificate.signers.count())
            }
            QbftMessage::Prepare { .. } | QbftMessage::Commit { .. } => 1,
            QbftMessage::RoundChange { prepared, .. } => {
                1 + certified(prepared.as_ref()).map_or(0, |certificate| certificate.signers.count())
            }
            QbftMessage::Ask { .. } => 0,
            QbftMessage::Decided { certificate, .. } => certificate.signers.count(),
        };
        let hashed = self.block().map_or(Bytes(0), |block| block.encoded_len());
        Checks { signatures, hashed }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let state =
            |phase, view, height, justify, block| Some(Statement { by: from, phase, view, height, justify, block });
        match self {
            QbftMessage::Proposal(Proposal { round, block, prepared, .. }) => {
                state(Phase::Propose, *round, block.height, stated(prepared.as_deref()), block.id())
            }
            QbftMessage::Prepare { height, round, block } => state(Phase::Vote, *round, *height, View(0), *block),
            QbftMessage::Commit { height, round, block } => state(Phase::Commit, *round, *height, View(0), *block),
            QbftMessage::RoundChange { height, round, prepared } => {
                let given_up = View(round.0.saturating_sub(1));
                let justify = stated(certified(prepared.as_ref()).map(|certificate| &**certificate));
                state(Phase::Timeout, given_up, *height, justify, Digest::ZERO)
            }
            QbftMessage::Ask { .. } | QbftMessage::Decided { .. } => None,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            QbftMessage::Proposal(Proposal { block, .. }) | QbftMessage::Decided { block, .. } => Some(block),
            QbftMessage::RoundChange { prepared, .. } => prepared.as_ref().map(|prepared| &prepared.block),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        let certificate = match self {
            QbftMessage::Proposal(Proposal { prepared, .. }) => prepared.as_ref(),
            QbftMessage::RoundChange { prepared, .. } => certified(prepared.as_ref()),
            QbftMessage::Decided { certificate, .. } => Some(certificate),
            _ => None,
        };
        // ROUND-CHANGEs are of one height, which a timeout certificate cannot name: judges are not shown them.
        certificate.into_iter().for_each(|certificate| see(Proof::Certificate(certificate)));
    }
}
