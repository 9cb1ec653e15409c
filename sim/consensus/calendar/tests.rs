//! The calendar's aggregators with literal messages.

use std::sync::Arc;

use crate::base::{Digest, Height, HospitalId, ReplicaId, Span, Time};
use crate::consensus::testing::Lone;
use crate::consensus::{Calendar, CalendarParams, Event, Protocol};
use crate::crypto::merkle;
use crate::ledger::{Batch, Block, Committee, Kind, Payload, Stage, Transaction, TxNumber};

use super::message::Answer;
use super::{CalendarMessage as Message, CalendarTimer, Path, levels};

type Sent = Vec<(Option<ReplicaId>, Arc<Message>)>;

fn aggregator(me: u32) -> Lone<Calendar> {
    let params = CalendarParams { fan_out: 2, ..Calendar::brisk() };
    let mut aggregator = Lone::<Calendar>::new(ReplicaId(me), &Committee::new(7), &params);
    assert!(aggregator.step(Event::Start).is_empty());
    aggregator.payloads.left = 0;
    aggregator
}

/// The one request in `sent`, as (to, root).
fn request(sent: &Sent) -> (u32, Digest) {
    let [(Some(to), message)] = &sent[..] else { panic!("{sent:?} is no single message") };
    let Message::Request { root, .. } = &**message else { panic!("{message:?} is no request") };
    (to.0, *root)
}

/// Entries in `sent` with answers, as (to, answers).
fn entries(sent: &Sent) -> Vec<(u32, Arc<Block>, Vec<Answer>)> {
    let entry = |(to, message): &(Option<ReplicaId>, Arc<Message>)| match &**message {
        Message::Entry { block, answers } => (to.expect("to a child").0, block.clone(), answers.clone()),
        other => panic!("{other:?} is no entry"),
    };
    sent.iter().map(entry).collect()
}

/// The core's next entry over `leaves`, and the way of the one at `index`.
fn entry(before: &Block, leaves: &[Digest], index: usize) -> (Arc<Block>, Path) {
    let block = Block::rooted(before, ReplicaId(0), merkle::root(leaves), Payload::default());
    (Arc::new(block), Path::default().below(leaves, index))
}

#[test]
fn the_tree_has_as_many_levels_as_its_fan_out_needs() {
    let depths = [(1, 8), (2, 8), (9, 8), (10, 8), (60, 8), (73, 8), (74, 8), (5, 1)];
    assert_eq!(depths.map(|(n, fan_out)| levels(n, fan_out)), [0, 1, 1, 2, 2, 2, 3, 4]);
}

#[test]
fn a_hash_goes_up_two_levels_and_comes_back_with_a_way_that_verifies() {
    let (mut leaf, mut middle) = (aggregator(3), aggregator(1));
    leaf.payloads.left = 1;
    let (to, own) = request(&leaf.expire(CalendarTimer::Gather));
    assert_eq!(to, 1, "replica 3 is a child of 1");
    middle.payloads.left = 1;
    assert!(middle.receive(3, Message::Request { root: own, batches: Vec::new() }).is_empty());
    let (to, root) = request(&middle.expire(CalendarTimer::Gather));
    assert_eq!(to, 0);
    let (block, path) = entry(&Block::genesis(), &[Digest::of(b"of replica 2"), root], 1);
    let down = entries(&middle.receive(0, Message::Entry { block: block.clone(), answers: vec![(root, path)] }));
    let (answered, others): (Vec<_>, Vec<_>) = down.into_iter().partition(|(.., answers)| !answers.is_empty());
    assert_eq!(others.iter().map(|(to, ..)| *to).collect::<Vec<_>>(), [4], "the other child gets the entry alone");
    let [(3, got, answers)] = &answered[..] else { panic!("{answered:?}") };
    assert_eq!((got.id(), answers[0].0), (block.id(), own));
    assert!(answers[0].1.verifies(&own, &block.links[0].id));
    leaf.receive(1, Message::Entry { block, answers: answers.clone() });
    assert_eq!((leaf.committed.len(), middle.committed.len()), (1, 1));
    assert!(leaf.expire(CalendarTimer::Repeat).is_empty(), "nothing is left to ask for");
}

