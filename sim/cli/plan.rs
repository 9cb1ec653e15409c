//! `systole plan`, `point` and `merge`: a sweep in pieces, which may be run on many machines.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::experiment::{Got, Halt, PlanError, PlanFile, SweepError, SweepFolder, listed};
use crate::scenario::Worlds;

use super::args::{ScenarioArgs, Voice};
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::sweep::{GridArgs, failure, planned, replay, report};
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
    /// No progress on standard error.
    #[arg(long)]
    pub quiet: bool,
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
    /// Print the table as JSON on standard output, alone.
    #[arg(long)]
    pub json: bool,
}

/// Writes the plan of a sweep.
pub(super) fn plan(args: &PlanArgs, voice: Voice) -> Result<(), Failure> {
    let plan = planned(&args.scenario, &args.grid)?;
    let unwritable = |source| PlanError::Io { path: args.output.clone(), source };
    fs::write(&args.output, plan.to_lines()).map_err(unwritable)?;
    if voice.json {
        return print_json(&json!({"plan": args.output, "points": plan.points.len()}));
    }
    print(&format!("{}: {} points\n", args.output.display(), plan.points.len()))
}

/// Has one point of a plan there.
pub(super) fn point(args: &PointArgs, voice: Voice) -> Result<(), Failure> {
    let file = PlanFile::read(&args.plan, &host::build())?;
    let point = file.point(&args.id)?;
    let scenario = file.scenario_file();
    let again = || Replay { scenario: scenario.into(), settings: point.entry.overrides.clone() };
    replayed::tell(&point.world, args.strict)?;
    let folder = SweepFolder::open(&args.out, &file.sheet).map_err(|error| failure(error, &|_| again()))?;
    let mut watch = Watch::start(args.quiet)?;
    let id = &point.entry.id;
    watch.label(format!("{} {id}", file.sheet.heading.scenario));
    let mut corrupt = None;
    let got = folder.obtain(&point, host::threads(args.threads), &mut watch, |error| corrupt = Some(error));
    watch.finish();
    if let Some(error) = corrupt {
        watch.say(&format!("point {id} was corrupt: {error}"));
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
pub(super) fn merge(args: &MergeArgs) -> Result<(), Failure> {
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
        eprintln!(
            "systole: {}: {count} there that are no part of the sweep, and ignored: {names}",
            args.folder.display()
        );
    }
    report(&plan, &merged.summaries, &args.folder, None, args.json)
}
