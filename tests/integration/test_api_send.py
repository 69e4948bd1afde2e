"""Promise: a send is taken once for each client_message_id, or refused before
anything is written, and what is taken fits the broker's frame (delivery.md
sections 2 and 3; faults 17 and 20 of section 9).
"""

import re

import pytest

from harness import Key, wait_for
from harness.asserts import arrived, is_error
from harness.keys import minted_id


@pytest.mark.parametrize("bad", [
    {}, {"to": "*"}, {"message": "x"}, {"to": "", "message": "x"},
    {"to": 7, "message": "x"}, {"to": "*", "message": 7},
    {"to": "*", "message": None}, {"to": "*", "message": ["x"]},
    {"to": "*", "message": "x", "priority": "zzz"},
    {"to": "*", "message": "x", "priority": 1},
    {"to": "*", "message": "x", "meta": [1]},
    {"to": "*", "message": "x", "meta": "x"},
    {"to": "*", "message": "x", "reply_to_id": 7},
    {"to": "*", "message": "x", "client_message_id": 7},
    {"to": "*", "message": "x", "client_message_id": ""},
    {"to": "*", "message": "x", "client_message_id": "x" * 5000},
    {"to": "*", "message": "x", "mesh": 7},
    {"to": "x" * 5000, "message": "x"},
    {"to": "*\n", "message": "x"}])
def test_send_nonsense(alice, bad):
    r = alice.api.post("/v1/send", bad)
    assert r.status in (400, 404), r
    if "to" not in bad or bad["to"] == "*":
        is_error(r, 400)


@pytest.mark.parametrize("text", [
    "", "{", "[1]", "7", "null", '"x"', "{}x", '{"to":"*","to":"*",'
    '"message":"x"}', '{"to":"*","message":"\\u0000"}', "\xff\xfe",
    '{"to":"*","message":"\\ud800"}', "[" * 10000, '{"a":' * 10000,
    '{"to":"*","message":"x","meta":{"n":1e999}}',
    '{"to":"*","message":"x","meta":{"n":99999999999999999999}}'])
@pytest.mark.parametrize("path", ["/v1/send", "/v1/sessions/register",
                                  "/v1/inbox/seen"])
def test_malformed_json_is_400(alice, path, text):
    """Fault 20."""
    r = alice.api.request("POST", path, text.encode("latin-1"))
    is_error(r, 400)


def test_own_key(alice):
    assert is_error(alice.send(alice.pubkey, "to me"), 400) == "own_key"


def test_key_in_capitals_is_no_key(alice, bob):
    r = alice.send(bob.pubkey.upper(), "shouted")
    assert r.status in (202, 400, 404), r
    if r.status == 202:         # then it is the same key
        arrived(bob, "shouted")


def test_unknown_mesh_without_a_session(api, bob):
    r = api.send(bob.pubkey, "to a mesh unknown", mesh="zzz")
    assert is_error(r, 404) == "mesh_not_attached"


def test_sending_as_the_member(daemon, api, bob, member_key):
    """Without a token the sender is the member, on the only mesh."""
    r = api.send(bob.pubkey, "from the member itself")
    assert r.status == 202
    item = arrived(bob, "from the member itself")
    assert item["sender_pubkey"] == member_key.pub
    assert "from the member itself" not in [
        i["body"] for i in daemon.api().inbox()]


def test_idempotency(alice, bob):
    """The table of delivery.md section 3."""
    cid = minted_id()
    r = alice.send(bob, "the first body", client_message_id=cid)
    assert (r.status, r.json["status"]) == (202, "queued")
    wait_for(lambda: [i for i in alice.outbox() if i["status"] == "done"
                      and i["client_message_id"] == cid], 10)
    r = alice.send(bob, "the first body", client_message_id=cid)
    assert r.status == 200 and r.json["duplicate"] is True
    assert r.json["broker_message_id"] == arrived(
        bob, "the first body")["broker_message_id"]
    for change in ({"message": "another body"}, {"priority": "now"},
                   {"reply_to_id": "x"}, {"meta": {"a": 1}},
                   {"to": Key().pub}, {"to": "*"}):
        r = alice.api.post("/v1/send", {
            "to": bob.pubkey, "message": "the first body",
            "client_message_id": cid, **change})
        assert r.status == 409, (change, r)
        assert r.json["error"] == "idempotency_key_reused"
        assert r.json["conflict"] == "outbox_done_fingerprint_mismatch"
        assert re.fullmatch("[0-9a-f]{16}",
                            r.json["daemon_fingerprint_prefix"])
    assert len([i for i in bob.inbox()
                if i["client_message_id"] == cid]) == 1


def test_idempotency_while_pending(alice):
    absent, cid = Key().pub, minted_id()
    for _ in range(2):
        r = alice.send(absent, "for the absent", client_message_id=cid)
        assert r.status == 202 and r.json["status"] in ("queued", "inflight")
    r = alice.send(absent, "something else", client_message_id=cid)
    assert r.status == 409
    assert r.json["conflict"] in ("outbox_pending_fingerprint_mismatch",
                                  "outbox_inflight_fingerprint_mismatch")


def test_ids_are_per_sender(alice, bob, daemon):
    carol = daemon.register("carol-ids")
    cid = minted_id()
    assert alice.send(carol, "alice's id", client_message_id=cid
                      ).status == 202
    assert bob.send(carol, "bob's same id", client_message_id=cid
                    ).status == 202
    arrived(carol, "alice's id")
    arrived(carol, "bob's same id")


def test_the_key_header(alice, bob):
    cid = minted_id()
    for _ in range(2):
        r = alice.api.request(
            "POST", "/v1/send", {"to": bob.pubkey, "message": "by header"},
            {"Idempotency-Key": cid})
        assert r.json["client_message_id"] == cid
    r = alice.api.request(
        "POST", "/v1/send", {"to": bob.pubkey, "message": "by body",
                             "client_message_id": cid + "b"},
        {"Idempotency-Key": cid})
    assert r.json["client_message_id"] == cid + "b"


def test_a_minted_id_is_a_uuid7(alice, bob):
    r = alice.send(bob, "mint me an id")
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]"
                        "[0-9a-f]{3}-[0-9a-f]{12}",
                        r.json["client_message_id"])


def test_a_refused_request_consumes_no_id(alice, bob):
    cid = minted_id()
    is_error(alice.send(bob, "x" * 70000, client_message_id=cid), 413)
    assert alice.send(bob, "now it fits", client_message_id=cid
                      ).status == 202


def test_the_largest_message(alice, bob):
    """Fault 17: what is accepted fits the frame; the answer says how much."""
    r = alice.send(bob, "m" * 60000)
    is_error(r, 413)
    limits = [int(n) for n in re.findall(r"\d{5}", r.raw.decode())]
    assert limits, r
    limit = min(limits)
    assert 40000 < limit < 60000
    is_error(alice.send(bob, "m" * (limit + 1)), 413)
    exact = ("m" * 7 + "\n") * 8000
    assert alice.send(bob, exact[:limit]).status == 202
    assert alice.send(bob, "behind the largest").status == 202
    arrived(bob, "behind the largest")
    assert arrived(bob, exact[:limit])


def test_missing_capabilities(daemon, bob):
    mute = daemon.register("mute", caps=[])
    quiet = daemon.register("quiet", caps=["dm"])
    for r in (mute.send(bob, "may not"), mute.send("*", "may not"),
              quiet.send("*", "may not")):
        assert is_error(r, 403) == "missing_capability"
    assert quiet.send(bob, "this one may").status == 202
    arrived(bob, "this one may")
