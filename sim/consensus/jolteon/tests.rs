//! Jolteon's rules one by one, with literal messages.

use std::sync::Arc;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::chained::testing::{
    advance, certified, chain, child, fetches, genesis, given_up, gives_up, kinds, proposal, show, timeout, twin_of,
    votes,
};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{ChainedMessage as Message, ChainedTimer, Event, Jolteon, JolteonParams};
use crate::ledger::{Block, Certificate, Committee, Payload, Signers};

/// Replica 3 of four: it collects the votes of view 2 and leads view 3.
const ME: u32 = 3;

fn replica() -> Lone<Jolteon> {
    let mut replica = Lone::new(ReplicaId(ME), &Committee::new(4), &JolteonParams::default());
    assert!(replica.step(Event::Start).is_empty(), "replica 1 leads view 1");
    replica
}

// Certificates.

#[test]
fn it_ignores_certificates_of_less_than_a_quorum() {
    let mut replica = replica();
    let (first, second) = (child(&genesis(), 1), child(&child(&genesis(), 1), 2));
    replica.receive(1, proposal(&first, &genesis(), None));
    let mut two = Signers::none_of(4);
    (0..2).for_each(|by| assert!(two.insert(ReplicaId(by))));
    let thin = Certificate { signers: two, ..(*certified(&first)).clone() };
    let forged = Message::Proposal { block: second.clone(), parent: Arc::new(thin), opened_by: None };
    assert_eq!(kinds(&replica.receive(2, forged)), [""; 0], "two of four signed");
    let mut twice = given_up(1, [0, 0, 0]);
    twice.timeouts[2].0 = ReplicaId(0);
    assert_eq!(kinds(&replica.receive(2, advance(twice, &genesis()))), [""; 0], "one of three signed twice");
    assert_eq!(gives_up(&mut replica).0, 1, "neither opened view 2");
    replica.receive(2, proposal(&second, &first, None));
    assert_eq!(gives_up(&mut replica).0, 2, "three of four signed");
}

// Voting.

#[test]
fn it_votes_to_the_next_leader_once_in_a_view() {
    let mut replica = replica();
    let block = child(&genesis(), 1);
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), [(2, 1)]);
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), [], "the same proposal again");
    let twin = twin_of(&block);
    assert_eq!(votes(&replica.receive(1, proposal(&twin, &genesis(), None))), [], "an equivocating leader");
}

#[test]
fn it_does_not_vote_in_a_view_that_it_has_given_up() {
    let mut replica = replica();
    assert_eq!(kinds(&replica.expire(ChainedTimer::View)), ["timeout"]);
    let block = child(&genesis(), 1);
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), []);
    let next = child(&block, 2);
    let sent = replica.receive(2, proposal(&next, &block, None));
    assert_eq!(votes(&sent), [], "it collects the votes of view 2 itself");
    assert_eq!(replica.stated.len(), 1, "but votes in the next view again: {:?}", replica.stated);
}

#[test]
fn it_ignores_proposals_by_others_than_the_leader_of_the_view() {
    let mut replica = replica();
    let block = child(&genesis(), 1);
    assert_eq!(kinds(&replica.receive(2, proposal(&block, &genesis(), None))), [""; 0], "sent by another");
    let usurped = Block::sealed(View(1), Height(1), ReplicaId(2), genesis().id(), View(0), Payload::default());
    assert_eq!(kinds(&replica.receive(2, proposal(&Arc::new(usurped), &genesis(), None))), [""; 0], "made by another");
    assert_eq!(votes(&replica.receive(1, proposal(&block, &genesis(), None))), [(2, 1)], "the leader's own");
}

#[test]
fn it_ignores_a_block_that_does_not_extend_the_certificate_beside_it() {
    let mut replica = replica();
    let block = child(&genesis(), 1);
    let next = child(&block, 2);
    let skipped = Block::sealed(View(1), Height(2), ReplicaId(1), genesis().id(), View(0), Payload::default());
    assert_eq!(kinds(&replica.receive(1, proposal(&Arc::new(skipped), &genesis(), None))), [""; 0], "wrong height");
    let wrong_parent = Message::Proposal { block: next, parent: certified(&genesis()), opened_by: None };
    assert_eq!(kinds(&replica.receive(2, wrong_parent)), [""; 0], "another parent");
}

#[test]
fn it_does_not_vote_for_a_block_of_an_earlier_or_later_view() {
    let mut replica = replica();
    let first = child(&genesis(), 1);
    let second = child(&first, 2);
    replica.receive(2, proposal(&second, &first, None));
    assert_eq!(votes(&replica.receive(1, proposal(&first, &genesis(), None))), [], "view 1 is over");
    let ahead = child(&first, 5);
    assert_eq!(votes(&replica.receive(1, proposal(&ahead, &first, None))), [], "nothing says that view 4 is over");
}

