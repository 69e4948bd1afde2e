"""Promise: each push becomes at most one row, of whom it is for, and is shown
as what it is, whatever ids it lacks and whoever is away at that moment
(delivery.md section 6 "Copies", "Opening", "Reading"; faults 7, 8 and 19 of
section 9).
"""

import base64
import os
import signal

from harness import Key, wait_for
from harness.keys import b64
from harness.scripted import message_id
from harness.world import body_list


def acked(world, conn, *pushes):
    """They are acknowledged, by their messageId."""
    ids = {p["messageId"] for p in pushes}
    world.broker.wait(lambda: ids <= {
        f.get("brokerMessageId") for f in conn.of("client_ack")}, 10,
        "acknowledgements")


def count(world):
    return world.daemon.query("SELECT count(*) AS n FROM inbox")[0]["n"]


# --- copies ---

def test_an_absent_id_and_an_empty_nonce_are_no_key(world):
    """Reminders have an empty nonce: two of them are two."""
    s, bob = world.register(), Key()
    conn = s.conn()
    reminders = [world.push(s, "x", bob, nonce="", subtype="reminder",
                            ciphertext=b64(text.encode()))
                 for text in ("first reminder", "second reminder")]
    bare = [{k: v for k, v in world.broker.multicast(
        world.member.mesh_id, bob.pub, text).items() if k != "messageId"}
        for text in ("without an id", "without an id either")]
    conn.put(*reminders, *bare, world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 10)
    assert body_list(s) == ["first reminder", "second reminder",
                            "without an id", "without an id either",
                            "the last"]
    acked(world, conn, *reminders)
    item, = [i for i in s.inbox() if i["body"] == "first reminder"]
    assert item["subtype"] == "reminder"
    assert item["encrypted"] is False and item["authenticated"] is False


def test_a_broadcast_live_and_from_the_queue(world):
    """Fault 19: first without, then with a client_message_id."""
    s, bob = world.register(), Key()
    conn = s.conn()
    live = world.broker.multicast(world.member.mesh_id, bob.pub, "to all")
    queued = {**live, "messageId": message_id(), "client_message_id": "c1",
              "request_fingerprint": "0" * 64}
    conn.put(live, queued, world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 10)
    assert body_list(s) == ["to all", "the last"]
    acked(world, conn, live, queued)


def test_three_sessions_make_three_rows(world):
    """Fault 7: and one session's copy is no copy of another's."""
    sessions = [world.register(n) for n in "abc"]
    cast = world.broker.multicast(world.member.mesh_id, Key().pub, "to all",
                                  client_message_id="c1")
    for s in sessions:
        s.conn().put(cast, cast)
    for s in sessions:
        wait_for(lambda: body_list(s) == ["to all"], 10)
    assert count(world) == 3


def test_deleted_rows_leave_their_keys(world):
    """What was deleted or flushed does not come back."""
    s, bob = world.register(), Key()
    conn = s.conn()
    direct = world.push(s, "to be deleted", bob, client_message_id="c1")
    cast = world.broker.multicast(world.member.mesh_id, bob.pub, "and this")
    conn.put(direct, cast)
    first, second = reversed(s.wait_inbox(2))
    r = s.api.delete(f"/v1/inbox/{first['id']}")
    assert r.status == 200 and r.json["removed"] == 1, r
    r = s.api.delete("/v1/inbox")
    assert r.status == 200 and r.json["removed"] == 1, r
    copies = [direct, {**direct, "messageId": message_id()},
              {**direct, "client_message_id": "other"},
              {**cast, "messageId": message_id()}]
    conn.put(*copies, world.push(s, "the last"))
    wait_for(lambda: body_list(s) == ["the last"], 10)
    acked(world, conn, *copies)


# --- opening ---

