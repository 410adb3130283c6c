//! Walks one packet through a network, and says where and why it stops.

pub(crate) mod lookup;
#[cfg(test)]
pub(crate) mod sample;
