//! The control plane: projects, services, VPCs, peering connections, attachments; the store; the reconcilers.

pub mod cloud;
pub mod postgres;
