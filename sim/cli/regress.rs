//! `systole regress`.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;

use crate::engine::{Control, Progress};
use crate::experiment::regress::{Baseline, Gate, Host, Injected, Measured, Meter, RegressError, Verdict, compare};
use crate::report::ci;

use super::args::Voice;
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::{HeapUse, host, print, print_json};

mod text;

/// Where a job of GitHub's says that its summary goes.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Arguments of `regress`.
#[derive(Args)]
pub(super) struct RegressArgs {
    /// The cases, and what they came to when they were blessed; scenarios are looked for from its folder.
    #[arg(long, value_name = "FILE", default_value = "results/baseline.json")]
    pub baseline: PathBuf,
    /// Approve of what is measured: write it into the baseline. Makes one where there is none.
    #[arg(long, conflicts_with_all = ["injected", "settings"])]
    pub bless: bool,
    /// Where the verdict is written, in every format.
    #[arg(long, value_name = "DIR", default_value = "results/regress")]
    pub out: PathBuf,
    /// Runs of each case as A, and as many as A', in turns: what they differ by is the noise of wall time.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Override a key in every case, to see what the gate would say: crypto.costs=costs.toml. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// Alter a measured metric, or all whose names begin so, to see the gate fail: submit_to_reply=+3%. May be
    /// repeated.
    #[arg(long = "inject", value_name = "METRIC=+N%")]
    pub injected: Vec<Injected>,
}

/// Runs the baseline's cases, and says what changed.
pub(super) fn regress(args: &RegressArgs, voice: Voice, heap: fn() -> HeapUse) -> Result<(), Failure> {
    let mut watch = Watch::start()?;
    let mut baseline = read(args)?;
    let gate = Gate::new(&baseline, &args.baseline, &args.settings)?;
    let measured = measure(args, &gate, heap, &mut watch);
    watch.finish();
    let mut measured = measured.map_err(|error| failure(error, &gate))?;
    args.injected.iter().try_for_each(|injected| injected.apply(&mut measured))?;
    let host = Host { at: host::now(), cpu: host::cpu(), profile: host::profile().into() };
    let mut verdict = Verdict::new(host::build(), &args.baseline, compare(&baseline, &gate, &measured), host);
    verdict.injected = args.injected.iter().map(ToString::to_string).collect();
    verdict.settings = args.settings.clone();
    if args.bless {
        baseline.bless(&measured);
        baseline.write(&args.baseline)?;
        return said(&verdict, voice, &text::of_blessing(&verdict));
    }
    let files = keep(args, &mut verdict, &watch)?;
    said(&verdict, voice, &text::of_verdict(&verdict, &files))?;
    if verdict.passed { Ok(()) } else { Err(Failure::Regression(text::complaint(&verdict))) }
}

/// The baseline; the usual cases where one is to be made.
fn read(args: &RegressArgs) -> Result<Baseline, Failure> {
    if !args.bless {
        return Ok(Baseline::read(&args.baseline)?);
    }
    match Baseline::read_cases(&args.baseline) {
        Err(RegressError::Missing(path)) => {
            let here = |error| Failure::Runtime(format!("{}: {error}", path.display()));
            Ok(Baseline::usual(&way_to_workloads(&path).map_err(here)?))
        }
        read => Ok(read?),
    }
}

/// From the folder of `baseline` to `workloads` of the current one.
fn way_to_workloads(baseline: &Path) -> io::Result<PathBuf> {
    let here = env::current_dir()?;
    let folder = here.join(baseline.parent().unwrap_or(Path::new("")));
    Ok(way(&tidied(&folder), &here.join("workloads")))
}

/// A path without `.` and `..`.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(tidied.pop()),
            part => tidied.push(part),
        }
    }
    tidied
}

/// From one absolute path to another.
fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

fn measure(
    args: &RegressArgs,
    gate: &Gate,
    heap: fn() -> HeapUse,
    watch: &mut Watch,
) -> Result<Vec<Measured>, RegressError> {
    let started = Instant::now();
    let meter = || {
        let HeapUse { allocations, bytes } = heap();
        Meter { elapsed: started.elapsed(), allocations, allocated_bytes: bytes }
    };
    let runs = gate.cases.len() as u64 * 2 * u64::from(args.rounds);
    let mut stop = Stop(watch.interrupted());
    watch.label("regress".into());
    gate.measure(args.rounds, &meter, &mut stop, |done| {
        watch.count(done as u64, runs);
    })
}

/// Stops a run at Ctrl-C. It shows nothing meanwhile, as that would allocate.
struct Stop(Arc<AtomicBool>);

impl Control for Stop {
    fn proceed(&mut self, _: &Progress) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// Writes the verdict in every format; returns the files. Altered verdicts are no history.
fn keep(args: &RegressArgs, verdict: &mut Verdict, watch: &Watch) -> Result<Vec<PathBuf>, Failure> {
    let earlier = ci::earlier_walls(&args.out, &verdict.host)?;
    verdict.recall(|case| earlier.get(case).cloned().unwrap_or_default());
    let mut files = vec![verdict.keep(&args.out)?];
    files.extend(ci::ci_files(&args.out)?);
    if verdict.is_plain() {
        files.push(ci::append_history(&args.out, verdict)?);
    }
    if let Some(path) = env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
        let open = OpenOptions::new().create(true).append(true).open(&path);
        let written = open.and_then(|mut file| file.write_all(ci::step_summary(verdict).as_bytes()));
        if let Err(error) = written {
            // The verdict is what the job is for.
            watch.warn(&format!("{STEP_SUMMARY}: {}: {error}", Path::new(&path).display()));
        }
    }
    Ok(files)
}

fn said(verdict: &Verdict, voice: Voice, text: &str) -> Result<(), Failure> {
    if voice.json { print_json(verdict) } else { print(text) }
}

/// How a gate ends that has no verdict.
fn failure(error: RegressError, gate: &Gate) -> Failure {
    match error {
        RegressError::Run { nth, source, .. } => {
            let case = &gate.cases[nth];
            Failure::Run(*source, Replay { scenario: case.path.clone(), settings: case.settings.clone() })
        }
        error => error.into(),
    }
}

impl From<RegressError> for Failure {
    fn from(error: RegressError) -> Failure {
        let message = error.to_string();
        match error {
            RegressError::Missing(_)
            | RegressError::Malformed { .. }
            | RegressError::Schema { .. }
            | RegressError::Scenario { .. }
            | RegressError::NoSuchMetric { .. } => Failure::Usage(message),
            RegressError::Unsteady { .. } => Failure::Regression(message),
            RegressError::Unreadable { .. } | RegressError::Run { .. } | RegressError::Store(_) => {
                Failure::Runtime(message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_a_baseline_to_the_workloads_goes_up_and_down() {
        let to = |from: &str| way(&tidied(Path::new(from)), Path::new("/a/b/workloads")).display().to_string();
        assert_eq!(to("/a/b/results"), "../workloads");
        assert_eq!(to("/a/b/c/../results/./x"), "../../workloads");
        assert_eq!(to("/a/b"), "workloads");
        assert_eq!(to("/tmp/x"), "../../a/b/workloads");
    }
}
