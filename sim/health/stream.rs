//! The stream of transactions, in slices that any worker can make: generated, hashed, signed and verified for real.
//!
//! Slice `i` covers the virtual time `[i * span, (i + 1) * span)`. A Poisson process has no memory, so each slice draws
//! its gaps afresh from its own beginning, and nothing but the slice's index says what is in it.

use std::sync::Arc;

use crate::base::{HospitalId, Span, Time};
use crate::crypto::BATCH;
use crate::kernel::draw::{Site, draw, exponential};
use crate::ledger::{Kind, Transaction, TxNumber};

use super::scribe::{Fields, Scribe};
use super::script::STEP;
use super::{Call, Case, KindSpec, LoadProfile, People, Script, Verb};

/// Transactions in a slice, on average: two verification batches.
const PER_SLICE: u64 = 2 * BATCH as u64;
const NUMBER_BITS: u32 = TxNumber::PLACE_BITS;

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
/// Kinds that are later stages of a case do not arrive by themselves: each follows the case's first transaction by a fixed
/// number of slices, at the same place within them. A Poisson process that is moved is one still, so the rates are those
/// of the table where all stages have the same.
pub struct Stream {
    scribe: Scribe,
    load: LoadProfile,
    kinds: Vec<KindSpec>,
    script: Script,
    /// For each kind that is a later stage: the kind that its cases begin with, and slices between.
    follows: Vec<Option<Follows>>,
    /// Mean gap between two arrivals, in picoseconds: nanoseconds would round a load of 10^6/s by up to 0.05 %.
    gap_ps: u64,
    slice_span: Span,
}

#[derive(Clone, Copy, Debug)]
struct Follows {
    first: usize,
    slices: u64,
}

/// Something that begins, or goes on, within a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    /// Since the slice began.
    after: Span,
    kind: usize,
    case: Case,
    /// Where the case began.
    hospital: HospitalId,
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

/// Whether kinds with this verb are later stages of cases.
fn follows(verb: Verb, kinds: &[KindSpec], slice_span: Span) -> Option<Follows> {
    let (first, steps) = verb.begins_with()?;
    let first = kinds.iter().position(|kind| kind.verb == first)?;
    Some(Follows { first, slices: STEP.0.div_ceil(slice_span.0) * steps })
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
    pub fn new(load: LoadProfile, kinds: Vec<KindSpec>, people: Arc<People>, settings: StreamSettings) -> Stream {
        let rate = load.total_tps / f64::from(settings.weight);
        assert!(rate > 0.0 && rate <= 1e9, "a load is between 0 and 10^9 transactions/s, got {rate}");
        let gap_ps = ((1e12 / rate) as u64).max(1);
        let slice_span = Span((gap_ps * PER_SLICE / 1000).clamp(1, 1_000_000_000));
        let follows = kinds.iter().map(|kind| follows(kind.verb, &kinds, slice_span)).collect();
        let script = Script::new(settings.seed, people);
        let scribe = Scribe::new(settings, load.mix_of.len() as u32);
        Stream { scribe, load, kinds, script, follows, gap_ps, slice_span }
    }

    /// Number of slices until hospitals stop.
    pub fn slices(&self) -> u64 {
        self.scribe.settings.until.0.div_ceil(self.slice_span.0)
    }

    /// Makes slice `index`.
    pub fn slice(&self, index: u64) -> Slice {
        let begin = Time(index * self.slice_span.0);
        let mut slice = Slice::default();
        let mut body = Vec::with_capacity(512);
        for (nth, arrival) in (0u64..).zip(self.arrivals(index)) {
            let at = begin + arrival.after;
            if at >= self.scribe.settings.until {
                break;
            }
            assert!(nth < 1 << NUMBER_BITS, "a slice holds about {PER_SLICE} transactions");
            let number = TxNumber(index << NUMBER_BITS | nth);
            let (transaction, call) = self.transaction(number, at, &arrival, &mut body);
            slice.transactions.push(transaction);
            slice.calls.push(call);
        }
        self.scribe.seal(&mut slice);
        slice
    }

    /// What arrives in a slice, in order: what begins in it, and what goes on that began in slices before.
    fn arrivals(&self, index: u64) -> Vec<Arrival> {
        let mut arrivals = self.beginnings(index);
        arrivals.retain(|arrival| self.follows[arrival.kind].is_none());
        for (kind, follows) in self.follows.iter().enumerate() {
            let Some(Follows { first, slices }) = *follows else { continue };
            // What began before the run is not on the ledger: its later stages do not come.
            let Some(before) = index.checked_sub(slices) else { continue };
            let begun = self.beginnings(before).into_iter().filter(|arrival| arrival.kind == first);
            arrivals.extend(begun.map(|arrival| Arrival { kind, ..arrival }));
        }
        arrivals.sort_unstable();
        arrivals
    }

    /// The Poisson process of a slice, later stages' kinds included.
    fn beginnings(&self, index: u64) -> Vec<Arrival> {
        let mut arrivals = Vec::with_capacity(2 * PER_SLICE as usize);
        let mut after_ps = 0u128;
        for nth in 0u64.. {
            // The table is linear in its mean, so a mean in picoseconds gives a gap in picoseconds.
            after_ps += u128::from(exponential(Span(self.gap_ps), self.draw(Site::Arrival, index, nth)).0);
            let after = Span((after_ps / 1000) as u64);
            if after >= self.slice_span {
                break;
            }
            let case = Case(index << NUMBER_BITS | nth);
            let hospital = self.load.hospitals.choose(self.draw(Site::Hospital, case.0, 0));
            let mix = &self.load.mixes[usize::from(self.load.mix_of[hospital])];
            let kind = mix.choose(self.draw(Site::Kind, case.0, 0));
            arrivals.push(Arrival { after, kind, case, hospital: HospitalId(hospital as u32) });
        }
        arrivals
    }

    fn draw(&self, site: Site, a: u64, b: u64) -> u64 {
        draw(self.scribe.settings.seed, site, a, b, 0)
    }

    fn transaction(
        &self,
        number: TxNumber,
        submitted: Time,
        arrival: &Arrival,
        body: &mut Vec<u8>,
    ) -> (Transaction, Call) {
        let (kind, spec) = (Kind(arrival.kind as u8), &self.kinds[arrival.kind]);
        let (hospital, call) = self.script.call(spec.verb, arrival.case, arrival.hospital, submitted);
        let payload = spec.payload.draw(self.draw(Site::Payload, number.0, 0));
        let fields = Fields { number, hospital, kind, submitted, payload, anchor: None };
        (self.scribe.write(spec, &fields, &call, body), call)
    }
}
