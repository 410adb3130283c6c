"""Section 1.6 of AWS's rules: endpoint services and endpoints (PrivateLink)."""

import itertools
import unittest

from rules import REGION, Rules, nothing, shared, where

NUMBERS = itertools.count(1)


class Endpoints(Rules):
    """`ec2` and `elb` are the provider's; the consumer is another account."""

    account = "publisher"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.consumer = shared().client("consumer")
        cls.buyer = f"arn:aws:iam::{shared().account('consumer')['STRAIT_ACCOUNT_ID']}:root"
        cls.home = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        # The same block: ranges that overlap are no matter here.
        cls.away = cls.consumer.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = lambda ec2, vpc, cidr, zone: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        cls.own = subnet(cls.ec2, cls.home, "10.0.1.0/24", "a")
        cls.own_b = subnet(cls.ec2, cls.home, "10.0.2.0/24", "b")
        cls.theirs = subnet(cls.consumer, cls.away, "10.0.1.0/24", "a")
        cls.theirs_b = subnet(cls.consumer, cls.away, "10.0.2.0/24", "b")
        cls.theirs_again = subnet(cls.consumer, cls.away, "10.0.3.0/24", "a")

    def balancer(self, *subnets):
        made = self.elb.create_load_balancer(Name=f"b{next(NUMBERS)}", Type="network", Scheme="internal", Subnets=list(subnets) or [self.own])
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def service(self, *principals, acceptance=True, **more):
        asked = {"NetworkLoadBalancerArns": [self.balancer()], "AcceptanceRequired": acceptance, **more}
        made = self.ec2.create_vpc_endpoint_service_configuration(**asked)["ServiceConfiguration"]
        if principals:
            self.ec2.modify_vpc_endpoint_service_permissions(ServiceId=made["ServiceId"], AddAllowedPrincipals=list(principals))
        return made

    def asked(self, service, **more):
        return {"VpcEndpointType": "Interface", "VpcId": self.away, "ServiceName": service["ServiceName"], "SubnetIds": [self.theirs], **more}

    def endpoint(self, service, **more):
        return self.consumer.create_vpc_endpoint(**self.asked(service, **more))["VpcEndpoint"]

    def states(self, *endpoints):
        shown = self.consumer.describe_vpc_endpoints(VpcEndpointIds=[one["VpcEndpointId"] for one in endpoints])["VpcEndpoints"]
        return [one["State"] for one in shown]

    def decide(self, verb, service, endpoint):
        return getattr(self.ec2, f"{verb}_vpc_endpoint_connections")(ServiceId=service["ServiceId"], VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"]

    def test_a_service_needs_a_balancer(self):
        """One at least; it must exist; one balancer belongs to one service; a service may have several."""
        create = "create_vpc_endpoint_service_configuration"
        self.refused("InvalidParameter", create)
        missing = f"arn:aws:elasticloadbalancing:{REGION}:{self.owner}:loadbalancer/net/none/0123456789abcdef"
        self.refused("InvalidNetworkLoadBalancerArn.NotFound", create, NetworkLoadBalancerArns=[missing])
        self.refused("InvalidNetworkLoadBalancerArn.Malformed", create, NetworkLoadBalancerArns=["db"])
        balancers = [self.balancer(), self.balancer(self.own_b)]
        made = self.ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=balancers)["ServiceConfiguration"]
        self.assertEqual(sorted(made["NetworkLoadBalancerArns"]), sorted(balancers))
        with self.assertRaises(self.ec2.exceptions.ClientError):
            self.ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=balancers[:1])

    def test_names(self):
        """com.amazonaws.vpce.REGION.vpce-svc-17 hex digits; the base name ends in vpce.amazonaws.com; the state is Available."""
        made = self.service()
        self.assertRegex(made["ServiceId"], "^vpce-svc-[0-9a-f]{17}$")
        self.assertEqual(made["ServiceName"], f"com.amazonaws.vpce.{REGION}.{made['ServiceId']}")
        shown = self.ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[made["ServiceId"]])["ServiceConfigurations"][0]
        self.assertEqual((shown["ServiceState"], shown["ServiceType"][0]["ServiceType"]), ("Available", "Interface"))
        self.assertEqual(shown["BaseEndpointDnsNames"], [f"{made['ServiceId']}.{REGION}.vpce.amazonaws.com"])

    def test_nobody_is_allowed_by_default(self):
        """Not allowed, or no such service: InvalidServiceName. Allowed by account or by `*`; removal cuts nothing."""
        create = "create_vpc_endpoint"
        made = self.service(acceptance=False)
        self.refused("InvalidServiceName", create, client=self.consumer, **self.asked(made))
        unknown = {"ServiceName": f"com.amazonaws.vpce.{REGION}.{nothing('vpce-svc')}"}
        self.refused("InvalidServiceName", create, client=self.consumer, **self.asked(unknown))
        permit = lambda **more: self.ec2.modify_vpc_endpoint_service_permissions(ServiceId=made["ServiceId"], **more)
        permit(AddAllowedPrincipals=[self.buyer])
        endpoint = self.endpoint(made)
        self.assertEqual(self.states(endpoint), ["available"])
        permit(RemoveAllowedPrincipals=[self.buyer])
        self.assertEqual(self.states(endpoint), ["available"])
        self.refused("InvalidServiceName", create, client=self.consumer, **self.asked(made))
        permit(AddAllowedPrincipals=["*"])
        self.endpoint(made)
        shown = self.ec2.describe_vpc_endpoint_service_permissions(ServiceId=made["ServiceId"])["AllowedPrincipals"]
        self.assertEqual([one["Principal"] for one in shown], ["*"])
        for principal in ("somebody", "arn:aws:iam::12:root", "arn:aws:s3:::bucket"):
            self.refused("InvalidPrincipal", "modify_vpc_endpoint_service_permissions", ServiceId=made["ServiceId"], AddAllowedPrincipals=[principal])

    def test_acceptance(self):
        """pendingAcceptance, accepted: available; both can be rejected: rejected."""
        made = self.service(self.buyer)
        one, other = self.endpoint(made), self.endpoint(made)
        self.assertEqual([one["State"], *self.states(other)], ["pendingAcceptance"] * 2)
        waiting = self.ec2.describe_vpc_endpoint_connections(Filters=where(service_id=made["ServiceId"]))["VpcEndpointConnections"]
        self.assertEqual({row["VpcEndpointId"] for row in waiting}, {one["VpcEndpointId"], other["VpcEndpointId"]})
        self.assertEqual(self.decide("accept", made, one), [])
        self.assertEqual(self.decide("reject", made, other), [])
        self.assertEqual((self.states(one), self.states(other)), (["available"], ["rejected"]))
        self.assertEqual(self.decide("reject", made, one), [])
        self.assertEqual(self.states(one), ["rejected"])

    def test_unsuccessful_items(self):
        """Accept, reject and both deletions answer HTTP 200 with what did not succeed."""
        made = self.service(self.buyer)
        missing = {"VpcEndpointId": nothing("vpce")}
        for verb in ("accept", "reject"):
            failed = self.decide(verb, made, missing)
            self.assertEqual([(row["ResourceId"], row["Error"]["Code"]) for row in failed], [(nothing("vpce"), "InvalidVpcEndpoint.NotFound")])
        failed = self.consumer.delete_vpc_endpoints(VpcEndpointIds=[nothing("vpce")])["Unsuccessful"]
        self.assertEqual([row["Error"]["Code"] for row in failed], ["InvalidVpcEndpoint.NotFound"])
        failed = self.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[nothing("vpce-svc")])["Unsuccessful"]
        self.assertEqual([row["Error"]["Code"] for row in failed], ["InvalidVpcEndpointService.NotFound"])

    def test_a_service_in_use_stays(self):
        """Live endpoints: ExistingVpcEndpointConnections, until they are deleted or rejected."""
        made = self.service(self.buyer, acceptance=False)
        endpoint = self.endpoint(made)
        delete = lambda: [row["Error"]["Code"] for row in self.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[made["ServiceId"]])["Unsuccessful"]]
        self.assertEqual(delete(), ["ExistingVpcEndpointConnections"])
        self.refused("ResourceInUse", "delete_load_balancer", client=self.elb, LoadBalancerArn=made["NetworkLoadBalancerArns"][0])
        self.assertEqual(self.consumer.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"], [])
        self.assertEqual(delete(), [])
        self.refused("InvalidVpcEndpointServiceId.NotFound", "describe_vpc_endpoint_service_configurations", ServiceIds=[made["ServiceId"]])
        self.refused("InvalidVpcEndpointId.NotFound", "describe_vpc_endpoints", client=self.consumer, VpcEndpointIds=[endpoint["VpcEndpointId"]])

    def test_one_subnet_a_zone(self):
        """Two subnets in one zone: DuplicateSubnetsInSameZone; a zone that the service is not in is refused."""
        made = self.service(self.buyer, acceptance=False)
        create = "create_vpc_endpoint"
        self.refused("DuplicateSubnetsInSameZone", create, client=self.consumer, **self.asked(made, SubnetIds=[self.theirs, self.theirs_again]))
        self.refused("InvalidParameter", create, client=self.consumer, **self.asked(made, SubnetIds=[self.theirs_b]))
        self.refused("InvalidSubnetID.NotFound", create, client=self.consumer, **self.asked(made, SubnetIds=[nothing("subnet")]))

    def test_interfaces_and_names(self):
        """An interface a subnet with an address of it; groups, the default one if none is named; a regional name and one a zone."""
        balancer = self.balancer(self.own, self.own_b)
        made = self.service(self.buyer, acceptance=False, NetworkLoadBalancerArns=[balancer])
        endpoint = self.endpoint(made, SubnetIds=[self.theirs, self.theirs_b])
        shown = self.consumer.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"][0]
        interfaces = self.consumer.describe_network_interfaces(NetworkInterfaceIds=shown["NetworkInterfaceIds"])["NetworkInterfaces"]
        self.assertEqual(sorted(one["PrivateIpAddress"].rsplit(".", 1)[0] for one in interfaces), ["10.0.1", "10.0.2"])
        self.assertEqual({one["InterfaceType"] for one in interfaces}, {"vpc_endpoint"})
        self.assertEqual([group["GroupName"] for group in shown["Groups"]], ["default"])
        tail = rf"\.{made['ServiceId']}\.{REGION}\.vpce\.amazonaws\.com$"
        names = [one["DnsName"] for one in shown["DnsEntries"]]
        self.assertRegex(names[0], rf"^{endpoint['VpcEndpointId']}-[a-z0-9]+{tail}")
        for zone in "ab":
            self.assertEqual(len([name for name in names if f"-{REGION}{zone}." in name]), 1, names)

    def test_endpoints_are_modified(self):
        """Groups are added and removed, never to none; acceptance of a service is switched."""
        made = self.service(self.buyer, acceptance=False)
        endpoint = self.endpoint(made)
        change = {"VpcEndpointId": endpoint["VpcEndpointId"]}
        group = self.consumer.create_security_group(VpcId=self.away, GroupName="of an endpoint", Description="x")["GroupId"]
        self.consumer.modify_vpc_endpoint(**change, AddSecurityGroupIds=[group])
        self.refused("DependencyViolation", "delete_security_group", client=self.consumer, GroupId=group)
        default = [one["GroupId"] for one in endpoint["Groups"]]
        self.refused("InvalidParameter", "modify_vpc_endpoint", client=self.consumer, **change, RemoveSecurityGroupIds=[group, *default])
        self.refused("InvalidVpcEndpointId.NotFound", "modify_vpc_endpoint", client=self.consumer, VpcEndpointId=nothing("vpce"))
        self.ec2.modify_vpc_endpoint_service_configuration(ServiceId=made["ServiceId"], AcceptanceRequired=True)
        self.assertEqual(self.endpoint(made)["State"], "pendingAcceptance")

    def test_consumers_find_what_they_are_allowed(self):
        """DescribeVpcEndpointServices shows a service to those that it allows, and to its owner."""
        made = self.service()
        names = lambda ec2: ec2.describe_vpc_endpoint_services()["ServiceNames"]
        self.assertIn(made["ServiceName"], names(self.ec2))
        self.assertNotIn(made["ServiceName"], names(self.consumer))
        self.ec2.modify_vpc_endpoint_service_permissions(ServiceId=made["ServiceId"], AddAllowedPrincipals=[self.buyer])
        self.assertIn(made["ServiceName"], names(self.consumer))
        self.refused("InvalidServiceName", "describe_vpc_endpoint_services", client=self.consumer, ServiceNames=["com.amazonaws.vpce.none"])

    def test_private_names(self):
        """A private name comes with a TXT record that proves it; PrivateDnsEnabled needs a verified one."""
        plain = self.service(self.buyer, acceptance=False)
        self.refused("InvalidParameter", "create_vpc_endpoint", client=self.consumer, **self.asked(plain, PrivateDnsEnabled=True))
        self.assertFalse(self.endpoint(plain)["PrivateDnsEnabled"])
        start = "start_vpc_endpoint_service_private_dns_verification"
        self.refused("InvalidParameter", start, ServiceId=plain["ServiceId"])
        self.refused("InvalidVpcEndpointServiceId.NotFound", start, ServiceId=nothing("vpce-svc"))

        named = self.service(self.buyer, acceptance=False, PrivateDnsName="db.example.test")
        proof = named["PrivateDnsNameConfiguration"]
        self.assertEqual((named["PrivateDnsName"], proof["State"], proof["Type"]), ("db.example.test", "pendingVerification", "TXT"))
        self.assertRegex(proof["Name"], "^_[a-z0-9]{20}$")
        self.assertRegex(proof["Value"], "^vpce:[A-Za-z0-9]{20}$")
        self.assertTrue(self.ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=named["ServiceId"])["ReturnValue"])
        shown = self.consumer.describe_vpc_endpoint_services(ServiceNames=[named["ServiceName"]])["ServiceDetails"][0]
        self.assertEqual(shown["PrivateDnsNameVerificationState"], "pendingVerification", "there is no such record")
        self.assertEqual((shown["PrivateDnsName"], shown["PrivateDnsNames"]), ("db.example.test", [{"PrivateDnsName": "db.example.test"}]))
        self.refused("InvalidParameter", "create_vpc_endpoint", client=self.consumer, **self.asked(named, PrivateDnsEnabled=True))

        modify = lambda **more: self.ec2.modify_vpc_endpoint_service_configuration(ServiceId=named["ServiceId"], **more)
        modify(PrivateDnsName="*.example.test")
        self.refused("InvalidParameter", "modify_vpc_endpoint_service_configuration", ServiceId=named["ServiceId"], PrivateDnsName="localhost")
        endpoint = self.endpoint(named)
        remove = {"ServiceId": named["ServiceId"], "RemovePrivateDnsName": True}
        self.refused("ExistingVpcEndpointConnections", "modify_vpc_endpoint_service_configuration", **remove)
        self.assertEqual(self.decide("reject", named, endpoint), [])
        modify(RemovePrivateDnsName=True)
        bare = self.ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[named["ServiceId"]])["ServiceConfigurations"][0]
        self.assertNotIn("PrivateDnsName", bare)

    def test_ids(self):
        """NotFound and Malformed, spelt as AWS spells them."""
        self.table(
            ("describe_vpc_endpoints", "InvalidVpcEndpointId.NotFound", {"VpcEndpointIds": [nothing("vpce")]}),
            ("describe_vpc_endpoints", "InvalidVpcEndpointId.Malformed", {"VpcEndpointIds": ["vpce-"]}),
            ("describe_vpc_endpoint_service_configurations", "InvalidVpcEndpointServiceId.NotFound", {"ServiceIds": [nothing("vpce-svc")]}),
            ("describe_vpc_endpoint_service_configurations", "InvalidVpcEndpointServiceIdId.Malformed", {"ServiceIds": ["svc"]}),
            ("modify_vpc_endpoint_service_permissions", "InvalidVpcEndpointServiceId.NotFound", {"ServiceId": nothing("vpce-svc")}),
            ("describe_vpc_endpoint_service_permissions", "InvalidVpcEndpointServiceId.NotFound", {"ServiceId": nothing("vpce-svc")}),
            ("accept_vpc_endpoint_connections", "InvalidVpcEndpointServiceId.NotFound", {"ServiceId": nothing("vpce-svc"), "VpcEndpointIds": [nothing("vpce")]}),
        )


