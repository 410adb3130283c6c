"""Route 53: every call's results and refusals with exact codes, by boto3 and the AWS CLI."""

import itertools
import json
import unittest

from rules import REGION, Rules, nothing

REFERENCES = itertools.count(1)
SERVERS = r"^ns-\d+\.awsdns-\d\d\.(com|net|org|co\.uk)$"


class Route53(Rules):
    account = "route53"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.r53 = cls.cloud.client(cls.account, "route53")
        cls.stranger = cls.cloud.client("route53-stranger", "route53")

    def refused(self, code, call, status=400, client=None, **arguments):
        return super().refused(code, call, status, client or self.r53, **arguments)

    def zone(self, name, vpc=None, **more):
        if vpc:
            more["VPC"] = place(vpc)
        return self.r53.create_hosted_zone(Name=name, CallerReference=f"r{next(REFERENCES)}", **more)

    def id(self, name, vpc=None):
        return self.zone(name, vpc)["HostedZone"]["Id"]

    def change(self, zone, *changes, call=None):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": records} for action, records in changes]}
        return (call or self.r53.change_resource_record_sets)(HostedZoneId=zone, ChangeBatch=batch)

    def bad_change(self, zone, *changes):
        """The message of InvalidChangeBatch."""
        call = lambda **given: self.refused("InvalidChangeBatch", "change_resource_record_sets", **given)
        return self.change(zone, *changes, call=call)

    def records(self, zone):
        return self.r53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]


