//! Repetition, restarts, and asking for what was decided.

use super::*;

/// `length` decided blocks, each with its precommits.
fn decided(length: u64) -> Vec<(Arc<Block>, Arc<Certificate>)> {
    let mut tip = Arc::new(Block::genesis());
    let mut next = || {
        tip = child(&tip, 0);
        let mut precommits = shown(Phase::Commit, 0, tip.id(), &[0, 1, 2]);
        precommits.height = tip.height;
        (tip.clone(), Arc::new(precommits))
    };
    (0..length).map(|_| next()).collect()
}

fn message((block, precommits): &(Arc<Block>, Arc<Certificate>), tip: u64, last: bool) -> Message {
    Message::Decided { block: block.clone(), precommits: precommits.clone(), tip: Height(tip), last }
}

/// Whom it asks among what it sent, and for which height.
fn asked(sent: &Sent) -> Vec<(u32, u64)> {
    let ask = |(to, message): &(Option<ReplicaId>, Arc<Message>)| match **message {
        Message::Ask { height } => Some((to.expect("one is asked").0, height.0)),
        _ => None,
    };
    sent.iter().filter_map(ask).collect()
}

/// Heights that it answers with.
fn answered(sent: &Sent) -> Vec<(u64, bool)> {
    let decided = |(_, message): &(_, Arc<Message>)| match &**message {
        Message::Decided { block, last, .. } => Some((block.height.0, *last)),
        _ => None,
    };
    sent.iter().filter_map(decided).collect()
}

#[test]
pub(super) fn it_repeats_its_votes_while_nothing_moves() {
    let mut replica = locked();
    for _ in 0..2 {
        let sent = replica.expire(Timer::Repeat);
        let own = sent.iter().find_map(|(to, message)| match &**message {
            Message::Known(votes) if to.is_none() => Some(votes),
            _ => None,
        });
        let own = own.expect("to all");
        let id = block(0).id();
        assert_eq!(own[..], [shown(Phase::Vote, 0, id, &[ME]), shown(Phase::Commit, 0, id, &[ME])]);
        assert_eq!(asked(&sent).len(), 3, "and asks a few what they have decided");
        assert_eq!(votes(&sent), [], "nothing is stated anew");
    }
}

#[test]
fn what_one_shows_counts_as_if_its_voters_had_told() {
    let mut replica = replica();
    let first = block(0);
    replica.receive(1, proposal(&first, 0, None));
    let sent = replica.receive(0, Message::Known(vec![shown(Phase::Vote, 0, first.id(), &[0, 1])]));
    assert_eq!(votes(&sent), [(Phase::Commit, 0, first.id())]);
    // A replica that told this one nil told others the block.
    replica.receive(2, precommit(0, NIL));
    replica.receive(0, Message::Known(vec![shown(Phase::Commit, 0, first.id(), &[0, 2])]));
    assert_eq!(replica.committed_ids(), [first.id()]);
}

#[test]
fn a_proposer_repeats_its_proposal_once_to_those_who_have_not_prevoted() {
    let mut replica = replica();
    leave_round(&mut replica, 0);
    let sent = leave_round(&mut replica, 1);
    let id = proposals(&sent)[0].1.id();
    replica.receive(1, prevote(2, id));
    let sent = replica.expire(Timer::Repeat);
    let to: Vec<Option<ReplicaId>> = sent
        .iter()
        .filter(|(_, message)| matches!(**message, Message::Proposal { again: true, .. }))
        .map(|(to, _)| *to)
        .collect();
    assert_eq!(to, [0, 2].map(|to| Some(ReplicaId(to))));
    assert!(proposals(&replica.expire(Timer::Repeat)).is_empty());
}

#[test]
pub(super) fn after_a_restart_it_does_not_vote_again() {
    let mut replica = locked();
    let sent = replica.restart();
    assert_eq!(votes(&sent), []);
    let known = sent.iter().any(|(to, message)| to.is_none() && matches!(&**message, Message::Known(_)));
    assert!(known, "but tells again what it said");
    assert_eq!(votes(&replica.receive(1, proposal(&block(0), 0, None))), []);
    leave_round(&mut replica, 0);
    assert_eq!(votes(&replica.receive(2, proposal(&block(1), 1, None))), [(Phase::Vote, 1, NIL)], "and is locked");
}

