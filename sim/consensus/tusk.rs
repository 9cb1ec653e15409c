//! Tusk: a certified DAG ordered by a coin.
//!
//! Source: Danezis, Kokoris-Kogias, Sonnino, Spiegelman, "Narwhal and Tusk: A DAG-based Mempool and Efficient BFT
//! Consensus", EuroSys'22 (arXiv 2105.11827v4), section 5.
//!
//! It sends nothing: each replica reads the DAG that the layer `certified` weaves. A wave has three rounds, the third of
//! which is the next wave's first: in the first everyone proposes, in the second everyone votes by linking, and the
//! blocks of the third carry the shares of a coin that elects a leader of the first. f + 1 blocks of the second round
//! that link to the leader's make it an anchor: 3 rounds of 3 message delays each (header, vote, certificate). An anchor
//! first makes anchors of the leaders' blocks before it that it reaches, then takes all that it builds on and no anchor
//! before took. Nobody waits for anybody, so that it goes on however slow the network is.
//!
//! Against the paper:
//! - The coin is a hash of the round ([`Committee::coin`]), as in the authors' implementation, and is asked for when the
//!   DAG has blocks of f + 1 replicas of the third round, of which a real coin's shares would reveal it. Its shares'
//!   size and verification are left out.
//! - Waves begin in even rounds, so that the first round of all, 1, belongs to none.
//! - With n = 3f + 3 an anchor needs one vote more than f + 1 ([`Committee::blocking`]): else a quorum may have none of
//!   them.
//! - An anchor takes what lies at most `gc_depth` rounds below it, as the implementation does.

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ReplicaId, Span, View};
use crate::ledger::{CommitRule, Committee, DagRule, FaultModel, Leaders, Locks, Promises, Slot};

use super::dag::{Dag, MOST_DEPTH, ROUND, Waves};
use super::planted::planted;
use super::{BadSetting, Context, Event, Layer, Protocol};

/// Waves within which the coin elects a leader whose block has votes: each does with a chance above a third, so that
/// fewer than one in 10^10 waits longer.
const LUCKY_WAVES: u64 = 64;

/// Settings of Tusk. Headers, batches and workers are the layer's.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TuskParams {
    /// Rounds below an anchor of which it takes nothing that is older: replicas forget those.
    pub gc_depth: u64,
}

impl Default for TuskParams {
    fn default() -> Self {
        TuskParams { gc_depth: 50 }
    }
}

/// A Tusk replica.
pub struct Tusk {
    waves: Waves,
}

impl Protocol for Tusk {
    const NAME: &'static str = "tusk";
    const LAYERS: &'static [Layer] = &[Layer::Certified];
    /// Its layer's DAG has grown.
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = super::dag::PLANTED;
    /// Only the layer sends.
    type Message = Infallible;
    type Timer = Infallible;
    type Params = TuskParams;

    fn validate(params: &TuskParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("gc_depth", params.gc_depth, 4, MOST_DEPTH)
    }

    fn brisk() -> TuskParams {
        TuskParams { gc_depth: 20 }
    }

    /// Three rounds, each of a header, the votes for it and its certificate: 9 delays until the blocks of the third that
    /// reveal the leader of the first are known.
    fn promises(params: &TuskParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::Everyone,
            slot: Slot::View,
            commit: CommitRule::Dag { rule: DagRule::Tusk, depth: params.gc_depth },
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            delays: 9,
        }
    }

    /// What was lost in headers that nobody certified is proposed again `gc_depth` rounds later.
    fn patience(params: &TuskParams, _: &Committee) -> Span {
        ROUND * (params.gc_depth + 2 * LUCKY_WAVES)
    }

    fn new(_: ReplicaId, committee: &Committee, params: &TuskParams) -> Self {
        Tusk { waves: Waves::new(committee, params.gc_depth, leader) }
    }

    /// What it has committed is on disk; the rest it reads from the layer's DAG.
    fn recovered(&self) -> Self {
        Tusk { waves: self.waves.clone() }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Context<'_, Self>) {
        match event {
            Event::Start | Event::Submitted => self.on_woven(ctx),
            Event::Received { message, .. } => match **message {},
            Event::Expired(timer) => match timer {},
        }
    }
}

impl Tusk {
    /// Section 5, algorithm 3: the DAG has grown, and may decide on leaders.
    fn on_woven(&mut self, ctx: &mut Context<'_, Self>) {
        self.waves.order(ctx);
    }
}

/// The leader of an even round, once f + 1 replicas' shares of the coin are known.
fn leader(committee: &Committee, dag: &Dag, round: View) -> Option<ReplicaId> {
    let revealed = dag.authors(View(round.0 + 2)) >= committee.witness() || planted!("coin revealed too early");
    revealed.then(|| committee.coin(round))
}
