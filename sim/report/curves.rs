//! The figures of a sweep that have axes: a line for each variant.

use super::cumulative;
use super::figures::Figure;
use super::intervals::{parts, step_s};
use super::limit::{WIDE, objectives};
use super::parts::{Area, Band, Level, Line, Marks, Shade, Stroke};
use super::plot::Plot;
use super::scale::{Axis, Scale, latency, milliseconds, number, si};
use super::sweep::{Cell, Run, Sweep};
use crate::experiment::Estimate;
use crate::metrics::Definition;

/// Lines of one figure: more are not told apart, and their legend leaves no room for them.
pub(super) const MOST_LINES: usize = 14;
const LATENCY: &str = "latency, submit → reply";

/// Draws all of them.
pub(super) fn of_sweep(sweep: &Sweep) -> Vec<Figure> {
    let p50 = |cell: &Cell| cell.reply_p50_ms;
    let p99 = |cell: &Cell| cell.reply_p99_ms;
    let mut figures = vec![
        Figure::new(
            "latency_p50_vs_goodput",
            latency_curve(sweep, "Median latency against goodput", GOODPUT, p50).svg(),
        ),
        Figure::new("latency_p99_vs_goodput", latency_curve(sweep, "p99 latency against goodput", GOODPUT, p99).svg()),
        Figure::new(
            "latency_p50_vs_load",
            latency_curve(sweep, "Median latency against offered load", OFFERED, p50).svg(),
        ),
        Figure::new(
            "latency_p99_vs_load",
            latency_curve(sweep, "p99 latency against offered load", OFFERED, p99).svg(),
        ),
        Figure::new("goodput_vs_load", goodput(sweep).svg()),
        Figure::new("latency_cdf", distribution(sweep).svg()),
    ];
    figures.extend(over_time(sweep).into_iter().map(|(name, plot)| Figure::new(name, plot.svg())));
    figures
}

/// A quantity that cells are drawn over.
#[derive(Clone, Copy)]
struct Abscissa {
    title: &'static str,
    of: fn(&Cell) -> Estimate,
}

const GOODPUT: Abscissa = Abscissa { title: "goodput (tx/s)", of: |cell| cell.goodput_tps };
const OFFERED: Abscissa = Abscissa { title: "offered load (tx/s)", of: |cell| cell.offered_tps };

/// The variants that are drawn, and what to say of those that are not.
pub(super) fn drawn(sweep: &Sweep) -> (usize, String) {
    let (drawn, all) = (sweep.variants.len().min(MOST_LINES), sweep.variants.len());
    (drawn, if drawn < all { format!("; the first {drawn} of {all} variants") } else { String::new() })
}

fn subtitle(sweep: &Sweep) -> String {
    let certainty = match sweep.replicates {
        1 => "one replicate".to_string(),
        replicates => format!("mean of {replicates} replicates, shaded: 95 % confidence (Student's t)"),
    };
    let missing = match sweep.missing.len() {
        0 => String::new(),
        missing => format!("; {missing} of {} points are missing", sweep.planned),
    };
    format!("scenario {}; {certainty}; open markers: not sustained{missing}{}", sweep.scenario, drawn(sweep).1)
}

/// From zero, or logarithmic where values differ much.
fn axis(values: &[f64], title: &str, write: fn(f64) -> String) -> Axis {
    let positive = values.iter().copied().filter(|&value| value > 0.0);
    let (min, max) = (positive.clone().fold(f64::INFINITY, f64::min), positive.fold(0.0, f64::max));
    if max > WIDE * min { Axis::log(min, max, title, write) } else { Axis::from_zero(max * 1.02, title, write) }
}

/// Where an estimate lies; no quantity is below zero.
fn range(estimate: Estimate) -> Option<(f64, f64)> {
    let half = estimate.half_width_95?;
    Some(((estimate.mean - half).max(0.0), estimate.mean + half))
}

type Placed<'a> = (&'a Cell, Estimate, Estimate);

