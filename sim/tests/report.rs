//! `systole report`: from a small sweep to a page that a browser draws without an error, and to figures.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::product::{bad_line, good, planted, run, text, tree, write_regional};

/// Eight short points under a crash; four of each protocol.
const GRID: [&str; 13] = [
    "--set=world.hospitals=40",
    "--set=run.warm_up_s=0.5",
    "--set=run.window_s=1",
    "--set=run.drain_s=5",
    "--set=batch.max_delay_ms=50",
    "--vary",
    "consensus.protocol=jolteon,raft",
    "--load",
    "100,300",
    "--replicates",
    "2",
    "--modelled",
    "--quiet",
];
const FAULT: &str = "\n[[fault]]\nkind = \"crash\"\nreplica = 3\nat_s = 1.0\nrestart_s = 1.2\n";

/// The folder of the sweep, which no test changes.
fn whole() -> &'static Path {
    static WHOLE: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let root = tempfile::tempdir().expect("a temporary folder");
        let file = root.path().join("crash.toml");
        write_regional(&file, FAULT);
        let (file, out) = (file.display().to_string(), root.path().join("sweep").display().to_string());
        good(run("sweep", &[&[file.as_str(), "--out", &out][..], &GRID[..]].concat()));
        root
    };
    WHOLE.get_or_init(make).path()
}

/// A copy of the sweep's folder.
fn copied() -> TempDir {
    planted(&tree(&whole().join("sweep")))
}

fn report(folder: &Path, more: &[&str]) -> Output {
    run("report", &[&[folder.display().to_string().as_str()][..], more].concat())
}

/// Ids of the points of a folder, in the sweep's order.
fn ids(folder: &Path) -> Vec<String> {
    let sheet = fs::read(folder.join("sweep.json")).expect("the plan is there");
    let sheet: serde_json::Value = serde_json::from_slice(&sheet).expect("it is JSON");
    let points = sheet["points"].as_array().expect("it lists points");
    points.iter().map(|point| point["id"].as_str().expect("a point has an id").to_string()).collect()
}

/// The page's data.
fn data(folder: &Path) -> serde_json::Value {
    let page = fs::read_to_string(folder.join("report.html")).expect("the page is there");
    let (_, rest) = page.split_once("id=\"data\">").expect("it holds its data");
    let (data, _) = rest.split_once("</script>").expect("the data ends");
    serde_json::from_str(data).expect("they are JSON")
}

/// What headless Chromium makes of a page: the document after its scripts, and what it logged; nothing where no
/// Chromium is installed and nobody requires one.
fn opened(page: &Path, dark: bool) -> Option<(String, String)> {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.args(["--window-size=1200,900", "--virtual-time-budget=10000", "--enable-logging=stderr", "--v=0"]);
    chromium.args(dark.then_some("--blink-settings=preferredColorScheme=0"));
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.arg("--dump-dom").arg(format!("file://{}", page.display()));
    match chromium.output() {
        Ok(output) => Some((text(&output.stdout), text(&output.stderr))),
        Err(error) => {
            let required = env::var("SYSTOLE_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name == "chromium"));
            assert!(!required, "chromium is required and does not start: {error}");
            println!("chromium is not installed ({error}): that pages draw was not checked");
            None
        }
    }
}

/// Opens the page, light or dark, and expects that so many charts drew and nothing was logged.
fn assert_draws(folder: &Path, charts: usize, themes: &[bool]) {
    for &dark in themes {
        let Some((document, log)) = opened(&folder.join("report.html"), dark) else { return };
        let root = document.split("<head>").next().unwrap_or_default();
        for expected in
            [format!("data-charts=\"{charts}\""), format!("data-drawn=\"{charts}\""), "data-errors=\"0\"".into()]
        {
            assert!(root.contains(&expected), "{expected}: {root}\n{log}");
        }
        let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{console:?}");
        for table in ["Cells", "Points"] {
            assert!(document.contains(&format!("aria-label=\"{table}\"")), "{table}");
        }
    }
}

#[test]
fn a_sweep_becomes_a_page_that_draws_and_figures() {
    let copy = copied();
    let said = good(report(copy.path(), &["--json"]));
    let said: serde_json::Value = serde_json::from_str(&said).expect("it is JSON alone");
    assert_eq!((&said["points"], said["missing"].as_array().map(Vec::len)), (&8.into(), Some(0)));
    let figures = said["figures"].as_array().expect("figures are listed");
    for figure in figures {
        let path = Path::new(figure.as_str().expect("a path"));
        let picture = fs::read(path.with_extension("png")).expect("each is there as PNG too");
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{}", path.display());
    }
    assert_eq!(figures.len(), 12);
    assert_eq!(fs::read_dir(copy.path().join("fig")).expect("made").count(), 24, "no temporary file is left");
    let page = fs::read_to_string(copy.path().join("report.html")).expect("it is there");
    assert!(!page.contains("{{"), "everything is filled in");
    for outside in ["src=\"http", "href=\"http", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(outside), "the page asks for nothing: {outside}");
    }
    assert_draws(copy.path(), 9, &[false, true]);
    let again = page;
    good(report(copy.path(), &["--threads", "1", "--quiet"]));
    assert!(again == fs::read_to_string(copy.path().join("report.html")).expect("it is there"), "the same bytes");
}

