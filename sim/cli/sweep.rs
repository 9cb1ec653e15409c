//! `systole sweep`, and what it shares with `plan`, `point` and `merge`.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::base::Digest;
use crate::experiment::{
    Cell, Crew, Estimate, Figures, Got, GridRequest, Happened, Held, Loads, POINTS_FILE, Plan, PlanRequest,
    ScenarioText, SweepError, SweepFolder, Tally, Variation, point_id,
};
use crate::report::line;
use crate::scenario::Worlds;

use super::args::{OverridesArgs, ScenarioArgs, Voice};
use super::control::Watch;
use super::exit::{Failure, Replay};
use super::table::grouped;
use super::{columns, host, print, print_json, replayed};

/// The grid, beside what `[sweep]` of the scenario says.
#[derive(Args)]
pub(super) struct GridArgs {
    /// Values that a key takes: consensus.protocol=jolteon,pbft. May be repeated; the first key changes slowest.
    #[arg(long, value_name = "KEY=VALUE,VALUE")]
    pub vary: Vec<Variation>,
    /// Loads, transactions/s: 1k..200k/10 for ten evenly spaced on a logarithmic scale, or 1k,5k,2M.
    #[arg(long, value_name = "LOADS")]
    pub load: Option<Loads>,
    /// Runs of each combination, under seeds one after the other [default: what [sweep] says, else 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub replicates: Option<u32>,
    /// Charge for signatures without computing them; the result is the same.
    #[arg(long)]
    pub modelled: bool,
}

/// A grid that is run here.
#[derive(Args)]
pub(super) struct PointsArgs {
    #[command(flatten)]
    pub grid: GridArgs,
    /// Points at a time; the result does not depend on it [default: the host's cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// The sweep's folder; one that is there is resumed [default: results/SCENARIO/sweep-HASH, by the plan].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `sweep`.
#[derive(Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    #[command(flatten)]
    pub points: PointsArgs,
    /// Run every N-th point only, from the I-th on; when all shards are done, the same command without this makes the
    /// table.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// When all points are there, also draw them, as `systole report` does.
    #[arg(long, conflicts_with = "shard")]
    pub report: bool,
}

/// Every `of`-th point from the `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    first: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(first, of)| Some((first.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((first, of)) if (1..=of).contains(&first) => Ok(Shard { first: first - 1, of }),
            _ => Err("write I/N with I from 1 to N, such as 1/4".into()),
        }
    }
}

/// Plans a sweep: every point is valid.
pub(super) fn planned(path: &Path, overrides: &OverridesArgs, grid: &GridArgs) -> Result<Plan, Failure> {
    let request = GridRequest { vary: grid.vary.clone(), loads: grid.load.clone(), replicates: grid.replicates };
    let request =
        PlanRequest { settings: &overrides.settings, grid: &request, modelled: grid.modelled, build: host::build() };
    let mut worlds = Worlds::default();
    let plan = Plan::new(ScenarioText::read(path)?, &request, &mut worlds)?;
    worlds.traced().try_for_each(|world| replayed::tell(world, overrides.strict))?;
    Ok(plan)
}

/// Runs every point of a grid that is not there yet, and prints what they came to.
pub(super) fn sweep(args: &SweepArgs, voice: Voice) -> Result<(), Failure> {
    let SweepArgs { scenario, points, .. } = args;
    let mut watch = Watch::start()?;
    let plan = planned(&scenario.path, &scenario.overrides, &points.grid)?;
    let path = points.out.clone().unwrap_or_else(|| usual_folder("sweep", &plan));
    let shard = args.shard.unwrap_or(Shard { first: 0, of: 1 });
    let wanted: Vec<usize> = (shard.first..plan.points.len()).step_by(shard.of).collect();
    let failed = |error| failure(error, &|point| replay(&plan, point, &scenario.path));
    let folder = SweepFolder::open(&path, &plan.sheet()).map_err(failed)?;
    let (ran, figures) = swept(&folder, &plan, &wanted, points.jobs, &mut watch).map_err(failed)?;
    if args.shard.is_some() {
        let of = plan.points.len();
        if voice.json {
            let Tally { computed, reused } = ran.tally;
            let shard =
                json!({"points": wanted.len(), "of": of, "computed": computed, "reused": reused, "results": path});
            return print_json(&shard);
        }
        let what =
            format!("{} of {of} points: {}\nresults      {}\n", wanted.len(), counted(ran.tally), path.display());
        return print(&what);
    }
    folder.tabulate(&plan, &figures).map_err(failed)?;
    report(&plan, &figures, &path, Some(&ran), voice)?;
    if !args.report {
        return Ok(());
    }
    let reported = super::report::drawn(&path, host::threads(points.jobs))?;
    if voice.json { Ok(()) } else { print(&super::report::said(&reported)) }
}

