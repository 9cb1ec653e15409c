//! One block: whether its line is what its header commits to, and which transaction it is that is not.

use crate::base::{Digest, HospitalId, Time};
use crate::crypto::merkle;
use crate::experiment::ledger::{BlockLine, Entry, Inclusion, unhex, verdict_leaf, verdict_name, verdicts};
use crate::health::{AccessCall, Call, Patient, RecordCall, Verdict};
use crate::ledger::{TransactionBody, TxNumber};

use super::{Breach, Suspect};

/// In larger blocks an altered verdict is not searched for: that takes a tree of hashes for each transaction.
const MOST_SEARCHED: usize = 4_096;

/// A transaction whose line is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub number: TxNumber,
    pub hospital: HospitalId,
    pub submitted: Time,
    pub verdict: Verdict,
    /// What it asks for, where an audit reads that.
    pub call: Option<Call>,
}

/// Checks the block on a line against its own header and what comes before: the height that is due, and the digest of
/// the header before.
pub(super) fn check(
    line: u64,
    block: &BlockLine,
    (due, previous): (u64, Digest),
    kinds: &[String],
) -> Result<Vec<Checked>, Box<Breach>> {
    let breach = |what: &str, suspect| Box::new(Breach { line, height: Some(due), suspect, what: what.into() });
    if block.height != due {
        return Err(breach(&format!("its height is given as {}", block.height), None));
    }
    if block.previous != previous {
        return Err(breach("the previous digest is not that of the header before", None));
    }
    let examined = |(index, entry): (usize, &Entry)| {
        examine(entry, kinds).map_err(|what| breach(&what, Some(suspect(block, index, kinds))))
    };
    let checked: Vec<Checked> = block.transactions.iter().enumerate().map(examined).collect::<Result<_, _>>()?;
    let is_whole = block.computed() == block.digest;
    if merkle::root(&block.ids()) != block.transactions_root {
        return Err(breach("the transactions root is not that over the ids", None));
    }
    let leaves: Vec<Digest> = checked.iter().map(|one| verdict_leaf(one.number.0, one.verdict)).collect();
    if merkle::root(&leaves) != block.verdicts_root {
        let Some((index, verdict)) = is_whole.then(|| altered(block.verdicts_root, &checked, &leaves)).flatten() else {
            return Err(breach("the verdicts root is not that over numbers and verdicts", None));
        };
        let (stated, was) = (&block.transactions[index].verdict, verdict_name(verdict));
        let what = format!("the verdict is given as {stated}, and the block says {was}");
        return Err(breach(&what, Some(suspect(block, index, kinds))));
    }
    if !is_whole {
        return Err(breach("the header's digest is not that of its fields: the state or the digest is altered", None));
    }
    Ok(checked)
}

/// Reads an entry; or says what is wrong with it.
fn examine(entry: &Entry, kinds: &[String]) -> Result<Checked, String> {
    let bytes = unhex(&entry.body).ok_or("the body is not written in lower-case hex digits")?;
    let hash = Digest::of(&bytes);
    if hash != entry.id {
        return Err(format!("the body's hash is {hash}, and the id {}", entry.id));
    }
    let body = TransactionBody::decode(&bytes).ok_or("the body is no encoding of a transaction")?;
    let said = (entry.number, entry.hospital, entry.kind, entry.submitted_ns);
    if said != (body.number.0, body.hospital.0, body.kind.0, body.submitted.0) {
        return Err("number, hospital, kind or time are not those of the body".into());
    }
    if usize::from(body.kind.0) >= kinds.len() {
        return Err(format!("there is no kind {}", body.kind.0));
    }
    let verdict = verdicts().find(|verdict| verdict_name(*verdict) == entry.verdict);
    Ok(Checked {
        number: body.number,
        hospital: body.hospital,
        submitted: body.submitted,
        verdict: verdict.ok_or_else(|| format!("no verdict is called {:?}", entry.verdict))?,
        call: Call::audited(body.references),
    })
}

/// Who an altered transaction is: by its body where that is what the id is of, otherwise by what is said beside it.
fn suspect(block: &BlockLine, index: usize, kinds: &[String]) -> Suspect {
    let entry = &block.transactions[index];
    let bytes = unhex(&entry.body).unwrap_or_default();
    let body = TransactionBody::decode(&bytes);
    let genuine = body.filter(|_| Digest::of(&bytes) == entry.id);
    let said = (TxNumber(entry.number), HospitalId(entry.hospital), entry.kind);
    let (number, hospital, kind) = genuine.map_or(said, |body| (body.number, body.hospital, body.kind.0));
    let kind = kinds.get(usize::from(kind)).cloned().unwrap_or_else(|| format!("kind {kind}"));
    let patient = body.and_then(|body| Call::audited(body.references)).and_then(|call| patient(&call));
    Suspect { number, hospital, kind, patient, committed: committed(block, index, Digest::of(&bytes)) }
}

/// Proves what the block holds in the place of an altered transaction, where its header is whole: the id as it is given,
/// or, where that was altered, the hash of the body.
fn committed(block: &BlockLine, index: usize, hash: Digest) -> Option<Inclusion> {
    if block.computed() != block.digest {
        return None;
    }
    let mut ids = block.ids();
    Inclusion::of(block.transactions_root, &ids, index).or_else(|| {
        ids[index] = hash;
        Inclusion::of(block.transactions_root, &ids, index)
    })
}

fn patient(call: &Call) -> Option<Patient> {
    match *call {
        Call::Access(AccessCall::Look { patient, .. })
        | Call::Record(
            RecordCall::Anchor { patient, .. } | RecordCall::Amend { patient, .. } | RecordCall::Erase { patient },
        ) => Some(patient),
        _ => None,
    }
}

/// The one verdict that was altered, and what it was: the only other that has `root` with the rest as they are.
fn altered(root: Digest, checked: &[Checked], leaves: &[Digest]) -> Option<(usize, Verdict)> {
    let count = leaves.len();
    (0..count.min(MOST_SEARCHED)).filter(|_| count <= MOST_SEARCHED).find_map(|index| {
        let (proof, number) = (merkle::prove(leaves, index), checked[index].number.0);
        let fits = |verdict: &Verdict| proof.verifies(&root, &verdict_leaf(number, *verdict), index, count);
        verdicts().find(fits).map(|verdict| (index, verdict))
    })
}
