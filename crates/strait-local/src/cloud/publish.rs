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
    /// What it knows; none if that is not known.
    known: Option<Known>,
}

/// What the resolver knows, and of which network: a change's, while that is not committed yet.
struct Known {
    network: Network,
    state: ResolverState,
}

impl Local {
    /// Gives the resolver all names and all places where it is asked; without places, these stay.
    pub(super) async fn publish(
        &self,
        network: &Network,
        listeners: Option<BTreeSet<Listener>>,
    ) -> Result<(), LocalError> {
        let mut told = self.inner.told.lock().await;
        self.tell_all(&mut told, network, listeners).await
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
        let Some(mut known) = told.known.take() else {
            return self.tell_all(&mut told, network, listeners).await;
        };
        known.network = network.clone();
        let named = renamed.apply_to(&mut known.state.names);
        if !named && listeners.is_none() {
            told.known = Some(known);
            return Ok(());
        }
        if let Some(listeners) = listeners {
            told.listeners.clone_from(&listeners);
            known.state.listeners = listeners;
        }
        known.state.records = self.services(network).await;
        self.tell_resolver(&mut told, known).await
    }

    /// Gives services these names, and no others any.
    pub(super) async fn rename(
        &self,
        names: &BTreeMap<String, Ipv4Addr>,
    ) -> Result<(), LocalError> {
        let before = self.inner.names.lock().await.clone();
        if before == *names {
            return Ok(());
        }
        store::write_names(&self.inner.pool, &before, names).await?;
        names.clone_into(&mut *self.inner.names.lock().await);
        let told = self.publish_services().await;
        if told.is_err() {
            // What the resolver was not told does not count, so that the next call tells it.
            *self.inner.names.lock().await = before;
        }
        told
    }

    /// Tells the resolver where services are now. Of which network it knows the names is not for this to change: a change may
    /// have told its own, which is not committed yet.
    async fn publish_services(&self) -> Result<(), LocalError> {
        let mut told = self.inner.told.lock().await;
        let Some(known) = told.known.take() else {
            let network = self.network().await;
            return self.tell_all(&mut told, &network, None).await;
        };
        let services = self.inner.names.lock().await.clone();
        let known = known.with_services(&services);
        self.tell_resolver(&mut told, known).await
    }

    async fn tell_all(
        &self,
        told: &mut Told,
        network: &Network,
        listeners: Option<BTreeSet<Listener>>,
    ) -> Result<(), LocalError> {
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
        let network = network.clone();
        if let Some(known) = &mut told.known
            && known.state == state
        {
            known.network = network;
            return Ok(());
        }
        self.tell_resolver(told, Known { network, state }).await
    }

    async fn tell_resolver(&self, told: &mut Told, known: Known) -> Result<(), LocalError> {
        told.known = None;
        let answer: ResolverAnswer = self.inner.resolver.apply(&known.state).await?;
        let Some(failed) = answer.failed.into_iter().next() else {
            told.known = Some(known);
            return Ok(());
        };
        Err(LocalError::Deaf {
            namespace: failed.listener.namespace,
            address: failed.listener.address,
            message: failed.message,
        })
    }

    async fn services(&self, network: &Network) -> BTreeMap<String, BTreeSet<Ipv4Addr>> {
        let services = self.inner.names.lock().await;
        records(network, &services, &self.inner.options.domain)
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
        self.tell_forwarder(&forwards, &mut wanted)
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
        self.tell_forwarder(&forwards, &mut wanted)
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
        self.tell_forwarder(&forwards, &mut rest)
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
        let before = forwards.clone();
        self.tell_forwarder(&before, &mut forwards).await
    }

    /// Tells the forwarder all that it must do, and keeps what is new and the ports that it chose, here and in the store.
    async fn tell_forwarder(
        &self,
        before: &BTreeMap<String, Forwarded>,
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
            if before.get(service) != Some(forwarded) {
                store::write_forward(&self.inner.pool, service, Some(forwarded)).await?;
            }
        }
        Ok(())
    }
}

impl Known {
    /// The same with other services.
    fn with_services(mut self, services: &BTreeMap<String, Ipv4Addr>) -> Self {
        self.state.records = records(&self.network, services, &self.state.domain);
        self
    }
}

/// Names of services, and of Strait's own two endpoints. A service's name has the address of each zone.
fn records(
    network: &Network,
    services: &BTreeMap<String, Ipv4Addr>,
    domain: &str,
) -> BTreeMap<String, BTreeSet<Ipv4Addr>> {
    let own = ["api", "aws"].map(|label| (format!("{label}.{domain}"), INTERNET_ENDPOINTS));
    let own = own.map(|(name, address)| (name, BTreeSet::from([address])));
    let of_service = |(name, address): (&String, &Ipv4Addr)| {
        let service = name.split('.').next().unwrap_or_default();
        let all = addresses_of_way(network, service, *address);
        (name.clone(), all)
    };
    services.iter().map(of_service).chain(own).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_service_does_not_take_back_the_names_of_a_change_that_is_not_committed() {
        let domain = "strait.internal";
        let mut state = ResolverState {
            domain: domain.to_owned(),
            listeners: BTreeSet::from([at("vpc-1", Ipv4Addr::new(10, 0, 0, 2))]),
            ..ResolverState::default()
        };
        // Of no network: whoever makes the names anew loses them.
        let name = "db-1.elb.us-east-1.amazonaws.com".parse().expect("a name");
        state.names.addresses.insert(name, BTreeSet::new());
        let known = Known {
            network: Network::default(),
            state: state.clone(),
        };
        let address = Ipv4Addr::new(198, 51, 100, 9);
        let orders = format!("orders.{domain}");
        let services = BTreeMap::from([(orders.clone(), address)]);
        let now = known.with_services(&services).state;
        let records = now.records.clone();
        assert_eq!(records.get(&orders), Some(&BTreeSet::from([address])));
        assert!(records.contains_key("aws.strait.internal"));
        assert_eq!(now, ResolverState { records, ..state });
    }
}
