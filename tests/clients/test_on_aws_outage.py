"""A store that is gone for more than a minute in the middle of a move: all is refused soon, nothing is done, and it goes on by itself."""

import base64
import json
import time
import urllib.error
import urllib.request

from fault_proxy import changes
from local_aws import Local, setUpModule, tearDownModule
from stories import Customer

# Longer than any of Strait's own patience.
GONE = 65
# A call is answered within this, whatever the store does; and a little for the call itself.
SOON = 5 + 3
# All goes on within this once the store does.
BACK = 10
# Whoever has a lease has lost it by then, and the calls that had begun are over.
AT_REST = 15


class Outage(Local):
    """`strait server` on a store that is killed."""

    ACCOUNT = "outage"

    @classmethod
    def prepare(cls):
        super().prepare()
        # An answer that comes late is a moment in which a store can die.
        cls.proxy.delay = 0.2

    def test_a_move_goes_on_after_its_store_was_gone_for_a_minute(self):
        customer = Customer(self.cloud, "patient", "10.20.0.0/16")
        vpc = self.peered("10.80.0.0/24", customer)
        service = self.register()
        id_, name = service["service_id"], service["endpoint"]["host"]
        self.assertEqual(self.wish("before")[0], 201)
        move = self.front.json("service", "attach", id_, vpc)["operation_id"]
        self.eventually("a load balancer is made", lambda: bool(self.provider("elbv2").describe_load_balancers()["LoadBalancers"]), True)
        self.assertEqual(self.front.json("operation", "get", move)["state"], "running")

        server = self.front.server.pid
        self.front.store.kill()
        self.proxy.delay = 0
        self.is_refused_for(GONE)
        self.reaches("packets need no store", "internet", self.service.public)
        self.front.store.start()
        start = time.monotonic()
        while self.answer("GET", "services")[0] != 200:
            self.assertLess(time.monotonic() - start, BACK + 10, self.front.logged())
            time.sleep(0.1)
        self.assertLess(time.monotonic() - start, BACK)

        ended = self.front.json("operation", "get", move, "--wait", "--timeout", "60")
        self.assertEqual(ended["state"], "succeeded", ended)
        self.assertEqual((self.front.server.pid, self.front.server.poll()), (server, None), "it ran all the time")
        self.reaches("the customer reaches it", customer.host, name)
        self.reaches_not("the public way is closed", "internet", self.service.public)
        self.assertEqual(len(self.parts()), self.PARTS["attached"], f"nothing is doubled: {self.parts()}")
        moves = self.front.json("operation", "list", "--action", "service.attach")
        self.assertEqual([row["id"] for row in moves], [move])
        # What was refused is asked for again, and is there once.
        first, again = self.wish("meanwhile"), self.wish("meanwhile")
        self.assertEqual((first[0], again[0]), (201, 201), (first, again))
        self.assertEqual(first[1]["id"], again[1]["id"])
        self.assertEqual(len(self.front.json("vpc", "list")), 3)
        self.eventually("all are made", lambda: {row["status"] for row in self.front.json("vpc", "list")}, {"CREATED"})
        self.assertEqual(len([found for found in self.made() if found.startswith("vpc-")]), 3)
        self.take_all_away()

    def is_refused_for(self, seconds):
        """All that is asked is refused soon, and after a while nothing changes in the cloud any more."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            for ask in (lambda: self.answer("GET", "services"), lambda: self.wish("meanwhile")):
                status, body, spent = ask()
                self.assertEqual(status, 503, body)
                self.assertLess(spent, SOON, body)
            time.sleep(2)
        asked = self.proxy.since(start + AT_REST)
        self.assertEqual({action for action in asked if changes(action)}, set(), "who has no store does nothing")

    def wish(self, name):
        """Asks for a Peering VPC; its key is its name."""
        cidr = {"before": "10.81.0.0/24", "meanwhile": "10.82.0.0/24"}[name]
        return self.answer("POST", "vpcs", {"name": name, "cidr": cidr, "region_code": self.REGION}, {"Idempotency-Key": name})

    def answer(self, method, path, body=None, headers=None):
        """The status and body of what the API answers, and how long that took."""
        known = self.front.environment
        pair = f"{known['STRAIT_PUBLIC_KEY']}:{known['STRAIT_SECRET_KEY']}".encode()
        request = urllib.request.Request(
            f"{known['STRAIT_URL']}/public/api/v1/projects/{known['STRAIT_PROJECT_ID']}/{path}",
            method=method, data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}", "Content-Type": "application/json"} | (headers or {}),
        )
        start = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), time.monotonic() - start
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), time.monotonic() - start
