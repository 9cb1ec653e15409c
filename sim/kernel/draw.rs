//! Stateless randomness: a draw is a keyed hash of what it is for.
//!
//! A stream of random numbers makes a value depend on everything drawn before it: adding a node, or delivering in
//! another order, would change all later luck. Here `draw(seed, site, a, b, c)` depends on its arguments only: the run's
//! seed, the place in the code that asks, and up to three numbers naming the case (a pair of nodes and a message, say).
//! Any part of a run may be computed in any order, on any thread, or not at all.
//!
//! The hash folds 64×64→128-bit products: three dependent multiplications, about 3 ns; many draws overlap in the
//! processor. It is no cipher. Golden vectors in the tests pin every value: a change of any function here, of a table
//! or of a [`Site`]'s number changes all results ever published, so such a change needs a new name beside the old.
//!
//! Distributions take the 64 bits of a draw as a fraction of one. They are integer tables, built once with the `libm`
//! crate, because the platform's `ln` and `exp` differ between processors.

mod alias;
mod quantile;

pub use alias::Alias;
pub use quantile::{LogNormal, NORMAL_ONE, exponential, normal};

/// What a draw is for. Numbers are part of every published result: append, never renumber or reuse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Site {
    /// When a client's next transaction arrives.
    Arrival = 0,
    /// Which hospital it arrives at.
    Hospital = 1,
    /// Which kind of transaction it is.
    Kind = 2,
    /// How large its payload is.
    Payload = 3,
    /// What its payload says.
    Body = 4,
    /// Secret keys of simulated identities.
    Key = 5,
    /// How long a message takes beyond the propagation delay.
    Jitter = 6,
    /// Whether a packet is lost.
    Loss = 7,
    /// What becomes of its retransmission.
    Retransmit = 8,
    /// Where faults and forgeries are injected.
    Inject = 9,
    /// The delay of a site's access line.
    AccessLatency = 10,
    /// Seeds of a saturation search's points.
    Bisect = 11,
    /// The PHOLD benchmark.
    Phold = 12,
    /// The voting benchmark.
    Vote = 13,
    /// Whether a disturbed link loses, delays or repeats a message.
    Disturb = 14,
    /// Which side of a view's partition a machine is on.
    Split = 15,
    /// Random fault schedules.
    Schedule = 16,
    /// Which transactions concern two shards, and what they move.
    Cross = 17,
    /// What was on the ledger before the run.
    Genesis = 18,
    /// What transactions ask for.
    Script = 19,
    /// How much more or less than usual a region submits for a while.
    Burst = 20,
    /// How many later transactions come of a first one.
    Followers = 21,
    /// When a hospital's line is cut.
    Line = 22,
    /// Who replays a trace, and at what time of the day.
    Replay = 23,
}

// The first 64-bit words of the fraction of pi: numbers with nothing up their sleeve.
const PI: [u64; 5] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89, 0x4528_21e6_38d0_1377];

/// 64 uniform bits that depend on all arguments and on nothing else.
#[inline]
pub fn draw(seed: u64, site: Site, a: u64, b: u64, c: u64) -> u64 {
    // The key depends on seed and site alone, so loops over the other arguments compute it once.
    let key = fold(seed ^ PI[0], (site as u64 + 1).wrapping_mul(PI[1] | 1));
    let pair = fold(a ^ key, b ^ key.rotate_left(32) ^ PI[2]);
    let all = fold(pair ^ c.wrapping_mul(PI[3] | 1), key ^ PI[4]);
    fold(all, pair ^ PI[1])
}

/// Both halves of the full product, folded together: every bit of the result depends on every bit of both factors.
#[inline]
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    product as u64 ^ (product >> 64) as u64
}

