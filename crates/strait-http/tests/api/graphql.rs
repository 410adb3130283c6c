//! The GraphQL of Tiger's Terraform provider: tokens, VPCs, peering connections, services, refusals.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use strait_plane::model::{Addon, NewKey, Role};

use crate::world::{ADMIN_KEY, Answer, REGION, World};

#[tokio::test]
async fn keys_are_exchanged_for_a_token_that_opens_their_project_only() {
    let world = World::new().await;
    let key = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Owner));
    let key = key.await.expect("a key");
    let exchange = "query($a: String!, $s: String!) { getJWTForClientCredentials(data: {accessKey: $a, secretKey: $s}) }";
    let keys = |secret: &str| json!({ "a": key.key.public_key, "s": secret });
    let wrong = query(&world, None, exchange, keys("wrong")).await;
    refused(&wrong, "UNAUTHORIZED", 401, "wrong");
    let token = query(&world, None, exchange, keys(&key.secret_key)).await;
    let token = token.str("/data/getJWTForClientCredentials").to_owned();

    let all = "query($p: ID!) { getAllVpcs(projectId: $p) { id } }";
    let own = json!({ "p": world.project });
    let seen = query(&world, Some(&token), all, own.clone()).await;
    assert_eq!(seen.body, json!({ "data": { "getAllVpcs": [] } }));
    refused(
        &query(&world, None, all, own.clone()).await,
        "UNAUTHORIZED",
        401,
        "no token",
    );
    let forged = query(&world, Some("forged"), all, own).await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED, "{forged:?}");
    let (other, _) = world.another_project("second").await;
    let foreign = query(&world, Some(&token), all, json!({ "p": other })).await;
    refused(&foreign, "NOT_FOUND", 404, "project");

    world
        .plane
        .revoke_key(&world.project, &key.key.public_key)
        .await
        .expect("revoked");
    let late = query(&world, Some(&token), all, json!({ "p": world.project })).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED, "{late:?}");
}

#[tokio::test]
async fn what_a_key_may_not_do_by_rest_it_may_not_do_here() {
    let world = World::new().await;
    let rename = "mutation($p: ID!, $v: ID!) { renameVpc(data: {projectId: $p, forgeVpcId: $v, newName: \"x\"}) }";
    let vpc = world.vpc("10.0.0.0/24").await;
    let variables = json!({ "p": world.project, "v": vpc });
    for (role, may) in [
        (Role::Viewer, false),
        (Role::Developer, false),
        (Role::Admin, true),
    ] {
        let token = token(&world, role).await;
        let answer = query(&world, Some(&token), rename, variables.clone()).await;
        match may {
            true => assert_eq!(answer.body["data"]["renameVpc"], true, "{role}: {answer:?}"),
            false => refused(&answer, "FORBIDDEN", 403, "role"),
        }
        let see = "query($p: ID!, $v: ID!) { getVpc(projectId: $p, vpcId: $v) { name } }";
        let seen = query(&world, Some(&token), see, variables.clone()).await;
        assert!(seen.has("/data/getVpc/name"), "{role}: {seen:?}");
    }
}

