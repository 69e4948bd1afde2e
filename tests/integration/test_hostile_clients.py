"""Promise: whatever local clients do to the API - vanish, dawdle, ask without
reading, ask too much at a time, say nonsense - those who behave are served
meanwhile, each limit is answered as documented, nothing is kept of who has
gone, and what was accepted is sent once (local-api.md, "Limits"; delivery.md
section 1 promises 1, 3 and 5).
"""

import json
import os
import random
import threading
import time
from collections import Counter

import pytest

from harness import SLOW, Gone, parse_responses, wait_for
from harness.api import connect_to
from harness.keys import minted_id

RSS_MAX = (80 << 10) if SLOW == 1 else (800 << 10)
HEAD = "Host: localhost\r\n"


class Served:
    """alice and bob, who behave; carol and mallory, who share a uid with
    them and do not; and dora, whom they write to."""

    def __init__(self, make):
        self.daemon = make.daemon()
        self.alice, self.bob, self.carol, self.mallory, self.dora = [
            self.daemon.register(n)
            for n in ("alice", "bob", "carol", "mallory", "dora")]
        self.trips = 0

    def trip(self):
        """Seconds from alice to bob."""
        self.trips += 1
        text = f"trip {self.trips}"
        began = time.monotonic()
        self.alice.api.send_until_taken(self.bob.pubkey, text,
                                        f"trip-{self.trips}")
        wait_for(lambda: [i for i in self.bob.inbox(
            "limit=1&mark_seen=false") if i["body"] == text], 20,
            interval=0.005)
        return time.monotonic() - began

    def processes(self):
        return {(p["role"], p.get("session")): (p["pid"], p["restarts"])
                for p in self.daemon.status()["processes"]}

    def files(self):
        """Descriptors of the gate."""
        return len(os.listdir(f"/proc/{self.daemon.pid('gate')}/fd"))

    def meanwhile(self, what, threads, trips=10):
        """what(n) in so many threads, while alice and bob talk."""
        faults = []

        def run(n):
            try:
                what(n)
            except AssertionError as e:
                faults.append(e)
        running = [threading.Thread(target=run, args=(n,), daemon=True)
                   for n in range(threads)]
        for t in running:
            t.start()
        slowest = 0
        while trips > 0 or any(t.is_alive() for t in running):
            slowest = max(slowest, self.trip())
            trips -= 1
        assert not faults, faults[:3]
        assert slowest < 5 * SLOW
        assert self.daemon.process("gate")["rss_kib"] < RSS_MAX


@pytest.fixture(scope="module")
def shared(make_shared):
    return Served(make_shared)


@pytest.fixture
def served(shared):
    """At the end everybody is who they were, and the gate holds nothing of
    those who have gone."""
    before, files = shared.processes(), shared.files()
    lines = len(shared.daemon.log())
    yield shared
    assert shared.processes() == before
    wait_for(lambda: shared.files() <= files + 4, 30,
             "descriptors of clients that have gone")
    # Neither requests, waits nor streams are counted that are over.
    for s in shared.carol, shared.mallory:
        assert s.api.get("/v1/inbox?mark_seen=false").status == 200
        streams = [s.events() for _ in range(4)]
        assert [e.status for e in streams] == [200] * 4
        for e in streams:
            e.close()
    assert len(shared.daemon.log()) < lines + 700


def request(s, method, path, body=None, extra=""):
    """The bytes of one."""
    data = b"" if body is None else json.dumps(body).encode()
    return (f"{method} {path} HTTP/1.1\r\n{HEAD}Authorization:"
            f" ClaudeMesh-Session {s.token}\r\n"
            f"Content-Length: {len(data)}\r\n{extra}\r\n").encode() + data


