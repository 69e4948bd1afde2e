"""Promise: what an operator does to a row is what the broker sees: an aborted
or held row is not sent, a requeued one goes to the same recipient, encrypted
as it was, and nothing is changed under a send that is under way (delivery.md
section 1 promise 4, section 5; fault 3 of section 9).
"""

import base64

import pytest

from harness import Key, wait_for
from harness.scripted import GRANTS, NOT_CONNECTED
from harness.world import World, resume, row_of, same


def operate(s, what, *cids):
    r = s.api.post(f"/v1/outbox/{what}", {"ids": [row_of(s, c)["id"]
                                                  for c in cids]})
    assert r.status == 200, r
    return r.json


def operate_all(s, what, *cids):
    """One by one, each as soon as it is not just being tried again."""
    for cid in cids:
        wait_for(lambda: operate(s, what, cid)["changed"] == 1, 10)


def requeue_waiting(s, cid):
    """Likewise, while its recipient is still absent."""
    return wait_for(lambda: (lambda r: r.status == 200 and r)(
        requeue(s, cid)), 10)


def requeue(s, cid, **more):
    return s.api.post("/v1/outbox/requeue", {"id": row_of(s, cid)["id"],
                                             **more})


def backing_off(world, s, *cids):
    """Their rows were refused once, and wait."""
    for cid in cids:
        wait_for(lambda: row_of(s, cid)["attempts"] >= 1 and
                 row_of(s, cid)["last_error"], 10)


def sent_as(world, cid):
    return len([f for f in world.broker.sends if f["id"] == cid])


def absent(world, key):
    """Only that key is not connected; the others' sends are taken."""
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED} \
        if f["targetSpec"] == key else {}


@pytest.mark.parametrize("was", ["dead", "pending"])
def test_a_requeued_row_is_the_same_message(world, was):
    """Fault 3: it lost mesh, target, ciphertext and sender, and was broadcast
    in plain text."""
    s, bob = world.register(), Key()
    world.broker.acks = lambda conn, f: {
        "error": GRANTS if was == "dead" else NOT_CONNECTED}
    s.send(bob.pub, "for bob alone", client_message_id="c1", priority="low",
           reply_to_id="r0", meta={"a": 1})
    if was == "dead":
        wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
    else:
        backing_off(world, s, "c1")
    old = world.broker.sends[0]
    if was == "dead":
        world.broker.acks = "auto"
    r = requeue_waiting(s, "c1")
    before = sent_as(world, "c1")
    world.broker.acks = "auto"
    cid = r.json["new_client_message_id"]
    assert cid != "c1"
    wait_for(lambda: row_of(s, cid)["status"] == "done", 10)
    for new in [f for f in world.broker.sends if f["id"] == cid]:
        assert new["client_message_id"] == cid
        assert same({**old, "id": 0, "client_message_id": 0},
                    {**new, "id": 0, "client_message_id": 0})
    assert bob.open(s.pubkey, new["nonce"], new["ciphertext"]) == \
        "for bob alone"
    for f in world.broker.sends:
        assert f["targetSpec"] == bob.pub
        assert b"for bob alone" not in base64.b64decode(f["ciphertext"])
    row = row_of(s, "c1")
    assert row["status"] == "aborted" and row["aborted_by"]
    assert row["superseded_by"] in (r.json["new_row_id"],
                                    str(r.json["new_row_id"]))
    assert sent_as(world, "c1") == before   # it was not sent again


def test_requeued_to_another_key(world):
    """Sealed anew for that one, and for nobody else."""
    s, bob, carol = world.register(), Key(), Key()
    world.broker.acks = lambda conn, f: {"error": GRANTS} \
        if f["targetSpec"] == bob.pub else {}
    s.send(bob.pub, "now for carol", client_message_id="c1", priority="now")
    wait_for(lambda: row_of(s, "c1")["status"] == "dead", 10)
    old = world.broker.sends[0]
    r = requeue(s, "c1", to=carol.pub)
    assert r.status == 200, r
    cid = r.json["new_client_message_id"]
    wait_for(lambda: row_of(s, cid)["status"] == "done", 10)
    new, = [f for f in world.broker.sends if f["id"] == cid]
    assert new["targetSpec"] == carol.pub and new["priority"] == "now"
    assert new["nonce"] != old["nonce"]
    assert carol.open(s.pubkey, new["nonce"], new["ciphertext"]) == \
        "now for carol"
    assert bob.open(s.pubkey, new["nonce"], new["ciphertext"]) is None


