//! The regression gate: silent where nothing changed, and exit code 3 for whatever did, through the product.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use systole::crypto::CostTable;
use systole::experiment::regress::{Baseline, Verdict};
use tempfile::TempDir;

use crate::product::{bad_line, good, text};
use crate::runs::workloads;

/// Two short cases, not blessed yet.
fn cases() -> String {
    let case = |protocol: &str| {
        let settings = [
            format!("consensus.protocol={protocol}"),
            "world.hospitals=12".into(),
            "world.load_tps=100".into(),
            "run.warm_up_s=0.2".into(),
            "run.window_s=0.8".into(),
            "run.drain_s=4".into(),
        ];
        serde_json::json!({ "scenario": workloads().join("regional.toml"), "settings": settings })
    };
    serde_json::json!({ "schema_version": 1, "cases": { "one": case("jolteon"), "two": case("raft") } }).to_string()
}

/// A folder with a blessed baseline.
struct Folder(TempDir);

impl Folder {
    fn blessed() -> Folder {
        static BLESSED: OnceLock<String> = OnceLock::new();
        let text = BLESSED.get_or_init(|| {
            let folder = Folder::with(&cases());
            good(folder.run(&["--bless"]));
            fs::read_to_string(folder.baseline()).expect("it is text")
        });
        Folder::with(text)
    }

    fn with(text: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a temporary folder"));
        fs::write(folder.baseline(), text).expect("it can be written");
        folder
    }

    fn baseline(&self) -> PathBuf {
        self.0.path().join("baseline.json")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join("out").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
        command.arg("regress").arg("--baseline").arg(self.baseline()).arg("--out").arg(self.out(""));
        command.args(["--quiet", "--rounds", "1"]).args(args).env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Changes the baseline.
    fn alter(&self, alter: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.baseline()).expect("it is text");
        let mut value = serde_json::from_str(&text).expect("it is JSON");
        alter(&mut value);
        fs::write(self.baseline(), value.to_string()).expect("it can be written");
    }
}

#[test]
fn a_null_run_passes_and_blessing_again_changes_nothing() {
    let folder = Folder::blessed();
    let said = good(folder.run(&[]));
    assert!(said.contains("\nverdict      equal\n"), "{said}");
    let names = ["verdict.json", "bmf.json", "customBiggerIsBetter.json", "customSmallerIsBetter.json", "junit.xml"];
    for name in names.into_iter().chain(["metrics.om", "summary.md", "history.jsonl"]) {
        assert!(said.contains(&folder.out(name).display().to_string()) && folder.out(name).exists(), "{name}");
    }
    let before = fs::read(folder.baseline()).expect("it is there");
    good(folder.run(&["--bless"]));
    assert_eq!(fs::read(folder.baseline()).expect("it is there"), before);
}

#[test]
fn json_is_the_verdict_alone_and_history_has_a_line_a_run() {
    let folder = Folder::blessed();
    let verdict: Verdict = serde_json::from_str(&good(folder.run(&["--json"]))).expect("it is a verdict");
    assert!(verdict.passed && verdict.cases.len() == 2);
    assert!(verdict.cases.iter().all(|case| case.wall.earlier_s.is_none()));
    let again: Verdict = serde_json::from_str(&good(folder.run(&["--json"]))).expect("it is a verdict");
    assert!(again.cases.iter().all(|case| case.wall.earlier_s.is_some()), "the first run is history");
    let digests = |verdict: &Verdict| verdict.cases.iter().map(|case| case.digest).collect::<Vec<_>>();
    assert_eq!(digests(&verdict), digests(&again));
    let counted = |verdict: &Verdict| verdict.cases.iter().map(|case| case.counters.clone()).collect::<Vec<_>>();
    assert_eq!(counted(&verdict), counted(&again), "whoever runs it, it allocates as much");
    let history = fs::read_to_string(folder.out("history.jsonl")).expect("it is there");
    assert_eq!(history.lines().count(), 2);
    let stored = fs::read_to_string(folder.out("verdict.json")).expect("it is there");
    assert_eq!(serde_json::from_str::<Verdict>(&stored).expect("it is a verdict"), again);
}

