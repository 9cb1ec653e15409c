//! Surges: classes of the load rise, stay high and fall again.

use std::collections::BTreeMap;

use crate::base::{Span, Time};

/// Steps that a rise or fall is made of. Each is at the height of its middle.
const STEPS: u64 = 32;

/// What a surge does to one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurgeClass {
    /// What its load is multiplied by at the height, where the surge is not at its worst.
    pub usual: f64,
    /// And in the country that it strikes most.
    pub worst: f64,
    /// How long it rises, linearly.
    pub ramp: Span,
    /// How long it stays.
    pub hold: Span,
    /// How long it falls, linearly.
    pub decay: Span,
}

/// A surge, in the time of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    /// When it begins.
    pub begins: Time,
    /// What it does, by the name of the class; it leaves others alone.
    pub classes: BTreeMap<String, SurgeClass>,
}

impl SurgeClass {
    /// From 1 to `height` and back, some time after the surge began.
    fn at(&self, since: Span, height: f64) -> f64 {
        let share = |part: Span, whole: Span| part.0 as f64 / whole.0 as f64;
        let falls = self.ramp + self.hold;
        let risen = match since {
            since if since < self.ramp => share(since, self.ramp),
            since if since < falls => 1.0,
            since if since < falls + self.decay => 1.0 - share(since - falls, self.decay),
            _ => 0.0,
        };
        1.0 + (height - 1.0) * risen
    }

    /// Where its steps begin and end, since the surge began.
    fn cuts(&self) -> impl Iterator<Item = Span> {
        let falls = self.ramp + self.hold;
        let of = |from: Span, length: Span| (0..=STEPS).map(move |nth| from + Span(length.0 * nth / STEPS));
        of(Span::ZERO, self.ramp).chain(of(falls, self.decay))
    }
}

impl Surge {
    /// When all of its classes have begun to fall.
    pub fn falls(&self) -> Time {
        let holds = self.classes.values().map(|class| class.ramp + class.hold);
        self.begins + holds.max().unwrap_or(Span::ZERO)
    }

    /// Between two of these times its height is taken for constant: 66 for each distinct course of classes.
    pub(super) fn cuts(&self) -> Vec<Time> {
        let mut cuts: Vec<Time> =
            self.classes.values().flat_map(|class| class.cuts().map(|since| self.begins + since)).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// The shortest of its steps.
    pub(super) fn resolution(&self) -> Span {
        let steps = self.classes.values().flat_map(|class| [class.ramp, class.decay]).filter(|length| length.0 > 0);
        steps.map(|length| Span(length.0 / STEPS)).min().unwrap_or(Span(u64::MAX))
    }

    /// What a class is multiplied by at a time.
    pub fn factor(&self, class: &str, struck: bool, at: Time) -> f64 {
        let Some(class) = self.classes.get(class).filter(|_| at >= self.begins) else { return 1.0 };
        class.at(at.since(self.begins), if struck { class.worst } else { class.usual })
    }
}
