//! Cumulative distributions from histograms.

use hdrhistogram::Histogram;

use super::parts::{Level, Line};
use super::plot::Plot;
use super::scale::{Axis, Scale, latency};

/// The axis of shares that reveals the tail of so many samples, and the share where it ends.
pub(super) fn axis(samples: u64) -> (Axis, f64) {
    let axis = Axis::nines(samples, "transactions at or below (tail-scaled)");
    let Scale::Nines { to } = axis.scale else { unreachable!("`Axis::nines` makes a scale of nines") };
    (axis, to)
}

/// Lines of (ms, share) on axes that reveal the tail, with p50 and p99.
pub(super) fn plot(title: &str, subtitle: String, y: Axis, lines: Vec<Line>) -> Plot {
    let ms = || lines.iter().flat_map(|line| line.parts.iter().flatten()).map(|&(ms, _)| ms).filter(|&ms| ms > 0.0);
    let (min, max) = (ms().fold(f64::INFINITY, f64::min), ms().fold(0.0, f64::max));
    let (min, max) = if max > 0.0 { (min, max) } else { (1.0, 1_000.0) };
    let level = |at: f64, name: &str| Level { at, name: name.into() };
    Plot {
        title: title.into(),
        subtitle,
        x: Axis::log(min, max, "latency (logarithmic)", latency),
        y,
        bands: Vec::new(),
        levels: vec![level(0.5, "p50"), level(0.99, "p99")],
        areas: Vec::new(),
        lines,
    }
}

/// The share of samples at or below each recorded latency, up to the share `top`: (ms, share). Beyond its last sample
/// but one a curve says nothing, however far an axis goes. The histogram is of microseconds, and not empty.
pub(super) fn points(histogram: &Histogram<u64>, top: f64) -> Vec<(f64, f64)> {
    let count = histogram.len() as f64;
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    let end = top.min(1.0 - 1.0 / count);
    let mut points = vec![(ms(0.0), 0.0)];
    let mut below = 0;
    for bucket in histogram.iter_recorded() {
        below += bucket.count_at_value();
        let quantile = below as f64 / count;
        if quantile >= end {
            break;
        }
        points.push((bucket.value_iterated_to() as f64 / 1e3, quantile));
    }
    points.push((ms(end), end));
    points
}
