//! What the healthcare ledger costs this host: transactions generated, calls executed, rows of state committed.
//!
//! The load is the world's (mix c1, 5,000 hospitals), as `workloads/global.toml` has it. One core, nothing signed.

use std::hint::black_box;
use std::ops::Range;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use systole::base::{Height, Time};
use systole::crypto::StateMap;
use systole::engine::Setup;
use systole::health::{Call, Contracts, Signed, Stream, StreamSettings, Write};
use systole::scenario::{RunOptions, Scenario};

/// Slices that are executed: some 30,000 transactions, four tenths of a second of the world.
const SLICES: u64 = 64;
/// Slices that are executed before, untimed: six seconds of the world, in which cases have come to their last stages.
const WARM_UP: u64 = 900;
/// Transactions of a block, about what Jolteon commits at the world's load.
const BLOCK: usize = 10_000;

fn global() -> Setup {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/global.toml");
    let scenario = Scenario::load(&path, &[]).expect("a shipped scenario is valid");
    let world = scenario.world().expect("the shipped data is whole");
    scenario.setup(&world, &RunOptions { threads: 0, modelled: true, load_tps: None, timing: None }).0
}

fn stream(setup: &Setup) -> Stream {
    let settings = StreamSettings {
        seed: setup.seed,
        weight: 1,
        until: Time::NEVER,
        injection: setup.injection,
        on_ledger: false,
        real: false,
    };
    Stream::new(setup.load.clone(), setup.kinds.clone(), setup.people.clone(), settings)
}

/// Calls in the order of their arrival.
fn calls(stream: &Stream, slices: Range<u64>) -> Vec<(Signed, Call)> {
    let of = |slice: u64| {
        let slice = stream.slice(slice);
        let signed = |(tx, part): (systole::ledger::Transaction, systole::health::Part)| {
            (Signed { by: tx.hospital, at: tx.submitted, bytes: tx.wire }, part.call)
        };
        slice.transactions.into_iter().zip(slice.parts).map(signed).collect::<Vec<_>>()
    };
    slices.flat_map(of).collect()
}

/// The contracts after the warm-up, and the calls to come.
fn warmed(setup: &Setup) -> (Contracts, Vec<(Signed, Call)>) {
    let stream = stream(setup);
    let mut contracts = Contracts::new(setup.people.clone());
    for (signed, call) in calls(&stream, 0..WARM_UP) {
        let _verdict = contracts.execute(signed, &call);
    }
    contracts.settle(&mut Vec::new());
    (contracts, calls(&stream, WARM_UP..WARM_UP + SLICES))
}

/// What each block of some calls writes.
fn blocks(mut contracts: Contracts, calls: &[(Signed, Call)]) -> Vec<Vec<Write>> {
    let mut block = |(height, calls): (u64, &[(Signed, Call)])| {
        contracts.begin(Height(height));
        for (signed, call) in calls {
            let _verdict = contracts.execute(*signed, call);
        }
        let mut writes = Vec::new();
        contracts.settle(&mut writes);
        writes
    };
    (1u64..).zip(calls.chunks(BLOCK)).map(&mut block).collect()
}

fn generator(criterion: &mut Criterion) {
    let setup = global();
    let stream = stream(&setup);
    let made = stream.slice(4_000).transactions.len() as u64;
    let mut group = criterion.benchmark_group("generator");
    group.throughput(Throughput::Elements(made)).sample_size(20);
    group.bench_function("slice", |bencher| bencher.iter(|| black_box(stream.slice(black_box(4_000)))));
    group.finish();
}

fn execution(criterion: &mut Criterion) {
    let (contracts, calls) = warmed(&global());
    let mut again = contracts.clone();
    let done = calls.iter().filter(|(signed, call)| again.execute(*signed, call).is_ok()).count();
    eprintln!("{done} of {} calls are done, the others refused", calls.len());
    let mut group = criterion.benchmark_group("contracts");
    group.throughput(Throughput::Elements(calls.len() as u64)).sample_size(20);
    group.bench_function("execute", |bencher| {
        bencher.iter_batched(
            || contracts.clone(),
            |mut contracts| {
                for (signed, call) in &calls {
                    let _verdict = black_box(contracts.execute(*signed, call));
                }
                contracts
            },
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

fn commitment(criterion: &mut Criterion) {
    let (contracts, calls) = warmed(&global());
    let blocks = blocks(contracts, &calls);
    let rows: u64 = blocks.iter().map(|writes| writes.len() as u64).sum();
    eprintln!("{rows} rows in {} blocks of {BLOCK} transactions", blocks.len());
    let mut group = criterion.benchmark_group("state");
    group.throughput(Throughput::Elements(rows)).sample_size(10);
    group.bench_function("commit", |bencher| {
        bencher.iter_batched(
            || blocks.clone(),
            |blocks| {
                let mut map = StateMap::default();
                for writes in blocks {
                    black_box(map.put(writes.into_iter().map(|write| (write.key, write.value))));
                }
                map
            },
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

criterion_group!(benches, generator, execution, commitment);
criterion_main!(benches);
