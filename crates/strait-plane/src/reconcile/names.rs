//! The names of services: published whole, whenever they are not what was published last.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::failure::{During, Failure};
use super::lease::Lease;
use crate::cloud::{NameTarget, fenced};
use crate::model::Network;
use crate::names::Names;
use crate::store::services::Kept as Service;
use crate::store::ways::{Current, Open};
use crate::{secret, store};

/// The lease under which names are published.
pub(super) const LEASE: &str = "names";
/// How long to wait for another server that is just publishing them.
const PATIENCE: Duration = Duration::from_secs(10);
const PACE: Duration = Duration::from_millis(50);

/// What this server published last; none if it does not know what is published.
#[derive(Default)]
pub(super) struct Published(Option<Map>);

struct Map {
    names: BTreeMap<String, NameTarget>,
    /// What stands in the store as long as no other server has published since.
    mark: String,
}

impl Published {
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

/// What is to become of the names.
enum Change {
    /// What the store says of all services.
    Whole,
    /// These lead there, or nowhere; the others stay.
    These(BTreeMap<String, Option<NameTarget>>),
}

/// Whether this server published last that the service's names lead to this way, as far as it knows.
pub(super) async fn lead(
    context: &Context,
    service: &Service,
    network: &Network,
    open: &Open,
) -> bool {
    let published = context.published.lock().await;
    let Some(known) = &published.0 else {
        return false;
    };
    let way = Current {
        service: service.id.clone(),
        project: service.project_id.clone(),
        network: network.clone(),
        target: NameTarget {
            address: open.address,
            host: open.host.clone(),
        },
    };
    let mut wanted = BTreeMap::new();
    insert(&mut wanted, context, way);
    all(context, service)
        .iter()
        .all(|name| known.names.get(name) == wanted.get(name))
}

/// Makes the public DNS answer what the store says of this service, and what is known of the others.
pub(super) async fn publish_of(context: &Context, service: &Service) -> Result<(), Failure> {
    let mut published = context.published.lock().await;
    let Some(known) = ours(context, &published).await? else {
        return put(context, &mut published, Change::Whole).await;
    };
    let mut now = BTreeMap::new();
    if let Some(way) = store::ways::current_of(&context.pool, &service.id).await? {
        insert(&mut now, context, way);
    }
    let change: BTreeMap<String, Option<NameTarget>> = all(context, service)
        .into_iter()
        .map(|name| (now.remove(&name), name))
        .filter(|(target, name)| known.names.get(name) != target.as_ref())
        .map(|(target, name)| (name, target))
        .collect();
    if change.is_empty() {
        return Ok(());
    }
    put(context, &mut published, Change::These(change)).await
}

/// Makes the public DNS answer what the store says of all services.
pub(super) async fn publish(context: &Context) -> Result<(), Failure> {
    let mut published = context.published.lock().await;
    if let Some(known) = ours(context, &published).await?
        && known.names == wanted(context).await?
    {
        return Ok(());
    }
    put(context, &mut published, Change::Whole).await
}

/// What this server published, unless another one has published since.
async fn ours<'a>(context: &Context, published: &'a Published) -> Result<Option<&'a Map>, Failure> {
    let Some(known) = &published.0 else {
        return Ok(None);
    };
    let mark = store::published(&context.pool).await?;
    Ok((mark.as_ref() == Some(&known.mark)).then_some(known))
}

/// One at a time among all servers, so that no older map comes after a newer one.
async fn put(context: &Context, published: &mut Published, change: Change) -> Result<(), Failure> {
    take_lease(context).await?;
    let outcome = put_under_lease(context, published, change).await;
    context.leases.give_back(&context.pool, LEASE).await;
    outcome
}

async fn put_under_lease(
    context: &Context,
    published: &mut Published,
    change: Change,
) -> Result<(), Failure> {
    // Another server may have published while this one waited for its turn.
    let is_ours = ours(context, published).await?.is_some();
    let names = match (published.0.take(), change) {
        (Some(known), Change::These(these)) if is_ours => changed(known.names, these),
        (Some(_) | None, Change::These(_) | Change::Whole) => wanted(context).await?,
    };
    context
        .write_under(LEASE, async |db| store::note_published(db, None).await)
        .await?;
    let told = fenced(context.held(LEASE), context.cloud.publish_names(&names)).await;
    if !context.leases.holds(LEASE) {
        // Another server may have published later names meanwhile, and these came after them.
        return Err(Failure::NotYet);
    }
    told.during("publishing the names of services")?;
    let mark = secret::server_id();
    context
        .write_under(LEASE, async |db| {
            store::note_published(db, Some(&mark)).await
        })
        .await?;
    published.0 = Some(Map { names, mark });
    Ok(())
}

fn changed(
    mut names: BTreeMap<String, NameTarget>,
    these: BTreeMap<String, Option<NameTarget>>,
) -> BTreeMap<String, NameTarget> {
    for (name, target) in these {
        match target {
            Some(target) => names.insert(name, target),
            None => names.remove(&name),
        };
    }
    names
}

async fn take_lease(context: &Context) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while context.leases.take(&context.pool, LEASE).await? == Lease::Theirs {
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
        insert(&mut names, context, way);
    }
    Ok(names)
}

fn all(context: &Context, service: &Service) -> Vec<String> {
    Names::of(&service.id, &service.project_id, &context.domain).all()
}

fn insert(names: &mut BTreeMap<String, NameTarget>, context: &Context, way: Current) {
    let of = Names::of(&way.service, &way.project, &context.domain);
    names.insert(of.stable, way.target.clone());
    match way.network {
        Network::Public => names.insert(of.public, way.target),
        Network::Vpc(_) => names.insert(of.vpc, way.target),
    };
}
