//! Agreement and progress, whatever the order of delivery, losses, crashes and restarts.

use proptest::prelude::*;

use crate::base::{ReplicaId, Span};
use crate::consensus::testing::Cluster;
use crate::consensus::{Protocol, Raft, RaftParams, planted};
use crate::ledger::{Committee, FaultModel};

/// Timeouts that are long against a message's delay of 10 ms.
fn params() -> RaftParams {
    RaftParams { heartbeat_ms: 100, election_timeout_ms: 500, ..RaftParams::default() }
}

/// `n` replicas with nothing to order.
fn cluster(n: u32) -> Cluster<Raft> {
    let mut cluster = Cluster::start(n, &params());
    cluster.replicas.iter_mut().for_each(|replica| replica.payloads.left = 0);
    cluster
}

/// The network works for as long as the protocol asks for.
fn heal(cluster: &mut Cluster<Raft>) {
    let committee = Committee::new(cluster.replicas.len() as u32);
    cluster.pass(Raft::patience(&params(), &committee), Span::from_millis(10));
}

/// One choice of a schedule that is out of the protocol's hands.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Deliver(usize),
    Lose(usize),
    Expire(usize),
    Crash(usize),
    Restart(usize),
    Submit,
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        40 => any::<usize>().prop_map(Chance::Deliver),
        4 => any::<usize>().prop_map(Chance::Lose),
        6 => any::<usize>().prop_map(Chance::Expire),
        1 => any::<usize>().prop_map(Chance::Crash),
        1 => any::<usize>().prop_map(Chance::Restart),
        2 => Just(Chance::Submit),
    ]
}

/// Lets chances happen; fewer than half are down at any time.
fn happen(cluster: &mut Cluster<Raft>, chances: &[Chance]) {
    let n = cluster.replicas.len();
    let most_crashes = FaultModel::Crash.tolerated(&Committee::new(n as u32)) as usize;
    for &chance in chances {
        let flying = cluster.flying.len().max(1);
        match chance {
            Chance::Deliver(which) if !cluster.flying.is_empty() => cluster.deliver(which % flying),
            Chance::Lose(which) if !cluster.flying.is_empty() => drop(cluster.flying.swap_remove(which % flying)),
            Chance::Expire(which) => cluster.expire(ReplicaId((which % n) as u32), which / n),
            Chance::Crash(which) if cluster.crashed.len() < most_crashes => {
                cluster.crash(ReplicaId((which % n) as u32));
            }
            Chance::Restart(which) => cluster.restart(ReplicaId((which % n) as u32)),
            Chance::Submit => cluster.submit(1),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of delivery, with losses, premature timeouts, crashes of a minority and restarts: no two replicas
    /// disagree, and once the network works, all that run commit what is to be ordered, and the same.
    #[test]
    fn replicas_agree_in_any_order_and_go_on_when_the_network_works(
        n in 1u32..=7,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        let mut cluster = cluster(n);
        happen(&mut cluster, &chances);
        cluster.assert_agreement();
        let (_, before) = cluster.heights();
        cluster.submit(1);
        heal(&mut cluster);
        cluster.assert_agreement();
        let (fewest, most) = cluster.heights();
        prop_assert!(fewest == most && most > before, "{fewest} to {most}, {before} before: {:?}", cluster.crashed);
    }
}

#[test]
fn the_first_leader_orders_and_everyone_commits() {
    let mut cluster = cluster(7);
    cluster.pass(Span::from_millis(100), Span::from_millis(10));
    cluster.submit(50);
    cluster.pass(Span::from_secs(2), Span::from_millis(10));
    cluster.assert_agreement();
    let left: Vec<u64> = cluster.replicas.iter().map(|replica| replica.payloads.left).collect();
    assert_eq!(left, [0, 50, 50, 50, 50, 50, 50], "replica 0 leads all the time");
    assert_eq!(cluster.heights(), (51, 51), "a block for each payload, and the first of the term");
}

#[test]
fn a_follower_that_missed_a_thousand_blocks_has_them_in_a_few_round_trips() {
    let mut cluster = cluster(3);
    cluster.crash(ReplicaId(2));
    cluster.pass(Span::from_millis(100), Span::from_millis(10));
    cluster.submit(1_000);
    cluster.pass(Span::from_secs(20), Span::from_millis(10));
    assert_eq!(cluster.heights(), (1_001, 1_001));
    cluster.restart(ReplicaId(2));
    cluster.pass(Span::from_millis(1_000), Span::from_millis(10));
    assert_eq!(cluster.heights(), (1_001, 1_001), "64 blocks a round trip of 30 ms, after a heartbeat");
}

#[test]
fn without_a_majority_nothing_is_committed_and_nobody_disagrees() {
    let mut cluster = cluster(4);
    cluster.pass(Span::from_secs(1), Span::from_millis(10));
    let (_, before) = cluster.heights();
    cluster.crash(ReplicaId(0));
    cluster.crash(ReplicaId(2));
    cluster.submit(5);
    heal(&mut cluster);
    cluster.assert_agreement();
    assert_eq!(cluster.heights().1, before);
    cluster.restart(ReplicaId(2));
    heal(&mut cluster);
    assert!(cluster.heights().0 > before, "with three of four it goes on");
}

/// Whether a replica that missed blocks while it was down has them once the network works.
fn comes_back() -> bool {
    let mut cluster = cluster(3);
    cluster.pass(Span::from_millis(200), Span::from_millis(10));
    cluster.crash(ReplicaId(1));
    cluster.submit(20);
    cluster.pass(Span::from_secs(1), Span::from_millis(10));
    cluster.restart(ReplicaId(1));
    heal(&mut cluster);
    let (fewest, most) = cluster.heights();
    fewest == most
}

#[test]
fn a_replica_that_was_down_catches_up_without_new_blocks() {
    assert!(comes_back());
    assert!(!planted::with("refusal ignored", comes_back));
}
