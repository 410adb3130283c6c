"""What users do with Strait, told once: in front of AWS's APIs (`on_aws.py`), and where services are Strait's own (`test_in_process.py`)."""

import os
import subprocess
import time
import unittest

from botocore.exceptions import ClientError

from cloud import STRAIT, Network

PORT = 5432
ANYWHERE = "0.0.0.0/0"
LONG = bool(os.environ.get("STRAIT_LONG"))
# How long what fails again and again may take, in seconds; other machines are slower.
PATIENCE = 1200 if LONG else 400
# When it is killed in the middle, in seconds where an attachment takes three.
MOMENTS = (0.3, 1, 1.7, 2.4) if LONG else (0.3, 1.7)

# Asks as clients of PostgreSQL's do first, whether there is TLS; says what speaks there, or the error's name.
CLIENT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 5432), timeout=3) as client:
        client.settimeout(3)
        client.sendall(bytes((0, 0, 0, 8, 4, 210, 22, 47)))
        print({b"S": "PostgreSQL", b"N": "PostgreSQL", b"": "closed"}[client.recv(1)])
except OSError as error:
    print(type(error).__name__)
"""


class World(unittest.TestCase):
    """Where a story is told. `cloud` has customers' accounts, `front` is the Strait that is tried. What differs from world to
    world is here up to the next comment, and nowhere else."""

    cloud = front = None
    # The key of the tag on all that Strait makes.
    TAG = None
    # How many load balancers, target groups, endpoint services and endpoints a service has where it is.
    PARTS = None
    CUSTOMERS = ("customer", "stranger", "drifter", "hurried", "first")
    REGION = "us-east-1"

    def new_service(self):
        """A service that is public, as the CLI shows it."""
        raise NotImplementedError

    def public_address(self, service):
        raise NotImplementedError

    def provider(self, kind="ec2"):
        """A client of the account that Strait works in."""
        raise NotImplementedError

    def made(self):
        """The ids and ARNs of all that is there with Strait's tag; live peering connections only."""
        raise NotImplementedError

    def behind_its_back(self, change):
        """Kills the server, and changes what is its."""
        raise NotImplementedError

    def open_by_hand(self):
        """Opens the public way of an attached service, as a program does that keeps its own idea of it."""

    def is_closed(self, service):
        """Whether the public way is."""
        return not self.cloud.packets or self.hears("internet", self.public_address(service)) != "PostgreSQL"

    def check_rules(self, is_open):
        """Compares the rules of the public way with what they were."""

    def check_dns(self, cidr, is_on):
        """Whether the customer's resolver answers private addresses for names of the Peering VPC."""

    def neighbours_go_on(self):
        """Hosts of the service's own VPC reach it."""

    def check_names(self):
        """No name is left."""

    # From here on all worlds are alike.

    def peered(self, cidr, customer):
        """A Peering VPC with a connection that the customer accepted and that is let in; its id."""
        vpc = self.front.json("vpc", "create", "--cidr", cidr, "--region", self.REGION, "--wait")
        self.join(vpc, customer)
        return vpc["id"]

    def join(self, vpc, customer):
        """Peers with one more customer."""
        asked = self.front.json(
            "peering", "create", vpc["id"], "--account", customer.account, "--vpc-id", customer.network.id,
            "--region", customer.region, "--wait",
        )
        customer.accept(asked, vpc["cidr"])
        is_in = lambda: {row["id"]: row["state"] for row in self.front.json("peering", "list", "--vpc", vpc["id"])}[asked["id"]]
        self.eventually("the peering is active", is_in, "active")

    def needs_private_ways(self):
        if not self.cloud.private_ways:
            self.skipTest("nothing is attached here: endpoints need no acceptance in this cloud")

    def take_all_away(self):
        for service in self.front.json("service", "list"):
            # What is deleted while it is attached stays closed.
            if service["network"].get("now", "public") != "public":
                self.front.run("service", "detach", service["service_id"], "--wait")
            self.front.run("service", "delete", service["service_id"], "--yes", "--wait")
        for vpc in self.front.json("vpc", "list"):
            for peering in self.front.json("peering", "list", "--vpc", vpc["id"]):
                self.front.run("peering", "delete", peering["id"], "--yes", "--wait")
            self.front.run("vpc", "delete", vpc["id"], "--yes", "--wait")
        self.eventually("nothing is left", self.made, [])
        self.check_names()

    def vpc_of(self, cidr):
        ours = [{"Name": "tag-key", "Values": [self.TAG]}, {"Name": "cidr", "Values": [cidr]}]
        return self.provider().describe_vpcs(Filters=ours)["Vpcs"][0]["VpcId"]

    def routes(self, cidr):
        here = [{"Name": "vpc-id", "Values": [self.vpc_of(cidr)]}]
        tables = self.provider().describe_route_tables(Filters=here)["RouteTables"]
        return [route["DestinationCidrBlock"] for table in tables for route in table["Routes"]]

    def parts(self):
        return [found for found in self.made() if found.startswith(("arn:", "vpce"))]

    def eventually(self, what, look, wanted, seconds=PATIENCE / 2):
        until = time.monotonic() + seconds
        while (found := look()) != wanted:
            if time.monotonic() > until:
                self.fail(f"not in {seconds} s: {what}: {found!r} is not {wanted!r}\n{self.front.logged()}")
            time.sleep(0.5)

    def reaches(self, what, host, address):
        """A host hears the service at this address or name, in the end."""
        if self.cloud.packets:
            self.eventually(what, lambda: self.hears(host, address), "PostgreSQL")

    def reaches_not(self, what, host, address):
        if self.cloud.packets:
            self.assertNotEqual(self.hears(host, address), "PostgreSQL", what)

    def spoil(self, cidr, back):
        """Takes the route back, the rules and the endpoints out of a Peering VPC; returns the endpoints."""
        ec2 = self.provider()
        here = [{"Name": "vpc-id", "Values": [self.vpc_of(cidr)]}]
        table = ec2.describe_route_tables(Filters=here)["RouteTables"][0]["RouteTableId"]
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock=back)
        ours = [{"Name": "tag-key", "Values": [self.TAG]}]
        groups = ec2.describe_security_groups(Filters=here + ours)["SecurityGroups"]
        group = next(group for group in groups if group["IpPermissions"])
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        endpoints = [endpoint["VpcEndpointId"] for endpoint in ec2.describe_vpc_endpoints(Filters=here + ours)["VpcEndpoints"]]
        if endpoints:
            ec2.delete_vpc_endpoints(VpcEndpointIds=endpoints)
        return endpoints

    def hears(self, host, address):
        """What a host hears from the service, or the error's name."""
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "python3", "-c", CLIENT, address],
            env=self.cloud.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()


