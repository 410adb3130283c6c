//! Requests read from what the wire's tree looks like, and answers as they are written: names, required and unknown ones.

use serde_json::json;
use strait_vpc::Action;
use strait_vpc::api::*;

use crate::world::*;

fn read(name: &str, parameters: serde_json::Value) -> Result<Action, String> {
    Action::read(Service::Ec2, name, parameters)
        .expect("there is such a call")
        .map_err(|error| error.to_string())
}

#[test]
fn requests_have_the_protocols_names() {
    let cases = [
        (
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16", "TagSpecification": [{"ResourceType": "vpc", "Tag": [{"Key": "a", "Value": "b"}]}]}),
        ),
        (
            "CreateSecurityGroup",
            json!({"GroupName": "a", "GroupDescription": "b", "VpcId": "vpc-1"}),
        ),
        (
            "AuthorizeSecurityGroupEgress",
            json!({"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}], "Groups": [{"GroupId": "sg-2", "UserId": "1"}]}]}),
        ),
        (
            "RunInstances",
            json!({"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1, "SecurityGroupId": ["sg-1"], "NetworkInterface": [{"DeviceIndex": 0, "SecurityGroupId": ["sg-1"]}], "ClientToken": "x", "EbsOptimized": false}),
        ),
        (
            "CreateRoute",
            json!({"RouteTableId": "rtb-1", "DestinationCidrBlock": "10.0.0.0/8", "VpcPeeringConnectionId": "pcx-1"}),
        ),
        (
            "CreateNetworkAclEntry",
            json!({"NetworkAclId": "acl-1", "RuleNumber": 1, "Protocol": "6", "RuleAction": "allow", "Egress": true, "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 1, "To": 2}, "Icmp": {"Type": 1, "Code": 2}}),
        ),
        (
            "DescribeVpcs",
            json!({"VpcId": ["vpc-1"], "Filter": [{"Name": "a", "Value": ["b"]}], "MaxResults": 5, "DryRun": true}),
        ),
        (
            "CreateTags",
            json!({"ResourceId": ["vpc-1"], "Tag": [{"Key": "a"}]}),
        ),
        (
            "ModifyVpcAttribute",
            json!({"VpcId": "vpc-1", "EnableDnsHostnames": {"Value": true}}),
        ),
        (
            "CreateNetworkInterface",
            json!({"SubnetId": "subnet-1", "SecurityGroupId": ["sg-1"]}),
        ),
        (
            "ModifySecurityGroupRules",
            json!({"GroupId": "sg-1", "SecurityGroupRule": [{"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": {"IpProtocol": "tcp"}}]}),
        ),
    ];
    for (name, parameters) in cases {
        let read = read(name, parameters);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[test]
fn unknown_and_missing_parameters_are_refused() {
    let unknown = read("CreateVpc", json!({"Cidr": "10.0.0.0/16"})).expect_err("it is unknown");
    assert!(unknown.contains("Cidr"), "{unknown}");
    let missing = read("DeleteVpc", json!({})).expect_err("it is missing");
    assert!(missing.contains("VpcId"), "{missing}");
    assert!(Action::read(Service::Ec2, "MakeCoffee", json!({})).is_none());
}

#[test]
fn answers_have_the_protocols_tags() {
    let (mut world, me) = (World::new(), customer());
    let vpc = world.vpc(&me, "10.0.0.0/16");
    let subnet = world.subnet(&me, &vpc, "10.0.0.0/24");
    world.instance(&me, &subnet);
    let answer = |world: &mut World, action: Action| {
        let response = world.call(&me, action).expect("it answers");
        serde_json::to_value(response).expect("it is written")
    };
    let vpcs = answer(&mut world, DescribeVpcsRequest::default().into());
    assert_eq!(
        vpcs["vpcSet"]["item"][0]["cidrBlockAssociationSet"]["item"][0]["cidrBlockState"]["state"],
        "associated"
    );
    assert_eq!(vpcs.get("nextToken"), None);
    let instances = answer(&mut world, DescribeInstancesRequest::default().into());
    let instance = &instances["reservationSet"]["item"][0]["instancesSet"]["item"][0];
    assert_eq!(instance["instanceState"]["name"], "running");
    assert_eq!(
        instance["networkInterfaceSet"]["item"][0]["privateIpAddress"],
        "10.0.0.4"
    );
    assert_eq!(instance["groupSet"]["item"][0]["groupName"], "default");
    let tables = answer(&mut world, DescribeRouteTablesRequest::default().into());
    let table = &tables["routeTableSet"]["item"][0];
    assert_eq!(table["routeSet"]["item"][0]["gatewayId"], "local");
    assert_eq!(table["associationSet"]["item"][0]["main"], true);
    let groups = answer(&mut world, DescribeSecurityGroupsRequest::default().into());
    assert_eq!(
        groups["securityGroupInfo"]["item"][0]["ipPermissions"]["item"][0]["groups"]["item"][0]["userId"],
        "111122223333"
    );
    let acls = answer(&mut world, DescribeNetworkAclsRequest::default().into());
    assert_eq!(acls["networkAclSet"]["item"][0]["default"], true);
}
