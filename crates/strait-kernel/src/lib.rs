//! Makes a picture true on Linux: namespaces, links, routes and nftables, without root.
//!
//! An [`Anchor`] owns everything; a process that has joined it opens a [`Kernel`] and applies pictures. Nothing outside
//! the anchor's namespaces changes, and when the anchor ends, the kernel forgets all of it.
#![allow(unsafe_code)]

mod anchor;
mod apply;
mod connections;
mod conntrack;
mod elements;
mod error;
mod kernel;
mod netlink;
mod nft;
mod plan;
mod preflight;
mod process;
mod route;
mod ruleset;
mod sandbox;
mod settings;
mod sockets;
mod space;
mod system;

pub use anchor::Anchor;
pub use apply::Changes;
pub use connections::shut_connections;
pub use conntrack::Forwarded;
pub use error::KernelError;
pub use kernel::Kernel;
pub use preflight::{Machine, Missing, preflight};
pub use process::{Process, Signal};
pub use sandbox::{Launch, LaunchUser, Sandbox, exec_in, service_owner};
pub use sockets::Connection;