def test_a_webhook_shows_its_event(world):
    s = world.register()
    hook = world.push(s, "x", senderPubkey="webhook:deploys", nonce="",
                      ciphertext="", subtype="webhook", event="pushed",
                      eventData={"ref": "main"})
    s.conn().put(hook)
    item = s.wait_inbox(1)[0]
    assert item["subtype"] == "webhook"
    assert item["sender_pubkey"] == "webhook:deploys"
    assert item["authenticated"] is False
    assert "pushed" in item["body"] and "main" in item["body"]
    acked(world, s.conn(), hook)


def test_a_direct_message_that_was_changed_is_not_shown(world):
    """One bit of the box: it does not open, and it is no text."""
    s, bob = world.register(), Key()
    conn = s.conn()
    push = world.push(s, "genuine words", bob)
    raw = bytearray(base64.b64decode(push["ciphertext"]))
    raw[5] ^= 1
    bad = {**push, "ciphertext": b64(bytes(raw)), "messageId": message_id()}
    other = {**push, "senderPubkey": Key().pub, "messageId": message_id()}
    conn.put(bad, other, world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 10)
    assert body_list(s) == ["the last"]
    acked(world, conn, bad, other)


def test_handed_over_while_the_members_worker_is_away(world):
    """Committed as it came, then acknowledged; opened later, with a sequence
    of its own, so that every reader hears of it."""
    s, bob = world.register(), Key()
    conn = s.conn()
    first = world.broker.wait_member()
    worker = world.daemon.kill("member", sig=signal.SIGSTOP)
    push = world.broker.direct(world.member.mesh_id, bob,
                               world.member.key.pub, "for the member",
                               client_message_id="c1")
    with s.events() as events:
        try:
            conn.put(push, world.push(s, "after it"))
            acked(world, conn, push)
            events.wait(where=lambda e: e.data["body"] == "after it")
            assert body_list(s) == ["after it"]
            waiting, = s.api.inbox("quarantine=true")
            assert waiting["body"] is None
        finally:
            os.kill(worker, signal.SIGKILL)
        e = events.wait(where=lambda e: e.data["body"] == "for the member",
                        deadline=15)
        assert e.data["recipient_kind"] == "member"
        assert e.data["client_message_id"] == "c1"
        assert e.data["sender_pubkey"] == bob.pub
        assert len(events.messages()) == 2
    assert s.api.inbox("quarantine=true") == []
    # On the member's own connection it is a copy; the new worker may have
    # opened it before it was connected.
    member = world.broker.wait_member(after=first.number)
    copy = {**push, "messageId": message_id()}
    member.put(copy)
    acked(world, member, copy)
    assert [i["body"] for i in world.daemon.api().inbox()] == [
        "for the member"]


def states(world):
    return [r["state"] for r in world.daemon.query("SELECT state FROM inbox")]


def test_quarantine_is_listed_and_never_text(world):
    """The same item from the moment on that it was handed over."""
    s, bob, stranger = world.register(), Key(), Key()
    conn = s.conn()
    world.broker.wait_member()
    for_nobody = world.broker.direct(world.member.mesh_id, bob, stranger.pub,
                                     "for somebody else")
    worker = world.daemon.kill("member", sig=signal.SIGSTOP)
    try:
        conn.put(for_nobody)
        item, = wait_for(lambda: s.api.inbox("quarantine=true"), 10)
        assert states(world) == [1]
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for(lambda: states(world) == [2], 10)
    assert s.api.inbox("quarantine=true") == [item]
    assert item["body"] is None
    assert item["sender_pubkey"] == bob.pub
    assert item["broker_message_id"] == for_nobody["messageId"]
    assert item["authenticated"] is False
    assert s.inbox() == [] and world.daemon.api().inbox() == []
    acked(world, conn, for_nobody)
    assert [i["id"] for i in world.daemon.api().inbox("quarantine=true")] \
        == [item["id"]]
    # Another member's scope has nothing of it; a copy is dropped.
    conn.put(for_nobody, world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 10)
    assert len(s.api.inbox("quarantine=true")) == 1


