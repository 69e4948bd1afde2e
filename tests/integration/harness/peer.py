"""A peer of a broker that shares no code with meshsup.

Its WebSocket runs in the thread of aio; everything here may be called from
a test, and waits to a deadline.
"""

import asyncio
import base64
import json
import os
import threading
import time

import websockets

from . import aio
from .keys import Key, b64, fingerprint, minted_id
from .prefix import SLOW
from .wait import remaining

FRAME_MAX = 4 << 20


class Peer:
    """One connection.  `frames` keeps all that came and was not expected yet.

    With auto_ack every push that a broker stores is acknowledged as it comes.
    """

    def __init__(self, url, member=None, session=True, key=None,
                 name="session", ssl=None, auto_ack=False, **hello):
        self.url = url
        self.member = member
        self.session = session
        self.key = key or (Key() if session else member and member.key)
        self.ssl = ssl
        self.auto_ack = auto_ack
        self.hello_fields = dict(hello)
        self.hello_fields.setdefault("sessionId", minted_id())
        if session:
            self.hello_fields.setdefault("displayName", name)
        self.frames = []
        self.seen = []          # every frame ever, in order
        self.presence = None
        self.code = self.reason = None
        self._ws = None
        self._new = threading.Condition()
        self._count = 0

    @property
    def pub(self):
        return self.key.pub

    # --- connection ---

    def open(self, path=None):
        """The WebSocket alone, no hello."""
        url = self.url if path is None else self.url.rsplit("/ws", 1)[0] + path
        self.code = self.reason = None

        async def go():
            self._ws = await websockets.connect(
                url, ssl=self.ssl, max_size=FRAME_MAX, ping_interval=None,
                compression=None, open_timeout=10 * SLOW, close_timeout=1)
            self._task = asyncio.ensure_future(self._read(self._ws))
        aio.run(go())
        return self

    async def _read(self, ws):
        try:
            async for text in ws:
                frame = json.loads(text)
                if self.auto_ack and frame.get("type") == "push" and \
                        frame.get("subtype") != "system":
                    await ws.send(json.dumps(
                        {"type": "client_ack",
                         "brokerMessageId": frame["messageId"]}))
                with self._new:
                    self.frames.append(frame)
                    self.seen.append(frame)
                    self._new.notify_all()
        except websockets.ConnectionClosed:
            pass
        with self._new:
            self.code, self.reason = ws.close_code, ws.close_reason
            self._new.notify_all()

    def hello(self, **changes):
        """The hello frame of this peer; changes spoil it for a test."""
        fields = {**self.hello_fields, **changes}
        if self.session:
            return self.member.session_hello(self.key, **fields)
        return self.member.hello(**fields)

    def connect(self, **changes):
        """Open, say hello, and wait for its answer."""
        self.open()
        self.put(self.hello(**changes))
        ack = self.expect("hello_ack")
        self.presence = ack["presenceId"]
        return ack

    def close(self, code=1000, reason=""):
        """A proper close; nothing when there is no connection."""
        if self._ws is None:
            return

        async def go():
            await self._ws.close(code, reason)
            await self._task
        aio.run(go())

    def leave(self):
        """The close of somebody who will not come back."""
        self.close(1000, "session_ended")

    def cut(self):
        """Drop the TCP connection without a word."""
        async def go():
            self._ws.transport.abort()
            await self._task
        aio.run(go())

    def stop_reading(self):
        """From here on the kernel's buffers fill."""
        aio.loop().call_soon_threadsafe(self._ws.transport.pause_reading)

    def start_reading(self):
        aio.loop().call_soon_threadsafe(self._ws.transport.resume_reading)

    def write_raw(self, data):
        """Bytes below the WebSocket framing."""
        aio.loop().call_soon_threadsafe(self._ws.transport.write, data)

    def wait_closed(self, deadline=10.0):
        """(code, reason) of the close."""
        end = time.monotonic() + deadline * SLOW
        with self._new:
            if not self._new.wait_for(lambda: self.code is not None,
                                      remaining(end)):
                raise AssertionError(f"still open; frames {self.frames[-3:]}")
        return self.code, self.reason

    @property
    def closed(self):
        return self.code is not None

    # --- frames ---

    def put(self, *frames):
        """Send objects, strings (text as it is) or bytes (binary)."""
        texts = [f if isinstance(f, (str, bytes)) else json.dumps(
            f, ensure_ascii=False) for f in frames]

        async def go():
            for t in texts:
                await self._ws.send(t)
        aio.run(go())

    def put_pieces(self, pieces):
        """One text frame in as many pieces."""
        async def go():
            await self._ws.send(pieces)
        aio.run(go())

    def expect(self, kind=None, deadline=10.0, **members):
        """The first frame not expected yet with that type and members.

        Earlier ones stay for other calls.  Fails at once when the connection
        closed without it.
        """
        def match(f):
            return (kind is None or f.get("type") == kind) and all(
                f.get(k) == v for k, v in members.items())
        end = time.monotonic() + deadline * SLOW
        with self._new:
            while True:
                for i, f in enumerate(self.frames):
                    if match(f):
                        return self.frames.pop(i)
                if self.closed or not remaining(end):
                    raise AssertionError(
                        f"no {kind} {members}; closed {self.code}"
                        f" {self.reason}; frames {self.frames[-5:]}")
                self._new.wait(remaining(end))

    def ask(self, kind, **members):
        """A request with a _reqId; its answer, whatever type it has."""
        self._count += 1
        req = f"r{self._count}"
        self.put({"type": kind, "_reqId": req, **members})
        return self.expect(_reqId=req)

    def barrier(self):
        """Everything that the broker had to say before now is in `frames`."""
        return self.ask("list_peers")["peers"]

    def unexpected(self, kind):
        """After a barrier: the frames of a type that are here."""
        with self._new:
            return [f for f in self.frames if f.get("type") == kind]

    # --- messages ---

    def message(self, target, text, cid=None, priority="next", **more):
        """A send frame; direct when the target is a key, else multicast."""
        cid = cid or minted_id()
        if len(target) == 64:
            nonce, ciphertext = self.key.seal(target, text)
        else:
            nonce, ciphertext = b64(os.urandom(24)), b64(text.encode())
        frame = {"type": "send", "id": cid, "client_message_id": cid,
                 "request_fingerprint": fingerprint(target, text, priority),
                 "targetSpec": target, "priority": priority, "nonce": nonce,
                 "ciphertext": ciphertext, **more}
        return {k: v for k, v in frame.items() if v is not None}

    def send(self, target, text, **kw):
        """Send and wait for the acknowledgement."""
        frame = self.message(target, text, **kw)
        self.put(frame)
        return self.expect("ack", id=frame["id"])

    def receive(self, deadline=10.0, **members):
        """The next push that is a message; `text` is added, opened."""
        end = time.monotonic() + deadline * SLOW
        with self._new:
            while True:
                for i, f in enumerate(self.frames):
                    if f.get("type") == "push" and \
                            f.get("subtype") != "system" and \
                            all(f.get(k) == v for k, v in members.items()):
                        self.frames.pop(i)
                        return {**f, "text": self.text(f)}
                if self.closed or not remaining(end):
                    raise AssertionError(
                        f"no push {members}; closed {self.code}"
                        f" {self.reason}; frames {self.frames[-5:]}")
                self._new.wait(remaining(end))

    def pushes(self):
        """Messages that are here and were not received yet."""
        with self._new:
            return [f for f in self.frames if f.get("type") == "push" and
                    f.get("subtype") != "system"]

    def text(self, push):
        opened = None
        if push.get("nonce"):
            opened = self.key.open(push["senderPubkey"], push["nonce"],
                                   push["ciphertext"])
        if opened is None:
            try:
                opened = base64.b64decode(
                    push["ciphertext"], validate=True).decode()
            except ValueError:
                pass
        return opened

    def acknowledge(self, push):
        self.put({"type": "client_ack", "brokerMessageId": push["messageId"]})
