//! The one conversion: validated scenario and data → the engine's [`Setup`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Bytes, HospitalId, Rate, ReplicaId, Span, Time};
use crate::consensus::LayerLimits;
use crate::engine::{HospitalSetup, LinkSetup, ProtocolKind, ReplicaSetup, Setup, Timing};
use crate::faults::FaultPlan;
use crate::health::{Habits, Home, Injection, People, Residency};
use crate::kernel::draw::{LogNormal, Site, draw};
use crate::ledger::{Committee, MempoolLimits};
use crate::network::{AccessClass, AccessLink, Backbone, Cuts, Link, LossRate, fibre_rtt};

use super::data::HospitalRow;
use super::shards::{ShardSite, divide};
use super::{Execution, FaultEntry, PayloadPlace, Scenario, Weight, WorldData};

/// Simulated arrivals per second up to which `weight = "auto"` stays at 1.
pub const AUTO_ARRIVALS_PER_S: f64 = 200_000.0;
/// Standard-normal quantile of 0.95.
const Z95: f64 = 1.644_853_626_951;

/// What a caller chooses beside the scenario; none of it but `load_tps` and `timing` changes a result.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Worker threads.
    pub threads: usize,
    /// Charges for signatures without computing them, whatever the scenario says.
    pub modelled: bool,
    /// Replaces the scenario's load, transactions/s.
    pub load_tps: Option<f64>,
    /// Replaces the scenario's phases.
    pub timing: Option<Timing>,
}

/// Where replicas stand, and how well their distances are known.
#[derive(Clone, Debug)]
pub struct Placement {
    /// For each replica the index of its metro.
    pub metro_of: Vec<usize>,
    /// The shards, in the order of their replicas; one where the protocol knows none.
    pub shards: Vec<ShardSite>,
    /// RTT between metros.
    pub backbone: Backbone,
}

/// Which metro a replica is in: `i` of `n` in the one at `i / n` of the list; beyond one for each metro, they go round.
pub fn metro_of(replica: usize, replicas: usize, metros: usize) -> usize {
    if replicas <= metros { replica * metros / replicas } else { replica % metros }
}

impl Placement {
    fn new(scenario: &Scenario, world: &WorldData) -> Placement {
        let (n, metros) = (scenario.file.consensus.replicas as usize, world.metros.len());
        let near_km = scenario.file.world.near_km;
        let backbone = Backbone::new(&world.metros, &world.cities, &world.modelled_ms, near_km);
        let metro_of: Vec<usize> = (0..n).map(|replica| metro_of(replica, n, metros)).collect();
        if scenario.file.consensus.protocol != ProtocolKind::Sharded {
            let shards = vec![ShardSite::whole(n as u32)];
            return Placement { metro_of, shards, backbone };
        }
        let (metro_of, shards) = divide(metro_of, &scenario.file.protocols.sharded, world, &backbone);
        Placement { metro_of, shards, backbone }
    }

    /// The shard that serves a WHO region, where shards are regions.
    fn shard_of_region(&self, region: &str) -> Option<usize> {
        self.shards.iter().position(|shard| shard.regions.iter().any(|own| own == region))
    }

    fn rtt(&self) -> Vec<Span> {
        let pairs = self.metro_of.iter().flat_map(|&a| self.metro_of.iter().map(move |&b| (a, b)));
        pairs.map(|(a, b)| self.backbone.rtt(a, b)).collect()
    }
}

