"""Stops a server before a step of its work (`STRAIT_STOP_AT`, which only a build with failpoints heeds)."""

import os
import signal
import time


class Stops:
    """In this folder, which servers are told of by `variables`. Of several servers the one that comes to the step first stops."""

    # How long a server may take to the step, in seconds.
    PATIENCE = 60

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.variables = {"STRAIT_STOP_AT": folder}

    def set(self, step):
        with open(os.path.join(self.folder, step), "w", encoding="ascii"):
            pass

    def clear(self):
        for name in os.listdir(self.folder):
            os.remove(os.path.join(self.folder, name))

    def wait(self, pids):
        """Which of these processes has stopped."""
        until = time.monotonic() + self.PATIENCE
        while True:
            for pid in pids:
                if state(pid) == "T":
                    return pid
            left = os.listdir(self.folder)
            if time.monotonic() > until:
                raise AssertionError(f"no server comes to its step: {left} of {pids}")
            time.sleep(0.02)


def goes_on(pid):
    os.kill(pid, signal.SIGCONT)


def state(pid):
    """The letter of proc(5); none of a process that is not there."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None
