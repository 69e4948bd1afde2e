"""Promise: a topic's message is kept in its history before it is acknowledged,
and pushed to every connection of every member that subscribes, whenever that
can be given it (broker-protocol.md, table of targetSpec, "Push", "Requests
and answers").
"""

import signal

import pytest

from harness import wait_for
from harness.keys import fingerprint, minted_id


@pytest.fixture
def broker(make):
    b = make.broker("--grace-time", "3600")
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    b.carol_member = b.add_member("local", "carol")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="a1")


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="b1", auto_ack=True)


@pytest.fixture
def topic(alice):
    """Its id; alice subscribes, since she made it."""
    said = alice.ask("topic_create", name="news", description="all of it")
    assert said["type"] == "topic_created" and said["created"] is True
    assert said["topic"]["name"] == "news"
    return said["topic"]["id"]


def join(peer, topic):
    peer.put({"type": "topic_join", "topic": topic})
    peer.barrier()


def texts(peer, count):
    return [peer.receive()["text"] for _ in range(count)]


def nothing(peer):
    peer.barrier()
    return not peer.pushes()


def history(peer, topic, **args):
    said = peer.ask("topic_history", topic=topic, **args)
    assert said["type"] == "topic_history_response", said
    assert said["topic"] == topic
    return said["messages"]


def refused(peer, code, frame):
    peer.put({**frame, "_reqId": "bad"})
    error = peer.expect("error", id="bad")
    assert error["code"] == code and error["message"], error


# --- what there is ---

def test_create_and_list(alice, bob, topic):
    again = bob.ask("topic_create", name="news", description="other")
    assert again["created"] is False and again["topic"]["id"] == topic
    assert again["topic"]["visibility"] == "public"
    named = bob.ask("topic_create", name="a \"quoted\" 'name'; ünïcode",
                    visibility="private")["topic"]
    said = alice.ask("topic_list")
    assert said["type"] == "topic_list_response"
    topics = {t["id"]: t for t in said["topics"]}
    news = topics[topic]
    assert news.pop("createdAt").endswith("Z")
    assert news == {"id": topic, "name": "news", "description": "all of it",
                    "visibility": "public", "memberCount": 1}
    assert topics[named["id"]]["name"] == "a \"quoted\" 'name'; ünïcode"
    assert topics[named["id"]]["visibility"] == "private"
    assert topics[named["id"]]["description"] is None


def test_members(broker, alice, bob, topic):
    for name in topic, "news":
        join(bob, name)
    said = alice.ask("topic_members", topic="news")
    assert said["type"] == "topic_members_response"
    assert said["topic"] == "news"
    a, b = said["members"]
    assert a["memberId"] == broker.alice_member.member_id
    assert a["pubkey"] == broker.alice_member.key.pub
    assert a["displayName"] == "alice" and a["role"] == "lead"
    assert (b["displayName"], b["role"], b["lastReadAt"]) == (
        "bob", "member", None)
    assert b["joinedAt"].endswith("Z")
    bob.put({"type": "topic_mark_read", "topic": "news"})
    bob.barrier()
    assert alice.ask("topic_members", topic=topic)["members"][1][
        "lastReadAt"] >= b["joinedAt"]
    bob.put({"type": "topic_leave", "topic": "news"},
            {"type": "topic_leave", "topic": "news"})
    bob.barrier()
    assert len(alice.ask("topic_members", topic=topic)["members"]) == 1


def test_topics_are_of_a_mesh(make):
    b = make.broker()
    here, there = b.add_member("here", "h"), b.add_member("there", "t")
    b.start()
    p, q = b.peer(here), b.peer(there)
    topic = p.ask("topic_create", name="news")["topic"]["id"]
    assert q.ask("topic_list")["topics"] == []
    for name in topic, "news":
        refused(q, "topic_not_found", {"type": "topic_join", "topic": name})
        refused(q, "topic_not_found",
                {"type": "topic_history", "topic": name})
    assert q.send(f"#{topic}", "x")["error"].startswith("invalid_target")
    assert q.ask("topic_create", name="news")["created"] is True


