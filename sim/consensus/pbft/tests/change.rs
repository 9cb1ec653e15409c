//! View changes, message by message.

use super::*;
use crate::consensus::pbft::NewView;
use crate::consensus::planted;
use crate::ledger::TimeoutCertificate;

fn genesis_certificate() -> Arc<Certificate> {
    Arc::new(Certificate::genesis(Block::genesis().id()))
}

/// A view change for `view`.
fn change(view: u64, prepared: &Arc<Certificate>) -> Message {
    Message::ViewChange { view: View(view - 1), prepared: prepared.clone() }
}

/// How `view` begins where replicas 0, 1 and 2 knew certificates of these views and heights.
fn begun(view: u64, knew: [(u64, u64); 3], prepared: Arc<Certificate>) -> Message {
    let timeouts = (0..3).map(ReplicaId).zip(knew.map(|(view, _)| View(view))).collect();
    let given_up = TimeoutCertificate { view: View(view - 1), timeouts };
    Message::NewView(Arc::new(NewView { given_up, heights: knew.map(|(_, height)| Height(height)).to_vec(), prepared }))
}

/// A backup that prepared the blocks of `chain` in view 1, and holds the certificate of the last.
fn prepared(chain: &[Arc<Block>]) -> Lone<Pbft> {
    let mut replica = replica();
    for block in chain {
        replica.receive(1, pre_prepare(1, block));
        replica.receive(0, prepare(1, block));
    }
    replica
}

#[test]
fn a_backup_gives_up_on_a_primary_that_leaves_something_unordered() {
    let mut replica = replica();
    assert!(!replica.armed.contains(&PbftTimer::Request), "nothing waits");
    replica.payloads.left = 1;
    assert_eq!(kinds(&replica.step(Event::Submitted)), [], "it does not lead");
    assert_eq!(kinds(&replica.expire(PbftTimer::Request)), [("view-change", 1)]);
    let block = child(&Block::genesis(), 1);
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &block))), [], "it is silent in the view it gave up");
    assert_eq!(kinds(&replica.receive(1, prepare(1, &block))), []);
    assert_eq!(
        kinds(&replica.expire(PbftTimer::Resend)),
        [("view-change", 1)],
        "repeated while the view does not begin"
    );
}

#[test]
fn a_backup_gives_up_on_a_primary_whose_block_is_not_committed() {
    let mut replica = replica();
    replica.receive(1, pre_prepare(1, &child(&Block::genesis(), 1)));
    assert_eq!(kinds(&replica.expire(PbftTimer::Request)), [("view-change", 1)]);
}

#[test]
fn f_plus_one_view_changes_take_a_replica_along_to_the_lowest_view() {
    let mut replica = replica();
    assert_eq!(kinds(&replica.receive(0, change(5, &genesis_certificate()))), [], "one may be a liar's");
    assert_eq!(kinds(&replica.receive(0, change(5, &genesis_certificate()))), [], "and is so if repeated");
    assert_eq!(kinds(&replica.receive(2, change(4, &genesis_certificate()))), [("view-change", 3)]);
}

#[test]
fn the_next_view_is_tried_only_after_a_quorum_wanted_this_one() {
    let mut replica = replica();
    replica.receive(0, change(2, &genesis_certificate()));
    assert!(!replica.armed.contains(&PbftTimer::View));
    replica.receive(1, change(2, &genesis_certificate()));
    assert!(replica.armed.contains(&PbftTimer::View), "replicas 0, 1 and itself");
    assert_eq!(kinds(&replica.expire(PbftTimer::View)), [("view-change", 2)]);
}

#[test]
fn the_new_primary_proposes_again_what_was_prepared_highest() {
    let chain = chain(3);
    let mut replica = prepared(&chain[..2]);
    let third = certified(Phase::Vote, 1, &chain[2], 0..3);
    replica.receive(0, change(3, &genesis_certificate()));
    let sent = replica.receive(2, change(3, &third));
    assert_eq!(kinds(&sent), [("view-change", 2), ("fetch", 3)], "it lacks the third block");
    let sent = replica.receive(2, Message::Found { block: chain[2].clone(), last: true });
    let expected = [("new-view", 3), ("pre-prepare", 1), ("pre-prepare", 2), ("pre-prepare", 3)];
    assert_eq!(kinds(&sent), expected, "with what it had prepared itself below it");
    let (_, message) = &sent[0];
    let Message::NewView(new_view) = &**message else { panic!("the view begins first") };
    assert_eq!(new_view.highest(), (View(1), Height(3)));
    assert_eq!(replica.stated.len(), 1, "it prepares the head alone: {:?}", replica.stated);
}

