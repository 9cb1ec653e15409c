//! Traces for ui.perfetto.dev: they are well-formed, they agree with what the run counted, and they change nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::rc::Rc;

use serde_json::Value;
use systole::base::{NodeId, Time};
use systole::engine::{self, Control, Progress, Sight, Witness};

use crate::product::write_regional;
use crate::runs::{modelled, regional, run_modelled, workloads};

/// A short run of a small world.
const SHORT: [&str; 5] =
    ["world.hospitals=12", "world.load_tps=100", "run.warm_up_s=0.5", "run.window_s=1", "run.drain_s=5"];

/// Sees everything, and counts it.
struct Everyone(Rc<Cell<u64>>, Time);

impl Witness for Everyone {
    fn sees(&self, _: NodeId) -> bool {
        true
    }

    fn see(&mut self, now: Time, _: &Sight<'_>) {
        assert!(self.1 <= now, "virtual time goes back from {:?} to {now:?}", self.1);
        self.1 = now;
        self.0.set(self.0.get() + 1);
    }
}

struct Watched(Rc<Cell<u64>>);

impl Control for Watched {
    fn proceed(&mut self, _: &Progress) -> bool {
        true
    }

    fn witness(&mut self) -> Option<Box<dyn Witness>> {
        Some(Box::new(Everyone(self.0.clone(), Time::ZERO)))
    }
}

#[test]
fn a_witness_changes_nothing() {
    for settings in [
        &["consensus.protocol=jolteon"][..],
        &["consensus.protocol=bullshark", "consensus.dissemination=certified"],
        &[
            "consensus.replicas=8",
            "consensus.protocol=sharded",
            "protocol.sharded.shards=2",
            "protocol.sharded.cross_percent=20",
        ],
        &["consensus.protocol=calendar", "consensus.dissemination=kept"],
        &["consensus.protocol=pbft", "link.loss_percent=1", "consensus.replicas=7"],
    ] {
        let scenario = regional(&[&SHORT[..], settings].concat());
        let sights = Rc::new(Cell::new(0));
        let file = &scenario.file;
        let control = &mut Watched(sights.clone());
        let seen = engine::run(file.consensus.protocol, &file.protocols, &modelled(&scenario), control);
        let seen = seen.unwrap_or_else(|error| panic!("{settings:?}: {error}"));
        let unseen = run_modelled(&scenario);
        assert_eq!((seen.digest, seen.events), (unseen.digest, unseen.events), "{settings:?}");
        assert!(sights.get() > 1_000, "{settings:?}: only {} sights", sights.get());
    }
}

fn systole(verb: &str, scenario: &Path, settings: &[&str], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.arg(verb).arg(scenario).args(more);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.output().expect("the binary runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it is JSON alone")
}

/// An event, its times in nanoseconds.
struct Event {
    ph: String,
    name: String,
    category: String,
    process: u64,
    thread: u64,
    from: u64,
    until: u64,
    id: Option<u64>,
}

fn nanos(micros: &Value) -> u64 {
    (micros.as_f64().unwrap_or_default() * 1e3).round() as u64
}

impl Event {
    fn of(event: &Value) -> Event {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_string();
        let number = |key: &str| event[key].as_u64().expect("processes and threads are numbers");
        let from = nanos(&event["ts"]);
        Event {
            ph: text("ph"),
            name: text("name"),
            category: text("cat"),
            process: number("pid"),
            thread: number("tid"),
            from,
            until: from + nanos(&event["dur"]),
            id: event["id"].as_u64(),
        }
    }
}

/// A trace that was read: names of processes and of threads, and events.
struct Read {
    processes: BTreeMap<u64, String>,
    threads: BTreeMap<u64, String>,
    events: Vec<Event>,
}

impl Read {
    fn of(path: &Path) -> Read {
        let bytes = std::fs::read(path).expect("the trace is there");
        let trace: Value = serde_json::from_slice(&bytes).expect("a trace is JSON");
        let all = trace["traceEvents"].as_array().expect("it has events");
        let (mut processes, mut threads) = (BTreeMap::new(), BTreeMap::new());
        for event in all.iter().filter(|event| event["ph"] == "M") {
            let name = event["args"]["name"].as_str().unwrap_or_default().to_string();
            match event["name"].as_str() {
                Some("process_name") => drop(processes.insert(event["pid"].as_u64().unwrap_or_default(), name)),
                Some("thread_name") => drop(threads.insert(event["tid"].as_u64().unwrap_or_default(), name)),
                _ => {}
            }
        }
        let events = all.iter().filter(|event| event["ph"] != "M").map(Event::of).collect();
        Read { processes, threads, events }
    }

