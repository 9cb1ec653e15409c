//! The figures of one run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use crate::metrics::Definition;

use super::cumulative::points;
use super::error::ReportError;
use super::figures::{Figure, write_svg};
use super::hlog;
use super::input::{self, Manifest, SeriesRow};
use super::parts::{Band, Level, Line, Marks, Shade, Stroke};
use super::plot::Plot;
use super::scale::{Axis, Scale, latency, ms_as_s, number, si};

/// Draws a run from its folder's `manifest.json`, `series.csv` and `latency.hlog`, and returns the files written:
///
/// - `fig/throughput.svg`: load offered, committed and rejected over virtual time, tx/s;
/// - `fig/backlog.svg`: what is submitted and neither committed nor rejected, over virtual time, transactions;
/// - `fig/latency.svg`: p50 and p99 of submit→reply over virtual time;
/// - `fig/latency_cdf.svg`: the measured window's latencies under every definition, on an axis that reveals the tail;
/// - `fig/latency_by_region.svg`: submit→reply for each region, where the log tells regions apart.
///
/// Nothing is written unless every file is present and valid.
pub fn figures_of_run(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    write_svg(folder, &drawn(folder)?)
}

/// The figures of the run in `folder`.
pub(super) fn drawn(folder: &Path) -> Result<Vec<Figure>, ReportError> {
    let manifest = input::manifest(&folder.join("manifest.json"))?;
    let series = input::series(&folder.join("series.csv"))?;
    let log = folder.join("latency.hlog");
    let tags = hlog::histograms(&log, |_| true)?;
    if let Some(missing) = Definition::ALL.iter().find(|definition| !tags.contains_key(definition.name())) {
        return Err(ReportError::invalid(&log, format!("no histogram is tagged `{}`", missing.name())));
    }
    let mut figures = vec![
        Figure::new("throughput", throughput(&manifest, &series).svg()),
        Figure::new("backlog", backlog(&manifest, &series).svg()),
        Figure::new("latency", latency_over_time(&manifest, &series).svg()),
        Figure::new("latency_cdf", by_definition(&manifest, &tags).svg()),
    ];
    figures.extend(by_region(&manifest, &tags).map(|plot| Figure::new("latency_by_region", plot.svg())));
    Ok(figures)
}

fn subtitle(manifest: &Manifest) -> String {
    format!("scenario {}, {}, {} dissemination", manifest.scenario, manifest.protocol, manifest.dissemination)
}

/// The length of an interval: the last is as long as the one before it.
fn step_s(series: &[SeriesRow]) -> f64 {
    match series {
        [.., before, last] => last.time_s - before.time_s,
        _ => 0.5,
    }
}

/// The axis of virtual time, with what is not measured shaded.
fn time(manifest: &Manifest, series: &[SeriesRow]) -> (Axis, Vec<Band>) {
    let end = series.last().map_or(0.0, |row| row.time_s) + step_s(series);
    let (from, until) = (manifest.timing.window_from_s.min(end), manifest.timing.window_until_s.min(end));
    let band = |from, to, name: &str, shade| Band { from, to, name: name.into(), shade };
    let bands = [
        band(0.0, from, "warm-up", Shade::Outside),
        band(from, until, "measured window", Shade::None),
        band(until, end, "drain", Shade::Outside),
    ];
    let bands = bands.into_iter().filter(|band| band.from < band.to).collect();
    (Axis::linear(0.0, end, 8.0, "virtual time (s)", number), bands)
}

/// A cell over time, at the middles of the intervals, broken where it is empty.
fn over_time(series: &[SeriesRow], cell: impl Fn(&SeriesRow) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let half = step_s(series) / 2.0;
    let runs = series.chunk_by(|a, b| cell(a).is_some() == cell(b).is_some());
    let points = runs.map(|run| run.iter().filter_map(|row| Some((row.time_s + half, cell(row)?))).collect());
    points.filter(|part: &Vec<_>| !part.is_empty()).collect()
}

fn throughput(manifest: &Manifest, series: &[SeriesRow]) -> Plot {
    let (x, bands) = time(manifest, series);
    let within =
        |row: &&SeriesRow| row.time_s >= manifest.timing.window_from_s && row.time_s < manifest.timing.window_until_s;
    let line = |index: usize, name: &str, cell: fn(&SeriesRow) -> f64| {
        let window: Vec<f64> = series.iter().filter(within).map(cell).collect();
        let mean = window.iter().sum::<f64>() / window.len().max(1) as f64;
        let parts = over_time(series, |row| Some(cell(row)));
        let name = format!("{name} (mean {} tx/s)", si(mean));
        Line { name, stroke: Stroke::nth(index), parts, marks: Marks::Sparse }
    };
    let mut lines = vec![
        line(4, "offered", |row| row.offered_tps),
        line(0, "throughput", |row| row.throughput_tps),
        line(1, "rejected", |row| row.rejected_tps),
    ];
    // In the best case throughput hides what was offered, so that is drawn wide and lies beneath.
    lines[0].stroke = Stroke { width: 5.0, dash: &[], marker: None, ..lines[0].stroke };
    let all = series.iter().flat_map(|row| [row.offered_tps, row.throughput_tps, row.rejected_tps]);
    Plot {
        title: "Throughput over virtual time".into(),
        subtitle: format!("{}; means of the measured window", subtitle(manifest)),
        x,
        y: Axis::from_zero(all.fold(0.0, f64::max) * 1.02, "transactions per second (tx/s)", si),
        bands,
        levels: Vec::new(),
        areas: Vec::new(),
        lines,
    }
}

