//! The synchroniser: who is asked when, and what waits.

use super::*;
use crate::ledger::Payload;

fn block(round: u64, author: u32, links: &[&Arc<Block>]) -> Arc<Block> {
    let links = links.iter().map(|block| block.link()).collect();
    Arc::new(Block::woven(View(round), ReplicaId(author), links, Payload::default()))
}

/// That of replica 0 of four: 50 ms of grace, a second between two requests, two waiting blocks of each author.
fn synchroniser() -> Synchroniser {
    Synchroniser::new(ReplicaId(0), &Committee::new(4), 2, Span::from_millis(50), Span::from_secs(1))
}

fn at(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

/// Whom it asks then, and for how many blocks.
fn asks(synchroniser: &mut Synchroniser, ms: u64) -> Vec<(u32, usize)> {
    synchroniser.asks(at(ms)).into_iter().map(|(to, links)| (to.0, links.len())).collect()
}

fn hold(synchroniser: &mut Synchroniser, block: &Arc<Block>) {
    let missing = block.links.clone();
    synchroniser.hold(at(0), ReplicaId(2), block, &missing);
}

#[test]
fn the_sender_is_asked_first_then_the_author_then_everyone_in_turn() {
    let mut synchroniser = synchroniser();
    let (parent, other) = (block(1, 1, &[]), block(1, 3, &[]));
    hold(&mut synchroniser, &block(2, 1, &[&parent, &other]));
    assert_eq!(asks(&mut synchroniser, 49), [], "they may be on their way");
    assert_eq!(asks(&mut synchroniser, 50), [(2, 2)]);
    assert_eq!(asks(&mut synchroniser, 1_000), []);
    assert_eq!(asks(&mut synchroniser, 1_050), [(1, 1), (3, 1)]);
    assert_eq!(asks(&mut synchroniser, 2_050), [(2, 2)]);
    assert_eq!(asks(&mut synchroniser, 3_050), [(3, 2)]);
    assert_eq!(asks(&mut synchroniser, 4_050), [(1, 2)]);
}

#[test]
fn while_answers_come_the_same_replica_is_asked_on() {
    let mut synchroniser = synchroniser();
    let parent = block(5, 1, &[]);
    hold(&mut synchroniser, &block(6, 1, &[&parent]));
    assert_eq!(asks(&mut synchroniser, 50), [(2, 1)]);
    synchroniser.heard(ReplicaId(1), at(150));
    assert_eq!(asks(&mut synchroniser, 160), [], "more may come");
    assert_eq!(asks(&mut synchroniser, 200), [(2, 1)]);
}

#[test]
fn blocks_are_let_go_when_the_last_gap_is_processed() {
    let mut synchroniser = synchroniser();
    let (one, two) = (block(1, 1, &[]), block(1, 2, &[]));
    let middle = block(2, 1, &[&one, &two]);
    let last = block(3, 3, &[&middle]);
    hold(&mut synchroniser, &last);
    hold(&mut synchroniser, &middle);
    assert_eq!(asks(&mut synchroniser, 50), [(2, 2)], "what waits need not be asked for");
    let mut ready = Vec::new();
    synchroniser.processed(&one.link(), &mut ready);
    assert!(ready.is_empty() && synchroniser.holds(&middle.link()));
    synchroniser.processed(&two.link(), &mut ready);
    assert_eq!(ready.iter().map(|block| block.id()).collect::<Vec<_>>(), [middle.id()]);
    synchroniser.processed(&middle.link(), &mut ready);
    assert_eq!(ready.len(), 2);
    assert!(synchroniser.is_idle() && !synchroniser.holds(&last.link()));
}

#[test]
fn of_each_author_the_lowest_blocks_wait() {
    let mut synchroniser = synchroniser();
    let missing = [5, 6, 7, 3].map(|round| block(round, 1, &[]));
    let waiting = [0, 1, 2, 3].map(|nth| block(missing[nth].view.0 + 1, 1, &[&missing[nth]]));
    waiting.iter().for_each(|block| hold(&mut synchroniser, block));
    let held: Vec<bool> = waiting.iter().map(|block| synchroniser.holds(&block.link())).collect();
    assert_eq!(held, [true, false, false, true], "the third was too many, and the second gave way to the fourth");
    assert_eq!(asks(&mut synchroniser, 50), [(2, 2)], "nothing is asked for that nothing waits for");
}

#[test]
fn what_is_forgotten_is_not_waited_for() {
    let mut synchroniser = synchroniser();
    let (old, young) = (block(3, 1, &[]), block(5, 2, &[]));
    let (one, two) = (block(6, 1, &[&old]), block(6, 2, &[&young, &old]));
    hold(&mut synchroniser, &one);
    hold(&mut synchroniser, &two);
    let mut ready = Vec::new();
    synchroniser.forget(View(4), &mut ready);
    assert_eq!(ready.iter().map(|block| block.id()).collect::<Vec<_>>(), [one.id()]);
    synchroniser.forget(View(7), &mut ready);
    assert!(synchroniser.is_idle() && ready.len() == 1, "nor does it wait itself");
}
