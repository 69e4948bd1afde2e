"""Promise: what waits in the outbox can be held, released, aborted and
requeued by its sender; a requeued message goes to the same recipient, or to
the one that is named, encrypted, or nowhere (delivery.md section 5; fault 3
of section 9).
"""

import threading

import pytest

from harness import Key, wait_for
from harness.asserts import arrived, is_error
from harness.keys import fingerprint, minted_id
from harness.scripted import GRANTS, NOT_CONNECTED
from harness.world import World, row_of


def op(session, what, *ids):
    r = session.api.post(f"/v1/outbox/{what}", {"ids": list(ids)})
    assert r.status == 200, r
    return r.json


def requeue(session, row, **fields):
    return session.api.post("/v1/outbox/requeue", {"id": row, **fields})


def show(session, row):
    r = session.api.get(f"/v1/outbox/{row}")
    assert r.status == 200, r
    return r.json


def waiting(session, to=None, text="waits for nobody", **fields):
    """A row that stays pending: its recipient is not there."""
    r = session.send(to or Key().pub, text, **fields)
    assert r.status == 202, r
    return r.json["id"]


def test_hold_and_release(world):
    """A held row does not block later ones, and goes when released."""
    s, bob = world.register(), Key()
    world.broker.acks = lambda conn, f: (
        {"error": NOT_CONNECTED} if f["id"] == "c1" else {})
    first = waiting(s, bob.pub, "held back", client_message_id="c1")
    wait_for(lambda: op(s, "hold", first)["changed"] == 1, 10)
    assert show(s, first)["held"] is True
    # Held or released twice is the same.
    assert op(s, "hold", first) == {"changed": 1, "refused": []}
    world.broker.acks = "auto"
    tries = len(world.broker.sends)
    waiting(s, bob.pub, "not blocked by it", client_message_id="c2")
    wait_for(lambda: row_of(s, "c2")["status"] == "done", 10)
    # A new connection makes every head due: but not this one.
    conn = s.conn()
    conn.cut()
    s.conn(after=conn.number)
    waiting(s, bob.pub, "nor later", client_message_id="c3")
    wait_for(lambda: row_of(s, "c3")["status"] == "done", 10)
    assert [f["id"] for f in world.broker.sends[tries:]] == ["c2", "c3"]
    assert show(s, first)["status"] == "pending"
    assert op(s, "release", first) == {"changed": 1, "refused": []}
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    assert show(s, first)["held"] is False


def test_abort(alice):
    row = waiting(alice)
    wait_for(lambda: op(alice, "abort", row)["changed"] == 1, 10)
    r = show(alice, row)
    assert r["status"] == "aborted" and r["aborted_by"] == "alice"
    assert r["aborted_at"]
    assert op(alice, "hold", row)["refused"] == [
        {"id": row, "reason": "ended", "status": "aborted"}]


def test_an_abort_is_an_event(alice):
    cid = minted_id()
    with alice.events() as events:
        row = waiting(alice, client_message_id=cid)
        wait_for(lambda: op(alice, "abort", row)["changed"] == 1, 10)
        events.wait("send_status", lambda e: e.data["status"] == "aborted"
                    and e.data["client_message_id"] == cid)


def test_nobody_else_s(alice, bob, api):
    """Promise 7: a row of somebody else is as unknown as none."""
    row = waiting(alice)
    for other in bob.api, api:
        for what in "hold", "release", "abort":
            r = other.post(f"/v1/outbox/{what}", {"ids": [row, "nope"]})
            assert r.json == {"changed": 0, "refused": [
                {"id": row, "reason": "not_found"},
                {"id": "nope", "reason": "not_found"}]}
        assert is_error(other.post("/v1/outbox/requeue", {"id": row}),
                        404) == "row_not_found"
    assert show(alice, row)["status"] in ("pending", "inflight")
    assert show(alice, row)["held"] is False


def test_the_operator(alice, daemon):
    row = waiting(alice)
    admin = daemon.api(admin=True)
    wait_for(lambda: admin.post("/v1/outbox/abort", {"ids": [row]}
                                ).json["changed"] == 1, 10)
    assert show(alice, row)["aborted_by"].startswith("uid ")