#[tokio::test]
async fn a_vpc_and_a_peering_connection_live_and_go() {
    let world = World::new().await;
    let token = token(&world, Role::Owner).await;
    let ask =
        async |text: &str, variables: Value| query(&world, Some(&token), text, variables).await;
    let create = "mutation($p: ID!, $c: String!) { createVpc(data: {projectId: $p, name: \"tf\", cidr: $c, \
        cloudProvider: AWS, regionCode: \"eu-central-1\"}) { id status provisionedId errorMessage } }";
    let made = ask(create, json!({ "p": world.project, "c": "10.0.0.0/24" })).await;
    let vpc = made.str("/data/createVpc/id").to_owned();
    assert_eq!(made.str("/data/createVpc/errorMessage"), "");
    world.get(&format!("/vpcs/{vpc}?wait=20")).await;

    let open = "mutation($p: ID!, $v: ID!, $c: [String!]) { openPeerRequest(data: {forgeVpcId: $v, projectId: $p, \
        peerVpc: {id: \"vpc-0123456789abcdef0\", accountId: \"123456789012\", regionCode: \"eu-central-1\", cidr: \"\", \
        cidrBlocks: $c}, cloudProvider: AWS}) { id } }";
    // The provider sends ids as numbers.
    let number: i64 = vpc.parse().expect("digits");
    let blocks = json!(["10.81.1.0/24", "10.81.0.0/24"]);
    let opened = ask(
        open,
        json!({ "p": world.project, "v": number, "c": blocks }),
    )
    .await;
    let id = opened.str("/data/openPeerRequest/id").to_owned();

    let show = "query($p: ID!) { getVpcByName(data: {projectId: $p, vpcName: \"tf\"}) { id provisionedId status \
        peeringConnections { id vpcId provisionedId accepterProvisionedId status errorMessage \
        peerVpc { id accountId regionCode cidr cidrBlocks } } } }";
    let shown = ask(show, json!({ "p": world.project })).await;
    let found = "/data/getVpcByName";
    assert_eq!(shown.str(&format!("{found}/status")), "CREATED");
    let peering = &shown.body["data"]["getVpcByName"]["peeringConnections"][0];
    assert_eq!(
        (&peering["id"], &peering["status"]),
        (&json!(id), &json!("PENDING"))
    );
    assert_eq!(
        peering["vpcId"],
        shown.body["data"]["getVpcByName"]["provisionedId"]
    );
    assert_eq!(
        peering["peerVpc"]["cidrBlocks"],
        json!(["10.81.0.0/24", "10.81.1.0/24"])
    );
    for field in ["provisionedId", "accepterProvisionedId"] {
        assert!(
            peering[field]
                .as_str()
                .is_some_and(|id| id.starts_with("pcx-")),
            "{peering}"
        );
    }

    let update = "mutation($p: ID!, $v: ID!, $i: ID!) { updatePeeringConnectionCIDRs(data: {projectId: $p, forgeVpcId: $v, \
        id: $i, cidrBlocks: [\"10.81.0.0/24\"]}) }";
    let all = json!({ "p": world.project, "v": vpc, "i": id });
    assert_eq!(
        ask(update, all.clone()).await.body["data"]["updatePeeringConnectionCIDRs"],
        true
    );
    let shown = ask(show, json!({ "p": world.project })).await;
    let peering = &shown.body["data"]["getVpcByName"]["peeringConnections"][0];
    assert_eq!(peering["peerVpc"]["cidrBlocks"], json!(["10.81.0.0/24"]));

    let delete = "mutation($p: ID!, $v: ID!) { deleteVpc(data: {projectId: $p, vpcId: $v}) }";
    let gone = json!({ "p": world.project, "v": vpc });
    let in_use = ask(delete, gone.clone()).await;
    refused(&in_use, "CONFLICT", 409, "in use");
    assert!(!in_use.text.contains("already being updated"), "{in_use:?}");
    let leave = "mutation($p: ID!, $v: ID!, $i: ID!) { deletePeeringConnection(data: {projectId: $p, vpcId: $v, id: $i}) }";
    assert_eq!(
        ask(leave, all).await.body["data"]["deletePeeringConnection"],
        true
    );
    assert_eq!(
        ask(delete, gone.clone()).await.body["data"]["deleteVpc"],
        true
    );
    world.get(&format!("/vpcs/{vpc}?wait=20")).await;
    let by_id = "query($p: ID!, $v: ID!) { getVpc(projectId: $p, vpcId: $v) { id } }";
    refused(
        &ask(by_id, gone).await,
        "NOT_FOUND",
        404,
        "target VPC does not exist",
    );
}

