//! A proposal that came before its view.

use std::sync::Arc;

use crate::base::View;
use crate::ledger::{Block, Certificate};

/// The earliest proposal of a view that has not begun here: its leader had the TC sooner. One, so that liars who name far
/// views take no place from it, and no memory.
#[derive(Debug, Default)]
pub(in crate::consensus) struct Early(Option<(Arc<Block>, Arc<Certificate>)>);

impl Early {
    /// Keeps a proposal of a view after `current`, the first of the earliest view.
    pub fn hold(&mut self, block: &Arc<Block>, parent: &Arc<Certificate>, current: View) {
        let better = |(held, _): &(Arc<Block>, _)| held.view <= current || block.view < held.view;
        if self.0.as_ref().is_none_or(better) {
            self.0 = Some((block.clone(), parent.clone()));
        }
    }

    /// The proposal of a view up to `view`, which begins now.
    pub fn take(&mut self, view: View) -> Option<(Arc<Block>, Arc<Certificate>)> {
        self.0.take_if(|(held, _)| held.view <= view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::chained::testing::{child, genesis, genesis_certificate};

    #[test]
    fn the_first_proposal_of_the_earliest_view_is_held_until_the_view_begins() {
        let mut early = Early::default();
        let mut hold = |view| early.hold(&child(&genesis(), view), &genesis_certificate(), View(1));
        [9, 3, 5, 3].into_iter().for_each(&mut hold);
        assert!(early.take(View(2)).is_none());
        assert_eq!(early.take(View(3)).map(|(block, _)| block.view), Some(View(3)));
        assert!(early.take(View(3)).is_none());
    }

    #[test]
    fn a_proposal_whose_view_went_by_gives_way() {
        let mut early = Early::default();
        early.hold(&child(&genesis(), 3), &genesis_certificate(), View(1));
        early.hold(&child(&genesis(), 6), &genesis_certificate(), View(4));
        assert_eq!(early.take(View(6)).map(|(block, _)| block.view), Some(View(6)));
    }
}
