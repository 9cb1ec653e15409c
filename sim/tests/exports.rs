//! Exports of stored results: they say what was measured, and nothing that was altered gets into them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;
use systole::experiment::{glossary, place_file};
use tempfile::TempDir;

use crate::product::{planted, regional_path, tree};

const GRID: [&str; 13] = [
    "--set=world.hospitals=12",
    "--set=run.warm_up_s=0.2",
    "--set=run.window_s=0.5",
    "--set=run.drain_s=5",
    "--vary",
    "consensus.protocol=jolteon,raft",
    "--load",
    "200",
    "--replicates",
    "3",
    "--modelled",
    "--quiet",
    "--out",
];

fn systole(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_systole")).args(args).output().expect("the binary runs")
}

fn good(args: &[&str]) -> Vec<u8> {
    let output = systole(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn bad(args: &[&str], code: i32) -> String {
    let output = systole(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert_eq!((said.lines().count(), output.stdout.len()), (1, 0), "{said}");
    said
}

/// A sweep of two cells with three replicates each.
fn swept() -> &'static Path {
    static SWEPT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = SWEPT.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("sweep");
        let scenario = regional_path();
        let out = folder.display().to_string();
        good(&[&["sweep", scenario.as_str()], &GRID[..], &[out.as_str()]].concat());
        (root, folder)
    });
    folder
}

/// A copy whose files may be altered.
fn copied() -> TempDir {
    planted(&tree(swept()))
}

fn rows() -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(swept().join("points.csv")).expect("the table is there");
    reader.deserialize().collect::<Result<_, _>>().expect("the table is whole")
}

fn export(format: &str, more: &[&str]) -> String {
    let folder = swept().display().to_string();
    let bytes = good(&[&["export", folder.as_str(), "--format", format], more].concat());
    String::from_utf8(bytes).expect("exports are text")
}

/// The histograms of a log, by tag.
fn log(text: &str) -> BTreeMap<String, hdrhistogram::Histogram<u64>> {
    let mut found = BTreeMap::new();
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let Ok(LogEntry::Interval(interval)) = entry else { continue };
        let tag = interval.tag().expect("every interval has a tag").as_str().to_string();
        let bytes = base64(interval.encoded_histogram());
        let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).expect("it is a histogram");
        assert!(found.insert(tag, histogram).is_none(), "a tag comes once");
    }
    found
}

/// Decodes base64 that is known to be some.
fn base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let of = |byte: u8| digits.iter().position(|&digit| digit == byte).expect("it is base64") as u32;
    let data = text.trim_end_matches('=').as_bytes();
    let decode = |group: &[u8]| {
        let word = group.iter().fold(0, |word, &byte| word << 6 | of(byte)) << (6 * (4 - group.len()));
        word.to_be_bytes()[1..group.len()].to_vec()
    };
    data.chunks(4).flat_map(decode).collect()
}

#[test]
fn tables_are_those_of_the_sweep() {
    let table = fs::read_to_string(swept().join("points.csv")).expect("the table is there");
    assert_eq!(export("csv", &[]), table);
    let half = export("csv", &["--where", "consensus.protocol=raft", "--where", "load_tps=200.0"]);
    assert_eq!(half.lines().count(), 4, "{half}");
    let out = tempfile::tempdir().expect("a temporary folder");
    let (folder, file) = (swept().display().to_string(), out.path().join("raft.csv").display().to_string());
    let chosen = ["export", &folder, "--format", "csv", "--where", "consensus.protocol=raft", "-o", &file];
    let said = String::from_utf8(good(&chosen)).expect("it is text");
    assert!(said.contains("csv of 3 points"), "{said}");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), half);
    let exported: Vec<Value> = serde_json::from_str(&export("json", &[])).expect("it is JSON");
    for (row, found) in rows().iter().zip(&exported) {
        for (column, text) in row {
            let same = match &found[column] {
                Value::Null => text.is_empty(),
                Value::String(word) => word == text,
                Value::Bool(flag) => flag.to_string() == *text,
                number => number.as_f64() == text.parse().ok(),
            };
            assert!(same, "{column}: {} and {text}", found[column]);
        }
        assert!(found["goodput_tps"].is_number() && found["id"].is_string() && found["slo_met"].is_boolean());
    }
    assert_eq!(exported.len(), 6);
}

#[test]
fn percentiles_are_those_of_all_replicates_together() {
    let (rows, logs) = (rows(), log(&export("hlog", &[])));
    let raft = log(&export("hlog", &["--where", "consensus.protocol=raft"]));
    let tag = "submit_to_reply";
    let merged = &raft[tag];
    assert_eq!(merged, &logs[&format!("consensus.protocol=raft;load_tps=200;{tag}")]);
    let ids = rows.iter().filter(|row| row["consensus.protocol"] == "raft").map(|row| &row["id"]);
    let mut sum = hdrhistogram::Histogram::<u64>::new(3).expect("three digits are valid");
    for id in ids {
        let path = swept().join("points").join(id).join("latency.hlog");
        let one = log(&fs::read_to_string(path).expect("it is text"));
        sum.add(&one[tag]).expect("it grows");
    }
    assert!(sum.len() > 100, "only {} transactions", sum.len());
    assert_eq!(merged, &sum);
    let markdown = export("markdown", &[]);
    let lines: Vec<Vec<&str>> = markdown.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    assert_eq!(lines.len(), 4, "{markdown}");
    let p99 = lines[0].iter().position(|name| *name == "p99, ms").expect("it is a column");
    assert_eq!(lines[3][1..4], ["raft", "200", "3"]);
    assert_eq!(lines[3][p99], format!("{:.0}", sum.value_at_quantile(0.99) as f64 / 1e3));
    let distribution = export("hgrm", &["--where", "consensus.protocol=raft"]);
    let total = distribution.lines().rev().find(|line| line.starts_with("#[Max")).expect("there is a footer");
    assert!(total.ends_with(&format!("{:>12}]", sum.len())), "{total}");
    let last = distribution.lines().rfind(|line| !line.starts_with('#')).expect("there are lines");
    let last: Vec<&str> = last.split_whitespace().collect();
    let max = format!("{:.3}", sum.max() as f64 / 1e3);
    assert_eq!(last, [max.as_str(), "1.000000000000", sum.len().to_string().as_str()]);
}

