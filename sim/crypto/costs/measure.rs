//! Measuring a cost table on the host at hand. The only wall clock of this module tree: nothing here runs in a
//! simulation.
//!
//! Every figure is the median of windows of at least half a millisecond, each over many keys and messages: one hot
//! signature verified again and again flatters by 3 %, and neighbours on a shared host disturb single windows.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{ContractCosts, CostError, CostTable, Curve, Point};
use crate::base::{Digest, DigestSet, Encode, Height};
use crate::crypto::{Item, Keypair, Role, Signature, StateMap, merkle, verify_batch};

const BATCH_SIZES: [usize; 8] = [1, 4, 16, 64, 128, 256, 512, 1024];
const HASH_SIZES: [usize; 9] = [64, 128, 256, 1 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10, 1 << 20];
const MESSAGE_SIZES: [usize; 4] = [64, 1 << 10, 4 << 10, 16 << 10];
/// How many figures share the budget: sign, Merkle, fsync, and the points of the curves.
const FIGURES: u32 = 3 + 8 + 9 + 4;
const WINDOW: Duration = Duration::from_micros(500);
const WINDOWS_MIN: usize = 5;
const IDS: u64 = 1 << 18;
const ROWS: u64 = 1 << 15;
const DISTINCT: usize = 1024;

impl CostTable {
    /// Measures this host on one thread, in about `budget` (at least five windows per figure: some 100 ms compiled for
    /// release). The disk is that of the folder `scratch`, where a file is created and removed. What contracts take is
    /// measured where they are (`health::measure_contracts`).
    pub fn measure(
        budget: Duration,
        scratch: &Path,
        provenance: String,
        contract_ns: ContractCosts,
    ) -> Result<CostTable, CostError> {
        let share = budget / FIGURES;
        let signer = Signed::new();
        let (send, receive) = messages(share).map_err(|source| unmeasurable("the loopback network", source))?;
        Ok(CostTable {
            provenance,
            sign_ns: signer.sign_ns(share),
            merkle_leaf_ns: merkle_leaf_ns(share),
            execute_ns: execute_ns(),
            state_row_ns: state_row_ns(),
            fsync_ns: fsync_ns(share, scratch).map_err(|source| unmeasurable("the disk", source))?,
            verify: curve(BATCH_SIZES.map(|size| (size, signer.verify_ns(size, share)))),
            hash: curve(HASH_SIZES.map(|size| (size, hash_ns(size, share)))),
            send,
            receive,
            contract_ns,
        })
    }
}

/// Ids, their signers, and their signatures.
struct Signed {
    keys: Vec<Keypair>,
    ids: Vec<Digest>,
    signatures: Vec<Signature>,
}

impl Signed {
    fn new() -> Signed {
        let keys: Vec<Keypair> = (0..DISTINCT as u32).map(|i| Keypair::derive(0, Role::Hospital, i)).collect();
        let ids = ids(DISTINCT as u64);
        let signatures = keys.iter().zip(&ids).map(|(key, id)| key.sign(&id.0)).collect();
        Signed { keys, ids, signatures }
    }

    fn sign_ns(&self, share: Duration) -> u64 {
        let mut next = (0..DISTINCT).cycle();
        median_ns(share, || {
            let index = next.next().expect("a cycle does not end");
            black_box(self.keys[index].sign(&self.ids[index].0));
        })
    }

    fn verify_ns(&self, size: usize, share: Duration) -> u64 {
        let items: Vec<Item<'_>> = (0..DISTINCT)
            .map(|i| Item { key: self.keys[i].public(), message: &self.ids[i].0, signature: &self.signatures[i] })
            .collect();
        let mut batches = items.chunks_exact(size).cycle();
        let mut verdicts = Vec::new();
        median_ns(share, || {
            verify_batch(batches.next().expect("a cycle does not end"), &mut verdicts);
            assert!(verdicts.iter().all(|valid| *valid), "these signatures are our own");
        })
    }
}

fn merkle_leaf_ns(share: Duration) -> u64 {
    let leaves = ids(DISTINCT as u64);
    median_ns(share, || {
        black_box(merkle::root(black_box(&leaves)));
    })
    .div_ceil(DISTINCT as u64)
}

fn hash_ns(size: usize, share: Duration) -> u64 {
    let input = vec![7; size];
    median_ns(share, || {
        black_box(Digest::of(black_box(&input)));
    })
}

