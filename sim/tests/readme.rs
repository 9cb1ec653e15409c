//! The commands of README.md run: each in its order, in one temporary folder, shortened so that all take seconds.
//!
//! A line that begins with `systole` or `cargo run --release --` in a fenced block is a command. What shortens it
//! follows from its verb ([`VERBS`]); a line for which that is not enough has a rule of its own ([`LINES`]). A new line
//! whose verb is known needs nothing here.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::runs::workloads;

/// A short run of a small world.
const SHORT: &str = "--set world.hospitals=12 --set world.load_tps=60 --set run.warm_up_s=0.2 --set run.window_s=0.5 \
                     --set run.drain_s=5";

/// What every command of a verb gets besides.
const VERBS: [(&str, &str); 17] = [
    ("run", SHORT),
    (
        "limit",
        "--set world.hospitals=12 --set consensus.replicas=4 --set limit.from_tps=50 --set limit.to_tps=100 --set limit.window_s=0.5",
    ),
    ("sweep", SHORT),
    ("compare", SHORT),
    ("regress", ""),
    ("report", ""),
    ("bench", "--repetitions 1"),
    ("plan", SHORT),
    ("point", ""),
    ("merge", ""),
    ("audit", ""),
    ("check", ""),
    ("trace", SHORT),
    ("export", ""),
    ("glossary", ""),
    ("completions", ""),
    ("man", ""),
];

/// A line that wants more than its verb says.
struct Rule {
    /// A part of the line, as README.md has it, that no other line has; or that all that it is meant for have.
    part: &'static str,
    /// Parts that are replaced, before what the verb adds.
    replaced: &'static [(&'static str, &'static str)],
    /// Whether the verb adds what it adds.
    shortened: bool,
    /// The exit code, and why it is not 0.
    exit: (i32, &'static str),
}

const RULE: Rule = Rule { part: "", replaced: &[], shortened: true, exit: (0, "") };

/// Rules, the first that fits counts.
const LINES: [Rule; 9] = [
    // A trace has its own load, and its own hospitals.
    Rule { part: "run workloads/replay.toml", shortened: false, ..RULE },
    Rule {
        part: "protocol=sharded",
        replaced: &[("--modelled", "--modelled --set consensus.replicas=12 --set protocol.sharded.shards=3")],
        ..RULE
    },
    Rule {
        part: "--load 1k..20k/5",
        replaced: &[("1k..20k/5", "60,120"), ("--replicates 5", "--replicates 2"), ("=4,16", "=4")],
        ..RULE
    },
    // Alike wherever it is, so that the grid is run once.
    Rule {
        part: "workloads/designs.toml",
        replaced: &[(
            "--modelled",
            "--modelled --load 60 --replicates 2 --set consensus.replicas=4 --set run.weight=1",
        )],
        ..RULE
    },
    Rule { part: "--replicates 5 -o plan.jsonl", replaced: &[("--replicates 5", "--replicates 1")], ..RULE },
    Rule { part: "merge results/", exit: (1, "of the plan's points only one was run"), ..RULE },
    Rule { part: "--where load_tps=1000", replaced: &[("1000", "60")], ..RULE },
    Rule { part: "--schedules 20000", replaced: &[("20000", "5")], ..RULE },
    Rule { part: "--replicas 4 --twins 2", exit: (5, "with a liar too many the judges must object"), ..RULE },
];

/// What README.md tells its reader to run, in order: continued lines are joined, remarks and redirections cut.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut fenced, mut continued) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let begins = line.starts_with("systole ") || line.starts_with("cargo run --release -- ");
        if !fenced || !(begins || continued) {
            continue;
        }
        let (line, more) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        let line = line.split(" # ").next().unwrap_or_default().split(" > ").next().unwrap_or_default().trim();
        match commands.last_mut().filter(|_| continued) {
            Some(command) => *command += &format!(" {line}"),
            None => commands.push(line.into()),
        }
        continued = more;
    }
    commands
}

/// The name of what a run left in a folder.
fn point_in(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with("limit-") && !name.starts_with("sweep-") && !name.starts_with('.'));
    names.pop().unwrap_or_else(|| panic!("no run is kept in {}", folder.display()))
}

/// The arguments of a command as it is run here, and the code that it must end with.
fn arguments(line: &str, folder: &Path) -> (Vec<String>, i32) {
    let command = line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("systole "));
    let mut command = command.expect("a command begins so").to_string();
    let rule = LINES.iter().find(|rule| line.contains(rule.part)).unwrap_or(&RULE);
    for (from, to) in rule.replaced {
        assert!(command.contains(from), "`{line}` has no `{from}` any more: correct its rule in sim/tests/readme.rs");
        command = command.replace(from, to);
    }
    let verb = command.split(' ').next().unwrap_or_default().to_string();
    let known = VERBS.iter().find(|(name, _)| *name == verb).unwrap_or_else(|| {
        panic!(
            "README.md has `{line}`, and nothing says how `systole {verb}` is shortened: add the verb to VERBS in \
             sim/tests/readme.rs, with what makes it take about a second"
        )
    });
    if rule.shortened {
        command += &format!(" {}", known.1);
    }
    if let Some((before, after)) = command.clone().split_once("<point>") {
        let parent = before.rsplit(' ').next().unwrap_or_default();
        command = format!("{before}{}{after}", point_in(&folder.join(parent)));
    }
    let home = folder.display().to_string();
    let words = command.split_whitespace().map(|word| word.replace('~', &home).trim_matches(['\'', '"']).to_string());
    (words.collect(), rule.exit.0)
}

#[test]
fn the_commands_of_the_readme_run() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("it is there");
    let commands = commands(&page);
    assert!(commands.len() >= 29, "only {} commands were found", commands.len());
    let used = |part: &str| commands.iter().any(|line| line.contains(part));
    let unused: Vec<&str> = LINES.iter().map(|rule| rule.part).filter(|part| !used(part)).collect();
    assert!(unused.is_empty(), "README.md has no such lines any more, take them out of LINES: {unused:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::symlink(workloads(), folder.path().join("workloads")).expect("a link can be made");
    fs::create_dir(folder.path().join("results")).expect("a folder can be made");
    let baseline = Path::new("results/baseline.json");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(baseline);
    fs::copy(kept, folder.path().join(baseline)).expect("the baseline is there");
    for line in &commands {
        let (arguments, code) = arguments(line, folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_systole"));
        command.args(&arguments).current_dir(folder.path()).env("HOME", folder.path());
        let output = command.output().expect("the binary runs");
        assert_eq!(
            output.status.code(),
            Some(code),
            "README.md has `{line}`, run here as `systole {}`: {}\nIf it takes longer or ends otherwise by intent, give it \
             a rule in LINES of sim/tests/readme.rs",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn commands_are_found_whole_and_in_fences_only() {
    let page = "systole not\n```\n$ systole a   # why\nsystole said\nout\ncargo run --release -- b \\\n  --c > d\n```\nsystole no\n";
    assert_eq!(commands(page), ["systole a", "systole said", "cargo run --release -- b --c"]);
}
