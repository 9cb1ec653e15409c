//! Where hospitals and replicas stand, from the tables that are shipped: a point's manifest says how many, and the
//! rule by which they are taken is the scenario's.

use std::sync::OnceLock;

use crate::scenario::{evenly, metro_of};

const HOSPITALS: &str = include_str!("../../workloads/data/health/nodes_5000_balanced.csv");
const METROS: &str = include_str!("../../workloads/data/health/metros_60.csv");

/// A place on the map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// A metro's name; none of a hospital.
    pub name: String,
    /// WHO region.
    pub region: String,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

fn table(text: &str, name: Option<&str>) -> Vec<Place> {
    const SHIPPED: &str = "the shipped tables are whole: the scenario's reader has tests on them";
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().expect(SHIPPED).clone();
    let column = |name: &str| headers.iter().position(|header| header == name).expect(SHIPPED);
    let (name, region, lat, lon) = (name.map(column), column("who_region"), column("lat"), column("lon"));
    let place = |row: csv::Result<csv::StringRecord>| {
        let row = row.expect(SHIPPED);
        let name = name.map(|name| row[name].to_string()).unwrap_or_default();
        let degrees = |column: usize| row[column].parse().expect(SHIPPED);
        Place { name, region: row[region].into(), lat: degrees(lat), lon: degrees(lon) }
    };
    reader.records().map(place).collect()
}

/// All hospitals, in the table's order.
pub(super) fn hospitals() -> &'static [Place] {
    static KNOWN: OnceLock<Vec<Place>> = OnceLock::new();
    KNOWN.get_or_init(|| table(HOSPITALS, None))
}

/// All metros, in the table's order.
pub(super) fn metros() -> &'static [Place] {
    static KNOWN: OnceLock<Vec<Place>> = OnceLock::new();
    KNOWN.get_or_init(|| table(METROS, Some("metro")))
}

/// So many hospitals, taken evenly from those of `regions`, or from all where none is named.
pub(super) fn taken(wanted: usize, regions: &[String]) -> Vec<&'static Place> {
    let all: Vec<&Place> =
        hospitals().iter().filter(|place| regions.is_empty() || regions.contains(&place.region)).collect();
    evenly(all.len(), wanted).map(|index| all[index]).collect()
}

/// Which metros have replicas, where there are so many.
pub(super) fn metros_of(replicas: usize) -> Vec<usize> {
    let metros = metros().len();
    (0..replicas.min(metros)).map(|replica| metro_of(replica, replicas, metros)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tables_are_read() {
        assert_eq!((hospitals().len(), metros().len()), (5_000, 60));
        assert_eq!(metros()[0], Place { name: "Ashburn".into(), region: "AMR".into(), lat: 39.04, lon: -77.49 });
        assert_eq!(metros_of(4), [0, 15, 30, 45]);
        assert_eq!(metros_of(100).len(), 60);
        let europe = taken(10, &["EUR".into()]);
        assert_eq!(europe.len(), 10);
        assert!(europe.iter().all(|place| place.region == "EUR"));
        assert_eq!(taken(9_999, &[]).len(), 5_000);
    }
}
