//! A scenario as it is written. Every key is documented here; `systole schema` emits these words.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::engine::{ProtocolKind, ProtocolTables};

pub use super::fault::FaultEntry;
pub use super::prices::Prices;
pub use super::sweep::SweepKeys;
pub use super::world::{SurgeKeys, World};
pub use crate::consensus::Layer as Dissemination;
pub use crate::health::TraceTimes;

/// A scenario: one world, one ledger design, one measurement.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// Names the results folder: letters, digits, `-` and `_`.
    pub name: String,
    /// Every random draw follows from it.
    #[serde(default)]
    pub seed: u64,
    /// Who submits what, from where.
    #[serde(default)]
    pub world: World,
    /// What rises and falls again during the run; without it nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surge: Option<SurgeKeys>,
    /// What is replayed in place of the world's load.
    #[serde(default, skip_serializing_if = "WorkloadKeys::is_usual")]
    pub workload: WorkloadKeys,
    /// Whom it is about, and what they agree to.
    #[serde(default)]
    pub people: PeopleKeys,
    /// Who orders it, and how.
    #[serde(default)]
    pub consensus: Consensus,
    /// Settings of each protocol; a run reads those of its own.
    #[serde(default, rename = "protocol")]
    pub protocols: ProtocolTables,
    /// What is on the ledger.
    #[serde(default)]
    pub ledger: LedgerKeys,
    /// How gateways cut batches.
    #[serde(default)]
    pub batch: BatchKeys,
    /// What one block may order.
    #[serde(default)]
    pub block: BlockKeys,
    /// The layer `gossip`.
    #[serde(default)]
    pub gossip: GossipKeys,
    /// The layer `certified`.
    #[serde(default)]
    pub certified: CertifiedKeys,
    /// What a gateway holds.
    #[serde(default)]
    pub mempool: MempoolKeys,
    /// A replica's machine.
    #[serde(default)]
    pub replica: ReplicaKeys,
    /// Connections between replicas.
    #[serde(default)]
    pub link: LinkKeys,
    /// Whether and at what price cryptography runs.
    #[serde(default)]
    pub crypto: CryptoKeys,
    /// How long to simulate.
    #[serde(default)]
    pub run: RunKeys,
    /// What counts as good service.
    #[serde(default)]
    pub slo: SloKeys,
    /// The search for the saturation point.
    #[serde(default)]
    pub limit: LimitKeys,
    /// What `systole sweep` varies; no single run reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepKeys>,
    /// What `systole compare` pays; no run reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// Attacks on the load.
    #[serde(default)]
    pub inject: InjectKeys,
    /// What fails, and when.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultEntry>,
}

/// What is replayed in place of the world's load: what FHIR servers or EPCIS repositories exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkloadKeys {
    /// FHIR Bulk Data (NDJSON) or EPCIS 2.0 events, one on a line: a file, or a folder of `.ndjson` files, relative to the
    /// scenario's own folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What becomes of its times.
    pub times: TraceTimes,
    /// How often it is replayed, each time by other patients and hospitals.
    pub copies: u32,
}

impl WorkloadKeys {
    /// Whether nothing is replayed: scenarios from before there were traces keep their digests.
    fn is_usual(&self) -> bool {
        *self == WorkloadKeys::default()
    }
}

impl Default for WorkloadKeys {
    fn default() -> Self {
        WorkloadKeys { trace: None, times: TraceTimes::Compressed, copies: 1 }
    }
}

/// Whom the load is about, and what they agree to: shares between 0 and 1.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleKeys {
    /// Of those that a hospital stands for, who are on the ledger.
    pub share: f64,
    /// Patients and other hospitals between which there is a consent before the run.
    pub consented: f64,
    /// Of those consents, the ones whose time is over.
    pub expired: f64,
    /// Patients who deny a hospital one purpose, their own included.
    pub denied: f64,
    /// Looks at data of patients of other hospitals.
    pub elsewhere: f64,
    /// Of those and of exchanges, the ones with any hospital of the world in place of a near one.
    pub abroad: f64,
    /// Patients who are insured.
    pub insured: f64,
}

/// Who orders it, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Consensus {
    /// The ordering protocol.
    pub protocol: ProtocolKind,
    /// How transactions reach the replicas that order them; by default `batched` where the protocol runs over it, else
    /// its own layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dissemination: Option<Dissemination>,
    /// Replicas: up to 60 one for each metro, spread evenly over the list; more share metros.
    pub replicas: u32,
}

