//! Looks at what there is, one call a kind of resource (and page), kept for a minute at most. No verb asks AWS by itself:
//! so a steady state costs at most one Describe a kind, Region and minute, however many verbs ask.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_ec2::types::{
    AvailabilityZone, Filter, NetworkInterface, RouteTable, SecurityGroup, ServiceConfiguration,
    Subnet, Vpc, VpcEndpoint, VpcPeeringConnection,
};
use aws_sdk_elasticloadbalancingv2::types::{
    Listener, LoadBalancer, Tag as ElbTag, TagDescription, TargetGroup, TargetHealthDescription,
};

use aws_sdk_rds::types::DbInstance;

use crate::error::Error;
use crate::region::Region;
use crate::seen::{Resource, Seen, SeenOf, Snapshot, lock};
use crate::tag::PLANE;

/// How long a look is fresh in a steady state.
pub(crate) const STEADY: Duration = Duration::from_secs(60);
/// How long a look is fresh while something is in progress.
pub(crate) const HURRIED: Duration = Duration::from_secs(2);
/// How many looks a second things cost that AWS lists for one owner at a time, while something is in progress.
const OWNERS_A_SECOND: u32 = 5;
/// As many values as a filter of EC2's may have
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>).
const FILTER_VALUES: usize = 200;
/// As many load balancers or target groups as one call tells the tags of
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>).
const TAGS_OF: usize = 20;
/// How often the tags of what has none of ours are asked for.
const ASKED: u8 = 3;

