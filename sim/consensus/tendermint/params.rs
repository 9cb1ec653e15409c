//! Tendermint's settings: CometBFT's names and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Span, View};
use crate::consensus::{BadSetting, MOST_TIMEOUT_MS};
use crate::ledger::Committee;

/// Where days of timeouts for each of many replicas add up to more than a run can last, ms: a hundred years.
const MOST_PATIENCE_MS: u64 = 3_155_760_000_000;

/// How messages reach the other replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Each to all.
    Direct,
    /// To neighbours, who pass them on once; blocks in parts.
    Gossip,
}

/// Settings of Tendermint.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TendermintParams {
    /// How long a replica waits for the proposal of round 0, ms.
    pub timeout_propose_ms: u64,
    /// How much longer in each further round, ms.
    pub timeout_propose_delta_ms: u64,
    /// How long a replica waits for more prevotes when a quorum did not agree in round 0, ms.
    pub timeout_prevote_ms: u64,
    /// How much longer in each further round, ms.
    pub timeout_prevote_delta_ms: u64,
    /// How long a replica waits for more precommits when a quorum did not agree in round 0, ms.
    pub timeout_precommit_ms: u64,
    /// How much longer in each further round, ms.
    pub timeout_precommit_delta_ms: u64,
    /// How long a replica pauses after a commit, ms: it paces blocks.
    pub timeout_commit_ms: u64,
    /// Whether blocks are proposed that order nothing.
    pub create_empty_blocks: bool,
    /// How long nothing moves before a replica repeats what others may lack, ms.
    pub retransmit_ms: u64,
    /// How messages reach the other replicas.
    pub transport: Transport,
    /// Most neighbours that a replica has (transport `gossip`).
    pub peers: u32,
    /// Length of the parts that blocks are cut into (transport `gossip`), bytes.
    pub part_bytes: u64,
    /// The most that one connection carries each way (transport `gossip`), kB/s.
    pub peer_rate_kbytes: u64,
}

impl Default for TendermintParams {
    fn default() -> Self {
        TendermintParams {
            timeout_propose_ms: 3_000,
            timeout_propose_delta_ms: 500,
            timeout_prevote_ms: 1_000,
            timeout_prevote_delta_ms: 500,
            timeout_precommit_ms: 1_000,
            timeout_precommit_delta_ms: 500,
            timeout_commit_ms: 1_000,
            create_empty_blocks: true,
            retransmit_ms: 2_000,
            transport: Transport::Direct,
            peers: 10,
            part_bytes: 65_536,
            peer_rate_kbytes: 5_120,
        }
    }
}

impl TendermintParams {
    /// For round trips of at most a tenth of a second.
    pub(super) fn brisk() -> TendermintParams {
        TendermintParams {
            timeout_propose_ms: 400,
            timeout_propose_delta_ms: 100,
            timeout_prevote_ms: 200,
            timeout_prevote_delta_ms: 100,
            timeout_precommit_ms: 200,
            timeout_precommit_delta_ms: 100,
            timeout_commit_ms: 50,
            retransmit_ms: 250,
            ..TendermintParams::default()
        }
    }

    /// Bounds of every key.
    pub(super) fn validate(&self, replicas: u32) -> Result<(), BadSetting> {
        let timeouts = [
            ("timeout_propose_ms", self.timeout_propose_ms, 1),
            ("timeout_propose_delta_ms", self.timeout_propose_delta_ms, 0),
            ("timeout_prevote_ms", self.timeout_prevote_ms, 1),
            ("timeout_prevote_delta_ms", self.timeout_prevote_delta_ms, 0),
            ("timeout_precommit_ms", self.timeout_precommit_ms, 1),
            ("timeout_precommit_delta_ms", self.timeout_precommit_delta_ms, 0),
            // A lone replica decides height after height in no time.
            ("timeout_commit_ms", self.timeout_commit_ms, u64::from(replicas == 1)),
            ("retransmit_ms", self.retransmit_ms, 4),
        ];
        for (key, value, least) in timeouts {
            BadSetting::unless_within(key, value, least, MOST_TIMEOUT_MS)?;
        }
        BadSetting::unless_within("peers", self.peers.into(), 2, 2_000)?;
        BadSetting::unless_within("part_bytes", self.part_bytes, 1_024, 1 << 30)?;
        BadSetting::unless_within("peer_rate_kbytes", self.peer_rate_kbytes, 1, 1 << 30)
    }

    /// timeoutPropose(round).
    pub(super) fn propose_in(&self, view: View) -> Span {
        grown(self.timeout_propose_ms, self.timeout_propose_delta_ms, view)
    }

    /// timeoutPrevote(round).
    pub(super) fn prevote_in(&self, view: View) -> Span {
        grown(self.timeout_prevote_ms, self.timeout_prevote_delta_ms, view)
    }

    /// timeoutPrecommit(round).
    pub(super) fn precommit_in(&self, view: View) -> Span {
        grown(self.timeout_precommit_ms, self.timeout_precommit_delta_ms, view)
    }

    /// A height that the faults left undecided may need every replica to propose once after them: only the one that
    /// holds the highest lock may propose what all accept. Then what was ordered by abandoned blocks, or waited at dead
    /// proposers, needs a height of a live one: f + 1 heights, each with as many dead proposers before it.
    pub(super) fn patience(&self, committee: &Committee) -> Span {
        let faults = u64::from(committee.faults());
        let ms = |span: Span| span.0 / 1_000_000;
        let round = |view| ms(self.propose_in(view)) + ms(self.prevote_in(view)) + ms(self.precommit_in(view));
        let rounds = |count| (0..count).map(|view| round(View(view))).sum::<u64>();
        let undecided = rounds(u64::from(committee.len()) + faults + 4);
        let height = rounds(faults + 2) + self.timeout_commit_ms + self.retransmit_ms;
        let total = undecided + height * (faults + 2) + 4 * self.retransmit_ms + 5_000;
        Span::from_millis(total.min(MOST_PATIENCE_MS))
    }
}

/// Line 57 and its kin: timeouts grow linearly with the round, so that some round is long enough.
fn grown(base_ms: u64, delta_ms: u64, view: View) -> Span {
    let ms = base_ms.saturating_add(delta_ms.saturating_mul(view.0));
    Span::from_millis(ms.min(MOST_TIMEOUT_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_grow_by_the_same_step_each_round() {
        let params = TendermintParams::default();
        let propose = [0, 1, 10].map(|view| params.propose_in(View(view)));
        assert_eq!(propose, [3_000, 3_500, 8_000].map(Span::from_millis));
        assert_eq!(params.prevote_in(View(2)), Span::from_millis(2_000));
        assert_eq!(params.precommit_in(View(u64::MAX)), Span::from_millis(MOST_TIMEOUT_MS), "and never overflow");
    }

    #[test]
    fn every_key_has_bounds() {
        let invalid = |change: fn(&mut TendermintParams), replicas| {
            let mut params = TendermintParams::default();
            change(&mut params);
            params.validate(replicas).expect_err("out of bounds").key
        };
        assert_eq!(invalid(|params| params.timeout_propose_ms = 0, 4), "timeout_propose_ms");
        assert_eq!(invalid(|params| params.timeout_commit_ms = 0, 1), "timeout_commit_ms");
        assert_eq!(invalid(|params| params.peers = 1, 4), "peers");
        assert_eq!(invalid(|params| params.part_bytes = 0, 4), "part_bytes");
        assert_eq!(invalid(|params| params.peer_rate_kbytes = 0, 4), "peer_rate_kbytes");
        assert_eq!(TendermintParams::default().validate(1_000), Ok(()));
    }
}
