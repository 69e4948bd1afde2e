"""Promise: a name or the beginning of a key goes to the one peer that it
means now, or to nobody; an id that is known is answered before that; and
requests with one id are one send (delivery.md section 3 "Accept" and
"Targets"; faults 14 and 17 of section 9).
"""

import base64
import threading

import pytest

from harness import Key, wait_for
from harness.asserts import arrived, is_error
from harness.keys import minted_id
from harness.scripted import FRAME_MAX
from harness.world import World


def test_by_name_and_by_prefix(alice, bob):
    for to in "bob", bob.pubkey[:8], bob.pubkey[:63], bob.pubkey[:12].upper():
        r = alice.api.send(to, f"for whom {to} means")
        assert r.status == 202 and r.json["to"] == bob.pubkey, r
        arrived(bob, f"for whom {to} means")
    row = alice.outbox()[0]
    assert row["to"] == bob.pubkey


def test_nobody(alice):
    for to in "nobody at all", "0" * 12, "Bob", "bo":
        r = alice.api.send(to, "for nobody")
        assert is_error(r, 404) == "peer_not_found"
        assert "meshsup peers" in r.json["detail"]
    assert "for nobody" not in str(alice.outbox())


def test_who_came_just_now(alice, daemon):
    """The roster that a worker has may be old; nobody is missed by that."""
    alice.api.send("bob", "to have a roster")
    dora = daemon.register("dora")
    r = alice.api.send("dora", "welcome, dora")
    assert r.status == 202 and r.json["to"] == dora.pubkey
    arrived(dora, "welcome, dora")


def test_a_name_of_two(alice, daemon):
    """Fault 14: never the first match."""
    twins = [daemon.register("twin") for _ in range(2)]
    r = alice.api.send("twin", "for one of you")
    assert is_error(r, 409) == "ambiguous_target"
    assert {c["pubkey"] for c in r.json["candidates"]} == {
        t.pubkey for t in twins}
    assert all(c["name"] == "twin" for c in r.json["candidates"])
    # One of the two cannot mean the other, either.
    assert is_error(twins[0].api.send("twin", "for one of you"), 409)
    for t in twins:
        assert t.inbox() == []


def test_oneself(alice, bob):
    for to in "alice", alice.pubkey, alice.pubkey[:20]:
        assert is_error(alice.api.send(to, "to me"), 400) == "own_key"


def test_control_plane_never_matches(alice, member_key, daemon):
    """The member is there, but is nobody to talk to by name or prefix."""
    rows = alice.api.get("/v1/peers").json["peers"]
    members = [p for p in rows if p["peerRole"] == "control-plane"]
    assert members
    for p in members:
        for to in p["pubkey"][:16], p["displayName"]:
            others = [q for q in rows if q["peerRole"] == "session" and (
                q["displayName"] == to or q["pubkey"].startswith(to))]
            if not others:
                assert is_error(alice.api.send(to, "to a member"), 404)
    assert alice.send(member_key.pub, "by the whole key").status == 202


def test_rows_with_one_key_are_one(world):
    s, bob = world.register(), Key()
    row = {"pubkey": bob.pub, "memberPubkey": bob.pub, "displayName": "bob",
           "status": "idle", "groups": [], "peerRole": "session"}
    other = {**row, "pubkey": Key().pub, "displayName": "bo"}
    world.broker.peers = lambda: [row, dict(row), other]
    r = s.api.send("bob", "you are one")
    assert r.status == 202 and r.json["to"] == bob.pub
    f = world.broker.wait_sends(s.conn(), 1)[0]
    assert f["targetSpec"] == bob.pub


def test_confirmed_with_the_broker(world):
    """None or several in the roster: the broker is asked once more."""
    s, bob = world.register(), Key()
    lists = [[], [{"pubkey": bob.pub, "displayName": "bob",
                   "peerRole": "session"}]]
    world.broker.peers = lambda: lists.pop(0)
    r = s.api.send("bob", "asked twice")
    assert r.status == 202 and r.json["to"] == bob.pub
    assert lists == []


