//! Crypto on one core, its peers in the same run, and the pipeline on the worker pool: `cargo bench --bench crypto`.
//!
//! Messages are 32-byte BLAKE3 ids; keys, messages and signatures rotate over 1,024 distinct values, since one hot
//! signature flatters. Absolute figures move with the CPU (AVX-512 IFMA halves verification) and with neighbours on
//! the host: compare rows of one run. The last lines give the pipeline's rate as a percentage of the serial loop's
//! times the cores.

use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rand_core::{TryCryptoRng, TryRng};
use systole::base::Digest;
use systole::crypto::{BATCH, Item, Keypair, Role, Signature, merkle, sign_all, verify_batch};
use systole::kernel::pool::InOrder;

const DISTINCT: usize = 1024;
/// Bytes of a transaction whose id is signed.
const BODY: usize = 256;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let signed = Signed::new();
    signing(&mut criterion, &signed);
    verifying(&mut criterion, &signed);
    batches(&mut criterion, &signed);
    hashing(&mut criterion);
    roots(&mut criterion);
    // Criterion's filter, for the one row that is not Criterion's: run by default and by its name.
    if std::env::args().skip(1).all(|argument| argument == "--bench" || argument == "pipeline") {
        pipeline();
    }
    criterion.final_summary();
}

struct Signed {
    keys: Vec<Keypair>,
    ids: Vec<Digest>,
    signatures: Vec<Signature>,
}

impl Signed {
    fn new() -> Signed {
        let keys: Vec<Keypair> = (0..DISTINCT as u32).map(|i| Keypair::derive(1, Role::Hospital, i)).collect();
        let ids: Vec<Digest> = (0..DISTINCT as u64).map(|i| Digest::of(&i.to_le_bytes())).collect();
        let signatures = keys.iter().zip(&ids).map(|(key, id)| key.sign(&id.0)).collect();
        Signed { keys, ids, signatures }
    }

    fn items(&self) -> Vec<Item<'_>> {
        let item =
            |i: usize| Item { key: self.keys[i].public(), message: &self.ids[i].0, signature: &self.signatures[i] };
        (0..DISTINCT).map(item).collect()
    }
}

fn signing(criterion: &mut Criterion, signed: &Signed) {
    let mut group = criterion.benchmark_group("sign");
    group.throughput(Throughput::Elements(1));
    let mut next = (0..DISTINCT).cycle();
    group.bench_function("one", |bencher| {
        bencher.iter(|| {
            let i = next.next().expect("endless");
            signed.keys[i].sign(&signed.ids[i].0)
        });
    });
    let dalek: Vec<ed25519_dalek::SigningKey> =
        (0..DISTINCT).map(|i| ed25519_dalek::SigningKey::from_bytes(&signed.ids[i].0)).collect();
    group.bench_function("peer: ed25519-dalek", |bencher| {
        bencher.iter(|| {
            let i = next.next().expect("endless");
            ed25519_dalek::Signer::sign(&dalek[i], &signed.ids[i].0)
        });
    });
    let messages: Vec<(&Keypair, [u8; 32])> = signed.keys.iter().zip(signed.ids.iter().map(|id| id.0)).collect();
    for size in [16, BATCH] {
        group.throughput(Throughput::Elements(size as u64));
        let mut chunks = messages.chunks_exact(size).cycle();
        group.bench_function(BenchmarkId::new("sign_all", size), |bencher| {
            bencher.iter(|| sign_all(chunks.next().expect("endless")));
        });
    }
}

fn verifying(criterion: &mut Criterion, signed: &Signed) {
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    let mut items = signed.items().into_iter().cycle();
    group.bench_function("one", |bencher| {
        bencher.iter(|| {
            let item = items.next().expect("endless");
            assert!(item.key.verify(item.message, item.signature));
        });
    });
    let dalek: Vec<(ed25519_dalek::VerifyingKey, &[u8], ed25519_dalek::Signature)> = signed
        .items()
        .into_iter()
        .map(|item| {
            let key = ed25519_dalek::VerifyingKey::from_bytes(item.key.bytes()).expect("a valid key");
            (key, item.message, ed25519_dalek::Signature::from_bytes(&item.signature.0))
        })
        .collect();
    let mut next = (0..DISTINCT).cycle();
    group.bench_function("peer: ed25519-dalek, cofactorless", |bencher| {
        bencher.iter(|| {
            let (key, message, signature) = &dalek[next.next().expect("endless")];
            assert!(ed25519_dalek::Verifier::verify(key, message, signature).is_ok());
        });
    });
}

fn batches(criterion: &mut Criterion, signed: &Signed) {
    let mut group = criterion.benchmark_group("verify_batch");
    let all = signed.items();
    let mut verdicts = Vec::new();
    for size in [2, 4, 16, 64, BATCH, DISTINCT] {
        group.throughput(Throughput::Elements(size as u64));
        let mut chunks = all.chunks_exact(size).cycle();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                verify_batch(chunks.next().expect("endless"), &mut verdicts);
                assert!(verdicts.iter().all(|valid| *valid));
            });
        });
    }
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut chunks = all.chunks_exact(BATCH).cycle();
    group.bench_function(BenchmarkId::new("peer: ed25519-zebra", BATCH), |bencher| {
        bencher.iter(|| {
            let mut batch = ed25519_zebra::batch::Verifier::new();
            for item in chunks.next().expect("endless") {
                let key = ed25519_zebra::VerificationKeyBytes::from(*item.key.bytes());
                batch.queue((key, ed25519_zebra::Signature::from_bytes(&item.signature.0), item.message));
            }
            assert!(batch.verify(HashStream::new()).is_ok());
        });
    });
    let mut forged = all.clone();
    forged[7].signature = all[8].signature;
    group.bench_function(BenchmarkId::new("one forged of", BATCH), |bencher| {
        bencher.iter(|| {
            verify_batch(&forged[..BATCH], &mut verdicts);
            assert!(!verdicts[7]);
        });
    });
}

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash");
    for size in [64, 256, 1 << 10, 4 << 10, 64 << 10, 1 << 20] {
        let input = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| Digest::of(black_box(&input)));
        });
    }
}

