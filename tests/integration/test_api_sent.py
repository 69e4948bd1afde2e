"""Promise: GET /v1/send/{id} says what became of a send, waits for it, and
says whether the recipient has it, as far as the broker knows; a dead row says
why in words that a person can act on (local-api.md; delivery.md section 1
promise 4).
"""

import threading
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.asserts import is_error
from harness.keys import minted_id
from harness.scripted import GRANTS
from harness.world import row_of


def sent(session, cid, query=""):
    r = session.api.get(f"/v1/send/{cid}{query}")
    assert r.status == 200, r
    return r.json


def test_of_a_pending_row(alice):
    cid = "with/slash and ünicode"
    assert alice.send(Key().pub, "for the absent", client_message_id=cid
                      ).status == 202
    path = "with%2Fslash%20and%20%C3%BCnicode"
    r = wait_for(lambda: (lambda j: j["last_error"] and j)(
        sent(alice, path)), 10)
    assert r["client_message_id"] == cid
    assert r["status"] in ("pending", "inflight")
    assert r["attempts"] >= 1 and r["next_attempt_at"]
    assert r["broker_message_id"] is None and r["delivered"] is False
    begin = time.monotonic()
    r = sent(alice, path, "?wait=sent&timeout=1")
    assert r["status"] in ("pending", "inflight")
    assert 0.9 < time.monotonic() - begin < 3 * SLOW


def test_scope(alice, bob, api):
    cid = minted_id()
    alice.send(bob, "whose id is it", client_message_id=cid)
    assert sent(alice, cid)
    for other in bob.api, api:
        assert is_error(other.get(f"/v1/send/{cid}"), 404)
    assert is_error(alice.api.get("/v1/send/never-sent"), 404)
    for bad in "?wait=x", "?wait=sent&timeout=61", "?wait=sent&timeout=x":
        assert is_error(alice.api.get(f"/v1/send/{cid}{bad}"), 400)


def test_wait_until_delivered(alice, bob):
    """The embedded broker knows when a direct message was taken."""
    cid = minted_id()
    assert alice.send(bob, "shall be delivered", client_message_id=cid
                      ).status == 202
    begin = time.monotonic()
    r = sent(alice, cid, "?wait=delivered&timeout=20")
    assert r["status"] == "done" and r["delivered"] is True, r
    assert r["broker_message_id"]
    assert time.monotonic() - begin < 10 * SLOW
    assert sent(alice, cid)["delivered"] is True


def test_a_message_to_many_is_only_sent(alice):
    cid = minted_id()
    alice.send("*", "to everybody", client_message_id=cid)
    r = sent(alice, cid, "?wait=delivered&timeout=20")
    assert r["status"] == "done" and r["delivered"] is None


def test_wait_ends_with_the_row(world):
    """Many waits, told at once when the row ends, none before."""
    s, bob = world.register(), Key()
    world.broker.acks = "hold"
    s.send(bob.pub, "waited for", client_message_id="c1")
    conn = s.conn()
    f = world.broker.wait_sends(conn, 1)[0]
    answers = []

    def go():
        answers.append((sent(s, "c1", "?wait=sent&timeout=30"),
                        time.monotonic()))

    threads = [threading.Thread(target=go) for _ in range(20)]
    for t in threads:
        t.start()
    time.sleep(0.5)         # that none ends by itself
    assert answers == []
    # They are no requests in flight.
    assert s.api.get("/v1/sessions/me").status == 200
    conn.ack(f)
    acked = time.monotonic()
    for t in threads:
        t.join()
    assert [a["status"] for a, _ in answers] == ["done"] * 20
    assert max(t for _, t in answers) - acked < 2 * SLOW


def test_a_broker_that_cannot_say(world):
    """message_status is not answered: delivered is null, and soon."""
    s, bob = world.register(), Key()
    s.send(bob.pub, "nobody knows", client_message_id="c1")
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    begin = time.monotonic()
    assert sent(s, "c1")["delivered"] is None
    assert time.monotonic() - begin < 2.5 * SLOW
    assert sent(s, "c1", "?wait=delivered&timeout=1")["delivered"] is None
    assert sent(s, "c1", "?wait=sent")["status"] == "done"


@pytest.mark.parametrize("error,code,word", [
    (GRANTS, "blocked_by_recipient", "recipient"),
    ("payload too large: 70000 bytes > MAX_MESSAGE_BYTES=65536",
     "payload_too_large", "parts")])
def test_why_it_died(world, error, code, word):
    """Words for people, wherever it is told."""
    s, bob = world.register(), Key()
    world.broker.acks = lambda conn, f: {"error": error}
    with s.events() as events:
        s.send(bob.pub, "will be refused", client_message_id="c1")
        r = sent(s, "c1", "?wait=delivered&timeout=20")
        e = events.wait("send_status", lambda e: e.data["status"] == "dead")
    assert r["status"] == "dead" and r["delivered"] is False
    assert r["last_error"].startswith(code)
    assert word in r["reason"] and code in r["reason"]
    assert e.data["reason"] == r["reason"]
    assert e.data["last_error"] == r["last_error"]
    notice = wait_for(lambda: s.inbox(), 10)[0]
    assert r["reason"] in notice["body"]
    again = s.send(bob.pub, "will be refused", client_message_id="c1")
    assert again.status == 409 and again.json["reason"] == r["reason"]


def test_through_a_restart_of_the_store(make):
    """A wait is told even when the store died meanwhile."""
    d = make.daemon()
    alice, bob = d.register("alice"), d.register("bob")
    api = d.api()
    assert api.delete(f"/v1/sessions/{bob.token}").status == 200
    cid = minted_id()
    alice.send(bob.pubkey, "for later", client_message_id=cid)
    got = []
    t = threading.Thread(target=lambda: got.append(
        sent(alice, cid, "?wait=sent&timeout=50")))
    t.start()
    pid = d.kill("store")
    d.wait_restarted("store", pid)
    bob.register()
    t.join(60 * SLOW)
    assert got and got[0]["status"] == "done", got
