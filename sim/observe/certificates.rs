//! Certificates: a quorum of distinct signers who each really stated what the certificate says they did.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Digest, Encode, Height, ReplicaId, View};
use crate::ledger::{Certificate, Committee, Phase, Slot, Statement, TimeoutCertificate};

use super::{Judge, Tap};

/// Views after which statements are forgotten; a certificate that old is not rechecked.
const REMEMBERED_VIEWS: u64 = 4_096;

/// Keeps every replica's votes and timeouts of recent views and rechecks each distinct certificate signer by signer,
/// once. Memory: about 100 bytes a statement of the remembered views.
pub(super) struct Certificates {
    quorum: u32,
    slot: Slot,
    oldest: View,
    /// Votes by slot; one that begins anew at each height counts heights as views.
    votes: BTreeMap<View, BTreeSet<(Phase, View, ReplicaId, Digest)>>,
    timeouts: BTreeMap<View, BTreeSet<(ReplicaId, View)>>,
    /// Certificates by view and the digest of all that they say.
    checked: BTreeSet<(View, Digest)>,
}

impl Certificates {
    pub(super) fn new(committee: &Committee, slot: Slot) -> Certificates {
        let (n, f) = (committee.len(), (committee.len() - 1) / 3);
        // Its own arithmetic: the least q of n with any two sets of q sharing more than f.
        let quorum = (1..=n).find(|q| 2 * q > n + f).expect("all of n is a quorum");
        let (votes, timeouts, checked) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Certificates { quorum, slot, oldest: View(0), votes, timeouts, checked }
    }

    fn on_statement(&mut self, statement: &Statement) -> Result<(), String> {
        let Statement { by, view, justify, block, phase, height } = *statement;
        let term = self.term(height, view);
        match phase {
            Phase::Vote | Phase::Commit => {
                let votes = self.votes.entry(term).or_default();
                let of_signer = (phase, view, by, Digest([0; 32]))..=(phase, view, by, Digest([0xFF; 32]));
                if votes.range(of_signer).any(|&(.., other)| other != block) {
                    return Err(format!("{by} votes for two blocks in {view} of {height}"));
                }
                votes.insert((phase, view, by, block));
            }
            Phase::Timeout => {
                self.timeouts.entry(view).or_default().insert((by, justify));
            }
            _ => {}
        }
        self.forget_before(View(term.0.saturating_sub(REMEMBERED_VIEWS)));
        Ok(())
    }

    fn term(&self, height: Height, view: View) -> View {
        if self.slot == Slot::View { view } else { View(height.0) }
    }

    fn forget_before(&mut self, oldest: View) {
        if oldest > self.oldest {
            self.oldest = oldest;
            self.votes = self.votes.split_off(&oldest);
            self.timeouts = self.timeouts.split_off(&oldest);
            self.checked = self.checked.split_off(&(oldest, Digest::ZERO));
        }
    }

    /// Whether a certificate is checked now: its statements are remembered, and the same one was not checked before.
    fn is_due(&mut self, view: View, certificate: &impl Encode) -> bool {
        view >= self.oldest
            && self.checked.insert((view, Digest::of_encoded("systole judged certificate", certificate)))
    }

    fn on_certificate(&mut self, certificate: &Certificate) -> Result<(), String> {
        let Certificate { phase, view, height, block, ref signers } = *certificate;
        let term = self.term(height, view);
        if height == Height(0) || !self.is_due(term, certificate) {
            return Ok(());
        }
        let distinct: BTreeSet<ReplicaId> = signers.iter().collect();
        if (distinct.len() as u32) < self.quorum {
            return Err(format!("a certificate of {view} has {} signers, a quorum is {}", distinct.len(), self.quorum));
        }
        let votes = self.votes.get(&term);
        let voted = |by| votes.is_some_and(|votes| votes.contains(&(phase, view, by, block)));
        match distinct.into_iter().find(|&by| !voted(by)) {
            Some(by) => Err(format!("a certificate of {view} names {by}, who did not vote for {block:?}")),
            None => Ok(()),
        }
    }

    fn on_timeout_certificate(&mut self, certificate: &TimeoutCertificate) -> Result<(), String> {
        let view = certificate.view;
        if !self.is_due(view, certificate) {
            return Ok(());
        }
        let distinct: BTreeSet<ReplicaId> = certificate.timeouts.iter().map(|&(by, _)| by).collect();
        if (distinct.len() as u32) < self.quorum {
            return Err(format!("a timeout certificate of {view} has {} signers of {}", distinct.len(), self.quorum));
        }
        let stated = self.timeouts.get(&view);
        match certificate.timeouts.iter().find(|timeout| !stated.is_some_and(|stated| stated.contains(timeout))) {
            Some((by, high)) => Err(format!("a timeout certificate of {view} claims {by} timed out knowing {high}")),
            None => Ok(()),
        }
    }
}

impl Judge for Certificates {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Stated { statement } => self.on_statement(statement),
            Tap::Certified { certificate } => self.on_certificate(certificate),
            Tap::GivenUp { certificate } => self.on_timeout_certificate(certificate),
            _ => Ok(()),
        }
    }
}
