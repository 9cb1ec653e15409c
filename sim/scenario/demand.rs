//! What `[world]` and `[surge]` ask of the hospitals: their names checked against the data files, and the load's plan.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::health::{
    Calendar, ClassLoad, ExtraLoad, HospitalSite, LoadPlan, PlanSettings, Surge, SurgeClass, Volume, WorldLoad,
};

use super::build::seconds;
use super::data::{HospitalRow, SurgeRow};
use super::overrides::nearest;
use super::world::{Digitised, SurgeFactor, SurgeKeys, matches};
use super::{Scenario, ScenarioError, WorldData};

/// Known names that an error lists at most.
const MOST_LISTED: usize = 60;

/// At most `wanted` of `all`, evenly spread, in order.
pub fn evenly(all: usize, wanted: usize) -> impl Iterator<Item = usize> {
    let wanted = wanted.min(all);
    (0..wanted).map(move |nth| nth * all / wanted)
}

impl Scenario {
    /// The name of each hospital's metro, in the order of a setup's hospitals.
    pub fn hospital_metros<'w>(&self, world: &'w WorldData) -> Vec<&'w str> {
        self.hospitals(world).into_iter().map(|row| row.metro.as_str()).collect()
    }

    /// Hospitals taken evenly from the data set, which is sorted by country.
    pub(super) fn hospitals<'w>(&self, world: &'w WorldData) -> Vec<&'w HospitalRow> {
        let keys = &self.file.world;
        let all: Vec<&HospitalRow> = world.hospitals.iter().filter(|row| keys.has_region(&row.region)).collect();
        evenly(all.len(), keys.hospitals as usize).map(|index| all[index]).collect()
    }

    /// Whether every name in `[world]` and `[surge]` is one of the data files.
    pub(super) fn check_names(&self, world: &WorldData) -> Result<(), ScenarioError> {
        let keys = &self.file.world;
        let kinds: Vec<&str> = world.kinds.iter().map(|kind| kind.name.as_str()).collect();
        if let Some(unknown) = keys.extra.keys().find(|name| !kinds.contains(&name.as_str())) {
            return Err(self.unknown("world.extra", "kind of transaction", unknown, &kinds));
        }
        let means_some = |pattern: &&String| kinds.iter().any(|kind| matches(pattern, kind));
        if let Some(unknown) = keys.only.iter().find(|pattern| !means_some(pattern)) {
            let families = kinds.iter().filter_map(|kind| Some(format!("{}.*", kind.split('.').next()?)));
            let mut families: Vec<String> = families.collect();
            families.dedup();
            let known: Vec<&str> = families.iter().map(String::as_str).chain(kinds.iter().copied()).collect();
            return Err(self.unknown("world.only", "kind or family of kinds", unknown, &known));
        }
        let unknown = world.regions().find(|region| !world.digitised.contains_key(*region));
        if let Some(region) = unknown.filter(|_| keys.digitised == Digitised::Today) {
            return Err(self.invalid("world.digitised", format!("the data say of `{region}` no digitised share")));
        }
        let has_load = world.loads.iter().filter(|class| class.mean_tps > 0.0 && keys.has_region(&class.region));
        let mut kept = has_load.flat_map(|class| &class.kinds).map(|&(kind, share)| (kinds[kind], share));
        if !kept.any(|(kind, share)| share > 0.0 && keys.keeps(kind)) && keys.extra.values().sum::<f64>() <= 0.0 {
            let what =
                format!("no kind of `world.only` has any load in the mix `{}`; name others, or `extra`", keys.mix);
            return Err(self.invalid("world.only", what));
        }
        self.file.surge.as_ref().map_or(Ok(()), |surge| self.check_surge(surge, world))
    }

    fn check_surge(&self, surge: &SurgeKeys, world: &WorldData) -> Result<(), ScenarioError> {
        if let Some(class) = world.loads.iter().find(|class| !world.surge.contains_key(&class.name)) {
            return Err(self.invalid("surge.profile", format!("it does not say what the class `{}` does", class.name)));
        }
        let Some(country) = &surge.country else { return Ok(()) };
        let mut countries: Vec<&str> = self.hospitals(world).iter().map(|row| row.country.as_str()).collect();
        countries.dedup();
        if countries.contains(&country.as_str()) {
            return Ok(());
        }
        Err(self.unknown("surge.country", "country with a hospital in this run", country, &countries))
    }

    fn unknown(&self, key: &'static str, what: &str, unknown: &str, known: &[&str]) -> ScenarioError {
        let hint = match nearest(unknown, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if known.len() > MOST_LISTED => format!("known here: {}, …", known[..MOST_LISTED].join(", ")),
            None => format!("known here: {}", known.join(", ")),
        };
        self.invalid(key, format!("`{unknown}` is no {what}; {hint}"))
    }

    /// What hospitals submit over the run.
    pub(super) fn plan(
        &self,
        world: &WorldData,
        rows: &[&HospitalRow],
        load_tps: Option<f64>,
        until: Time,
    ) -> LoadPlan {
        let keys = &self.file.world;
        let struck = self.file.surge.as_ref().and_then(|surge| surge.country.as_deref());
        let site = |row: &&HospitalRow| HospitalSite {
            region: row.region.clone(),
            utc_offset_minutes: row.utc_offset_minutes,
            population: row.population,
            struck: struck == Some(row.country.as_str()),
        };
        let sites: Vec<HospitalSite> = rows.iter().map(site).collect();
        let load = WorldLoad {
            classes: world.loads.iter().map(|class| self.recorded(class, world)).collect(),
            hourly: world.hourly.clone(),
            boost: self.boost(world, rows),
            extra: self.extra(world, rows),
            kept: world.kinds.iter().map(|kind| keys.keeps(&kind.name)).collect(),
        };
        let settings = PlanSettings {
            calendar: Calendar { first_hour: keys.hour_of_week, hours: keys.span.hours(), lapse: keys.lapse },
            volume: load_tps.or(keys.load_tps).map_or(Volume::Times(keys.scale), Volume::Total),
            burst: keys.burst,
            surge: self.surge(world),
            until,
        };
        load.over(&sites, &settings)
    }

    /// A class with the share of it that is recorded electronically. What devices send always is: the load model's own
    /// figures of today leave it whole.
    fn recorded(&self, class: &ClassLoad, world: &WorldData) -> ClassLoad {
        let whole = self.file.world.digitised == Digitised::Full || class.name.starts_with("device.");
        let recorded = if whole { 1.0 } else { world.digitised[&class.region] };
        ClassLoad { recorded, ..class.clone() }
    }

    /// What hospitals do of each hour beyond their own regions' load: regions that take part and have no hospital in a
    /// small world have nobody to submit theirs.
    fn boost(&self, world: &WorldData, rows: &[&HospitalRow]) -> Vec<f64> {
        let populated = |region: &str| rows.iter().any(|row| row.region == region);
        let present: Vec<&String> = world.regions().filter(|region| populated(region)).collect();
        let chosen = world.regions().filter(|region| self.file.world.has_region(region));
        let chosen: Vec<&String> = chosen.collect();
        let sum = |hour: &BTreeMap<String, f64>, of: &[&String]| of.iter().map(|region| hour[*region]).sum::<f64>();
        world.hourly.iter().map(|hour| sum(hour, &chosen) / sum(hour, &present)).collect()
    }

    /// What comes beside the tables' load, by region: a region's part is that of its people in the world.
    fn extra(&self, world: &WorldData, rows: &[&HospitalRow]) -> Vec<ExtraLoad> {
        let keys = &self.file.world;
        let people = |of: &dyn Fn(&str) -> bool| {
            let here = world.hospitals.iter().filter(|row| of(&row.region));
            here.map(|row| row.population as f64).sum::<f64>()
        };
        let populated = |region: &str| rows.iter().any(|row| row.region == region);
        let chosen = people(&|region| keys.has_region(region)) / people(&|_| true);
        let present = people(&populated);
        let mut extra = Vec::new();
        for (name, tps) in &keys.extra {
            let kind = world.kinds.iter().position(|kind| kind.name == *name).expect("checked with the data");
            for region in world.regions().filter(|region| populated(region)) {
                let share = people(&|other| other == region) / present * chosen;
                extra.push(ExtraLoad { region: region.clone(), kind, tps: tps * share });
            }
        }
        extra
    }
}

impl Scenario {
    /// The surge that it asks for.
    pub fn surge(&self, world: &WorldData) -> Option<Surge> {
        self.file.surge.as_ref().map(|keys| surge_of(keys, world))
    }
}

fn surge_of(keys: &SurgeKeys, world: &WorldData) -> Surge {
    let days = |days: f64| seconds(days * keys.day_s);
    let class = |(name, row): (&String, &SurgeRow)| {
        let worst = if keys.factor == SurgeFactor::National { row.worst } else { row.world };
        let (ramp, hold, decay) = (days(row.ramp_days), days(row.hold_days), days(row.decay_days));
        (name.clone(), SurgeClass { usual: row.world, worst, ramp, hold, decay })
    };
    Surge { begins: Time::ZERO + seconds(keys.begins_s), classes: world.surge.iter().map(class).collect() }
}
