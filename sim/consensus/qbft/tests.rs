//! QBFT's rules one by one, with literal messages.

mod campaign;
mod recovery;

use std::sync::Arc;

use crate::base::{Bytes, Digest, Height, ReplicaId, Time, View};
use crate::consensus::planted;
use crate::consensus::testing::Lone;
use crate::consensus::{Event, Message as _, Qbft, QbftParams};
use crate::ledger::{BatchRef, Block, Certificate, Committee, Payload, Phase, Signers, TimeoutCertificate};

use super::{Prepared, Proposal, QbftMessage as Message, QbftTimer};

type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

/// Replica 3 of four: it proposes in round 2 of height 1, and in round 0 of height 3. Replica 1 proposes at height 1.
const ME: u32 = 3;

fn of_id(me: u32) -> Lone<Qbft> {
    let mut replica = Lone::new(ReplicaId(me), &Committee::new(4), &QbftParams::default());
    assert!(replica.step(Event::Start).is_empty(), "the block period comes first");
    replica
}

fn replica() -> Lone<Qbft> {
    of_id(ME)
}

fn proposer(height: u64, round: u64) -> u32 {
    ((height + round) % 4) as u32
}

fn signers(by: &[u32]) -> Signers {
    let mut signers = Signers::none_of(4);
    by.iter().for_each(|&by| assert!(signers.insert(ReplicaId(by))));
    signers
}

fn certificate(phase: Phase, round: u64, block: &Block, by: &[u32]) -> Arc<Certificate> {
    let (view, height) = (View(round), block.height);
    Arc::new(Certificate { phase, view, height, block: block.id(), signers: signers(by) })
}

/// The block of a round on `parent`, told apart by `salt`.
fn child(parent: &Block, round: u64, salt: u8) -> Arc<Block> {
    let height = parent.height.next();
    let id = Digest::of(&[salt]);
    let batch = BatchRef { id, origin: ReplicaId(0), sequence: u64::from(salt), count: 1, bytes: Bytes(1) };
    let payload = Payload { batches: vec![batch], inline: Vec::new() };
    let author = ReplicaId(proposer(height.0, round));
    Arc::new(Block::sealed(View(round), height, author, parent.id(), parent.view, payload))
}

fn first() -> Arc<Block> {
    child(&Block::genesis(), 0, 0)
}

fn proposal(round: u64, block: &Arc<Block>) -> Message {
    let (round, block) = (View(round), block.clone());
    Message::Proposal(Proposal { round, block, at: Time::ZERO, round_changes: None, prepared: None })
}

/// A proposal of a later round, whose quorum of replicas 0, 1, 2 stated these prepared rounds plus one.
fn justified(round: u64, block: &Arc<Block>, stated: [u64; 3], prepared: Option<Arc<Certificate>>) -> Message {
    let timeouts = (0..3).map(ReplicaId).zip(stated.map(View)).collect();
    let round_changes = Some(Arc::new(TimeoutCertificate { view: View(round - 1), timeouts }));
    Message::Proposal(Proposal { round: View(round), block: block.clone(), at: Time::ZERO, round_changes, prepared })
}

fn prepare(round: u64, block: &Block) -> Message {
    Message::Prepare { height: block.height, round: View(round), block: block.id() }
}

fn commit(round: u64, block: &Block) -> Message {
    Message::Commit { height: block.height, round: View(round), block: block.id() }
}

fn change(round: u64, prepared: Option<(u64, &Arc<Block>)>) -> Message {
    let prepared = prepared.map(|(at, block)| {
        let certificate = certificate(Phase::Vote, at, block, &[0, 1, 2]);
        Prepared { block: block.clone(), certificate }
    });
    Message::RoundChange { height: Height(1), round: View(round), prepared }
}

/// What was sent, each with its round (or height, where it has none).
fn kinds(sent: &Sent) -> Vec<(&'static str, u64)> {
    let kind = |(_, message): &(Option<ReplicaId>, Arc<Message>)| match &**message {
        Message::Proposal(proposal) => ("proposal", proposal.round.0),
        Message::Prepare { round, .. } => ("prepare", round.0),
        Message::Commit { round, .. } => ("commit", round.0),
        Message::RoundChange { round, .. } => ("change", round.0),
        Message::Ask { height } => ("ask", height.0),
        Message::Decided { block, .. } => ("decided", block.height.0),
    };
    sent.iter().map(kind).collect()
}

fn proposed(sent: &Sent) -> Option<&Proposal> {
    sent.iter().find_map(|(_, message)| match &**message {
        Message::Proposal(proposal) => Some(proposal),
        _ => None,
    })
}