#[test]
fn an_answer_that_does_not_verify_answers_nothing() {
    let mut leaf = aggregator(3);
    leaf.payloads.left = 1;
    let (_, own) = request(&leaf.expire(CalendarTimer::Gather));
    let (block, path) = entry(&Block::genesis(), &[Digest::of(b"of replica 2"), Digest::of(b"another")], 1);
    leaf.receive(1, Message::Entry { block, answers: vec![(own, path)] });
    leaf.now += Span::from_millis(Calendar::brisk().repeat_ms);
    assert_eq!(request(&leaf.expire(CalendarTimer::Repeat)), (1, own));
}

#[test]
fn a_request_that_comes_again_is_covered_once_and_answered_again() {
    let mut core = aggregator(0);
    let root = Digest::of(b"a child's root");
    for _ in 0..3 {
        assert!(core.receive(2, Message::Request { root, batches: Vec::new() }).is_empty());
    }
    let first = entries(&core.expire(CalendarTimer::Gather));
    let answers = &first.iter().find(|(to, ..)| *to == 2).expect("a child").2;
    assert_eq!(answers.len(), 1);
    assert!(answers[0].1.verifies(&root, &core.committed[0].links[0].id));
    let again = entries(&core.receive(2, Message::Request { root, batches: Vec::new() }));
    assert_eq!((again.len(), &again[0].2), (1, answers));
    assert!(core.receive(5, Message::Request { root, batches: Vec::new() }).is_empty(), "replica 5 is a child of 2");
    core.expire(CalendarTimer::Gather);
    assert_eq!(core.committed.len(), 2, "there is an entry each second, empty or not");
}

#[test]
fn missed_entries_are_asked_for_and_entries_are_taken_in_order() {
    let after = |block: &Block| Arc::new(Block::rooted(block, ReplicaId(0), merkle::root(&[]), Payload::default()));
    let one = after(&Block::genesis());
    let two = after(&one);
    let mut leaf = aggregator(3);
    let sent = leaf.receive(1, Message::Entry { block: two.clone(), answers: Vec::new() });
    let [(Some(ReplicaId(1)), message)] = &sent[..] else { panic!("{sent:?}") };
    assert!(matches!(**message, Message::Fetch(Height(1))));
    leaf.receive(1, Message::Entry { block: one, answers: Vec::new() });
    assert_eq!(leaf.committed.len(), 2);
}

/// What a gateway can show of one transaction: its way through its batch, the batch's among the gateway's, and the
/// gateway's up to the entry's root.
#[test]
fn a_transaction_has_a_way_up_to_the_signed_root() {
    let transaction = |number: u64| Transaction {
        id: Digest::of(&number.to_le_bytes()),
        number: TxNumber(number),
        submitted: Time::ZERO,
        hospital: HospitalId(0),
        wire: 100,
        payload: 0,
        kind: Kind(0),
        authentic: true,
        replay: false,
        stage: Stage::Local,
    };
    let batches: Vec<Batch> = (0..3u64)
        .map(|nth| Batch::seal(ReplicaId(3), nth, (nth * 5..nth * 5 + 5).map(transaction).collect(), 1))
        .collect();
    let ids: Vec<Digest> = batches[1].transactions().iter().map(|tx| tx.id).collect();
    let in_batch = merkle::prove(&ids, 2);
    assert!(in_batch.verifies(&merkle::root(&ids), &Digest::of(&7u64.to_le_bytes()), 2, ids.len()));
    let hashes: Vec<Digest> = batches.iter().map(Batch::id).collect();
    let others = [Digest::of(b"of replica 4"), merkle::root(&hashes)];
    let (block, path) = entry(&Block::genesis(), &others, 1);
    let path = path.below(&hashes, 1);
    assert!(path.verifies(&batches[1].id(), &block.links[0].id));
    assert!(!path.verifies(&batches[0].id(), &block.links[0].id));
}
