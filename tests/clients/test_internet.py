"""Internet gateways and public addresses: packets both ways, and the calls that make them pass."""

import subprocess
import time
import unittest

from botocore.exceptions import ClientError

from cloud import IMAGE, STRAIT, Cloud, Network, tcp

CLOUD = None
# How long is waited where an answer is expected, and where none is, in seconds.
ANSWER, SILENCE = 15, 3


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Public(Network):
    """A VPC with an internet gateway, a default route to it, and TCP 8080 open to everybody."""

    def __init__(self, ec2, cidr):
        super().__init__(ec2, cidr)
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.id)
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway)
        ec2.authorize_security_group_ingress(GroupId=self.default_group, IpPermissions=tcp(8080, "0.0.0.0/0"))

    def named(self, name, public=False):
        """An instance that `strait exec NAME` finds, as DescribeInstances shows it."""
        made = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": self.subnet,
                    "Groups": [self.default_group],
                    "AssociatePublicIpAddress": public,
                }
            ],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )["Instances"][0]
        return self.shown(made["InstanceId"])

    def shown(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


class Packets(unittest.TestCase):
    """What passes a gateway. `web` has a public address from its launch, `quiet` has none."""

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client("packets")
        cls.network = Public(cls.ec2, "10.90.0.0/16")
        cls.web = cls.network.named("web", public=True)
        cls.quiet = cls.network.named("quiet")

    def test_out_to_the_internet_and_in_from_it(self):
        self.assertNotIn("PublicIpAddress", self.quiet)
        self.assertTrue(healthy("web"), "with a public address")
        self.assertFalse(health("quiet"), "without one")
        with Server("web"):
            self.assertTrue(reached("internet", self.web["PublicIpAddress"]))
            self.assertTrue(reached("quiet", self.web["PrivateIpAddress"]), "the neighbour, privately")
            self.assertFalse(reaches("internet", self.web["PrivateIpAddress"]), "nobody else does that")
            self.ec2.revoke_security_group_ingress(GroupId=self.network.default_group, IpPermissions=tcp(8080, "0.0.0.0/0"))
            self.assertFalse(reaches("internet", self.web["PublicIpAddress"]), "its group is closed")
            self.ec2.authorize_security_group_ingress(
                GroupId=self.network.default_group, IpPermissions=tcp(8080, "198.51.100.1/32")
            )
            self.assertTrue(reached("internet", self.web["PublicIpAddress"]), "open to this client")
            self.ec2.authorize_security_group_ingress(
                GroupId=self.network.default_group, IpPermissions=tcp(8080, "0.0.0.0/0")
            )

    def test_what_the_far_side_sees(self):
        with Server("internet"):
            seen = CLOUD.strait("exec", "web", "--", "curl", "-sS", "-m", "15", "http://198.51.100.1:8080/")
        self.assertEqual(seen.strip(), self.web["PublicIpAddress"])

    def test_an_elastic_address_comes_moves_and_goes(self):
        address = self.ec2.allocate_address(Domain="vpc")
        self.addCleanup(self.ec2.release_address, AllocationId=address["AllocationId"])
        ip, allocation = address["PublicIp"], address["AllocationId"]
        other = self.network.named("other")
        with Server("quiet"), Server("other"):
            self.assertFalse(reaches("internet", ip))
            association = self.ec2.associate_address(AllocationId=allocation, InstanceId=self.quiet["InstanceId"])
            self.assertTrue(reached("internet", ip))
            self.assertTrue(healthy("quiet"))
            shown = self.network.shown(self.quiet["InstanceId"])
            self.assertEqual(shown["PublicIpAddress"], ip)
            owner = shown["NetworkInterfaces"][0]["Association"]["IpOwnerId"]
            self.assertEqual(owner, CLOUD.account("packets")["STRAIT_ACCOUNT_ID"])
            moved = self.ec2.associate_address(AllocationId=allocation, InstanceId=other["InstanceId"])
            self.assertNotEqual(moved["AssociationId"], association["AssociationId"])
            self.assertTrue(reached("internet", ip), "the other one")
            self.assertFalse(health("quiet"))
            self.assertTrue(healthy("other"))
            self.ec2.disassociate_address(AssociationId=moved["AssociationId"])
            self.assertFalse(reaches("internet", ip))
            self.assertFalse(health("other"))
            self.assertTrue(healthy("web"), "and the gateway is there all the while")

    def test_vpcs_meet_in_the_internet(self):
        """Another account's VPC with the same range."""
        away = Public(CLOUD.client("away"), "10.90.0.0/16")
        peer = away.named("peer", public=True)
        with Server("peer"), Server("web"):
            self.assertTrue(reached("web", peer["PublicIpAddress"]))
            self.assertTrue(reached("peer", self.web["PublicIpAddress"]))
            away.ec2.revoke_security_group_ingress(GroupId=away.default_group, IpPermissions=tcp(8080, "0.0.0.0/0"))
            away.ec2.authorize_security_group_ingress(GroupId=away.default_group, IpPermissions=tcp(8080, "10.90.0.0/16"))
            self.assertFalse(reaches("web", peer["PublicIpAddress"]), "it comes with its public address")
            public = self.web["PublicIpAddress"] + "/32"
            away.ec2.authorize_security_group_ingress(GroupId=away.default_group, IpPermissions=tcp(8080, public))
            self.assertTrue(reached("web", peer["PublicIpAddress"]))
            acl = away.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [away.id]}])["NetworkAcls"][0]
            entry = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 10, "Egress": False}
            away.ec2.create_network_acl_entry(**entry, Protocol="6", RuleAction="deny", CidrBlock=public, PortRange={"From": 8080, "To": 8080})
            self.assertFalse(reaches("web", peer["PublicIpAddress"]), "denied by the ACL")
            away.ec2.delete_network_acl_entry(**entry)
            self.assertTrue(reached("web", peer["PublicIpAddress"]))

    def test_a_public_service_by_its_name(self):
        CLOUD.strait("service", "create", "--name", "shop", "--wait")
        service = CLOUD.strait_json("service", "get", "shop")
        host = service["endpoint"]["host"]
        self.assertIn("accepting connections", accepts("web", host, ANSWER))
        self.assertIn("no response", accepts("quiet", host, SILENCE))

    def test_a_peer_cannot_use_the_gateway(self):
        inner = Network(self.ec2, "10.91.0.0/16")
        pcx = self.ec2.create_vpc_peering_connection(VpcId=inner.id, PeerVpcId=self.network.id)
        pcx = pcx["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        route = {"VpcPeeringConnectionId": pcx}
        self.ec2.create_route(RouteTableId=inner.table, DestinationCidrBlock="0.0.0.0/0", **route)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock="10.91.0.0/16", **route)
        inner.instance(TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "inner"}]}])
        with Server("web"):
            self.assertTrue(reached("inner", self.web["PrivateIpAddress"]), "over the peering")
        self.assertFalse(health("inner"), "not through it to the internet")
        self.assertTrue(healthy("web"))

    def test_a_detached_gateway_is_a_blackhole(self):
        network = Public(CLOUD.client("detached"), "10.92.0.0/16")
        ec2 = network.ec2
        instance = network.named("leaver")
        address = ec2.allocate_address()
        association = ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance["InstanceId"])
        self.assertTrue(healthy("leaver"))
        with self.assertRaisesRegex(ClientError, "DependencyViolation"):
            ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.id)
        ec2.disassociate_address(AssociationId=association["AssociationId"])
        ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.id)
        routes = ec2.describe_route_tables(RouteTableIds=[network.table])["RouteTables"][0]["Routes"]
        self.assertIn(("0.0.0.0/0", "blackhole"), [(route["DestinationCidrBlock"], route["State"]) for route in routes])
        with self.assertRaisesRegex(ClientError, "Gateway.NotAttached"):
            ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance["InstanceId"])
        self.assertFalse(health("leaver"))
        ec2.attach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.id)
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance["InstanceId"])
        self.assertTrue(healthy("leaver"))


class Addresses(unittest.TestCase):
    """The calls themselves."""

    def test_quota_names_and_filters(self):
        ec2 = CLOUD.client("addresses")
        network = Public(ec2, "10.93.0.0/16")
        ec2.modify_vpc_attribute(VpcId=network.id, EnableDnsHostnames={"Value": True})
        instance = network.named("named", public=True)
        dashed = instance["PublicIpAddress"].replace(".", "-")
        self.assertEqual(instance["PublicDnsName"], f"ec2-{dashed}.compute-1.amazonaws.com")
        made = [ec2.allocate_address() for _ in range(5)]
        with self.assertRaisesRegex(ClientError, "AddressLimitExceeded"):
            ec2.allocate_address()
        ec2.create_tags(Resources=[made[0]["AllocationId"]], Tags=[{"Key": "Name", "Value": "first"}])
        found = ec2.describe_addresses(Filters=[{"Name": "tag:Name", "Values": ["fir*"]}])["Addresses"]
        self.assertEqual([one["PublicIp"] for one in found], [made[0]["PublicIp"]])
        attribute = ec2.describe_addresses_attribute(AllocationIds=[made[1]["AllocationId"]], Attribute="domain-name")
        self.assertEqual(attribute["Addresses"][0]["PublicIp"], made[1]["PublicIp"])
        for address in made:
            ec2.release_address(AllocationId=address["AllocationId"])
        self.assertEqual(ec2.describe_addresses()["Addresses"], [])
        with self.assertRaisesRegex(ClientError, "InvalidAllocationID.NotFound"):
            ec2.release_address(AllocationId=made[0]["AllocationId"])

    def test_command_line(self):
        status, output, errors = CLOUD.aws("shell", "ec2", "allocate-address", "--query", "AllocationId", "--output", "text")
        self.assertEqual(status, 0, errors)
        status, _, errors = CLOUD.aws("shell", "ec2", "release-address", "--allocation-id", output.strip())
        self.assertEqual(status, 0, errors)


class Server:
    """An HTTP server on port 8080 in a host, which tells each client its address."""

    CODE = """
import http.server
class Tell(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Tell).serve_forever()
"""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        self.process = subprocess.Popen(
            [STRAIT, "exec", self.host, "--", "python3", "-c", self.CODE],
            env=CLOUD.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not reached(self.host, "127.0.0.1"):
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__()
                raise AssertionError(f"no server in {self.host}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)


def run(host, *command):
    """Runs a command in a host; returns (status, output)."""
    done = subprocess.run(
        [STRAIT, "exec", host, "--", *command],
        env=CLOUD.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def reached(host, address):
    """Whether a server answers that should."""
    return reaches(host, address, ANSWER)


def reaches(host, address, seconds=SILENCE):
    """Whether a server answers that should not."""
    return run(host, "curl", "-sS", "-m", str(seconds), "-o", "/dev/null", f"http://{address}:8080/")[0] == 0


def healthy(host):
    """Whether a host that should reaches Strait's own REST API in the internet, by its name."""
    return health(host, ANSWER)


def health(host, seconds=SILENCE):
    """Whether one does that should not."""
    port = CLOUD.strait_json("status")["server"]["http"].rsplit(":", 1)[1]
    return run(host, "curl", "-fsS", "-m", str(seconds), "-o", "/dev/null", f"http://api.strait.internal:{port}/health")[0] == 0


def accepts(host, name, seconds):
    return run(host, "pg_isready", "-h", name, "-p", "5432", "-t", str(seconds))[1]
