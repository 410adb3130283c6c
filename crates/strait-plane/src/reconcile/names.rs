//! The names of services: published whole, whenever they are not what was published last.

use std::collections::BTreeMap;

use super::Context;
use super::failure::{During, Failure};
use crate::cloud::NameTarget;
use crate::model::Network;
use crate::names::Names;
use crate::store;

/// What was published last; none if nobody knows.
#[derive(Default)]
pub(super) struct Published(Option<BTreeMap<String, NameTarget>>);

impl Published {
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

/// Makes the public DNS answer what the store says. One at a time, so that no older map comes after a newer one.
pub(super) async fn publish(context: &Context) -> Result<(), Failure> {
    let mut published = context.published.lock().await;
    let mut names = BTreeMap::new();
    for way in store::ways::current(&context.pool).await? {
        let of = Names::of(&way.service, &way.project, &context.domain);
        names.insert(of.stable, way.target.clone());
        match way.network {
            Network::Public => names.insert(of.public, way.target),
            Network::Vpc(_) => names.insert(of.vpc, way.target),
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
