//! Cumulative distributions from histograms.

use hdrhistogram::Histogram;

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
