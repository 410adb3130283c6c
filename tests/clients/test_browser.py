"""What drives the browser reads a page that is loaded again all the time."""

import http.server
import os
import threading
import time
import unittest

from browser import Browser

# More of both in `make test-long`.
ROUNDS, PAGES = (40, 20) if os.environ.get("STRAIT_LONG") else (10, 10)
# How long all of it may take, in seconds.
PATIENCE = 300
# Most live for a moment only, some for seconds, so that each look comes to its end on a slow machine too.
PAGE = f"""<!doctype html><script>onload = () => setTimeout(() => location.reload(), Math.random() ** 6 * 3000)</script>
<main>{"<p>restless</p>" * 20}<button type=button>Stay</button></main>""".encode()


class Restless(unittest.TestCase):
    def test_a_page_that_goes_and_comes(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        page = Browser(f"http://127.0.0.1:{server.server_port}")
        self.addCleanup(page.close)

        page.open("/")
        rounds, end = 0, time.monotonic() + PATIENCE
        while rounds < ROUNDS or Page.served < PAGES:
            self.assertLess(time.monotonic(), end, f"{rounds} rounds, {Page.served} pages")
            page.wait_for("restless")
            page.wait_for("restless", "//p")
            self.assertIn("restless", page.text())
            page.click("Stay")
            page.until(lambda: page.says("restless"), "what it says")
            page.until(lambda: page.offers("Stay"), "what it offers")
            self.assertFalse(page.offers("Go"))
            rounds += 1


class Page(http.server.BaseHTTPRequestHandler):
    served = 0

    def do_GET(self):
        Page.served += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            # The browser has gone on to the next one.
            pass

    def log_message(self, *said):
        pass
