//! A cost by size: measured points joined by straight lines, in integers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CostError;
use crate::base::Span;

/// One measured point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// How much: bytes or signatures, as the curve says.
    pub size: u64,
    /// What all of it costs together, in nanoseconds.
    pub ns: u64,
}

/// A cost by size. At least one point; sizes ascend, costs do not fall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Point>")]
pub struct Curve(Vec<Point>);

impl TryFrom<Vec<Point>> for Curve {
    type Error = CostError;

    fn try_from(points: Vec<Point>) -> Result<Curve, CostError> {
        if points.is_empty() {
            return Err(CostError::NoPoints);
        }
        for pair in points.windows(2) {
            let (Point { size: earlier_size, ns: earlier_ns }, Point { size, ns }) = (pair[0], pair[1]);
            if size <= earlier_size || ns < earlier_ns {
                return Err(CostError::NotAscending { size, ns, earlier_size, earlier_ns });
            }
        }
        Ok(Curve(points))
    }
}

impl Curve {
    /// The same cost for every size.
    pub fn constant(ns: u64) -> Curve {
        Curve(vec![Point { size: 0, ns }])
    }

    /// The cost of `size`, rounded up: between two points on the line through them, past the last on the line through
    /// the last two, and below the first that of the first. O(log points).
    pub fn at(&self, size: u64) -> Span {
        let above = self.0.partition_point(|point| point.size < size);
        let (low, high) = match (above, self.0.len()) {
            (0, _) | (_, 1) => return Span(self.0[0].ns),
            (above, points) => {
                let high = above.min(points - 1);
                (self.0[high - 1], self.0[high])
            }
        };
        let (run, rise) = (high.size - low.size, high.ns - low.ns);
        let climbed = (u128::from(size - low.size) * u128::from(rise)).div_ceil(u128::from(run));
        Span(low.ns) + Span(u64::try_from(climbed).expect("a cost fits 584 years"))
    }

    /// The points, ascending.
    pub fn points(&self) -> &[Point] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u64, u64)]) -> Result<Curve, CostError> {
        Curve::try_from(points.iter().map(|&(size, ns)| Point { size, ns }).collect::<Vec<Point>>())
    }

    #[test]
    fn costs_are_on_the_lines_between_the_points() {
        let curve = curve(&[(64, 100), (128, 110), (1024, 1006)]).expect("ascending");
        let at = |size| curve.at(size).0;
        assert_eq!([at(0), at(64), at(128), at(1024)], [100, 100, 110, 1006], "the points, and less than the first");
        assert_eq!(at(96), 105, "halfway");
        assert_eq!(at(65), 101, "rounded up");
        assert_eq!(at(2048), 2030, "one nanosecond per byte, as in the last segment");
    }

    #[test]
    fn a_single_point_is_a_constant() {
        let curve = curve(&[(1, 7)]).expect("one point");
        assert_eq!([curve.at(0), curve.at(1), curve.at(u64::MAX)], [Span(7); 3]);
    }

    #[test]
    fn points_out_of_order_are_refused() {
        assert!(matches!(curve(&[]), Err(CostError::NoPoints)));
        assert!(matches!(curve(&[(2, 1), (2, 2)]), Err(CostError::NotAscending { .. })));
        assert!(matches!(curve(&[(1, 2), (2, 1)]), Err(CostError::NotAscending { .. })));
    }
}
