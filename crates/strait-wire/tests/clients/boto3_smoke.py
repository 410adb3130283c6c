#!/usr/bin/env python3
"""Drives the example server with boto3 and the AWS CLI: every call once at least, both accounts, both sides.

    python3 crates/strait-wire/tests/clients/boto3_smoke.py PATH_OF_THE_EXAMPLE_SERVE

Every answer's XML is compared with botocore's model on its way in: a tag that the model does not have, or an empty
number, is a mistake that clients would hide. Ends non-zero if anything is wrong, or if a call was never made.

Needs boto3, and the AWS CLI in the PATH.
"""

import json
import os
import subprocess
import sys

import botocore.session

import shapes
from account import REGION, Account, made, refused, same, wrong
from balancing import balancers, endpoints
from zones import zones


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
    try:
        hello = json.loads(server.stdout.readline())
        endpoint = hello["endpoint"]
        provider, customer = (Account(endpoint, hello[name]) for name in ("provider", "customer"))
        refusals(endpoint, hello["customer"])
        surroundings(customer)
        sessions(endpoint, provider, customer)
        zones(provider, customer)
        story(provider, customer)
        acls(customer)
        leftovers(customer)
        command_line(endpoint, hello["customer"])
    finally:
        server.kill()
        server.wait()
    every = {(service, name) for service, name, _, _ in shapes.Sources(shapes.API).calls()}
    for service, name in sorted(every - made):
        wrong.append(f"{service} {name} was never made")
    for line in wrong:
        print("wrong:", line)
    print(f"{len(made)} different calls made, {len(wrong)} findings")
    sys.exit(1 if wrong else 0)


def refusals(endpoint, keys):
    forged = Account(endpoint, {**keys, "secret_access_key": "forged"})
    refused("SignatureDoesNotMatch", forged.ec2.describe_vpcs, status=403)
    refused("SignatureDoesNotMatch", forged.sts.get_caller_identity, status=403)
    stranger = Account(endpoint, {**keys, "access_key_id": "AKIASTRANGER"})
    refused("AuthFailure", stranger.ec2.describe_vpcs, status=401)
    refused("InvalidClientTokenId", stranger.elb.describe_load_balancers, status=403)
    nowhere = Account(endpoint, keys, region="mars-east-1")
    refused("SignatureDoesNotMatch", nowhere.ec2.describe_vpcs, status=403)
    good = Account(endpoint, keys)
    refused("InvalidAction", good.ec2.describe_fleets, status=400)
    refused("InvalidAction", good.sts.get_federation_token, Name="none", status=400)
    refused("DryRunOperation", good.ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True, status=412)
    refused("InvalidVpcID.NotFound", good.ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"], status=400)
    refused("InvalidVpcID.NotFound", good.ec2.delete_vpc, VpcId="vpc-xyz")
    made.discard(("Ec2", "DescribeFleets"))
    made.discard(("Sts", "GetFederationToken"))
    presigned = good.sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    answer = subprocess.run(["curl", "-sS", presigned], capture_output=True, text=True, timeout=20).stdout
    same(True, f"<Account>{good.id}</Account>" in answer, f"a presigned call ({answer})")


def surroundings(account):
    ec2 = account.ec2
    same(account.id, account.sts.get_caller_identity()["Account"], "the caller's account")
    same(True, REGION in [region["RegionName"] for region in ec2.describe_regions()["Regions"]], "Regions")
    same(f"{REGION}a", ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"], "the first zone")
    ec2.describe_account_attributes()
    ec2.describe_dhcp_options()
    same(True, ec2.describe_images()["Images"][0]["ImageId"].startswith("ami-"), "an image")
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    same(["172.31.0.0/16"], [vpc["CidrBlock"] for vpc in default], "the default VPC")
    refused("DefaultVpcAlreadyExists", ec2.create_default_vpc)


def sessions(endpoint, account, other):
    answer = account.sts.assume_role(RoleArn=f"arn:aws:iam::{other.id}:role/guest", RoleSessionName="smoke", SourceIdentity="me")
    same("me", answer["SourceIdentity"], "the source identity")
    acting = temporary(endpoint, other.id, answer["Credentials"])
    identity = acting.sts.get_caller_identity()
    same((other.id, answer["AssumedRoleUser"]["Arn"]), (identity["Account"], identity["Arn"]), "the role's identity")
    same(other.id, account.sts.get_access_key_info(AccessKeyId=answer["Credentials"]["AccessKeyId"])["Account"], "the key's account")
    own = temporary(endpoint, account.id, account.sts.get_session_token()["Credentials"])
    same(f"arn:aws:iam::{account.id}:root", own.sts.get_caller_identity()["Arn"], "a session of one's own")


def temporary(endpoint, account, credentials):
    keys = {"access_key_id": credentials["AccessKeyId"], "secret_access_key": credentials["SecretAccessKey"]}
    return Account(endpoint, {"account": account} | keys, token=credentials["SessionToken"])


class Side:
    """A VPC with a subnet, a route table and a group."""

    def __init__(self, account, block, subnet):
        ec2 = account.ec2
        named = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": 'a <b> & "c" \u00fc'}]}]
        made_vpc = ec2.create_vpc(CidrBlock=block, TagSpecifications=named)["Vpc"]
        self.vpc = made_vpc["VpcId"]
        ec2.get_waiter("vpc_available").wait(VpcIds=[self.vpc])
        shown = ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]
        same(named[0]["Tags"], shown["Tags"], "tags of a VPC")
        same(("available", account.id, False), (shown["State"], shown["OwnerId"], shown["IsDefault"]), "a VPC")
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock=subnet)["Subnet"]["SubnetId"]
        same(251, ec2.describe_subnets(SubnetIds=[self.subnet])["Subnets"][0]["AvailableIpAddressCount"], "addresses")
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.association = ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)["AssociationId"]
        group = ec2.create_security_group(VpcId=self.vpc, GroupName="app", Description="the app")
        self.group = group["GroupId"]


