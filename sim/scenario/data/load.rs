//! The load tables: kinds, classes, hours, and what a surge multiplies.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::{Bytes, Span};
use crate::health::{ClassLoad, KindSpec, PayloadSizes, Verb, WEEK_HOURS};
use crate::ledger::{SIGNATURE_BYTES, TransactionBody};

use super::super::ScenarioError;
use super::Reader;

/// Off-ledger size of kinds whose taxonomy row has none: a hash and nothing else.
const NO_PAYLOAD_BYTES: f64 = 32.0;
/// A surge to more than so many times the load, or of so many days, is a slip of the pen.
const MOST_SURGE: f64 = 1_000.0;

/// What a surge does to one load class (a row of `surge_pandemic.csv`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurgeRow {
    /// What the world's load is multiplied by at the height.
    pub world: f64,
    /// And the load of the country that it strikes most.
    pub worst: f64,
    /// Days that it rises.
    pub ramp_days: f64,
    /// Days that it stays.
    pub hold_days: f64,
    /// Days that it falls.
    pub decay_days: f64,
}

#[derive(Deserialize)]
struct KindRow {
    kind: String,
    world_mean_tps_model: Option<f64>,
    standard_mapping: String,
    #[serde(rename = "offchain_payload_median_B")]
    payload_median: Option<f64>,
    #[serde(rename = "offchain_payload_p95_B")]
    payload_p95: Option<f64>,
    #[serde(rename = "suggested_onchain_B")]
    on_ledger: u64,
    finality_slo: String,
    shard_scope: String,
}

#[derive(Deserialize)]
struct MixRow {
    mix: String,
    tx_class: String,
}

#[derive(Deserialize)]
struct ClassKindRow {
    tx_class: String,
    kind: String,
    share: f64,
}

#[derive(Deserialize)]
struct LoadRow {
    tx_class: String,
    who_region: String,
    mean_tps: f64,
    diurnal_shape: String,
}

#[derive(Deserialize)]
struct AssumptionRow {
    key: String,
    who_region: String,
    value: String,
}

#[derive(Deserialize)]
struct PandemicRow {
    tx_class: String,
    world_multiplier: String,
    worst_country_multiplier: String,
    ramp_days: f64,
    hold_days: f64,
    decay_days: f64,
}

/// The taxonomy.
pub(super) fn kinds(reader: &mut Reader) -> Result<Vec<KindSpec>, ScenarioError> {
    const TAXONOMY: &str = "health/tx_taxonomy.csv";
    let rows = reader.rows::<KindRow>(TAXONOMY)?;
    let least = |row: &KindRow| TransactionBody::FIXED_BYTES + SIGNATURE_BYTES + Verb::of(&row.kind).call_bytes();
    if let Some(row) = rows.iter().find(|row| row.on_ledger < least(row)) {
        let (kind, is, least) = (&row.kind, row.on_ledger, least(row));
        let what = format!("`{kind}` has {is} bytes on the ledger; with what its contract is asked it takes {least}");
        return Err(reader.inconsistent(TAXONOMY, what));
    }
    let kind = |row: KindRow| {
        let median = row.payload_median.unwrap_or(NO_PAYLOAD_BYTES);
        KindSpec {
            verb: Verb::of(&row.kind),
            slo: slo(&row.finality_slo),
            world_tps: row.world_mean_tps_model.unwrap_or(0.0),
            name: row.kind,
            standard: row.standard_mapping,
            wire: Bytes(row.on_ledger),
            payload: PayloadSizes::new(median, row.payload_p95.unwrap_or(median).max(median)),
            crosses: row.shard_scope.contains("cross-shard") || row.shard_scope.contains("->"),
        }
    };
    Ok(rows.into_iter().map(kind).collect())
}

