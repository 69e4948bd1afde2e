"""Promise: whatever a broker says, nothing of ours ends, grows without bound
or fills the log, nobody is given what is not theirs, nothing is shown as more
than it is, and a session on another mesh does not notice (delivery.md section
1 promises 5 and 7, section 6 "Opening").
"""

import threading
import time

import pytest

from harness import SLOW, Key, hostile, wait_for
from harness.evil import RSS_MAX, Evil
from harness.keys import b64, minted_id
from harness.scripted import message_id


@pytest.fixture(scope="module")
def world(make_shared):
    return Evil(make_shared)


@pytest.fixture
def evil(world):
    with world.watched():
        yield world


# --- fields ---

def test_every_field_wrong(evil):
    """Each field of each type of frame, as each kind of value, while rows are
    under way and a question waits."""
    evil.broker.acks = "hold"
    cids = [minted_id() for _ in range(3)]
    for cid in cids:
        assert evil.victim.send(Key().pub, "under way",
                                client_message_id=cid).status == 202
    evil.broker.wait_sends(evil.conn, 3)
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            r = evil.victim.api.get("/v1/state?key=k")
            assert r.status != 500, r
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for template in hostile.frames(evil.member.mesh_id, Key().pub):
            texts = [*hostile.wrong(template), *hostile.broken(template)]
            for c in evil.conns:
                c.put(*texts)
    finally:
        stop.set()
        asking.join()
        evil.broker.acks = "auto"
    evil.fence()
    rows = {r["client_message_id"]: r for r in evil.victim.outbox()}
    # No ack was for any of these; a lost connection sends them again.
    for cid in cids:
        assert rows[cid]["status"] in ("pending", "inflight", "done")
        if rows[cid]["status"] == "done":
            assert len([f for f in evil.broker.sends
                        if f["id"] == cid]) > 1


def test_huge_values(evil):
    for template in hostile.frames(evil.member.mesh_id, Key().pub):
        paths = list(hostile.paths(template))
        for i, value in enumerate(hostile.HUGE):
            text = hostile.text_of(hostile.changed(
                template, paths[i % len(paths)], value))
            for c in evil.conns:
                c.put(text)
    for c in evil.conns:
        c.put("[" * 200_000, '{"a":' * 100_000, "{}" * 100_000, "",
              '{"type":"' + "x" * (3 << 20) + '"}',
              '{"type":"push","x":[' + "0," * 1_500_000 + "0]}")
    assert evil.rss() < RSS_MAX


def test_messages_with_wrong_fields(evil):
    """A genuine box, all else of it wrong: shown as what it is, or not."""
    made = Key()
    for i, path in enumerate(hostile.paths(evil.push(evil.victim, "x"))):
        for j, value in enumerate(hostile.VALUES + hostile.HUGE[:1]):
            push = evil.push(evil.victim, f"genuine {i}/{j}", made)
            evil.conn.put(hostile.text_of(hostile.changed(
                push, path, value)))
    mallory, own = Key(), evil.victim.pubkey
    text = b64("not from whom it says".encode())
    for sender in (own, evil.other.pubkey, evil.member.key.pub, "system",
                   "webhook:", "webhook:x", mallory.pub.upper(), "0" * 64,
                   "f" * 64):
        for subtype in None, "system", "reminder", "webhook", "x" * 500:
            push = evil.broker.multicast(
                evil.member.mesh_id, sender, "", ciphertext=text,
                subtype=subtype, senderMemberPubkey=evil.member.key.pub)
            for c in evil.conns:
                c.put(push, {**push, "nonce": "", "messageId": message_id()})
    evil.fence()
    forged = [i for i in evil.victim.inbox()
              if i["body"] == "not from whom it says"]
    assert not [i for i in forged if i["authenticated"]]
    assert {i["sender_pubkey"] for i in evil.victim.inbox()} >= {made.pub}


