//! `systole limit` of many variants, or under several seeds.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::experiment::{
    Crew, GridRequest, LIMITS_FILE, LIMITS_TABLE, Limits, LimitsError, LimitsFolder, Plan, PlanRequest, ScenarioText,
    SweepError, Tally, VariantLimit, searched, unsearchable,
};
use crate::report::{figures_of_limits, line};
use crate::scenario::Worlds;

use super::args::{LimitArgs, Voice};
use super::columns::markdown;
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::limit::probe_settings;
use super::sweep::{Board, averaged, counted, estimated, usual_folder};
use super::table::grouped;
use super::{host, print, print_json};

/// Finds the saturation point of every variant and seed that is not there yet, and prints what they came to.
pub(super) fn limits(args: &LimitArgs, voice: Voice) -> Result<(), Failure> {
    let mut watch = Watch::start()?;
    let plan = planned(args)?;
    let path = args.out.clone().unwrap_or_else(|| usual_folder("limits", &plan));
    let failed = |error| failure(error, &plan, &args.scenario.path);
    let folder = LimitsFolder::open(&path, &plan.sheet()).map_err(failed)?;
    let stop = watch.interrupted();
    let usual = host::crew(args.jobs, plan.points.len(), &stop);
    let crew = Crew { threads: args.threads.map_or(usual.threads, usize::from), ..usual };
    let name = &plan.heading.scenario;
    let mut board = Board::new(&plan, "search", plan.points.len());
    let done = folder.run(&plan, &crew, |happened| {
        watch.label(format!("{name} limits, {} probes", folder.probes()));
        board.show(happened, &mut watch);
    });
    watch.finish();
    let tally = done.map_err(failed)?;
    let limits = folder.merge(&plan).map_err(failed)?;
    let figures = figures_of_limits(&path)?;
    report(&limits, tally, &path, &figures, voice)?;
    let without: Vec<String> = limits.variants.iter().filter(|variant| variant.unsustained() > 0).map(unmet).collect();
    if without.is_empty() { Ok(()) } else { Err(Failure::Slo(without)) }
}

fn planned(args: &LimitArgs) -> Result<Plan, Failure> {
    let grid = GridRequest { vary: args.vary.clone(), loads: None, replicates: args.replicates };
    let (settings, build) = (&args.scenario.overrides.settings, host::build());
    let request = PlanRequest { settings, grid: &searched(&grid), modelled: true, build };
    let plan = Plan::new(ScenarioText::read(&args.scenario.path)?, &request, &mut Worlds::default())?;
    match unsearchable(&plan) {
        Some(why) => Err(Failure::Usage(why)),
        None => Ok(plan),
    }
}

fn unmet(variant: &VariantLimit) -> String {
    let (without, of) = (variant.unsustained(), variant.replicates.len());
    format!("{}: no load that was probed is sustained ({without} of {of} searches)", variant.name())
}

/// How searches end that do not end well.
fn failure(error: LimitsError, plan: &Plan, scenario: &Path) -> Failure {
    match error {
        LimitsError::Folder(SweepError::OtherPlan { .. }) => Failure::Usage(error.to_string()),
        LimitsError::Interrupted { .. } => Failure::Interrupted(error.to_string()),
        LimitsError::Folder(_) | LimitsError::Incomplete { .. } => Failure::Runtime(error.to_string()),
        LimitsError::Run { search, load_tps, source } => {
            let point = &plan.points[search];
            let settings = probe_settings(point.entry.overrides.clone(), load_tps, &point.scenario);
            Failure::Run(source, Replay { scenario: scenario.into(), settings })
        }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    computed: usize,
    reused: usize,
    #[serde(flatten)]
    limits: &'a Limits,
}

/// Prints what all searches came to.
fn report(limits: &Limits, tally: Tally, path: &Path, figures: &[PathBuf], voice: Voice) -> Result<(), Failure> {
    if voice.json {
        let report = Report { computed: tally.computed, reused: tally.reused, limits };
        return print_json(&report);
    }
    print(&described(limits, tally, path, figures))
}

/// What people read.
fn described(limits: &Limits, tally: Tally, path: &Path, figures: &[PathBuf]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let Limits { scenario, replicates, variants, slo, .. } = limits;
    line!(out, "{scenario}: limits of {} variants, {}", variants.len(), averaged(*replicates, "search"));
    line!(out, "sustained: goodput at least 99 % of the load, and {}", slo.join(", "));
    line!(out);
    out += &table(variants);
    if variants.iter().any(|variant| variant.saturation_tps.is_some_and(|estimate| estimate.half_width_95 == Some(0.0)))
    {
        line!(out, "± 0: all searches of a variant ended in one bracket, and differ by less than its width");
    }
    line!(out);
    line!(out, "what to change first:");
    variants.iter().for_each(|variant| line!(out, "- {}", variant.advice));
    line!(out);
    if !limits.fits.is_empty() {
        line!(out, "scaling, X(N) = λN / (1 + σ(N−1) + κN(N−1)), 95 % intervals by profile likelihood:");
        limits.fits.iter().for_each(|fit| line!(out, "- {}", fit.says));
        line!(out);
    }
    line!(out, "{}", counted(tally));
    line!(out, "results      {}", path.display());
    let tables = [LIMITS_FILE, LIMITS_TABLE].map(|file| path.join(file));
    for file in tables.iter().chain(figures) {
        line!(out, "             {}", file.display());
    }
    out
}

/// The variants as a Markdown table.
fn table(variants: &[VariantLimit]) -> String {
    let varied = variants.iter().take(1).flat_map(|variant| variant.varied.iter().map(|(key, _)| key.clone()));
    let found = ["sustained, tx/s", "bracket, tx/s", "binds", "busy"].map(String::from);
    let mut rows: Vec<Vec<String>> = vec![varied.chain(found).collect()];
    for variant in variants {
        let mut row: Vec<String> = variant.varied.iter().map(|(_, value)| value.clone()).collect();
        row.push(match variant.saturation_tps {
            None => "nothing".into(),
            some => estimated(some),
        });
        row.push(bracket(variant));
        row.push(binding(variant));
        row.push(variant.binding_busy.map_or("".into(), |busy| format!("{:.0} %", busy * 100.0)));
        rows.push(row);
    }
    markdown(&rows)
}

fn bracket(variant: &VariantLimit) -> String {
    match (variant.lower_tps, variant.upper_tps) {
        (Some(lower), Some(upper)) => format!("{} to {}", grouped(lower), grouped(upper)),
        (Some(lower), None) => format!("from {}", grouped(lower)),
        (None, Some(upper)) => format!("below {}", grouped(upper)),
        (None, None) => "unknown".into(),
    }
}

/// What binds in most searches, and what else.
fn binding(variant: &VariantLimit) -> String {
    let others = variant.others();
    if others.is_empty() {
        return variant.binding_resource.clone();
    }
    let others: Vec<String> = others.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!("{} {} ({})", variant.binding_resource, variant.binding_in, others.join(", "))
}
