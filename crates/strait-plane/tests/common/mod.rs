//! What the plane's tests share: a PostgreSQL of their own, and a cloud and services that only pretend.

pub(crate) mod cloud;
pub(crate) mod database;
pub(crate) mod filled;
pub(crate) mod postgres;
pub(crate) mod script;
pub(crate) mod steady;
