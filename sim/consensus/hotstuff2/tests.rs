//! HotStuff-2's rules one by one, with literal messages.

use crate::base::{Height, ReplicaId, View};
use crate::consensus::chained::testing::{
    Sent, advance, chain, child, genesis, given_up, gives_up, kinds, proposal, show, timeout, votes,
};
use crate::consensus::testing::Lone;
use crate::consensus::{ChainedMessage as Message, ChainedTimer, Event, HotStuff2, HotStuff2Params, Protocol, planted};
use crate::ledger::{Block, Committee};

/// Replica 3 of four: it collects the votes of view 2 and leads view 3.
fn replica() -> Lone<HotStuff2> {
    let mut replica = Lone::new(ReplicaId(3), &Committee::new(4), &HotStuff2Params::default());
    assert!(replica.step(Event::Start).is_empty(), "replica 1 leads view 1");
    replica
}

/// View, height and parent's view of the block proposed in `sent`.
fn proposed(sent: &Sent) -> Option<(u64, u64, u64)> {
    sent.iter().find_map(|(_, message)| match &**message {
        Message::Proposal { block, opened_by, .. } => {
            assert!(opened_by.is_none(), "a proposal proves nothing of timeouts");
            Some((block.view.0, block.height.0, block.parent_view.0))
        }
        _ => None,
    })
}

// Entering a view.

#[test]
fn a_leader_with_the_certificate_of_the_view_before_proposes_at_once() {
    let mut replica = replica();
    let chain = chain(2);
    show(&mut replica, &chain, [1, 2]);
    let vote = || Message::Vote { view: View(2), block: chain[1].id(), height: Height(2) };
    assert_eq!(kinds(&replica.receive(0, vote())), [""; 0]);
    assert_eq!(proposed(&replica.receive(1, vote())), Some((3, 3, 2)));
    assert!(!replica.armed.contains(&ChainedTimer::Wait));
}

#[test]
fn a_leader_without_it_waits_for_locks_and_proposes_on_the_highest() {
    let mut replica = replica();
    let first = child(&genesis(), 1);
    let sent = replica.receive(0, advance(given_up(2, [0, 0, 0]), &genesis()));
    assert_eq!(kinds(&sent), [""; 0]);
    assert_eq!(kinds(&replica.receive(1, advance(given_up(2, [0, 0, 0]), &first))), [""; 0], "a lock comes");
    assert_eq!(kinds(&replica.receive(2, advance(given_up(2, [0, 0, 0]), &genesis()))), [""; 0], "and a lower one");
    let sent = replica.expire(ChainedTimer::Wait);
    assert_eq!(proposed(&sent), Some((3, 2, 1)));
    assert_eq!(votes(&sent), [(0, 3)]);
    assert_eq!(kinds(&replica.step(Event::Expired(ChainedTimer::Wait))), [""; 0], "once");
}

#[test]
fn the_certificate_of_the_view_before_ends_the_wait() {
    let mut replica = replica();
    let second = child(&child(&genesis(), 1), 2);
    replica.receive(0, advance(given_up(2, [0, 0, 0]), &genesis()));
    assert!(replica.armed.contains(&ChainedTimer::Wait));
    assert_eq!(proposed(&replica.receive(1, advance(given_up(2, [2, 0, 0]), &second))), Some((3, 3, 2)));
    assert!(!replica.armed.contains(&ChainedTimer::Wait));
}

#[test]
fn a_view_that_is_over_is_waited_for_no_more() {
    let mut replica = replica();
    replica.receive(0, advance(given_up(2, [0, 0, 0]), &genesis()));
    replica.receive(0, timeout(5, &child(&genesis(), 4)));
    assert!(!replica.armed.contains(&ChainedTimer::Wait));
    assert_eq!(kinds(&replica.step(Event::Expired(ChainedTimer::Wait))), [""; 0]);
}

