"""Ways that must never be, tried all the time, beside ways that are there, so that silence means something."""

import collections
import json
import os
import subprocess
import sys
import threading
import time

from cloud import STRAIT

KNOCKING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "knocking.py")
POSTGRESQL = 5432
# Where the customer's instance takes everything.
OPEN_PORT = 9000


class Forbidden:
    """`while_closed` ways are forbidden from `closed()` to `may_open()`, `always` ones from first to last; `open_` ones answer. Each is
    (way, host, door)."""

    def __init__(self, environment, while_closed, always, open_, listeners):
        self.environment = environment
        self.while_closed = {way for way, _, _ in while_closed}
        self.always = {way for way, _, _ in always}
        self.open = {way for way, _, _ in open_}
        self.words = collections.defaultdict(list)
        for host in listeners:
            self.words[host].append(f"listen:{OPEN_PORT}")
        for way, host, door in (*while_closed, *always, *open_):
            self.words[host].append(f"{way}={door}")
        self.knocks, self.opened, self.spans = {}, [], []
        self.processes, self.threads = {}, []

    def __enter__(self):
        for host, words in self.words.items():
            process = subprocess.Popen(
                [STRAIT, "exec", host, "--", sys.executable, "-B", KNOCKING, *words],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            )
            self.processes[host] = process
            thread = threading.Thread(target=self.hear, args=(process,), daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
        for thread in self.threads:
            thread.join(timeout=10)
        for process in self.processes.values():
            process.stdout.close()
            process.wait()

    def hear(self, process):
        for line in process.stdout:
            told = json.loads(line)
            if "knocks" in told:
                self.knocks |= told["knocks"]
            else:
                self.opened.append((told["way"], told["asked"], told["opened"]))

    def closed(self):
        """From now on what is forbidden while the service is attached is forbidden."""
        if not self.spans or self.spans[-1][1] is not None:
            self.spans.append((time.monotonic(), None))

    def may_open(self):
        """Before anything is asked for that opens it."""
        if self.spans and self.spans[-1][1] is None:
            self.spans[-1] = (self.spans[-1][0], time.monotonic())

    def broken(self):
        """What opened though it must not: by a way, when it was asked and when it opened."""
        return [row for row in list(self.opened) if row[0] in self.always or row[0] in self.while_closed and self.was_closed(row)]

    def was_closed(self, row):
        _, asked, opened = row
        return any(start <= asked and (end is None or opened <= end) for start, end in self.spans)

    def check(self, test):
        """No forbidden way was open; each was tried all the time, and what is open answered all the time."""
        ended = {host: process.poll() for host, process in self.processes.items() if process.poll() is not None}
        test.assertEqual(ended, {}, "who knocks does so to the end")
        test.assertEqual(self.broken(), [], "forbidden ways stayed closed")
        ways, until = self.always | self.while_closed | self.open, time.monotonic() + 60
        while time.monotonic() < until and any(self.knocks.get(way, 0) <= 20 for way in ways):
            time.sleep(0.1)
        test.assertEqual(self.broken(), [], "nor while more was tried")
        answers = collections.Counter(way for way, _, _ in self.opened)
        print(f"knocks {self.knocks}, answers {dict(answers)}")
        for way in ways:
            test.assertGreater(self.knocks.get(way, 0), 20, f"{way} was tried")
        for way in self.open:
            test.assertGreater(answers[way], self.knocks[way] * 0.8, f"{way} is open")
