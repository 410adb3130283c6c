"""Allow lists: packets of those who are named and of those who are not, by the public way and by the private one."""

import ipaddress
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cloud import IMAGE, STRAIT, Cloud, Network, tcp
from stops import Stops

CLOUD = STOPS = None
ANYWHERE = "0.0.0.0/0"
INTERNET = "198.51.100.1"
# How long is waited where an answer is expected, and where none is, in seconds.
ANSWER, SILENCE = 20, 2


def setUpModule():
    global CLOUD, STOPS
    STOPS = Stops(tempfile.mkdtemp(prefix="strait-stops."))
    CLOUD = Cloud(**STOPS.variables)


def tearDownModule():
    if CLOUD:
        CLOUD.close()
    if STOPS:
        shutil.rmtree(STOPS.folder)


# Says that it is connected, and what ends that.
WAITING = """
import socket, sys
with socket.create_connection((sys.argv[1], 5432), timeout=20) as client:
    client.settimeout(50)
    print("open", flush=True)
    try:
        print({b"": "closed"}.get(client.recv(1), "answered"), flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""


class Session:
    """A psql that stays connected."""

    def __init__(self, host, service):
        self.process = subprocess.Popen(
            [STRAIT, "exec", host, "--", "psql", line(service), "-XAtq"],
            env=CLOUD.environment | {"PGPASSWORD": service["initial_password"]},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        )
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            self.lines.append(text.strip())

    def answers(self, seconds=30):
        """Whether the server still answers it."""
        count = len(self.lines)
        try:
            self.process.stdin.write("SELECT 'here';\n")
            self.process.stdin.flush()
        except OSError:
            return False
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(self.lines) > count:
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


class Lists(unittest.TestCase):
    """A service that two customers' networks and two hosts of the internet want to reach."""

    @classmethod
    def setUpClass(cls):
        cls.first, cls.second = CLOUD.client("first"), CLOUD.client("second")
        cls.networks = {
            "first": Network(cls.first, "10.70.0.0/16"),
            "second": Network(cls.second, "10.71.0.0/16"),
        }
        gateway = cls.first.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        cls.first.attach_internet_gateway(InternetGatewayId=gateway, VpcId=cls.networks["first"].id)
        cls.first.create_route(
            RouteTableId=cls.networks["first"].table, DestinationCidrBlock=ANYWHERE, GatewayId=gateway
        )
        cls.outsider, cls.outside = cls.with_public_address()
        cls.hosts, cls.addresses = {}, {}
        for name, network in cls.networks.items():
            made = network.instance()
            cls.hosts[name], cls.addresses[name] = made["InstanceId"], made["PrivateIpAddress"]
        cls.vpcs = [cls.peered(f"10.7{number}.0.0/24") for number in (8, 9)]

    @classmethod
    def with_public_address(cls):
        network = cls.networks["first"]
        made = cls.first.run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1,
            NetworkInterfaces=[{
                "DeviceIndex": 0, "SubnetId": network.subnet, "Groups": [network.default_group],
                "AssociatePublicIpAddress": True,
            }],
        )["Instances"][0]["InstanceId"]
        shown = cls.first.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
        return made, shown["PublicIpAddress"]

    @classmethod
    def peered(cls, cidr):
        """A Peering VPC that both customers are peered with."""
        vpc = CLOUD.strait_json("vpc", "create", "--cidr", cidr, "--region", "us-east-1", "--wait")["id"]
        for name, network in cls.networks.items():
            account = CLOUD.account(name)["STRAIT_ACCOUNT_ID"]
            asked = CLOUD.strait_json(
                "peering", "create", vpc, "--account", account, "--vpc-id", network.id, "--region", "us-east-1", "--wait"
            )
            pcx = asked["accepter_provisioned_id"]
            network.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
            network.ec2.create_route(RouteTableId=network.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)
            CLOUD.strait("peering", "get", asked["id"], "--wait")
        return vpc

    def setUp(self):
        self.service = CLOUD.strait_json("service", "create", "--name", "guarded", "--wait")
        self.id = self.service["service_id"]
        self.addCleanup(CLOUD.strait, "service", "delete", self.id, "--yes", "--wait")

    def test_the_public_way_lets_in_whom_its_list_names(self):
        self.assertTrue(self.reached("internet") and self.reached(self.outsider), "without a list")
        port = self.service["public_endpoint"]["loopback_port"]
        self.assertTrue(answers_here(port))

        shown = self.allow("set", "--public", INTERNET, "--description", "the internet's own")
        self.assertEqual(shown["public"], [{"cidr": f"{INTERNET}/32", "description": "the internet's own"}])
        self.assertTrue(self.reached("internet"))
        self.assertFalse(self.reaches(self.outsider), "it is not in the list")
        self.assertIn("public, 1 range allowed", CLOUD.strait("service", "get", self.id))

        self.allow("add", "--public", self.outside)
        self.assertTrue(self.reached("internet") and self.reached(self.outsider), "both are")
        self.allow("remove", "--public", INTERNET)
        self.assertFalse(self.reaches("internet"))
        self.assertTrue(self.reached(self.outsider))
        self.assertFalse(answers_here(port), "who comes from this machine comes from the internet")
        self.assertNotIn("local_connection", self.shown(), "and is told no such way")

        walk = self.walk("internet")
        self.assertIn(f"strait service allow add {self.id} --public {INTERNET}/32", walk)
        self.allow("set", "--public")
        self.assertFalse(self.reaches("internet") or self.reaches(self.outsider), "nobody is in an empty list")
        self.allow("clear", "--public")
        self.assertTrue(self.reached("internet") and self.reached(self.outsider))
        self.assertTrue(answers_here(port), "by the port that it had")

    def test_a_change_ends_the_sessions_of_those_it_shuts_out_and_no_others(self):
        stays, goes = self.session("internet"), self.session(self.outsider)
        self.assertTrue(stays.answers() and goes.answers())
        early = subprocess.Popen(
            [STRAIT, "exec", self.outsider, "--", sys.executable, "-c", WAITING, self.service["endpoint"]["host"]],
            env=CLOUD.environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        )
        self.addCleanup(early.stdout.close)
        self.addCleanup(early.wait)
        self.addCleanup(early.kill)
        self.assertEqual(early.stdout.readline().strip(), "open")
        refused = self.refused("allow", "set", self.id, "--public", INTERNET, confirmed=False)
        self.assertIn("yes", refused, "it asks first, and nobody is there to answer")
        status, refusal = self.put({"public": [{"cidr": INTERNET}]})
        self.assertEqual((status, refusal["code"]), (409, "CUTS_SESSIONS"))
        self.assertIn(f"{self.outside} (2)", refusal["message"])
        self.assertNotIn(INTERNET, refusal["message"])
        self.assertTrue(goes.answers(), "nothing was changed")

        begun = time.monotonic()
        self.allow("set", "--public", INTERNET)
        took = time.monotonic() - begun
        self.assertFalse(goes.answers())
        self.assertIn(early.stdout.readline().strip(), ("ConnectionResetError", "closed"), "who is just being let in is told too")
        self.assertTrue(stays.answers())
        self.assertFalse(self.reaches(self.outsider))
        self.assertEqual(self.sql("internet", self.sessions_sql()), "1", "PostgreSQL has ended it too")
        print(f"\nfrom the command to the end of its sessions: {took:.2f} s")

    def test_the_private_way_lets_in_whom_its_list_names_wherever_the_service_is(self):
        self.allow("set", "--public", self.outside)
        self.attach(self.vpcs[0])
        self.assertTrue(self.reached(self.hosts["first"]) and self.reached(self.hosts["second"]), "all peers")
        stays, goes = self.session(self.hosts["first"]), self.session(self.hosts["second"])
        self.assertTrue(stays.answers() and goes.answers())
        status, refusal = self.put({"private": [{"cidr": self.addresses["first"]}]})
        self.assertEqual((status, refusal["code"]), (409, "CUTS_SESSIONS"))
        self.assertIn(f"{self.addresses['second']} (1)", refusal["message"])

        self.allow("set", "--private", self.addresses["first"])
        self.assertTrue(stays.answers())
        self.assertFalse(goes.answers())
        self.only_the_first()
        self.assertIn(f"strait service allow add {self.id} --private", self.walk(self.hosts["second"]))

        self.attach(self.vpcs[1])
        self.only_the_first()
        CLOUD.strait("service", "detach", self.id, "--wait")
        self.assertTrue(self.reached(self.outsider), "the public list counts again")
        self.assertFalse(self.reaches("internet"), "Strait's own probe comes from there, and its move is done")
        self.attach(self.vpcs[0])
        self.only_the_first()
        self.allow("set", "--private", "10.0.0.0/8")
        self.assertTrue(self.reached(self.hosts["first"]) and self.reached(self.hosts["second"]))
        self.allow("set", "--private", "10.99.0.0/16")
        self.assertFalse(self.reaches(self.hosts["first"]) or self.reaches(self.hosts["second"]))
        self.allow("clear", "--private")
        self.assertTrue(self.reached(self.hosts["first"]) and self.reached(self.hosts["second"]))

    def test_what_was_changed_behind_its_back_is_mended_and_packets_obey_while_it_is_dead(self):
        self.allow("set", "--public", self.outside)
        self.allow("set", "--private", self.addresses["first"])
        provider = CLOUD.client("provider")
        group = self.group(provider, f"strait-public-{self.id}")
        provider.revoke_security_group_ingress(GroupId=group, IpPermissions=tcp(5432, f"{self.outside}/32"))
        provider.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(5432, f"{INTERNET}/32"))
        self.assertFalse(self.reaches(self.outsider))
        self.assertTrue(self.reached("internet"), "packets obey the rules as they are")
        held = self.session("internet")
        self.assertTrue(held.answers())
        CLOUD.kill_server()
        self.assertTrue(held.answers(), "sessions go on while no server is there")
        CLOUD.strait("up", "--detach", *CLOUD.ports)
        self.eventually("the list is obeyed again", lambda: self.reached(self.outsider) and not self.reaches("internet"))
        self.assertFalse(held.answers(), "who came in by it is out again")

        self.attach(self.vpcs[0])
        CLOUD.kill_server()
        self.only_the_first()
        CLOUD.strait("up", "--detach", *CLOUD.ports)
        self.only_the_first()

    def test_a_long_list_takes_the_place_of_another_and_who_is_in_both_stays(self):
        """Both together have no room in a security group."""
        self.rules_of_a_group("60")
        self.addCleanup(self.rules_of_a_group, "default")
        self.allow("set", "--public", *(f"198.18.0.{last}" for last in range(49)), self.outside)
        stays = self.session(self.outsider)
        self.assertTrue(stays.answers())
        around = str(ipaddress.ip_network(f"{self.outside}/28", strict=False))
        shown = self.allow("set", "--public", *(f"198.18.1.{last}" for last in range(48)), around, INTERNET)
        self.assertTrue(shown["in_effect"], shown)
        self.assertTrue(stays.answers(), "by another range")
        self.assertTrue(self.reached("internet") and self.reached(self.outsider))

        self.rules_of_a_group("20")
        shown = self.allow("set", "--public", *(f"198.18.2.{last}" for last in range(30)), self.outside)
        self.assertFalse(shown["in_effect"], shown)
        self.assertEqual(self.shown()["reason"]["code"], "allow_list_too_long")
        self.assertTrue(stays.answers() and self.reached(self.outsider), "who is in both")
        self.assertFalse(self.reaches("internet"), "nobody gets in whom it does not name")
        self.rules_of_a_group("default")
        self.eventually("it is in effect", lambda: CLOUD.strait_json("service", "allow", "list", self.id)["in_effect"])
        self.assertTrue(stays.answers())

    def test_what_others_added_goes_or_stays_and_costs_the_list_nothing(self):
        self.allow("set", "--public", self.outside)
        self.allow("set", "--private", self.addresses["first"])
        self.attach(self.vpcs[0])
        provider = CLOUD.client("provider")
        [endpoint] = provider.describe_vpc_endpoints(Filters=[{"Name": "tag:strait:for", "Values": [f"way/{self.id}/*"]}])["VpcEndpoints"]
        theirs = provider.create_security_group(GroupName=f"theirs-{self.id}", Description="theirs", VpcId=endpoint["VpcId"])["GroupId"]
        provider.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], AddSecurityGroupIds=[theirs])
        group = self.group(provider, f"strait-allow-{self.id}")
        before = self.rules(provider, group)
        provider.authorize_security_group_egress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        )
        provider.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(22, ANYWHERE))
        self.assertGreater(self.rules(provider, group), before)
        CLOUD.kill_server()
        CLOUD.strait("up", "--detach", *CLOUD.ports)
        self.eventually("their rules go, and no other", lambda: self.rules(provider, group) == before)
        self.allow("set", "--private", f"{self.addresses['first']}/32", "10.99.0.0/16")
        self.allow("clear", "--private")
        [endpoint] = provider.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["VpcEndpoints"]
        groups = {row["GroupName"] for row in endpoint["Groups"]}
        self.assertEqual(groups, {"strait-endpoints", f"theirs-{self.id}"}, "their group stays beside Strait's own")
        provider.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], RemoveSecurityGroupIds=[theirs])
        provider.delete_security_group(GroupId=theirs)

    def test_a_server_that_dies_before_packets_obey_goes_on_from_there(self):
        goes = self.session(self.outsider)
        self.assertTrue(goes.answers())
        server = CLOUD.strait_json("status")["server"]["pid"]
        STOPS.set("apply-allow-list")
        with subprocess.Popen(
            [STRAIT, "service", "allow", "set", self.id, "--public", INTERNET, "--yes"],
            env=CLOUD.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as asking:
            STOPS.wait([server])
            CLOUD.kill_server(server)
            # Its answer may be lost with it.
            asking.communicate(timeout=90)
        self.assertTrue(goes.answers() and self.reached(self.outsider), "nothing was done yet")
        CLOUD.strait("up", "--detach", *CLOUD.ports)
        self.eventually("packets obey", lambda: not self.reaches(self.outsider))
        self.assertFalse(goes.answers())
        self.assertTrue(self.reached("internet"))
        [last] = CLOUD.strait_json("operation", "list", "--limit", "1")
        ended = CLOUD.strait_json("operation", "get", last["id"], "--wait")
        self.assertEqual((ended["action"], ended["state"]), ("service.allow-list", "succeeded"))

    def only_the_first(self):
        self.assertTrue(self.reached(self.hosts["first"]), "it is in the list")
        self.assertFalse(self.reaches(self.hosts["second"]), "it is not")

    def attach(self, vpc):
        CLOUD.strait("service", "attach", self.id, vpc, "--wait")

    def allow(self, verb, *arguments):
        return CLOUD.strait_json("service", "allow", verb, self.id, *arguments, "--yes")

    def refused(self, *arguments, confirmed):
        yes = ["--yes"] if confirmed else []
        done = subprocess.run(
            [STRAIT, "service", *arguments, *yes], env=CLOUD.environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def put(self, body):
        """What the API answers a change without force."""
        keys = json.loads(CLOUD.strait("env", "--format", "json"))
        done = subprocess.run(
            ["curl", "-sS", "-m", "20", "-X", "PUT", "-H", "Content-Type: application/json", "-w", "\n%{http_code}",
             "-u", f"{keys['STRAIT_PUBLIC_KEY']}:{keys['STRAIT_SECRET_KEY']}", "-d", json.dumps(body),
             f"{keys['STRAIT_URL']}/public/api/v1/projects/{keys['STRAIT_PROJECT_ID']}/services/{self.id}/allow-list"],
            capture_output=True, text=True, timeout=30, check=True,
        )
        answer, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(answer)

    def shown(self):
        return CLOUD.strait_json("service", "get", self.id)

    def walk(self, host):
        done = subprocess.run(
            [STRAIT, "reach", host, self.id], env=CLOUD.environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout + done.stderr

    def group(self, provider, name):
        found = provider.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
        return found[0]["GroupId"]

    def rules(self, provider, group):
        """The ids of a group's rules."""
        found = provider.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return {rule["SecurityGroupRuleId"] for rule in found["SecurityGroupRules"]}

    def rules_of_a_group(self, most):
        CLOUD.strait("aws-quota", "--account", "provider", "rules-per-security-group", most)

    def session(self, host):
        session = Session(host, self.service)
        self.addCleanup(session.close)
        return session

    def sessions_sql(self):
        return (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = 'tsdbadmin' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def sql(self, host, sql):
        done = psql(host, self.service, sql)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def reached(self, host):
        """Whether it gets in that should."""
        return psql(host, self.service, "SELECT 1").returncode == 0

    def reaches(self, host):
        """Whether it gets in that should not: its packets are dropped."""
        return psql(host, self.service, "SELECT 1", SILENCE).returncode == 0

    def eventually(self, what, look, seconds=90):
        end = time.monotonic() + seconds
        while not look():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            time.sleep(0.2)


def line(service, seconds=ANSWER):
    return f"host={service['endpoint']['host']} user=tsdbadmin dbname=tsdb sslmode=require connect_timeout={seconds}"


def psql(host, service, sql, seconds=ANSWER):
    return subprocess.run(
        [STRAIT, "exec", host, "--", "psql", line(service, seconds), "-XAtqc", sql],
        env=CLOUD.environment | {"PGPASSWORD": service["initial_password"]}, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )


def answers_here(port):
    """Whether PostgreSQL answers at the port of this machine's loopback; where it does not, the port is closed."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER) as client:
            client.sendall(bytes((0, 0, 0, 8, 4, 210, 22, 47)))
            return client.recv(1) == b"S"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
