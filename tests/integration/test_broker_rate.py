"""Promise: with a rate limit the embedded broker takes so many sends a minute
from a member, all its connections together, and says of the others what
deployed brokers say; without one there is none (broker-protocol.md, "Send").
"""

from harness import wait_for

REFUSED = "rate_limit: max 60 msg/min (burst 10) — slow down"


def sides(broker):
    a, b = broker.add_member("local", "alice"), broker.add_member("local",
                                                                  "bob")
    broker.start()
    return a, b


def test_of_a_member(make):
    broker = make.broker("--rate-limit", "60")
    alice_member, bob_member = sides(broker)
    bob = broker.peer(bob_member, auto_ack=True)
    ones = [broker.peer(alice_member), broker.peer(alice_member)]
    for i, one in enumerate(ones):
        one.put(*(one.message(bob.pub, f"m{i}-{j}", first=True)
                  for j in range(20)))
    acks = [one.expect("ack") for _ in range(20) for one in ones]
    taken = [a for a in acks if a["queued"]]
    refused = [a for a in acks if not a["queued"]]
    # Ten at once, and one a second more while that went on.
    assert len(taken) >= 10
    assert {(a["error"], a["messageId"]) for a in refused} == {(REFUSED, "")}
    for _ in taken:
        bob.receive()
    # Another member is not concerned.
    assert bob.send(ones[0].pub, "x")["queued"] is True
    # Refused ones cost nothing: one comes through a second later.
    wait_for(lambda: ones[0].send(bob.pub, "again", first=True)["queued"])


def test_none_by_default(make):
    broker = make.broker()
    alice_member, bob_member = sides(broker)
    bob = broker.peer(bob_member, auto_ack=True)
    alice = broker.peer(alice_member)
    for i in range(100):
        assert alice.send(bob.pub, f"m{i}")["queued"] is True


def test_from_the_configuration(make):
    """It drains slowly, and all of it, in order."""
    daemon = make.daemon(config="[broker]\nrate_limit = 120\n"
                         "rate_burst = 2\n")
    alice, bob = daemon.register("alice"), daemon.register("bob")
    for i in range(6):
        alice.api.send(bob.pubkey, f"m{i}")
    wait_for(lambda: len(bob.api.inbox()) == 6, 30)
    assert [i["body"] for i in bob.api.inbox()] == [
        f"m{i}" for i in reversed(range(6))]
