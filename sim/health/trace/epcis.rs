//! EPCIS 2.0 events → kinds, by business step of the Core Business Vocabulary; one transaction for each thing that an
//! event is about.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::health::{Category, Purpose};

use super::json::{all, first_time, text};
use super::{Flaw, Goods, Name, Parsed, Step, epc};

const EVENTS: [&str; 5] =
    ["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"];

/// Business steps and their kinds. What is undone by an event's action, and what an event's type says, comes first.
const STEPS: [(&str, &str); 20] = [
    ("commissioning", "pack.commission"),
    ("packing", "pack.aggregate"),
    ("loading", "pack.ship"),
    ("departing", "pack.ship"),
    ("shipping", "pack.ship"),
    ("transporting", "pack.ship"),
    ("arriving", "pack.receive"),
    ("receiving", "pack.receive"),
    ("accepting", "pack.receive"),
    ("unpacking", "pack.unpack"),
    ("inspecting", "pack.verify"),
    ("dispensing", "rx.dispense"),
    ("retail_selling", "rx.dispense"),
    ("decommissioning", "pack.decommission"),
    ("destroying", "pack.decommission"),
    ("repackaging", "pack.transform"),
    ("sensor_reporting", "pack.sensor"),
    ("sampling", "pack.verify"),
    ("unloading", "pack.receive"),
    ("void_shipping", "pack.receive"),
];
const TRANSFORM: &str = "pack.transform";
const RECALL: &str = "pack.recall";

const COMMISSION: &str = "pack.commission";
const AGGREGATE: &str = "pack.aggregate";
const UNPACK: &str = "pack.unpack";

/// Things that one event is about, at most: a pallet holds some thousands of packs, and a line of a gigabyte must not
/// become a hundred million transactions.
pub(super) const MOST_THINGS: usize = 4_096;

/// Where an event names things one by one, and where by their class if it does not.
const LISTS: [(&str, &str); 4] = [("epcList", "quantityList"), ("childEPCs", "childQuantityList"), OUTPUTS, INPUTS];
const OUTPUTS: (&str, &str) = ("outputEPCList", "outputQuantityList");
const INPUTS: (&str, &str) = ("inputEPCList", "inputQuantityList");

/// Where a step is taken. What leaves is signed for where it was read: its business location may be where it goes.
const PLACE: [&str; 2] = ["bizLocation.id", "readPoint.id"];
const PLACE_LEFT: [&str; 2] = ["readPoint.id", "bizLocation.id"];
/// Parties of a shipment, the one that has it in its hands first.
const PARTIES: [&str; 3] = ["possessing_party", "location", "owning_party"];

/// Every kind that events become.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|(_, kind)| *kind).chain([TRANSFORM, RECALL])
}

/// Reads an event of a type.
pub(super) fn read(event: &str, value: &Value) -> Result<Option<Parsed>, Flaw> {
    if !EVENTS.contains(&event) {
        return Err(Flaw::UnknownType(event.chars().take(40).collect()));
    }
    let Some(kind) = kind(event, value) else { return Ok(None) };
    let Some(steps) = steps(kind, value)? else { return Ok(None) };
    // A sensor may tell of a place where nothing is.
    if steps.is_empty() {
        let sensed = !all(value, "sensorElementList").is_empty();
        return if sensed { Ok(None) } else { Err(Flaw::NoThing(event.into())) };
    }
    let at_place = |paths: [&str; 2]| paths.iter().find_map(|path| text(value, path)).map(epc::party);
    let (from, to) = (party(value, "sourceList", "source"), party(value, "destinationList", "destination"));
    let provider = match kind {
        "pack.ship" => at_place(PLACE_LEFT).or(from),
        "pack.receive" => at_place(PLACE).or(to),
        _ => at_place(PLACE),
    };
    let id = text(value, "eventID").map_or_else(|| epc::whole(&value.to_string()), epc::whole);
    Ok(Some(Parsed {
        steps,
        resource: event.into(),
        at: first_time(value, &["eventTime"])?,
        id,
        case: prescription(value).unwrap_or(id),
        patient: None,
        provider,
        person: None,
        encounter: None,
        grantee: None,
        to,
        purpose: Purpose::Treatment,
        category: Category::Medication,
        dates: Vec::new(),
    }))
}

