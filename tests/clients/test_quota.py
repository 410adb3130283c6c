"""Quotas, requests, plans and usage, with the command, against `strait up`."""

import csv
import datetime
import io
import os
import shlex
import subprocess
import time
import unittest

from cloud import REGION, STRAIT, Cloud

# When the tests begin. They may end in another month.
BEGUN = datetime.datetime.now(datetime.timezone.utc)
SINCE = BEGUN.strftime("%Y-%m-%d")


class Quota(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        account = cls.cloud.account("customer")
        cls.project = account["STRAIT_PROJECT_ID"]
        # Somebody who works with services, elsewhere: with a pair of keys and without the data folder.
        made = cls.cloud.strait_json("key", "create", "--name", "laptop", "--role", "developer")
        cls.member = {
            "STRAIT_DATA_DIR": os.path.join(cls.cloud.folder, "elsewhere"),
            "STRAIT_URL": account["STRAIT_URL"],
            "STRAIT_PROJECT_ID": cls.project,
            "STRAIT_PUBLIC_KEY": made["public_key"],
            "STRAIT_SECRET_KEY": made["secret_key"],
        }

    @classmethod
    def tearDownClass(cls):
        cls.cloud.close()

    def run_as(self, variables, *arguments):
        """Status, output and errors of the command."""
        done = subprocess.run(
            [STRAIT, *arguments],
            env=self.cloud.environment | variables,
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout, done.stderr

    def new_vpc(self, number):
        return ("vpc", "create", "--name", f"v{number}", "--cidr", f"10.{80 + number}.0.0/20", "--region", REGION, "--wait")

    def usage(self, *options):
        """The lines of the CSV, by their headings."""
        return list(csv.DictReader(io.StringIO(self.cloud.strait("usage", *options, "--output", "csv"))))

    def test_from_the_refusal_to_the_bill(self):
        for number in range(3):
            self.cloud.strait(*self.new_vpc(number))
        status, _, err = self.run_as({}, *self.new_vpc(3))
        self.assertEqual(status, 1)
        self.assertIn("3 of at most 3 VPCs", err)

        # What the refusal advises is what works, for a member with no more than a key.
        advice = next(part for part in err.split("`") if part.startswith("strait quota request"))
        words = [word if word != "WHY" else "a customer with the same ranges" for word in shlex.split(advice)[1:]]
        status, out, err = self.run_as(self.member, *words)
        self.assertEqual(status, 0, err)
        self.assertIn("laptop", out)
        status, _, err = self.run_as(self.member, *words)
        self.assertEqual(status, 1)
        self.assertIn("already", err)
        asked = self.cloud.strait_json("quota", "requests", "--all")
        self.assertEqual([(one["quota"], one["wanted"], one["state"]) for one in asked], [("vpcs", 4, "open")])
        request = asked[0]["id"]
        self.assertIn(request, self.cloud.strait("quota", "show"))
        status, _, err = self.run_as(self.member, "quota", "grant", request)
        self.assertEqual(status, 1)
        self.assertIn("operator", err)
        self.assertEqual(self.run_as({}, *self.new_vpc(3))[0], 1)

        granted = self.cloud.strait_json("quota", "grant", request, "--word", "for this one")
        self.assertEqual((granted["state"], granted["granted"]), ("granted", 4))
        self.cloud.strait(*self.new_vpc(3))
        self.assertEqual(self.run_as({}, *self.new_vpc(4))[0], 1)
        self.assertIn("for this one", self.run_as(self.member, "quota", "requests")[1])

        self.cloud.strait("service", "create", "--name", "orders", "--region", REGION, "--wait")
        self.cloud.strait("service", "attach", "orders", "v0", "--wait")
        self.a_bill()

    def a_bill(self):
        lines = self.usage("--since", SINCE)
        self.assertEqual([line["resource"] for line in lines], ["vpc"] * 4 + ["endpoint"])
        self.assertEqual([line["name"] for line in lines], ["v0", "v1", "v2", "v3", "orders"])
        self.assertEqual({line["project_id"] for line in lines}, {self.project})
        for line in lines:
            self.assertRegex(line["hours"], r"^\d+\.\d\d$")
            # It is in its trial.
            self.assertEqual((line["free_hours"], line["billed_hours"]), (line["hours"], "0.00"))
        months = {when.strftime("%Y-%m") for when in (BEGUN, datetime.datetime.now(datetime.timezone.utc))}
        of_months = [line for month in months for line in self.usage("--month", month)]
        self.assertEqual({line["id"] for line in of_months}, {line["id"] for line in lines})
        self.assertEqual(self.usage("--month", "2020-02"), [])

        # A server that is killed loses nothing of it, and what is deleted stays in it.
        self.cloud.kill_server()
        self.cloud.strait("up", "--detach", *self.cloud.ports)
        self.cloud.strait("vpc", "delete", "v3", "--yes", "--wait")
        self.cloud.strait("admin", "plan", "--project", self.project, "--standard")
        # Until the hundredth of an hour that is billed.
        deadline = time.monotonic() + 90
        while True:
            told = self.cloud.strait_json("usage", "--since", SINCE)
            billed = {line["name"]: line["billed_hours"] for line in told["lines"]}
            if billed["v0"] > 0 or time.monotonic() > deadline:
                break
            time.sleep(1)
        self.assertEqual(told["plan"], "standard")
        self.assertEqual([(total["resource"], total["count"]) for total in told["totals"]], [("vpc", 4), ("endpoint", 1)])
        self.assertEqual(billed["v3"], 0, "it was deleted in the trial")
        self.assertGreater(billed["v0"], 0)
        self.assertEqual(told["totals"][0]["billed_hours"], round(sum(billed[f"v{n}"] for n in range(4)), 2))
        self.assertIn("standard", self.cloud.strait("quota", "show"))
        everybody = self.cloud.strait("usage", "--all", "--since", SINCE)
        self.assertIn(self.project, everybody)
        self.assertIn("all of vpc", everybody)

    def test_a_request_is_refused_with_a_word(self):
        asked = ("quota", "request", "services", "500", "--reason", "one for each test", "--output", "json")
        status, out, err = self.run_as(self.member, *asked)
        self.assertEqual(status, 0, err)
        request = next(one["id"] for one in self.cloud.strait_json("quota", "requests") if one["state"] == "open" and one["quota"] == "services")
        self.assertIn(request, out)
        self.assertEqual(self.run_as({}, "quota", "refuse", request)[0], 2, "a refusal says why")
        self.cloud.strait("quota", "refuse", request, "--word", "databases do, in one service")
        self.assertIn("databases do", self.run_as(self.member, "quota", "requests")[1])
        limits = {one["quota"]: one["limit"] for one in self.cloud.strait_json("quota", "show")}
        self.assertEqual(limits["services"], 20)
        status, _, err = self.run_as(self.member, *asked)
        self.assertEqual(status, 0, err)
        request = self.cloud.strait_json("quota", "requests")[0]["id"]
        self.assertIn("withdrawn", self.run_as(self.member, "quota", "withdraw", request)[1])

    def test_times_that_are_none_are_told(self):
        for options in (("--month", "November"), ("--since", "yesterday"), ("--since", "2026-11-30T12:00")):
            status, _, err = self.run_as({}, "usage", *options)
            self.assertEqual(status, 1, options)
            self.assertIn(options[1], err)
        self.cloud.strait("usage", "--since", "2026-11-01")
        until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).strftime("%Y-%m-%d")
        other = self.cloud.strait_json("project", "create", "other")["id"]
        plan = self.cloud.strait_json("admin", "plan", "--project", other, "--trial-until", until)
        self.assertEqual((plan["plan"], plan["trial_ends"]), ("trial", f"{until}T00:00:00Z"))
        status, _, err = self.run_as({}, "admin", "plan", "--project", other, "--trial-until", "2020-01-01")
        self.assertEqual(status, 1)
        self.assertIn("ten years", err)


if __name__ == "__main__":
    unittest.main()
