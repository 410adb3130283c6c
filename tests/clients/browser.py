"""A browser that is told what to do in the words that its user reads."""

import os
import shutil
import tempfile
import time

from selenium import webdriver
from selenium.common.exceptions import InvalidSessionIdException, NoSuchWindowException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=1280,900",
]
PATIENCE = 30
# The browser itself has ended: no other page comes.
GONE_FOR_GOOD = (InvalidSessionIdException, NoSuchWindowException)
AXE = os.environ.get("STRAIT_AXE")

# What is wrong with a page for somebody who hears it, or has no mouse: enough to notice a slip, no full audit.
AUDIT = """
const wrong = [];
const seen = new Set();
if (document.documentElement.lang !== "en") wrong.push("the page does not say its language");
if (!document.title) wrong.push("the page has no title");
if (document.querySelectorAll("main").length !== 1) wrong.push("there is not one main part");
if (document.querySelectorAll("h1").length !== 1) wrong.push("there is not one heading of the first level");
for (const one of document.querySelectorAll("[id]")) {
    if (seen.has(one.id)) wrong.push(`two have the id ${one.id}`);
    seen.add(one.id);
}
for (const one of document.querySelectorAll("input:not([type=hidden]):not([hidden]), select, textarea")) {
    const label = [...(one.labels || [])].map(each => each.textContent).join("").trim();
    if (!label && !one.getAttribute("aria-label")) wrong.push(`a field without a label: ${one.outerHTML}`);
}
for (const one of document.querySelectorAll("[aria-describedby]"))
    for (const id of one.getAttribute("aria-describedby").split(" "))
        if (!document.getElementById(id)) wrong.push(`${one.name} is described by ${id}, which is not there`);
for (const one of document.querySelectorAll("a[href], button, summary"))
    if (!one.textContent.trim() && !one.getAttribute("aria-label")) wrong.push(`nothing to read: ${one.outerHTML}`);
for (const one of document.querySelectorAll("[style], script:not([src])")) wrong.push(`written into the page: ${one.outerHTML}`);
for (const one of document.querySelectorAll("form"))
    if (one.method !== "get" && !one.querySelector("input[name=form_token]")) wrong.push(`a form without a token: ${one.action}`);
return wrong;
"""


RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run().then(
    found => done(found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`)),
    error => done([String(error)]));
"""


class Browser:
    """Chromium without a window. `close` ends it and forgets all that it has kept."""

    def __init__(self, base):
        self.base = base
        self.folder = tempfile.mkdtemp(prefix="strait-browser.")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
        for flag in [*FLAGS, f"--user-data-dir={self.folder}/profile"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        environment = os.environ | {"HOME": self.folder, "NO_PROXY": "*"}
        service = Service(shutil.which("chromedriver"), env=environment)
        try:
            self.driver = webdriver.Chrome(options=options, service=service)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.driver.set_page_load_timeout(PATIENCE)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, path):
        self.driver.get(path if ":" in path else self.base + path)

    @property
    def path(self):
        return self.again(lambda: self.driver.current_url).removeprefix(self.base)

    def heading(self):
        return self.text("//h1")

    def text(self, within="//main"):
        """What is shown there says, once it is there."""
        shown = lambda: [one.text for one in self.driver.find_elements(By.XPATH, within) if one.is_displayed()]
        return self.until(shown, within)[0]

    def find(self, path):
        """The one that is shown, waited for."""
        shown = lambda: [one for one in self.driver.find_elements(By.XPATH, path) if one.is_displayed()]
        found = self.until(shown, path)
        return found[0]

    def click(self, words, within="//body"):
        """Clicks on the link, button or summary that says so, and waits for the page that comes of it, if one does."""
        said = f"normalize-space()={quoted(words)}"
        here = f"{within}//*[self::a or self::button or self::summary][{said}]"

        def clicked():
            found = self.find(here)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
            before = self.driver.find_element(By.TAG_NAME, "html")
            stays = found.tag_name == "summary" or found.get_attribute("type") == "button"
            found.click()
            return None if stays else before

        before = self.again(clicked)
        if before:
            self.until(lambda: is_gone(before), f"the page after {words!r}")
            self.until(lambda: self.driver.execute_script("return document.readyState") == "complete", "the page")

    def fill(self, label, value):
        def filled():
            field = self.field(label)
            field.clear()
            field.send_keys(value)

        self.again(filled)

    def choose(self, label, words, within="//main"):
        """Chooses the option that has these words in it."""

        def chosen():
            box = Select(self.field(label, within))
            fitting = [one.text for one in box.options if words in one.text]
            assert len(fitting) == 1, f"{words!r} is in {fitting} of {[one.text for one in box.options]}"
            box.select_by_visible_text(fitting[0])

        self.again(chosen)

    def pick(self, words):
        """Picks one of several, or ticks a box, by what stands beside it."""
        self.again(lambda: self.find(f"//label[contains(., {quoted(words)})]").click())

    def field(self, label, within="//main"):
        """The field with this label, whatever is small behind it."""
        labelled = self.find(f"{within}//label[starts-with(normalize-space(), {quoted(label)})]")
        named = labelled.get_attribute("for")
        if named:
            return self.driver.find_element(By.ID, named)
        return labelled.find_element(By.XPATH, ".//input | .//select")

    def wait_for(self, words, within="//main", seconds=PATIENCE):
        """Waits until the page says this, by itself or by being loaded again."""
        say = lambda: words in self.text_now(within)
        try:
            self.until(say, words, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.text_now(within)}") from None

    def text_now(self, within="//main"):
        """What it says at this moment, which may be nothing."""
        return self.again(lambda: " ".join(one.text for one in self.driver.find_elements(By.XPATH, within)))

    def says(self, words):
        return words in self.text_now("//body")

    def offers(self, words):
        """Whether something to click on says so."""
        said = f"//*[self::a or self::button or self::summary][normalize-space()={quoted(words)}]"
        return self.again(lambda: any(one.is_displayed() for one in self.driver.find_elements(By.XPATH, said)))

    def until(self, look, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while True:
            found = self.again(look)
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not there after {seconds} s: {what}, on {self.path}")
            time.sleep(0.1)

    def again(self, deed, seconds=PATIENCE):
        """Does it on the page that is there: while one goes and the next comes, the driver knows many names for what it lost."""
        end = time.monotonic() + seconds
        while True:
            try:
                return deed()
            except GONE_FOR_GOOD:
                raise
            except WebDriverException:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def narrow(self):
        self.size(375, 800)

    def wide(self):
        self.size(1280, 900)

    def size(self, width, height):
        self.told("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def dark(self, is_dark=True):
        word = "dark" if is_dark else "light"
        self.told("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": word}])

    def scripts(self, run):
        self.told("Emulation.setScriptExecutionDisabled", value=not run)

    def told(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.driver.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def audit(self):
        """What is wrong for who cannot see it; by axe-core too, where STRAIT_AXE names its script."""
        wrong = self.driver.execute_script(AUDIT)
        if AXE:
            with open(AXE) as file:
                self.driver.execute_script(file.read())
            wrong += self.driver.execute_async_script(RUN_AXE)
        return wrong

    def complaints(self):
        """What the browser complained of since it was asked last: what the policy forbids, errors of the script."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def shot(self, file):
        """A picture of the whole page."""
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        width = self.driver.execute_script("return window.innerWidth")
        self.size(width, max(height, 400))
        self.driver.save_screenshot(file)


def is_gone(element):
    try:
        element.is_enabled()
        return False
    except WebDriverException:
        return True


def quoted(words):
    """A literal of XPath, which knows no way to write both quotes."""
    if "'" not in words:
        return f"'{words}'"
    return f'"{words}"'
