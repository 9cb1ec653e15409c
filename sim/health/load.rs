//! The world's load: how many transactions of which kind each hospital submits, at each time of a run.
//!
//! [`WorldLoad`] holds the tables: classes with their means and shapes over the local day, and what each region submits
//! at each hour of the week. Spread over hospitals, along a calendar and under a surge, it becomes a [`LoadPlan`].

mod plan;
mod surge;
#[cfg(test)]
mod tests;

pub(super) use plan::FACTOR_ONE;
pub use plan::{Calendar, LoadPlan, PlanSettings, Volume};
pub use surge::{Surge, SurgeClass};

use std::collections::BTreeMap;

/// Hours of a week: rows of the hourly table.
pub const WEEK_HOURS: u32 = 168;
/// Rounds of fitting: the worst class of the shipped tables is off by 2 % before the first and by 0.1 % after it.
const ROUNDS: usize = 4;

/// A simulated hospital (a row of `nodes_5000_balanced.csv`).
#[derive(Clone, Debug)]
pub struct HospitalSite {
    /// WHO region code.
    pub region: String,
    /// Minutes that local standard time is ahead of UTC.
    pub utc_offset_minutes: i64,
    /// People it stands for.
    pub population: u64,
    /// Whether its country is the one that a national surge strikes.
    pub struck: bool,
}

/// One load class in one region (a row of `load_by_class_region.csv`), with its kinds.
#[derive(Clone, Debug)]
pub struct ClassLoad {
    /// Name of the class.
    pub name: String,
    /// WHO region code.
    pub region: String,
    /// Mean transactions/s over the week.
    pub mean_tps: f64,
    /// Factor on the mean at each local hour of the day.
    pub diurnal: [f64; 24],
    /// Whether weekdays are all alike for it, as devices have it; the hourly table's weekdays are those of the others.
    pub steady: bool,
    /// Of it, the share that is recorded electronically, and so submitted: the tables speak of all.
    pub recorded: f64,
    /// Index of a kind and its share of the class; shares sum to 1.
    pub kinds: Vec<(usize, f64)>,
}

/// What the tables give no rate.
#[derive(Clone, Debug)]
pub struct ExtraLoad {
    /// WHO region code.
    pub region: String,
    /// Index of the kind.
    pub kind: usize,
    /// Transactions/s in that region, at any hour.
    pub tps: f64,
}

/// Everything that the load follows from.
#[derive(Clone, Debug)]
pub struct WorldLoad {
    /// The classes of the chosen mix.
    pub classes: Vec<ClassLoad>,
    /// Transactions/s of each region at each hour of the week, from Monday 00:00 UTC (`load_hourly_utc_168.csv`).
    pub hourly: Vec<BTreeMap<String, f64>>,
    /// What each hour is multiplied by.
    pub boost: Vec<f64>,
    /// What comes beside the tables' load, at a constant rate.
    pub extra: Vec<ExtraLoad>,
    /// For each kind that classes index, whether it is kept; others do not arrive, and nobody takes their place.
    pub kept: Vec<bool>,
}

/// Hospitals that have the same mix of kinds at any time: those of one region and full hour of local time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    region: String,
    /// Full hours that local time is ahead of UTC, rounded down: hours of the table begin with those of UTC.
    ahead_hours: i64,
    struck: bool,
}

impl GroupKey {
    fn of(site: &HospitalSite) -> GroupKey {
        let ahead_hours = site.utc_offset_minutes.div_euclid(60);
        GroupKey { region: site.region.clone(), ahead_hours, struck: site.struck }
    }

    fn local_hour(&self, hour_of_week: u32) -> usize {
        (i64::from(hour_of_week) + self.ahead_hours).rem_euclid(24) as usize
    }
}

/// A group and the people of its hospitals.
#[derive(Clone, Debug)]
struct Crowd {
    key: GroupKey,
    population: f64,
}

/// Tables brought together for the hospitals of a run.
struct Fitted<'a> {
    world: &'a WorldLoad,
    crowds: &'a [Crowd],
    /// For each group its region's classes.
    own: Vec<Vec<usize>>,
    /// For each class a factor with which its mean over the week is the table's.
    factors: Vec<f64>,
}

