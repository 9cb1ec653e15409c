//! Conduct.

use super::*;

#[test]
fn two_statements_of_one_phase_in_a_slot_are_convicted_unless_they_are_the_same() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    // Replica 1 leads all of these views.
    for phase in [Phase::Propose, Phase::Vote, Phase::Commit] {
        let mut court = Court::of(&JOLTEON);
        court.states([0, 1, 2].map(|by| vote(by, 5, block)));
        court.states([state(phase, 1, 5, 5, block), state(phase, 1, 5, 5, block)]);
        court.convicts_statement("conduct", "twice in v5", state(phase, 1, 5, 5, other));
        let mut court = Court::of(&JOLTEON);
        court.states([0, 1, 2].map(|by| vote(by, 5, block)));
        court.states([state(phase, 1, 5, 5, block)]);
        court.convicts_statement("conduct", "twice in v5", state(phase, 1, 6, 5, block));
    }
    Court::of(&JOLTEON).states([vote(1, 5, block), vote(1, 6, other)]);
}

#[test]
fn a_vote_against_every_block_is_a_choice() {
    let (block, none) = (Digest::of(b"block"), Digest::ZERO);
    for (first, second) in [(block, none), (none, block)] {
        let mut court = Court::of(&TENDERMINT);
        court.states([state(Phase::Vote, 1, 5, 0, first), state(Phase::Vote, 1, 5, 1, second)]);
        court.convicts_statement("conduct", "twice in v0", state(Phase::Vote, 1, 5, 0, second));
    }
}

#[test]
fn heights_of_one_view_are_slots_of_their_own_only_where_promised() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let (first, second) = (state(Phase::Vote, 1, 5, 3, block), state(Phase::Vote, 1, 6, 3, other));
    Court::of(&PBFT).states([first, second]);
    Court::of(&JOLTEON).states([first]).convicts_statement("conduct", "twice in v3", second);
}

#[test]
fn what_faulty_replicas_state_is_not_held_against_them() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let mut court = Court::with_faulty(&JOLTEON, &[A]);
    court.states([vote(0, 5, block), vote(0, 5, other), timeout(0, 9, 4), timeout(0, 9, 3), vote(0, 6, block)]);
    court.states([state(Phase::Propose, 0, 5, 5, block), state(Phase::Commit, 0, 5, 5, other)]);
    court.states([vote(1, 5, block)]).convicts_statement("conduct", "r1 states Vote twice", vote(1, 5, other));
    let mut court = Court::with_faulty(&RAFT, &[A]);
    court.states([elect(0, 5, 1), elect(0, 5, 2), elect(1, 5, 1)]);
    court.convicts_statement("conduct", "r1 follows candidate 2 in v5", elect(1, 5, 2));
}

#[test]
fn only_the_leader_proposes() {
    let block = Digest::of(b"block");
    let every_third = Promises { leaders: Leaders::ByView { every: 3 }, ..JOLTEON };
    // Promises, height, view, leader of four.
    let leaders = [(JOLTEON, 2, 7, 3), (PBFT, 2, 7, 3), (every_third, 2, 7, 2), (QBFT, 2, 7, 1), (CENTRAL, 2, 7, 1)];
    for (promises, height, view, leader) in leaders {
        for by in 0..4 {
            let proposal = state(Phase::Propose, by, height, view, block);
            match by == leader {
                true => drop(Court::of(&promises).states([proposal])),
                false => {
                    Court::of(&promises).convicts_statement("conduct", &format!("where r{leader} leads"), proposal)
                }
            }
        }
    }
}

#[test]
fn an_elected_leader_has_a_majority_of_distinct_followers() {
    let proposal = |by| state(Phase::Propose, by, 1, 5, Digest::of(b"block"));
    let mut court = Court::of(&RAFT);
    court.states([elect(0, 5, 1), elect(1, 5, 1), elect(3, 5, 1), elect(2, 5, 2)]);
    court.states([proposal(1), proposal(1), state(Phase::Propose, 1, 2, 5, Digest::of(b"next"))]);
    let mut court = Court::of(&RAFT);
    court.states([elect(0, 5, 1), elect(1, 5, 1), elect(1, 5, 1), elect(2, 4, 1), elect(3, 5, 3)]);
    court.convicts_statement("conduct", "elected by 2 where a majority is 3", proposal(1));
}

