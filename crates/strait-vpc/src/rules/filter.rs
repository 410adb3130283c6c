//! Filters and pages of calls that describe.

use std::ops::RangeInclusive;

use crate::api::Filter;
use crate::error::AwsError;
use crate::state::Tags;

/// How many values the filters of a call have together at most.
const MOST_VALUES: usize = 200;

/// Whether an object is shown: some value of every filter matches some value of the object.
///
/// `values` gives the object's values for a filter's name, or `None` if there is no such filter; `tag:KEY`, `tag-key`
/// and `tag-value` come from its tags.
pub(super) fn matches(
    filters: &[Filter],
    tags: &Tags,
    values: impl Fn(&str) -> Option<Vec<String>>,
) -> Result<bool, AwsError> {
    let asked: usize = filters.iter().map(|filter| filter.values.len()).sum();
    if asked > MOST_VALUES {
        let message = format!(
            "The maximum number of filter values specified on a single call is {MOST_VALUES}"
        );
        return Err(AwsError::new("FilterLimitExceeded", message));
    }
    let mut shown = true;
    for filter in filters {
        let Some(has) = tag_values(&filter.name, tags).or_else(|| values(&filter.name)) else {
            return Err(invalid(&filter.name));
        };
        shown &= filter
            .values
            .iter()
            .any(|pattern| has.iter().any(|value| wildcard(pattern, value)));
    }
    Ok(shown)
}

/// One page of an answer.
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub(super) next_token: Option<String>,
}

/// The page that was asked for, of 5 to 1,000. Ids and a page size together are refused, as AWS does.
pub(super) fn page<T>(
    items: Vec<T>,
    max_results: Option<u32>,
    next_token: Option<&str>,
    ids: &[String],
) -> Result<Page<T>, AwsError> {
    page_of(items, 5..=1000, max_results, next_token, ids)
}

/// As [`page`], for calls whose pages have other sizes.
pub(super) fn page_of<T>(
    mut items: Vec<T>,
    sizes: RangeInclusive<u32>,
    max_results: Option<u32>,
    next_token: Option<&str>,
    ids: &[String],
) -> Result<Page<T>, AwsError> {
    if max_results.is_some() && !ids.is_empty() {
        let message =
            "The parameter MaxResults cannot be used together with ids. Leave one of them out.";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    let start = next_token.map_or(Ok(0), offset)?;
    let mut rest = items.split_off(start.min(items.len()));
    let Some(size) = max_results else {
        return Ok(Page {
            items: rest,
            next_token: None,
        });
    };
    if !sizes.contains(&size) {
        let (least, most) = (sizes.start(), sizes.end());
        let message = format!(
            "Value ({size}) for parameter MaxResults is invalid. It must be from {least} to {most}."
        );
        return Err(AwsError::new("InvalidMaxResults", message));
    }
    let size = size as usize;
    let next_token = (rest.len() > size).then(|| token(start + size));
    rest.truncate(size);
    Ok(Page {
        items: rest,
        next_token,
    })
}

fn invalid(name: &str) -> AwsError {
    AwsError::new(
        "InvalidParameterValue",
        format!("The filter '{name}' is invalid"),
    )
}

fn tag_values(name: &str, tags: &Tags) -> Option<Vec<String>> {
    if let Some(key) = name.strip_prefix("tag:") {
        return Some(tags.get(key).cloned().into_iter().collect());
    }
    match name {
        "tag-key" => Some(tags.keys().cloned().collect()),
        "tag-value" => Some(tags.values().cloned().collect()),
        _ => None,
    }
}

/// Whether a text matches a pattern in which `*` is any text, `?` any character, and `\` takes their meaning away.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // `reach[i]`: the pattern so far matches the first i characters.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    let mut parts = pattern.iter();
    while let Some(part) = parts.next() {
        if *part == '*' {
            let first = reach.iter().position(|can| *can).unwrap_or(reach.len());
            reach.iter_mut().skip(first).for_each(|can| *can = true);
            continue;
        }
        let literal = if *part == '\\' {
            parts.next().unwrap_or(part)
        } else {
            part
        };
        let any = *part == '?';
        for place in (0..text.len()).rev() {
            reach[place + 1] = reach[place] && (any || text[place] == *literal);
        }
        reach[0] = false;
    }
    reach[text.len()]
}

