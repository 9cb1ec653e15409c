//! `systole compare`: designs side by side, from a scenario whose keys are varied or from folders of results.

mod table;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::experiment::{
    CompareRequest, Comparison, Figures, Loads, ScenarioText, Summary, SweepFolder, Tally, Variant,
};
use crate::scenario::Prices;

use super::args::{OverridesArgs, Voice};
use super::control::Watch;
use super::exit::Failure;
use super::sweep::{PointsArgs, failure, planned, replay, swept, usual_folder};
use super::{print, print_json};

/// Arguments of `compare`.
#[derive(Args)]
pub(super) struct CompareArgs {
    /// One scenario file, whose keys are varied; or folders of results: sweeps, each of whose designs is one, and single
    /// points.
    #[arg(value_name = "SCENARIO-OR-FOLDERS", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub overrides: OverridesArgs,
    #[command(flatten)]
    pub points: PointsArgs,
    /// A file with `[prices]`, which may be a scenario [default: those of the scenario; for folders, which know of no
    /// prices, the defaults].
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// The load to compare at, transactions/s [default: the largest that every design sustains that sustains any].
    #[arg(long, value_name = "LOAD")]
    pub at: Option<Loads>,
    /// The design that differences are from, by its name in the table [default: the recommended one].
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
    /// Print tables as Markdown.
    #[arg(long)]
    pub md: bool,
}

/// What was compared.
struct Subject {
    variants: Vec<Variant>,
    prices: Prices,
    /// How many points were simulated, where any were to be.
    tally: Option<Tally>,
    /// Where they are.
    folders: Vec<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    computed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reused: Option<usize>,
    results: Vec<String>,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

/// Sets designs side by side, and says which to choose.
pub(super) fn compare(args: &CompareArgs, voice: Voice) -> Result<(), Failure> {
    if args.md && voice.json {
        return Err(Failure::Usage("--md and --json: a table is printed in one form".into()));
    }
    let at_tps = match &args.at {
        None => None,
        Some(Loads(loads)) => match loads[..] {
            [load] => Some(load),
            _ => return Err(Failure::Usage("--at takes one load, such as 5k".into())),
        },
    };
    let subject = match &args.paths[..] {
        [path] if !path.is_dir() && is_scenario(path) => of_scenario(args, path, at_tps)?,
        paths => of_folders(args, paths)?,
    };
    let request = CompareRequest { prices: subject.prices, at_tps, baseline: args.baseline.clone() };
    let comparison = Comparison::of(&subject.variants, &request)?;
    if voice.json {
        let (computed, reused) = (subject.tally.map(|tally| tally.computed), subject.tally.map(|tally| tally.reused));
        let results = subject.folders.iter().map(|folder| folder.display().to_string()).collect();
        let report = Report { computed, reused, results, comparison: &comparison };
        return print_json(&report);
    }
    print(&table::of_comparison(&comparison, subject.tally, &subject.folders, args.md))
}

/// Whether a path that is no folder is meant to be a scenario, be it there or not.
fn is_scenario(path: &Path) -> bool {
    path.is_file() || path.extension().is_some_and(|extension| extension == "toml")
}

/// Runs the grid of a scenario, as `sweep` does, and into the same folder.
fn of_scenario(args: &CompareArgs, scenario: &Path, at_tps: Option<f64>) -> Result<Subject, Failure> {
    let prices = match &args.prices {
        Some(path) => {
            if let Some(setting) = args.overrides.settings.iter().find(|setting| Prices::is_set_by(setting)) {
                let what =
                    format!("--set {setting}: prices are those of --prices {}; change them there", path.display());
                return Err(Failure::Usage(what));
            }
            Prices::load(path)?
        }
        // What all designs have in common need be no scenario by itself.
        None => ScenarioText::read(scenario)?.prices(&args.overrides.settings)?,
    };
    let plan = planned(scenario, &args.overrides, &args.points.grid)?;
    // Before anything runs.
    Variant::check_plan(&plan, at_tps, args.baseline.as_deref())?;
    let mut watch = Watch::start()?;
    let path = args.points.out.clone().unwrap_or_else(|| usual_folder("sweep", &plan));
    let failed = |error| failure(error, &|point| replay(&plan, point, scenario));
    let folder = SweepFolder::open(&path, &plan.sheet()).map_err(failed)?;
    let wanted: Vec<usize> = (0..plan.points.len()).collect();
    let (ran, summaries): (_, Vec<Summary>) =
        swept(&folder, &plan, &wanted, args.points.jobs, &mut watch).map_err(failed)?;
    folder.tabulate(&plan, &summaries.iter().map(Figures::from).collect::<Vec<_>>()).map_err(failed)?;
    let variants = Variant::of_plan(&plan, &summaries)?;
    Ok(Subject { variants, prices, tally: Some(ran.tally), folders: vec![path] })
}

/// Reads stored results, and runs nothing.
fn of_folders(args: &CompareArgs, paths: &[PathBuf]) -> Result<Subject, Failure> {
    if let Some(scenario) = paths.iter().find(|path| !path.is_dir() && is_scenario(path)) {
        return Err(Failure::Usage(format!(
            "{} is a scenario: compare takes one scenario alone, or folders of results alone; run it by `systole sweep` \
             and name the folder",
            scenario.display()
        )));
    }
    let CompareArgs { overrides, points: PointsArgs { grid, jobs, out }, .. } = args;
    let runs = [
        ("--vary", !grid.vary.is_empty()),
        ("--load", grid.load.is_some()),
        ("--replicates", grid.replicates.is_some()),
        ("--modelled", grid.modelled),
        ("--set", !overrides.settings.is_empty()),
        ("--strict", overrides.strict),
        ("--jobs", jobs.is_some()),
        ("--out", out.is_some()),
    ];
    if let Some((option, _)) = runs.iter().find(|(_, given)| *given) {
        return Err(Failure::Usage(format!(
            "{option} goes with a scenario file; folders of results are read, and nothing is run"
        )));
    }
    let prices = args.prices.as_ref().map_or_else(|| Ok(Prices::default()), |path| Prices::load(path))?;
    Ok(Subject { variants: Variant::read(paths)?, prices, tally: None, folders: paths.to_vec() })
}