/// A line through cells with its confidence: an area across, and whiskers along where the abscissa is uncertain too.
fn line(index: usize, name: &str, cells: &[Placed<'_>]) -> (Line, Area) {
    let stroke = Stroke::nth(index);
    let points: Vec<(f64, f64)> = cells.iter().map(|(_, x, y)| (x.mean, y.mean)).collect();
    let marks = cells.iter().map(|(cell, x, y)| (x.mean, y.mean, cell.sustained == Some(false))).collect();
    let ends: Vec<_> = cells.iter().filter_map(|(_, x, y)| Some((x.mean, range(*y)?))).collect();
    let up = ends.iter().map(|&(x, (_, high))| (x, high));
    let down = ends.iter().rev().map(|&(x, (low, _))| (x, low));
    let corners = if ends.len() > 1 { up.chain(down).collect() } else { Vec::new() };
    let along = cells.iter().filter_map(|(_, x, y)| range(*x).map(|(from, to)| ((from, y.mean), (to, y.mean))));
    let across = ends.iter().map(|&(x, (low, high))| ((x, low), (x, high)));
    let area = Area { colour: stroke.colour, corners, whiskers: along.chain(across).collect() };
    (Line { name: name.into(), stroke, parts: vec![points], marks: Marks::At(marks) }, area)
}

fn lines<'a>(
    sweep: &'a Sweep,
    x: Abscissa,
    y: impl Fn(&Cell) -> Option<Estimate>,
) -> (Vec<Line>, Vec<Area>, Vec<Placed<'a>>) {
    let (mut lines, mut areas, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for (index, variant) in sweep.variants.iter().take(drawn(sweep).0).enumerate() {
        let cells = sweep.of_variant(index).into_iter();
        let cells: Vec<_> = cells.filter_map(|cell| Some((cell, (x.of)(cell), y(cell)?))).collect();
        let (line, area) = line(index, &variant.name, &cells);
        lines.push(line);
        areas.push(area);
        all.extend(cells);
    }
    (lines, areas, all)
}

fn latency_curve(sweep: &Sweep, title: &str, x: Abscissa, y: fn(&Cell) -> Option<Estimate>) -> Plot {
    let (lines, areas, cells) = lines(sweep, x, y);
    let xs: Vec<f64> = cells.iter().map(|(_, x, _)| x.mean).collect();
    // An interval of two replicates can be many times as wide as what lies around it: it then leaves the axes.
    let most = 3.0 * cells.iter().map(|(_, _, y)| y.mean).fold(0.0, f64::max);
    let highs = cells.iter().map(|(_, _, y)| range(*y).map_or(y.mean, |(_, high)| high.min(most)));
    let ys: Vec<f64> = cells.iter().map(|(_, _, y)| y.mean).chain(highs).collect();
    let top = ys.iter().copied().fold(0.0, f64::max);
    let levels = if title.starts_with("p99") { objectives(&sweep.shared_slo()) } else { Vec::new() };
    let y = match axis(&ys, LATENCY, latency) {
        logarithmic @ Axis { scale: Scale::Log { .. }, .. } => logarithmic,
        _ => milliseconds(top),
    };
    // An objective far above everything would squeeze what it is an objective for.
    let shown = |level: &Level| y.scale.place(level.at) < 1.0;
    let levels = levels.into_iter().filter(shown).collect();
    let x = axis(&xs, x.title, si);
    Plot { title: title.into(), subtitle: subtitle(sweep), x, y, bands: Vec::new(), levels, areas, lines }
}

fn goodput(sweep: &Sweep) -> Plot {
    let (mut lines, areas, cells) = lines(sweep, OFFERED, |cell| Some(cell.goodput_tps));
    let xs: Vec<f64> = cells.iter().map(|(_, x, _)| x.mean).collect();
    let ys: Vec<f64> = cells.iter().flat_map(|(_, x, y)| [x.mean, y.mean]).collect();
    let (x, y) = (axis(&xs, OFFERED.title, si), axis(&ys, GOODPUT.title, si));
    let (least, most) = (xs.iter().copied().fold(f64::INFINITY, f64::min), xs.iter().copied().fold(0.0, f64::max));
    let ideal = vec![vec![(least, least), (most, most)]];
    let stroke = Stroke::reference(&[4.0, 4.0]);
    lines.push(Line { name: "offered (y = x)".into(), stroke, parts: ideal, marks: Marks::Sparse });
    let title = "Goodput against offered load".into();
    Plot { title, subtitle: subtitle(sweep), x, y, bands: Vec::new(), levels: Vec::new(), areas, lines }
}

/// What the figures of one load are of.
pub(super) fn at_load(sweep: &Sweep) -> String {
    let load = sweep.loads[sweep.reference].map_or("the scenario's load".into(), |load| format!("{} tx/s", si(load)));
    format!("scenario {} at {load}", sweep.scenario)
}

fn distribution(sweep: &Sweep) -> Plot {
    let (count, of) = drawn(sweep);
    let curve = |cell: &Cell| cell.curves.get(Definition::SubmitToReply.name()).cloned().unwrap_or_default();
    let cells: Vec<_> =
        sweep.at_reference().filter(|cell| cell.variant < count).map(|cell| (cell, curve(cell))).collect();
    let most = cells.iter().map(|(_, curve)| curve.count).max().unwrap_or(0);
    let (y, top) = cumulative::axis(most);
    let mut lines = Vec::new();
    for (cell, curve) in &cells {
        let points: Vec<(f64, f64)> =
            curve.ms.iter().copied().zip(curve.share.iter().copied()).filter(|&(_, share)| share <= top).collect();
        let said = match curve.count {
            0 => "nothing completed".into(),
            _ => format!("p50 {}, p99 {}", latency(curve.p50_ms), latency(curve.p99_ms)),
        };
        let name = format!("{}: {said}", sweep.variants[cell.variant].name);
        let end = points.last().map_or(0.0, |&(_, share)| share);
        let marks = [(curve.p50_ms, 0.5, false), (curve.p99_ms, 0.99, false)];
        let marks = marks.into_iter().filter(|&(_, quantile, _)| quantile <= end).collect();
        lines.push(Line { name, stroke: Stroke::nth(cell.variant), parts: vec![points], marks: Marks::At(marks) });
    }
    let subtitle = format!("{}; all replicates together; p50 and p99 marked{of}", at_load(sweep));
    cumulative::plot("Latency distribution, submit → reply", subtitle, y, lines)
}

/// Throughput and latency over time: the first replicate of each variant.
fn over_time(sweep: &Sweep) -> Vec<(&'static str, Plot)> {
    let (count, of) = drawn(sweep);
    let cells: Vec<&Cell> = sweep.at_reference().filter(|cell| cell.variant < count).collect();
    let Some(first) = cells.first() else { return Vec::new() };
    let ends = cells.iter().map(|cell| &cell.runs[0].series.time_s);
    let ends = ends.map(|times| times.last().copied().unwrap_or(0.0) + step_s(times));
    let end = ends.fold(first.window[1], f64::max);
    let (bands, unmarked) = shared_phases(&cells, end);
    let plot = |title: &str, y: Axis, column: fn(&Run) -> Vec<Option<f64>>| {
        let line = |cell: &&Cell| Line {
            name: sweep.variants[cell.variant].name.clone(),
            stroke: Stroke::nth(cell.variant),
            parts: parts(&cell.runs[0].series.time_s, &column(&cell.runs[0])),
            marks: Marks::Sparse,
        };
        Plot {
            title: title.into(),
            subtitle: format!("{}; the first seed of each variant{of}{unmarked}", at_load(sweep)),
            x: Axis::linear(0.0, end, 8.0, "virtual time (s)", number),
            y,
            bands: bands.clone(),
            levels: Vec::new(),
            areas: Vec::new(),
            lines: cells.iter().map(line).collect(),
        }
    };
    let throughput = |run: &Run| run.series.throughput_tps.iter().copied().map(Some).collect::<Vec<_>>();
    let p99 = |run: &Run| run.series.reply_p99_ms.clone();
    let max = |column: &dyn Fn(&Run) -> Vec<Option<f64>>| {
        cells.iter().flat_map(|cell| column(&cell.runs[0])).flatten().fold(0.0, f64::max)
    };
    let tps = Axis::from_zero(max(&throughput) * 1.02, "transactions per second (tx/s)", si);
    vec![
        ("throughput_over_time", plot("Throughput over virtual time", tps, throughput)),
        ("latency_over_time", plot("p99 latency over virtual time", milliseconds(max(&p99)), p99)),
    ]
}

/// The bands that are true of all cells, and what to say of those that are not.
fn shared_phases(cells: &[&Cell], end: f64) -> (Vec<Band>, &'static str) {
    let Some(first) = cells.first() else { return (Vec::new(), "") };
    let mut bands = phases(first, end);
    if cells.iter().any(|cell| cell.window != first.window) {
        return (Vec::new(), "; phases and faults differ and are not marked");
    }
    if cells.iter().any(|cell| cell.faults != first.faults) {
        bands.retain(|band| band.shade != Shade::Fault);
        return (bands, "; faults differ and are not marked");
    }
    (bands, "")
}

/// Warm-up and drain, and what fails: of faults that begin at one time the first is named.
fn phases(cell: &Cell, end: f64) -> Vec<Band> {
    let [from, until] = cell.window.map(|at| at.min(end));
    let band = |from, to, name: &str, shade| Band { from, to, name: name.into(), shade };
    let mut bands = vec![band(0.0, from, "warm-up", Shade::Outside), band(until, end, "drain", Shade::Outside)];
    bands.retain(|band| band.from < band.to);
    for fault in cell.faults.iter().filter(|fault| fault.from_s < end) {
        let known = bands.iter().any(|band| band.shade == Shade::Fault && band.from == fault.from_s);
        let name = if known { "" } else { &fault.name };
        bands.push(band(fault.from_s, fault.until_s.unwrap_or(end).min(end), name, Shade::Fault));
    }
    bands
}
