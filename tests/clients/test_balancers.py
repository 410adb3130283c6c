"""Network load balancers with packets: health decides where connections go, zones are kept apart, groups are obeyed."""

import subprocess
import time
import unittest

from cloud import STRAIT, Cloud, Network, tcp

CLOUD = None

# Answers every connection or datagram with a word, and names nobody.
SERVER = """
import socket, sys, threading
word, port = sys.argv[1].encode(), int(sys.argv[2])
def datagrams():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", port))
    while True:
        _, sender = server.recvfrom(64)
        server.sendto(word, sender)
threading.Thread(target=datagrams, daemon=True).start()
server = socket.create_server(("", port), backlog=64)
print("ready", flush=True)
def talk(client):
    try:
        client.sendall(word)
        while client.recv(64):
            client.sendall(word)
    except OSError:
        pass
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""

# Connects so many times, one after another, and waits so long for each answer; prints the word that each got, or the error's name.
CLIENT = """
import socket, sys
seconds = int(sys.argv[5])
for _ in range(int(sys.argv[3])):
    try:
        if sys.argv[4] == "udp":
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(seconds)
            client.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
            print(client.recv(64).decode())
        else:
            with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=seconds) as client:
                print(client.recv(64).decode() or "closed")
    except OSError as error:
        print(type(error).__name__)
"""

# Holds a connection, and says when it ends.
HOLDER = """
import socket, sys, time
client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
print(client.recv(64).decode(), flush=True)
try:
    while True:
        time.sleep(0.2)
        client.sendall(b"?")
        if not client.recv(64):
            break
    print("closed", flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
"""


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class World:
    """A provider's VPC with a subnet in two zones, and a group that allows everything in its VPC and from anywhere."""

    def __init__(self, account, cidr):
        self.account = account
        self.ec2, self.elb = CLOUD.client(account), CLOUD.client(account, "elbv2")
        self.network = Network(self.ec2, cidr)
        second = cidr.replace(".0.0/16", ".1.0/24")
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        mine = self.ec2.describe_subnets(SubnetIds=[self.network.subnet])["Subnets"][0]["AvailabilityZone"]
        self.zones = [mine, next(zone["ZoneName"] for zone in zones if zone["ZoneName"] != mine)]
        made = self.ec2.create_subnet(VpcId=self.network.id, CidrBlock=second, AvailabilityZone=self.zones[1])
        self.subnets = [self.network.subnet, made["Subnet"]["SubnetId"]]
        self.group = self.open_group("open")

    def open_group(self, name):
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.network.id)["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=everything)
        return group

    def machine(self, name, zone=0):
        answer = self.ec2.run_instances(
            ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=self.subnets[zone], SecurityGroupIds=[self.group],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        return answer["Instances"][0]

    def balancer(self, name, zones=(0,), **more):
        answer = self.elb.create_load_balancer(
            Name=name, Type="network", Scheme="internal", Subnets=[self.subnets[zone] for zone in zones], **more
        )
        return answer["LoadBalancers"][0]["LoadBalancerArn"]

    def targets(self, name, instances, port=7000, protocol="TCP", **more):
        settings = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4, "HealthyThresholdCount": 2}
        answer = self.elb.create_target_group(
            Name=name, Protocol=protocol, Port=port, VpcId=self.network.id, TargetType="instance", **(settings | more)
        )
        arn = answer["TargetGroups"][0]["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": one["InstanceId"]} for one in instances])
        return arn

    def listener(self, balancer, targets, port=80, protocol="TCP"):
        action = [{"Type": "forward", "TargetGroupArn": targets}]
        answer = self.elb.create_listener(LoadBalancerArn=balancer, Protocol=protocol, Port=port, DefaultActions=action)
        return answer["Listeners"][0]["ListenerArn"]

    def address(self, balancer, zone=0):
        rows = self.elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]["AvailabilityZones"]
        row = next(row for row in rows if row["SubnetId"] == self.subnets[zone])
        return row["LoadBalancerAddresses"][0]["PrivateIPv4Address"]

    def health(self, targets):
        rows = self.elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
        return {row["Target"]["Id"]: row["TargetHealth"] for row in rows}

    def wait(self, targets, **wanted):
        """Waits until each instance's state is the wanted one; by the instance's id with _ for -."""
        wanted = {name.replace("_", "-"): state for name, state in wanted.items()}
        end = time.monotonic() + 90
        while time.monotonic() < end:
            found = {one: health["State"] for one, health in self.health(targets).items()}
            if found == wanted:
                return
            time.sleep(0.2)
        raise AssertionError(f"wanted {wanted}, found {self.health(targets)}")


