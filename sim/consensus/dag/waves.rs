//! Leaders of every second round, and what becomes of them: what Tusk and Bullshark share.

use std::sync::Arc;

use crate::base::{ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::consensus::{Context, Protocol};
use crate::ledger::{Block, Committee};

use super::{Dag, Decision, Line};

/// Most rounds that an anchor may take: more would be kept for nothing.
pub const MOST_DEPTH: u64 = 1_000;
/// What a round takes at most where round trips take a tenth of a second: a header that waits to fill, three messages
/// with their jitter, and writes to a slow disk between them.
pub const ROUND: Span = Span::from_millis(500);

/// Defects of the committers and of the layer below, each of which the conformance suite must find; the first
/// [`HARDLY_EVER`] of them under Tusk only, as Bullshark's schedules hardly ever come to where those matter. A certified
/// DAG has no equivocation, so "equivocation counted twice" is for Bullshark's unit tests to find.
#[cfg(test)]
pub const PLANTED: &[&str] = &[
    "coin revealed too early",
    "indirect anchors from the wrong one",
    "certificate without availability",
    "vote twice",
    "own header forgotten in a crash",
    "a vote counted twice",
    "quorum of votes off by one",
    "catch-up omitted",
    "round opened without a quorum",
    "votes for an anchor off by one",
    "wave length wrong",
    "undecided leaders skipped",
    "duplicate delivery",
    "garbage collection off by one",
    "votes forgotten in a crash",
];
#[cfg(test)]
pub const HARDLY_EVER: usize = 2;

/// Rounds from one leader's to the next one's: leaders are those of even rounds.
const WAVE: u64 = 2;

fn wave() -> u64 {
    if planted!("wave length wrong") { 1 } else { WAVE }
}

/// Who leads an even round, if that is known yet.
pub type LeaderOf = fn(&Committee, &Dag, View) -> Option<ReplicaId>;

/// How many replicas' blocks of the next round link to a block.
fn votes(dag: &Dag, block: &Block) -> u32 {
    let link = block.link();
    let mut voters: Vec<ReplicaId> =
        dag.blocks(block.view.next()).filter(|block| block.links.contains(&link)).map(|block| block.author).collect();
    // Ascending already: a liar that has several blocks in the round is one voter.
    if !planted!("equivocation counted twice") {
        voters.dedup();
    }
    voters.len() as u32
}

/// The block of a leader that enough replicas voted for in the next round, if there is one: as many as every quorum has
/// one of, which are the papers' f + 1 where n = 3f + 1. With n = 6, two votes and a quorum of four could be strangers.
fn direct(dag: &Dag, committee: &Committee, round: View, leader: ReplicaId) -> Option<Arc<Block>> {
    let needed = committee.blocking() - u32::from(planted!("votes for an anchor off by one"));
    // Asked often, and mostly too early.
    if dag.linked(round, leader) < needed {
        return None;
    }
    dag.of(round, leader).find(|block| votes(dag, block) >= needed).cloned()
}

/// What the DAG says of the leaders after the round `after`, in the order of their rounds; undecided ones come last.
///
/// The first leader that has votes enough is an anchor. Of those before it, one is an anchor too if the next anchor
/// reaches its block, and is skipped if not: then nobody ever had votes enough for it, as those who voted and those whom
/// any later block links to, a quorum, share one.
pub fn decide(dag: &Dag, committee: &Committee, after: View, leader: LeaderOf) -> Vec<(View, Decision)> {
    let (mut decided, mut open) = (Vec::new(), Vec::new());
    let mut round = View(after.0 - after.0 % wave() + wave());
    while round < dag.highest() {
        let Some(leader_here) = leader(committee, dag, round) else { break };
        match direct(dag, committee, round, leader_here) {
            Some(anchor) => {
                let before = std::mem::take(&mut open);
                decided.extend(indirect(dag, &before, &anchor));
                decided.push((round, Decision::Commit(anchor)));
            }
            None => open.push((round, leader_here)),
        }
        round = View(round.0 + wave());
    }
    decided.extend(open.into_iter().map(|(round, _)| (round, Decision::Undecided)));
    decided
}

/// Leaders before `anchor` that had no votes enough, ascending: anchors where the next anchor reaches them.
fn indirect(dag: &Dag, before: &[(View, ReplicaId)], anchor: &Arc<Block>) -> Vec<(View, Decision)> {
    let mut next = anchor.clone();
    let mut decided: Vec<(View, Decision)> = Vec::new();
    for &(round, leader) in before.iter().rev() {
        let reached = dag.of(round, leader).find(|block| dag.reaches(&next, &block.link()));
        let decision = match reached.filter(|_| !planted!("undecided leaders skipped")) {
            Some(block) => {
                if !planted!("indirect anchors from the wrong one") {
                    next = block.clone();
                }
                Decision::Commit(block.clone())
            }
            None => Decision::Skip,
        };
        decided.push((round, decision));
    }
    decided.reverse();
    decided
}

/// The anchors so far, and their line.
#[derive(Clone, Debug)]
pub struct Waves {
    committee: Committee,
    leader: LeaderOf,
    /// The last leader's round that is decided.
    after: View,
    line: Line,
}

impl Waves {
    /// No anchors yet; each will take what lies at most `depth` rounds below it.
    pub fn new(committee: &Committee, depth: u64, leader: LeaderOf) -> Waves {
        Waves { committee: *committee, leader, after: View(0), line: Line::new(depth) }
    }

    /// The layer's DAG has grown: commits what it decides on.
    pub fn order<P: Protocol>(&mut self, ctx: &mut Context<'_, P>) {
        let Some(dag) = ctx.dag() else { return };
        let fresh = self.advance(dag);
        if fresh.is_empty() {
            return;
        }
        fresh.into_iter().for_each(|block| ctx.commit(block));
        ctx.pass(self.passed());
    }

    /// Appends the sub-DAGs of new anchors to the line, and returns them.
    pub fn advance(&mut self, dag: &mut Dag) -> Vec<Arc<Block>> {
        let mut fresh = Vec::new();
        for (round, decision) in decide(dag, &self.committee, self.after, self.leader) {
            match decision {
                Decision::Commit(anchor) => {
                    let last = self.line.tip().view;
                    assert!(anchor.view > last, "the anchor of {} comes after that of {last}", anchor.view);
                    fresh.push(self.line.extend(dag, &anchor));
                }
                Decision::Skip => {}
                Decision::Undecided => break,
            }
            self.after = round;
        }
        fresh
    }

    /// The last round of which no anchor to come takes anything.
    pub fn passed(&self) -> View {
        let passed = self.line.passed();
        if planted!("garbage collection off by one") { passed.next() } else { passed }
    }
}
