//! The data files: CSV rows → tables, with the file and row of what does not fit.

mod load;

pub use load::SurgeRow;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::{Digest, Rate, Span};
use crate::health::{ClassLoad, KindSpec, Residency, Trace};
use crate::network::{AccessClass, CityMatrix, Metro, Place};

use super::ScenarioError;

/// One hospital of the data set.
#[derive(Clone, Debug)]
pub struct HospitalRow {
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// WHO region code.
    pub region: String,
    /// Where it is.
    pub place: Place,
    /// Minutes ahead of UTC.
    pub utc_offset_minutes: i64,
    /// Name of its connectivity class.
    pub class: String,
    /// Name of its metro.
    pub metro: String,
    /// People it stands for.
    pub population: u64,
}

/// Everything the data files say.
#[derive(Clone, Debug)]
pub struct WorldData {
    /// The hospitals, in the order of the file.
    pub hospitals: Vec<HospitalRow>,
    /// The metros, in the order of the file.
    pub metros: Vec<Metro>,
    /// Measured RTT between cities.
    pub cities: CityMatrix,
    /// Modelled RTT between metros, ms, row-major.
    pub modelled_ms: Vec<f64>,
    /// Where countries let data go, and whether others may send theirs: those that differ from free and no.
    pub residency: BTreeMap<String, (Residency, bool)>,
    /// Connectivity classes by name.
    pub classes: BTreeMap<String, AccessClass>,
    /// Kinds of transactions.
    pub kinds: Vec<KindSpec>,
    /// Load classes of the chosen mix.
    pub loads: Vec<ClassLoad>,
    /// Transactions/s by region of the chosen mix, for each hour of the week.
    pub hourly: Vec<BTreeMap<String, f64>>,
    /// Share of care that is recorded electronically today, by region.
    pub digitised: BTreeMap<String, f64>,
    /// What a pandemic does, by load class.
    pub surge: BTreeMap<String, SurgeRow>,
    /// What is replayed in place of the loads.
    pub trace: Option<Arc<Trace>>,
    /// BLAKE3 over every file read.
    pub digest: Digest,
}

/// Reads files and remembers what it read.
struct Reader {
    folder: PathBuf,
    hasher: blake3::Hasher,
}

