"""`strait server` on a PostgreSQL of its own, in front of a cloud that it knows by the AWS APIs only."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from cloud import STRAIT, Network, free_port, tcp
from databases import Speaker, Store
from fault_proxy import Proxy
from nameserver import Nameserver
from stories import ANYWHERE, PATIENCE, PORT, World, made

class Front:
    """A server with its store, as the operator of this account of the cloud. `kill` and `start` as often as one likes."""

    # How an attachment's time compares with that here.
    PACE = 1

    def __init__(self, cloud, account, domain, regions=("us-east-1",), proxy=None, **settings):
        """`settings` are further keys of the configuration's `[cloud]`."""
        self.proxy = proxy
        self.folder = tempfile.mkdtemp(prefix="strait-front.")
        self.store = self.server = None
        self.log_path = os.path.join(self.folder, "server.log")
        keys = cloud.account(account)
        self.port = free_port()
        self.environment = {
            name: value for name, value in cloud.environment.items() if not name.startswith("STRAIT_")
        } | {
            "AWS_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"],
            "AWS_SESSION_TOKEN": keys.get("AWS_SESSION_TOKEN", ""),
            "STRAIT_LOG": os.environ.get("STRAIT_LOG", "info"),
            "STRAIT_URL": f"http://127.0.0.1:{self.port}",
        }
        try:
            self.store = Store(os.path.join(self.folder, "store"))
            authority = os.path.join(self.folder, "authority.pem")
            with open(authority, "w", encoding="ascii") as file:
                file.write(cloud.authority())
            self.config = os.path.join(self.folder, "strait.toml")
            with open(self.config, "w", encoding="ascii") as file:
                file.write(
                    f'database_url = "{self.store.url}"\ndomain = "{domain}"\nca_file = "{authority}"\n'
                    f'[http]\nlisten = "127.0.0.1:{self.port}"\n'
                    f'[cloud]\nkind = "aws"\nregions = {json.dumps(list(regions))}\n'
                    f'endpoint_url = "{proxy.url if proxy else keys["AWS_ENDPOINT_URL"]}"\n'
                    + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
                )
            made = json.loads(self.run("admin", "bootstrap", "--config", self.config, "--output", "json"))
            self.environment |= {
                "STRAIT_PROJECT_ID": made["project_id"],
                "STRAIT_PUBLIC_KEY": made["public_key"],
                "STRAIT_SECRET_KEY": made["secret_key"],
            }
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.server = served(self.config, self.environment, self.environment["STRAIT_URL"], self.log_path)

    def kill(self):
        """Ends it as a power cut would."""
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(timeout=20)
        self.server = None

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait(timeout=30)
        if self.store:
            self.store.close()
        shutil.rmtree(self.folder)

    def run(self, *arguments):
        """Runs the CLI; returns what it prints."""
        patience = ("--timeout", str(PATIENCE)) if "--wait" in arguments and "--timeout" not in arguments else ()
        done = subprocess.run(
            [STRAIT, *arguments, *patience], env=self.environment, capture_output=True, text=True, timeout=PATIENCE + 50,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise AssertionError(
                f"strait {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}\n{self.logged()}\n"
                f"{self.shown() if arguments[0] != 'admin' else ''}"
            )
        return done.stdout

    def shown(self):
        """All that the server tells of its objects."""
        kinds = (("vpc", "list"), ("peering", "list"), ("service", "list"))
        lists = (
            subprocess.run(
                [STRAIT, *kind, "--output", "json"], env=self.environment, capture_output=True, text=True, timeout=60,
                stdin=subprocess.DEVNULL, check=False,
            )
            for kind in kinds
        )
        return "\n".join(done.stdout + done.stderr for done in lists)

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--output", "json"))

    def logged(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            asked = [action for _, action, _ in self.proxy.asked[-40:]] if self.proxy else []
            return f"{file.read()[-6000:]}\nlast asked: {' '.join(asked)}"


def served(config, environment, url, log_path):
    """A server of this configuration, which answers there; its log goes on where another's ended."""
    with open(log_path, "ab") as log:
        server = subprocess.Popen(
            [STRAIT, "server", "--config", config], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    until = time.monotonic() + 60
    while not answers(url):
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            server.wait(timeout=20)
            with open(log_path, encoding="utf-8", errors="replace") as file:
                raise AssertionError(f"the server does not start:\n{file.read()[-6000:]}")
        time.sleep(0.1)
    return server


def answers(url):
    try:
        urllib.request.urlopen(f"{url}/health", timeout=2).close()
        return True
    except OSError:
        return False


class Service:
    """What an operator has before Strait: a VPC with a host in it that the internet reaches on PostgreSQL's port."""

    def __init__(self, cloud, account, cidr, region="us-east-1", speaker=Speaker):
        """`speaker` makes what speaks on a host."""
        self.cloud, self.region, self.speaker, self.speakers = cloud, region, speaker, []
        self.ec2 = cloud.client(account, region=region)
        self.network = Network(self.ec2, cidr)
        self.open_to_the_internet()
        self.cidr, self.zone = cidr, self.ec2.describe_subnets(SubnetIds=[self.network.subnet])["Subnets"][0]["AvailabilityZone"]
        self.subnets = [self.network.subnet, self.subnet(1, self.other_zones()[0])]
        group = self.ec2.create_security_group(GroupName="postgres", Description="postgres", VpcId=self.network.id)
        self.group = group["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=tcp(PORT, ANYWHERE))
        self.neighbour = self.network.instance()["InstanceId"]
        self.host, self.address = self.new_host()
        elastic = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=self.host)
        self.public = elastic["PublicIp"]

    def new_host(self):
        """A host that speaks; its id and private address."""
        instance = self.network.instance(group=self.group)
        if self.cloud.packets:
            self.speakers.append(self.speaker(self.cloud, instance["InstanceId"]))
        return instance["InstanceId"], instance["PrivateIpAddress"]

    def subnet(self, number, zone):
        """A further subnet."""
        block = self.cidr.replace(".0.0/16", f".{number}.0/24")
        made = self.ec2.create_subnet(VpcId=self.network.id, CidrBlock=block, AvailabilityZone=zone)
        return made["Subnet"]["SubnetId"]

    def other_zones(self):
        """Zones where its host is not."""
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        return [zone["ZoneName"] for zone in zones if zone["ZoneName"] != self.zone]

    def rules(self):
        """The ranges that the service's group lets in."""
        group = self.ec2.describe_security_groups(GroupIds=[self.group])["SecurityGroups"][0]
        return {row["CidrIp"] for rule in group["IpPermissions"] for row in rule["IpRanges"]}

    def open_to_the_internet(self):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.network.id)
        self.ec2.create_route(RouteTableId=self.network.table, DestinationCidrBlock=ANYWHERE, GatewayId=gateway)

    def close(self):
        for speaker in self.speakers:
            speaker.close()


class Operator(World):
    """An operator with a service and a server of Strait's in front of `cloud`, in an account of each class's own."""

    # The account of the server's keys, and that where all is made, if it is another one, with the server's role in it.
    ACCOUNT = None
    HOME = None
    REGIONS = ("us-east-1",)
    TAG = "strait:plane"
    # An endpoint, an endpoint service, a load balancer and its target group.
    PARTS = {"attached": 4, "public": 0}

    @classmethod
    def setUpClass(cls):
        cls.home = cls.HOME or cls.ACCOUNT
        cls.domain = f"o{cls.ACCOUNT}.example.net"
        cls.route53 = cls.cloud.client(cls.home, "route53")
        cls.zone = cls.route53.create_hosted_zone(Name=cls.domain, CallerReference="one")["HostedZone"]["Id"]
        cls.proxy = Proxy(cls.cloud.account(cls.ACCOUNT)["AWS_ENDPOINT_URL"], **cls.other_endpoints())
        cls.addClassCleanup(cls.proxy.close)
        cls.prepare()
        cls.front = Front(cls.cloud, cls.ACCOUNT, cls.domain, cls.REGIONS, cls.proxy, **cls.settings())
        cls.addClassCleanup(cls.front.close)

    @classmethod
    def prepare(cls):
        """Makes what the operator has before Strait."""
        cls.service = cls.new_network("172.30.0.0/16")

    @classmethod
    def new_network(cls, cidr, **more):
        service = Service(cls.cloud, cls.home, cidr, **more)
        cls.addClassCleanup(service.close)
        return service

    @classmethod
    def settings(cls):
        """Further keys of the configuration's `[cloud]`."""
        return {}

    @classmethod
    def other_endpoints(cls):
        """Where APIs are that the cloud does not have, by their names in signatures."""
        return {}

    def new_service(self):
        return self.register()

    def register(self, service=None, **instead):
        """Registers a service; `instead` replaces options."""
        return self.front.json("service", "register", *self.registration(service, **instead), "--wait")

    def registration(self, service=None, **instead):
        """The command's options."""
        service = service or self.service
        options = {
            "host": service.address, "vpc": service.network.id, "subnets": ",".join(service.subnets),
            "region": service.region, "public_security_group": service.group,
        } | instead
        return [word for name, value in options.items() if value for word in (f"--{name.replace('_', '-')}", value)]

    def public_address(self, service):
        return self.service.public

    def provider(self, kind="ec2", region=None):
        return self.cloud.client(self.home, kind, region=region or self.REGION)

    def made(self):
        clients = ((self.provider("ec2", region), self.provider("elbv2", region)) for region in self.REGIONS)
        return sorted(found for ec2, elb in clients for found in made(ec2, elb, self.TAG))

    def behind_its_back(self, change):
        self.front.kill()
        change()

    def open_by_hand(self):
        self.service.ec2.authorize_security_group_ingress(GroupId=self.service.group, IpPermissions=tcp(PORT, ANYWHERE))

    def is_closed(self, service):
        return ANYWHERE not in self.service.rules()

    def check_rules(self, is_open):
        if is_open:
            self.assertEqual(self.service.rules(), {ANYWHERE}, "as they were")
        else:
            self.assertNotIn(ANYWHERE, self.service.rules())

    def check_dns(self, cidr, is_on):
        ours = [{"Name": "requester-vpc-info.vpc-id", "Values": [self.vpc_of(cidr)]}]
        [peering] = self.provider().describe_vpc_peering_connections(Filters=ours)["VpcPeeringConnections"]
        options = peering["RequesterVpcInfo"]["PeeringOptions"]
        self.assertEqual(options["AllowDnsResolutionFromRemoteVpc"], is_on)

    def neighbours_go_on(self):
        self.reaches("hosts of the service's own VPC go on", self.service.neighbour, self.service.address)

    def check_names(self):
        names = self.route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        self.assertEqual({row["Type"] for row in names}, {"NS", "SOA"})


class AsksNames:
    """Before an operator among the bases: the server asks a name server, `dns`, for the addresses of services."""

    @classmethod
    def setUpClass(cls):
        cls.dns = Nameserver()
        cls.addClassCleanup(cls.dns.close)
        super().setUpClass()

    @classmethod
    def settings(cls):
        return super().settings() | {"nameservers": [cls.dns.address]}

    def targets(self):
        """Where the load balancer of the one private way leads."""
        elb = self.provider("elbv2")
        [group] = elb.describe_target_groups()["TargetGroups"]
        health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        return {row["Target"]["Id"] for row in health if row["TargetHealth"]["State"] != "draining"}