#[test]
fn after_a_timeout_it_votes_only_for_parents_as_high_as_the_certificate_of_timeouts_says() {
    let first = child(&genesis(), 1);
    // Views 2 to 4 were given up; the leader of view 5 is replica 1.
    let stale = child(&genesis(), 5);
    let fresh = child(&first, 5);
    let proposals = [
        (&stale, genesis(), [0, 0, 0], true),
        (&stale, genesis(), [0, 1, 0], false),
        (
            &fresh,
            Block::sealed(View(1), Height(1), ReplicaId(1), genesis().id(), View(0), Payload::default()),
            [0, 1, 0],
            true,
        ),
    ];
    for (block, parent, highs, allowed) in proposals {
        let sent = replica().receive(1, proposal(block, &parent, Some(given_up(4, highs))));
        let expected: &[(u32, u64)] = if allowed { &[(2, 5)] } else { &[] };
        assert_eq!(votes(&sent), expected, "parent of {} when signers knew {highs:?}", parent.view);
    }
    let sent = replica().receive(1, proposal(&fresh, &first, Some(given_up(3, [0, 1, 0]))));
    assert_eq!(votes(&sent), [], "a certificate of timeouts of another view justifies nothing");
}

// Certificates, proposing and committing.

#[test]
fn a_quorum_of_votes_makes_the_next_leader_propose_on_the_certified_block() {
    let mut replica = replica();
    let first = child(&genesis(), 1);
    let second = child(&first, 2);
    replica.receive(1, proposal(&first, &genesis(), None));
    replica.receive(2, proposal(&second, &first, None));
    let vote = || Message::Vote { view: View(2), block: second.id(), height: Height(2) };
    assert_eq!(kinds(&replica.receive(0, vote())), [""; 0], "its own vote and this one are two of three");
    assert_eq!(kinds(&replica.receive(0, vote())), [""; 0], "a repeated vote counts once");
    let sent = replica.receive(1, vote());
    assert_eq!(kinds(&sent), ["proposal", "vote"]);
    let Message::Proposal { block, parent, .. } = &*sent[0].1 else { panic!("a proposal comes first") };
    assert_eq!((block.view, block.height, block.parent), (View(3), Height(3), second.id()));
    assert_eq!(parent.signers.iter().map(|by| by.0).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(replica.committed_ids(), [first.id()], "two certified blocks of adjacent views commit the first");
}

#[test]
fn votes_for_a_view_that_another_leader_collects_are_ignored() {
    let mut replica = replica();
    for from in 0..3 {
        let vote = Message::Vote { view: View(1), block: Digest::of(b"block"), height: Height(1) };
        assert_eq!(kinds(&replica.receive(from, vote)), [""; 0]);
    }
}

#[test]
fn it_commits_only_on_certificates_of_consecutive_views() {
    let first = child(&genesis(), 1);
    let third = child(&first, 3);
    let (fourth, fifth) = (child(&third, 4), child(&child(&third, 4), 5));
    let mut replica = replica();
    replica.receive(1, proposal(&first, &genesis(), None));
    // View 2 was given up; block 3 stands on block 1.
    replica.receive(3, proposal(&third, &first, Some(given_up(2, [1, 1, 1]))));
    replica.receive(0, proposal(&fourth, &third, None));
    assert!(replica.committed.is_empty(), "blocks 1 and 3 are certified, and their views are not adjacent");
    replica.receive(1, proposal(&fifth, &fourth, None));
    assert_eq!(replica.committed_ids(), [first.id(), third.id()], "4 on 3 commits 3, and 1 below it");
}

#[test]
fn a_certificate_that_comes_before_its_block_commits_when_the_block_comes() {
    let mut replica = replica();
    let first = child(&genesis(), 1);
    let second = child(&first, 2);
    replica.receive(1, proposal(&first, &genesis(), None));
    replica.receive(0, timeout(3, &second));
    assert!(replica.committed.is_empty(), "it does not know what the certified block stands on");
    replica.receive(2, proposal(&second, &first, None));
    assert_eq!(replica.committed_ids(), [first.id()]);
}

// Missing blocks.

#[test]
fn it_fetches_a_missing_ancestor_and_commits_when_it_comes() {
    let mut replica = replica();
    let chain = chain(6);
    let sent = show(&mut replica, &chain, [1, 4, 5, 6]);
    assert!(replica.committed.is_empty());
    let asked = fetches(&sent);
    assert_eq!(asked.first().map(|(_, id)| *id), Some(chain[2].id()), "the parent of block 4");
    replica.receive(0, Message::Found(chain[2].clone()));
    assert!(replica.committed.is_empty(), "its parent is missing too");
    replica.receive(0, Message::Found(chain[1].clone()));
    assert_eq!(replica.committed.len(), 4, "block 6 carries the certificate of 5, which stands on 4");
}

#[test]
fn a_block_that_was_not_asked_for_is_ignored() {
    let mut replica = replica();
    let chain = chain(6);
    show(&mut replica, &chain, [1, 4, 5, 6]);
    let unrelated = child(&genesis(), 2);
    replica.receive(0, Message::Found(unrelated.clone()));
    let asked = Message::Fetch { block: unrelated.id(), above: Height(0) };
    assert_eq!(kinds(&replica.receive(1, asked)), [""; 0], "it was not kept");
}

#[test]
fn it_asks_one_replica_after_another_even_while_views_go_by() {
    let mut replica = replica();
    let chain = chain(12);
    let mut sent = show(&mut replica, &chain, [1]);
    for view in 4..=12 {
        sent.extend(show(&mut replica, &chain, [view]));
        if replica.armed.contains(&ChainedTimer::Fetch) {
            sent.extend(replica.expire(ChainedTimer::Fetch));
        }
    }
    let asked: std::collections::BTreeSet<u32> = fetches(&sent).into_iter().map(|(to, _)| to).collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [0, 1, 2], "a crashed replica answers nothing, ever");
}

