//! The contracts of a run: what each transaction asks for, what comes of it, and how soon it is felt.

use std::collections::BTreeMap;

use crate::base::{Digest, Height, NodeId, Span, Time};
use crate::consensus::Protocol;
use crate::health::{
    AccessCall, Anchors, Call, Case, Change, ClaimCall, ConsentCall, Contracts, GovernanceCall, PackCall, Part,
    Planted, Purpose, RecordCall, Refusal, Residue, ShareCall, Signed, TrialCall, Verdict, Write,
};
use crate::kernel::Window;
use crate::ledger::{Transaction, TxNumber};
use crate::metrics::LatencyHistogram;
use crate::observe::Tap;

use super::Setup;
use super::run::Engine;
use super::state::{StateProof, StateTree};

/// What came of the calls of one kind over the whole run, with their weight.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Allowed and done.
    pub done: u64,
    /// Refused, by [`Refusal`].
    pub refused: [u64; Refusal::COUNT],
    /// From submission, in the window, to the receipt.
    pub latency: LatencyHistogram,
}

impl Decided {
    /// Done or refused.
    pub fn all(&self) -> u64 {
        self.done + self.refused.iter().sum::<u64>()
    }
}

/// What somebody decides that everybody must keep to from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Felt {
    /// A patient took a consent back, denied one, or left a trial.
    Revocation = 0,
    /// A lot was recalled.
    Recall = 1,
    /// A patient's key was destroyed: the anchors are nobody's.
    Erasure = 2,
    /// A motion was enacted: everyone knows from then on, and it is in effect some blocks later.
    Enactment = 3,
}

impl Felt {
    /// Everything of the sort.
    pub const ALL: [Felt; 4] = [Felt::Revocation, Felt::Recall, Felt::Erasure, Felt::Enactment];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        ["revocations", "recalls", "erasures", "enactments"][self as usize]
    }

    fn of(call: &Call) -> Option<Felt> {
        match call {
            Call::Consent(ConsentCall { change: Change::Revoke | Change::Deny, .. }) => Some(Felt::Revocation),
            Call::Trial(TrialCall::Withdraw { .. }) => Some(Felt::Revocation),
            Call::Pack(PackCall::Recall { .. }) => Some(Felt::Recall),
            Call::Record(RecordCall::Erase { .. }) => Some(Felt::Erasure),
            Call::Governance(GovernanceCall::Enact { .. }) => Some(Felt::Enactment),
            _ => None,
        }
    }
}

/// How soon decisions of one sort are felt, from their submission in the window.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Until the last replica keeps to it.
    pub replicas: LatencyHistogram,
    /// Until the last hospital does: its gateway has executed it, and half a round trip of its access line has passed.
    pub hospitals: LatencyHistogram,
    /// Until each hospital does: its quantiles are the coverage over time.
    pub coverage: LatencyHistogram,
    /// Decisions, with weight, that some replica did not keep to yet when the run ended.
    pub pending: u64,
}

/// Packs, claims or captures that were planted for the contracts to catch, over the whole run with their weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caught {
    /// In effect, so decided.
    pub planted: u64,
    /// Refused for what was planted; the rest that was not missed was refused for something else.
    pub caught: u64,
    /// Let pass.
    pub missed: u64,
}

/// What was anchored of patients' records, with its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Patients with at least one record.
    pub patients: u64,
    /// Bytes on the ledger.
    pub on_ledger: u64,
    /// Bytes of the resources that the anchors are of.
    pub off_ledger: u64,
}

