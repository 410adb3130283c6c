"""What the suites of rules share: one Strait for all of them, and refusals with their exact code and HTTP status.

A test is one rule of AWS's: its docstring says it, the calls try it, from both sides where it has two.
"""

import atexit
import functools
import unittest

from botocore.exceptions import ClientError

from cloud import REGION, Cloud, Network, tcp

__all__ = ["NOW", "REGION", "Network", "Rules", "id_of", "nothing", "shared", "tcp", "where"]

NOW = {"Delay": 1, "MaxAttempts": 8}


@functools.cache
def shared():
    cloud = Cloud()
    atexit.register(cloud.close)
    return cloud


class Rules(unittest.TestCase):
    """An account of its own: `ec2`, and `elb`."""

    account = "rules"

    @classmethod
    def setUpClass(cls):
        cls.cloud = shared()
        cls.ec2 = cls.cloud.client(cls.account)
        cls.elb = cls.cloud.client(cls.account, "elbv2")
        cls.owner = cls.cloud.account(cls.account)["STRAIT_ACCOUNT_ID"]

    def refused(self, code, call, status=400, client=None, **arguments):
        """The call fails with this code and status; returns the message."""
        with self.assertRaises(ClientError) as caught:
            getattr(client or self.ec2, call)(**arguments)
        answer = caught.exception.response
        found = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        self.assertEqual(found, (code, status), f"{call} {arguments}: {answer['Error']['Message']}")
        self.assertTrue(answer["ResponseMetadata"]["RequestId"])
        return answer["Error"]["Message"]

    def table(self, *rows):
        """Rows of (call, code, arguments): each is refused; code None: it is done."""
        for call, code, arguments in rows:
            with self.subTest(call=call, code=code, arguments=arguments):
                if code is None:
                    getattr(self.ec2, call)(**arguments)
                else:
                    self.refused(code, call, **arguments)

    def vpc(self, cidr):
        return self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]

    def subnet(self, vpc, cidr, **more):
        return self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, **more)["Subnet"]["SubnetId"]

    def route_table(self, vpc):
        return self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]

    def group(self, vpc, name):
        return self.ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name)["GroupId"]

    def main_table(self, vpc):
        found = self.ec2.describe_route_tables(Filters=where(vpc_id=vpc, association_main="true"))["RouteTables"]
        return found[0]["RouteTableId"]

    def default_group(self, vpc):
        return self.ec2.describe_security_groups(Filters=where(vpc_id=vpc, group_name="default"))["SecurityGroups"][0]["GroupId"]

    def routes(self, table):
        """The states of a table's routes by their destinations."""
        shown = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return {route["DestinationCidrBlock"]: route["State"] for route in shown}

    def peering(self, ours, theirs, **more):
        asked = self.ec2.create_vpc_peering_connection(VpcId=ours, PeerVpcId=theirs, **more)
        return asked["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def active_peering(self, ours, theirs):
        pcx = self.peering(ours, theirs)
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        return pcx

    def state(self, pcx, ec2=None):
        shown = (ec2 or self.ec2).describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])
        return shown["VpcPeeringConnections"][0]["Status"]["Code"]


def where(**filters):
    """Filters as boto3 wants them: `vpc_id="vpc-1"`, dots written as two underscores or known by name."""
    dotted = {"association_main": "association.main"}
    return [
        {"Name": dotted.get(name, name.replace("__", ".").replace("_", "-")), "Values": value if isinstance(value, list) else [value]}
        for name, value in filters.items()
    ]


def nothing(prefix):
    """An id of the right shape that nothing has."""
    return f"{prefix}-0123456789abcdef0"


def id_of(arn):
    return arn.rsplit("/", 1)[-1]
