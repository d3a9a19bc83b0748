//! Words: what is known of a word before any data is seen: how it is written in full, how common it is among names, and what kind it is.
//!
//! The tables are small on purpose: they are the prior, the directory at hand teaches the rest (`vocabulary.rs`). Legal forms are not words
//! of a name and live in `legal.rs`.

/// Spellings of one word, and the one that stands for all of them; sorted, because they are searched by halves.
#[rustfmt::skip]
const SPELLINGS: [(&str, &str); 224] = [
    ("acad", "academy"), ("acctg", "accounting"), ("admin", "administration"), ("aero", "aerospace"), ("agcy", "agency"),
    ("agri", "agriculture"), ("aluminium", "aluminum"), ("amer", "american"), ("apt", "apartment"), ("archts", "architect"),
    ("assn", "association"), ("assoc", "associate"), ("asst", "assistant"), ("auto", "automotive"), ("aux", "auxiliary"),
    ("bldg", "building"), ("bldgs", "building"), ("bldr", "builder"), ("bldrs", "builder"), ("blvd", "boulevard"),
    ("bros", "brother"), ("centre", "center"), ("chem", "chemical"), ("chgo", "chicago"), ("clg", "college"),
    ("cmty", "community"), ("cntr", "center"), ("colour", "color"), ("comm", "community"), ("commun", "communication"),
    ("communs", "communication"), ("conc", "concrete"), ("cond", "conditioning"), ("const", "construction"),
    ("constr", "construction"), ("constrn", "construction"), ("construc", "construction"), ("consult", "consulting"),
    ("contr", "contractor"), ("contrg", "contracting"), ("contrs", "contractor"), ("coop", "cooperative"), ("ctr", "center"),
    ("ctrs", "center"), ("cty", "county"), ("decor", "decorating"), ("dept", "department"), ("dev", "development"),
    ("devel", "development"), ("devl", "development"), ("dist", "distribution"), ("distr", "distribution"), ("div", "division"),
    ("eastern", "east"), ("educ", "education"), ("eight", "8"), ("eighth", "8th"), ("elec", "electric"), ("elect", "electric"),
    ("electr", "electric"), ("electrical", "electric"), ("elem", "elementary"), ("eleven", "11"), ("eng", "engineering"),
    ("engr", "engineering"), ("engrg", "engineering"), ("engrs", "engineer"), ("ent", "enterprise"), ("enterp", "enterprise"),
    ("entertain", "entertainment"), ("envir", "environmental"), ("environ", "environmental"), ("eqpt", "equipment"),
    ("equip", "equipment"), ("exch", "exchange"), ("fab", "fabrication"), ("fdn", "foundation"), ("fdtn", "foundation"),
    ("fed", "federal"), ("fifth", "5th"), ("fin", "financial"), ("first", "1st"), ("five", "5"), ("fncl", "financial"),
    ("fndn", "foundation"), ("fort", "ft"), ("four", "4"), ("fourth", "4th"), ("gen", "general"), ("gov", "government"),
    ("govt", "government"), ("gp", "group"), ("grey", "gray"), ("grp", "group"), ("hldg", "holding"), ("hldgs", "holding"),
    ("hlth", "health"), ("hosp", "hospital"), ("htg", "heating"), ("ii", "2"), ("iii", "3"), ("improv", "improvement"),
    ("ind", "industry"), ("inds", "industry"), ("industl", "industrial"), ("info", "information"), ("ins", "insurance"),
    ("inst", "institute"), ("instl", "installation"), ("insul", "insulation"), ("intl", "international"), ("inv", "investment"),
    ("invest", "investment"), ("invs", "investment"), ("irrig", "irrigation"), ("iv", "4"), ("ix", "9"), ("lab", "laboratory"),
    ("labour", "labor"), ("labs", "laboratory"), ("landscp", "landscaping"), ("lgt", "lighting"), ("lrng", "learning"),
    ("mach", "machine"), ("maint", "maintenance"), ("mdse", "merchandise"), ("mech", "mechanical"), ("med", "medical"),
    ("mem", "memorial"), ("metro", "metropolitan"), ("mfg", "manufacturing"), ("mfr", "manufacturer"), ("mgmt", "management"),
    ("mgt", "management"), ("mkt", "market"), ("mktg", "marketing"), ("mktpl", "marketplace"), ("mngmt", "management"),
    ("moulding", "molding"), ("mount", "mt"), ("mtg", "mortgage"), ("mtn", "mountain"), ("nat", "national"),
    ("natl", "national"), ("nbhd", "neighborhood"), ("neurol", "neurology"), ("nine", "9"), ("ninth", "9th"),
    ("northern", "north"), ("one", "1"), ("organisation", "organization"), ("paint", "painting"), ("phar", "pharmacy"),
    ("pharm", "pharmacy"), ("plbg", "plumbing"), ("plmb", "plumbing"), ("plmbg", "plumbing"), ("plumb", "plumbing"),
    ("prod", "product"), ("prods", "product"), ("prof", "professional"), ("prop", "property"), ("props", "property"),
    ("pub", "public"), ("refrig", "refrigeration"), ("rehab", "rehabilitation"), ("rlty", "realty"), ("saint", "st"),
    ("sch", "school"), ("schl", "school"), ("sci", "science"), ("second", "2nd"), ("serv", "service"), ("servs", "service"),
    ("seven", "7"), ("seventh", "7th"), ("six", "6"), ("sixth", "6th"), ("soc", "society"), ("southern", "south"),
    ("sply", "supply"), ("sq", "square"), ("std", "standard"), ("struct", "structural"), ("suppl", "supply"),
    ("surg", "surgical"), ("svc", "service"), ("svce", "service"), ("svcs", "service"), ("svs", "service"), ("sys", "system"),
    ("syst", "system"), ("tech", "technology"), ("technol", "technology"), ("telecom", "telecommunication"),
    ("telecomm", "telecommunication"), ("ten", "10"), ("tenth", "10th"), ("theatre", "theater"), ("third", "3rd"),
    ("three", "3"), ("transp", "transportation"), ("trk", "truck"), ("trkg", "trucking"), ("tuckpt", "tuckpointing"),
    ("twelve", "12"), ("two", "2"), ("twp", "township"), ("univ", "university"), ("util", "utility"), ("utils", "utility"),
    ("vent", "ventilation"), ("vet", "veterinary"), ("vi", "6"), ("vii", "7"), ("viii", "8"), ("western", "west"),
    ("whse", "warehouse"), ("whsle", "wholesale"), ("windw", "window"), ("wks", "work"), ("xi", "11"), ("xii", "12"),
    ("zero", "0"),
];

