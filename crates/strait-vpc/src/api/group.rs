//! Security groups and their rules.

mod request;
mod response;

pub use request::*;
pub use response::*;
