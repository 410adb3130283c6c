//! Route tables and their routes.

mod request;
mod response;

pub use request::*;
pub use response::*;
