//! The sentences.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::super::figures::{figure, listed, percent};
use super::{Compared, Contender, Criterion, Step, Terms, class};

/// What stops a design whose busiest resource is not busy.
const NO_RESOURCE: &str = "no resource (timers or latency stop it)";

pub(super) fn none_sustains(contenders: &[Contender]) -> Vec<String> {
    let mut reasons = vec![
        "None can be recommended: no design sustains any of the loads that were tried under its SLO (goodput at least \
         99 % of the load, every threshold met, in every run)."
            .to_string(),
    ];
    reasons.extend(stopped(contenders, &[]));
    reasons.push("Try smaller loads, or change what binds.".into());
    reasons
}

pub(super) fn single_runs(contenders: &[Contender]) -> Vec<String> {
    let few: Vec<String> =
        contenders.iter().filter(|one| one.replicates < 2).map(|contender| contender.name.clone()).collect();
    let whose = if few.len() == contenders.len() { String::new() } else { format!(" of {}", listed(&few)) };
    let mut reasons = vec![format!(
        "None is recommended: a single run{whose} cannot tell a difference from noise. Add --replicates 5."
    )];
    reasons.extend(stopped(contenders, &[]));
    reasons
}

pub(super) fn choice(contenders: &[Contender], chosen: &[usize]) -> String {
    let names = names(contenders, chosen);
    match chosen {
        [_] => format!("Choose {}.", listed(&names)),
        _ => format!(
            "Choose any of {}: nothing that was measured tells them apart, so decide by what was not, such as who \
             maintains them. More replicates would narrow the intervals.",
            listed(&names)
        ),
    }
}

pub(super) fn only_one(contenders: &[Contender], only: usize, weaker: &[usize]) -> String {
    match weaker {
        [] => "It is the only design that sustains any of the loads tried.".into(),
        _ => format!(
            "It is the only one that sustains any of the loads tried and stands {}.",
            stood(&contenders[only]).unwrap_or_else(|| "faults".into())
        ),
    }
}

/// Why those that are kept are better than those that are dropped.
pub(super) fn step(contenders: &[Contender], step: &Step, is_first: bool, terms: &Terms) -> String {
    let (it, its) = if step.kept.len() == 1 { ("it", "its") } else { ("they", "their") };
    let s = if step.kept.len() == 1 { "s" } else { "" };
    let among = if is_first { "" } else { "of those not told apart by that, " };
    let value = |nth: usize| step.by.and_then(|criterion| contenders[nth].means[criterion as usize]);
    let best = figures(step.kept.iter().filter_map(|&nth| value(nth)));
    let against: Vec<String> = step
        .dropped
        .iter()
        .map(|&nth| match step.by {
            Some(_) => format!("{} of {}", value(nth).map_or("none".into(), figure), contenders[nth].name),
            None => format!("{} of {}", faulty(&contenders[nth]), contenders[nth].name),
        })
        .collect();
    let against = listed(&against);
    let at = &terms.at;
    let sentence = match step.by {
        Some(Criterion::Goodput) => {
            format!("{among}{it} sustain{s} most under {its} SLO: {best} tx/s, against {against}.")
        }
        Some(Criterion::ReplyP99) => {
            format!("{among}{its} receipts come soonest: 99 % of them within {best} ms {at}, against {against}.")
        }
        Some(Criterion::Cost) => format!(
            "{among}{it} cost{s} least: {best} {} per million transactions {at}, against {against}.",
            terms.currency
        ),
        None => {
            let most = step.kept.first().map(|&nth| faulty(&contenders[nth])).unwrap_or_default();
            format!("{among}{it} stand{s} most faulty replicas: {most}, against {against}.")
        }
    };
    capital(&sentence)
}

/// In what other designs of the same kind are better than the chosen one, if they are in anything.
pub(super) fn given_up(
    contenders: &[Contender],
    chosen: usize,
    others: &[usize],
    compared: Compared<'_>,
    terms: &Terms,
) -> Option<String> {
    let faults = |nth: usize| contenders[nth].stands.as_ref().map_or(0, |stands| stands.replicas);
    let better = |&other: &usize| {
        let mut gains = gains(contenders, chosen, other, compared, terms);
        if faults(other) > faults(chosen) {
            gains.push(format!("stands more faulty replicas ({})", faulty(&contenders[other])));
        }
        (!gains.is_empty()).then(|| format!("{} {}", contenders[other].name, listed(&gains)))
    };
    let gains: Vec<String> = others.iter().filter_map(better).collect();
    (!gains.is_empty()).then(|| format!("What {} gives up: {}.", contenders[chosen].name, gains.join("; ")))
}

