//! What can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::experiment::{Loads, Variation};
use crate::health::Patient;
use crate::scenario::{Scenario, ScenarioError};

use super::audit::patient;
use super::bench::BenchArgs;
use super::check::CheckArgs;
use super::compare::CompareArgs;
use super::export::ExportArgs;
use super::help::{CompletionsArgs, ManArgs};
use super::plan::{MergeArgs, PlanArgs, PointArgs};
use super::regress::RegressArgs;
use super::report::ReportArgs;
use super::sweep::SweepArgs;
use super::trace::TraceArgs;

/// How far does a ledger design scale under the world's healthcare load, and what stops it?
#[derive(Parser)]
#[command(name = "systole", version, about, after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub voice: Voice,
    #[command(subcommand)]
    pub command: Command,
}

/// How a command says what it has to say: every command takes these.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Voice {
    /// Print the result as JSON on standard output, alone.
    #[arg(long, global = true)]
    pub json: bool,
    /// Nothing on standard error but errors.
    #[arg(long, global = true)]
    pub quiet: bool,
}

const AFTER_HELP: &str = "Exit codes: 0 ok, 1 runtime error, 2 bad usage or scenario, 3 regression, 4 SLO failed, \
5 safety violated or ledger altered, 130 interrupted.";

/// The commands.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Simulate a scenario and say what it measured.
    Run(RunArgs),
    /// Find the largest load that a scenario sustains under its SLO.
    Limit(LimitArgs),
    /// Run every point of a grid, several times each, and resume where it was stopped.
    Sweep(SweepArgs),
    /// Set designs side by side, and say which to choose and why.
    Compare(CompareArgs),
    /// Write the points of a sweep as a plan, one a line, to run them anywhere.
    Plan(PlanArgs),
    /// Run one point of a plan, unless it is there.
    Point(PointArgs),
    /// Check that every point of a plan is there, and write their table.
    Merge(MergeArgs),
    /// Run the cases of a baseline, and fail on whatever is not as it was blessed.
    Regress(RegressArgs),
    /// Draw what a folder holds: one page, report.html, and figures as SVG and PNG.
    Report(ReportArgs),
    /// Measure this host: rates of cryptography, of the event queue and of protocols, in one table.
    Bench(BenchArgs),
    /// Run random fault schedules against a protocol, with every judge on.
    Check(CheckArgs),
    /// Check a ledger that `run --ledger` wrote, and say who looked at a patient's data, with proofs.
    Audit(AuditArgs),
    /// Record messages and work of a few nodes for ui.perfetto.dev.
    Trace(TraceArgs),
    /// Write stored results as CSV, JSON, Markdown, or histograms.
    Export(ExportArgs),
    /// Say what the columns of result files mean: name, unit, meaning.
    Glossary,
    /// Check a scenario and its data without running it.
    Validate(ScenarioArgs),
    /// Print the JSON Schema (draft-07) of scenarios.
    Schema,
    /// Measure what this host's operations cost, as a cost table.
    Calibrate(CalibrateArgs),
    /// Print what a shell completes: source it, or put it where the shell looks.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}

/// Which scenario.
#[derive(Args)]
pub(super) struct ScenarioArgs {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub path: PathBuf,
    #[command(flatten)]
    pub overrides: OverridesArgs,
}

impl ScenarioArgs {
    /// Reads the scenario as it is asked for.
    pub fn load(&self) -> Result<Scenario, ScenarioError> {
        Scenario::load(&self.path, &self.overrides.settings)
    }
}

/// How a scenario file is read.
#[derive(Args)]
pub(super) struct OverridesArgs {
    /// Overrides a key of the scenario: consensus.replicas=16. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// Fail on the first malformed line of the scenario's trace.
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `run`.
#[derive(Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Worker threads; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Where results are kept.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub out: PathBuf,
    /// Charge for signatures without computing them; the result is the same.
    #[arg(long)]
    pub modelled: bool,
    /// Also write the ledger, ledger.ndjson, into the results: about 1 kB for each transaction. For `systole audit`; only
    /// where contracts run.
    #[arg(long)]
    pub ledger: bool,
}

/// Arguments of `audit`.
#[derive(Args)]
pub(super) struct AuditArgs {
    /// The ledger, or the results folder that it is in; of a folder every file is checked against its manifest.
    #[arg(value_name = "FILE-OR-FOLDER")]
    pub ledger: PathBuf,
    /// Say who looked at this patient's data: when, what for, and whether that was allowed; each with an inclusion proof
    /// [default: say whose data were looked at most].
    #[arg(long, value_name = "HOSPITAL:NUMBER", value_parser = patient)]
    pub patient: Option<Patient>,
}

/// Arguments of `limit`.
#[derive(Args)]
pub(super) struct LimitArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Values that a key takes, as in `sweep`: consensus.protocol=jolteon,pbft. May be repeated; finds the limit of each
    /// combination.
    #[arg(long, value_name = "KEY=VALUE,VALUE")]
    pub vary: Vec<Variation>,
    /// Searches of each combination, under seeds one after the other [default: as `[sweep]` says, else 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub replicates: Option<u32>,
    /// Only here to say that the load is what is searched.
    #[arg(long, hide = true, value_name = "LOADS")]
    pub load: Option<Loads>,
    /// Searches at a time; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Worker threads of a search; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Where results are kept [default: results]; of several searches, by --vary, --replicates or `[sweep]`, the folder of
    /// the searches itself, which is resumed if it is there [default: results/SCENARIO/limits-HASH, by the plan].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `calibrate`.
#[derive(Args)]
pub(super) struct CalibrateArgs {
    /// Where the table is written; standard output without it.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Seconds to measure for.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub budget: u64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_takes_json_and_quiet() {
        let mut command = Arguments::command();
        command.build();
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let takes = |name: &str| one.get_arguments().any(|argument| argument.get_long() == Some(name));
            assert!(takes("json") && takes("quiet"), "{} does not take --json and --quiet", one.get_name());
        }
    }
}
