//! Faults of a sweep's folder: what is damaged, in the way, forbidden or full is one clear error, and nothing is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;

use crate::sweep::{POINTS, arguments, assert_same, bad, command, copied, good, ids, run, sweep, text, tree, whole};

/// The plan of the sweep, in a folder of its own, and its path.
fn planned() -> (TempDir, String) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let plan = root.path().join("plan.jsonl").display().to_string();
    let mut args = arguments(Path::new("none"));
    args.truncate(args.len() - 3);
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
