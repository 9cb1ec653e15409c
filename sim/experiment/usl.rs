//! The Universal Scalability Law, fitted to measured saturation points.
//!
//! N. J. Gunther, *Guerrilla Capacity Planning* (Springer, 2007), chapter 6: with N units throughput is
//! `X(N) = λN / (1 + σ(N−1) + κN(N−1))`. λ is what one unit does, σ the share that is done one after the other
//! (contention, 0 to 1), κ what every pair of units costs (coherency, 0 or more). Where κ is positive, throughput is
//! largest at `N* = √((1−σ)/κ)`.
//!
//! The fit is of weighted least squares, exact in its bounds: as `N/X = d + bN + cN(N−1)` with `d = (1−σ)/λ`, `b = σ/λ` and
//! `c = κ/λ`, the bounds are `d, b, c ≥ 0`, and every question about one quantity ("σ is 0.1", "the peak is at 20", "16
//! units do 9,000 tx/s") is one linear equation in d, b and c. So intervals are by the likelihood's profile: a value
//! is in the 95 % interval unless the best curve that has it is significantly worse than the best of all. Unlike intervals
//! from a covariance they end at the bounds, and say so where there is no upper end.
//!
//! All arithmetic but two quantiles is exact or a square root: a fit has the same bytes on every host. (Solvers over
//! matrix libraries choose instructions by processor.)

mod power;
mod solve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

pub use power::Power;

use solve::{Equation, Solution, edge, solve};

/// Numbers of units that a fit needs at least: one more than it has parameters.
pub const LEAST_POINTS: usize = 4;
/// Points of a drawn curve.
const CURVE_POINTS: usize = 33;
/// How often a value is doubled or halved in search of the end of its interval.
const MOST_STEPS: u32 = 100;

/// A measured saturation point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Units: at least 1.
    pub n: f64,
    /// Throughput, transactions/s: more than 0.
    pub tps: f64,
    /// Its standard error, transactions/s: more than 0.
    pub error_tps: f64,
}

/// A value and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The best value.
    pub value: f64,
    /// The lower end.
    pub low_95: f64,
    /// The upper end; nothing where the measurements set none.
    pub high_95: Option<f64>,
}

impl Interval {
    /// Whether `value` is in it.
    pub fn holds(&self, value: f64) -> bool {
        self.low_95 <= value && self.high_95.is_none_or(|high| value <= high)
    }
}

/// A point of the fitted curve with its 95 % band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Units.
    pub n: f64,
    /// Fitted throughput, transactions/s.
    pub tps: f64,
    /// The band's lower end.
    pub low_95: f64,
    /// The band's upper end; nothing where the measurements set none.
    pub high_95: Option<f64>,
}

/// A fitted law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    /// λ: what one unit does, transactions/s.
    pub lambda_tps: Interval,
    /// σ: contention, 0 to 1.
    pub sigma: Interval,
    /// κ: coherency, 0 or more.
    pub kappa: Interval,
    /// N*: units at which throughput is largest; nothing where κ is 0.
    pub peak: Option<Interval>,
    /// Share of the (weighted) variance that the curve explains.
    pub r_squared: f64,
    /// How far each measurement lies above the curve, percent of it.
    pub residuals_percent: Vec<f64>,
    /// Whether the measurements lie farther from the curve than their errors explain; intervals are then as wide as that
    /// asks for.
    pub misfit: bool,
    /// The curve over the measured range.
    pub curve: Vec<CurvePoint>,
}

/// How far from the best sum of squares a 95 % interval goes.
#[derive(Clone, Copy, Debug)]
struct Reach {
    best: f64,
    /// Increase of the sum of squares that is just not significant.
    most: f64,
}

impl Reach {
    /// How significantly worse `squares` is: negative within the interval, and about linear in a parameter's distance.
    fn beyond(&self, squares: f64) -> f64 {
        (squares - self.best).max(0.0).sqrt() - self.most.sqrt()
    }
}

/// How wide intervals are: the 97.5 % quantile of Student's t, and the scale of the errors. `dof` are those of the errors
/// where replicates tell them; `squares` of `spare` measurements more than parameters is what they lie off the curve.
fn width(squares: f64, spare: f64, dof: Option<f64>) -> (f64, f64, bool) {
    let t =
        |dof: f64| StudentsT::new(0.0, 1.0, dof).expect("there is at least one degree of freedom").inverse_cdf(0.975);
    let usual = ChiSquared::new(spare).expect("there is at least one degree of freedom").inverse_cdf(0.95);
    match dof {
        Some(dof) if squares <= usual => (t(dof), 1.0, false),
        _ => (t(spare), (squares / spare).sqrt(), squares > usual),
    }
}

/// Fits the law to at least [`LEAST_POINTS`] observations of as many different numbers of units; nothing where the best
/// curve is that of units that do nothing but cost each other, λ being infinite. `dof` are the degrees of freedom of the
/// errors; without, their scale is taken from the residuals.
///
/// # Panics
/// With fewer, or where one is out of its range.
pub fn fit(points: &[Observation], dof: Option<f64>) -> Option<Usl> {
    assert!(points.len() >= LEAST_POINTS, "a fit has more points than parameters");
    let valid = |point: &Observation| point.n >= 1.0 && point.tps > 0.0 && point.error_tps > 0.0;
    assert!(points.iter().all(valid), "units are counted from one, and errors are positive: {points:?}");
    let (best, reach, misfit) = best(points, dof);
    if !best.lambda().is_finite() {
        return None;
    }
    let profile = Profile { points, best: &best, reach };
    Some(Usl {
        lambda_tps: profile.lambda(),
        sigma: profile.sigma(),
        kappa: profile.kappa(),
        peak: profile.peak(),
        r_squared: r_squared(points, best.squares),
        residuals_percent: points.iter().map(|point| (point.tps / best.tps(point.n) - 1.0) * 100.0).collect(),
        misfit,
        curve: profile.curve(),
    })
}

