"""Many clients at once, racing ones, slow ones and large ones."""

import socket
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

from botocore.config import Config
from botocore.exceptions import ClientError
from cloud import IMAGE, Cloud, Network, tcp

CLIENTS = 200
CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


def client(account, connections):
    settings = Config(
        retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60, max_pool_connections=connections
    )
    return CLOUD.client(account, config=settings)


def at_once(times, call):
    """Runs call(number) by so many threads at once: the answers, with refusals as their codes."""

    def outcome(number):
        try:
            return call(number)
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(outcome, range(times)))


class Together(unittest.TestCase):
    def test_no_call_is_lost_and_none_counts_twice(self):
        ec2 = client("many", CLIENTS)
        before = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
        made = at_once(CLIENTS, lambda number: ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"])
        ids = {vpc["VpcId"] for vpc in made}
        self.assertEqual(len(ids), CLIENTS)
        found = {vpc["VpcId"]: vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"]}
        self.assertEqual(set(found), before | ids)
        self.assertTrue(all(found[vpc["VpcId"]] == vpc["CidrBlock"] for vpc in made))

    def test_the_first_services_of_a_region_share_what_is_made_for_all(self):
        region = "eu-west-1"
        at_once(6, lambda number: CLOUD.strait("service", "create", "--name", f"first-{number}", "--region", region, "--wait"))
        ec2 = CLOUD.client("provider", region=region)
        self.assertEqual(len([vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]), 1)
        self.assertEqual(len(ec2.describe_internet_gateways()["InternetGateways"]), 1)
        at_once(6, lambda number: CLOUD.strait("service", "delete", f"first-{number}", "--yes", "--wait"))

    def test_one_token_makes_one_instance(self):
        ec2 = client("tokens", 20)
        network = Network(ec2, "10.61.0.0/16")

        def launch(_):
            answer = ec2.run_instances(
                ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=network.subnet, ClientToken="the same"
            )
            return answer["Instances"][0]["InstanceId"]

        ids = at_once(20, launch)
        self.assertEqual(len(set(ids)), 1, ids)
        found = ec2.describe_instances()["Reservations"]
        self.assertEqual([one["Instances"][0]["InstanceId"] for one in found], ids[:1])

    def test_of_equal_rules_and_subnets_one_is_made(self):
        ec2 = client("equals", 20)
        network = Network(ec2, "10.62.0.0/16")

        def rule(_):
            ec2.authorize_security_group_ingress(GroupId=network.default_group, IpPermissions=tcp(80, "10.0.0.0/8"))
            return "made"

        outcomes = at_once(20, rule)
        self.assertEqual(sorted(outcomes), ["InvalidPermission.Duplicate"] * 19 + ["made"])

        def subnet(_):
            ec2.create_subnet(VpcId=network.id, CidrBlock="10.62.7.0/24")
            return "made"

        outcomes = at_once(20, subnet)
        self.assertEqual(sorted(outcomes), ["InvalidSubnet.Conflict"] * 19 + ["made"])

    def test_some_order_explains_what_racing_changes_leave(self):
        ec2 = client("racers", 2)
        for turn in range(10):
            vpc = ec2.create_vpc(CidrBlock="10.63.0.0/16")["Vpc"]["VpcId"]
            race = [
                lambda vpc=vpc: ec2.delete_vpc(VpcId=vpc) and "deleted",
                lambda vpc=vpc: ec2.create_subnet(VpcId=vpc, CidrBlock="10.63.0.0/24") and "made",
            ]
            outcomes = at_once(2, lambda number, race=race: race[(number + turn) % 2]())
            deleted, made = outcomes if turn % 2 == 0 else reversed(outcomes)
            here = [{"Name": "vpc-id", "Values": [vpc]}]
            left = (len(ec2.describe_vpcs(Filters=here)["Vpcs"]), len(ec2.describe_subnets(Filters=here)["Subnets"]))
            subnet_first = (("DependencyViolation", "made"), (1, 1))
            delete_first = (("deleted", "InvalidVpcID.NotFound"), (0, 0))
            self.assertIn(((deleted, made), left), [subnet_first, delete_first])

    def test_of_accepting_and_rejecting_one_wins(self):
        ec2 = client("deciders", 2)
        vpcs = [ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.65.0.0/16", "10.66.0.0/16")]
        late = "InvalidStateTransition"
        for turn in range(10):
            made = ec2.create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1])["VpcPeeringConnection"]
            asked = {"VpcPeeringConnectionId": made["VpcPeeringConnectionId"]}
            race = [
                lambda asked=asked: ec2.accept_vpc_peering_connection(**asked) and "done",
                lambda asked=asked: ec2.reject_vpc_peering_connection(**asked) and "done",
            ]
            outcomes = at_once(2, lambda number, race=race: race[(number + turn) % 2]())
            accepted, rejected = outcomes if turn % 2 == 0 else reversed(outcomes)
            left = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=list(asked.values()))
            state = left["VpcPeeringConnections"][0]["Status"]["Code"]
            self.assertIn((accepted, rejected, state), [("done", late, "active"), (late, "done", "rejected")])
            if state == "active":
                ec2.delete_vpc_peering_connection(**asked)


class Slow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.endpoint = urlparse(CLOUD.account("slow")["AWS_ENDPOINT_URL"])

    def test_half_sent_requests_hold_nobody_up(self):
        ec2 = client("slow", 1)
        ec2.describe_vpcs()
        head = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n"
        for sent in (head[:20], head, head + b"\r\nAction=Describe"):
            for _ in range(100):
                self.addCleanup(self.half(sent).close)
        begun = time.monotonic()
        for _ in range(10):
            ec2.describe_vpcs()
        ec2.delete_vpc(VpcId=ec2.create_vpc(CidrBlock="10.64.0.0/16")["Vpc"]["VpcId"])
        # Who waits for a half-sent request waits for 30 s, as the server does.
        self.assertLess(time.monotonic() - begun, 25)

    def test_a_body_that_is_too_large_is_refused_before_it_is_read(self):
        rest = urlparse(CLOUD.account("slow")["STRAIT_URL"])
        for endpoint, path in ((self.endpoint, "/"), (rest, f"{rest.path}/projects")):
            head = f"POST {path} HTTP/1.1\r\nHost: {endpoint.netloc}\r\nContent-Length: 900000000\r\n\r\n"
            with self.half(head.encode() + b"a" * 1000, endpoint) as line:
                line.settimeout(10)
                self.assertRegex(line.recv(100), rb"^HTTP/1.1 4\d\d ")

    def half(self, sent, endpoint=None):
        endpoint = endpoint or self.endpoint
        line = socket.create_connection((endpoint.hostname, endpoint.port), timeout=10)
        line.sendall(sent)
        return line
