//! The transport `gossip`: neighbours, passing on once, blocks in parts.

use super::*;
use crate::base::Bytes;
use crate::consensus::Message as _;
use crate::consensus::testing::Cluster;
use crate::ledger::BatchRef;

/// Small parts, so that a block of a few batches has several.
fn params(peers: u32) -> TendermintParams {
    TendermintParams { transport: Transport::Gossip, peers, part_bytes: 1_024, ..TendermintParams::default() }
}

/// Replica 3 of four, all of whom are neighbours.
fn replica() -> Lone<Tendermint> {
    replica_with(&params(10))
}

/// A block of height 1 and round 0 whose encoding is about four parts long.
fn large() -> Arc<Block> {
    let batch = |sequence: u64| {
        let id = Digest::of(&sequence.to_le_bytes());
        BatchRef { id, origin: ReplicaId(0), sequence, count: 1, bytes: Bytes(100) }
    };
    let payload = Payload { batches: (0..60).map(batch).collect(), inline: Vec::new() };
    Arc::new(Block::sealed(View(0), Height(1), ReplicaId(1), Block::genesis().id(), View(0), payload))
}

fn total(block: &Block) -> u32 {
    block.wire().0.div_ceil(1_024) as u32
}

fn part(block: &Arc<Block>, index: u32) -> Message {
    let (height, view) = (block.height, View(0));
    Message::Part { height, view, block: block.clone(), index, total: total(block), bytes: 1_024 }
}

/// Receivers of each kind of message, a letter each: header, part, prevote, precommit.
fn kinds(sent: &Sent) -> Vec<(char, u32)> {
    let kind = |(to, message): &(Option<ReplicaId>, Arc<Message>)| {
        let kind = match &**message {
            Message::Header(_) => 'h',
            Message::Part { .. } => 'p',
            Message::Passed { ballot, .. } if ballot.phase == Phase::Vote => 'v',
            Message::Passed { .. } => 'c',
            _ => return None,
        };
        Some((kind, to.expect("nothing is broadcast").0))
    };
    sent.iter().filter_map(kind).collect()
}

#[test]
fn a_vote_is_stated_once_and_sent_to_every_neighbour() {
    let mut replica = replica();
    let sent = replica.expire(Timer::Propose);
    assert_eq!(kinds(&sent), [('v', 0), ('v', 1), ('v', 2)]);
    assert!(sent.iter().all(|(_, message)| message.statement(ReplicaId(ME)).is_none()));
    assert_eq!(replica.stated.len(), 1);
}

#[test]
fn a_vote_is_passed_on_once_to_neighbours_that_have_it_neither_from_its_author_nor_sent_it() {
    let mut replica = replica();
    let ballot = Ballot { phase: Phase::Vote, height: Height(1), view: View(0), block: NIL };
    let passed = || Message::Passed { by: ReplicaId(0), ballot };
    assert_eq!(kinds(&replica.receive(1, passed())), [('v', 2)]);
    assert_eq!(kinds(&replica.receive(2, passed())), []);
    let far = Ballot { view: View(9), ..ballot };
    assert_eq!(
        kinds(&replica.receive(1, Message::Passed { by: ReplicaId(0), ballot: far })),
        [],
        "not kept, not passed on"
    );
    assert!(replica.stated.is_empty(), "it states nothing of what it passes on");
}

#[test]
fn a_block_is_taken_up_when_its_header_and_all_its_parts_have_come_in_any_order() {
    let block = large();
    let total = total(&block);
    assert!(total > 3);
    let forwards: Vec<u32> = (0..total).collect();
    let backwards = forwards.iter().rev().copied().collect();
    let mixed = forwards.iter().copied().filter(|at| at % 2 == 1).chain((0..total).step_by(2)).collect();
    for order in [forwards, backwards, mixed] {
        for header_at in 0..=total as usize {
            let mut replica = replica();
            let mut sent = Sent::new();
            for step in 0..=total as usize {
                let early = step < total as usize && kinds(&sent).iter().any(|(kind, _)| *kind == 'v');
                assert!(!early, "parts {:?} have not come", &order[step..]);
                if step == header_at {
                    sent.extend(replica.receive(1, Message::Header(header(&block, 0, None))));
                }
                if let Some(&index) = order.get(step) {
                    sent.extend(replica.receive(1, part(&block, index)));
                }
            }
            let kinds = kinds(&sent);
            let count = |kind| kinds.iter().filter(|(one, _)| *one == kind).count();
            assert_eq!((count('h'), count('p'), count('v')), (2, 2 * total as usize, 3), "{order:?}, {header_at}");
        }
    }
}

