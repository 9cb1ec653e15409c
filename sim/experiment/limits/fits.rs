//! How saturation points scale with a number that is varied: one fit for each such key and each combination of the others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml_edit::Value;

use crate::experiment::Variation;
use crate::experiment::cells::{as_map, from_map};
use crate::experiment::usl::{self, LEAST_POINTS, Observation, Power, Usl};

use super::says;
use super::variant::{Replicate, VariantLimit};

/// A measured point of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitPoint {
    /// The varied number; of a list its length.
    pub n: f64,
    /// Largest load sustained, mean over the searches, transactions/s.
    pub saturation_tps: f64,
    /// Its standard error, transactions/s: of the mean over seeds, and of the bracket's width.
    pub error_tps: f64,
    /// What binds there.
    pub binding_resource: String,
}

/// Keys and their values.
type Held = Vec<(String, String)>;

/// What describes the points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum Model {
    /// The Universal Scalability Law.
    Usl(Box<Usl>),
    /// A power of the number: where throughput does not grow with it.
    Power(Power),
    /// Nothing: `says` says why.
    None {},
}

/// How the saturation point scales with a key, others held equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The key.
    pub key: String,
    /// Other varied keys, and their values here.
    #[serde(serialize_with = "as_map", deserialize_with = "from_map")]
    pub held: Vec<(String, String)>,
    /// What was measured, by ascending number.
    pub points: Vec<FitPoint>,
    /// What describes it.
    #[serde(flatten)]
    pub model: Model,
    /// All that in sentences.
    pub says: String,
}

impl Fit {
    /// A fit for each key of `vary` that takes at least four numbers, and each combination of the other keys' values.
    pub(super) fn all(vary: &[Variation], variants: &[VariantLimit]) -> Vec<Fit> {
        let scaled = vary.iter().filter(|variation| variation.key != "seed").filter_map(numbers);
        scaled.flat_map(|key| Fit::of_key(key, variants)).collect()
    }

    fn of_key(key: &str, variants: &[VariantLimit]) -> Vec<Fit> {
        let mut groups: Vec<(Held, Vec<(f64, &VariantLimit)>)> = Vec::new();
        for variant in variants {
            let (own, held): (Vec<_>, Vec<_>) = variant.varied.iter().cloned().partition(|(name, _)| name == key);
            let Some(n) = own.first().and_then(|(_, value)| number(value)) else { continue };
            match groups.iter_mut().find(|(known, _)| *known == held) {
                Some((_, members)) => members.push((n, variant)),
                None => groups.push((held, vec![(n, variant)])),
            }
        }
        groups.into_iter().map(|(held, members)| Fit::of(key, held, members)).collect()
    }

    fn of(key: &str, held: Held, mut members: Vec<(f64, &VariantLimit)>) -> Fit {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bracketed = |(_, variant): &&(f64, &VariantLimit)| width(variant).is_some();
        let known: Vec<(f64, &VariantLimit)> = members.iter().filter(bracketed).copied().collect();
        let (spread, dof) = spread(&known);
        let points: Vec<FitPoint> = known.iter().filter_map(|&(n, variant)| point(n, variant, spread)).collect();
        let mut fit = Fit { key: key.into(), held, points, model: Model::None {}, says: String::new() };
        let without = members.len() - fit.points.len();
        fit.model = model(&fit.points, (dof > 0.0).then_some(dof));
        fit.says = says::of(&fit, without);
        fit
    }
}

/// A key that takes at least four different numbers.
fn numbers(variation: &Variation) -> Option<&str> {
    let numbers: Option<Vec<f64>> = variation.values.iter().map(|value| number(value)).collect();
    let different: BTreeSet<u64> = numbers?.into_iter().map(f64::to_bits).collect();
    (different.len() >= LEAST_POINTS).then_some(variation.key.as_str())
}

/// The number that a value is; of a list its length.
fn number(value: &str) -> Option<f64> {
    match value.parse::<Value>().ok()? {
        Value::Integer(number) => Some(*number.value() as f64),
        Value::Float(number) => Some(*number.value()).filter(|number| number.is_finite()),
        Value::Array(list) => Some(list.len() as f64),
        _ => None,
    }
}

/// Mean width of the brackets of a variant, if each of its searches has one.
fn width(variant: &VariantLimit) -> Option<f64> {
    let width = |search: &Replicate| Some(search.upper_tps? - search.lower_tps?);
    let widths = variant.replicates.iter().map(width).collect::<Option<Vec<f64>>>()?;
    Some(widths.iter().sum::<f64>() / widths.len() as f64)
}

/// Variance between the searches of a variant as a share of its squared mean, pooled over all, and its degrees of freedom.
/// Few searches of one variant know their own variance badly, and brackets are as wide as a share of the load.
fn spread(members: &[(f64, &VariantLimit)]) -> (f64, f64) {
    let (mut squares, mut dof) = (0.0, 0.0);
    for (_, variant) in members {
        let Some(mean) = variant.saturation_tps.map(|estimate| estimate.mean) else { continue };
        let off = |search: &Replicate| search.lower_tps.map_or(0.0, |lower| lower / mean - 1.0);
        squares += variant.replicates.iter().map(|search| off(search) * off(search)).sum::<f64>();
        dof += variant.replicates.len() as f64 - 1.0;
    }
    if dof > 0.0 { (squares / dof, dof) } else { (0.0, 0.0) }
}

fn point(n: f64, variant: &VariantLimit, spread: f64) -> Option<FitPoint> {
    let (width, mean) = (width(variant)?, variant.saturation_tps?.mean);
    // The edge is anywhere in the bracket, and searches of other seeds try much the same loads: that error stays.
    let variance = mean * mean * spread / variant.replicates.len() as f64 + width * width / 12.0;
    let binding_resource = variant.binding_resource.clone();
    Some(FitPoint { n, saturation_tps: mean, error_tps: variance.sqrt(), binding_resource })
}

fn model(points: &[FitPoint], dof: Option<f64>) -> Model {
    let different: BTreeSet<u64> = points.iter().map(|point| point.n.to_bits()).collect();
    if different.len() < LEAST_POINTS || points[0].n < 1.0 {
        return Model::None {};
    }
    let observed: Vec<Observation> = points.iter().map(observation).collect();
    let most = points.iter().map(|point| point.saturation_tps).fold(0.0, f64::max);
    let falls = points[0].saturation_tps >= most;
    let power = Power::fit(&observed, dof);
    if falls || usl::is_constant(&observed) {
        return Model::Power(power);
    }
    usl::fit(&observed, dof).map_or(Model::Power(power), |usl| Model::Usl(Box::new(usl)))
}

pub(super) fn observation(point: &FitPoint) -> Observation {
    Observation { n: point.n, tps: point.saturation_tps, error_tps: point.error_tps }
}
