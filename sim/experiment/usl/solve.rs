//! The solver: least squares over `d, b, c ≥ 0`, with or without one linear equation between them.
//!
//! Each set of parameters that are not 0 is a problem without bounds, of at most three unknowns, solved by Levenberg's and
//! Marquardt's method from the solution of the linear problem `N/X = d + bN + cN(N−1)`. Of the solutions within the bounds
//! the best is the answer: there are seven sets, so nothing is missed.

use super::Observation;

/// Steps of one solution; it converges in about ten.
const MOST_STEPS: usize = 200;
/// Steps to the end of an interval; it converges in about ten.
const MOST_CUTS: usize = 60;

/// `of · (d, b, c) = is`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Equation {
    pub of: [f64; 3],
    pub is: f64,
}

/// The best parameters, and the weighted sum of squares that they leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Solution {
    pub parameters: [f64; 3],
    pub squares: f64,
}

impl Solution {
    pub fn lambda(&self) -> f64 {
        1.0 / (self.parameters[0] + self.parameters[1])
    }

    pub fn sigma(&self) -> f64 {
        self.parameters[1] / (self.parameters[0] + self.parameters[1])
    }

    pub fn kappa(&self) -> f64 {
        self.parameters[2] / (self.parameters[0] + self.parameters[1])
    }

    /// Nothing where κ is 0.
    pub fn peak(&self) -> Option<f64> {
        let [d, _, c] = self.parameters;
        (c > 0.0).then(|| (d / c).sqrt())
    }

    pub fn tps(&self, n: f64) -> f64 {
        n / dot(terms(n), self.parameters)
    }
}

fn terms(n: f64) -> [f64; 3] {
    [1.0, n, n * (n - 1.0)]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The best parameters within the bounds; nothing where no parameters satisfy `equation`.
pub(super) fn solve(points: &[Observation], equation: Option<Equation>) -> Option<Solution> {
    let most = points.iter().map(|point| point.n).fold(1.0, f64::max);
    let free = |set: u8| (0..3).filter(move |nth| set & 1 << nth != 0);
    let found = (1..8).filter_map(|set| Face::new(free(set).collect(), equation, most)?.solve(points));
    found.min_by(|a, b| a.squares.total_cmp(&b.squares))
}

/// Parameters that are `from` and any multiples of `along`.
struct Face {
    from: [f64; 3],
    along: Vec<[f64; 3]>,
}

impl Face {
    /// Where only the parameters in `free` are not 0. Nothing where the equation leaves no place there.
    fn new(free: Vec<usize>, equation: Option<Equation>, most: f64) -> Option<Face> {
        let unit = |nth: usize| {
            let mut unit = [0.0; 3];
            unit[nth] = 1.0;
            unit
        };
        // A parameter counts by what it adds for the most units.
        let share = |of: [f64; 3], nth: usize| (of[nth] / terms(most)[nth].max(1.0)).abs();
        let Some(Equation { of, is }) = equation.filter(|equation| free.iter().any(|&nth| equation.of[nth] != 0.0))
        else {
            let possible = equation.is_none_or(|equation| equation.is == 0.0);
            return possible.then(|| Face { from: [0.0; 3], along: free.into_iter().map(unit).collect() });
        };
        let pivot = free.iter().copied().max_by(|&a, &b| share(of, a).total_cmp(&share(of, b)))?;
        let mut from = [0.0; 3];
        from[pivot] = is / of[pivot];
        let direction = |nth: usize| {
            let mut direction = unit(nth);
            direction[pivot] = -of[nth] / of[pivot];
            direction
        };
        Some(Face { from, along: free.into_iter().filter(|&nth| nth != pivot).map(direction).collect() })
    }

    fn parameters(&self, multiples: &[f64]) -> [f64; 3] {
        let mut parameters = self.from;
        for (direction, multiple) in self.along.iter().zip(multiples) {
            for (parameter, along) in parameters.iter_mut().zip(direction) {
                *parameter += along * multiple;
            }
        }
        parameters
    }

    /// Nothing where the best parameters are out of bounds: another set of free ones then has better.
    fn solve(&self, points: &[Observation]) -> Option<Solution> {
        let mut multiples = self.start(points)?;
        let mut squares = self.squares(points, &multiples)?;
        let mut damping = 1e-3;
        for _ in 0..MOST_STEPS {
            let (matrix, side) = self.normal(points, &multiples);
            let step = eliminate(matrix, side, damping);
            let next: Option<Vec<f64>> = step.map(|step| multiples.iter().zip(step).map(|(a, b)| a + b).collect());
            let better = next.and_then(|next| Some((self.squares(points, &next)?, next)));
            match better {
                Some((less, next)) if less <= squares => {
                    let settled = squares - less <= squares * 1e-15;
                    (squares, multiples, damping) = (less, next, damping * 0.1);
                    if settled {
                        break;
                    }
                }
                _ if damping > 1e12 => break,
                _ => damping *= 10.0,
            }
        }
        let parameters = self.parameters(&multiples);
        parameters.iter().all(|&parameter| parameter >= 0.0).then_some(Solution { parameters, squares })
    }

    /// The weighted sum of squares; nothing where a throughput would not be positive.
    fn squares(&self, points: &[Observation], multiples: &[f64]) -> Option<f64> {
        let parameters = self.parameters(multiples);
        let mut sum = 0.0;
        for point in points {
            let per_unit = dot(terms(point.n), parameters);
            if per_unit <= 0.0 || per_unit.is_nan() {
                return None;
            }
            let residual = (point.tps - point.n / per_unit) / point.error_tps;
            sum += residual * residual;
        }
        Some(sum)
    }

    /// The solution of the linear problem, each point weighted by what it weighs in the real one.
    fn start(&self, points: &[Observation]) -> Option<Vec<f64>> {
        let row = |point: &Observation| {
            let weight = point.tps * point.tps / point.n / point.error_tps;
            let left = point.n / point.tps - dot(terms(point.n), self.from);
            (self.along.iter().map(|along| weight * dot(terms(point.n), *along)).collect(), weight * left)
        };
        let (matrix, side) = normal(self.along.len(), points.iter().map(row));
        eliminate(matrix, side, 0.0)
    }

    /// The normal equations of a step from `multiples`.
    fn normal(&self, points: &[Observation], multiples: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let parameters = self.parameters(multiples);
        let row = |point: &Observation| {
            let per_unit = dot(terms(point.n), parameters);
            let slope = -point.n / (per_unit * per_unit) / point.error_tps;
            let residual = (point.tps - point.n / per_unit) / point.error_tps;
            (self.along.iter().map(|along| slope * dot(terms(point.n), *along)).collect(), residual)
        };
        normal(self.along.len(), points.iter().map(row))
    }
}

/// `AᵀA` and `Aᵀy` of rows of A and y.
fn normal(unknowns: usize, rows: impl Iterator<Item = (Vec<f64>, f64)>) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (mut matrix, mut side) = (vec![vec![0.0; unknowns]; unknowns], vec![0.0; unknowns]);
    for (row, value) in rows {
        for (i, left) in row.iter().enumerate() {
            side[i] += left * value;
            for (j, right) in row.iter().enumerate() {
                matrix[i][j] += left * right;
            }
        }
    }
    (matrix, side)
}

