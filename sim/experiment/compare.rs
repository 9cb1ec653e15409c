//! Designs side by side: what each sustains, how soon, at what cost, and what it stands; which differences are shown,
//! which designs are efficient, and which one to choose.
//!
//! Goodput at SLO is a design's own best. All else is set side by side at one load: the largest that every design
//! sustains that sustains any, because latency and cost per transaction are those of a load.

mod advice;
mod cost;
mod difference;
mod figures;
mod pareto;
mod row;
mod variant;

use std::cmp::Ordering;

use serde::Serialize;

use crate::scenario::Prices;

pub use advice::{Advice, Verdict};
pub use cost::Cost;
use difference::LEVEL;
pub use difference::{Difference, LEAST_SHARE, Method};
pub use figures::{figure, interval, percent};
pub use row::{Costs, CpuUse, Quantiles, Row};
pub use variant::{CompareError, Loaded, Variant};

use advice::{Contender, advise};
use difference::Samples;
use pareto::efficient;
use row::Judged;

/// By what designs are judged, the faults that they stand aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Goodput at SLO: more is better.
    Goodput,
    /// 99th percentile to the receipt: less is better.
    ReplyP99,
    /// Cost of a million transactions: less is better.
    Cost,
}

impl Criterion {
    /// All, in the order in which they decide.
    pub const ALL: [Criterion; 3] = [Criterion::Goodput, Criterion::ReplyP99, Criterion::Cost];

    /// Whether a difference makes the first of two the better one.
    fn order(self, difference: &Difference) -> Ordering {
        let more = match (difference.is_more(), difference.is_less()) {
            (true, _) => Ordering::Greater,
            (_, true) => Ordering::Less,
            _ => Ordering::Equal,
        };
        if self == Criterion::Goodput { more } else { more.reverse() }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct CompareRequest {
    /// What is paid.
    pub prices: Prices,
    /// The load to compare at, transactions/s; without one the largest that all sustain.
    pub at_tps: Option<f64>,
    /// The design that others are compared with; without one the recommended one, else the first.
    pub baseline: Option<String>,
}

/// The load at which designs are set side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum At {
    /// One load for all.
    Common {
        /// Transactions/s; nothing where the world decides.
        load_tps: Option<f64>,
        /// Whether every design that sustains any load sustains this one.
        sustained: bool,
    },
    /// Each design's own best, or its least where it sustains none: they have no load in common.
    Own,
}

impl At {
    /// The load in words.
    pub fn words(&self) -> String {
        match self {
            At::Common { load_tps: Some(load), .. } => format!("at {} tx/s", figure(*load)),
            At::Common { load_tps: None, .. } => "at the world's load".into(),
            At::Own => "each at its own load".into(),
        }
    }
}

/// How a design differs from the baseline. Positive is more than the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// Which design.
    pub name: String,
    /// Of goodput at SLO, transactions/s, by each seed's own best load.
    pub goodput_at_slo_tps: Option<Difference>,
    /// Of the 99th percentile to the receipt, ms.
    pub reply_p99_ms: Option<Difference>,
    /// Of the cost of a million transactions, in the currency.
    pub cost_per_million_tx: Option<Difference>,
}

impl Against {
    /// The difference by a criterion.
    pub fn by(&self, criterion: Criterion) -> Option<&Difference> {
        match criterion {
            Criterion::Goodput => self.goodput_at_slo_tps.as_ref(),
            Criterion::ReplyP99 => self.reply_p99_ms.as_ref(),
            Criterion::Cost => self.cost_per_million_tx.as_ref(),
        }
    }
}

/// Designs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// At which load.
    pub compared_at: At,
    /// What is paid.
    pub prices: Prices,
    /// The probability with which all intervals of differences hold together.
    pub confidence: f64,
    /// How many these are: Bonferroni's correction.
    pub differences_together: usize,
    /// The designs.
    pub designs: Vec<Row>,
    /// The design that the others are compared with.
    pub baseline: String,
    /// Every other design against it.
    pub differences: Vec<Against>,
    /// What to choose, and why.
    pub advice: Advice,
}