#[test]
fn ancestors_of_the_head_are_prepared_after_it() {
    let chain = chain(2);
    let head = certified(Phase::Vote, 1, &chain[1], 0..3);
    let mut replica = replica();
    replica.receive(0, begun(2, [(1, 2), (0, 0), (1, 1)], head.clone()));
    assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &chain[0]))), [], "below the head");
    assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &chain[1]))), [("prepare", 2)]);
    assert_eq!(kinds(&replica.receive(0, prepare(2, &chain[1]))), [("commit", 2), ("prepare", 1)]);
    planted::with("ancestors prepared at once", || {
        let mut replica = super::replica();
        replica.receive(0, begun(2, [(1, 2), (0, 0), (1, 1)], head));
        assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &chain[0]))), [("prepare", 1)]);
    });
}

#[test]
fn a_new_view_must_name_the_highest_certificate_and_a_quorum() {
    let chain = chain(2);
    let (low, high) = (certified(Phase::Vote, 1, &chain[0], 0..3), certified(Phase::Vote, 1, &chain[1], 0..3));
    let thin = certified(Phase::Vote, 1, &chain[1], 0..2);
    let next = child(&Block::genesis(), 2);
    for wrong in [
        begun(2, [(1, 2), (0, 0), (1, 1)], low),
        begun(2, [(1, 2), (0, 0), (0, 0)], genesis_certificate()),
        begun(2, [(1, 2), (0, 0), (0, 0)], thin),
    ] {
        let mut replica = replica();
        replica.receive(2, wrong);
        assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &next))), []);
        assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &chain[0]))), []);
    }
    let mut replica = replica();
    replica.receive(2, begun(2, [(1, 2), (0, 0), (1, 1)], high));
    let wrong = other(&chain[0], 1);
    replica.receive(2, pre_prepare(2, &chain[0]));
    assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &wrong))), [], "not the head that was chosen");
    assert_eq!(kinds(&replica.receive(2, pre_prepare(2, &chain[1]))), [("prepare", 2)]);
}

#[test]
fn votes_and_blocks_that_overtake_the_new_view_wait_for_it() {
    let mut replica = replica();
    let block = child(&Block::genesis(), 2);
    replica.receive(0, prepare(2, &block));
    replica.receive(2, pre_prepare(2, &block));
    let sent = replica.receive(2, begun(2, [(0, 0); 3], genesis_certificate()));
    assert_eq!(kinds(&sent), [("prepare", 1), ("commit", 1)], "the primary's, replica 0's and its own");
}

#[test]
fn a_view_change_names_the_highest_certificate_ever_held_also_after_a_crash() {
    let chain = chain(2);
    let mut replica = prepared(&chain);
    replica.restart();
    let sent = replica.expire(PbftTimer::Request);
    let Message::ViewChange { prepared, .. } = &*sent[0].1 else { panic!("it gives up") };
    assert_eq!((prepared.view, prepared.height), (View(1), Height(2)));
    assert!(replica.restart().is_empty());
    assert_eq!(kinds(&replica.expire(PbftTimer::Resend)), [("view-change", 1)], "it has still given up");
    assert_eq!(kinds(&replica.receive(1, pre_prepare(1, &child(&chain[1], 1)))), []);
}

#[test]
fn who_missed_the_new_view_is_told() {
    let mut replica = replica();
    replica.receive(2, begun(2, [(0, 0); 3], genesis_certificate()));
    let (stable, tip, reach) = (Height(0), Height(0), Height(0));
    let status = |view, active| Message::Status { view: View(view), active, stable, tip, reach };
    assert_eq!(kinds(&replica.receive(0, status(1, true))), [("new-view", 2)]);
    assert_eq!(kinds(&replica.receive(0, status(2, false))), [("new-view", 2)]);
    assert_eq!(kinds(&replica.receive(0, status(2, true))), []);
    assert_eq!(kinds(&replica.receive(0, status(3, true))), [("status", 0)]);
}

#[test]
fn a_primary_passes_the_heights_of_abandoned_blocks() {
    let mut primary = Lone::<Pbft>::new(ReplicaId(1), &Committee::new(4), &Pbft::brisk());
    primary.payloads.left = 0;
    primary.step(Event::Start);
    let (stable, tip) = (Height(0), Height(0));
    let status = Message::Status { view: View(1), active: true, stable, tip, reach: Height(2) };
    assert_eq!(kinds(&primary.receive(0, status)), [("pre-prepare", 1), ("pre-prepare", 2)]);
}

#[test]
fn fetched_blocks_are_sent_newest_first_down_to_what_the_asker_has() {
    let chain = chain(3);
    let mut replica = prepared(&chain);
    let fetch = |above| Message::Fetch { height: Height(3), block: chain[2].id(), above: Height(above) };
    assert_eq!(kinds(&replica.receive(0, fetch(0))), [("found", 3), ("found", 2), ("found", 1)]);
    assert_eq!(kinds(&replica.receive(0, fetch(2))), [("found", 3)]);
    let unknown = Message::Fetch { height: Height(3), block: Digest::of(b"unknown"), above: Height(0) };
    assert_eq!(kinds(&replica.receive(0, unknown)), []);
}
