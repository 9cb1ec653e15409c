//! Figures of made-up results, checked as text.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::{figures_of_limit, figures_of_run};
use crate::metrics::Definition;

const MANIFEST: &str = r#"{"scenario": "global", "protocol": "jolteon", "dissemination": "batched", "seed": 1,
    "timing": {"window_from_s": 5.0, "window_until_s": 30.0}}"#;
const SERIES: &str = "time_s,offered_tps,throughput_tps,rejected_tps,reply_p50_ms,reply_p99_ms\n";
const PROBES: &str = "offered_tps,goodput_tps,throughput_tps,reply_p50_ms,reply_p99_ms,binding_resource,\
    utilisation_percent,meets_slo\n";

/// A number in 0..1 that looks random.
fn noise(index: u64) -> f64 {
    let mixed = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1u64 << 53) as f64
}

/// A run's load: 35 s of 72.6k tx/s, the first replies after a second, a dip in the middle, nothing in the end.
fn series() -> String {
    let mut text = SERIES.to_string();
    for index in 0..70u64 {
        let offered = if index < 60 { 72_600.0 + 900.0 * (noise(index) - 0.5) } else { 0.0 };
        let dip = if (40..44).contains(&index) { 0.35 } else { 1.0 };
        let committed = if index < 2 { 0.0 } else { offered * dip };
        let rejected = if dip < 1.0 { 4_000.0 * noise(index + 7) } else { 0.0 };
        let tail = 1_400.0 / dip * (1.0 + 0.2 * noise(index + 99));
        let latency = if (2..62).contains(&index) {
            format!("{:.1},{tail:.1}", 640.0 / dip.max(0.6) + 40.0 * noise(index + 300))
        } else {
            ",".into()
        };
        writeln!(text, "{},{offered:.1},{committed:.1},{rejected:.1},{latency}", index as f64 / 2.0).expect("a string");
    }
    text
}

/// Log-normal latencies around `middle_ms`.
fn histogram(middle_ms: f64, spread: f64, count: u64) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("valid bounds");
    for index in 0..count {
        let (a, b) = (noise(index).max(1e-12), noise(index + 1_000_000));
        let normal = libm::sqrt(-2.0 * libm::log(a)) * libm::cos(std::f64::consts::TAU * b);
        histogram.saturating_record((middle_ms * 1e3 * libm::exp(spread * normal)) as u64);
    }
    histogram
}

fn write_log(path: &Path, tags: &[(String, Histogram<u64>)]) {
    let mut bytes = Vec::new();
    let mut serializer = V2Serializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("latencies in microseconds");
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer).expect("a vector takes everything");
    for (tag, histogram) in tags {
        let tag = Tag::new(tag).expect("no comma in a tag");
        log.write_histogram(histogram, Duration::from_secs(5), Duration::from_secs(25), Some(tag)).expect("a vector");
    }
    fs::write(path, bytes).expect("the folder is ours");
}

fn write_run(folder: &Path, count: u64) {
    fs::write(folder.join("manifest.json"), MANIFEST).expect("the folder is ours");
    fs::write(folder.join("series.csv"), series()).expect("the folder is ours");
    let definition = |definition: &Definition| {
        let middle = [420.0, 530.0, 650.0, 980.0][*definition as usize];
        (definition.name().to_string(), histogram(middle, 0.28, count))
    };
    let mut tags: Vec<_> = Definition::ALL.iter().map(definition).collect();
    for (index, region) in ["AFR", "AMR", "EMR", "EUR", "SEAR", "WPR"].into_iter().enumerate() {
        let middle = 480.0 + 90.0 * ((index * 5) % 6) as f64;
        tags.push((format!("submit_to_reply.{region}"), histogram(middle, 0.2 + 0.04 * index as f64, count / 6)));
    }
    write_log(&folder.join("latency.hlog"), &tags);
}

