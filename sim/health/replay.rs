//! A trace replayed: each entry is hashed, written and signed by its hospital, and asks the contracts for what its
//! resource says.
//!
//! Providers become hospitals and patients their patients, so that no two of either share one until all are taken. A
//! copy of the trace is about other people elsewhere, so nothing that a copy does meets what another did.

mod goods;

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, HospitalId, Span, Time};
use crate::crypto::BATCH;
use crate::kernel::draw::{Site, draw};
use crate::ledger::{Kind, Transaction, TxNumber};

use super::scribe::{Fields, Scribe};
use super::timetable::{Due, Timetable};
use super::trace::{About, TraceEntry};
use super::{
    AccessCall, BILLED_AT_GENESIS, Call, Case, Change, ClaimCall, ConsentCall, ConsentKey, KindSpec, Part, Patient,
    People, Purpose,
};
use super::{RecordCall, RxCall, Scope, Script, Slice, Stream, StreamSettings, Verb};

use goods::Subject;

/// Transactions in a slice: two verification batches, as a stream's have on average.
const PER_SLICE: usize = 2 * BATCH;
/// How long a replayed consent is for: a year.
const TERM: Span = Span::from_secs(365 * 86_400);
/// What a replayed claim is for, hundredths: totals of traces are in whatever currency their maker had.
const CLAIMED: u64 = 10_000;

/// A replay: pure, shared by all workers.
pub struct Replay {
    scribe: Scribe,
    table: Arc<Timetable>,
    kinds: Vec<KindSpec>,
    people: Arc<People>,
    script: Script,
    /// From one provider's hospital to the next one's.
    stride: u64,
}

/// Where a run's transactions come from.
pub enum Workload {
    /// They are drawn.
    Drawn(Stream),
    /// They are a trace's.
    Replayed(Replay),
}

impl Workload {
    /// Number of slices until hospitals stop.
    pub fn slices(&self) -> u64 {
        match self {
            Workload::Drawn(stream) => stream.slices(),
            Workload::Replayed(replay) => replay.slices(),
        }
    }

    /// Makes slice `index`.
    pub fn slice(&self, index: u64) -> Slice {
        match self {
            Workload::Drawn(stream) => stream.slice(index),
            Workload::Replayed(replay) => replay.slice(index),
        }
    }

    /// The canonical bodies of the transactions of slice `index`, in order: runs keep none, since they follow from the
    /// seed.
    pub fn bodies(&self, index: u64) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        let tell = |_, _, body: &[u8]| bodies.push(body.to_vec());
        match self {
            Workload::Drawn(stream) => stream.write(index, tell),
            Workload::Replayed(replay) => replay.write(index, tell),
        }
        bodies
    }
}

impl Replay {
    /// Of a trace by `people`, whose kinds index `kinds`.
    pub fn new(table: Arc<Timetable>, kinds: Vec<KindSpec>, people: Arc<People>, settings: StreamSettings) -> Replay {
        let hospitals = people.hospitals();
        let script = Script::new(settings.seed, people.clone(), settings.injection);
        let scribe = Scribe::new(settings, hospitals as u32);
        Replay { scribe, table, kinds, people, script, stride: stride(hospitals) }
    }

    /// Number of slices.
    pub fn slices(&self) -> u64 {
        self.table.due.len().div_ceil(PER_SLICE) as u64
    }

    /// Makes slice `index`: so many entries, in order.
    pub fn slice(&self, index: u64) -> Slice {
        let (transactions, parts) = (Vec::with_capacity(PER_SLICE), Vec::with_capacity(PER_SLICE));
        let mut slice = Slice { transactions, parts, ..Slice::default() };
        self.write(index, |transaction, part, _| {
            slice.transactions.push(transaction);
            slice.parts.push(part);
        });
        // Payloads are hashed beside bodies.
        slice.totals.hashed = slice.transactions.len() as u64;
        self.scribe.seal(&mut slice);
        slice
    }

    /// Writes the transactions of slice `index`, each told with its body.
    fn write(&self, index: u64, mut tell: impl FnMut(Transaction, Part, &[u8])) {
        let due = self.table.due.chunks(PER_SLICE).nth(index as usize).expect("there is such a slice");
        let mut body = Vec::with_capacity(512);
        for (nth, due) in (0u64..).zip(due) {
            let entry = &self.table.trace.entries[due.entry as usize];
            let spec = &self.kinds[usize::from(entry.kind)];
            let part = self.part(spec.verb, entry, due);
            let text = self.table.trace.text(entry);
            let fields = Fields {
                number: TxNumber(index << TxNumber::PLACE_BITS | nth),
                hospital: part.by,
                kind: Kind(entry.kind),
                submitted: due.at,
                payload: Bytes(text.len() as u64),
                anchor: Some(self.anchor(entry, due.copy, text)),
            };
            let transaction = self.scribe.write(spec, &fields, &part.call, &mut body);
            tell(transaction, part, &body);
        }
    }

