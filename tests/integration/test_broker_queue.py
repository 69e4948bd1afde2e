"""Promise: what the embedded broker acknowledged is never lost: it waits for
a recipient that is away, survives SIGKILL of the broker at any moment, and
is pushed again until it is acknowledged (broker-protocol.md, "Send", "Push";
delivery.md section 1, promises 2, 3 and 6, section 8).
"""

import contextlib
import signal
import sqlite3
import threading
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.keys import minted_id


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


def known(broker, key=None):
    """A session that the broker knows and that is away."""
    p = broker.peer(broker.bob_member, key=key)
    p.close()
    return p


def take(peer, count, ack=True):
    got = []
    for _ in range(count):
        push = peer.receive()
        if ack:
            peer.acknowledge(push)
        got.append(push)
    return got


def texts(pushes):
    return [p["text"] for p in pushes]


def test_waits_for_a_known_key(broker):
    alice, bob = broker.peer(broker.alice_member), known(broker)
    for i in range(5):
        assert alice.send(bob.pub, f"m{i}")["queued"] is True
    bob.connect()
    assert texts(take(bob, 5)) == [f"m{i}" for i in range(5)]
    # All were acknowledged: they do not come again.
    bob.barrier()
    bob.close()
    bob.connect()
    assert alice.send(bob.pub, "last")["queued"]
    assert bob.receive()["text"] == "last"


def test_waits_for_a_member(broker):
    """A member is known from the day it joined."""
    control = broker.peer(broker.bob_member, session=False)
    control.close()
    alice = broker.peer(broker.alice_member)
    assert alice.send(broker.bob_member.key.pub, "for bob")["queued"]
    control.connect()
    assert control.receive()["text"] == "for bob"


def test_multicast_is_not_kept(broker):
    alice, bob = broker.peer(broker.alice_member), known(broker)
    alice.send("*", "gone")
    bob.connect()
    alice.send(bob.pub, "kept")
    assert bob.receive()["text"] == "kept"


def test_unacknowledged_comes_again_after_a_reconnect(broker):
    alice, bob = broker.peer(broker.alice_member), broker.peer(
        broker.bob_member)
    for i in range(4):
        alice.send(bob.pub, f"m{i}")
    first = take(bob, 4, ack=False)
    bob.acknowledge(first[0])
    bob.barrier()
    bob.cut()
    bob.connect()
    again = take(bob, 3)
    assert texts(again) == ["m1", "m2", "m3"]
    assert [p["messageId"] for p in again] == [
        p["messageId"] for p in first[1:]]


def test_acknowledged_by_client_message_id(broker):
    """Only where a push had no messageId; the broker takes it all the same."""
    alice, bob = broker.peer(broker.alice_member), broker.peer(
        broker.bob_member)
    alice.send(bob.pub, "one", cid="the-id")
    assert bob.receive()["client_message_id"] == "the-id"
    bob.put({"type": "client_ack", "clientMessageId": "the-id"})
    bob.barrier()
    bob.cut()
    bob.connect()
    alice.send(bob.pub, "two")
    assert bob.receive()["text"] == "two"


def usage(broker, bytes_, service=5):
    """Pretend that so much of alice's member waits (or is in topics)."""
    with contextlib.closing(sqlite3.connect(broker.db)) as db, db:
        db.execute("UPDATE usage SET bytes = bytes + ? WHERE service = ?"
                   " AND member = (SELECT id FROM member"
                   " WHERE name = 'alice')", (bytes_, service))


def test_what_may_wait_is_limited(broker):
    """No member fills the file with what nobody takes: a send that would is
    refused, to be tried again; a repeat of one that waits is still known
    (doc/broker.md, "Limits")."""
    alice, bob = broker.peer(broker.alice_member), known(broker)
    first = alice.send(bob.pub, "first", cid="first")
    assert first["queued"]
    broker.kill()
    usage(broker, 256 << 20)
    broker.start()
    alice.connect()
    refused = alice.send(bob.pub, "second", cid="second")
    assert not refused["queued"]
    assert refused["error"].startswith("limit_exceeded: ")
    # Who waits for another order is not refused for this reason.
    again = alice.send(bob.pub, "first", cid="first", first=True)
    assert again["messageId"] == first["messageId"] and again["duplicate"]
    # Another member has room of its own.
    assert broker.peer(broker.bob_member).send(bob.pub, "other")["queued"]
    broker.kill()
    usage(broker, -(256 << 20))
    broker.start()
    alice.connect()
    assert alice.send(bob.pub, "second", cid="second")["queued"]
    bob.connect()
    assert sorted(texts(take(bob, 3))) == ["first", "other", "second"]


