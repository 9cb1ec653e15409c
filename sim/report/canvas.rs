//! Strokes and text as SVG, through plotters' backend.
//!
//! The backend draws at whole units, so the picture is drawn ten times as large and its view box scales it back: lines
//! land at tenths of a pixel. Each group is drawn by a backend of its own and put into a `<g>`, whose attributes give
//! what the backend cannot: dashes, round joins, halos behind text, a name.

use std::fmt::Write as _;

use plotters::backend::SVGBackend;
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, FontTransform, ShapeStyle, TextStyle};

/// Width of a figure, px.
pub(super) const WIDTH: f64 = 900.0;
/// Height of a figure, px, where what it shows asks for no other.
pub(super) const HEIGHT: f64 = 520.0;
/// Units of the view box per pixel.
const UNITS: f64 = 10.0;

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The shape of the points on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Pentagon,
}

impl Marker {
    /// Corners in hundredths of the marker's radius; a circle has none.
    fn corners(self) -> &'static [(f64, f64)] {
        match self {
            Marker::Circle => &[],
            Marker::Square => &[(-88.0, -88.0), (88.0, -88.0), (88.0, 88.0), (-88.0, 88.0)],
            Marker::Triangle => &[(0.0, -120.0), (110.0, 80.0), (-110.0, 80.0)],
            Marker::Diamond => &[(0.0, -130.0), (110.0, 0.0), (0.0, 130.0), (-110.0, 0.0)],
            Marker::TriangleDown => &[(0.0, 120.0), (110.0, -80.0), (-110.0, -80.0)],
            Marker::Pentagon => &[(0.0, -115.0), (109.0, -36.0), (68.0, 93.0), (-68.0, 93.0), (-109.0, -36.0)],
        }
    }
}

/// How a text looks and hangs on its point.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub size: f64,
    pub colour: RGBColor,
    pub bold: bool,
    pub anchor: HPos,
    pub upwards: bool,
}

/// A picture in the making.
pub(super) struct Canvas {
    body: String,
}

/// What a group is drawn with. Places are in pixels from the upper left corner.
pub(super) struct Pen<'a>(SVGBackend<'a>);

impl Canvas {
    /// An empty picture of that height with a name for readers that do not see it.
    pub fn new(title: &str, height: f64) -> Canvas {
        let escaped = title.replace('&', "&amp;").replace('<', "&lt;");
        let size = format!("width=\"{WIDTH}\" height=\"{height}\"");
        let view = format!("viewBox=\"0 0 {} {}\"", WIDTH * UNITS, height * UNITS);
        let mut body = format!("<svg {size} {view} role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n");
        writeln!(body, "<title>{escaped}</title>").expect(INFALLIBLE);
        Canvas { body }
    }

    /// Draws a group with these SVG attributes.
    pub fn group(&mut self, attributes: &str, draw: impl FnOnce(&mut Pen<'_>)) {
        let mut drawn = String::new();
        let mut pen = Pen(SVGBackend::with_string(&mut drawn, (1, 1)));
        draw(&mut pen);
        pen.0.present().expect(INFALLIBLE);
        drop(pen);
        let inner = drawn.split_once('\n').and_then(|(_, rest)| rest.strip_suffix("</svg>\n"));
        let inner = inner.expect("the backend puts one line around what is drawn, before and after");
        writeln!(self.body, "<g {attributes}>\n{inner}</g>").expect(INFALLIBLE);
    }

    /// The picture as SVG.
    pub fn svg(mut self) -> String {
        self.body.push_str("</svg>\n");
        self.body
    }
}

/// A length in pixels as SVG units, for attributes.
pub(super) fn units(pixels: f64) -> i32 {
    libm::round(pixels * UNITS) as i32
}

fn at((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: units(width).unsigned_abs() }
}

impl Pen<'_> {
    /// A line through `places`.
    pub fn path(&mut self, places: &[(f64, f64)], colour: RGBColor, width: f64) {
        self.0.draw_path(places.iter().copied().map(at), &stroke(colour, width)).expect(INFALLIBLE);
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: RGBColor, width: f64) {
        self.0.draw_line(at(from), at(to), &stroke(colour, width)).expect(INFALLIBLE);
    }

    /// A filled rectangle.
    pub fn area(&mut self, from: (f64, f64), to: (f64, f64), colour: RGBColor) {
        self.0.draw_rect(at(from), at(to), &colour, true).expect(INFALLIBLE);
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[(f64, f64)], colour: RGBColor) {
        self.0.fill_polygon(corners.iter().copied().map(at), &colour).expect(INFALLIBLE);
    }

    /// A filled circle.
    pub fn dot(&mut self, centre: (f64, f64), radius: f64, colour: RGBColor) {
        self.0.draw_circle(at(centre), units(radius).unsigned_abs(), &colour, true).expect(INFALLIBLE);
    }

    /// A marker around `centre`; an open one is white inside.
    pub fn marker(&mut self, marker: Marker, centre: (f64, f64), radius: f64, colour: RGBColor, open: bool) {
        let (fill, outline) =
            if open { (RGBColor(255, 255, 255), stroke(colour, 1.6)) } else { (colour, stroke(colour, 1.0)) };
        if marker == Marker::Circle {
            let radius = units(radius).unsigned_abs();
            self.0.draw_circle(at(centre), radius, &fill, true).expect(INFALLIBLE);
            self.0.draw_circle(at(centre), radius, &outline, false).expect(INFALLIBLE);
            return;
        }
        let corner = |&(x, y): &(f64, f64)| at((centre.0 + x * radius / 100.0, centre.1 + y * radius / 100.0));
        let mut corners: Vec<_> = marker.corners().iter().map(corner).collect();
        self.0.fill_polygon(corners.iter().copied(), &fill).expect(INFALLIBLE);
        corners.extend_from_within(..2);
        self.0.draw_path(corners, &outline).expect(INFALLIBLE);
    }

    /// A line of text, its middle at the height of `place`.
    pub fn text(&mut self, text: &str, place: (f64, f64), look: Look) {
        let weight = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
        let turn = if look.upwards { FontTransform::Rotate270 } else { FontTransform::None };
        // The backend divides sizes by 1.24, an estimate of a font's line height.
        let font = FontDesc::new(FontFamily::SansSerif, look.size * UNITS * 1.24, weight).transform(turn);
        let style = TextStyle { font, color: look.colour.to_backend_color(), pos: Pos::new(look.anchor, VPos::Center) };
        self.0.draw_text(text, &style, at(place)).expect(INFALLIBLE);
    }
}
