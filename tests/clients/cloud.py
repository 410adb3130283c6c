"""A Strait of the tests' own, and clients for its accounts."""

import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import boto3
from botocore.config import Config

STRAIT = os.environ["STRAIT_BIN"]
REGION = "us-east-1"
IMAGE = "ami-0123456789abcdef0"
# Of listeners that must have a port before they are started.
PORTS = range(20000, 32768)


def free_port():
    """A port that nobody has. It is none of those that the kernel gives to whoever asks, so that nobody is given it before it is used."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        given = int(file.read().split()[0])
    # Where the kernel gives low ones too, there is none that is better.
    ports = range(PORTS.start, given) if given > PORTS.start else PORTS
    for _ in range(1000):
        port = random.SystemRandom().choice(ports)
        with socket.socket() as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asking.bind(("", port))
                return port
            except OSError:
                continue
    raise AssertionError(f"no port of {ports} is free")


class Cloud:
    """Starts Strait in a temporary folder, with further options of `strait up` and variables; `close` ends it and removes the folder."""

    packets = True
    private_ways = True

    def __init__(self, *options, **variables):
        self.folder = tempfile.mkdtemp(prefix="strait-clients.")
        self.data = os.path.join(self.folder, "data")
        self.accounts = {}
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "STRAIT_")) and name != "BOTO_CONFIG"
        }
        self.environment |= {
            "STRAIT_DATA_DIR": self.data,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "LC_ALL": "C.UTF-8",
        } | variables
        os.environ |= {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        try:
            # Not any ports: those that the kernel gives may be somebody else's when it is started again.
            http = free_port()
            aws = next(port for port in iter(free_port, None) if port != http)
            self.strait("up", "--detach", "--http", f"127.0.0.1:{http}", "--aws", f"127.0.0.1:{aws}", *options)
            server = self.strait_json("status")["server"]
            # What it is started with again: its clients know its ports.
            self.ports = ("--http", server["http"], "--aws", server["aws"], *options)
        except BaseException:
            self.close()
            raise

    def close(self):
        if os.path.isdir(self.data):
            self.strait("down")
        shutil.rmtree(self.folder)

    def strait(self, *arguments):
        """Runs the CLI and returns what it prints."""
        done = subprocess.run(
            [STRAIT, *arguments], env=self.environment, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise AssertionError(f"strait {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def strait_json(self, *arguments):
        return json.loads(self.strait(*arguments, "--output", "json"))

    def kill_server(self, pid=None):
        """By `kill -9`; it is gone then, so that `strait up` does not take it for one that runs. One that is stopped does not tell its `pid`."""
        pid = pid or self.strait_json("status")["server"]["pid"]
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while os.path.exists(f"/proc/{pid}"):
            if time.monotonic() > until:
                raise AssertionError(f"the server {pid} does not end")
            time.sleep(0.02)

    def agents(self, kind):
        """The resolver's or the forwarder's process."""
        wanted = f"agent {kind} --run-dir {self.data}/run"
        return [pid for pid, line in processes() if wanted in line]

    def postgres(self, folder):
        """The processes of the PostgreSQL in a folder of the data folder, its postmaster first. Their command lines do not tell: each
        sees its data at the same place."""
        data = os.path.join(self.data, folder, "data")
        found = []
        for pid, line in processes():
            try:
                is_it = "postgres" in line and os.path.samefile(f"/proc/{pid}/cwd", data)
            except OSError:
                continue
            if is_it:
                found.append((" -D " not in line, pid))
        return [pid for _, pid in sorted(found)]

    def sql(self, text):
        """What Strait's own store answers, a row a line, its columns with `|` between them."""
        [socket_] = [path for path in glob.glob(f"{self.data}/run/store/.s.PGSQL.*") if not path.endswith(".lock")]
        done = subprocess.run(
            ["psql", "-h", os.path.dirname(socket_), "-p", socket_.rsplit(".", 1)[1], "-U", "strait", "-XAtc", text, "strait"],
            env=self.environment, capture_output=True, text=True, timeout=30, check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"{text}: {done.stderr}")
        return done.stdout.strip()

    def authority(self):
        return self.strait("ca")

    def account(self, name):
        """The variables of an account, which stay as they are."""
        if name not in self.accounts:
            self.accounts[name] = json.loads(self.strait("env", "--account", name, "--format", "json"))
        return self.accounts[name]

    def client(self, account, service="ec2", region=REGION, **overrides):
        """A boto3 client of the account; `overrides` replace its keys."""
        keys = self.account(account)
        settings = {
            "endpoint_url": keys["AWS_ENDPOINT_URL"],
            "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
            "region_name": region,
            "config": Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=30),
        }
        return boto3.client(service, **(settings | overrides))

    def aws(self, account, *arguments):
        """Runs the AWS CLI; returns (status, output, errors)."""
        done = subprocess.run(
            ["aws", *arguments],
            env=self.environment | self.account(account),
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr


class Network:
    """A VPC of an account with one subnet, its main route table and its default group."""

    def __init__(self, ec2, cidr, subnet=None):
        self.ec2 = ec2
        self.id = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        ec2.get_waiter("vpc_available").wait(VpcIds=[self.id], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
        block = subnet or cidr.rsplit("/", 1)[0] + "/24"
        self.subnet = ec2.create_subnet(VpcId=self.id, CidrBlock=block)["Subnet"]["SubnetId"]
        here = [{"Name": "vpc-id", "Values": [self.id]}]
        self.table = ec2.describe_route_tables(Filters=here)["RouteTables"][0]["RouteTableId"]
        self.default_group = ec2.describe_security_groups(Filters=here)["SecurityGroups"][0]["GroupId"]

    def instance(self, group=None, **more):
        answer = self.ec2.run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=self.subnet, SecurityGroupIds=[group or self.default_group], **more
        )
        return answer["Instances"][0]


def processes():
    """All that run, with their command lines."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                found.append((int(entry), file.read().replace(b"\0", b" ").decode("utf-8", "replace")))
        except OSError:
            continue
    return found


def tcp(port, cidr):
    """One permission, as boto3 wants it."""
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}]
