//! Tags of any object, by its id.

use crate::api::*;
use crate::error::AwsError;
use crate::id::*;
use crate::rules::endpoint::is_gateway_endpoint;
use crate::rules::resource::{Resource, find, find_id};
use crate::rules::{Caller, Context, check, filter, peering, peering_view};
use crate::state::*;

pub(super) fn create(
    network: &mut Network,
    caller: &Caller,
    request: &CreateTagsRequest,
    context: &Context<'_>,
) -> Result<CreateTagsResponse, AwsError> {
    if request.tags.is_empty() {
        return Err(AwsError::missing("tagSet"));
    }
    let changed = each(network, caller, &request.resources, context, |tags| {
        check::add_tags(tags, &request.tags)
    })?;
    write(network, caller, changed);
    Ok(CreateTagsResponse(Done::YES))
}

pub(super) fn delete(
    network: &mut Network,
    caller: &Caller,
    request: &DeleteTagsRequest,
    context: &Context<'_>,
) -> Result<DeleteTagsResponse, AwsError> {
    let changed = each(network, caller, &request.resources, context, |tags| {
        // A tag without a value goes whatever its value is; no tag at all means every one.
        tags.retain(|key, value| {
            let asked =
                |tag: &TagInput| tag.key == *key && (tag.value.is_empty() || tag.value == *value);
            !request.tags.is_empty() && !request.tags.iter().any(asked)
        });
        Ok(())
    })?;
    write(network, caller, changed);
    Ok(DeleteTagsResponse(Done::YES))
}

pub(super) fn describe(
    network: &Network,
    caller: &Caller,
    request: &DescribeTagsRequest,
    context: &Context<'_>,
) -> Result<DescribeTagsResponse, AwsError> {
    let mut all: Vec<TagDescriptionItem> = Vec::new();
    macro_rules! gather {
        ($($kind:ident)*) => {$(
            for (id, object) in $kind::table(network).iter().filter(|(_, object)| object.is_of(caller)) {
                gather(&mut all, &id.to_string(), $kind::KIND, object.tags());
            }
        )*};
    }
    gather!(GatewayEndpoint Vpc Subnet RouteTable InternetGateway SecurityGroup NetworkAcl Interface ElasticIp Instance PrefixList
        EndpointService Endpoint);
    for (id, rule) in rules(network, caller) {
        gather(&mut all, id.as_str(), RULE, &rule.tags);
    }
    for peering in network
        .peerings
        .values()
        .filter(|row| peering_view::sees(row, caller, context.now))
    {
        gather(
            &mut all,
            peering.id.as_str(),
            PEERING,
            &peering_view::view(peering, caller).tags,
        );
    }
    let mut shown = Vec::new();
    for tag in all {
        let values = |name: &str| match name {
            "key" => Some(vec![tag.key.clone()]),
            "value" => Some(vec![tag.value.clone()]),
            "resource-id" => Some(vec![tag.resource_id.clone()]),
            "resource-type" => Some(vec![tag.resource_type.clone()]),
            _ => None,
        };
        let own = Tags::from([(tag.key.clone(), tag.value.clone())]);
        if filter::matches(&request.filters, &own, values)? {
            shown.push(tag);
        }
    }
    let page = filter::page(
        shown,
        request.max_results,
        request.next_token.as_deref(),
        &[],
    )?;
    Ok(DescribeTagsResponse {
        tags: page.items.into_iter().collect(),
        next_token: page.next_token,
    })
}

const RULE: &str = "security-group-rule";
const PEERING: &str = "vpc-peering-connection";

fn gather(all: &mut Vec<TagDescriptionItem>, id: &str, kind: &str, tags: &Tags) {
    all.extend(tags.iter().map(|(key, value)| TagDescriptionItem {
        resource_id: id.to_owned(),
        resource_type: kind.to_owned(),
        key: key.clone(),
        value: value.clone(),
    }));
}

fn rules<'n>(
    network: &'n Network,
    caller: &'n Caller,
) -> impl Iterator<Item = (&'n SecurityGroupRuleId, &'n SecurityGroupRule)> {
    network
        .security_groups
        .values()
        .filter(|group| group.is_of(caller))
        .flat_map(|group| group.rules.iter())
}

/// The new tags of each resource; nothing is written before all are known to be good.
fn each(
    network: &Network,
    caller: &Caller,
    ids: &[String],
    context: &Context<'_>,
    change: impl Fn(&mut Tags) -> Result<(), AwsError>,
) -> Result<Vec<(String, Tags)>, AwsError> {
    if ids.is_empty() {
        return Err(AwsError::missing("resourceIdSet"));
    }
    let mut changed = Vec::new();
    for id in ids {
        let mut tags = tags_of(network, caller, id, context)?.clone();
        change(&mut tags)?;
        changed.push((id.clone(), tags));
    }
    Ok(changed)
}

