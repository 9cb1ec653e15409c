//! Limits of many variants: the folder ends the same however often the command is killed, and says what its searches found.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use systole::experiment::{Limits, Model};
use tempfile::TempDir;

use crate::product::{Tree, assert_holds, planted, text, tree, write_regional};
use crate::runs::workloads;

/// Eight short searches, in which the replicas' NICs bind.
const ARGS: [&str; 12] = [
    "--set=world.hospitals=12",
    "--set=run.drain_s=5",
    "--set=limit.from_tps=400",
    "--set=limit.precision_percent=30",
    "--set=limit.warm_up_s=0.5",
    "--set=limit.window_s=3",
    "--vary",
    "replica.egress_mbps=1,1.5,2,3",
    "--replicates",
    "2",
    "--quiet",
    "--out",
];
const SEARCHES: usize = 8;

fn command(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.arg("limit").arg(workloads().join("regional.toml")).args(ARGS).arg(out);
    command
}

fn limits(out: &Path, more: &[&str]) -> Output {
    command(out).args(more).output().expect("the binary runs")
}

/// What a command that must end with `code` says: on standard output if it is 0, else on standard error.
fn said(output: Output, code: i32) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    if code == 0 { text(&output.stdout) } else { error }
}

/// What an uninterrupted run writes.
fn whole() -> &'static Tree {
    static WHOLE: OnceLock<Tree> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("limits");
        let told = said(limits(&folder, &["--jobs", "2"]), 0);
        assert!(told.contains(&format!("computed {SEARCHES}, reused 0")), "{told}");
        tree(&folder)
    })
}

fn copied() -> TempDir {
    planted(whole())
}

fn assert_same(folder: &Path) {
    assert_holds(folder, whole());
}

fn read(folder: &Path) -> Limits {
    let bytes = fs::read(folder.join("limits.json")).expect("it is there");
    serde_json::from_slice(&bytes).expect("it is what was written")
}

/// Searches that are there, whole or not.
fn there(folder: &Path) -> usize {
    let entries = fs::read_dir(folder.join("searches")).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
}

