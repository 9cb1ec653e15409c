//! The world's load: how many transactions of which kind each hospital submits at one hour of the week.

use std::collections::BTreeMap;

use crate::kernel::draw::Alias;

/// A simulated hospital (a row of `nodes_5000_balanced.csv`).
#[derive(Clone, Debug)]
pub struct HospitalSite {
    /// WHO region code.
    pub region: String,
    /// Minutes that local standard time is ahead of UTC.
    pub utc_offset_minutes: i64,
    /// People it stands for.
    pub population: u64,
}

/// One load class in one region (a row of `load_by_class_region.csv`), with its kinds.
#[derive(Clone, Debug)]
pub struct ClassLoad {
    /// WHO region code.
    pub region: String,
    /// Mean transactions/s over the week.
    pub mean_tps: f64,
    /// Factor on the mean at each local hour of the day.
    pub diurnal: [f64; 24],
    /// Index of a kind and its share of the class; shares sum to 1.
    pub kinds: Vec<(usize, f64)>,
}

/// Everything the load of one hour follows from.
#[derive(Clone, Debug)]
pub struct WorldLoad {
    /// The classes of the chosen mix.
    pub classes: Vec<ClassLoad>,
    /// Transactions/s of each region at the hour (`load_hourly_utc_168.csv`): what regions are scaled to.
    pub region_tps: BTreeMap<String, f64>,
    /// Hour of the week, from Monday 00:00 UTC.
    pub hour_of_week: u32,
    /// Number of kinds that `ClassLoad::kinds` indexes.
    pub kinds: usize,
}

/// The load of one hour, ready to draw from.
#[derive(Clone, Debug)]
pub struct LoadProfile {
    /// Transactions/s over all hospitals.
    pub total_tps: f64,
    /// Chooses a hospital.
    pub hospitals: Alias,
    /// For each hospital, which of `mixes` it has.
    pub mix_of: Vec<u16>,
    /// Each chooses a kind.
    pub mixes: Vec<Alias>,
    /// Transactions/s of each hospital.
    pub hospital_tps: Vec<f64>,
}

/// Resolution at which real-valued shares become integer weights.
const WEIGHT_UNIT: f64 = 1e9;

impl WorldLoad {
    /// Spreads the load over `sites`, multiplied by `scale`.
    ///
    /// Within a region a hospital's share of a class is its population's, times the class's factor at its local hour;
    /// then all of the region is scaled to the hourly table. Weekday patterns act through that table alone.
    pub fn over(&self, sites: &[HospitalSite], scale: f64) -> LoadProfile {
        let mut groups: BTreeMap<(String, u32), usize> = BTreeMap::new();
        for site in sites {
            let next = groups.len();
            groups.entry((site.region.clone(), self.local_hour(site))).or_insert(next);
        }
        let mut by_index: Vec<(&(String, u32), usize)> = groups.iter().map(|(key, &index)| (key, index)).collect();
        by_index.sort_by_key(|&(_, index)| index);
        let kind_rates: Vec<Vec<f64>> = by_index.iter().map(|((region, hour), _)| self.kinds(region, *hour)).collect();
        let group_of = |site: &HospitalSite| groups[&(site.region.clone(), self.local_hour(site))];
        let raw = |site: &HospitalSite| site.population as f64 * kind_rates[group_of(site)].iter().sum::<f64>();
        let mut region_raw: BTreeMap<&str, f64> = BTreeMap::new();
        for site in sites {
            *region_raw.entry(&site.region).or_default() += raw(site);
        }
        let tps = |site: &HospitalSite| {
            let region_tps = self.region_tps.get(&site.region).copied().unwrap_or(0.0);
            let total = region_raw[site.region.as_str()];
            if total > 0.0 { raw(site) / total * region_tps * scale } else { 0.0 }
        };
        let hospital_tps: Vec<f64> = sites.iter().map(tps).collect();
        LoadProfile {
            total_tps: hospital_tps.iter().sum(),
            hospitals: Alias::new(&weights(&hospital_tps)),
            mix_of: sites.iter().map(|site| group_of(site) as u16).collect(),
            mixes: kind_rates.iter().map(|rates| Alias::new(&weights(rates))).collect(),
            hospital_tps,
        }
    }

    fn local_hour(&self, site: &HospitalSite) -> u32 {
        let minutes = i64::from(self.hour_of_week) * 60 + site.utc_offset_minutes;
        (minutes.rem_euclid(24 * 60) / 60) as u32
    }

    /// Relative rate of each kind in a region at a local hour.
    fn kinds(&self, region: &str, local_hour: u32) -> Vec<f64> {
        let mut rates = vec![0.0; self.kinds];
        for class in self.classes.iter().filter(|class| class.region == region) {
            let rate = class.mean_tps * class.diurnal[local_hour as usize];
            for &(kind, share) in &class.kinds {
                rates[kind] += rate * share;
            }
        }
        rates
    }
}

fn weights(rates: &[f64]) -> Vec<u64> {
    let most = rates.iter().copied().fold(0.0, f64::max);
    rates.iter().map(|rate| if most > 0.0 { (rate / most * WEIGHT_UNIT) as u64 } else { 1 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> WorldLoad {
        let mut diurnal = [1.0; 24];
        diurnal[8] = 3.0;
        let class = |region: &str, kind| ClassLoad {
            region: region.into(),
            mean_tps: 10.0,
            diurnal: if kind == 0 { diurnal } else { [1.0; 24] },
            kinds: vec![(kind, 1.0)],
        };
        let region_tps = BTreeMap::from([("AFR".into(), 100.0), ("EUR".into(), 50.0)]);
        WorldLoad {
            classes: vec![class("AFR", 0), class("AFR", 1), class("EUR", 1)],
            region_tps,
            hour_of_week: 8,
            kinds: 2,
        }
    }

    fn site(region: &str, utc_offset_hours: i64, population: u64) -> HospitalSite {
        HospitalSite { region: region.into(), utc_offset_minutes: utc_offset_hours * 60, population }
    }

    #[test]
    fn regions_meet_the_hourly_table_and_hospitals_their_population_and_local_hour() {
        let sites = [site("AFR", 0, 1000), site("AFR", 3, 1000), site("AFR", 0, 2000), site("EUR", 1, 7)];
        let load = world().over(&sites, 2.0);
        assert!((load.total_tps - 300.0).abs() < 1e-9);
        // At 08:00 local both classes run at (3 + 1); at 11:00 at (1 + 1): 1000*4, 1000*2, 2000*4 of 14000.
        let expected = [200.0 * 4.0 / 14.0, 200.0 * 2.0 / 14.0, 200.0 * 8.0 / 14.0, 100.0];
        for (got, expected) in load.hospital_tps.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
        }
        assert_eq!(load.mix_of, [0, 1, 0, 2]);
    }

    #[test]
    fn local_time_wraps_around_midnight() {
        let world = world();
        assert_eq!(world.local_hour(&site("AFR", -9, 1)), 23);
        assert_eq!(world.local_hour(&site("AFR", 12, 1)), 20);
    }
}
