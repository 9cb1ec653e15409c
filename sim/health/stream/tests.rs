//! The stream against its plan: rates, followers by their ratio, and slices that are functions of their index.

use std::collections::BTreeMap;

use super::*;
use crate::base::{Bytes, Rate};
use crate::health::{
    Calendar, ClassLoad, Habits, Home, HospitalSite, PayloadSizes, PlanSettings, Residency, Surge, SurgeClass, Verb,
    Volume, WEEK_HOURS, WorldLoad,
};

const KINDS: [&str; 4] = ["access.read", "share.request", "share.disclose", "share.acknowledge"];
/// Transactions/s of the kinds in two regions: where nothing is asked for, disclosures come by themselves.
const RATES: [(&str, [f64; 4]); 2] = [("A", [300.0, 100.0, 185.0, 1_000.0]), ("B", [200.0, 0.0, 50.0, 0.0])];
const HOSPITALS: usize = 6;
/// From when on everything that follows has come, s: eleven steps.
const STEADY_S: f64 = 20.0;
const UNTIL_S: u64 = 60;
const SEEDS: [u64; 3] = [1, 2, 3];

fn region(hospital: usize) -> &'static str {
    if hospital < 4 { "A" } else { "B" }
}

fn plan(settings: &PlanSettings) -> LoadPlan {
    let site = |hospital| HospitalSite {
        region: region(hospital).into(),
        utc_offset_minutes: 60 * (hospital as i64 % 2),
        population: 100,
        struck: false,
    };
    let sites: Vec<HospitalSite> = (0..HOSPITALS).map(site).collect();
    let class = |region: &str, (kind, mean_tps): (usize, &f64)| ClassLoad {
        name: KINDS[kind].into(),
        region: region.into(),
        mean_tps: *mean_tps,
        diurnal: [1.0; 24],
        steady: false,
        recorded: 1.0,
        kinds: vec![(kind, 1.0)],
    };
    let classes = RATES.iter().flat_map(|(name, rates)| rates.iter().enumerate().map(move |one| class(name, one)));
    let hour: BTreeMap<String, f64> =
        RATES.iter().map(|(name, rates)| (name.to_string(), rates.iter().sum())).collect();
    let world = WorldLoad {
        classes: classes.collect(),
        hourly: vec![hour; WEEK_HOURS as usize],
        boost: vec![1.0; WEEK_HOURS as usize],
        extra: Vec::new(),
        kept: vec![true; KINDS.len()],
    };
    world.over(&sites, settings)
}

fn constant() -> PlanSettings {
    PlanSettings {
        calendar: Calendar { first_hour: 0, hours: 1, lapse: 1.0 },
        volume: Volume::Times(1.0),
        burst: 0.0,
        surge: None,
        until: Time::ZERO + Span::from_secs(UNTIL_S),
    }
}

fn stream(seed: u64, settings: &PlanSettings) -> Stream {
    let kind = |name: &&str| KindSpec {
        name: name.to_string(),
        standard: String::new(),
        wire: Bytes(224),
        payload: PayloadSizes::new(32.0, 32.0),
        verb: Verb::of(name),
        world_tps: 0.0,
        slo: None,
        crosses: false,
    };
    let home = Home { patients: 1_000, country: 0, residency: Residency::Free, adequate: true, uplink: Rate::new(1) };
    let habits = Habits { consented: 0.5, expired: 0.1, denied: 0.1, elsewhere: 0.5, abroad: 0.1, insured: 1.0 };
    let people = Arc::new(People::new(seed, vec![home; HOSPITALS], habits));
    let until = settings.until;
    let settings_of =
        StreamSettings { seed, weight: 1, until, injection: Injection::default(), on_ledger: false, real: false };
    Stream::new(plan(settings), KINDS.iter().map(kind).collect(), people, settings_of)
}

/// Everything that arrives, with its time.
fn all(stream: &Stream) -> Vec<(Time, Arrival)> {
    let of = |index| {
        let begin = Time(index * stream.slice_span.0);
        stream.arrivals(index).into_iter().map(move |arrival| (begin + arrival.after, arrival))
    };
    (0..stream.slices()).flat_map(of).filter(|(at, _)| *at < stream.scribe.settings.until).collect()
}

/// How many later ones come of a request at most, per kind: what makes their number vary more than a Poisson one.
const CLUSTERS: [f64; 4] = [1.0, 1.0, 2.0, 10.0];

#[test]
fn every_kind_has_the_rate_of_its_region_whether_it_follows_or_not() {
    for seed in SEEDS {
        let mut counts: BTreeMap<(&str, usize), f64> = BTreeMap::new();
        for (at, arrival) in all(&stream(seed, &constant())) {
            if at.as_secs_f64() >= STEADY_S {
                *counts.entry((region(arrival.hospital.index()), arrival.kind)).or_default() += 1.0;
            }
        }
        for (name, rates) in RATES {
            for (kind, rate) in rates.into_iter().enumerate() {
                let expected = rate * (UNTIL_S as f64 - STEADY_S);
                let got = counts.get(&(name, kind)).copied().unwrap_or(0.0);
                let sigma = (expected * CLUSTERS[kind]).sqrt();
                let what = format!("seed {seed}: {got} of {} in {name}, not {expected}", KINDS[kind]);
                assert!((got - expected).abs() <= 4.5 * sigma, "{what}");
            }
        }
    }
}

