"""The harness proves itself before it judges: its keys agree with vectors
that the reference implementation made, its peer and its scripted broker
understand each other, and the broker notices a client that lies.
"""

import json
import pathlib

import pytest

from harness import (Key, Member, Peer, ScriptedBroker, parse_responses,
                     wait_for)
from harness.keeper import Keeper
from harness.keys import (attest_text, fingerprint, hello_text, minted_id,
                          session_hello_text, verify)

pytestmark = pytest.mark.harness
DATA = pathlib.Path(__file__).parent / "data"
VECTORS = json.loads((DATA / "wire-vectors.json").read_text())


def vector_key(name):
    return Key(bytes.fromhex(VECTORS["keys"][name]["seed"]))


def test_signatures_are_the_references():
    v = VECTORS["hello"]
    member, session = vector_key("member"), vector_key("sessA")
    assert member.secret == VECTORS["keys"]["member"]["secretKey"]
    text = hello_text(v["meshId"], v["memberId"], member.pub, v["timestamp"])
    assert member.sign(text) == v["signature"]
    v = VECTORS["parent_attestation"]
    text = attest_text(member.pub, session.pub, v["expiresAt"])
    assert member.sign(text) == v["signature"]
    v = VECTORS["session_hello"]
    text = session_hello_text(v["meshId"], member.pub, session.pub,
                              v["timestamp"])
    assert session.sign(text) == v["signature"]
    assert verify(session.pub, text, v["signature"])
    assert not verify(session.pub, text + "0", v["signature"])


@pytest.mark.parametrize("v", VECTORS["direct_messages"])
def test_envelopes_are_the_references(v):
    sender, recipient = vector_key(v["sender"]), vector_key(v["recipient"])
    assert recipient.open(sender.pub, v["nonce"],
                          v["ciphertext"]) == v["plaintext"]
    assert Key().open(sender.pub, v["nonce"], v["ciphertext"]) is None


@pytest.mark.parametrize("v", [
    v for v in VECTORS["request_fingerprints"]
    if not v["meta_canonical_json"]])
def test_fingerprints_are_the_references(v):
    to = v["destination_ref"]
    if v["destination_kind"] == "topic" and to != "*":
        to = "@" + to
    body = v["body"] if "body" in v else (
        v["body_repeat"][0] * v["body_repeat"][1])
    assert fingerprint(to, body, v["priority"],
                       v.get("reply_to_id") or "") == v["fingerprint_hex"]


def member():
    return Member("mesh", "member-1")


def test_peer_and_scripted_broker_talk():
    m = member()
    with ScriptedBroker([m]) as broker:
        broker.route = True
        a, b = Peer(broker.url, m), Peer(broker.url, m)
        control = Peer(broker.url, m, session=False)
        for p in a, b, control:
            p.connect()
        assert a.send(b.pub, "héllo")["queued"]
        got = b.receive()
        assert got["text"] == "héllo" and got["senderPubkey"] == a.pub
        assert {p["peerRole"] for p in a.barrier()} == {
            "session", "control-plane"}
        broker.wait_session(a.pub).close(4001, "kicked")
        assert a.wait_closed() == (4001, "kicked")
        broker.crash()
        b.wait_closed()
        with pytest.raises(OSError):
            b.open()
        broker.start()
        b.connect()
        assert broker.wait_session(b.pub).hello["sessionId"] == \
            b.hello_fields["sessionId"]
        for p in b, control:
            p.close()


@pytest.mark.parametrize("lie", [
    {"signature": "0" * 128}, {"timestamp": 1790000000000},
    {"channel": "x"}, {"pid": "1"}, {"pid": None}, {"extra": 1},
    {"parentAttestation": {}}, {"groups": [{"name": "a b"}]}])
def test_scripted_broker_notices_a_lie(lie):
    m = member()
    broker = ScriptedBroker([m]).start()
    p = Peer(broker.url, m)
    p.connect(**lie)
    with pytest.raises(AssertionError):
        broker.close()


def test_scripted_broker_counts_the_window():
    m = member()
    with ScriptedBroker([m]) as broker:
        broker.acks = "hold"
        p = Peer(broker.url, m)
        p.connect()
        t, u = Key().pub, Key().pub
        for target in t, t, u:
            p.put(p.message(target, "hello"))
        conn = broker.wait_session()
        broker.wait_sends(conn, 3)
        assert (conn.window_max, conn.per_target_max) == (3, 2)
        conn.ack(conn.sends[0])
        assert p.expect("ack")["queued"]
        p.close()


def test_keeper_ends_what_detached():
    k = Keeper()
    r = k.run(["sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"])
    assert r.exit == 0 and not r.held
    wait_for(lambda: [p["argv"] for p in k.processes()] ==
             [["sleep", "60"]])
    k.close()
    pid = int(r.out)
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_answers_are_told_apart():
    two = (b"HTTP/1.1 100 Continue\r\n\r\n"
           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
           b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nHTTP/1.1 2")
    assert [r.status for r in parse_responses(two)] == [200, 404]
    assert minted_id() != minted_id()
