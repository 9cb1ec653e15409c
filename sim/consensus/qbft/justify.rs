//! What makes a proposal or a certificate good: pure predicates (Moniz, algorithm 4).

use crate::base::{Height, View};
use crate::consensus::planted::planted;
use crate::ledger::{Block, Certificate, Committee, Phase, Signers, TimeoutCertificate};

use super::{Prepared, Proposal};

/// Votes that make a certificate.
pub(super) fn quorum(committee: &Committee) -> u32 {
    committee.quorum() - u32::from(planted!("quorum off by one"))
}

/// Whether the block could be the first proposal of its round.
fn is_by_its_proposer(committee: &Committee, block: &Block) -> bool {
    planted!("proposer not checked") || block.author == committee.leader_at(block.height, block.view)
}

/// Whether a quorum stated `phase` of this block.
pub(super) fn is_certified(committee: &Committee, phase: Phase, block: &Block, certificate: &Certificate) -> bool {
    certificate.phase == phase
        && certificate.height == block.height
        && certificate.block == block.id()
        && (certificate.signers.count() >= quorum(committee) || planted!("duplicate votes counted"))
}

/// Whether a ROUND-CHANGE to `round` of `height` may claim to have prepared this.
pub(super) fn may_be_prepared(committee: &Committee, height: Height, round: View, prepared: &Prepared) -> bool {
    let Prepared { block, certificate } = prepared;
    block.height == height
        && block.view <= certificate.view
        && certificate.view < round
        && is_by_its_proposer(committee, block)
        && is_certified(committee, Phase::Vote, block, certificate)
}

/// Moniz's HighestPrepared: the prepared round, as stated, that a quorum's ROUND-CHANGEs bind the proposer to.
pub(super) fn highest_prepared(round_changes: &TimeoutCertificate) -> View {
    if planted!("lowest prepared round in justification") {
        return round_changes.timeouts.iter().map(|&(_, prepared)| prepared).min().unwrap_or_default();
    }
    round_changes.highest()
}

/// Moniz's JustifyPrePrepare, and that the block is new or the one that was prepared.
pub(super) fn is_justified(committee: &Committee, proposal: &Proposal) -> bool {
    let Proposal { round, block, round_changes, prepared, .. } = proposal;
    if !is_by_its_proposer(committee, block) || block.view > *round {
        return false;
    }
    let is_new = block.view == *round && prepared.is_none();
    if *round == View(0) {
        return is_new;
    }
    if planted!("justification unchecked") {
        return true;
    }
    let Some(changes) = round_changes else { return false };
    if round.0.checked_sub(1) != Some(changes.view.0) || !is_quorum(committee, changes) {
        return false;
    }
    match (highest_prepared(changes), prepared) {
        (View(0), _) => is_new,
        (_, None) => false,
        (View(stated), Some(certificate)) => {
            stated - 1 == certificate.view.0
                && certificate.view < *round
                && block.view <= certificate.view
                && is_certified(committee, Phase::Vote, block, certificate)
        }
    }
}

/// Whether a quorum of distinct members sent these.
fn is_quorum(committee: &Committee, changes: &TimeoutCertificate) -> bool {
    let mut signers = Signers::none_of(committee.len());
    let distinct = changes.timeouts.iter().all(|&(signer, _)| signer.0 < committee.len() && signers.insert(signer));
    distinct && signers.count() >= quorum(committee)
}
