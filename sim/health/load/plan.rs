//! The load of a whole run: a profile for each stretch of time in which hour and surge stay what they are.

use std::collections::BTreeMap;

use crate::base::{HospitalId, Span, Time};
use crate::kernel::draw::{Alias, LogNormal, Site, draw};

use super::{Crowd, Fitted, GroupKey, HospitalSite, Surge, WorldLoad};

/// Calendar time for which a burst lasts.
const BURST: Span = Span::from_secs(10);
const HOUR: Span = Span::from_secs(3_600);
/// The unit of a burst's factor.
pub(in crate::health) const FACTOR_ONE: u64 = 1_000_000_000;

/// Which hours a run passes through, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calendar {
    /// Hour of the week with which it begins, from Monday 00:00 UTC.
    pub first_hour: u32,
    /// How many hours it passes through before it begins again; one stays what it is.
    pub hours: u32,
    /// Calendar time that passes in a second of the run, in seconds.
    pub lapse: f64,
}

impl Calendar {
    /// How long some calendar time takes in the run.
    fn lasts(&self, calendar: Span) -> Span {
        Span(((calendar.0 as f64 / self.lapse) as u64).max(1))
    }
}

/// How much all of it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Volume {
    /// So many times the tables' load.
    Times(f64),
    /// So many transactions/s on average over the calendar's hours, surges aside.
    Total(f64),
}

/// What a plan follows from, beside the tables and the hospitals.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanSettings {
    /// The hours.
    pub calendar: Calendar,
    /// How much.
    pub volume: Volume,
    /// Coefficient of variation of the random factor that each region's load has for every 10 s of calendar time.
    pub burst: f64,
    /// What rises besides.
    pub surge: Option<Surge>,
    /// When hospitals stop submitting.
    pub until: Time,
}

/// Hospitals with the same mix.
#[derive(Clone, Debug)]
pub(in crate::health) struct Group {
    /// Index of its region.
    pub region: usize,
    population: f64,
    hospitals: Vec<HospitalId>,
    chooses: Alias,
}

impl Group {
    /// A hospital, by its population.
    pub fn hospital(&self, bits: u64) -> HospitalId {
        self.hospitals[self.chooses.choose(bits)]
    }
}

#[derive(Clone, Copy, Debug)]
struct Bursts {
    lasts: Span,
    law: LogNormal,
}

/// The load of a run. Memory: 8 bytes for each kind and group in every distinct profile, about 25 KB for 5,000 hospitals,
/// and as many profiles as there are pairs of an hour and a step of a surge that the run meets: 1 by default, 168 for a
/// week, and in a surge at most as many again and 66 more. A stream keeps one and a half times as much beside it.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    groups: Vec<Group>,
    group_of: Vec<u16>,
    populations: Vec<u64>,
    regions: Vec<String>,
    kinds: usize,
    /// Transactions/s of each kind in each group, group by group.
    profiles: Vec<Vec<f64>>,
    /// From when which of them holds; the first from zero.
    stretches: Vec<(Time, usize)>,
    resolution: Span,
    bursts: Option<Bursts>,
}

