//! The ledger as a file: what was written passes its audit, no bit of it can be altered unseen, and whoever asks who
//! looked at a patient's data is told what the run itself knows.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::OnceLock;

use systole::engine::{Decided, Unwatched};
use systole::experiment::{
    Audit, AuditError, Breach, HostFacts, LEDGER_FILE, Look, Point, Store, Summary, Suspect, simulate_setup,
};
use systole::health::{AccessCall, Call, KindSpec, Patient};
use systole::kernel::draw::{Site, draw};
use systole::ledger::TxNumber;
use systole::scenario::Scenario;

use crate::runs::{modelled, regional, world};

/// What an audit reads, and what decides on it.
const SMALL: [&str; 7] = [
    "world.only=[\"record.*\", \"access.*\", \"consent.*\"]",
    "world.hospitals=40",
    "world.load_tps=150",
    "people.share=0.0001",
    "run.warm_up_s=1",
    "run.window_s=2",
    "inject.replayed=0.05",
];

/// A run, and its ledger as the store keeps it.
struct Kept {
    point: Point,
    ledger: Vec<u8>,
}

fn simulated(scenario: &Scenario, keep_ledger: bool) -> Point {
    let (mut setup, placement) = {
        let options = systole::scenario::RunOptions { threads: 1, modelled: true, load_tps: None, timing: None };
        scenario.setup(world(), &options)
    };
    setup.keep_ledger = keep_ledger;
    simulate_setup(scenario, world(), (setup, placement), &mut Unwatched).unwrap_or_else(|error| panic!("{error}"))
}

/// Kept in a folder of its own, and read from there.
fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let scenario = regional(&SMALL);
        let point = simulated(&scenario, true);
        let host = HostFacts {
            wall_s: 1.0,
            events: 1,
            events_per_s: 1.0,
            sim_s_per_wall_s: 1.0,
            peak_rss_bytes: 0,
            threads: 1,
        };
        let summary = Summary::of(&scenario, world(), &point, host);
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = Store::new(root.path(), "test").keep(&scenario, &point, &summary).expect("it can be kept");
        let (manifest, _) = Store::read(&folder).expect("it was kept whole");
        assert!(manifest.files.contains_key(LEDGER_FILE));
        let ledger = std::fs::read(folder.join(LEDGER_FILE)).expect("the ledger is there");
        Kept { point, ledger }
    })
}

fn audit(ledger: &[u8], patient: Option<Patient>) -> Result<Audit, AuditError> {
    Audit::read(Cursor::new(ledger), patient)
}

