"""Interfaces that talk: one process with a UDP socket in each of many namespaces, round and round inside each VPC.

Run inside the anchor's user and mount namespaces. Takes lines `NAMESPACE-FILE ADDRESS VPC` from a file. Writes `ready`, then
sends until SIGTERM, waits for what is under way, and writes what was sent and what came.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time

PORT = 9000
EACH_SECONDS = 1.0
NET = 0x40000000


def main():
    rings = {}
    with open(sys.argv[1]) as lines:
        for line in lines:
            file, address, vpc = line.split()
            rings.setdefault(vpc, []).append((open_in(file, address), address))
    socket_of = {line.fileno(): line for ring in rings.values() for line, _ in ring}
    came = {"count": 0, "bytes": 0}
    stop = threading.Event()
    listening = threading.Thread(target=listen, args=(socket_of, came, stop))
    listening.start()
    going = {"on": True}
    signal.signal(signal.SIGTERM, lambda *_: going.update(on=False))
    print("ready", flush=True)
    pairs = [(ring[i][0], ring[(i + 1) % len(ring)][1]) for ring in rings.values() for i in range(len(ring))]
    sent = refused = 0
    while going["on"]:
        begun = time.monotonic()
        for number, (line, to) in enumerate(pairs):
            try:
                line.sendto(b"x" * 16, (to, PORT))
                sent += 1
            except OSError:
                refused += 1
            if number % 100 == 99 or number == len(pairs) - 1:
                ahead = begun + EACH_SECONDS * (number + 1) / len(pairs) - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
            if not going["on"]:
                break
    time.sleep(2)
    stop.set()
    listening.join()
    print(f"sent {sent} came {came['count']} refused {refused}", flush=True)


def open_in(file, address):
    """A socket of the namespace, made in a thread that has entered it."""
    made = []

    def enter():
        descriptor = os.open(file, os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, NET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {file}")
        os.close(descriptor)
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.setblocking(False)
        line.bind((address, PORT))
        made.append(line)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return made[0]


def listen(socket_of, came, stop):
    poll = select.epoll()
    for number in socket_of:
        poll.register(number, select.EPOLLIN)
    while not stop.is_set():
        for number, _ in poll.poll(0.2):
            try:
                while True:
                    socket_of[number].recv(64)
                    came["count"] += 1
            except BlockingIOError:
                pass


main()
