"""Tiger Cloud's Terraform provider, unmodified, against Strait's GraphQL, and the customer's half by the AWS CLI in the same run.

The registry's AWS provider is not to be had here: `terraform_data`, which is built into Terraform, makes the customer's calls."""

import json
import os
import subprocess
import time
import unittest

from cloud import STRAIT, Cloud, Network

PROVIDER = os.path.join(os.environ["STRAIT_TIGER"], "provider")
REGION = "us-east-1"
CUSTOMERS = "eu-central-1"
CLOUD = None
VPC, PEERING, SERVICE = "timescale_vpcs.ours", "timescale_peering_connection.customer", "timescale_service.orders"
SECOND, LEDGER, SHOWN = "timescale_vpcs.second", "timescale_service.ledger", "data.timescale_service.ledger"

WHO = """
terraform {
  required_providers {
    timescale = { source = "timescale/timescale" }
  }
}

variable "project" {}
variable "access_key" {}
variable "secret_key" {}
variable "account" {}
variable "customers_vpc" {}
variable "name" { default = "from-terraform" }
variable "ranges" {
  type    = list(string)
  default = ["10.81.1.0/24", "10.81.0.0/24"]
}

provider "timescale" {
  project_id = var.project
  access_key = var.access_key
  secret_key = var.secret_key
}
"""

NETWORK = """
resource "timescale_vpcs" "ours" {
  cidr        = "10.80.0.0/24"
  name        = var.name
  region_code = "us-east-1"
}

resource "timescale_peering_connection" "customer" {
  timescale_vpc_id = timescale_vpcs.ours.id
  peer_account_id  = var.account
  peer_region_code = "eu-central-1"
  peer_vpc_id      = var.customers_vpc
  peer_cidr_blocks = var.ranges
}
"""

