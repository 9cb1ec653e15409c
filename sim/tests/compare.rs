//! `systole compare`: the same designs from a grid that is run and from folders; what is damaged or makes no sense is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use serde_json::Value;
use systole::crypto::CostTable;
use systole::engine::Unwatched;
use systole::experiment::{HostFacts, Summary, simulate};
use systole::scenario::RunOptions;
use tempfile::TempDir;

use crate::product::{bad_line, good, plant, regional_path, run, tree};
use crate::runs::{regional, workloads, world};

const TINY: [&str; 7] = [
    "--set=world.hospitals=12",
    "--set=run.warm_up_s=0.2",
    "--set=run.window_s=0.5",
    "--set=run.drain_s=5",
    "--set=batch.max_delay_ms=50",
    "--modelled",
    "--quiet",
];

/// Compares two protocols under two loads, three runs each, in `folder`.
fn grid(folder: &Path, more: &[&str]) -> Output {
    let (scenario, out) = (regional_path(), folder.display().to_string());
    let grid = ["--vary", "consensus.protocol=jolteon,raft", "--load", "60,120", "--replicates", "3", "--out", &out];
    run("compare", &[&[scenario.as_str()][..], &TINY, &grid, more].concat())
}

/// A folder in which that was run, and what was said.
fn whole() -> &'static (TempDir, String) {
    static WHOLE: OnceLock<(TempDir, String)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary folder");
        let said = good(grid(&root.path().join("sweep"), &[]));
        (root, said)
    })
}

fn folder() -> PathBuf {
    whole().0.path().join("sweep")
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).expect("it is JSON alone")
}

#[test]
fn the_table_says_it_all_in_what_a_terminal_is_wide() {
    let said = &whole().1;
    assert!(said.lines().all(|line| line.chars().count() <= 120), "{said}");
    for part in [
        "2 designs, 3 runs of each",
        "goodput at SLO, tx/s",
        "to_visible p99",
        "all copies, TB/year",
        "1 of 4 lying",
        "1 of 4 crashed",
        "Differences from jolteon",
        "Recommendation\nChoose jolteon.",
        "stands crashes and no lies (1 of 4)",
        "0.0425 USD a vCPU-hour",
        "computed 12, reused 0",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let md = good(run("compare", &[&folder().display().to_string(), "--md"]));
    assert!(md.contains(" Service |") && md.contains("### Recommendation\n\nChoose jolteon."), "{md}");
}

#[test]
fn folders_say_what_the_grid_said_and_prices_run_nothing_again() {
    // Two processes must not run one sweep in one folder: other tests read the first.
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("sweep");
    plant(&tree(&self::folder()), &folder);
    let again = json(&good(grid(&folder, &["--json"])));
    assert_eq!((&again["computed"], &again["reused"]), (&0.into(), &12.into()));
    let path = folder.display().to_string();
    let stored = json(&good(run("compare", &[&path, "--json"])));
    assert_eq!(stored["designs"], again["designs"]);
    assert_eq!(stored["advice"], again["advice"]);
    assert_eq!(stored["compared_at"]["load_tps"], 120.0);
    let dear = json(&good(grid(&folder, &["--json", "--set=prices.vcpu_hour=0.085"])));
    assert_eq!((&dear["computed"], &dear["reused"]), (&0.into(), &12.into()));
    let machines = |of: &Value| of["designs"][0]["cost_per_million_tx"]["machines"]["mean"].as_f64();
    let (twice, once) = (machines(&dear).expect("a number"), machines(&stored).expect("a number"));
    assert!((twice / once - 2.0).abs() < 1e-9, "{twice} {once}");
    let prices = root.path().join("prices.toml");
    fs::write(&prices, "[prices]\ncurrency = \"EUR\"\nvcpu_hour = 0.085\n").expect("it can be written");
    let prices = prices.display().to_string();
    let said = json(&good(run("compare", &[&path, "--json", "--prices", &prices])));
    assert_eq!((machines(&said), &said["prices"]["currency"]), (Some(twice), &"EUR".into()));
    fs::write(&prices, "[prices]\nvcpu = 1\n").expect("it can be written");
    assert!(bad_line(run("compare", &[&path, "--prices", &prices]), 2).contains("unknown key `vcpu`"));
}

#[test]
fn points_of_runs_are_designs_too_and_single_runs_tell_nothing() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let out = root.path().display().to_string();
    let scenario = regional_path();
    let point = |more: &[&str]| {
        let said = json(&good(run("run", &[&[scenario.as_str(), "--out", &out, "--json"][..], &TINY, more].concat())));
        let folders = fs::read_dir(root.path().join("regional")).expect("there is one").flatten();
        let digest = said["digest"].as_str().expect("it has one").to_string();
        let is_it = |path: &PathBuf| {
            fs::read_to_string(path.join("manifest.json")).is_ok_and(|manifest| manifest.contains(&digest))
        };
        folders.map(|entry| entry.path()).find(is_it).expect("it is kept").display().to_string()
    };
    let [one, two] = [point(&[]), point(&["--set=consensus.protocol=raft"])];
    let said = good(run("compare", &[&one, &two]));
    assert!(said.contains("2 designs, 1 run of each\n") && said.contains("single run"), "{said}");
    assert!(said.contains("No recommendation\n") && said.contains("Add --replicates 5."), "{said}");
    let other = point(&["--set=seed=8"]);
    let found = json(&good(run("compare", &[&one, &two, &other, "--json"])));
    let names: Vec<&Value> = found["designs"].as_array().expect("a list").iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["jolteon", "raft"], "two seeds are one design");
    assert_eq!(found["designs"][0]["replicates"], 2);
    assert!(bad_line(run("compare", &[&one, &one]), 2).contains("name each once"));
    let table = root.path().join("costs.toml");
    let costs = format!("--set=crypto.costs={}", table.display());
    let [before, after] = [2, 10].map(|times| {
        let reference = CostTable::reference();
        let changed = CostTable { sign_ns: times * reference.sign_ns, ..reference };
        fs::write(&table, changed.to_toml()).expect("it can be written");
        point(&[&costs])
    });
    let said = bad_line(run("compare", &[&one, &before, &after]), 2);
    assert!(said.contains(&before) && said.contains(&after) && said.contains("not the same run"), "{said}");
    assert!(bad_line(run("compare", &[&one]), 2).contains("jolteon alone has nothing to be compared with"));
}

