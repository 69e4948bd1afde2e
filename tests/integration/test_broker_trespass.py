"""Promise: nobody sees, changes, acknowledges or takes what is another's at
the embedded broker: not from another mesh, where all names may be the same;
not with another's key, attestation, presence or ids; and floods of those who
join, send and ask keep nobody from being served.
"""

import http.client
import json
import socket
import threading
import time

import pytest

from harness import SLOW, Key, Peer
from harness.keys import b64, minted_id, now_ms
from test_broker_hostile import RSS_MAX, log_lines, rss


@pytest.fixture
def broker(make):
    """Two members of a mesh; the only one, and so the admin, of another."""
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    b.eve_member = b.add_member("other", "eve")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="alice",
                       groups=[{"name": "dev"}])


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="bob",
                       groups=[{"name": "dev"}])


@pytest.fixture
def eve(broker):
    return broker.peer(broker.eve_member, name="alice",
                       groups=[{"name": "dev"}])


# --- another mesh ---

def test_what_is_kept_on_another_mesh(alice, bob, eve):
    """Neither listed nor found nor changed, by name or by id."""
    alice.put({"type": "set_state", "key": "k", "value": "alice's"})
    memory = alice.ask("remember", content="alice's words")["id"]
    alice.ask("share_skill", name="s", description="d", instructions="hers")
    topic = alice.ask("topic_create", name="t")["topic"]["id"]
    alice.put({"type": "topic_join", "topic": topic})
    at = now_ms() + 3600_000
    planned = alice.ask("schedule", to=bob.pub, message="m", deliverAt=at)[
        "scheduledId"]
    sent = alice.send(bob.pub, "for bob", cid="an-id")["messageId"]
    assert alice.send("#" + topic, "in the topic")["queued"]
    last = alice.ask("topic_history", topic=topic)["messages"][0]["id"]

    assert eve.ask("get_state", key="k")["value"] is None
    assert eve.ask("list_state")["entries"] == []
    assert eve.ask("recall", query="words")["memories"] == []
    assert eve.ask("list_skills")["skills"] == []
    assert eve.ask("get_skill", name="s")["skill"] is None
    assert eve.ask("topic_list")["topics"] == []
    assert eve.ask("list_scheduled")["messages"] == []
    assert eve.ask("list_bans")["bans"] == []
    info = eve.ask("mesh_info")
    assert not info["stateKeys"] and info["memoryCount"] == 0
    assert {p["pubkey"] for p in eve.barrier()} == {eve.pub}
    for kind in ("topic_history", "topic_members", "topic_mark_read",
                 "topic_join", "topic_leave"):
        for ref in topic, "t":
            eve.put({"type": kind, "topic": ref, "_reqId": kind + ref})
            assert eve.expect("error", id=kind + ref)[
                "code"] == "topic_not_found"
    for id in sent, sent[:10]:
        assert eve.ask("message_status", messageId=id)["code"] == "not_found"
    assert eve.ask("cancel_scheduled", scheduledId=planned)["ok"] is False
    eve.ask("forget", memoryId=memory)
    assert eve.ask("remove_skill", name="s")["action"] == "not_found"
    eve.put({"type": "set_state", "key": "k", "value": "eve's"})
    eve.ask("share_skill", name="s", description="d", instructions="eve's")
    mine = eve.ask("topic_create", name="t")["topic"]["id"]
    eve.put({"type": "topic_join", "topic": mine})
    assert not eve.ask("topic_history", topic=mine, beforeId=last).get(
        "messages")

    assert alice.ask("get_state", key="k")["value"] == "alice's"
    assert [m["id"] for m in alice.ask("recall", query="words")[
        "memories"]] == [memory]
    assert alice.ask("get_skill", name="s")["skill"]["instructions"] == "hers"
    assert [m["memberId"] for m in alice.ask(
        "topic_members", topic=topic)["members"]] == [
            alice.member.member_id]
    assert planned in str(alice.ask("list_scheduled")["messages"])
    for p in alice, bob:
        assert not [f for f in p.seen if f.get("value") == "eve's"]
    assert not [f for f in eve.seen if f["type"] in ("push", "state_change")]


