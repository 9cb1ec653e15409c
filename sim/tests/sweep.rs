//! Sweeps: whoever computes which point, and however often it is killed, the folder ends the same, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use systole::base::Digest;
use systole::experiment::{Build, GridRequest, Loads, Plan, PlanRequest, ScenarioText, Summary};
use systole::scenario::Worlds;
use tempfile::TempDir;

use crate::product::{Tree, assert_holds, bad, command, good, planted, regional_path, run, text, tree, write_regional};
use crate::runs::{regional, workloads, world};

/// Eight short points.
const GRID: [&str; 15] = [
    "--set=world.hospitals=12",
    "--set=run.warm_up_s=0.2",
    "--set=run.window_s=0.5",
    "--set=run.drain_s=5",
    "--vary",
    "consensus.protocol=jolteon,raft",
    "--load",
    "60,120",
    "--replicates",
    "2",
    "--modelled",
    "--vary",
    "consensus.replicas=4",
    "--set=batch.max_delay_ms=50",
    "--set=seed=7",
];
pub const POINTS: usize = 8;

/// The scenario and its grid, as arguments.
pub fn grid_arguments() -> Vec<String> {
    std::iter::once(regional_path()).chain(GRID.iter().map(|arg| arg.to_string())).collect()
}

/// What a sweep of the grid into `out` is asked for.
pub fn arguments(out: &Path) -> Vec<String> {
    let out = ["--quiet".to_string(), "--out".to_string(), out.display().to_string()];
    grid_arguments().into_iter().chain(out).collect()
}

pub fn sweep(out: &Path, more: &[&str]) -> Output {
    command("sweep", &[]).args(arguments(out)).args(more).output().expect("the binary runs")
}

/// What an uninterrupted sweep of two points at a time writes.
pub fn whole() -> &'static Tree {
    static WHOLE: OnceLock<Tree> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("sweep");
        let said = good(sweep(&folder, &["--jobs", "2"]));
        assert!(said.contains(&format!("computed {POINTS}, reused 0")), "{said}");
        tree(&folder)
    })
}

/// A folder with the same files.
pub fn copied() -> TempDir {
    planted(whole())
}

pub fn assert_same(folder: &Path) {
    assert_holds(folder, whole());
}

/// The rows of a sweep's table, by column.
fn rows(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join("points.csv")).expect("the table is there");
    reader.deserialize().collect::<Result<_, _>>().expect("the table is whole")
}

pub fn ids() -> Vec<String> {
    rows(copied().path()).into_iter().map(|row| row["id"].clone()).collect()
}

/// Points that are there, whole or not.
pub fn there(folder: &Path) -> usize {
    let entries = fs::read_dir(folder.join("points")).into_iter().flatten().flatten();
    entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
}

fn killed_at(points: usize, folder: &Path) {
    let mut child: Child = command("sweep", &[])
        .args(arguments(folder))
        .args(["--jobs", "1"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let began = Instant::now();
    while there(folder) < points && child.try_wait().expect("it can be asked").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "no point came");
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

#[test]
fn killed_and_resumed_it_ends_as_if_it_had_never_been() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("sweep");
    killed_at(1, &folder);
    killed_at(3, &folder);
    let kept = there(&folder);
    assert!((3..=POINTS).contains(&kept), "{kept} points are there");
    // Wherever it was killed: in the middle of a point, between two renames, in the middle of a file.
    let id = ids().pop().expect("there are points");
    for name in [format!(".{id}.Abc123"), format!(".{id}.Abc123-old")] {
        fs::create_dir_all(folder.join("points").join(&name)).expect("it can be made");
        fs::write(folder.join("points").join(&name).join("summary.json"), "{").expect("it can be written");
    }
    fs::write(folder.join(".points.csv.12345"), "id").expect("it can be written");
    let said = good(sweep(&folder, &[]));
    assert!(said.contains(&format!("computed {}, reused {kept}", POINTS - kept)), "{said}");
    assert_same(&folder);
    let again = good(sweep(&folder, &["--json"]));
    let again: serde_json::Value = serde_json::from_str(&again).expect("it is JSON alone");
    assert_eq!((&again["computed"], &again["reused"]), (&0.into(), &POINTS.into()));
    assert_eq!(again["cells"].as_array().map(Vec::len), Some(4));
    assert_eq!(again["cells"][3]["varied"]["consensus.protocol"], "raft");
    assert!(again["cells"][3]["goodput_tps"]["half_width_95"].is_number());
    assert_same(&folder);
}

#[test]
fn what_is_corrupt_is_reported_and_computed_again() {
    let copy = copied();
    let ids = ids();
    let file = |nth: usize, name: &str| copy.path().join("points").join(&ids[nth]).join(name);
    let altered = |path: PathBuf, from: &str, to: &str| {
        let before = fs::read_to_string(&path).expect("it is text");
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after);
        fs::write(path, after).expect("it can be written");
    };
    altered(file(0, "summary.json"), "goodput", "Goodput");
    // Its seal covers the manifest itself.
    altered(file(3, "manifest.json"), "\"hospitals\": 12", "\"hospitals\": 13");
    fs::write(file(5, "series.csv"), "").expect("it can be written");
    fs::remove_file(file(6, "manifest.json")).expect("it was there");
    let output = sweep(copy.path(), &[]);
    let said = text(&output.stderr);
    for (nth, id) in ids.iter().enumerate() {
        assert_eq!(said.contains(id), [0, 3, 5, 6].contains(&nth), "point {nth}: {said}");
    }
    let told = good(output);
    assert!(told.contains("computed 4, reused 4"), "{told}");
    assert_same(copy.path());
}

