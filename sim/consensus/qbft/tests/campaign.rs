//! Any order of delivery, with losses, cut links, timers, crashes and restarts; and what each planted defect does there.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::*;
use crate::consensus::Protocol;
use crate::consensus::testing::Cluster;
use crate::ledger::Statement;

/// One choice of a schedule that is out of the protocol's hands.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    /// Everything on its way to a replica is lost.
    Cut(usize),
    Expire(usize),
    Crash(usize),
    Restart(usize),
}

fn chance() -> impl Strategy<Value = Chance> {
    (any::<usize>(), any::<usize>()).prop_map(|(kind, which)| choose(kind, which))
}

fn choose(kind: usize, which: usize) -> Chance {
    match kind % 64 {
        0..45 => Chance::Deliver(which),
        45..49 => Chance::Lose(which),
        49..51 => Chance::Repeat(which),
        51 => Chance::Cut(which),
        52..61 => Chance::Expire(which),
        61 => Chance::Crash(which),
        _ => Chance::Restart(which),
    }
}

/// Lets chances happen; no more than f replicas are down at a time.
fn happen(cluster: &mut Cluster<Qbft>, chances: &[Chance]) {
    let n = cluster.replicas.len();
    let most_crashes = Committee::new(n as u32).faults() as usize;
    for &chance in chances {
        let flying = cluster.flying.len().max(1);
        let some = !cluster.flying.is_empty();
        match chance {
            Chance::Deliver(which) if some => cluster.deliver(which % flying),
            Chance::Lose(which) if some => drop(cluster.flying.swap_remove(which % flying)),
            Chance::Repeat(which) if some => cluster.repeat(which % flying),
            Chance::Cut(which) => cluster.flying.retain(|flying| flying.to != ReplicaId((which % n) as u32)),
            Chance::Expire(which) => cluster.expire(ReplicaId((which % n) as u32), which / n),
            Chance::Crash(which) if cluster.crashed.len() < most_crashes => {
                cluster.crash(ReplicaId((which % n) as u32));
            }
            Chance::Restart(which) if !cluster.crashed.is_empty() => {
                let down: Vec<ReplicaId> = cluster.crashed.iter().copied().collect();
                cluster.restart(down[which % down.len()]);
            }
            _ => {}
        }
    }
}

type SlotOf = (Phase, Height, View);

/// What one replica said, in order: one block a slot, nothing in rounds given up, prepared rounds that only grow.
fn judge_replica(committee: &Committee, said: &[Statement]) -> Result<(), String> {
    let mut slots: BTreeMap<SlotOf, Digest> = BTreeMap::new();
    let mut given_up: BTreeMap<Height, (View, View)> = BTreeMap::new();
    for statement in said {
        let Statement { by, phase, view, height, justify, block } = *statement;
        let last = given_up.get(&height).copied();
        if phase == Phase::Timeout {
            if last.is_some_and(|(_, prepared)| prepared > justify) {
                return Err(format!("{statement:?} forgets a certificate"));
            }
            given_up.insert(height, (view, justify));
            continue;
        }
        let new = slots.insert((phase, height, view), block);
        if new.is_some_and(|known| known != block) {
            return Err(format!("{statement:?} is a second one"));
        }
        if new.is_none() && last.is_some_and(|(round, _)| view <= round) {
            return Err(format!("{statement:?} comes after its round was given up"));
        }
        let leader = ReplicaId(((height.0 + view.0) % u64::from(committee.len())) as u32);
        if phase == Phase::Propose && by != leader {
            return Err(format!("{statement:?} is not its turn"));
        }
    }
    Ok(())
}

