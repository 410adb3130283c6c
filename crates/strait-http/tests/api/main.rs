//! The API over a real plane and a real PostgreSQL, with a cloud and services that only pretend.

#[path = "../../../strait-plane/tests/common/mod.rs"]
#[allow(dead_code, reason = "the plane's tests use more of it")]
mod common;

mod access;
mod allow;
mod audit;
mod audit_logins;
mod audit_refusals;
mod audit_search;
mod beside;
mod console;
mod console_roles;
mod contract;
mod customers;
mod follow;
mod foreign;
mod graphql;
mod graphql_provider;
mod graphql_roles;
mod guest;
mod metrics;
mod once;
mod operations;
mod provider;
mod quotas;
mod reach;
mod refusals;
mod register;
mod roles;
mod secure;
mod story;
mod streams;
mod things;
mod told;
mod upkeep;
mod users;
mod world;
