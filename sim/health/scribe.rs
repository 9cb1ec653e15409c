//! Writes transactions for real: bodies, their hashes, signatures, and their verification.

use crate::base::{Bytes, Digest, Encode, HospitalId, Time};
use crate::crypto::{BATCH, Item, Keypair, Role, Signature, sign_all, verify_batch};
use crate::kernel::draw::{Chance, Site, draw};
use crate::ledger::{Kind, SIGNATURE_BYTES, Stage, Transaction, TransactionBody, TxNumber};

use super::{Call, KindSpec, Patient, Slice, StreamSettings};

/// What is said of a transaction before it is written.
pub(super) struct Fields {
    pub number: TxNumber,
    pub hospital: HospitalId,
    pub kind: Kind,
    pub submitted: Time,
    pub payload: Bytes,
    /// What commits to the payload; uniform bytes where there is none.
    pub anchor: Option<Digest>,
}

/// Holds the hospitals' keys.
pub(super) struct Scribe {
    pub settings: StreamSettings,
    keys: Vec<Keypair>,
}

impl Scribe {
    /// For as many hospitals.
    pub fn new(settings: StreamSettings, hospitals: u32) -> Scribe {
        let hospitals = if settings.real { hospitals } else { 0 };
        let keys = (0..hospitals).map(|index| Keypair::derive(settings.seed, Role::Hospital, index)).collect();
        Scribe { settings, keys }
    }

    fn draw(&self, site: Site, a: u64, b: u64) -> u64 {
        draw(self.settings.seed, site, a, b, 0)
    }

    /// Writes a transaction that makes `call`; `body` is room to write in.
    pub fn write(&self, spec: &KindSpec, fields: &Fields, call: &Call, body: &mut Vec<u8>) -> Transaction {
        let &Fields { number, hospital, kind, submitted, payload, .. } = fields;
        let forged = Chance::new(self.settings.injection.forged);
        Transaction {
            id: self.body(body, spec, fields, call),
            number,
            submitted,
            hospital,
            wire: (spec.wire + if self.settings.on_ledger { payload } else { Bytes(0) }).0 as u32,
            payload: payload.0 as u32,
            kind,
            authentic: !forged.happens(self.draw(Site::Inject, number.0, 0)),
            replay: false,
            stage: Stage::Local,
        }
    }

    /// Writes the canonical body and returns its id. References begin with the call; the rest of them, and an anchor that
    /// is not given, are uniform bytes: they stand for digests and pseudonymous identifiers that no contract reads.
    fn body(&self, body: &mut Vec<u8>, spec: &KindSpec, fields: &Fields, call: &Call) -> Digest {
        let &Fields { number, hospital, kind, submitted, payload, .. } = fields;
        let mut filler = [0u8; 1024];
        let fixed = TransactionBody::FIXED_BYTES + SIGNATURE_BYTES;
        let references = (spec.wire.0.saturating_sub(fixed) as usize).min(filler.len() - 32);
        for (nth, word) in filler[..(references + 32).next_multiple_of(8)].chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&self.draw(Site::Body, number.0, nth as u64).to_le_bytes());
        }
        let (anchor, rest) = filler.split_first_chunk_mut::<32>().expect("the filler is longer");
        body.clear();
        call.encode(body);
        assert!(body.len() <= references, "{} has {references} bytes for a call of {}", spec.name, body.len());
        rest[..body.len()].copy_from_slice(body);
        let value = TransactionBody {
            number,
            hospital,
            kind,
            submitted,
            weight: self.settings.weight,
            payload,
            anchor: fields.anchor.unwrap_or(Digest(*anchor)),
            references: &rest[..references],
        };
        body.clear();
        value.encode(body);
        Digest::of(body)
    }

    /// Counts a slice's hashes, and has it signed and verified where that is done for real.
    pub fn seal(&self, slice: &mut Slice) {
        slice.totals.hashed += slice.transactions.len() as u64;
        if self.settings.real {
            self.sign_and_verify(slice);
        }
    }

    /// Signs every id with its hospital's key, spoils the signatures that an attacker forged, and replaces what each
    /// transaction says of itself by what verification says.
    fn sign_and_verify(&self, slice: &mut Slice) {
        let of_patient = |patient: Patient| Keypair::of_patient(self.settings.seed, patient.home.0, patient.number);
        let patients: Vec<Option<Keypair>> =
            slice.parts.iter().map(|part| part.call.signer().map(of_patient)).collect();
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
