"""Promise: what a broker that shares no code with us pushes is stored before
it is acknowledged, once however often it comes, and shown as what it is
(delivery.md section 1 promise 2, section 6; faults 7, 8 and 19 of section 9).
"""

import base64
import hashlib
import json
import os
import pathlib
import signal
import threading

import pytest

from harness import Key, wait_for
from harness.world import body_list


DATA = pathlib.Path(__file__).parent / "data"


def test_stored_before_acknowledged(world):
    """Promise 2: when client_ack comes, the row is committed."""
    s = world.register()
    conn = s.conn()
    seen = []

    def watch(c, frame):
        if frame["type"] == "client_ack":
            n = world.daemon.query("SELECT count(*) AS n FROM inbox")
            seen.append(n[0]["n"])
    world.broker.watch = watch
    for i in range(20):
        conn.put(world.push(s, f"message {i}"))
        world.broker.wait(lambda: len(conn.of("client_ack")) > i, 10)
    assert seen == list(range(1, 21))


def test_no_acknowledgement_without_the_store(world):
    s = world.register()
    conn = s.conn()
    conn.put(world.push(s, "first"))
    world.broker.wait_frame(conn, "client_ack")
    store = world.daemon.kill("store", sig=signal.SIGSTOP)
    try:
        push = world.push(s, "while the store stands still")
        conn.put(push)
        # The worker's question on the same connection comes after all that
        # it had to say about the push.
        t = threading.Thread(target=s.api.get, args=("/v1/peers",))
        t.start()
        world.broker.wait_frame(conn, "list_peers")
        t.join()
        assert len(conn.of("client_ack")) == 1
    finally:
        os.kill(store, signal.SIGCONT)
    world.broker.wait_frame(conn, "client_ack", lambda f:
                            f["brokerMessageId"] == push["messageId"])
    assert "while the store stands still" in body_list(s)


def test_store_killed_under_pushes(world):
    s = world.register()
    conn = s.conn()
    pushes = [world.push(s, f"push {i:03}") for i in range(100)]
    conn.put(*pushes[:50])
    world.broker.wait_frame(conn, "client_ack")
    old = world.daemon.kill("store")
    conn.put(*pushes[50:])
    world.daemon.wait_restarted("store", old)
    world.broker.wait(lambda: {f["brokerMessageId"] for f in
                               conn.of("client_ack")} ==
                      {p["messageId"] for p in pushes}, 20, "all acked")
    assert body_list(s) == [f"push {i:03}" for i in range(100)]


def test_copies_are_dropped_and_acknowledged(world):
    """delivery.md section 6: by client id, message id, or nonce."""
    s, bob, carol = world.register(), Key(), Key()
    conn = s.conn()
    direct = world.push(s, "direct", bob, client_message_id="c1")
    cast = world.broker.multicast(world.member.mesh_id, bob.pub, "to all")
    conn.put(direct, direct,
             {**direct, "messageId": "x" * 32},             # by client id
             {**direct, "client_message_id": "other"},      # by message id
             cast, {**cast, "messageId": "y" * 32})         # by nonce
    # Another sender's ids suppress nothing (fault 7).
    conn.put(world.push(s, "carol's", carol, client_message_id="c1"))
    wait_for(lambda: "carol's" in body_list(s), 10)
    assert body_list(s) == ["direct", "to all", "carol's"]
    world.broker.wait(lambda: len(conn.of("client_ack")) == 7, 10)


def test_acknowledged_by_client_id_only_without_message_id(world):
    s = world.register()
    conn = s.conn()
    conn.put(world.push(s, "one", client_message_id="c1"),
             world.push(s, "two", client_message_id="c2", messageId=None))
    world.broker.wait(lambda: len(conn.of("client_ack")) == 2, 10)
    one, two = conn.of("client_ack")
    assert "clientMessageId" not in one and one["brokerMessageId"]
    assert two == {"type": "client_ack", "clientMessageId": "c2"}


def test_own_echo_is_dropped(world):
    s = world.register()
    conn = s.conn()
    echo = world.broker.multicast(world.member.mesh_id, s.pubkey, "echo")
    conn.put(echo, world.push(s, "not an echo"))
    wait_for(lambda: body_list(s) == ["not an echo"], 10)
    world.broker.wait_frame(conn, "client_ack", lambda f:
                            f["brokerMessageId"] == echo["messageId"])


def test_base64_text_is_unverified(world):
    s = world.register()
    s.conn().put(world.broker.multicast(
        world.member.mesh_id, Key().pub, "plain\ttext\r\nlines"))
    item = s.wait_inbox(1)[0]
    assert item["body"] == "plain\ttext\r\nlines"
    assert item["encrypted"] is False and item["authenticated"] is False


# Always the same, so that runs side by side collect the same tests.
NOISE = base64.b64encode(hashlib.sha512(b"noise").digest()).decode()


@pytest.mark.parametrize("ciphertext", [
    base64.b64encode(b"bell \x07 rings").decode(),
    base64.b64encode(b"\x1b[31mred").decode(),
    base64.b64encode(b"\xff\xfe\xfd").decode(),
    NOISE, "not base64 at all!",
    "AAAA...(65100 characters)"])
def test_what_does_not_open_is_never_text(world, ciphertext):
    """Fault 8: kept aside, acknowledged, never rendered, no event."""
    s = world.register()
    conn = s.conn()
    with s.events() as events:
        bad = world.push(s, "x", ciphertext=ciphertext)
        conn.put(bad, world.push(s, "good"))
        events.wait(where=lambda e: e.data["body"] == "good")
        assert len(events.messages()) == 1
    assert body_list(s) == ["good"]
    world.broker.wait_frame(conn, "client_ack", lambda f:
                            f["brokerMessageId"] == bad["messageId"])
    assert world.daemon.query("SELECT count(*) AS n FROM inbox")[0]["n"] == 2


