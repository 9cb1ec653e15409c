//! What the searches of one variant come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::advice::{Saturated, advice};
use crate::experiment::cells::{as_map, from_map};
use crate::experiment::{Estimate, LimitSummary};
use crate::scenario::Dissemination;

/// What one search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replicate {
    /// Its seed.
    pub seed: u64,
    /// The largest load found sustained, transactions/s; nothing where no probe was.
    pub lower_tps: Option<f64>,
    /// The smallest load found not sustained, transactions/s; nothing where every probe was.
    pub upper_tps: Option<f64>,
    /// What binds at the smallest load that is not sustained, or `none`.
    pub binding_resource: String,
    /// Loads that were tried.
    pub probes: usize,
}

/// A variant: its searches differ in their seeds alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantLimit {
    /// What is varied, and its value here.
    #[serde(serialize_with = "as_map", deserialize_with = "from_map")]
    pub varied: Vec<(String, String)>,
    /// The largest load that is sustained, transactions/s, over its searches; nothing where one of them found none.
    pub saturation_tps: Option<Estimate>,
    /// The smallest of the loads found sustained, transactions/s; nothing where a search found none.
    pub lower_tps: Option<f64>,
    /// The largest of those found not sustained, transactions/s; nothing where a search found none.
    pub upper_tps: Option<f64>,
    /// What binds in most of its searches, or `none`.
    pub binding_resource: String,
    /// In how many of them.
    pub binding_in: u32,
    /// How busy that class is at the smallest load that is not sustained, mean over the searches, 0 to 1; nothing for
    /// `none`.
    pub binding_busy: Option<f64>,
    /// How busy each class is at the largest load that is sustained (where none is, at the smallest that is not), mean over
    /// the searches, 0 to 1.
    pub busy: BTreeMap<String, f64>,
    /// What to change first, in a sentence.
    pub advice: String,
    /// Each search.
    pub replicates: Vec<Replicate>,
}

impl VariantLimit {
    /// Of the searches of one variant, at least one.
    pub(super) fn of(varied: Vec<(String, String)>, layer: Dissemination, found: &[LimitSummary]) -> VariantLimit {
        let lower: Option<Vec<f64>> = found.iter().map(|search| search.lower_tps).collect();
        let upper: Option<Vec<f64>> = found.iter().map(|search| search.upper_tps).collect();
        let replicates: Vec<Replicate> = found.iter().map(replicate).collect();
        let (binding_resource, binding_in) = majority(&replicates);
        let at_upper = |search: &LimitSummary| match search.busy_at_upper.is_empty() {
            true => search.busy_at_lower.clone(),
            false => search.busy_at_upper.clone(),
        };
        let at_lower = |search: &LimitSummary| match search.busy_at_lower.is_empty() {
            true => search.busy_at_upper.clone(),
            false => search.busy_at_lower.clone(),
        };
        let mut variant = VariantLimit {
            varied,
            saturation_tps: lower.as_deref().and_then(Estimate::of),
            lower_tps: lower.and_then(|all| all.into_iter().reduce(f64::min)),
            upper_tps: upper.and_then(|all| all.into_iter().reduce(f64::max)),
            binding_busy: means(found, at_upper).get(&binding_resource).copied(),
            binding_resource,
            binding_in,
            busy: means(found, at_lower),
            advice: String::new(),
            replicates,
        };
        variant.advice = advice(&Saturated {
            name: &variant.name(),
            layer,
            binding: &variant.binding_resource,
            binding_busy: variant.binding_busy,
            busy: &variant.busy,
            unbounded: variant.replicates.iter().all(|replicate| replicate.upper_tps.is_none()),
        });
        variant
    }

    /// What is varied, as people name the variant.
    pub fn name(&self) -> String {
        if self.varied.is_empty() { "the scenario".into() } else { named(&self.varied) }
    }

    /// What binds in its other searches, and in how many of them.
    pub fn others(&self) -> BTreeMap<&str, u32> {
        let mut others = BTreeMap::new();
        for Replicate { binding_resource, .. } in &self.replicates {
            if *binding_resource != self.binding_resource {
                *others.entry(binding_resource.as_str()).or_default() += 1;
            }
        }
        others
    }

    /// Searches that found no load sustained.
    pub fn unsustained(&self) -> usize {
        self.replicates.iter().filter(|replicate| replicate.lower_tps.is_none()).count()
    }
}

/// Keys and values in a few words: the last word of the key and the value, but a protocol's or layer's name alone.
pub fn named(varied: &[(String, String)]) -> String {
    let word = |(key, value): &(String, String)| match key.rsplit('.').next() {
        None | Some("protocol" | "dissemination") => value.clone(),
        Some(last) => format!("{last} {value}"),
    };
    varied.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn replicate(search: &LimitSummary) -> Replicate {
    Replicate {
        seed: search.seed,
        lower_tps: search.lower_tps,
        upper_tps: search.upper_tps,
        binding_resource: search.binding_resource.clone(),
        probes: search.probes,
    }
}

/// What most searches say, and how many; of equally many what the first one says.
fn majority(replicates: &[Replicate]) -> (String, u32) {
    let votes = |name: &str| replicates.iter().filter(|replicate| replicate.binding_resource == name).count() as u32;
    let mut first = ("none", 0);
    for replicate in replicates {
        let name = replicate.binding_resource.as_str();
        if votes(name) > first.1 {
            first = (name, votes(name));
        }
    }
    (first.0.to_string(), first.1)
}

/// The mean of each class over the searches that have it.
fn means(found: &[LimitSummary], of: impl Fn(&LimitSummary) -> BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (name, busy) in found.iter().flat_map(of) {
        let (sum, count) = sums.entry(name).or_default();
        *sum += busy;
        *count += 1.0;
    }
    sums.into_iter().map(|(name, (sum, count))| (name, sum / count)).collect()
}
