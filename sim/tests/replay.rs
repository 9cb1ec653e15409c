//! Traces replayed in whole runs: every line that is a transaction is hashed, signed, executed and committed once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use expect_test::expect;
use systole::base::{Digest, Span, Time};
use systole::engine::{Decided, Outcome, Setup};
use systole::health::{Call, Due, KindSpec, RecordCall, Refusal, Timetable, TraceSettings, TraceTimes};
use systole::ledger::Transaction;
use systole::scenario::{RunOptions, Scenario, WorldData};

use crate::runs::{regional, run};

const SYNTHEA: &str = "workload.trace=data/fhir/synthea";

/// A scenario with the data that it asks for.
struct Replayed {
    scenario: Scenario,
    world: WorldData,
}

impl Replayed {
    fn new(settings: &[&str]) -> Replayed {
        let scenario = regional(settings);
        let world = scenario.world().expect("the trace is good");
        Replayed { scenario, world }
    }

    /// Of a file with these lines.
    fn of_lines(lines: &[&str], settings: &[&str]) -> Replayed {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::write(folder.path().join("a.ndjson"), lines.join("\n")).expect("it is writable");
        Replayed::new(&[settings, &[&setting(folder.path())]].concat())
    }

    fn setup(&self, threads: usize, modelled: bool) -> Setup {
        self.scenario.setup(&self.world, &RunOptions { threads, modelled, load_tps: None, timing: None }).0
    }

    fn run(&self, threads: usize, modelled: bool) -> Outcome {
        run(&self.scenario, &self.setup(threads, modelled))
    }

    /// How many transactions of each kind were done, and refused for which reason.
    fn decided(&self) -> String {
        let outcome = self.run(1, true);
        let contracts = outcome.contracts.as_ref().expect("jolteon runs contracts");
        let told = contracts.by_kind.iter().zip(&self.world.kinds).filter(|(decided, _)| decided.all() > 0);
        let line = |(decided, kind): (&Decided, &KindSpec)| {
            let refused = Refusal::all().map(|reason| (decided.refused[reason as usize], reason.name()));
            let refused = refused.filter(|(count, _)| *count > 0).map(|(count, reason)| format!(", {count} {reason}"));
            format!("{}: {} done{}", kind.name, decided.done, refused.collect::<String>())
        };
        told.map(line).collect::<Vec<_>>().join("\n")
    }

    fn entries(&self) -> u64 {
        self.world.trace.as_ref().expect("it has a trace").entries.len() as u64
    }

    /// All that is submitted, and what it asks for, computed beside the engine.
    fn submitted(&self) -> Vec<(Transaction, Call)> {
        let replay = self.setup(0, true).workload(false);
        let slices = (0..replay.slices()).map(|index| replay.slice(index));
        slices
            .flat_map(|slice| slice.transactions.into_iter().zip(slice.parts.into_iter().map(|part| part.call)))
            .collect()
    }
}

fn setting(path: &Path) -> String {
    format!("workload.trace='{}'", path.display())
}

fn encounter(id: &str, at: &str) -> String {
    format!(
        r#"{{"resourceType":"Encounter","id":"{id}","subject":{{"reference":"Patient/1"}},"period":{{"start":"{at}"}}}}"#
    )
}

#[test]
fn the_shipped_export_is_hashed_signed_executed_and_committed_line_by_line() {
    let replayed = Replayed::new(&[SYNTHEA]);
    let trace = replayed.world.trace.as_ref().expect("it has a trace");
    assert_eq!((trace.counts.told, trace.counts.reference, trace.counts.malformed), (1_943, 45, 0));
    // Each of 206 explanations of benefit is a confirmation, too.
    assert_eq!(trace.entries.len(), 2_149);
    assert_eq!(trace.patients, 9);
    let outcome = replayed.run(2, false);
    assert_eq!(outcome.counts.submitted_total, 2_149);
    assert_eq!(outcome.counts.in_effect_total, 2_149);
    assert_eq!(outcome.real.executed, 2_149);
    let totals = outcome.real.totals;
    assert!(totals.signed >= 2_149 && totals.verified >= 2_149 && totals.hashed >= 2 * 2_149, "{totals:?}");
    let contracts = outcome.contracts.as_ref().expect("jolteon runs contracts");
    let done: u64 = contracts.by_kind.iter().map(|decided| decided.done).sum();
    let refused =
        |reason: Refusal| contracts.by_kind.iter().map(|decided| decided.refused[reason as usize]).sum::<u64>();
    assert_eq!(refused(Refusal::WrongParty) + refused(Refusal::UnknownPatient), 0);
    let records =
        trace.entries.iter().filter(|entry| replayed.world.kinds[usize::from(entry.kind)].name.starts_with("record."));
    assert!(done >= records.count() as u64, "{done} done");
    for (threads, modelled) in [(0, false), (1, false), (1, true)] {
        assert_eq!(replayed.run(threads, modelled).digest, outcome.digest, "{threads} threads, modelled: {modelled}");
    }
}

