//! What the processes beside the server are told: names and listeners for the resolver, ports for the forwarder.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use strait_plane::cloud::CloudError;
use strait_vpc::names::Renamed;
use strait_vpc::picture::Redrawn;
use strait_vpc::{Network, Picture};

use super::way::addresses_of_way;
use super::{INTERNET, INTERNET_ENDPOINTS, INTERNET_RESOLVER, Local};
use crate::forwarder::{Assigned, Forwarded, ForwarderAnswer, ForwarderState};
use crate::resolver::{Listener, ResolverAnswer, ResolverState};
use crate::{LocalError, store};

/// What the resolver was told last.
#[derive(Default)]
pub(super) struct Told {
    /// All places where it is to be asked.
    listeners: BTreeSet<Listener>,
    /// The state that it has; none if that is not known.
    state: Option<ResolverState>,
}

impl Local {
    /// Gives the resolver all names and all places where it is asked; without places, these stay.
    pub(super) async fn publish(
        &self,
        network: &Network,
        listeners: Option<BTreeSet<Listener>>,
    ) -> Result<(), LocalError> {
        let mut told = self.inner.told.lock().await;
        if let Some(listeners) = listeners {
            told.listeners = listeners;
        }
        let state = ResolverState {
            domain: self.inner.options.domain.clone(),
            listeners: told.listeners.clone(),
            records: self.services(network).await,
            names: strait_vpc::names(network),
            resolv_conf: self.inner.options.resolv_conf.clone(),
        };
        if told.state.as_ref() == Some(&state) {
            return Ok(());
        }
        self.tell_resolver(&mut told, state).await
    }

    /// Tells the resolver what a change made different: where it is asked in routers that were drawn anew, and names.
    pub(super) async fn publish_part(
        &self,
        network: &Network,
        redrawn: &Redrawn,
        renamed: Renamed,
    ) -> Result<(), LocalError> {
        let mut told = self.inner.told.lock().await;
        let mut listeners = None;
        for (name, router) in &redrawn.routers {
            let asked = router.iter().flat_map(|router| &router.resolvers);
            let now: BTreeSet<Listener> = asked.map(|address| at(name, *address)).collect();
            let first = at(name, Ipv4Addr::UNSPECIFIED);
            let last = at(name, Ipv4Addr::BROADCAST);
            if now.iter().ne(told.listeners.range(first..=last)) {
                let all = listeners.get_or_insert_with(|| told.listeners.clone());
                all.retain(|listener| listener.namespace != *name);
                all.extend(now);
            }
        }
        let Some(mut state) = told.state.take() else {
            drop(told);
            return self.publish(network, listeners).await;
        };
        let named = renamed.apply_to(&mut state.names);
        if !named && listeners.is_none() {
            told.state = Some(state);
            return Ok(());
        }
        if let Some(listeners) = listeners {
            told.listeners.clone_from(&listeners);
            state.listeners = listeners;
        }
        state.records = self.services(network).await;
        self.tell_resolver(&mut told, state).await
    }

    async fn tell_resolver(&self, told: &mut Told, state: ResolverState) -> Result<(), LocalError> {
        told.state = None;
        let answer: ResolverAnswer = self.inner.resolver.apply(&state).await?;
        let Some(failed) = answer.failed.into_iter().next() else {
            told.state = Some(state);
            return Ok(());
        };
        Err(LocalError::Deaf {
            namespace: failed.listener.namespace,
            address: failed.listener.address,
            message: failed.message,
        })
    }

    /// Names of services, and of Strait's own two endpoints. A service's name has the address of each zone.
    async fn services(&self, network: &Network) -> BTreeMap<String, BTreeSet<Ipv4Addr>> {
        let names = self.inner.names.lock().await.clone();
        let domain = &self.inner.options.domain;
        let own = ["api", "aws"].map(|label| (format!("{label}.{domain}"), INTERNET_ENDPOINTS));
        let of_service = |(name, address): (String, Ipv4Addr)| {
            let service = name.split('.').next().unwrap_or_default();
            let all = addresses_of_way(network, service, address);
            (name, all)
        };
        let own = own.map(|(name, address)| (name, BTreeSet::from([address])));
        names.into_iter().map(of_service).chain(own).collect()
    }

