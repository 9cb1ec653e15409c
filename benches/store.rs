//! What it costs to keep a point's results, synced to the disk of the build folder, and to read them back.
//!
//! `cargo bench --bench store`. The point is a small one of `workloads/regional.toml`: what is kept hardly grows with it.

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use systole::engine::Unwatched;
use systole::experiment::{HostFacts, Point, Store, Summary, simulate};
use systole::scenario::{RunOptions, Scenario};
use tempfile::TempDir;

fn simulated() -> (Scenario, Point, Summary) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/regional.toml");
    let settings = ["world.hospitals=4", "run.warm_up_s=0.2", "run.window_s=0.5", "run.drain_s=2"].map(String::from);
    let scenario = Scenario::load(&file, &settings).expect("the committed scenario is valid");
    let world = scenario.world().expect("the committed data are valid");
    let options = RunOptions { threads: 1, modelled: true, load_tps: None, timing: None };
    let point = simulate(&scenario, &world, &options, &mut Unwatched).expect("nothing is wrong with it");
    let summary = Summary::of(&scenario, &world, &point, HostFacts::default());
    (scenario, point, summary)
}

fn store(c: &mut Criterion) {
    let (scenario, point, summary) = simulated();
    // Not where temporary files are: those may be in memory.
    let folder = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder can be written");
    let keep = |folder: &TempDir| {
        let kept = Store::new(folder.path(), "bench").keep(&scenario, &point, &summary);
        kept.expect("the disk takes it")
    };
    let mut group = c.benchmark_group("store");
    group.bench_function("keep", |b| {
        b.iter_batched_ref(folder, |folder| keep(folder), BatchSize::PerIteration);
    });
    let kept = folder();
    let path = keep(&kept);
    group.bench_function("read", |b| b.iter(|| Store::read(black_box(&path)).expect("it was just kept")));
    group.finish();
}

criterion_group!(benches, store);
criterion_main!(benches);
