//! What evidence is worth, in one place: every number that the score is made of, in nats (natural logarithms of likelihood ratios).
//!
//! `+2.3` makes a match ten times as likely, `-2.3` a tenth. What *agreement* is worth is not here: it comes from how rare the agreeing word
//! or value is in the directory at hand. Here stand how often one firm's two records disagree, and what tells two firms apart.

/// A name that agrees as a whole: firms of one market avoid each other's names, so chance makes whole names equal less often than its words.
pub(crate) const WHOLE_NAME: f32 = 3.3;
/// The least that a whole name is worth beyond what finds one record among all, when one of its words is more than a trade or a place:
/// a name that one record of the list bears is not a frequent one, whatever words it is made of.
pub(crate) const LEAST_BEYOND_RECORDS: f32 = 3.4;
/// Every word of one stands for one of the other, though not all are spelled alike: most of what makes whole names telling holds for them too.
pub(crate) const WHOLE_BUT_SPELLING: f32 = 2.5;
/// The least for an equal name of trades, places and initials only.
pub(crate) const LEAST_OF_COMMON_WORDS: f32 = 2.4;
/// The same words in another order.
pub(crate) const OTHER_ORDER: f32 = -0.4;
/// The same letters with other spaces.
pub(crate) const OTHER_SPACES: f32 = -0.5;
/// What names alone can be worth at most, beyond what finds one record among all: firms have branches and namesakes, however rare the name.
pub(crate) const MOST_BEYOND_RECORDS: f32 = 4.6;
/// What lowers that ceiling for names that are not equal: relatives (a parent, a branch, a namesake) differ in the same ways as two spellings of
/// one firm, and rare words in common speak for both. Of what a word spelled otherwise costs, this part: more for one that tells firms apart.
pub(crate) const LESS_FOR_A_SPELLING: f32 = 0.5;
pub(crate) const LESS_FOR_A_COMMON_SPELLING: f32 = 0.15;
/// The ceiling is never below this for two records with one phone or one address.
pub(crate) const MOST_TOGETHER: f32 = 2.1;
/// What evidence above the ceiling counts.
pub(crate) const ABOVE_THE_MOST: f32 = 0.06;
/// From this worth on a word that only one side has is as telling as can be.
pub(crate) const RARE_WORD: f32 = 4.5;
/// The same for a word that only one side has, by kind. A place is between the two: one that many names here have is left out as easily as a
/// trade, one that hardly any has is another branch.
pub(crate) const LESS_FOR_A_WORD: f32 = 3.4;
pub(crate) const LESS_FOR_A_GENERIC: f32 = 1.5;
pub(crate) const LESS_FOR_A_PLACE: (f32, f32) = (0.7, 3.4);
pub(crate) const LESS_FOR_A_RELATIVE: f32 = 3.5;
pub(crate) const LESS_FOR_A_LETTER: f32 = 1.3;
/// Where a place begins to be rare, and where it is as rare as can be, in nats.
pub(crate) const RARE_PLACE: (f32, f32) = (3.0, 5.0);
/// Equal as written, letter by letter.
pub(crate) const AS_WRITTEN: f32 = 0.9;
/// Equal but for capitals, punctuation and the legal form: no abbreviation had to be written out.
pub(crate) const AS_SPELLED: f32 = 0.3;
/// The address as it is written: only to order candidates that are equal in everything else.
pub(crate) const ADDRESS_AS_WRITTEN: f32 = 0.05;
/// One form of law on both sides, or two different ones.
pub(crate) const SAME_LEGAL_FORM: f32 = 0.2;
pub(crate) const OTHER_LEGAL_FORM: f32 = -0.6;
/// The match runs through a second name.
pub(crate) const SECOND_NAME: f32 = -0.4;
/// Equal but for what stands in brackets on one side: a remark, or the branch.
pub(crate) const ONE_BRACKET: f32 = -1.8;
/// Equal but for what stands in brackets on both sides: "Elm Bank (Asia)" and "Elm Bank (London)".
pub(crate) const OTHER_BRACKETS: f32 = -2.8;
/// A second name on both sides, beside first names that differ: "Foo, trading as Blue Door" and "Bar, trading as Blue Door".
pub(crate) const SECOND_NAMES: f32 = -2.8;

