//! What is asked about: load balancers, target groups, listeners.

mod listener;
mod load_balancer;
mod tag;
mod target_group;

pub use listener::*;
pub use load_balancer::*;
pub use tag::*;
pub use target_group::*;