// Timeouts.

#[test]
fn a_quorum_of_timeouts_opens_the_next_view() {
    let mut replica = replica();
    replica.expire(ChainedTimer::View);
    assert_eq!(kinds(&replica.receive(0, timeout(1, &genesis()))), [""; 0]);
    assert_eq!(kinds(&replica.receive(0, timeout(1, &genesis()))), [""; 0], "a repeated timeout counts once");
    let sent = replica.receive(1, timeout(1, &genesis()));
    assert_eq!(kinds(&sent), ["advance"], "its certificate goes to the leader of view 2");
    assert_eq!(sent[0].0, Some(ReplicaId(2)));
}

#[test]
fn the_leader_of_the_view_after_a_timeout_proposes_with_its_certificate() {
    let mut replica = replica();
    let sent = replica.receive(0, advance(given_up(2, [0, 0, 0]), &genesis()));
    assert_eq!(kinds(&sent), ["proposal", "vote"], "it leads view 3");
    let Message::Proposal { block, opened_by, .. } = &*sent[0].1 else { panic!("a proposal comes first") };
    assert_eq!((block.view, block.height), (View(3), Height(1)));
    assert_eq!(opened_by.as_ref().map(|certificate| certificate.view), Some(View(2)));
}

#[test]
fn a_timeout_is_repeated_while_the_view_lasts() {
    let mut replica = replica();
    for _ in 0..3 {
        assert_eq!(kinds(&replica.expire(ChainedTimer::View)), ["timeout"]);
    }
}

// Promises.

#[test]
fn seven_replicas_with_no_trouble_commit_a_block_a_view() {
    let mut cluster = Cluster::<Jolteon>::start(7, &JolteonParams::default());
    cluster.deliver_in_order(1_200);
    cluster.assert_agreement();
    let (fewest, most) = cluster.heights();
    // A view is 6 proposals and 6 votes.
    assert!(fewest >= 95 && most <= 100, "{fewest} to {most} blocks in 100 views");
}

#[test]
fn with_one_replica_too_many_crashed_nothing_is_committed_and_nobody_disagrees() {
    let mut cluster = Cluster::<Jolteon>::start(4, &JolteonParams::default());
    cluster.deliver_in_order(60);
    let before = cluster.heights().1;
    cluster.crash(ReplicaId(0));
    cluster.crash(ReplicaId(2));
    cluster.calm(200);
    cluster.assert_agreement();
    assert!(cluster.heights().1 <= before + 2, "what was in flight may still be committed, nothing else");
}

#[test]
fn a_replica_that_comes_back_from_a_crash_does_not_vote_again() {
    let mut replica = replica();
    let first = child(&genesis(), 1);
    let other = twin_of(&first);
    assert_eq!(votes(&replica.receive(1, proposal(&first, &genesis(), None))), [(2, 1)]);
    replica.restart();
    assert!(votes(&replica.receive(1, proposal(&other, &genesis(), None))).is_empty());
    assert_eq!(gives_up(&mut replica).0, 1, "its timer runs");
}
