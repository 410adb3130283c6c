//! The console: pages for people. Made on the server, from the plane's own objects; they work without a script, and are drawn
//! anew by themselves with it.

mod account;
mod allow;
mod assets;
mod audit;
mod cloud;
mod form;
mod frame;
mod keys;
mod members;
mod moves;
mod needs;
mod network;
mod operations;
mod parts;
mod peerings;
mod projects;
mod quotas;
mod reach;
mod refuse;
mod services;
mod session;
mod trial;
mod usage;
mod visitor;
mod vpcs;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

pub use needs::pages;
pub(crate) use refuse::no_such_path;

use crate::{Shared, outage};

/// Its pages, at `/`.
pub(crate) fn routes(app: &Shared) -> Router<Shared> {
    served()
        .route_layer(from_fn_with_state(Arc::clone(app), needs::allowed))
        .route_layer(from_fn_with_state(Arc::clone(app), outage::watched))
        .route(assets::PATH, get(assets::get))
        .route_layer(from_fn(refuse::dressed))
}

fn served() -> Router<Shared> {
    Router::new()
        .route("/", get(projects::start))
        .route("/login", get(session::ask).post(session::log_in))
        .route("/login/link", post(session::log_in_by_link))
        .route("/logout", post(session::log_out))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route(
            "/account/sessions/{session}/end",
            post(account::end_session),
        )
        .route("/projects", get(projects::list))
        .nest("/projects/{project}", in_project())
        .nest("/cloud", customers())
}

fn in_project() -> Router<Shared> {
    Router::new()
        .route("/", get(projects::show))
        .route("/live", get(operations::live))
        .route("/services", get(services::list))
        .route("/services/new", get(services::new).post(services::create))
        .nest("/services/{service}", of_service())
        .route("/vpcs", get(vpcs::list))
        .route("/vpcs/new", get(vpcs::new).post(vpcs::create))
        .nest("/vpcs/{vpc}", of_vpc())
        .route("/operations", get(operations::list))
        .route("/operations/{operation}", get(operations::show))
        .route("/events", get(operations::events))
        .route("/audit", get(audit::list))
        .route("/members", get(members::list).post(members::add))
        .route("/members/{user}/role", post(members::set_role))
        .route("/members/{user}/remove", post(members::remove))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{key}/revoke", post(keys::revoke))
        .route("/quotas", get(quotas::list).post(quotas::ask))
        .route("/quotas/{request}/withdraw", post(quotas::withdraw))
        .route("/usage", get(usage::show))
}

fn of_service() -> Router<Shared> {
    Router::new()
        .route("/", get(services::show))
        .route("/operations", get(moves::show))
        .route("/allow/{side}", get(allow::ask).post(allow::change))
        .route("/attach", post(moves::attach))
        .route("/detach", get(moves::ask_detach).post(moves::detach))
        .route("/start", post(services::start))
        .route("/stop", post(services::stop))
        .route("/rename", post(services::rename))
        .route("/delete", get(services::ask_delete).post(services::delete))
}

fn of_vpc() -> Router<Shared> {
    let peering = Router::new()
        .route("/", get(peerings::show))
        .route("/request", post(peerings::request))
        .route("/delete", get(peerings::ask_delete).post(peerings::delete));
    Router::new()
        .route("/", get(vpcs::show))
        .route("/rename", post(vpcs::rename))
        .route("/delete", get(vpcs::ask_delete).post(vpcs::delete))
        .route("/keep", post(vpcs::keep))
        .route("/peerings/new", get(peerings::new).post(peerings::create))
        .nest("/peerings/{peering}", peering)
}

fn customers() -> Router<Shared> {
    Router::new()
        .route("/", get(cloud::accounts))
        .route("/example", post(cloud::make_example))
        .route("/try", get(trial::ask).post(trial::run))
        .route("/{account}", get(cloud::account))
        .route("/{account}/change", post(cloud::change))
        .route("/{account}/vpcs/{vpc}", get(cloud::vpc))
}
