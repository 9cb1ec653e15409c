//! What a plot is made of, and how lines are told apart.

use plotters::prelude::RGBColor;
use serde::Serialize;

use super::canvas::{Marker, units};

const GREY: RGBColor = RGBColor(0x77, 0x77, 0x77);

/// Okabe and Ito's colours that carry on white, strongest first. Yellow does not.
const OKABE_ITO: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x00, 0x00, 0x00),
];
/// Dashes, in pixels; none is a full line. One fewer than colours, so that pairs repeat late.
const DASHES: [&[f64]; 6] =
    [&[], &[9.0, 4.0], &[2.5, 3.0], &[10.0, 3.0, 2.5, 3.0], &[16.0, 4.0], &[8.0, 3.0, 2.0, 3.0, 2.0, 3.0]];
const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::TriangleDown, Marker::Pentagon];

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub colour: RGBColor,
    pub dash: &'static [f64],
    pub marker: Option<Marker>,
    pub width: f64,
}

impl Stroke {
    /// The look of the `index`th line: it shares neither colour, dash nor marker with its neighbours.
    pub fn nth(index: usize) -> Stroke {
        Stroke {
            colour: OKABE_ITO[index % OKABE_ITO.len()],
            dash: DASHES[index % DASHES.len()],
            marker: Some(MARKERS[index % MARKERS.len()]),
            width: 2.0,
        }
    }

    /// A thin grey line to compare with.
    pub fn reference(dash: &'static [f64]) -> Stroke {
        Stroke { colour: GREY, dash, marker: None, width: 1.3 }
    }

    /// The SVG attributes of a group of such strokes, named `id`.
    pub fn attributes(&self, id: &str) -> String {
        let dash: Vec<String> = self.dash.iter().map(|&length| units(length).to_string()).collect();
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", dash.join(",")) };
        format!("id=\"{id}\" stroke-linejoin=\"round\"{dash}")
    }
}

/// Points on a line that carry a marker.
#[derive(Clone, Debug)]
pub(super) enum Marks {
    /// Every so many pixels.
    Sparse,
    /// These, open where the flag is set.
    At(Vec<(f64, f64, bool)>),
}

/// A line: its name in the legend, its look, and its unbroken parts.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub name: String,
    pub stroke: Stroke,
    pub parts: Vec<Vec<(f64, f64)>>,
    pub marks: Marks,
}

/// How a range of the x axis is shaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shade {
    /// Not at all.
    None,
    /// Grey: it does not count.
    Outside,
    /// Red: something fails.
    Fault,
    /// Green, and wide enough to be seen: it is what was looked for.
    Found,
}

/// A range of the x axis, named above the axes.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub from: f64,
    pub to: f64,
    pub name: String,
    pub shade: Shade,
}

/// A horizontal line with its name at its left end.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Level {
    pub at: f64,
    pub name: String,
}

/// How far off a line may be: an area around it, and whiskers from place to place.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pub colour: RGBColor,
    pub corners: Vec<(f64, f64)>,
    pub whiskers: Vec<((f64, f64), (f64, f64))>,
}
