//! The control plane: projects, services, VPCs, peering connections, attachments; the store; the reconcilers.

mod admission;
mod allow_list;
pub mod cloud;
mod error;
mod keeper;
pub mod model;
mod names;
pub mod place;
mod plane;
pub mod postgres;
mod pulse;
mod reconcile;
mod secret;
mod store;
pub mod trail;
mod validate;
mod wish;

pub use error::{ErrorKind, PlaneError};
pub use keeper::Keeper;
pub use plane::{AuditReader, Done, Measured, Options, Part, Passed, Plane, Repetition};
pub use pulse::Pulse;
pub use secret::scram_verifier;
