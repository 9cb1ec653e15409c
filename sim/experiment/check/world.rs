//! The small world of a schedule: replicas at random distances, and a hospital at each gateway that lives.

use std::sync::Arc;

use crate::base::{Bytes, Rate, ReplicaId, Span, Time};
use crate::consensus::{Layer, LayerLimits};
use crate::crypto::CostTable;
use crate::engine::{HospitalSetup, LinkSetup, ReplicaSetup, Setup, Timing};
use crate::faults::{Behaviour, FaultPlan, Liar};
use crate::health::{Habits, Home, Injection, KindSpec, LoadPlan, PayloadSizes, People, Residency, Verb};
use crate::kernel::draw::{Site, below, draw};
use crate::ledger::{Committee, MempoolLimits};
use crate::network::{AccessLink, Cuts, Link, LossRate};

use super::HEALED;

/// How long hospitals go on submitting at most after the last fault has ended; at least they stop halfway there. Where
/// they stop before, whoever missed the last blocks must find out though nothing new is ordered.
const AFTERWARDS: Span = Span::from_millis(500);
/// How much slower a slow disk is: 17 ms for a write.
const SLOW_DISK: u64 = 50;
/// Transactions/s of all hospitals together.
const LOAD_TPS: f64 = 25.0;
/// Round trips between replicas take between a tenth of this and all of it.
const LONGEST_RTT: Span = Span::from_millis(100);

/// A setup in which faults heal at [`HEALED`] and everything submitted has `patience` after that to be executed. Where
/// each proposes what its own hospitals submit (the protocol `weaves`, or the layer does), a replica without proposals has
/// none.
pub(super) fn setup(
    seed: u64,
    shards: &[Committee],
    layer: Layer,
    faults: FaultPlan,
    (patience, weaves): (Span, bool),
    mut costs: CostTable,
) -> Setup {
    // Every third schedule has slow disks: there what is sent before it is written is lost in a crash more often.
    if seed.is_multiple_of(3) {
        costs.fsync_ns *= SLOW_DISK;
    }
    let megabits = Rate::from_mbps(1_000.0);
    let replicas = shards.iter().map(Committee::len).sum();
    let gateways = living(replicas, &faults, weaves || layer == Layer::Certified);
    Setup {
        seed,
        shards: shards.to_vec(),
        cross: None,
        layer,
        layer_limits: LayerLimits {
            block_bytes: Bytes(1_000_000),
            inline_bytes: Bytes(1_000_000),
            block_batches: 100,
            kept_heights: 1_024,
            fetch_retry: Span::from_millis(100),
            resend_after: Span::from_millis(300),
            gossip_degree: 3,
            workers: 2,
            header_bytes: Bytes(100),
            header_delay: Span::from_millis(100),
            gc_depth: 20,
        },
        mempool: MempoolLimits { transactions: 100_000, remembered: 1_024, batch_bytes: Bytes(2_000) },
        batch_delay: Span::from_millis(20),
        replay_horizon: Span::from_secs(600),
        replica: ReplicaSetup { egress: megabits, ingress: megabits, crypto_cores: 4, handler: Span::from_micros(5) },
        link: LinkSetup { jitter_permille: 50, loss: LossRate::default(), window: None, nagle: false },
        rtt: distances(seed, replicas),
        load: LoadPlan::even(gateways.len(), LOAD_TPS),
        replay: None,
        people: people(seed, gateways.len()),
        hospitals: gateways.into_iter().map(hospital).collect(),
        regions: vec!["everywhere".into()],
        classes: vec!["any".into()],
        kinds: vec![KindSpec {
            verb: Verb::Anchor,
            world_tps: LOAD_TPS,
            slo: None,
            name: "record.anchor".into(),
            standard: "none".into(),
            wire: Bytes(300),
            payload: PayloadSizes::new(1_000.0, 1_000.0),
            crosses: false,
        }],
        costs,
        timing: timing(seed, patience),
        weight: 1,
        deadline: Span::from_secs(60),
        on_ledger: false,
        injection: Injection::default(),
        faults,
        real: false,
        keep_ledger: false,
        threads: 0,
    }
}

fn timing(seed: u64, patience: Span) -> Timing {
    let healed = HEALED.since(Time::ZERO);
    let most = healed + AFTERWARDS;
    let window = healed.half() + Span(below(most.0 - healed.0 / 2, draw(seed, Site::Schedule, 0, 0, 2)));
    Timing { warm_up: Span::ZERO, window, drain: patience + most.saturating_sub(window) }
}

/// Gateways that serve their hospitals in the end: neither down for good nor without a word that counts, nor, where the
/// protocol weaves, without proposals that everyone gets for good.
fn living(replicas: u32, faults: &FaultPlan, weaves: bool) -> Vec<ReplicaId> {
    let exempt = faults.exempt();
    let gone = |replica| faults.outages.iter().any(|outage| outage.replica == replica && outage.until.is_none());
    let is_mute = |liar: &Liar| match liar.behaviour {
        Behaviour::SilentLeader => weaves,
        // Those who see its blocks wait with what these order, which may be what nobody else has.
        Behaviour::Withhold(_) => true,
        _ => false,
    };
    let for_good = |liar: &Liar| is_mute(liar) && liar.until == Time::NEVER;
    let mute = |replica| faults.liars.iter().any(|liar| liar.replica == replica && for_good(liar));
    let lives = |&replica: &ReplicaId| !gone(replica) && !exempt.contains(&replica) && !mute(replica);
    (0..replicas).map(ReplicaId).filter(lives).collect()
}

fn distances(seed: u64, n: u32) -> Vec<Span> {
    let between = |a: u64, b: u64| {
        let tenth = LONGEST_RTT.0 / 10;
        Span(tenth + below(LONGEST_RTT.0 - tenth, draw(seed, Site::Schedule, a.min(b), a.max(b), 1)))
    };
    let pairs = (0..u64::from(n)).flat_map(|a| (0..u64::from(n)).map(move |b| (a, b)));
    pairs.map(|(a, b)| between(a, b)).collect()
}

fn people(seed: u64, hospitals: usize) -> Arc<People> {
    let home = Home { patients: 1_000, country: 0, residency: Residency::Free, adequate: true, uplink: Rate::new(1) };
    let habits = Habits { consented: 0.5, expired: 0.1, denied: 0.1, elsewhere: 0.5, abroad: 0.1, insured: 1.0 };
    Arc::new(People::new(seed, vec![home; hospitals], habits))
}

fn hospital(gateway: ReplicaId) -> HospitalSetup {
    let (rtt, loss) = (Span::from_millis(10), LossRate::default());
    let link = Link { rtt, jitter: Span::ZERO, loss, window: None, nagle: false };
    let rate = Rate::from_mbps(100.0);
    HospitalSetup {
        gateway,
        region: 0,
        access: AccessLink { link, up: rate, down: rate, cuts: Cuts::default() },
        class: 0,
    }
}
