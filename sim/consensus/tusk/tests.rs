//! When the coin speaks, and whom it makes an anchor, on literal DAGs of four replicas.

use crate::base::View;
use crate::consensus::dag::loom::Loom;
use crate::consensus::dag::{Decision, decide};
use crate::consensus::planted;
use crate::ledger::Committee;

use super::leader;

const EVERYONE: [&str; 4] = ["A", "B", "C", "D"];

/// Names of the blocks that are anchors; none where a leader is undecided before.
fn anchors(loom: &Loom) -> Vec<String> {
    let committee = Committee::new(4);
    let decided = decide(&loom.dag, &committee, View(0), leader);
    let name = |(_, decision): (View, Decision)| match decision {
        Decision::Commit(block) => Some(loom.name(&block).to_string()),
        Decision::Skip | Decision::Undecided => None,
    };
    decided.into_iter().filter_map(name).collect()
}

/// The block of whom the coin elects for a round.
fn elected(round: u64) -> String {
    let leader = Committee::new(4).coin(View(round));
    format!("{}{round}", EVERYONE[leader.index()])
}

/// A round in which the first `votes` replicas link to everyone, and the others to all but the last leader.
fn round_with(votes: usize, leader: &str) -> String {
    let others: Vec<&str> = EVERYONE.into_iter().filter(|name| !leader.starts_with(name)).collect();
    let word = |(nth, name): (usize, &str)| match nth < votes {
        true => name.to_string(),
        false => format!("{name}:{}", others.join(",")),
    };
    EVERYONE.into_iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_coin_is_revealed_by_two_blocks_of_the_third_round() {
    let mut loom = Loom::weave(4, "A B C D\n A B C D\n A B C D\n A");
    assert_eq!(anchors(&loom), [""; 0]);
    let early = planted::with("coin revealed too early", || anchors(&loom));
    assert_eq!(early, [elected(2)]);
    loom.add(4, "B");
    assert_eq!(anchors(&loom), [elected(2)]);
    assert_eq!(anchors(&loom), [elected(2)], "a query changes nothing");
}

#[test]
fn a_leader_with_one_vote_waits_for_an_anchor_that_reaches_it() {
    let mut loom = Loom::weave(4, "A B C D\n A B C D");
    loom.more(&round_with(1, &elected(2)));
    loom.more("A B C D");
    assert_eq!(anchors(&loom), [""; 0]);
    loom.more("A B C D\n A B C D");
    assert_eq!(anchors(&loom), [elected(2), elected(4)], "everyone links to the voter");
}

#[test]
fn a_leader_without_a_vote_is_skipped() {
    let mut loom = Loom::weave(4, "A B C D\n A B C D");
    loom.more(&round_with(0, &elected(2)));
    loom.more("A B C D\n A B C D\n A B C D");
    assert_eq!(anchors(&loom), [elected(4)]);
}

#[test]
fn a_vote_that_comes_late_counts() {
    let mut loom = Loom::weave(4, "A B C D\n A B C D");
    let first = round_with(2, &elected(2));
    let (early, late) = (first.replacen("B ", "", 1), "B");
    loom.more(&early);
    loom.more("A C D");
    assert_eq!(anchors(&loom), [""; 0]);
    loom.add(3, late);
    assert_eq!(anchors(&loom), [elected(2)]);
}
