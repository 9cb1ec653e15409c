//! Where transactions come from: kinds that arrive by themselves, kinds with which cases begin, and what follows these.
//!
//! Each set of kinds that the same later ones follow is a Poisson process of its own, a source: to find what goes on in
//! a slice, only what began cases need be made again, once for each of the few slices before it that matter.

use crate::kernel::draw::{Alias, Chance, Site, below, draw};

use super::super::load::FACTOR_ONE;
use super::super::{Case, KindSpec, LoadPlan, Verb};
use crate::base::{HospitalId, Time};

/// Distinct steps at which transactions of one later kind come; where a case has more of them, several come at once.
const MOST_STEPS: u64 = 16;
/// The unit in which rates become integers, per transaction/s.
const RATE_UNIT: f64 = 1e6;

/// A kind that follows the first transaction of each case.
#[derive(Clone, Debug)]
struct Rule {
    kind: usize,
    /// Steps from the first transaction to the first of these.
    steps: u64,
}

/// Kinds with which cases begin, and what follows; the first source's kinds begin none.
#[derive(Clone, Debug)]
pub(super) struct Source {
    firsts: Vec<usize>,
    rules: Vec<Rule>,
    /// Steps after which something may follow, in order.
    pub steps: Vec<u64>,
    /// For each profile and region, what arrives.
    samplers: Vec<Sampler>,
}

/// What arrives of a source in a region under one profile.
#[derive(Clone, Debug)]
struct Sampler {
    /// Millionths of a transaction/s.
    rate: u64,
    /// Group and kind of each column of `chooses`.
    cells: Vec<(u16, u16)>,
    chooses: Option<Alias>,
}

/// What arrives, and where.
pub(super) struct Mark {
    pub kind: usize,
    pub group: u16,
    pub hospital: HospitalId,
}

/// The rates of a source's regions at a time, bursts included.
pub(super) struct Flow {
    profile: usize,
    rates: Vec<u64>,
    /// Millionths of a transaction/s.
    pub total: u64,
}

impl Source {
    /// All sources of a plan whose kinds index `kinds`.
    pub fn all(plan: &LoadPlan, kinds: &[KindSpec]) -> Vec<Source> {
        assert_eq!(plan.kinds(), kinds.len(), "the plan speaks of these kinds");
        let mut begun: Vec<(Verb, Vec<Rule>)> = Vec::new();
        for (kind, spec) in kinds.iter().enumerate() {
            let Some((first, steps)) = spec.verb.begins_with() else { continue };
            assert!(first.begins_with().is_none(), "a case begins with what follows nothing");
            let rule = Rule { kind, steps };
            match begun.iter_mut().find(|(verb, _)| *verb == first) {
                Some((_, rules)) => rules.push(rule),
                None => begun.push((first, vec![rule])),
            }
        }
        let of = |verb: Verb| (0..kinds.len()).filter(|&kind| kinds[kind].verb == verb).collect::<Vec<_>>();
        let begins = begun.into_iter().map(|(verb, rules)| Source::new(of(verb), rules));
        let mut sources: Vec<Source> = begins.filter(|source| source.matters(plan)).collect();
        let others = (0..kinds.len()).filter(|kind| !sources.iter().any(|source| source.firsts.contains(kind)));
        sources.insert(0, Source::new(others.collect(), Vec::new()));
        for nth in 0..sources.len() {
            let lone = |profile, group, kind| !sources.iter().any(|one| one.leads(plan, profile, group, kind));
            let samplers = sources[nth].samplers(plan, lone);
            let steps = sources[nth].all_steps(plan);
            sources[nth].samplers = samplers;
            sources[nth].steps = steps;
        }
        sources
    }

    fn new(firsts: Vec<usize>, rules: Vec<Rule>) -> Source {
        Source { firsts, rules, steps: Vec::new(), samplers: Vec::new() }
    }

    /// Whether cases begin in it with such a verb.
    pub fn begins(&self, verb: Verb, kinds: &[KindSpec]) -> bool {
        self.firsts.iter().any(|&kind| kinds[kind].verb == verb)
    }

    /// Whether anything follows anywhere: else its kinds are as good as others.
    fn matters(&self, plan: &LoadPlan) -> bool {
        let mut mixes = (0..plan.profiles()).flat_map(|p| (0..plan.groups().len()).map(move |g| (p, g)));
        mixes.any(|(profile, group)| self.rules.iter().any(|rule| self.ratio(plan, profile, group, rule) > 0.0))
    }

    /// How many of a later kind come of a first one on average, in the mix of a group; none where no case begins.
    fn ratio(&self, plan: &LoadPlan, profile: usize, group: usize, rule: &Rule) -> f64 {
        let rates = plan.group_rates(profile, group);
        let first: f64 = self.firsts.iter().map(|&kind| rates[kind]).sum();
        if first > 0.0 { rates[rule.kind] / first } else { 0.0 }
    }

