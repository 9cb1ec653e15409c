//! Kinds of transactions, `family.verb`, with their sizes.

use crate::base::Bytes;
use crate::base::Span;
use crate::kernel::draw::LogNormal;

use super::Verb;

/// Standard-normal quantile of 0.95.
const Z95: f64 = 1.644_853_626_951;

/// Off-ledger payload sizes of one kind: log-normal through its measured median and 95th percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PayloadSizes {
    /// Bytes in place of nanoseconds: the law is scale-free.
    law: LogNormal,
    most: u64,
    mean: f64,
}

impl PayloadSizes {
    /// From the median and the 95th percentile, in bytes. Draws are capped at four times the latter.
    pub fn new(median: f64, p95: f64) -> PayloadSizes {
        assert!(median > 0.0 && p95 >= median, "sizes are positive and ordered, got {median} and {p95}");
        let sigma = libm::log(p95 / median) / Z95;
        let law = LogNormal::new(Span(median as u64), sigma);
        PayloadSizes { law, most: (4.0 * p95) as u64, mean: median * libm::exp(sigma * sigma / 2.0) }
    }

    /// The mean of the law, bytes; the cap takes less than a hundredth off it.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The size for 64 uniform bits.
    pub fn draw(&self, bits: u64) -> Bytes {
        Bytes(self.law.span(bits).0.min(self.most))
    }
}

/// One kind of transaction (a row of `tx_taxonomy.csv`).
#[derive(Clone, Debug, PartialEq)]
pub struct KindSpec {
    /// `family.verb`.
    pub name: String,
    /// The standard that defines its content: FHIR R4 resource, IHE profile, EPCIS 2.0 step, X12 set.
    pub standard: String,
    /// On-ledger bytes, body and signature.
    pub wire: Bytes,
    /// Off-ledger payload.
    pub payload: PayloadSizes,
    /// Within which it is to be final; none where the table has none.
    pub slo: Option<Span>,
    /// What it asks the contracts for.
    pub verb: Verb,
    /// The world's mean rate in the model behind the load tables, transactions/s; 0 where it has none.
    pub world_tps: f64,
    /// Whether it concerns the ledgers of two shards, where there are shards.
    pub crosses: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_pass_through_the_given_quantiles() {
        let sizes = PayloadSizes::new(1000.0, 4000.0);
        let spread: Vec<u64> = (0..20_000u64).map(|i| sizes.draw(u64::MAX / 20_000 * i).0).collect();
        let below = |limit: u64| spread.iter().filter(|&&size| size <= limit).count() as f64 / spread.len() as f64;
        assert!((below(1000) - 0.5).abs() < 0.01 && (below(4000) - 0.95).abs() < 0.01);
    }

    #[test]
    fn a_fixed_size_is_fixed() {
        assert_eq!(PayloadSizes::new(32.0, 32.0).draw(u64::MAX), Bytes(32));
    }
}