def test_who_vanishes(served):
    """From streams, waits and requests, before, within and after."""
    rnd = random.Random(4)
    cid = minted_id()
    served.daemon.secrets.add("into the void")
    assert served.mallory.send("0" * 63 + "1", "into the void",
                               client_message_id=cid).status == 202
    requests = [("GET", "/v1/events"), ("GET", "/v1/events?replay=100"),
                ("GET", f"/v1/send/{cid}?wait=delivered&timeout=60"),
                ("GET", f"/v1/send/{cid}?wait=sent&timeout=60"),
                ("GET", "/v1/peers"), ("GET", "/v1/state"),
                ("GET", "/v1/inbox"), ("GET", "/v1/status")]
    seeds = [rnd.random() for _ in range(8)]

    def vanish(n):
        mine = random.Random(seeds[n])
        s = (served.carol, served.mallory)[n % 2]
        for i in range(60):
            k = connect_to(served.daemon.socket, 30 * SLOW)
            data = request(s, *requests[mine.randrange(len(requests))])
            cut = mine.choice([len(data), len(data), 1, len(data) - 1,
                               mine.randrange(1, len(data))])
            k.sendall(data[:cut])
            if cut == len(data) and mine.random() < 0.5:
                k.recv(mine.choice([1, 100, 65536]))
            k.close()
    served.meanwhile(vanish, 8)


def test_sixty_four_requests_each(served):
    """At once of each of two sessions: some are 429 with Retry-After, all
    others are answered, and what was accepted is there once."""
    seen = Counter()
    lock = threading.Lock()
    start = threading.Barrier(128)

    def ask(n):
        s = (served.carol, served.mallory)[n % 2]
        api = served.daemon.api(s.token)
        start.wait(60 * SLOW)
        for i in range(4):
            r = api.send(served.dora.pubkey, f"one of many {n} {i}",
                         client_message_id=f"many-{n}-{i}")
            with lock:
                seen[r.status] += 1
            assert r.status in (202, 429), r
            if r.status == 429:
                assert r.headers["Retry-After"] and r.json["detail"], r
                api.send_until_taken(served.dora.pubkey,
                                     f"one of many {n} {i}",
                                     f"many-{n}-{i}", deadline=60)
            assert api.get("/v1/version").status == 200     # has no limit
        api.close()
    served.meanwhile(ask, 128)
    assert seen[202] > 0

    def many():
        return [i["body"] for i in served.dora.inbox()
                if i["body"].startswith("one of many")]
    wait_for(lambda: len(many()) >= 512, 60)
    assert Counter(many()) == Counter(
        f"one of many {n} {i}" for n in range(128) for i in range(4))
    served.dora.api.delete("/v1/inbox")


def test_pipelining_without_reading(served):
    """As much as the socket takes, and no answer is read: others are served,
    and memory is bounded; what is read later are whole answers."""
    def pipeline(n):
        s = (served.carol, served.mallory)[n % 2]
        k = connect_to(served.daemon.socket, 30 * SLOW)
        one = request(s, "GET", f"/v1/status?n={n}") if n < 4 else request(
            s, "GET", "/v1/inbox?limit=1000&mark_seen=false")
        k.settimeout(1)
        sent = 0
        try:
            while sent < 2000:
                k.sendall(one)
                sent += 1
        except OSError:
            pass
        got = b""
        k.settimeout(30 * SLOW)
        try:
            while len(got) < 4 << 20 and (piece := k.recv(65536)):
                got += piece
                k.settimeout(2 * SLOW)      # that was all of it
        except OSError:
            pass
        k.close()
        statuses = Counter(r.status for r in parse_responses(got))
        assert statuses[200] > 0 and set(statuses) <= {200, 429}, (
            statuses)
    served.meanwhile(pipeline, 8)


def test_who_dawdles(served):
    """Hundreds of connections with a request that does not end."""
    data = request(served.carol, "POST", "/v1/send",
                   {"to": served.dora.pubkey, "message": "never whole"})
    held = []
    files = served.files()
    try:
        for i in range(400):
            k = connect_to(served.daemon.socket, 30 * SLOW)
            k.sendall(data[:1 + i % (len(data) - 1)])
            held.append(k)
        slowest = max(served.trip() for _ in range(10))
        assert slowest < 5 * SLOW
        # A byte at a time is no request either.
        for k in held[:100]:
            try:
                k.sendall(b"x")
            except OSError:
                pass        # what became a whole, wrong request is over
        assert served.trip() < 5 * SLOW
        assert served.daemon.process("gate")["rss_kib"] < RSS_MAX
    finally:
        for k in held:
            k.close()
    wait_for(lambda: served.files() <= files + 4, 30)
    assert "never whole" not in str(served.dora.inbox())


