//! `systole bench`: what this host does of the canonical workload, in one table.

use std::fmt::Write;

use crate::report::line;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::args::Voice;
use super::control::Watch;
use super::exit::Failure;
use super::table::grouped;
use super::{host, print, print_json};

mod workloads;

use workloads::Protocols;

/// Arguments of `bench`.
#[derive(Args)]
pub(super) struct BenchArgs {
    /// The scenario that protocols are run on, four seconds of it, with signatures modelled.
    #[arg(value_name = "SCENARIO", default_value = "workloads/regional.toml")]
    pub scenario: PathBuf,
    /// How often everything is measured, in turns; the median counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repetitions: u32,
}

/// One rate, each time that it was measured.
struct Rate {
    group: &'static str,
    name: String,
    unit: &'static str,
    measured: Vec<f64>,
}

/// All rates, in the order in which they were measured first.
#[derive(Default)]
struct Rates(Vec<Rate>);

impl Rates {
    fn add(&mut self, group: &'static str, name: &str, unit: &'static str, rate: f64) {
        match self.0.iter_mut().find(|known| known.group == group && known.name == name && known.unit == unit) {
            Some(known) => known.measured.push(rate),
            None => self.0.push(Rate { group, name: name.into(), unit, measured: vec![rate] }),
        }
    }
}

/// A rate as it is printed.
#[derive(Serialize)]
struct Row {
    group: &'static str,
    name: String,
    unit: &'static str,
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Row {
    fn of(rate: Rate) -> Row {
        let Rate { group, name, unit, mut measured } = rate;
        measured.sort_by(f64::total_cmp);
        let (lowest, highest) = (measured[0], measured[measured.len() - 1]);
        // Of an even number the mean of the two in the middle.
        let (below, above) = (measured[(measured.len() - 1) / 2], measured[measured.len() / 2]);
        Row { group, name, unit, median: f64::midpoint(below, above), lowest, highest }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    tool_version: &'static str,
    git_commit: &'static str,
    profile: &'static str,
    cpu: String,
    cores: usize,
    repetitions: u32,
    rates: Vec<Row>,
}

/// Measures everything in turns, and prints the medians.
pub(super) fn bench(args: &BenchArgs, voice: Voice) -> Result<(), Failure> {
    let mut watch = Watch::start()?;
    watch.label("bench".into());
    let protocols = Protocols::new(&args.scenario)?;
    let mut rates = Rates::default();
    let total = u64::from(args.repetitions) * workloads::STEPS;
    for repetition in 0..u64::from(args.repetitions) {
        for step in 0..workloads::STEPS {
            if !watch.count(repetition * workloads::STEPS + step, total) {
                return Err(Failure::Interrupted("interrupted: a part of a benchmark says nothing".into()));
            }
            workloads::step(step, &protocols, &watch.interrupted(), &mut rates)?;
        }
    }
    watch.finish();
    let report = Report {
        tool_version: env!("CARGO_PKG_VERSION"),
        git_commit: env!("SYSTOLE_COMMIT"),
        profile: host::profile(),
        cpu: host::cpu(),
        cores: host::threads(None),
        repetitions: args.repetitions,
        rates: rates.0.into_iter().map(Row::of).collect(),
    };
    if voice.json { print_json(&report) } else { print(&text(&report)) }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    let Report { tool_version, git_commit, profile, cpu, cores, repetitions, .. } = report;
    line!(out, "bench: systole {tool_version} ({git_commit}, {profile}) on {cpu}, {cores} cores");
    if profile.starts_with("debug") {
        line!(out, "a debug build: these are not the rates of a release build");
    }
    line!(out, "one thread, median of {repetitions}");
    let mut groups: Vec<&str> = Vec::new();
    for row in &report.rates {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    for group in groups {
        line!(out);
        line!(out, "{group:<34} {:>12} {:>12} {:>12}", "median", "lowest", "highest");
        for row in report.rates.iter().filter(|row| row.group == group) {
            let [median, lowest, highest] = [row.median, row.lowest, row.highest].map(shown);
            line!(out, "{:<34} {median:>12} {lowest:>12} {highest:>12}  {}", row.name, row.unit);
        }
    }
    out
}

/// Three digits at least.
fn shown(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.2}") } else { grouped(rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let mut rates = Rates::default();
        [4.0, 1.0, 2.0, 9.0].into_iter().for_each(|rate| rates.add("group", "name", "events/s", rate));
        rates.add("group", "name", "simulated s/s", 7.0);
        let rows: Vec<Row> = rates.0.into_iter().map(Row::of).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].median, rows[0].lowest, rows[0].highest), (3.0, 1.0, 9.0));
        assert_eq!(rows[1].median, 7.0);
    }
}
