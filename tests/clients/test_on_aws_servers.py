"""Two servers on one store: they share the work, and when one dies, freezes or loses the store, the other goes on with it."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from cloud import STRAIT, free_port
from local_aws import Local, setUpModule, tearDownModule
from on_aws import AsksNames, served
from stories import Customer

# Once a lease has ended: the other server looks every 2 s, and the store ends what the first one still had open after 2 s.
PASSES_ON = 10


class Two(Local):
    """`front` is the first server; the second one reaches the store by a relay that can be cut."""

    REGISTRATION = {}
    numbers = itertools.count()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relay = Relay(int(re.search(r":(\d+)/", cls.front.store.url)[1]))
        cls.addClassCleanup(cls.relay.close)
        cls.second = Second(cls.front, cls.relay.port)
        cls.addClassCleanup(cls.second.close)
        cls.customer = Customer(cls.cloud, f"customer-{cls.ACCOUNT}", "10.20.0.0/16")

    def setUp(self):
        # The customer's routes to former ones are still there.
        self.vpc = self.peered(f"10.80.{next(self.numbers)}.0/24", self.customer)
        self.service_id = self.register(**self.REGISTRATION)["service_id"]
        self.host = self.front.json("service", "get", self.service_id)["endpoint"]["host"]
        self.addCleanup(self.take_all_away)

    def holder(self, now=False):
        """Who has, or had last, the lease of the service."""
        return self.holder_of(f"service:{self.service_id}", now)

    def watcher(self):
        """Who watches AWS."""
        return self.holder_of("watch", now=True)

    def holder_of(self, key, now=False):
        still = "AND until > clock_timestamp()" if now else ""
        return self.sql(f"SELECT holder FROM strait.lease WHERE key = '{key}' {still}")

    def attach_by_who_does_not_watch(self):
        for _ in range(3):
            with self.no_work_for_who_watches():
                self.front.run("service", "attach", self.service_id, self.vpc, "--wait")
            if self.holder() != self.watcher():
                return
            self.front.run("service", "detach", self.service_id, "--wait")
        self.fail("the watch passes on each time")

    @contextlib.contextmanager
    def no_work_for_who_watches(self):
        """Whoever watches gets no lease of an object meanwhile."""
        self.sql("""
            CREATE OR REPLACE FUNCTION strait.keep_from_watcher() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RETURN CASE WHEN NEW.holder IS DISTINCT FROM (SELECT holder FROM strait.lease WHERE key = 'watch') THEN NEW END;
            END $$;
            CREATE TRIGGER keep_from_watcher BEFORE INSERT OR UPDATE ON strait.lease FOR EACH ROW
                WHEN (NEW.key LIKE 'service:%' OR NEW.key LIKE 'vpc:%') EXECUTE FUNCTION strait.keep_from_watcher();
        """)
        try:
            yield
        finally:
            self.sql("DROP TRIGGER keep_from_watcher ON strait.lease")

    def other(self, server):
        return self.second if server is self.front else self.front

    def id_of(self, server):
        """As which a server holds leases: the one that it wrote down last."""
        with open(server.log_path, encoding="utf-8", errors="replace") as file:
            plain = re.sub(r"\x1b\[[0-9;]*m", "", file.read())
        return re.findall(r'holder="?(\w{16})', plain)[-1]

    def sql(self, text):
        done = subprocess.run(
            ["psql", "-XAtc", text, self.front.store.url], capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout.strip()


class Servers(Two):
    """They work, die, freeze and lose the store."""

    ACCOUNT = "many"
    # The operation that a server was caught at last.
    caught = None

    @classmethod
    def prepare(cls):
        super().prepare()
        # An answer that comes late is a moment in which a server can die.
        cls.proxy.delay = 0.05

    def test_each_takes_wishes_works_and_tells_of_what_the_other_did(self):
        workers = set()
        for turn in range(12):
            server = (self.front, self.second)[turn % 2]
            asked = server.json("service", *self.move(turn))["operation_id"]
            other = (self.second, self.front)[turn % 2]
            ended = other.json("operation", "get", asked, "--wait")
            self.assertEqual(ended["state"], "succeeded", ended)
            self.assertIn(asked, other.run("events", "--output", "json"))
            workers.add(self.holder())
            if turn % 2 and len(workers) == 2:
                break
        self.assertEqual(workers, {self.id_of(self.front), self.id_of(self.second)}, "both have worked")

    def test_who_follows_events_of_the_second_hears_all_that_the_first_does(self):
        last = self.front.json("events")[-1]["id"]
        with subprocess.Popen(
            [STRAIT, "events", "--follow", "--since", last, "--output", "json"],
            env=self.second.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as follower:
            self.addCleanup(follower.kill)
            self.worked_by(self.front)
            # It works by itself meanwhile, and its follower comes back when it does.
            self.second.kill()
            ended = self.moved(1)
            self.second.start()
            told = []
            for line in follower.stdout:
                told.append(json.loads(line))
                if told[-1].get("operation_id") == ended and told[-1]["data"]["to"] == "succeeded":
                    break
            if follower.poll() is not None:
                self.fail(f"it does not follow on: {follower.stderr.read()}")
            follower.kill()
        listed = self.front.json("events", "--since", last)
        self.assertEqual(told, listed[: len(told)], "each once and in order")
        networks = [event["data"]["to"] for event in told if event["kind"] == "service.network"]
        self.assertEqual(networks[-2:], [f"vpc:{self.vpc}", "public"])

    def test_work_of_a_server_that_is_killed_goes_on_within_ten_seconds(self):
        for turn in range(2):
            worker, operation = self.caught_at_work(turn)
            worker.kill()
            self.is_taken_over(self.other(worker))
            self.ends(operation, self.other(worker))
            worker.start()
        self.check_private(after=1)

    def test_a_server_that_freezes_does_no_harm_when_it_thaws(self):
        for turn in range(2):
            worker, operation = self.caught_at_work(turn)
            worker.server.send_signal(signal.SIGSTOP)
            try:
                self.is_taken_over(self.other(worker))
                self.ends(operation, self.other(worker))
            finally:
                worker.server.send_signal(signal.SIGCONT)
            time.sleep(3)
            shown = self.other(worker).json("service", "get", self.service_id, "--wait")
            self.assertTrue(shown["network"]["settled"], shown)
        self.check_private(after=1)

    def test_a_server_that_loses_the_store_stops_and_comes_back(self):
        turn = 0
        while True:
            worker, operation = self.caught_at_work(turn)
            turn += 1
            if worker is self.second:
                break
            self.front.run("operation", "get", operation, "--wait")
            self.assertLess(turn, 30, "the second one works too")
        self.relay.cut()
        try:
            self.is_taken_over(self.front)
            self.ends(operation, self.front)
        finally:
            self.relay.heal()
        until = time.monotonic() + 30
        while True:
            try:
                self.assertEqual(self.second.json("operation", "get", operation)["state"], "succeeded")
                break
            except AssertionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def move(self, turn):
        return ("detach", self.service_id) if turn % 2 else ("attach", self.service_id, self.vpc)

    def moved(self, turn):
        """A move that is over; its operation."""
        operation = self.front.json("service", *self.move(turn))["operation_id"]
        self.ends(operation, self.front)
        return operation

    def worked_by(self, server):
        """Moves the service until that server was the one that did, to its Peering VPC."""
        for _ in range(20):
            self.moved(0)
            if self.holder() == self.id_of(server):
                return
            self.moved(1)
        self.fail("the other server does all the work")

    def caught_at_work(self, turn):
        """Asks for a move; the server that works on it, once it does, and the operation."""
        for _ in range(10):
            operation = self.front.json("service", *self.move(turn))["operation_id"]
            until = time.monotonic() + 20
            while not (holder := self.holder(now=True)):
                self.assertLess(time.monotonic(), until, "somebody works on it")
            time.sleep(0.4)
            if not self.has_ended(operation):
                self.caught = operation
                return self.front if holder == self.id_of(self.front) else self.second, operation
            # It was done too soon: once more, when all is as before.
            self.front.run("service", *self.move(turn + 1), "--wait")
        self.fail("every move ends before anybody is caught at it")

    def is_taken_over(self, server):
        """That one has the work, ten seconds after the other one's lease ends at the latest, unless the work was done just before."""
        left = self.sql(
            f"SELECT greatest(extract(epoch FROM until - clock_timestamp()), 0) FROM strait.lease WHERE key = 'service:{self.service_id}'"
        )
        own, start = self.id_of(server), time.monotonic()
        while self.holder() != own:
            if self.has_ended(self.caught):
                print("it was done before it could be taken over")
                return
            self.assertLess(time.monotonic() - start, float(left) + PASSES_ON, "the other one goes on with it")
            time.sleep(0.1)
        print(f"taken over after {time.monotonic() - start:.1f} s")

    def has_ended(self, operation):
        return self.sql(f"SELECT ended IS NOT NULL FROM strait.operation WHERE id = '{operation}'") == "t"

    def ends(self, operation, server):
        ended = server.json("operation", "get", operation, "--wait", "--timeout", "60")
        self.assertEqual(ended["state"], "succeeded", ended)

    def check_private(self, after):
        """After the last turn of this kind."""
        self.assertEqual(len(self.parts()), self.PARTS["public" if after % 2 else "attached"], self.parts())
        self.front.run("service", "attach", self.service_id, self.vpc, "--wait")
        self.reaches("the customer reaches it", self.customer.host, self.host)
        self.assertEqual(len(self.parts()), self.PARTS["attached"], f"nothing is doubled: {self.parts()}")


