//! The committer over DAGs as literals. Four replicas A to D, so a quorum is three; replica `round mod 4` leads: B leads
//! round 1, C round 2, D round 3, A round 4, and so on.

use super::*;
use crate::consensus::dag::loom::Loom;
use crate::consensus::planted;

/// What becomes of each slot in order up to the first that is undecided: the committed block's name, or a dash.
fn decided(loom: &Loom, leaders: u32) -> String {
    let committer = Committer::new(&Committee::new(4), leaders);
    let (mut slot, mut found) = (LeaderSlot::FIRST, Vec::new());
    loop {
        match committer.decide(&loom.dag, slot) {
            Decision::Commit(block) => found.push(loom.name(&block).to_string()),
            Decision::Skip => found.push("-".into()),
            Decision::Undecided => return found.join(" "),
        }
        slot = committer.after(slot);
    }
}

fn of(text: &str) -> String {
    decided(&Loom::weave(4, text), 1)
}

#[test]
fn slots_go_round_the_committee() {
    let committer = Committer::new(&Committee::new(4), 2);
    let (mut slot, mut leaders) = (LeaderSlot::FIRST, Vec::new());
    for _ in 0..6 {
        leaders.push((slot.round.0, committer.leader(slot).0));
        slot = committer.after(slot);
    }
    assert_eq!(leaders, [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 0)]);
    assert_eq!(committer.leaders(View(3)).map(|leader| leader.0).collect::<Vec<_>>(), [3, 0]);
}

// The direct rule.

#[test]
fn a_quorum_of_certificates_commits_and_asking_again_changes_nothing() {
    let mut loom = Loom::weave(4, "A B C D\nA B C D\nA B");
    assert_eq!(decided(&loom, 1), "", "two certificates are no quorum");
    loom.add(3, "C");
    assert_eq!(decided(&loom, 1), "B1");
    assert_eq!(decided(&loom, 1), "B1");
    loom.more("A B C\nA B C\nA B C");
    assert_eq!(decided(&loom, 1), "B1 C2 - A4", "nobody has seen a block by D in round 3");
}

#[test]
fn votes_without_certificates_commit_nothing() {
    // All vote for B1, but each block of round 3 knows of two votes only beside D2, which votes for nobody.
    assert_eq!(of("A B C D\nA B C D:D,A,C\nA:A,B,D B:B,C,D C:C,A,D"), "");
}

#[test]
fn a_slot_is_skipped_where_a_quorum_does_not_vote_for_it() {
    assert_eq!(of("A B C D\nA:A,C,D C:C,A,D"), "", "two are no quorum");
    assert_eq!(of("A B C D\nA:A,C,D C:C,A,D D:D,A,C"), "-");
    assert_eq!(of("A C D\nA C D"), "-", "nor is there a block");
}

#[test]
fn a_slot_with_votes_for_and_against_is_undecided() {
    assert_eq!(of("A B C D\nA:A,B,C B:B,C,D C:C,A,D D:D,A,C\nA:A,C,D B:B,C,D C:C,A,D"), "");
}

// The indirect rule.

#[test]
fn an_anchor_commits_what_a_certificate_below_it_certifies() {
    // B1 has three votes, of A, B and C; of round 3 only A and B know all three.
    let below = "A B C D
                 A:A,B,C B:B,C,D C:C,A,B D:D,A,C
                 A:A,B,C B:B,A,C C:C,A,D D:D,A,C";
    assert_eq!(of(below), "", "two certificates");
    let mut loom = Loom::weave(4, below);
    loom.more("A:A,B,C B:B,C,D C:C,A,D D:D,A,C\nA B C D\nA B C D");
    assert_eq!(decided(&loom, 1), "B1 C2 D3 A4", "A4 builds on A3, a certificate of B1");
}

#[test]
fn an_anchor_skips_what_no_certificate_below_it_certifies() {
    let below = "A B C D
                 A:A,B,C B:B,C,D C:C,A,B D:D,A,C
                 A:A,C,D B:B,A,C C:C,A,D D:D,A,C";
    let mut loom = Loom::weave(4, below);
    // B3 is a certificate of B1, but A4 does not build on it.
    loom.more("A:A,C,D B:B,C,D C:C,A,D D:D,A,C\nA B C D\nA B C D");
    assert_eq!(decided(&loom, 1), "- C2 D3 A4");
}

#[test]
fn while_the_first_possible_anchor_is_undecided_so_is_the_slot() {
    // B1 is undecided as above. A4 is neither certified nor skipped in round 6; B5 would be committed later.
    let mut loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,C,D C:C,A,B D:D,A,C
         A:A,B,C B:B,A,C C:C,A,D D:D,A,C
         A B C D
         A:A,B,C B:B,A,C C:C,B,D D:D,B,C
         A:A,C,D B:B,C,D C:C,B,D D:D,B,C
         A B C D",
    );
    assert_eq!(decided(&loom, 1), "", "B5 is committed, but A4 comes before it");
    let wrong = planted::with("latest anchor taken", || decided(&loom, 1));
    assert_eq!(wrong, "B1 C2 D3", "the planted defect does not wait");
    loom.more("A B C D\nA B C D");
    assert_eq!(decided(&loom, 1), "B1 C2 D3 - B5 C6 D7", "D7 says that A4 is skipped, and then B5 anchors B1");
}

