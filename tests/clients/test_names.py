"""What instances' names mean: asked by real packets from instances, with the stub resolver's programs too."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from botocore.exceptions import ClientError

from cloud import REGION, STRAIT, Cloud, Network
from test_internet import Public

ASK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask.py")
CLOUD = UPSTREAM = None
# Of a server that does not answer.
SILENT = ("udp", "3")
# What fails at once takes less than this, in seconds; nobody gives up so soon.
AT_ONCE = 2


class Upstream:
    """A DNS server of this machine that knows one address, 203.0.113.7, and counts what it is asked."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()
        self.file = tempfile.NamedTemporaryFile("w", prefix="strait-resolv.", dir="/var/tmp")
        self.file.write(f"nameserver 127.0.0.1:{self.socket.getsockname()[1]}\n")
        self.file.flush()

    def close(self):
        self.file.close()

    def serve(self):
        while True:
            question, sender = self.socket.recvfrom(4096)
            end = question.index(b"\0", 12) + 5
            name = b".".join(labels(question[12:end])).decode().lower()
            self.asked.append(name)
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + bytes([203, 0, 113, 7])
            if question[end - 4 : end - 2] == b"\0\1":
                self.socket.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:end] + answer, sender)
            else:
                self.socket.sendto(question[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + question[12:end], sender)


def labels(text):
    while length := text[0]:
        yield text[1 : 1 + length]
        text = text[1 + length :]


def setUpModule():
    global CLOUD, UPSTREAM
    UPSTREAM = Upstream()
    CLOUD = Cloud("--resolv-conf", UPSTREAM.file.name)


def tearDownModule():
    if CLOUD:
        CLOUD.close()
    if UPSTREAM:
        UPSTREAM.close()


def ask(host, name, kind="A", *how):
    return CLOUD.strait("exec", host, "--", sys.executable, "-I", ASK, name, kind, *how).strip()


class Names(unittest.TestCase):
    def setUp(self):
        self.r53 = CLOUD.client(self.account, "route53")

    def named(self, network, name, **more):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        return network.instance(TagSpecifications=tags, **more)

    def zone(self, name, *vpcs, region=REGION):
        reference = f"{name}-{time.monotonic_ns()}"
        more = {"VPC": {"VPCRegion": region, "VPCId": vpcs[0].id}} if vpcs else {}
        made = self.r53.create_hosted_zone(Name=name, CallerReference=reference, **more)["HostedZone"]["Id"]
        for vpc in vpcs[1:]:
            self.r53.associate_vpc_with_hosted_zone(HostedZoneId=made, VPC={"VPCRegion": region, "VPCId": vpc.id})
        return made

    def record(self, zone, name, kind, *values, action="UPSERT", **more):
        what = {"ResourceRecords": [{"Value": value} for value in values], "TTL": 60} if values else more
        change = {"Action": action, "ResourceRecordSet": {"Name": name, "Type": kind} | what}
        answer = self.r53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
        self.assertEqual(self.r53.get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]["Status"], "INSYNC")


def hostnames(ec2, vpc, on=True):
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": on})