class Watched(AsksNames, Two):
    """One of them watches AWS, and the other one works."""

    ACCOUNT = "watched"
    NAME = "orders.rds.example.com"
    REGISTRATION = {"host": NAME}
    # A name is asked for every 5 s, and requests that wait are looked at every 2 s; a round takes a minute, and finds it no sooner
    # half of the time.
    SOON = 30

    @classmethod
    def prepare(cls):
        cls.service = cls.new_network("172.30.0.0/16")
        cls.dns.answers[cls.NAME] = cls.service.address

    def test_a_name_is_followed_whichever_server_made_the_way(self):
        hosts = [self.service.address, self.service.new_host()[1]]
        for _ in range(2):
            self.attach_by_who_does_not_watch()
            hosts.reverse()
            self.dns.answers[self.NAME] = hosts[0]
            self.eventually("its target follows the name", lambda: hosts[0] in self.targets(), True, seconds=self.SOON)
            self.reaches("the customer reaches it", self.customer.host, self.host)
            # The next way has another target group.
            self.front.run("service", "detach", self.service_id, "--wait")

    def test_what_a_customer_accepts_is_seen_soon_whichever_server_asked(self):
        # Where the machine stalls, the watch may pass on meanwhile.
        for _ in range(3):
            cidr = f"10.80.{next(self.numbers)}.0/24"
            vpc = self.front.json("vpc", "create", "--cidr", cidr, "--region", self.REGION, "--wait")
            # By then nothing is in progress any more that is looked at closely.
            time.sleep(11)
            peer = ("--account", self.customer.account, "--vpc-id", self.customer.network.id, "--region", self.customer.region)
            with self.no_work_for_who_watches():
                asked = self.front.json("peering", "create", vpc["id"], *peer, "--wait")
                worker = self.holder_of(f"vpc:{vpc['id']}")
            self.customer.accept(asked, cidr)
            state = lambda: self.front.json("peering", "list", "--vpc", vpc["id"])[0]["state"]
            self.eventually("the peering is active", state, "active", seconds=self.SOON)
            if worker != self.watcher():
                return
            self.front.run("vpc", "delete", vpc["id"], "--cascade", "--yes", "--wait")
        self.fail("the watch passes on each time")


