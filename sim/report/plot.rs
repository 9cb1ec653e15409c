//! The layout of a figure: title, legend, axes, shaded bands, lines.

use plotters::prelude::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, HEIGHT, Look, Pen, WIDTH};
use super::parts::{Area, Band, Level, Line, Marks, Shade, Stroke};
use super::scale::Axis;

pub(super) const BLACK: RGBColor = RGBColor(0, 0, 0);
pub(super) const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
pub(super) const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);
const FAINT_GRID: RGBColor = RGBColor(0xF2, 0xF2, 0xF2);
const BAND: RGBColor = RGBColor(0xEC, 0xEC, 0xEC);
const FAULT: RGBColor = RGBColor(0xF6, 0xD3, 0xC4);
const FAULT_BEGINS: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const BRACKET: RGBColor = RGBColor(0xA6, 0xD9, 0xC8);
const WHITE: RGBColor = RGBColor(255, 255, 255);

/// Where the axes stand, px.
pub(super) const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = WIDTH - 26.0;
const BOTTOM: f64 = HEIGHT - 58.0;
const LEGEND_ROW: f64 = 20.0;
const LEGEND_TOP: f64 = 62.0;
/// Pixels from one marker of a line to the next where its points are many.
const MARKER_EVERY: f64 = 110.0;

/// A figure, ready to draw.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub title: String,
    pub subtitle: String,
    pub x: Axis,
    pub y: Axis,
    pub bands: Vec<Band>,
    pub levels: Vec<Level>,
    pub areas: Vec<Area>,
    pub lines: Vec<Line>,
}

pub(super) fn look(size: f64, colour: RGBColor, anchor: HPos) -> Look {
    Look { size, colour, bold: false, anchor, upwards: false }
}

/// An upper estimate of a text's width, px: no font is at hand to measure it with.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.54
}

/// White paper with a title at `left`; a long subtitle is made smaller.
pub(super) fn headed(title: &str, subtitle: &str, left: f64, height: f64) -> Canvas {
    let mut canvas = Canvas::new(&format!("{title} ({subtitle})"), height);
    canvas.group("id=\"paper\"", |pen| pen.area((0.0, 0.0), (WIDTH, height), WHITE));
    canvas.group("id=\"title\"", |pen| {
        pen.text(title, (left, 22.0), Look { bold: true, ..look(16.0, BLACK, HPos::Left) });
        let size = (12.0 * (RIGHT - left) / text_width(subtitle, 12.0)).min(12.0);
        pen.text(subtitle, (left, 41.0), look(size, INK, HPos::Left));
    });
    canvas
}

impl Plot {
    /// Draws the figure as SVG.
    pub fn svg(&self) -> String {
        let mut canvas = headed(&self.title, &self.subtitle, LEFT, HEIGHT);
        let top = self.legend(&mut canvas) + 30.0;
        self.bands(&mut canvas, top, Shade::Outside);
        self.bands(&mut canvas, top, Shade::Fault);
        self.axes(&mut canvas, top);
        self.bands(&mut canvas, top, Shade::Found);
        self.band_names(&mut canvas, top);
        self.levels(&mut canvas, top);
        self.areas(&mut canvas, top);
        for (index, line) in self.lines.iter().enumerate() {
            self.line(&mut canvas, top, index, line);
        }
        self.level_names(&mut canvas, top);
        canvas.svg()
    }

    fn place(&self, top: f64, (x, y): (f64, f64)) -> (f64, f64) {
        (LEFT + self.x.scale.place(x) * (RIGHT - LEFT), BOTTOM - self.y.scale.place(y) * (BOTTOM - top))
    }

    /// Draws the legend of lines that have a name in as many equal columns as fit, and returns where it ends.
    fn legend(&self, canvas: &mut Canvas) -> f64 {
        let named: Vec<&Line> = self.lines.iter().filter(|line| !line.name.is_empty()).collect();
        let widest = named.iter().map(|line| text_width(&line.name, 12.0)).fold(0.0, f64::max) + 62.0;
        let fit = (libm::floor((RIGHT - LEFT) / widest) as usize).clamp(1, named.len().max(1));
        let rows = named.len().div_ceil(fit);
        let columns = named.len().div_ceil(rows.max(1));
        for (index, line) in named.iter().enumerate() {
            let x = LEFT + (index % columns) as f64 * widest;
            let y = LEGEND_TOP + (index / columns) as f64 * LEGEND_ROW;
            let sample = [(x, y), (x + 40.0, y)];
            canvas.group(&line.stroke.attributes(&format!("key-{index}")), |pen| {
                pen.path(&sample, line.stroke.colour, line.stroke.width);
            });
            canvas.group(&format!("id=\"name-{index}\""), |pen| {
                if let Some(marker) = line.stroke.marker {
                    pen.marker(marker, (x + 20.0, y), 4.0, line.stroke.colour, false);
                }
                pen.text(&line.name, (x + 47.0, y), look(12.0, INK, HPos::Left));
            });
        }
        LEGEND_TOP + rows.saturating_sub(1) as f64 * LEGEND_ROW
    }

