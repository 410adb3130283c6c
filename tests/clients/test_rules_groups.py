"""Section 1.4 of AWS's rules: security groups."""

import unittest

from rules import Rules, nothing, shared, tcp, where

ALL = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


class Groups(Rules):
    account = "group-rules"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def setUp(self):
        self.sg = self.group(self.home, self.id())

    def shown(self, group=None):
        return self.ec2.describe_security_groups(GroupIds=[group or self.sg])["SecurityGroups"][0]

    def ingress(self, code, permissions, **more):
        self.table(("authorize_security_group_ingress", code, {"GroupId": self.sg, "IpPermissions": permissions, **more}))

    def test_what_a_new_group_allows(self):
        """No ingress, all egress; the waiter security_group_exists ends."""
        self.ec2.get_waiter("security_group_exists").wait(GroupIds=[self.sg], WaiterConfig={"Delay": 1, "MaxAttempts": 8})
        shown = self.shown()
        self.assertEqual(shown["IpPermissions"], [])
        self.assertEqual([(one["IpProtocol"], one["IpRanges"]) for one in shown["IpPermissionsEgress"]], [("-1", [{"CidrIp": "0.0.0.0/0"}])])

    def test_the_default_group(self):
        """Ingress from itself, egress all; it is not deleted: CannotDelete."""
        default = self.default_group(self.home)
        shown = self.shown(default)
        self.assertEqual([(one["IpProtocol"], [pair["GroupId"] for pair in one["UserIdGroupPairs"]]) for one in shown["IpPermissions"]], [("-1", [default])])
        self.assertEqual(shown["IpPermissionsEgress"][0]["IpRanges"], [{"CidrIp": "0.0.0.0/0"}])
        message = self.refused("CannotDelete", "delete_security_group", GroupId=default)
        self.assertEqual(message, f'the specified group: "{default}" name: "default" cannot be deleted by a user')

    def test_names(self):
        """`default` is reserved, `sg-` no beginning; names are unique in a VPC whatever their case, up to 255 characters."""
        make = lambda name, code, text="x": ("create_security_group", code, {"VpcId": self.home, "GroupName": name, "Description": text})
        self.table(
            make("Web", None), make("web", "InvalidGroup.Duplicate"), make("WEB", "InvalidGroup.Duplicate"), make("default", "InvalidGroup.Reserved"),
            make("sg-web", "InvalidParameterValue"), make("n" * 256, "InvalidParameterValue"), make("n" * 255, None),
            make("text", "InvalidParameterValue", "t" * 256), make("snake \U0001f40d", "InvalidParameterValue"),
            ("create_security_group", "InvalidVpcID.NotFound", {"VpcId": nothing("vpc"), "GroupName": "a", "Description": "a"}),
        )
        self.group(self.vpc("10.1.0.0/16"), "web")

    def test_sources(self):
        """A rule's source: a block, a group of this VPC, a group of a VPC with an active peering."""
        peer = self.vpc("10.2.0.0/16")
        far = self.group(peer, "far")
        pair = lambda group, **more: [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group, **more}]}]
        self.ingress(None, tcp(80, "10.0.0.0/8"))
        self.ingress(None, pair(self.sg))
        self.ingress("InvalidGroup.NotFound", pair(far))
        pcx = self.peering(self.home, peer)
        self.ingress("InvalidGroup.NotFound", pair(far))
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.ingress(None, pair(far))
        self.ingress("InvalidGroup.NotFound", pair(nothing("sg")))
        self.ingress("InvalidGroupId.Malformed", pair("sg-"))

    def test_no_groups_of_another_region(self):
        """A group is not referred to across Regions, peering or not."""
        far = shared().client(self.account, region="eu-west-1")
        vpc = far.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
        group = far.create_security_group(VpcId=vpc, GroupName="a", Description="a")["GroupId"]
        pcx = self.peering(self.home, vpc, PeerRegion="eu-west-1")
        far.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[pcx])
        far.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.ingress("InvalidGroup.NotFound", [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}])

    def test_a_reference_goes_stale_and_revives(self):
        """A peer's group may be deleted, a peering may end: the rule stays, and is stale until the same pair is peered again."""
        peer = self.vpc("10.4.0.0/16")
        far = self.group(peer, "far")
        pcx = self.active_peering(self.home, peer)
        self.ingress(None, [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": far}]}])
        references = self.ec2.describe_security_group_references(GroupId=[far])["SecurityGroupReferenceSet"]
        self.assertEqual([(one["GroupId"], one["ReferencingVpcId"], one["VpcPeeringConnectionId"]) for one in references], [(far, self.home, pcx)])
        stale = lambda: [one["GroupId"] for one in self.ec2.describe_stale_security_groups(VpcId=self.home)["StaleSecurityGroupSet"]]
        self.assertNotIn(self.sg, stale())
        self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertIn(self.sg, stale())
        self.assertEqual(len(self.shown()["IpPermissions"]), 1)
        self.active_peering(self.home, peer)
        self.assertNotIn(self.sg, stale())
        self.ec2.delete_security_group(GroupId=far)
        self.assertIn(self.sg, stale())
        self.assertEqual(len(self.shown()["IpPermissions"]), 1)

    def test_groups_in_use_are_not_deleted(self):
        """On an interface, or referred to in the same VPC: DependencyViolation."""
        subnet = self.subnet(self.home, "10.0.1.0/24")
        interface = self.ec2.create_network_interface(SubnetId=subnet, Groups=[self.sg])["NetworkInterface"]["NetworkInterfaceId"]
        message = self.refused("DependencyViolation", "delete_security_group", GroupId=self.sg)
        self.assertIn(f"resource {self.sg} has a dependent object", message)
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        other = self.group(self.home, "refers")
        self.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": self.sg}]}])
        self.refused("DependencyViolation", "delete_security_group", GroupId=self.sg)
        self.ec2.delete_security_group(GroupId=other)
        self.ec2.delete_security_group(GroupId=self.sg)
        self.refused("InvalidGroup.NotFound", "delete_security_group", GroupId=self.sg)

    def test_the_same_rule_twice(self):
        """InvalidPermission.Duplicate, host bits or not; the whole call does nothing."""
        self.ingress(None, tcp(22, "10.0.0.0/8"))
        self.ingress("InvalidPermission.Duplicate", tcp(22, "10.0.0.0/8"))
        self.ingress("InvalidPermission.Duplicate", tcp(22, "10.9.8.7/8"))
        self.ingress("InvalidPermission.Duplicate", tcp(23, "10.0.0.0/8") + tcp(22, "10.0.0.0/8"))
        self.assertEqual([one["FromPort"] for one in self.shown()["IpPermissions"]], [22])
        self.ingress(None, tcp(22, "10.0.0.0/9"))

    def test_revoking(self):
        """By equal properties or by rule id; a missing rule in a VPC that is not the default: InvalidPermission.NotFound."""
        made = self.ec2.authorize_security_group_ingress(GroupId=self.sg, IpPermissions=tcp(22, "10.0.0.0/8") + tcp(23, "10.0.0.0/8"))["SecurityGroupRules"]
        self.refused("InvalidPermission.NotFound", "revoke_security_group_ingress", GroupId=self.sg, IpPermissions=tcp(22, "10.0.0.0/9"))
        self.refused("InvalidPermission.NotFound", "revoke_security_group_ingress", GroupId=self.sg, IpPermissions=tcp(24, "10.0.0.0/8"))
        self.ec2.revoke_security_group_ingress(GroupId=self.sg, IpPermissions=tcp(22, "10.0.0.0/8"))
        last = next(one["SecurityGroupRuleId"] for one in made if one["FromPort"] == 23)
        self.ec2.revoke_security_group_ingress(GroupId=self.sg, SecurityGroupRuleIds=[last])
        self.refused("InvalidSecurityGroupRuleId.NotFound", "revoke_security_group_ingress", GroupId=self.sg, SecurityGroupRuleIds=[last])
        self.assertEqual(self.shown()["IpPermissions"], [])

    def test_revoking_in_the_default_vpc(self):
        """A missing rule in a default VPC is no error: it comes back as unknown."""
        default = self.ec2.describe_vpcs(Filters=where(is_default="true"))["Vpcs"][0]["VpcId"]
        answer = self.ec2.revoke_security_group_ingress(GroupId=self.group(default, "mild"), IpPermissions=tcp(22, "10.0.0.0/8"))
        self.assertTrue(answer["Return"])
        self.assertEqual([one["FromPort"] for one in answer["UnknownIpPermissions"]], [22])

    def test_protocols(self):
        """-1, and any number but TCP's, UDP's and ICMP's, is all ports whatever range is given."""
        self.ingress(None, [{"IpProtocol": "-1", "FromPort": 5, "ToPort": 9, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}])
        self.ingress(None, [{"IpProtocol": "50", "FromPort": 5, "ToPort": 9, "IpRanges": [{"CidrIp": "10.2.0.0/16"}]}])
        self.ingress(None, [{"IpProtocol": "6", "FromPort": 5, "ToPort": 9, "IpRanges": [{"CidrIp": "10.3.0.0/16"}]}])
        self.ingress(None, [{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.4.0.0/16"}]}])
        found = {one["IpProtocol"]: (one.get("FromPort"), one.get("ToPort")) for one in self.shown()["IpPermissions"]}
        self.assertEqual((found["tcp"], found["icmp"]), ((5, 9), (8, -1)))
        for everything in ("-1", "50"):
            self.assertIn(found[everything], [(None, None), (-1, -1)])

    def test_malformed_rules(self):
        """Ports backwards or too large, blocks that are none: InvalidParameterValue or InvalidPermission.Malformed."""
        for rule in (
            {"IpProtocol": "tcp", "FromPort": 90, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 65536, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/33"}]},
            {"IpProtocol": "nonsense", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        ):
            with self.subTest(rule=rule):
                with self.assertRaises(self.ec2.exceptions.ClientError) as caught:
                    self.ec2.authorize_security_group_ingress(GroupId=self.sg, IpPermissions=[rule])
                self.assertIn(caught.exception.response["Error"]["Code"], ("InvalidParameterValue", "InvalidPermission.Malformed"))
        self.ingress("MissingParameter", [])

    def test_terraforms_first_calls(self):
        """After CreateSecurityGroup: revoke -1 with ports 0 for 0.0.0.0/0 is done; for ::/0 it is not there."""
        everything = lambda **source: [{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, **source}]
        self.ec2.revoke_security_group_egress(GroupId=self.sg, IpPermissions=everything(IpRanges=[{"CidrIp": "0.0.0.0/0"}]))
        self.assertEqual(self.shown()["IpPermissionsEgress"], [])
        self.refused("InvalidPermission.NotFound", "revoke_security_group_egress", GroupId=self.sg, IpPermissions=everything(Ipv6Ranges=[{"CidrIpv6": "::/0"}]))

    def test_rules_have_ids(self):
        """DescribeSecurityGroupRules shows each rule by id; ModifySecurityGroupRules changes it in place."""
        made = self.ec2.authorize_security_group_ingress(GroupId=self.sg, IpPermissions=tcp(22, "10.0.0.0/8"))["SecurityGroupRules"][0]
        rule = made["SecurityGroupRuleId"]
        self.assertEqual((made["IsEgress"], made["CidrIpv4"], made["GroupId"]), (False, "10.0.0.0/8", self.sg))
        change = {"IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "CidrIpv4": "10.0.0.0/8", "Description": "new"}
        self.ec2.modify_security_group_rules(GroupId=self.sg, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": change}])
        shown = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]
        self.assertEqual((shown["FromPort"], shown["Description"]), (23, "new"))
        self.assertEqual(len(self.ec2.describe_security_group_rules(Filters=where(group_id=self.sg))["SecurityGroupRules"]), 2)
        self.refused("InvalidSecurityGroupRuleId.NotFound", "describe_security_group_rules", SecurityGroupRuleIds=[nothing("sgr")])
        missing = [{"SecurityGroupRuleId": nothing("sgr"), "SecurityGroupRule": change}]
        self.refused("InvalidSecurityGroupRuleId.NotFound", "modify_security_group_rules", GroupId=self.sg, SecurityGroupRules=missing)

    def test_prefix_lists_as_sources(self):
        """A prefix list is a source, and counts as its most entries; one that is not there: InvalidPrefixListID.NotFound."""
        source = lambda id: [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": id}]}]
        self.ingress("InvalidPrefixListID.NotFound", source(nothing("pl")))
        made = self.ec2.create_managed_prefix_list(
            PrefixListName="offices", MaxEntries=60, AddressFamily="IPv4", Entries=[{"Cidr": "10.7.0.0/16", "Description": "one"}]
        )["PrefixList"]["PrefixListId"]
        self.ingress(None, source(made))
        self.assertEqual([one["PrefixListIds"][0]["PrefixListId"] for one in self.shown()["IpPermissions"]], [made])

    def test_deleting_a_prefix_list_that_is_named(self):
        """The call is taken; the state is delete-failed, the message says why, and the list is there as before."""
        made = self.ec2.create_managed_prefix_list(PrefixListName="named", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]["PrefixListId"]
        source = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": made}]}]
        self.ec2.authorize_security_group_ingress(GroupId=self.sg, IpPermissions=source)
        delete = lambda: self.ec2.delete_managed_prefix_list(PrefixListId=made)["PrefixList"]
        kept = delete()
        self.assertEqual((kept["State"], self.sg in kept["StateMessage"]), ("delete-failed", True))
        self.ec2.revoke_security_group_ingress(GroupId=self.sg, IpPermissions=source)
        self.assertEqual(delete()["State"], "delete-complete")

    def test_ids(self):
        """InvalidGroup.NotFound; InvalidGroupId.Malformed before it."""
        self.table(
            ("describe_security_groups", "InvalidGroup.NotFound", {"GroupIds": [nothing("sg")]}),
            ("describe_security_groups", "InvalidGroupId.Malformed", {"GroupIds": ["web"]}),
            ("describe_security_groups", "InvalidGroup.NotFound", {"GroupNames": ["no such name"]}),
            ("delete_security_group", "InvalidGroup.NotFound", {"GroupId": nothing("sg")}),
            ("authorize_security_group_egress", "InvalidGroup.NotFound", {"GroupId": nothing("sg"), "IpPermissions": ALL}),
            ("authorize_security_group_egress", "InvalidPermission.Duplicate", {"GroupId": self.sg, "IpPermissions": ALL}),
        )

    def test_groups_of_an_interface(self):
        """Groups of the interface's own VPC only; 5 at most: SecurityGroupsPerInterfaceLimitExceeded; never none."""
        subnet = self.subnet(self.home, "10.0.2.0/24")
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.assertEqual([group["GroupId"] for group in interface["Groups"]], [self.default_group(self.home)])
        change = {"NetworkInterfaceId": interface["NetworkInterfaceId"]}
        groups = [self.group(self.home, f"of an interface {number}") for number in range(6)]
        self.ec2.modify_network_interface_attribute(**change, Groups=groups[:5])
        self.refused("SecurityGroupsPerInterfaceLimitExceeded", "modify_network_interface_attribute", **change, Groups=groups)
        stranger = self.group(self.vpc("10.5.0.0/16"), "stranger")
        self.refused("InvalidParameter", "create_network_interface", SubnetId=subnet, Groups=[stranger])


if __name__ == "__main__":
    unittest.main()
