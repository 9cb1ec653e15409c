//! The stream of transactions, in slices that any worker can make: generated, hashed, signed and verified for real.
//!
//! Slice `i` covers the virtual time `[i * span, (i + 1) * span)`. A Poisson process has no memory, so each slice draws
//! its gaps afresh from its own beginning, at the rate that the load has then, and nothing but the slice's index says
//! what is in it.

mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::base::{Bytes, Digest, Encode, HospitalId, Span, Time};
use crate::crypto::{BATCH, Item, Keypair, Role, Signature, sign_all, verify_batch};
use crate::kernel::draw::{Chance, Site, draw, exponential};
use crate::ledger::{Kind, SIGNATURE_BYTES, Stage, Transaction, TransactionBody, TxNumber};

use super::script::STEP;
use super::{Call, Case, KindSpec, LoadPlan, Patient, People, Script};
use sources::Source;

/// Transactions in a slice, on average: two verification batches.
const PER_SLICE: u64 = 2 * BATCH as u64;
const NUMBER_BITS: u32 = TxNumber::PLACE_BITS;
/// Bits of a case's number that count within a slice of its source; those above them name the source.
const CASE_BITS: u32 = NUMBER_BITS - 4;
/// What comes less than once in four days does not come.
const MOST_GAP_PS: u128 = 400_000 * 10u128.pow(12);
/// Where the load changes faster than this, nobody sees it.
const SHORTEST_SLICE: Span = Span::from_millis(1);

/// Attacks injected into the load, as shares of all transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Injection {
    /// Signatures that do not verify.
    pub forged: f64,
    /// Transactions sent a second time, to any gateway.
    pub replayed: f64,
    /// Batches that a gateway sends on with other content under the same id (share of batches).
    pub tampered_batches: f64,
}

/// What a stream is made from, beside the load.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// The run's seed.
    pub seed: u64,
    /// How many alike transactions each stands for.
    pub weight: u32,
    /// When hospitals stop submitting.
    pub until: Time,
    /// Attacks.
    pub injection: Injection,
    /// Whether signatures are really computed and verified.
    pub real: bool,
}

/// The stream of one run: pure, shared by all workers.
///
/// Kinds that are later stages of a case do not arrive by themselves: they follow the case's first transaction by a
/// fixed number of slices, at the same place within them. A Poisson process that is moved is one still, and as many follow as
/// have the rates of the plan.
pub struct Stream {
    settings: StreamSettings,
    load: LoadPlan,
    kinds: Vec<KindSpec>,
    script: Script,
    sources: Vec<Source>,
    slice_span: Span,
    keys: Vec<Keypair>,
}

/// Something that begins, or goes on, within a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    /// Since the slice began.
    after: Span,
    kind: usize,
    case: Case,
    /// Which of the case's transactions of its kind it is.
    nth: u32,
    /// Where the case began.
    hospital: HospitalId,
    /// The hospital's group.
    group: u16,
}

/// The transactions of one slice of time, by arrival.
#[derive(Debug, Default)]
pub struct Slice {
    /// The transactions.
    pub transactions: Vec<Transaction>,
    /// What each of them asks for.
    pub calls: Vec<Call>,
    /// What was really computed.
    pub totals: Totals,
}

/// What the script and the load say of a transaction.
struct Fields {
    number: TxNumber,
    hospital: HospitalId,
    kind: Kind,
    submitted: Time,
    payload: Bytes,
}

/// Counts of real operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Signatures made.
    pub signed: u64,
    /// Signatures verified.
    pub verified: u64,
    /// Transaction bodies hashed.
    pub hashed: u64,
}

impl Totals {
    /// Adds other counts.
    pub fn add(&mut self, other: Totals) {
        self.signed += other.signed;
        self.verified += other.verified;
        self.hashed += other.hashed;
    }
}