/// Runs an expression with `$type` standing for the type of object that has ids of this prefix.
macro_rules! by_prefix {
    ($network:expr, $caller:expr, $id:expr, $type:ident => $body:expr, rule => $rule:expr, peering => $peering:expr, else => $other:expr) => {
        match $id.rsplit_once('-').map(|(prefix, _)| prefix) {
            Some(VpcId::PREFIX) => {
                type $type = Vpc;
                $body
            }
            Some(SubnetId::PREFIX) => {
                type $type = Subnet;
                $body
            }
            Some(RouteTableId::PREFIX) => {
                type $type = RouteTable;
                $body
            }
            Some(InternetGatewayId::PREFIX) => {
                type $type = InternetGateway;
                $body
            }
            Some(SecurityGroupId::PREFIX) => {
                type $type = SecurityGroup;
                $body
            }
            Some(NetworkAclId::PREFIX) => {
                type $type = NetworkAcl;
                $body
            }
            Some(InterfaceId::PREFIX) => {
                type $type = Interface;
                $body
            }
            Some(AllocationId::PREFIX) => {
                type $type = ElasticIp;
                $body
            }
            Some(InstanceId::PREFIX) => {
                type $type = Instance;
                $body
            }
            Some(PrefixListId::PREFIX) => {
                type $type = PrefixList;
                $body
            }
            Some(EndpointServiceId::PREFIX) => {
                type $type = EndpointService;
                $body
            }
            // Endpoints of both kinds have ids of one kind.
            Some(EndpointId::PREFIX) if is_gateway_endpoint($network, $caller, &$id) => {
                type $type = GatewayEndpoint;
                $body
            }
            Some(EndpointId::PREFIX) => {
                type $type = Endpoint;
                $body
            }
            Some(SecurityGroupRuleId::PREFIX) => $rule,
            Some(PeeringId::PREFIX) => $peering,
            _ => $other,
        }
    };
}

fn tags_of<'n>(
    network: &'n Network,
    caller: &'n Caller,
    id: &str,
    context: &Context<'_>,
) -> Result<&'n Tags, AwsError> {
    by_prefix!(
        network,
        caller,
        id,
        Kind => find::<Kind>(network, caller, id).map(Resource::tags),
        rule => {
            let found = rules(network, caller).find(|(rule, _)| rule.as_str() == id);
            found.map(|(_, rule)| &rule.tags).ok_or_else(|| {
                let message = format!("The security group rule ID '{id}' does not exist");
                AwsError::new("InvalidSecurityGroupRuleId.NotFound", message)
            })
        },
        peering => peering::find(network, caller, id, context.now).map(|row| &peering_view::view(row, caller).tags),
        else => Err(AwsError::new("InvalidID", format!("The ID '{id}' is not valid, or not of something with tags")))
    )
}

fn write(network: &mut Network, caller: &Caller, changed: Vec<(String, Tags)>) {
    for (id, tags) in changed {
        by_prefix!(
            network,
            caller,
            id,
            Kind => {
                if let Ok(key) = find_id::<Kind>(network, caller, &id)
                    && let Some(object) = Kind::table_mut(network).get_mut(&key)
                {
                    *object.tags_mut() = tags;
                }
            },
            rule => write_rule(network, &id, tags),
            peering => write_peering(network, caller, &id, tags),
            else => {}
        );
    }
}

fn write_rule(network: &mut Network, id: &str, tags: Tags) {
    let Ok(rule) = id.parse::<SecurityGroupRuleId>() else {
        return;
    };
    let group = network
        .security_groups
        .values()
        .find(|group| group.rules.contains_key(&rule));
    let Some(group) = group.map(|group| group.id.clone()) else {
        return;
    };
    if let Some(rule) = network
        .security_groups
        .get_mut(&group)
        .and_then(|group| group.rules.get_mut(&rule))
    {
        rule.tags = tags;
    }
}

/// Each side of a peering connection has tags of its own; one that is both sees one set.
fn write_peering(network: &mut Network, caller: &Caller, id: &str, tags: Tags) {
    let Some(peering) = id
        .parse::<PeeringId>()
        .ok()
        .and_then(|id| network.peerings.get_mut(&id))
    else {
        return;
    };
    if *peering_view::view(peering, caller) == peering.accepter {
        peering.accepter.tags = tags;
    } else {
        peering.requester.tags = tags;
    }
}