    /// Where `band` begins and ends, px.
    fn extent(&self, top: f64, band: &Band) -> (f64, f64) {
        let (from, to) = (self.place(top, (band.from, 0.0)).0, self.place(top, (band.to, 0.0)).0);
        // A bracket can be narrower than a pixel.
        let spare =
            if matches!(band.shade, Shade::Found | Shade::Fault) { ((5.0 - (to - from)) / 2.0).max(0.0) } else { 0.0 };
        ((from - spare).max(LEFT), (to + spare).min(RIGHT))
    }

    fn bands(&self, canvas: &mut Canvas, top: f64, shade: Shade) {
        let colour = match shade {
            Shade::Found => BRACKET,
            Shade::Fault => FAULT,
            Shade::None | Shade::Outside => BAND,
        };
        let own: Vec<&Band> = self.bands.iter().filter(|band| band.shade == shade).collect();
        if own.is_empty() {
            return;
        }
        canvas.group("class=\"band\"", |pen| {
            for band in own {
                let (from, to) = self.extent(top, band);
                pen.area((from, top), (to, BOTTOM), colour);
                if shade == Shade::Fault {
                    pen.line((from, top), (from, BOTTOM), FAULT_BEGINS, 1.2);
                }
            }
        });
    }

    fn band_names(&self, canvas: &mut Canvas, top: f64) {
        canvas.group("id=\"bands\"", |pen| {
            for band in &self.bands {
                let (from, to) = self.extent(top, band);
                let half = (text_width(&band.name, 11.0) / 2.0).min((RIGHT - LEFT) / 2.0);
                if band.shade == Shade::None && to - from < 2.0 * half + 90.0 {
                    continue;
                }
                let middle = ((from + to) / 2.0).clamp(LEFT + half, RIGHT - half);
                pen.text(&band.name, (middle, top - 9.0), look(11.0, INK, HPos::Center));
            }
        });
    }

    fn axes(&self, canvas: &mut Canvas, top: f64) {
        let shade = |label: &Option<String>| if label.is_some() { GRID } else { FAINT_GRID };
        canvas.group("id=\"grid\"", |pen| {
            for (at, label) in &self.x.ticks {
                let x = LEFT + self.x.scale.place(*at) * (RIGHT - LEFT);
                pen.line((x, top), (x, BOTTOM), shade(label), 1.0);
            }
            for (at, label) in &self.y.ticks {
                let y = BOTTOM - self.y.scale.place(*at) * (BOTTOM - top);
                pen.line((LEFT, y), (RIGHT, y), shade(label), 1.0);
            }
        });
        canvas.group("id=\"axes\"", |pen| {
            pen.path(&[(LEFT, top), (LEFT, BOTTOM), (RIGHT, BOTTOM)], INK, 1.2);
            for (at, label) in &self.x.ticks {
                let x = LEFT + self.x.scale.place(*at) * (RIGHT - LEFT);
                tick(pen, label, (x, BOTTOM), (0.0, 1.0));
            }
            for (at, label) in &self.y.ticks {
                let y = BOTTOM - self.y.scale.place(*at) * (BOTTOM - top);
                tick(pen, label, (LEFT, y), (-1.0, 0.0));
            }
            pen.text(&self.x.title, ((LEFT + RIGHT) / 2.0, HEIGHT - 16.0), look(13.0, BLACK, HPos::Center));
            let upwards = Look { upwards: true, ..look(13.0, BLACK, HPos::Center) };
            pen.text(&self.y.title, (17.0, (top + BOTTOM) / 2.0), upwards);
        });
    }

    fn line(&self, canvas: &mut Canvas, top: f64, index: usize, line: &Line) {
        let Stroke { colour, width, marker, .. } = line.stroke;
        let parts: Vec<Vec<(f64, f64)>> =
            line.parts.iter().map(|part| thin(part.iter().map(|&point| self.place(top, point)).collect())).collect();
        canvas.group(&line.stroke.attributes(&format!("line-{index}")), |pen| {
            for part in parts.iter().filter(|part| part.len() > 1) {
                pen.path(part, colour, width);
            }
        });
        let Some(marker) = marker else { return };
        canvas.group(&format!("id=\"marks-{index}\""), |pen| match &line.marks {
            Marks::Sparse => {
                let first = MARKER_EVERY * (index as f64 + 0.5) / self.lines.len() as f64;
                for place in sparse(&parts, LEFT + first) {
                    pen.marker(marker, place, 4.0, colour, false);
                }
            }
            Marks::At(marks) => {
                for &(x, y, open) in marks {
                    pen.marker(marker, self.place(top, (x, y)), 4.5, colour, open);
                }
            }
        });
    }

