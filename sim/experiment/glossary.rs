//! What the columns of result files mean: name, unit, meaning.
//!
//! Keys of `summary.json` and `probes.csv` are read from their types' own documentation, so that the glossary and the
//! code cannot differ. Columns of `points.csv` and `series.csv`, which are computed, say here what they are computed from; a
//! test holds this page to a real table.

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::metrics::{Definition, Resource};

use super::{LatencySummary, LimitSummary, Probe, Summary};

/// What a column or key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Words.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// An object, whose keys follow.
    Group,
}

/// The type of quantiles, which are explained once.
const QUANTILES: &str = "LatencySummary";

/// A column of a table, or a key of a JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Term {
    /// The file.
    pub file: &'static str,
    /// The column, or the path of the key; a part in angle brackets stands for each of its kind.
    pub name: String,
    /// The unit; `1` for a plain number, nothing for what is no number.
    pub unit: String,
    /// What it holds.
    pub kind: Kind,
    /// What it means, and what it is computed from.
    pub meaning: String,
}

/// Endings of names, and the units that they say.
const UNITS: [(&str, &str); 19] = [
    ("_tps", "transactions/s"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("_us", "µs"),
    ("_bytes", "bytes"),
    ("_percent", "%"),
    ("_share", "share, 0 to 1"),
    ("_km", "km"),
    ("_per_s", "1/s"),
    ("bytes_per_tx", "bytes/transaction"),
    ("messages_per_tx", "messages/transaction"),
    ("bytes_per_patient", "bytes/patient"),
    ("sim_s_per_wall_s", "s/s"),
    ("within_slo", "share, 0 to 1"),
    ("within_bar", "share, 0 to 1"),
    ("utilisation", "share, 0 to 1"),
    ("fairness", "index, 0 to 1"),
    ("modelled_metros", "km"),
    ("balances", "hundredths"),
];

/// The unit that a name says; the longest ending counts.
fn unit(name: &str) -> Option<&'static str> {
    let said = UNITS.iter().filter(|(ending, _)| name.ends_with(ending));
    said.max_by_key(|(ending, _)| ending.len()).map(|(_, unit)| *unit)
}

/// Every term, file by file: in the order in which they are written, what may be absent last.
pub fn glossary() -> Vec<Term> {
    let mut terms = points();
    terms.extend(series());
    terms.extend(documented::<Probe>("probes.csv"));
    terms.extend(documented::<LimitSummary>("limit.json"));
    terms.extend(documented::<Summary>("summary.json"));
    let of_quantiles = documented::<LatencySummary>("summary.json").into_iter();
    terms.extend(of_quantiles.map(|term| Term {
        unit: if term.name == "count" { "1".into() } else { "ms".into() },
        name: format!("<latency>.{}", term.name),
        ..term
    }));
    terms
}

fn column(file: &'static str, name: &str, kind: Kind, meaning: &str) -> Term {
    let plain = if kind == Kind::Number { "1" } else { "" };
    Term { file, name: name.into(), unit: unit(name).unwrap_or(plain).into(), kind, meaning: meaning.into() }
}

fn points() -> Vec<Term> {
    let of = |name: &str, kind, meaning: &str| column("points.csv", name, kind, meaning);
    let mut terms = vec![
        of(
            "id",
            Kind::Text,
            "First 16 hex digits of the BLAKE3 digest of the point's inputs: its folder in \
             points/.",
        ),
        of(
            "<varied key>",
            Kind::Text,
            "A column for each key that the grid varies, by the key's name: its value here.",
        ),
        of("load_tps", Kind::Number, "Load that the point was given; empty where the world decides on it."),
        of(
            "replicate",
            Kind::Number,
            "Which of the cell's replicates it is, from 0 on; they differ in their seeds alone.",
        ),
        of("seed", Kind::Number, "The seed."),
        of("digest", Kind::Text, "BLAKE3 over the virtual-time outcome: equal digests are equal outcomes."),
        of("offered_tps", Kind::Number, "Submitted by hospitals in the window with good signatures, over its length."),
        of("throughput_tps", Kind::Number, "First committed in the window, over its length."),
        of(
            "goodput_tps",
            Kind::Number,
            "Submitted in the window and in effect once, with a receipt within the deadline, over \
             its length.",
        ),
    ];
    for definition in Definition::ALL {
        for (quantile, meaning) in [("p50", "Median"), ("p90", "90th percentile"), ("p99", "99th percentile")] {
            let name = format!("{}_{quantile}_ms", definition.name());
            terms.push(of(&name, Kind::Number, &format!("{meaning} {}; empty where there is none.", ends(definition))));
        }
    }
    terms.push(of(
        "messages_per_tx",
        Kind::Number,
        "Copies of messages that left a NIC in the window, hospitals' included, over \
             transactions committed in it.",
    ));
    terms.push(of("bytes_per_tx", Kind::Number, "Their bytes, over the same."));
    terms.extend(limits());
    terms
}

/// The columns of `points.csv` that say what limits a point.
fn limits() -> Vec<Term> {
    let of = |name: &str, kind, meaning: &str| column("points.csv", name, kind, meaning);
    let mut terms = Vec::new();
    let mut resources = Resource::ALL.map(Resource::name);
    resources.sort_unstable();
    for resource in resources {
        let meaning = format!(
            "Of {resource}: capacity used in the window at the busiest node; empty where it is \
             not measured."
        );
        terms.push(of(&format!("{resource}_max_percent"), Kind::Number, &meaning));
    }
    terms.extend([
        of(
            "binding_resource",
            Kind::Text,
            "The class whose telling node (busiest replica; of hospitals the 99th percentile) is \
             nearest to its capacity, from 80 % on; `none` below.",
        ),
        of("slo_met", Kind::Flag, "Whether every threshold of the scenario held."),
        of(
            "rejected_total",
            Kind::Number,
            "Transactions refused over the whole run, for whatever reason, before they took \
             effect.",
        ),
        of(
            "contracts_refused_total",
            Kind::Number,
            "Calls in effect that a contract refused; empty where no contracts run.",
        ),
    ]);
    terms
}