class Zones(Route53):
    def test_a_public_zone(self):
        """It has four servers, an NS and a SOA; its names are lower case with a last dot; making it is 201 with its place."""
        made = self.zone("Public.Example", HostedZoneConfig={"Comment": "mine"})
        zone = made["HostedZone"]
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertTrue(made["Location"].endswith(zone["Id"]), made["Location"])
        self.assertEqual((zone["Name"], zone["ResourceRecordSetCount"]), ("public.example.", 2))
        self.assertEqual(zone["Config"], {"Comment": "mine", "PrivateZone": False})
        servers = made["DelegationSet"]["NameServers"]
        self.assertEqual(len(servers), 4)
        for server in servers:
            self.assertRegex(server, SERVERS)
        shown = {row["Type"]: row for row in self.records(zone["Id"])}
        self.assertEqual([row["Value"] for row in shown["NS"]["ResourceRecords"]], [f"{server}." for server in servers])
        self.assertEqual(
            shown["SOA"]["ResourceRecords"][0]["Value"], f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        )
        self.assertEqual((shown["NS"]["TTL"], shown["SOA"]["TTL"]), (172800, 900))
        bare = zone["Id"].removeprefix("/hostedzone/")
        for same in (zone["Id"], bare):
            self.assertEqual(self.r53.get_hosted_zone(Id=same)["HostedZone"], zone)
        updated = self.r53.update_hosted_zone_comment(Id=bare, Comment="ours")["HostedZone"]
        self.assertEqual(updated["Config"]["Comment"], "ours")
        self.refused("AccessDenied", "get_hosted_zone", 403, self.stranger, Id=bare)
        self.r53.delete_hosted_zone(Id=bare)
        self.refused("NoSuchHostedZone", "get_hosted_zone", 404, Id=bare)
        self.refused("NoSuchHostedZone", "delete_hosted_zone", 404, Id=bare)
        self.refused("NoSuchHostedZone", "list_resource_record_sets", 404, HostedZoneId=bare)

    def test_what_makes_no_zone(self):
        """Bad names, a reference used twice, a private zone without a VPC or with one that is not there or another's."""
        reference = f"r{next(REFERENCES)}"
        self.r53.create_hosted_zone(Name="once.example", CallerReference=reference)
        create = "create_hosted_zone"
        self.refused("HostedZoneAlreadyExists", create, 409, Name="twice.example", CallerReference=reference)
        fresh = lambda: {"CallerReference": f"r{next(REFERENCES)}"}
        for name in ("a..b", "a b.example", "x" * 64 + ".example", "."):
            self.refused("InvalidDomainName", create, Name=name, **fresh())
        self.refused("InvalidInput", create, Name="p.example", HostedZoneConfig={"PrivateZone": True}, **fresh())
        self.refused("InvalidVPCId", create, Name="p.example", VPC=place(nothing("vpc")), **fresh())
        own = self.vpc("10.0.0.0/16")
        self.refused("InvalidVPCId", create, Name="p.example", VPC=place(own, "eu-west-1"), **fresh())
        theirs = self.cloud.client("route53-stranger").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.refused("InvalidVPCId", create, Name="p.example", VPC=place(theirs), **fresh())
        self.refused("UnsupportedOperation", create, Name="p.example", DelegationSetId="N1", **fresh())

    def test_lists(self):
        """By id, by name from a name on, page by page; another account's zones are not there."""
        client = self.cloud.client("route53-lists", "route53")
        made = {}
        for name in ("b.org", "a.org", "c.com", "x.a.org"):
            made[name] = client.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
        self.assertEqual(client.get_hosted_zone_count()["HostedZoneCount"], 4)
        pages = client.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 3})
        found = [zone["Id"] for page in pages for zone in page["HostedZones"]]
        self.assertEqual(found, sorted(made.values()))
        by_name = client.list_hosted_zones_by_name(DNSName="a.org", MaxItems="2")
        self.assertEqual([zone["Name"] for zone in by_name["HostedZones"]], ["a.org.", "x.a.org."])
        self.assertEqual((by_name["IsTruncated"], by_name["NextDNSName"]), (True, "b.org."))
        rest = client.list_hosted_zones_by_name(DNSName=by_name["NextDNSName"], HostedZoneId=by_name["NextHostedZoneId"])
        self.assertEqual([zone["Name"] for zone in rest["HostedZones"]], ["b.org."])
        self.assertEqual(client.list_hosted_zones_by_name()["HostedZones"][0]["Name"], "c.com.")
        self.refused("InvalidInput", "list_hosted_zones_by_name", client=client, HostedZoneId=made["a.org"])
        self.refused("InvalidInput", "list_hosted_zones", client=client, MaxItems="0")
        self.assertEqual(client.list_hosted_zones(HostedZoneType="PrivateHostedZone")["HostedZones"], [])

    def test_tags(self):
        zone = self.id("tags.example").removeprefix("/hostedzone/")
        about = {"ResourceType": "hostedzone", "ResourceId": zone}
        self.r53.change_tags_for_resource(**about, AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        self.r53.change_tags_for_resource(**about, AddTags=[{"Key": "a", "Value": "3"}], RemoveTagKeys=["b"])
        expected = {**about, "Tags": [{"Key": "a", "Value": "3"}]}
        self.assertEqual(self.r53.list_tags_for_resource(**about)["ResourceTagSet"], expected)
        several = self.r53.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone])["ResourceTagSets"]
        self.assertEqual(several, [expected])
        self.refused("InvalidInput", "change_tags_for_resource", **about)
        whole = "/hostedzone/" + zone
        message = self.refused("InvalidInput", "list_tags_for_resource", ResourceType="hostedzone", ResourceId=whole)
        self.assertEqual(
            message,
            f"1 validation error detected: Value '{whole}' at 'resourceId' failed to satisfy constraint: Member must have length less than or equal to 32",
        )
        self.refused("InvalidInput", "change_tags_for_resource", **about, AddTags=[{"Key": "aws:x", "Value": ""}])
        self.refused("NoSuchHostedZone", "list_tags_for_resource", 404, ResourceType="hostedzone", ResourceId="Z1")
        self.refused("NoSuchHealthCheck", "list_tags_for_resource", 404, ResourceType="healthcheck", ResourceId="x")

    def test_calls_that_are_not_there(self):
        self.refused("InvalidAction", "list_health_checks")


