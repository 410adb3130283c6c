"""What runs beside the server dies while a service moves, or the store falls silent: all goes on by itself, and nobody hangs."""

import os
import signal
import subprocess
import time
import unittest

from botocore.exceptions import ClientError
from cloud import STRAIT, Cloud, Network
from stories import CLIENT

CLOUD = None
# How long anything may take that is waited for; most of it is for machines that are busy.
PATIENCE = 60
# A call is answered within this, whatever the store does; and a little for the call itself.
SOON = 5 + 3
# One that is refused at once, within this.
AT_ONCE = 3


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Children(unittest.TestCase):
    """A Peering VPC, a customer on it, and a service that moves in and out."""

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client("app")
        cls.app = Network(cls.ec2, "10.20.0.0/16")
        cls.host = cls.app.instance()["InstanceId"]
        cidr, account = "10.80.0.0/24", CLOUD.account("app")["STRAIT_ACCOUNT_ID"]
        cls.vpc = CLOUD.strait_json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait")["id"]
        asked = CLOUD.strait_json(
            "peering", "create", cls.vpc, "--account", account, "--vpc-id", cls.app.id, "--region", "us-east-1", "--wait"
        )
        pcx = asked["accepter_provisioned_id"]
        cls.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        cls.ec2.create_route(RouteTableId=cls.app.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
        CLOUD.strait("peering", "get", asked["id"], "--wait")
        made = CLOUD.strait_json("service", "create", "--name", "moved", "--wait")
        cls.id, cls.name = made["service_id"], made["endpoint"]["host"]
        cls.public = made["public_endpoint"]["address"]

    def test_each_of_them_dies_while_a_service_moves(self):
        children = {
            "resolver": lambda: CLOUD.agents("resolver"), "forwarder": lambda: CLOUD.agents("forwarder"),
            "service": lambda: CLOUD.postgres(f"services/{self.id}")[:1], "store": lambda: CLOUD.postgres("store")[:1],
        }
        for child, those in children.items():
            for move in (("attach", self.id, self.vpc), ("detach", self.id)):
                with self.subTest(child=child, move=move[0]):
                    self.dies_within(those, move)
                    self.check(is_attached=move[0] == "attach")

    def dies_within(self, those, move):
        """While the former way is drained."""
        asked = CLOUD.strait_json("service", *move, "--drain", "2")["operation_id"]
        with subprocess.Popen(
            [STRAIT, "operation", "watch", asked], env=CLOUD.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as watcher:
            self.eventually("it is drained", lambda: self.step(asked, "drain-former-way"), True)
            before = those()
            self.assertEqual(len(before), 1, before)
            os.kill(before[0], signal.SIGKILL)
            self.eventually("another one runs", lambda: bool(set(those()) - set(before)), True)
            self.eventually("the move is over", lambda: self.operation(asked)["state"], "succeeded")
            told, errors = watcher.communicate(timeout=60)
        self.assertEqual(watcher.returncode, 0, errors)
        # Each step once and in order, whatever died meanwhile.
        steps = [step["step"] for step in self.operation(asked)["steps"]]
        self.assertIn("drain-former-way", steps)
        self.assertEqual([line.split()[1] for line in told.splitlines()], [*steps, "succeeded"])

    def check(self, is_attached):
        """It has the one way that it was to have, and names and ports lead there."""
        wanted = {True: "PostgreSQL", False: None}
        self.eventually("the customer's way", lambda: self.hears(self.host, self.name), wanted[is_attached])
        self.eventually("the public way", lambda: self.hears("internet", self.name), wanted[not is_attached])
        shown = CLOUD.strait_json("service", "get", self.id, "--wait")
        self.assertTrue(shown["network"]["settled"], shown)
        endpoints = CLOUD.client("provider").describe_vpc_endpoints()["VpcEndpoints"]
        self.assertEqual(len(endpoints), 1 if is_attached else 0, endpoints)
        if not is_attached:
            port = str(shown["public_endpoint"]["loopback_port"])
            self.eventually("the port on loopback", lambda: heard(CLIENT.replace("5432", port), "127.0.0.1"), "PostgreSQL")

    def test_calls_are_refused_soon_while_the_store_is_silent(self):
        elb, zones = CLOUD.client("app", "elbv2"), CLOUD.client("app", "route53")
        group = {"Name": "late", "Protocol": "TCP", "Port": 5432, "VpcId": self.app.id}
        zone = {"Name": "late.example.", "CallerReference": "late"}
        stopped = CLOUD.postgres("store")
        self.assertGreater(len(stopped), 5, "the postmaster and what it started")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            told = self.refused("Unavailable", SOON, lambda: self.ec2.create_vpc(CidrBlock="10.21.0.0/16"))
            # From now on it is known.
            self.refused("Unavailable", AT_ONCE, lambda: self.ec2.create_vpc(CidrBlock="10.22.0.0/16"))
            self.refused("ServiceUnavailable", AT_ONCE, lambda: elb.create_target_group(**group))
            self.refused("ServiceUnavailable", AT_ONCE, lambda: zones.create_hosted_zone(**zone))
            self.assertEqual(self.blocks("10.22.0.0/16"), 0, "what only reads is answered")
            self.eventually("packets need no store", lambda: self.hears("internet", self.name), "PostgreSQL")
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        self.eventually("changes are made again", lambda: self.accepted("10.22.0.0/16"), True)
        # Where the machine is slow, it may have been noticed before the call was made.
        done = 0 if "nothing was done" in told else 1
        self.eventually("what was under way is done once", lambda: self.blocks("10.21.0.0/16"), done)
        self.assertEqual(self.blocks("10.22.0.0/16"), 1)
        elb.create_target_group(**group)
        zones.create_hosted_zone(**zone)

    def refused(self, code, seconds, call):
        start = time.monotonic()
        with self.assertRaises(ClientError) as caught:
            call()
        spent, answer = time.monotonic() - start, caught.exception.response
        self.assertEqual(answer["Error"]["Code"], code, answer)
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 503, answer)
        self.assertLess(spent, seconds, answer)
        return answer["Error"]["Message"]

    def accepted(self, cidr):
        try:
            self.ec2.create_vpc(CidrBlock=cidr)
        except ClientError as error:
            self.assertEqual(error.response["Error"]["Code"], "Unavailable", error)
            return False
        return True

    def blocks(self, cidr):
        return len(self.ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": [cidr]}])["Vpcs"])

    def operation(self, id_):
        """As it is, or an empty one while the store is away."""
        try:
            return CLOUD.strait_json("operation", "get", id_)
        except AssertionError:
            return {"state": None, "steps": []}

    def step(self, id_, name):
        return any(step["step"] == name and "started" in step for step in self.operation(id_)["steps"])

    def hears(self, host, address):
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
            env=CLOUD.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
        )
        return {"PostgreSQL": "PostgreSQL"}.get(done.stdout.strip())

    def eventually(self, what, look, wanted):
        until = time.monotonic() + PATIENCE
        while (found := look()) != wanted:
            self.assertLess(time.monotonic(), until, f"{what}: {found!r} is not {wanted!r}")
            time.sleep(0.1)


def heard(program, address):
    done = subprocess.run(
        ["python3", "-c", program, address], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False
    )
    return done.stdout.strip()
