//! Writes a run's ledger: what the engine kept, and the bodies, made once more from the seed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::base::Digest;
use crate::crypto::merkle;
use crate::engine::{Archive, Archived, Setup};
use crate::health::{Verdict, Workload};
use crate::ledger::{TransactionBody, TxNumber};

use super::{BlockLine, Closing, Entry, Opening, VERSION, hex, verdict_leaf, verdict_name};

/// Writes the ledger of a run of `setup` to `sink`, block by block.
pub(in crate::experiment) fn write(
    scenario: &str,
    setup: &Setup,
    archive: &Archive,
    sink: &mut impl Write,
) -> io::Result<()> {
    let kinds = setup.kinds.iter().map(|kind| kind.name.clone()).collect();
    let (scenario, digest) = (scenario.to_string(), Digest::ZERO);
    let mut opening = Opening { version: VERSION, scenario, seed: setup.seed, kinds, digest };
    opening.digest = opening.computed();
    put(sink, &opening)?;
    let mut bodies = Bodies::new(setup.workload(false), archive);
    let mut closing = Closing { blocks: 0, transactions: 0, head: opening.digest };
    for block in archive.blocks() {
        let line = line(closing.head, &block, &mut bodies);
        put(sink, &line)?;
        closing.blocks += 1;
        closing.transactions += line.transactions.len() as u64;
        closing.head = line.digest;
    }
    put(sink, &closing)
}

fn put(sink: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *sink, line)?;
    sink.write_all(b"\n")
}

fn line(previous: Digest, block: &Archived<'_>, bodies: &mut Bodies) -> BlockLine {
    let entry = |&(number, verdict): &(TxNumber, Verdict)| entry(&bodies.take(number), verdict);
    let transactions: Vec<Entry> = block.entries.iter().map(entry).collect();
    let leaves: Vec<Digest> = block.entries.iter().map(|&(number, said)| verdict_leaf(number.0, said)).collect();
    let mut line = BlockLine {
        height: block.height.0,
        previous,
        transactions_root: Digest::ZERO,
        verdicts_root: merkle::root(&leaves),
        state: block.state,
        state_root: block.state_root,
        digest: Digest::ZERO,
        transactions,
    };
    line.transactions_root = merkle::root(&line.ids());
    line.digest = line.computed();
    line
}

fn entry(bytes: &[u8], verdict: Verdict) -> Entry {
    let body = TransactionBody::decode(bytes).expect("it was encoded just now");
    Entry {
        number: body.number.0,
        hospital: body.hospital.0,
        kind: body.kind.0,
        submitted_ns: body.submitted.0,
        id: Digest::of(bytes),
        body: hex(bytes),
        verdict: verdict_name(verdict).into(),
    }
}

/// Bodies by number. A slice's are kept from the first that is asked for to the last that took effect.
struct Bodies {
    workload: Workload,
    /// How many of each slice are still to be asked for.
    left: BTreeMap<u64, usize>,
    slices: BTreeMap<u64, Vec<Vec<u8>>>,
}

impl Bodies {
    fn new(workload: Workload, archive: &Archive) -> Bodies {
        let mut left = BTreeMap::new();
        for (number, _) in archive.blocks().flat_map(|block| block.entries) {
            *left.entry(number.place().0).or_insert(0) += 1;
        }
        Bodies { workload, left, slices: BTreeMap::new() }
    }

    fn take(&mut self, number: TxNumber) -> Vec<u8> {
        let (slice, nth) = number.place();
        let bodies = self.slices.entry(slice).or_insert_with(|| self.workload.bodies(slice));
        let body = std::mem::take(&mut bodies[nth]);
        let left = self.left.get_mut(&slice).expect("all that took effect were counted");
        *left -= 1;
        if *left == 0 {
            self.slices.remove(&slice);
        }
        body
    }
}
