//! The map: land by WHO region, coloured by how long its hospitals wait for a receipt; hospitals, and metros with
//! replicas.
//!
//! Outlines are Natural Earth's 1:110m, which is in the public domain, simplified by `scripts/outlines.py`; the
//! projection is Equal Earth (Šavrič, Patterson, Jenny, 2018), so that no region looks larger than it is.

use std::fmt::Write as _;

use plotters::prelude::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, Marker};
use super::curves::{MOST_LINES, at_load};
use super::figures::Figure;
use super::places::{self, Place, taken};
use super::plot::{BLACK, INK, headed, look, text_width};
use super::scale::latency;
use super::sweep::{Cell, Sweep};

const OUTLINES: &str = include_str!("map/regions.txt");
/// The map's width and height, px: Equal Earth is 2.05 times as wide as high, and the far south is left out.
pub(super) const WIDE: f64 = 860.0;
pub(super) const HIGH: f64 = 372.0;
/// Half the width of the projection of a unit sphere.
const HALF: f64 = 2.706_63;
/// Pixels from the map's upper edge down to the equator.
const EQUATOR: f64 = 204.0;

/// Short waits light, long ones dark: the order stays in grey print, and hospitals' orange is seen on all of them.
pub(super) const SHADES: [RGBColor; 6] = [
    RGBColor(0xE3, 0xEE, 0xF8),
    RGBColor(0xB9, 0xD4, 0xEB),
    RGBColor(0x84, 0xB7, 0xDC),
    RGBColor(0x4C, 0x90, 0xC5),
    RGBColor(0x20, 0x65, 0xA6),
    RGBColor(0x0B, 0x38, 0x70),
];
const NO_DATA: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
const GRATICULE: RGBColor = RGBColor(0xEE, 0xF0, 0xF3);
const HOSPITAL: RGBColor = RGBColor(0xD5, 0x5E, 0x00);

/// A closed outline in pixels, and its region.
pub(super) struct Outline {
    pub region: &'static str,
    pub corners: Vec<(f64, f64)>,
}

/// Equal Earth, in pixels from the map's upper left corner.
pub(super) fn projected(lat: f64, lon: f64) -> (f64, f64) {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let root = libm::sqrt(3.0);
    let theta = libm::asin(root / 2.0 * libm::sin(lat.to_radians()));
    let (t2, t6) = (theta * theta, theta * theta * theta * theta * theta * theta);
    let slope = A[0] + 3.0 * A[1] * t2 + t6 * (7.0 * A[2] + 9.0 * A[3] * t2);
    let x = 2.0 * root * lon.to_radians() * libm::cos(theta) / (3.0 * slope);
    let y = theta * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
    let unit = WIDE / (2.0 * HALF);
    (WIDE / 2.0 + x * unit, EQUATOR - y * unit)
}

/// The outlines of all regions.
pub(super) fn outlines() -> Vec<Outline> {
    OUTLINES.lines().filter(|line| !line.starts_with('#')).filter_map(outline).collect()
}

fn outline(line: &'static str) -> Option<Outline> {
    let (region, steps) = line.split_once(' ')?;
    let (mut lon, mut lat) = (0, 0);
    let corner = |step: &str| {
        let (x, y) = step.split_once(',')?;
        lon += x.parse::<i32>().ok()?;
        lat += y.parse::<i32>().ok()?;
        Some(projected(f64::from(lat) / 10.0, f64::from(lon) / 10.0))
    };
    Some(Outline { region, corners: steps.split(' ').map(corner).collect::<Option<Vec<_>>>()? })
}

/// The lines of latitude and longitude at every 30 degrees.
pub(super) fn graticule() -> Vec<Vec<(f64, f64)>> {
    let degrees = |from: i32, to: i32, step: usize| (from..=to).step_by(step).map(f64::from);
    let meridians = degrees(-180, 180, 30).map(|lon| degrees(-57, 84, 3).map(|lat| projected(lat, lon)).collect());
    let parallels = degrees(-30, 60, 30).map(|lat| degrees(-180, 180, 5).map(|lon| projected(lat, lon)).collect());
    meridians.chain(parallels).collect()
}

/// Lines as the `d` of an SVG path; closed ones are areas.
pub(super) fn path<'a>(lines: impl Iterator<Item = &'a Vec<(f64, f64)>>, closed: bool) -> String {
    let mut d = String::new();
    for line in lines {
        for (nth, (x, y)) in line.iter().enumerate() {
            write!(d, "{}{x:.1} {y:.1}", if nth == 0 { 'M' } else { 'L' }).expect("writing to a string cannot fail");
        }
        d.push_str(if closed { "Z" } else { "" });
    }
    d
}

/// The bounds of the shades of latencies, ms: as far from each other in ratio, rounded outwards to two digits.
pub(super) fn bounds(latencies: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let (min, max) = (latencies.clone().fold(f64::INFINITY, f64::min), latencies.fold(0.0, f64::max));
    if max <= 0.0 {
        return Vec::new();
    }
    let max = if max < min * 1.2 { min * 1.2 } else { max };
    let step = libm::pow(max / min, 1.0 / SHADES.len() as f64);
    let bound = |nth: usize| (0..nth).fold(min, |bound, _| bound * step);
    (1..SHADES.len()).map(|nth| format!("{:.1e}", bound(nth)).parse().expect("it was written as a number")).collect()
}