def story(provider, customer):
    ours, theirs = Side(provider, "10.10.0.0/16", "10.10.1.0/24"), Side(customer, "10.20.0.0/16", "10.20.1.0/24")
    attributes(customer, theirs)
    pcx = peering(provider, customer, ours, theirs)
    routes(customer, theirs, pcx)
    groups(customer, theirs)
    prefix_lists(customer, theirs)
    references(provider, customer, ours, theirs)
    instance = instances(customer, theirs)
    gateway = addresses(customer, theirs, instance)
    service = balancers(provider, ours)
    endpoints(provider, customer, theirs, service)
    customer.ec2.terminate_instances(InstanceIds=[instance])
    customer.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=theirs.vpc)
    customer.ec2.delete_internet_gateway(InternetGatewayId=gateway)
    peering_ends(provider, customer, ours, theirs, pcx)


def attributes(account, side):
    ec2 = account.ec2
    ec2.modify_vpc_attribute(VpcId=side.vpc, EnableDnsHostnames={"Value": True})
    shown = ec2.describe_vpc_attribute(VpcId=side.vpc, Attribute="enableDnsHostnames")
    same({"Value": True}, shown["EnableDnsHostnames"], "enableDnsHostnames")
    added = ec2.associate_vpc_cidr_block(VpcId=side.vpc, CidrBlock="10.21.0.0/16")
    ec2.disassociate_vpc_cidr_block(AssociationId=added["CidrBlockAssociation"]["AssociationId"])
    ipv6(ec2, side)
    ec2.modify_subnet_attribute(SubnetId=side.subnet, MapPublicIpOnLaunch={"Value": True})
    same(True, ec2.describe_subnets(SubnetIds=[side.subnet])["Subnets"][0]["MapPublicIpOnLaunch"], "public addresses")
    ec2.create_tags(Resources=[side.vpc, side.subnet], Tags=[{"Key": "stage", "Value": "test"}, {"Key": "empty", "Value": ""}])
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [side.subnet]}])["Tags"]
    same([("empty", "", "subnet"), ("stage", "test", "subnet")], [(t["Key"], t["Value"], t["ResourceType"]) for t in tags], "tags")
    ec2.delete_tags(Resources=[side.vpc], Tags=[{"Key": "stage"}])
    pages = ec2.get_paginator("describe_subnets").paginate(PaginationConfig={"PageSize": 5})
    same(len(ec2.describe_subnets()["Subnets"]), len(list(pages.search("Subnets[]"))), "subnets by pages")


