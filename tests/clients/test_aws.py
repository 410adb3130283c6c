"""The calls that the story makes, from both sides, with boto3 and the AWS CLI as they come from PyPI."""

import datetime
import json
import subprocess
import unittest

from cloud import IMAGE, REGION, STRAIT, Cloud, Network, tcp

CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Identity(unittest.TestCase):
    def test_who_am_i(self):
        caller = CLOUD.client("customer", "sts").get_caller_identity()
        self.assertEqual(caller["Account"], CLOUD.account("customer")["STRAIT_ACCOUNT_ID"])
        self.assertRegex(caller["Arn"], rf"^arn:aws:(iam|sts)::{caller['Account']}:")

    def test_every_account_has_its_own_keys(self):
        one, two = CLOUD.account("customer"), CLOUD.account("provider")
        self.assertNotEqual(one["AWS_ACCESS_KEY_ID"], two["AWS_ACCESS_KEY_ID"])
        self.assertNotEqual(one["STRAIT_ACCOUNT_ID"], two["STRAIT_ACCOUNT_ID"])

    def test_regions_and_zones(self):
        ec2 = CLOUD.client("customer")
        self.assertIn(REGION, [region["RegionName"] for region in ec2.describe_regions()["Regions"]])
        zones = ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertGreaterEqual(len(zones), 2)
        self.assertTrue(all(zone["ZoneName"].startswith(REGION) for zone in zones))

    def test_an_image_is_named(self):
        images = CLOUD.client("customer").describe_images()["Images"]
        self.assertTrue(images)
        self.assertRegex(images[0]["ImageId"], r"^ami-[0-9a-f]+$")


