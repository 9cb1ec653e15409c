//! Job files: their text, and that they do what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect_file;
use systole::experiment::{GridRequest, JobEngine, JobPlace, Loads};

use crate::product::{bad, command, good};
use crate::sweep::{POINTS, assert_same, grid_arguments, plan};

const SYSTOLE: &str = env!("CARGO_BIN_EXE_systole");

fn texts(loads: usize) -> [String; 4] {
    let loads = (0..loads).map(|nth| 100.0 + nth as f64).collect();
    let asked = GridRequest { loads: Some(Loads(loads)), replicates: Some(2), ..GridRequest::default() };
    let plan = plan("", &["world.hospitals=20", "run.window_s=1"], &asked);
    let place = JobPlace {
        folder: Path::new("/shared/it's $HOME"),
        plan: Path::new("plan.jsonl"),
        out: Path::new("results/my designs"),
    };
    let text = |(_, engine): (_, JobEngine)| engine.job_file(&plan, &place).expect("it can be quoted");
    JobEngine::ALL.map(text).map(|text| text.replace(env!("CARGO_PKG_VERSION"), "VERSION"))
}

#[test]
fn job_files_are_as_they_were_looked_at() {
    let [slurm, kubernetes, hyper_queue, parallel] = texts(4);
    expect_file!["golden/plan.slurm"].assert_eq(&slurm);
    expect_file!["golden/plan.k8s.yaml"].assert_eq(&kubernetes);
    expect_file!["golden/plan.hq.sh"].assert_eq(&hyper_queue);
    expect_file!["golden/plan.parallel.sh"].assert_eq(&parallel);
}

#[test]
fn an_array_is_never_longer_than_slurm_allows() {
    let [slurm, ..] = texts(750);
    assert!(slurm.contains("#SBATCH --array=0-999\n"), "{slurm}");
    assert!(slurm.contains("point < 1500; point += 1000"), "{slurm}");
}

#[test]
fn paths_that_nothing_can_quote_are_refused() {
    let asked = plan("", &["world.hospitals=20"], &GridRequest::default());
    let folder = Path::new("/shared");
    let place = JobPlace { folder, plan: Path::new("a\nrm -rf b"), out: Path::new("c") };
    for (_, engine) in JobEngine::ALL {
        let error = engine.job_file(&asked, &place).expect_err("it has a line break").to_string();
        assert!(error.contains("line breaks"), "{error}");
    }
}

/// A folder with a plan in it, its job file and stand-ins for the engines' programs.
struct Site {
    root: tempfile::TempDir,
    said: String,
}

impl Site {
    fn new(engine: &str) -> Site {
        let root = tempfile::tempdir().expect("a temporary folder");
        let site = root.path().join("it's a site");
        fs::create_dir(&site).expect("it can be made");
        let mut args = grid_arguments();
        args.extend(["-o", "the plan.jsonl", "--emit", engine, "--out", "my sweep"].map(String::from));
        let said = good(command("plan", &[]).args(args).current_dir(&site).output().expect("the binary runs"));
        Site { root, said }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("it's a site")
    }

    /// Runs a shell from another folder, with `programs` on its path.
    fn bash(&self, programs: &[(&str, &str)], args: &[&str], task: usize) -> Output {
        let bin = self.root.path().join("bin");
        fs::create_dir_all(&bin).expect("it can be made");
        for (name, script) in programs {
            fs::write(bin.join(name), format!("#!/bin/bash\n{script}\n")).expect("it can be written");
            let made = Command::new("chmod").arg("+x").arg(bin.join(name)).status();
            assert!(made.expect("there is a chmod").success());
        }
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(args)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("SYSTOLE", SYSTOLE)
            .env("SLURM_ARRAY_TASK_ID", task.to_string())
            .current_dir(self.root.path())
            .output()
            .expect("there is a bash")
    }
}

#[test]
fn the_array_of_slurm_ends_as_one_sweep() {
    let site = Site::new("slurm");
    let next = "the plan.slurm: next,\n  sbatch 'the plan.slurm'\n  systole merge 'my sweep' --plan 'the plan.jsonl'\n";
    assert!(site.said.ends_with(next), "{}", site.said);
    for task in (0..POINTS).rev() {
        good(site.bash(&[], &["it's a site/the plan.slurm"], task));
    }
    let merge = "cd \"it's a site\" && \"$SYSTOLE\" merge 'my sweep' --plan 'the plan.jsonl'";
    good(site.bash(&[], &["-c", merge], 0));
    assert_same(&site.folder().join("my sweep"));
    fs::write(site.folder().join("the plan.jsonl"), "{}\n").expect("it can be written");
    let said = bad(site.bash(&[], &["it's a site/the plan.slurm"], 0), 2);
    assert!(said.contains("this is no plan of a sweep"), "{said}");
}

#[test]
fn scripts_of_hyper_queue_and_parallel_end_as_one_sweep() {
    // What these programs do with their arguments, one point after the other.
    let hq = "[ \"$1\" = submit ] || exit 9; while [ \"$1\" != -- ]; do shift; done; shift
              for HQ_TASK_ID in {0..7}; do export HQ_TASK_ID; \"$@\" || exit; done";
    let parallel = "while [ \"$1\" != -I ]; do shift; done; name=$2; shift 2
                    while read -r number; do \"${@/#$name/$number}\" </dev/null || exit; done";
    let site = Site::new("hq");
    assert!(good(site.bash(&[("hq", hq)], &["it's a site/the plan.hq.sh"], 0)).contains("| consensus.protocol |"));
    assert_same(&site.folder().join("my sweep"));
    let site = Site::new("parallel");
    // The real one where it is installed.
    let installed = Command::new("parallel").arg("--version").output().is_ok();
    let programs = [("parallel", parallel)];
    let programs = if installed { &[][..] } else { &programs[..] };
    let said = good(site.bash(programs, &["it's a site/the plan.parallel.sh"], 0));
    assert!(said.contains("| consensus.protocol |"), "{said}");
    assert_same(&site.folder().join("my sweep"));
}

#[test]
fn a_plan_is_not_overwritten_by_its_job_file() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let args = grid_arguments();
    let output = command("plan", &[])
        .args(args)
        .args(["-o", "plan.slurm", "--emit", "slurm"])
        .current_dir(root.path())
        .output()
        .expect("the binary runs");
    assert!(bad(output, 2).contains("the job file is called so; call the plan .jsonl"));
    assert!(!root.path().join("plan.slurm").exists());
}
