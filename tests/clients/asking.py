"""Asks a thousand times a second whether there is a way in by a name, whatever the answers take: looks the name up, and opens a connection
half, as far as the answer to its first packet. PostgreSQL starts a process for each whole one, and no two processors have a thousand of
these in a second; so one of 20 is whole, and asks PostgreSQL whether it speaks TLS.

Who has looked the name up just before a move closes the way that it leads to is refused: that one was in flight, and asks once more. So does who
gets no answer to a datagram or to a half connection, which nobody sends again as the kernel does for a whole one.
"""

import dataclasses
import errno
import select
import socket
import struct
import time

BEAT = 0.001
WHOLE = 20
# For an answer to a datagram or a half connection; and to a whole one, whose first packet the kernel sends again after 1 and 3 s.
PATIENCE, LONG_PATIENCE = 3, 10
PORT = 5432
ROOM = 1 << 24
# Whence half connections are opened: not where the kernel takes ports for whole ones.
PORTS = range(10000, 30000)
SYN, RST, ACK = 2, 4, 16
# A standard query for one name, recursion desired; then the name, and that its IPv4 address is asked for.
QUERY, IPV4 = b"\1\0\0\1\0\0\0\0\0\0", b"\0\0\1\0\1"
TLS = bytes((0, 0, 0, 8, 4, 210, 22, 47))


def ask(host, over):
    """Until it is over: when half connections were answered, when PostgreSQL did, how many asked once more, and why others asked in vain."""
    asking = Asking(host)
    due, number = time.monotonic(), 0
    while not over.is_set():
        now = time.monotonic()
        while due <= now:
            due += BEAT
            asking.look_up(Question(now, is_whole=number % WHOLE == 0))
            number += 1
        asking.give_up(now)
        asking.hear(max(0, due - time.monotonic()))
    return asking.answered, asking.whole, asking.again, asking.failed


@dataclasses.dataclass(frozen=True)
class Question:
    asked: float
    is_whole: bool
    is_second: bool = False


class Asking:
    def __init__(self, host):
        self.name = b"".join(bytes((len(label),)) + label for label in host.encode().split(b"."))
        with open("/etc/resolv.conf", encoding="ascii") as file:
            resolver = next(line.split()[1] for line in file if line.startswith("nameserver"))
        self.dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.dns.connect((resolver, 53))
        self.own = socket.inet_aton(self.dns.getsockname()[0])
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.poll = select.poll()
        for own in (self.dns, self.raw):
            own.setblocking(False)
            # As much as one may have. Answers come while this program waits for a processor: the usual room holds a quarter of a second's.
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            self.poll.register(own, select.POLLIN)
        self.number = 0
        # Questions for the name, half connections by their port, and whole ones by their socket.
        self.looking, self.half, self.open = ({} for _ in range(3))
        self.answered, self.whole, self.again, self.failed = [], [], 0, []

    def look_up(self, question):
        self.number = (self.number + 1) % len(PORTS)
        try:
            self.dns.send(self.number.to_bytes(2, "big") + QUERY + self.name + IPV4)
        except OSError:
            self.failed.append("the resolver was not there for the one before")
            return
        self.looking[self.number] = question

    def ask_again(self, question, why):
        if question.is_second:
            self.failed.append(f"twice: {why}")
            return
        self.again += 1
        self.look_up(dataclasses.replace(question, asked=time.monotonic(), is_second=True))

    def hear(self, seconds):
        for number, events in self.poll.poll(seconds * 1000):
            if number == self.dns.fileno():
                self.drain(self.dns, self.looked_up)
            elif number == self.raw.fileno():
                self.drain(self.raw, self.came)
            else:
                self.went_on(number, events)

    def drain(self, own, take):
        while True:
            try:
                packet = own.recv(2048)
            except OSError:
                return
            take(packet)

    def looked_up(self, reply):
        number = int.from_bytes(reply[:2], "big")
        question = self.looking.pop(number, None)
        if question is None:
            return
        if reply[7] == 0:
            self.failed.append("the name has no address")
            return
        # The answer's last four bytes are the address.
        address = reply[-4:]
        self.half[PORTS[number]] = question
        self.raw.sendto(first_packet(self.own, PORTS[number], address), (socket.inet_ntoa(address), 0))
        if question.is_whole:
            self.connect(address, question)

    def came(self, packet):
        header = (packet[0] & 15) * 4
        there, here = struct.unpack_from("!HH", packet, header)
        question = self.half.pop(here, None) if there == PORT else None
        if question is None:
            return
        if packet[header + 13] & (SYN | ACK | RST) == SYN | ACK:
            self.answered.append(time.monotonic())
        else:
            self.ask_again(question, "refused")

    def connect(self, address, question):
        client = socket.socket()
        client.setblocking(False)
        if client.connect_ex((socket.inet_ntoa(address), PORT)) not in (0, errno.EINPROGRESS):
            client.close()
            self.ask_again(question, "refused")
            return
        self.poll.register(client, select.POLLOUT)
        self.open[client.fileno()] = (client, question)

    def went_on(self, number, events):
        client, question = self.open[number]
        try:
            if events & select.POLLOUT:
                client.sendall(TLS)
                self.poll.modify(client, select.POLLIN)
                return
            is_answer = client.recv(1) == b"S"
        except OSError:
            is_answer = False
        self.end(number)
        if is_answer:
            self.whole.append(time.monotonic())
        else:
            self.ask_again(question, "refused")

    def end(self, number):
        client, _ = self.open.pop(number)
        self.poll.unregister(client)
        client.close()

    def give_up(self, now):
        while self.looking and next(iter(self.looking.values())).asked < now - PATIENCE:
            self.ask_again(self.looking.pop(next(iter(self.looking))), "no answer from the resolver")
        while self.half and next(iter(self.half.values())).asked < now - PATIENCE:
            # A listener whose machine is busy drops what asks for more than it can queue; whole connections tell whether somebody waits in vain.
            self.half.pop(next(iter(self.half)))
            self.again += 1
        while self.open and next(iter(self.open.values()))[1].asked < now - LONG_PATIENCE:
            self.failed.append("no answer from PostgreSQL")
            self.end(next(iter(self.open)))


def first_packet(own, port, address):
    """A TCP header that asks for a connection. Nobody has the port, so the kernel takes the answer back."""
    parts = [port, PORT, port, port, 0, 0, 5 << 12 | SYN, 64240, 0, 0]
    pseudo = struct.unpack("!4H", own + address) + (socket.IPPROTO_TCP, 20)
    total = sum(parts) + sum(pseudo)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    parts[8] = ~total & 0xFFFF
    return struct.pack("!10H", *parts)
