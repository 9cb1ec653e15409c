//! What holds of the whole family: agreement and progress in any order of events, fetching, and what each planted defect
//! looks like.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proptest::prelude::*;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::consensus::testing::{Cluster, Lone};
use crate::consensus::{Event, HotStuff, HotStuff2, HotStuffParams, Jolteon, planted};
use crate::ledger::{Block, Committee};

use super::testing::{
    Chance, Sent, advance, calm, chain, chance, child, fetches, genesis, given_up, gives_up, happen, kinds, proposal,
    show, timeout, twin_of, votes,
};
use super::{Chained, ChainedMessage as Message, ChainedTimer, PLANTED};

/// Replica 3 of four: it collects the votes of view 2 and leads view 3.
fn replica<P: Chained>() -> Lone<P> {
    let mut replica = Lone::new(ReplicaId(3), &Committee::new(4), &P::Params::default());
    assert!(replica.step(Event::Start).is_empty(), "replica 1 leads view 1");
    replica
}

// Agreement and progress.

/// Any order of delivery, with losses, premature timeouts, crashes of up to f at once, and restarts: no two replicas
/// disagree, and once the network works, all that run commit more, and the same.
fn agree_and_go_on<P: Chained>(n: u32, params: &P::Params, chances: &[Chance]) -> Result<(), TestCaseError> {
    let mut cluster = Cluster::<P>::start(n, params);
    happen(&mut cluster, chances);
    cluster.assert_agreement();
    let (_, most) = cluster.heights();
    calm(&mut cluster, 300);
    cluster.assert_agreement();
    let (fewest, _) = cluster.heights();
    prop_assert!(fewest > most + 3, "{fewest} blocks at the slowest, {most} before: {:?}", cluster.crashed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jolteon_agrees_and_goes_on(n in 4u32..=7, chances in prop::collection::vec(chance(), 0..1_500)) {
        agree_and_go_on::<Jolteon>(n, &Default::default(), &chances)?;
    }

    #[test]
    fn hotstuff_agrees_and_goes_on(
        n in 4u32..=7,
        leader_views in 1u64..=5,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        let params = HotStuffParams { leader_views, ..HotStuffParams::default() };
        agree_and_go_on::<HotStuff>(n, &params, &chances)?;
    }

    #[test]
    fn hotstuff2_agrees_and_goes_on(n in 4u32..=7, chances in prop::collection::vec(chance(), 0..1_500)) {
        agree_and_go_on::<HotStuff2>(n, &Default::default(), &chances)?;
    }
}

/// With f of 3f + 1 crashed and leaders that change every view, at least three in a row are alive somewhere.
fn goes_on_with_crashed<P: Chained>(n: u32, crashed: &[u32]) {
    let mut cluster = Cluster::<P>::start(n, &P::Params::default());
    crashed.iter().for_each(|&replica| cluster.crash(ReplicaId(replica)));
    calm(&mut cluster, 800);
    cluster.assert_agreement();
    let (fewest, _) = cluster.heights();
    assert!(fewest >= 10, "{} with {crashed:?} of {n} crashed commits {fewest} blocks", P::NAME);
}

#[test]
fn any_f_crashed_replicas_leave_every_protocol_live() {
    for crashed in [[0], [1], [2], [3]] {
        goes_on_with_crashed::<Jolteon>(4, &crashed);
        goes_on_with_crashed::<HotStuff>(4, &crashed);
        goes_on_with_crashed::<HotStuff2>(4, &crashed);
    }
    for crashed in [[0, 1], [0, 2], [0, 3], [2, 6]] {
        goes_on_with_crashed::<Jolteon>(7, &crashed);
        goes_on_with_crashed::<HotStuff>(7, &crashed);
        goes_on_with_crashed::<HotStuff2>(7, &crashed);
    }
}

// Missing blocks.

/// Shows `behind` the first block and the last of a chain, and passes what it asks for to `server` and back until it asks
/// no more; how many answers that took.
fn catch_up<P: Chained>(blocks: &[Arc<Block>], reversed: bool) -> (Lone<P>, usize) {
    let (mut server, mut behind) = (replica::<P>(), replica::<P>());
    show(&mut server, blocks, 1..=blocks.len());
    let mut asked = show(&mut behind, blocks, [1].into_iter().chain(blocks.len() - 3..=blocks.len()));
    let mut answers = 0;
    while let Some((_, fetch)) = asked.iter().find(|(_, message)| matches!(**message, Message::Fetch { .. })) {
        let &Message::Fetch { block, above } = &**fetch else { unreachable!("it was a fetch just now") };
        let mut found = server.receive(0, Message::Fetch { block, above });
        assert!(found.len() <= 32, "an answer is bounded");
        if reversed {
            found.reverse();
        }
        let pass =
            |(_, message): (_, Arc<Message>)| behind.step(Event::Received { from: ReplicaId(0), message: &message });
        asked = found.into_iter().flat_map(pass).collect();
        answers += 1;
    }
    (behind, answers)
}

fn catches_up_quickly<P: Chained>() {
    let blocks = chain(303);
    for reversed in [false, true] {
        let (behind, answers) = catch_up::<P>(&blocks, reversed);
        assert!(behind.committed.len() >= 300, "{}: {} blocks", P::NAME, behind.committed.len());
        assert!(answers <= 10, "{}: 299 blocks in {answers} answers", P::NAME);
        assert!(!behind.armed.contains(&ChainedTimer::Fetch), "nothing is waited for any more");
    }
}

#[test]
fn a_replica_that_missed_hundreds_of_blocks_has_them_after_a_few_round_trips() {
    catches_up_quickly::<Jolteon>();
    catches_up_quickly::<HotStuff>();
    catches_up_quickly::<HotStuff2>();
}

#[test]
fn blocks_that_nobody_asked_for_take_no_memory() {
    let mut replica = replica::<Jolteon>();
    let blocks = chain(8);
    show(&mut replica, &blocks, [1, 6, 7, 8]);
    for view in 10..1_000 {
        replica.receive(0, Message::Found(child(&genesis(), view)));
    }
    for (view, block) in [(5, 4), (4, 3), (3, 2), (2, 1)] {
        assert_eq!(blocks[block].view, View(view));
        replica.receive(0, Message::Found(blocks[block].clone()));
    }
    assert_eq!(replica.committed.len(), 6, "and keep nothing from coming");
}

#[test]
fn of_a_view_one_proposal_is_kept() {
    let mut replica = replica::<HotStuff2>();
    let blocks = chain(3);
    show(&mut replica, &blocks, [1, 2]);
    let twin = twin_of(&blocks[1]);
    replica.receive(2, proposal(&twin, &blocks[0], None));
    let has = |replica: &mut Lone<HotStuff2>, block: Digest| {
        !replica.receive(0, Message::Fetch { block, above: Height(0) }).is_empty()
    };
    assert!(has(&mut replica, blocks[1].id()) && !has(&mut replica, twin.id()));
}

// Views.

#[test]
fn a_timeout_that_does_not_prove_its_view_says_nothing() {
    let mut replica = replica::<HotStuff>();
    for from in 0..3 {
        assert!(replica.receive(from, timeout(9, &genesis())).is_empty(), "nothing says that view 8 is over");
    }
    assert_eq!(gives_up(&mut replica), (1, 0));
    let block = child(&genesis(), 8);
    replica.receive(0, timeout(9, &block));
    assert_eq!(gives_up(&mut replica), (9, 8), "a certificate of view 8 does");
}

// Planted defects.

/// How a replica of the protocol behaves where a defect would show, in words that only mean something to compare.
fn behaviour<P: Chained>(defect: &str) -> String {
    let mut replica = replica::<P>();
    let blocks = chain(7);
    let vote = || Message::Vote { view: View(2), block: blocks[1].id(), height: Height(2) };
    let words = |sent: &[Sent]| sent.iter().map(|sent| kinds(sent).join(" ")).collect::<Vec<_>>().join(", ");
    match defect {
        "quorum off by one" => {
            show(&mut replica, &blocks, [1, 2]);
            words(&[replica.receive(0, vote())])
        }
        "duplicate votes counted" => {
            show(&mut replica, &blocks, [1, 2]);
            words(&[replica.receive(0, vote()), replica.receive(0, vote())])
        }
        "duplicate timeouts counted" => words(&[0, 0, 0].map(|from| replica.receive(from, timeout(1, &genesis())))),
        "parent re-committed" | "early commit" => {
            let mut committed = Vec::new();
            let shown = catch_unwind(AssertUnwindSafe(|| {
                for view in 1..=6 {
                    show(&mut replica, &blocks, [view]);
                    committed.push(replica.committed.len());
                }
            }));
            format!("{committed:?} {}", if shown.is_ok() { "in order" } else { "out of order" })
        }
        "timer not re-armed" => {
            gives_up(&mut replica);
            format!("{:?}", replica.armed)
        }
        "missing block not fetched" => {
            let sent = show(&mut replica, &blocks, [1, 4, 5, 6, 7]);
            format!("{:?}", fetches(&sent))
        }
        "lock dropped" => {
            show(&mut replica, &blocks, [1, 2]);
            format!("{:?}", gives_up(&mut replica))
        }
        "lock forgotten on view change" => {
            show(&mut replica, &blocks, [1, 2]);
            replica.receive(0, advance(given_up(4, [1, 1, 1]), &blocks[0]));
            format!("{:?}", gives_up(&mut replica))
        }
        "lowest certificate taken on timeout" => {
            show(&mut replica, &blocks, [1, 2]);
            replica.receive(0, timeout(1, &genesis()));
            format!("{:?}", gives_up(&mut replica))
        }
        "non-consecutive commit" => {
            let fourth = child(&blocks[1], 4);
            let fifth = child(&fourth, 5);
            show(&mut replica, &blocks, [1, 2]);
            replica.receive(0, proposal(&fourth, &blocks[1], Some(given_up(3, [1, 1, 1]))));
            replica.receive(1, proposal(&fifth, &fourth, None));
            format!("{:?}", replica.committed_ids())
        }
        "vote twice" => {
            let mut both = show(&mut replica, &blocks, [1]);
            both.extend(replica.receive(1, proposal(&twin_of(&blocks[0]), &genesis(), None)));
            format!("{:?}", votes(&both))
        }
        unknown => unreachable!("{unknown} is no defect of the family"),
    }
}

fn every_defect_shows<P: Chained>() {
    for &defect in PLANTED {
        let sound = behaviour::<P>(defect);
        let planted = planted::with(defect, || behaviour::<P>(defect));
        assert_ne!(sound, planted, "{}: nothing shows {defect:?}", P::NAME);
    }
}

#[test]
fn every_planted_defect_changes_what_a_replica_does() {
    every_defect_shows::<Jolteon>();
    every_defect_shows::<HotStuff>();
    every_defect_shows::<HotStuff2>();
}