fn backlog(manifest: &Manifest, series: &[SeriesRow]) -> Plot {
    let (x, bands) = time(manifest, series);
    let step_s = step_s(series);
    let open = |open: &mut f64, row: &SeriesRow| {
        *open += (row.offered_tps - row.throughput_tps - row.rejected_tps) * step_s;
        Some((row.time_s + step_s, open.max(0.0)))
    };
    let points: Vec<(f64, f64)> = series.iter().scan(0.0, open).collect();
    let most = points.iter().map(|(_, open)| *open).fold(0.0, f64::max);
    let name = format!("submitted, not committed (at most {})", si(most));
    Plot {
        title: "Backlog over virtual time".into(),
        subtitle: subtitle(manifest),
        x,
        y: Axis::from_zero(most * 1.02, "transactions", si),
        bands,
        levels: Vec::new(),
        areas: Vec::new(),
        lines: vec![Line { name, stroke: Stroke::nth(0), parts: vec![points], marks: Marks::Sparse }],
    }
}

fn latency_over_time(manifest: &Manifest, series: &[SeriesRow]) -> Plot {
    let (x, bands) = time(manifest, series);
    let cells = || series.iter().flat_map(|row| [row.reply_p50_ms, row.reply_p99_ms]).flatten();
    let max = cells().fold(0.0, f64::max);
    let positive = cells().filter(|&ms| ms > 0.0).fold(max, f64::min);
    let y = if max > 40.0 * positive {
        Axis::log(positive, max, "latency, submit → reply", latency)
    } else if max >= 2_000.0 {
        Axis::from_zero(max * 1.02, "latency, submit → reply (s)", ms_as_s)
    } else {
        Axis::from_zero(max * 1.02, "latency, submit → reply (ms)", number)
    };
    let line = |index: usize, name: &str, cell: fn(&SeriesRow) -> Option<f64>| {
        let parts = over_time(series, cell);
        let name = if parts.is_empty() { format!("{name} (nothing completed)") } else { name.to_string() };
        Line { name, stroke: Stroke::nth(index), parts, marks: Marks::Sparse }
    };
    Plot {
        title: "Latency over virtual time".into(),
        subtitle: format!("{}; receipts by the interval they arrived in", subtitle(manifest)),
        x,
        y,
        bands,
        levels: Vec::new(),
        areas: Vec::new(),
        lines: vec![line(1, "p99", |row| row.reply_p99_ms), line(0, "p50", |row| row.reply_p50_ms)],
    }
}

fn by_definition(manifest: &Manifest, tags: &BTreeMap<String, Histogram<u64>>) -> Plot {
    let curves = Definition::ALL.iter().map(|definition| {
        let name = definition.name().replace("_to_", " → ");
        (name, &tags[definition.name()])
    });
    cumulative("Latency distribution by definition", manifest, &curves.collect::<Vec<_>>())
}

fn by_region(manifest: &Manifest, tags: &BTreeMap<String, Histogram<u64>>) -> Option<Plot> {
    let prefix = format!("{}.", Definition::SubmitToReply.name());
    let region = |(tag, histogram)| Some((str::strip_prefix(tag, &prefix)?.to_string(), histogram));
    let curves: Vec<_> = tags.iter().map(|(tag, histogram)| (tag.as_str(), histogram)).filter_map(region).collect();
    (!curves.is_empty()).then(|| cumulative("Latency distribution by region, submit → reply", manifest, &curves))
}

/// Cumulative distributions of latency, with p50 and p99 marked on each.
fn cumulative(title: &str, manifest: &Manifest, curves: &[(String, &Histogram<u64>)]) -> Plot {
    let most = curves.iter().map(|(_, histogram)| histogram.len()).max().unwrap_or(0);
    let y = Axis::nines(most, "transactions at or below (tail-scaled)");
    let Scale::Nines { to: top } = y.scale else { unreachable!("`Axis::nines` makes a scale of nines") };
    let lines: Vec<Line> =
        curves.iter().enumerate().map(|(index, (name, histogram))| curve(index, name, histogram, top)).collect();
    let points = || lines.iter().flat_map(|line| line.parts.iter().flatten()).map(|&(ms, _)| ms);
    let (min, max) = (points().filter(|&ms| ms > 0.0).fold(f64::INFINITY, f64::min), points().fold(0.0, f64::max));
    let (min, max) = if max > 0.0 { (min, max) } else { (1.0, 1_000.0) };
    let level = |at: f64, name: &str| Level { at, name: name.into() };
    Plot {
        title: title.into(),
        subtitle: format!("{}; measured window; p50 and p99 marked", subtitle(manifest)),
        x: Axis::log(min, max, "latency (logarithmic)", latency),
        y,
        bands: Vec::new(),
        levels: vec![level(0.5, "p50"), level(0.99, "p99")],
        areas: Vec::new(),
        lines,
    }
}

fn curve(index: usize, name: &str, histogram: &Histogram<u64>, top: f64) -> Line {
    let stroke = Stroke::nth(index);
    if histogram.is_empty() {
        let name = format!("{name}: nothing completed");
        return Line { name, stroke, parts: Vec::new(), marks: Marks::At(Vec::new()) };
    }
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    let points = points(histogram, top);
    let end = points[points.len() - 1].1;
    let name = format!("{name}: p50 {}, p99 {}", latency(ms(0.5)), latency(ms(0.99)));
    let marks = [0.5, 0.99].into_iter().filter(|&quantile| quantile <= end);
    let marks = marks.map(|quantile| (ms(quantile), quantile, false)).collect();
    Line { name, stroke, parts: vec![points], marks: Marks::At(marks) }
}
