"""Section 1.1 of AWS's rules: VPCs, their blocks, subnets."""

import unittest

from rules import NOW, Rules, nothing, where


class Vpcs(Rules):
    account = "vpc-rules"

    def test_a_block_is_16_to_28(self):
        """A VPC's block is /16 to /28: InvalidVpc.Range."""
        self.table(
            ("create_vpc", None, {"CidrBlock": "10.0.0.0/16"}),
            ("create_vpc", None, {"CidrBlock": "10.0.0.0/28"}),
            ("create_vpc", "InvalidVpc.Range", {"CidrBlock": "10.0.0.0/15"}),
            ("create_vpc", "InvalidVpc.Range", {"CidrBlock": "10.0.0.0/29"}),
            ("create_vpc", "InvalidVpc.Range", {"CidrBlock": "0.0.0.0/0"}),
            ("create_vpc", "InvalidParameterValue", {"CidrBlock": "10.0.0.0"}),
            ("create_vpc", "InvalidParameterValue", {"CidrBlock": "10.0.0.256/16"}),
            ("create_vpc", "MissingParameter", {}),
        )
        message = self.refused("InvalidVpc.Range", "create_vpc", CidrBlock="10.0.0.0/8")
        self.assertIn("The CIDR '10.0.0.0/8' is invalid.", message)

    def test_link_local_is_never_a_block(self):
        """169.254.0.0/16 is never a VPC's."""
        self.refused("InvalidVpc.Range", "create_vpc", CidrBlock="169.254.0.0/16")
        self.refused("InvalidVpc.Range", "associate_vpc_cidr_block", VpcId=self.vpc("10.0.0.0/16"), CidrBlock="169.254.4.0/24")

    def test_host_bits_are_taken_off(self):
        """100.68.0.18/18 is 100.68.0.0/18, for VPCs, their further blocks and subnets."""
        vpc = self.ec2.create_vpc(CidrBlock="100.68.0.18/18")["Vpc"]
        self.assertEqual(vpc["CidrBlock"], "100.68.0.0/18")
        added = self.ec2.associate_vpc_cidr_block(VpcId=vpc["VpcId"], CidrBlock="100.69.0.9/20")
        self.assertEqual(added["CidrBlockAssociation"]["CidrBlock"], "100.69.0.0/20")
        subnet = self.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="100.68.1.77/24")["Subnet"]
        self.assertEqual(subnet["CidrBlock"], "100.68.1.0/24")

    def test_a_vpc_is_pending_then_available(self):
        """CreateVpc answers `pending`; the waiters vpc_exists and vpc_available end."""
        made = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]
        self.assertEqual((made["State"], made["OwnerId"], made["IsDefault"]), ("pending", self.owner, False))
        for waiter in ("vpc_exists", "vpc_available"):
            self.ec2.get_waiter(waiter).wait(VpcIds=[made["VpcId"]], WaiterConfig=NOW)
        self.assertEqual(self.ec2.describe_vpcs(VpcIds=[made["VpcId"]])["Vpcs"][0]["State"], "available")

    def test_a_vpc_comes_with_its_parts(self):
        """A new VPC has a DHCP options set, a main route table, a default ACL and a default group, one each."""
        vpc = self.vpc("10.2.0.0/16")
        shown = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
        self.assertRegex(shown["DhcpOptionsId"], "^dopt-|^default$")
        self.assertEqual([one["CidrBlockState"]["State"] for one in shown["CidrBlockAssociationSet"]], ["associated"])
        here = where(vpc_id=vpc)
        tables = self.ec2.describe_route_tables(Filters=here)["RouteTables"]
        self.assertEqual([[one["Main"] for one in table["Associations"]] for table in tables], [[True]])
        self.assertEqual([acl["IsDefault"] for acl in self.ec2.describe_network_acls(Filters=here)["NetworkAcls"]], [True])
        groups = self.ec2.describe_security_groups(Filters=here)["SecurityGroups"]
        self.assertEqual([group["GroupName"] for group in groups], ["default"])

    def test_attributes(self):
        """DNS support is on, DNS hostnames are off until asked for, one attribute a call."""
        vpc = self.vpc("10.3.0.0/16")
        shown = lambda name: self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"]
        self.assertEqual((shown("enableDnsSupport"), shown("enableDnsHostnames")), (True, False))
        self.assertFalse(shown("enableNetworkAddressUsageMetrics"))
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        self.assertTrue(shown("enableDnsHostnames"))
        both = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
        self.refused("InvalidParameterCombination", "modify_vpc_attribute", VpcId=vpc, **both)
        self.refused("InvalidVpcID.NotFound", "modify_vpc_attribute", VpcId=nothing("vpc"), EnableDnsSupport={"Value": True})

    def test_a_vpc_in_use_is_not_deleted(self):
        """Everything but the default group, the default ACL and the main table must be gone: DependencyViolation."""
        vpc = self.vpc("10.4.0.0/16")
        subnet = self.subnet(vpc, "10.4.1.0/24")
        table, group = self.route_table(vpc), self.group(vpc, "a")
        acl = self.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        for call, arguments in [
            ("delete_subnet", {"SubnetId": subnet}),
            ("delete_route_table", {"RouteTableId": table}),
            ("delete_security_group", {"GroupId": group}),
            ("delete_network_acl", {"NetworkAclId": acl}),
            ("detach_internet_gateway", {"InternetGatewayId": gateway, "VpcId": vpc}),
        ]:
            self.refused("DependencyViolation", "delete_vpc", VpcId=vpc)
            getattr(self.ec2, call)(**arguments)
        self.ec2.delete_vpc(VpcId=vpc)
        self.refused("InvalidVpcID.NotFound", "describe_vpcs", VpcIds=[vpc])
        self.refused("InvalidVpcID.NotFound", "delete_vpc", VpcId=vpc)
        self.assertEqual(self.ec2.describe_route_tables(Filters=where(vpc_id=vpc))["RouteTables"], [])