def test_what_topics_keep_is_limited(broker):
    alice = broker.peer(broker.alice_member)
    topic = "#" + alice.ask("topic_create", name="news")["topic"]["id"]
    first = alice.send(topic, "first", cid="first")
    assert first["queued"]
    broker.kill()
    usage(broker, 512 << 20, service=6)
    broker.start()
    alice.connect()
    refused = alice.send(topic, "second")
    assert not refused["queued"]
    assert refused["error"].startswith("limit_exceeded: ")
    again = alice.send(topic, "first", cid="first", first=True)
    assert again["messageId"] == first["messageId"] and again["duplicate"]
    bob = broker.peer(broker.bob_member)
    assert bob.send(topic, "of another member")["queued"]
    assert len(bob.ask("topic_history", topic="news")["messages"]) == 2


def test_nobody_acknowledges_for_somebody_else(broker):
    alice, bob, eve = (broker.peer(broker.alice_member), broker.peer(
        broker.bob_member), broker.peer(broker.bob_member))
    alice.send(bob.pub, "for bob", cid="the-id")
    push = bob.receive()
    eve.acknowledge(push)
    eve.put({"type": "client_ack", "clientMessageId": "the-id"})
    eve.barrier()
    bob.cut()
    bob.connect()
    assert bob.receive()["text"] == "for bob"


def test_a_claim_that_lapses_is_looked_at_again(make):
    """An unacknowledged message is pushed again when its claim lapses, and
    nothing of that sender passes it.  (30 s; here 2.)"""
    broker = make.broker("--claim-time", "2")
    alice = broker.add_member("local", "alice")
    broker.start()
    alice, bob = broker.peer(alice), broker.peer(alice)
    alice.send(bob.pub, "one")
    alice.send(bob.pub, "two")
    first = take(bob, 2, ack=False)
    begin = time.monotonic()
    again = take(bob, 2)
    # The broker looks every other second.
    assert 1 < time.monotonic() - begin < 6 * SLOW
    assert texts(again) == texts(first) == ["one", "two"]
    assert [p["messageId"] for p in again] == [
        p["messageId"] for p in first]
    alice.send(bob.pub, "three")
    assert bob.receive()["text"] == "three"


# --- SIGKILL ---

def test_kill_between_acknowledgement_and_delivery(broker):
    alice, bob = broker.peer(broker.alice_member), known(broker)
    acks = [alice.send(bob.pub, f"m{i}") for i in range(50)]
    broker.kill()
    alice.wait_closed()
    broker.start()
    bob.connect()
    got = take(bob, 50)
    assert texts(got) == [f"m{i}" for i in range(50)]
    assert [p["messageId"] for p in got] == [a["messageId"] for a in acks]


def test_kill_while_unacknowledged(broker):
    alice, bob = broker.peer(broker.alice_member), broker.peer(
        broker.bob_member)
    for i in range(20):
        alice.send(bob.pub, f"m{i}")
    for push in take(bob, 20, ack=False)[:5]:
        bob.acknowledge(push)
    bob.barrier()
    broker.kill()
    bob.wait_closed()
    broker.start()
    bob.connect()
    # An acknowledgement may be lost with the broker, a message may not.
    got = texts(take(bob, 1))
    while got[-1] != "m19":
        got += texts(take(bob, 1))
    start = int(got[0][1:])
    assert start <= 5
    assert got == [f"m{i}" for i in range(start, 20)]


def test_dedupe_survives_a_kill(broker):
    alice, bob = broker.peer(broker.alice_member), known(broker)
    frame = alice.message(bob.pub, "once", cid=minted_id())
    alice.put(frame)
    first = alice.expect("ack")
    broker.kill()
    alice.wait_closed()
    broker.start()
    alice.connect()
    alice.put(frame)
    again = alice.expect("ack")
    assert (again["messageId"], again["duplicate"]) == (
        first["messageId"], True)
    alice.put({**frame, "request_fingerprint": "0" * 64})
    assert alice.expect("ack")["error"] == "idempotency_key_reused"
    bob.connect()
    assert bob.receive()["text"] == "once"
    alice.put(alice.message(bob.pub, "next", first=True))
    assert bob.receive()["text"] == "next"