@pytest.mark.parametrize("body", [
    {}, {"ids": []}, {"ids": "x"}, {"ids": [7]}, {"ids": ["x"] * 501}])
@pytest.mark.parametrize("what", ["hold", "release", "abort"])
def test_nonsense(alice, what, body):
    is_error(alice.api.post(f"/v1/outbox/{what}", body), 400)


def test_five_hundred_at_once(alice):
    row = waiting(alice)
    r = op(alice, "hold", *([f"no-{i}" for i in range(499)] + [row]))
    assert len(r["refused"]) == 499 + (r["changed"] == 0)
    wait_for(lambda: op(alice, "abort", row)["changed"] == 1, 10)


def test_requeue_of_the_dead(world):
    """Fault 3: the same recipient, encrypted, and nobody else."""
    s, bob = world.register(), Key()
    world.broker.acks = lambda conn, f: {"error": GRANTS}
    s.send(bob.pub, "second try", client_message_id="c1", priority="now",
           reply_to_id="r1", meta={"a": 1})
    wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
    old = row_of(s, "c1")
    world.broker.acks = "auto"
    r = requeue(s, old["id"])
    assert r.status == 200 and r.json["aborted_row_id"] == old["id"], r
    assert r.json["to"] == bob.pub
    new = r.json["new_client_message_id"]
    wait_for(lambda: row_of(s, new)["status"] == "done", 10)
    a, b = world.broker.sends
    assert b["client_message_id"] == new != a["client_message_id"]
    for k in ("targetSpec", "priority", "replyToId", "nonce", "ciphertext",
              "request_fingerprint"):
        assert a[k] == b[k], k
    assert bob.open(s.pubkey, b["nonce"], b["ciphertext"]) == "second try"
    gone = show(s, old["id"])
    assert gone["status"] == "aborted" and gone["aborted_by"] == "alice"
    assert gone["superseded_by"] == r.json["new_row_id"]
    again = requeue(s, old["id"])
    assert is_error(again, 409) == "row_ended"
    assert again.json["superseded_by"] == r.json["new_row_id"]
    done = requeue(s, r.json["new_row_id"])
    assert is_error(done, 409) == "row_ended"
    assert done.json["status"] == "done"
    assert len(world.broker.sends) == 2


def test_requeue_to_another(world):
    """Sealed anew: new nonce, new fingerprint, the same text and meta."""
    s, bob, carol = world.register(), Key(), Key()
    world.broker.acks = lambda conn, f: (
        {"error": GRANTS} if f["targetSpec"] == bob.pub else {})
    s.send(bob.pub, "for somebody", client_message_id="c1", meta={"a": 1},
           reply_to_id="r1")
    wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
    r = requeue(s, row_of(s, "c1")["id"], to=carol.pub,
                new_client_message_id="c2")
    assert r.status == 200 and r.json["to"] == carol.pub, r
    wait_for(lambda: row_of(s, "c2")["status"] == "done", 10)
    a, b = world.broker.sends
    assert b["targetSpec"] == carol.pub and b["replyToId"] == "r1"
    assert carol.open(s.pubkey, b["nonce"], b["ciphertext"]) == "for somebody"
    assert a["nonce"] != b["nonce"]
    assert b["request_fingerprint"] == fingerprint(
        carol.pub, "for somebody", "next", "r1", {"a": 1})
    # It is that send: the same again is a duplicate.
    again = s.send(carol.pub, "for somebody", client_message_id="c2",
                   meta={"a": 1}, reply_to_id="r1")
    assert again.status == 200 and again.json["duplicate"] is True


def test_requeue_to_a_name(alice, bob):
    row = waiting(alice, text="by name in the end")
    wait_for(lambda: requeue(alice, row, to="bob").status in (200, 409) and
             show(alice, row)["status"] == "aborted", 10)
    arrived(bob, "by name in the end")


