"""Runs where an application does, while its database is moved: `moving.py pool|probe HOST PASSWORD`, until its input ends; prints JSON.

`pool`: workers that hold a connection each, as pools do, and try a transaction that fails once more on a new one.
`probe`: a thousand times a second, whether there is a way in at all.
"""

import json
import ssl
import sys
import threading
import time

import pg8000.native

from asking import ask

WORKERS = 4
PORT = 5432


def main(what, host, password):
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print(json.dumps({"pool": pool, "probe": probe}[what](host, password, over)))


def pool(host, password, over):
    counts = {"done": 0, "broken_at_rest": 0, "broken_in_flight": 0, "failed": 0, "errors": []}
    lock = threading.Lock()

    def work():
        connection = connect(host, password)
        while not over.is_set():
            for last in (False, True):
                begun = False
                try:
                    connection.run("BEGIN")
                    begun = True
                    connection.run("INSERT INTO moved DEFAULT VALUES")
                    connection.run("SELECT pg_sleep(0.01)")
                    connection.run("COMMIT")
                except Exception as error:  # whatever the driver raises, the transaction has failed
                    with lock:
                        counts["failed" if last else "broken_in_flight" if begun else "broken_at_rest"] += 1
                        counts["errors"].append(f"{type(error).__name__}: {error}"[:200])
                    connection = again(host, password)
                    continue
                with lock:
                    counts["done"] += 1
                break
            time.sleep(0.02)

    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return counts


def again(host, password):
    """A new connection at once, or the next time."""
    try:
        return connect(host, password)
    except Exception as error:
        return Broken(error)


class Broken:
    def __init__(self, error):
        self.error = error

    def run(self, _):
        raise self.error


def connect(host, password):
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return pg8000.native.Connection("tsdbadmin", host, "tsdb", PORT, password, ssl_context=trusting, timeout=5)


def probe(host, _, over):
    start = time.monotonic()
    answered, whole, again, failed = ask(host, over)
    end = time.monotonic()
    asked = len(answered) + len(whole) + again + len(failed)
    return {
        "asked": asked, "asked_again": again, "failed": failed, "longest": longest(start, answered, end), "longest_to_postgresql": longest(start, whole, end),
        "rate": round(asked / (end - start)),
    }


def longest(start, times, end):
    """The longest time without one of these."""
    times = [start, *times, end]
    return round(max(later - earlier for earlier, later in zip(times, times[1:])), 4)


if __name__ == "__main__":
    main(*sys.argv[1:])