#[test]
fn an_anchor_lies_three_rounds_above_or_more() {
    // B1 is undecided; C2 and D3 are committed, but their rounds are within its wave.
    let loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,C,D C:C,A,B D:D,A,C
         A:A,B,C B:B,A,C C:C,A,D D:D,A,C
         A B C D
         A B C D",
    );
    assert_eq!(decided(&loom, 1), "");
}

// Liars.

#[test]
fn of_two_blocks_at_most_one_is_committed() {
    let mut loom = Loom::weave(
        4,
        "A B C D B'
         A:A,B,C B:B,C,D C:C,A,B D:D,A,B'
         A B C D",
    );
    assert_eq!(decided(&loom, 1), "B1");
    loom.add(3, "B'");
    assert_eq!(decided(&loom, 1), "B1");
}

#[test]
fn a_slot_whose_blocks_share_the_votes_is_skipped_when_a_quorum_is_against_each() {
    let two_each = "A B C D B'
                    A:A,B,C B:B,C,D C:C,A,B' D:D,A,B'";
    assert_eq!(of(two_each), "", "two replicas are against each");
    assert_eq!(of("A B C D B'\nA:A,B,C C:C,A,B' D:D,A,C"), "", "D is against both, A and C against one each");
    assert_eq!(of("A B C D B'\nA:A,B,C C:C,A,B' D:D,A,C B:B,C,D B':B,A,C"), "", "B is for one of them");
    assert_eq!(of("A B C D B'\nA:A,C,D B:B,A,C C:C,A,D D:D,A,B'"), "-");
}

#[test]
fn who_votes_twice_counts_once() {
    // D2 and D2' are for C1 and against it: no quorum of three is on either side with A and B alone.
    let loom = Loom::weave(4, "A B C D\nA:A,B,C D:D,A,B D':D,A,B");
    assert_eq!(decided(&loom, 1), "");
    // B1: certificates by A and by D twice; B knows of two votes.
    let mut loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,A,C C:C,A,B D:D,A,C
         A:A,B,C B:B,C,D D:D,A,B,C D':D,A,B,C",
    );
    assert_eq!(decided(&loom, 1), "");
    assert_eq!(planted::with("blocks counted, not replicas", || decided(&loom, 1)), "B1");
    loom.add(3, "C:C,A,B");
    assert_eq!(decided(&loom, 1), "B1");
}

#[test]
fn a_certificate_counts_the_blocks_that_it_links_to() {
    // D2 votes for B1, D2' does not. With A and B there is a quorum for B1 only where D2 is linked to.
    let mut loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,C,D C:C,A,D D:D,A,B D':D,A,C
         A:A,B,D' B:B,A,D' C:C,A,B,D'",
    );
    assert_eq!(decided(&loom, 1), "", "no block of round 3 is a certificate");
    assert_eq!(planted::with("votes for both of two blocks", || decided(&loom, 1)), "B1");
    loom.more("A B C\nA B C\nA B C");
    assert_eq!(decided(&loom, 1).split(' ').next(), Some("-"));
    let loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,C,D C:C,A,D D:D,A,B D':D,A,C
         A:A,B,D B:B,A,D C:C,A,B,D",
    );
    assert_eq!(decided(&loom, 1), "B1");
}

// Late blocks, many leaders.

#[test]
fn a_block_that_comes_late_changes_no_decision() {
    let mut loom = Loom::weave(4, "A C D\nA C D\nA C D\nA C D\nA C D\nA C D");
    let before = decided(&loom, 1);
    assert_eq!(before, "- C2 D3 A4 -");
    loom.add(1, "B");
    loom.add(2, "B:B,A,C");
    assert_eq!(decided(&loom, 1), before);
}

#[test]
fn links_to_older_rounds_are_no_votes() {
    // B1 is linked to in round 3, where that is too late.
    let text = "A B C D
                A:A,C,D C:C,A,D D:D,A,C
                A:A,B1,C,D C:C,A,B1,D D:D,A,B1,C";
    assert_eq!(of(text), "-");
}

#[test]
fn several_leaders_of_a_round_are_committed_in_order() {
    assert_eq!(decided(&Loom::weave(4, "A B C D\nA B C D\nA B C D"), 2), "B1 C1");
    assert_eq!(decided(&Loom::weave(4, "A B C D\nA B C D\nA B C D"), 4), "B1 C1 D1 A1");
    // C1 has votes of A, B and C, and D1 of D alone.
    let loom = Loom::weave(4, "A B C D\nA:A,B,C B:B,A,C C:C,A,B D:D,A,B\nA:A,B,C B:B,A,C C:C,A,B D:D,A,B,C");
    assert_eq!(decided(&loom, 4), "B1 C1 - A1");
}

#[test]
fn an_undecided_slot_holds_up_those_after_it() {
    // B1 is undecided; C1 would be committed.
    let loom = Loom::weave(
        4,
        "A B C D
         A:A,B,C B:B,C,D C:C,A,B D:D,A,C
         A:A,B,C B:B,A,C C:C,A,D D:D,A,C",
    );
    assert_eq!(decided(&loom, 2), "");
    let committer = Committer::new(&Committee::new(4), 2);
    let second = LeaderSlot { round: View(1), nth: 1 };
    assert!(matches!(committer.decide(&loom.dag, second), Decision::Commit(block) if loom.name(&block) == "C1"));
}
