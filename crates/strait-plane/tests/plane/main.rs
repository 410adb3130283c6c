//! The plane over a real PostgreSQL, with a cloud and services that only pretend.

#[path = "../common/mod.rs"]
mod common;

mod allow;
mod allow_trouble;
mod attach;
mod audit;
mod audit_search;
mod cascade;
mod crash;
mod events;
mod frozen;
mod guide;
mod keys;
mod leases;
mod lifecycle;
mod locks;
mod logins;
mod noted;
mod objects;
mod once;
mod operations;
mod peerings;
mod queued;
mod quotas;
mod registered;
mod scale;
mod usage;
mod users;
mod watching;
mod world;