/// Where resources are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayloadPlace {
    /// With their hospital; the ledger has a salted digest of each.
    #[default]
    Anchor,
    /// On the ledger, with their digest: every replica gets, keeps and pays for their bytes.
    OnLedger,
}

/// What is on the ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerKeys {
    /// Where resources are.
    pub payload: PayloadPlace,
}

/// How gateways cut batches.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchKeys {
    /// Contents at which a batch is cut, bytes.
    pub max_bytes: u64,
    /// How long the first transaction of a batch waits at most, ms.
    pub max_delay_ms: f64,
}

/// What one block may order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockKeys {
    /// Contents of the batches a block orders, bytes.
    pub max_bytes: u64,
    /// Contents that travel inside a block (layer `leader`), bytes.
    pub max_inline_bytes: u64,
    /// Batches a block orders.
    pub max_batches: usize,
    /// Committed blocks whose batches replicas keep for those that fetch late.
    pub kept: u64,
    /// How long a fetch of a batch waits before the next replica is asked, ms.
    pub fetch_retry_ms: f64,
    /// How long a gateway waits for its batch to be ordered before it sends it again, to whoever proposes soon, ms.
    pub resend_ms: f64,
}

/// How batches are passed on under the layer `gossip`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GossipKeys {
    /// Most neighbours that a replica sends to, and gets from.
    pub degree: u32,
}

/// How the layer `certified` weaves its DAG.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CertifiedKeys {
    /// Workers of a replica, each with connections of its own; NIC and cores are the replica's.
    pub workers: u32,
    /// Batch references with which a header is proposed at once, bytes; one is 56.
    pub header_bytes: u64,
    /// How long a header waits for that many at most, ms.
    pub max_header_delay_ms: f64,
    /// Rounds kept below the newest, where no protocol orders the DAG itself; links reach down half as many.
    pub gc_depth: u64,
}

/// What a gateway holds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MempoolKeys {
    /// Transactions that are not committed before it refuses more.
    pub max_transactions: usize,
    /// Transaction ids it remembers to refuse replays.
    pub remembered: usize,
    /// How long executed transactions are remembered to refuse replays, at least, s.
    pub replay_horizon_s: f64,
}

/// A replica's machine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicaKeys {
    /// NIC rate, sending, Mbit/s.
    pub egress_mbps: f64,
    /// NIC rate, receiving, Mbit/s.
    pub ingress_mbps: f64,
    /// Cores that verify, hash and decode; one more runs the protocol, one more executes.
    pub crypto_cores: usize,
    /// Fixed cost of one protocol handler, µs.
    pub handler_us: f64,
}

/// Connections between replicas.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinkKeys {
    /// Mean of the exponential jitter, percent of the RTT.
    pub jitter_percent: f64,
    /// Segments lost, percent.
    pub loss_percent: f64,
    /// Bytes in flight on one connection at most; its rate is at most this over the RTT. 0: unlimited.
    pub window_bytes: u64,
    /// Whether Nagle's algorithm is on.
    pub nagle: bool,
}

/// Whether cryptography is really executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Execution {
    /// Every signature is really made and verified.
    Real,
    /// Signatures are charged for and not computed; hashing is always real.
    Modelled,
}

/// Whether and at what price cryptography runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CryptoKeys {
    /// Real or modelled; the result is the same.
    pub execution: Execution,
    /// A cost table, relative to the scenario's folder (`systole calibrate` writes one), or `reference`.
    pub costs: String,
}

/// How many alike transactions each simulated one stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Weight {
    /// That many.
    Fixed(u32),
    /// The least that keeps simulated arrivals at or below 200,000/s.
    Auto(Auto),
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// Chosen by load.
    Auto,
}

/// How long to simulate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunKeys {
    /// Discarded at the beginning, s.
    pub warm_up_s: f64,
    /// Measured, s.
    pub window_s: f64,
    /// Let finish, at most, s.
    pub drain_s: f64,
    /// A number, or `"auto"`.
    pub weight: Weight,
}

/// What counts as good service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SloKeys {
    /// Thresholds on latency, such as `p(99)<5s` or `submit_to_visible p(99.9)<10s`; without a name `submit_to_reply`.
    pub thresholds: Vec<String>,
    /// A receipt later than this is no goodput, ms.
    pub deadline_ms: f64,
}