    /// Work by thread, in order; every piece lies after the one before.
    fn work(&self) -> BTreeMap<u64, Vec<&Event>> {
        let mut work = BTreeMap::<u64, Vec<&Event>>::new();
        for event in self.events.iter().filter(|event| event.ph == "X") {
            assert!(self.threads.contains_key(&event.thread), "{} is at no named thread", event.name);
            work.entry(event.thread).or_default().push(event);
        }
        for (thread, pieces) in &mut work {
            pieces.sort_by_key(|piece| piece.from);
            for pair in pieces.windows(2) {
                let [a, b] = [pair[0], pair[1]];
                assert!(a.until <= b.from, "{} works on {} and {} at once", self.threads[thread], a.name, b.name);
            }
        }
        work
    }

    /// Whether messages end where they began, and both ends lie in work of a NIC.
    /// Those that left before `settled` ns must have arrived by the end of what is shown.
    fn check_messages(&self, settled: u64) -> usize {
        let work = self.work();
        let within = |event: &Event| {
            let pieces = &work[&event.thread];
            let next = pieces.partition_point(|piece| piece.from <= event.from);
            next > 0 && event.from < pieces[next - 1].until
        };
        let of = |ph: &str| -> BTreeMap<u64, &Event> {
            let events = self.events.iter().filter(|event| event.ph == ph);
            events.map(|event| (event.id.expect("a message has a number"), event)).collect()
        };
        let (starts, ends) = (of("s"), of("f"));
        for (id, end) in &ends {
            let start = starts.get(id).unwrap_or_else(|| panic!("message {id} ends and never began"));
            assert!(start.from < end.from && start.process != end.process, "message {id}");
            assert!(within(start) && within(end), "message {id} has an end outside work");
        }
        for (id, start) in starts.iter().filter(|(_, start)| start.from < settled) {
            assert!(ends.contains_key(id), "message {id}, sent at {} ns, never arrives", start.from);
        }
        ends.len()
    }

    /// Busy time by process, of the threads with a name.
    fn busy(&self, thread: &str) -> BTreeMap<u64, u64> {
        let mut busy = BTreeMap::new();
        for (id, pieces) in self.work().into_iter().filter(|(id, _)| self.threads[id].starts_with(thread)) {
            let sum: u64 = pieces.iter().map(|piece| piece.until - piece.from).sum();
            *busy.entry(pieces.first().map_or(id, |piece| piece.process)).or_default() += sum;
        }
        busy
    }
}

/// Mean and maximum over replicas that a summary says, in millionths, as [`Read::busy`] makes them.
fn reconcile(read: &Read, summary: &Value, thread: &str, resource: &str, servers: u64, window_ns: u64) {
    let replicas = read.processes.iter().filter(|(_, name)| name.starts_with("replica"));
    let busy = read.busy(thread);
    let of = |id: &u64| busy.get(id).copied().unwrap_or(0) * 1_000_000 / (window_ns * servers);
    let ppm: Vec<u64> = replicas.map(|(id, _)| of(id)).collect();
    let told = &summary["utilisation"][resource];
    let told = ["mean", "max"].map(|key| (told[key].as_f64().expect("a share") * 1e6).round() as u64);
    let mean = ppm.iter().sum::<u64>() / ppm.len() as u64;
    assert_eq!([mean, ppm.iter().copied().max().unwrap_or(0)], told, "{resource}: {ppm:?}");
    assert!(mean > 0, "{resource} did nothing");
}

