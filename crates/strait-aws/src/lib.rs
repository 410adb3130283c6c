//! The plane's [`Cloud`](strait_plane::cloud::Cloud) on AWS itself, through the official SDK for Rust.
//!
//! Two kinds of state exist: what AWS has, and what the plane's store wishes. This crate keeps none of its own: all that
//! it makes carries the plane's key in a tag (`tag`), every verb looks (`look`) before it writes, and a server that
//! was killed anywhere finds by tag what it made. What must survive a look for a moment, because AWS's own listings are
//! a little behind its answers, is in `seen`.

mod admit;
mod budget;
mod changed;
mod client;
mod cloud;
mod error;
#[cfg(test)]
mod fake;
mod fence;
mod find;
mod look;
mod names;
mod peering;
mod private;
mod region;
mod registered;
mod resolve;
#[cfg(test)]
mod sample;
mod seen;
mod tag;
#[cfg(test)]
mod tests;
mod vpc;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

pub use client::Config;
use client::Connected;
pub use error::{Error, Fate};
use names::Zone;
use region::Region;
pub use registered::Registered;
use resolve::Names;
use strait_plane::cloud::WaySpec;
use tag::Key;
use tokio::sync::Notify;
use tokio::time::Instant;
use way::Followed;

/// AWS, as the plane uses it: one set of clients and looks a Region, all in one account.
pub struct Aws {
    account: String,
    known_regions: Vec<String>,
    regions: BTreeMap<String, Region>,
    /// Told when something is in progress in a Region.
    stirred: Arc<Notify>,
    zone: Zone,
    /// Who is asked for the addresses of services.
    names: Names,
    /// Target groups whose targets follow the names of services.
    followed: Mutex<BTreeMap<Key, Followed>>,
    /// Ways that are to be among them, as the plane told last.
    told: Mutex<BTreeMap<Key, WaySpec>>,
    /// Those of them that were looked for and not found.
    missed: Mutex<BTreeSet<Key>>,
    /// When their names were last asked for.
    asked: Mutex<Instant>,
}

impl Aws {
    /// Connects to AWS with the credentials that the SDK finds, and learns which account they are for and which Regions
    /// it may use.
    ///
    /// # Errors
    /// No Region was given, there are no credentials, or AWS does not answer or accept them.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let Connected {
            account,
            known_regions,
            regions,
            stirred,
            route53,
        } = client::connect(&config).await?;
        Ok(Self {
            account,
            known_regions,
            regions,
            stirred,
            names: Names::by(&config.nameservers)?,
            zone: Zone::new(route53, &config.domain, config.hosted_zone_id.as_deref()),
            followed: Mutex::default(),
            told: Mutex::default(),
            missed: Mutex::default(),
            asked: Mutex::new(Instant::now()),
        })
    }

    /// Regions where Peering VPCs and services may be, sorted: those of the configuration.
    #[must_use]
    pub fn supported_regions(&self) -> Vec<String> {
        self.regions.keys().cloned().collect()
    }

    /// Regions where customers' VPCs may be, sorted: those that the provider's account has enabled.
    #[must_use]
    pub fn known_regions(&self) -> Vec<String> {
        self.known_regions.clone()
    }

    /// The provider's own account: who customers see as requester.
    #[must_use]
    pub fn account(&self) -> String {
        self.account.clone()
    }

    /// Clients and looks of a Region.
    fn region(&self, name: &str) -> Result<&Region, Error> {
        self.regions.get(name).ok_or_else(|| Error::Refused {
            code: "region_not_configured".to_owned(),
            message: format!(
                "Strait is not set up for the Region {name}. Add it to `regions` in the `[cloud]` part of the configuration and start the server again."
            ),
        })
    }
}
