//! Metrics in the text that Prometheus reads (OpenMetrics). Requests are counted as they are answered; all else is looked up
//! when it is asked for.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use strait_plane::{Measured, Passed};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shared;
use crate::error::{ApiError, ErrorBody};
use crate::trail::method_word;

/// How long requests take, in seconds.
const TIMES: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The text's type.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Real = Gauge<f64, AtomicU64>;

/// Who may read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readers {
    /// Whoever has the operator's key.
    #[default]
    Operator,
    /// Whoever reaches the server.
    Anybody,
}

pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// What is counted as it happens.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    times: Family<Route, Histogram, fn() -> Histogram>,
    readers: Gauge,
}

/// Counts a reader of a stream for as long as it is there.
pub(crate) struct Reader(Gauge);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Holder {
    holder: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    project: String,
    service: String,
    network: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    project: String,
    service: String,
    network: String,
    direction: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("strait");
        let requests = Family::default();
        let times = Family::new_with_constructor(histogram as fn() -> Histogram);
        let readers = Gauge::default();
        registry.register(
            "http_requests",
            "Requests that were answered, by the path as the API describes it",
            requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long answers took to begin, without requests that ask to wait",
            Unit::Seconds,
            times.clone(),
        );
        registry.register(
            "event_subscribers",
            "Streams of events and operations that somebody reads from this server",
            readers.clone(),
        );
        Self {
            registry,
            requests,
            times,
            readers,
        }
    }

    /// Counts an answer; `took` is none for requests that asked to wait.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Option<Duration>,
    ) {
        let (method, route) = (method_word(method), route.to_owned());
        if let Some(took) = took {
            let of = Route {
                method,
                route: route.clone(),
            };
            self.times.get_or_create(&of).observe(took.as_secs_f64());
        }
        let answered = Answered {
            method,
            route,
            status: class(status),
        };
        self.requests.get_or_create(&answered).inc();
    }

    /// Counts a reader of a stream.
    pub(crate) fn reader(&self) -> Reader {
        self.readers.inc();
        Reader(self.readers.clone())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is measured, as OpenMetrics text.
#[utoipa::path(
    get, path = "/metrics", tag = "System", operation_id = "getMetrics", security(("admin_key" = [])),
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text", description = "The metrics."),
        (status = "4XX", body = ErrorBody, description = "Refused.")
    )
)]
async fn metrics(State(app): State<Shared>) -> Result<Response, ApiError> {
    let has_store = app.plane.store_pulse().borrow().beats();
    // Without a store there is something to tell too.
    let measured = match has_store {
        true => Some(app.plane.measure().await?),
        false => None,
    };
    let looked_up = looked_up(has_store, measured.as_ref());
    let mut text = String::new();
    let written = encode_registry(&mut text, &app.metrics.registry)
        .and_then(|()| encode_registry(&mut text, &looked_up))
        .and_then(|()| encode_eof(&mut text));
    if written.is_err() {
        tracing::error!("the metrics could not be written; this is a defect of Strait");
    }
    Ok(([(header::CONTENT_TYPE, KIND)], text).into_response())
}

fn looked_up(has_store: bool, measured: Option<&Measured>) -> Registry {
    let mut registry = Registry::with_prefix("strait");
    let version = Family::<Version, Gauge>::default();
    let this = Version {
        version: env!("CARGO_PKG_VERSION"),
    };
    version.get_or_create(&this).set(1);
    registry.register("build", "Which Strait this is", version);
    let up = Gauge::<i64>::default();
    up.set(i64::from(has_store));
    registry.register(
        "store_up",
        "Whether the store answers and takes changes",
        up,
    );
    let Some(measured) = measured else {
        return registry;
    };
    for (name, help, states) in [
        (
            "operations",
            "Operations by state; those that have ended are kept for 30 days",
            &measured.operations,
        ),
        ("services", "Services by status", &measured.services),
        ("vpcs", "Peering VPCs by status", &measured.vpcs),
        (
            "peerings",
            "Peering connections by state",
            &measured.peerings,
        ),
    ] {
        let family = Family::<InState, Gauge>::default();
        for (state, count) in states {
            let state = InState {
                state: state.clone(),
            };
            family.get_or_create(&state).set(*count);
        }
        registry.register(name, help, family);
    }
    let lag = Real::default();
    lag.set(measured.lag);
    registry.register_with_unit(
        "reconcile_lag",
        "The age of the oldest operation that has not ended",
        Unit::Seconds,
        lag,
    );
    for (name, help, count) in [
        (
            "reconcile_due",
            "Objects that there is something to do for",
            measured.due,
        ),
        (
            "sessions",
            "Sessions of people that go on",
            measured.sessions,
        ),
        ("api_keys", "API keys that open something", measured.keys),
        (
            "audit_entries",
            "Entries of the audit, about (as PostgreSQL estimates them)",
            measured.audited,
        ),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(count);
        registry.register(name, help, gauge);
    }
    let leases = Family::<Holder, Gauge>::default();
    for (holder, count) in [
        ("this", measured.leases),
        ("others", measured.others_leases),
    ] {
        leases.get_or_create(&Holder { holder }).set(count);
    }
    registry.register(
        "leases",
        "Leases that are held, by this server or others",
        leases,
    );
    let known = Gauge::<i64>::default();
    known.set(i64::from(measured.passed.is_some()));
    registry.register(
        "endpoint_traffic_known",
        "Whether this cloud tells what passes by each way to a service (AWS does not: see CloudWatch)",
        known,
    );
    traffic(&mut registry, measured);
    registry
}

fn traffic(registry: &mut Registry, measured: &Measured) {
    let Some(all) = &measured.passed else {
        return;
    };
    let connections = Family::<Endpoint, Gauge>::default();
    let bytes = Family::<Direction, Counter>::default();
    for passed in all {
        let Passed {
            project,
            service,
            network,
            ..
        } = passed.clone();
        let of = Endpoint {
            project: project.clone(),
            service: service.clone(),
            network: network.clone(),
        };
        let open = i64::try_from(passed.open).unwrap_or(i64::MAX);
        connections.get_or_create(&of).set(open);
        for (direction, count) in [("in", passed.bytes_in), ("out", passed.bytes_out)] {
            let of = Direction {
                project: project.clone(),
                service: service.clone(),
                network: network.clone(),
                direction,
            };
            bytes.get_or_create(&of).inc_by(count);
        }
    }
    registry.register(
        "endpoint_connections",
        "TCP connections that are open by each way to a service, as the kernel tracks them",
        connections,
    );
    registry.register_with_unit(
        "endpoint",
        "Bytes that passed by each way to a service since the way was made: in from clients, out to them",
        Unit::Bytes,
        bytes,
    );
}

fn histogram() -> Histogram {
    Histogram::new(TIMES)
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
