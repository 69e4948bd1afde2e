"""Promise: the wall clock may step by hours either way, and nothing is lost,
sent twice or left waiting, no session ends, and no owner is mistaken
(delivery.md section 4, next_attempt_at; section 8).
"""

import random
import subprocess

import pytest

from faults import all_done, pids_of
from harness import Key, checks, wait_for
from harness.world import World, body_list, row_of
from shifted import HOUR, Clock

STEPS = [3 * HOUR, -3 * HOUR, -3 * HOUR, 3 * HOUR]


@pytest.fixture
def clock(monkeypatch, make):
    return make.keep(Clock(monkeypatch))


@pytest.fixture
def world(clock, make, monkeypatch):
    clock.take_along(monkeypatch)
    return World(make)


def test_the_clock_is_ours(clock, make):
    """What the other tests stand on: the step is seen, by whoever runs."""
    daemon = make.daemon()
    alice, bob = daemon.register("alice"), daemon.register("bob")
    received = []
    for n, step in enumerate([0, 3 * HOUR]):
        clock.step(step)
        alice.api.send_until_taken(bob.pubkey, f"m-{n}", f"m-{n}")
        wait_for(lambda: len(bob.inbox()) == n + 1, 10)
        received.append(daemon.query("SELECT max(received_at) AS at"
                                     " FROM inbox")[0]["at"])
    assert 3 * HOUR <= received[1] - received[0] < 3 * HOUR + 60000


def test_steps_under_load(clock, make):
    """Everything of one host steps, while two sessions talk."""
    daemon = make.daemon()
    alice, bob = daemon.register("alice"), daemon.register("bob")
    owner = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    try:
        carol = daemon.register("carol", pid=owner.pid)
        pids = pids_of(daemon)
        events = bob.events()
        sent = []
        for step in STEPS:
            for n in range(40):
                if n == 20:
                    clock.step(step)
                cid = f"m-{len(sent)}"
                alice.api.send_until_taken(bob.pubkey, f"body {cid}", cid)
                sent.append(cid)
            wait_for(lambda: len(bob.inbox()) == len(sent), 10,
                     "not delivered promptly")
        # Once each, in order, as rows, in the listing and as events.
        assert [r["client_message_id"] for r in daemon.query(
            "SELECT client_message_id FROM inbox ORDER BY seq")] == sent
        assert [e.data["client_message_id"] for e in events.messages()] == \
            sent
        all_done(alice, sent)
        events.close()
        assert pids_of(daemon) == pids
        for s in alice, bob, carol:
            assert s.api.get("/v1/sessions/me").json["session"]["state"] == \
                "open"
        clock.step(-3 * HOUR)
        owner.kill()
        owner.wait()
        wait_for(lambda: carol.api.get("/v1/sessions/me").status == 401, 10,
                 "carol's owner has ended")
        assert alice.api.get("/v1/sessions/me").status == 200
    finally:
        owner.kill()
        owner.wait()


@pytest.mark.parametrize("step", [3 * HOUR, -3 * HOUR])
@pytest.mark.parametrize("restart", [False, True])
def test_rows_that_wait(clock, world, step, restart):
    """Rows that wait for another attempt are due after a step, whichever way
    it went, with the same worker and with a new one."""
    broker, daemon = world.broker, world.daemon
    alice = world.register("alice")
    busy = {"error": "capacity: try again later"}
    broker.acks = lambda conn, frame: busy
    ids = [f"m-{n}" for n in range(8)]
    for i in ids:
        alice.api.send_until_taken(Key().pub, f"body of {i}", i)
    wait_for(lambda: all(row_of(alice, i)["attempts"] >= 2 for i in ids), 20)
    clock.step(step)
    broker.acks = "auto"
    before = len(broker.sends)
    if restart:
        old = daemon.kill("worker", alice)
        daemon.wait_restarted("worker", old, alice)
    all_done(alice, ids, 15)
    again = [f["client_message_id"] for f in broker.sends[before:]]
    assert all(again.count(i) >= 1 for i in ids)
    # Acknowledged once: no row was sent after that.
    conn = alice.conn()
    if not restart:
        assert sorted(again) == sorted(ids)
    conn.put(world.push(alice, "and back"))
    wait_for(lambda: body_list(alice) == ["and back"], 10)
    assert len(broker.sends) == before + len(again)


def test_supervisor_restarted_after_a_step(clock, world):
    """Sessions are back, their owners not mistaken, and rows go on."""
    daemon, broker = world.daemon, world.broker
    alice = world.register("alice")
    conn = alice.conn()
    broker.crash()
    alice.api.send_until_taken(Key().pub, "waits", "w-1")
    for n, step in enumerate(STEPS[:2]):
        clock.step(step)
        daemon.stop()
        daemon.start()
        assert alice.api.get("/v1/sessions/me").status == 200
    broker.start()
    broker.wait_session(alice.pubkey, after=conn.number, deadline=45)
    all_done(alice, ["w-1"])


def test_hello_from_another_time(clock, world, monkeypatch):
    """The host's clock is 3 h off and the broker's is not: it is asked about
    once a minute, nobody is parked, and all goes on when the clock is
    right."""
    broker, daemon = world.broker, world.daemon
    alice = world.register("alice")
    conn = alice.conn()
    right = checks.now_ms
    monkeypatch.setattr(checks, "SKEW_MS", 24 * HOUR)
    tries = []

    def hello(conn):
        if abs(conn.hello["timestamp"] - clock.now() + clock.shift_ms) > \
                60000:
            tries.append(conn.pub)
            return 1008, "timestamp_skew"
        return [broker.hello_ack(conn)]
    broker.hello = hello
    assert right() - clock.now() < 1000
    clock.step(random.choice([3 * HOUR, -3 * HOUR]))
    for c in broker.live():
        c.cut()
    wait_for(lambda: alice.pubkey in tries, 30, "no hello")
    alice.api.send_until_taken(Key().pub, "in the wrong time", "w-1")
    wait_for(lambda: [x for x in daemon.log()
                      if "timestamp_skew" in x.get("msg", "")], 5)
    assert row_of(alice, "w-1")["status"] == "pending"
    clock.step(-clock.shift_ms)
    # Its back-off is a minute, and a fifth more or less.
    broker.wait_session(alice.pubkey, after=conn.number, deadline=90)
    all_done(alice, ["w-1"])
    assert tries.count(alice.pubkey) <= 2
    assert alice.api.get("/v1/sessions/me").json["session"]["state"] == "open"
