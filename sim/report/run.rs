//! The figures of one run.

use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use crate::experiment::MANIFEST_FILE;
use crate::metrics::Definition;

use super::cumulative;
use super::error::ReportError;
use super::figures::{Figure, write_svg};
use super::hlog::{self, Latencies};
use super::input::{self, Manifest, SeriesRow};
use super::intervals::{parts, step_s};
use super::parts::{Band, Line, Marks, Shade, Stroke};
use super::plot::Plot;
use super::scale::{Axis, latency, milliseconds, number, si};

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
    let manifest = input::manifest(&folder.join(MANIFEST_FILE))?;
    let series = input::series(&folder.join("series.csv"))?;
    let log = folder.join("latency.hlog");
    let tags = hlog::complete(&log, |_| true)?;
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

fn times(series: &[SeriesRow]) -> Vec<f64> {
    series.iter().map(|row| row.time_s).collect()
}

/// The axis of virtual time, with what is not measured shaded.
fn time(manifest: &Manifest, series: &[SeriesRow]) -> (Axis, Vec<Band>) {
    let end = series.last().map_or(0.0, |row| row.time_s) + step_s(&times(series));
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

fn over_time(series: &[SeriesRow], cell: impl Fn(&SeriesRow) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    parts(&times(series), &series.iter().map(cell).collect::<Vec<_>>())
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
    let step_s = step_s(&times(series));
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
    } else {
        milliseconds(max)
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

fn by_definition(manifest: &Manifest, tags: &Latencies) -> Plot {
    let curves = Definition::ALL.iter().map(|definition| {
        let name = definition.name().replace("_to_", " → ");
        (name, &tags[definition.name()])
    });
    distribution("Latency distribution by definition", manifest, &curves.collect::<Vec<_>>())
}

fn by_region(manifest: &Manifest, tags: &Latencies) -> Option<Plot> {
    let prefix = hlog::region_prefix();
    let region = |(tag, histogram)| Some((str::strip_prefix(tag, &prefix)?.to_string(), histogram));
    let curves: Vec<_> = tags.iter().map(|(tag, histogram)| (tag.as_str(), histogram)).filter_map(region).collect();
    (!curves.is_empty()).then(|| distribution("Latency distribution by region, submit → reply", manifest, &curves))
}

/// Cumulative distributions of latency, with p50 and p99 marked on each.
fn distribution(title: &str, manifest: &Manifest, curves: &[(String, &Histogram<u64>)]) -> Plot {
    let most = curves.iter().map(|(_, histogram)| histogram.len()).max().unwrap_or(0);
    let (y, top) = cumulative::axis(most);
    let lines: Vec<Line> =
        curves.iter().enumerate().map(|(index, (name, histogram))| curve(index, name, histogram, top)).collect();
    let subtitle = format!("{}; measured window; p50 and p99 marked", subtitle(manifest));
    cumulative::plot(title, subtitle, y, lines)
}

fn curve(index: usize, name: &str, histogram: &Histogram<u64>, top: f64) -> Line {
    let stroke = Stroke::nth(index);
    if histogram.is_empty() {
        let name = format!("{name}: nothing completed");
        return Line { name, stroke, parts: Vec::new(), marks: Marks::At(Vec::new()) };
    }
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    let points = cumulative::points(histogram, top);
    let end = points[points.len() - 1].1;
    let name = format!("{name}: p50 {}, p99 {}", latency(ms(0.5)), latency(ms(0.99)));
    let marks = [0.5, 0.99].into_iter().filter(|&quantile| quantile <= end);
    let marks = marks.map(|quantile| (ms(quantile), quantile, false)).collect();
    Line { name, stroke, parts: vec![points], marks: Marks::At(marks) }
}
