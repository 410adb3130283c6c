//! What the plane's tests share: a PostgreSQL of their own, and a cloud and services that only pretend.

pub mod cloud;
pub mod database;
pub mod postgres;
pub mod script;
