//! github-action-benchmark: one list of what is better bigger, and one of what is better smaller. What is neither, such
//! as the offered load, is in no list: that action knows nothing but better and worse.

use serde::Serialize;

use crate::experiment::regress::{CaseVerdict, Direction, Row, Verdict};

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// What is better bigger, then what is better smaller.
pub(super) fn files(verdict: &Verdict) -> [String; 2] {
    let entries = |direction| {
        let of_case = |case: &CaseVerdict| {
            let rows = case.rows().filter(|row| row.better == direction).filter_map(|row| entry(case, row));
            let wall = (direction == Direction::Smaller).then(|| wall(case));
            rows.chain(wall).collect::<Vec<_>>()
        };
        super::pretty(&verdict.cases.iter().flat_map(of_case).collect::<Vec<_>>())
    };
    [entries(Direction::Bigger), entries(Direction::Smaller)]
}

fn entry(case: &CaseVerdict, row: &Row) -> Option<Entry> {
    let (value, unit) = (row.measured?, if row.unit.is_empty() { "1" } else { &row.unit });
    let blessed = row.blessed.map_or("not blessed yet".into(), |blessed| format!("blessed: {blessed}"));
    let extra = format!("{blessed}\ndigest: {}", case.digest);
    Some(Entry { name: format!("{}/{}", case.name, row.name), unit: unit.into(), value, range: None, extra })
}

fn wall(case: &CaseVerdict) -> Entry {
    let wall = &case.wall;
    Entry {
        name: format!("{}/wall_s", case.name),
        unit: "s".into(),
        value: wall.fastest_s(),
        range: Some(format!("± {:.1}%", wall.noise_percent)),
        extra: "advisory: the range is between two runs of the same".into(),
    }
}
