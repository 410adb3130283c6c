//! The difference between two texts of a namespace, as edits: a whole set is never swapped for one rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::ruleset::text::{HEAD, MORE};

/// How a namespace comes from one text to another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Only elements come and go.
    Elements(Vec<Elements>),
    /// A script for nft: chains change as well.
    Script(String),
    /// There is no shorter way than the whole new text.
    Whole,
}

/// What comes into a set or map, and what leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elements {
    /// The set's or map's name.
    pub(crate) set: String,
    /// Its type, as nft writes it: `ipv4_addr . inet_proto . inet_service`, `ifname : verdict`.
    pub(crate) kind: String,
    /// Elements that leave.
    pub(crate) gone: Vec<String>,
    /// Elements that come.
    pub(crate) come: Vec<String>,
}

/// More elements than this in one edit do not fit into one transaction.
const MOST_ELEMENTS: usize = 1000;

/// Finds the way from one text of [`super::router`] or [`super::host`] to another. `before` is in the kernel.
pub(crate) fn edit(before: &str, after: &str) -> Edit {
    let (Some(old), Some(new)) = (Table::read(before), Table::read(after)) else {
        return Edit::Whole;
    };
    let Some(edits) = element_edits(&old, &new) else {
        return Edit::Whole;
    };
    let count = |edit: &Elements| edit.gone.len() + edit.come.len();
    if edits.iter().map(count).sum::<usize>() > MOST_ELEMENTS {
        return Edit::Whole;
    }
    let same_sets = old.sets.keys().eq(new.sets.keys());
    if same_sets && old.chains == new.chains {
        return Edit::Elements(edits);
    }
    script(&old, &new, &edits).map_or(Edit::Whole, Edit::Script)
}

/// A table's text, taken apart.
#[derive(Debug, Default)]
struct Table<'t> {
    /// By head: `set own`, `map marks`.
    sets: BTreeMap<&'t str, Set<'t>>,
    chains: BTreeMap<&'t str, Vec<&'t str>>,
}

#[derive(Debug, Default)]
struct Set<'t> {
    properties: &'t str,
    elements: BTreeSet<&'t str>,
}

impl<'t> Table<'t> {
    /// `None` for a text of another shape, and for the empty one.
    fn read(text: &'t str) -> Option<Self> {
        let mut table = Self::default();
        let mut lines = text.strip_prefix(HEAD)?.lines();
        if lines.next() != Some("table ip strait {") {
            return None;
        }
        loop {
            let line = lines.next()?;
            if line == "}" {
                break;
            }
            let head = line.trim_start().strip_suffix(" {")?;
            let body: Vec<&str> = lines
                .by_ref()
                .map(str::trim_start)
                .take_while(|line| *line != "}")
                .collect();
            if let Some(name) = head.strip_prefix("chain ") {
                table.chains.insert(name, body);
                continue;
            }
            let (properties, rest) = body.split_first()?;
            let mut set = Set {
                properties,
                ..Set::default()
            };
            match rest {
                [] => {}
                [elements] => set.elements.extend(
                    elements
                        .strip_prefix("elements = { ")?
                        .strip_suffix(" }")?
                        .split(", "),
                ),
                _ => return None,
            }
            table.sets.insert(head, set);
        }
        for line in lines {
            let (name, elements) = line.strip_prefix(MORE)?.split_once(" { ")?;
            let head = *table.sets.keys().find(|head| set_name(head) == name)?;
            let elements = elements.strip_suffix(" }")?.split(", ");
            table.sets.get_mut(head)?.elements.extend(elements);
        }
        Some(table)
    }
}

/// The edits of sets that are in both; none if one is of another type now.
fn element_edits(old: &Table<'_>, new: &Table<'_>) -> Option<Vec<Elements>> {
    let mut edits = Vec::new();
    for (head, was) in &old.sets {
        let Some(is) = new.sets.get(head) else {
            continue;
        };
        if was.properties != is.properties {
            return None;
        }
        if was.elements == is.elements {
            continue;
        }
        let kind = is.properties.strip_prefix("type ")?.split(';').next()?;
        let less = |one: &Set<'_>, other: &Set<'_>| {
            let left = one.elements.difference(&other.elements);
            left.map(|element| (*element).to_owned()).collect()
        };
        edits.push(Elements {
            set: set_name(head).to_owned(),
            kind: kind.to_owned(),
            gone: less(was, is),
            come: less(is, was),
        });
    }
    Some(edits)
}

