"""Moves while applications are at work: what they notice, with and without a drain."""

import json
import os
import subprocess
import sys
import time
import unittest

from cloud import IMAGE, STRAIT, Cloud, Network, tcp

CLOUD = None
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "moving.py")
ANYWHERE = "0.0.0.0/0"
# The longest time without a way in, in seconds: what is promised where nothing else disturbs (`benches/moves.sh`), and a limit that a busy
# machine keeps now and then.
MEASURED = "STRAIT_MOVES_LONGEST" in os.environ
LONGEST, TRIES = (float(os.environ["STRAIT_MOVES_LONGEST"]), 1) if MEASURED else (2, 5)
# Asked a thousand times a second.
RATE = 1000
# Asks for TLS, and then says nothing; prints the answer, and what it is told next.
SILENT = """
import socket, sys
client = socket.create_connection((sys.argv[1], 5432), timeout=20)
client.sendall(bytes((0, 0, 0, 8, 4, 210, 22, 47)))
print(client.recv(1).decode(), flush=True)
try:
    print(client.recv(1))
except OSError as error:
    print(type(error).__name__)
"""


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Moves(unittest.TestCase):
    """An application whose VPC is peered with two Peering VPCs, and that reaches the internet too: it has a way in wherever
    the service is."""

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client("mover")
        cls.network = Network(cls.ec2, "10.70.0.0/16")
        gateway = cls.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        cls.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=cls.network.id)
        cls.ec2.create_route(RouteTableId=cls.network.table, DestinationCidrBlock=ANYWHERE, GatewayId=gateway)
        cls.app = cls.ec2.run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1,
            NetworkInterfaces=[{
                "DeviceIndex": 0, "SubnetId": cls.network.subnet, "Groups": [cls.network.default_group],
                "AssociatePublicIpAddress": True,
            }],
        )["Instances"][0]["InstanceId"]
        account = CLOUD.account("mover")["STRAIT_ACCOUNT_ID"]
        cls.vpcs = [cls.peered(f"10.7{number}.0.0/24", account) for number in (1, 2)]
        cls.service = CLOUD.strait_json("service", "create", "--name", "moved", "--wait")
        cls.host, cls.password = cls.service["endpoint"]["host"], cls.service["initial_password"]
        cls.psql("CREATE TABLE moved (nr bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT clock_timestamp())")

    @classmethod
    def peered(cls, cidr, account):
        vpc = CLOUD.strait_json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait")["id"]
        asked = CLOUD.strait_json(
            "peering", "create", vpc, "--account", account, "--vpc-id", cls.network.id, "--region", "us-east-1", "--wait"
        )
        pcx = asked["accepter_provisioned_id"]
        cls.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        cls.ec2.create_route(RouteTableId=cls.network.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
        CLOUD.strait("peering", "get", asked["id"], "--wait")
        return vpc

    @classmethod
    def psql(cls, sql):
        line = f"host={cls.host} user=tsdbadmin dbname=tsdb sslmode=require"
        done = subprocess.run(
            [STRAIT, "exec", cls.app, "--", "psql", line, "-XAtqc", sql],
            env=CLOUD.environment | {"PGPASSWORD": cls.password}, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def test_a_move_is_noticed_by_what_is_in_flight_and_nothing_else(self):
        """Public, first VPC, second VPC, public; a failed transaction is tried once more."""
        found = self.while_at_work(lambda: self.round_trip(), "pool")
        self.assertEqual(found["failed"], 0, found)
        self.assertLessEqual(found["broken_in_flight"] + found["broken_at_rest"], 3 * 4, found)
        self.assertGreater(found["done"], 50, found)

    def test_a_drain_breaks_no_transaction_at_all(self):
        found = self.while_at_work(lambda: self.round_trip("--drain", "2"), "pool")
        self.assertEqual((found["failed"], found["broken_in_flight"]), (0, 0), found)
        self.assertGreater(found["done"], 100, found)

    def test_there_is_a_way_in_all_the_time(self):
        for _ in range(TRIES):
            found = self.while_at_work(lambda: self.round_trip(), "probe")
            # Who is in flight when a way closes asks again, and is let in; nobody waits in vain.
            self.assertEqual(found["failed"], [], found)
            self.assertLess(found["asked_again"], found["asked"] / 10, found)
            self.assertGreater(found["asked"], 300, found)
            if found["longest"] <= LONGEST:
                break
        self.assertLessEqual(found["longest"], LONGEST, found)
        if MEASURED:
            self.assertGreaterEqual(found["rate"], RATE, found)

    def test_who_is_just_being_let_in_is_told_of_the_end(self):
        """PostgreSQL shows no session before the client is let in, and has none to end."""
        for move in (("attach", self.vpcs[0]), ("attach", self.vpcs[1]), ("detach",)):
            with self.subTest(move), subprocess.Popen(
                [STRAIT, "exec", self.app, "--", sys.executable, "-B", "-c", SILENT, self.host],
                env=CLOUD.environment, stdout=subprocess.PIPE, text=True,
            ) as client:
                self.assertEqual(client.stdout.readline(), "S\n")
                CLOUD.strait("service", move[0], self.service["service_id"], *move[1:], "--wait")
                self.assertEqual(client.communicate(timeout=30)[0], "ConnectionResetError\n")

    def round_trip(self, *options):
        for vpc in self.vpcs:
            CLOUD.strait("service", "attach", self.service["service_id"], vpc, "--wait", *options)
            time.sleep(0.5)
        CLOUD.strait("service", "detach", self.service["service_id"], "--wait", *options)

    def while_at_work(self, move, what):
        with subprocess.Popen(
            [STRAIT, "exec", self.app, "--", sys.executable, "-B", CLIENT, what, self.host, self.password],
            env=CLOUD.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as client:
            try:
                time.sleep(1.5)
                move()
                time.sleep(0.5)
            finally:
                # Its input ends, and with it the client.
                output, errors = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, errors)
        found = json.loads(output)
        print(f"\n{self.id().rsplit('.', 1)[1]}: {found}")
        return found
