"""Runs in a host: knocks at doors ten times a second each, seldomer at one that opened, for as long as it is let. Prints a line of JSON for each time that one
opened, and one a second that says how often it has knocked.

`knocking.py WAY=HOST:PORT … [listen:PORT]`; a name is looked up again and again, and where it led to before is knocked at for a while longer.
"""

import collections
import errno
import json
import select
import socket
import sys
import threading
import time

BEAT = 0.1
# How long a door may take to open.
PATIENCE = 1
LOOK_UP = 0.2
# Behind an open door PostgreSQL makes a process for each who knocks.
REST = 0.5
REMEMBERED = 30


def main(words):
    doors = []
    for word in words:
        if word.startswith("listen:"):
            threading.Thread(target=listen, args=(int(word.partition(":")[2]),), daemon=True).start()
            continue
        doors.append(Door(word))
    knock(doors)


class Door:
    def __init__(self, word):
        self.way, _, place = word.partition("=")
        self.host, _, port = place.rpartition(":")
        self.port = int(port)
        self.seen = {}
        self.rests = 0
        threading.Thread(target=self.look_up, daemon=True).start()

    def look_up(self):
        while True:
            try:
                found = socket.getaddrinfo(self.host, self.port, socket.AF_INET, socket.SOCK_STREAM)
            except OSError:
                found = []
            now = time.monotonic()
            kept = {address: seen for address, seen in self.seen.items() if seen > now - REMEMBERED}
            self.seen = kept | {row[4][0]: now for row in found}
            time.sleep(LOOK_UP)


def knock(doors):
    poll, waiting = select.poll(), {}
    knocks = collections.Counter({door.way: 0 for door in doors})
    due = told = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            due = max(due + BEAT, now)
            give_up(poll, waiting, now)
            for door in (door for door in doors if door.rests <= now):
                for address in list(door.seen):
                    knocks[door.way] += 1
                    begin(poll, waiting, door, address)
        if now >= told:
            told = now + 1
            say(knocks=knocks)
        for number, _ in poll.poll(max(0, (due - time.monotonic()) * 1000)):
            poll.unregister(number)
            client, door, address, asked = waiting.pop(number)
            with client:
                if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    door.rests = time.monotonic() + REST
                    say(way=door.way, address=address, asked=asked, opened=time.monotonic())


def begin(poll, waiting, door, address):
    client = socket.socket()
    client.setblocking(False)
    if client.connect_ex((address, door.port)) not in (0, errno.EINPROGRESS):
        client.close()
        return
    poll.register(client, select.POLLOUT)
    waiting[client.fileno()] = (client, door, address, time.monotonic())


def give_up(poll, waiting, now):
    for number, (client, _, _, asked) in list(waiting.items()):
        if asked > now - PATIENCE:
            return
        poll.unregister(number)
        client.close()
        del waiting[number]


def listen(port):
    with socket.create_server(("", port), backlog=64) as server:
        while True:
            server.accept()[0].close()


def say(**words):
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
