"""A Strait with all that must and must not be reached, for tests that kill it in parts: what knocks, what there is to be, and who can be killed."""

import collections
import json
import os
import signal
import subprocess
import time
import unittest

from cloud import IMAGE, STRAIT, Cloud, Network, tcp
from counts import AT_WORK, counted
from forbidden import OPEN_PORT, POSTGRESQL, Forbidden
from stories import ANYWHERE, CLIENT

# Of the Peering VPCs.
OURS, OTHERS = ("10.80.0.0/24", "10.81.0.0/24"), "10.82.0.0/24"
# A request waits for the store for 4.5 s.
FROZEN_SECONDS = 6


class Shaken(unittest.TestCase):
    """Two Peering VPCs, a customer on both, and a service that moves between them; a stranger with a Peering VPC and a service of its
    own, in another project. Both customers lead each other's ranges to what they have, and take everything from everywhere."""

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(**cls.variables())
        cls.addClassCleanup(cls.cloud.close)
        cls.app = cls.network("shaken", "10.20.0.0/16")
        cls.stranger = cls.network("stranger", "10.30.0.0/16")
        cls.vpcs = [cls.peered(cls.app, cidr) for cidr in OURS]
        cls.service = cls.cloud.strait_json("service", "create", "--name", "shaken", "--wait")
        cls.id, cls.name = cls.service["service_id"], cls.service["endpoint"]["host"]
        cls.others = cls.strangers_service(OTHERS)
        cls.beside = cls.beside_the_service()
        cls.undisturbed = cls.counts_of_each_state()

    @classmethod
    def variables(cls):
        """Further ones of the server's environment."""
        return {}

    @classmethod
    def counts_of_each_state(cls):
        """What there is of everything while the service is public, and while it is attached to the first VPC or to the second, in peace."""
        first, second = cls.vpcs
        counts = {}
        # What is made at the first time and stays has been made after one round.
        for state in (first, second, "public", first, second, "public"):
            words = ("detach", cls.id) if state == "public" else ("attach", cls.id, state)
            cls.cloud.strait("service", *words, "--wait")
            counts[state] = cls.counts_at_rest()
        return counts

    @classmethod
    def counts_at_rest(cls):
        """What is worked on has rows of its own."""
        until = time.monotonic() + 60
        while any((found := counted(cls.cloud, [cls.app.ec2, cls.stranger.ec2]))[row] for row in AT_WORK):
            assert time.monotonic() < until, found
            time.sleep(0.2)
        return found

    @classmethod
    def network(cls, account, cidr):
        ec2 = cls.cloud.client(account)
        network = Network(ec2, cidr)
        network.account = cls.cloud.account(account)["STRAIT_ACCOUNT_ID"]
        ec2.authorize_security_group_ingress(GroupId=network.default_group, IpPermissions=tcp(OPEN_PORT, ANYWHERE))
        instance = network.instance()
        network.host, network.address = instance["InstanceId"], instance["PrivateIpAddress"]
        return network

    @classmethod
    def peered(cls, customer, cidr, environment=None):
        vpc = cls.json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait", environment=environment)["id"]
        pcx = cls.join(customer, vpc, environment)
        customer.ec2.create_route(RouteTableId=customer.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
        return vpc

    @classmethod
    def join(cls, customer, vpc, environment=None):
        """A peering connection that the customer accepted and that is let in."""
        asked = cls.json(
            "peering", "create", vpc, "--account", customer.account, "--vpc-id", customer.id, "--region", "us-east-1", "--wait",
            environment=environment,
        )
        pcx = asked["accepter_provisioned_id"]
        customer.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        cls.json("peering", "get", asked["id"], "--wait", environment=environment)
        return pcx

    @classmethod
    def strangers_service(cls, cidr):
        made = cls.cloud.strait_json("project", "create", "other")
        own = cls.others_own = cls.cloud.environment | {
            "STRAIT_PROJECT_ID": made["id"], "STRAIT_PUBLIC_KEY": made["public_key"], "STRAIT_SECRET_KEY": made["secret_key"],
        }
        vpc = cls.others_vpc = cls.peered(cls.stranger, cidr, own)
        service = cls.json("service", "create", "--name", "others", "--wait", environment=own)
        cls.json("service", "attach", service["service_id"], vpc, "--wait", environment=own)
        # Each leads the ranges of the other's Peering VPCs to its own.
        cls.lead(cls.stranger, cidr, *OURS)
        cls.lead(cls.app, OURS[0], cidr)
        return service["endpoint"]["host"]

    @classmethod
    def lead(cls, customer, there, *cidrs):
        """Routes these ranges as that one is routed."""
        for cidr in cidrs:
            customer.ec2.create_route(
                RouteTableId=customer.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=cls.route(customer, there)
            )

    @classmethod
    def route(cls, customer, cidr):
        """The peering connection that it leads through."""
        [table] = customer.ec2.describe_route_tables(RouteTableIds=[customer.table])["RouteTables"]
        [route] = [row for row in table["Routes"] if row.get("DestinationCidrBlock") == cidr]
        return route["VpcPeeringConnectionId"]

    @classmethod
    def beside_the_service(cls):
        """An instance in the service's own VPC, which may send everything."""
        ec2 = cls.cloud.client("provider")
        done = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=cls.host_of_service(ec2)["SubnetId"])
        return done["Instances"][0]["InstanceId"]

    @classmethod
    def host_of_service(cls, ec2):
        named = [{"Name": "tag:Name", "Values": [f"postgres-{cls.id}"]}, {"Name": "instance-state-name", "Values": ["running"]}]
        return ec2.describe_instances(Filters=named)["Reservations"][0]["Instances"][0]

    def forbidden(self):
        """The ways that must never be, and beside them those that are."""
        app = f"{self.app.address}:{OPEN_PORT}"
        neighbour = self.app.instance()["InstanceId"]
        self.addCleanup(self.app.ec2.terminate_instances, InstanceIds=[neighbour])
        return Forbidden(
            self.cloud.environment,
            while_closed=[
                ("internet", "internet", f"{self.service['public_endpoint']['address']}:{POSTGRESQL}"),
                ("internet by name", "internet", f"{self.name}:{POSTGRESQL}"),
            ],
            always=[
                ("stranger to the service", self.stranger.host, f"{self.name}:{POSTGRESQL}"),
                ("customer to another's service", self.app.host, f"{self.others}:{POSTGRESQL}"),
                ("service to customer", f"postgres-{self.id}", app),
                ("beside the service to customer", self.beside, app),
            ],
            open_=[
                ("stranger to its own service", self.stranger.host, f"{self.others}:{POSTGRESQL}"),
                ("neighbour to customer", neighbour, app),
            ],
            listeners=[self.app.host],
        )

    def setUp(self):
        self.hit = collections.Counter()
        self.ensure_up()
        self.addCleanup(self.ensure_up)
        self.knocking = self.enterContext(self.forbidden())

    def detach(self):
        self.knocking.may_open()
        if self.cloud.strait_json("service", "get", self.id)["network"]["now"] != "public":
            self.cloud.strait("service", "detach", self.id, "--wait")

    def kill(self, what, pid=None):
        """`pid` is the server's."""
        if what == "server":
            self.cloud.kill_server(pid)
            self.hit[what] += 1
            return
        if what == "frozen store":
            self.freeze_store()
            self.hit[what] += 1
            return
        those = {
            "store": lambda: self.cloud.postgres("store")[:1], "service": lambda: self.cloud.postgres(f"services/{self.id}")[:1],
            "resolver": lambda: self.cloud.agents("resolver"), "forwarder": lambda: self.cloud.agents("forwarder"),
        }[what]()
        # One that was killed a moment ago may not be back yet.
        for one in those:
            try:
                os.kill(one, signal.SIGKILL)
                self.hit[what] += 1
            except ProcessLookupError:
                pass

    def freeze_store(self):
        """For longer than a request waits for it: who asked is told that it is not known what became of that."""
        those = self.cloud.postgres("store")
        for one in those:
            os.kill(one, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        for one in those:
            os.kill(one, signal.SIGCONT)

    def server(self):
        done = subprocess.run(
            [STRAIT, "status", "--output", "json"], env=self.cloud.environment, capture_output=True, text=True, timeout=30, check=False
        )
        found = json.loads(done.stdout)["server"]
        return found and found["pid"]

    def ensure_up(self):
        """The server runs, and its store answers."""
        until = time.monotonic() + 60
        while True:
            try:
                if not self.server():
                    self.cloud.strait("up", "--detach", *self.cloud.ports)
                self.cloud.strait("service", "list")
                return
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def check(self, state=None):
        """The way that it has works, and no other; nothing is doubled. `state` is another one than where it is."""
        shown = self.cloud.strait_json("service", "get", self.id, "--wait")
        self.assertTrue(shown["network"]["settled"], shown)
        if shown["status"] == "PAUSED":
            return
        public = shown["network"]["now"] == "public"
        if public:
            self.hears("internet", shown["public_endpoint"]["address"], "PostgreSQL")
        else:
            self.knocking.closed()
            self.hears(self.app.host, self.name, "PostgreSQL")
        self.counts(state or ("public" if public else shown["network"]["now"].removeprefix("vpc:")))

    def counts(self, state):
        """There is of everything what there is without faults: nothing is doubled, nothing is left."""
        wanted = self.undisturbed[state]
        until = time.monotonic() + 60
        while (found := counted(self.cloud, [self.app.ec2, self.stranger.ec2])) != wanted:
            differences = {name: (found[name], count) for name, count in wanted.items() if found[name] != count}
            self.assertLess(time.monotonic(), until, f"there are (and are to be): {differences}")
            time.sleep(0.5)

    def hears(self, host, address, wanted):
        until = time.monotonic() + 60
        while (found := self.hear(host, address)) != wanted:
            self.assertLess(time.monotonic(), until, f"{host} hears {found} from {address}")
            time.sleep(0.2)

    @classmethod
    def json(cls, *words, environment=None):
        """Of the project with these keys."""
        done = subprocess.run(
            [STRAIT, *words, "--output", "json"], env=environment or cls.cloud.environment, capture_output=True, text=True, timeout=90,
            stdin=subprocess.DEVNULL, check=False,
        )
        assert done.returncode == 0, (words, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def hear(self, host, address):
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
            env=self.cloud.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
        )
        return done.stdout.strip()
