"""Section 1.7 of AWS's rules: envelopes, ids, tokens, pages, filters, tags, quotas."""

import unittest
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from cloud import Cloud
from rules import REGION, Rules, nothing, shared, where

EC2 = ("ec2", "2016-11-15")


class Envelopes(Rules):
    account = "envelopes"

    def post(self, service, body, **keys):
        """A signed form; returns the status and the document."""
        account = shared().account(self.account)
        request = AWSRequest("POST", account["AWS_ENDPOINT_URL"], {"Content-Type": "application/x-www-form-urlencoded"}, body)
        secret = keys.get("secret", account["AWS_SECRET_ACCESS_KEY"])
        botocore.auth.SigV4Auth(Credentials(keys.get("key", account["AWS_ACCESS_KEY_ID"]), secret), service, REGION).add_auth(request)
        sent = urllib.request.Request(account["AWS_ENDPOINT_URL"], body.encode(), dict(request.headers))
        try:
            with urllib.request.urlopen(sent, timeout=20) as answer:
                return answer.status, answer.read().decode(), answer.headers["content-type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers["content-type"]

    def test_ec2s_envelope(self):
        """<Response><Errors><Error><Code/><Message/></Error></Errors><RequestID/></Response>; `requestId` in a success."""
        status, document, kind = self.post("ec2", "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-0123456789abcdef0")
        root = ElementTree.fromstring(document)
        self.assertEqual((status, root.tag, [part.tag for part in root]), (400, "Response", ["Errors", "RequestID"]))
        self.assertEqual([part.tag for part in root.find("Errors/Error")], ["Code", "Message"])
        self.assertTrue(kind.startswith("text/xml"))
        status, document, _ = self.post("ec2", "Action=DescribeVpcs&Version=2016-11-15")
        root = ElementTree.fromstring(document)
        space = "{http://ec2.amazonaws.com/doc/2016-11-15/}"
        self.assertEqual((status, root.tag, root[0].tag), (200, f"{space}DescribeVpcsResponse", f"{space}requestId"))

    def test_the_query_protocols_envelope(self):
        """<ErrorResponse><Error><Type/><Code/><Message/></Error><RequestId/></ErrorResponse>."""
        for service, version, action in [("elasticloadbalancing", "2015-12-01", "DescribeListeners"), ("sts", "2011-06-15", "NoSuch")]:
            status, document, _ = self.post(service, f"Action={action}&Version={version}&Colour=red")
            root = ElementTree.fromstring(document)
            bare = lambda element: element.tag.rsplit("}", 1)[-1]
            self.assertEqual((status, bare(root), [bare(part) for part in root]), (400, "ErrorResponse", ["Error", "RequestId"]))
            self.assertEqual([bare(part) for part in root[0]], ["Type", "Code", "Message"])

    def test_unknown_actions(self):
        """An action that is not there: InvalidAction, in XML, never a 500."""
        for service, version in [EC2, ("elasticloadbalancing", "2015-12-01"), ("sts", "2011-06-15")]:
            for action in ("MakeCoffee", "DescribeCapacityReservation", "", "%F0%9F%90%8D"):
                status, document, _ = self.post(service, f"Action={action}&Version={version}")
                self.assertEqual(status, 400, document)
                self.assertIn("<Code>InvalidAction</Code>", document)
        self.refused("InvalidAction", "describe_fleets")
        self.refused("InvalidAction", "describe_capacity_reservation", client=self.elb, LoadBalancerArn="arn")

    def test_what_a_call_lacks_or_has_too_much(self):
        """A missing parameter: MissingParameter; an unknown one, and a missing action, are refused too."""
        for body, code in {
            "Action=DeleteVpc&Version=2016-11-15": "MissingParameter",
            "Action=DeleteVpc&Version=2016-11-15&VpcId=vpc-1&Colour=red": "UnknownParameter",
            "Version=2016-11-15": "MissingAction",
            "Action=DescribeVpcs&Version=2012-01-01": "NoSuchVersion",
            "Action=DescribeVpcs&Version=2016-11-15&MaxResults=many": "InvalidParameterValue",
        }.items():
            status, document, _ = self.post("ec2", body)
            self.assertEqual((status, f"<Code>{code}</Code>" in document), (400, True), document)

    def test_what_the_local_cloud_has_not(self):
        """A parameter of AWS's that the local cloud cannot honour: UnsupportedOperation, never accepted and ignored."""
        self.refused("UnsupportedOperation", "create_vpc", CidrBlock="10.0.0.0/16", Ipv6Pool="ipv6pool-ec2-0123456789abcdef0")
        self.refused("UnsupportedOperation", "create_vpc", Ipv4IpamPoolId="ipam-pool-0123456789abcdef0")

    def test_credentials(self):
        """An unknown key: AuthFailure, 401; a wrong secret: SignatureDoesNotMatch, 403."""
        body = "Action=DescribeVpcs&Version=2016-11-15"
        status, document, _ = self.post("ec2", body, key="AKIANOBODY")
        self.assertEqual((status, "<Code>AuthFailure</Code>" in document), (401, True), document)
        status, document, _ = self.post("ec2", body, secret="wrong")
        self.assertEqual((status, "<Code>SignatureDoesNotMatch</Code>" in document), (403, True), document)

    def test_dry_runs(self):
        """What would succeed: DryRunOperation, 412; what would not: its own error. Nothing changes."""
        before = self.ec2.describe_vpcs()["Vpcs"]
        vpc = before[0]["VpcId"]
        for call, arguments in [("create_vpc", {"CidrBlock": "10.0.0.0/16"}), ("describe_vpcs", {}), ("create_tags", {"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]})]:
            message = self.refused("DryRunOperation", call, 412, DryRun=True, **arguments)
            self.assertEqual(message, "Request would have succeeded, but DryRun flag is set.")
        self.refused("InvalidVpc.Range", "create_vpc", CidrBlock="10.0.0.0/8", DryRun=True)
        self.refused("DependencyViolation", "delete_vpc", VpcId=vpc, DryRun=True)
        self.assertEqual(self.ec2.describe_vpcs()["Vpcs"], before)

    def test_the_command_line(self):
        """The AWS CLI prints the code and the call."""
        for arguments, code in {
            ("ec2", "describe-vpcs", "--vpc-ids", nothing("vpc")): "(InvalidVpcID.NotFound)",
            ("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--dry-run"): "(DryRunOperation)",
            ("ec2", "describe-spot-fleet-requests"): "(InvalidAction)",
        }.items():
            status, _, errors = shared().aws(self.account, *arguments)
            self.assertEqual((status != 0, code in errors), (True, True), errors)
        status, output, errors = shared().aws(self.account, "ec2", "describe-subnets", "--page-size", "5", "--query", "length(Subnets)")
        self.assertEqual((status, int(output)), (0, len(self.ec2.describe_subnets()["Subnets"])), errors)


class Ids(Rules):
    account = "ids"

    def test_shape_before_existence(self):
        """*.Malformed before *.NotFound, with AWS's own spelling of each; of VPCs and subnets the shape is not looked at."""
        for prefix, call, name, malformed, missing in [
            ("vpc", "describe_vpcs", "VpcIds", "InvalidVpcID.NotFound", "InvalidVpcID.NotFound"),
            ("subnet", "describe_subnets", "SubnetIds", "InvalidSubnetID.NotFound", "InvalidSubnetID.NotFound"),
            ("rtb", "describe_route_tables", "RouteTableIds", "InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound"),
            ("pcx", "describe_vpc_peering_connections", "VpcPeeringConnectionIds", "InvalidVpcPeeringConnectionId.Malformed", "InvalidVpcPeeringConnectionID.NotFound"),
            ("sg", "describe_security_groups", "GroupIds", "InvalidGroupId.Malformed", "InvalidGroup.NotFound"),
            ("acl", "describe_network_acls", "NetworkAclIds", "InvalidNetworkAclId.Malformed", "InvalidNetworkAclID.NotFound"),
            ("vpce", "describe_vpc_endpoints", "VpcEndpointIds", "InvalidVpcEndpointId.Malformed", "InvalidVpcEndpointId.NotFound"),
            ("vpce-svc", "describe_vpc_endpoint_service_configurations", "ServiceIds", "InvalidVpcEndpointServiceIdId.Malformed", "InvalidVpcEndpointServiceId.NotFound"),
            ("eni", "describe_network_interfaces", "NetworkInterfaceIds", "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound"),
            ("igw", "describe_internet_gateways", "InternetGatewayIds", "InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID.NotFound"),
            ("sgr", "describe_security_group_rules", "SecurityGroupRuleIds", "InvalidSecurityGroupRuleId.Malformed", "InvalidSecurityGroupRuleId.NotFound"),
        ]:
            self.table((call, missing, {name: [nothing(prefix)]}), (call, missing, {name: [f"{prefix}-01234567"]}))
            for shape in (f"{prefix}-", f"{prefix}-XYZ", "other-0123456789abcdef0", f"{prefix}0123456789abcdef0"):
                self.table((call, malformed, {name: [shape]}))
        self.refused("InvalidAssociationID.NotFound", "disassociate_route_table", AssociationId=nothing("rtbassoc"))

    def test_others_things_are_not_there(self):
        """An account does not see what is another's: NotFound."""
        theirs = shared().client("somebody-else")
        vpc = theirs.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.refused("InvalidVpcID.NotFound", "describe_vpcs", VpcIds=[vpc])
        self.refused("InvalidVpcID.NotFound", "delete_vpc", VpcId=vpc)
        elsewhere = shared().client("somebody-else", region="eu-west-1")
        self.refused("InvalidVpcID.NotFound", "describe_vpcs", client=elsewhere, VpcIds=[vpc])


class Tokens(Rules):
    account = "tokens"

    def test_client_tokens(self):
        """The same token: the same thing, made once. With other parameters: IdempotentParameterMismatch."""
        vpc = self.vpc("10.0.0.0/16")
        subnet = self.subnet(vpc, "10.0.0.0/24")
        for call, key, id_name, arguments, others in [
            ("create_route_table", "RouteTable", "RouteTableId", {"VpcId": vpc}, {"VpcId": self.vpc("10.1.0.0/16")}),
            ("create_network_acl", "NetworkAcl", "NetworkAclId", {"VpcId": vpc}, {"VpcId": self.vpc("10.2.0.0/16")}),
            ("create_network_interface", "NetworkInterface", "NetworkInterfaceId", {"SubnetId": subnet}, {"SubnetId": subnet, "Description": "other"}),
            ("create_managed_prefix_list", "PrefixList", "PrefixListId", {"PrefixListName": "a", "MaxEntries": 1, "AddressFamily": "IPv4"},
             {"PrefixListName": "b", "MaxEntries": 1, "AddressFamily": "IPv4"}),
        ]:
            with self.subTest(call=call):
                make = lambda token: getattr(self.ec2, call)(**arguments, ClientToken=token)[key][id_name]
                first = make("one")
                self.assertEqual(make("one"), first)
                self.assertNotEqual(make("two"), first)
                self.refused("IdempotentParameterMismatch", call, **others, ClientToken="one")

    def test_tokens_of_endpoints(self):
        """CreateVpcEndpointServiceConfiguration and CreateVpcEndpoint have them as well."""
        vpc = self.vpc("10.3.0.0/16")
        subnet = self.subnet(vpc, "10.3.0.0/24")
        balancer = self.elb.create_load_balancer(Name="tokens", Type="network", Scheme="internal", Subnets=[subnet])["LoadBalancers"][0]["LoadBalancerArn"]
        service = {"NetworkLoadBalancerArns": [balancer], "AcceptanceRequired": False, "ClientToken": "one"}
        make = self.ec2.create_vpc_endpoint_service_configuration
        made = make(**service)["ServiceConfiguration"]
        self.assertEqual(make(**service)["ServiceConfiguration"]["ServiceId"], made["ServiceId"])
        self.refused("IdempotentParameterMismatch", "create_vpc_endpoint_service_configuration", **{**service, "AcceptanceRequired": True})
        endpoint = {"VpcEndpointType": "Interface", "VpcId": vpc, "ServiceName": made["ServiceName"], "SubnetIds": [subnet], "ClientToken": "one"}
        first = self.ec2.create_vpc_endpoint(**endpoint)["VpcEndpoint"]["VpcEndpointId"]
        self.assertEqual(self.ec2.create_vpc_endpoint(**endpoint)["VpcEndpoint"]["VpcEndpointId"], first)
        self.refused("IdempotentParameterMismatch", "create_vpc_endpoint", **{**endpoint, "SubnetIds": []})


class Pages(Rules):
    account = "pages"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        cls.groups = {
            cls.ec2.create_security_group(VpcId=cls.home, GroupName=f"page {number}", Description="x")["GroupId"] for number in range(12)
        }

    def test_all_pages_are_all(self):
        """Pages of MaxResults, a token to the next, and none at the end."""
        asked = {"Filters": where(vpc_id=self.home, group_name="page*")}
        seen, sizes, token = set(), [], {}
        while True:
            page = self.ec2.describe_security_groups(**asked, MaxResults=5, **token)
            seen |= {group["GroupId"] for group in page["SecurityGroups"]}
            sizes.append(len(page["SecurityGroups"]))
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
            self.assertFalse(page["NextToken"].isdigit(), "an opaque token")
        self.assertEqual((seen, sizes), (self.groups, [5, 5, 2]))
        pages = self.ec2.get_paginator("describe_security_groups").paginate(**asked, PaginationConfig={"PageSize": 5})
        self.assertEqual({group["GroupId"] for group in pages.search("SecurityGroups[]")}, self.groups)

    def test_limits(self):
        """MaxResults is 5 to 1000 (route tables: to 100); a bad token is refused; MaxResults and ids do not go together."""
        # boto3 knows these limits and would not ask.
        unchecked = shared().client(self.account, config=Config(parameter_validation=False))
        for call, number in [("subnets", 4), ("subnets", 1001), ("route_tables", 101), ("vpc_peering_connections", 4)]:
            self.refused("InvalidMaxResults", f"describe_{call}", client=unchecked, MaxResults=number)
        self.table(
            ("describe_subnets", None, {"MaxResults": 1000}),
            ("describe_route_tables", None, {"MaxResults": 100}),
            ("describe_subnets", "InvalidNextToken", {"NextToken": "nonsense"}),
            ("describe_vpcs", "InvalidNextToken", {"NextToken": "5"}),
            ("describe_vpcs", "InvalidParameterCombination", {"VpcIds": [self.home], "MaxResults": 5}),
        )

    def test_filters(self):
        """Values are alternatives, filters must all match; * and ? are wildcards, a backslash makes them plain."""
        found = lambda *filters: [
            group["GroupName"] for group in self.ec2.describe_security_groups(Filters=[*where(vpc_id=self.home), *filters])["SecurityGroups"]
        ]
        name = lambda *values: {"Name": "group-name", "Values": list(values)}
        self.assertEqual(sorted(found(name("page 1", "page 2"))), ["page 1", "page 2"])
        self.assertEqual(sorted(found(name("page 1?"))), ["page 10", "page 11"])
        self.assertEqual(sorted(found(name("*1*"))), ["page 1", "page 10", "page 11"])
        self.assertEqual(found(name("page*"), name("default")), [])
        self.assertEqual(found(name("page\\*")), [])
        self.assertEqual(found(name("PAGE 1")), [])
        message = self.refused("InvalidParameterValue", "describe_security_groups", Filters=where(colour="red"))
        self.assertEqual(message, "The filter 'colour' is invalid")

    def test_too_many_filter_values(self):
        """Over 200 values in one call: FilterLimitExceeded."""
        values = lambda number: [{"Name": "group-name", "Values": [str(value) for value in range(number)]}]
        self.assertEqual(self.ec2.describe_security_groups(Filters=values(200))["SecurityGroups"], [])
        self.refused("FilterLimitExceeded", "describe_security_groups", Filters=values(201))


class Tags(Rules):
    account = "tagging"

    def setUp(self):
        self.home = self.vpc("10.0.0.0/16")

    def tag(self, code, **tags):
        self.table(("create_tags", code, {"Resources": [self.home], "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}))

    def test_limits(self):
        """50 a resource; a key is 1 to 127 characters and does not begin with aws:, a value up to 255."""
        self.tag(None, **{f"k{number}": "" for number in range(50)})
        self.tag("TagLimitExceeded", one_more="")
        self.tag(None, k1="again")
        self.tag("InvalidTagKey.Malformed", **{"aws:mine": "x"})
        self.tag("InvalidTagKey.Malformed", **{"": "x"})
        self.tag("InvalidTagKey.Malformed", **{"k" * 128: "x"})
        self.tag("InvalidParameterValue", k1="v" * 256)

    def test_specifications(self):
        """ResourceType must be that of what is made; the tags are there from the beginning."""
        make = lambda kind: {"CidrBlock": "10.1.0.0/16", "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "b"}]}]}
        self.refused("InvalidParameter", "create_vpc", **make("subnet"))
        self.assertEqual(self.ec2.create_vpc(**make("vpc"))["Vpc"]["Tags"], [{"Key": "a", "Value": "b"}])

    def test_on_what_is_not_there(self):
        """Invalid…NotFound by the kind, InvalidID where there is none; nothing is tagged then."""
        tags = [{"Key": "half", "Value": "done"}]
        for resource, code in {
            nothing("vpc"): "InvalidVpcID.NotFound", nothing("subnet"): "InvalidSubnetID.NotFound", nothing("sg"): "InvalidGroup.NotFound",
            nothing("pcx"): "InvalidVpcPeeringConnectionID.NotFound", "thing-0123456789abcdef0": "InvalidID", "vpc-xyz": "InvalidVpcID.NotFound",
        }.items():
            self.refused(code, "create_tags", Resources=[self.home, resource], Tags=tags)
        self.assertEqual(self.ec2.describe_tags(Filters=where(resource_id=self.home))["Tags"], [])

    def test_find_and_delete(self):
        """By tag:KEY, tag-key and DescribeTags; with a value only if it is that one; all if none is named."""
        self.tag(None, Name="db", stage="test", empty="")
        found = lambda **filters: [vpc["VpcId"] for vpc in self.ec2.describe_vpcs(Filters=[*where(vpc_id=self.home), *where(**filters)])["Vpcs"]]
        self.assertEqual((found(tag_key="Name"), found(tag_key="none")), ([self.home], []))
        self.assertEqual(len(self.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["d*"]}, *where(vpc_id=self.home)])["Vpcs"]), 1)
        left = lambda: sorted(tag["Key"] for tag in self.ec2.describe_tags(Filters=where(resource_id=self.home))["Tags"])
        self.ec2.delete_tags(Resources=[self.home], Tags=[{"Key": "Name", "Value": "other"}])
        self.assertEqual(left(), ["Name", "empty", "stage"])
        self.ec2.delete_tags(Resources=[self.home], Tags=[{"Key": "Name", "Value": "db"}, {"Key": "stage"}])
        self.assertEqual(left(), ["empty"])
        self.ec2.delete_tags(Resources=[self.home])
        self.assertEqual(left(), [])


class Quotas(unittest.TestCase):
    """`strait up --aws-quotas`: AWS's own."""

    refused = Rules.refused

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud("--aws-quotas")
        cls.ec2 = cls.cloud.client("frugal")
        cls.addClassCleanup(cls.cloud.close)

    def test_aws_quotas(self):
        """5 VPCs a Region, the default one among them; 5 blocks a VPC; 50 routes a table; 60 rules a group and direction."""
        vpcs = [self.ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"] for number in range(1, 5)]
        self.refused("VpcLimitExceeded", "create_vpc", CidrBlock="10.9.0.0/16")
        home = vpcs[0]
        for number in range(4):
            self.ec2.associate_vpc_cidr_block(VpcId=home, CidrBlock=f"100.64.{number}.0/24")
        self.refused("CidrLimitExceeded", "associate_vpc_cidr_block", VpcId=home, CidrBlock="100.64.9.0/24")
        group = self.ec2.create_security_group(VpcId=home, GroupName="a", Description="a")["GroupId"]
        ranges = lambda numbers: [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": f"10.0.{number}.0/24"} for number in numbers]}]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ranges(range(60)))
        self.refused("RulesPerSecurityGroupLimitExceeded", "authorize_security_group_ingress", GroupId=group, IpPermissions=ranges([60]))
        pcx = self.ec2.create_vpc_peering_connection(VpcId=home, PeerVpcId=vpcs[1])["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
        table = self.ec2.create_route_table(VpcId=home)["RouteTable"]["RouteTableId"]
        route = lambda number: {"RouteTableId": table, "DestinationCidrBlock": f"10.200.{number}.0/24", "VpcPeeringConnectionId": pcx}
        for number in range(50):
            self.ec2.create_route(**route(number))
        self.refused("RouteLimitExceeded", "create_route", **route(50))

    def test_an_accounts_own_quotas(self):
        """Each account can have more or fewer, of everything; the others keep what all have."""
        limit = lambda *more: {row["quota"]: row["limit"] for row in self.cloud.strait_json("aws-quota", "--account", "saver", *more)}
        saver = self.cloud.client("saver")
        self.assertEqual(limit()["network-acls-per-vpc"], 200)
        self.assertEqual(limit("network-acls-per-vpc", "2"), {"network-acls-per-vpc": 2})
        acl = lambda ec2: {"VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"]}
        saver.create_network_acl(**acl(saver))
        self.refused("NetworkAclLimitExceeded", "create_network_acl", client=saver, **acl(saver))
        self.ec2.create_network_acl(**acl(self.ec2))
        self.ec2.create_network_acl(**acl(self.ec2))
        limit("network-acls-per-vpc", "default")
        saver.create_network_acl(**acl(saver))
        for wrong in (["--account", "nobody"], ["wishes", "3"], ["network-acls-per-vpc", "few"]):
            with self.assertRaises(AssertionError, msg=wrong):
                self.cloud.strait("aws-quota", *wrong)


if __name__ == "__main__":
    unittest.main()
