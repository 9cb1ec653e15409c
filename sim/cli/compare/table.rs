//! A comparison as tables and sentences.

use std::fmt::Write;
use std::path::PathBuf;

use crate::cli::columns::{markdown, plain, width};
use crate::cli::sweep::counted;
use crate::experiment::{
    Against, At, Comparison, Criterion, Difference, Estimate, LEAST_SHARE, Method, Row, Tally, Verdict, figure,
    interval, percent,
};
use crate::report::line;

/// What a terminal is wide.
const COLUMNS: usize = 120;
/// Behind the name of an efficient design.
const MARK: &str = "*";

/// What is said of a design in one cell.
enum Cell {
    Mean(Option<Estimate>),
    Text(String),
}

/// A line of the table: a heading, and a cell of each design.
struct Metric {
    name: String,
    cells: Vec<Cell>,
}

/// Metrics that belong together.
struct Group {
    name: String,
    metrics: Vec<Metric>,
}

/// Everything, for a terminal or as Markdown.
pub(super) fn of_comparison(found: &Comparison, tally: Option<Tally>, folders: &[PathBuf], md: bool) -> String {
    let mut out = String::new();
    heading(&mut out, found, md);
    designs(&mut out, found, md);
    differences(&mut out, found, md);
    let title = match found.advice.verdict {
        Verdict::Recommended | Verdict::Tied => "Recommendation",
        Verdict::NoneSustains | Verdict::SingleRuns => "No recommendation",
    };
    section(&mut out, title, md);
    for reason in &found.advice.reasons {
        paragraph(&mut out, reason, md);
    }
    line!(out);
    paragraph(&mut out, &prices(found), md);
    line!(out);
    tally.into_iter().for_each(|tally| line!(out, "{}", counted(tally)));
    for folder in folders {
        line!(out, "results      {}", folder.display());
    }
    out
}

fn heading(out: &mut String, found: &Comparison, md: bool) {
    let counts = found.designs.iter().map(|row| row.replicates);
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    let runs = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    let plural = if most == 1 { "run" } else { "runs" };
    let precise = if least > 1 { "; ± is half a 95 % confidence interval" } else { "" };
    line!(out, "{} designs, {runs} {plural} of each{precise}", found.designs.len());
    let at = found.compared_at.words();
    match found.compared_at {
        At::Common { sustained: true, .. } => {
            line!(out, "all but goodput at SLO {at}, which every design sustains that sustains any load");
        }
        At::Common { sustained: false, .. } => {
            line!(out, "all but goodput at SLO {at}, which not every design sustains")
        }
        At::Own => line!(out, "the designs have no load in common: each is shown at its own, so compare with care"),
    }
    if found.designs.iter().any(|row| row.is_efficient) {
        // A star at the beginning of a line would make it a list in Markdown.
        let mark = if md { format!("`{MARK}`") } else { MARK.into() };
        line!(
            out,
            "{mark} is efficient: no other is shown to be better in goodput, p99, cost or faults and worse in none"
        );
    }
    line!(out);
}

fn section(out: &mut String, title: &str, md: bool) {
    if md {
        line!(out, "### {title}\n");
    } else {
        line!(out, "{title}");
    }
}

/// The tables: a design is a column where all fit beside each other, else a row.
fn designs(out: &mut String, found: &Comparison, md: bool) {
    let (groups, names) = (groups(found), names(found));
    let upright = |group: &Group| {
        let rows = group.metrics.iter().map(|metric| {
            let cells = metric.cells.iter().map(|cell| written(cell, true));
            std::iter::once(metric.name.clone()).chain(cells).collect()
        });
        rows.collect::<Vec<Vec<String>>>()
    };
    let titled = |title: &str| std::iter::once(title.to_string()).chain(names.iter().cloned()).collect::<Vec<String>>();
    let all: Vec<Vec<String>> = std::iter::once(titled(""))
        .chain(groups.iter().flat_map(|group| {
            let blank = |first: &str| std::iter::once(first.to_string()).chain(names.iter().map(|_| String::new()));
            let title = [blank("").collect(), blank(&group.name).collect()];
            title.into_iter().chain(upright(group))
        }))
        .collect();
    if width(&all) <= COLUMNS && !md {
        *out += &plain(&all);
        line!(out);
        return;
    }
    for group in &groups {
        let rows = if width(&all) <= COLUMNS {
            std::iter::once(titled(&group.name)).chain(upright(group)).collect()
        } else {
            lying(group, &names)
        };
        *out += &if md { markdown(&rows) } else { plain(&rows) };
        line!(out);
    }
}