#[test]
fn what_makes_no_sense_is_named_before_anything_runs() {
    let (scenario, path) = (regional_path(), folder().display().to_string());
    let said = |args: &[&str]| bad_line(run("compare", args), 2);
    assert!(said(&[&scenario]).contains("jolteon alone has nothing to be compared with: vary a key"));
    assert!(said(&[&path, "--vary", "consensus.replicas=4,7"]).contains("--vary goes with a scenario file"));
    assert!(said(&[&path, "--set", "seed=1"]).contains("--set goes with a scenario file"));
    assert!(said(&[&scenario, &path]).contains("one scenario alone, or folders of results alone"));
    assert!(said(&["/nowhere"]).contains("/nowhere: there is no such folder; give a sweep's folder"));
    assert!(said(&["/nowhere.toml", "--vary", "seed=1,2"]).contains("/nowhere.toml: cannot read"));
    assert!(said(&[&workloads().display().to_string()]).contains("there are no results in this folder"));
    assert!(said(&[&path, "--at", "60,120"]).contains("--at takes one load"));
    assert!(said(&[&path, "--at", "70"]).contains("loads of all: 60.0, 120"));
    assert!(said(&[&path, "--baseline", "pbft"]).contains("no design `pbft` to compare with, but: jolteon; raft"));
    assert!(said(&[&scenario, "--vary", "prices.egress_gb=1,2"]).contains("it is no part of a point"));
    assert!(
        said(&[&scenario, "--set=prices.egress_gb=-1", "--vary", "seed=1,2"]).contains("`prices.egress_gb` must be")
    );
    let designs = ["--vary", "consensus.protocol=jolteon,raft", "--load", "60,120"];
    let grid = |more: &[&str]| said(&[&[scenario.as_str()][..], &designs, more].concat());
    assert!(grid(&["--baseline", "pbft"]).contains("no design `pbft` to compare with, but: jolteon; raft"));
    // What designs have in common need be no scenario by itself.
    let common = ["--set=consensus.dissemination=certified", "--vary", "consensus.protocol=tusk,bullshark"];
    let said_of_both = said(&[&[scenario.as_str(), "--baseline", "pbft"][..], &common].concat());
    assert!(said_of_both.contains("but: tusk; bullshark"), "{said_of_both}");
    assert!(grid(&["--at", "70"]).contains("loads of all: 60.0, 120"));
    assert!(grid(&["--prices", "p.toml", "--set=prices.egress_gb=1"]).contains("prices are those of --prices p.toml"));
}

