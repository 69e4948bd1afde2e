"""Promise: while a foreign process has mesh.db locked, for 10 s here, whoever
asks is told so (503, Retry-After) and soon, the log names the process, nothing
that was answered is lost and nothing is acknowledged that is not stored; and
all goes on by itself when the lock is gone (delivery.md section 8, design.md
"What a compromised process gets").
"""

import subprocess
import sys
import time

from faults import all_done, cpu_of, pids_of
from harness import SLOW, Key
from harness.world import body_list, row_of

LOCKED = 10
BUSY_S = 4      # of processor time in all that while: nobody spins

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
db.execute("SELECT count(*) FROM outbox").fetchall()
print("locked", flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that has the file locked until it is closed."""

    def __init__(self, path):
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"locked\n"
        self.pid = self._process.pid

    def close(self):
        self._process.communicate()


def test_locked_for_10_s(world, make):
    daemon = world.daemon
    alice, bob = world.register("alice"), Key()
    conn = alice.conn()
    taken = ["before"]
    alice.api.send_until_taken(bob.pub, "taken before the lock", "before")
    world.broker.wait_sends(conn, 1)
    pids = pids_of(daemon)
    cpu = sum(map(cpu_of, pids.values()))
    holder = make.keep(Holder(daemon.state_dir / "store" / "mesh.db"))
    begun = time.monotonic()
    push = world.push(alice, "pushed while it is locked")
    conn.put(push)
    refused, slowest, n = 0, 0, 0
    while time.monotonic() < begun + LOCKED:
        asked = time.monotonic()
        # Every id twice: a refused one may come again.
        cid = f"during-{n // 2}"
        r = alice.api.send(bob.pub, f"sent while locked {n // 2}",
                           client_message_id=cid)
        slowest = max(slowest, time.monotonic() - asked)
        assert r.status == 503, r
        assert r.error == "store_busy" and len(r.json["detail"]) > 20
        assert 1 <= int(r.headers["Retry-After"]) <= 60
        refused, n = refused + 1, n + 1
    assert refused >= 3
    assert slowest < 5 * SLOW
    # What reads only goes on, and nobody is told what is not so.
    assert row_of(alice, "before")["status"] in ("done", "inflight")
    assert conn.of("client_ack") == [] and not conn.closed
    assert sum(map(cpu_of, pids.values())) - cpu < BUSY_S * SLOW
    daemon.wait_log(rf"locked by process {holder.pid}\b", 1)
    holder.close()

    for i in range((n + 1) // 2):
        alice.api.send_until_taken(bob.pub, f"sent while locked {i}",
                                   f"during-{i}", deadline=10)
        taken.append(f"during-{i}")
    world.broker.wait_frame(
        conn, "client_ack",
        lambda f: f.get("brokerMessageId") == push["messageId"])
    all_done(alice, taken)
    assert sorted(f["client_message_id"] for f in world.broker.sends) == \
        sorted(taken)
    assert body_list(alice) == ["pushed while it is locked"]
    assert pids_of(daemon) == pids      # nobody died of it
