//! The REST API: one axum router over the plane, shaped as Tiger Cloud's, with Strait's own fields beside Tiger's. And the
//! console: pages over the same plane.

mod absent;
mod access;
mod allow;
mod audit;
mod auth;
mod body;
mod console;
mod customer;
mod error;
mod fold;
mod graphql;
mod hosts;
mod info;
mod keys;
mod limits;
mod members;
mod metrics;
mod needs;
mod notes;
mod objects;
mod once;
mod operations;
mod outage;
mod peerings;
mod projects;
mod quotas;
mod services;
mod standing;
mod system;
mod trail;
mod transport;
mod turns;
mod upkeep;
mod usage;
mod users;
mod vpcs;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use strait_plane::Plane;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use limits::Limits;
use metrics::Metrics;
use notes::Notes;
use turns::Turns;

pub use console::pages;
pub use customer::{
    CustomerAccount, CustomerChange, CustomerCloud, CustomerError, CustomerVpc, Holdings, Instance,
    PeeringRequest, Place, RequestState, Route, RouteTable, Rule, SecurityGroup, Target, Trial,
    WalkStep,
};
pub use error::ErrorBody;
pub use graphql::sdl;
pub use limits::Rate;
pub use metrics::Readers;
pub use notes::Closing;
pub use transport::Transport;

/// Where everything is, but how the server is: `/health`, `/healthz`, `/readyz`, `/metrics`.
pub const BASE: &str = "/public/api/v1";

/// The largest request body that is read.
const BODY_LIMIT: usize = 64 * 1024;

/// How long a request body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How the API is served.
#[derive(Clone, Default)]
pub struct Options {
    /// The key that opens every project and the admin's paths (`Authorization: Bearer KEY`). Without one nobody is admin.
    pub admin_key: Option<String>,
    /// Host names and addresses that requests may be for, beside this machine's loopback names.
    pub hosts: Vec<String>,
    /// The customers' cloud, where it is this Strait that runs it: then the console has their half too.
    pub customers: Option<Arc<dyn CustomerCloud>>,
    /// How browsers and clients come.
    pub transport: Transport,
    /// How often one identity, and one address, may ask.
    pub rate: Rate,
    /// Who may read the metrics.
    pub metrics: Readers,
    /// How long refusals that are like each other are counted in the audit: a minute without it.
    pub fold: Option<Duration>,
    /// With what a server is ended so that its audit is whole; a copy does.
    pub closing: Closing,
}

/// Without the key.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("admin_key", &self.admin_key().map(|_| "…"))
            .field("hosts", &self.hosts)
            .field("customers", &self.customers.is_some())
            .field("transport", &self.transport)
            .field("rate", &self.rate)
            .field("metrics", &self.metrics)
            .field("fold", &self.fold)
            .finish_non_exhaustive()
    }
}

impl Options {
    fn admin_key(&self) -> Option<&str> {
        self.admin_key.as_deref().filter(|key| !key.is_empty())
    }
}

/// What handlers share.
pub(crate) struct App {
    plane: Plane,
    options: Options,
    limits: Limits,
    metrics: Metrics,
    notes: Notes,
    /// Requests that wait for something to happen, and streams of what does.
    waits: Arc<Turns>,
    /// Tries of connections from customers' networks, each of which is a process.
    trials: Arc<Turns>,
    /// Searches of the audit.
    searches: Arc<Turns>,
}

pub(crate) type Shared = Arc<App>;

/// The API of a plane.
pub fn router(plane: Plane, options: Options) -> Router {
    router_beside(plane, options, Router::new())
}

/// The same, with others' routes beside it, which are for the operator alone: their requests are counted, followed and measured
/// too.
pub fn router_beside(plane: Plane, options: Options, others: Router) -> Router {
    let app = Arc::new(App {
        limits: Limits::new(options.rate),
        metrics: Metrics::new(),
        notes: Notes::new(options.fold),
        waits: Turns::new("waits and streams", 32, 512),
        trials: Turns::new("tries of connections", 2, 4),
        searches: Turns::new("searches and exports of the audit", 2, 32),
        plane,
        options,
    });
    app.options.closing.is_of(&app);
    let others = others
        .with_state(())
        .layer(from_fn_with_state(Arc::clone(&app), access::only_operator));
    let (router, mut openapi) = documented().split_for_parts();
    needs::describe(&mut openapi);
    router
        .route(
            &format!("{BASE}/openapi.json"),
            get(move || async move { Json(openapi) }),
        )
        .route(graphql::PATH, post(graphql::answer))
        .fallback(console::no_such_path)
        .route_layer(from_fn_with_state(Arc::clone(&app), once::once))
        .route_layer(from_fn_with_state(Arc::clone(&app), access::admitted))
        .route_layer(from_fn_with_state(Arc::clone(&app), outage::watched))
        .merge(console::routes(&app))
        .merge(others)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&app), hosts::only_ours))
        .layer(from_fn_with_state(Arc::clone(&app), trail::followed))
        .with_state(app)
}

/// The API's description: OpenAPI 3.1, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = documented().into_openapi();
    needs::describe(&mut openapi);
    openapi
}