class Blocks(Rules):
    account = "block-rules"

    def add(self, vpc, cidr):
        return self.ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=cidr)["CidrBlockAssociation"]

    def test_sizes(self):
        """A further block is /16 to /28 too."""
        vpc = self.vpc("10.10.0.0/16")
        for cidr, code in [("10.11.0.0/16", None), ("10.12.0.0/28", None), ("10.14.0.0/15", "InvalidVpc.Range"), ("10.12.1.0/29", "InvalidVpc.Range")]:
            self.table(("associate_vpc_cidr_block", code, {"VpcId": vpc, "CidrBlock": cidr}))

    def test_blocks_do_not_overlap(self):
        """A further block does not overlap with the VPC's own."""
        vpc = self.vpc("10.20.0.0/16")
        self.add(vpc, "10.21.0.0/24")
        for cidr in ("10.20.0.0/16", "10.20.7.0/24", "10.21.0.0/23", "10.21.0.128/25"):
            self.refused("InvalidVpc.Range", "associate_vpc_cidr_block", VpcId=vpc, CidrBlock=cidr)

    def test_states_and_the_local_route(self):
        """associating, then associated; every route table has a local route for it; disassociating, then gone."""
        vpc = self.vpc("10.30.0.0/16")
        custom = self.route_table(vpc)
        added = self.add(vpc, "10.31.0.0/16")
        self.assertEqual(added["CidrBlockState"]["State"], "associating")
        shown = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]
        self.assertEqual({one["CidrBlock"]: one["CidrBlockState"]["State"] for one in shown}, {"10.30.0.0/16": "associated", "10.31.0.0/16": "associated"})
        for table in (custom, self.main_table(vpc)):
            self.assertEqual(self.routes(table), {"10.30.0.0/16": "active", "10.31.0.0/16": "active"})
        gone = self.ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
        self.assertEqual(gone["CidrBlockAssociation"]["CidrBlockState"]["State"], "disassociating")
        self.assertEqual(self.routes(custom), {"10.30.0.0/16": "active"})

    def test_what_is_not_disassociated(self):
        """The primary block: OperationNotPermitted; one with subnets: DependencyViolation; no such association: NotFound."""
        vpc = self.vpc("10.40.0.0/16")
        primary = self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"][0]["AssociationId"]
        self.refused("OperationNotPermitted", "disassociate_vpc_cidr_block", AssociationId=primary)
        added = self.add(vpc, "10.41.0.0/16")["AssociationId"]
        subnet = self.subnet(vpc, "10.41.3.0/24")
        self.refused("DependencyViolation", "disassociate_vpc_cidr_block", AssociationId=added)
        self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.disassociate_vpc_cidr_block(AssociationId=added)
        self.refused("InvalidVpcCidrBlockAssociationID.NotFound", "disassociate_vpc_cidr_block", AssociationId=added)

    def test_not_as_large_as_a_route(self):
        """A further block is neither equal to nor larger than the destination of a route in the VPC's tables."""
        vpc, peer = self.vpc("10.50.0.0/16"), self.vpc("10.51.0.0/16")
        pcx = self.active_peering(vpc, peer)
        table = self.route_table(vpc)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.60.0.0/24", VpcPeeringConnectionId=pcx)
        for cidr in ("10.60.0.0/24", "10.60.0.0/23", "10.60.0.0/16"):
            self.refused("InvalidVpc.Range", "associate_vpc_cidr_block", VpcId=vpc, CidrBlock=cidr)
        self.add(vpc, "10.60.0.0/25")

    def test_which_ranges_mix(self):
        """The primary block decides which further ranges there may be."""
        refused, allowed = "InvalidVpc.Range", None
        for primary, further in {
            "10.100.0.0/16": {"172.16.0.0/16": refused, "192.168.0.0/16": refused, "198.19.0.0/16": refused, "10.0.0.0/16": allowed, "100.64.0.0/16": allowed},
            "10.1.0.0/16": {"10.0.4.0/24": refused, "10.5.0.0/16": allowed, "8.8.0.0/16": allowed},
            "172.16.0.0/16": {"10.0.0.0/16": refused, "192.168.0.0/24": refused, "172.31.0.0/16": refused, "198.19.0.0/24": refused, "172.17.0.0/16": allowed},
            "192.168.0.0/16": {"10.0.0.0/16": refused, "172.16.0.0/16": refused, "198.19.0.0/24": refused, "100.64.0.0/16": allowed},
            "100.64.0.0/16": {"10.0.0.0/16": refused, "172.16.0.0/16": refused, "192.168.0.0/16": refused, "198.19.0.0/16": refused, "100.65.0.0/16": allowed},
            "8.8.0.0/16": {"10.0.0.0/16": refused, "198.19.0.0/16": refused, "9.9.0.0/16": allowed},
        }.items():
            vpc = self.vpc(primary)
            for cidr, code in further.items():
                with self.subTest(primary=primary):
                    self.table(("associate_vpc_cidr_block", code, {"VpcId": vpc, "CidrBlock": cidr}))

    def test_with_an_active_peering(self):
        """With an active peering: allowed, unless it overlaps with the peer."""
        vpc, peer = self.vpc("10.70.0.0/16"), self.vpc("10.71.0.0/16")
        pcx = self.active_peering(vpc, peer)
        self.refused("InvalidVpc.Range", "associate_vpc_cidr_block", VpcId=vpc, CidrBlock="10.71.8.0/24")
        self.add(vpc, "10.72.0.0/24")
        self.refused("InvalidVpc.Range", "associate_vpc_cidr_block", VpcId=peer, CidrBlock="10.72.0.0/16")
        shown = self.ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]
        self.assertEqual([one["CidrBlock"] for one in shown["RequesterVpcInfo"]["CidrBlockSet"]], ["10.70.0.0/16", "10.72.0.0/24"])

    def test_with_a_pending_peering(self):
        """While a request is pending its requester adds no block; the accepter may, and an overlap makes the request fail."""
        vpc, peer = self.vpc("10.80.0.0/16"), self.vpc("10.81.0.0/16")
        pcx = self.peering(vpc, peer)
        self.refused("OperationNotPermitted", "associate_vpc_cidr_block", VpcId=vpc, CidrBlock="10.82.0.0/24")
        self.add(peer, "10.83.0.0/24")
        self.assertEqual(self.state(pcx), "pending-acceptance")
        other = self.vpc("10.84.0.0/16")
        doomed = self.peering(other, peer)
        self.add(peer, "10.84.9.0/24")
        self.assertEqual((self.state(doomed), self.state(pcx)), ("failed", "pending-acceptance"))


