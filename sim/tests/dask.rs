//! A sweep on the workers of a Dask cluster: one is killed in the middle, and the folder ends as ever.
//!
//! It needs Python from 3.10 on, and PyPI the first time. Where those are missing it says so and passes, unless
//! `SYSTOLE_REQUIRE` lists `dask`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use systole::base::Digest;

use crate::product::{bad, command, good};
use crate::sweep::{POINTS, assert_same, grid_arguments, there};

const PATIENCE: Duration = Duration::from_secs(180);

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// Runs a program that prepares something.
fn ran(program: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_string();
    if output.status.success() { Ok(()) } else { Err(format!("{} {}: {}", program.display(), args.join(" "), said())) }
}

/// A Python that has what the script asks for: made once for each list of requirements.
fn python() -> Result<PathBuf, String> {
    let requirements = scripts().join("requirements-dask.txt");
    let asked = fs::read(&requirements).expect("it is shipped");
    let name = format!("dask-{}", &Digest::of(&asked).to_string()[..16]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (python, whole) = (folder.join("bin/python"), folder.join("whole"));
    if whole.exists() {
        return Ok(python);
    }
    let system = Path::new("python3");
    ran(system, &["-c", "import sys; assert sys.version_info >= (3, 10), 'Python 3.10 is needed'"])?;
    ran(system, &["-m", "venv", "--clear", &folder.display().to_string()])?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    ran(&python, &[&install[..], &[&requirements.display().to_string()]].concat())?;
    fs::write(whole, "").expect("it can be written");
    Ok(python)
}

/// Programs by process id: the parent's id and the name.
fn processes() -> BTreeMap<u32, (u32, String)> {
    let known = |entry: fs::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let mut fields = after.split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
        (state != "Z").then(|| (id, (parent, before.split_once('(').map_or("", |(_, name)| name).to_string())))
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(known).collect()
}

/// A sweep by the script.
struct Cluster {
    python: PathBuf,
    root: tempfile::TempDir,
    plan: String,
}

impl Cluster {
    fn new(python: PathBuf) -> Cluster {
        let root = tempfile::tempdir().expect("a temporary folder");
        let plan = root.path().join("plan.jsonl").display().to_string();
        let args = grid_arguments();
        good(command("plan", &[]).args(args).args(["-o", &plan]).output().expect("the binary runs"));
        Cluster { python, root, plan }
    }

    fn out(&self) -> PathBuf {
        self.root.path().join("sweep")
    }

    fn begin(&self) -> Child {
        Command::new(&self.python)
            .arg(scripts().join("sweep_dask.py"))
            .args(["--plan", &self.plan, "--workers", "2", "--systole", env!("CARGO_BIN_EXE_systole"), "--out"])
            .arg(self.out())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python runs")
    }

    /// Waits until `points` are there and a worker computes another one; its process and that of the computation.
    fn busy(&self, script: &mut Child, points: usize) -> (u32, u32) {
        let began = Instant::now();
        loop {
            let all = processes();
            let computes = |(id, (parent, name)): (&u32, &(u32, String))| {
                let worker = all.get(parent).filter(|(above, _)| *above == script.id());
                (name == "systole" && worker.is_some()).then_some((*parent, *id))
            };
            let found = all.iter().find_map(computes);
            if let Some(found) = found.filter(|_| (points..POINTS - 1).contains(&there(&self.out()))) {
                return found;
            }
            assert!(script.try_wait().expect("it can be asked").is_none(), "it ended before a worker was seen");
            assert!(began.elapsed() < PATIENCE, "no point came");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn signalled(signal: &str, process: u32) {
    let told = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(told.expect("there is a kill").success());
}

fn gone(process: u32) {
    let began = Instant::now();
    while processes().contains_key(&process) {
        assert!(began.elapsed() < PATIENCE, "{process} is left behind");
        thread::sleep(Duration::from_millis(10));
    }
}

fn ended(script: Child) -> Output {
    script.wait_with_output().expect("it ends")
}

#[test]
fn a_worker_is_killed_and_the_folder_ends_as_that_of_one_sweep() {
    let python = match python() {
        Ok(python) if Path::new("/proc/self/stat").exists() => python,
        Ok(_) => return println!("there is no /proc: not tried"),
        Err(why) => {
            let required = std::env::var("SYSTOLE_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|name| name.trim() == "dask"), "dask is required: {why}");
            return println!("Dask cannot be had: not tried: {why}");
        }
    };
    let cluster = Cluster::new(python);
    let mut script = cluster.begin();
    let (said, stopped) = loop {
        let stopped = cluster.busy(&mut script, 1);
        signalled("-INT", script.id());
        let output = ended(script);
        if output.status.code() != Some(0) {
            break (bad(output, 130), stopped);
        }
        // The last point was there before the signal was.
        std::fs::remove_dir_all(cluster.out()).expect("it is there");
        script = cluster.begin();
    };
    let (worker, computing) = stopped;
    assert!(said.contains("interrupted; finished points are kept"), "{said}");
    [worker, computing].into_iter().for_each(gone);
    let kept = there(&cluster.out());
    assert!((1..POINTS).contains(&kept), "{kept} points are there");

    let mut script = cluster.begin();
    let (worker, computing) = cluster.busy(&mut script, kept);
    signalled("-KILL", worker);
    gone(computing);
    let told = good(ended(script));
    assert!(told.contains("| consensus.protocol |"), "{told}");
    assert_same(&cluster.out());

    fs::write(&cluster.plan, "{}\n").expect("it can be written");
    assert!(bad(ended(cluster.begin()), 2).contains("this is no plan of a sweep"));
}