def test_the_broker_is_away(world):
    s = world.register()
    cid = minted_id()
    world.broker.stop()
    wait_for(lambda: s.state() != "open", 10)
    r = s.api.send("bob", "who is there?", client_message_id=cid)
    assert is_error(r, 503) == "roster_unavailable"
    assert r.headers["Retry-After"]
    # The whole key needs nobody, and the id was not consumed.
    assert s.send(Key().pub, "waits for it", client_message_id=cid
                  ).status == 202


def test_a_broker_that_says_nothing(world):
    """504 within 3 s, naming who is silent."""
    s = world.register()
    world.broker.list_peers = False
    r = s.api.send("bob", "who is there?")
    assert is_error(r, 504) == "timeout" and "broker" in r.json["detail"]


def test_known_before_resolved(alice, daemon):
    """The id first: also when its target means nobody any more."""
    gone = daemon.register("soon-gone")
    cid = minted_id()
    body = {"to": "soon-gone", "message": "once", "client_message_id": cid}
    assert alice.api.post("/v1/send", body).json["to"] == gone.pubkey
    arrived(gone, "once")
    assert daemon.api().delete(f"/v1/sessions/{gone.token}").status == 200
    wait_for(lambda: alice.api.send("soon-gone", "again").status == 404, 10)
    r = alice.api.post("/v1/send", body)
    assert r.status == 200 and r.json["duplicate"] is True
    assert r.json["to"] == gone.pubkey
    r = alice.api.post("/v1/send", {**body, "to": gone.pubkey})
    assert r.status == 409, "the fingerprint takes 'to' as it was given"


@pytest.mark.parametrize("to", ["bob", "nobody-there"])
def test_one_id_at_a_time(alice, bob, to):
    """Many requests with one id: one row, one answer for all."""
    cid, answers = minted_id(), []

    def send():
        answers.append(alice.api.send(to, "many times",
                                      client_message_id=cid))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    statuses = {r.status for r in answers}
    assert len(answers) == 12
    if to == "bob":
        assert statuses <= {200, 202}
        assert len({r.json["id"] for r in answers}) == 1
        assert {r.json["to"] for r in answers} == {bob.pubkey}
    else:
        assert statuses == {404}
    rows = [r for r in alice.outbox() if r["client_message_id"] == cid]
    assert len(rows) == (to == "bob")


@pytest.mark.parametrize("fields", [
    {}, {"client_message_id": "c"}, {"client_message_id": 'q"\\' * 80},
    {"reply_to_id": "é" * 100, "priority": "low"}])
@pytest.mark.parametrize("kind", ["key", "name", "*"])
def test_the_limit_is_the_frame_s(world, kind, fields):
    """413 names the bytes; just as many make the largest frame there is."""
    s, bob = world.register(), Key()
    world.broker.peers = lambda: [{"pubkey": bob.pub, "displayName": "b",
                                   "peerRole": "session"}]
    to = {"key": bob.pub, "name": "b", "*": "*"}[kind]
    r = s.api.send(to, "m" * 60000, **fields)
    is_error(r, 413)
    limit = r.json["limit"]
    assert r.json["bytes"] == 60000 and str(limit) in r.json["detail"]
    r = s.api.send(to, "m" * (limit + 1), **fields)
    assert is_error(r, 413) == "message_too_large"
    assert s.api.send(to, "m" * limit, **fields).status == 202
    conn = s.conn()
    world.broker.wait_sends(conn, 1)
    text, = [t for f, t in zip(conn.frames, conn.texts)
             if f["type"] == "send"]
    size = len(text.encode())
    # `first` may come with it: 13 bytes; base64 goes in steps of 4.
    assert FRAME_MAX - 13 - 4 < size <= FRAME_MAX
    plain = base64.b64decode(conn.sends[0]["ciphertext"])
    assert len(plain) == limit + (16 if kind != "*" else 0)