/// One transaction: chains that change are emptied, so that nothing refers to what goes; then what is new comes, and last
/// goes what nothing refers to any more.
fn script(old: &Table<'_>, new: &Table<'_>, edits: &[Elements]) -> Option<String> {
    let mut script = String::new();
    let mut line = |text: String| {
        script.push_str(&text);
        script.push('\n');
    };
    for (name, was) in &old.chains {
        match new.chains.get(name) {
            Some(is) if is == was => continue,
            // A base chain's hook cannot change.
            Some(is) if hook(is) != hook(was) => return None,
            None if hook(was).is_some() => return None,
            Some(_) | None => line(format!("flush chain ip strait {name}")),
        }
    }
    for edit in edits.iter().filter(|edit| !edit.gone.is_empty()) {
        line(format!(
            "delete element ip strait {} {{ {} }}",
            edit.set,
            edit.gone.join(", ")
        ));
    }
    line("table ip strait {".to_owned());
    for (head, set) in &new.sets {
        if old.sets.contains_key(head) {
            continue;
        }
        if set.elements.len() > MOST_ELEMENTS {
            return None;
        }
        let mut block = format!("\t{head} {{\n\t\t{}\n", set.properties);
        if !set.elements.is_empty() {
            let elements: Vec<_> = set.elements.iter().copied().collect();
            // Writing to a String cannot fail.
            let _ = writeln!(block, "\t\telements = {{ {} }}", elements.join(", "));
        }
        line(format!("{block}\t}}"));
    }
    for (name, is) in &new.chains {
        if old.chains.get(name) == Some(is) {
            continue;
        }
        if !old.chains.contains_key(name) && hook(is).is_some() {
            return None;
        }
        line(format!("\tchain {name} {{"));
        for rule in is {
            line(format!("\t\t{rule}"));
        }
        line("\t}".to_owned());
    }
    line("}".to_owned());
    for edit in edits.iter().filter(|edit| !edit.come.is_empty()) {
        line(format!("{MORE}{} {{ {} }}", edit.set, edit.come.join(", ")));
    }
    // A map's elements refer to chains.
    for head in old.sets.keys().filter(|head| !new.sets.contains_key(*head)) {
        let kind = if head.starts_with("map ") {
            "map"
        } else {
            "set"
        };
        line(format!("delete {kind} ip strait {}", set_name(head)));
    }
    for name in old
        .chains
        .keys()
        .filter(|name| !new.chains.contains_key(*name))
    {
        line(format!("delete chain ip strait {name}"));
    }
    Some(script)
}

/// The line that hooks a chain into the kernel.
fn hook<'t>(chain: &[&'t str]) -> Option<&'t str> {
    chain
        .first()
        .copied()
        .filter(|line| line.starts_with("type "))
}

fn set_name(head: &str) -> &str {
    head.split_once(' ').map_or(head, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::text::Text;

    #[test]
    fn one_rule_more_or_less_is_one_element() {
        let edit = edit(&text(&["1", "2"], &["drop"]), &text(&["2", "3"], &["drop"]));
        let expected = Elements {
            set: "s".to_owned(),
            kind: "ipv4_addr . inet_proto".to_owned(),
            gone: vec!["1".to_owned()],
            come: vec!["3".to_owned()],
        };
        assert_eq!(edit, Edit::Elements(vec![expected]));
        let same = text(&["1"], &["drop"]);
        assert_eq!(super::edit(&same, &same), Edit::Elements(Vec::new()));
    }

    #[test]
    fn a_chain_that_changes_is_filled_anew_and_elements_come_before_nothing_refers() {
        let Edit::Script(script) = edit(&text(&["1"], &["drop"]), &text(&[], &["accept"])) else {
            panic!("a chain changed");
        };
        assert_eq!(
            script,
            "flush chain ip strait c\ndelete element ip strait s { 1 }\ntable ip strait {\n\tchain c {\n\t\taccept\n\t}\n}\n"
        );
    }

    #[test]
    fn what_is_new_is_declared_and_what_is_gone_deleted_last() {
        let mut small = Text::new();
        small.chain("c", &["drop".to_owned()]);
        let (small, large) = (small.finish(), text(&["1"], &["drop"]));
        let Edit::Script(more) = edit(&small, &large) else {
            panic!("a set is new");
        };
        assert!(more.contains("\tset s {\n\t\ttype ipv4_addr . inet_proto; flags interval;\n\t\telements = { 1 }\n\t}"), "{more}");
        let Edit::Script(less) = edit(&large, &small) else {
            panic!("a set is gone");
        };
        assert!(less.ends_with("delete set ip strait s\n"), "{less}");
    }

    #[test]
    fn elements_of_later_statements_count() {
        let all: Vec<String> = (0..2500).map(|n| format!("{n:05}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let Edit::Elements(edits) = edit(&text(&all, &[]), &text(&all[1..], &[])) else {
            panic!("one element went");
        };
        assert_eq!(
            (edits.len(), edits[0].gone.len(), edits[0].come.len()),
            (1, 1, 0)
        );
        assert_eq!(edit(&text(&all, &[]), &text(&[], &[])), Edit::Whole);
    }

    #[test]
    fn from_and_to_nothing_is_no_edit() {
        let some = text(&["1"], &["drop"]);
        assert_eq!(edit("", &some), Edit::Whole);
        assert_eq!(edit(&some, ""), Edit::Whole);
    }

    fn text(elements: &[&str], chain: &[&str]) -> String {
        let mut text = Text::new();
        let elements = elements
            .iter()
            .map(|element| (*element).to_owned())
            .collect();
        text.set(
            "s",
            "type ipv4_addr . inet_proto; flags interval;",
            &elements,
        );
        let chain: Vec<String> = chain.iter().map(|line| (*line).to_owned()).collect();
        text.chain("c", &chain);
        text.finish()
    }
}
