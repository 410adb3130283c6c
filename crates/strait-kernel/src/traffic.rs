//! What passes by a router, as the kernel counts it.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use crate::conntrack;
use crate::error::KernelError;
use crate::kernel::Kernel;
use crate::route::{Carried, Routing};

/// What passes by a router.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What each of its links has carried since it was made, by the link's name.
    pub links: BTreeMap<String, Carried>,
    /// TCP connections that are open, by the address that was asked for.
    pub open: BTreeMap<Ipv4Addr, u64>,
}

impl Kernel {
    /// What has passed by a router's links, and what is open through it. Blocks.
    pub fn traffic(&self, router: &str) -> Result<Traffic, KernelError> {
        let counted = self.inside(router, || {
            let mut open = BTreeMap::new();
            for address in conntrack::open()? {
                *open.entry(address).or_default() += 1;
            }
            let links = Routing::open()?.carried()?;
            Ok::<_, io::Error>(Traffic { links, open })
        })?;
        counted.map_err(KernelError::system(format!(
            "count what passes by {router}"
        )))
    }
}