/// Has every point of `wanted` there, and shows how far it is; returns what is held of each, in that order.
pub(super) fn swept<H: Held>(
    folder: &SweepFolder,
    plan: &Plan,
    wanted: &[usize],
    jobs: Option<u16>,
    watch: &mut Watch,
) -> Result<(Ran, Vec<H>), SweepError> {
    folder.tidy(wanted.iter().map(|&nth| &plan.points[nth]))?;
    let stop = watch.interrupted();
    let crew = host::crew(jobs, wanted.len(), &stop);
    let fewer = Fewer::of(plan, wanted, &crew);
    fewer.iter().for_each(|fewer| watch.note(&fewer.to_string()));
    watch.label(format!("{} sweep", plan.heading.scenario));
    let mut board = Board::new(plan, "point", wanted.len());
    let done = folder.run(plan, wanted, &crew, |happened| board.show(happened, watch));
    watch.finish();
    let (tally, held) = done?;
    Ok((Ran { tally, jobs: crew.jobs, fewer }, held))
}

/// Why fewer points run at a time than there are cores.
#[derive(Debug, Serialize)]
struct Fewer {
    /// Of the largest of them, so many run at a time.
    largest_at_a_time: u64,
    /// What one of those may take, bytes.
    largest_bytes: u64,
    /// What was available when it began, bytes.
    available_bytes: u64,
}

impl Fewer {
    fn of(plan: &Plan, wanted: &[usize], crew: &Crew<'_>) -> Option<Fewer> {
        let largest_bytes = wanted.iter().map(|&nth| plan.points[nth].memory_bytes()).max()?;
        let available_bytes = crew.memory?;
        let largest_at_a_time = (available_bytes / largest_bytes).max(1);
        (largest_at_a_time < crew.jobs as u64).then_some(Fewer { largest_at_a_time, largest_bytes, available_bytes })
    }
}

impl Display for Fewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        write!(
            f,
            "memory limits how many points run at a time, to {} of the largest: one may take {:.1} GB, and {:.1} GB are \
             available; --jobs overrides this",
            self.largest_at_a_time,
            gigabytes(self.largest_bytes),
            gigabytes(self.available_bytes)
        )
    }
}

/// How a sweep was run in this process.
pub(super) struct Ran {
    pub tally: Tally,
    jobs: usize,
    fewer: Option<Fewer>,
}

/// Where the results of a plan go that is given no folder, a sweep's or another's: another plan has another.
pub(super) fn usual_folder(kind: &str, plan: &Plan) -> PathBuf {
    let sheet = serde_json::to_vec(&plan.sheet()).expect("a plan is plain data");
    let name = format!("{kind}-{}", point_id(&Digest::of(&sheet)));
    Path::new("results").join(&plan.heading.scenario).join(name)
}

/// How a sweep ends that does not end well; `replay` says how to see a point again.
pub(super) fn failure(error: SweepError, replay: &dyn Fn(usize) -> Replay) -> Failure {
    match error {
        SweepError::OtherPlan { .. } | SweepError::NoSweep { .. } => Failure::Usage(error.to_string()),
        SweepError::Interrupted { .. } => Failure::Interrupted(error.to_string()),
        SweepError::Store(_)
        | SweepError::Unkept { .. }
        | SweepError::CorruptPlan(_)
        | SweepError::Incomplete { .. } => Failure::Runtime(error.to_string()),
        SweepError::Run { point, source } => Failure::Run(source, replay(point)),
    }
}

/// How to see the `nth` point of a plan again.
pub(super) fn replay(plan: &Plan, nth: usize, scenario: &Path) -> Replay {
    Replay { scenario: scenario.into(), settings: plan.points[nth].entry.overrides.clone() }
}

/// What is shown while points run.
pub(super) struct Board<'a> {
    plan: &'a Plan,
    /// What a point of the plan is called.
    what: &'static str,
    total: usize,
    tally: Tally,
    running: BTreeSet<usize>,
    started: Instant,
}

