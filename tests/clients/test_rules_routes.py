"""Section 1.2 of AWS's rules: route tables and routes. Section 1.5: network ACLs."""

import unittest

from rules import Rules, nothing, where


class Tables(Rules):
    account = "table-rules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def associations(self, table):
        return self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"]

    def test_a_subnet_without_one_has_the_main_table(self):
        """No explicit association: the main table, and the subnet is in no association."""
        subnet = self.subnet(self.home, "10.0.1.0/24")
        self.assertEqual(self.ec2.describe_route_tables(Filters=where(association__subnet_id=subnet))["RouteTables"], [])
        self.assertEqual([one["Main"] for one in self.associations(self.main_table(self.home))], [True])

    def test_one_subnet_one_table(self):
        """A subnet that is associated explicitly: Resource.AlreadyAssociated; the same table again too."""
        subnet = self.subnet(self.home, "10.0.2.0/24")
        one, other = self.route_table(self.home), self.route_table(self.home)
        made = self.ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)
        self.assertEqual(made["AssociationState"]["State"], "associated")
        self.refused("Resource.AlreadyAssociated", "associate_route_table", RouteTableId=other, SubnetId=subnet)
        moved = self.ec2.replace_route_table_association(AssociationId=made["AssociationId"], RouteTableId=other)["NewAssociationId"]
        self.assertNotEqual(moved, made["AssociationId"])
        self.refused("InvalidAssociationID.NotFound", "disassociate_route_table", AssociationId=made["AssociationId"])
        self.assertEqual((self.associations(one), [row["SubnetId"] for row in self.associations(other)]), ([], [subnet]))
        self.refused("DependencyViolation", "delete_route_table", RouteTableId=other)
        self.ec2.disassociate_route_table(AssociationId=moved)
        self.ec2.delete_route_table(RouteTableId=other)
        self.refused("InvalidRouteTableID.NotFound", "delete_route_table", RouteTableId=other)

    def test_the_main_table(self):
        """The main table is not deleted, its association not taken away; replacing the association moves `main`."""
        vpc = self.vpc("10.1.0.0/16")
        main, other = self.main_table(vpc), self.route_table(vpc)
        association = self.associations(main)[0]["RouteTableAssociationId"]
        self.refused("DependencyViolation", "delete_route_table", RouteTableId=main)
        self.refused("InvalidParameterValue", "disassociate_route_table", AssociationId=association)
        self.ec2.replace_route_table_association(AssociationId=association, RouteTableId=other)
        self.assertEqual(self.main_table(vpc), other)
        self.ec2.delete_route_table(RouteTableId=main)

    def test_tables_and_subnets_of_other_vpcs(self):
        """A table serves subnets of its own VPC."""
        vpc = self.vpc("10.2.0.0/16")
        subnet = self.subnet(vpc, "10.2.0.0/24")
        self.refused("InvalidParameterValue", "associate_route_table", RouteTableId=self.main_table(self.home), SubnetId=subnet)
        self.refused("InvalidSubnetID.NotFound", "associate_route_table", RouteTableId=self.main_table(vpc), SubnetId=nothing("subnet"))
        self.refused("InvalidRouteTableID.NotFound", "associate_route_table", RouteTableId=nothing("rtb"), SubnetId=subnet)