/// What came of the contracts, over the whole run unless said otherwise.
#[derive(Clone, Debug)]
pub struct ContractOutcome {
    /// By kind, as [`Setup::kinds`] has them.
    pub by_kind: Vec<Decided>,
    /// Looks at data, and exchanges, for which glass was broken.
    pub emergencies: u64,
    /// Looks at data by region, refused ones included.
    pub looks: Vec<u64>,
    /// By [`Felt`].
    pub reach: [Reach; Felt::ALL.len()],
    /// By [`Planted`].
    pub caught: [Caught; Planted::ALL.len()],
    /// Disclosures to hospitals of another country: how many, and the bytes that went.
    pub abroad: [u64; 2],
    /// Of claims paid whose payment was submitted in the window: from submission to effect, of all four stages together.
    pub settlement: LatencyHistogram,
    /// Of motions that were carried: from the submission of their enactment, in the window, to the first block for which
    /// they are in effect.
    pub enacted: LatencyHistogram,
    /// Motions, with weight, that were enacted and not in effect when the run ended.
    pub pending_motions: u64,
    /// Records.
    pub stored: Stored,
    /// What forgetting left behind.
    pub residue: Residue,
    /// Balances of hospitals, payers, patients and the operator, hundredths; with weight.
    pub balances: [i64; 4],
    /// Rows of authenticated state that were written, each once a block; without weight.
    pub rows: u64,
}

impl ContractOutcome {
    fn new(setup: &Setup) -> ContractOutcome {
        let decided = Decided { done: 0, refused: [0; Refusal::COUNT], latency: LatencyHistogram::default() };
        ContractOutcome {
            by_kind: vec![decided; setup.kinds.len()],
            emergencies: 0,
            looks: vec![0; setup.regions.len()],
            reach: Default::default(),
            caught: Default::default(),
            abroad: [0; 2],
            settlement: LatencyHistogram::default(),
            enacted: LatencyHistogram::default(),
            pending_motions: 0,
            stored: Stored::default(),
            residue: Residue::default(),
            balances: [0; 4],
            rows: 0,
        }
    }
}

/// Stages of a claim that are in effect, and their latencies together.
#[derive(Clone, Copy, Debug, Default)]
struct Settling {
    stages: u8,
    latency: Span,
}

/// A run's contracts. Parts are kept until all of their slice have been asked for, or to the end: 64 bytes each.
pub(super) struct Docket {
    contracts: Contracts,
    parts: BTreeMap<u64, (usize, Vec<Part>)>,
    /// The hospitals of each replica, by number.
    served: Vec<Vec<u32>>,
    /// Claims that are not paid yet: 40 bytes each, to the end of the run.
    settling: BTreeMap<Case, Settling>,
    /// When motions were enacted that are not in effect yet: 40 bytes each.
    enacted: BTreeMap<Case, Time>,
    tree: Option<StateTree>,
    writes: Vec<Write>,
    pub outcome: ContractOutcome,
}

impl Docket {
    /// Where the ledger runs contracts.
    pub fn of(setup: &Setup) -> Option<Docket> {
        if !setup.runs_contracts() {
            return None;
        }
        let mut served = vec![Vec::new(); setup.replicas() as usize];
        for (nth, hospital) in (0u32..).zip(&setup.hospitals) {
            served[hospital.gateway.index()].push(nth);
        }
        Some(Docket {
            contracts: Contracts::new(setup.people.clone()),
            parts: BTreeMap::new(),
            served,
            settling: BTreeMap::new(),
            enacted: BTreeMap::new(),
            tree: (setup.real || setup.keep_ledger).then(StateTree::start),
            writes: Vec::new(),
            outcome: ContractOutcome::new(setup),
        })
    }

    /// What the transactions of a slice ask for.
    pub fn expect(&mut self, slice: u64, parts: Vec<Part>) {
        if !parts.is_empty() {
            self.parts.insert(slice, (parts.len(), parts));
        }
    }

    fn take(&mut self, number: TxNumber) -> Part {
        let (slice, nth) = number.place();
        let (left, parts) = self.parts.get_mut(&slice).expect("a transaction takes effect once");
        let part = parts[nth];
        *left -= 1;
        if *left == 0 {
            self.parts.remove(&slice);
        }
        part
    }

    /// When each hospital that a replica serves hears of what that executed `at` a time: as soon as its line is up, after
    /// half a round trip.
    pub fn heard<'s>(&'s self, setup: &'s Setup, node: NodeId, at: Time) -> impl Iterator<Item = Time> + 's {
        let heard = move |hospital: &u32| {
            let access = &setup.hospitals[*hospital as usize].access;
            access.cuts.after(at) + access.link.rtt.half()
        };
        self.served.get(node.index()).into_iter().flatten().map(heard)
    }

