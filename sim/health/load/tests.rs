//! The plan against naive references on small worlds; the shipped tables are checked in the integration tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::{Span, Time};

/// The office's day: nothing at night, on average 1.
fn office() -> [f64; 24] {
    std::array::from_fn(|hour| if (8..16).contains(&hour) { 3.0 } else { 0.0 })
}

fn class(name: &str, region: &str, mean_tps: f64, diurnal: [f64; 24], kind: usize) -> ClassLoad {
    let (name, region, kinds) = (name.into(), region.into(), vec![(kind, 1.0)]);
    ClassLoad { name, region, mean_tps, diurnal, steady: false, recorded: 1.0, kinds }
}

fn site(region: &str, utc_offset_minutes: i64, population: u64, struck: bool) -> HospitalSite {
    HospitalSite { region: region.into(), utc_offset_minutes, population, struck }
}

/// A hospital's transactions/s by the definition: its part of the people of its region, times each class at its hour.
fn naive(classes: &[ClassLoad], sites: &[HospitalSite], site: &HospitalSite, hour: u32) -> f64 {
    let local = (i64::from(hour) * 60 + site.utc_offset_minutes).rem_euclid(24 * 60) / 60;
    let people: u64 = sites.iter().filter(|other| other.region == site.region).map(|other| other.population).sum();
    let own = classes.iter().filter(|class| class.region == site.region);
    let rate: f64 = own.map(|class| class.mean_tps * class.diurnal[local as usize]).sum();
    rate * site.population as f64 / people as f64
}

/// Two classes in one region and one in another, and an hourly table that says the same.
fn world(sites: &[HospitalSite]) -> WorldLoad {
    let classes = vec![
        class("office", "AFR", 60.0, office(), 0),
        class("device", "AFR", 40.0, [1.0; 24], 1),
        class("device", "EUR", 50.0, [1.0; 24], 1),
    ];
    let of_hour = |hour| {
        let mut regions: BTreeMap<String, f64> = BTreeMap::new();
        for site in sites {
            *regions.entry(site.region.clone()).or_default() += naive(&classes, sites, site, hour);
        }
        regions
    };
    let hourly = (0..WEEK_HOURS).map(of_hour).collect();
    let boost = vec![1.0; WEEK_HOURS as usize];
    WorldLoad { hourly, classes, boost, extra: Vec::new(), kept: vec![true; 2] }
}

fn settings(hours: u32, lapse: f64) -> PlanSettings {
    PlanSettings {
        calendar: Calendar { first_hour: 160, hours, lapse },
        volume: Volume::Times(1.0),
        burst: 0.0,
        surge: None,
        until: Time::ZERO + Span::from_secs(30),
    }
}

fn seconds(seconds: f64) -> Time {
    Time::ZERO + Span::from_millis_f64(seconds * 1e3)
}

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

proptest! {
    /// Any hospitals, any hour: what each submits is its region's load by its people and its local time.
    #[test]
    fn each_hospital_submits_by_its_people_and_local_hour(
        drawn in prop::collection::vec((any::<bool>(), -720i64..840, 1u64..1_000_000), 1..40),
        hour in 0u32..24,
    ) {
        let region = |african| if african { "AFR" } else { "EUR" };
        let of = |&(african, offset, people): &(bool, i64, u64)| site(region(african), offset, people, false);
        let sites: Vec<HospitalSite> = drawn.iter().map(of).collect();
        let world = world(&sites);
        let plan = world.over(&sites, &settings(24, 3_600.0));
        let rates = plan.hospital_tps(seconds(f64::from(hour) + 0.5));
        for (site, rate) in sites.iter().zip(rates) {
            let expected = naive(&world.classes, &sites, site, (160 + hour) % WEEK_HOURS);
            prop_assert!(close(rate, expected), "{rate} is not {expected}");
        }
    }
}

