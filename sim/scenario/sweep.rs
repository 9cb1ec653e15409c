//! `[sweep]`: what `systole sweep` varies. No single run reads it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml_edit::Value;

/// The grid of a sweep: every combination of the varied keys' values, under every load, a few times each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SweepKeys {
    /// Keys and the values that each takes: `"consensus.replicas" = [4, 16]`. The first key in the alphabet changes
    /// slowest.
    pub vary: BTreeMap<String, Vec<SweepValue>>,
    /// Loads, transactions/s: a list, or `"1k..200k/10"` for ten of them evenly spaced on a logarithmic scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_tps: Option<SweepLoads>,
    /// Runs of each point, under as many seeds from the scenario's on.
    pub replicates: u32,
}

impl Default for SweepKeys {
    fn default() -> Self {
        SweepKeys { vary: BTreeMap::new(), load_tps: None, replicates: 1 }
    }
}

/// One value of a varied key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SweepValue {
    /// Yes or no.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A name.
    Name(String),
    /// Several of these.
    List(Vec<SweepValue>),
}

/// Loads of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SweepLoads {
    /// These.
    List(Vec<f64>),
    /// As on the command line: `1k..200k/10`, or `1k,5k`.
    Text(String),
}

impl SweepValue {
    /// The value as `--set` takes it: a name without quotes, unless it would then be read as something else.
    pub fn setting(&self) -> String {
        match self {
            SweepValue::Name(name) if name.trim() == name && name.parse::<Value>().is_err() => name.clone(),
            other => other.toml().to_string(),
        }
    }

    fn toml(&self) -> Value {
        match self {
            SweepValue::Switch(value) => Value::from(*value),
            SweepValue::Whole(value) => Value::from(*value),
            SweepValue::Number(value) => Value::from(*value),
            SweepValue::Name(value) => Value::from(value.as_str()),
            SweepValue::List(values) => values.iter().map(SweepValue::toml).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_settings_take_them() {
        let name = |text: &str| SweepValue::Name(text.into());
        assert_eq!(name("jolteon").setting(), "jolteon");
        assert_eq!(name("4").setting(), "\"4\"");
        assert_eq!(name("true").setting(), "\"true\"");
        assert_eq!(SweepValue::Whole(4).setting(), "4");
        assert_eq!(SweepValue::Number(0.5).setting(), "0.5");
        assert_eq!(SweepValue::Switch(true).setting(), "true");
        assert_eq!(SweepValue::List(vec![name("record.*"), name("4")]).setting(), "[\"record.*\", \"4\"]");
    }
}