#[test]
fn a_replica_that_enters_by_timeouts_sends_the_leader_its_lock() {
    let mut replica = replica();
    let chain = chain(4);
    show(&mut replica, &chain, [1, 4]);
    for from in [0, 1] {
        assert_eq!(kinds(&replica.receive(from, timeout(4, &chain[2]))), [""; 0]);
    }
    let sent = replica.receive(2, timeout(4, &chain[2]));
    let [(Some(ReplicaId(1)), message)] = &sent[..] else { panic!("one message to the leader of view 5: {sent:?}") };
    let Message::Advance { certificate, high } = &**message else { panic!("{message:?}") };
    assert_eq!((certificate.view, high.view), (View(4), View(3)));
}

// Voting.

/// Votes for a block of view 9 on `parent`, of a replica that is locked on the certificate of block 2 of three.
fn votes_for_child_of(parent: &Block) -> usize {
    let mut replica = replica();
    show(&mut replica, &chain(3), 1..=3);
    replica.receive(0, advance(given_up(8, [0, 0, 0]), &genesis()));
    votes(&replica.receive(1, proposal(&child(parent, 9), parent, None))).len()
}

#[test]
fn it_votes_for_what_is_justified_at_least_as_high_as_its_lock() {
    let chain = chain(3);
    assert_eq!(votes_for_child_of(&chain[2]), 1, "higher");
    assert_eq!(votes_for_child_of(&chain[1]), 1, "the lock itself");
    assert_eq!(votes_for_child_of(&chain[0]), 0, "lower");
    let careless = planted::with("vote below the lock", || votes_for_child_of(&chain[0]));
    assert_eq!(careless, 1, "which a replica that compares nothing votes for");
}

#[test]
fn it_votes_once_in_a_view_and_not_after_giving_up() {
    let mut replica = replica();
    let block = child(&genesis(), 1);
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), [(2, 1)]);
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), []);
    let mut tired = self::replica();
    assert_eq!(gives_up(&mut tired), (1, 0));
    assert_eq!(votes(&tired.receive(1, proposal(&block, &genesis(), None))), []);
    tired.restart();
    assert_eq!(votes(&tired.receive(1, proposal(&block, &genesis(), None))), [], "nor after a crash");
}

#[test]
fn a_proposal_that_comes_before_the_timeouts_waits_for_them() {
    let mut replica = replica();
    let early = child(&genesis(), 5);
    assert_eq!(kinds(&replica.receive(1, proposal(&early, &genesis(), None))), [""; 0], "nothing says view 4 is over");
    let sent = replica.receive(0, advance(given_up(4, [0, 0, 0]), &genesis()));
    assert_eq!(kinds(&sent), ["advance", "vote"]);
}

// Committing.

#[test]
fn two_certified_blocks_of_consecutive_views_commit_the_first() {
    let mut replica = replica();
    let chain = chain(2);
    let (fourth, fifth) = (child(&chain[1], 4), child(&child(&chain[1], 4), 5));
    show(&mut replica, &chain, [1, 2]);
    assert!(replica.committed.is_empty());
    replica.receive(0, proposal(&fourth, &chain[1], None));
    assert_eq!(replica.committed_ids(), [chain[0].id()], "1 and 2 are certified");
    replica.receive(1, proposal(&fifth, &fourth, None));
    assert_eq!(replica.committed.len(), 1, "2 and 4 are not of consecutive views");
    replica.receive(2, proposal(&child(&fifth, 6), &fifth, None));
    assert_eq!(replica.committed.len(), 3, "4 and 5 are");
}

#[test]
fn a_leader_waits_no_longer_than_half_a_view() {
    let params = HotStuff2Params { view_timeout_ms: 400, leader_wait_ms: 201, ..HotStuff2Params::default() };
    assert_eq!(HotStuff2::validate(&params, 4).err().map(|bad| bad.key), Some("leader_wait_ms"));
    assert!(HotStuff2::validate(&HotStuff2Params::default(), 4).is_ok());
}