class Zones(Names):
    """`in` is in a VPC with private zones, `out` in one without."""

    account = "zones"

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client(cls.account)
        cls.inner, cls.outer = Network(cls.ec2, "10.10.0.0/16"), Network(cls.ec2, "10.11.0.0/16")
        hostnames(cls.ec2, cls.inner.id)
        cls.named(cls, cls.inner, "in")
        cls.named(cls, cls.outer, "out")

    def test_split_horizon(self):
        """One name in a private and a public zone; the private one alone is asked where it is associated."""
        public, private = self.zone("split.example"), self.zone("split.example", self.inner)
        self.record(public, "www.split.example", "A", "203.0.113.1")
        self.record(public, "only.split.example", "A", "203.0.113.2")
        self.record(private, "www.split.example", "A", "10.10.0.9")
        self.assertEqual(ask("in", "www.split.example"), "NOERROR 10.10.0.9")
        self.assertEqual(ask("in", "WWW.Split.Example", "A", "-", "tcp"), "NOERROR 10.10.0.9")
        self.assertEqual(ask("out", "www.split.example"), "NOERROR 203.0.113.1")
        self.assertEqual(ask("internet", "www.split.example"), "NOERROR 203.0.113.1")
        self.assertEqual(ask("in", "only.split.example"), "NXDOMAIN")
        self.assertEqual(ask("out", "only.split.example"), "NOERROR 203.0.113.2")
        self.assertEqual(ask("in", "www.split.example", "AAAA"), "NOERROR")
        deeper = self.zone("deep.split.example", self.inner)
        self.record(deeper, "db.deep.split.example", "A", "10.10.0.10")
        self.record(private, "other.deep.split.example", "A", "10.10.0.11")
        self.assertEqual(ask("in", "db.deep.split.example"), "NOERROR 10.10.0.10")
        self.assertEqual(ask("in", "other.deep.split.example"), "NXDOMAIN")

    def test_an_association_comes_and_goes(self):
        zone = self.zone("assoc.example", self.inner)
        self.record(zone, "a.assoc.example", "A", "10.10.0.9")
        there = {"VPCRegion": REGION, "VPCId": self.outer.id}
        answer = lambda: (ask("in", "a.assoc.example"), ask("out", "a.assoc.example"))
        self.assertEqual(answer(), ("NOERROR 10.10.0.9", "SERVFAIL"))
        self.r53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=there)
        self.assertEqual(answer()[1], "SERVFAIL", "private zones want enableDnsHostnames")
        hostnames(self.ec2, self.outer.id)
        self.addCleanup(hostnames, self.ec2, self.outer.id, False)
        self.assertEqual(answer()[1], "NOERROR 10.10.0.9")
        self.r53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=there)
        self.assertEqual(answer(), ("NOERROR 10.10.0.9", "SERVFAIL"))

    def test_another_accounts_vpc(self):
        other = CLOUD.client("zones-other")
        theirs = Network(other, "10.12.0.0/16")
        hostnames(other, theirs.id)
        self.named(theirs, "theirs")
        zone, vpc = self.zone("shared.example", self.inner), {"VPCRegion": REGION, "VPCId": theirs.id}
        self.record(zone, "a.shared.example", "A", "10.10.0.9")
        self.r53.create_vpc_association_authorization(HostedZoneId=zone, VPC=vpc)
        self.assertEqual(ask("theirs", "a.shared.example"), "SERVFAIL")
        CLOUD.client("zones-other", "route53").associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=vpc)
        self.assertEqual(ask("theirs", "a.shared.example"), "NOERROR 10.10.0.9")
        self.r53.delete_vpc_association_authorization(HostedZoneId=zone, VPC=vpc)
        self.assertEqual(ask("theirs", "a.shared.example"), "NOERROR 10.10.0.9", "it stays associated")

    def test_types_of_records(self):
        zone = self.zone("types.example", self.inner)
        for kind, value, said in [
            ("A", "10.10.0.9", "10.10.0.9"),
            ("AAAA", "2001:db8::1", "2001:db8::1"),
            ("MX", "10 mail.example.net", "10:mail.example.net"),
            ("TXT", '"a text"', "a text"),
            ("SRV", "1 2 5432 db.example.net.", "1:2:5432:db.example.net"),
        ]:
            with self.subTest(kind=kind):
                self.record(zone, "x.types.example", kind, value)
                self.assertEqual(ask("in", "x.types.example", kind), f"NOERROR {said}")
        self.record(zone, "*.wild.types.example", "A", "10.10.0.8")
        self.record(zone, "c.types.example", "CNAME", "any.wild.types.example")
        self.assertEqual(ask("in", "c.types.example"), "NOERROR 10.10.0.8 any.wild.types.example")
        alias = {"HostedZoneId": zone.rsplit("/", 1)[1], "DNSName": "x.types.example", "EvaluateTargetHealth": False}
        self.record(zone, "alias.types.example", "A", AliasTarget=alias)
        self.assertEqual(ask("in", "alias.types.example"), "NOERROR 10.10.0.9")
        self.assertEqual(ask("in", "types.example", "SOA").split()[0], "NOERROR")
        self.assertEqual(len(ask("in", "types.example", "NS").split()), 5)
        self.record(zone, "alias.types.example", "A", AliasTarget=alias, action="DELETE")
        self.assertEqual(ask("in", "alias.types.example"), "NXDOMAIN")

    def test_an_answer_too_long_for_udp(self):
        zone, many = self.zone("long.example", self.inner), {f"10.10.1.{number}" for number in range(1, 201)}
        self.record(zone, "long.example", "A", *many)
        self.assertEqual(set(ask("in", "long.example", "A", "-", "tcp").split()), many | {"NOERROR"})
        found = CLOUD.strait("exec", "in", "--", "getent", "ahostsv4", "long.example")
        self.assertEqual({line.split()[0] for line in found.splitlines()}, many, "asked again by TCP")

    def test_programs_of_the_machine(self):
        zone = self.zone("stub.example", self.inner)
        self.record(zone, "db.stub.example", "A", "10.10.0.9")
        self.assertEqual(CLOUD.strait("exec", "in", "--", "getent", "ahostsv4", "db.stub.example").split()[0], "10.10.0.9")
        failed = subprocess.run(
            [STRAIT, "exec", "in", "--", "getent", "hosts", "none.stub.example"], env=CLOUD.environment, capture_output=True, timeout=60
        )
        self.assertEqual(failed.returncode, 2)


