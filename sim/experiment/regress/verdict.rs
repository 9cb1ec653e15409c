//! What the gate says: all that its reports are made from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::experiment::store::{json, place_file};
use crate::experiment::{Build, StoreError};

use super::metrics::Direction;

/// The verdict's file.
pub const VERDICT_FILE: &str = "verdict.json";
/// Version of the file.
const SCHEMA_VERSION: u32 = 1;

/// What became of a figure, a case, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is as blessed, or as near to it as it has to be.
    Equal,
    /// It is better.
    Better,
    /// The baseline does not know it yet.
    New,
    /// It is other than blessed, and neither better nor worse.
    Changed,
    /// It is worse.
    Worse,
}

impl Change {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Change::Equal => "equal",
            Change::Better => "better",
            Change::New => "new",
            Change::Changed => "changed",
            Change::Worse => "worse",
        }
    }

    /// The word for it, and what to do.
    pub fn advice(self) -> &'static str {
        match self {
            Change::Equal => "equal",
            Change::Better => "better; bless it",
            Change::New => "new; bless it",
            Change::Changed => "changed; if that is meant, bless it",
            Change::Worse => "worse; if that is meant, bless it",
        }
    }
}

/// One figure beside what was blessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name, with the unit last where it has one.
    pub name: String,
    /// Its unit, for people.
    pub unit: String,
    /// Which way it is better.
    pub better: Direction,
    /// By how much it may differ, percent: 0 is exact.
    pub tolerance_percent: f64,
    /// What was blessed; nothing where the baseline does not know it.
    pub blessed: Option<f64>,
    /// What was measured; nothing where this build does not know it.
    pub measured: Option<f64>,
    /// From the one to the other, percent; nothing where one is not known, or nought was blessed.
    pub change_percent: Option<f64>,
    /// What became of it.
    pub change: Change,
}

/// Wall time of a case, which fails nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wall {
    /// The fastest run as A, s.
    pub a_s: f64,
    /// The fastest run as A', s.
    pub b_s: f64,
    /// What is between the two, percent: the same code on the same inputs.
    pub noise_percent: f64,
    /// What it took before on such a host with such a build, the median of earlier runs, s; nothing without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_s: Option<f64>,
    /// From there to the faster of A and A', percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<f64>,
    /// Whether that is more than noise: the largest between any A and A', of this run and of the earlier ones, and between
    /// earlier runs of a case.
    #[serde(default)]
    pub beyond_noise: bool,
}

impl Wall {
    /// The faster of A and A', s.
    pub fn fastest_s(&self) -> f64 {
        self.a_s.min(self.b_s)
    }
}

/// A case beside what was blessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseVerdict {
    /// Its name.
    pub name: String,
    /// Its scenario's file.
    pub scenario: PathBuf,
    /// Its overrides.
    pub settings: Vec<String>,
    /// The digest of its inputs.
    pub inputs: Digest,
    /// Whether that is not what was blessed: scenario, data, costs or overrides have changed.
    pub inputs_changed: bool,
    /// The outcome's digest.
    pub digest: Digest,
    /// The blessed one; nothing where the case is new.
    pub blessed_digest: Option<Digest>,
    /// What became of it.
    pub change: Change,
    /// Figures of virtual time.
    pub metrics: Vec<Row>,
    /// Work done.
    pub counters: Vec<Row>,
    /// Wall time.
    pub wall: Wall,
}

impl CaseVerdict {
    /// Every figure that is compared.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.metrics.iter().chain(&self.counters)
    }

    /// How many figures came to `change`.
    pub fn count(&self, change: Change) -> usize {
        self.rows().filter(|row| row.change == change).count()
    }

    /// Whether the outcome's digest is not the blessed one.
    pub fn digest_changed(&self) -> bool {
        self.blessed_digest.is_some_and(|blessed| blessed != self.digest)
    }

    /// In a few words, what became of it and why.
    pub fn reason(&self) -> String {
        let mut parts = Vec::new();
        if self.inputs_changed {
            parts.push("the case's inputs changed".to_string());
        }
        let counted = [Change::Worse, Change::Better, Change::Changed, Change::New]
            .map(|change| (self.count(change), change.name()))
            .into_iter()
            .filter(|(count, _)| *count > 0);
        parts.extend(counted.map(|(count, name)| format!("{count} {name}")));
        if self.digest_changed() && parts.is_empty() {
            parts.push("the digest alone: something virtual that has no metric".to_string());
        }
        parts.join(", ")
    }
}

