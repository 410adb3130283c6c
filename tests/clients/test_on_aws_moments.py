"""One of two servers freezes or is killed at random moments of random changes: the other one ends what was begun, and the one that comes back does
no harm."""

import collections
import dataclasses
import enum
import itertools
import os
import random
import signal
import subprocess
import time

from cloud import STRAIT
from counts import AT_WORK, in_kernel, in_store
from local_aws import setUpModule, tearDownModule
from stops import goes_on, state
from stories import LONG
from test_on_aws_frozen import Guarded

__all__ = ["Moments", "setUpModule", "tearDownModule"]

# How many: 6, or 60 in `make test-long`.
MOMENTS = 60 if LONG else 6
SEED = int(os.environ.get("STRAIT_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 32)


class Fault(enum.Enum):
    """What becomes of a server: it comes back in the end."""

    FREEZES = signal.SIGSTOP
    DIES = signal.SIGKILL


class Extra(enum.Enum):
    """What there is beside the two Peering VPCs that the service moves between."""

    NOTHING = enum.auto()
    VPC = enum.auto()
    PEERED_VPC = enum.auto()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What all is to be like. A way keeps the group that a list gave it (`grouped`) until the service moves."""

    vpc: str | None = None
    listed: bool = False
    grouped: bool = False
    extra: Extra = Extra.NOTHING

    def moved(self, vpc):
        return dataclasses.replace(self, vpc=vpc, grouped=self.listed and vpc is not None)

    def with_list(self, listed):
        return dataclasses.replace(self, listed=listed, grouped=self.vpc is not None and (listed or self.grouped))

    def beside(self, extra):
        return dataclasses.replace(self, extra=extra)


class Moments(Guarded):
    """At random moments of random changes, which are asked for at either server."""

    ACCOUNT = "moments"
    # Of the further Peering VPC.
    CIDR = "10.83.0.0/24"
    # Longer than a lease.
    FROZEN = 7

    @classmethod
    def prepare(cls):
        super().prepare()
        # An answer that comes late is a moment too.
        cls.proxy.delay = 0.05

    def test_at_random_moments(self):
        print(f"\nseed {SEED} (STRAIT_FAULT_SEED), {MOMENTS} moments")
        dice, tally = random.Random(SEED), collections.Counter()
        vpcs = (self.vpc, self.peered("10.81.0.0/24", self.customer))
        wanted = self.in_peace(vpcs)
        names = {self.front: "first", self.second: "second"}
        with self.forbidden() as knocking:
            self.check(wanted, knocking)
            moment = 0
            # The dice may miss all work.
            while moment < MOMENTS or tally["at work"] < MOMENTS // 3:
                self.assertLess(moment, 3 * MOMENTS, f"work is going on at some moments: {dict(tally)}")
                kind, words, after = self.change(dice, wanted, vpcs)
                fault, victim, asked = dice.choice(list(Fault)), *(dice.choice(list(names)) for _ in range(2))
                delay = dice.random() * self.lasts[kind]
                print(f"{moment}: {' '.join(words[:3])}, asked of the {names[asked]}; after {delay:.2f} s the {names[victim]} {fault.name.lower()}")
                if after.vpc is None:
                    knocking.may_open()
                tally.update((kind, fault.name.lower()))
                if self.strikes(fault, victim, asked, delay, words, tally):
                    wanted = after
                self.check(wanted, knocking)
                moment += 1
            knocking.check(self)
        print(f"of {moment} moments: {dict(tally)}")
        if LONG:
            self.assertGreaterEqual(tally["of the one that worked"], MOMENTS // 10)

    def in_peace(self, vpcs):
        """Counts what there is in each place of the service, and what more there is for a list and for a further Peering VPC; measures how
        long changes take. What all is like then."""
        self.lasts = {}
        # What is made at the first time and stays.
        for vpc in (*vpcs, None):
            self.ends_in_peace("move", *self.move(vpc))
        self.places = {None: self.there_is()}
        for vpc in vpcs:
            self.ends_in_peace("move", *self.move(vpc))
            self.places[vpc] = self.there_is()
        self.ends_in_peace("list", *self.listing(True))
        self.group = self.more_than(self.places[vpc])
        self.ends_in_peace("list", *self.listing(False))
        before = self.there_is()
        self.extras = {Extra.NOTHING: collections.Counter()}
        for former, extra in itertools.pairwise(Extra):
            self.ends_in_peace("extra", *self.words(former, extra))
            self.extras[extra] = self.more_than(before)
        return Wanted(vpc, grouped=True, extra=extra)

    def ends_in_peace(self, kind, *words):
        start = time.monotonic()
        self.front.run(*words)
        [last] = self.front.json("operation", "list", "--limit", "1")
        ended = self.front.json("operation", "get", last["id"], "--wait")
        self.assertEqual(ended["state"], "succeeded", ended)
        self.lasts[kind] = time.monotonic() - start

    def change(self, dice, wanted, vpcs):
        """What kind of change, its words, and what is wanted then."""
        kind = dice.choice(("move", "move", "list", "extra", "extra"))
        if kind == "move":
            vpc = dice.choice([place for place in (*vpcs, None) if place != wanted.vpc])
            return kind, self.move(vpc), wanted.moved(vpc)
        if kind == "list":
            listed = not wanted.listed
            return kind, self.listing(listed), wanted.with_list(listed)
        extra = dice.choice([extra for extra in Extra if abs(extra.value - wanted.extra.value) == 1])
        return kind, self.words(wanted.extra, extra), wanted.beside(extra)

    def move(self, vpc):
        return ("service", "attach", self.service_id, vpc) if vpc else ("service", "detach", self.service_id)

    def listing(self, listed):
        """A list without the customer."""
        ranges = ("set", self.service_id, "--private", "10.99.0.0/16") if listed else ("clear", self.service_id, "--private")
        return ("service", "allow", *ranges, "--yes")

    def words(self, former, extra):
        """What makes or deletes the further Peering VPC, or its connection."""
        if former is Extra.NOTHING:
            return ("vpc", "create", "--cidr", self.CIDR, "--region", self.REGION)
        [vpc] = self.further()
        if extra is Extra.NOTHING:
            return ("vpc", "delete", vpc, "--yes")
        if extra is Extra.PEERED_VPC:
            customer = self.customer
            return ("peering", "create", vpc, "--account", customer.account, "--vpc-id", customer.network.id, "--region", customer.region)
        [peering] = self.front.json("peering", "list", "--vpc", vpc)
        return ("peering", "delete", peering["id"], "--yes")

    def further(self):
        """The further Peering VPC, if it is there."""
        return [row["id"] for row in self.second.json("vpc", "list") if row["cidr"] == self.CIDR]

    def strikes(self, fault, victim, asked, delay, words, tally):
        """Asks for a change; meanwhile one of the servers freezes or dies, and the other one ends what was begun. Whether the change was
        written: its asker may die with it."""
        other = self.other(victim)
        [before] = other.json("operation", "list", "--limit", "1")
        with subprocess.Popen(
            [STRAIT, *words, "--output", "json"], env=asked.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as asking:
            time.sleep(delay)
            pid = victim.server.pid
            try:
                os.kill(pid, fault.value)
                start = time.monotonic()
                self.count(victim, tally)
                if asked is other:
                    told = asking.communicate(timeout=60)
                    self.assertEqual(asking.returncode, 0, told)
                written = self.is_ended(other, before, words)
                self.assertTrue(written or asked is victim, "what the other one was asked for is written")
                if fault is Fault.FREEZES:
                    time.sleep(max(0, start + self.FROZEN - time.monotonic()))
                    self.assertEqual(state(pid), "T", "it is frozen to the end")
            finally:
                if fault is Fault.FREEZES:
                    goes_on(pid)
                else:
                    victim.kill()
                    victim.start()
            asking.communicate(timeout=60)
        if fault is Fault.FREEZES:
            time.sleep(self.THAWED)
        return self.is_ended(other, before, words)

    def is_ended(self, server, before, words):
        """Whether there is one more operation than before, which this server tells the end of."""
        rows = server.json("operation", "list", "--limit", "3")
        new = list(itertools.takewhile(lambda row: row["id"] != before["id"], rows))
        self.assertLessEqual(len(new), 1, "nothing is done twice")
        for row in new:
            ended = server.json("operation", "get", row["id"], "--wait", "--timeout", "60")
            self.assertEqual((ended["action"].partition("-")[0], ended["state"]), (f"{words[0]}.{words[1]}", "succeeded"), ended)
        return bool(new)

    def count(self, victim, tally):
        """Whether work is going on, and whose it is."""
        holders = self.sql("""
            SELECT coalesce(lease.holder, 'nobody') FROM strait.operation LEFT JOIN strait.lease ON until > clock_timestamp()
                AND (key = object_kind || ':' || object_id OR object_kind = 'peering' AND key LIKE 'vpc:%')
            WHERE ended IS NULL
        """).split()
        tally.update({"at work": bool(holders), "of the one that worked": self.id_of(victim) in holders})

    def check(self, wanted, knocking):
        shown = self.second.json("service", "get", self.service_id, "--wait")
        self.assertTrue(shown["network"]["settled"], shown)
        self.assertEqual(shown["network"]["now"], f"vpc:{wanted.vpc}" if wanted.vpc else "public")
        lists = self.second.json("service", "allow", "list", self.service_id)
        self.assertEqual((lists["private"] is not None, lists["in_effect"]), (wanted.listed, True), lists)
        if wanted.vpc is None:
            self.reaches("the internet reaches it", "internet", self.service.public)
        else:
            knocking.closed()
            shut_out = lambda: self.hears(self.customer.host, self.host) != "PostgreSQL"
            self.eventually("the customer reaches it, or is not in the list", shut_out, wanted.listed)
        self.check_extra(wanted.extra)
        counts = self.sum(self.places[wanted.vpc], self.extras[wanted.extra], self.group if wanted.grouped else {})
        self.eventually("there is what there is in peace", self.counted, counts, seconds=30)
        self.check_rules(is_open=wanted.vpc is None)

    def check_extra(self, extra):
        vpcs = self.further()
        self.assertEqual(len(vpcs), 0 if extra is Extra.NOTHING else 1)
        asked = [row["accepter_provisioned_id"] for vpc in vpcs for row in self.second.json("peering", "list", "--vpc", vpc)]
        self.assertEqual(len(asked), 1 if extra is Extra.PEERED_VPC else 0)
        from_there = [
            {"Name": "requester-vpc-info.cidr-block", "Values": [self.CIDR]}, {"Name": "status-code", "Values": ["pending-acceptance"]},
        ]
        found = self.customer.ec2.describe_vpc_peering_connections(Filters=from_there)["VpcPeeringConnections"]
        self.assertEqual([row["VpcPeeringConnectionId"] for row in found], asked, "the customer sees one request")

    def there_is(self):
        """Once nobody works."""
        at_work = lambda: {name: found for name, found in self.counted().items() if name in AT_WORK and found}
        self.eventually("nobody works", at_work, {}, seconds=30)
        return self.counted()

    def more_than(self, before):
        found = self.there_is()
        found.subtract(before)
        return found

    def sum(self, *counts):
        total = collections.Counter()
        for one in counts:
            total.update(one)
        return total

    def counted(self):
        """How much there is of each kind, in the cloud, the kernel and the store."""
        kinds = collections.Counter(id_.rpartition("/net/")[0] or id_.rpartition(":targetgroup/")[0] or id_.rpartition("-")[0] for id_ in self.made())
        kinds.update(in_kernel(self.cloud, []) | in_store(self))
        return kinds
