//! What Tiger's Terraform provider asks for, every field of it (`provider.txt`), with variables as its client writes them: ids of
//! VPCs and peering connections as numbers, sizes as text.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use strait_plane::model::{NewKey, Object, Role, Settled};

use crate::graphql::{refused, token};
use crate::provider::{self, requests};
use crate::world::{Answer, REGION, World};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn vpcs_and_peering_connections_live_and_go_as_it_asks_for_them() {
    let world = World::new().await;
    let provider = Provider::new(&world).await;
    let products = provider.asks("GetProducts", json!({})).await;
    let plans = products[0]["plans"].as_array().expect("plans");
    assert!(plans.iter().any(|plan| plan["regionCode"] == REGION
        && plan["productId"] == products[0]["id"]
        && plan["milliCPU"] == 500
        && plan["memoryGB"] == 2));

    let new = json!({ "name": "tf", "cidr": "10.0.0.0/24", "regionCode": REGION });
    let made = provider.asks("CreateVPC", new).await;
    assert_eq!(made["projectId"], world.project.as_str());
    assert_eq!(
        (&made["peeringConnections"], &made["errorMessage"]),
        (&json!([]), &json!(""))
    );
    let id = made["id"].as_str().expect("an id").to_owned();
    let vpc: i64 = id.parse().expect("digits");
    world.get(&format!("/vpcs/{id}?wait=20")).await;

    let asked = json!({ "vpcId": vpc, "externalVpcId": "vpc-0123456789abcdef0", "accountId": "123456789012",
        "regionCode": "us-east-1", "cidrBlocks": ["10.81.1.0/24", "10.81.0.0/24"] });
    let peering = provider.asks("OpenPeerRequest", asked).await;
    let peering: i64 = text(&peering["id"]).parse().expect("digits");
    let all = json!({ "vpcId": vpc, "externalVpcId": "vpc-0123456789abcdef1", "accountId": "123456789012",
        "regionCode": "us-east-1" });
    let other = provider.asks("OpenPeerRequest", all).await;
    let other: i64 = text(&other["id"]).parse().expect("digits");

    let by_id = provider.asks("GetVPCByID", json!({ "vpcId": vpc })).await;
    assert_eq!(
        (&by_id["status"], &by_id["cidr"]),
        (&json!("CREATED"), &json!("10.0.0.0/24"))
    );
    let connections = by_id["peeringConnections"].as_array().expect("a list");
    assert_eq!(connections.len(), 2);
    for (connection, id) in connections.iter().zip([peering, other]) {
        assert_eq!(connection["id"], id.to_string());
        assert_eq!(connection["vpcId"], by_id["provisionedId"]);
        assert!(text(&connection["accepterProvisionedId"]).starts_with("pcx-"));
        assert_eq!(connection["errorMessage"], "");
    }
    assert_eq!(
        connections[0]["peerVpc"]["cidrBlocks"],
        json!(["10.81.0.0/24", "10.81.1.0/24"])
    );
    let listed = provider.asks("GetAllVPCs", json!({})).await;
    assert_eq!(listed, json!([by_id]));

    let renamed = json!({ "forgeVpcId": vpc, "newName": "other" });
    assert_eq!(provider.asks("RenameVPC", renamed).await, true);
    let narrower = json!({ "forgeVpcId": vpc, "id": peering, "cidrBlocks": ["10.81.0.0/24"] });
    assert_eq!(
        provider
            .asks("UpdatePeeringConnectionCIDRs", narrower)
            .await,
        true
    );
    let former = provider
        .sends("GetVPCByName", json!({ "name": "tf" }))
        .await;
    refused(&former, "NOT_FOUND", 404, "target VPC does not exist");
    let by_name = provider
        .asks("GetVPCByName", json!({ "name": "other" }))
        .await;
    assert_eq!(by_name["id"], id.as_str());
    let by_id = provider.asks("GetVPCByID", json!({ "vpcId": vpc })).await;
    let first = &by_id["peeringConnections"][0];
    assert_eq!(first["peerVpc"]["cidrBlocks"], json!(["10.81.0.0/24"]));

    let leave = json!({ "vpcId": vpc });
    let in_use = provider.sends("DeleteVPC", leave.clone()).await;
    refused(&in_use, "CONFLICT", 409, "in use");
    for id in [peering, other] {
        let gone = json!({ "vpcId": vpc, "id": id });
        assert_eq!(provider.asks("DeletePeeringConnection", gone).await, true);
    }
    assert_eq!(provider.asks("DeleteVPC", leave.clone()).await, true);
    world.get(&format!("/vpcs/{id}?wait=20")).await;
    let late = provider.sends("GetVPCByID", leave).await;
    refused(&late, "NOT_FOUND", 404, "target VPC does not exist");
    assert_eq!(provider.asks("GetAllVPCs", json!({})).await, json!([]));
}