#[test]
fn parts_of_another_block_than_the_header_names_are_dropped() {
    let (block, mut replica) = (large(), replica());
    for liar in 0..20u64 {
        let payload = Payload { batches: block.payload.batches[..10 + liar as usize].to_vec(), inline: Vec::new() };
        let other = Block::sealed(View(0), Height(1), ReplicaId(1), block.parent, View(0), payload);
        replica.receive(0, part(&Arc::new(other), 0));
    }
    replica.receive(1, Message::Header(header(&block, 0, None)));
    let sent: Sent = (0..total(&block)).flat_map(|index| replica.receive(2, part(&block, index))).collect();
    assert_eq!(kinds(&sent).iter().filter(|(kind, _)| *kind == 'v').count(), 3, "{:?}", kinds(&sent));
}

#[test]
fn what_is_lacking_is_asked_for_and_given() {
    let block = large();
    let mut behind = replica();
    behind.receive(1, Message::Header(header(&block, 0, None)));
    behind.receive(1, part(&block, 1));
    let asks = behind.expire(Timer::Repeat);
    let lacking = asks.iter().find_map(|(to, message)| match &**message {
        Message::Lacking { height, view, parts } => Some((*to, *height, *view, parts.clone())),
        _ => None,
    });
    let (to, height, view, parts) = lacking.expect("it lacks parts");
    assert_eq!((to.is_some(), parts.len() as u32), (true, total(&block) - 1));

    let mut holder = replica();
    holder.receive(1, Message::Header(header(&block, 0, None)));
    (0..total(&block)).for_each(|index| drop(holder.receive(1, part(&block, index))));
    for (_, message) in holder.receive(0, Message::Lacking { height, view, parts }) {
        behind.step(Event::Received { from: ReplicaId(0), message: &message });
    }
    assert!(!behind.armed.contains(&Timer::Propose), "it has prevoted");
}

#[test]
fn a_part_weighs_its_share_of_the_block_and_hands_none_over() {
    let mut proposer = Lone::<Tendermint>::new(ReplicaId(1), &Committee::new(4), &params(10));
    let sent = proposer.step(Event::Start);
    let parts: Vec<_> = sent.iter().filter(|(_, message)| matches!(**message, Message::Part { .. })).collect();
    assert_eq!(parts.len(), 3, "one part to each of three");
    assert!(parts.iter().all(|(_, message)| message.block().is_none()));
    let block = large();
    let one = part(&block, 0);
    assert!(one.wire().0 >= 1_024 && one.wire().0 < 1_200 && one.checks().signatures == 0, "{:?}", one.wire());
    assert!(one.checks().hashed >= Bytes(1_024));
}

#[test]
fn everyone_decides_though_nobody_sends_to_more_than_its_neighbours() {
    let mut cluster = Cluster::<Tendermint>::start(31, &params(4));
    let mut links = std::collections::BTreeSet::new();
    for _ in 0..20_000 {
        links.extend(cluster.flying.iter().rev().take(40).map(|flying| (flying.from, flying.to)));
        cluster.deliver_in_order(1);
    }
    for me in 0..31 {
        let degree = links.iter().filter(|(from, _)| from.0 == me).count();
        assert!((1..=4).contains(&degree), "replica {me} sends to {degree}");
    }
    let (fewest, most) = cluster.heights();
    assert_eq!((fewest, most), (1, 1), "then all pause");
    cluster.assert_agreement();
}
