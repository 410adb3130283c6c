"""Asks one DNS question, as `dig` would: `ask.py NAME TYPE [SERVER] [udp|tcp] [SECONDS] [timed]` prints the code, then the answers' data,
sorted; `timed` begins with the seconds that it took.

Without a server it asks the one of /etc/resolv.conf. "silent" after so many seconds without an answer, 15 if nothing is said.
"""

import ipaddress
import secrets
import socket
import struct
import sys
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def main(name, kind, server=None, how="udp", seconds="15", timed=None):
    if server in (None, "-"):
        server = next(line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver"))
    number = secrets.randbits(16)
    labels = b"".join(bytes([len(label)]) + label for label in name.rstrip(".").encode().split(b".") if label)
    question = struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", TYPES[kind], 1)
    start = time.monotonic()
    try:
        answer = by_tcp(server, question, int(seconds)) if how == "tcp" else by_udp(server, question, int(seconds))
    except (TimeoutError, ConnectionError):
        print("silent")
        return
    took = [f"{time.monotonic() - start:.3f}"] if timed else []
    assert struct.unpack_from(">H", answer)[0] == number, "another answer"
    flags, _, count = struct.unpack_from(">HHH", answer, 2)
    place = skip(answer, 12)[0] + 4
    found = []
    for _ in range(count):
        place = skip(answer, place)[0]
        record, _, ttl, length = struct.unpack_from(">HHIH", answer, place)
        found.append(data(answer, place + 10, record, length))
        place += 10 + length
    print(*took, CODES.get(flags & 15, flags & 15), *sorted(found))


def by_udp(server, question, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(seconds)
        asking.connect((server, 53))
        asking.send(question)
        return asking.recv(65535)


def by_tcp(server, question, seconds):
    with socket.create_connection((server, 53), timeout=seconds) as asking:
        asking.sendall(struct.pack(">H", len(question)) + question)
        file = asking.makefile("rb")
        return file.read(struct.unpack(">H", file.read(2))[0])


def skip(message, place):
    """Where a name ends, and the name."""
    labels = []
    while length := message[place]:
        if length >= 192:
            labels.append(skip(message, struct.unpack_from(">H", message, place)[0] & 0x3FFF)[1])
            return place + 2, ".".join(filter(None, labels))
        labels.append(message[place + 1 : place + 1 + length].decode())
        place += 1 + length
    return place + 1, ".".join(labels)


def data(message, place, kind, length):
    raw = message[place : place + length]
    if kind in (TYPES["A"], TYPES["AAAA"]):
        return str(ipaddress.ip_address(raw))
    if kind in (TYPES["NS"], TYPES["CNAME"], TYPES["PTR"]):
        return skip(message, place)[1]
    if kind == TYPES["MX"]:
        return f"{struct.unpack_from('>H', raw)[0]}:{skip(message, place + 2)[1]}"
    if kind == TYPES["SRV"]:
        return ":".join(map(str, struct.unpack_from(">HHH", raw))) + ":" + skip(message, place + 6)[1]
    if kind == TYPES["SOA"]:
        return skip(message, place)[1]
    return raw[1:].decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
