//! The endpoint service of a private way, and the endpoint in the Peering VPC that leads to it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::slice;

use aws_sdk_ec2::types::{
    NetworkInterface, ResourceType, ServiceConfiguration, ServiceState, State, Subnet,
    UnsuccessfulItem, Vpc, VpcEndpoint, VpcEndpointType,
};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetHealthStateEnum};
use jiff::Timestamp;
use strait_plane::cloud::{Allowed, Sources, VpcSpec, WayObserved};
use strait_plane::model::POSTGRES_PORT;

use super::Way;
use super::balancer::arn;
use crate::error::{Error, gone};
use crate::look::Kind;
use crate::seen::Resource;
use crate::tag::{Key, NAME};

impl Way<'_> {
    /// The endpoint service, for the provider's own account only and with acceptance, made if it is not there.
    pub(super) async fn endpoint_service(
        &self,
        balancer: &LoadBalancer,
    ) -> Result<ServiceConfiguration, Error> {
        if let Some(service) = self.find_endpoint_service().await? {
            if service.service_state() == Some(&ServiceState::Failed) {
                return Err(Error::Refused {
                    code: "endpoint_service_failed".to_owned(),
                    message: format!(
                        "AWS could not make the endpoint service {}. Delete it; Strait makes a new one.",
                        service.id()
                    ),
                });
            }
            return Ok(service);
        }
        let tags =
            self.region
                .tags
                .for_ec2(ResourceType::VpcEndpointService, &self.name, &self.key);
        let call = self
            .region
            .ec2()
            .create_vpc_endpoint_service_configuration()
            .acceptance_required(true)
            .network_load_balancer_arns(arn(balancer))
            .client_token(token())
            .tag_specifications(tags);
        let made = async {
            let made = self
                .region
                .change(&[Kind::EndpointServices], call.send())
                .await?;
            made.service_configuration
                .ok_or_else(|| Error::silent("ec2:CreateVpcEndpointServiceConfiguration"))
        };
        let looks = &self.region.looks.endpoint_services;
        looks.make(&self.key, made).await
    }

    /// The endpoint in the Peering VPC, in each zone that both have, made if it is not there, with the group of those who are
    /// allowed.
    pub(super) async fn endpoint(
        &self,
        vpc: &str,
        service: &ServiceConfiguration,
        balancer: &LoadBalancer,
        allowed: &Allowed,
    ) -> Result<VpcEndpoint, Error> {
        if let Some(endpoint) = self.restricted_endpoint(allowed).await? {
            return Ok(endpoint);
        }
        let (spec, home) = self.home(vpc).await?;
        let subnets = self.common_subnets(&spec, &home, balancer).await?;
        let group = self.endpoint_group(home.id(), allowed).await?;
        self.allow_ourselves(service).await?;
        let tags = self
            .region
            .tags
            .for_ec2(ResourceType::VpcEndpoint, &self.name, &self.key);
        let call = self
            .region
            .ec2()
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Interface)
            .vpc_id(home.id())
            .set_service_name(service.service_name().map(str::to_owned))
            .set_subnet_ids(Some(
                subnets
                    .iter()
                    .map(|subnet| subnet.id().to_owned())
                    .collect(),
            ))
            .security_group_ids(group)
            // The service has no private name, and AWS's default is not the same everywhere that it is told.
            .private_dns_enabled(false)
            .client_token(token())
            .tag_specifications(tags);
        let made = async {
            let kinds = [Kind::Endpoints, Kind::Interfaces];
            let made = self.region.change(&kinds, call.send()).await?;
            made.vpc_endpoint
                .ok_or_else(|| Error::silent("ec2:CreateVpcEndpoint"))
        };
        self.region.looks.endpoints.make(&self.key, made).await
    }

    /// The endpoint, if it is there, with the group of those who are allowed; without any other that was made for the way.
    pub(super) async fn restricted_endpoint(
        &self,
        allowed: &Allowed,
    ) -> Result<Option<VpcEndpoint>, Error> {
        let all = self.find_endpoints().await?;
        let Some((endpoint, surplus)) = all.split_first() else {
            return Ok(None);
        };
        self.restrict(endpoint, allowed).await?;
        // An answer was lost, or two servers acted at a time.
        for surplus in surplus {
            tracing::info!(
                endpoint = surplus.id(),
                key = %self.key,
                "taking away a second endpoint for the same way"
            );
        }
        let Err(error) = self.delete_endpoints(surplus).await else {
            return Ok(Some(endpoint.clone()));
        };
        tracing::warn!(key = %self.key, %error, "a second endpoint for the same way cannot be taken away yet");
        if let Allowed::Only(_) = allowed {
            // As long as they stay, nobody may come by them whom the list leaves out.
            for open in surplus.iter().filter(|one| lets_in(one)) {
                self.restrict(open, allowed).await?;
            }
        }
        Ok(Some(endpoint.clone()))
    }

    async fn restrict(&self, endpoint: &VpcEndpoint, allowed: &Allowed) -> Result<(), Error> {
        let home = endpoint.vpc_id().unwrap_or_default();
        let group = self.endpoint_group(home, allowed).await?;
        let Some(regrouping) = self.regrouping(endpoint, &group).await? else {
            return Ok(());
        };
        match progress(endpoint) {
            Progress::Available | Progress::Under => self.regroup(endpoint, regrouping).await,
            // Nobody gets through before it is accepted, and until then AWS may refuse to change it.
            Progress::Waiting => {
                self.delete_endpoints(slice::from_ref(endpoint)).await?;
                Err(Error::NotYet(format!(
                    "the endpoint {} was made for another allow list and is not accepted yet; another one is made in its place",
                    endpoint.id()
                )))
            }
            Progress::Ended | Progress::Leaving => Ok(()),
        }
    }

    /// Accepts the endpoint's connection: it is the way's own, found by its tag.
    pub(super) async fn accepted(
        &self,
        service: &ServiceConfiguration,
        endpoint: &VpcEndpoint,
    ) -> Result<(), Error> {
        if progress(endpoint) != Progress::Waiting {
            return Ok(());
        }
        let call = self
            .region
            .ec2()
            .accept_vpc_endpoint_connections()
            .service_id(service.id())
            .vpc_endpoint_ids(endpoint.id());
        let answer = self.region.change(&[Kind::Endpoints], call.send()).await?;
        match answer.unsuccessful().first().and_then(|item| item.error()) {
            None => Ok(()),
            // It was accepted already, or has just been made: the next look tells.
            Some(error) => Err(Error::NotYet(format!(
                "the endpoint {} is not accepted yet: {}",
                endpoint.id(),
                error.message().unwrap_or("AWS gave no reason")
            ))),
        }
    }

    /// What the plane is told of the way.
    pub(super) async fn observed(
        &self,
        endpoint: &VpcEndpoint,
        balancer: &LoadBalancer,
    ) -> Result<WayObserved, Error> {
        let ready = self.is_available(endpoint)?;
        let interfaces = self.region.interfaces().await?;
        let of_endpoint = |found: &NetworkInterface| {
            (endpoint.network_interface_ids().iter()).any(|id| id == found.id())
        };
        let of_nodes =
            |found: &NetworkInterface| found.description() == Some(&description(balancer));
        let entrances = addresses(interfaces.iter().filter(|found| of_endpoint(found)));
        let Some(address) = entrances.first().copied() else {
            return Err(self.not_listed("endpoint's interfaces"));
        };
        // Without them nobody would know whose sessions end with the way.
        let sources = addresses(interfaces.iter().filter(|found| of_nodes(found)));
        if sources.is_empty() {
            return Err(self.not_listed("load balancer's interfaces"));
        }
        let names = endpoint.dns_entries().iter();
        Ok(WayObserved {
            ready,
            address,
            port: POSTGRES_PORT,
            provisioned_id: endpoint.id().to_owned(),
            // The first is the regional name, which answers the addresses of all zones that work.
            host: names
                .filter_map(|entry| entry.dns_name())
                .next()
                .map(str::to_owned),
            sources: Sources::These(sources),
            loopback_port: None,
        })
    }

    /// Proves that the nodes reach the service and the endpoint leads to the nodes.
    pub(super) async fn prove_private(&self) -> Result<(), Error> {
        let (Some(endpoint), Some(group)) =
            (self.find_endpoint().await?, self.find_target_group().await?)
        else {
            return Err(self.not_listed("way"));
        };
        if !self.is_available(&endpoint)? {
            return Err(Error::NotYet(format!(
                "the endpoint {} is not available yet",
                endpoint.id()
            )));
        }
        let arn = group.target_group_arn().unwrap_or_default();
        self.region.looks.forget(&[Kind::Targets(arn)]);
        let targets = self
            .region
            .targets(group.target_group_arn().unwrap_or_default())
            .await?;
        let mut why = "it has no target yet".to_owned();
        for target in targets.iter() {
            let Some(health) = target.target_health() else {
                continue;
            };
            if health.state() == Some(&TargetHealthStateEnum::Healthy) {
                return Ok(());
            }
            let state = health.state().map_or("unknown", |state| state.as_str());
            why = format!(
                "{} is {state}: {}",
                target
                    .target()
                    .and_then(|target| target.id())
                    .unwrap_or_default(),
                health.description().unwrap_or("AWS gave no reason")
            );
        }
        self.region.hurry();
        Err(Error::NotYet(format!(
            "the load balancer {name} does not reach {host}:{port} ({why}). Let the ranges of the subnets that you registered in on TCP {port}, in the security group and network ACLs of the service",
            name = self.name,
            host = self.service.host,
            port = self.service.port,
        )))
    }

    /// Takes all of it away, from the customer's side to the service's.
    pub(super) async fn remove_private(&self) -> Result<(), Error> {
        let looks = &self.region.looks;
        // What is not seen now is not looked for again.
        looks.endpoints.certain(&self.key)?;
        looks.endpoint_services.certain(&self.key)?;
        looks.forget(&[
            Kind::Endpoints,
            Kind::EndpointServices,
            Kind::Balancers,
            Kind::TargetGroups,
            Kind::Groups,
        ]);
        self.delete_endpoints(&self.find_endpoints().await?).await?;
        if let Some(service) = self.find_endpoint_service().await? {
            self.remove_endpoint_service(service.id()).await?;
        }
        self.remove_balancer().await?;
        self.remove_allow_group().await?;
        self.remove_nodes_group().await
    }

    /// Takes these endpoints away, all at once.
    async fn delete_endpoints(&self, endpoints: &[VpcEndpoint]) -> Result<(), Error> {
        if endpoints.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = endpoints.iter().map(|one| one.id().to_owned()).collect();
        let what = format!("endpoint {}", ids.join(", "));
        let call = self.region.ec2().delete_vpc_endpoints();
        let call = call.set_vpc_endpoint_ids(Some(ids));
        let kinds = [Kind::Endpoints, Kind::Interfaces];
        let answer = self.region.change(&kinds, call.send()).await;
        if let Ok(answer) = &answer {
            self.is_deleted(&what, answer.unsuccessful())?;
        }
        gone(answer)
    }

    async fn remove_endpoint_service(&self, id: &str) -> Result<(), Error> {
        let call = self
            .region
            .ec2()
            .delete_vpc_endpoint_service_configurations()
            .service_ids(id);
        let answer = self
            .region
            .change(&[Kind::EndpointServices], call.send())
            .await?;
        self.is_deleted(&format!("endpoint service {id}"), answer.unsuccessful())
    }

    /// AWS answers with success, and lists here what it did not delete.
    fn is_deleted(&self, what: &str, unsuccessful: &[UnsuccessfulItem]) -> Result<(), Error> {
        let is_gone = |code: &str| code.ends_with("NotFound");
        let mut errors = unsuccessful.iter().filter_map(UnsuccessfulItem::error);
        let Some(error) = errors.find(|error| !error.code().is_some_and(is_gone)) else {
            return Ok(());
        };
        // An endpoint takes a while to go, and its service waits for it.
        self.region.hurry();
        Err(Error::NotYet(format!(
            "the {what} is not deleted yet: {}",
            error.message().unwrap_or("AWS gave no reason")
        )))
    }

    /// The Peering VPC, and how it was asked for.
    async fn home(&self, id: &str) -> Result<(VpcSpec, Vpc), Error> {
        let vpcs = self.region.vpcs().await?;
        let found = vpcs.made_for(&Key::vpc_of(id)).next().and_then(|vpc| {
            let spec = VpcSpec {
                id: id.to_owned(),
                name: vpc.tag(NAME).unwrap_or(id).to_owned(),
                region: self.region.name.clone(),
                cidr: vpc.cidr_block()?.parse().ok()?,
            };
            Some((spec, vpc.clone()))
        });
        found.ok_or_else(|| Error::NotYet(format!("the Peering VPC {id} is not there yet")))
    }

    /// Subnets of the Peering VPC in the zones where the load balancer has nodes. The Peering VPC gets one if it has none
    /// in any of them.
    async fn common_subnets(
        &self,
        spec: &VpcSpec,
        home: &Vpc,
        balancer: &LoadBalancer,
    ) -> Result<Vec<Subnet>, Error> {
        let zones = self.region.zones().await?;
        let nodes: BTreeSet<&str> = (balancer.availability_zones().iter())
            .filter_map(|node| {
                zones
                    .iter()
                    .find(|zone| zone.zone_name() == node.zone_name())
            })
            .map(Resource::id)
            .collect();
        let subnets = self.region.subnets_of(home).await?;
        let common: Vec<Subnet> = (subnets.iter())
            .filter(|subnet| {
                subnet
                    .availability_zone_id()
                    .is_some_and(|zone| nodes.contains(zone))
            })
            .cloned()
            .collect();
        if !common.is_empty() {
            return Ok(common);
        }
        for zone in &nodes {
            if let Ok(subnet) = self.region.subnet_in_zone(spec, home, zone).await {
                return Ok(vec![subnet]);
            }
        }
        let of_vpc = subnets
            .iter()
            .filter_map(|subnet| subnet.availability_zone_id());
        Err(Error::Refused {
            code: "no_common_zone".to_owned(),
            message: format!(
                "The service has subnets in the zones {}, the Peering VPC {} in {}, and its range has no room for another. Register the service with a subnet in one of these, or use a Peering VPC with a larger range.",
                nodes.iter().copied().collect::<Vec<_>>().join(", "),
                home.id(),
                of_vpc.collect::<Vec<_>>().join(", "),
            ),
        })
    }

    /// Lets the provider's own account connect to the endpoint service, and nobody else. Saying it again changes nothing.
    async fn allow_ourselves(&self, service: &ServiceConfiguration) -> Result<(), Error> {
        // The partition is that of the load balancer: aws, aws-cn, aws-us-gov.
        let balancer = service.network_load_balancer_arns().first();
        let partition = balancer
            .and_then(|arn| arn.split(':').nth(1))
            .unwrap_or("aws");
        let call = self
            .region
            .ec2()
            .modify_vpc_endpoint_service_permissions()
            .service_id(service.id())
            .add_allowed_principals(format!("arn:{partition}:iam::{}:root", self.account));
        self.region.change(&[], call.send()).await?;
        Ok(())
    }

    fn is_available(&self, endpoint: &VpcEndpoint) -> Result<bool, Error> {
        match progress(endpoint) {
            Progress::Available => Ok(true),
            Progress::Ended => Err(Error::Refused {
                code: "endpoint_failed".to_owned(),
                message: format!(
                    "The endpoint {} is {}{}. Delete it; Strait makes a new one.",
                    endpoint.id(),
                    endpoint.state().map_or("in no state", State::as_str),
                    endpoint
                        .failure_reason()
                        .map(|why| format!(" ({why})"))
                        .unwrap_or_default()
                ),
            }),
            Progress::Waiting | Progress::Under | Progress::Leaving => {
                self.region.hurry();
                Ok(false)
            }
        }
    }

    /// The endpoint service; one that is going or gone is none.
    async fn find_endpoint_service(&self) -> Result<Option<ServiceConfiguration>, Error> {
        let all = self.region.endpoint_services().await?;
        Ok(self.own(&all.only(|found| !is_going(found))))
    }

    /// The endpoint; one that is going or gone is none.
    async fn find_endpoint(&self) -> Result<Option<VpcEndpoint>, Error> {
        Ok(self.find_endpoints().await?.into_iter().next())
    }

    /// All that were made for the way: the endpoint first, which got furthest, among equals the one that the plane knows, and
    /// any surplus after it.
    async fn find_endpoints(&self) -> Result<Vec<VpcEndpoint>, Error> {
        let all = self.region.endpoints().await?;
        let own = all.made_for(&self.key).cloned();
        let mut own: Vec<VpcEndpoint> = own
            .filter(|found| progress(found) != Progress::Leaving)
            .collect();
        let is_known = |found: &VpcEndpoint| self.known == Some(found.id());
        own.sort_by_key(|found| (progress(found), !is_known(found)));
        Ok(own)
    }
}