#[test]
fn the_page_says_what_the_points_say() {
    let copy = copied();
    good(report(copy.path(), &["--quiet"]));
    let data = data(copy.path());
    let sweep = &data["sweep"];
    let names: Vec<&str> =
        sweep["variants"].as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).collect();
    assert_eq!(names, ["jolteon", "raft"]);
    let cell = &sweep["cells"][3];
    assert_eq!((&cell["variant"], &cell["load"], &cell["replicates"]), (&1.into(), &1.into(), &2.into()));
    assert_eq!(cell["faults"][0], serde_json::json!({"name": "crash, replica 3", "from_s": 1.0, "until_s": 1.2}));
    let table = copy.path().join("points.csv");
    let mut table = csv::Reader::from_path(table).expect("the table is there");
    let headers = table.headers().expect("it has a head").clone();
    let column = headers.iter().position(|name| name == "goodput_tps").expect("it has the column");
    let goodput: Vec<f64> =
        table.records().map(|row| row.expect("it is whole")[column].parse().expect("it is a number")).collect();
    let (a, b) = (goodput[6], goodput[7]);
    let mean = cell["goodput_tps"]["mean"].as_f64().expect("it is a number");
    let half = cell["goodput_tps"]["half_width_95"].as_f64().expect("two replicates have one");
    assert!((mean - (a + b) / 2.0).abs() < 1e-9);
    // Of two values half the interval is t(0.975, 1) times half their distance.
    assert!((half - 12.706_205 * (a - b).abs() / 2.0).abs() < 1e-3, "{half}");
    // The table of points says what the points say, to the last digit.
    let run = &cell["runs"][0];
    assert_eq!(run["goodput_tps"].as_f64(), Some(a));
    let manifest = copy.path().join("points").join(run["id"].as_str().expect("it has an id")).join("manifest.json");
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).expect("it is there")).expect("it is JSON");
    assert_eq!(run["seed"], manifest["seed"].to_string(), "a script's numbers end at 2^53");
    // Times are not rounded, so intervals stay alike.
    let times: Vec<f64> = run["series"]["time_s"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - (times[1] - times[0])).abs() < 1e-9), "{times:?}");
    let merged = cell["curves"]["submit_to_reply"]["count"].as_u64().expect("it is counted");
    let regions: u64 = cell["regions"].as_array().into_iter().flatten().filter_map(|r| r["count"].as_u64()).sum();
    assert_eq!(merged, regions, "every receipt is of a region");
}

/// What a search of the sweep's two variants could have left, by the build that made the sweep.
fn limits(sweep: &Path) -> Value {
    let sheet = fs::read(sweep.join("sweep.json")).expect("the plan is there");
    let sheet: Value = serde_json::from_slice(&sheet).expect("it is JSON");
    let variant = |protocol: &str, saturation: Value, bracket: [Option<f64>; 2], binding: &str| {
        json!({"varied": {"consensus.protocol": protocol}, "saturation_tps": saturation, "lower_tps": bracket[0],
            "upper_tps": bracket[1], "binding_resource": binding, "binding_in": 3, "binding_busy": 0.9, "busy": {},
            "advice": "", "replicates": []})
    };
    let raft = json!({"mean": 950.0, "half_width_95": 40.0});
    json!({"schema_version": 1, "tool_version": sheet["tool_version"], "git_commit": sheet["git_commit"],
        "scenario": sheet["scenario"], "replicates": 3, "slo": [], "fits": [], "variants": [
            variant("raft", raft, [Some(900.0), Some(990.0)], "replica_egress"),
            variant("jolteon", Value::Null, [None, Some(100.0)], "crypto_cores")]})
}

