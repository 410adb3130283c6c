//! A router in front of a plane with a project in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sqlx::PgPool;
use strait_http::{Options, Rate, Transport};
use strait_plane::Plane;
use strait_plane::model::{NewKey, Role};
use tower::ServiceExt;

use crate::common::cloud::FakeCloud;
use crate::common::database;
use crate::customers::FakeCustomers;
use crate::told::Told;
use strait_plane::postgres::Origin;

use crate::common::postgres::FakePostgres;
use crate::common::script::Script;

pub(crate) const ADMIN_KEY: &str = "the-operators-key";
pub(crate) const REGION: &str = "eu-central-1";
/// How long refusals are counted here.
pub(crate) const FOLD: Duration = Duration::from_secs(1);
pub(crate) const BASE: &str = "/public/api/v1";

pub(crate) struct World {
    pub(crate) script: Arc<Script>,
    pub(crate) cloud: Arc<FakeCloud>,
    pub(crate) postgres: Arc<FakePostgres>,
    pub(crate) customers: Arc<FakeCustomers>,
    pub(crate) plane: Plane,
    pub(crate) pool: PgPool,
    pub(crate) project: String,
    router: Router,
    keys: String,
    /// Pairs by project and name: hashing takes a while.
    made: Mutex<BTreeMap<(String, String), (String, String)>>,
}

