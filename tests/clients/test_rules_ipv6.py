"""Section 1.1, 1.2, 1.4 and 1.5 of AWS's rules as they are for IPv6: kept and shown; no interface has an IPv6 address."""

import unittest

from rules import Rules, nothing, where


class Ipv6(Rules):
    account = "ipv6-rules"

    def setUp(self):
        self.home = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        self.block = self.blocks(self.home)[0]["Ipv6CidrBlock"]
        self.first = self.block.replace("::/56", "::/64")

    def blocks(self, vpc):
        return self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]

    def provide(self, vpc):
        return self.ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]

    def test_a_block_of_a_vpc(self):
        """A /56 of its own: associating, then associated; found by filters; given back."""
        other = self.vpc("10.0.0.0/16")
        self.assertEqual(self.blocks(other), [])
        made = self.provide(other)
        self.assertEqual(made["Ipv6CidrBlockState"]["State"], "associating")
        self.assertRegex(made["Ipv6CidrBlock"], "::/56$")
        self.assertRegex(made["AssociationId"], "^vpc-cidr-assoc-[0-9a-f]{17}$")
        self.assertNotEqual(made["Ipv6CidrBlock"], self.block)
        self.assertEqual([row["Ipv6CidrBlockState"]["State"] for row in self.blocks(other)], ["associated"])
        found = self.ec2.describe_vpcs(Filters=where(**{"ipv6_cidr_block_association__ipv6_cidr_block": made["Ipv6CidrBlock"]}))["Vpcs"]
        self.assertEqual([vpc["VpcId"] for vpc in found], [other])
        gone = self.ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])["Ipv6CidrBlockAssociation"]
        self.assertEqual(gone["Ipv6CidrBlockState"]["State"], "disassociating")
        self.assertEqual(self.blocks(other), [])
        self.refused("InvalidVpcCidrBlockAssociationID.NotFound", "disassociate_vpc_cidr_block", AssociationId=made["AssociationId"])

    def test_five_blocks(self):
        """Five IPv6 blocks a VPC (the quota): CidrLimitExceeded."""
        for _ in range(4):
            self.provide(self.home)
        self.refused("CidrLimitExceeded", "associate_vpc_cidr_block", VpcId=self.home, AmazonProvidedIpv6CidrBlock=True)

    def test_blocks_of_subnets(self):
        """Part of the VPC's, /44 to /64 by fours, beside the siblings', one a subnet; one in use keeps the VPC's."""
        make = lambda code, ipv6, vpc=self.home, cidr="10.0.1.0/24": ("create_subnet", code, {"VpcId": vpc, "CidrBlock": cidr, "Ipv6CidrBlock": ipv6})
        self.table(
            make("InvalidSubnet.Range", self.first, vpc=self.vpc("10.0.0.0/16")), make("InvalidSubnet.Range", "fd00::/64"),
            make("InvalidParameterValue", self.block.replace("/56", "/63")), make("InvalidParameterValue", "ten"), make(None, self.first),
            make("InvalidSubnet.Conflict", self.first, cidr="10.0.2.0/24"), make("InvalidSubnet.Conflict", self.block, cidr="10.0.2.0/24"),
        )
        subnet = self.subnet(self.home, "10.0.3.0/24")
        second = self.first.replace("00::/64", "01::/64")
        give = {"SubnetId": subnet, "Ipv6CidrBlock": second}
        made = self.ec2.associate_subnet_cidr_block(**give)["Ipv6CidrBlockAssociation"]
        self.refused("InvalidSubnet.Conflict", "associate_subnet_cidr_block", **give)
        shown = self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
        self.assertEqual([row["Ipv6CidrBlock"] for row in shown["Ipv6CidrBlockAssociationSet"]], [second])
        self.refused("DependencyViolation", "disassociate_vpc_cidr_block", AssociationId=self.blocks(self.home)[0]["AssociationId"])
        self.ec2.disassociate_subnet_cidr_block(AssociationId=made["AssociationId"])
        missing = {"AssociationId": nothing("subnet-cidr-assoc")}
        self.refused("InvalidSubnetCidrBlockAssociationID.NotFound", "disassociate_subnet_cidr_block", **missing)

    def test_no_addresses(self):
        """What would give an interface an IPv6 address is refused: UnsupportedOperation. That it gets none may be said."""
        subnet = self.subnet(self.home, "10.0.1.0/24", Ipv6CidrBlock=self.first)
        on_creation = lambda value: {"SubnetId": subnet, "AssignIpv6AddressOnCreation": {"Value": value}}
        launch = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}
        address = self.first.replace("/64", "7")
        self.table(
            ("modify_subnet_attribute", "UnsupportedOperation", on_creation(True)), ("modify_subnet_attribute", None, on_creation(False)),
            ("create_network_interface", "UnsupportedOperation", {"SubnetId": subnet, "Ipv6AddressCount": 1}),
            ("create_network_interface", "UnsupportedOperation", {"SubnetId": subnet, "Ipv6Addresses": [{"Ipv6Address": address}]}),
            ("run_instances", "UnsupportedOperation", {**launch, "Ipv6AddressCount": 1}),
        )
        made = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.assertEqual((made["Ipv6Addresses"], "Ipv6Address" in made), ([], False))

    def test_a_subnet_without_ipv4(self):
        """Ipv6Native: a subnet without an IPv4 block, whose interfaces would get IPv6 addresses; so there are none."""
        make = {"VpcId": self.home, "Ipv6Native": True}
        self.refused("MissingParameter", "create_subnet", **make)
        self.refused("InvalidParameterCombination", "create_subnet", **make, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=self.block)
        made = self.ec2.create_subnet(**make, Ipv6CidrBlock=self.block)["Subnet"]
        self.assertEqual((made["Ipv6Native"], made["AssignIpv6AddressOnCreation"], made.get("CidrBlock")), (True, True, None))
        self.refused("UnsupportedOperation", "create_network_interface", SubnetId=made["SubnetId"])
        association = made["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
        self.refused("InvalidCidrBlock.InUse", "disassociate_subnet_cidr_block", AssociationId=association)
        self.ec2.delete_subnet(SubnetId=made["SubnetId"])

    def test_groups(self):
        """Groups of a VPC with IPv6 let IPv6 out too; the default one opens when the VPC gets its block, if nobody has changed it."""
        outward = lambda **of: [
            [row["CidrIpv6"] for rule in group["IpPermissionsEgress"] for row in rule["Ipv6Ranges"]]
            for group in self.ec2.describe_security_groups(Filters=where(**of))["SecurityGroups"]
        ]
        self.group(self.home, "web")
        self.assertEqual(outward(vpc_id=self.home), [["::/0"], ["::/0"]])
        late, changed = self.vpc("10.0.0.0/16"), self.vpc("10.0.0.0/16")
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.revoke_security_group_egress(GroupId=self.default_group(changed), IpPermissions=everything)
        for vpc in (late, changed):
            self.assertEqual(outward(vpc_id=vpc), [[]])
            self.provide(vpc)
        self.assertEqual((outward(vpc_id=late), outward(vpc_id=changed)), ([["::/0"]], [[]]))

    def test_entries_of_acls(self):
        """101 allows all IPv6 in a default ACL, 32768 denies the rest; an entry is for one family; numbers are shared."""
        numbers = lambda vpc: sorted(
            (row["RuleNumber"], row["Egress"])
            for row in self.ec2.describe_network_acls(Filters=where(vpc_id=vpc))["NetworkAcls"][0]["Entries"]
            if row.get("Ipv6CidrBlock") == "::/0"
        )
        self.assertEqual(numbers(self.home), [(101, False), (101, True), (32768, False), (32768, True)])
        self.assertEqual(numbers(self.vpc("10.0.0.0/16")), [])
        acl = self.ec2.create_network_acl(VpcId=self.home)["NetworkAcl"]["NetworkAclId"]
        entry = lambda code, number, **range: (
            "create_network_acl_entry", code, {"NetworkAclId": acl, "RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": False, **range}
        )
        self.table(
            entry(None, 1, Ipv6CidrBlock="fd00::9/8"), entry("NetworkAclEntryAlreadyExists", 1, CidrBlock="10.0.0.0/8"),
            entry("InvalidParameterCombination", 2, CidrBlock="10.0.0.0/8", Ipv6CidrBlock="fd00::/8"),
            entry("InvalidParameterValue", 2, Ipv6CidrBlock="asdf"), entry("MissingParameter", 2),
        )
        shown = self.ec2.describe_network_acls(Filters=where(**{"entry__ipv6_cidr": "fd00::/8"}))["NetworkAcls"]
        self.assertEqual([one["NetworkAclId"] for one in shown], [acl])

    def test_routes(self):
        """A route's destination may be IPv6; the VPC's block is a local route; the same rules as for IPv4 hold."""
        table, gateway = self.main_table(self.home), self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.home)
        make = lambda code, block: ("create_route", code, {"RouteTableId": table, "DestinationIpv6CidrBlock": block, "GatewayId": gateway})
        self.table(
            make(None, "::/0"), make("RouteAlreadyExists", "::/0"), make("RouteAlreadyExists", self.block),
            make("InvalidParameterValue", self.first), make("InvalidParameterValue", "here"),
        )
        shown = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        rows = {row["DestinationIpv6CidrBlock"]: (row["GatewayId"], row["State"]) for row in shown if "DestinationIpv6CidrBlock" in row}
        self.assertEqual(rows, {self.block: ("local", "active"), "::/0": (gateway, "active")})
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=self.home)
        states = [row["State"] for row in self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]]
        self.assertEqual(sorted(states), ["active", "active", "blackhole"])
        self.ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
        self.refused("InvalidRoute.NotFound", "delete_route", RouteTableId=table, DestinationIpv6CidrBlock="::/0")
        self.refused("InvalidParameterValue", "delete_route", RouteTableId=table, DestinationIpv6CidrBlock=self.block)

    def test_peering(self):
        """Both sides' IPv6 blocks are shown once the request is accepted."""
        other = self.ec2.create_vpc(CidrBlock="10.1.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        pcx = self.active_peering(self.home, other)
        shown = self.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]
        sides = [shown[side]["Ipv6CidrBlockSet"] for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
        self.assertEqual(sides, [[{"Ipv6CidrBlock": self.blocks(vpc)[0]["Ipv6CidrBlock"]}] for vpc in (self.home, other)])


if __name__ == "__main__":
    unittest.main()
