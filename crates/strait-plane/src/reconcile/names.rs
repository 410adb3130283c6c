//! The names of services: published whole, whenever they are not what was published last.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::failure::{During, Failure};
use crate::cloud::NameTarget;
use crate::model::Network;
use crate::names::Names;
use crate::store::services::Kept as Service;
use crate::{secret, store};

/// The lease under which names are published.
pub(super) const LEASE: &str = "names";
/// How long to wait for another server that is just publishing them.
const PATIENCE: Duration = Duration::from_secs(10);
const PACE: Duration = Duration::from_millis(50);

/// What was published last; none if nobody knows.
#[derive(Default)]
pub(super) struct Published(Option<Map>);

struct Map {
    names: BTreeMap<String, NameTarget>,
    digest: String,
}

impl Published {
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// The digest of what was published, if this name led there.
    fn of(&self, name: &str, target: &NameTarget) -> Option<String> {
        let map = self.0.as_ref()?;
        (map.names.get(name) == Some(target)).then(|| map.digest.clone())
    }
}

/// Makes the public DNS answer what the store says of this service, which has not moved: mostly it does already.
pub(super) async fn keep(context: &Context, service: &Service) -> Result<(), Failure> {
    let Some(current) = &service.current else {
        return publish(context).await;
    };
    let of = Names::of(&service.id, &service.project_id, &context.domain);
    let target = NameTarget {
        address: current.open.address,
        host: current.open.host.clone(),
    };
    let known = {
        let published = context.published.lock().await;
        published.of(&of.stable, &target)
    };
    match known {
        Some(digest) if store::published(&context.pool).await?.as_ref() == Some(&digest) => Ok(()),
        Some(_) | None => publish(context).await,
    }
}

/// Makes the public DNS answer what the store says. One at a time among all servers, so that no older map comes after a newer one.
pub(super) async fn publish(context: &Context) -> Result<(), Failure> {
    let mut published = context.published.lock().await;
    if let Some(known) = &published.0 {
        let wanted = wanted(context).await?;
        let digest = Some(&known.digest);
        if known.names == wanted && store::published(&context.pool).await?.as_ref() == digest {
            return Ok(());
        }
    }
    take_lease(context).await?;
    let outcome = publish_all(context, &mut published).await;
    context.leases.give_back(&context.pool, LEASE).await;
    outcome
}

async fn publish_all(context: &Context, published: &mut Published) -> Result<(), Failure> {
    let names = wanted(context).await?;
    published.forget();
    store::note_published(&context.pool, None).await?;
    if !context.leases.holds(LEASE) {
        return Err(Failure::Lost);
    }
    context
        .cloud
        .publish_names(&names)
        .await
        .during("publishing the names of services")?;
    if !context.leases.holds(LEASE) {
        // Another server may have published later names meanwhile, and these came after them.
        return Err(Failure::NotYet);
    }
    let digest = digest(&names);
    store::note_published(&context.pool, Some(&digest)).await?;
    published.0 = Some(Map { names, digest });
    Ok(())
}

async fn take_lease(context: &Context) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while !context.leases.take(&context.pool, LEASE).await? {
        if context.is_stopping() {
            return Err(Failure::Stopping);
        }
        if Instant::now() > end {
            return Err(Failure::NotYet);
        }
        sleep(PACE).await;
    }
    Ok(())
}

async fn wanted(context: &Context) -> Result<BTreeMap<String, NameTarget>, Failure> {
    let mut names = BTreeMap::new();
    for way in store::ways::current(&context.pool).await? {
        let of = Names::of(&way.service, &way.project, &context.domain);
        names.insert(of.stable, way.target.clone());
        match way.network {
            Network::Public => names.insert(of.public, way.target),
            Network::Vpc(_) => names.insert(of.vpc, way.target),
        };
    }
    Ok(names)
}

fn digest(names: &BTreeMap<String, NameTarget>) -> String {
    secret::digest(&format!("{names:?}"))
}
