//! `sharded`: one committee for each shard, each with a protocol, a chain and a state of its own; transactions that
//! concern two shards commit in both or in neither ([`crate::ledger::CrossLedger`]).
//!
//! It is no state machine of its own: a run has several committees ([`Setup::shards`]) that all run the inner protocol.
//! What hospitals of a shard submit is ordered, executed and kept by that shard's replicas alone: data reside where
//! they are by construction, and only what a transaction moves to another shard leaves it.
//!
//! Left out: moving hospitals or replicas between shards, transactions that concern more than two, and a beacon that
//! assigns replicas at random. A shard tolerates its own f liars, however few liars there are in all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::consensus::{BadSetting, Layer, MOST_TIMEOUT_MS};
use crate::health::KindSpec;
use crate::kernel::draw::Chance;
use crate::ledger::{Committee, Promises};

use super::registry::Entry;
use super::run::{Control, RunError};
use super::{CrossSetup, Outcome, ProtocolKind, ProtocolTables, Setup, run};

/// Most accounts of a shard: 40 bytes each.
const MOST_ACCOUNTS: u64 = 1 << 24;

/// How replicas and hospitals are divided into shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ShardMap {
    /// That many, of replicas that follow each other in the list of metros.
    Count(u32),
    /// By a property of their places.
    By(ShardKey),
}

/// What places are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShardKey {
    /// One shard for each WHO region; one with too few replicas is merged with its nearest.
    Region,
}

/// Settings of `sharded`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShardedParams {
    /// The protocol that each shard runs, under its own settings.
    pub inner: ProtocolKind,
    /// `"region"`: one shard for each WHO region; or a number: that many, of replicas that are neighbours in the list
    /// of metros.
    pub shards: ShardMap,
    /// Fewest replicas of a shard. A region with fewer is merged with its nearest.
    pub committee: u32,
    /// Transactions that concern a second shard, percent. Without it, those of the kinds that the taxonomy says do.
    pub cross_percent: Option<f64>,
    /// How long a home shard waits for the other's vote before it aborts, ms.
    pub prepare_timeout_ms: u64,
    /// How long a shard that holds a lock waits for an answer before it asks the next gateway of the other, ms.
    pub retry_ms: u64,
    /// Accounts of each shard; one that a transaction holds refuses others.
    pub accounts: u32,
}

impl Default for ShardedParams {
    fn default() -> Self {
        ShardedParams {
            inner: ProtocolKind::Jolteon,
            shards: ShardMap::By(ShardKey::Region),
            committee: 4,
            cross_percent: None,
            prepare_timeout_ms: 10_000,
            retry_ms: 3_000,
            accounts: 1_000_000,
        }
    }
}

impl ShardedParams {
    /// What happens between shards, to transactions of these kinds.
    pub fn cross(&self, kinds: &[KindSpec]) -> CrossSetup {
        let share = |kind: &KindSpec| match self.cross_percent {
            Some(percent) => Chance::new(percent / 100.0),
            None => Chance::new(if kind.crosses { 1.0 } else { 0.0 }),
        };
        CrossSetup {
            shares: kinds.iter().map(share).collect(),
            accounts: self.accounts,
            prepare_timeout: Span::from_millis(self.prepare_timeout_ms),
            retry: Span::from_millis(self.retry_ms),
        }
    }
}

/// The line of the registry.
pub(super) struct Sharded;

impl Entry for Sharded {
    const NAME: &'static str = "sharded";
    const LAYERS: &'static [Layer] = &[Layer::Leader, Layer::Batched];
    const LEAST_REPLICAS: u32 = 1;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = &[
        "commit without all prepares",
        "timeout commits",
        "lock leaked on abort",
        "partner's lock leaked on abort",
        "escrow kept on abort",
        "locked account locked again",
        "vote forgotten",
        "vote not repeated",
        "decision executed again",
        "proof not verified",
        "one signature proves",
        "expiry before the deadline",
    ];
    type Params = ShardedParams;

    fn validate(params: &ShardedParams, replicas: u32) -> Result<(), BadSetting> {
        if params.inner == ProtocolKind::Sharded {
            return Err(BadSetting { key: "inner", rule: "must be a protocol of one committee, not `sharded`".into() });
        }
        if params.inner.layers() == [Layer::Kept] {
            let rule = format!("must be a protocol that orders contents, not `{}`", params.inner.name());
            return Err(BadSetting { key: "inner", rule });
        }
        let (least, most) = (params.inner.least_replicas(), u64::from(u32::MAX));
        BadSetting::unless_within("committee", params.committee.into(), least.into(), most)?;
        BadSetting::unless_within("prepare_timeout_ms", params.prepare_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("retry_ms", params.retry_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("accounts", params.accounts.into(), 1, MOST_ACCOUNTS)?;
        let percent = params.cross_percent.unwrap_or(0.0);
        if !(0.0..=100.0).contains(&percent) {
            let rule = format!("must be between 0 and 100, not {percent}");
            return Err(BadSetting { key: "cross_percent", rule });
        }
        if let ShardMap::Count(shards) = params.shards {
            let most = (replicas / params.committee).max(1);
            let rule = format!(
                "must be between 1 and {most}, not {shards}: {replicas} replicas make {most} shards of at least \
                 {}; raise consensus.replicas or lower protocol.sharded.committee",
                params.committee
            );
            return if (1..=most).contains(&shards) { Ok(()) } else { Err(BadSetting { key: "shards", rule }) };
        }
        Ok(())
    }

    /// Few accounts and many transactions across shards, so that they meet.
    fn brisk() -> ShardedParams {
        ShardedParams {
            cross_percent: Some(50.0),
            prepare_timeout_ms: 1_500,
            retry_ms: 400,
            accounts: 24,
            ..ShardedParams::default()
        }
    }

    fn promises(params: &ShardedParams, tables: &ProtocolTables) -> Promises {
        tables.promises(params.inner)
    }

    /// Each of four stages is ordered within the inner protocol's patience, and a share that was lost is asked for of
    /// one gateway after another, of whom f + 1 live.
    fn patience(params: &ShardedParams, tables: &ProtocolTables, committee: &Committee) -> Span {
        let asked = u64::from(committee.len() + committee.witness());
        let waits = params.prepare_timeout_ms + 3 * asked * params.retry_ms;
        tables.patience(params.inner, committee) * 4 + Span::from_millis(waits)
    }

    fn layers(params: &ShardedParams, tables: &ProtocolTables) -> &'static [Layer] {
        tables.layers(params.inner)
    }

    fn least_replicas(params: &ShardedParams) -> u32 {
        params.inner.least_replicas()
    }

    fn run(
        params: &ShardedParams,
        tables: &ProtocolTables,
        setup: &Setup,
        control: &mut dyn Control,
    ) -> Result<Outcome, RunError> {
        run(params.inner, tables, setup, control)
    }
}
