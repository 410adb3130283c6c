//! Dotted parameter names as a tree: `Filter.1.Value.2=x` is `x` under `Filter`, `1`, `Value`, `2`.

use std::collections::BTreeMap;

use crate::error::WireError;
use crate::form::Pair;

/// No call nests deeper than `LaunchSpecification.NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress`.
const MAX_DEPTH: usize = 12;

/// Members of a list may have gaps between their numbers, but not any number.
const MAX_INDEX: u32 = 65_535;

/// A value, or what lies below a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A value.
    Leaf(String),
    /// Named or numbered parts.
    Branch(BTreeMap<String, Self>),
}

impl Node {
    /// Builds the tree of all parameters.
    pub(crate) fn from_pairs(pairs: Vec<Pair>) -> Result<Self, WireError> {
        let mut root = BTreeMap::new();
        for (name, value) in pairs {
            insert(&mut root, &name, value)?;
        }
        Ok(Self::Branch(root))
    }
}

/// The members of a list by their numbers: `1`, `2`, … or `member.1`, `member.2`, ….
pub(crate) fn members(parts: BTreeMap<String, Node>) -> Result<Vec<(String, Node)>, WireError> {
    let (prefix, parts) = unwrap_member(parts);
    let mut members = Vec::with_capacity(parts.len());
    for (key, node) in parts {
        let name = format!("{prefix}{key}");
        let Some(index) = index(&key) else {
            return Err(WireError::UnknownParameter { name });
        };
        if index > MAX_INDEX {
            return Err(WireError::InvalidParameter {
                name,
                value: None,
                reason: format!("the numbers of a list's members end at {MAX_INDEX}"),
            });
        }
        members.push((index, name, node));
    }
    members.sort_by_key(|(index, _, _)| *index);
    Ok(members
        .into_iter()
        .map(|(_, name, node)| (name, node))
        .collect())
}

fn unwrap_member(mut parts: BTreeMap<String, Node>) -> (&'static str, BTreeMap<String, Node>) {
    if parts.len() > 1 {
        return ("", parts);
    }
    match parts.remove("member") {
        Some(Node::Branch(members)) => ("member.", members),
        Some(leaf @ Node::Leaf(_)) => ("", BTreeMap::from([("member".to_owned(), leaf)])),
        None => ("", parts),
    }
}

/// A number as clients write them: without a sign or leading zeros, so that no member can be given twice.
fn index(key: &str) -> Option<u32> {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (key.len() > 1 && key.starts_with('0')) {
        return None;
    }
    // Too large for a number is too large for a list: the caller compares with the largest.
    if key.is_empty() {
        None
    } else {
        Some(key.parse().unwrap_or(u32::MAX))
    }
}

fn insert(root: &mut BTreeMap<String, Node>, name: &str, value: String) -> Result<(), WireError> {
    let segments: Vec<&str> = name.split('.').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(WireError::Malformed(format!(
            "the parameter name '{}' has an empty part.",
            shorten(name)
        )));
    }
    if segments.len() > MAX_DEPTH {
        return Err(WireError::Malformed(format!(
            "the parameter name '{}' is too deep.",
            shorten(name)
        )));
    }
    let Some((last, above)) = segments.split_last() else {
        return Err(WireError::Malformed("a parameter has no name.".to_owned()));
    };

    let mut parts = root;
    for segment in above {
        let node = parts
            .entry((*segment).to_owned())
            .or_insert_with(|| Node::Branch(BTreeMap::new()));
        let Node::Branch(below) = node else {
            return Err(value_and_parts(name));
        };
        parts = below;
    }
    match parts.insert((*last).to_owned(), Node::Leaf(value)) {
        None => Ok(()),
        Some(Node::Leaf(_)) => Err(WireError::Malformed(format!(
            "the parameter {} is given twice.",
            shorten(name)
        ))),
        Some(Node::Branch(_)) => Err(value_and_parts(name)),
    }
}

fn value_and_parts(name: &str) -> WireError {
    WireError::Malformed(format!(
        "at the parameter {}, one name is given both a value and numbered or named parts.",
        shorten(name)
    ))
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= 100 {
        return name.to_owned();
    }
    name.chars().take(100).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_a_tree() {
        let tree = tree(&[
            ("Filter.1.Name", "vpc-id"),
            ("Filter.1.Value.1", "vpc-1"),
            ("DryRun", "true"),
        ]);
        let Node::Branch(root) = tree.expect("well formed") else {
            panic!("a root has parts");
        };
        assert_eq!(root["DryRun"], Node::Leaf("true".to_owned()));
        let Node::Branch(filters) = &root["Filter"] else {
            panic!("filters are a list");
        };
        assert_eq!(filters.keys().collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn members_come_by_number_with_gaps() {
        assert_eq!(
            values(&[("X.10", "c"), ("X.2", "b"), ("X.1", "a")]),
            ["a", "b", "c"]
        );
        assert_eq!(
            values(&[("X.member.2", "b"), ("X.member.1", "a")]),
            ["a", "b"]
        );
    }

    #[test]
    fn members_that_are_no_members_are_refused() {
        for key in ["X.a", "X.01", "X.-1", "X.+1"] {
            let error = members_of(&[(key, "v")]).expect_err(key);
            assert!(
                matches!(error, WireError::UnknownParameter { .. }),
                "{key}: {error}"
            );
        }
        for key in ["X.65536", "X.99999999999999999999"] {
            let error = members_of(&[(key, "v")]).expect_err(key);
            assert!(
                matches!(error, WireError::InvalidParameter { .. }),
                "{key}: {error}"
            );
        }
    }

    #[test]
    fn twisted_names_are_refused() {
        let deep = vec!["a"; MAX_DEPTH + 1].join(".");
        let twisted: [&[(&str, &str)]; 6] = [
            &[("A", "1"), ("A", "1")],
            &[("A", "1"), ("A.1", "1")],
            &[("A.1", "1"), ("A", "1")],
            &[("A..1", "1")],
            &[("", "1")],
            &[(deep.as_str(), "1")],
        ];
        for pairs in twisted {
            let error = tree(pairs).expect_err("twisted");
            assert!(
                matches!(error, WireError::Malformed(_)),
                "{pairs:?}: {error}"
            );
        }
    }

    fn values(pairs: &[(&str, &str)]) -> Vec<String> {
        let members = members_of(pairs).expect("a list");
        members
            .into_iter()
            .map(|(_, node)| match node {
                Node::Leaf(value) => value,
                Node::Branch(parts) => panic!("a value was given, not {parts:?}"),
            })
            .collect()
    }

    fn members_of(pairs: &[(&str, &str)]) -> Result<Vec<(String, Node)>, WireError> {
        let Node::Branch(mut root) = tree(pairs)? else {
            panic!("a root has parts");
        };
        let Some(Node::Branch(parts)) = root.remove("X") else {
            panic!("X has parts");
        };
        members(parts)
    }

    fn tree(pairs: &[(&str, &str)]) -> Result<Node, WireError> {
        Node::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }
}
