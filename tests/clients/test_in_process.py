"""The stories of `stories.py` where the plane and the cloud are one process, `strait up`: services are Strait's own there, made and not registered."""

import json
import os
import subprocess
import unittest

from cloud import STRAIT, Cloud
from lives import Lives
from stories import Stories, World, made


class Up:
    """The Strait of a `Cloud`, as the server that is tried."""

    PACE = 0.1

    def __init__(self, cloud):
        self.cloud = cloud

    def run(self, *arguments):
        done = subprocess.run(
            [STRAIT, *arguments], env=self.cloud.environment, capture_output=True, text=True, timeout=450, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise AssertionError(f"strait {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}\n{self.logged()}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--output", "json"))

    def kill(self):
        """Ends the server as a power cut would; packets and sessions go on."""
        self.cloud.kill_server()

    def start(self):
        self.run("up", "--detach", *self.cloud.ports)

    def logged(self):
        path = os.path.join(self.cloud.data, "log", "server.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()[-6000:]


class InProcess(World):
    """With packets."""

    TAG = "strait:for"
    # The public way has a load balancer of its own.
    PARTS = {"attached": 4, "public": 2}

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        cls.front = Up(cls.cloud)

    def new_service(self):
        return self.front.json("service", "create", "--name", "orders", "--region", self.REGION, "--wait")

    def public_address(self, service):
        return service["public_endpoint"]["address"]

    def provider(self, kind="ec2"):
        return self.cloud.client("provider", kind)

    def made(self):
        """But for the VPC of all services, which stays."""
        services = self.provider().describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["strait-services"]}])["Vpcs"]
        here = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in services] or ["vpc-0"]}]
        stays = {vpc["VpcId"] for vpc in services}
        stays |= {subnet["SubnetId"] for subnet in self.provider().describe_subnets(Filters=here)["Subnets"]}
        return [found for found in made(self.provider(), self.provider("elbv2"), self.TAG) if found not in stays]

    def behind_its_back(self, change):
        """The server answers the calls of AWS too: what is changed is changed before it is killed."""
        change()
        self.front.kill()


class Story(Stories, InProcess):
    """Services are made."""


class Peerings(Lives, InProcess):
    """What customers do is seen at once."""


if __name__ == "__main__":
    unittest.main()
