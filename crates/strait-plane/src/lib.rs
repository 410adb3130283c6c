//! The control plane: projects, services, VPCs, peering connections, attachments; the store; the reconcilers.

pub mod cloud;
mod error;
pub mod model;
mod plane;
pub mod postgres;

pub use error::{ErrorKind, PlaneError};
pub use plane::Plane;
