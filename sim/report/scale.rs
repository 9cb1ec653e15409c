//! Axes: how values map to places, which ticks they carry, and how numbers are written.
//!
//! All arithmetic is `libm`'s or exact, so that a figure has the same bytes on every host.

/// How an axis maps values to 0..1.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    /// Values below `from`, zero among them, are drawn at the edge.
    Log {
        from: f64,
        to: f64,
    },
    /// Quantiles: every further nine is as far as the one before it, as in HdrHistogram's plots.
    Nines {
        to: f64,
    },
}

impl Scale {
    /// Where `value` lies on the axis: 0 at its start, 1 at its end. What lies beyond is drawn at the edge.
    pub fn place(self, value: f64) -> f64 {
        let place = match self {
            Scale::Linear { from, to } => (value - from) / (to - from),
            Scale::Log { from, to } => libm::log10(value.max(from) / from) / libm::log10(to / from),
            Scale::Nines { to } => libm::log10(1.0 - value.min(to)) / libm::log10(1.0 - to),
        };
        place.clamp(0.0, 1.0)
    }

    /// Whether `value` lies on the axis.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Scale::Linear { from, to } | Scale::Log { from, to } => (from..=to).contains(&value),
            Scale::Nines { to } => (0.0..=to).contains(&value),
        }
    }
}

/// An axis with its ticks. A tick without a label is only a grid line.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub scale: Scale,
    pub title: String,
    pub ticks: Vec<(f64, Option<String>)>,
}

impl Axis {
    /// From `from` to exactly `to`, with about `count` ticks.
    pub fn linear(from: f64, to: f64, count: f64, title: &str, write: fn(f64) -> String) -> Axis {
        let to = if to > from { to } else { from + 1.0 };
        let step = tick_step((to - from) / count);
        let (first, last) = (libm::ceil(from / step), libm::floor(to / step + 1e-9));
        let ticks = (0..=(last - first) as u32).map(|index| (first + f64::from(index)) * step);
        let ticks = ticks.map(|at| (at, Some(write(at)))).collect();
        Axis { scale: Scale::Linear { from, to }, title: title.into(), ticks }
    }

    /// From zero to the first tick at or above `max`.
    pub fn from_zero(max: f64, title: &str, write: fn(f64) -> String) -> Axis {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = tick_step(max / 5.0);
        Axis::linear(0.0, libm::ceil(max / step - 1e-9) * step, 5.0, title, write)
    }

    /// Logarithmic over `min`..`max` with a margin, at least a factor of three.
    pub fn log(min: f64, max: f64, title: &str, write: fn(f64) -> String) -> Axis {
        let (mut from, mut to) = (min / 1.15, max * 1.15);
        if to < from * 3.2 {
            let middle = libm::sqrt(from * to);
            (from, to) = (middle / 1.8, middle * 1.8);
        }
        let decades = libm::log10(to / from);
        let labelled: &[f64] = if decades < 1.3 {
            &[1.0, 2.0, 3.0, 5.0, 7.0]
        } else if decades < 3.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let mut ticks = Vec::new();
        let mut decade = libm::pow(10.0, libm::floor(libm::log10(from)));
        while decade <= to {
            for digit in (1..10).map(f64::from) {
                let at = decade * digit;
                if (from..=to).contains(&at) {
                    ticks.push((at, labelled.contains(&digit).then(|| write(at))));
                }
            }
            decade *= 10.0;
        }
        Axis { scale: Scale::Log { from, to }, title: title.into(), ticks }
    }

    /// Quantiles from 0 to as many nines as leave ten of `count` samples above, three to five.
    pub fn nines(count: u64, title: &str) -> Axis {
        const TICKS: [(f64, &str); 8] = [
            (0.0, "0 %"),
            (0.5, "50 %"),
            (0.75, "75 %"),
            (0.9, "90 %"),
            (0.99, "99 %"),
            (0.999, "99.9 %"),
            (0.9999, "99.99 %"),
            (0.99999, "99.999 %"),
        ];
        let last = 5 + [100_000, 1_000_000].into_iter().filter(|&enough| count >= enough).count();
        let ticks = TICKS[..=last].iter().map(|&(at, label)| (at, Some(label.to_string()))).collect();
        Axis { scale: Scale::Nines { to: TICKS[last].0 }, title: title.into(), ticks }
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is at least `raw`.
fn tick_step(raw: f64) -> f64 {
    let decade = libm::pow(10.0, libm::floor(libm::log10(raw)));
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| decade * factor >= raw * (1.0 - 1e-9));
    decade * factor.unwrap_or(10.0)
}

/// A number with three significant digits, without trailing zeros.
pub(super) fn number(value: f64) -> String {
    // Bounds are where rounding would add a digit.
    let decimals = [99.95, 9.995, 0.9995].into_iter().position(|bound| value >= bound).unwrap_or(3);
    let text = format!("{value:.decimals$}");
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_string() }
}

