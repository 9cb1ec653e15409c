//! What is held of each point of a sweep: thousands of whole summaries would fill the memory, and tables say less.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::Digest;

use super::{LatencySummary, SloSummary, Summary, UtilisationSummary};

/// What of a point's summary is held once it is read or computed.
pub trait Held: DeserializeOwned + Send {
    /// Of a summary.
    fn of(summary: Summary) -> Self;

    /// The outcome's digest.
    fn digest(&self) -> Digest;
}

impl Held for Summary {
    fn of(summary: Summary) -> Summary {
        summary
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

/// The part of a summary that tables of points and cells say, with the same keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Figures {
    pub(super) digest: Digest,
    pub(super) seed: u64,
    pub(super) offered_tps: f64,
    pub(super) throughput_tps: f64,
    pub(super) goodput_tps: f64,
    pub(super) latency_ms: BTreeMap<String, LatencySummary>,
    pub(super) messages_per_tx: f64,
    pub(super) bytes_per_tx: f64,
    pub(super) utilisation: BTreeMap<String, UtilisationSummary>,
    pub(super) binding_resource: String,
    pub(super) slo: Vec<SloSummary>,
    rejected: BTreeMap<String, u64>,
    contracts: Option<Contracts>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Contracts {
    kinds: BTreeMap<String, Calls>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Calls {
    #[serde(default)]
    refused: BTreeMap<String, u64>,
}

impl Figures {
    /// Whether every threshold held.
    pub fn meets_slos(&self) -> bool {
        self.slo.iter().all(|slo| slo.holds)
    }

    /// Transactions refused, by whatever reason.
    pub(super) fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Calls that contracts refused; nothing where there are none.
    pub(super) fn refused_total(&self) -> Option<u64> {
        let contracts = self.contracts.as_ref()?;
        Some(contracts.kinds.values().flat_map(|calls| calls.refused.values()).sum())
    }
}

impl From<&Summary> for Figures {
    fn from(summary: &Summary) -> Figures {
        let contracts = summary.contracts.as_ref().map(|contracts| {
            let calls = contracts.kinds.iter().map(|(name, kind)| (name, Calls { refused: kind.refused.clone() }));
            Contracts { kinds: calls.map(|(name, calls)| (name.clone(), calls)).collect() }
        });
        Figures {
            digest: summary.digest,
            seed: summary.seed,
            offered_tps: summary.offered_tps,
            throughput_tps: summary.throughput_tps,
            goodput_tps: summary.goodput_tps,
            latency_ms: summary.latency_ms.clone(),
            messages_per_tx: summary.messages_per_tx,
            bytes_per_tx: summary.bytes_per_tx,
            utilisation: summary.utilisation.clone(),
            binding_resource: summary.binding_resource.clone(),
            slo: summary.slo.clone(),
            rejected: summary.rejected.clone(),
            contracts,
        }
    }
}

impl Held for Figures {
    fn of(summary: Summary) -> Figures {
        Figures::from(&summary)
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}