/// A design is a row; intervals would not fit.
fn lying(group: &Group, names: &[String]) -> Vec<Vec<String>> {
    let metrics = || group.metrics.iter();
    let heading = std::iter::once(group.name.clone()).chain(metrics().map(|metric| metric.name.trim().into()));
    let rows = names.iter().enumerate().map(|(nth, name)| {
        std::iter::once(name.clone()).chain(metrics().map(|metric| written(&metric.cells[nth], false))).collect()
    });
    std::iter::once(heading.collect()).chain(rows).collect()
}

fn names(found: &Comparison) -> Vec<String> {
    let named = |row: &Row| if row.is_efficient { format!("{} {MARK}", row.name) } else { row.name.clone() };
    found.designs.iter().map(named).collect()
}

fn written(cell: &Cell, with_interval: bool) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Mean(None) => "-".into(),
        Cell::Mean(Some(Estimate { mean, half_width_95: Some(half) })) if with_interval && *half > 0.0 => {
            interval(*mean, *half)
        }
        Cell::Mean(Some(Estimate { mean, .. })) => figure(*mean),
    }
}

fn groups(found: &Comparison) -> Vec<Group> {
    let mean = |name: &str, value: &dyn Fn(&Row) -> Option<Estimate>| Metric {
        name: name.into(),
        cells: found.designs.iter().map(|row| Cell::Mean(value(row))).collect(),
    };
    let text = |name: &str, value: &dyn Fn(&Row) -> String| Metric {
        name: name.into(),
        cells: found.designs.iter().map(|row| Cell::Text(value(row))).collect(),
    };
    let group = |name: &str, metrics: Vec<Metric>| Group { name: name.into(), metrics };
    let mut groups = vec![
        group(
            "Service",
            vec![
                text("goodput at SLO, tx/s", &at_slo),
                text("binds beyond", &|row| row.stopped_by.as_ref().map_or("not tried".into(), |name| bound(name))),
                mean("offered, tx/s", &|row| row.offered_tps),
                mean("goodput, tx/s", &|row| row.goodput_tps),
                text("SLO met", &|row| format!("{} of {}", row.slo_met, row.replicates)),
                text("binds", &|row| bound(&row.binding_resource)),
            ],
        ),
        Group { name: "Latency, ms".into(), metrics: latencies(found) },
        Group { name: "Receipt p99, ms".into(), metrics: by_region(found) },
        group(
            "Replicas",
            vec![
                mean("messages/tx", &|row| row.messages_per_tx),
                mean("bytes/tx", &|row| row.bytes_per_tx),
                mean("CPU, core-s/1,000 tx", &|row| row.cpu_core_s_per_1000_tx.total),
                mean("  protocol", &|row| row.cpu_core_s_per_1000_tx.protocol),
                mean("  crypto", &|row| row.cpu_core_s_per_1000_tx.crypto),
                mean("  execution", &|row| row.cpu_core_s_per_1000_tx.execution),
                mean("busy cores, %", &|row| scaled(row.cpu_busy_share, 100.0)),
                mean("egress, MB/s", &|row| scaled(row.egress_bytes_per_s, 1e-6)),
            ],
        ),
    ];
    groups.push(group(
        "Ledger",
        vec![
            mean("bytes/tx", &|row| row.ledger_bytes_per_tx),
            mean("TB/year", &|row| scaled(row.ledger_bytes_per_year, 1e-12)),
            mean("all copies, TB/year", &|row| scaled(row.ledger_copies_bytes_per_year, 1e-12)),
            text("stands", &stood),
        ],
    ));
    groups.push(group(
        &format!("{} per million tx", found.prices.currency),
        vec![
            mean("machines", &|row| row.cost_per_million_tx.machines),
            mean("egress", &|row| row.cost_per_million_tx.egress),
            mean(&format!("storage, {} years", found.prices.retention_years), &|row| row.cost_per_million_tx.storage),
            mean("energy", &|row| row.cost_per_million_tx.energy),
            mean("total", &|row| row.cost_per_million_tx.total),
            mean("total at SLO limit", &|row| row.cost_at_slo_per_million_tx),
            mean("energy, Wh", &|row| scaled(row.cost_per_million_tx.energy_kwh, 1e3)),
        ],
    ));
    groups
}

fn latencies(found: &Comparison) -> Vec<Metric> {
    let known = found.designs.first().into_iter().flat_map(|row| row.latency_ms.keys());
    let both = |definition: &String| {
        let cells = |pick: fn(&crate::experiment::Quantiles) -> Option<Estimate>| {
            found.designs.iter().map(|row| Cell::Mean(pick(&row.latency_ms[definition]))).collect()
        };
        let name = definition.trim_start_matches("submit_");
        [
            Metric { name: format!("{name} p50"), cells: cells(|latency| latency.p50) },
            Metric { name: format!("{name} p99"), cells: cells(|latency| latency.p99) },
        ]
    };
    known.flat_map(both).collect()
}