class Own(Names):
    """AWS's own names: of instances, public addresses, balancers, endpoints. Two VPCs with a peering between them."""

    account = "own"

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client(cls.account)
        cls.one, cls.two = Public(cls.ec2, "10.20.0.0/16"), Network(cls.ec2, "10.21.0.0/16")
        for network in (cls.one, cls.two):
            hostnames(cls.ec2, network.id)
        cls.web = cls.one.named("own-web", public=True)
        cls.named(cls, cls.two, "own-peer")

    def test_private_names_both_ways(self):
        address, name = self.web["PrivateIpAddress"], self.web["PrivateDnsName"]
        self.assertEqual(name, f"ip-{address.replace('.', '-')}.ec2.internal")
        self.assertEqual(ask("own-web", name), f"NOERROR {address}")
        reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
        self.assertEqual(ask("own-web", reverse, "PTR"), f"NOERROR {name}")
        self.assertEqual(ask("own-web", "ip-10-99-0-1.ec2.internal"), "NXDOMAIN")
        self.assertEqual(CLOUD.strait("exec", "own-web", "--", "getent", "hosts", address).split()[1], name)

    def test_the_resolver_is_at_three_places_and_can_be_switched_off(self):
        name, base = self.web["PrivateDnsName"], "10.20.0.2"
        for server in (base, "169.254.169.253"):
            for how in ("udp", "tcp"):
                self.assertTrue(ask("own-web", name, "A", server, how).startswith("NOERROR 10.20."), server)
        self.assertEqual(ask("own-peer", name, "A", base, *SILENT), "silent", "another VPC's")
        self.ec2.modify_vpc_attribute(VpcId=self.one.id, EnableDnsSupport={"Value": False})
        try:
            for server in (base, "169.254.169.253"):
                self.assertEqual(ask("own-web", name, "A", server, *SILENT), "silent")
        finally:
            self.ec2.modify_vpc_attribute(VpcId=self.one.id, EnableDnsSupport={"Value": True})
        self.assertTrue(ask("own-web", name).startswith("NOERROR 10.20."))

    def test_another_region(self):
        ec2 = CLOUD.client(self.account, region="eu-west-1")
        network = Network(ec2, "10.22.0.0/16")
        hostnames(ec2, network.id)
        made = self.named(network, "own-west")
        self.assertTrue(made["PrivateDnsName"].endswith(".eu-west-1.compute.internal"))
        self.assertEqual(ask("own-west", made["PrivateDnsName"]), f"NOERROR {made['PrivateIpAddress']}")
        self.assertEqual(ask("own-west", self.web["PrivateDnsName"]), "NXDOMAIN", "no name of this Region")

    def test_public_names_and_the_peerings_option(self):
        public, private, name = (self.web[key] for key in ("PublicIpAddress", "PrivateIpAddress", "PublicDnsName"))
        self.assertEqual(name, f"ec2-{public.replace('.', '-')}.compute-1.amazonaws.com")
        self.assertEqual(ask("own-web", name), f"NOERROR {private}")
        self.assertEqual(ask("internet", name), f"NOERROR {public}")
        self.assertEqual(ask("own-peer", name), f"NOERROR {public}")
        reverse = ".".join(reversed(public.split("."))) + ".in-addr.arpa"
        self.assertEqual(ask("internet", reverse, "PTR"), f"NOERROR {name}")
        asked = self.ec2.create_vpc_peering_connection(VpcId=self.two.id, PeerVpcId=self.one.id)
        pcx = asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(ask("own-peer", name), f"NOERROR {public}")
        option = {"AllowDnsResolutionFromRemoteVpc": True}
        modify = self.ec2.modify_vpc_peering_connection_options
        modify(VpcPeeringConnectionId=pcx, RequesterPeeringConnectionOptions=option)
        self.assertEqual(ask("own-peer", name), f"NOERROR {public}", "that is for names of its own instances")
        modify(VpcPeeringConnectionId=pcx, AccepterPeeringConnectionOptions=option)
        self.assertEqual(ask("own-peer", name), f"NOERROR {private}")
        self.assertEqual(ask("internet", name), f"NOERROR {public}")
        self.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.assertEqual(ask("own-peer", name), f"NOERROR {public}")

    def test_an_elastic_address(self):
        made = self.one.named("own-elastic")
        allocated = self.ec2.allocate_address(Domain="vpc")
        name = f"ec2-{allocated['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
        self.assertEqual(ask("own-web", name), "NXDOMAIN")
        associated = self.ec2.associate_address(AllocationId=allocated["AllocationId"], InstanceId=made["InstanceId"])
        self.assertEqual(ask("own-web", name), f"NOERROR {made['PrivateIpAddress']}")
        self.assertEqual(ask("internet", name), f"NOERROR {allocated['PublicIp']}")
        self.ec2.disassociate_address(AssociationId=associated["AssociationId"])
        self.assertEqual(ask("own-web", name), "NXDOMAIN")

    def test_balancers_and_endpoints(self):
        """In two zones: the Regional name has both addresses, each zonal name one; everybody is answered."""
        elb = CLOUD.client(self.account, "elbv2")
        home = Network(self.ec2, "10.23.0.0/16")
        subnets = [
            self.ec2.create_subnet(VpcId=home.id, CidrBlock=f"10.23.{number}.0/24", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
            for number, zone in ((1, "a"), (2, "b"))
        ]
        made = elb.create_load_balancer(Name="named", Type="network", Scheme="internal", Subnets=subnets)["LoadBalancers"][0]
        arn, name = made["LoadBalancerArn"], made["DNSName"]
        self.assertRegex(name, rf"^named-[0-9a-f]{{16}}\.elb\.{REGION}\.amazonaws\.com$")
        nodes = self.addresses(Description="ELB net/named/" + arn.rsplit("/", 1)[1])
        self.assertEqual(len(nodes), 2)
        self.assertEqual(ask("own-peer", name), f"NOERROR {' '.join(sorted(nodes.values()))}")
        for zone, address in nodes.items():
            self.assertEqual(ask("own-peer", f"{zone}.{name}"), f"NOERROR {address}")

        service = self.ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[arn], AcceptanceRequired=True)
        service = service["ServiceConfiguration"]
        two = [
            self.ec2.create_subnet(VpcId=self.two.id, CidrBlock=f"10.21.{number}.0/24", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
            for number, zone in ((101, "a"), (102, "b"))
        ]
        endpoint = self.ec2.create_vpc_endpoint(
            VpcEndpointType="Interface", VpcId=self.two.id, ServiceName=service["ServiceName"], SubnetIds=two
        )["VpcEndpoint"]
        endpoint_id = endpoint["VpcEndpointId"]
        regional = f"{endpoint_id}-"
        names = [entry["DnsName"] for entry in endpoint["DnsEntries"]]
        self.assertEqual(len(names), 3)
        self.assertEqual(ask("own-peer", names[0]), "NXDOMAIN", "it is not accepted")
        self.ec2.accept_vpc_endpoint_connections(ServiceId=service["ServiceId"], VpcEndpointIds=[endpoint_id])
        shown = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]
        addresses = self.addresses(NetworkInterfaceIds=shown["NetworkInterfaceIds"])
        whole = f"NOERROR {' '.join(sorted(addresses.values()))}"
        self.assertTrue(names[0].startswith(regional))
        self.assertEqual(ask("own-peer", names[0]), whole)
        self.assertEqual(ask("own-web", names[0]), whole)
        for zonal in names[1:]:
            zone = next(zone for zone in addresses if f"-{zone}." in zonal)
            self.assertEqual(ask("own-peer", zonal), f"NOERROR {addresses[zone]}")
        alias = {"HostedZoneId": made["CanonicalHostedZoneId"], "DNSName": f"dualstack.{name}", "EvaluateTargetHealth": True}
        zone = self.zone("aliases.example")
        self.record(zone, "db.aliases.example", "A", AliasTarget=alias)
        self.assertEqual(ask("internet", "db.aliases.example"), f"NOERROR {' '.join(sorted(nodes.values()))}")
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
        self.assertEqual(ask("own-peer", names[0]), "NXDOMAIN")

    def test_a_private_name_of_a_service(self):
        """A TXT record of a public zone proves it; then it leads to the endpoints that have it on, in their VPCs only."""
        home = Network(self.ec2, "10.24.0.0/16")
        made = CLOUD.client(self.account, "elbv2").create_load_balancer(
            Name="private", Type="network", Scheme="internal", Subnets=[home.subnet]
        )["LoadBalancers"][0]
        name = "db.proved.example"
        service = self.ec2.create_vpc_endpoint_service_configuration(
            NetworkLoadBalancerArns=[made["LoadBalancerArn"]], AcceptanceRequired=True, PrivateDnsName=name
        )["ServiceConfiguration"]
        service_id, proof = service["ServiceId"], service["PrivateDnsNameConfiguration"]
        endpoint = self.ec2.create_vpc_endpoint(
            VpcEndpointType="Interface", VpcId=self.two.id, ServiceName=service["ServiceName"], SubnetIds=[self.two.subnet]
        )["VpcEndpoint"]
        endpoint_id = endpoint["VpcEndpointId"]

        def verify():
            self.ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=service_id)
            shown = self.ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[service_id])["ServiceConfigurations"][0]
            return shown["PrivateDnsNameConfiguration"]["State"]

        def enable(on=True):
            self.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint_id, PrivateDnsEnabled=on)

        def refused(code, call, **more):
            with self.assertRaises(ClientError) as raised:
                call(**more)
            self.assertEqual(raised.exception.response["Error"]["Code"], code)

        self.assertEqual(verify(), "pendingVerification")
        zone = self.zone("proved.example")
        self.record(zone, name, "A", "203.0.113.9")
        refused("InvalidParameter", enable)
        self.record(zone, f"{proof['Name']}.proved.example", "TXT", f'"{proof["Value"]}"')
        self.assertEqual(verify(), "verified")
        refused("InvalidParameter", enable)
        self.ec2.accept_vpc_endpoint_connections(ServiceId=service_id, VpcEndpointIds=[endpoint_id])
        enable()
        shown = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]
        self.assertTrue(shown["PrivateDnsEnabled"])
        self.assertEqual(shown["DnsEntries"][-1]["DnsName"], name)
        (address,) = self.addresses(NetworkInterfaceIds=shown["NetworkInterfaceIds"]).values()
        self.assertEqual(ask("own-peer", name), f"NOERROR {address}")
        self.assertEqual(ask("own-web", name), "NOERROR 203.0.113.9")
        below = f"x.{name}"
        self.record(zone, below, "A", "203.0.113.10")
        self.assertEqual(ask("own-peer", below), "NXDOMAIN", "the endpoint's zone is alone, as any private one")
        self.assertEqual(ask("own-web", below), "NOERROR 203.0.113.10")
        rename = self.ec2.modify_vpc_endpoint_service_configuration
        refused("ExistingVpcEndpointConnections", rename, ServiceId=service_id, PrivateDnsName="other.proved.example")
        same = {"Name": name, "CallerReference": "same", "VPC": {"VPCRegion": REGION, "VPCId": self.two.id}}
        refused("ConflictingDomainExists", self.r53.create_hosted_zone, **same)
        enable(False)
        self.assertEqual(ask("own-peer", name), "NOERROR 203.0.113.9")
        enable()
        self.ec2.reject_vpc_endpoint_connections(ServiceId=service_id, VpcEndpointIds=[endpoint_id])
        shown = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]
        self.assertFalse(shown["PrivateDnsEnabled"])
        self.assertEqual(ask("own-peer", name), "NOERROR 203.0.113.9")
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])

    def addresses(self, NetworkInterfaceIds=(), Description=None):
        """Addresses by zone."""
        chosen = {"NetworkInterfaceIds": NetworkInterfaceIds} if NetworkInterfaceIds else {
            "Filters": [{"Name": "description", "Values": [Description]}]
        }
        shown = self.ec2.describe_network_interfaces(**chosen)["NetworkInterfaces"]
        return {one["AvailabilityZone"]: one["PrivateIpAddress"] for one in shown}


