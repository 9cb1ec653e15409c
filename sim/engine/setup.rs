//! Everything a run follows from, beside the protocol's own settings. Validated above, in `scenario`.

use std::sync::Arc;

use crate::base::{Bytes, Rate, ReplicaId, Span, Time};
use crate::consensus::{Layer, LayerLimits};
use crate::crypto::CostTable;
use crate::faults::FaultPlan;
use crate::health::{Injection, KindSpec, LoadPlan, People, Replay, Stream, StreamSettings, Timetable, Workload};
use crate::kernel::Window;
use crate::kernel::draw::Chance;
use crate::ledger::{Committee, MempoolLimits};
use crate::network::{AccessLink, LossRate};

/// A run's phases: hospitals submit during warm-up and window; nothing is measured of the former; the drain lets finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Discarded.
    pub warm_up: Span,
    /// Measured.
    pub window: Span,
    /// Time to let finish, at most.
    pub drain: Span,
}

impl Timing {
    /// The measured window.
    pub fn window(&self) -> Window {
        let from = Time::ZERO + self.warm_up;
        Window { from, until: from + self.window }
    }

    /// When the run ends at the latest.
    pub fn end(&self) -> Time {
        self.window().until + self.drain
    }
}

/// A replica's machine; all are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplicaSetup {
    /// NIC rate, sending.
    pub egress: Rate,
    /// NIC rate, receiving.
    pub ingress: Rate,
    /// Cores that verify, hash and decode, beside the protocol's core and the execution core.
    pub crypto_cores: usize,
    /// Fixed cost of one protocol handler, beside what it signs, sends and writes.
    pub handler: Span,
}

/// Connections between replicas; all are alike but for their RTT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSetup {
    /// Mean of the exponential jitter, as a share of the RTT in parts per thousand.
    pub jitter_permille: u64,
    /// Segments lost.
    pub loss: LossRate,
    /// Bytes in flight at most.
    pub window: Option<Bytes>,
    /// Whether Nagle's algorithm is on.
    pub nagle: bool,
}

/// One hospital.
#[derive(Clone, Debug)]
pub struct HospitalSetup {
    /// The replica it submits to and reads from.
    pub gateway: ReplicaId,
    /// Index of its region.
    pub region: usize,
    /// Index of its connectivity class.
    pub class: usize,
    /// How it reaches its gateway.
    pub access: AccessLink,
}

/// Transactions that concern two shards.
#[derive(Clone, Debug)]
pub struct CrossSetup {
    /// For each kind, the share of its transactions that concern a second shard.
    pub shares: Vec<Chance>,
    /// Accounts of each shard.
    pub accounts: u32,
    /// How long a home shard waits for a vote at least, before it aborts.
    pub prepare_timeout: Span,
    /// How long whoever holds a lock waits for an answer before it asks the next gateway.
    pub retry: Span,
}

/// The whole of a run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Every random draw follows from it.
    pub seed: u64,
    /// Who orders: one committee, or one for each shard. Replicas are numbered through, shard after shard.
    pub shards: Vec<Committee>,
    /// What happens between shards; none where there is one.
    pub cross: Option<CrossSetup>,
    /// How batches travel.
    pub layer: Layer,
    /// Bounds of the layer.
    pub layer_limits: LayerLimits,
    /// Bounds of each gateway's mempool.
    pub mempool: MempoolLimits,
    /// How long an unsealed batch waits to fill.
    pub batch_delay: Span,
    /// How long replays are refused after the original took effect, at least.
    pub replay_horizon: Span,
    /// The replicas' machines.
    pub replica: ReplicaSetup,
    /// The connections between them.
    pub link: LinkSetup,
    /// RTT between replicas, row-major.
    pub rtt: Vec<Span>,
    /// The hospitals.
    pub hospitals: Vec<HospitalSetup>,
    /// Region names.
    pub regions: Vec<String>,
    /// Names of connectivity classes.
    pub classes: Vec<String>,
    /// What hospitals do.
    pub load: LoadPlan,
    /// The kinds that `load` chooses from.
    pub kinds: Vec<KindSpec>,
    /// Who the load is about.
    pub people: Arc<People>,
    /// What they replay in place of that load.
    pub replay: Option<Arc<Timetable>>,
    /// What operations cost.
    pub costs: CostTable,
    /// The run's phases.
    pub timing: Timing,
    /// How many alike transactions each stands for.
    pub weight: u32,
    /// A receipt later than this is no goodput.
    pub deadline: Span,
    /// Whether resources travel on the ledger, behind what anchors them.
    pub on_ledger: bool,
    /// Attacks on the load.
    pub injection: Injection,
    /// What fails.
    pub faults: FaultPlan,
    /// Whether cryptography is executed or only charged for.
    pub real: bool,
    /// Whether the outcome keeps what took effect in each block, where contracts run. No input of the result.
    pub keep_ledger: bool,
    /// Worker threads; 0 does all work on the caller's. No input of the result.
    pub threads: usize,
}

impl Setup {
    /// Whether the ledger runs contracts: not where an exchange spans shards that see nothing of each other's state, nor
    /// where contents stay with their gateway, so that nobody else could execute anything.
    pub fn runs_contracts(&self) -> bool {
        self.shards.len() == 1 && self.layer != Layer::Kept
    }

    /// What deciding a call of each kind takes, in nanoseconds: nothing where no contracts run.
    pub fn call_ns(&self) -> Vec<u64> {
        let runs = u64::from(self.runs_contracts());
        self.kinds.iter().map(|kind| runs * kind.verb.cost_ns(&self.costs.contract_ns)).collect()
    }

    /// Where the transactions come from, signed and verified for real or not.
    pub fn workload(&self, real: bool) -> Workload {
        let settings = StreamSettings {
            seed: self.seed,
            weight: self.weight,
            until: self.timing.window().until,
            injection: self.injection,
            on_ledger: self.on_ledger,
            real,
        };
        let (kinds, people) = (self.kinds.clone(), self.people.clone());
        match &self.replay {
            Some(table) => Workload::Replayed(Replay::new(table.clone(), kinds, people, settings)),
            None => Workload::Drawn(Stream::new(self.load.clone(), kinds, people, settings)),
        }
    }

    /// Replicas of all shards.
    pub fn replicas(&self) -> u32 {
        self.shards.iter().map(Committee::len).sum()
    }
}
