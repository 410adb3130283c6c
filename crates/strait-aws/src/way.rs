//! Ways to services that exist already. A private way is a load balancer, an endpoint service and an endpoint, all of
//! its own, so that PostgreSQL sees other source addresses by each way. The public way is the service's own: all that is
//! done to it is to open and close it.

mod allow;
mod balancer;
mod endpoint;
mod follow;
mod group;
mod public;
mod rds;
mod rules;
#[cfg(test)]
mod sample;
mod targets;

use strait_plane::cloud::{Allowed, CloudError, WayKind, WayObserved, WaySpec};
use strait_plane::model::{POSTGRES_PORT, Registration};

use crate::Aws;
use crate::error::Error;
use crate::region::Region;
use crate::resolve::Names;
use crate::seen::{Resource, Snapshot};
use crate::tag::Key;

pub(crate) use targets::{ASK_AGAIN, Followed};

/// Where private ways listen, as AWS's APIs have it.
pub(crate) const PRIVATE_PORT: i32 = POSTGRES_PORT as i32;

impl Aws {
    /// Makes a way to a service, or finds it, and lets in those who are allowed. The public way is the service's own, and who
    /// may come by it is too. The known endpoint stays, if another one got no further.
    ///
    /// # Errors
    /// AWS refuses something, or something takes its time.
    pub async fn ensure_way(
        &self,
        spec: &WaySpec,
        allowed: &Allowed,
        known: Option<&str>,
    ) -> Result<WayObserved, CloudError> {
        let way = Way {
            known,
            ..self.way(spec)?
        };
        Ok(match &spec.kind {
            WayKind::Public => way.observe_public().await?,
            WayKind::Private { vpc } => self.open_private(&way, vpc, allowed).await?,
        })
    }

    /// Whether the public way of a service is what its registration says: open, and such that it can be closed.
    ///
    /// # Errors
    /// It is not: what to do.
    pub async fn check_registration(&self, spec: &WaySpec) -> Result<(), CloudError> {
        Ok(self.way(spec)?.check_public().await?)
    }

    /// Opens the public way, as it was before Strait closed it.
    ///
    /// # Errors
    /// AWS refuses, or takes its time.
    pub async fn reopen_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        Ok(self.way(spec)?.open_public().await?)
    }

    /// Proves a way: a load balancer's node has just had an answer from the service, and the endpoint leads to it. From
    /// the Peering VPC itself nothing can be tried, because nothing of Strait's runs there.
    ///
    /// # Errors
    /// It does not lead to the service: why, and what to do.
    pub async fn probe_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let way = self.way(spec)?;
        match &spec.kind {
            WayKind::Public => way.prove_public().await?,
            WayKind::Private { .. } => way.prove_private().await?,
        }
        Ok(())
    }

    /// Refuses new connections by this way.
    ///
    /// # Errors
    /// AWS refuses, or does not answer.
    pub async fn refuse_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let way = self.way(spec)?;
        match &spec.kind {
            WayKind::Public => way.close_public().await?,
            WayKind::Private { .. } => way.shut_balancer().await?,
        }
        Ok(())
    }

    /// Takes the way away. One that is gone is a success.
    ///
    /// # Errors
    /// AWS refuses, or something must go first: both are tried again.
    pub async fn remove_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let way = self.way(spec)?;
        match &spec.kind {
            WayKind::Public => way.surely_close_public().await?,
            WayKind::Private { .. } => {
                self.forget_followed(&way.key);
                way.remove_private().await?;
            }
        }
        Ok(())
    }

    /// The endpoint leads into the Peering VPC, all before it is in the service's own. One that is there lets in those who
    /// are allowed before anything else is done, whatever comes of that.
    async fn open_private(
        &self,
        way: &Way<'_>,
        vpc: &str,
        allowed: &Allowed,
    ) -> Result<WayObserved, Error> {
        let there = way.restricted_endpoint(allowed).await?;
        let nodes = way.nodes_group().await?;
        let balancer = way.balancer(&nodes).await?;
        let group = way.target_group().await?;
        self.follow_registered(way, &group).await?;
        way.listener(&balancer, &group).await?;
        way.active(&balancer)?;
        way.let_endpoint_in(&balancer).await?;
        let service = way.endpoint_service(&balancer).await?;
        let endpoint = match there {
            Some(endpoint) => endpoint,
            None => way.endpoint(vpc, &service, &balancer, allowed).await?,
        };
        way.accepted(&service, &endpoint).await?;
        way.observed(&endpoint, &balancer).await
    }

    fn way<'a>(&'a self, spec: &'a WaySpec) -> Result<Way<'a>, Error> {
        let Some(service) = &spec.registration else {
            return Err(Error::Refused {
                code: "service_not_registered".to_owned(),
                message: format!(
                    "Service {} was made by an embedded Strait, and Strait on AWS has those only that were registered. Delete it here and register it.",
                    spec.service
                ),
            });
        };
        let region = self.region(&spec.region)?;
        region.know_service_vpc(&service.vpc_id);
        Ok(Way {
            region,
            account: &self.account,
            names: &self.names,
            key: Key::way(spec),
            name: name(spec),
            service,
            known: None,
        })
    }
}

/// A way, and what everything about it needs.
struct Way<'a> {
    region: &'a Region,
    /// The provider's account.
    account: &'a str,
    names: &'a Names,
    key: Key,
    /// The name of its load balancer and target group: at most 32 characters.
    name: String,
    service: &'a Registration,
    /// The id of its endpoint, as the plane knows it.
    known: Option<&'a str>,
}

impl Way<'_> {
    /// The service's port as AWS's APIs have it.
    fn port(&self) -> i32 {
        i32::from(self.service.port)
    }

    /// The one of these that was made for this way.
    fn own<T: Resource>(&self, all: &Snapshot<T>) -> Option<T> {
        all.made_for(&self.key).next().cloned()
    }

    /// Something that was made and is not listed yet.
    fn not_listed(&self, what: &str) -> Error {
        self.region.hurry();
        Error::NotYet(format!(
            "AWS does not list the new {what} of {} yet",
            self.name
        ))
    }
}

fn name(spec: &WaySpec) -> String {
    match &spec.kind {
        WayKind::Public => format!("strait-{}-public", spec.service),
        WayKind::Private { vpc } => format!("strait-{}-{vpc}", spec.service),
    }
}
