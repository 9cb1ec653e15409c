//! The world's load against the tables that it comes from: hours, classes, regions, digitised shares and surges.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use systole::base::{Span, Time};
use systole::engine::{Setup, Timing};
use systole::scenario::{RunOptions, Scenario, WorldData};

use crate::runs::{regional, workloads};

const WEEK: u32 = 168;
const REGIONS: [&str; 6] = ["AFR", "AMR", "EMR", "EUR", "SEAR", "WPR"];
/// All hospitals, and a week of which an hour takes a second.
const WEEKLY: [&str; 7] = [
    "world.hospitals=5000",
    "world.span=week",
    "world.hour_of_week=0",
    "world.lapse=3600",
    "run.warm_up_s=0",
    "run.window_s=168",
    "seed=11",
];

type Row = BTreeMap<String, String>;

/// A table of `workloads/data/health`, read anew: nothing of the crate stands between it and the test.
fn table(name: &str) -> Vec<Row> {
    let path: PathBuf = workloads().join("data/health").join(name);
    let mut reader = csv::Reader::from_path(path).expect("a data file is readable");
    reader.deserialize().collect::<Result<_, _>>().expect("a data file is a table")
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("`{column}` is a number in {row:?}"))
}

/// The shipped scenario of `mix` with `settings` in place of its own load.
fn asking(mix: &str, settings: &[&str]) -> Scenario {
    let text = std::fs::read_to_string(workloads().join("regional.toml")).expect("a shipped scenario is readable");
    let settings: Vec<String> =
        settings.iter().map(|one| one.to_string()).chain([format!("world.mix={mix}")]).collect();
    Scenario::parse("load.toml", &text.replace("load_tps = 400\n", ""), &workloads(), &settings)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn c1() -> &'static WorldData {
    static WORLD: OnceLock<WorldData> = OnceLock::new();
    WORLD.get_or_init(|| asking("c1", &[]).world().expect("the shipped data is whole"))
}

fn setup(mix: &str, settings: &[&str]) -> Setup {
    let scenario = asking(mix, settings);
    let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: None };
    match mix {
        "c1" => scenario.setup(c1(), &options).0,
        _ => scenario.setup(&scenario.world().expect("the shipped data is whole"), &options).0,
    }
}

fn hour(nth: u32) -> Time {
    Time::ZERO + Span::from_secs(nth.into())
}

/// Mean transactions/s of each kind in a region over the plan's week.
fn weekly_means(setup: &Setup, region: &str) -> Vec<f64> {
    let mut means = vec![0.0; setup.kinds.len()];
    for nth in 0..WEEK {
        let rates = setup.load.region_tps(region, hour(nth));
        means.iter_mut().zip(rates).for_each(|(mean, rate)| *mean += rate / f64::from(WEEK));
    }
    means
}

fn close(got: f64, expected: f64, share: f64) -> bool {
    (got - expected).abs() <= share * expected.abs()
}

#[test]
fn each_hour_and_region_of_every_mix_has_the_total_of_the_hourly_table() {
    let rows = table("load_hourly_utc_168.csv");
    for mix in ["a1", "a2", "b1", "b2", "b3", "c1", "c2", "c3"] {
        let setup = setup(mix, &WEEKLY);
        let mut seen = 0;
        for row in rows.iter().filter(|row| row["scenario"] == mix) {
            let at = hour(number(row, "utc_hour_of_week_from_mon") as u32);
            for region in REGIONS {
                let (got, due) = (setup.load.region_tps(region, at).iter().sum::<f64>(), number(row, region));
                assert!(close(got, due, 1e-9), "{mix}: {got} in {region} at {at:?}, not {due}");
                seen += 1;
            }
        }
        assert_eq!(seen, 168 * 6);
    }
}

#[test]
fn each_class_has_in_each_region_the_mean_of_the_table_within_a_percent() {
    let (loads, shares) = (table("load_by_class_region.csv"), table("class_kinds.csv"));
    let mixes = table("mixes.csv");
    for mix in ["a1", "a2", "b1", "b2", "b3", "c1", "c2", "c3"] {
        let setup = setup(mix, &WEEKLY);
        let classes: Vec<&str> =
            mixes.iter().filter(|row| row["mix"] == mix).map(|row| row["tx_class"].as_str()).collect();
        for region in REGIONS {
            let got = weekly_means(&setup, region);
            let mut due: BTreeMap<&str, f64> = BTreeMap::new();
            let here = loads.iter().filter(|row| row["who_region"] == region);
            for load in here.filter(|row| classes.contains(&row["tx_class"].as_str())) {
                for share in shares.iter().filter(|row| row["tx_class"] == load["tx_class"]) {
                    *due.entry(&share["kind"]).or_default() += number(load, "mean_tps") * number(share, "share");
                }
            }
            assert!(due.len() > 20, "{mix} has kinds in {region}");
            for (kind, got) in setup.kinds.iter().zip(got) {
                let due = due.get(kind.name.as_str()).copied().unwrap_or(0.0);
                assert!(close(got, due, 0.01), "{mix}: {got} of {} in {region}, not {due}", kind.name);
            }
        }
    }
}

