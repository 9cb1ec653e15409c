//! The command line: the only module that prints, reads the environment, and looks at the clock.

mod args;
mod audit;
mod calibrate;
mod check;
mod columns;
mod compare;
mod contracts;
mod control;
mod exit;
mod host;
mod limit;
mod plan;
mod run;
mod sweep;
mod table;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, ScenarioArgs};
use exit::Failure;

use crate::scenario::{Scenario, schema};

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Run(run) => run::run(run),
        Command::Limit(limit) => limit::limit(limit),
        Command::Sweep(sweep) => sweep::sweep(sweep),
        Command::Compare(compare) => compare::compare(compare),
        Command::Plan(plan) => plan::plan(plan),
        Command::Point(point) => plan::point(point),
        Command::Merge(merge) => plan::merge(merge),
        Command::Check(check) => check::check(check),
        Command::Audit(audit) => audit::audit(audit),
        Command::Validate(validate) => validated(validate),
        Command::Schema => emit_schema(),
        Command::Calibrate(calibrate) => calibrate::calibrate(calibrate),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn validated(args: &ScenarioArgs) -> Result<(), Failure> {
    let (path, scenario) = (&args.scenario, Scenario::load(&args.scenario, &args.settings)?);
    let world = trace::world(&scenario, args)?;
    let loads = world.world_tps(scenario.file.world.hour_of_week);
    let trace = trace::described(&world);
    print(&format!("{}: valid; the world's load at that hour is {loads:.0} transactions/s\n{trace}", path.display()))
}

fn emit_schema() -> Result<(), Failure> {
    let schema = serde_json::to_string_pretty(&schema()).expect("a schema is plain data");
    print(&format!("{schema}\n"))
}

/// Writes to standard output; a closed pipe is no error of ours.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Runtime(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
