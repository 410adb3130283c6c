"""Where Strait works: in several Regions, in another account, and in zones that a service and a Peering VPC must have in common."""

import unittest

from local_aws import Local, setUpModule, tearDownModule
from stories import Customer, made


class Regions(Local):
    """One plane, a service in each of two Regions, and a customer in a third."""

    ACCOUNT = "worldwide"
    REGIONS = ("us-east-1", "eu-west-1")
    OF_CUSTOMER = "ap-southeast-2"

    @classmethod
    def prepare(cls):
        ranges = zip(cls.REGIONS, ("172.30.0.0/16", "172.31.0.0/16"))
        cls.services = {region: cls.new_network(cidr, region=region) for region, cidr in ranges}

    def test_one_plane_serves_them_all(self):
        customer = Customer(self.cloud, "customer-far", "10.20.0.0/16", self.OF_CUSTOMER)
        attached = {}
        for number, (region, own) in enumerate(self.services.items()):
            cidr = f"10.8{number}.0.0/24"
            vpc = self.front.json("vpc", "create", "--cidr", cidr, "--region", region, "--wait")
            self.join(vpc, customer)
            service = self.register(own)
            self.front.run("service", "attach", service["service_id"], vpc["id"], "--wait")
            attached[region] = service
            self.reaches(f"{region} is reached", customer.host, service["endpoint"]["host"])
            self.reaches_not(f"{region} is closed", "internet", own.public)
            self.assertEqual(self.blocks(region), {cidr}, "each Peering VPC is where it was asked for")
        first, other = self.REGIONS
        self.front.run("service", "detach", attached[first]["service_id"], "--wait")
        self.reaches("what was detached is public", "internet", self.services[first].public)
        self.reaches("the other one goes on", customer.host, attached[other]["endpoint"]["host"])
        self.reaches_not("and is closed", "internet", self.services[other].public)
        self.take_all_away()

    def blocks(self, region):
        ours = [{"Name": "tag-key", "Values": [self.TAG]}]
        return {vpc["CidrBlock"] for vpc in self.provider("ec2", region).describe_vpcs(Filters=ours)["Vpcs"]}


class Role(Local):
    """A server whose keys are of one account, with a role in another one, where it works."""

    ACCOUNT = "hired"
    HOME = "employer"
    REGIONS = ("us-east-1", "eu-west-1")

    @classmethod
    def settings(cls):
        account = cls.cloud.account(cls.HOME)["STRAIT_ACCOUNT_ID"]
        return {"assume_role_arn": f"arn:aws:iam::{account}:role/strait"}

    def test_all_is_made_in_the_roles_account(self):
        customer = Customer(self.cloud, "customer-role", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register()
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        self.reaches("the customer reaches it", customer.host, service["endpoint"]["host"])
        asker = customer.ec2.describe_vpc_peering_connections()["VpcPeeringConnections"][0]["RequesterVpcInfo"]["OwnerId"]
        self.assertEqual(asker, self.cloud.account(self.HOME)["STRAIT_ACCOUNT_ID"])
        self.assertEqual(len(self.parts()), self.PARTS["attached"])
        self.front.json("vpc", "create", "--cidr", "10.81.0.0/24", "--region", self.REGIONS[1], "--wait")
        self.assertEqual(len(self.provider("ec2", self.REGIONS[1]).describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.81.0.0/24"]}])["Vpcs"]), 1)
        for region in self.REGIONS:
            own = (self.cloud.client(self.ACCOUNT, kind, region=region) for kind in ("ec2", "elbv2"))
            self.assertEqual(made(*own, self.TAG), [], "nothing is in the account of the keys")
            self.assertGreater(self.proxy.in_regions_since(0)["AssumeRole", region], 0, f"{region} has its own session of the role")
        self.take_all_away()


class Zones(Local):
    """A service whose load balancer is in no zone of the Peering VPC's."""

    ACCOUNT = "zoned"

    def test_a_zone_in_common_is_made_where_there_is_room(self):
        small = self.front.json("vpc", "create", "--cidr", "10.80.0.0/28", "--region", self.REGION, "--wait")
        large = self.front.json("vpc", "create", "--cidr", "10.81.0.0/24", "--region", self.REGION, "--wait")
        taken = self.zones("10.80.0.0/28") | self.zones("10.81.0.0/24")
        free = [zone for zone in self.service.other_zones() if zone not in taken][:2]
        self.assertEqual(len(free), 2)
        subnets = [self.service.subnet(10 + number, zone) for number, zone in enumerate(free)]
        self.service.network.subnet = subnets[0]
        _, address = self.service.new_host()
        service = self.register(host=address, subnets=",".join(subnets))

        asked = self.front.json("service", "attach", service["service_id"], small["id"])["operation_id"]
        ended = self.front.json("operation", "get", asked, "--wait")
        self.assertEqual((ended["state"], ended["reason"]["code"]), ("failed", "no_common_zone"), "a /28 has room for one zone")
        self.reaches("nothing is closed", "internet", self.service.public)
        self.eventually("what was begun is taken back", self.parts, [])

        self.front.run("service", "attach", service["service_id"], large["id"], "--wait")
        self.assertTrue(set(free) & self.zones("10.81.0.0/24"), "a /24 has room for more")
        customer = Customer(self.cloud, "customer-zones", "10.20.0.0/16")
        self.join(large, customer)
        self.reaches("the customer reaches it", customer.host, service["endpoint"]["host"])
        self.take_all_away()

    def zones(self, cidr):
        here = [{"Name": "vpc-id", "Values": [self.vpc_of(cidr)]}]
        return {subnet["AvailabilityZone"] for subnet in self.provider().describe_subnets(Filters=here)["Subnets"]}


if __name__ == "__main__":
    unittest.main()
