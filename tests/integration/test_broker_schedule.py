"""Promise: the embedded broker sends a message later, once or by a cron
expression in UTC, also when it was down at that time, and then once; a direct
one is stored as any message is, one for many waits until somebody is here who
gets it (broker-protocol.md, "Requests and answers" and "Push").
"""

import base64
import datetime
import sqlite3
import time

import pytest

from harness import wait_for
from harness.keys import now_ms


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="al")


@pytest.fixture
def bob(broker):
    return broker.peer(broker.bob_member, name="bo")


def schedule(peer, to, message, at=0, **more):
    answer = peer.ask("schedule", to=to, message=message, deliverAt=at,
                      **more)
    assert answer["type"] == "scheduled_ack", answer
    assert len(answer["scheduledId"]) == 32
    return answer


def listed(peer):
    answer = peer.ask("list_scheduled")
    assert answer["type"] == "scheduled_list"
    return answer["messages"]


def edit(broker, sql):
    """Change the file of a broker that is down."""
    db = sqlite3.connect(broker.db)
    db.execute(sql)
    db.commit()
    db.close()


def restart(broker, *peers):
    broker.start()
    for p in peers:
        p.url = broker.url
        p.connect()


def test_direct(broker, alice, bob):
    at = now_ms() + 300
    answer = schedule(alice, bob.pub, "tea ✓", at, subtype="reminder")
    assert answer["deliverAt"] == at and "cron" not in answer
    push = bob.receive()
    assert now_ms() >= at
    assert push["text"] == "tea ✓" and push["nonce"] == ""
    assert base64.b64decode(push["ciphertext"]).decode() == "tea ✓"
    assert push["subtype"] == "reminder"
    assert push["senderPubkey"] == alice.pub
    assert push["senderName"] == "al"
    bob.acknowledge(push)
    wait_for(lambda: listed(alice) == [])


def test_to_oneself_and_by_name(broker, alice, bob):
    """A reminder is mostly for who asks for it."""
    schedule(alice, alice.pub, "mine")
    push = alice.receive()
    assert (push["text"], push["subtype"]) == ("mine", "reminder")
    alice.acknowledge(push)
    schedule(alice, "bo", "by name")
    assert bob.receive()["text"] == "by name"
    broker.peer(broker.bob_member, name="bo")
    answer = alice.ask("schedule", to="bo", message="x", deliverAt=0)
    assert (answer["type"], answer["code"]) == ("error", "ambiguous_target")


def test_to_many(broker, bob):
    alice = broker.peer(broker.alice_member, name="al", groups=[
        {"name": "dev"}])
    dev = broker.peer(broker.bob_member, name="dev", groups=[
        {"name": "dev"}])
    schedule(alice, "@dev", "stand-up")
    push = dev.receive()
    assert push["text"] == "stand-up" and push["subtype"] == "reminder"
    assert push["senderMemberId"] == broker.alice_member.member_id
    assert push["senderMemberPubkey"] == broker.alice_member.key.pub
    assert push["senderName"] == "al" and len(push["nonce"]) == 32
    schedule(alice, "*", "to all")
    assert {bob.receive()["text"], dev.receive()["text"]} == {"to all"}
    assert alice.pushes() == []


def test_absent_recipient(broker, alice, bob):
    bob.close()
    schedule(alice, bob.pub, "for later")
    wait_for(lambda: listed(alice) == [])
    bob.connect()
    assert bob.receive()["text"] == "for later"