/// The highest and the mean total over the plan's week.
fn week(setup: &Setup) -> (f64, f64) {
    let totals: Vec<f64> = (0..WEEK).map(|nth| setup.load.total_tps(hour(nth))).collect();
    (totals.iter().copied().fold(0.0, f64::max), totals.iter().sum::<f64>() / f64::from(WEEK))
}

#[test]
fn means_and_peaks_are_what_the_model_published_at_full_digitisation_and_today() {
    // The load model's bottom line: mean and peak hour, and both with the digitised share of today.
    let published = [
        ("a1", [12_092.0, 21_994.0, 8_448.0, 14_347.0]),
        ("b2", [48_492.0, 93_323.0, 30_805.0, 56_089.0]),
        ("c1", [41_529.0, 72_588.0, 28_785.0, 46_130.0]),
        ("c3", [284_850.0, 494_572.0, 196_360.0, 311_650.0]),
    ];
    for (mix, [mean, peak, mean_today, peak_today]) in published {
        let full = week(&setup(mix, &WEEKLY));
        assert!(close(full.1, mean, 1e-4) && close(full.0, peak, 1e-4), "{mix}: {full:?}");
        let today = week(&setup(mix, &[&WEEKLY[..], &["world.digitised=today"]].concat()));
        assert!(close(today.1, mean_today, 2e-4) && close(today.0, peak_today, 5e-4), "{mix} today: {today:?}");
    }
}

#[test]
fn at_its_height_a_pandemic_is_what_the_model_published() {
    let text = "[surge]\nprofile = \"pandemic\"\nday_s = 3\n";
    let base = std::fs::read_to_string(workloads().join("regional.toml")).expect("a shipped scenario is readable");
    let text = base.replace("load_tps = 400\n", "") + text;
    let settings: Vec<String> = WEEKLY.iter().map(|one| one.to_string()).collect();
    let scenario = Scenario::parse("surge.toml", &text, &workloads(), &settings).expect("a valid scenario");
    // It rises for 42 s and stays for 180 s: the week after the rise, which begins the calendar again.
    let timing = Timing { warm_up: Span::ZERO, window: Span::from_secs(42 + 168), drain: Span::ZERO };
    let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: Some(timing) };
    let setup = scenario.setup(c1(), &options).0;
    let totals: Vec<f64> = (42..42 + WEEK).map(|nth| setup.load.total_tps(hour(nth))).collect();
    let (mean, peak) = (totals.iter().sum::<f64>() / f64::from(WEEK), totals.iter().copied().fold(0.0, f64::max));
    assert!(close(mean, 57_045.0, 0.005) && close(peak, 98_301.0, 0.01), "{mean} {peak}");
}

#[test]
fn a_national_surge_strikes_one_country_most() {
    let base = std::fs::read_to_string(workloads().join("global.toml")).expect("a shipped scenario is readable");
    let text = base + "[surge]\nprofile = \"pandemic\"\nfactor = \"national\"\ncountry = \"IN\"\nbegins_s = 1\n";
    let scenario = Scenario::parse("surge.toml", &text, &workloads(), &[]).expect("a valid scenario");
    let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: None };
    let setup = scenario.setup(c1(), &options).0;
    // Vaccinations alone: 8.3 times as many in the country, 2.7 times elsewhere.
    let only = Scenario::parse("surge.toml", &text, &workloads(), &["world.only=[\"immunization.*\"]".into()]);
    let vaccines = only.expect("a valid scenario").setup(c1(), &options).0;
    let (quiet, height) = (Time::ZERO, Time::ZERO + Span::from_secs(4));
    let [before, during] = [quiet, height].map(|at| vaccines.load.hospital_tps(at));
    let mut struck = 0;
    for (row, (before, during)) in c1().hospitals.iter().zip(before.iter().zip(during)) {
        let factor = if row.country == "IN" { 8.3 } else { 2.7 };
        struck += usize::from(row.country == "IN");
        assert!(close(during, before * factor, 1e-9), "{during} after {before} in {}", row.country);
    }
    assert!(struck > 100, "{struck} hospitals");
    assert!(setup.load.total_tps(height) > 1.3 * setup.load.total_tps(quiet));
}

