//! Who is voted for, and who leads.

use super::*;
use crate::consensus::planted;

#[test]
fn replica_0_stands_at_genesis_and_leads_when_a_majority_says_so_twice() {
    let mut replica = Lone::<Raft>::new(ReplicaId(0), &Committee::new(5), &RaftParams::default());
    replica.payloads.left = 0;
    assert_eq!(kinds(&replica.step(Event::Start)), ["pre-vote?"]);
    assert_eq!(kinds(&replica.receive(1, granted(1, 0, true))), [""; 0]);
    assert_eq!(kinds(&replica.receive(1, granted(1, 0, true))), [""; 0], "the same answer again");
    assert!(replica.stated.is_empty(), "asking promises nothing");
    assert_eq!(kinds(&replica.receive(2, granted(1, 0, true))), ["vote?"]);
    assert_eq!(replica.stated[0].phase, Phase::Elect, "it votes for itself");
    assert_eq!(kinds(&replica.receive(3, granted(1, 0, true))), [""; 0], "that was the question before");
    assert_eq!(kinds(&replica.receive(3, granted(1, 2, false))), [""; 0], "a vote for another");
    assert_eq!(kinds(&replica.receive(3, granted(1, 0, false))), [""; 0]);
    let sent = replica.receive(4, granted(1, 0, false));
    assert_eq!(kinds(&sent), ["append"], "its term begins with a block, though nothing is to be ordered");
    let statement = sent[0].1.statement(ReplicaId(0)).expect("a new block is a proposal");
    assert_eq!((statement.phase, statement.view, statement.height), (Phase::Propose, View(1), Height(1)));
}

/// Whether replica 1 of five leads with one vote beside its own.
fn leads_with_two_votes_of_five() -> bool {
    let mut replica = replica(1, 5);
    replica.expire(RaftTimer::Election);
    replica.receive(2, granted(1, 1, true));
    replica.receive(3, granted(1, 1, true));
    replica.receive(4, granted(1, 1, false));
    replica.armed.contains(&RaftTimer::Heartbeat)
}

#[test]
fn a_minority_elects_nobody() {
    assert!(!leads_with_two_votes_of_five());
    assert!(planted::with("majority off by one", leads_with_two_votes_of_five));
}

/// The candidates that get replica 1's vote of term 3, which `between` may happen to in between.
fn voted_for(between: impl Fn(&mut Lone<Raft>)) -> Vec<u32> {
    let mut replica = replica(1, 5);
    let mut voted = Vec::new();
    for candidate in [2, 3, 2] {
        if kinds(&replica.receive(candidate, request(3, (0, 0), false))) == ["vote"] {
            voted.push(candidate);
        }
        between(&mut replica);
    }
    voted
}

#[test]
fn a_replica_votes_for_one_candidate_in_a_term_and_may_say_so_again() {
    assert_eq!(voted_for(|_| ()), [2, 2]);
    assert_eq!(planted::with("vote twice", || voted_for(|_| ())), [2, 3, 2]);
}

#[test]
fn a_replica_that_comes_back_from_a_crash_remembers_whom_it_voted_for() {
    let crash = |replica: &mut Lone<Raft>| drop(replica.restart());
    assert_eq!(voted_for(crash), [2, 2]);
    assert_eq!(planted::with("vote forgotten", || voted_for(crash)), [2, 3, 2]);
}

/// Whether a replica whose last block is of height 3 and term 2 votes for a candidate whose last is this.
fn votes_for_log(last: (u64, u64)) -> bool {
    let mut replica = replica(1, 5);
    chain(3, 2).iter().for_each(|block| drop(replica.receive(0, append(2, block, 0))));
    replica.expire(RaftTimer::Silent);
    kinds(&replica.receive(3, request(5, last, false))) == ["vote"]
}

#[test]
fn only_candidates_whose_log_is_up_to_date_are_voted_for() {
    let logs = [(2, 3), (2, 4), (3, 1), (2, 2), (1, 9), (0, 0)];
    assert_eq!(logs.map(votes_for_log), [true, true, true, false, false, false]);
    assert!(planted::with("stale candidate elected", || votes_for_log((1, 9))));
}

#[test]
fn whoever_hears_a_leader_votes_for_no_other_until_it_falls_silent() {
    let mut replica = replica(1, 3);
    replica.receive(0, append(1, &chain(1, 1)[0], 0));
    assert_eq!(kinds(&replica.receive(2, request(2, (1, 1), true))), ["no vote"]);
    assert_eq!(kinds(&replica.receive(2, request(2, (1, 1), false))), [""; 0], "nor does it take the higher term");
    assert_eq!(answers(&replica.receive(0, append(1, &chain(2, 1)[1], 0))), [], "it follows on");
    replica.expire(RaftTimer::Silent);
    assert_eq!(kinds(&replica.receive(2, request(2, (1, 2), true))), ["pre-vote"]);
    assert_eq!(kinds(&replica.receive(0, heartbeat(1, &Block::genesis(), 0))), [""; 0], "first it writes");
    assert_eq!(answers(&replica.expire(RaftTimer::Disk)), [("appended", 2)], "a pre-vote changed nothing");
}

/// The questions that a candidate asks who gets no answer.
fn unanswered() -> usize {
    let mut replica = replica(1, 3);
    let mut asked = 0;
    for _ in 0..3 {
        if replica.armed.contains(&RaftTimer::Election) {
            asked += replica.expire(RaftTimer::Election).len();
        }
    }
    asked
}

#[test]
fn a_candidate_without_an_answer_asks_again() {
    assert_eq!(unanswered(), 3);
    assert_eq!(planted::with("election timer not re-armed", unanswered), 1);
}

/// Whether a leader that hears of a higher term stops.
fn steps_down() -> bool {
    let mut leader = leader();
    leader.receive(2, Message::Rejected { term: View(4), refused: Height(0), hint: Height(0), seen: Height(0) });
    !leader.armed.contains(&RaftTimer::Heartbeat)
}

#[test]
fn a_leader_steps_down_for_a_higher_term_and_when_no_majority_answers() {
    assert!(steps_down());
    assert!(!planted::with("higher term ignored", steps_down));
    let mut leader = leader();
    leader.receive(2, appended(1, &Block::genesis()));
    leader.expire(RaftTimer::Quorum);
    assert!(leader.armed.contains(&RaftTimer::Heartbeat), "one of two answered");
    leader.expire(RaftTimer::Quorum);
    assert_eq!(leader.armed, [RaftTimer::Election], "nobody did since");
    assert_eq!(kinds(&leader.receive(2, request(2, (1, 1), true))), ["pre-vote"]);
}

#[test]
fn an_old_leader_is_told_of_the_new_term() {
    let mut replica = replica(1, 3);
    replica.receive(2, heartbeat(5, &Block::genesis(), 0));
    let sent = replica.receive(0, append(4, &chain(1, 4)[0], 0));
    assert!(matches!(*sent[0].1, Message::Rejected { term: View(5), .. }), "{sent:?}");
    assert_eq!(sent[0].0, Some(ReplicaId(0)));
}