/// A number below `n`, uniform but for a bias of at most `n / 2^64`.
///
/// # Panics
/// When `n` is zero.
#[inline]
pub fn below(n: u64, bits: u64) -> u64 {
    assert!(n > 0, "no number is below zero");
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// A probability as a fraction of 2^64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Chance(u64);

impl Chance {
    /// It never happens.
    pub const NEVER: Chance = Chance(0);

    /// The nearest fraction to `probability`; certainty is short of one by 2^-64.
    ///
    /// # Panics
    /// When `probability` is not between 0 and 1.
    pub fn new(probability: f64) -> Chance {
        assert!((0.0..=1.0).contains(&probability), "a probability is between 0 and 1, got {probability}");
        // 2^64 as a float; the cast saturates, which takes care of certainty.
        Chance((probability * 18_446_744_073_709_551_616.0) as u64)
    }

    /// How probable it is, between 0 and 1.
    pub fn probability(self) -> f64 {
        self.0 as f64 / 18_446_744_073_709_551_616.0
    }

    /// Whether it happens, given the bits of a draw.
    #[inline]
    pub const fn happens(self, bits: u64) -> bool {
        bits < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        let sum = (0..1000).fold(0u64, |sum, i| sum.rotate_left(5) ^ draw(i, Site::Body, i / 3, i * i, i << 32));
        let most = draw(u64::MAX, Site::Vote, u64::MAX, u64::MAX, u64::MAX);
        let drawn = [draw(0, Site::Arrival, 0, 0, 0), draw(1, Site::Jitter, 2, 3, 4), most, sum];
        assert_eq!(
            drawn,
            [
                4_770_532_886_833_212_569,
                10_928_024_078_351_474_526,
                11_991_169_169_692_917_441,
                4_278_498_133_178_345_950
            ]
        );
    }

    #[test]
    fn sites_keep_their_numbers() {
        assert_eq!((Site::Arrival as u8, Site::Inject as u8, Site::Vote as u8), (0, 9, 13));
    }

    /// Flipping any bit of any argument flips each bit of the result about half of the time.
    #[test]
    fn every_input_bit_reaches_every_output_bit() {
        const TRIALS: u64 = 2000;
        for argument in 0..4 {
            for bit in (0..64).step_by(3) {
                let mut flips = [0u32; 64];
                for trial in 0..TRIALS {
                    let mut inputs = [42, trial, trial / 7, trial % 13];
                    let before = draw(inputs[0], Site::Loss, inputs[1], inputs[2], inputs[3]);
                    inputs[argument] ^= 1 << bit;
                    let changed = before ^ draw(inputs[0], Site::Loss, inputs[1], inputs[2], inputs[3]);
                    (0..64).for_each(|out| flips[out] += (changed >> out) as u32 & 1);
                }
                // Six standard deviations of 1000 ± 22.4 flips.
                let odd = flips.iter().find(|&&count| !(866..=1134).contains(&count));
                assert_eq!(odd, None, "argument {argument}, bit {bit}");
            }
        }
    }

    /// Chi-square over 256 cells of high and low bytes, for the small consecutive arguments that runs use.
    #[test]
    fn small_consecutive_arguments_give_uniform_bytes() {
        const DRAWS: u64 = 1 << 16;
        for shift in [0, 24, 56] {
            for which in 0..3 {
                let mut cells = [0u64; 256];
                for i in 0..DRAWS {
                    let (a, b, c) = [(i, 0, 0), (i % 256, i / 256, 7), (3, i % 64, i / 64)][which];
                    cells[(draw(7, Site::Jitter, a, b, c) >> shift) as usize % 256] += 1;
                }
                let expected = (DRAWS / 256) as f64;
                let chi: f64 = cells.iter().map(|&n| (n as f64 - expected) * (n as f64 - expected) / expected).sum();
                // 255 degrees of freedom: 255 ± 22.6.
                assert!((140.0..400.0).contains(&chi), "chi-square {chi} at shift {shift}, case {which}");
            }
        }
    }

    #[test]
    fn different_cases_give_different_draws() {
        let mut draws: Vec<u64> = Vec::new();
        for a in 0..64 {
            for b in 0..64 {
                (0..16).for_each(|c| draws.push(draw(1, Site::Jitter, a, b, c)));
                draws.push(draw(1, Site::Loss, a, b, 0));
            }
        }
        let all = draws.len();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), all);
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        assert_eq!((below(10, 0), below(10, u64::MAX), below(1, u64::MAX)), (0, 9, 0));
        let mut seen = [0u32; 7];
        (0..7000).for_each(|i| seen[below(7, draw(3, Site::Kind, i, 0, 0)) as usize] += 1);
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }

    #[test]
    fn chances_happen_as_often_as_they_say() {
        let happened = |p| (0..10_000).filter(|&i| Chance::new(p).happens(draw(5, Site::Loss, i, 0, 0))).count();
        assert_eq!((happened(0.0), happened(1.0)), (0, 10_000));
        assert!((2300..2700).contains(&happened(0.25)));
    }
}