/// A manifest with another word in it, and the seal of that.
fn resealed(path: &Path, from: &str, to: &str) {
    const SEAL: &str = "\"seal\": \"";
    let before = fs::read_to_string(path).expect("it is text");
    let after = before.replacen(from, to, 1);
    assert_ne!(before, after, "{from}");
    let digits = after.rfind(SEAL).expect("it is sealed") + SEAL.len();
    let mut sealed = after.into_bytes();
    sealed[digits..digits + 64].fill(b'0');
    let seal = Digest::of(&sealed).to_string();
    sealed[digits..digits + 64].copy_from_slice(seal.as_bytes());
    fs::write(path, sealed).expect("it can be written");
}

#[test]
fn what_another_build_kept_or_was_executed_otherwise_is_computed_again() {
    let copy = copied();
    let ids = ids();
    let words = [
        ("\"schema_version\": 2", "\"schema_version\": 1"),
        (concat!("\"tool_version\": \"", env!("CARGO_PKG_VERSION")), "\"tool_version\": \"0.0.1"),
        ("\"git_commit\": \"", "\"git_commit\": \"0"),
        ("\"execution\": \"real\"", "\"execution\": \"modelled\""),
        ("\"cost_provenance\": \"", "\"cost_provenance\": \"not "),
    ];
    for ((from, to), id) in words.iter().zip(&ids) {
        resealed(&copy.path().join("points").join(id).join("manifest.json"), from, to);
    }
    let output = sweep(copy.path(), &[]);
    let said = text(&output.stderr);
    assert_eq!(said.matches("this is not what this build writes of that point").count(), words.len(), "{said}");
    assert!(good(output).contains("computed 5, reused 3"), "{said}");
    assert_same(copy.path());
}

#[test]
fn another_sweep_never_gets_into_a_folder() {
    let copy = copied();
    let said = bad(sweep(copy.path(), &["--set=run.window_s=0.6"]), 2);
    assert!(said.contains("`settings` is"), "{said}");
    let other = |from: &str, to: &str| {
        let args: Vec<String> =
            arguments(copy.path()).into_iter().map(|arg| if arg == from { to.into() } else { arg }).collect();
        bad(command("sweep", &[]).args(args).output().expect("the binary runs"), 2)
    };
    assert!(other("60,120", "60,130").contains("`load_tps` is [60.0,120.0] there and [60.0,130.0] here"));
    assert!(other("2", "3").contains("`replicates` is 2 there and 3 here"));
    assert_same(copy.path());
}

