//! The central sequencer's rules with literal messages.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{Central, CentralParams, Event};
use crate::ledger::{Block, Committee, Payload};

use super::{CentralTimer, Head};

fn replica(me: u32) -> Lone<Central> {
    let mut replica = Lone::new(ReplicaId(me), &Committee::new(3), &CentralParams::default());
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
