"""Promise: a message of a topic is never lost where the broker does not push
it.  Who joined has everything that is said there from then on, once and oldest
first, whoever is killed or away in between; "#name" goes to the topic's id
(delivery.md section 3 "Targets"; section 6 "Copies").
"""

import signal
import time

import pytest

from harness import Key, wait_for
from harness.asserts import is_error
from harness.keys import minted_id
from harness.world import body_list


@pytest.fixture
def news(world):
    return world.broker.topics.create("news")


def join(s, topic="news"):
    r = s.api.post(f"/v1/topics/{topic}/join")
    assert r.status == 200, r
    return r.json


def reconnect(s):
    """A new connection; what is due then is read at once."""
    old = s.conn()
    old.cut()
    return s.conn(after=old.number)


def kept(world, s):
    """How far the topics of a session are read."""
    return {r["topic"]: r["last_message_id"] for r in world.daemon.query(
        "SELECT topic, last_message_id FROM topic WHERE owner ="
        " (SELECT owner FROM owner WHERE hex(pub) = ?)", s.pubkey.upper())}


def all_read(world, s, topic):
    """Everything that was said is read, and noted."""
    last = world.broker.topics.history[topic][-1]["id"]
    wait_for(lambda: kept(world, s).get(topic) == last, 60)


# --- reading ---

def test_from_the_join_on(world, news):
    """Also what is said while nobody is connected; not what was before."""
    topics, s = world.broker.topics, world.register()
    topics.say(news, "before the join")
    assert join(s)["topic"] == {"id": news, "name": "news"}
    topics.say(news, "first")
    with s.events() as events:
        s.conn().cut()
        topics.say(news, "second", replyToId="r1")
        said = topics.say(news, "dritte: grüß Gott")
        items = events.wait_count(3, deadline=60)
    assert [e.data["body"] for e in items] == [
        "first", "second", "dritte: grüß Gott"]
    assert {e.data["topic"] for e in items} == {"news"}
    assert body_list(s) == ["first", "second", "dritte: grüß Gott"]
    last, second, _ = s.inbox()
    assert last["sender_pubkey"] == said["senderPubkey"]
    assert last["sender_name"] == "carol"
    assert last["topic"] == "news" and last["mesh"] == "acme"
    assert last["encrypted"] is False and last["authenticated"] is False
    assert last["broker_message_id"] == said["id"]
    assert last["recipient_kind"] == "session"
    assert second["reply_to_id"] == "r1"
    # Nothing of it was acknowledged: nothing was pushed.
    assert not any(c.of("client_ack") for c in world.broker.conns)


def test_without_a_new_connection(world, news):
    """Every 30 s."""
    s = world.register()
    join(s)
    conn = s.conn()
    world.broker.topics.say(news, "by and by")
    wait_for(lambda: body_list(s) == ["by and by"], 60)
    # The join asks for one message; the first look comes at once.
    looks = world.broker.wait(lambda: [
        f for f in conn.of("topic_history") if f["limit"] != 1][1:], 60)
    assert s.conn() is conn
    assert looks[0]["limit"] == 50


def test_filtered_by_topic(world, news):
    s = world.register()
    world.broker.topics.create("deploys")
    join(s)
    join(s, "deploys")
    for text in "one", "two":
        world.broker.topics.say(news, text)
    world.broker.topics.say(world.broker.topics.find("deploys"), "other")
    s.conn().put(world.push(s, "direct"))
    wait_for(lambda: "direct" in body_list(s), 15)
    reconnect(s)
    wait_for(lambda: len(body_list(s)) == 4, 60)
    assert [i["body"] for i in s.api.inbox(
        "topic=news&mark_seen=false")] == ["two", "one"]
    assert [i["body"] for i in s.api.inbox(
        "topic=deploys&mark_seen=false")] == ["other"]
    assert s.api.inbox("topic=none&mark_seen=false") == []


