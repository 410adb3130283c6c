//! What the processes beside the server are told: names and listeners for the resolver, ports for the forwarder.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use strait_plane::cloud::CloudError;
use strait_vpc::Picture;

use super::{INTERNET, INTERNET_ENDPOINTS, INTERNET_RESOLVER, Local};
use crate::forwarder::{Assigned, Forwarded, ForwarderAnswer, ForwarderState};
use crate::resolver::{Listener, ResolverAnswer, ResolverState};
use crate::{LocalError, store};

impl Local {
    /// Gives the resolver all names and all places where it is asked.
    pub(super) async fn publish(&self, listeners: BTreeSet<Listener>) -> Result<(), LocalError> {
        let names = self.inner.names.lock().await.clone();
        let domain = &self.inner.options.domain;
        let own = ["api", "aws"].map(|label| (format!("{label}.{domain}"), INTERNET_ENDPOINTS));
        let records = names
            .into_iter()
            .chain(own)
            .map(|(name, address)| (name, BTreeSet::from([address])))
            .collect();
        let state = ResolverState {
            domain: domain.clone(),
            listeners,
            records,
            own: BTreeMap::new(),
        };
        let answer: ResolverAnswer = self.inner.resolver.apply(&state).await?;
        let Some(failed) = answer.failed.into_iter().next() else {
            return Ok(());
        };
        Err(LocalError::Deaf {
            namespace: failed.listener.namespace,
            address: failed.listener.address,
            message: failed.message,
        })
    }

    pub(super) async fn rename(
        &self,
        names: &BTreeMap<String, Ipv4Addr>,
    ) -> Result<(), LocalError> {
        if *self.inner.names.lock().await == *names {
            return Ok(());
        }
        store::write_names(&self.inner.pool, names).await?;
        self.inner.names.lock().await.clone_from(names);
        let network = self.inner.network.lock().await;
        self.publish(listeners(&strait_vpc::picture(&network)))
            .await
    }

    /// Leads a port of this machine's loopback to the service's public address; the same port each time.
    pub(super) async fn forward(&self, service: &str, to: SocketAddrV4) -> Result<u16, CloudError> {
        let mut forwards = self.inner.forwards.lock().await;
        let known = forwards.get(service).cloned();
        if let Some(Forwarded {
            port: Some(port),
            accept: true,
            to: now,
        }) = known
            && now == to
        {
            return Ok(port);
        }
        let port = known.and_then(|forwarded| forwarded.port);
        forwards.insert(
            service.to_owned(),
            Forwarded {
                to,
                port,
                accept: true,
            },
        );
        let answer = self
            .tell_forwarder(&forwards)
            .await
            .map_err(|error| temporary(&error))?;
        let assigned = answer.services.get(service);
        let Some(port) = assigned.and_then(Assigned::port) else {
            return Err(CloudError::Temporary(format!(
                "no port of the loopback for this service: {assigned:?}"
            )));
        };
        let forwarded = Forwarded {
            to,
            port: Some(port),
            accept: true,
        };
        store::write_forward(&self.inner.pool, service, Some(&forwarded))
            .await
            .map_err(|error| temporary(&error))?;
        forwards.insert(service.to_owned(), forwarded);
        Ok(port)
    }

    /// Takes no new connections at the service's loopback port; open ones go on.
    pub(super) async fn refuse_forwarding(&self, service: &str) -> Result<(), CloudError> {
        let mut forwards = self.inner.forwards.lock().await;
        let Some(forwarded) = forwards.get_mut(service) else {
            return Ok(());
        };
        forwarded.accept = false;
        store::write_forward(&self.inner.pool, service, Some(forwarded))
            .await
            .map_err(|error| temporary(&error))?;
        self.tell_forwarder(&forwards)
            .await
            .map(drop)
            .map_err(|error| temporary(&error))
    }

    /// Ends what goes by the service's loopback port. The port is remembered until the service is deleted.
    pub(super) async fn stop_forwarding(&self, service: &str) -> Result<(), CloudError> {
        self.refuse_forwarding(service).await?;
        let forwards = self.inner.forwards.lock().await;
        let rest = forwards.iter().filter(|(id, _)| id.as_str() != service);
        let rest = rest
            .map(|(id, forwarded)| (id.clone(), forwarded.clone()))
            .collect();
        self.tell_forwarder(&rest)
            .await
            .map(drop)
            .map_err(|error| temporary(&error))
    }

    /// Gives up the service's loopback port.
    pub(super) async fn forget_forwarding(&self, service: &str) -> Result<(), LocalError> {
        self.inner.forwards.lock().await.remove(service);
        store::write_forward(&self.inner.pool, service, None).await
    }

    /// Tells the forwarder what was so when the last server ended.
    pub(super) async fn resume_forwarding(&self) -> Result<(), LocalError> {
        let forwards = self.inner.forwards.lock().await;
        self.tell_forwarder(&forwards).await.map(drop)
    }

    async fn tell_forwarder(
        &self,
        services: &BTreeMap<String, Forwarded>,
    ) -> Result<ForwarderAnswer, LocalError> {
        self.inner
            .forwarder
            .apply(&ForwarderState {
                services: services.clone(),
            })
            .await
    }
}

/// Every address at which the resolver is asked, with the namespace that it is in.
pub(super) fn listeners(picture: &Picture) -> BTreeSet<Listener> {
    let internet = Listener {
        namespace: INTERNET.to_owned(),
        address: INTERNET_RESOLVER,
    };
    let vpcs = picture.routers.iter().flat_map(|(name, router)| {
        router.resolvers.iter().map(|address| Listener {
            namespace: name.clone(),
            address: *address,
        })
    });
    std::iter::once(internet).chain(vpcs).collect()
}

fn temporary(error: &LocalError) -> CloudError {
    CloudError::Temporary(error.to_string())
}
