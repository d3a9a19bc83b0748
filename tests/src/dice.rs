//! Numbers that look random and are the same for the same seed: what a drill does is told by its seed.

/// A source of such numbers (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of the `number`-th user of a seed.
    #[must_use]
    pub fn of(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        Self(dice.below(u64::MAX) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `most`; 0 for 0.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(most).unwrap_or(0)
    }

    /// Other dice of the same user.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self(!self.0)
    }
}