#[test]
fn work_adds_up_to_what_the_run_counted() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (scenario, file) = (workloads().join("regional.toml"), root.path().join("trace.json"));
    for settings in [
        &["consensus.protocol=jolteon"][..],
        &["consensus.protocol=mysticeti", "link.loss_percent=1"],
        &["consensus.protocol=tusk", "consensus.dissemination=certified"],
    ] {
        let settings = [&SHORT[..], settings].concat();
        let path = file.display().to_string();
        let said = systole("trace", &scenario, &settings, &["--window", "1s", "-o", &path, "--json", "--quiet"]);
        let said = json(&said);
        let out = root.path().join("results").display().to_string();
        let summary = systole("run", &scenario, &settings, &["--json", "--quiet", "--modelled", "--out", &out]);
        let summary = json(&summary);
        let read = Read::of(&file);
        assert_eq!((said["from_s"].as_f64(), said["until_s"].as_f64()), (Some(0.5), Some(1.5)));
        assert_eq!(read.processes.len(), 8, "{:?}", read.processes);
        assert_eq!(read.events.len() as u64, said["events"].as_u64().expect("a count"));
        assert_eq!(std::fs::metadata(&file).expect("it is there").len(), said["bytes"].as_u64().expect("a count"));
        let within = |event: &Event| 500_000_000 <= event.from && event.until <= 1_500_000_000;
        assert!(read.events.iter().all(within), "something lies outside the window");
        reconcile(&read, &summary, "protocol core", "protocol_core", 1, 1_000_000_000);
        reconcile(&read, &summary, "execution core", "execution_core", 1, 1_000_000_000);
        reconcile(&read, &summary, "egress NIC", "replica_egress", 1, 1_000_000_000);
        reconcile(&read, &summary, "ingress NIC", "replica_ingress", 1, 1_000_000_000);
        let cores = read.threads.iter().filter(|(id, name)| **id < 20_000 && name.starts_with("crypto")).count();
        reconcile(&read, &summary, "crypto core", "crypto_cores", cores as u64, 1_000_000_000);
        // A message takes half a second at most, also one that is lost and sent again: it arrives within the window.
        assert!(read.check_messages(1_000_000_000) > 50);
        let commits = read.events.iter().filter(|event| event.category == "commit").count();
        let views = read.events.iter().filter(|event| event.category == "view").count();
        assert!(commits >= 4 && views >= 4, "{commits} commits and {views} views");
    }
}

#[test]
fn a_crash_cuts_work_short_and_is_shown() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (scenario, file) = (root.path().join("crash.toml"), root.path().join("trace.json"));
    let crash = "[[fault]]\nkind = \"crash\"\nreplica = 1\nat_s = 1\nrestart_s = 1.3\n";
    write_regional(&scenario, crash);
    let path = file.display().to_string();
    // One slow core has always something left to do.
    let slow = ["replica.crypto_cores=1", "world.load_tps=80000", "run.weight=40", "consensus.protocol=raft"];
    let settings = [&SHORT[..], &slow].concat();
    let said = json(&systole("trace", &scenario, &settings, &["-o", &path, "--json", "--quiet", "--window", "1500ms"]));
    assert!(said["nodes"].as_array().is_some_and(|nodes| nodes.len() == 8), "{said}");
    let read = Read::of(&file);
    // What is sent to a crashed replica does not arrive.
    assert!(read.check_messages(0) > 50);
    let down = |event: &&Event| event.process == 2 && event.ph == "X" && event.from < 1_300_000_000;
    let last = read.events.iter().filter(down).map(|event| event.until).max();
    assert_eq!(last, Some(1_000_000_000), "its core was busy until it stopped");
    let faults: Vec<(&str, u64)> = read
        .events
        .iter()
        .filter(|event| event.category == "fault")
        .map(|event| (event.name.as_str(), event.from))
        .collect();
    assert_eq!(faults, [("crashed", 1_000_000_000), ("restarted", 1_300_000_000)]);
    assert!(read.events.iter().any(|event| event.category == "timeout"), "a timer runs out");
}

#[test]
fn a_trace_that_is_too_large_leaves_nothing() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (scenario, file) = (workloads().join("regional.toml"), root.path().join("trace.json"));
    let path = file.display().to_string();
    let settings = [&SHORT[..], &["world.load_tps=3000"]].concat();
    let trace =
        |more: &[&str]| systole("trace", &scenario, &settings, &[&["-o", path.as_str(), "--quiet"], more].concat());
    let refused = trace(&["--max-mib", "1"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("would pass 1 MiB") && said.contains("--window") && said.lines().count() == 1, "{said}");
    assert_eq!(root.path().read_dir().expect("it is a folder").count(), 0, "nothing is left");
    assert!(trace(&["--max-mib", "1", "--force"]).status.success());
    assert!(Read::of(&file).events.len() > 1_000);
    let late = trace(&["--from", "100s"]);
    assert_eq!(late.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&late.stderr).contains("ends at 6.5 s at the latest"));
    let nowhere = root.path().join("none/trace.json").display().to_string();
    let unwritable = systole("trace", &scenario, &SHORT, &["-o", &nowhere, "--quiet"]);
    assert_eq!(unwritable.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unwritable.stderr).contains(&nowhere));
}