impl<'a> Board<'a> {
    pub fn new(plan: &'a Plan, what: &'static str, total: usize) -> Board<'a> {
        Board { plan, what, total, tally: Tally::default(), running: BTreeSet::new(), started: Instant::now() }
    }

    pub fn show(&mut self, happened: Happened, watch: &mut Watch) {
        match happened {
            Happened::Waited => {}
            Happened::Begun(nth) => drop(self.running.insert(nth)),
            Happened::Corrupt(nth, error) => {
                let id = &self.plan.points[nth].entry.id;
                watch.warn(&format!("{} {id} is corrupt and computed again: {error}", self.what));
            }
            Happened::Done(nth, Got::Computed) => {
                self.running.remove(&nth);
                self.tally.computed += 1;
            }
            Happened::Done(nth, Got::Reused) => {
                self.running.remove(&nth);
                self.tally.reused += 1;
                // Thousands come at once: what is shown next counts them.
                return;
            }
        }
        let done = self.tally.computed + self.tally.reused;
        watch.count_with(done as u64, self.total as u64, &self.note(done));
    }

    /// How long it may still take, by what computed points took, and what runs.
    fn note(&self, done: usize) -> String {
        let left = (self.total - done) as u32;
        let mean = self.started.elapsed().checked_div(self.tally.computed as u32);
        let eta = mean.map(|mean| Duration::from_secs((mean * left).as_secs()));
        let eta = eta.map(|eta| format!(", about {} left", humantime::format_duration(eta))).unwrap_or_default();
        let current = self.running.first().map(|&nth| format!("; {}", self.plan.described(nth))).unwrap_or_default();
        eta + &current
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    scenario: &'a str,
    points: usize,
    replicates: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    computed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reused: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_by_memory: Option<&'a Fewer>,
    cells: &'a [Cell],
}

pub(super) fn counted(tally: Tally) -> String {
    format!("computed {}, reused {}", tally.computed, tally.reused)
}

/// Prints what the points of a whole sweep came to.
pub(super) fn report(
    plan: &Plan,
    figures: &[Figures],
    path: &Path,
    ran: Option<&Ran>,
    voice: Voice,
) -> Result<(), Failure> {
    let cells = Cell::of_plan(plan, figures);
    let (scenario, replicates) = (plan.heading.scenario.as_str(), plan.heading.grid.replicates);
    if voice.json {
        let report = Report {
            scenario,
            points: figures.len(),
            replicates,
            computed: ran.map(|ran| ran.tally.computed),
            reused: ran.map(|ran| ran.tally.reused),
            jobs: ran.map(|ran| ran.jobs),
            limited_by_memory: ran.and_then(|ran| ran.fewer.as_ref()),
            cells: &cells,
        };
        return print_json(&report);
    }
    let mut out = String::new();
    line!(out, "{scenario}: {} points, {}", figures.len(), averaged(replicates, "run"));
    line!(out);
    out += &markdown(&cells);
    line!(out);
    ran.into_iter().for_each(|ran| line!(out, "{}", counted(ran.tally)));
    line!(out, "results      {}", path.display());
    line!(out, "             {}", path.join(POINTS_FILE).display());
    print(&out)
}

/// The cells as a Markdown table whose columns are aligned.
fn markdown(cells: &[Cell]) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let varied = cells.iter().take(1).flat_map(|cell| cell.varied.iter().map(|(key, _)| key.clone()));
    let measured = ["load, tx/s", "goodput, tx/s", "reply p50, ms", "p99, ms", "binds", "SLO met"];
    rows.push(varied.chain(measured.map(String::from)).collect());
    for cell in cells {
        let mut row: Vec<String> = cell.varied.iter().map(|(_, value)| value.clone()).collect();
        row.push(cell.load_tps.map_or("the world's".into(), grouped));
        row.extend([cell.goodput_tps, cell.reply_p50_ms, cell.reply_p99_ms].map(estimated));
        row.push(cell.binding_resource.clone());
        row.push(format!("{} of {}", cell.slo_met, cell.replicates));
        rows.push(row);
    }
    columns::markdown(&rows)
}

/// What a figure of so many replicates is.
pub(super) fn averaged(replicates: u32, what: &str) -> String {
    match replicates {
        1 => format!("one {what} each"),
        _ => format!("mean of {replicates} ± half a 95 % confidence interval"),
    }
}

pub(super) fn estimated(estimate: Option<Estimate>) -> String {
    match estimate {
        None => "none".into(),
        Some(Estimate { mean, half_width_95: None }) => grouped(mean),
        Some(Estimate { mean, half_width_95: Some(half) }) => format!("{} ± {}", grouped(mean), grouped(half)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_has_no_mean() {
        assert_eq!(averaged(1, "run"), "one run each");
        assert_eq!(averaged(3, "run"), "mean of 3 ± half a 95 % confidence interval");
    }

    #[test]
    fn shards_are_numbered_from_one() {
        assert_eq!("2/3".parse(), Ok(Shard { first: 1, of: 3 }));
        for text in ["0/3", "4/3", "3", "1/0", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
