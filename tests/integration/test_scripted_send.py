"""Promise: each message goes to a broker that shares no code with us as often
as needed, always byte for byte the same, until it is acknowledged or refused
for good (delivery.md section 1 promises 3, 4 and 5, section 4; faults 2, 4
and 6 of section 9).
"""

import base64
import re
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.keys import fingerprint
from harness.scripted import GRANTS, NOT_CONNECTED, RATE_LIMIT
from harness.world import row_of, same


def test_a_direct_send(world):
    """Fault 18: reply_to_id is in it."""
    s, bob = world.register(), Key()
    s.send(bob.pub, "héllo ✓", client_message_id="c1", priority="now",
           reply_to_id="r0", meta={"b": 1, "a": 2})
    f = world.broker.wait_sends(s.conn(), 1)[0]
    assert f["client_message_id"] == "c1"
    assert f["targetSpec"] == bob.pub and f["priority"] == "now"
    assert f["replyToId"] == "r0"
    assert bob.open(s.pubkey, f["nonce"], f["ciphertext"]) == "héllo ✓"
    assert f["request_fingerprint"] == fingerprint(
        bob.pub, "héllo ✓", "now", "r0", {"a": 2, "b": 1})
    assert not {"meta", "mentions"} & set(f)
    row = wait_for(lambda: (lambda r: r["status"] == "done" and r)(
        row_of(s, "c1")), 10)
    assert row["attempts"] == 1


def test_a_multicast_send(world):
    s = world.register()
    s.send("*", "tö all")
    f = world.broker.wait_sends(s.conn(), 1)[0]
    assert f["targetSpec"] == "*" and f["priority"] == "next"
    assert base64.b64decode(f["ciphertext"]).decode() == "tö all"
    assert f["request_fingerprint"] == fingerprint("*", "tö all")


def test_an_empty_and_a_long_message(world):
    s, bob = world.register(), Key()
    for text in "", "x" * 40000:
        r = s.send(bob.pub, text)
        if text == "" and r.status == 400:
            continue        # an empty message may be refused, not lost
        assert r.status == 202, r
    world.broker.wait(lambda: "x" * 40000 in [
        bob.open(s.pubkey, f["nonce"], f["ciphertext"])
        for f in s.conn().sends], 10)


def texts(conn):
    """Every send as it travelled, but for `first`, the connection's."""
    return sorted(t.replace('"first":true,', "") for t, f in
                  zip(conn.texts, conn.frames) if f["type"] == "send")


@pytest.mark.parametrize("fault", ["kill", "cut", "crash", "close"])
def test_retransmission_is_identical(world, fault):
    """Promise 3: the same id, fingerprint, target, nonce and ciphertext."""
    s, bob = world.register(), Key()
    world.broker.acks = "hold"
    s.send(bob.pub, "again and again", client_message_id="c1")
    s.send("*", "to all of you", client_message_id="c2")
    first = s.conn()
    before = {f["id"]: f for f in world.broker.wait_sends(first, 2)}
    if fault == "kill":
        world.daemon.kill("worker", s)
    elif fault == "cut":
        first.cut()
    elif fault == "close":
        first.close(1012, "service restart")
    else:
        world.broker.crash()
        world.broker.start()
    second = s.conn(after=first.number)
    after = {f["id"]: f for f in world.broker.wait_sends(second, 2)}
    assert set(after) == set(before) == {"c1", "c2"}
    for cid in before:
        assert same(before[cid], after[cid]), (before[cid], after[cid])
    assert texts(first) == texts(second)
    for f in second.sends:
        second.ack(f)
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"done"}, 10)


def test_killed_between_send_and_ack_many(world):
    """Fault 2: rows in flight at a crash are sent again, none is lost."""
    s = world.register()
    targets = [Key() for _ in range(20)]
    world.broker.acks = "hold"
    for i, t in enumerate(targets):
        s.send(t.pub, f"body {i} here", client_message_id=f"c{i}")
    first = s.conn()
    world.broker.wait_sends(first, 20)
    for f in first.sends[:7]:
        first.ack(f)
    world.broker.acks = "auto"
    world.daemon.kill("worker", s)
    wait_for(lambda: all(r["status"] == "done" for r in s.outbox()), 20)
    again = {f["id"] for f in s.conn(after=first.number).sends}
    assert {f"c{i}" for i in range(7, 20)} <= again
    for f in s.conn(after=first.number).sends:
        assert same(f, next(x for x in first.sends if x["id"] == f["id"]))


