//! The central sequencer's rules with literal messages.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, Span, View};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{Central, CentralParams, Event, planted};
use crate::ledger::{Block, Committee, Payload};

use super::CentralMessage::{self as Message, Fetch, Head, Tip};
use super::CentralTimer;

fn replica(me: u32) -> Lone<Central> {
    let mut replica = Lone::<Central>::new(ReplicaId(me), &Committee::new(3), &CentralParams::default());
    assert!(replica.step(Event::Start).is_empty());
    replica
}

fn child(parent: &Block, author: u32) -> Arc<Block> {
    let height = parent.height.next();
    Arc::new(Block::sealed(View(height.0), height, ReplicaId(author), parent.id(), parent.view, Payload::default()))
}

/// Blocks 1 to `length` by the sequencer, replica 0.
fn chain(length: usize) -> Vec<Arc<Block>> {
    let mut blocks = vec![child(&Block::genesis(), 0)];
    (1..length).for_each(|_| blocks.push(child(&blocks[blocks.len() - 1], 0)));
    blocks
}

#[test]
fn the_sequencer_orders_what_is_at_hand_and_waits_out_its_interval() {
    let mut sequencer = replica(0);
    assert_eq!(sequencer.step(Event::Submitted).len(), 1);
    assert_eq!(sequencer.committed.len(), 1, "it commits what it writes");
    assert_eq!(sequencer.step(Event::Submitted).len(), 0, "the interval is not over");
    assert_eq!(sequencer.expire(CentralTimer::Next).len(), 1);
    sequencer.payloads.left = 0;
    assert_eq!(sequencer.expire(CentralTimer::Next).len(), 0, "nothing to order");
    sequencer.payloads.left = 1;
    assert_eq!(sequencer.step(Event::Submitted).len(), 1, "and no interval to wait for");
    assert_eq!(sequencer.committed.len(), 3);
}

#[test]
fn followers_order_nothing() {
    let mut follower = replica(1);
    assert_eq!(follower.step(Event::Submitted).len(), 0);
    assert!(follower.committed.is_empty());
}

#[test]
fn a_follower_puts_blocks_that_overtook_each_other_in_order() {
    let blocks = chain(4);
    let mut follower = replica(1);
    for (arrival, committed) in [(2, 0), (1, 0), (0, 3), (3, 4)] {
        follower.receive(0, Head(blocks[arrival].clone()));
        assert_eq!(follower.committed.len(), committed, "after block {}", arrival + 1);
    }
    follower.receive(0, Head(blocks[1].clone()));
    assert_eq!(follower.committed.len(), 4, "a repeated block changes nothing");
}

#[test]
fn a_follower_ignores_everyone_but_the_sequencer() {
    let genesis = Block::genesis();
    let mut follower = replica(1);
    follower.receive(2, Head(chain(1)[0].clone()));
    follower.receive(2, Head(child(&genesis, 2)));
    follower.receive(0, Head(child(&genesis, 2)));
    assert!(follower.committed.is_empty(), "sent by another, made by another, or both");
}

#[test]
fn a_follower_takes_no_block_that_does_not_extend_its_chain() {
    let orphan = Block::sealed(View(1), Height(1), ReplicaId(0), Digest::of(b"elsewhere"), View(0), Payload::default());
    let mut follower = replica(1);
    follower.receive(0, Head(Arc::new(orphan)));
    assert!(follower.committed.is_empty());
    follower.receive(0, Head(chain(1)[0].clone()));
    assert_eq!(follower.committed.len(), 1, "the true block still counts");
}

#[test]
fn everyone_commits_what_the_sequencer_wrote() {
    let mut cluster = Cluster::<Central>::start(4, &CentralParams::default());
    cluster.calm(20);
    cluster.deliver_in_order(100);
    cluster.assert_agreement();
    let (fewest, most) = cluster.heights();
    assert!(fewest == most && most >= 10, "{fewest} to {most} blocks");
    cluster.crash(ReplicaId(0));
    cluster.calm(20);
    assert_eq!(cluster.heights(), (most, most), "without its sequencer the ledger stops");
}

// What is missed.

/// A follower that has the first of four blocks and the fourth, and has waited.
fn behind() -> (Vec<Arc<Block>>, Lone<Central>) {
    let (blocks, mut follower) = (chain(4), replica(1));
    follower.receive(0, Head(blocks[0].clone()));
    follower.receive(0, Head(blocks[3].clone()));
    (blocks, follower)
}