def test_missed_while_down(broker, alice, bob):
    """Once each, also what should have come many times; what is for many when
    those who were here have had 5 s to be back."""
    hour = 3600 * 1000
    schedule(alice, bob.pub, "once", now_ms() + hour)
    # Hourly, half an hour from now: not while this runs.
    minute = (now_ms() // 60000 + 30) % 60
    schedule(alice, bob.pub, "often", cron=f"{minute} * * * *")
    schedule(alice, "*", "to all", now_ms() + hour)
    schedule(alice, bob.pub, "later", now_ms() + 3 * hour)
    broker.kill()
    edit(broker, "UPDATE scheduled SET deliver_at = deliver_at - 7200000")
    began = time.monotonic()
    restart(broker, alice, bob)
    texts = set()
    while len(texts) < 3:
        push = bob.receive(deadline=20)
        assert push["text"] not in texts
        texts.add(push["text"])
        if push["text"] == "to all":
            assert time.monotonic() - began >= 5
        else:
            bob.acknowledge(push)
    assert texts == {"once", "often", "to all"}
    left = wait_for(lambda: (lambda m: len(m) == 2 and m)(listed(alice)))
    assert sorted(m["message"] for m in left) == ["later", "often"]
    assert all(m["deliverAt"] > now_ms() - 1000 for m in left)
    bob.barrier()
    assert bob.pushes() == []


def test_to_many_waits_for_somebody(broker, alice):
    schedule(alice, "*", "hello")
    schedule(alice, alice.pub, "the later one")
    push = alice.receive(deadline=20)
    assert push["text"] == "the later one"
    wait_for(lambda: [m["message"] for m in listed(alice)] == ["hello"])
    bob = broker.peer(broker.bob_member, name="bo")
    assert bob.receive(deadline=20)["text"] == "hello"
    wait_for(lambda: listed(alice) == [])


def test_cron(broker, alice, bob):
    answer = schedule(alice, bob.pub, "yearly", cron="30 4 1 jan *")
    at = datetime.datetime.fromtimestamp(answer["deliverAt"] / 1000,
                                         datetime.timezone.utc)
    assert (at.month, at.day, at.hour, at.minute, at.second) == (
        1, 1, 4, 30, 0)
    assert answer["cron"] == "30 4 1 jan *"
    # Its time comes: sent, and planned for the next.
    broker.kill()
    edit(broker, "UPDATE scheduled SET deliver_at = 1")
    restart(broker, alice, bob)
    assert bob.receive()["text"] == "yearly"
    entry, = wait_for(lambda: (lambda m: m[0]["deliverAt"] > 1 and m)(
        listed(alice)))
    assert entry["deliverAt"] == answer["deliverAt"]
    assert entry["cron"] == "30 4 1 jan *"


def test_a_clock_that_went_back(broker, alice, bob):
    """What was planned from a time that is not yet is planned anew."""
    schedule(alice, bob.pub, "daily", cron="0 12 * * *")
    plan, = listed(alice)
    broker.kill()
    far = now_ms() + 400 * 24 * 3600 * 1000
    edit(broker, f"UPDATE scheduled SET deliver_at = {far},"
                 f" fired_at = {far - 1000}")
    restart(broker, alice, bob)
    wait_for(lambda: listed(alice)[0]["deliverAt"] <= plan["deliverAt"] +
             24 * 3600 * 1000)
    bob.barrier()
    assert bob.pushes() == []


@pytest.mark.parametrize("cron", [
    "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
    "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *",
    "1, * * * *", "a * * * *", "0 0 30 2 *", "* * * * * ; x", "-1 * * * *",
    "*" * 200, 7, ["*"]])
def test_invalid_cron(alice, cron):
    answer = alice.ask("schedule", to="*", message="x", cron=cron)
    assert (answer["type"], answer["code"]) == ("error", "invalid_cron")
    assert listed(alice) == []


@pytest.mark.parametrize("change", [
    {"to": None}, {"to": ""}, {"to": 7}, {"to": "#topic"}, {"message": None},
    {"message": ""}, {"message": "x" * 32769}, {"deliverAt": None},
    {"deliverAt": "now"}, {"deliverAt": -1}, {"deliverAt": 1e300},
    {"subtype": "system"}, {"subtype": 1}])
def test_invalid(alice, change):
    request = {"to": "*", "message": "x", "deliverAt": 0, **change}
    answer = alice.ask("schedule", **request)
    assert (answer["type"], answer["code"]) == ("error", "invalid_args")
    answer = alice.ask("schedule", to="nobody", message="x", deliverAt=0)
    assert answer["code"] == "not_found"
    answer = alice.ask("schedule", to="0" * 64, message="x", deliverAt=0)
    assert answer["code"] == "not_found"


def test_list_and_cancel(broker, alice, bob):
    at = now_ms() + 3600 * 1000
    id = schedule(alice, bob.pub, "it's \"mine\"", at)["scheduledId"]
    entry, = listed(alice)
    assert entry == {"id": id, "to": bob.pub, "message": "it's \"mine\"",
                     "deliverAt": at, "createdAt": entry["createdAt"]}
    # A session sees its own; the member all of its sessions'.
    sibling = broker.peer(broker.alice_member)
    plane = broker.peer(broker.alice_member, session=False)
    assert [m["id"] for m in listed(plane)] == [id]
    for other in sibling, bob:
        assert listed(other) == []
        answer = other.ask("cancel_scheduled", scheduledId=id)
        assert answer["type"] == "cancel_scheduled_ack"
        assert answer["ok"] is False and answer["scheduledId"] == id
    assert alice.ask("cancel_scheduled", scheduledId=id)["ok"] is True
    assert alice.ask("cancel_scheduled", scheduledId=id)["ok"] is False
    assert alice.ask("cancel_scheduled")["ok"] is False
    assert listed(plane) == []


def test_limit(alice):
    at = now_ms() + 3600 * 1000
    for i in range(200):
        alice.put({"type": "schedule", "to": "*", "message": f"m{i}",
                   "deliverAt": at})
    answer = alice.ask("schedule", to="*", message="x", deliverAt=at)
    assert answer["code"] == "limit_exceeded"
    assert len(listed(alice)) == 200


def test_a_banned_member_sends_nothing(broker, alice, bob):
    schedule(bob, alice.pub, "too late", now_ms() + 3600 * 1000)
    assert alice.ask("ban", target="bob")["banned"] == "bob"
    broker.kill()
    edit(broker, "UPDATE scheduled SET deliver_at = 1")
    restart(broker, alice)
    schedule(alice, alice.pub, "after it")
    assert alice.receive()["text"] == "after it"
    assert alice.pushes() == []
