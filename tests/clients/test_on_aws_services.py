"""Registered services that change while customers use them: another address behind their name, and sessions that are open at a move."""

import subprocess
import threading
import time
import unittest

from cloud import STRAIT, tcp
from databases import Database
from local_aws import Local, setUpModule, tearDownModule
from on_aws import AsksNames
from stories import ANYWHERE, PORT, Customer


class Failover(AsksNames, Local):
    """A service that is registered by its name, whose address changes as that of an RDS instance does that fails over."""

    ACCOUNT = "failing-over"
    NAME = "orders.rds.example.com"

    @classmethod
    def prepare(cls):
        cls.service = cls.new_network("172.30.0.0/16", speaker=Database)
        cls.dns.answers[cls.NAME] = cls.service.address

    def test_customers_go_on_when_the_address_changes(self):
        customer = Customer(self.cloud, "customer-failover", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register(host=self.NAME)
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        first, (_, second) = self.service.address, self.service.new_host()
        with Asking(self.cloud, customer.host, service["endpoint"]["host"]) as asking:
            self.eventually("the first host answers", asking.last, first)
            start = time.monotonic()
            self.dns.answers[self.NAME] = second
            self.eventually("the second host answers", asking.last, second, seconds=60)
            self.eventually("nothing leads to the first one", self.targets, {second}, seconds=30)
            time.sleep(3)
            self.assertEqual(asking.last(), second)
        self.assertEqual(set(asking.answers), {first, second}, "no question failed")
        changed = [action for when, action, _ in self.proxy.asked if when >= start and action in ("RegisterTargets", "DeregisterTargets")]
        self.assertEqual(changed, ["RegisterTargets", "DeregisterTargets"])

        # A name without an answer changes nothing.
        del self.dns.answers[self.NAME]
        asked = self.dns.asked
        self.eventually("it is asked for", lambda: self.dns.asked > asked + 1, True)
        self.assertEqual(self.targets(), {second})
        self.dns.answers[self.NAME] = second
        self.take_all_away()


class Balanced(AsksNames, Local):
    """A service that is registered by the load balancer that its operator has before it."""

    ACCOUNT = "balanced"

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.elb = cls.provider(cls, "elbv2")
        made = cls.elb.create_load_balancer(Name="operators", Type="network", Scheme="internal", Subnets=cls.service.subnets[:1])
        cls.balancer = made["LoadBalancers"][0]
        group = cls.elb.create_target_group(
            Name="operators", Protocol="TCP", Port=PORT, VpcId=cls.service.network.id, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        cls.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": cls.service.address, "Port": PORT}])
        leads = [{"Type": "forward", "TargetGroupArn": group}]
        cls.elb.create_listener(LoadBalancerArn=cls.balancer["LoadBalancerArn"], Protocol="TCP", Port=PORT, DefaultActions=leads)
        nodes = [{"Name": "description", "Values": ["ELB net/operators/*"]}]
        [node] = cls.service.ec2.describe_network_interfaces(Filters=nodes)["NetworkInterfaces"]
        cls.dns.answers[cls.balancer["DNSName"].lower()] = node["PrivateIpAddress"]

    def test_customers_reach_what_is_behind_it(self):
        customer = Customer(self.cloud, "customer-balanced", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register(host=None, vpc=None, subnets=None, load_balancer=self.balancer["LoadBalancerArn"])
        self.assertEqual(service["registration"]["host"], self.balancer["DNSName"])
        self.assertEqual(service["registration"]["vpc_id"], self.service.network.id)
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        self.reaches("the customer reaches it", customer.host, service["endpoint"]["host"])
        self.reaches_not("the public way is closed", "internet", self.service.public)
        self.front.run("service", "detach", service["service_id"], "--wait")
        self.reaches("it is public again", "internet", self.service.public)
        self.take_all_away()
        arns = [row["LoadBalancerArn"] for row in self.elb.describe_load_balancers()["LoadBalancers"]]
        self.assertEqual(arns, [self.balancer["LoadBalancerArn"]], "the operator's own stays")


class ByHand(Local):
    """What an operator does by hand counts at once: Strait has looked shortly before."""

    ACCOUNT = "by-hand"

    def test_a_service_is_registered_as_soon_as_it_is_open(self):
        rule = {"GroupId": self.service.group, "IpPermissions": tcp(PORT, ANYWHERE)}
        self.service.ec2.revoke_security_group_ingress(**rule)
        with self.assertRaisesRegex(AssertionError, "has no rule for exactly TCP 5432"):
            self.register()
        self.assertNotIn(ANYWHERE, self.service.rules(), "it opens nothing that it did not close")
        self.take_all_away()
        # By then nothing is in progress any more, so that a look is fresh for a minute.
        time.sleep(11)
        self.service.ec2.authorize_security_group_ingress(**rule)
        self.register()
        self.take_all_away()


class Sessions(Local):
    """Sessions that are open by a way that closes."""

    ACCOUNT = "strict"

    @classmethod
    def prepare(cls):
        cls.service = cls.new_network("172.30.0.0/16", speaker=Database)
        cls.database = cls.service.speakers[0]
        cls.database.sql("CREATE ROLE app LOGIN; CREATE ROLE unable LOGIN; CREATE ROLE sessions LOGIN CONNECTION LIMIT 4")
        cls.database.sql("GRANT pg_signal_backend, pg_read_all_stats TO sessions")

    def test_an_attachment_ends_what_is_open_by_the_public_way(self):
        told, sleeper, inside = self.attached_under_a_sleeper("sessions", "10.80.0.0/24")
        self.assertEqual(sleeper.wait(timeout=60), 2, "psql's status for a connection that is lost")
        self.assertIn("terminating connection due to administrator command", sleeper.stderr.read())
        self.assertIsNone(inside.poll(), "who is inside of the VPC sleeps on")
        self.assertNotIn("may go on", told)

    def test_a_role_without_the_right_leads_to_a_notice(self):
        told, sleeper, inside = self.attached_under_a_sleeper("unable", "10.81.0.0/24")
        self.assertIn("the role unable may not end them; GRANT pg_signal_backend, pg_read_all_stats TO unable", told)
        self.assertIsNone(sleeper.poll(), "nobody ended it")
        self.assertIsNone(inside.poll())

    def attached_under_a_sleeper(self, role, cidr):
        """Moves the service while one psql sleeps by the public way and one inside; returns what is told of it then."""
        path = f"{self.database.folder}/{role}"
        with open(path, "w", encoding="ascii") as file:
            file.write(self.database.url(role) + "\n")
        vpc = self.front.json("vpc", "create", "--cidr", cidr, "--region", self.REGION, "--wait")
        service = self.register(sessions_file=path)
        sleeper = self.sleep("internet", self.service.public)
        inside = self.sleep(self.service.neighbour, self.service.address)
        self.addCleanup(self.take_all_away)
        self.front.run("service", "attach", service["service_id"], vpc["id"], "--wait")
        return self.front.run("service", "get", service["service_id"]), sleeper, inside

    def sleep(self, host, address):
        line = f"host={address} user=app dbname=postgres"
        process = subprocess.Popen(
            [STRAIT, "exec", host, "--", "psql", "-X", "-At", line, "-c", "SELECT 'open'", "-c", "SELECT pg_sleep(300)"],
            env=self.cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(ended, process)
        self.assertEqual(process.stdout.readline(), "open\n")
        return process


class Asking:
    """A customer's program that asks PostgreSQL again and again which host it is on, each time by a new connection."""

    def __init__(self, cloud, host, name):
        line = f"host={name} user=strait dbname=postgres connect_timeout=10"
        script = f"while psql -X -At '{line}' -c 'SELECT host(inet_server_addr())' 2>&1 || echo failed; do sleep 0.1; done"
        self.process = subprocess.Popen(
            [STRAIT, "exec", host, "--", "bash", "-c", script],
            env=cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.answers = []
        self.reader = threading.Thread(target=self.read, daemon=True)

    def read(self):
        for line in self.process.stdout:
            self.answers.append(line.strip())

    def last(self):
        return self.answers[-1] if self.answers else None

    def __enter__(self):
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.reader.join(timeout=20)
        self.process.stdout.close()


def ended(process):
    process.terminate()
    process.wait(timeout=20)
    process.stdout.close()
    process.stderr.close()


if __name__ == "__main__":
    unittest.main()
