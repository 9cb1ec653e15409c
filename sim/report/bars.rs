//! Figures of bars: where each variant saturates, and how busy its resources are.

use plotters::style::text_anchor::HPos;

use super::canvas::{Canvas, Look, Pen};
use super::curves::{MOST_LINES, at_load, drawn};
use super::figures::Figure;
use super::parts::Stroke;
use super::plot::{BLACK, GRID, INK, LEFT, RIGHT, headed, look, text_width, whisker};
use super::scale::{Axis, number, si};
use super::sweep::{Bar, Cell, Source, Sweep};

/// Pixels left of titles.
const SIDE: f64 = 20.0;
/// Pixels above the first bar, and below the last.
const TOP: f64 = 66.0;
const FOOT: f64 = 56.0;
/// Bars of a figure: more cannot be read.
const MOST_BARS: usize = 32;
/// Resources below this share of their capacity, percent, wherever they are, are left out.
const LEAST_PERCENT: f64 = 0.5;

/// Draws both.
pub(super) fn of_sweep(sweep: &Sweep) -> Vec<Figure> {
    let source = match sweep.saturation.source {
        Source::Limits => "searched (limits.json); whisker: 95 % confidence",
        Source::Grid => "by the loads of the grid: sustained, and light the next one, which is not",
    };
    let saturation = saturation(&format!("scenario {}; {source}", sweep.scenario), &sweep.saturation.bars);
    vec![saturation, Figure::new("bottlenecks", bottlenecks(sweep))]
}

/// Where labels end and bars begin: as wide as the longest name, within limits.
fn margin<'a>(names: impl Iterator<Item = &'a String>) -> f64 {
    (names.map(|name| text_width(name, 12.0)).fold(0.0, f64::max) + 30.0).clamp(LEFT, 300.0)
}

/// The grid and labels of a horizontal axis from `left`.
fn axis(canvas: &mut Canvas, axis: &Axis, left: f64, right: f64, height: f64) {
    let bottom = height - FOOT;
    canvas.group("id=\"axes\"", |pen| {
        for (at, label) in &axis.ticks {
            let x = left + axis.scale.place(*at) * (right - left);
            pen.line((x, TOP), (x, bottom), GRID, 1.0);
            if let Some(label) = label {
                pen.text(label, (x, bottom + 15.0), look(12.0, INK, HPos::Center));
            }
        }
        pen.line((left, TOP), (left, bottom), INK, 1.2);
        pen.text(&axis.title, ((left + right) / 2.0, height - 18.0), look(13.0, BLACK, HPos::Center));
    });
}

/// What is known of a saturation point, in words.
pub(super) fn words(bar: &Bar) -> String {
    let load = match (bar.lower_tps, bar.upper_tps) {
        (Some(lower), Some(upper)) => format!("{} to {} tx/s", si(lower), si(upper)),
        (Some(lower), None) => format!("above {} tx/s", si(lower)),
        (None, Some(upper)) => format!("below {} tx/s", si(upper)),
        (None, None) => "not known".into(),
    };
    match bar.binding_resource.as_str() {
        "none" => load,
        resource => format!("{load}, {}", resource.replace('_', " ")),
    }
}