impl Scenario {
    /// Everything the engine needs, and where its replicas stand.
    pub fn setup(&self, world: &WorldData, options: &RunOptions) -> (Setup, Placement) {
        let file = &self.file;
        let placement = Placement::new(self, world);
        let rows = self.hospitals(world);
        let regions: Vec<String> = world.regions().cloned().collect();
        let timing = options.timing.unwrap_or_else(|| self.timing());
        let load = self.plan(world, &rows, options.load_tps, timing.window().until);
        let replay = self.timetable(world, timing.window().until);
        let weight = match file.run.weight {
            Weight::Fixed(weight) => weight,
            // Each line of a trace is itself.
            Weight::Auto(_) if replay.is_some() => 1,
            Weight::Auto(_) => libm::ceil(load.highest_tps() / AUTO_ARRIVALS_PER_S).max(1.0) as u32,
        };
        let setup = Setup {
            seed: file.seed,
            shards: placement.shards.iter().map(|shard| Committee::new(shard.replicas)).collect(),
            cross: (placement.shards.len() > 1).then(|| file.protocols.sharded.cross(&world.kinds)),
            layer: file.layer(),
            layer_limits: self.layer_limits(),
            mempool: self.mempool_limits(),
            batch_delay: Span::from_millis_f64(file.batch.max_delay_ms),
            replay_horizon: seconds(file.mempool.replay_horizon_s),
            replica: self.replica(),
            link: self.link(),
            rtt: placement.rtt(),
            hospitals: self.attach(&rows, world, &placement, &regions, timing.end()),
            regions,
            classes: world.classes.keys().cloned().collect(),
            load,
            kinds: world.kinds.clone(),
            replay,
            people: Arc::new(self.people(world, &rows)),
            costs: self.costs.clone(),
            timing,
            weight,
            deadline: Span::from_millis_f64(file.slo.deadline_ms),
            on_ledger: file.ledger.payload == PayloadPlace::OnLedger,
            injection: self.injection(),
            faults: self.faults(world, &placement),
            real: file.crypto.execution == Execution::Real && !options.modelled,
            keep_ledger: false,
            threads: options.threads,
        };
        (setup, placement)
    }

    /// The scenario's phases.
    pub fn timing(&self) -> Timing {
        let run = &self.file.run;
        Timing { warm_up: seconds(run.warm_up_s), window: seconds(run.window_s), drain: seconds(run.drain_s) }
    }

