"""Load balancers, endpoint services and endpoints."""

from account import default_group, refused, same


def balancers(account, side):
    elb, ec2 = account.elb, account.ec2
    balancer = elb.create_load_balancer(Name="db", Type="network", Scheme="internal", Subnets=[side.subnet])
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    shown = elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]
    same(("network", "internal", side.vpc, "active"), (shown["Type"], shown["Scheme"], shown["VpcId"], shown["State"]["Code"]), "a balancer")
    group = elb.create_target_group(Name="db", Protocol="TCP", Port=5432, VpcId=side.vpc, TargetType="ip")
    group = group["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.10.1.50", "Port": 5432}])
    health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    same([("10.10.1.50", 5432)], [(one["Target"]["Id"], one["Target"]["Port"]) for one in health], "a group's targets")
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    attributes = elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    same(True, {"Key": "deregistration_delay.timeout_seconds", "Value": "5"} in attributes, "a target group's attributes")
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}])
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    same(True, {"Key": "load_balancing.cross_zone.enabled", "Value": "true"} in attributes, "a balancer's attributes")
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="TCP", Port=5432, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}]
    )["Listeners"][0]["ListenerArn"]
    shown = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
    same((listener, 5432), (shown["ListenerArn"], shown["Port"]), "a listener")
    same([balancer], elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"], "a target group")
    shown = elb.modify_target_group(TargetGroupArn=group, HealthCheckProtocol="HTTP", HealthCheckPath="/up", HealthCheckIntervalSeconds=10)["TargetGroups"][0]
    same(("HTTP", "/up", 10, "200-399"), (shown["HealthCheckProtocol"], shown["HealthCheckPath"], shown["HealthCheckIntervalSeconds"], shown["Matcher"]["HttpCode"]), "a health check")
    elb.modify_target_group(TargetGroupArn=group, HealthCheckProtocol="TCP")
    same([6432], [one["Port"] for one in elb.modify_listener(ListenerArn=listener, Port=6432)["Listeners"]], "a changed listener")
    elb.modify_listener(ListenerArn=listener, Port=5432)
    idle = {"Key": "tcp.idle_timeout.seconds", "Value": "350"}
    same([idle], elb.modify_listener_attributes(ListenerArn=listener, Attributes=[idle])["Attributes"], "set attributes of a listener")
    same([idle], elb.describe_listener_attributes(ListenerArn=listener)["Attributes"], "a listener's attributes")
    refused("UnsupportedOperation", elb.describe_listener_certificates, ListenerArn=listener)
    refused("UnsupportedOperation", elb.describe_ssl_policies)
    zones = elb.set_subnets(LoadBalancerArn=balancer, Subnets=[side.subnet])["AvailabilityZones"]
    same([side.subnet], [zone["SubnetId"] for zone in zones], "a balancer's subnets")
    same("ipv4", elb.set_ip_address_type(LoadBalancerArn=balancer, IpAddressType="ipv4")["IpAddressType"], "kinds of addresses")
    limits = {one["Name"]: one["Max"] for one in elb.describe_account_limits()["Limits"]}
    same("50", limits.get("network-load-balancers"), "an account's limits")
    elb.add_tags(ResourceArns=[balancer], Tags=[{"Key": "Name", "Value": "db"}])
    same("db", elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"][0]["Value"], "a balancer's tag")
    elb.remove_tags(ResourceArns=[balancer], TagKeys=["Name"])
    same([], elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"], "a balancer without tags")
    refused("TargetGroupNotFound", elb.describe_target_groups, Names=["nothing"])

    secured = elb.create_load_balancer(Name="guarded", Type="network", Scheme="internal", Subnets=[side.subnet], SecurityGroups=[side.group])
    secured = secured["LoadBalancers"][0]["LoadBalancerArn"]
    elb.set_security_groups(LoadBalancerArn=secured, SecurityGroups=[side.group])
    elb.delete_load_balancer(LoadBalancerArn=secured)

    service = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=[balancer], AcceptanceRequired=True)
    service = service["ServiceConfiguration"]
    shown = ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[service["ServiceId"]])["ServiceConfigurations"][0]
    same((service["ServiceName"], True, [balancer]), (shown["ServiceName"], shown["AcceptanceRequired"], shown["NetworkLoadBalancerArns"]), "an endpoint service")
    ec2.modify_vpc_endpoint_service_configuration(ServiceId=service["ServiceId"], AcceptanceRequired=True)
    ec2.modify_vpc_endpoint_service_configuration(ServiceId=service["ServiceId"], PrivateDnsName="db.smoke.example")
    same(True, ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=service["ServiceId"])["ReturnValue"], "a proof")
    ec2.modify_vpc_endpoint_service_configuration(ServiceId=service["ServiceId"], RemovePrivateDnsName=True)
    return {"id": service["ServiceId"], "name": service["ServiceName"], "balancer": balancer, "group": group, "listener": listener}