#[test]
fn what_cannot_be_exported_is_said_in_a_line() {
    let folder = swept().display().to_string();
    let asked = |more: &[&str]| bad(&[&["export", folder.as_str(), "--format", "hgrm"], more].concat(), 2);
    assert!(asked(&[]).contains("2 are left: choose one by --where, of consensus.protocol=jolteon|raft"));
    assert!(asked(&["--where", "consensus.protocol=pbft"]).contains("no point has consensus.protocol=pbft"));
    let unknown = asked(&["--where", "consensus.protocol=raft", "--histogram", "reply"]);
    assert!(unknown.contains("no histogram `reply`; there are: submit_to_commit,"), "{unknown}");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let empty = empty.path().display().to_string();
    assert!(bad(&["export", &empty, "--format", "csv"], 2).contains("holds neither manifest.json"));
}

#[test]
fn altered_and_swapped_files_are_named_and_not_exported() {
    let copy = copied();
    let ids: Vec<String> = rows().iter().map(|row| row["id"].clone()).collect();
    let (folder, target) = (copy.path().display().to_string(), copy.path().join("out.csv"));
    let out = target.display().to_string();
    let refused = || bad(&["export", &folder, "--format", "csv", "-o", &out], 1);
    let log = copy.path().join("points").join(&ids[2]).join("latency.hlog");
    let whole = fs::read(&log).expect("it is there");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&log, flipped).expect("it can be written");
    let said = refused();
    assert!(said.contains("1 of 6 points") && said.contains(&ids[2]), "{said}");
    fs::write(&log, whole).expect("it can be written");
    let [a, b] = [0, 1].map(|nth: usize| copy.path().join("points").join(&ids[nth]));
    let aside = copy.path().join("aside");
    let swap = || {
        fs::rename(&a, &aside)
            .and_then(|()| fs::rename(&b, &a))
            .and_then(|()| fs::rename(&aside, &b))
            .expect("they move");
    };
    swap();
    let said = refused();
    assert!(said.contains("2 of 6 points") && said.contains("is in its place"), "{said}");
    swap();
    let table = copy.path().join("points.csv");
    let text = fs::read_to_string(&table).expect("it is text");
    fs::write(&table, text.replacen("raft", "Raft", 1)).expect("it can be written");
    assert!(refused().contains("is not the table of the points in this folder"));
    assert!(!target.exists(), "nothing is written");
    fs::remove_file(&table).expect("it was there");
    good(&["export", &folder, "--format", "csv", "-o", &out]);
    assert_eq!(fs::read_to_string(&target).expect("it is there"), text);
}

#[test]
fn every_column_is_in_the_glossary() {
    let terms = glossary();
    let has = |file: &str, column: &str| terms.iter().any(|term| term.file == file && term.name == column);
    let columns = |path: PathBuf| {
        let mut reader = csv::Reader::from_path(&path).expect("the table is there");
        reader.headers().expect("it has a header").iter().map(str::to_string).collect::<Vec<_>>()
    };
    let missing = |file: &str, columns: Vec<String>| {
        let missing: Vec<String> = columns.into_iter().filter(|column| !has(file, column)).collect();
        assert!(missing.is_empty(), "sim/experiment/glossary.rs says nothing of {missing:?} in {file}");
    };
    let mut of_points = columns(swept().join("points.csv"));
    of_points.retain(|column| column != "consensus.protocol");
    missing("points.csv", of_points);
    let point = swept().join("points").join(&rows()[0]["id"]);
    missing("series.csv", columns(point.join("series.csv")));
    let summary = fs::read_to_string(point.join("summary.json")).expect("it is text");
    let summary: BTreeMap<String, Value> = serde_json::from_str(&summary).expect("it is an object");
    for key in summary.keys() {
        let known =
            |name: &str| name == key || name.starts_with(&format!("{key}.")) || name.starts_with(&format!("{key}["));
        assert!(terms.iter().any(|term| term.file == "summary.json" && known(&term.name)), "nothing is said of {key}");
    }
    assert!(terms.iter().all(|term| !term.meaning.is_empty()), "something means nothing");
    let page = String::from_utf8(good(&["glossary"])).expect("it is text");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("GLOSSARY.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        place_file(Path::new(env!("CARGO_MANIFEST_DIR")), "GLOSSARY.md", page.as_bytes()).expect("it can be written");
    }
    let committed = fs::read_to_string(committed).expect("it is there");
    assert!(page == committed, "GLOSSARY.md is not what `systole glossary` prints: run the tests with UPDATE_EXPECT=1");
}
