//! Conduct in a DAG.

use super::dag::{Scene, batch, certified, ordering, proposed};
use super::*;
use crate::ledger::Link;

const FULL: &str = "A B C D
                    A B C D";

/// Shows a block that must be convicted.
fn convicts(scene: &mut Scene, about: &str, block: &Block) {
    scene.court.convicts("dag_conduct", about, proposed(block));
}

#[test]
fn blocks_that_build_on_a_quorum_are_right_and_may_be_shown_again() {
    for promises in [TUSK, BULLSHARK, MYSTICETI] {
        let mut scene = Scene::of(&promises, FULL);
        scene.more("A:A,B,C B:A,B,D C:B,C,D D");
        let again = scene.block("A2").clone();
        scene.court.silent(proposed(&again));
    }
    // Where nobody certifies, a replica that was away builds on its own last block, and on any older one.
    let mut scene = Scene::of(&MYSTICETI, "A B C D\nA B C\nA B C");
    scene.add(2, "D").add(4, "D:A,B,C,D2").add(4, "A:A,B,C,D2");
}

#[test]
fn a_link_to_what_nobody_proposed_is_convicted() {
    for promises in [TUSK, BULLSHARK, MYSTICETI] {
        let mut scene = Scene::of(&promises, "A B C D");
        let other = Scene::of(&promises, "A' B' C' D'");
        let mut links = vec![scene.link("A1"), scene.link("B1"), other.link("C1'")];
        let block = Block::woven(View(2), A, links.clone(), Payload::default());
        convicts(&mut scene, "of round 1, which nobody proposed", &block);
        links[2].author = ReplicaId(3);
        let block = Block::woven(View(2), A, links, Payload::default());
        convicts(&mut scene, "links to r3's block", &block);
    }
}

#[test]
fn blocks_of_too_few_replicas_are_no_quorum_and_two_of_one_count_once() {
    let about = "links to 2 replicas of the round before, where a quorum is 3";
    for promises in [TUSK, BULLSHARK, MYSTICETI] {
        let mut scene = Scene::of(&promises, FULL);
        let block = scene.weave(3, "B:A,B");
        convicts(&mut scene, about, &block);
    }
    let mut scene = Scene::with_faulty(&MYSTICETI, &[A], "A B C D A'");
    let block = scene.weave(2, "B:A,A',B");
    convicts(&mut scene, about, &block);
    scene.add(2, "B:A,A',B,C");
    // Nor does a block count of a round before that.
    let mut scene = Scene::of(&MYSTICETI, "A B C D\nA B C");
    let block = scene.weave(3, "B:A,B,D1");
    convicts(&mut scene, about, &block);
}

#[test]
fn a_certified_dag_has_only_links_to_certified_blocks() {
    for promises in [TUSK, BULLSHARK] {
        let mut scene = Scene::of(&promises, "A B C");
        let late = scene.weave(1, "D");
        scene.court.silent(proposed(&late));
        let mut links = vec![scene.link("A1"), scene.link("B1"), late.link()];
        let block = Block::woven(View(2), A, links.clone(), Payload::default());
        convicts(&mut scene, "r3's block", &block);
        convicts(&mut scene, "which nobody certified", &block);
        scene.certify(&late).court.silent(proposed(&block));
        // A link to an older round is right, but does not make a quorum.
        scene.more("B C D");
        links[0] = scene.link("B2");
        links.truncate(1);
        let far = |links: &[_]| Block::woven(View(3), B, links.to_vec(), Payload::default());
        let [c, d] = ["C2", "D2"].map(|name| scene.link(name));
        convicts(&mut scene, "links to 2 replicas", &far(&[links[0], late.link(), c]));
        scene.court.silent(proposed(&far(&[links[0], late.link(), c, d])));
    }
}

#[test]
fn a_quorum_certifies_what_correct_replicas_take_in_and_one_block_of_each_author_in_a_round() {
    for promises in [TUSK, BULLSHARK] {
        let mut scene = Scene::with_faulty(&promises, &[A], FULL);
        let [bad, one, two, unknown] = ["A:A,B", "A", "A'", "C"].map(|word| scene.weave(3, word));
        scene.court.silent(proposed(&bad)).silent(proposed(&one)).silent(proposed(&two));
        let judge = scene.court.0.judges.iter_mut().find(|judge| judge.name() == "dag_conduct").expect("it sits");
        let mut shown = |block| judge.observe(&Tap::Certified { certificate: &certified(block) });
        assert_eq!((shown(&one), shown(&one)), (Ok(()), Ok(())));
        for (block, about) in
            [(&bad, "no correct replica takes in"), (&unknown, "nobody proposed"), (&two, "two blocks of r0")]
        {
            let what = shown(block).expect_err("it is wrong");
            assert!(what.contains(about), "`{what}` does not speak of `{about}`");
        }
    }
}

