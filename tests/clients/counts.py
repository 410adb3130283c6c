"""Counts what a Strait on this machine has of everything that its services take, wherever it is: in the cloud, the kernel, the store, as processes."""

import os

from cloud import processes

# Rows of these come and go with what exists.
TABLES = ("project", "vpc", "peering", "service", "way", "api_key", "quota")

# None of these once all is done.
AT_WORK = {
    "operations that have not ended": "SELECT count(*) FROM strait.operation WHERE ended IS NULL",
    # That of an object; the one who watches the cloud has one for ever. What a server had when it was killed is over by itself.
    "leases that were not given back": "SELECT count(*) FROM strait.lease WHERE until > clock_timestamp() AND key LIKE '%:%'",
}


def counted(cloud, customers):
    """`customers` are clients of the other accounts, whose instances are not counted."""
    return in_cloud(cloud) | in_kernel(cloud, customers) | in_store(cloud) | running(cloud)


def in_cloud(cloud):
    """What the provider's account has."""
    ec2, elb = cloud.client("provider"), cloud.client("provider", "elbv2")
    own = ec2.describe_vpcs()["Vpcs"]
    return {
        "VPCs": len(own),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "route tables": len(ec2.describe_route_tables()["RouteTables"]),
        "routes": sum(len(table["Routes"]) for table in ec2.describe_route_tables()["RouteTables"]),
        "security groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "rules": len(ec2.describe_security_group_rules()["SecurityGroupRules"]),
        "interfaces": len(ec2.describe_network_interfaces()["NetworkInterfaces"]),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "endpoints": len(ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        "endpoint services": len(ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]),
        "load balancers": len(elb.describe_load_balancers()["LoadBalancers"]),
        "target groups": len(elb.describe_target_groups()["TargetGroups"]),
    }


def in_kernel(cloud, customers):
    """Namespaces, as they are pinned in the anchor's mounts."""
    anchor = cloud.strait_json("status")["anchor"]["pid"]
    pins = f"/proc/{anchor}/root{cloud.data}/run/ns"
    running_now = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    theirs = sum(
        len(reservation["Instances"])
        for ec2 in customers
        for reservation in ec2.describe_instances(Filters=running_now)["Reservations"]
    )
    return {
        "namespaces of routers": len(os.listdir(f"{pins}/routers")),
        "namespaces of hosts": len(os.listdir(f"{pins}/hosts")) - theirs,
    }


def in_store(cloud):
    counts = {table: f"SELECT count(*) FROM strait.{table}" for table in TABLES}
    counts = {f"rows of {table}": count for table, count in counts.items()} | AT_WORK
    row = cloud.sql("SELECT " + ", ".join(f"({count})" for count in counts.values()))
    return {name: int(number) for name, number in zip(counts, row.split("|"), strict=True)}


def running(cloud):
    folders = ["store", *(f"services/{name}" for name in os.listdir(os.path.join(cloud.data, "services")))]
    lines = dict(processes())
    postmasters = [pid for folder in folders for pid in cloud.postgres(folder) if " -D " in lines.get(pid, "")]
    # The server, the anchor, and the first process of each PostgreSQL's sandbox.
    own = [line for line in lines.values() if f"{cloud.data} up " in line]
    return {
        "folders of services": len(folders) - 1,
        "postmasters": len(postmasters),
        "processes of Strait's": len(own),
        "resolvers": len(cloud.agents("resolver")),
        "forwarders": len(cloud.agents("forwarder")),
    }