# --- sending ---

def test_live_to_every_connection_but_the_senders(broker, alice, bob, topic):
    join(bob, topic)
    others = [broker.peer(broker.alice_member),
              broker.peer(broker.alice_member, session=False),
              bob, broker.peer(broker.bob_member),
              broker.peer(broker.bob_member, session=False)]
    hidden = broker.peer(broker.bob_member)
    hidden.ask("set_visible", visible=False)
    stranger = broker.peer(broker.carol_member)
    cid = minted_id()
    ack = alice.send(f"#{topic}", "to the topic ✓", cid=cid,
                     replyToId="before")
    assert ack["queued"] is True and "duplicate" not in ack
    for p in [*others, hidden]:
        push = p.receive()
        assert push["text"] == "to the topic ✓"
        assert push["messageId"] == ack["messageId"]
        assert push["topic"] == "news"
        assert push["senderPubkey"] == alice.pub
        assert push["senderMemberPubkey"] == broker.alice_member.key.pub
        assert push["senderMemberId"] == broker.alice_member.member_id
        assert push["senderName"] == "a1" and push["priority"] == "next"
        assert push["client_message_id"] == cid
        assert push["request_fingerprint"] == fingerprint(
            f"#{topic}", "to the topic ✓", "next")
        assert push["replyToId"] == "before"
        assert nothing(p)
    for p in alice, stranger:
        assert nothing(p)


def test_who_left_or_joined_later(broker, alice, bob, topic):
    alice.send(f"#{topic}", "before")
    join(bob, topic)
    alice.send(f"#{topic}", "while")
    assert bob.receive()["text"] == "while"
    bob.put({"type": "topic_leave", "topic": topic})
    bob.barrier()
    alice.send(f"#{topic}", "after")
    assert nothing(bob)
    # It may read all the same, and write.
    assert len(history(bob, topic)) == 3
    assert bob.send(f"#{topic}", "from outside")["queued"] is True
    assert alice.receive()["text"] == "from outside"


def test_an_unknown_topic_is_refused(alice, bob, topic):
    """For good: an id that is unknown now will never be known."""
    for target in "#" + "x" * 32, "#news", "#", f"#{topic}x":
        ack = alice.send(target, "nobody")
        assert ack["queued"] is False
        assert ack["error"].startswith("invalid_target")


def test_a_repeat_is_not_sent_again(broker, alice, bob, topic):
    join(bob, topic)
    cid = minted_id()
    first = alice.send(f"#{topic}", "once", cid=cid)
    again = alice.send(f"#{topic}", "once", cid=cid)
    assert again["messageId"] == first["messageId"]
    assert again["duplicate"] is True and again["queued"] is True
    other = alice.send(f"#{topic}", "other", cid=cid)
    assert other["error"] == "idempotency_key_reused"
    assert texts(bob, 1) == ["once"] and nothing(bob)
    broker.kill(signal.SIGKILL)
    broker.start()
    alice.wait_closed()
    alice.connect()
    assert alice.send(f"#{topic}", "once", cid=cid)["duplicate"] is True
    assert len(history(alice, topic)) == 1


def test_one_id_for_a_key_and_a_topic(alice, bob, topic):
    cid = minted_id()
    assert alice.send(bob.pub, "x", cid=cid)["queued"] is True
    assert alice.send(f"#{topic}", "x", cid=cid)[
        "error"] == "idempotency_key_reused"
    assert history(alice, topic) == []


# --- history ---