#[test]
fn three_percent_are_a_regression_and_a_gain_wants_a_blessing() {
    let folder = Folder::blessed();
    let summary = folder.0.path().join("step.md");
    fs::write(&summary, "before\n").expect("it can be written");
    let worse =
        folder.command(&["--inject", "submit_to_reply_p99_ms=+3%"]).env("GITHUB_STEP_SUMMARY", &summary).output();
    let said = bad_line(worse.expect("the binary runs"), 3);
    assert!(said.contains("worse; if that is meant, bless it: one worse (1 worse); two worse (1 worse)"), "{said}");
    let told = fs::read_to_string(&summary).expect("it is text");
    assert!(told.starts_with("before\n## Regression gate failed: worse"), "{told}");
    assert!(told.contains("| `submit_to_reply_p99_ms` |") && told.contains("| +3.000 % | worse |"), "{told}");
    assert!(!folder.out("history.jsonl").exists(), "what is injected never happened");
    for (injected, code, word) in [
        ("goodput_tps=+3%", 3, "better; bless it"),
        ("allocations=+3%", 3, "worse; "),
        ("events=+0.9%", 0, ""),
        ("speed=+3%", 2, "no metric has that name"),
    ] {
        let output = folder.run(&["--inject", injected]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{injected}: {said}");
        assert!(said.contains(word), "{injected}: {said}");
    }
    assert!(bad_usage(&folder, &["--bless", "--inject", "events=+3%"]).contains("cannot be used with"));
}

/// What a command says that cannot be meant.
fn bad_usage(folder: &Folder, args: &[&str]) -> String {
    let output = folder.run(args);
    assert_eq!(output.status.code(), Some(2));
    text(&output.stderr)
}

/// Every cost of the reference table, 3 % dearer.
fn dearer() -> String {
    let mut table: Value = serde_json::to_value(CostTable::reference()).expect("a table is plain data");
    raise(&mut table);
    serde_json::from_value::<CostTable>(table).expect("it is still a table").to_toml()
}

fn raise(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.iter_mut().filter(|(key, _)| *key != "size").for_each(|(_, value)| raise(value))
        }
        Value::Array(entries) => entries.iter_mut().for_each(raise),
        Value::Number(number) => {
            *value = (number.as_u64().expect("costs are whole") * 103 / 100).into();
        }
        _ => {}
    }
}

#[test]
fn costs_three_percent_dearer_are_seen() {
    let folder = Folder::blessed();
    let costs = folder.0.path().join("costs.toml");
    fs::write(&costs, dearer()).expect("it can be written");
    let output = folder.run(&["--set", &format!("crypto.costs={}", costs.display()), "--json"]);
    let said = bad_line(output.clone(), 3);
    assert!(said.contains("worse; if that is meant, bless it: one worse (the case's inputs changed, "), "{said}");
    let verdict: Verdict = serde_json::from_str(&text(&output.stdout)).expect("it is a verdict");
    for case in &verdict.cases {
        assert!(case.inputs_changed && case.digest_changed());
        let row = |name: &str| case.metrics.iter().find(|row| row.name == name).and_then(|row| row.change_percent);
        let cores = row("utilisation_crypto_cores_max_share").expect("they are used");
        assert!((1.0..6.0).contains(&cores), "{cores} % more of the crypto cores");
    }
}

#[test]
fn a_changed_digest_is_a_change_even_where_no_figure_is() {
    let folder = Folder::blessed();
    folder.alter(|baseline| baseline["cases"]["one"]["blessed"]["digest"] = "0".repeat(64).into());
    let said = bad_line(folder.run(&[]), 3);
    assert!(said.contains("changed; if that is meant, bless it: one changed (the digest alone"), "{said}");
}

#[test]
fn changed_inputs_are_called_so_and_a_new_case_is_new() {
    let folder = Folder::blessed();
    folder.alter(|baseline| {
        let mut other = baseline["cases"]["one"].clone();
        baseline["cases"]["one"]["settings"]
            .as_array_mut()
            .expect("they are listed")
            .push("slo.deadline_ms=4000".into());
        other.as_object_mut().expect("it is a case").remove("blessed");
        baseline["cases"]["three"] = other;
    });
    let said = bad_line(folder.run(&[]), 3);
    assert!(said.contains("one changed (the case's inputs changed"), "{said}");
    assert!(said.contains("three new ("), "{said}");
    good(folder.run(&["--bless"]));
    good(folder.run(&[]));
}

#[test]
fn what_cannot_be_compared_is_one_clear_error() {
    let folder = Folder::blessed();
    folder.alter(|baseline| baseline["schema_version"] = 9.into());
    let said = bad_line(folder.run(&[]), 2);
    assert!(said.contains("of schema 9, and this build compares schema 1; --bless writes its cases anew"), "{said}");
    good(folder.run(&["--bless"]));
    good(folder.run(&[]));
    folder.alter(|baseline| baseline["cases"]["two"]["settings"][0] = "consensus.protocol=rift".into());
    let said = bad_line(folder.run(&[]), 2);
    assert!(said.contains("case `two`:") && said.contains("raft"), "{said}");
    fs::remove_file(folder.baseline()).expect("it is there");
    let said = bad_line(folder.run(&[]), 2);
    assert!(said.contains("there is no baseline; the same command with --bless makes one"), "{said}");
    // A file where the folder should be.
    let folder = Folder::blessed();
    fs::write(folder.0.path().join("out"), "").expect("it can be written");
    let said = bad_line(folder.run(&[]), 1);
    assert!(said.contains("out"), "{said}");
}

#[test]
fn the_committed_baseline_is_as_blessing_writes_it_and_its_scenarios_are_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/baseline.json");
    let baseline = Baseline::read(&path).expect("it is committed");
    assert!(baseline.cases.values().all(|case| case.blessed.is_some()));
    let copy = tempfile::tempdir().expect("a temporary folder");
    let again = copy.path().join("baseline.json");
    baseline.write(&again).expect("it can be written");
    assert_eq!(fs::read_to_string(&again).expect("it is text"), fs::read_to_string(&path).expect("it is text"));
    let scenario = |case: &systole::experiment::regress::Case| path.with_file_name("").join(&case.scenario);
    assert!(baseline.cases.values().all(|case| scenario(case).exists()));
}
