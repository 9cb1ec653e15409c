//! The command line: the only module that prints, reads the environment, and looks at the clock.

mod args;
mod audit;
mod bench;
mod calibrate;
mod check;
mod columns;
mod compare;
mod contracts;
mod control;
mod exit;
mod export;
mod help;
mod host;
mod limit;
mod limits;
mod plan;
mod regress;
mod replayed;
mod report;
mod run;
mod sweep;
mod table;
mod trace;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use args::{Arguments, Command, ScenarioArgs, Voice};
use exit::Failure;

use crate::scenario::schema;

/// What this process has allocated so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapUse {
    /// Allocations and reallocations.
    pub allocations: u64,
    /// Bytes that these asked for.
    pub bytes: u64,
}

/// Runs the command of this process's arguments; `heap` says what was allocated so far.
pub fn main(heap: fn() -> HeapUse) -> ExitCode {
    let arguments = Arguments::parse();
    let voice = arguments.voice;
    control::hush(voice.quiet);
    let done = match &arguments.command {
        Command::Run(run) => run::run(run, voice),
        Command::Limit(limit) => limit::limit(limit, voice),
        Command::Sweep(sweep) => sweep::sweep(sweep, voice),
        Command::Compare(compare) => compare::compare(compare, voice),
        Command::Plan(plan) => plan::plan(plan, voice),
        Command::Point(point) => plan::point(point, voice),
        Command::Merge(merge) => plan::merge(merge, voice),
        Command::Regress(args) => regress::regress(args, voice, heap),
        Command::Report(asked) => report::report(asked, voice),
        Command::Bench(args) => bench::bench(args, voice),
        Command::Check(check) => check::check(check, voice),
        Command::Audit(audit) => audit::audit(audit, voice),
        Command::Export(args) => export::exported(args, voice),
        Command::Glossary => export::explained(voice),
        Command::Completions(args) => help::completions(args, voice),
        Command::Man(args) => help::man(args, voice),
        Command::Trace(args) => trace::trace(args, voice),
        Command::Validate(validate) => validated(validate, voice),
        Command::Schema => print_json(&schema()),
        Command::Calibrate(calibrate) => calibrate::calibrate(calibrate, voice),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn validated(args: &ScenarioArgs, voice: Voice) -> Result<(), Failure> {
    let (path, scenario) = (&args.path, args.load()?);
    let world = replayed::world(&scenario, &args.overrides)?;
    let loads = world.world_tps(scenario.file.world.hour_of_week);
    if voice.json {
        return print_json(&Valid {
            scenario: path,
            name: &scenario.file.name,
            world_tps: loads,
            trace: replayed::counted(&world),
        });
    }
    let trace = replayed::described(&world);
    print(&format!("{}: valid; the world's load at that hour is {loads:.0} transactions/s\n{trace}", path.display()))
}

/// What `systole validate --json` prints.
#[derive(Serialize)]
struct Valid<'a> {
    scenario: &'a Path,
    name: &'a str,
    /// The world's load at the scenario's hour, transactions/s.
    world_tps: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<replayed::Counted>,
}

/// Writes a value to standard output as JSON.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&format!("{}\n", serde_json::to_string_pretty(value).expect("what is printed is plain data")))
}

/// Writes to standard output; a closed pipe is no error of ours.
fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Runtime(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
