//! Peering VPCs: a VPC with subnets in two zones or more, and a security group for the endpoints in it.

use std::cmp::Reverse;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, AvailabilityZone, AvailabilityZoneState, ResourceType, SecurityGroup,
    Subnet, Vpc, VpcState,
};
use ipnet::Ipv4Net;
use strait_plane::cloud::{CloudError, VpcObserved, VpcSpec};

use crate::Aws;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::region::Region;
use crate::seen::Resource;
use crate::tag::Key;

/// The name of the group on the endpoints of a Peering VPC.
const ENDPOINTS: &str = "strait-endpoints";
/// Zones that a Peering VPC has a subnet in from the start, where its range has room for as many.
const ZONES: usize = 2;
/// The smallest subnet (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>).
const SMALLEST_SUBNET: u8 = 28;

impl Aws {
    /// Makes the Peering VPC, with subnets in two zones and a security group for endpoints, or finds it. A /28 has room
    /// for one subnet, so that it is in one zone only.
    ///
    /// # Errors
    /// AWS refuses it (a quota, a missing right), or it is not there yet.
    pub async fn ensure_vpc(&self, spec: &VpcSpec) -> Result<VpcObserved, CloudError> {
        let region = self.region(&spec.region)?;
        let vpc = region.vpc_made(spec).await?;
        let missing = region.missing_zones(spec, &vpc).await?;
        // Subnets come last: where they are, all the rest is.
        if !missing.is_empty() {
            region.enable_dns_hostnames(&vpc).await?;
        }
        region.endpoints_group_made(spec, &vpc).await?;
        for zone in missing {
            region.subnet_in_zone(spec, &vpc, &zone).await?;
        }
        Ok(VpcObserved {
            provisioned_id: vpc.id().to_owned(),
        })
    }

    /// Takes the Peering VPC away with all that was made for it. One that is gone is a success.
    ///
    /// # Errors
    /// Something is still in it, or AWS does not answer: both are temporary.
    pub async fn delete_vpc(&self, spec: &VpcSpec) -> Result<(), CloudError> {
        let (region, key) = (self.region(&spec.region)?, Key::vpc(spec));
        region.looks.vpcs.certain(&key)?;
        region
            .looks
            .forget(&[Kind::Vpcs, Kind::Subnets, Kind::Groups]);
        for vpc in region.vpcs().await?.made_for(&key) {
            region.remove_vpc(vpc.id()).await?;
        }
        Ok(())
    }
}

impl Region {
    /// The Peering VPC, if it is there.
    pub(crate) async fn peering_vpc(&self, spec: &VpcSpec) -> Result<Option<Vpc>, Error> {
        let vpcs = self.vpcs().await?;
        let mut all: Vec<&Vpc> = vpcs.made_for(&Key::vpc(spec)).collect();
        if all.len() > 1 {
            // An answer was lost, or two servers acted at a time. The one that has been built in stays.
            let subnets = self.subnets().await?;
            let built = |vpc: &Vpc| {
                subnets
                    .iter()
                    .filter(|subnet| subnet.vpc_id() == vpc.vpc_id())
                    .count()
            };
            all.sort_by_key(|vpc| Reverse(built(vpc)));
        }
        let mut all = all.into_iter();
        let kept = all.next().cloned();
        for surplus in all {
            let id = surplus.id();
            match self.remove_vpc(id).await {
                Ok(()) => tracing::info!(
                    vpc = id,
                    "took away a second VPC that was made for the same Peering VPC"
                ),
                Err(error) => {
                    tracing::warn!(vpc = id, %error, "a second VPC for the same Peering VPC cannot be taken away yet");
                }
            }
        }
        Ok(kept)
    }

    /// The security group on the endpoints of a Peering VPC, if it is there.
    pub(crate) async fn endpoints_group(
        &self,
        vpc_id: &str,
    ) -> Result<Option<SecurityGroup>, Error> {
        let groups = self.groups().await?;
        let is_it = |group: &&SecurityGroup| {
            group.vpc_id() == Some(vpc_id) && group.group_name() == Some(ENDPOINTS)
        };
        Ok(groups.iter().find(is_it).cloned())
    }

    /// The subnet of a Peering VPC in this zone, by zone id (names of zones differ from account to account:
    /// <https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html>). Made if it is not there.
    pub(crate) async fn subnet_in_zone(
        &self,
        spec: &VpcSpec,
        vpc: &Vpc,
        zone_id: &str,
    ) -> Result<Subnet, Error> {
        let subnets = self.subnets_of(vpc).await?;
        if let Some(there) = subnets
            .iter()
            .find(|subnet| subnet.availability_zone_id() == Some(zone_id))
        {
            return Ok(there.clone());
        }
        let taken: Vec<Ipv4Net> = subnets.iter().filter_map(block).collect();
        let slot = free_slot(spec.cidr, self.slot_prefix(spec).await?, &taken);
        let Some(slot) = slot else {
            return Err(Error::Refused {
                code: "no_room_for_zone".to_owned(),
                message: format!(
                    "The range {} of the Peering VPC {} has no room for a subnet in the zone {zone_id}. Use a Peering VPC with a larger range.",
                    spec.cidr, spec.name
                ),
            });
        };
        self.create_subnet(spec, vpc, zone_id, slot).await
    }