    /// The hospital that stands for a provider in a copy.
    fn hospital(&self, copy: u32, provider: u32) -> HospitalId {
        let nth = u64::from(copy) * u64::from(self.table.trace.providers) + u64::from(provider);
        let hospitals = self.people.hospitals();
        let first = draw(self.scribe.settings.seed, Site::Replay, u64::MAX, 0, 0) % hospitals;
        HospitalId((((nth % hospitals) * self.stride + first) % hospitals) as u32)
    }

    /// The patient of a hospital that stands for one of the trace's.
    fn patient(&self, copy: u32, patient: u32, home: HospitalId) -> Patient {
        let nth = u64::from(copy) * u64::from(self.table.trace.patients) + u64::from(patient);
        Patient { home, number: (nth % u64::from(self.people.home(home).patients)) as u32 }
    }

    /// BLAKE3 of the line under a key that follows from the seed and the patient: whoever knows neither cannot tell
    /// whether an anchor is that of a record he guesses.
    fn anchor(&self, entry: &TraceEntry, copy: u32, text: &[u8]) -> Digest {
        let mut whose = Vec::with_capacity(32);
        self.scribe.settings.seed.encode(&mut whose);
        copy.encode(&mut whose);
        let (keeper, patient) = match entry.about {
            About::Patient { patient, keeper, .. } => (keeper, patient),
            About::Goods { .. } | About::Nobody => (entry.provider, u32::MAX),
        };
        (keeper, patient).encode(&mut whose);
        let salt = blake3::derive_key("systole trace salt v1", &whose);
        Digest(*blake3::keyed_hash(&salt, text).as_bytes())
    }

    /// What an entry asks for, and who signs it or whose patient does.
    fn part(&self, verb: Verb, entry: &TraceEntry, due: &Due) -> Part {
        let copy = due.copy;
        let by = self.hospital(copy, entry.provider);
        // A copy's cases are its own.
        let case = Case(draw(entry.case.0, Site::Replay, copy.into(), 1, 0) >> (64 - Case::BITS));
        let (patient, keeper, grantee) = match entry.about {
            About::Patient { patient, keeper, grantee } => (patient, keeper, grantee),
            About::Goods { thing, into, to } => {
                let subject = Subject { copy, thing, into, to: self.hospital(copy, to) };
                return Part { by, call: self.goods(verb, case, &subject), planted: None };
            }
            About::Nobody => return self.script.part(verb, case, 0, by, due.at),
        };
        let patient = self.patient(copy, patient, self.hospital(copy, keeper));
        let (purpose, category) = (entry.purpose, entry.category);
        let call = match verb {
            Verb::Anchor => Call::Record(RecordCall::Anchor { case, patient, category }),
            Verb::Look => Call::Access(AccessCall::Look { patient, purpose, category }),
            Verb::BreakGlass => Call::Access(AccessCall::Look { patient, purpose: Purpose::Emergency, category }),
            Verb::Prescribe => Call::Rx(RxCall::Prescribe { case, patient }),
            Verb::Submit => {
                let (service, amount) = (BILLED_AT_GENESIS + case.0, CLAIMED);
                Call::Claim(ClaimCall::Submit { case, patient, service, amount })
            }
            Verb::Confirm => {
                let call = Call::Claim(ClaimCall::Confirm { case, patient });
                return Part { by: patient.home, call, planted: None };
            }
            Verb::Adjudicate => {
                let call = Call::Claim(ClaimCall::Adjudicate { case });
                return Part { by: self.people.payer(patient), call, planted: None };
            }
            Verb::Grant | Verb::Revoke | Verb::Renew | Verb::Deny => {
                let grantee = self.hospital(copy, grantee.unwrap_or(entry.provider));
                let key = ConsentKey { patient, grantee, purpose };
                Call::Consent(ConsentCall { key, change: change(verb, due.at) })
            }
            // What resources do not become, and what no contract looks at.
            _ => return self.script.part(verb, case, 0, by, due.at),
        };
        Part { by, call, planted: None }
    }
}

fn change(verb: Verb, at: Time) -> Change {
    let until = at + TERM;
    match verb {
        Verb::Revoke => Change::Revoke,
        Verb::Renew => Change::Renew { until },
        Verb::Deny => Change::Deny,
        _ => Change::Grant { scope: Scope::USUAL, until },
    }
}

/// A step that reaches all of `hospitals` before it comes back to one, and goes about the golden section of the way
/// round: hospitals are sorted by country, and neighbours of the trace should not all be in one.
fn stride(hospitals: u64) -> u64 {
    let golden = hospitals * 618 / 1_000;
    (golden.max(1)..).find(|&step| gcd(step, hospitals) == 1).expect("hospitals + 1 is one, at the latest")
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stride_reaches_every_hospital_once() {
        for hospitals in [1, 2, 3, 4, 40, 210, 5_000] {
            let reached: std::collections::BTreeSet<u64> =
                (0..hospitals).map(|nth| nth * stride(hospitals) % hospitals).collect();
            assert_eq!(reached.len() as u64, hospitals);
        }
    }
}
