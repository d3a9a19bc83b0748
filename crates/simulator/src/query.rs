//! Query parameters and Procore's filter syntax: `filters[x]=v`, `filters[x][]=1&filters[x][]=2`, ranges `a...b`.

use chrono::{DateTime, NaiveDate};

/// The decoded query string, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// A filter value that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadFilter(pub(crate) String);

impl Query {
    /// Decodes `a=1&b=2`.
    pub(crate) fn parse(query: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// The last value of a parameter, as Rails reads it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }

    /// The same with another number for a parameter.
    pub(crate) fn with(&self, name: &str, number: u64) -> Self {
        let others = self.pairs.iter().filter(|(key, _)| key != name).cloned();
        Self { pairs: others.chain([(name.to_owned(), number.to_string())]).collect() }
    }

    /// A filter's text; an empty value is no filter.
    pub(crate) fn filter(&self, name: &str) -> Option<&str> {
        self.get(&format!("filters[{name}]")).filter(|value| !value.is_empty())
    }

    /// A filter that is true or false.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.filter(name).map(|value| matches!(value, "true" | "1"))
    }

    /// A filter over ids, in any spelling: repeated with `[]`, a comma list, or a JSON array. `None` if it is not there;
    /// values that are not numbers match nothing.
    pub(crate) fn ids(&self, name: &str) -> Option<Vec<u64>> {
        let (one, many) = (format!("filters[{name}]"), format!("filters[{name}][]"));
        let mut values = self.pairs.iter().filter(|(key, _)| *key == one || *key == many).peekable();
        values.peek()?;
        let numbers = values.flat_map(|(_, value)| value.trim_matches(['[', ']']).split(','));
        Some(numbers.filter_map(|text| text.trim().parse().ok()).collect())
    }

    /// A range filter over times, both ends included, as epoch seconds. Only `a...b` is documented, so only that is read.
    pub(crate) fn range(&self, name: &str) -> Result<Option<(i64, i64)>, BadFilter> {
        let Some(text) = self.filter(name) else { return Ok(None) };
        let bad = || BadFilter(name.to_owned());
        let (from, to) = text.trim_matches('"').split_once("...").ok_or_else(bad)?;
        let from = instant(from, false).ok_or_else(bad)?;
        let to = instant(to, true).ok_or_else(bad)?;
        Ok(Some((from, to)))
    }

    /// Whether `sort=name` or `sort=-name` was asked, and if so whether it is descending.
    pub(crate) fn sort_by_name(&self) -> Option<bool> {
        let sort = self.get("sort")?;
        sort.split(',').find_map(|key| match key.trim() {
            "name" | "display_name" => Some(false),
            "-name" | "-display_name" => Some(true),
            _ => None,
        })
    }

    /// Everything but `page` and `per_page`, encoded again.
    pub(crate) fn rest(&self) -> String {
        let rest = self.pairs.iter().filter(|(key, _)| key != "page" && key != "per_page");
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
    }
}

/// A time or a day; the end of a range includes its whole day.
fn instant(text: &str, end: bool) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    Some(if end { day + 86_399 } else { day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_filters_are_read_in_every_spelling() {
        for query in ["filters[id][]=1&filters[id][]=2", "filters%5Bid%5D=1,2", "filters[id]=[1,2]"] {
            assert_eq!(Query::parse(query).ids("id"), Some(vec![1, 2]), "{query}");
        }
        assert_eq!(Query::parse("page=1").ids("id"), None);
    }

    #[test]
    fn ranges_need_three_dots() {
        let range = |text: &str| Query::parse(&format!("filters[updated_at]={text}")).range("updated_at");
        assert_eq!(range("2026-01-01...2026-01-01"), Ok(Some((1_767_225_600, 1_767_311_999))));
        assert_eq!(range("2026-01-01T00:00:00Z...2026-01-01T00:00:05Z"), Ok(Some((1_767_225_600, 1_767_225_605))));
        assert_eq!(range("2026-01-01"), Err(BadFilter("updated_at".to_owned())));
    }
}