    /// The Peering VPC, made if it is not there.
    async fn vpc_made(&self, spec: &VpcSpec) -> Result<Vpc, Error> {
        let found = match self.peering_vpc(spec).await? {
            Some(vpc) => vpc,
            None => self.create_vpc(spec).await?,
        };
        if found.state() == Some(&VpcState::Available) {
            return Ok(found);
        }
        self.hurry();
        Err(Error::NotYet(format!(
            "AWS is still making the VPC {}",
            found.id()
        )))
    }

    async fn create_vpc(&self, spec: &VpcSpec) -> Result<Vpc, Error> {
        let key = Key::vpc(spec);
        let call = self
            .ec2_once()
            .create_vpc()
            .cidr_block(spec.cidr.to_string())
            .tag_specifications(self.tags.for_ec2(ResourceType::Vpc, &spec.name, &key));
        let made = async {
            let answer = self
                .change(&[Kind::Vpcs, Kind::MainTables], call.send())
                .await?;
            answer.vpc.ok_or_else(|| Error::silent("ec2:CreateVpc"))
        };
        let made = self.looks.vpcs.make(&key, made).await?;
        Ok(self.peering_vpc(spec).await?.unwrap_or(made))
    }

    /// Endpoints have public names, which resolve to private addresses; peers may ask for DNS over the peering only if
    /// this is on. See <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html>.
    async fn enable_dns_hostnames(&self, vpc: &Vpc) -> Result<(), Error> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let call = self
            .ec2()
            .modify_vpc_attribute()
            .vpc_id(vpc.id())
            .enable_dns_hostnames(on);
        self.change(&[Kind::Vpcs], call.send()).await?;
        Ok(())
    }

    /// The endpoints' group, made if it is not there, and without the rule that lets all out: endpoints only answer.
    async fn endpoints_group_made(&self, spec: &VpcSpec, vpc: &Vpc) -> Result<(), Error> {
        let group = match self.endpoints_group(vpc.id()).await? {
            Some(group) => group,
            None => self.create_endpoints_group(spec, vpc).await?,
        };
        let outbound = group.ip_permissions_egress();
        if outbound.is_empty() {
            return Ok(());
        }
        let call = self
            .ec2()
            .revoke_security_group_egress()
            .group_id(group.id());
        let call = call.set_ip_permissions(Some(outbound.to_vec()));
        gone(self.change(&[Kind::Groups], call.send()).await)
    }

    async fn create_endpoints_group(
        &self,
        spec: &VpcSpec,
        vpc: &Vpc,
    ) -> Result<SecurityGroup, Error> {
        let key = Key::vpc(spec);
        let call = self
            .ec2_once()
            .create_security_group()
            .group_name(ENDPOINTS)
            .description(format!("Made by Strait for {key}"))
            .vpc_id(vpc.id())
            .tag_specifications(
                self.tags
                    .for_ec2(ResourceType::SecurityGroup, ENDPOINTS, &key),
            );
        self.change(&[Kind::Groups], call.send()).await?;
        // The answer has no rules, and so does not tell which are to be taken away.
        let made = self.endpoints_group(vpc.id()).await?;
        made.ok_or_else(|| {
            Error::NotYet(format!(
                "AWS does not list the new security group of {} yet",
                vpc.id()
            ))
        })
    }

    /// Zones that the VPC is still to have a subnet in, so that it has [`ZONES`].
    async fn missing_zones(&self, spec: &VpcSpec, vpc: &Vpc) -> Result<Vec<String>, Error> {
        let subnets = self.subnets_of(vpc).await?;
        let room = 1 << (SMALLEST_SUBNET - spec.cidr.prefix_len()).min(8);
        let missing = ZONES.min(room).saturating_sub(subnets.len());
        if missing == 0 {
            return Ok(Vec::new());
        }
        let zones = self.zones().await?;
        let free = zones.iter().filter(|zone| {
            let has_subnet = subnets
                .iter()
                .any(|subnet| subnet.availability_zone_id() == zone.zone_id());
            zone.state() == Some(&AvailabilityZoneState::Available) && !has_subnet
        });
        Ok(free
            .take(missing)
            .map(|zone: &AvailabilityZone| zone.id().to_owned())
            .collect())
    }

    /// How long the prefixes of subnets are: each zone of the Region has room for one.
    async fn slot_prefix(&self, spec: &VpcSpec) -> Result<u8, Error> {
        let zones = self.zones().await?;
        Ok(slot_prefix(spec.cidr, zones.len()))
    }

    async fn create_subnet(
        &self,
        spec: &VpcSpec,
        vpc: &Vpc,
        zone_id: &str,
        block: Ipv4Net,
    ) -> Result<Subnet, Error> {
        let key = Key::vpc(spec);
        let name = format!("{} {zone_id}", spec.name);
        let call = self
            .ec2_once()
            .create_subnet()
            .vpc_id(vpc.id())
            .availability_zone_id(zone_id)
            .cidr_block(block.to_string())
            .tag_specifications(self.tags.for_ec2(ResourceType::Subnet, &name, &key));
        let made = async {
            let answer = self.change(&[Kind::Subnets], call.send()).await?;
            answer
                .subnet
                .ok_or_else(|| Error::silent("ec2:CreateSubnet"))
        };
        self.looks.subnets.make(&key, made).await
    }

    /// Subnets that Strait made in a VPC.
    pub(crate) async fn subnets_of(&self, vpc: &Vpc) -> Result<Vec<Subnet>, Error> {
        let subnets = self.subnets().await?;
        Ok(subnets
            .iter()
            .filter(|subnet| subnet.vpc_id() == vpc.vpc_id())
            .cloned()
            .collect())
    }

    /// Takes a VPC away with the groups and subnets that Strait made in it. AWS takes the main route table with it.
    async fn remove_vpc(&self, vpc_id: &str) -> Result<(), Error> {
        let in_it = |vpc: Option<&str>| vpc == Some(vpc_id);
        for group in self
            .groups()
            .await?
            .iter()
            .filter(|group| in_it(group.vpc_id()))
        {
            let call = self.ec2().delete_security_group().group_id(group.id());
            gone(self.change(&[Kind::Groups], call.send()).await)?;
        }
        for subnet in self
            .subnets()
            .await?
            .iter()
            .filter(|subnet| in_it(subnet.vpc_id()))
        {
            let call = self.ec2().delete_subnet().subnet_id(subnet.id());
            gone(self.change(&[Kind::Subnets], call.send()).await)?;
        }
        let call = self.ec2().delete_vpc().vpc_id(vpc_id);
        gone(
            self.change(&[Kind::Vpcs, Kind::MainTables], call.send())
                .await,
        )
    }
}

