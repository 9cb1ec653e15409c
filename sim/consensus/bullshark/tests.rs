//! Which leaders are anchors, on literal DAGs of four replicas: B leads round 2, C 4, D 6; two votes are enough.

use crate::base::View;
use crate::consensus::dag::loom::Loom;
use crate::consensus::dag::{Decision, Waves, decide};
use crate::consensus::{Protocol, planted};
use crate::ledger::{CommitRule, Committee};

use super::{Bullshark, BullsharkParams, leader};

/// What the DAG says of each leader, in words.
fn told(loom: &Loom) -> Vec<String> {
    told_to(&Committee::new(4), loom)
}

fn told_to(committee: &Committee, loom: &Loom) -> Vec<String> {
    let decided = decide(&loom.dag, committee, View(0), leader);
    let in_words = |(round, decision): (View, Decision)| match decision {
        Decision::Commit(block) => format!("commit {}", loom.name(&block)),
        Decision::Skip => format!("skip {}", round.0),
        Decision::Undecided => format!("undecided {}", round.0),
    };
    decided.into_iter().map(in_words).collect()
}

/// B2 has one vote, and C4 reaches it.
const ONE_VOTE: &str = "
    A B C D
    A B C D
    A:A,B,C B:A,C,D C:A,C,D D:A,C,D
    A B C D
    A B C D";

/// B2 has one vote and C4 another; D6 reaches both of them, but C4 not B2.
const APART: &str = "
    A B C D
    A B C D
    A:A,B,C B:A,C,D C:A,C,D D:A,C,D
    A:A,B,C B:B,C,D C:B,C,D D:B,C,D
    A:A,B,D B:A,B,C C:A,B,D D:A,B,D
    A B C D
    A B C D";

#[test]
fn two_votes_make_an_anchor_and_one_does_not() {
    let mut loom = Loom::weave(
        4,
        "A B C D
         A B C D
         A:A,B,C C:A,C,D",
    );
    assert_eq!(told(&loom), ["undecided 2"]);
    loom.add(3, "D:A,B,D");
    assert_eq!(told(&loom), ["commit B2"]);
    assert_eq!(told(&loom), ["commit B2"], "a query changes nothing");
}

#[test]
fn of_six_replicas_two_votes_make_no_anchor_as_a_quorum_may_have_neither() {
    let mut loom = Loom::weave(
        6,
        "A B C D E F
         A B C D E F
         A B C:A,C,D,E D:A,C,D,E E:A,C,D,E",
    );
    let told = |loom: &Loom| told_to(&Committee::new(6), loom);
    assert_eq!(told(&loom), ["undecided 2"]);
    loom.add(3, "F");
    assert_eq!(told(&loom), ["commit B2"]);
}

#[test]
fn a_leader_with_too_few_votes_is_an_anchor_if_the_next_one_reaches_it() {
    assert_eq!(told(&Loom::weave(4, ONE_VOTE)), ["commit B2", "commit C4"]);
}

#[test]
fn a_leader_that_the_next_anchor_does_not_reach_is_skipped_for_ever() {
    let mut loom = Loom::weave(4, APART);
    let decided = ["skip 2", "commit C4", "commit D6"];
    assert_eq!(told(&loom), decided, "that D6 reaches B2 says nothing: C4 comes before it");
    loom.more("A B C D");
    assert_eq!(told(&loom)[..3], decided);
}

#[test]
fn a_leader_without_a_block_is_undecided_until_another_is_an_anchor() {
    let mut loom = Loom::weave(
        4,
        "A B C D
         A C D
         A C D
         A C D",
    );
    assert_eq!(told(&loom), ["undecided 2"]);
    loom.more("A:A,D C:A,D D:A,C,D");
    assert_eq!(told(&loom), ["undecided 2", "undecided 4"]);
    loom.add(5, "B:A,C,D");
    assert_eq!(told(&loom), ["skip 2", "commit C4"]);
}

#[test]
fn a_liar_with_two_blocks_votes_once() {
    let mut loom = Loom::weave(
        4,
        "A B C D
         A B C D
         A:A,B,C A':A,B,D C:A,C,D",
    );
    assert_eq!(told(&loom), ["undecided 2"]);
    assert_eq!(planted::with("equivocation counted twice", || told(&loom)), ["commit B2"]);
    loom.add(3, "B:A,B,C");
    assert_eq!(told(&loom), ["commit B2"]);
}

#[test]
fn of_a_liar_s_two_blocks_the_one_with_the_votes_is_the_anchor() {
    let loom = Loom::weave(
        4,
        "A B C D
         A B B' C D
         A:A,B',C B:A,B',C C:A,B',C D:A,B,D",
    );
    assert_eq!(told(&loom), ["commit B2'"]);
}

#[test]
fn each_defect_decides_otherwise() {
    let told_with = |defect, dag| planted::with(defect, || told(&Loom::weave(4, dag)));
    assert_eq!(told_with("undecided leaders skipped", ONE_VOTE), ["skip 2", "commit C4"]);
    assert_eq!(told_with("indirect anchors from the wrong one", APART), ["commit B2", "commit C4", "commit D6"]);
    let eager = told_with("votes for an anchor off by one", "A B C D\n A B C D\n A:A,B,C B:A,C,D");
    assert_eq!(eager, ["commit B2"]);
    let odd = told_with("wave length wrong", "A B C D\n A B C D\n A B C D");
    assert_eq!(odd, ["commit A1", "commit B2"], "A leads round 1");
}

#[test]
fn anchors_are_delivered_once_and_only_what_none_will_take_is_passed() {
    let committee = Committee::new(4);
    let deliver = |depth| {
        let mut loom = Loom::weave(4, ONE_VOTE);
        let mut waves = Waves::new(&committee, depth, leader);
        let mut fresh = || waves.advance(&mut loom.dag).len();
        ([fresh(), fresh()], waves.passed())
    };
    assert_eq!(deliver(4), ([2, 0], View(0)));
    assert_eq!(deliver(2), ([2, 0], View(1)), "an anchor of round 4 takes rounds 2 and up, and so may the next");
    let (_, passed) = planted::with("garbage collection off by one", || deliver(2));
    assert_eq!(passed, View(2));
}

#[test]
fn it_promises_what_its_settings_say() {
    let params = BullsharkParams { gc_depth: 9, ..BullsharkParams::default() };
    let CommitRule::Dag { depth, .. } = Bullshark::promises(&params).commit else { panic!("it orders a DAG") };
    assert_eq!(depth, 9);
    assert!(Bullshark::validate(&BullsharkParams { gc_depth: 3, ..params }, 4).is_err());
}
