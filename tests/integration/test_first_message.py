"""Promise: two sessions on one machine talk with no configuration at all,
every message once and in order, encrypted on its way and at rest; and 1,000
of them are accepted, delivered and in the inbox in under 2 s (delivery.md
section 1, promises 3 and 6, sections 6 and 7; local-api.md).
"""

import os
import re
import time

from harness import SLOW, Key, wait_for
from harness.asserts import arrived
from harness.keys import fingerprint


ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def one(items, body):
    found = [i for i in items if i["body"] == body]
    assert len(found) == 1, (body, items)
    return found[0]


def test_direct_both_ways(daemon, alice, bob):
    with bob.events() as events:
        r = alice.send(bob, "hello bob ✓ 🙂", client_message_id="c-1",
                       priority="now", reply_to_id="r-0")
        assert r.status == 202
        assert r.json["client_message_id"] == "c-1"
        assert r.json["status"] == "queued"
        event = events.wait(where=lambda e: e.data["body"] ==
                            "hello bob ✓ 🙂")
    item = arrived(bob, "hello bob ✓ 🙂")
    assert item["client_message_id"] == "c-1"
    assert item["sender_pubkey"] == alice.pubkey
    assert item["recipient_pubkey"] == bob.pubkey
    assert item["recipient_kind"] == "session"
    assert item["mesh"] == "local" and item["topic"] is None
    assert item["priority"] == "now" and item["reply_to_id"] == "r-0"
    assert item["encrypted"] is True and item["authenticated"] is True
    assert item["sender_name"] == "alice"
    assert ISO.fullmatch(item["received_at"])
    assert item["broker_message_id"]
    assert isinstance(item["id"], str)
    for k in ("id", "mesh", "client_message_id", "broker_message_id",
              "sender_pubkey", "sender_name", "topic", "reply_to_id",
              "priority", "body", "recipient_pubkey", "recipient_kind",
              "authenticated", "encrypted"):
        assert event.data[k] == item[k], k
    assert ISO.fullmatch(event.data["created_at"])
    assert ISO.fullmatch(event.data["ts"])
    assert re.fullmatch(r".+-\d+", event.id)

    bob.send(alice, "hello alice", reply_to_id=item["broker_message_id"])
    back = arrived(alice, "hello alice")
    assert back["reply_to_id"] == item["broker_message_id"]
    assert back["sender_pubkey"] == bob.pubkey


def test_outbox_tells_the_end(daemon, alice, bob):
    alice.send(bob, "watch me leave", client_message_id="c-2")
    row = wait_for(lambda: [i for i in alice.outbox()
                            if i["client_message_id"] == "c-2"
                            and i["status"] == "done"], 10, "done")[0]
    item = arrived(bob, "watch me leave")
    assert row["broker_message_id"] == item["broker_message_id"]
    assert row["to"] == bob.pubkey and row["mesh"] == "local"
    assert row["payload_bytes"] == len("watch me leave")
    assert row["attempts"] >= 1 and row["last_error"] is None
    assert ISO.fullmatch(row["enqueued_at"])
    assert ISO.fullmatch(row["delivered_at"])
    assert row["aborted_at"] is None and row["superseded_by"] is None
    assert "body" not in row


def test_send_status_events(daemon, alice, bob):
    with alice.events() as events:
        alice.send(bob, "status of me", client_message_id="c-3")
        e = events.wait("send_status", lambda e:
                        e.data["client_message_id"] == "c-3" and
                        e.data["status"] == "done")
        assert e.id is None


def test_broadcast(daemon, alice, bob):
    """Fault 7 of delivery.md section 9: one row for each that it reaches."""
    carol = daemon.register("carol")
    assert alice.send("*", "to everybody").status == 202
    for s in bob, carol:
        item = arrived(s, "to everybody")
        assert item["encrypted"] is False
        assert item["authenticated"] is False
        assert item["sender_pubkey"] == alice.pubkey
        assert item["recipient_pubkey"] == s.pubkey
        assert item["sender_name"] == "alice"
    # What was sent later is there, and still no echo and no second copy.
    alice.send("*", "to everybody again")
    for s in bob, carol:
        arrived(s, "to everybody again")
        one(s.inbox(), "to everybody")
    assert not [i for i in alice.inbox() if "everybody" in i["body"]]
    # The member connection drops what its own member sent.
    assert not [i for i in daemon.api().inbox() if "everybody" in i["body"]]