fn ends(definition: Definition) -> &'static str {
    match definition {
        Definition::SubmitToCommit => "from the intended arrival at the hospital to the earliest commit at any replica",
        Definition::SubmitToGateway => "from the intended arrival at the hospital to the commit at its own gateway",
        Definition::SubmitToReply => "from the intended arrival at the hospital to the receipt back there",
        Definition::SubmitToVisible => "from the intended arrival at the hospital to the execution at the last replica",
    }
}

fn series() -> Vec<Term> {
    let of = |name: &str, meaning: &str| column("series.csv", name, Kind::Number, meaning);
    vec![
        of(
            "time_s",
            "Beginning of the interval, in virtual time from the run's start; intervals are 0.5 s \
             long.",
        ),
        of("offered_tps", "Submitted in the interval, attackers' included, over its length."),
        of("throughput_tps", "First committed in the interval, over its length."),
        of("rejected_tps", "Refused in the interval, over its length."),
        of(
            "reply_p50_ms",
            "Median from the intended arrival to the receipt, of receipts that came in the \
             interval; empty without any.",
        ),
        of("reply_p99_ms", "99th percentile of the same."),
    ]
}

/// The terms of a type, by its documentation.
fn documented<T: schemars::JsonSchema>(file: &'static str) -> Vec<Term> {
    let schema = SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<T>().to_value();
    let mut terms = Vec::new();
    Walk { file, root: &schema, terms: &mut terms }.object(&schema, "", None);
    terms
}

/// A walk through a type's schema.
struct Walk<'a> {
    file: &'static str,
    root: &'a Value,
    terms: &'a mut Vec<Term>,
}

impl<'a> Walk<'a> {
    /// The properties of an object below a path whose name says a unit, or not.
    fn object(&mut self, schema: &'a Value, path: &str, said: Option<&'static str>) {
        let properties = schema["properties"].as_object();
        // Of what is always there the schema keeps the type's order, in which one meaning may refer to another.
        let always: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let place = |key: &str| always.iter().position(|one| *one == key).unwrap_or(always.len());
        let mut properties: Vec<(&String, &Value)> = properties.into_iter().flatten().collect();
        properties.sort_by_key(|(key, _)| place(key));
        for (key, value) in properties {
            let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // Of latencies in ms all are, but their count.
            let said = if key == "count" { None } else { unit(key).or(said) };
            self.value(value, &name, said, value["description"].as_str().unwrap_or_default());
        }
    }

    fn value(&mut self, schema: &'a Value, name: &str, said: Option<&'static str>, meaning: &str) {
        let (schema, is_quantiles) = self.resolved(schema);
        if is_quantiles {
            return self.push(&format!("{name}.<latency>"), Kind::Number, "ms", meaning);
        }
        if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
            return self.value(inner, &format!("{name}.<{}>", each(name)), said, meaning);
        }
        if schema.get("properties").is_some() {
            self.push(name, Kind::Group, "", meaning);
            return self.object(schema, name, said);
        }
        if let Some(items) = schema.get("items") {
            return self.value(items, &format!("{name}[]"), said, meaning);
        }
        let kind = kind(schema);
        let unit = if kind == Kind::Number { said.unwrap_or("1") } else { "" };
        self.push(name, kind, unit, meaning);
    }

    /// Adds a term. Links of the documentation are names.
    fn push(&mut self, name: &str, kind: Kind, unit: &str, meaning: &str) {
        let meaning = meaning.replace("[`", "`").replace("`]", "`").replace('|', "or");
        let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
        self.terms.push(Term { file: self.file, name: name.into(), unit: unit.into(), kind, meaning });
    }

    /// What a reference stands for, and of an option what it is where there is one; whether these are quantiles.
    fn resolved(&self, schema: &'a Value) -> (&'a Value, bool) {
        if let Some(target) = schema["$ref"].as_str() {
            let name = target.rsplit('/').next().unwrap_or_default();
            let (schema, _) = self.resolved(&self.root["$defs"][name]);
            return (schema, name == QUANTILES);
        }
        let some = schema["anyOf"].as_array().and_then(|options| options.iter().find(|one| one["type"] != "null"));
        some.map_or((schema, false), |one| self.resolved(one))
    }
}

/// What the keys of a map are, by the map's name.
fn each(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "latency_ms" => "definition",
        "latency_by_region_ms" | "service_by_region" => "region",
        "<region>" => "definition",
        "service_by_class" => "class",
        "utilisation" => "resource",
        "rejected" | "refused" => "reason",
        "verdict" => "judge",
        "shards" => "shard",
        "planted" => "attack",
        "felt" => "decision",
        "looks_by_region" => "region",
        "balances" => "party",
        "modelled_metros" => "metro",
        "kinds" => "kind",
        _ => "name",
    }
}

fn kind(schema: &Value) -> Kind {
    let is = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    };
    match (is("boolean"), is("number") || is("integer")) {
        (true, _) => Kind::Flag,
        (_, true) => Kind::Number,
        _ => Kind::Text,
    }
}