class Records(Route53):
    def test_a_batch_and_its_change(self):
        """All or nothing; the change is known by its id, to its account alone, and a waiter ends."""
        zone = self.id("batch.example")
        a = lambda name, *values: records(f"{name}.batch.example", "A", *values)
        made = self.change(zone, ("CREATE", a("x", "10.0.0.1", "10.0.0.2")), ("UPSERT", a("*", "10.0.0.3")))["ChangeInfo"]
        self.assertEqual(made["Status"], "INSYNC")
        self.r53.get_waiter("resource_record_sets_changed").wait(Id=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 3})
        for id in (made["Id"], made["Id"].removeprefix("/change/")):
            self.assertEqual(self.r53.get_change(Id=id)["ChangeInfo"]["Id"], made["Id"])
        self.refused("NoSuchChange", "get_change", 404, Id="C0123456789")
        self.refused("NoSuchChange", "get_change", 404, self.stranger, Id=made["Id"])
        shown = self.records(zone)
        self.assertEqual([row["Name"] for row in shown[2:]], ["\\052.batch.example.", "x.batch.example."])
        self.bad_change(zone, ("DELETE", a("*", "10.0.0.3")), ("CREATE", a("x", "10.0.0.9")))
        self.assertEqual(self.records(zone), shown)
        self.refused("HostedZoneNotEmpty", "delete_hosted_zone", Id=zone)
        self.refused("AccessDenied", "list_resource_record_sets", 403, self.stranger, HostedZoneId=zone)
        self.change(zone, ("DELETE", a("*", "10.0.0.3")), ("DELETE", a("x", "10.0.0.2", "10.0.0.1")))
        self.r53.delete_hosted_zone(Id=zone)

    def test_what_makes_no_record(self):
        """Each refusal with its text."""
        zone = self.id("bad.example")
        bare = zone.removeprefix("/hostedzone/")
        one = lambda name, kind, *values: ("CREATE", records(f"{name}bad.example", kind, *values))
        self.change(zone, one("a.", "A", "10.0.0.1"), one("c.", "CNAME", "a.bad.example"))
        alias = lambda name, target, zone=bare: (
            "CREATE",
            {
                "Name": f"{name}.bad.example",
                "Type": "A",
                "AliasTarget": {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": False},
            },
        )
        value = lambda code, text: f"[Invalid Resource Record: 'FATAL problem: {code} encountered with '{text}'']"
        for change, message in [
            (
                one("a.", "A", "10.0.0.2"),
                "[Tried to create resource record set [name='a.bad.example.', type='A'] but it already exists]",
            ),
            (
                ("DELETE", records("b.bad.example", "A", "10.0.0.1")),
                "[Tried to delete resource record set [name='b.bad.example.', type='A'] but it was not found]",
            ),
            (
                ("DELETE", records("a.bad.example", "A", "10.0.0.9")),
                "[Tried to delete resource record set [name='a.bad.example.', type='A'] but the values provided do not match the current values]",
            ),
            (
                ("CREATE", records("a.other.example", "A", "10.0.0.1")),
                "[RRSet with DNS name a.other.example. is not permitted in zone bad.example.]",
            ),
            (
                one("", "CNAME", "a.example"),
                "[RRSet of type CNAME with DNS name bad.example. is not permitted at apex in zone bad.example.]",
            ),
            (
                one("a.", "CNAME", "a.example"),
                "[RRSet of type CNAME with DNS name a.bad.example. is not permitted as it conflicts with other records with the same DNS name in zone bad.example.]",
            ),
            (
                one("c.", "A", "10.0.0.1"),
                "[RRSet of type A with DNS name c.bad.example. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone bad.example.]",
            ),
            (one("d.", "A", "10.0.0"), value("ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)", "10.0.0")),
            (one("d.", "AAAA", "::x"), value("AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)", "::x")),
            (one("d.", "TXT", "bare"), value("InvalidCharacterString (Value should be enclosed in quotation marks)", "bare")),
            (one("d.", "A", "10.0.0.1", "10.0.0.1"), "[Duplicate Resource Record: '10.0.0.1']"),
            (
                alias("e", "none.bad.example"),
                f"[Tried to create an alias that targets none.bad.example., type A in zone {bare}, but that target was not found]",
            ),
        ]:
            with self.subTest(change=change):
                self.assertEqual(self.bad_change(zone, change), message)
        message = self.bad_change(zone, alias("e", "x.elb.us-east-1.amazonaws.com", "Z26RNL4JYFTOTI"))
        self.assertIn("but that target was not found", message)
        own = next(row for row in self.records(zone) if row["Type"] == "NS")
        self.assertEqual(
            self.bad_change(zone, ("DELETE", own)), "[A HostedZone must contain at least one NS record for the zone itself.]"
        )
        change = "change_resource_record_sets"
        for code, records_ in [
            ("InvalidInput", {"Name": "f.bad.example", "Type": "A"}),
            ("InvalidInput", {"Name": "f.bad.example", "Type": "A", "ResourceRecords": [{"Value": "10.0.0.1"}]}),
            ("InvalidInput", records("f.bad.example", "COFFEE", "x")),
            ("UnsupportedOperation", records("f.bad.example", "NAPTR", "x")),
            ("UnsupportedOperation", records("f.bad.example", "A", "10.0.0.1") | {"SetIdentifier": "a", "Weight": 1}),
        ]:
            with self.subTest(records=records_):
                batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": records_}]}
                self.refused(code, change, HostedZoneId=zone, ChangeBatch=batch)
        self.refused("NoSuchHostedZone", change, 404, HostedZoneId="Z1", ChangeBatch={"Changes": [dict(zip(("Action", "ResourceRecordSet"), one("z.", "A", "10.0.0.1")))]})

    def test_a_batchs_size(self):
        """1,000 values and 32,000 characters; those of an UPSERT count twice."""
        zone = self.id("size.example")
        addresses = [f"10.0.{number // 250}.{number % 250}" for number in range(500)]
        self.change(zone, ("UPSERT", records("a.size.example", "A", *addresses)))
        more = ("CREATE", records("b.size.example", "A", "10.0.0.1"))
        message = self.bad_change(zone, ("UPSERT", records("a.size.example", "A", *addresses)), more)
        self.assertEqual(message, "Number of records limit of 1000 exceeded.")
        texts = lambda number: [f'"{place:03}{"x" * 245}"' for place in range(number)]
        self.change(zone, ("CREATE", records("t.size.example", "TXT", *texts(128))))
        message = self.bad_change(zone, ("CREATE", records("u.size.example", "TXT", *texts(129))))
        self.assertEqual(message, "Number of characters limit of 32000 exceeded.")

    def test_names_that_are_none(self):
        """A space is no character of a name, unless it is escaped."""
        zone = self.id("names.example")
        message = "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with ' '"
        start = {"HostedZoneId": zone, "StartRecordName": "a b.names.example"}
        self.assertEqual(self.refused("InvalidInput", "list_resource_record_sets", **start), message)
        bad = ("CREATE", records("a b.names.example", "A", "10.0.0.1"))
        self.assertIn(message, self.bad_change(zone, bad))
        self.change(zone, ("CREATE", records("a\\040b.names.example", "A", "10.0.0.1")))
        self.assertEqual(self.records(zone)[-1]["Name"], "a\\040b.names.example.")
        self.assertEqual(
            self.refused(
                "InvalidInput",
                "change_resource_record_sets",
                HostedZoneId=zone,
                ChangeBatch={"Changes": [{"Action": "TAKE", "ResourceRecordSet": records("a.names.example", "A", "10.0.0.1")}]},
            ),
            "Invalid XML ; cvc-enumeration-valid: Value 'TAKE' is not facet-valid with respect to enumeration '[CREATE, DELETE, UPSERT]'. It must be a value from the enumeration.",
        )

    def test_lists_of_records(self):
        """By reversed name and type, from any on, page by page."""
        zone = self.id("list.example")
        self.change(zone, *(("CREATE", records(f"n{number}.list.example", "A", "10.0.0.1")) for number in range(5)))
        ask = lambda **more: self.r53.list_resource_record_sets(HostedZoneId=zone, **more)
        page = ask(MaxItems="3")
        self.assertEqual((page["IsTruncated"], page["NextRecordName"], page["NextRecordType"]), (True, "n1.list.example.", "A"))
        rest = ask(StartRecordName=page["NextRecordName"], StartRecordType=page["NextRecordType"])
        self.assertEqual([row["Name"] for row in rest["ResourceRecordSets"]], [f"n{number}.list.example." for number in range(1, 5)])
        pages = self.r53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 2})
        self.assertEqual(sum(len(page["ResourceRecordSets"]) for page in pages), 7)
        self.refused("InvalidInput", "list_resource_record_sets", HostedZoneId=zone, StartRecordType="A")


