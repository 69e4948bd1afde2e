"""Promise: a topic of the embedded broker reaches every session that joined
it, live, once and in order, and what was said while a session's worker, the
store or the broker was dead is read when they are back.
"""

import pytest

from harness import wait_for
from harness.world import body_list


@pytest.fixture
def daemon(make):
    return make.daemon()


def create(s, name):
    r = s.api.post("/v1/topics", {"name": name})
    assert r.status == 200, r
    return r.json["topic"]["id"]


def join(s, topic):
    r = s.api.post(f"/v1/topics/{topic}/join")
    assert r.status == 200, r


def bodies(s, topic="news"):
    """Of one topic, oldest first."""
    return [i["body"] for i in reversed(s.api.inbox(
        f"topic={topic}&mark_seen=false&limit=1000"))]


def done(s, count):
    """The broker has taken all that it sent."""
    wait_for(lambda: len([r for r in s.outbox() if r["status"] == "done"])
             == count, 30)


def test_live_and_once(daemon):
    alice, bob = daemon.register("alice"), daemon.register("bob")
    topic = create(alice, "news")
    join(alice, "news")
    join(bob, topic)
    with bob.events() as events:
        r = alice.api.send("#news", "read all about it")
        assert r.status == 202 and r.json["to"] == f"#{topic}"
        e = events.wait(deadline=15)
        assert e.data["topic"] == "news"
        assert e.data["sender_pubkey"] == alice.pubkey
        assert e.data["encrypted"] is False
        # The history has it too; a new worker reads that at once.
        old = daemon.kill("worker", bob)
        daemon.wait_restarted("worker", old, bob)
        bob.wait_open()
        alice.api.send(f"#{topic}", "the last")
        events.wait(where=lambda e: e.data["body"] == "the last",
                    deadline=15)
        assert [e.data["body"] for e in events.messages()] == [
            "read all about it", "the last"]
    assert bodies(bob) == ["read all about it", "the last"]
    assert body_list(alice) == [], "our own echo"


@pytest.mark.parametrize("role", ["worker", "store", "broker"])
def test_killed_while_it_is_said(daemon, role):
    alice, bob = daemon.register("alice"), daemon.register("bob")
    create(alice, "news")
    join(bob, "news")
    texts = [f"message {i} around the {role}" for i in range(100)]
    for i, text in enumerate(texts):
        if i == 50:
            if role == "worker":
                old = daemon.kill("worker", bob)
            else:
                old = daemon.kill(role)
        alice.api.send_until_taken("#news", text, f"id-{i}")
    daemon.wait_restarted(role, old, bob if role == "worker" else None)
    done(alice, 100)
    wait_for(lambda: len(bodies(bob)) >= 100, 60)
    assert sorted(bodies(bob)) == sorted(texts)
    rows = daemon.query("SELECT count(*) AS n FROM inbox WHERE owner ="
                        " (SELECT owner FROM owner WHERE hex(pub) = ?)",
                        bob.pubkey.upper())
    assert rows[0]["n"] == 100


def test_leave(daemon):
    """Nobody of the member is left: nothing comes any more."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    create(alice, "news")
    join(bob, "news")
    alice.send("#news", "heard")
    wait_for(lambda: bodies(bob) == ["heard"], 20)
    assert bob.api.post("/v1/topics/news/leave").status == 200
    for _ in range(2):      # the broker has heard of it, on bob's connection
        assert bob.api.get("/v1/topics").status == 200
    alice.send("#news", "not heard")
    alice.send(bob.pubkey, "direct")
    wait_for(lambda: "direct" in body_list(bob), 20)
    old = daemon.kill("worker", bob)
    daemon.wait_restarted("worker", old, bob)
    bob.wait_open()
    alice.send(bob.pubkey, "the last")
    wait_for(lambda: "the last" in body_list(bob), 20)
    assert body_list(bob) == ["heard", "direct", "the last"]