class Routes(Rules):
    account = "route-rules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make = lambda cidr: cls.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        cls.home, cls.peer = make("10.10.0.0/16"), make("10.20.0.0/16")
        cls.pcx = cls.ec2.create_vpc_peering_connection(VpcId=cls.home, PeerVpcId=cls.peer)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        cls.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=cls.pcx)
        cls.gateway = cls.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        cls.ec2.attach_internet_gateway(InternetGatewayId=cls.gateway, VpcId=cls.home)

    def setUp(self):
        self.rtb = self.route_table(self.home)

    def create(self, cidr, code=None, **target):
        target = target or {"VpcPeeringConnectionId": self.pcx}
        self.table(("create_route", code, {"RouteTableId": self.rtb, "DestinationCidrBlock": cidr, **target}))

    def test_the_local_route(self):
        """Every table has a local route a block: GatewayId local, Origin CreateRouteTable, active. It stays."""
        shown = self.ec2.describe_route_tables(RouteTableIds=[self.rtb])["RouteTables"][0]["Routes"]
        local = {"DestinationCidrBlock": "10.10.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        self.assertEqual(shown, [local])
        message = self.refused("InvalidParameterValue", "delete_route", RouteTableId=self.rtb, DestinationCidrBlock="10.10.0.0/16")
        self.assertIn("cannot remove local route", message)
        message = self.refused("InvalidGatewayID.NotFound", "create_route", RouteTableId=self.rtb, DestinationCidrBlock="10.77.0.0/16", GatewayId="local")
        self.assertEqual(message, "The gateway ID 'local' does not exist")

    def test_a_destination_is_there_once(self):
        """The same destination twice, or the local one: RouteAlreadyExists. Host bits do not make it another."""
        self.create("10.20.0.0/16")
        self.create("10.20.0.0/16", "RouteAlreadyExists")
        self.create("10.20.0.0/16", "RouteAlreadyExists", GatewayId=self.gateway)
        self.create("10.20.3.4/16", "RouteAlreadyExists")
        self.create("10.10.0.0/16", "RouteAlreadyExists")
        self.create("10.20.0.0/17")
        self.create("100.68.0.18/18")
        self.assertIn("100.68.0.0/18", self.routes(self.rtb))

    def test_one_target_one_destination(self):
        """Exactly one target and one destination."""
        both = {"VpcPeeringConnectionId": self.pcx, "GatewayId": self.gateway}
        self.create("10.30.0.0/16", "InvalidParameterCombination", **both)
        self.table(
            ("create_route", "MissingParameter", {"RouteTableId": self.rtb, "DestinationCidrBlock": "10.30.0.0/16"}),
            ("create_route", "MissingParameter", {"RouteTableId": self.rtb, "VpcPeeringConnectionId": self.pcx}),
            ("create_route", "InvalidParameterValue", {"RouteTableId": self.rtb, "DestinationCidrBlock": "ten", "VpcPeeringConnectionId": self.pcx}),
        )

    def test_inside_the_local_route(self):
        """A route more specific than local is for a whole subnet, and to an interface: never to a peering."""
        subnet = self.subnet(self.home, "10.10.7.0/24")
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.create("10.10.7.0/24", "InvalidParameterValue")
        self.create("10.10.7.0/24", "InvalidParameterValue", GatewayId=self.gateway)
        self.create("10.10.7.0/25", "InvalidParameterValue", NetworkInterfaceId=interface)
        self.create("10.10.7.0/24", None, NetworkInterfaceId=interface)

    def test_reserved_destinations(self):
        """Routes inside 169.254.168.0/22 are refused."""
        self.create("169.254.168.0/22", "InvalidParameterValue")
        self.create("169.254.169.254/32", "InvalidParameterValue")
        self.create("169.254.172.0/24")

    def test_targets_that_are_not_there(self):
        """NotFound, each by its kind; a target of another VPC is refused."""
        self.create("10.31.0.0/16", "InvalidVpcPeeringConnectionID.NotFound", VpcPeeringConnectionId=nothing("pcx"))
        self.create("10.31.0.0/16", "InvalidVpcPeeringConnectionId.Malformed", VpcPeeringConnectionId="pcx-")
        self.create("10.31.0.0/16", "InvalidGatewayID.NotFound", GatewayId=nothing("igw"))
        self.create("10.31.0.0/16", "InvalidNetworkInterfaceID.NotFound", NetworkInterfaceId=nothing("eni"))
        self.create("10.31.0.0/16", "RouteNotSupported", GatewayId=nothing("vpce"))
        loose = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.create("10.31.0.0/16", "InvalidParameterValue", GatewayId=loose)
        self.refused("InvalidRouteTableID.NotFound", "create_route", RouteTableId=nothing("rtb"), DestinationCidrBlock="10.0.0.0/8", GatewayId=self.gateway)

    def test_replace_and_delete(self):
        """ReplaceRoute of a missing one: InvalidParameterValue; DeleteRoute: InvalidRoute.NotFound."""
        there = {"RouteTableId": self.rtb, "DestinationCidrBlock": "10.32.0.0/16"}
        self.refused("InvalidParameterValue", "replace_route", **there, GatewayId=self.gateway)
        self.refused("InvalidRoute.NotFound", "delete_route", **there)
        self.create("10.32.0.0/16")
        self.ec2.replace_route(**there, GatewayId=self.gateway)
        shown = self.ec2.describe_route_tables(RouteTableIds=[self.rtb])["RouteTables"][0]["Routes"]
        self.assertEqual([row["GatewayId"] for row in shown if row["DestinationCidrBlock"] == "10.32.0.0/16"], [self.gateway])
        self.ec2.delete_route(**there)
        self.refused("InvalidRoute.NotFound", "delete_route", **there)

    def test_a_route_outlives_its_target(self):
        """Pending: blackhole until active. The peering or the interface gone: blackhole, and the route stays."""
        third = self.vpc("10.33.0.0/16")
        pcx = self.peering(self.home, third)
        self.create("10.33.0.0/16", None, VpcPeeringConnectionId=pcx)
        self.assertEqual(self.routes(self.rtb)["10.33.0.0/16"], "blackhole")
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(self.routes(self.rtb)["10.33.0.0/16"], "active")
        self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(self.routes(self.rtb)["10.33.0.0/16"], "blackhole")
        subnet = self.subnet(self.home, "10.10.9.0/24")
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.create("10.34.0.0/16", None, NetworkInterfaceId=interface)
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        self.assertEqual(self.routes(self.rtb)["10.34.0.0/16"], "blackhole")
        self.ec2.delete_route(RouteTableId=self.rtb, DestinationCidrBlock="10.34.0.0/16")
        self.assertNotIn("10.34.0.0/16", self.routes(self.rtb))


class Acls(Rules):
    account = "acl-rules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]

    def setUp(self):
        self.acl = self.ec2.create_network_acl(VpcId=self.home)["NetworkAcl"]["NetworkAclId"]

    def entry(self, number, **more):
        return {"NetworkAclId": self.acl, "RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0", **more}

    def test_the_default_one_allows_all_and_a_custom_one_nothing(self):
        """Default: 100 allow and 32767 deny, each way; custom: 32767 deny alone."""
        shown = self.ec2.describe_network_acls(Filters=where(vpc_id=self.home, default="true"))["NetworkAcls"][0]
        rules = lambda acl: sorted((row["Egress"], row["RuleNumber"], row["RuleAction"]) for row in acl["Entries"] if "CidrBlock" in row)
        both = lambda *rows: [(egress, *row) for egress in (False, True) for row in rows]
        self.assertEqual(rules(shown), both((100, "allow"), (32767, "deny")))
        custom = self.ec2.describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"][0]
        self.assertEqual((rules(custom), custom["IsDefault"]), (both((32767, "deny")), False))

    def test_numbers(self):
        """Numbers are 1 to 32766, each once a direction: NetworkAclEntryAlreadyExists."""
        make = lambda number, code, **more: ("create_network_acl_entry", code, self.entry(number, **more))
        self.table(
            make(1, None), make(32766, None), make(1, "NetworkAclEntryAlreadyExists"), make(1, None, Egress=True),
            make(0, "InvalidParameterValue"), make(32767, "InvalidParameterValue"), make(65536, "InvalidParameterValue"),
        )

    def test_what_an_entry_says(self):
        """TCP and UDP take ports, ICMP a type; a block is canonical; malformed ones are refused."""
        ports = {"Protocol": "6", "PortRange": {"From": 80, "To": 90}}
        make = lambda number, code, **more: ("create_network_acl_entry", code, self.entry(number, **more))
        self.table(
            make(10, None, **ports), make(11, None, Protocol="1", IcmpTypeCode={"Type": 8, "Code": -1}), make(12, None, CidrBlock="10.1.2.3/8"),
            make(13, "InvalidParameterValue", CidrBlock="ten"), make(14, "InvalidParameterValue", RuleAction="maybe"),
            make(15, "InvalidParameterValue", Protocol="6", PortRange={"From": 90, "To": 80}), make(16, "InvalidParameterValue", Protocol="6"),
        )
        shown = self.ec2.describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"][0]["Entries"]
        self.assertIn("10.0.0.0/8", [row.get("CidrBlock") for row in shown if row["RuleNumber"] == 12])

    def test_entries_are_replaced_and_deleted_by_number(self):
        """A missing one: InvalidNetworkAclEntry.NotFound."""
        self.ec2.create_network_acl_entry(**self.entry(20))
        self.ec2.replace_network_acl_entry(**self.entry(20, RuleAction="deny"))
        self.refused("InvalidNetworkAclEntry.NotFound", "replace_network_acl_entry", **self.entry(21))
        self.refused("InvalidNetworkAclEntry.NotFound", "delete_network_acl_entry", NetworkAclId=self.acl, RuleNumber=20, Egress=True)
        self.ec2.delete_network_acl_entry(NetworkAclId=self.acl, RuleNumber=20, Egress=False)
        self.refused("InvalidNetworkAclEntry.NotFound", "delete_network_acl_entry", NetworkAclId=self.acl, RuleNumber=20, Egress=False)

    def test_every_subnet_has_one(self):
        """A new subnet has the default one; another takes its place; one in use, or the default, is not deleted."""
        subnet = self.subnet(self.home, "10.40.1.0/24")
        found = self.ec2.describe_network_acls(Filters=where(association__subnet_id=subnet))["NetworkAcls"][0]
        self.assertTrue(found["IsDefault"])
        association = [row for row in found["Associations"] if row["SubnetId"] == subnet][0]["NetworkAclAssociationId"]
        moved = self.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=self.acl)["NewAssociationId"]
        self.refused("InvalidAssociationID.NotFound", "replace_network_acl_association", AssociationId=association, NetworkAclId=self.acl)
        self.refused("DependencyViolation", "delete_network_acl", NetworkAclId=self.acl)
        self.ec2.replace_network_acl_association(AssociationId=moved, NetworkAclId=found["NetworkAclId"])
        self.ec2.delete_network_acl(NetworkAclId=self.acl)
        self.refused("InvalidParameterValue", "delete_network_acl", NetworkAclId=found["NetworkAclId"])
        self.refused("InvalidNetworkAclID.NotFound", "delete_network_acl", NetworkAclId=nothing("acl"))

    def test_twenty_entries_a_direction(self):
        """20 entries a direction (the quota): NetworkAclEntryLimitExceeded."""
        for number in range(1, 21):
            self.ec2.create_network_acl_entry(**self.entry(number))
        self.refused("NetworkAclEntryLimitExceeded", "create_network_acl_entry", **self.entry(21))
        self.ec2.create_network_acl_entry(**self.entry(21, Egress=True))


if __name__ == "__main__":
    unittest.main()