fn fetched(sent: &[(Option<ReplicaId>, Arc<Message>)]) -> Option<u64> {
    sent.iter().find_map(|(_, message)| if let Fetch(height) = **message { Some(height.0) } else { None })
}

#[test]
fn a_follower_asks_for_what_it_misses_until_it_comes() {
    let (blocks, mut follower) = behind();
    assert_eq!(fetched(&follower.expire(CentralTimer::Fetch)), Some(2));
    assert_eq!(fetched(&follower.expire(CentralTimer::Fetch)), Some(2), "the answer was lost");
    follower.receive(0, Head(blocks[1].clone()));
    follower.receive(0, Head(blocks[2].clone()));
    assert_eq!(follower.committed.len(), 4);
    assert!(follower.armed.is_empty(), "nothing is missing");
}

#[test]
fn an_idle_follower_hears_how_far_the_sequencer_is() {
    let mut sequencer = replica(0);
    sequencer.payloads.left = 1;
    sequencer.step(Event::Submitted);
    let sent = sequencer.expire(CentralTimer::Idle);
    assert!(matches!(*sent[0].1, Tip(Height(1))), "{sent:?}");
    let mut follower = replica(1);
    follower.receive(2, Tip(Height(9)));
    assert!(follower.armed.is_empty(), "another than the sequencer says so");
    follower.receive(0, Tip(Height(1)));
    assert_eq!(fetched(&follower.expire(CentralTimer::Fetch)), Some(1));
    let found = sequencer.receive(1, Fetch(Height(1)));
    assert!(matches!(&*found[0].1, Head(block) if block.height == Height(1)));
    assert!(sequencer.receive(1, Fetch(Height(2))).is_empty(), "it has no more");
}

#[test]
fn a_follower_far_behind_asks_for_more_as_soon_as_it_has_what_it_asked_for() {
    let blocks = chain(100);
    let mut follower = replica(1);
    follower.receive(0, Tip(Height(100)));
    assert_eq!(fetched(&follower.expire(CentralTimer::Fetch)), Some(1));
    let asked: Vec<u64> = blocks.iter().filter_map(|b| fetched(&follower.receive(0, Head(b.clone())))).collect();
    assert_eq!((follower.committed.len(), asked), (100, vec![33, 65, 97]));
}

#[test]
fn a_follower_keeps_few_blocks_ahead_of_its_chain() {
    let blocks = chain(300);
    let mut follower = replica(1);
    blocks[1..].iter().for_each(|block| drop(follower.receive(0, Head(block.clone()))));
    follower.receive(0, Head(blocks[0].clone()));
    assert_eq!(follower.committed.len(), 256, "the last ones were not kept");
}

#[test]
fn a_sequencer_that_comes_back_goes_on_with_its_chain() {
    let mut sequencer = replica(0);
    sequencer.payloads.left = 2;
    sequencer.step(Event::Submitted);
    sequencer.restart();
    assert_eq!(sequencer.expire(CentralTimer::Next).len(), 1, "what waits is ordered though nobody says so again");
    assert_eq!(sequencer.committed.len(), 2);
    assert_eq!(sequencer.receive(1, Fetch(Height(1))).len(), 2, "its tail is there");
}

/// Half of all messages are lost, and a follower crashes and comes back; then the network works.
fn everyone_has_everything() -> bool {
    let mut cluster = Cluster::<Central>::start(4, &CentralParams::default());
    cluster.replicas.iter_mut().for_each(|replica| replica.payloads.left = 0);
    for round in 0..60 {
        cluster.submit(1);
        cluster.expire(ReplicaId(0), 1);
        let mut kept = false;
        cluster.flying.retain(|_| {
            kept = !kept;
            kept
        });
        if round == 30 {
            cluster.crash(ReplicaId(2));
        }
        cluster.deliver_in_order(100);
    }
    cluster.restart(ReplicaId(2));
    cluster.pass(Span::from_millis(5_000), Span::from_millis(10));
    cluster.assert_agreement();
    let (fewest, most) = cluster.heights();
    fewest == most && most > 20
}

#[test]
fn losses_and_restarts_leave_nobody_behind() {
    assert!(everyone_has_everything());
    for defect in ["missing block not fetched", "idle sequencer silent"] {
        assert!(!planted::with(defect, everyone_has_everything), "`{defect}` goes unnoticed");
    }
}
