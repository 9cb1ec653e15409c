//! Algorithm 1 rule by rule, with literal messages; gossip; and the promises under any order of delivery.

mod catching_up;
mod course;
mod gossip;
mod rules;

use std::panic::catch_unwind;
use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::testing::Lone;
use crate::consensus::{Event, Protocol, Tendermint, TendermintParams, Transport, planted};
use crate::ledger::{Block, Certificate, Committee, Payload, Phase, Signers};

use super::{Ballot, Header, TendermintMessage as Message, TendermintTimer as Timer};

type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

/// Replica 3 of four: at height 1 replica 1 proposes in round 0, 2 in round 1, and this one in round 2.
const ME: u32 = 3;
const NIL: Digest = Digest::ZERO;

fn replica_with(params: &TendermintParams) -> Lone<Tendermint> {
    let mut replica = Lone::new(ReplicaId(ME), &Committee::new(4), params);
    assert!(replica.step(Event::Start).is_empty(), "replica 1 proposes first");
    replica
}

fn replica() -> Lone<Tendermint> {
    replica_with(&TendermintParams::default())
}

fn proposer(height: u64, view: u64) -> ReplicaId {
    ReplicaId(((height + view) % 4) as u32)
}

/// The first block that is proposed in a round at `parent`'s next height.
fn child(parent: &Block, view: u64) -> Arc<Block> {
    let height = parent.height.next();
    let by = proposer(height.0, view);
    Arc::new(Block::sealed(View(view), height, by, parent.id(), parent.view, Payload::default()))
}

/// A block of height 1 that is proposed first in `view`.
fn block(view: u64) -> Arc<Block> {
    child(&Block::genesis(), view)
}

fn header(block: &Block, view: u64, valid: Option<u64>) -> Header {
    let by = proposer(block.height.0, view);
    Header { by, height: block.height, view: View(view), valid: valid.map(View), block: block.id() }
}

/// `block` as the proposal of `view`, by its proposer.
fn proposal(block: &Arc<Block>, view: u64, valid: Option<u64>) -> Message {
    Message::Proposal { header: header(block, view, valid), block: block.clone(), again: false }
}

fn prevote(view: u64, block: Digest) -> Message {
    Message::Vote(Ballot { phase: Phase::Vote, height: Height(1), view: View(view), block })
}

fn precommit(view: u64, block: Digest) -> Message {
    Message::Vote(Ballot { phase: Phase::Commit, height: Height(1), view: View(view), block })
}

/// Votes of height 1 as someone shows them.
fn shown(phase: Phase, view: u64, block: Digest, by: &[u32]) -> Certificate {
    let mut signers = Signers::none_of(4);
    for &by in by {
        signers.insert(ReplicaId(by));
    }
    Certificate { phase, view: View(view), height: Height(1), block, signers }
}

/// The replica's own votes among what was sent: phase, round, block.
fn votes(sent: &Sent) -> Vec<(Phase, u64, Digest)> {
    let vote = |(_, message): &(_, Arc<Message>)| match **message {
        Message::Vote(ballot) => Some((ballot.phase, ballot.view.0, ballot.block)),
        _ => None,
    };
    sent.iter().filter_map(vote).collect()
}

/// The proposals among what was sent.
fn proposals(sent: &Sent) -> Vec<(Header, Arc<Block>)> {
    let proposal = |(_, message): &(_, Arc<Message>)| match &**message {
        Message::Proposal { header, block, .. } => Some((*header, block.clone())),
        _ => None,
    };
    sent.iter().filter_map(proposal).collect()
}

/// It receives `message` of each of `from`; what it sends in answer.
fn hear(replica: &mut Lone<Tendermint>, from: &[u32], message: impl Fn() -> Message) -> Sent {
    from.iter().flat_map(|&from| replica.receive(from, message())).collect()
}

/// A replica that has prevoted for `block(0)`, precommitted it on a polka, and locked it.
fn locked() -> Lone<Tendermint> {
    let mut replica = replica();
    let first = block(0);
    replica.receive(1, proposal(&first, 0, None));
    let sent = hear(&mut replica, &[0, 1], || prevote(0, first.id()));
    assert_eq!(votes(&sent), [(Phase::Commit, 0, first.id())]);
    replica
}

/// It goes on to the next round after `view`, as a quorum precommitted differing things.
fn leave_round(replica: &mut Lone<Tendermint>, view: u64) -> Sent {
    hear(replica, &[0, 1, 2], || precommit(view, NIL));
    replica.expire(Timer::Precommit)
}

/// A defect and the tests that notice it.
const CAUGHT_BY: &[(&str, fn())] = &[
    ("quorum off by one", rules::it_precommits_on_a_polka_and_not_before),
    ("duplicate votes counted", rules::a_repeated_vote_counts_once),
    ("lock dropped", rules::a_locked_replica_prevotes_nil_for_another_block),
    ("lock forgotten on a new round", rules::a_locked_replica_prevotes_nil_for_another_block),
    ("lock ignored", rules::a_locked_replica_prevotes_nil_for_another_block),
    ("commit on prevotes", rules::it_decides_on_a_quorum_of_precommits),
    ("precommit without polka", rules::it_precommits_on_a_polka_and_not_before),
    ("prevote twice", rules::it_prevotes_once_in_a_round),
    ("proposes out of turn", rules::without_a_proposal_it_prevotes_nil),
    ("restart forgets its votes", catching_up::after_a_restart_it_does_not_vote_again),
    ("valid value forgotten", rules::a_proposer_proposes_what_a_polka_made_valid),
    ("prevotes never time out", rules::prevotes_that_differ_are_waited_for_and_then_nil_is_precommitted),
    ("nothing repeated", catching_up::it_repeats_its_votes_while_nothing_moves),
    ("catch-up omitted", catching_up::it_answers_who_is_behind_with_what_was_decided),
];

#[test]
fn every_planted_defect_is_caught() {
    let listed: Vec<&str> = CAUGHT_BY.iter().map(|(defect, _)| *defect).collect();
    assert_eq!(listed, Tendermint::PLANTED);
    for (defect, test) in CAUGHT_BY {
        test();
        assert!(catch_unwind(|| planted::with(defect, test)).is_err(), "{defect} is not noticed");
    }
}
