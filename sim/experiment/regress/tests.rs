use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::base::Digest;
use crate::experiment::Build;

use super::compare::rows;
use super::metrics::{Direction, Metric};
use super::*;

fn metric(name: &str, better: Direction, value: f64, tolerance_percent: f64) -> Metric {
    Metric { name: name.into(), unit: "ms", better, value, tolerance_percent }
}

fn told(measured: &[Metric], blessed: &[(&str, f64)]) -> String {
    let blessed = blessed.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    let line = |row: &Row| {
        let percent = row.change_percent.map_or("-".into(), |percent| format!("{percent:+.3}%"));
        format!("{}: {} {percent}", row.name, row.change.name())
    };
    rows(measured, &blessed).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_figure_is_judged_by_its_direction() {
    let measured = [
        metric("latency", Direction::Smaller, 103.0, 0.0),
        metric("goodput", Direction::Bigger, 103.0, 0.0),
        metric("offered", Direction::Neither, 103.0, 0.0),
        metric("quick", Direction::Smaller, 97.0, 0.0),
        metric("slow", Direction::Bigger, 97.0, 0.0),
        metric("same", Direction::Smaller, 100.0, 0.0),
        metric("unknown", Direction::Smaller, 100.0, 0.0),
        metric("from_nought", Direction::Smaller, 1.0, 1.0),
        metric("at_nought", Direction::Smaller, 0.0, 0.0),
    ];
    let hundred = ["latency", "goodput", "offered", "quick", "slow", "same", "gone"].map(|name| (name, 100.0));
    let blessed = [&hundred[..], &[("from_nought", 0.0), ("at_nought", 0.0)]].concat();
    let expected = expect![[r#"
        latency: worse +3.000%
        goodput: better +3.000%
        offered: changed +3.000%
        quick: better -3.000%
        slow: worse -3.000%
        same: equal +0.000%
        unknown: new -
        from_nought: worse -
        at_nought: equal -
        gone: changed -"#]];
    expected.assert_eq(&told(&measured, &blessed));
}

#[test]
fn the_smallest_change_of_an_exact_figure_is_one() {
    let next = f64::from_bits(1.0_f64.to_bits() + 1);
    let measured = [metric("latency", Direction::Smaller, next, 0.0)];
    assert_eq!(told(&measured, &[("latency", 1.0)]), "latency: worse +0.000%");
}

#[test]
fn work_may_differ_by_one_percent_and_no_more() {
    let of = |count: u64| told(&[Metric::work("events", "events", count)], &[("events", 1_000.0)]);
    assert_eq!(
        [990, 1_010, 989, 1_011].map(of),
        ["events: equal -1.000%", "events: equal +1.000%", "events: better -1.100%", "events: worse +1.100%"]
    );
}

proptest! {
    #[test]
    fn a_change_one_way_is_the_opposite_of_the_change_back(a in 0.001..1e9, b in 0.001..1e9) {
        let blessed = |value| BTreeMap::from([("m".to_string(), value)]);
        let change = |from, to| rows(&[metric("m", Direction::Smaller, to, 0.0)], &blessed(from))[0].change;
        match (change(a, b), change(b, a)) {
            (Change::Equal, Change::Equal) => prop_assert_eq!(a, b),
            pair => prop_assert!(matches!(pair, (Change::Better, Change::Worse) | (Change::Worse, Change::Better))),
        }
    }
}

#[test]
fn what_is_injected_is_a_signed_percentage_of_something() {
    let read = |text: &str| text.parse::<Injected>();
    assert_eq!(read("latency=+3%"), Ok(Injected { name: "latency".into(), percent: 3.0 }));
    assert_eq!(read("goodput=-0.5%").map(|injected| injected.to_string()), Ok("goodput=-0.5%".into()));
    for text in ["latency", "latency=3%", "latency=+3", "=+3%", "latency=+x%", "latency=+inf%", "latency=+NaN%"] {
        assert!(read(text).is_err_and(|error| error.contains("METRIC=+N%")), "{text}");
    }
}

fn measured(latency: f64) -> Measured {
    Measured {
        inputs: Digest::of(b"inputs"),
        digest: Digest::of(b"outcome"),
        counters: vec![Metric::work("events", "events", 1_000)],
        metrics: vec![metric("reply_p50_ms", Direction::Smaller, latency, 0.0)],
        walls: [Duration::from_millis(100), Duration::from_millis(110)],
    }
}

#[test]
fn injecting_alters_all_that_begins_so_and_refuses_what_is_nothing() {
    let mut cases = [measured(10.0), measured(20.0)];
    let inject = |text: &str, cases: &mut [Measured]| text.parse::<Injected>().expect("a change").apply(cases);
    inject("reply=+50%", &mut cases).expect("there are such");
    assert_eq!(cases.each_ref().map(|case| case.metrics[0].value), [15.0, 30.0]);
    assert_eq!(cases[0].counters[0].value, 1_000.0);
    let error = inject("speed=+3%", &mut cases).expect_err("there is no such");
    assert_eq!(
        error.to_string(),
        "--inject speed: no metric has that name or begins so; there are events, reply_p50_ms"
    );
}

/// A verdict of cases whose fastest runs took so many seconds, with so much noise.
fn verdict(walls: &[(&str, f64, f64)]) -> Verdict {
    let case = |&(name, wall_s, noise_percent): &(&str, f64, f64)| CaseVerdict {
        name: name.into(),
        scenario: "regional.toml".into(),
        settings: Vec::new(),
        inputs: Digest::of(b"inputs"),
        inputs_changed: false,
        digest: Digest::of(b"outcome"),
        blessed_digest: Some(Digest::of(b"outcome")),
        change: Change::Equal,
        metrics: Vec::new(),
        counters: Vec::new(),
        wall: Wall {
            a_s: wall_s,
            b_s: wall_s * (1.0 + noise_percent / 100.0),
            noise_percent,
            earlier_s: None,
            change_percent: None,
            beyond_noise: false,
        },
    };
    Verdict::new(Build::of("abc"), Path::new("baseline.json"), walls.iter().map(case).collect(), Host::default())
}

#[test]
fn wall_time_is_called_changed_only_beyond_the_noise_of_all_cases_and_runs() {
    let beyond = |noise, earlier_noise, slowest| {
        let mut verdict = verdict(&[("a", 1.2, 1.0), ("b", 1.0, noise), ("c", 1.0, 1.0)]);
        verdict.recall(|case| match case {
            "c" => Vec::new(),
            _ => vec![(slowest, 1.0), (1.0, earlier_noise), (1.0, 1.0)],
        });
        assert!(verdict.passed, "wall time fails nothing");
        assert_eq!(verdict.cases[0].wall.earlier_s, Some(1.0), "the median");
        assert_eq!(verdict.cases[2].wall.earlier_s, None);
        verdict.cases[0].wall.beyond_noise
    };
    assert!(beyond(19.0, 19.0, 1.19));
    assert!(!beyond(21.0, 1.0, 1.0), "another case varied by more");
    assert!(!beyond(1.0, 21.0, 1.0), "an earlier run varied by more");
    assert!(!beyond(1.0, 1.0, 1.21), "earlier runs differed by more");
}

#[test]
fn the_gravest_case_decides() {
    let of = |changes: &[Change]| {
        let mut cases = verdict(&vec![("a", 1.0, 1.0); changes.len()]).cases;
        cases.iter_mut().zip(changes).for_each(|(case, change)| case.change = *change);
        let verdict = Verdict::new(Build::of("abc"), Path::new("baseline.json"), cases, Host::default());
        (verdict.passed, verdict.change)
    };
    assert_eq!(of(&[Change::Equal, Change::Equal]), (true, Change::Equal));
    assert_eq!(of(&[Change::Better, Change::Equal]), (false, Change::Better));
    assert_eq!(of(&[Change::Better, Change::Worse, Change::Changed]), (false, Change::Worse));
}

fn refused(text: Option<&[u8]>, expected: Expect) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("b.json");
    text.iter().for_each(|text| fs::write(&path, text).expect("it can be written"));
    let error = Baseline::read(&path).expect_err("it is no baseline");
    let said = error.to_string().replace(&path.display().to_string(), "b.json");
    expected.assert_eq(
        &said.replace("; take it back from version control, or delete it and --bless", "; …").replace("` at", "`\nat"),
    );
}

#[test]
fn what_is_no_baseline_is_named() {
    refused(None, expect!["b.json: there is no baseline; the same command with --bless makes one"]);
    refused(
        Some(b"{\"schema_version\": 1, \"cases\": {"),
        expect!["b.json: no baseline: EOF while parsing an object at line 1 column 32; …"],
    );
    refused(Some(b"{\"schema_version\": 1, \"cases\": {}}"), expect!["b.json: no baseline: it has no cases; …"]);
    refused(
        Some(b"{\"schema_version\": 1, \"cases\": {\"a\": {\"scenario\": \"a.toml\", \"setings\": []}}}"),
        expect![[r#"
            b.json: no baseline: unknown field `setings`, expected one of `scenario`, `settings`, `blessed`
            at line 1 column 69; …"#]],
    );
    refused(Some(b"{\"cases\": {}}"), expect!["b.json: no baseline: it has no `schema_version`; …"]);
    refused(Some(b"\xff"), expect!["b.json: no baseline: it is no text; …"]);
    refused(
        Some(b"{\"schema_version\": 7, \"cases\": {}}"),
        expect!["b.json: of schema 7, and this build compares schema 1; --bless writes its cases anew"],
    );
}

#[test]
fn blessing_keeps_the_cases_of_another_version() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("b.json");
    let text =
        r#"{"schema_version": 7, "cases": {"a": {"scenario": "a.toml", "settings": ["seed=1"], "approved": 1}}}"#;
    fs::write(&path, text).expect("it can be written");
    let mut baseline = Baseline::read_cases(&path).expect("it has cases");
    baseline.bless(&[measured(10.0)]);
    baseline.write(&path).expect("it can be written");
    let again = Baseline::read(&path).expect("it is of this version now");
    assert_eq!(again, baseline);
    let case = &again.cases["a"];
    assert_eq!((case.settings.as_slice(), case.scenario.as_path()), (&["seed=1".to_string()][..], Path::new("a.toml")));
    assert_eq!(case.blessed.as_ref().map(|blessed| blessed.metrics["reply_p50_ms"]), Some(10.0));
}