def test_many_pages(world, news):
    """Paged back to what was read last, and stored oldest first."""
    s = world.register()
    join(s)
    texts = [f"message {i}" for i in range(1, 701)]
    for text in texts:
        world.broker.topics.say(news, text)
    conn = reconnect(s)
    all_read(world, s, news)
    assert body_list(s) == texts
    assert all(f["limit"] <= 50 for f in conn.of("topic_history"))
    assert len(conn.of("topic_history")) < 50, "a few back, a few forward"
    reconnect(s)
    world.broker.topics.say(news, "one more")
    reconnect(s)
    wait_for(lambda: body_list(s)[700:] == ["one more"], 60)


def test_large_messages(world, news):
    """However much is said there, a page is no frame that is too large."""
    s = world.register()
    join(s)
    texts = [f"{i:05}" + "x" * 45000 for i in range(120)]
    for text in texts:
        world.broker.topics.say(news, text)
    conn = reconnect(s)
    all_read(world, s, news)
    assert [t[:5] for t in body_list(s)] == [t[:5] for t in texts]
    world.broker.topics.say(news, "small")      # read in half a minute
    wait_for(lambda: s.inbox("limit=1")[0]["body"] == "small", 60,
             interval=0.1)
    assert s.conn() is conn, "nothing ended it"


@pytest.mark.parametrize("role", ["worker", "store", "gate"])
def test_killed_in_between(world, news, role):
    """Never a gap, never a copy, never another order."""
    s = world.register()
    join(s)
    texts = [f"{role} {i}" for i in range(1, 1001)]
    for text in texts:
        world.broker.topics.say(news, text)
    reconnect(s)
    for _ in range(3):
        got = len(body_list(s))
        wait_for(lambda: len(body_list(s)) > got or
                 len(body_list(s)) == 1000, 60)
        if role == "worker":
            old = world.daemon.kill("worker", s)
            world.daemon.wait_restarted("worker", old, s)
        else:
            old = world.daemon.kill(role)
            world.daemon.wait_restarted(role, old)
    wait_for(lambda: len(s.all_inbox()) == 1000, 60)
    all_read(world, s, news)
    rows = world.daemon.query("SELECT broker_message_id AS id FROM inbox"
                              " ORDER BY seq")
    assert [r["id"] for r in rows] == [
        m["id"] for m in world.broker.topics.history[news]]


def test_the_supervisor_killed(world, news):
    """What is joined is still joined."""
    s = world.register()
    join(s)
    after = s.conn().number
    world.daemon.kill("supervisor", sig=signal.SIGKILL)
    world.daemon.wait_gone()
    world.broker.topics.say(news, "while nobody was there")
    world.daemon.start()
    conn = s.conn(after=after)
    wait_for(lambda: body_list(s) == ["while nobody was there"], 20)
    # The broker may have forgotten it: it is told again.
    assert conn.of("topic_join")[0]["topic"] == news


def test_live_push_and_history_are_one(world, news):
    """Whichever comes first: sender and nonce tell."""
    topics, s = world.broker.topics, world.register()
    join(s)
    mesh = world.member.mesh_id
    pushed = topics.say(news, "pushed, then read")
    s.conn().put(topics.push_of(mesh, news, pushed))
    wait_for(lambda: body_list(s) == ["pushed, then read"], 15)
    reconnect(s)
    all_read(world, s, news)
    read = topics.say(news, "read, then pushed")
    conn = reconnect(s)
    all_read(world, s, news)
    late = topics.push_of(mesh, news, read)
    conn.put(late, world.push(s, "the last"))
    wait_for(lambda: "the last" in body_list(s), 15)
    assert body_list(s) == ["pushed, then read", "read, then pushed",
                            "the last"]
    world.broker.wait_frame(conn, "client_ack", lambda f: f[
        "brokerMessageId"] == late["messageId"])


def test_deleted_rows_do_not_come_back(world, news):
    """Not even when the broker forgets what was read last."""
    topics, s = world.broker.topics, world.register()
    join(s)
    topics.say(news, "first")
    last = topics.say(news, "second")
    reconnect(s)
    all_read(world, s, news)
    item = [i for i in s.inbox() if i["body"] == "second"][0]
    assert s.api.delete(f"/v1/inbox/{item['id']}").status == 200
    topics.history[news].remove(last)
    topics.say(news, "third")
    reconnect(s)
    all_read(world, s, news)
    assert body_list(s) == ["first", "third"]