/// A search that doubled from 1k tx/s and saturates at 143k.
fn write_limit(folder: &Path) {
    let mut text = PROBES.to_string();
    let probes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 192.0, 160.0, 144.0, 152.0, 148.0, 146.0];
    for offered in probes.map(|thousands| thousands * 1e3) {
        let over = (offered / 145_000.0f64).max(1.0);
        let (goodput, throughput) = (offered.min(145_000.0) / over / over, offered.min(149_000.0));
        let load = (offered / 149_000.0).min(0.985);
        let p50 = 520.0 + 60.0 / (1.0 - load) + 9_000.0 * (over - 1.0);
        let p99 = 1_050.0 + 100.0 / (1.0 - load) + 24_000.0 * (over - 1.0);
        writeln!(
            text,
            "{offered},{goodput:.1},{throughput:.1},{p50:.1},{p99:.1},crypto_cores,{:.1},{}",
            load * 100.0,
            over == 1.0
        )
        .expect("a string");
    }
    fs::write(folder.join("probes.csv"), text).expect("the folder is ours");
    let limit = r#"{"lower_tps": 144000, "upper_tps": 146000, "slo": ["submit_to_reply p(99)<5s"],
        "binding_resource": "crypto_cores", "scenario": "global", "protocol": "jolteon", "dissemination": "batched"}"#;
    fs::write(folder.join("limit.json"), limit).expect("the folder is ours");
}

/// The figure's text, checked for what no figure may hold.
fn svg(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join("fig").join(name)).expect("written");
    assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    assert!(!text.contains("NaN") && !text.contains("inf\""), "{name}");
    assert_eq!(text.matches("<g ").count(), text.matches("</g>").count());
    text
}

/// Polylines of the lines themselves, by their groups.
fn line_parts(svg: &str) -> Vec<usize> {
    let groups = svg.split("<g id=\"line-").skip(1);
    groups.map(|group| group.split("</g>").next().unwrap_or(group).matches("<polyline").count()).collect()
}

fn assert_labels(svg: &str, labels: &[&str]) {
    for label in labels {
        assert!(svg.contains(&format!("\n{label}\n")) || svg.contains(&format!(">\n{label}")), "no `{label}`");
    }
}

#[test]
fn a_run_has_its_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_run(folder, 60_000);
    let written = figures_of_run(folder).expect("valid results");
    let names = ["throughput.svg", "backlog.svg", "latency.svg", "latency_cdf.svg", "latency_by_region.svg"];
    assert_eq!(written, names.map(|name| folder.join("fig").join(name)));
    assert_eq!(fs::read_dir(folder.join("fig")).expect("made").count(), 5, "no temporary file is left");

    let throughput = svg(folder, "throughput.svg");
    assert_labels(&throughput, &["virtual time (s)", "transactions per second (tx/s)", "80k", "warm-up", "drain"]);
    assert_labels(&throughput, &["offered (mean 72.6k tx/s)", "measured window"]);
    assert_eq!(line_parts(&throughput), [1, 1, 1]);
    let latency = svg(folder, "latency.svg");
    assert_labels(&latency, &["latency, submit → reply (s)", "p99", "p50"]);
    assert_eq!(line_parts(&latency), [1, 1]);
    let cdf = svg(folder, "latency_cdf.svg");
    assert_labels(&cdf, &["submit → visible: p50 ", "99.9 %", "500 ms", "latency (logarithmic)"]);
    assert_eq!(line_parts(&cdf), [1, 1, 1, 1]);
    let regions = svg(folder, "latency_by_region.svg");
    assert_labels(&regions, &["AFR: p50 ", "WPR: p50 "]);
    assert_eq!(line_parts(&regions), [1; 6]);

    let first: Vec<_> = written.iter().map(|path| fs::read(path).expect("written")).collect();
    figures_of_run(folder).expect("still valid");
    let second: Vec<_> = written.iter().map(|path| fs::read(path).expect("written")).collect();
    assert!(first == second, "the same results give the same bytes");
}

#[test]
fn a_search_has_its_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    write_limit(folder);
    let written = figures_of_limit(folder).expect("valid results");
    assert_eq!(written, ["goodput.svg", "latency_vs_load.svg"].map(|name| folder.join("fig").join(name)));
    let found = "saturates between 144k and 146k tx/s, bound by crypto cores";
    let goodput = svg(folder, "goodput.svg");
    assert_labels(&goodput, &["offered load (tx/s)", "offered (y = x)", "goodput", "100k", found]);
    assert_eq!(line_parts(&goodput), [1, 1, 1]);
    let latency = svg(folder, "latency_vs_load.svg");
    assert_labels(&latency, &["objective: p99 &lt; 5 s", "10 s", found]);
    assert_eq!(line_parts(&latency), [1, 1]);
}