/// An answer of the API's.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::by(Transport::Plain).await
    }

    /// One whose services exist already.
    pub(crate) async fn with_registered(admin_key: Option<&str>) -> Self {
        let plain = Transport::Plain;
        Self::with(Origin::Registered, admin_key, Rate::default(), plain).await
    }

    /// One that may be asked so often.
    pub(crate) async fn with_rate(rate: Rate) -> Self {
        Self::with(Origin::Made, Some(ADMIN_KEY), rate, Transport::Plain).await
    }

    /// One that clients come to in this way.
    pub(crate) async fn by(transport: Transport) -> Self {
        let rate = Rate::default();
        Self::with(Origin::Made, Some(ADMIN_KEY), rate, transport).await
    }

    async fn with(
        origin: Origin,
        admin_key: Option<&str>,
        rate: Rate,
        transport: Transport,
    ) -> Self {
        let script = Script::new();
        let cloud = FakeCloud::new(Arc::clone(&script));
        let postgres = FakePostgres::new(Arc::clone(&script), origin);
        let pool = database::database().await;
        let domain = "strait.internal".to_owned();
        let plane = Plane::start(
            pool.clone(),
            Arc::clone(&cloud) as _,
            Arc::clone(&postgres) as _,
            strait_plane::Options::new(domain),
        )
        .await
        .expect("a plane");
        let customers = Arc::new(FakeCustomers::default());
        let options = Options {
            admin_key: admin_key.map(str::to_owned),
            hosts: vec!["api.strait.internal".to_owned()],
            customers: Some(Arc::clone(&customers) as _),
            transport,
            rate,
            fold: Some(FOLD),
            ..Options::default()
        };
        let router = strait_http::router(plane.clone(), options);
        let project = plane.create_project("first").await.expect("a project");
        let key = plane
            .create_key(&project.id, NewKey::of(Role::Owner))
            .await
            .expect("a key");
        Self {
            script,
            cloud,
            postgres,
            customers,
            plane,
            pool,
            project: project.id,
            router,
            keys: basic(&key.key.public_key, &key.secret_key),
            made: Mutex::default(),
        }
    }

    /// A project's id, and the header that its keys make.
    pub(crate) async fn another_project(&self, name: &str) -> (String, String) {
        let admin = format!("Bearer {ADMIN_KEY}");
        let made = self
            .call_as(
                &admin,
                Method::POST,
                "/projects",
                &format!(r#"{{"name":"{name}"}}"#),
            )
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        (
            made.str("/id").to_owned(),
            basic(made.str("/public_key"), made.str("/secret_key")),
        )
    }

    /// A pair that was made before.
    pub(crate) fn known_keys(&self, project: &str, name: &str) -> Option<(String, String)> {
        let made = self.made.lock().expect("nobody panicked with it");
        made.get(&(project.to_owned(), name.to_owned())).cloned()
    }

    /// Keeps a pair for later.
    pub(crate) fn remember_keys(&self, project: &str, name: &str, pair: &(String, String)) {
        let mut made = self.made.lock().expect("nobody panicked with it");
        made.insert((project.to_owned(), name.to_owned()), pair.clone());
    }

    /// Calls a path of the project's, with its keys.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.in_project(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.in_project(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.in_project(Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.in_project(Method::DELETE, path, "").await
    }

    /// Calls a path of the project's with an `Idempotency-Key`.
    pub(crate) async fn keyed(&self, key: &str, method: Method, path: &str, body: &str) -> Answer {
        let path = format!("/projects/{}{path}", self.project);
        self.keyed_as(&self.keys, key, method, &path, body).await
    }

    /// Calls a path of the API's with this header of authentication and an `Idempotency-Key`.
    pub(crate) async fn keyed_as(
        &self,
        keys: &str,
        key: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::AUTHORIZATION, keys)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        let body = Body::from(body.to_owned());
        self.send(request.body(body).expect("a request")).await
    }

    /// Calls a path of the project's without a body.
    pub(crate) async fn call(&self, method: Method, path: &str) -> Answer {
        self.in_project(method, path, "").await
    }

    async fn in_project(&self, method: Method, path: &str, body: &str) -> Answer {
        let path = format!("/projects/{}{path}", self.project);
        self.call_as(&self.keys, method, &path, body).await
    }

    /// Calls a path of the API's with this header of authentication.
    pub(crate) async fn call_as(
        &self,
        keys: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"));
        request = request
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::AUTHORIZATION, keys);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await
    }

    /// Begins to read one of the project's streams of server-sent events, with its keys.
    pub(crate) async fn follow(&self, path: &str, after: Option<&str>) -> Told {
        let mut request = Request::get(format!("{BASE}/projects/{}{path}", self.project))
            .header(header::HOST, "127.0.0.1:8470")
            .header(header::ACCEPT, "text/event-stream")
            .header(header::AUTHORIZATION, &self.keys);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = self.respond(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        Told::new(response.into_body())
    }

    /// The answer while its body is still to come.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        let router = self.router.clone();
        router.oneshot(request).await.expect("an answer")
    }

    /// The header that new keys of a project make.
    pub(crate) async fn keys_of(&self, project: &str, role: Role) -> String {
        let made = self.plane.create_key(project, NewKey::of(role)).await;
        let made = made.expect("a key");
        basic(&made.key.public_key, &made.secret_key)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.respond(request).await).await
    }

    /// Sends a request whose answer goes on.
    pub(crate) async fn open(&self, request: Request<Body>) -> Body {
        let answer = self.router.clone().oneshot(request).await;
        answer.expect("an answer").into_body()
    }

    pub(crate) async fn vpc(&self, cidr: &str) -> String {
        let made = self
            .post(
                "/vpcs",
                &format!(r#"{{"cidr":"{cidr}","region_code":"{REGION}"}}"#),
            )
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let id = made.str("/id").to_owned();
        let settled = self.get(&format!("/vpcs/{id}?wait=20")).await;
        assert_eq!(settled.str("/status"), "CREATED", "{settled:?}");
        id
    }

    pub(crate) async fn service(&self) -> String {
        let made = self
            .post(
                "/services",
                &format!(r#"{{"name":"orders","region_code":"{REGION}"}}"#),
            )
            .await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
        let id = made.str("/service_id").to_owned();
        let settled = self.get(&format!("/services/{id}?wait=20")).await;
        assert_eq!(settled.str("/status"), "READY", "{settled:?}");
        id
    }
}

impl Answer {
    /// One that is read to its end.
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status: parts.status,
            headers: parts.headers,
            text,
            body,
        }
    }

    /// The text at a JSON pointer.
    pub(crate) fn str(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {self:?}"))
    }

    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.body.pointer(pointer).is_some()
    }

    /// That it is this refusal, as clear as all of them are.
    pub(crate) fn assert_refused(&self, status: StatusCode, code: &str, field: Option<&str>) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.str("/code"), code, "{self:?}");
        assert_eq!(
            self.body.get("field").and_then(Value::as_str),
            field,
            "{self:?}"
        );
        assert!(self.str("/message").len() > 10, "{self:?}");
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/json",
            "{self:?}"
        );
    }
}

/// The header that a pair of keys makes.
pub(crate) fn basic(public: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{public}:{secret}")))
}
