"""The console: the whole story by clicks, and what must not work in it."""

import json
import os
import re
import unittest
from urllib import error, parse, request

from clicks import Clicks
from cloud import Network, tcp


class Console(Clicks):
    def test_1_the_whole_story_by_clicks(self):
        page = self.browser
        self.sign_in()
        page.click("Customer’s cloud")
        self.look("cloud-empty")
        page.click("Make an example customer")
        account = re.search(r"Account (\d{12})", page.text())[1]
        network = re.search(r"vpc-[0-9a-f]{17}", page.text("//tr[contains(., '10.20.0.0/16')]"))[0]
        self.look("cloud-account")

        page.open("/")
        self.look("services-empty")
        page.click("Create a service")
        page.fill("Name", "orders")
        self.look("service-new")
        page.click("Create")
        password = page.text("//dt[.='Password']/following-sibling::dd//code")
        self.look("service-password")
        page.driver.refresh()
        self.assertEqual(page.text("//dt[.='Password']/following-sibling::dd//code"), password, "sent twice, made once")
        page.click("I have kept it: to the service")
        page.wait_for("Ready")
        self.look("service-public")
        self.assertNotIn(password, page.driver.page_source, "shown once")
        line = page.text("//section[@aria-label='Connect']//code")
        self.assertTrue(self.answers("internet", line, password), "public")

        self.make_vpc("peering", "10.80.0.0/20", wrong="10.80.0.0/8")
        self.peer(account, network)
        self.look("peering-pending")
        page.wait_for("It is the customer’s turn")
        pcx = re.search(r"pcx-[0-9a-f]{17}", page.text())[0]
        self.assertIn(f"accept-vpc-peering-connection --region us-east-1 --vpc-peering-connection-id {pcx}", page.text())
        page.click("do it there")
        self.look("cloud-request")
        page.click("Accept")
        page.wait_for("Active")
        page.click("To the VPC")
        self.look("cloud-vpc")

        # From here on the service is attached, step by step, and each missing piece is found by a try from the customer's instance.
        self.move("orders", "peering", "Attach")
        page.wait_for("The public way is closed", seconds=60)
        self.look("service-private")
        self.assertEqual(page.text("//section[@aria-label='Connect']//code"), line, "the same line")
        self.assertFalse(self.answers("internet", line, password), "not public any more")
        self.try_from("app", "orders", "No connection")
        self.look("try-stopped")
        page.wait_for("It stops here", "//body")
        self.in_vpc(account, network)
        page.click("Add the route")
        page.wait_for("10.80.0.0/20")
        self.try_from("app", "orders", "No connection")
        self.in_vpc(account, network)
        page.choose("Security group", "app")
        page.click("Add the rule")
        page.wait_for("TCP 5432")
        self.look("cloud-vpc-done")
        self.try_from("app", "orders", "PostgreSQL answers")
        self.look("try-reached")
        self.assertTrue(self.answers("app", line, password), "private")
        self.assertFalse(self.answers("internet", line, password), "not public")
        self.try_from("The internet", "orders", "No connection")

        # Another VPC, and the service moved there.
        self.make_vpc("second", "10.81.0.0/20")
        self.peer(account, network)
        page.wait_for("It is the customer’s turn")
        page.click("do it there")
        page.click("Accept")
        self.in_vpc(account, network)
        page.choose("To the range", "10.81.0.0/20", "//section[@aria-label='Route tables']")
        page.click("Add the route")
        page.choose("Security group", "app")
        page.choose("To the range", "10.81.0.0/20", "//section[@aria-label='Security groups']")
        page.click("Add the rule")
        self.move("orders", "second", "Move")
        page.wait_for("through VPC second", seconds=60)
        page.until(lambda: not page.says("on its way"), "moved")
        self.assertTrue(self.answers("app", line, password), "by the other VPC")

        # Public again.
        page.click("Operations", "//nav[@aria-label='Service']")
        self.look("service-operations-attached")
        page.click("Detach…")
        self.look("service-detach")
        page.wait_for("The service will be public again", "//body")
        page.click("Detach: make it public")
        page.wait_for("From the internet (public)", seconds=60)
        self.assertTrue(self.answers("internet", line, password), "public again")
        self.assertFalse(self.answers("app", line, password), "not private any more")

        page.click("Operations", "//nav[@aria-label='Main']")
        page.wait_for("Detach a service", "//body")
        self.look("operations")
        page.click("Detach a service")
        page.wait_for("Close the former way", "//body")
        self.look("operation")
        page.open(self.project + "/events")
        page.wait_for("service.network", "//body")
        self.look("events")

        # What a VPC takes with it is named.
        page.click("Peering VPCs")
        self.look("vpcs")
        page.click("second")
        page.click("Delete…")
        page.wait_for(f"peering connection to {network}", "//body")
        self.look("vpc-delete")
        page.pick("Delete the VPC together with all of these")
        page.click("Delete the VPC and all of these")
        page.until(lambda: not page.says("second"), "the VPC is gone")

        # By the other half, deleted there.
        page.click("peering")
        page.click(network)
        page.click("do it there") if page.offers("do it there") else page.open(f"/cloud/{account}")
        page.click("Delete the connection…")
        page.click("Delete it")
        page.wait_for("Deleted")
        page.open(self.project + "/vpcs")
        page.click("peering")
        page.wait_for("Deleted")
        page.click(network)
        page.click("Ask again")
        page.wait_for("It is the customer’s turn")

        self.deleted_by_the_provider(account, network)

        page.open(self.project + "/services")
        page.click("orders")
        page.click("Operations", "//nav[@aria-label='Service']")
        page.click("Delete the service…")
        page.fill("Type the service’s name to confirm", "other")
        page.click("Delete the service")
        page.wait_for("if you mean it", "//body")
        self.complained(1, "422")
        self.look("service-delete")
        page.fill("Type the service’s name to confirm", "orders")
        page.click("Delete the service")
        page.wait_for("No service yet", seconds=60)

    def deleted_by_the_provider(self, account, network):
        """The request is accepted; then the provider changes its mind twice, and both halves tell of what came of it."""
        page = self.browser
        page.click("do it there")
        page.click("Accept")
        page.wait_for("Active")
        page.open(self.project + "/vpcs")
        page.click("peering")
        page.click(network)
        page.wait_for("The connection is active")
        own, pcx = page.path, re.search(r"pcx-[0-9a-f]{17}", page.text())[0]
        in_the_cloud = lambda: page.text_now(f"//div[contains(@class, 'note')][.//code[.='{pcx}']]")
        page.click("Delete…")
        page.wait_for("Open connections through it end", "//body")
        self.look("peering-delete")
        page.click("Keep it")
        page.wait_for("The connection is active")
        page.open(f"/cloud/{account}")
        self.assertIn("Active", in_the_cloud())

        page.open(own)
        page.click("Delete…")
        page.click("Delete the peering connection")
        page.wait_for("None yet", "//section[@aria-label='Peering connections']")
        self.assertFalse(page.says(network))
        self.look("vpc-without-peerings")
        self.assertEqual(self.cloud.strait_json("peering", "list", "--vpc", "peering"), [])
        page.open(f"/cloud/{account}")
        self.assertIn("Deleted", in_the_cloud())
        self.assertNotIn("Active", page.text(), "nothing of it is open")

    def test_2_without_a_script_it_works_by_reloads(self):
        page = self.browser
        self.sign_in()
        page.scripts(False)
        page.open(self.project + "/services")
        page.click("Create a service")
        page.fill("Name", "plain")
        page.click("Create")
        page.click("I have kept it: to the service")
        page.until(lambda: page.says("Ready"), "made, and the page loaded again by itself")
        page.click("Operations", "//nav[@aria-label='Service']")
        page.click("Stop the service…")
        page.click("Stop the service")
        page.until(lambda: page.says("Stopped"), "stopped")

    def test_3_every_page_is_sound_and_fits_a_narrow_window(self):
        page = self.browser
        self.sign_in()
        self.addCleanup(page.wide)
        for name, path in self.pages().items():
            page.open(path)
            self.look(f"page-{name.replace('/', '-')}")
        page.narrow()
        for name, path in (self.pages() | self.seen).items():
            page.open(path)
            self.assertLessEqual(page.overflow(), 0, f"{name} ({path}) is wider than its window")

    def test_4_a_form_that_is_not_from_here_changes_nothing(self):
        page = self.browser
        self.sign_in()
        page.open(self.project + "/vpcs/new")
        token = page.again(lambda: page.driver.find_element("css selector", "input[name=form_token]").get_attribute("value"))
        cookie = page.driver.get_cookie("strait_session")
        self.assertTrue(cookie["httpOnly"])
        self.assertIn(cookie["sameSite"], ("Lax", "Strict"))
        form = {"cidr": "10.95.0.0/20", "region_code": "us-east-1", "name": "forged"}
        signed_in = {"Cookie": f"strait_session={cookie['value']}"}
        here = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        for what, headers, fields in [
            ("no token", signed_in | here, form),
            ("another token", signed_in | here, form | {"form_token": "0" * len(token)}),
            ("another site", signed_in | {"Sec-Fetch-Site": "cross-site"}, form | {"form_token": token}),
            ("another port's site", signed_in | {"Sec-Fetch-Site": "same-site"}, form | {"form_token": token}),
            ("another origin", signed_in | {"Origin": "http://evil.example"}, form | {"form_token": token}),
            ("no word of where from", signed_in, form | {"form_token": token}),
        ]:
            status, _ = self.post(self.project + "/vpcs/new", headers, fields)
            self.assertEqual(status, 403, what)
        status, where = self.post(self.project + "/vpcs/new", here, form | {"form_token": token})
        self.assertEqual((status, where), (303, "/login"), "nobody is signed in")
        self.assertNotIn("forged", [vpc["name"] for vpc in self.cloud.strait_json("vpc", "list")])
        status, _ = self.post(self.project + "/vpcs/new", signed_in | here, form | {"form_token": token})
        self.assertEqual(status, 303)
        self.assertIn("forged", [vpc["name"] for vpc in self.cloud.strait_json("vpc", "list")])
        self.cloud.strait("vpc", "delete", "forged", "--wait")

    def test_5_more_is_asked_for_and_used_by_clicks(self):
        page = self.browser
        self.sign_in()
        self.cloud.strait("vpc", "create", "--name", "used", "--cidr", "10.96.0.0/20", "--region", "us-east-1", "--wait")
        page.open(self.project + "/services")
        page.click("Quotas, usage")
        page.wait_for("of 3 VPCs", "//body")
        page.choose("What", "Peering VPCs")
        page.fill("How many there should be", "2")
        page.fill("Why", "customers with the same ranges")
        page.click("Ask", "//section[@aria-label='Ask for more']")
        self.complained(1, "422")
        self.assertIn("ask for more than that", page.text("//p[@id='wanted-wrong']"))
        self.assertEqual(page.field("Why").get_attribute("value"), "customers with the same ranges")
        page.fill("How many there should be", "5")
        page.click("Ask", "//section[@aria-label='Ask for more']")
        page.wait_for("Waits for the operator")
        self.look("quotas-asked")
        request_id = re.search(r"qr-[a-z0-9]+", page.text())[0]
        self.cloud.strait("quota", "grant", request_id, "--word", "for these two")
        page.driver.refresh()
        page.wait_for("of 5 VPCs")
        page.wait_for("for these two", "//body")
        page.choose("What", "Services")
        page.fill("How many there should be", "99")
        page.fill("Why", "no idea")
        page.click("Ask", "//section[@aria-label='Ask for more']")
        page.click("Take back…")
        page.click("Take the request back")
        page.wait_for("Taken back")
        self.look("quotas-decided")
        page.click("Usage", "//nav[@aria-label='Quotas and usage']")
        page.wait_for("VPC used", "//body")
        self.look("usage")
        page.click("The month before")
        page.wait_for("The month after", "//body")
        self.cloud.strait("vpc", "delete", "used", "--yes", "--wait")

    def test_6_who_may_connect_is_changed_by_clicks(self):
        page = self.browser
        self.sign_in()
        made = self.cloud.strait_json("service", "create", "--name", "guarded", "--wait")
        line, password = made["connection"], made["initial_password"]
        self.assertTrue(self.answers("internet", f'psql "{line}"', password), "without a list")
        page.open(self.project + "/services")
        page.click("guarded")
        page.wait_for("Everybody, from the whole internet")
        page.click("Change who may come by the public way")
        page.choose("Let in", "Only these ranges")
        page.fill("Ranges", "203.0.113.5/24 the office")
        page.click("Change")
        self.complained(1, "422")
        self.assertIn("write 203.0.113.0/24", page.text("//p[@id='public-wrong']"))
        self.look("allow-wrong")
        page.fill("Ranges", "203.0.113.0/24 the office\n192.0.2.7 a friend")
        page.click("Change")
        page.wait_for("publicly, from 2 ranges")
        page.wait_for("the office", "//body")
        page.wait_for("192.0.2.7/32", "//body")
        self.look("service-allowed")
        self.assertFalse(self.answers("internet", f'psql "{line}"', password), "it is not in the list")
        page.click("Change who may come by the public way")
        page.choose("Let in", "Everybody")
        self.look("allow")
        page.click("Change")
        page.wait_for("Everybody, from the whole internet")
        self.assertTrue(self.answers("internet", f'psql "{line}"', password))
        self.cloud.strait("service", "delete", "guarded", "--yes", "--wait")

    def test_7_an_empty_vpc_of_another_region_is_made_and_deleted(self):
        page = self.browser
        self.sign_in()
        self.make_vpc("overseas", "10.97.0.0/20", region="eu-central-1")
        self.assertEqual(page.text("//dt[.='Region']/following-sibling::dd"), "eu-central-1")
        made = self.cloud.strait_json("vpc", "get", "overseas")
        self.assertEqual(made["region_code"], "eu-central-1")
        page.click("Delete…")
        page.wait_for("in eu-central-1 goes for good. Nothing uses it.", "//body")
        self.assertFalse(page.says("together with all of these"))
        self.look("vpc-delete-empty")
        page.click("Keep it")
        page.wait_for("Created")
        page.click("Delete…")
        page.click("Delete the VPC")
        page.until(lambda: not page.says("overseas"), "the VPC is gone from the list")
        self.assertNotIn("overseas", [vpc["name"] for vpc in self.cloud.strait_json("vpc", "list")])

    def test_8_of_several_projects_one_acts_for_ones_own_connections(self):
        page = self.browser
        self.sign_in()
        self.another_project()
        ec2 = self.cloud.client("several")
        account = self.cloud.client("several", "sts").get_caller_identity()["Account"]
        network = Network(ec2, "10.30.0.0/16")
        self.make_vpc("several", "10.85.0.0/20")
        self.peer(account, network.id)
        page.wait_for("It is the customer’s turn")
        pcx = re.search(r"pcx-[0-9a-f]{17}", page.text())[0]
        self.in_vpc(account, network.id)
        self.complained(1, "404")
        self.assertFalse(page.says(network.table), "the customer did not accept")
        page.open(f"/cloud/{account}")
        page.wait_for(pcx, "//body")
        self.look("cloud-of-several")
        page.click("Accept")
        page.wait_for("Active")
        page.click("To the VPC")
        page.wait_for(network.table, "//body")

        # Of two rules to the same range, the one for the connection is theirs.
        ec2.authorize_security_group_egress(GroupId=network.default_group, IpPermissions=tcp(443, "10.85.0.0/20"))
        page.choose("Security group", "default")
        page.click("Add the rule")
        page.wait_for("TCP 443")
        self.assertEqual(self.described(ec2, network), [None, None, f"PostgreSQL through {pcx}"])
        self.look("cloud-vpc-of-several")
        page.click("Delete…", "//section[@aria-label='Security groups']")
        page.click("Delete the rule")
        self.assertEqual(self.described(ec2, network), [None, None])
        page.wait_for("TCP 443", "//body")
        self.assertFalse(page.offers("Delete…"), "the other one is not theirs")

    def pages(self):
        """Pages that are there whatever the other tests did."""
        names = ["services", "services/new", "vpcs", "vpcs/new", "operations", "events", "members", "keys", "quotas", "usage", "audit"]
        own = {name: f"{self.project}/{name}" for name in names}
        return own | {"projects": "/projects", "account": "/account", "cloud": "/cloud", "try": "/cloud/try"}

    def another_project(self):
        with open(os.path.join(self.cloud.data, "credentials.json"), encoding="utf-8") as file:
            key = json.load(file)["admin_key"]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        asked = request.Request(f"{self.base}/public/api/v1/projects", b'{"name": "other"}', headers, method="POST")
        with request.build_opener(request.ProxyHandler({})).open(asked, timeout=20) as answer:
            self.assertEqual(answer.status, 201)

    def described(self, ec2, network):
        """How the rules of a network's first group for what goes out are described, in order."""
        of_group = [{"Name": "group-id", "Values": [network.default_group]}]
        rules = ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]
        return sorted((rule.get("Description") for rule in rules if rule["IsEgress"]), key=str)

    def post(self, path, headers, fields):
        """Status, and where it leads."""
        asked = request.Request(self.base + path, parse.urlencode(fields).encode(), headers, method="POST")
        opener = request.build_opener(Stay, request.ProxyHandler({}))
        try:
            with opener.open(asked, timeout=20) as answer:
                return answer.status, answer.headers.get("Location")
        except error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.headers.get("Location")


class Stay(request.HTTPRedirectHandler):
    """Goes nowhere."""

    def redirect_request(self, *_):
        return None


if __name__ == "__main__":
    unittest.main()
