//! The local cloud: an AWS network on this machine, whose packets obey the API, and the PostgreSQL services in it.

pub mod agent;
pub mod ca;
pub mod cloud;
pub mod engine;
mod error;
pub mod forwarder;
pub mod resolver;
mod store;

pub use error::LocalError;
