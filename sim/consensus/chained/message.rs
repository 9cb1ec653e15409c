//! The family's messages: what they weigh, what their receiver verifies, what their sender states.

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, Height, ReplicaId, View};
use crate::consensus::tally::Candidate;
use crate::consensus::{Checks, Message, Proof};
use crate::ledger::{Block, Certificate, Phase, SIGNATURE_BYTES, Statement, TimeoutCertificate};

/// Message kind, view and block id: what every message but a proposal has at least.
const SHORT_BYTES: u64 = 1 + 8 + 32;
/// A block id, its height, and a signature of them.
const VOTE_BYTES: u64 = 32 + 8 + SIGNATURE_BYTES;

/// What replicas of the HotStuff family send each other.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum ChainedMessage {
    /// The leader's block of a view, the certificate of its parent, and, where the vote rule reads it (Jolteon), the TC
    /// that opened the view, if one did.
    Proposal { block: Arc<Block>, parent: Arc<Certificate>, opened_by: Option<Arc<TimeoutCertificate>> },
    /// A vote, to the next leader.
    Vote { view: View, block: Digest, height: Height },
    /// A replica has given up on a view, which began because its highest certificate is of the view before or by this
    /// TC. It may repeat the vote that it gave in that view (HotStuff).
    Timeout { view: View, high: Arc<Certificate>, opened_by: Option<Arc<TimeoutCertificate>>, vote: Option<Candidate> },
    /// The TC that opens a view and the sender's highest certificate, to the view's leader: without a certificate as
    /// high as the TC speaks of, nobody would vote for its block. The papers' "new view".
    Advance { certificate: Arc<TimeoutCertificate>, high: Arc<Certificate> },
    /// Who has this block? Its ancestors above that height are wanted too.
    Fetch { block: Digest, above: Height },
    /// A block that was asked for.
    Found(Arc<Block>),
}

impl Message for ChainedMessage {
    fn wire(&self) -> Bytes {
        let tc = |certificate: &Option<Arc<TimeoutCertificate>>| {
            Bytes(1) + certificate.as_ref().map_or(Bytes(0), |certificate| certificate.wire())
        };
        let signature = Bytes(SIGNATURE_BYTES);
        match self {
            ChainedMessage::Proposal { block, parent, opened_by } => {
                Bytes(1) + block.wire() + parent.wire() + tc(opened_by) + signature
            }
            ChainedMessage::Vote { .. } => Bytes(SHORT_BYTES + 8) + signature,
            ChainedMessage::Timeout { high, opened_by, vote, .. } => {
                let vote = Bytes(1 + vote.map_or(0, |_| VOTE_BYTES));
                Bytes(1 + 8) + high.wire() + tc(opened_by) + vote + signature
            }
            ChainedMessage::Advance { certificate, high } => Bytes(1) + certificate.wire() + high.wire(),
            ChainedMessage::Fetch { block, .. } => Bytes(1 + 8) + block.encoded_len(),
            ChainedMessage::Found(block) => Bytes(1) + block.wire(),
        }
    }

    fn checks(&self) -> Checks {
        let of_tc = |tc: &Option<Arc<TimeoutCertificate>>| tc.as_ref().map_or(0, |tc| tc.timeouts.len() as u32);
        let signatures = match self {
            ChainedMessage::Proposal { parent, opened_by, .. } => 1 + parent.signers.count() + of_tc(opened_by),
            ChainedMessage::Vote { .. } => 1,
            ChainedMessage::Timeout { high, opened_by, vote, .. } => {
                1 + high.signers.count() + of_tc(opened_by) + u32::from(vote.is_some())
            }
            ChainedMessage::Advance { certificate, high } => certificate.timeouts.len() as u32 + high.signers.count(),
            ChainedMessage::Fetch { .. } | ChainedMessage::Found(_) => 0,
        };
        let hashed = self.block().map_or(Bytes(0), |block| block.encoded_len());
        Checks { signatures, hashed }
    }

    fn statement(&self, from: ReplicaId) -> Option<Statement> {
        let state =
            |phase, view, height, justify, block| Some(Statement { by: from, phase, view, height, justify, block });
        match self {
            ChainedMessage::Proposal { block, parent, .. } => {
                state(Phase::Propose, block.view, block.height, parent.view, block.id())
            }
            ChainedMessage::Vote { view, block, height } => state(Phase::Vote, *view, *height, View(0), *block),
            ChainedMessage::Timeout { view, high, .. } => {
                state(Phase::Timeout, *view, Height(0), high.view, Digest::ZERO)
            }
            ChainedMessage::Advance { .. } | ChainedMessage::Fetch { .. } | ChainedMessage::Found(_) => None,
        }
    }

    fn block(&self) -> Option<&Arc<Block>> {
        match self {
            ChainedMessage::Proposal { block, .. } | ChainedMessage::Found(block) => Some(block),
            _ => None,
        }
    }

    fn proofs(&self, see: &mut dyn FnMut(Proof<'_>)) {
        self.certificate().into_iter().for_each(|certificate| see(Proof::Certificate(certificate)));
        self.timeout_certificate().into_iter().for_each(|certificate| see(Proof::Timeouts(certificate)));
    }
}

impl ChainedMessage {
    /// The certificate it carries.
    pub fn certificate(&self) -> Option<&Arc<Certificate>> {
        match self {
            ChainedMessage::Proposal { parent: certificate, .. }
            | ChainedMessage::Timeout { high: certificate, .. }
            | ChainedMessage::Advance { high: certificate, .. } => Some(certificate),
            _ => None,
        }
    }

    /// The TC it carries.
    pub fn timeout_certificate(&self) -> Option<&Arc<TimeoutCertificate>> {
        match self {
            ChainedMessage::Proposal { opened_by, .. } | ChainedMessage::Timeout { opened_by, .. } => {
                opened_by.as_ref()
            }
            ChainedMessage::Advance { certificate, .. } => Some(certificate),
            _ => None,
        }
    }
}
