"""A broker that does what a test tells it, and checks all that it is told.

It speaks the wire protocol as deployed brokers do: no features unless named,
no deduplication.  Every frame is kept; every fault of a client against the
protocol goes into `violations`, which must be empty at the end of a test.
"""

import asyncio
import base64
import json
import os
import re
import socket
import string
import threading
import time

import websockets

from . import aio
from .keys import (attest_text, hello_text, now_ms, session_hello_text,
                   verify)
from .prefix import SLOW
from .wait import remaining

HEX64 = re.compile(r"[0-9a-f]{64}")
HEX128 = re.compile(r"[0-9a-f]{128}")
GROUP = re.compile(r"[A-Za-z0-9_/-]+")
BASE62 = string.ascii_letters + string.digits
FRAME_MAX = 65536
SKEW_MS = 60000
DAY_MS = 24 * 3600 * 1000
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


class ScriptedBroker:
    """Set attributes at any time; they count from the next frame on.

    features    what hello_ack names; None leaves the member out
    hello       "ack", "ignore" (never answered), or a function (conn) of
                frames to answer with instead; a pair (code, reason) closes
    acks        "auto", "hold" (until Conn.ack), or a function (conn, frame)
                that gives changes to the ack, or None to hold it
    route       pass direct messages on to the connection with that key
    """

    def __init__(self, members=(), features=None, tls=None):
        self.members = {m.key.pub: m for m in members}
        self.features = features
        self.tls = tls
        self.hello = "ack"
        self.acks = "auto"
        self.route = False
        self.list_peers = True
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
        with self._new:
            self.conns.append(conn)
            self._new.notify_all()
        try:
            async for text in ws:
                await self._take(conn, text)
        except websockets.ConnectionClosed:
            pass
        with self._new:
            conn.closed = True
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
        with self._new:
            conn.frames.append(frame)
            conn.texts.append(text)
            self._new.notify_all()
        if first:
            await self.answer_hello(conn)
        elif frame.get("type") == "send":
            await self.maybe_ack(conn, frame)
        elif frame.get("type") == "list_peers" and self.list_peers:
            await conn.write({"type": "peers_list", "peers": self.peers(),
                              "_reqId": frame.get("_reqId")})

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

    # --- what a client must have right ---

    def fault_if(self, wrong, conn, what):
        if wrong:
            self.violations.append(f"connection {conn.number}: {what}")

    def check_types(self, conn, frame, must, may):
        for name, kind in must.items():
            value = frame.get(name)
            self.fault_if(
                not isinstance(value, kind) or isinstance(value, bool),
                conn, f"{frame.get('type')}.{name} is {value!r}")
        for name, value in frame.items():
            kind = {**must, **may}.get(name)
            self.fault_if(kind is None, conn,
                          f"{frame.get('type')} has {name}={value!r}")
            self.fault_if(
                kind is not None and not isinstance(value, kind), conn,
                f"{frame.get('type')}.{name} is {value!r}")

    def check_hello(self, conn, f):
        kind = f.get("type")
        if kind not in ("hello", "session_hello"):
            self.fault_if(True, conn, f"{kind} before a hello")
            return
        must = {"type": str, "meshId": str, "sessionId": str, "pid": int,
                "cwd": str, "peerType": str, "channel": str,
                "timestamp": int, "signature": str}
        may = {"displayName": str, "hostname": str, "model": str,
               "groups": list}
        if kind == "hello":
            must.update(memberId=str, pubkey=str)
            member_pub = f.get("pubkey")
            text = hello_text(f.get("meshId"), f.get("memberId"), member_pub,
                              f.get("timestamp"))
            signer, channel = member_pub, "claudemesh-daemon"
            member_id = f.get("memberId")
        else:
            must.update(parentMemberId=str, parentMemberPubkey=str,
                        sessionPubkey=str, parentAttestation=dict)
            may["role"] = str
            member_pub = f.get("parentMemberPubkey")
            signer, channel = f.get("sessionPubkey"), "claudemesh-session"
            text = session_hello_text(f.get("meshId"), member_pub, signer,
                                      f.get("timestamp"))
            member_id = f.get("parentMemberId")
            self.check_attestation(conn, f)
        self.check_types(conn, f, must, may)
        for key in member_pub, signer:
            self.fault_if(not HEX64.fullmatch(str(key)), conn, f"key {key}")
        self.fault_if(not HEX128.fullmatch(str(f.get("signature"))), conn,
                      "the shape of the hello's signature")
        self.fault_if(not verify(str(signer), text, str(f.get("signature"))),
                      conn, f"{kind}: the signature does not verify")
        self.fault_if(abs(now_ms() - f.get("timestamp", 0)) > SKEW_MS, conn,
                      "timestamp_skew")
        self.fault_if(f.get("channel") != channel, conn,
                      f"channel {f.get('channel')}")
        self.fault_if(f.get("peerType") != "ai", conn, "peerType")
        m = self.members.get(member_pub)
        self.fault_if(m is None, conn, f"unknown member {member_pub}")
        if m is not None:
            self.fault_if(m.mesh_id != f.get("meshId"), conn, "meshId")
            self.fault_if(m.member_id != member_id, conn, "member id")
        for g in f.get("groups", []):
            self.fault_if(
                set(g) - {"name", "role"} or
                not GROUP.fullmatch(g.get("name", "")), conn, f"group {g}")

    def check_attestation(self, conn, f):
        a = f.get("parentAttestation") or {}
        self.fault_if(
            set(a) != {"sessionPubkey", "parentMemberPubkey", "expiresAt",
                       "signature"}, conn, f"attestation {sorted(a)}")
        self.fault_if(a.get("sessionPubkey") != f.get("sessionPubkey") or
                      a.get("parentMemberPubkey") !=
                      f.get("parentMemberPubkey"), conn,
                      "attestation_mismatch")
        left = a.get("expiresAt", 0) - now_ms()
        self.fault_if(not 0 < left <= DAY_MS, conn,
                      f"the attestation ends in {left} ms")
        self.fault_if(not verify(
            str(a.get("parentMemberPubkey")),
            attest_text(a.get("parentMemberPubkey"), a.get("sessionPubkey"),
                        a.get("expiresAt")), str(a.get("signature"))),
            conn, "the attestation does not verify")

    def check_send(self, conn, f):
        self.check_types(
            conn, f, {"type": str, "id": str, "client_message_id": str,
                      "request_fingerprint": str, "targetSpec": str,
                      "priority": str, "nonce": str, "ciphertext": str},
            {"replyToId": str, "mentions": list, "bodyVersion": int,
             "first": bool})
        self.fault_if(f.get("id") != f.get("client_message_id"), conn,
                      "id is not client_message_id")
        self.fault_if(not HEX64.fullmatch(f.get("request_fingerprint", "")),
                      conn, "request_fingerprint")
        self.fault_if(f.get("priority") not in ("now", "next", "low"), conn,
                      f"priority {f.get('priority')}")
        try:
            nonce = base64.b64decode(f.get("nonce", ""), validate=True)
            base64.b64decode(f.get("ciphertext", ""), validate=True)
            self.fault_if(len(nonce) != 24, conn, "nonce length")
        except ValueError:
            self.fault_if(True, conn, "base64")

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
                        f"{[(c.number, c.closed, len(c.frames)) for c in self.conns][-8:]}")
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