def test_history(broker, alice, bob, topic):
    ids = [alice.send(f"#{topic}", f"m{i}", replyToId=i == 1 and "r" or None,
                      bodyVersion=i == 2 and 2 or None)["messageId"]
           for i in range(7)]
    messages = history(bob, topic)
    assert [m["id"] for m in messages] == ids[::-1]
    assert [bob.text(m) for m in messages] == [
        f"m{i}" for i in reversed(range(7))]
    for m in messages:
        assert m["senderPubkey"] == alice.pub and m["senderName"] == "a1"
        assert m["senderMemberId"] == broker.alice_member.member_id
        assert m["createdAt"].endswith("Z")
    assert messages[-2]["replyToId"] == "r"
    assert "replyToId" not in messages[0]
    assert [m["bodyVersion"] for m in messages] == [1, 1, 1, 1, 2, 1, 1]
    assert [m["id"] for m in history(bob, "news", limit=3)] == ids[:3:-1]
    assert [m["id"] for m in history(bob, topic, limit=3,
                                     beforeId=ids[4])] == ids[3:0:-1]
    assert history(bob, topic, beforeId=ids[0]) == []


def test_history_outlives_the_broker(broker, alice, topic):
    """Acknowledged is kept."""
    acked = [alice.send(f"#{topic}", f"m{i}")["messageId"] for i in range(5)]
    broker.kill(signal.SIGKILL)
    broker.start()
    alice.wait_closed()
    alice.connect()
    assert [m["id"] for m in history(alice, topic)] == acked[::-1]


def test_fifty_unless_asked_and_paging(alice, bob, topic):
    count = 120
    frames = [alice.message(f"#{topic}", f"m{i}") for i in range(count)]
    alice.put(*frames)
    for f in frames:
        assert alice.expect("ack", id=f["id"])["queued"] is True
    assert len(history(bob, topic)) == 50
    assert len(history(bob, topic, limit=200)) == count
    seen, before = [], None
    while True:
        page = history(bob, topic, limit=47,
                       **({"beforeId": before} if before else {}))
        if not page:
            break
        seen += [bob.text(m) for m in page]
        before = page[-1]["id"]
    assert seen == [f"m{i}" for i in reversed(range(count))]


def test_an_answer_fits_a_frame(alice, bob, topic):
    """What would be too much is cut, and says so; paging finds the rest."""
    text = "x" * 45000
    for i in range(80):
        assert alice.send(f"#{topic}", text)["queued"] is True
    said = bob.ask("topic_history", topic=topic, limit=200)
    assert said["truncated"] is True
    got = len(said["messages"])
    assert 0 < got < 80
    rest = bob.ask("topic_history", topic=topic, limit=200,
                   beforeId=said["messages"][-1]["id"])
    assert got + len(rest["messages"]) == 80 and "truncated" not in rest


# --- those who cannot be given it now ---

def test_dnd_puts_it_off(alice, bob, topic):
    join(bob, topic)
    bob.put({"type": "set_status", "status": "dnd"})
    bob.barrier()
    alice.send(f"#{topic}", "one")
    alice.send(f"#{topic}", "now!", priority="now")
    alice.send(f"#{topic}", "two", priority="low")
    assert texts(bob, 1) == ["now!"] and nothing(bob)
    bob.put({"type": "set_status", "status": "idle"})
    assert texts(bob, 2) == ["one", "two"] and nothing(bob)
    alice.send(f"#{topic}", "three")
    assert texts(bob, 1) == ["three"]


def test_what_came_in_the_grace_is_given_after_it(broker, alice, bob, topic):
    join(bob, topic)
    alice.send(f"#{topic}", "zero")
    assert texts(bob, 1) == ["zero"]
    bob.barrier()
    bob.cut()
    for text in "one", "two":
        alice.send(f"#{topic}", text)
    bob.connect()
    assert texts(bob, 2) == ["one", "two"] and nothing(bob)


