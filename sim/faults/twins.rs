//! Who hears whom while there are twins: a partition of its own in every few views.

use crate::base::{Height, NodeId, Time, View};
use crate::kernel::draw::{Site, draw};

/// Until `until`, machines are on one of two sides, drawn anew every `2^stride` views (and heights), and a message of a
/// view is lost where its ends are on different sides in that view. Both twins of an identity can thus be heard, each
/// by its own side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSplits {
    /// Until when.
    pub until: Time,
    /// Sides follow from it.
    pub seed: u64,
    /// Views with the same sides, as a power of two.
    pub stride: u32,
}

impl ViewSplits {
    /// The number of a partition: that of a view at a height.
    pub fn slot(&self, height: Height, view: View) -> u64 {
        (height.0.wrapping_add(view.0)) >> self.stride
    }

    /// Whether a message of `slot` is lost between two machines.
    pub fn cuts(&self, slot: u64, from: NodeId, to: NodeId, at: Time) -> bool {
        let side = |node: NodeId| draw(self.seed, Site::Split, slot, node.0.into(), 0) & 1;
        at < self.until && side(from) != side(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_change_with_views_and_not_within_a_stride() {
        let splits = ViewSplits { until: Time::NEVER, seed: 3, stride: 2 };
        let cut = |view| splits.cuts(splits.slot(Height(0), View(view)), NodeId(0), NodeId(1), Time::ZERO);
        assert!((0..400).step_by(4).all(|view| cut(view) == cut(view + 3)));
        let cuts = (0..400).step_by(4).filter(|&view| cut(view)).count();
        assert!((30..70).contains(&cuts), "{cuts} of 100 slots cut the pair");
        let ended = ViewSplits { until: Time(5), ..splits };
        assert!(!(0..400).any(|view| ended.cuts(view, NodeId(0), NodeId(1), Time(5))));
    }
}