def test_no_acknowledgement_within_15_seconds(world):
    """Transient; and it delays nobody else (promise 5, fault 4)."""
    s, other = world.register("slow"), world.register("quick")
    lost, bob = Key(), Key()
    world.broker.acks = lambda conn, f: \
        None if f["targetSpec"] == lost.pub and \
        sum(x["id"] == f["id"] for x in conn.sends) < 2 else {}
    s.send(lost.pub, "lost in the broker", client_message_id="c1")
    world.broker.wait_sends(s.conn(), 1)
    begin = time.monotonic()
    for i in range(10):
        other.send(bob.pub, f"unhindered {i}")
        s.send(Key().pub, f"neighbour {i}")
    wait_for(lambda: all(r["status"] == "done" for r in other.outbox()), 5)
    wait_for(lambda: sum(r["status"] == "done" for r in s.outbox()) == 10, 5)
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 40, "c1", 0.1)
    assert time.monotonic() - begin > 14
    mine = [f for f in world.broker.sends if f["id"] == "c1"]
    assert len(mine) == 2 and same(*mine)


# --- refusals ---

# The table of delivery.md section 4, "Permanent".
@pytest.mark.parametrize("error,reason", [
    (GRANTS, "blocked.by.recipient"),
    ("payload too large: 70000 bytes > MAX_MESSAGE_BYTES=65536",
     "payload.too.large"),
    ("forbidden", "forbidden"),
    ("missing_capability: dm", "missing.capability"),
    ("invalid_target", "invalid.target"),
    ("invalid_schema: nonce", "invalid.schema"),
    ("idempotency_key_reused", "idempotency.key.reused")])
def test_permanent_refusals_end_the_row(world, error, reason):
    """Fault 6, and promise 4: the sender is told in its inbox."""
    s, bob = world.register(), Key()
    world.broker.acks = lambda conn, f: {"error": error}
    with s.events() as events:
        s.send(bob.pub, "will be refused", client_message_id="c1")
        wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
        events.wait("send_status", lambda e: e.data["status"] == "dead" and
                    e.data["client_message_id"] == "c1")
    assert re.search(reason, row_of(s, "c1")["last_error"])
    notice = wait_for(lambda: s.inbox(), 10)[0]
    assert notice["sender_pubkey"] == "system"
    assert notice["subtype"] == "system"
    assert notice["authenticated"] is True
    assert re.search(reason, notice["body"])
    assert bob.pub[:8] in notice["body"] or "c1" in notice["body"]
    assert "will be refused" not in notice["body"]
    assert len([f for f in world.broker.sends if f["id"] == "c1"]) == 1
    r = s.send(bob.pub, "will be refused", client_message_id="c1")
    assert r.status == 409 and r.json["conflict"] == \
        "outbox_dead_fingerprint_match"
    assert re.search(reason, r.json["reason"])


@pytest.mark.parametrize("error", [NOT_CONNECTED, RATE_LIMIT, "capacity",
                                   "something nobody listed"])
def test_transient_refusals_are_tried_again(world, error):
    s, bob, carol = world.register(), Key(), Key()
    world.broker.acks = lambda conn, f: {"error": error} if \
        f["targetSpec"] == bob.pub and sum(
            x["id"] == f["id"] for x in world.broker.sends) < 3 else {}
    s.send(bob.pub, "patience", client_message_id="c1")
    s.send(carol.pub, "for the other", client_message_id="c2")
    wait_for(lambda: row_of(s, "c2")["status"] == "done", 5)
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 20)
    mine = [f for f in world.broker.sends if f["id"] == "c1"]
    assert len(mine) == 3 and same(mine[0], mine[1]) and \
        same(mine[0], mine[2])
    if error == RATE_LIMIT:
        assert row_of(s, "c1")["attempts"] <= 1


@pytest.mark.parametrize("event", ["peer_joined", "peer_returned"])
def test_a_recipient_that_comes_is_tried_at_once(world, event):
    """"Recipient not connected": and else after back-off."""
    s, bob = world.register(), Key()
    away = [True]
    world.broker.acks = lambda conn, f: \
        {"error": NOT_CONNECTED} if away[0] else {}
    s.send(bob.pub, "are you there", client_message_id="c1")
    # After four refusals the next attempt is some 8 s away.
    world.broker.wait(lambda: len(world.broker.sends) >= 4, 30, "attempts")
    away[0] = False
    begin = time.monotonic()
    said = world.broker.system(world.member.mesh_id, event, name="bob",
                               pubkey=bob.pub, groups=[])
    for conn in world.broker.live():
        conn.put(said)
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 20)
    assert time.monotonic() - begin < 5 * SLOW


def test_acks_that_nobody_asked_for(world):
    s, bob = world.register(), Key()
    conn = s.conn()
    conn.put({"type": "ack", "id": "unknown", "messageId": "x" * 32,
              "queued": True}, {"type": "ack"}, {"type": "ack", "id": 7},
             {"type": "error", "code": "x", "message": "y"},
             {"type": "bogus"}, "{nope", "[]", "7", "null", "",
             {"type": "push"}, {"type": "push", "messageId": 7},
             {"type": "peers_list", "_reqId": "x"}, {"type": "hello_ack"})
    s.send(bob.pub, "still alive")
    world.broker.wait_sends(conn, 1)
    assert not conn.closed
