"""A DNS server that answers what tests say."""

import socket
import struct
import threading


class Nameserver:
    """Answers the addresses of names, `answers`, which clients may keep for an hour; counts what it was `asked`."""

    def __init__(self):
        self.answers, self.asked = {}, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self.socket.getsockname())
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        name, end = [], 12
        while query[end]:
            name.append(query[end + 1 : end + 1 + query[end]].decode())
            end += 1 + query[end]
        question = query[12 : end + 5]
        found = self.answers.get(".".join(name).lower())
        # A response, recursion desired and available; without an answer, no such name.
        head = query[:2] + struct.pack(">HHHHH", 0x8180 if found else 0x8183, 1, 1 if found else 0, 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 3600, 4) + socket.inet_aton(found) if found else b""
        return head + question + record

    def close(self):
        self.socket.close()
