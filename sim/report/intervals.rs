//! Columns of a series over virtual time.

/// The length of an interval: the last is as long as the one before it.
pub(super) fn step_s(times: &[f64]) -> f64 {
    match times {
        [.., before, last] => last - before,
        _ => 0.5,
    }
}

/// Unbroken parts of a column, at the middles of the intervals.
pub(super) fn parts(times: &[f64], column: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let half = step_s(times) / 2.0;
    let points: Vec<(f64, Option<f64>)> = times.iter().map(|time| time + half).zip(column.iter().copied()).collect();
    let runs = points.chunk_by(|a, b| a.1.is_some() == b.1.is_some());
    let parts = runs.map(|run| run.iter().filter_map(|&(time, value)| Some((time, value?))).collect());
    parts.filter(|part: &Vec<_>| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn what_an_interval_holds_is_drawn_at_its_middle() {
        let found = parts(&[0.0, 0.5, 1.0], &[Some(1.0), None, Some(3.0)]);
        assert_eq!(found, [[(0.25, 1.0)], [(1.25, 3.0)]]);
    }
}