/// The share of its worth with which the first, second, third .. shared word counts: words of one name go together.
pub(crate) const WORD_SHARES: [f32; 6] = [1.0, 0.85, 0.65, 0.5, 0.4, 0.3];
/// As [`WORD_SHARES`], for words that only one side has: qualifiers come in groups.
pub(crate) const EXTRA_SHARES: [f32; 6] = [1.0, 0.7, 0.5, 0.35, 0.25, 0.2];

/// A letter wrong in a word, and each further one.
pub(crate) const SLIP: f32 = 1.8;
pub(crate) const FURTHER_SLIP: f32 = 2.3;
/// What a slip says less the more words of the list stand one slip apart by chance, as short ones do and the syllables of one region: that
/// some word is near tells as much less as a word that so many names have.
pub(crate) fn crowded(neighbours: f32) -> f32 {
    ((neighbours + ALONE) / ALONE).ln()
}

/// The part of that for two spellings of one sound, which are fewer than slips.
pub(crate) const CROWD_OF_SOUNDS: f32 = 0.5;

/// So many names a word that no other name has counts as.
const ALONE: f32 = 0.2;
/// The part of that for a word which only this name has beside a long common one: "constructiion" is no word.
pub(crate) const NO_WORD: f32 = 0.2;
/// The first letter is wrong, which people rarely get wrong.
pub(crate) const FIRST_LETTER: f32 = 1.6;
/// Both spellings are words that other names have too: they are two words rather than one misspelt.
pub(crate) const BOTH_KNOWN: f32 = 2.2;
/// A word cut short or abbreviated, another ending of one stem, an initial, an acronym, two words written as one.
pub(crate) const CUT_SHORT: f32 = 1.5;
pub(crate) const RARE_ABBREVIATION: f32 = 4.5;
pub(crate) const CUT_LETTER: f32 = 0.25;
/// A word cut short that is not the last one: what cuts names cuts them at the end.
pub(crate) const CUT_INSIDE: f32 = 2.0;
/// A word cut to a few letters: too little remains to be a beginning rather than another word.
pub(crate) const CUT_TO_LITTLE: f32 = 1.0;
pub(crate) const OTHER_ENDING: f32 = 1.3;
/// Another ending of a trade ("contractor", "contracting").
pub(crate) const OTHER_ENDING_OF_A_TRADE: f32 = 0.5;
/// Two ways of writing one sound ("Lüders" and "Lueders", "Lilymac" and "Lillymac").
pub(crate) const SAME_SOUND: f32 = 0.8;
pub(crate) const INITIAL: f32 = 1.6;
pub(crate) const ACRONYM: f32 = 2.5;
pub(crate) const JOINED: f32 = 0.6;

/// A word that only one side has costs this share of its worth, up to a limit.
pub(crate) const EXTRA_WORD: (f32, f32) = (0.45, 3.2);
pub(crate) const EXTRA_GENERIC: (f32, f32) = (0.35, 1.5);
pub(crate) const EXTRA_PLACE: (f32, f32) = (0.25, 1.3);
pub(crate) const EXTRA_RELATION: f32 = 2.5;
pub(crate) const EXTRA_DIRECTION: f32 = 2.5;
pub(crate) const EXTRA_NUMBER: f32 = 2.2;
pub(crate) const EXTRA_LETTER: f32 = 0.8;

/// Both sides have a word of the kind that the other lacks: that is a contradiction, not an omission.
pub(crate) const OTHER_WORD: f32 = 2.5;
/// A word worth less than this is too common in these lists to contradict in full.
pub(crate) const TELLING_WORD: f32 = 6.0;
pub(crate) const OTHER_GENERIC: f32 = 2.2;
pub(crate) const OTHER_PLACE: f32 = 3.0;
/// The same initials in another order.
pub(crate) const SWAPPED_LETTERS: f32 = 3.5;
pub(crate) const OTHER_DIRECTION: f32 = 4.5;
pub(crate) const OTHER_NUMBER: f32 = 4.5;
pub(crate) const OTHER_LETTER: f32 = 2.5;
/// Names never count against a match by more than this, less where names are kept carelessly: what the records share otherwise can
/// outweigh a renaming.
pub(crate) const WORST_NAME: f32 = -5.0;

