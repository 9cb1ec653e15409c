//! PBFT's messages: what they weigh, what their receiver verifies, what their sender states.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Block, Certificate, Phase, SIGNATURE_BYTES, Statement, TimeoutCertificate};

/// Message kind, view, height and block id.
const SHORT_BYTES: u64 = 1 + 8 + 8 + 32;

/// How a view begins (the paper's NEW-VIEW): a quorum's view changes, and the prepared certificate that they call for.
#[derive(Debug)]
pub struct NewView {
    /// The view changes of a quorum: signers, and the views of their highest prepared certificates.
    pub given_up: TimeoutCertificate,
    /// The heights of those certificates, in the same order.
    pub heights: Vec<Height>,
    /// The highest of those certificates, by view and then by height.
    pub prepared: Arc<Certificate>,
}

impl NewView {
    /// The view that it begins.
    pub fn view(&self) -> View {
        self.given_up.view.next()
    }

    /// View and height of the highest certificate that a signer knew.
    pub fn highest(&self) -> (View, Height) {
        let views = self.given_up.timeouts.iter().map(|&(_, view)| view);
        views.zip(self.heights.iter().copied()).max().unwrap_or_default()
    }

    fn wire(&self) -> Bytes {
        self.given_up.wire() + Bytes(8) * self.heights.len() as u64 + self.prepared.wire()
    }
}

/// What PBFT replicas send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum PbftMessage {
    /// The primary's block at a height, in `view`; `justify` is the view of the certificate that the view began with.
    PrePrepare { view: View, justify: View, block: Arc<Block> },
    /// A backup accepts a block and its ancestors.
    Prepare { view: View, height: Height, block: Digest },
    /// A replica holds a prepared certificate that covers the block.
    Commit { view: View, height: Height, block: Digest },
    /// A replica has committed up to the block.
    Checkpoint { height: Height, block: Digest },
    /// A quorum's checkpoints: what shows that one is stable.
    Stable(Arc<Certificate>),
    /// A replica has given up on `view`; the highest prepared certificate that it ever held.
    ViewChange { view: View, prepared: Arc<Certificate> },
    /// How a view begins; anyone may pass it on.
    NewView(Arc<NewView>),
    /// Where a replica stands: its view and whether that has begun for it, its last stable checkpoint, the last height
    /// that it has committed, and the highest height of which it has seen a block. Answered with what it misses.
    Status { view: View, active: bool, stable: Height, tip: Height, reach: Height },
    /// A committed block and the quorum of commits that shows it; `last` of those sent at once if there are more.
    Committed { block: Arc<Block>, certificate: Arc<Certificate>, last: bool },
    /// Who has this block, and its ancestors above that height?
    Fetch { height: Height, block: Digest, above: Height },
    /// A block that was asked for; `last` of those sent at once.
    Found { block: Arc<Block>, last: bool },
}

impl Message for PbftMessage {
    fn wire(&self) -> Bytes {
        let signature = Bytes(SIGNATURE_BYTES);
        match self {
            PbftMessage::PrePrepare { block, .. } => Bytes(1 + 8 + 8) + block.wire() + signature,
            PbftMessage::Prepare { .. } | PbftMessage::Commit { .. } => Bytes(SHORT_BYTES) + signature,
            PbftMessage::Checkpoint { .. } => Bytes(1 + 8 + 32) + signature,
            PbftMessage::Stable(certificate) => Bytes(1) + certificate.wire(),
            PbftMessage::ViewChange { prepared, .. } => Bytes(1 + 8) + prepared.wire() + signature,
            PbftMessage::NewView(new_view) => Bytes(1) + new_view.wire(),
            PbftMessage::Status { .. } => Bytes(1 + 8 + 1 + 8 + 8 + 8),
            PbftMessage::Committed { block, certificate, .. } => Bytes(1 + 1) + block.wire() + certificate.wire(),
            PbftMessage::Fetch { .. } => Bytes(SHORT_BYTES),
            PbftMessage::Found { block, .. } => Bytes(1 + 1) + block.wire(),
        }
    }

    fn checks(&self) -> Checks {
        let signatures = match self {
            PbftMessage::PrePrepare { .. }
            | PbftMessage::Prepare { .. }
            | PbftMessage::Commit { .. }
            | PbftMessage::Checkpoint { .. } => 1,
            PbftMessage::ViewChange { prepared, .. } => 1 + prepared.signers.count(),
            PbftMessage::NewView(new_view) => {
                new_view.given_up.timeouts.len() as u32 + new_view.prepared.signers.count()
            }
            PbftMessage::Stable(certificate) | PbftMessage::Committed { certificate, .. } => {
                certificate.signers.count()
            }
            PbftMessage::Status { .. } | PbftMessage::Fetch { .. } | PbftMessage::Found { .. } => 0,
        };
        let hashed = self.block().map_or(Bytes(0), |block| block.encoded_len());
        Checks { signatures, hashed }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let state =
            |phase, view, height, justify, block| Some(Statement { by: from, phase, view, height, justify, block });
        match *self {
            PbftMessage::PrePrepare { view, justify, ref block } => {
                state(Phase::Propose, view, block.height, justify, block.id())
            }
            PbftMessage::Prepare { view, height, block } => state(Phase::Vote, view, height, View(0), block),
            PbftMessage::Commit { view, height, block } => state(Phase::Commit, view, height, View(0), block),
            PbftMessage::Checkpoint { height, block } => state(Phase::Checkpoint, View(0), height, View(0), block),
            PbftMessage::ViewChange { view, ref prepared } => {
                state(Phase::Timeout, view, Height(0), prepared.view, Digest::ZERO)
            }
            _ => None,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            PbftMessage::PrePrepare { block, .. }
            | PbftMessage::Committed { block, .. }
            | PbftMessage::Found { block, .. } => Some(block),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        match self {
            PbftMessage::ViewChange { prepared, .. } => see(Proof::Certificate(prepared)),
            PbftMessage::Stable(certificate) | PbftMessage::Committed { certificate, .. } => {
                see(Proof::Certificate(certificate))
            }
            PbftMessage::NewView(new_view) => {
                see(Proof::Timeouts(&new_view.given_up));
                see(Proof::Certificate(&new_view.prepared));
            }
            _ => {}
        }
    }
}
