"""Before each step of each kind of work the server is stopped; it or what runs beside it is killed or stays frozen; the work comes to its end."""

import collections
import itertools
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

from cloud import STRAIT
from shaken import Shaken
from stops import Stops, goes_on

# What happens to one of them while the server is stopped; to the server itself oftener.
FAULTS = ("server", "store", "server", "service", "server", "resolver", "forwarder", "frozen")
LONG = bool(os.environ.get("STRAIT_LONG"))
SEED = int(os.environ.get("STRAIT_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
# Longer than a lease.
FROZEN = 7
PASSWORD = "steps-of-{}-PG"


class Steps(Shaken):
    """At each step one of the faults, in turn: in `make test-long` all of them."""

    @classmethod
    def variables(cls):
        folder = tempfile.mkdtemp(prefix="strait-stops.")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.stops = Stops(folder)
        return cls.stops.variables

    def setUp(self):
        super().setUp()
        self.addCleanup(self.stops.clear)
        self.due = collections.Counter()
        print(f"\nseed {SEED} (STRAIT_FAULT_SEED)")

    def test_moves_stops_starts_lists_and_passwords(self):
        first, second = self.vpcs
        self.cloud.strait("service", "start", self.id, "--wait")
        private = (self.id, "--private")
        lists = {"set": ("set", *private, "10.20.0.0/16", "--yes"), "clear": ("clear", *private, "--yes")}
        self.counts_with_lists(first, lists)
        for turn, fault_of in enumerate(self.rounds()):
            self.detach()
            moves = [
                ("open-new-way", "service", "attach", self.id, first),
                ("probe-new-way", "service", "attach", self.id, second),
                ("switch-names", "service", "detach", self.id),
                ("close-former-way", "service", "attach", self.id, first),
                ("apply-allow-list", "service", "allow", *lists["set"]),
                ("apply-allow-list", "service", "allow", *lists["clear"]),
                ("drain-former-way", "service", "attach", self.id, second, "--drain", "2"),
                ("close-former-way", "service", "detach", self.id),
                ("stop-postgresql", "service", "stop", self.id),
                ("start-postgresql", "service", "start", self.id),
                ("set-password", "service", "password", PASSWORD.format(turn)),
            ]
            for step, *words in moves:
                fault = fault_of()
                with self.subTest(step=step, move=words[1], fault=fault):
                    self.stumbles(fault, step, *words)
                    self.check(words[2] if words[1] == "allow" else None)
            self.signs_in(PASSWORD.format(turn))
        self.end()

    def test_vpcs_peerings_and_services_begin_and_end(self):
        cidr = "10.99.0.0/24"
        for fault_of in self.rounds():
            self.detach()
            with self.subTest("a VPC and a peering"):
                self.stumbles(fault_of(), "make-vpc", "vpc", "create", "--cidr", cidr, "--region", "us-east-1")
                vpc = next(row["id"] for row in self.cloud.strait_json("vpc", "list") if row["cidr"] == cidr)
                peer = ("--account", self.app.account, "--vpc-id", self.app.id, "--region", "us-east-1")
                self.stumbles(fault_of(), "ask-customer", "peering", "create", vpc, *peer)
                [peering] = self.cloud.strait_json("peering", "list", "--vpc", vpc)
                self.assertEqual(self.asked_by(cidr), [peering["accepter_provisioned_id"]], "one request")
                self.stumbles(fault_of(), "remove", "peering", "delete", peering["id"], "--yes")
                self.assertEqual(self.cloud.strait_json("peering", "list", "--vpc", vpc), [])
                self.stumbles(fault_of(), "remove", "vpc", "delete", vpc, "--yes")
                self.assertEqual(len(self.cloud.strait_json("vpc", "list")), len(self.vpcs))
            made = ("start-postgresql", "set-password", "open-new-way", "probe-new-way", "switch-names")
            gone = ("close-former-way", "switch-names", "remove", None, None)
            for begins, ends in zip(made, gone, strict=True):
                with self.subTest("a service", begins=begins, ends=ends):
                    self.stumbles(fault_of(), begins, "service", "create", "--name", "brief")
                    self.assertEqual(len(self.cloud.strait_json("service", "list")), 2)
                    if ends:
                        self.stumbles(fault_of(), ends, "service", "delete", "brief", "--yes")
                    else:
                        self.cloud.strait("service", "delete", "brief", "--yes", "--wait")
                    self.assertEqual(len(self.cloud.strait_json("service", "list")), 1)
            self.check()
        self.end()

    def counts_with_lists(self, vpc, lists):
        """What there is of everything, in peace, in the state after each of these; a way that had a list keeps a group of its own."""
        self.cloud.strait("service", "attach", self.id, vpc, "--wait")
        for state, words in lists.items():
            self.cloud.strait("service", "allow", *words)
            self.cloud.strait("service", "get", self.id, "--wait")
            self.undisturbed[state] = self.counts_at_rest()

    def rounds(self):
        """What is done to whom at the next step, for each round: a step later in each."""
        start = random.Random(SEED).randrange(len(FAULTS))
        for turn in range(len(FAULTS) if LONG else 1):
            step = itertools.count(start + turn)
            yield lambda step=step: FAULTS[next(step) % len(FAULTS)]

    def stumbles(self, fault, step, *words):
        """Asks for something; the server stops at this step of it, and there the fault happens; it comes to its end."""
        server = self.server()
        self.stops.set(step)
        if words[1] == "detach":
            self.knocking.may_open()
        with self.asking(*words) as asking:
            try:
                self.assertEqual(self.stops.wait([server]), server)
                if fault == "service" and not self.cloud.postgres(f"services/{self.id}"):
                    # It is stopped just now.
                    fault = "server"
                self.happens(fault, server)
            finally:
                self.stops.clear()
                if fault != "server":
                    goes_on(server)
            # The answer may be lost with the server.
            told = asking.communicate(timeout=90)
        self.ensure_up()
        [last] = self.cloud.strait_json("operation", "list", "--limit", "1")
        ended = self.cloud.strait_json("operation", "get", last["id"], "--wait")
        self.assertEqual(ended["action"].partition("-")[0], f"{words[0]}.{words[1]}", told)
        self.assertEqual(ended["state"], "succeeded", ended)

    def happens(self, fault, server):
        self.due[fault] += 1
        if fault == "frozen":
            time.sleep(FROZEN)
            self.hit[fault] += 1
        else:
            self.kill(fault, server)

    def asking(self, *words):
        """A client that asks for it."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        if words[1] != "password":
            return subprocess.Popen([STRAIT, *words, "--output", "json"], env=self.cloud.environment, **pipes)
        keys = self.cloud.account("provider")
        path = f"projects/{keys['STRAIT_PROJECT_ID']}/services/{self.id}/updatePassword"
        asking = subprocess.Popen(
            ["curl", "--silent", "--show-error", "--max-time", "60", "--user", f"{keys['STRAIT_PUBLIC_KEY']}:{keys['STRAIT_SECRET_KEY']}",
             "--json", "@-", f"{keys['STRAIT_URL']}/public/api/v1/{path}"], **pipes,
        )
        asking.stdin.write(json.dumps({"password": words[2]}))
        asking.stdin.close()
        asking.stdin = None
        return asking

    def asked_by(self, cidr):
        """The requests that the customer sees from this range."""
        filters = [{"Name": "requester-vpc-info.cidr-block", "Values": [cidr]}]
        found = self.app.ec2.describe_vpc_peering_connections(Filters=filters)["VpcPeeringConnections"]
        return [row["VpcPeeringConnectionId"] for row in found if row["Status"]["Code"] == "pending-acceptance"]

    def signs_in(self, password):
        shown = self.cloud.strait_json("service", "get", self.id)
        host = shown["public_endpoint"]["address"]
        address = f"postgres://tsdbadmin@{host}/tsdb?sslmode=require&connect_timeout=10"
        done = subprocess.run(
            [STRAIT, "exec", "internet", "--", "psql", "-XAtc", "select 1", address], env=self.cloud.environment | {"PGPASSWORD": password},
            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
        )
        self.assertEqual(done.stdout.strip(), "1", done.stderr)

    def end(self):
        """Whom the faults hit."""
        print(f"hit: {dict(sorted(self.hit.items()))}, of {dict(sorted(self.due.items()))} that were to be")
        for fault, times in self.due.items():
            self.assertGreaterEqual(self.hit[fault] * 2, times, (fault, self.hit))
        self.knocking.check(self)