/// Solves symmetric equations whose diagonal is `1 + damping` times as large; nothing where they are singular. They are
/// scaled by their diagonal first, so that it does not matter in which units an unknown is counted.
fn eliminate(mut matrix: Vec<Vec<f64>>, mut side: Vec<f64>, damping: f64) -> Option<Vec<f64>> {
    let count = side.len();
    let scale: Vec<f64> = (0..count).map(|i| matrix[i][i].sqrt()).collect();
    if scale.iter().any(|&scale| scale <= 0.0 || !scale.is_finite()) {
        return None;
    }
    for i in 0..count {
        side[i] /= scale[i];
        for j in 0..count {
            matrix[i][j] /= scale[i] * scale[j];
        }
        matrix[i][i] += damping;
    }
    for pivot in 0..count {
        if matrix[pivot][pivot] < 1e-15 {
            return None;
        }
        for below in pivot + 1..count {
            let factor = matrix[below][pivot] / matrix[pivot][pivot];
            let (above, rest) = matrix.split_at_mut(below);
            for (value, above) in rest[0].iter_mut().zip(&above[pivot]).skip(pivot) {
                *value -= factor * above;
            }
            side[below] -= factor * side[pivot];
        }
    }
    let mut solution = vec![0.0; count];
    for i in (0..count).rev() {
        let known: f64 = (i + 1..count).map(|j| matrix[i][j] * solution[j]).sum();
        solution[i] = (side[i] - known) / matrix[i][i];
    }
    Some(solution.iter().zip(scale).map(|(value, scale)| value / scale).collect())
}

/// Where `beyond` changes its sign between `inside`, where it is negative, and `outside`, where it is positive or infinite:
/// by false position with halved ends (the Illinois method), and in halves where that has no numbers to go by.
pub(super) fn edge(inside: f64, outside: f64, beyond: impl Fn(f64) -> f64) -> f64 {
    let (mut a, mut b) = (inside, outside);
    let (mut at_a, mut at_b) = (beyond(a), beyond(b));
    let mut last_was_a = None;
    for _ in 0..MOST_CUTS {
        if (b - a).abs() <= 1e-10 * b.abs().max(a.abs()) {
            break;
        }
        let slope = at_b - at_a;
        let cut = if slope.is_finite() && slope > 0.0 { (a * at_b - b * at_a) / slope } else { (a + b) / 2.0 };
        let value = beyond(cut);
        if value <= 0.0 {
            (a, at_a) = (cut, value);
            at_b = if last_was_a == Some(true) { at_b / 2.0 } else { at_b };
            last_was_a = Some(true);
        } else {
            (b, at_b) = (cut, value);
            at_a = if last_was_a == Some(false) { at_a / 2.0 } else { at_a };
            last_was_a = Some(false);
        }
        if value == 0.0 {
            break;
        }
    }
    a
}