#[test]
fn what_was_written_passes_and_says_what_the_run_counted() {
    let Kept { point, ledger } = kept();
    let audit = audit(ledger, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(audit.transactions, point.outcome.counts.in_effect_total);
    assert_eq!(audit.blocks, point.outcome.counts.blocks_total);
    let contracts = point.outcome.contracts.as_ref().expect("contracts run");
    let looks: u64 = contracts.looks.iter().sum();
    assert!(looks > 20 && audit.looks == looks, "{looks} looks, {} on the ledger", audit.looks);
    let of_records = |(kind, _): &(&KindSpec, &Decided)| kind.name.starts_with("record.");
    let decided = point.setup.kinds.iter().zip(&contracts.by_kind).filter(of_records);
    let records: u64 = decided.map(|(_, decided)| decided.all()).sum();
    assert!(records > 0 && audit.records == records, "{records} records, {} on the ledger", audit.records);
}

#[test]
fn keeping_the_ledger_changes_nothing_of_the_run() {
    let other = simulated(&regional(&SMALL), false);
    assert_eq!(other.outcome.digest, kept().point.outcome.digest);
    assert!(other.outcome.archive.is_none());
    let calendar = regional(&[&SMALL[..], &["consensus.protocol=calendar"]].concat());
    assert!(simulated(&calendar, true).outcome.archive.is_none(), "no contracts, no ledger");
}

/// A look: number, hospital, purpose, category and verdict.
type Told = (TxNumber, u32, String, String, String);

/// Every look of the stream that took effect, by patient, by number.
fn naive() -> BTreeMap<Patient, Vec<Told>> {
    let point = &kept().point;
    let archive = point.outcome.archive.as_ref().expect("it was kept");
    let said: BTreeMap<TxNumber, _> = archive.blocks().flat_map(|block| block.entries).copied().collect();
    let workload = modelled(&regional(&SMALL)).workload(false);
    let mut looks: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for slice in (0..workload.slices()).map(|index| workload.slice(index)) {
        for (tx, part) in slice.transactions.iter().zip(&slice.parts) {
            let Call::Access(AccessCall::Look { patient, purpose, category }) = part.call else { continue };
            let Some(verdict) = said.get(&tx.number) else { continue };
            let verdict = verdict.map_or_else(|refusal| refusal.name(), |()| "done");
            let look = [purpose.name(), category.name(), verdict].map(str::to_string);
            let [purpose, category, verdict] = look;
            looks.entry(patient).or_default().push((tx.number, tx.hospital.0, purpose, category, verdict));
        }
    }
    looks
}

#[test]
fn a_patients_looks_are_exactly_those_of_the_runs_own_stream() {
    let naive = naive();
    let ledger = &kept().ledger;
    let most = audit(ledger, None).expect("it passes").most_looked_at(5);
    assert!(most[0].1 > 1 && most.is_sorted_by(|a, b| a.1 >= b.1), "{most:?}");
    assert_eq!(most[0].1 as usize, naive.values().map(Vec::len).max().expect("there are looks"));
    let nobody = Patient { number: u32::MAX, ..most[0].0 };
    let asked = most.iter().map(|(patient, _)| *patient).chain(naive.keys().copied().step_by(9)).chain([nobody]);
    for patient in asked {
        let looks = audit(ledger, Some(patient)).expect("it passes").answer();
        let told = |look: &Look| {
            let Look { number, hospital, purpose, category, verdict, .. } = look.clone();
            (number, hospital.0, purpose, category, verdict)
        };
        let mut told: Vec<_> = looks.iter().map(told).collect();
        told.sort();
        assert_eq!(told, naive.get(&patient).cloned().unwrap_or_default(), "{patient:?}");
        assert!(looks.is_sorted_by_key(|look| look.height));
    }
}

/// Where the transaction around a position begins, and its number; and whether the position is within its body's digits.
fn transaction_at(ledger: &[u8], at: usize) -> Option<(u64, bool)> {
    let line_begins = ledger[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = std::str::from_utf8(ledger).expect("a ledger is text");
    let begins = line_begins + text[line_begins..at].rfind("{\"number\":")?;
    let digits: String = text[begins + 10..].chars().take_while(char::is_ascii_digit).collect();
    let body = begins + text[begins..].find("\"body\":\"").expect("each has a body") + 8;
    let end = body + text[body..].find('"').expect("it ends");
    Some((digits.parse().expect("digits"), (body..end).contains(&at)))
}

/// The number that an audit's error names.
fn named(error: &AuditError) -> Option<u64> {
    match error {
        AuditError::Broken(breach) => breach.suspect.as_ref().map(|suspect| suspect.number.0),
        AuditError::Malformed { near, .. } => *near,
        AuditError::Read(_) => None,
    }
}

#[test]
fn no_flipped_bit_goes_unseen_and_bodies_name_their_transaction() {
    const SEED: u64 = 20_261_122;
    println!("seed {SEED}");
    let mut ledger = kept().ledger.clone();
    let mut bodies = 0;
    // The last byte of all, and the first, beside random ones.
    let random = (0..200).map(|nth| (draw(SEED, Site::Inject, nth, 0, 0) % ledger.len() as u64) as usize);
    let places: Vec<usize> = random.chain([0, ledger.len() - 1]).collect();
    for (nth, at) in places.into_iter().enumerate() {
        let bit = draw(SEED, Site::Inject, nth as u64, 1, 0) % 8;
        let whose = transaction_at(&ledger, at);
        ledger[at] ^= 1 << bit;
        let error = audit(&ledger, None).expect_err("a flipped bit is seen");
        if let Some((number, true)) = whose {
            bodies += 1;
            assert_eq!(named(&error), Some(number), "byte {at}, bit {bit}: {error}");
        }
        ledger[at] ^= 1 << bit;
    }
    assert!(bodies > 100, "{bodies} in bodies");
    assert!(audit(&ledger, None).is_ok());
}

/// The audit's objection to a ledger in which the first `from` after the middle is `to`, and where that was.
fn altered(from: &str, to: &str) -> (Breach, u64) {
    let text = String::from_utf8(kept().ledger.clone()).expect("a ledger is text");
    let at = text.len() / 2 + text[text.len() / 2..].find(from).expect("it occurs in every ledger");
    let number = transaction_at(text.as_bytes(), at + 1).map_or(0, |(number, _)| number);
    let text = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
    match audit(text.as_bytes(), None) {
        Err(AuditError::Broken(breach)) => (*breach, number),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_altered_verdict_is_named_with_what_it_was_and_a_proof_of_the_transaction() {
    let (breach, number) = altered("\"verdict\":\"done\"", "\"verdict\":\"no_consent\"");
    assert!(breach.what.contains("given as no_consent, and the block says done"), "{breach}");
    let Suspect { number: named, committed, .. } = breach.suspect.expect("one verdict is found");
    assert_eq!(named.0, number);
    assert!(committed.is_some_and(|proof| proof.count > proof.index), "the transaction is in the block");
}

#[test]
fn each_field_of_a_header_is_told_apart() {
    let text = String::from_utf8(kept().ledger.clone()).expect("a ledger is text");
    let objections = [
        ("\"previous\":\"", "the previous digest"),
        ("\"transactions_root\":\"", "the transactions root"),
        ("\"verdicts_root\":\"", "the verdicts root"),
        ("\"state\":\"", "the header's digest"),
        ("\"digest\":\"", "the header's digest"),
    ];
    for (field, objection) in objections {
        let middle = text.len() / 2;
        let at = middle + text[middle..].find(field).expect("every block has it") + field.len();
        let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        let (breach, _) = altered(&text[at - field.len()..=at], &format!("{field}{digit}"));
        assert!(breach.what.starts_with(objection) && breach.suspect.is_none(), "{field} {breach}");
        assert!(breach.height.is_some());
    }
}

#[test]
fn a_line_taken_out_is_missed() {
    let text = String::from_utf8(kept().ledger.clone()).expect("a ledger is text");
    let lines: Vec<&str> = text.lines().collect();
    for gone in [0, 1, lines.len() / 2, lines.len() - 2, lines.len() - 1] {
        let rest: Vec<&str> = lines.iter().enumerate().filter(|(nth, _)| *nth != gone).map(|(_, line)| *line).collect();
        let rest = rest.join("\n") + "\n";
        assert!(audit(rest.as_bytes(), None).is_err(), "line {gone} of {} is gone", lines.len());
    }
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(2, 3);
        lines.join("\n") + "\n"
    };
    assert!(audit(swapped.as_bytes(), None).is_err());
}
