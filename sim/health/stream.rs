//! The stream of transactions, in slices that any worker can make: generated, hashed, signed and verified for real.
//!
//! Slice `i` covers the virtual time `[i * span, (i + 1) * span)`. A Poisson process has no memory, so each slice draws
//! its gaps afresh from its own beginning, and nothing but the slice's index says what is in it.

use crate::base::{Bytes, Digest, Encode, HospitalId, Span, Time};
use crate::crypto::{BATCH, Item, Keypair, Role, Signature, sign_all, verify_batch};
use crate::kernel::draw::{Chance, Site, draw, exponential};
use crate::ledger::{Kind, SIGNATURE_BYTES, Stage, Transaction, TransactionBody, TxNumber};

use super::{KindSpec, LoadProfile};

/// Transactions in a slice, on average: two verification batches.
const PER_SLICE: u64 = 2 * BATCH as u64;
/// Bits of a transaction's number that count within its slice.
const NUMBER_BITS: u32 = 24;

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
pub struct Stream {
    settings: StreamSettings,
    load: LoadProfile,
    kinds: Vec<KindSpec>,
    /// Mean gap between two arrivals, in picoseconds: nanoseconds would round a load of 10^6/s by up to 0.05 %.
    gap_ps: u64,
    slice_span: Span,
    keys: Vec<Keypair>,
}

/// The transactions of one slice of time, by arrival.
#[derive(Debug, Default)]
pub struct Slice {
    /// The transactions.
    pub transactions: Vec<Transaction>,
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
    /// The stream of `load`, whose kinds index `kinds`.
    pub fn new(load: LoadProfile, kinds: Vec<KindSpec>, settings: StreamSettings) -> Stream {
        let rate = load.total_tps / f64::from(settings.weight);
        assert!(rate > 0.0 && rate <= 1e9, "a load is between 0 and 10^9 transactions/s, got {rate}");
        let gap_ps = ((1e12 / rate) as u64).max(1);
        let slice_span = Span((gap_ps * PER_SLICE / 1000).clamp(1, 1_000_000_000));
        let hospitals = if settings.real { load.mix_of.len() as u32 } else { 0 };
        let keys = (0..hospitals).map(|index| Keypair::derive(settings.seed, Role::Hospital, index)).collect();
        Stream { settings, load, kinds, gap_ps, slice_span, keys }
    }

    /// Number of slices until hospitals stop.
    pub fn slices(&self) -> u64 {
        self.settings.until.0.div_ceil(self.slice_span.0)
    }

    /// Makes slice `index`.
    pub fn slice(&self, index: u64) -> Slice {
        let (begin, end) = (index * self.slice_span.0, ((index + 1) * self.slice_span.0).min(self.settings.until.0));
        let mut slice = Slice::default();
        let mut at_ps = u128::from(begin) * 1000;
        let mut body = Vec::with_capacity(512);
        for nth in 0u64.. {
            let bits = self.draw(Site::Arrival, index, nth);
            // The table is linear in its mean, so a mean in picoseconds gives a gap in picoseconds.
            at_ps += u128::from(exponential(Span(self.gap_ps), bits).0);
            let at = Time((at_ps / 1000) as u64);
            if at.0 >= end {
                break;
            }
            assert!(nth < 1 << NUMBER_BITS, "a slice holds about {PER_SLICE} transactions");
            let number = TxNumber(index << NUMBER_BITS | nth);
            slice.transactions.push(self.transaction(number, at, &mut body));
        }
        slice.totals.hashed = slice.transactions.len() as u64;
        if self.settings.real {
            self.sign_and_verify(&mut slice);
        }
        slice
    }

    fn draw(&self, site: Site, a: u64, b: u64) -> u64 {
        draw(self.settings.seed, site, a, b, 0)
    }

    fn transaction(&self, number: TxNumber, submitted: Time, body: &mut Vec<u8>) -> Transaction {
        let hospital = self.load.hospitals.choose(self.draw(Site::Hospital, number.0, 0));
        let mix = &self.load.mixes[usize::from(self.load.mix_of[hospital])];
        let kind = mix.choose(self.draw(Site::Kind, number.0, 0));
        let spec = &self.kinds[kind];
        let payload = spec.payload.draw(self.draw(Site::Payload, number.0, 0));
        let (hospital, kind) = (HospitalId(hospital as u32), Kind(kind as u8));
        let id = self.body(body, spec, number, hospital, kind, submitted, payload);
        let forged = Chance::new(self.settings.injection.forged);
        Transaction {
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
        }
    }

    /// Writes the canonical body and returns its id. Anchor and references are uniform bytes: they stand for digests
    /// and pseudonymous identifiers, whose content no ledger in this crate reads.
    #[expect(clippy::too_many_arguments, reason = "one call site; the fields of one body")]
    fn body(
        &self,
        body: &mut Vec<u8>,
        spec: &KindSpec,
        number: TxNumber,
        hospital: HospitalId,
        kind: Kind,
        submitted: Time,
        payload: Bytes,
    ) -> Digest {
        let mut filler = [0u8; 1024];
        let fixed = TransactionBody::FIXED_BYTES + SIGNATURE_BYTES;
        let references = (spec.wire.0.saturating_sub(fixed) as usize).min(filler.len() - 32);
        for (nth, word) in filler[..(references + 32).next_multiple_of(8)].chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&self.draw(Site::Body, number.0, nth as u64).to_le_bytes());
        }
        let (anchor, rest) = filler.split_first_chunk::<32>().expect("the filler is longer");
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
        for chunk in slice.transactions.chunks_mut(BATCH) {
            let key = |tx: &Transaction| &self.keys[tx.hospital.index()];
            let messages: Vec<(&Keypair, [u8; 32])> = chunk.iter().map(|tx| (key(tx), tx.id.0)).collect();
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