    /// Whom the hospitals serve, and where their countries let data go.
    fn people(&self, world: &WorldData, rows: &[&HospitalRow]) -> People {
        let keys = &self.file.people;
        let countries: Vec<&str> = {
            let mut all: Vec<&str> = rows.iter().map(|row| row.country.as_str()).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let home = |row: &&HospitalRow| {
            let (residency, adequate) = world.residency.get(&row.country).copied().unwrap_or((Residency::Free, false));
            let country = countries.binary_search(&row.country.as_str()).expect("it is one of them");
            let patients = libm::ceil(row.population as f64 * keys.share).clamp(1.0, f64::from(u32::MAX));
            Home {
                patients: patients as u32,
                country: country as u16,
                residency,
                adequate,
                uplink: world.classes[&row.class].up,
            }
        };
        let habits = Habits {
            consented: keys.consented,
            expired: keys.expired,
            denied: keys.denied,
            elsewhere: keys.elsewhere,
            abroad: keys.abroad,
            insured: keys.insured,
        };
        People::new(self.file.seed, rows.iter().map(home).collect(), habits)
    }

    fn layer_limits(&self) -> LayerLimits {
        let block = &self.file.block;
        LayerLimits {
            block_bytes: Bytes(block.max_bytes),
            inline_bytes: Bytes(block.max_inline_bytes),
            block_batches: block.max_batches,
            kept_heights: block.kept,
            fetch_retry: Span::from_millis_f64(block.fetch_retry_ms),
            resend_after: Span::from_millis_f64(block.resend_ms),
            gossip_degree: self.file.gossip.degree,
            workers: self.file.certified.workers,
            header_bytes: Bytes(self.file.certified.header_bytes),
            header_delay: Span::from_millis_f64(self.file.certified.max_header_delay_ms),
            gc_depth: self.file.certified.gc_depth,
        }
    }

    fn mempool_limits(&self) -> MempoolLimits {
        let mempool = &self.file.mempool;
        MempoolLimits {
            transactions: mempool.max_transactions,
            remembered: mempool.remembered,
            batch_bytes: Bytes(self.file.batch.max_bytes),
        }
    }

    fn replica(&self) -> ReplicaSetup {
        let replica = &self.file.replica;
        ReplicaSetup {
            egress: Rate::from_mbps(replica.egress_mbps),
            ingress: Rate::from_mbps(replica.ingress_mbps),
            crypto_cores: replica.crypto_cores,
            handler: Span::from_millis_f64(replica.handler_us / 1_000.0),
        }
    }

    fn link(&self) -> LinkSetup {
        let link = &self.file.link;
        LinkSetup {
            jitter_permille: (link.jitter_percent * 10.0 + 0.5) as u64,
            loss: LossRate::new(link.loss_percent / 100.0),
            window: (link.window_bytes > 0).then_some(Bytes(link.window_bytes)),
            nagle: link.nagle,
        }
    }

    fn injection(&self) -> Injection {
        let inject = &self.file.inject;
        Injection {
            forged: inject.forged,
            replayed: inject.replayed,
            tampered_batches: inject.tampered_batches,
            counterfeits: inject.counterfeits,
            frauds: inject.frauds,
            breaches: inject.breaches,
        }
    }

    fn faults(&self, world: &WorldData, placement: &Placement) -> FaultPlan {
        let of_region = |region: &str| {
            let here = |(_, metro): &(u32, &usize)| world.metros[**metro].region == region;
            (0u32..).zip(&placement.metro_of).filter(here).map(|(replica, _)| ReplicaId(replica)).collect()
        };
        FaultEntry::plan(&self.file.faults, self.file.seed, of_region)
    }

    /// Gives each hospital its gateway: its metro's replica, or the nearest metro that has one, in its own shard.
    fn attach(
        &self,
        rows: &[&HospitalRow],
        world: &WorldData,
        placement: &Placement,
        regions: &[String],
        until: Time,
    ) -> Vec<HospitalSetup> {
        let mut replicas_at: BTreeMap<usize, Vec<ReplicaId>> = BTreeMap::new();
        for (replica, &metro) in placement.metro_of.iter().enumerate() {
            replicas_at.entry(metro).or_default().push(ReplicaId(replica as u32));
        }
        let own = |row: &HospitalRow| world.metros.iter().position(|metro| metro.name == row.metro);
        // Where shards are regions, a border is no nearer way.
        let within = |metro: &usize, row: &HospitalRow| {
            let shard = placement.shard_of_region(&row.region);
            shard.is_none() || shard == placement.shard_of_region(&world.metros[*metro].region)
        };
        let nearest = |row: &HospitalRow| {
            let km = |metro: &&usize| world.metros[**metro].place.distance_km(row.place);
            let possible = replicas_at.keys().filter(|metro| within(metro, row));
            *possible.min_by(|a, b| km(a).total_cmp(&km(b))).expect("a shard has a replica in some metro")
        };
        let attach = |(index, row): (usize, &&HospitalRow)| {
            let here = |metro: &usize| replicas_at.contains_key(metro) && within(metro, row);
            let metro = own(row).filter(here).unwrap_or_else(|| nearest(row));
            let here = &replicas_at[&metro];
            let km = world.metros[metro].place.distance_km(row.place);
            HospitalSetup {
                gateway: here[index % here.len()],
                class: world.classes.keys().position(|class| *class == row.class).expect("the reader checked it"),
                region: regions.iter().position(|region| *region == row.region).unwrap_or(0),
                access: self.access(HospitalId(index as u32), row, world, km, until),
            }
        };
        rows.iter().enumerate().map(attach).collect()
    }

    /// When a hospital's line is cut: outages follow the calendar, so they last the less of a run the faster that passes.
    fn cuts(&self, hospital: HospitalId, class: &AccessClass, until: Time) -> Cuts {
        let world = &self.file.world;
        if !world.outages {
            return Cuts::default();
        }
        let [up, down] = class.outage_hours.map(|hours| seconds(hours * 3_600.0 / world.lapse));
        Cuts::drawn(self.file.seed, hospital.0.into(), up, down, until)
    }

    /// A hospital's access link: its class's rates, jitter and loss, an RTT drawn between the class's quantiles, and
    /// the way to its gateway's metro.
    fn access(&self, hospital: HospitalId, row: &HospitalRow, world: &WorldData, km: f64, until: Time) -> AccessLink {
        let class = &world.classes[&row.class];
        let sigma = libm::log(class.rtt_p95.as_millis_f64() / class.rtt_p50.as_millis_f64()) / Z95;
        let drawn = LogNormal::new(class.rtt_p50, sigma).span(draw(
            self.file.seed,
            Site::AccessLatency,
            hospital.0.into(),
            0,
            0,
        ));
        let rtt = drawn.min(class.rtt_p95 * 2) + fibre_rtt(km);
        let link = Link { rtt, jitter: class.jitter, loss: LossRate::new(class.loss), window: None, nagle: false };
        AccessLink { link, up: class.up, down: class.down, cuts: self.cuts(hospital, class, until) }
    }
}

pub(super) fn seconds(seconds: f64) -> Span {
    Span::from_millis_f64(seconds * 1_000.0)
}
