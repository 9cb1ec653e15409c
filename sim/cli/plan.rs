//! `systole plan`, `point` and `merge`: a sweep in pieces, which may be run on many machines.

use std::env;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use crate::experiment::{
    Figures, Got, Halt, JobEngine, JobError, JobPlace, Plan, PlanFile, SweepError, SweepFolder, listed, write_whole,
};
use crate::report::line;
use crate::scenario::Worlds;

use super::args::{ScenarioArgs, Voice};
use super::control::{Watch, note};
use super::exit::{Failure, Replay};
use super::sweep::{GridArgs, failure, planned, replay, report, usual_folder};
use super::{host, print, print_json, replayed};

/// Arguments of `plan`.
#[derive(Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    #[command(flatten)]
    pub grid: GridArgs,
    /// Where the plan is written: JSON lines, the heading first.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Also write a job file beside the plan that runs all of its points.
    #[arg(long, value_name = "ENGINE", value_parser = engines())]
    pub emit: Option<JobEngine>,
    /// The sweep's folder, for the job file [default: results/SCENARIO/sweep-HASH, by the plan].
    #[arg(long, value_name = "DIR", requires = "emit")]
    pub out: Option<PathBuf>,
}

fn engines() -> impl TypedValueParser<Value = JobEngine> {
    let names = JobEngine::ALL.map(|(name, _)| name);
    PossibleValuesParser::new(names).map(|name| {
        let named = JobEngine::ALL.into_iter().find(|(known, _)| *known == name);
        named.expect("only names of engines get here").1
    })
}

/// Arguments of `point`.
#[derive(Args)]
pub(super) struct PointArgs {
    /// What `systole plan` wrote.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// Which point: its id, or its number in the plan from 0 on.
    #[arg(long, value_name = "ID")]
    pub id: String,
    /// The sweep's folder.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Worker threads; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Fail on the first malformed line of the scenario's trace. A plan that was made so needs it no more: a trace with
    /// other lines is another one.
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `merge`.
#[derive(Args)]
pub(super) struct MergeArgs {
    /// The sweep's folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What `systole plan` wrote.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// Fail on the first malformed line of the scenario's trace.
    #[arg(long)]
    pub strict: bool,
}

/// Writes the plan of a sweep, and how to run it.
pub(super) fn plan(args: &PlanArgs, voice: Voice) -> Result<(), Failure> {
    let plan = planned(&args.scenario.path, &args.scenario.overrides, &args.grid)?;
    let job = args.emit.map(|engine| Job::new(engine, &plan, args)).transpose()?;
    write_whole(&args.output, plan.to_lines().as_bytes())?;
    job.iter().try_for_each(|job| write_whole(&job.path, job.text.as_bytes()))?;
    if voice.json {
        let (path, next) = (job.as_ref().map(|job| &job.path), job.as_ref().map(|job| &job.next));
        return print_json(&json!({"plan": args.output, "points": plan.points.len(), "job": path, "next": next}));
    }
    let mut out = format!("{}: {} points\n", args.output.display(), plan.points.len());
    if let Some(job) = job {
        line!(out, "{}: next,", job.path.display());
        job.next.iter().for_each(|command| line!(out, "  {command}"));
    }
    print(&out)
}

/// A job file.
struct Job {
    path: PathBuf,
    text: String,
    next: Vec<String>,
}

impl Job {
    fn new(engine: JobEngine, plan: &Plan, args: &PlanArgs) -> Result<Job, Failure> {
        let path = args.output.with_extension(engine.suffix());
        if path == args.output {
            return Err(Failure::Usage(format!("{}: the job file is called so; call the plan .jsonl", path.display())));
        }
        let folder = env::current_dir().map_err(|error| Failure::Runtime(format!("the current folder: {error}")))?;
        let out = args.out.clone().unwrap_or_else(|| usual_folder("sweep", plan));
        let place = JobPlace { folder: &folder, plan: &args.output, out: &out };
        let unquotable = |error: JobError| Failure::Usage(error.to_string());
        let text = engine.job_file(plan, &place).map_err(unquotable)?;
        let next = engine.next(&path, &place).map_err(unquotable)?;
        Ok(Job { path, text, next })
    }
}

/// Has one point of a plan there.
pub(super) fn point(args: &PointArgs, voice: Voice) -> Result<(), Failure> {
    let file = PlanFile::read(&args.plan, &host::build())?;
    let point = file.point(&args.id)?;
    let scenario = file.scenario_file();
    let again = || Replay { scenario: scenario.into(), settings: point.entry.overrides.clone() };
    replayed::tell(&point.world, args.strict)?;
    let folder = SweepFolder::open(&args.out, &file.sheet).map_err(|error| failure(error, &|_| again()))?;
    let mut watch = Watch::start()?;
    let id = &point.entry.id;
    watch.label(format!("{} {id}", file.sheet.heading.scenario));
    let mut corrupt = None;
    let got = folder.obtain::<Figures>(&point, host::threads(args.threads), &mut watch, |error| corrupt = Some(error));
    watch.finish();
    if let Some(error) = corrupt {
        watch.warn(&format!("point {id} was corrupt: {error}"));
    }
    let got = got.map_err(|halt| match halt {
        Halt::Store(source) => failure(SweepError::Unkept { id: id.clone(), source }, &|_| again()),
        Halt::Run(error) => Failure::Run(error, again()),
    })?;
    let what = match got.0 {
        Got::Computed => "computed",
        Got::Reused => "reused",
    };
    if voice.json {
        return print_json(&json!({"id": id, "got": what, "results": folder.of_point(id)}));
    }
    print(&format!("{what} {}\n", folder.of_point(id).display()))
}

/// Checks that every point of a plan is there, and writes and prints their table.
pub(super) fn merge(args: &MergeArgs, voice: Voice) -> Result<(), Failure> {
    let file = PlanFile::read(&args.plan, &host::build())?;
    let scenario = file.scenario_file().to_path_buf();
    let mut worlds = Worlds::default();
    let plan = file.plan(&mut worlds)?;
    worlds.traced().try_for_each(|world| replayed::tell(world, args.strict))?;
    let failed = |error| failure(error, &|point| replay(&plan, point, &scenario));
    let folder = SweepFolder::find(&args.folder, &plan.sheet()).map_err(failed)?;
    let merged = folder.merge(&plan).map_err(failed)?;
    if !merged.strays.is_empty() {
        let (count, names) = (merged.strays.len(), listed(&merged.strays));
        let what = "there that are no part of the sweep, and ignored";
        note(&format!("{}: {count} {what}: {names}", args.folder.display()));
    }
    report(&plan, &merged.figures, &args.folder, None, voice)
}
