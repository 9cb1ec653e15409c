//! Weighted choice in constant time.

/// A table for choosing among `n` indices by weight: Walker's alias method in Vose's form, in exact integers.
///
/// O(n) to build, one multiplication and one table read to choose, 8 bytes per index. Weights are honoured to 2^-32 of
/// a column; an index of weight zero is never chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    columns: Vec<Column>,
}

/// A column keeps its own index below `threshold` (as a fraction of 2^32) and gives the rest to `other`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Column {
    threshold: u32,
    other: u32,
}

impl Alias {
    /// A table for the given weights, in any unit.
    ///
    /// # Panics
    /// When there are no weights or 2^32 or more of them, or all are zero.
    pub fn new(weights: &[u64]) -> Alias {
        let count = u32::try_from(weights.len()).expect("an alias table has fewer than 2^32 weights");
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        assert!(total > 0, "some weight is positive");
        // Scaled by the count, a column's fair share is the total. All sums stay below 2^96.
        let mut shares: Vec<u128> = weights.iter().map(|&weight| u128::from(weight) * u128::from(count)).collect();
        let mut columns: Vec<Column> = (0..count).map(|index| Column { threshold: 0, other: index }).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..count).partition(|&index| shares[index as usize] < total);
        while let Some(poor) = small.pop() {
            let rich = *large.last().expect("shares sum to count times the total, so one below it leaves one above");
            let share = shares[poor as usize];
            let threshold = u32::try_from((share << 32) / total).expect("a share below the total is below one");
            columns[poor as usize] = Column { threshold, other: rich };
            shares[rich as usize] -= total - share;
            if shares[rich as usize] < total {
                large.pop();
                small.push(rich);
            }
        }
        // What is left in `large` has exactly its fair share: both ways lead to its own index already.
        Alias { columns }
    }

    /// The index chosen by the bits of a draw.
    #[inline]
    pub fn choose(&self, bits: u64) -> usize {
        let product = u128::from(bits) * self.columns.len() as u128;
        let index = (product >> 64) as usize;
        let column = self.columns[index];
        if (product as u64 >> 32) as u32 >= column.threshold { column.other as usize } else { index }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Site, draw};
    use super::*;

    fn counts(weights: &[u64], draws: u64) -> Vec<u64> {
        let alias = Alias::new(weights);
        let mut counts = vec![0; weights.len()];
        (0..draws).for_each(|i| counts[alias.choose(draw(11, Site::Kind, i, 0, 0))] += 1);
        counts
    }

    #[test]
    fn indices_come_in_proportion_to_their_weights() {
        let weights = [5, 0, 1, 94, 400, 500];
        for (count, weight) in counts(&weights, 100_000).into_iter().zip(weights) {
            let expected = weight * 100;
            // Five standard deviations of a binomial are at most five roots of its mean.
            let slack = 5 * expected.isqrt();
            assert!(count.abs_diff(expected) <= slack, "{count} of {expected}");
        }
    }

    #[test]
    fn equal_and_extreme_weights_are_exact() {
        assert!(counts(&[u64::MAX; 4], 40_000).iter().all(|&n| (9_500..10_500).contains(&n)));
        assert_eq!(counts(&[0, u64::MAX, 0], 1000), [0, 1000, 0]);
        assert_eq!(counts(&[7], 10), [10]);
    }

    #[test]
    fn choices_never_change() {
        let alias = Alias::new(&[3, 1, 4, 1, 5, 9, 2, 6]);
        let chosen: Vec<usize> = (0..16).map(|i| alias.choose(draw(1, Site::Kind, i, 0, 0))).collect();
        assert_eq!(chosen, [4, 4, 4, 5, 5, 5, 6, 0, 0, 5, 2, 5, 5, 7, 4, 7]);
    }

    #[test]
    #[should_panic(expected = "some weight is positive")]
    fn weights_of_zero_only_are_refused() {
        Alias::new(&[0, 0]);
    }
}