#[tokio::test]
async fn a_service_lives_and_goes() {
    let world = World::new().await;
    let token = token(&world, Role::Owner).await;
    let ask =
        async |text: &str, variables: Value| query(&world, Some(&token), text, variables).await;
    let vpc = world.vpc("10.0.0.0/24").await;
    let create = "mutation($p: ID!, $v: ID, $r: ResourceConfig, $n: String!) { createService(data: {projectId: $p, name: $n, \
        type: TIMESCALEDB, regionCode: \"eu-central-1\", vpcId: $v, resourceConfig: $r, environmentTag: PROD, \
        enableConnectionPooler: false}) { initialPassword service { id type status } } }";
    let size = |cpu: &str| json!({ "milliCPU": cpu, "memoryGB": "2", "storageGB": "50", "replicaCount": "0" });
    let new = |cpu: &str| json!({ "p": world.project, "v": vpc, "r": size(cpu), "n": "orders" });
    refused(
        &ask(create, new("1000")).await,
        "INVALID_ARGUMENT",
        400,
        "milliCPU",
    );
    let made = ask(create, new("500")).await;
    assert!(made.str("/data/createService/initialPassword").len() > 20);
    assert_eq!(made.str("/data/createService/service/type"), "POSTGRES");
    let id = made.str("/data/createService/service/id").to_owned();
    world.get(&format!("/services/{id}?wait=20")).await;

    let get = "query($p: ID!, $s: ID!) { getService(data: {projectId: $p, serviceId: $s}) { id name status regionCode \
        spec { ... on TimescaleDBServiceSpec { hostname username port defaultDBName connectionPoolerEnabled } } \
        resources { id spec { ... on ResourceNode { milliCPU memoryGB replicaCount syncReplicaCount } } } \
        vpcEndpoint { host port vpcId } forkedFromId { serviceId } metadata { environment } \
        dataTieringSettings { enabled } endpoints { primary { host port } replica { host } pooler { host } } } }";
    let of = json!({ "p": world.project, "s": id });
    let shown = ask(get, of.clone()).await.body["data"]["getService"].clone();
    let host = format!("{id}.{}.db.strait.internal", world.project);
    assert_eq!(
        (&shown["status"], &shown["name"]),
        (&json!("READY"), &json!("orders"))
    );
    assert_eq!(shown["spec"]["hostname"], host.as_str());
    assert_eq!(
        shown["endpoints"]["primary"],
        json!({ "host": host, "port": 5432 })
    );
    assert_eq!(shown["vpcEndpoint"]["vpcId"], vpc.as_str());
    assert_eq!(shown["metadata"]["environment"], "PROD");
    assert_eq!(shown["resources"][0]["spec"]["milliCPU"], 500);

    for (mutation, answer) in [
        (
            "renameService(data: {projectId: $p, serviceId: $s, newName: \"sales\"})",
            "renameService",
        ),
        (
            "setServiceEnvironmentTag(data: {projectId: $p, serviceId: $s, environment: DEV})",
            "setServiceEnvironmentTag",
        ),
        (
            "resetServicePassword(data: {projectId: $p, serviceId: $s, password: \"correct horse\", passwordType: SCRAM})",
            "resetServicePassword",
        ),
        (
            "toggleConnectionPooler(data: {projectId: $p, serviceId: $s, enable: false})",
            "toggleConnectionPooler",
        ),
        (
            "resizeInstance(data: {projectId: $p, serviceId: $s, config: {milliCPU: \"500\", memoryGB: \"2\"}})",
            "resizeInstance",
        ),
    ] {
        let text = format!("mutation($p: ID!, $s: ID!) {{ {mutation} }}");
        let done = ask(&text, of.clone()).await;
        assert_eq!(done.body["data"][answer], true, "{mutation}: {done:?}");
    }
    for (mutation, code, status) in [
        (
            "toggleConnectionPooler(data: {projectId: $p, serviceId: $s, enable: true})",
            "NOT_SUPPORTED",
            422,
        ),
        (
            "toggleDataTiering(data: {projectId: $p, serviceId: $s, enable: true})",
            "NOT_SUPPORTED",
            422,
        ),
        (
            "setReplicaCount(data: {projectId: $p, serviceId: $s, replicaCount: 1, synchronousReplicaCount: 0})",
            "NOT_SUPPORTED",
            422,
        ),
        (
            "resizeInstance(data: {projectId: $p, serviceId: $s, config: {milliCPU: \"1000\"}})",
            "INVALID_ARGUMENT",
            400,
        ),
        (
            "resetServicePassword(data: {projectId: $p, serviceId: $s, password: \"short\", passwordType: SCRAM})",
            "INVALID_ARGUMENT",
            400,
        ),
    ] {
        let text = format!("mutation($p: ID!, $s: ID!) {{ {mutation} }}");
        refused(&ask(&text, of.clone()).await, code, status, "");
    }
    let shown = ask(get, of.clone()).await.body["data"]["getService"].clone();
    assert_eq!(
        (&shown["name"], &shown["metadata"]["environment"]),
        (&json!("sales"), &json!("DEV"))
    );

    let leave = "mutation($p: ID!, $s: ID!, $v: ID!) { detachServiceFromVpc(data: {projectId: $p, serviceId: $s, vpcId: $v}) }";
    let left = ask(leave, json!({ "p": world.project, "s": id, "v": vpc })).await;
    assert_eq!(left.body["data"]["detachServiceFromVpc"], true, "{left:?}");
    world.get(&format!("/services/{id}?wait=20")).await;
    assert_eq!(
        ask(get, of.clone()).await.body["data"]["getService"]["vpcEndpoint"],
        Value::Null
    );

    let toggle = "mutation($p: ID!, $s: ID!, $t: Status!) { toggleService(data: {projectId: $p, serviceId: $s, status: $t}) { id } }";
    for (status, then) in [("INACTIVE", "PAUSED"), ("ACTIVE", "READY")] {
        ask(toggle, json!({ "p": world.project, "s": id, "t": status })).await;
        let after = world.get(&format!("/services/{id}?wait=20")).await;
        assert_eq!(after.str("/status"), then);
    }
    let delete = "mutation($p: ID!, $s: ID!) { deleteService(data: {projectId: $p, serviceId: $s}) { id status } }";
    assert_eq!(
        ask(delete, of.clone())
            .await
            .str("/data/deleteService/status"),
        "DELETING"
    );
    world.get(&format!("/services/{id}?wait=20")).await;
    refused(
        &ask(get, of).await,
        "NOT_FOUND",
        404,
        "no service with that id exists",
    );
}