/// How many of a thousand names of firms, schools, shops and projects have the word, roughly; sorted.
#[rustfmt::skip]
const COMMON: [(&str, u8); 207] = [
    ("academy", 8), ("addition", 3), ("air", 10), ("alarm", 3), ("all", 5), ("american", 10), ("apartment", 4),
    ("architect", 8), ("associate", 12), ("association", 8), ("auto", 6), ("automotive", 3), ("avenue", 4), ("bank", 6),
    ("bar", 5), ("bath", 2), ("best", 3), ("brother", 6), ("builder", 20), ("building", 15), ("cafe", 6), ("capital", 6),
    ("care", 12), ("carpentry", 6), ("center", 20), ("central", 4), ("chicago", 6), ("child", 8), ("children", 6),
    ("church", 5), ("city", 6), ("cleaning", 4), ("clinic", 3), ("club", 4), ("college", 6), ("communication", 4),
    ("community", 8), ("company", 20), ("concrete", 10), ("conditioning", 6), ("construction", 60), ("consulting", 8),
    ("contracting", 15), ("contractor", 20), ("cooling", 8), ("corporation", 5), ("county", 3), ("custom", 5), ("data", 3),
    ("day", 8), ("decorating", 4), ("demolition", 3), ("dental", 4), ("department", 3), ("design", 15), ("development", 12),
    ("digital", 3), ("district", 2), ("door", 5), ("drywall", 4), ("early", 4), ("electric", 35), ("elementary", 4),
    ("elevator", 2), ("energy", 6), ("engineer", 5), ("engineering", 10), ("enterprise", 12), ("entertainment", 3),
    ("environmental", 4), ("equipment", 6), ("estate", 5), ("excavating", 5), ("export", 3), ("exterior", 3),
    ("fabrication", 3), ("family", 6), ("fence", 3), ("financial", 6), ("fire", 4), ("first", 5), ("flooring", 5), ("food", 6),
    ("foundation", 5), ("fund", 4), ("gas", 4), ("general", 12), ("glass", 5), ("global", 6), ("grill", 5), ("group", 25),
    ("health", 8), ("heating", 15), ("high", 4), ("hill", 4), ("holding", 10), ("home", 15), ("hospital", 4), ("house", 8),
    ("hvac", 5), ("import", 3), ("improvement", 5), ("inc", 5), ("industrial", 8), ("industry", 12), ("institute", 4),
    ("insulation", 4), ("insurance", 5), ("interior", 4), ("international", 10), ("investment", 6), ("iron", 4), ("joint", 3),
    ("kitchen", 3), ("laboratory", 3), ("lake", 4), ("landscaping", 6), ("law", 4), ("learning", 6), ("lighting", 4),
    ("logistics", 4), ("machine", 4), ("maintenance", 5), ("management", 15), ("manufacturing", 6), ("market", 5),
    ("marketing", 3), ("masonry", 6), ("material", 4), ("mechanical", 12), ("media", 4), ("medical", 8), ("metal", 5),
    ("national", 8), ("network", 4), ("new", 10), ("office", 4), ("oil", 4), ("painting", 8), ("park", 6), ("partner", 8),
    ("paving", 4), ("pharmaceutical", 3), ("pharmacy", 3), ("pizza", 5), ("plaza", 3), ("plumbing", 25), ("power", 5),
    ("preschool", 5), ("pro", 4), ("product", 8), ("professional", 5), ("project", 4), ("property", 12), ("protection", 4),
    ("public", 6), ("quality", 5), ("real", 5), ("realty", 6), ("remodeling", 8), ("renovation", 5), ("residence", 4),
    ("resource", 5), ("restaurant", 8), ("restoration", 5), ("river", 3), ("road", 4), ("roofing", 15), ("school", 15),
    ("security", 6), ("service", 40), ("sheet", 2), ("shop", 4), ("sign", 4), ("site", 3), ("society", 4), ("software", 4),
    ("solution", 10), ("son", 10), ("sprinkler", 2), ("star", 4), ("state", 3), ("steel", 6), ("stock", 3), ("store", 4),
    ("street", 5), ("supply", 8), ("system", 15), ("technology", 12), ("telecommunication", 2), ("tenant", 3), ("the", 30),
    ("tile", 4), ("tool", 4), ("trading", 5), ("transportation", 4), ("truck", 3), ("trust", 5), ("united", 5),
    ("universal", 4), ("university", 6), ("warehouse", 3), ("water", 4), ("welding", 3), ("window", 6), ("work", 5),
    ("york", 4),
];

