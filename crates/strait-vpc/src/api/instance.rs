//! Instances, and what they are made of.

mod request;
mod response;

pub use request::*;
pub use response::*;