def test_what_was_not_acknowledged_is_given_again(broker, alice, topic):
    bob = broker.peer(broker.bob_member)
    join(bob, topic)
    ids = [alice.send(f"#{topic}", f"m{i}")["messageId"] for i in range(3)]
    pushes = [bob.receive() for _ in range(3)]
    bob.acknowledge(pushes[0])
    bob.barrier()
    bob.cut()
    bob.connect()
    assert [bob.receive()["messageId"] for _ in range(2)] == ids[1:]
    assert nothing(bob)


def test_a_kill_of_the_broker_loses_no_push(broker, alice, bob, topic):
    join(bob, topic)
    acked = [alice.send(f"#{topic}", f"m{i}")["messageId"] for i in range(9)]
    broker.kill(signal.SIGKILL)
    broker.start()
    for p in alice, bob:
        p.wait_closed()
        p.connect()
    acked.append(alice.send(f"#{topic}", "after")["messageId"])

    def all_seen():
        bob.barrier()
        return set(acked) <= {f.get("messageId") for f in bob.seen}
    wait_for(all_seen)


def test_one_that_does_not_read(broker, alice, topic):
    """It is given the rest when it reads again, in order."""
    slow = broker.peer(broker.bob_member, auto_ack=True)
    join(slow, topic)
    slow.stop_reading()
    count, text = 120, "x" * 40000
    for i in range(count):
        assert alice.send(f"#{topic}", f"{i} {text}")["queued"] is True
    slow.start_reading()
    got = []
    for _ in range(count):
        got.append(int(slow.receive()["text"].split()[0]))
    assert got == list(range(count))


def test_a_new_presence_gets_what_comes_from_now_on(broker, alice, bob,
                                                    topic):
    join(bob, topic)
    bob.leave()
    alice.send(f"#{topic}", "missed: it is in the history")
    bob.connect()
    alice.send(f"#{topic}", "new")
    assert texts(bob, 1) == ["new"]
    assert len(history(bob, topic)) == 2


# --- nonsense ---

def test_nonsense(alice, topic):
    for frame in [
            {"type": "topic_create"},
            {"type": "topic_create", "name": ""},
            {"type": "topic_create", "name": 5},
            {"type": "topic_create", "name": "x" * 65},
            {"type": "topic_create", "name": "#x"},
            {"type": "topic_create", "name": " x"},
            {"type": "topic_create", "name": "x\ny"},
            {"type": "topic_create", "name": "x\u0007y"},
            {"type": "topic_create", "name": "n", "description": "d" * 513},
            {"type": "topic_create", "name": "n", "description": ["d"]},
            {"type": "topic_create", "name": "n", "visibility": "secret"},
            {"type": "topic_create", "name": "n", "visibility": 1},
            {"type": "topic_history", "topic": topic, "limit": 0},
            {"type": "topic_history", "topic": topic, "limit": 201},
            {"type": "topic_history", "topic": topic, "limit": "9"},
            {"type": "topic_history", "topic": topic, "limit": 1e3},
            {"type": "topic_history", "topic": topic, "beforeId": "unknown"},
            {"type": "topic_history", "topic": topic, "beforeId": 7}]:
        refused(alice, "invalid_args", frame)
    for kind in ("topic_join", "topic_leave", "topic_mark_read",
                 "topic_members", "topic_history"):
        for name in ("nowhere", "", None, 7, [topic], "x" * 60000,
                     "' OR 1=1 --", topic.lower() + "x"):
            refused(alice, "topic_not_found", {"type": kind, "topic": name})
    assert [t["name"] for t in alice.ask("topic_list")["topics"]] == ["news"]


def test_no_more_topics_than_allowed(alice, bob):
    frames = [{"type": "topic_create", "name": f"t{i}",
               "description": "\"" * 500} for i in range(1000)]
    alice.put(*frames)
    for _ in frames:
        assert alice.expect("topic_created")["created"] is True
    refused(bob, "invalid_args", {"type": "topic_create", "name": "more"})
    assert bob.ask("topic_create", name="t7")["created"] is False
    assert len(bob.ask("topic_list")["topics"]) == 1000
