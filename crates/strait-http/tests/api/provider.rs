//! Texts of GraphQL with all that Tiger's Terraform provider asks for, made from the table of its requests (`provider.txt`).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

const TABLE: &str = include_str!("provider.txt");

/// One of the provider's requests.
#[derive(Default)]
pub(crate) struct Request {
    kind: &'static str,
    /// The operation's name.
    pub(crate) name: &'static str,
    /// The field that answers.
    pub(crate) field: &'static str,
    /// Its variables and their types.
    pub(crate) variables: BTreeMap<&'static str, String>,
    arguments: Object,
    selection: Object,
}

/// All of them.
pub(crate) fn requests() -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        let last = all.last_mut();
        match (words.as_slice(), last) {
            ([], _) => {}
            (["takes", path, value, types @ ..], Some(request)) => {
                if let Some(variable) = value.strip_prefix('$') {
                    request.variables.insert(variable, types.concat());
                }
                request.arguments.put(path, Some(value));
            }
            (["gives", fields @ ..], Some(request)) => {
                let (path, fields) = match fields {
                    [path, fields @ ..] if path.ends_with(':') => (path.replace(':', "."), fields),
                    fields => (String::new(), fields),
                };
                for field in fields {
                    request.selection.put(&format!("{path}{field}"), None);
                }
            }
            ([kind @ ("query" | "mutation"), name, field], _) => all.push(Request {
                kind,
                name,
                field,
                ..Request::default()
            }),
            (words, _) => panic!("provider.txt: {words:?}"),
        }
    }
    all
}

impl Request {
    /// The request as it is sent.
    pub(crate) fn text(&self) -> String {
        let variables = self.variables.iter();
        let variables: Vec<String> = variables
            .map(|(name, kind)| format!("${name}: {kind}"))
            .collect();
        let selection = match self.selection.0.is_empty() {
            true => String::new(),
            false => format!(" {{{}}}", Selected(&self.selection)),
        };
        format!(
            "{} {}({}) {{ {}({}){selection} }}",
            self.kind,
            self.name,
            variables.join(", "),
            self.field,
            Given(&self.arguments),
        )
    }
}

/// Fields, with values or fields of their own.
#[derive(Default)]
struct Object(BTreeMap<String, Node>);

#[derive(Default)]
struct Node {
    value: Option<&'static str>,
    inner: Object,
}

impl Object {
    fn put(&mut self, path: &str, value: Option<&'static str>) {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let node = self.0.entry(first.to_owned()).or_default();
        match rest {
            "" => node.value = value,
            rest => node.inner.put(rest, value),
        }
    }
}

/// As arguments.
struct Given<'a>(&'a Object);

impl Display for Given<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, node) in &self.0.0 {
            match node.value {
                Some(value) => write!(f, "{name}: {value} ")?,
                None => write!(f, "{name}: {{{}}} ", Given(&node.inner))?,
            }
        }
        Ok(())
    }
}

/// As what is asked for.
struct Selected<'a>(&'a Object);

impl Display for Selected<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, node) in &self.0.0 {
            match name
                .strip_prefix('<')
                .and_then(|name| name.strip_suffix('>'))
            {
                Some(kind) => write!(f, "... on {kind} ")?,
                None => write!(f, "{name} ")?,
            }
            if !node.inner.0.is_empty() {
                write!(f, "{{{}}} ", Selected(&node.inner))?;
            }
        }
        Ok(())
    }
}