/// The best parameters, how far intervals go from them, and whether the measurements lie farther off than they should.
fn best(points: &[Observation], dof: Option<f64>) -> (Solution, Reach, bool) {
    let best = solve(points, None).expect("a constant throughput, σ = 1, is a curve for any measurements");
    let spare = (points.len() - LEAST_POINTS + 1) as f64;
    let (t, scale, misfit) = width(best.squares, spare, dof);
    (best, Reach { best: best.squares, most: t * t * scale * scale }, misfit)
}

/// Whether the errors of the observations explain all differences between them.
///
/// # Panics
/// With fewer than two.
pub fn is_constant(points: &[Observation]) -> bool {
    let usual = ChiSquared::new((points.len() - 1) as f64).expect("there are two observations").inverse_cdf(0.95);
    deviations(points) <= usual
}

/// Weighted squares of what the observations lie off their mean.
fn deviations(points: &[Observation]) -> f64 {
    let weight = |point: &Observation| 1.0 / (point.error_tps * point.error_tps);
    let mean =
        points.iter().map(|point| weight(point) * point.tps).sum::<f64>() / points.iter().map(weight).sum::<f64>();
    points.iter().map(|point| weight(point) * (point.tps - mean) * (point.tps - mean)).sum()
}

fn r_squared(points: &[Observation], squares: f64) -> f64 {
    let total = deviations(points);
    if total > 0.0 { 1.0 - squares / total } else { 0.0 }
}

/// The sum of squares as a function of one quantity, everything else at its best.
struct Profile<'a> {
    points: &'a [Observation],
    best: &'a Solution,
    reach: Reach,
}

impl Profile<'_> {
    fn beyond(&self, equation: Equation) -> f64 {
        solve(self.points, Some(equation)).map_or(f64::INFINITY, |solution| self.reach.beyond(solution.squares))
    }

    /// The interval of a quantity with range `least` to `most`, of which `beyond` says how significantly worse a value is.
    fn interval(&self, value: f64, (least, most): (f64, f64), beyond: impl Fn(f64) -> f64) -> Interval {
        let low_95 = if beyond(least) <= 0.0 { least } else { edge(value, least, &beyond) };
        let high_95 = if beyond(most) <= 0.0 { Some(most) } else { Some(edge(value, most, &beyond)) };
        Interval { value, low_95: low_95.min(value), high_95: high_95.map(|high| high.max(value)) }
    }

    /// As [`Profile::interval`], of a quantity above 0 that may have no upper end. `unit` is a small one.
    fn unbounded(&self, value: f64, unit: f64, beyond: impl Fn(f64) -> f64) -> Interval {
        let mut most = value.max(unit);
        let outside = |most: &mut f64| {
            *most *= 2.0;
            beyond(*most) > 0.0
        };
        let found = (0..MOST_STEPS).any(|_| outside(&mut most));
        let bounded = self.interval(value, (0.0, if found { most } else { value }), &beyond);
        Interval { high_95: bounded.high_95.filter(|_| found), ..bounded }
    }

    fn lambda(&self) -> Interval {
        self.unbounded(self.best.lambda(), 0.0, |lambda| match lambda > 0.0 {
            true => self.beyond(Equation { of: [1.0, 1.0, 0.0], is: 1.0 / lambda }),
            false => f64::INFINITY,
        })
    }

    fn sigma(&self) -> Interval {
        let beyond = |sigma: f64| self.beyond(Equation { of: [-sigma, 1.0 - sigma, 0.0], is: 0.0 });
        self.interval(self.best.sigma(), (0.0, 1.0), beyond)
    }

    fn kappa(&self) -> Interval {
        let most = self.points.iter().map(|point| point.n).fold(1.0, f64::max);
        let beyond = |kappa: f64| self.beyond(Equation { of: [-kappa, -kappa, 1.0], is: 0.0 });
        self.unbounded(self.best.kappa(), 1e-3 / (most * most), beyond)
    }

    fn peak(&self) -> Option<Interval> {
        let value = self.best.peak()?;
        let beyond = |peak: f64| self.beyond(Equation { of: [1.0, 0.0, -peak * peak], is: 0.0 });
        // At infinity there is no κ.
        let never = self.beyond(Equation { of: [0.0, 0.0, 1.0], is: 0.0 }) <= 0.0;
        let bounded = self.unbounded(value, 1e-3, beyond);
        Some(Interval { high_95: bounded.high_95.filter(|_| !never), ..bounded })
    }

    fn curve(&self) -> Vec<CurvePoint> {
        let all = || self.points.iter().map(|point| point.n);
        let (first, last) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
        let step = (last - first) / (CURVE_POINTS - 1) as f64;
        let point = |nth: usize| {
            let n = if nth + 1 == CURVE_POINTS { last } else { first + step * nth as f64 };
            let tps = self.best.tps(n);
            let beyond = |tps: f64| match tps > 0.0 {
                true => self.beyond(Equation { of: [1.0, n, n * (n - 1.0)], is: n / tps }),
                false => f64::INFINITY,
            };
            let Interval { low_95, high_95, .. } = self.unbounded(tps, 0.0, beyond);
            CurvePoint { n, tps, low_95, high_95 }
        };
        (0..CURVE_POINTS).map(point).collect()
    }
}