impl Comparison {
    /// Sets designs side by side.
    pub fn of(variants: &[Variant], request: &CompareRequest) -> Result<Comparison, CompareError> {
        if let [] | [_] = variants {
            let name = variants.first().map_or("nothing", |variant| variant.name.as_str());
            return Err(CompareError::Alone(alone(name)));
        }
        let at = row::common(variants, request.at_tps)?;
        let judged: Vec<Judged> = variants.iter().map(|variant| Judged::new(variant, &at, &request.prices)).collect();
        let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
        let named = request.baseline.as_ref().map(|name| numbered(&names, name)).transpose()?;
        let among = variants.len() * (variants.len() - 1) / 2 * Criterion::ALL.len();
        let samples = |criterion, nth: usize| -> &Samples { &judged[nth].samples[criterion as usize] };
        let between = |criterion, a: usize, b: usize| {
            let difference = Difference::between(samples(criterion, a), samples(criterion, b), among)?;
            let (lesser, larger) = if difference.mean < 0.0 { (a, b) } else { (b, a) };
            let is_untried = criterion == Criterion::Goodput && judged[lesser].is_untried_above(&judged[larger]);
            Some(if is_untried { difference.untried() } else { difference })
        };
        let compared = |criterion: Criterion, a: usize, b: usize| {
            between(criterion, a, b).map(|difference| criterion.order(&difference))
        };
        let contenders: Vec<Contender> = judged.iter().map(Judged::contender).collect();
        let terms = advice::Terms { at: at.words(), currency: request.prices.currency.clone() };
        let advice = advise(&contenders, &compared, &terms);
        let marks = front(&judged, &compared);
        let baseline = named.or(advice.chosen.first().copied()).unwrap_or(0);
        let others = (0..variants.len()).filter(|&nth| nth != baseline);
        let against = |nth: usize| Against {
            name: variants[nth].name.clone(),
            goodput_at_slo_tps: between(Criterion::Goodput, nth, baseline),
            reply_p99_ms: between(Criterion::ReplyP99, nth, baseline),
            cost_per_million_tx: between(Criterion::Cost, nth, baseline),
        };
        let differences = others.map(against).collect();
        let rows = judged.into_iter().zip(marks).map(|(judged, mark)| Row { is_efficient: mark, ..judged.row });
        Ok(Comparison {
            compared_at: at,
            prices: request.prices.clone(),
            confidence: LEVEL,
            differences_together: among,
            baseline: variants[baseline].name.clone(),
            designs: rows.collect(),
            differences,
            advice,
        })
    }
}

/// Which designs are efficient over the criteria and the faults that they stand. What sustains no load is not, and
/// single runs say nothing.
fn front(judged: &[Judged], compared: advice::Compared<'_>) -> Vec<bool> {
    let able: Vec<usize> = (0..judged.len()).filter(|&nth| judged[nth].row.goodput_at_slo_tps.is_some()).collect();
    if judged.iter().any(|one| one.replicates() < 2) {
        return vec![false; judged.len()];
    }
    let priced = judged.iter().all(|one| !one.samples[Criterion::Cost as usize].is_empty());
    let criteria: Vec<Criterion> =
        Criterion::ALL.into_iter().filter(|criterion| priced || *criterion != Criterion::Cost).collect();
    let stood = |nth: usize| judged[nth].faults_stood();
    // Lies stood and crashes stood are two criteria more: who stands a lie stands a crash.
    let marks = efficient(able.len(), criteria.len() + 2, |a, b, criterion| {
        let (a, b) = (able[a], able[b]);
        match (criteria.get(criterion), criterion - criteria.len().min(criterion)) {
            (Some(criterion), _) => compared(*criterion, a, b),
            (None, which) => Some(stood(a)[which].cmp(&stood(b)[which])),
        }
    });
    let mut all = vec![false; judged.len()];
    able.iter().zip(marks).for_each(|(&nth, mark)| all[nth] = mark);
    all
}

fn alone(name: &str) -> String {
    format!(
        "{name} alone has nothing to be compared with: vary a key of a scenario, as in --vary \
         consensus.protocol=jolteon,mysticeti, or name more folders"
    )
}

fn numbered(names: &[&str], name: &str) -> Result<usize, CompareError> {
    let found = names.iter().position(|known| *known == name);
    let what = || format!("there is no design `{name}` to compare with, but: {}", names.join("; "));
    found.ok_or_else(|| CompareError::Alone(what()))
}

#[cfg(test)]
mod tests;