/// The kinds of resources that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Vpcs,
    Subnets,
    MainTables,
    Groups,
    Peerings,
    EndpointServices,
    Endpoints,
    Interfaces,
    Balancers,
    TargetGroups,
    /// Of this load balancer.
    Listeners(&'a str),
    /// Of this target group.
    Targets(&'a str),
    /// A service that is this RDS instance.
    RdsInstance(&'a str),
}

/// The last look at each kind.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    pub(crate) vpcs: Seen<Vpc>,
    pub(crate) subnets: Seen<Subnet>,
    pub(crate) main_tables: Seen<RouteTable>,
    pub(crate) groups: Seen<SecurityGroup>,
    pub(crate) peerings: Seen<VpcPeeringConnection>,
    pub(crate) endpoint_services: Seen<ServiceConfiguration>,
    pub(crate) endpoints: Seen<VpcEndpoint>,
    pub(crate) interfaces: Seen<NetworkInterface>,
    pub(crate) balancers: Seen<Tagged<LoadBalancer>>,
    pub(crate) target_groups: Seen<Tagged<TargetGroup>>,
    pub(crate) listeners: SeenOf<Listener>,
    pub(crate) targets: SeenOf<TargetHealthDescription>,
    rds_instances: SeenOf<DbInstance>,
    /// By ARN.
    tags: Mutex<BTreeMap<String, Known>>,
    zones: Seen<AvailabilityZone>,
}

impl Looks {
    /// Forgets all that others can have changed since.
    pub(crate) fn forget_all(&self) {
        self.forget(&[
            Kind::Vpcs,
            Kind::Subnets,
            Kind::MainTables,
            Kind::Groups,
            Kind::Peerings,
            Kind::EndpointServices,
            Kind::Endpoints,
            Kind::Interfaces,
            Kind::Balancers,
            Kind::TargetGroups,
        ]);
        self.listeners.forget();
        self.targets.forget();
        self.rds_instances.forget();
    }

    /// Forgets what was seen of these kinds.
    pub(crate) fn forget(&self, kinds: &[Kind<'_>]) {
        for kind in kinds {
            match kind {
                Kind::Vpcs => self.vpcs.forget(),
                Kind::Subnets => self.subnets.forget(),
                Kind::MainTables => self.main_tables.forget(),
                Kind::Groups => self.groups.forget(),
                Kind::Peerings => self.peerings.forget(),
                Kind::EndpointServices => self.endpoint_services.forget(),
                Kind::Endpoints => self.endpoints.forget(),
                Kind::Interfaces => self.interfaces.forget(),
                Kind::Balancers => self.balancers.forget(),
                Kind::TargetGroups => self.target_groups.forget(),
                Kind::Listeners(balancer) => self.listeners.of(balancer).forget(),
                Kind::Targets(group) => self.targets.of(group).forget(),
                Kind::RdsInstance(id) => self.rds_instances.of(id).forget(),
            }
        }
    }
}

impl Region {
    /// VPCs that Strait made.
    pub(crate) async fn vpcs(&self) -> Result<Snapshot<Vpc>, Error> {
        let pages = self
            .ec2()
            .describe_vpcs()
            .filters(self.tags.filter())
            .into_paginator();
        let ask = async { Ok(self.ours(pages.items().send().try_collect().await?)) };
        self.looks.vpcs.get(self.freshness(), ask).await
    }

    /// Subnets that Strait made.
    pub(crate) async fn subnets(&self) -> Result<Snapshot<Subnet>, Error> {
        let pages = self
            .ec2()
            .describe_subnets()
            .filters(self.tags.filter())
            .into_paginator();
        let ask = async { Ok(self.ours(pages.items().send().try_collect().await?)) };
        self.looks.subnets.get(self.freshness(), ask).await
    }

    /// The main route tables of VPCs that Strait made. AWS makes them, so that they have no tags.
    pub(crate) async fn main_tables(&self) -> Result<Snapshot<RouteTable>, Error> {
        let ask = async {
            let vpcs = self.vpcs().await?;
            let mut tables = Vec::new();
            for some in vpcs.chunks(FILTER_VALUES) {
                let theirs = filter("vpc-id", some.iter().map(Resource::id));
                let call = self.ec2().describe_route_tables().filters(theirs);
                let pages = call
                    .filters(filter("association.main", ["true"]))
                    .into_paginator();
                tables.extend(pages.items().send().try_collect().await?);
            }
            Ok(tables)
        };
        self.looks.main_tables.get(self.freshness(), ask).await
    }

    /// Security groups that Strait made, with their rules.
    pub(crate) async fn groups(&self) -> Result<Snapshot<SecurityGroup>, Error> {
        Ok(self
            .all_groups()
            .await?
            .only(|group| self.tags.are_on(group)))
    }

    /// A security group of a service's VPC, whoever made it, with its rules.
    pub(crate) async fn service_group(&self, id: &str) -> Result<Option<SecurityGroup>, Error> {
        let groups = self.all_groups().await?;
        Ok(groups.iter().find(|group| group.id() == id).cloned())
    }

    /// Security groups of the Peering VPCs and of the services' VPCs.
    async fn all_groups(&self) -> Result<Snapshot<SecurityGroup>, Error> {
        let ask = async {
            let vpcs = self.vpcs().await?;
            let services = self.service_vpcs();
            let vpcs: Vec<&str> = vpcs
                .iter()
                .map(Resource::id)
                .chain(services.iter().map(String::as_str))
                .collect();
            let mut groups = Vec::new();
            for some in vpcs.chunks(FILTER_VALUES) {
                let theirs = filter("vpc-id", some.iter().copied());
                let call = self.ec2().describe_security_groups().filters(theirs);
                let pages = call.into_paginator();
                groups.extend(pages.items().send().try_collect().await?);
            }
            Ok(groups)
        };
        self.looks.groups.get(self.freshness(), ask).await
    }

    /// Peering connections that Strait asked for, ended ones as long as AWS lists them.
    pub(crate) async fn peerings(&self) -> Result<Snapshot<VpcPeeringConnection>, Error> {
        let call = self.ec2().describe_vpc_peering_connections();
        let pages = call.filters(self.tags.filter()).into_paginator();
        let ask = async { Ok(self.ours(pages.items().send().try_collect().await?)) };
        self.looks.peerings.get(self.freshness(), ask).await
    }

    /// Endpoint services that Strait made.
    pub(crate) async fn endpoint_services(&self) -> Result<Snapshot<ServiceConfiguration>, Error> {
        let call = self.ec2().describe_vpc_endpoint_service_configurations();
        let pages = call.filters(self.tags.filter()).into_paginator();
        let ask = async { Ok(self.ours(pages.items().send().try_collect().await?)) };
        self.looks
            .endpoint_services
            .get(self.freshness(), ask)
            .await
    }

    /// Endpoints that Strait made.
    pub(crate) async fn endpoints(&self) -> Result<Snapshot<VpcEndpoint>, Error> {
        let pages = self
            .ec2()
            .describe_vpc_endpoints()
            .filters(self.tags.filter())
            .into_paginator();
        let ask = async { Ok(self.ours(pages.items().send().try_collect().await?)) };
        self.looks.endpoints.get(self.freshness(), ask).await
    }

    /// Network interfaces of endpoints and load balancers, which have no tags of ours since AWS makes them.
    pub(crate) async fn interfaces(&self) -> Result<Snapshot<NetworkInterface>, Error> {
        let types = filter("interface-type", ["vpc_endpoint", "network_load_balancer"]);
        let pages = self
            .ec2()
            .describe_network_interfaces()
            .filters(types)
            .into_paginator();
        let ask = async { Ok(pages.items().send().try_collect().await?) };
        self.looks.interfaces.get(self.freshness(), ask).await
    }

    /// Load balancers that Strait made, with their tags. AWS has no filter by tag for them.
    pub(crate) async fn balancers(&self) -> Result<Snapshot<Tagged<LoadBalancer>>, Error> {
        let pages = self.elb().describe_load_balancers().into_paginator();
        let ask = async {
            Ok(self.ours(
                self.tagged(pages.items().send().try_collect().await?)
                    .await?,
            ))
        };
        self.looks.balancers.get(self.freshness(), ask).await
    }

    /// Target groups that Strait made, with their tags.
    pub(crate) async fn target_groups(&self) -> Result<Snapshot<Tagged<TargetGroup>>, Error> {
        let pages = self.elb().describe_target_groups().into_paginator();
        let ask = async {
            Ok(self.ours(
                self.tagged(pages.items().send().try_collect().await?)
                    .await?,
            ))
        };
        self.looks.target_groups.get(self.freshness(), ask).await
    }

    /// Listeners of a load balancer.
    pub(crate) async fn listeners(&self, balancer_arn: &str) -> Result<Snapshot<Listener>, Error> {
        let pages = self
            .elb()
            .describe_listeners()
            .load_balancer_arn(balancer_arn)
            .into_paginator();
        let ask = async { Ok(pages.items().send().try_collect().await?) };
        self.looks
            .listeners
            .of(balancer_arn)
            .get(self.freshness_of(self.looks.listeners.owners()), ask)
            .await
    }

    /// Targets of a group with their health. AWS gives all of them in one answer.
    pub(crate) async fn targets(
        &self,
        group_arn: &str,
    ) -> Result<Snapshot<TargetHealthDescription>, Error> {
        let call = self
            .elb()
            .describe_target_health()
            .target_group_arn(group_arn);
        let ask = async {
            Ok(call
                .send()
                .await?
                .target_health_descriptions
                .unwrap_or_default())
        };
        self.looks
            .targets
            .of(group_arn)
            .get(self.freshness_of(self.looks.targets.owners()), ask)
            .await
    }

    /// An RDS instance: one, or none.
    pub(crate) async fn rds_instance(&self, id: &str) -> Result<Snapshot<DbInstance>, Error> {
        let call = self
            .rds()
            .describe_db_instances()
            .db_instance_identifier(id);
        let ask = async {
            match call.send().await.map_err(Error::from) {
                Ok(answer) => Ok(answer.db_instances.unwrap_or_default()),
                Err(error) if error.is("DBInstanceNotFound") => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        let instances = &self.looks.rds_instances;
        let fresh = self.freshness_of(instances.owners());
        instances.of(id).get(fresh, ask).await
    }

    /// The zones of the Region, by zone id, without Local Zones and the like.
    pub(crate) async fn zones(&self) -> Result<Snapshot<AvailabilityZone>, Error> {
        let call = self.ec2().describe_availability_zones();
        let call = call.filters(filter("zone-type", ["availability-zone"]));
        let ask = async { Ok(call.send().await?.availability_zones.unwrap_or_default()) };
        self.looks.zones.get(self.freshness(), ask).await
    }

    /// Those that this Strait made, whatever a filter let pass.
    fn ours<T: Resource>(&self, mut found: Vec<T>) -> Vec<T> {
        found.retain(|one| self.tags.are_on(one));
        found
    }

    /// How old a look may be.
    fn freshness(&self) -> Duration {
        if self.is_hurried() { HURRIED } else { STEADY }
    }

    /// How old a look may be at things that AWS lists for one of so many owners at a time: in a steady state all of them
    /// together cost one look a minute.
    fn freshness_of(&self, owners: u32) -> Duration {
        if self.is_hurried() {
            HURRIED.max(Duration::from_secs(1) * owners / OWNERS_A_SECOND)
        } else {
            STEADY * owners.max(1)
        }
    }

    /// These load balancers or target groups with their tags. Tags of ours are given when something is made and stay, so
    /// that they are asked for once; what has none is asked for a few times, since listings may be ahead of tags.
    async fn tagged<T: HasArn>(&self, all: Vec<T>) -> Result<Vec<Tagged<T>>, Error> {
        let unknown: Vec<String> = {
            let known = lock(&self.looks.tags);
            let is_settled = |arn: &str| known.get(arn).is_some_and(Known::is_settled);
            let arns = all.iter().map(HasArn::arn).filter(|arn| !is_settled(arn));
            arns.map(str::to_owned).collect()
        };
        for some in unknown.chunks(TAGS_OF) {
            let call = self
                .elb()
                .describe_tags()
                .set_resource_arns(Some(some.to_vec()));
            let told = call.send().await?.tag_descriptions.unwrap_or_default();
            let mut known = lock(&self.looks.tags);
            for arn in some {
                let known = known.entry(arn.clone()).or_default();
                known.tags = tags_of(&told, arn);
                known.asked += 1;
            }
        }
        let known = lock(&self.looks.tags);
        let tags = |arn: &str| {
            known
                .get(arn)
                .map(|known| known.tags.clone())
                .unwrap_or_default()
        };
        let tagged = all.into_iter().map(|resource| Tagged {
            tags: tags(resource.arn()),
            resource,
        });
        Ok(tagged.collect())
    }
}

/// What is known of the tags of a load balancer or target group.
#[derive(Debug, Default)]
struct Known {
    tags: Vec<ElbTag>,
    asked: u8,
}

impl Known {
    fn is_settled(&self) -> bool {
        self.asked >= ASKED || self.tags.iter().any(|tag| tag.key() == Some(PLANE))
    }
}

/// A load balancer or target group with its tags.
#[derive(Debug, Clone)]
pub(crate) struct Tagged<T> {
    pub(crate) resource: T,
    pub(crate) tags: Vec<ElbTag>,
}

impl<T: HasArn> Resource for Tagged<T> {
    fn id(&self) -> &str {
        self.resource.arn()
    }

    fn tag(&self, key: &str) -> Option<&str> {
        let tag = self.tags.iter().find(|tag| tag.key() == Some(key))?;
        tag.value()
    }
}

/// What Elastic Load Balancing tells the tags of.
pub(crate) trait HasArn: Clone {
    fn arn(&self) -> &str;
}

impl HasArn for LoadBalancer {
    fn arn(&self) -> &str {
        self.load_balancer_arn().unwrap_or_default()
    }
}

impl HasArn for TargetGroup {
    fn arn(&self) -> &str {
        self.target_group_arn().unwrap_or_default()
    }
}

/// Kinds of EC2's, by the fields that have their id and their tags.
macro_rules! resources {
    ($($kind:ty: $id:ident, $tags:ident;)*) => {$(
        impl Resource for $kind {
            fn id(&self) -> &str {
                self.$id().unwrap_or_default()
            }

            fn tag(&self, key: &str) -> Option<&str> {
                let tag = self.$tags().iter().find(|tag| tag.key() == Some(key))?;
                tag.value()
            }
        }
    )*};
}

resources! {
    Vpc: vpc_id, tags;
    Subnet: subnet_id, tags;
    RouteTable: route_table_id, tags;
    SecurityGroup: group_id, tags;
    VpcPeeringConnection: vpc_peering_connection_id, tags;
    ServiceConfiguration: service_id, tags;
    VpcEndpoint: vpc_endpoint_id, tags;
    NetworkInterface: network_interface_id, tag_set;
}

/// Kinds that are found by what they belong to.
macro_rules! untagged {
    ($($kind:ty: $id:expr;)*) => {$(
        impl Resource for $kind {
            fn id(&self) -> &str {
                let id: fn(&Self) -> Option<&str> = $id;
                id(self).unwrap_or_default()
            }

            fn tag(&self, _key: &str) -> Option<&str> {
                None
            }
        }
    )*};
}

untagged! {
    DbInstance: |instance| instance.db_instance_identifier();
    AvailabilityZone: |zone| zone.zone_id();
    Listener: |listener| listener.listener_arn();
    TargetHealthDescription: |health| health.target().and_then(|target| target.id());
}

/// A filter of EC2's: one of these values.
pub(crate) fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    let values = values.into_iter().map(str::to_owned).collect();
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

fn tags_of(told: &[TagDescription], arn: &str) -> Vec<ElbTag> {
    let of_it = told.iter().find(|told| told.resource_arn() == Some(arn));
    of_it.map(|told| told.tags().to_vec()).unwrap_or_default()
}