/// The search for the saturation point.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitKeys {
    /// Load of the first probe, transactions/s.
    pub from_tps: f64,
    /// Largest load probed, transactions/s.
    pub to_tps: f64,
    /// The search ends when the bracket is this narrow, percent of its lower end.
    pub precision_percent: f64,
    /// Warm-up of a probe, s.
    pub warm_up_s: f64,
    /// Measured window of a probe, s.
    pub window_s: f64,
}

/// Attacks on the load, as shares between 0 and 1.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InjectKeys {
    /// Transactions whose signature does not verify.
    pub forged: f64,
    /// Transactions sent a second time, to any gateway.
    pub replayed: f64,
    /// Batches of which one receiver gets other content under the same id (layer `batched`).
    pub tampered_batches: f64,
    /// Packs dispensed, verified or taken out that are no maker's, or stolen elsewhere: 0.00005 in the EU's legal chain
    /// to 0.105 where medicines are falsified most (WHO 2017).
    pub counterfeits: f64,
    /// Claims for what was not done, was billed before, or costs less.
    pub frauds: f64,
    /// Data captured in trials of who is no subject of it.
    pub breaches: f64,
}

impl Default for PeopleKeys {
    fn default() -> Self {
        PeopleKeys {
            share: 1.0,
            consented: 0.6,
            expired: 0.05,
            denied: 0.01,
            elsewhere: 0.1,
            abroad: 0.005,
            insured: 0.95,
        }
    }
}

impl Default for Consensus {
    fn default() -> Self {
        Consensus { protocol: ProtocolKind::Jolteon, dissemination: None, replicas: 60 }
    }
}

impl ScenarioFile {
    /// The dissemination layer.
    pub fn layer(&self) -> Dissemination {
        let layers = self.protocols.layers(self.consensus.protocol);
        let usual = if layers.contains(&Dissemination::Batched) { Dissemination::Batched } else { layers[0] };
        self.consensus.dissemination.unwrap_or(usual)
    }
}

impl Default for BatchKeys {
    fn default() -> Self {
        BatchKeys { max_bytes: 500_000, max_delay_ms: 100.0 }
    }
}

impl Default for BlockKeys {
    fn default() -> Self {
        let (kept, fetch_retry_ms, resend_ms) = (1_024, 500.0, 5_000.0);
        let (max_bytes, max_inline_bytes, max_batches) = (100_000_000, 1_000_000, 10_000);
        BlockKeys { max_bytes, max_inline_bytes, max_batches, kept, fetch_retry_ms, resend_ms }
    }
}

impl Default for GossipKeys {
    fn default() -> Self {
        GossipKeys { degree: 10 }
    }
}

impl Default for CertifiedKeys {
    fn default() -> Self {
        CertifiedKeys { workers: 1, header_bytes: 1_000, max_header_delay_ms: 100.0, gc_depth: 50 }
    }
}

impl Default for MempoolKeys {
    fn default() -> Self {
        MempoolKeys { max_transactions: 200_000, remembered: 65_536, replay_horizon_s: 60.0 }
    }
}

impl Default for ReplicaKeys {
    fn default() -> Self {
        ReplicaKeys { egress_mbps: 10_000.0, ingress_mbps: 10_000.0, crypto_cores: 14, handler_us: 5.0 }
    }
}

impl Default for LinkKeys {
    fn default() -> Self {
        LinkKeys { jitter_percent: 1.0, loss_percent: 0.0, window_bytes: 1_000_000, nagle: false }
    }
}

impl Default for CryptoKeys {
    fn default() -> Self {
        CryptoKeys { execution: Execution::Real, costs: "reference".into() }
    }
}

impl Default for RunKeys {
    fn default() -> Self {
        RunKeys { warm_up_s: 5.0, window_s: 25.0, drain_s: 10.0, weight: Weight::Fixed(1) }
    }
}

impl Default for SloKeys {
    fn default() -> Self {
        SloKeys { thresholds: vec!["p(99)<5s".into()], deadline_ms: 5_000.0 }
    }
}

impl Default for LimitKeys {
    fn default() -> Self {
        let (from_tps, to_tps) = (10_000.0, 10_000_000.0);
        LimitKeys { from_tps, to_tps, precision_percent: 5.0, warm_up_s: 5.0, window_s: 10.0 }
    }
}

/// The JSON Schema (draft-07) of scenario files.
pub fn schema() -> Schema {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<ScenarioFile>()
}
