//! How well each hospital is served, and whether some are left behind.

use crate::base::Span;

use super::LatencyHistogram;

/// What a group of hospitals demanded in the window and got.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Submitted, with weight.
    pub offered: u64,
    /// Of it, in effect with a receipt within the deadline.
    pub good: u64,
    /// Of it, in effect with a receipt after the deadline.
    pub late: u64,
    /// To the receipt.
    pub latency: LatencyHistogram,
}

/// Demand and service by hospital, and by connectivity class. Memory: 16 bytes for each hospital.
#[derive(Clone, Debug)]
pub struct Service {
    /// By connectivity class.
    pub by_class: Vec<Served>,
    /// By region.
    pub by_region: Vec<Served>,
    /// Offered and good, by hospital.
    hospitals: Vec<[u64; 2]>,
}

impl Service {
    /// Nothing yet.
    pub fn new(hospitals: usize, classes: usize, regions: usize) -> Service {
        let none = |groups| vec![Served::default(); groups];
        Service { by_class: none(classes), by_region: none(regions), hospitals: vec![[0; 2]; hospitals] }
    }

    /// A hospital of a class and region submits something.
    pub fn offer(&mut self, hospital: usize, class: usize, region: usize, weight: u64) {
        self.by_class[class].offered += weight;
        self.by_region[region].offered += weight;
        self.hospitals[hospital][0] += weight;
    }

    /// It has a receipt.
    pub fn serve(&mut self, hospital: usize, class: usize, region: usize, latency: Span, good: bool, weight: u64) {
        for group in [&mut self.by_class[class], &mut self.by_region[region]] {
            *if good { &mut group.good } else { &mut group.late } += weight;
            group.latency.record(latency, weight);
        }
        self.hospitals[hospital][1] += if good { weight } else { 0 };
    }

    /// Jain's fairness index over the shares of their demand that hospitals got in time, of those that demanded anything.
    pub fn fairness(&self) -> f64 {
        let active = self.hospitals.iter().filter(|[offered, _]| *offered > 0);
        jain(active.map(|[offered, good]| *good as f64 / *offered as f64))
    }
}

/// Jain's fairness index (Jain, Chiu, Hawe, DEC-TR-301, 1984): (Σx)² / (n Σx²), 1 where all are alike, 1/n where one has
/// everything; 1 where nobody has anything.
pub fn jain(shares: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut sum, mut squares) = (0u64, 0.0, 0.0);
    for share in shares {
        count += 1;
        sum += share;
        squares += share * share;
    }
    if squares > 0.0 { sum * sum / (count as f64 * squares) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_one_where_all_are_alike_and_a_share_where_one_has_all() {
        let near = |shares: &[f64], index: f64| (jain(shares.iter().copied()) - index).abs() < 1e-12;
        assert!(near(&[0.7; 5], 1.0) && near(&[0.0, 0.0, 0.9, 0.0], 0.25) && near(&[0.0; 3], 1.0));
    }

    #[test]
    fn only_who_asked_counts() {
        let mut service = Service::new(3, 1, 1);
        service.offer(0, 0, 0, 10);
        service.offer(1, 0, 0, 10);
        (0..10).for_each(|_| service.serve(0, 0, 0, Span::from_millis(5), true, 1));
        (0..10).for_each(|_| service.serve(1, 0, 0, Span::from_secs(50), false, 1));
        assert_eq!(service.fairness(), 0.5);
        let Served { offered, good, late, .. } = service.by_class[0];
        assert_eq!((offered, good, late), (20, 10, 10));
    }
}
