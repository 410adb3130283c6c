//! A project with one of each thing that a route may name, so that somebody from another project can name them.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use strait_plane::model::{NewKey, NewQuotaRequest, NewUser, Quota, Role};

use crate::world::{ADMIN_KEY, REGION, World};

/// Their ids.
pub(crate) struct Things {
    pub(crate) project: String,
    pub(crate) vpc: String,
    /// That Peering VPC's name.
    pub(crate) vpc_name: String,
    /// A Peering VPC that nothing uses.
    pub(crate) spare: String,
    /// A service on the first one.
    pub(crate) service: String,
    pub(crate) peering: String,
    pub(crate) operation: String,
    /// A member.
    pub(crate) user: String,
    pub(crate) public_key: String,
    pub(crate) request: String,
}

/// A project and another one with things of the same kinds, and what the store had of both.
pub(crate) struct Neighbours {
    /// The world's own project's.
    pub(crate) own: Things,
    /// The other one's.
    pub(crate) theirs: Things,
    before: [BTreeSet<String>; 2],
}

/// What of a project is in the store: rows by table. What is written while nothing is asked for is left out.
const ROWS: &str = "SELECT what || ' ' || line FROM (
    SELECT 'project' AS what, to_jsonb(t)::text AS line FROM strait.project t WHERE id = $1
    UNION ALL SELECT 'vpc', to_jsonb(t)::text FROM strait.vpc t WHERE project_id = $1
    UNION ALL SELECT 'peering', to_jsonb(t)::text FROM strait.peering t
        WHERE vpc_id IN (SELECT id FROM strait.vpc WHERE project_id = $1)
    UNION ALL SELECT 'service', to_jsonb(t)::text FROM strait.service t WHERE project_id = $1
    UNION ALL SELECT 'operation', to_jsonb(t)::text FROM strait.operation t WHERE project_id = $1
    UNION ALL SELECT 'key', (to_jsonb(t) - 'last_used')::text FROM strait.api_key t WHERE project_id = $1
    UNION ALL SELECT 'member', to_jsonb(t)::text FROM strait.membership t WHERE project_id = $1
    UNION ALL SELECT 'quota', to_jsonb(t)::text FROM strait.quota t WHERE project_id = $1
    UNION ALL SELECT 'request', to_jsonb(t)::text FROM strait.quota_request t WHERE project_id = $1) rows";

impl Things {
    /// Makes them in a project. Projects of the same number have the same ranges and names.
    pub(crate) async fn of(world: &World, project: &str, number: u8) -> Self {
        let at = |rest: &str| format!("/projects/{project}{rest}");
        let vpc_name = format!("main-{number}");
        let vpc = made(
            world,
            &at("/vpcs"),
            &json!({ "name": vpc_name, "cidr": format!("10.{number}.0.0/20"), "region_code": REGION }),
            "/id",
        )
        .await;
        let spare = made(
            world,
            &at("/vpcs"),
            &json!({ "name": "spare", "cidr": format!("10.{number}.16.0/20"), "region_code": REGION }),
            "/id",
        )
        .await;
        let service = made(
            world,
            &at("/services"),
            &json!({ "name": "orders", "region_code": REGION, "vpc_id": vpc }),
            "/service_id",
        )
        .await;
        let peering = made(
            world,
            &at(&format!("/vpcs/{vpc}/peerings")),
            &json!({
                "peer_account_id": "123456789012",
                "peer_region_code": REGION,
                "peer_vpc_id": format!("vpc-0123456789abcde{number:02x}"),
            }),
            "/id",
        )
        .await;
        let operations = admin(world, Method::GET, &at("/operations"), "").await;
        let user = world.plane.create_user(NewUser {
            email: format!("member-{number}@example.com"),
            name: None,
            password: None,
        });
        let user = user.await.expect("a user").id;
        let added = world.plane.add_member(project, &user, Role::Viewer);
        added.await.expect("a member");
        let key = world.plane.create_key(project, NewKey::of(Role::Viewer));
        let request = NewQuotaRequest {
            quota: Quota::Vpcs,
            wanted: 9,
            reason: "a second customer in each Region".to_owned(),
        };
        let request = world.plane.request_quota(project, &request);
        Self {
            project: project.to_owned(),
            vpc,
            vpc_name,
            spare,
            service,
            peering,
            operation: operations.str("/0/id").to_owned(),
            user,
            public_key: key.await.expect("a key").key.public_key,
            request: request.await.expect("a request").id,
        }
    }

