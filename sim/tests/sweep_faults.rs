//! Faults of a sweep's folder: what is damaged, in the way, forbidden or full is one clear error, and nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use systole::experiment::{GridRequest, Plan, PlanFile, Sheet, Summary, SweepError, SweepFolder, listed};
use systole::scenario::Worlds;
use tempfile::TempDir;

use crate::product::{bad, command, good, run, text, tree};
use crate::runs::workloads;
use crate::sweep::{POINTS, arguments, assert_same, copied, grid_arguments, ids, plan, sweep, there, whole};

/// Who owns nothing.
const NOBODY: u32 = 65_534;

/// The plan of the sweep, in a folder of its own, and its path.
fn planned() -> (TempDir, String) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let plan = root.path().join("plan.jsonl").display().to_string();
    let args = grid_arguments();
    good(command("plan", &[]).args(args).args(["-o", &plan]).output().expect("the binary runs"));
    (root, plan)
}

fn merge(folder: &Path, plan: &str) -> Output {
    run("merge", &[&folder.display().to_string(), "--plan", plan])
}

#[test]
fn eight_processes_of_one_point_at_once_all_end_well() {
    let (root, plan) = planned();
    let out = root.path().join("sweep");
    let args = ["--plan", &plan, "--id", "0", "--quiet", "--threads", "1", "--out"];
    let begin = || {
        let mut child = command("point", &args);
        child.arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
    };
    for spoilt in [false, true] {
        if spoilt {
            fs::write(out.join("points").join(&ids()[0]).join("series.csv"), "").expect("it can be written");
        }
        let children: Vec<_> = (0..8).map(|_| begin()).collect();
        for child in children {
            let said = good(child.wait_with_output().expect("it ends"));
            assert!(said.starts_with("computed ") || said.starts_with("reused "), "{said}");
        }
        let found = tree(&out);
        assert_eq!(found.len(), 2 + 1 + 4, "{:?}", found.keys());
        assert!(found.iter().all(|(name, bytes)| whole().get(name) == Some(bytes)));
    }
}

/// The plan of a folder, and the folder, in this process.
fn opened(folder: &Path) -> (Plan, SweepFolder) {
    let (_root, path) = planned();
    let sheet = fs::read(folder.join("sweep.json")).expect("it is there");
    let sheet: Sheet = serde_json::from_slice(&sheet).expect("it is a plan");
    let file = PlanFile::read(Path::new(&path), &sheet.heading.build).expect("it is of this build");
    let plan = file.plan(&mut Worlds::default()).expect("nothing has changed");
    let folder = SweepFolder::find(folder, &plan.sheet()).expect("it is that folder");
    (plan, folder)
}

