"""Promise: a row that cannot leave waits as long as it should and no longer:
by back-off, for its recipient, for a connection, over restarts and clocks that
step; and when it is too old it ends with a reason that a person can act on
(delivery.md section 1 promise 4, section 4 "Transient", "Permanent",
"Recipient not connected", "A new connection", next_attempt_at; faults 1, 4 and
5 of section 9).
"""

import contextlib
import sqlite3
import time

import pytest

from harness import SLOW, Key, wait_for
from harness.keys import Member, minted_id, now_ms
from harness.scripted import NOT_CONNECTED
from harness.world import World, resume, row_of

DAY_MS = 24 * 3600 * 1000


@contextlib.contextmanager
def stopped(daemon):
    """mesh.db, to be written, while the daemon is stopped."""
    daemon.stop()
    db = sqlite3.connect(daemon.state_dir / "store" / "mesh.db")
    try:
        with db:
            yield db
    finally:
        db.close()
    daemon.start()


def arrivals(world, cid):
    """When each attempt of a row came."""
    times = []
    world.broker.watch = lambda conn, f: times.append(time.monotonic()) \
        if f.get("id") == cid else None
    return times


def test_back_off_with_jitter(world):
    """0.5 s * 2^attempts, 20 % either way."""
    s = world.register()
    times = arrivals(world, "c1")
    world.broker.acks = lambda conn, f: {"error": "come back later"}
    s.send(Key().pub, "patience", client_message_id="c1")
    wait_for(lambda: len(times) >= 5, 20)
    gaps = [b - a for a, b in zip(times, times[1:])]
    for gap, wish in zip(gaps, (0.5, 1, 2, 4)):
        assert 0.8 * wish - 0.01 < gap < 1.2 * wish + 1.0 * SLOW, gaps
    row = row_of(s, "c1")
    assert row["status"] in ("pending", "inflight")
    assert row["attempts"] >= 4
    assert row["last_error"] == "come back later"


def test_an_attempt_that_never_left_does_not_count(world):
    s = world.register()
    world.broker.stop()
    s.send(Key().pub, "no broker", client_message_id="c1")
    wait_for(lambda: s.state() == "connecting", 10)
    world.broker.start()
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 25)
    assert row_of(s, "c1")["attempts"] == 1


def test_a_new_connection_makes_heads_due_at_once(world):
    """What waited for an absent recipient too: it may have come meanwhile."""
    s, targets = world.register(), [Key().pub for _ in range(10)]
    refuse = [True]
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED} \
        if refuse[0] else {}
    for t in targets:
        s.send(t, "are you there")
    world.broker.wait(lambda: len(world.broker.sends) >= 40, 30, "attempts")
    refuse[0] = False
    begin = time.monotonic()
    old = s.conn()
    old.cut()
    conn = s.conn(after=old.number)
    opened = time.monotonic()
    world.broker.wait_sends(conn, 10)
    assert time.monotonic() - opened < 3 * SLOW     # else some 8 s
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"done"}, 10)
    assert time.monotonic() - begin < 6 * SLOW


def test_a_new_worker_tries_absent_recipients_at_once(world):
    """They may have come when nobody was there to hear of it."""
    s = world.register()
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED}
    s.send(Key().pub, "are you there", client_message_id="c1")
    wait_for(lambda: row_of(s, "c1")["attempts"] >= 1, 10)
    world.broker.acks = "auto"
    with stopped(world.daemon) as db:
        assert db.execute("UPDATE outbox SET next_attempt_at = ?",
                          (now_ms() + 200000,)).rowcount == 1
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 10)


def test_what_waits_in_the_file(world):
    """A wait survives a restart, but one that is over 5 min ahead of the clock
    is none: the clock went back."""
    s = world.register()
    world.broker.acks = lambda conn, f: {"error": "come back later"}
    for cid in "soon", "far":
        s.send(Key().pub, "waits", client_message_id=cid)
    wait_for(lambda: all(r["attempts"] >= 1 for r in s.outbox()), 10)
    world.broker.acks = "auto"
    with stopped(world.daemon) as db:
        for cid, ahead in ("soon", 12000), ("far", 3 * 3600 * 1000):
            assert db.execute(
                "UPDATE outbox SET next_attempt_at = ?, attempts = 7,"
                " last_error = 'later' WHERE client_message_id = ?",
                (now_ms() + ahead, cid)).rowcount == 1
        due = now_ms() + 12000
    s.wait_open()
    wait_for(lambda: row_of(s, "far")["status"] == "done", 10)
    assert now_ms() < due
    assert row_of(s, "soon")["status"] == "pending"
    wait_for(lambda: row_of(s, "soon")["status"] == "done", 20)
    assert now_ms() >= due - 500
    assert row_of(s, "soon")["attempts"] == 8


def test_inflight_in_the_file_is_pending(world):
    """Fault 2: a worker that starts treats them as such."""
    s = world.register()
    world.broker.acks = "hold"
    targets = [Key().pub for _ in range(5)]
    for i, t in enumerate(targets):
        s.send(t, "under way", client_message_id=f"c{i}")
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"inflight"}, 10)
    world.broker.acks = "auto"
    world.daemon.stop()
    world.daemon.start()
    s.wait_open()
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"done"}, 10)