#[test]
fn one_hour_stays_what_it_is_and_a_day_begins_again() {
    let sites = [site("AFR", 0, 10, false), site("EUR", 60, 7, false)];
    let constant = world(&sites).over(&sites, &settings(1, 3_600.0));
    assert!((0..30).all(|second| close(constant.total_tps(seconds(f64::from(second))), constant.highest_tps())));
    let day = world(&sites).over(&sites, &settings(24, 3_600.0));
    // Hour 160 of the week is 16:00, when the office has closed: 40 and 50 are left. It opens 16 hours later.
    assert!(close(day.total_tps(seconds(15.9)), 90.0) && close(day.total_tps(seconds(16.0)), 270.0));
    assert!(close(day.total_tps(seconds(23.9)), 270.0) && close(day.total_tps(seconds(24.0)), 90.0));
    assert_eq!((day.profiles(), day.resolution()), (24, Span::from_secs(1)));
}

#[test]
fn volumes_scale_everything_and_a_total_is_the_mean_over_the_calendar() {
    let sites = [site("AFR", 0, 10, false), site("EUR", 60, 7, false)];
    let of = |volume, hours| world(&sites).over(&sites, &PlanSettings { volume, ..settings(hours, 3_600.0) });
    assert!(close(of(Volume::Times(3.0), 24).total_tps(Time::ZERO), 270.0));
    assert!(close(of(Volume::Total(1.0), 1).total_tps(Time::ZERO), 1.0));
    let day = of(Volume::Total(500.0), 24);
    let mean = (0..24).map(|hour| day.total_tps(seconds(f64::from(hour)))).sum::<f64>() / 24.0;
    assert!(close(mean, 500.0), "{mean}");
}

#[test]
fn what_is_left_out_is_taken_by_nobody_and_what_is_added_follows_people() {
    let sites = [site("AFR", 0, 10, false), site("AFR", 600, 30, false), site("EUR", 60, 7, false)];
    let mut world = world(&sites);
    world.kept[1] = false;
    world.extra.push(ExtraLoad { region: "AFR".into(), kind: 1, tps: 8.0 });
    let plan = world.over(&sites, &settings(1, 1.0));
    // At 16:00 the office is closed; ten hours ahead it is 2:00.
    assert_eq!(plan.region_tps("AFR", Time::ZERO), [0.0, 8.0]);
    assert_eq!(plan.hospital_tps(Time::ZERO), [2.0, 6.0, 0.0]);
    (world.kept[1], world.classes[1].recorded) = (true, 0.25);
    let plan = world.over(&sites, &settings(1, 1.0));
    assert!(close(plan.region_tps("AFR", Time::ZERO)[1], 10.0 + 8.0), "a quarter of the devices' 40");
}

fn surge(begins_s: f64) -> Surge {
    let of = |seconds| Span::from_secs(seconds);
    let course = SurgeClass { usual: 3.0, worst: 8.3, ramp: of(4), hold: of(6), decay: of(8) };
    Surge { begins: seconds(begins_s), classes: BTreeMap::from([("device".into(), course)]) }
}

#[test]
fn a_surge_rises_stays_and_falls_in_straight_lines() {
    let surge = surge(2.0);
    let at = |second, struck| surge.factor("device", struck, seconds(second));
    assert_eq!([0.0, 1.9, 2.0].map(|second| at(second, true)), [1.0; 3]);
    assert!(close(at(4.0, false), 2.0) && close(at(4.0, true), 4.65));
    assert!([6.0, 9.0, 11.999, 12.0].iter().all(|&second| close(at(second, true), 8.3)));
    assert!(close(at(16.0, false), 2.0) && close(at(18.0, false), 1.5));
    assert_eq!((at(20.0, true), at(29.0, false), surge.factor("office", true, seconds(9.0))), (1.0, 1.0, 1.0));
}

