//! A customer to try things with: a network as a careful customer has it, before anybody is peered with it.

use ipnet::Ipv4Net;
use strait_http::CustomerError;
use strait_vpc::api::*;
use strait_vpc::state::{Account, InstanceState, Network};

use super::{Customers, customers};

/// Any image does: an instance is a namespace.
const IMAGE: &str = "ami-0123456789abcdef0";

/// Makes it. Each has a range of its own, so that several can be peered with one VPC.
pub(super) async fn make(customers: &Customers, region: &str) -> Result<Account, CustomerError> {
    let (name, instance, range) = free(&*customers.local.network().await)?;
    let made = customers.local.ensure_account(&name).await;
    let account = made.map_err(|error| CustomerError::Failed(error.to_string()))?;
    let vpc = CreateVpcRequest {
        cidr_block: Some(range.to_string()),
        tag_specifications: tagged("vpc", &name),
        ..Default::default()
    };
    let made: CreateVpcResponse = ask(customers, &account, region, vpc).await?;
    let vpc_id = made.vpc.vpc_id;
    let subnet = CreateSubnetRequest {
        vpc_id: vpc_id.clone(),
        cidr_block: Some(part_of(range).to_string()),
        tag_specifications: tagged("subnet", &instance),
        ..Default::default()
    };
    let subnet: CreateSubnetResponse = ask(customers, &account, region, subnet).await?;
    let group = CreateSecurityGroupRequest {
        group_name: instance.clone(),
        group_description: "Lets nothing out yet".to_owned(),
        vpc_id: Some(vpc_id),
        tag_specifications: tagged("security-group", &instance),
        ..Default::default()
    };
    let group: CreateSecurityGroupResponse = ask(customers, &account, region, group).await?;
    let narrow = RevokeSecurityGroupEgressRequest {
        group_id: group.group_id.clone(),
        ip_permissions: vec![everything()],
        ..Default::default()
    };
    let _: RevokeSecurityGroupEgressResponse = ask(customers, &account, region, narrow).await?;
    let launch = RunInstancesRequest {
        image_id: Some(IMAGE.to_owned()),
        min_count: 1,
        max_count: 1,
        subnet_id: Some(subnet.subnet.subnet_id),
        security_group_ids: vec![group.group_id],
        tag_specifications: tagged("instance", &instance),
        ..Default::default()
    };
    let _: RunInstancesResponse = ask(customers, &account, region, launch).await?;
    Ok(account)
}

async fn ask<T: TryFrom<strait_vpc::Response>>(
    customers: &Customers,
    account: &Account,
    region: &str,
    request: impl Into<strait_vpc::Action>,
) -> Result<T, CustomerError> {
    let answer = customers.call(account, region, request.into()).await?;
    T::try_from(answer)
        .map_err(|_| CustomerError::Failed("the cloud answered another call".to_owned()))
}

/// A name for the account, one for the instance (`strait exec NAME`), and a range, none of which anybody has.
fn free(network: &Network) -> Result<(String, String, Ipv4Net), CustomerError> {
    let is_taken = |name: &str| customers(network).any(|account| account.name == name);
    let name = first_free("customer", is_taken);
    let is_taken = |name: &str| {
        let mut running = network
            .instances
            .values()
            .filter(|found| found.state == InstanceState::Running);
        running.any(|found| found.tags.get("Name").is_some_and(|taken| taken == name))
    };
    let instance = first_free("app", is_taken);
    let ranges = (20..=79_u8).filter_map(|second| Ipv4Net::new([10, second, 0, 0].into(), 16).ok());
    let mut ranges = ranges.filter(|range| {
        let mut taken = network
            .vpcs
            .values()
            .flat_map(strait_vpc::state::Vpc::cidrs);
        !taken.any(|other| range.contains(&other) || other.contains(range))
    });
    let full = || {
        CustomerError::Failed("every range from 10.20.0.0/16 to 10.79.0.0/16 is taken".to_owned())
    };
    let range = ranges.next().ok_or_else(full)?;
    Ok((name, instance, range))
}

fn first_free(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let later = (2..).map(|number| format!("{stem}-{number}"));
    let mut names = std::iter::once(stem.to_owned()).chain(later);
    names
        .find(|name| !is_taken(name))
        .unwrap_or_else(|| stem.to_owned())
}

/// The first /24 of a range.
fn part_of(range: Ipv4Net) -> Ipv4Net {
    Ipv4Net::new(range.network(), 24).unwrap_or(range)
}

fn everything() -> IpPermission {
    IpPermission {
        ip_protocol: Some("-1".to_owned()),
        ip_ranges: vec![IpRange {
            cidr_ip: "0.0.0.0/0".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn tagged(kind: &str, name: &str) -> Vec<TagSpecification> {
    let tag = TagInput {
        key: "Name".to_owned(),
        value: name.to_owned(),
    };
    vec![TagSpecification {
        resource_type: kind.to_owned(),
        tags: vec![tag],
    }]
}
