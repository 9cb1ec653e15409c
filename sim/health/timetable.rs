//! When each entry of a trace is submitted: its own times kept, compressed, or drawn anew by the hour.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::kernel::draw::{Alias, Site, below, draw};

use super::script::STEP;
use super::trace::{DAY_US, Moment, Trace, TraceEntry};

/// What becomes of a trace's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceTimes {
    /// The whole trace is scaled into the time in which hospitals submit; gaps keep their proportions.
    #[default]
    Compressed,
    /// The first entry is submitted at the beginning, the others as long after it as they were. What comes after
    /// hospitals stop is not replayed.
    Kept,
    /// Entries keep their day and their order within it; times of day are drawn by their class's hours, on the trace's
    /// own clock. Then as `compressed`.
    Diurnal,
}

/// How a trace is replayed.
#[derive(Clone, Copy, Debug)]
pub struct TraceSettings<'a> {
    /// The run's seed.
    pub seed: u64,
    /// What becomes of times.
    pub times: TraceTimes,
    /// How often it is replayed, each time by other patients and hospitals.
    pub copies: u32,
    /// When hospitals stop submitting.
    pub until: Time,
    /// For each kind its factor at each hour of the day.
    pub hours: &'a [[f64; 24]],
}

/// One entry of one copy of a trace, to be submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Time,
    /// Which copy.
    pub copy: u32,
    /// Which entry.
    pub entry: u32,
}

/// A trace and when its entries are submitted. Memory: 16 bytes for each entry of each copy, beside the trace.
#[derive(Debug)]
pub struct Timetable {
    /// The trace.
    pub trace: Arc<Trace>,
    /// Its entries by time, then copy, then their order in the trace.
    pub due: Vec<Due>,
    /// Entries that hospitals stop before.
    pub not_replayed: u64,
}

/// Copies begin one after another within this part of the time in which hospitals submit, so that a sample's bursts do
/// not all come at once.
const STAGGER: u64 = 16;
/// Resolution at which factors of hours become integer weights.
const WEIGHT_UNIT: f64 = 1e6;

impl Timetable {
    /// Of a trace.
    pub fn new(trace: Arc<Trace>, settings: &TraceSettings<'_>) -> Timetable {
        let since = match settings.times {
            TraceTimes::Compressed | TraceTimes::Kept => since_first(trace.entries.iter().map(|entry| entry.at)),
            TraceTimes::Diurnal => since_first(by_the_hour(&trace, settings).into_iter()),
        };
        let until = settings.until.0;
        let begin = |copy: u32| until / STAGGER * u64::from(copy) / u64::from(settings.copies);
        // Later stages end in time, too.
        let stages = trace.entries.iter().map(|entry| u64::from(entry.stage)).max().unwrap_or(0);
        let last = begin(settings.copies.saturating_sub(1)) + stages * STEP.0;
        let room = until.saturating_sub(1 + last);
        let longest = since.last().copied().unwrap_or(0).max(1);
        let at = |since_us: u64| match settings.times {
            TraceTimes::Kept => u128::from(since_us) * 1_000,
            TraceTimes::Compressed | TraceTimes::Diurnal => {
                u128::from(since_us) * u128::from(room) / u128::from(longest)
            }
        };
        let mut due = Vec::new();
        for copy in 0..settings.copies {
            let begin = u128::from(begin(copy));
            let staged = |(entry, &since_us): (&TraceEntry, &u64)| {
                begin + at(since_us) + u128::from(u64::from(entry.stage) * STEP.0)
            };
            let times = (0u32..).zip(trace.entries.iter().zip(&since).map(staged));
            let in_time = times.filter(|&(_, at)| at < u128::from(until));
            due.extend(in_time.map(|(entry, at)| Due { at: Time(at as u64), copy, entry }));
        }
        due.sort_unstable();
        let not_replayed = trace.entries.len() as u64 * u64::from(settings.copies) - due.len() as u64;
        Timetable { trace, due, not_replayed }
    }
}

/// How long after the first each is, µs.
fn since_first(times: impl Iterator<Item = Moment> + Clone) -> Vec<u64> {
    let first = times.clone().next().unwrap_or(Moment(0));
    times.map(|at| at.0.abs_diff(first.0)).collect()
}

/// A time of day for each line by the hours of its kind, which its entries share; within a day the earlier goes to the
/// line that came earlier.
fn by_the_hour(trace: &Trace, settings: &TraceSettings<'_>) -> Vec<Moment> {
    let weights = |hours: &[f64; 24]| hours.map(|factor| (factor * WEIGHT_UNIT) as u64);
    let hours: Vec<Alias> = settings.hours.iter().map(|hours| Alias::new(&weights(hours))).collect();
    let mut times = Vec::with_capacity(trace.entries.len());
    let mut nth = 0;
    for day in trace.entries.chunk_by(|a, b| a.at.day() == b.at.day()) {
        let mut drawn = Vec::new();
        for line in day.chunk_by(TraceEntry::is_of_line) {
            let bits = |which| draw(settings.seed, Site::Replay, nth, which, 0);
            let hour = hours[usize::from(line[0].kind)].choose(bits(0)) as u64;
            let within = below(DAY_US as u64 / 24, bits(1));
            drawn.push(Moment(line[0].at.day() * DAY_US + (hour * (DAY_US as u64 / 24) + within) as i64));
            nth += 1;
        }
        drawn.sort_unstable();
        let lines = day.chunk_by(TraceEntry::is_of_line).zip(drawn);
        times.extend(lines.flat_map(|(line, at)| std::iter::repeat_n(at, line.len())));
    }
    times
}
