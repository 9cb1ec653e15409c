//! The grid of a sweep: variations × loads × replicates.
//!
//! The order is that of written loops: the first variation is the outermost loop, then the next ones, then loads, and
//! replicates are the innermost. Variations are those of `[sweep]` in the alphabet's order, then those that only the
//! command line has, in its order.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::scenario::{PRICES_KEY, SweepKeys, SweepLoads, SweepValue};

/// The key that loads set.
pub const LOAD_KEY: &str = "world.load_tps";
/// More points than anybody waits for: each is a run.
const MOST_POINTS: u64 = 100_000;
/// Points of one range of loads.
const MOST_LOADS: usize = 1_000;

/// Why something is no grid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GridError {
    /// It is no `key=value,value`.
    #[error("`{0}` is no variation; write key=value,value such as consensus.replicas=4,16")]
    NoVariation(String),
    /// It is no list or range of loads.
    #[error("`{0}` is no load; write a range such as 1k..200k/10, or a list such as 1k,5k,2M")]
    NoLoad(String),
    /// The range holds loads that are the same when rounded.
    #[error("`{0}` has the same load twice when rounded to 3 digits; ask for fewer")]
    TooFine(String),
    /// A key or value is there twice.
    #[error("`{0}` is varied twice")]
    Twice(String),
    /// The key cannot be varied.
    #[error("`{key}` cannot be varied: {why}")]
    Fixed {
        /// Which key.
        key: String,
        /// What to do instead.
        why: &'static str,
    },
    /// Nobody can run that.
    #[error("{0} is not between 1 and {MOST_POINTS}, the most points of one sweep")]
    Size(u64),
}

/// A key and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variation {
    /// The dotted key.
    pub key: String,
    /// Its values, each as `--set` takes it.
    pub values: Vec<String>,
}

impl FromStr for Variation {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Variation, GridError> {
        let wrong = || GridError::NoVariation(text.into());
        let (key, values) = text.split_once('=').ok_or_else(wrong)?;
        let (key, values) = (key.trim().to_string(), split(values));
        if key.is_empty() || values.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Variation { key, values })
    }
}

/// Cuts at commas that are in no brackets or quotes.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_usize, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        parts.last_mut().expect("there is always one").push(c);
    }
    parts.iter().map(|part| part.trim().to_string()).collect()
}

/// Offered loads, transactions/s.
#[derive(Clone, Debug, PartialEq)]
pub struct Loads(pub Vec<f64>);

impl FromStr for Loads {
    type Err = GridError;

    /// `A..B/N`: N loads from A to B, evenly spaced on a logarithmic scale, those between rounded to 3 significant
    /// digits; or a list. `k` and `M` are thousands and millions.
    fn from_str(text: &str) -> Result<Loads, GridError> {
        let wrong = || GridError::NoLoad(text.into());
        let loads = match text.split_once("..") {
            None => text.split(',').map(load).collect::<Option<Vec<f64>>>().ok_or_else(wrong)?,
            Some((from, rest)) => {
                let (to, count) = rest.split_once('/').ok_or_else(wrong)?;
                let count: usize = count.trim().parse().map_err(|_| wrong())?;
                let (from, to) = (load(from).ok_or_else(wrong)?, load(to).ok_or_else(wrong)?);
                if from >= to || !(2..=MOST_LOADS).contains(&count) {
                    return Err(wrong());
                }
                let loads = spaced(from, to, count);
                if loads.windows(2).any(|pair| pair[0] >= pair[1]) {
                    return Err(GridError::TooFine(text.into()));
                }
                loads
            }
        };
        Ok(Loads(loads))
    }
}

fn load(text: &str) -> Option<f64> {
    let text = text.trim();
    // `1.001k` is the number nearest to 1001: a product of two numbers would be rounded once more.
    let (digits, plain_number) = match (text.strip_suffix('k'), text.strip_suffix('M')) {
        (Some(digits), _) => (digits, format!("{digits}e3")),
        (_, Some(digits)) => (digits, format!("{digits}e6")),
        _ => (text, text.to_string()),
    };
    // `inf` and `nan` are numbers to the parser, and no loads.
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let value = plain_number.parse::<f64>().ok().filter(|value| plain && *value > 0.0)?;
    value.is_finite().then_some(value)
}

fn spaced(from: f64, to: f64, count: usize) -> Vec<f64> {
    let step = libm::log(to / from) / (count - 1) as f64;
    let between = (1..count - 1).map(|nth| rounded(from * libm::exp(step * nth as f64)));
    std::iter::once(from).chain(between).chain(std::iter::once(to)).collect()
}