#[test]
fn a_plan_follows_its_surge_in_small_steps_where_it_strikes() {
    let sites = [site("AFR", 0, 10, true), site("AFR", 0, 10, false), site("EUR", 60, 7, false)];
    let surge = surge(2.0);
    let plan = world(&sites).over(&sites, &PlanSettings { surge: Some(surge.clone()), ..settings(1, 1.0) });
    assert_eq!(plan.resolution(), Span::from_millis(125));
    assert!(plan.profiles() <= 66, "{} profiles", plan.profiles());
    for tenth in 0..300 {
        let at = seconds(f64::from(tenth) / 10.0);
        let rates = plan.hospital_tps(at);
        let [worst, usual] = [true, false].map(|struck| surge.factor("device", struck, at));
        // A step is at most 1/32 of the rise.
        assert!((rates[0] / 20.0 - worst).abs() <= 7.3 / 32.0, "{} is not {worst} at {at:?}", rates[0] / 20.0);
        assert!((rates[1] / 20.0 - usual).abs() <= 2.0 / 32.0 && (rates[2] / 50.0 - usual).abs() <= 2.0 / 32.0);
    }
    assert_eq!(plan.hospital_tps(Time::ZERO), plan.hospital_tps(seconds(25.0)));
}

#[test]
fn a_class_that_knows_no_weekend_keeps_its_mean_beside_one_that_does() {
    let sites = [site("AFR", 0, 10, false)];
    let mut world = world(&sites);
    // The table has half the office's load on two days, and more of it on the others; devices run on.
    for (hour, regions) in world.hourly.iter_mut().enumerate() {
        let factor = if hour / 24 >= 5 { 0.5 } else { 1.2 };
        regions.insert("AFR".into(), 60.0 * office()[hour % 24] * factor + 40.0);
    }
    let plan = world.over(&sites, &PlanSettings { until: seconds(168.0), ..settings(WEEK_HOURS, 3_600.0) });
    let mut mean = [0.0; 2];
    for hour in 0..WEEK_HOURS {
        let rates = plan.region_tps("AFR", seconds(f64::from(hour)));
        mean.iter_mut().zip(&rates).for_each(|(sum, rate)| *sum += rate / f64::from(WEEK_HOURS));
        let due = world.hourly[(160 + hour as usize) % WEEK_HOURS as usize]["AFR"];
        assert!(close(rates.iter().sum(), due), "the hour's total is the table's");
    }
    assert!((mean[0] / 60.0 - 1.0).abs() < 0.001 && (mean[1] / 40.0 - 1.0).abs() < 0.001, "{mean:?}");
    world.classes[1].steady = true;
    world.boost[0] = 3.0;
    let plan = world.over(&sites, &PlanSettings { until: seconds(168.0), ..settings(WEEK_HOURS, 3_600.0) });
    let devices = |hour: f64| plan.region_tps("AFR", seconds(hour))[1];
    assert!((0..8).chain(9..168).all(|hour| close(devices(f64::from(hour)), 40.0)), "weekends and nights are alike");
    assert!(close(devices(8.0), 120.0), "the first hour of the week, boosted");
}

#[test]
fn bursts_have_mean_one_and_the_variation_asked_for_in_each_region_alone() {
    let sites = [site("AFR", 0, 10, false), site("EUR", 60, 7, false)];
    let plan = world(&sites).over(&sites, &PlanSettings { burst: 0.5, ..settings(1, 10.0) });
    assert_eq!(plan.resolution(), Span::from_secs(1), "ten seconds of the calendar");
    const DRAWS: u32 = 20_000;
    let factors = |region| {
        let of = |second| plan.burst(3, region, seconds(f64::from(second) + 0.5)) as f64 / FACTOR_ONE as f64;
        (0..DRAWS).map(of).collect::<Vec<f64>>()
    };
    let [one, other] = [factors(0), factors(1)];
    let mean = |of: &[f64]| of.iter().sum::<f64>() / f64::from(DRAWS);
    let (first, second) = (mean(&one), mean(&other));
    let variance = mean(&one.iter().map(|factor| (factor - first) * (factor - first)).collect::<Vec<_>>());
    let together = one.iter().zip(&other).map(|(a, b)| (a - first) * (b - second)).collect::<Vec<_>>();
    // Five standard errors of the mean are 0.018, of the deviation about 0.025.
    assert!((first - 1.0).abs() < 0.018 && (second - 1.0).abs() < 0.018, "{first} {second}");
    assert!((libm::sqrt(variance) - 0.5).abs() < 0.025 && mean(&together).abs() < 0.01, "{variance}");
    assert_eq!(plan.burst(3, 0, seconds(7.0)), plan.burst(3, 0, seconds(7.9)));
}