REST = """
variable "table" {}

resource "timescale_service" "orders" {
  name            = "${var.name}-orders"
  region_code     = "us-east-1"
  vpc_id          = timescale_vpcs.ours.id
  environment_tag = "PROD"
}

resource "timescale_vpcs" "second" {
  cidr        = "10.80.1.0/24"
  name        = "second"
  region_code = "us-east-1"
}

# One that is moved, stopped and started, with a password of one's own.
variable "home" { default = "ours" }
variable "paused" { default = false }
variable "password" { default = "correct horse battery" }

resource "timescale_service" "ledger" {
  name        = "ledger"
  region_code = "us-east-1"
  vpc_id      = try({ ours = timescale_vpcs.ours.id, second = timescale_vpcs.second.id }[var.home], null)
  password    = var.password
  paused      = var.paused
}

data "timescale_service" "ledger" {
  id = timescale_service.ledger.id
}

# The customer's half: accepts, and leads the Peering VPC's range to the connection.
resource "terraform_data" "accepted" {
  triggers_replace = timescale_peering_connection.customer.accepter_provisioned_id
  provisioner "local-exec" {
    command = "aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${self.triggers_replace}"
  }
}

resource "terraform_data" "route" {
  depends_on       = [terraform_data.accepted]
  triggers_replace = [var.table, timescale_vpcs.ours.cidr, timescale_peering_connection.customer.accepter_provisioned_id]
  provisioner "local-exec" {
    command = "aws ec2 create-route --route-table-id ${self.triggers_replace[0]} --destination-cidr-block ${self.triggers_replace[1]} --vpc-peering-connection-id ${self.triggers_replace[2]}"
  }
}

data "timescale_products" "all" {}

data "timescale_vpcs" "all" {
  depends_on = [timescale_peering_connection.customer]
}
"""


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Terraform:
    """A folder with a configuration and its state."""

    def __init__(self, folder, *texts, **variables):
        keys = CLOUD.account("provider")
        self.folder = os.path.join(CLOUD.folder, folder)
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "main.tf"), "w") as file:
            file.write("".join(texts))
        settings = os.path.join(self.folder, "settings.tfrc")
        with open(settings, "w") as file:
            file.write(f'provider_installation {{\n  dev_overrides {{\n    "timescale/timescale" = "{PROVIDER}"\n  }}\n}}\n')
        customer = CLOUD.account("customer") | {"AWS_REGION": CUSTOMERS, "AWS_DEFAULT_REGION": CUSTOMERS}
        self.environment = CLOUD.environment | customer
        self.environment |= {
            "HOME": self.folder,
            "TF_CLI_CONFIG_FILE": settings,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "TIMESCALE_DEV_URL": keys["TIMESCALE_DEV_URL"],
            "TF_VAR_project": keys["STRAIT_PROJECT_ID"],
            "TF_VAR_access_key": keys["STRAIT_PUBLIC_KEY"],
            "TF_VAR_secret_key": keys["STRAIT_SECRET_KEY"],
        }
        self.environment |= {f"TF_VAR_{name}": value for name, value in variables.items()}

    def run(self, *arguments, **variables):
        """(status, output)"""
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environment | {f"TF_VAR_{name}": value for name, value in variables.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout

    def does(self, *arguments, **variables):
        status, output = self.run(*arguments, **variables)
        if status != 0:
            raise AssertionError(f"terraform {' '.join(arguments)}: status {status}\n{output}")
        return output

    def state(self):
        """What Terraform keeps of each resource, by its address."""
        done = subprocess.run(
            ["terraform", "show", "-json"], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        resources = json.loads(done.stdout)["values"]["root_module"]["resources"]
        return {resource["address"]: resource["values"] for resource in resources}


class Example(unittest.TestCase):
    """The example of the provider's page about peering connections: VPC, peering, the customer's half; and a service in it."""

    @classmethod
    def setUpClass(cls):
        cls.customer = Network(CLOUD.client("customer", region=CUSTOMERS), "10.81.0.0/16", "10.81.0.0/24")
        cls.customer.instance(
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "app"}]}]
        )
        cls.variables = {
            "account": CLOUD.account("customer")["STRAIT_ACCOUNT_ID"],
            "customers_vpc": cls.customer.id,
            "table": cls.customer.table,
        }
        cls.terraform = Terraform("example", WHO, NETWORK, REST, **cls.variables)
        cls.applied = cls.terraform.run("apply", "-auto-approve")

    def test_1_it_is_applied(self):
        status, output = self.applied
        self.assertEqual(status, 0, output)
        made = self.terraform.state()
        vpc, peering, service = made[VPC], made[PEERING], made[SERVICE]
        self.assertEqual((vpc["status"], vpc["cidr"], vpc["error_message"]), ("CREATED", "10.80.0.0/24", ""))
        self.assertRegex(vpc["provisioned_id"], "^vpc-")
        self.assertRegex(peering["provisioned_id"], "^pcx-")
        self.assertEqual(peering["accepter_provisioned_id"], peering["provisioned_id"])
        self.assertEqual(peering["vpc_id"], vpc["provisioned_id"])
        self.assertEqual(peering["peer_cidr_blocks"], ["10.81.1.0/24", "10.81.0.0/24"])
        self.assertEqual((service["vpc_id"], service["environment_tag"]), (vpc["id"], "PROD"))
        self.assertEqual((service["port"], service["username"]), (5432, "tsdbadmin"))
        self.assertIn(REGION, [plan["region_code"] for plan in made["data.timescale_products.all"]["products"][0]["plans"]])
        shown = next(each for each in made["data.timescale_vpcs.all"]["vpcs"] if each["id"] == vpc["id"])
        self.assertEqual(shown["peering_connections"][0]["id"], peering["id"])
        shown, ledger = made[SHOWN], made[LEDGER]
        self.assertEqual((shown["id"], shown["name"], shown["region_code"]), (ledger["id"], "ledger", REGION))
        self.assertEqual((shown["vpc_id"], shown["environment_tag"]), (vpc["id"], ledger["environment_tag"]))
        self.assertEqual((shown["spec"]["hostname"], shown["spec"]["port"]), (ledger["hostname"], 5432))
        self.assertEqual(shown["resources"][0]["spec"]["milli_cpu"], 500)

    def test_2_packets_pass_as_it_says(self):
        made = self.terraform.state()
        for service in (made[SERVICE], made[LEDGER]):
            self.answers("app", service)
            self.refuses("internet", service)
        self.refuses("app", made[LEDGER], "password authentication failed", password="another than that")
        self.assertEqual(made[LEDGER]["password"], "correct horse battery")
        self.assertGreater(len(made[SERVICE]["password"]), 20)

    def test_3_a_second_plan_changes_nothing(self):
        self.plans(0)
        # Ranges are a set.
        self.plans(0, ranges='["10.81.0.0/24", "10.81.1.0/24"]')
        self.plans(2, ranges='["10.81.0.0/24"]')

    def test_4_names_and_ranges_change_in_place(self):
        before = self.terraform.state()
        changed = {"name": "renamed", "ranges": '["10.81.0.0/24"]', "home": "second", "password": "battery horse"}
        self.terraform.does("apply", "-auto-approve", **changed)
        after = self.terraform.state()
        # In the same run a service goes from one VPC to the other: its name and id stay, and nobody has a way to that VPC yet.
        moved = after[LEDGER]
        self.assertEqual((moved["vpc_id"], before[LEDGER]["vpc_id"]), (after[SECOND]["id"], after[VPC]["id"]))
        self.assertEqual((moved["id"], moved["hostname"]), (before[LEDGER]["id"], before[LEDGER]["hostname"]))
        self.assertEqual(CLOUD.strait_json("service", "get", moved["id"])["network"]["now"], f"vpc:{after[SECOND]['id']}")
        self.refuses("app", moved)
        self.refuses("internet", moved)
        for resource, name in [(VPC, "renamed"), (SERVICE, "renamed-orders")]:
            self.assertEqual(after[resource]["name"], name)
            self.assertEqual(after[resource]["id"], before[resource]["id"])
        self.assertEqual(after[PEERING]["peer_cidr_blocks"], ["10.81.0.0/24"])
        self.assertEqual(after[PEERING]["provisioned_id"], before[PEERING]["provisioned_id"])
        self.assertEqual(CLOUD.strait_json("vpc", "get", "renamed")["id"], str(before[VPC]["id"]))
        type(self).changed = changed
        self.plans(0, **changed)

    def test_5_what_is_there_is_imported(self):
        made = self.terraform.state()
        imported = Terraform("imported", WHO, NETWORK, **self.variables, name="renamed", ranges='["10.81.0.0/24"]')
        imported.does("import", "timescale_vpcs.ours", "renamed")
        imported.does("import", "timescale_peering_connection.customer", f"{made[PEERING]['id']},{made[VPC]['id']}")
        status, output = imported.run("plan", "-detailed-exitcode")
        self.assertEqual(status, 0, output)
        service = """
resource "timescale_service" "orders" {
  name            = "renamed-orders"
  region_code     = "us-east-1"
  vpc_id          = %s
  environment_tag = "PROD"
}
""" % made[VPC]["id"]
        imported = Terraform("imported-service", WHO, service, **self.variables)
        imported.does("import", SERVICE, made[SERVICE]["id"])
        status, output = imported.run("plan", "-detailed-exitcode")
        self.assertEqual(status, 0, output)
        got = imported.state()[SERVICE]
        self.assertEqual((got["hostname"], got["port"]), (made[SERVICE]["hostname"], 5432))

    def test_6_a_service_stops_and_starts_and_becomes_public(self):
        self.changed |= {"paused": "true"}
        self.terraform.does("apply", "-auto-approve", **self.changed)
        made = self.terraform.state()[LEDGER]
        self.assertIs(made["paused"], True)
        self.assertEqual(CLOUD.strait_json("service", "get", made["id"])["status"], "PAUSED")
        self.plans(0, **self.changed)
        self.changed |= {"paused": "false", "home": "none"}
        self.terraform.does("apply", "-auto-approve", **self.changed)
        made = self.terraform.state()[LEDGER]
        self.assertEqual((made["paused"], made["vpc_id"]), (False, None))
        self.answers("internet", made)
        self.plans(0, **self.changed)

    def test_7_what_cannot_be_is_refused_in_words(self):
        no_access = Terraform("refused", WHO, NETWORK, **self.variables, secret_key="wrong")
        status, output = no_access.run("plan")
        self.assertEqual(status, 1)
        self.assertIn("the public key or the secret key is wrong", flat(output))
        large = 'resource "timescale_service" "large" {\n  milli_cpu = 1000\n  memory_gb = 4\n}\n'
        large = Terraform("large", WHO, large, **self.variables)
        status, output = large.run("apply", "-auto-approve")
        self.assertEqual(status, 1)
        self.assertIn("services share the machine", flat(output))

    def test_8_it_is_destroyed(self):
        self.terraform.does("destroy", "-auto-approve", **self.changed)
        until = time.monotonic() + 90
        while CLOUD.strait_json("vpc", "list") or CLOUD.strait_json("service", "list"):
            self.assertLess(time.monotonic(), until, "all of it goes")
            time.sleep(0.5)

    def answers(self, host, service):
        """That the service answers there, by what the state says of it."""
        until = time.monotonic() + 60
        while (got := select_one(host, service)) != (0, "1\n"):
            self.assertLess(time.monotonic(), until, got[1])
            time.sleep(0.5)

    def refuses(self, host, service, words="", password=None):
        # What is told has to be waited for.
        status, output = select_one(host, service, password, seconds=20 if words else 3)
        self.assertNotEqual(status, 0, f"{service['name']} from {host}")
        self.assertIn(words, output)

    def plans(self, expected, **variables):
        """That a plan has this status: 0 nothing to do, 2 changes."""
        status, output = self.terraform.run("plan", "-detailed-exitcode", **variables)
        self.assertEqual(status, expected, output)


def flat(text):
    """Terraform breaks lines and draws a bar beside them."""
    return " ".join(text.replace("│", " ").split())


def select_one(host, service, password=None, seconds=20):
    password = password or service["password"]
    line = f"host={service['hostname']} user=tsdbadmin dbname=tsdb password='{password}' sslmode=require connect_timeout={seconds}"
    return in_host(host, "psql", line, "-Atc", "select 1")


def in_host(host, *command):
    """Runs a command in an instance or in the internet; returns (status, output)."""
    done = subprocess.run(
        [STRAIT, "exec", host, "--", *command],
        env=CLOUD.environment,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr
