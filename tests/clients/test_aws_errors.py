"""What AWS refuses, and with which code."""

import datetime
import unittest
import urllib.error
import urllib.request
from unittest import mock

import botocore.auth
from botocore.exceptions import ClientError

from cloud import IMAGE, REGION, Cloud, Network, tcp

CLOUD = None
MISSING = "0123456789abcdef0"


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Codes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ec2 = CLOUD.client("customer")
        cls.network = Network(cls.ec2, "10.50.0.0/16")
        cls.gateway = cls.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        cls.ec2.attach_internet_gateway(InternetGatewayId=cls.gateway, VpcId=cls.network.id)

    def refused(self, call, code, status=400, **arguments):
        with self.assertRaises(ClientError) as caught:
            getattr(self.ec2, call)(**arguments)
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status), answer["Error"]["Message"])
        self.assertTrue(answer["Error"]["Message"])
        self.assertTrue(answer["ResponseMetadata"]["RequestId"])
        return answer["Error"]["Message"]

    def test_table(self):
        vpc, subnet, table = self.network.id, self.network.subnet, self.network.table
        for call, code, arguments in [
            ("create_vpc", "InvalidParameterValue", {"CidrBlock": "ten"}),
            ("create_vpc", "InvalidVpc.Range", {"CidrBlock": "10.0.0.0/8"}),
            ("create_vpc", "InvalidVpc.Range", {"CidrBlock": "10.0.0.0/29"}),
            ("describe_vpcs", "InvalidVpcID.NotFound", {"VpcIds": [f"vpc-{MISSING}"]}),
            ("describe_vpcs", "InvalidVpcID.NotFound", {"VpcIds": ["subnet-1"]}),
            ("describe_vpcs", "InvalidParameterValue", {"Filters": [{"Name": "colour", "Values": ["red"]}]}),
            ("delete_vpc", "DependencyViolation", {"VpcId": vpc}),
            ("create_subnet", "InvalidSubnet.Range", {"VpcId": vpc, "CidrBlock": "10.51.0.0/24"}),
            ("create_subnet", "InvalidSubnet.Conflict", {"VpcId": vpc, "CidrBlock": "10.50.0.0/25"}),
            ("describe_subnets", "InvalidSubnetID.NotFound", {"SubnetIds": [f"subnet-{MISSING}"]}),
            ("describe_route_tables", "InvalidRouteTableID.NotFound", {"RouteTableIds": [f"rtb-{MISSING}"]}),
            ("describe_route_tables", "InvalidRouteTableId.Malformed", {"RouteTableIds": ["table"]}),
            ("create_route", "RouteAlreadyExists",
             {"RouteTableId": table, "DestinationCidrBlock": "10.50.0.0/16", "GatewayId": self.gateway}),
            ("create_route", "InvalidVpcPeeringConnectionID.NotFound",
             {"RouteTableId": table, "DestinationCidrBlock": "10.80.0.0/17", "VpcPeeringConnectionId": f"pcx-{MISSING}"}),
            ("delete_route", "InvalidRoute.NotFound", {"RouteTableId": table, "DestinationCidrBlock": "10.9.0.0/16"}),
            ("accept_vpc_peering_connection", "InvalidVpcPeeringConnectionID.NotFound", {"VpcPeeringConnectionId": f"pcx-{MISSING}"}),
            ("accept_vpc_peering_connection", "InvalidVpcPeeringConnectionId.Malformed", {"VpcPeeringConnectionId": "vpc-1"}),
            ("create_security_group", "InvalidGroup.Reserved", {"GroupName": "default", "Description": "x", "VpcId": vpc}),
            ("delete_security_group", "CannotDelete", {"GroupId": self.network.default_group}),
            ("describe_security_groups", "InvalidGroup.NotFound", {"GroupIds": [f"sg-{MISSING}"]}),
            ("describe_security_groups", "InvalidGroupId.Malformed", {"GroupIds": ["group"]}),
            ("authorize_security_group_egress", "InvalidPermission.Duplicate",
             {"GroupId": self.network.default_group, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}),
            ("revoke_security_group_egress", "InvalidPermission.NotFound",
             {"GroupId": self.network.default_group, "IpPermissions": tcp(1, "10.0.0.0/8")}),
            ("run_instances", "InvalidAMIID.Malformed", {"ImageId": "debian", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}),
            ("run_instances", "InvalidSubnetID.NotFound",
             {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "SubnetId": f"subnet-{MISSING}"}),
            ("describe_instances", "InvalidInstanceID.NotFound", {"InstanceIds": [f"i-{MISSING}"]}),
            ("create_vpc_endpoint", "InvalidServiceName",
             {"VpcEndpointType": "Interface", "VpcId": vpc, "ServiceName": f"com.amazonaws.vpce.{REGION}.vpce-svc-{MISSING}", "SubnetIds": [subnet]}),
            ("describe_vpc_endpoints", "InvalidVpcEndpointId.NotFound", {"VpcEndpointIds": [f"vpce-{MISSING}"]}),
            ("create_vpc", "InvalidParameter",
             {"CidrBlock": "10.52.0.0/16", "TagSpecifications": [{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}]}),
            ("describe_subnets", "InvalidParameterCombination", {"SubnetIds": [subnet], "MaxResults": 5}),
            ("describe_subnets", "InvalidNextToken", {"NextToken": "nonsense"}),
        ]:
            with self.subTest(call=call, code=code, arguments=arguments):
                self.refused(call, code, **arguments)

    def test_a_dry_run_changes_nothing(self):
        before = len(self.ec2.describe_vpcs()["Vpcs"])
        message = self.refused("create_vpc", "DryRunOperation", 412, CidrBlock="10.53.0.0/16", DryRun=True)
        self.assertEqual(message, "Request would have succeeded, but DryRun flag is set.")
        self.refused("create_vpc", "InvalidVpc.Range", CidrBlock="10.0.0.0/8", DryRun=True)
        self.assertEqual(len(self.ec2.describe_vpcs()["Vpcs"]), before)

    def test_others_things_are_not_there(self):
        other = Network(CLOUD.client("stranger"), "10.54.0.0/16")
        self.refused("describe_vpcs", "InvalidVpcID.NotFound", VpcIds=[other.id])
        self.refused("describe_security_groups", "InvalidGroup.NotFound", GroupIds=[other.default_group])
        elsewhere = CLOUD.client("customer", region="eu-west-1")
        with self.assertRaisesRegex(ClientError, "InvalidVpcID.NotFound"):
            elsewhere.describe_vpcs(VpcIds=[self.network.id])

    def test_what_it_cannot_do_is_refused_not_ignored(self):
        table = self.network.table
        with self.assertRaisesRegex(ClientError, "UnsupportedOperation|InvalidNatGatewayID"):
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=f"nat-{MISSING}")
        with self.assertRaisesRegex(ClientError, "UnsupportedOperation|InvalidParameter"):
            self.ec2.create_vpc(CidrBlock="10.55.0.0/16", Ipv6Pool="ipv6pool-ec2-0123456789abcdef0")