class Associations(Route53):
    def test_a_private_zones_vpcs(self):
        """One zone of a name for a VPC; the last VPC stays; a public zone has none."""
        one, two = self.vpc("10.0.0.0/16"), self.vpc("10.1.0.0/16")
        made = self.zone("private.example", one)
        self.assertNotIn("DelegationSet", made)
        self.assertEqual((made["VPC"], made["HostedZone"]["Config"]["PrivateZone"]), (place(one), True))
        zone = made["HostedZone"]["Id"]
        taken = {"Name": "private.example", "VPC": place(one), "CallerReference": f"r{next(REFERENCES)}"}
        self.refused("ConflictingDomainExists", "create_hosted_zone", **taken)
        associate = {"HostedZoneId": zone, "VPC": place(two)}
        self.assertEqual(self.r53.associate_vpc_with_hosted_zone(**associate)["ChangeInfo"]["Status"], "INSYNC")
        self.refused("ConflictingDomainExists", "associate_vpc_with_hosted_zone", **associate)
        by_id = lambda vpc: vpc["VPCId"]
        shown = self.r53.get_hosted_zone(Id=zone)["VPCs"]
        self.assertEqual(sorted(shown, key=by_id), sorted([place(one), place(two)], key=by_id))
        listed = self.r53.list_hosted_zones_by_vpc(VPCId=two, VPCRegion=REGION)["HostedZoneSummaries"]
        expected = {"HostedZoneId": zone.removeprefix("/hostedzone/"), "Name": "private.example.", "Owner": {"OwningAccount": self.owner}}
        self.assertEqual(listed, [expected])
        self.r53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=place(one))
        self.refused("VPCAssociationNotFound", "disassociate_vpc_from_hosted_zone", 404, HostedZoneId=zone, VPC=place(one))
        self.refused("LastVPCAssociation", "disassociate_vpc_from_hosted_zone", HostedZoneId=zone, VPC=place(two))
        self.refused("InvalidVPCId", "associate_vpc_with_hosted_zone", HostedZoneId=zone, VPC=place(nothing("vpc")))
        public = self.id("open.example")
        self.refused("PublicZoneVPCAssociation", "associate_vpc_with_hosted_zone", HostedZoneId=public, VPC=place(one))
        self.refused("NoSuchHostedZone", "associate_vpc_with_hosted_zone", 404, HostedZoneId="Z1", VPC=place(one))

    def test_authorisations(self):
        """Another account's VPC is associated by its owner, once the zone's owner allows it."""
        mine = self.vpc("10.0.0.0/16")
        theirs = place(self.cloud.client("route53-stranger").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
        zone = self.id("lent.example", mine)
        asked = {"HostedZoneId": zone, "VPC": theirs}
        self.refused("NotAuthorizedException", "associate_vpc_with_hosted_zone", 401, self.stranger, **asked)
        self.refused("NotAuthorizedException", "associate_vpc_with_hosted_zone", 401, **asked)
        self.refused("AccessDenied", "create_vpc_association_authorization", 403, self.stranger, **asked)
        self.refused("VPCAssociationAuthorizationNotFound", "delete_vpc_association_authorization", 404, **asked)
        bare = zone.removeprefix("/hostedzone/")
        self.assertEqual(self.r53.create_vpc_association_authorization(**asked)["VPC"], theirs)
        shown = self.r53.list_vpc_association_authorizations(HostedZoneId=zone)
        self.assertEqual((shown["HostedZoneId"], shown["VPCs"]), (bare, [theirs]))
        self.stranger.associate_vpc_with_hosted_zone(**asked)
        self.r53.delete_vpc_association_authorization(**asked)
        self.refused("VPCAssociationAuthorizationNotFound", "delete_vpc_association_authorization", 404, **asked)
        self.assertIn(theirs, self.r53.get_hosted_zone(Id=zone)["VPCs"])
        listed = self.stranger.list_hosted_zones_by_vpc(VPCId=theirs["VPCId"], VPCRegion=REGION)["HostedZoneSummaries"]
        self.assertEqual(listed[0]["Owner"], {"OwningAccount": self.owner})
        self.stranger.disassociate_vpc_from_hosted_zone(**asked)
        self.refused("NotAuthorizedException", "associate_vpc_with_hosted_zone", 401, self.stranger, **asked)


class Cli(Route53):
    """The AWS CLI, unmodified."""

    def aws(self, *arguments):
        status, out, errors = self.cloud.aws(self.account, "route53", *arguments)
        self.assertEqual(status, 0, errors)
        return json.loads(out) if out else None

    def test_a_story(self):
        made = self.aws("create-hosted-zone", "--name", "cli.example", "--caller-reference", "cli")
        zone = made["HostedZone"]["Id"]
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": records("a.cli.example", "A", "10.0.0.1")}]}
        change = self.aws("change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", json.dumps(batch))
        self.aws("wait", "resource-record-sets-changed", "--id", change["ChangeInfo"]["Id"])
        shown = self.aws("list-resource-record-sets", "--hosted-zone-id", zone)["ResourceRecordSets"]
        self.assertEqual(shown[-1]["ResourceRecords"], [{"Value": "10.0.0.1"}])
        self.assertEqual(self.aws("list-hosted-zones-by-name", "--dns-name", "cli.example")["HostedZones"][0]["Id"], zone)
        status, _, errors = self.cloud.aws(self.account, "route53", "delete-hosted-zone", "--id", zone)
        self.assertNotEqual(status, 0)
        self.assertIn("(HostedZoneNotEmpty)", errors)
        batch["Changes"][0]["Action"] = "DELETE"
        self.aws("change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", json.dumps(batch))
        self.aws("delete-hosted-zone", "--id", zone)


def place(vpc, region=REGION):
    return {"VPCRegion": region, "VPCId": vpc}


def records(name, kind, *values):
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value} for value in values]}


if __name__ == "__main__":
    unittest.main()
