"""A broker that does what a test tells it, and checks all that it is told.

It speaks the wire protocol as deployed brokers do: no features unless named,
no deduplication.  Every frame is kept; every fault of a client against the
protocol goes into `violations`, which must be empty at the end of a test.
"""

import asyncio
import base64
import json
import os
import socket
import string
import threading
import time

import websockets

from . import aio
from .checks import Checks
from .keys import now_ms
from .prefix import SLOW
from .topics import Topics
from .wait import remaining

BASE62 = string.ascii_letters + string.digits
FRAME_MAX = 65536
NOT_CONNECTED = ("no connected peer for target (not online, or targetSpec is"
                 " your own key without another session)")
RATE_LIMIT = "rate_limit: max 60 msg/min (burst 10) — slow down"
GRANTS = "blocked by recipient grants (sender lacks dm capability)"


def message_id():
    return "".join(BASE62[b % 62] for b in os.urandom(32))


def iso_now():
    t = now_ms()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t // 1000)) + \
        f".{t % 1000:03d}Z"


class Conn:
    """One connection of a client."""

    def __init__(self, broker, ws, number):
        self.broker = broker
        self.ws = ws
        self.number = number
        self.hello = None
        self.frames = []        # all, the hello included
        self.texts = []         # the same as they travelled
        self.opened = time.monotonic()
        self.unacked = []       # (id, target) of sends not answered yet
        self.window_max = 0     # most of them at once
        self.per_target_max = 0
        self.closed = False
        self.closed_at = None

    def __repr__(self):
        return (f"<{self.number} {self.kind} {len(self.frames)} frames"
                f"{' closed' if self.closed else ''}>")

    @property
    def kind(self):
        return self.hello and {"hello": "member",
                               "session_hello": "session"}[self.hello["type"]]

    @property
    def pub(self):
        return self.hello.get("sessionPubkey") or self.hello["pubkey"]

    def of(self, kind):
        return [f for f in self.frames if f["type"] == kind]

    @property
    def sends(self):
        return self.of("send")

    async def write(self, frame):
        try:
            await self.ws.send(frame if isinstance(frame, (str, bytes))
                               else json.dumps(frame, ensure_ascii=False))
        except websockets.ConnectionClosed:
            pass

    def put(self, *frames):
        """Push frames (objects, text or bytes) to the client as they are."""
        async def go():
            for f in frames:
                await self.write(f)
        aio.run(go())

    def put_raw(self, data):
        """Bytes below the WebSocket framing, all of them; they may wait in
        our own buffer."""
        aio.loop().call_soon_threadsafe(self.ws.transport.write, data)

    def cut_soon(self):
        """Drop the TCP connection when all of that is written."""
        aio.loop().call_soon_threadsafe(self.ws.transport.close)

    def stop_reading(self):
        """From here on the kernel's buffers fill."""
        aio.loop().call_soon_threadsafe(self.ws.transport.pause_reading)

    def start_reading(self):
        aio.loop().call_soon_threadsafe(self.ws.transport.resume_reading)

    def ack(self, frame, **changes):
        """Answer a send now (when the broker holds acks back)."""
        aio.run(self.broker.answer_send(self, frame, changes))

    def close(self, code=1000, reason=""):
        async def go():
            await self.ws.close(code, reason)
        aio.run(go())

    def cut(self):
        """Drop the TCP connection without a word."""
        async def go():
            self.ws.transport.abort()
        aio.run(go())


