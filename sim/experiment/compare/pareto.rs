//! Which designs are efficient: no other is shown to be better in something without being shown worse in anything.
//!
//! Differences that are not shown count as none, so noise neither makes a design dominate nor shields it. Such
//! indifference is not transitive: three designs may dominate each other in a ring. Those of a ring that nobody outside
//! it dominates are all efficient, so that some design always is.

use std::cmp::Ordering;

/// For each of `n` designs whether it is efficient. `compared` says of two designs and one of `criteria` which is better:
/// `Greater` where the first is shown to be, `Equal` where nothing is shown; nothing where they cannot be compared, and
/// neither then dominates the other.
pub fn efficient(n: usize, criteria: usize, compared: impl Fn(usize, usize, usize) -> Option<Ordering>) -> Vec<bool> {
    let dominates = |a: usize, b: usize| {
        let orders: Option<Vec<Ordering>> = (0..criteria).map(|criterion| compared(a, b, criterion)).collect();
        orders.is_some_and(|orders| !orders.contains(&Ordering::Less) && orders.contains(&Ordering::Greater))
    };
    let mut reaches: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| a != b && dominates(a, b)).collect()).collect();
    for through in 0..n {
        let row = reaches[through].clone();
        for from in reaches.iter_mut().filter(|from| from[through]) {
            from.iter_mut().zip(&row).for_each(|(known, also)| *known |= also);
        }
    }
    (0..n).map(|b| (0..n).all(|a| !reaches[a][b] || reaches[b][a])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Points whose values are compared, where less than `slack` apart is not shown.
    fn front(points: &[[i32; 3]], slack: i32) -> Vec<bool> {
        efficient(points.len(), 3, |a, b, criterion| {
            let difference = points[a][criterion] - points[b][criterion];
            Some(if difference.abs() < slack { Ordering::Equal } else { difference.cmp(&0) })
        })
    }

    #[test]
    fn what_is_worse_in_all_is_dominated_and_trade_offs_are_not() {
        assert_eq!(front(&[[3, 3, 3], [2, 2, 2], [1, 9, 1]], 1), [true, false, true]);
        assert_eq!(front(&[[5, 5, 5], [5, 5, 5]], 1), [true, true], "alike ones are both efficient");
    }

    #[test]
    fn noise_neither_dominates_nor_shields() {
        assert_eq!(front(&[[10, 10, 10], [9, 9, 9]], 2), [true, true], "nothing is shown");
        assert_eq!(front(&[[20, 10, 10], [10, 11, 11]], 2), [true, false], "slightly better elsewhere is no shield");
    }

    #[test]
    fn of_a_ring_all_are_efficient_and_what_it_dominates_is_not() {
        let ring = [[20, 10, 15], [15, 20, 10], [10, 15, 20], [5, 5, 5]];
        assert_eq!(front(&ring, 6), [true, true, true, false]);
    }

    #[test]
    fn what_cannot_be_compared_dominates_nobody() {
        let compared = |a: usize, b: usize, criterion| if criterion == 0 { Some(b.cmp(&a)) } else { None };
        assert_eq!(efficient(2, 1, compared), [true, false]);
        assert_eq!(efficient(2, 2, compared), [true, true]);
    }

    proptest! {
        #[test]
        fn without_noise_it_is_the_pareto_front(points in prop::collection::vec([0..6, 0..6, 0..6], 1..12)) {
            let beats = |a: &[i32; 3], b: &[i32; 3]| a != b && a.iter().zip(b).all(|(a, b)| a >= b);
            let expected: Vec<bool> = points.iter().map(|b| !points.iter().any(|a| beats(a, b))).collect();
            prop_assert_eq!(front(&points, 1), expected);
        }

        #[test]
        fn someone_is_always_efficient(points in prop::collection::vec([0..9, 0..9, 0..9], 1..12), slack in 1..6) {
            prop_assert!(front(&points, slack).contains(&true));
        }
    }
}
