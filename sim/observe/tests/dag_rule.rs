//! The commit rule of DAGs.

use super::dag::{Scene, certified, proposed};
use super::*;
use crate::observe::Judge;
use crate::observe::arithmetic::Set;
use crate::observe::dag_rule::DagRules;

/// Rounds in which everyone links to everyone.
fn full(rounds: usize) -> String {
    "A B C D\n".repeat(rounds)
}

const THREE: Promises = weaving(DagRule::Mysticeti { leaders: 3 });

// What is decided.

#[test]
fn mysticeti_commits_a_slot_with_a_quorum_of_certificates() {
    let mut scene = Scene::of(&MYSTICETI, &full(2));
    scene.more("A B");
    scene.convicts("r1's block", "B1", "B1");
    scene.convicts("which is not decided: there are 0 anchors", "B1", "B1");
    scene.add(3, "C").commits("B1", "B1").more("A B");
    scene.convicts("which is not decided: there are 1 anchors", "C2", "A1 C1 D1 C2");
    scene.add(4, "C").commits("C2", "A1 C1 D1 C2");
}

#[test]
fn mysticeti_skips_a_slot_that_a_quorum_has_not_voted_for() {
    // Nobody but its author links to B1.
    let mut scene = Scene::of(&MYSTICETI, "A B C D");
    scene.more("A:A,C,D C:A,C,D D:A,C,D B").more("A B C D").more("A B C D");
    scene.convicts("where the anchor is r2's block", "B1", "B1");
    scene.commits("C2", "A1 C1 D1 C2");
    // Without a block at all.
    let mut scene = Scene::of(&MYSTICETI, "A C D\nA C D\nA C D\nA C D");
    scene.commits("C2", "A1 C1 D1 C2");
}

#[test]
fn mysticeti_decides_other_slots_by_the_first_later_one_that_is_not_skipped() {
    // B1 has three votes, and so A3 alone, as it has all of them, certifies it; D4 and those above build on A3.
    let mut scene = Scene::of(&MYSTICETI, "A B C D\nA:A,B,C B C:B,C,D D:A,C,D");
    scene.more("A:A,B,C,D B:B,C,D C:B,C,D D:B,C,D");
    scene.convicts("not decided", "B1", "B1");
    scene.more(&full(2));
    scene.convicts("not decided", "B1", "B1");
    scene.more("A B C").commits("B1", "B1");
    // The same, but nobody builds on A3 in time: B1 is skipped.
    let mut scene = Scene::of(&MYSTICETI, "A B C D\nA:A,B,C B C:B,C,D D:A,C,D");
    scene.more("A:A,B,C,D B:B,C,D C:B,C,D D:B,C,D").more("B:B,C,D C:B,C,D D:B,C,D").more("B C D\nB C D\nB C D\nB C D");
    scene.convicts("where the anchor is r2's block", "B1", "B1");
    scene.commits("C2", "B1 C1 D1 C2");
}

#[test]
fn mysticeti_orders_the_slots_of_a_round_from_its_leader_on() {
    let mut scene = Scene::of(&THREE, &full(3));
    scene.commits("B1", "B1").commits("C1", "C1");
    scene.convicts("where the anchor is r3's block", "A1", "A1");
    scene.commits("D1", "D1").more("A B").convicts("not decided", "C2", "A1 C2");
    let mut scene = Scene::of(&THREE, &full(4));
    scene.commits("B1", "B1").commits("C1", "C1").commits("D1", "D1").commits("C2", "A1 C2");
}

#[test]
fn of_two_blocks_in_a_slot_the_one_with_certificates_is_committed() {
    let mut scene = Scene::with_faulty(&MYSTICETI, &[B], "A B C D B'");
    scene.more("A:A,B',C B:A,B,C,B' C:B',C,D D:B',C,D").more("A B C D");
    scene.convicts("where the anchor is r1's block", "B1", "B1");
    scene.commits("B1'", "B1'");
    // The other goes with a later anchor.
    scene.more(&full(1)).commits("C2", "C1 D1 C2").more(&full(1)).commits("D3", "A1 B1 A2 B2 D2 D3");
}

#[test]
fn two_blocks_of_one_author_are_one_vote_and_one_certificate() {
    // Of B1's votes three are of two replicas.
    let mut scene = Scene::with_faulty(&MYSTICETI, &[A], "A B C D");
    scene.more("A A':A,B,C B:A,B,C C:A,C,D D:A,C,D");
    scene.more("A:A,A',B,C,D B:A,A',B,C C D").more(&full(3));
    scene.convicts("where the anchor is r2's block", "B1", "B1");
    // Three certificates, of two replicas.
    let mut scene = Scene::with_faulty(&MYSTICETI, &[A], &full(2));
    scene.more("A A':A,B,C B:A,B,C");
    scene.convicts("not decided", "B1", "B1");
}

