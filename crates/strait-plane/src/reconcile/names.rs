//! The names of services: published whole, whenever they are not what was published last.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Context;
use super::failure::{During, Failure};
use crate::model::Network;
use crate::names::Names;
use crate::store;

/// What was published last; none if nobody knows.
#[derive(Default)]
pub(super) struct Published(Option<BTreeMap<String, Ipv4Addr>>);

impl Published {
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

/// Makes the public DNS answer what the store says. One at a time, so that no older map comes after a newer one.
pub(super) async fn publish(context: &Context) -> Result<(), Failure> {
    let mut published = context.published.lock().await;
    let mut names = BTreeMap::new();
    for (service, project, network, address) in store::ways::current(&context.pool).await? {
        let of = Names::of(&service, &project, &context.domain);
        names.insert(of.stable, address);
        match network {
            Network::Public => names.insert(of.public, address),
            Network::Vpc(_) => names.insert(of.vpc, address),
        };
    }
    if published.0.as_ref() == Some(&names) {
        return Ok(());
    }
    published.forget();
    context
        .cloud
        .publish_names(&names)
        .await
        .during("publishing the names of services")?;
    published.0 = Some(names);
    Ok(())
}