#[test]
fn shards_points_and_merge_end_as_one_sweep() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (folder, plan) = (root.path().join("sweep"), root.path().join("plan.jsonl").display().to_string());
    good(command("plan", &[]).args(grid_arguments()).args(["-o", &plan]).output().expect("the binary runs"));
    let out = folder.display().to_string();
    let point = |id: &str| run("point", &["--plan", &plan, "--id", id, "--out", &out, "--quiet"]);
    let ids = ids();
    assert!(good(point("0")).starts_with("computed "));
    assert!(good(point(&ids[0])).starts_with("reused "));
    assert!(bad(point("8"), 2).contains("no point `8`"));
    let merge = || run("merge", &[&out, "--plan", &plan]);
    let said = bad(merge(), 1);
    assert!(!said.contains(&ids[0]) && ids[1..].iter().all(|id| said.contains(&format!("{id} (missing)"))), "{said}");
    assert!(good(sweep(&folder, &["--shard", "2/2"])).contains("4 of 8 points: computed 4, reused 0"));
    assert!(good(sweep(&folder, &["--shard", "1/2"])).contains("4 of 8 points: computed 3, reused 1"));
    assert!(!folder.join("points.csv").exists());
    let told = good(merge());
    assert!(told.contains("| consensus.protocol |"), "{told}");
    assert_same(&folder);
    fs::write(folder.join("points").join(&ids[2]).join("series.csv"), "").expect("it can be written");
    let said = bad(merge(), 1);
    assert!(said.contains("1 of 8 points") && said.contains(&ids[2]), "{said}");
    let sheet = folder.join("sweep.json");
    let whole = fs::read(&sheet).expect("it is there");
    fs::write(&sheet, "{").expect("it can be written");
    assert!(bad(merge(), 1).contains("delete this file alone"));
    fs::write(&sheet, whole).expect("it can be written");
    stale_plans_are_refused(&plan, &out, &ids);
}

fn stale_plans_are_refused(plan: &str, out: &str, ids: &[String]) {
    let lines = fs::read_to_string(plan).expect("it is text");
    let altered = |from: &str, to: &str| {
        let after = lines.replace(from, to);
        assert_ne!(lines, after);
        fs::write(plan, after).expect("it can be written");
        bad(run("point", &["--plan", plan, "--id", "1", "--out", out, "--quiet"]), 2)
    };
    let version = concat!("\"tool_version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    assert!(altered(version, "\"tool_version\":\"0.0.9\"").contains("the plan is of systole 0.0.9"));
    let said = altered(&ids[1], "0123456789abcdef");
    assert!(
        said.contains("the point 0123456789abcdef would be") && said.contains("data or costs have changed"),
        "{said}"
    );
    let (cut, _) = lines.trim_end().rsplit_once('\n').expect("it has lines");
    assert!(altered(&lines, cut).contains("7 points follow, and 8 were planned"));
    let mut swapped: Vec<&str> = lines.lines().collect();
    swapped.swap(1, 3);
    assert!(altered(&lines, &swapped.join("\n")).contains(":2: it is not the point that belongs here"));
}

#[test]
fn what_is_invalid_is_named_before_anything_runs() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("sweep");
    let said = bad(sweep(&folder, &["--vary", "consensus.dissemination=batched,gossip"]), 2);
    assert!(said.contains("--vary consensus.dissemination=gossip (with --vary consensus.protocol=jolteon"), "{said}");
    assert!(said.contains("does not run over `gossip`") && said.lines().count() == 1, "{said}");
    assert!(bad(sweep(&folder, &["--vary", "seed=7,8"]), 2).contains("one and the same run"));
    assert!(!folder.exists());
}

#[test]
fn an_interrupted_sweep_keeps_what_it_has() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("sweep");
    let longer = ["--jobs", "1", "--set=run.window_s=60"];
    let child = command("sweep", &[])
        .args(arguments(&folder))
        .args(longer)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let began = Instant::now();
    while there(&folder) < 1 {
        assert!(began.elapsed() < Duration::from_secs(120), "no point came");
        thread::sleep(Duration::from_millis(2));
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.expect("there is a kill").success());
    let said = bad(child.wait_with_output().expect("it ends"), 130);
    let kept = there(&folder);
    assert!(kept < POINTS && said.contains(&format!("interrupted: computed {kept}, reused 0 of {POINTS}")), "{said}");
    assert!(tree(&folder).keys().all(|path| !path.display().to_string().contains("/.")), "nothing is left half-done");
}