#[tokio::test]
async fn services_live_and_move_and_go_as_it_asks_for_them() {
    let world = World::new().await;
    let provider = Provider::new(&world).await;
    let first: i64 = world.vpc("10.0.0.0/24").await.parse().expect("digits");
    let second: i64 = world.vpc("10.0.1.0/24").await.parse().expect("digits");
    assert_eq!(provider.asks("GetAllServices", json!({})).await, json!([]));

    let id = provider.makes("orders", Some(first)).await;
    let of = json!({ "serviceId": id });
    let service = provider.settled(&id).await;
    assert_eq!(
        (&service["status"], &service["regionCode"]),
        (&json!("READY"), &json!(REGION))
    );
    assert_eq!(service["metadata"]["environment"], "PROD");
    assert_eq!(service["vpcEndpoint"]["vpcId"], first.to_string());
    assert_eq!(
        service["resources"][0]["spec"],
        json!({ "milliCPU": 500, "memoryGB": 2, "storageGB": 0, "replicaCount": 0, "syncReplicaCount": 0 })
    );
    for none in [
        &service["forkedFromId"],
        &service["endpoints"]["replica"],
        &service["endpoints"]["pooler"],
        &service["spec"]["metricExporterUuid"],
        &service["spec"]["genericExporterID"],
    ] {
        assert_eq!(*none, Value::Null, "{service}");
    }
    assert_eq!(
        service["endpoints"]["primary"]["host"],
        service["spec"]["hostname"]
    );

    // From one VPC to another it detaches first, and does not wait.
    let from = json!({ "serviceId": id, "vpcId": first });
    let to = json!({ "serviceId": id, "vpcId": second });
    assert_eq!(provider.asks("DetachServiceFromVPC", from).await, true);
    assert_eq!(provider.asks("AttachServiceToVPC", to.clone()).await, true);
    let service = provider.settled(&id).await;
    assert_eq!(service["status"], "READY");
    assert_eq!(service["vpcEndpoint"]["vpcId"], second.to_string());
    assert_eq!(
        world
            .get(&format!("/services/{id}"))
            .await
            .str("/network/now"),
        format!("vpc:{second}")
    );
    let nowhere = json!({ "serviceId": id, "vpcId": second + 1 });
    let nowhere = provider.sends("AttachServiceToVPC", nowhere).await;
    refused(&nowhere, "NOT_FOUND", 404, "VPC");
    let elsewhere = json!({ "serviceId": id, "vpcId": first });
    let elsewhere = provider.sends("DetachServiceFromVPC", elsewhere).await;
    refused(&elsewhere, "CONFLICT", 409, "VPC");
    assert_eq!(provider.asks("DetachServiceFromVPC", to).await, true);
    let service = provider.settled(&id).await;
    assert_eq!(
        (&service["status"], &service["vpcEndpoint"]),
        (&json!("READY"), &Value::Null)
    );

    // All of a project's, each as it is shown alone.
    let plain = provider.makes("plain", None).await;
    let (other, _) = world.another_project("other").await;
    let theirs = Provider::of(&world, &other).await;
    let foreign = theirs.makes("theirs", None).await;
    let shown = [provider.settled(&id).await, provider.settled(&plain).await];
    let listed = provider.asks("GetAllServices", json!({})).await;
    assert_eq!(sorted(&listed), sorted(&json!(shown)));
    let listed = theirs.asks("GetAllServices", json!({})).await;
    assert_eq!(listed[0]["id"], foreign.as_str(), "{listed}");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");

    for (name, more) in [
        ("RenameService", json!({ "newName": "sales" })),
        ("SetEnvironmentTag", json!({ "environment": "DEV" })),
        (
            "ResetServicePassword",
            json!({ "password": "correct horse", "passwordType": "SCRAM" }),
        ),
        (
            "ResizeInstance",
            json!({ "config": { "milliCPU": "500", "storageGB": "0", "memoryGB": "2" } }),
        ),
        (
            "SetReplicaCount",
            json!({ "replicaCount": 0, "synchronousReplicaCount": 0 }),
        ),
        ("ToggleConnectionPooler", json!({ "enable": false })),
        ("ToggleDataTiering", json!({ "enable": false })),
    ] {
        assert_eq!(
            provider.asks(name, merged(&of, &more)).await,
            true,
            "{name}"
        );
    }
    let service = provider.settled(&id).await;
    assert_eq!(
        (&service["name"], &service["metadata"]["environment"]),
        (&json!("sales"), &json!("DEV"))
    );
    for (status, then) in [("INACTIVE", "PAUSED"), ("ACTIVE", "READY")] {
        let toggle = merged(&of, &json!({ "status": status }));
        assert_eq!(
            provider.asks("ToggleService", toggle).await["id"],
            id.as_str()
        );
        assert_eq!(provider.settled(&id).await["status"], then);
    }
    let gone = provider.asks("DeleteService", of.clone()).await;
    assert_eq!(gone["status"], "DELETING");
    world.get(&format!("/services/{id}?wait=20")).await;
    for name in ["GetService", "DeleteService"] {
        let late = provider.sends(name, of.clone()).await;
        refused(&late, "NOT_FOUND", 404, "no service with that id exists");
    }
}