def test_what_is_sent_on_another_mesh(broker, alice, bob, eve):
    """Targets, acknowledgements, ids, kicks and bans end at the mesh."""
    alice.send(bob.pub, "for bob", cid="an-id")
    push = bob.receive()
    topic = alice.ask("topic_create", name="t")["topic"]["id"]
    alice.put({"type": "topic_join", "topic": topic})
    for to in (bob.pub, broker.bob_member.key.pub, alice.pub):
        ack = eve.send(to, "over there", cid="an-id-" + to[:8])
        assert ack["queued"] is False and "no connected peer" in ack["error"]
    for to in "*", "@all", "@dev", "#" + topic:
        eve.send(to, "over there", cid="an-id-" + to[:8])
    # The id of another's message is free, and not a word about it.
    assert "duplicate" not in eve.send("*", "mine", cid="an-id")
    eve.acknowledge(push)
    eve.put({"type": "client_ack", "clientMessageId": "an-id"})
    for target in ("bob", "alice", broker.bob_member.key.pub,
                   broker.bob_member.key.pub[:12], bob.pub):
        for kind in "kick", "disconnect", "ban":
            eve.ask(kind, target=target)
        if eve.closed:      # she has named herself
            eve.connect()
    eve.put({"type": "kick", "all": True})
    other = broker.peer(broker.eve_member, name="eve again")
    other.barrier()
    assert {p.pub for p in (alice, bob)} <= {
        p["pubkey"] for p in alice.barrier()}
    bob.cut()
    bob.connect()
    assert bob.receive()["text"] == "for bob"
    for p in alice, bob:
        p.barrier()
        assert not p.pushes() and not p.closed
    assert broker.peer(broker.bob_member).presence


def test_what_is_anothers_on_ones_own_mesh(alice, bob):
    """What was scheduled and sent is its member's and sender's own."""
    planned = alice.ask("schedule", to="*", message="m",
                        deliverAt=now_ms() + 3600_000)["scheduledId"]
    assert bob.ask("cancel_scheduled", scheduledId=planned)["ok"] is False
    assert bob.ask("list_scheduled")["messages"] == []
    assert len(alice.ask("list_scheduled")["messages"]) == 1
    sent = alice.send("*", "to all")["messageId"]
    assert bob.ask("message_status", messageId=sent)["code"] == "not_found"


# --- another's key ---

def forged(broker, bob):
    """Hellos that would be bob's, by somebody who is a member as well."""
    mallory, me = broker.alice_member, Key()
    theirs = broker.bob_member
    attested = mallory.attest(bob.pub)
    yield mallory.session_hello(me, sessionPubkey=bob.pub)
    yield mallory.session_hello(me, sessionPubkey=bob.pub,
                                parentAttestation=attested)
    yield mallory.session_hello(me, sessionPubkey=bob.pub,
                                parentAttestation=theirs.attest(bob.pub))
    yield mallory.session_hello(
        me, parentMemberPubkey=theirs.key.pub,
        parentMemberId=theirs.member_id,
        parentAttestation={**mallory.attest(me.pub),
                           "parentMemberPubkey": theirs.key.pub})
    yield mallory.session_hello(me, parentAttestation={
        **mallory.attest(me.pub), "expiresAt": now_ms() + 9 * 3600_000})
    yield theirs.session_hello(
        me, parentAttestation=mallory.attest(me.pub))
    old = bob.hello(timestamp=now_ms() - 61_000)        # one that was heard
    yield old
    yield {**old, "timestamp": now_ms()}
    yield mallory.hello(pubkey=theirs.key.pub, memberId=theirs.member_id)
    yield mallory.hello(memberId=theirs.member_id)
    yield {**theirs.hello(), "signature": mallory.hello()["signature"]}
    yield {**bob.hello(), "meshId": broker.eve_member.mesh_id}


@pytest.mark.parametrize("away", [False, True])
def test_nobody_becomes_another(broker, alice, bob, away):
    """Here or in its grace: its presence and what waits for it stay its."""
    bob.put({"type": "set_summary", "summary": "bob's own"},
            {"type": "set_status", "status": "working"})
    bob.barrier()
    alice.send(bob.pub, "for bob alone")
    bob.receive()
    if away:
        bob.cut()
    for hello in forged(broker, bob):
        p = Peer(broker.url, broker.alice_member)
        p.open()
        p.put(hello)
        assert p.expect("error")["code"], hello
        code, _ = p.wait_closed()
        assert code == 1008, hello
        assert not [f for f in p.seen if f["type"] in ("push", "hello_ack")]
    assert away or not bob.closed
    if not away:
        bob.cut()
    assert bob.connect()["presenceId"] == bob.presence
    assert bob.receive()["text"] == "for bob alone"
    row, = [p for p in alice.barrier() if p["pubkey"] == bob.pub]
    assert (row["summary"], row["status"]) == ("bob's own", "working")


def test_the_session_id_of_another(broker, alice, bob):
    """It ends the connection that had it, as brokers do; but what waits for
    that key, and its presence, are not taken over."""
    bob.put({"type": "set_summary", "summary": "bob's own"})
    bob.barrier()
    alice.send(bob.pub, "for bob alone")
    bob.receive()
    thief = broker.peer(broker.alice_member, name="bob",
                        sessionId=bob.hello_fields["sessionId"])
    assert bob.wait_closed() == (1000, "session_replaced")
    assert thief.presence != bob.presence
    row, = [p for p in thief.barrier() if p["pubkey"] == thief.pub]
    assert row["summary"] is None
    assert not thief.pushes()
    bob.connect(sessionId=minted_id())
    assert bob.receive()["text"] == "for bob alone"
    assert not thief.pushes()


