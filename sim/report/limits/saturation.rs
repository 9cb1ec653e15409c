//! Each variant's saturation point: a row with bracket, interval and what binds.

use plotters::style::text_anchor::HPos;

use crate::experiment::{Limits, VariantLimit};
use crate::report::canvas::{Canvas, HEIGHT, Look, Pen, WIDTH};
use crate::report::parts::Stroke;
use crate::report::plot::{BLACK, BRACKET, GRID, INK, WHITE, look, text_width, tick};
use crate::report::scale::{Axis, si};

use super::subtitle;

/// Where rows begin and end, px.
const TOP: f64 = 84.0;
const BOTTOM: f64 = HEIGHT - 58.0;
/// Room for what binds, px.
const RIGHT_MARGIN: f64 = 190.0;
/// Names longer than this, px, are cut.
const LONGEST_NAME: f64 = 300.0;
/// The tallest row, px.
const TALLEST: f64 = 40.0;
/// Rows of a figure: more cannot be read.
const MOST_ROWS: usize = 32;
/// Loads that differ by more than this factor are drawn on a logarithmic axis.
const WIDE: f64 = 30.0;

struct Figure<'a> {
    limits: &'a Limits,
    shown: &'a [VariantLimit],
    /// What binds somewhere, in the order of rows: each has a colour and a marker.
    classes: Vec<&'a str>,
    left: f64,
    right: f64,
    row: f64,
    x: Axis,
}

/// The figure as SVG.
pub(super) fn drawn(limits: &Limits) -> String {
    let shown = &limits.variants[..limits.variants.len().min(MOST_ROWS)];
    let mut classes: Vec<&str> = Vec::new();
    for variant in shown {
        if !classes.contains(&variant.binding_resource.as_str()) {
            classes.push(&variant.binding_resource);
        }
    }
    let size = |row: f64| (row * 0.62).clamp(8.0, 12.0);
    let row = ((BOTTOM - TOP) / shown.len() as f64).min(TALLEST);
    let longest = shown.iter().map(|variant| text_width(&variant.name(), size(row))).fold(0.0, f64::max);
    let figure = Figure {
        limits,
        shown,
        classes,
        left: longest.min(LONGEST_NAME) + 24.0,
        right: WIDTH - RIGHT_MARGIN,
        row,
        x: axis(shown),
    };
    figure.svg(size(row))
}

fn loads(variant: &VariantLimit) -> impl Iterator<Item = f64> {
    let interval = variant.saturation_tps.map(|estimate| estimate.mean + estimate.half_width_95.unwrap_or(0.0));
    [variant.lower_tps, variant.upper_tps, interval].into_iter().flatten().filter(|&load| load > 0.0)
}

fn axis(shown: &[VariantLimit]) -> Axis {
    let all = || shown.iter().flat_map(loads);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let title = "largest load sustained (tx/s)";
    if most > WIDE * least { Axis::log(least, most, title, si) } else { Axis::from_zero(most * 1.02, title, si) }
}

