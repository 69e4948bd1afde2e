"""Promise: SIGKILL of any one process but the supervisor, in the middle of
500 messages, loses none and doubles none, and their order stays
(delivery.md section 1, promises 1, 2, 3, 4 and 6, section 8; faults 2 and 11
of section 9).
"""

import random
import threading

import pytest

from harness import wait_for

COUNT = 500


class Traffic:
    """A client that sends COUNT messages and repeats what was not answered,
    with the same client_message_id."""

    def __init__(self, sender, recipient, count=COUNT, tag="m"):
        self.sender, self.recipient = sender, recipient
        self.ids = [f"{tag}-{i}" for i in range(count)]
        self.done = 0
        self.fault = None
        self._new = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            for i in self.ids:
                self.sender.api.send_until_taken(
                    self.recipient.pubkey, f"body of {i}", i)
                with self._new:
                    self.done += 1
                    self._new.notify_all()
        except AssertionError as e:
            with self._new:
                self.fault = e
                self._new.notify_all()

    def wait(self, count):
        with self._new:
            assert self._new.wait_for(
                lambda: self.done >= count or self.fault, 120)
        if self.fault:
            raise self.fault

    def finish(self):
        self.wait(len(self.ids))
        self._thread.join()

    def arrived(self):
        return [i for i in self.recipient.all_inbox()
                if i["client_message_id"] in set(self.ids)]

    def check(self, deadline=60):
        """All there, once, in order, and all rows done."""
        wait_for(lambda: len(self.arrived()) >= len(self.ids), deadline,
                 f"{len(self.arrived())} of {len(self.ids)}", 0.1)
        got = self.arrived()
        assert [i["client_message_id"] for i in got] == self.ids
        assert [i["body"] for i in got] == [f"body of {i}" for i in self.ids]
        wait_for(lambda: not [
            r for r in self.sender.outbox("limit=500")
            if r["status"] != "done"], 20, "rows not done", 0.1)


@pytest.fixture
def daemon(make):
    return make.daemon()


WHO = ["store", "gate", "sender", "recipient", "member", "broker", "resolver"]


@pytest.mark.parametrize("who", WHO)
def test_kill(daemon, who):
    alice, bob = daemon.register("alice"), daemon.register("bob")
    role, session = {
        "sender": ("worker", alice), "recipient": ("worker", bob),
    }.get(who, (who, None))
    events = bob.events()
    traffic = Traffic(alice, bob)
    for at in 60, 250, 420:
        traffic.wait(at)
        old = daemon.kill(role, session)
        daemon.wait_restarted(role, old, session)
    traffic.finish()
    traffic.check()
    if who != "gate":
        # A stream that nobody broke has them all as well.
        events.wait_count(COUNT)
        assert [e.data["client_message_id"] for e in events.messages()] == \
            traffic.ids
    events.close()
    row = daemon.process(role, session)
    assert row["restarts"] >= 3


def test_kill_of_the_gate_is_a_pause_for_clients(daemon):
    """The supervisor keeps the listening socket: connections wait."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    for i in range(3):
        old = daemon.kill("gate")
        r = daemon.api().get("/v1/health")      # a new connection at once
        assert r.status == 200 and r.json["ok"] is True
        alice.api.send_until_taken(bob.pubkey, f"after kill {i}", f"g-{i}")
        daemon.wait_restarted("gate", old)
    wait_for(lambda: len(bob.inbox()) == 3, 10)
    assert [i["client_message_id"] for i in reversed(bob.inbox())] == [
        f"g-{i}" for i in range(3)]


def test_events_over_kills_of_the_gate(daemon):
    """delivery.md section 7: a client that comes back with its cursor gets
    every newer row, without a gap and without a copy."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    traffic = Traffic(alice, bob, 200)
    got, last = [], None
    for _ in range(3):
        stream = wait_for(lambda: reopen(bob, last), 20, "an event stream")
        stream.wait(where=lambda e: True, deadline=20)
        daemon.kill("gate")
        stream.wait_end()
        stream.close()
        got += stream.messages()
        last = got[-1].id
    stream = wait_for(lambda: reopen(bob, last), 20, "an event stream")
    traffic.finish()
    stream.wait_count(200 - len(got), deadline=30)
    got += stream.messages()
    stream.close()
    assert [e.data["client_message_id"] for e in got] == traffic.ids


def reopen(session, last):
    try:
        return session.events(last_id=last)
    except OSError:
        return None


def test_kill_them_all_in_turn(daemon):
    """Two ways at once, a process chosen by a fixed seed every 50 sends."""
    alice, bob = daemon.register("alice"), daemon.register("bob")
    there, back = Traffic(alice, bob, 300, "t"), Traffic(bob, alice, 300, "b")
    rng = random.Random(20260101)
    for at in range(50, 300, 50):
        there.wait(at)
        role, session = rng.choice([
            ("store", None), ("gate", None), ("worker", alice),
            ("worker", bob), ("member", None), ("broker", None)])
        old = daemon.kill(role, session)
        daemon.wait_restarted(role, old, session)
    for t in there, back:
        t.finish()
    for t in there, back:
        t.check()