class Networks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client("networks")
        cls.network = Network(cls.ec2, "10.50.0.0/16")

    def test_a_vpc_comes_with_its_parts(self):
        here = [{"Name": "vpc-id", "Values": [self.network.id]}]
        vpc = self.ec2.describe_vpcs(VpcIds=[self.network.id])["Vpcs"][0]
        self.assertEqual((vpc["CidrBlock"], vpc["State"]), ("10.50.0.0/16", "available"))
        tables = self.ec2.describe_route_tables(Filters=here)["RouteTables"]
        self.assertEqual(len(tables), 1)
        self.assertTrue(tables[0]["Associations"][0]["Main"])
        self.assertEqual(tables[0]["Routes"][0]["GatewayId"], "local")
        groups = self.ec2.describe_security_groups(Filters=here)["SecurityGroups"]
        self.assertEqual([group["GroupName"] for group in groups], ["default"])

    def test_host_bits_are_taken_off(self):
        vpc = self.ec2.create_vpc(CidrBlock="100.68.0.18/18")["Vpc"]
        self.addCleanup(self.ec2.delete_vpc, VpcId=vpc["VpcId"])
        self.assertEqual(vpc["CidrBlock"], "100.68.0.0/18")

    def test_dns_attributes(self):
        self.ec2.modify_vpc_attribute(VpcId=self.network.id, EnableDnsHostnames={"Value": True})
        found = self.ec2.describe_vpc_attribute(VpcId=self.network.id, Attribute="enableDnsHostnames")
        self.assertTrue(found["EnableDnsHostnames"]["Value"])

    def test_route_tables(self):
        table = self.ec2.create_route_table(VpcId=self.network.id)["RouteTable"]["RouteTableId"]
        subnet = self.ec2.create_subnet(VpcId=self.network.id, CidrBlock="10.50.9.0/24")["Subnet"]["SubnetId"]
        association = self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        found = self.ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
        self.assertEqual([one["RouteTableId"] for one in found["RouteTables"]], [table])
        with self.assertRaisesRegex(self.ec2.exceptions.ClientError, "DependencyViolation"):
            self.ec2.delete_route_table(RouteTableId=table)
        self.ec2.disassociate_route_table(AssociationId=association)
        self.ec2.delete_route_table(RouteTableId=table)
        self.ec2.delete_subnet(SubnetId=subnet)

    def test_internet_gateways(self):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.network.id)
        found = self.ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]
        self.assertEqual(found["Attachments"][0]["VpcId"], self.network.id)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.ec2.delete_route(RouteTableId=self.network.table, DestinationCidrBlock="0.0.0.0/0")
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=self.network.id)
        self.ec2.delete_internet_gateway(InternetGatewayId=gateway)

    def test_instances_come_and_go(self):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "box"}]}]
        instance = self.network.instance(TagSpecifications=tags)
        self.assertTrue(instance["PrivateIpAddress"].startswith("10.50.0."))
        mine = [{"Name": "tag:Name", "Values": ["bo*"]}, {"Name": "instance-state-name", "Values": ["running"]}]
        self.ec2.get_waiter("instance_running").wait(
            InstanceIds=[instance["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 5}
        )
        found = self.ec2.describe_instances(Filters=mine)["Reservations"]
        self.assertEqual([one["Instances"][0]["InstanceId"] for one in found], [instance["InstanceId"]])
        interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        shown = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        self.assertEqual(shown["PrivateIpAddress"], instance["PrivateIpAddress"])
        self.assertIn(instance["PrivateIpAddress"], CLOUD.strait("exec", "box", "--", "ip", "-4", "address"))
        self.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        with self.assertRaisesRegex(self.ec2.exceptions.ClientError, "InvalidNetworkInterfaceID.NotFound"):
            self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])

    def test_any_image_id_runs_and_a_token_runs_once(self):
        settings = {
            "ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "SubnetId": self.network.subnet, "ClientToken": "once-and-for-all",
        }
        first = self.ec2.run_instances(**settings)["Instances"][0]["InstanceId"]
        self.addCleanup(self.ec2.terminate_instances, InstanceIds=[first])
        self.assertEqual(self.ec2.run_instances(**settings)["Instances"][0]["InstanceId"], first)

    def test_security_group_rules(self):
        group = self.ec2.create_security_group(GroupName="rules", Description="rules", VpcId=self.network.id)["GroupId"]
        self.ec2.revoke_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )
        made = self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=tcp(5432, "10.80.0.9/17"))
        rule = made["SecurityGroupRules"][0]
        self.assertEqual(rule["CidrIpv4"], "10.80.0.0/17")
        only = [{"Name": "group-id", "Values": [group]}]
        rules = self.ec2.describe_security_group_rules(Filters=only)["SecurityGroupRules"]
        self.assertEqual([one["SecurityGroupRuleId"] for one in rules], [rule["SecurityGroupRuleId"]])
        self.ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
        self.assertEqual(self.ec2.describe_security_group_rules(Filters=only)["SecurityGroupRules"], [])
        self.ec2.delete_security_group(GroupId=group)

    def test_tags(self):
        self.ec2.create_tags(Resources=[self.network.subnet], Tags=[{"Key": "team", "Value": "blue"}])
        found = self.ec2.describe_subnets(Filters=[{"Name": "tag:team", "Values": ["blue"]}])["Subnets"]
        self.assertEqual([one["SubnetId"] for one in found], [self.network.subnet])

    def test_pages(self):
        for number in range(7):
            self.ec2.create_subnet(VpcId=self.network.id, CidrBlock=f"10.50.{100 + number}.0/24")
        pages = self.ec2.get_paginator("describe_subnets").paginate(
            Filters=[{"Name": "vpc-id", "Values": [self.network.id]}], PaginationConfig={"PageSize": 5}
        )
        sizes, seen = [], []
        for page in pages:
            sizes.append(len(page["Subnets"]))
            seen += [subnet["SubnetId"] for subnet in page["Subnets"]]
        self.assertGreaterEqual(len(sizes), 2)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreaterEqual(len(seen), 8)