fn wait_for_a_search(folder: &Path) {
    let began = Instant::now();
    while there(folder) < 1 {
        assert!(began.elapsed() < Duration::from_secs(120), "no search came");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn killed_and_resumed_it_ends_as_if_it_had_never_been() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("limits");
    let mut child = command(&folder).args(["--jobs", "1"]).stdout(Stdio::null()).spawn().expect("the binary runs");
    wait_for_a_search(&folder);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let kept = there(&folder);
    assert!((1..SEARCHES).contains(&kept), "{kept} searches are there");
    let some = tree(&folder).into_keys().find(|name| name.ends_with("limit.json")).expect("a search is there");
    let id = some.iter().nth(1).expect("it is in its folder").to_string_lossy().into_owned();
    fs::create_dir_all(folder.join("searches").join(format!(".{id}.12345"))).expect("it can be made");
    let told = said(limits(&folder, &[]), 0);
    assert!(told.contains(&format!("computed {}, reused {kept}", SEARCHES - kept)), "{told}");
    assert_same(&folder);
    let again: serde_json::Value =
        serde_json::from_str(&said(limits(&folder, &["--json"]), 0)).expect("it is JSON alone");
    assert_eq!((&again["computed"], &again["reused"]), (&0.into(), &SEARCHES.into()));
    assert_eq!(again["variants"][3]["varied"]["replica.egress_mbps"], "3");
    assert_same(&folder);
}

#[test]
fn limits_say_what_their_searches_found() {
    let copy = copied();
    let limits = read(copy.path());
    assert_eq!((limits.replicates, limits.variants.len()), (2, 4));
    let mut before = 0.0;
    for variant in &limits.variants {
        let (lower, upper) = (variant.lower_tps.expect("sustained"), variant.upper_tps.expect("not sustained"));
        let mean = variant.saturation_tps.expect("sustained").mean;
        let ends = |end: fn(&systole::experiment::Replicate) -> Option<f64>| variant.replicates.iter().filter_map(end);
        assert_eq!(ends(|search| search.lower_tps).reduce(f64::min), Some(lower));
        assert_eq!(ends(|search| search.upper_tps).reduce(f64::max), Some(upper));
        assert_eq!(ends(|search| search.lower_tps).sum::<f64>() / 2.0, mean);
        assert_eq!(variant.replicates.iter().map(|search| search.seed).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(variant.binding_resource, "replica_egress");
        assert!(variant.advice.contains("first raise replica.egress_mbps. Next is "), "{}", variant.advice);
        assert!(mean > before, "a faster NIC sustains more");
        before = mean;
    }
    let [fit] = &limits.fits[..] else { panic!("one key takes four numbers: {:?}", limits.fits) };
    let Model::Usl(usl) = &fit.model else { panic!("it grows: {}", fit.says) };
    let first = limits.variants[0].saturation_tps.expect("sustained").mean;
    assert!((usl.lambda_tps.value / first - 1.0).abs() < 0.3, "one unit does what the first variant does: {usl:?}");
    assert!(usl.sigma.value < 0.3 && usl.r_squared > 0.9 && fit.says.contains("from 1 to 3: λ = "), "{}", fit.says);
    let mut reader = csv::Reader::from_path(copy.path().join("limits.csv")).expect("the table is there");
    let rows: Vec<BTreeMap<String, String>> =
        reader.deserialize().collect::<Result<_, _>>().expect("the table is whole");
    assert_eq!(rows.iter().map(|row| row["replica.egress_mbps"].as_str()).collect::<String>(), "111.51.52233");
    for row in rows {
        let probes = copy.path().join("searches").join(&row["id"]).join("probes.csv");
        let probes = fs::read_to_string(probes).expect("the search is there");
        assert_eq!(probes.lines().count() - 1, row["probes"].parse::<usize>().expect("it is a number"));
        assert!(row["replica_egress_percent"].parse::<f64>().expect("it is a number") > 50.0);
    }
    for figure in ["saturation.svg", "usl.svg"] {
        let svg = fs::read_to_string(copy.path().join("fig").join(figure)).expect("it is drawn");
        assert!(svg.contains("egress_mbps") && svg.ends_with("</svg>\n"), "{figure}");
    }
}

#[test]
fn what_is_corrupt_is_reported_and_searched_again() {
    let copy = copied();
    let ids: Vec<String> = {
        let mut reader = csv::Reader::from_path(copy.path().join("limits.csv")).expect("the table is there");
        reader.records().map(|row| row.expect("the table is whole")[0].to_string()).collect()
    };
    let file = |nth: usize, name: &str| copy.path().join("searches").join(&ids[nth]).join(name);
    let flipped = |path: PathBuf| {
        let mut bytes = fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("it can be written");
    };
    flipped(file(1, "limit.json"));
    flipped(file(3, "probes.csv"));
    flipped(file(4, "manifest.json"));
    let output = limits(copy.path(), &[]);
    let told = text(&output.stderr);
    for (nth, id) in ids.iter().enumerate() {
        assert_eq!(told.contains(&format!("search {id} is corrupt")), [1, 3, 4].contains(&nth), "search {nth}: {told}");
    }
    assert!(said(output, 0).contains("computed 3, reused 5"));
    assert_same(copy.path());
}

#[test]
fn what_cannot_be_searched_is_refused_in_one_line() {
    let copy = copied();
    let refused = |more: &[&str], what: &str| {
        let told = said(limits(copy.path(), more), 2);
        assert!(told.contains(what) && told.lines().count() == 1, "{told}");
    };
    refused(&["--load", "1k,2k"], "--load: `limit` finds the load itself");
    refused(&["--vary", "world.load_tps=1,2"], "`limit` finds world.load_tps itself");
    refused(&["--vary", "consensus.protocol=jolteon,paxos"], "--vary consensus.protocol=paxos");
    refused(&["--set", "workload.trace=data/epcis"], "a trace has its own");
    refused(&["--set", "limit.window_s=4"], "`settings` is");
    assert_same(copy.path());
    fs::rename(copy.path().join("plan.json"), copy.path().join("sweep.json")).expect("it can be renamed");
    refused(&[], "its points were run, not searched");
}

#[test]
fn a_folder_of_searches_is_no_sweeps() {
    let copy = copied();
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.arg("sweep").arg(workloads().join("regional.toml")).args(["--quiet", "--out"]).arg(copy.path());
    let told = said(command.output().expect("the binary runs"), 2);
    assert!(told.contains("its points were searched, not run") && told.lines().count() == 1, "{told}");
    assert_same(copy.path());
}

#[test]
fn what_the_scenario_varies_is_searched_without_options() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("varied.toml");
    let sweep = "[sweep]\nreplicates = 2\n[sweep.vary]\n\"world.load_tps\" = [1, 2]\n";
    write_regional(&file, sweep);
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.arg("limit").arg(&file).args(["--quiet", "--out"]).arg(root.path().join("limits"));
    // Only many variants have a grid that may be refused.
    let told = said(command.output().expect("the binary runs"), 2);
    assert!(told.contains("`limit` finds world.load_tps itself"), "{told}");
}

#[test]
fn where_nothing_is_sustained_results_are_kept_and_the_exit_code_says_so() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("limits");
    let told = said(limits(&folder, &["--vary", "slo.deadline_ms=1"]), 4);
    assert!(
        told.contains("egress_mbps 1, deadline_ms 1: no load that was probed is sustained (2 of 2 searches)"),
        "{told}"
    );
    let limits = read(&folder);
    assert!(limits.variants.iter().all(|variant| variant.saturation_tps.is_none() && variant.upper_tps.is_some()));
    assert!(limits.fits[0].says.contains("nothing to fit"), "{}", limits.fits[0].says);
    assert!(folder.join("fig").join("saturation.svg").exists());
}

#[test]
fn interrupted_it_keeps_what_is_finished() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("limits");
    let mut command = command(&folder);
    let child = command.args(["--jobs", "1"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the binary runs");
    wait_for_a_search(&folder);
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.expect("there is a kill").success());
    let told = said(child.wait_with_output().expect("it ends"), 130);
    let kept = there(&folder);
    assert!(kept < SEARCHES && told.contains(&format!("computed {kept}, reused 0 of {SEARCHES} searches")), "{told}");
}

#[test]
fn a_broken_rule_stops_the_searches_and_can_be_seen_again() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("twins.toml").display().to_string();
    let twins: String = (0..2).map(|replica| format!("[[fault]]\nkind = \"twins\"\nreplica = {replica}\n")).collect();
    write_regional(Path::new(&file), &twins);
    let out = root.path().join("limits").display().to_string();
    let run = |verb: &str, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
        command.arg(verb).args(args).args(["--quiet", "--out", &out]);
        said(command.output().expect("the binary runs"), 5)
    };
    let grid = ["--vary", "consensus.protocol=qbft", "--replicates", "20", "--set", "limit.from_tps=400"];
    let told = run("limit", &[&[file.as_str(), "--set", "limit.window_s=4"], &grid[..]].concat());
    let (_, again) = told.trim_end().split_once("see it again: systole run ").expect("the command is there");
    let again: Vec<&str> = again.split(' ').map(|word| word.trim_matches('\'')).collect();
    let shown = run("run", &again);
    assert_eq!(shown.lines().next(), told.lines().next());
}