class ScriptedBroker(Checks):
    """Set attributes at any time; they count from the next frame on.

    features    what hello_ack names; None leaves the member out
    hello       "ack", "ignore" (never answered), or a function (conn) of
                frames to answer with instead; a pair (code, reason) closes
    acks        "auto", "hold" (until Conn.ack), or a function (conn, frame)
                that gives changes to the ack, or None to hold it
    route       pass direct messages on to the connection with that key
    answers     by type of request: a function (conn, frame) that gives what
                is answered, a frame or a list of them; None: nothing.  The
                _reqId is echoed unless `echo` is off
    watch       called with (conn, frame) before a frame counts as received
    deaf        connections whose pings are noted and not answered
    """

    def __init__(self, members=(), features=None, tls=None):
        self.members = {m.key.pub: m for m in members}
        self.features = features
        self.tls = tls
        self.hello = "ack"
        self.acks = "auto"
        self.route = False
        self.list_peers = True
        self.topics = Topics(self)
        self.answers = {}
        self.echo = True
        self.watch = None
        self.deaf = set()
        self.pings = []         # (connection, monotonic time)
        self.conns = []
        self.violations = []
        self.attempts = 0       # TCP connections taken while silent
        self._new = threading.Condition()
        # Bound for life, never listened on: the port stays ours while the
        # broker is away, and connecting to it is refused.
        self._keep = self._bind(0)
        self.port = self._keep.getsockname()[1]
        self._server = None
        self._silent = []

    @staticmethod
    def _bind(port):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        return s

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/ws"

    # --- life ---

    def start(self):
        async def go():
            self._server = await websockets.serve(
                self._serve, sock=self._bind(self.port), ssl=self.tls,
                max_size=FRAME_MAX, ping_interval=None, compression=None,
                close_timeout=0.5)
        aio.run(go())
        return self

    def stop(self, code=1001, reason="shutting down"):
        """Go away properly; the port then refuses connections."""
        async def go():
            await asyncio.gather(*(c.ws.close(code, reason)
                                   for c in self.conns if not c.closed))
            await self._shut()
        aio.run(go())

    def crash(self):
        """Go away as if killed: connections are cut."""
        async def go():
            for c in self.conns:
                if not c.closed:
                    c.ws.transport.abort()
            await self._shut()
        aio.run(go())

    async def _shut(self):
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        for w in self._silent:
            w.transport.abort()
        self._silent = []

    def silent(self):
        """Take TCP connections and never say a word on them."""
        async def hush(reader, writer):
            with self._new:
                self.attempts += 1
                self._silent.append(writer)
                self._new.notify_all()
            while await reader.read(65536):
                pass

        async def go():
            for c in self.conns:
                if not c.closed:
                    c.ws.transport.abort()
            await self._shut()
            self._server = await asyncio.start_server(
                hush, sock=self._bind(self.port))
        aio.run(go())

    def speak(self):
        """Serve again; the connections that were silent stay so."""
        async def go():
            self._server.close()
            self._server = None
        aio.run(go())
        return self.start()

    def close(self):
        self.crash()
        self._keep.close()
        assert not self.violations, self.violations[:5]

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.crash()
            self._keep.close()

    # --- serving ---

    async def _serve(self, ws):
        conn = Conn(self, ws, len(self.conns) + 1)
        self.fault_if(ws.path != "/ws", conn, f"path {ws.path}")
        pong = ws.pong

        async def on_ping(data=b""):
            self.pings.append((conn, time.monotonic()))
            if conn not in self.deaf:
                await pong(data)
        ws.pong = on_ping
        with self._new:
            self.conns.append(conn)
            self._new.notify_all()
        try:
            async for text in ws:
                await self._take(conn, text)
        except websockets.ConnectionClosed:
            pass
        with self._new:
            conn.closed, conn.closed_at = True, time.monotonic()
            self._new.notify_all()

    async def _take(self, conn, text):
        try:
            frame = json.loads(text)
        except ValueError:
            self.fault_if(True, conn, f"not JSON: {text[:80]!r}")
            return
        self.fault_if(not isinstance(text, str), conn, "a binary frame")
        first = conn.hello is None
        if first:
            self.check_hello(conn, frame)
            conn.hello = frame
        if frame.get("type") == "send":
            self.check_send(conn, frame)
            conn.unacked.append((frame["id"], frame["targetSpec"]))
            conn.window_max = max(conn.window_max, len(conn.unacked))
            conn.per_target_max = max(conn.per_target_max, sum(
                t == frame["targetSpec"] for _, t in conn.unacked))
        if self.watch is not None:
            self.watch(conn, frame)
        with self._new:
            conn.frames.append(frame)
            conn.texts.append(text)
            self._new.notify_all()
        if first:
            await self.answer_hello(conn)
        elif frame.get("type") == "send":
            await self.maybe_ack(conn, frame)
        elif frame.get("type") in self.answers:
            await self.answer_request(conn, frame)
        elif frame.get("type") == "list_peers" and self.list_peers:
            await conn.write({"type": "peers_list", "peers": self.peers(),
                              "_reqId": frame.get("_reqId")})
        else:
            await self.topics.answer(conn, frame)

    async def answer_request(self, conn, frame):
        answer = self.answers[frame["type"]](conn, frame)
        if isinstance(answer, dict):
            answer = [answer]
        for f in answer or []:
            echo = {"_reqId": frame.get("_reqId")} if self.echo else {}
            await conn.write({**f, **echo})

    async def answer_hello(self, conn):
        if self.hello == "ignore":
            return
        if callable(self.hello):
            answer = self.hello(conn)
            if isinstance(answer, tuple):
                await conn.ws.close(*answer)
                return
            for frame in answer:
                await conn.write(frame)
            return
        await conn.write(self.hello_ack(conn))

    def hello_ack(self, conn, **changes):
        ack = {"type": "hello_ack", "presenceId": message_id(),
               "memberDisplayName": conn.hello.get("displayName", "member"),
               "memberProfile": {"roleTag": None, "groups": [],
                                 "messageMode": "push"},
               "meshPolicy": {"selfEditable": {
                   "groups": True, "roleTag": True, "displayName": True,
                   "messageMode": True}}}
        if self.features is not None:
            ack["features"] = self.features
        ack.update(changes)
        return ack

    async def maybe_ack(self, conn, frame):
        if self.acks == "hold":
            return
        changes = self.acks(conn, frame) if callable(self.acks) else {}
        if changes is not None:
            await self.answer_send(conn, frame, changes)

    async def answer_send(self, conn, frame, changes):
        conn.unacked = [u for u in conn.unacked if u[0] != frame["id"]]
        ack = {"type": "ack", "id": frame["id"], "messageId": message_id(),
               "queued": True, **changes}
        if "error" in ack:
            ack.update(queued=False, messageId="")
        await conn.write(ack)
        if self.route and ack["queued"]:
            for other in self.live():
                if other is not conn and other.pub == frame["targetSpec"]:
                    await other.write(self.push_of(
                        conn, frame, messageId=ack["messageId"]))

    def peers(self):
        return [{"pubkey": c.pub,
                 "memberPubkey": c.hello.get("parentMemberPubkey") or c.pub,
                 "displayName": c.hello.get("displayName", "member"),
                 "status": "idle", "summary": None,
                 "groups": c.hello.get("groups", []),
                 "sessionId": c.hello["sessionId"],
                 "connectedAt": iso_now(), "cwd": c.hello["cwd"],
                 "peerRole": "session" if c.kind == "session"
                 else "control-plane", "visible": True}
                for c in self.live()]

    # --- waiting and pushing ---

    def live(self):
        return [c for c in self.conns if not c.closed and c.hello]

    def wait(self, predicate, deadline=15.0, what="broker"):
        """Until predicate() is true; what it answered."""
        end = time.monotonic() + deadline * SLOW
        with self._new:
            while True:
                got = predicate()
                if got:
                    return got
                if not remaining(end):
                    raise AssertionError(
                        f"{what}: not in time; violations"
                        f" {self.violations[:5]}; connections "
                        f"{self.conns[-8:]}")
                self._new.wait(min(0.2, remaining(end)))

    def wait_session(self, pub=None, after=0, deadline=15.0):
        """A live connection of a session, numbered above `after`."""
        def found():
            return [c for c in self.live() if c.kind == "session" and
                    c.number > after and pub in (None, c.pub)]
        return self.wait(found, deadline, "no session connection")[-1]

    def wait_member(self, after=0, deadline=15.0):
        def found():
            return [c for c in self.live() if c.kind == "member" and
                    c.number > after]
        return self.wait(found, deadline, "no member connection")[-1]

    def wait_frame(self, conn, kind, where=lambda f: True, deadline=15.0):
        """The first frame of a type on a connection that matches."""
        return self.wait(
            lambda: [f for f in conn.of(kind) if where(f)], deadline,
            f"no {kind} on connection {conn.number}")[0]

    def wait_sends(self, conn, count, deadline=15.0):
        self.wait(lambda: len(conn.sends) >= count, deadline,
                  f"{len(conn.sends)} of {count} sends")
        return conn.sends

    @property
    def sends(self):
        """Every send frame on any connection, in the order of coming."""
        return [f for c in self.conns for f in c.sends]

    def push_of(self, conn, frame, **changes):
        """The push that a send of conn becomes, direct form."""
        push = {"type": "push", "messageId": message_id(),
                "meshId": conn.hello["meshId"], "senderPubkey": conn.pub,
                "priority": frame["priority"], "nonce": frame["nonce"],
                "ciphertext": frame["ciphertext"], "createdAt": iso_now()}
        for k in "client_message_id", "request_fingerprint":
            if k in frame:
                push[k] = frame[k]
        return {**push, **changes}

    @staticmethod
    def direct(mesh_id, sender, recipient, text, **changes):
        """A direct push from a key of the test's to a session."""
        nonce, ciphertext = sender.seal(recipient, text)
        push = {"type": "push", "messageId": message_id(), "meshId": mesh_id,
                "senderPubkey": sender.pub, "priority": "next",
                "nonce": nonce, "ciphertext": ciphertext,
                "createdAt": iso_now()}
        return {k: v for k, v in {**push, **changes}.items()
                if v is not None}

    @staticmethod
    def multicast(mesh_id, sender_pub, text, name="carol", **changes):
        """A multicast push; the sender's key signs nothing."""
        push = {"type": "push", "messageId": message_id(), "meshId": mesh_id,
                "senderPubkey": sender_pub, "senderMemberPubkey": sender_pub,
                "senderMemberId": "m", "senderName": name,
                "priority": "next",
                "nonce": base64.b64encode(os.urandom(24)).decode(),
                "ciphertext": base64.b64encode(text.encode()).decode(),
                "createdAt": iso_now()}
        return {k: v for k, v in {**push, **changes}.items()
                if v is not None}

    @staticmethod
    def system(mesh_id, event, **data):
        return {"type": "push", "subtype": "system", "event": event,
                "eventData": data, "messageId": message_id(),
                "meshId": mesh_id, "senderPubkey": "system",
                "priority": "low", "nonce": "", "ciphertext": "",
                "createdAt": iso_now()}
