"""Promise: the embedded broker takes in who comes with an invite, on the port of
its WebSockets, and nobody else; what is malformed, huge, slow or too much at a
time is refused, and those who are connected do not notice (broker-protocol.md,
"Joining over HTTP").
"""

import http.client
import json
import re
import socket

import pytest

from harness import SLOW, Key, wait_for
from harness.joinhost import decode, encode, payload


@pytest.fixture(scope="module")
def made(daemon):
    r = daemon.api().post("/v1/meshes", {"name": "acme"})
    assert r.status == 200, r
    return r.json["mesh"]


@pytest.fixture(scope="module")
def port(made):
    return int(re.search(r":(\d+)/ws$", made["brokerUrl"]).group(1))


@pytest.fixture
def token(daemon, made):
    r = daemon.api().post("/v1/meshes/acme/invite", {"max_uses": 0})
    assert r.status == 200, r
    t = r.json["invite"].rsplit("/", 1)[1]
    daemon.secrets |= {t, t[-40:]}
    return t


class Client:
    """One connection, kept alive."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port,
                                               timeout=30 * SLOW)

    def ask(self, method, path, body=None, headers=None):
        """(status, object or None)"""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.http.request(method, path, body, headers or {})
        r = self.http.getresponse()
        raw = r.read()
        return r.status, (json.loads(raw) if r.getheader("content-type") ==
                          "application/json" else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()


def post(port, body, **kw):
    with Client(port) as c:
        return c.ask("POST", "/join", body, **kw)


def body(token, key=None, **changes):
    b = {"invite_token": token, "invite_payload": decode(token),
         "peer_pubkey": (key or Key()).pub, "display_name": "dora", **changes}
    return {k: v for k, v in b.items() if v is not None}


def test_taken_in(port, token):
    """On one connection: a new member, the same again, another."""
    key = Key()
    with Client(port) as c:
        status, first = c.ask("POST", "/join", body(token, key))
        assert status == 200 and first["ok"] is True, first
        assert set(first) == {"ok", "memberId"}
        status, again = c.ask("POST", "/join", body(token, key))
        assert status == 200 and again == {**first, "alreadyMember": True}
        status, other = c.ask("POST", "/join", body(token))
        assert status == 200 and other["memberId"] != first["memberId"]


def test_in_pieces(port, token):
    text = json.dumps(body(token)).encode()
    with socket.create_connection(("127.0.0.1", port), 30 * SLOW) as s:
        s.sendall(b"POST /join HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                  b"\r\n" % len(text))
        for i in range(0, len(text), 97):
            s.sendall(text[i:i + 97])
        got = b""
        while b'"memberId"' not in got:
            piece = s.recv(4096)
            assert piece, got
            got += piece
    assert got.startswith(b"HTTP/1.1 200 ")


def test_refused_by_name(port, made, token):
    """The others need a broken file, or time: test_broker_invites.c."""
    stranger = Key()
    forged = encode(payload(stranger, made["brokerUrl"],
                            mesh_id=made["meshId"]))
    for b, error in (
            (body(token, invite_payload={**decode(token), "role": "admin"}),
             "invite_bad_signature"),
            (body(forged), "invite_owner_mismatch"),
            (body(encode(payload(stranger, made["brokerUrl"]))),
             "mesh_not_found"),
            (body(token, invite_token="x" * 30), "invite_not_found")):
        assert post(port, b) == (400, {"ok": False, "error": error})


@pytest.mark.parametrize("what", [
    b"{", b"[]", b"null", b"\x00", b"\xff{}", b'{"a":1,"a":2}',
    b"[" * 60000, b'{"a":' * 9000 + b"1" + b"}" * 9000, b"{}",
    b'{"invite_token":{},"invite_payload":[],"peer_pubkey":7}',
    b'{"invite_token":"\\u0000","display_name":"\\ud800"}'])
def test_malformed(port, what):
    status, said = post(port, what)
    assert status == 400 and said["ok"] is False and said["error"], said


def test_names_with_quotes(port, token):
    for name in "a'); DROP TABLE member; --", '"', "\\", "né ✓", "x" * 128:
        assert post(port, body(token, display_name=name))[0] == 200, name
    for name in "", "x" * 129, "a\nb", 7, None, "\x7f":
        assert post(port, body(token, display_name=name))[0] == 400, name


def test_size(port, token):
    """64 KiB are looked at, one byte more is not."""
    text = json.dumps(body(token)).encode()
    fits = text + b" " * (65536 - len(text))
    assert post(port, fits)[0] == 200
    status, said = post(port, fits + b" ")
    assert status == 413 and said["ok"] is False, said


def test_other_requests(port):
    for method, path, headers, want in (
            ("GET", "/join", {}, 405), ("PUT", "/join", {}, 405),
            ("POST", "/", {}, 404), ("GET", "/", {}, 404),
            ("POST", "/join/", {}, 404), ("GET", "/join/x", {}, 404),
            ("POST", "/join", {"Content-Length": "0"}, 411),
            ("POST", "/join", {"Transfer-Encoding": "chunked"}, 411),
            ("POST", "/join", {"Content-Length": "99999999"}, 413),
            ("POST", "/join", {"Content-Length": "-5"}, 411),
            ("POST", "/join", {"Content-Length": "5x"}, 411)):
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        with socket.create_connection(("127.0.0.1", port), 30 * SLOW) as s:
            s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n"
                      .encode())
            got = s.recv(4096)
        # lws itself closes on a length that is none.
        assert got.startswith(b"HTTP/1.1 %d" % want) or (
            got == b"" and "Content-Length" in headers), (path, got)


def test_many_that_do_not_finish(daemon, port, token):
    """Half requests by the hundred: those who are connected do not notice, and
    when they are gone, others get in."""
    a = daemon.register("a", mesh="acme")
    b = daemon.register("b", mesh="acme")
    held = []
    for _ in range(200):
        s = socket.create_connection(("127.0.0.1", port), 30 * SLOW)
        s.sendall(b"POST /join HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 60000\r\n\r\n{" + b" " * 1000)
        held.append(s)
    assert a.send(b, "through").status == 202
    assert b.wait_inbox(1)[0]["body"] == "through"
    for s in held:
        s.close()

    def taken():
        """Not while there is no room: then the body is not even read."""
        try:
            return post(port, body(token))[0] == 200
        except (OSError, http.client.HTTPException):
            return False
    wait_for(taken, 20)


@pytest.mark.last
def test_one_that_is_slow(port):
    """A request that does not end is ended."""
    with socket.create_connection(("127.0.0.1", port), 60 * SLOW) as s:
        s.sendall(b"POST /join HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 60000\r\n\r\n{")
        assert s.recv(4096) == b""