/// What is done with each thing that an event is about; nothing where no contract sees it.
fn steps(kind: &'static str, value: &Value) -> Result<Option<Vec<Step>>, Flaw> {
    let parent = text(value, "parentID");
    let listed = || {
        let lists = LISTS.iter().map(|list| named(value, list));
        let first = lists.into_iter().find(|things| !matches!(things, Ok(things) if things.is_empty()));
        first.unwrap_or_else(|| Ok(parent.into_iter().collect()))
    };
    Ok(Some(match kind {
        AGGREGATE => {
            let Some(parent) = parent else { return Ok(None) };
            named(value, &LISTS[1])?.into_iter().map(|thing| step(value, kind, thing, Some(parent))).collect()
        }
        TRANSFORM => transformed(value, listed)?,
        // What is in a unit goes where it goes.
        "pack.ship" | "pack.receive" | "pack.sensor" | UNPACK if parent.is_some() => {
            parent.into_iter().map(|thing| step(value, kind, thing, None)).collect()
        }
        _ => listed()?.into_iter().map(|thing| step(value, kind, thing, None)).collect(),
    }))
}

/// The first input becomes the first output, and the others go into it. Further outputs are filled; without an output
/// inputs are taken apart.
fn transformed<'v>(value: &'v Value, listed: impl Fn() -> Result<Vec<&'v str>, Flaw>) -> Result<Vec<Step>, Flaw> {
    let (mut inputs, outputs) = (named(value, &INPUTS)?, named(value, &OUTPUTS)?);
    if inputs.is_empty() && outputs.is_empty() {
        inputs = listed()?;
    }
    if inputs.len() + outputs.len() > MOST_THINGS {
        return Err(Flaw::TooMany { things: inputs.len() + outputs.len(), most: MOST_THINGS });
    }
    let into = outputs.first().copied();
    let kind = |nth| match into {
        None => UNPACK,
        Some(_) if nth == 0 => TRANSFORM,
        Some(_) => AGGREGATE,
    };
    let used = inputs.iter().enumerate().map(|(nth, &input)| step(value, kind(nth), input, into));
    let filled =
        outputs.iter().skip(usize::from(!inputs.is_empty())).map(|&output| step(value, COMMISSION, output, None));
    Ok(used.chain(filled).collect())
}

/// What a list names, one by one or by class; each once, however it is written.
fn named<'v>(value: &'v Value, (epcs, classes): &(&str, &str)) -> Result<Vec<&'v str>, Flaw> {
    let named = |epc: &&str| !epc.is_empty();
    let mut things: Vec<&str> = all(value, epcs).iter().filter_map(Value::as_str).filter(named).collect();
    if things.is_empty() {
        things = all(value, classes).iter().filter_map(|quantity| text(quantity, "epcClass")).collect();
    }
    if things.len() > MOST_THINGS {
        return Err(Flaw::TooMany { things: things.len(), most: MOST_THINGS });
    }
    let mut known = BTreeSet::new();
    things.retain(|thing| known.insert(epc::name(thing)));
    Ok(things)
}

fn step(value: &Value, kind: &'static str, thing: &str, into: Option<&str>) -> Step {
    // What an event says of a lot is about what it makes, not about what went into that.
    let given = text(value, "ilmd.lotNumber").or_else(|| text(value, "ilmd.cbvmda:lotNumber"));
    let lot = epc::lot(thing, given.filter(|_| into.is_none()));
    Step { kind, goods: Some(Goods { thing: epc::name(thing), into: into.map(epc::name), lot }) }
}

/// Who sends a shipment, or whom it is for.
fn party(value: &Value, list: &str, key: &str) -> Option<Name> {
    let of = |kind| {
        let item = all(value, list).iter().find(|item| text(item, "type").map(bare) == Some(kind))?;
        text(item, key)
    };
    PARTIES.into_iter().find_map(of).or_else(|| text(all(value, list).first()?, key)).map(epc::party)
}

/// The prescription that an event says it is for.
fn prescription(value: &Value) -> Option<Name> {
    let told = all(value, "bizTransactionList").iter().filter_map(|item| text(item, "bizTransaction"));
    told.into_iter().find(|told| told.contains("MedicationRequest/")).map(Name::of)
}

fn kind(event: &str, value: &Value) -> Option<&'static str> {
    let step = text(value, "bizStep").map(bare).unwrap_or_default();
    match text(value, "action") {
        _ if text(value, "disposition").map(bare) == Some("recalled") => Some(RECALL),
        _ if event == "TransformationEvent" => Some(TRANSFORM),
        Some("DELETE") if event == "AggregationEvent" => Some("pack.unpack"),
        _ if step.is_empty() && !all(value, "sensorElementList").is_empty() => Some("pack.sensor"),
        _ => STEPS.iter().find(|(name, _)| *name == step).map(|(_, kind)| *kind),
    }
}

/// A word of the vocabulary, however it is written: `shipping`, `urn:epcglobal:cbv:bizstep:shipping`,
/// `https://ref.gs1.org/cbv/BizStep-shipping`.
fn bare(word: &str) -> &str {
    let last = word.rsplit([':', '/']).next().unwrap_or(word);
    last.strip_prefix("BizStep-").or(last.strip_prefix("Disp-")).unwrap_or(last)
}