class Stories:
    """A part of the tests of a world."""

    def test_from_the_first_service_to_the_last_trace(self):
        customer = Customer(self.cloud, self.CUSTOMERS[4], "10.60.0.0/16")
        for cidr in ("10.84.0.0/24", "10.85.0.0/24"):
            self.peered(cidr, customer)
        service = self.new_service()
        self.reaches("the internet", "internet", self.public_address(service))
        self.check_rules(is_open=True)
        self.take_all_away()
        self.check_rules(is_open=True)

    def test_moves_into_one_peering_vpc_into_another_one_and_out_again(self):
        self.needs_private_ways()
        customer = Customer(self.cloud, self.CUSTOMERS[0], "10.20.0.0/16")
        stranger = Customer(self.cloud, self.CUSTOMERS[1], "10.30.0.0/16")
        customer.ec2.modify_vpc_attribute(VpcId=customer.network.id, EnableDnsHostnames={"Value": True})
        first = self.peered("10.80.0.0/24", customer)
        second = self.peered("10.81.0.0/24", customer)
        service = self.new_service()
        id_, name, public = service["service_id"], service["endpoint"]["host"], self.public_address(service)
        self.reaches("the internet", "internet", public)
        self.check_rules(is_open=True)

        self.front.run("service", "attach", id_, first, "--wait")
        self.reaches("the customer reaches it by its name", customer.host, name)
        self.reaches_not("the public way is closed", "internet", public)
        self.reaches_not("nobody else reaches it", stranger.host, name)
        self.check_dns("10.80.0.0/24", is_on=True)
        self.check_rules(is_open=False)
        self.only_we_may_connect(stranger)
        self.neighbours_go_on()
        self.lists(id_, name, customer)

        self.front.run("service", "attach", id_, second, "--wait")
        self.assertEqual(self.front.json("service", "get", id_)["network"]["now"], f"vpc:{second}")
        self.reaches("it is reached by its name after the move", customer.host, name)
        self.reaches_not("it is closed", "internet", public)
        self.only_we_may_connect(stranger)

        self.front.run("service", "detach", id_, "--wait")
        self.reaches("it is public again", "internet", self.public_address(self.front.json("service", "get", id_)))
        self.check_rules(is_open=True)
        self.take_all_away()
        self.check_rules(is_open=True)

    def only_we_may_connect(self, stranger):
        """To the endpoint service that there is: the provider's own account, which is asked to accept, and nobody else."""
        ec2 = self.provider()
        ours = [{"Name": "tag-key", "Values": [self.TAG]}]
        [service] = ec2.describe_vpc_endpoint_service_configurations(Filters=ours)["ServiceConfigurations"]
        self.assertTrue(service["AcceptanceRequired"])
        allowed = ec2.describe_vpc_endpoint_service_permissions(ServiceId=service["ServiceId"])["AllowedPrincipals"]
        own = self.provider("sts").get_caller_identity()["Account"]
        self.assertEqual([row["Principal"] for row in allowed], [f"arn:aws:iam::{own}:root"])
        names = [service["ServiceName"]]
        [found] = ec2.describe_vpc_endpoint_services(ServiceNames=names)["ServiceDetails"]
        self.assertEqual(found["ServiceName"], names[0])
        with self.assertRaisesRegex(ClientError, "InvalidServiceName"):
            stranger.ec2.describe_vpc_endpoint_services(ServiceNames=names)

    def lists(self, id_, name, customer):
        """Lets in nobody but those of a list, then those only, who are then let in by the next way too."""
        before = self.made()
        endpoint, theirs = self.with_a_group_of_others("10.80.0.0/24")
        self.front.run("service", "allow", "set", id_, "--private", "10.99.0.0/16", "--yes")
        self.front.run("service", "get", id_, "--wait")
        self.reaches_not("the customer is not in the list", customer.host, name)
        self.front.run("service", "allow", "set", id_, "--private", customer.cidr, "10.99.0.0/16", "--yes")
        self.reaches("the customer is in the list", customer.host, name)
        new = set(self.made()) - set(before)
        self.assertEqual(len(new), 1, "a security group")
        ec2 = self.provider()
        [found] = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
        self.assertEqual({row["GroupId"] for row in found["Groups"]}, new | {theirs}, "what others put there stays")
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSecurityGroupIds=[theirs])
        ec2.delete_security_group(GroupId=theirs)

    def with_a_group_of_others(self, cidr):
        """A group without rules that an operator gives the endpoint in this Peering VPC; the ids of both."""
        ec2, vpc = self.provider(), self.vpc_of(cidr)
        here = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag-key", "Values": [self.TAG]}]
        [endpoint] = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
        theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], AddSecurityGroupIds=[theirs])
        return endpoint["VpcEndpointId"], theirs

    def test_killed_in_the_middle_of_an_attachment(self):
        self.needs_private_ways()
        customer = Customer(self.cloud, self.CUSTOMERS[3], "10.50.0.0/16")
        vpc = self.peered("10.83.0.0/24", customer)
        service = self.new_service()
        id_, name, public = service["service_id"], service["endpoint"]["host"], self.public_address(service)
        for moment in MOMENTS:
            self.front.run("service", "attach", id_, vpc)
            self.stumbles(moment, id_)
            self.reaches("the customer reaches it", customer.host, name)
            # AWS refuses it for a VPC without DNS hostnames, which holds nothing up.
            self.check_dns("10.83.0.0/24", is_on=False)
            self.reaches_not("it is closed", "internet", public)
            self.assertEqual(len(self.parts()), self.PARTS["attached"], f"nothing is doubled: {self.parts()}")
            self.front.run("service", "detach", id_)
            self.stumbles(moment, id_)
            public = self.public_address(self.front.json("service", "get", id_))
            self.reaches("it is public again", "internet", public)
            self.assertEqual(len(self.parts()), self.PARTS["public"], f"nothing is left: {self.parts()}")
        self.take_all_away()

    def stumbles(self, moment, service):
        """Is killed at this moment, starts again, and gets there."""
        time.sleep(self.front.PACE * moment)
        self.front.kill()
        self.front.start()
        self.front.run("service", "get", service, "--wait")

    def test_what_was_done_behind_its_back_while_it_was_killed_is_mended(self):
        customer = Customer(self.cloud, self.CUSTOMERS[2], "10.40.0.0/16")
        vpc = self.peered("10.82.0.0/24", customer)
        service = self.new_service()
        name = service["endpoint"]["host"]
        if self.cloud.private_ways:
            self.front.run("service", "attach", service["service_id"], vpc, "--wait")
            self.reaches("the customer reaches it", customer.host, name)
        before, endpoints = self.made(), []

        def change():
            endpoints.extend(self.spoil("10.82.0.0/24", "10.40.0.0/16"))
            if self.cloud.private_ways:
                self.assertEqual(len(endpoints), 1)
                self.open_by_hand()

        self.behind_its_back(change)
        self.reaches_not("it is closed", customer.host, name)
        self.front.start()
        self.eventually("all is there again", lambda: len(self.made()), len(before))
        if self.cloud.private_ways:
            self.reaches("the customer reaches it again", customer.host, name)
        self.eventually("the route back is there again", lambda: "10.40.0.0/16" in self.routes("10.82.0.0/24"), True)
        if self.cloud.private_ways:
            self.eventually("the public way is closed again", lambda: self.is_closed(service), True)
        after = self.made()
        self.assertEqual(len(after), len(before), "nothing is doubled")
        self.assertEqual(set(before) - set(after), set(endpoints), "all but the endpoint are what they were")
        self.take_all_away()


class Customer:
    """A customer's VPC with a host in it."""

    def __init__(self, cloud, account, cidr, region="us-east-1"):
        self.region, self.cidr = region, cidr
        self.account = cloud.account(account)["STRAIT_ACCOUNT_ID"]
        self.ec2 = cloud.client(account, region=region)
        self.network = Network(self.ec2, cidr)
        self.host = self.network.instance()["InstanceId"]

    def accept(self, peering, cidr):
        pcx = peering["accepter_provisioned_id"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=pcx)


def made(ec2, elb, tag):
    """The ids and ARNs of all that a Region of an account has with this tag, but for what has ended."""
    tagged = [{"Name": "tag-key", "Values": [tag]}]
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
        if any(row["Key"] == tag for row in tags):
            found.append(arn)
    return sorted(found)
