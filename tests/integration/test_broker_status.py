"""Promise: the embedded broker tells the sender of a message what became of
it, and nobody else anything (broker-protocol.md, "Requests and answers",
message_status).
"""

import signal

import pytest

from harness import wait_for


@pytest.fixture
def broker(make):
    b = make.broker()
    b.alice_member = b.add_member("local", "alice")
    b.bob_member = b.add_member("local", "bob")
    return b.start()


@pytest.fixture
def alice(broker):
    return broker.peer(broker.alice_member, name="al")


def status(peer, id):
    return peer.ask("message_status", messageId=id)


def test_held_for_who_may_come_back(broker, alice):
    bob = broker.peer(broker.bob_member, name="bo")
    bob.cut()
    id = alice.send(bob.pub, "are you there")["messageId"]
    assert status(alice, id)["recipients"] == [
        {"name": "bo", "pubkey": bob.pub, "status": "held"}]


def test_disconnected_held_delivered(broker, alice):
    bob = broker.peer(broker.bob_member, name="bo")
    bob.leave()
    id = alice.send(bob.pub, "are you there")["messageId"]
    told = status(alice, id)
    assert told == {
        "type": "message_status_result", "_reqId": told["_reqId"],
        "messageId": id, "targetSpec": bob.pub, "delivered": False,
        "deliveredAt": None, "recipients": [
            {"name": "bob", "pubkey": bob.pub, "status": "disconnected"}]}
    bob.connect()
    push = bob.receive()
    recipient, = status(alice, id)["recipients"]
    assert recipient == {"name": "bo", "pubkey": bob.pub, "status": "held"}
    bob.acknowledge(push)
    told = wait_for(lambda: (lambda s: s["delivered"] and s)(
        status(alice, id)))
    assert told["deliveredAt"] >= push["createdAt"]
    assert told["recipients"] == [
        {"name": "bo", "pubkey": bob.pub, "status": "delivered"}]
    # It stays so without bob, after a kill, and by the beginning of the id.
    bob.close()
    broker.kill(signal.SIGKILL)
    broker.start()
    alice.open()
    alice.url = broker.url
    alice.connect()
    again = status(alice, id[:8])
    assert again["messageId"] == id
    assert again["deliveredAt"] == told["deliveredAt"]
    assert again["recipients"][0]["status"] == "delivered"


def test_to_a_member(broker, alice):
    id = alice.send(broker.bob_member.key.pub, "for bob")["messageId"]
    recipient, = status(alice, id)["recipients"]
    assert recipient == {"name": "bob", "pubkey": broker.bob_member.key.pub,
                         "status": "disconnected"}
    bob = broker.peer(broker.bob_member)
    bob.receive()
    assert status(alice, id)["recipients"][0]["status"] == "held"


def test_a_multicast_names_nobody(broker, alice):
    bob = broker.peer(broker.bob_member)
    id = alice.send("*", "to all")["messageId"]
    bob.receive()
    told = status(alice, id)
    assert told["targetSpec"] == "*" and told["delivered"] is True
    assert told["deliveredAt"] and told["recipients"] == []


def test_only_its_sender_is_told(broker, alice):
    bob = broker.peer(broker.bob_member)
    id = alice.send(bob.pub, "for bob alone")["messageId"]
    for other in (bob, broker.peer(broker.alice_member),
                  broker.peer(broker.alice_member, session=False)):
        for asked in id, id[:8]:
            told = status(other, asked)
            assert told["type"] == "error" and told["code"] == "not_found"


@pytest.mark.parametrize("id", [
    None, "", "1234567", "x" * 33, 7, "a" * 8 + "-", ["x" * 8]])
def test_what_cannot_be_an_id(alice, id):
    told = status(alice, id)
    assert told["type"] == "error" and told["code"] == "invalid_argument"


def test_an_unknown_id(alice):
    assert status(alice, "0" * 32)["code"] == "not_found"
    assert status(alice, "0" * 8)["code"] == "not_found"