    /// What the parts of a path stand for, as the API and the console call them; the project but not.
    pub(crate) fn named(&self, part: &str) -> Option<&str> {
        Some(match part {
            "vpc_id" | "vpc" => &self.vpc,
            "service_id" | "service" => &self.service,
            "peering_id" | "peering" => &self.peering,
            "operation_id" | "operation" => &self.operation,
            "user_id" | "user" => &self.user,
            "public_key" | "key" => &self.public_key,
            "request_id" | "request" => &self.request,
            // There is none anywhere: the service is what is another's.
            "replica_set_id" => "abcdefghij",
            _ => return None,
        })
    }

    /// All that the store has of the project, when it has come to rest.
    pub(crate) async fn rows(&self, world: &World) -> BTreeSet<String> {
        self.rest(world).await;
        let rows = sqlx::query_scalar(ROWS).bind(&self.project);
        let rows = rows.fetch_all(&world.pool).await.expect("rows");
        rows.into_iter().collect()
    }

    /// That it is still as it was.
    pub(crate) async fn assert_untouched(&self, world: &World, before: &BTreeSet<String>) {
        let now = self.rows(world).await;
        let changed: Vec<&String> = now.symmetric_difference(before).collect();
        assert!(changed.is_empty(), "something came of it: {changed:#?}");
    }

    /// Waits until it has.
    pub(crate) async fn rest(&self, world: &World) {
        for path in [
            format!("vpcs/{}", self.vpc),
            format!("vpcs/{}", self.spare),
            format!("services/{}", self.service),
        ] {
            let path = format!("/projects/{}/{path}?wait=20", self.project);
            admin(world, Method::GET, &path, "").await;
        }
    }
}

impl Neighbours {
    /// Makes them. Who asks is made before: members and keys are things of a project too.
    pub(crate) async fn of(world: &World) -> Self {
        let (second, _) = world.another_project("second").await;
        let theirs = Things::of(world, &second, 2).await;
        let own = Things::of(world, &world.project, 1).await;
        let before = [own.rows(world).await, theirs.rows(world).await];
        Self {
            own,
            theirs,
            before,
        }
    }

    /// That both are still as they were.
    pub(crate) async fn assert_untouched(&self, world: &World) {
        let [own, theirs] = &self.before;
        self.own.assert_untouched(world, own).await;
        self.theirs.assert_untouched(world, theirs).await;
    }
}

/// The names of what parts of a path stand for.
pub(crate) fn parts(path: &str) -> Vec<&str> {
    let parts = path.split('/').filter_map(|part| part.strip_prefix('{'));
    parts.filter_map(|part| part.strip_suffix('}')).collect()
}

/// A path with what its parts stand for.
pub(crate) fn filled(path: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = path.to_owned();
    for part in parts(path) {
        filled = filled.replace(&format!("{{{part}}}"), &value(part));
    }
    filled
}

/// Makes something and waits until it is there; returns its id.
async fn made(world: &World, path: &str, body: &Value, id: &str) -> String {
    let made = admin(world, Method::POST, path, &body.to_string()).await;
    assert!(made.status.is_success(), "{path}: {made:?}");
    let id = made.str(id).to_owned();
    let settled = admin(world, Method::GET, &format!("{path}/{id}?wait=20"), "").await;
    assert_eq!(settled.status, StatusCode::OK, "{settled:?}");
    id
}

async fn admin(world: &World, method: Method, path: &str, body: &str) -> crate::world::Answer {
    let keys = format!("Bearer {ADMIN_KEY}");
    world.call_as(&keys, method, path, body).await
}