fn by_region(found: &Comparison) -> Vec<Metric> {
    let known = found.designs.first().into_iter().flat_map(|row| row.reply_p99_by_region_ms.keys());
    let metric = |region: &String| {
        let of = |row: &Row| Cell::Mean(row.reply_p99_by_region_ms.get(region).copied().flatten());
        Metric { name: region.clone(), cells: found.designs.iter().map(of).collect() }
    };
    let has_any = |metric: &Metric| metric.cells.iter().any(|cell| matches!(cell, Cell::Mean(Some(_))));
    // A region without hospitals says nothing of any design.
    known.map(metric).filter(has_any).collect()
}

fn at_slo(row: &Row) -> String {
    match row.goodput_at_slo_tps {
        None => "none".into(),
        found => {
            let sign = if row.is_largest_load { "≥ " } else { "" };
            format!("{sign}{}", written(&Cell::Mean(found), true))
        }
    }
}

fn bound(resource: &str) -> String {
    if resource == "none" { "no resource".into() } else { resource.into() }
}

fn stood(row: &Row) -> String {
    match &row.stands {
        None => "-".into(),
        Some(stands) => match stands.faults.as_str() {
            "byzantine" => format!("{} of {} lying", stands.replicas, stands.of),
            "crash" => format!("{} of {} crashed", stands.replicas, stands.of),
            _ => "nothing".into(),
        },
    }
}

fn scaled(estimate: Option<Estimate>, by: f64) -> Option<Estimate> {
    let scale = |Estimate { mean, half_width_95 }| Estimate {
        mean: mean * by,
        half_width_95: half_width_95.map(|half| half * by),
    };
    estimate.map(scale)
}

/// Every design against the baseline.
fn differences(out: &mut String, found: &Comparison, md: bool) {
    section(out, &format!("Differences from {}", found.baseline), md);
    let heading = ["", "goodput at SLO, tx/s", "receipt p99, ms"].map(String::from);
    let cost = format!("{} per million tx", found.prices.currency);
    let rows = found.differences.iter().map(|against| {
        let cells = Criterion::ALL.map(|criterion| difference(against, criterion));
        std::iter::once(against.name.clone()).chain(cells).collect()
    });
    let rows: Vec<Vec<String>> = std::iter::once(heading.into_iter().chain([cost]).collect()).chain(rows).collect();
    *out += &if md { markdown(&rows) } else { plain(&rows) };
    let methods: Vec<Method> =
        found.differences.iter().filter_map(|against| Some(against.goodput_at_slo_tps?.method)).collect();
    if methods.iter().any(|method| *method != Method::Single) {
        let how = match methods.iter().all(|method| *method == Method::Paired) {
            true => "seed by seed (Student's t)",
            false => "seed by seed where seeds are the same (Student's t), else by means (Welch's t)",
        };
        let text = format!(
            "{how}; the {} differences between any two designs hold together with {:.0} % (Bonferroni); none is shown whose \
             interval has 0 in it, or that is less than {:.0} %",
            found.differences_together,
            found.confidence * 100.0,
            LEAST_SHARE * 100.0
        );
        if md {
            line!(out);
        }
        paragraph(out, &text, md);
    }
    line!(out);
}

fn difference(against: &Against, criterion: Criterion) -> String {
    match against.by(criterion) {
        None => "-".into(),
        Some(Difference { half_width: None, .. }) => "single run".into(),
        Some(Difference { untried: true, .. }) => "not tried above".into(),
        Some(Difference { shown: false, .. }) => "no difference shown".into(),
        Some(Difference { mean, half_width: Some(half), share, .. }) => {
            let sign = if *mean > 0.0 { "+" } else { "" };
            let share = share.map(|share| format!(" ({})", percent(share))).unwrap_or_default();
            format!("{sign}{}{share}", interval(*mean, *half))
        }
    }
}

fn prices(found: &Comparison) -> String {
    let prices = &found.prices;
    let [vcpu, egress, storage, years, joules, kwh] = [
        prices.vcpu_hour,
        prices.egress_gb,
        prices.storage_gb_month,
        prices.retention_years,
        prices.core_second_joules,
        prices.energy_kwh,
    ];
    let currency = &prices.currency;
    format!(
        "Prices: {vcpu} {currency} a vCPU-hour, {egress} a GB that leaves a replica, {storage} a GB-month for {years} years, \
         {kwh} a kWh at {joules} J a core-second. Cores are paid busy or not. Left out: hospitals' machines and lines, memory, \
         discounts, backups, people."
    )
}

/// Text in lines that fit a terminal; Markdown breaks its own.
fn paragraph(out: &mut String, text: &str, md: bool) {
    if md {
        line!(out, "{text}");
        return;
    }
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS {
            line!(out);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        *out += word;
        column += length;
    }
    line!(out);
}