#[test]
fn after_a_restart_a_proposer_proposes_the_same() {
    let mut first = Lone::<Tendermint>::new(ReplicaId(1), &Committee::new(4), &TendermintParams::default());
    let before = proposals(&first.step(Event::Start))[0].1.id();
    let sent = first.restart();
    assert!(proposals(&sent).iter().all(|(_, block)| block.id() == before) && votes(&sent).is_empty());
    first.receive(0, prevote(0, before));
    let sent = first.receive(2, prevote(0, before));
    assert_eq!(votes(&sent), [(Phase::Commit, 0, before)], "its own prevote is counted");
}

#[test]
pub(super) fn it_answers_who_is_behind_with_what_was_decided() {
    let mut replica = replica();
    let blocks = decided(40);
    blocks.iter().for_each(|block| drop(replica.receive(0, message(block, 0, false))));
    assert_eq!(replica.committed.len(), 40);
    let heights = |sent: Sent| answered(&sent);
    let first: Vec<(u64, bool)> = (1..=16).map(|height| (height, height == 16)).collect();
    assert_eq!(heights(replica.receive(1, Message::Ask { height: Height(1) })), first);
    assert_eq!(heights(replica.receive(1, Message::Ask { height: Height(39) })), [(39, false), (40, true)]);
    assert_eq!(heights(replica.receive(1, Message::Ask { height: Height(41) })), []);
}

#[test]
fn it_commits_decided_blocks_in_any_order_and_asks_for_the_next_at_once() {
    let mut replica = replica();
    let blocks = decided(20);
    let sent = replica.receive(2, Message::Ask { height: Height(21) });
    assert_eq!(asked(&sent), [(2, 1)], "who asks for a height has decided those before");
    replica.receive(2, message(&blocks[15], 20, true));
    for block in blocks[1..15].iter().rev() {
        replica.receive(2, message(block, 20, false));
    }
    assert!(replica.committed.is_empty());
    let sent = replica.receive(2, message(&blocks[0], 20, false));
    assert_eq!(replica.committed.len(), 16);
    assert_eq!(asked(&sent), [(2, 17)]);
    assert!(!asked(&replica.receive(0, Message::Ask { height: Height(90) })).contains(&(0, 17)), "one at a time");
}

#[test]
fn it_believes_no_decision_without_a_quorum_of_precommits() {
    let (block, precommits) = decided(1).remove(0);
    let (two, prevotes) = ((*precommits).clone(), Certificate { phase: Phase::Vote, ..(*precommits).clone() });
    let two = Certificate { signers: shown(Phase::Commit, 0, block.id(), &[0, 1]).signers, ..two };
    let other = Certificate { block: Digest::of(b"another"), ..(*precommits).clone() };
    for bad in [two, prevotes, other] {
        let mut replica = replica();
        replica.receive(0, message(&(block.clone(), Arc::new(bad)), 1, true));
        assert!(replica.committed.is_empty());
    }
}

#[test]
fn one_height_behind_is_asked_for_after_a_while_and_of_the_next_if_there_is_no_answer() {
    let mut replica = replica();
    let ahead =
        |height| Message::Vote(Ballot { phase: Phase::Vote, height: Height(height), view: View(0), block: NIL });
    assert_eq!(asked(&replica.receive(0, ahead(2))), []);
    assert_eq!(asked(&replica.expire(Timer::CatchUp)), [(0, 1)]);
    assert_eq!(asked(&replica.receive(1, ahead(3))), [], "one at a time");
    assert_eq!(asked(&replica.expire(Timer::CatchUp)), []);
    assert_eq!(asked(&replica.receive(1, ahead(3))), [(1, 1)]);
}

#[test]
fn claims_of_any_height_or_round_cost_no_memory() {
    let mut replica = replica();
    for far in (10..40).map(|power| 1u64 << power).chain([u64::MAX]) {
        let at = |height, view| Ballot { phase: Phase::Vote, height: Height(height), view: View(view), block: NIL };
        replica.receive(0, Message::Vote(at(far, 0)));
        replica.receive(0, Message::Vote(at(1, far)));
        replica.receive(0, Message::Known(vec![Certificate { view: View(far), ..shown(Phase::Vote, 0, NIL, &[0]) }]));
    }
    assert_eq!(votes(&replica.expire(Timer::Propose)), [(Phase::Vote, 0, NIL)], "and one liar moves nobody");
}