def test_our_own_are_echoes(world, news):
    topics, s = world.broker.topics, world.register()
    other = world.register("bob")
    join(s)
    join(other)
    topics.say(news, "from alice", sender=s.pubkey)
    topics.say(news, "from carol")
    reconnect(s)
    reconnect(other)
    all_read(world, s, news)
    all_read(world, other, news)
    assert body_list(s) == ["from carol"]
    assert body_list(other) == ["from alice", "from carol"]


def test_leaving(world, news):
    """The member's last session that leaves ends its membership."""
    topics = world.broker.topics
    a, b = world.register("a"), world.register("b")
    join(a)
    join(b)
    assert a.api.post("/v1/topics/news/leave").status == 200
    topics.say(news, "for b")
    conn = reconnect(a)
    reconnect(b)
    all_read(world, b, news)
    assert body_list(b) == ["for b"] and body_list(a) == []
    assert kept(world, a) == {}
    assert not any(c.of("topic_leave") for c in world.broker.conns)
    assert b.api.post(f"/v1/topics/{news}/leave").status == 200
    world.broker.wait_frame(b.conn(), "topic_leave")
    assert conn.of("topic_history") == [] == conn.of("topic_join")
    # To join again begins anew.
    topics.say(news, "for nobody")
    join(a)
    topics.say(news, "again for a")
    reconnect(a)
    all_read(world, a, news)
    assert body_list(a) == ["again for a"]


def test_the_members_own(world, news):
    """Without a session it is the member's, for all of its scope."""
    topics = world.broker.topics
    s, api = world.register(), world.daemon.api()
    assert api.post("/v1/topics/news/join").status == 200
    topics.say(news, "from a session of ours",
               senderMemberId=world.member.member_id)
    topics.say(news, "from carol")
    old = world.broker.wait_member()
    old.cut()
    world.broker.wait_member(after=old.number)
    wait_for(lambda: [i["body"] for i in api.inbox()] == ["from carol"], 15)
    item, = api.inbox()
    assert item["recipient_kind"] == "member" and item["topic"] == "news"
    # A session sees its member's; its own copy is none more.
    wait_for(lambda: body_list(s) == ["from carol"], 10)
    join(s)
    topics.say(news, "to both")
    reconnect(s)
    all_read(world, s, news)
    assert body_list(s) == ["from carol", "to both"]


# --- a broker that is not as it should be ---

def test_a_topic_that_is_gone(world, news):
    """Said once, and no trouble to anybody."""
    topics, s = world.broker.topics, world.register()
    topics.create("deploys")
    deploys = topics.find("deploys")
    join(s)
    join(s, "deploys")
    topics.remove(news)
    for i in range(3):
        topics.say(deploys, f"deploy {i}")
        conn = reconnect(s)
        all_read(world, s, deploys)
        world.broker.wait_frame(conn, "topic_history",
                                lambda f: f["topic"] == news)
    world.daemon.wait_log("topic news: the broker knows it no more")
    lines = [ln for ln in world.daemon.log_text().splitlines()
             if "topic news: the broker knows it no more" in ln]
    assert len(lines) == 1, lines
    assert body_list(s) == [f"deploy {i}" for i in range(3)]
    assert s.api.post("/v1/topics/news/leave").status == 200
    assert set(kept(world, s)) == {deploys}


def test_a_history_that_never_ends(world, news):
    """New messages for ever: some pages, and direct messages go on."""
    topics, s = world.broker.topics, world.register()
    join(s)

    def invent(frame, messages):
        made = [topics.say(news, "x") for _ in range(frame["limit"])]
        topics.history[news].clear()
        return made

    topics.pages = invent
    began = time.monotonic()
    conn = reconnect(s)
    world.broker.wait(lambda: len(conn.of("topic_history")) >= 256, 60)
    conn.put(world.push(s, "direct"))
    wait_for(lambda: "direct" in body_list(s), 15)
    # Rounds of 256 pages, with a pause of 4 s or more in between.
    asked = len(conn.of("topic_history"))
    assert asked <= 256 * (2 + (time.monotonic() - began) / 4)