def test_message_to_the_member(daemon, alice, bob, member_key):
    """A message to the member key is the member's; all its sessions and the
    scope without a token see it, once."""
    key = member_key.pub
    assert alice.send(key, "to our member").status == 202
    item = wait_for(lambda: [i for i in daemon.api().inbox()
                             if i["body"] == "to our member"], 10)[0]
    assert item["recipient_kind"] == "member"
    assert item["recipient_pubkey"] == key
    assert item["encrypted"] is True
    one(bob.inbox(), "to our member")


def test_the_disk_shows_no_text(daemon, alice, bob):
    """A stolen mesh.db shows metadata only, and the broker cannot read."""
    body = "the most secret words of all"
    alice.send(bob, body)
    arrived(bob, body)
    files = [p for p in daemon.state_dir.rglob("*") if p.is_file()]
    assert any(p.name == "mesh.db" for p in files)
    assert any(p.name == "broker.db" for p in files)
    for p in files:
        raw = p.read_bytes()
        assert body.encode() not in raw, p
        assert alice.token.encode() not in raw, p
        assert bytes.fromhex(alice.token) not in raw, p


def test_fingerprints(daemon, alice, bob):
    """delivery.md section 2: the prefix that a 409 tells is the one that the
    description makes."""
    alice.send(bob, "fingerprinted", client_message_id="c-4",
               priority="low", reply_to_id="r", meta={"b": 1, "a": "x"})
    r = alice.send(bob, "another body", client_message_id="c-4")
    assert r.status == 409
    assert r.json["daemon_fingerprint_prefix"] == fingerprint(
        bob.pubkey, "fingerprinted", "low", "r", {"b": 1, "a": "x"})[:16]


def test_to_a_peer_that_comes_later(daemon, alice):
    """An absent recipient delays only its own messages (promise 5)."""
    absent = Key()
    r = alice.send(absent.pub, "waits for nobody", client_message_id="c-5")
    assert r.status == 202
    row = wait_for(lambda: [
        i for i in alice.outbox() if i["client_message_id"] == "c-5"
        and i["last_error"]], 10, "a refusal")[0]
    assert row["status"] == "pending"
    assert re.search("connected", row["last_error"])
    assert row["next_attempt_at"]


def a_thousand(alice, bob, n):
    """One round, checked: the seconds from the first send to the last
    arrival."""
    bodies = [f"number {i} of a thousand, round {n}" for i in range(1000)]
    with bob.events() as events:
        begin = time.monotonic()
        for i, body in enumerate(bodies):
            r = alice.send(bob, body, client_message_id=f"k-{n}-{i}")
            assert r.status == 202, r
        events.wait_count(1000, deadline=20)
        took = time.monotonic() - begin
        assert [e.data["body"] for e in events.messages()] == bodies
    assert [i["body"] for i in bob.all_inbox()
            if i["body"].endswith(f"thousand, round {n}")] == bodies
    return took


def yardstick(daemon):
    """Seconds that this machine takes now, whatever else it does, for what
    cannot be had for less: 1,000 answers and 1,000 writes to the disk."""
    api = daemon.api()
    fd = os.open(daemon.root / "yardstick", os.O_CREAT | os.O_WRONLY)
    begin = time.monotonic()
    for _ in range(1000):
        api.get("/v1/version")
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
    os.close(fd)
    return time.monotonic() - begin


def test_a_thousand_messages(daemon, alice, bob):
    """Issue: accepted, delivered and in the inbox in under 2 s, in order,
    exactly once.  On a machine that is busy with something else, in under
    three times what its processor and disk alone take; best of three."""
    rounds = []
    for n in range(3):
        limit = max(2.0 * SLOW, 3 * yardstick(daemon))
        took = a_thousand(alice, bob, n)
        rounds.append(f"{took:.2f} s of {limit:.2f} s")
        if took < limit:
            break
    else:
        raise AssertionError(rounds)
    print("a thousand messages:", rounds)
    rows = wait_for(lambda: (lambda o: all(
        i["status"] == "done" for i in o if i["client_message_id"]
        .startswith("k-")) and o)(alice.outbox()), 10, "all done")
    assert len(rows) == 500     # the most that one listing gives
