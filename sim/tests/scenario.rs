//! Bad input: every message names the place, what is wrong, and what to write instead.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use systole::scenario::Scenario;

use crate::runs::workloads;

const GOOD: &str = "name = \"small\"\n\n[world]\nhospitals = 40\nload_tps = 400\n\n[consensus]\nreplicas = 4\n";

fn message(text: &str, settings: &[&str]) -> String {
    let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
    match Scenario::parse("small.toml", text, &workloads(), &settings) {
        Ok(_) => "no error".into(),
        Err(error) => error.to_string(),
    }
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&message(text, &[]));
}

fn check_setting(setting: &str, expected: Expect) {
    expected.assert_eq(&message(GOOD, &[setting]));
}

#[test]
fn the_shipped_scenarios_and_this_one_are_good() {
    assert_eq!(message(GOOD, &["consensus.replicas=7"]), "no error");
    for name in ["global.toml", "regional.toml", "replay.toml"] {
        Scenario::load(&workloads().join(name), &[]).expect("a shipped scenario is valid");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_what_was_meant() {
    check(
        &GOOD.replace("load_tps", "load_tsp"),
        expect![
            "small.toml:5:1: unknown key `load_tsp`; did you mean `load_tps`? known here: data, hospitals, regions, mix, hour_of_week, span, lapse, digitised, only, extra, scale, load_tps, burst, outages, near_km"
        ],
    );
    check(
        &GOOD.replace("[consensus]", "[consenus]"),
        expect![
            "small.toml:7:2: unknown key `consenus`; did you mean `consensus`? known here: name, seed, world, surge, workload, people, consensus, protocol, ledger, batch, block, gossip, certified, mempool, replica, link, crypto, run, slo, limit, sweep, prices, inject, fault"
        ],
    );
    check(
        &(GOOD.to_string() + "colour = 1\n"),
        expect!["small.toml:9:1: unknown key `colour`; known here: protocol, dissemination, replicas"],
    );
}

#[test]
fn an_unknown_value_is_named_with_what_is_known() {
    check(
        &(GOOD.to_string() + "protocol = \"jolten\"\n"),
        expect![
            "small.toml:9:12: unknown value `jolten`; did you mean `jolteon`? known here: jolteon, hotstuff, hotstuff2, pbft, raft, qbft, tendermint, tusk, bullshark, mysticeti, central, calendar, sharded"
        ],
    );
    check(
        &(GOOD.to_string() + "protocol = \"paxos\"\n"),
        expect![
            "small.toml:9:12: unknown value `paxos`; known here: jolteon, hotstuff, hotstuff2, pbft, raft, qbft, tendermint, tusk, bullshark, mysticeti, central, calendar, sharded"
        ],
    );
    check(
        &(GOOD.to_string() + "dissemination = \"gossip\"\n"),
        expect!["small.toml:9:17: `jolteon` does not run over `gossip`, but over: leader, batched, certified"],
    );
}

#[test]
fn impossible_numbers_are_refused_with_their_range() {
    check(
        &GOOD.replace("load_tps = 400", "load_tps = -400"),
        expect!["small.toml:5:12: `world.load_tps` must be between 0.01 and 50000000, not -400"],
    );
    check(
        &GOOD.replace("load_tps = 400", "load_tps = nan"),
        expect!["small.toml:5:12: `world.load_tps` must be between 0.01 and 50000000, not NaN"],
    );
    check(
        &GOOD.replace("hospitals = 40", "hospitals = 0"),
        expect!["small.toml:4:13: `world.hospitals` must be between 1 and 5000, not 0"],
    );
    check(
        &GOOD.replace("replicas = 4", "replicas = 4000000"),
        expect!["small.toml:8:12: `consensus.replicas` must be between 2 and 2000, not 4000000"],
    );
    check(
        &GOOD.replace("replicas = 4", "replicas = 1"),
        expect!["small.toml:8:12: `consensus.replicas` must be between 2 and 2000, not 1"],
    );
    check(
        &(GOOD.to_string() + "[run]\nwindow_s = -1\n"),
        expect!["small.toml:10:12: `run.window_s` must be between 0.001 and 31622400, not -1"],
    );
    check(
        &(GOOD.to_string() + "[inject]\nforged = 1.5\n"),
        expect!["small.toml:10:10: `inject.forged` must be at least 0 and below 1, not 1.5"],
    );
}

#[test]
fn a_value_of_the_wrong_type_and_text_that_is_no_toml_are_named_with_their_place() {
    check(
        &GOOD.replace("hospitals = 40", "hospitals = \"many\""),
        expect![[r#"small.toml:4:13: invalid type: string "many", expected u32"#]],
    );
    check(&GOOD.replace("hospitals = 40", "hospitals 40"), expect!["small.toml:4:11: key with no value, expected `=`"]);
    check("", expect!["small.toml:1:1: missing field `name`"]);
    check(
        "name = \"../escape\"\n",
        expect!["small.toml:1:8: `name` must be made of letters, digits, `-` and `_`, not `../escape`"],
    );
}

#[test]
fn a_threshold_that_is_none_is_shown_how_to_write_one() {
    check(
        &(GOOD.to_string() + "[slo]\nthresholds = [\"p99 under 5s\"]\n"),
        expect![
            "small.toml:10:14: `p99 under 5s` is no threshold; write `p(99)<5s`, or `submit_to_visible p(99.9)<800ms`"
        ],
    );
}

#[test]
fn impossible_faults_are_refused() {
    let fault = |body: &str| GOOD.to_string() + "[[fault]]\n" + body;
    check(
        &fault("kind = \"crash\"\nreplica = 9\nat_s = 1\n"),
        expect!["small.toml:9:1: a fault names replica 9; there are 4, numbered from 0"],
    );
    check(
        &fault("kind = \"crash\"\nreplica = 1\nat_s = -1\n"),
        expect!["small.toml:9:1: a fault's times must be 0 or above, and it must not end before it begins"],
    );
    check(
        &fault("kind = \"partition\"\nside = [1]\nfrom_s = 5\nuntil_s = 1\n"),
        expect!["small.toml:9:1: a fault's times must be 0 or above, and it must not end before it begins"],
    );
    check(
        &fault("kind = \"meteor\"\nreplica = 1\n"),
        expect![
            "small.toml:10:8: unknown value `meteor`; known here: crash, pause, slow_cpu, links, partition, outage, twins, silent_leader, withhold, impostor, invalid_signatures, censor"
        ],
    );
    check(
        &fault("kind = \"crash\"\nreplica = 1\nat_s = 1\nuntil_s = 2\n"),
        expect!["small.toml:9:1: unknown key `until_s`; known here: replica, at_s, restart_s"],
    );
}

#[test]
fn a_bad_override_is_named_as_it_was_given() {
    check_setting(
        "consensus.replica=7",
        expect![
            "--set consensus.replica=7: unknown key `replica`; did you mean `replicas`? known here: protocol, dissemination, replicas"
        ],
    );
    check_setting(
        "world.load_tps=-5",
        expect!["--set world.load_tps=-5: `world.load_tps` must be between 0.01 and 50000000, not -5"],
    );
    check_setting(
        "consensus.protocol=jolten",
        expect![
            "--set consensus.protocol=jolten: unknown value `jolten`; did you mean `jolteon`? known here: jolteon, hotstuff, hotstuff2, pbft, raft, qbft, tendermint, tusk, bullshark, mysticeti, central, calendar, sharded"
        ],
    );
    check_setting(
        "consensus.replicas",
        expect!["--set consensus.replicas: this is no key=value; write key=value, such as consensus.replicas=16"],
    );
    check_setting(
        "name.first=x",
        expect!["--set name.first=x: `name` is no table; write key=value, such as consensus.replicas=16"],
    );
    check_setting(
        "=5",
        expect!["--set =5: the key is empty, or a part of it is; write key=value, such as consensus.replicas=16"],
    );
}

#[test]
fn overrides_are_applied_together_and_the_one_that_spoils_is_named() {
    // `jolteon` does not run over `gossip`, and `tusk` only over `certified`.
    let either = ["consensus.dissemination=certified", "consensus.protocol=tusk"];
    assert_eq!(message(GOOD, &either), "no error");
    assert_eq!(message(GOOD, &[either[1], either[0]]), "no error");
    let surge = ["surge.profile=pandemic", "surge.country=IN", "surge.factor=national"];
    assert_eq!(message(GOOD, &surge), "no error");
    expect![[r#"--set surge.country=IN: `surge.country` needs `factor = "national"`: a surge of the world strikes all countries alike"#]]
        .assert_eq(&message(GOOD, &surge[..2]));
    expect!["--set consensus.replicas=1: `consensus.replicas` must be between 2 and 2000, not 1"]
        .assert_eq(&message(GOOD, &["consensus.replicas=1", "seed=9"]));
    expect!["small.toml:4:13: `world.hospitals` must be between 1 and 5000, not 0"]
        .assert_eq(&message(&GOOD.replace("hospitals = 40", "hospitals = 0"), &["seed=9"]));
    let repaired = message(&GOOD.replace("hospitals = 40", "hospitals = 0"), &["seed=9", "world.hospitals=4"]);
    assert_eq!(repaired, "no error");
}

/// A folder with the shipped data, to spoil.
fn spoiled(file: &str, spoil: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&workloads().join("data"), &folder.path().join("data"));
    spoil(&folder.path().join("data").join(file));
    let scenario = Scenario::parse("small.toml", GOOD, folder.path(), &[]).expect("the text is good");
    let message = scenario.world().map(|_| "no error".to_string()).unwrap_or_else(|error| error.to_string());
    message.replace(&folder.path().display().to_string(), "FOLDER")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder is writable");
    for entry in fs::read_dir(from).expect("the data folder is readable") {
        let path: PathBuf = entry.expect("an entry is readable").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a data file is copied");
        }
    }
}

/// Replaces the first `from` in a file.
fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a data file is text");
    assert!(text.contains(from), "{} lacks {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("a copy is writable");
}

#[test]
fn a_missing_data_folder_or_file_is_named() {
    let scenario =
        Scenario::parse("small.toml", &GOOD.replace("[world]", "[world]\ndata = \"nowhere\""), Path::new("."), &[]);
    let error = scenario.expect("the text is good").world().expect_err("there is no such folder");
    expect!["./nowhere/health/tx_taxonomy.csv: cannot read: No such file or directory (os error 2)"]
        .assert_eq(&error.to_string());
    expect!["FOLDER/data/health/mixes.csv: cannot read: No such file or directory (os error 2)"]
        .assert_eq(&spoiled("health/mixes.csv", |path| fs::remove_file(path).expect("it was copied")));
    let error = Scenario::load(Path::new("nowhere.toml"), &[]).expect_err("there is no such file");
    expect!["nowhere.toml: cannot read: No such file or directory (os error 2)"].assert_eq(&error.to_string());
}

#[test]
fn a_corrupt_row_is_named_with_its_line() {
    let metros = "health/metros_60.csv";
    let first_latitude = |path: &Path| {
        let text = fs::read_to_string(path).expect("a data file is text");
        let column = text.lines().next().expect("a header").split(',').position(|name| name == "lat");
        let row = text.lines().nth(1).expect("a row");
        row.split(',').nth(column.expect("a latitude")).expect("a cell").to_string()
    };
    expect!["FOLDER/data/health/metros_60.csv: CSV deserialize error: record 1 (line: 2, byte: 147): field 3: invalid float literal"].assert_eq(&spoiled(metros, |path| replace(path, &first_latitude(path), "north")));
    expect!["FOLDER/data/health/class_kinds.csv: `witchcraft` is no kind of tx_taxonomy.csv"].assert_eq(&spoiled(
        "health/class_kinds.csv",
        |path| {
            let text = fs::read_to_string(path).expect("a data file is text");
            let kind = text.lines().nth(1).expect("a row").split(',').nth(1).expect("a kind").to_string();
            replace(path, &kind, "witchcraft");
        },
    ));
    expect!["FOLDER/data/health/metro_rtt_ms_modelled.csv: 540 values are no square of 60 names"].assert_eq(&spoiled(
        "health/metro_rtt_ms_modelled.csv",
        |path| {
            let text = fs::read_to_string(path).expect("a data file is text");
            fs::write(path, text.lines().take(10).collect::<Vec<_>>().join("\n")).expect("a copy is writable");
        },
    ));
}

#[test]
fn an_unknown_mix_or_cost_table_is_named() {
    let scenario = Scenario::parse("small.toml", GOOD, &workloads(), &["world.mix=c9".into()]).expect("mixes are data");
    let error = scenario.world().expect_err("there is no such mix").to_string();
    expect!["WORKLOADS/data/health/mixes.csv: it lacks the mix `c9`; it has a1, a2, b1, b2, b3, c1, c2, c3"]
        .assert_eq(&error.replace(&workloads().display().to_string(), "WORKLOADS"));
    let error = message(GOOD, &["crypto.costs=abacus.toml"]);
    expect!["WORKLOADS/abacus.toml: cannot read: No such file or directory (os error 2)"]
        .assert_eq(&error.replace(&workloads().display().to_string(), "WORKLOADS"));
}

#[test]
fn a_calendar_that_does_not_fit_the_run_is_refused_with_what_would() {
    check_setting(
        "world.span=month",
        expect!["--set world.span=month: unknown value `month`; known here: hour, day, week"],
    );
    check(
        &GOOD.replace("load_tps", "span = \"day\"\nlapse = 5000\nload_tps"),
        expect![
            "small.toml:6:9: `world.lapse` must be at most 2880: hospitals submit for 30 s, and `world.span` lasts 86400 s, not 5000"
        ],
    );
    check_setting(
        "world.lapse=0",
        expect!["--set world.lapse=0: `world.lapse` must be between 0.001 and 1000000, not 0"],
    );
    check_setting("world.burst=-1", expect!["--set world.burst=-1: `world.burst` must be between 0 and 4, not -1"]);
    check_setting(
        "world.digitised=tomorrow",
        expect!["--set world.digitised=tomorrow: unknown value `tomorrow`; known here: full, today"],
    );
    check(
        &GOOD.replace("load_tps", "regions = [\"AFR\", \"EURO\"]\nload_tps"),
        expect!["small.toml:5:19: unknown value `EURO`; did you mean `EUR`? known here: AFR, AMR, EMR, EUR, SEAR, WPR"],
    );
    assert_eq!(message(GOOD, &["world.lapse=5000"]), "no error", "an hour stays what it is");
}

#[test]
fn a_surge_is_refused_where_it_strikes_nobody_or_everybody() {
    let surge = |keys: &str| GOOD.to_string() + "[surge]\n" + keys;
    check(&surge("factor = \"world\"\n"), expect!["small.toml:9:1: missing field `profile`"]);
    check(
        &surge("profile = \"pandemic\"\nfactor = \"national\"\n"),
        expect![[
            r#"small.toml:9:1: `surge.country` must name the country that is struck most, such as "IN", with `factor = "national"`"#
        ]],
    );
    check(
        &surge("profile = \"pandemic\"\ncountry = \"IN\"\n"),
        expect![[
            r#"small.toml:11:11: `surge.country` needs `factor = "national"`: a surge of the world strikes all countries alike"#
        ]],
    );
    check(
        &surge("profile = \"pandemic\"\nday_s = 0\n"),
        expect!["small.toml:11:9: `surge.day_s` must be between 0.001 and 86400, not 0"],
    );
    check(&surge("profile = \"plague\"\n"), expect!["small.toml:10:11: unknown value `plague`; known here: pandemic"]);
}

/// What the data files say to a scenario that parses.
fn told(text: &str, settings: &[&str]) -> String {
    let settings: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
    let scenario = Scenario::parse("small.toml", text, &workloads(), &settings).expect("only the data can tell");
    scenario.world().map(|_| "no error".to_string()).unwrap_or_else(|error| error.to_string())
}

#[test]
fn names_that_the_data_files_lack_are_told_with_their_place_and_what_was_meant() {
    let world = |keys: &str| GOOD.replace("load_tps", &format!("{keys}\nload_tps"));
    expect!["small.toml:5:9: `pack.recal` is no kind of transaction; did you mean `pack.recall`?"]
        .assert_eq(&told(&world("extra = { \"pack.recal\" = 0.5 }"), &[]));
    expect!["small.toml:5:8: `witchcraft` is no kind or family of kinds; known here: record.*, consent.*, access.*, share.*, rx.*, pack.*, immunization.*, claim.*, trial.*, device.*, tele.*, data.*, surveillance.*, governance.*, node.*, record.encounter, record.observation, record.procedure, record.diagnostic_report, record.condition, record.care_plan, record.document, record.batch_root, record.amend, record.erase, consent.grant, consent.revoke, consent.renew, consent.deny, access.read, access.query, access.write, access.break_glass, share.request, share.disclose, share.acknowledge, rx.prescribe, rx.dispense, pack.decommission, pack.commission, pack.aggregate, pack.ship, pack.receive, pack.unpack, pack.verify, pack.sensor, pack.transform, pack.recall, pack.suspect, immunization.record, claim.eligibility, claim.submit, claim.service_confirm, claim.adjudicate, claim.pay, trial.consent, trial.capture, trial.pay, trial.withdraw, device.batch_root, …"].assert_eq(&told(&world("only = [\"claim.*\", \"witchcraft\"]"), &[]));
    expect![[r#"--set world.only=["clam.*"]: `clam.*` is no kind or family of kinds; did you mean `claim.*`?"#]]
        .assert_eq(&told(GOOD, &["world.only=[\"clam.*\"]"]));
    expect!["small.toml:5:8: no kind of `world.only` has any load in the mix `c1`; name others, or `extra`"]
        .assert_eq(&told(&world("only = [\"device.sample\"]"), &[]));
    let surge = GOOD.to_string() + "[surge]\nprofile = \"pandemic\"\nfactor = \"national\"\ncountry = \"XX\"\n";
    let countries = told(&surge, &[]);
    assert!(
        countries.starts_with("small.toml:12:11: `XX` is no country with a hospital in this run; known here: AE, ")
    );
    let good = world("only = [\"claim.*\", \"pack.ship\"]\nextra = { \"pack.recall\" = 0.5 }");
    assert_eq!(told(&good, &[]), "no error");
}

#[test]
fn a_load_whose_arrivals_cannot_be_told_apart_is_refused() {
    let settings = ["world.extra={\"device.alert\"=5e7}", "world.scale=500"].map(String::from);
    let path = crate::runs::workloads().join("global.toml");
    let scenario = Scenario::load(&path, &settings).expect("each key by itself is in its bounds");
    let error = scenario.world().map(drop).expect_err("together they are not").to_string();
    assert!(error.contains("transactions/s, more than 1000000000; scale it down"), "{error}");
}