/// How long until a kind is to be final, out of the table's words: what is said of a commit or an anchor, else what comes
/// first.
fn slo(words: &str) -> Option<Span> {
    let parts = || words.split([',', ';']);
    let of_ledger = parts().find(|part| part.contains("commit") || part.contains("anchor"));
    let part = of_ledger.or_else(|| parts().next())?;
    let number = part.find(|letter: char| letter.is_ascii_digit())?;
    let (number, unit) = part[number..].split_once(' ')?;
    let unit_s = match unit.split(' ').next()? {
        "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "days" => 86_400.0,
        _ => return None,
    };
    Some(Span::from_millis_f64(number.parse::<f64>().ok()? * unit_s * 1_000.0))
}

/// Classes of a mix, by region.
pub(super) fn classes(reader: &mut Reader, mix: &str, kinds: &[KindSpec]) -> Result<Vec<ClassLoad>, ScenarioError> {
    const MIXES: &str = "health/mixes.csv";
    const CLASS_KINDS: &str = "health/class_kinds.csv";
    let mixes = reader.rows::<MixRow>(MIXES)?;
    let chosen: Vec<&str> = mixes.iter().filter(|row| row.mix == mix).map(|row| row.tx_class.as_str()).collect();
    if chosen.is_empty() {
        let mut known: Vec<&str> = mixes.iter().map(|row| row.mix.as_str()).collect();
        known.dedup();
        return Err(reader.inconsistent(MIXES, format!("it lacks the mix `{mix}`; it has {}", known.join(", "))));
    }
    let diurnal = diurnal(reader)?;
    let mut shares: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
    for row in reader.rows::<ClassKindRow>(CLASS_KINDS)? {
        let index = kinds.iter().position(|kind| kind.name == row.kind);
        let lacks = || reader.inconsistent(CLASS_KINDS, format!("`{}` is no kind of tx_taxonomy.csv", row.kind));
        shares.entry(row.tx_class).or_default().push((index.ok_or_else(lacks)?, row.share));
    }
    let rows = reader.rows::<LoadRow>("health/load_by_class_region.csv")?;
    let load = |row: LoadRow| {
        let lacks_kinds = || reader.inconsistent(CLASS_KINDS, format!("it lacks the class `{}`", row.tx_class));
        let lacks_shape = || {
            let what = format!("it lacks the shape `{}`", row.diurnal_shape);
            reader.inconsistent(DIURNAL, what)
        };
        Ok(ClassLoad {
            diurnal: *diurnal.get(&row.diurnal_shape).ok_or_else(lacks_shape)?,
            kinds: shares.get(&row.tx_class).ok_or_else(lacks_kinds)?.clone(),
            name: row.tx_class,
            // Of the shapes, this one goes with the weekly pattern `FLAT`.
            steady: row.diurnal_shape == "device",
            recorded: 1.0,
            region: row.who_region,
            mean_tps: row.mean_tps,
        })
    };
    // The table repeats the regions' sum as `WORLD`.
    let wanted = |row: &LoadRow| chosen.contains(&row.tx_class.as_str()) && row.who_region != "WORLD";
    rows.into_iter().filter(wanted).map(load).collect()
}

const DIURNAL: &str = "health/diurnal_profiles_local.csv";

fn diurnal(reader: &mut Reader) -> Result<BTreeMap<String, [f64; 24]>, ScenarioError> {
    let rows = reader.rows::<(String, Vec<f64>)>(DIURNAL)?;
    let shape = |(name, hours): (String, Vec<f64>)| {
        let count = hours.len();
        let wrong = |_| reader.inconsistent(DIURNAL, format!("shape `{name}` has {count} hours instead of 24"));
        Ok((name.clone(), <[f64; 24]>::try_from(hours).map_err(wrong)?))
    };
    rows.into_iter().map(shape).collect()
}

