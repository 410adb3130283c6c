//! The names of AWS's parameters, from a table that `cargo xtask shapes` writes. Requests of ours read fewer: what AWS
//! has and they do not is refused by its name, rather than said not to exist.

#[cfg(test)]
mod probe;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use strait_vpc::api::Service;

static REQUESTS: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::parse(include_str!("shapes/requests.txt")));

/// Whether AWS's call has this parameter, such as `Filter.1.Name`.
pub(crate) fn has(service: Service, call: &str, parameter: &str) -> bool {
    let mut names = parameter.split('.').filter(|name| !is_of_a_list(name));
    let Some(structure) = REQUESTS.of(service, call) else {
        return false;
    };
    let found = names.try_fold(Place::In(structure), |place, name| {
        let Place::In(structure) = place else {
            return None;
        };
        let member = structure.get(name)?;
        Some(REQUESTS.below(service, member))
    });
    found.is_some()
}

/// Structures by `SERVICE.NAME`, and the name of each call's by `SERVICE CALL`.
struct Shapes {
    calls: BTreeMap<String, &'static str>,
    structures: BTreeMap<&'static str, Structure>,
}

/// Members by their names.
type Structure = BTreeMap<&'static str, Member>;

/// What is under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    is_required: bool,
    is_list: bool,
    /// The structure that it, or each of its members, is.
    structure: Option<&'static str>,
}

/// Where a name leads.
enum Place<'a> {
    In(&'a Structure),
    Value,
}

impl Shapes {
    fn parse(table: &'static str) -> Self {
        let mut shapes = Self {
            calls: BTreeMap::new(),
            structures: BTreeMap::new(),
        };
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let first = words.next().unwrap_or_default();
            if first.contains('.') {
                shapes.structures.insert(first, words.map(member).collect());
            } else if let (Some(call), Some(structure)) = (words.next(), words.next()) {
                shapes.calls.insert(format!("{first} {call}"), structure);
            }
        }
        shapes
    }

    fn of(&self, service: Service, call: &str) -> Option<&Structure> {
        let name = self.calls.get(&format!("{service:?} {call}"))?;
        self.structure(service, name)
    }

    fn structure(&self, service: Service, name: &str) -> Option<&Structure> {
        self.structures.get(format!("{service:?}.{name}").as_str())
    }

    fn below(&self, service: Service, member: &Member) -> Place<'_> {
        let structure = member
            .structure
            .and_then(|name| self.structure(service, name));
        structure.map_or(Place::Value, Place::In)
    }
}

/// `name`, `name!`, `name=Structure`, `name=[Structure]` or `name=[]`.
fn member(word: &'static str) -> (&'static str, Member) {
    let (name, kind) = word.split_once('=').unwrap_or((word, ""));
    let inner = kind.trim_matches(['[', ']']);
    let member = Member {
        is_required: name.ends_with('!'),
        is_list: kind.starts_with('['),
        structure: Some(inner).filter(|inner| !inner.is_empty()),
    };
    (name.trim_end_matches('!'), member)
}

/// `member`, or a number.
fn is_of_a_list(name: &str) -> bool {
    name == "member" || name.bytes().all(|byte| byte.is_ascii_digit())
}