/// Words that tell a parent, an owner or a fund from the firm that does the work; sorted.
#[rustfmt::skip]
const RELATIONS: [&str; 16] = [
    "capital", "estate", "foundation", "franchise", "fund", "holding", "insurance", "investment", "leasing", "management",
    "partner", "property", "realty", "rental", "trust", "venture",
];

/// Countries, states and large towns that firms append to their names; sorted.
#[rustfmt::skip]
const PLACES: [&str; 109] = [
    "alabama", "alaska", "america", "arizona", "arkansas", "asia", "atlanta", "australia", "austria", "baltimore", "belgium",
    "boston", "brasil", "brazil", "california", "canada", "carolina", "chicago", "chile", "china", "cleveland", "colorado",
    "connecticut", "dallas", "delaware", "denmark", "detroit", "deutschland", "england", "espana", "europe", "finland",
    "florida", "france", "georgia", "germany", "hawaii", "hongkong", "houston", "idaho", "illinois", "india", "indiana",
    "indonesia", "iowa", "ireland", "israel", "italia", "italy", "japan", "kansas", "kentucky", "korea", "london", "louisiana",
    "luxembourg", "maine", "malaysia", "maryland", "massachusetts", "mexico", "miami", "michigan", "midwest", "milwaukee",
    "minnesota", "mississippi", "missouri", "montana", "nebraska", "netherland", "nevada", "norway", "ohio", "oklahoma",
    "ontario", "oregon", "paris", "pennsylvania", "philadelphia", "phoenix", "poland", "portugal", "quebec", "russia",
    "schweiz", "scotland", "seattle", "singapore", "spain", "sweden", "switzerland", "sydney", "taiwan", "tennessee", "texas",
    "thailand", "toronto", "turkey", "uk", "ukraine", "usa", "utah", "vermont", "vietnam", "virginia", "washington",
    "wisconsin", "wyoming",
];