    /// A commitment to everything that the contracts were asked for, and their verdicts.
    pub fn history(&self) -> Digest {
        self.contracts.history()
    }

    /// The first replica executes a block `at` this time.
    pub fn begin(&mut self, at: Time, height: Height, window: Window, weight: u32) {
        for motion in self.contracts.begin(height) {
            let enacted = self.enacted.remove(&motion).expect("what is in effect was enacted");
            if window.contains(enacted) {
                self.outcome.enacted.record(at.since(enacted), weight.into());
            }
        }
    }

    /// A block ends: what it wrote goes to the tree of state, where there is one. Returns how many rows.
    pub fn end(&mut self) -> u64 {
        self.contracts.settle(&mut self.writes);
        let rows = self.writes.len() as u64;
        self.outcome.rows += rows;
        match &mut self.tree {
            Some(tree) => tree.put(std::mem::take(&mut self.writes)),
            None => self.writes.clear(),
        }
        rows
    }

    /// The balances of hospitals, payers, patients and the operator, hundredths; without weight.
    pub fn balances(&self) -> [i64; 4] {
        self.contracts.balances()
    }

    /// A call was decided `at` this time.
    fn note(&mut self, setup: &Setup, at: Time, tx: &Transaction, part: &Part, verdict: Verdict) {
        let (weight, outcome) = (u64::from(setup.weight), &mut self.outcome);
        let decided = &mut outcome.by_kind[usize::from(tx.kind.0)];
        match verdict {
            Ok(()) => decided.done += weight,
            Err(refusal) => decided.refused[refusal as usize] += weight,
        }
        if let Some(planted) = part.planted {
            let caught = &mut outcome.caught[planted as usize];
            caught.planted += weight;
            match verdict {
                Ok(()) => caught.missed += weight,
                Err(refusal) if planted.explains(refusal) => caught.caught += weight,
                Err(_) => {}
            }
        }
        if let Call::Access(AccessCall::Look { .. }) = part.call {
            outcome.looks[setup.hospitals[tx.hospital.index()].region] += weight;
        }
        if verdict.is_ok() {
            self.note_done(setup, at, tx, &part.call);
        }
    }

    fn note_done(&mut self, setup: &Setup, at: Time, tx: &Transaction, call: &Call) {
        let (weight, outcome) = (u64::from(setup.weight), &mut self.outcome);
        match *call {
            Call::Access(AccessCall::Look { purpose: Purpose::Emergency, .. })
            | Call::Share(ShareCall::Request { purpose: Purpose::Emergency, .. }) => outcome.emergencies += weight,
            Call::Record(RecordCall::Anchor { .. } | RecordCall::Amend { .. }) => {
                outcome.stored.on_ledger += weight * u64::from(tx.wire);
                outcome.stored.off_ledger += if setup.on_ledger { 0 } else { weight * u64::from(tx.payload) };
            }
            Call::Share(ShareCall::Disclose { case }) => {
                let (from, to) = self.contracts.parties(case).expect("it was disclosed just now");
                if setup.people.home(from).country != setup.people.home(to).country {
                    outcome.abroad[0] += weight;
                    outcome.abroad[1] += weight * u64::from(tx.payload);
                }
            }
            Call::Claim(
                ClaimCall::Submit { case, .. }
                | ClaimCall::Confirm { case, .. }
                | ClaimCall::Adjudicate { case }
                | ClaimCall::Pay { case, .. },
            ) => self.note_claim(setup, case, at, tx, call),
            Call::Governance(GovernanceCall::Enact { case }) => drop(self.enacted.insert(case, tx.submitted)),
            _ => {}
        }
    }

    /// A claim goes on; when it is paid, all of its stages have taken some time on the ledger.
    fn note_claim(&mut self, setup: &Setup, case: Case, at: Time, tx: &Transaction, call: &Call) {
        let mut settling = self.settling.remove(&case).unwrap_or_default();
        settling.stages += 1;
        settling.latency += at.since(tx.submitted);
        if !matches!(call, Call::Claim(ClaimCall::Pay { .. })) {
            self.settling.insert(case, settling);
        } else if settling.stages == 4 && setup.timing.window().contains(tx.submitted) {
            self.outcome.settlement.record(settling.latency, setup.weight.into());
        }
    }