class Signatures(unittest.TestCase):
    def code(self, client):
        with self.assertRaises(ClientError) as caught:
            client.describe_vpcs()
        answer = caught.exception.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    def test_a_wrong_secret(self):
        code, status = self.code(CLOUD.client("customer", aws_secret_access_key="x" * 40))
        self.assertIn((code, status), [("AuthFailure", 401), ("SignatureDoesNotMatch", 403)])

    def test_an_unknown_key(self):
        code, status = self.code(CLOUD.client("customer", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA"))
        self.assertIn((code, status), [("AuthFailure", 401), ("InvalidClientTokenId", 403)])

    def test_clock_skew(self):
        client = CLOUD.client("customer")
        for hours in (-1, 1):
            moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
            with self.subTest(hours=hours), skewed(moment):
                code, _ = self.code(client)
                self.assertIn(code, ["RequestExpired", "SignatureDoesNotMatch", "AuthFailure"])

    def test_without_a_signature(self):
        status, body = post(b"Action=DescribeVpcs&Version=2016-11-15")
        self.assertIn(status, (400, 401, 403))
        self.assertRegex(body, "<Code>(MissingAuthenticationToken|AuthFailure)</Code>")

    def test_not_a_request(self):
        for body in (b"\xff\xfe%zz", b"Action=DescribeVpcs", b"<xml>"):
            with self.subTest(body=body):
                status, answer = post(body)
                self.assertTrue(400 <= status < 500, answer)
                self.assertIn("<Code>", answer)

    def test_an_unknown_action(self):
        client = CLOUD.client("customer")
        with self.assertRaises(ClientError) as caught:
            client.describe_transit_gateways()
        self.assertIn(caught.exception.response["Error"]["Code"], ["InvalidAction", "UnsupportedOperation"])


def skewed(moment):
    """Makes botocore sign at another time."""

    def clock(remove_tzinfo=True):
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    return mock.patch.object(botocore.auth, "get_current_datetime", clock)


def post(body):
    """An unsigned request."""
    request = urllib.request.Request(CLOUD.account("customer")["AWS_ENDPOINT_URL"], data=body, method="POST")
    request.add_header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
