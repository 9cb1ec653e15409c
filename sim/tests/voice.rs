//! How commands say what they have to say: JSON alone where it is asked for, silence, no colours where none are wanted.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::runs::workloads;

fn systole(args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
    command.args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.envs(environment.iter().copied());
    command.output().expect("the binary runs")
}

#[test]
fn json_is_alone_and_quiet_is_silent() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| root.path().join(name).display().to_string();
    let scenario = workloads().join("regional.toml").display().to_string();
    let short = ["world.hospitals=12", "world.load_tps=60", "run.warm_up_s=0.2", "run.window_s=0.5", "run.drain_s=5"];
    let sets: Vec<&str> = short.iter().flat_map(|setting| ["--set", setting]).collect();
    let with = |args: &[&str]| -> Vec<String> { [args, &sets[..]].concat().iter().map(ToString::to_string).collect() };
    let plain = |args: &[&str]| -> Vec<String> { args.iter().map(ToString::to_string).collect() };
    let (out, plan, pages) = (path("sweep"), path("plan.jsonl"), path("man"));
    let (results, trace, table) = (path("results"), path("trace.json"), path("table.csv"));
    let (designs, limits, baseline, gate) = (path("designs"), path("limits"), path("baseline.json"), path("gate"));
    let vary = "consensus.protocol=jolteon,raft";
    let case = serde_json::json!({ "scenario": scenario, "settings": short });
    let cases = serde_json::json!({ "schema_version": 1, "cases": { "one": case } }).to_string();
    fs::write(&baseline, cases).expect("it can be written");
    // A point that is no part of the sweep is told of by `merge`, but not when it must be silent.
    fs::create_dir_all(root.path().join("sweep/points/0123456789abcdef")).expect("it can be made");
    let search = ["limit", &scenario, "--set=limit.from_tps=50", "--set=limit.to_tps=60", "--set=limit.window_s=0.5"];
    let commands = [
        with(&["run", &scenario, "--modelled", "--ledger", "--out", &results]),
        with(&[&search[..], &["--out", &results]].concat()),
        with(&[&search[..], &["--replicates", "2", "--out", &limits]].concat()),
        with(&["plan", &scenario, "--modelled", "--replicates", "2", "-o", &plan]),
        plain(&["point", "--plan", &plan, "--id", "0", "--out", &out]),
        with(&["sweep", &scenario, "--modelled", "--replicates", "2", "--shard", "1/2", "--out", &out]),
        with(&["sweep", &scenario, "--modelled", "--replicates", "2", "--out", &out]),
        plain(&["merge", &out, "--plan", &plan]),
        plain(&["report", &out]),
        plain(&["export", &out, "--format", "json"]),
        plain(&["export", &out, "--format", "csv", "-o", &table]),
        with(&["compare", &scenario, "--modelled", "--vary", vary, "--replicates", "2", "--out", &designs]),
        plain(&["compare", &designs]),
        plain(&["regress", "--bless", "--rounds", "1", "--baseline", &baseline, "--out", &gate]),
        plain(&["regress", "--rounds", "1", "--baseline", &baseline, "--out", &gate]),
        plain(&["check", "--protocol", "raft", "--schedules", "2"]),
        with(&["trace", &scenario, "--window", "200ms", "-o", &trace]),
        plain(&["bench", &scenario, "--repetitions", "1"]),
        plain(&["calibrate", "--budget", "1"]),
        plain(&["validate", &scenario]),
        plain(&["schema"]),
        plain(&["glossary"]),
        plain(&["completions", "bash"]),
        plain(&["man"]),
        plain(&["man", "-o", &pages]),
    ];
    let silent = |command: &[String]| {
        let args: Vec<&str> = command.iter().map(String::as_str).chain(["--json", "--quiet"]).collect();
        let output = systole(&args, &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{args:?}: {said}");
        let value: Result<Value, _> = serde_json::from_slice(&output.stdout);
        assert!(value.is_ok(), "{args:?} prints no JSON: {}", String::from_utf8_lossy(&output.stdout));
    };
    commands.iter().for_each(|command| silent(command));
    let kept = fs::read_dir(root.path().join("results/regional")).expect("a run is kept").flatten();
    let ledger = kept.map(|entry| entry.path().join("ledger.ndjson")).find(|path| path.exists());
    silent(&plain(&["audit", &ledger.expect("one run keeps its ledger").display().to_string()]));
}

#[test]
fn colours_are_left_out_where_none_are_wanted() {
    let escapes = |args: &[&str], environment: &[(&str, &str)]| {
        let output = systole(args, environment);
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    let (help, wrong): (&[&str], &[&str]) = (&["--help"], &["run", "--no-such-thing"]);
    assert!(escapes(help, &[("CLICOLOR_FORCE", "1")]), "there are colours to leave out");
    let root = tempfile::tempdir().expect("a temporary folder");
    let out = root.path().display().to_string();
    let scenario = workloads().join("regional.toml").display().to_string();
    let run = ["run", &scenario, "--modelled", "--out", &out, "--set=world.load_tps=60", "--set=run.window_s=0.5"];
    for args in [help, wrong, &run] {
        assert!(!escapes(args, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "{args:?}");
        assert!(!escapes(args, &[]), "{args:?} writes colours into a file");
    }
}

#[test]
fn each_command_has_a_page_and_is_completed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("man1");
    let help = String::from_utf8(systole(&["--help"], &[]).stdout).expect("it is text");
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(names.len() >= 14, "{names:?}");
    assert!(systole(&["man", "-o", &folder.display().to_string()], &[]).status.success());
    let pages = fs::read_dir(&folder).expect("it is a folder").count();
    assert_eq!(pages, names.len() + 1, "one page for each command, and one for all");
    for name in &names {
        let page = fs::read_to_string(folder.join(format!("systole-{name}.1"))).expect("the command has a page");
        assert!(page.contains(".SH SYNOPSIS") && page.contains(name) && page.contains("json"), "{page}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = systole(&["completions", shell], &[]);
        let script = String::from_utf8(output.stdout).expect("it is text");
        names.iter().for_each(|name| assert!(script.contains(name), "{shell} knows nothing of {name}"));
    }
}
