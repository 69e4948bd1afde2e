"""The local API, as a client sees it: HTTP over a Unix socket, or TCP."""

import http.client
import io
import json
import socket
import threading
import time

from .prefix import SLOW
from .wait import remaining

# What a client meets while the gate is being restarted.
Gone = (OSError, http.client.HTTPException)


class Connection(http.client.HTTPConnection):
    def __init__(self, address, timeout):
        super().__init__("localhost", timeout=timeout)
        self.address = address

    def connect(self):
        self.sock = connect_to(self.address, self.timeout)


def connect_to(address, timeout):
    """A stream to the path of a Unix socket, or to a (host, port)."""
    unix = isinstance(address, str)
    s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET,
                      socket.SOCK_STREAM)
    s.settimeout(timeout)
    try:
        s.connect(address)
    except OSError:
        s.close()
        raise
    return s


class Response:
    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = headers
        self.raw = raw

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def error(self):
        return self.json.get("error")

    def __repr__(self):
        return f"<{self.status} {self.raw[:300]!r}>"


class Api:
    """Requests as one session, or, without a token, as its uid; over TCP with
    the daemon's bearer token.

    Every thread that uses it has a connection of its own, kept alive.  What
    was sent is remembered in `secrets`, a set shared with the daemon, which
    must not show any of it in its log.
    """

    def __init__(self, address, token=None, secrets=None, timeout=15,
                 bearer=None):
        self.address = address
        self.token = token
        self.bearer = bearer
        self.secrets = secrets if secrets is not None else set()
        self.timeout = timeout * SLOW
        self._local = threading.local()
        if token:
            self.secrets.add(token)

    def _connection(self):
        if getattr(self._local, "conn", None) is None:
            self._local.conn = Connection(self.address, self.timeout)
        return self._local.conn

    def credentials(self):
        """The headers that say who we are."""
        if self.bearer and self.token:
            return {"Authorization": f"Bearer {self.bearer}",
                    "X-ClaudeMesh-Session": self.token}
        if self.bearer:
            return {"Authorization": f"Bearer {self.bearer}"}
        if self.token:
            return {"Authorization": f"ClaudeMesh-Session {self.token}"}
        return {}

    def close(self):
        conn = getattr(self._local, "conn", None)
        if conn is not None:
            conn.close()
            self._local.conn = None

    def request(self, method, path, body=None, headers=None, auth=True):
        """One request, one Response.  body may be bytes, str or JSON."""
        h = dict(headers or {})
        if auth:
            for name, value in self.credentials().items():
                h.setdefault(name, value)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, ensure_ascii=False).encode()
            h.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        conn = self._connection()
        fresh = conn.sock is None
        try:
            conn.request(method, path, body=body, headers=h)
            r = conn.getresponse()
            answer = Response(r.status, r.headers, r.read())
            if r.will_close:
                self.close()
            return answer
        except Gone:
            self.close()
            # A kept connection may have been closed while it was idle; only
            # then, and only where a repeat changes nothing, try again.
            if fresh or method not in ("GET", "DELETE"):
                raise
            return self.request(method, path, body, headers, auth)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def send(self, to, message, **fields):
        """POST /v1/send."""
        if len(message) >= 8:
            self.secrets.add(message)
        return self.post("/v1/send", {"to": to, "message": message, **fields})

    def send_until_taken(self, to, message, client_message_id, deadline=30,
                         **fields):
        """As a careful client does it: the same id again until answered."""
        end = time.monotonic() + deadline * SLOW
        while True:
            try:
                r = self.send(to, message,
                              client_message_id=client_message_id, **fields)
                if r.status in (200, 202):
                    return r
                if r.status not in (429, 503, 504, 507):
                    raise AssertionError(f"{client_message_id}: {r}")
                last = r
            except Gone as e:
                last = e
            if time.monotonic() >= end:
                raise AssertionError(f"{client_message_id}: {last!r}")
            time.sleep(0.01)

    def inbox(self, query="limit=1000&mark_seen=false"):
        """Items, newest first."""
        r = self.get(f"/v1/inbox?{query}")
        assert r.status == 200, r
        return r.json["items"]

    def outbox(self, query="limit=500"):
        r = self.get(f"/v1/outbox?{query}")
        assert r.status == 200, r
        return r.json["items"]

    def raw(self, data, deadline=5.0, until=None, half_close=False):
        """Send bytes as they are; everything that comes back.

        Reads until the peer closes, `until(received)` is true, or the
        deadline; returns (bytes, closed).
        """
        end = time.monotonic() + deadline * SLOW
        got, closed = b"", False
        s = connect_to(self.address, remaining(end))
        try:
            try:
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass    # it answered and closed before all was written
            while not (until and until(got)) and remaining(end):
                s.settimeout(remaining(end) or 0.001)
                try:
                    piece = s.recv(65536)
                except socket.timeout:
                    break
                except ConnectionResetError:
                    piece = b""
                if not piece:
                    closed = True
                    break
                got += piece
        finally:
            s.close()
        return got, closed

    def ask(self, data, deadline=5.0, count=1):
        """Raw bytes out, `count` whole answers in."""
        got, _ = self.raw(data, deadline,
                          lambda g: len(parse_responses(g)) >= count)
        answers = parse_responses(got)
        assert len(answers) >= count, got[:500]
        return answers[0] if count == 1 else answers


class _Reader:
    """As much of a socket as http.client.HTTPResponse wants."""

    def __init__(self, stream):
        self.stream = stream

    def makefile(self, *_):
        return self.stream


class _Kept(io.BytesIO):
    """HTTPResponse closes its file after an answer; here more follow."""

    def close(self):
        pass


def parse_responses(data):
    """The whole answers in data; interim ones (1xx) are left out."""
    stream, answers = _Kept(data), []
    while stream.tell() < len(data):
        if b"\r\n\r\n" not in data[stream.tell():]:
            break
        r = http.client.HTTPResponse(_Reader(stream))
        try:
            r.begin()
            body = r.read()
        except http.client.HTTPException:
            break
        answers.append(Response(r.status, r.headers, body))
    return answers
