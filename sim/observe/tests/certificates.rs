//! Certificates.

use super::*;
use crate::observe::Judge;
use crate::observe::certificates::Certificates;

#[test]
fn a_quorum_that_voted_is_a_certificate() {
    let block = Digest::of(b"block");
    let honest = certificate(1, block, &[0, 2, 3]);
    let mut court = Court::of(&JOLTEON);
    court.states([0, 2, 3].map(|by| vote(by, 1, block)));
    court.silent(Tap::Certified { certificate: &honest }).silent(Tap::Certified { certificate: &honest });
    let genesis = Certificate::genesis(Block::genesis().id());
    court.silent(Tap::Certified { certificate: &genesis });
}

#[test]
fn a_certificate_with_too_few_signers_is_convicted() {
    let block = Digest::of(b"block");
    let mut court = Court::of(&JOLTEON);
    court.states([0, 2, 3].map(|by| vote(by, 1, block)));
    court.convicts("certificates", "2 signers", Tap::Certified { certificate: &certificate(1, block, &[0, 2]) });
}

#[test]
fn a_signer_who_voted_otherwise_or_not_at_all_is_convicted() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let claimed = certificate(1, block, &[0, 1, 2]);
    let mut court = Court::of(&JOLTEON);
    court.states([vote(0, 1, block), vote(1, 1, block), vote(2, 1, other)]);
    court.convicts("certificates", "r2, who did not state that", Tap::Certified { certificate: &claimed });
    let mut court = Court::of(&JOLTEON);
    court.states([vote(0, 1, block), vote(1, 1, block), vote(2, 2, block)]);
    court.convicts("certificates", "r2, who did not state that", Tap::Certified { certificate: &claimed });
}

#[test]
fn a_false_certificate_after_a_true_one_for_the_same_block_is_convicted() {
    let block = Digest::of(b"block");
    let mut court = Court::of(&JOLTEON);
    court.states([0, 1, 2].map(|by| vote(by, 1, block)));
    court.silent(Tap::Certified { certificate: &certificate(1, block, &[0, 1, 2]) });
    let claimed = certificate(1, block, &[0, 1, 3]);
    court.convicts("certificates", "r3, who did not state that", Tap::Certified { certificate: &claimed });
}

#[test]
fn a_certificate_of_another_phase_view_or_height_than_was_stated_is_convicted() {
    let block = Digest::of(b"block");
    let honest = certificate(2, block, &[0, 1, 2]);
    let wrong = [
        Certificate { phase: Phase::Commit, ..honest.clone() },
        Certificate { phase: Phase::Timeout, ..honest.clone() },
        Certificate { view: View(3), ..honest.clone() },
        Certificate { height: Height(3), ..honest.clone() },
    ];
    for promises in [JOLTEON, PBFT] {
        for wrong in &wrong {
            let mut court = Court::of(&promises);
            court.states([0, 1, 2].map(|by| vote(by, 2, block)));
            court.silent(Tap::Certified { certificate: &honest });
            court.convicts("certificates", "r0, who did not state that", Tap::Certified { certificate: wrong });
        }
    }
}

#[test]
fn commits_are_certified_as_votes_are() {
    let block = Digest::of(b"block");
    let honest = Certificate { phase: Phase::Commit, ..certificate(5, block, &[1, 2, 3]) };
    let mut court = Court::of(&PBFT);
    court.states([0, 1, 2, 3].map(|by| state(Phase::Vote, by, 5, 5, block)));
    court.states([1, 2, 3].map(|by| state(Phase::Commit, by, 5, 5, block)));
    court.silent(Tap::Certified { certificate: &honest });
    let claimed = Certificate { phase: Phase::Commit, ..certificate(5, block, &[0, 1, 2]) };
    court.convicts(
        "certificates",
        "a Commit certificate of v5 at #5 names r0",
        Tap::Certified { certificate: &claimed },
    );
}

#[test]
fn view_0_is_certified_as_any_other_and_height_0_is_genesis() {
    let block = Digest::of(b"block");
    let of_view_0 = |by: &[u32]| Certificate { view: View(0), ..certificate(7, block, by) };
    let mut court = Court::of(&QBFT);
    court.states([0, 1, 2].map(|by| state(Phase::Vote, by, 7, 0, block)));
    court.silent(Tap::Certified { certificate: &of_view_0(&[0, 1, 2]) });
    court.convicts("certificates", "names r3", Tap::Certified { certificate: &of_view_0(&[0, 1, 3]) });
    let another = Certificate::genesis(block);
    Court::of(&QBFT).convicts("certificates", "not of genesis", Tap::Certified { certificate: &another });
}

