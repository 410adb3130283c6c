//! Peering VPCs: a VPC with two subnets, a group for endpoints, and a prober that proves ways from inside.

use ipnet::Ipv4Net;
use strait_plane::cloud::{CloudError, VpcObserved, VpcSpec};
use strait_vpc::api::*;
use strait_vpc::state::{Instance, InstanceState, RouteTable, RouteTableUse, Subnet, Vpc};
use strait_vpc::{Network, SecurityGroupId, VpcId};

use super::Local;
use super::group::{Allow, ENDPOINTS};
use super::key::{Key, made_for, tagged};

/// The name of the group of its prober.
pub(super) const PROBER: &str = "strait-prober";
/// PostgreSQL's port, on every way.
pub(super) const PORT: u16 = 5432;
/// The image of instances that Strait makes for itself.
pub(super) const IMAGE: &str = "ami-00000000000057a17";

impl Local {
    pub(super) async fn make_vpc(&self, spec: &VpcSpec) -> Result<VpcObserved, CloudError> {
        let key = Key::vpc(&spec.id);
        let vpc = self
            .vpc_for(&spec.region, &spec.name, &key, spec.cidr)
            .await?;
        let zones = zones(&spec.region)?;
        for (cidr, zone) in halves(spec.cidr).iter().zip(zones) {
            self.subnet_in(&vpc.id, &spec.region, *cidr, &zone, &key)
                .await?;
        }
        let endpoints = self
            .group_in(&vpc.id, &spec.region, ENDPOINTS, &key)
            .await?;
        let prober = self.group_in(&vpc.id, &spec.region, PROBER, &key).await?;
        self.allow_group(&spec.region, &endpoints, &prober, Allow::From)
            .await?;
        self.allow_group(&spec.region, &prober, &endpoints, Allow::To)
            .await?;
        self.instance_in(&vpc.id, &spec.region, "strait-prober", &key, &prober)
            .await?;
        Ok(VpcObserved {
            provisioned_id: vpc.id.to_string(),
        })
    }

    pub(super) async fn unmake_vpc(&self, spec: &VpcSpec) -> Result<(), CloudError> {
        let key = Key::vpc(&spec.id);
        let Some(vpc) = self.find_vpc(&key).await else {
            return Ok(());
        };
        let region = spec.region.as_str();
        let network = self.network().await;
        if let Some(instance) = running_for(&network, &key) {
            let instance_ids = vec![instance.id.to_string()];
            self.ask_gone::<TerminateInstancesResponse>(
                region,
                TerminateInstancesRequest {
                    instance_ids,
                    ..Default::default()
                },
            )
            .await?;
        }
        self.remove_groups(region, &key).await?;
        for subnet in network
            .subnets
            .values()
            .filter(|subnet| subnet.vpc == vpc.id)
        {
            let subnet_id = subnet.id.to_string();
            self.ask_gone::<DeleteSubnetResponse>(
                region,
                DeleteSubnetRequest {
                    subnet_id,
                    ..Default::default()
                },
            )
            .await?;
        }
        let vpc_id = vpc.id.to_string();
        self.ask_gone::<DeleteVpcResponse>(
            region,
            DeleteVpcRequest {
                vpc_id,
                ..Default::default()
            },
        )
        .await
    }

    /// The Peering VPC made for this key.
    pub(super) async fn find_vpc(&self, key: &Key) -> Option<Vpc> {
        let network = self.network().await;
        network
            .vpcs
            .values()
            .find(|vpc| made_for(&network, &vpc.owner, &vpc.tags, key))
            .cloned()
    }

    /// The VPC for this key, made if it is not there, with DNS hostnames on.
    pub(super) async fn vpc_for(
        &self,
        region: &str,
        name: &str,
        key: &Key,
        cidr: Ipv4Net,
    ) -> Result<Vpc, CloudError> {
        if let Some(vpc) = self.find_vpc(key).await {
            return Ok(vpc);
        }
        let tag_specifications = tagged("vpc", name, key);
        let request = CreateVpcRequest {
            cidr_block: Some(cidr.to_string()),
            tag_specifications,
            ..Default::default()
        };
        self.ask::<CreateVpcResponse>(region, request).await?;
        let made = self.find_vpc(key).await;
        made.ok_or_else(|| {
            CloudError::Temporary(format!("the VPC {name} was made and is gone again"))
        })
    }