def ipv6(ec2, side):
    added = ec2.associate_vpc_cidr_block(VpcId=side.vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    block = added["Ipv6CidrBlock"].replace("/56", "/64")
    given = ec2.associate_subnet_cidr_block(SubnetId=side.subnet, Ipv6CidrBlock=block)["Ipv6CidrBlockAssociation"]
    shown = ec2.describe_subnets(SubnetIds=[side.subnet])["Subnets"][0]["Ipv6CidrBlockAssociationSet"]
    same([block], [row["Ipv6CidrBlock"] for row in shown], "the subnet's IPv6 block")
    ec2.disassociate_subnet_cidr_block(AssociationId=given["AssociationId"])
    ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])


def peering(provider, customer, ours, theirs):
    asked = provider.ec2.create_vpc_peering_connection(
        VpcId=ours.vpc, PeerVpcId=theirs.vpc, PeerOwnerId=customer.id, PeerRegion=REGION
    )["VpcPeeringConnection"]
    pcx = asked["VpcPeeringConnectionId"]
    same("10.10.0.0/16", asked["RequesterVpcInfo"]["CidrBlock"], "the requester's block")
    pending = customer.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]
    same("pending-acceptance", pending["Status"]["Code"], "a peering's state")
    same(True, pending["ExpirationTime"].year >= 2024, "when a peering expires")
    refused("OperationNotPermitted", provider.ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=pcx)
    customer.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    active = provider.ec2.describe_vpc_peering_connections(Filters=[{"Name": "status-code", "Values": ["act*"]}])
    active = active["VpcPeeringConnections"][0]
    same([{"CidrBlock": "10.20.0.0/16"}], active["AccepterVpcInfo"]["CidrBlockSet"], "the accepter's blocks")
    same({"Code": "active", "Message": "Active"}, active["Status"], "an accepted peering's state")
    refused(
        "InvalidVpcPeeringConnectionState.DnsHostnamesDisabled",
        customer.ec2.modify_vpc_peering_connection_options,
        VpcPeeringConnectionId=pcx,
        AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True},
    )
    provider.ec2.modify_vpc_attribute(VpcId=ours.vpc, EnableDnsHostnames={"Value": True})
    options = customer.ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=pcx, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True}
    )
    same(True, options["AccepterPeeringConnectionOptions"]["AllowDnsResolutionFromRemoteVpc"], "peering options")
    return pcx


def routes(account, side, pcx):
    ec2, table = account.ec2, side.table
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.10.0.0/16", VpcPeeringConnectionId=pcx)
    shown = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    found = [(route["DestinationCidrBlock"], route["State"], route["Origin"]) for route in shown["Routes"]]
    local, peer = ("10.20.0.0/16", "active", "CreateRouteTable"), ("10.10.0.0/16", "active", "CreateRoute")
    same(sorted([local, peer]), sorted(found), "routes")
    refused("RouteAlreadyExists", ec2.create_route, RouteTableId=table, DestinationCidrBlock="10.10.0.0/16", VpcPeeringConnectionId=pcx)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=side.vpc)
    attached = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"]
    same(side.vpc, attached[0]["VpcId"], "an attached internet gateway")
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", VpcPeeringConnectionId=pcx)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    refused("InvalidRoute.NotFound", ec2.delete_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=side.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    other = ec2.create_route_table(VpcId=side.vpc)["RouteTable"]["RouteTableId"]
    moved = ec2.replace_route_table_association(AssociationId=side.association, RouteTableId=other)["NewAssociationId"]
    ec2.disassociate_route_table(AssociationId=moved)
    ec2.delete_route_table(RouteTableId=other)
    side.association = ec2.associate_route_table(RouteTableId=table, SubnetId=side.subnet)["AssociationId"]


def groups(account, side):
    ec2, group = account.ec2, side.group
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    same([], shown["IpPermissions"], "inbound rules of a new group")
    same("-1", shown["IpPermissionsEgress"][0]["IpProtocol"], "outbound rules of a new group")
    everything = [{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    postgres = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    block = [{"CidrIp": "10.10.0.0/16", "Description": "the Peering VPC"}]
    added = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**postgres, "IpRanges": block}])
    rule = added["SecurityGroupRules"][0]
    same((True, 5432, "10.10.0.0/16"), (rule["IsEgress"], rule["FromPort"], rule["CidrIpv4"]), "an outbound rule")
    own = [{**postgres, "UserIdGroupPairs": [{"GroupId": group}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=own)
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=own)
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    same(block, shown["IpPermissionsEgress"][0]["IpRanges"], "a group's range")
    same(group, shown["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"], "a group's reference")
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    same([False, True], sorted(rule["IsEgress"] for rule in rules), "rules of a group")
    changed = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5433, "CidrIpv4": "10.10.0.0/16"}
    ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": changed}],
    )
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=own)
    refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=own)