#[test]
fn saturation_is_that_of_a_search_where_one_is_given() {
    let copy = copied();
    good(report(copy.path(), &["--quiet"]));
    let bars = &data(copy.path())["sweep"]["saturation"];
    assert_eq!(bars["source"], "grid");
    assert_eq!(bars["bars"].as_array().map(Vec::len), Some(2));
    let searched = tempfile::tempdir().expect("a temporary folder");
    let (file, folder) = (searched.path().join("limits.json"), searched.path().display().to_string());
    let with = || report(copy.path(), &["--quiet", "--limits", &folder]);
    assert!(bad_line(with(), 2).contains("limits.json: is not there"));
    let mut limits = limits(copy.path());
    fs::write(&file, limits.to_string()).expect("it can be written");
    good(with());
    let saturation = &data(copy.path())["sweep"]["saturation"];
    assert_eq!((&saturation["source"], &saturation["bars"][0]["name"]), (&"limits".into(), &"raft".into()));
    assert_eq!((&saturation["bars"][0]["variant"], &saturation["bars"][1]["variant"]), (&1.into(), &0.into()));
    let figure = fs::read_to_string(copy.path().join("fig/saturation.svg")).expect("it is drawn");
    assert!(figure.contains("900 to 990 tx/s, replica egress") && figure.contains("below 100 tx/s, crypto cores"));
    assert_draws(copy.path(), 9, &[false]);
    for (key, what) in [("scenario", "`scenario` is other"), ("git_commit", "`git_commit` is other")] {
        let before = std::mem::replace(&mut limits[key], "other".into());
        fs::write(&file, limits.to_string()).expect("it can be written");
        assert!(bad_line(with(), 2).contains(what), "{key}");
        limits[key] = before;
    }
    fs::write(&file, "{").expect("it can be written");
    assert!(bad_line(with(), 1).contains("limits.json"));
}

#[test]
fn what_is_missing_is_said_and_the_rest_drawn() {
    let copy = copied();
    let ids = ids(copy.path());
    for id in &ids[2..5] {
        fs::remove_dir_all(copy.path().join("points").join(id)).expect("it was there");
    }
    let output = report(copy.path(), &[]);
    let told = text(&output.stderr);
    assert!(told.contains("3 of 8 points are missing"), "{told}");
    assert!(ids[2..5].iter().all(|id| told.contains(id.as_str())), "{told}");
    good(output);
    // Quiet, and as JSON: which are missing is in it, and standard error says nothing.
    let hushed = report(copy.path(), &["--json", "--quiet"]);
    assert_eq!(text(&hushed.stderr), "");
    let said: Value = serde_json::from_str(&good(hushed)).expect("it is JSON alone");
    assert_eq!(said["missing"].as_array().map(Vec::len), Some(3));
    let data = data(copy.path());
    assert_eq!(data["sweep"]["missing"].as_array().map(Vec::len), Some(3));
    assert_eq!(data["sweep"]["cells"].as_array().map(Vec::len), Some(3), "a cell without any point is left out");
    assert_draws(copy.path(), 9, &[false]);
    for id in &ids {
        // Some are gone already.
        drop(fs::remove_dir_all(copy.path().join("points").join(id)));
    }
    assert!(bad_line(report(copy.path(), &[]), 1).contains("none of its 8 points is there yet"));
}

#[test]
fn a_damaged_file_is_named_with_its_point_and_nothing_is_written() {
    let copy = copied();
    let ids = ids(copy.path());
    let folder = |nth: usize| copy.path().join("points").join(&ids[nth]);
    for (nth, name) in [(0, "summary.json"), (1, "series.csv"), (5, "latency.hlog")] {
        let path = folder(nth).join(name);
        let before = fs::read(&path).expect("it is there");
        let mut bytes = before.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).expect("it can be written");
        let said = bad_line(report(copy.path(), &[]), 1);
        assert!(said.contains(&ids[nth]) && said.contains(name), "{said}");
        assert_eq!(said.matches("again").count(), 1, "what to do is said once: {said}");
        fs::write(&path, before).expect("it can be written");
    }
    let manifest = folder(3).join("manifest.json");
    let before = fs::read(&manifest).expect("it is there");
    fs::copy(folder(2).join("manifest.json"), &manifest).expect("it can be swapped");
    let said = bad_line(report(copy.path(), &[]), 1);
    assert!(said.contains(&ids[3]), "{said}");
    fs::write(&manifest, before).expect("it can be written");
    assert!(!copy.path().join("report.html").exists() && !copy.path().join("fig").exists());
    let empty = tempfile::tempdir().expect("a temporary folder");
    let said = bad_line(report(empty.path(), &[]), 2);
    assert!(said.contains("neither sweep.json nor manifest.json"), "{said}");
    assert!(bad_line(report(&empty.path().join("nowhere"), &[]), 2).contains("nowhere"));
}

#[test]
fn a_run_has_a_page_too() {
    let copy = copied();
    let run = copy.path().join("points").join(&ids(copy.path())[0]);
    let said = good(report(&run, &[]));
    assert!(said.contains("report.html") && said.contains("8, as SVG and PNG"), "{said}");
    let data = data(&run);
    assert_eq!((&data["sweep"]["planned"], &data["sweep"]["variants"][0]["name"]), (&1.into(), &"jolteon".into()));
    assert_draws(&run, 5, &[false]);
    fs::write(run.join("summary.json"), "{}").expect("it can be written");
    let said = bad_line(report(&run, &[]), 1);
    assert!(said.contains("summary.json") && !said.contains("sweep`"), "{said}");
    assert_eq!(said.matches("again").count(), 1, "{said}");
}