/// A bar to what is sustained, a lighter one on to what is not, and a whisker for what replicates differ by.
pub(super) fn saturation(subtitle: &str, all: &[Bar]) -> Figure {
    const ROW: f64 = 34.0;
    let bars = &all[..all.len().min(MOST_BARS)];
    let cut = format!("; the first {MOST_BARS} of {} variants", all.len());
    let subtitle = format!("{subtitle}{}", if all.len() > MOST_BARS { &cut } else { "" });
    let height = TOP + ROW * bars.len() as f64 + FOOT;
    let title = "Saturation point of each variant";
    let mut canvas = headed(title, &subtitle, SIDE, height);
    let left = margin(bars.iter().map(|bar| &bar.name));
    let said = bars.iter().map(|bar| text_width(&words(bar), 11.0)).fold(0.0, f64::max);
    let right = RIGHT - said.min(300.0);
    let ends = bars.iter().flat_map(|bar| {
        let high = bar.estimate.map(|estimate| estimate.mean + estimate.half_width_95.unwrap_or(0.0));
        [bar.lower_tps, bar.upper_tps, high]
    });
    let scale = Axis::from_zero(ends.flatten().fold(0.0, f64::max), "offered load (tx/s)", si);
    axis(&mut canvas, &scale, left, right, height);
    let x = |tps: f64| left + scale.scale.place(tps) * (right - left);
    for (index, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * (index as f64 + 0.5);
        let colour = Stroke::nth(bar.variant.unwrap_or(index)).colour;
        let (lower, upper) = (bar.lower_tps.unwrap_or(0.0), bar.upper_tps.or(bar.lower_tps).unwrap_or(0.0));
        canvas.group(&format!("id=\"bracket-{index}\" opacity=\"0.35\""), |pen| {
            pen.area((x(lower), y - 9.0), (x(upper), y + 9.0), colour);
        });
        canvas.group(&format!("id=\"bar-{index}\""), |pen| {
            pen.area((left, y - 9.0), (x(lower), y + 9.0), colour);
            if let Some((mean, half)) = bar.estimate.and_then(|known| Some((known.mean, known.half_width_95?))) {
                let low = (mean - half).max(0.0);
                whisker(pen, [(x(low), y), (x(mean + half), y)], [mean > half, true], BLACK);
            }
            let high = bar.estimate.map_or(0.0, |known| known.mean + known.half_width_95.unwrap_or(0.0));
            label(pen, &bar.name, (left - 8.0, y), left - 16.0);
            pen.text(&words(bar), (x(upper.max(high)) + 10.0, y), look(11.0, INK, HPos::Left));
        });
    }
    Figure::new("saturation", canvas.svg())
}

/// A name that ends at `place`, made smaller where it is longer than `room`.
fn label(pen: &mut Pen<'_>, name: &str, place: (f64, f64), room: f64) {
    let size = (12.0 * room / text_width(name, 12.0)).min(12.0);
    pen.text(name, place, look(size, INK, HPos::Right));
}

/// For each variant a stack of bars, one for each class of resource: the busiest node.
fn bottlenecks(sweep: &Sweep) -> String {
    const ROW: f64 = 13.0;
    const GAP: f64 = 16.0;
    let cells: Vec<&Cell> = sweep.at_reference().filter(|cell| cell.variant < MOST_LINES).collect();
    let mut names: Vec<&String> = cells.iter().flat_map(|cell| used(cell)).collect();
    names.sort();
    names.dedup();
    let rows: usize = cells.iter().map(|cell| used(cell).count().max(1)).sum();
    let height = TOP + ROW * rows as f64 + 2.0 * GAP * cells.len() as f64 + FOOT;
    let title = "How busy each class of resource is";
    let of = "the busiest node, mean of replicates; bold: what binds";
    let subtitle = format!("{}; {of}{}", at_load(sweep), drawn(sweep).1);
    let mut canvas = headed(title, &subtitle, SIDE, height);
    let variants = cells.iter().map(|cell| &sweep.variants[cell.variant].name);
    let left = margin(variants.chain(names.iter().copied())) + SIDE;
    let right = RIGHT - 44.0;
    let most = cells.iter().flat_map(|cell| used(cell).map(|name| cell.utilisation[name][1])).fold(0.0, f64::max);
    let scale = Axis::from_zero(most, "percent of capacity", number);
    axis(&mut canvas, &scale, left, right, height);
    let mut y = TOP + GAP / 2.0;
    for cell in &cells {
        canvas.group(&format!("id=\"stack-{}\"", cell.variant), |pen| {
            let name = &sweep.variants[cell.variant].name;
            pen.text(name, (SIDE, y), Look { bold: true, ..look(12.0, BLACK, HPos::Left) });
            y += GAP;
            for resource in used(cell) {
                let percent = cell.utilisation[resource][1];
                let nth = names.iter().position(|known| *known == resource).unwrap_or(0);
                let binds = *resource == cell.binding_resource;
                let look = |anchor| Look { bold: binds, ..look(10.5, if binds { BLACK } else { INK }, anchor) };
                let end = left + scale.scale.place(percent) * (right - left);
                pen.area((left, y - 5.0), (end, y + 5.0), Stroke::nth(nth).colour);
                pen.text(&resource.replace('_', " "), (left - 8.0, y), look(HPos::Right));
                pen.text(&format!("{} %", number(percent)), (end + 6.0, y), look(HPos::Left));
                y += ROW;
            }
            y += GAP;
        });
    }
    canvas.svg()
}

/// The classes of resource of a cell that are used at all.
fn used(cell: &Cell) -> impl Iterator<Item = &String> {
    cell.utilisation.iter().filter(|(_, used)| used[1] >= LEAST_PERCENT).map(|(name, _)| name)
}
