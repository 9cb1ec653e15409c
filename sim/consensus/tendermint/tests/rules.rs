//! The rules of Algorithm 1, in its order.

use super::*;

#[test]
fn the_proposer_of_the_first_round_proposes_a_new_block_and_prevotes_it() {
    let mut first = Lone::<Tendermint>::new(ReplicaId(1), &Committee::new(4), &TendermintParams::default());
    let sent = first.step(Event::Start);
    let (header, block) = proposals(&sent)[0].clone();
    assert_eq!((header.by, header.view, header.valid, header.height), (ReplicaId(1), View(0), None, Height(1)));
    assert_eq!((block.view, block.author, block.parent), (View(0), ReplicaId(1), Block::genesis().id()));
    assert_eq!(votes(&sent), [(Phase::Vote, 0, block.id())]);
    assert!(!first.armed.contains(&Timer::Propose), "it waits for nobody");
}

#[test]
pub(super) fn it_prevotes_once_in_a_round() {
    let mut replica = replica();
    let first = block(0);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))), [(Phase::Vote, 0, first.id())]);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))), [], "the same again");
    let batch = crate::ledger::Batch::seal(ReplicaId(0), 0, Vec::new(), 1);
    let payload = Payload { batches: vec![*batch.reference()], inline: Vec::new() };
    let twin = Block::sealed(View(0), Height(1), ReplicaId(1), first.parent, View(0), payload);
    assert_eq!(votes(&replica.receive(1, proposal(&Arc::new(twin), 0, None))), [], "an equivocating proposer");
}

#[test]
fn it_ignores_proposals_by_others_than_the_proposer_of_the_round() {
    let mut replica = replica();
    let first = block(0);
    assert_eq!(votes(&replica.receive(2, proposal(&first, 0, None))), [], "passed on under another's name");
    let usurped = Header { by: ReplicaId(2), ..header(&first, 0, None) };
    let usurped = Message::Proposal { header: usurped, block: first.clone(), again: false };
    assert_eq!(votes(&replica.receive(2, usurped)), []);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))), [(Phase::Vote, 0, first.id())]);
}

#[test]
fn it_prevotes_nil_for_a_block_that_is_no_child_of_the_last_or_by_another() {
    let payload = Payload::default;
    let orphan = Block::sealed(View(0), Height(1), ReplicaId(1), Digest::of(b"another genesis"), View(0), payload());
    let foreign = Block::sealed(View(0), Height(1), ReplicaId(2), Block::genesis().id(), View(0), payload());
    for bad in [orphan, foreign] {
        assert_eq!(votes(&replica().receive(1, proposal(&Arc::new(bad), 0, None))), [(Phase::Vote, 0, NIL)]);
    }
}

#[test]
pub(super) fn without_a_proposal_it_prevotes_nil() {
    let mut replica = replica();
    let sent = replica.expire(Timer::Propose);
    assert_eq!(votes(&sent), [(Phase::Vote, 0, NIL)]);
    assert!(proposals(&sent).is_empty());
    let first = block(0);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))), [], "and stands by it");
}

#[test]
pub(super) fn it_precommits_on_a_polka_and_not_before() {
    let mut replica = replica();
    let first = block(0);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))).len(), 1, "a prevote");
    assert_eq!(votes(&replica.receive(0, prevote(0, first.id()))), [], "two of three");
    assert_eq!(votes(&replica.receive(1, prevote(0, first.id()))), [(Phase::Commit, 0, first.id())]);
    assert_eq!(votes(&replica.receive(2, prevote(0, first.id()))), [], "once");
}

#[test]
pub(super) fn a_repeated_vote_counts_once() {
    let mut replica = replica();
    let first = block(0);
    replica.receive(1, proposal(&first, 0, None));
    let sent = hear(&mut replica, &[0, 0, 0, 0], || prevote(0, first.id()));
    assert_eq!(votes(&sent), []);
}

#[test]
fn a_polka_without_the_proposal_is_no_reason_to_precommit() {
    let mut replica = replica();
    let first = block(0);
    replica.expire(Timer::Propose);
    assert_eq!(votes(&hear(&mut replica, &[0, 1, 2], || prevote(0, first.id()))), []);
    assert_eq!(votes(&replica.receive(1, proposal(&first, 0, None))), [(Phase::Commit, 0, first.id())]);
}