/// Tokens are opaque to clients; a prefix and a check digit tell ours from others.
fn token(offset: usize) -> String {
    format!("strait{offset:012x}{:02x}", offset % 251)
}

fn offset(token: &str) -> Result<usize, AwsError> {
    let digits = token
        .strip_prefix("strait")
        .filter(|rest| rest.len() == 14 && rest.is_ascii());
    let read = digits.and_then(|digits| {
        let offset = usize::from_str_radix(&digits[..12], 16).ok()?;
        let check = usize::from_str_radix(&digits[12..], 16).ok()?;
        (check == offset % 251).then_some(offset)
    });
    read.ok_or_else(|| {
        AwsError::new(
            "InvalidNextToken",
            format!("The token '{token}' is invalid"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_aws_says() {
        let cases = [
            ("*", "", true),
            ("*", "a", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*b*", "abc", true),
            ("**", "x", true),
            ("?", "", false),
            ("db-?-*", "db-1-x", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn values_are_alternatives_and_filters_must_all_match() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: name.to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        let tags = Tags::from([("Name".to_owned(), "db".to_owned())]);
        let shown = |filters: &[Filter]| {
            matches(filters, &tags, |name| {
                (name == "vpc-id").then(|| vec!["vpc-1".to_owned()])
            })
            .map_err(|e| e.message)
        };
        assert_eq!(shown(&[]), Ok(true));
        assert_eq!(shown(&[filter("vpc-id", &["vpc-2", "vpc-1"])]), Ok(true));
        assert_eq!(
            shown(&[filter("vpc-id", &["vpc-1"]), filter("tag:Name", &["x"])]),
            Ok(false)
        );
        assert_eq!(
            shown(&[filter("tag-key", &["N*"]), filter("tag:Name", &["db"])]),
            Ok(true)
        );
        assert_eq!(shown(&[filter("vpc-id", &[])]), Ok(false));
        assert_eq!(shown(&[filter("vpc-id", &["x"; 200])]), Ok(false));
        assert_eq!(
            shown(&[filter("vpc-id", &["x"; 200]), filter("tag-key", &["x"])]),
            Err("The maximum number of filter values specified on a single call is 200".to_owned())
        );
        assert_eq!(
            shown(&[filter("nonsense", &["x"])]),
            Err("The filter 'nonsense' is invalid".to_owned())
        );
    }

    #[test]
    fn pages_lead_through_all() {
        let all = |max, token: Option<&str>| {
            page((0..12).collect(), max, token, &[]).map_err(|error| error.code)
        };
        let first = all(Some(5), None).expect("a page");
        assert_eq!(first.items, [0, 1, 2, 3, 4]);
        let second = all(Some(5), first.next_token.as_deref()).expect("a page");
        let third = all(Some(5), second.next_token.as_deref()).expect("a page");
        assert_eq!((third.items, third.next_token), (vec![10, 11], None));
        let code = |max, token, ids: &[String]| {
            page(vec![1], max, token, ids).err().map(|error| error.code)
        };
        assert_eq!(
            code(Some(4), None, &[]).as_deref(),
            Some("InvalidMaxResults")
        );
        assert_eq!(
            code(Some(1001), None, &[]).as_deref(),
            Some("InvalidMaxResults")
        );
        assert_eq!(
            code(None, Some("hello"), &[]).as_deref(),
            Some("InvalidNextToken")
        );
        assert_eq!(
            code(Some(5), None, &["vpc-1".to_owned()]).as_deref(),
            Some("InvalidParameterCombination")
        );
    }
}