impl<'a> Fitted<'a> {
    /// Within a region a group's share of a class is its population's, times the class's factor at its local hour; what
    /// steady classes leave of the hourly table the others are scaled to. Weekdays act through that table alone, and
    /// on all of these classes alike: a factor for each restores its mean over the week (proportional fitting of
    /// classes and hours, hours last: they are exact, classes to within 0.1 %).
    fn new(world: &'a WorldLoad, crowds: &'a [Crowd]) -> Fitted<'a> {
        let of_region = |region: &str| {
            let here = world.classes.iter().enumerate().filter(|(_, class)| class.region == region);
            here.map(|(index, _)| index).collect()
        };
        let own = crowds.iter().map(|crowd| of_region(&crowd.key.region)).collect();
        let mut fitted = Fitted { world, crowds, own, factors: vec![1.0; world.classes.len()] };
        let mut region_means: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for class in &world.classes {
            region_means.entry(&class.region).or_default().0 += class.mean_tps;
        }
        for (region, means) in &mut region_means {
            let hourly = world.hourly.iter().map(|hour| hour.get(*region).copied().unwrap_or(0.0));
            means.1 = hourly.sum::<f64>() / world.hourly.len() as f64;
        }
        for _ in 0..ROUNDS {
            let mut got = vec![0.0; world.classes.len()];
            for hour in 0..world.hourly.len() as u32 {
                for rates in fitted.class_rates(hour) {
                    rates.iter().for_each(|&(class, rate)| got[class] += rate / world.hourly.len() as f64);
                }
            }
            for ((factor, class), got) in fitted.factors.iter_mut().zip(&world.classes).zip(got) {
                let (classes, hours) = region_means[class.region.as_str()];
                if got > 0.0 {
                    *factor *= class.mean_tps / classes * hours / got;
                }
            }
        }
        fitted
    }

    /// Transactions/s of each class in each group at an hour of the week: the region's classes, by index.
    fn class_rates(&self, hour: u32) -> Vec<Vec<(usize, f64)>> {
        let WorldLoad { classes, hourly, .. } = self.world;
        let hourly = &hourly[hour as usize];
        let mut people: BTreeMap<&str, f64> = BTreeMap::new();
        for crowd in self.crowds {
            *people.entry(&crowd.key.region).or_default() += crowd.population;
        }
        let raw = |(crowd, own): (&Crowd, &Vec<usize>)| {
            let (local, share) = (crowd.key.local_hour(hour), crowd.population / people[crowd.key.region.as_str()]);
            let rate = |&index: &usize| {
                (index, share * classes[index].mean_tps * self.factors[index] * classes[index].diurnal[local])
            };
            own.iter().map(rate).collect::<Vec<_>>()
        };
        let mut rates: Vec<Vec<(usize, f64)>> = self.crowds.iter().zip(&self.own).map(raw).collect();
        let mut sums: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
        for (crowd, rates) in self.crowds.iter().zip(&rates) {
            let sums = sums.entry(&crowd.key.region).or_default();
            rates.iter().for_each(|&(class, rate)| sums[usize::from(classes[class].steady)] += rate);
        }
        for (crowd, rates) in self.crowds.iter().zip(&mut rates) {
            let [others, steady] = sums[crowd.key.region.as_str()];
            let due = hourly.get(&crowd.key.region).copied().unwrap_or(0.0);
            // A table whose hour has less than its steady classes, or nothing else, is met by all of them alike.
            let apart = due > steady && others > 0.0;
            let of_others = if apart { (due - steady) / others } else { ratio(due, others + steady) };
            let of_steady = if apart { 1.0 } else { of_others };
            for (class, rate) in rates {
                *rate *= if classes[*class].steady { of_steady } else { of_others };
            }
        }
        rates
    }

    /// Transactions/s of each kind in each group, group by group, with what `surging` multiplies classes by where the
    /// group is struck and where it is not.
    fn kind_rates(&self, classes: &[Vec<(usize, f64)>], surging: impl Fn(&str, bool) -> f64) -> Vec<f64> {
        let kinds = self.world.kept.len();
        let mut all = vec![0.0; self.crowds.len() * kinds];
        for ((crowd, rates), own) in self.crowds.iter().zip(classes).zip(all.chunks_mut(kinds)) {
            for &(class, rate) in rates {
                let class = &self.world.classes[class];
                let rate = rate * class.recorded * surging(&class.name, crowd.key.struck);
                let kept = class.kinds.iter().filter(|(kind, _)| self.world.kept[*kind]);
                kept.for_each(|&(kind, share)| own[kind] += rate * share);
            }
            let of_region = |region: &str| {
                let here = self.crowds.iter().filter(|crowd| crowd.key.region == region);
                here.map(|crowd| crowd.population).sum::<f64>()
            };
            for extra in self.world.extra.iter().filter(|extra| extra.region == crowd.key.region) {
                own[extra.kind] += extra.tps * crowd.population / of_region(&extra.region);
            }
        }
        all
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