#[tokio::test]
async fn timescaledb_is_had_where_it_is_installed() {
    let world = World::new().await;
    world.postgres.offer([Addon::TimeSeries, Addon::Ai]);
    let token = token(&world, Role::Owner).await;
    let create = "mutation($p: ID!) { createService(data: {projectId: $p, name: \"t\", type: TIMESCALEDB, regionCode: \"\"}) \
        { service { type regionCode } } }";
    let made = query(&world, Some(&token), create, json!({ "p": world.project })).await;
    assert_eq!(made.str("/data/createService/service/type"), "TIMESCALEDB");
    let products = "query($p: ID!) { orbProducts(projectId: $p) { id plans { regionCode milliCPU memoryGB price } } }";
    let products = query(
        &world,
        Some(&token),
        products,
        json!({ "p": world.project }),
    )
    .await;
    let plans = products.body["data"]["orbProducts"][0]["plans"]
        .as_array()
        .cloned()
        .expect("plans");
    assert!(
        plans
            .iter()
            .any(|plan| plan["regionCode"] == REGION && plan["milliCPU"] == 500)
    );
}

#[tokio::test]
async fn what_is_no_query_is_refused_in_words() {
    let world = World::new().await;
    let admin = Some(ADMIN_KEY);
    let unknown = query(&world, admin, "{ getAllExporters { id } }", json!({})).await;
    assert!(unknown.text.contains("getAllExporters"), "{unknown:?}");
    let tgw = "mutation($p: ID!) { openPeerRequest(data: {forgeVpcId: 1, projectId: $p, peerVpc: {id: \"tgw-1\", \
        accountId: \"123456789012\", regionCode: \"eu-central-1\"}, cloudProvider: AWS}) { id } }";
    let refusal = query(&world, admin, tgw, json!({ "p": world.project })).await;
    refused(&refusal, "NOT_SUPPORTED", 422, "transit gateways");
    let nested = |levels: usize| {
        let (open, close) = ("fields { type { ".repeat(levels), "} } ".repeat(levels));
        format!("{{ __schema {{ types {{ {open} name {close} }} }} }}")
    };
    let control = query(&world, admin, &nested(2), json!({})).await;
    assert!(!control.has("/errors"), "{control:?}");
    let deep = query(&world, admin, &nested(12), json!({})).await;
    assert!(
        deep.str("/errors/0/message").contains("too deep"),
        "{deep:?}"
    );
    let looked_up = |times: usize| {
        let fields = (0..times).map(|n| format!("v{n}: getAllVpcs(projectId: $p) {{ id }} "));
        format!("query($p: ID!) {{ {} }}", fields.collect::<String>())
    };
    let project = json!({ "p": world.project });
    let control = query(&world, admin, &looked_up(19), project.clone()).await;
    assert!(!control.has("/errors"), "{control:?}");
    let much = query(&world, admin, &looked_up(20), project).await;
    assert_eq!(
        much.str("/errors/0/message"),
        "Query is too complex.",
        "{much:?}"
    );
    let request = Request::post("/api/query")
        .header(header::HOST, "127.0.0.1:8470")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{"))
        .expect("a request");
    let broken = world.send(request).await;
    broken.assert_refused(StatusCode::BAD_REQUEST, "MALFORMED_REQUEST", None);
}

#[tokio::test]
async fn one_request_gets_one_token() {
    let world = World::new().await;
    let made = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer))
        .await;
    let key = made.expect("a key");
    let keys = json!({ "a": key.key.public_key, "s": key.secret_key });
    let asked = |times: usize| {
        let field = "getJWTForClientCredentials(data: {accessKey: $a, secretKey: $s})";
        let fields = (0..times).map(|n| format!("t{n}: {field} "));
        format!(
            "query($a: String!, $s: String!) {{ __typename {} }}",
            fields.collect::<String>()
        )
    };
    let one = query(&world, None, &asked(1), keys.clone()).await;
    assert!(one.str("/data/t0").len() > 20, "{one:?}");
    let two = query(&world, None, &asked(2), keys).await;
    assert_eq!(
        two.str("/errors/0/message"),
        "Query is too complex.",
        "{two:?}"
    );
    assert!(!two.has("/data/t0"), "{two:?}");
}

pub(crate) async fn token(world: &World, role: Role) -> String {
    let key = world
        .plane
        .create_key(&world.project, NewKey::of(role))
        .await
        .expect("a key");
    let issued = world
        .plane
        .issue_token(&key.key.public_key, &key.secret_key);
    issued.await.expect("a token").token
}

pub(crate) async fn query(
    world: &World,
    token: Option<&str>,
    text: &str,
    variables: Value,
) -> Answer {
    let mut request = Request::post("/api/query")
        .header(header::HOST, "127.0.0.1:8470")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = json!({ "query": text, "variables": variables }).to_string();
    world
        .send(request.body(Body::from(body)).expect("a request"))
        .await
}

/// That it is this refusal, with the status that the REST API would give.
pub(crate) fn refused(answer: &Answer, code: &str, status: u16, words: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let error = &answer.body["errors"][0];
    assert_eq!(error["extensions"]["code"], code, "{answer:?}");
    assert_eq!(error["extensions"]["status"], status, "{answer:?}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains(words)),
        "{answer:?}"
    );
}
