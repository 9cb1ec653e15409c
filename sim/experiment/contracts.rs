//! What a point's contracts came to, units in the names.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::engine::{Caught, ContractOutcome, Decided, Felt, Reach};
use crate::health::{KindSpec, Planted, Refusal, Verb};
use crate::metrics::LatencyHistogram;

use super::Point;
use super::summary::LatencySummary;

/// Within which the EU's Falsified Medicines Directive wants 95 % of verifications answered (EMVO's service levels).
pub const VERIFICATION_BAR: Span = Span::from_millis(300);
/// In which China's national insurer settles a claim.
pub const SETTLEMENT_BAR: Span = Span::from_millis(800);

/// What came of the calls of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KindSummary {
    /// Allowed and done.
    pub done: u64,
    /// Refused, by reason. They are in effect: that they were refused is on the ledger.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
    /// From submission in the window to the receipt, ms.
    pub reply_ms: LatencySummary,
    /// Within which the taxonomy wants it final, ms; nothing where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo_ms: Option<f64>,
    /// The share of receipts within that; nothing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_slo: Option<f64>,
}

/// How soon something is felt that everyone must keep to, from its submission in the window, ms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReachSummary {
    /// Until the last replica keeps to it.
    pub replicas_ms: LatencySummary,
    /// Until the last hospital does.
    pub hospitals_ms: LatencySummary,
    /// Until each hospital does: at its median, half of them do.
    pub coverage_ms: LatencySummary,
    /// Decisions that some replica did not keep to yet when the run ended.
    #[serde(default)]
    pub pending: u64,
}

/// What was planted for the contracts to catch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaughtSummary {
    /// Planted, and in effect.
    pub injected: u64,
    /// Of them, refused for what was planted; what is neither caught nor missed was refused for something else.
    pub caught: u64,
    /// Of them, let pass.
    pub missed: u64,
}

/// Records, by the bytes that they take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredSummary {
    /// Patients with at least one record.
    pub patients: u64,
    /// Bytes on the ledger for each of them.
    pub on_ledger_bytes_per_patient: f64,
    /// Bytes of what anchors are of, for each of them. Behind a Merkle root over an encounter's resources
    /// (`record.batch_root`, in the mixes a1, b1, c1) are as many of each kind as the load model has for each root, of the
    /// mean size of their kind.
    pub off_ledger_bytes_per_patient: f64,
}

/// What forgetting left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasedSummary {
    /// Patients whose key is destroyed.
    pub patients: u64,
    /// Their anchors of the run: on the ledger for good, and nobody's.
    pub orphaned_anchors: u64,
    /// The bytes of the transactions that hold these.
    pub residual_bytes: u64,
}

/// What came of the contracts over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractSummary {
    /// By kind.
    pub kinds: BTreeMap<String, KindSummary>,
    /// Looks at data, and exchanges, for which glass was broken.
    pub emergencies: u64,
    /// Looks at data by region, refused ones included.
    pub looks_by_region: BTreeMap<String, u64>,
    /// Revocations, recalls, erasures, enactments.
    pub felt: BTreeMap<String, ReachSummary>,
    /// Counterfeits, frauds by their manner, breaches of trials.
    pub planted: BTreeMap<String, CaughtSummary>,
    /// Exchanges that crossed a border, where the patient's country let them.
    pub disclosed_abroad: u64,
    /// The bytes that went.
    pub disclosed_abroad_bytes: u64,
    /// Exchanges that a country's law stopped.
    pub stopped_at_border: u64,
    /// Data looked at, seen in a session, handed over or licensed across a border, emergencies aside, as the judge of
    /// contracts counts; without weight.
    #[serde(default)]
    pub border_crossings: u64,
    /// Of them, against the law in force there: the judge ends the run at the first.
    #[serde(default)]
    pub residency_violations: u64,
    /// Of claims paid: from submission to effect, of all four stages together, ms.
    pub settlement_ms: LatencySummary,
    /// Of claims paid, the share within [`SETTLEMENT_BAR`]; nothing where none is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_within_bar: Option<f64>,
    /// To the receipt of packs verified, dispensed or taken out, done or refused: the answer whether they are genuine, ms.
    #[serde(default)]
    pub verification_ms: LatencySummary,
    /// Of packs looked at, the share answered within [`VERIFICATION_BAR`]; nothing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_within_bar: Option<f64>,
    /// Of motions that were carried: from the submission of their enactment to the first block for which they are in effect,
    /// ms.
    #[serde(default)]
    pub enacted_ms: LatencySummary,
    /// Motions that were enacted and not in effect when the run ended.
    #[serde(default)]
    pub pending_motions: u64,
    /// Records.
    pub stored: StoredSummary,
    /// What forgetting left behind.
    pub erased: ErasedSummary,
    /// Balances of all hospitals, payers and patients and of the operator, hundredths: their sum is nought.
    pub balances: BTreeMap<String, i64>,
    /// Bytes of samples that Merkle roots of devices stood for, as many as the load table has for each root, less the
    /// roots' own.
    pub batching_saved_bytes: i64,
    /// Rows of authenticated state that were written.
    pub rows: u64,
}

