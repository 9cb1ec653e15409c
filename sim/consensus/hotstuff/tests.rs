//! HotStuff's rules one by one, with literal messages.

use std::sync::Arc;

use crate::base::{Height, ReplicaId, View};
use crate::consensus::chained::testing::{
    Sent, advance, calm, certified, chain, child, child_by, genesis, given_up, gives_up, kinds, proposal, show,
    timeout, timeout_after, votes,
};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{ChainedMessage as Message, ChainedTimer, Event, HotStuff, HotStuffParams, Protocol, planted};
use crate::ledger::{Block, Committee, Payload};

/// A replica of four, with leaders that lead `leader_views` views in a row.
fn replica_of(me: u32, leader_views: u64) -> (Lone<HotStuff>, Sent) {
    let params = HotStuffParams { leader_views, ..HotStuffParams::default() };
    let mut replica = Lone::new(ReplicaId(me), &Committee::new(4), &params);
    let sent = replica.step(Event::Start);
    (replica, sent)
}

/// Replica 3 of four, where leaders change every view: it collects the votes of view 2 and leads view 3.
fn replica() -> Lone<HotStuff> {
    replica_of(3, 1).0
}

// Committing.

#[test]
fn three_certified_blocks_of_consecutive_views_commit_the_first() {
    let mut replica = replica();
    let chain = chain(6);
    let committed: Vec<usize> = (1..=6)
        .map(|view| {
            show(&mut replica, &chain, [view]);
            replica.committed.len()
        })
        .collect();
    assert_eq!(committed, [0, 0, 0, 1, 2, 3], "block 4 brings the certificate of 3");
}

#[test]
fn a_gap_between_the_views_of_the_three_commits_nothing() {
    let first = child(&genesis(), 1);
    let second = child(&first, 2);
    let fourth = child(&second, 4);
    let fifth = child(&fourth, 5);
    let (sixth, seventh) = (child(&fifth, 6), child(&child(&fifth, 6), 7));
    let mut replica = replica();
    let pairs = [(&first, &genesis()), (&second, &first), (&fourth, &second), (&fifth, &fourth), (&sixth, &fifth)];
    for (block, parent) in pairs {
        replica.receive(block.author.0, proposal(block, parent, None));
        assert!(replica.committed.is_empty(), "1, 2 and 4, 2, 4 and 5 are not consecutive");
    }
    replica.receive(3, proposal(&seventh, &sixth, None));
    assert_eq!(replica.committed_ids(), [first.id(), second.id(), fourth.id()], "4, 5 and 6 are");
}

#[test]
fn a_block_that_comes_after_its_certificate_still_commits() {
    let mut replica = replica();
    let chain = chain(3);
    show(&mut replica, &chain, [1, 2]);
    replica.receive(0, timeout(4, &chain[2]));
    assert!(replica.committed.is_empty(), "it does not know what block 3 stands on");
    replica.receive(3, proposal(&chain[2], &chain[1], None));
    assert_eq!(replica.committed_ids(), [chain[0].id()]);
}

// Voting.

/// Votes for a block of view 9 on `parent`, of a replica that has seen views 1 to 3 and the TC of view 8.
fn votes_for_child_of(parent: &Block) -> usize {
    let mut replica = replica();
    show(&mut replica, &chain(3), 1..=3);
    replica.receive(0, advance(given_up(8, [0, 0, 0]), &genesis()));
    votes(&replica.receive(1, proposal(&child(parent, 9), parent, None))).len()
}

#[test]
fn safe_is_what_extends_the_lock_or_is_justified_by_a_higher_view() {
    // The certificate of block 2, in block 3, locks on block 1.
    let chain = chain(3);
    let other = child_by(0, &genesis(), 4, Payload::default());
    assert_eq!(votes_for_child_of(&chain[1]), 1, "it extends block 2, and so block 1");
    assert_eq!(votes_for_child_of(&chain[0]), 1, "it extends block 1");
    assert_eq!(votes_for_child_of(&other), 1, "it forks from genesis, and its certificate is higher than the lock");
    assert_eq!(votes_for_child_of(&genesis()), 0, "it forks from genesis");
    let careless = planted::with("safe node unchecked", || votes_for_child_of(&genesis()));
    assert_eq!(careless, 1, "which a replica that checks nothing votes for");
}

#[test]
fn a_replica_that_lacks_the_certified_block_locks_on_that_itself() {
    let mut replica = replica();
    let chain = chain(4);
    // It has block 4, not block 3; the certificate of 3 would lock on 2.
    show(&mut replica, &chain, [1, 2, 4]);
    replica.receive(0, advance(given_up(8, [0, 0, 0]), &genesis()));
    assert!(votes(&replica.receive(1, proposal(&child(&chain[1], 9), &chain[1], None))).is_empty());
    assert_eq!(votes(&replica.receive(1, proposal(&child(&chain[2], 9), &chain[2], None))), [(2, 9)]);
}

#[test]
fn the_lock_and_the_vote_outlive_a_crash() {
    let mut replica = replica();
    show(&mut replica, &chain(3), 1..=3);
    replica.restart();
    replica.receive(0, advance(given_up(8, [0, 0, 0]), &genesis()));
    let forked = child(&genesis(), 9);
    assert!(votes(&replica.receive(1, proposal(&forked, &genesis(), None))).is_empty());
    let extending = child(&chain(3)[0], 9);
    assert_eq!(votes(&replica.receive(1, proposal(&extending, &chain(3)[0], None))), [(2, 9)]);
    replica.restart();
    let other = child(&chain(3)[1], 9);
    assert!(votes(&replica.receive(1, proposal(&other, &chain(3)[1], None))).is_empty(), "it voted in view 9");
}