/// Kinds of agreement that are not independent (one office has one phone, one site, one house): the best counts whole, the next less.
pub(crate) const FIELD_SHARES: [f32; 5] = [1.0, 0.6, 0.35, 0.2, 0.1];

/// So many records beside those of the list are thought of when it says how likely a counterpart is.
pub(crate) const FEW_RECORDS: f32 = 0.5;

/// So many records the prior of a value's frequency counts as.
pub(crate) const PRIOR_RECORDS: f32 = 20.0;
/// How many of all records share any one state, town and postcode before a list has said anything.
pub(crate) const STATE_SHARED: f32 = 0.3;
pub(crate) const CITY_SHARED: f32 = 0.1;
pub(crate) const POSTCODE_SHARED: f32 = 0.02;

/// So many records that share a value are often one firm entered more than once, and count less than that many strangers.
pub(crate) const FEW_SHARING: f32 = 8.0;

/// Two different tax ids of one kind.
pub(crate) const OTHER_TAX_ID: f32 = -6.0;
/// Two different numbers of projects.
pub(crate) const OTHER_PROJECT_NUMBER: f32 = -3.5;
/// Two different numbers of vendors, which every system gives out anew.
pub(crate) const OTHER_VENDOR_NUMBER: f32 = -0.3;
/// Two domains that belong to one firm each.
pub(crate) const OTHER_DOMAIN: f32 = -0.8;
/// One house, another suite; one street, a few numbers apart: as shares of what one house would be worth.
pub(crate) const OTHER_UNIT: f32 = 0.55;
pub(crate) const NEAR: f32 = 0.15;
/// One street, as a share of what another place costs.
pub(crate) const SAME_STREET: f32 = 0.85;
/// Another place, for a name that several places bear.
pub(crate) const CHAIN_ELSEWHERE: f32 = -2.5;
/// Another owner; other dates (years apart); no vendor in common.
pub(crate) const OTHER_OWNER: f32 = -1.2;
pub(crate) const OTHER_DATES: f32 = -1.5;
pub(crate) const SAME_DATES: f32 = 1.5;
pub(crate) const NO_SHARED_VENDOR: f32 = -1.0;

/// Where addresses of one firm agree this often, another address is a contradiction.
pub(crate) const ADDRESSES_KEPT: f32 = 0.9;

/// How often two records of one firm agree in a field, before the directory at hand has said anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rates {
    /// How many of the records have a counterpart at all.
    pub(crate) partner: f32,
    pub(crate) phone: f32,
    pub(crate) email: f32,
    pub(crate) domain: f32,
    pub(crate) address: f32,
    pub(crate) postcode: f32,
    pub(crate) city: f32,
    pub(crate) state: f32,
    /// How often one of the two names of one firm has words that the other lacks.
    pub(crate) renamed: f32,
}

impl Rates {
    /// How much words that only one side has count against a match: where names are kept carelessly, little; where they are not, much.
    pub(crate) fn extra_words(&self) -> f32 {
        self.care().clamp(0.5, 1.0)
    }

    /// How much they lower what names that differ can be worth. However carelessly names are kept, most of it counts: a list full of look-alikes
    /// must not teach that they are one.
    pub(crate) fn relatives(&self) -> f32 {
        self.care().clamp(0.8, 1.2)
    }

    fn care(&self) -> f32 {
        self.renamed.ln() / USUALLY_RENAMED.ln()
    }
}

/// How often one name of a firm has words that the other lacks, before anything is known.
const USUALLY_RENAMED: f32 = 0.25;

impl Default for Rates {
    fn default() -> Self {
        Self {
            partner: 0.6,
            phone: 0.7,
            email: 0.6,
            domain: 0.8,
            address: 0.7,
            postcode: 0.85,
            city: 0.88,
            state: 0.96,
            renamed: USUALLY_RENAMED,
        }
    }
}
