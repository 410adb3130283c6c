"""Section 1.3 of AWS's rules: VPC peering connections. What takes hours is in crates/strait-vpc/tests/rules/peerings.rs."""

import datetime
import unittest

from rules import NOW, REGION, Rules, nothing, shared, where

FAR = "eu-west-1"


class Peerings(Rules):
    account = "requester"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.theirs = shared().client("accepter")
        cls.they = shared().account("accepter")["STRAIT_ACCOUNT_ID"]
        cls.home = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def setUp(self):
        self.away = self.theirs.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]

    def ask(self, **more):
        asked = {"VpcId": self.home, "PeerVpcId": self.away, "PeerOwnerId": self.they, **more}
        return self.ec2.create_vpc_peering_connection(**asked)["VpcPeeringConnection"]

    def shown(self, ec2, pcx):
        return ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]

    def test_states_and_messages(self):
        """Initiating Request to, Pending Acceptance by, Active, Deleted by: with the account."""
        asked = self.ask()
        pcx = asked["VpcPeeringConnectionId"]
        self.assertEqual(asked["Status"], {"Code": "initiating-request", "Message": f"Initiating Request to {self.they}"})
        self.ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[pcx], WaiterConfig=NOW)
        self.assertEqual(self.shown(self.ec2, pcx)["Status"], {"Code": "pending-acceptance", "Message": f"Pending Acceptance by {self.they}"})
        accepted = self.theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)["VpcPeeringConnection"]
        self.assertIn(accepted["Status"]["Code"], ("provisioning", "active"))
        self.assertEqual(self.shown(self.ec2, pcx)["Status"], {"Code": "active", "Message": "Active"})
        self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        for side in (self.ec2, self.theirs):
            self.assertEqual(self.shown(side, pcx)["Status"], {"Code": "deleted", "Message": f"Deleted by {self.owner}"})
        self.ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[pcx], WaiterConfig=NOW)

    def test_what_the_accepter_sees(self):
        """Pending: of itself only owner, Region and VPC, the requester whole, an expiry in 7 days. Active: both whole, no expiry."""
        pcx = self.ask()["VpcPeeringConnectionId"]
        pending = self.shown(self.theirs, pcx)
        self.assertEqual(pending["AccepterVpcInfo"], {"OwnerId": self.they, "Region": REGION, "VpcId": self.away})
        self.assertEqual(pending["RequesterVpcInfo"]["CidrBlockSet"], [{"CidrBlock": "10.0.0.0/16"}])
        left = pending["ExpirationTime"] - datetime.datetime.now(datetime.timezone.utc)
        self.assertAlmostEqual(left.total_seconds(), 7 * 24 * 3600, delta=120)
        self.theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        active = self.shown(self.theirs, pcx)
        self.assertEqual((active["AccepterVpcInfo"]["CidrBlock"], active["RequesterVpcInfo"]["CidrBlock"]), ("10.1.0.0/16", "10.0.0.0/16"))
        self.assertNotIn("ExpirationTime", active)

    def test_an_overlap_is_no_error(self):
        """Overlapping blocks, primary or further: HTTP 200, then `failed`."""
        overlapping = self.theirs.create_vpc(CidrBlock="10.0.64.0/20")["Vpc"]["VpcId"]
        further = self.theirs.create_vpc(CidrBlock="10.2.0.0/16")["Vpc"]["VpcId"]
        self.theirs.associate_vpc_cidr_block(VpcId=further, CidrBlock="10.0.128.0/20")
        for vpc in (overlapping, further):
            pcx = self.ask(PeerVpcId=vpc)["VpcPeeringConnectionId"]
            self.assertEqual(self.state(pcx), "failed")
            message = self.refused("InvalidStateTransition", "delete_vpc_peering_connection", VpcPeeringConnectionId=pcx)
            self.assertEqual(message, f"Invalid state transition for {pcx}, attempted to transition from failed to deleting")

    def test_a_peer_that_is_not_there_is_no_error(self):
        """A VPC that does not exist, or the wrong account: `failed`."""
        for wrong in ({"PeerVpcId": nothing("vpc")}, {"PeerOwnerId": "999999999999"}, {"PeerRegion": FAR}):
            with self.subTest(wrong=wrong):
                self.assertEqual(self.state(self.ask(**wrong)["VpcPeeringConnectionId"]), "failed")

    def test_what_is_an_error(self):
        """Ids that are none and missing parameters are errors of the call."""
        ask = lambda code, **more: ("create_vpc_peering_connection", code, {"VpcId": self.home, **more})
        self.table(
            ask("InvalidVpcID.NotFound", PeerVpcId="vpc-"), ask("InvalidVpcID.NotFound", VpcId=nothing("vpc"), PeerVpcId=self.away),
            ask("MissingParameter"), ask("InvalidParameterValue", PeerVpcId=self.away, PeerOwnerId="12"),
            ask("InvalidParameterValue", PeerVpcId=self.away, PeerRegion="mars-1"),
        )

    def test_a_pair_has_one(self):
        """One peering connection a pair at a time: a second request answers the first, from either side, until it ends."""
        pcx = self.ask()["VpcPeeringConnectionId"]
        self.assertEqual(self.ask()["VpcPeeringConnectionId"], pcx)
        back = self.theirs.create_vpc_peering_connection(VpcId=self.away, PeerVpcId=self.home, PeerOwnerId=self.owner)
        self.assertEqual(back["VpcPeeringConnection"]["VpcPeeringConnectionId"], pcx)
        self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertNotEqual(self.ask()["VpcPeeringConnectionId"], pcx)

    def test_who_may_do_what_while_pending(self):
        """The requester may delete; the accepter may accept or reject; nobody else sees it."""
        pcx = {"VpcPeeringConnectionId": self.ask()["VpcPeeringConnectionId"]}
        message = self.refused("OperationNotPermitted", "accept_vpc_peering_connection", **pcx)
        self.assertIn(f"User ({self.owner}) cannot accept peering", message)
        self.refused("OperationNotPermitted", "reject_vpc_peering_connection", **pcx)
        self.refused("OperationNotPermitted", "delete_vpc_peering_connection", client=self.theirs, **pcx)
        self.refused("InvalidVpcPeeringConnectionID.NotFound", "accept_vpc_peering_connection", client=shared().client("nobody"), **pcx)
        self.theirs.reject_vpc_peering_connection(**pcx)
        for side in (self.ec2, self.theirs):
            self.assertEqual(self.state(pcx["VpcPeeringConnectionId"], side), "rejected")
        for call in ("accept_vpc_peering_connection", "reject_vpc_peering_connection", "delete_vpc_peering_connection"):
            self.refused("InvalidStateTransition", call, client=self.theirs, **pcx)

    def test_who_may_do_what_while_active(self):
        """Either side may delete; nobody may reject or accept again."""
        pcx = {"VpcPeeringConnectionId": self.ask()["VpcPeeringConnectionId"]}
        self.theirs.accept_vpc_peering_connection(**pcx)
        self.refused("InvalidStateTransition", "accept_vpc_peering_connection", client=self.theirs, **pcx)
        self.refused("InvalidStateTransition", "reject_vpc_peering_connection", client=self.theirs, **pcx)
        self.theirs.delete_vpc_peering_connection(**pcx)
        self.assertEqual(self.state(pcx["VpcPeeringConnectionId"]), "deleted")
        message = self.refused("InvalidStateTransition", "delete_vpc_peering_connection", **pcx)
        self.assertIn("to deleting", message)

    def test_across_regions(self):
        """Accepted in the accepter's Region only; each side modifies its options in its own."""
        far = shared().client("accepter", region=FAR)
        vpc = far.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        pcx = self.ask(PeerVpcId=vpc, PeerRegion=FAR)["VpcPeeringConnectionId"]
        own = self.peering(self.home, self.ec2_far_vpc("10.6.0.0/16"), PeerRegion=FAR)
        message = self.refused("OperationNotPermitted", "accept_vpc_peering_connection", VpcPeeringConnectionId=own)
        self.assertIn(f"must be accepted in region {FAR}", message)
        far.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual((self.state(pcx), self.state(pcx, far)), ("active", "active"))
        option = {"VpcPeeringConnectionId": pcx, "AccepterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": False}}
        self.refused("OperationNotPermitted", "modify_vpc_peering_connection_options", client=self.theirs, **option)
        far.modify_vpc_peering_connection_options(**option)

    def ec2_far_vpc(self, cidr):
        return shared().client(self.account, region=FAR).create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]

    def test_tags_are_each_sides_own(self):
        """Tags of a peering connection are of an account and Region."""
        tagged = [{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "side", "Value": "requester"}]}]
        pcx = self.ask(TagSpecifications=tagged)["VpcPeeringConnectionId"]
        self.theirs.create_tags(Resources=[pcx], Tags=[{"Key": "side", "Value": "accepter"}])
        tags = lambda ec2: [tag["Value"] for tag in self.shown(ec2, pcx)["Tags"]]
        self.assertEqual((tags(self.ec2), tags(self.theirs)), (["requester"], ["accepter"]))

    def test_options(self):
        """Only of an active one, only one's own side, only with DNS hostnames in both VPCs."""
        modify = "modify_vpc_peering_connection_options"
        allow = {"AllowDnsResolutionFromRemoteVpc": True}
        pcx = {"VpcPeeringConnectionId": self.ask()["VpcPeeringConnectionId"]}
        message = self.refused("OperationNotPermitted", modify, **pcx, RequesterPeeringConnectionOptions=allow)
        self.assertEqual(message, f"Peering {pcx['VpcPeeringConnectionId']} is not active. Peering options can be added only to active peerings.")
        self.theirs.accept_vpc_peering_connection(**pcx)
        message = self.refused("OperationNotPermitted", modify, **pcx, AccepterPeeringConnectionOptions=allow)
        self.assertEqual(message, f"User {self.owner} does not have permission to modify the accepter side peering options")
        self.refused("InvalidVpcPeeringConnectionState.DnsHostnamesDisabled", modify, **pcx, RequesterPeeringConnectionOptions=allow)
        for ec2, vpc in ((self.ec2, self.home), (self.theirs, self.away)):
            ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        self.addCleanup(self.ec2.modify_vpc_attribute, VpcId=self.home, EnableDnsHostnames={"Value": False})
        self.ec2.modify_vpc_peering_connection_options(**pcx, RequesterPeeringConnectionOptions=allow)
        shown = self.shown(self.theirs, pcx["VpcPeeringConnectionId"])
        self.assertTrue(shown["RequesterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"])
        self.assertFalse(shown["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"])

    def test_filters(self):
        """Every filter of AWS's finds it, and nothing else; an unknown one is refused."""
        tags = [{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "Name", "Value": "filters"}]}]
        pcx = self.ask(TagSpecifications=tags)["VpcPeeringConnectionId"]
        self.theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        only = where(accepter_vpc_info__vpc_id=self.away)
        for name, value in {
            "accepter-vpc-info.cidr-block": "10.1.0.0/16", "accepter-vpc-info.owner-id": self.they, "accepter-vpc-info.vpc-id": self.away,
            "requester-vpc-info.cidr-block": "10.0.*", "requester-vpc-info.owner-id": self.owner, "requester-vpc-info.vpc-id": self.home,
            "status-code": "activ?", "status-message": "Active", "tag:Name": "filters", "tag-key": "Name", "vpc-peering-connection-id": pcx,
        }.items():
            with self.subTest(filter=name):
                find = lambda value: self.ec2.describe_vpc_peering_connections(Filters=[*only, {"Name": name, "Values": [value]}])
                self.assertEqual([one["VpcPeeringConnectionId"] for one in find(value)["VpcPeeringConnections"]], [pcx])
                self.assertEqual(find("other")["VpcPeeringConnections"], [])
        self.refused("InvalidParameterValue", "describe_vpc_peering_connections", Filters=where(colour="red"))

    def test_ids(self):
        """InvalidVpcPeeringConnectionID.NotFound and InvalidVpcPeeringConnectionId.Malformed, in every call."""
        for call in ("accept", "reject", "delete"):
            call = f"{call}_vpc_peering_connection"
            self.refused("InvalidVpcPeeringConnectionID.NotFound", call, VpcPeeringConnectionId=nothing("pcx"))
            self.refused("InvalidVpcPeeringConnectionId.Malformed", call, VpcPeeringConnectionId="pcx-xyz")
        self.refused("InvalidVpcPeeringConnectionID.NotFound", "describe_vpc_peering_connections", VpcPeeringConnectionIds=[nothing("pcx")])


if __name__ == "__main__":
    unittest.main()