#[test]
fn kept_kinds_have_their_own_rates_and_further_ones_are_spread_by_people() {
    let all = setup("c1", &["world.hospitals=5000"]);
    let some = setup(
        "c1",
        &[
            "world.hospitals=5000",
            "world.only=[\"claim.*\", \"pack.ship\"]",
            "world.extra={ \"pack.recall\" = 10.0 }",
            "world.scale=2",
        ],
    );
    let people = |region: &str| {
        let here = c1().hospitals.iter().filter(|row| row.region == region || region.is_empty());
        here.map(|row| row.population as f64).sum::<f64>()
    };
    for region in REGIONS {
        let [all, some] = [&all, &some].map(|setup| setup.load.region_tps(region, Time::ZERO));
        for (kind, (all, some)) in c1().kinds.iter().zip(all.into_iter().zip(some)) {
            let due = match kind.name.as_str() {
                "pack.recall" => 20.0 * people(region) / people(""),
                "pack.ship" => 2.0 * all,
                name if name.starts_with("claim.") => 2.0 * all,
                _ => 0.0,
            };
            assert!(close(some, due, 1e-9), "{some} of {} in {region}, not {due}", kind.name);
        }
    }
}

#[test]
fn a_subset_of_regions_has_its_hospitals_and_its_load_alone() {
    let scenario = asking("c1", &["world.hospitals=5000", "world.regions=[\"AFR\", \"EMR\"]", "world.hour_of_week=9"]);
    let options = RunOptions { threads: 0, modelled: true, load_tps: None, timing: None };
    let setup = scenario.setup(c1(), &options).0;
    let here = c1().hospitals.iter().filter(|row| ["AFR", "EMR"].contains(&row.region.as_str())).count();
    assert_eq!((setup.hospitals.len(), setup.load.regions()), (here, &["AFR".to_string(), "EMR".to_string()][..]));
    let due = c1().hourly[9]["AFR"] + c1().hourly[9]["EMR"];
    assert!(close(setup.load.total_tps(Time::ZERO), due, 1e-9));
    let few = asking("c1", &["world.hospitals=3", "world.hour_of_week=9"]).setup(c1(), &options).0;
    assert!(close(few.load.total_tps(Time::ZERO), c1().world_tps(9), 1e-9), "three hospitals do all of it");
    let keys = ["run.warm_up_s=0", "run.window_s=60", "world.span=day", "world.lapse=1440"];
    let asked = regional(&[&keys[..], &["world.regions=[\"SEAR\"]"]].concat()).setup(c1(), &options).0;
    let day = |nth: u64| asked.load.total_tps(Time(nth * 2_500_000_000));
    assert!(close((0..24).map(day).sum::<f64>() / 24.0, 400.0, 1e-9), "400/s on average over the whole day");
    assert!(day(0) > 1.3 * day(12), "afternoon and night");
}

/// What is generated, by region and kind: every kind that begins something, since later ones are signed elsewhere too.
#[test]
fn generated_counts_have_the_rates_of_the_plan() {
    for seed in [21, 22] {
        let seed_key = format!("seed={seed}");
        let setup = setup("c1", &["world.hospitals=500", "world.scale=0.1", "run.window_s=24", &seed_key]);
        let until = setup.timing.window().until;
        let stream = setup.workload(false);
        let (region_of, mut counts) = (&setup.hospitals, BTreeMap::<(usize, usize), f64>::new());
        for index in 0..stream.slices() {
            for tx in stream.slice(index).transactions {
                *counts.entry((region_of[tx.hospital.index()].region, usize::from(tx.kind.0))).or_default() += 1.0;
            }
        }
        let (mut chi_square, mut cells) = (0.0, 0.0);
        for (nth, region) in setup.regions.iter().enumerate() {
            for (kind, rate) in setup.load.region_tps(region, Time::ZERO).into_iter().enumerate() {
                let expected = rate * until.as_secs_f64();
                if setup.kinds[kind].verb.begins_with().is_some() || expected < 10.0 {
                    continue;
                }
                let got = counts.get(&(nth, kind)).copied().unwrap_or(0.0);
                chi_square += (got - expected) * (got - expected) / expected;
                cells += 1.0;
            }
        }
        // Mean and variance of chi-square are the cells, and twice the cells.
        assert!(cells > 60.0 && (chi_square - cells).abs() < 5.0 * f64::sqrt(2.0 * cells), "seed {seed}: {chi_square}");
    }
}
