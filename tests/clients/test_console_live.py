"""Pages of the console draw themselves anew while something goes on; what is to be copied is."""

import re
import unittest

from clicks import Clicks

# For how long a move leaves the former way open, in seconds: so long a step is being done.
DRAIN = 8
STEPS = "//ol[contains(@class, 'steps')]"
CONNECT = "//section[@aria-label='Connect']"
AMID = re.compile(r"Leave the former way open for open connections\s+being done.*Close the former way\s+to come", re.DOTALL)
PAST = re.compile(r"Leave the former way open for open connections\s+done.*Close the former way\s+done", re.DOTALL)

WATCH = """
const button = arguments[0];
const said = window.said = [];
new MutationObserver(() => said.push(button.textContent)).observe(button, { childList: true });
"""
WRITE = "navigator.clipboard.writeText(arguments[0]).then(arguments[1], error => arguments[1](String(error)))"
READ = "navigator.clipboard.readText().then(arguments[0], error => arguments[0](String(error)))"


class Live(Clicks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud.strait("vpc", "create", "--name", "harbour", "--cidr", "10.80.0.0/20", "--region", "us-east-1", "--wait")

    def setUp(self):
        self.sign_in()

    def test_a_move_shows_each_step_while_it_goes_on(self):
        page = self.browser
        self.cloud.strait("service", "create", "--name", "followed", "--wait")
        self.move("followed", "harbour", "Attach", drain=DRAIN)
        self.keep()
        self.goes_on()
        page.wait_for("The public way is closed", CONNECT, 60)
        self.is_over()

        # Somebody else moves it back: of this nothing was there when the page was loaded.
        self.assertNotIn("From the internet", page.text(CONNECT))
        self.cloud.strait("service", "detach", "followed", "--drain", str(DRAIN))
        self.goes_on()
        page.wait_for("From the internet (public)", CONNECT, 60)
        self.is_over()

    def test_an_operation_shows_each_step_while_it_goes_on(self):
        page = self.browser
        self.cloud.strait("service", "create", "--name", "watched", "--wait")
        asked = self.cloud.strait_json("service", "attach", "watched", "harbour", "--drain", str(DRAIN))["operation_id"]
        page.open(f"{self.project}/operations/{asked}")
        self.keep()
        self.goes_on()
        page.wait_for("Succeeded", "//dt[.='State']/following-sibling::dd[1]", 60)
        self.assertRegex(page.text(STEPS), PAST)
        self.is_kept()
        self.look("operation-over")

    def test_lines_are_copied(self):
        page = self.browser
        page.told("Browser.grantPermissions", origin=self.base, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.addCleanup(page.told, "Browser.resetPermissions")
        line = self.cloud.strait_json("service", "create", "--name", "copied", "--wait")["connection"]
        page.open(self.project + "/services")
        page.click("copied")
        page.wait_for("From the internet (public)", CONNECT, 60)
        self.assertEqual(self.copied(1), f'psql "{line}"')
        url, here = self.copied(2), self.copied(3)
        self.assertRegex(url, r"^postgres://tsdbadmin@[a-z0-9.-]+:5432/tsdb\?sslmode=verify-full$")
        self.assertEqual(here, page.text(f"{block(3)}//code"))
        self.assertIn("127.0.0.1", here)

        self.keep()
        page.driver.execute_script("window.former = document.getElementById('connect')")
        self.cloud.strait("service", "attach", "copied", "harbour", "--wait")
        page.wait_for("The public way is closed", CONNECT, 60)
        self.is_over()
        self.assertFalse(page.driver.execute_script("return window.former.isConnected"), "it was drawn anew")
        self.assertEqual((self.copied(1), self.copied(2)), (f'psql "{line}"', url))
        self.is_kept()
        self.look("service-copied")

    def goes_on(self):
        """One step is being done, the next is to come."""
        page = self.browser
        page.until(lambda: AMID.search(page.text_now(STEPS)), "a step that is being done")
        self.is_kept()

    def is_over(self):
        page = self.browser
        page.until(lambda: not page.text_now(STEPS), "no step is shown any more")
        self.is_kept()

    def keep(self):
        """Puts a mark into the page, which it has until it is loaded again."""
        self.browser.driver.execute_script("window.kept = 1")

    def is_kept(self):
        self.assertEqual(self.browser.driver.execute_script("return window.kept"), 1, "the page was loaded again")

    def copied(self, place):
        """What is in the clipboard after a click beside this line."""
        page = self.browser
        self.assertIsNone(page.driver.execute_async_script(WRITE, "something else"))
        page.driver.execute_script(WATCH, page.find(f"{block(place)}/button"))
        page.click("Copy", block(place))
        said = page.until(lambda: page.driver.execute_script("return window.said[0]"), "what the button says")
        self.assertEqual(said, "Copied")
        return page.driver.execute_async_script(READ)


def block(place):
    return f"({CONNECT}//div[contains(@class, 'copy')])[{place}]"


if __name__ == "__main__":
    unittest.main()