#[test]
fn a_run_that_completes_nothing_still_has_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::write(folder.join("manifest.json"), MANIFEST).expect("the folder is ours");
    fs::write(folder.join("series.csv"), format!("{SERIES}0,0,0,0,,\n")).expect("the folder is ours");
    let tags = Definition::ALL.map(|definition| (definition.name().to_string(), histogram(1.0, 0.1, 0)));
    write_log(&folder.join("latency.hlog"), &tags);
    assert_eq!(figures_of_run(folder).expect("valid results").len(), 4, "no region is told apart");
    assert_labels(&svg(folder, "latency_cdf.svg"), &["submit → commit: nothing completed"]);
    assert_labels(&svg(folder, "latency.svg"), &["p50 (nothing completed)"]);
    assert_eq!(line_parts(&svg(folder, "throughput.svg")), [0, 0, 0], "one point is no line");

    fs::write(folder.join("probes.csv"), format!("{PROBES}1000,0,0,,,none,1,false\n")).expect("the folder is ours");
    let limit = r#"{"lower_tps": null, "upper_tps": 1000, "slo": [], "binding_resource": null}"#;
    fs::write(folder.join("limit.json"), limit).expect("the folder is ours");
    figures_of_limit(folder).expect("valid results");
    assert_labels(&svg(folder, "goodput.svg"), &["saturated at 1k tx/s already"]);
    svg(folder, "latency_vs_load.svg");
}

/// Breaks one file of a good run and expects an error that names it and says `what`, and no figures.
fn check_error(file: &str, content: &str, what: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_run(folder.path(), 100);
    write_limit(folder.path());
    let path = folder.path().join(file);
    if content.is_empty() {
        fs::remove_file(&path).expect("was written");
    } else {
        fs::write(&path, content).expect("the folder is ours");
    }
    let drawn = figures_of_run(folder.path()).and_then(|_| figures_of_limit(folder.path()));
    let error = drawn.expect_err(file).to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    assert!(error.contains(what), "{error}");
}

#[test]
fn bad_results_are_named() {
    for file in ["manifest.json", "series.csv", "latency.hlog", "probes.csv", "limit.json"] {
        check_error(file, "", "cannot read");
    }
    check_error("manifest.json", r#"{"scenario": "global"}"#, "missing field `protocol`");
    check_error("manifest.json", &MANIFEST.replace("30.0", "5.0"), "no window from 5 s to 5 s");
    check_error("series.csv", &SERIES.replace("rejected_tps", "refused"), "holds no rows");
    check_error("series.csv", "time_s,offered_tps\n0,1\n", "missing field `throughput_tps`");
    check_error("series.csv", &format!("{SERIES}0,NaN,0,0,,\n"), "row 1: `offered_tps` is NaN");
    check_error("series.csv", &format!("{SERIES}1,1,0,0,,\n1,1,0,0,,\n"), "row 2: `time_s` does not ascend");
    check_error("latency.hlog", "Tag=submit_to_reply,5.0,25.0,1.0,HISTF\n", "`submit_to_reply` is no base64");
    check_error("latency.hlog", "Tag=submit_to_reply,5.0,25.0,1.0,HIST\n", "`submit_to_reply` is no histogram");
    check_error("latency.hlog", "# empty\n", "no histogram is tagged `submit_to_commit`");
    check_error("latency.hlog", "garbage", "no interval log");
    check_error("probes.csv", &format!("{PROBES}0,0,0,,,none,1,true\n"), "`offered_tps` is 0");
    check_error("probes.csv", &format!("{PROBES}1,0,0,,,none,1,maybe\n"), "not `true` or `false`");
    check_error("limit.json", r#"{"lower_tps": 2, "upper_tps": 1, "slo": []}"#, "no bracket from 2 to 1 tx/s");
}