/// Lets `replica` prepare `block` in round 0.
fn prepare_first(replica: &mut Lone<Qbft>, block: &Arc<Block>) {
    replica.receive(1, proposal(0, block));
    replica.receive(0, prepare(0, block));
    assert_eq!(kinds(&replica.receive(1, prepare(0, block))), [("commit", 0)]);
}

// The normal case.

#[test]
fn a_block_is_prepared_and_decided_by_quorums() {
    let (mut replica, block) = (replica(), first());
    assert_eq!(kinds(&replica.receive(1, proposal(0, &block))), [("prepare", 0)]);
    assert!(replica.receive(0, prepare(0, &block)).is_empty());
    assert!(replica.receive(0, prepare(0, &block)).is_empty(), "a repeated vote counts once");
    assert_eq!(kinds(&replica.receive(1, prepare(0, &block))), [("commit", 0)]);
    assert!(replica.receive(2, prepare(0, &block)).is_empty(), "one COMMIT a round");
    replica.receive(0, commit(0, &block));
    replica.receive(0, commit(0, &block));
    assert!(replica.committed.is_empty(), "a repeated COMMIT counts once");
    replica.receive(2, commit(0, &block));
    assert_eq!(replica.committed_ids(), [block.id()]);
    assert!(replica.armed.contains(&QbftTimer::Block) && !replica.armed.contains(&QbftTimer::Round));
}

#[test]
fn planted_counting_is_seen() {
    let block = first();
    let votes_until_commit = || {
        let mut replica = replica();
        replica.receive(1, proposal(0, &block));
        let votes = [0, 0, 1].map(|by| replica.receive(by, prepare(0, &block)).len());
        (votes.iter().position(|&sent| sent > 0), replica.committed.len())
    };
    assert_eq!(votes_until_commit(), (Some(2), 0));
    assert_eq!(planted::with("quorum off by one", votes_until_commit), (Some(0), 0));
    assert_eq!(planted::with("duplicate votes counted", votes_until_commit), (Some(1), 0));
    assert_eq!(planted::with("early commit", votes_until_commit).1, 1);
}

#[test]
fn votes_that_overtake_the_proposal_count_when_it_comes() {
    let (mut replica, block) = (replica(), first());
    for by in [0, 1] {
        assert!(replica.receive(by, prepare(0, &block)).is_empty());
    }
    for by in [0, 1, 2] {
        assert!(replica.receive(by, commit(0, &block)).is_empty());
    }
    assert_eq!(kinds(&replica.receive(1, proposal(0, &block))), [("prepare", 0), ("commit", 0)]);
    assert_eq!(replica.committed.len(), 1);
}

#[test]
fn the_proposer_proposes_when_the_block_period_is_over_and_prepares_too() {
    let mut replica = of_id(1);
    let sent = replica.expire(QbftTimer::Block);
    assert_eq!(kinds(&sent), [("proposal", 0), ("prepare", 0)]);
    let proposal = proposed(&sent).expect("it proposes");
    assert_eq!((proposal.block.view, proposal.block.height), (View(0), Height(1)));
    assert!(replica.armed.contains(&QbftTimer::Round));
    assert!(of_id(ME).expire(QbftTimer::Block).is_empty(), "another's turn");
    let everyone = || kinds(&of_id(ME).expire(QbftTimer::Block)).len();
    assert_eq!(planted::with("proposer not checked", everyone), 2);
}

#[test]
fn an_idle_proposer_waits_for_the_empty_block_period_or_something_to_order() {
    let params = QbftParams { empty_block_period_ms: 10_000, ..QbftParams::default() };
    let idle = || {
        let mut replica = Lone::<Qbft>::new(ReplicaId(1), &Committee::new(4), &params);
        replica.payloads.left = 0;
        replica.step(Event::Start);
        assert!(replica.expire(QbftTimer::Block).is_empty());
        replica
    };
    assert_eq!(kinds(&idle().expire(QbftTimer::Block)), [("proposal", 0), ("prepare", 0)], "an empty block");
    let mut replica = idle();
    replica.payloads.left = 1;
    assert_eq!(kinds(&replica.step(Event::Submitted)), [("proposal", 0), ("prepare", 0)]);
    assert!(replica.step(Event::Submitted).is_empty());
    assert_eq!(kinds(&idle().receive(2, change(1, None))), [("proposal", 0), ("prepare", 0)], "2 has something");
}

