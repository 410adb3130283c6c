"""`strait server` on a PostgreSQL of its own, in front of a cloud that it knows by the AWS APIs only."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from cloud import STRAIT, Network, tcp
from fault_proxy import Proxy

PORT = 5432
TAG = "strait:plane"

# Answers every connection with a word, and holds it until the other side closes.
SERVER = """
import socket, threading
server = socket.create_server(("", 5432), backlog=64)
print("ready", flush=True)
def talk(client):
    try:
        client.sendall(b"hello")
        while client.recv(64):
            pass
    except OSError:
        pass
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""

CLIENT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 5432), timeout=3) as client:
        client.settimeout(3)
        print(client.recv(64).decode() or "closed")
except OSError as error:
    print(type(error).__name__)
"""


class Front:
    """A server with its store, as the operator of this account of the cloud. `kill` and `start` as often as one likes."""

    def __init__(self, cloud, account, domain, regions=("us-east-1",), proxy=None):
        self.cloud, self.account, self.proxy = cloud, account, proxy
        self.folder = tempfile.mkdtemp(prefix="strait-front.")
        self.store = self.server = None
        keys = cloud.account(account)
        self.port = free_port()
        self.environment = {
            name: value for name, value in cloud.environment.items() if not name.startswith("STRAIT_")
        } | {
            "AWS_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"],
            "AWS_SESSION_TOKEN": keys.get("AWS_SESSION_TOKEN", ""),
            "STRAIT_LOG": os.environ.get("STRAIT_LOG", "info"),
            "STRAIT_URL": f"http://127.0.0.1:{self.port}",
        }
        try:
            self.store = Store(os.path.join(self.folder, "store"))
            authority = os.path.join(self.folder, "authority.pem")
            with open(authority, "w", encoding="ascii") as file:
                file.write(cloud.authority())
            self.config = os.path.join(self.folder, "strait.toml")
            with open(self.config, "w", encoding="ascii") as file:
                file.write(
                    f'database_url = "{self.store.url}"\ndomain = "{domain}"\nca_file = "{authority}"\n'
                    f'[http]\nlisten = "127.0.0.1:{self.port}"\n'
                    f'[cloud]\nkind = "aws"\nregions = {json.dumps(list(regions))}\n'
                    f'endpoint_url = "{proxy.url if proxy else keys["AWS_ENDPOINT_URL"]}"\n'
                )
            made = json.loads(self.run("admin", "bootstrap", "--config", self.config, "--output", "json"))
            self.environment |= {
                "STRAIT_PROJECT_ID": made["project_id"],
                "STRAIT_PUBLIC_KEY": made["public_key"],
                "STRAIT_SECRET_KEY": made["secret_key"],
            }
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        self.server = subprocess.Popen(
            [STRAIT, "server", "--config", self.config],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        until = time.monotonic() + 60
        while not self.answers():
            if self.server.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the server does not start:\n{self.logged()}")
            time.sleep(0.1)

    def answers(self):
        try:
            urllib.request.urlopen(f"{self.environment['STRAIT_URL']}/health", timeout=2).close()
            return True
        except OSError:
            return False

    def kill(self):
        """Ends it as a power cut would."""
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(timeout=20)
        self.server = None
        self.log.close()

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait(timeout=30)
            self.log.close()
        if self.store:
            self.store.close()
        shutil.rmtree(self.folder)

    def run(self, *arguments):
        """Runs the CLI; returns what it prints."""
        # Calls that fail again and again are given time; other machines are slower.
        patience = ("--timeout", "400") if "--wait" in arguments and "--timeout" not in arguments else ()
        done = subprocess.run(
            [STRAIT, *arguments, *patience], env=self.environment, capture_output=True, text=True, timeout=450,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise AssertionError(
                f"strait {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}\n{self.logged()}\n"
                f"{self.shown() if arguments[0] != 'admin' else ''}"
            )
        return done.stdout

    def shown(self):
        """All that the server tells of its objects."""
        kinds = (("vpc", "list"), ("peering", "list"), ("service", "list"))
        lists = (
            subprocess.run(
                [STRAIT, *kind, "--output", "json"], env=self.environment, capture_output=True, text=True, timeout=60,
                stdin=subprocess.DEVNULL, check=False,
            )
            for kind in kinds
        )
        return "\n".join(done.stdout + done.stderr for done in lists)

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--output", "json"))

    def logged(self):
        path = os.path.join(self.folder, "server.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            asked = [action for _, action in self.proxy.asked[-40:]] if self.proxy else []
            return f"{file.read()[-6000:]}\nlast asked: {' '.join(asked)}"

    def left(self):
        """All that the cloud still has with a tag of Strait's, but for peering connections that ended."""
        ec2, elb = self.cloud.client(self.account), self.cloud.client(self.account, "elbv2")
        tagged = [{"Name": "tag-key", "Values": [TAG]}]
        kinds = {
            "describe_vpcs": ("Vpcs", "VpcId"),
            "describe_subnets": ("Subnets", "SubnetId"),
            "describe_security_groups": ("SecurityGroups", "GroupId"),
            "describe_vpc_endpoint_service_configurations": ("ServiceConfigurations", "ServiceId"),
            "describe_vpc_endpoints": ("VpcEndpoints", "VpcEndpointId"),
        }
        found = [
            one[key]
            for call, (field, key) in kinds.items()
            for one in getattr(ec2, call)(Filters=tagged)[field]
            if one.get("State", one.get("Status")) not in ("deleted", "deleting")
        ]
        peerings = ec2.describe_vpc_peering_connections(Filters=tagged)["VpcPeeringConnections"]
        live = ("pending-acceptance", "active", "provisioning")
        found += [one["VpcPeeringConnectionId"] for one in peerings if one["Status"]["Code"] in live]
        arns = [one["LoadBalancerArn"] for one in elb.describe_load_balancers()["LoadBalancers"]]
        arns += [one["TargetGroupArn"] for one in elb.describe_target_groups()["TargetGroups"]]
        for arn in arns:
            tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
            if any(tag["Key"] == TAG for tag in tags):
                found.append(arn)
        return sorted(found)


