//! Every format, held to what its specification demands, and to the letter.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use expect_test::expect;
use roxmltree::{Document, Node};
use serde_json::Value;

use crate::base::Digest;
use crate::experiment::Build;
use crate::experiment::regress::{CaseVerdict, Change, Direction, Host, Row, Verdict, Wall};

use super::*;

fn row(name: &str, unit: &str, better: Direction, blessed: Option<f64>, measured: Option<f64>, change: Change) -> Row {
    let pair = blessed.zip(measured);
    let change_percent = pair.map(|(blessed, measured)| (measured - blessed) / blessed * 100.0);
    Row {
        name: name.into(),
        unit: unit.into(),
        better,
        tolerance_percent: 0.0,
        blessed,
        measured,
        change_percent,
        change,
    }
}

fn case(name: &str, change: Change, latency: f64) -> CaseVerdict {
    let change_of_latency = if latency > 200.0 { Change::Worse } else { Change::Equal };
    let mut counters = vec![
        row("events", "events", Direction::Smaller, Some(1000.0), Some(1000.0), Change::Equal),
        row("allocations", "allocations", Direction::Smaller, Some(90.0), Some(90.0), Change::Equal),
        row("allocated_bytes", "bytes", Direction::Smaller, Some(4096.0), Some(4096.0), Change::Equal),
    ];
    counters.iter_mut().for_each(|row| row.tolerance_percent = 1.0);
    CaseVerdict {
        name: name.into(),
        scenario: "../workloads/regional.toml".into(),
        settings: vec!["consensus.protocol=pbft".into(), "seed=1".into()],
        inputs: Digest::of(b"inputs"),
        inputs_changed: false,
        digest: Digest::of(latency.to_string().as_bytes()),
        blessed_digest: Some(Digest::of(b"200")),
        change,
        metrics: vec![
            row("offered_tps", "tx/s", Direction::Neither, Some(400.0), Some(400.0), Change::Equal),
            row("goodput_tps", "tx/s", Direction::Bigger, Some(399.5), Some(399.5), Change::Equal),
            row("fairness", "", Direction::Bigger, None, Some(1.0), Change::New),
            row("submit_to_reply_p99_ms", "ms", Direction::Smaller, Some(200.0), Some(latency), change_of_latency),
            row(
                "utilisation_mempool_max_share",
                "of capacity",
                Direction::Smaller,
                Some(0.25),
                Some(0.25),
                Change::Equal,
            ),
            row("forgotten", "", Direction::Neither, Some(3.0), None, Change::Changed),
        ],
        counters,
        wall: Wall {
            a_s: 0.25,
            b_s: 0.275,
            noise_percent: 10.0,
            earlier_s: Some(0.24),
            change_percent: Some(4.166),
            beyond_noise: false,
        },
    }
}

/// One case as blessed but for a new figure, and one that is worse; their names want escaping everywhere.
fn sample() -> Verdict {
    let cases = vec![case("a|b \"c\" <d> & \\e", Change::New, 200.0), case("pbft", Change::Worse, 206.0)];
    let host =
        Host { at: "2026-11-22T08:00:00Z".into(), cpu: "Some CPU".into(), profile: "release, opt-level 3".into() };
    Verdict::new(
        Build { tool_version: "0.1.0".into(), git_commit: "abc".into() },
        Path::new("results/baseline.json"),
        cases,
        host,
    )
}

/// All files of the sample, by a folder that has the verdict alone.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    sample().keep(folder.path()).expect("it can be kept");
    ci_files(folder.path()).expect("they can be written");
    folder
}

fn file(name: &str) -> String {
    fs::read_to_string(written().path().join(name)).expect("it is there")
}

fn json(name: &str) -> Value {
    serde_json::from_str(&file(name)).expect("it is JSON")
}

fn object(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().expect("it is an object")
}

#[test]
fn a_verdict_that_is_none_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert!(ci_files(folder.path()).expect_err("there is none").to_string().contains("verdict.json: cannot read"));
    fs::write(folder.path().join("verdict.json"), "{").expect("it can be written");
    assert!(ci_files(folder.path()).expect_err("it is none").to_string().contains("verdict.json: EOF while parsing"));
}

