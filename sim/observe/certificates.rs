//! Certificates: a quorum of distinct signers who each really stated what the certificate says they did.

use std::collections::BTreeSet;

use crate::base::{Digest, Encode, Height, ReplicaId};
use crate::ledger::{Block, Certificate, Committee, Phase, Promises, Slot, Statement, TimeoutCertificate};

use super::arithmetic::quorum;
use super::roll::{Choice, Roll};
use super::{Judge, Tap};

/// Keeps who voted, committed, took a checkpoint and gave up, and rechecks each distinct certificate signer by signer, once: that each of
/// them stated just this phase for just this block, in this view and at this height.
///
/// A timeout certificate names no height, so it is one of a view of every height. A certificate of a slot that is no
/// longer remembered is not rechecked. Memory: two [`Roll`]s, and 40 bytes for each distinct certificate of their slots.
pub(super) struct Certificates {
    quorum: u32,
    genesis: Digest,
    stated: Roll,
    timeouts: Roll,
    /// What was found right, by the position of its slot and the digest of all that it says.
    checked: BTreeSet<(u64, Digest)>,
    checked_timeouts: BTreeSet<(u64, Digest)>,
}

impl Certificates {
    pub(super) fn new(committee: &Committee, promises: &Promises) -> Certificates {
        let n = committee.len();
        let quorum = quorum(promises.tolerates, n);
        Certificates {
            quorum,
            genesis: Block::genesis().recompute_id(),
            stated: Roll::new(promises.slot, n, quorum),
            timeouts: Roll::new(Slot::View, n, quorum),
            checked: BTreeSet::new(),
            checked_timeouts: BTreeSet::new(),
        }
    }

    fn on_statement(&mut self, statement: &Statement) {
        match statement.phase {
            Phase::Vote | Phase::Commit | Phase::Checkpoint => {
                self.stated.enter(statement);
                forget(&mut self.checked, self.stated.oldest());
            }
            Phase::Timeout if statement.height == Height(0) => {
                self.timeouts.enter(statement);
                forget(&mut self.checked_timeouts, self.timeouts.oldest());
            }
            _ => {}
        }
    }

    fn on_certificate(&mut self, certificate: &Certificate) -> Result<(), String> {
        let Certificate { phase, view, height, block, ref signers } = *certificate;
        if height == Height(0) {
            return match block == self.genesis {
                true => Ok(()),
                false => Err(format!("a certificate at {height} is of {block:?}, not of genesis")),
            };
        }
        let checked = (self.stated.position(height, view), digest(certificate));
        if self.stated.is_past(height, view) || self.checked.contains(&checked) {
            return Ok(());
        }
        let what = || format!("a {phase:?} certificate of {view} at {height}");
        let distinct: BTreeSet<ReplicaId> = signers.iter().collect();
        if (distinct.len() as u32) < self.quorum {
            return Err(format!("{} has {} signers, a quorum is {}", what(), distinct.len(), self.quorum));
        }
        let stated = self.stated.who(phase, view, Choice::block(height, block));
        match distinct.into_iter().find(|&by| !stated.is_some_and(|stated| stated.contains(by))) {
            Some(by) => Err(format!("{} names {by}, who did not state that for {block:?}", what())),
            None => {
                self.checked.insert(checked);
                Ok(())
            }
        }
    }

    fn on_timeout_certificate(&mut self, certificate: &TimeoutCertificate) -> Result<(), String> {
        let view = certificate.view;
        let checked = (view.0, digest(certificate));
        if self.timeouts.is_past(Height(0), view) || self.checked_timeouts.contains(&checked) {
            return Ok(());
        }
        let distinct: BTreeSet<ReplicaId> = certificate.timeouts.iter().map(|&(by, _)| by).collect();
        if (distinct.len() as u32) < self.quorum {
            let quorum = self.quorum;
            return Err(format!(
                "a timeout certificate of {view} has {} signers, a quorum is {quorum}",
                distinct.len()
            ));
        }
        for &(by, high) in &certificate.timeouts {
            let stated = self.timeouts.who(Phase::Timeout, view, Choice::number(high));
            if !stated.is_some_and(|stated| stated.contains(by)) {
                return Err(format!("a timeout certificate of {view} claims {by} timed out knowing {high}"));
            }
        }
        self.checked_timeouts.insert(checked);
        Ok(())
    }
}

fn digest(certificate: &impl Encode) -> Digest {
    Digest::of_encoded("systole judged certificate", certificate)
}

fn forget(checked: &mut BTreeSet<(u64, Digest)>, oldest: u64) {
    while checked.first().is_some_and(|&(position, _)| position < oldest) {
        checked.pop_first();
    }
}

impl Judge for Certificates {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Stated { statement } => self.on_statement(statement),
            Tap::Certified { certificate } => return self.on_certificate(certificate),
            Tap::GivenUp { certificate } => return self.on_timeout_certificate(certificate),
            _ => {}
        }
        Ok(())
    }
}
