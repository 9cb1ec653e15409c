//! The stream of transactions, in slices that any worker can make: generated, hashed, signed and verified for real.
//!
//! Slice `i` covers the virtual time `[i * span, (i + 1) * span)`. A Poisson process has no memory, so each slice draws
//! its gaps afresh from its own beginning, at the rate that the load has then, and nothing but the slice's index says
//! what is in it.

mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::base::{HospitalId, Span, Time};
use crate::crypto::BATCH;
use crate::kernel::draw::{Site, draw, exponential};
use crate::ledger::{Kind, Transaction, TxNumber};

use super::scribe::{Fields, Scribe};
use super::script::STEP;
use super::{Case, KindSpec, LoadPlan, Part, People, Script, Verb};
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
    /// Packs that are no maker's, or not where they belong (share of packs dispensed, verified or taken out).
    pub counterfeits: f64,
    /// Claims for what was not done, was billed before, or costs less, and payments made twice (share of claims).
    pub frauds: f64,
    /// Data captured in trials of who is no subject (share of captures).
    pub breaches: f64,
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
    /// Whether resources travel on the ledger, behind what anchors them.
    pub on_ledger: bool,
    /// Whether signatures are really computed and verified.
    pub real: bool,
}

/// The stream of one run: pure, shared by all workers.
///
/// Kinds that are later stages of a case do not arrive by themselves: they follow the case's first transaction by a
/// fixed number of slices, at the same place within them. A Poisson process that is moved is one still, and as many follow as
/// have the rates of the plan.
pub struct Stream {
    scribe: Scribe,
    load: LoadPlan,
    kinds: Vec<KindSpec>,
    script: Script,
    sources: Vec<Source>,
    slice_span: Span,
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
    pub parts: Vec<Part>,
    /// What was really computed.
    pub totals: Totals,
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
        let sources = Source::all(&load, &kinds);
        assert!(sources.len() <= 1 << (NUMBER_BITS - CASE_BITS), "a case's number names its source");
        let claims = sources.iter().position(|source| source.begins(Verb::Submit, &kinds)).unwrap_or(0) as u64;
        let script = Script::new(settings.seed, people, settings.injection).with_claims(claims << CASE_BITS);
        let scribe = Scribe::new(settings, load.hospitals() as u32);
        Stream { scribe, load, kinds, script, sources, slice_span }
    }

    /// Number of slices until hospitals stop.
    pub fn slices(&self) -> u64 {
        self.scribe.settings.until.0.div_ceil(self.slice_span.0)
    }

    /// Makes slice `index`.
    pub fn slice(&self, index: u64) -> Slice {
        let mut slice = Slice::default();
        self.write(index, |transaction, part, _| {
            slice.transactions.push(transaction);
            slice.parts.push(part);
        });
        self.scribe.seal(&mut slice);
        slice
    }

    /// Writes the transactions of slice `index`, each told with its body.
    pub(super) fn write(&self, index: u64, mut tell: impl FnMut(Transaction, Part, &[u8])) {
        let begin = Time(index * self.slice_span.0);
        let mut body = Vec::with_capacity(512);
        for (nth, arrival) in (0u64..).zip(self.arrivals(index)) {
            let at = begin + arrival.after;
            if at >= self.scribe.settings.until {
                break;
            }
            assert!(nth < 1 << NUMBER_BITS, "a slice holds about {PER_SLICE} transactions");
            let number = TxNumber(index << NUMBER_BITS | nth);
            let (transaction, part) = self.transaction(number, at, &arrival, &mut body);
            tell(transaction, part, &body);
        }
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
                    let tell = |kind: usize, nth| {
                        let copies = self.script.copies(self.kinds[kind].verb, first.case);
                        arrivals.extend((nth..nth + copies).map(|nth| Arrival { kind, nth, ..first }));
                    };
                    self.sources[nth].followers(&self.load, mix, self.scribe.settings.seed, first.case, steps, tell);
                });
            }
        }
        arrivals.sort_unstable();
        arrivals
    }

    /// The Poisson process of a source in a slice, each arrival told with the profile that holds.
    fn beginnings(&self, index: u64, source: usize, mut tell: impl FnMut(usize, Arrival)) {
        let (nth_source, source) = (source as u64, &self.sources[source]);
        let flow = source.flow(&self.load, self.scribe.settings.seed, Time(index * self.slice_span.0));
        // In picoseconds: nanoseconds would round a load of 10^6/s by up to 0.05 %.
        let gap_ps = (10u128.pow(18) * u128::from(self.scribe.settings.weight)).checked_div(flow.total.into());
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
            let mark = source.mark(&self.load, &flow, self.scribe.settings.seed, case);
            let (kind, hospital, group) = (mark.kind, mark.hospital, mark.group);
            tell(flow.profile(), Arrival { after: Span(after as u64), kind, case, nth: 0, hospital, group });
        }
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
    ) -> (Transaction, Part) {
        let (kind, spec) = (Kind(arrival.kind as u8), &self.kinds[arrival.kind]);
        let part = self.script.part(spec.verb, arrival.case, arrival.nth, arrival.hospital, submitted);
        let hospital = part.by;
        let payload = spec.payload.draw(self.draw(Site::Payload, number.0, 0));
        let fields = Fields { number, hospital, kind, submitted, payload, anchor: None };
        (self.scribe.write(spec, &fields, &part.call, body), part)
    }
}