#[test]
fn each_case_has_as_many_later_transactions_as_the_ratio_of_rates_says() {
    for seed in SEEDS {
        let stream = stream(seed, &constant());
        let mut cases: BTreeMap<Case, (Time, [Told; 4])> = BTreeMap::new();
        for (at, arrival) in all(&stream).into_iter().filter(|(_, arrival)| region(arrival.hospital.index()) == "A") {
            let case = cases.entry(arrival.case).or_insert((at, Default::default()));
            case.1[arrival.kind].push((arrival.nth, at));
        }
        let early = Time::ZERO + Span::from_secs(UNTIL_S - STEADY_S as u64);
        cases.retain(|_, (began, of)| !of[1].is_empty() && *began < early);
        let step = Span(STEP.0.div_ceil(stream.slice_span.0) * stream.slice_span.0);
        let mut twice = 0.0;
        for (began, [_, _, disclosed, acknowledged]) in cases.values() {
            let told = |nth: u32, steps| (nth, *began + step * (u64::from(nth) + steps));
            assert!(disclosed.iter().copied().eq((0..disclosed.len() as u32).map(|nth| told(nth, 1))));
            assert!(acknowledged.iter().copied().eq((0..10).map(|nth| told(nth, 2))), "ten of each: {acknowledged:?}");
            assert!((1..=2).contains(&disclosed.len()));
            twice += disclosed.len() as f64 - 1.0;
        }
        let count = cases.len() as f64;
        let sigma = (count * 0.85 * 0.15).sqrt();
        assert!(count > 3_000.0 && (twice - 0.85 * count).abs() < 4.5 * sigma, "seed {seed}: {twice} of {count}");
    }
}

/// What a case has of one kind: which it is, and when it comes.
type Told = Vec<(u32, Time)>;

/// A day in half a minute with bursts and a surge.
fn changing() -> PlanSettings {
    let of = |millis| Span::from_millis(millis);
    let course = SurgeClass { usual: 4.0, worst: 4.0, ramp: of(3_200), hold: of(6_000), decay: of(3_200) };
    PlanSettings {
        calendar: Calendar { first_hour: 0, hours: 24, lapse: 2_880.0 },
        burst: 0.4,
        surge: Some(Surge {
            begins: Time::ZERO + of(4_000),
            classes: BTreeMap::from([("access.read".into(), course)]),
        }),
        until: Time::ZERO + Span::from_secs(30),
        ..constant()
    }
}

#[test]
fn a_slice_alone_is_the_slice_in_sequence() {
    for settings in [constant(), changing()] {
        let in_order = stream(5, &settings);
        let all: Vec<Vec<Transaction>> =
            (0..in_order.slices()).map(|index| in_order.slice(index).transactions).collect();
        let apart = stream(5, &settings);
        for index in (0..in_order.slices()).rev().step_by(37) {
            let alone = apart.slice(index).transactions;
            assert_eq!(format!("{alone:?}"), format!("{:?}", all[index as usize]));
        }
        let times = all.iter().flatten().map(|tx| tx.submitted);
        assert!(times.clone().zip(times.skip(1)).all(|(earlier, later)| earlier <= later), "in order of arrival");
    }
}

#[test]
fn what_arrives_follows_surge_and_bursts() {
    let (mut got, mut expected) = ([0.0; 3], [0.0; 3]);
    for seed in SEEDS {
        let stream = stream(seed, &changing());
        let phase = |at: Time| match at.as_secs_f64() {
            at if (7.2..13.2).contains(&at) => 1,
            at if !(4.0..16.4).contains(&at) => 0,
            _ => 2,
        };
        let reads = all(&stream).into_iter().filter(|(_, arrival)| arrival.kind == 0);
        reads.for_each(|(at, _)| got[phase(at)] += 1.0);
        for index in 0..stream.slices() {
            let at = Time(index * stream.slice_span.0);
            for (region, name) in stream.load.regions().iter().enumerate() {
                let burst = stream.load.burst(seed, region, at) as f64 / 1e9;
                expected[phase(at)] += stream.load.region_tps(name, at)[0] * burst * stream.slice_span.as_secs_f64();
            }
        }
    }
    for (got, expected) in got.into_iter().zip(expected) {
        // Slices of 3 ms begin in one phase and end in another.
        let slack = 4.5 * f64::sqrt(expected) + 0.002 * expected;
        assert!((got - expected).abs() < slack, "seeds {SEEDS:?}: {got} reads, not {expected}");
    }
    let usual = 500.0 * 17.6 * SEEDS.len() as f64;
    assert!((expected[0] / usual - 1.0).abs() < 0.05 && expected[1] > 3.5 * 500.0 * 6.0 * SEEDS.len() as f64);
}

#[test]
fn heavier_transactions_are_fewer_and_stand_for_as_many() {
    let (mut light, mut heavy) = (0.0, 0.0);
    for seed in 9..15 {
        let mut stream = stream(seed, &constant());
        light += all(&stream).len() as f64;
        stream.scribe.settings.weight = 4;
        heavy += all(&stream).len() as f64 * 4.0;
    }
    // Cases of eleven and more, a quarter as many: one standard deviation of six runs is 0.6 %.
    assert!((heavy / light - 1.0).abs() < 0.025, "{heavy} for {light}");
}