/// What a design is worth that stands less.
pub(super) fn weaker(
    contenders: &[Contender],
    chosen: usize,
    other: usize,
    compared: Compared<'_>,
    terms: &Terms,
) -> String {
    let (name, gains) = (&contenders[other].name, gains(contenders, chosen, other, compared, terms));
    let (but, only) = match class(&contenders[other]) {
        0 => ("stands no fault at all".to_string(), "where one operator is trusted and may be down"),
        _ => (
            format!("stands crashes and no lies ({})", faulty(&contenders[other])),
            "where every replica's operator is trusted",
        ),
    };
    match gains.is_empty() {
        true => format!("{name} {but}, and is shown to be better in nothing."),
        false => format!("{name} {}, but {but}: choose it only {only}.", listed(&gains)),
    }
}

/// In what `other` is shown to be better than `chosen`.
fn gains(contenders: &[Contender], chosen: usize, other: usize, compared: Compared<'_>, terms: &Terms) -> Vec<String> {
    let gain = |criterion: Criterion| {
        if compared(criterion, other, chosen) != Some(Ordering::Greater) {
            return None;
        }
        let (theirs, ours) =
            (contenders[other].means[criterion as usize]?, contenders[chosen].means[criterion as usize]?);
        let by = if ours == 0.0 { String::new() } else { format!(", {}", percent((theirs - ours) / ours)) };
        let (theirs, ours) = (figure(theirs), figure(ours));
        Some(match criterion {
            Criterion::Goodput => format!("sustains more ({theirs} tx/s against {ours}{by})"),
            Criterion::ReplyP99 => format!("is sooner (99 % within {theirs} ms against {ours}{by})"),
            Criterion::Cost => {
                format!("is cheaper ({theirs} {} per million transactions against {ours}{by})", terms.currency)
            }
        })
    };
    Criterion::ALL.into_iter().filter_map(gain).collect()
}

/// What stops designs, by what it is; first those that are not chosen.
pub(super) fn stopped(contenders: &[Contender], chosen: &[usize]) -> Vec<String> {
    let mut by: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for contender in contenders {
        let Some(resource) = contender.stopped_by.as_deref() else { continue };
        let from = contender.goodput_tps.map_or("at every load".into(), |tps| format!("beyond {} tx/s", figure(tps)));
        by.entry(resource).or_default().push(format!("{} {from}", contender.name));
    }
    let sentence = |(resource, names): (&str, Vec<String>)| {
        let what = if resource == "none" { NO_RESOURCE } else { resource };
        format!("What binds {}: {what}.", listed(&names))
    };
    let mut sentences: Vec<String> = by.into_iter().map(sentence).collect();
    let open: Vec<usize> = chosen.iter().copied().filter(|&nth| contenders[nth].is_open).collect();
    if !open.is_empty() {
        let does = if open.len() == 1 { "sustains" } else { "sustain" };
        sentences.push(format!(
            "{} {does} the largest load that was tried: larger ones would show where that ends.",
            listed(&names(contenders, &open))
        ));
    }
    sentences
}

fn names(contenders: &[Contender], of: &[usize]) -> Vec<String> {
    of.iter().map(|&nth| contenders[nth].name.clone()).collect()
}

/// One figure, or from the least to the largest.
fn figures(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.iter().map(|&value| figure(value)).collect::<Vec<_>>()[..] {
        [] => "none".into(),
        [ref first, .., ref last] if first != last => format!("{first} to {last}"),
        [ref first, ..] => first.clone(),
    }
}

fn stood(contender: &Contender) -> Option<String> {
    let stands = contender.stands.as_ref()?;
    Some(match stands.faults.as_str() {
        "byzantine" => "replicas that lie".into(),
        "crash" => "replicas that crash".into(),
        _ => "nothing".to_string(),
    })
}

fn faulty(contender: &Contender) -> String {
    match &contender.stands {
        Some(stands) => format!("{} of {}", stands.replicas, stands.of),
        None => "an unknown number".into(),
    }
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}
