"""One of two servers freezes before each step of each kind of work: the other one ends it, and the one that thaws does no harm."""

import os
import subprocess
import time

from cloud import STRAIT
from forbidden import POSTGRESQL, Forbidden
from local_aws import setUpModule, tearDownModule
from stops import Stops, goes_on, state
from stories import Customer
from test_on_aws_servers import Two

__all__ = ["Frozen", "setUpModule", "tearDownModule"]


class Guarded(Two):
    """Meanwhile nobody comes in who must not."""

    # How long the one that thawed has for harm, in seconds.
    THAWED = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = Customer(cls.cloud, f"stranger-to-{cls.ACCOUNT}", "10.30.0.0/16")

    def forbidden(self):
        return Forbidden(
            self.cloud.environment,
            while_closed=[("internet", "internet", f"{self.service.public}:{POSTGRESQL}")],
            always=[("stranger", self.stranger.host, f"{self.host}:{POSTGRESQL}")],
            open_=[("neighbour", self.service.neighbour, f"{self.service.address}:{POSTGRESQL}")],
            listeners=[],
        )


class Frozen(Guarded):
    """Before each step."""

    ACCOUNT = "frozen"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stops = Stops(os.path.join(cls.front.folder, "stops"))
        for server in (cls.front, cls.second):
            server.environment |= cls.stops.variables
            server.kill()
            server.start()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.stops.clear)

    def test_moves_and_lists(self):
        first, second = self.vpc, self.peered("10.81.0.0/24", self.customer)
        id_ = self.service_id
        counts = self.counts_of_each_state(first, second)
        moves = [
            ("open-new-way", "attach", first),
            ("probe-new-way", "attach", second),
            ("switch-names", "attach", first),
            ("close-former-way", "attach", second),
            ("drain-former-way", "attach", first, "--drain", "2"),
            ("open-new-way", "detach"),
            ("close-former-way", "attach", second),
            ("switch-names", "detach"),
        ]
        with self.forbidden() as knocking:
            for step, move, *more in moves:
                with self.subTest(step=step, move=move):
                    if move == "detach":
                        knocking.may_open()
                    self.freezes(step, "service", move, id_, *more)
                    self.check(more[0] if more else None, counts, knocking)
            with self.subTest(step="apply-allow-list"):
                self.front.run("service", "attach", id_, first, "--wait")
                knocking.closed()
                self.freezes("apply-allow-list", "service", "allow", "set", id_, "--private", "10.99.0.0/16", "--yes")
                self.eventually("the customer is not in the list", lambda: self.hears(self.customer.host, self.host) != "PostgreSQL", True)
                self.freezes("apply-allow-list", "service", "allow", "clear", id_, "--private", "--yes")
                # The list's own group stays with its way.
                self.check(first, counts | {first: counts[first] + 1}, knocking)
            knocking.check(self)

    def test_what_begins_and_ends(self):
        self.freezes("remove", "service", "delete", self.service_id, "--yes")
        self.assertEqual(self.front.json("service", "list"), [])
        self.freezes("look-at-service", "service", "register", *self.registration())
        [service] = self.front.json("service", "list")
        self.assertTrue(service["network"]["settled"], service)
        cidr = "10.83.0.0/24"
        self.freezes("make-vpc", "vpc", "create", "--cidr", cidr, "--region", self.REGION)
        [vpc] = [row["id"] for row in self.front.json("vpc", "list") if row["cidr"] == cidr]
        ours = [{"Name": "tag-key", "Values": [self.TAG]}, {"Name": "cidr", "Values": [cidr]}]
        self.assertEqual(len(self.provider().describe_vpcs(Filters=ours)["Vpcs"]), 1, "one VPC")
        peer = ("--account", self.customer.account, "--vpc-id", self.customer.network.id, "--region", self.customer.region)
        self.freezes("ask-customer", "peering", "create", vpc, *peer)
        [peering] = self.front.json("peering", "list", "--vpc", vpc)
        asked = [{"Name": "requester-vpc-info.cidr-block", "Values": [cidr]}]
        found = self.customer.ec2.describe_vpc_peering_connections(Filters=asked)["VpcPeeringConnections"]
        self.assertEqual([row["VpcPeeringConnectionId"] for row in found], [peering["accepter_provisioned_id"]], "one request")
        self.freezes("remove", "peering", "delete", peering["id"], "--yes")
        self.assertEqual(self.front.json("peering", "list", "--vpc", vpc), [])
        self.freezes("remove", "vpc", "delete", vpc, "--yes")
        self.assertEqual(self.provider().describe_vpcs(Filters=ours)["Vpcs"], [])

    def counts_of_each_state(self, first, second):
        """How much there is while the service is attached and while it is public, in peace; what stays of the first time is there by then."""
        counts = {}
        for vpc in (first, second, None, first, second, None):
            self.front.run("service", *(("attach", self.service_id, vpc) if vpc else ("detach", self.service_id)), "--wait")
            counts[vpc] = len(self.made())
        return counts

    def freezes(self, step, *words):
        """Asks for something; the server that comes to this step of it freezes there until the other one has ended it."""
        servers = {server.server.pid: server for server in (self.front, self.second)}
        self.stops.set(step)
        with subprocess.Popen(
            [STRAIT, *words, "--output", "json"], env=self.front.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as asking:
            try:
                frozen = self.stops.wait(servers)
                other = self.other(servers[frozen])
                [last] = other.json("operation", "list", "--limit", "1")
                ended = other.json("operation", "get", last["id"], "--wait", "--timeout", "60")
                self.assertEqual((ended["action"].partition("-")[0], ended["state"]), (f"{words[0]}.{words[1]}", "succeeded"), ended)
                self.assertEqual(state(frozen), "T", "it is frozen to the end")
            finally:
                self.stops.clear()
                for pid in servers:
                    goes_on(pid)
            asking.communicate(timeout=60)
        time.sleep(self.THAWED)

    def check(self, vpc, counts, knocking):
        shown = self.second.json("service", "get", self.service_id, "--wait")
        self.assertTrue(shown["network"]["settled"], shown)
        self.assertEqual(shown["network"]["now"], f"vpc:{vpc}" if vpc else "public")
        if vpc:
            knocking.closed()
            self.reaches("the customer reaches it", self.customer.host, self.host)
        else:
            self.reaches("the internet reaches it", "internet", self.service.public)
        self.eventually("there is what there is in peace", lambda: len(self.made()), counts[vpc], seconds=30)
        self.check_rules(is_open=not vpc)