impl WorldLoad {
    /// Spreads the load over `sites` and the run.
    pub fn over(&self, sites: &[HospitalSite], settings: &PlanSettings) -> LoadPlan {
        let (crowds, group_of) = crowds(sites);
        let fitted = Fitted::new(self, &crowds);
        let week = self.hourly.len() as u32;
        let calendar = &settings.calendar;
        let of_hour = |nth: u32| {
            let hour = (calendar.first_hour + nth) % week;
            let mut rates = fitted.class_rates(hour);
            rates.iter_mut().flatten().for_each(|(_, rate)| *rate *= self.boost[hour as usize]);
            rates
        };
        let hours: Vec<_> = (0..calendar.hours).map(of_hour).collect();
        let usual: Vec<Vec<f64>> = hours.iter().map(|classes| fitted.kind_rates(classes, |_, _| 1.0)).collect();
        let scale = match settings.volume {
            Volume::Times(scale) => scale,
            Volume::Total(tps) => tps * usual.len() as f64 / usual.iter().flatten().sum::<f64>(),
        };
        let mut plan = LoadPlan::of_groups(sites, &crowds, group_of, self.kept.len());
        let mut known: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for Stretch { begins, hour, surging } in stretches(settings) {
            let key = (hour, surging.map_or(0, |(piece, _)| piece));
            let profile = *known.entry(key).or_insert_with(|| {
                let mut rates = match (surging, &settings.surge) {
                    (Some((_, middle)), Some(surge)) => {
                        fitted.kind_rates(&hours[hour], |class, struck| surge.factor(class, struck, middle))
                    }
                    _ => usual[hour].clone(),
                };
                rates.iter_mut().for_each(|rate| *rate *= scale);
                plan.profiles.push(rates);
                plan.profiles.len() - 1
            });
            plan.stretches.push((begins, profile));
        }
        let hour = if calendar.hours > 1 { calendar.lasts(HOUR) } else { Span(u64::MAX) };
        plan.resolution = settings.surge.as_ref().map_or(hour, |surge| hour.min(surge.resolution()));
        if settings.burst > 0.0 {
            plan.bursts = Some(Bursts::new(settings.burst, calendar.lasts(BURST)));
            plan.resolution = plan.resolution.min(calendar.lasts(BURST));
        }
        plan
    }
}

impl Bursts {
    /// Log-normal factors of mean 1 and a coefficient of variation.
    fn new(variation: f64, lasts: Span) -> Bursts {
        let variance = libm::log1p(variation * variation);
        let median = libm::exp(-variance / 2.0) * FACTOR_ONE as f64;
        Bursts { lasts, law: LogNormal::new(Span(median as u64), libm::sqrt(variance)) }
    }
}

/// A stretch of time in which nothing changes.
struct Stretch {
    begins: Time,
    /// Of the calendar.
    hour: usize,
    /// Which piece of the surge it is in, and the middle of that.
    surging: Option<(usize, Time)>,
}

fn stretches(settings: &PlanSettings) -> Vec<Stretch> {
    let calendar = &settings.calendar;
    let hour = calendar.lasts(HOUR);
    let surge: Vec<Time> = settings.surge.as_ref().map(Surge::cuts).unwrap_or_default();
    let hours = if calendar.hours > 1 { settings.until.0.div_ceil(hour.0) } else { 1 };
    let mut cuts: Vec<Time> = (0..hours).map(|nth| Time(nth * hour.0)).collect();
    cuts.extend(surge.iter().filter(|cut| **cut < settings.until));
    cuts.sort_unstable();
    cuts.dedup();
    let stretch = |begins: Time| {
        let piece = surge.partition_point(|cut| *cut <= begins);
        let within = piece > 0 && piece < surge.len();
        let middle = |piece: usize| surge[piece - 1] + surge[piece].since(surge[piece - 1]).half();
        let hour = (begins.0 / hour.0 % u64::from(calendar.hours)) as usize;
        Stretch { begins, hour, surging: within.then(|| (piece, middle(piece))) }
    };
    cuts.into_iter().map(stretch).collect()
}

fn crowds(sites: &[HospitalSite]) -> (Vec<Crowd>, Vec<u16>) {
    let mut known: BTreeMap<GroupKey, u16> = BTreeMap::new();
    let mut crowds: Vec<Crowd> = Vec::new();
    let mut group_of = Vec::with_capacity(sites.len());
    for site in sites {
        let key = GroupKey::of(site);
        let group = *known.entry(key.clone()).or_insert_with(|| {
            crowds.push(Crowd { key, population: 0.0 });
            crowds.len() as u16 - 1
        });
        crowds[usize::from(group)].population += site.population.max(1) as f64;
        group_of.push(group);
    }
    (crowds, group_of)
}

impl LoadPlan {
    /// The same constant load of one kind at each of some hospitals.
    pub fn even(hospitals: usize, tps: f64) -> LoadPlan {
        let site = HospitalSite { region: "ALL".into(), utc_offset_minutes: 0, population: 1, struck: false };
        let sites = vec![site; hospitals];
        let (crowds, group_of) = crowds(&sites);
        let mut plan = LoadPlan::of_groups(&sites, &crowds, group_of, 1);
        plan.profiles.push(vec![tps]);
        plan.stretches.push((Time::ZERO, 0));
        plan
    }

