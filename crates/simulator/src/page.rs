//! Offset pages with Procore's headers. Its oddities are kept: page 2 has no `prev`, the last page no `next`, and the URLs
//! of `Link` carry only `page` and `per_page` unless a switch says otherwise. Out-of-range sizes are clamped, never errors.

use std::ops::Range;

use crate::query::Query;

/// An endpoint's page sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Without `per_page`.
    pub(crate) default: u32,
    /// Larger requests get this.
    pub(crate) max: u32,
}

/// Most lists: Procore says that sizes vary; 10,000 is its older documented maximum.
pub(crate) const DIRECTORY: Sizes = Sizes { default: 100, max: 10_000 };
/// Projects, documented.
pub(crate) const PROJECTS: Sizes = Sizes { default: 100, max: 300 };
/// `view=ids` of projects, documented to force this size.
pub(crate) const PROJECT_IDS: Sizes = Sizes { default: 200_000, max: 200_000 };

/// The page that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    number: usize,
    size: usize,
}

/// What `Link` is made of besides the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkBase<'a> {
    /// `http://host`.
    pub(crate) origin: &'a str,
    /// The request's path.
    pub(crate) path: &'a str,
    /// The request's query, to be repeated.
    pub(crate) repeat: Option<&'a Query>,
}

impl Page {
    /// Reads `page` and `per_page`; `ceiling` lowers the endpoint's maximum.
    pub(crate) fn asked(query: &Query, sizes: Sizes, ceiling: Option<u32>) -> Self {
        let max = ceiling.map_or(sizes.max, |ceiling| ceiling.min(sizes.max)).max(1);
        let forced = sizes.default == sizes.max;
        let size = query.number("per_page").filter(|size| *size > 0 && !forced).unwrap_or_else(|| u64::from(sizes.default));
        Self {
            number: usize::try_from(query.number("page").unwrap_or(1).clamp(1, 1 << 40)).unwrap_or(1),
            size: usize::try_from(size.min(u64::from(max))).unwrap_or(1),
        }
    }

    /// The rows of this page among `total`; empty beyond the end.
    pub(crate) fn rows(self, total: usize) -> Range<usize> {
        let start = (self.number - 1).saturating_mul(self.size).min(total);
        start..start.saturating_add(self.size).min(total)
    }

    /// `Total`, `Per-Page` and `Link`.
    pub(crate) fn headers(self, total: usize, link: LinkBase<'_>) -> Vec<(&'static str, String)> {
        let last = total.div_ceil(self.size).max(1);
        let mut relations: Vec<(&str, usize)> = Vec::new();
        if self.number >= 2 {
            relations.push(("first", 1));
        }
        if self.number >= 3 {
            relations.push(("prev", self.number - 1));
        }
        relations.push(("last", last));
        if self.number < last {
            relations.push(("next", self.number + 1));
        }
        let rest = link.repeat.map(Query::rest).filter(|rest| !rest.is_empty());
        let rest = rest.map(|rest| format!("{rest}&")).unwrap_or_default();
        let entries: Vec<String> = relations
            .into_iter()
            .map(|(relation, page)| {
                format!("<{}{}?{rest}page={page}&per_page={}>; rel=\"{relation}\"", link.origin, link.path, self.size)
            })
            .collect();
        vec![("Total", total.to_string()), ("Per-Page", self.size.to_string()), ("Link", entries.join(", "))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations(query: &str, total: usize) -> Vec<String> {
        let base = LinkBase { origin: "http://h", path: "/p", repeat: None };
        let page = Page::asked(&Query::parse(query), DIRECTORY, None);
        let headers = page.headers(total, base);
        let link = headers.iter().find(|(name, _)| *name == "Link").map(|(_, value)| value.clone()).unwrap_or_default();
        link.split("rel=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn page_two_has_no_prev_and_the_last_page_no_next() {
        assert_eq!(relations("page=1&per_page=10", 45), ["last", "next"]);
        assert_eq!(relations("page=2&per_page=10", 45), ["first", "last", "next"]);
        assert_eq!(relations("page=3&per_page=10", 45), ["first", "prev", "last", "next"]);
        assert_eq!(relations("page=5&per_page=10", 45), ["first", "prev", "last"]);
        assert_eq!(relations("", 5), ["last"]);
    }

    #[test]
    fn sizes_are_clamped() {
        let size = |query: &str, ceiling| Page::asked(&Query::parse(query), PROJECTS, ceiling).size;
        assert_eq!([size("per_page=1000", None), size("per_page=0", None), size("per_page=x", None)], [300, 100, 100]);
        assert_eq!(size("per_page=1000", Some(7)), 7);
        assert_eq!(Page::asked(&Query::parse("page=99&per_page=10"), DIRECTORY, None).rows(45), 45..45);
    }
}
