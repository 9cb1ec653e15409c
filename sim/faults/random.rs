//! Random fault plans: what the conformance suite and `systole check` throw at a protocol.

use crate::base::{ReplicaId, Span, Time};
use crate::kernel::draw::{Chance, Site, below, draw};
use crate::network::{Disturbance, Partition};

use super::{Behaviour, FaultPlan, Liar, Outage, Pause, Slowdown, ViewSplits};

/// Within what a random plan stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLimits {
    /// Replicas.
    pub replicas: u32,
    /// How many of them may be faulty for good: crashed, or lying.
    pub faulty: u32,
    /// Whether those may lie.
    pub lies: bool,
    /// How many of them are twins, in every plan.
    pub twins: u32,
    /// When everything has healed that ever does.
    pub healed: Time,
}

/// The `nth` plan of a campaign. Every plan that any `seed` and `nth` give can be given again.
pub fn random_plan(seed: u64, nth: u64, limits: &PlanLimits) -> FaultPlan {
    let mut dice = Dice { seed, nth, thrown: 0 };
    let mut plan = FaultPlan::default();
    let order = dice.permutation(limits.replicas);
    dice.lasting_faults(&mut plan, order, limits, LIES);
    for _ in 0..=dice.below(5) {
        dice.passing_fault(&mut plan, limits);
    }
    plan
}

/// As [`random_plan`], for shards with these limits each, whose replicas are numbered through: each has its own faulty
/// replicas, what passes may befall anyone, and shards are cut off from each other.
pub fn random_plan_of_shards(seed: u64, nth: u64, shards: &[PlanLimits]) -> FaultPlan {
    let mut dice = Dice { seed, nth, thrown: 0 };
    let mut plan = FaultPlan::default();
    let mut base = 0;
    for limits in shards {
        let order = dice.permutation(limits.replicas).into_iter().map(|replica| ReplicaId(base + replica.0)).collect();
        dice.lasting_faults(&mut plan, order, limits, LIES + 1);
        let end = base + limits.replicas;
        if dice.below(3) == 0 {
            let (from, until) = dice.stretch(limits.healed);
            let one_way = dice.below(3) == 0;
            plan.partitions.push(Partition { from, until, side: (base..end).map(ReplicaId).collect(), one_way });
        }
        base = end;
    }
    let all = PlanLimits { replicas: base, ..*shards.first().expect("there is a shard") };
    for _ in 0..=dice.below(5) {
        dice.passing_fault(&mut plan, &all);
    }
    plan
}

/// Kinds of lies that there are in every ledger; between shards there is one more.
const LIES: u64 = 4;

/// Draws one after the other, so that each decision has its own.
struct Dice {
    seed: u64,
    nth: u64,
    thrown: u64,
}

impl Dice {
    fn throw(&mut self) -> u64 {
        self.thrown += 1;
        draw(self.seed, Site::Schedule, self.nth, self.thrown, 0)
    }

    fn below(&mut self, n: u64) -> u64 {
        below(n, self.throw())
    }

    fn instant(&mut self, before: Time) -> Time {
        Time(self.below(before.0))
    }

    /// A stretch of time before `end`, mostly a small part of it.
    fn stretch(&mut self, end: Time) -> (Time, Time) {
        let from = self.instant(end);
        let most = end.0 >> self.below(5);
        (from, Time((from.0 + 1 + self.below(most)).min(end.0)))
    }

