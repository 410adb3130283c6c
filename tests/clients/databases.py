"""PostgreSQL for tests: the store of a server, and what runs on hosts of the local cloud."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

from cloud import STRAIT, free_port
from stories import PORT

# Tells everybody who asks as PostgreSQL's clients do that there is no TLS, and holds the connection until the other side closes.
SERVER = """
import socket, threading
server = socket.create_server(("", 5432), backlog=64)
print("ready", flush=True)
def talk(client):
    try:
        while client.recv(64):
            client.sendall(b"N")
    except OSError:
        pass
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""


class Store:
    """A PostgreSQL that only this test has. `kill` and `start` as often as one likes."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        initdb = [f"{found_programs()}/initdb", "-D", folder, "-A", "trust", "-U", "strait", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=60)
        self.url = f"postgres://strait@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self):
        programs, port = found_programs(), str(self.port)
        options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self.process = subprocess.Popen(
            [f"{programs}/postgres", "-D", self.folder, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        ready = [f"{programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", port, "-t", "1"]
        until = time.monotonic() + 60
        while subprocess.run(ready, timeout=60, check=False).returncode != 0:
            if time.monotonic() > until:
                self.close()
                raise AssertionError("the store does not start")
            time.sleep(0.1)

    def kill(self):
        """Ends it as a power cut would; what it started ends with it."""
        self.process.kill()
        self.process.wait(timeout=20)

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)


class Speaker:
    """What speaks on a host as PostgreSQL does, as far as clients hear of it."""

    def __init__(self, cloud, host):
        self.process = subprocess.Popen(
            [STRAIT, "exec", host, "--", "python3", "-c", SERVER],
            env=cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()


class Database:
    """A PostgreSQL on a host, which lets everybody in. This machine reaches it by its Unix socket: those cross namespaces."""

    def __init__(self, cloud, host):
        # Not below /tmp: what runs on a host has a /tmp of its own.
        self.folder = tempfile.mkdtemp(prefix="strait-database.", dir="/var/tmp")
        data = os.path.join(self.folder, "data")
        programs = found_programs()
        initdb = [f"{programs}/initdb", "-D", data, "-A", "trust", "-U", "strait", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=60)
        with open(os.path.join(data, "pg_hba.conf"), "a", encoding="ascii") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        options = ["-c", f"port={PORT}", "-c", "listen_addresses=*", "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off"]
        # It refuses to run as user 0, which it would be on a host.
        other_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        self.process = subprocess.Popen(
            [STRAIT, "exec", host, "--", *other_user, f"{programs}/postgres", "-D", data, *options],
            env=cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        ready = [f"{programs}/pg_isready", "-q", "-h", self.folder, "-p", str(PORT), "-t", "1"]
        until = time.monotonic() + 60
        while subprocess.run(ready, timeout=60, check=False).returncode != 0:
            if time.monotonic() > until:
                self.close()
                raise AssertionError("the database does not start")
            time.sleep(0.1)

    def url(self, role):
        """By which this machine reaches it."""
        return f"postgres://{role}@localhost:{PORT}/postgres?host={self.folder}"

    def sql(self, text):
        done = subprocess.run(
            ["psql", "-X", "-At", "-h", self.folder, "-p", str(PORT), "-U", "strait", "-c", text, "postgres"],
            capture_output=True, text=True, timeout=30, check=True,
        )
        return done.stdout.strip()

    def close(self):
        # `strait exec` takes what it started along.
        self.process.terminate()
        self.process.wait(timeout=30)
        until = time.monotonic() + 10
        while os.path.exists(self.folder):
            shutil.rmtree(self.folder, ignore_errors=time.monotonic() < until)


def found_programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise AssertionError("no PostgreSQL is installed: scripts/setup.sh installs one")
    return os.path.dirname(found[-1])