    fn of_groups(sites: &[HospitalSite], crowds: &[Crowd], group_of: Vec<u16>, kinds: usize) -> LoadPlan {
        let mut regions: Vec<String> = crowds.iter().map(|crowd| crowd.key.region.clone()).collect();
        regions.sort_unstable();
        regions.dedup();
        let mut members: Vec<Vec<HospitalId>> = vec![Vec::new(); crowds.len()];
        for (hospital, &group) in group_of.iter().enumerate() {
            members[usize::from(group)].push(HospitalId(hospital as u32));
        }
        let populations: Vec<u64> = sites.iter().map(|site| site.population.max(1)).collect();
        let group = |(crowd, hospitals): (&Crowd, Vec<HospitalId>)| {
            let people: Vec<u64> = hospitals.iter().map(|hospital| populations[hospital.index()]).collect();
            let region = regions.binary_search(&crowd.key.region).expect("it is one of them");
            let population = people.iter().map(|&people| people as f64).sum();
            Group { region, population, hospitals, chooses: Alias::new(&people) }
        };
        let groups = crowds.iter().zip(members).map(group).collect();
        LoadPlan {
            groups,
            group_of,
            populations,
            regions,
            kinds,
            profiles: Vec::new(),
            stretches: Vec::new(),
            resolution: Span(u64::MAX),
            bursts: None,
        }
    }

    /// How many hospitals submit.
    pub fn hospitals(&self) -> usize {
        self.group_of.len()
    }

    /// Names of the hospitals' regions, by which it counts them.
    pub fn regions(&self) -> &[String] {
        &self.regions
    }

    /// Transactions/s of all hospitals when they submit most, bursts aside.
    pub fn highest_tps(&self) -> f64 {
        self.profiles.iter().map(|rates| rates.iter().sum()).fold(0.0, f64::max)
    }

    /// Transactions/s of all hospitals at a time, bursts aside.
    pub fn total_tps(&self, at: Time) -> f64 {
        self.rates(self.profile_at(at)).iter().sum()
    }

    /// Transactions/s of each hospital at a time, bursts aside.
    pub fn hospital_tps(&self, at: Time) -> Vec<f64> {
        let profile = self.profile_at(at);
        let of = |(&group, &population): (&u16, &u64)| {
            let (group, all) = (usize::from(group), self.groups[usize::from(group)].population);
            self.group_rates(profile, group).iter().sum::<f64>() * population as f64 / all
        };
        self.group_of.iter().zip(&self.populations).map(of).collect()
    }

    /// Transactions/s of each kind in a region at a time, bursts aside.
    pub fn region_tps(&self, region: &str, at: Time) -> Vec<f64> {
        let profile = self.profile_at(at);
        let mut rates = vec![0.0; self.kinds];
        for (group, _) in self.groups.iter().enumerate().filter(|(_, group)| self.regions[group.region] == region) {
            rates.iter_mut().zip(self.group_rates(profile, group)).for_each(|(sum, rate)| *sum += rate);
        }
        rates
    }

    /// Changes closer together than this are none.
    pub(in crate::health) fn resolution(&self) -> Span {
        self.resolution
    }

    pub(in crate::health) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(in crate::health) fn kinds(&self) -> usize {
        self.kinds
    }

    pub(in crate::health) fn profiles(&self) -> usize {
        self.profiles.len()
    }

    /// Which profile holds at a time.
    pub(in crate::health) fn profile_at(&self, at: Time) -> usize {
        self.stretches[self.stretches.partition_point(|(begins, _)| *begins <= at) - 1].1
    }

    fn rates(&self, profile: usize) -> &[f64] {
        &self.profiles[profile]
    }

    /// Transactions/s of each kind in a group.
    pub(in crate::health) fn group_rates(&self, profile: usize, group: usize) -> &[f64] {
        &self.profiles[profile][group * self.kinds..][..self.kinds]
    }

    /// What a region's load is multiplied by at a time, in units of 10^-9.
    pub(in crate::health) fn burst(&self, seed: u64, region: usize, at: Time) -> u64 {
        let Some(bursts) = &self.bursts else { return FACTOR_ONE };
        bursts.law.span(draw(seed, Site::Burst, at.0 / bursts.lasts.0, region as u64, 0)).0
    }
}
