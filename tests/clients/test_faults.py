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

# How many random moments: 20 in `make test`, 200 in `make test-long`.
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
                self.restart_with(f"{step}=return")
                asked = self.asked("service", *words)
                self.wait_for_the_end()
                CLOUD.strait("up", "--detach", *CLOUD.ports)
                ended = CLOUD.strait_json("operation", "get", asked, "--wait")
                self.assertEqual(ended["state"], "succeeded", ended)
                self.check()

    def test_vpcs_peerings_and_services_begin_and_end_through_it_all(self):
        for step in ("make-vpc", "ask-customer", "remove"):
            with self.subTest(step=step):
                self.restart_with(f"{step}=return")
                vpc = self.asked("vpc", "create", "--cidr", "10.99.0.0/24", "--region", "us-east-1")
                if step == "remove":
                    CLOUD.strait("operation", "get", vpc, "--wait")
                    self.asked("vpc", "delete", self.named("10.99.0.0/24"), "--yes")
                self.wait_for_the_end()
                CLOUD.strait("up", "--detach", *CLOUD.ports)
                if step != "remove":
                    CLOUD.strait("operation", "get", vpc, "--wait")
                    CLOUD.strait("vpc", "delete", self.named("10.99.0.0/24"), "--yes", "--wait")
                self.gone("10.99.0.0/24")
        for step in ("start-postgresql", "open-new-way", "close-former-way", "remove"):
            with self.subTest(step=step, service=True):
                self.restart_with(f"{step}=return" if step in ("start-postgresql", "open-new-way") else "")
                before = {row["service_id"] for row in CLOUD.strait_json("service", "list")}
                asked = self.asked("service", "create", "--name", "brief")
                if step in ("close-former-way", "remove"):
                    CLOUD.strait("operation", "get", asked, "--wait")
                    self.restart_with(f"{step}=return")
                    self.asked("service", "delete", "brief", "--yes")
                self.wait_for_the_end()
                CLOUD.strait("up", "--detach", *CLOUD.ports)
                if step in ("start-postgresql", "open-new-way"):
                    CLOUD.strait("operation", "get", asked, "--wait")
                    CLOUD.strait("service", "delete", "brief", "--yes", "--wait")
                until = time.monotonic() + 30
                while {row["service_id"] for row in CLOUD.strait_json("service", "list")} != before:
                    self.assertLess(time.monotonic(), until, "it is gone")
                    time.sleep(0.2)
                self.check()

    def test_at_random_moments(self):
        """Kills of the server, of the store, of the service and of what answers names, while the service moves."""
        print(f"\nseed {SEED} (STRAIT_FAULT_SEED), {MOMENTS} moments")
        dice = random.Random(SEED)
        self.ensure_up()
        CLOUD.strait("service", "attach", self.id, self.vpcs[0], "--wait")
        with Prober(self) as prober:
            for moment in range(MOMENTS):
                target = dice.choice([*self.vpcs, "public"])
                fault = dice.choice(["server", "server", "store", "service", "resolver"])
                words = ("detach", self.id) if target == "public" else ("attach", self.id, target)
                if target == "public":
                    prober.public_allowed.set()
                asked = self.asked("service", *words, check=False)
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
            os.kill(self.server(), signal.SIGKILL)
            return
        words = {"store": f"{CLOUD.data}/store", "service": f"{CLOUD.data}/services/{self.id}", "resolver": "resolver"}[what]
        for pid in processes(words):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def asked(self, *words, check=True):
        """The operation that was asked for; none if the server died first."""
        done = subprocess.run(
            [STRAIT, *words, "--output", "json"], env=CLOUD.environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False,
        )
        if done.returncode != 0:
            self.assertFalse(check, done.stderr)
            return None
        answer = json.loads(done.stdout) if done.stdout.strip() else {}
        return answer.get("operation_id")

    def named(self, cidr):
        return next(row["id"] for row in CLOUD.strait_json("vpc", "list") if row["cidr"] == cidr)

    def gone(self, cidr):
        until = time.monotonic() + 30
        while any(row["cidr"] == cidr for row in CLOUD.strait_json("vpc", "list")):
            self.assertLess(time.monotonic(), until, "it is gone")
            time.sleep(0.2)

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
        until = time.monotonic() + 60
        while not self.server():
            try:
                CLOUD.strait("up", "--detach", *CLOUD.ports)
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


class Prober(threading.Thread):
    """Tries the forbidden ways all the time: the stranger's to the service's name, and the internet's while it is attached."""

    def __init__(self, test):
        super().__init__(daemon=True)
        self.test, self.broken, self.tries = test, [], 0
        self.over, self.public_allowed = threading.Event(), threading.Event()
        self.public = test.service["public_endpoint"]["address"]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(timeout=60)

    def run(self):
        while not self.over.is_set():
            self.tries += 2
            if hear(self.test.stranger.host, self.test.name) == "PostgreSQL":
                self.broken.append(("stranger", time.time()))
            allowed = self.public_allowed.is_set()
            if hear("internet", self.public) == "PostgreSQL" and not (allowed or self.public_allowed.is_set()):
                self.broken.append(("internet", time.time()))


def hear(host, address):
    done = subprocess.run(
        [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
        env=CLOUD.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
    )
    return done.stdout.strip()


def processes(words):
    """Those whose command line has these words, of this Strait."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if words in line and (CLOUD.data in line):
            found.append(int(entry))
    return found