class Second:
    """Another server of the same configuration, on a port of its own."""

    def __init__(self, front, store_port):
        self.front, self.port = front, free_port()
        self.log_path = os.path.join(front.folder, "second.log")
        url = re.sub(r":\d+/", f":{store_port}/", front.store.url)
        self.environment = front.environment | {
            "STRAIT_HTTP_LISTEN": f"127.0.0.1:{self.port}",
            "STRAIT_DATABASE_URL": url,
            "STRAIT_URL": f"http://127.0.0.1:{self.port}",
            "NO_COLOR": "1",
        }
        self.server = None
        self.start()

    def start(self):
        self.server = served(self.front.config, self.environment, self.environment["STRAIT_URL"], self.log_path)

    def kill(self):
        self.server.kill()
        self.server.wait(timeout=20)

    def close(self):
        self.server.terminate()
        self.server.wait(timeout=30)

    def run(self, *arguments):
        done = subprocess.run(
            [STRAIT, *arguments], env=self.environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"strait {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--output", "json"))


class Relay:
    """Passes bytes to a port of this machine; while it is cut it takes connections and passes nothing."""

    def __init__(self, target):
        self.target = target
        self.open = threading.Event()
        self.open.set()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.server.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    def copy(self, source, sink):
        try:
            while data := source.recv(65536):
                self.open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def cut(self):
        self.open.clear()

    def heal(self):
        self.open.set()

    def close(self):
        self.open.set()
        self.server.close()