#[test]
fn a_replica_votes_for_one_block_of_each_author_in_a_round() {
    for promises in [TUSK, BULLSHARK] {
        let mut scene = Scene::with_faulty(&promises, &[A], "A B C D");
        let [one, two, other] = ["A", "A'", "B"].map(|word| scene.weave(2, word));
        scene.court.silent(proposed(&one)).silent(proposed(&two)).silent(proposed(&other));
        scene.court.states([&one, &other, &one].map(|block| of_block(Phase::Vote, 3, block)));
        scene.court.states([&one, &two].map(|block| of_block(Phase::Vote, 0, block)));
        let about = "r3 votes for two blocks of r0 in round 2";
        scene.court.convicts_statement("dag_conduct", about, of_block(Phase::Vote, 3, &two));
    }
}

#[test]
fn an_own_block_comes_first_and_the_others_ascend() {
    let mut scene = Scene::of(&MYSTICETI, FULL);
    let [a, b, c] = ["A2", "B2", "C2"].map(|name| scene.link(name));
    let links = |links: &[_]| Block::woven(View(3), A, links.to_vec(), Payload::default());
    convicts(&mut scene, "does not link first to its author's own block", &links(&[b, c, a]));
    let own = scene.link("A1");
    convicts(&mut scene, "r1's block", &links(&[a, c, b]));
    convicts(&mut scene, "out of order, or again", &links(&[a, b, c, c]));
    convicts(&mut scene, "out of order, or again", &links(&[a, b, c, a]));
    scene.court.silent(proposed(&links(&[a, own, b, c])));
    let mut block = links(&[a, b, c]);
    block.parent = b.id;
    convicts(&mut scene, "hashes to", &block);
    // Narwhal's headers link to what was certified, which need not be the own block.
    let mut scene = Scene::of(&TUSK, FULL);
    let [a, b, c, d] = ["A2", "B2", "C2", "D2"].map(|name| scene.link(name));
    let links = |links: &[_]| Block::woven(View(3), A, links.to_vec(), Payload::default());
    convicts(&mut scene, "out of order", &links(&[b, a, c]));
    scene.court.silent(proposed(&links(&[b, c, d])));
}

#[test]
fn nobody_builds_on_what_its_own_commits_left_behind() {
    // Anchors take three rounds below their own; that of round 5 takes nothing of round 1.
    let full = "A B C D\n".repeat(7);
    let mut scene = Scene::of(&MYSTICETI, &full);
    for (anchor, takes) in
        [("B1", "B1"), ("C2", "A1 C1 D1 C2"), ("D3", "A2 B2 D2 D3"), ("A4", "A3 B3 C3 A4"), ("B5", "B4 C4 D4 B5")]
    {
        scene.commits(anchor, takes);
    }
    let links = |scene: &Scene, names: [&str; 4]| names.map(|name| scene.link(name)).to_vec();
    let block = Block::woven(View(8), A, links(&scene, ["A7", "B7", "C7", "D7"]), Payload::default());
    scene.court.silent(proposed(&block));
    let block = Block::woven(View(8), B, links(&scene, ["B7", "D1", "A7", "C7"]), Payload::default());
    convicts(&mut scene, "below round 2, where its anchor ended", &block);
}

#[test]
fn a_replica_orders_batches_of_its_own_gateway() {
    let mut scene = Scene::of(&MYSTICETI, FULL);
    let links = ["A2", "B2", "C2"].map(|name| scene.link(name)).to_vec();
    let order = |batch| Block::woven(View(3), A, links.clone(), ordering(vec![batch]));
    convicts(&mut scene, "of r1", &order(batch(B, 9, 0)));
    scene.court.silent(proposed(&order(batch(A, 3, 0))));
}

#[test]
fn links_lead_to_rounds_before() {
    let mut scene = Scene::of(&MYSTICETI, "A B C D");
    let own = scene.link("A1");
    for round in [0, 2, 3] {
        let other = Link { round: View(round), ..scene.link("B1") };
        let block = Block::woven(View(2), A, vec![own, other], Payload::default());
        convicts(&mut scene, "links to r1's block", &block);
    }
    let foreign = Link { author: ReplicaId(4), ..own };
    convicts(&mut scene, "links to r4's block", &Block::woven(View(2), A, vec![own, foreign], Payload::default()));
}

#[test]
fn faulty_replicas_may_do_anything_and_nobody_builds_on_it() {
    let mut scene = Scene::with_faulty(&MYSTICETI, &[A], FULL);
    let bad = scene.weave(3, "A:B,C");
    scene.court.silent(proposed(&bad));
    scene.more("B C D");
    let block = Block::woven(
        View(4),
        B,
        vec![scene.link("B3"), bad.link(), scene.link("C3"), scene.link("D3")],
        Payload::default(),
    );
    convicts(&mut scene, "which no correct replica takes in", &block);
    let theirs = scene.weave(4, "C");
    scene.court.silent(Tap::Proposed { by: A, block: &theirs });
    scene.court.convicts("dag_conduct", "r1 proposes r2's block", Tap::Proposed { by: B, block: &theirs });
}
