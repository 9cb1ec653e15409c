//! `[prices]`: what `systole compare` pays. No run reads it, so that a change of prices changes no result.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ScenarioError;
use super::overrides::Source;
use super::validate::{Check, refuse, within};

/// The table's name.
pub const PRICES_KEY: &str = "prices";
/// A price above which somebody mistook the unit.
const MOST: f64 = 1e6;

/// Prices, all in one currency. The defaults are list prices of one cloud, read in 2026: change them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// What the currency is called: a label, nothing is converted.
    pub currency: String,
    /// One core of a replica for an hour, busy or not. Default: 0.0425, an eighth of an AWS c5.2xlarge on demand in
    /// us-east-1 (0.34; 8 vCPUs).
    pub vcpu_hour: f64,
    /// 10⁹ bytes that leave a replica. Default: 0.09, AWS to the internet, the first 10 TB of a month; between regions of
    /// one cloud it is rather 0.02.
    pub egress_gb: f64,
    /// 10⁹ bytes kept for a month. Default: 0.08, AWS EBS gp3 in us-east-1.
    pub storage_gb_month: f64,
    /// How long the ledger is kept, years: each transaction is charged for its bytes at every replica for that long.
    /// Default: 10.
    pub retention_years: f64,
    /// Energy of a second of a core's work, J. Default: 3.5, a fully busy vCPU as Cloud Carbon Footprint assumes for AWS.
    pub core_second_joules: f64,
    /// A kilowatt-hour. Default: 0, as who rents a core pays for its energy with it.
    pub energy_kwh: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Prices {
            currency: "USD".into(),
            vcpu_hour: 0.0425,
            egress_gb: 0.09,
            storage_gb_month: 0.08,
            retention_years: 10.0,
            core_second_joules: 3.5,
            energy_kwh: 0.0,
        }
    }
}

impl Prices {
    /// Reads `[prices]` of a file that may be a whole scenario.
    pub fn load(path: &Path) -> Result<Prices, ScenarioError> {
        let unreadable = |source| ScenarioError::Unreadable { path: path.into(), source };
        Prices::parse(&path.display().to_string(), &std::fs::read_to_string(path).map_err(unreadable)?)
    }

    fn parse(name: &str, text: &str) -> Result<Prices, ScenarioError> {
        let source = Source { name, text, has_lines: true };
        let file: PriceFile = source.parse()?;
        let hint = Some("write [prices] and below it, say, vcpu_hour = 0.05".into());
        let missing = || ScenarioError::Invalid { place: name.into(), what: "there is no [prices] in it".into(), hint };
        let prices = file.prices.ok_or_else(missing)?;
        refuse(prices.checks(), &source)?;
        Ok(prices)
    }

    /// Whether `setting` overrides a price.
    pub fn is_set_by(setting: &str) -> bool {
        let key = setting.split_once('=').map_or(setting, |(key, _)| key).trim();
        key == PRICES_KEY || key.strip_prefix(PRICES_KEY).is_some_and(|rest| rest.starts_with('.'))
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let named =
            !self.currency.is_empty() && self.currency.chars().all(|c| c.is_alphanumeric() || "€$£¥".contains(c));
        let rule = format!("must be a short name such as \"EUR\", not \"{}\"", self.currency);
        vec![
            Check { key: "prices.currency", holds: named && self.currency.len() <= 12, rule },
            within("prices.vcpu_hour", self.vcpu_hour, 0.0, MOST),
            within("prices.egress_gb", self.egress_gb, 0.0, MOST),
            within("prices.storage_gb_month", self.storage_gb_month, 0.0, MOST),
            within("prices.retention_years", self.retention_years, 0.0, 1_000.0),
            within("prices.core_second_joules", self.core_second_joules, 0.0, MOST),
            within("prices.energy_kwh", self.energy_kwh, 0.0, MOST),
        ]
    }
}

/// The table of prices in a file that may hold more.
#[derive(Deserialize)]
struct PriceFile {
    prices: Option<Prices>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match Prices::parse("p.toml", text) {
            Ok(prices) => format!("{} {}", prices.vcpu_hour, prices.currency),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn prices_are_read_alone_or_from_a_scenario_and_checked() {
        assert_eq!(said("[prices]\nvcpu_hour = 1\n"), "1 USD");
        assert_eq!(said("name = \"x\"\n[prices]\ncurrency = \"€\"\n[world]\n"), "0.0425 €");
        assert_eq!(
            said("name = \"x\"\n"),
            "p.toml: there is no [prices] in it; write [prices] and below it, say, vcpu_hour = 0.05"
        );
        assert_eq!(
            said("[prices]\negress_gb = -1\n"),
            "p.toml:2:13: `prices.egress_gb` must be between 0 and 1000000, not -1"
        );
        assert!(said("[prices]\negress = 1\n").contains("unknown key `egress`"));
        assert!(said("[prices]\ncurrency = \"\"\n").contains("p.toml:2:12: `prices.currency` must be a short name"));
        assert!(said("[prices]\nvcpu_hour = nan\n").contains("not NaN"));
    }

    #[test]
    fn only_prices_are_set_by_settings_of_prices() {
        assert!(Prices::is_set_by("prices.vcpu_hour=1") && Prices::is_set_by(" prices = {}"));
        assert!(!Prices::is_set_by("price=1") && !Prices::is_set_by("pricesx.y=1") && !Prices::is_set_by("seed=1"));
    }
}