class Unknown(Names):
    """Names that the cloud does not have."""

    account = "unknown"

    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client(cls.account)
        cls.open, cls.closed = Public(cls.ec2, "10.30.0.0/16"), Network(cls.ec2, "10.31.0.0/16")
        cls.named(cls, cls.open, "un-open")
        cls.named(cls, cls.closed, "un-closed")

    def asked(self, host, name):
        """What is answered, and how often the machine's resolver was asked."""
        before = len(UPSTREAM.asked)
        return ask(host, name), len(UPSTREAM.asked) - before

    def test_a_vpc_with_internet_access_asks_the_machine(self):
        self.assertEqual(self.asked("un-open", "www.example.org"), ("NOERROR 203.0.113.7", 1))
        self.assertEqual(self.asked("internet", "www.example.org"), ("NOERROR 203.0.113.7", 1))
        self.assertEqual(CLOUD.strait("exec", "un-open", "--", "getent", "ahostsv4", "www.example.org").split()[0], "203.0.113.7")
        for own in ("ip-10-30-0-9.ec2.internal", "9.0.31.10.in-addr.arpa", "x.strait.internal", "none.elb.us-east-1.amazonaws.com"):
            self.assertEqual(self.asked("un-open", own)[1], 0, own)

    def test_one_without_leaks_nothing_and_fails_at_once(self):
        before, spent = len(UPSTREAM.asked), []
        for name in ("www.example.org", "secret.attacker.example", "never.example.org"):
            took, answer = ask("un-closed", name, "A", "-", "udp", "15", "timed").split(" ", 1)
            self.assertEqual((answer, len(UPSTREAM.asked) - before), ("SERVFAIL", 0))
            spent.append(float(took))
        self.assertLess(min(spent), AT_ONCE, "a machine may stall, but not each time")
        self.assertEqual(self.asked("un-closed", "www.example.org"), ("SERVFAIL", 0), "once more")
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.closed.id)
        self.assertEqual(self.asked("un-closed", "www.example.org"), ("SERVFAIL", 0), "a gateway, and no route to it")
        self.ec2.create_route(RouteTableId=self.closed.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.assertEqual(self.asked("un-closed", "www.example.org"), ("NOERROR 203.0.113.7", 1))
        self.ec2.delete_route(RouteTableId=self.closed.table, DestinationCidrBlock="0.0.0.0/0")
        self.assertEqual(self.asked("un-closed", "www.example.org"), ("SERVFAIL", 0))


class Alone(unittest.TestCase):
    """A machine without a resolver."""

    def setUp(self):
        self.cloud = Cloud("--resolv-conf", "/dev/null")
        self.addCleanup(self.cloud.close)

    def ask(self, name, *how):
        return self.cloud.strait("exec", "internet", "--", sys.executable, "-I", ASK, name, "A", *how).strip()

    def test_unknown_names_fail_at_once_and_known_ones_survive_a_restart(self):
        spent = []
        for name in ("www.example.org", "mail.example.org", "never.example.org"):
            took, answer = self.ask(name, "-", "udp", "15", "timed").split(" ", 1)
            self.assertEqual(answer, "SERVFAIL")
            spent.append(float(took))
        self.assertLess(min(spent), AT_ONCE, "a machine may stall, but not each time")
        r53 = self.cloud.client("alone", "route53")
        zone = r53.create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
        records = {"Name": "*.example.org", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "203.0.113.1"}]}
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": records}]}
        r53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
        self.assertEqual(self.ask("www.example.org"), "NOERROR 203.0.113.1")
        self.cloud.strait("down")
        self.cloud.strait("up", "--detach", "--http", "127.0.0.1:0", "--aws", "127.0.0.1:0", "--resolv-conf", "/dev/null")
        self.assertEqual(self.ask("www.example.org"), "NOERROR 203.0.113.1")
        self.assertEqual(self.ask("www.example.net"), "SERVFAIL")


if __name__ == "__main__":
    unittest.main()