def test_quarantine_is_tried_again_with_a_new_key(world):
    """As a session's, when one comes that has the key."""
    s, key = world.register(), Key()
    world.broker.wait_member()
    early = world.broker.direct(world.member.mesh_id, Key(), key.pub,
                                "before the key was here")
    s.conn().put(early)
    wait_for(lambda: s.api.inbox("quarantine=true"), 10)
    a = world.member.attest(key.pub)
    world.daemon.secrets.add(key.secret)
    late = world.register("late", presence={
        "session_pubkey": key.pub, "session_secret_key": key.secret,
        "parent_attestation": {
            "session_pubkey": key.pub,
            "parent_member_pubkey": world.member.key.pub,
            "expires_at": a["expiresAt"], "signature": a["signature"]}})
    item = late.wait_inbox(1)[0]
    assert item["body"] == "before the key was here"
    assert item["recipient_pubkey"] == key.pub
    assert item["authenticated"] is True
    # Once, also when its worker starts again.
    before = late.conn()
    old = world.daemon.kill("worker", late)
    world.daemon.wait_restarted("worker", old, late)
    world.broker.wait_session(key.pub, after=before.number).put(
        world.push(late, "the last"))
    wait_for(lambda: "the last" in body_list(late), 10)
    assert body_list(late) == ["before the key was here", "the last"]
    assert s.inbox() == []


# --- reading ---

def test_filters(world):
    """Each alone and all together; what they leave out stays unseen."""
    s, bob, member = world.register(), Key(), Key()
    mesh = world.member.mesh_id
    s.conn().put(
        world.broker.multicast(mesh, bob.pub, "news of bob", topic="news",
                               senderName="bob",
                               senderMemberPubkey=member.pub),
        world.broker.multicast(mesh, bob.pub, "olds of bob", topic="olds",
                               senderName="bob"),
        world.broker.multicast(mesh, Key().pub, "news of carol",
                               topic="news", senderName="carol"),
        world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 10)

    def found(query):
        return [i["body"] for i in reversed(
            s.inbox("mark_seen=false&" + query))]
    assert found("topic=news") == ["news of bob", "news of carol"]
    assert found(f"from={bob.pub}") == ["news of bob", "olds of bob"]
    assert found("from=bob") == ["news of bob", "olds of bob"]
    assert found(f"from={member.pub}") == ["news of bob"]
    assert found(f"from={Key().pub}") == []
    assert found("topic=news&from=carol&mesh=acme") == ["news of carol"]
    assert found("topic=news&limit=1") == ["news of carol"]
    assert [i["topic"] for i in s.inbox("mark_seen=false&topic=olds")] == [
        "olds"]
    shown = s.api.get("/v1/inbox?topic=news&from=bob").json
    assert shown["marked_seen"] == 1        # this one, and no other
    assert found("unread_only=true") == [
        "olds of bob", "news of carol", "the last"]
    assert found("unread_only=true&topic=news") == ["news of carol"]


def test_one_message_for_session_and_member_is_read_once(world):
    """The one with the lower sequence is shown; seen and deleted are the
    message's in that scope."""
    s, other = world.register("a"), world.register("b")
    member, bob = world.broker.wait_member(), Key()
    cast = world.broker.multicast(world.member.mesh_id, bob.pub, "to all")
    member.put(cast)
    wait_for(lambda: body_list(other) == ["to all"], 10)
    with s.events() as events:
        s.conn().put(cast, world.push(s, "the last"))
        events.wait(where=lambda e: e.data["body"] == "the last")
        assert [e.data["body"] for e in events.messages()] == ["the last"]
    assert body_list(s) == ["to all", "the last"]
    shown, = [i for i in s.inbox() if i["body"] == "to all"]
    assert shown["recipient_kind"] == "member"
    r = s.api.delete(f"/v1/inbox/{shown['id']}")
    assert r.status == 200, r
    assert body_list(s) == ["the last"]
    assert body_list(other) == ["to all"]       # a member's row, per reader
    assert [i["body"] for i in world.daemon.api().inbox()] == ["to all"]
