//! Every field of the GraphQL schema, by each role, by nobody and with another project's ids. A field that is not in the table here
//! fails, so that whoever adds one says whom it is for.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::json;
use strait_plane::model::{NewKey, Role};

use crate::graphql::{query, refused, token};
use crate::things::{Neighbours, Things};
use crate::world::{Answer, World};

/// Whom a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Anybody,
    Members(Role),
}

use For::{Anybody, Members};
use Role::{Admin, Developer, Owner, Viewer};

/// The fields, for whom they are, and a good request: `PROJECT`, `VPC`, `NAME`, `SPARE`, `PEERING` and `SERVICE` stand for a project's
/// ids and names. Each is good after those before it.
const FIELDS: &[(&str, For, &str)] = &[
    (
        "getJWTForClientCredentials",
        Anybody,
        "(data: {accessKey: KEY, secretKey: SECRET})",
    ),
    (
        "orbProducts",
        Members(Viewer),
        "(projectId: PROJECT) { id }",
    ),
    (
        "getAllServices",
        Members(Viewer),
        "(projectId: PROJECT) { id }",
    ),
    (
        "getService",
        Members(Viewer),
        "(data: {projectId: PROJECT, serviceId: SERVICE}) { id }",
    ),
    ("getAllVpcs", Members(Viewer), "(projectId: PROJECT) { id }"),
    (
        "getVpc",
        Members(Viewer),
        "(projectId: PROJECT, vpcId: VPC) { id }",
    ),
    (
        "getVpcByName",
        Members(Viewer),
        "(data: {projectId: PROJECT, vpcName: NAME}) { id }",
    ),
    (
        "createVpc",
        Members(Admin),
        "(data: {projectId: PROJECT, name: \"new\", cidr: \"10.200.0.0/20\", cloudProvider: AWS, regionCode: \"eu-central-1\"}) { id }",
    ),
    (
        "renameVpc",
        Members(Admin),
        "(data: {projectId: PROJECT, forgeVpcId: VPC, newName: \"renamed\"})",
    ),
    (
        "openPeerRequest",
        Members(Admin),
        "(data: {projectId: PROJECT, forgeVpcId: VPC, cloudProvider: AWS, peerVpc: {id: \"vpc-00000000000000001\", \
            accountId: \"123456789012\", regionCode: \"eu-central-1\"}}) { id }",
    ),
    (
        "updatePeeringConnectionCIDRs",
        Members(Admin),
        "(data: {projectId: PROJECT, forgeVpcId: VPC, id: PEERING, cidrBlocks: [\"10.99.0.0/24\"]})",
    ),
    (
        "deletePeeringConnection",
        Members(Admin),
        "(data: {projectId: PROJECT, vpcId: VPC, id: PEERING})",
    ),
    (
        "deleteVpc",
        Members(Admin),
        "(data: {projectId: PROJECT, vpcId: SPARE})",
    ),
    (
        "createService",
        Members(Developer),
        "(data: {projectId: PROJECT, name: \"new\", type: POSTGRES, regionCode: \"eu-central-1\", vpcId: VPC}) { initialPassword }",
    ),
    (
        "renameService",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, newName: \"renamed\"})",
    ),
    (
        "setServiceEnvironmentTag",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, environment: PROD})",
    ),
    (
        "resetServicePassword",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, password: \"correct horse\", passwordType: SCRAM})",
    ),
    (
        "resizeInstance",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, config: {milliCPU: \"500\"}})",
    ),
    (
        "setReplicaCount",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, replicaCount: 0, synchronousReplicaCount: 0})",
    ),
    (
        "toggleConnectionPooler",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, enable: false})",
    ),
    (
        "toggleDataTiering",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, enable: false})",
    ),
    (
        "detachServiceFromVpc",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, vpcId: VPC})",
    ),
    (
        "attachServiceToVpc",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, vpcId: VPC})",
    ),
    (
        "toggleService",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE, status: INACTIVE}) { id }",
    ),
    (
        "deleteService",
        Members(Developer),
        "(data: {projectId: PROJECT, serviceId: SERVICE}) { id }",
    ),
];