def test_other_meshes_and_other_peoples_ids(evil):
    """A push that names another mesh, or has another message's ids."""
    victim, bob, carol = evil.victim, Key(), Key()
    first = evil.push(victim, "the first of bob", bob,
                      client_message_id="bobs-1")
    stolen = {k: first[k] for k in ("messageId", "client_message_id")}
    evil.conn.put(
        first, evil.push(victim, "carol, with bob's ids", carol, **stolen),
        evil.push(victim, "for another mesh", bob, meshId="mesh-good"),
        # For others, on the victim's connection.
        evil.push(evil.other, "for the other one"),
        evil.push(evil.alice.pubkey, "for alice, elsewhere"),
        evil.broker.multicast("mesh-good", evil.alice.pubkey, "as alice"))
    evil.fence()
    bodies = [i["body"] for i in victim.inbox()]
    for text in "the first of bob", "carol, with bob's ids":
        assert bodies.count(text) == 1
    for s in victim, evil.other, evil.alice, evil.bob:
        assert not {"for the other one", "for alice, elsewhere"} & {
            i["body"] for i in s.inbox()}
    assert not [i for i in evil.bob.inbox() if i["body"] == "as alice"]


# --- answers ---

def test_acks_that_are_not_ours(evil):
    """Of others' rows, of rows that are done, twice, with wrong values."""
    cid = minted_id()
    evil.broker.acks = "hold"
    to = Key().pub
    try:
        for s in evil.victim, evil.other:
            assert s.send(to, "the same id", client_message_id=cid
                          ).status == 202
        conns = {s: evil.broker.wait_session(s.pubkey)
                 for s in (evil.victim, evil.other)}
        frames = {s: evil.broker.wait_frame(c, "send", lambda f:
                                            f["id"] == cid)
                  for s, c in conns.items()}
        ack = {"type": "ack", "id": cid, "messageId": "m" * 32,
               "queued": True}
        evil.broker.wait_member().put(ack)
        conns[evil.victim].put(
            {**ack, "id": cid + "x"}, {**ack, "id": ""}, {**ack, "id": [cid]},
            {**ack, "id": {"id": cid}}, {**ack, "id": cid.upper()},
            {**ack, "id": None}, {"type": "ack"}, ack)

        def row(s):
            return [r for r in s.outbox() if r["client_message_id"] == cid][0]
        wait_for(lambda: row(evil.victim)["status"] == "done", 10)
        # Its own, whose id is the same, has not been acknowledged.
        assert row(evil.other)["status"] in ("pending", "inflight")
        conns[evil.victim].put(
            {**ack, "messageId": "n" * 32},
            {**ack, "queued": False, "messageId": "", "error":
             "payload too large: 1 bytes > MAX_MESSAGE_BYTES=65536"})
        evil.fence()
        assert row(evil.victim)["broker_message_id"] == "m" * 32
        assert row(evil.victim)["status"] == "done"
        conns[evil.other].put(ack)
        wait_for(lambda: row(evil.other)["status"] == "done", 10)
    finally:
        evil.broker.acks = "auto"
    assert frames[evil.victim]["nonce"] != frames[evil.other]["nonce"]


ASKED = [("GET", "/v1/peers", None, "list_peers", "peers_list"),
         ("GET", "/v1/state?key=k", None, "get_state", "state_result"),
         ("GET", "/v1/state", None, "list_state", "state_list"),
         ("POST", "/v1/memory", {"content": "c"}, "remember",
          "memory_stored"),
         ("GET", "/v1/memory?q=x", None, "recall", "memory_results"),
         ("GET", "/v1/skills", None, "list_skills", "skill_list"),
         ("GET", "/v1/skills/n", None, "get_skill", "skill_data"),
         ("PUT", "/v1/skills/n", {"description": "d", "instructions": "i"},
          "share_skill", "skill_ack"),
         ("GET", "/v1/topics", None, "topic_list", "topic_list_response"),
         ("POST", "/v1/topics", {"name": "n"}, "topic_create",
          "topic_created"),
         ("GET", "/v1/topics/t/members", None, "topic_members",
          "topic_members_response"),
         ("GET", "/v1/topics/t/history", None, "topic_history",
          "topic_history_response"),
         ("POST", "/v1/peers/kick", {"target": "x"}, "kick", "kick_ack"),
         ("POST", "/v1/peers/ban", {"target": "x"}, "ban", "ban_ack")]