/// What a word is, as far as comparing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word that tells firms apart.
    Word,
    /// A word that many names have: a trade, a place, a general noun.
    Generic,
    /// A word for a relation between firms (holding, trust, realty).
    Relation,
    /// A country, a state or a large town.
    Place,
    /// A direction: north, southwest.
    Direction,
    /// A number: digits, a number word, a Roman numeral.
    Number,
    /// One letter.
    Letter,
}

impl Kind {
    /// What `word` is, as [`canonical`] spells it.
    pub(crate) fn of(word: &str) -> Self {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = digits > 0 && (digits == word.len() || ["st", "nd", "rd", "th"].contains(&&word[digits..]));
        if is_number {
            Self::Number
        } else if word.len() == 1 {
            Self::Letter
        } else if is_direction(word) {
            Self::Direction
        } else if PLACES.binary_search(&word).is_ok() {
            Self::Place
        } else if RELATIONS.binary_search(&word).is_ok() {
            Self::Relation
        } else if common_per_mille(word) > 0 {
            Self::Generic
        } else {
            Self::Word
        }
    }
}

/// Whether the word is a direction.
pub(crate) fn is_direction(word: &str) -> bool {
    matches!(word, "north" | "south" | "east" | "west" | "northeast" | "northwest" | "southeast" | "southwest")
}

/// How many of a thousand names have the word, as far as is known beforehand; 0 when it is not known as common.
pub(crate) fn common_per_mille(word: &str) -> u8 {
    COMMON.binary_search_by(|(known, _)| known.cmp(&word)).map_or(0, |index| COMMON[index].1)
}

/// The one spelling of `word`: abbreviations written out, number words and Roman numerals as digits, the plural as the singular.
///
/// "I", "V" and "X" stay letters: they are initials far more often than numbers.
pub(crate) fn canonical(word: &str) -> String {
    if let Some(spelled) = spelled(word) {
        return spelled.to_owned();
    }
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let short = word.trim_start_matches('0');
        return if short.is_empty() { "0".to_owned() } else { short.to_owned() };
    }
    let singular = singular(word);
    match spelled(&singular) {
        Some(spelled) => spelled.to_owned(),
        None => singular,
    }
}

fn spelled(word: &str) -> Option<&'static str> {
    SPELLINGS.binary_search_by(|(known, _)| known.cmp(&word)).ok().map(|index| SPELLINGS[index].1)
}

fn singular(word: &str) -> String {
    let bytes = word.as_bytes();
    if bytes.len() < 4 || !word.ends_with('s') || word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_owned();
    }
    if bytes.len() > 4
        && let Some(stem) = word.strip_suffix("ies")
    {
        return format!("{stem}y");
    }
    word[..word.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_each_word_stands_once() {
        assert!(SPELLINGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(COMMON.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(RELATIONS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(PLACES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn spellings_of_one_word_are_one() {
        for (left, right) in [("svcs", "services"), ("constr", "construction"), ("bldrs", "builders"), ("intl", "international")]
        {
            assert_eq!(canonical(left), canonical(right), "{left} {right}");
        }
        for (left, right) in
            [("ii", "2"), ("three", "3"), ("007", "7"), ("first", "1st"), ("companies", "company"), ("elec", "electrical")]
        {
            assert_eq!(canonical(left), canonical(right), "{left} {right}");
        }
        assert_eq!(canonical("glass"), "glass");
        assert_eq!(canonical("bus"), "bus");
    }

    #[test]
    fn kinds_of_words_are_told_apart() {
        let kinds = [("kowalski", Kind::Word), ("plumbing", Kind::Generic), ("holding", Kind::Relation), ("ohio", Kind::Place)];
        for (word, kind) in kinds.into_iter().chain([
            ("north", Kind::Direction),
            ("12", Kind::Number),
            ("1st", Kind::Number),
            ("b", Kind::Letter),
            ("3m", Kind::Word),
        ]) {
            assert_eq!(Kind::of(word), kind, "{word}");
        }
    }
}