#[test]
fn a_certificate_too_old_to_recheck_is_neither_convicted_nor_held_against_anyone() {
    let block = Digest::of(b"block");
    let old = certificate(1, block, &[0, 1, 2]);
    for promises in [JOLTEON, PBFT] {
        let mut court = Court::of(&promises);
        court.states([0, 1, 2].map(|by| vote(by, 1, block)));
        court.states([0, 1, 2].map(|by| vote(by, 10_000, Digest::of(b"far ahead"))));
        court.silent(Tap::Certified { certificate: &old });
    }
}

#[test]
fn one_replica_that_claims_to_be_far_ahead_makes_nothing_old() {
    let block = Digest::of(b"block");
    for promises in [JOLTEON, PBFT] {
        let mut court = Court::of(&promises);
        court.states([0, 1, 2].map(|by| vote(by, 1, block)));
        court.states([vote(0, u64::MAX, Digest::of(b"far ahead"))]);
        court.silent(Tap::Certified { certificate: &certificate(1, block, &[0, 1, 2]) });
        let claimed = certificate(1, block, &[0, 1, 3]);
        court.convicts("certificates", "names r3", Tap::Certified { certificate: &claimed });
        let mut court = Court::of(&promises);
        court.states([timeout(0, 4, 3), timeout(1, 4, 2), timeout(2, 4, 1), timeout(3, u64::MAX, 1)]);
        let claimed = timeout_certificate(4, &[(0, 3), (1, 2), (2, 2)]);
        court.convicts("certificates", "claims r2", Tap::GivenUp { certificate: &claimed });
    }
}

#[test]
fn a_timeout_certificate_says_what_its_signers_said() {
    let mut court = Court::of(&JOLTEON);
    // Replica 2 repeats its timeout with a higher certificate: either claim is its own.
    court.states([timeout(0, 4, 3), timeout(1, 4, 2), timeout(2, 4, 1), timeout(2, 4, 3)]);
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 1)]) });
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 3)]) });
}

#[test]
fn a_timeout_certificate_that_understates_a_signers_certificate_is_convicted() {
    let mut court = Court::of(&JOLTEON);
    court.states([timeout(0, 4, 3), timeout(1, 4, 2), timeout(2, 4, 1)]);
    court.silent(Tap::GivenUp { certificate: &timeout_certificate(4, &[(0, 3), (1, 2), (2, 1)]) });
    let claimed = timeout_certificate(4, &[(0, 1), (1, 2), (2, 1)]);
    court.convicts("certificates", "claims r0 timed out knowing v1", Tap::GivenUp { certificate: &claimed });
}

#[test]
fn a_timeout_certificate_with_a_signer_twice_is_convicted() {
    let mut court = Court::of(&JOLTEON);
    court.states([timeout(0, 4, 3), timeout(1, 4, 2)]);
    let claimed = timeout_certificate(4, &[(0, 3), (1, 2), (1, 2)]);
    court.convicts("certificates", "has 2 signers", Tap::GivenUp { certificate: &claimed });
}

#[test]
fn certificates_of_a_dag_are_judged_by_round_and_each_replica_votes_for_many_blocks_in_one() {
    let (one, other) = (Digest::of(b"block of r0"), Digest::of(b"block of r1"));
    for promises in [TUSK, BULLSHARK] {
        let stated = || {
            let mut judge = Certificates::new(&Committee::new(4), &promises);
            let votes = [0, 1, 2].map(|by| vote(by, 5, one)).into_iter().chain([1, 2, 3].map(|by| vote(by, 5, other)));
            for statement in votes {
                judge.observe(&Tap::Stated { statement: &statement }).expect("votes are not judged here");
            }
            judge
        };
        let shown = |certificate: &Certificate| stated().observe(&Tap::Certified { certificate });
        assert_eq!(shown(&certificate(5, one, &[0, 1, 2])), Ok(()));
        assert_eq!(shown(&certificate(5, other, &[1, 2, 3])), Ok(()));
        assert_eq!(shown(&Certificate::genesis(Block::genesis().id())), Ok(()));
        let wrong = |certificate: &Certificate| shown(certificate).expect_err("it is wrong");
        assert!(wrong(&certificate(5, one, &[1, 2, 3])).contains("names r3, who did not state that"));
        assert!(wrong(&certificate(6, one, &[0, 1, 2])).contains("names r0, who did not state that"));
        assert!(wrong(&certificate(5, one, &[0, 1])).contains("has 2 signers, a quorum is 3"));
        assert!(wrong(&certificate(0, one, &[0, 1, 2])).contains("not of genesis"));
    }
}
