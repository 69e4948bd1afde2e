"""Promise: whatever bytes a client sends, the answer is the documented one,
never a 5xx of ours, and nobody else notices (local-api.md, "Limits").
"""

import json
import threading

import pytest

from harness import wait_for
from harness.api import connect_to
from harness.asserts import arrived


HEAD = b"Host: localhost\r\n"


def send_json(alice, bob, **kw):
    return json.dumps({"to": bob.pubkey, "message": "raw", **kw}).encode()


def auth(s):
    return f"Authorization: ClaudeMesh-Session {s.token}\r\n".encode()


def test_http_1_0(api):
    got, closed = api.raw(b"GET /v1/version HTTP/1.0\r\n\r\n")
    assert closed and b" 200 " in got.split(b"\r\n")[0]


def test_keep_alive(api):
    one = b"GET /v1/version HTTP/1.1\r\n" + HEAD + b"\r\n"
    k = connect_to(api.address, 5)
    for _ in range(3):
        k.sendall(one)
        assert b" 200 " in k.recv(65536)
    k.close()


def test_pipelined(api):
    one = b"GET /v1/version HTTP/1.1\r\n" + HEAD + b"\r\n"
    two = b"GET /v1/health HTTP/1.1\r\n" + HEAD + b"\r\n"
    answers = api.ask(one + two + one, count=3)
    assert [r.status for r in answers[:3]] == [200] * 3
    assert "ok" in answers[1].json and "ok" not in answers[2].json


def test_pipelined_sends_keep_their_order(daemon, alice):
    s = daemon.register("pipe")
    data = b""
    for i in range(50):
        b = json.dumps({"to": s.pubkey, "message": f"pipelined {i}"}).encode()
        data += (b"POST /v1/send HTTP/1.1\r\n" + HEAD + auth(alice) +
                 b"Content-Length: %d\r\n\r\n" % len(b) + b)
    answers = alice.api.ask(data, deadline=15, count=50)
    assert [r.status for r in answers] == [202] * 50
    wait_for(lambda: len(s.inbox()) == 50, 10)
    assert [i["body"] for i in reversed(s.inbox())] == [
        f"pipelined {i}" for i in range(50)]


def test_chunked(alice, bob):
    b = send_json(alice, bob, message="in chunks")
    data = (b"POST /v1/send HTTP/1.1\r\n" + HEAD + auth(alice) +
            b"Transfer-Encoding: chunked\r\n\r\n")
    for piece in (b[:5], b[5:]):
        data += b"%x\r\n" % len(piece) + piece + b"\r\n"
    assert alice.api.ask(data + b"0\r\n\r\n").status == 202
    arrived(bob, "in chunks")


