"""docs/aws.md from step 5 to the first private psql, as it is printed, in front of the local cloud. Its network and its zone are
made as it is printed too; where it has RDS, a PostgreSQL runs on a host."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import guide
from cloud import STRAIT, Cloud, free_port
from databases import Store
from on_aws import served
from stories import Customer
from test_on_aws_certificates import POSTGRES, issued

PACKAGING = os.path.join(os.path.dirname(guide.PATH), "..", "packaging")
REGION = "eu-west-1"


def setUpModule():
    Guide.cloud = Cloud()


def tearDownModule():
    if Guide.cloud:
        Guide.cloud.close()


class Guide(unittest.TestCase):
    """With packets."""

    cloud = None

    def setUp(self):
        # Not below /tmp: what runs on a host has a /tmp of its own.
        self.folder = tempfile.mkdtemp(prefix="strait-guide.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {name: value for name, value in self.cloud.environment.items() if not name.startswith("STRAIT_")}
        keys = self.cloud.account("guided")
        self.aws = {name: value for name, value in keys.items() if name.startswith("AWS_")}
        self.store = Store(os.path.join(self.folder, "store"))
        self.addCleanup(self.store.close)
        self.port = free_port()
        # What the shell that the guide is typed into knows by then.
        self.known = []

    def test_from_the_configuration_to_the_first_private_psql(self):
        steps = guide.steps()
        variables = self.network(steps)
        host, variables["HOST"], public = self.host(variables)
        self.known += [f"{name}={value}" for name, value in variables.items()]
        bundle, certificate, key = issued(self.folder, "authority", "orders.example.org")
        self.starts_postgres(host, certificate, key)
        self.configure(bundle)

        [told] = re.findall(r"`(strait server --config \S+ --check)`", guide.section("From an empty account to the first private psql"))
        self.assertIn("The configuration is sound", self.shell(told))
        self.starts_server()
        bootstrap, _, exports = guide.blocks(guide.section("The first project"))
        made = json.loads(self.shell(bootstrap))
        with open(f"{self.folder}/etc/admin_key", encoding="ascii") as file:
            made["admin_key"] = file.read()
        exports = re.sub(r"STRAIT_(\w+)=…", lambda found: f"STRAIT_{found[1]}={made[found[1].lower()]}", exports)
        self.assertIn(REGION, self.shell(exports))
        self.known.append(exports)

        customer = Customer(self.cloud, "guided-customer", "10.20.0.0/16", REGION)
        gaps = {
            "123456789012": customer.account, "vpc-…": customer.network.id, "rtb-…": customer.network.table,
            "sg-…": customer.network.default_group,
        }
        asks, accepts, waits = (filled(block, gaps) for block in steps[7])
        self.shell(asks)
        self.shell(accepts, keys=self.cloud.account("guided-customer"))
        self.shell(waits)

        from_outside = f"host={public} user=postgres dbname=postgres sslmode=verify-ca sslrootcert=etc/rds-ca.pem"
        self.assertEqual(self.psql("internet", from_outside), "1")
        [moves] = steps[8]
        self.shell(moves)
        shows, connects = steps[9]
        name = re.search(r"[a-z0-9.-]+\.db\.example\.com", self.shell(shows))[0]
        [line] = re.findall(r'^psql "(.*)"$', connects.strip())
        line = filled(line, {"SERVICE.PROJECT.db.DOMAIN": name, "user=…": "user=postgres", "dbname=…": "dbname=postgres"})
        self.assertEqual(self.psql(customer.host, line), "1")
        self.assertNotEqual(self.psql("internet", from_outside, seconds=4), "1")

    def network(self, steps):
        """Makes what the first two steps do, but for RDS; the variables that they set."""
        network, rds = steps[1]
        self.assertIn("aws rds create-db-instance", rds)
        names = ("VPC", "SUBNET_A", "SUBNET_B", "GROUP", "TABLE")
        script = "\n".join([network, *steps[2], *(f'echo "{name}=${name}"' for name in names)])
        told = self.shell(script, keys=self.aws)
        return dict(re.findall(rf"^({'|'.join(names)})=(\S+)$", told, flags=re.MULTILINE))

    def host(self, variables):
        """A host with a public address; its id and both addresses."""
        ec2 = self.cloud.client("guided", region=REGION)
        image = "ami-0123456789abcdef0"
        made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=variables["SUBNET_A"], SecurityGroupIds=[variables["GROUP"]])
        [host] = made["Instances"]
        elastic = ec2.allocate_address(Domain="vpc")
        ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=host["InstanceId"])
        return host["InstanceId"], host["PrivateIpAddress"], elastic["PublicIp"]

    def starts_postgres(self, host, certificate, key):
        command = ["unshare", "--user", "--map-user=postgres", "sh", "-c", POSTGRES, "sh", certificate, key, "5432"]
        postgres = subprocess.Popen(
            [STRAIT, "exec", host, "--", *command],
            env=self.cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.addCleanup(ended, postgres)
        self.assertEqual(postgres.stdout.readline(), "ready\n", "PostgreSQL starts")

    def configure(self, bundle):
        """`packaging/strait.toml`, for a folder of our own and the local cloud."""
        etc = os.path.join(self.folder, "etc")
        os.mkdir(etc)
        with open(os.path.join(PACKAGING, "strait.toml"), encoding="utf-8") as file:
            text = file.read().replace("/etc/strait/", f"{etc}/")
        text = re.sub(r"^# listen = .*", f'listen = "127.0.0.1:{self.port}"', text, flags=re.MULTILINE)
        text = re.sub(r"^# endpoint_url = .*", f'endpoint_url = "{self.aws["AWS_ENDPOINT_URL"]}"', text, flags=re.MULTILINE)
        key = "the-operators-key-of-this-test-machine"
        files = {"strait.toml": text, "database_url": self.store.url, "admin_key": key, "rds-ca.pem": bundle}
        for name, content in files.items():
            with open(os.path.join(etc, name), "w", encoding="utf-8") as file:
                file.write(content)

    def starts_server(self):
        url, log = f"http://127.0.0.1:{self.port}", os.path.join(self.folder, "log")
        server = served(f"{self.folder}/etc/strait.toml", self.environment | self.aws, url, log)
        self.addCleanup(ended, server)

    def shell(self, script, keys=None):
        """Types lines of the guide."""
        script = "\n".join([*self.known, script])
        here = script.replace("/etc/strait/", f"{self.folder}/etc/").replace("127.0.0.1:8470", f"127.0.0.1:{self.port}")
        return guide.run(here, self.folder, self.environment | (keys or {}))

    def psql(self, host, line, seconds=20):
        """What psql prints on a host, in the folder of the guide, or why it does not."""
        script = f"cd {self.folder} && exec psql -X -A -t -w -c 'SELECT 1' '{line} connect_timeout={seconds}'"
        done = subprocess.run(
            [STRAIT, "exec", host, "--", "sh", "-c", script],
            env=self.cloud.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
        )
        return (done.stdout or done.stderr).strip()


def filled(text, gaps):
    for gap, value in gaps.items():
        text = text.replace(gap, value)
    return text


def ended(process):
    process.terminate()
    process.wait(timeout=30)
    if process.stdout:
        process.stdout.close()


if __name__ == "__main__":
    unittest.main()
