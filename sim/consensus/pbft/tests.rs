//! PBFT's rules one by one, with literal messages, and its promises under any order of delivery.

mod change;

use std::sync::Arc;

use proptest::prelude::*;

use crate::base::{Bytes, Digest, Height, ReplicaId, View};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{Event, Pbft, Protocol};
use crate::ledger::{BatchRef, Block, Certificate, Committee, Payload, Phase, Signers};

use super::{PbftMessage as Message, PbftTimer};

type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

/// Replica 3 of four: a backup of replica 1 in view 1, and the primary of view 3.
const ME: u32 = 3;

fn replica() -> Lone<Pbft> {
    let mut replica = Lone::new(ReplicaId(ME), &Committee::new(4), &Pbft::brisk());
    replica.payloads.left = 0;
    assert!(replica.step(Event::Start).is_empty(), "a view begins in silence");
    replica
}

/// The block of `view` on `parent` by the view's primary.
fn child(parent: &Block, view: u64) -> Arc<Block> {
    with(parent, view, Payload::default())
}

fn with(parent: &Block, view: u64, payload: Payload) -> Arc<Block> {
    let primary = Committee::new(4).leader(View(view));
    Arc::new(Block::sealed(View(view), parent.height.next(), primary, parent.id(), parent.view, payload))
}

/// A block of the same place as `child(parent, view)` with other contents.
fn other(parent: &Block, view: u64) -> Arc<Block> {
    let batch = BatchRef { id: Digest::of(b"a batch"), origin: ReplicaId(0), sequence: 0, count: 1, bytes: Bytes(1) };
    with(parent, view, Payload { batches: vec![batch], inline: Vec::new() })
}

/// A chain of blocks of view 1.
fn chain(blocks: u64) -> Vec<Arc<Block>> {
    let mut chain = vec![child(&Block::genesis(), 1)];
    (1..blocks).for_each(|_| chain.push(child(&chain[chain.len() - 1], 1)));
    chain
}

fn pre_prepare(view: u64, block: &Arc<Block>) -> Message {
    Message::PrePrepare { view: View(view), justify: View(0), block: block.clone() }
}

fn prepare(view: u64, block: &Block) -> Message {
    Message::Prepare { view: View(view), height: block.height, block: block.id() }
}

fn commit(view: u64, block: &Block) -> Message {
    Message::Commit { view: View(view), height: block.height, block: block.id() }
}

/// A certificate of a block by these replicas.
fn certified(phase: Phase, view: u64, block: &Block, by: impl IntoIterator<Item = u32>) -> Arc<Certificate> {
    let mut signers = Signers::none_of(4);
    by.into_iter().for_each(|by| assert!(signers.insert(ReplicaId(by))));
    Arc::new(Certificate { phase, view: View(view), height: block.height, block: block.id(), signers })
}

/// What was sent, in short: kind and height.
fn kinds(sent: &Sent) -> Vec<(&'static str, u64)> {
    let kind = |(_, message): &(Option<ReplicaId>, Arc<Message>)| match &**message {
        Message::PrePrepare { block, .. } => ("pre-prepare", block.height.0),
        Message::Prepare { height, .. } => ("prepare", height.0),
        Message::Commit { height, .. } => ("commit", height.0),
        Message::Checkpoint { height, .. } => ("checkpoint", height.0),
        Message::Stable(certificate) => ("stable", certificate.height.0),
        Message::ViewChange { view, .. } => ("view-change", view.0),
        Message::NewView(new_view) => ("new-view", new_view.view().0),
        Message::Status { tip, .. } => ("status", tip.0),
        Message::Committed { block, .. } => ("committed", block.height.0),
        Message::Fetch { height, .. } => ("fetch", height.0),
        Message::Found { block, .. } => ("found", block.height.0),
    };
    sent.iter().map(kind).collect()
}

// Ordering.

#[test]
fn a_block_is_prepared_once_committed_to_on_a_quorum_and_committed_on_another() {
    let mut replica = replica();
    let block = child(&Block::genesis(), 1);
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &block))), [("prepare", 1)]);
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &block))), [], "the same again");
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &other(&Block::genesis(), 1)))), [], "an equivocating primary");
    assert_eq!(kinds(&replica.receive(1, prepare(1, &block))), [], "its pre-prepare was its prepare");
    assert_eq!(kinds(&replica.receive(0, prepare(1, &block))), [("commit", 1)]);
    assert_eq!(kinds(&replica.receive(2, prepare(1, &block))), [], "one more than a quorum");
    replica.receive(0, commit(1, &block));
    replica.receive(0, commit(1, &block));
    assert!(replica.committed.is_empty(), "its own and another's: a repeated one counts once");
    replica.receive(2, commit(1, &block));
    assert_eq!(replica.committed_ids(), [block.id()]);
}