/// A count with an SI prefix: `950`, `72.6k`, `1.2M`.
pub(super) fn si(value: f64) -> String {
    let prefixes = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    match prefixes.into_iter().find(|(unit, _)| value >= 0.9995 * unit) {
        Some((unit, prefix)) => format!("{}{prefix}", number(value / unit)),
        None => number(value),
    }
}

/// A latency in milliseconds with its unit: `820 µs`, `72.6 ms`, `1.24 s`.
pub(super) fn latency(ms: f64) -> String {
    let units = [(1e3, "s"), (1.0, "ms")];
    let (unit, name) = units.into_iter().find(|(unit, _)| ms >= 0.9995 * unit).unwrap_or((1e-3, "µs"));
    format!("{} {name}", number(ms / unit))
}

/// An axis of the latency from submission to receipt, from zero: in seconds or milliseconds.
pub(super) fn milliseconds(top: f64) -> Axis {
    if top >= 2_000.0 {
        Axis::from_zero(top * 1.02, "latency, submit → reply (s)", ms_as_s)
    } else {
        Axis::from_zero(top * 1.02, "latency, submit → reply (ms)", number)
    }
}

/// Milliseconds as seconds, without the unit.
fn ms_as_s(ms: f64) -> String {
    number(ms / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [0.0, 0.5, 950.0, 999.6, 72_600.0, 100_000.0, 999_700.0, 1_234_567.0, 2.5e9].map(si);
        assert_eq!(counts, ["0", "0.5", "950", "1k", "72.6k", "100k", "1M", "1.23M", "2.5G"]);
        let latencies = [0.82, 0.99999, 9.999, 99.97, 72.64, 999.4, 999.6, 12_340.0].map(latency);
        assert_eq!(latencies, ["820 µs", "1 ms", "10 ms", "100 ms", "72.6 ms", "999 ms", "1 s", "12.3 s"]);
    }

    #[test]
    fn axes_carry_a_few_ticks_inside_their_range() {
        let labels = |axis: Axis| axis.ticks.into_iter().filter_map(|(_, label)| label).collect::<Vec<_>>().join(" ");
        assert_eq!(labels(Axis::from_zero(73_000.0, "", si)), "0 20k 40k 60k 80k");
        assert_eq!(labels(Axis::from_zero(0.0, "", si)), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(labels(Axis::linear(0.0, 32.0, 8.0, "", number)), "0 5 10 15 20 25 30");
        assert_eq!(labels(Axis::log(0.3, 8_000.0, "", latency)), "1 ms 10 ms 100 ms 1 s");
        assert_eq!(labels(Axis::log(210.0, 1_900.0, "", latency)), "200 ms 300 ms 500 ms 700 ms 1 s 2 s");
        assert_eq!(labels(Axis::log(400.0, 400.0, "", latency)), "300 ms 500 ms 700 ms");
        assert_eq!(labels(Axis::nines(20_000, "")), "0 % 50 % 75 % 90 % 99 % 99.9 %");
    }

    #[test]
    fn values_find_their_place() {
        assert_eq!(Scale::Log { from: 1.0, to: 100.0 }.place(10.0), 0.5);
        assert_eq!(Scale::Log { from: 1.0, to: 100.0 }.place(0.0), 0.0);
        assert!((Scale::Nines { to: 0.9999 }.place(0.99) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::Nines { to: 0.9999 }.place(1.0), 1.0);
        assert_eq!(Scale::Linear { from: 0.0, to: 8.0 }.place(2.0), 0.25);
    }
}