def endpoints(provider, customer, side, service):
    consumer = customer.ec2
    refused("InvalidServiceName", consumer.create_vpc_endpoint, VpcEndpointType="Interface", VpcId=side.vpc, ServiceName=service["name"], SubnetIds=[side.subnet])
    principal = f"arn:aws:iam::{customer.id}:root"
    provider.ec2.modify_vpc_endpoint_service_permissions(ServiceId=service["id"], AddAllowedPrincipals=[principal])
    allowed = provider.ec2.describe_vpc_endpoint_service_permissions(ServiceId=service["id"])["AllowedPrincipals"]
    same([principal], [one["Principal"] for one in allowed], "allowed principals")
    found = consumer.describe_vpc_endpoint_services(ServiceNames=[service["name"]])
    same([service["name"]], found["ServiceNames"], "an endpoint service as its consumer sees it")
    made_endpoints = [
        consumer.create_vpc_endpoint(
            VpcEndpointType="Interface",
            VpcId=side.vpc,
            ServiceName=service["name"],
            SubnetIds=[side.subnet],
            SecurityGroupIds=[side.group],
            ClientToken=token,
        )["VpcEndpoint"]["VpcEndpointId"]
        for token in ("one", "two", "one")
    ]
    same(made_endpoints[0], made_endpoints[2], "an endpoint made again with the same token")
    first, second, _ = made_endpoints
    waiting = provider.ec2.describe_vpc_endpoint_connections(Filters=[{"Name": "service-id", "Values": [service["id"]]}])
    same(["pendingAcceptance"] * 2, [one["VpcEndpointState"] for one in waiting["VpcEndpointConnections"]], "connections")
    answer = provider.ec2.accept_vpc_endpoint_connections(ServiceId=service["id"], VpcEndpointIds=[first])
    same([], answer["Unsuccessful"], "accepted connections")
    provider.ec2.reject_vpc_endpoint_connections(ServiceId=service["id"], VpcEndpointIds=[second])
    shown = {one["VpcEndpointId"]: one for one in consumer.describe_vpc_endpoints()["VpcEndpoints"]}
    same(("available", "rejected"), (shown[first]["State"], shown[second]["State"]), "endpoints")
    same(True, service["name"].split(".")[-1] in shown[first]["DnsEntries"][0]["DnsName"], "an endpoint's name")
    interfaces = consumer.describe_network_interfaces(NetworkInterfaceIds=shown[first]["NetworkInterfaceIds"])
    same("vpc_endpoint", interfaces["NetworkInterfaces"][0]["InterfaceType"], "an endpoint's interface")
    consumer.modify_vpc_endpoint(VpcEndpointId=first, AddSecurityGroupIds=[default_group(customer, side)])
    busy = provider.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service["id"]])["Unsuccessful"]
    same(["ExistingVpcEndpointConnections"], [one["Error"]["Code"] for one in busy], "a service in use")
    same([], consumer.delete_vpc_endpoints(VpcEndpointIds=[first, second])["Unsuccessful"], "deleted endpoints")
    gone = provider.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service["id"]])["Unsuccessful"]
    same([], gone, "a deleted service")
    elb = provider.elb
    refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=service["group"])
    elb.delete_listener(ListenerArn=service["listener"])
    elb.deregister_targets(TargetGroupArn=service["group"], Targets=[{"Id": "10.10.1.50", "Port": 5432}])
    elb.delete_target_group(TargetGroupArn=service["group"])
    elb.delete_load_balancer(LoadBalancerArn=service["balancer"])
    refused("LoadBalancerNotFound", elb.describe_load_balancers, LoadBalancerArns=[service["balancer"]])