#[test]
fn it_ignores_certificates_of_less_than_a_quorum() {
    let mut replica = replica();
    let chain = chain(2);
    show(&mut replica, &chain, [1]);
    let mut thin = (*certified(&chain[0])).clone();
    thin.signers = crate::ledger::Signers::none_of(4);
    (0..2).for_each(|by| assert!(thin.signers.insert(ReplicaId(by))));
    let forged = || Message::Proposal { block: chain[1].clone(), parent: Arc::new(thin.clone()), opened_by: None };
    assert_eq!(kinds(&replica.receive(2, forged())), [""; 0]);
    let state = planted::with("certificate signers unchecked", || {
        replica.receive(2, forged());
        gives_up(&mut replica)
    });
    assert_eq!(state, (2, 1), "who checks nothing takes it");
}

// Views.

#[test]
fn a_proposal_that_comes_before_the_timeouts_waits_for_them() {
    let mut replica = replica();
    let early = child(&genesis(), 2);
    assert_eq!(kinds(&replica.receive(2, proposal(&early, &genesis(), None))), [""; 0], "view 1 is not over here");
    assert_eq!(kinds(&replica.receive(0, timeout(1, &genesis()))), [""; 0]);
    assert_eq!(kinds(&replica.receive(1, timeout(1, &genesis()))), [""; 0]);
    let sent = replica.receive(2, timeout(1, &genesis()));
    assert_eq!(kinds(&sent), ["advance"], "its vote is for itself to collect");
    assert_eq!(replica.stated.len(), 1, "it has voted: {:?}", replica.stated);
}

/// A timeout of `view` that repeats its sender's vote for `block`.
fn timeout_with_vote(view: u64, high: &Block, block: &Block) -> Message {
    let vote = Some((block.id(), block.height));
    Message::Timeout { view: View(view), high: certified(high), opened_by: None, vote }
}

#[test]
fn timeouts_repeat_the_vote_of_their_view_and_everyone_counts_them() {
    let chain = chain(4);
    let (mut replica, _) = replica_of(0, 1);
    show(&mut replica, &chain, [1]);
    let sent = replica.expire(ChainedTimer::View);
    let Message::Timeout { view, vote, .. } = &*sent[0].1 else { panic!("its timer ran out") };
    assert_eq!((*view, *vote), (View(1), Some((chain[0].id(), Height(1)))));
    assert_eq!(kinds(&replica.receive(1, timeout_with_vote(1, &genesis(), &chain[0]))), [""; 0]);
    replica.receive(3, timeout_with_vote(1, &genesis(), &chain[0]));
    assert_eq!(gives_up(&mut replica), (2, 1), "three votes, own included, are a certificate; replica 2 had lost it");
}

#[test]
fn a_leader_that_leads_on_collects_its_own_votes_and_loses_its_turn_by_timeouts() {
    let (mut leader, sent) = replica_of(0, 10);
    assert_eq!(kinds(&sent), ["proposal"], "replica 0 leads views 1 to 9");
    let Message::Proposal { block, .. } = &*sent[0].1 else { panic!("a proposal") };
    let vote = || Message::Vote { view: View(1), block: block.id(), height: Height(1) };
    assert_eq!(kinds(&leader.receive(1, vote())), [""; 0]);
    assert_eq!(kinds(&leader.receive(2, vote())), ["proposal"], "with its own, three");
    let second = leader.step(Event::Expired(ChainedTimer::View));
    assert_eq!(kinds(&second), ["timeout"]);
    leader.receive(1, timeout(2, block));
    let sent = leader.receive(2, timeout(2, block));
    assert_eq!(kinds(&sent), ["advance"]);
    assert_eq!(sent[0].0, Some(ReplicaId(1)), "replica 1 leads views 10 to 19");
    assert_eq!(gives_up(&mut leader), (10, 1));
    let (mut next, _) = replica_of(1, 10);
    let sent = next.receive(0, advance(given_up(2, [1, 0, 0]), block));
    let Message::Proposal { block, .. } = &*sent[0].1 else { panic!("it leads the view") };
    assert_eq!((block.view, block.height, block.parent_view), (View(10), Height(2), View(1)));
}

#[test]
fn a_replica_in_an_earlier_view_is_brought_up_by_any_timeout() {
    let mut replica = replica();
    let block = child(&genesis(), 1);
    replica.receive(0, timeout_after(6, &block));
    assert_eq!(gives_up(&mut replica), (6, 1));
}

#[test]
fn one_crashed_replica_of_four_costs_no_liveness_even_where_leaders_change_every_view() {
    let mut cluster = Cluster::<HotStuff>::start(4, &HotStuffParams::default());
    cluster.crash(ReplicaId(2));
    calm(&mut cluster, 400);
    cluster.assert_agreement();
    assert!(cluster.heights().0 > 20, "{:?}", cluster.heights());
}

#[test]
fn settings_out_of_bounds_are_named() {
    let key = |params: HotStuffParams| HotStuff::validate(&params, 4).err().map(|bad| bad.key);
    assert_eq!(key(HotStuffParams::default()), None);
    assert_eq!(key(HotStuffParams { leader_views: 0, ..HotStuffParams::default() }), Some("leader_views"));
    assert_eq!(key(HotStuffParams { view_timeout_ms: 0, ..HotStuffParams::default() }), Some("view_timeout_ms"));
    let growth = HotStuffParams { timeout_growth_percent: 99, ..HotStuffParams::default() };
    assert_eq!(key(growth), Some("timeout_growth_percent"));
}
