//! Latency histograms from an HdrHistogram V2 interval log.

use std::collections::BTreeMap;
use std::path::Path;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use crate::metrics::Definition;

use super::error::ReportError;
use super::input::read;

/// A histogram in microseconds for each tag: a definition, or a definition and a region.
pub(super) type Latencies = BTreeMap<String, Histogram<u64>>;

/// How tags of submit→reply by region begin.
pub(super) fn region_prefix() -> String {
    format!("{}.", Definition::SubmitToReply.name())
}

/// Reads the log of a run at `path`: every definition is there, and what else is `wanted`.
pub(super) fn complete(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Latencies, ReportError> {
    let defined = |tag: &str| Definition::ALL.iter().any(|known| known.name() == tag);
    let tags = histograms(path, |tag| defined(tag) || wanted(tag))?;
    match Definition::ALL.iter().find(|definition| !tags.contains_key(definition.name())) {
        Some(absent) => Err(ReportError::invalid(path, format!("no histogram is tagged `{}`", absent.name()))),
        None => Ok(tags),
    }
}

/// Reads the log at `path`, of tags that are wanted. Intervals of one tag are merged.
pub(super) fn histograms(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Latencies, ReportError> {
    let bytes = read(path)?;
    let mut deserializer = Deserializer::new();
    let mut tags = Latencies::new();
    for (index, entry) in IntervalLogIterator::new(&bytes).enumerate() {
        let bad = |what: String| ReportError::invalid(path, format!("entry {}: {what}", index + 1));
        let LogEntry::Interval(interval) = entry.map_err(|error| bad(format!("no interval log: {error:?}")))? else {
            continue;
        };
        let tag = interval.tag().ok_or_else(|| bad("an interval without a tag".into()))?.as_str().to_string();
        if !wanted(&tag) {
            continue;
        }
        let encoded =
            base64(interval.encoded_histogram().as_bytes()).ok_or_else(|| bad(format!("`{tag}` is no base64")))?;
        let mut histogram: Histogram<u64> = deserializer
            .deserialize(&mut encoded.as_slice())
            .map_err(|error| bad(format!("`{tag}` is no histogram: {error}")))?;
        // What is read is as wide as what was recorded; what is merged into it may be wider.
        histogram.auto(true);
        add_one(&mut tags, tag, histogram).map_err(bad)?;
    }
    Ok(tags)
}

/// Adds the latencies that were read from `path` to those of other runs.
pub(super) fn add(sums: &mut Latencies, more: Latencies, path: &Path) -> Result<(), ReportError> {
    let wrong = |what| ReportError::invalid(path, what);
    more.into_iter().try_for_each(|(tag, histogram)| add_one(sums, tag, histogram)).map_err(wrong)
}

fn add_one(sums: &mut Latencies, tag: String, histogram: Histogram<u64>) -> Result<(), String> {
    match sums.get_mut(&tag) {
        Some(sum) => sum.add(histogram).map_err(|error| format!("`{tag}` does not merge: {error}")),
        None => {
            sums.insert(tag, histogram);
            Ok(())
        }
    }
}

/// Decodes padded base64 of the standard alphabet; `None` where it is none.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let sextet = |character: u8| match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let data = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in data.chunks(4) {
        let mut word = 0u32;
        for &character in group {
            word = word << 6 | u32::from(sextet(character)?);
        }
        word <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&word.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// RFC 4648, section 10.
    #[test]
    fn base64_vectors() {
        let vectors = [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")];
        for (text, bytes) in vectors {
            assert_eq!(base64(text.as_bytes()), Some(bytes.as_bytes().to_vec()));
        }
        assert_eq!(base64(b"/+8="), Some(vec![0xff, 0xef]));
        for bad in ["Zg", "Zg=", "Z!==", "=Zg="] {
            assert_eq!(base64(bad.as_bytes()), None, "{bad}");
        }
    }
}
