//! What a fit says, in sentences.

use crate::experiment::usl::{Interval, LEAST_POINTS, Power, Usl};

use super::fits::{Fit, FitPoint, Model};

/// A fit in sentences; `without` is how many variants have no saturation point to fit.
pub(super) fn of(fit: &Fit, without: usize) -> String {
    let held: Vec<String> = fit.held.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let of = if held.is_empty() { String::new() } else { format!(" of {}", held.join(", ")) };
    let key = &fit.key;
    let [Some(first), Some(last)] = [fit.points.first(), fit.points.last()] else {
        return format!("{key}{of}: nothing to fit, as no variant has both ends of its bracket.");
    };
    let range = format!("{key}{of} from {} to {}", number(first.n), number(last.n));
    let what = match &fit.model {
        Model::None {} if first.n < 1.0 => "no fit: the law counts units, from 1 on".into(),
        Model::None {} => format!("no fit: it takes {LEAST_POINTS} saturation points that are bracketed"),
        Model::Power(power) => of_power(power, first, last),
        Model::Usl(usl) => of_usl(usl, last.n),
    };
    let without = match without {
        0 => String::new(),
        1 => " One variant without both ends of its bracket is left out.".into(),
        many => format!(" {many} variants without both ends of their brackets are left out."),
    };
    format!("{range}: {what}.{}{without}", bindings(&fit.points))
}

fn of_power(power: &Power, first: &FitPoint, last: &FitPoint) -> String {
    let exponent = &power.exponent;
    let (from, to) = (number(first.saturation_tps), number(last.saturation_tps));
    let slope = format!("it goes as N^{}", interval(exponent, decimals));
    match exponent.holds(0.0) {
        true => format!("no dependence on it is shown: {from} and {to} tx/s at the ends; {slope}"),
        false => format!(
            "saturation falls from the first value on, from {from} to {to} tx/s, so no law of growth applies; {slope}"
        ),
    }
}

fn of_usl(usl: &Usl, last: f64) -> String {
    let (lambda, sigma, kappa) =
        (interval(&usl.lambda_tps, number), interval(&usl.sigma, number), interval(&usl.kappa, number));
    let r_squared = format!("{:.3}", usl.r_squared);
    let misfit = match usl.misfit {
        true => "; the points lie farther off the curve than their errors explain, and intervals are wider for it",
        false => "",
    };
    let law = format!("λ = {lambda} tx/s, σ = {sigma}, κ = {kappa}, R² {r_squared}{misfit}");
    format!("{law}. {}", of_peak(usl, last))
}

fn of_peak(usl: &Usl, last: f64) -> String {
    match &usl.peak {
        None if usl.sigma.holds(1.0) => "No peak: more of it does nothing (σ may be 1)".into(),
        None => "No peak is shown: κ is 0".into(),
        Some(peak) if peak.high_95.is_none() => "No peak is shown: κ may be 0".into(),
        Some(peak) if peak.value > last => {
            format!("The peak would be at {}, beyond what was measured", interval(peak, whole))
        }
        Some(peak) => format!("The peak is at {}", interval(peak, whole)),
    }
}

/// What binds where, if it is not the same everywhere: a curve then bends because something else takes over.
fn bindings(points: &[FitPoint]) -> String {
    let mut runs: Vec<(&str, f64, f64)> = Vec::new();
    for point in points {
        match runs.last_mut() {
            Some((name, _, until)) if *name == point.binding_resource => *until = point.n,
            _ => runs.push((&point.binding_resource, point.n, point.n)),
        }
    }
    if runs.len() < 2 {
        return String::new();
    }
    let named = |(name, from, until): (&str, f64, f64)| {
        let name = if name == "none" { "nothing" } else { name };
        if from == until {
            format!("{name} at {}", number(from))
        } else {
            format!("{name} from {} to {}", number(from), number(until))
        }
    };
    let runs: Vec<String> = runs.into_iter().map(named).collect();
    format!(" What binds changes: {}.", runs.join(", "))
}

fn interval(interval: &Interval, write: fn(f64) -> String) -> String {
    let high = interval.high_95.map_or("any".into(), write);
    format!("{} ({} to {high})", write(interval.value), write(interval.low_95))
}

/// With three significant digits.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.2e}").parse().expect("what was written as a number is one");
    rounded.to_string()
}

fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    // What rounds to nought has no sign.
    if text == "-0.00" { "0.00".into() } else { text }
}

fn whole(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