impl Stream {
    /// The stream of `load`, whose kinds index `kinds`, by `people`.
    pub fn new(load: LoadPlan, kinds: Vec<KindSpec>, people: Arc<People>, settings: StreamSettings) -> Stream {
        let rate = load.highest_tps() / f64::from(settings.weight);
        assert!(rate > 0.0 && rate <= 1e9, "a load is between 0 and 10^9 transactions/s, got {rate}");
        let gap_ps = ((1e12 / rate) as u64).max(1);
        let filled = Span(((u128::from(gap_ps) * u128::from(PER_SLICE)) / 1000).clamp(1, 1_000_000_000) as u64);
        let slice_span = filled.min(load.resolution().max(SHORTEST_SLICE));
        let hospitals = if settings.real { load.hospitals() as u32 } else { 0 };
        let keys = (0..hospitals).map(|index| Keypair::derive(settings.seed, Role::Hospital, index)).collect();
        let sources = Source::all(&load, &kinds);
        assert!(sources.len() <= 1 << (NUMBER_BITS - CASE_BITS), "a case's number names its source");
        let script = Script::new(settings.seed, people);
        Stream { settings, load, kinds, script, sources, slice_span, keys }
    }

    /// Number of slices until hospitals stop.
    pub fn slices(&self) -> u64 {
        self.settings.until.0.div_ceil(self.slice_span.0)
    }

    /// Makes slice `index`.
    pub fn slice(&self, index: u64) -> Slice {
        let begin = Time(index * self.slice_span.0);
        let mut slice = Slice::default();
        let mut body = Vec::with_capacity(512);
        for (nth, arrival) in (0u64..).zip(self.arrivals(index)) {
            let at = begin + arrival.after;
            if at >= self.settings.until {
                break;
            }
            assert!(nth < 1 << NUMBER_BITS, "a slice holds about {PER_SLICE} transactions");
            let number = TxNumber(index << NUMBER_BITS | nth);
            let (transaction, call) = self.transaction(number, at, &arrival, &mut body);
            slice.transactions.push(transaction);
            slice.calls.push(call);
        }
        slice.totals.hashed = slice.transactions.len() as u64;
        if self.settings.real {
            self.sign_and_verify(&mut slice);
        }
        slice
    }

    /// What arrives in a slice, in order: what begins in it, and what goes on that began in slices before.
    fn arrivals(&self, index: u64) -> Vec<Arrival> {
        let mut arrivals = Vec::with_capacity(2 * PER_SLICE as usize);
        let step_slices = STEP.0.div_ceil(self.slice_span.0);
        for nth in 0..self.sources.len() {
            self.beginnings(index, nth, |_, arrival| arrivals.push(arrival));
            for &steps in &self.sources[nth].steps {
                // What began before the run is not on the ledger: its later stages do not come.
                let Some(before) = index.checked_sub(step_slices * steps) else { continue };
                self.beginnings(before, nth, |profile, first| {
                    let mix = (profile, first.group);
                    let tell = |kind, nth| arrivals.push(Arrival { kind, nth, ..first });
                    self.sources[nth].followers(&self.load, mix, self.settings.seed, first.case, steps, tell);
                });
            }
        }
        arrivals.sort_unstable();
        arrivals
    }

    /// The Poisson process of a source in a slice, each arrival told with the profile that holds.
    fn beginnings(&self, index: u64, source: usize, mut tell: impl FnMut(usize, Arrival)) {
        let (nth_source, source) = (source as u64, &self.sources[source]);
        let flow = source.flow(&self.load, self.settings.seed, Time(index * self.slice_span.0));
        // In picoseconds: nanoseconds would round a load of 10^6/s by up to 0.05 %.
        let gap_ps = (10u128.pow(18) * u128::from(self.settings.weight)).checked_div(flow.total.into());
        let Some(gap_ps) = gap_ps.filter(|&gap| gap < MOST_GAP_PS).map(|gap| gap as u64) else { return };
        let mut after_ps = 0u128;
        for nth in 0u64.. {
            let case = Case(index << NUMBER_BITS | nth_source << CASE_BITS | nth);
            assert!(nth < 1 << CASE_BITS, "a slice holds about {PER_SLICE} transactions");
            // The table is linear in its mean, so a mean in picoseconds gives a gap in picoseconds.
            after_ps += u128::from(exponential(Span(gap_ps), self.draw(Site::Arrival, case.0, 0)).0);
            let after = after_ps / 1000;
            if after >= u128::from(self.slice_span.0) {
                break;
            }
            let mark = source.mark(&self.load, &flow, self.settings.seed, case);
            let (kind, hospital, group) = (mark.kind, mark.hospital, mark.group);
            tell(flow.profile(), Arrival { after: Span(after as u64), kind, case, nth: 0, hospital, group });
        }
    }

