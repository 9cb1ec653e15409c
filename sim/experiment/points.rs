//! `points.csv`: a row for each point and replicate, in the grid's order; virtual time only, units in the names.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::metrics::Definition;

use super::Figures;
use super::plan::Plan;

/// The table of a plan and its points' figures. A cell is empty where there is nothing to say: a latency that nothing
/// has, a load that the world decides on, a resource or contracts that only other points have.
pub(super) fn points_csv(plan: &Plan, figures: &[Figures]) -> Vec<u8> {
    let replicates = plan.heading.grid.replicates as usize;
    let origin = |nth: usize| Origin {
        id: plan.points[nth].entry.id.clone(),
        varied: plan.varied(nth),
        load_tps: plan.load_tps(nth),
        replicate: nth % replicates,
    };
    let origins: Vec<Origin> = (0..figures.len()).map(origin).collect();
    table(origins.iter().zip(figures))
}

/// What a point followed from, as far as the table says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The digest of its inputs, shortened: names its folder.
    pub id: String,
    /// Key and value of what is varied, without the load.
    pub varied: Vec<(String, String)>,
    /// Load that it is given, transactions/s, if it is given one.
    pub load_tps: Option<f64>,
    /// Which of its replicates it is, from 0 on.
    pub replicate: usize,
}

/// The table of points from wherever they are known.
pub(super) fn table<'a>(points: impl Iterator<Item = (&'a Origin, &'a Figures)> + Clone) -> Vec<u8> {
    // One by one: to collect them would sort the names of all points.
    let mut resources: BTreeSet<&String> = BTreeSet::new();
    points.clone().for_each(|(_, figures)| resources.extend(figures.utilisation.keys()));
    csv_of(&points.collect::<Vec<_>>(), |_, (origin, figures)| {
        let mut row = inputs(origin, figures);
        row.extend(measured(figures, &resources));
        row
    })
}

/// The cells of a row, each with its column's name.
pub(super) type Cells = Vec<(String, String)>;

/// A table with the row of each thing, by its number; rows have the same columns.
pub(super) fn csv_of<T: Sync>(things: &[T], row: impl Fn(usize, &T) -> Cells + Sync) -> Vec<u8> {
    let heading = things.first().map(|first| record(row(0, first).iter().map(|(name, _)| name)));
    let line = |(nth, thing)| record(row(nth, thing).iter().map(|(_, value)| value));
    let lines: Vec<Vec<u8>> = things.par_iter().enumerate().map(line).collect();
    [heading.unwrap_or_default(), lines.concat()].concat()
}

fn record<'a>(cells: impl Iterator<Item = &'a String>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory does not fail");
    writer.into_inner().expect("writing to memory does not fail")
}

/// A share of a capacity, 0 to 1, in percent: it was counted in millionths, whose hundredths these are.
pub(super) fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

/// What a point followed from. A varied key has its own name.
fn inputs(origin: &Origin, figures: &Figures) -> Cells {
    let cell = |name: &str, value: String| (name.to_string(), value);
    let load = origin.load_tps.map(|load| load.to_string()).unwrap_or_default();
    let mut row = vec![cell("id", origin.id.clone())];
    // Where seeds are varied, their own column says so.
    row.extend(origin.varied.iter().filter(|(key, _)| key != "seed").cloned());
    row.push(cell("load_tps", load));
    row.push(cell("replicate", origin.replicate.to_string()));
    row.push(cell("seed", figures.seed.to_string()));
    row.push(cell("digest", figures.digest.to_string()));
    row
}

fn measured(figures: &Figures, resources: &BTreeSet<&String>) -> Cells {
    let cell = |name: &str, value: String| (name.to_string(), value);
    let mut row = vec![
        cell("offered_tps", figures.offered_tps.to_string()),
        cell("throughput_tps", figures.throughput_tps.to_string()),
        cell("goodput_tps", figures.goodput_tps.to_string()),
    ];
    for name in Definition::ALL.map(Definition::name) {
        let latency = &figures.latency_ms[name];
        let known = |value: f64| if latency.count == 0 { String::new() } else { value.to_string() };
        for (quantile, value) in [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99)] {
            row.push(cell(&format!("{name}_{quantile}_ms"), known(value)));
        }
    }
    row.push(cell("messages_per_tx", figures.messages_per_tx.to_string()));
    row.push(cell("bytes_per_tx", figures.bytes_per_tx.to_string()));
    for resource in resources {
        let used = figures.utilisation.get(*resource).map(|used| percent(used.max).to_string());
        row.push(cell(&format!("{resource}_max_percent"), used.unwrap_or_default()));
    }
    let refused = figures.refused_total().map(|refused| refused.to_string());
    row.push(cell("binding_resource", figures.binding_resource.clone()));
    row.push(cell("slo_met", figures.meets_slos().to_string()));
    row.push(cell("rejected_total", figures.rejected_total().to_string()));
    row.push(cell("contracts_refused_total", refused.unwrap_or_default()));
    row
}