#[test]
fn it_ignores_proposals_of_others_of_other_parents_and_a_second_one() {
    let (mut replica, block, other) = (replica(), first(), child(&Block::genesis(), 0, 1));
    assert!(replica.receive(2, proposal(0, &block)).is_empty(), "sent by another");
    let usurped = Block::sealed(View(0), Height(1), ReplicaId(2), block.parent, View(0), Payload::default());
    assert!(replica.receive(2, proposal(0, &Arc::new(usurped))).is_empty(), "made by another");
    let stray = Block::sealed(View(0), Height(1), ReplicaId(1), Digest::of(b"elsewhere"), View(0), Payload::default());
    let mut astray = of_id(ME);
    assert!(astray.receive(1, proposal(0, &Arc::new(stray))).is_empty(), "another parent");
    assert_eq!(kinds(&replica.receive(1, proposal(0, &block))), [("prepare", 0)]);
    assert!(replica.receive(1, proposal(0, &other)).is_empty(), "a second proposal");
    let twice = || replica.receive(1, proposal(0, &other)).len();
    assert_eq!(planted::with("prepare twice in a round", twice), 1);
}

#[test]
fn messages_of_the_next_height_are_kept_for_it() {
    let (mut replica, block) = (replica(), first());
    let second = child(&block, 0, 2);
    assert!(replica.receive(2, proposal(0, &second)).is_empty());
    for by in [0, 1, 2] {
        assert!(replica.receive(by, prepare(0, &second)).is_empty());
        assert!(replica.receive(by, commit(0, &second)).is_empty());
    }
    replica.receive(1, proposal(0, &block));
    [0, 1].into_iter().for_each(|by| drop(replica.receive(by, commit(0, &block))));
    let sent = replica.receive(2, commit(0, &block));
    assert_eq!(kinds(&sent), [("prepare", 0), ("commit", 0)], "of height 2");
    assert_eq!(replica.committed_ids(), [block.id(), second.id()]);
}

#[test]
fn votes_of_rounds_and_heights_far_ahead_are_not_kept() {
    let (mut replica, block) = (replica(), first());
    for round in [12, 1 << 40, u64::MAX - 1] {
        for by in [0, 1, 2] {
            assert!(replica.receive(by, commit(round, &block)).is_empty());
        }
        assert!(replica.receive(proposer(1, round), proposal(round, &block)).is_empty());
    }
    replica.receive(1, proposal(0, &block));
    assert!(replica.committed.is_empty());
    let far = Message::Prepare { height: Height(u64::MAX), round: View(0), block: block.id() };
    assert_eq!(kinds(&replica.receive(0, far)), [("ask", 1)], "it may have missed something");
    replica.receive(0, Message::Ask { height: Height(u64::MAX) });
}

// Round changes.

#[test]
fn a_round_timeout_changes_the_round_with_what_was_prepared() {
    let (mut replica, block) = (replica(), first());
    prepare_first(&mut replica, &block);
    let sent = replica.expire(QbftTimer::Round);
    assert_eq!(kinds(&sent), [("change", 1)]);
    let statement = sent[0].1.statement(ReplicaId(ME)).expect("a round change is a statement");
    assert_eq!((statement.phase, statement.view, statement.justify), (Phase::Timeout, View(0), View(1)));
    assert_eq!(sent[0].1.block().map(|block| block.id()), Some(block.id()));
    let without = planted::with("prepared certificate dropped on round change", || {
        let mut replica = of_id(ME);
        prepare_first(&mut replica, &block);
        replica.expire(QbftTimer::Round)
    });
    assert!(without[0].1.block().is_none());
}

#[test]
fn a_replica_votes_no_more_in_a_round_that_it_gave_up_but_its_commits_still_decide() {
    let (mut replica, block) = (replica(), first());
    replica.receive(1, proposal(0, &block));
    replica.expire(QbftTimer::Round);
    replica.receive(0, prepare(0, &block));
    assert!(replica.receive(1, prepare(0, &block)).is_empty());
    let votes = planted::with("votes in rounds given up", || replica.receive(2, prepare(0, &block)));
    assert_eq!(kinds(&votes), [("commit", 0)]);
    [0, 1, 2].into_iter().for_each(|by| drop(replica.receive(by, commit(0, &block))));
    assert_eq!(replica.committed_ids(), [block.id()]);
}

#[test]
fn f_plus_one_in_later_rounds_take_a_replica_with_them_to_the_smallest() {
    let mut replica = replica();
    assert!(replica.receive(0, change(7, None)).is_empty());
    assert!(replica.receive(0, change(8, None)).is_empty(), "one replica is one");
    assert_eq!(kinds(&replica.receive(1, change(5, None))), [("change", 5)]);
}

