//! What replicates come to: for each cell of a grid the mean, and how well it is known.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::metrics::Definition;

use super::plan::Plan;
use super::{Figures, LatencySummary};

/// A mean over replicates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval (Student's t); nothing for one replicate.
    pub half_width_95: Option<f64>,
}

impl Estimate {
    /// Of independent values that vary normally; nothing of none.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        match values {
            [] => None,
            [mean] => Some(Estimate { mean: *mean, half_width_95: None }),
            _ => {
                let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
                let error = (squares / (n - 1.0) / n).sqrt();
                let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("two values have a degree of freedom");
                Some(Estimate { mean, half_width_95: Some(t.inverse_cdf(0.975) * error) })
            }
        }
    }
}

/// A cell of a grid: its replicates differ in their seeds alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// What is varied, and its value here.
    #[serde(serialize_with = "as_map")]
    pub varied: Vec<(String, String)>,
    /// Load that it is given, transactions/s, if it is given one.
    pub load_tps: Option<f64>,
    /// How often it was run.
    pub replicates: u32,
    /// Offered, transactions/s.
    pub offered_tps: Option<Estimate>,
    /// In effect with a receipt in time, transactions/s.
    pub goodput_tps: Option<Estimate>,
    /// Median to the receipt, ms, of the replicates that have one.
    pub reply_p50_ms: Option<Estimate>,
    /// 99th percentile to the receipt, ms, of the replicates that have one.
    pub reply_p99_ms: Option<Estimate>,
    /// Replicates in which every threshold held.
    pub slo_met: u32,
    /// What limits the first replicate, or `none`.
    pub binding_resource: String,
}

pub(super) fn as_map<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// Reads what [`as_map`] wrote, in its order.
pub(super) fn from_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("keys and their values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_map(Pairs)
}

impl Cell {
    /// The cells of a plan in its order.
    pub fn of_plan(plan: &Plan, figures: &[Figures]) -> Vec<Cell> {
        let replicates = plan.heading.grid.replicates;
        let cells = figures.chunks(replicates as usize).enumerate();
        cells.map(|(nth, runs)| Cell::of(plan, nth * replicates as usize, runs)).collect()
    }

    fn of(plan: &Plan, first: usize, runs: &[Figures]) -> Cell {
        let estimate = |value: &dyn Fn(&Figures) -> Option<f64>| {
            let values: Vec<f64> = runs.iter().filter_map(value).collect();
            Estimate::of(&values)
        };
        let reply = |quantile: fn(&LatencySummary) -> f64| {
            estimate(&move |run| {
                let reply = &run.latency_ms[Definition::SubmitToReply.name()];
                (reply.count > 0).then(|| quantile(reply))
            })
        };
        Cell {
            varied: plan.varied(first),
            load_tps: plan.load_tps(first),
            replicates: runs.len() as u32,
            offered_tps: estimate(&|run| Some(run.offered_tps)),
            goodput_tps: estimate(&|run| Some(run.goodput_tps)),
            reply_p50_ms: reply(|reply| reply.p50),
            reply_p99_ms: reply(|reply| reply.p99),
            slo_met: runs.iter().filter(|run| run.meets_slos()).count() as u32,
            binding_resource: runs[0].binding_resource.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half_width(values: &[f64]) -> f64 {
        Estimate::of(values).and_then(|estimate| estimate.half_width_95).expect("there are two values")
    }

    #[test]
    fn half_widths_are_those_of_printed_tables() {
        // Two values 2 apart: s = √2, s/√n = 1, and t(0.975, 1) = 12.706.
        assert!((half_width(&[1.0, 3.0]) - 12.706_2).abs() < 1e-3);
        // 1 to 5: s² = 2.5, s/√5 = 0.70711, t(0.975, 4) = 2.77645.
        let five = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!((half_width(&five) - 1.963_24).abs() < 1e-4);
        assert_eq!(Estimate::of(&five).map(|estimate| estimate.mean), Some(3.0));
        // 50 times -1 and 50 times 1: s/√100 = 0.1005038, t(0.975, 99) = 1.98422.
        let hundred: Vec<f64> = (0..100).map(|nth| if nth % 2 == 0 { -1.0 } else { 1.0 }).collect();
        assert!((half_width(&hundred) - 0.199_421).abs() < 1e-5);
        assert_eq!(half_width(&[7.0; 5]), 0.0);
    }

    #[test]
    fn one_value_has_no_interval_and_none_no_mean() {
        assert_eq!(Estimate::of(&[7.0]), Some(Estimate { mean: 7.0, half_width_95: None }));
        assert_eq!(Estimate::of(&[]), None);
    }
}
