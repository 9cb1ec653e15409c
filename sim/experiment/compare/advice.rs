//! A recommendation and its reason, in sentences that follow from what was measured.
//!
//! Only designs that sustain some load come into question, and of these only those that stand the worst kind of fault
//! that any stands: lies before crashes. Among them the one is chosen that sustains most; of those that are not told apart
//! by that, whose receipts come soonest; then what costs least; then what stands most faulty replicas.

mod words;

use std::cmp::Ordering;

use serde::Serialize;

use crate::experiment::StandsSummary;

use super::Criterion;

/// What advice needs to know of a design.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// Runs of the load that it was run under least often.
    pub replicates: usize,
    /// The load that it sustains under its SLO and what became of it, transactions/s; nothing where it sustains none.
    pub goodput_tps: Option<f64>,
    /// Whether that is the largest load tried.
    pub is_open: bool,
    /// What binds at the least load above that, or `none`.
    pub stopped_by: Option<String>,
    /// Mean of each criterion, in its own unit.
    pub means: [Option<f64>; Criterion::ALL.len()],
    /// Which faults it stands, where that is known.
    pub stands: Option<StandsSummary>,
}

/// What kind of advice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// One design.
    Recommended,
    /// Several, which nothing tells apart.
    Tied,
    /// None, as none sustains any load.
    NoneSustains,
    /// None, as single runs tell nothing.
    SingleRuns,
}

/// A recommendation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What kind of advice it is.
    pub verdict: Verdict,
    /// Numbers of the designs to choose from.
    #[serde(skip)]
    pub chosen: Vec<usize>,
    /// Their names.
    pub recommended: Vec<String>,
    /// Why, what stops the others, and what is given up.
    pub reasons: Vec<String>,
}

/// What the sentences speak of beside designs.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The load at which designs are compared: `at 5,000 tx/s`.
    pub at: String,
    /// What money is called.
    pub currency: String,
}

/// How two designs stand to each other by a criterion: `Greater` where the first is shown to be better.
pub type Compared<'a> = &'a dyn Fn(Criterion, usize, usize) -> Option<Ordering>;

/// One step of the choice.
struct Step {
    by: Option<Criterion>,
    kept: Vec<usize>,
    dropped: Vec<usize>,
}

/// What to choose.
pub fn advise(contenders: &[Contender], compared: Compared<'_>, terms: &Terms) -> Advice {
    let names = |of: &[usize]| of.iter().map(|&nth| contenders[nth].name.clone()).collect();
    let told = |verdict, chosen: Vec<usize>, reasons| Advice { verdict, recommended: names(&chosen), chosen, reasons };
    let sustaining: Vec<usize> = (0..contenders.len()).filter(|&nth| contenders[nth].goodput_tps.is_some()).collect();
    if sustaining.is_empty() {
        return told(Verdict::NoneSustains, Vec::new(), words::none_sustains(contenders));
    }
    if contenders.iter().any(|contender| contender.replicates < 2) {
        return told(Verdict::SingleRuns, Vec::new(), words::single_runs(contenders));
    }
    let strongest = sustaining.iter().map(|&nth| class(&contenders[nth])).max().expect("some sustain a load");
    let (pool, weaker): (Vec<usize>, Vec<usize>) =
        sustaining.iter().partition(|&&nth| class(&contenders[nth]) == strongest);
    let (chosen, steps) = choose(contenders, pool.clone(), compared);
    let verdict = if chosen.len() == 1 { Verdict::Recommended } else { Verdict::Tied };
    let mut reasons = vec![words::choice(contenders, &chosen)];
    if let (true, [only]) = (steps.is_empty(), &chosen[..]) {
        reasons.push(words::only_one(contenders, *only, &weaker));
    }
    for (nth, step) in steps.iter().enumerate() {
        reasons.push(words::step(contenders, step, nth == 0, terms));
    }
    let others: Vec<usize> = pool.into_iter().filter(|other| !chosen.contains(other)).collect();
    reasons.extend(words::given_up(contenders, chosen[0], &others, compared, terms));
    reasons.extend(weaker.iter().map(|&other| words::weaker(contenders, chosen[0], other, compared, terms)));
    reasons.extend(words::stopped(contenders, &chosen));
    told(verdict, chosen, reasons)
}

/// How bad a fault a design stands; where that is not known, as if it were the worst.
fn class(contender: &Contender) -> u8 {
    match contender.stands.as_ref().map(|stands| stands.faults.as_str()) {
        Some("none") => 0,
        Some("crash") => 1,
        _ => 2,
    }
}

/// Those of `pool` that nothing tells apart from the best, and the steps that led there.
fn choose(contenders: &[Contender], mut pool: Vec<usize>, compared: Compared<'_>) -> (Vec<usize>, Vec<Step>) {
    let mut steps = Vec::new();
    let mut narrow = |pool: &mut Vec<usize>, by: Option<Criterion>, is_beaten: &dyn Fn(usize, &[usize]) -> bool| {
        let (dropped, kept): (Vec<usize>, Vec<usize>) = pool.iter().partition(|&&nth| is_beaten(nth, pool));
        // Where each is beaten by another, that says nothing.
        if !dropped.is_empty() && !kept.is_empty() {
            pool.clone_from(&kept);
            steps.push(Step { by, kept, dropped });
        }
    };
    for criterion in Criterion::ALL {
        let beats = |a, b| compared(criterion, a, b) == Some(Ordering::Greater);
        narrow(&mut pool, Some(criterion), &|nth, pool| pool.iter().any(|&other| beats(other, nth)));
    }
    let faults = |nth: usize| contenders[nth].stands.as_ref().map_or(0, |stands| stands.replicas);
    narrow(&mut pool, None, &|nth, pool| pool.iter().any(|&other| faults(other) > faults(nth)));
    (pool, steps)
}

#[cfg(test)]
mod tests;
