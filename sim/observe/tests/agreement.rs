//! Agreement and chain.

use super::*;

#[test]
fn one_chain_committed_by_all_is_agreement() {
    let first = child(&Block::genesis(), 1);
    let second = child(&first, 2);
    let mut court = Court::of(&PBFT);
    court.quorums(&[&first, &second]);
    court.silent(committed(A, &first)).silent(committed(A, &second));
    court.silent(committed(B, &first)).silent(committed(B, &second));
}

#[test]
fn a_fork_at_a_height_is_convicted() {
    let (ours, theirs) = (child(&Block::genesis(), 1), child(&Block::genesis(), 2));
    let mut court = Court::of(&PBFT);
    court.quorums(&[&ours]).silent(committed(A, &ours));
    court.convicts("agreement", "where r0 committed", committed(B, &theirs));
}

#[test]
fn states_that_diverge_are_convicted_and_equal_ones_are_not() {
    let executed = |replica, state: &[u8]| Tap::Executed { replica, height: Height(1), state: Digest::of(state) };
    let mut court = Court::of(&PBFT);
    court.silent(executed(A, b"state")).silent(executed(B, b"state"));
    court.convicts("agreement", "has state", executed(ReplicaId(2), b"another"));
}

// Chain.

#[test]
fn a_skipped_height_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let second = child(&first, 2);
    Court::of(&PBFT).convicts("chain", "r0 commits #2 after #0", committed(A, &second));
}

#[test]
fn a_height_committed_twice_by_one_replica_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let mut court = Court::of(&PBFT);
    court.quorums(&[&first]).silent(committed(A, &first));
    court.convicts("chain", "r0 commits #1 after #1", committed(A, &first));
}

#[test]
fn a_block_whose_parent_was_not_committed_is_convicted() {
    let first = child(&Block::genesis(), 1);
    let orphan = Block::sealed(View(3), Height(2), A, Digest::of(b"elsewhere"), View(2), Payload::default());
    let mut court = Court::of(&PBFT);
    court.quorums(&[&first]).silent(committed(A, &first));
    court.convicts("chain", "whose parent it did not commit", committed(A, &orphan));
}

#[test]
fn a_first_block_that_is_no_child_of_genesis_is_convicted() {
    let orphan = Block::sealed(View(1), Height(1), A, Digest::of(b"another genesis"), View(0), Payload::default());
    Court::of(&PBFT).convicts("chain", "whose parent it did not commit", committed(A, &orphan));
}

#[test]
fn a_block_whose_contents_are_not_those_of_its_id_is_convicted() {
    let mut block = child(&Block::genesis(), 1);
    block.author = B;
    Court::of(&PBFT).convicts("chain", "hashes to", committed(A, &block));
}

#[test]
fn what_faulty_replicas_commit_and_reach_binds_nobody() {
    let (ours, theirs) = (child(&Block::genesis(), 1), child(&Block::genesis(), 2));
    let executed = |replica, state: &[u8]| Tap::Executed { replica, height: Height(1), state: Digest::of(state) };
    let mut court = Court::with_faulty(&PBFT, &[A]);
    court.silent(committed(A, &theirs)).silent(committed(A, &theirs)).silent(executed(A, b"another"));
    court.quorums(&[&ours]);
    court.silent(committed(B, &ours)).silent(executed(B, b"state")).silent(committed(ReplicaId(2), &ours));
    court.convicts("agreement", "where r1 committed", committed(ReplicaId(3), &theirs));
}