#[test]
fn only_the_primary_of_the_view_pre_prepares() {
    let mut replica = replica();
    let block = child(&Block::genesis(), 1);
    assert_eq!(kinds(&replica.receive(2, pre_prepare(1, &block))), [], "sent by another");
    let usurped = Block::sealed(View(1), Height(1), ReplicaId(2), block.parent, View(0), Payload::default());
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &Arc::new(usurped)))), [], "made by another");
    let stray = Block::sealed(View(1), Height(1), ReplicaId(1), Digest::of(b"parent"), View(0), Payload::default());
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &Arc::new(stray)))), [], "on another parent");
    let early = child(&Block::genesis(), 2);
    assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &early))), [], "of a view that has not begun");
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &block))), [("prepare", 1)]);
}

#[test]
fn a_pre_prepare_that_overtakes_its_parents_waits_for_it() {
    let mut replica = replica();
    let chain = chain(3);
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &chain[2]))), []);
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &chain[1]))), []);
    let sent = replica.receive(1, pre_prepare(1, &chain[0]));
    assert_eq!(kinds(&sent), [("prepare", 1), ("prepare", 2), ("prepare", 3)]);
}

#[test]
fn votes_that_overtake_their_block_count_and_those_for_another_do_not() {
    let mut replica = replica();
    let (block, wrong) = (child(&Block::genesis(), 1), other(&Block::genesis(), 1));
    // The first vote is a liar's: the others' are kept beside it.
    replica.receive(0, prepare(1, &wrong));
    replica.receive(2, prepare(1, &block));
    (0..3).for_each(|from| drop(replica.receive(from, commit(1, &block))));
    assert!(replica.committed.is_empty(), "there is nothing to commit yet");
    let sent = replica.receive(1, pre_prepare(1, &block));
    assert_eq!(kinds(&sent), [("prepare", 1), ("commit", 1)], "the primary's, replica 2's and its own");
    assert_eq!(replica.committed_ids(), [block.id()]);
}

#[test]
fn blocks_are_committed_in_order() {
    let mut replica = replica();
    let chain = chain(2);
    chain.iter().for_each(|block| drop(replica.receive(1, pre_prepare(1, block))));
    (0..3).for_each(|from| drop(replica.receive(from, commit(1, &chain[1]))));
    assert!(replica.committed.is_empty(), "the block below is not committed");
    (0..3).for_each(|from| drop(replica.receive(from, commit(1, &chain[0]))));
    assert_eq!(replica.committed_ids(), [chain[0].id(), chain[1].id()]);
}

#[test]
fn what_is_above_the_watermarks_is_refused() {
    let mut replica = replica();
    let chain = chain(20);
    chain.iter().for_each(|block| drop(replica.receive(1, pre_prepare(1, block))));
    let prepared = replica.said.iter().filter(|said| said.phase == Phase::Vote).count();
    assert_eq!(prepared, 16, "twice the window, as no checkpoint is stable");
}

// The primary.

fn primary() -> Lone<Pbft> {
    let mut primary = Lone::new(ReplicaId(1), &Committee::new(4), &Pbft::brisk());
    primary.payloads.left = 0;
    assert!(primary.step(Event::Start).is_empty());
    primary
}

#[test]
fn the_primary_proposes_on_its_own_blocks_while_the_window_has_room() {
    let mut primary = primary();
    primary.payloads.left = 20;
    let mut sent = primary.step(Event::Submitted);
    while primary.armed.contains(&PbftTimer::Propose) {
        sent.extend(primary.expire(PbftTimer::Propose));
    }
    assert_eq!(kinds(&sent), (1..=8).map(|height| ("pre-prepare", height)).collect::<Vec<_>>());
    assert_eq!(primary.stated.len(), 8, "a pre-prepare is its prepare: {:?}", primary.stated);
    let blocks: Vec<Arc<Block>> = sent.iter().filter_map(|(_, message)| block_of(message)).collect();
    assert!(blocks.windows(2).all(|pair| pair[1].parent == pair[0].id()), "one chain");
}

fn block_of(message: &Message) -> Option<Arc<Block>> {
    match message {
        Message::PrePrepare { block, .. } => Some(block.clone()),
        _ => None,
    }
}

#[test]
fn a_stable_checkpoint_opens_the_window() {
    let mut primary = primary();
    primary.payloads.left = 20;
    let mut sent = primary.step(Event::Submitted);
    while primary.armed.contains(&PbftTimer::Propose) {
        sent.extend(primary.expire(PbftTimer::Propose));
    }
    let blocks: Vec<Arc<Block>> = sent.iter().filter_map(|(_, message)| block_of(message)).collect();
    for block in &blocks[..4] {
        [0, 2].into_iter().for_each(|from| drop(primary.receive(from, prepare(1, block))));
        [0, 2].into_iter().for_each(|from| drop(primary.receive(from, commit(1, block))));
    }
    assert_eq!(primary.committed.len(), 4);
    let checkpoint = || Message::Checkpoint { height: Height(4), block: blocks[3].id() };
    assert_eq!(kinds(&primary.receive(0, checkpoint())), []);
    assert_eq!(kinds(&primary.receive(0, checkpoint())), [], "repeated");
    let wrong = Message::Checkpoint { height: Height(4), block: blocks[2].id() };
    assert_eq!(kinds(&primary.receive(3, wrong)), [], "of another block");
    assert_eq!(kinds(&primary.receive(2, checkpoint())), [("pre-prepare", 9)]);
}