#[test]
pub(super) fn prevotes_that_differ_are_waited_for_and_then_nil_is_precommitted() {
    let mut replica = replica();
    let first = block(0);
    replica.receive(1, proposal(&first, 0, None));
    replica.receive(1, prevote(0, first.id()));
    assert!(!replica.armed.contains(&Timer::Prevote));
    replica.receive(0, prevote(0, NIL));
    assert!(replica.armed.contains(&Timer::Prevote), "a quorum that does not agree");
    assert_eq!(votes(&replica.expire(Timer::Prevote)), [(Phase::Commit, 0, NIL)]);
    assert_eq!(votes(&replica.receive(2, prevote(0, first.id()))), [], "a polka that comes later locks nobody");
}

#[test]
fn a_quorum_for_nil_is_precommitted_at_once() {
    let mut replica = replica();
    replica.expire(Timer::Propose);
    assert_eq!(votes(&hear(&mut replica, &[0, 1], || prevote(0, NIL))), [(Phase::Commit, 0, NIL)]);
}

#[test]
fn precommits_that_differ_are_waited_for_and_then_the_next_round_begins() {
    let mut replica = locked();
    replica.receive(0, precommit(0, NIL));
    assert!(!replica.armed.contains(&Timer::Precommit));
    replica.receive(1, precommit(0, NIL));
    replica.expire(Timer::Precommit);
    assert!(replica.armed.contains(&Timer::Propose));
    assert_eq!(votes(&replica.expire(Timer::Propose)), [(Phase::Vote, 1, NIL)]);
}

#[test]
pub(super) fn a_locked_replica_prevotes_nil_for_another_block() {
    let mut replica = locked();
    leave_round(&mut replica, 0);
    let other = block(1);
    assert_eq!(votes(&replica.receive(2, proposal(&other, 1, None))), [(Phase::Vote, 1, NIL)]);
}

#[test]
fn a_locked_replica_prevotes_its_block_again() {
    let mut replica = locked();
    leave_round(&mut replica, 0);
    let first = block(0);
    assert_eq!(votes(&replica.receive(2, proposal(&first, 1, Some(0)))), [(Phase::Vote, 1, first.id())]);
}

#[test]
fn a_later_polka_overrules_a_lock_and_an_earlier_one_does_not() {
    // Round 1 makes another block valid, which a proposal of round 3 says; this replica has not seen that polka yet.
    let second = block(1);
    let mut replica = locked();
    leave_round(&mut replica, 0);
    replica.expire(Timer::Propose);
    replica.receive(0, Message::Known(vec![shown(Phase::Commit, 3, NIL, &[0, 1])]));
    assert_eq!(votes(&replica.receive(0, proposal(&second, 3, Some(1)))), [], "nothing proves the polka");
    let polka = || Message::Polka(Arc::new(shown(Phase::Vote, 1, second.id(), &[0, 1, 2])));
    assert_eq!(votes(&replica.receive(0, polka())), [(Phase::Vote, 3, second.id())]);

    // One that locked the second block in round 1 does not go back to the first.
    let mut replica = replica_locked_on(&second);
    leave_round(&mut replica, 1);
    replica.receive(0, Message::Known(vec![shown(Phase::Commit, 3, NIL, &[0, 1])]));
    let earlier = Message::Polka(Arc::new(shown(Phase::Vote, 0, block(0).id(), &[0, 1, 2])));
    replica.receive(0, earlier);
    assert_eq!(votes(&replica.receive(0, proposal(&block(0), 3, Some(0)))), [(Phase::Vote, 3, NIL)]);
}

/// A replica that passed round 0 by and locked `second` in round 1.
fn replica_locked_on(second: &Arc<Block>) -> Lone<Tendermint> {
    let mut replica = replica();
    hear(&mut replica, &[0, 1], || prevote(1, second.id()));
    let sent = replica.receive(2, proposal(second, 1, None));
    assert_eq!(votes(&sent), [(Phase::Vote, 1, second.id()), (Phase::Commit, 1, second.id())]);
    replica
}