def test_chunked_past_the_limit(api):
    data = (b"POST /v1/send HTTP/1.1\r\n" + HEAD +
            b"Transfer-Encoding: chunked\r\n\r\n")
    data += (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 5 + b"0\r\n\r\n"
    assert api.ask(data).status == 413
    assert api.get("/v1/health").status == 200


@pytest.mark.parametrize("bad", [
    b"zz\r\nx\r\n", b"-1\r\nx\r\n", b"ffffffffffffffffffff\r\nx\r\n"])
def test_broken_chunks(api, bad):
    api.raw(b"POST /v1/send HTTP/1.1\r\n" + HEAD +
            b"Transfer-Encoding: chunked\r\n\r\n" + bad, deadline=1,
            until=lambda g: g, half_close=True)
    assert api.get("/v1/health").status == 200


def test_expect_continue(alice, bob):
    b = send_json(alice, bob, message="expected")
    k = connect_to(alice.api.address, 5)
    k.sendall(b"POST /v1/send HTTP/1.1\r\n" + HEAD + auth(alice) +
              b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(b))
    assert k.recv(4096).startswith(b"HTTP/1.1 100 ")
    k.sendall(b)
    assert b" 202 " in k.recv(4096).split(b"\r\n")[0]
    k.close()
    arrived(bob, "expected")


@pytest.mark.parametrize("path", ["/v1/send", "/v1/sessions/register"])
def test_a_huge_body(daemon, api, path):
    head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Length: {}\r\n\r\n")
    r = api.ask(head.format(262145).encode() + b"x" * 262145)
    assert r.status == 413
    r = api.ask(head.format(262144).encode() + b"x" * 262144)
    assert r.status == 400          # taken, and no JSON
    # Said before it is all there.
    assert api.ask(head.format(10 ** 12).encode()).status == 413
    # However much is announced and sent, none of it is kept.
    before = daemon.process("gate")["rss_kib"]
    got, _ = api.raw(head.format(10 ** 12).encode() + b"x" * (32 << 20),
                     half_close=True)
    assert not got or b" 413 " in got.split(b"\r\n")[0]
    assert daemon.process("gate")["rss_kib"] < before + 4096


@pytest.mark.parametrize("length", ["-1", "x", "1x", "99999999999999999999",
                                    "0x10", ""])
def test_a_broken_content_length(api, length):
    got, _ = api.raw(f"POST /v1/send HTTP/1.1\r\nHost: localhost\r\n"
                     f"Content-Length: {length}\r\n\r\n".encode() + b"{}",
                     deadline=2, until=lambda g: b"\r\n\r\n" in g,
                     half_close=True)
    assert not got or got.split()[1] in (b"400", b"411", b"413"), got
    assert api.get("/v1/health").status == 200


def test_headers_past_the_limit(api):
    r = api.ask(b"GET /v1/version HTTP/1.1\r\n" + HEAD + b"X-Long: " +
                b"x" * 17000 + b"\r\n\r\n")
    assert r.status == 431
    r = api.ask(b"GET /v1/version HTTP/1.1\r\n" + HEAD +
                b"".join(b"X-%d: y\r\n" % i for i in range(3000)) + b"\r\n")
    assert r.status == 431
    r = api.ask(b"GET /v1/version?" + b"x" * 17000 + b" HTTP/1.1\r\n" +
                HEAD + b"\r\n")
    assert r.status in (414, 431)
    assert api.ask(b"GET /v1/version HTTP/1.1\r\n" + HEAD + b"X-Long: " +
                   b"x" * 15000 + b"\r\n\r\n").status == 200


HALVES = [b"", b"G", b"GET /v1/version", b"GET /v1/version HTTP/1.1\r\n",
          b"GET /v1/version HTTP/1.1\r\nHost: loc",
          b"POST /v1/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100"
          b"\r\n\r\n{\"to\":", b"\r\n", b"\x00\x01\x02\xff", b"\r\n" * 1000,
          b"GET\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"BOGUS / HTTP/1.1\r\n"
          b"Host: localhost\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
          b"GET http://evil.example/ HTTP/1.1\r\nHost: evil\r\n\r\n",
          b"GET /v1/version HTTP/1.1\r\nHost : localhost\r\n\r\n",
          b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"GET /v1/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"GET /v1/inbox?limit=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"CONNECT evil:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n"]


@pytest.mark.parametrize("data", HALVES)
def test_broken_requests_are_never_a_fault_of_ours(daemon, api, data):
    gate = daemon.pid("gate")
    got, _ = api.raw(data, deadline=2, until=lambda g: b"\r\n\r\n" in g,
                     half_close=True)
    if got:
        status = int(got.split()[1])
        assert 400 <= status < 500 or status in (200, 501, 505), got
    assert api.get("/v1/health").status == 200
    assert daemon.pid("gate") == gate


def test_two_content_lengths(api):
    """Nothing that could be read in two ways is read at all."""
    got, _ = api.raw(
        b"POST /v1/send HTTP/1.1\r\n" + HEAD + b"Content-Length: 2\r\n"
        b"Content-Length: 60\r\n\r\n{}GET /v1/version HTTP/1.1\r\n" + HEAD +
        b"\r\n", deadline=2, until=lambda g: b"\r\n\r\n" in g,
        half_close=True)
    assert b" 200 " not in got.split(b"\r\n")[0]


def test_a_client_that_goes_in_the_middle(alice, bob, api):
    b = send_json(alice, bob, message="never finished")
    for cut in 1, len(b) // 2, len(b) - 1:
        k = connect_to(api.address, 5)
        k.sendall(b"POST /v1/send HTTP/1.1\r\n" + HEAD + auth(alice) +
                  b"Content-Length: %d\r\n\r\n" % len(b) + b[:cut])
        k.close()
    assert alice.send(bob, "finished").status == 202
    arrived(bob, "finished")
    assert "never finished" not in [i["body"] for i in bob.inbox()]


def test_many_clients_at_once(daemon, alice):
    """64 at a time as one session's uid; each its own connection."""
    s = daemon.register("crowded")
    faults = []

    def client(n):
        a = daemon.api(alice.token)
        for i in range(10):
            r = a.send_until_taken(s.pubkey, f"client {n} message {i}",
                                   f"crowd-{n}-{i}")
            if r.status not in (200, 202):
                faults.append(r)
        a.close()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not faults
    wait_for(lambda: len(s.inbox()) >= 320, 20)
    bodies = [i["body"] for i in reversed(s.inbox())]
    for n in range(32):
        assert [b for b in bodies if b.startswith(f"client {n} ")] == [
            f"client {n} message {i}" for i in range(10)]
