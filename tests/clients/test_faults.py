"""Whatever is killed, and whenever: what was asked for comes true, nothing is doubled, and forbidden ways stay closed meanwhile."""

import collections
import os
import random
import time

from cloud import tcp
from counts import counted
from forbidden import OPEN_PORT
from shaken import OTHERS, OURS, Shaken
from stories import ANYWHERE

# What is killed, or frozen, at random moments; the server oftener.
FAULTS = ("server", "server", "store", "frozen store", "service", "resolver", "forwarder")
# How many steps each of these changes has, of which one is disturbed.
STEPS = {"moves": 1, "vpc_begins_and_ends": 3, "service_begins_and_ends": 2}
# The range of a Peering VPC that begins and ends.
BRIEF = "10.99.0.0/24"
# How many: 20, or 200 in `make test-long`.
MOMENTS = 200 if os.environ.get("STRAIT_LONG") else 20
SEED = int(os.environ.get("STRAIT_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)


class Faults(Shaken):
    """At random moments, and the control of what knocks and counts."""

    def test_at_random_moments(self):
        """Kills of the server, of the store, of the service and of what answers names, while the service moves, or a Peering VPC with a
        peering connection, or another service, begins and ends."""
        print(f"\nseed {SEED} (STRAIT_FAULT_SEED), {MOMENTS} moments")
        dice = random.Random(SEED)
        chosen = collections.Counter()
        self.cloud.strait("service", "attach", self.id, self.vpcs[0], "--wait")
        for moment in range(MOMENTS):
            change, fault = dice.choice(("moves", "moves", *STEPS)), dice.choice(FAULTS)
            chosen[fault] += 1
            disturbed = dice.randrange(STEPS[change])
            with self.subTest(moment=moment, change=change, step=disturbed, fault=fault):
                for step, words in enumerate(getattr(self, change)(dice)):
                    asked = self.asked(*words)
                    if step == disturbed:
                        time.sleep(dice.random() * 0.4)
                        self.kill(fault)
                        self.ensure_up()
                    ended = self.cloud.strait_json("operation", "get", asked, "--wait")
                    self.assertEqual(ended["state"], "succeeded", ended)
                self.cloud.strait("service", "get", self.id, "--wait")
                self.check()
        print(f"killed: {dict(sorted(self.hit.items()))}, of {dict(sorted(chosen.items()))} that were to be")
        for fault, times in chosen.items():
            self.assertGreaterEqual(self.hit[fault] * 2, times, (fault, self.hit))
        self.knocking.check(self)

    def test_what_knocks_would_notice(self):
        """The control of what is forbidden: each way is opened on purpose, and noticed."""
        self.detach()
        self.cloud.strait("service", "attach", self.id, self.vpcs[0], "--wait")
        self.check()
        time.sleep(2)
        self.knocking.check(self)
        self.counts_notice()
        self.let_in(self.stranger, self.vpcs[0], OURS[0])
        self.notices("stranger to the service")
        self.let_in(self.app, self.others_vpc, OTHERS, self.others_own)
        self.notices("customer to another's service")
        group = self.join_networks()
        self.notices("beside the service to customer")
        way_out = {"GroupId": group, "IpPermissions": tcp(OPEN_PORT, ANYWHERE)}
        provider = self.cloud.client("provider")
        provider.authorize_security_group_egress(**way_out)
        self.addCleanup(provider.revoke_security_group_egress, **way_out)
        self.notices("service to customer")
        self.cloud.strait("service", "detach", self.id, "--wait")
        self.notices("internet")
        self.notices("internet by name")

    def moves(self, dice):
        now = self.cloud.strait_json("service", "get", self.id)["network"]["now"]
        target = dice.choice([place for place in (*self.vpcs, "public") if place != now.removeprefix("vpc:")])
        if target == "public":
            self.knocking.may_open()
        yield ("service", "detach", self.id) if target == "public" else ("service", "attach", self.id, target)

    def vpc_begins_and_ends(self, _):
        """With a peering connection; all is as it was then."""
        yield "vpc", "create", "--cidr", BRIEF, "--region", "us-east-1"
        [vpc] = [row["id"] for row in self.cloud.strait_json("vpc", "list") if row["cidr"] == BRIEF]
        yield "peering", "create", vpc, "--account", self.app.account, "--vpc-id", self.app.id, "--region", "us-east-1"
        yield "vpc", "delete", vpc, "--cascade", "--yes"

    def service_begins_and_ends(self, _):
        """In a VPC: a public one would have the address that the other one had, which is knocked at."""
        yield "service", "create", "--name", "brief", "--vpc", self.vpcs[0]
        yield "service", "delete", "brief", "--yes"

    def counts_notice(self):
        """What is left over, in the cloud and in the kernel."""
        wanted = self.undisturbed[self.vpcs[0]]
        provider = self.cloud.client("provider")
        left = provider.allocate_address(Domain="vpc")["AllocationId"]
        self.assertEqual(counted(self.cloud, [self.app.ec2, self.stranger.ec2])["addresses"], wanted["addresses"] + 1)
        provider.release_address(AllocationId=left)
        hosts = "namespaces of hosts"
        self.assertEqual(counted(self.cloud, [self.app.ec2])[hosts], wanted[hosts] + 1, "the stranger's, which nobody says")
        self.counts(self.vpcs[0])

    def notices(self, way):
        until = time.monotonic() + 20
        while way not in {row[0] for row in self.knocking.broken()}:
            self.assertLess(time.monotonic(), until, f"{way} is noticed")
            time.sleep(0.1)

    def let_in(self, customer, vpc, cidr, environment=None):
        """Until the end of the test."""
        routes = {"RouteTableId": customer.table, "DestinationCidrBlock": cidr}
        before = self.route(customer, cidr)
        pcx = self.join(customer, vpc, environment)
        customer.ec2.replace_route(**routes, VpcPeeringConnectionId=pcx)
        [made] = [row for row in self.json("peering", "list", "--vpc", vpc, environment=environment) if row["accepter_provisioned_id"] == pcx]
        self.addCleanup(self.json, "peering", "delete", made["id"], "--yes", "--wait", environment=environment)
        self.addCleanup(customer.ec2.replace_route, **routes, VpcPeeringConnectionId=before)

    def join_networks(self):
        """Peers the service's own VPC with the customer's, until the end of the test, as no Strait does; the service's group."""
        provider = self.cloud.client("provider")
        host = self.host_of_service(provider)
        vpc = host["VpcId"]
        [cidr] = [row["CidrBlock"] for row in provider.describe_vpcs(VpcIds=[vpc])["Vpcs"]]
        peer = {"VpcId": vpc, "PeerVpcId": self.app.id, "PeerOwnerId": self.app.account}
        pcx = provider.create_vpc_peering_connection(**peer)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.addCleanup(provider.delete_vpc_peering_connection, VpcPeeringConnectionId=pcx)
        self.app.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        there = [{"Name": "vpc-id", "Values": [vpc]}]
        tables = [row["RouteTableId"] for row in provider.describe_route_tables(Filters=there)["RouteTables"]]
        for ec2, table, range_ in ((self.app.ec2, self.app.table, cidr), *((provider, table, "10.20.0.0/16") for table in tables)):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock=range_, VpcPeeringConnectionId=pcx)
            self.addCleanup(ec2.delete_route, RouteTableId=table, DestinationCidrBlock=range_)
        return host["SecurityGroups"][0]["GroupId"]

    def asked(self, *words):
        """The operation that was asked for; what is deleted does not tell its own, which is the last."""
        answer = self.json(*words)
        if "operation_id" in (answer or {}):
            return answer["operation_id"]
        [last] = self.cloud.strait_json("operation", "list", "--limit", "1")
        return last["id"]
