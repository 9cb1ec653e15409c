//! Saturation against a varied number, with the fitted curves.

use crate::experiment::{Fit, FitPoint, Limits, Model, Usl, named};
use crate::report::parts::{Line, Marks, Stroke};
use crate::report::plot::Plot;
use crate::report::scale::{Axis, Scale, number, si};

use super::subtitle;

/// Numbers that differ by more than this factor are drawn on a logarithmic axis.
const WIDE: f64 = 20.0;
/// More curves cannot be told apart.
const MOST_FITS: usize = 6;
/// The normal distribution's quantile: error bars are 95 % intervals of known errors.
const NORMAL_95: f64 = 1.96;
/// Segments of a power's curve.
const STEPS: u32 = 32;

/// A plot, with its file's name but for the extension, for each key that has at least two measured points.
pub(super) fn plots(limits: &Limits) -> Vec<(String, Plot)> {
    let mut keys: Vec<&str> = Vec::new();
    for fit in limits.fits.iter().filter(|fit| fit.points.len() > 1) {
        if !keys.contains(&fit.key.as_str()) {
            keys.push(&fit.key);
        }
    }
    let file = |(nth, key): (usize, &&str)| match nth {
        0 => "usl".to_string(),
        _ => format!("usl-{key}"),
    };
    keys.iter().enumerate().map(|(nth, key)| (file((nth, key)), plot(limits, key))).collect()
}

fn plot(limits: &Limits, key: &str) -> Plot {
    let all: Vec<&Fit> = limits.fits.iter().filter(|fit| fit.key == key && fit.points.len() > 1).collect();
    let fits = &all[..all.len().min(MOST_FITS)];
    let points = || fits.iter().flat_map(|fit| &fit.points);
    let (first, last) =
        (points().map(|p| p.n).fold(f64::INFINITY, f64::min), points().map(|p| p.n).fold(0.0, f64::max));
    let x = match first > 0.0 && last > WIDE * first {
        true => Axis::log(first, last, key, si),
        false => Axis::from_zero(last * 1.02, key, number),
    };
    let most = points().map(|point| point.saturation_tps + NORMAL_95 * point.error_tps).fold(0.0, f64::max);
    let y = Axis::from_zero(most * 1.02, "largest load sustained (tx/s)", si);
    let mut lines: Vec<Line> = fits.iter().enumerate().map(|(nth, fit)| curve(nth, fit)).collect();
    lines.extend(fits.iter().enumerate().flat_map(|(nth, fit)| thin(nth, fit, matches!(x.scale, Scale::Log { .. }))));
    let cut = if all.len() > MOST_FITS { format!("; {MOST_FITS} of {} curves", all.len()) } else { String::new() };
    Plot {
        title: format!("Saturation against {key}"),
        subtitle: format!("{}; points with 95 % error bars, dotted: 95 % band of the fit{cut}", subtitle(limits)),
        x,
        y,
        bands: Vec::new(),
        levels: Vec::new(),
        areas: Vec::new(),
        lines,
    }
}

/// The fitted curve, measured points on it.
fn curve(nth: usize, fit: &Fit) -> Line {
    let held = if fit.held.is_empty() { String::new() } else { format!("{}: ", named(&fit.held)) };
    let measured: Vec<(f64, f64)> = fit.points.iter().map(|point| (point.n, point.saturation_tps)).collect();
    let (what, part) = match &fit.model {
        Model::Usl(usl) => (law(usl), usl.curve.iter().map(|point| (point.n, point.tps)).collect()),
        Model::Power(power) => {
            let value = |n: f64| (n, power.one_tps * libm::pow(n, power.exponent.value));
            (format!("N^{:.2}", power.exponent.value), between(&fit.points).map(value).collect())
        }
        Model::None {} => ("measured".into(), measured.clone()),
    };
    let marks = measured.into_iter().map(|(x, y)| (x, y, false)).collect();
    Line { name: format!("{held}{what}"), stroke: Stroke::nth(nth), parts: vec![part], marks: Marks::At(marks) }
}

fn law(usl: &Usl) -> String {
    let [lambda, sigma, kappa] = [&usl.lambda_tps, &usl.sigma, &usl.kappa].map(|interval| interval.value);
    format!("λ {}, σ {}, κ {}", si(lambda), small(sigma), small(kappa))
}

/// A number below 1 with two significant digits.
fn small(value: f64) -> String {
    let rounded: f64 = format!("{value:.1e}").parse().expect("what was written as a number is one");
    if rounded != 0.0 && rounded < 1e-3 { format!("{rounded:e}") } else { rounded.to_string() }
}

/// Numbers evenly spaced from the first measured one to the last.
fn between(points: &[FitPoint]) -> impl Iterator<Item = f64> {
    let (first, last) = (points[0].n, points[points.len() - 1].n);
    (0..=STEPS).map(move |step| first + (last - first) * f64::from(step) / f64::from(STEPS))
}

/// The band, and a bar for the error of each point; without a name in the legend.
fn thin(nth: usize, fit: &Fit, log: bool) -> Vec<Line> {
    let line = |dash: &'static [f64], parts: Vec<Vec<(f64, f64)>>| Line {
        name: String::new(),
        stroke: Stroke { dash, marker: None, width: 1.2, ..Stroke::nth(nth) },
        parts,
        marks: Marks::Sparse,
    };
    let bar = |point: &FitPoint| {
        let off = NORMAL_95 * point.error_tps;
        let (low, high) = ((point.saturation_tps - off).max(0.0), point.saturation_tps + off);
        // The caps are as wide wherever they are on the axis.
        let (left, right) = match log {
            true => (point.n / 1.02, point.n * 1.02),
            false => (point.n - cap(fit), point.n + cap(fit)),
        };
        [vec![(left, low), (right, low)], vec![(point.n, low), (point.n, high)], vec![(left, high), (right, high)]]
    };
    let mut lines = vec![line(&[], fit.points.iter().flat_map(bar).collect())];
    if let Model::Usl(usl) = &fit.model {
        let low = usl.curve.iter().map(|point| (point.n, point.low_95)).collect();
        let high = usl.curve.iter().filter_map(|point| Some((point.n, point.high_95?))).collect();
        lines.push(line(&[1.5, 3.0], vec![low, high]));
    }
    lines
}

fn cap(fit: &Fit) -> f64 {
    fit.points.last().map_or(0.0, |point| point.n / 150.0)
}