class Subnets(Rules):
    account = "subnet-rules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]

    def test_ranges(self):
        """A subnet is /16 to /28 inside a block of its VPC: InvalidSubnet.Range."""
        make = lambda cidr, code: ("create_subnet", code, {"VpcId": self.home, "CidrBlock": cidr})
        self.table(
            make("10.90.1.0/24", None), make("10.90.2.0/28", None), make("10.90.2.64/29", "InvalidSubnet.Range"), make("10.91.0.0/24", "InvalidSubnet.Range"),
            make("10.88.0.0/13", "InvalidSubnet.Range"), make("ten", "InvalidParameterValue"),
            ("create_subnet", "InvalidVpcID.NotFound", {"VpcId": nothing("vpc"), "CidrBlock": "10.90.3.0/24"}),
        )
        self.subnet(self.vpc("10.92.0.0/16"), "10.92.0.0/16")

    def test_subnets_do_not_overlap(self):
        """A subnet does not overlap with its siblings: InvalidSubnet.Conflict."""
        self.subnet(self.home, "10.90.16.0/20")
        for cidr in ("10.90.16.0/20", "10.90.20.0/24", "10.90.0.0/16"):
            self.refused("InvalidSubnet.Conflict", "create_subnet", VpcId=self.home, CidrBlock=cidr)
        self.subnet(self.home, "10.90.128.0/20")

    def test_a_subnet_is_pending_then_available(self):
        """The waiter subnet_available ends; a subnet has a zone, an ARN and its VPC's main table."""
        made = self.ec2.create_subnet(VpcId=self.home, CidrBlock="10.90.40.0/24")["Subnet"]
        self.ec2.get_waiter("subnet_available").wait(SubnetIds=[made["SubnetId"]], WaiterConfig=NOW)
        shown = self.ec2.describe_subnets(SubnetIds=[made["SubnetId"]])["Subnets"][0]
        self.assertEqual((shown["State"], shown["MapPublicIpOnLaunch"], shown["DefaultForAz"]), ("available", False, False))
        self.assertTrue(shown["SubnetArn"].endswith(made["SubnetId"]))
        zone = self.ec2.create_subnet(VpcId=self.home, CidrBlock="10.90.41.0/24", AvailabilityZone="us-east-1b")["Subnet"]
        self.assertEqual(zone["AvailabilityZone"], "us-east-1b")
        self.refused("InvalidParameterValue", "create_subnet", VpcId=self.home, CidrBlock="10.90.42.0/24", AvailabilityZone="us-east-1z")

    def test_five_addresses_are_reserved(self):
        """The first four addresses and the last are AWS's; AvailableIpAddressCount is the size less 5 and what is used."""
        subnet = self.subnet(self.home, "10.90.50.0/28")
        free = lambda: self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]
        self.assertEqual(free(), 11)
        for last in (0, 1, 2, 3, 15):
            self.refused("InvalidParameterValue", "create_network_interface", SubnetId=subnet, PrivateIpAddress=f"10.90.50.{last}")
        self.refused("InvalidParameterValue", "create_network_interface", SubnetId=subnet, PrivateIpAddress="10.90.51.4")
        made = self.ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.90.50.4")["NetworkInterface"]
        self.refused("InvalidIPAddress.InUse", "create_network_interface", SubnetId=subnet, PrivateIpAddress="10.90.50.4")
        self.assertEqual(free(), 10)
        self.refused("DependencyViolation", "delete_subnet", SubnetId=subnet)
        self.ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
        self.assertEqual(free(), 11)

    def test_a_full_subnet(self):
        """No address is left: InsufficientFreeAddressesInSubnet."""
        subnet = self.subnet(self.home, "10.90.60.0/28")
        for _ in range(11):
            self.ec2.create_network_interface(SubnetId=subnet)
        self.refused("InsufficientFreeAddressesInSubnet", "create_network_interface", SubnetId=subnet)

    def test_subnets_that_are_not_there(self):
        """InvalidSubnetID.NotFound, whatever the id looks like."""
        self.table(
            ("describe_subnets", "InvalidSubnetID.NotFound", {"SubnetIds": [nothing("subnet")]}),
            ("delete_subnet", "InvalidSubnetID.NotFound", {"SubnetId": nothing("subnet")}),
            ("delete_subnet", "InvalidSubnetID.NotFound", {"SubnetId": "subnet-"}),
        )


if __name__ == "__main__":
    unittest.main()