/// The length of subnets' prefixes in a range that is to have room for one in each of so many zones, if it can.
fn slot_prefix(range: Ipv4Net, zones: usize) -> u8 {
    let bits = zones.max(ZONES).next_power_of_two().trailing_zeros();
    let bits = u8::try_from(bits).unwrap_or(u8::MAX);
    range.prefix_len().saturating_add(bits).min(SMALLEST_SUBNET)
}

/// The first block of a range, with this length of prefix, that touches none of those that are taken.
fn free_slot(range: Ipv4Net, prefix: u8, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let touches = |slot: &Ipv4Net, other: &Ipv4Net| slot.contains(other) || other.contains(slot);
    let mut slots = range.subnets(prefix).ok()?;
    slots.find(|slot| !taken.iter().any(|other| touches(slot, other)))
}

fn block(subnet: &Subnet) -> Option<Ipv4Net> {
    subnet.cidr_block()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_zone_of_the_region_has_room_in_the_range() {
        let prefix = |range: &str, zones| slot_prefix(net(range), zones);
        assert_eq!(prefix("10.1.0.0/16", 3), 18);
        assert_eq!(prefix("10.1.0.0/16", 6), 19);
        assert_eq!(prefix("10.1.0.0/16", 1), 17, "two at least");
        assert_eq!(prefix("10.1.0.0/26", 6), 28, "no subnet is smaller");
        assert_eq!(prefix("10.1.0.0/28", 3), 28);
    }

    #[test]
    fn a_subnet_takes_the_first_block_that_touches_no_other() {
        let slot = |taken: &[&str]| {
            let taken: Vec<Ipv4Net> = taken.iter().map(|text| net(text)).collect();
            free_slot(net("10.1.0.0/24"), 26, &taken).map(|slot| slot.to_string())
        };
        assert_eq!(slot(&[]).as_deref(), Some("10.1.0.0/26"));
        assert_eq!(
            slot(&["10.1.0.0/26", "10.1.0.128/26"]).as_deref(),
            Some("10.1.0.64/26")
        );
        assert_eq!(
            slot(&["10.1.0.0/25"]).as_deref(),
            Some("10.1.0.128/26"),
            "an older, larger one"
        );
        assert_eq!(
            slot(&["10.1.0.16/28"]).as_deref(),
            Some("10.1.0.64/26"),
            "a smaller one"
        );
        assert_eq!(slot(&["10.1.0.0/24"]), None);
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a range")
    }
}
