//! Planted laws are found again.

use proptest::prelude::*;

use super::solve::{Equation, solve};
use super::{Interval, Observation, Power, Profile, Usl, best};
use crate::kernel::draw::{NORMAL_ONE, Site, draw, normal};

const UNITS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

fn law(lambda: f64, sigma: f64, kappa: f64, n: f64) -> f64 {
    lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

/// Throughput by the law, each with an error of 2 %.
fn planted(units: &[f64], (lambda, sigma, kappa): (f64, f64, f64)) -> Vec<Observation> {
    let point = |&n: &f64| {
        let tps = law(lambda, sigma, kappa, n);
        Observation { n, tps, error_tps: 0.02 * tps }
    };
    units.iter().map(point).collect()
}

fn fit(points: &[Observation], dof: Option<f64>) -> Usl {
    super::fit(points, dof).expect("λ is finite")
}

fn assert_near(found: f64, planted: f64) {
    assert!((found - planted).abs() <= 1e-6 * planted.abs().max(1e-3), "{found} is not {planted}");
}

#[test]
fn what_is_planted_without_noise_is_found() {
    let laws = [(1_000.0, 0.05, 0.001), (995.65, 0.0267, 0.000_769), (12.0, 0.4, 0.02), (3e6, 0.9, 1e-5)];
    let bounds = [(500.0, 0.0, 0.002), (500.0, 0.1, 0.0), (500.0, 0.0, 0.0), (500.0, 1.0, 0.0)];
    for law @ (lambda, sigma, kappa) in laws.into_iter().chain(bounds) {
        for units in [&UNITS[..], &[4.0, 16.0, 64.0, 256.0]] {
            let Usl { lambda_tps, sigma: s, kappa: k, peak, .. } = fit(&planted(units, law), Some(20.0));
            assert_near(lambda_tps.value, lambda);
            assert_near(s.value, sigma);
            assert_near(k.value, kappa);
            if kappa > 0.0 {
                assert_near(peak.expect("κ is positive").value, ((1.0 - sigma) / kappa).sqrt());
            }
        }
    }
}

/// The planted law, each point moved by its error and chance.
fn noisy(units: &[f64], law: (f64, f64, f64), nth: u64) -> Vec<Observation> {
    let mut points = planted(units, law);
    for (index, point) in points.iter_mut().enumerate() {
        let deviation = normal(draw(7, Site::Bisect, nth, index as u64, 0)) as f64 / NORMAL_ONE as f64;
        point.tps += deviation * point.error_tps;
    }
    points
}

/// Shares of `draws` noisy sets of measurements whose 95 % intervals hold the planted λ, σ, κ and N*.
fn coverage((lambda, sigma, kappa): (f64, f64, f64), dof: Option<f64>, draws: u64) -> [f64; 4] {
    let peak = ((1.0 - sigma) / kappa).sqrt();
    let questions = [
        Equation { of: [1.0, 1.0, 0.0], is: 1.0 / lambda },
        Equation { of: [-sigma, 1.0 - sigma, 0.0], is: 0.0 },
        Equation { of: [-kappa, -kappa, 1.0], is: 0.0 },
        Equation { of: [1.0, 0.0, -peak * peak], is: 0.0 },
    ];
    let mut covered = [0.0; 4];
    for nth in 0..draws {
        let points = noisy(&UNITS, (lambda, sigma, kappa), nth);
        let (best, reach, _) = best(&points, dof);
        let profile = Profile { points: &points, best: &best, reach };
        for (covered, question) in covered.iter_mut().zip(questions) {
            *covered += f64::from(u8::from(profile.beyond(question) <= 0.0)) / draws as f64;
        }
    }
    covered
}

#[test]
fn intervals_hold_what_is_planted_about_19_times_in_20() {
    // Errors that are known, and errors of which only the ratios are. Of 300 shares near 0.95 the deviation is 0.0126.
    for (dof, law) in [(Some(1e6), (1_000.0, 0.05, 0.001)), (None, (1_000.0, 0.2, 0.005))] {
        let found = coverage(law, dof, 300);
        assert!(found.iter().all(|share| (0.915..=0.985).contains(share)), "{law:?} {dof:?}: {found:?}");
    }
}

#[test]
fn ends_of_intervals_are_where_the_profile_says() {
    let points = noisy(&UNITS, (1_000.0, 0.05, 0.001), 3);
    let (best, reach, _) = best(&points, Some(24.0));
    let profile = Profile { points: &points, best: &best, reach };
    let Interval { value, low_95, high_95 } = profile.sigma();
    let beyond = |sigma: f64| profile.beyond(Equation { of: [-sigma, 1.0 - sigma, 0.0], is: 0.0 });
    let high = high_95.expect("σ is at most 1");
    assert!(low_95 < value && value < high);
    for end in [low_95, high] {
        assert!(beyond(end).abs() < 1e-6 && beyond(end + (end - value) * 1e-3) > 0.0, "{end}: {}", beyond(end));
    }
}

#[test]
fn where_nothing_is_lost_to_pairs_no_peak_is_shown() {
    let usl = fit(&planted(&UNITS, (1_000.0, 0.05, 0.0)), Some(24.0));
    assert_eq!(usl.kappa.low_95, 0.0);
    assert!(usl.peak.is_none_or(|peak| peak.high_95.is_none()), "{:?}", usl.peak);
    // Few units say little: the interval of the peak has no end although the best κ is positive.
    let usl = fit(&noisy(&UNITS[..4], (1_000.0, 0.05, 0.001), 5), Some(24.0));
    assert!(usl.peak.is_none_or(|peak| peak.high_95.is_none()), "{:?}", usl.peak);
}

#[test]
fn measurements_far_off_any_curve_widen_intervals() {
    let mut points = planted(&UNITS, (1_000.0, 0.05, 0.001));
    let narrow = fit(&points, Some(24.0));
    assert!(!narrow.misfit && narrow.r_squared > 1.0 - 1e-9);
    points[2].tps *= 1.3;
    let wide = fit(&points, Some(24.0));
    assert!(wide.misfit && wide.r_squared < 0.99);
    let width = |usl: &Usl| usl.sigma.high_95.expect("σ is at most 1") - usl.sigma.low_95;
    assert!(width(&wide) > 2.0 * width(&narrow), "{:?} {:?}", wide.sigma, narrow.sigma);
    assert!(wide.residuals_percent[2] > 10.0);
}

#[test]
fn powers_are_found_with_their_interval() {
    let fall = |n: &f64| Observation { n: *n, tps: 9_000.0 / n.sqrt(), error_tps: 90.0 / n.sqrt() };
    let points: Vec<Observation> = [4.0, 16.0, 64.0, 256.0].iter().map(fall).collect();
    let Power { exponent, one_tps, misfit } = Power::fit(&points, Some(16.0));
    assert_near(exponent.value, -0.5);
    assert_near(one_tps, 9_000.0);
    assert!(!misfit);
    // Four points with errors of 1 %, 2.77 apart each: the slope's is 1 % / √(5 · 1.386²) = 0.32 %; t(16) = 2.12.
    let half = exponent.high_95.expect("a line has both ends") - exponent.value;
    assert!((half - 2.12 * 0.01 / (5.0_f64 * 1.386_294 * 1.386_294).sqrt()).abs() < 1e-5, "{half}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_measured_parameters_are_in_their_bounds_and_the_best(
        measured in proptest::collection::vec((0.1..1e6_f64, 0.01..0.5_f64), 4..9),
        first in 1.0..20.0_f64,
        other in (1.0..1e6_f64, 0.0..1.0_f64, 0.0..1.0_f64),
    ) {
        let point = |(nth, &(tps, error)): (usize, &(f64, f64))| {
            Observation { n: first * (1 << nth) as f64, tps, error_tps: error * tps }
        };
        let points: Vec<Observation> = measured.iter().enumerate().map(point).collect();
        let best = solve(&points, None).expect("there is always a curve");
        let (lambda, sigma, kappa) = (best.lambda(), best.sigma(), best.kappa());
        prop_assume!(lambda.is_finite());
        prop_assert!(lambda > 0.0 && (0.0..=1.0).contains(&sigma) && kappa >= 0.0, "{lambda} {sigma} {kappa}");
        let squares = |(lambda, sigma, kappa): (f64, f64, f64)| -> f64 {
            let off = |point: &Observation| (point.tps - law(lambda, sigma, kappa, point.n)) / point.error_tps;
            points.iter().map(|point| off(point) * off(point)).sum()
        };
        prop_assert!(best.squares <= squares(other) * (1.0 + 1e-9), "{best:?} is worse than {other:?}");
        let Interval { value, low_95, high_95 } =
            Profile { points: &points, best: &best, reach: super::best(&points, None).1 }.sigma();
        prop_assert!(0.0 <= low_95 && low_95 <= value && high_95.is_some_and(|high| value <= high && high <= 1.0));
    }
}
