//! Bullshark, partially synchronous (Spiegelman et al., arXiv 2209.05633): leaders are known before.

use crate::base::ReplicaId;

use super::waves::Waves;

/// A wave has two rounds, and replicas lead waves in turn.
pub(super) fn bullshark(n: u32, quorum: u32) -> Waves {
    Waves::new(n, quorum, |round, n| ReplicaId((round / 2 % u64::from(n)) as u32))
}