#[test]
fn payloads_are_the_lines_and_one_byte_of_a_line_changes_its_record_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("Encounter.ndjson");
    let shipped = crate::runs::workloads().join("data/fhir/synthea/Encounter.ndjson");
    let mut bytes = fs::read(shipped).expect("it is shipped");
    let replayed = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("it is writable");
        Replayed::new(&[&setting(&path)])
    };
    let before = replayed(&bytes);
    // A letter of a display text in the hundredth line.
    let line = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(98).expect("it has more").0;
    let display = b"\"display\":\"";
    let text = bytes[line..].windows(display.len()).position(|window| window == display).expect("lines have one");
    bytes[line + text + display.len()] ^= 1;
    let after = replayed(&bytes);
    let (old, new) = (before.submitted(), after.submitted());
    let changed: Vec<usize> = (0..old.len()).filter(|&nth| old[nth].0.id != new[nth].0.id).collect();
    assert_eq!((old.len(), changed.len()), (206, 1));
    let (mut was, mut is) = (old[changed[0]].0, new[changed[0]].0);
    (was.id, is.id) = (Digest::ZERO, Digest::ZERO);
    assert_eq!(was, is, "nothing but what the anchor commits to has changed");
    let payloads: u64 = old.iter().map(|(tx, _)| u64::from(tx.payload)).sum();
    assert_eq!(payloads, bytes.len() as u64 - 206, "all bytes but the ends of lines");
    assert_ne!(before.scenario.digest(&before.world), after.scenario.digest(&after.world), "the trace is an input");
}

#[test]
fn copies_are_about_other_people() {
    let (one, three) = (Replayed::new(&[SYNTHEA]), Replayed::new(&[SYNTHEA, "workload.copies=3"]));
    let patients = |replayed: &Replayed| -> BTreeSet<_> {
        let of = |call: &Call| match call {
            Call::Record(RecordCall::Anchor { patient, .. }) => Some(patient.number),
            _ => None,
        };
        replayed.submitted().iter().filter_map(|(_, call)| of(call)).collect()
    };
    assert_eq!((patients(&one).len(), patients(&three).len()), (9, 27));
    let outcome = three.run(1, true);
    assert_eq!(outcome.counts.in_effect_total, 3 * one.entries());
}

#[test]
fn the_shipped_events_replay_without_a_malformed_line() {
    let replayed = Replayed::new(&["workload.trace=data/epcis"]);
    replayed.world.strictly().expect("no line is malformed");
    let counts = replayed.world.trace.as_ref().expect("it has a trace").counts;
    assert_eq!((counts.told, counts.reference, replayed.entries()), (62, 13, 126), "75 lines");
    let outcome = replayed.run(1, true);
    assert_eq!(outcome.counts.in_effect_total, replayed.entries());
}