#[tokio::test]
async fn keys_are_exchanged_and_what_is_wrong_refused_as_it_asks_for_them() {
    let world = World::new().await;
    let key = world
        .plane
        .create_key(&world.project, NewKey::of(Role::Viewer))
        .await
        .expect("a key");
    let nobody = Provider {
        world: &world,
        project: world.project.clone(),
        token: None,
    };
    let exchange = "GetJWTForClientCredentials";
    let wrong = json!({ "accessKey": key.key.public_key, "secretKey": "wrong" });
    refused(
        &nobody.sends(exchange, wrong).await,
        "UNAUTHORIZED",
        401,
        "wrong",
    );
    refused(
        &nobody.sends("GetAllServices", json!({})).await,
        "UNAUTHORIZED",
        401,
        "no token",
    );
    let right = json!({ "accessKey": key.key.public_key, "secretKey": key.secret_key });
    let token = text(&nobody.asks(exchange, right).await).to_owned();
    let viewer = Provider {
        token: Some(token),
        ..nobody
    };
    assert_eq!(viewer.asks("GetAllServices", json!({})).await, json!([]));
    let id = world.service().await;
    let vpc: i64 = world.vpc("10.0.0.0/24").await.parse().expect("digits");
    let attach = json!({ "serviceId": id, "vpcId": vpc });
    let refusal = viewer.sends("AttachServiceToVPC", attach.clone()).await;
    refused(&refusal, "FORBIDDEN", 403, "role");
    // The control: who may.
    let owner = Provider::new(&world).await;
    assert_eq!(owner.asks("AttachServiceToVPC", attach).await, true);
}

/// The provider, with a token of a project's.
struct Provider<'a> {
    world: &'a World,
    project: String,
    token: Option<String>,
}

impl<'a> Provider<'a> {
    async fn new(world: &'a World) -> Self {
        Self {
            world,
            project: world.project.clone(),
            token: Some(token(world, Role::Owner).await),
        }
    }

    /// With a token of another project's.
    async fn of(world: &'a World, project: &str) -> Self {
        let key = world.plane.create_key(project, NewKey::of(Role::Owner));
        let key = key.await.expect("a key");
        let issued = (world.plane)
            .issue_token(&key.key.public_key, &key.secret_key)
            .await;
        Self {
            world,
            project: project.to_owned(),
            token: Some(issued.expect("a token").token),
        }
    }

    /// What answers its request of this name; no error may be in it.
    async fn asks(&self, name: &str, variables: Value) -> Value {
        let answer = self.sends(name, variables).await;
        assert!(!answer.has("/errors"), "{name}: {answer:?}");
        answer.body["data"][request(name).field].clone()
    }

    /// The answer to its request of this name, whatever it is. The project is in each.
    async fn sends(&self, name: &str, mut variables: Value) -> Answer {
        let asked = request(name);
        if asked.variables.contains_key("projectId") {
            variables["projectId"] = json!(self.project);
        }
        let mut request = Request::post("/api/query")
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = json!({ "operationName": name, "query": asked.text(), "variables": variables });
        let body = Body::from(body.to_string());
        self.world
            .send(request.body(body).expect("a request"))
            .await
    }

    /// Makes a service with all that its client says of one, and returns its id.
    async fn makes(&self, name: &str, vpc: Option<i64>) -> String {
        let size = json!({ "milliCPU": "500", "storageGB": "50", "memoryGB": "2", "replicaCount": "0",
            "synchronousReplicaCount": "0" });
        let mut new = json!({ "name": name, "type": "TIMESCALEDB", "regionCode": REGION, "resourceConfig": size,
            "enableConnectionPooler": false, "environmentTag": "PROD" });
        if let Some(vpc) = vpc {
            new["vpcId"] = json!(vpc);
        }
        let made = self.asks("CreateService", new).await;
        assert!(text(&made["initialPassword"]).len() > 20);
        assert_eq!(made["service"]["name"], name);
        text(&made["service"]["id"]).to_owned()
    }

    /// A service, once nothing is being done with it.
    async fn settled(&self, id: &str) -> Value {
        let service = Object::Service(id.to_owned());
        let settled = self.world.plane.settled(&service, PATIENCE).await;
        assert_eq!(settled.expect("a service"), Settled::Yes);
        self.asks("GetService", json!({ "serviceId": id })).await
    }
}

fn request(name: &str) -> provider::Request {
    let found = requests().into_iter().find(|each| each.name == name);
    found.unwrap_or_else(|| panic!("no request {name}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn merged(one: &Value, other: &Value) -> Value {
    let fields = |value: &Value| value.as_object().expect("an object").clone();
    Value::Object(fields(one).into_iter().chain(fields(other)).collect())
}

/// By id.
fn sorted(services: &Value) -> Vec<Value> {
    let mut all = services.as_array().expect("a list").clone();
    all.sort_by(|one, other| text(&one["id"]).cmp(text(&other["id"])));
    all
}