impl Figure<'_> {
    fn svg(&self, size: f64) -> String {
        let (all, shown) = (self.limits.variants.len(), self.shown.len());
        let cut = if all > shown { format!("; the first {shown} of {all} variants") } else { String::new() };
        let bars = "green: bracket (sustained to not sustained), whiskers: 95 % interval of the mean";
        let (title, subtitle) = ("Saturation points", format!("{}; {bars}{cut}", subtitle(self.limits)));
        let mut canvas = Canvas::new(&format!("{title} ({subtitle})"), HEIGHT);
        canvas.group("id=\"paper\"", |pen| pen.area((0.0, 0.0), (WIDTH, HEIGHT), WHITE));
        canvas.group("id=\"title\"", |pen| {
            pen.text(title, (24.0, 22.0), Look { bold: true, ..look(16.0, BLACK, HPos::Left) });
            let fitting = (12.0 * (WIDTH - 48.0) / text_width(&subtitle, 12.0)).min(12.0);
            pen.text(&subtitle, (24.0, 41.0), look(fitting, INK, HPos::Left));
        });
        canvas.group("id=\"legend\"", |pen| self.legend(pen));
        canvas.group("id=\"axes\"", |pen| self.axes(pen));
        for (nth, variant) in self.shown.iter().enumerate() {
            let y = TOP + self.row * (nth as f64 + 0.5);
            canvas.group(&format!("id=\"variant-{nth}\""), |pen| self.variant(pen, variant, y, size));
        }
        canvas.svg()
    }

    fn place(&self, load: f64) -> f64 {
        self.left + self.x.scale.place(load) * (self.right - self.left)
    }

    fn legend(&self, pen: &mut Pen<'_>) {
        let mut x = 24.0;
        for (nth, class) in self.classes.iter().enumerate() {
            let name = if *class == "none" { "nothing binds".into() } else { format!("{class} binds") };
            if let Stroke { colour, marker: Some(marker), .. } = Stroke::nth(nth) {
                pen.marker(marker, (x + 5.0, 62.0), 5.0, colour, false);
            }
            pen.text(&name, (x + 16.0, 62.0), look(12.0, INK, HPos::Left));
            x += text_width(&name, 12.0) + 40.0;
        }
    }

    fn axes(&self, pen: &mut Pen<'_>) {
        let bottom = TOP + self.row * self.shown.len() as f64;
        for (at, label) in &self.x.ticks {
            let x = self.place(*at);
            pen.line((x, TOP), (x, bottom), GRID, 1.0);
            tick(pen, label, (x, bottom), (0.0, 1.0));
        }
        pen.path(&[(self.left, TOP), (self.left, bottom), (self.right, bottom)], INK, 1.2);
        pen.text(&self.x.title, ((self.left + self.right) / 2.0, bottom + 42.0), look(13.0, BLACK, HPos::Center));
    }

    fn variant(&self, pen: &mut Pen<'_>, variant: &VariantLimit, y: f64, size: f64) {
        pen.text(&fitted(&variant.name(), size), (self.left - 10.0, y), look(size, INK, HPos::Right));
        let half = (self.row * 0.3).min(8.0);
        let (from, to) = (variant.lower_tps.unwrap_or(0.0), variant.upper_tps);
        // A bracket can be narrower than a pixel, or have no upper end.
        let (left, right) = (self.place(from), to.map_or(self.right, |upper| self.place(upper)));
        pen.area((left, y - half), (right.max(left + 2.0), y + half), BRACKET);
        let nth = self.classes.iter().position(|class| *class == variant.binding_resource).unwrap_or(0);
        let Stroke { colour, marker, .. } = Stroke::nth(nth);
        if let Some(estimate) = variant.saturation_tps {
            let off = estimate.half_width_95.unwrap_or(0.0);
            let ends = [estimate.mean - off, estimate.mean + off].map(|load| self.place(load.max(0.0)));
            if off > 0.0 {
                pen.line((ends[0], y), (ends[1], y), BLACK, 1.4);
                ends.iter().for_each(|&x| pen.line((x, y - half * 0.7), (x, y + half * 0.7), BLACK, 1.4));
            }
            let marker = marker.expect("the nth line has a marker");
            pen.marker(marker, (self.place(estimate.mean), y), (self.row * 0.2).clamp(2.5, 5.0), colour, false);
        }
        let busy = variant.binding_busy.map_or(String::new(), |busy| format!(", {:.0} % busy", busy * 100.0));
        let load = variant.saturation_tps.map_or("nothing sustained".into(), |estimate| si(estimate.mean));
        pen.text(&format!("{load}{busy}"), (self.right + 12.0, y), look(size, INK, HPos::Left));
    }
}

/// A name cut to the room that there is.
fn fitted(name: &str, size: f64) -> String {
    if text_width(name, size) <= LONGEST_NAME {
        return name.into();
    }
    let mut cut = String::new();
    for c in name.chars() {
        if text_width(&cut, size) > LONGEST_NAME - 2.0 * size {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}