#[test]
pub(super) fn it_decides_on_a_quorum_of_precommits() {
    let mut replica = locked();
    let first = block(0);
    assert!(replica.committed.is_empty(), "a polka decides nothing");
    replica.receive(0, precommit(0, first.id()));
    assert!(replica.committed.is_empty(), "two of three");
    replica.receive(2, precommit(0, first.id()));
    assert_eq!(replica.committed_ids(), [first.id()]);
    assert!(replica.armed.contains(&Timer::Commit), "and pauses");
}

#[test]
fn it_decides_what_was_precommitted_in_another_round_and_once_it_has_the_block() {
    let mut replica = replica();
    let first = block(0);
    hear(&mut replica, &[0, 1], || precommit(1, NIL));
    hear(&mut replica, &[0, 1, 2], || precommit(0, first.id()));
    assert!(replica.committed.is_empty(), "it is in round 1, and has no block");
    assert!(replica.armed.contains(&Timer::CatchUp), "which it will ask for");
    replica.receive(1, proposal(&first, 0, None));
    assert_eq!(replica.committed_ids(), [first.id()]);
}

#[test]
fn more_replicas_than_can_be_faulty_draw_it_into_their_round() {
    let mut replica = replica();
    assert_eq!(votes(&replica.receive(0, prevote(5, NIL))), []);
    replica.receive(0, prevote(7, NIL));
    assert_eq!(votes(&replica.expire(Timer::Propose)), [(Phase::Vote, 0, NIL)], "one may lie");
    replica.receive(1, precommit(5, NIL));
    assert_eq!(votes(&replica.expire(Timer::Propose)), [(Phase::Vote, 5, NIL)], "one of two is honest");
}

#[test]
pub(super) fn a_proposer_proposes_what_a_polka_made_valid() {
    let mut replica = locked();
    leave_round(&mut replica, 0);
    replica.expire(Timer::Propose);
    let sent = leave_round(&mut replica, 1);
    let (header, proposed) = proposals(&sent)[0].clone();
    assert_eq!((header.view, header.valid), (View(2), Some(View(0))));
    assert_eq!(proposed.id(), block(0).id(), "under the id that it had");
    let polka = sent.iter().any(|(_, message)| matches!(&**message, Message::Polka(polka) if polka.view == View(0)));
    assert!(polka, "with the proof that others may lack");
    assert_eq!(votes(&sent), [(Phase::Vote, 2, block(0).id())]);
}

#[test]
fn a_proposal_that_comes_before_the_pause_is_over_is_voted_on() {
    let mut replica = locked();
    let first = block(0);
    hear(&mut replica, &[0, 2], || precommit(0, first.id()));
    let second = child(&first, 0);
    assert_eq!(second.author, ReplicaId(2));
    assert_eq!(votes(&replica.receive(2, proposal(&second, 0, None))), [(Phase::Vote, 0, second.id())]);
    assert!(!replica.armed.contains(&Timer::Commit));
}

#[test]
fn messages_of_the_next_height_are_kept_for_it() {
    let mut replica = locked();
    let first = block(0);
    let second = child(&first, 0);
    replica.receive(2, proposal(&second, 0, None));
    let later = |phase| Ballot { phase, height: Height(2), view: View(0), block: second.id() };
    hear(&mut replica, &[0, 1, 2], || Message::Vote(later(Phase::Commit)));
    assert!(replica.committed.is_empty());
    hear(&mut replica, &[0, 2], || precommit(0, first.id()));
    assert_eq!(replica.committed_ids(), [first.id(), second.id()]);
}

#[test]
fn without_empty_blocks_it_waits_for_something_to_order_or_for_someone_who_has() {
    let params = TendermintParams { create_empty_blocks: false, ..TendermintParams::default() };
    let idle = || {
        let mut replica = Lone::<Tendermint>::new(ReplicaId(ME), &Committee::new(4), &params);
        replica.payloads.left = 0;
        replica.step(Event::Start);
        assert!(!replica.armed.contains(&Timer::Propose));
        replica
    };
    let mut submitted = idle();
    submitted.payloads.left = 1;
    submitted.step(Event::Submitted);
    assert!(submitted.armed.contains(&Timer::Propose));
    let mut told = idle();
    told.receive(0, prevote(0, NIL));
    assert!(told.armed.contains(&Timer::Propose), "another may have what it has not");
    let mut proposed = idle();
    assert_eq!(votes(&proposed.receive(1, proposal(&block(0), 0, None))), [(Phase::Vote, 0, block(0).id())]);
}
