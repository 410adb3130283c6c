//! Where services run: an instance of the provider's in the Region's Service VPC, reached by load balancers only.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use strait_plane::cloud::CloudError;
use strait_vpc::api::*;
use strait_vpc::state::{Holder, Vpc};
use strait_vpc::{InstanceId, Network, SecurityGroupId, VpcId};

use super::Local;
use super::group::Allow;
use super::key::{Key, made_for, tagged};
use super::vpc::{halves, main_table, running_for, zones};

/// The range of every Region's Service VPC. PrivateLink makes overlap with customers' ranges harmless.
const SERVICE_RANGE: &str = "100.64.0.0/16";

/// A service's place in the Service VPC.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The Service VPC.
    pub(super) vpc: Vpc,
    /// Its own group.
    pub(super) group: SecurityGroupId,
    /// The group of the load balancers' nodes that lead to it.
    pub(super) nodes: SecurityGroupId,
    /// The instance where PostgreSQL runs.
    pub(super) instance: InstanceId,
    /// Its address.
    pub(super) address: Ipv4Addr,
}

impl Local {
    /// The service's place, made if it is not there. Nothing but its own load balancers' nodes gets in,
    /// nothing gets out. The nodes let in whoever their way leads to them.
    pub(super) async fn place(&self, service: &str, region: &str) -> Result<Place, CloudError> {
        let key = Key::service(service);
        let vpc = self.service_vpc(region).await?;
        let group = self
            .group_in(&vpc.id, region, &format!("strait-service-{service}"), &key)
            .await?;
        let nodes = self
            .group_in(&vpc.id, region, &format!("strait-nodes-{service}"), &key)
            .await?;
        self.allow_group(region, &group, &nodes, Allow::From)
            .await?;
        self.allow_group(region, &nodes, &group, Allow::To).await?;
        self.allow_anybody(region, &nodes).await?;
        self.instance_in(
            &vpc.id,
            region,
            &format!("postgres-{service}"),
            &key,
            &group,
        )
        .await?;
        let network = self.network().await;
        let Some((instance, address)) = running_for(&network, &key)
            .and_then(|instance| Some((instance.id.clone(), address_of(&network, &instance.id)?)))
        else {
            return Err(CloudError::Temporary(format!(
                "the host of service {service} was made and is gone again"
            )));
        };
        Ok(Place {
            vpc,
            group,
            nodes,
            instance,
            address,
        })
    }

    /// The instance of a service that has one.
    pub(super) async fn service_host(&self, service: &str) -> Option<InstanceId> {
        running_for(&*self.network().await, &Key::service(service))
            .map(|instance| instance.id.clone())
    }

    /// Takes the service's place away. Its ways must be gone.
    pub(super) async fn remove_place(&self, service: &str, region: &str) -> Result<(), CloudError> {
        if let Some(instance) = self.service_host(service).await {
            let instance_ids = vec![instance.to_string()];
            let request = TerminateInstancesRequest {
                instance_ids,
                ..Default::default()
            };
            self.ask_gone::<TerminateInstancesResponse>(region, request)
                .await?;
        }
        self.remove_groups(region, &Key::service(service)).await
    }

    async fn service_vpc(&self, region: &str) -> Result<Vpc, CloudError> {
        // The first services of a Region may be made at once, and each would make it.
        let _turn = self.inner.shared.lock().await;
        let key = Key::services(region);
        let range = |text: &str| {
            text.parse::<Ipv4Net>()
                .map_err(|error| CloudError::Temporary(error.to_string()))
        };
        let vpc = self
            .vpc_for(region, "strait-services", &key, range(SERVICE_RANGE)?)
            .await?;
        // Services run in the first; load balancers have nodes in both.
        for (cidr, zone) in halves(range(SERVICE_RANGE)?).iter().zip(zones(region)?) {
            self.subnet_in(&vpc.id, region, *cidr, &zone, &key).await?;
        }
        self.gateway_of(&vpc.id, region, &key).await?;
        Ok(vpc)
    }

    /// The VPC's internet gateway and the route to it, which internet-facing load balancers need.
    async fn gateway_of(&self, vpc: &VpcId, region: &str, key: &Key) -> Result<(), CloudError> {
        let made = |network: &Network| {
            let gateways = network.internet_gateways.values();
            gateways
                .filter(|gateway| made_for(network, &gateway.owner, &gateway.tags, key))
                .map(|gateway| (gateway.id.clone(), gateway.vpc.is_some()))
                .next()
        };
        if made(&*self.network().await).is_none() {
            let tag_specifications = tagged("internet-gateway", "strait-services", key);
            let request = CreateInternetGatewayRequest {
                tag_specifications,
                ..Default::default()
            };
            self.ask::<CreateInternetGatewayResponse>(region, request)
                .await?;
        }
        let network = self.network().await;
        let Some((gateway, attached)) = made(&network) else {
            return Ok(());
        };
        if !attached {
            let request = AttachInternetGatewayRequest {
                internet_gateway_id: gateway.to_string(),
                vpc_id: vpc.to_string(),
                ..Default::default()
            };
            self.ask::<AttachInternetGatewayResponse>(region, request)
                .await?;
        }
        // By it the nodes answer; a host without a public address is neither reached nor gets out.
        let table = main_table(&network, vpc)?;
        if table.routes.contains_key(&Ipv4Net::default()) {
            return Ok(());
        }
        let request = CreateRouteRequest {
            route_table_id: table.id.to_string(),
            destination_cidr_block: Some(Ipv4Net::default().to_string()),
            gateway_id: Some(gateway.to_string()),
            ..Default::default()
        };
        self.ask::<CreateRouteResponse>(region, request)
            .await
            .map(drop)
    }
}

/// The primary address of an instance.
fn address_of(network: &Network, instance: &InstanceId) -> Option<Ipv4Addr> {
    let mut interfaces = network.interfaces.values();
    let first = interfaces.find(|interface| {
        matches!(&interface.holder, Holder::Instance { id, device_index: 0, .. } if id == instance)
    });
    first.map(|interface| interface.address)
}

/// The addresses of these interfaces.
pub(super) fn addresses<'a>(
    network: &Network,
    interfaces: impl IntoIterator<Item = &'a strait_vpc::InterfaceId>,
) -> BTreeSet<Ipv4Addr> {
    interfaces
        .into_iter()
        .filter_map(|id| network.interfaces.get(id))
        .map(|interface| interface.address)
        .collect()
}