class Peerings(unittest.TestCase):
    """Both views of the same peering connection, between two accounts and two Regions."""

    @classmethod
    def setUpClass(cls):
        cls.asker, cls.asked = CLOUD.client("asker"), CLOUD.client("asked", region="eu-west-1")
        cls.from_vpc, cls.to_vpc = Network(cls.asker, "10.60.0.0/16"), Network(cls.asked, "10.61.0.0/16")
        cls.asked_id = CLOUD.account("asked")["STRAIT_ACCOUNT_ID"]

    def ask(self):
        return self.asker.create_vpc_peering_connection(
            VpcId=self.from_vpc.id, PeerVpcId=self.to_vpc.id, PeerOwnerId=self.asked_id, PeerRegion="eu-west-1"
        )["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def seen(self, client, pcx):
        return client.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]

    def test_request_accept_delete(self):
        pcx = self.ask()
        pending = self.seen(self.asked, pcx)
        self.assertEqual(pending["Status"]["Code"], "pending-acceptance")
        self.assertEqual(pending["RequesterVpcInfo"]["CidrBlock"], "10.60.0.0/16")
        self.assertNotIn("CidrBlock", pending["AccepterVpcInfo"])
        left = pending["ExpirationTime"] - datetime.datetime.now(datetime.timezone.utc)
        self.assertAlmostEqual(left.total_seconds(), 7 * 86400, delta=300)
        with self.assertRaisesRegex(self.asker.exceptions.ClientError, "OperationNotPermitted"):
            self.asker.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        for client in (self.asker, self.asked):
            active = self.seen(client, pcx)
            self.assertEqual(active["Status"]["Code"], "active")
            self.assertEqual(active["AccepterVpcInfo"]["CidrBlock"], "10.61.0.0/16")
            self.assertNotIn("ExpirationTime", active)
        self.asked.create_route(RouteTableId=self.to_vpc.table, DestinationCidrBlock="10.60.0.0/16", VpcPeeringConnectionId=pcx)
        self.asker.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(self.seen(self.asked, pcx)["Status"]["Code"], "deleted")
        routes = self.asked.describe_route_tables(RouteTableIds=[self.to_vpc.table])["RouteTables"][0]["Routes"]
        self.assertEqual([route["State"] for route in routes if route["DestinationCidrBlock"] == "10.60.0.0/16"], ["blackhole"])
        self.asked.delete_route(RouteTableId=self.to_vpc.table, DestinationCidrBlock="10.60.0.0/16")

    def test_reject(self):
        pcx = self.ask()
        self.asked.reject_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(self.seen(self.asker, pcx)["Status"]["Code"], "rejected")
        with self.assertRaisesRegex(self.asked.exceptions.ClientError, "InvalidStateTransition"):
            self.asked.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)

    def test_overlap_is_answered_and_then_fails(self):
        other = Network(self.asked, "10.60.128.0/20")
        pcx = self.asker.create_vpc_peering_connection(
            VpcId=self.from_vpc.id, PeerVpcId=other.id, PeerOwnerId=self.asked_id, PeerRegion="eu-west-1"
        )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        status = self.seen(self.asker, pcx)["Status"]
        self.assertEqual(status["Code"], "failed")
        self.assertRegex(status["Message"], "(?i)overlap")