def test_requeue_refused(alice, bob, api):
    row = waiting(alice, text="stays where it is")
    used = minted_id()
    assert alice.send(bob, "has this id", client_message_id=used
                      ).status == 202
    for fields, status, code in (
            ({"to": "*"}, 400, "invalid_target"),
            ({"to": "@all"}, 400, "invalid_target"),
            ({"to": "#t"}, 400, "invalid_target"),
            ({"to": alice.pubkey}, 400, "own_key"),
            ({"to": "nobody-of-that-name"}, 404, "peer_not_found"),
            ({"to": ""}, 400, "invalid_request"),
            ({"to": 7}, 400, "invalid_request"),
            ({"new_client_message_id": ""}, 400, "invalid_request"),
            ({"new_client_message_id": used}, 409,
             "idempotency_key_reused")):
        # Unless it is just being tried again.
        r = wait_for(lambda: (lambda r: r.error != "inflight" and r)(
            requeue(alice, row, **fields)), 10)
        assert is_error(r, status) == code, fields
    assert is_error(requeue(alice, minted_id()), 404) == "row_not_found"
    assert is_error(alice.api.post("/v1/outbox/requeue", {}), 400)
    # What a session may not read it does not send to somebody else.
    members = api.send(Key().pub, "of the member").json["id"]
    assert is_error(requeue(alice, members, to=bob.pubkey), 403)
    wait_for(lambda: op(alice, "abort", row)["changed"] == 1, 10)


def test_requeue_never_widens(world):
    """A message to many goes to the same, or nowhere."""
    s = world.register()
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED}
    row = waiting(s, "*", "to everybody", client_message_id="c1")
    r = requeue(s, row, to=Key().pub)
    assert is_error(r, 400) == "invalid_target"
    new = wait_for(lambda: (lambda r: r.status == 200 and r)(
        requeue(s, row)), 10).json
    assert new["to"] == "*"
    assert show(s, new["new_row_id"])["to"] == "*"


def test_in_the_window(world):
    """What is being sent is not touched: 409, or listed under refused."""
    s, bob = world.register(), Key()
    world.broker.acks = "hold"
    s.send(bob.pub, "on its way", client_message_id="c1")
    conn = s.conn()
    f = world.broker.wait_sends(conn, 1)[0]
    row = row_of(s, "c1")["id"]
    assert is_error(requeue(s, row), 409) == "inflight"
    for what in "hold", "abort":
        assert op(s, what, row) == {"changed": 0, "refused": [
            {"id": row, "reason": "inflight"}]}
    conn.ack(f)
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    assert len(world.broker.sends) == 1


def test_the_ended(make):
    """A row of an ended session: 409 until it is registered again."""
    w = World(make)
    s = w.register("ender")
    w.broker.acks = lambda conn, f: {"error": GRANTS}
    s.send(Key().pub, "whose sender has ended", client_message_id="c1")
    wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
    row = row_of(s, "c1")["id"]
    admin = w.daemon.api(admin=True)
    assert admin.delete(f"/v1/sessions/{s.token}").status == 200
    wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 10)
    r = admin.post("/v1/outbox/requeue", {"id": row})
    assert is_error(r, 409) == "sender_ended"


def test_a_store_that_dies(make):
    """Asked again of the next store: done once, and answered."""
    d = make.daemon()
    s = d.register("alice")
    rows = [waiting(s, text=f"requeued {i}") for i in range(8)]
    answers = {}

    def go(row):
        for _ in range(40):
            try:
                r = requeue(s, row, new_client_message_id="n" + row)
            except OSError:
                continue
            answers[row] = r
            if r.status in (200, 404):
                return
            if r.json["error"] in ("row_ended", "idempotency_key_reused"):
                return

    threads = [threading.Thread(target=go, args=(r,)) for r in rows]
    for t in threads:
        t.start()
    d.kill("store")
    for t in threads:
        t.join()
    wait_for(lambda: len(s.outbox()) == 16, 10)
    for row in rows:
        old = show(s, row)
        assert old["status"] == "aborted" and old["superseded_by"]
        new = show(s, old["superseded_by"])
        assert new["client_message_id"] == "n" + row