#[test]
fn a_broken_rule_stops_the_sweep_and_can_be_seen_again() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let file = root.path().join("twins.toml").display().to_string();
    let twins: String = (0..2).map(|replica| format!("[[fault]]\nkind = \"twins\"\nreplica = {replica}\n")).collect();
    write_regional(Path::new(&file), &twins);
    let out = root.path().join("sweep").display().to_string();
    let grid = ["--vary", "consensus.protocol=qbft", "--replicates", "40", "--modelled", "--quiet"];
    let said = bad(run("sweep", &[&[file.as_str(), "--out", &out][..], &grid[..]].concat()), 5);
    assert!(said.contains("safety violated"), "{said}");
    let (_, again) = said.trim_end().split_once("see it again: systole run ").expect("the command is there");
    let again: Vec<&str> = again.split(' ').map(|word| word.trim_matches('\'')).collect();
    let again = bad(run("run", &[&again[..], &["--quiet", "--out", &out][..]].concat()), 5);
    assert_eq!(again, said);
}

pub fn plan(more: &str, settings: &[&str], grid: &GridRequest) -> Plan {
    let path = workloads().join("regional.toml");
    let text = fs::read_to_string(&path).expect("a shipped scenario is text") + more;
    let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
    let request = PlanRequest { settings: &settings, grid, modelled: true, build: Build::of("test") };
    Plan::new(ScenarioText { path, text }, &request, &mut Worlds::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_point_is_the_run_of_the_same_settings_however_the_grid_is_written() {
    let settings = ["world.hospitals=20"];
    let asked = GridRequest {
        vary: vec!["consensus.protocol=raft,pbft".parse().expect("it is one")],
        loads: Some(Loads(vec![100.0, 1_000.0])),
        replicates: Some(2),
    };
    let asked = plan("", &settings, &asked);
    let written = "\n[sweep]\nvary = { \"consensus.protocol\" = [\"raft\", \"pbft\"] }\nload_tps = \"100..1k/2\"\n\
                   replicates = 2\n";
    let written = plan(written, &settings, &GridRequest::default());
    assert_eq!(asked.sheet(), written.sheet());
    let fourth = regional(&["world.hospitals=20", "consensus.protocol=raft", "world.load_tps=1000", "seed=8"]);
    assert_eq!(asked.points[3].inputs, fourth.digest(world()));
    assert_eq!(asked.described(3), "raft, 1000 tx/s, seed 8");
}

#[test]
fn values_that_are_possible_only_together_are_one_point() {
    let written = "\n[sweep]\nvary = { \"consensus.dissemination\" = [\"certified\"], \
                   \"consensus.protocol\" = [\"tusk\", \"bullshark\"] }\n";
    let plan = plan(written, &["world.hospitals=20"], &GridRequest::default());
    assert_eq!(plan.points.len(), 2);
    assert_eq!(plan.described(0), "certified, tusk, seed 7");
}

#[test]
fn the_table_has_a_row_for_each_point_in_the_grids_order() {
    let copy = copied();
    let rows = rows(copy.path());
    let of = |name: &str| rows.iter().map(|row| row[name].as_str()).collect::<Vec<_>>();
    let [jolteon, raft] = ["jolteon", "raft"];
    assert_eq!(of("consensus.protocol"), [jolteon, jolteon, jolteon, jolteon, raft, raft, raft, raft]);
    assert_eq!(of("load_tps"), ["60", "60", "120", "120", "60", "60", "120", "120"]);
    assert_eq!(of("seed"), ["7", "8", "7", "8", "7", "8", "7", "8"]);
    assert_eq!(of("replicate"), ["0", "1", "0", "1", "0", "1", "0", "1"]);
    for row in rows {
        let folder = copy.path().join("points").join(&row["id"]);
        let bytes = fs::read(folder.join("summary.json")).expect("the point is there");
        let summary: Summary = serde_json::from_slice(&bytes).expect("it is a summary");
        assert!(!text(&bytes).contains("\"host\""), "nothing of the host is kept");
        assert_eq!(row["digest"], summary.digest.to_string());
        assert_eq!(row["goodput_tps"], summary.goodput_tps.to_string());
        assert_eq!(row["submit_to_reply_p99_ms"], summary.latency_ms["submit_to_reply"].p99.to_string());
        assert_eq!(row["slo_met"], "true");
        let egress: f64 = row["replica_egress_max_percent"].parse().expect("it is a number");
        assert!((egress / 100.0 - summary.utilisation["replica_egress"].max).abs() < 1e-9);
    }
}