    fn draw(&self, site: Site, a: u64, b: u64) -> u64 {
        draw(self.settings.seed, site, a, b, 0)
    }

    fn transaction(
        &self,
        number: TxNumber,
        submitted: Time,
        arrival: &Arrival,
        body: &mut Vec<u8>,
    ) -> (Transaction, Call) {
        let (kind, spec) = (Kind(arrival.kind as u8), &self.kinds[arrival.kind]);
        let (hospital, call) = self.script.call(spec.verb, arrival.case, arrival.nth, arrival.hospital, submitted);
        let payload = spec.payload.draw(self.draw(Site::Payload, number.0, 0));
        let fields = Fields { number, hospital, kind, submitted, payload };
        let id = self.body(body, spec, &fields, &call);
        let forged = Chance::new(self.settings.injection.forged);
        let transaction = Transaction {
            id,
            number,
            submitted,
            hospital,
            wire: spec.wire.0 as u32,
            payload: payload.0 as u32,
            kind,
            authentic: !forged.happens(self.draw(Site::Inject, number.0, 0)),
            replay: false,
            stage: Stage::Local,
        };
        (transaction, call)
    }

    /// Writes the canonical body and returns its id. References begin with the call; the rest of them, and the anchor,
    /// are uniform bytes: they stand for digests and pseudonymous identifiers that no contract reads.
    fn body(&self, body: &mut Vec<u8>, spec: &KindSpec, fields: &Fields, call: &Call) -> Digest {
        let &Fields { number, hospital, kind, submitted, payload } = fields;
        let mut filler = [0u8; 1024];
        let fixed = TransactionBody::FIXED_BYTES + SIGNATURE_BYTES;
        let references = (spec.wire.0.saturating_sub(fixed) as usize).min(filler.len() - 32);
        for (nth, word) in filler[..(references + 32).next_multiple_of(8)].chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&self.draw(Site::Body, number.0, nth as u64).to_le_bytes());
        }
        let (anchor, rest) = filler.split_first_chunk_mut::<32>().expect("the filler is longer");
        body.clear();
        call.encode(body);
        let written = body.len().min(references);
        rest[..written].copy_from_slice(&body[..written]);
        let value = TransactionBody {
            number,
            hospital,
            kind,
            submitted,
            weight: self.settings.weight,
            payload,
            anchor: Digest(*anchor),
            references: &rest[..references],
        };
        body.clear();
        value.encode(body);
        Digest::of(body)
    }

    /// Signs every id with its hospital's key, spoils the signatures that an attacker forged, and replaces what each
    /// transaction says of itself by what verification says.
    fn sign_and_verify(&self, slice: &mut Slice) {
        let of_patient = |patient: Patient| Keypair::of_patient(self.settings.seed, patient.home.0, patient.number);
        let patients: Vec<Option<Keypair>> = slice.calls.iter().map(|call| call.signer().map(of_patient)).collect();
        for (chunk, patients) in slice.transactions.chunks_mut(BATCH).zip(patients.chunks(BATCH)) {
            let signed = chunk.iter().zip(patients);
            let key = |(tx, patient): (&Transaction, _)| (signer(&self.keys, tx, patient), tx.id.0);
            let messages: Vec<(&Keypair, [u8; 32])> = signed.map(key).collect();
            let mut signatures: Vec<Signature> = sign_all(&messages);
            for (signature, tx) in signatures.iter_mut().zip(chunk.iter()) {
                signature.0[40] ^= u8::from(!tx.authentic);
            }
            let items: Vec<Item<'_>> = messages
                .iter()
                .zip(&signatures)
                .map(|((key, message), signature)| Item { key: key.public(), message, signature })
                .collect();
            let mut verdicts = Vec::with_capacity(items.len());
            verify_batch(&items, &mut verdicts);
            for (tx, verdict) in chunk.iter_mut().zip(verdicts) {
                tx.authentic = verdict;
            }
            slice.totals.signed += chunk.len() as u64;
            slice.totals.verified += chunk.len() as u64;
        }
    }
}

/// The patient's key, or the hospital's.
fn signer<'k>(keys: &'k [Keypair], tx: &Transaction, patient: &'k Option<Keypair>) -> &'k Keypair {
    patient.as_ref().unwrap_or_else(|| &keys[tx.hospital.index()])
}
