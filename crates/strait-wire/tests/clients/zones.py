"""Route 53's calls."""

from account import REGION, refused, same


def zones(account, other):
    """Hosted zones: every call of Route 53's protocol."""
    dns = account.route53
    public = dns.create_hosted_zone(Name="smoke.example", CallerReference="1", HostedZoneConfig={"Comment": "a <b>"})
    zone = public["HostedZone"]["Id"]
    same((4, "a <b>"), (len(public["DelegationSet"]["NameServers"]), public["HostedZone"]["Config"]["Comment"]), "a public zone")
    same("INSYNC", dns.get_change(Id=public["ChangeInfo"]["Id"])["ChangeInfo"]["Status"], "a change")
    text = {"Name": "*.smoke.example", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"a & <b>" "c"'}]}
    alias = {"HostedZoneId": zone.rsplit("/", 1)[1], "DNSName": "*.smoke.example", "EvaluateTargetHealth": False}
    also = {"Name": "also.smoke.example", "Type": "TXT", "AliasTarget": alias}
    changes = lambda action: {"Changes": [{"Action": action, "ResourceRecordSet": one} for one in (text, also)]}
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes("CREATE"))
    refused("InvalidChangeBatch", dns.change_resource_record_sets, HostedZoneId=zone, ChangeBatch=changes("CREATE"))
    shown = dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    same(["NS", "SOA", "TXT", "TXT"], [one["Type"] for one in shown], "records")
    same('"a & <b>" "c"', shown[2]["ResourceRecords"][0]["Value"], "a value")
    pages = dns.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 1})
    same(4, sum(len(page["ResourceRecordSets"]) for page in pages), "records by pages")
    bare = zone.rsplit("/", 1)[1]
    dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=bare, AddTags=[{"Key": "a", "Value": "b"}], RemoveTagKeys=["c"])
    same([{"Key": "a", "Value": "b"}], dns.list_tags_for_resource(ResourceType="hostedzone", ResourceId=bare)["ResourceTagSet"]["Tags"], "tags")
    dns.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[bare])
    dns.update_hosted_zone_comment(Id=zone)
    dns.list_hosted_zones()
    same(1, dns.get_hosted_zone_count()["HostedZoneCount"], "the number of zones")
    refused("HostedZoneNotEmpty", dns.delete_hosted_zone, Id=zone)
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes("DELETE"))
    dns.delete_hosted_zone(Id=zone)
    refused("NoSuchHostedZone", dns.get_hosted_zone, Id=zone)
    refused("InvalidAction", dns.list_health_checks)

    vpc = lambda side, block: {"VPCRegion": REGION, "VPCId": side.ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]}
    mine, second, theirs = vpc(account, "10.70.0.0/16"), vpc(account, "10.71.0.0/16"), vpc(other, "10.72.0.0/16")
    zone = dns.create_hosted_zone(Name="corp.example", CallerReference="2", VPC=mine)["HostedZone"]["Id"]
    dns.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=second)
    refused("NotAuthorizedException", other.route53.associate_vpc_with_hosted_zone, HostedZoneId=zone, VPC=theirs)
    dns.create_vpc_association_authorization(HostedZoneId=zone, VPC=theirs)
    same([theirs], dns.list_vpc_association_authorizations(HostedZoneId=zone)["VPCs"], "authorised VPCs")
    other.route53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=theirs)
    dns.delete_vpc_association_authorization(HostedZoneId=zone, VPC=theirs)
    same(3, len(dns.get_hosted_zone(Id=zone)["VPCs"]), "a zone's VPCs")
    of_vpc = other.route53.list_hosted_zones_by_vpc(VPCId=theirs["VPCId"], VPCRegion=REGION)["HostedZoneSummaries"]
    same([account.id], [one["Owner"]["OwningAccount"] for one in of_vpc], "zones of a VPC")
    same(["corp.example."], [one["Name"] for one in dns.list_hosted_zones_by_name(DNSName="corp.example")["HostedZones"]], "zones by name")
    for side in (second, theirs):
        dns.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=side)
    refused("LastVPCAssociation", dns.disassociate_vpc_from_hosted_zone, HostedZoneId=zone, VPC=mine)
    dns.delete_hosted_zone(Id=zone)
    for side, one in ((account, mine), (account, second), (other, theirs)):
        side.ec2.delete_vpc(VpcId=one["VPCId"])
