"""Strait on AWS, proved where packets obey: `strait server` knows Strait's own local cloud by the AWS APIs only."""

import collections
import time
import unittest

from fault_proxy import BROKEN, LOST, SILENT, THROTTLED, changes, looks
from lives import Lives
from local_aws import Local, setUpModule, tearDownModule
from stories import LONG, Customer, Stories


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
    PARTS = 5

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
        for mode, times in ((THROTTLED, self.MANY), (BROKEN, self.MANY), (LOST, 1)):
            with self.subTest(mode):
                self.through(mode, times, which=looks)

    def in_parts(self, mode):
        for part in range(self.PARTS if LONG else 1):
            self.through(mode, self.MANY, part, self.PARTS)

    def through(self, mode, times, part=0, parts=1, which=changes):
        customer = Customer(self.cloud, f"customer-{mode}-{part}-{which.__name__}", "10.20.0.0/16")
        self.proxy.fail(mode, times, part, parts, which)
        self.addCleanup(self.proxy.fail, None)
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register()
        self.front.run("service", "attach", service["service_id"], vpc, "--wait")
        name = service["endpoint"]["host"]
        self.reaches("the customer reaches it", customer.host, name)
        kinds = collections.Counter(kind(found) for found in self.made())
        wanted = {"vpc": 1, "subnet": 2, "sg": 2, "pcx": 1, "vpce-svc": 1, "vpce": 1, "loadbalancer": 1, "targetgroup": 1}
        self.assertEqual(dict(kinds), wanted)
        self.take_all_away()
        fewest = 30 if parts == 1 else 12
        self.assertGreater(self.proxy.failed, fewest, "calls did fail")


class Steady(Local):
    """What it costs when nothing happens: two Peering VPCs, three peering connections, two services."""

    ACCOUNT = "idle"

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.other = cls.new_network("172.31.0.0/16")

    def test_each_kind_is_asked_for_once_a_minute_at_most(self):
        first, second = (Customer(self.cloud, f"customer-idle-{number}", f"10.2{number}.0.0/16") for number in range(2))
        vpcs = [self.front.json("vpc", "create", "--cidr", f"10.8{number}.0.0/24", "--region", self.REGION, "--wait") for number in range(2)]
        for vpc, customer in ((vpcs[0], first), (vpcs[0], second), (vpcs[1], first)):
            self.join(vpc, customer)
        for vpc, own in zip(vpcs, (self.service, self.other)):
            service = self.register(own)
            self.front.run("service", "attach", service["service_id"], vpc["id"], "--wait")
        time.sleep(75)
        start = time.monotonic()
        time.sleep(58)
        asked = self.proxy.since(start)
        self.assertTrue(asked, "it looks")
        self.assertEqual({action: count for action, count in asked.items() if count > 1}, {})
        self.take_all_away()


def kind(found):
    """What an id or ARN is of."""
    return found.split(":")[5].split("/")[0] if found.startswith("arn:") else found.rsplit("-", 1)[0]