/// The published JSON Schema: objects of objects of `value`, `lower_value`, `upper_value`, all numbers, the first
/// required. Slugs of measures have at most 64 characters of `a-z`, `0-9` and `-`.
#[test]
fn bencher_metric_format_is_as_its_schema_says() {
    let value = json("bmf.json");
    assert_eq!(object(&value).len(), 2);
    for measures in object(&value).values() {
        for (slug, measure) in object(measures) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(slug.len() <= 64 && slug.chars().all(plain), "{slug}");
            let known = ["value", "lower_value", "upper_value"];
            assert!(object(measure).iter().all(|(key, value)| known.contains(&key.as_str()) && value.is_number()));
            assert!(measure["value"].is_number());
        }
    }
    assert_eq!(value["pbft"]["submit-to-reply-p99-ms"]["value"], 206.0);
    assert_eq!(value["pbft"]["wall-s"]["upper_value"], 0.275);
    assert_eq!(value["pbft"].get("forgotten"), None, "what was not measured has no value");
}

/// The published shape: a list of objects with `name`, `unit` and `value`, and `range` and `extra` where there are any.
#[test]
fn github_action_benchmark_has_each_figure_in_the_list_of_its_direction() {
    let names = |name: &str| -> BTreeSet<String> {
        let list = json(name);
        let entries = list.as_array().expect("it is a list");
        let check = |entry: &Value| {
            for (key, value) in object(entry) {
                assert_eq!(value.is_number(), key == "value", "{key}");
                assert!(value.is_number() || value.is_string(), "{key}");
                assert!(["name", "unit", "value", "range", "extra"].contains(&key.as_str()), "{key}");
            }
            assert!(["name", "unit", "value"].iter().all(|key| entry.get(key).is_some()));
            assert_ne!(entry["unit"], "");
            entry["name"].as_str().expect("it is text").to_string()
        };
        entries.iter().map(check).filter_map(|name| name.strip_prefix("pbft/").map(String::from)).collect()
    };
    let of = |name| names(name).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(of("customBiggerIsBetter.json"), "fairness goodput_tps");
    assert_eq!(
        of("customSmallerIsBetter.json"),
        "allocated_bytes allocations events submit_to_reply_p99_ms utilisation_mempool_max_share wall_s"
    );
}

fn count(node: Node<'_, '_>, attribute: &str) -> usize {
    node.attribute(attribute).expect("it is counted").parse().expect("it is a number")
}

fn named<'a>(node: Node<'a, 'a>, name: &'static str) -> Vec<Node<'a, 'a>> {
    node.children().filter(|child| child.has_tag_name(name)).collect()
}

/// What a suite must have and may have by Windy Road's schema; `junit-10.xsd` of Jenkins allows all of it.
const SUITE: [&str; 10] =
    ["name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"];

