//! Accounts, and the default VPC that each has in a Region.

use strait_vpc::Caller;
use strait_vpc::Region;
use strait_vpc::api::*;

use crate::world::*;

#[test]
fn an_account_has_keys_and_a_default_vpc_in_each_region_it_calls() {
    let mut world = World::new();
    let me = world.account("customer");
    let account = world
        .network
        .accounts
        .get(&me.account)
        .expect("an account")
        .clone();
    assert_eq!(account.id.as_str().len(), 12);
    assert!(!account.id.as_str().starts_with('0'));
    assert!(
        account.access_key_id.starts_with("AKIA") && account.access_key_id.len() == 20,
        "{account:?}"
    );
    assert_eq!(account.secret_access_key.len(), 40);
    assert!(world.network.vpcs.is_empty());
    let vpcs = world
        .ok::<DescribeVpcsResponse>(&me, DescribeVpcsRequest::default())
        .vpcs
        .items;
    assert_eq!(
        (vpcs.len(), vpcs[0].cidr_block.as_str(), vpcs[0].is_default),
        (1, "172.31.0.0/16", true)
    );
    let subnets = world
        .ok::<DescribeSubnetsResponse>(&me, DescribeSubnetsRequest::default())
        .subnets
        .items;
    assert_eq!(subnets.len(), 6);
    assert!(
        subnets
            .iter()
            .all(|subnet| subnet.default_for_az && subnet.available_ip_address_count == 4091)
    );
    let tables = world
        .ok::<DescribeRouteTablesResponse>(&me, DescribeRouteTablesRequest::default())
        .route_tables
        .items;
    let routes: Vec<_> = tables[0]
        .routes
        .items
        .iter()
        .map(|row| (row.destination_cidr_block.as_deref(), row.state.as_str()))
        .collect();
    assert_eq!(
        routes,
        [
            (Some("172.31.0.0/16"), "active"),
            (Some("0.0.0.0/0"), "active")
        ]
    );
    let there = Caller {
        region: Region::new("us-west-1"),
        ..me.clone()
    };
    let subnets = world
        .ok::<DescribeSubnetsResponse>(&there, DescribeSubnetsRequest::default())
        .subnets
        .items;
    assert_eq!(subnets.len(), 2);
    assert_eq!(world.network.vpcs.len(), 2);
}

#[test]
fn the_provider_has_none_and_a_failed_first_call_makes_none() {
    let mut world = World::new();
    let (provider, me) = (world.account("provider"), world.account("customer"));
    assert!(
        world
            .ok::<DescribeVpcsResponse>(&provider, DescribeVpcsRequest::default())
            .vpcs
            .items
            .is_empty()
    );
    let wrong = DescribeVpcsRequest {
        vpc_ids: vec!["x".to_owned()],
        ..Default::default()
    };
    assert_eq!(world.code(&me, wrong), "InvalidVpcID.NotFound");
    assert!(world.network.vpcs.is_empty());
}

#[test]
fn a_deleted_default_vpc_comes_back_only_when_asked_for() {
    let mut world = World::new();
    let me = world.account("customer");
    assert_eq!(world.outcome(&me, DescribeVpcsRequest::default()), "ok");
    assert_eq!(
        world.code(&me, CreateDefaultVpcRequest::default()),
        "DefaultVpcAlreadyExists"
    );
    let vpc = world
        .network
        .vpcs
        .values()
        .next()
        .expect("a VPC")
        .id
        .to_string();
    let subnets: Vec<String> = world
        .network
        .subnets
        .keys()
        .map(ToString::to_string)
        .collect();
    for subnet_id in subnets {
        world.ok::<DeleteSubnetResponse>(
            &me,
            DeleteSubnetRequest {
                subnet_id,
                ..Default::default()
            },
        );
    }
    let gateway = world
        .network
        .internet_gateways
        .keys()
        .next()
        .expect("a gateway")
        .to_string();
    let detach = DetachInternetGatewayRequest {
        internet_gateway_id: gateway.clone(),
        vpc_id: vpc.clone(),
        ..Default::default()
    };
    world.ok::<DetachInternetGatewayResponse>(&me, detach);
    world.ok::<DeleteVpcResponse>(
        &me,
        DeleteVpcRequest {
            vpc_id: vpc,
            ..Default::default()
        },
    );
    assert!(
        world
            .ok::<DescribeVpcsResponse>(&me, DescribeVpcsRequest::default())
            .vpcs
            .items
            .is_empty()
    );
    let made = world
        .ok::<CreateDefaultVpcResponse>(&me, CreateDefaultVpcRequest::default())
        .vpc;
    assert!(made.is_default);
    assert_eq!(world.network.subnets.len(), 6);
}

#[test]
fn regions_zones_and_attributes_are_shown() {
    let mut world = World::new();
    let me = world.account("customer");
    let regions = world
        .ok::<DescribeRegionsResponse>(&me, DescribeRegionsRequest::default())
        .regions
        .items;
    let listed = |request| {
        let mut world = world.clone();
        let shown = world
            .ok::<DescribeRegionsResponse>(&me, request)
            .regions
            .items;
        let east = shown.iter().find(|row| row.region_name == "ap-east-1");
        (shown.len(), east.map(|row| row.opt_in_status.clone()))
    };
    let (every, not) = (
        strait_vpc::state::regions().len(),
        Some("not-opted-in".to_owned()),
    );
    assert_eq!(regions.len(), every - 1, "one is not enabled");
    let all = DescribeRegionsRequest {
        all_regions: Some(true),
        ..Default::default()
    };
    assert_eq!(listed(all), (every, not.clone()));
    let named = DescribeRegionsRequest {
        region_names: vec!["ap-east-1".to_owned()],
        ..Default::default()
    };
    assert_eq!(listed(named), (1, not));
    let one = DescribeRegionsRequest {
        region_names: vec!["eu-west-1".to_owned()],
        ..Default::default()
    };
    assert_eq!(
        world.ok::<DescribeRegionsResponse>(&me, one).regions.items[0].endpoint,
        "ec2.eu-west-1.amazonaws.com"
    );
    let unknown = DescribeRegionsRequest {
        region_names: vec!["mars-1".to_owned()],
        ..Default::default()
    };
    assert_eq!(world.code(&me, unknown), "InvalidParameterValue");
    let zones = world
        .ok::<DescribeAvailabilityZonesResponse>(&me, DescribeAvailabilityZonesRequest::default());
    let names: Vec<_> = zones
        .availability_zones
        .items
        .iter()
        .map(|zone| (zone.zone_name.as_str(), zone.zone_id.as_str()))
        .collect();
    assert_eq!(
        names[..2],
        [("us-east-1a", "use1-az6"), ("us-east-1b", "use1-az1")]
    );
    let attributes = world
        .ok::<DescribeAccountAttributesResponse>(&me, DescribeAccountAttributesRequest::default());
    let default = &attributes.account_attributes.items[1];
    assert_eq!(default.attribute_name, "default-vpc");
    let vpc = world.network.vpcs.values().next().expect("a VPC");
    assert_eq!(
        default.attribute_values.items[0].attribute_value,
        vpc.id.to_string()
    );
    let dhcp = vpc.dhcp_options.to_string();
    let options =
        world.ok::<DescribeDhcpOptionsResponse>(&me, DescribeDhcpOptionsRequest::default());
    assert_eq!(options.dhcp_options.items[0].dhcp_options_id, dhcp);
}
