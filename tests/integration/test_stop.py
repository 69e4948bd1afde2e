"""Promise: told to stop at any moment, meshsup ends at once and by itself,
its children told first, and starts nothing on the way (design.md,
"Configuration and places"; issue point 3).
"""

import contextlib
import http.client
import os
import signal
import threading

import pytest

from harness import Key, wait_for
from harness.daemon import Session
from harness.world import World, row_of, same


@pytest.mark.parametrize("seen", [
    "meshsup.pid", "daemon.sock", "broker.db", "store.lock", "mesh.db"])
def test_told_to_stop_while_starting(make, seen):
    """Just when one of the processes has made that file."""
    d = make.daemon(start=False)
    run = d.keeper.spawn(d.argv("start", "--foreground"), d.env)
    wait_for(lambda: any(seen in files for _, _, files in os.walk(d.root)),
             20, seen, interval=0.0005)
    os.kill(run.pid, signal.SIGTERM)
    run.wait(10)
    assert "did not stop in time" not in run.err
    d.wait_gone(5)


# --- what is under way when it is told to stop ---

def stopping(daemon):
    """meshsup stop, under way, and the daemon knows."""
    run = daemon.keeper.spawn(daemon.argv("stop"), daemon.env)
    wait_for(lambda: daemon.api().get("/v1/status").json["state"]
             == "stopping", 10, "it is not stopping")
    return run


def test_unanswered_sends_are_awaited(make):
    """issue, "`meshsup stop` drains".  No new send is accepted meanwhile; reading goes on."""
    w = World(make)
    s, bob = w.register(), Key()
    conn = s.conn()
    w.broker.acks = "hold"
    s.api.send(bob.pub, "under way", client_message_id="c-1")
    frame, = w.broker.wait_sends(conn, 1)
    # To the same recipient: it is not begun any more.
    s.api.send(bob.pub, "later", client_message_id="c-2")
    run = stopping(w.daemon)
    for path, body in (("/v1/send", {"to": bob.pub, "message": "new"}),
                       ("/v1/sessions/register", s.body())):
        r = s.api.post(path, body)
        assert r.status == 503 and r.json["error"] == "stopping", r
        assert int(r.headers["Retry-After"]) > 0
    assert s.api.get("/v1/inbox").status == 200
    assert s.api.get("/v1/health").status == 200
    conn.ack(frame)
    assert run.wait(20) == 0, run.err
    w.daemon.wait_gone()
    w.broker.acks = "auto"
    w.daemon.start()
    s.api.close()
    wait_for(lambda: row_of(s, "c-2")["status"] == "done", 15)
    assert row_of(s, "c-1")["status"] == "done"
    assert [f["id"] for f in w.broker.sends] == ["c-1", "c-2"]


def test_what_stays_unanswered_is_sent_again(make):
    """At most drain_timeout long is waited."""
    w = World(make, config="[daemon]\ndrain_timeout = 1s\n")
    s, bob = w.register(), Key()
    conn = s.conn()
    w.broker.acks = "hold"
    s.api.send(bob.pub, "under way", client_message_id="c-1")
    first, = w.broker.wait_sends(conn, 1)
    run = stopping(w.daemon)
    assert run.wait(20) == 0, run.err
    w.daemon.wait_gone()
    assert any("still unanswered" in x["msg"] for x in w.daemon.log())
    w.broker.acks = "auto"
    w.daemon.start()
    s.api.close()
    wait_for(lambda: row_of(s, "c-1")["status"] == "done", 15)
    assert all(same(f, first) for f in w.broker.sends)


def stop_a_starting_worker(w):
    """SIGSTOP a session's worker before it has said that it is ready: its
    pid, and the thread that registers the session."""
    sup = w.daemon.pid("supervisor")

    def fresh(known):
        for pid in set(os.listdir("/proc")) - known:
            with contextlib.suppress(OSError, ValueError):
                with open(f"/proc/{pid}/stat") as f:
                    if int(f.read().rsplit(")", 1)[1].split()[1]) == sup:
                        return int(pid)
        return None

    def register(s):
        with contextlib.suppress(OSError, http.client.HTTPException):
            w.daemon.api().post("/v1/sessions/register", s.body())

    for i in range(20):
        s = Session(w.daemon, f"starting-{i}", "acme", {})
        known = set(os.listdir("/proc"))
        t = threading.Thread(target=register, args=(s,))
        t.start()
        pid = wait_for(lambda: fresh(known), 10, "no worker",
                       interval=0.0002)
        os.kill(pid, signal.SIGSTOP)
        if any(p["pid"] == pid and p["state"] == "starting"
               for p in w.daemon.processes("worker")):
            return pid, t
        os.kill(pid, signal.SIGCONT)
        t.join()
    pytest.skip("every worker was faster than the test")


def test_a_worker_that_starts_meanwhile_is_no_wait(make):
    """It begins nothing, and there is nothing of it to wait for."""
    w = World(make, config="[daemon]\ndrain_timeout = 300s\n")
    s, bob = w.register(), Key()
    conn = s.conn()
    w.broker.acks = "hold"
    s.api.send(bob.pub, "under way", client_message_id="c-1")
    frame, = w.broker.wait_sends(conn, 1)
    pid, t = stop_a_starting_worker(w)
    run = stopping(w.daemon)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: any(p["pid"] == pid and p["state"] == "running"
                         for p in w.daemon.processes("worker")), 20)
    conn.ack(frame)
    assert run.wait(20) == 0, run.err
    w.daemon.wait_gone()
    t.join()


def test_told_twice_it_stops_at_once(make):
    w = World(make, config="[daemon]\ndrain_timeout = 300s\n")
    s = w.register()
    conn = s.conn()
    w.broker.acks = "hold"
    s.api.send(Key().pub, "under way")
    w.broker.wait_sends(conn, 1)
    stopping(w.daemon)
    os.kill(w.daemon.pid("supervisor"), signal.SIGTERM)
    w.daemon.wait_gone(5)


def test_nothing_under_way_is_no_wait(make):
    w = World(make, config="[daemon]\ndrain_timeout = 300s\n")
    w.register()
    w.daemon.stop()
