//! What the audit is told of a request: all come by one route, most change nothing, and what is in them anybody may have invented.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Request, Response};
use strait_plane::trail::{self, Refusal};

use super::{DEEPEST, PATH, sdl};

/// How long the names of what is asked for may be together.
const LONGEST: usize = 100;

/// What can be asked for.
static QUERIES: LazyLock<BTreeSet<String>> = LazyLock::new(|| fields_of("Query"));
/// What can be changed.
static MUTATIONS: LazyLock<BTreeSet<String>> = LazyLock::new(|| fields_of("Mutation"));

/// Says what it is, before it is done.
pub(super) fn tell(request: &mut Request) {
    let name = request.operation_name.clone();
    let document = request.parsed_query().ok();
    let operation =
        document.and_then(|document| Some((document, chosen(document, name.as_deref())?)));
    let Some((document, operation)) = operation else {
        trail::learn(|known| known.changes = false);
        return;
    };
    let (kind, there_are) = match operation.ty {
        OperationType::Query => ("query", &*QUERIES),
        OperationType::Mutation => ("mutation", &*MUTATIONS),
        OperationType::Subscription => ("subscription", &*QUERIES),
    };
    let mut found = Found {
        document,
        there_are,
        names: BTreeSet::new(),
        fragments: BTreeSet::new(),
    };
    found.look(&operation.selection_set.node, DEEPEST);
    let names = Vec::from_iter(found.names).join(" ");
    let route: String = format!("{kind} {names}").chars().take(LONGEST).collect();
    let changes = operation.ty == OperationType::Mutation;
    trail::learn(|known| {
        known.changes = changes;
        known.route = format!("POST {PATH} {}", route.trim_end());
    });
}

/// Says what came of it, where no resolver has.
pub(super) fn conclude(response: &Response) {
    trail::learn(|known| match &known.refusal {
        // Every mutation notes what it changes: this one changed nothing.
        None if response.is_ok() => known.changes = known.began,
        // It is not what the schema takes.
        None => {
            known.refusal = Some(Refusal {
                code: "INVALID_ARGUMENT",
                status: 400,
                message: None,
                foreign: false,
            });
        }
        Some(_) => {}
    });
}

/// The operation that runs, if one does.
fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => Some(&only.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name).map(|one| &one.node),
        (DocumentOperations::Multiple(all), None) => {
            let mut all = all.values();
            all.next()
                .filter(|_| all.next().is_none())
                .map(|one| &one.node)
        }
    }
}

/// Names of what there is that are found in an operation.
struct Found<'a> {
    document: &'a ExecutableDocument,
    there_are: &'static BTreeSet<String>,
    names: BTreeSet<&'static str>,
    /// Where it has been looked already: they may name each other.
    fragments: BTreeSet<&'a str>,
}

impl<'a> Found<'a> {
    fn look(&mut self, within: &'a SelectionSet, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        for selection in &within.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = self.there_are.get(field.node.name.node.as_str());
                    self.names.extend(name.map(String::as_str));
                }
                Selection::InlineFragment(fragment) => {
                    self.look(&fragment.node.selection_set.node, depth);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = self.document.fragments.get(name);
                    if let Some(fragment) = fragment.filter(|_| self.fragments.insert(name)) {
                        self.look(&fragment.node.selection_set.node, depth);
                    }
                }
            }
        }
    }
}

/// The fields of a type of the schema.
fn fields_of(named: &str) -> BTreeSet<String> {
    let schema = parse_schema(sdl());
    let definitions = schema.map(|schema| schema.definitions).unwrap_or_default();
    let mut fields = BTreeSet::new();
    for definition in definitions {
        let TypeSystemDefinition::Type(defined) = definition else {
            continue;
        };
        if let TypeKind::Object(object) = defined.node.kind
            && defined.node.name.node.as_str() == named
        {
            let names = object.fields.iter();
            fields.extend(names.map(|field| field.node.name.node.to_string()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strait_plane::trail::{Asking, Known, answering};

    use super::*;

    #[tokio::test]
    async fn what_runs_is_told_in_names_that_there_are() {
        const TWO: &str = "query Looks { getAllVpcs(projectId: 1) { id } } mutation Changes { deleteVpc(data: 1) }";
        for (query, name, route, changes) in [
            (
                "{ getAllVpcs(projectId: 1) { id } }",
                None,
                "query getAllVpcs",
                false,
            ),
            (
                "mutation { deleteVpc(data: 1) }",
                None,
                "mutation deleteVpc",
                true,
            ),
            // Both are there, and one runs.
            (TWO, Some("Looks"), "query getAllVpcs", false),
            (TWO, Some("Changes"), "mutation deleteVpc", true),
            // None does.
            (TWO, None, "", false),
            (TWO, Some("Nothing"), "", false),
            ("mutation {", None, "", false),
            // Whatever is invented, in whatever order.
            (
                "mutation { a: deleteVpc(data: 1) b: createVpc(data: 1) c: deleteVpc(data: 1) }",
                None,
                "mutation createVpc deleteVpc",
                true,
            ),
            (
                "mutation { invented deleteVpc(data: 1) }",
                None,
                "mutation deleteVpc",
                true,
            ),
            ("mutation { getAllVpcs }", None, "mutation", true),
            (
                "mutation { ...F } fragment F on Mutation { ...F ... on Mutation { deleteVpc(data: 1) } }",
                None,
                "mutation deleteVpc",
                true,
            ),
        ] {
            let known = told(query, name).await;
            let expected = match route {
                "" => String::new(),
                route => format!("POST {PATH} {route}"),
            };
            assert_eq!((known.route, known.changes), (expected, changes), "{query}");
        }
    }

    async fn told(query: &str, name: Option<&str>) -> Known {
        let asking = Arc::new(Asking::new(String::new(), None, PATH));
        let mut request = Request::new(query);
        request.operation_name = name.map(str::to_owned);
        answering(Arc::clone(&asking), async { tell(&mut request) }).await;
        asking.known()
    }
}
