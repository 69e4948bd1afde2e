"""Promise: a session has no age: its attestations are made for 12 h, renewed
at half of that and whenever a broker says that they have expired, through
reconnects, sleep and restarts of the broker, so that it stays connected, with
its key and its token, for as long as its process lives (issue, "Attestations"
and "Registry and life cycle"; design.md, "Keys", "Sessions").  Days pass by
the clock that a build with --enable-test-hooks has.
"""

import pytest

from harness import Key, wait_for
from harness.world import World
from shifted import HOUR, Clock

DAY = 24 * HOUR


@pytest.fixture
def clock(monkeypatch, make):
    return make.keep(Clock(monkeypatch))


@pytest.fixture
def world(clock, make, monkeypatch):
    clock.take_along(monkeypatch)
    return World(make)


def expires_at(conn):
    return conn.hello["parentAttestation"]["expiresAt"]


def enforce(broker, clock):
    """What a strict broker does with those whose attestation has expired."""
    ended = [c for c in broker.live() if c.kind == "session" and
             expires_at(c) <= clock.now()]
    for c in ended:
        c.put({"type": "error", "code": "expired", "message": "expired"})
        c.close(1008, "expired")
    return ended


def last_conn(session):
    """The newest connection of it, open; no other is."""
    conn = session.conn()
    session.wait_open()
    return conn


def use(session, conn, n):
    """Both ways, over that connection."""
    r = session.send(Key().pub, f"message {n}", client_message_id=f"m-{n}")
    assert r.status == 202, r
    conn.broker.wait(lambda: [f for c in conn.broker.conns for f in c.sends
                              if f["id"] == f"m-{n}"], 15, f"m-{n}")


def test_minted_for_twelve_hours(clock, world):
    s = world.register()
    left = expires_at(s.conn()) - clock.now()
    assert 12 * HOUR - 60000 < left <= 12 * HOUR


def test_renewed_at_half_life(clock, world):
    """While it still holds, and not before: what a next connection shows."""
    s = world.register()
    first = s.conn()
    clock.step(5 * HOUR)
    first.cut()
    second = s.conn(after=first.number)
    assert expires_at(second) == expires_at(first)
    clock.step(2 * HOUR)        # 7 h old: it holds for 5 h

    def reconnected():
        conn = s.conn()
        conn.cut()
        fresh = s.conn(after=conn.number)
        return expires_at(fresh) - clock.now() > 11 * HOUR
    wait_for(reconnected, 20, "it was not renewed")


def test_a_week_at_a_strict_broker(clock, world):
    """Which ends every connection whose attestation has expired."""
    broker = world.broker
    s = world.register()
    key, number, renewals = s.pubkey, 0, 0
    for n in range(7 * 24 // 3):
        broker.wait_member()    # a hello on its way would be of another time
        clock.step(3 * HOUR)
        if n % 8 == 4:          # once a day it restarts
            broker.crash()
            broker.start()
        if n % 8 == 6:          # and once connections are lost
            for c in broker.live():
                c.cut()
        conn = s.conn()
        wait_for(lambda: not enforce(broker, clock), 15)
        conn = last_conn(s)
        assert conn.pub == key
        assert 0 < expires_at(conn) - clock.now() <= 12 * HOUR
        renewals += conn.number != number and n > 0
        number = conn.number
        use(s, conn, n)
    assert renewals >= 14
    assert s.me()["registeredAt"] < clock.now() - 7 * DAY + HOUR
    assert not [x for x in world.daemon.log()
                if "parked" in x.get("msg", "")]


@pytest.mark.parametrize("hours", [7, 13, 60, -3, -60])
def test_it_slept(clock, world, hours):
    """Connections are dead when it wakes, or the clock was set."""
    s = world.register()
    conn, member = s.conn(), world.broker.wait_member()
    clock.step(hours * HOUR)
    for c in conn, member:
        c.cut()
    fresh = s.conn(after=conn.number)
    s.wait_open()
    assert 60000 < expires_at(fresh) - clock.now() <= DAY
    use(s, fresh, 1)
    world.broker.wait_member(after=member.number)


def test_thirty_days(clock, make):
    """With the broker of our own, which is killed now and then, as is the
    member's worker; the sessions are registered once."""
    daemon = make.daemon()
    alice, bob = daemon.register("alice"), daemon.register("bob")
    keys = alice.pubkey, bob.pubkey
    for n in range(30):
        for _ in range(2):
            clock.step(DAY // 2)
        if n % 5 == 4:
            role = ("broker", "member")[n // 5 % 2]
            daemon.wait_restarted(role, daemon.kill(role))
        for s in alice, bob:
            wait_for(lambda: s.state() == "open", 45, "it is not back")
        alice.api.send_until_taken(bob.pubkey, f"on day {n}", f"d-{n}")
        wait_for(lambda: f"on day {n}" in [i["body"] for i in bob.inbox()],
                 30, f"day {n}")
    for s, key in zip((alice, bob), keys):
        assert s.me()["presence"]["sessionPubkey"] == key
        assert s.me()["registeredAt"] < clock.now() - 29 * DAY
    # A restart of everything, and they are as old as they are.
    daemon.stop()
    daemon.start()
    for s in alice, bob:
        s.api.close()
        s.wait_open()
    assert (alice.me()["presence"]["sessionPubkey"],
            bob.me()["presence"]["sessionPubkey"]) == keys