/// Who ran the gate: nothing of it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// When, RFC 3339.
    pub at: String,
    /// The processor.
    pub cpu: String,
    /// How this tool was built.
    pub profile: String,
}

impl Host {
    /// Whether wall times of the two can be compared.
    pub fn is_like(&self, other: &Host) -> bool {
        self.cpu == other.cpu && self.profile == other.profile
    }
}

/// What the gate says of all cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Version of the file.
    pub schema_version: u32,
    /// Which build was measured.
    #[serde(flatten)]
    pub build: Build,
    /// The baseline's file.
    pub baseline: PathBuf,
    /// Whether everything is as blessed.
    pub passed: bool,
    /// The gravest of what became of the cases.
    pub change: Change,
    /// What was measured and then altered, to see the gate fail; no result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub injected: Vec<String>,
    /// Overrides of all cases, beside what the baseline says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// The cases.
    pub cases: Vec<CaseVerdict>,
    /// Who ran it.
    pub host: Host,
}

impl Verdict {
    /// What `cases` come to together.
    pub fn new(build: Build, baseline: &Path, cases: Vec<CaseVerdict>, host: Host) -> Verdict {
        let change = cases.iter().map(|case| case.change).max().unwrap_or(Change::Equal);
        Verdict {
            schema_version: SCHEMA_VERSION,
            build,
            baseline: baseline.into(),
            passed: change == Change::Equal,
            change,
            injected: Vec::new(),
            settings: Vec::new(),
            cases,
            host,
        }
    }

    /// Sets wall times beside those of earlier runs: of each case so many seconds and percent of noise.
    pub fn recall(&mut self, earlier: impl Fn(&str) -> Vec<(f64, f64)>) {
        let runs: Vec<Vec<(f64, f64)>> = self.cases.iter().map(|case| earlier(&case.name)).collect();
        let now = self.cases.iter().map(|case| case.wall.noise_percent);
        let before = runs.iter().flatten().map(|(_, noise_percent)| *noise_percent);
        // A busier hour shows in no A and A', but between earlier runs.
        let drift = runs.iter().filter_map(|runs| {
            let walls = || runs.iter().map(|(wall_s, _)| *wall_s);
            Some((walls().reduce(f64::max)? / walls().reduce(f64::min)? - 1.0) * 100.0)
        });
        let noise_percent = now.chain(before).chain(drift).fold(0.0, f64::max);
        for (case, runs) in self.cases.iter_mut().zip(runs) {
            let mut walls: Vec<f64> = runs.into_iter().map(|(wall_s, _)| wall_s).collect();
            walls.sort_by(f64::total_cmp);
            let Some(&earlier_s) = walls.get(walls.len() / 2) else { continue };
            let change_percent = (case.wall.fastest_s() / earlier_s - 1.0) * 100.0;
            case.wall.earlier_s = Some(earlier_s);
            case.wall.change_percent = Some(change_percent);
            case.wall.beyond_noise = change_percent.abs() > noise_percent;
        }
    }

    /// Whether it is of the cases as they are: neither altered nor under other settings.
    pub fn is_plain(&self) -> bool {
        self.injected.is_empty() && self.settings.is_empty()
    }

    /// Keeps it in `folder`, whole or not at all.
    pub fn keep(&self, folder: &Path) -> Result<PathBuf, StoreError> {
        place_file(folder, VERDICT_FILE, &json(self))?;
        Ok(folder.join(VERDICT_FILE))
    }
}