#[test]
fn one_replica_leads_an_elected_view() {
    // Two majorities that share only liars.
    let mut court = Court::with_faulty(&RAFT, &[A, B]);
    court.states([elect(0, 5, 2), elect(1, 5, 2), elect(2, 5, 2), elect(0, 5, 3), elect(1, 5, 3), elect(3, 5, 3)]);
    court.states([state(Phase::Propose, 2, 1, 5, Digest::of(b"block"))]);
    let second = state(Phase::Propose, 3, 2, 5, Digest::of(b"other"));
    court.convicts_statement("conduct", "r3 proposes in v5, where r2 did", second);
}

#[test]
fn a_replica_follows_one_candidate_in_a_view() {
    let mut court = Court::of(&RAFT);
    court.states([elect(0, 5, 1), elect(0, 5, 1), elect(0, 6, 2)]);
    court.convicts_statement("conduct", "r0 follows candidate 3 in v6", elect(0, 6, 3));
}

#[test]
fn nobody_goes_on_in_a_view_that_it_gave_up() {
    let block = Digest::of(b"block");
    for phase in [Phase::Vote, Phase::Commit] {
        let late = |view| state(phase, 1, 8, view, block);
        let mut court = Court::of(&PBFT);
        court.states([0, 1, 2].map(|by| state(Phase::Vote, by, 7, 5, block)));
        court.states([state(phase, 1, 7, 5, block), timeout(1, 5, 0)]);
        court.states([state(phase, 1, 7, 5, block)]);
        court.states([0, 2, 3].map(|by| state(Phase::Vote, by, 8, 6, block))).states([timeout(2, 9, 0), late(6)]);
        court.convicts_statement("conduct", "in v5 at #8 after it gave up v5", late(5));
        let mut court = Court::of(&PBFT);
        court.states([timeout(1, 5, 0), timeout(1, 4, 0)]);
        court.convicts_statement("conduct", "after it gave up v5", late(5));
        let mut court = Court::of(&PBFT);
        court.states([timeout(1, 5, 0)]);
        court.convicts_statement("conduct", "after it gave up v5", late(2));
    }
    Court::of(&RAFT).states([timeout(1, 5, 0), state(Phase::Vote, 1, 8, 5, block)]);
}

#[test]
fn a_view_given_up_at_one_height_goes_on_at_others() {
    let block = Digest::of(b"block");
    let mut court = Court::of(&QBFT);
    court.states([timeout_at(1, 7, 2, 0), state(Phase::Vote, 1, 8, 0, block), state(Phase::Vote, 1, 7, 3, block)]);
    court.convicts_statement("conduct", "in v1 at #7 after it gave up v2", state(Phase::Vote, 1, 7, 1, block));
}

#[test]
fn a_replica_never_claims_to_know_less_than_before() {
    let mut court = Court::of(&JOLTEON);
    court.states([timeout(1, 4, 3), timeout(1, 4, 3), timeout(2, 9, 1), timeout(1, 5, 4)]);
    court.convicts_statement("conduct", "r1 gives up v6 knowing v3, but it knew v4", timeout(1, 6, 3));
    // By height, where views are.
    let mut court = Court::of(&QBFT);
    court.states([timeout_at(1, 4, 6, 5), timeout_at(1, 5, 1, 0), timeout_at(1, 4, 7, 5)]);
    court.convicts_statement("conduct", "knowing v4, but it knew v5", timeout_at(1, 4, 8, 4));
    Court::of(&PBFT).states([timeout(1, 5, 4), timeout(1, 6, 3)]);
}

