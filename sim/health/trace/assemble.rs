//! Lines → a trace: what a line takes from others, numbers for patients and providers, and the order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{Flaw, Malformed, Moment, Name, Parsed, Trace, TraceCounts, TraceEntry, epcis, fhir, parse};

/// Malformed lines that are kept to be shown.
const SHOWN: usize = 5;

/// A line that is a transaction.
struct Line {
    parsed: Parsed,
    file: u32,
    number: u64,
    text: Range<usize>,
}

/// Takes files in the order of their names and makes a trace of them.
pub struct TraceBuilder {
    kinds: BTreeMap<&'static str, u8>,
    names: Vec<String>,
    files: Vec<Arc<[u8]>>,
    lines: Vec<Line>,
    counts: TraceCounts,
    malformed: Vec<Malformed>,
}

/// What lines take from others.
#[derive(Default)]
struct Others {
    /// Organisations of encounters.
    provider: BTreeMap<Name, Name>,
    /// Times of encounters, and of what is named by something with a time.
    time: BTreeMap<Name, Moment>,
    /// The first provider of each patient that made a record.
    keeper: BTreeMap<Name, Name>,
}

/// Numbers in the order in which names are first asked for.
#[derive(Default)]
struct Numbers(BTreeMap<Name, u32>);

impl Numbers {
    fn of(&mut self, name: Name) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(name).or_insert(next)
    }
}

impl TraceBuilder {
    /// For a taxonomy with these kinds; where it lacks one that lines may become, that kind's name.
    pub fn new<'k>(taxonomy: impl Iterator<Item = &'k str> + Clone) -> Result<TraceBuilder, &'static str> {
        let index = |kind: &'static str| {
            let index = taxonomy.clone().position(|known| known == kind).ok_or(kind)?;
            Ok((kind, u8::try_from(index).map_err(|_| kind)?))
        };
        let kinds: Result<_, &'static str> = fhir::kinds().chain(epcis::kinds()).map(index).collect();
        let (names, files, lines, malformed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(TraceBuilder { kinds: kinds?, names, files, lines, counts: TraceCounts::default(), malformed })
    }

    /// Reads a file's lines; blank ones are none.
    pub fn add(&mut self, name: String, bytes: Arc<[u8]>) {
        let file = self.files.len() as u32;
        let mut begin = 0;
        for (number, line) in (1u64..).zip(bytes.split(|&byte| byte == b'\n')) {
            let text = begin..begin + line.strip_suffix(b"\r").unwrap_or(line).len();
            begin += line.len() + 1;
            if bytes[text.clone()].iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(&bytes[text.clone()]) {
                Ok(Some(parsed)) => self.lines.push(Line { parsed, file, number, text }),
                Ok(None) => self.counts.reference += 1,
                Err(flaw) => self.reject(&name, number, flaw),
            }
        }
        self.names.push(name);
        self.files.push(bytes);
    }

    fn reject(&mut self, file: &str, line: u64, flaw: Flaw) {
        self.counts.malformed += 1;
        let after = |one: &Malformed| (one.file.as_str(), one.line) <= (file, line);
        let place = self.malformed.partition_point(after);
        self.malformed.insert(place, Malformed { file: file.into(), line, flaw });
        self.malformed.truncate(SHOWN);
    }

    /// The trace of all files.
    pub fn finish(mut self) -> Trace {
        let mut others = self.others();
        let mut dated = Vec::with_capacity(self.lines.len());
        for line in std::mem::take(&mut self.lines) {
            match others.time_of(&line.parsed) {
                Some(at) => dated.push((at, line)),
                None => {
                    let name = self.names[line.file as usize].clone();
                    self.reject(&name, line.number, Flaw::NoTime(line.parsed.resource));
                }
            }
        }
        dated.sort_by_key(|(at, line)| (*at, line.file, line.number));
        let (mut patients, mut providers) = (Numbers::default(), Numbers::default());
        let entry = |(at, Line { parsed, file, text, .. }): (Moment, Line)| {
            let (provider, keeper) = others.hospitals(&parsed);
            TraceEntry {
                at,
                kind: self.kinds[parsed.kind],
                purpose: parsed.purpose,
                category: parsed.category,
                patient: parsed.patient.map(|patient| patients.of(patient)),
                provider: providers.of(provider),
                keeper: providers.of(keeper),
                grantee: parsed.grantee.map(|grantee| providers.of(grantee)),
                case: parsed.case,
                file,
                text,
            }
        };
        let entries = dated.into_iter().map(entry).collect();
        let (patients, providers) = (patients.0.len() as u32, providers.0.len() as u32);
        Trace { files: self.files, entries, patients, providers, counts: self.counts, malformed: self.malformed }
    }

    fn others(&self) -> Others {
        let mut others = Others::default();
        for Line { parsed, .. } in &self.lines {
            let is_encounter = parsed.encounter == Some(parsed.id);
            if let Some(provider) = parsed.provider.filter(|_| is_encounter) {
                others.provider.insert(parsed.id, provider);
            }
            let Some(at) = parsed.at else { continue };
            for &name in parsed.dates.iter().chain(is_encounter.then_some(&parsed.id)) {
                let earliest = others.time.entry(name).or_insert(at);
                *earliest = at.min(*earliest);
            }
        }
        others
    }
}

impl Others {
    /// A line's own time, or that of what names it, or of its encounter.
    fn time_of(&self, parsed: &Parsed) -> Option<Moment> {
        let known = |name: &Name| self.time.get(name).copied();
        parsed.at.or_else(|| known(&parsed.id)).or_else(|| parsed.encounter.as_ref().and_then(known))
    }

    /// Who signs, and who keeps the patient's records. Asked for in order of time: whoever makes the first record of a
    /// patient keeps what others look at.
    fn hospitals(&mut self, parsed: &Parsed) -> (Name, Name) {
        let of_encounter = parsed.encounter.and_then(|encounter| self.provider.get(&encounter).copied());
        let kept = parsed.patient.and_then(|patient| self.keeper.get(&patient).copied());
        let named = parsed.provider.or(of_encounter).or(kept).or(parsed.person);
        // Somebody signs it: where nobody is named, whoever it is about stands for who that is.
        let provider = named.or(parsed.patient).unwrap_or(parsed.case);
        if parsed.kind.starts_with("access.") {
            return (provider, kept.unwrap_or(provider));
        }
        if let Some(patient) = parsed.patient {
            self.keeper.entry(patient).or_insert(provider);
        }
        (provider, provider)
    }
}
