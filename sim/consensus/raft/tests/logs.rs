//! What is appended, answered and committed.

use super::*;
use crate::consensus::planted;

// Followers.

#[test]
fn a_follower_answers_for_all_that_its_disk_took_together() {
    let mut replica = replica(1, 3);
    let blocks = chain(4, 1);
    assert_eq!(answers(&replica.receive(0, append(1, &blocks[0], 0))), [("appended", 1)], "written with the new term");
    for block in &blocks[1..] {
        assert_eq!(answers(&replica.receive(0, append(1, block, 0))), []);
    }
    assert_eq!(answers(&replica.expire(RaftTimer::Disk)), [("appended", 4)]);
    assert_eq!(answers(&replica.receive(0, append(1, &blocks[1], 0))), [("appended", 4)], "a repeated block");
}

/// What a follower says that it holds before a crash, and after.
fn held_before_and_after_a_crash() -> [Vec<(&'static str, u64)>; 2] {
    let mut replica = replica(1, 3);
    let blocks = chain(2, 1);
    replica.receive(0, append(1, &blocks[0], 0));
    let before = answers(&replica.receive(0, append(1, &blocks[1], 0)));
    replica.restart();
    [before, answers(&replica.receive(0, heartbeat(1, &blocks[1], 0)))]
}

#[test]
fn a_follower_does_not_answer_for_what_a_crash_would_lose() {
    assert_eq!(held_before_and_after_a_crash(), [vec![], vec![("agrees to", 0)]]);
    let planted = planted::with("acknowledged before written", held_before_and_after_a_crash);
    assert_eq!(planted, [vec![("appended", 2)], vec![("agrees to", 0)]], "it broke its word");
}

#[test]
fn a_follower_refuses_what_does_not_join_its_log_and_says_how_far_it_agrees() {
    let blocks = chain(6, 1);
    let mut replica = replica(1, 3);
    assert_eq!(answers(&replica.receive(0, append(1, &blocks[3], 0))), [("agrees to", 0)]);
    assert_eq!(answers(&replica.receive(0, append(1, &blocks[0], 0))), []);
    assert_eq!(answers(&replica.expire(RaftTimer::Disk)), [("appended", 1)]);
    assert_eq!(answers(&replica.receive(0, append(1, &blocks[3], 0))), [], "now it may be ahead of others");
    assert_eq!(answers(&replica.receive(0, heartbeat(1, &blocks[3], 0))), [("agrees to", 1)], "they are lost");
    replica.receive(0, append(1, &blocks[2], 0));
    replica.receive(0, append(1, &blocks[1], 0));
    assert_eq!(answers(&replica.expire(RaftTimer::Disk)), [("appended", 4)], "blocks that came early join");
}

/// A follower with blocks 1 to 3 of term 1, written, of which the second and third are on no other log.
fn with_a_tail_of_its_own() -> (Vec<Arc<Block>>, Lone<Raft>) {
    let (blocks, mut replica) = (chain(3, 1), replica(1, 3));
    blocks.iter().for_each(|block| drop(replica.receive(0, append(1, block, 0))));
    replica.expire(RaftTimer::Disk);
    (blocks, replica)
}

/// The ids at height 2 that a follower has when the next leader put another block there, which then is committed.
fn second_block_of_the_next_term() -> bool {
    let (blocks, mut replica) = with_a_tail_of_its_own();
    let second = block(&blocks[0], 2, 2, 7);
    replica.receive(2, append(2, &second, 0));
    replica.receive(2, heartbeat(2, &second, 2));
    replica.committed_ids() == [blocks[0].id(), second.id()]
}

#[test]
fn entries_that_conflict_with_the_leaders_are_replaced() {
    assert!(second_block_of_the_next_term());
    assert!(!planted::with("conflict kept", second_block_of_the_next_term));
}

/// How many blocks a follower commits when the next leader has committed three, and it is known to share one with it.
fn committed_of_an_unknown_tail() -> usize {
    let (blocks, mut replica) = with_a_tail_of_its_own();
    replica.receive(2, heartbeat(2, &blocks[0], 3));
    replica.committed.len()
}

#[test]
fn the_commit_index_counts_only_as_far_as_the_logs_agree() {
    assert_eq!(committed_of_an_unknown_tail(), 1);
    assert_eq!(planted::with("commit index unbounded", committed_of_an_unknown_tail), 3);
    let (blocks, mut replica) = with_a_tail_of_its_own();
    let committed = |block: &Block| Message::Committed { term: View(1), height: block.height, id: block.id() };
    replica.receive(0, committed(&block(&blocks[0], 1, 0, 9)));
    assert!(replica.committed.is_empty(), "it has another block there");
    replica.receive(0, committed(&blocks[1]));
    assert_eq!(replica.committed.len(), 2);
}

#[test]
fn a_follower_compares_the_entry_before() {
    let (blocks, _) = with_a_tail_of_its_own();
    let foreign = block(&block(&blocks[0], 1, 0, 9), 1, 0, 1);
    let answer = || {
        let (_, mut replica) = with_a_tail_of_its_own();
        let sent = replica.receive(0, append(1, &foreign, 0));
        [answers(&sent), if sent.is_empty() { answers(&replica.expire(RaftTimer::Disk)) } else { Vec::new() }].concat()
    };
    assert_eq!(answer(), [("agrees to", 3)]);
    assert_eq!(planted::with("previous entry unchecked", answer), [("appended", 3)]);
}

// Leaders.

#[test]
fn a_leader_commits_what_a_majority_holds_and_says_so_at_once() {
    let mut leader = leader();
    assert_eq!(heights(&leader.receive(1, appended(1, &Block::genesis()))), [1], "it lacks the first");
    leader.payloads.left = 1;
    let second = sent_block(&leader.step(Event::Submitted));
    assert_eq!((second.view, second.height, second.payload.is_empty()), (View(1), Height(2), false));
    assert_eq!(kinds(&leader.receive(1, appended(1, &second))), ["committed"]);
    assert_eq!(leader.committed.len(), 1, "the leader's disk has only the first");
    assert_eq!(kinds(&leader.expire(RaftTimer::Disk)), ["committed"]);
    assert_eq!(leader.committed.len(), 2);
}

/// Commits of a leader of five that one follower answered twice.
fn committed_by_one_follower_of_five() -> usize {
    let mut leader = replica(0, 5);
    (1..3).for_each(|from| drop(leader.receive(from, granted(1, 0, true))));
    leader.receive(1, granted(1, 0, false));
    let first = sent_block(&leader.receive(2, granted(1, 0, false)));
    leader.expire(RaftTimer::Disk);
    (0..2).for_each(|_| drop(leader.receive(1, appended(1, &first))));
    leader.committed.len()
}

#[test]
fn a_repeated_acknowledgement_counts_once() {
    assert_eq!(committed_by_one_follower_of_five(), 0);
    assert_eq!(planted::with("acknowledgement counted twice", committed_by_one_follower_of_five), 1);
}

/// Figure 3.7: the commits of a leader of term 2 when a majority holds a block of term 1, and then one of its own.
fn committed_of_an_older_term() -> [usize; 2] {
    let mut replica = replica(1, 3);
    let first = chain(1, 1)[0].clone();
    replica.receive(0, append(1, &first, 0));
    replica.expire(RaftTimer::Silent);
    replica.expire(RaftTimer::Election);
    replica.receive(2, granted(2, 1, true));
    let own = sent_block(&replica.receive(2, granted(2, 1, false)));
    assert_eq!((own.view, own.height, own.parent), (View(2), Height(2), first.id()));
    replica.expire(RaftTimer::Disk);
    replica.receive(2, appended(2, &first));
    let before = replica.committed.len();
    replica.receive(2, appended(2, &own));
    [before, replica.committed.len()]
}

#[test]
fn a_block_of_an_older_term_is_committed_only_below_one_of_the_leaders_own() {
    assert_eq!(committed_of_an_older_term(), [0, 2]);
    assert_eq!(planted::with("old terms counted", committed_of_an_older_term), [1, 2]);
}

/// The blocks that a leader of ten sends to a follower that was away, answer by answer.
fn sent_to_one_that_was_away() -> [Vec<u64>; 2] {
    let mut leader = leader();
    leader.receive(1, appended(1, &Block::genesis()));
    for _ in 0..9 {
        leader.payloads.left = 1;
        let block = sent_block(&leader.step(Event::Submitted));
        leader.receive(1, appended(1, &block));
        leader.expire(RaftTimer::Disk);
    }
    assert_eq!(leader.committed.len(), 10);
    let refused = leader.expire(RaftTimer::Heartbeat).iter().find_map(|(to, message)| match **message {
        Message::Heartbeat { prev, .. } if *to == Some(ReplicaId(2)) => Some(prev),
        _ => None,
    });
    let refused = refused.expect("a heartbeat goes to everyone");
    let rejected = |refused| Message::Rejected { term: View(1), refused, hint: Height(0), seen: Height(0) };
    leader.receive(2, rejected(refused));
    let refused = Message::Rejected { term: View(1), refused: Height(1), hint: Height(0), seen: Height(0) };
    let probe = heights(&leader.receive(2, refused));
    let first = leader.committed[0].clone();
    [probe, heights(&leader.receive(2, appended(1, &first)))]
}

#[test]
fn a_follower_that_was_away_gets_what_it_lacks_in_one_stream() {
    let [again, stream] = sent_to_one_that_was_away();
    assert_eq!(again, [0; 0], "the probe is under way");
    assert_eq!(stream, (2..=10).collect::<Vec<_>>());
}

#[test]
fn few_blocks_are_uncommitted_and_what_comes_meanwhile_waits() {
    let mut leader = leader();
    leader.receive(1, appended(1, &Block::genesis()));
    leader.receive(2, appended(1, &Block::genesis()));
    leader.payloads.left = 100;
    let made: usize = (0..20).map(|_| heights(&leader.step(Event::Submitted)).len().min(1)).sum();
    assert_eq!(made, 4, "five with the first of the term");
}

#[test]
fn an_idle_leader_fills_up_to_blocks_that_were_abandoned() {
    let mut leader = leader();
    let first = sent_block(&leader.receive(1, appended(1, &Block::genesis())));
    let seen = Message::Appended { term: View(1), height: Height(1), id: first.id(), view: View(1), seen: Height(3) };
    let second = sent_block(&leader.receive(1, seen));
    assert_eq!((second.height, second.payload.is_empty()), (Height(2), true));
    let third = sent_block(&leader.receive(1, appended(1, &second)));
    assert_eq!(third.height, Height(3));
    assert_eq!(heights(&leader.receive(1, appended(1, &third))), [0; 0], "that was all");
}

#[test]
fn a_lone_replica_leads_and_commits_what_its_disk_has() {
    let mut replica = replica(0, 1);
    replica.expire(RaftTimer::Disk);
    replica.payloads.left = 2;
    replica.step(Event::Submitted);
    assert_eq!(replica.committed.len(), 1, "the first of the term");
    replica.expire(RaftTimer::Disk);
    replica.expire(RaftTimer::Disk);
    assert_eq!(replica.committed.len(), 3);
    replica.restart();
    replica.expire(RaftTimer::Election);
    replica.expire(RaftTimer::Disk);
    assert_eq!(replica.committed.len(), 4, "the next term begins with a block of its own");
}
