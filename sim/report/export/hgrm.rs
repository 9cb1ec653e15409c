//! HdrHistogram's percentile distribution as text, which its plotters read: values in ms.
//!
//! Source: `outputPercentileDistribution` of HdrHistogram (Java), with five ticks for each half of what is left of 100 %
//! and a scaling ratio of 1,000, as values are recorded in microseconds.

use std::fmt::Write;

use hdrhistogram::Histogram;

/// Lines for each half of what is left of 100 %.
const TICKS: u32 = 5;
/// Recorded units in a printed one.
const SCALE: f64 = 1e3;
const WRITES: &str = "writing to a string does not fail";

/// The distribution of a histogram in microseconds.
pub(super) fn distribution(histogram: &Histogram<u64>) -> String {
    let digits = usize::from(histogram.sigfig());
    let mut out = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS) {
        total += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64 / SCALE, step.quantile_iterated_to());
        write!(out, "{value:>12.digits$} {quantile:>2.12} {total:>10}").expect(WRITES);
        if quantile < 1.0 {
            write!(out, " {:>14.2}", 1.0 / (1.0 - quantile)).expect(WRITES);
        }
        out.push('\n');
    }
    let of = |value: f64| if histogram.is_empty() { 0.0 } else { value / SCALE };
    let (mean, deviation, max) = (of(histogram.mean()), of(histogram.stdev()), of(histogram.max() as f64));
    let (buckets, sub_buckets) = (histogram.buckets(), (2 * 10u32.pow(digits as u32)).next_power_of_two());
    let count = histogram.len();
    writeln!(out, "#[Mean    = {mean:>12.digits$}, StdDeviation   = {deviation:>12.digits$}]").expect(WRITES);
    writeln!(out, "#[Max     = {max:>12.digits$}, Total count    = {count:>12}]").expect(WRITES);
    writeln!(out, "#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]").expect(WRITES);
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_distribution_is_as_the_plotters_read_it() {
        let mut histogram = Histogram::<u64>::new(3).expect("three digits are valid");
        (1..=8).for_each(|ms| histogram.record(ms * 1_000).expect("it grows"));
        let expected = expect![[r#"
                   Value     Percentile TotalCount 1/(1-Percentile)

                   1.000 0.000000000000          1           1.00
                   1.000 0.100000000000          1           1.11
                   2.000 0.200000000000          2           1.25
                   3.001 0.300000000000          3           1.43
                   4.001 0.400000000000          4           1.67
                   4.001 0.500000000000          4           2.00
                   5.003 0.550000000000          5           2.22
                   5.003 0.600000000000          5           2.50
                   6.003 0.650000000000          6           2.86
                   6.003 0.700000000000          6           3.33
                   7.003 0.750000000000          7           4.00
                   7.003 0.775000000000          7           4.44
                   7.003 0.800000000000          7           5.00
                   7.003 0.825000000000          7           5.71
                   7.003 0.850000000000          7           6.67
                   8.003 0.875000000000          8           8.00
                   8.003 1.000000000000          8
            #[Mean    =        4.501, StdDeviation   =        2.292]
            #[Max     =        8.003, Total count    =            8]
            #[Buckets =            3, SubBuckets     =         2048]
        "#]];
        expected.assert_eq(&distribution(&histogram));
    }

    #[test]
    fn an_empty_histogram_has_no_lines_and_no_mean() {
        let histogram = Histogram::<u64>::new(3).expect("three digits are valid");
        let text = distribution(&histogram);
        assert!(text.contains("#[Mean    =        0.000, StdDeviation   =        0.000]"), "{text}");
        assert!(text.contains("Total count    =            0]"), "{text}");
    }
}
