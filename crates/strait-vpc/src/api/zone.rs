//! Route 53: hosted zones, their VPCs, records and tags.
//!
//! The wire puts what a call says in its path, its query string and its XML into one request. Parts of the path and of
//! the query string have the names of Route 53's model, which writes the latter in lower case.

mod record;
mod request;
mod response;

pub use record::*;
pub use request::*;
pub use response::*;