    fn permutation(&mut self, n: u32) -> Vec<ReplicaId> {
        let mut order: Vec<ReplicaId> = (0..n).map(ReplicaId).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, self.below(index as u64 + 1) as usize);
        }
        order
    }

    /// Some replicas, neither none nor all, ascending.
    fn some_of(&mut self, n: u32) -> Vec<ReplicaId> {
        let count = 1 + self.below(u64::from(n) - 1) as usize;
        let mut some = self.permutation(n);
        some.truncate(count);
        some.sort_unstable();
        some
    }

    /// Replicas of `order` that are faulty for good, from its end; lies are the first `lies` of all kinds.
    fn lasting_faults(&mut self, plan: &mut FaultPlan, mut order: Vec<ReplicaId>, limits: &PlanLimits, lies: u64) {
        for _ in 0..limits.twins {
            let replica = order.pop().expect("there are more replicas than twins");
            plan.liars.push(Liar { replica, behaviour: Behaviour::Twins, until: limits.healed });
        }
        if limits.twins > 0 {
            let (until, stride) = (limits.healed, self.below(6) as u32);
            plan.splits = Some(ViewSplits { until, seed: self.throw(), stride });
        }
        for _ in limits.twins..limits.faulty {
            let replica = order.pop().expect("there are more replicas than faulty ones");
            match self.below(if limits.lies { 6 } else { 2 }) {
                0 => {}
                1 => plan.outages.push(Outage { replica, from: self.instant(limits.healed), until: None }),
                _ => self.lie(plan, replica, &order, limits, lies),
            }
        }
    }

    fn lie(&mut self, plan: &mut FaultPlan, replica: ReplicaId, honest: &[ReplicaId], limits: &PlanLimits, lies: u64) {
        let behaviour = match self.below(lies) {
            4 => Behaviour::Impostor,
            0 => Behaviour::SilentLeader,
            1 => Behaviour::InvalidSignatures,
            2 if !honest.is_empty() => Behaviour::Censor(vec![honest[self.below(honest.len() as u64) as usize]]),
            _ => Behaviour::Twins,
        };
        if behaviour == Behaviour::Twins {
            let (until, stride) = (limits.healed, self.below(6) as u32);
            plan.splits = Some(ViewSplits { until, seed: self.throw(), stride });
        }
        let for_good = match behaviour {
            // While there are twins the network is split.
            Behaviour::Twins => false,
            // What it certified with signatures of its own never becomes valid.
            Behaviour::InvalidSignatures => true,
            Behaviour::SilentLeader | Behaviour::Censor(_) | Behaviour::Impostor => self.below(2) == 0,
        };
        plan.liars.push(Liar { replica, behaviour, until: if for_good { Time::NEVER } else { limits.healed } });
    }

    /// A fault that ends.
    fn passing_fault(&mut self, plan: &mut FaultPlan, limits: &PlanLimits) {
        let replica = ReplicaId(self.below(limits.replicas.into()) as u32);
        let (from, until) = self.stretch(limits.healed);
        let kind = self.below(if limits.replicas > 1 { 9 } else { 4 });
        match kind {
            0 | 1 => plan.outages.push(Outage { replica, from, until: Some(until) }),
            2 => plan.pauses.push(Pause { replica, from, until }),
            3 => {
                let percent = 200 + 100 * self.below(100);
                plan.slowdowns.push(Slowdown { replica, from, until, percent });
            }
            // A power failure: everyone's memory is gone at once, and each comes back in its own time.
            4 => {
                for replica in (0..limits.replicas).map(ReplicaId) {
                    let until = Time(until.0 + self.below(limits.healed.0 - until.0 + 1));
                    plan.outages.push(Outage { replica, from, until: Some(until) });
                }
            }
            5 | 6 => {
                let (side, one_way) = (self.some_of(limits.replicas), self.below(3) == 0);
                plan.partitions.push(Partition { from, until, side, one_way });
            }
            _ => {
                let senders = if self.below(2) == 0 { Vec::new() } else { self.some_of(limits.replicas) };
                let receivers = if self.below(2) == 0 { Vec::new() } else { self.some_of(limits.replicas) };
                let lost = Chance::new(0.05 * self.below(9) as f64);
                let repeated = Chance::new(0.05 * self.below(5) as f64);
                let delay = Span::from_millis(self.below(300));
                plan.disturbances.push(Disturbance { from, until, senders, receivers, lost, repeated, delay });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_stay_within_their_limits_and_cover_every_fault() {
        let healed = Time::ZERO + Span::from_secs(8);
        let limits = PlanLimits { replicas: 4, faulty: 1, lies: true, twins: 0, healed };
        let (mut kinds, mut behaviours) = ([0; 6], [0; 4]);
        for nth in 0..2_000 {
            let plan = random_plan(1, nth, &limits);
            assert!(plan.healed() <= healed, "{plan:?}");
            let for_good = plan.outages.iter().filter(|outage| outage.until.is_none()).count();
            assert!(for_good + plan.liars.len() <= 1, "{plan:?}");
            let counts = [
                plan.outages.len(),
                plan.pauses.len(),
                plan.slowdowns.len(),
                plan.partitions.len(),
                plan.disturbances.len(),
                plan.liars.len(),
            ];
            kinds.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            for liar in &plan.liars {
                let kind = match liar.behaviour {
                    Behaviour::Twins => 0,
                    Behaviour::SilentLeader => 1,
                    Behaviour::InvalidSignatures => 2,
                    Behaviour::Censor(_) | Behaviour::Impostor => 3,
                };
                behaviours[kind] += 1;
            }
        }
        assert!(kinds.iter().all(|&count| count > 300), "{kinds:?}");
        assert!(behaviours.iter().all(|&count| count > 100), "{behaviours:?}");
    }

    #[test]
    fn plans_of_shards_stay_within_the_limits_of_each() {
        let healed = Time::ZERO + Span::from_secs(8);
        let limits = |replicas, faulty| PlanLimits { replicas, faulty, lies: true, twins: 0, healed };
        let (mut impostors, mut cut_off) = (0, 0);
        for nth in 0..1_000 {
            let plan = random_plan_of_shards(1, nth, &[limits(7, 2), limits(4, 1)]);
            assert!(plan.healed() <= healed, "{plan:?}");
            let gone = plan.outages.iter().filter(|outage| outage.until.is_none()).map(|outage| outage.replica);
            let faulty: Vec<ReplicaId> = gone.chain(plan.liars.iter().map(|liar| liar.replica)).collect();
            let first = faulty.iter().filter(|replica| replica.0 < 7).count();
            assert!(first <= 2 && faulty.len() - first <= 1, "{plan:?}");
            impostors += plan.liars.iter().filter(|liar| liar.behaviour == Behaviour::Impostor).count();
            let second: Vec<ReplicaId> = (7..11).map(ReplicaId).collect();
            cut_off += plan.partitions.iter().filter(|partition| partition.side == second).count();
        }
        assert!(impostors > 100 && cut_off > 100, "{impostors} impostors, the second shard is cut off {cut_off} times");
    }

    #[test]
    fn a_plan_is_a_function_of_its_numbers() {
        let limits =
            PlanLimits { replicas: 7, faulty: 2, lies: true, twins: 2, healed: Time::ZERO + Span::from_secs(8) };
        let plan = |seed, nth| format!("{:?}", random_plan(seed, nth, &limits));
        assert_eq!(plan(1, 2), plan(1, 2));
        assert_ne!(plan(1, 2), plan(1, 3));
        assert_ne!(plan(1, 2), plan(2, 2));
    }
}
