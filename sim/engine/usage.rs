//! What replicas used in the window, in core-seconds and bytes: what money is paid for.

use crate::base::{Bytes, Encode, Span};
use crate::consensus::{Layer, Protocol};
use crate::ledger::{Certificate, CommitRule, Committee, DagRule, Promises, SIGNATURE_BYTES, Signers};

use super::replica::Machine;
use super::run::Engine;
use super::shard::Shard;

/// Cores of a replica beside those that verify and hash: one runs the protocol, one executes.
const OTHER_CORES: u32 = 2;

/// What replicas used in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Cores of each replica.
    pub cores: u32,
    /// Work of protocol cores, summed over replicas.
    pub protocol: Span,
    /// Work of cores that verify and hash, summed over replicas.
    pub crypto: Span,
    /// Work of cores that execute, summed over replicas.
    pub execution: Span,
    /// What left replicas' NICs: to each other and to hospitals.
    pub egress: Bytes,
    /// What one copy of the ledger grew by, all shards together: contents, headers and the signatures that commit them.
    pub ledger: Bytes,
    /// What the ledgers of all replicas grew by: each keeps its shard's, or of contents its own where they stay with
    /// their gateway.
    pub copies: Bytes,
}

impl<P: Protocol> Engine<'_, P> {
    pub(super) fn usage(&self) -> Usage {
        let committee = &self.machines[..self.setup.replicas() as usize];
        let busy = |span: fn(&Machine) -> Span| committee.iter().map(span).sum();
        let (mut ledger, mut copies) = (Bytes(0), Bytes(0));
        for shard in &self.shards {
            let (contents, headers) = (shard.heights.ordered, self.headers(shard));
            let replicas = u64::from(shard.committee.len());
            let kept = if self.setup.layer == Layer::Kept { 1 } else { replicas };
            ledger += contents + headers;
            copies += contents * kept + headers * replicas;
        }
        Usage {
            cores: self.setup.replica.crypto_cores as u32 + OTHER_CORES,
            protocol: busy(|machine| machine.core.busy()),
            crypto: busy(|machine| machine.crypto.busy()),
            execution: busy(|machine| machine.execution.busy()),
            egress: Bytes(self.counts.egress_bytes),
            ledger,
            copies,
        }
    }

    /// Headers that a replica of the shard keeps, with what proves them. Of a DAG it keeps every block, and the chain of
    /// what its anchors order follows from them.
    fn headers(&self, shard: &Shard) -> Bytes {
        let proof = proof_bytes(&self.promises, &shard.committee);
        match self.promises.weaves() {
            true => shard.heights.proposals + proof * shard.heights.proposed_blocks,
            false => shard.heights.headers + proof * shard.heights.blocks,
        }
    }
}

/// What is kept beside a block's header to show that it is one: a certificate of a quorum; its author's signature alone
/// where one replica decides, or where nobody certifies the blocks of a DAG; nothing where nobody signs.
fn proof_bytes(promises: &Promises, committee: &Committee) -> Bytes {
    let quorum = promises.tolerates.quorum(committee);
    let uncertified = matches!(promises.commit, CommitRule::Dag { rule: DagRule::Mysticeti { .. }, .. });
    if !promises.signed {
        return Bytes(0);
    }
    if quorum == 1 || uncertified {
        return Bytes(SIGNATURE_BYTES);
    }
    let signers = Signers::none_of(committee.len());
    let unsigned = Certificate { signers, ..Certificate::genesis(Default::default()) };
    unsigned.encoded_len() + Bytes(SIGNATURE_BYTES) * u64::from(quorum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ProtocolKind, ProtocolTables};

    #[test]
    fn a_block_is_proved_by_a_quorum_an_author_or_nobody() {
        let committee = Committee::new(4);
        let proof = |kind| proof_bytes(&ProtocolTables::default().promises(kind), &committee).0;
        // Phase, view, height and block's id, a word of signers' bits behind its count, and three signatures.
        let certificate = 1 + 8 + 8 + 32 + (4 + 8) + 3 * SIGNATURE_BYTES;
        for kind in [ProtocolKind::Jolteon, ProtocolKind::Pbft, ProtocolKind::Tusk, ProtocolKind::Bullshark] {
            assert_eq!(proof(kind), certificate, "{}", kind.name());
        }
        assert_eq!(proof(ProtocolKind::Mysticeti), SIGNATURE_BYTES);
        assert_eq!(proof(ProtocolKind::Central), SIGNATURE_BYTES);
        assert_eq!(proof(ProtocolKind::Raft), 0);
    }
}
