//! The contracts of a run: what each transaction asks for, what comes of it, and how soon a revocation is felt.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Digest, NodeId, Span, Time};
use crate::consensus::Protocol;
use crate::health::{Call, Change, Contracts, Purpose, Refusal};
use crate::ledger::{Transaction, TxNumber};
use crate::metrics::LatencyHistogram;
use crate::observe::Tap;

use super::Setup;
use super::run::Engine;

/// What came of the calls of one kind over the whole run, with their weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Allowed and done.
    pub done: u64,
    /// Refused, by [`Refusal`].
    pub refused: [u64; Refusal::ALL.len()],
}

/// What came of the contracts.
#[derive(Clone, Debug)]
pub struct ContractOutcome {
    /// By kind, as [`Setup::kinds`] has them.
    pub by_kind: Vec<Decided>,
    /// Looks at data for which glass was broken.
    pub emergencies: u64,
    /// From a patient's revoking or denying a consent until the last replica enforces it.
    pub enforced_by_replicas: LatencyHistogram,
    /// Until the last hospital does: its gateway has executed it, and half a round trip of its access line has passed.
    pub enforced_by_hospitals: LatencyHistogram,
}

/// A run's contracts. Calls are kept until all of their slice have been asked for, or to the end: 48 bytes each.
pub(super) struct Docket {
    contracts: Contracts,
    calls: BTreeMap<u64, (usize, Arc<[Call]>)>,
    /// Half a round trip to the farthest hospital of each replica.
    farthest: Vec<Span>,
    pub outcome: ContractOutcome,
}

impl Docket {
    /// Where the ledger runs contracts.
    pub fn of(setup: &Setup) -> Option<Docket> {
        if !setup.runs_contracts() {
            return None;
        }
        let mut farthest = vec![Span::ZERO; setup.replicas() as usize];
        for hospital in &setup.hospitals {
            let most = &mut farthest[hospital.gateway.index()];
            *most = (*most).max(hospital.access.link.rtt.half());
        }
        let outcome = ContractOutcome {
            by_kind: vec![Decided::default(); setup.kinds.len()],
            emergencies: 0,
            enforced_by_replicas: LatencyHistogram::default(),
            enforced_by_hospitals: LatencyHistogram::default(),
        };
        Some(Docket { contracts: Contracts::new(setup.people.clone()), calls: BTreeMap::new(), farthest, outcome })
    }

    /// What the transactions of a slice ask for.
    pub fn expect(&mut self, slice: u64, calls: Vec<Call>) {
        if !calls.is_empty() {
            self.calls.insert(slice, (calls.len(), calls.into()));
        }
    }

    fn take(&mut self, number: TxNumber) -> Call {
        let (slice, nth) = number.place();
        let (left, calls) = self.calls.get_mut(&slice).expect("a transaction takes effect once");
        let call = calls[nth];
        *left -= 1;
        if *left == 0 {
            self.calls.remove(&slice);
        }
        call
    }

    /// Half a round trip from a replica to the farthest hospital that it serves.
    pub fn farthest(&self, node: NodeId) -> Span {
        self.farthest.get(node.index()).copied().unwrap_or(Span::ZERO)
    }

    /// A commitment to the state of all contracts.
    pub fn root(&self) -> Digest {
        self.contracts.root()
    }
}

impl<P: Protocol> Engine<'_, P> {
    /// A transaction is in effect, in its order: what it asks for is done or refused. True where it takes a consent back.
    pub(super) fn decide(&mut self, shard: usize, tx: &Transaction) -> bool {
        let weight = u64::from(self.setup.weight);
        let Some(docket) = &mut self.docket else { return false };
        let call = docket.take(tx.number);
        let verdict = docket.contracts.execute(tx.hospital, tx.submitted, &call);
        let decided = &mut docket.outcome.by_kind[usize::from(tx.kind.0)];
        match verdict {
            Ok(()) => decided.done += weight,
            Err(refusal) => decided.refused[refusal as usize] += weight,
        }
        if matches!(call, Call::Access { purpose: Purpose::Emergency, .. }) && verdict.is_ok() {
            docket.outcome.emergencies += weight;
        }
        self.observe(shard, &Tap::Decided { transaction: tx, call: &call, verdict });
        verdict.is_ok() && matches!(call, Call::Consent { change: Change::Revoke | Change::Deny, .. })
    }

    /// Everyone has executed these revocations: replicas by then, their hospitals a little later.
    pub(super) fn note_enforced(&mut self, revoked: &[Transaction], by_replicas: Time, by_hospitals: Time) {
        let (window, weight) = (self.window, u64::from(self.setup.weight));
        let Some(docket) = &mut self.docket else { return };
        for tx in revoked.iter().filter(|tx| window.contains(tx.submitted)) {
            docket.outcome.enforced_by_replicas.record(by_replicas.since(tx.submitted), weight);
            docket.outcome.enforced_by_hospitals.record(by_hospitals.since(tx.submitted), weight);
        }
    }
}
