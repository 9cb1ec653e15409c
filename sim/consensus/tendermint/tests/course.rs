//! The promises, under any order of delivery, with losses, premature timeouts, crashes and restarts.

use proptest::prelude::*;

use crate::consensus::testing::Cluster;

use super::*;

/// One choice of a schedule that is out of the protocol's hands.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Deliver(usize),
    Lose(usize),
    Expire(usize),
    Crash(usize),
    Restart(usize),
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        24 => any::<usize>().prop_map(Chance::Deliver),
        3 => any::<usize>().prop_map(Chance::Lose),
        4 => any::<usize>().prop_map(Chance::Expire),
        1 => any::<usize>().prop_map(Chance::Crash),
        1 => any::<usize>().prop_map(Chance::Restart),
    ]
}

/// Lets chances happen; at most f are down at a time.
fn happen(cluster: &mut Cluster<Tendermint>, chances: &[Chance]) {
    let n = cluster.replicas.len();
    let most_crashes = Committee::new(n as u32).faults() as usize;
    for &chance in chances {
        let flying = cluster.flying.len().max(1);
        match chance {
            Chance::Deliver(which) if !cluster.flying.is_empty() => cluster.deliver(which % flying),
            Chance::Lose(which) if !cluster.flying.is_empty() => drop(cluster.flying.swap_remove(which % flying)),
            Chance::Expire(which) => cluster.expire(ReplicaId((which % n) as u32), which / n),
            Chance::Crash(which) if cluster.crashed.len() < most_crashes => {
                cluster.crash(ReplicaId((which % n) as u32));
            }
            Chance::Restart(which) if !cluster.crashed.is_empty() => {
                let crashed = cluster.crashed.iter().copied().nth(which % cluster.crashed.len());
                crashed.into_iter().for_each(|me| cluster.restart(me));
            }
            _ => {}
        }
    }
}

/// No two replicas disagree whatever happens, and once the network works, all that run commit more, and the same.
fn holds(n: u32, params: &TendermintParams, chances: &[Chance]) -> Result<(), TestCaseError> {
    let mut cluster = Cluster::<Tendermint>::start(n, params);
    happen(&mut cluster, chances);
    cluster.assert_agreement();
    let (_, most) = cluster.heights();
    let mut fewest = 0;
    for _ in 0..40 {
        cluster.calm(20);
        cluster.assert_agreement();
        fewest = cluster.heights().0;
        if fewest > most + 2 {
            return Ok(());
        }
    }
    prop_assert!(false, "{fewest} blocks at the slowest, {most} before: {:?}", cluster.crashed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replicas_agree_in_any_order_and_go_on_when_the_network_works(
        n in 4u32..=7,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        holds(n, &TendermintParams::default(), &chances)?;
    }

    #[test]
    fn so_they_do_over_gossip(
        n in 4u32..=8,
        peers in 3u32..=4,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        let params = TendermintParams { transport: Transport::Gossip, peers, ..TendermintParams::default() };
        holds(n, &params, &chances)?;
    }
}

#[test]
fn with_one_replica_too_many_crashed_nothing_is_committed_until_it_comes_back() {
    let mut cluster = Cluster::<Tendermint>::start(4, &TendermintParams::default());
    cluster.calm(30);
    let before = cluster.heights().1;
    assert!(before > 2, "{before} blocks");
    cluster.crash(ReplicaId(0));
    cluster.crash(ReplicaId(2));
    cluster.calm(100);
    cluster.assert_agreement();
    let stuck = cluster.heights().1;
    assert!(stuck <= before + 1, "what was in flight may still be committed, nothing else");
    cluster.restart(ReplicaId(2));
    cluster.calm(100);
    cluster.assert_agreement();
    assert!(cluster.heights().0 > stuck + 2, "{:?}", cluster.heights());
}

#[test]
fn a_replica_that_was_away_for_long_catches_up_though_nothing_is_ordered_any_more() {
    let params = TendermintParams { create_empty_blocks: false, ..TendermintParams::default() };
    let mut cluster = Cluster::<Tendermint>::start(4, &params);
    cluster.crash(ReplicaId(3));
    cluster.calm(400);
    let (fewest, most) = cluster.heights();
    assert!(fewest > 20, "{fewest} to {most}");
    cluster.replicas.iter_mut().for_each(|replica| replica.payloads.left = 0);
    cluster.restart(ReplicaId(3));
    cluster.calm(40);
    assert_eq!(cluster.heights().0, cluster.heights().1, "it has what the others have");
    cluster.assert_agreement();
}
