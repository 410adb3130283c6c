//! Ways to a service. Each has a load balancer of its own, so that PostgreSQL sees another source address by each:
//! the public way an internet-facing one, a private way an internal one behind an endpoint service and an endpoint.

mod balancer;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use strait_plane::cloud::{Allowed, CloudError, Sources, WayKind, WayObserved, WaySpec};
use strait_vpc::api::*;
use strait_vpc::picture::{Listen, plug};
use strait_vpc::state::{
    Endpoint, EndpointService, EndpointState, INTERNET_OWN, LoadBalancer, TargetGroup,
};
use strait_vpc::{InterfaceId, Network};

use super::allow::lets_internet_in;
use super::key::{Key, made_for, tagged};
use super::service::addresses;
use super::vpc::{PORT, running_for, subnets_of};
use super::{INTERNET, Local};

impl Local {
    pub(super) async fn make_way(
        &self,
        spec: &WaySpec,
        allowed: &Allowed,
    ) -> Result<WayObserved, CloudError> {
        let key = Key::way(spec);
        // Before anything else, and whatever becomes of that.
        self.restrict_endpoint(spec, allowed).await?;
        let place = self.place(&spec.service, &spec.region).await?;
        match &spec.kind {
            WayKind::Public => {
                let nodes = self.public_group(spec, &place, allowed).await?;
                self.balancer(spec, &key, &place, &nodes).await?;
                self.public_way(spec, &key, allowed).await
            }
            WayKind::Private { vpc } => {
                self.balancer(spec, &key, &place, &place.nodes).await?;
                self.private_way(spec, &key, vpc, allowed).await
            }
        }
    }

    pub(super) async fn prove_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        let key = Key::way(spec);
        let WayKind::Private { vpc } = &spec.kind else {
            return self.prove_public(spec, &key).await;
        };
        let prober = running_for(&*self.network().await, &Key::vpc(vpc))
            .map(|instance| instance.id.to_string());
        let Some(prober) = prober else {
            return Err(CloudError::Temporary(format!(
                "the Peering VPC {vpc} has no prober yet"
            )));
        };
        let network = self.network().await;
        let endpoint = endpoint(&network, &key).ok_or_else(|| vanished("endpoint"))?;
        for address in addresses(&network, endpoint.interfaces.values()) {
            self.probe(&prober, SocketAddrV4::new(address, PORT))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn close_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        if spec.kind == WayKind::Public {
            self.refuse_forwarding(&spec.service).await?;
        }
        let network = self.network().await;
        let key = Key::way(spec);
        let entrances = entrances(&network, spec, &key);
        let picture = strait_vpc::picture(&network);
        let mut refused: Vec<(String, Listen)> = Vec::new();
        for (name, link) in entrances {
            let Some(host) = picture.hosts.get(&name) else {
                continue;
            };
            let listens = host.forwards.keys();
            let of_way =
                listens.filter(|listen| spec.kind == WayKind::Public || listen.link == link);
            refused.extend(of_way.map(|listen| (name.clone(), listen.clone())));
        }
        let kernel = Arc::clone(&self.inner.kernel);
        tokio::task::spawn_blocking(move || {
            refused
                .iter()
                .try_for_each(|(host, listen)| kernel.refuse(host, listen, true))
        })
        .await
        .map_err(|_| CloudError::Temporary("interrupted while the way was closed".to_owned()))?
        .map_err(|error| CloudError::Temporary(error.to_string()))
    }

    pub(super) async fn unmake_way(&self, spec: &WaySpec) -> Result<(), CloudError> {
        if spec.kind == WayKind::Public {
            self.stop_forwarding(&spec.service).await?;
        }
        let (key, region) = (Key::way(spec), spec.region.as_str());
        let network = self.network().await;
        if let Some(endpoint) = endpoint(&network, &key) {
            let vpc_endpoint_ids = vec![endpoint.id.to_string()];
            let request = DeleteVpcEndpointsRequest {
                vpc_endpoint_ids,
                ..Default::default()
            };
            self.ask_gone::<DeleteVpcEndpointsResponse>(region, request)
                .await?;
        }
        if spec.kind != WayKind::Public {
            self.forget_endpoint_group(spec).await?;
        }
        if let Some(service) = endpoint_service(&network, &key) {
            let service_ids = vec![service.id.to_string()];
            let request = DeleteVpcEndpointServiceConfigurationsRequest {
                service_ids,
                ..Default::default()
            };
            self.ask_gone::<DeleteVpcEndpointServiceConfigurationsResponse>(region, request)
                .await?;
        }
        if let Some(balancer) = balancer(&network, &key) {
            let request = DeleteLoadBalancerRequest {
                load_balancer_arn: balancer.arn.clone(),
            };
            self.ask_gone::<DeleteLoadBalancerResponse>(region, request)
                .await?;
        }
        if let Some(group) = target_group(&network, &key) {
            let request = DeleteTargetGroupRequest {
                target_group_arn: group.arn.clone(),
            };
            self.ask_gone::<DeleteTargetGroupResponse>(region, request)
                .await?;
        }
        Ok(())
    }

