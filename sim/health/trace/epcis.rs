//! EPCIS 2.0 events → kinds, by business step of the Core Business Vocabulary.

use serde_json::Value;

use crate::health::{Category, Purpose};

use super::json::{all, first_time, text};
use super::{Flaw, Name, Parsed};

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

/// Where an event names what it is about: the pack that holds others, else the first of those it lists.
const OBJECTS: [&str; 7] = [
    "parentID",
    "epcList",
    "outputEPCList",
    "inputEPCList",
    "quantityList.epcClass",
    "outputQuantityList.epcClass",
    "childEPCs",
];
const PLACE: [&str; 2] = ["bizLocation.id", "readPoint.id"];

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
    let first = |paths: &[&str]| paths.iter().find_map(|path| text(value, path)).map(whole);
    let id = text(value, "eventID").map(whole);
    let case = first(&OBJECTS).or(id).unwrap_or_else(|| whole(&value.to_string()));
    Ok(Some(Parsed {
        kind,
        resource: event.into(),
        at: first_time(value, &["eventTime"])?,
        id: id.unwrap_or(case),
        case,
        patient: None,
        provider: first(&PLACE),
        person: None,
        encounter: None,
        grantee: None,
        purpose: Purpose::Treatment,
        category: Category::Medication,
        dates: Vec::new(),
    }))
}

/// An EPC or a place is named by all of its text: slashes in it are no path.
fn whole(text: &str) -> Name {
    Name::of(&format!("urn:{text}"))
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