#[test]
fn bullshark_commits_a_leader_with_enough_links_and_those_before_that_it_builds_on() {
    // Of four, replica 1 leads round 2, replica 2 round 4.
    let mut scene = Scene::of(&BULLSHARK, &full(2));
    scene.add(3, "A");
    scene.convicts("not decided", "B2", "A1 B1 C1 D1 B2");
    scene.add(3, "B").commits("B2", "A1 B1 C1 D1 B2");
    // One link is too few, but the next leader builds on it.
    let mut scene = Scene::of(&BULLSHARK, &full(2));
    scene.more("A B:A,C,D C:A,C,D D:A,C,D").more("A B C D");
    scene.convicts("not decided", "B2", "A1 B1 C1 D1 B2");
    scene.more("A B").commits("B2", "A1 B1 C1 D1 B2").commits("C4", "A2 C2 D2 A3 B3 C3 D3 C4");
    // Or does not: it is skipped.
    let mut scene = Scene::of(&BULLSHARK, &full(2));
    scene.more("A B:A,C,D C:A,C,D D:A,C,D").more("A B C:B,C,D D").more("A B");
    scene.convicts("where the anchor is r2's block", "B2", "A1 B1 C1 D1 B2");
    scene.commits("C4", "A1 B1 C1 D1 A2 C2 D2 B3 C3 D3 C4");
}

#[test]
fn tusk_waits_for_the_coin() {
    let names = ["A2", "B2", "C2", "D2"];
    let leader = names[Committee::new(4).coin(View(2)).index()];
    let mut scene = Scene::of(&TUSK, &full(3));
    let takes = format!("A1 B1 C1 D1 {leader}");
    scene.add(4, "A");
    scene.convicts("not decided", leader, &takes);
    let second = scene.weave(4, "B");
    scene.court.silent(proposed(&second));
    let wrong = names[(Committee::new(4).coin(View(2)).index() + 1) % 4];
    scene.convicts("where the anchor is", wrong, &takes);
    scene.commits(leader, &takes);
}

#[test]
fn what_is_not_certified_does_not_count() {
    let mut scene = Scene::of(&BULLSHARK, &full(2));
    scene.add(3, "A");
    let block = scene.weave(3, "B");
    scene.court.silent(proposed(&block));
    scene.convicts("not decided", "B2", "A1 B1 C1 D1 B2");
    scene.certify(&block).commits("B2", "A1 B1 C1 D1 B2");
    // The certificates' judge sees that three sign.
    let fake = scene.weave(3, "C");
    scene.court.silent(proposed(&fake)).states([0, 1].map(|by| of_block(Phase::Vote, by, &fake)));
    scene.court.convicts("certificates", "r2, who did not state", Tap::Certified { certificate: &certified(&fake) });
}

#[test]
fn who_keeps_its_proposals_to_itself_may_decide_by_them_and_is_compared_later() {
    // Replica 3 has seen its own blocks, and so three certificates of B1; the others only two.
    let mut scene = Scene::of(&MYSTICETI, "A B C\nA B C\nA B");
    let (right, wrong) = (scene.next("B1", "B1"), scene.next("A1", "A1"));
    let mut judge =
        DagRules::new(&Committee::new(4), &MYSTICETI, (DagRule::Mysticeti { leaders: 1 }, 3), &Set::default());
    for round in 1..=3 {
        for author in ["A", "B", "C"].into_iter().take(if round == 3 { 2 } else { 3 }) {
            judge.observe(&proposed(scene.block(&format!("{author}{round}")))).expect("proposals are not judged here");
        }
    }
    let early = judge.observe(&committed(A, &right)).expect_err("it has shown all its blocks");
    assert!(early.contains("not decided"), "{early}");
    judge.observe(&committed(ReplicaId(3), &right)).expect("what it knows nobody else does");
    judge.observe(&committed(ReplicaId(2), &wrong)).expect("nor here");
    scene.add(3, "C");
    let late = judge.observe(&proposed(scene.block("C3"))).expect_err("one of them was wrong");
    assert!(late.contains("r2 commits the sub-DAG of r0's block"), "{late}");
}