fn documented() -> OpenApiRouter<Shared> {
    let api = OpenApiRouter::new()
        .merge(projects::routes())
        .merge(vpcs::routes())
        .merge(peerings::routes())
        .merge(services::routes())
        .merge(upkeep::routes())
        .merge(allow::routes())
        .merge(absent::routes())
        .merge(operations::routes())
        .merge(audit::routes())
        .merge(members::routes())
        .merge(keys::routes())
        .merge(quotas::routes())
        .merge(usage::routes())
        .merge(auth::routes())
        .merge(info::routes())
        .merge(users::routes())
        .merge(system::routes());
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(system::health_routes())
        .merge(metrics::routes())
        .nest(BASE, api)
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Strait",
        description = "Private connectivity for managed PostgreSQL services. Paths and fields are Tiger Cloud's where Tiger Cloud has them; Strait's own fields stand beside them. Projects, services and VPCs are named by id or by name.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Schemes),
    security(("key_pair" = []), ("token" = [])),
    tags(
        (name = "Projects", description = "Own services and Peering VPCs."),
        (name = "VPCs", description = "Peering VPCs and their peering connections."),
        (name = "Services", description = "PostgreSQL services, and where they are reached from."),
        (name = "Operations", description = "Every change, as one can watch it, and what happened. A change may carry the header `Idempotency-Key`: for a day the same request with the same key changes nothing more, and is answered with what came of the first."),
        (name = "Audit", description = "Who changed what, and who was refused what. Nobody changes what stands in it."),
        (name = "Users", description = "Who may do what: members of projects and their roles, keys, logging in."),
        (name = "Quotas", description = "How many there may be of what, asking for more, and what is used."),
        (name = "Admin", description = "For the operator: needs the admin key."),
        (name = "System", description = "What the server is and offers."),
    )
)]
struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let basic = Http::builder()
            .scheme(HttpAuthScheme::Basic)
            .description(Some(
                "The public key as user name, the secret key as password.",
            ))
            .build();
        let bearer = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The operator's admin key."))
            .build();
        let token = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A session's token, or one that stands for a pair of keys.",
            ))
            .build();
        components.add_security_scheme("key_pair", SecurityScheme::Http(basic));
        components.add_security_scheme("admin_key", SecurityScheme::Http(bearer));
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_path_of_tigers_that_we_have_is_spelt_as_tigers() {
        let document = serde_json::to_value(openapi()).expect("a description is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let paths: BTreeSet<&str> = document["paths"]
            .as_object()
            .expect("paths")
            .keys()
            .map(String::as_str)
            .collect();
        for path in [
            "/public/api/v1/projects",
            "/public/api/v1/projects/{project_id}/vpcs",
            "/public/api/v1/projects/{project_id}/vpcs/{vpc_id}",
            "/public/api/v1/projects/{project_id}/vpcs/{vpc_id}/rename",
            "/public/api/v1/projects/{project_id}/vpcs/{vpc_id}/peerings",
            "/public/api/v1/projects/{project_id}/vpcs/{vpc_id}/peerings/{peering_id}",
            "/public/api/v1/projects/{project_id}/services",
            "/public/api/v1/projects/{project_id}/services/{service_id}",
            "/public/api/v1/projects/{project_id}/services/{service_id}/start",
            "/public/api/v1/projects/{project_id}/services/{service_id}/stop",
            "/public/api/v1/projects/{project_id}/services/{service_id}/rename",
            "/public/api/v1/projects/{project_id}/services/{service_id}/attachToVPC",
            "/public/api/v1/projects/{project_id}/services/{service_id}/detachFromVPC",
        ] {
            assert!(paths.contains(path), "{path} is not among {paths:?}");
        }
    }

    #[test]
    fn numbers_in_a_query_are_described_with_their_bounds() {
        let document = serde_json::to_value(openapi()).expect("a description is JSON");
        let mut numbers = 0;
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths
            .values()
            .flat_map(|path| path.as_object().expect("methods"));
        for (_, operation) in operations {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                if !schema["type"].to_string().contains("integer") {
                    continue;
                }
                numbers += 1;
                for bound in ["minimum", "maximum"] {
                    assert!(
                        schema[bound].is_number(),
                        "{bound}: {parameter} of {operation}"
                    );
                }
            }
        }
        assert!(numbers > 5, "{numbers}");
    }

    #[test]
    fn a_key_is_not_shown_by_accident() {
        let options = Options {
            admin_key: Some("the-operators-key".to_owned()),
            hosts: vec!["api.strait.internal".to_owned()],
            ..Options::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("operators"), "{shown}");
        assert!(shown.contains("api.strait.internal"), "{shown}");
    }

    #[test]
    fn words_in_the_description_are_the_planes_own() {
        let document = serde_json::to_value(openapi()).expect("a description is JSON");
        let status = &document["components"]["schemas"]["Service"]["properties"]["status"]["enum"];
        assert!(
            status
                .as_array()
                .expect("an enum")
                .contains(&"READY".into()),
            "{status}"
        );
    }
}
