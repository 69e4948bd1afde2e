"""Promise: a server that is no broker, or one that talks before it answers a
hello, is connected to again and again and costs nothing else: no process of
ours ends or grows, and a mesh with an honest broker does not notice
(delivery.md section 1 promise 5).
"""

import socket
import threading

import pytest

from harness import Member, hostile, wait_for
from harness.evil import Evil

KEYED = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
         b"Connection: Upgrade\r\n")
ENDLESS = object()

# What is answered to the request to upgrade; ENDLESS: the last of it goes on.
ANSWERS = [
    (b"",), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",),
    (b"HTTP/1.1 301 X\r\nLocation: ws://127.0.0.1:1/ws\r\n\r\n",),
    (b"HTTP/1.1 401 X\r\nWWW-Authenticate: Basic\r\n\r\n",),
    (b"HTTP/1.1 101 X\r\n\r\n",), (KEYED + b"\r\n",),
    (KEYED + b"Sec-WebSocket-Accept: AAAA\r\n\r\n" +
     hostile.raw_frame(hostile.TEXT, b'{"type":"hello_ack"}'),),
    (KEYED + b"Sec-WebSocket-Accept: " + b"A" * 60_000 + b"\r\n\r\n",),
    (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, ENDLESS),
    (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, ENDLESS),
    (b"HTTP/1.1 " + b"9" * 100_000,), (b"\x00\xff" * 50_000,),
    (b"SSH-2.0-x\r\n",), (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n"
                          b"Content-Length: -1\r\n\r\n",),
]


class NoBroker:
    """Each connection of a mesh gets that mesh's answer."""

    def __init__(self, answer):
        self.answer = answer
        self.count = 0
        self.held = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.sock.getsockname()[1]}/ws"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            self.held.append(s)
            self.count += 1
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        """Some 16 MiB, where there is no end to it."""
        try:
            s.settimeout(20)
            s.recv(65536)
            for piece in self.answer:
                if piece is ENDLESS:
                    last = self.answer[-2]
                    for _ in range((16 << 20) // len(last)):
                        s.sendall(last)
                else:
                    s.sendall(piece)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for s in self.held:
            s.close()


@pytest.fixture
def evil(make):
    return Evil(make)


def test_what_is_no_upgrade(make, evil):
    servers = [make.keep(NoBroker(a)) for a in ANSWERS]
    for i, server in enumerate(servers):
        evil.daemon.add_mesh(Member(f"m-{i}", f"member-{i}", slug=f"no-{i}"
                                    ).mesh_file(server.url))
    evil.daemon.ms("reload")
    slugs = {f"no-{i}" for i in range(len(servers))}
    wait_for(lambda: slugs <= {p.get("mesh") for p in evil.daemon.processes(
        "member") if p["pid"]}, 20)
    with evil.watched():
        evil.meanwhile(lambda: min(s.count for s in servers) >= 3)
        states = evil.daemon.api().get("/v1/health").json["brokers"]
        assert {states[s] for s in slugs} <= {"reconnecting", "connecting"}
        assert states["good"] == "open"


def test_much_before_the_answer_to_a_hello(evil):
    """Pushes that come so early are kept, or left to the broker: none is
    acknowledged that is not stored, and none is there twice."""
    sender = hostile.KEY
    early = [evil.broker.multicast(evil.member.mesh_id, sender, f"early {i}")
             for i in range(3000)]
    raw = b"".join(hostile.raw_frame(
        hostile.TEXT, hostile.text_of(f).encode()) for f in early)
    first = evil.conn
    given = set()               # connections that have got all of them

    def hello(conn):
        if conn.pub == evil.victim.pubkey and not given:
            given.add(conn.number)
            conn.put_raw(raw + hostile.raw_frame(hostile.TEXT, hostile.text_of(
                evil.broker.hello_ack(conn)).encode()))
            return []
        return [evil.broker.hello_ack(conn)]

    def rows():
        return evil.daemon.query("SELECT broker_message_id AS id FROM inbox"
                                 " WHERE sender = ?", sender)

    def all_stored():
        """A connection that was given up over it is given all again."""
        conn = evil.conn
        if conn.number not in given and conn is not first:
            given.add(conn.number)
            conn.put_raw(raw)
        return len(rows()) >= len(early)
    with evil.watched():
        evil.broker.hello = hello
        first.cut()
        evil.meanwhile(all_stored)
        evil.broker.hello = "ack"
        evil.fence()
        assert sorted(r["id"] for r in rows()) == sorted(
            f["messageId"] for f in early)
        evil.broker.wait(lambda: {f["messageId"] for f in early} <= {
            f["brokerMessageId"] for c in evil.broker.conns
            for f in c.of("client_ack")}, 15, "all are acknowledged")