#[tokio::test]
async fn every_field_is_for_those_that_it_is_for() {
    let kinds = fields();
    let told: BTreeSet<&str> = FIELDS.iter().map(|(name, _, _)| *name).collect();
    let there_are: BTreeSet<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(told, there_are, "say in this file whom each is for");

    let world = World::new().await;
    let own = Things::of(&world, &world.project, 1).await;
    let by: BTreeMap<Role, String> = [
        (Viewer, token(&world, Viewer).await),
        (Developer, token(&world, Developer).await),
        (Admin, token(&world, Admin).await),
        (Owner, token(&world, Owner).await),
    ]
    .into();
    let before = own.rows(&world).await;
    let members = FIELDS.iter().filter_map(|(name, whom, rest)| match whom {
        Anybody => None,
        Members(least) => Some((*name, *least, text(kinds[*name], name, rest, &names(&own)))),
    });
    let members: Vec<(&str, Role, String)> = members.collect();
    for (name, least, text) in &members {
        for (role, keys) in by.iter().filter(|(role, _)| !role.covers(*least)) {
            let answer = query(&world, Some(keys), text, json!({})).await;
            assert_eq!(
                code(&answer),
                Some("FORBIDDEN"),
                "{name} by {role}: {answer:?}"
            );
        }
        let nobody = query(&world, None, text, json!({})).await;
        refused(&nobody, "UNAUTHORIZED", 401, "no token");
    }
    own.assert_untouched(&world, &before).await;
    // Whoever may do all: each is a good request.
    for (name, _, text) in &members {
        let answer = query(&world, Some(&by[&Owner]), text, json!({})).await;
        assert_eq!(code(&answer), None, "{name}: {answer:?}");
        assert!(!answer.body["data"][*name].is_null(), "{name}: {answer:?}");
        own.rest(&world).await;
    }
    // Whoever may do this gets as far, though much of it is gone now.
    for (name, least, text) in &members {
        for (role, keys) in by.iter().filter(|(role, _)| role.covers(*least)) {
            let answer = query(&world, Some(keys), text, json!({})).await;
            let is_refused = [Some("FORBIDDEN"), Some("UNAUTHORIZED")].contains(&code(&answer));
            assert!(!is_refused, "{name} by {role}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_for_anybody_takes_no_token() {
    let world = World::new().await;
    let made = world.plane.create_key(&world.project, NewKey::of(Viewer));
    let key = made.await.expect("a key");
    let kinds = fields();
    for (name, whom, rest) in FIELDS {
        if *whom != Anybody {
            continue;
        }
        let values = [
            ("KEY", key.key.public_key.clone()),
            ("SECRET", key.secret_key.clone()),
        ];
        let text = text(kinds[*name], name, rest, &values);
        for role in [
            None,
            Some(Viewer),
            Some(Developer),
            Some(Admin),
            Some(Owner),
        ] {
            let keys = match role {
                Some(role) => Some(token(&world, role).await),
                None => None,
            };
            let answer = query(&world, keys.as_deref(), &text, json!({})).await;
            assert_eq!(code(&answer), None, "{name} by {role:?}: {answer:?}");
            assert!(!answer.body["data"][*name].is_null(), "{name}: {answer:?}");
        }
    }
}

/// The control is above: with ids of one's own, each of these requests is a good one.
#[tokio::test]
async fn another_projects_ids_are_as_ids_of_nothing() {
    let world = World::new().await;
    let keys = token(&world, Owner).await;
    let both = Neighbours::of(&world).await;
    let (own, theirs) = (&both.own, &both.theirs);
    let kinds = fields();
    let mut asked = 0;
    for (name, whom, rest) in FIELDS {
        if *whom == Anybody {
            continue;
        }
        let named = names(own).map(|(word, _)| word);
        let named = named.into_iter().filter(|word| rest.contains(word));
        let named: Vec<&str> = named.collect();
        // Each alone, and all of them.
        let alone = named.iter().map(|word| vec![*word]);
        for foreign in alone.chain([named.clone()]) {
            let values = names(own).into_iter().zip(names(theirs));
            let values = values.map(|(own, theirs)| match foreign.contains(&own.0) {
                true => theirs,
                false => own,
            });
            let text = text(kinds[*name], name, rest, &values.collect::<Vec<_>>());
            let answer = query(&world, Some(&keys), &text, json!({})).await;
            assert_eq!(
                code(&answer),
                Some("NOT_FOUND"),
                "{name} with their {foreign:?}: {answer:?}"
            );
            assert_eq!(answer.body["errors"][0]["extensions"]["status"], 404);
            asked += 1;
        }
    }
    assert!(asked > 50, "only {asked}");
    both.assert_untouched(&world).await;
}

fn names(of: &Things) -> [(&'static str, String); 6] {
    [
        ("PROJECT", of.project.clone()),
        ("VPC", of.vpc.clone()),
        ("NAME", of.vpc_name.clone()),
        ("SPARE", of.spare.clone()),
        ("PEERING", of.peering.clone()),
        ("SERVICE", of.service.clone()),
    ]
}

/// A request for one field.
fn text(kind: &str, name: &str, rest: &str, values: &[(&str, String)]) -> String {
    let mut rest = rest.to_owned();
    for (word, value) in values {
        rest = rest.replace(&format!(": {word}"), &format!(": {}", json!(value)));
    }
    format!("{kind} {{ {name}{rest} }}")
}

/// Why it was refused, if it was.
fn code(answer: &Answer) -> Option<&str> {
    let errors = answer.body.get("errors")?;
    let code = errors[0]["extensions"]["code"].as_str();
    Some(code.unwrap_or("it is no good request"))
}

/// All fields of the schema, each a `query` or a `mutation`.
fn fields() -> BTreeMap<String, &'static str> {
    let schema = parse_schema(strait_http::sdl()).expect("a schema");
    let mut fields = BTreeMap::new();
    for definition in schema.definitions {
        let TypeSystemDefinition::Type(defined) = definition else {
            continue;
        };
        let kind = match defined.node.name.node.as_str() {
            "Query" => "query",
            "Mutation" => "mutation",
            _ => continue,
        };
        if let TypeKind::Object(object) = defined.node.kind {
            let names = object
                .fields
                .iter()
                .map(|field| field.node.name.node.to_string());
            fields.extend(names.map(|name| (name, kind)));
        }
    }
    assert!(fields.len() > 20, "only {fields:?}");
    fields
}