    /// The subnet of the VPC with this block, made if it is not there.
    pub(super) async fn subnet_in(
        &self,
        vpc: &VpcId,
        region: &str,
        cidr: Ipv4Net,
        zone: &str,
        key: &Key,
    ) -> Result<(), CloudError> {
        let network = self.network().await;
        if network
            .subnets
            .values()
            .any(|subnet| subnet.vpc == *vpc && subnet.cidr == Some(cidr))
        {
            return Ok(());
        }
        let request = CreateSubnetRequest {
            vpc_id: vpc.to_string(),
            cidr_block: Some(cidr.to_string()),
            availability_zone: Some(zone.to_owned()),
            tag_specifications: tagged("subnet", zone, key),
            ..Default::default()
        };
        self.ask::<CreateSubnetResponse>(region, request)
            .await
            .map(drop)
    }

    /// An instance of Strait's own in the VPC's first subnet, made if it is not there.
    pub(super) async fn instance_in(
        &self,
        vpc: &VpcId,
        region: &str,
        name: &str,
        key: &Key,
        group: &SecurityGroupId,
    ) -> Result<(), CloudError> {
        let network = self.network().await;
        if running_for(&network, key).is_some() {
            return Ok(());
        }
        let request = RunInstancesRequest {
            image_id: Some(IMAGE.to_owned()),
            min_count: 1,
            max_count: 1,
            subnet_id: Some(first_subnet(&network, vpc)?.id.to_string()),
            security_group_ids: vec![group.to_string()],
            tag_specifications: tagged("instance", name, key),
            ..Default::default()
        };
        self.ask::<RunInstancesResponse>(region, request)
            .await
            .map(drop)
    }
}

/// The running instance made for this key.
pub(super) fn running_for<'a>(network: &'a Network, key: &Key) -> Option<&'a Instance> {
    let mut instances = network.instances.values();
    instances.find(|instance| {
        instance.state == InstanceState::Running
            && made_for(network, &instance.owner, &instance.tags, key)
    })
}

/// The subnets of a VPC that Strait made, one a zone, by block.
pub(super) fn subnets_of<'a>(network: &'a Network, vpc: &VpcId) -> Vec<&'a Subnet> {
    let subnets = network.subnets.values().filter(|subnet| subnet.vpc == *vpc);
    let mut subnets: Vec<&Subnet> = subnets.collect();
    subnets.sort_by_key(|subnet| subnet.cidr);
    subnets
}

/// The subnet of a VPC with the lowest block.
pub(super) fn first_subnet<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a Subnet, CloudError> {
    let first = subnets_of(network, vpc).into_iter().next();
    first.ok_or_else(|| CloudError::Temporary(format!("the VPC {vpc} has no subnet yet")))
}

/// The main route table of a VPC.
pub(super) fn main_table<'a>(
    network: &'a Network,
    vpc: &VpcId,
) -> Result<&'a RouteTable, CloudError> {
    let mut tables = network
        .route_tables
        .values()
        .filter(|table| table.vpc == *vpc);
    let main = tables.find(|table| {
        table
            .associations
            .values()
            .any(|place| *place == RouteTableUse::Main)
    });
    main.ok_or_else(|| CloudError::Temporary(format!("the VPC {vpc} has no main route table")))
}

/// The names of a Region's first two zones.
pub(super) fn zones(region: &str) -> Result<Vec<String>, CloudError> {
    let Some(info) = strait_vpc::state::region(region) else {
        return Err(CloudError::Refused {
            code: "InvalidRegion".to_owned(),
            message: format!("There is no Region {region}. `strait regions` lists them."),
        });
    };
    Ok(info
        .zones
        .chars()
        .take(2)
        .map(|letter| format!("{region}{letter}"))
        .collect())
}

/// A range's two halves, one a zone; a /28 cannot be halved (a subnet is a /28 at least) and stays whole.
pub(super) fn halves(cidr: Ipv4Net) -> Vec<Ipv4Net> {
    let half = cidr.prefix_len() + 1;
    if half > 28 {
        return vec![cidr];
    }
    cidr.subnets(half)
        .map_or_else(|_| vec![cidr], Iterator::collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_subnet_in_two_zones_where_it_can() {
        let halved = |text: &str| {
            halves(text.parse().expect("a range"))
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(halved("10.1.0.0/16"), ["10.1.0.0/17", "10.1.128.0/17"]);
        assert_eq!(halved("10.1.0.0/27"), ["10.1.0.0/28", "10.1.0.16/28"]);
        assert_eq!(halved("10.1.0.0/28"), ["10.1.0.0/28"]);
    }
}