    /// The run is over. Returns what came of it, and what the tree of state came to.
    pub fn close(mut self, setup: &Setup) -> (ContractOutcome, Option<StateProof>) {
        let weight = u64::from(setup.weight);
        let Residue { patients, orphaned } = self.contracts.residue();
        let orphaned = Anchors { count: orphaned.count * weight, bytes: orphaned.bytes * weight };
        self.outcome.residue = Residue { patients: patients * weight, orphaned };
        self.outcome.pending_motions = self.enacted.len() as u64 * weight;
        self.outcome.stored.patients = self.contracts.recorded() * weight;
        self.outcome.balances = self.contracts.balances().map(|balance| balance * i64::from(setup.weight));
        (self.outcome, self.tree.map(StateTree::finish))
    }
}

impl<P: Protocol> Engine<'_, P> {
    /// A transaction is in effect, in its order: what it asks for is done or refused. Returns how everyone must keep to
    /// it from now on.
    pub(super) fn decide(&mut self, shard: usize, at: Time, height: Height, tx: &Transaction) -> Option<Felt> {
        let docket = self.docket.as_mut()?;
        let part = docket.take(tx.number);
        let signed = Signed { by: tx.hospital, at: tx.submitted, bytes: tx.wire };
        let verdict = docket.contracts.execute(signed, &part.call);
        docket.note(self.setup, at, tx, &part, verdict);
        if let Some(archive) = &mut self.archive {
            archive.note(tx.number, verdict);
        }
        self.observe(shard, &Tap::Decided { height, transaction: tx, call: &part.call, verdict });
        verdict.ok().and_then(|()| Felt::of(&part.call))
    }

    /// A hospital has its receipt.
    pub(super) fn note_receipt(&mut self, tx: &Transaction, latency: Span) {
        if let Some(docket) = &mut self.docket {
            docket.outcome.by_kind[usize::from(tx.kind.0)].latency.record(latency, self.setup.weight.into());
        }
    }

    /// A replica has executed what everyone must keep to: its hospitals hear of it one after the other. Returns when the
    /// last of them does, where anything of it was submitted in the window.
    pub(super) fn note_reached(&mut self, at: Time, node: NodeId, felt: &[(Felt, Transaction)]) -> Option<Time> {
        let (window, weight) = (self.window, u64::from(self.setup.weight));
        let docket = self.docket.as_mut()?;
        if felt.iter().all(|(_, tx)| !window.contains(tx.submitted)) {
            return None;
        }
        let heard: Vec<Time> = docket.heard(self.setup, node, at).collect();
        for (felt, tx) in felt.iter().filter(|(_, tx)| window.contains(tx.submitted)) {
            let coverage = &mut docket.outcome.reach[*felt as usize].coverage;
            heard.iter().for_each(|heard| coverage.record(heard.since(tx.submitted), weight));
        }
        Some(heard.into_iter().max().unwrap_or(at))
    }

    /// The run is over before everyone has executed what everyone must keep to.
    pub(super) fn note_unfelt(&mut self, felt: &[(Felt, Transaction)]) {
        let (window, weight) = (self.window, u64::from(self.setup.weight));
        let Some(docket) = &mut self.docket else { return };
        for (felt, _) in felt.iter().filter(|(_, tx)| window.contains(tx.submitted)) {
            docket.outcome.reach[*felt as usize].pending += weight;
        }
    }

    /// Everyone has executed what everyone must keep to: replicas by then, their hospitals a little later.
    pub(super) fn note_felt(&mut self, felt: &[(Felt, Transaction)], by_replicas: Time, by_hospitals: Time) {
        let (window, weight) = (self.window, u64::from(self.setup.weight));
        let Some(docket) = &mut self.docket else { return };
        for (felt, tx) in felt.iter().filter(|(_, tx)| window.contains(tx.submitted)) {
            let reach = &mut docket.outcome.reach[*felt as usize];
            reach.replicas.record(by_replicas.since(tx.submitted), weight);
            reach.hospitals.record(by_hospitals.since(tx.submitted), weight);
        }
    }
}
