"""Tiger Cloud's command line, unmodified, against Strait's REST API."""

import datetime
import json
import os
import subprocess
import time
import unittest

from cloud import STRAIT, Cloud

TIGER = os.path.join(os.environ["STRAIT_TIGER"], "tiger")
CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Tiger:
    """The command line with a home of its own. `logged_in`: the keys come from the environment, as `strait env` prints them."""

    def __init__(self, name, logged_in=True):
        keys = CLOUD.account("provider")
        self.home = os.path.join(CLOUD.folder, name)
        os.makedirs(self.home)
        self.environment = {
            "HOME": self.home,
            "PATH": os.environ["PATH"],
            "TIGER_API_URL": keys["TIGER_API_URL"],
            "TIGER_CONFIG_DIR": os.path.join(self.home, "tiger"),
            "TIGER_PASSWORD_STORAGE": "pgpass",
            "TIGER_ANALYTICS": "false",
            "TIGER_VERSION_CHECK": "false",
            # There is no keyring on a machine like this, and none of the user's is to be looked for.
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        }
        self.keys = {name: keys[name] for name in ("TIGER_PUBLIC_KEY", "TIGER_SECRET_KEY")}
        if logged_in:
            self.environment |= self.keys

    def run(self, *arguments, before=(), **more):
        """(status, output, errors)"""
        done = subprocess.run(
            [*before, TIGER, *arguments],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr

    def does(self, *arguments, **more):
        status, output, errors = self.run(*arguments, **more)
        if status != 0:
            raise AssertionError(f"tiger {' '.join(arguments)}: status {status}\n{output}{errors}")
        return output

    def json(self, *arguments):
        return json.loads(self.does(*arguments, "--output", "json"))


class Login(unittest.TestCase):
    def test_with_keys_as_strait_env_prints_them(self):
        tiger = Tiger("login", logged_in=False)
        self.assertEqual(tiger.run("auth", "status")[0], 4, "nobody is logged in yet")
        project = CLOUD.account("provider")["STRAIT_PROJECT_ID"]
        self.assertIn(project, tiger.does("auth", "login", **tiger.keys))
        info = tiger.json("auth", "status")
        self.assertEqual(info["type"], "apiKey")
        self.assertEqual(info["apiKey"]["public_key"], tiger.keys["TIGER_PUBLIC_KEY"])
        self.assertEqual(info["apiKey"]["project"]["id"], project)
        self.assertIn("Logged in", tiger.does("auth", "status"))
        tiger.does("service", "list")
        tiger.does("auth", "logout")
        self.assertEqual(tiger.run("auth", "status")[0], 4, "nobody is logged in any more")

    def test_with_a_wrong_key(self):
        tiger = Tiger("wrong", logged_in=False)
        wrong = tiger.keys | {"TIGER_SECRET_KEY": "wrong"}
        status, _, errors = tiger.run("auth", "login", **wrong)
        self.assertNotEqual(status, 0)
        self.assertIn("the public key or the secret key is wrong", errors)


class Life(unittest.TestCase):
    """A service from its making to its end."""

    @classmethod
    def setUpClass(cls):
        cls.tiger = Tiger("life")
        cls.made = cls.tiger.json("service", "create", "--name", "orders", "--environment", "PROD", "--with-password")
        cls.id = cls.made["service_id"]

    @classmethod
    def tearDownClass(cls):
        if cls.id:
            cls.tiger.run("service", "delete", cls.id, "--confirm")

    def test_1_it_is_there_and_ready(self):
        self.assertEqual(self.made["status"], "READY")
        found = self.tiger.json("service", "get", self.id)
        self.assertEqual((found["name"], found["service_type"]), ("orders", "POSTGRES"))
        self.assertEqual(found["metadata"]["environment"], "PROD")
        self.assertIn(self.id, [service["service_id"] for service in self.tiger.json("service", "list")])
        self.assertIn("orders", self.tiger.does("service", "list"))

    def test_2_its_connection_string_works_in_the_internet(self):
        line = self.tiger.does("db", "connection-string", self.id, "--with-password").strip()
        self.assertRegex(line, rf"^postgresql://tsdbadmin:\w+@{self.id}\.\w+\.db\.strait\.internal:5432/tsdb\?sslmode=require$")
        self.assertEqual(in_the_internet("psql", line, "-Atc", "select 1"), (0, "1\n"))

    def test_3_its_connection_is_tested(self):
        status, output, errors = self.reached()
        self.assertEqual(status, 0, output + errors)
        self.assertIn("successful", output + errors)
        status, output, errors = self.reached(PGPASSWORD="wrong")
        self.assertEqual(status, 2, output + errors)
        self.assertIn("password authentication failed", output + errors)

    def test_4_it_gets_another_password(self):
        before = self.tiger.does("db", "connection-string", self.id, "--with-password").strip()
        self.tiger.does("service", "update-password", self.id, "--new-password", "correct horse battery")
        line = self.tiger.does("db", "connection-string", self.id, "--with-password").strip()
        self.assertNotEqual(line, before)
        self.assertEqual(in_the_internet("psql", line, "-Atc", "select 2"), (0, "2\n"))
        status, output = in_the_internet("psql", before, "-Atc", "select 3")
        self.assertEqual(status, 2, output)
        self.assertIn("password authentication failed", output)
        status, _, errors = self.tiger.run("service", "update-password", self.id, "--new-password", "short")
        self.assertEqual(status, 3)
        self.assertIn("password", errors)

    def test_5_it_has_a_log(self):
        line = self.tiger.does("db", "connection-string", self.id, "--with-password").strip()
        for word in ("first", "second"):
            self.assertEqual(in_the_internet("psql", line, "-c", f"select no_such_{word}")[0], 1)
        entries = self.tiger.json("service", "logs", self.id, "--tail", "1000")
        errors = [entry["message"] for entry in entries if entry["severity"] == "ERROR"]
        self.assertIn("no_such_first", errors[-2])
        self.assertIn("no_such_second", errors[-1], "the newest comes last")
        self.assertTrue(any("ready to accept connections" in entry["message"] for entry in entries))
        times = [datetime.datetime.fromisoformat(entry["timestamp"]) for entry in entries]
        self.assertEqual(times, sorted(times))
        last = self.tiger.json("service", "logs", self.id, "--tail", "1")
        self.assertIn("no_such_second", last[0]["message"])
        since = self.tiger.json("service", "logs", self.id, "--since", "2099-01-01T00:00:00Z")
        self.assertFalse(since)

    def test_6_it_stops_and_starts(self):
        self.tiger.does("service", "stop", self.id)
        self.assertEqual(self.tiger.json("service", "get", self.id)["status"], "PAUSED")
        self.assertNotEqual(self.reached()[0], 0)
        self.tiger.does("service", "start", self.id)
        self.assertEqual(self.tiger.json("service", "get", self.id)["status"], "READY")
        self.assertEqual(self.reached()[0], 0)

    def test_7_what_strait_has_not_is_refused_as_such(self):
        for command, reason in [
            (("resize", self.id, "--cpu", "1000", "--memory", "4", "--no-wait"), "no sizes of services"),
            (("fork", self.id, "--now", "--no-wait"), "no forks of services"),
            (("create", "--addons", "time-series", "--no-wait"), "timescaledb"),
            (("create", "--replicas", "1", "--no-wait"), "no replicas"),
            (("create", "--cpu", "1000", "--no-wait"), "share the machine"),
        ]:
            status, output, errors = self.tiger.run("service", *command)
            self.assertNotEqual(status, 0, command)
            self.assertIn(reason, output + errors, command)

    def test_8_it_goes(self):
        self.tiger.does("service", "delete", self.id, "--confirm")
        status, _, errors = self.tiger.run("service", "get", self.id)
        self.assertEqual(status, 6, errors)
        type(self).id = None

    def reached(self, **more):
        """`tiger db test-connection` where the names resolve: in the internet."""
        port = CLOUD.strait_json("status")["server"]["http"].rsplit(":", 1)[1]
        self.tiger.environment["STRAIT_DATA_DIR"] = CLOUD.data
        line = self.tiger.does("db", "connection-string", self.id, "--with-password").strip()
        password = line.split(":")[2].rsplit("@", 1)[0]
        there = {
            "TIGER_API_URL": f"http://api.strait.internal:{port}/public/api/v1",
            "TIGER_PASSWORD_STORAGE": "none",
            "PGPASSWORD": password.replace("%20", " "),
        }
        before = (STRAIT, "exec", "internet", "--")
        until = time.monotonic() + 60
        while True:
            status, output, errors = self.tiger.run(
                "db", "test-connection", self.id, before=before, **(there | more)
            )
            # A server that has just been told to go may still say so.
            if "starting up" not in output + errors or time.monotonic() > until:
                return status, output, errors
            time.sleep(0.2)


class Region(unittest.TestCase):
    def test_a_service_is_made_in_the_region_that_is_named(self):
        tiger = Tiger("region")
        create = ("service", "create", "--addons", "none", "--cpu", "shared", "--memory", "shared", "--no-wait")
        usual = tiger.json(*create, "--name", "usual")
        there = tiger.json(*create, "--name", "there", "--region", "eu-central-1")
        self.assertEqual((usual["region_code"], there["region_code"]), ("us-east-1", "eu-central-1"))
        self.assertEqual(CLOUD.strait_json("service", "get", there["service_id"], "--wait")["status"], "READY")
        self.assertEqual(tiger.json("service", "get", there["service_id"])["region_code"], "eu-central-1")
        status, _, errors = tiger.run(*create, "--name", "nowhere", "--region", "mars-north-1")
        self.assertNotEqual(status, 0)
        self.assertIn("mars-north-1", errors)
        for service in (usual, there):
            tiger.does("service", "delete", service["service_id"], "--confirm")


def in_the_internet(*command):
    """Runs a command in the internet namespace; returns (status, output)."""
    done = subprocess.run(
        [STRAIT, "exec", "internet", "--", *command],
        env=CLOUD.environment,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr
