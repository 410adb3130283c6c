"""What the tests of the console have in common: a Strait, a browser, and the ways through the pages."""

import os
import re
import subprocess
import unittest

from browser import Browser
from cloud import STRAIT, Cloud

# Where pictures of the pages go, if anywhere.
PICTURES = os.environ.get("STRAIT_PICTURES")


class Clicks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        cls.base = cls.cloud.account("provider")["STRAIT_URL"]
        cls.browser = Browser(cls.base)
        cls.addClassCleanup(cls.browser.close)
        cls.seen = {}

    def tearDown(self):
        self.browser.scripts(True)

    def sign_in(self):
        """By a link that the operator gets, as the demo's user does."""
        page = self.browser
        page.wide()
        page.driver.delete_all_cookies()
        page.open("about:blank")
        page.complaints()
        page.open(re.search(r"http\S+", self.cloud.strait("console"))[0])
        self.assertNotIn("#", page.path, "the link's token is in the form, and no more in the address")
        self.look("login")
        page.click("Sign in with the link")
        type(self).project = re.search(r"/projects/[a-z0-9]+", page.driver.current_url)[0]
        page.complaints()

    def look(self, name):
        """Looks at a page: nothing is forbidden to it, nothing wider than its window; keeps where it was, and a picture."""
        page = self.browser
        self.assertEqual(page.complaints(), [], name)
        self.assertEqual(page.audit(), [], name)
        self.assertLessEqual(page.overflow(), 0, name)
        self.seen[name] = page.path
        if not PICTURES:
            return
        for theme in ["light", "dark"]:
            page.dark(theme == "dark")
            for size in [page.wide, page.narrow]:
                size()
                page.shot(f"{PICTURES}/{name}-{theme}-{size.__name__}.png")
        page.dark(False)
        page.wide()

    def complained(self, count, about):
        """What the browser says of a refused form is no fault of the page."""
        complaints = self.browser.complaints()
        self.assertEqual(len(complaints), count, complaints)
        self.assertIn(about, complaints[0])

    def make_vpc(self, name, cidr, wrong=None, region=None):
        page = self.browser
        page.open(self.project + "/vpcs")
        page.click("Create a VPC")
        page.fill("Name", name)
        if region:
            page.choose("Region", region)
        if wrong:
            page.fill("Range", wrong)
            self.look("vpc-new")
            page.click("Create")
            self.complained(1, "422")
            self.assertIn("/16", page.text("//p[@id='cidr-wrong']"))
            self.assertEqual(page.field("Range").get_attribute("aria-invalid"), "true")
            self.assertEqual(page.field("Name").get_attribute("value"), name, "nothing typed is lost")
            self.assertEqual(page.field("Range").get_attribute("value"), wrong)
            self.look("vpc-wrong")
        page.fill("Range", cidr)
        page.click("Create")
        page.wait_for("Created")
        page.until(lambda: page.says("Id in the cloud"), "made")
        self.look("vpc")

    def peer(self, account, network):
        page = self.browser
        page.click("Add a peering connection")
        page.fill("Customer’s AWS account", account)
        page.fill("Customer’s VPC", network)
        page.choose("Customer’s Region", "us-east-1")
        self.look("peering-new")
        page.click("Ask the customer")
        page.wait_for("Pending acceptance")

    def move(self, service, vpc, verb, drain=0):
        page = self.browser
        page.open(self.project + "/services")
        page.click(service)
        page.click("Operations", "//nav[@aria-label='Service']")
        page.pick(vpc)
        self.look(f"service-{verb.lower()}")
        page.wait_for("open connections by it end", "//body")
        if verb == "Attach":
            page.wait_for("not reached from the internet any more", "//body")
        page.fill("Leave the former way open for", str(drain))
        page.click(f"{verb} the service")
        self.seen["service"] = page.path

    def in_vpc(self, account, network):
        self.browser.open(f"/cloud/{account}/vpcs/{network}")

    def try_from(self, place, service, outcome):
        page = self.browser
        page.open("/cloud/try")
        page.choose("From", place)
        page.choose("To", service)
        page.click("Try it")
        page.wait_for(outcome, "//section[@id='result']", 10)

    def answers(self, place, line, password):
        """Whether psql gets in from there by the very line that the page shows."""
        environment = self.cloud.environment | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "4"}
        command = f"{line} -X -w -At -c 'select 6 * 7'"
        done = subprocess.run(
            [STRAIT, "exec", place, "--", "sh", "-c", command],
            env=environment, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
        )
        return done.returncode == 0 and done.stdout.strip() == "42"