/// Every COMMIT follows from a quorum's votes, and every committed block from a quorum's COMMITs.
fn judge(cluster: &Cluster<Qbft>) -> Result<(), String> {
    let committee = Committee::new(cluster.replicas.len() as u32);
    let mut by: BTreeMap<(Phase, Height, View, Digest), BTreeSet<ReplicaId>> = BTreeMap::new();
    for replica in &cluster.replicas {
        judge_replica(&committee, &replica.said)?;
        for said in &replica.said {
            by.entry((said.phase, said.height, said.view, said.block)).or_default().insert(said.by);
        }
    }
    let quorum = |phase, height, view, block| {
        by.get(&(phase, height, view, block)).is_some_and(|by| by.len() >= committee.quorum() as usize)
    };
    let mut committed: BTreeSet<(Height, Digest)> = BTreeSet::new();
    for &(phase, height, view, block) in by.keys().filter(|(phase, ..)| *phase == Phase::Commit) {
        if !quorum(Phase::Vote, height, view, block) {
            return Err(format!("COMMITs without a quorum of votes at {height} in {view}"));
        }
        if quorum(phase, height, view, block) {
            committed.insert((height, block));
        }
    }
    let unproven = |block: &&Arc<Block>| !committed.contains(&(block.height, block.id()));
    match cluster.replicas.iter().flat_map(|replica| &replica.committed).find(unproven) {
        Some(block) => Err(format!("no quorum stands behind the block at {}", block.height)),
        None => Ok(()),
    }
}

/// The whole course: trouble, then a network that works for those that run.
fn campaign(n: u32, chances: &[Chance]) -> Result<(), String> {
    let mut cluster = Cluster::<Qbft>::start(n, &QbftParams::default());
    happen(&mut cluster, chances);
    cluster.assert_agreement();
    let (_, most) = cluster.heights();
    cluster.calm(500);
    cluster.assert_agreement();
    judge(&cluster)?;
    let (fewest, _) = cluster.heights();
    if fewest < most + 3 {
        return Err(format!("{fewest} blocks at the slowest, {most} before: {:?} are down", cluster.crashed));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// No two replicas disagree, nobody breaks a promise, and once the network works all that run commit more.
    #[test]
    fn replicas_keep_their_promises_in_any_order_and_go_on_when_the_network_works(
        n in 4u32..=7,
        chances in prop::collection::vec(chance(), 0..1_500),
    ) {
        prop_assert_eq!(campaign(n, &chances), Ok(()));
    }
}

/// Chances of a seed: a 64-bit linear congruential generator's upper bits.
fn chances_of(seed: u64) -> Vec<Chance> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    (0..1_200).map(|_| choose(draw(), draw())).collect()
}

/// Defects that random courses without liars bring to light; two need a proposer that lies (their unit tests have one).
#[test]
fn random_courses_find_planted_defects() {
    for seed in 0..20 {
        assert_eq!(campaign(4, &chances_of(seed)), Ok(()), "seed {seed} without any defect");
    }
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = |defect| {
        (0..200).any(|seed| {
            let course = || planted::with(defect, || campaign(4, &chances_of(seed)));
            !matches!(catch_unwind(AssertUnwindSafe(course)), Ok(Ok(())))
        })
    };
    let hidden: Vec<&str> = Qbft::PLANTED.iter().copied().filter(|defect| !found(defect)).collect();
    std::panic::set_hook(quiet);
    assert_eq!(hidden, ["prepare twice in a round"]);
}

#[test]
fn seven_replicas_with_no_trouble_commit_a_block_a_period() {
    let mut cluster = Cluster::<Qbft>::start(7, &QbftParams::default());
    for _ in 0..10 {
        (0..7).for_each(|me| cluster.expire_timer(ReplicaId(me), QbftTimer::Block));
        cluster.deliver_in_order(usize::MAX);
    }
    cluster.assert_agreement();
    assert_eq!(cluster.heights(), (10, 10));
    assert_eq!(judge(&cluster), Ok(()));
}

#[test]
fn with_one_replica_too_many_crashed_nothing_is_committed_and_nobody_disagrees() {
    let mut cluster = Cluster::<Qbft>::start(4, &QbftParams::default());
    cluster.calm(40);
    let before = cluster.heights().1;
    cluster.crash(ReplicaId(0));
    cluster.crash(ReplicaId(2));
    cluster.calm(200);
    cluster.assert_agreement();
    assert!(cluster.heights().1 <= before + 1, "what was in flight may still be committed, nothing else");
    cluster.restart(ReplicaId(0));
    cluster.calm(200);
    assert!(cluster.heights().0 > before + 3, "it was one too many");
}