impl Reader {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&mut self, name: &str) -> Result<String, ScenarioError> {
        let path = self.path(name);
        let text = fs::read_to_string(&path).map_err(|source| ScenarioError::Unreadable { path, source })?;
        self.hasher.update(&(text.len() as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
        Ok(text)
    }

    fn rows<T: DeserializeOwned>(&mut self, name: &str) -> Result<Vec<T>, ScenarioError> {
        let text = self.text(name)?;
        let rows: Result<Vec<T>, csv::Error> = csv::Reader::from_reader(text.as_bytes()).deserialize().collect();
        rows.map_err(|source| ScenarioError::BadTable { path: self.path(name), source })
    }

    /// A square matrix with names in its first row and column.
    fn matrix(&mut self, name: &str) -> Result<(Vec<String>, Vec<f64>), ScenarioError> {
        let text = self.text(name)?;
        let path = self.path(name);
        let bad = |source| ScenarioError::BadTable { path: path.clone(), source };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers().map_err(bad)?.iter().skip(1).map(str::to_string).collect();
        let mut values = Vec::with_capacity(names.len() * names.len());
        for row in reader.records() {
            let row = row.map_err(bad)?;
            for cell in row.iter().skip(1) {
                let what = || format!("row `{}` has `{cell}` where an RTT in ms is due", &row[0]);
                let value =
                    cell.parse().map_err(|_| ScenarioError::Inconsistent { path: path.clone(), what: what() })?;
                values.push(value);
            }
        }
        if values.len() != names.len() * names.len() {
            let what = format!("{} values are no square of {} names", values.len(), names.len());
            return Err(ScenarioError::Inconsistent { path, what });
        }
        Ok((names, values))
    }

    fn inconsistent(&self, name: &str, what: String) -> ScenarioError {
        ScenarioError::Inconsistent { path: self.path(name), what }
    }
}

#[derive(Deserialize)]
struct NodeRow {
    iso2: String,
    who_region: String,
    lat: f64,
    lon: f64,
    tz: String,
    connectivity_class: String,
    metro: String,
    population_represented: u64,
}

#[derive(Deserialize)]
struct OffsetRow {
    tz: String,
    utc_offset_minutes: i64,
}

#[derive(Deserialize)]
struct MetroRow {
    metro: String,
    who_region: String,
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct CityRow {
    city: String,
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct ClassRow {
    class: String,
    down_mbps_p50: f64,
    up_mbps_p50: f64,
    access_rtt_ms_p50: f64,
    access_rtt_ms_p95: f64,
    jitter_ms: f64,
    loss_pct_p50: f64,
    mtbf_h: f64,
    mttr_h: f64,
}

impl WorldData {
    /// Reads the files below `folder` for one mix.
    pub fn read(folder: &Path, mix: &str) -> Result<WorldData, ScenarioError> {
        let mut reader = Reader { folder: folder.to_path_buf(), hasher: blake3::Hasher::new() };
        let kinds = load::kinds(&mut reader)?;
        let loads = load::classes(&mut reader, mix, &kinds)?;
        let metros = metros(&mut reader)?;
        let (names, modelled_ms) = reader.matrix("health/metro_rtt_ms_modelled.csv")?;
        if !names.iter().eq(metros.iter().map(|metro| &metro.name)) {
            let what = "its metros are not those of metros_60.csv, in order".to_string();
            return Err(reader.inconsistent("health/metro_rtt_ms_modelled.csv", what));
        }
        let classes = classes(&mut reader)?;
        Ok(WorldData {
            hospitals: hospitals(&mut reader, &classes)?,
            metros,
            cities: cities(&mut reader)?,
            modelled_ms,
            residency: residency(&mut reader)?,
            classes,
            kinds,
            loads,
            hourly: load::hourly(&mut reader, mix)?,
            digitised: load::digitised(&mut reader)?,
            surge: load::surge(&mut reader)?,
            trace: None,
            digest: Digest(*reader.hasher.finalize().as_bytes()),
        })
    }
}

impl WorldData {
    /// Names of the regions, in order.
    pub fn regions(&self) -> impl Iterator<Item = &String> {
        self.hourly[0].keys()
    }

    /// Transactions/s of the mix over the world at an hour of the week, at full digitisation.
    pub fn world_tps(&self, hour_of_week: u32) -> f64 {
        self.hourly[hour_of_week as usize].values().sum()
    }
}

#[derive(Deserialize)]
struct ResidencyRow {
    iso2: String,
    policy: String,
    adequate: String,
}

fn residency(reader: &mut Reader) -> Result<BTreeMap<String, (Residency, bool)>, ScenarioError> {
    const RESIDENCY: &str = "health/residency.csv";
    let rows = reader.rows::<ResidencyRow>(RESIDENCY)?;
    let row = |row: ResidencyRow| {
        let wrong = |what: &str, known| reader.inconsistent(RESIDENCY, format!("`{what}` is none of {known}"));
        let policy = match row.policy.as_str() {
            "free" => Residency::Free,
            "adequacy" => Residency::Adequacy,
            "local_only" => Residency::LocalOnly,
            other => return Err(wrong(other, "free, adequacy, local_only")),
        };
        match row.adequate.as_str() {
            "yes" => Ok((row.iso2, (policy, true))),
            "no" => Ok((row.iso2, (policy, false))),
            other => Err(wrong(other, "yes, no")),
        }
    };
    rows.into_iter().map(row).collect()
}

const HOSPITALS: &str = "health/nodes_5000_balanced.csv";

fn hospitals(reader: &mut Reader, classes: &BTreeMap<String, AccessClass>) -> Result<Vec<HospitalRow>, ScenarioError> {
    let offsets = reader.rows::<OffsetRow>("health/tz_offsets.csv")?;
    let offsets: BTreeMap<String, i64> = offsets.into_iter().map(|row| (row.tz, row.utc_offset_minutes)).collect();
    let rows = reader.rows::<NodeRow>(HOSPITALS)?;
    let hospital = |row: NodeRow| {
        let offset = offsets.get(&row.tz);
        if !classes.contains_key(&row.connectivity_class) {
            let what = format!("`{}` is no class of connectivity_classes.csv", row.connectivity_class);
            return Err(reader.inconsistent(HOSPITALS, what));
        }
        let lacks = || reader.inconsistent("health/tz_offsets.csv", format!("it lacks the time zone `{}`", row.tz));
        Ok(HospitalRow {
            utc_offset_minutes: *offset.ok_or_else(lacks)?,
            country: row.iso2,
            region: row.who_region,
            place: Place { lat: row.lat, lon: row.lon },
            class: row.connectivity_class,
            metro: row.metro,
            population: row.population_represented,
        })
    };
    rows.into_iter().map(hospital).collect()
}

fn metros(reader: &mut Reader) -> Result<Vec<Metro>, ScenarioError> {
    let rows = reader.rows::<MetroRow>("health/metros_60.csv")?;
    let metro = |row: MetroRow| {
        let place = Place { lat: row.lat, lon: row.lon };
        Metro { name: row.metro, region: row.who_region, place }
    };
    Ok(rows.into_iter().map(metro).collect())
}

fn cities(reader: &mut Reader) -> Result<CityMatrix, ScenarioError> {
    let (names, rtt_ms) = reader.matrix("rtt/wonderproxy_cities.csv")?;
    let rows = reader.rows::<CityRow>("rtt/wonderproxy_coordinates.csv")?;
    if !names.iter().eq(rows.iter().map(|row| &row.city)) {
        let what = "its cities are not those of wonderproxy_cities.csv, in order".to_string();
        return Err(reader.inconsistent("rtt/wonderproxy_coordinates.csv", what));
    }
    let places = rows.into_iter().map(|row| Place { lat: row.lat, lon: row.lon }).collect();
    Ok(CityMatrix { names, places, rtt_ms })
}

fn classes(reader: &mut Reader) -> Result<BTreeMap<String, AccessClass>, ScenarioError> {
    let rows = reader.rows::<ClassRow>("health/connectivity_classes.csv")?;
    let class = |row: ClassRow| {
        let class = AccessClass {
            name: row.class.clone(),
            down: Rate::from_mbps(row.down_mbps_p50),
            up: Rate::from_mbps(row.up_mbps_p50),
            rtt_p50: Span::from_millis_f64(row.access_rtt_ms_p50),
            rtt_p95: Span::from_millis_f64(row.access_rtt_ms_p95),
            jitter: Span::from_millis_f64(row.jitter_ms),
            loss: row.loss_pct_p50 / 100.0,
            outage_hours: [row.mtbf_h, row.mttr_h],
        };
        (row.class, class)
    };
    Ok(rows.into_iter().map(class).collect())
}
