//! What a fit says, in sentences.

use crate::experiment::grid::rounded;
use crate::experiment::usl::{self, Interval, LEAST_POINTS, Observation, Power, Usl};

use super::fits::{Fit, FitPoint, Model, observation};

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
        Model::Power(power) => of_power(power, &fit.points),
        Model::Usl(usl) => of_usl(usl, last.n),
    };
    let without = match without {
        0 => String::new(),
        1 => " One variant without both ends of its bracket is left out.".into(),
        many => format!(" {many} variants without both ends of their brackets are left out."),
    };
    format!("{range}: {what}.{}{without}", bindings(&fit.points))
}

fn of_power(power: &Power, points: &[FitPoint]) -> String {
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let ends = format!("{} tx/s and {} tx/s at the ends", number(first.saturation_tps), number(last.saturation_tps));
    let observed: Vec<Observation> = points.iter().map(observation).collect();
    if usl::is_constant(&observed) {
        return format!("no dependence on it is shown: {ends}; it goes as N^{}", interval(&power.exponent, decimals));
    }
    let slope = match power.misfit {
        false => format!("it goes as N^{}", interval(&power.exponent, decimals)),
        true => format!("on average it goes as N^{}, but not evenly", decimals(power.exponent.value)),
    };
    format!("it does not grow, so no law of growth applies: {ends}; {slope}")
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
    rounded(value).to_string()
}

fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    // What rounds to nought has no sign.
    if text == "-0.00" { "0.00".into() } else { text }
}

fn whole(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::experiment::LimitSummary;
    use crate::experiment::Variation;
    use crate::experiment::limits::variant::VariantLimit;
    use crate::scenario::Dissemination;

    /// What is said of saturation points, each found by three searches around it, and what binds there.
    fn check(points: &[(f64, f64, &str)], expected: Expect) {
        let search = |tps: f64, binds: &str, seed: u64| LimitSummary {
            scenario: "made-up".into(),
            seed,
            protocol: "jolteon".into(),
            dissemination: "batched".into(),
            hospitals: 40,
            replicas: 4,
            lower_tps: Some(tps),
            upper_tps: Some(tps * 1.02),
            binding_resource: binds.into(),
            slo: Vec::new(),
            deadline_ms: 5_000.0,
            probes: 9,
            busy_at_lower: [(binds.to_string(), 0.9)].into(),
            busy_at_upper: [(binds.to_string(), 1.0)].into(),
        };
        let variant = |&(n, tps, binds): &(f64, f64, &str)| {
            let seeds = [(0.99, 1), (1.0, 2), (1.01, 3)];
            let found: Vec<LimitSummary> =
                seeds.iter().map(|(share, seed)| search(tps * share, binds, *seed)).collect();
            let varied = vec![("consensus.protocol".into(), "jolteon".into()), ("k.units".into(), n.to_string())];
            VariantLimit::of(varied, Dissemination::Batched, &found)
        };
        let variants: Vec<VariantLimit> = points.iter().map(variant).collect();
        let values = points.iter().map(|(n, ..)| n.to_string()).collect();
        let fits = Fit::all(&[Variation { key: "k.units".into(), values }], &variants);
        let said: Vec<&str> = fits.iter().map(|fit| fit.says.as_str()).collect();
        expected.assert_eq(&said.join("\n"));
    }

    fn law(n: f64, sigma: f64, kappa: f64) -> f64 {
        1_000.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    }

    #[test]
    fn fits_read_well() {
        let units = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let by = |sigma, kappa| units.map(|n| (n, law(n, sigma, kappa), "crypto_cores"));
        check(
            &by(0.05, 0.004),
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: λ = 1000 (987 to 1010) tx/s, σ = 0.05 (0.0445 to \
                 0.0556), κ = 0.004 (0.0038 to 0.00421), R² 1.000. The peak is at 15 (15 to 16)."
            ],
        );
        check(
            &by(0.05, 0.0004),
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: λ = 1000 (987 to 1010) tx/s, σ = 0.05 (0.0456 to \
                 0.0545), κ = 0.0004 (0.000259 to 0.000539), R² 1.000. The peak would be at 49 (42 to 60), beyond what \
                 was measured."
            ],
        );
        check(
            &by(0.1, 0.0),
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: λ = 1000 (987 to 1010) tx/s, σ = 0.1 (0.0943 to \
                 0.103), κ = 0 (0 to 0.000181), R² 1.000. No peak is shown: κ is 0."
            ],
        );
        check(
            &units.map(|n| (n, 9_000.0 / n, "replica_egress")),
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: it does not grow, so no law of growth applies: 9000 \
                 tx/s and 281 tx/s at the ends; it goes as N^-1.00 (-1.01 to -0.99)."
            ],
        );
        check(
            &units.map(|n| (n, 9_000.0, "wan_connection")),
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: no dependence on it is shown: 9000 tx/s and 9000 \
                 tx/s at the ends; it goes as N^0.00 (-0.01 to 0.01)."
            ],
        );
        let two = units.map(|n| match n < 8.0 {
            true => (n, 1_000.0 * n, "crypto_cores"),
            false => (n, 6_000.0, "wan_connection"),
        });
        check(
            &two,
            expect![
                "k.units of consensus.protocol=jolteon from 1 to 32: λ = 1060 (823 to 1320) tx/s, σ = 0.042 (0 to 0.162), \
                 κ = 0.00374 (0 to 0.00827), R² 0.986; the points lie farther off the curve than their errors explain, \
                 and intervals are wider for it. No peak is shown: κ may be 0. What binds changes: crypto_cores from 1 to \
                 4, wan_connection from 8 to 32."
            ],
        );
        check(
            &units.map(|n| (n / 10.0, n, "none")),
            expect!["k.units of consensus.protocol=jolteon from 0.1 to 3.2: no fit: the law counts units, from 1 on."],
        );
        check(&by(0.05, 0.004)[..3], expect![[""]]);
    }
}
