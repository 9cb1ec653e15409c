//! Looking into JSON of unknown shape: what is not there, or is of another type, is none.

use std::fmt;

use serde_json::Value;

use crate::base::Digest;

use super::{Flaw, Moment};

/// What refers to a thing, as 64 bits of its digest: among a billion things two have the same with a chance of 3 %.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u64);

impl Name {
    /// The name behind a reference. A server's address and a version say where a copy is, not what it is of:
    /// `https://host/fhir/Patient/1/_history/2` and `Patient/1` are the same.
    pub fn of(reference: &str) -> Name {
        let unversioned = reference.split("/_history").next().unwrap_or(reference);
        let mut ends = unversioned.rmatch_indices('/').map(|(at, _)| at + 1);
        let begin = match (ends.next(), ends.next()) {
            (Some(_), Some(type_begins)) if !reference.starts_with("urn:") => type_begins,
            _ => 0,
        };
        Name(Digest::of(&unversioned.as_bytes()[begin..]).first_word())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The value at a path of keys, and of the first item of each list on the way: `period.start`, `item.encounter`.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let step = |value: &'v Value, key| first(first(value)?.get(key)?);
    path.split('.').try_fold(value, step)
}

/// The first item of a list, or what is no list.
fn first(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.first(),
        other => Some(other),
    }
}

/// All items of a list, or the one thing that is no list.
pub(super) fn all<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    match value.get(key) {
        Some(Value::Array(items)) => items,
        Some(other) => std::slice::from_ref(other),
        None => &[],
    }
}

/// The text at a path.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// What the reference at a path names: by address, or else by identifier.
pub(super) fn named(value: &Value, path: &str) -> Option<Name> {
    let to = at(value, path)?;
    let by_address = text(to, "reference").filter(|address| !address.starts_with('#'));
    by_address.or_else(|| text(to, "identifier.value")).map(Name::of)
}

/// What the first of several references names.
pub(super) fn first_named(value: &Value, paths: &[&str]) -> Option<Name> {
    paths.iter().find_map(|path| named(value, path))
}

/// The first time that is given.
pub(super) fn first_time(value: &Value, paths: &[&str]) -> Result<Option<Moment>, Flaw> {
    let Some((field, value)) = paths.iter().find_map(|path| Some((path, text(value, path)?))) else { return Ok(None) };
    let bad = || Flaw::BadTime { field: field.to_string(), value: value.chars().take(40).collect() };
    Moment::parse(value).map(Some).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_is_referred_to_not_where() {
        let plain = Name::of("Patient/1");
        for alike in ["Patient/1/_history/7", "https://ehr.example/fhir/Patient/1", "http://a/b/c/Patient/1/_history/2"]
        {
            assert_eq!(Name::of(alike), plain, "{alike}");
        }
        for other in ["Patient/2", "Group/1", "urn:uuid:Patient/1", "1", ""] {
            assert_ne!(Name::of(other), plain, "{other}");
        }
    }

    #[test]
    fn paths_go_through_the_first_items_of_lists() {
        let value = serde_json::json!({"item": [{"encounter": [{"reference": "Encounter/9"}]}, {}], "empty": []});
        assert_eq!(named(&value, "item.encounter"), Some(Name::of("Encounter/9")));
        assert_eq!(at(&value, "empty.encounter"), None);
        assert_eq!(at(&value, "item.encounter.reference.deeper"), None);
    }
}
