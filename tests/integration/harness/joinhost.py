"""A deployed broker's port, scripted: POST /join and short links over HTTP,
and WebSockets, which go on to a ScriptedBroker.
"""

import base64
import json
import socket
import threading
from types import SimpleNamespace

from .keys import Key, Member, minted_id, now_ms
from .prefix import SLOW

PARTS = ("v", "mesh_id", "mesh_slug", "broker_url", "expires_at",
         "mesh_root_key", "role", "owner_pubkey")


def encode(payload):
    text = json.dumps(payload, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token):
    return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))


def payload(owner, url, **fields):
    """What an invite holds, signed by the owner's key."""
    p = {"v": 1, "mesh_id": "mesh-" + minted_id(), "mesh_slug": "acme",
         "broker_url": url, "expires_at": now_ms() // 1000 + 3600,
         "mesh_root_key": "cm9vdA", "role": "member",
         "owner_pubkey": owner.pub, **fields}
    p["signature"] = owner.sign("|".join(str(p[k]) for k in PARTS))
    return p


class Seen:
    """One request."""

    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"<{self.method} {self.path}>"

    @property
    def json(self):
        return json.loads(self.body)


def http(status, body, extra=""):
    """A whole answer."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return (f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{extra}\r\n").encode() + body


class JoinHost:
    """answer(seen, sock): bytes to answer a request with; None: it has done
    what there is to do with the socket.  The default takes everybody in.
    """

    def __init__(self, broker=None, tls=None):
        self.owner = Key()
        self.broker = broker
        self.tls = tls
        self.answer = self.take_in
        self.connections = 0
        self.seen = []
        self.codes = {}
        self._open = []
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/ws"

    @property
    def posts(self):
        return [s for s in self.seen if s.method == "POST"]

    def invite(self, **fields):
        """A token."""
        return encode(payload(self.owner, fields.pop("broker_url", self.url),
                              **fields))

    def take_in(self, seen, _sock):
        if seen.method == "GET":
            code = seen.path.rsplit("/", 1)[1]
            if code not in self.codes:
                return http(200, {"found": False})
            return http(200, {"found": True, "token": self.codes[code]})
        said = seen.json
        member_id = "member-" + minted_id()
        if self.broker is not None:
            pub = said["peer_pubkey"]
            self.broker.members[pub] = Member(
                said["invite_payload"]["mesh_id"], member_id,
                key=SimpleNamespace(pub=pub))
        return http(200, {"ok": True, "memberId": member_id})

    # --- serving ---

    def _accept(self):
        while True:
            try:
                s, _ = self._sock.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        self._open.append(s)
        try:
            s.settimeout(60 * SLOW)
            if self.tls is not None:
                s = self.tls.wrap_socket(s, server_side=True)
                self._open.append(s)
            data = b""
            while b"\r\n\r\n" not in data:
                more = s.recv(65536)
                if not more:
                    return
                data += more
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, path, _ = first.split(" ")
            headers = {k.lower(): v.strip() for k, _, v in
                       (x.partition(":") for x in lines)}
            if path == "/ws":
                if self.broker is not None:
                    self._relay(s, data)
                return
            while len(body) < int(headers.get("content-length", 0)):
                more = s.recv(65536)
                if not more:
                    return
                body += more
            seen = Seen(method, path, headers, body)
            self.seen.append(seen)
            out = self.answer(seen, s)
            if out is not None:
                s.sendall(out)
        except OSError:
            pass
        finally:
            s.close()

    def _relay(self, s, data):
        other = socket.create_connection(("127.0.0.1", self.broker.port))
        self._open.append(other)
        other.sendall(data)

        def back():
            try:
                while piece := other.recv(65536):
                    s.sendall(piece)
            except OSError:
                pass
            s.close()
        threading.Thread(target=back, daemon=True).start()
        try:
            while piece := s.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        other.close()

    def close(self):
        # close() alone leaves a thread in accept(), and its port taken.
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        for s in self._open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
