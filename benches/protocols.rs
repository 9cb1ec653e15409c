//! How fast each protocol is simulated, and the goals at hundreds of replicas.
//!
//! `cargo bench --bench protocols` runs everything; `-- pbft` one protocol; `-- goals` the goals alone. Each case is a
//! process of its own, so that its peak memory is its own. Cryptography is modelled; one thread walks virtual time, and
//! one more makes the load.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use systole::base::Span;
use systole::engine::{Control, Progress, ProtocolKind, RunError, Setup, Timing, run};
use systole::scenario::{RunOptions, Scenario};

/// Replicas of the canonical cases. Where every message goes to everyone, 1,000 are a goal of its own.
const SIZES: [u32; 4] = [10, 50, 200, 1_000];
/// Wall time after which a canonical case is stopped.
const LONGEST: Duration = Duration::from_secs(8);
/// Virtual time of a canonical case.
const SIMULATED: Span = Span::from_secs(20);

/// The most memory that a goal may take.
const MOST_MIB: u64 = 2_048;

/// Protocol, replicas, blocks, seconds: the goals of simulating so many blocks.
const GOALS: [(&str, u32, u64, f64); 3] =
    [("hotstuff", 512, 100, 5.0), ("pbft", 512, 50, 10.0), ("pbft", 1_000, 20, 15.0)];

/// Protocol, replicas, seconds: the goals of simulating [`SIMULATED`], where rounds go on whether or not there is something
/// to order.
const TIMED_GOALS: [(&str, u32, f64); 4] =
    [("bullshark", 50, 5.0), ("mysticeti", 50, 5.0), ("mysticeti", 100, 15.0), ("mysticeti", 200, 60.0)];
/// Workers of a replica, where the layer has any.
const WORKERS: u32 = 4;

/// Stops a run after so many blocks, or after some wall time.
struct Stop {
    blocks: u64,
    started: Instant,
    longest: Duration,
    seen: Option<Progress>,
}

impl Control for Stop {
    fn proceed(&mut self, progress: &Progress) -> bool {
        self.seen = Some(*progress);
        progress.blocks < self.blocks && self.started.elapsed() < self.longest
    }
}

fn setup(protocol: ProtocolKind, replicas: u32, simulated: Span) -> (Scenario, Setup) {
    let workloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
    let settings = [
        format!("consensus.replicas={replicas}"),
        format!("consensus.protocol={}", protocol.name()),
        "world.load_tps=100".to_string(),
        format!("certified.workers={WORKERS}"),
    ];
    let scenario =
        Scenario::load(&workloads.join("regional.toml"), &settings).expect("the committed scenario is valid");
    let world = scenario.world().expect("the committed data are valid");
    let timing = Timing { warm_up: Span::ZERO, window: simulated, drain: Span::ZERO };
    let options = RunOptions { threads: 1, modelled: true, load_tps: None, timing: Some(timing) };
    let setup = scenario.setup(&world, &options).0;
    (scenario, setup)
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// One case, in this process: prints its line. With a number of blocks it ends there, with none after [`SIMULATED`], and
/// with the most there is also after [`LONGEST`].
fn case(protocol: &str, replicas: u32, blocks: u64) {
    let kind = *ProtocolKind::ALL.iter().find(|kind| kind.name() == protocol).expect("a registered protocol");
    let simulated = if matches!(blocks, 0 | u64::MAX) { SIMULATED } else { Span::from_secs(100_000) };
    let longest = if blocks == u64::MAX { LONGEST } else { Duration::from_secs(600) };
    let (scenario, setup) = setup(kind, replicas, simulated);
    let most = if blocks == 0 { u64::MAX } else { blocks };
    let mut stop = Stop { blocks: most, started: Instant::now(), longest, seen: None };
    let ended = run(kind, &scenario.file.protocols, &setup, &mut stop);
    let wall = stop.started.elapsed().as_secs_f64();
    let (events, simulated, done) = match (ended, stop.seen) {
        (Ok(outcome), _) => (outcome.events, outcome.ended.as_secs_f64(), outcome.counts.blocks_total),
        (Err(RunError::Interrupted(at)), Some(seen)) => (seen.events, at.as_secs_f64(), seen.blocks),
        (Err(error), _) => panic!("{protocol} with {replicas} replicas: {error}"),
    };
    println!(
        "{protocol:<11} {replicas:>5} replicas {done:>6} blocks {wall:>7.2} s {:>6.2} M events/s \
         {:>8.2} simulated s/s {:>6} MiB",
        events as f64 / wall / 1e6,
        simulated / wall,
        peak_mib()
    );
    if blocks != u64::MAX && peak_mib() > MOST_MIB {
        println!("            more memory than the {MOST_MIB} MiB aimed at");
    }
}

/// One case in a process of its own; its wall time.
fn apart(protocol: &str, replicas: u32, blocks: u64) -> f64 {
    let this = env::current_exe().expect("a running program has a path");
    let started = Instant::now();
    let arguments = ["case".to_string(), protocol.to_string(), replicas.to_string(), blocks.to_string()];
    let status = Command::new(this).args(arguments).status().expect("this program can be run again");
    if !status.success() {
        exit(1);
    }
    started.elapsed().as_secs_f64()
}

fn canonical(wanted: &dyn Fn(&str) -> bool) {
    for kind in ProtocolKind::ALL.iter().filter(|kind| wanted(kind.name())) {
        for replicas in SIZES {
            apart(kind.name(), replicas, u64::MAX);
        }
    }
}

fn goals() {
    for (protocol, replicas, blocks, goal_s) in GOALS {
        let wall = apart(protocol, replicas, blocks);
        let word = if wall <= goal_s { "reached" } else { "missed" };
        println!("            {blocks} blocks in at most {goal_s} s: {word}, {wall:.1} s with starting up");
    }
    for (protocol, replicas, goal_s) in TIMED_GOALS {
        let wall = apart(protocol, replicas, 0);
        let word = if wall <= goal_s { "reached" } else { "missed" };
        let simulated = SIMULATED.as_millis_f64() / 1e3;
        println!("            {simulated} s in at most {goal_s} s: {word}, {wall:.1} s with starting up");
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["case", protocol, replicas, blocks] => {
            let replicas = replicas.parse().expect("a number of replicas");
            case(protocol, replicas, blocks.parse().expect("a number of blocks"));
        }
        ["goals"] => goals(),
        [] => {
            canonical(&|_| true);
            goals();
        }
        ref names => canonical(&|name| names.contains(&name)),
    }
}