fn roots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merkle");
    let leaves: Vec<Digest> = (0..4096u64).map(|i| Digest::of(&i.to_le_bytes())).collect();
    for count in [BATCH, 4096] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("root", count), |bencher| {
            bencher.iter(|| merkle::root(black_box(&leaves[..count])));
        });
    }
    let root = merkle::root(&leaves);
    let proof = merkle::prove(&leaves, 1234);
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify a proof of 4096", |bencher| {
        bencher.iter(|| assert!(proof.verifies(&root, &leaves[1234], 1234, 4096)));
    });
}

/// One chunk of the engine's pipeline: generate, hash, sign and verify [`BATCH`] transactions, and take the root of
/// their ids. Everything a chunk needs comes from its number.
fn chunk(keys: &[Keypair], number: u64) -> Digest {
    let mut body = [0; BODY];
    let signers: Vec<&Keypair> = keys.iter().cycle().skip(number as usize * BATCH % keys.len()).take(BATCH).collect();
    let ids: Vec<Digest> = (0..BATCH as u64)
        .map(|i| {
            body[..16].copy_from_slice(&u128::from(number * BATCH as u64 + i).to_le_bytes());
            Digest::of(&body)
        })
        .collect();
    let messages: Vec<(&Keypair, [u8; 32])> = signers.iter().copied().zip(ids.iter().map(|id| id.0)).collect();
    let signatures = sign_all(&messages);
    let items: Vec<Item<'_>> = messages
        .iter()
        .zip(&signatures)
        .map(|((key, message), signature)| Item { key: key.public(), message, signature })
        .collect();
    let mut verdicts = Vec::with_capacity(BATCH);
    verify_batch(&items, &mut verdicts);
    assert!(verdicts.iter().all(|valid| *valid));
    merkle::root(&ids)
}

/// The pipeline serially, and on pools of 1 and 2 workers, in interleaved rounds.
///
/// A percentage is of the serial rate times the workers in the same round: printed are the median round's and the best
/// round's, since another process on one of the cores takes its share from the pool but not from the serial loop.
fn pipeline() {
    const CHUNKS: u64 = 64;
    const ROUNDS: usize = 9;
    let keys = || -> Vec<Keypair> { (0..DISTINCT as u32).map(|i| Keypair::derive(1, Role::Hospital, i)).collect() };
    let serial_keys = keys();
    let mut pools = [1, 2].map(|workers| {
        let keys = keys();
        let positive = |n| NonZeroUsize::new(n).expect("positive");
        InOrder::new(positive(workers), positive(4 * workers), move |number| chunk(&keys, number))
    });
    let rate = |start: Instant| (CHUNKS * BATCH as u64) as f64 / start.elapsed().as_secs_f64();
    let mut serial = Vec::new();
    let mut pooled = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let expected: Vec<Digest> = (0..CHUNKS).map(|number| chunk(&serial_keys, number)).collect();
        serial.push(rate(start));
        for (pool, pooled) in pools.iter_mut().zip(&mut pooled) {
            let start = Instant::now();
            let roots = run(pool, CHUNKS);
            pooled.push(rate(start));
            assert_eq!(roots, expected, "the pool changes no result");
        }
    }
    println!("pipeline: sign, batch-verify and hash chunks of {BATCH} transactions; {ROUNDS} rounds, median (best)");
    let show = |label: &str, rates: &[f64]| {
        let (median, best) = median_and_best(rates.to_vec());
        println!("  {label:<9} {median:>7.0} ({best:>7.0}) transactions/s");
    };
    show("serial", &serial);
    for (workers, rates) in [1.0, 2.0].into_iter().zip(&pooled) {
        show(&format!("{workers} worker"), rates);
        let percent = rates.iter().zip(&serial).map(|(rate, serial)| 100.0 * rate / (serial * workers)).collect();
        let (median, best) = median_and_best(percent);
        println!("            {median:>7.1} ({best:>7.1}) % of serial x {workers}");
    }
}

fn median_and_best(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    (values[values.len() / 2], values[values.len() - 1])
}

fn run(pool: &mut InOrder<u64, Digest>, chunks: u64) -> Vec<Digest> {
    let mut roots = Vec::new();
    for number in 0..chunks {
        if !pool.has_room() {
            roots.push(pool.take());
        }
        pool.submit(number);
    }
    while pool.pending() > 0 {
        roots.push(pool.take());
    }
    roots
}

/// The random source that ed25519-zebra's batch asks for: BLAKE3 output, as our own coefficients.
struct HashStream(blake3::OutputReader);

impl HashStream {
    fn new() -> HashStream {
        HashStream(blake3::Hasher::new().finalize_xof())
    }
}

impl TryRng for HashStream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for HashStream {}