    /// From the internet, if its own clients are let in; else from the way's node on.
    async fn prove_public(&self, spec: &WaySpec, key: &Key) -> Result<(), CloudError> {
        let observed = self.public_way(spec, key, &Allowed::Everybody).await?;
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        if lets_internet_in(&network, balancer) {
            let to = SocketAddrV4::new(observed.address, observed.port);
            return self.probe(INTERNET, to).await;
        }
        let place = self.place(&spec.service, &spec.region).await?;
        for node in balancer.nodes.values() {
            self.probe(node.as_str(), SocketAddrV4::new(place.address, PORT))
                .await?;
        }
        Ok(())
    }

    async fn public_way(
        &self,
        spec: &WaySpec,
        key: &Key,
        allowed: &Allowed,
    ) -> Result<WayObserved, CloudError> {
        let network = self.network().await;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let nodes = balancer.nodes.values();
        let public = nodes
            .clone()
            .filter_map(|id| network.interfaces.get(id)?.public_ip)
            .next();
        let address = public.ok_or_else(|| CloudError::Refused {
            code: "InsufficientPublicAddresses".to_owned(),
            message: "All addresses of the local internet (198.51.100.0/24) are taken: delete or attach a service.".to_owned(),
        })?;
        let loopback_port = self
            .forward(&spec.service, SocketAddrV4::new(address, PORT))
            .await?;
        Ok(WayObserved {
            ready: true,
            address,
            port: PORT,
            provisioned_id: balancer.arn.clone(),
            host: None,
            sources: Sources::These(addresses(&network, nodes)),
            // It comes from the internet like others, and is no way for who is not let in.
            loopback_port: Some(loopback_port).filter(|_| allowed.allows(INTERNET_OWN[0])),
        })
    }

    async fn private_way(
        &self,
        spec: &WaySpec,
        key: &Key,
        vpc: &str,
        allowed: &Allowed,
    ) -> Result<WayObserved, CloudError> {
        let service = self.endpoint_service(spec, key).await?;
        let endpoint = self.endpoint(spec, key, vpc, &service, allowed).await?;
        if endpoint.state == EndpointState::PendingAcceptance {
            let request = AcceptVpcEndpointConnectionsRequest {
                service_id: service.id.to_string(),
                vpc_endpoint_ids: vec![endpoint.id.to_string()],
                ..Default::default()
            };
            self.ask::<AcceptVpcEndpointConnectionsResponse>(&spec.region, request)
                .await?;
        }
        let network = self.network().await;
        let endpoint = network
            .endpoints
            .get(&endpoint.id)
            .ok_or_else(|| vanished("endpoint"))?;
        let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
        let entrances = addresses(&network, endpoint.interfaces.values());
        Ok(WayObserved {
            ready: endpoint.state == EndpointState::Available,
            address: entrances
                .first()
                .copied()
                .ok_or_else(|| vanished("endpoint's interface"))?,
            port: PORT,
            provisioned_id: endpoint.id.to_string(),
            host: None,
            sources: Sources::These(addresses(&network, balancer.nodes.values())),
            loopback_port: None,
        })
    }

    /// The way's endpoint service, for the provider's own endpoints only.
    async fn endpoint_service(
        &self,
        spec: &WaySpec,
        key: &Key,
    ) -> Result<EndpointService, CloudError> {
        let network = self.network().await;
        if endpoint_service(&network, key).is_none() {
            let balancer = balancer(&network, key).ok_or_else(|| vanished("load balancer"))?;
            let request = CreateVpcEndpointServiceConfigurationRequest {
                acceptance_required: Some(true),
                network_load_balancer_arns: vec![balancer.arn.clone()],
                tag_specifications: tagged("vpc-endpoint-service", &way_name(spec), key),
                ..Default::default()
            };
            self.ask::<CreateVpcEndpointServiceConfigurationResponse>(&spec.region, request)
                .await?;
        }
        let network = self.network().await;
        let service =
            endpoint_service(&network, key).ok_or_else(|| vanished("endpoint service"))?;
        let ourselves = format!("arn:aws:iam::{}:root", service.owner);
        if !service.allowed_principals.contains(&ourselves) {
            let request = ModifyVpcEndpointServicePermissionsRequest {
                service_id: service.id.to_string(),
                add_allowed_principals: vec![ourselves],
                ..Default::default()
            };
            self.ask::<ModifyVpcEndpointServicePermissionsResponse>(&spec.region, request)
                .await?;
        }
        Ok(service.clone())
    }

