"""A proxy between a client of the AWS APIs and an endpoint: it writes down what is asked, and lets calls fail as networks and AWS do."""

import collections
import http.client
import http.server
import socket
import struct
import threading
import time
import urllib.parse

# What a call that fails comes to.
LOST = "lost"  # it takes effect, and nobody hears of it
BROKEN = "broken"  # 500, and it took no effect
THROTTLED = "throttled"  # 503, and it took no effect
SILENT = "silent"  # nobody answers, and it took no effect

# How often looks go on to fail: the SDK gets over two, but its budget for that only over one for ever.
REPEATED = 1

# For how long a silent call is held: longer than an attempt may take.
SILENCE = 12


class Proxy:
    """`url` is where it listens. `fail(mode, times)` lets each new call that changes something, or that `which` picks by its action,
    fail so often before it passes, or of so many `parts` of these calls, one after another, those of one part; `None` lets all pass.
    What only looks fails anew after each time that it passed, once. `asked` has every attempt: (time, action, Region). `others` has endpoints of
    APIs by their names in signatures, for what the first one does not have."""

    def __init__(self, endpoint, **others):
        self.target = urllib.parse.urlsplit(endpoint).netloc
        self.others = {name: urllib.parse.urlsplit(url).netloc for name, url in others.items()}
        self.mode, self.times, self.part, self.parts, self.which = None, 0, 0, 1, changes
        self.failures, self.failed = {}, 0  # how often a call is still to fail, and how often it is to
        self.asked = []
        self.delay = 0  # how long each answer takes longer, in seconds
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self):
                try:
                    proxy.pass_on(self)
                except ConnectionError:
                    # Who asked was killed, or who is asked.
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = do_PUT = do_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def fail(self, mode, times=1, part=0, parts=1, which=None):
        with self.lock:
            self.mode, self.times, self.part, self.parts, self.which = mode, times, part, parts, which or changes
            self.failures.clear()
            self.failed = 0

    def since(self, start):
        """How often each action was asked for since then."""
        return collections.Counter(action for action, _ in self.in_regions_since(start).elements())

    def in_regions_since(self, start):
        """The same for each Region by itself: (action, Region)."""
        with self.lock:
            return collections.Counter((action, region) for when, action, region in self.asked if when >= start)

    def pass_on(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        action, call = named(handler, body)
        time.sleep(self.delay)
        with self.lock:
            self.asked.append((time.monotonic(), action, signed_for(handler)[0]))
            mode = self.mode if self.which(action) and self.fails(call, changes(action)) else None
        if mode == SILENT:
            time.sleep(SILENCE)
        if mode in (SILENT, LOST):
            if mode == LOST:
                self.forward(handler, body)
            # A reset, as after a crash of whatever is between.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            return
        if mode == BROKEN:
            answer = (500, {"Content-Type": "text/xml"}, error("InternalError", "An internal error has occurred"))
        elif mode == THROTTLED:
            answer = (503, {"Content-Type": "text/xml"}, error("RequestLimitExceeded", "Request limit exceeded."))
        else:
            answer = self.forward(handler, body)
        status, headers, text = answer
        handler.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def fails(self, call, once):
        """Whether this attempt fails; counts it."""
        if call not in self.failures:
            mine = len(self.failures) % self.parts == self.part
            self.failures[call] = [self.times if mine else 0] * 2
        left, times = self.failures[call]
        if left > 0:
            self.failures[call][0] -= 1
            self.failed += 1
            return True
        if not once:
            self.failures[call][0] = min(times, REPEATED)
        return False

    def forward(self, handler, body):
        connection = http.client.HTTPConnection(self.others.get(signed_for(handler)[1], self.target), timeout=60)
        try:
            # The Host header is signed, so that it goes on as it came.
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


def named(handler, body):
    """The action, and what tells this call from others of it: not its signature, nor its client token."""
    form = urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    fields = {name: value for name, value in form if name != "ClientToken"}
    if "Action" in fields:
        return fields["Action"], (fields["Action"], tuple(sorted(fields.items())))
    path = handler.path.split("?")[0]
    action = f"route53:{handler.command}:{path.rstrip('/').rsplit('/', 1)[-1]}"
    return action, (action, handler.path, body)


def signed_for(handler):
    """The Region and the API, by their names in the request's signature: `Credential=KEY/DATE/REGION/API/aws4_request`."""
    parts = handler.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
    return (parts[2], parts[3]) if len(parts) > 3 else ("", "")


def changes(action):
    if action.startswith("route53:"):
        return not action.startswith("route53:GET")
    return not action.startswith(("Describe", "Get", "List", "AssumeRole"))


def looks(action):
    return not changes(action) and not action.startswith("AssumeRole")


def error(code, message):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>'
        f"</Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
    ).encode()