@pytest.mark.parametrize("after", [3, 40, 160])
def test_kill_in_the_middle_of_a_burst(broker, after):
    """Every acknowledged message arrives, in order; what was not
    acknowledged is sent again and arrives once."""
    alice, bob = broker.peer(broker.alice_member), broker.peer(
        broker.bob_member, auto_ack=True)
    frames = [alice.message(bob.pub, f"m{i}", cid=minted_id(),
                            first=True if i == 0 else None)
              for i in range(300)]
    acked = []

    def burst():
        try:
            alice.put(*frames)
        except Exception:
            pass        # the broker was killed; what counts are the acks
    t = threading.Thread(target=burst)
    t.start()
    for _ in range(after):
        acked.append(alice.expect("ack")["id"])
    broker.kill()
    t.join()
    alice.wait_closed()
    acked += [f["id"] for f in alice.unexpected("ack")]
    assert acked == [f["id"] for f in frames[:len(acked)]]
    broker.start()
    bob.wait_closed()
    bob.connect()
    alice.connect()
    rest = frames[len(acked):]
    if rest:
        rest[0] = {**rest[0], "first": True}
        alice.put(*rest)
        for f in rest:
            assert alice.expect("ack", id=f["id"])["queued"] is True
    ids = []
    wait_for(lambda: len({p["client_message_id"] for p in bob.pushes()})
             >= 300, 20, "all 300")
    # A copy of what was pushed before the kill may come again, by id.
    for push in bob.pushes():
        if push["client_message_id"] not in ids:
            ids.append(push["client_message_id"])
    assert ids == [f["client_message_id"] for f in frames]


def test_sigterm_says_goodbye(broker):
    alice = broker.peer(broker.alice_member)
    assert broker.kill(signal.SIGTERM) == 0
    assert alice.wait_closed()[0] == 1001
    broker.start()
    alice.connect()


def test_recipients_do_not_hold_each_other(broker):
    """Promise 5: one that never acknowledges delays only itself."""
    alice = broker.peer(broker.alice_member)
    lazy, bob = broker.peer(broker.bob_member), broker.peer(
        broker.bob_member, auto_ack=True)
    for i in range(200):
        alice.put(alice.message(lazy.pub, f"l{i}"),
                  alice.message(bob.pub, f"b{i}"))
    assert texts(take(bob, 200, ack=False)) == [f"b{i}" for i in range(200)]


def test_two_senders_do_not_hold_each_other(broker):
    alice, carol, bob = (broker.peer(broker.alice_member), broker.peer(
        broker.alice_member), broker.peer(broker.bob_member))
    alice.send(bob.pub, "from alice")
    assert bob.receive()["text"] == "from alice"    # never acknowledged
    carol.send(bob.pub, "from carol")
    assert bob.receive()["text"] == "from carol"


def test_the_key_decides_not_the_session_id(broker):
    """What waits for a key does not go to another key."""
    alice, bob = broker.peer(broker.alice_member), known(broker)
    alice.send(bob.pub, "for the old key")
    other = broker.peer(broker.bob_member, key=Key(),
                        sessionId=bob.hello_fields["sessionId"])
    alice.send(other.pub, "for the new key")
    assert other.receive()["text"] == "for the new key"
    other.close()
    bob.connect()
    assert bob.receive()["text"] == "for the old key"


def test_delivered_messages_take_little_room(broker):
    """4 KiB stayed of each for 7 days; the room of their texts is free."""
    alice = broker.peer(broker.alice_member)
    bob = broker.peer(broker.bob_member)
    text = "x" * 2000

    def exchange(count):
        frames = [alice.message(bob.pub, text) for _ in range(count)]
        for i in range(0, count, 100):
            alice.put(*frames[i:i + 100])
            take(bob, len(frames[i:i + 100]))
        last = frames[-1]["id"]
        id = alice.expect("ack", id=last)["messageId"]
        wait_for(lambda: alice.ask("message_status", messageId=id)[
            "delivered"])

    def size():
        broker.kill(signal.SIGTERM)     # the log goes into the file
        n = broker.db.stat().st_size
        broker.start()
        for p in alice, bob:
            p.url = broker.url
            p.connect()
        return n
    exchange(500)
    before = size()
    exchange(2000)
    assert size() - before < 2000 * 400