def instances(account, side):
    ec2 = account.ec2
    image = ec2.describe_images()["Images"][0]["ImageId"]
    run = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=side.subnet,
        SecurityGroupIds=[side.group],
        PrivateIpAddress="10.20.1.10",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "app"}]}],
    )
    instance = run["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1, "MaxAttempts": 3})
    shown = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    same(("10.20.1.10", side.vpc, "running"), (shown["PrivateIpAddress"], shown["VpcId"], shown["State"]["Name"]), "an instance")
    same([side.group], [group["GroupId"] for group in shown["SecurityGroups"]], "an instance's groups")
    status = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"][0]
    same("ok", status["InstanceStatus"]["Status"], "an instance's status")
    found = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])
    same(["10.20.1.10"], [interface["PrivateIpAddress"] for interface in found["NetworkInterfaces"]], "its interface")
    loose = ec2.create_network_interface(SubnetId=side.subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=loose, Groups=[side.group])
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[loose])["NetworkInterfaces"][0]
    same([side.group], [group["GroupId"] for group in shown["Groups"]], "an interface's groups")
    ec2.delete_network_interface(NetworkInterfaceId=loose)
    return instance


def addresses(account, side, instance):
    ec2 = account.ec2
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=side.vpc)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = ec2.associate_address(AllocationId=allocation, InstanceId=instance)["AssociationId"]
    shown = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    same((instance, "10.20.1.10"), (shown["InstanceId"], shown["PrivateIpAddress"]), "an Elastic IP address")
    names = ec2.describe_addresses_attribute(AllocationIds=[allocation], Attribute="domain-name")["Addresses"]
    same([shown["PublicIp"]], [name["PublicIp"] for name in names], "an Elastic IP address's names")
    refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=allocation)
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=allocation)
    refused("InvalidAllocationID.NotFound", ec2.release_address, AllocationId=allocation)
    return gateway


def prefix_lists(account, side):
    ec2 = account.ec2
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "10.60.0.0/16", "Description": "one"}]
    )["PrefixList"]["PrefixListId"]
    shown = ec2.describe_managed_prefix_lists(PrefixListIds=[made])["PrefixLists"][0]
    same(("offices", 1), (shown["PrefixListName"], shown["Version"]), "a prefix list")
    ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=1, AddEntries=[{"Cidr": "10.61.0.0/16"}])
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=made)["Entries"]
    same(["10.60.0.0/16", "10.61.0.0/16"], sorted(entry["Cidr"] for entry in entries), "a prefix list's entries")
    ec2.restore_managed_prefix_list_version(PrefixListId=made, PreviousVersion=1, CurrentVersion=2)
    source = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": made}]}]
    ec2.authorize_security_group_ingress(GroupId=side.group, IpPermissions=source)
    users = ec2.get_managed_prefix_list_associations(PrefixListId=made)["PrefixListAssociations"]
    same([side.group], [one["ResourceId"] for one in users], "who uses a prefix list")
    ec2.revoke_security_group_ingress(GroupId=side.group, IpPermissions=source)
    ec2.delete_managed_prefix_list(PrefixListId=made)


def references(provider, customer, ours, theirs):
    """The customer's group refers to the provider's, over their peering."""
    over = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": ours.group, "UserId": provider.id}]}]
    customer.ec2.authorize_security_group_ingress(GroupId=theirs.group, IpPermissions=over)
    found = provider.ec2.describe_security_group_references(GroupId=[ours.group])["SecurityGroupReferenceSet"]
    same([theirs.vpc], [one["ReferencingVpcId"] for one in found], "who refers to a group")
    stale = customer.ec2.describe_stale_security_groups(VpcId=theirs.vpc)["StaleSecurityGroupSet"]
    same([], stale, "stale groups while peered")
    customer.ec2.revoke_security_group_ingress(GroupId=theirs.group, IpPermissions=over)