    pub(super) async fn rename(
        &self,
        names: &BTreeMap<String, Ipv4Addr>,
    ) -> Result<(), LocalError> {
        if *self.inner.names.lock().await == *names {
            return Ok(());
        }
        store::write_names(&self.inner.pool, names).await?;
        let before = std::mem::replace(&mut *self.inner.names.lock().await, names.clone());
        let network = self.network().await;
        let told = self.publish(&network, None).await;
        if told.is_err() {
            // What the resolver was not told does not count, so that the next call tells it.
            *self.inner.names.lock().await = before;
        }
        told
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
        let mut wanted = forwards.clone();
        let asked = Forwarded {
            to,
            port,
            accept: true,
        };
        wanted.insert(service.to_owned(), asked);
        self.tell_forwarder(&mut wanted)
            .await
            .map_err(|error| temporary(&error))?;
        let Some(port) = wanted.get(service).and_then(|forwarded| forwarded.port) else {
            return Err(CloudError::Temporary(
                "there is no free port of the loopback for this service".to_owned(),
            ));
        };
        *forwards = wanted;
        Ok(port)
    }

    /// Takes no new connections at the service's loopback port; open ones go on.
    pub(super) async fn refuse_forwarding(&self, service: &str) -> Result<(), CloudError> {
        let mut forwards = self.inner.forwards.lock().await;
        let mut wanted = forwards.clone();
        let Some(forwarded) = wanted.get_mut(service) else {
            return Ok(());
        };
        forwarded.accept = false;
        self.tell_forwarder(&mut wanted)
            .await
            .map_err(|error| temporary(&error))?;
        *forwards = wanted;
        Ok(())
    }

    /// Ends what goes by the service's loopback port. The port is remembered until the service is deleted.
    pub(super) async fn stop_forwarding(&self, service: &str) -> Result<(), CloudError> {
        self.refuse_forwarding(service).await?;
        let forwards = self.inner.forwards.lock().await;
        let mut rest = forwards.clone();
        rest.remove(service);
        self.tell_forwarder(&mut rest)
            .await
            .map_err(|error| temporary(&error))
    }

    /// Gives up the service's loopback port.
    pub(super) async fn forget_forwarding(&self, service: &str) -> Result<(), LocalError> {
        self.inner.forwards.lock().await.remove(service);
        store::write_forward(&self.inner.pool, service, None).await
    }

    /// Tells the forwarder what was so when the last server ended.
    pub(super) async fn resume_forwarding(&self) -> Result<(), LocalError> {
        let mut forwards = self.inner.forwards.lock().await;
        self.tell_forwarder(&mut forwards).await
    }

    /// Tells the forwarder all that it must do, and keeps the ports that it chose, here and in the store.
    async fn tell_forwarder(
        &self,
        services: &mut BTreeMap<String, Forwarded>,
    ) -> Result<(), LocalError> {
        let state = ForwarderState {
            services: services.clone(),
        };
        let answer: ForwarderAnswer = self.inner.forwarder.apply(&state).await?;
        for (service, forwarded) in services.iter_mut() {
            match answer.services.get(service) {
                Some(Assigned::Port(port)) => forwarded.port = Some(*port),
                Some(Assigned::Moved { port, message }) => {
                    tracing::warn!(
                        service,
                        port,
                        message,
                        "another port leads to the service now"
                    );
                    forwarded.port = Some(*port);
                }
                Some(Assigned::Failed(why)) => {
                    tracing::warn!(service, why, "no port of this machine leads to the service");
                    forwarded.port = None;
                }
                None => {}
            }
            store::write_forward(&self.inner.pool, service, Some(forwarded)).await?;
        }
        Ok(())
    }
}

/// Every address at which the resolver is asked, with the namespace that it is in.
pub(super) fn listeners(picture: &Picture) -> BTreeSet<Listener> {
    let internet = Listener {
        namespace: INTERNET.to_owned(),
        address: INTERNET_RESOLVER,
    };
    let vpcs = picture.routers.iter().flat_map(|(name, router)| {
        let addresses = router.resolvers.iter();
        addresses.map(|address| at(name, *address))
    });
    std::iter::once(internet).chain(vpcs).collect()
}

fn at(namespace: &str, address: Ipv4Addr) -> Listener {
    Listener {
        namespace: namespace.to_owned(),
        address,
    }
}

fn temporary(error: &LocalError) -> CloudError {
    CloudError::Temporary(error.to_string())
}