class Server:
    """A program in an instance that answers with a word."""

    def __init__(self, test, instance, word, port=7000):
        self.process = run_in(instance, SERVER, word, str(port))
        test.addCleanup(self.stop)
        test.assertEqual(self.process.stdout.readline().strip(), "ready")

    def stop(self):
        """Ends it; what it listened on is refused from now on."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=10)


def run_in(instance, program, *arguments):
    return subprocess.Popen(
        [STRAIT, "exec", instance, "--", "python3", "-u", "-c", program, *arguments],
        env=CLOUD.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )


def words(instance, address, port=80, times=4, protocol="tcp", seconds=10):
    """What so many connections got, as a set."""
    client = run_in(instance, CLIENT, address, str(port), str(times), protocol, str(seconds))
    output, _ = client.communicate(timeout=60 + times * seconds)
    return set(output.split())


def silence(instance, address, port=80):
    """What a connection got that nobody answers."""
    return words(instance, address, port, times=1, seconds=2)


class Health(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("healthy", "10.90.0.0/16")
        cls.client = cls.world.machine("client")["InstanceId"]

    def test_traffic_moves_to_the_target_that_lives_and_back(self):
        world = self.world
        one, two = world.machine("one"), world.machine("two")
        name = [one["InstanceId"].replace("-", "_"), two["InstanceId"].replace("-", "_")]
        balancer = world.balancer("moves")
        targets = world.targets("moves", [one, two])
        servers = [Server(self, one["InstanceId"], "one"), Server(self, two["InstanceId"], "two")]
        self.assertEqual(world.health(targets)[one["InstanceId"]]["Reason"], "Target.NotInUse")
        world.listener(balancer, targets)
        address = world.address(balancer)
        world.wait(targets, **{name[0]: "healthy", name[1]: "healthy"})
        self.assertNotIn("Reason", world.health(targets)[one["InstanceId"]])
        self.assertEqual(words(self.client, address), {"one", "two"})
        held = run_in(self.client, HOLDER, address, "80")
        self.addCleanup(held.communicate, timeout=10)
        self.addCleanup(held.kill)
        first = held.stdout.readline().strip()
        dead, alive = (0, 1) if first == "one" else (1, 0)

        servers[dead].stop()
        self.assertEqual(held.stdout.readline().strip() in ("closed", "ConnectionResetError"), True)
        world.wait(targets, **{name[dead]: "unhealthy", name[alive]: "healthy"})
        reason = world.health(targets)[(one, two)[dead]["InstanceId"]]["Reason"]
        self.assertEqual(reason, "Target.FailedHealthChecks")
        self.assertEqual(words(self.client, address, times=8), {("one", "two")[alive]})

        Server(self, (one, two)[dead]["InstanceId"], ("one", "two")[dead])
        world.wait(targets, **{name[0]: "healthy", name[1]: "healthy"})
        self.assertEqual(words(self.client, address, times=8), {"one", "two"})

        servers[alive].stop()
        world.wait(targets, **{name[alive]: "unhealthy", name[dead]: "healthy"})
        self.assertEqual(words(self.client, address, times=8), {("one", "two")[dead]})

    def test_a_targets_own_group_decides_about_its_health(self):
        world = self.world
        target = world.machine("guarded")
        name = target["InstanceId"].replace("-", "_")
        Server(self, target["InstanceId"], "guarded")
        closed = world.ec2.create_security_group(GroupName="closed", Description="closed", VpcId=world.network.id)["GroupId"]
        interface = target["NetworkInterfaces"][0]["NetworkInterfaceId"]
        balancer = world.balancer("guarded")
        targets = world.targets("guarded", [target])
        world.listener(balancer, targets)
        world.wait(targets, **{name: "healthy"})
        world.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[closed])
        world.wait(targets, **{name: "unhealthy"})
        node = world.address(balancer)
        world.ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=tcp(7000, f"{node}/32"))
        self.assertEqual(words(self.client, node, times=2), {"guarded"}, "all are unhealthy, so all are tried")
        world.wait(targets, **{name: "healthy"})

    def test_http_is_judged_by_its_status(self):
        world = self.world
        target = world.machine("web")
        name = target["InstanceId"].replace("-", "_")
        web = run_in(target["InstanceId"], "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)")
        self.addCleanup(web.communicate, timeout=10)
        self.addCleanup(web.kill)
        balancer = world.balancer("web")
        targets = world.targets("web", [target], port=8000, HealthCheckProtocol="HTTP", HealthCheckPath="/no/such/file")
        world.listener(balancer, targets)
        world.wait(targets, **{name: "unhealthy"})
        world.elb.modify_target_group(TargetGroupArn=targets, Matcher={"HttpCode": "200,404"})
        world.wait(targets, **{name: "healthy"})

    def test_a_target_that_is_taken_out_drains(self):
        world = self.world
        one, two = world.machine("stays"), world.machine("goes")
        for target, word in ((one, "stays"), (two, "goes")):
            Server(self, target["InstanceId"], word)
        balancer = world.balancer("drains")
        targets = world.targets("drains", [one, two])
        world.elb.modify_target_group_attributes(
            TargetGroupArn=targets,
            Attributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": "20"},
                {"Key": "deregistration_delay.connection_termination.enabled", "Value": "true"},
                {"Key": "stickiness.enabled", "Value": "true"},
            ],
        )
        world.listener(balancer, targets)
        address = world.address(balancer)
        names = {word: target["InstanceId"].replace("-", "_") for target, word in ((one, "stays"), (two, "goes"))}
        world.wait(targets, **{names["stays"]: "healthy", names["goes"]: "healthy"})
        got = words(self.client, address, times=6)
        self.assertEqual(len(got), 1, "a client stays with its target")
        held = run_in(self.client, HOLDER, address, "80")
        self.addCleanup(held.communicate, timeout=10)
        self.addCleanup(held.kill)
        word = held.stdout.readline().strip()
        gone, other = (one, two) if word == "stays" else (two, one)
        world.elb.deregister_targets(TargetGroupArn=targets, Targets=[{"Id": gone["InstanceId"]}])
        health = world.health(targets)[gone["InstanceId"]]
        self.assertEqual((health["State"], health["Reason"]), ("draining", "Target.DeregistrationInProgress"))
        self.assertEqual(words(self.client, address, times=4), {"goes" if word == "stays" else "stays"})
        self.assertIsNone(held.poll(), "what was open goes on meanwhile")
        self.assertEqual(held.stdout.readline().strip(), "ConnectionResetError", "until the delay is over")
        world.wait(targets, **{other["InstanceId"].replace("-", "_"): "healthy"})


class Zones(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("zones", "10.91.0.0/16")
        cls.client = cls.world.machine("zclient")["InstanceId"]

    def test_zones_are_crossed_only_when_told_to(self):
        world = self.world
        near, far = world.machine("near"), world.machine("far", zone=1)
        for target, word in ((near, "near"), (far, "far")):
            Server(self, target["InstanceId"], word)
        balancer = world.balancer("zones", zones=(0, 1))
        targets = world.targets("zones", [near, far])
        world.listener(balancer, targets)
        names = [target["InstanceId"].replace("-", "_") for target in (near, far)]
        world.wait(targets, **{names[0]: "healthy", names[1]: "healthy"})
        self.assertEqual(words(self.client, world.address(balancer, 0)), {"near"})
        self.assertEqual(words(self.client, world.address(balancer, 1)), {"far"})
        crossing = {"Key": "load_balancing.cross_zone.enabled", "Value": "true"}
        world.elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[crossing])
        world.wait(targets, **{names[0]: "healthy", names[1]: "healthy"})
        self.assertEqual(words(self.client, world.address(balancer, 0), times=8), {"near", "far"})
        world.elb.set_subnets(LoadBalancerArn=balancer, Subnets=[world.subnets[0]])
        self.assertEqual(world.health(targets)[far["InstanceId"]]["Reason"], "Target.NotInUse")
        self.assertEqual(words(self.client, world.address(balancer, 0)), {"near"})

    def test_udp_and_tcp_on_one_port(self):
        world = self.world
        target = world.machine("both")
        Server(self, target["InstanceId"], "both")
        balancer = world.balancer("both")
        targets = world.targets("both", [target], protocol="TCP_UDP")
        listener = world.listener(balancer, targets, protocol="TCP_UDP")
        address = world.address(balancer)
        for protocol in ("tcp", "udp"):
            self.assertEqual(words(self.client, address, times=2, protocol=protocol), {"both"})
        world.elb.modify_listener(ListenerArn=listener, Protocol="UDP", Port=81)
        self.assertEqual(words(self.client, address, port=81, times=1, protocol="udp"), {"both"})
        self.assertEqual(silence(self.client, address, port=81), {"TimeoutError"})
        with self.assertRaisesRegex(world.elb.exceptions.ClientError, "UnsupportedOperation"):
            world.listener(balancer, targets, port=443, protocol="TLS")
        with self.assertRaisesRegex(world.elb.exceptions.ClientError, "UnsupportedOperation"):
            world.elb.create_load_balancer(Name="web", Type="application", Subnets=world.subnets)


class Endpoints(unittest.TestCase):
    """An endpoint with an interface in two zones, each of which leads to the node of its own zone."""

    def test_both_zones_lead_to_their_own_node_and_groups_judge_clients(self):
        seller, buyer = World("sells", "10.92.0.0/16"), World("buys", "10.92.0.0/16")
        near, far = seller.machine("snear"), seller.machine("sfar", zone=1)
        for target, word in ((near, "near"), (far, "far")):
            Server(self, target["InstanceId"], word)
        guard = seller.ec2.create_security_group(GroupName="guard", Description="guard", VpcId=seller.network.id)["GroupId"]
        balancer = seller.balancer("link", zones=(0, 1), SecurityGroups=[guard])
        targets = seller.targets("link", [near, far])
        seller.listener(balancer, targets)
        names = [target["InstanceId"].replace("-", "_") for target in (near, far)]
        seller.wait(targets, **{names[0]: "healthy", names[1]: "healthy"})
        service = seller.ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer], AcceptanceRequired=False)
        service = service["ServiceConfiguration"]
        account = CLOUD.account("buys")["STRAIT_ACCOUNT_ID"]
        seller.ec2.modify_vpc_endpoint_service_permissions(
            ServiceId=service["ServiceId"], AddAllowedPrincipals=[f"arn:aws:iam::{account}:root"]
        )
        client = buyer.machine("bclient")
        endpoint = buyer.ec2.create_vpc_endpoint(
            VpcEndpointType="Interface", VpcId=buyer.network.id, ServiceName=service["ServiceName"],
            SubnetIds=[buyer.subnets[0]], SecurityGroupIds=[buyer.group],
        )["VpcEndpoint"]["VpcEndpointId"]
        buyer.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSubnetIds=[buyer.subnets[1]])
        addresses = self.addresses(buyer, endpoint)
        self.assertEqual(len(addresses), 2)
        for address in addresses.values():
            self.assertEqual(silence(client["InstanceId"], address), {"TimeoutError"}, "the group lets nobody in")
        own = client["PrivateIpAddress"]
        seller.ec2.authorize_security_group_ingress(GroupId=guard, IpPermissions=tcp(80, f"{own}/32"))
        self.assertEqual(words(client["InstanceId"], addresses[buyer.subnets[0]]), {"near"})
        self.assertEqual(words(client["InstanceId"], addresses[buyer.subnets[1]]), {"far"})
        other = buyer.machine("bother")["InstanceId"]
        self.assertEqual(silence(other, addresses[buyer.subnets[0]]), {"TimeoutError"}, "another client")
        seller.elb.set_security_groups(
            LoadBalancerArn=balancer, SecurityGroups=[guard], EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic="off"
        )
        self.assertEqual(words(other, addresses[buyer.subnets[0]], times=1), {"near"})
        with self.assertRaisesRegex(seller.elb.exceptions.ClientError, "InvalidConfigurationRequest"):
            seller.elb.set_subnets(LoadBalancerArn=balancer, Subnets=[seller.subnets[0]])
        buyer.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSubnetIds=[buyer.subnets[0]])
        self.assertEqual(list(self.addresses(buyer, endpoint)), [buyer.subnets[1]])
        self.assertEqual(words(other, addresses[buyer.subnets[1]], times=1), {"far"})
        self.assertNotEqual(silence(other, addresses[buyer.subnets[0]]), {"near"})

    def addresses(self, world, endpoint):
        found = world.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]
        rows = world.ec2.describe_network_interfaces(NetworkInterfaceIds=found["NetworkInterfaceIds"])["NetworkInterfaces"]
        return {row["SubnetId"]: row["PrivateIpAddress"] for row in rows}
