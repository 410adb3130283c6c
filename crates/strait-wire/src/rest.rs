//! Route 53's protocol: the call is in the method and the path, what it says in the path, the query string and an XML body.

use std::collections::BTreeMap;

use http::Method;

use crate::error::WireError;
use crate::form::{self, Pair};
use crate::tree::Node;
use crate::xml;

/// What the paths of all calls begin with.
pub(crate) const PREFIX: &str = "/2013-04-01/";

/// Whether a request to this path is one of this protocol.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// A call that a method and path name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The call.
    pub(crate) action: &'static str,
    /// What the path says.
    parts: Vec<(&'static str, String)>,
}

/// Finds the call.
pub(crate) fn route(method: &Method, path: &str) -> Result<Route, WireError> {
    let unknown = || WireError::UnknownAction(format!("{method} {path}"));
    let rest = path.strip_prefix(PREFIX).ok_or_else(unknown)?;
    // Clients of different makes do and do not end a path in a slash.
    let given: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
    for (of, pattern, action) in ROUTES {
        let pattern: Vec<&str> = pattern.split('/').collect();
        if *of != method.as_str() || pattern.len() != given.len() {
            continue;
        }
        let fits = pattern
            .iter()
            .zip(&given)
            .all(|(wanted, given)| is_variable(wanted) && !given.is_empty() || wanted == given);
        if !fits {
            continue;
        }
        let variables = pattern
            .into_iter()
            .zip(given)
            .filter(|(name, _)| is_variable(name));
        let parts = variables
            .map(|(name, value)| Ok((name, form::decode_path(value.as_bytes())?)))
            .collect::<Result<_, WireError>>()?;
        return Ok(Route { action, parts });
    }
    Err(unknown())
}

/// All that a call says, as one tree.
pub(crate) fn parameters(route: Route, query: Vec<Pair>, body: &[u8]) -> Result<Node, WireError> {
    let mut all = match Node::from_pairs(query)? {
        Node::Branch(all) => all,
        Node::Leaf(_) => BTreeMap::new(),
    };
    let path = route
        .parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Node::Leaf(value)));
    let body = if body.is_empty() {
        BTreeMap::new()
    } else {
        xml::read(body, &format!("{}Request", route.action))?
    };
    for (name, node) in path.chain(body) {
        if all.insert(name.clone(), node).is_some() {
            return Err(WireError::Document(format!("{name} is given twice.")));
        }
    }
    Ok(Node::Branch(all))
}

/// Names of parts of a path are upper case, the words of a path are lower case.
fn is_variable(segment: &str) -> bool {
    segment.starts_with(|letter: char| letter.is_ascii_uppercase())
}

const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "change/Id", "GetChange"),
    ("GET", "hostedzone", "ListHostedZones"),
    ("POST", "hostedzone", "CreateHostedZone"),
    ("DELETE", "hostedzone/Id", "DeleteHostedZone"),
    ("GET", "hostedzone/Id", "GetHostedZone"),
    ("POST", "hostedzone/Id", "UpdateHostedZoneComment"),
    (
        "POST",
        "hostedzone/Id/associatevpc",
        "AssociateVPCWithHostedZone",
    ),
    (
        "GET",
        "hostedzone/Id/authorizevpcassociation",
        "ListVPCAssociationAuthorizations",
    ),
    (
        "POST",
        "hostedzone/Id/authorizevpcassociation",
        "CreateVPCAssociationAuthorization",
    ),
    (
        "POST",
        "hostedzone/Id/deauthorizevpcassociation",
        "DeleteVPCAssociationAuthorization",
    ),
    (
        "POST",
        "hostedzone/Id/disassociatevpc",
        "DisassociateVPCFromHostedZone",
    ),
    ("GET", "hostedzone/Id/rrset", "ListResourceRecordSets"),
    ("POST", "hostedzone/Id/rrset", "ChangeResourceRecordSets"),
    ("GET", "hostedzonecount", "GetHostedZoneCount"),
    ("GET", "hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "hostedzonesbyvpc", "ListHostedZonesByVPC"),
    ("POST", "tags/ResourceType", "ListTagsForResources"),
    ("GET", "tags/ResourceType/ResourceId", "ListTagsForResource"),
    (
        "POST",
        "tags/ResourceType/ResourceId",
        "ChangeTagsForResource",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_path() {
        let all = strait_vpc::Action::ALL.iter();
        let calls = all.filter(|(service, _)| *service == strait_vpc::api::Service::Route53);
        for (_, name) in calls.clone() {
            assert!(ROUTES.iter().any(|(_, _, action)| action == name), "{name}");
        }
        assert_eq!(calls.count(), ROUTES.len());
    }

    #[test]
    fn method_and_path_name_the_call() {
        let found = |method: Method, path: &str| route(&method, path).map(|route| route.action);
        let records = "/2013-04-01/hostedzone/Z1/rrset";
        assert_eq!(
            found(Method::GET, records).expect("known"),
            "ListResourceRecordSets"
        );
        let slashed = format!("{records}/");
        assert_eq!(
            found(Method::POST, &slashed).expect("known"),
            "ChangeResourceRecordSets"
        );
        for (method, path) in [
            (Method::PUT, records),
            (Method::GET, "/2013-04-01/healthcheck"),
            (Method::GET, "/2013-04-01/hostedzone//rrset"),
            (Method::GET, "/2012-12-12/hostedzone"),
        ] {
            let error = found(method, path).expect_err(path);
            assert!(
                matches!(error, WireError::UnknownAction(_)),
                "{path}: {error}"
            );
        }
    }

    #[test]
    fn what_a_path_says_is_decoded_and_a_plus_stays_one() {
        let route = route(&Method::GET, "/2013-04-01/hostedzone/a+b%20c").expect("known");
        assert_eq!(route.parts, [("Id", "a+b c".to_owned())]);
    }

    #[test]
    fn path_query_and_body_are_one() {
        let route = route(&Method::POST, "/2013-04-01/hostedzone/Z1").expect("known");
        let body = b"<UpdateHostedZoneCommentRequest><Comment>c</Comment></UpdateHostedZoneCommentRequest>";
        let query = vec![("maxitems".to_owned(), "5".to_owned())];
        let Node::Branch(all) = parameters(route, query, body).expect("well formed") else {
            panic!("a tree");
        };
        let leaf = |text: &str| Node::Leaf(text.to_owned());
        let expected = [
            ("Comment", leaf("c")),
            ("Id", leaf("Z1")),
            ("maxitems", leaf("5")),
        ];
        assert_eq!(
            all,
            expected.map(|(name, node)| (name.to_owned(), node)).into()
        );
    }
}
