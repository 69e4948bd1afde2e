"""Promise: a session whose owner ended still delivers what it has accepted, for
at most `linger`; what is left then ends with a reason, and is found again when
the same session comes back (delivery.md section 1 promise 4, section 5; fault
5 of section 9: rows of a closed session never end).
"""

import signal
import subprocess

import pytest

from harness import Key, wait_for
from harness.scripted import NOT_CONNECTED
from harness.world import World, row_of

LINGER = "[sessions]\nlinger = 2s\n"


class Owner:
    """A process that a session belongs to."""

    def __init__(self):
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.pid = self.process.pid

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture
def owner(make):
    return make.keep(Owner())


def is_gone(world, s):
    return not world.daemon.processes("worker", s) and not [
        c for c in world.broker.live() if c.pub == s.pubkey]


def test_it_delivers_what_was_accepted(make, owner):
    """And ends as soon as that is done, long before linger."""
    w = World(make)
    s, bob = w.register(pid=owner.pid), Key()
    w.broker.acks = "hold"
    for i in range(20):
        assert s.send(bob.pub, f"message {i:02}").status == 202
    conn = s.conn()
    w.broker.wait_sends(conn, 1)
    owner.close()
    wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 5)
    w.broker.acks = "auto"
    conn.ack(conn.sends[0])
    wait_for(lambda: is_gone(w, s), 10, "its worker stays")
    # Its broker need not keep its presence for when it comes back; it is
    # told so where the socket takes it within a second.
    wait_for(lambda: conn.closed)
    assert (conn.ws.close_code, conn.ws.close_reason) in (
        (1000, "session_ended"), (1006, ""))
    assert [bob.open(s.pubkey, f["nonce"], f["ciphertext"])
            for f in conn.sends] == [f"message {i:02}" for i in range(20)]
    w.daemon.wait_log("session .*: ended")
    again = w.register(session_id=s.session_id)
    assert again.pubkey == s.pubkey
    assert {r["status"] for r in again.outbox()} == {"done"}
    assert again.inbox() == []


def test_a_new_worker_goes_on_draining(make, owner):
    w = World(make)
    s, bob = w.register(pid=owner.pid), Key()
    w.broker.acks = "hold"
    s.send(bob.pub, "before the end")
    conn = s.conn()
    w.broker.wait_sends(conn, 1)
    owner.close()
    w.daemon.wait_log("draining, its process has ended")
    w.daemon.kill("worker", s)
    second = s.conn(after=conn.number)
    w.broker.wait_sends(second, 1)
    second.ack(second.sends[0])
    wait_for(lambda: is_gone(w, s), 10, "its worker stays")


@pytest.mark.parametrize("why", ["absent", "parked", "no broker",
                                 "asleep"])
def test_sender_ended(make, owner, why):
    w = World(make, config=LINGER)
    s, bob = w.register(pid=owner.pid), Key()
    w.broker.acks = lambda conn, f: {"error": NOT_CONNECTED}
    if why == "parked":
        s.conn().close(4001, "kicked")
        s.wait_state("parked")
    if why == "no broker":
        w.broker.stop()
    if why == "asleep":
        w.daemon.kill("worker", s, signal.SIGSTOP)
        w.daemon.expected_errors.append("kill")
    s.send(bob.pub, "never to arrive", client_message_id="c1")
    s.send("*", "nor this one", client_message_id="c2")
    owner.close()
    wait_for(lambda: s.api.get("/v1/sessions/me").status == 401, 5)
    w.daemon.wait_log("session .*: ended", 20)
    wait_for(lambda: not w.daemon.processes("worker", s), 10)
    if why == "no broker":
        w.broker.start()
    again = w.register(session_id=s.session_id)
    for cid, to in ("c1", bob.pub), ("c2", "*"):
        row = row_of(again, cid)
        assert row["status"] == "dead"
        assert row["last_error"].startswith("sender_ended")
    notices = wait_for(lambda: (lambda i: len(i) == 2 and i)(
        [i for i in again.inbox() if i["subtype"] == "system"]), 10)
    for n in notices:
        assert n["sender_pubkey"] == "system" and n["authenticated"] is True
        assert "never to arrive" not in n["body"]
    assert any(bob.pub[:8] in n["body"] for n in notices)


def test_a_store_that_dies_at_that_moment(make, owner):
    """It is told again, until it has said that the rows are ended."""
    w = World(make, config=LINGER)
    s = w.register(pid=owner.pid)
    w.broker.acks = lambda conn, f: {"error": NOT_CONNECTED}
    s.send(Key().pub, "never to arrive", client_message_id="c1")
    w.broker.wait_sends(s.conn(), 1)
    store = w.daemon.kill("store", sig=signal.SIGSTOP)
    owner.close()
    w.daemon.wait_log("its rows are to end")
    # It has been told, and dies without having read it.
    w.daemon.kill("store")
    w.daemon.wait_restarted("store", store)
    w.daemon.wait_log("session .*: ended", 30)
    again = w.register(session_id=s.session_id)
    assert row_of(again, "c1")["status"] == "dead"
