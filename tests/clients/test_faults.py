"""Whatever is killed, and whenever: what was asked for comes true, nothing is doubled, and forbidden ways stay closed meanwhile."""

import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from cloud import STRAIT, Cloud, Network
from stories import CLIENT

# How many random moments: 20, or 200 in `make test-long`.
MOMENTS = 200 if os.environ.get("STRAIT_LONG") else 20
SEED = int(os.environ.get("STRAIT_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Faults(unittest.TestCase):
    """Two Peering VPCs, a customer on both, a stranger on none, and a service that moves between them."""

    @classmethod
    def setUpClass(cls):
        cls.app = cls.network("shaken", "10.20.0.0/16")
        cls.stranger = cls.network("stranger", "10.30.0.0/16")
        cls.vpcs = [cls.peered(f"10.8{number}.0.0/24") for number in range(2)]
        cls.service = CLOUD.strait_json("service", "create", "--name", "shaken", "--wait")
        cls.provider_vpcs = len(CLOUD.client("provider").describe_vpcs()["Vpcs"])
        cls.id, cls.name = cls.service["service_id"], cls.service["endpoint"]["host"]

    @classmethod
    def network(cls, account, cidr):
        ec2 = CLOUD.client(account)
        network = Network(ec2, cidr)
        network.account = CLOUD.account(account)["STRAIT_ACCOUNT_ID"]
        network.host = network.instance()["InstanceId"]
        return network

    @classmethod
    def peered(cls, cidr):
        vpc = CLOUD.strait_json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait")["id"]
        asked = CLOUD.strait_json(
            "peering", "create", vpc, "--account", cls.app.account, "--vpc-id", cls.app.id, "--region", "us-east-1", "--wait"
        )
        pcx = asked["accepter_provisioned_id"]
        cls.app.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        cls.app.ec2.create_route(RouteTableId=cls.app.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
        CLOUD.strait("peering", "get", asked["id"], "--wait")
        return vpc

    def setUp(self):
        self.addCleanup(self.ensure_up)

    def test_the_server_ends_at_each_step(self):
        """By failpoints, which only a debug build has."""
        first, second = self.vpcs
        self.ensure_up()
        CLOUD.strait("service", "start", self.id, "--wait")
        if CLOUD.strait_json("service", "get", self.id)["network"]["now"] != "public":
            CLOUD.strait("service", "detach", self.id, "--wait")
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
        self.assertEqual(len(CLOUD.client("provider").describe_vpcs()["Vpcs"]), self.provider_vpcs, "nothing is left")
        self.check()

    def dies_at(self, step, *words):
        """Asks for something; the server ends at this step of it; the next one brings it to its end."""
        self.restart_with(f"{step}=return")
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
        self.ensure_up()
        CLOUD.strait("service", "attach", self.id, self.vpcs[0], "--wait")
        with Prober(self) as prober:
            for moment in range(MOMENTS):
                target = dice.choice([*self.vpcs, "public"])
                fault = dice.choice(["server", "server", "store", "service", "resolver", "forwarder"])
                words = ("detach", self.id) if target == "public" else ("attach", self.id, target)
                if target == "public":
                    prober.public_allowed.set()
                asked = self.asked("service", *words)
                time.sleep(dice.random() * 0.4)
                self.kill(fault)
                self.ensure_up()
                if asked:
                    ended = CLOUD.strait_json("operation", "get", asked, "--wait")
                    self.assertEqual(ended["state"], "succeeded", (moment, fault, ended))
                CLOUD.strait("service", "get", self.id, "--wait")
                self.check()
                if target != "public":
                    prober.public_allowed.clear()
        self.assertEqual(prober.broken, [], "forbidden ways stayed closed")
        self.assertGreater(prober.tries, MOMENTS)

    def kill(self, what):
        if what == "server":
            pid = self.server()
            os.kill(pid, signal.SIGKILL)
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
            self.hears(self.app.host, self.name, "PostgreSQL")
        endpoints = CLOUD.client("provider").describe_vpc_endpoints()["VpcEndpoints"]
        self.assertEqual(len(endpoints), 0 if public else 1, endpoints)

    def hears(self, host, address, wanted):
        until = time.monotonic() + 20
        while (found := hear(host, address)) != wanted:
            self.assertLess(time.monotonic(), until, f"{host} hears {found} from {address}")
            time.sleep(0.2)


class Prober:
    """Tries the forbidden ways all the time: the stranger's to the service's name, and the internet's while it is attached. An
    attempt lasts 3 s, in which it is repeated, so that several at a time miss nothing."""

    AT_A_TIME = 3

    def __init__(self, test):
        self.test, self.broken, self.tries = test, [], 0
        probes = (self.as_stranger, self.from_internet)
        self.threads = [threading.Thread(target=self.run, args=(probe,), daemon=True) for probe in probes * self.AT_A_TIME]
        self.over, self.public_allowed = threading.Event(), threading.Event()
        self.public = test.service["public_endpoint"]["address"]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
            time.sleep(1 / self.AT_A_TIME)
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=60)

    def run(self, probe):
        while not self.over.is_set():
            self.tries += 1
            probe()

    def as_stranger(self):
        if hear(self.test.stranger.host, self.test.name) == "PostgreSQL":
            self.broken.append(("stranger", time.time()))

    def from_internet(self):
        allowed = self.public_allowed.is_set()
        if hear("internet", self.public) == "PostgreSQL" and not (allowed or self.public_allowed.is_set()):
            self.broken.append(("internet", time.time()))


def hear(host, address):
    done = subprocess.run(
        [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
        env=CLOUD.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )
    return done.stdout.strip()