def test_for_the_member_on_a_sessions_connection(world):
    """Handed over to the member's worker, which opens it."""
    s, bob = world.register(), Key()
    world.broker.wait_member()
    push = world.broker.direct(world.member.mesh_id, bob,
                               world.member.key.pub, "for the member")
    s.conn().put(push)
    item = wait_for(lambda: world.daemon.api().inbox(), 10)[0]
    assert item["body"] == "for the member"
    assert item["recipient_kind"] == "member"
    assert item["recipient_pubkey"] == world.member.key.pub
    assert item["sender_pubkey"] == bob.pub
    assert item["encrypted"] is True and item["authenticated"] is True
    assert body_list(s) == ["for the member"]
    world.broker.wait_frame(s.conn(), "client_ack", lambda f:
                            f["brokerMessageId"] == push["messageId"])


def test_for_the_member_on_its_connection(world):
    bob = Key()
    conn = world.broker.wait_member()
    push = world.broker.direct(world.member.mesh_id, bob,
                               world.member.key.pub, "for the member")
    echo = world.broker.multicast(
        world.member.mesh_id, Key().pub, "by a sibling",
        senderMemberPubkey=world.member.key.pub)
    conn.put(echo, push)
    item = wait_for(lambda: world.daemon.api().inbox(), 10)
    assert [i["body"] for i in item] == ["for the member"]
    for f in echo, push:
        world.broker.wait_frame(conn, "client_ack", lambda a: a[
            "brokerMessageId"] == f["messageId"])


def test_system_pushes_are_events_not_messages(world):
    s = world.register()
    member, conn = world.broker.wait_member(), s.conn()
    key = Key().pub
    with s.events() as events:
        joined = world.broker.system(
            world.member.mesh_id, "peer_joined", name="bob", pubkey=key,
            groups=[{"name": "dev"}])
        for c in member, conn:      # only the member's worker publishes
            c.put(joined)
        e = events.wait("peer_join", lambda e: e.data["pubkey"] == key)
        assert e.data["mesh"] == "acme" and e.data["event"] == "peer_joined"
        assert e.data["name"] == "bob"
        assert e.data["groups"] == [{"name": "dev"}]
        assert e.id is None
        member.put(world.broker.system(
            world.member.mesh_id, "peer_returned", name="bob", pubkey=key,
            groups=[], lastSeenAt="2026-01-31T12:00:00.000Z",
            summary="back again"))
        e = events.wait("peer_join",
                        lambda e: e.data["event"] == "peer_returned")
        assert e.data["lastSeenAt"] == "2026-01-31T12:00:00.000Z"
        assert e.data["pubkey"] == key and e.data["groups"] == []
        assert e.data["name"] == "bob" and e.data["summary"] == "back again"
        for own in s.pubkey, world.member.key.pub:
            member.put(world.broker.system(
                world.member.mesh_id, "peer_joined", name="us", pubkey=own))
        member.put(world.broker.system(
            world.member.mesh_id, "peer_left", name="bob", pubkey=key))
        events.wait("peer_leave", lambda e: e.data["pubkey"] == key)
        member.put(world.broker.system(world.member.mesh_id, "tick", n=1))
        events.wait("system", lambda e: e.data["event"] == "tick")
        assert [e.data["event"] for e in events.of("peer_join")
                if e.data["pubkey"] == key] == [
                    "peer_joined", "peer_returned"]
        assert not [e for e in events.of("peer_join")
                    if e.data["name"] == "us"]
    assert s.inbox() == [] and world.daemon.api().inbox() == []
    assert world.daemon.query("SELECT count(*) AS n FROM inbox")[0]["n"] == 0


def test_recorded_frames_replay(world):
    """Every frame that a deployed broker was recorded to send."""
    s = world.register()
    conn, member = s.conn(), world.broker.wait_member()
    recorded = [json.loads(line) for line in
                (DATA / "broker.jsonl").read_text().splitlines()]
    frames = [r["frame"] for r in recorded
              if r["dir"] == "broker to client" and "frame" in r]
    assert len(frames) > 20
    conn.put(*frames)
    member.put(*frames)
    wanted = {f["messageId"] for f in frames if f["type"] == "push" and
              f.get("subtype") != "system"}
    for c in conn, member:
        world.broker.wait(lambda: wanted <= {
            f.get("brokerMessageId") for f in c.of("client_ack")}, 15,
            "acknowledgements of the recorded pushes")
    assert body_list(s).count("to all") == 1
    conn.put(world.push(s, "and on we go"))
    wait_for(lambda: "and on we go" in body_list(s), 10)
    assert not conn.closed and not member.closed


def test_a_large_push(world):
    """The limit of 65,536 bytes binds frames to the broker only."""
    s = world.register()
    text = "x" * 1_000_000
    s.conn().put(world.push(s, text))
    assert s.wait_inbox(1)[0]["body"] == text


def test_a_push_past_four_mebibytes_hurts_only_its_connection(world):
    s = world.register()
    other = world.register("other")
    conn = s.conn()
    conn.put('{"type":"push","x":"' + "x" * (5 << 20) + '"}')
    world.broker.wait(lambda: conn.closed, 15, "a 5 MiB frame was taken")
    s.conn(after=conn.number)
    assert other.state() == "open"
