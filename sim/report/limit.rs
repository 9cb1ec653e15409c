//! The figures of a search for the saturation point.

use std::path::{Path, PathBuf};

use crate::metrics::Definition;
use crate::scenario::Slo;

use super::error::ReportError;
use super::figures::{Figure, write_svg};
use super::input::{self, Limit, ProbeRow};
use super::parts::{Band, Level, Line, Marks, Shade, Stroke};
use super::plot::Plot;
use super::scale::{Axis, Scale, latency, si};

/// Loads that differ by more than this factor are drawn on logarithmic axes.
pub(super) const WIDE: f64 = 12.0;

/// Draws a search from its folder's `probes.csv` and `limit.json`, and returns the files written:
///
/// - `fig/goodput.svg`: goodput and throughput against offered load, tx/s, with the line where they are equal;
/// - `fig/latency_vs_load.svg`: p50 and p99 of submit→reply against offered load, with the objectives on them.
///
/// Both shade the bracket of the saturation point; probes that failed are open markers. Nothing is written unless both
/// files are present and valid.
pub fn figures_of_limit(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let probes = input::probes(&folder.join("probes.csv"))?;
    let limit = input::limit(&folder.join("limit.json"))?;
    let plots = [("goodput", goodput(&probes, &limit)), ("latency_vs_load", latency_vs_load(&probes, &limit))];
    write_svg(folder, &plots.map(|(name, plot)| Figure::new(name, plot.svg())))
}

fn subtitle(limit: &Limit) -> String {
    let scenario = limit.scenario.as_ref().map(|name| format!("scenario {name}"));
    let layer = limit.dissemination.as_ref().map(|name| format!("{name} dissemination"));
    let objective = format!("objective {}", if limit.slo.is_empty() { "none".into() } else { limit.slo.join(" and ") });
    let parts = [scenario, limit.protocol.clone(), layer, Some(objective)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}; open markers: not sustained", parts.join(", "))
}

/// What was found, in words: the name of the shaded band.
fn bracket(probes: &[ProbeRow], limit: &Limit) -> Vec<Band> {
    let (first, last) = (probes[0].offered_tps, probes[probes.len() - 1].offered_tps);
    let name = match (limit.lower_tps.filter(|&lower| lower > 0.0), limit.upper_tps) {
        (Some(lower), Some(upper)) => format!("saturates between {} and {} tx/s", si(lower), si(upper)),
        (Some(lower), None) => format!("not saturated at {} tx/s", si(lower)),
        (None, Some(upper)) => format!("saturated at {} tx/s already", si(upper)),
        (None, None) => return Vec::new(),
    };
    let binding = match limit.binding_resource.as_deref() {
        Some("none") | None => String::new(),
        Some(resource) => format!(", bound by {}", resource.replace('_', " ")),
    };
    let (from, to) = (limit.lower_tps.unwrap_or(first), limit.upper_tps.unwrap_or(last));
    vec![Band { from, to, name: name + &binding, shade: Shade::Found }]
}

fn offered_axis(probes: &[ProbeRow]) -> Axis {
    let (first, last) = (probes[0].offered_tps, probes[probes.len() - 1].offered_tps);
    let title = "offered load (tx/s)";
    if last > WIDE * first { Axis::log(first, last, title, si) } else { Axis::from_zero(last * 1.02, title, si) }
}

/// A line through the probes' cells, a marker on each.
fn line(index: usize, name: &str, probes: &[ProbeRow], cell: fn(&ProbeRow) -> Option<f64>) -> Line {
    let points: Vec<(f64, f64, bool)> =
        probes.iter().filter_map(|probe| Some((probe.offered_tps, cell(probe)?, !probe.meets_slo))).collect();
    let part = points.iter().map(|&(x, y, _)| (x, y)).collect();
    Line { name: name.into(), stroke: Stroke::nth(index), parts: vec![part], marks: Marks::At(points) }
}

fn goodput(probes: &[ProbeRow], limit: &Limit) -> Plot {
    let x = offered_axis(probes);
    let title = "transactions per second (tx/s)";
    let most = probes.iter().map(|probe| probe.offered_tps.max(probe.throughput_tps)).fold(0.0, f64::max);
    let (y, ideal) = match x.scale {
        Scale::Log { from, to } => {
            let rates = probes.iter().flat_map(|probe| [probe.offered_tps, probe.goodput_tps]);
            let least = rates.filter(|&rate| rate > 0.0).fold(f64::INFINITY, f64::min);
            // A collapse to next to nothing shows at the edge rather than squeeze everything else.
            (Axis::log(least.max(from / 10.0), most, title, si), (from, to))
        }
        _ => (Axis::from_zero(most * 1.02, title, si), (0.0, most)),
    };
    let equal = Line {
        name: "offered (y = x)".into(),
        stroke: Stroke::reference(&[4.0, 4.0]),
        parts: vec![vec![(ideal.0, ideal.0), (ideal.1, ideal.1)]],
        marks: Marks::Sparse,
    };
    let throughput = line(4, "throughput", probes, |probe| Some(probe.throughput_tps));
    let throughput = Line { stroke: Stroke { width: 4.5, dash: &[], marker: None, ..throughput.stroke }, ..throughput };
    Plot {
        title: "Goodput against offered load".into(),
        subtitle: subtitle(limit),
        x,
        y,
        bands: bracket(probes, limit),
        levels: Vec::new(),
        areas: Vec::new(),
        lines: vec![equal, throughput, line(0, "goodput", probes, |probe| Some(probe.goodput_tps))],
    }
}

/// The objectives on submit→reply, the latency that is drawn. What is no objective was never one to the search either.
pub(super) fn objectives(slo: &[String]) -> Vec<Level> {
    let parsed = slo.iter().filter_map(|text| text.parse::<Slo>().ok());
    let drawn = parsed.filter(|slo| slo.definition == Definition::SubmitToReply && slo.below.as_millis_f64() > 0.0);
    let level = |slo: Slo| {
        let below = slo.below.as_millis_f64();
        Level { at: below, name: format!("objective: p{} < {}", slo.percentile, latency(below)) }
    };
    drawn.map(level).collect()
}

fn latency_vs_load(probes: &[ProbeRow], limit: &Limit) -> Plot {
    let levels = objectives(&limit.slo);
    let cells = probes.iter().flat_map(|probe| [probe.reply_p50_ms, probe.reply_p99_ms]).flatten();
    let drawn: Vec<f64> = cells.chain(levels.iter().map(|level| level.at)).filter(|&ms| ms > 0.0).collect();
    let (min, max) = (drawn.iter().copied().fold(f64::INFINITY, f64::min), drawn.iter().copied().fold(0.0, f64::max));
    let (min, max) = if drawn.is_empty() { (1.0, 1_000.0) } else { (min, max) };
    Plot {
        title: "Latency against offered load".into(),
        subtitle: subtitle(limit),
        x: offered_axis(probes),
        y: Axis::log(min, max, "latency, submit → reply", latency),
        bands: bracket(probes, limit),
        levels,
        areas: Vec::new(),
        lines: vec![
            line(1, "p99", probes, |probe| probe.reply_p99_ms),
            line(0, "p50", probes, |probe| probe.reply_p50_ms),
        ],
    }
}
