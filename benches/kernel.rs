//! The kernel against a plain binary heap, in one run, so that the ratio holds on any machine.
//!
//! `cargo bench --bench kernel` runs everything in about two minutes; `-- phold`, `-- votes` or `-- hold/agenda/100000`
//! run a part. Per workload: time per event or delivered vote, and bytes per pending one.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use systole::base::{NodeId, Span};
use systole::kernel::agenda::reference::Reference;
use systole::kernel::draw::{LogNormal, Site, below, draw, exponential, normal};
use systole::kernel::workloads::hold::Hold;
use systole::kernel::workloads::phold::Phold;
use systole::kernel::workloads::votes::{Carrier, OneByOne, Round};
use systole::kernel::{Agenda, Queue, Schedule};

/// Events per timed batch: long enough to forget the clock, short enough for many samples.
const BATCH: u64 = 10_000;

fn hold<Q: Queue<u64>>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(BATCH));
    for pending in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        // Filling ten million events is dear: only when asked for, once, and freed before the next.
        let mut hold = None;
        group.bench_function(BenchmarkId::new(name, pending), |bencher| {
            let hold = hold.get_or_insert_with(|| Hold::<Q>::new(pending));
            bencher.iter(|| hold.run(BATCH));
        });
        if let Some(hold) = hold {
            println!("hold/{name}/{pending}: {:.1} bytes per pending event", hold.bytes_per_event());
        }
    }
}

fn phold<Q: Queue<NodeId>>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("phold");
    group.throughput(Throughput::Elements(BATCH));
    for (nodes, pending) in [(1_000, 1_000), (10_000, 10_000), (10_000, 100_000), (100_000, 1_000_000)] {
        let mut phold = None;
        group.bench_function(BenchmarkId::new(name, format!("{nodes}x{pending}")), |bencher| {
            let phold = phold.get_or_insert_with(|| {
                let mut phold = Phold::<Q>::new(nodes, pending);
                phold.run(2 * pending);
                phold
            });
            bencher.iter(|| phold.run(BATCH));
        });
    }
}

fn votes<C: Carrier>(criterion: &mut Criterion, name: &str) -> Option<u64> {
    const NODES: u32 = 1_000;
    // A proposal and the other nodes' prepares, which the proposer does not send, then everyone's commits.
    let delivered = u64::from(NODES - 1) * u64::from(2 * NODES);
    let mut group = criterion.benchmark_group("votes");
    group.throughput(Throughput::Elements(delivered));
    let mut state = None;
    group.bench_function(BenchmarkId::new(name, NODES), |bencher| {
        let (round, _) = state.get_or_insert_with(|| {
            let mut round = Round::<C>::new(NODES);
            // The first round touches fresh memory; its digest and peak stand for all.
            let mut peak = (0, 0);
            let outcome = round.run(|carrier| peak = peak.max((carrier.pending(), carrier.bytes())));
            assert_eq!(outcome.delivered, delivered);
            println!("votes/{name}: {:.1} bytes per pending vote at its peak", peak.1 as f64 / peak.0 as f64);
            (round, outcome)
        });
        bencher.iter_custom(|rounds| {
            let start = Instant::now();
            (0..rounds).for_each(|_| _ = round.run(|_| ()));
            start.elapsed()
        });
    });
    state.map(|(_, outcome)| outcome.digest)
}

fn queues(criterion: &mut Criterion) {
    hold::<Agenda<u64>>(criterion, "agenda");
    hold::<Reference<u64>>(criterion, "binary_heap");
    phold::<Agenda<NodeId>>(criterion, "agenda");
    phold::<Reference<NodeId>>(criterion, "binary_heap");
}

fn rounds(criterion: &mut Criterion) {
    let multicast = votes::<Schedule<u32>>(criterion, "multicast");
    let agenda = votes::<OneByOne<Agenda<(NodeId, u32)>>>(criterion, "event_per_message_agenda");
    let heap = votes::<OneByOne<Reference<(NodeId, u32)>>>(criterion, "event_per_message_binary_heap");
    let ran: Vec<u64> = [multicast, agenda, heap].into_iter().flatten().collect();
    assert!(ran.windows(2).all(|pair| pair[0] == pair[1]), "every carrier comes to the same round: {ran:x?}");
}

fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    group.throughput(Throughput::Elements(1000));
    let mut sum_of = |name: &str, value: &dyn Fn(u64) -> u64| {
        group
            .bench_function(name, |bencher| bencher.iter(|| (0..1000).fold(0u64, |sum, i| sum.wrapping_add(value(i)))));
    };
    let bits = |i: u64| draw(1, Site::Jitter, i, 2, 3);
    let spread = LogNormal::new(Span::from_millis(10), 0.5);
    sum_of("bits", &bits);
    sum_of("below", &|i| below(1000, bits(i)));
    sum_of("exponential", &|i| exponential(Span::from_millis(1), bits(i)).0);
    sum_of("normal", &|i| normal(bits(i)) as u64);
    sum_of("log_normal", &|i| spread.span(bits(i)).0);
}

criterion_group! {
    name = kernel;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(2));
    targets = queues, rounds, draws
}
criterion_main!(kernel);
