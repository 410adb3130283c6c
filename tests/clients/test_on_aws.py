"""Strait on AWS, proved where packets obey: `strait server` knows Strait's own local cloud by the AWS APIs only."""

import collections
import time
import unittest

from fault_proxy import BROKEN, LOST, SILENT, THROTTLED, changes, looks
from lives import Lives
from local_aws import Local, setUpModule, tearDownModule
from on_aws import AsksNames
from stories import LONG, Customer, Stories
from test_on_aws_servers import Two


class Story(Stories, Local):
    """With packets, both ways."""

    ACCOUNT = "operator"


class Peerings(Lives, Local):
    """What customers do is found by looking once a minute."""

    ACCOUNT = "lives"


class Faults(Local):
    """Every call that changes something fails at first, in each way that calls fail."""

    ACCOUNT = "unlucky"

    # More than the SDK repeats by itself, so that the server hears of it.
    MANY = 4
    # What fails so often costs the server's own patience: some of the calls in `make test`, all in `make test-long`.
    PARTS = 5 if LONG else 12

    def test_answers_that_are_lost_double_nothing(self):
        self.through(LOST, 1)

    def test_errors_of_aws_are_got_over(self):
        self.in_parts(BROKEN)

    def test_throttling_is_got_over(self):
        self.in_parts(THROTTLED)

    @unittest.skipUnless(LONG, "takes minutes: make test-long")
    def test_silence_is_got_over(self):
        self.through(SILENT, 1)

    def test_looks_that_fail_are_got_over(self):
        """Each look fails at first, more often than the SDK repeats it, and then once each time."""
        if not LONG:
            self.through(THROTTLED, self.MANY, 0, self.PARTS, looks)
            return
        # What nobody answers takes 12 s: some looks are enough for eleven minutes.
        for mode, times, parts in ((THROTTLED, self.MANY, 1), (BROKEN, self.MANY, 1), (LOST, 1, 1), (SILENT, 1, self.PARTS)):
            with self.subTest(mode):
                self.through(mode, times, 0, parts, looks)

    def in_parts(self, mode):
        for part in range(self.PARTS if LONG else 1):
            self.through(mode, self.MANY, part, self.PARTS)

    def through(self, mode, times, part=0, parts=1, which=changes):
        customer = Customer(self.cloud, f"customer-{mode}-{part}-{which.__name__}", "10.20.0.0/16")
        second = self.peered("10.81.0.0/24", customer)
        self.proxy.fail(mode, times, part, parts, which)
        self.addCleanup(self.proxy.fail, None)
        first = self.peered("10.80.0.0/24", customer)
        service = self.register()
        for vpc in (first, second):
            self.front.run("service", "attach", service["service_id"], vpc, "--wait")
            self.reaches("the customer reaches it", customer.host, service["endpoint"]["host"])
            self.reaches_not("the public way is closed", "internet", self.service.public)
            kinds = collections.Counter(kind(found) for found in self.made())
            wanted = {"vpc": 2, "subnet": 4, "sg": 3, "pcx": 2, "vpce-svc": 1, "vpce": 1, "loadbalancer": 1, "targetgroup": 1}
            self.assertEqual(dict(kinds), wanted)
        self.take_all_away()
        fewest = 30 if parts == 1 else 12
        self.assertGreater(self.proxy.failed, fewest, "calls did fail")


class Living(Local):
    """What others change while the server lives and nobody asks it for anything."""

    ACCOUNT = "alive"
    # A round takes a minute, and what it finds fresh is seen by the next one.
    MINUTES = 180

    def test_what_is_done_behind_its_back_is_mended_within_minutes(self):
        customer = Customer(self.cloud, "customer-alive", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register()
        name = service["endpoint"]["host"]
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        self.reaches("the customer reaches it", customer.host, name)
        # By then nothing is in progress any more that is looked at closely.
        time.sleep(11)
        before = self.made()
        [endpoint] = self.spoil("10.80.0.0/24", "10.20.0.0/16")
        self.open_by_hand()
        self.delete_listener()
        self.reaches_not("the way is broken", customer.host, name)
        self.reaches("and it is open", "internet", self.service.public)

        until = time.monotonic() + self.MINUTES
        healed = {
            "the public way is closed": lambda: self.is_closed(service),
            "the route back is there": lambda: "10.20.0.0/16" in self.routes("10.80.0.0/24"),
            "an endpoint is there": lambda: len(self.made()) == len(before),
            "the customer reaches it": lambda: self.hears(customer.host, name) == "PostgreSQL",
        }
        for what, look in healed.items():
            self.eventually(what, look, True, seconds=until - time.monotonic())
        self.reaches_not("the public way is closed", "internet", self.service.public)
        self.assertEqual(set(before) - set(self.made()), {endpoint}, "all else is what it was")
        self.take_all_away()

    def delete_listener(self):
        elb = self.provider("elbv2")
        [balancer] = elb.describe_load_balancers()["LoadBalancers"]
        [listener] = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        elb.delete_listener(ListenerArn=listener["ListenerArn"])


class Steady(AsksNames, Two):
    """What it costs when nothing happens: two servers on one store, two Regions, a Peering VPC in each, three peering connections, a
    service that is registered by its name and one by its address."""

    ACCOUNT = "idle"
    REGIONS = ("us-east-1", "eu-west-1")
    NAME = "orders.rds.example.com"
    REGISTRATION = {"host": NAME}

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.dns.answers[cls.NAME] = cls.service.address
        cls.other = cls.new_network("172.31.0.0/16", region=cls.REGIONS[1])

    def test_each_kind_is_asked_for_once_a_minute_at_most(self):
        far = self.front.json("vpc", "create", "--cidr", "10.90.0.0/24", "--region", self.REGIONS[1], "--wait")
        self.join(far, self.customer)
        self.join(far, Customer(self.cloud, "customer-far", "10.21.0.0/16"))
        service = self.register(self.other)
        self.front.run("service", "attach", service["service_id"], far["id"], "--wait")
        # What the other one sees by that is its own.
        self.attach_by_who_does_not_watch()
        start, names = self.calm_minute()
        asked = self.proxy.in_regions_since(start)
        self.assertEqual({what: count for what, count in asked.items() if count > 1}, {})
        # What is asked for once a minute may lie just before this one.
        since = self.proxy.in_regions_since(start - 20)
        looked = {region for action, region in since if action == "DescribeVpcPeeringConnections"}
        self.assertEqual(looked, set(self.REGIONS), "it looks")
        self.assertGreater(names, 5, "names are asked for")
        for server in (self.front, self.second):
            self.assertEqual(len(server.json("service", "list")), 2)

    def calm_minute(self):
        """When one began in which the watch did not pass on, as it does when a server stalls, and how often names were asked for in it."""
        for _ in range(3):
            time.sleep(75)
            start, names = time.monotonic(), self.dns.asked
            watched = {self.watch()}
            # What is late by some seconds makes what comes next look early.
            while time.monotonic() < start + 55:
                time.sleep(0.5)
                watched.add(self.watch())
            if len(watched) == 1 and "" not in watched:
                return start, self.dns.asked - names
        self.fail("the watch passes on each time")

    def watch(self):
        """Who watches AWS; nobody, where the lease was not renewed in time: its holder looks at everything anew if that goes on."""
        return self.sql("SELECT holder FROM strait.lease WHERE key = 'watch' AND until > clock_timestamp() + interval '1.5 seconds'")


def kind(found):
    """What an id or ARN is of."""
    return found.split(":")[5].split("/")[0] if found.startswith("arn:") else found.rsplit("-", 1)[0]