def test_heads_and_bodies_past_all_limits(served):
    """Refused while they come, and nothing of it is kept."""
    s = served.carol
    shapes = [
        request(s, "GET", "/v1/inbox", extra="X: " + "y" * (1 << 20) + "\r\n"),
        request(s, "GET", "/v1/inbox", extra="X: y\r\n" * 50_000),
        request(s, "GET", "/v1/inbox?" + "z" * (1 << 20)),
        b"GET /v1/inbox HTTP/1.1\r\n" + b"X" * (1 << 20),
        b"POST /v1/send HTTP/1.1\r\n" + HEAD.encode() +
        b"Content-Length: 1073741824\r\n\r\n" + b"{" * (1 << 20),
        b"POST /v1/send HTTP/1.1\r\n" + HEAD.encode() +
        b"Transfer-Encoding: chunked\r\n\r\n" +
        b"10000\r\n" + b"x" * 65536 + b"\r\n" + b"1\r\nx\r\n" * 200_000,
        request(s, "POST", "/v1/send", {"to": "x", "message": "y" * 200_000}),
        request(s, "POST", "/v1/send", {f"k{i}": [i] for i in range(9000)}),
        b"POST /v1/send HTTP/1.1\r\n" + HEAD.encode() +
        b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000,
        b"\r\n" * (1 << 19), bytes(range(256)) * 4096]

    def say(n):
        for data in shapes[n::4]:
            got, closed = served.daemon.api().raw(
                data, deadline=5, until=parse_responses, half_close=True)
            for r in parse_responses(got):
                assert 400 <= r.status < 500 or r.status in (501, 505), (
                    data[:60], r)
    served.meanwhile(say, 4)


def test_a_send_that_is_not_waited_for(served):
    """Accepted or not, its sender has gone; asked again, it is one."""
    texts = []

    def hurry(n):
        s = (served.carol, served.mallory)[n % 2]
        for i in range(20):
            text, cid = f"hurried {n} {i}", f"hurry-{n}-{i}"
            texts.append(text)
            k = connect_to(served.daemon.socket, 30 * SLOW)
            k.sendall(request(s, "POST", "/v1/send", {
                "to": served.dora.pubkey, "message": text,
                "client_message_id": cid}))
            k.close()
            api = served.daemon.api(s.token)
            api.send_until_taken(served.dora.pubkey, text, cid)
            api.close()
    served.meanwhile(hurry, 6)

    def hurried():
        return [i["body"] for i in served.dora.inbox()
                if i["body"].startswith("hurried")]
    wait_for(lambda: len(hurried()) >= len(texts), 30)
    assert sorted(hurried()) == sorted(texts)


def test_registering_and_leaving_without_end(served):
    """Sessions that come and go while others talk leave nothing behind."""
    def churn(n):
        for i in range(4):
            s = served.daemon.register(f"churn {n}", wait_open=i % 2 == 0)
            try:
                assert s.send(served.dora, f"from churn {n} {i}"
                              ).status == 202
            except Gone:
                pass
            assert served.daemon.api().delete(
                f"/v1/sessions/{s.token}").status == 200
    served.meanwhile(churn, 4)
    wait_for(lambda: len([i for i in served.dora.inbox() if i[
        "body"].startswith("from churn")]) == 16, 30)
    names = {served.alice.session_id, served.bob.session_id,
             served.carol.session_id, served.mallory.session_id,
             served.dora.session_id}
    wait_for(lambda: {p.get("session") for p in served.daemon.processes(
        "worker")} == names, 30)