#[test]
fn what_is_damaged_is_named_with_the_point_to_run_again() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let copy = root.path().join("sweep");
    plant(&tree(&folder()), &copy);
    let path = copy.display().to_string();
    let points: Vec<PathBuf> =
        fs::read_dir(copy.join("points")).expect("there are points").flatten().map(|entry| entry.path()).collect();
    let id = |nth: usize| points[nth].file_name().expect("it has one").to_string_lossy().into_owned();
    let summary = points[0].join("summary.json");
    let whole = fs::read(&summary).expect("it is there");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&summary, flipped).expect("it can be written");
    let said = bad_line(run("compare", &[&path]), 1);
    assert!(said.contains("1 of 12 points") && said.contains(&id(0)) && said.contains("run the point again"), "{said}");
    fs::write(&summary, whole).expect("it can be written");
    // A whole point in the place of another.
    fs::rename(&points[1], root.path().join("aside")).expect("it can be moved");
    plant(&tree(&points[2]), &points[1]);
    let said = bad_line(run("compare", &[&path]), 1);
    assert!(said.contains(&id(1)) && !said.contains(&format!("{} (", id(2))), "{said}");
    fs::remove_dir_all(&points[1]).expect("it can be removed");
    assert!(bad_line(run("compare", &[&path]), 1).contains(&format!("{} (missing)", id(1))));
    let sheet = copy.join("sweep.json");
    let plan = fs::read_to_string(&sheet).expect("it is text");
    fs::write(&sheet, plan.replacen("raft", "pbft", 1)).expect("it can be written");
    assert!(bad_line(run("compare", &[&path]), 1).contains("sweep.json: is not what was written"));
}

fn summary(settings: &[&str]) -> Summary {
    let short = ["world.hospitals=20", "world.load_tps=200", "run.warm_up_s=0.5", "run.window_s=2"];
    let scenario = regional(&[&short[..], settings].concat());
    let options = RunOptions { threads: 1, modelled: true, load_tps: None, timing: None };
    let point = simulate(&scenario, world(), &options, &mut Unwatched).expect("nothing is broken");
    Summary::of(&scenario, world(), &point, HostFacts::default())
}

#[test]
fn usage_agrees_with_utilisation_and_with_what_was_sent() {
    let found = summary(&[]);
    let usage = found.usage.as_ref().expect("it is measured");
    let (replicas, window_s) = (f64::from(found.replicas), usage.window_s);
    let of = |resource: &str, cores: f64| found.utilisation[resource].mean * cores * replicas * window_s;
    for (measured, derived) in [
        (usage.protocol_core_s, of("protocol_core", 1.0)),
        (usage.execution_core_s, of("execution_core", 1.0)),
        (usage.crypto_core_s, of("crypto_cores", f64::from(usage.cores) - 2.0)),
    ] {
        // Utilisation is kept in millionths.
        assert!(
            (measured - derived).abs() <= 1e-6 * f64::from(usage.cores) * replicas * window_s,
            "{measured} {derived}"
        );
    }
    let sent = found.bytes_per_tx * found.throughput_tps * window_s;
    let egress = usage.egress_bytes as f64;
    assert!(egress < sent && egress > 0.5 * sent, "hospitals send the lesser part: {egress} of {sent}");
    assert_eq!(usage.ledger_copies_bytes, usage.ledger_bytes * u64::from(found.replicas));
    assert!((100.0..2_000.0).contains(&usage.ledger_bytes_per_tx), "{}", usage.ledger_bytes_per_tx);
}

#[test]
fn what_is_stored_and_stood_follows_from_the_design() {
    let of = |settings: &[&str]| {
        let Summary { usage, stands, .. } = summary(settings);
        (usage.expect("it is measured"), stands.expect("it is noted"))
    };
    let (jolteon, raft) = (of(&[]), of(&["consensus.protocol=raft"]));
    // The same contents; certificates of three signatures on each block, and none.
    assert!(jolteon.0.ledger_bytes_per_tx > raft.0.ledger_bytes_per_tx);
    assert_eq!((jolteon.1.faults.as_str(), jolteon.1.replicas, jolteon.1.of), ("byzantine", 1, 4));
    assert_eq!((raft.1.faults.as_str(), raft.1.replicas), ("crash", 1));
    // Resources on the ledger are stored on it.
    let heavy = of(&["ledger.payload=on_ledger"]);
    assert!(heavy.0.ledger_bytes_per_tx > 2.0 * jolteon.0.ledger_bytes_per_tx);
    // Contents stay with one gateway each.
    let (calendar, stands) = of(&["consensus.protocol=calendar"]);
    assert!(calendar.ledger_copies_bytes < 4 * calendar.ledger_bytes && stands.faults == "none");
}
