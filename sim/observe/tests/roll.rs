//! The judges' arithmetic and records.

use super::*;
use crate::observe::arithmetic::{Bits, Set, coin, leader, liars, quorum};
use crate::observe::roll::{Choice, Entered, REMEMBERED, Roll};

#[test]
fn the_judges_arithmetic_is_that_of_the_ledger() {
    for n in 1..=1_024 {
        let committee = Committee::new(n);
        for model in [FaultModel::None, FaultModel::Crash, FaultModel::Byzantine] {
            assert_eq!(quorum(model, n), model.quorum(&committee), "{model:?} of {n}");
        }
        assert_eq!(liars(FaultModel::Byzantine, n), committee.faults());
        assert_eq!(n + 1 - quorum(FaultModel::Byzantine, n), committee.blocking());
        assert_eq!(coin(n, View(n.into())), committee.coin(View(n.into())));
    }
    let orders =
        [Leaders::Fixed(B), Leaders::ByView { every: 1 }, Leaders::ByView { every: 7 }, Leaders::ByHeightAndView];
    for leaders in orders.into_iter().chain([Leaders::Elected]) {
        for (height, view) in (0..40).flat_map(|height| (0..40).map(move |view| (Height(height), View(view)))) {
            assert_eq!(leader(leaders, 7, height, view), leaders.of(&Committee::new(7), height, view));
        }
    }
}

#[test]
fn a_set_has_each_replica_once() {
    let mut set = Set::of(&[ReplicaId(70), ReplicaId(3), ReplicaId(70)]);
    assert!(!set.insert(ReplicaId(3)) && set.insert(ReplicaId(64)));
    assert_eq!(set.members(), [ReplicaId(3), ReplicaId(64), ReplicaId(70)]);
    assert!(set.count() == 3 && !set.contains(ReplicaId(1_000)));
}

#[test]
fn sets_of_numbers_unite_and_share_at_any_length() {
    let of = |numbers: &[u32]| {
        let mut bits = Bits::default();
        numbers.iter().for_each(|&number| assert!(bits.insert(number)));
        bits
    };
    let (mut short, long) = (of(&[0, 63]), of(&[63, 64, 200]));
    assert_eq!((short.count_shared(&long), long.count_shared(&short)), (1, 1));
    assert_eq!(long.shared(&short).members().collect::<Vec<_>>(), [63]);
    short.unite(&long);
    assert_eq!(short.members().collect::<Vec<_>>(), [0, 63, 64, 200]);
    assert!(short.count() == 4 && !short.insert(200) && !short.contains(1_000));
}

#[test]
fn a_roll_counts_each_replica_once_for_each_choice() {
    let (block, other) = (Digest::of(b"block"), Digest::of(b"other"));
    let mut roll = Roll::new(Slot::View, 4, 3);
    assert_eq!(roll.enter(&vote(0, 1, block)), Entered::New { count: 1, other: None });
    assert_eq!(roll.enter(&vote(1, 1, block)), Entered::New { count: 2, other: None });
    assert_eq!(roll.enter(&vote(1, 1, block)), Entered::Again);
    let another = Some(Choice::block(Height(1), block));
    assert_eq!(roll.enter(&vote(1, 1, other)), Entered::New { count: 1, other: another });
    assert_eq!(roll.enter(&state(Phase::Vote, 0, 2, 1, block)), Entered::New { count: 1, other: another });
    assert_eq!(roll.count(Phase::Vote, View(1), Choice::block(Height(1), block)), 2);
    assert_eq!(roll.count(Phase::Commit, View(1), Choice::block(Height(1), block)), 0);
}

#[test]
fn a_roll_is_bounded_however_long_it_runs_and_whatever_a_liar_says() {
    let block = Digest::of(b"block");
    for slot in [Slot::View, Slot::HeightAndView] {
        let mut roll = Roll::new(slot, 4, 3);
        for liar in 0..100_000 {
            roll.enter(&vote(3, u64::MAX - liar, block));
        }
        for view in 0..20_000 {
            for by in 0..3 {
                assert_ne!(roll.enter(&vote(by, view, block)), Entered::Ignored, "an honest one is always heard");
            }
        }
        assert!(roll.len() as u64 <= 8 * REMEMBERED + REMEMBERED + 1, "{} choices are held", roll.len());
        assert_eq!(roll.enter(&vote(3, 1, block)), Entered::Ignored);
        assert_eq!(roll.enter(&vote(3, 19_999, block)), Entered::New { count: 4, other: None });
    }
}