FEW = [hostile.ABSENT, None, -1, "", "x\u001b", [], {}, [[None]]]
CODES = ["forbidden", "", "\u001b[31m", ["x"], "y" * 3000]


def wrong_answers(right):
    """The answer with each field as some of the values, taken in turns; and
    errors of all kinds."""
    for i, at in enumerate(hostile.paths(right)):
        for value in (2 * FEW)[3 * i % len(FEW):][:3]:
            yield hostile.changed(right, at, value)
    for code in CODES:
        yield {"type": "error", "code": code, "message": code}


def ask_wrongly(evil, method, path, body, kind, answer):
    right, = [f for f in hostile.frames() if f["type"] == answer]
    wrong = None

    def answers(conn, frame):
        req = frame["_reqId"]
        if wrong is not None:
            return [{**wrong, "_reqId": req}, {**right, "_reqId": req}]
        before = "r" + str(int(req[1:]) - 1)
        others = [{**right, "type": t, "_reqId": i}
                  for i in ("r0", before, "r99999", req + "0", "t1", "x")
                  for t in (answer, "ack", "error", "peers_list")]
        return [*others, *[{**right, "_reqId": req}] * 2]
    evil.broker.answers[kind] = answers
    r = evil.victim.api.request(method, path, body)
    assert r.status == 200, r
    for wrong in wrong_answers(right):
        r = evil.victim.api.request(method, path, body)
        assert r.status in (200, 400, 403, 404, 409, 502, 504), (wrong, r)
        assert isinstance(r.json, dict), (wrong, r)
        if r.status != 200:
            assert r.json["error"] and r.json["detail"], (wrong, r)


def test_wrong_answers(evil):
    """Of another question, twice, and with every field wrong: the right one
    is told, or an error that says what is."""
    evil.broker.echo = False
    try:
        for asked in ASKED:
            ask_wrongly(evil, *asked)
    finally:
        evil.broker.echo = True
        evil.broker.answers.clear()


def test_answers_that_nobody_asked_for(evil):
    """They are no answers to what is asked later."""
    fake = Key().pub
    for c in evil.conns:
        for f in hostile.frames(sender=fake):
            c.put(f, *[{**f, "_reqId": i} for i in ("r1", "r2", "x")])
    evil.fence()
    for api in evil.victim.api, evil.daemon.api():
        r = api.get("/v1/peers?mesh=evil")
        assert r.status == 200
        assert fake not in {p["pubkey"] for p in r.json["peers"]}
    assert evil.victim.api.send("mallory", "to whom?").status == 404


def test_an_answer_that_never_ends(evil):
    """It begins, and the rest does not come: who asked is told, and nobody
    else waits for it."""
    def begin(conn, frame):
        conn.put_raw(hostile.raw_frame(
            hostile.TEXT, b'{"type":"state_result","x":"' + b"y" * 100_000,
            fin=False))
    evil.broker.answers["get_state"] = begin
    asker = evil.other          # nothing else is said on its connection
    conn = evil.broker.wait_session(asker.pubkey)
    try:
        began = time.monotonic()
        r = asker.api.get("/v1/state?key=k")
        assert r.status == 504 and "broker" in str(r.json), r
        assert time.monotonic() - began < 10 * SLOW
        assert evil.victim.api.get("/v1/peers").status == 200
        assert evil.trip() < 5 * SLOW
        # Over 4 MiB of it are not taken.
        piece = hostile.raw_frame(0, b"z" * (1 << 20), fin=False)
        for _ in range(5):
            conn.put_raw(piece)
        evil.broker.wait(lambda: conn.closed, 15, "5 MiB were taken")
    finally:
        del evil.broker.answers["get_state"]
    asker.wait_open()
