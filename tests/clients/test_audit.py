"""The audit, metrics, readiness and the log as JSON, against `strait up` with packets and a user who clicks."""

import base64
import glob
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from cloud import STRAIT, Cloud
from stories import Customer

API = "/public/api/v1"
REGION = "us-east-1"


class Audit(unittest.TestCase):
    """One story: what is done by all doors, and what is told of it afterwards."""

    @classmethod
    def setUpClass(cls):
        # At its most talkative, so that what it keeps to itself is tried.
        cls.cloud = Cloud(STRAIT_LOG_FORMAT="json", STRAIT_LOG="debug")
        cls.keys = cls.cloud.account("customer")
        cls.url, cls.project = cls.keys["STRAIT_URL"], cls.keys["STRAIT_PROJECT_ID"]
        with open(os.path.join(cls.cloud.data, "credentials.json"), encoding="utf-8") as file:
            cls.admin = json.load(file)["admin_key"]

    @classmethod
    def tearDownClass(cls):
        cls.cloud.close()

    def test_what_is_done_is_told(self):
        customer = Customer(self.cloud, "customer", "10.20.0.0/16")
        run = self.cloud.strait_json
        vpc = run("vpc", "create", "--cidr", "10.80.0.0/24", "--name", "main", "--region", REGION, "--wait")
        peering = run("peering", "create", "main", "--account", customer.account, "--vpc-id", customer.network.id, "--region", REGION, "--wait")
        customer.accept(peering, vpc["cidr"])
        made = run("service", "create", "--name", "orders", "--region", REGION, "--wait")
        service, password = made["service_id"], made["initial_password"]
        attached = run("service", "attach", "orders", "main", "--wait")
        operation = run("operation", "list", "--action", "service.attach")[0]["id"]

        clicked = self.click()
        viewer = run("key", "create", "--name", "looks", "--role", "viewer")
        refused = self.call("POST", f"{API}/projects/{self.project}/vpcs", pair(viewer), {"cidr": "10.9.0.0/24", "region_code": REGION})
        self.assertEqual(refused[0], 403, refused)
        token = self.graphql(None, 'query { getJWTForClientCredentials(data: {accessKey: "%s", secretKey: "%s"}) }' % (
            self.keys["STRAIT_PUBLIC_KEY"], self.keys["STRAIT_SECRET_KEY"],
        ))["getJWTForClientCredentials"]
        by_graphql = self.graphql(token, (
            'mutation { createVpc(data: {projectId: "%s", name: "g", cidr: "10.81.0.0/24", cloudProvider: AWS, regionCode: "%s"}) { id } }'
            % (self.project, REGION)
        ))["createVpc"]["id"]

        entered = self.enter()
        chosen = "chosen-" + password
        path = f"{API}/projects/{self.project}/services/{service}/updatePassword"
        self.assertEqual(self.call("POST", path, pair(self.keys_of_project()), {"password": chosen})[0], 204)

        run("aws-quota", "--account", "customer", "network-acls-per-vpc", "7")

        self.told_of_changes(vpc["id"], service, operation, by_graphql)
        self.told_of_the_local_cloud()
        secrets = [password, chosen, viewer["secret_key"], token, self.keys["STRAIT_SECRET_KEY"], self.admin, *clicked, *entered]
        self.exported(secrets)
        self.measured(customer, attached, chosen)
        self.logged(operation)
        self.not_ready_without_a_store()
        self.logged_without_secrets(secrets, service, operation)

    def told_of_changes(self, vpc, service, operation, by_graphql):
        listed = self.cloud.strait_json("audit", "list", "--limit", "1000")
        actor = f"key:{self.keys['STRAIT_PUBLIC_KEY']}"
        done = lambda action, about: [(one["actor"], one["outcome"]) for one in reversed(listed) if (one["action"], one["object_id"]) == (action, about)]
        both = [(actor, "accepted"), (actor, "done")]
        self.assertEqual(done("vpc.create", vpc), both)
        self.assertEqual(done("service.create", service), both)
        self.assertEqual(done("service.attach", service), both)
        self.assertEqual(done("vpc.create", by_graphql)[0], (actor, "accepted"))
        of_attach = [one for one in listed if one["operation_id"] == operation and one["outcome"] == "accepted"]
        [of_attach] = of_attach
        self.assertEqual(of_attach["address"], "127.0.0.1")
        self.assertEqual((of_attach["before"]["network"], of_attach["after"]["network"]), ("public", f"vpc:{vpc}"), of_attach)

        clicked = self.cloud.strait_json("audit", "list", "--actor", "operator@strait.internal", "--action", "key.create")
        [clicked] = clicked
        self.assertEqual((clicked["object_name"], clicked["route"]), ("clicked", "POST /projects/{project}/keys"))
        refused = self.cloud.strait_json("audit", "list", "--outcome", "refused")
        self.assertEqual([(one["code"], one["actor_name"]) for one in refused], [("FORBIDDEN", "looks")], refused)
        # The control: what is not there is not found.
        self.assertEqual(self.cloud.strait_json("audit", "list", "--actor", "nobody@example.com"), [])
        table = self.cloud.strait("audit", "list", "--object", "orders")
        self.assertIn("service.attach", table)

    def told_of_the_local_cloud(self):
        """Its accounts and quotas are the operator's, who has the admin key; asking for an account that is there makes none."""
        listed = lambda action: self.cloud.strait_json("audit", "list", "--all-projects", "--action", action)
        [account] = [one for one in listed("account") if one["object_name"] == "customer"]
        self.assertEqual((account["actor"], account["after"]), ("admin", {"name": "customer"}), account)
        [quota] = listed("aws-quota")
        self.assertEqual((quota["actor"], quota["object_id"]), ("admin", account["object_id"]), quota)
        self.assertEqual(quota["after"], {"network-acls-per-vpc": 7})
        self.assertGreater(quota["before"]["network-acls-per-vpc"], 7)

    def exported(self, secrets):
        lines = self.cloud.strait("audit", "export", "--all-projects").splitlines()
        entries = [json.loads(line) for line in lines]
        ids = [int(one["id"]) for one in entries]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertGreater(len(ids), 15)
        # Sessions are in no project: the operator alone sees them.
        self.assertIn("session.create", {one["action"] for one in entries})
        own = [json.loads(line) for line in self.cloud.strait("audit", "export").splitlines()]
        self.assertEqual({one["project_id"] for one in own}, {self.project})
        after = self.cloud.strait("audit", "export", "--all-projects", "--after", str(ids[-3])).splitlines()
        self.assertEqual(after[:2], lines[-2:])
        for secret in secrets:
            self.assertGreater(len(secret), 10)
            self.assertNotIn(secret, "\n".join(lines))

    def measured(self, customer, attached, password):
        """Bytes and connections of a private session."""
        where = {"project": self.project, "service": attached["service_id"], "direction": "out"}
        before = self.metric("strait_endpoint_bytes_total", **where)
        psql = lambda sql: subprocess.Popen(
            [STRAIT, "exec", customer.host, "--", "psql", "-AtX", "-c", sql,
             f"host={attached['endpoint']['host']} port=5432 user=tsdbadmin dbname=tsdb password={password} sslmode=require"],
            env=self.cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        out, err = psql("SELECT string_agg(md5(n::text), '') FROM generate_series(1, 100000) n").communicate(timeout=60)
        self.assertGreater(len(out), 3_000_000, err)
        grown = self.metric("strait_endpoint_bytes_total", **where) - before
        self.assertGreater(grown, 3_000_000)
        self.assertLess(grown, 6_000_000)
        about = {name: where[name] for name in ("project", "service")}
        connections = lambda: self.metric("strait_endpoint_connections", **about)
        self.eventually("nobody is connected", connections, 0)
        waiting = psql("SELECT pg_sleep(6)")
        self.eventually("one is connected", connections, 1)
        waiting.communicate(timeout=60)
        self.eventually("nobody is connected any more", connections, 0)

        self.assertEqual(self.metric("strait_store_up"), 1)
        self.assertGreaterEqual(self.metric("strait_operations", state="succeeded"), 4)
        self.assertEqual(self.metric("strait_operations", state="failed"), 0)
        vpcs = f"{API}/projects/{{project_id}}/vpcs"
        self.assertGreaterEqual(self.metric("strait_http_requests_total", method="POST", route=vpcs, status="2xx"), 1)
        self.assertEqual(self.metric("strait_http_requests_total", method="POST", route=vpcs, status="4xx"), 1)
        spent = []
        for _ in range(5):
            start = time.monotonic()
            self.scrape()
            spent.append(time.monotonic() - start)
        print(f"a scrape takes {min(spent) * 1000:.0f} ms")
        status, _, _ = self.call("GET", "/metrics", pair(self.keys_of_project()))
        self.assertEqual(status, 403, "they are the operator's")

    def logged(self, operation):
        path = os.path.join(self.cloud.data, "log", "server.log")
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertGreater(len(lines), 10)
        of_attach = [line for line in lines if line.get("operation") == operation]
        words = [line["message"] for line in of_attach]
        self.assertIn("a change is asked for", words)
        self.assertIn("an operation ends", words)
        [asked] = [line for line in of_attach if line["message"] == "a change is asked for"]
        self.assertEqual(asked["project"], self.project)
        entries = self.cloud.strait_json("audit", "list", "--operation", operation, "--outcome", "accepted")
        self.assertEqual(asked["span"]["request_id"], entries[0]["request_id"])
        [ended] = [line for line in of_attach if line["message"] == "an operation ends"]
        self.assertEqual(ended["span"]["operation"], operation)

    def logged_without_secrets(self, secrets, service, operation):
        """In no log of this data folder, not even what PostgreSQL keeps of a service's password, and Strait's own to it."""
        place = os.path.join(self.cloud.data, "services", service)
        kept = []
        for name in ("verifier", "password"):
            with open(os.path.join(place, name), encoding="utf-8") as file:
                kept.append(file.read())
        logs = glob.glob(os.path.join(self.cloud.data, "log", "*")) + [os.path.join(place, "log"), os.path.join(self.cloud.data, "store", "log")]
        texts = {}
        for path in logs:
            with open(path, encoding="utf-8", errors="replace") as file:
                texts[path] = file.read()
        server = texts[os.path.join(self.cloud.data, "log", "server.log")]
        # The controls: what it is to say is there, at that level too; and what PostgreSQL is told, without its parameters.
        self.assertIn(operation, server)
        self.assertIn('"level":"DEBUG"', server)
        self.assertIn("update pg_authid", server)
        for secret in [*secrets, *kept, self.keys["AWS_SECRET_ACCESS_KEY"]]:
            self.assertGreater(len(secret), 10)
            for path, text in texts.items():
                self.assertFalse(secret in text, f"a secret is in {path}: {[line for line in text.splitlines() if secret in line][:3]}")

    def not_ready_without_a_store(self):
        ready = lambda: self.call("GET", "/readyz")[0]
        self.assertEqual(ready(), 200)
        stopped = self.cloud.postgres("store")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.eventually("it is not ready", ready, 503)
            status, _, body = self.call("GET", "/readyz")
            self.assertEqual(status, 503)
            self.assertNotEqual(body["parts"]["store"], "ok", body)
            self.assertEqual(self.call("GET", "/healthz")[0], 200, "the process lives")
            self.assertEqual(self.metric("strait_store_up"), 0)
            # Whose keys these are nobody can look up; the operator's needs no looking up.
            quotas = lambda keys: self.call("GET", "/local/v1/quotas?account=customer", keys)[0]
            self.assertEqual(quotas(pair(self.keys_of_project())), 503)
            self.assertEqual(quotas(f"Bearer {self.admin}"), 200)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        self.eventually("it is ready again", ready, 200)

    def click(self):
        """Signs in by a link and makes a key by a form, as a browser does; the secrets that were shown."""
        link = self.cloud.strait("console").strip()
        cookies = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))

        def page(path, **fields):
            data = urllib.parse.urlencode(fields).encode() if fields else None
            request = urllib.request.Request(self.url + path, data=data)
            request.add_header("Sec-Fetch-Site", "same-origin")
            with browser.open(request, timeout=30) as answer:
                return answer.read().decode()

        token = lambda text: re.search(r'name="form_token" value="([^"]+)"', text).group(1)
        secret = link.split("#")[1]
        page("/login/link", form_token=token(page("/login")), token=secret)
        keys = f"/projects/{self.project}/keys"
        shown = page(keys, form_token=token(page(keys)), name="clicked", role="viewer", days="7")
        self.assertIn("The key is made", shown)
        audit = page(f"/projects/{self.project}/audit?action=key.create")
        self.assertIn("clicked", audit)
        [session] = [cookie.value for cookie in cookies if "session" in cookie.name]
        return [secret, session]

    def enter(self):
        """Makes a user who signs in with a password, once with a wrong one; what must stay between them."""
        made = self.cloud.strait_json("admin", "user", "create", "--email", "ada@example.com", "--role", "developer", "--project", self.project)
        wrong = "wrong-" + made["password"]
        login = lambda password: self.call("POST", f"{API}/auth/login", body={"email": "ada@example.com", "password": password})
        self.assertEqual(login(wrong)[0], 401)
        status, _, begun = login(made["password"])
        self.assertEqual(status, 200, begun)
        return [made["password"], wrong, begun["token"]]

    def graphql(self, token, query):
        status, _, body = self.call("POST", "/api/query", f"Bearer {token}" if token else None, {"query": query})
        self.assertEqual(status, 200, body)
        self.assertNotIn("errors", body)
        return body["data"]

    def call(self, method, path, keys=None, body=None):
        """Status, headers and JSON (or text) of an answer."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if keys:
            request.add_header("Authorization", keys)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, parsed(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers, parsed(refusal.read().decode())

    def scrape(self):
        status, headers, text = self.call("GET", "/metrics", f"Bearer {self.admin}")
        self.assertEqual(status, 200, text)
        self.assertTrue(headers["Content-Type"].startswith("application/openmetrics-text"), headers["Content-Type"])
        return text

    def metric(self, name, **labels):
        """The sum of all that have these labels."""
        found = []
        for line in self.scrape().splitlines():
            if line.startswith("#"):
                continue
            series, value = line.rsplit(" ", 1)
            if series.split("{")[0] != name:
                continue
            has = dict(re.findall(r'(\w+)="([^"]*)"', series))
            if all(has.get(label) == wanted for label, wanted in labels.items()):
                found.append(float(value))
        self.assertTrue(found, f"no {name} with {labels}")
        return sum(found)

    def keys_of_project(self):
        return {"public_key": self.keys["STRAIT_PUBLIC_KEY"], "secret_key": self.keys["STRAIT_SECRET_KEY"]}

    def eventually(self, what, look, wanted, seconds=60):
        until = time.monotonic() + seconds
        while (found := look()) != wanted:
            if time.monotonic() > until:
                self.fail(f"not in {seconds} s: {what}: {found!r} is not {wanted!r}")
            time.sleep(0.2)


class Pretty(unittest.TestCase):
    """The log for people, which is what there is unless JSON is asked for."""

    def test_a_change_has_its_operations_id_when_it_is_asked_for_and_when_it_ends(self):
        cloud = Cloud()
        self.addCleanup(cloud.close)
        run = cloud.strait_json
        for name, cidr in (("first", "10.80.0.0/24"), ("second", "10.81.0.0/24")):
            run("vpc", "create", "--cidr", cidr, "--name", name, "--region", REGION, "--wait")
        with open(os.path.join(cloud.data, "log", "server.log"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        operations = [one["id"] for one in run("operation", "list", "--action", "vpc.create")]
        self.assertEqual(len(operations), 2)
        for words in ("a change is asked for", "an operation ends"):
            of_each = [[line for line in lines if words in line and re.search(rf"\b{one}\b", line)] for one in operations]
            self.assertEqual([len(found) for found in of_each], [1, 1], "\n".join(lines))
            self.assertNotEqual(*of_each)
        self.assertRaises(ValueError, json.loads, lines[0])


def pair(made):
    both = f"{made['public_key']}:{made['secret_key']}"
    return "Basic " + base64.b64encode(both.encode()).decode()


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text