/// The hourly table of a mix.
pub(super) fn hourly(reader: &mut Reader, mix: &str) -> Result<Vec<BTreeMap<String, f64>>, ScenarioError> {
    const HOURLY: &str = "health/load_hourly_utc_168.csv";
    let rows = reader.rows::<BTreeMap<String, String>>(HOURLY)?;
    let mut hours: Vec<BTreeMap<String, f64>> = Vec::with_capacity(WEEK_HOURS as usize);
    let mut of_mix: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for mut row in rows.into_iter().filter(|row| row.get("scenario").is_some_and(|name| name == mix)) {
        let hour = row.remove("utc_hour_of_week_from_mon").unwrap_or_default();
        row.retain(|name, _| !["scenario", "world_tps"].contains(&name.as_str()));
        of_mix.insert(hour, row);
    }
    for hour in 0..WEEK_HOURS {
        let lacks = || reader.inconsistent(HOURLY, format!("it lacks hour {hour} of mix `{mix}`"));
        let row = of_mix.get(&hour.to_string()).ok_or_else(lacks)?;
        let region = |(name, tps): (&String, &String)| {
            let wrong = |_| reader.inconsistent(HOURLY, format!("`{tps}` is no load of {name}"));
            Ok((name.clone(), tps.parse().map_err(wrong)?))
        };
        hours.push(row.iter().map(region).collect::<Result<_, _>>()?);
    }
    Ok(hours)
}

/// How much of care is recorded electronically today, by region.
pub(super) fn digitised(reader: &mut Reader) -> Result<BTreeMap<String, f64>, ScenarioError> {
    const ASSUMPTIONS: &str = "health/load_assumptions.csv";
    let rows = reader.rows::<AssumptionRow>(ASSUMPTIONS)?;
    let share = |row: AssumptionRow| match row.value.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok((row.who_region, share)),
        _ => Err(reader.inconsistent(ASSUMPTIONS, format!("`{}` is no share of {}", row.value, row.who_region))),
    };
    rows.into_iter().filter(|row| row.key == "digitised_share_today").map(share).collect()
}

/// What a pandemic does. Rows that are no load classes' hold other figures, and are left out.
pub(super) fn surge(reader: &mut Reader) -> Result<BTreeMap<String, SurgeRow>, ScenarioError> {
    const SURGE: &str = "health/surge_pandemic.csv";
    let rows = reader.rows::<PandemicRow>(SURGE)?;
    let factor = |class: &str, factor: &str| match factor.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= MOST_SURGE => Ok(value),
        _ => Err(reader.inconsistent(SURGE, format!("`{factor}` is no multiplier of {class}"))),
    };
    let row = |row: PandemicRow| {
        let days = [row.ramp_days, row.hold_days, row.decay_days];
        if days.iter().any(|days| !(0.0..=MOST_SURGE).contains(days)) {
            return Err(reader.inconsistent(SURGE, format!("{days:?} are no days of {}", row.tx_class)));
        }
        let world = factor(&row.tx_class, &row.world_multiplier)?;
        let worst = factor(&row.tx_class, &row.worst_country_multiplier)?;
        let [ramp_days, hold_days, decay_days] = days;
        Ok((row.tx_class, SurgeRow { world, worst, ramp_days, hold_days, decay_days }))
    };
    rows.into_iter().filter(|row| !row.worst_country_multiplier.is_empty()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_taxonomy_say_how_long() {
        for (words, ms) in [
            ("5 s", Some(5_000)),
            ("30 days (report time_to_unlinkable)", Some(30 * 86_400_000)),
            ("local <100 ms, anchor <10 s, alert", Some(10_000)),
            ("300 ms verify p95 (EU FMD), 2 s commit", Some(2_000)),
            ("1 s auto-adjudication (NHSA 0.8 s), 60 s otherwise", Some(1_000)),
            ("10 min", Some(600_000)),
            ("24 h coverage metric", Some(86_400_000)),
            ("on reconnect", None),
            ("", None),
        ] {
            assert_eq!(slo(words), ms.map(Span::from_millis), "{words}");
        }
    }
}
