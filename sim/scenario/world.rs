//! The tables `[world]` and `[surge]`: who submits what, from where, when, and how much.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who submits what, from where.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Folder of the data files, relative to the scenario's own folder.
    pub data: String,
    /// Hospitals, taken evenly from the data set's 5,000, or from those of `regions`.
    pub hospitals: u32,
    /// WHO regions that take part; none named: all.
    pub regions: Vec<WhoRegion>,
    /// Load classes: a mix of `health/mixes.csv`.
    pub mix: String,
    /// Hour of the week, 0 to 167, from Monday 00:00 UTC; 8 is the world's busiest. With a longer `span` its first.
    pub hour_of_week: u32,
    /// What of the week is run through: an hour's load stays what it is, a day or a week goes from hour to hour.
    pub span: CalendarSpan,
    /// Calendar time that passes in one second of the run, s: with 1440 a day passes in a minute.
    pub lapse: f64,
    /// How much of care is recorded electronically.
    pub digitised: Digitised,
    /// Kinds of the mix that are kept, such as `claim.pay` or all of a family, `claim.*`; none named: all. What is left
    /// out arrives nowhere, and what is kept has its own rates.
    pub only: Vec<String>,
    /// Kinds that come beside the mix's, transactions/s over the world, spread by population, alike at all hours. `scale`,
    /// `load_tps` and `regions` apply to them as to the mix; a surge does not.
    pub extra: BTreeMap<String, f64>,
    /// Multiplies the load of the hourly table.
    pub scale: f64,
    /// Replaces the total of the load by this many transactions/s, spread alike; over a day or week their mean.
    pub load_tps: Option<f64>,
    /// Coefficient of variation of the random factor of mean 1 that each region's load has for 10 s of calendar time.
    pub burst: f64,
    /// Whether lines and power fail, and are repaired, as often as the connectivity classes say, by the calendar: what is
    /// submitted meanwhile is stored, and forwarded when the line is back.
    pub outages: bool,
    /// A measured city farther than this from a metro does not stand for it, km.
    pub near_km: f64,
}

/// A WHO region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum WhoRegion {
    /// Africa.
    Afr,
    /// The Americas.
    Amr,
    /// The Eastern Mediterranean.
    Emr,
    /// Europe.
    Eur,
    /// South-East Asia.
    Sear,
    /// The Western Pacific.
    Wpr,
}

/// What of the week a run goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CalendarSpan {
    /// One hour of constant load, however long the run.
    Hour,
    /// 24 hours.
    Day,
    /// 168 hours.
    Week,
}

/// How much of care is recorded electronically.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Digitised {
    /// All of it.
    Full,
    /// Each region's share of `health/load_assumptions.csv`; what devices send is all of it electronic.
    Today,
}

/// What rises and falls again during the run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SurgeKeys {
    /// Whose multipliers and days.
    pub profile: SurgeProfile,
    /// How high it rises, where.
    #[serde(default)]
    pub factor: SurgeFactor,
    /// The country that it strikes most, ISO 3166-1 alpha-2; with `factor = "national"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// When it begins, s of the run.
    #[serde(default)]
    pub begins_s: f64,
    /// How long a day of the profile takes, s of the run.
    #[serde(default = "SurgeKeys::usual_day_s")]
    pub day_s: f64,
}

/// A course of surges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SurgeProfile {
    /// `health/surge_pandemic.csv`.
    Pandemic,
}

/// How high a surge rises, where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SurgeFactor {
    /// As the world's does, everywhere.
    #[default]
    World,
    /// As the worst country's does in `country`, as the world's elsewhere.
    National,
}

impl WhoRegion {
    /// Every region.
    pub const ALL: [WhoRegion; 6] =
        [WhoRegion::Afr, WhoRegion::Amr, WhoRegion::Emr, WhoRegion::Eur, WhoRegion::Sear, WhoRegion::Wpr];

    /// Its code in the data files.
    pub const fn code(self) -> &'static str {
        match self {
            WhoRegion::Afr => "AFR",
            WhoRegion::Amr => "AMR",
            WhoRegion::Emr => "EMR",
            WhoRegion::Eur => "EUR",
            WhoRegion::Sear => "SEAR",
            WhoRegion::Wpr => "WPR",
        }
    }
}

impl CalendarSpan {
    /// Its hours.
    pub const fn hours(self) -> u32 {
        match self {
            CalendarSpan::Hour => 1,
            CalendarSpan::Day => 24,
            CalendarSpan::Week => 168,
        }
    }
}

impl World {
    /// Whether a region takes part.
    pub fn has_region(&self, code: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|region| region.code() == code)
    }

    /// Whether a kind of the mix is kept.
    pub fn keeps(&self, kind: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| matches(pattern, kind))
    }
}

/// Whether a pattern, a kind or a family with `.*`, means a kind.
pub(super) fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(family) => kind.split('.').next() == Some(family),
        None => kind == pattern,
    }
}

impl SurgeKeys {
    fn usual_day_s() -> f64 {
        0.1
    }
}

impl Default for World {
    fn default() -> Self {
        World {
            data: "data".into(),
            hospitals: 5_000,
            regions: Vec::new(),
            mix: "c1".into(),
            hour_of_week: 8,
            span: CalendarSpan::Hour,
            lapse: 1.0,
            digitised: Digitised::Full,
            only: Vec::new(),
            extra: BTreeMap::new(),
            scale: 1.0,
            load_tps: None,
            burst: 0.0,
            outages: false,
            near_km: 150.0,
        }
    }
}