class Gateways(Rules):
    """Gateway endpoints."""

    account = "gateway-endpoint-rules"

    def setUp(self):
        self.home = self.vpc("10.0.0.0/16")
        self.name = f"com.amazonaws.{REGION}.s3"

    def endpoint(self, **more):
        return self.ec2.create_vpc_endpoint(VpcId=self.home, ServiceName=self.name, **more)["VpcEndpoint"]

    def led(self, table):
        shown = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return {row["GatewayId"]: row["State"] for row in shown if "DestinationPrefixListId" in row}

    def test_the_default_type_and_its_routes(self):
        """Gateway is the default; its tables have a route by the service's prefix list, to it, until they or it go."""
        table, other = self.main_table(self.home), self.route_table(self.home)
        made = self.endpoint(RouteTableIds=[table])
        self.assertEqual((made["VpcEndpointType"], made["State"], made["RouteTableIds"]), ("Gateway", "available", [table]))
        self.assertEqual((made["SubnetIds"], made["Groups"], made["DnsEntries"]), ([], [], []))
        here = {"VpcEndpointId": made["VpcEndpointId"]}
        self.assertEqual((self.led(table), self.led(other)), ({here["VpcEndpointId"]: "active"}, {}))
        self.ec2.modify_vpc_endpoint(**here, AddRouteTableIds=[other], RemoveRouteTableIds=[table])
        self.assertEqual((self.led(table), self.led(other)), ({}, {here["VpcEndpointId"]: "active"}))
        self.refused("DependencyViolation", "delete_route_table", RouteTableId=table)
        lists = self.ec2.describe_prefix_lists(Filters=where(prefix_list_name=self.name))["PrefixLists"]
        self.refused("InvalidParameterValue", "delete_route", RouteTableId=other, DestinationPrefixListId=lists[0]["PrefixListId"])
        self.assertEqual(self.ec2.delete_vpc_endpoints(VpcEndpointIds=[here["VpcEndpointId"]])["Unsuccessful"], [])
        self.assertEqual(self.led(other), {})
        self.refused("InvalidVpcEndpointId.NotFound", "describe_vpc_endpoints", VpcEndpointIds=[here["VpcEndpointId"]])

    def test_what_is_refused(self):
        """Other Regions' services, one service twice in a table, what only interface endpoints have, routes to it by hand."""
        table = self.main_table(self.home)
        create = lambda code, **more: ("create_vpc_endpoint", code, {"VpcId": self.home, "ServiceName": self.name, **more})
        subnet = self.subnet(self.home, "10.0.1.0/24")
        self.table(
            create("InvalidServiceName", ServiceName="com.amazonaws.eu-west-1.s3" if REGION != "eu-west-1" else "com.amazonaws.us-east-1.s3"),
            create("InvalidServiceName", ServiceName="com.tester.my-test-endpoint"), create("InvalidParameter", SubnetIds=[subnet]),
            create("InvalidParameter", PrivateDnsEnabled=True), create("InvalidParameter", RouteTableIds=[self.route_table(self.vpc("10.0.0.0/16"))]),
            create("InvalidRouteTableID.NotFound", RouteTableIds=[nothing("rtb")]), create(None, RouteTableIds=[table]),
            create("RouteAlreadyExists", RouteTableIds=[table]),
        )
        made = self.endpoint()["VpcEndpointId"]
        self.refused("RouteNotSupported", "create_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=made)
        self.refused("DependencyViolation", "delete_vpc", VpcId=self.home)


if __name__ == "__main__":
    unittest.main()