/// Votes of replicas for a block at height 3, and replica 1's commit of it, in a view.
fn locked(court: &mut Court, view: u64, block: Digest) {
    court.states([0, 1, 2].map(|by| state(Phase::Vote, by, 3, view, block)));
    court.states([state(Phase::Commit, 1, 3, view, block)]);
}

#[test]
fn a_locked_replica_votes_for_its_lock_for_nothing_and_at_other_heights() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let mut court = Court::of(&TENDERMINT);
    locked(&mut court, 0, block);
    court.states([state(Phase::Commit, 1, 3, 1, Digest::ZERO), state(Phase::Vote, 1, 3, 1, block)]);
    court.states([state(Phase::Vote, 1, 3, 2, Digest::ZERO), state(Phase::Vote, 1, 4, 5, other)]);
    court.states([state(Phase::Vote, 2, 3, 1, other)]);
    court.convicts_statement("conduct", "locked on", state(Phase::Vote, 1, 3, 3, other));
    Court::of(&QBFT).states([state(Phase::Vote, 1, 3, 0, block), state(Phase::Vote, 1, 3, 3, other)]);
}

#[test]
fn a_lock_is_left_for_a_block_that_a_quorum_accepted_since() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let others = |view| [0, 2, 3].map(|by| state(Phase::Vote, by, 3, view, other));
    let late = state(Phase::Vote, 1, 3, 4, other);
    let mut court = Court::of(&TENDERMINT);
    locked(&mut court, 1, block);
    court.states(others(3)).states([late]);
    // Too early, too late, too few.
    let mut court = Court::of(&TENDERMINT);
    court.states(others(0));
    locked(&mut court, 1, block);
    court.convicts_statement("conduct", "at most 0 of 3 votes", late);
    let mut court = Court::of(&TENDERMINT);
    locked(&mut court, 1, block);
    court.states(others(4)).convicts_statement("conduct", "at most 0 of 3 votes", late);
    let mut court = Court::of(&TENDERMINT);
    locked(&mut court, 1, block);
    court.states(others(2).into_iter().take(2)).states(others(3).into_iter().skip(1));
    court.convicts_statement("conduct", "at most 2 of 3 votes", late);
}

#[test]
fn the_last_lock_counts() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let mut court = Court::of(&TENDERMINT);
    locked(&mut court, 0, block);
    court.states([0, 2, 3].map(|by| state(Phase::Vote, by, 3, 1, other)));
    locked(&mut court, 2, other);
    court.convicts_statement("conduct", "since v2 at #3", state(Phase::Vote, 1, 3, 3, block));
}

#[test]
fn a_commit_is_stated_of_what_a_quorum_voted_for() {
    let block = Digest::of(b"block");
    for promises in [PBFT, TENDERMINT] {
        let mut court = Court::of(&promises);
        court.states([0, 3].map(|by| state(Phase::Vote, by, 3, 0, block))).states([state(Phase::Vote, 2, 3, 1, block)]);
        court.states([state(Phase::Commit, 2, 3, 0, Digest::ZERO)]);
        court.convicts_statement("conduct", "where it has 2 of 3 votes", state(Phase::Commit, 1, 3, 0, block));
    }
    // A quorum may contain liars.
    let mut court = Court::with_faulty(&PBFT, &[A]);
    court.states([0, 1, 3].map(|by| state(Phase::Vote, by, 3, 0, block))).states([state(
        Phase::Commit,
        1,
        3,
        0,
        block,
    )]);
}

#[test]
fn what_is_too_old_is_not_judged() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let mut court = Court::of(&JOLTEON);
    court.states([vote(1, 5, block), timeout(1, 5, 4)]);
    court.states([0, 2, 3].map(|by| vote(by, 10_000, block)));
    court.states([vote(1, 5, block), vote(1, 5, other)]);
    // Of one replica's word alone nothing is.
    let mut court = Court::of(&JOLTEON);
    court.states([vote(1, 5, block), vote(0, u64::MAX, block)]);
    court.convicts_statement("conduct", "twice in v5", vote(1, 5, other));
}
