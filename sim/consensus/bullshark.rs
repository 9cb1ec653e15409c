//! Bullshark, partially synchronous: a certified DAG ordered by leaders that are known before.
//!
//! Sources: Spiegelman, Giridharan, Sonnino, Kokoris-Kogias, "Bullshark: DAG BFT Protocols Made Practical", CCS'22
//! (arXiv 2201.05677), and the same authors' "Bullshark: The Partially Synchronous Version" (arXiv 2209.05633), whose
//! rule this is. The paper's *vertex* is a certified header of the layer `certified`, its *anchor* the block of a round's
//! leader.
//!
//! It sends nothing: each replica reads the DAG that the layer weaves. Even rounds have leaders, in turn. f + 1 blocks of
//! the next round that link to a leader's block make it an anchor: 2 rounds of 3 message delays each (header, vote,
//! certificate). An anchor first makes anchors of the leaders' blocks before it that it reaches, then takes all that it
//! builds on and no anchor before took.
//!
//! Rounds wait: in even ones for the leader's block, in odd ones for the votes that decide on it, for `leader_timeout_ms`
//! at most ([`Pace::Anchored`]); without that, leaders that are slower than a quorum would never have votes.
//!
//! Against the papers:
//! - The asynchronous fallback of CCS'22 is left out, as the later paper does.
//! - An anchor takes what lies at most `gc_depth` rounds below it, as Narwhal's implementation does, and not what a rule
//!   on clocks of the authors says (CCS'22, section 6).
//! - With n = 3f + 3 an anchor needs one vote more than f + 1 ([`Committee::blocking`]): else a quorum may have none of
//!   them.
//! - A path over weak edges counts when leaders before an anchor are decided: a superset of the paths that the proof
//!   needs, and the same at every replica.

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ReplicaId, Span, View};
use crate::ledger::{CommitRule, Committee, DagRule, FaultModel, Leaders, Locks, Promises, Slot};

use super::dag::{Dag, MOST_DEPTH, ROUND, Waves};
use super::{BadSetting, Context, Event, Layer, MOST_TIMEOUT_MS, Pace, Protocol};

/// Settings of Bullshark. Headers, batches and workers are the layer's.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BullsharkParams {
    /// How long a round waits for its leader's block, or for the votes that decide on it, ms.
    pub leader_timeout_ms: u64,
    /// Rounds below an anchor of which it takes nothing that is older: replicas forget those.
    pub gc_depth: u64,
}

impl Default for BullsharkParams {
    fn default() -> Self {
        BullsharkParams { leader_timeout_ms: 2_000, gc_depth: 50 }
    }
}

/// A Bullshark replica.
pub struct Bullshark {
    waves: Waves,
}

impl Protocol for Bullshark {
    const NAME: &'static str = "bullshark";
    const LAYERS: &'static [Layer] = &[Layer::Certified];
    /// Its layer's DAG has grown.
    const WAKES_ON_PAYLOAD: bool = true;
    #[cfg(test)]
    const PLANTED: &'static [&'static str] = super::dag::PLANTED.split_at(super::dag::HARDLY_EVER).1;
    /// Only the layer sends.
    type Message = Infallible;
    type Timer = Infallible;
    type Params = BullsharkParams;

    fn validate(params: &BullsharkParams, _: u32) -> Result<(), BadSetting> {
        BadSetting::unless_within("leader_timeout_ms", params.leader_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("gc_depth", params.gc_depth, 4, MOST_DEPTH)
    }

    fn brisk() -> BullsharkParams {
        BullsharkParams { leader_timeout_ms: 400, gc_depth: 20 }
    }

    /// A leader's header, the votes for it, its certificate; the headers of the next round, which link to it, the votes
    /// for them, their certificates: 6 delays until f + 1 of those are known.
    fn promises(params: &BullsharkParams) -> Promises {
        Promises {
            tolerates: FaultModel::Byzantine,
            leaders: Leaders::Everyone,
            slot: Slot::View,
            commit: CommitRule::Dag { rule: DagRule::Bullshark, depth: params.gc_depth },
            silent_after_timeout: false,
            locks: Locks::Unstated,
            signed: true,
            delays: 6,
        }
    }

    fn pace(params: &BullsharkParams) -> Pace {
        Pace::Anchored { patience: Span::from_millis(params.leader_timeout_ms) }
    }

    /// What was lost in headers that nobody certified is proposed again `gc_depth` rounds later. Each wave may wait for
    /// both its rounds; 4 (f + 1) more find a leader that is neither faulty nor slow.
    fn patience(params: &BullsharkParams, committee: &Committee) -> Span {
        let waves = params.gc_depth + 4 * u64::from(committee.faults() + 1);
        (ROUND + Span::from_millis(params.leader_timeout_ms)) * (2 * waves)
    }

    fn new(_: ReplicaId, committee: &Committee, params: &BullsharkParams) -> Self {
        Bullshark { waves: Waves::new(committee, params.gc_depth, leader) }
    }

    /// What it has committed is on disk; the rest it reads from the layer's DAG.
    fn recovered(&self) -> Self {
        Bullshark { waves: self.waves.clone() }
    }

    fn step(&mut self, event: Event<'_, Self>, ctx: &mut Context<'_, Self>) {
        match event {
            Event::Start | Event::Submitted => self.on_woven(ctx),
            Event::Received { message, .. } => match **message {},
            Event::Expired(timer) => match timer {},
        }
    }
}

impl Bullshark {
    /// arXiv 2209.05633, figure 2: the DAG has grown, and may decide on leaders.
    fn on_woven(&mut self, ctx: &mut Context<'_, Self>) {
        self.waves.order(ctx);
    }
}

/// The leader of an even round: replicas lead in turn.
fn leader(committee: &Committee, _: &Dag, round: View) -> Option<ReplicaId> {
    Some(committee.leader(View(round.0 / 2)))
}
