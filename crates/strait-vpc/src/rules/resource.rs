//! What all objects have in common: an id with its codes, an owner, a Region, tags.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::error::AwsError;
use crate::id::*;
use crate::rules::Caller;
use crate::state::*;

/// An object that one account owns in one Region.
pub(super) trait Resource: Clone {
    /// The type of its id.
    type Id: FromStr<Err = MalformedId> + Ord + Clone + Display;
    /// What tags call it.
    const KIND: &'static str;
    /// What messages call it.
    const NOUN: &'static str;
    /// The code for an id of the wrong shape; for VPCs and subnets AWS does not look at it: they are not there.
    const MALFORMED: &'static str;
    /// The code for an id that nothing has.
    const NOT_FOUND: &'static str;

    /// The table that it is in.
    fn table(network: &Network) -> &Table<Self::Id, Self>;
    /// The table that it is in, to change.
    fn table_mut(network: &mut Network) -> &mut Table<Self::Id, Self>;
    /// Its id.
    fn id(&self) -> &Self::Id;
    /// Who owns it.
    fn owner(&self) -> &AccountId;
    /// Where it is.
    fn region(&self) -> &Region;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Its tags, to change.
    fn tags_mut(&mut self) -> &mut Tags;

    /// Whether the caller sees it: it is the account's, in the Region of the call.
    fn is_of(&self, caller: &Caller) -> bool {
        *self.owner() == caller.account && *self.region() == caller.region
    }
}

macro_rules! resources {
    ($($type:ident($id:ident) in $table:ident, $kind:literal, $noun:literal, $malformed:literal, $not_found:literal;)*) => {$(
        impl Resource for $type {
            type Id = $id;
            const KIND: &'static str = $kind;
            const NOUN: &'static str = $noun;
            const MALFORMED: &'static str = $malformed;
            const NOT_FOUND: &'static str = $not_found;

            fn table(network: &Network) -> &Table<$id, Self> {
                &network.$table
            }

            fn table_mut(network: &mut Network) -> &mut Table<$id, Self> {
                &mut network.$table
            }

            fn id(&self) -> &$id {
                &self.id
            }

            fn owner(&self) -> &AccountId {
                &self.owner
            }

            fn region(&self) -> &Region {
                &self.region
            }

            fn tags(&self) -> &Tags {
                &self.tags
            }

            fn tags_mut(&mut self) -> &mut Tags {
                &mut self.tags
            }
        }
    )*};
}

resources! {
    Vpc(VpcId) in vpcs, "vpc", "vpc ID", "InvalidVpcID.NotFound", "InvalidVpcID.NotFound";
    Subnet(SubnetId) in subnets, "subnet", "subnet ID", "InvalidSubnetID.NotFound", "InvalidSubnetID.NotFound";
    RouteTable(RouteTableId) in route_tables, "route-table", "routeTable ID", "InvalidRouteTableId.Malformed",
        "InvalidRouteTableID.NotFound";
    InternetGateway(InternetGatewayId) in internet_gateways, "internet-gateway", "internetGateway ID",
        "InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID.NotFound";
    SecurityGroup(SecurityGroupId) in security_groups, "security-group", "security group", "InvalidGroupId.Malformed",
        "InvalidGroup.NotFound";
    NetworkAcl(NetworkAclId) in network_acls, "network-acl", "networkAcl ID", "InvalidNetworkAclId.Malformed",
        "InvalidNetworkAclID.NotFound";
    Interface(InterfaceId) in interfaces, "network-interface", "networkInterface ID",
        "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound";
    ElasticIp(AllocationId) in elastic_ips, "elastic-ip", "allocation ID", "InvalidAllocationID.Malformed",
        "InvalidAllocationID.NotFound";
    Instance(InstanceId) in instances, "instance", "instance ID", "InvalidInstanceID.Malformed",
        "InvalidInstanceID.NotFound";
    PrefixList(PrefixListId) in prefix_lists, "prefix-list", "prefix list ID", "InvalidPrefixListId.Malformed",
        "InvalidPrefixListID.NotFound";
    EndpointService(EndpointServiceId) in endpoint_services, "vpc-endpoint-service", "VpcEndpointService Id",
        "InvalidVpcEndpointServiceIdId.Malformed", "InvalidVpcEndpointServiceId.NotFound";
    GatewayEndpoint(EndpointId) in gateway_endpoints, "vpc-endpoint", "Vpc Endpoint Id", "InvalidVpcEndpointId.Malformed",
        "InvalidVpcEndpointId.NotFound";
    Endpoint(EndpointId) in endpoints, "vpc-endpoint", "Vpc Endpoint Id", "InvalidVpcEndpointId.Malformed",
        "InvalidVpcEndpointId.NotFound";
}

/// The caller's object with this id: its shape is looked at before whether it is there.
pub(super) fn find<'n, R: Resource>(
    network: &'n Network,
    caller: &Caller,
    id: &str,
) -> Result<&'n R, AwsError> {
    let parsed = parse::<R>(id)?;
    let found = R::table(network)
        .get(&parsed)
        .filter(|object| object.is_of(caller));
    found.ok_or_else(|| absent::<R>(id))
}

/// The id, if it has the shape of one.
pub(super) fn parse<R: Resource>(id: &str) -> Result<R::Id, AwsError> {
    id.parse().map_err(|why: MalformedId| {
        if R::MALFORMED == R::NOT_FOUND {
            return absent::<R>(id);
        }
        AwsError::new(R::MALFORMED, why.to_string())
    })
}

/// The id of the caller's object with this id, which then is there.
pub(super) fn find_id<R: Resource>(
    network: &Network,
    caller: &Caller,
    id: &str,
) -> Result<R::Id, AwsError> {
    find::<R>(network, caller, id).map(|object| object.id().clone())
}

/// The caller's objects, of those with these ids; all if none is named. Each id must be there.
pub(super) fn chosen<'n, R: Resource>(
    network: &'n Network,
    caller: &Caller,
    ids: &[String],
) -> Result<Vec<&'n R>, AwsError> {
    if ids.is_empty() {
        let own = R::table(network).values();
        return Ok(own.filter(|object| object.is_of(caller)).collect());
    }
    let mut found = BTreeMap::new();
    for id in ids {
        let object = find::<R>(network, caller, id)?;
        found.insert(object.id(), object);
    }
    Ok(found.into_values().collect())
}

/// Whether an id is among those asked for; all are if none is.
pub(super) fn chosen_ids(ids: &[String], id: &str) -> bool {
    ids.is_empty() || ids.iter().any(|asked| asked == id)
}

fn absent<R: Resource>(id: &str) -> AwsError {
    let message = format!("The {} '{id}' does not exist", R::NOUN);
    AwsError::new(R::NOT_FOUND, message)
}