/// To 3 significant digits.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("what was written as a number is one")
}

/// What is asked for beside the scenario; what is given here goes before `[sweep]`, key by key.
#[derive(Clone, Debug, Default)]
pub struct GridRequest {
    /// Variations.
    pub vary: Vec<Variation>,
    /// Loads.
    pub loads: Option<Loads>,
    /// Runs of each point.
    pub replicates: Option<u32>,
}

/// A grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Outermost first.
    pub vary: Vec<Variation>,
    /// Transactions/s; without any, the scenario's own.
    pub load_tps: Vec<f64>,
    /// Runs of each cell, under seeds one after the other.
    pub replicates: u32,
}

impl Grid {
    /// The grid of `[sweep]` under what the command line says.
    pub fn new(keys: &SweepKeys, request: &GridRequest) -> Result<Grid, GridError> {
        let of_file = |(key, values): (&String, &Vec<_>)| Variation {
            key: key.trim().into(),
            values: values.iter().map(SweepValue::setting).collect(),
        };
        let mut vary: Vec<Variation> = keys.vary.iter().map(of_file).collect();
        for (nth, asked) in request.vary.iter().enumerate() {
            if request.vary[..nth].iter().any(|other| other.key == asked.key) {
                return Err(GridError::Twice(asked.key.clone()));
            }
            match vary.iter_mut().find(|known| known.key == asked.key) {
                Some(known) => known.values.clone_from(&asked.values),
                None => vary.push(asked.clone()),
            }
        }
        let load_tps = match (&request.loads, &keys.load_tps) {
            (Some(asked), _) => asked.0.clone(),
            (None, Some(SweepLoads::List(loads))) => loads.clone(),
            (None, Some(SweepLoads::Text(text))) => text.parse::<Loads>()?.0,
            (None, None) => Vec::new(),
        };
        let grid = Grid { vary, load_tps, replicates: request.replicates.unwrap_or(keys.replicates) };
        grid.validate()?;
        Ok(grid)
    }

    fn validate(&self) -> Result<(), GridError> {
        for Variation { key, values } in &self.vary {
            let fixed = |why| Err(GridError::Fixed { key: key.clone(), why });
            if key == LOAD_KEY && !self.load_tps.is_empty() {
                return fixed("--load sets it");
            }
            let is_of =
                |table: &str| key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if is_of("sweep") || is_of(PRICES_KEY) {
                return fixed("it is no part of a point");
            }
            if values.is_empty() {
                return fixed("it is given no value");
            }
            if let Some((_, value)) = values.iter().enumerate().find(|(nth, value)| values[..*nth].contains(value)) {
                return Err(GridError::Twice(format!("{key}={value}")));
            }
        }
        let loads = self.load_tps.iter().enumerate();
        if let Some((_, load)) = loads.clone().find(|(nth, load)| self.load_tps[..*nth].contains(load)) {
            return Err(GridError::Twice(format!("{LOAD_KEY}={load}")));
        }
        let factors = self.vary.iter().map(|variation| variation.values.len() as u64);
        let factors = factors.chain([self.load_tps.len().max(1) as u64, self.replicates.into()]);
        let points = factors.fold(1_u64, u64::saturating_mul);
        if (1..=MOST_POINTS).contains(&points) { Ok(()) } else { Err(GridError::Size(points)) }
    }

    /// Number of cells: combinations of values and load.
    pub fn cells(&self) -> usize {
        self.vary.iter().map(|variation| variation.values.len()).product::<usize>() * self.load_tps.len().max(1)
    }

    /// Keys and values of what is varied in a cell, without its load.
    pub fn varied(&self, nth: usize) -> Vec<(String, String)> {
        let mut cell = self.cell(nth);
        cell.truncate(self.vary.len());
        cell
    }

    /// Keys and values of a cell, the load last.
    pub fn cell(&self, nth: usize) -> Vec<(String, String)> {
        let mut rest = nth;
        let mut digit = |base: usize| {
            let digit = rest % base;
            rest /= base;
            digit
        };
        let load = (!self.load_tps.is_empty()).then(|| self.load_tps[digit(self.load_tps.len())]);
        let pick =
            |variation: &Variation| (variation.key.clone(), variation.values[digit(variation.values.len())].clone());
        let mut cell: Vec<(String, String)> = self.vary.iter().rev().map(pick).collect();
        cell.reverse();
        cell.extend(load.map(|load| (LOAD_KEY.to_string(), load.to_string())));
        cell
    }
}

#[cfg(test)]
mod tests;