@pytest.mark.parametrize("bad", [
    7, None, "x", {}, [7, None, {}, {"id": 7}],
    [{"id": "a", "senderPubkey": "no key", "ciphertext": "eA=="}],
    [{"id": "a", "senderPubkey": "system", "subtype": "system"}],
    [{"id": "x" * 200, "senderPubkey": "0" * 64, "ciphertext": "eA=="}]],
    ids=range(8))
def test_pages_of_nonsense(world, news, bad):
    topics, s = world.broker.topics, world.register()
    join(s)
    topics.pages = lambda frame, messages: bad
    conn = reconnect(s)
    world.broker.wait_frame(conn, "topic_history")
    conn.put(world.push(s, "direct"))
    wait_for(lambda: body_list(s) == ["direct"], 15)
    topics.pages = lambda frame, messages: messages
    topics.say(news, "sense")
    reconnect(s)
    wait_for(lambda: body_list(s) == ["direct", "sense"], 15)


# --- sending ---

def test_to_a_name(world, news):
    """The row goes to the id; what was asked is what counts."""
    s, cid = world.register(), minted_id()
    r = s.api.send("#news", "to all who read", client_message_id=cid)
    assert r.status == 202 and r.json["to"] == f"#{news}", r
    f = world.broker.wait_sends(s.conn(), 1)[0]
    assert f["targetSpec"] == f"#{news}"
    assert s.outbox()[0]["to"] == f"#{news}"
    r = s.api.send(f"#{news}", "by its id")
    assert r.status == 202 and r.json["to"] == f"#{news}", r
    # The same request again, and another one with that id.
    r = s.api.send("#news", "to all who read", client_message_id=cid)
    assert r.status in (200, 202) and r.json["to"] == f"#{news}"
    assert is_error(s.api.send(f"#{news}", "to all who read",
                               client_message_id=cid), 409)


def test_to_a_topic_that_came_just_now(world, news):
    s = world.register()
    assert s.api.send("#news", "to have a list").status == 202
    late = world.broker.topics.create("late")
    r = s.api.send("#late", "welcome")
    assert r.status == 202 and r.json["to"] == f"#{late}"


def test_to_no_topic(world, news):
    s = world.register()
    for to in "#nothing", "#News", "#" + "0" * 32:
        assert is_error(s.api.send(to, "to nobody"), 404) \
            == "topic_not_found"
    assert s.outbox() == []


def test_to_a_topic_while_the_broker_is_away(world, news):
    s = world.register()
    join(s)
    world.broker.stop()
    wait_for(lambda: s.state() != "open", 10)
    r = s.api.send("#news", "which one?")
    assert is_error(r, 503) == "roster_unavailable"
    assert r.headers["Retry-After"]
    # What is joined is known by its id.
    assert s.api.send(f"#{news}", "that one").status == 202
    r = s.api.post("/v1/topics/news/join")
    assert is_error(r, 503)


def test_requeued_to_the_same_topic(world, news):
    """A message to many goes nowhere else."""
    s = world.register()
    join(s)
    world.broker.stop()
    wait_for(lambda: s.state() != "open", 10)
    row = s.api.send(f"#{news}", "once more").json["id"]
    r = s.api.post("/v1/outbox/requeue", {"id": row, "to": "#news"})
    assert is_error(r, 400) == "invalid_target"
    r = s.api.post("/v1/outbox/requeue", {"id": row})
    assert r.status == 200 and r.json["to"] == f"#{news}", r
    world.broker.start()
    wait_for(lambda: world.broker.sends, 40)
    f, = world.broker.sends
    assert f["targetSpec"] == f"#{news}"
    assert f["id"] == r.json["new_client_message_id"]


def test_a_broker_that_says_nothing_of_topics(world, news):
    s = world.register()
    world.broker.topics.silent = True

    def names_the_broker():
        """Its worker says so, unless it is slow itself."""
        r = s.api.send("#news", "which one?")
        return is_error(r, 504) == "timeout" and "broker" in r.json["detail"]
    wait_for(names_the_broker, 30)
    assert is_error(s.api.post("/v1/topics/news/join"), 504)


def test_join_what_is_not_there(world):
    s = world.register()
    assert is_error(s.api.post("/v1/topics/nothing/join"), 404) \
        == "topic_not_found"
    assert kept(world, s) == {}