/// A client token that nothing had before: what was deleted is not to be found again by it. What was made and not heard of
/// is found by its tags.
fn token() -> String {
    format!("strait-{}", Timestamp::now().as_nanosecond())
}

/// How far an endpoint got; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Available,
    /// Accepted, and being made.
    Under,
    /// For acceptance.
    Waiting,
    /// It will not become available.
    Ended,
    /// Going, or gone.
    Leaving,
}

/// AWS's own word is `available`, and the SDK's is `Available`: the documentation has both
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html>).
fn progress(endpoint: &VpcEndpoint) -> Progress {
    let word = endpoint.state().map_or("", State::as_str);
    match word.to_ascii_lowercase().as_str() {
        "pendingacceptance" => Progress::Waiting,
        "available" => Progress::Available,
        "failed" | "rejected" | "expired" => Progress::Ended,
        "deleting" | "deleted" => Progress::Leaving,
        _ => Progress::Under,
    }
}

/// Whether somebody may come by it, now or once it is made.
fn lets_in(endpoint: &VpcEndpoint) -> bool {
    match progress(endpoint) {
        Progress::Available | Progress::Under => true,
        Progress::Waiting | Progress::Ended | Progress::Leaving => false,
    }
}

fn is_going(service: &ServiceConfiguration) -> bool {
    matches!(
        service.service_state(),
        Some(ServiceState::Deleting | ServiceState::Deleted)
    )
}

/// How AWS describes the interfaces of a load balancer's nodes
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html>).
fn description(balancer: &LoadBalancer) -> String {
    let path = arn(balancer)
        .split_once("loadbalancer/")
        .map_or("", |(_, path)| path);
    format!("ELB {path}")
}

fn addresses<'a>(interfaces: impl Iterator<Item = &'a NetworkInterface>) -> BTreeSet<Ipv4Addr> {
    interfaces
        .filter_map(|found| found.private_ip_address()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests;