#[test]
fn the_timer_of_a_later_round_starts_when_a_quorum_is_there() {
    let mut replica = replica();
    replica.expire(QbftTimer::Block);
    replica.expire(QbftTimer::Round);
    assert!(!replica.armed.contains(&QbftTimer::Round), "alone it would run ahead");
    replica.receive(0, change(1, None));
    assert!(!replica.armed.contains(&QbftTimer::Round));
    let armed = |replica: &mut Lone<Qbft>| {
        replica.receive(1, change(1, None));
        replica.armed.contains(&QbftTimer::Round)
    };
    assert!(!planted::with("round timer not armed again", || {
        let mut replica = of_id(ME);
        replica.receive(0, change(1, None));
        armed(&mut replica)
    }));
    assert!(armed(&mut replica));
    assert_eq!(kinds(&replica.expire(QbftTimer::Round)), [("change", 2)]);
}

#[test]
fn a_quorum_of_round_changes_lets_the_proposer_propose_a_new_block_where_none_was_prepared() {
    let mut replica = replica();
    replica.receive(0, change(2, None));
    assert_eq!(kinds(&replica.receive(1, change(2, None))), [("change", 2), ("proposal", 2), ("prepare", 2)]);
    assert!(replica.receive(2, change(2, None)).is_empty(), "once");
}

#[test]
fn the_block_of_the_highest_prepared_round_is_proposed_again() {
    let (low, high) = (first(), child(&Block::genesis(), 1, 1));
    let propose = || {
        let mut replica = replica();
        replica.receive(0, change(2, Some((0, &low))));
        let sent = replica.receive(1, change(2, Some((1, &high))));
        let proposal = proposed(&sent).expect("its own round change makes three");
        (proposal.round, proposal.block.id(), proposal.prepared.as_ref().map(|certificate| certificate.view))
    };
    assert_eq!(propose(), (View(2), high.id(), Some(View(1))));
    let (_, lowest, prepared) = planted::with("lowest prepared round in justification", propose);
    assert!(lowest != high.id() && prepared.is_none(), "its own round change has none");
}

#[test]
fn a_round_change_that_claims_what_its_certificate_does_not_say_is_ignored() {
    let (block, other) = (first(), child(&Block::genesis(), 0, 1));
    let claim = |certificate, block: &Arc<Block>| {
        let prepared = Some(Prepared { block: block.clone(), certificate });
        Message::RoundChange { height: Height(1), round: View(2), prepared }
    };
    let lies = [
        claim(certificate(Phase::Vote, 0, &block, &[0, 1]), &block),
        claim(certificate(Phase::Commit, 0, &block, &[0, 1, 2]), &block),
        claim(certificate(Phase::Vote, 0, &block, &[0, 1, 2]), &other),
        claim(certificate(Phase::Vote, 2, &block, &[0, 1, 2]), &block),
    ];
    let mut replica = replica();
    replica.receive(0, change(2, None));
    for lie in lies {
        assert!(replica.receive(1, lie).is_empty());
    }
}

#[test]
fn a_proposal_of_a_later_round_needs_a_quorum_and_the_highest_prepared_block() {
    let genesis = Block::genesis();
    let (old, new) = (first(), child(&genesis, 1, 1));
    let proof = || Some(certificate(Phase::Vote, 0, &old, &[0, 1, 2]));
    let votes = |message: Message| kinds(&replica().receive(2, message));
    assert_eq!(votes(justified(1, &new, [0, 0, 0], None)), [("prepare", 1)], "nobody had prepared");
    assert_eq!(votes(justified(1, &old, [0, 1, 0], proof())), [("prepare", 1)], "again");
    assert_eq!(votes(justified(1, &new, [0, 1, 0], None)), [], "another was prepared");
    assert_eq!(votes(justified(1, &new, [0, 1, 0], proof())), [], "another was prepared, and shown");
    assert_eq!(votes(justified(1, &old, [0, 0, 0], proof())), [], "nobody said that");
    assert_eq!(votes(proposal(1, &new)), [], "no quorum gave up");
    let thin = certificate(Phase::Vote, 0, &old, &[0, 1]);
    assert_eq!(votes(justified(1, &old, [0, 1, 0], Some(thin))), [], "two of four prepared");
    let Message::Proposal(twice) = justified(1, &new, [0, 0, 0], None) else { unreachable!() };
    let timeouts = [0, 1, 1].map(|by| (ReplicaId(by), View(0))).to_vec();
    let round_changes = Some(Arc::new(TimeoutCertificate { view: View(0), timeouts }));
    assert_eq!(votes(Message::Proposal(Proposal { round_changes, ..twice })), [], "one counts twice");
    assert_eq!(planted::with("justification unchecked", || votes(proposal(1, &new))), [("prepare", 1)]);
}