def test_rows_of_a_parked_session_wait(world):
    """A kick ends no row; neither a restart nor registering again undoes it;
    resumed, it goes on in order."""
    s, bob = world.register(), Key()
    s.conn().close(4001, "kicked")
    s.wait_state("parked")
    for i in range(5):
        assert s.send(bob.pub, f"message {i}").status == 202
    assert not world.broker.sends
    world.daemon.stop()         # nor does a restart
    world.daemon.start()
    assert s.state() == "parked"
    s.register()
    assert s.state() == "parked"
    assert not world.broker.sends
    assert resume(s) in ("starting", "connecting")
    s.wait_open()
    wait_for(lambda: {r["status"] for r in s.outbox()} == {"done"}, 10)
    assert [bob.open(s.pubkey, f["nonce"], f["ciphertext"])
            for f in world.broker.sends] == [f"message {i}"
                                             for i in range(5)]


def test_a_hundred_attempts_are_not_too_many(world):
    """Fault 5: there is no cap."""
    s = world.register()
    refuse = [True]
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED} \
        if refuse[0] else {}
    s.send(Key().pub, "out for lunch", client_message_id="c1")
    world.broker.wait(lambda: world.broker.sends, 10)
    with stopped(world.daemon) as db:
        db.execute("UPDATE outbox SET attempts = 100")
    s.wait_open()
    wait_for(lambda: row_of(s, "c1")["attempts"] > 100, 10)
    row = row_of(s, "c1")
    assert row["status"] == "pending"
    # Tried again after some 5 min, and no later.
    refuse[0] = False
    conn = s.conn()
    conn.cut()
    wait_for(lambda: row_of(s, "c1")["status"] == "done", 20)


def test_too_old(make):
    """Expiry is the store's: connected or not, parked or draining, tried or
    never, every row that is too old ends, and its sender is told.  (Looked for
    once a minute.)"""
    w = World(make)
    w.broker.acks = lambda conn, f: {"error": NOT_CONNECTED}
    here, parked, bob = w.register("here"), w.register("parked"), Key()
    parked.conn().close(4001, "kicked")
    parked.wait_state("parked")
    for s in here, parked:
        for cid in "old", "new":
            s.send(bob.pub, f"an {cid} one", client_message_id=cid)
    wait_for(lambda: row_of(here, "old")["attempts"] >= 1, 10)
    with stopped(w.daemon) as db:
        assert db.execute(
            "UPDATE outbox SET enqueued_at = enqueued_at - ? WHERE"
            " client_message_id = 'old'", (8 * DAY_MS,)).rowcount == 2
    here.wait_open()
    assert parked.state() == "parked"
    with here.events() as events:
        for s in here, parked:
            row = wait_for(lambda: (lambda r: r["status"] == "dead" and r)(
                row_of(s, "old")), 80, "expiry", 0.2)
            assert row["last_error"].startswith("expired")
            assert row_of(s, "new")["status"] == "pending"
            notice, = [i for i in s.inbox() if i["subtype"] == "system"]
            assert notice["sender_pubkey"] == "system"
            assert "old" in notice["body"] and bob.pub in notice["body"]
            assert "expired" in notice["body"]
            assert "an old one" not in notice["body"]
        events.wait("send_status", lambda e: e.data["status"] == "dead" and
                    e.data["client_message_id"] == "old")
    # The next one goes on in its place.
    w.broker.acks = "auto"
    here.conn().cut()
    wait_for(lambda: row_of(here, "new")["status"] == "done", 10)
    assert row_of(here, "old")["status"] == "dead"


# --- nobody waits for somebody else ---

def test_a_mesh_that_is_never_reached_delays_no_other(make):
    """Fault 4, and fault 16: it is not `open` either."""
    members = [Member("mesh-" + minted_id(), "member-" + minted_id(),
                      slug=slug, name=slug) for slug in ("up", "gone",
                                                         "deaf")]
    up, gone, deaf = (make.scripted([m], start=False) for m in members)
    up.start()
    deaf.silent()
    d = make.daemon(meshes=[m.mesh_file(b.url) for m, b in
                            zip(members, (up, gone, deaf))])
    a = d.register("a", mesh="up")
    others = [d.register(m.slug, mesh=m.slug, wait_open=False)
              for m in members[1:]]
    for s in others:
        for _ in range(50):
            assert s.send(Key().pub, "into the void").status == 202
    begin = time.monotonic()
    for i in range(200):
        assert a.send(Key().pub, f"unhindered {i}").status == 202
    up.wait(lambda: len(up.sends) >= 200, 10)
    wait_for(lambda: {r["status"] for r in a.outbox()} == {"done"}, 5)
    assert time.monotonic() - begin < 10 * SLOW     # one wait would be 15 s
    health = d.api().get("/v1/health").json["brokers"]
    assert health["up"] == "open"
    assert "open" not in (health["gone"], health["deaf"])


def test_a_backlog_leaves_without_pauses(world):
    """Fault 1: 65 messages a second; and an absent recipient's rows, however
    many, delay nobody's."""
    s, absent = world.register(), Key().pub
    world.broker.acks = lambda conn, f: {"error": NOT_CONNECTED} \
        if f["targetSpec"] == absent else {}
    world.broker.stop()
    targets = [Key().pub for _ in range(20)]
    for i in range(1000):
        assert s.send(targets[i % 20], f"message {i}").status == 202
        assert s.send(absent, f"message {i}").status == 202
    world.broker.start()
    s.conn()
    begin = time.monotonic()
    world.broker.wait(lambda: sum(f["targetSpec"] != absent for f in
                                  world.broker.sends) >= 1000, 30)
    took = time.monotonic() - begin
    print(f"1000 rows left in {took:.2f} s")
    assert took < 12 * SLOW     # 15 s, at the pace of the reference
    for t in targets:
        assert sum(f["targetSpec"] == t for f in world.broker.sends) == 50