/// By both schemas: a root without attributes; suites numbered from 0, in each properties, then test cases, then output;
/// counts that are right, and times that are decimal numbers.
#[test]
fn junit_is_as_both_schemas_say() {
    let text = file("junit.xml");
    let document = Document::parse(&text).expect("it is XML");
    let root = document.root_element();
    assert!(root.has_tag_name("testsuites") && root.attributes().len() == 0);
    let suites = named(root, "testsuite");
    assert_eq!((suites.len(), suites[0].attribute("name")), (2, Some("a|b \"c\" <d> & \\e")));
    for (nth, suite) in suites.iter().enumerate() {
        assert!(suite.attributes().map(|attribute| attribute.name()).eq(SUITE));
        let tests = named(*suite, "testcase");
        let failed = tests.iter().filter(|test| !named(**test, "failure").is_empty()).count();
        assert_eq!((count(*suite, "tests"), count(*suite, "failures")), (tests.len(), failed));
        assert_eq!((count(*suite, "id"), count(*suite, "errors"), count(*suite, "skipped")), (nth, 0, 0));
        assert_eq!(
            (suite.attribute("timestamp"), suite.attribute("time")),
            (Some("2026-11-22T08:00:00"), Some("0.525"))
        );
        let children = suite.children().filter(Node::is_element).map(|node| node.tag_name().name());
        let inner = std::iter::repeat_n("testcase", tests.len());
        assert!(children.eq(["properties"].into_iter().chain(inner).chain(["system-out", "system-err"])));
        for test in tests {
            assert!(test.attributes().map(|attribute| attribute.name()).eq(["name", "classname", "time"]));
            assert!(test.attribute("classname").is_some_and(|name| name.starts_with("systole.regress.")));
            assert!(test.descendants().filter(Node::is_element).count() <= 2, "at most one failure");
        }
    }
    let failures: Vec<&str> = suites[1].descendants().filter_map(|node| node.attribute("message")).collect();
    let expected = expect![[r#"
        7776c6f64b5a054f2e9ad9f7c420118c794d40d34d88fdff3830febd45bc9548 was blessed, 9ecf847141e140aea7c6af74fc2749cd4917f12d5964edcf4de9029b4fd6b0c5 is measured
        nothing was blessed, 1 is measured: new; bless it
        200 ms was blessed, 206 ms is measured (+3.000 %): worse; if that is meant, bless it
        3 was blessed, nothing is measured: changed; if that is meant, bless it"#]];
    expected.assert_eq(&failures.join("\n"));
}

/// The ABNF of OpenMetrics 1.0, as far as gauges and counters go: descriptors of a family stand together before its
/// samples, a unit is the end of the family's name, counters end in `_total`, nothing is said twice, and the last line is
/// `# EOF`.
#[test]
fn openmetrics_is_as_its_grammar_says() {
    let text = file("metrics.om");
    let body = text.strip_suffix("# EOF\n").expect("it ends so");
    assert!(!body.contains("# EOF"));
    let (mut family, mut kind, mut seen) = (String::new(), String::new(), BTreeSet::new());
    for line in body.lines() {
        assert!(seen.insert(line.split("} ").next()), "{line} comes twice");
        if let Some(descriptor) = line.strip_prefix("# ") {
            let mut words = descriptor.splitn(3, ' ');
            let [what, name, value] = [(); 3].map(|()| words.next().expect("it has three words"));
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.chars().all(plain), "{name}");
            match what {
                "HELP" => family = name.into(),
                "TYPE" => kind = value.into(),
                "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                _ => panic!("{line}"),
            }
            assert_eq!(name, family, "{line}");
            continue;
        }
        let (name, rest) = line.split_once('{').expect("it has labels");
        assert_eq!(name, if kind == "counter" { format!("{family}_total") } else { family.clone() });
        let (label, value) = rest.rsplit_once("\"} ").expect("it has a value");
        let label = label.strip_prefix("case=\"").expect("it has one label");
        assert!(!label.replace("\\\"", "").replace("\\\\", "").contains(['"', '\\']), "{label}");
        assert!(value.parse::<f64>().is_ok(), "{value}");
        assert!(kind == "gauge" || value.bytes().all(|digit| digit.is_ascii_digit()), "{line}");
    }
    let expected = expect![[r##"
        # HELP systole_offered_tps systole's offered_tps, in tx/s
        # TYPE systole_offered_tps gauge
        systole_offered_tps{case="a|b \"c\" <d> & \\e"} 400.0
        systole_offered_tps{case="pbft"} 400.0
        # HELP systole_goodput_tps systole's goodput_tps, in tx/s
        # TYPE systole_goodput_tps gauge
        systole_goodput_tps{case="a|b \"c\" <d> & \\e"} 399.5
        systole_goodput_tps{case="pbft"} 399.5
        # HELP systole_fairness systole's fairness
        # TYPE systole_fairness gauge
        systole_fairness{case="a|b \"c\" <d> & \\e"} 1.0
        systole_fairness{case="pbft"} 1.0
        # HELP systole_submit_to_reply_p99_seconds systole's submit_to_reply_p99_ms, in seconds
        # TYPE systole_submit_to_reply_p99_seconds gauge
        # UNIT systole_submit_to_reply_p99_seconds seconds
        systole_submit_to_reply_p99_seconds{case="a|b \"c\" <d> & \\e"} 0.2
        systole_submit_to_reply_p99_seconds{case="pbft"} 0.206
        # HELP systole_utilisation_mempool_max_ratio systole's utilisation_mempool_max_share, in ratio
        # TYPE systole_utilisation_mempool_max_ratio gauge
        # UNIT systole_utilisation_mempool_max_ratio ratio
        systole_utilisation_mempool_max_ratio{case="a|b \"c\" <d> & \\e"} 0.25
        systole_utilisation_mempool_max_ratio{case="pbft"} 0.25
        # HELP systole_events events and deliveries processed
        # TYPE systole_events counter
        systole_events_total{case="a|b \"c\" <d> & \\e"} 1000
        systole_events_total{case="pbft"} 1000
        # HELP systole_allocations allocations and reallocations of one run
        # TYPE systole_allocations counter
        systole_allocations_total{case="a|b \"c\" <d> & \\e"} 90
        systole_allocations_total{case="pbft"} 90
        # HELP systole_allocated_bytes bytes asked for by one run
        # TYPE systole_allocated_bytes counter
        # UNIT systole_allocated_bytes bytes
        systole_allocated_bytes_total{case="a|b \"c\" <d> & \\e"} 4096
        systole_allocated_bytes_total{case="pbft"} 4096
        # HELP systole_wall_seconds wall time of the faster run, advisory
        # TYPE systole_wall_seconds gauge
        # UNIT systole_wall_seconds seconds
        systole_wall_seconds{case="a|b \"c\" <d> & \\e"} 0.25
        systole_wall_seconds{case="pbft"} 0.25
        # HELP systole_regress_passed 1 where the case is as blessed
        # TYPE systole_regress_passed gauge
        systole_regress_passed{case="a|b \"c\" <d> & \\e"} 0.0
        systole_regress_passed{case="pbft"} 0.0
        # EOF
    "##]];
    expected.assert_eq(&text);
}

#[test]
fn the_summary_says_what_changed_first_and_escapes_names() {
    expect![[r###"
        ## Regression gate failed: worse; if that is meant, bless it

        systole 0.1.0 (abc, release, opt-level 3) against `results/baseline.json`

        | case | outcome | why | digest | wall (advisory) | A/A' noise |
        |---|---|---|---|---:|---:|
        | a\|b "c" &lt;d> &amp; \e | new | 1 changed, 1 new | `7776c6f64b5a` | 0.250 s (+4.2 %, within noise) | 10.0 % |
        | pbft | worse | 1 worse, 1 changed, 1 new | `9ecf847141e1` | 0.250 s (+4.2 %, within noise) | 10.0 % |

        ### a\|b "c" &lt;d> &amp; \e

        | figure | blessed | measured | change | |
        |---|---:|---:|---:|---|
        | `forgotten` | 3 | none |  | changed |
        | `fairness` | none | 1 |  | new |

        ### pbft

        | figure | blessed | measured | change | |
        |---|---:|---:|---:|---|
        | `submit_to_reply_p99_ms` | 200 | 206 | +3.000 % | worse |
        | `forgotten` | 3 | none |  | changed |
        | `fairness` | none | 1 |  | new |
    "###]]
    .assert_eq(&file("summary.md"));
}

#[test]
fn history_grows_by_a_line_a_run_and_survives_half_a_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let verdict = sample();
    let path = append_history(folder.path(), &verdict).expect("it can be written");
    let first = fs::read_to_string(&path).expect("it is text");
    append_history(folder.path(), &verdict).expect("it can be written");
    assert_eq!(fs::read_to_string(&path).expect("it is text"), first.repeat(2));
    // Killed while it wrote.
    fs::write(&path, format!("{first}{}", &first[..40])).expect("it can be written");
    append_history(folder.path(), &verdict).expect("it can be written");
    let text = fs::read_to_string(&path).expect("it is text");
    assert_eq!(text, format!("{first}{}\n{first}", &first[..40]));
    let walls = earlier_walls(folder.path(), &verdict.host).expect("it can be read");
    assert_eq!(walls["pbft"], [(0.25, 10.0), (0.25, 10.0)]);
    let elsewhere = Host { cpu: "Another".into(), ..verdict.host.clone() };
    assert!(earlier_walls(folder.path(), &elsewhere).expect("it can be read").is_empty());
    let line: HistoryLine = serde_json::from_str(&first).expect("it is one of ours");
    assert_eq!((line.passed, line.cases["pbft"].digest), (false, verdict.cases[1].digest));
    assert_eq!(line.cases["pbft"].metrics["submit_to_reply_p99_ms"], 206.0);
}

#[test]
fn the_same_verdict_gives_the_same_bytes() {
    for name in
        ["bmf.json", "customBiggerIsBetter.json", "customSmallerIsBetter.json", "junit.xml", "metrics.om", "summary.md"]
    {
        assert_eq!(file(name), file(name), "{name}");
    }
}