# --- floods ---

def honest_meanwhile(broker, alice, bob, what, threads=4):
    """what(stop) runs in threads while two go on talking."""
    stop = threading.Event()
    running = [threading.Thread(target=what, args=(stop,), daemon=True)
               for _ in range(threads)]
    for t in running:
        t.start()
    try:
        slowest = 0
        for i in range(15):
            began = time.monotonic()
            assert alice.send(bob.pub, f"trip {i}", first=True)["queued"]
            push = bob.receive(senderPubkey=alice.pub, priority="next")
            assert push["text"] == f"trip {i}"
            bob.acknowledge(push)
            slowest = max(slowest, time.monotonic() - began)
            assert rss(broker) < RSS_MAX
    finally:
        stop.set()
        for t in running:
            t.join(30 * SLOW)
    assert slowest < 5 * SLOW
    assert log_lines(broker) < 400 * SLOW


def test_a_flood_of_joins(broker, alice, bob):
    """Requests that are whole, half, refused, huge or nonsense."""
    token = b64(json.dumps({"v": 1, "mesh_id": broker.eve_member.mesh_id,
                            "signature": "0" * 128}).encode())
    bodies = [json.dumps(b).encode() for b in (
        {}, [], {"invite_token": token, "invite_payload": {"v": 1},
                 "peer_pubkey": Key().pub, "display_name": "x"},
        {"invite_token": "x" * 50_000}, {"invite_payload": [[[]]] * 5000})]
    bodies += [b"", b"{", b"\xff" * 1000, b"[" * 60_000]
    half = [b"POST /join HTTP/1.1\r\n", b"POST /join HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 65536\r\n\r\n{", b"P", b"\r\n\r\n"]

    def flood(stop):
        held, n = [], 0
        while not stop.is_set():
            n += 1
            c = http.client.HTTPConnection("127.0.0.1", broker.port,
                                           timeout=10 * SLOW)
            try:
                c.request("POST", "/join", bodies[n % len(bodies)])
                assert c.getresponse().status >= 400
            except (OSError, http.client.HTTPException):
                pass        # it may be refused a place
            c.close()
            try:
                s = socket.create_connection(("127.0.0.1", broker.port), 5)
                s.sendall(half[n % len(half)])
                held.append(s)
            except OSError:
                pass
            if len(held) > 100:
                held.pop(0).close()
        for s in held:
            s.close()
    honest_meanwhile(broker, alice, bob, flood)


FLOODS = {
    "to all": lambda p, n: p.message("*", f"all {n}", priority="low"),
    "to a group": lambda p, n: p.message("@dev", f"g {n}", priority="low"),
    "to a topic": lambda p, n: p.message("#t", f"t {n}", priority="low"),
    "to one": lambda p, n: p.message(p.about, "x" * 5000, priority="low"),
    "state": lambda p, n: {"type": "set_state", "key": f"k{n}", "value": n},
    "memory": lambda p, n: {"type": "remember", "content": f"words {n}"},
    "topics": lambda p, n: {"type": "topic_create", "name": f"t{n}"},
    "joining topics": lambda p, n: {"type": ("topic_join", "topic_leave")[
        n % 2], "topic": "t"},
    "history": lambda p, n: {"type": "topic_history", "topic": "t",
                             "limit": 200},
    "schedule": lambda p, n: {"type": "schedule", "to": "*", "message": "m",
                              "deliverAt": now_ms() + 500},
    "status": lambda p, n: {"type": "set_status", "status": ("dnd", "idle")[
        n % 2]},
    "groups": lambda p, n: {"type": ("join_group", "leave_group")[n % 2],
                            "name": "dev"},
    "visible": lambda p, n: {"type": "set_visible", "visible": n % 2 == 0},
    "acks": lambda p, n: {"type": "client_ack", "brokerMessageId": "x" * 32},
    "ids": lambda p, n: {"type": "message_status", "messageId": "x" * 32},
}


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_of_one_member(broker, alice, bob, what):
    """On the mesh of those who talk, who hear some of it."""
    eve = broker.peer(broker.alice_member, name="eve",
                      groups=[{"name": "dev"}])
    eve.about = broker.bob_member.key.pub
    eve.ask("topic_create", name="t")
    eve.put({"type": "topic_join", "topic": "t"})
    eve.barrier()
    eve.stop_reading()

    def flood(stop):
        n = 0
        while not stop.is_set() and not eve.closed:
            try:
                eve.put(*[FLOODS[what](eve, n + i) for i in range(100)])
            except Exception:       # it was thrown out, or is held up
                return
            n += 100
    honest_meanwhile(broker, alice, bob, flood, threads=1)
    eve.cut()