def peering_ends(provider, customer, ours, theirs, pcx):
    customer.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    ended = provider.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]
    same("deleted", ended["Status"]["Code"], "a deleted peering")
    shown = customer.ec2.describe_route_tables(RouteTableIds=[theirs.table])["RouteTables"][0]["Routes"]
    dead = [route["State"] for route in shown if route.get("VpcPeeringConnectionId") == pcx]
    same(["blackhole"], dead, "a route to a deleted peering")
    again = provider.ec2.create_vpc_peering_connection(VpcId=ours.vpc, PeerVpcId=theirs.vpc, PeerOwnerId=customer.id)
    again = again["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    customer.ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=again)
    refused("DependencyViolation", customer.ec2.delete_vpc, VpcId=theirs.vpc)
    for account, side in ((provider, ours), (customer, theirs)):
        ec2 = account.ec2
        ec2.delete_security_group(GroupId=side.group)
        ec2.disassociate_route_table(AssociationId=side.association)
        ec2.delete_route_table(RouteTableId=side.table)
        ec2.delete_subnet(SubnetId=side.subnet)
        ec2.delete_vpc(VpcId=side.vpc)


def acls(account):
    ec2 = account.ec2
    vpc = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"NetworkAclId": acl, "RuleNumber": 100, "Protocol": "6", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(**rule, RuleAction="allow", PortRange={"From": 5432, "To": 5432})
    ec2.replace_network_acl_entry(**rule, RuleAction="deny", PortRange={"From": 5432, "To": 5433})
    shown = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]
    entry = next(entry for entry in shown["Entries"] if entry["RuleNumber"] == 100)
    same(("deny", "6", {"From": 5432, "To": 5433}), (entry["RuleAction"], entry["Protocol"], entry["PortRange"]), "an ACL's entry")
    default = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}])
    default = default["NetworkAcls"][0]
    first = default["Associations"][0]["NetworkAclAssociationId"]
    moved = ec2.replace_network_acl_association(AssociationId=first, NetworkAclId=acl)["NewAssociationId"]
    ec2.replace_network_acl_association(AssociationId=moved, NetworkAclId=default["NetworkAclId"])
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False)
    ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def leftovers(account):
    """Calls that are there and that the story does not need: they must answer, whatever it is."""
    optional = {
        "UpdateSecurityGroupRuleDescriptionsIngress": (account.ec2, {"GroupId": "sg-0123456789abcdef0", "IpPermissions": []}),
        "UpdateSecurityGroupRuleDescriptionsEgress": (account.ec2, {"GroupId": "sg-0123456789abcdef0", "IpPermissions": []}),
        "DescribeInstanceTypes": (account.ec2, {}),
        "DescribePrefixLists": (account.ec2, {}),
        "DescribeNetworkInterfaceAttribute": (account.ec2, {"NetworkInterfaceId": "eni-0123456789abcdef0", "Attribute": "groupSet"}),
    }
    there = {name for _, name, _, _ in shapes.Sources(shapes.API).calls()}
    for name, (client, parameters) in optional.items():
        if name not in there:
            continue
        try:
            client._make_api_call(name, parameters)
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                wrong.append(f"{name}: {error}")


def command_line(endpoint, keys):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    } | ({"PYENV_ROOT": os.environ["PYENV_ROOT"]} if "PYENV_ROOT" in os.environ else {})

    def aws(*arguments, fails=None):
        done = subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, timeout=60)
        if fails:
            same(True, done.returncode != 0 and fails in done.stderr, f"aws {' '.join(arguments)}: {done.stderr}")
            return None
        if done.returncode:
            wrong.append(f"aws {' '.join(arguments)}: {done.stderr.strip()}")
            return None
        return json.loads(done.stdout) if done.stdout.strip() else None

    same(keys["account"], (aws("sts", "get-caller-identity") or {}).get("Account"), "the CLI's account")
    vpc = aws("ec2", "create-vpc", "--cidr-block", "10.40.0.7/17", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=cli}]")
    if vpc is None:
        return
    same("10.40.0.0/17", vpc["Vpc"]["CidrBlock"], "host bits through the CLI")
    found = aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=cli", "--query", "Vpcs[].VpcId")
    same([vpc["Vpc"]["VpcId"]], found, "a VPC by its tag")
    aws("ec2", "describe-subnets", "--page-size", "5")
    aws("elbv2", "describe-load-balancers")
    aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/8", fails="(InvalidVpc.Range)")
    aws("ec2", "delete-vpc", "--vpc-id", vpc["Vpc"]["VpcId"])
    aws("ec2", "describe-spot-fleet-requests", fails="(InvalidAction)")


if __name__ == "__main__":
    main()
