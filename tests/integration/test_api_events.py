"""Promise: the event stream of a session has no gap and no copy, whenever its
client comes and goes (delivery.md section 7; fault 10 of section 9).
"""

import threading
import time

from harness import Events, wait_for
from harness.api import connect_to
from harness.asserts import arrived
from harness.keys import minted_id


def test_events_are_scoped(daemon, alice, bob):
    carol = daemon.register("carol-events")
    with carol.events() as mine, bob.events() as his:
        alice.send(bob, "an event for bob")
        his.wait(where=lambda e: e.data["body"] == "an event for bob")
        alice.send(carol, "an event for carol")
        mine.wait(where=lambda e: e.data["body"] == "an event for carol")
        assert [e.data["body"] for e in mine.messages()] == [
            "an event for carol"]
        assert his.response.headers["Content-Type"] == "text/event-stream"


def test_events_without_a_token_are_the_members(daemon, alice, bob,
                                                member_key):
    with Events(daemon.api()) as events:
        alice.send(bob, "not the member's")
        arrived(bob, "not the member's")
        alice.send(member_key.pub, "the member's own")
        events.wait(where=lambda e: e.data["body"] == "the member's own")
        assert [e.data["body"] for e in events.messages()] == [
            "the member's own"]


def test_last_event_id(daemon, alice):
    """Fault 10: what came meanwhile is delivered, first and once."""
    s = daemon.register("streamer")
    with s.events() as events:
        alice.send(s, "seen live")
        last = events.wait().id
    for i in range(20):
        alice.send(s, f"meanwhile {i}")
    arrived(s, "meanwhile 19")
    with s.events(last_id=last) as events:
        alice.send(s, "live again")
        events.wait_count(21)
        assert [e.data["body"] for e in events.messages()] == [
            f"meanwhile {i}" for i in range(20)] + ["live again"]
    with s.events() as events:      # without a cursor: from now on
        alice.send(s, "from now on")
        events.wait()
        assert [e.data["body"] for e in events.messages()] == ["from now on"]


def test_a_stream_says_where_it_begins(daemon, alice):
    """So that who lost it before the first message misses none."""
    s = daemon.register("begins")
    alice.send(s, "before it")
    arrived(s, "before it")
    with s.events() as events:
        begin = events.response.headers["Last-Event-ID"]
    alice.send(s, "meanwhile")
    arrived(s, "meanwhile")
    with s.events(last_id=begin) as events:
        assert events.response.headers["Last-Event-ID"] == begin
        assert events.wait().data["body"] == "meanwhile"
    with s.events(last_id="unknown") as events:
        assert "Last-Event-ID" not in events.response.headers


def test_reconnecting_all_the_time(daemon, alice):
    s = daemon.register("hopper")
    count = 300
    t = threading.Thread(target=lambda: [
        alice.send(s, f"hop number {i}") for i in range(count)])
    with s.events() as events:
        t.start()
        got = [events.wait()]
    got = events.messages()
    while len(got) < count:
        with s.events(last_id=got[-1].id) as events:
            events.wait(deadline=20)
        got += events.messages()
    t.join()
    assert [e.data["body"] for e in got] == [
        f"hop number {i}" for i in range(count)]


def test_an_unknown_epoch_replays_what_is_unread(daemon, alice):
    s = daemon.register("otherworld")
    s.inbox("limit=1000")       # what its member got is read
    for i in range(3):
        alice.send(s, f"unread {i}")
        arrived(s, f"unread {i}")
    first = [i for i in s.inbox() if i["body"] == "unread 0"][0]
    s.api.post("/v1/inbox/seen", {"ids": [first["id"]]})
    for last in f"{minted_id()}-1", "nonsense", "17":
        with s.events(last_id=last) as events:
            events.wait_count(2)
            alice.send(s, f"after {last}")
            events.wait_count(3)
            assert [e.data["body"] for e in events.messages()] == [
                "unread 1", "unread 2", f"after {last}"]
        got = arrived(s, f"after {last}")
        s.api.post("/v1/inbox/seen", {"ids": [got["id"]]})


def test_replay(daemon, alice):
    s = daemon.register("replayer")
    for i in range(5):
        alice.send(s, f"old {i}")
        arrived(s, f"old {i}")
    with s.events(query="?replay=3") as events:
        events.wait_count(3)
        alice.send(s, "new one")
        events.wait_count(4)
        assert [e.data["body"] for e in events.messages()] == [
            "old 2", "old 3", "old 4", "new one"]


def test_streams_are_limited(daemon, alice):
    """4 of one session, and they go when the client does."""
    s = daemon.register("greedy")
    streams = [s.events() for _ in range(4)]
    assert s.events().status == 429
    assert alice.events().status == 200
    streams.pop().close()

    def again():
        e = s.events()
        streams.append(e)
        return e.status == 200
    wait_for(again, 5, "a stream after one was closed")
    for e in streams:
        e.close()


def test_a_stream_ends_with_its_session(daemon, api):
    s = daemon.register("ending")
    with s.events() as events:
        api.delete(f"/v1/sessions/{s.token}")
        events.wait_end()


def test_input_on_an_open_stream_is_bounded(daemon, alice):
    """A client that talks on its stream does not make the gate grow."""
    before = daemon.process("gate")["rss_kib"]
    k = connect_to(daemon.socket, 5)
    k.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization:"
              f" ClaudeMesh-Session {alice.token}\r\n\r\n".encode())
    assert b"200" in k.recv(4096)
    k.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += k.send(b"x" * 65536)
    except OSError:
        pass
    assert alice.api.get("/v1/health").status == 200
    assert daemon.process("gate")["rss_kib"] < before + 8192, sent
    k.close()


def test_keep_alives(daemon):
    """Every 15 s, and no event: what is silent is still there."""
    s = daemon.register("silent")
    begin = time.monotonic()
    with s.events() as events:
        wait_for(lambda: "keepalive" in events.comments, 25)
        assert time.monotonic() - begin >= 14
        assert events.comments[0] == "connected"
        assert not events.messages()
