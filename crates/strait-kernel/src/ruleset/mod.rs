//! The nftables text of a namespace: one table of its own, whole. Pure and sorted.

mod edit;
mod gateway;
mod group;
mod node;
mod router;
mod text;

pub(crate) use edit::{Edit, Elements, edit};
pub(crate) use node::{host, mark, wires};
pub(crate) use router::router;
pub(crate) use text::{HEAD, MORE};
