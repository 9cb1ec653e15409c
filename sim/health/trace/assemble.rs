//! Lines → a trace: what a line takes from others, numbers for patients and providers, and the order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::health::Verb;

use super::custody::{self, Custody};
use super::fhir::ADJUDICATE;
use super::{About, Flaw, Malformed, Moment, Name, Parsed, Trace, TraceCounts, TraceEntry, epcis, fhir, parse};

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
    /// Who submitted each claim: what is answered is about that hospital's patient.
    submitted: BTreeMap<Name, Name>,
}

/// Numbers in the order in which names are first asked for.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<Name, u32>);

impl Numbers {
    /// How many names there are.
    pub fn count(&self) -> u32 {
        self.0.len() as u32
    }

    pub fn of(&mut self, name: Name) -> u32 {
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
        let others = self.others();
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
        self.counts.told = dated.len() as u64;
        let mut cast = Cast { others, ..Cast::default() };
        for (_, line) in &dated {
            for step in &line.parsed.steps {
                step.goods.iter().for_each(|goods| cast.custody.foresee(Verb::of(step.kind), goods));
            }
        }
        let mut entries = Vec::with_capacity(dated.len());
        for (at, Line { parsed, file, text, .. }) in dated {
            let Parsed { purpose, category, case, .. } = parsed;
            let (provider, keeper) = cast.hospitals(&parsed);
            for step in &parsed.steps {
                let (kind, text) = (self.kinds[step.kind], text.clone());
                let about = match &step.goods {
                    Some(goods) => {
                        let to = parsed.to.map(|to| cast.providers.of(to));
                        cast.custody.follow(Verb::of(step.kind), goods, provider, to)
                    }
                    None => cast.person(&parsed, keeper),
                };
                let stage = u8::from(step.kind == ADJUDICATE && parsed.steps.len() > 1);
                entries.push(TraceEntry { at, kind, purpose, category, provider, stage, about, case, file, text });
            }
        }
        let (things, lots) = cast.custody.finish();
        let verbs: BTreeMap<u8, Verb> = self.kinds.iter().map(|(name, &kind)| (kind, Verb::of(name))).collect();
        custody::settle(&mut entries, &things, |entry| verbs[&entry.kind]);
        let (patients, providers) = (cast.patients.count(), cast.providers.count());
        let TraceBuilder { files, counts, malformed, .. } = self;
        Trace { files, entries, patients, providers, things, lots, counts, malformed }
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
}

/// Everyone and everything of a trace, by number.
#[derive(Default)]
struct Cast {
    others: Others,
    patients: Numbers,
    providers: Numbers,
    custody: Custody,
}

impl Cast {
    /// Who signs, and who keeps the patient's records. Asked for in order of time: whoever makes the first record of a
    /// patient keeps what others look at, and whoever has a thing signs what happens nowhere.
    fn hospitals(&mut self, parsed: &Parsed) -> (u32, u32) {
        let Cast { others, providers, custody, .. } = self;
        let of_encounter = parsed.encounter.and_then(|encounter| others.provider.get(&encounter).copied());
        let kept = parsed.patient.and_then(|patient| others.keeper.get(&patient).copied());
        let goods = || parsed.steps.iter().filter_map(|step| step.goods);
        let named = parsed.provider.or(of_encounter).or(kept).or(parsed.person);
        if named.is_none()
            && let Some(holder) = goods().find_map(|goods| custody.holder_of(goods.thing))
        {
            return (holder, holder);
        }
        // Somebody signs it: where nobody is named, whoever or whatever it is about stands for who that is.
        let stand_in = parsed.patient.or_else(|| goods().next().map(|goods| goods.thing));
        let provider = named.or(stand_in).unwrap_or(parsed.case);
        let number = providers.of(provider);
        let Some(patient) = parsed.patient else { return (number, number) };
        let kind = parsed.steps[0].kind;
        if kind.starts_with("access.") {
            return (number, providers.of(kept.unwrap_or(provider)));
        }
        others.keeper.entry(patient).or_insert(provider);
        if kind == "claim.submit" {
            others.submitted.entry(parsed.case).or_insert(provider);
        }
        let submitted = others.submitted.get(&parsed.case).copied();
        (number, submitted.map_or(number, |submitter| providers.of(submitter)))
    }

    fn person(&mut self, parsed: &Parsed, keeper: u32) -> About {
        let Some(patient) = parsed.patient else { return About::Nobody };
        let (patient, grantee) = (self.patients.of(patient), parsed.grantee.map(|grantee| self.providers.of(grantee)));
        About::Patient { patient, keeper, grantee }
    }
}
