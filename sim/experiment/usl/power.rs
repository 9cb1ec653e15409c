//! `X = A·N^β`: what is left to say where throughput does not grow.

use serde::{Deserialize, Serialize};

use super::{Interval, Observation, width};

/// A fitted power of the number of units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// β: −1 where twice the units do half as much, 0 where their number does not matter.
    pub exponent: Interval,
    /// A: what the line says of one unit, transactions/s.
    pub one_tps: f64,
    /// Whether the measurements lie farther off the line than their errors explain.
    pub misfit: bool,
}

impl Power {
    /// The weighted straight line through logarithms of at least three observations; its interval is Student's.
    ///
    /// # Panics
    /// With fewer.
    pub fn fit(points: &[Observation], dof: Option<f64>) -> Power {
        assert!(points.len() > 2, "a line has more points than parameters");
        let row = |point: &Observation| {
            let weight = point.tps / point.error_tps;
            (weight * weight, libm::log(point.n), libm::log(point.tps))
        };
        let rows: Vec<(f64, f64, f64)> = points.iter().map(row).collect();
        let total: f64 = rows.iter().map(|(weight, ..)| weight).sum();
        let mean = |of: fn(&(f64, f64, f64)) -> f64| rows.iter().map(|row| row.0 * of(row)).sum::<f64>() / total;
        let (x, y) = (mean(|row| row.1), mean(|row| row.2));
        let spread: f64 = rows.iter().map(|row| row.0 * (row.1 - x) * (row.1 - x)).sum();
        let slope = rows.iter().map(|row| row.0 * (row.1 - x) * (row.2 - y)).sum::<f64>() / spread;
        let off = |row: &(f64, f64, f64)| row.2 - y - slope * (row.1 - x);
        let squares: f64 = rows.iter().map(|row| row.0 * off(row) * off(row)).sum();
        let (t, scale, misfit) = width(squares, (points.len() - 2) as f64, dof);
        let half = t * scale / spread.sqrt();
        let exponent = Interval { value: slope, low_95: slope - half, high_95: Some(slope + half) };
        Power { exponent, one_tps: libm::exp(y - slope * x), misfit }
    }
}