impl ContractSummary {
    pub(super) fn of(point: &Point, outcome: &ContractOutcome) -> ContractSummary {
        let kinds = &point.setup.kinds;
        let by_kind = kinds.iter().zip(&outcome.by_kind).filter(|(_, decided)| decided.all() > 0);
        let per_patient = |bytes: f64| bytes / outcome.stored.patients.max(1) as f64;
        let bundled = if point.setup.on_ledger { 0.0 } else { behind_roots(kinds, &outcome.by_kind) };
        let verified = verified(kinds, &outcome.by_kind);
        let counted =
            |name| point.outcome.counted.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
        let stopped = [Refusal::DataStay, Refusal::NoAdequacy].map(|law| {
            let requests = kinds.iter().zip(&outcome.by_kind).filter(|(kind, _)| kind.verb == Verb::Request);
            requests.map(|(_, decided)| decided.refused[law as usize]).sum::<u64>()
        });
        let holders = ["hospitals", "payers", "patients", "operator"].map(String::from);
        ContractSummary {
            kinds: by_kind.map(|(kind, decided)| (kind.name.clone(), of_kind(kind, decided))).collect(),
            emergencies: outcome.emergencies,
            looks_by_region: point.setup.regions.iter().cloned().zip(outcome.looks.iter().copied()).collect(),
            felt: Felt::ALL.into_iter().zip(&outcome.reach).filter_map(of_reach).collect(),
            planted: Planted::ALL.into_iter().zip(&outcome.caught).filter_map(of_planted).collect(),
            disclosed_abroad: outcome.abroad[0],
            disclosed_abroad_bytes: outcome.abroad[1],
            stopped_at_border: stopped.iter().sum(),
            border_crossings: counted("border_crossings"),
            residency_violations: counted("residency_violations"),
            settlement_ms: LatencySummary::of(&outcome.settlement),
            settlement_within_bar: within(&outcome.settlement, SETTLEMENT_BAR),
            verification_ms: LatencySummary::of(&verified),
            verification_within_bar: within(&verified, VERIFICATION_BAR),
            enacted_ms: LatencySummary::of(&outcome.enacted),
            pending_motions: outcome.pending_motions,
            stored: StoredSummary {
                patients: outcome.stored.patients,
                on_ledger_bytes_per_patient: per_patient(outcome.stored.on_ledger as f64),
                off_ledger_bytes_per_patient: per_patient(outcome.stored.off_ledger as f64 + bundled),
            },
            erased: ErasedSummary {
                patients: outcome.residue.patients,
                orphaned_anchors: outcome.residue.orphaned.count,
                residual_bytes: outcome.residue.orphaned.bytes,
            },
            balances: holders.into_iter().zip(outcome.balances).collect(),
            batching_saved_bytes: saved(kinds, &outcome.by_kind),
            rows: outcome.rows,
        }
    }
}

/// The share of latencies within a bound; nothing where there are none.
fn within(latency: &LatencyHistogram, bound: Span) -> Option<f64> {
    (latency.count() > 0).then(|| latency.share_within(bound))
}

fn of_kind(kind: &KindSpec, decided: &Decided) -> KindSummary {
    let refused = Refusal::all().zip(decided.refused).filter(|(_, count)| *count > 0);
    KindSummary {
        done: decided.done,
        refused: refused.map(|(reason, count)| (reason.name().to_string(), count)).collect(),
        reply_ms: LatencySummary::of(&decided.latency),
        slo_ms: kind.slo.map(Span::as_millis_f64),
        within_slo: kind.slo.and_then(|slo| within(&decided.latency, slo)),
    }
}

fn of_reach((felt, reach): (Felt, &Reach)) -> Option<(String, ReachSummary)> {
    let summary = ReachSummary {
        replicas_ms: LatencySummary::of(&reach.replicas),
        hospitals_ms: LatencySummary::of(&reach.hospitals),
        coverage_ms: LatencySummary::of(&reach.coverage),
        pending: reach.pending,
    };
    (summary.coverage_ms.count + summary.pending > 0).then(|| (felt.name().to_string(), summary))
}

fn of_planted((planted, caught): (Planted, &Caught)) -> Option<(String, CaughtSummary)> {
    let &Caught { planted: injected, caught, missed } = caught;
    let summary = CaughtSummary { injected, caught, missed };
    (injected > 0).then(|| (planted.name().to_string(), summary))
}

/// Receipts of whatever asks whether a pack is genuine.
fn verified(kinds: &[KindSpec], by_kind: &[Decided]) -> LatencyHistogram {
    let asks = |kind: &KindSpec| matches!(kind.verb, Verb::Verify | Verb::Dispense | Verb::Decommission);
    let mut all = LatencyHistogram::default();
    kinds.iter().zip(by_kind).filter(|(kind, _)| asks(kind)).for_each(|(_, decided)| all.add(&decided.latency));
    all
}

/// Bytes of the resources behind roots over encounters, beyond the roots' own.
fn behind_roots(kinds: &[KindSpec], by_kind: &[Decided]) -> f64 {
    let is_root = |kind: &KindSpec| kind.name == "record.batch_root";
    let Some(root) = kinds.iter().position(is_root).filter(|&root| kinds[root].world_tps > 0.0) else { return 0.0 };
    let bundled =
        kinds.iter().filter(|kind| kind.verb == Verb::Anchor && kind.name.starts_with("record.") && !is_root(kind));
    let per_root: f64 = bundled.map(|kind| kind.world_tps / kinds[root].world_tps * kind.payload.mean()).sum();
    by_kind[root].done as f64 * (per_root - kinds[root].payload.mean())
}

/// A root stands for as many samples as the load table has them for each root.
fn saved(kinds: &[KindSpec], by_kind: &[Decided]) -> i64 {
    let find = |name: &str| kinds.iter().position(|kind| kind.name == name);
    let (Some(root), Some(sample)) = (find("device.batch_root"), find("device.sample")) else { return 0 };
    let per_root = kinds[sample].world_tps / kinds[root].world_tps.max(1e-9);
    let each = per_root * kinds[sample].wire.0 as f64 - kinds[root].wire.0 as f64;
    (by_kind[root].done as f64 * each) as i64
}