def test_nothing_is_changed_under_a_send(world):
    """In the window: requeue is 409, hold and abort say why not."""
    s, bob = world.register(), Key()
    world.broker.acks = "hold"
    s.send(bob.pub, "under way", client_message_id="c1")
    conn = s.conn()
    world.broker.wait_sends(conn, 1)
    r = requeue(s, "c1")
    assert r.status == 409 and r.json["error"] == "inflight", r
    for what in "hold", "abort":
        told = operate(s, what, "c1")
        assert told["changed"] == 0 or told["changed"] == []
        assert [x["reason"] for x in told["refused"]] == ["inflight"]
    conn.ack(conn.sends[0])
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)
    assert len(world.broker.sends) == 1


@pytest.mark.parametrize("features", [None, ["ordered", "dedupe"]])
def test_a_held_row_blocks_no_later_one(make, features):
    w = World(make, features=features)
    s, bob = w.register(), Key()
    absent(w, bob.pub)
    for i in range(5):
        s.send(bob.pub, f"message {i}", client_message_id=f"c{i}")
    backing_off(w, s, "c0")
    operate_all(s, "hold", "c0", "c2")
    w.broker.acks = "auto"
    s.conn().put(w.broker.system(w.member.mesh_id, "peer_joined", name="bob",
                                 pubkey=bob.pub, groups=[]))
    wait_for(lambda: [row_of(s, f"c{i}")["status"] for i in (1, 3, 4)] ==
             ["done"] * 3, 10)
    mark = len(w.broker.sends)
    for cid in "c0", "c2":
        row = row_of(s, cid)
        assert row["status"] == "pending" and row["held"], row
    s.send(bob.pub, "message 5", client_message_id="c5")
    wait_for(lambda: row_of(s, "c5")["status"] == "done", 10)
    assert [f["id"] for f in w.broker.sends[mark:]] == ["c5"]
    operate(s, "release", "c0", "c2")
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"done"}, 10)
    assert [f["id"] for f in w.broker.sends[mark:]] == ["c5", "c0", "c2"]


@pytest.mark.parametrize("when", ["back-off", "no broker", "parked"])
def test_an_aborted_row_is_never_sent(world, when):
    s, bob = world.register(), Key()
    absent(world, bob.pub)
    conn = s.conn()
    if when == "no broker":
        world.broker.stop()
        wait_for(lambda: s.state() == "connecting", 10)
    elif when == "parked":
        conn.close(4001, "kicked")
        s.wait_state("parked")
    for i in range(3):
        s.send(bob.pub, f"message {i}", client_message_id=f"c{i}")
    if when == "back-off":
        backing_off(world, s, "c0")
    operate_all(s, "abort", "c0", "c1")
    for cid in "c0", "c1":
        assert row_of(s, cid)["status"] == "aborted"
        assert row_of(s, cid)["aborted_by"]
    mark = len(world.broker.sends)
    world.broker.acks = "auto"
    if when == "no broker":
        world.broker.start()
    elif when == "parked":
        resume(s)
    else:
        conn.cut()
    wait_for(lambda: row_of(s, "c2")["status"] == "done", 25)
    assert {f["id"] for f in world.broker.sends[mark:]} == {"c2"}
    # It was a person who ended them: no notice.
    assert s.inbox() == []


def test_the_same_message_is_not_taken_twice(world):
    """A requeued row's old id stays known (delivery.md section 3)."""
    s, bob = world.register(), Key()
    absent(world, bob.pub)
    s.send(bob.pub, "once", client_message_id="c1")
    backing_off(world, s, "c1")
    cid = requeue_waiting(s, "c1").json["new_client_message_id"]
    world.broker.acks = "auto"
    wait_for(lambda: row_of(s, cid)["status"] == "done", 10)
    tries = sent_as(world, cid)
    r = s.send(bob.pub, "once", client_message_id="c1")
    assert r.status == 409
    assert r.json["conflict"] == "outbox_aborted_fingerprint_match"
    assert s.send(bob.pub, "once", client_message_id=cid).status == 200
    assert sent_as(world, cid) == tries