/// A map for each variant under the load of figures of one load; one scale for all.
pub(super) fn of_sweep(sweep: &Sweep) -> Vec<Figure> {
    let cells: Vec<&Cell> = sweep.at_reference().filter(|cell| cell.variant < MOST_LINES).collect();
    let bounds = bounds(cells.iter().flat_map(|cell| cell.regions.iter().map(|region| region.p99_ms)));
    let named = |cell: &&Cell| {
        Figure::new(format!("map_{}", file_name(&sweep.variants[cell.variant].name)), map(sweep, cell, &bounds))
    };
    cells.iter().map(named).collect()
}

/// A variant's name as part of a file's.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    name.replace(", ", "_").chars().map(plain).collect()
}

fn map(sweep: &Sweep, cell: &Cell, bounds: &[f64]) -> String {
    const TOP: f64 = 56.0;
    const SIDE: f64 = 20.0;
    let height = TOP + HIGH + 66.0;
    let variant = &sweep.variants[cell.variant];
    let title = format!("p99 to the receipt by WHO region: {}", variant.name);
    let hospitals = taken(variant.hospitals, &variant.regions);
    let subtitle = format!("{}; all replicates together; {} hospitals", at_load(sweep), hospitals.len());
    let mut canvas = headed(&title, &subtitle, SIDE, height);
    let at = |(x, y): (f64, f64)| (x + SIDE, y + TOP);
    canvas.group("id=\"graticule\"", |pen| {
        graticule().iter().for_each(|line| {
            let places: Vec<_> = line.iter().copied().map(at).collect();
            pen.path(&places, GRATICULE, 1.0);
        });
    });
    let shade = |region: &str| {
        let known = cell.regions.iter().find(|known| known.name == region)?;
        Some(SHADES[bounds.iter().filter(|&&bound| known.p99_ms >= bound).count()])
    };
    canvas.group("id=\"land\" stroke=\"#8FA0B0\" stroke-width=\"5\" stroke-linejoin=\"round\"", |pen| {
        for Outline { region, corners } in outlines() {
            let corners: Vec<_> = corners.into_iter().map(at).collect();
            pen.polygon(&corners, shade(region).unwrap_or(NO_DATA));
        }
    });
    let place = |place: &Place| at(projected(place.lat, place.lon));
    canvas.group("id=\"hospitals\" opacity=\"0.7\"", |pen| {
        hospitals.iter().for_each(|hospital| pen.dot(place(hospital), 1.1, HOSPITAL));
    });
    canvas.group("id=\"replicas\"", |pen| {
        for &metro in &variant.metros {
            pen.marker(Marker::Diamond, place(&places::metros()[metro]), 4.5, BLACK, true);
        }
    });
    legend(&mut canvas, cell, bounds, (SIDE, TOP + HIGH + 22.0));
    canvas.svg()
}

/// Samples of the shades, and of the marks.
fn legend(canvas: &mut Canvas, cell: &Cell, bounds: &[f64], (left, y): (f64, f64)) {
    const EACH: f64 = 84.0;
    canvas.group("id=\"legend\"", |pen| {
        for (nth, shade) in SHADES.iter().enumerate().take(bounds.len() + 1) {
            let x = left + EACH * nth as f64;
            pen.area((x, y - 6.0), (x + EACH - 2.0, y + 6.0), *shade);
            if let Some(&bound) = bounds.get(nth) {
                pen.text(&latency(bound), (x + EACH - 1.0, y + 17.0), look(11.0, INK, HPos::Center));
            }
        }
        let mut x = left + EACH * (bounds.len() + 1) as f64 + 16.0;
        for (name, hospital) in [("hospital", true), ("replicas", false)] {
            match hospital {
                true => pen.dot((x, y), 2.2, HOSPITAL),
                false => pen.marker(Marker::Diamond, (x, y), 4.5, BLACK, true),
            }
            pen.text(name, (x + 10.0, y), look(11.0, INK, HPos::Left));
            x += text_width(name, 11.0) + 30.0;
        }
        let said: Vec<String> =
            cell.regions.iter().map(|region| format!("{} {}", region.name, latency(region.p99_ms))).collect();
        pen.text(&format!("p99: {}", said.join(", ")), (left, y + 36.0), look(11.0, INK, HPos::Left));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_keeps_its_published_extent() {
        let (x, y) = projected(0.0, 180.0);
        assert!((x - WIDE).abs() < 0.1 && (y - EQUATOR).abs() < 1e-9, "{x} {y}");
        // Equal Earth's height is 2 × 1.3173627591574 for a unit sphere.
        let (_, pole) = projected(90.0, 0.0);
        assert!(((EQUATOR - pole) / (WIDE / (2.0 * HALF)) - 1.317_362_759).abs() < 1e-6);
    }

    #[test]
    fn every_region_has_land_and_its_hospitals_are_near_it() {
        let outlines = outlines();
        assert_eq!(outlines.len(), OUTLINES.lines().filter(|line| !line.starts_with('#')).count());
        for region in ["AFR", "AMR", "EMR", "EUR", "SEAR", "WPR"] {
            let own: Vec<_> = outlines.iter().filter(|outline| outline.region == region).collect();
            assert!(!own.is_empty(), "{region}");
        }
    }

    #[test]
    fn shades_part_latencies_by_ratio() {
        assert_eq!(bounds([100.0, 6_400.0].into_iter()), [200.0, 400.0, 800.0, 1_600.0, 3_200.0]);
        assert_eq!(bounds([1_000.0].into_iter()).len(), 5);
        assert!(bounds(std::iter::empty()).is_empty());
    }
}
