"""Twenty random changes a second, for as long as `STRAIT_SOAK_SECONDS` says (120; 1,800 in `make test-long`): what the server holds stays the same, and all comes true."""

import base64
import collections
import glob
import http.client
import json
import os
import random
import subprocess
import threading
import time
import unittest

from botocore.exceptions import ClientError

from cloud import Cloud, Network

SECONDS = int(os.environ.get("STRAIT_SOAK_SECONDS") or 120)
SEED = int(os.environ.get("STRAIT_SOAK_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
PER_SECOND, WORKERS = 20, 10
REGION = "us-east-1"
# Rows of these come and go with what exists; the history (operations, events) has a bound of its own.
TABLES = ("project", "vpc", "peering", "service", "way", "lease", "api_key", "quota")
NOTHING = object()
CLOUD = None


def setUpModule():
    global CLOUD
    CLOUD = Cloud()


def tearDownModule():
    if CLOUD:
        CLOUD.close()


class Soak(unittest.TestCase):
    def setUp(self):
        environment = CLOUD.account("provider")
        self.keys = (environment["STRAIT_PUBLIC_KEY"], environment["STRAIT_SECRET_KEY"])
        self.base = f"/public/api/v1/projects/{environment['STRAIT_PROJECT_ID']}"
        self.port = int(environment["STRAIT_URL"].rsplit(":", 1)[1])
        CLOUD.strait("admin", "quota", "--project", environment["STRAIT_PROJECT_ID"], "vpcs", "12")
        self.customers = []
        for number in range(3):
            ec2 = CLOUD.client(f"soaked-{number}")
            network = Network(ec2, f"172.{20 + number}.0.0/16")
            self.customers.append((ec2, network, CLOUD.account(f"soaked-{number}")["STRAIT_ACCOUNT_ID"]))
        self.services = [CLOUD.strait_json("service", "create", "--name", f"soaked-{n}", "--wait")["service_id"] for n in range(2)]
        self.answers = collections.Counter()
        self.wrong = []
        # The operations of changes to allow lists.
        self.listings = set()

    def test_nothing_grows_and_all_comes_true(self):
        print(f"\nseed {SEED} (STRAIT_SOAK_SEED), {SECONDS} s")
        over = threading.Event()
        workers = [threading.Thread(target=self.work, args=(random.Random(SEED + n), over), daemon=True) for n in range(WORKERS)]
        start = time.monotonic()
        for worker in workers:
            worker.start()
        samples = []
        try:
            while time.monotonic() - start < SECONDS:
                time.sleep(SECONDS / 24)
                samples.append(self.sample())
        finally:
            over.set()
            for worker in workers:
                worker.join(timeout=60)
        changes = sum(count for status, count in self.answers.items() if status < 500)
        print(f"{dict(self.answers)}; {changes / SECONDS:.1f} a second\nfirst {samples[8]}\nlast  {samples[-1]}")
        self.assertEqual(self.wrong, [])
        self.settle()
        # The first third makes caches and pools what they are.
        early, late = samples[8:16], samples[16:]
        for name in ("memory", "files"):
            before, after = (max(sample[name] for sample in part) for part in (early, late))
            self.assertLessEqual(after, before * 1.15 + 8, (name, before, after))
        self.assertLessEqual(max(sample["rows"] for sample in late), 400)

    def settle(self):
        """What was asked for is over, and the cloud has what the plane has and no more."""
        until = time.monotonic() + 120
        while CLOUD.strait_json("operation", "list", "--state", "queued,running"):
            self.assertLess(time.monotonic(), until, CLOUD.strait("operation", "list", "--state", "queued,running"))
            time.sleep(0.5)
        services = CLOUD.strait_json("service", "list")
        self.assertTrue(all(row["network"]["settled"] for row in services), services)
        ec2 = CLOUD.client("provider")
        attached = [row for row in services if row["network"]["now"] != "public"]
        self.assertEqual(len(ec2.describe_vpc_endpoints()["VpcEndpoints"]), len(attached))
        ours = {row["provisioned_id"] for row in CLOUD.strait_json("vpc", "list")}
        theirs = {row["VpcId"] for row in ec2.describe_vpcs(Filters=[{"Name": "tag:strait:for", "Values": ["vpc/*"]}])["Vpcs"]}
        self.assertEqual(theirs, ours)
        for service in self.services:
            lists = CLOUD.strait_json("service", "allow", "list", service)
            self.assertTrue(lists["in_effect"], lists)
        self.assertTrue(self.listings, "allow lists were changed")
        told = [json.loads(line) for line in CLOUD.strait("audit", "export", "--action", "service.allow-list").splitlines()]
        self.assertEqual(self.listings - {entry["operation_id"] for entry in told if entry["outcome"] == "accepted"}, set(), "the audit has each")

    def work(self, dice, over):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        pace = WORKERS / PER_SECOND
        due = time.monotonic()
        while not over.is_set():
            due = max(due + pace, time.monotonic() - pace)
            time.sleep(max(0, due - time.monotonic()))
            try:
                # Some dice find nothing to change: they are thrown again.
                while not over.is_set() and self.change(connection, dice) is NOTHING:
                    pass
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                connection.close()
        connection.close()

    def change(self, connection, dice):
        kind = dice.choice(["vpc"] * 3 + ["peering"] * 4 + ["customer"] * 3 + ["rename"] * 4 + ["move"] * 3 + ["list"] * 2 + ["stop", "quota", "audit"])
        if kind == "customer":
            return self.customers_act(dice)
        if kind == "quota":
            return self.want_more(connection)
        if kind == "audit":
            self.ask(connection, "GET", "/audit?limit=50")
            return NOTHING
        vpcs = self.ask(connection, "GET", "/vpcs")
        ids = [row["id"] for row in vpcs]
        if kind == "vpc" and (len(ids) < 4 or dice.random() < 0.4):
            return self.ask(connection, "POST", "/vpcs", {"cidr": f"10.{dice.randrange(100)}.0.0/24", "region_code": REGION})
        if not ids:
            return NOTHING
        vpc = dice.choice(ids)
        if kind == "vpc":
            return self.ask(connection, "DELETE", f"/vpcs/{vpc}?cascade=true")
        if kind == "rename":
            return self.ask(connection, "POST", f"/vpcs/{vpc}/rename", {"name": f"name {dice.randrange(1000)}"})
        if kind == "peering":
            return self.peer(connection, dice, vpc)
        service = dice.choice(self.services)
        if kind == "list":
            return self.let_in(connection, dice, service)
        if kind == "stop":
            return self.ask(connection, "POST", f"/services/{service}/{dice.choice(['stop', 'start', 'start'])}", {})
        if dice.random() < 0.5:
            return self.ask(connection, "POST", f"/services/{service}/attachToVPC", {"vpc_id": vpc})
        return self.ask(connection, "POST", f"/services/{service}/detachFromVPC", {"vpc_id": vpc})

    def peer(self, connection, dice, vpc):
        path = f"/vpcs/{vpc}/peerings"
        known = self.ask(connection, "GET", path)
        if not isinstance(known, list) or (len(known) < 2 and dice.random() < 0.6):
            _, network, account = dice.choice(self.customers)
            wanted = {"peer_account_id": account, "peer_vpc_id": network.id, "peer_region_code": REGION}
            return self.ask(connection, "POST", path, wanted)
        if not known:
            return NOTHING
        peering = f"{path}/{dice.choice(known)['id']}"
        if dice.random() < 0.3:
            return self.ask(connection, "POST", f"{peering}/request", {})
        return self.ask(connection, "DELETE", peering)

    def let_in(self, connection, dice, service):
        """Somebody, nobody or everybody, by one of its two ways."""
        ranges = dice.sample(["172.20.0.0/16", "172.21.0.0/16", "172.22.0.0/24", "198.51.100.0/24", "203.0.113.7/32"], dice.randrange(4))
        wanted = [{"cidr": cidr} for cidr in ranges] if dice.random() < 0.8 else None
        change = {dice.choice(["public", "private"]): wanted, "force": True}
        answer = self.ask(connection, "PUT", f"/services/{service}/allow-list", change)
        if answer.get("operation_id"):
            self.listings.add(answer["operation_id"])
        return answer

    def want_more(self, connection):
        """And take it back; one request about each quota is open at a time."""
        asked = self.ask(connection, "POST", "/quota-requests", {"quota": "services", "wanted": 500, "reason": "soaked"})
        if "id" not in asked:
            return asked
        return self.ask(connection, "POST", f"/quota-requests/{asked['id']}/withdraw", {})

    def customers_act(self, dice):
        """One of them accepts, rejects or deletes what it finds."""
        ec2, _, _ = dice.choice(self.customers)
        states = [{"Name": "status-code", "Values": ["pending-acceptance", "active"]}]
        found = ec2.describe_vpc_peering_connections(Filters=states)["VpcPeeringConnections"]
        if not found:
            return NOTHING
        peering = dice.choice(found)
        verbs = ["accept", "accept", "reject"] if peering["Status"]["Code"] == "pending-acceptance" else ["delete"]
        try:
            getattr(ec2, f"{dice.choice(verbs)}_vpc_peering_connection")(VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
            self.answers[200] += 1
        except ClientError:
            # The provider was faster.
            self.answers[400] += 1
        return None

    def ask(self, connection, method, path, body=None):
        token = base64.b64encode(":".join(self.keys).encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        connection.request(method, self.base + path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        if method != "GET":
            self.answers[answer.status] += 1
        if answer.status >= 500:
            self.wrong.append((method, path, answer.status, text.decode()[:300]))
        return json.loads(text) if text else None

    def sample(self):
        pid = CLOUD.strait_json("status")["server"]["pid"]
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            memory = next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))
        return {"memory": memory, "files": len(os.listdir(f"/proc/{pid}/fd")), "rows": self.rows()}

    def rows(self):
        [socket] = [path for path in glob.glob(f"{CLOUD.data}/run/store/.s.PGSQL.*") if not path.endswith(".lock")]
        count = " + ".join(f"(SELECT count(*) FROM strait.{table})" for table in TABLES)
        done = subprocess.run(
            ["psql", "-h", os.path.dirname(socket), "-p", socket.rsplit(".", 1)[1], "-U", "strait", "-XAtc", f"SELECT {count}", "strait"],
            capture_output=True, text=True, timeout=30, check=True,
        )
        return int(done.stdout)


if __name__ == "__main__":
    unittest.main()