class Store:
    """A PostgreSQL that only this test has."""

    def __init__(self, folder):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not programs:
            raise AssertionError("no PostgreSQL is installed: scripts/setup.sh installs one")
        programs = os.path.dirname(programs[-1])
        initdb = [f"{programs}/initdb", "-D", folder, "-A", "trust", "-U", "strait", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=60)
        port = free_port()
        self.url = f"postgres://strait@127.0.0.1:{port}/postgres"
        options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self.process = subprocess.Popen(
            [f"{programs}/postgres", "-D", folder, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        ready = [f"{programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        until = time.monotonic() + 30
        while subprocess.run(ready, timeout=10, check=False).returncode != 0:
            if time.monotonic() > until:
                self.close()
                raise AssertionError("the store does not start")
            time.sleep(0.1)

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """What an operator has before Strait: a VPC with a host in it that the internet reaches on PostgreSQL's port."""

    def __init__(self, cloud, account, cidr):
        self.cloud, self.server = cloud, None
        self.ec2 = cloud.client(account)
        self.network = Network(self.ec2, cidr)
        self.open_to_the_internet()
        zones = [zone["ZoneName"] for zone in self.ec2.describe_availability_zones()["AvailabilityZones"]]
        mine = self.ec2.describe_subnets(SubnetIds=[self.network.subnet])["Subnets"][0]["AvailabilityZone"]
        other = next(zone for zone in zones if zone != mine)
        block = cidr.replace(".0.0/16", ".1.0/24")
        second = self.ec2.create_subnet(VpcId=self.network.id, CidrBlock=block, AvailabilityZone=other)["Subnet"]
        self.subnets = [self.network.subnet, second["SubnetId"]]
        group = self.ec2.create_security_group(GroupName="postgres", Description="postgres", VpcId=self.network.id)
        self.group = group["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=tcp(PORT, "0.0.0.0/0"))
        self.neighbour = self.network.instance()["InstanceId"]
        instance = self.network.instance(group=self.group)
        self.host, self.address = instance["InstanceId"], instance["PrivateIpAddress"]
        elastic = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=self.host)
        self.public = elastic["PublicIp"]
        if cloud.packets:
            self.server = subprocess.Popen(
                [STRAIT, "exec", self.host, "--", "python3", "-c", SERVER],
                env=cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )
            assert self.server.stdout.readline() == "ready\n"

    def rules(self):
        """The ranges that the service's group lets in."""
        group = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]
        return {row["CidrIp"] for rule in group["IpPermissions"] for row in rule["IpRanges"]}

    def open_to_the_internet(self):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.network.id)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait(timeout=20)
            self.server.stdout.close()


class Customer:
    """A customer's VPC with a host in it."""

    def __init__(self, cloud, account, cidr):
        self.account = cloud.account(account)["STRAIT_ACCOUNT_ID"]
        self.ec2 = cloud.client(account)
        self.network = Network(self.ec2, cidr)
        self.host = self.network.instance()["InstanceId"]

    def accept(self, peering, cidr):
        pcx = peering["accepter_provisioned_id"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)


class Operator(unittest.TestCase):
    """An operator with a service and a server of Strait's in front of `cloud`, in an account of each class's own."""

    ACCOUNT = None
    cloud = None

    @classmethod
    def setUpClass(cls):
        cls.domain = f"o{cls.ACCOUNT}.example.net"
        cls.route53 = cls.cloud.client(cls.ACCOUNT, "route53")
        cls.zone = cls.route53.create_hosted_zone(Name=cls.domain, CallerReference="one")["HostedZone"]["Id"]
        cls.service = Service(cls.cloud, cls.ACCOUNT, "172.30.0.0/16")
        cls.addClassCleanup(cls.service.close)
        cls.proxy = Proxy(cls.cloud.account(cls.ACCOUNT)["AWS_ENDPOINT_URL"])
        cls.addClassCleanup(cls.proxy.close)
        cls.front = Front(cls.cloud, cls.ACCOUNT, cls.domain, proxy=cls.proxy)
        cls.addClassCleanup(cls.front.close)

    def peered(self, cidr, customer):
        """A Peering VPC with a connection that the customer accepted and that is let in; its id."""
        vpc = self.front.json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait")
        asked = self.front.json(
            "peering", "create", vpc["id"], "--account", customer.account, "--vpc-id", customer.network.id,
            "--region", "us-east-1", "--wait",
        )
        customer.accept(asked, cidr)
        is_in = lambda: self.front.json("peering", "list", "--vpc", vpc["id"])[0]["state"]
        self.eventually("the peering is active", is_in, "active")
        return vpc["id"]

    def register(self):
        return self.front.json(
            "service", "register", "--host", self.service.address, "--vpc", self.service.network.id,
            "--subnets", ",".join(self.service.subnets), "--region", "us-east-1",
            "--public-security-group", self.service.group, "--wait",
        )

    def take_all_away(self):
        for service in self.front.json("service", "list"):
            # What is deleted while it is attached stays closed.
            if service["network"]["now"] != "public":
                self.front.run("service", "detach", service["service_id"], "--wait")
            self.front.run("service", "delete", service["service_id"], "--yes", "--wait")
        for vpc in self.front.json("vpc", "list"):
            for peering in self.front.json("peering", "list", "--vpc", vpc["id"]):
                self.front.run("peering", "delete", peering["id"], "--yes", "--wait")
            self.front.run("vpc", "delete", vpc["id"], "--yes", "--wait")
        self.eventually("nothing is left", self.front.left, [])
        names = self.route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        self.assertEqual({row["Type"] for row in names}, {"NS", "SOA"})

    def public_rules(self):
        return [cidr for cidr in self.service.rules() if cidr == "0.0.0.0/0"]

    def eventually(self, what, look, wanted, seconds=200):
        until = time.monotonic() + seconds
        while (found := look()) != wanted:
            if time.monotonic() > until:
                self.fail(f"not in {seconds} s: {what}: {found!r} is not {wanted!r}\n{self.front.logged()}")
            time.sleep(0.5)

    def reaches(self, what, host, address):
        """A host hears the service at this address or name, in the end."""
        if self.cloud.packets:
            self.eventually(what, lambda: self.hears(host, address), "hello")

    def reaches_not(self, what, host, address):
        if self.cloud.packets:
            self.assertNotEqual(self.hears(host, address), "hello", what)

    def hears(self, host, address):
        """What a host hears from the service, or the error's name."""
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
            env=self.cloud.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()


class Stories:
    """What users do: a part of tests of an operator's."""

    CUSTOMERS = ("customer", "stranger", "drifter")

    def test_from_registration_to_the_last_trace(self):
        customer = Customer(self.cloud, self.CUSTOMERS[0], "10.20.0.0/16")
        stranger = Customer(self.cloud, self.CUSTOMERS[1], "10.30.0.0/16")
        first = self.peered("10.80.0.0/24", customer)
        second = self.peered("10.81.0.0/24", customer)
        registered = self.register()
        name = registered["endpoint"]["host"]
        self.reaches("the internet", "internet", self.service.public)
        self.assertEqual(self.service.rules(), {"0.0.0.0/0"}, "registering changes nothing")

        if self.cloud.private_ways:
            self.moves(registered["service_id"], name, first, second, customer, stranger)
        self.take_all_away()
        self.assertEqual(self.public_rules(), ["0.0.0.0/0"], "what was public when it was deleted stays so")

    def test_killed_in_the_middle_of_an_attachment(self):
        if not self.cloud.private_ways:
            self.skipTest("moto's endpoints: see above")
        customer = Customer(self.cloud, self.CUSTOMERS[0], "10.50.0.0/16")
        vpc = self.peered("10.83.0.0/24", customer)
        service = self.register()
        name = service["endpoint"]["host"]
        for turn in range(4):
            self.front.run("service", "attach", service["service_id"], vpc)
            time.sleep(0.3 + 0.7 * turn)
            self.front.kill()
            self.front.start()
            self.front.run("service", "get", service["service_id"], "--wait")
            self.reaches("the customer reaches it", customer.host, name)
            self.reaches_not("it is closed", "internet", self.service.public)
            arns = [found for found in self.front.left() if found.startswith(("arn:", "vpce"))]
            self.assertEqual(len(arns), 4, f"nothing is doubled: {arns}")
            self.front.run("service", "detach", service["service_id"])
            time.sleep(0.3 + 0.7 * turn)
            self.front.kill()
            self.front.start()
            self.front.run("service", "get", service["service_id"], "--wait")
            self.reaches("it is public again", "internet", self.service.public)
            arns = [found for found in self.front.left() if found.startswith(("arn:", "vpce"))]
            self.assertEqual(arns, [])
        self.take_all_away()

    def moves(self, service, name, first, second, customer, stranger):
        """Into one Peering VPC, into another one, and out again."""
        self.front.run("service", "attach", service, first, "--wait")
        self.reaches("the customer reaches it by its name", customer.host, name)
        self.reaches_not("the public way is closed", "internet", self.service.public)
        self.reaches_not("nobody else reaches it", stranger.host, name)
        self.assertEqual(self.public_rules(), [])
        self.reaches("hosts of the service's own VPC go on", self.service.neighbour, self.service.address)

        self.front.run("service", "attach", service, second, "--wait")
        shown = self.front.json("service", "get", service)
        self.assertEqual(shown["network"]["now"], f"vpc:{second}")
        self.reaches("it is reached by its name after the move", customer.host, name)
        self.reaches_not("it is closed", "internet", self.service.public)

        self.front.run("service", "detach", service, "--wait")
        self.reaches("it is public again", "internet", self.service.public)
        self.assertEqual(self.service.rules(), {"0.0.0.0/0"}, "as it was before")

    def test_what_was_done_behind_its_back_while_it_was_killed_is_mended(self):
        customer = Customer(self.cloud, self.CUSTOMERS[2], "10.40.0.0/16")
        vpc = self.peered("10.82.0.0/24", customer)
        service = self.register()
        name = service["endpoint"]["host"]
        if self.cloud.private_ways:
            self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        self.reaches("the customer reaches it", customer.host, name)
        before = self.front.left()

        self.front.kill()
        ec2 = self.service.ec2
        ours = [{"Name": "tag-key", "Values": [TAG]}]
        home = ec2.describe_vpcs(Filters=ours)["Vpcs"][0]["VpcId"]
        here = [{"Name": "vpc-id", "Values": [home]}]
        table = ec2.describe_route_tables(Filters=here)["RouteTables"][0]["RouteTableId"]
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.40.0.0/16")
        group = next(
            group for group in ec2.describe_security_groups(Filters=here + ours)["SecurityGroups"] if group["IpPermissions"]
        )
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        endpoints = [endpoint["VpcEndpointId"] for endpoint in ec2.describe_vpc_endpoints(Filters=ours)["VpcEndpoints"]]
        if self.cloud.private_ways:
            self.assertEqual(len(endpoints), 1)
            ec2.delete_vpc_endpoints(VpcEndpointIds=endpoints)
            # As a program does that keeps its own idea of the group's rules.
            ec2.authorize_security_group_ingress(GroupId=self.service.group, IpPermissions=tcp(PORT, "0.0.0.0/0"))
        self.reaches_not("it is closed", customer.host, name)

        self.front.start()
        self.eventually("all is there again", lambda: len(self.front.left()), len(before))
        self.reaches("the customer reaches it again", customer.host, name)
        routes = lambda: [
            route["DestinationCidrBlock"]
            for table in ec2.describe_route_tables(Filters=here)["RouteTables"]
            for route in table["Routes"]
        ]
        self.eventually("the route back is there again", lambda: "10.40.0.0/16" in routes(), True)
        if self.cloud.private_ways:
            self.eventually("the public way is closed again", self.public_rules, [])
        after = self.front.left()
        self.assertEqual(len(after), len(before), "nothing is doubled")
        self.assertEqual(set(before) - set(after), set(endpoints), "all but the endpoint are what they were")
        self.take_all_away()
