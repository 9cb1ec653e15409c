//! Parsing with places: text → what is written in it, `--set` overrides, and `did you mean`.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml_edit::{Document, DocumentMut, Item, TableLike};

use super::ScenarioError;

/// Names at most this many edits apart are taken for misspellings, if that is at most a third of the name.
const MOST_EDITS: usize = 3;

/// The text of a scenario, for errors that name a place in it.
pub(super) struct Source<'a> {
    /// What the text is called: its path.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// Whether places are lines of the text; where keys are overridden they are none.
    pub has_lines: bool,
}

impl Source<'_> {
    /// `file:line:column` of a byte range.
    pub fn place(&self, span: Option<Range<usize>>) -> String {
        let Some(span) = span.filter(|_| self.has_lines) else { return self.name.to_string() };
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// An error at the value of a dotted key, or at the nearest table around it.
    pub fn error_at(&self, key: &str, what: impl Into<String>) -> ScenarioError {
        ScenarioError::Invalid { place: self.place(self.span_of(key)), what: what.into(), hint: None }
    }

    /// Where the value of a dotted key is, or the nearest table around it.
    fn span_of(&self, key: &str) -> Option<Range<usize>> {
        Document::parse(self.text).ok().and_then(|document| span_in(&document, key))
    }

    /// The places of dotted keys.
    pub fn places(&self, keys: &[&str]) -> Vec<String> {
        let document = Document::parse(self.text).ok();
        let span = |key: &&str| document.as_ref().and_then(|document| span_in(document, key));
        keys.iter().map(|key| self.place(span(key))).collect()
    }

    /// The text as TOML.
    pub fn document(&self) -> Result<DocumentMut, ScenarioError> {
        self.text.parse().map_err(|error: toml_edit::TomlError| ScenarioError::Invalid {
            place: self.place(error.span()),
            what: error.message().to_string(),
            hint: None,
        })
    }

    /// Parses the text.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ScenarioError> {
        toml_edit::de::from_str(self.text)
            .map_err(|error: toml_edit::de::Error| explained(&error, self.place(error.span())))
    }
}

fn span_in(document: &Document<&str>, key: &str) -> Option<Range<usize>> {
    let mut table: &dyn TableLike = document.as_table();
    let mut span = None;
    for part in key.split('.') {
        let Some((key, item)) = table.get_key_value(part) else { break };
        span = item.span().or(key.span()).or(span);
        match item.as_table_like() {
            Some(inner) => table = inner,
            None => break,
        }
    }
    span
}

/// What the parser says, in our words, at `place`.
pub(super) fn explained(error: &toml_edit::de::Error, place: String) -> ScenarioError {
    let (what, hint) = explain(error.message());
    ScenarioError::Invalid { place, what, hint }
}

/// Turns the parser's words into ours: names what is unknown and what may have been meant.
fn explain(message: &str) -> (String, Option<String>) {
    let words: Vec<&str> = message.split('`').collect();
    let (Some(kind), Some(unknown)) = (words.first(), words.get(1)) else { return (message.to_string(), None) };
    if !kind.starts_with("unknown") {
        // The parser names Rust's types; a reader of TOML knows numbers.
        let unsigned = ["expected u32", "expected u64", "expected usize"];
        let plain = unsigned
            .iter()
            .fold(message.to_string(), |message, name| message.replace(name, "expected a whole number, 0 or above"));
        return (plain, None);
    }
    let known: Vec<&str> = words.iter().skip(3).step_by(2).copied().collect();
    let what = match *kind {
        "unknown field " => format!("unknown key `{unknown}`"),
        _ => format!("unknown value `{unknown}`"),
    };
    let hint = match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? known here: {}", known.join(", ")),
        None => format!("known here: {}", known.join(", ")),
    };
    (what, Some(hint))
}

/// The known name that an unknown one may be a misspelling of.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let edits = |name: &str| strsim::damerau_levenshtein(name, unknown);
    known.min_by_key(|name| edits(name)).filter(|name| edits(name) <= MOST_EDITS.min(unknown.len() / 3))
}

/// Writes `key=value` into `document`; the value is TOML, or a string where it is none.
pub(super) fn set(document: &mut DocumentMut, setting: &str) -> Result<(), ScenarioError> {
    let invalid = |what: String| ScenarioError::Invalid {
        place: format!("--set {setting}"),
        what,
        hint: Some("write key=value, such as consensus.replicas=16".into()),
    };
    let (key, value) = setting.split_once('=').ok_or_else(|| invalid("this is no key=value".into()))?;
    let value: toml_edit::Value = value.trim().parse().unwrap_or_else(|_| value.trim().into());
    let parts: Vec<&str> = key.trim().split('.').collect();
    let named = parts.split_last().filter(|_| parts.iter().all(|part| !part.is_empty()));
    let (last, tables) = named.ok_or_else(|| invalid("the key is empty, or a part of it is".into()))?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for part in tables {
        let item = table.entry(part).or_insert_with(toml_edit::table);
        let Some(inner) = item.as_table_like_mut() else { return Err(invalid(format!("`{part}` is no table"))) };
        table = inner;
    }
    table.insert(last, Item::Value(value));
    Ok(())
}