#[test]
fn of_a_shipment_everything_is_done() {
    let file = "workload.trace=data/epcis/gs1us_dscsa_seller_exchange1.events.ndjson";
    let expected = expect![[r#"
        pack.commission: 16 done
        pack.aggregate: 15 done
        pack.ship: 1 done"#]];
    expected.assert_eq(&Replayed::new(&[file]).decided());
}

#[test]
fn of_examples_most_is_done_and_what_is_told_again_is_refused() {
    let expected = expect![[r#"
        pack.commission: 5 done, 6 wrong_party, 2 done_before
        pack.aggregate: 2 done, 3 not_in_custody
        pack.ship: 4 done, 7 not_in_custody
        pack.receive: 14 done, 6 not_shipped
        pack.unpack: 1 done, 1 not_in_custody
        pack.verify: 23 done, 1 not_in_custody
        pack.sensor: 10 done
        pack.transform: 3 done, 3 wrong_party, 3 done_before"#]];
    expected.assert_eq(&Replayed::new(&["workload.trace=data/epcis/openepcis_epcis2_events.ndjson"]).decided());
}

#[test]
fn what_a_patient_was_billed_is_confirmed_and_decided() {
    let expected = expect![[r#"
        record.encounter: 206 done
        record.observation: 924 done
        record.procedure: 67 done
        record.diagnostic_report: 53 done
        record.condition: 59 done
        record.care_plan: 33 done
        rx.prescribe: 31 done
        immunization.record: 127 done
        claim.submit: 237 done
        claim.service_confirm: 206 done
        claim.adjudicate: 206 done"#]];
    expected.assert_eq(&Replayed::new(&[SYNTHEA]).decided());
}

#[test]
fn who_does_not_hold_a_unit_ships_it_in_vain() {
    let shipped = |day: u8, place: u8, to: u8| {
        format!(
            r#"{{"type":"ObjectEvent","eventTime":"2020-01-0{day}T00:00:00Z","bizStep":"shipping","epcList":["a"],
            "readPoint":{{"id":"urn:epc:id:sgln:{place}.0.0"}},"destinationList":[{{"type":"location",
            "destination":"urn:epc:id:sgln:{to}.0.0"}}]}}"#
        )
        .replace('\n', "")
    };
    // It is on its way to 2; neither 3 nor 2, who has not received it yet, can send it on.
    let lines = [shipped(1, 1, 2), shipped(2, 3, 4), shipped(3, 2, 3)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(Replayed::of_lines(&lines, &[]).decided(), "pack.ship: 1 done, 2 not_in_custody");
}

#[test]
fn times_are_compressed_kept_or_drawn_by_the_hour() {
    let lines = ["2020-01-01T10:00:00Z", "2020-01-01T10:00:02Z", "2020-01-01T10:00:03.5Z", "2020-01-02T10:00:00Z"];
    let lines: Vec<String> = lines.iter().zip(["a", "b", "c", "d"]).map(|(at, id)| encounter(id, at)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let table = |times| {
        let replayed = Replayed::of_lines(&lines, &[times]);
        replayed.setup(0, true).replay.expect("it has a trace")
    };
    let at = |times| table(times).due.iter().map(|due| due.at).collect::<Vec<Time>>();
    let kept = table("workload.times=kept");
    assert_eq!(kept.due.iter().map(|due| due.at.0 / 1_000_000).collect::<Vec<_>>(), [0, 2_000, 3_500]);
    assert_eq!(kept.not_replayed, 1);
    let compressed = at("workload.times=compressed");
    let end = Time::ZERO + Span::from_secs(6);
    assert_eq!((compressed[0], compressed[3]), (Time::ZERO, Time(end.0 - 1)));
    assert!(compressed[1].0.abs_diff(end.0 * 2 / 86_400) <= 1, "{compressed:?}");
    let diurnal = at("workload.times=diurnal");
    assert!(diurnal.is_sorted() && diurnal[2] != compressed[2] && diurnal[3] == compressed[3], "{diurnal:?}");
}

#[test]
fn what_is_drawn_by_the_hour_lies_within_the_hours_and_keeps_its_day() {
    let replayed = Replayed::new(&[SYNTHEA]);
    let trace = replayed.world.trace.clone().expect("it has a trace");
    // All of the work is done between eight and noon.
    let hours: Vec<[f64; 24]> = vec![std::array::from_fn(|hour| f64::from((8..12).contains(&hour))); 64];
    let (first, last) = (&trace.entries[0], &trace.entries[trace.entries.len() - 1]);
    let day = Span::from_secs(86_400);
    // A little more than a day for each, for scaling starts with the first entry and ends with the last.
    let until = Time::ZERO + day * (last.at.day() - first.at.day() + 1) as u64;
    let of = |times| {
        let settings = TraceSettings { seed: 1, times, copies: 1, until, hours: &hours };
        Timetable::new(trace.clone(), &settings).due
    };
    let widest = |due: &[Due], same_day: bool| {
        let pairs = due.windows(2).filter(|pair| {
            let [a, b] = [0, 1].map(|nth| trace.entries[pair[nth].entry as usize].at.day());
            (a == b) == same_day
        });
        let gaps = pairs.map(|pair| pair[1].at.since(pair[0].at).0 as f64 / day.0 as f64 * 24.0);
        gaps.fold((f64::MAX, 0.0f64), |(least, most), hours| (least.min(hours), most.max(hours)))
    };
    let (drawn, own) = (of(TraceTimes::Diurnal), of(TraceTimes::Kept));
    assert_eq!(drawn.len(), trace.entries.len());
    let first = drawn.iter().map(|due| due.entry).filter(|&entry| trace.entries[entry as usize].stage == 0);
    assert!(first.is_sorted(), "entries keep their order");
    assert!(widest(&drawn, true).1 <= 4.01, "within a day {:?} h", widest(&drawn, true));
    assert!(widest(&drawn, false).0 >= 19.9, "between days {:?} h", widest(&drawn, false));
    assert!(widest(&own, false).0 < 19.0, "the export's own times are closer: {:?} h", widest(&own, false));
}

#[test]
fn malformed_lines_are_left_out_counted_and_shown_and_strictly_an_error() {
    let good = encounter("a", "2020-01-01");
    let replayed = Replayed::of_lines(&[&good, "{", "", r#"{"resourceType":"Encouter","id":"1"}"#, &good], &[]);
    let trace = replayed.world.trace.as_ref().expect("it has a trace");
    assert_eq!((trace.entries.len(), trace.counts.malformed), (2, 2));
    let shown: Vec<String> = trace.malformed.iter().map(|line| line.to_string()).collect();
    assert!(shown[0].ends_with("a.ndjson:2: no JSON: EOF while parsing an object at line 1 column 1"), "{shown:?}");
    assert!(shown[1].ends_with("a.ndjson:4: unknown type `Encouter`"), "{shown:?}");
    let error = replayed.world.strictly().expect_err("it has malformed lines").to_string();
    assert_eq!(error, format!("{}; 2 such in all", shown[0]));
}

#[test]
fn malformed_lines_are_named_alike_from_wherever_a_scenario_is_run() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::create_dir(folder.path().join("traces")).expect("it is writable");
    let text = format!("{}\n{{\n", encounter("a", "2020-01-01"));
    fs::write(folder.path().join("traces").join("a.ndjson"), text).expect("it is writable");
    let data = crate::runs::workloads().join("data");
    let scenario = |trace: &str| format!("name = \"x\"\n[world]\ndata = {data:?}\n[workload]\ntrace = {trace:?}\n");
    let shown = |trace: &str| {
        let scenario = Scenario::parse("x.toml", &scenario(trace), folder.path(), &[]).expect("it is valid");
        let world = scenario.world().expect("it has a good line");
        world.trace.as_ref().expect("it has a trace").malformed[0].file.clone()
    };
    assert_eq!(shown("traces"), "traces/a.ndjson");
    assert_eq!(shown("traces/a.ndjson"), "traces/a.ndjson");
    assert_eq!(shown("./traces"), "./traces/a.ndjson");
}

#[test]
fn a_trace_of_nothing_or_nowhere_says_so() {
    let told = |path: &str| {
        let error = regional(&[&setting(Path::new(path))]).world().map(|_| ()).expect_err("it is no trace").to_string();
        error.rsplit_once(": ").map_or(String::new(), |(_, what)| what.to_string())
    };
    assert!(told("data/nowhere").contains("No such file"));
    assert_eq!(told("data"), "the folder has no .ndjson file");
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("a.ndjson"), "\n\n").expect("it is writable");
    assert_eq!(told(&folder.path().display().to_string()), "none of its lines is a transaction");
}