#[test]
fn what_builds_on_what_its_author_kept_back_counts_when_that_is_shown() {
    let mut scene = Scene::of(&MYSTICETI, "A B C");
    let kept = scene.weave(1, "D");
    scene.more("A B C");
    let shown = Block::woven(
        View(2),
        ReplicaId(3),
        [vec![kept.link()], ["A1", "B1", "C1"].map(|name| scene.link(name)).to_vec()].concat(),
        Payload::default(),
    );
    scene.court.silent(proposed(&shown));
    let on_it = |scene: &Scene| {
        let links = [scene.link("A2"), scene.link("B2"), scene.link("C2"), shown.link()];
        Block::woven(View(3), A, links.to_vec(), Payload::default())
    };
    let block = on_it(&scene);
    scene.court.convicts("dag_conduct", "which no correct replica takes in", proposed(&block));
    // Then it is shown, though a later one was before.
    scene.court.silent(proposed(&kept)).silent(proposed(&block));
    scene.add(3, "B").add(3, "C").commits("B1", "B1");
}

// What is committed.

/// Seven full rounds, of which the first two anchors are committed.
fn two_committed() -> Scene {
    let mut scene = Scene::of(&MYSTICETI, &full(7));
    scene.commits("B1", "B1").commits("C2", "A1 C1 D1 C2");
    scene
}

#[test]
fn another_anchor_than_the_next_is_convicted() {
    two_committed().convicts("#3, where the anchor is r3's block", "A3", "A2 B2 D2 A3");
    two_committed().convicts("#3, where the anchor is r3's block", "A4", "A2 B2 D2 A3 B3 C3 D3 A4");
    two_committed().convicts("#3, where the anchor is r3's block", "C2", "");
}

#[test]
fn an_anchor_under_another_name_is_convicted() {
    let scene = two_committed();
    let right = scene.next("D3", "A2 B2 D2 D3");
    let tip = scene.block("D3");
    for (view, author, about) in [(View(4), tip.author, "as if of r3 in v4"), (View(3), A, "as if of r0 in v3")] {
        let links = vec![tip.link()];
        let mut block = Block::woven(view, author, links.clone(), Payload::default());
        (block.height, block.parent, block.parent_view) = (right.height, right.parent, right.parent_view);
        block.payload.batches.clone_from(&right.payload.batches);
        two_committed().convicts_commit(about, &block);
    }
}

#[test]
fn batches_in_another_order_missing_or_delivered_twice_are_convicted() {
    two_committed().convicts("as batch 1, where", "D3", "A2 D2 B2 D3");
    two_committed().convicts("orders 3 batches, where it takes 4", "D3", "A2 B2 D3");
    two_committed().convicts("orders 5 batches, where it takes 4", "D3", "A2 B2 C2 D2 D3");
    two_committed().convicts("orders 5 batches, where it takes 4", "D3", "A2 A2 B2 D2 D3");
    two_committed().commits("D3", "A2 B2 D2 D3");
}

#[test]
fn what_lies_too_far_below_the_anchor_is_not_taken() {
    // Nobody links to the block that replica 3 proposes late in round 1, but itself, and to that all others do.
    let weave = |rounds: usize| {
        let mut scene = Scene::of(&MYSTICETI, "A B C");
        scene.more(&"A B C\n".repeat(rounds)).add(1, "D").add(rounds as u64 + 2, "D:D1,A,B,C");
        scene
    };
    let mut scene = weave(1);
    scene.add(3, "A").add(3, "B").add(3, "C").commits("B1", "B1");
    scene.round_is(3).more(&full(3)).commits("C2", "A1 C1 C2").commits("D3", "D1 A2 B2 D3");
    let mut scene = weave(3);
    scene.add(5, "A").add(5, "B").add(5, "C").round_is(5).more(&full(4));
    scene.commits("B1", "B1").commits("C2", "A1 C1 C2").commits("A4", "A2 B2 A3 B3 C3 A4");
    scene.commits("B5", "B4 C4 B5").commits("C6", "A5 C5 D5 C6");
}

#[test]
fn a_replica_far_behind_is_judged_while_its_heights_are_remembered() {
    let mut scene = two_committed();
    let next = scene.next("D3", "A2 B2 D2 D3");
    scene.more(&full(100)).court.silent(committed(A, &next)).silent(committed(B, &next));
}

#[test]
fn what_faulty_replicas_commit_is_not_judged() {
    let mut scene = Scene::with_faulty(&MYSTICETI, &[A], &full(3));
    let wrong = scene.next("A3", "");
    scene.court.silent(committed(A, &wrong));
    scene.commits("B1", "B1");
}
