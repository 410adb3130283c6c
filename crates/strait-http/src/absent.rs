//! What Tiger Cloud does with services and Strait does not: refused as such, told from a path that is none.

use axum::Json;
use axum::extract::State;
use axum::routing::{MethodRouter, delete, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Content, HttpMethod, Object, PathItem, Ref, Required, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::access::InProject;
use crate::body::{Segments, ServicePath};
use crate::error::{ApiError, ErrorBody};
use crate::objects::words;

/// Where these are.
const SERVICE: &str = "/projects/{project_id}/services/{service_id}";

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    let own = OpenApiRouter::new().routes(routes!(replica_sets));
    ABSENT.iter().fold(own, |router, absent| {
        let path = format!("{SERVICE}{}", absent.path);
        let mut router = router.route(&path, absent.refused());
        let (method, item) = (absent.verb.method(), absent.described(&path));
        let paths = &mut router.get_openapi_mut().paths.paths;
        match paths.get_mut(&path) {
            Some(known) => known.merge_operations(PathItem::new(method, item)),
            None => drop(paths.insert(path, PathItem::new(method, item))),
        }
        router
    })
}

/// What is not there.
struct Absent {
    verb: Verb,
    /// What Tiger calls the operation.
    id: &'static str,
    path: &'static str,
    what: &'static str,
    instead: &'static str,
}

#[derive(Clone, Copy)]
enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    fn method(self) -> HttpMethod {
        match self {
            Self::Get => HttpMethod::Get,
            Self::Post => HttpMethod::Post,
            Self::Delete => HttpMethod::Delete,
        }
    }
}

const ONE_SIZE: &str = "all services share the machine that they run on";
const NO_REPLICAS: &str = "use PostgreSQL's own logical replication into another service";

const ABSENT: &[Absent] = &[
    Absent::post("resizeService", "/resize", "sizes of services", ONE_SIZE),
    Absent::post(
        "forkService",
        "/forkService",
        "forks of services",
        "make a service and copy the data with pg_dump and pg_restore",
    ),
    Absent::post("setHAReplica", "/setHA", "replicas", NO_REPLICAS),
    Absent::post(
        "enablePooler",
        "/enablePooler",
        "connection poolers",
        OWN_POOLER,
    ),
    Absent::post(
        "disablePooler",
        "/disablePooler",
        "connection poolers",
        OWN_POOLER,
    ),
    Absent {
        verb: Verb::Get,
        id: "getServiceMetricsAvailableSeries",
        path: "/metrics/available-series",
        what: "metrics series",
        instead: OWN_METRICS,
    },
    Absent::post(
        "getServiceMetricsSeries",
        "/metrics/series",
        "metrics series",
        OWN_METRICS,
    ),
    Absent::post(
        "createReplicaSet",
        "/replicaSets",
        "read replica sets",
        NO_REPLICAS,
    ),
    Absent {
        verb: Verb::Delete,
        id: "deleteReplicaSet",
        path: "/replicaSets/{replica_set_id}",
        what: "read replica sets",
        instead: NO_REPLICAS,
    },
    Absent::post(
        "resizeReplicaSet",
        "/replicaSets/{replica_set_id}/resize",
        "read replica sets",
        NO_REPLICAS,
    ),
    Absent::post(
        "enableReplicaPooler",
        "/replicaSets/{replica_set_id}/enablePooler",
        "read replica sets",
        NO_REPLICAS,
    ),
    Absent::post(
        "disableReplicaPooler",
        "/replicaSets/{replica_set_id}/disablePooler",
        "read replica sets",
        NO_REPLICAS,
    ),
    Absent::post(
        "setReplicaEnvironment",
        "/replicaSets/{replica_set_id}/setEnvironment",
        "read replica sets",
        NO_REPLICAS,
    ),
];

const OWN_POOLER: &str = "run one of your own beside the clients, PgBouncer for instance";
const OWN_METRICS: &str = "ask PostgreSQL's own views, pg_stat_database for instance";

impl Absent {
    const fn post(
        id: &'static str,
        path: &'static str,
        what: &'static str,
        instead: &'static str,
    ) -> Self {
        Self {
            verb: Verb::Post,
            id,
            path,
            what,
            instead,
        }
    }

    /// What the description says of it.
    fn described(&self, path: &str) -> OperationBuilder {
        let refused = ResponseBuilder::new().description("Refused.").content(
            "application/json",
            Content::new(Some(Ref::from_schema_name("Error"))),
        );
        let names = path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?;
            name.strip_suffix('}')
        });
        let parameters = names.map(|name| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(utoipa::schema!(String)))
                .build()
        });
        OperationBuilder::new()
            .tag("Services")
            .operation_id(Some(self.id))
            .summary(Some(format!(
                "Refused with the code NOT_SUPPORTED: there are no {} here.",
                self.what
            )))
            .parameters(Some(parameters))
            .response("4XX", refused)
    }

    /// Refuses whoever may see the service; others are told that it is not there.
    fn refused(&self) -> MethodRouter<Shared> {
        let (what, instead) = (self.what, self.instead);
        let handler = async move |State(app): State<Shared>,
                                  InProject(project): InProject,
                                  Segments(named): Segments<ServicePath>|
                    -> ApiError {
            match app.plane.service(&project, &named.service_id).await {
                Ok(_) => ApiError::Absent { what, instead },
                Err(error) => error.into(),
            }
        };
        match self.verb {
            Verb::Get => get(handler),
            Verb::Post => post(handler),
            Verb::Delete => delete(handler),
        }
    }
}

/// A set of read replicas: there is none here.
#[derive(Debug, Serialize, ToSchema)]
struct ReadReplicaSet {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// How it is.
    #[schema(schema_with = replica_set_status)]
    status: String,
    /// How many servers it is of.
    nodes: u32,
    /// What each has of CPU, in thousandths.
    cpu_millis: u32,
    /// What each has of memory, in gigabytes.
    memory_gbs: u32,
}

fn replica_set_status() -> Object {
    words(["creating", "active", "resizing", "deleting", "error"].into_iter())
}

/// Lists a service's read replica sets: none, ever.
#[utoipa::path(
    get, path = "/projects/{project_id}/services/{service_id}/replicaSets", tag = "Services", operation_id = "getReplicaSets",
    params(
        ("project_id" = String, Path, description = "The project's id or name."),
        ("service_id" = String, Path, description = "The service's id or name.")
    ),
    responses((status = 200, body = Vec<ReadReplicaSet>, description = "None."), (status = "4XX", body = ErrorBody, description = "Refused."))
)]
async fn replica_sets(
    State(app): State<Shared>,
    InProject(project): InProject,
    Segments(named): Segments<ServicePath>,
) -> Result<Json<[ReadReplicaSet; 0]>, ApiError> {
    app.plane.service(&project, &named.service_id).await?;
    Ok(Json([]))
}
