"""Whatever is killed, and whenever: what was asked for comes true, nothing is doubled, and forbidden ways stay closed meanwhile."""

import collections
import json
import os
import random
import signal
import subprocess
import time
import unittest

from cloud import IMAGE, STRAIT, Cloud, Network, tcp
from counts import AT_WORK, counted
from forbidden import OPEN_PORT, POSTGRESQL, Forbidden
from stories import ANYWHERE, CLIENT

# What is killed at random moments; the server oftener.
FAULTS = ("server", "server", "store", "service", "resolver", "forwarder")
# How many: 20, or 200 in `make test-long`.
MOMENTS = 200 if os.environ.get("STRAIT_LONG") else 20
SEED = int(os.environ.get("STRAIT_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
# Of the Peering VPCs.
OURS, OTHERS = ("10.80.0.0/24", "10.81.0.0/24"), "10.82.0.0/24"
CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Faults(unittest.TestCase):
    """Two Peering VPCs, a customer on both, and a service that moves between them; a stranger with a Peering VPC and a service of its
    own, in another project. Both customers lead each other's ranges to what they have, and take everything from everywhere."""

    @classmethod
    def setUpClass(cls):
        cls.app = cls.network("shaken", "10.20.0.0/16")
        cls.stranger = cls.network("stranger", "10.30.0.0/16")
        cls.vpcs = [cls.peered(cls.app, cidr) for cidr in OURS]
        cls.service = CLOUD.strait_json("service", "create", "--name", "shaken", "--wait")
        cls.id, cls.name = cls.service["service_id"], cls.service["endpoint"]["host"]
        cls.others = cls.strangers_service(OTHERS)
        cls.beside = cls.beside_the_service()
        cls.undisturbed = cls.counts_of_each_state()

    @classmethod
    def counts_of_each_state(cls):
        """What there is of everything while the service is public, and while it is attached to the first VPC or to the second, in peace."""
        first, second = cls.vpcs
        counts = {}
        # What is made at the first time and stays has been made after one round.
        for state in (first, second, "public", first, second, "public"):
            words = ("detach", cls.id) if state == "public" else ("attach", cls.id, state)
            CLOUD.strait("service", *words, "--wait")
            counts[state] = cls.counts_at_rest()
        return counts

    @classmethod
    def counts_at_rest(cls):
        """What is worked on has rows of its own."""
        until = time.monotonic() + 30
        while any((found := counted(CLOUD, [cls.app.ec2, cls.stranger.ec2]))[row] for row in AT_WORK):
            assert time.monotonic() < until, found
            time.sleep(0.2)
        return found

    @classmethod
    def network(cls, account, cidr):
        ec2 = CLOUD.client(account)
        network = Network(ec2, cidr)
        network.account = CLOUD.account(account)["STRAIT_ACCOUNT_ID"]
        ec2.authorize_security_group_ingress(GroupId=network.default_group, IpPermissions=tcp(OPEN_PORT, ANYWHERE))
        instance = network.instance()
        network.host, network.address = instance["InstanceId"], instance["PrivateIpAddress"]
        return network

    @classmethod
    def peered(cls, customer, cidr, environment=None):
        vpc = strait_json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait", environment=environment)["id"]
        pcx = cls.join(customer, vpc, environment)
        customer.ec2.create_route(RouteTableId=customer.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
        return vpc

    @classmethod
    def join(cls, customer, vpc, environment=None):
        """A peering connection that the customer accepted and that is let in."""
        asked = strait_json(
            "peering", "create", vpc, "--account", customer.account, "--vpc-id", customer.id, "--region", "us-east-1", "--wait",
            environment=environment,
        )
        pcx = asked["accepter_provisioned_id"]
        customer.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        strait_json("peering", "get", asked["id"], "--wait", environment=environment)
        return pcx

    @classmethod
    def strangers_service(cls, cidr):
        made = CLOUD.strait_json("project", "create", "other")
        own = cls.others_own = CLOUD.environment | {
            "STRAIT_PROJECT_ID": made["id"], "STRAIT_PUBLIC_KEY": made["public_key"], "STRAIT_SECRET_KEY": made["secret_key"],
        }
        vpc = cls.others_vpc = cls.peered(cls.stranger, cidr, own)
        service = strait_json("service", "create", "--name", "others", "--wait", environment=own)
        strait_json("service", "attach", service["service_id"], vpc, "--wait", environment=own)
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
        ec2 = CLOUD.client("provider")
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
            CLOUD.environment,
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
        self.ensure_up()
        self.addCleanup(self.ensure_up)
        self.knocking = self.enterContext(self.forbidden())

    def test_the_server_ends_at_each_step(self):
        """By failpoints, which only a debug build has."""
        first, second = self.vpcs
        CLOUD.strait("service", "start", self.id, "--wait")
        self.detach()
        moves = [
            ("open-new-way", ("attach", self.id, first)),
            ("probe-new-way", ("attach", self.id, second)),
            ("switch-names", ("detach", self.id)),
            ("close-former-way", ("attach", self.id, first)),
            ("drain-former-way", ("attach", self.id, second, "--drain", "2")),
            ("close-former-way", ("detach", self.id)),
            ("stop-postgresql", ("stop", self.id)),
            ("start-postgresql", ("start", self.id)),
        ]
        for step, words in moves:
            with self.subTest(step=step, move=words[0]):
                self.dies_at(step, "service", *words)
                self.check()
        self.knocking.check(self)

    def test_vpcs_peerings_and_services_begin_and_end_through_it_all(self):
        cidr = "10.99.0.0/24"
        self.dies_at("make-vpc", "vpc", "create", "--cidr", cidr, "--region", "us-east-1")
        vpc = next(row["id"] for row in CLOUD.strait_json("vpc", "list") if row["cidr"] == cidr)
        peer = ("--account", self.app.account, "--vpc-id", self.app.id, "--region", "us-east-1")
        self.dies_at("ask-customer", "peering", "create", vpc, *peer)
        [peering] = CLOUD.strait_json("peering", "list", "--vpc", vpc)
        asked = [{"Name": "requester-vpc-info.cidr-block", "Values": [cidr]}]
        found = self.app.ec2.describe_vpc_peering_connections(Filters=asked)["VpcPeeringConnections"]
        self.assertEqual([row["VpcPeeringConnectionId"] for row in found], [peering["accepter_provisioned_id"]], "one request")
        self.dies_at("remove", "peering", "delete", peering["id"], "--yes")
        self.assertEqual(CLOUD.strait_json("peering", "list", "--vpc", vpc), [])
        self.dies_at("remove", "vpc", "delete", vpc, "--yes")
        self.assertEqual(len(CLOUD.strait_json("vpc", "list")), len(self.vpcs))
        for made, gone in (("start-postgresql", "close-former-way"), ("open-new-way", "switch-names"), ("probe-new-way", "remove")):
            self.dies_at(made, "service", "create", "--name", "brief")
            self.assertEqual(len(CLOUD.strait_json("service", "list")), 2)
            self.dies_at(gone, "service", "delete", "brief", "--yes")
            self.assertEqual(len(CLOUD.strait_json("service", "list")), 1)
        self.check()
        self.knocking.check(self)

    def dies_at(self, step, *words):
        """Asks for something; the server ends at this step of it; the next one brings it to its end."""
        self.restart_with(f"{step}=return")
        if words[1] == "detach":
            self.knocking.may_open()
        # The answer may be lost with the server.
        self.asked(*words)
        self.wait_for_the_end()
        self.ensure_up()
        [last] = CLOUD.strait_json("operation", "list", "--limit", "1")
        ended = CLOUD.strait_json("operation", "get", last["id"], "--wait")
        self.assertEqual(ended["action"], f"{words[0]}.{words[1]}")
        self.assertEqual(ended["state"], "succeeded", ended)

    def test_at_random_moments(self):
        """Kills of the server, of the store, of the service and of what answers names, while the service moves."""
        print(f"\nseed {SEED} (STRAIT_FAULT_SEED), {MOMENTS} moments")
        dice = random.Random(SEED)
        chosen, self.hit = collections.Counter(), collections.Counter()
        CLOUD.strait("service", "attach", self.id, self.vpcs[0], "--wait")
        for moment in range(MOMENTS):
            target = dice.choice([*self.vpcs, "public"])
            fault = dice.choice(FAULTS)
            chosen[fault] += 1
            words = ("detach", self.id) if target == "public" else ("attach", self.id, target)
            if target == "public":
                self.knocking.may_open()
            with self.subTest(moment=moment, move=words[0], fault=fault):
                asked = self.asked("service", *words)
                time.sleep(dice.random() * 0.4)
                self.kill(fault)
                self.ensure_up()
                if asked:
                    ended = CLOUD.strait_json("operation", "get", asked, "--wait")
                    self.assertEqual(ended["state"], "succeeded", ended)
                CLOUD.strait("service", "get", self.id, "--wait")
                self.check()
        print(f"killed: {dict(sorted(self.hit.items()))}, of {dict(sorted(chosen.items()))} that were to be")
        for fault, times in chosen.items():
            self.assertGreaterEqual(self.hit[fault] * 2, times, (fault, self.hit))
        self.knocking.check(self)

    def test_what_knocks_would_notice(self):
        """The control of what is forbidden: each way is opened on purpose, and noticed."""
        self.detach()
        CLOUD.strait("service", "attach", self.id, self.vpcs[0], "--wait")
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
        provider = CLOUD.client("provider")
        provider.authorize_security_group_egress(**way_out)
        self.addCleanup(provider.revoke_security_group_egress, **way_out)
        self.notices("service to customer")
        CLOUD.strait("service", "detach", self.id, "--wait")
        self.notices("internet")
        self.notices("internet by name")

    def counts_notice(self):
        """What is left over, in the cloud and in the kernel."""
        wanted = self.undisturbed[self.vpcs[0]]
        provider = CLOUD.client("provider")
        left = provider.allocate_address(Domain="vpc")["AllocationId"]
        self.assertEqual(counted(CLOUD, [self.app.ec2, self.stranger.ec2])["addresses"], wanted["addresses"] + 1)
        provider.release_address(AllocationId=left)
        hosts = "namespaces of hosts"
        self.assertEqual(counted(CLOUD, [self.app.ec2])[hosts], wanted[hosts] + 1, "the stranger's, which nobody says")
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
        [made] = [row for row in strait_json("peering", "list", "--vpc", vpc, environment=environment) if row["accepter_provisioned_id"] == pcx]
        self.addCleanup(strait_json, "peering", "delete", made["id"], "--yes", "--wait", environment=environment)
        self.addCleanup(customer.ec2.replace_route, **routes, VpcPeeringConnectionId=before)

    def join_networks(self):
        """Peers the service's own VPC with the customer's, until the end of the test, as no Strait does; the service's group."""
        provider = CLOUD.client("provider")
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

    def detach(self):
        self.knocking.may_open()
        if CLOUD.strait_json("service", "get", self.id)["network"]["now"] != "public":
            CLOUD.strait("service", "detach", self.id, "--wait")

    def kill(self, what):
        if what == "server":
            pid = self.server()
            os.kill(pid, signal.SIGKILL)
            self.hit[what] += 1
            until = time.monotonic() + 10
            while os.path.exists(f"/proc/{pid}"):
                self.assertLess(time.monotonic(), until, "a killed process ends")
                time.sleep(0.01)
            return
        those = {
            "store": lambda: CLOUD.postgres("store")[:1], "service": lambda: CLOUD.postgres(f"services/{self.id}")[:1],
            "resolver": lambda: CLOUD.agents("resolver"), "forwarder": lambda: CLOUD.agents("forwarder"),
        }[what]()
        # One that was killed a moment ago may not be back yet.
        for pid in those:
            try:
                os.kill(pid, signal.SIGKILL)
                self.hit[what] += 1
            except ProcessLookupError:
                pass

    def asked(self, *words):
        """The operation that was asked for; none if the server died before it answered."""
        done = subprocess.run(
            [STRAIT, *words, "--output", "json"], env=CLOUD.environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False,
        )
        if done.returncode != 0:
            return None
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        return answer.get("operation_id")

    def server(self):
        done = subprocess.run(
            [STRAIT, "status", "--output", "json"], env=CLOUD.environment, capture_output=True, text=True, timeout=30, check=False
        )
        found = json.loads(done.stdout)["server"]
        return found and found["pid"]

    def restart_with(self, failpoints):
        if pid := self.server():
            os.kill(pid, signal.SIGTERM)
            while self.server():
                time.sleep(0.05)
        before = dict(CLOUD.environment)
        CLOUD.environment["FAILPOINTS"] = failpoints
        try:
            CLOUD.strait("up", "--detach", *CLOUD.ports)
        finally:
            CLOUD.environment = before

    def wait_for_the_end(self):
        until = time.monotonic() + 20
        while self.server():
            self.assertLess(time.monotonic(), until, "the server ends at its step")
            time.sleep(0.05)

    def ensure_up(self):
        """The server runs, and its store answers."""
        until = time.monotonic() + 60
        while True:
            try:
                if not self.server():
                    CLOUD.strait("up", "--detach", *CLOUD.ports)
                CLOUD.strait("service", "list")
                return
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def check(self):
        """The way that it has works, and no other; nothing is doubled."""
        shown = CLOUD.strait_json("service", "get", self.id, "--wait")
        self.assertTrue(shown["network"]["settled"], shown)
        if shown["status"] == "PAUSED":
            return
        public = shown["network"]["now"] == "public"
        if public:
            self.hears("internet", shown["public_endpoint"]["address"], "PostgreSQL")
        else:
            self.knocking.closed()
            self.hears(self.app.host, self.name, "PostgreSQL")
        self.counts("public" if public else shown["network"]["now"].removeprefix("vpc:"))

    def counts(self, state):
        """There is of everything what there is without faults: nothing is doubled, nothing is left."""
        wanted = self.undisturbed[state]
        until = time.monotonic() + 30
        while (found := counted(CLOUD, [self.app.ec2, self.stranger.ec2])) != wanted:
            differences = {name: (found[name], count) for name, count in wanted.items() if found[name] != count}
            self.assertLess(time.monotonic(), until, f"there are (and are to be): {differences}")
            time.sleep(0.5)

    def hears(self, host, address, wanted):
        until = time.monotonic() + 20
        while (found := hear(host, address)) != wanted:
            self.assertLess(time.monotonic(), until, f"{host} hears {found} from {address}")
            time.sleep(0.2)


def strait_json(*words, environment=None):
    """Of the project with these keys."""
    if environment is None:
        return CLOUD.strait_json(*words)
    done = subprocess.run(
        [STRAIT, *words, "--output", "json"], env=environment, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def hear(host, address):
    done = subprocess.run(
        [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
        env=CLOUD.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )
    return done.stdout.strip()
