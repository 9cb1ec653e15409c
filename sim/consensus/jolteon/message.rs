//! Jolteon's messages: what they weigh, what their receiver verifies, what their sender states.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Block, Certificate, Phase, SIGNATURE_BYTES, Statement, TimeoutCertificate};

/// Message kind, view and block id: what every message but a proposal has at least.
const SHORT_BYTES: u64 = 1 + 8 + 32;
/// What Jolteon replicas send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum JolteonMessage {
    /// The leader's block of a view, the certificate of its parent, and the TC that opened the view, if one did.
    Proposal { block: Arc<Block>, parent: Arc<Certificate>, opened_by: Option<Arc<TimeoutCertificate>> },
    /// A vote, to the next leader.
    Vote { view: View, block: Digest, height: Height },
    /// A replica has given up on a view.
    Timeout { view: View, high: Arc<Certificate>, opened_by: Option<Arc<TimeoutCertificate>> },
    /// The TC of the view before and the sender's highest certificate, to the leader it opens a view for: without a
    /// certificate as high as the TC speaks of, nobody would vote for its block.
    Advance { certificate: Arc<TimeoutCertificate>, high: Arc<Certificate> },
    /// Who has this block?
    Fetch(Digest),
    /// The block that was asked for.
    Found(Arc<Block>),
}

impl Message for JolteonMessage {
    fn wire(&self) -> Bytes {
        let tc = |certificate: &Option<Arc<TimeoutCertificate>>| {
            Bytes(1) + certificate.as_ref().map_or(Bytes(0), |certificate| certificate.wire())
        };
        let signature = Bytes(SIGNATURE_BYTES);
        match self {
            JolteonMessage::Proposal { block, parent, opened_by } => {
                Bytes(1) + block.wire() + parent.wire() + tc(opened_by) + signature
            }
            JolteonMessage::Vote { .. } => Bytes(SHORT_BYTES + 8) + signature,
            JolteonMessage::Timeout { high, opened_by, .. } => Bytes(1 + 8) + high.wire() + tc(opened_by) + signature,
            JolteonMessage::Advance { certificate, high } => Bytes(1) + certificate.wire() + high.wire(),
            JolteonMessage::Fetch(id) => Bytes(1) + id.encoded_len(),
            JolteonMessage::Found(block) => Bytes(1) + block.wire(),
        }
    }

    fn checks(&self) -> Checks {
        let of_tc = |tc: &Option<Arc<TimeoutCertificate>>| tc.as_ref().map_or(0, |tc| tc.timeouts.len() as u32);
        let signatures = match self {
            JolteonMessage::Proposal { parent, opened_by, .. } => 1 + parent.signers.count() + of_tc(opened_by),
            JolteonMessage::Vote { .. } => 1,
            JolteonMessage::Timeout { high, opened_by, .. } => 1 + high.signers.count() + of_tc(opened_by),
            JolteonMessage::Advance { certificate, high } => certificate.timeouts.len() as u32 + high.signers.count(),
            JolteonMessage::Fetch(_) | JolteonMessage::Found(_) => 0,
        };
        let hashed = self.block().map_or(Bytes(0), |block| block.encoded_len());
        Checks { signatures, hashed }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let state =
            |phase, view, height, justify, block| Some(Statement { by: from, phase, view, height, justify, block });
        match self {
            JolteonMessage::Proposal { block, parent, .. } => {
                state(Phase::Propose, block.view, block.height, parent.view, block.id())
            }
            JolteonMessage::Vote { view, block, height } => state(Phase::Vote, *view, *height, View(0), *block),
            JolteonMessage::Timeout { view, high, .. } => {
                state(Phase::Timeout, *view, Height(0), high.view, Digest::ZERO)
            }
            JolteonMessage::Advance { .. } | JolteonMessage::Fetch(_) | JolteonMessage::Found(_) => None,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            JolteonMessage::Proposal { block, .. } | JolteonMessage::Found(block) => Some(block),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        self.certificate().into_iter().for_each(|certificate| see(Proof::Certificate(certificate)));
        self.timeout_certificate().into_iter().for_each(|certificate| see(Proof::Timeouts(certificate)));
    }
}

impl JolteonMessage {
    /// The certificate it carries.
    pub fn certificate(&self) -> Option<&Arc<Certificate>> {
        match self {
            JolteonMessage::Proposal { parent: certificate, .. }
            | JolteonMessage::Timeout { high: certificate, .. }
            | JolteonMessage::Advance { high: certificate, .. } => Some(certificate),
            _ => None,
        }
    }

    /// The TC it carries.
    pub fn timeout_certificate(&self) -> Option<&Arc<TimeoutCertificate>> {
        match self {
            JolteonMessage::Proposal { opened_by, .. } | JolteonMessage::Timeout { opened_by, .. } => {
                opened_by.as_ref()
            }
            JolteonMessage::Advance { certificate, .. } => Some(certificate),
            _ => None,
        }
    }
}