// Catching up.

#[test]
fn who_is_behind_gets_committed_blocks_and_their_certificates() {
    let mut replica = replica();
    let chain = chain(3);
    let by = |block: &Arc<Block>| Message::Committed {
        block: block.clone(),
        certificate: certified(Phase::Commit, 1, block, 0..3),
        last: false,
    };
    replica.receive(2, by(&chain[2]));
    replica.receive(2, by(&chain[0]));
    let (thin, phase) = (certified(Phase::Commit, 1, &chain[1], 0..2), certified(Phase::Vote, 1, &chain[1], 0..3));
    for certificate in [thin, phase] {
        replica.receive(2, Message::Committed { block: chain[1].clone(), certificate, last: false });
    }
    assert_eq!(replica.committed.len(), 1, "neither too few commits nor prepares commit");
    replica.receive(2, by(&chain[1]));
    assert_eq!(replica.committed.len(), 3);
    let status =
        |tip| Message::Status { view: View(1), active: true, stable: Height(0), tip: Height(tip), reach: Height(tip) };
    let sent = replica.receive(0, status(1));
    assert_eq!(kinds(&sent), [("committed", 2), ("committed", 3)]);
    assert_eq!(kinds(&replica.receive(0, status(3))), []);
    assert_eq!(kinds(&replica.receive(0, status(9))), [("status", 3)], "who is ahead is told so");
    assert_eq!(kinds(&replica.receive(0, status(9))), [], "once in a while");
}

#[test]
fn what_does_not_move_is_repeated() {
    let mut replica = replica();
    replica.receive(1, pre_prepare(1, &child(&Block::genesis(), 1)));
    let repeats = (0..4).map(|_| kinds(&replica.expire(PbftTimer::Tick)).contains(&("prepare", 1)));
    assert_eq!(repeats.filter(|repeated| *repeated).count(), 1, "not at every tick");
}

// Crashes.

#[test]
fn a_replica_that_comes_back_keeps_to_what_it_stated() {
    let mut replica = replica();
    let (block, wrong) = (child(&Block::genesis(), 1), other(&Block::genesis(), 1));
    replica.receive(1, pre_prepare(1, &block));
    replica.restart();
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &wrong))), []);
    assert_eq!(kinds(&replica.receive(0, prepare(1, &block))), [("commit", 1)], "two, and its own of before");
    replica.restart();
    assert_eq!(kinds(&replica.receive(0, prepare(1, &block))), [], "it has stated its commit");
    (0..2).for_each(|from| drop(replica.receive(from, commit(1, &block))));
    assert_eq!(replica.committed_ids(), [block.id()]);
}

// Promises.

/// One choice of a schedule that is out of the protocol's hands.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Expire(usize),
    Crash(usize),
    Restart(usize),
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        40 => any::<usize>().prop_map(Chance::Deliver),
        4 => any::<usize>().prop_map(Chance::Lose),
        2 => any::<usize>().prop_map(Chance::Repeat),
        6 => any::<usize>().prop_map(Chance::Expire),
        1 => any::<usize>().prop_map(Chance::Crash),
        1 => any::<usize>().prop_map(Chance::Restart),
    ]
}

/// Lets chances happen; at most f are down at a time.
fn happen(cluster: &mut Cluster<Pbft>, chances: &[Chance]) {
    let n = cluster.replicas.len();
    let most_crashes = Committee::new(n as u32).faults() as usize;
    for &chance in chances {
        let flying = cluster.flying.len().max(1);
        let replica = |which: usize| ReplicaId((which % n) as u32);
        match chance {
            Chance::Deliver(which) if !cluster.flying.is_empty() => cluster.deliver(which % flying),
            Chance::Lose(which) if !cluster.flying.is_empty() => drop(cluster.flying.swap_remove(which % flying)),
            Chance::Repeat(which) if !cluster.flying.is_empty() => cluster.repeat(which % flying),
            Chance::Expire(which) => cluster.expire(replica(which), which / n),
            Chance::Crash(which) if cluster.crashed.len() < most_crashes => cluster.crash(replica(which)),
            Chance::Restart(which) => cluster.restart(replica(which)),
            _ => {}
        }
        cluster.assert_agreement();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of delivery, with losses, repetitions, premature timeouts, crashes and restarts: no two replicas
    /// disagree, and once the network works, all that run commit more, and the same.
    #[test]
    fn replicas_agree_in_any_order_and_go_on_when_the_network_works(
        n in 4u32..=7,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        let mut cluster = Cluster::<Pbft>::start(n, &Pbft::brisk());
        happen(&mut cluster, &chances);
        let (_, most) = cluster.heights();
        cluster.pass(crate::base::Span::from_secs(40), crate::base::Span::from_millis(20));
        cluster.assert_agreement();
        let (fewest, _) = cluster.heights();
        prop_assert!(fewest > most + 3, "{fewest} blocks at the slowest, {most} before: {:?}", cluster.crashed);
    }
}
