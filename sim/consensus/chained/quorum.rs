//! Which certificates count. That their signers signed was verified below; that they are enough was not.

use crate::base::Digest;
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Committee, Phase, TimeoutCertificate};

/// The size of a quorum, and the one certificate that needs none.
#[derive(Clone, Debug)]
pub(in crate::consensus) struct Quorum {
    least: u32,
    genesis: Digest,
}

impl Quorum {
    pub fn new(committee: &Committee) -> Quorum {
        Quorum { least: committee.quorum(), genesis: Block::genesis().id() }
    }

    /// Whether a quorum voted, or it is genesis' own. Constant time: everyone asks of every message.
    pub fn certifies(&self, certificate: &Certificate) -> bool {
        if planted!("certificate signers unchecked") {
            return true;
        }
        let genesis = certificate.view.0 == 0 && certificate.height.0 == 0 && certificate.block == self.genesis;
        let voted = certificate.view.0 > 0 && certificate.signers.count() >= self.least;
        certificate.phase == Phase::Vote && (genesis || voted)
    }

    /// Whether a quorum gave up on the view, each signer once: they ascend. Linear time, so it is asked only of a
    /// certificate that would be used.
    pub fn gives_up(&self, certificate: &TimeoutCertificate) -> bool {
        let distinct = certificate.timeouts.is_sorted_by(|(one, _), (next, _)| one < next);
        (distinct || planted!("duplicate timeouts counted")) && certificate.timeouts.len() >= self.least as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Height, ReplicaId, View};
    use crate::ledger::Signers;

    fn signed_by(signers: u32, view: u64) -> Certificate {
        let mut by = Signers::none_of(7);
        (0..signers).for_each(|replica| assert!(by.insert(ReplicaId(replica))));
        let block = Digest::of(b"block");
        Certificate { phase: Phase::Vote, view: View(view), height: Height(3), block, signers: by }
    }

    #[test]
    fn five_of_seven_certify_and_nobody_need_certify_genesis() {
        let quorum = Quorum::new(&Committee::new(7));
        assert!(quorum.certifies(&signed_by(5, 3)));
        assert!(!quorum.certifies(&signed_by(4, 3)));
        assert!(!quorum.certifies(&signed_by(7, 0)), "of view 0 there is only genesis'");
        assert!(!quorum.certifies(&Certificate { phase: Phase::Commit, ..signed_by(5, 3) }));
        let genesis = Certificate::genesis(Block::genesis().id());
        assert!(quorum.certifies(&genesis));
        assert!(!quorum.certifies(&Certificate { height: Height(9), ..genesis.clone() }), "genesis is at height 0");
        assert!(!quorum.certifies(&Certificate { view: View(9), ..genesis }), "and of view 0");
    }

    #[test]
    fn five_of_seven_give_up_a_view_each_named_once() {
        let quorum = Quorum::new(&Committee::new(7));
        let by = |signers: &[u32]| {
            let timeouts = signers.iter().map(|&by| (ReplicaId(by), View(1))).collect();
            quorum.gives_up(&TimeoutCertificate { view: View(2), timeouts })
        };
        assert!(by(&[0, 2, 3, 5, 6]));
        assert!(!by(&[0, 2, 3, 5]));
        assert!(!by(&[0, 2, 3, 5, 5]));
        assert!(!by(&[2, 0, 3, 5, 2]));
    }
}
