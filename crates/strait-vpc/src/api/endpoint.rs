//! Endpoint services and VPC endpoints (PrivateLink).

mod request;
mod response;

pub use request::*;
pub use response::*;