    /// What lines are uncertain by: areas beneath them, and whiskers.
    fn areas(&self, canvas: &mut Canvas, top: f64) {
        for (index, area) in self.areas.iter().enumerate() {
            let corners: Vec<(f64, f64)> = area.corners.iter().map(|&corner| self.place(top, corner)).collect();
            canvas.group(&format!("id=\"area-{index}\" class=\"area\" opacity=\"0.17\""), |pen| {
                if corners.len() > 2 {
                    pen.polygon(&corners, area.colour);
                }
            });
            canvas.group(&format!("id=\"whiskers-{index}\" opacity=\"0.75\""), |pen| {
                for &(from, to) in &area.whiskers {
                    // An end beyond the axes is not shown as one.
                    let within = [from, to].map(|(x, y)| self.x.scale.holds(x) && self.y.scale.holds(y));
                    whisker(pen, [self.place(top, from), self.place(top, to)], within, area.colour);
                }
            });
        }
    }

    fn levels(&self, canvas: &mut Canvas, top: f64) {
        canvas.group("class=\"level\" stroke-dasharray=\"20,30\"", |pen| {
            for level in &self.levels {
                let (_, y) = self.place(top, (0.0, level.at));
                pen.line((LEFT, y), (RIGHT, y), INK, 1.2);
            }
        });
    }

    /// The names of the levels, on a white halo that keeps them legible over whatever crosses them.
    fn level_names(&self, canvas: &mut Canvas, top: f64) {
        let names = |pen: &mut Pen<'_>, colour| {
            for level in &self.levels {
                let (_, y) = self.place(top, (0.0, level.at));
                let y = if y - top < 20.0 { y + 11.0 } else { y - 10.0 };
                pen.text(&level.name, (LEFT + 8.0, y), look(11.0, colour, HPos::Left));
            }
        };
        // Drawn twice rather than with `paint-order`, which some renderers do not know.
        let halo = "class=\"halo\" stroke=\"#FFFFFF\" stroke-width=\"40\" stroke-linejoin=\"round\"";
        canvas.group(halo, |pen| names(pen, WHITE));
        canvas.group("id=\"levels\"", |pen| names(pen, INK));
    }
}

/// A line between two places, with a bar across those ends that are `ends` of it.
pub(super) fn whisker(pen: &mut Pen<'_>, places: [(f64, f64); 2], ends: [bool; 2], colour: RGBColor) {
    let [from, to] = places;
    pen.line(from, to, colour, 1.1);
    let (x, y) = if from.0 == to.0 { (3.0, 0.0) } else { (0.0, 3.0) };
    for (end, _) in places.into_iter().zip(ends).filter(|(_, is_end)| *is_end) {
        pen.line((end.0 - x, end.1 - y), (end.0 + x, end.1 + y), colour, 1.1);
    }
}

/// A tick that points `outwards` from its axis, with its label behind it.
pub(super) fn tick(pen: &mut Pen<'_>, label: &Option<String>, (x, y): (f64, f64), outwards: (f64, f64)) {
    let length = if label.is_some() { 5.0 } else { 3.0 };
    pen.line((x, y), (x + outwards.0 * length, y + outwards.1 * length), INK, 1.0);
    let Some(label) = label else { return };
    let anchor = if outwards.0 < 0.0 { HPos::Right } else { HPos::Center };
    pen.text(label, (x + outwards.0 * 9.0, y + outwards.1 * 16.0), look(12.0, INK, anchor));
}

/// The points next after every `MARKER_EVERY` pixels of the x axis from `first`, and every point that stands alone.
fn sparse(parts: &[Vec<(f64, f64)>], first: f64) -> Vec<(f64, f64)> {
    let mut next = first;
    let mut chosen = Vec::new();
    for part in parts {
        for &(x, y) in part {
            if x >= next || part.len() == 1 {
                chosen.push((x, y));
                while next <= x {
                    next += MARKER_EVERY;
                }
            }
        }
    }
    chosen
}

/// Leaves out points too near to the one before them to be seen apart; the ends stay.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let last = points.len().saturating_sub(1);
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        let near = kept.last().is_some_and(|&(a, b)| (x - a).abs() < 0.4 && (y - b).abs() < 0.4);
        if !near || index == last {
            kept.push((x, y));
        }
    }
    kept
}