/// Points that a merge says are to be run again.
fn to_run_again(plan: &Plan, folder: &SweepFolder) -> Vec<String> {
    match folder.merge(plan) {
        Ok(merged) => {
            assert_eq!((merged.figures.len(), merged.strays), (POINTS, Vec::new()));
            Vec::new()
        }
        Err(SweepError::Incomplete { ids, .. }) => {
            ids.iter().map(|id| id.split(' ').next().expect("a first word").to_string()).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn any_flipped_bit_is_caught_and_the_point_is_named() {
    let copy = copied();
    let (plan, folder) = opened(copy.path());
    assert!(to_run_again(&plan, &folder).is_empty());
    let names = ["manifest.json", "summary.json", "series.csv", "latency.hlog"];
    let flips = (0..POINTS, 0..names.len(), any::<Index>(), 0..8_u32);
    let flipped = |(nth, name, place, bit): (usize, usize, Index, u32)| {
        let id = &plan.points[nth].entry.id;
        let path = copy.path().join("points").join(id).join(names[name]);
        let mut bytes = fs::read(&path).expect("it is there");
        let at = place.index(bytes.len());
        let mut flip = || {
            bytes[at] ^= 1 << bit;
            fs::write(&path, &bytes).expect("it can be written");
        };
        flip();
        prop_assert_eq!(to_run_again(&plan, &folder), [id.clone()], "bit {} of byte {} of {}", bit, at, names[name]);
        flip();
        Ok(())
    };
    TestRunner::deterministic().run(&flips, flipped).unwrap_or_else(|error| panic!("{error}"));
    assert_same(copy.path());
    let sheet = copy.path().join("sweep.json");
    let whole = fs::read(&sheet).expect("it is there");
    let flips = (any::<Index>(), 0..8_u32);
    let flipped = |(place, bit): (Index, u32)| {
        let mut bytes = whole.clone();
        bytes[place.index(whole.len())] ^= 1 << bit;
        fs::write(&sheet, &bytes).expect("it can be written");
        let found = SweepFolder::find(copy.path(), &plan.sheet());
        let caught = matches!(found, Err(SweepError::CorruptPlan(_) | SweepError::OtherPlan { .. }));
        prop_assert!(caught, "{:?}", found);
        Ok(())
    };
    TestRunner::deterministic().run(&flips, flipped).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_is_swapped_cut_or_lengthened_is_caught() {
    let copy = copied();
    let (plan, folder) = opened(copy.path());
    let ids: Vec<&String> = plan.points.iter().map(|point| &point.entry.id).collect();
    let path = |nth: usize| copy.path().join("points").join(ids[nth]);
    let swap = |one: PathBuf, other: PathBuf| {
        let aside = copy.path().join("aside");
        for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
            fs::rename(from, to).expect("it can be renamed");
        }
    };
    let both = |first: usize, second: usize| vec![ids[first].clone(), ids[second].clone()];
    swap(path(1), path(4));
    assert_eq!(to_run_again(&plan, &folder), both(1, 4));
    swap(path(1), path(4));
    swap(path(2).join("summary.json"), path(3).join("summary.json"));
    assert_eq!(to_run_again(&plan, &folder), both(2, 3));
    swap(path(2).join("summary.json"), path(3).join("summary.json"));
    for bytes in [&b""[..], &[&fs::read(path(5).join("series.csv")).expect("it is there"), &b"\n"[..]].concat()] {
        let file = path(5).join("series.csv");
        let before = fs::read(&file).expect("it is there");
        fs::write(&file, bytes).expect("it can be written");
        assert_eq!(to_run_again(&plan, &folder), [ids[5].clone()]);
        fs::write(&file, before).expect("it can be written");
    }
    fs::remove_dir_all(path(6)).expect("it was there");
    fs::write(path(6), "no folder").expect("it can be written");
    assert_eq!(to_run_again(&plan, &folder), [ids[6].clone()]);
    let told = good(sweep(copy.path(), &[]));
    assert!(told.contains("computed 1, reused 7"), "{told}");
    assert_same(copy.path());
}

#[test]
fn a_merge_of_nothing_makes_nothing_and_strays_are_named() {
    let (root, plan) = planned();
    let typo = root.path().join("results");
    assert!(bad(merge(&typo, &plan), 2).contains("results: there is no such folder; name the folder that"));
    assert!(!typo.exists());
    assert!(bad(merge(root.path(), &plan), 2).contains("it has neither sweep.json nor points"));
    let copy = copied();
    let points = copy.path().join("points");
    fs::create_dir(points.join("0123456789abcdef")).expect("it can be made");
    fs::write(points.join(&ids()[3]).join("notes.txt"), "mine").expect("it can be written");
    let output = merge(copy.path(), &plan);
    let said = text(&output.stderr);
    good(output);
    let strays = format!("points/0123456789abcdef, points/{}/notes.txt", ids()[3]);
    assert!(said.contains(&strays) && said.lines().count() == 1, "{said}");
    assert!(points.join("0123456789abcdef").exists(), "what is not ours is left alone");
    let many: Vec<String> = (0..12).map(|nth| nth.to_string()).collect();
    assert_eq!(listed(&many), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    assert_eq!(listed(&many[..2]), "0, 1");
}

/// Takes or gives leave to write to everything below a folder; whoever may not write may still read.
fn allow_writing(folder: &Path, allowed: bool) {
    let more = if allowed { 0o200 } else { 0 };
    let names = tree(folder);
    for path in names.keys().map(|name| folder.join(name)).chain([folder.to_path_buf()]) {
        let mode = if path.is_dir() { 0o555 | more } else { 0o444 | more };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }
}

/// A command as somebody whom permissions bind, which they do not bind who owns everything.
fn bound(verb: &str) -> Command {
    let mut command = command(verb, &[]);
    if fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[test]
fn a_folder_that_is_only_read_is_enough_where_all_is_there() {
    let (root, plan) = planned();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let copy = copied();
    fs::write(copy.path().join(".points.csv.left0ver"), "id").expect("it can be written");
    allow_writing(copy.path(), false);
    let merged = bound("merge").arg(copy.path()).args(["--plan", &plan]).output().expect("the binary runs");
    assert!(good(merged).contains("| consensus.protocol |"));
    let again = || bound("sweep").args(arguments(copy.path())).output().expect("the binary runs");
    assert!(good(again()).contains("computed 0, reused 8"));
    allow_writing(copy.path(), true);
    fs::remove_file(copy.path().join(".points.csv.left0ver")).expect("it stayed");
    fs::remove_dir_all(copy.path().join("points").join(&ids()[2])).expect("it was there");
    allow_writing(copy.path(), false);
    let said = bad(again(), 1);
    assert!(
        said.contains(&format!("point {} cannot be kept", ids()[2])) && said.contains("Permission denied"),
        "{said}"
    );
    assert!(said.contains("finished points are kept") && said.lines().count() == 1, "{said}");
    allow_writing(copy.path(), true);
    assert!(good(sweep(copy.path(), &[])).contains("computed 1, reused 7"));
    assert_same(copy.path());
}

#[test]
fn a_point_takes_no_more_memory_than_is_set_aside_for_it() {
    let settings = ["consensus.protocol=mysticeti", "consensus.replicas=16", "world.load_tps=2000", "run.window_s=2"];
    let file = workloads().join("regional.toml").display().to_string();
    let given = settings.iter().flat_map(|setting| ["--set", setting]);
    let out = tempfile::tempdir().expect("a temporary folder");
    let ran = command("run", &[&file, "--modelled", "--quiet", "--json", "--threads", "1", "--out"])
        .arg(out.path())
        .args(given)
        .output();
    let summary: Summary = serde_json::from_str(&good(ran.expect("the binary runs"))).expect("it is JSON alone");
    let (taken, set_aside) =
        (summary.host.peak_rss_bytes, plan("", &settings, &GridRequest::default()).points[0].memory_bytes());
    assert!(taken <= set_aside && set_aside < 4 * taken, "{taken} of {set_aside} bytes");
}

#[test]
fn a_file_that_may_not_grow_is_one_clear_error() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("sweep");
    // Six or twelve kilobytes, by the shell: enough for the plan, too little for a summary.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 12; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_systole"), "sweep"])
        .args(arguments(&folder))
        .output();
    let said = bad(limited.expect("there is a shell"), 1);
    assert!(said.contains("cannot be kept") && said.contains("File too large") && said.lines().count() == 1, "{said}");
    assert_eq!(tree(&folder.join("points")).len(), 0, "nothing is left half-done");
    assert!(good(sweep(&folder, &[])).contains("computed 8, reused 0"));
    assert_same(&folder);
}

#[test]
fn a_full_disk_keeps_what_was_finished() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let [disk, kept, resumed] = ["disk", "kept", "resumed"].map(|name| root.path().join(name));
    fs::create_dir(&disk).expect("it can be made");
    // A disk of a few points, then of more; what is on it is copied out, as it goes with its namespace.
    let script = "disk=$1 kept=$2 resumed=$3; shift 3
        mount -t tmpfs -o size=160k tmpfs \"$disk\" || exit 99; mkdir \"$kept\"
        \"$@\"; status=$?; cp -r \"$disk/sweep/.\" \"$kept\"
        mount -o remount,size=8m \"$disk\" && \"$@\" && cp -r \"$disk/sweep\" \"$resumed\" || exit 98
        exit $status";
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .args([&disk, &kept, &resumed])
        .args([env!("CARGO_BIN_EXE_systole"), "sweep"])
        .args(arguments(&disk.join("sweep")))
        .args(["--jobs", "1"])
        .output();
    let Some(output) = output.ok().filter(|output| !matches!(output.status.code(), Some(1 | 99) if !kept.exists()))
    else {
        println!("no disk can be mounted here: not tried");
        return;
    };
    let said = bad(output, 1);
    assert!(said.contains("cannot be kept") && said.contains("No space left on device"), "{said}");
    let finished = there(&kept);
    assert!((1..POINTS).contains(&finished), "{finished} points fit");
    let found = tree(&kept);
    let expected = whole();
    assert!(found.iter().all(|(name, bytes)| expected.get(name) == Some(bytes)), "{:?}", found.keys());
    assert_same(&resumed);
}
