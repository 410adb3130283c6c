//! Elastic Load Balancing v2: network load balancers, target groups, listeners.

mod request;
mod response;

pub use request::*;
pub use response::*;
