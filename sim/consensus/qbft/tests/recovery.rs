//! Repetition, restarts and catching up.

use super::*;

/// A chain of `length` blocks, each decided in round 0.
fn chain(length: u64) -> Vec<Arc<Block>> {
    let mut blocks = vec![first()];
    (1..length).for_each(|nth| blocks.push(child(&blocks[blocks.len() - 1], 0, nth as u8)));
    blocks
}

fn decided(block: &Arc<Block>, tip: u64) -> Message {
    let certificate = certificate(Phase::Commit, 0, block, &[0, 1, 2]);
    Message::Decided { block: block.clone(), certificate, tip: Height(tip) }
}

fn one_to(sent: &Sent) -> Vec<(u32, (&'static str, u64))> {
    sent.iter().zip(kinds(sent)).filter_map(|((to, _), kind)| Some(((*to)?.0, kind))).collect()
}

#[test]
fn what_it_last_said_is_repeated_and_one_peer_after_another_is_asked() {
    let (mut replica, block) = (replica(), first());
    assert_eq!(one_to(&replica.expire(QbftTimer::Retry)), [(0, ("ask", 1))]);
    assert_eq!(one_to(&replica.expire(QbftTimer::Retry)), [(1, ("ask", 1))]);
    replica.receive(1, proposal(0, &block));
    assert_eq!(kinds(&replica.expire(QbftTimer::Retry)), [("prepare", 0), ("ask", 1)]);
    replica.receive(0, prepare(0, &block));
    replica.receive(1, prepare(0, &block));
    assert_eq!(kinds(&replica.expire(QbftTimer::Retry)), [("prepare", 0), ("commit", 0), ("ask", 1)]);
    replica.expire(QbftTimer::Round);
    assert_eq!(kinds(&replica.expire(QbftTimer::Retry)), [("change", 1), ("ask", 1)]);
    assert_eq!(kinds(&planted::with("nothing repeated", || replica.expire(QbftTimer::Retry))), [("ask", 1)]);
}

#[test]
fn a_proposer_repeats_its_proposal() {
    let mut replica = of_id(1);
    let first = proposed(&replica.expire(QbftTimer::Block)).expect("it proposes").block.id();
    let again = replica.expire(QbftTimer::Retry);
    assert_eq!(proposed(&again).map(|proposal| proposal.block.id()), Some(first));
}

#[test]
fn a_restarted_replica_neither_prepares_another_block_nor_forgets_what_it_prepared() {
    let (block, other) = (first(), child(&Block::genesis(), 0, 1));
    let course = || {
        let mut replica = of_id(ME);
        prepare_first(&mut replica, &block);
        let repeated = kinds(&replica.restart());
        let twice = replica.receive(1, proposal(0, &other)).len();
        (repeated, twice, replica.expire(QbftTimer::Round)[0].1.block().map(|block| block.id()))
    };
    let (repeated, twice, prepared) = course();
    assert_eq!(repeated, [("prepare", 0), ("commit", 0), ("ask", 1)]);
    assert_eq!((twice, prepared), (0, Some(block.id())));
    assert_eq!(planted::with("prepared certificate forgotten in a crash", course).2, None);
    let voted_again = || {
        let mut replica = of_id(ME);
        replica.receive(1, proposal(0, &block));
        replica.restart();
        replica.receive(1, proposal(0, &other)).len()
    };
    assert_eq!(voted_again(), 0);
    assert_eq!(planted::with("vote forgotten in a crash", voted_again), 1);
}

#[test]
fn a_restarted_replica_stays_in_the_round_that_it_changed_to() {
    let (mut replica, block) = (replica(), first());
    prepare_first(&mut replica, &block);
    replica.expire(QbftTimer::Round);
    assert_eq!(kinds(&replica.restart()), [("change", 1), ("ask", 1)]);
    assert!(replica.receive(1, proposal(0, &block)).is_empty());
    replica.receive(0, change(1, None));
    replica.receive(1, change(1, None));
    assert!(replica.armed.contains(&QbftTimer::Round), "its own round change counts still");
}

#[test]
fn a_restarted_proposer_proposes_what_it_had() {
    let mut replica = of_id(1);
    let first = proposed(&replica.expire(QbftTimer::Block)).expect("it proposes").block.id();
    let again = replica.restart();
    assert_eq!(proposed(&again).map(|proposal| proposal.block.id()), Some(first));
    assert!(!replica.armed.contains(&QbftTimer::Block));
}

#[test]
fn who_is_behind_asks_who_is_ahead_and_goes_on_asking() {
    let (mut replica, chain) = (replica(), chain(20));
    assert_eq!(one_to(&replica.receive(2, prepare(0, &chain[5]))), [(2, ("ask", 1))]);
    assert!(replica.receive(2, prepare(0, &chain[6])).is_empty(), "it is asking");
    for block in chain[1..15].iter().rev() {
        assert!(replica.receive(2, decided(block, 20)).is_empty(), "in any order");
    }
    assert!(replica.committed.is_empty());
    replica.receive(2, decided(&chain[0], 20));
    assert_eq!(replica.committed.len(), 15);
    assert_eq!(one_to(&replica.receive(2, decided(&chain[15], 20))), [(2, ("ask", 17))]);
    for block in &chain[16..] {
        assert!(replica.receive(2, decided(block, 20)).is_empty());
    }
    assert_eq!(replica.committed.len(), 20);
}

#[test]
fn decided_blocks_need_a_quorum_of_commits() {
    let (mut replica, block) = (replica(), first());
    let thin = certificate(Phase::Commit, 0, &block, &[0, 1]);
    let prepared = certificate(Phase::Vote, 0, &block, &[0, 1, 2]);
    for certificate in [thin, prepared] {
        replica.receive(2, Message::Decided { block: block.clone(), certificate, tip: Height(1) });
    }
    assert!(replica.committed.is_empty());
}

#[test]
fn it_answers_requests_with_several_blocks_and_round_changes_with_one() {
    let (mut replica, chain) = (replica(), chain(20));
    chain.iter().for_each(|block| drop(replica.receive(2, decided(block, 0))));
    let sent = replica.receive(0, Message::Ask { height: Height(3) });
    assert_eq!(kinds(&sent).iter().map(|&(_, height)| height).collect::<Vec<_>>(), (3..19).collect::<Vec<_>>());
    assert_eq!(one_to(&replica.receive(2, change(1, None))), [(2, ("decided", 1))]);
    assert!(replica.receive(0, Message::Ask { height: Height(21) }).is_empty());
    assert!(replica.receive(0, prepare(0, &chain[0])).is_empty(), "late votes are no sign of trouble");
    let omitted = planted::with("catch-up omitted", || replica.receive(0, Message::Ask { height: Height(3) }));
    assert!(omitted.is_empty());
}