/// The median over windows of 1,024 transactions while the set fills from half of [`IDS`] to all of it.
fn execute_ns() -> u64 {
    const PER_WINDOW: u64 = 1024;
    let ids = ids(IDS);
    let mut executed = DigestSet::with_capacity_and_hasher(IDS as usize, Default::default());
    let mut log: Vec<u8> = Vec::with_capacity(ids.len() * 44);
    let mut windows = Vec::new();
    for window in ids.chunks(PER_WINDOW as usize) {
        let start = Instant::now();
        for (index, id) in (0u32..).zip(window) {
            if executed.insert(*id) {
                id.encode(&mut log);
                Height(windows.len() as u64).encode(&mut log);
                index.encode(&mut log);
            }
        }
        windows.push(nanos(start.elapsed()));
    }
    black_box(log);
    median(windows.split_off(windows.len() / 2)).div_ceil(PER_WINDOW)
}

/// The median over blocks of 1,024 rows while one branch fills from half of [`ROWS`] to all of them.
fn state_row_ns() -> u64 {
    const PER_BLOCK: usize = 1024;
    let (mut map, mut windows) = (StateMap::default(), Vec::new());
    let mut keys = ids(ROWS);
    keys.iter_mut().for_each(|key| key.0[0] &= 0x0f);
    for block in keys.chunks(PER_BLOCK) {
        let rows: Vec<(Digest, Vec<u8>)> = block.iter().map(|key| (*key, key.0.to_vec())).collect();
        let start = Instant::now();
        black_box(map.put(rows));
        windows.push(nanos(start.elapsed()));
    }
    median(windows.split_off(windows.len() / 2)).div_ceil(PER_BLOCK as u64)
}

fn fsync_ns(share: Duration, scratch: &Path) -> io::Result<u64> {
    let path = scratch.join(format!("systole-calibrate-{}.tmp", std::process::id()));
    let mut file = File::create_new(&path)?;
    let deadline = Instant::now() + share;
    let mut windows = Vec::new();
    let mut commit = || {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        windows.push(nanos(start.elapsed()));
        Ok(windows.len() >= WINDOWS_MIN && Instant::now() >= deadline)
    };
    let measured = loop {
        match commit() {
            Ok(false) => {}
            Ok(true) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    fs::remove_file(&path)?;
    measured.map(|()| median(windows))
}

/// The curves of sending and receiving over a loopback TCP connection, both ends on this thread.
fn messages(share: Duration) -> io::Result<(Curve, Curve)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (mut receiver, _) = listener.accept()?;
    sender.set_nodelay(true)?;
    sender.set_write_timeout(Some(Duration::from_secs(5)))?;
    receiver.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut sends = MESSAGE_SIZES.map(|size| (size, 0));
    let mut receives = sends;
    for (index, size) in MESSAGE_SIZES.into_iter().enumerate() {
        let ids = ids(size as u64 / 32);
        let mut incoming = vec![0; size];
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        let deadline = Instant::now() + share;
        while sent.len() < 100 * WINDOWS_MIN || Instant::now() < deadline {
            let start = Instant::now();
            let mut outgoing = Vec::with_capacity(size);
            ids.iter().for_each(|id| id.encode(&mut outgoing));
            sender.write_all(&outgoing)?;
            let handed = Instant::now();
            receiver.read_exact(&mut incoming)?;
            black_box(incoming.clone());
            received.push(nanos(handed.elapsed()));
            sent.push(nanos(handed - start));
        }
        (sends[index].1, receives[index].1) = (median(sent), median(received));
    }
    Ok((curve(sends), curve(receives)))
}

fn ids(count: u64) -> Vec<Digest> {
    (0..count).map(|i| Digest::of(&i.to_le_bytes())).collect()
}

/// The median time of one call, over windows of many calls until `share` is spent.
fn median_ns(share: Duration, mut call: impl FnMut()) -> u64 {
    let mut window = |calls: u64| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed()
    };
    let deadline = Instant::now() + share;
    let mut calls = 1;
    while window(calls) < WINDOW {
        calls *= 2;
    }
    let mut windows = Vec::new();
    while windows.len() < WINDOWS_MIN || Instant::now() < deadline {
        windows.push(nanos(window(calls)));
    }
    median(windows).div_ceil(calls)
}

fn median(mut windows: Vec<u64>) -> u64 {
    windows.sort_unstable();
    windows[windows.len() / 2]
}

fn nanos(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos()).expect("a window is shorter than 584 years")
}

/// Noise may make a larger size look cheaper by a hair: then it costs as much as the smaller.
fn curve<const N: usize>(measured: [(usize, u64); N]) -> Curve {
    let mut highest = 0;
    let points: Vec<Point> = measured
        .into_iter()
        .map(|(size, ns)| {
            highest = ns.max(highest);
            Point { size: size as u64, ns: highest }
        })
        .collect();
    Curve::try_from(points).expect("sizes ascend and costs were kept from falling")
}

fn unmeasurable(what: &'static str, source: io::Error) -> CostError {
    CostError::Unmeasurable { what, source }
}
