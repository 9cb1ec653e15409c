//! Conservation of load: submitted = committed + pending + dropped, with a reason for each drop.

use super::{Judge, Tap};

/// Counts both sides on its own and compares when the run has ended.
pub(super) struct Accounting {
    weight: u64,
    submitted: u64,
    in_effect: u64,
    rejected: u64,
}

impl Accounting {
    pub(super) fn new(weight: u32) -> Accounting {
        Accounting { weight: u64::from(weight), submitted: 0, in_effect: 0, rejected: 0 }
    }
}

impl Judge for Accounting {
    fn name(&self) -> &'static str {
        "accounting"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Submitted { .. } => self.submitted += self.weight,
            Tap::TookEffect { .. } => self.in_effect += self.weight,
            Tap::Rejected { .. } => self.rejected += self.weight,
            Tap::Ended { inventory } => {
                let pending = inventory.total() * self.weight;
                if self.submitted != self.in_effect + self.rejected + pending {
                    return Err(format!(
                        "{} submitted are not {} in effect, {} refused and {pending} pending ({inventory:?})",
                        self.submitted, self.in_effect, self.rejected
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