    async fn endpoint(
        &self,
        spec: &WaySpec,
        key: &Key,
        vpc: &str,
        service: &EndpointService,
        allowed: &Allowed,
    ) -> Result<Endpoint, CloudError> {
        let Some(home) = self.find_vpc(&Key::vpc(vpc)).await else {
            return Err(CloudError::Temporary(format!(
                "the Peering VPC {vpc} is not there yet"
            )));
        };
        let network = self.network().await;
        let subnets = subnets_of(&network, &home.id);
        let missing = |endpoint: &Endpoint| {
            let missing = subnets
                .iter()
                .filter(|subnet| !endpoint.interfaces.contains_key(&subnet.id));
            missing.map(|subnet| subnet.id.to_string()).collect()
        };
        if let Some(endpoint) = endpoint(&network, key) {
            let add_subnet_ids: Vec<String> = missing(endpoint);
            if add_subnet_ids.is_empty() {
                return Ok(endpoint.clone());
            }
            let request = ModifyVpcEndpointRequest {
                vpc_endpoint_id: endpoint.id.to_string(),
                add_subnet_ids,
                ..Default::default()
            };
            self.ask::<ModifyVpcEndpointResponse>(&spec.region, request)
                .await?;
            return made_endpoint(&*self.network().await, key);
        }
        let group = self.endpoint_group(spec, &home.id, allowed).await?;
        let request = CreateVpcEndpointRequest {
            vpc_endpoint_type: Some("Interface".to_owned()),
            vpc_id: home.id.to_string(),
            service_name: Some(service.service_name()),
            subnet_ids: subnets.iter().map(|row| row.id.to_string()).collect(),
            security_group_ids: vec![group.to_string()],
            tag_specifications: tagged("vpc-endpoint", &way_name(spec), key),
            ..Default::default()
        };
        self.ask::<CreateVpcEndpointResponse>(&spec.region, request)
            .await?;
        made_endpoint(&*self.network().await, key)
    }
}

/// All addresses of a service's way where `address` is one: an endpoint has one a zone, and its names answer each.
pub(super) fn addresses_of_way(
    network: &Network,
    service: &str,
    address: Ipv4Addr,
) -> BTreeSet<Ipv4Addr> {
    let endpoints = network.endpoints.values().filter(|endpoint| {
        Key::of(network, &endpoint.owner, &endpoint.tags)
            .is_some_and(|key| key.is_private_way_to(service))
    });
    let mut all = endpoints.map(|endpoint| addresses(network, endpoint.interfaces.values()));
    all.find(|all| all.contains(&address))
        .unwrap_or_else(|| BTreeSet::from([address]))
}

/// A name for the load balancer and target group: at most 32 characters.
fn way_name(spec: &WaySpec) -> String {
    match &spec.kind {
        WayKind::Public => format!("strait-{}-public", spec.service),
        WayKind::Private { vpc } => format!("strait-{}-{vpc}", spec.service),
    }
}

/// The hosts and links by which the way is entered: the endpoint's, or those of the internet-facing load balancer's nodes.
fn entrances(network: &Network, spec: &WaySpec, key: &Key) -> Vec<(String, String)> {
    let interfaces: Vec<&InterfaceId> = match &spec.kind {
        WayKind::Public => {
            balancer(network, key).map_or_else(Vec::new, |found| found.nodes.values().collect())
        }
        WayKind::Private { .. } => endpoint(network, key)
            .map_or_else(Vec::new, |found| found.interfaces.values().collect()),
    };
    interfaces
        .into_iter()
        .filter_map(|id| plug(network, network.interfaces.get(id)?))
        .collect()
}

/// The way's load balancer.
pub(super) fn balancer<'a>(network: &'a Network, key: &Key) -> Option<&'a LoadBalancer> {
    network
        .load_balancers
        .values()
        .find(|balancer| made_for(network, &balancer.owner, &balancer.tags, key))
}

/// The way's target group.
pub(super) fn target_group<'a>(network: &'a Network, key: &Key) -> Option<&'a TargetGroup> {
    network
        .target_groups
        .values()
        .find(|group| made_for(network, &group.owner, &group.tags, key))
}

fn endpoint_service<'a>(network: &'a Network, key: &Key) -> Option<&'a EndpointService> {
    network
        .endpoint_services
        .values()
        .find(|service| made_for(network, &service.owner, &service.tags, key))
}

/// The way's endpoint.
pub(super) fn endpoint<'a>(network: &'a Network, key: &Key) -> Option<&'a Endpoint> {
    network
        .endpoints
        .values()
        .find(|endpoint| made_for(network, &endpoint.owner, &endpoint.tags, key))
}

fn made_endpoint(network: &Network, key: &Key) -> Result<Endpoint, CloudError> {
    endpoint(network, key)
        .cloned()
        .ok_or_else(|| vanished("endpoint"))
}

fn vanished(what: &str) -> CloudError {
    CloudError::Temporary(format!("the way's {what} was made and is gone again"))
}