class Links(unittest.TestCase):
    """An endpoint service of one account, an endpoint of another."""

    def test_from_target_to_endpoint(self):
        provider, balancers = CLOUD.client("seller"), CLOUD.client("seller", "elbv2")
        customer = CLOUD.client("buyer")
        home, away = Network(provider, "10.70.0.0/16"), Network(customer, "10.71.0.0/16")
        balancer = balancers.create_load_balancer(Name="db", Type="network", Scheme="internal", Subnets=[home.subnet])["LoadBalancers"][0]
        targets = balancers.create_target_group(Name="db", Protocol="TCP", Port=5432, VpcId=home.id, TargetType="ip")["TargetGroups"][0]
        instance = home.instance()
        balancers.register_targets(TargetGroupArn=targets["TargetGroupArn"], Targets=[{"Id": instance["PrivateIpAddress"]}])
        balancers.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=5432,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}],
        )
        self.assertEqual(len(balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]), 1)
        service = provider.create_vpc_endpoint_service_configuration(
            NetworkLoadBalancerArns=[balancer["LoadBalancerArn"]], AcceptanceRequired=True
        )["ServiceConfiguration"]
        with self.assertRaisesRegex(customer.exceptions.ClientError, "InvalidServiceName"):
            self.endpoint(customer, away, service)
        buyer = CLOUD.account("buyer")["STRAIT_ACCOUNT_ID"]
        provider.modify_vpc_endpoint_service_permissions(
            ServiceId=service["ServiceId"], AddAllowedPrincipals=[f"arn:aws:iam::{buyer}:root"]
        )
        endpoint = self.endpoint(customer, away, service)
        self.assertEqual(endpoint["State"].lower(), "pendingacceptance")
        waiting = provider.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
        self.assertEqual([one["VpcEndpointId"] for one in waiting], [endpoint["VpcEndpointId"]])
        provider.accept_vpc_endpoint_connections(ServiceId=service["ServiceId"], VpcEndpointIds=[endpoint["VpcEndpointId"]])
        found = customer.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"][0]
        self.assertEqual(found["State"].lower(), "available")
        interface = customer.describe_network_interfaces(NetworkInterfaceIds=found["NetworkInterfaceIds"])["NetworkInterfaces"][0]
        self.assertTrue(interface["PrivateIpAddress"].startswith("10.71.0."))
        self.assertEqual(customer.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"], [])
        answer = provider.delete_vpc_endpoint_service_configurations(ServiceIds=[service["ServiceId"]])
        self.assertEqual(answer["Unsuccessful"], [])
        balancers.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        balancers.delete_target_group(TargetGroupArn=targets["TargetGroupArn"])

    def endpoint(self, customer, network, service):
        return customer.create_vpc_endpoint(
            VpcEndpointType="Interface", VpcId=network.id, ServiceName=service["ServiceName"], SubnetIds=[network.subnet]
        )["VpcEndpoint"]


class Story(unittest.TestCase):
    """The plane and the customer meet: the request is made over REST, accepted over EC2, by the printed commands."""

    def test_printed_commands_work(self):
        region = CLOUD.strait_json("vpc", "create", "--name", "story", "--cidr", "10.80.0.0/17", "--region", REGION, "--wait")["region_code"]
        ec2 = CLOUD.client("customer", region=region)
        network = Network(ec2, "10.20.0.0/16")
        account = CLOUD.account("customer")
        peering = CLOUD.strait_json(
            "peering", "create", "story", "--account", account["STRAIT_ACCOUNT_ID"], "--vpc-id", network.id, "--region", region
        )
        self.assertEqual((peering["status"], peering["waiting_on"]), ("PENDING", "customer"))
        guide = CLOUD.strait_json("peering", "steps", peering["id"], "--vpc", "story")
        group = ec2.create_security_group(GroupName="client", Description="client", VpcId=network.id)["GroupId"]
        accept = next(step for step in guide["steps"] if "accept-vpc-peering-connection" in step["command"])
        route = next(step for step in guide["steps"] if "create-route" in step["command"])
        for step in (accept, route):
            command = step["command"].replace("ROUTE_TABLE_ID", network.table).replace("SECURITY_GROUP_ID", group)
            done = subprocess.run(
                ["bash", "-euc", command], env=CLOUD.environment | account, capture_output=True, text=True, timeout=60
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        routes = ec2.describe_route_tables(RouteTableIds=[network.table])["RouteTables"][0]["Routes"]
        self.assertIn(("10.80.0.0/17", "active"), [(one["DestinationCidrBlock"], one["State"]) for one in routes])
        self.assertIn("ec2:AcceptVpcPeeringConnection", json.dumps(guide["iam_policy"]))


class CommandLine(unittest.TestCase):
    """The AWS CLI finds the endpoint by AWS_ENDPOINT_URL alone, and prints errors as AWS's."""

    def test_cli(self):
        status, output, errors = CLOUD.aws("customer", "sts", "get-caller-identity", "--query", "Account", "--output", "text")
        self.assertEqual((status, output.strip()), (0, CLOUD.account("customer")["STRAIT_ACCOUNT_ID"]), errors)
        status, _, errors = CLOUD.aws("customer", "ec2", "describe-vpcs", "--vpc-ids", "vpc-0123456789abcdef0")
        self.assertNotEqual(status, 0)
        self.assertIn("InvalidVpcID.NotFound", errors)
        status, _, errors = CLOUD.aws("customer", "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--dry-run")
        self.assertNotEqual(status, 0)
        self.assertIn("DryRunOperation", errors)

    def test_the_program_says_its_version(self):
        done = subprocess.run([STRAIT, "--version"], capture_output=True, text=True, timeout=60)
        self.assertRegex(done.stdout, r"^strait \d+\.\d+\.\d+")