    /// Whether a kind follows what this source begins, in the mix of a group.
    fn leads(&self, plan: &LoadPlan, profile: usize, group: usize, kind: usize) -> bool {
        let mut rules = self.rules.iter().filter(|rule| rule.kind == kind);
        rules.any(|rule| self.ratio(plan, profile, group, rule) > 0.0)
    }

    fn samplers(&self, plan: &LoadPlan, lone: impl Fn(usize, usize, usize) -> bool) -> Vec<Sampler> {
        let mut samplers = Vec::with_capacity(plan.profiles() * plan.regions().len());
        for profile in 0..plan.profiles() {
            for region in 0..plan.regions().len() {
                let (mut cells, mut weights) = (Vec::new(), Vec::new());
                let here = plan.groups().iter().enumerate().filter(|(_, group)| group.region == region);
                for (group, _) in here {
                    let rates = plan.group_rates(profile, group);
                    for &kind in self.firsts.iter().filter(|&&kind| rates[kind] > 0.0 && lone(profile, group, kind)) {
                        cells.push((group as u16, kind as u16));
                        weights.push(rates[kind]);
                    }
                }
                samplers.push(Sampler::new(cells, &weights));
            }
        }
        samplers
    }

    /// All steps at which the rules may have something follow.
    fn all_steps(&self, plan: &LoadPlan) -> Vec<u64> {
        let mut steps = Vec::new();
        for rule in &self.rules {
            let mixes = (0..plan.profiles()).flat_map(|p| (0..plan.groups().len()).map(move |g| (p, g)));
            let most = mixes.map(|(p, g)| self.ratio(plan, p, g, rule)).fold(0.0, f64::max);
            steps.extend((0..(libm::ceil(most) as u64).min(MOST_STEPS)).map(|nth| rule.steps + nth));
        }
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// What arrives at a time under a run's seed.
    pub fn flow(&self, plan: &LoadPlan, seed: u64, at: Time) -> Flow {
        let (profile, regions) = (plan.profile_at(at), plan.regions().len());
        let of = |(region, sampler): (usize, &Sampler)| {
            let rate = u128::from(sampler.rate) * u128::from(plan.burst(seed, region, at));
            (rate / u128::from(FACTOR_ONE)) as u64
        };
        let rates: Vec<u64> = self.samplers[profile * regions..][..regions].iter().enumerate().map(of).collect();
        Flow { profile, total: rates.iter().sum(), rates }
    }

    /// What one arrival of a flow is, by three draws for its case.
    pub fn mark(&self, plan: &LoadPlan, flow: &Flow, seed: u64, case: Case) -> Mark {
        let mut left = below(flow.total, draw(seed, Site::Kind, case.0, 1, 0));
        let mut region = 0;
        while left >= flow.rates[region] {
            left -= flow.rates[region];
            region += 1;
        }
        let sampler = &self.samplers[flow.profile * flow.rates.len() + region];
        let chooses = sampler.chooses.as_ref().expect("what has a rate has a kind");
        let (group, kind) = sampler.cells[chooses.choose(draw(seed, Site::Kind, case.0, 0, 0))];
        let hospital = plan.groups()[usize::from(group)].hospital(draw(seed, Site::Hospital, case.0, 0, 0));
        Mark { kind: usize::from(kind), group, hospital }
    }

    /// What follows a case's first transaction after so many steps: kinds, and which of its kind each is. How many
    /// there are is the ratio of the rates in the mix where and when the case begins: its whole part, and one more with the
    /// probability that is left, so the expected rates are the plan's.
    pub fn followers(
        &self,
        plan: &LoadPlan,
        (profile, group): (usize, u16),
        seed: u64,
        case: Case,
        steps: u64,
        mut tell: impl FnMut(usize, u32),
    ) {
        for rule in &self.rules {
            let Some(nth) = steps.checked_sub(rule.steps).filter(|&nth| nth < MOST_STEPS) else { continue };
            let ratio = self.ratio(plan, profile, usize::from(group), rule);
            let whole = libm::floor(ratio);
            let more = Chance::new(ratio - whole).happens(draw(seed, Site::Followers, case.0, rule.kind as u64, 0));
            let count = whole as u64 + u64::from(more);
            (nth..count).step_by(MOST_STEPS as usize).for_each(|nth| tell(rule.kind, nth as u32));
        }
    }
}

impl Flow {
    /// Which profile it follows.
    pub fn profile(&self) -> usize {
        self.profile
    }
}

impl Sampler {
    fn new(cells: Vec<(u16, u16)>, rates: &[f64]) -> Sampler {
        let sum: f64 = rates.iter().sum();
        let rate = (sum * RATE_UNIT + 0.5) as u64;
        // Weights are parts of the largest: to one in 2^50 what real numbers say.
        let most = rates.iter().copied().fold(0.0, f64::max);
        let weights: Vec<u64> = rates.iter().map(|rate| (rate / most * (1u64 << 50) as f64) as u64).collect();
        let chooses = (rate > 0).then(|| Alias::new(&weights));
        Sampler { rate, cells, chooses }
    }
}
